/*
 * $everything as a walk in two parts over one snapshot: the compartments of one or more resources, one after the other,
 * then what the found resources refer to outside of them. A place on the walk is a few bytes that pages carry.
 */
#ifndef FIRTH_SERVER_REST_OPERATIONS_EVERYTHING_H
#define FIRTH_SERVER_REST_OPERATIONS_EVERYTHING_H

#include "server/rest/operations/results.h"

struct everything_root {
	const struct fhir_type *type;
	struct str id;
	bool compartment; /* the type has one that is walked; otherwise the resource stands for itself */
};

struct everything {
	struct operation_call *op;
	struct everything_root *roots;
	size_t root_count;
	struct str types; /* _type: a comma list, or STR_NULL */
	struct str since, start, end;
	int64_t snapshot; /* 0: not known yet */
};

/* A page of what is in the compartment of a root, at most max: position as of store_search(). */
bool everything_find(struct everything *e, struct arena *a, const struct everything_root *root, struct str position,
		     size_t max, struct store_page *ret_page, struct error *err) MUST_USE;
/* Resources of a type by their ids, at the snapshot. */
bool everything_read(struct everything *e, struct arena *a, const struct fhir_type *type, const struct str *ids,
		     size_t count, struct store_page *ret_page, struct error *err) MUST_USE;
/* May the caller have this type, and does _type ask for it? */
bool everything_wants(const struct everything *e, const struct fhir_type *type);

/* What the resources of the walk refer to outside of it, each once, in a fixed order for the same snapshot. */
bool everything_supports(struct everything *e, struct results *ret_results, struct error *err) MUST_USE;

#endif
