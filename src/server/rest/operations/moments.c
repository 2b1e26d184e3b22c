/* The measures of $stats; see moments.h. */
#include "server/rest/operations/moments.h"

#include <stdlib.h>

enum { DIGITS = 20, ROOT_STEPS = 100 };

static bool sum_of(const struct decimal *v, size_t n, struct decimal *ret_sum)
{
	struct decimal sum = decimal_from_i64(0);
	for (size_t i = 0; i < n; i++)
		if (!decimal_add(&sum, &v[i], &sum))
			return false;
	*ret_sum = sum;
	return true;
}

static bool average(const struct decimal *v, size_t n, struct decimal *ret_value)
{
	struct decimal sum, count = decimal_from_i64((int64_t)n);
	return sum_of(v, n, &sum) && decimal_div(&sum, &count, DIGITS, ret_value);
}

static bool least(const struct decimal *v, size_t n, struct decimal *ret_value)
{
	(void)n;
	*ret_value = v[0];
	return true;
}

static bool greatest(const struct decimal *v, size_t n, struct decimal *ret_value)
{
	*ret_value = v[n - 1];
	return true;
}

static bool counted(const struct decimal *v, size_t n, struct decimal *ret_value)
{
	(void)v;
	*ret_value = decimal_from_i64((int64_t)n);
	return true;
}

/* (n * sum of squares - square of the sum) / (n * (n - 1)): exact up to the one division. */
static bool variance(const struct decimal *v, size_t n, struct decimal *ret_value)
{
	struct decimal sum, squares = decimal_from_i64(0), one, scaled, difference;
	struct decimal count = decimal_from_i64((int64_t)n);
	struct decimal divisor = decimal_from_i64((int64_t)n * ((int64_t)n - 1));
	for (size_t i = 0; i < n; i++)
		if (!decimal_mul(&v[i], &v[i], &one) || !decimal_add(&squares, &one, &squares))
			return false;
	return sum_of(v, n, &sum) && decimal_mul(&sum, &sum, &one) && decimal_mul(&squares, &count, &scaled) &&
	       decimal_sub(&scaled, &one, &difference) && decimal_div(&difference, &divisor, DIGITS, ret_value);
}

/* Newton's method from a double's root, until it stands still. */
static bool square_root(const struct decimal *d, struct decimal *ret_root)
{
	struct decimal root, two = decimal_from_i64(2), next;
	double start = decimal_to_double(d), guess = start > 1 ? start : 1;
	if (decimal_is_zero(d)) {
		*ret_root = *d;
		return true;
	}
	for (int i = 0; i < 2000 && guess * guess > start; i++) {
		double better = (guess + start / guess) / 2;
		if (better >= guess)
			break;
		guess = better;
	}
	if (!decimal_from_double(guess, &root))
		return false;
	for (int i = 0; i < ROOT_STEPS; i++) {
		if (!decimal_div(d, &root, DIGITS + 4, &next) || !decimal_add(&next, &root, &next) ||
		    !decimal_div(&next, &two, DIGITS + 4, &next))
			return false;
		if (decimal_cmp(&next, &root) == 0)
			break;
		root = next;
	}
	root = decimal_to_digits(&root, DIGITS, DECIMAL_HALF_EVEN);
	*ret_root = decimal_normal(&root);
	return true;
}

static bool deviation(const struct decimal *v, size_t n, struct decimal *ret_value)
{
	struct decimal square;
	return variance(v, n, &square) && square_root(&square, ret_value);
}

/* Hundredths of the way from the least to the greatest. */
static bool percentile(const struct decimal *v, size_t n, int64_t percent, struct decimal *ret_value)
{
	int64_t rank = percent * (int64_t)(n - 1), whole = rank / 100, rest = rank % 100;
	struct decimal part = decimal_from_i64(rest), difference, step;
	*ret_value = v[whole];
	if (!rest)
		return true;
	part.exponent = -2;
	return decimal_sub(&v[whole + 1], &v[whole], &difference) && decimal_mul(&difference, &part, &step) &&
	       decimal_add(&v[whole], &step, ret_value) && ((*ret_value = decimal_normal(ret_value)), true);
}

/* The quartile deviation: half of the distance between the quartiles. */
static bool half_between_quarters(const struct decimal *v, size_t n, struct decimal *ret_value)
{
	struct decimal low, high, two = decimal_from_i64(2);
	return percentile(v, n, 25, &low) && percentile(v, n, 75, &high) && decimal_sub(&high, &low, &high) &&
	       decimal_div(&high, &two, DIGITS, ret_value);
}

static const struct measure measures[] = {
	{"average", MEASURE_OF_VALUES, average, 1, 0},	 {"maximum", MEASURE_OF_VALUES, greatest, 1, 0},
	{"minimum", MEASURE_OF_VALUES, least, 1, 0},	 {"count", MEASURE_COUNT, counted, 0, 0},
	{"total-count", MEASURE_COUNT, NULL, 0, 0},	 {"median", MEASURE_OF_VALUES, NULL, 1, 50},
	{"std-dev", MEASURE_OF_VALUES, deviation, 2, 0}, {"sum", MEASURE_OF_VALUES, sum_of, 1, 0},
	{"variance", MEASURE_OTHER, variance, 2, 0},	 {"20-percent", MEASURE_OF_VALUES, NULL, 1, 20},
	{"80-percent", MEASURE_OF_VALUES, NULL, 1, 80},	 {"4-lower", MEASURE_OF_VALUES, NULL, 1, 25},
	{"4-upper", MEASURE_OF_VALUES, NULL, 1, 75},	 {"4-dev", MEASURE_OF_VALUES, half_between_quarters, 1, 0},
	{"5-1", MEASURE_OF_VALUES, NULL, 1, 20},	 {"5-2", MEASURE_OF_VALUES, NULL, 1, 40},
	{"5-3", MEASURE_OF_VALUES, NULL, 1, 60},	 {"5-4", MEASURE_OF_VALUES, NULL, 1, 80},
};
enum { MEASURES = sizeof(measures) / sizeof(measures[0]) };

const struct measure *measure_find(struct str code)
{
	for (size_t i = 0; i < MEASURES; i++)
		if (str_is(code, measures[i].code))
			return &measures[i];
	return NULL;
}

struct str measure_list(struct arena *a)
{
	struct str list = S("");
	for (size_t i = 0; i < MEASURES; i++)
		list = arena_printf(a, "%.*s%s%s", STR_ARG(list), list.n ? ", " : "", measures[i].code);
	return list;
}

static int by_value(const void *a, const void *b)
{
	return decimal_cmp(a, b);
}

bool measure_take(const struct measure *m, struct decimal *values, size_t count, size_t total,
		  struct decimal *ret_value, bool *ret_known)
{
	*ret_known = m->least <= count;
	if (!*ret_known)
		return true;
	if (count)
		qsort(values, count, sizeof(*values), by_value);
	if (m->take)
		return m->take(values, count, ret_value);
	if (m->percent)
		return percentile(values, count, m->percent, ret_value);
	*ret_value = decimal_from_i64((int64_t)total);
	return true;
}
