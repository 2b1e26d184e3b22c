/*
 * Following a plan over one resource: a single pass over its JSON, one hash probe for each property of an object that
 * has any edge, rows where a node has leaves. This is the hot path of every write.
 */
#include "search/plan_priv.h"

unsigned plan_hash(struct str p)
{
	unsigned h = (unsigned)p.n * 37 + (unsigned char)p.p[0] * 5 + (unsigned char)p.p[p.n - 1] * 11 +
		     (unsigned char)p.p[p.n / 2] * 3;
	return (h ^ h >> 7) % EDGE_SLOTS;
}

struct plan_node *plan_edge_find(const struct plan_node *node, struct str property)
{
	if (property.n == 0)
		return NULL;
	for (unsigned at = plan_hash(property); node->slots[at]; at = (at + 1) % EDGE_SLOTS) {
		const struct plan_edge *edge = &node->edges[node->slots[at] - 1];
		if (str_eq(edge->property, property))
			return edge->node;
	}
	return NULL;
}

static bool walk(struct extraction *e, const struct plan_node *node, const struct json *value);

/* An expression that makes no sense of one resource (such as single() of two) finds nothing there: a parameter that
 * somebody added must not keep resources from being written. */
static bool may_pass_over(struct extraction *e, const struct error *own)
{
	if (own->code != ERR_MEMORY)
		return true;
	return error_memory(e->err);
}

static bool condition_holds(struct extraction *e, const struct plan_node *node, const struct plan_guard *guard,
			    const struct json *value, bool *ret_holds)
{
	struct path_context context = {.resource = e->resource};
	struct path_item item = {.kind = PATH_ELEMENT, .type = node->type, .element = node->element, .value = value};
	struct path_items result;
	struct error own = {0};
	int truth;
	if (!path_eval_node(guard->program, guard->condition, e->arena, &context, &item, &result, &own) ||
	    !path_truth(&result, &truth, &own))
		return may_pass_over(e, &own);
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
	for (size_t i = 0; i < node->leaf_count; i++) {
		e->row_element = node->leaves[i].paired ? e->element : 0;
		if (!rows_of_value(e, &node->leaves[i], value))
			return false;
	}
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
		const struct plan_node *next = plan_edge_find(node, it.key);
		if (next && !walk(e, next, it.value))
			return false;
	}
	return true;
}

static bool walk_counted(struct extraction *e, const struct plan_node *node, const struct json *value)
{
	uint32_t before = e->element;
	e->element = ++e->counts[node->counted - 1];
	bool ok = walk_one(e, node, value);
	e->element = before;
	return ok;
}

/* As walk(), telling each element its number in the resource. */
static bool walk_counting(struct extraction *e, const struct plan_node *node, const struct json *value)
{
	if (!json_is(value, JSON_ARRAY))
		return json_is(value, JSON_NULL) || walk_counted(e, node, value);
	struct json_iter it = json_iter(value);
	while (json_next(&it))
		if (!json_is(it.value, JSON_NULL) && !walk_counted(e, node, it.value))
			return false;
	return true;
}

static bool walk(struct extraction *e, const struct plan_node *node, const struct json *value)
{
	if (node->counted)
		return walk_counting(e, node, value);
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
	struct path_context context = {.resource = e->resource};
	struct path_items found;
	struct error own = {0};
	if (!path_eval(p->program, e->arena, &context, item, &found, &own))
		return may_pass_over(e, &own);
	for (size_t i = 0; i < found.count; i++) {
		e->row_element = 0;
		if (p->paired && !item_element(e, p->param, found.items[i].value, &e->row_element))
			return false;
		if (!rows_of_item(e, p->param, &found.items[i]))
			return false;
	}
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
