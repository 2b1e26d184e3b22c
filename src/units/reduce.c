/* From the parts of a unit to what it means: a fraction of decimals and a dimension. */
#include "units/units_priv.h"

_Static_assert(2 * UNIT_KEPT_DIGITS <= DECIMAL_MAX_DIGITS, "shortened factors always have a product");

static struct decimal keep_digits(const struct decimal *d)
{
	unsigned digits = decimal_digits(d);
	if (digits <= UNIT_KEPT_DIGITS)
		return *d;
	return decimal_round(d, -d->exponent - (int)(digits - UNIT_KEPT_DIGITS), DECIMAL_HALF_EVEN);
}

bool unit_is_one(const struct decimal *d)
{
	return d->count == 1 && d->limb[0] == 1 && d->exponent == 0 && !d->negative;
}

bool unit_product(const struct decimal *a, const struct decimal *b, struct decimal *ret_product, bool *rounded)
{
	if (unit_is_one(a) || unit_is_one(b)) {
		*ret_product = unit_is_one(a) ? *b : *a;
		return true;
	}
	if (decimal_mul(a, b, ret_product))
		return true;
	*rounded = true;
	struct decimal short_a = keep_digits(a), short_b = keep_digits(b);
	return decimal_mul(&short_a, &short_b, ret_product);
}

bool unit_power(const struct decimal *base, unsigned exponent, struct decimal *ret_power, bool *rounded)
{
	struct decimal power = decimal_from_i64(1), square = *base;
	for (; exponent > 0; exponent /= 2) {
		if (exponent % 2 && !unit_product(&power, &square, &power, rounded))
			return false;
		if (exponent > 1 && !unit_product(&square, &square, &square, rounded))
			return false;
	}
	*ret_power = power;
	return true;
}

/* value^exponent goes on top of the fraction or, for negative exponents, below. */
static bool multiply_power(struct unit *u, const struct decimal *value, int exponent)
{
	if (unit_is_one(value))
		return true;
	struct decimal power = *value;
	struct decimal *into = exponent < 0 ? &u->denominator : &u->numerator;
	unsigned n = (unsigned)(exponent < 0 ? -exponent : exponent);
	if (n != 1 && !unit_power(value, n, &power, &u->rounded))
		return false;
	return unit_product(into, &power, into, &u->rounded);
}

/* Moves the fraction's powers of ten to the top, so that most denominators are 1. */
static bool settle(struct unit *u)
{
	struct decimal bare = u->denominator;
	if (bare.exponent == 0)
		return true;
	long exponent = (long)u->numerator.exponent - bare.exponent;
	if (exponent < -DECIMAL_MAX_EXPONENT || exponent > DECIMAL_MAX_EXPONENT)
		return false;
	bare.exponent = 0;
	u->denominator = bare;
	u->numerator.exponent = (int32_t)exponent;
	return true;
}

bool unit_add_arbitrary(struct unit *u, uint16_t row, int power)
{
	size_t at = 0;
	while (at < u->arbitrary_count && u->arbitrary[at] < row)
		at++;
	if (at == u->arbitrary_count || u->arbitrary[at] != row) {
		if (u->arbitrary_count == UNIT_MAX_ARBITRARY)
			return false;
		for (size_t i = u->arbitrary_count; i > at; i--) {
			u->arbitrary[i] = u->arbitrary[i - 1];
			u->arbitrary_power[i] = u->arbitrary_power[i - 1];
		}
		u->arbitrary_count++;
		u->arbitrary[at] = row;
		u->arbitrary_power[at] = 0;
	}
	power += u->arbitrary_power[at];
	if (power < -UNIT_MAX_EXPONENT || power > UNIT_MAX_EXPONENT)
		return false;
	u->arbitrary_power[at] = (int16_t)power;
	if (u->arbitrary_power[at] != 0)
		return true;
	for (size_t i = at + 1; i < u->arbitrary_count; i++) {
		u->arbitrary[i - 1] = u->arbitrary[i];
		u->arbitrary_power[i - 1] = u->arbitrary_power[i];
	}
	u->arbitrary_count--;
	u->arbitrary[u->arbitrary_count] = 0;
	u->arbitrary_power[u->arbitrary_count] = 0;
	return true;
}

static bool apply_prefix(const struct unit_table *table, const struct unit_part *part, int exponent, struct unit *u)
{
	if (part->prefix < 0)
		return true;
	const struct unit_prefix *prefix = &table->prefixes[part->prefix];
	if (u->function) {
		/* It scales the values on the scale: mCel. Powers of two have no place there, though they are written.
		 */
		u->prefix_power = prefix->power;
		if (!prefix->power)
			u->scale = UNIT_MIXED;
		return true;
	}
	if (!prefix->power)
		return multiply_power(u, &prefix->value, exponent);
	long shifted = u->numerator.exponent + (long)prefix->power * exponent;
	if (shifted < -DECIMAL_MAX_EXPONENT || shifted > DECIMAL_MAX_EXPONENT)
		return false;
	u->numerator.exponent = (int32_t)shifted;
	return true;
}

static bool apply_symbol(const struct unit_table *table, const struct unit_part *part, struct unit *u)
{
	const struct unit_row *row = &table->rows[part->row];
	int exponent = part->inverted ? -part->exponent : part->exponent;
	if (exponent == 0)
		return true;
	for (size_t i = 0; i < UNIT_DIMENSIONS; i++)
		u->dimension[i] = (int16_t)(u->dimension[i] + row->dimension[i] * exponent);
	u->counts = u->counts || row->counts;
	if (row->arbitrary && !unit_add_arbitrary(u, (uint16_t)(row->arbitrary - 1), exponent))
		return false;
	if (row->function) {
		u->function = row->function;
		u->scale = UNIT_SPECIAL;
	}
	return apply_prefix(table, part, exponent, u) && multiply_power(u, &row->numerator, exponent) &&
	       multiply_power(u, &row->denominator, -exponent) && settle(u);
}

static bool apply_factor(const struct unit_parts *parts, const struct unit_part *part, struct unit *u)
{
	struct decimal factor;
	return decimal_parse(str_slice(parts->text, part->at, part->end), &factor) &&
	       multiply_power(u, &factor, part->inverted ? -1 : 1) && settle(u);
}

/* A special unit has a meaning only by itself; numbers and annotations beside it count as others, but for "1". */
static bool stands_alone(const struct unit_parts *parts)
{
	size_t others = 0;
	for (size_t i = 0; i < parts->count; i++) {
		const struct unit_part *part = &parts->parts[i];
		if (part->kind == PART_SYMBOL)
			others += part->exponent != 1 || part->inverted ? 2 : 1;
		else if (part->kind == PART_FACTOR)
			others += !str_is(str_slice(parts->text, part->at, part->end), "1");
	}
	return others == 1;
}

bool unit_reduce(const struct unit_table *table, const struct unit_parts *parts, struct unit *ret_unit,
		 struct error *err)
{
	struct unit u = {.text = parts->text, .numerator = decimal_from_i64(1), .denominator = decimal_from_i64(1)};
	for (size_t i = 0; i < parts->count; i++) {
		const struct unit_part *part = &parts->parts[i];
		bool fits = part->kind == PART_SYMBOL	? apply_symbol(table, part, &u)
			    : part->kind == PART_FACTOR ? apply_factor(parts, part, &u)
							: true;
		for (size_t k = 0; k < UNIT_DIMENSIONS; k++)
			fits = fits && u.dimension[k] >= -UNIT_MAX_EXPONENT && u.dimension[k] <= UNIT_MAX_EXPONENT;
		if (!fits) {
			if (err)
				err->column = part->at + 1;
			return error_set(err, ERR_LIMIT, "the unit is too large, too small or has too many parts");
		}
	}
	if (u.scale == UNIT_SPECIAL && !stands_alone(parts))
		u.scale = UNIT_MIXED;
	*ret_unit = u;
	return true;
}
