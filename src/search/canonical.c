/*
 * Quantities in base units, so that 5.4 mg and 0.0054 g are the same (R4 search.html#quantity). Only units whose values
 * rise with those of the base units: for pH and its kin "greater" would turn around.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "search/search_priv.h"

static bool rises(const struct unit *u)
{
	struct decimal one = decimal_from_i64(1), two = decimal_from_i64(2), low, high;
	if (u->scale == UNIT_RATIO)
		return true;
	return u->scale == UNIT_SPECIAL && unit_canonical(&one, u, &low, NULL) &&
	       unit_canonical(&two, u, &high, NULL) && decimal_cmp(&low, &high) < 0;
}

/* ---- small numbers ------------------------------------------------------------------------------------------------
 */

enum { QUICK_DIGITS = 15, QUICK_POWER = 22 };
#define QUICK_WHOLE (UINT64_C(1) << 53)

bool quick_number_read(struct str text, struct quick_number *ret_number)
{
	struct quick_number q = {.negative = text.n && text.p[0] == '-'};
	bool point = false;
	size_t digits = 0;
	if (text.n > QUICK_DIGITS + 2)
		return false;
	for (size_t i = q.negative; i < text.n; i++) {
		char c = text.p[i];
		if (c == '.' && !point) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9' || ++digits > QUICK_DIGITS)
			return false;
		q.whole = q.whole * 10 + (uint64_t)(c - '0');
		q.exponent -= point;
	}
	*ret_number = q;
	return digits > 0;
}

/* Whole numbers below 2^53 and powers of ten up to 22 are doubles themselves, so one operation rounds once. */
bool quick_number_double(const struct quick_number *q, double *ret_value)
{
	static const double powers[QUICK_POWER + 1] = {1e0,  1e1,  1e2,	 1e3,  1e4,  1e5,  1e6,	 1e7,
						       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
						       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	if (q->whole >= QUICK_WHOLE || q->exponent > QUICK_POWER || q->exponent < -QUICK_POWER)
		return false;
	double value = (double)q->whole;
	value = q->exponent < 0 ? value / powers[-q->exponent] : value * powers[q->exponent];
	*ret_value = q->negative ? -value : value;
	return true;
}

/* Of a unit that is a whole number of its base units times a power of ten, as most are. */
static void read_factor(struct canonical_unit *u)
{
	const struct decimal *n = &u->unit.numerator, *d = &u->unit.denominator;
	u->quick = u->unit.scale == UNIT_RATIO && n->count == 1 && !n->negative && n->limb[0] < QUICK_WHOLE &&
		   d->count == 1 && d->limb[0] == 1;
	u->factor = n->limb[0];
	u->exponent = n->exponent - d->exponent;
}

/* ---- units --------------------------------------------------------------------------------------------------------
 */

bool canonical_unit_read(struct str code, struct canonical_unit *ret_unit)
{
	struct buf out;
	if (code.n == 0 || code.n > CANONICAL_CODE_MAX)
		return false;
	memcpy(ret_unit->code, code.p, code.n);
	ret_unit->code_size = code.n;
	if (!unit_parse(str_make(ret_unit->code, code.n), &ret_unit->unit, NULL) || !rises(&ret_unit->unit))
		return false;
	buf_init(&out, UNIT_CANONICAL_MAX);
	unit_write_canonical(&out, &ret_unit->unit);
	bool ok = buf_ok(&out) && out.n <= sizeof(ret_unit->base);
	if (ok)
		memcpy(ret_unit->base, out.p, out.n);
	ret_unit->base_size = out.n;
	buf_done(&out);
	read_factor(ret_unit);
	return ok;
}

bool canonical_value(const struct canonical_unit *u, const struct decimal *value, double *ret_value)
{
	struct decimal base;
	if (!unit_canonical(value, &u->unit, &base, NULL))
		return false;
	*ret_value = decimal_to_double(&base);
	return true;
}

/* A number with its point moved, by writing the power of ten behind it: strtod() rounds once. */
static bool moved_double(struct str number, int exponent, double *ret_value)
{
	char text[64];
	if (number.n > 48 || str_find_char(number, 'e', 0) != STR_NONE || str_find_char(number, 'E', 0) != STR_NONE)
		return false;
	memcpy(text, number.p, number.n);
	char *p = text + number.n;
	unsigned power = (unsigned)(exponent < 0 ? -exponent : exponent);
	if (power > 99)
		return false;
	*p++ = 'e';
	if (exponent < 0)
		*p++ = '-';
	*p++ = (char)('0' + power / 10);
	*p++ = (char)('0' + power % 10);
	*p = '\0';
	*ret_value = strtod(text, NULL);
	return true;
}

bool canonical_number(const struct canonical_unit *u, struct str number, double as_written, double *ret_value)
{
	struct quick_number q;
	struct decimal value;
	if (u->quick && quick_number_read(number, &q) && !__builtin_mul_overflow(q.whole, u->factor, &q.whole)) {
		q.exponent += u->exponent;
		if (quick_number_double(&q, ret_value))
			return true;
	}
	if (u->quick && u->factor == 1 && u->exponent == 0) {
		*ret_value = as_written;
		return true;
	}
	if (u->quick && u->factor == 1 && moved_double(number, u->exponent, ret_value))
		return true;
	return decimal_parse(number, &value) && canonical_value(u, &value, ret_value);
}

/* ---- those met before ------------------------------------------------------------------------------------------ */

static bool is_code(const struct canonical_unit *u, struct str code)
{
	return u->code_size == code.n && memcmp(u->code, code.p, code.n) == 0;
}

/* Units that were read stay in the first free place of a few; two threads may both read one, and one is thrown away. */
const struct canonical_unit *canonical_unit_find(struct unit_cache *cache, struct str code)
{
	size_t at = str_hash(code) % UNIT_CACHE_SIZE;
	if (code.n == 0 || code.n > CANONICAL_CODE_MAX)
		return NULL;
	for (size_t i = 0; i < UNIT_CACHE_TRIES; i++, at = (at + 1) % UNIT_CACHE_SIZE) {
		struct canonical_unit *there = atomic_load_explicit(&cache->units[at], memory_order_acquire);
		if (there && is_code(there, code))
			return there->converts ? there : NULL;
		if (there)
			continue;
		struct canonical_unit *made = calloc(1, sizeof(*made));
		if (!made)
			return NULL;
		made->converts = canonical_unit_read(code, made);
		memcpy(made->code, code.p, code.n);
		made->code_size = code.n;
		if (atomic_compare_exchange_strong(&cache->units[at], &there, made))
			return made->converts ? made : NULL;
		free(made);
		if (is_code(there, code))
			return there->converts ? there : NULL;
	}
	return NULL;
}

void unit_cache_done(struct unit_cache *cache)
{
	for (size_t i = 0; i < UNIT_CACHE_SIZE; i++)
		free(atomic_load(&cache->units[i]));
}
