/*
 * Plans: what to look at in a resource of one type so that one walk over its JSON finds the values of all search
 * parameters. The expressions are followed over the definitions when the plan is made; each element on the way becomes
 * a node of a tree, choices become one edge per JSON property, where() and extension() become guarded sub-trees. So
 * shared prefixes are walked once and elements that no parameter wants cost one hash probe. Expressions of any other
 * form are kept as programs and evaluated plainly after the walk.
 */
#include <stdlib.h>

#include "search/search_priv.h"

enum { EDGE_SLOTS = 128, MAX_CURSORS = 256 };

struct plan_node {
	const struct fhir_type *type;
	const struct fhir_element *element;
	struct plan_edge *edges;
	size_t edge_count, edge_capacity;
	struct leaf *leaves;
	size_t leaf_count, leaf_capacity;
	struct plan_guard *guards;
	size_t guard_count, guard_capacity;
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
	const struct path_node *condition; /* GUARD_CONDITION, and GUARD_RESOLVES for contained resources */
	struct plan_node *node;
};

struct plan_program {
	const struct search_param *param;
	const struct path_program *program;
};

struct plan {
	struct arena arena;
	const struct definitions *definitions;
	const struct fhir_type *type;
	struct plan_node *root;
	struct plan_program *programs;
	size_t program_count, program_capacity;
	struct error *err; /* while building */
};

/* Places that a part of an expression has reached. */
struct cursors {
	struct plan_node *nodes[MAX_CURSORS];
	size_t count;
};

/* The outcome of following an expression: FOLLOW_OTHER when it has a form that plans do not know. */
enum followed { FOLLOWED, FOLLOW_OTHER, FOLLOW_FAILED };

bool param_indexed(const struct search_param *param)
{
	return param->type != PARAM_COMPOSITE && param->type != PARAM_SPECIAL && param->expression.n &&
	       !str_is(param->code, "_id") && !str_is(param->code, "_lastUpdated");
}

/* ---- building -------------------------------------------------------------------------------------------------- */

static unsigned property_hash(struct str p)
{
	unsigned h = (unsigned)p.n * 37 + (unsigned char)p.p[0] * 5 + (unsigned char)p.p[p.n - 1] * 11 +
		     (unsigned char)p.p[p.n / 2] * 3;
	return (h ^ h >> 7) % EDGE_SLOTS;
}

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

static struct plan_node *find_edge(const struct plan_node *node, struct str property)
{
	if (property.n == 0)
		return NULL;
	for (unsigned at = property_hash(property); node->slots[at]; at = (at + 1) % EDGE_SLOTS) {
		const struct plan_edge *edge = &node->edges[node->slots[at] - 1];
		if (str_eq(edge->property, property))
			return edge->node;
	}
	return NULL;
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
	struct plan_node *there = find_edge(from, property);
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
	unsigned at = property_hash(property);
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
	struct leaf leaf = {.param = param, .type = node->type, .class = value_class_of(node->type)};
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
	programs[p->program_count - 1] = (struct plan_program){param, program};
	return true;
}

static bool add_param(struct plan *p, const struct search_param *param)
{
	struct cursors out = {.count = 0};
	const struct path_program *program = path_compile(&p->arena, p->definitions, param->expression, p->err);
	if (!program)
		return error_context(p->err, "Search parameter %.*s of %.*s", STR_ARG(param->code),
				     STR_ARG(p->type->name));
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

static bool build(struct plan *p)
{
	p->root = node_new(p, p->type, NULL);
	for (size_t i = 0; p->root && i < p->type->search_param_count; i++)
		if (param_indexed(&p->type->search_params[i]) && !add_param(p, &p->type->search_params[i]))
			return false;
	return p->root;
}

struct plan *plan_new(const struct definitions *d, const struct fhir_type *type, struct error *err)
{
	struct plan *p = calloc(1, sizeof(*p));
	if (!p) {
		error_memory(err);
		return NULL;
	}
	arena_init(&p->arena, 16 * 1024 * 1024);
	p->definitions = d;
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

/* ---- walking --------------------------------------------------------------------------------------------------- */

static bool walk(struct extraction *e, const struct plan_node *node, const struct json *value);

static bool condition_holds(struct extraction *e, const struct plan_node *node, const struct plan_guard *guard,
			    const struct json *value, bool *ret_holds)
{
	struct path_context context = {.definitions = e->definitions, .resource = e->resource};
	struct path_item item = {.kind = PATH_ELEMENT, .type = node->type, .element = node->element, .value = value};
	struct path_items result;
	int truth;
	if (!path_eval(guard->condition, e->arena, &context, &item, &result, e->err) ||
	    !path_truth(&result, &truth, e->err))
		return false;
	*ret_holds = truth == 1;
	return true;
}

static bool guard_holds(struct extraction *e, const struct plan_node *node, const struct plan_guard *guard,
			const struct json *value, bool *ret_holds)
{
	struct str text;
	*ret_holds = false;
	switch (guard->kind) {
	case GUARD_MEMBER:
		text = json_get_str(value, guard->member);
		*ret_holds = text.p && str_eq(text, guard->text);
		return true;
	case GUARD_RESOLVES:
		text = json_get_str(value, S("reference"));
		if (!text.p)
			return true;
		struct reference r = extraction_reference(e, text);
		if (r.kind != REF_RELATIVE)
			break;
		*ret_holds = str_eq(r.type, guard->type->name);
		return true;
	case GUARD_CONDITION:
		break;
	}
	return condition_holds(e, node, guard, value, ret_holds);
}

static bool walk_one(struct extraction *e, const struct plan_node *node, const struct json *value)
{
	for (size_t i = 0; i < node->leaf_count; i++)
		if (!rows_of_value(e, &node->leaves[i], value))
			return false;
	for (size_t i = 0; i < node->guard_count; i++) {
		bool holds;
		if (!guard_holds(e, node, &node->guards[i], value, &holds))
			return false;
		if (holds && !walk_one(e, node->guards[i].node, value))
			return false;
	}
	if (node->edge_count == 0 || !json_is(value, JSON_OBJECT))
		return true;
	struct json_iter it = json_iter(value);
	while (json_next(&it)) {
		const struct plan_node *next = find_edge(node, it.key);
		if (next && !walk(e, next, it.value))
			return false;
	}
	return true;
}

static bool walk(struct extraction *e, const struct plan_node *node, const struct json *value)
{
	if (!json_is(value, JSON_ARRAY))
		return json_is(value, JSON_NULL) || walk_one(e, node, value);
	struct json_iter it = json_iter(value);
	while (json_next(&it))
		if (!json_is(it.value, JSON_NULL) && !walk_one(e, node, it.value))
			return false;
	return true;
}

static bool run_program(struct extraction *e, const struct plan_program *p, const struct path_item *item)
{
	struct path_context context = {.definitions = e->definitions, .resource = e->resource};
	struct path_items found;
	if (!path_eval(p->program->root, e->arena, &context, item, &found, e->err))
		return false;
	for (size_t i = 0; i < found.count; i++)
		if (!rows_of_item(e, p->param, &found.items[i]))
			return false;
	return true;
}

bool plan_run(const struct plan *p, struct extraction *e)
{
	struct path_item item = {.kind = PATH_ELEMENT, .type = p->type, .value = e->resource};
	if (!walk(e, p->root, e->resource))
		return false;
	for (size_t i = 0; i < p->program_count; i++)
		if (!run_program(e, &p->programs[i], &item))
			return false;
	return true;
}
