/* Functions through which items pass one by one: filters, projections and tests for existence. */
#include "fhirpath/fhirpath_priv.h"

/* ---- where, select, exists, all -------------------------------------------------------------------------------- */

struct lambda_sink {
	struct sink sink;
	struct sink *next;
	const struct path_node *lambda; /* NULL: always true */
	const struct scope *outer;
	int64_t index;
	bool found; /* one that satisfies (exists) or does not (all) */
	bool wanted;
};

static struct scope inner_scope(const struct lambda_sink *l, const struct path_item *item)
{
	return (struct scope){.self = item, .index = l->index, .total = l->outer->total};
}

static bool lambda_holds(struct eval *e, struct lambda_sink *l, const struct path_item *item, bool *ret_holds)
{
	const struct scope scope = inner_scope(l, item);
	const struct binding *bindings = e->bindings;
	int truth;
	if (!l->lambda) {
		*ret_holds = true;
		return true;
	}
	if (!eval_truth(e, l->lambda, &scope, &truth))
		return false;
	e->bindings = bindings;
	l->index++;
	*ret_holds = truth == 1;
	return true;
}

static enum flow take_where(struct eval *e, struct sink *s, const struct path_item *item)
{
	struct lambda_sink *l = (struct lambda_sink *)s;
	bool holds;
	if (!lambda_holds(e, l, item, &holds))
		return FLOW_FAIL;
	return holds ? l->next->take(e, l->next, item) : FLOW_MORE;
}

enum flow fn_where(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	struct lambda_sink l = {.sink = {.take = take_where}, .next = s, .lambda = node->args, .outer = scope};
	return eval_stream(e, node->left, scope, &l.sink);
}

static enum flow take_select(struct eval *e, struct sink *s, const struct path_item *item)
{
	struct lambda_sink *l = (struct lambda_sink *)s;
	const struct scope scope = inner_scope(l, item);
	const struct binding *bindings = e->bindings;
	l->index++;
	enum flow f = eval_stream(e, l->lambda, &scope, l->next);
	e->bindings = bindings;
	return f;
}

enum flow fn_select(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	struct lambda_sink l = {.sink = {.take = take_select}, .next = s, .lambda = node->args, .outer = scope};
	return eval_stream(e, node->left, scope, &l.sink);
}

static enum flow take_test(struct eval *e, struct sink *s, const struct path_item *item)
{
	struct lambda_sink *l = (struct lambda_sink *)s;
	bool holds;
	if (!lambda_holds(e, l, item, &holds))
		return FLOW_FAIL;
	l->found |= holds == l->wanted;
	return l->found ? FLOW_STOP : FLOW_MORE;
}

/* Is there an item for which the argument is what is wanted? */
static enum flow test(struct eval *e, const struct path_node *node, const struct scope *scope, bool wanted,
		      bool *ret_found)
{
	struct lambda_sink l = {.sink = {.take = take_test}, .lambda = node->args, .outer = scope, .wanted = wanted};
	const struct binding *bindings = e->bindings;
	if (eval_stream(e, node->left, scope, &l.sink) == FLOW_FAIL)
		return FLOW_FAIL;
	e->bindings = bindings;
	*ret_found = l.found;
	return FLOW_MORE;
}

static enum flow take_boolean(struct eval *e, struct sink *s, bool truth)
{
	struct path_item item = item_boolean(truth);
	return s->take(e, s, &item);
}

enum flow fn_exists(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	bool found;
	return test(e, node, scope, true, &found) == FLOW_FAIL ? FLOW_FAIL : take_boolean(e, s, found);
}

enum flow fn_empty(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	bool found;
	return test(e, node, scope, true, &found) == FLOW_FAIL ? FLOW_FAIL : take_boolean(e, s, !found);
}

enum flow fn_all(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	bool found;
	return test(e, node, scope, false, &found) == FLOW_FAIL ? FLOW_FAIL : take_boolean(e, s, !found);
}

enum flow fn_not(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	int truth;
	if (!eval_truth(e, node->left, scope, &truth))
		return FLOW_FAIL;
	return truth < 0 ? FLOW_MORE : take_boolean(e, s, truth == 0);
}

struct type_sink {
	struct sink sink;
	struct sink *next;
	struct path_type type;
};

static enum flow take_type(struct eval *e, struct sink *s, const struct path_item *item)
{
	struct type_sink *t = (struct type_sink *)s;
	return item_as(item, t->type) ? t->next->take(e, t->next, item) : FLOW_MORE;
}

enum flow fn_of_type(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	struct type_sink t = {.sink = {.take = take_type}, .next = s, .type = node->type};
	return eval_stream(e, node->left, scope, &t.sink);
}

/* ---- count, first ---------------------------------------------------------------------------------------------- */

struct count_sink {
	struct sink sink;
	int64_t count;
};

static enum flow take_count(struct eval *e, struct sink *s, const struct path_item *item)
{
	(void)e;
	(void)item;
	((struct count_sink *)s)->count++;
	return FLOW_MORE;
}

enum flow fn_count(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	struct count_sink count = {.sink = {.take = take_count}};
	if (eval_stream(e, node->left, scope, &count.sink) == FLOW_FAIL)
		return FLOW_FAIL;
	struct path_item item = item_integer(count.count);
	return s->take(e, s, &item);
}

struct first_sink {
	struct sink sink;
	struct sink *next;
	enum flow result;
};

static enum flow take_first(struct eval *e, struct sink *s, const struct path_item *item)
{
	struct first_sink *first = (struct first_sink *)s;
	first->result = first->next->take(e, first->next, item);
	return first->result == FLOW_FAIL ? FLOW_FAIL : FLOW_STOP;
}

enum flow fn_first(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	struct first_sink first = {.sink = {.take = take_first}, .next = s};
	return eval_stream(e, node->left, scope, &first.sink) == FLOW_FAIL ? FLOW_FAIL : first.result;
}

/* ---- extensions ------------------------------------------------------------------------------------------------ */

struct extension_sink {
	struct sink sink;
	struct sink *next;
	struct str url;
	bool found;
};

static enum flow take_matching(struct eval *e, struct sink *s, const struct path_item *extension)
{
	struct extension_sink *x = (struct extension_sink *)s;
	if (!str_eq(json_get_str(extension->value, S("url")), x->url))
		return FLOW_MORE;
	x->found = true;
	return x->next ? x->next->take(e, x->next, extension) : FLOW_STOP;
}

struct holder_sink {
	struct sink sink;
	struct extension_sink *matching;
};

static enum flow take_holder(struct eval *e, struct sink *s, const struct path_item *item)
{
	return member_stream(e, NULL, S("extension"), item, &((struct holder_sink *)s)->matching->sink);
}

static enum flow extensions(struct eval *e, const struct path_node *node, const struct scope *scope,
			    struct extension_sink *matching)
{
	const struct call c = {.node = node, .scope = scope};
	bool there;
	if (!arg_string(e, &c, node->args, &matching->url, &there))
		return FLOW_FAIL;
	struct holder_sink holder = {.sink = {.take = take_holder}, .matching = matching};
	return there ? eval_stream(e, node->left, scope, &holder.sink) : FLOW_MORE;
}

enum flow fn_extension(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	struct extension_sink matching = {.sink = {.take = take_matching}, .next = s};
	return extensions(e, node, scope, &matching);
}

enum flow fn_has_extension(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s)
{
	struct extension_sink matching = {.sink = {.take = take_matching}};
	return extensions(e, node, scope, &matching) == FLOW_FAIL ? FLOW_FAIL : take_boolean(e, s, matching.found);
}
