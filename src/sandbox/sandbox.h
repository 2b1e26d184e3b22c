/*
 * EHR sandboxes: Firth's own FHIR server with a vendor's face, and a synthetic population. What a face does follows
 * public documentation and recordings; docs/sandbox.md says for each behaviour where it is known from.
 */
#ifndef FIRTH_SANDBOX_SANDBOX_H
#define FIRTH_SANDBOX_SANDBOX_H

#include "ehr/ehr.h"
#include "server/login/login.h"
#include "server/rest/rest.h"

struct sandbox_options {
	enum ehr_vendor vendor; /* EHR_EPIC or EHR_CERNER */
	const struct definitions *definitions;
	const struct extractor *extractor;
	struct store *store;
	struct str base_url; /* "http://127.0.0.1:8081": scheme, host, port */
	const struct smart_client *clients;
	size_t client_count;
	const struct str *allow_write; /* resource types opened by the site, such as "Flag" */
	size_t allow_write_count;
	bool no_auth; /* everything allowed without a token */
	const struct str *behaviours; /* "KEY=VALUE" of behaviours.def */
	size_t behaviour_count;
	const struct str *faults; /* "NAME" or "NAME=N" of faults.def */
	size_t fault_count;
	const struct login_user *users; /* who may sign in, and launch apps from /launcher */
	size_t user_count;
	struct str jobs_directory; /* of bulk files; STR_NULL: one that goes with the sandbox */
	struct str sign_in_hint; /* for the launch simulator; STR_NULL: none */
};
struct sandbox;
struct sandbox *sandbox_open(const struct sandbox_options *options, struct error *err) MUST_USE;
void sandbox_close(struct sandbox *s);
/* Handlers for the HTTP server. */
struct http_handler sandbox_handler(struct sandbox *s);
struct str sandbox_fhir_base(const struct sandbox *s); /* full URL */
struct str sandbox_token_url(const struct sandbox *s);
/* Lists faults and behaviours for people. */
void sandbox_describe(struct buf *out);

/* ---- loading ------------------------------------------------------------------------------------------------------
 */

/* What was loaded. Resources of types that the vendor does not have are skipped, ones that are not valid rejected. */
struct sandbox_loaded {
	struct arena arena;
	struct str *patients; /* ids, in the order of loading */
	size_t patient_count, patient_capacity;
	size_t resources, skipped, rejected;
	struct error first_rejection;
};
void sandbox_loaded_init(struct sandbox_loaded *total);
void sandbox_loaded_done(struct sandbox_loaded *total);
/* One Bundle of any kind, all of it in one transaction, ids and links in the vendor's form. May be called while the
 * sandbox serves, by one thread. */
bool sandbox_load(struct sandbox *s, struct str bundle, struct sandbox_loaded *total, struct error *err) MUST_USE;
struct synthetic_options;
bool sandbox_load_synthetic(struct sandbox *s, const struct synthetic_options *options, struct sandbox_loaded *total,
			    struct error *err) MUST_USE;
/* A Group of all patients loaded, as sites build for bulk export; its id is the same in every sandbox of a vendor. */
bool sandbox_load_group(struct sandbox *s, struct sandbox_loaded *total, struct error *err) MUST_USE;
struct str sandbox_group_id(struct sandbox *s, struct arena *a);

/* Turns a resource with any ids into one that this vendor could hold: ids of its form (stable per input id), references
 * following, codings in its order. For loading Synthea or synthetic patients into a sandbox. A single resource does not
 * know what its references lead to: urn: references stay as they are and no display is added. */
bool sandbox_adapt(enum ehr_vendor vendor, struct arena *a, const struct json *resource, struct buf *out,
		   struct error *err) MUST_USE;
/* The same for every resource of a Bundle, with links between them resolved (urn:uuid included) and displays added.
 * Text given to emit is valid until it returns; false stops. */
typedef bool (*sandbox_emit)(void *ctx, struct str type, struct str id, struct str resource, struct error *err);
bool sandbox_adapt_bundle(enum ehr_vendor vendor, struct arena *a, const struct json *bundle, sandbox_emit emit,
			  void *ctx, struct error *err) MUST_USE;

/* ---- synthetic patients ----------------------------------------------------------------------------------------- */

struct synthetic_options {
	uint64_t seed; /* the same seed and tables give the same bytes */
	unsigned patients;
	int64_t today_ms; /* ages and dates are relative to it */
	enum ehr_vendor actors; /* first the test patients of this vendor's public sandbox; EHR_GENERIC: none */
};
/* Calls emit once per patient with a collection Bundle: Patient, Encounters, Conditions, MedicationRequests,
 * AllergyIntolerances, Observations, linked by relative references. emit returns false to stop. */
bool synthetic_population(const struct synthetic_options *options,
			  bool (*emit)(void *ctx, struct str bundle, struct error *err), void *ctx,
			  struct error *err) MUST_USE;

#endif
