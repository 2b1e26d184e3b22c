/* What items are worth: types, System values of primitives, equality. */
#include "fhirpath/fhirpath_priv.h"

/* Which System type the primitives of FHIR stand for (R4 fhirpath.html#types). Dates and times have System types that
 * are not implemented yet; they keep their FHIR type only. */
static bool primitive_kind(const struct path_item *item, enum path_kind *ret_kind)
{
	switch (json_type(item->value)) {
	case JSON_BOOL:
		*ret_kind = PATH_BOOLEAN;
		return true;
	case JSON_NUMBER:
		*ret_kind = item->type && str_is(item->type->name, "decimal") ? PATH_DECIMAL : PATH_INTEGER;
		return true;
	case JSON_STRING:
		*ret_kind = PATH_STRING;
		return true;
	default:
		return false;
	}
}

bool item_simple(const struct path_item *item, struct path_item *ret_simple)
{
	enum path_kind kind;
	if (item->kind != PATH_ELEMENT) {
		*ret_simple = *item;
		return true;
	}
	if (!item->value || !primitive_kind(item, &kind))
		return false;
	*ret_simple = (struct path_item){.kind = kind, .truth = json_bool(item->value)};
	ret_simple->text = kind == PATH_STRING ? json_str(item->value) : json_number(item->value);
	return true;
}

/* Elements are of FHIR types only, computed values of System types only, although they convert into each other. */
bool item_is(const struct path_item *item, struct path_type type)
{
	if (type.fhir)
		return item->kind == PATH_ELEMENT && path_type_derives(item->type, type.fhir);
	return item->kind != PATH_ELEMENT && item->kind == type.system;
}

bool path_type_selects(const struct fhir_type *type, const struct fhir_type *wanted)
{
	if (type && type->kind == TYPE_PRIMITIVE)
		return type == wanted;
	return path_type_derives(type, wanted);
}

bool item_as(const struct path_item *item, struct path_type type)
{
	if (type.fhir)
		return item->kind == PATH_ELEMENT && path_type_selects(item->type, type.fhir);
	return item_is(item, type);
}

/* ---- equality -------------------------------------------------------------------------------------------------- */

/* A decimal as digits without leading or trailing zeros times a power of ten. */
struct digits {
	bool negative;
	struct str text;
	size_t digits; /* significant ones */
	size_t first; /* offset in text of the first significant digit */
	long exponent; /* of the last significant digit */
};

static bool decimal_digit(char c)
{
	return c >= '0' && c <= '9';
}

static long decimal_exponent(struct str text)
{
	long value = 0;
	bool negative = text.n && text.p[0] == '-';
	for (size_t i = 0; i < text.n; i++)
		if (decimal_digit(text.p[i]) && value < 1000000)
			value = value * 10 + (text.p[i] - '0');
	return negative ? -value : value;
}

static struct digits decimal_of(struct str text)
{
	struct digits d = {.negative = text.n && text.p[0] == '-', .text = text};
	size_t end = 0, last = 0;
	long after_point = 0;
	bool point = false;
	for (; end < text.n && text.p[end] != 'e' && text.p[end] != 'E'; end++) {
		char c = text.p[end];
		if (c == '.')
			point = true;
		if (!decimal_digit(c))
			continue;
		after_point += point;
		if (d.digits == 0 && c == '0')
			continue;
		if (d.digits++ == 0)
			d.first = end;
		if (c != '0')
			last = d.digits;
	}
	d.exponent = (long)(d.digits - last) - after_point;
	d.digits = last;
	if (end < text.n)
		d.exponent += decimal_exponent(str_slice(text, end + 1, text.n));
	return d;
}

static char next_digit(const struct digits *d, size_t *at)
{
	while (!decimal_digit(d->text.p[*at]))
		(*at)++;
	return d->text.p[(*at)++];
}

static bool decimals_equal(struct str a, struct str b)
{
	struct digits x = decimal_of(a), y = decimal_of(b);
	if (x.digits == 0 || y.digits == 0)
		return x.digits == y.digits;
	if (x.negative != y.negative || x.digits != y.digits || x.exponent != y.exponent)
		return false;
	size_t i = x.first, j = y.first;
	for (size_t n = 0; n < x.digits; n++)
		if (next_digit(&x, &i) != next_digit(&y, &j))
			return false;
	return true;
}

static bool json_equal(const struct json *a, const struct json *b)
{
	if (json_type(a) != json_type(b) || json_size(a) != json_size(b))
		return false;
	struct json_iter i = json_iter(a), j = json_iter(b);
	switch (json_type(a)) {
	case JSON_STRING:
		return str_eq(json_str(a), json_str(b));
	case JSON_NUMBER:
		return decimals_equal(json_number(a), json_number(b));
	case JSON_BOOL:
		return json_bool(a) == json_bool(b);
	case JSON_ARRAY:
		while (json_next(&i) && json_next(&j))
			if (!json_equal(i.value, j.value))
				return false;
		return true;
	case JSON_OBJECT:
		while (json_next(&i))
			if (!json_equal(i.value, json_get(b, i.key)))
				return false;
		return true;
	default:
		return true;
	}
}

bool item_equal(const struct path_item *a, const struct path_item *b)
{
	struct path_item x, y;
	bool simple = item_simple(a, &x);
	if (simple != item_simple(b, &y))
		return false;
	if (!simple)
		return a->kind == PATH_ELEMENT && b->kind == PATH_ELEMENT &&
		       (a->value || b->value ? a->value && b->value && json_equal(a->value, b->value)
					     : a->text.p && str_eq(a->text, b->text));
	bool numbers = (x.kind == PATH_INTEGER || x.kind == PATH_DECIMAL) &&
		       (y.kind == PATH_INTEGER || y.kind == PATH_DECIMAL);
	if (numbers)
		return decimals_equal(x.text, y.text);
	if (x.kind != y.kind)
		return false;
	return x.kind == PATH_BOOLEAN ? x.truth == y.truth : str_eq(x.text, y.text);
}
