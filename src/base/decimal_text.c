/* Decimals to text and to doubles and back. */
#include "base/decimal_priv.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Zeros that are written out before an exponent is easier to read. */
enum { DECIMAL_MAX_ZEROS = 40 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits at the front of *text, which is moved past them. */
static struct str take_digits(struct str *text)
{
	size_t n = 0;
	while (n < text->n && is_digit(text->p[n]))
		n++;
	struct str digits = str_make(text->p, n);
	*text = str_slice(*text, n, text->n);
	return digits;
}

static bool take_char(struct str *text, char c)
{
	if (text->n == 0 || text->p[0] != c)
		return false;
	*text = str_slice(*text, 1, text->n);
	return true;
}

/* What follows e or E; nothing at all is 0. */
static bool take_exponent(struct str *text, long *ret_exponent)
{
	*ret_exponent = 0;
	if (!take_char(text, 'e') && !take_char(text, 'E'))
		return true;
	bool negative = take_char(text, '-');
	if (!negative)
		(void)take_char(text, '+');
	struct str digits = take_digits(text);
	if (digits.n == 0)
		return false;
	long exponent = 0;
	for (size_t i = 0; i < digits.n; i++) {
		if (exponent > 10L * DECIMAL_MAX_EXPONENT)
			return false;
		exponent = exponent * 10 + (digits.p[i] - '0');
	}
	*ret_exponent = negative ? -exponent : exponent;
	return true;
}

/* Appends digits to the coefficient. The caller has counted them. */
static void coefficient_append(struct decimal *d, struct str digits)
{
	for (size_t at = 0; at < digits.n;) {
		uint64_t chunk = 0;
		unsigned n = 0;
		for (; n < DECIMAL_LIMB_DIGITS && at < digits.n; n++, at++)
			chunk = chunk * 10 + (uint64_t)(digits.p[at] - '0');
		mp_limb_t limb[DECIMAL_LIMBS + 1] = {0};
		for (size_t i = 0; i < DECIMAL_LIMBS; i++)
			limb[i] = d->limb[i];
		mpn_mul_1(limb, limb, DECIMAL_LIMBS, decimal_pow10(n));
		mpn_add_1(limb, limb, DECIMAL_LIMBS, chunk);
		for (size_t i = 0; i < DECIMAL_LIMBS; i++)
			d->limb[i] = limb[i];
	}
	d->count = DECIMAL_LIMBS;
	while (d->count > 0 && d->limb[d->count - 1] == 0)
		d->count--;
}

bool decimal_parse(struct str text, struct decimal *ret_value)
{
	struct decimal d = {.negative = take_char(&text, '-')};
	struct str whole = take_digits(&text), fraction = S("");
	if (whole.n == 0)
		return false;
	if (take_char(&text, '.')) {
		fraction = take_digits(&text);
		if (fraction.n == 0)
			return false;
	}
	long exponent;
	if (!take_exponent(&text, &exponent) || text.n > 0 || fraction.n > DECIMAL_MAX_EXPONENT)
		return false;
	exponent -= (long)fraction.n;
	while (whole.n > 0 && whole.p[0] == '0')
		whole = str_slice(whole, 1, whole.n);
	while (whole.n == 0 && fraction.n > 0 && fraction.p[0] == '0')
		fraction = str_slice(fraction, 1, fraction.n);
	/* The zeros of a large whole number need no digits. */
	while (fraction.n == 0 && whole.n > DECIMAL_MAX_DIGITS && whole.p[whole.n - 1] == '0') {
		whole.n--;
		exponent++;
	}
	if (whole.n + fraction.n > DECIMAL_MAX_DIGITS)
		return false;
	coefficient_append(&d, whole);
	coefficient_append(&d, fraction);
	if (d.count == 0) {
		d.negative = false;
		exponent = exponent > 0 ? 0 : exponent;
	}
	if (labs(exponent) > DECIMAL_MAX_EXPONENT)
		return false;
	d.exponent = (int32_t)exponent;
	*ret_value = d;
	return true;
}

/* Room for every digit of four limbs. */
enum { DIGITS_SIZE = 80 };

static struct str coefficient_digits(const struct decimal *d, char room[DIGITS_SIZE])
{
	mp_limb_t limb[DECIMAL_LIMBS] = {0};
	for (size_t i = 0; i < d->count; i++)
		limb[i] = d->limb[i];
	mp_size_t n = d->count;
	size_t at = DIGITS_SIZE;
	while (n > 0) {
		uint64_t chunk = mpn_divrem_1(limb, 0, limb, n, decimal_pow10(DECIMAL_LIMB_DIGITS));
		while (n > 0 && limb[n - 1] == 0)
			n--;
		for (unsigned i = 0; i < DECIMAL_LIMB_DIGITS && (n > 0 || chunk > 0); i++, chunk /= 10)
			room[--at] = (char)('0' + chunk % 10);
	}
	if (at == DIGITS_SIZE)
		room[--at] = '0';
	return str_make(room + at, DIGITS_SIZE - at);
}

static void write_zeros(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_char(out, '0');
}

void decimal_write(struct buf *out, const struct decimal *d)
{
	char room[DIGITS_SIZE];
	struct str digits = coefficient_digits(d, room);
	long point = (long)digits.n + d->exponent; /* digits before the point; not positive: zeros after it */
	if (d->negative)
		buf_char(out, '-');
	if (d->exponent > DECIMAL_MAX_ZEROS || point < -DECIMAL_MAX_ZEROS) {
		buf_add(out, digits);
		buf_printf(out, "E%d", (int)d->exponent);
	} else if (d->exponent >= 0) {
		buf_add(out, digits);
		write_zeros(out, (size_t)d->exponent);
	} else if (point > 0) {
		buf_add(out, str_slice(digits, 0, (size_t)point));
		buf_char(out, '.');
		buf_add(out, str_slice(digits, (size_t)point, digits.n));
	} else {
		buf_add(out, S("0."));
		write_zeros(out, (size_t)-point);
		buf_add(out, digits);
	}
}

double decimal_to_double(const struct decimal *d)
{
	/* Without a point the text means the same in every locale, and strtod rounds correctly. */
	char room[DIGITS_SIZE], text[DIGITS_SIZE + 24];
	struct str digits = coefficient_digits(d, room);
	snprintf(text, sizeof(text), "%s%.*se%d", d->negative ? "-" : "", STR_ARG(digits), (int)d->exponent);
	return strtod(text, NULL);
}

bool decimal_from_double(double value, struct decimal *ret_value)
{
	if (!isfinite(value))
		return false;
	/* 15 digits always come back, except from subnormal numbers, which have fewer. */
	char text[40];
	int places = fabs(value) < DBL_MIN ? 0 : DBL_DIG - 1;
	do
		snprintf(text, sizeof(text), "%.*e", places, value);
	while (strtod(text, NULL) != value && ++places < DBL_DECIMAL_DIG);
	struct decimal d;
	if (places > 0)
		text[value < 0 || text[0] == '-' ? 2 : 1] = '.'; /* whatever the locale puts there */
	if (!decimal_parse(str_from(text), &d))
		return false;
	*ret_value = decimal_normal(&d);
	return true;
}
