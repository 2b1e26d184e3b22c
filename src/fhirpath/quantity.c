/*
 * Quantities: UCUM units by the units room, and the calendar durations of the language ("2 years"), which are no UCUM
 * units: a calendar year is not 365.25 days. Up to weeks both mean the same; for years and months the two are
 * equivalent but neither equal nor comparable (FHIRPath 5.5, 6.1). A FHIR Quantity in UCUM may be read as either.
 */
#include "fhirpath/fhirpath_priv.h"
#include "units/units.h"

enum { QUOTIENT_DIGITS = 28 };

static const struct {
	const char *word, *code;
	enum span span;
} spans[] = {
	{"year", "a", SPAN_YEAR},     {"month", "mo", SPAN_MONTH},
	{"week", "wk", SPAN_WEEK},    {"day", "d", SPAN_DAY},
	{"hour", "h", SPAN_HOUR},     {"minute", "min", SPAN_MINUTE},
	{"second", "s", SPAN_SECOND}, {"millisecond", "ms", SPAN_MILLISECOND},
};
enum { SPANS = sizeof(spans) / sizeof(spans[0]) };

enum span calendar_word(struct str word)
{
	struct str one = str_ends(word, S("s")) ? str_slice(word, 0, word.n - 1) : word;
	for (size_t i = 0; i < SPANS; i++)
		if (str_is(one, spans[i].word))
			return spans[i].span;
	return SPAN_NONE;
}

enum span calendar_code(struct str ucum)
{
	for (size_t i = 0; i < SPANS; i++)
		if (str_is(ucum, spans[i].code))
			return spans[i].span;
	return SPAN_NONE;
}

static struct str code_of(enum span span)
{
	for (size_t i = 0; i < SPANS; i++)
		if (spans[i].span == span)
			return str_from(spans[i].code);
	return STR_NULL;
}

enum span quantity_calendar(const struct path_quantity *q)
{
	enum span word = calendar_word(q->unit);
	if (word != SPAN_NONE)
		return word;
	enum span code = calendar_code(q->unit);
	/* Years and months of UCUM are fixed lengths, which are not what a date is to be moved by. */
	return code > SPAN_MONTH || q->either ? code : SPAN_NONE;
}

struct path_quantity quantity_of_number(const struct path_item *number)
{
	return (struct path_quantity){.value = item_number(number), .unit = S("1")};
}

static bool is_one(const struct path_quantity *q)
{
	return !q->calendar && (q->unit.n == 0 || str_is(q->unit, "1"));
}

bool quantity_parse(struct eval *e, struct str text, struct path_quantity *ret_quantity)
{
	struct path_quantity q = {.unit = S("1")};
	struct unit unit;
	size_t end = 0;
	text = str_trim(text);
	while (end < text.n && text.p[end] != ' ' && text.p[end] != '\t' && text.p[end] != '\'')
		end++;
	struct str number = str_slice(text, 0, end), rest = str_trim(str_slice(text, end, text.n));
	if (str_starts(number, S("+")))
		number = str_slice(number, 1, number.n);
	if (!decimal_parse(number, &q.value) || str_find_char(number, 'e', 0) != STR_NONE ||
	    str_find_char(number, 'E', 0) != STR_NONE)
		return false;
	(void)e;
	if (rest.n >= 2 && rest.p[0] == '\'' && rest.p[rest.n - 1] == '\'') {
		q.unit = str_slice(rest, 1, rest.n - 1);
		if (!unit_parse(q.unit, &unit, NULL))
			return false;
	} else if (rest.n) {
		q.unit = rest;
		q.calendar = true;
		if (calendar_word(rest) == SPAN_NONE)
			return false;
	}
	*ret_quantity = q;
	return true;
}

/* ---- bringing two together ------------------------------------------------------------------------------------- */

/* Calendar durations among themselves: in months or in milliseconds. Where both meet, a year has 365 days and a month
 * 30 (FHIRPath 2.0.0, 6.2: no calendar is there to tell). */
static bool calendar_amount(const struct path_quantity *q, enum span span, bool *ret_months, struct decimal *ret_value)
{
	static const int64_t scale[] = {
		[SPAN_YEAR] = 12,      [SPAN_MONTH] = 1,      [SPAN_WEEK] = 604800000, [SPAN_DAY] = 86400000,
		[SPAN_HOUR] = 3600000, [SPAN_MINUTE] = 60000, [SPAN_SECOND] = 1000,    [SPAN_MILLISECOND] = 1,
	};
	struct decimal factor = decimal_from_i64(scale[span]);
	*ret_months = span == SPAN_YEAR || span == SPAN_MONTH;
	return decimal_mul(&q->value, &factor, ret_value);
}

/* Years and months in milliseconds. */
static bool calendar_days(const struct path_quantity *q, enum span span, struct decimal *ret_value)
{
	static const int64_t days[] = {[SPAN_YEAR] = 365, [SPAN_MONTH] = 30};
	struct decimal factor = decimal_from_i64(days[span] * 86400000);
	return decimal_mul(&q->value, &factor, ret_value);
}

/* Reads both as calendar durations. False when one is none. */
static bool as_calendar(const struct path_quantity *q, enum span *ret_span)
{
	*ret_span = q->calendar ? calendar_word(q->unit) : SPAN_NONE;
	if (*ret_span == SPAN_NONE)
		*ret_span = calendar_code(q->unit);
	if (*ret_span == SPAN_NONE)
		return false;
	return q->calendar || q->either || *ret_span > SPAN_MONTH;
}

/* The unit in UCUM. Calendar years and months have none, unless a loose reading will do. */
static bool as_unit(const struct path_quantity *q, bool loose, struct unit *ret_unit)
{
	struct str text = q->unit;
	if (q->calendar) {
		enum span span = calendar_word(q->unit);
		if (span <= SPAN_MONTH && !loose)
			return false;
		text = code_of(span);
	}
	return unit_parse(text, ret_unit, NULL);
}

/* A calendar duration beside a UCUM year or month: neither reading brings them together. */
static bool clash(const struct path_quantity *a, const struct path_quantity *b)
{
	enum span x, y;
	if (a->calendar == b->calendar)
		return false;
	const struct path_quantity *ucum = a->calendar ? b : a;
	return !(as_calendar(a, &x) && as_calendar(b, &y)) && calendar_code(ucum->unit) != SPAN_NONE;
}

static enum order order_of(int compared)
{
	return compared < 0 ? ORDER_LESS : compared > 0 ? ORDER_GREATER : ORDER_EQUAL;
}

/* Two calendar durations in the same measure. */
static bool calendar_pair(const struct path_quantity *a, enum span x, const struct path_quantity *b, enum span y,
			  struct decimal *ret_a, struct decimal *ret_b)
{
	bool months_a, months_b;
	if (!calendar_amount(a, x, &months_a, ret_a) || !calendar_amount(b, y, &months_b, ret_b))
		return false;
	return months_a == months_b || (months_a ? calendar_days(a, x, ret_a) : calendar_days(b, y, ret_b));
}

/* Whether months and days of the two may be brought together: a day of UCUM is no part of a calendar month. */
static bool may_meet(const struct path_quantity *a, enum span x, const struct path_quantity *b, enum span y)
{
	bool words = (a->calendar || a->either) && (b->calendar || b->either);
	return words || (x <= SPAN_MONTH) == (y <= SPAN_MONTH);
}

static enum order calendar_order(const struct path_quantity *a, enum span x, const struct path_quantity *b, enum span y)
{
	struct decimal p, q;
	return may_meet(a, x, b, y) && calendar_pair(a, x, b, y, &p, &q) ? order_of(decimal_cmp(&p, &q))
									 : ORDER_UNKNOWN;
}

enum order quantity_order(struct eval *e, const struct path_quantity *a, const struct path_quantity *b)
{
	enum span x, y;
	struct unit u, v;
	int order;
	e->work += 4;
	if (str_eq(a->unit, b->unit) && a->calendar == b->calendar)
		return order_of(decimal_cmp(&a->value, &b->value));
	if ((a->calendar || b->calendar) && as_calendar(a, &x) && as_calendar(b, &y))
		return calendar_order(a, x, b, y);
	if (clash(a, b) || !as_unit(a, false, &u) || !as_unit(b, false, &v) ||
	    !unit_compare(&a->value, &u, &b->value, &v, &order, NULL))
		return ORDER_UNKNOWN;
	return order_of(order);
}

bool quantity_comparable(struct eval *e, const struct path_quantity *a, const struct path_quantity *b)
{
	enum span x, y;
	struct unit u, v;
	e->work += 4;
	if (str_eq(a->unit, b->unit) && a->calendar == b->calendar)
		return true;
	/* Among calendar durations all convert, a year being 365 days if it must. */
	if ((a->calendar || b->calendar) && as_calendar(a, &x) && as_calendar(b, &y))
		return a->calendar == b->calendar || a->either || b->either || (x > SPAN_MONTH && y > SPAN_MONTH);
	return !clash(a, b) && as_unit(a, false, &u) && as_unit(b, false, &v) && unit_commensurable(&u, &v);
}

/* How much of unit v one step of u is; for temperatures the size of a degree. */
static bool unit_step(const struct unit *u, const struct unit *v, struct decimal *ret_step)
{
	struct decimal zero = decimal_from_i64(0), one = decimal_from_i64(1), from, to;
	return unit_convert(&one, u, v, UNIT_EXACT, &to, NULL) && unit_convert(&zero, u, v, UNIT_EXACT, &from, NULL) &&
	       decimal_sub(&to, &from, ret_step);
}

/* The value of the last digit that counts: 0.1 for 4.50. */
static struct decimal last_place(const struct decimal *value)
{
	struct decimal place = decimal_from_i64(1);
	place.exponent = -(int32_t)decimals_places(value);
	return place;
}

/* Equal when rounded to the last place of the less precise one, in its unit: 4 'g' is known to a gram, so 4040 'mg' is
 * equivalent to it (FHIRPath 6.1.2). */
bool quantity_equivalent(struct eval *e, const struct path_quantity *a, const struct path_quantity *b)
{
	struct unit u, v;
	struct decimal step, place_a = last_place(&a->value), place_b = last_place(&b->value), converted;
	e->work += 4;
	if (str_eq(a->unit, b->unit))
		return decimals_equivalent(&a->value, &b->value);
	if (!as_unit(a, true, &u) || !as_unit(b, true, &v) || !unit_commensurable(&u, &v) ||
	    !unit_step(&u, &v, &step) || !decimal_mul(&step, &place_a, &step))
		return false;
	if (decimal_cmp(&step, &place_b) >= 0)
		return unit_convert(&b->value, &v, &u, UNIT_EXACT, &converted, NULL) &&
		       decimals_equal_to(&a->value, &converted, decimals_places(&a->value));
	return unit_convert(&a->value, &u, &v, UNIT_EXACT, &converted, NULL) &&
	       decimals_equal_to(&converted, &b->value, decimals_places(&b->value));
}

/* ---- conversion ------------------------------------------------------------------------------------------------ */

static bool convert_calendar(const struct path_quantity *q, enum span from, enum span to, struct decimal *ret)
{
	const struct path_quantity one = {.value = decimal_from_i64(1)};
	struct decimal have, unit;
	return calendar_pair(q, from, &one, to, &have, &unit) && decimal_div(&have, &unit, QUOTIENT_DIGITS, ret);
}

bool quantity_convert(struct eval *e, const struct path_quantity *q, struct str unit, struct path_quantity *ret)
{
	enum span from, to = calendar_word(unit);
	struct unit u, v;
	struct path_quantity result = {.value = q->value, .unit = unit, .calendar = to != SPAN_NONE};
	e->work += 4;
	if (str_eq(q->unit, unit))
		result.either = q->either;
	else if (result.calendar) {
		if (!as_calendar(q, &from) || !convert_calendar(q, from, to, &result.value))
			return false;
	} else if (!as_unit(q, false, &u) || !unit_parse(unit, &v, NULL) ||
		   !unit_convert(&q->value, &u, &v, UNIT_EXACT, &result.value, NULL)) {
		return false;
	}
	*ret = result;
	return true;
}

/* ---- arithmetic ------------------------------------------------------------------------------------------------ */

static bool plus_or_minus(enum path_op op, const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
	return op == PATH_OP_ADD ? decimal_add(a, b, ret) : decimal_sub(a, b, ret);
}

/* Sums keep the finer unit of the two. */
static bool add_calendar(enum path_op op, const struct path_quantity *a, enum span x, const struct path_quantity *b,
			 enum span y, struct path_quantity *ret)
{
	const struct path_quantity *coarse = x < y ? a : b, *fine = x < y ? b : a;
	struct decimal moved;
	if (!may_meet(a, x, b, y) || !convert_calendar(coarse, x < y ? x : y, x < y ? y : x, &moved))
		return false;
	enum span unit = x < y ? y : x;
	*ret = (struct path_quantity){.unit = fine->unit, .calendar = fine->calendar};
	/* A FHIR year beside a calendar year is one, too. */
	if (!fine->calendar && unit <= SPAN_MONTH)
		*ret = (struct path_quantity){.unit = unit == SPAN_YEAR ? S("year") : S("month"), .calendar = true};
	return plus_or_minus(op, coarse == a ? &moved : &a->value, coarse == a ? &b->value : &moved, &ret->value);
}

static bool add_units(enum path_op op, const struct path_quantity *a, const struct path_quantity *b,
		      struct path_quantity *ret)
{
	struct unit u, v;
	struct decimal x = a->value, y = b->value, one = decimal_from_i64(1), step;
	if (!as_unit(a, false, &u) || !as_unit(b, false, &v) || u.scale != UNIT_RATIO || v.scale != UNIT_RATIO ||
	    !unit_convert(&one, &u, &v, UNIT_EXACT, &step, NULL))
		return false;
	bool b_finer = decimal_cmp(&step, &one) >= 0;
	if (b_finer ? !unit_convert(&a->value, &u, &v, UNIT_EXACT, &x, NULL)
		    : !unit_convert(&b->value, &v, &u, UNIT_EXACT, &y, NULL))
		return false;
	const struct path_quantity *fine = b_finer ? b : a;
	*ret = (struct path_quantity){.unit = fine->unit, .calendar = fine->calendar};
	return plus_or_minus(op, &x, &y, &ret->value);
}

static bool add_quantities(enum path_op op, const struct path_quantity *a, const struct path_quantity *b,
			   struct path_quantity *ret)
{
	enum span x, y;
	if (str_eq(a->unit, b->unit) && a->calendar == b->calendar) {
		*ret = (struct path_quantity){.unit = a->unit, .calendar = a->calendar};
		return plus_or_minus(op, &a->value, &b->value, &ret->value);
	}
	if ((a->calendar || b->calendar) && as_calendar(a, &x) && as_calendar(b, &y))
		return add_calendar(op, a, x, b, y, ret);
	return !clash(a, b) && add_units(op, a, b, ret);
}

/* A logarithmic or shifted scale has no multiples. */
static bool scale_quantity(enum path_op op, const struct path_quantity *q, const struct decimal *by,
			   struct path_quantity *ret)
{
	struct unit u;
	*ret = *q;
	if (!q->calendar && unit_parse(q->unit, &u, NULL) && u.scale != UNIT_RATIO)
		return false;
	return op == PATH_OP_MULTIPLY ? decimal_mul(&q->value, by, &ret->value)
				      : decimal_div(&q->value, by, QUOTIENT_DIGITS, &ret->value);
}

/* What a unit without dimension is worth: 2000 'g/kg' is 2. */
static bool plain_number(const struct path_quantity *q, struct decimal *ret)
{
	struct unit u, one;
	if (is_one(q)) {
		*ret = q->value;
		return true;
	}
	return !q->calendar && unit_parse(q->unit, &u, NULL) && unit_parse(S("1"), &one, NULL) &&
	       u.scale == UNIT_RATIO && unit_convert(&q->value, &u, &one, UNIT_EXACT, ret, NULL);
}

static bool multiply_units(struct eval *e, enum path_op op, const struct path_quantity *a,
			   const struct path_quantity *b, struct path_quantity *ret)
{
	struct unit u, v;
	struct buf text;
	struct decimal value;
	if (a->calendar || b->calendar || !as_unit(a, false, &u) || !as_unit(b, false, &v) || u.scale != UNIT_RATIO ||
	    v.scale != UNIT_RATIO)
		return false;
	buf_init(&text, 4 * UNIT_CANONICAL_MAX);
	bool ok = op == PATH_OP_MULTIPLY ? unit_multiply(&a->value, &u, &b->value, &v, UNIT_EXACT, &value, &text, NULL)
					 : unit_divide(&a->value, &u, &b->value, &v, UNIT_EXACT, &value, &text, NULL);
	*ret = (struct path_quantity){.value = value, .unit = arena_str(e->arena, buf_str(&text))};
	ok = ok && buf_ok(&text) && ret->unit.p;
	buf_done(&text);
	return ok;
}

bool quantity_calculate(struct eval *e, enum path_op op, const struct path_quantity *a, const struct path_quantity *b,
			struct path_quantity *ret)
{
	struct decimal number;
	e->work += 8;
	if (op == PATH_OP_ADD || op == PATH_OP_SUBTRACT)
		return add_quantities(op, a, b, ret);
	if (plain_number(b, &number))
		return scale_quantity(op, a, &number, ret);
	if (op == PATH_OP_MULTIPLY && plain_number(a, &number))
		return scale_quantity(op, b, &number, ret);
	return multiply_units(e, op, a, b, ret);
}
