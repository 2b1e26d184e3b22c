/*
 * What a token may see and change. Scopes, the patient they are about, the site's policy and consents become, for each
 * type and each permission, one criterion that resources must meet. The store applies it to searches, so that bodies,
 * totals, pages, chains, includes and guards are right by construction; single resources are judged by access_meets().
 * What does not meet it does not exist for whoever asks.
 *
 * A pass is what one grant comes to. It is compiled as far as it is used, kept as long as anyone uses it, and shared by
 * all tokens whose grants are alike. Any thread.
 */
#ifndef FIRTH_SERVER_ACCESS_ACCESS_H
#define FIRTH_SERVER_ACCESS_ACCESS_H

#include "search/search.h"
#include "server/decision/decision.h"
#include "server/smart/scope.h"
#include "store/store.h"

struct access;
struct access_pass;

/* A rule of the site's policy. Lists are separated by spaces; STR_NULL: not said. docs/access.md tells the meaning. */
struct access_rule {
	struct str name;
	struct str effect; /* "permit" (also when not said), "deny", "mask" */
	struct str roles, users, clients; /* whom it is about: one of each list that is given */
	struct str contexts; /* of scopes: "user", "patient", "system" */
	struct str types; /* of resources; not said: all */
	struct str interactions; /* of "create", "read", "update", "delete", "search"; not said: all */
	struct str where; /* a search query: which resources; may hold {fhirUser}, {fhirUser.id}, {patient}, {user} */
	struct str within; /* "fhirUser" or "patient": in whose compartment */
	struct str mask; /* "Patient.telecom": elements that are hidden */
	bool absolute; /* breaking the glass does not lift it */
};

struct access_options {
	const struct definitions *definitions;
	struct store *store; /* which chains of filters look into; lives longer */
	struct str base; /* own base URL */
	const struct access_rule *rules; /* live as long as the access */
	size_t rule_count;
	struct str break_glass; /* roles that may; STR_NULL: nobody */
	struct str consent; /* contexts of scopes, such as "user patient", to which Consents apply; STR_NULL: none */
};
struct access *access_open(const struct access_options *options, struct error *err) MUST_USE;
/* After every pass was left. */
void access_close(struct access *access);

/* The pass of a grant; left by access_leave(). NULL with an error. broken: the glass is, so that rules that are not
 * absolute do not hold for reading and searching; access_may_break() said that it may be. */
struct access_pass *access_enter(struct access *access, const struct grant *grant, bool broken,
				 struct error *err) MUST_USE;
bool access_may_break(const struct access *access, const struct grant *grant);
void access_leave(struct access_pass *pass);

/* What resources of the type must meet for the permission (one bit of enum scope_permission). NULL: nothing, all may
 * be. access_is_nothing(): none may be, as without a scope. Valid as long as the pass. */
const struct criterion *access_criterion(struct access_pass *pass, const struct fhir_type *type, unsigned permission);
bool access_is_nothing(const struct criterion *c);
/* Is at least something of the type allowed by each of the permissions? */
bool access_allows(struct access_pass *pass, const struct fhir_type *type, unsigned permissions);
/* The same, noting in the decision (may be NULL) which scope it is by, or refusing with what is missing. */
bool access_require(struct access_pass *pass, const struct fhir_type *type, unsigned permissions, struct decision *d,
		    struct error *err) MUST_USE;
/* Is all of the type? */
bool access_is_whole(struct access_pass *pass, const struct fhir_type *type, unsigned permissions);

/* For searches: types are found by the permission to search, and included by that to read or to search. */
const struct search_access *access_search(struct access_pass *pass);

/* A resource that is judged. */
struct access_subject {
	const struct fhir_type *type;
	struct str id;
	int64_t updated_ms;
	struct str body; /* JSON, stored or served; read only if it must be */
	/* Filled in when they are needed, or given: */
	const struct json *tree;
	const struct index_rows *rows;
};
struct access_judge {
	struct arena *arena;
	const struct extractor *extractor;
};
/* Does the subject meet the criterion (NULL: it does)? False only on failure. */
bool access_meets(struct access_pass *pass, const struct access_judge *judge, const struct criterion *c,
		  struct access_subject *subject, bool *ret_meets, struct error *err) MUST_USE;

/* Why the subject, which does not meet the criterion, is not there for the caller: into the decision alone. */
void access_conceal(struct access_pass *pass, const struct access_judge *judge, struct access_subject *subject,
		    unsigned permission, struct decision *d);

/* Is the text after '?' of a scope one that can be enforced? A search of the type, or of every type it could be about
 * (NULL), by parameters of R4 alone, without what shapes a page. Fits struct smart_options. */
bool access_filter_check(void *access, struct arena *a, const struct fhir_type *type, struct str filter,
			 struct error *err) MUST_USE;

/* ---- masks ----------------------------------------------------------------------------------------------------------
 */

/* Are elements of the type, or of any (NULL), hidden from the caller? */
bool access_masks(const struct access_pass *pass, const struct fhir_type *type);
/* Does the parameter look at one of them? param NULL: at anything of the resource. */
bool access_masks_param(const struct access_pass *pass, const struct fhir_type *type, const struct search_param *param);
/* The resource without hidden elements and without narrative, labelled REDACTED; without what it contains if that is of
 * a type with hidden elements. As it is when nothing of it is hidden. Text in a. */
bool access_mask(const struct access_pass *pass, struct arena *a, const struct fhir_type *type, struct str body,
		 struct str *ret_body, struct error *err) MUST_USE;
/* The resource as it is to be written: what is hidden from the caller stays as it is in current. ERR_FORBIDDEN when the
 * resource brings a hidden element. */
const struct json *access_unmask(const struct access_pass *pass, struct arena *a, const struct fhir_type *type,
				 const struct json *resource, const struct json *current, struct error *err);

/* ---- reading bodies by bytes, which costs no parsing --------------------------------------------------------------
 */

/* Of a compact JSON object: the object that is the value of a member at its top, with what follows. STR_NULL: none. */
struct str access_peek_object(struct str body, struct str name);
/* The text of a string member of the object at the start of the text; escapes stay as they are. */
struct str access_peek_text(struct str object, struct str name);

#endif
