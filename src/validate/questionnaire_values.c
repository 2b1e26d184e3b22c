/* Values of answers, options and conditions: finding them, comparing them, and whether a question is asked at all. */
#include "validate/questionnaire_priv.h"

#include "base/decimal.h"
#include "units/units.h"

struct choice choice_of(const struct json *object, struct str prefix)
{
	for (struct json_iter it = json_iter(object); json_next(&it);)
		if (it.key.n > prefix.n && str_starts(it.key, prefix) && it.key.p[prefix.n] >= 'A' &&
		    it.key.p[prefix.n] <= 'Z')
			return (struct choice){str_slice(it.key, prefix.n, it.key.n), it.value};
	return (struct choice){STR_NULL, NULL};
}

struct choice item_extension(const struct json *item, const char *name)
{
	static const char core[] = "http://hl7.org/fhir/StructureDefinition/";
	for (struct json_iter it = json_iter(json_get(item, S("extension"))); json_next(&it);) {
		struct str url = json_get_str(it.value, S("url"));
		bool same = strchr(name, ':') ? str_is(url, name)
					      : str_starts(url, S("http://hl7.org/fhir/StructureDefinition/")) &&
							str_is(str_slice(url, sizeof(core) - 1, url.n), name);
		if (same)
			return choice_of(it.value, S("value"));
	}
	return (struct choice){STR_NULL, NULL};
}

/* ---- comparing -------------------------------------------------------------------------------------------------- */

static enum value_order order_of(int cmp)
{
	return cmp < 0 ? VALUE_LESS : cmp > 0 ? VALUE_MORE : VALUE_SAME;
}

static enum value_order compare_numbers(struct str a, struct str b)
{
	struct decimal x, y;
	if (!decimal_parse(a, &x) || !decimal_parse(b, &y))
		return VALUE_UNKNOWN;
	return order_of(decimal_cmp(&x, &y));
}

static enum value_order compare_dates(struct str a, struct str b)
{
	int64_t a_low, a_high, b_low, b_high;
	if (!date_range(a, &a_low, &a_high) || !date_range(b, &b_low, &b_high))
		return VALUE_UNKNOWN;
	return a_low < b_low ? VALUE_LESS : a_low > b_low ? VALUE_MORE : VALUE_SAME;
}

static enum value_order compare_quantities(const struct json *a, const struct json *b)
{
	struct str a_text = json_number(json_get(a, S("value"))), b_text = json_number(json_get(b, S("value")));
	struct str a_code = json_get_str(a, S("code")), b_code = json_get_str(b, S("code"));
	struct decimal x, y;
	struct unit u, w;
	struct error err = {0};
	int order;
	if (!decimal_parse(a_text, &x) || !decimal_parse(b_text, &y))
		return VALUE_UNKNOWN;
	if (str_eq(a_code, b_code) && str_eq(json_get_str(a, S("system")), json_get_str(b, S("system"))))
		return order_of(decimal_cmp(&x, &y));
	if (!str_is(json_get_str(a, S("system")), UNIT_SYSTEM) || !str_is(json_get_str(b, S("system")), UNIT_SYSTEM) ||
	    !unit_parse(a_code, &u, &err) || !unit_parse(b_code, &w, &err) ||
	    !unit_compare(&x, &u, &y, &w, &order, &err))
		return VALUE_UNKNOWN;
	return order_of(order);
}

static enum value_order compare_codings(const struct json *a, const struct json *b)
{
	struct str a_system = json_get_str(a, S("system")), b_system = json_get_str(b, S("system"));
	return str_eq(json_get_str(a, S("code")), json_get_str(b, S("code"))) && str_eq(a_system, b_system)
		       ? VALUE_SAME
		       : VALUE_OTHER;
}

static bool is_date(struct str type)
{
	return str_is(type, "Date") || str_is(type, "DateTime") || str_is(type, "Instant");
}

enum value_order choice_compare(const struct choice *a, const struct choice *b)
{
	if (json_is(a->value, JSON_NUMBER) && json_is(b->value, JSON_NUMBER))
		return compare_numbers(json_number(a->value), json_number(b->value));
	if (json_is(a->value, JSON_BOOL) && json_is(b->value, JSON_BOOL))
		return json_bool(a->value) == json_bool(b->value) ? VALUE_SAME : VALUE_OTHER;
	if (is_date(a->type) && is_date(b->type))
		return compare_dates(json_str(a->value), json_str(b->value));
	if (!str_eq(a->type, b->type))
		return VALUE_UNKNOWN;
	if (str_is(a->type, "Quantity"))
		return compare_quantities(a->value, b->value);
	if (str_is(a->type, "Coding"))
		return compare_codings(a->value, b->value);
	if (str_is(a->type, "Reference"))
		return str_eq(json_get_str(a->value, S("reference")), json_get_str(b->value, S("reference")))
			       ? VALUE_SAME
			       : VALUE_OTHER;
	if (json_is(a->value, JSON_STRING) && json_is(b->value, JSON_STRING))
		return order_of(str_cmp(json_str(a->value), json_str(b->value)));
	return VALUE_UNKNOWN;
}

/* ---- enableWhen ------------------------------------------------------------------------------------------------- */

struct condition {
	struct str question, op;
	struct choice wanted;
	bool found; /* the question is among the items looked at */
	size_t answers, fitting;
};

static bool fits(const struct condition *c, const struct choice *answer)
{
	enum value_order order = choice_compare(answer, &c->wanted);
	if (order == VALUE_UNKNOWN)
		return false;
	if (str_is(c->op, "="))
		return order == VALUE_SAME;
	if (str_is(c->op, "!="))
		return order != VALUE_SAME;
	if (order == VALUE_OTHER)
		return false;
	if (str_is(c->op, ">"))
		return order == VALUE_MORE;
	if (str_is(c->op, "<"))
		return order == VALUE_LESS;
	if (str_is(c->op, ">="))
		return order != VALUE_LESS;
	return str_is(c->op, "<=") && order != VALUE_MORE;
}

/* Looks for the question among the items below. */
static void look(struct condition *c, const struct json *parent, unsigned depth)
{
	for (struct json_iter it = json_iter(json_get(parent, S("item"))); depth && json_next(&it);) {
		bool asked = str_eq(json_get_str(it.value, S("linkId")), c->question);
		c->found = c->found || asked;
		for (struct json_iter a = json_iter(json_get(it.value, S("answer"))); json_next(&a);) {
			struct choice value = choice_of(a.value, S("value"));
			if (asked && value.value) {
				c->answers++;
				c->fitting += fits(c, &value);
			}
			look(c, a.value, depth - 1);
		}
		look(c, it.value, depth - 1);
	}
}

/* The nearest level around that has the question decides: in repeating groups each repetition has its own. */
static bool condition_holds(const struct json *when, const struct level *around)
{
	struct condition c = {.question = json_get_str(when, S("question")),
			      .op = json_get_str(when, S("operator")),
			      .wanted = choice_of(when, S("answer"))};
	for (; around && !c.found; around = around->outer)
		look(&c, around->item, QUESTIONNAIRE_DEPTH);
	if (str_is(c.op, "exists"))
		return (c.answers > 0) == json_bool(c.wanted.value);
	return c.fitting > 0;
}

bool item_enabled(const struct json *question, const struct level *around)
{
	const struct json *conditions = json_get(question, S("enableWhen"));
	bool any = !str_is(json_get_str(question, S("enableBehavior")), "all");
	size_t count = json_size(conditions), holding = 0;
	for (struct json_iter it = json_iter(conditions); json_next(&it);)
		holding += condition_holds(it.value, around);
	return !count || (any ? holding > 0 : holding == count);
}
