/*
 * Walks a program's tree over one focus. Results flow from step to step one by one: each step of a path is a sink for
 * the one before it, so a path over many elements makes no collections, and whoever has seen enough stops the flow.
 */
#include "fhirpath/fhirpath_priv.h"

#include <stdio.h>

bool eval_fail(struct eval *e, const struct path_node *node, enum error_code code, const char *format, ...)
{
	char text[256];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return path_error_at(e->err, e->program->expression, node->at, code, "%s", text);
}

bool eval_work(struct eval *e, uint64_t n)
{
	e->work += n;
	if (e->work <= e->limit)
		return true;
	return error_set(e->err, ERR_LIMIT, "A FHIRPath expression takes more than %llu steps",
			 (unsigned long long)e->limit);
}

struct path_item *eval_add_room(struct eval *e, struct path_items *out)
{
	if (out->count == out->capacity) {
		if (out->count >= PATH_MAX_ITEMS) {
			error_set(e->err, ERR_LIMIT, "A FHIRPath expression produces more than %d items",
				  PATH_MAX_ITEMS);
			return NULL;
		}
		void *grown = arena_grow(e->arena, out->items, out->count, &out->capacity, out->count + 1,
					 sizeof(*out->items));
		if (!grown) {
			error_memory(e->err);
			return NULL;
		}
		out->items = grown;
	}
	return &out->items[out->count++];
}

bool eval_add(struct eval *e, struct path_items *out, const struct path_item *item)
{
	struct path_item *room = eval_add_room(e, out);
	if (room)
		*room = *item;
	return room;
}

struct path_item path_item_resource(const struct definitions *d, const struct json *resource)
{
	return (struct path_item){.kind = PATH_ELEMENT,
				  .type = d ? definitions_resource(d, json_get_str(resource, S("resourceType"))) : NULL,
				  .value = resource,
				  .container = resource};
}

struct path_item path_item_element(const struct fhir_type *type, const struct fhir_element *element,
				   const struct json *value, const struct json *extra, const struct json *container)
{
	return (struct path_item){.kind = PATH_ELEMENT,
				  .type = type,
				  .element = element,
				  .value = value,
				  .extra = extra,
				  .container = container};
}

/* ---- conditions ------------------------------------------------------------------------------------------------ */

static int truth_of(const struct path_item *item)
{
	if (item->kind == PATH_BOOLEAN)
		return item->truth;
	if (item->kind == PATH_ELEMENT && json_is(item->value, JSON_BOOL))
		return json_bool(item->value);
	return item_is_hollow(item) ? -1 : 1;
}

bool path_truth(const struct path_items *items, int *ret_truth, struct error *err)
{
	if (items->count > 1)
		return error_set(err, ERR_VALUE, "A FHIRPath condition gives %zu items where one is needed",
				 items->count);
	*ret_truth = items->count ? truth_of(&items->items[0]) : -1;
	return true;
}

struct truth_sink {
	struct sink sink;
	size_t count;
	int truth;
};

static enum flow take_truth(struct eval *e, struct sink *s, const struct path_item *item)
{
	struct truth_sink *t = (struct truth_sink *)s;
	(void)e;
	t->truth = truth_of(item);
	return ++t->count > 1 ? FLOW_STOP : FLOW_MORE;
}

/* Three-valued logic; -1 is empty. */
static int logic(enum path_op op, int a, int b)
{
	switch (op) {
	case PATH_OP_AND:
		return a == 0 || b == 0 ? 0 : a < 0 || b < 0 ? -1 : 1;
	case PATH_OP_OR:
		return a == 1 || b == 1 ? 1 : a < 0 || b < 0 ? -1 : 0;
	case PATH_OP_IMPLIES:
		return a == 0 || b == 1 ? 1 : a < 0 || b < 0 ? -1 : 0;
	default:
		return a < 0 || b < 0 ? -1 : a != b;
	}
}

static bool truth_logic(struct eval *e, const struct path_node *node, const struct scope *scope, int *ret_truth)
{
	const struct binding *bindings = e->bindings;
	int a, b = -1;
	if (!eval_truth(e, node->left, scope, &a))
		return false;
	e->bindings = bindings;
	/* What the left side decides needs no right side, which may not even be meaningful then. */
	bool decided = (node->op == PATH_OP_AND && a == 0) || (node->op == PATH_OP_OR && a == 1) ||
		       (node->op == PATH_OP_IMPLIES && a == 0);
	if (!decided && !eval_truth(e, node->right, scope, &b))
		return false;
	e->bindings = bindings;
	*ret_truth = logic(node->op, a, b);
	return true;
}

/* Both sides of an operator, each with its own variables. */
static bool sides(struct eval *e, const struct path_node *node, const struct scope *scope, struct path_items *left,
		  struct path_items *right)
{
	const struct binding *bindings = e->bindings;
	if (!eval_items(e, node->left, scope, left))
		return false;
	e->bindings = bindings;
	bool ok = eval_items(e, node->right, scope, right);
	e->bindings = bindings;
	return ok;
}

static bool truth_equality(struct eval *e, const struct path_node *node, const struct scope *scope, int *ret_truth)
{
	SMALL_ITEMS(left);
	SMALL_ITEMS(right);
	if (!sides(e, node, scope, &left, &right))
		return false;
	switch (node->op) {
	case PATH_OP_EQUIVALENT:
		*ret_truth = items_equivalent(e, &left, &right);
		break;
	case PATH_OP_NOT_EQUIVALENT:
		*ret_truth = !items_equivalent(e, &left, &right);
		break;
	default:
		*ret_truth = left.count && right.count ? items_equal(e, &left, &right) : -1;
		if (node->op == PATH_OP_NOT_EQUAL && *ret_truth >= 0)
			*ret_truth = !*ret_truth;
	}
	return eval_work(e, 1);
}

static bool truth_order(struct eval *e, const struct path_node *node, const struct scope *scope, int *ret_truth)
{
	SMALL_ITEMS(left);
	SMALL_ITEMS(right);
	struct path_item a, b;
	bool has_a, has_b;
	*ret_truth = -1;
	if (!sides(e, node, scope, &left, &right))
		return false;
	if (left.count == 0 || right.count == 0)
		return true;
	if (!one_value(e, node, &left, &a, &has_a) || !one_value(e, node, &right, &b, &has_b))
		return false;
	if (!has_a || !has_b)
		return true;
	enum order order = item_order(e, &a, &b);
	if (order == ORDER_NEVER)
		return eval_fail(e, node, ERR_VALUE, "%.*s and %.*s cannot be compared", STR_ARG(kind_name(a.kind)),
				 STR_ARG(kind_name(b.kind)));
	if (order != ORDER_UNKNOWN)
		*ret_truth = node->op == PATH_OP_LESS	      ? order == ORDER_LESS
			     : node->op == PATH_OP_LESS_EQUAL ? order != ORDER_GREATER
			     : node->op == PATH_OP_GREATER    ? order == ORDER_GREATER
							      : order != ORDER_LESS;
	return true;
}

/* a in b, b contains a */
static bool truth_membership(struct eval *e, const struct path_node *node, const struct scope *scope, int *ret_truth)
{
	SMALL_ITEMS(left);
	SMALL_ITEMS(right);
	if (!sides(e, node, scope, &left, &right))
		return false;
	const struct path_items *one = node->op == PATH_OP_IN ? &left : &right;
	const struct path_items *many = node->op == PATH_OP_IN ? &right : &left;
	if (one->count > 1)
		return eval_fail(e, node, ERR_VALUE, "\"%s\" needs one item and got %zu",
				 node->op == PATH_OP_IN ? "in" : "contains", one->count);
	*ret_truth = one->count ? 0 : -1;
	for (size_t i = 0; one->count && i < many->count && *ret_truth == 0; i++)
		*ret_truth = item_equal(e, &one->items[0], &many->items[i]) == 1;
	return eval_work(e, 1);
}

static bool truth_is(struct eval *e, const struct path_node *node, const struct scope *scope, int *ret_truth)
{
	SMALL_ITEMS(input);
	if (!eval_items(e, node->left, scope, &input))
		return false;
	if (input.count > 1)
		return eval_fail(e, node, ERR_VALUE, "\"is\" needs one item and got %zu", input.count);
	*ret_truth = input.count ? item_is(&input.items[0], node->type) : -1;
	return true;
}

/* Operators whose result is a boolean or empty; *ret_is false for every other node. */
static bool truth_operator(struct eval *e, const struct path_node *node, const struct scope *scope, bool *ret_is,
			   int *ret_truth)
{
	*ret_is = true;
	switch (node->op) {
	case PATH_OP_AND:
	case PATH_OP_OR:
	case PATH_OP_XOR:
	case PATH_OP_IMPLIES:
		return truth_logic(e, node, scope, ret_truth);
	case PATH_OP_EQUAL:
	case PATH_OP_NOT_EQUAL:
	case PATH_OP_EQUIVALENT:
	case PATH_OP_NOT_EQUIVALENT:
		return truth_equality(e, node, scope, ret_truth);
	case PATH_OP_LESS:
	case PATH_OP_LESS_EQUAL:
	case PATH_OP_GREATER:
	case PATH_OP_GREATER_EQUAL:
		return truth_order(e, node, scope, ret_truth);
	case PATH_OP_IN:
	case PATH_OP_CONTAINS:
		return truth_membership(e, node, scope, ret_truth);
	case PATH_OP_IS:
		return truth_is(e, node, scope, ret_truth);
	default:
		*ret_is = false;
		return true;
	}
}

bool eval_truth(struct eval *e, const struct path_node *node, const struct scope *scope, int *ret_truth)
{
	struct truth_sink t = {.sink = {.take = take_truth}, .truth = -1};
	bool is_operator;
	if (!truth_operator(e, node, scope, &is_operator, ret_truth))
		return false;
	if (is_operator)
		return true;
	if (eval_stream(e, node, scope, &t.sink) == FLOW_FAIL)
		return false;
	if (t.count > 1)
		return eval_fail(e, node, ERR_VALUE, "a condition gives several items where one is needed");
	*ret_truth = t.truth;
	return true;
}

/* ---- steps ----------------------------------------------------------------------------------------------------- */

static enum flow stream_items(struct eval *e, const struct path_items *items, struct sink *s)
{
	for (size_t i = 0; i < items->count; i++) {
		enum flow f = s->take(e, s, &items->items[i]);
		if (f != FLOW_MORE)
			return f;
	}
	return FLOW_MORE;
}

enum flow sink_collect(struct eval *e, struct sink *s, const struct path_item *item)
{
	return flow_of(eval_add(e, s->out, item));
}

bool eval_items(struct eval *e, const struct path_node *node, const struct scope *scope, struct path_items *out)
{
	struct sink collect = {.take = sink_collect, .out = out};
	return eval_stream(e, node, scope, &collect) != FLOW_FAIL;
}

/* A step of a path between the one before it and whoever comes next. */
struct step_sink {
	struct sink sink;
	const struct path_node *node;
	struct sink *next;
};

static enum flow take_member(struct eval *e, struct sink *s, const struct path_item *item)
{
	struct step_sink *step = (struct step_sink *)s;
	return member_stream(e, step->node, step->node->name, item, step->next);
}

static enum flow stream_member(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	if (node->chain && !scope->all && scope->self->type == node->chain->steps[0]->owner)
		return chain_stream(e, node, scope->self, s);
	if (node->left->op == PATH_OP_THIS && !scope->all)
		return member_stream(e, node, node->name, scope->self, s);
	struct step_sink step = {.sink = {.take = take_member}, .node = node, .next = s};
	return eval_stream(e, node->left, scope, &step.sink);
}

/* A capitalised name at the start: the focus when it is of that type; otherwise it may be a member after all, as in
 * resources and logical models that no definition knows. */
static enum flow stream_type(struct eval *e, const struct path_node *node, const struct path_item *self, struct sink *s)
{
	bool is = node->type.fhir ? self->type && item_is(self, node->type)
				  : str_eq(json_get_str(self->value, S("resourceType")), node->name);
	if (!is && !self->type && node->type.fhir)
		is = str_eq(json_get_str(self->value, S("resourceType")), node->name);
	if (is)
		return s->take(e, s, self);
	return node->type.fhir ? FLOW_MORE : member_stream(e, node, node->name, self, s);
}

static enum flow take_as(struct eval *e, struct sink *s, const struct path_item *item)
{
	struct step_sink *step = (struct step_sink *)s;
	return item_as(item, step->node->type) ? step->next->take(e, step->next, item) : FLOW_MORE;
}

static enum flow stream_as(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	SMALL_ITEMS(input);
	if (e->program->as_filters) {
		struct step_sink step = {.sink = {.take = take_as}, .node = node, .next = s};
		return eval_stream(e, node->left, scope, &step.sink);
	}
	if (!eval_items(e, node->left, scope, &input))
		return FLOW_FAIL;
	if (input.count > 1)
		return flow_of(eval_fail(e, node, ERR_VALUE, "\"as\" needs one item and got %zu", input.count));
	return input.count && item_as(&input.items[0], node->type) ? s->take(e, s, &input.items[0]) : FLOW_MORE;
}

static enum flow stream_union(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	SMALL_ITEMS(left);
	SMALL_ITEMS(right);
	struct item_set merged = {0};
	if (!sides(e, node, scope, &left, &right))
		return FLOW_FAIL;
	bool is_new;
	for (size_t i = 0; i < left.count; i++)
		if (!item_set_add(e, &merged, &left.items[i], &is_new))
			return FLOW_FAIL;
	for (size_t i = 0; i < right.count; i++)
		if (!item_set_add(e, &merged, &right.items[i], &is_new))
			return FLOW_FAIL;
	return stream_items(e, &merged.items, s);
}

struct index_sink {
	struct sink sink;
	struct sink *next;
	int64_t left;
	enum flow result; /* what the next one said */
};

static enum flow take_index(struct eval *e, struct sink *s, const struct path_item *item)
{
	struct index_sink *index = (struct index_sink *)s;
	if (index->left-- > 0)
		return FLOW_MORE;
	index->result = index->next->take(e, index->next, item);
	return index->result == FLOW_FAIL ? FLOW_FAIL : FLOW_STOP;
}

static enum flow stream_index(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	SMALL_ITEMS(index);
	struct path_item at;
	bool there;
	const struct binding *bindings = e->bindings;
	if (!eval_items(e, node->right, scope, &index) || !one_value(e, node->right, &index, &at, &there))
		return FLOW_FAIL;
	e->bindings = bindings;
	if (!there)
		return FLOW_MORE;
	if (at.kind != PATH_INTEGER && at.kind != PATH_LONG)
		return flow_of(eval_fail(e, node->right, ERR_VALUE, "an index needs an integer"));
	if (at.integer < 0)
		return FLOW_MORE;
	struct index_sink sink = {.sink = {.take = take_index}, .next = s, .left = at.integer};
	enum flow f = eval_stream(e, node->left, scope, &sink.sink);
	/* The sink stops its own input; whether the flow goes on is for the next one to say. */
	return f == FLOW_STOP ? sink.result : f;
}

static enum flow stream_call(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	SMALL_ITEMS(input);
	SMALL_ITEMS(out);
	if (node->function->stream)
		return node->function->stream(e, node, scope, s);
	if (!eval_items(e, node->left, scope, &input))
		return FLOW_FAIL;
	const struct call c = {.node = node, .scope = scope, .input = &input};
	if (!node->function->run(e, &c, &out))
		return FLOW_FAIL;
	return stream_items(e, &out, s);
}

static enum flow stream_calculation(struct eval *e, const struct path_node *node, const struct scope *scope,
				    struct sink *s)
{
	SMALL_ITEMS(left);
	SMALL_ITEMS(right);
	SMALL_ITEMS(out);
	if (node->right ? !sides(e, node, scope, &left, &right) || !calculate(e, node, &left, &right, &out)
			: !eval_items(e, node->left, scope, &left) || !negate(e, node, &left, &out))
		return FLOW_FAIL;
	return stream_items(e, &out, s);
}

static enum flow stream_variable(struct eval *e, const struct path_node *node, struct sink *s)
{
	SMALL_ITEMS(out);
	return variable_items(e, node, &out) ? stream_items(e, &out, s) : FLOW_FAIL;
}

static enum flow stream_value(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	struct path_item item;
	switch (node->op) {
	case PATH_OP_EMPTY:
		return FLOW_MORE;
	case PATH_OP_COUNTER:
		item = item_integer(scope->index);
		return s->take(e, s, &item);
	case PATH_OP_TOTAL:
		return scope->total ? stream_items(e, scope->total, s) : FLOW_MORE;
	case PATH_OP_VARIABLE:
		return stream_variable(e, node, s);
	default:
		return stream_calculation(e, node, scope, s);
	}
}

enum flow eval_stream(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	bool is_operator;
	int truth = 0;
	if (++e->work > e->limit)
		return flow_of(eval_work(e, 0));
	switch (node->op) {
	case PATH_OP_THIS:
		return scope->all ? stream_items(e, scope->all, s) : s->take(e, s, scope->self);
	case PATH_OP_TYPE:
		return scope->all && !scope->all->count ? FLOW_MORE : stream_type(e, node, scope->self, s);
	case PATH_OP_MEMBER:
		return stream_member(e, node, scope, s);
	case PATH_OP_CALL:
		return stream_call(e, node, scope, s);
	case PATH_OP_LITERAL:
		return s->take(e, s, &node->literal);
	case PATH_OP_INDEX:
		return stream_index(e, node, scope, s);
	case PATH_OP_UNION:
		return stream_union(e, node, scope, s);
	case PATH_OP_AS:
		return stream_as(e, node, scope, s);
	default:
		break;
	}
	if (!truth_operator(e, node, scope, &is_operator, &truth))
		return FLOW_FAIL;
	if (!is_operator)
		return stream_value(e, node, scope, s);
	struct path_item item = item_boolean(truth == 1);
	return truth < 0 ? FLOW_MORE : s->take(e, s, &item);
}

/* ---- entry points ---------------------------------------------------------------------------------------------- */

/* Without a focus $this is empty. */
static const struct path_item no_focus = {.kind = PATH_ELEMENT};
static const struct path_items no_items = {0};

static uint64_t steps_left(const struct path_context *c)
{
	return c->steps && *c->steps < PATH_MAX_WORK ? *c->steps : PATH_MAX_WORK;
}

/* Takes what was used from what the caller has for all. */
static bool spend(const struct eval *e, bool ok)
{
	uint64_t *steps = e->context->steps;
	if (steps)
		*steps -= e->work < *steps ? e->work : *steps;
	return ok;
}

static struct scope root_scope(struct eval *e)
{
	struct scope scope = {.self = e->root, .all = e->root ? NULL : &no_items};
	if (!e->root)
		e->root = scope.self = &no_focus;
	return scope;
}

bool path_eval_node(const struct path_program *program, const struct path_node *node, struct arena *a,
		    const struct path_context *c, const struct path_item *focus, struct path_items *ret_items,
		    struct error *err)
{
	struct eval e = {
		.arena = a, .program = program, .context = c, .root = focus, .limit = steps_left(c), .err = err};
	const struct scope scope = root_scope(&e);
	*ret_items = (struct path_items){0};
	if (node->chain && focus && focus->type == node->chain->steps[0]->owner) {
		struct sink collect = {.take = sink_collect, .out = ret_items};
		return spend(&e, chain_stream(&e, node, focus, &collect) != FLOW_FAIL);
	}
	return spend(&e, eval_items(&e, node, &scope, ret_items));
}

bool path_eval(const struct path_program *program, struct arena *a, const struct path_context *c,
	       const struct path_item *focus, struct path_items *ret_items, struct error *err)
{
	return path_eval_node(program, program->root, a, c, focus, ret_items, err);
}

bool path_eval_truth(const struct path_program *program, struct arena *a, const struct path_context *c,
		     const struct path_item *focus, int *ret_truth, struct error *err)
{
	struct eval e = {
		.arena = a, .program = program, .context = c, .root = focus, .limit = steps_left(c), .err = err};
	const struct scope scope = root_scope(&e);
	return spend(&e, eval_truth(&e, program->root, &scope, ret_truth));
}
