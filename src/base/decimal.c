/*
 * Arithmetic of decimals. Every operation widens its operands' coefficients into 16 limbs on the stack, works there
 * with GMP's mpn functions, which allocate nothing at these sizes, and narrows the result back. An exact result that
 * has more than 77 digits gives up trailing zeros, never other digits.
 */
#include "base/decimal_priv.h"

#include <stdlib.h>

uint64_t decimal_pow10(unsigned k)
{
	static const uint64_t POWERS[DECIMAL_LIMB_DIGITS + 1] = {
		1U,
		10U,
		100U,
		1000U,
		10000U,
		100000U,
		1000000U,
		10000000U,
		100000000U,
		1000000000U,
		10000000000U,
		100000000000U,
		1000000000000U,
		10000000000000U,
		100000000000000U,
		1000000000000000U,
		10000000000000000U,
		100000000000000000U,
		1000000000000000000U,
		10000000000000000000U,
	};
	return POWERS[k];
}

static void wide_trim(struct decimal_wide *w)
{
	while (w->n > 0 && w->limb[w->n - 1] == 0)
		w->n--;
}

static struct decimal_wide wide_from(const struct decimal *d)
{
	struct decimal_wide w;
	for (size_t i = 0; i < d->count; i++)
		w.limb[i] = d->limb[i];
	w.n = d->count;
	return w;
}

/* w * 10^k. The caller makes sure that the result has at most DECIMAL_WIDE_DIGITS. */
static void wide_scale(struct decimal_wide *w, unsigned k)
{
	while (k > 0 && w->n > 0) {
		unsigned step = k < DECIMAL_LIMB_DIGITS ? k : DECIMAL_LIMB_DIGITS;
		mp_limb_t carry = mpn_mul_1(w->limb, w->limb, w->n, decimal_pow10(step));
		if (carry)
			w->limb[w->n++] = carry;
		k -= step;
	}
}

static struct decimal_wide wide_power(unsigned k)
{
	struct decimal_wide w = {.limb = {1}, .n = 1};
	wide_scale(&w, k);
	return w;
}

static int wide_cmp(const struct decimal_wide *a, const struct decimal_wide *b)
{
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return a->n ? mpn_cmp(a->limb, b->limb, a->n) : 0;
}

static unsigned wide_digits(const struct decimal_wide *w)
{
	if (w->n == 0)
		return 0;
	if (w->n == 1) {
		unsigned digits = 1;
		while (digits <= DECIMAL_LIMB_DIGITS && w->limb[0] >= decimal_pow10(digits))
			digits++;
		return digits;
	}
	/* 10^(digits - 1) <= 2^(bits - 1) <= w < 2^bits; the factor is log10(2) * 2^32. */
	unsigned bits = (unsigned)mpn_sizeinbase(w->limb, w->n, 2);
	unsigned least = 1 + (unsigned)(((uint64_t)(bits - 1) * 1292913986U) >> 32);
	struct decimal_wide power = wide_power(least);
	return wide_cmp(w, &power) < 0 ? least : least + 1;
}

/* Divides by b (not zero); the whole quotient stays, the remainder comes back. */
static struct decimal_wide wide_divide(struct decimal_wide *w, const struct decimal_wide *b)
{
	struct decimal_wide rest = *w;
	if (w->n < b->n) {
		w->n = 0;
		return rest;
	}
	struct decimal_wide quotient = {.n = w->n - b->n + 1};
	mpn_tdiv_qr(quotient.limb, rest.limb, 0, w->limb, w->n, b->limb, b->n);
	rest.n = b->n;
	wide_trim(&rest);
	wide_trim(&quotient);
	*w = quotient;
	return rest;
}

/* Takes off up to `most` trailing zeros and says how many. */
static unsigned wide_strip(struct decimal_wide *w, unsigned most)
{
	unsigned stripped = 0;
	while (stripped < most && w->n > 0 && w->limb[0] % 2 == 0 && mpn_mod_1(w->limb, w->n, 10) == 0) {
		mpn_divrem_1(w->limb, 0, w->limb, w->n, 10);
		wide_trim(w);
		stripped++;
	}
	return stripped;
}

/* Back to a decimal, giving up trailing zeros where it would not fit otherwise. */
static bool wide_narrow(struct decimal_wide *w, long exponent, bool negative, struct decimal *ret)
{
	/* Three limbs hold 57 digits and always fit. */
	unsigned digits = w->n < DECIMAL_LIMBS ? 0 : wide_digits(w);
	if (digits > DECIMAL_MAX_DIGITS)
		exponent += wide_strip(w, digits - DECIMAL_MAX_DIGITS);
	if (exponent < -DECIMAL_MAX_EXPONENT && w->n > 0)
		exponent += wide_strip(w, (unsigned)(-DECIMAL_MAX_EXPONENT - exponent));
	if (w->n == 0 && exponent < -DECIMAL_MAX_EXPONENT)
		exponent = -DECIMAL_MAX_EXPONENT;
	if (w->n == 0 && exponent > 0)
		exponent = 0;
	if (w->n > DECIMAL_LIMBS || (w->n == DECIMAL_LIMBS && wide_digits(w) > DECIMAL_MAX_DIGITS) ||
	    labs(exponent) > DECIMAL_MAX_EXPONENT)
		return false;
	*ret = (struct decimal){
		.exponent = (int32_t)exponent, .count = (uint8_t)w->n, .negative = negative && w->n > 0};
	for (mp_size_t i = 0; i < w->n; i++)
		ret->limb[i] = w->limb[i];
	return true;
}

/* Increments the last digit. */
static void wide_increment(struct decimal_wide *w)
{
	if (w->n == 0) {
		w->limb[w->n++] = 1;
		return;
	}
	mp_limb_t carry = mpn_add_1(w->limb, w->limb, w->n, 1);
	if (carry)
		w->limb[w->n++] = carry;
}

/* Whether a number of which `rest` out of `unit` was cut off moves away from zero. `more`: a little beyond rest was cut
 * off before. */
static bool rounds_away(const struct decimal_wide *w, struct decimal_wide *rest, const struct decimal_wide *unit,
			bool more, bool negative, enum decimal_rounding how)
{
	bool exact = rest->n == 0 && !more;
	if (exact || how == DECIMAL_DOWN)
		return false;
	if (how == DECIMAL_FLOOR)
		return negative;
	if (how == DECIMAL_CEILING)
		return !negative;
	int half = -1;
	if (rest->n > 0) {
		mp_limb_t carry = mpn_lshift(rest->limb, rest->limb, rest->n, 1);
		if (carry)
			rest->limb[rest->n++] = carry;
		half = wide_cmp(rest, unit);
	}
	if (half != 0)
		return half > 0;
	return more || how == DECIMAL_HALF_UP || (w->n > 0 && w->limb[0] % 2 == 1);
}

/* Cuts off the last `drop` digits. */
static void wide_round(struct decimal_wide *w, unsigned drop, bool more, bool negative, enum decimal_rounding how)
{
	struct decimal_wide unit = wide_power(drop);
	struct decimal_wide rest = wide_divide(w, &unit);
	if (rounds_away(w, &rest, &unit, more, negative, how))
		wide_increment(w);
}

struct decimal decimal_from_i64(int64_t value)
{
	struct decimal d = {.count = value != 0, .negative = value < 0};
	d.limb[0] = value < 0 ? -(uint64_t)value : (uint64_t)value;
	return d;
}

bool decimal_is_zero(const struct decimal *d)
{
	return d->count == 0;
}

unsigned decimal_places(const struct decimal *d)
{
	return d->exponent < 0 ? (unsigned)-d->exponent : 0;
}

unsigned decimal_digits(const struct decimal *d)
{
	struct decimal_wide w = wide_from(d);
	return wide_digits(&w);
}

struct decimal decimal_negate(const struct decimal *d)
{
	struct decimal negated = *d;
	negated.negative = d->count > 0 && !d->negative;
	return negated;
}

/* Both coefficients at the smaller exponent, which is returned. False when they are too far apart for that. */
static bool align(const struct decimal *a, const struct decimal *b, struct decimal_wide *ret_a,
		  struct decimal_wide *ret_b, long *ret_exponent)
{
	*ret_a = wide_from(a);
	*ret_b = wide_from(b);
	long low = a->exponent < b->exponent ? a->exponent : b->exponent;
	long above_a = a->exponent - low, above_b = b->exponent - low;
	long room = DECIMAL_WIDE_DIGITS - DECIMAL_MAX_DIGITS - 1;
	if ((ret_a->n > 0 && above_a > room) || (ret_b->n > 0 && above_b > room))
		return false;
	wide_scale(ret_a, (unsigned)above_a);
	wide_scale(ret_b, (unsigned)above_b);
	*ret_exponent = low;
	return true;
}

static int magnitude_cmp(const struct decimal *a, const struct decimal *b)
{
	if (a->exponent == b->exponent) {
		struct decimal_wide p = wide_from(a), q = wide_from(b);
		return wide_cmp(&p, &q);
	}
	long top_a = (long)decimal_digits(a) + a->exponent, top_b = (long)decimal_digits(b) + b->exponent;
	if (a->count == 0 || b->count == 0)
		return (a->count > 0) - (b->count > 0);
	if (top_a != top_b)
		return top_a < top_b ? -1 : 1;
	struct decimal_wide x, y;
	long exponent;
	bool near = align(a, b, &x, &y, &exponent); /* always: equally high, they are at most 76 places apart */
	return near ? wide_cmp(&x, &y) : 0;
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
	if (a->negative != b->negative)
		return a->negative ? -1 : 1;
	int cmp = magnitude_cmp(a, b);
	cmp = (cmp > 0) - (cmp < 0);
	return a->negative ? -cmp : cmp;
}

/* Zeros that only say how precise a number is can keep it from fitting; without them. */
static struct decimal strip_all(const struct decimal *d)
{
	struct decimal stripped = *d;
	struct decimal_wide w = wide_from(d);
	long exponent = w.n == 0 ? 0 : d->exponent + (long)wide_strip(&w, DECIMAL_MAX_DIGITS);
	return wide_narrow(&w, exponent, d->negative, &stripped) ? stripped : *d;
}

static bool add_aligned(const struct decimal *a, const struct decimal *b, struct decimal *ret_sum)
{
	struct decimal_wide x, y;
	long exponent;
	if (!align(a, b, &x, &y, &exponent))
		return false;
	if (wide_cmp(&x, &y) < 0) {
		struct decimal_wide swap = x;
		x = y;
		y = swap;
		const struct decimal *other = a;
		a = b;
		b = other;
	}
	/* x is the larger one now and a its decimal. */
	if (y.n == 0)
		return wide_narrow(&x, exponent, a->negative, ret_sum);
	if (a->negative == b->negative) {
		mp_limb_t carry = mpn_add(x.limb, x.limb, x.n, y.limb, y.n);
		if (carry)
			x.limb[x.n++] = carry;
	} else {
		mpn_sub(x.limb, x.limb, x.n, y.limb, y.n);
		wide_trim(&x);
	}
	return wide_narrow(&x, exponent, a->negative, ret_sum);
}

bool decimal_add(const struct decimal *a, const struct decimal *b, struct decimal *ret_sum)
{
	if (add_aligned(a, b, ret_sum))
		return true;
	struct decimal bare_a = strip_all(a), bare_b = strip_all(b);
	if (bare_a.count == 0 || bare_b.count == 0) {
		*ret_sum = bare_a.count == 0 ? bare_b : bare_a;
		return true;
	}
	return add_aligned(&bare_a, &bare_b, ret_sum);
}

bool decimal_sub(const struct decimal *a, const struct decimal *b, struct decimal *ret_difference)
{
	struct decimal negated = decimal_negate(b);
	return decimal_add(a, &negated, ret_difference);
}

bool decimal_mul(const struct decimal *a, const struct decimal *b, struct decimal *ret_product)
{
	struct decimal_wide product = {.n = 0};
	if (a->count > 0 && b->count > 0) {
		const struct decimal *more = a->count >= b->count ? a : b, *fewer = more == a ? b : a;
		struct decimal_wide x = wide_from(more), y = wide_from(fewer);
		mpn_mul(product.limb, x.limb, x.n, y.limb, y.n);
		product.n = x.n + y.n;
		wide_trim(&product);
	}
	return wide_narrow(&product, (long)a->exponent + b->exponent, a->negative != b->negative, ret_product);
}

bool decimal_div(const struct decimal *a, const struct decimal *b, unsigned digits, struct decimal *ret_quotient)
{
	if (b->count == 0)
		return false;
	if (a->count == 0) {
		*ret_quotient = decimal_from_i64(0);
		return true;
	}
	digits = digits == 0 ? 1 : digits > DECIMAL_MAX_DIGITS ? DECIMAL_MAX_DIGITS : digits;
	struct decimal_wide quotient = wide_from(a), divisor = wide_from(b);
	/* As many zeros as give one digit more than asked for, so that the last one can be rounded. */
	long zeros = (long)digits + 1 + wide_digits(&divisor) - wide_digits(&quotient);
	zeros = zeros < 0 ? 0 : zeros;
	wide_scale(&quotient, (unsigned)zeros);
	struct decimal_wide rest = wide_divide(&quotient, &divisor);
	long exponent = (long)a->exponent - b->exponent - zeros;
	bool negative = a->negative != b->negative, exact = rest.n == 0;
	if (exact) { /* none of the zeros put in above need stay, nor any after the point */
		long most = -exponent > zeros ? -exponent : zeros;
		exponent += wide_strip(&quotient, most > DECIMAL_WIDE_DIGITS ? DECIMAL_WIDE_DIGITS : (unsigned)most);
	}
	while (wide_digits(&quotient) > digits) { /* twice when rounding 999 gives 1000 */
		unsigned drop = wide_digits(&quotient) - digits;
		wide_round(&quotient, drop, !exact, negative, DECIMAL_HALF_EVEN);
		exponent += drop;
	}
	return wide_narrow(&quotient, exponent, negative, ret_quotient);
}

bool decimal_divmod(const struct decimal *a, const struct decimal *b, struct decimal *ret_whole,
		    struct decimal *ret_rest)
{
	if (b->count == 0)
		return false;
	if (magnitude_cmp(a, b) < 0) {
		*ret_rest = *a;
		*ret_whole = decimal_from_i64(0);
		return true;
	}
	struct decimal_wide whole, divisor;
	long exponent;
	if (!align(a, b, &whole, &divisor, &exponent))
		return false;
	struct decimal_wide rest = wide_divide(&whole, &divisor);
	struct decimal quotient, remainder;
	if (!wide_narrow(&whole, 0, a->negative != b->negative, &quotient) ||
	    !wide_narrow(&rest, exponent, a->negative, &remainder))
		return false;
	*ret_whole = quotient;
	*ret_rest = remainder;
	return true;
}

struct decimal decimal_round(const struct decimal *d, int places, enum decimal_rounding how)
{
	places = places < -DECIMAL_MAX_EXPONENT ? -DECIMAL_MAX_EXPONENT : places;
	long drop = -(long)places - d->exponent;
	if (drop <= 0)
		return *d;
	struct decimal_wide w = wide_from(d);
	bool more = false;
	if (drop > DECIMAL_MAX_DIGITS + 1) {
		/* All digits go, and they are less than half of the last place. */
		more = w.n > 0;
		w.n = 0;
		drop = DECIMAL_MAX_DIGITS + 1;
	}
	wide_round(&w, (unsigned)drop, more, d->negative, how);
	struct decimal rounded = *d;
	return wide_narrow(&w, -(long)places, d->negative, &rounded) ? rounded : *d;
}

struct decimal decimal_to_digits(const struct decimal *d, unsigned digits, enum decimal_rounding how)
{
	digits = digits == 0 ? 1 : digits > DECIMAL_MAX_DIGITS ? DECIMAL_MAX_DIGITS : digits;
	unsigned has = decimal_digits(d);
	if (has == 0)
		return *d;
	if (has > digits) {
		struct decimal rounded = decimal_round(d, -d->exponent - (int)(has - digits), how);
		/* 9.96 became 10.0 */
		return decimal_digits(&rounded) > digits ? decimal_round(&rounded, -rounded.exponent - 1, how)
							 : rounded;
	}
	struct decimal_wide w = wide_from(d);
	struct decimal filled = *d;
	wide_scale(&w, digits - has);
	return wide_narrow(&w, (long)d->exponent - (long)(digits - has), d->negative, &filled) ? filled : *d;
}

struct decimal decimal_normal(const struct decimal *d)
{
	struct decimal normal = *d;
	struct decimal_wide w = wide_from(d);
	long exponent = d->exponent;
	if (w.n == 0)
		exponent = 0;
	else if (exponent < 0)
		exponent += wide_strip(&w, (unsigned)-exponent);
	return wide_narrow(&w, exponent, d->negative, &normal) ? normal : *d;
}

bool decimal_to_i64(const struct decimal *d, int64_t *ret_value)
{
	struct decimal whole = decimal_normal(d);
	if (whole.exponent < 0 || (whole.count > 0 && whole.exponent > DECIMAL_LIMB_DIGITS))
		return false;
	struct decimal_wide w = wide_from(&whole);
	wide_scale(&w, (unsigned)whole.exponent);
	uint64_t limit = (uint64_t)INT64_MAX + d->negative;
	if (w.n > 1 || (w.n == 1 && w.limb[0] > limit))
		return false;
	uint64_t magnitude = w.n ? w.limb[0] : 0;
	*ret_value = d->negative ? (int64_t)-magnitude : (int64_t)magnitude;
	return true;
}
