/*
 * Quantities: converting, comparing, multiplying. A quantity is a value times a fraction of base units; all of it stays
 * a fraction until one division at the end, so a result that ends is exact and one that does not is rounded once.
 */
#include "units/units_priv.h"

/* A value in base units. */
struct fraction {
	struct decimal numerator, denominator;
	bool rounded; /* to 38 digits */
	bool computed; /* by the function of a special unit, in 15 digits */
};

static bool fail_range(struct error *err)
{
	return error_set(err, ERR_LIMIT, "the value is too large or too small for this unit");
}

static bool shift(const struct decimal *d, int power, struct decimal *ret_value, struct error *err)
{
	long exponent = (long)d->exponent + power;
	if (exponent < -DECIMAL_MAX_EXPONENT || exponent > DECIMAL_MAX_EXPONENT)
		return fail_range(err);
	*ret_value = *d;
	ret_value->exponent = (int32_t)exponent;
	return true;
}

static bool fail_mixed(const struct unit *u, struct error *err)
{
	return error_set(
		err, ERR_NOT_SUPPORTED,
		"%.*s combines a special unit with others or a power of two, which has no meaning in base units",
		STR_ARG(str_slice(u->text, 0, 60)));
}

static bool to_base(const struct decimal *value, const struct unit *u, struct fraction *ret, struct error *err)
{
	struct decimal plain = *value;
	bool exact = true;
	if (u->scale == UNIT_MIXED)
		return fail_mixed(u, err);
	if (u->scale == UNIT_SPECIAL && (!shift(value, u->prefix_power, &plain, err) ||
					 !unit_from_special(u->function, &plain, &plain, &exact, err)))
		return false;
	ret->denominator = u->denominator;
	ret->rounded = u->rounded;
	ret->computed = !exact;
	return unit_product(&plain, &u->numerator, &ret->numerator, &ret->rounded) || fail_range(err);
}

static unsigned digits_for(const struct decimal *value)
{
	unsigned digits = decimal_digits(value);
	return digits > UNIT_DIGITS ? digits : UNIT_DIGITS;
}

static bool divide(const struct fraction *f, unsigned digits, struct decimal *ret_value, struct error *err)
{
	if (f->computed)
		digits = UNIT_FUNCTION_DIGITS;
	if (unit_is_one(&f->denominator)) { /* most units are whole multiples of their base units or decimal parts of
					       them */
		struct decimal whole = decimal_normal(&f->numerator);
		*ret_value =
			decimal_digits(&whole) > digits ? decimal_to_digits(&whole, digits, DECIMAL_HALF_EVEN) : whole;
		return true;
	}
	return decimal_div(&f->numerator, &f->denominator, digits, ret_value) || fail_range(err);
}

bool unit_canonical(const struct decimal *value, const struct unit *u, struct decimal *ret_value, struct error *err)
{
	struct fraction f;
	return to_base(value, u, &f, err) && divide(&f, digits_for(value), ret_value, err);
}

/* ---- digits ------------------------------------------------------------------------------------------------------ */

/* Moving a zero keeps places, not digits: 98.6 [degF] is 37.0 Cel. */
static struct decimal with_places(const struct decimal *value, int places)
{
	struct decimal sum, zero = {.exponent = -places};
	struct decimal rounded = decimal_round(value, places, DECIMAL_HALF_UP);
	return decimal_add(&rounded, &zero, &sum) ? sum : rounded;
}

/* The power of ten nearest to how many of `to` one of `from` is. */
static int magnitude(const struct unit *from, const struct unit *to)
{
	double ratio = decimal_to_double(&from->numerator) / decimal_to_double(&from->denominator) *
		       decimal_to_double(&to->denominator) / decimal_to_double(&to->numerator);
	int power = 0;
	for (; ratio > 3.1622776601683795 && power < 400; power++)
		ratio /= 10;
	for (; ratio < 0.31622776601683794 && power > -400; power--)
		ratio *= 10;
	return power + from->prefix_power - to->prefix_power;
}

static struct decimal significant(const struct decimal *value, const struct unit *from, const struct unit *to,
				  const struct decimal *result)
{
	if (decimal_places(value) == 0)
		return *result;
	if (unit_is_offset(from->function) || unit_is_offset(to->function)) {
		int places = (int)decimal_places(value) - magnitude(from, to);
		return with_places(result, places < 0 ? 0 : places);
	}
	return value->count ? decimal_to_digits(result, decimal_digits(value), DECIMAL_HALF_UP) : *value;
}

/* ---- comparing units --------------------------------------------------------------------------------------------- */

static bool same_arbitrary(const struct unit *a, const struct unit *b)
{
	if (a->arbitrary_count != b->arbitrary_count)
		return false;
	for (size_t i = 0; i < a->arbitrary_count; i++) {
		if (a->arbitrary[i] != b->arbitrary[i] || a->arbitrary_power[i] != b->arbitrary_power[i])
			return false;
	}
	return true;
}

bool unit_commensurable(const struct unit *a, const struct unit *b)
{
	if (a->scale == UNIT_MIXED || b->scale == UNIT_MIXED)
		return str_eq(a->text, b->text);
	return memcmp(a->dimension, b->dimension, sizeof(a->dimension)) == 0 && same_arbitrary(a, b);
}

/* Whether they differ by one power of mass and one of them counts particles. */
static bool lacks_molar_mass(const struct unit *a, const struct unit *b)
{
	enum { GRAM = 2 };
	if (!same_arbitrary(a, b) || a->counts == b->counts)
		return false;
	for (size_t i = 0; i < UNIT_DIMENSIONS; i++) {
		int apart = a->dimension[i] - b->dimension[i];
		if (i == GRAM ? apart != 1 && apart != -1 : apart != 0)
			return false;
	}
	return true;
}

static bool fail_incommensurable(const struct unit *a, const struct unit *b, struct error *err)
{
	struct str text_a = a->text.n ? str_slice(a->text, 0, 60) : S("1");
	struct str text_b = b->text.n ? str_slice(b->text, 0, 60) : S("1");
	if (a->scale == UNIT_MIXED || b->scale == UNIT_MIXED)
		return fail_mixed(a->scale == UNIT_MIXED ? a : b, err);
	if (lacks_molar_mass(a, b))
		return error_set(err, ERR_VALUE,
				 "%.*s and %.*s are not comparable: one is an amount of substance, the other a mass; "
				 "between them stands the molar mass of the substance, which a unit does not know",
				 STR_ARG(text_a), STR_ARG(text_b));
	if (!same_arbitrary(a, b))
		return error_set(err, ERR_VALUE,
				 "%.*s and %.*s are not comparable: an arbitrary unit is defined by its own assay and "
				 "converts to nothing else",
				 STR_ARG(text_a), STR_ARG(text_b));
	struct buf base_a, base_b;
	buf_init(&base_a, UNIT_CANONICAL_MAX);
	buf_init(&base_b, UNIT_CANONICAL_MAX);
	unit_write_canonical(&base_a, a);
	unit_write_canonical(&base_b, b);
	error_set(err, ERR_VALUE, "%.*s and %.*s are not comparable: they measure different things (%.*s and %.*s)",
		  STR_ARG(text_a), STR_ARG(text_b), STR_ARG(buf_str(&base_a)), STR_ARG(buf_str(&base_b)));
	buf_done(&base_a);
	buf_done(&base_b);
	return false;
}

/* ---- quantities -------------------------------------------------------------------------------------------------- */

static bool from_base(struct fraction *f, const struct unit *to, unsigned digits, struct decimal *ret_value,
		      struct error *err)
{
	struct decimal plain;
	bool exact;
	if (!unit_product(&f->numerator, &to->denominator, &f->numerator, &f->rounded) ||
	    !unit_product(&f->denominator, &to->numerator, &f->denominator, &f->rounded))
		return fail_range(err);
	if (!divide(f, to->scale == UNIT_SPECIAL ? UNIT_KEPT_DIGITS : digits, &plain, err))
		return false;
	if (to->scale == UNIT_SPECIAL && (!unit_to_special(to->function, &plain, &plain, &exact, err) ||
					  !shift(&plain, -to->prefix_power, &plain, err)))
		return false;
	/* What a moved zero leaves of a value that does not end has the digits of any other. */
	if (to->scale == UNIT_SPECIAL && decimal_digits(&plain) > digits)
		plain = decimal_to_digits(&plain, digits, DECIMAL_HALF_EVEN);
	*ret_value = plain;
	return true;
}

bool unit_convert(const struct decimal *value, const struct unit *from, const struct unit *to, enum unit_digits digits,
		  struct decimal *ret_value, struct error *err)
{
	struct fraction f;
	struct decimal result;
	if (!unit_commensurable(from, to))
		return fail_incommensurable(from, to, err);
	if (str_eq(from->text, to->text)) {
		*ret_value = *value;
		return true;
	}
	if (!to_base(value, from, &f, err) || !from_base(&f, to, digits_for(value), &result, err))
		return false;
	result = decimal_normal(&result);
	*ret_value = digits == UNIT_SIGNIFICANT ? significant(value, from, to, &result) : result;
	return true;
}

/* Compares x/y with 1 in so many digits, for numbers that are not exact. */
static int compare_nearly(const struct decimal *x, const struct decimal *y, unsigned digits)
{
	struct decimal quotient, one = decimal_from_i64(1);
	if (x->count && y->count && x->negative == y->negative && decimal_div(x, y, digits, &quotient) &&
	    decimal_cmp(&quotient, &one) == 0)
		return 0;
	return decimal_cmp(x, y);
}

bool unit_compare(const struct decimal *a, const struct unit *unit_a, const struct decimal *b,
		  const struct unit *unit_b, int *ret_order, struct error *err)
{
	struct fraction x, y;
	struct decimal left, right;
	if (!unit_commensurable(unit_a, unit_b))
		return fail_incommensurable(unit_a, unit_b, err);
	if (str_eq(unit_a->text, unit_b->text)) {
		*ret_order = decimal_cmp(a, b);
		return true;
	}
	if (!to_base(a, unit_a, &x, err) || !to_base(b, unit_b, &y, err))
		return false;
	if (x.computed || y.computed) {
		if (!divide(&x, UNIT_DIGITS, &left, err) || !divide(&y, UNIT_DIGITS, &right, err))
			return false;
		*ret_order = compare_nearly(&left, &right, UNIT_FUNCTION_DIGITS - 2);
		return true;
	}
	if (!x.rounded && !y.rounded && decimal_mul(&x.numerator, &y.denominator, &left) &&
	    decimal_mul(&y.numerator, &x.denominator, &right)) {
		*ret_order = decimal_cmp(&left, &right);
		return true;
	}
	if (!divide(&x, UNIT_KEPT_DIGITS, &left, err) || !divide(&y, UNIT_KEPT_DIGITS, &right, err))
		return false;
	*ret_order = compare_nearly(&left, &right, UNIT_KEPT_DIGITS - 6);
	return true;
}

/* The unit of a * b^sign, as far as its base units go. */
static bool combine(const struct unit *a, const struct unit *b, int sign, struct unit *ret_unit, struct error *err)
{
	*ret_unit = *a;
	for (size_t i = 0; i < UNIT_DIMENSIONS; i++)
		ret_unit->dimension[i] = (int16_t)(a->dimension[i] + sign * b->dimension[i]);
	for (size_t i = 0; i < b->arbitrary_count; i++) {
		if (!unit_add_arbitrary(ret_unit, b->arbitrary[i], sign * b->arbitrary_power[i]))
			return error_set(err, ERR_LIMIT, "the result has too many arbitrary units");
	}
	return true;
}

/* As many digits as the operand with fewer; a whole number has all of them. */
static struct decimal significant_of_both(const struct decimal *a, const struct decimal *b,
					  const struct decimal *result)
{
	unsigned digits = DECIMAL_MAX_DIGITS;
	const struct decimal *both[] = {a, b};
	for (size_t i = 0; i < 2; i++) {
		if (decimal_places(both[i]) > 0 && both[i]->count && decimal_digits(both[i]) < digits)
			digits = decimal_digits(both[i]);
	}
	return digits < DECIMAL_MAX_DIGITS ? decimal_to_digits(result, digits, DECIMAL_HALF_UP) : *result;
}

struct operand {
	const struct decimal *value;
	const struct unit *unit;
};

static bool finish(const struct operand *a, const struct operand *b, const struct fraction *f, int sign,
		   enum unit_digits digits, struct decimal *ret_value, struct buf *ret_unit, struct error *err)
{
	struct unit unit;
	struct decimal result;
	unsigned most = digits_for(a->value), other = digits_for(b->value);
	if (!combine(a->unit, b->unit, sign, &unit, err) || !divide(f, most > other ? most : other, &result, err))
		return false;
	result = decimal_normal(&result);
	*ret_value = digits == UNIT_SIGNIFICANT ? significant_of_both(a->value, b->value, &result) : result;
	unit_write_canonical(ret_unit, &unit);
	return buf_ok(ret_unit) || error_memory(err);
}

bool unit_multiply(const struct decimal *a, const struct unit *unit_a, const struct decimal *b,
		   const struct unit *unit_b, enum unit_digits digits, struct decimal *ret_value, struct buf *ret_unit,
		   struct error *err)
{
	struct fraction x, y, product;
	if (!to_base(a, unit_a, &x, err) || !to_base(b, unit_b, &y, err))
		return false;
	product = (struct fraction){.computed = x.computed || y.computed};
	if (!unit_product(&x.numerator, &y.numerator, &product.numerator, &product.rounded) ||
	    !unit_product(&x.denominator, &y.denominator, &product.denominator, &product.rounded))
		return fail_range(err);
	return finish(&(struct operand){a, unit_a}, &(struct operand){b, unit_b}, &product, 1, digits, ret_value,
		      ret_unit, err);
}

bool unit_divide(const struct decimal *a, const struct unit *unit_a, const struct decimal *b, const struct unit *unit_b,
		 enum unit_digits digits, struct decimal *ret_value, struct buf *ret_unit, struct error *err)
{
	struct fraction x, y, quotient;
	if (!to_base(a, unit_a, &x, err) || !to_base(b, unit_b, &y, err))
		return false;
	if (y.numerator.count == 0)
		return error_set(err, ERR_VALUE, "division by zero");
	quotient = (struct fraction){.computed = x.computed || y.computed};
	if (!unit_product(&x.numerator, &y.denominator, &quotient.numerator, &quotient.rounded) ||
	    !unit_product(&x.denominator, &y.numerator, &quotient.denominator, &quotient.rounded))
		return fail_range(err);
	return finish(&(struct operand){a, unit_a}, &(struct operand){b, unit_b}, &quotient, -1, digits, ret_value,
		      ret_unit, err);
}
