/* Functions on whole collections: subsets, sets, order, aggregates, control. */
#include <stdlib.h>

#include "fhirpath/fhirpath_priv.h"

/* The items of an argument, evaluated where the function is called. */
static bool arg_items(struct eval *e, const struct call *c, const struct path_node *arg, struct path_items *out)
{
	const struct binding *bindings = e->bindings;
	bool ok = eval_items(e, arg, c->scope, out);
	e->bindings = bindings;
	return ok;
}

/* The items of a lambda for one item of the input. */
static bool lambda_items(struct eval *e, const struct call *c, const struct path_node *lambda,
			 const struct path_item *self, int64_t index, struct path_items *out)
{
	const struct scope scope = {.self = self, .index = index, .total = c->scope->total};
	const struct binding *bindings = e->bindings;
	bool ok = eval_items(e, lambda, &scope, out);
	e->bindings = bindings;
	return ok;
}

/* ---- booleans -------------------------------------------------------------------------------------------------- */

/* Is one of the items the wanted truth? All must be booleans. */
static bool has_truth(struct eval *e, const struct call *c, bool wanted, bool *ret_has)
{
	struct path_item value;
	*ret_has = false;
	for (size_t i = 0; i < c->input->count; i++) {
		if (!item_simple(e, &c->input->items[i], &value) || value.kind != PATH_BOOLEAN)
			return eval_fail(e, c->node, ERR_VALUE, "%s() needs booleans", c->node->function->name);
		*ret_has |= value.truth == wanted;
	}
	return true;
}

static bool all_or_any(struct eval *e, const struct call *c, struct path_items *out, bool wanted, bool all)
{
	bool has;
	return has_truth(e, c, wanted != all, &has) && add_boolean(e, out, has != all);
}

bool fn_all_true(struct eval *e, const struct call *c, struct path_items *out)
{
	return all_or_any(e, c, out, true, true);
}

bool fn_any_true(struct eval *e, const struct call *c, struct path_items *out)
{
	return all_or_any(e, c, out, true, false);
}

bool fn_all_false(struct eval *e, const struct call *c, struct path_items *out)
{
	return all_or_any(e, c, out, false, true);
}

bool fn_any_false(struct eval *e, const struct call *c, struct path_items *out)
{
	return all_or_any(e, c, out, false, false);
}

/* ---- sets ------------------------------------------------------------------------------------------------------ */

static bool set_of(struct eval *e, const struct path_items *items, struct item_set *set)
{
	bool is_new;
	for (size_t i = 0; i < items->count; i++)
		if (!item_set_add(e, set, &items->items[i], &is_new))
			return false;
	return true;
}

static bool add_subset(struct eval *e, const struct path_items *part, const struct path_items *whole,
		       struct path_items *out)
{
	struct item_set set = {0};
	if (!set_of(e, whole, &set))
		return false;
	bool all = true;
	for (size_t i = 0; all && i < part->count; i++)
		all = item_set_has(e, &set, &part->items[i]);
	return eval_work(e, part->count) && add_boolean(e, out, all);
}

bool fn_subset_of(struct eval *e, const struct call *c, struct path_items *out)
{
	SMALL_ITEMS(other);
	return arg_items(e, c, c->node->args, &other) && add_subset(e, c->input, &other, out);
}

bool fn_superset_of(struct eval *e, const struct call *c, struct path_items *out)
{
	SMALL_ITEMS(other);
	return arg_items(e, c, c->node->args, &other) && add_subset(e, &other, c->input, out);
}

bool fn_distinct(struct eval *e, const struct call *c, struct path_items *out)
{
	struct item_set set = {0};
	return set_of(e, c->input, &set) && add_all(e, out, &set.items);
}

bool fn_is_distinct(struct eval *e, const struct call *c, struct path_items *out)
{
	struct item_set set = {0};
	return set_of(e, c->input, &set) && add_boolean(e, out, set.items.count == c->input->count);
}

bool fn_union(struct eval *e, const struct call *c, struct path_items *out)
{
	SMALL_ITEMS(other);
	struct item_set set = {0};
	return arg_items(e, c, c->node->args, &other) && set_of(e, c->input, &set) && set_of(e, &other, &set) &&
	       add_all(e, out, &set.items);
}

/* combine(other [, preserveOrder]) */
bool fn_combine(struct eval *e, const struct call *c, struct path_items *out)
{
	SMALL_ITEMS(other);
	return arg_items(e, c, c->node->args, &other) && add_all(e, out, c->input) && add_all(e, out, &other);
}

static bool keep(struct eval *e, const struct call *c, bool members, struct path_items *out)
{
	SMALL_ITEMS(other);
	struct item_set set = {0}, kept = {0};
	bool is_new = true;
	if (!arg_items(e, c, c->node->args, &other) || !set_of(e, &other, &set))
		return false;
	for (size_t i = 0; i < c->input->count; i++) {
		const struct path_item *item = &c->input->items[i];
		if (item_set_has(e, &set, item) != members)
			continue;
		/* An intersection has no duplicates, an exclusion keeps them. */
		if (members && !item_set_add(e, &kept, item, &is_new))
			return false;
		if (is_new && !eval_add(e, out, item))
			return false;
	}
	return eval_work(e, c->input->count);
}

bool fn_intersect(struct eval *e, const struct call *c, struct path_items *out)
{
	return keep(e, c, true, out);
}

bool fn_exclude(struct eval *e, const struct call *c, struct path_items *out)
{
	return keep(e, c, false, out);
}

/* ---- parts ----------------------------------------------------------------------------------------------------- */

static bool add_range(struct eval *e, const struct call *c, size_t from, size_t to, struct path_items *out)
{
	for (size_t i = from; i < to && i < c->input->count; i++)
		if (!eval_add(e, out, &c->input->items[i]))
			return false;
	return true;
}

bool fn_single(struct eval *e, const struct call *c, struct path_items *out)
{
	if (c->input->count > 1)
		return eval_fail(e, c->node, ERR_VALUE, "single() got %zu items", c->input->count);
	return add_range(e, c, 0, 1, out);
}

bool fn_last(struct eval *e, const struct call *c, struct path_items *out)
{
	size_t n = c->input->count;
	return n == 0 || add_range(e, c, n - 1, n, out);
}

bool fn_tail(struct eval *e, const struct call *c, struct path_items *out)
{
	return add_range(e, c, 1, c->input->count, out);
}

bool fn_skip(struct eval *e, const struct call *c, struct path_items *out)
{
	int64_t n = 0;
	bool there;
	if (!arg_integer(e, c, c->node->args, &n, &there))
		return false;
	return !there || add_range(e, c, n < 0 ? 0 : (size_t)n, c->input->count, out);
}

bool fn_take(struct eval *e, const struct call *c, struct path_items *out)
{
	int64_t n = 0;
	bool there;
	if (!arg_integer(e, c, c->node->args, &n, &there))
		return false;
	return !there || n <= 0 || add_range(e, c, 0, (size_t)n, out);
}

/* ---- types ----------------------------------------------------------------------------------------------------- */

bool fn_as(struct eval *e, const struct call *c, struct path_items *out)
{
	if (c->input->count > 1 && !e->program->as_filters)
		return eval_fail(e, c->node, ERR_VALUE, "as() needs one item and got %zu", c->input->count);
	for (size_t i = 0; i < c->input->count; i++)
		if (item_as(&c->input->items[i], c->node->type) && !eval_add(e, out, &c->input->items[i]))
			return false;
	return true;
}

bool fn_is(struct eval *e, const struct call *c, struct path_items *out)
{
	if (c->input->count > 1)
		return eval_fail(e, c->node, ERR_VALUE, "is() needs one item and got %zu", c->input->count);
	return c->input->count == 0 || add_boolean(e, out, item_is(&c->input->items[0], c->node->type));
}

/* ---- order ----------------------------------------------------------------------------------------------------- */

enum { MAX_KEYS = 16 };

struct sort_entry {
	size_t at; /* in the input */
	struct path_item keys[MAX_KEYS];
	bool there[MAX_KEYS];
};

struct sorting {
	struct eval *e;
	const struct path_node *node;
	size_t key_count;
	bool descending[MAX_KEYS];
	bool failed;
};

/* Empty comes first, whichever way the key goes. */
static int compare_entries(const void *a, const void *b, void *ctx)
{
	const struct sort_entry *x = a, *y = b;
	struct sorting *s = ctx;
	for (size_t i = 0; i < s->key_count; i++) {
		int order = 0;
		if (!x->there[i] || !y->there[i]) {
			order = x->there[i] - y->there[i];
			if (order)
				return order;
		} else {
			enum order o = item_order(s->e, &x->keys[i], &y->keys[i]);
			s->failed |= o == ORDER_NEVER || o == ORDER_UNKNOWN;
			order = o == ORDER_LESS ? -1 : o == ORDER_GREATER ? 1 : 0;
		}
		if (order)
			return s->descending[i] ? -order : order;
	}
	return (x->at > y->at) - (x->at < y->at);
}

/* A minus in front of a key turns its order around instead of negating it. */
static const struct path_node *sort_key(const struct path_node *arg, bool *ret_descending)
{
	*ret_descending = arg->op == PATH_OP_NEGATE;
	return arg->op == PATH_OP_NEGATE || arg->op == PATH_OP_PLUS ? arg->left : arg;
}

static bool sort_keys(const struct call *c, struct sorting *s, struct sort_entry *entry)
{
	const struct path_item *self = &c->input->items[entry->at];
	size_t n = 0;
	for (const struct path_node *arg = c->node->args; arg; arg = arg->next, n++) {
		SMALL_ITEMS(key);
		const struct path_node *by = sort_key(arg, &s->descending[n]);
		if (!lambda_items(s->e, c, by, self, (int64_t)entry->at, &key) ||
		    !one_value(s->e, by, &key, &entry->keys[n], &entry->there[n]))
			return false;
	}
	if (n == 0) {
		const struct path_items one = {.items = c->input->items + entry->at, .count = 1};
		if (!one_value(s->e, c->node, &one, &entry->keys[0], &entry->there[0]))
			return false;
		n = 1;
	}
	s->key_count = n;
	return true;
}

bool fn_sort(struct eval *e, const struct call *c, struct path_items *out)
{
	size_t count = c->input->count;
	struct sorting s = {.e = e, .node = c->node};
	struct sort_entry *entries = arena_alloc(e->arena, (count ? count : 1) * sizeof(*entries));
	if (!entries)
		return error_memory(e->err);
	for (size_t i = 0; i < count; i++) {
		entries[i].at = i;
		if (!sort_keys(c, &s, &entries[i]))
			return false;
	}
	qsort_r(entries, count, sizeof(*entries), compare_entries, &s);
	if (s.failed)
		return eval_fail(e, c->node, ERR_VALUE, "sort() cannot compare the items with each other");
	for (size_t i = 0; i < count; i++)
		if (!eval_add(e, out, &c->input->items[entries[i].at]))
			return false;
	return eval_work(e, count);
}

/* ---- aggregates ------------------------------------------------------------------------------------------------ */

bool fn_aggregate(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_items total = {0};
	const struct path_node *start = c->node->args->next;
	if (start && !arg_items(e, c, start, &total))
		return false;
	for (size_t i = 0; i < c->input->count; i++) {
		struct path_items next = {0};
		const struct scope scope = {.self = &c->input->items[i], .index = (int64_t)i, .total = &total};
		const struct binding *bindings = e->bindings;
		if (!eval_items(e, c->node->args, &scope, &next))
			return false;
		e->bindings = bindings;
		total = next;
	}
	return add_all(e, out, &total);
}

/* Sum of all items; *ret_there false when there is none or one has no value. */
static bool sum(struct eval *e, const struct call *c, struct path_items *ret_sum)
{
	const struct path_node add = {.op = PATH_OP_ADD, .at = c->node->at};
	for (size_t i = 0; i < c->input->count; i++) {
		const struct path_items one = {.items = c->input->items + i, .count = 1};
		struct path_items next = {0};
		if (i == 0)
			*ret_sum = (struct path_items){0};
		if (!(i == 0 ? add_all(e, &next, &one) : calculate(e, &add, ret_sum, &one, &next)))
			return false;
		*ret_sum = next;
		if (next.count == 0 || item_is_hollow(&next.items[0])) {
			ret_sum->count = 0;
			return true;
		}
	}
	return true;
}

bool fn_sum(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_items total = {0};
	return sum(e, c, &total) && add_all(e, out, &total);
}

bool fn_avg(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_items total = {0};
	struct path_item count = item_integer((int64_t)c->input->count);
	const struct path_items by = {.items = &count, .count = 1};
	const struct path_node divide = {.op = PATH_OP_DIVIDE, .at = c->node->at};
	return sum(e, c, &total) && (total.count == 0 || calculate(e, &divide, &total, &by, out));
}

/* As aggregate(iif($total.empty(), $this, iif($this < $total, $this, $total))) does, which the specification gives for
 * it (7.1): what cannot be compared with the best so far does not replace it. */
static bool extreme(struct eval *e, const struct call *c, enum order wanted, struct path_items *out)
{
	const struct path_item *best = NULL;
	struct path_item best_value, value;
	for (size_t i = 0; i < c->input->count; i++) {
		if (item_is_hollow(&c->input->items[i]))
			return true;
		if (!item_value(e, &c->input->items[i], &value))
			value = c->input->items[i];
		enum order order = best ? item_order(e, &value, &best_value) : wanted;
		if (order == ORDER_NEVER)
			return eval_fail(e, c->node, ERR_VALUE, "%s() cannot compare items of these types",
					 c->node->function->name);
		if (order == wanted) {
			best = &c->input->items[i];
			best_value = value;
		}
	}
	return !best || eval_add(e, out, best);
}

bool fn_min(struct eval *e, const struct call *c, struct path_items *out)
{
	return extreme(e, c, ORDER_LESS, out);
}

bool fn_max(struct eval *e, const struct call *c, struct path_items *out)
{
	return extreme(e, c, ORDER_GREATER, out);
}

/* ---- control --------------------------------------------------------------------------------------------------- */

/* iif(condition, then [, else]): on at most one item, which is $this of all three. */
bool fn_iif(struct eval *e, const struct call *c, struct path_items *out)
{
	const struct path_node *then = c->node->args->next;
	const struct binding *bindings = e->bindings;
	struct scope scope = *c->scope;
	int truth;
	if (c->input->count > 1)
		return eval_fail(e, c->node, ERR_VALUE, "iif() needs one item and got %zu", c->input->count);
	scope.self = c->input->count ? &c->input->items[0] : c->scope->self;
	scope.all = c->input->count ? NULL : c->input;
	if (!eval_truth(e, c->node->args, &scope, &truth))
		return false;
	e->bindings = bindings;
	const struct path_node *chosen = truth == 1 ? then : then->next;
	bool ok = !chosen || eval_items(e, chosen, &scope, out);
	e->bindings = bindings;
	return ok;
}

/* coalesce(first, second...): each is asked of the input as a whole until one gives something. */
bool fn_coalesce(struct eval *e, const struct call *c, struct path_items *out)
{
	struct call inner = *c;
	struct scope scope = *c->scope;
	if (c->input->count)
		scope.self = &c->input->items[0];
	scope.all = c->input->count == 1 ? NULL : c->input;
	inner.scope = &scope;
	for (const struct path_node *arg = c->node->args; arg && out->count == 0; arg = arg->next)
		if (!arg_items(e, &inner, arg, out))
			return false;
	return true;
}

/* trace(name [, projection]): hands the items to whoever listens and passes the input on. */
bool fn_trace(struct eval *e, const struct call *c, struct path_items *out)
{
	const struct path_services *services = e->context->services;
	const struct path_node *projection = c->node->args->next;
	struct path_items shown = {0};
	struct str name = S("");
	bool there;
	if (!arg_string(e, c, c->node->args, &name, &there))
		return false;
	for (size_t i = 0; projection && i < c->input->count; i++)
		if (!lambda_items(e, c, projection, &c->input->items[i], (int64_t)i, &shown))
			return false;
	if (services && services->trace)
		services->trace(services->ctx, name, projection ? &shown : c->input);
	return add_all(e, out, c->input);
}
