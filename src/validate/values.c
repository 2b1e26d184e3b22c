/*
 * Values against what a definition fixes: fixed[x], pattern[x], least and greatest values, lengths, regular expressions
 * (http://hl7.org/fhir/R4/elementdefinition.html).
 */
#include "validate/walk_priv.h"

#include "base/decimal.h"
#include "base/regex.h"
#include "units/units.h"

static bool same_number(struct str a, struct str b)
{
	struct decimal x, y;
	if (!decimal_parse(a, &x) || !decimal_parse(b, &y))
		return str_eq(a, b);
	return decimal_cmp(&x, &y) == 0;
}

static bool same_scalar(const struct json *a, const struct json *b)
{
	switch (json_type(a)) {
	case JSON_NUMBER:
		return same_number(json_number(a), json_number(b));
	case JSON_STRING:
		return str_eq(json_str(a), json_str(b));
	case JSON_BOOL:
		return json_bool(a) == json_bool(b);
	default:
		return true;
	}
}

bool value_equals(const struct json *value, const struct json *fixed)
{
	struct json_iter it = json_iter(fixed);
	if (json_type(value) != json_type(fixed))
		return false;
	if (json_is(fixed, JSON_ARRAY)) {
		struct json_iter other = json_iter(value);
		if (it.left != other.left)
			return false;
		while (json_next(&it) && json_next(&other))
			if (!value_equals(other.value, it.value))
				return false;
		return true;
	}
	if (!json_is(fixed, JSON_OBJECT))
		return same_scalar(value, fixed);
	while (json_next(&it))
		if (!value_equals(json_get(value, it.key), it.value))
			return false;
	for (it = json_iter(value); json_next(&it);)
		if (!json_get(fixed, it.key) && !str_is(it.key, "id"))
			return false;
	return true;
}

/* Every item of the pattern must match some item of the value. */
static bool list_matches(const struct json *value, const struct json *pattern)
{
	struct json_iter it = json_iter(pattern);
	while (json_next(&it)) {
		struct json_iter other = json_iter(value);
		bool found = false;
		while (!found && json_next(&other))
			found = value_matches(other.value, it.value);
		if (!found)
			return false;
	}
	return true;
}

bool value_matches(const struct json *value, const struct json *pattern)
{
	if (json_type(value) != json_type(pattern))
		return false;
	if (json_is(pattern, JSON_ARRAY))
		return list_matches(value, pattern);
	if (!json_is(pattern, JSON_OBJECT))
		return same_scalar(value, pattern);
	struct json_iter it = json_iter(pattern);
	while (json_next(&it))
		if (!value_matches(json_get(value, it.key), it.value))
			return false;
	return true;
}

/* ---- text of values for people --------------------------------------------------------------------------------------
 */

enum { MAX_SHOWN = 200 };

static struct str show(struct validation *v, const struct json *j)
{
	struct buf out;
	if (json_is(j, JSON_STRING))
		return str_slice(json_str(j), 0, MAX_SHOWN);
	if (!j)
		return S("nothing");
	buf_init(&out, 65536);
	struct json_writer w = json_writer(&out);
	json_put_value(&w, j);
	struct str text = arena_str(v->arena, str_slice(buf_str(&out), 0, MAX_SHOWN));
	buf_done(&out);
	return text.p ? text : S("?");
}

/* The first part in which a value differs: for objects the deepest named one, so that the finding is precise. */
static void report_difference(struct validation *v, const struct node *n, const struct json *expected, bool whole,
			      const struct profile_element *e);

/* Lists of the same length that must be the same differ in an item; any other difference is one of the element. */
static bool report_item(struct validation *v, const struct node *list, const struct json *expected, bool whole,
			const struct profile_element *e)
{
	struct json_iter value = json_iter(list->value), it = json_iter(expected);
	if (!whole || !json_is(list->value, JSON_ARRAY) || value.left != it.left)
		return false;
	for (int64_t i = 0; json_next(&it) && json_next(&value); i++) {
		struct node item = node_child(list->parent, list->name, i, value.value);
		if (value_equals(value.value, it.value))
			continue;
		report_difference(v, &item, it.value, whole, e);
		return true;
	}
	return false;
}

static void report_difference(struct validation *v, const struct node *n, const struct json *expected, bool whole,
			      const struct profile_element *e)
{
	if (json_is(expected, JSON_OBJECT) && json_is(n->value, JSON_OBJECT)) {
		struct json_iter it = json_iter(expected);
		while (json_next(&it)) {
			const struct json *part = json_get(n->value, it.key);
			if (whole ? value_equals(part, it.value) : value_matches(part, it.value))
				continue;
			struct node at = node_child(n, it.key, -1, part);
			if (json_is(it.value, JSON_ARRAY) && report_item(v, &at, it.value, whole, e))
				return;
			if (!part || json_is(it.value, JSON_ARRAY))
				break;
			report_difference(v, &at, it.value, whole, e);
			return;
		}
	}
	validation_find(v, n, ISSUE_ERROR, ERR_VALUE, whole ? S("fixed") : S("pattern"),
			"Found %.*s, but %.*s must %s %.*s (%.*s)", STR_ARG(show(v, n->value)), STR_ARG(e->path),
			whole ? "be" : "match", STR_ARG(show(v, expected)), STR_ARG(e->profile->url));
}

/* ---- least and greatest --------------------------------------------------------------------------------------------
 */

/* -1, 0, 1 into *ret_order; false when the two cannot be compared. */
static bool compare_dates(struct str a, struct str b, int *ret_order)
{
	int64_t a_low, a_high, b_low, b_high;
	if (!date_range(a, &a_low, &a_high) || !date_range(b, &b_low, &b_high))
		return false;
	*ret_order = a_high < b_low ? -1 : a_low > b_high ? 1 : 0;
	return true;
}

static bool compare_quantities(const struct json *a, const struct json *b, int *ret_order)
{
	struct decimal x, y;
	if (!decimal_parse(json_number(json_get(a, S("value"))), &x) ||
	    !decimal_parse(json_number(json_get(b, S("value"))), &y))
		return false;
	struct str code_a = json_get_str(a, S("code")), code_b = json_get_str(b, S("code"));
	struct str system_a = json_get_str(a, S("system")), system_b = json_get_str(b, S("system"));
	struct unit unit_a, unit_b;
	struct error ignored = {0};
	if (str_eq(code_a, code_b) && str_eq(system_a, system_b)) {
		*ret_order = decimal_cmp(&x, &y);
		return true;
	}
	return str_is(system_a, UNIT_SYSTEM) && str_is(system_b, UNIT_SYSTEM) &&
	       unit_parse(code_a, &unit_a, &ignored) && unit_parse(code_b, &unit_b, &ignored) &&
	       unit_compare(&x, &unit_a, &y, &unit_b, ret_order, &ignored);
}

static bool compare_values(const struct json *a, const struct json *b, int *ret_order)
{
	struct decimal x, y;
	if (json_is(a, JSON_NUMBER) && decimal_parse(json_number(a), &x) && decimal_parse(json_number(b), &y)) {
		*ret_order = decimal_cmp(&x, &y);
		return true;
	}
	if (json_is(a, JSON_OBJECT))
		return compare_quantities(a, b, ret_order);
	if (!json_is(a, JSON_STRING) || !json_is(b, JSON_STRING))
		return false;
	if (compare_dates(json_str(a), json_str(b), ret_order))
		return true;
	*ret_order = str_cmp(json_str(a), json_str(b));
	return true;
}

/* A limit of a date that is a duration counts from now: at least so long ago, at most so far ahead. */
static bool moved_now(const struct validation *v, const struct json *duration, int sign, int64_t *ret_ms)
{
	static const struct {
		const char *code;
		int64_t ms;
	} units[] = {{"a", 31557600000}, {"mo", 2629800000}, {"wk", 604800000}, {"d", 86400000},
		     {"h", 3600000},	 {"min", 60000},     {"s", 1000}};
	struct str code = json_get_str(duration, S("code"));
	double value, low, high;
	if (!decimal_range(json_number(json_get(duration, S("value"))), &value, &low, &high) || !v->options->now_ms)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (str_is(code, units[i].code)) {
			*ret_ms = v->options->now_ms + sign * (int64_t)(value * (double)units[i].ms);
			return true;
		}
	return false;
}

static bool compare_with_now(const struct validation *v, const struct json *value, const struct json *duration,
			     int sign, int *ret_order)
{
	int64_t low, high, limit;
	if (!date_range(json_str(value), &low, &high) || !moved_now(v, duration, sign, &limit))
		return false;
	*ret_order = high < limit ? -1 : low > limit ? 1 : 0;
	return true;
}

static void check_limit(struct validation *v, const struct node *n, const struct profile_element *e,
			const struct json *limit, int sign)
{
	int order;
	bool least = sign < 0;
	struct str rule = least ? S("min-value") : S("max-value");
	bool known = json_is(limit, JSON_OBJECT) && json_is(n->value, JSON_STRING)
			     ? compare_with_now(v, n->value, limit, sign, &order)
			     : compare_values(n->value, limit, &order);
	if (!known && json_is(n->value, JSON_OBJECT) && json_get(n->value, S("value")))
		validation_find(v, n, ISSUE_WARNING, ERR_VALUE, rule,
				"The value cannot be compared with the limit %.*s", STR_ARG(show(v, limit)));
	if (known && order == sign)
		validation_find(v, n, ISSUE_ERROR, ERR_VALUE, rule, "%.*s is %s than %.*s (%.*s)",
				STR_ARG(show(v, n->value)), least ? "less" : "greater", STR_ARG(show(v, limit)),
				STR_ARG(e->profile->url));
}

/* ---- all of them ----------------------------------------------------------------------------------------------------
 */

static size_t characters(struct str s)
{
	size_t count = 0;
	for (size_t i = 0; i < s.n; i++)
		count += ((unsigned char)s.p[i] & 0xC0) != 0x80;
	return count;
}

static void check_length(struct validation *v, const struct node *n, const struct profile_element *e)
{
	struct str s = json_str(n->value);
	if (!s.p)
		return;
	size_t length = characters(s);
	if (e->max_length && length > e->max_length)
		find_error(v, n, ERR_VALUE, "max-length", "The text has %zu characters, at most %u are allowed", length,
			   e->max_length);
	if (length < e->min_length)
		find_error(v, n, ERR_VALUE, "min-length",
			   "The text \"%.*s\" has %zu characters, at least %u are needed", STR_ARG(str_slice(s, 0, 80)),
			   length, e->min_length);
}

enum { REGEX_STEPS = 20000000, REGEX_MEMORY = 16 * 1024 * 1024 };

/* The text as a whole must match. What cannot be found out, or not with the steps that are left for this document, is
 * information only. */
static void check_regex(struct validation *v, const struct node *n, const struct profile_element *e)
{
	struct str text = json_is(n->value, JSON_NUMBER) ? json_number(n->value) : json_str(n->value);
	struct error err = {0};
	struct arena own;
	bool found = true;
	if (!text.p)
		return;
	arena_init(&own, REGEX_MEMORY);
	const struct regex *r = NULL;
	if (v->regex_steps > REGEX_STEPS)
		error_set(&err, ERR_LIMIT, "Expressions of this document have taken too long");
	else
		r = regex_compile(&own, e->regex, REGEX_WHOLE, &err);
	if (!r || !regex_search_counted(r, text, &found, &v->regex_steps, &err))
		find_hint(v, n, err.code, "regex", "The form of the text cannot be decided: %s", err.text);
	else if (!found)
		find_error(v, n, ERR_VALUE, "regex", "The text \"%.*s\" does not have the form \"%.*s\" (%.*s)",
			   STR_ARG(str_slice(text, 0, 80)), STR_ARG(str_slice(e->regex, 0, MAX_SHOWN)),
			   STR_ARG(e->profile->url));
	arena_done(&own);
}

void check_values(struct validation *v, const struct node *n, const struct profile_element *e)
{
	if (e->required_value && !n->value)
		find_error(v, n, ERR_REQUIRED, "value", "%.*s must have a value, not only extensions (%.*s)",
			   STR_ARG(e->path), STR_ARG(e->profile->url));
	if (e->fixed && !value_equals(n->value, e->fixed))
		report_difference(v, n, e->fixed, true, e);
	if (e->pattern && !value_matches(n->value, e->pattern))
		report_difference(v, n, e->pattern, false, e);
	if (!n->value)
		return;
	if (e->narrative_languages)
		check_narrative_languages(v, n, e);
	if (e->min_value)
		check_limit(v, n, e, e->min_value, -1);
	if (e->max_value)
		check_limit(v, n, e, e->max_value, 1);
	if (e->max_length || e->min_length)
		check_length(v, n, e);
	if (e->regex.n)
		check_regex(v, n, e);
}
