/*
 * Walks a program's tree over one focus. Every construct appends to an output collection, so a path over many elements
 * makes no intermediate copies beyond one collection a step.
 */
#include "fhirpath/fhirpath_priv.h"

bool eval_add(struct eval *e, struct path_items *out, struct path_item item)
{
	if (++e->produced > PATH_MAX_ITEMS)
		return error_set(e->err, ERR_LIMIT, "A FHIRPath expression produces more than %d items",
				 PATH_MAX_ITEMS);
	if (out->count == out->capacity) {
		void *grown = arena_grow(e->arena, out->items, out->count, &out->capacity, out->count + 1,
					 sizeof(*out->items));
		if (!grown)
			return error_memory(e->err);
		out->items = grown;
	}
	out->items[out->count++] = item;
	return true;
}

struct path_item item_boolean(bool truth)
{
	return (struct path_item){.kind = PATH_BOOLEAN, .truth = truth};
}

struct path_item path_item_resource(const struct definitions *d, const struct json *resource)
{
	return (struct path_item){.kind = PATH_ELEMENT,
				  .type = definitions_resource(d, json_get_str(resource, S("resourceType"))),
				  .value = resource};
}

bool path_truth(const struct path_items *items, int *ret_truth, struct error *err)
{
	struct path_item simple;
	if (items->count > 1)
		return error_set(err, ERR_VALUE, "A FHIRPath condition gives %zu items where one is needed",
				 items->count);
	if (items->count == 0)
		*ret_truth = -1;
	else if (item_simple(&items->items[0], &simple) && simple.kind == PATH_BOOLEAN)
		*ret_truth = simple.truth;
	else
		*ret_truth = 1;
	return true;
}

/* Both sides as collections of the same focus. */
static bool sides(struct eval *e, const struct path_node *node, const struct path_item *focus, struct path_items *left,
		  struct path_items *right)
{
	return eval_node(e, node->left, focus, left) && eval_node(e, node->right, focus, right);
}

/* Three-valued logic of and, or, xor; -1 is empty. */
static int logic(enum path_op op, int a, int b)
{
	switch (op) {
	case PATH_OP_AND:
		return a == 0 || b == 0 ? 0 : a < 0 || b < 0 ? -1 : 1;
	case PATH_OP_OR:
		return a == 1 || b == 1 ? 1 : a < 0 || b < 0 ? -1 : 0;
	default:
		return a < 0 || b < 0 ? -1 : a != b;
	}
}

static bool eval_logic(struct eval *e, const struct path_node *node, const struct path_item *focus,
		       struct path_items *out)
{
	struct path_items left = {0}, right = {0};
	int a, b;
	if (!sides(e, node, focus, &left, &right) || !path_truth(&left, &a, e->err) || !path_truth(&right, &b, e->err))
		return false;
	int truth = logic(node->op, a, b);
	return truth < 0 || eval_add(e, out, item_boolean(truth == 1));
}

static bool collections_equal(const struct path_items *a, const struct path_items *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!item_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

static bool eval_equality(struct eval *e, const struct path_node *node, const struct path_item *focus,
			  struct path_items *out)
{
	struct path_items left = {0}, right = {0};
	if (!sides(e, node, focus, &left, &right))
		return false;
	if (left.count == 0 || right.count == 0)
		return true;
	return eval_add(e, out, item_boolean(collections_equal(&left, &right) == (node->op == PATH_OP_EQUAL)));
}

/* Unions drop duplicates: the same place in the document, or an equal value. */
static bool contains_item(const struct path_items *items, const struct path_item *item)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct path_item *other = &items->items[i];
		if (item->value && other->value == item->value)
			return true;
		if (item_equal(other, item))
			return true;
	}
	return false;
}

static bool eval_union(struct eval *e, const struct path_node *node, const struct path_item *focus,
		       struct path_items *out)
{
	struct path_items parts[2] = {{0}}, merged = {0};
	if (!sides(e, node, focus, &parts[0], &parts[1]))
		return false;
	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; i < parts[p].count; i++)
			if (!contains_item(&merged, &parts[p].items[i]) && !eval_add(e, &merged, parts[p].items[i]))
				return false;
	for (size_t i = 0; i < merged.count; i++)
		if (!eval_add(e, out, merged.items[i]))
			return false;
	return true;
}

/* `as` filters a collection instead of refusing several items: the search parameters of R4 are written that way. */
static bool eval_as(struct eval *e, const struct path_node *node, const struct path_item *focus, struct path_items *out)
{
	struct path_items input = {0};
	if (!eval_node(e, node->left, focus, &input))
		return false;
	for (size_t i = 0; i < input.count; i++)
		if (item_as(&input.items[i], node->type) && !eval_add(e, out, input.items[i]))
			return false;
	return true;
}

static bool eval_is(struct eval *e, const struct path_node *node, const struct path_item *focus, struct path_items *out)
{
	struct path_items input = {0};
	if (!eval_node(e, node->left, focus, &input))
		return false;
	if (input.count > 1)
		return error_set(e->err, ERR_VALUE, "The FHIRPath operator \"is\" needs one item and got %zu",
				 input.count);
	return input.count == 0 || eval_add(e, out, item_boolean(item_is(&input.items[0], node->type)));
}

static bool eval_steps(struct eval *e, const struct path_node *node, const struct path_item *focus,
		       struct path_items *out)
{
	struct path_items input = {0};
	if (node->left->op == PATH_OP_THIS)
		return eval_member(e, focus, node->name, out);
	if (!eval_node(e, node->left, focus, &input))
		return false;
	for (size_t i = 0; i < input.count; i++)
		if (!eval_member(e, &input.items[i], node->name, out))
			return false;
	return true;
}

static bool eval_index(struct eval *e, const struct path_node *node, const struct path_item *focus,
		       struct path_items *out)
{
	struct path_items input = {0}, index = {0};
	struct path_item simple;
	uint64_t at;
	if (!eval_node(e, node->left, focus, &input) || !eval_node(e, node->right, focus, &index))
		return false;
	if (index.count == 0)
		return true;
	if (index.count > 1 || !item_simple(&index.items[0], &simple) || simple.kind != PATH_INTEGER)
		return error_set(e->err, ERR_VALUE, "A FHIRPath index needs one integer");
	if (!str_to_u64(simple.text, &at) || at >= input.count)
		return true;
	return eval_add(e, out, input.items[at]);
}

static bool eval_call(struct eval *e, const struct path_node *node, const struct path_item *focus,
		      struct path_items *out)
{
	struct path_items input = {0};
	return eval_node(e, node->left, focus, &input) && node->function->run(e, node, focus, &input, out);
}

bool eval_node(struct eval *e, const struct path_node *node, const struct path_item *focus, struct path_items *out)
{
	switch (node->op) {
	case PATH_OP_THIS:
		return eval_add(e, out, *focus);
	case PATH_OP_TYPE:
		return !item_is(focus, node->type) || eval_add(e, out, *focus);
	case PATH_OP_MEMBER:
		return eval_steps(e, node, focus, out);
	case PATH_OP_INDEX:
		return eval_index(e, node, focus, out);
	case PATH_OP_CALL:
		return eval_call(e, node, focus, out);
	case PATH_OP_LITERAL:
		return eval_add(e, out, node->literal);
	case PATH_OP_EMPTY:
		return true;
	case PATH_OP_UNION:
		return eval_union(e, node, focus, out);
	case PATH_OP_AS:
		return eval_as(e, node, focus, out);
	case PATH_OP_IS:
		return eval_is(e, node, focus, out);
	case PATH_OP_EQUAL:
	case PATH_OP_NOT_EQUAL:
		return eval_equality(e, node, focus, out);
	case PATH_OP_AND:
	case PATH_OP_OR:
	case PATH_OP_XOR:
		return eval_logic(e, node, focus, out);
	default:
		return error_set(e->err, ERR_INTERNAL, "A FHIRPath operator has no meaning yet");
	}
}

bool path_eval_node(const struct path_program *program, const struct path_node *node, struct arena *a,
		    const struct path_context *c, const struct path_item *focus, struct path_items *ret_items,
		    struct error *err)
{
	struct eval e = {.arena = a, .program = program, .context = c, .err = err};
	struct path_items out = {0};
	if (!eval_node(&e, node, focus, &out))
		return false;
	*ret_items = out;
	return true;
}

bool path_eval(const struct path_program *program, struct arena *a, const struct path_context *c,
	       const struct path_item *focus, struct path_items *ret_items, struct error *err)
{
	return path_eval_node(program, program->root, a, c, focus, ret_items, err);
}

bool path_eval_truth(const struct path_program *program, struct arena *a, const struct path_context *c,
		     const struct path_item *focus, int *ret_truth, struct error *err)
{
	struct path_items items;
	return path_eval(program, a, c, focus, &items, err) && path_truth(&items, ret_truth, err);
}
