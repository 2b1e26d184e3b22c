/*
 * The functions of special units (UCUM, clauses 21 and 22). Temperatures move the zero and stay exact. Logarithmic
 * scales are base^(value * factor); whole powers are exact, everything else goes through doubles and has 15 digits.
 */
#include "units/units_priv.h"

#include <math.h>

struct exponential {
	double base;
	int64_t whole_base; /* 0: not a whole number */
	const char *factor;
};

static const struct exponential *exponential(uint8_t function)
{
	static const struct exponential table[UNIT_FUNCTION_COUNT] = {
		[UNIT_HAHNEMANN_X] = {10, 10, "-1"},
		[UNIT_HAHNEMANN_C] = {10, 10, "-2"},
		[UNIT_HAHNEMANN_M] = {10, 10, "-3"},
		[UNIT_HAHNEMANN_Q] = {50000, 50000, "-1"},
		[UNIT_ACIDITY] = {10, 10, "-1"},
		[UNIT_NEPER] = {M_E, 0, "1"},
		[UNIT_BEL] = {10, 10, "1"},
		[UNIT_FIELD_BEL] = {10, 10, "0.5"},
		[UNIT_BIT] = {2, 2, "1"},
	};
	return function < UNIT_FUNCTION_COUNT && table[function].factor ? &table[function] : NULL;
}

/* The zero of a temperature scale below absolute zero, in its own degrees; NULL for other functions. */
static const char *offset(uint8_t function)
{
	switch ((enum unit_function)function) {
	case UNIT_CELSIUS:
		return "273.15";
	case UNIT_FAHRENHEIT:
		return "459.67";
	case UNIT_REAUMUR:
		return "218.52";
	default:
		return NULL;
	}
}

bool unit_is_offset(uint8_t function)
{
	return offset(function) != NULL;
}

static struct decimal constant(const char *text)
{
	struct decimal d;
	return decimal_parse(str_from(text), &d) ? d : decimal_from_i64(0);
}

static bool fail_range(struct error *err)
{
	return error_set(err, ERR_VALUE, "the value is out of the range of a special unit");
}

/* A double, times ten to the power shift, with the digits that can be relied on. */
static bool from_double(double value, long shift, struct decimal *ret_value, struct error *err)
{
	struct decimal d;
	if (!decimal_from_double(value, &d))
		return fail_range(err);
	d = decimal_to_digits(&d, UNIT_FUNCTION_DIGITS, DECIMAL_HALF_UP);
	shift += d.exponent;
	if (shift < -DECIMAL_MAX_EXPONENT || shift > DECIMAL_MAX_EXPONENT)
		return fail_range(err);
	d.exponent = d.count ? (int32_t)shift : 0;
	*ret_value = decimal_normal(&d);
	return true;
}

/* base^whole for whole numbers, exact as long as it fits. */
static bool whole_power(int64_t base, int64_t exponent, struct decimal *ret_power, bool *ret_exact, struct error *err)
{
	if (exponent < -DECIMAL_MAX_EXPONENT || exponent > DECIMAL_MAX_EXPONENT)
		return fail_range(err);
	struct decimal power = decimal_from_i64(base == 10 ? 1 : base), one = decimal_from_i64(1);
	if (base == 10) {
		power.exponent = (int32_t)exponent;
		*ret_power = power;
		*ret_exact = true;
		return true;
	}
	bool below = exponent < 0;
	bool rounded = below;
	if (!unit_power(&power, (unsigned)(below ? -exponent : exponent), &power, &rounded))
		return fail_range(err);
	*ret_exact = !rounded;
	if (below && !decimal_div(&one, &power, UNIT_KEPT_DIGITS, &power))
		return fail_range(err);
	*ret_power = power;
	return true;
}

static bool raise_base(const struct exponential *e, const struct decimal *value, struct decimal *ret_value,
		       bool *ret_exact, struct error *err)
{
	struct decimal factor = constant(e->factor), exponent;
	int64_t whole;
	if (!decimal_mul(value, &factor, &exponent))
		return fail_range(err);
	if (e->whole_base && decimal_to_i64(&exponent, &whole))
		return whole_power(e->whole_base, whole, ret_value, ret_exact, err);
	*ret_exact = false;
	double powers = decimal_to_double(&exponent) * log10(e->base), shift = floor(powers);
	if (!(fabs(shift) <= DECIMAL_MAX_EXPONENT))
		return fail_range(err);
	/* The whole part is an exponent and costs no digits when the base is ten. */
	double rest = e->base == 10 ? pow(10, powers - shift) : pow(e->base, decimal_to_double(&exponent));
	return from_double(rest, e->base == 10 ? (long)shift : 0, ret_value, err);
}

static bool take_logarithm(const struct exponential *e, const struct decimal *value, struct decimal *ret_value,
			   bool *ret_exact, struct error *err)
{
	if (value->count == 0 || value->negative)
		return error_set(err, ERR_VALUE, "a logarithmic unit has no value for zero or less");
	struct decimal leading = *value, factor = constant(e->factor), result;
	long shift = (long)decimal_digits(value) - 1;
	leading.exponent = (int32_t)-shift;
	shift += value->exponent;
	double power = log10(decimal_to_double(&leading));
	*ret_exact = power == 0 && e->base == 10;
	if (!from_double((power + (double)shift) / log10(e->base), 0, &result, err))
		return false;
	return decimal_div(&result, &factor, UNIT_FUNCTION_DIGITS, ret_value) || fail_range(err);
}

bool unit_from_special(uint8_t function, const struct decimal *value, struct decimal *ret_value, bool *ret_exact,
		       struct error *err)
{
	const char *zero = offset(function);
	*ret_exact = true;
	if (zero) {
		struct decimal below = constant(zero);
		return decimal_add(value, &below, ret_value) || fail_range(err);
	}
	if (function == UNIT_SQUARE_ROOT)
		return decimal_mul(value, value, ret_value) || fail_range(err);
	const struct exponential *e = exponential(function);
	if (e)
		return raise_base(e, value, ret_value, ret_exact, err);
	/* 100 tan(angle): the prism dioptre works on radians, the slope on degrees. */
	*ret_exact = false;
	double angle = atan(decimal_to_double(value) / 100);
	return from_double(function == UNIT_SLOPE ? angle * 180 / M_PI : angle, 0, ret_value, err);
}

bool unit_to_special(uint8_t function, const struct decimal *value, struct decimal *ret_value, bool *ret_exact,
		     struct error *err)
{
	const char *zero = offset(function);
	*ret_exact = true;
	if (zero) {
		struct decimal below = constant(zero);
		return decimal_sub(value, &below, ret_value) || fail_range(err);
	}
	const struct exponential *e = exponential(function);
	if (e)
		return take_logarithm(e, value, ret_value, ret_exact, err);
	*ret_exact = false;
	double x = decimal_to_double(value);
	if (function == UNIT_SQUARE_ROOT)
		return from_double(sqrt(x), 0, ret_value, err);
	double angle = function == UNIT_SLOPE ? x * M_PI / 180 : x;
	if (!(fabs(angle) < M_PI_2))
		return error_set(err, ERR_VALUE, "a slope has no value for an angle of 90 degrees or more");
	return from_double(100 * tan(angle), 0, ret_value, err);
}
