/*
 * Plans: what to look at in a resource of one type so that one walk over its JSON finds the values of all search
 * parameters. The expressions are followed over the definitions when the plan is made; each element on the way becomes
 * a node of a tree, choices become one edge per JSON property, where() and extension() become guarded sub-trees. So
 * shared prefixes are walked once and elements that no parameter wants cost one hash probe. Expressions of any other
 * form are kept as programs and evaluated plainly after the walk (walk.c).
 */
#include <stdlib.h>

#include "search/plan_priv.h"

enum { MAX_CURSORS = 256 };

/* Places that a part of an expression has reached. */
struct cursors {
	struct plan_node *nodes[MAX_CURSORS];
	size_t count;
};

/* The outcome of following an expression: FOLLOW_OTHER when it has a form that plans do not know. */
enum followed { FOLLOWED, FOLLOW_OTHER, FOLLOW_FAILED };

bool param_indexed(const struct search_param *param)
{
	return param->type != PARAM_COMPOSITE && param->expression.n && !str_is(param->code, "_id") &&
	       !str_is(param->code, "_lastUpdated");
}

/* ---- building -------------------------------------------------------------------------------------------------- */

static void *append(struct plan *p, void *array, size_t *count, size_t *capacity, size_t size)
{
	void *grown = arena_grow(&p->arena, array, *count, capacity, *count + 1, size);
	if (!grown) {
		error_memory(p->err);
		return NULL;
	}
	memset((char *)grown + *count * size, 0, size);
	(*count)++;
	return grown;
}

static struct plan_node *node_new(struct plan *p, const struct fhir_type *type, const struct fhir_element *element)
{
	struct plan_node *node = ARENA_NEW(&p->arena, struct plan_node);
	if (!node) {
		error_memory(p->err);
		return NULL;
	}
	node->type = type;
	node->element = element;
	return node;
}

static enum followed reach(struct cursors *out, struct plan_node *node)
{
	if (!node)
		return FOLLOW_FAILED;
	for (size_t i = 0; i < out->count; i++)
		if (out->nodes[i] == node)
			return FOLLOWED;
	if (out->count == MAX_CURSORS)
		return FOLLOW_OTHER;
	out->nodes[out->count++] = node;
	return FOLLOWED;
}

static enum followed follow_edge(struct plan *p, struct plan_node *from, struct str property,
				 const struct fhir_element *element, const struct fhir_type *type, struct cursors *out)
{
	struct plan_node *there = plan_edge_find(from, property);
	if (there)
		return reach(out, there);
	/* A nested resource tells its type itself, which is only known when it is met. */
	if (!type || type->kind == TYPE_RESOURCE || from->edge_count >= EDGE_SLOTS / 2)
		return FOLLOW_OTHER;
	there = node_new(p, type, element);
	struct plan_edge *edges = append(p, from->edges, &from->edge_count, &from->edge_capacity, sizeof(*from->edges));
	if (!there || !edges)
		return FOLLOW_FAILED;
	from->edges = edges;
	edges[from->edge_count - 1] = (struct plan_edge){property, there};
	unsigned at = plan_hash(property);
	while (from->slots[at])
		at = (at + 1) % EDGE_SLOTS;
	from->slots[at] = (unsigned char)from->edge_count;
	return reach(out, there);
}

static enum followed follow_choice(struct plan *p, struct plan_node *from, const struct fhir_element *element,
				   struct cursors *out)
{
	for (size_t i = 0; i < element->type_count; i++) {
		const struct fhir_type *type = element->types[i].type;
		if (!type)
			return FOLLOW_OTHER;
		struct str property = arena_printf(&p->arena, "%.*s%.*s", STR_ARG(element->name), STR_ARG(type->name));
		if (!property.p) {
			error_memory(p->err);
			return FOLLOW_FAILED;
		}
		char *first = (char *)(uintptr_t)property.p + element->name.n;
		if (*first >= 'a' && *first <= 'z')
			*first = (char)(*first - 32);
		enum followed f = follow_edge(p, from, property, element, type, out);
		if (f != FOLLOWED)
			return f;
	}
	return FOLLOWED;
}

static enum followed follow_member(struct plan *p, struct plan_node *from, struct str name, struct cursors *out)
{
	/* id and extensions of primitives lie in another property. */
	if (from->type->kind == TYPE_PRIMITIVE)
		return FOLLOW_OTHER;
	for (size_t i = 0; i < from->type->element_count; i++) {
		const struct fhir_element *element = &from->type->elements[i];
		if (!str_eq(element->name, name))
			continue;
		if (element->choice)
			return follow_choice(p, from, element, out);
		return follow_edge(p, from, name, element, element->type_count ? element->types[0].type : NULL, out);
	}
	return FOLLOWED;
}

static enum followed follow(struct plan *p, const struct path_node *node, struct cursors *out);

static enum followed follow_left(struct plan *p, const struct path_node *node, struct cursors *ret_left)
{
	ret_left->count = 0;
	return follow(p, node->left, ret_left);
}

static enum followed follow_path(struct plan *p, const struct path_node *node, struct cursors *out)
{
	struct cursors left;
	enum followed f = follow_left(p, node, &left);
	for (size_t i = 0; f == FOLLOWED && i < left.count; i++)
		f = follow_member(p, left.nodes[i], node->name, out);
	return f;
}

static enum followed follow_type(struct plan *p, const struct path_node *node, struct cursors *out)
{
	struct cursors left;
	enum followed f = node->type.fhir ? follow_left(p, node, &left) : FOLLOW_OTHER;
	for (size_t i = 0; f == FOLLOWED && i < left.count; i++)
		if (node->op == PATH_OP_TYPE ? path_type_derives(left.nodes[i]->type, node->type.fhir)
					     : path_type_selects(left.nodes[i]->type, node->type.fhir))
			f = reach(out, left.nodes[i]);
	return f;
}

/* ---- guards ---------------------------------------------------------------------------------------------------- */

/* name = 'text', where name is a plain string element that does not repeat. */
static bool is_member_test(const struct plan_node *at, const struct path_node *c, struct plan_guard *guard)
{
	if (c->op != PATH_OP_EQUAL || c->left->op != PATH_OP_MEMBER || c->left->left->op != PATH_OP_THIS ||
	    c->right->op != PATH_OP_LITERAL || c->right->literal.kind != PATH_STRING)
		return false;
	for (size_t i = 0; i < at->type->element_count; i++) {
		const struct fhir_element *element = &at->type->elements[i];
		if (str_eq(element->name, c->left->name) && !element->choice && element->max == 1) {
			*guard = (struct plan_guard){
				.kind = GUARD_MEMBER, .member = element->name, .text = c->right->literal.text};
			return true;
		}
	}
	return false;
}

/* resolve() is Type */
static bool is_resolve_test(const struct plan_node *at, const struct path_node *c, struct plan_guard *guard)
{
	if (c->op != PATH_OP_IS || !c->type.fhir || c->type.fhir->abstract || !path_is_call(c->left, "resolve") ||
	    c->left->left->op != PATH_OP_THIS || value_class_of(at->type) != VALUE_REFERENCE)
		return false;
	*guard = (struct plan_guard){.kind = GUARD_RESOLVES, .type = c->type.fhir, .condition = c};
	return true;
}

static bool same_guard(const struct plan_guard *a, const struct plan_guard *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case GUARD_MEMBER:
		return str_eq(a->member, b->member) && str_eq(a->text, b->text);
	case GUARD_RESOLVES:
		return a->type == b->type;
	default:
		return false;
	}
}

static enum followed follow_guard(struct plan *p, struct plan_node *at, struct plan_guard guard, struct cursors *out)
{
	for (size_t i = 0; i < at->guard_count; i++)
		if (same_guard(&at->guards[i], &guard))
			return reach(out, at->guards[i].node);
	guard.node = node_new(p, at->type, at->element);
	struct plan_guard *guards = append(p, at->guards, &at->guard_count, &at->guard_capacity, sizeof(*at->guards));
	if (!guard.node || !guards)
		return FOLLOW_FAILED;
	at->guards = guards;
	guards[at->guard_count - 1] = guard;
	return reach(out, guard.node);
}

static enum followed follow_where(struct plan *p, const struct path_node *call, struct cursors *out)
{
	struct cursors left;
	enum followed f = follow_left(p, call, &left);
	for (size_t i = 0; f == FOLLOWED && i < left.count; i++) {
		struct plan_guard guard = {.kind = GUARD_CONDITION, .condition = call->args};
		if (left.nodes[i]->type->kind == TYPE_PRIMITIVE)
			return FOLLOW_OTHER;
		if (!is_member_test(left.nodes[i], call->args, &guard))
			(void)is_resolve_test(left.nodes[i], call->args, &guard);
		guard.program = p->program;
		f = follow_guard(p, left.nodes[i], guard, out);
	}
	return f;
}

static enum followed follow_extension(struct plan *p, const struct path_node *call, struct cursors *out)
{
	struct cursors left, extensions = {.count = 0};
	if (call->args->op != PATH_OP_LITERAL || call->args->literal.kind != PATH_STRING)
		return FOLLOW_OTHER;
	enum followed f = follow_left(p, call, &left);
	for (size_t i = 0; f == FOLLOWED && i < left.count; i++)
		f = follow_member(p, left.nodes[i], S("extension"), &extensions);
	for (size_t i = 0; f == FOLLOWED && i < extensions.count; i++) {
		struct plan_guard guard = {.kind = GUARD_MEMBER, .member = S("url"), .text = call->args->literal.text};
		f = follow_guard(p, extensions.nodes[i], guard, out);
	}
	return f;
}

static enum followed follow(struct plan *p, const struct path_node *node, struct cursors *out)
{
	enum followed f;
	switch (node->op) {
	case PATH_OP_THIS:
		return reach(out, p->root);
	case PATH_OP_TYPE:
	case PATH_OP_AS:
		return follow_type(p, node, out);
	case PATH_OP_MEMBER:
		return follow_path(p, node, out);
	case PATH_OP_UNION:
		f = follow(p, node->left, out);
		return f == FOLLOWED ? follow(p, node->right, out) : f;
	case PATH_OP_CALL:
		if (path_is_call(node, "where"))
			return follow_where(p, node, out);
		if (path_is_call(node, "extension"))
			return follow_extension(p, node, out);
		if (path_is_call(node, "as") || path_is_call(node, "ofType"))
			return follow_type(p, node, out);
		return FOLLOW_OTHER;
	default:
		return FOLLOW_OTHER;
	}
}

/* ---- plans ----------------------------------------------------------------------------------------------------- */

static bool add_leaf(struct plan *p, struct plan_node *node, const struct search_param *param)
{
	struct leaf leaf = {.param = param,
			    .type = node->type,
			    .class = value_class_of(node->type),
			    .paired = param_is_paired(p->registry, p->type, param)};
	if (leaf.class == VALUE_NONE)
		return true;
	if (leaf.class == VALUE_CODE && param->type == PARAM_TOKEN)
		leaf.system = implied_system(&p->arena, node->element);
	struct leaf *leaves = append(p, node->leaves, &node->leaf_count, &node->leaf_capacity, sizeof(*node->leaves));
	if (!leaves)
		return false;
	node->leaves = leaves;
	leaves[node->leaf_count - 1] = leaf;
	return true;
}

static bool add_program(struct plan *p, const struct search_param *param, const struct path_program *program)
{
	struct plan_program *programs =
		append(p, p->programs, &p->program_count, &p->program_capacity, sizeof(*p->programs));
	if (!programs)
		return false;
	p->programs = programs;
	programs[p->program_count - 1] =
		(struct plan_program){param, param_is_paired(p->registry, p->type, param), program};
	return true;
}

static bool add_param(struct plan *p, const struct search_param *param, size_t position)
{
	struct cursors out = {.count = 0};
	static const struct path_options options = {.as_filters = true};
	const struct path_program *program =
		path_compile(&p->arena, p->definitions, param->expression, &options, p->err);
	if (!program)
		return error_context(p->err, "Search parameter %.*s of %.*s", STR_ARG(param->code),
				     STR_ARG(p->type->name));
	p->program = program;
	p->compiled[position] = program;
	switch (follow(p, program->root, &out)) {
	case FOLLOW_FAILED:
		return false;
	case FOLLOW_OTHER:
		return add_program(p, param, program);
	case FOLLOWED:
		break;
	}
	for (size_t i = 0; i < out.count; i++)
		if (!add_leaf(p, out.nodes[i], param))
			return false;
	return true;
}

/* The elements that a composite repeats over. */
static bool count_elements(struct plan *p, const struct search_param *composite)
{
	struct cursors out = {.count = 0};
	const struct path_program *program =
		path_compile(&p->arena, p->definitions, composite->expression, NULL, p->err);
	if (!program)
		return false;
	p->program = program;
	enum followed f = follow(p, program->root, &out);
	if (f == FOLLOW_OTHER)
		return error_set(p->err, ERR_NOT_SUPPORTED, "The elements of %.*s of %.*s cannot be followed",
				 STR_ARG(composite->code), STR_ARG(p->type->name));
	for (size_t i = 0; i < out.count; i++) {
		if (out.nodes[i] == p->root || out.nodes[i]->counted)
			continue;
		if (p->counted == MAX_COUNTED)
			return error_set(p->err, ERR_LIMIT,
					 "Composite parameters of %.*s repeat over too many elements",
					 STR_ARG(p->type->name));
		out.nodes[i]->counted = (unsigned)++p->counted;
	}
	return f == FOLLOWED;
}

static bool build(struct plan *p)
{
	size_t count = search_registry_count(p->registry, p->type);
	p->root = node_new(p, p->type, NULL);
	p->compiled = ARENA_ARRAY(&p->arena, const struct path_program *, count + 1);
	if (!p->root || !p->compiled)
		return error_memory(p->err);
	for (size_t i = 0; i < count; i++) {
		const struct search_param *param = search_registry_at(p->registry, p->type, i);
		if (param->type == PARAM_COMPOSITE && !count_elements(p, param))
			return false;
	}
	for (size_t i = 0; i < count; i++) {
		const struct search_param *param = search_registry_at(p->registry, p->type, i);
		if (param_indexed(param) && !add_param(p, param, i))
			return false;
	}
	return true;
}

struct plan *plan_new(const struct definitions *d, const struct search_registry *r, const struct fhir_type *type,
		      struct error *err)
{
	struct plan *p = calloc(1, sizeof(*p));
	if (!p) {
		error_memory(err);
		return NULL;
	}
	arena_init(&p->arena, 16 * 1024 * 1024);
	p->definitions = d;
	p->registry = r;
	p->type = type;
	p->err = err;
	if (!build(p)) {
		plan_free(p);
		return NULL;
	}
	p->err = NULL;
	return p;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	arena_done(&p->arena);
	free(p);
}
