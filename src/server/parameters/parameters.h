/*
 * The search parameters of a server: those of the definitions, and those of its own SearchParameter resources, which
 * are read from the store whenever one of them changes. A parameter that is new is first indexed, by a thread that
 * gives all current resources their rows while the server goes on, and only then asked for.
 *
 * Whoever reads queries or writes resources takes a set, uses it for the whole of its work, and gives it back. A set
 * never changes; indexing waits until nobody uses an older one, so that nothing is written without the new rows. With
 * several processes on one database each reads the sets by itself when it is told of a change; what one has prepared by
 * an older set is refused by the store and prepared again, and one process at a time indexes for all. Any thread.
 */
#ifndef FIRTH_SERVER_PARAMETERS_PARAMETERS_H
#define FIRTH_SERVER_PARAMETERS_PARAMETERS_H

#include "fhir/resource.h"
#include "store/store.h"

struct parameters;
struct parameter_set {
	const struct extractor *extractor; /* of all, for what is written */
	const struct search_registry *registry; /* those that may be asked for */
	const struct search_registry *adding; /* all, when some may not be asked for yet; else NULL */
	struct str revision; /* for transactions whose rows come from it: struct store_txn */
};

struct parameters_options {
	const struct definitions *definitions;
	struct store *store;
	struct str base; /* own base URL, for references to ourselves */
	bool writable; /* resources are written meanwhile: with the rows of these sets */
	bool indexing; /* index what is new, in a thread of its own, and watch the store for changes; writable as well
			*/
};
struct parameters *parameters_open(const struct parameters_options *options, struct error *err) MUST_USE;
/* Every set must have been given back. */
void parameters_close(struct parameters *p);

/* The set of this moment: all changes that are durable are in it. NULL with an error. */
const struct parameter_set *parameters_use(struct parameters *p, struct error *err);
void parameters_done(struct parameters *p, const struct parameter_set *set);
/* A transaction was refused as stale: the next set is read from the store, although nobody has told yet. */
void parameters_stale(struct parameters *p);
/* "120 of 5000 resources are done": how far the set's new parameters are. */
struct str parameters_progress(struct parameters *p, struct arena *a);

/* May the resource be stored under that id? ERR_BUSINESS_RULE says why not. *ret_note: a line on what becomes of it,
 * in a. */
bool parameters_check(struct parameters *p, const struct parameter_set *set, struct arena *a,
		      const struct json *resource, struct str id, struct str *ret_note, struct error *err) MUST_USE;

enum parameter_standing {
	PARAMETER_UNKNOWN, /* there is no such resource */
	PARAMETER_INACTIVE, /* its status is not active */
	PARAMETER_REPEATS, /* nothing but what the server has anyway */
	PARAMETER_REFUSED, /* it came in without a check, and does not do */
	PARAMETER_INDEXING,
	PARAMETER_SERVED
};
struct parameter_state {
	enum parameter_standing standing;
	int64_t done, total; /* resources; PARAMETER_INDEXING. total -1: not begun */
	struct str text; /* one line for people */
};
bool parameters_state(struct parameters *p, struct arena *a, struct str id, struct parameter_state *ret_state,
		      struct error *err) MUST_USE;

/* After the whole store was indexed anew with the set's extractor: nothing is open any more. */
bool parameters_settle(struct parameters *p, struct error *err) MUST_USE;

#endif
