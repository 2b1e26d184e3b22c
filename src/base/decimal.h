/*
 * Exact decimal numbers by value: a sign, an integer coefficient of up to 77 digits and a power of ten. Trailing zeros
 * are kept, because in FHIR and FHIRPath they say how precise a number is: 1.50 is written back as 1.50. No allocation;
 * the arithmetic on coefficients is GMP's. Any thread.
 *
 * An exact result keeps the places of its operands (1.20 + 1.8 is 3.00); when that takes too many digits it gives up
 * trailing zeros. What does not fit then fails instead of losing digits; only decimal_div and decimal_round round, and
 * say so.
 */
#ifndef FIRTH_BASE_DECIMAL_H
#define FIRTH_BASE_DECIMAL_H

#include "base/buf.h"
#include "base/error.h"

enum { DECIMAL_LIMBS = 4, DECIMAL_MAX_DIGITS = 77, DECIMAL_MAX_EXPONENT = 100000 };

struct decimal {
	uint64_t limb[DECIMAL_LIMBS]; /* least significant first; those past count are zero */
	int32_t exponent; /* value = coefficient * 10^exponent; 1.50 is 150 * 10^-2 */
	uint8_t count; /* limbs in use; 0: zero */
	bool negative; /* never for zero */
};

/* -?digits[.digits][(e|E)[+-]digits], all of the text. False when it is no such number or does not fit. */
bool decimal_parse(struct str text, struct decimal *ret_value) MUST_USE;
struct decimal decimal_from_i64(int64_t value);
/* Plain notation with the digits it has: "1.50", "-0.001", "1200". Up to 40 zeros that only hold a place are written
 * out; past that it is "12E50" or "12E-50". decimal_parse reads back what it writes. */
void decimal_write(struct buf *out, const struct decimal *d);

int decimal_cmp(const struct decimal *a, const struct decimal *b); /* by value: 1.0 equals 1.00 */
bool decimal_is_zero(const struct decimal *d);
/* Digits after the point, 0 when there are none; significant digits without leading zeros. */
unsigned decimal_places(const struct decimal *d);
unsigned decimal_digits(const struct decimal *d);

struct decimal decimal_negate(const struct decimal *d);
/* False when the exact result does not fit. */
bool decimal_add(const struct decimal *a, const struct decimal *b, struct decimal *ret_sum) MUST_USE;
bool decimal_sub(const struct decimal *a, const struct decimal *b, struct decimal *ret_difference) MUST_USE;
bool decimal_mul(const struct decimal *a, const struct decimal *b, struct decimal *ret_product) MUST_USE;
/* Quotient to at most `digits` significant digits, half to even; exact and with no more zeros than needed when it ends
 * earlier. False for division by zero and past the range of exponents. */
bool decimal_div(const struct decimal *a, const struct decimal *b, unsigned digits,
		 struct decimal *ret_quotient) MUST_USE;
/* Whole part of a/b towards zero, and the remainder with the sign of a. False for division by zero, and when the whole
 * part does not fit. */
bool decimal_divmod(const struct decimal *a, const struct decimal *b, struct decimal *ret_whole,
		    struct decimal *ret_rest) MUST_USE;

enum decimal_rounding {
	DECIMAL_HALF_EVEN,
	DECIMAL_HALF_UP /* away from zero */,
	DECIMAL_DOWN,
	DECIMAL_FLOOR,
	DECIMAL_CEILING
};
/* To `places` digits after the point (negative: before it). A number with no more places is returned as it is. */
struct decimal decimal_round(const struct decimal *d, int places, enum decimal_rounding how);
/* To exactly so many significant digits: rounded, or filled up with zeros after the point. Digits before the point stay
 * as zeros (1234 to 2 is 1200). Zero is returned as it is. */
struct decimal decimal_to_digits(const struct decimal *d, unsigned digits, enum decimal_rounding how);
/* Without trailing zeros after the point: 1.50 becomes 1.5, 100 stays 100. */
struct decimal decimal_normal(const struct decimal *d);

/* False when it is not whole or out of range. */
bool decimal_to_i64(const struct decimal *d, int64_t *ret_value) MUST_USE;
double decimal_to_double(const struct decimal *d); /* nearest */
/* The shortest decimal that reads back as the same double. False for infinities and NaN. */
bool decimal_from_double(double value, struct decimal *ret_value) MUST_USE;

#endif
