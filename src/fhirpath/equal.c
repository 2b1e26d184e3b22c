/* Equality, equivalence and order of items (FHIRPath 6.1, 6.2), and sets of items by equality. */
#include "base/unicode.h"
#include "fhirpath/fhirpath_priv.h"

static bool numbers_equal(struct str a, struct str b)
{
	struct decimal x, y;
	if (str_eq(a, b))
		return true;
	return decimal_parse(a, &x) && decimal_parse(b, &y) && decimal_cmp(&x, &y) == 0;
}

/* Deep equality; loose compares texts by equivalence and leaves ids aside. */
static bool json_equal(struct eval *e, const struct json *a, const struct json *b)
{
	e->work++;
	if (a == b)
		return true;
	if (json_type(a) != json_type(b) || json_size(a) != json_size(b))
		return false;
	struct json_iter i = json_iter(a), j = json_iter(b);
	switch (json_type(a)) {
	case JSON_STRING:
		return str_eq(json_str(a), json_str(b));
	case JSON_NUMBER:
		return numbers_equal(json_number(a), json_number(b));
	case JSON_BOOL:
		return json_bool(a) == json_bool(b);
	case JSON_ARRAY:
		while (json_next(&i) && json_next(&j))
			if (!json_equal(e, i.value, j.value))
				return false;
		return true;
	case JSON_OBJECT:
		while (json_next(&i))
			if (!json_equal(e, i.value, json_get(b, i.key)))
				return false;
		return true;
	default:
		return true;
	}
}

/* ---- order ----------------------------------------------------------------------------------------------------- */

static enum order order_of(int compared)
{
	return compared < 0 ? ORDER_LESS : compared > 0 ? ORDER_GREATER : ORDER_EQUAL;
}

static enum order number_order(const struct path_item *a, const struct path_item *b)
{
	if (a->kind != PATH_DECIMAL && b->kind != PATH_DECIMAL)
		return order_of((a->integer > b->integer) - (a->integer < b->integer));
	struct decimal x = item_number(a), y = item_number(b);
	return order_of(decimal_cmp(&x, &y));
}

static bool is_day(const struct path_item *item)
{
	return item->kind == PATH_DATE || item->kind == PATH_DATETIME;
}

static bool both_measures(const struct path_item *a, const struct path_item *b)
{
	return (a->kind == PATH_QUANTITY && (b->kind == PATH_QUANTITY || item_is_number(b))) ||
	       (b->kind == PATH_QUANTITY && item_is_number(a));
}

static struct path_quantity as_quantity(const struct path_item *item)
{
	return item->kind == PATH_QUANTITY ? *item->quantity : quantity_of_number(item);
}

/* FHIR Quantities whose unit is not UCUM compare when it is the same one and both values are exact. */
static enum order foreign_order(const struct path_item *a, const struct path_item *b)
{
	struct decimal x, y;
	if (json_get(a->value, S("comparator")) || json_get(b->value, S("comparator")))
		return ORDER_UNKNOWN;
	static const char *const parts[] = {"system", "code", "unit"};
	for (size_t i = 0; i < 3; i++)
		if (!str_eq(json_get_str(a->value, str_from(parts[i])), json_get_str(b->value, str_from(parts[i]))))
			return ORDER_UNKNOWN;
	if (!decimal_parse(json_number(json_get(a->value, S("value"))), &x) ||
	    !decimal_parse(json_number(json_get(b->value, S("value"))), &y))
		return ORDER_UNKNOWN;
	return order_of(decimal_cmp(&x, &y));
}

static bool is_measure(const struct path_item *item)
{
	return item->kind == PATH_QUANTITY || (item->kind == PATH_ELEMENT && type_kind(item->type) == PATH_QUANTITY);
}

enum order item_order(struct eval *e, const struct path_item *a, const struct path_item *b)
{
	e->work++;
	if (item_is_number(a) && item_is_number(b))
		return number_order(a, b);
	if (a->kind == PATH_STRING && b->kind == PATH_STRING)
		return order_of(str_cmp(a->text, b->text));
	if ((is_day(a) && is_day(b)) || (a->kind == PATH_TIME && b->kind == PATH_TIME))
		return moment_order(&a->moment, &b->moment);
	if (both_measures(a, b)) {
		struct path_quantity x = as_quantity(a), y = as_quantity(b);
		return quantity_order(e, &x, &y);
	}
	if (is_measure(a) && is_measure(b))
		return a->kind == b->kind ? foreign_order(a, b) : ORDER_UNKNOWN;
	return ORDER_NEVER;
}

/* ---- equality -------------------------------------------------------------------------------------------------- */

static int values_equal(struct eval *e, const struct path_item *x, const struct path_item *y)
{
	if (x->kind == PATH_STRING && y->kind == PATH_STRING)
		return str_eq(x->text, y->text);
	if (x->kind == PATH_BOOLEAN && y->kind == PATH_BOOLEAN)
		return x->truth == y->truth;
	if (x->kind == PATH_TYPE_INFO && y->kind == PATH_TYPE_INFO)
		return x->truth == y->truth && str_eq(x->text, y->text);
	switch (item_order(e, x, y)) {
	case ORDER_EQUAL:
		return 1;
	case ORDER_UNKNOWN:
		return -1;
	default:
		return 0;
	}
}

/* Strings against strings are most of all comparisons. */
static bool plain_text(const struct path_item *item, struct str *ret_text)
{
	if (item->kind == PATH_STRING) {
		*ret_text = item->text;
		return true;
	}
	if (item->kind != PATH_ELEMENT || item->extra || !item->value)
		return false;
	switch (item->type ? item->type->primitive : PRIMITIVE_NONE) {
	case PRIMITIVE_STRING:
	case PRIMITIVE_CODE:
	case PRIMITIVE_URI:
	case PRIMITIVE_ID:
		*ret_text = json_str(item->value);
		return ret_text->p;
	default:
		return false;
	}
}

int item_equal(struct eval *e, const struct path_item *a, const struct path_item *b)
{
	struct path_item x, y;
	struct str s, t;
	e->work++;
	if (plain_text(a, &s) && plain_text(b, &t)) {
		e->work += s.n / 256;
		return str_eq(s, t);
	}
	bool elements = a->kind == PATH_ELEMENT && b->kind == PATH_ELEMENT;
	/* Ids and extensions are part of an element. */
	if (elements && (a->extra || b->extra) && !json_equal(e, a->extra, b->extra))
		return 0;
	bool has_x = item_value(e, a, &x), has_y = item_value(e, b, &y);
	if (has_x && has_y)
		return values_equal(e, &x, &y);
	if (!elements || (has_x != has_y && a->type != b->type))
		return 0;
	if (a->value || b->value)
		return a->value && b->value && json_equal(e, a->value, b->value);
	return a->text.p || b->text.p ? a->text.p && b->text.p && str_eq(a->text, b->text) : a->extra && b->extra;
}

int items_equal(struct eval *e, const struct path_items *a, const struct path_items *b)
{
	int all = 1;
	if (a->count != b->count)
		return 0;
	for (size_t i = 0; i < a->count; i++) {
		int one = item_equal(e, &a->items[i], &b->items[i]);
		if (one == 0)
			return 0;
		if (one < 0)
			all = -1;
	}
	return all;
}

/* ---- equivalence ----------------------------------------------------------------------------------------------- */

/* Case and the kind of white space do not matter. */
static bool text_equivalent(struct str a, struct str b)
{
	for (;;) {
		struct str x = unicode_next(&a), y = unicode_next(&b);
		if (!x.p || !y.p)
			return !x.p && !y.p;
		if (str_eq(x, y))
			continue;
		uint32_t p = unicode_point(x), q = unicode_point(y);
		if (!(unicode_is_space(p) && unicode_is_space(q)) && unicode_lower_point(p) != unicode_lower_point(q))
			return false;
	}
}

int decimals_places(const struct decimal *d)
{
	struct decimal normal = decimal_normal(d);
	return (int)decimal_places(&normal);
}

bool decimals_equal_to(const struct decimal *a, const struct decimal *b, int places)
{
	struct decimal p = decimal_round(a, places, DECIMAL_HALF_UP), q = decimal_round(b, places, DECIMAL_HALF_UP);
	return decimal_cmp(&p, &q) == 0;
}

bool decimals_equivalent(const struct decimal *a, const struct decimal *b)
{
	int x = decimals_places(a), y = decimals_places(b);
	return decimals_equal_to(a, b, x < y ? x : y);
}

static bool numbers_equivalent(const struct path_item *a, const struct path_item *b)
{
	struct decimal x = item_number(a), y = item_number(b);
	return decimals_equivalent(&x, &y);
}

static bool json_equivalent(struct eval *e, const struct json *a, const struct json *b)
{
	struct decimal x, y;
	e->work++;
	if (json_type(a) != json_type(b))
		return false;
	switch (json_type(a)) {
	case JSON_STRING:
		return text_equivalent(json_str(a), json_str(b));
	case JSON_NUMBER:
		return decimal_parse(json_number(a), &x) && decimal_parse(json_number(b), &y) &&
		       decimals_equivalent(&x, &y);
	case JSON_ARRAY:
		if (json_size(a) != json_size(b))
			return false;
		for (struct json_iter i = json_iter(a); json_next(&i);) {
			bool found = false;
			for (struct json_iter j = json_iter(b); !found && json_next(&j);)
				found = json_equivalent(e, i.value, j.value);
			if (!found)
				return false;
		}
		return true;
	case JSON_OBJECT:
		for (struct json_iter i = json_iter(a); json_next(&i);)
			if (!str_is(i.key, "id") && !json_equivalent(e, i.value, json_get(b, i.key)))
				return false;
		for (struct json_iter j = json_iter(b); json_next(&j);)
			if (!str_is(j.key, "id") && !json_get(a, j.key))
				return false;
		return true;
	default:
		return json_equal(e, a, b);
	}
}

static bool values_equivalent(struct eval *e, const struct path_item *x, const struct path_item *y)
{
	if (x->kind == PATH_STRING && y->kind == PATH_STRING) {
		e->work += x->text.n / 16;
		return text_equivalent(x->text, y->text);
	}
	if (item_is_number(x) && item_is_number(y))
		return numbers_equivalent(x, y);
	if (both_measures(x, y)) {
		struct path_quantity p = as_quantity(x), q = as_quantity(y);
		return quantity_equivalent(e, &p, &q);
	}
	return values_equal(e, x, y) == 1;
}

bool item_equivalent(struct eval *e, const struct path_item *a, const struct path_item *b)
{
	struct path_item x, y;
	e->work++;
	bool has_x = item_value(e, a, &x), has_y = item_value(e, b, &y);
	if (has_x && has_y)
		return values_equivalent(e, &x, &y);
	if (has_x || has_y || a->kind != PATH_ELEMENT || b->kind != PATH_ELEMENT)
		return false;
	if (item_is_hollow(a) && item_is_hollow(b))
		return true;
	return a->value && b->value && json_equivalent(e, a->value, b->value);
}

/* Order does not matter, but each item answers for one. */
bool items_equivalent(struct eval *e, const struct path_items *a, const struct path_items *b)
{
	if (a->count != b->count)
		return false;
	if (a->count == 1)
		return item_equivalent(e, &a->items[0], &b->items[0]);
	bool *taken = ARENA_ARRAY(e->arena, bool, b->count);
	if (!taken)
		return error_memory(e->err);
	for (size_t i = 0; i < a->count; i++) {
		size_t j = 0;
		while (j < b->count && (taken[j] || !item_equivalent(e, &a->items[i], &b->items[j])))
			j++;
		if (j == b->count || e->work > e->limit)
			return false;
		taken[j] = true;
	}
	return true;
}

/* ---- sets ------------------------------------------------------------------------------------------------------ */

/* Equal items have equal hashes. Values that are equal in several notations share one per kind, apart from whole
 * numbers. */
static uint32_t item_hash(struct eval *e, const struct path_item *item)
{
	struct path_item x;
	int64_t whole;
	if (!item_value(e, item, &x))
		return json_is(item->value, JSON_OBJECT)
			       ? (uint32_t)(100 + json_size(item->value) +
					    str_hash(json_get_str(item->value, S("id"))) * 31 +
					    str_hash(json_get_str(item->value, S("url"))))
			       : 1;
	if (x.kind == PATH_STRING)
		return (uint32_t)str_hash(x.text);
	if (item_is_number(&x)) {
		struct decimal d = item_number(&x);
		return decimal_to_i64(&d, &whole) ? (uint32_t)whole * 2654435761u : 2;
	}
	if (x.kind == PATH_DATE || x.kind == PATH_DATETIME || x.kind == PATH_TIME)
		return 3;
	return (uint32_t)x.kind * 7 + x.truth;
}

enum { SMALL_SET = 12 };

static bool set_grow(struct eval *e, struct item_set *set)
{
	size_t count = set->slot_count ? set->slot_count * 4 : 64;
	uint32_t *slots = ARENA_ARRAY(e->arena, uint32_t, count);
	if (!slots)
		return error_memory(e->err);
	for (size_t i = 0; i < set->items.count; i++) {
		size_t at = item_hash(e, &set->items.items[i]) & (count - 1);
		while (slots[at])
			at = (at + 1) & (count - 1);
		slots[at] = (uint32_t)i + 1;
	}
	set->slots = slots;
	set->slot_count = count;
	return true;
}

/* The item's place in the slots; *ret_found when an equal one is there. */
static size_t set_find(struct eval *e, const struct item_set *set, const struct path_item *item, bool *ret_found)
{
	size_t at = item_hash(e, item) & (set->slot_count - 1);
	*ret_found = false;
	for (; set->slots[at]; at = (at + 1) & (set->slot_count - 1)) {
		if (item_equal(e, &set->items.items[set->slots[at] - 1], item) == 1) {
			*ret_found = true;
			break;
		}
		if (e->work > e->limit)
			break;
	}
	return at;
}

/* Numbers and quantities may be equal to each other, so a set that has quantities is searched as a list. */
bool item_set_has(struct eval *e, const struct item_set *set, const struct path_item *item)
{
	bool found = false;
	if (set->slot_count && item->kind != PATH_QUANTITY) {
		set_find(e, set, item, &found);
		return found;
	}
	for (size_t i = 0; !found && i < set->items.count && e->work <= e->limit; i++)
		found = item_equal(e, &set->items.items[i], item) == 1;
	return found;
}

bool item_set_add(struct eval *e, struct item_set *set, const struct path_item *item, bool *ret_new)
{
	*ret_new = !item_set_has(e, set, item);
	if (!eval_work(e, 1))
		return false;
	if (!*ret_new)
		return true;
	if (!eval_add(e, &set->items, item))
		return false;
	if (set->items.count < SMALL_SET)
		return true;
	if (set->items.count * 2 > set->slot_count)
		return set_grow(e, set);
	bool found;
	set->slots[set_find(e, set, item, &found)] = (uint32_t)set->items.count;
	return true;
}
