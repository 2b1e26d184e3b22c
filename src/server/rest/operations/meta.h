/* Tags, profiles and security labels of resources: joined, taken away, written. */
#ifndef FIRTH_SERVER_REST_OPERATIONS_META_H
#define FIRTH_SERVER_REST_OPERATIONS_META_H

#include "server/rest/operations/operations.h"

enum meta_kind { META_PROFILE, META_SECURITY, META_TAG, META_KINDS };

/* One entry: a profile's canonical, or a Coding. */
struct meta_entry {
	struct str profile; /* META_PROFILE */
	const struct json *coding; /* the others */
};
struct meta_set {
	struct arena *arena;
	struct meta_entry *entries[META_KINDS];
	size_t count[META_KINDS], capacity[META_KINDS];
};

/* Adds what a Meta has and the set has not. Codings are the same when system and code are. ERR_LIMIT past 1,000 of a
 * kind. */
bool meta_add(struct meta_set *set, const struct json *meta, struct error *err) MUST_USE;
void meta_remove(struct meta_set *set, const struct json *meta);
/* The three lists as members of an open object. */
void meta_put(struct json_writer *w, const struct meta_set *set);
/* The answer: Parameters with the Meta named return. */
void meta_answer(struct buf *out, const struct meta_set *set);

/* Changes the meta of the resource that the URL names: a new version, unless nothing changes. */
bool meta_change(struct operation_call *op, bool remove, struct rest_answer *answer, struct error *err) MUST_USE;

#endif
