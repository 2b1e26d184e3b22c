/* The tree that plan.c builds and walk.c follows; extract.c keeps the plans. */
#ifndef FIRTH_SEARCH_PLAN_PRIV_H
#define FIRTH_SEARCH_PLAN_PRIV_H

#include "search/search_priv.h"

enum { EDGE_SLOTS = 128 };

struct plan_node {
	const struct fhir_type *type;
	const struct fhir_element *element;
	struct plan_edge *edges;
	size_t edge_count, edge_capacity;
	struct leaf *leaves;
	size_t leaf_count, leaf_capacity;
	struct plan_guard *guards;
	size_t guard_count, guard_capacity;
	unsigned counted; /* position in extraction.counts + 1 when a composite repeats over this element: rows below
			   * tell which one they are of */
	unsigned char slots[EDGE_SLOTS]; /* position in edges + 1, by hash of the property */
};

struct plan_edge {
	struct str property;
	struct plan_node *node;
};

enum guard_kind { GUARD_MEMBER, GUARD_RESOLVES, GUARD_CONDITION };

/* A sub-tree that looks at the same value, but only when a condition holds. */
struct plan_guard {
	enum guard_kind kind;
	struct str member, text; /* GUARD_MEMBER: this property is a string equal to text */
	const struct fhir_type *type; /* GUARD_RESOLVES: the reference is to a resource of this type */
	const struct path_program *program; /* that condition is of */
	const struct path_node *condition; /* GUARD_CONDITION, and GUARD_RESOLVES for contained resources */
	struct plan_node *node;
};

struct plan_program {
	const struct search_param *param;
	bool paired;
	const struct path_program *program;
};

/* Every parameter that gives rows has its compiled expression here, in the order of the type's parameters. */
struct plan {
	struct arena arena;
	const struct definitions *definitions;
	const struct search_registry *registry;
	size_t counted; /* nodes that are */
	const struct fhir_type *type;
	struct plan_node *root;
	struct plan_program *programs;
	size_t program_count, program_capacity;
	const struct path_program **compiled; /* by position of the parameter in its type; NULL: gives no rows */
	const struct path_program *program; /* while building */
	struct error *err; /* the same */
};

/* Where the search for a property begins in the slots of a node; property is not empty. */
unsigned plan_hash(struct str property);
/* The node behind an edge, or NULL. */
struct plan_node *plan_edge_find(const struct plan_node *node, struct str property);

#endif
