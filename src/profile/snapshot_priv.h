/* The snapshot while it is made: a tree of elements whose facts point into the definitions they came from. */
#ifndef FIRTH_PROFILE_SNAPSHOT_PRIV_H
#define FIRTH_PROFILE_SNAPSHOT_PRIV_H

#include "profile/snapshot.h"

enum { SNAPSHOT_MAX_DEPTH = 40, SNAPSHOT_MAX_BASES = 40 };

struct snap_member {
	struct str key;
	const struct json *value;
};

struct snap_constraint {
	const struct json *json;
	struct str source; /* to write when the constraint does not say itself */
};

/* An element. Slices stand behind the element they slice, as its siblings. */
struct snap_node {
	struct str name; /* last part of the path: "value[x]" */
	struct str slice; /* STR_NULL: none */
	struct snap_member *members; /* all but id, path, sliceName and constraint */
	size_t member_count, member_capacity;
	struct snap_constraint *constraints;
	size_t constraint_count, constraint_capacity;
	struct snap_node *parent, *first, *last, *next;
	const struct json *origin; /* of a node of a differential: the element; NULL when only its children are there */
	struct snap_node *pristine; /* as the base has it: what new slices are made from */
	bool own; /* introduced by a specialization */
};

/* A structure whose tree was made already. */
struct snap_known {
	const struct json *profile;
	struct snap_node *root;
	struct snap_known *next;
};

struct snap {
	struct arena *a;
	const struct canonicals *set;
	struct issues *problems;
	struct snap_known *known;
	const struct json *making[SNAPSHOT_MAX_BASES]; /* bases and types on the way, against circles */
	size_t making_count;
	size_t node_count;
	const struct json *literals; /* what is not in any definition, see literal() */
};

/* What is being worked on: one StructureDefinition. */
struct snap_job {
	struct snap *s;
	const struct json *profile;
	const struct canonical *from;
	struct str url;
	const struct json *base; /* its StructureDefinition */
	bool specialization;
};

/* snapshot_tree.c */
struct snap_node *node_new(struct snap *s, struct str name, struct str slice, struct error *err) MUST_USE;
void node_append(struct snap_node *parent, struct snap_node *child);
void node_insert_after(struct snap_node *where, struct snap_node *child);
/* A copy with all below it; the slice STR_NULL. */
struct snap_node *node_copy(struct snap *s, const struct snap_node *from, struct error *err) MUST_USE;
/* Copies the children of one node to the end of another's. */
bool node_copy_children(struct snap *s, const struct snap_node *from, struct snap_node *to, struct error *err) MUST_USE;
const struct json *node_get(const struct snap_node *n, struct str key);
bool node_set(struct snap *s, struct snap_node *n, struct str key, const struct json *value,
	      struct error *err) MUST_USE;
void node_unset(struct snap_node *n, struct str key);
/* "Patient.name:official.given". */
struct str node_id(struct snap *s, const struct snap_node *n);
/* The tree of a list of elements. */
struct snap_node *tree_read(struct snap *s, const struct json *elements, struct error *err) MUST_USE;
/* The tree of a differential: parents that are only implied are nodes without origin; nodes keep no members. */
struct snap_node *tree_read_differential(struct snap *s, const struct json *elements, struct error *err) MUST_USE;
struct snap_node *snapshot_node_child(const struct snap_node *parent, struct str name, struct str slice);
/* The type of "valueQuantity" as a form of "value[x]"; STR_NULL when it is none. */
struct str choice_type(struct str choice, struct str name);

/* snapshot_merge.c: what an element of a differential says, into the element. fresh: a new slice. */
bool merge_element(const struct snap_job *job, struct snap_node *into, const struct json *element, bool fresh,
		   struct error *err) MUST_USE;
/* The root of a profile on the type, below what the element says itself. */
bool merge_type_profile(const struct snap_job *job, struct snap_node *into, const struct snap_node *root,
			bool take_cardinality, struct error *err) MUST_USE;
bool add_constraint(struct snap *s, struct snap_node *n, const struct json *constraint, struct str source,
		    struct error *err) MUST_USE;
void problem(const struct snap_job *job, const struct snap_node *n, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A value that no definition has: "zero", "extensionSlicing", "choiceSlicing". */
const struct json *literal(struct snap *s, struct str name);

/* snapshot_apply.c */
bool apply_differential(const struct snap_job *job, struct snap_node *root, const struct snap_node *differential,
			struct error *err) MUST_USE;

/* snapshot.c: the tree of a StructureDefinition, by its snapshot or generated. Shared: copy before changing. */
const struct snap_node *tree_of(struct snap *s, const struct json *profile, const struct canonical *from,
				struct error *err) MUST_USE;
/* The same by canonical, or by the name of a core type. */
const struct snap_node *tree_of_canonical(struct snap *s, struct str canonical, const struct canonical *from,
					  struct error *err) MUST_USE;

/* snapshot_write.c */
void snapshot_write(struct buf *out, struct snap *s, const struct json *profile, const struct snap_node *root);

#endif
