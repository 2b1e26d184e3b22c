/* The measures of $stats: http://terminology.hl7.org/CodeSystem/observation-statistics, in exact decimals. Pure. */
#ifndef FIRTH_SERVER_REST_OPERATIONS_MOMENTS_H
#define FIRTH_SERVER_REST_OPERATIONS_MOMENTS_H

#include "base/arena.h"
#include "base/decimal.h"

enum measure_unit { MEASURE_OF_VALUES, MEASURE_COUNT, MEASURE_OTHER /* squared: no unit is given */ };
struct measure {
	const char *code;
	enum measure_unit unit;
	bool (*take)(const struct decimal *sorted, size_t count, struct decimal *ret_value);
	size_t least; /* values needed for it to mean anything */
	int64_t percent; /* without take: hundredths of the way from the least to the greatest; 0: all that were met */
};
const struct measure *measure_find(struct str code);
struct str measure_list(struct arena *a);

/* The measure of the values, which are sorted in place. total: how many observations there were, with a value or not.
 * *ret_known is false when there are too few values. False when it does not fit 77 digits.
 *
 * Quotients and roots are rounded to 20 significant digits, half to even. Percentiles lie between the two nearest
 * values in proportion (rank p * (n - 1)); std-dev and variance are those of a sample (n - 1). */
bool measure_take(const struct measure *m, struct decimal *values, size_t count, size_t total,
		  struct decimal *ret_value, bool *ret_known) MUST_USE;

#endif
