/*
 * Functions on numbers and quantities (FHIRPath 5.7). Where a result is no exact decimal it is computed in extended
 * precision and given with sixteen significant digits.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fhirpath/fhirpath_priv.h"

/* The one number or quantity of the input. */
static bool input_number(struct eval *e, const struct call *c, struct path_item *ret_value, bool *ret_there)
{
	if (!one_value(e, c->node, c->input, ret_value, ret_there))
		return false;
	if (!*ret_there || item_is_number(ret_value) || ret_value->kind == PATH_QUANTITY)
		return true;
	return eval_fail(e, c->node, ERR_VALUE, "%s() needs a number, and this is %.*s", c->node->function->name,
			 STR_ARG(kind_name(ret_value->kind)));
}

static bool add_decimal(struct eval *e, struct path_items *out, const struct decimal *d)
{
	struct path_item item;
	return item_decimal(e, d, &item) && eval_add(e, out, &item);
}

/* A quantity keeps its unit. */
static bool add_like(struct eval *e, struct path_items *out, const struct path_item *like, const struct decimal *d)
{
	struct path_item item;
	if (like->kind != PATH_QUANTITY)
		return add_decimal(e, out, d);
	struct path_quantity q = *like->quantity;
	q.value = *d;
	return item_quantity(e, &q, &item) && eval_add(e, out, &item);
}

static struct decimal number_of(const struct path_item *value)
{
	return value->kind == PATH_QUANTITY ? value->quantity->value : item_number(value);
}

/* ---- rounding -------------------------------------------------------------------------------------------------- */

bool fn_abs(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item value;
	bool there;
	if (!input_number(e, c, &value, &there))
		return false;
	if (!there)
		return true;
	if (value.kind == PATH_INTEGER || value.kind == PATH_LONG) {
		if (value.integer == INT64_MIN)
			return true;
		value.integer = value.integer < 0 ? -value.integer : value.integer;
		return eval_add(e, out, &value);
	}
	struct decimal d = number_of(&value);
	if (d.negative)
		d = decimal_negate(&d);
	return add_like(e, out, &value, &d);
}

static bool to_whole(struct eval *e, const struct call *c, struct path_items *out, enum decimal_rounding how)
{
	struct path_item value;
	int64_t n;
	bool there;
	if (!input_number(e, c, &value, &there))
		return false;
	if (!there || value.kind == PATH_INTEGER || value.kind == PATH_LONG)
		return !there || eval_add(e, out, &value);
	struct decimal d = number_of(&value);
	d = decimal_round(&d, 0, how);
	if (value.kind == PATH_DECIMAL && decimal_to_i64(&d, &n))
		return n < INT32_MIN || n > INT32_MAX || add_integer(e, out, n);
	return value.kind == PATH_DECIMAL || add_like(e, out, &value, &d);
}

bool fn_ceiling(struct eval *e, const struct call *c, struct path_items *out)
{
	return to_whole(e, c, out, DECIMAL_CEILING);
}

bool fn_floor(struct eval *e, const struct call *c, struct path_items *out)
{
	return to_whole(e, c, out, DECIMAL_FLOOR);
}

bool fn_truncate(struct eval *e, const struct call *c, struct path_items *out)
{
	return to_whole(e, c, out, DECIMAL_DOWN);
}

bool fn_round(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item value;
	int64_t places = 0;
	bool there, given = true;
	if (!input_number(e, c, &value, &there))
		return false;
	if (c->node->args && !arg_integer(e, c, c->node->args, &places, &given))
		return false;
	if (!given)
		places = 0;
	if (places < 0)
		return eval_fail(e, c->node, ERR_VALUE, "round() needs a precision that is not negative");
	if (!there || value.kind == PATH_INTEGER || value.kind == PATH_LONG)
		return !there || eval_add(e, out, &value);
	struct decimal d = number_of(&value);
	/* Halves go away from zero, as people round. */
	d = decimal_round(&d, places > 1000 ? 1000 : (int)places, DECIMAL_HALF_UP);
	return add_like(e, out, &value, &d);
}

/* ---- functions with inexact results ---------------------------------------------------------------------------- */

static long double inexact(const struct decimal *d)
{
	struct buf text;
	long double value = 0;
	buf_init(&text, 256);
	decimal_write(&text, d);
	buf_char(&text, '\0');
	if (buf_ok(&text))
		value = strtold(text.p, NULL);
	buf_done(&text);
	return value;
}

/* Nothing for what is no number. */
static bool add_inexact(struct eval *e, struct path_items *out, long double value)
{
	char text[64];
	struct decimal d;
	int n = snprintf(text, sizeof(text), "%.16Lg", value);
	if (!isfinite(value) || n < 0 || !decimal_parse(str_make(text, (size_t)n), &d))
		return true;
	return add_decimal(e, out, &d);
}

/* The input as an inexact number; a quantity has no logarithm. */
static bool input_inexact(struct eval *e, const struct call *c, long double *ret, bool *ret_there)
{
	struct path_item value;
	*ret = 0;
	if (!input_number(e, c, &value, ret_there))
		return false;
	if (!*ret_there)
		return true;
	if (value.kind == PATH_QUANTITY)
		return eval_fail(e, c->node, ERR_VALUE, "%s() needs a number without a unit", c->node->function->name);
	struct decimal d = item_number(&value);
	*ret = inexact(&d);
	return true;
}

bool fn_exp(struct eval *e, const struct call *c, struct path_items *out)
{
	long double x;
	bool there;
	return input_inexact(e, c, &x, &there) && (!there || add_inexact(e, out, expl(x)));
}

bool fn_ln(struct eval *e, const struct call *c, struct path_items *out)
{
	long double x;
	bool there;
	return input_inexact(e, c, &x, &there) && (!there || x <= 0 || add_inexact(e, out, logl(x)));
}

bool fn_sqrt(struct eval *e, const struct call *c, struct path_items *out)
{
	long double x;
	bool there;
	return input_inexact(e, c, &x, &there) && (!there || x < 0 || add_inexact(e, out, sqrtl(x)));
}

/* The number that an argument gives. */
static bool arg_number(struct eval *e, const struct call *c, struct path_item *ret_value, bool *ret_there)
{
	SMALL_ITEMS(items);
	const struct path_node *arg = c->node->args;
	if (!eval_items(e, arg, c->scope, &items) || !one_value(e, arg, &items, ret_value, ret_there))
		return false;
	return !*ret_there || item_is_number(ret_value) ||
	       eval_fail(e, arg, ERR_VALUE, "%s() needs a number here", c->node->function->name);
}

bool fn_log(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item base;
	long double x;
	bool there, has_base;
	if (!input_inexact(e, c, &x, &there) || !arg_number(e, c, &base, &has_base))
		return false;
	if (!there || !has_base || x <= 0)
		return true;
	struct decimal d = item_number(&base);
	long double b = inexact(&d);
	if (b <= 0 || b == 1)
		return true;
	return add_inexact(e, out, b == 2 ? log2l(x) : b == 10 ? log10l(x) : logl(x) / logl(b));
}

/* Whole powers are exact as long as they fit. */
static bool whole_power(const struct decimal *base, int64_t exponent, struct decimal *ret)
{
	struct decimal result = decimal_from_i64(1), square = *base;
	for (; exponent; exponent >>= 1) {
		if ((exponent & 1) && !decimal_mul(&result, &square, &result))
			return false;
		if (exponent > 1 && !decimal_mul(&square, &square, &square))
			return false;
	}
	*ret = result;
	return true;
}

bool fn_power(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item value, by;
	struct decimal power;
	int64_t n;
	bool there, has_by;
	if (!input_number(e, c, &value, &there) || !arg_number(e, c, &by, &has_by))
		return false;
	if (!there || !has_by)
		return true;
	if (value.kind == PATH_QUANTITY)
		return eval_fail(e, c->node, ERR_VALUE, "power() needs a number without a unit");
	struct decimal base = item_number(&value), exponent = item_number(&by);
	if (decimal_to_i64(&exponent, &n) && n >= 0 && n < 100000 && whole_power(&base, n, &power)) {
		bool whole = value.kind != PATH_DECIMAL && by.kind != PATH_DECIMAL;
		if (whole && decimal_to_i64(&power, &n) && n >= INT32_MIN && n <= INT32_MAX)
			return add_integer(e, out, n);
		return add_decimal(e, out, &power);
	}
	return add_inexact(e, out, powl(inexact(&base), inexact(&exponent)));
}

/* ---- precision ------------------------------------------------------------------------------------------------- */

static bool is_moment(const struct path_item *value)
{
	return value->kind == PATH_DATE || value->kind == PATH_DATETIME || value->kind == PATH_TIME;
}

bool fn_precision(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item value;
	bool there;
	if (!one_value(e, c->node, c->input, &value, &there))
		return false;
	if (!there)
		return true;
	if (is_moment(&value))
		return add_integer(e, out, moment_digits(&value.moment, value.kind));
	if (!item_is_number(&value))
		return eval_fail(e, c->node, ERR_VALUE, "precision() needs a decimal, a date or a time");
	struct decimal d = item_number(&value);
	return add_integer(e, out, decimal_places(&d));
}

enum { MAX_PLACES = 28, USUAL_PLACES = 8 };

/* The end of the interval that a number stands for, rounded away from it to so many places. */
static bool number_boundary(const struct decimal *d, int64_t places, bool high, struct decimal *ret)
{
	struct decimal half = decimal_from_i64(5), edge;
	half.exponent = -(int32_t)decimal_places(d) - 1;
	if (!(high ? decimal_add(d, &half, &edge) : decimal_sub(d, &half, &edge)))
		return false;
	edge = decimal_round(&edge, (int)places, high ? DECIMAL_CEILING : DECIMAL_FLOOR);
	/* All the places are shown. */
	struct decimal zero = decimal_from_i64(0);
	zero.exponent = -(int32_t)places;
	return decimal_add(&edge, &zero, ret);
}

static bool boundary(struct eval *e, const struct call *c, bool high, struct path_items *out)
{
	struct path_item value;
	struct decimal edge;
	int64_t digits = -1;
	bool there, given = false;
	if (!one_value(e, c->node, c->input, &value, &there))
		return false;
	if (c->node->args && !arg_integer(e, c, c->node->args, &digits, &given))
		return false;
	if (!there)
		return true;
	if (is_moment(&value)) {
		if (!given)
			digits = value.kind == PATH_DATE ? 8 : value.kind == PATH_TIME ? 9 : 17;
		return !moment_boundary(&value.moment, value.kind, digits > 99 || digits < 0 ? 99 : (int)digits,
					high) ||
		       eval_add(e, out, &value);
	}
	if (!item_is_number(&value) && value.kind != PATH_QUANTITY)
		return eval_fail(e, c->node, ERR_VALUE, "%s() needs a decimal, a quantity, a date or a time",
				 c->node->function->name);
	if (!given)
		digits = USUAL_PLACES;
	struct decimal d = number_of(&value);
	if (digits < 0 || digits > MAX_PLACES || !number_boundary(&d, digits, high, &edge))
		return true;
	return add_like(e, out, &value, &edge);
}

bool fn_low_boundary(struct eval *e, const struct call *c, struct path_items *out)
{
	return boundary(e, c, false, out);
}

bool fn_high_boundary(struct eval *e, const struct call *c, struct path_items *out)
{
	return boundary(e, c, true, out);
}

static bool to_quantity(const struct path_item *value, struct path_quantity *ret)
{
	if (value->kind == PATH_QUANTITY)
		*ret = *value->quantity;
	else if (item_is_number(value))
		*ret = quantity_of_number(value);
	else
		return false;
	return true;
}

bool fn_comparable(struct eval *e, const struct call *c, struct path_items *out)
{
	SMALL_ITEMS(items);
	struct path_item a, b;
	struct path_quantity x, y;
	bool has_a, has_b;
	if (!one_value(e, c->node, c->input, &a, &has_a) || !eval_items(e, c->node->args, c->scope, &items) ||
	    !one_value(e, c->node->args, &items, &b, &has_b))
		return false;
	if (c->input->count == 0 || items.count == 0)
		return true;
	return add_boolean(
		e, out, has_a && has_b && to_quantity(&a, &x) && to_quantity(&b, &y) && quantity_comparable(e, &x, &y));
}
