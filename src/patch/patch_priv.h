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
struct node *patch_node_new(struct edit *e, enum json_type type) MUST_USE; /* an empty object or array, or null */
bool node_open(struct edit *e, struct node *node) MUST_USE;
bool node_insert(struct edit *e, struct node *parent, size_t at, struct str key, struct node *child) MUST_USE;
void node_remove(struct node *parent, size_t at);
/* A copy that shares nothing that can change. */
struct node *patch_node_copy(struct edit *e, const struct node *node) MUST_USE;

/* Of an opened object: the position of a member, STR_NONE when there is none. */
size_t node_find(const struct node *object, struct str key);
/* Levels of nesting: 0 for a scalar. */
bool node_depth(struct edit *e, const struct node *node, unsigned *ret_depth) MUST_USE;
/* The same value: numbers by value, objects in any order. False in *ret_equal when not; false when too much work. */
bool node_equal(struct edit *e, struct node *a, const struct json *b, bool *ret_equal) MUST_USE;

void node_write(struct json_writer *w, const struct node *node);
/* The tree as a document in the arena. */
const struct json *node_finish(struct edit *e, const struct node *root) MUST_USE;

/* Counts work against the limit. */
bool edit_work(struct edit *e, size_t n) MUST_USE;

/* ---- FHIR elements (element.c) ---------------------------------------------------------------------------------- */

struct fhir_type;
struct fhir_element;
struct definitions;

/* What an element holds: the value of a primitive and its id and extensions, or an object as value alone. NULL: absent.
 */
struct content {
	struct node *value, *twin;
};

/* An element of an object: one by its name, or an item of a list. */
struct spot {
	struct node *object; /* opened */
	const struct fhir_type *owner; /* of the object; NULL: not known, then new members come last */
	struct str name; /* as in JSON, without underscore */
	size_t index; /* STR_NONE: no list */
};

/* Makes the element what the content says; an empty one takes it away. An item of a list must exist. */
bool spot_put(struct edit *e, const struct spot *spot, const struct content *content) MUST_USE;
/* Inserts an item into a list at spot->index, making the list when it is not there. index past the end: at the end. */
bool spot_insert(struct edit *e, const struct spot *spot, const struct content *content) MUST_USE;
/* Moves an item of a list so that it has the other index afterwards. */
bool spot_move(struct edit *e, const struct spot *spot, size_t to) MUST_USE;

/* Takes away what is empty on the way from root along the steps. */
bool prune(struct edit *e, struct node *root, const struct json_step *steps, size_t count) MUST_USE;

/* The element of a type for a name as FHIRPath or JSON has it: "value" with the suffix "Quantity", "value[x]",
 * "valueQuantity", "birthDate". *ret_name is the name in JSON. NULL when there is none. */
const struct fhir_element *element_by_name(struct arena *a, const struct fhir_type *owner, struct str name,
					   struct str suffix, const struct fhir_type **ret_type, struct str *ret_name);

#endif
