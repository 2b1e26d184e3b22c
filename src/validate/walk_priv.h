/* Shared by the files that make up the walk. */
#ifndef FIRTH_VALIDATE_WALK_PRIV_H
#define FIRTH_VALIDATE_WALK_PRIV_H

#include "validate/validate_priv.h"

enum { WALK_MAX_OVERLAYS = 24, WALK_MAX_DEPTH = 128 };

/* What profiles say on one element: nodes of their trees, besides the definition of the core type. */
struct overlays {
	const struct profile_element *at[WALK_MAX_OVERLAYS];
	size_t count;
};

/* Adds one unless it is there. More than fit are an error of the validation, not of the instance. */
void overlays_add(struct validation *v, struct overlays *o, const struct profile_element *e);

/* The members of one element of an object: "valueQuantity" and "_valueQuantity". */
struct slot {
	struct str key; /* as written, without the underscore */
	const struct json *value, *extra;
	const struct profile_type *type;
	size_t count; /* items: 0 absent */
};

/* One overlay's word on one child, with the slices that its items belong to. */
struct child_rule {
	size_t position;
	const struct profile_element *definition;
	const struct profile_element **slices; /* per item, NULL: in none; NULL array: not sliced */
	const struct child_rule *next;
};

/* ---- walk.c ---- */
/* n: parent, holder, name, index, value, extra are set; definition is what the parent's shape says. */
void walk_element(struct validation *v, struct node *n, const struct profile_type *type, const struct overlays *o);
/* One resource with a holder of its own. */
void walk_resource(struct validation *v, struct node *n, const struct holder *outer, const struct overlays *o);
/* The items of a slot as nodes: `struct slot_walk w = slot_walk(s); while (slot_next(&w, s, parent, definition, &n))`.
 */
struct slot_walk {
	struct json_iter values, extras;
	size_t index;
};
struct slot_walk slot_walk(const struct slot *s);
bool slot_next(struct slot_walk *w, const struct slot *s, const struct node *parent,
	       const struct profile_element *definition, struct node *ret_node);
const char *json_name_of(const struct json *j);

bool validator_has_rules(const struct validator *r, const struct fhir_type *type);
/* ---- keyed_list.c ---- */
/* The value of an element with json_key as a list; what is no object comes back as it is. */
const struct json *keyed_list(struct validation *v, const struct profile_element *e, const struct json *value);
/* ---- globals.c ---- */
void add_global_profiles(struct validation *v, const struct node *n, struct overlays *o);
/* ---- primitive.c ---- */
void check_primitive(struct validation *v, const struct node *n);
/* ---- values.c ---- */
void check_values(struct validation *v, const struct node *n, const struct profile_element *e);
bool value_equals(const struct json *value, const struct json *fixed);
bool value_matches(const struct json *value, const struct json *pattern);
/* ---- narrative_languages.c ---- */
void check_narrative_languages(struct validation *v, const struct node *n, const struct profile_element *e);
/* ---- slices.c ---- */
/* Which slice each item belongs to, and whether each slice has as many as it may. */
const struct profile_element **check_slices(struct validation *v, const struct node *parent, const struct slot *s,
					    const struct profile_element *core, const struct profile_element *e);
/* Does the item at a node belong to a slice? */
bool slice_takes(struct validation *v, const struct node *item, const struct profile_element *slice);
/* ---- binding.c ---- */
void check_binding(struct validation *v, const struct node *n, const struct profile_element *e);
void check_codes(struct validation *v, const struct node *n);
bool binding_holds(struct validation *v, const struct node *n, const struct profile_element *e);
/* ---- invariant.c ---- */
void check_constraints(struct validation *v, const struct node *n, const struct profile_element *e);
/* ---- extension.c ---- */
/* Finds the definition of an extension and adds its tree; says when it is unknown or in the wrong place. */
void check_extension(struct validation *v, const struct node *n, struct overlays *o);
/* ---- target.c ---- */
void check_targets(struct validation *v, const struct node *n, const struct profile_element *e,
		   const struct profile_type *type);
void check_canonical(struct validation *v, const struct node *n);
/* ---- conform.c ---- */
/* 1 conforms, 0 does not, -1 the profile is not at hand. */
int conforms_element(struct validation *v, const struct node *n, const struct profile_element *root);
int conforms_target(struct validation *v, const struct holder *from, const struct target *t, struct str profile,
		    const struct canonical *seen_from);
int conforms_home(struct validation *v, const struct holder *home, const struct json *resource,
		  const struct profile *p);
/* The fullUrl of a resource in a Bundle. */
struct str entry_url_of(struct validation *v, const struct json *bundle, const struct json *resource);
void entry_urls_done(struct validation *v);
/* The holder around a reference's target; NULL when it stands alone. */
const struct holder *target_home(const struct holder *from, const struct target *t);
bool type_derives(const struct validation *v, const struct fhir_type *type, struct str ancestor);

/* Which of an element's types a node is of; NULL: none. */
const struct profile_type *type_of_node(const struct validation *v, const struct node *n,
					const struct profile_element *e);
struct str node_type_name(const struct node *n);
/* Nodes at the end of a discriminator's path. */
struct nodes {
	struct node *at;
	size_t count, capacity;
};
bool follow_path(struct validation *v, const struct node *n, const struct discriminator *d, struct nodes *ret_nodes);
struct node *nodes_add(struct validation *v, struct nodes *list, const struct node *n);
/* The elements of a node by name, as nodes. */
void node_members(struct validation *v, const struct node *n, struct str name, struct nodes *into);
/* Makes a node know its type and shape, as the walk does. */
void node_describe(struct validation *v, struct node *n, const struct profile_type *type);

#endif
