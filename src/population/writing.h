/*
 * Writing one resource to an EHR. Before anything is sent the plan is made: does the vendor let clients write this, by
 * which rules, and if not, what is the nearest thing that it takes. Then each step is sent by one protocol: look into
 * the ledger, read the version, write, read back, compare, and tell what the EHR changed without a word.
 *
 * Making a plan and comparing are pure. Sending uses the client's thread and the store's ledger.
 */
#ifndef FIRTH_POPULATION_WRITING_H
#define FIRTH_POPULATION_WRITING_H

#include "ehr/ehr.h"
#include "store/store.h"

enum writing_op { WRITING_CREATE = 1, WRITING_UPDATE = 2, WRITING_PATCH = 4, WRITING_DELETE = 8 };
const char *writing_op_name(enum writing_op op);
/* What the vendor lets clients do with a type, as a set; a generic server: everything, it will say. */
unsigned writing_allowed(enum ehr_vendor vendor, struct str type);
/* The interactions that a server's own capability statement names for a type. */
unsigned writing_stated(const struct json *capabilities, struct str type);

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

struct writing_note {
	struct str path; /* "Observation.performer", or STR_NULL */
	struct str text;
	struct writing_note *next;
};
struct writing_step {
	enum writing_op op;
	struct str type, id; /* id STR_NULL: a create */
	struct str version; /* the file was made from this one; STR_NULL: it does not say */
	bool unchecked; /* the vendor's rules are not looked at */
	struct str body; /* what it is to say afterwards; a delete has none */
	struct str patch; /* of WRITING_PATCH: the operations themselves; STR_NULL: made from the body */
};
enum { WRITING_STEPS_MAX = 64 };
struct writing_plan {
	struct writing_step steps[WRITING_STEPS_MAX];
	size_t count; /* 0: nothing can be written */
	bool nearest; /* the steps are not what was asked for, but the nearest thing that the EHR takes */
	struct str reason; /* why it cannot be written as it is, one sentence; STR_NULL: it can */
	struct writing_note *notes; /* rules that it breaks, and hints */
};
struct writing_options {
	const struct definitions *definitions;
	enum ehr_vendor vendor;
	struct str ehr; /* its name: ids and references with it in front are ours, and become theirs */
	unsigned site; /* what the site's capability statement adds for the type (writing_stated) */
	bool create; /* even though the resource has an id */
	bool exact; /* nothing but what was asked for */
	bool unchecked; /* whatever the vendor's tables and rules say */
};
/* ERR_VALUE when it is no resource, ERR_MEMORY. */
bool writing_plan_make(const struct writing_options *options, struct arena *a, const struct json *resource,
		       struct writing_plan *ret_plan, struct error *err) MUST_USE;

/* The plan for a JSON Patch of a resource as the EHR shows it: the operations where the vendor takes patches, the whole
 * patched resource where it takes updates only (nearest). ERR_PATCH when it does not apply. */
bool writing_plan_patch(const struct writing_options *options, struct arena *a, const struct json *shown,
			struct str patch, struct writing_plan *ret_plan, struct error *err) MUST_USE;
/* The plan to delete one. */
bool writing_plan_delete(const struct writing_options *options, struct arena *a, struct str type, struct str id,
			 struct writing_plan *ret_plan, struct error *err) MUST_USE;

/* ---- comparing --------------------------------------------------------------------------------------------------- */

enum writing_change { WRITING_DROPPED, WRITING_CHANGED, WRITING_ADDED };
struct writing_difference {
	enum writing_change change;
	struct str path, sent, shown;
	const char *known; /* what this vendor is known to do there, or NULL */
};
struct writing_differences {
	struct writing_difference *items;
	size_t count, capacity;
	size_t surprising; /* dropped or changed, and not known of the vendor */
};
/* What was sent against what the EHR shows. id, meta and narrative are its own; lists are compared without their order,
 * times as instants, references without the server's address. */
bool writing_compare(const struct definitions *d, enum ehr_vendor vendor, struct arena *a, const struct json *sent,
		     const struct json *shown, struct writing_differences *ret_differences, struct error *err) MUST_USE;

/* ---- sending ----------------------------------------------------------------------------------------------------- */

enum writing_result {
	WRITING_CREATED,
	WRITING_UPDATED,
	WRITING_DELETED,
	WRITING_UNCHANGED, /* it says so already */
	WRITING_CONFLICT, /* someone changed it in between: nothing was written */
	WRITING_REFUSED,
	WRITING_FAILED
};
const char *writing_result_name(enum writing_result result);

struct writing_outcome {
	enum writing_result result;
	struct str id, version; /* at the EHR */
	bool read_back; /* it was read again */
	bool guarded; /* the EHR itself compared versions */
	struct writing_differences differences;
	struct str problem; /* one sentence, or STR_NULL */
	const char *undo; /* how it can be taken back: "delete", "mark as entered in error", "write the former content",
			   * "by people there" */
};
/* False only when the ledger cannot be used: then nothing was sent. The ledger (shelf "ledger" of the store) keeps what
 * was written and what stood there before. A write whose answer was lost is looked for before it is sent again, also by
 * a later run. now_ms is written into the ledger. */
bool writing_send(struct ehr_client *c, struct store *store, const struct definitions *d, struct arena *a,
		  const struct writing_step *step, int64_t now_ms, struct writing_outcome *ret_outcome,
		  struct error *err) MUST_USE;

/* ---- what was written -------------------------------------------------------------------------------------------- */

struct writing_record {
	struct str op, type, id, version; /* as the EHR answered */
	struct str undo; /* as in an outcome */
	struct str former; /* the content that an update replaced, or STR_NULL */
	int64_t at_ms;
	bool answered; /* false: it is not known whether it arrived */
};
/* Everything that was written to an EHR, newest first. */
bool writing_log(struct store *store, struct arena *a, struct str ehr, struct writing_record **ret_records,
		 size_t *ret_count, struct error *err) MUST_USE;

#endif
