/* Conversions (FHIRPath 5.5): what cannot be converted is empty, and convertsTo...() says so beforehand. */
#include "fhirpath/fhirpath_priv.h"

/* The value as one of another type; false when there is none. */
typedef bool converter(struct eval *e, const struct path_item *value, struct path_item *ret);

static bool convert(struct eval *e, const struct call *c, converter *to, struct path_items *out)
{
	struct path_item value, result;
	bool there;
	if (!one_value(e, c->node, c->input, &value, &there))
		return false;
	return !there || !to(e, &value, &result) || eval_add(e, out, &result);
}

static bool converts(struct eval *e, const struct call *c, converter *to, struct path_items *out)
{
	struct path_item value, result;
	bool there;
	if (!one_value(e, c->node, c->input, &value, &there))
		return false;
	return !there || add_boolean(e, out, to(e, &value, &result));
}

#define CONVERSION(name, to)                                                                                           \
	bool fn_to_##name(struct eval *e, const struct call *c, struct path_items *out)                                \
	{                                                                                                              \
		return convert(e, c, to, out);                                                                         \
	}                                                                                                              \
	bool fn_converts_to_##name(struct eval *e, const struct call *c, struct path_items *out)                       \
	{                                                                                                              \
		return converts(e, c, to, out);                                                                        \
	}

static bool to_boolean(struct eval *e, const struct path_item *value, struct path_item *ret)
{
	static const char *const words[2][6] = {{"false", "f", "no", "n", "0", "0.0"},
						{"true", "t", "yes", "y", "1", "1.0"}};
	(void)e;
	if (value->kind == PATH_BOOLEAN) {
		*ret = *value;
		return true;
	}
	if (item_is_number(value)) {
		struct decimal d = item_number(value), one = decimal_from_i64(1);
		*ret = item_boolean(!decimal_is_zero(&d));
		return decimal_is_zero(&d) || decimal_cmp(&d, &one) == 0;
	}
	for (int truth = 0; value->kind == PATH_STRING && truth < 2; truth++) {
		for (size_t i = 0; i < 6; i++) {
			if (str_eq_nocase(value->text, str_from(words[truth][i]))) {
				*ret = item_boolean(truth);
				return true;
			}
		}
	}
	return false;
}
CONVERSION(boolean, to_boolean)

static struct str without_plus(struct str text)
{
	return text.n > 1 && text.p[0] == '+' && text.p[1] != '-' ? str_slice(text, 1, text.n) : text;
}

static bool to_whole(const struct path_item *value, int64_t least, int64_t most, enum path_kind kind,
		     struct path_item *ret)
{
	int64_t n;
	if (value->kind == PATH_BOOLEAN)
		n = value->truth;
	else if (value->kind == PATH_INTEGER || value->kind == PATH_LONG)
		n = value->integer;
	else if (value->kind != PATH_STRING || !str_to_i64(without_plus(value->text), &n))
		return false;
	*ret = item_integer(n);
	ret->kind = kind;
	return n >= least && n <= most;
}

static bool to_integer(struct eval *e, const struct path_item *value, struct path_item *ret)
{
	(void)e;
	return to_whole(value, INT32_MIN, INT32_MAX, PATH_INTEGER, ret);
}
CONVERSION(integer, to_integer)

static bool to_long(struct eval *e, const struct path_item *value, struct path_item *ret)
{
	(void)e;
	return to_whole(value, INT64_MIN, INT64_MAX, PATH_LONG, ret);
}
CONVERSION(long, to_long)

static bool to_decimal(struct eval *e, const struct path_item *value, struct path_item *ret)
{
	struct decimal d;
	if (item_is_number(value)) {
		d = item_number(value);
	} else if (value->kind == PATH_BOOLEAN) {
		d = decimal_from_i64(value->truth ? 10 : 0);
		d.exponent = -1;
	} else if (value->kind != PATH_STRING || str_find_char(value->text, 'e', 0) != STR_NONE ||
		   str_find_char(value->text, 'E', 0) != STR_NONE || !decimal_parse(without_plus(value->text), &d)) {
		return false;
	}
	return item_decimal(e, &d, ret);
}
CONVERSION(decimal, to_decimal)

static bool to_date(struct eval *e, const struct path_item *value, struct path_item *ret)
{
	struct path_item item = *value;
	(void)e;
	if (value->kind == PATH_STRING && !moment_parse(value->text, PATH_DATE, &item.moment))
		return false;
	if (value->kind == PATH_DATETIME || value->kind == PATH_STRING) {
		item.kind = PATH_DATE;
		if (item.moment.precision > PATH_TO_DAY)
			item.moment = (struct path_moment){.year = item.moment.year,
							   .month = item.moment.month,
							   .day = item.moment.day,
							   .precision = PATH_TO_DAY};
	}
	*ret = item;
	return item.kind == PATH_DATE;
}
CONVERSION(date, to_date)

static bool to_date_time(struct eval *e, const struct path_item *value, struct path_item *ret)
{
	struct path_item item = *value;
	(void)e;
	if (value->kind == PATH_STRING && !moment_parse(value->text, PATH_DATETIME, &item.moment))
		return false;
	if (value->kind == PATH_DATE || value->kind == PATH_STRING)
		item.kind = PATH_DATETIME;
	*ret = item;
	return item.kind == PATH_DATETIME;
}
CONVERSION(date_time, to_date_time)

static bool to_time(struct eval *e, const struct path_item *value, struct path_item *ret)
{
	struct path_item item = *value;
	struct str text = value->kind == PATH_STRING ? value->text : S("");
	(void)e;
	if (str_starts(text, S("T")))
		text = str_slice(text, 1, text.n);
	if (value->kind == PATH_STRING) {
		if (!moment_parse(text, PATH_TIME, &item.moment))
			return false;
		item.kind = PATH_TIME;
	}
	*ret = item;
	return item.kind == PATH_TIME;
}
CONVERSION(time, to_time)

static bool to_string(struct eval *e, const struct path_item *value, struct path_item *ret)
{
	if (value->kind == PATH_ELEMENT || value->kind == PATH_TYPE_INFO)
		return false;
	*ret = item_string(value_text(e, value));
	return ret->text.p;
}
CONVERSION(string, to_string)

/* ---- quantities ------------------------------------------------------------------------------------------------ */

static bool to_quantity(struct eval *e, const struct path_item *value, struct path_quantity *ret)
{
	if (value->kind == PATH_QUANTITY) {
		*ret = *value->quantity;
		return true;
	}
	if (value->kind == PATH_INTEGER || value->kind == PATH_DECIMAL) {
		*ret = quantity_of_number(value);
		return true;
	}
	if (value->kind == PATH_BOOLEAN) {
		*ret = (struct path_quantity){.value = decimal_from_i64(value->truth ? 10 : 0), .unit = S("1")};
		ret->value.exponent = -1;
		return true;
	}
	return value->kind == PATH_STRING && quantity_parse(e, value->text, ret);
}

/* toQuantity([unit]): *ret_there false for no input, *ret_is for what is none or does not convert. */
static bool quantity_result(struct eval *e, const struct call *c, bool *ret_there, bool *ret_is, struct path_item *ret)
{
	struct path_item value;
	struct path_quantity q, converted;
	struct str unit;
	bool has_unit = false;
	if (!one_value(e, c->node, c->input, &value, ret_there))
		return false;
	if (c->node->args && !arg_string(e, c, c->node->args, &unit, &has_unit))
		return false;
	if (!*ret_there)
		return true;
	*ret_is = to_quantity(e, &value, &q);
	if (*ret_is && has_unit) {
		*ret_is = quantity_convert(e, &q, unit, &converted);
		if (*ret_is)
			q = converted;
	}
	return !*ret_is || item_quantity(e, &q, ret);
}

bool fn_to_quantity(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item q;
	bool there, is = false;
	return quantity_result(e, c, &there, &is, &q) && (!there || !is || eval_add(e, out, &q));
}

bool fn_converts_to_quantity(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item q;
	bool there, is = false;
	return quantity_result(e, c, &there, &is, &q) && (!there || add_boolean(e, out, is));
}
