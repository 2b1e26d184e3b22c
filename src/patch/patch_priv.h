/*
 * A document that can be changed: a tree whose untouched parts are still the immutable document. A node is opened, that
 * is, given children of its own, only when something below it changes.
 */
#ifndef FIRTH_PATCH_PATCH_PRIV_H
#define FIRTH_PATCH_PATCH_PRIV_H

#include "patch/patch.h"

struct node {
	enum json_type type;
	const struct json *source; /* untouched: the whole value; NULL: the children are */
	struct child *children; /* of an object or array */
	size_t count, capacity;
};

struct child {
	struct str key; /* STR_NULL in arrays */
	struct node *node;
};

/* One run of a patch. */
struct edit {
	struct arena *arena;
	struct error *err;
	size_t work; /* nodes looked at by comparing, copying and measuring */
};

/* All of these return NULL or false with an error for lack of memory. */
struct node *node_wrap(struct edit *e, const struct json *source) MUST_USE;
struct node *node_new(struct edit *e, enum json_type type) MUST_USE; /* an empty object or array, or null */
bool node_open(struct edit *e, struct node *node) MUST_USE;
bool node_insert(struct edit *e, struct node *parent, size_t at, struct str key, struct node *child) MUST_USE;
void node_remove(struct node *parent, size_t at);
/* A copy that shares nothing that can change. */
struct node *node_copy(struct edit *e, const struct node *node) MUST_USE;

/* Of an opened object: the position of a member, STR_NONE when there is none. */
size_t node_find(const struct node *object, struct str key);
/* Levels of nesting: 0 for a scalar. */
bool node_depth(struct edit *e, const struct node *node, unsigned *ret_depth) MUST_USE;
/* The same value: numbers by value, objects in any order. False in *ret_equal when not; false when too much work. */
bool node_equal(struct edit *e, struct node *a, const struct json *b, bool *ret_equal) MUST_USE;

/* The tree as a document in the arena. */
const struct json *node_finish(struct edit *e, const struct node *root) MUST_USE;

/* Counts work against the limit. */
bool edit_work(struct edit *e, size_t n) MUST_USE;

#endif
