/* Decimals: text, precision, limits, rounding, and identities of arithmetic over random numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <math.h>

#include "base/decimal.h"

#define NINES_77 "99999999999999999999999999999999999999999999999999999999999999999999999999999"
#define ZEROS_40 "0000000000000000000000000000000000000000"

static struct decimal dec(const char *text)
{
	struct decimal d;
	if (!decimal_parse(str_from(text), &d))
		fail_msg("'%s' is a decimal", text);
	return d;
}

/* The text, in one of a few rotating buffers. */
static const char *text_of(const struct decimal *d)
{
	static char rooms[4][200];
	static unsigned next;
	char *room = rooms[next++ % 4];
	struct buf out;
	buf_init(&out, 199);
	decimal_write(&out, d);
	assert_true(buf_ok(&out));
	memcpy(room, out.p, out.n);
	room[out.n] = '\0';
	buf_done(&out);
	return room;
}

#define assert_decimal(d, text) assert_string_equal(text_of(&(d)), text)

static void text_round_trips(void **state)
{
	(void)state;
	static const char *const SAME[] = {
		"0",
		"0.00",
		"1.50",
		"-0.001",
		"1200",
		"18446744073709551615",
		"18446744073709551616",
		"-340282366920938463463374607431768211456.5",
		NINES_77,
		"-0." NINES_77,
		"1" ZEROS_40,
		"1E41",
		"-12E99999",
		"0." ZEROS_40 "1",
		"1E-42",
		"5E-100000",
		"10000000000000000000",
		"9999999999999999999",
		"1.0000000000000000000",
	};
	for (size_t i = 0; i < sizeof(SAME) / sizeof(*SAME); i++) {
		struct decimal d = dec(SAME[i]);
		assert_decimal(d, SAME[i]);
		struct decimal again = dec(text_of(&d));
		assert_memory_equal(&again, &d, sizeof(d));
	}
}

static void other_spellings_are_read(void **state)
{
	(void)state;
	static const char *const CASES[][2] = {
		{"-0", "0"},
		{"-0.0", "0.0"},
		{"007.10", "7.10"},
		{"1e2", "100"},
		{"1.50E1", "15.0"},
		{"1.5e+3", "1500"},
		{"1.5e-3", "0.0015"},
		{"0e5", "0"},
		{"0e-2", "0.00"},
		{"1" ZEROS_40 ZEROS_40 "e-1", "1" ZEROS_40 "000000000000000000000000000000000000000"},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct decimal d = dec(CASES[i][0]);
		assert_decimal(d, CASES[i][1]);
	}
}

static void what_is_no_number_or_does_not_fit_is_refused(void **state)
{
	(void)state;
	static const char *const REFUSED[] = {
		"",
		"-",
		"+1",
		" 1",
		"1 ",
		"1.",
		".5",
		"1.e2",
		"e2",
		"1e",
		"1e+",
		"1e--2",
		"--1",
		"1,5",
		"0x10",
		"NaN",
		"Infinity",
		"1.2.3",
		"1E100001",
		"1E-100001",
		"1e1e1",
		"1e99999999999999999999999999",
		"9" NINES_77,
		"1." NINES_77,
		"0.1" NINES_77,
		"1.0e-100000",
	};
	for (size_t i = 0; i < sizeof(REFUSED) / sizeof(*REFUSED); i++) {
		struct decimal d = decimal_from_i64(7);
		if (decimal_parse(str_from(REFUSED[i]), &d))
			fail_msg("'%s' was taken for a decimal", REFUSED[i]);
		assert_decimal(d, "7");
	}
}

enum operation { ADD, SUB, MUL, DIV, WHOLE, REST };

static bool operate(enum operation what, unsigned digits, const struct decimal *a, const struct decimal *b,
		    struct decimal *ret)
{
	struct decimal other;
	switch (what) {
	case ADD:
		return decimal_add(a, b, ret);
	case SUB:
		return decimal_sub(a, b, ret);
	case MUL:
		return decimal_mul(a, b, ret);
	case DIV:
		return decimal_div(a, b, digits, ret);
	case WHOLE:
		return decimal_divmod(a, b, ret, &other);
	case REST:
		return decimal_divmod(a, b, &other, ret);
	}
	return false;
}

static void arithmetic_keeps_precision_and_fails_past_the_limits(void **state)
{
	(void)state;
	static const struct {
		enum operation what;
		const char *a, *b, *result; /* NULL: refused */
		unsigned digits;
	} CASES[] = {
		{ADD, "1.20", "1.8", "3.00"},
		{ADD, "0.1", "0.2", "0.3"},
		{ADD, "-1.5", "1.50", "0.00"},
		{ADD, "18446744073709551615", "1", "18446744073709551616"},
		{ADD, "1e10", "1", "10000000001"},
		{ADD, "0.00", "1", "1.00"},
		{ADD, "0e-90000", "1e90000", "1E90000"},
		{ADD, "1e90000", "0", "1E90000"},
		{ADD, NINES_77, "1", "1" ZEROS_40 "0000000000000000000000000000000000000"},
		{ADD, NINES_77, NINES_77, NULL},
		{ADD, "1e50", "1e-50", NULL},
		{ADD, "1e60", "1.00000000000000000000",
		 "1" ZEROS_40 "0000000000000000000"
		 "1.0000000000000000"},
		{SUB, "1.00", "0.999", "0.001"},
		{SUB, "1", "3", "-2"},
		{SUB, "-1", "-1", "0"},
		{SUB, "1" ZEROS_40, "1", "9999999999999999999999999999999999999999"},
		{MUL, "1.50", "2.0", "3.000"},
		{MUL, "-3", "0.0", "0.0"},
		{MUL, "-3", "-4", "12"},
		{MUL, "18446744073709551616", "18446744073709551616", "340282366920938463463374607431768211456"},
		{MUL, NINES_77, "10", NINES_77 "0"},
		{MUL, NINES_77, "2", NULL},
		{MUL, "1e60000", "1e60000", NULL},
		{MUL, "1e-60000", "1e-60000", NULL},
		{MUL, "1.0e-50000", "1.0e-50000", "1E-100000"},
		{DIV, "1", "3", "0.33333", 5},
		{DIV, "2", "3", "0.66667", 5},
		{DIV, "-2", "3", "-0.66667", 5},
		{DIV, "1", "8", "0.125", 20},
		{DIV, "6.00", "2.0", "3", 20},
		{DIV, "100", "1", "100", 20},
		{DIV, "1e3", "1", "1000", 2},
		{DIV, "999", "1000", "1.0", 2},
		{DIV, "9999", "1", "10000", 2},
		{DIV, "25", "10", "2", 1}, /* half to even */
		{DIV, "35", "10", "4", 1},
		{DIV, "250001", "100000", "3", 1},
		{DIV, "0.0", "7", "0", 5},
		{DIV, "1", "0.00", NULL, 5},
		{DIV, "1", "1e-60000", "1E60000", 5},
		{DIV, "1e60000", "1e-60000", NULL, 5},
		{WHOLE, "7", "2", "3"},
		{REST, "7", "2", "1"},
		{WHOLE, "-7", "2", "-3"},
		{REST, "-7", "2", "-1"},
		{WHOLE, "7", "-2", "-3"},
		{REST, "7", "-2", "1"},
		{WHOLE, "5.5", "0.7", "7"},
		{REST, "5.5", "0.7", "0.6"},
		{WHOLE, "1", "1e50", "0"},
		{REST, "1.0", "1e50", "1.0"},
		{WHOLE, "1e100", "1e30", "1" ZEROS_40 "000000000000000000000000000000"},
		{REST, "1e70", "7", "4"},
		{REST, "1e100", "7", NULL},
		{WHOLE, "1", "0", NULL},
		{WHOLE, "1e90000", "7", NULL},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct decimal a = dec(CASES[i].a), b = dec(CASES[i].b), result = decimal_from_i64(7);
		bool done = operate(CASES[i].what, CASES[i].digits, &a, &b, &result);
		if (!CASES[i].result)
			assert_decimal(result, "7");
		if (done != (CASES[i].result != NULL) || (done && strcmp(text_of(&result), CASES[i].result) != 0))
			fail_msg("case %zu: %s and %s give %s", i, CASES[i].a, CASES[i].b,
				 done ? text_of(&result) : "nothing");
	}
}

static void comparing_is_by_value(void **state)
{
	(void)state;
	static const char *const ASCENDING[] = {
		"-1e90000", "-10",   "-9.99",	"-1e-90000", "0",
		"1e-90000", "0.999", "1",	"1.001",     "18446744073709551616",
		NINES_77,   "1e77",  "1e90000",
	};
	enum { COUNT = sizeof(ASCENDING) / sizeof(*ASCENDING) };
	for (int i = 0; i < COUNT; i++) {
		for (int j = 0; j < COUNT; j++) {
			struct decimal a = dec(ASCENDING[i]), b = dec(ASCENDING[j]);
			assert_int_equal(decimal_cmp(&a, &b), (i > j) - (i < j));
		}
	}
	struct decimal a = dec("1.0"), b = dec("1.00"), zero = dec("0.000"), other = dec("0e-9000");
	assert_int_equal(decimal_cmp(&a, &b), 0);
	assert_int_equal(decimal_cmp(&zero, &other), 0);
}

static void rounding(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		int places;
		const char *result[5]; /* in the order of enum decimal_rounding */
	} CASES[] = {
		{"1.25", 1, {"1.2", "1.3", "1.2", "1.2", "1.3"}},
		{"1.35", 1, {"1.4", "1.4", "1.3", "1.3", "1.4"}},
		{"-1.25", 1, {"-1.2", "-1.3", "-1.2", "-1.3", "-1.2"}},
		{"1.2500001", 1, {"1.3", "1.3", "1.2", "1.2", "1.3"}},
		{"1.2499999", 1, {"1.2", "1.2", "1.2", "1.2", "1.3"}},
		{"-0.4", 0, {"0", "0", "0", "-1", "0"}},
		{"0.5", 0, {"0", "1", "0", "0", "1"}},
		{"1.50", 2, {"1.50", "1.50", "1.50", "1.50", "1.50"}},
		{"1.5", 9, {"1.5", "1.5", "1.5", "1.5", "1.5"}},
		{"1.00", 1, {"1.0", "1.0", "1.0", "1.0", "1.0"}},
		{"150", -2, {"200", "200", "100", "100", "200"}},
		{"-250", -2, {"-200", "-300", "-200", "-300", "-200"}},
		{"999.96", 1, {"1000.0", "1000.0", "999.9", "999.9", "1000.0"}},
		{"1e-90000", 2, {"0.00", "0.00", "0.00", "0.00", "0.01"}},
		{"-" NINES_77, -77, {"-1E77", "-1E77", "0", "-1E77", "0"}},
		{"0.00000", 2, {"0.00", "0.00", "0.00", "0.00", "0.00"}},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		for (int how = DECIMAL_HALF_EVEN; how <= DECIMAL_CEILING; how++) {
			struct decimal d = dec(CASES[i].value);
			struct decimal rounded = decimal_round(&d, CASES[i].places, (enum decimal_rounding)how);
			if (CASES[i].result[how] && strcmp(text_of(&rounded), CASES[i].result[how]) != 0)
				fail_msg("%s to %d places, mode %d: %s", CASES[i].value, CASES[i].places, how,
					 text_of(&rounded));
		}
	}
}

static void significant_digits(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		unsigned digits;
		const char *result;
	} CASES[] = {
		{"1.575", 2, "1.6"},	  {"-1.575", 3, "-1.58"}, {"9.96", 2, "10"},   {"0.0996", 2, "0.10"},
		{"1234", 2, "1200"},	  {"999", 1, "1000"},	  {"1.5", 4, "1.500"}, {"0.0015", 3, "0.00150"},
		{"1500", 6, "1500.00"},	  {"2", 0, "2"},	  {"0.00", 5, "0.00"}, {"1e3", 2, "1000"},
		{NINES_77, 90, NINES_77},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct decimal d = dec(CASES[i].value);
		struct decimal result = decimal_to_digits(&d, CASES[i].digits, DECIMAL_HALF_UP);
		assert_decimal(result, CASES[i].result);
	}
}

static void describing(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		unsigned digits, places;
		const char *normal;
	} CASES[] = {
		{"0", 0, 0, "0"},
		{"0.00", 0, 2, "0"},
		{"1.50", 3, 2, "1.5"},
		{"100", 3, 0, "100"},
		{"100.00", 5, 2, "100"},
		{"-0.001", 1, 3, "-0.001"},
		{"18446744073709551615", 20, 0, "18446744073709551615"},
		{"18446744073709551616", 20, 0, "18446744073709551616"},
		{"9999999999999999999", 19, 0, "9999999999999999999"},
		{"10000000000000000000", 20, 0, "10000000000000000000"},
		{"99999999999999999999999999999999999999", 38, 0, "99999999999999999999999999999999999999"},
		{"100000000000000000000000000000000000000", 39, 0, "100000000000000000000000000000000000000"},
		{NINES_77, 77, 0, NINES_77},
		{"1e-50", 1, 50, "1E-50"},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct decimal d = dec(CASES[i].value), normal = decimal_normal(&d);
		assert_int_equal(decimal_digits(&d), CASES[i].digits);
		assert_int_equal(decimal_places(&d), CASES[i].places);
		assert_decimal(normal, CASES[i].normal);
	}
	/* Every power of ten and its predecessor. */
	struct decimal power = decimal_from_i64(1), ten = decimal_from_i64(10), one = power, less;
	for (unsigned digits = 1; digits < DECIMAL_MAX_DIGITS; digits++) {
		assert_int_equal(decimal_digits(&power), digits);
		assert_true(decimal_sub(&power, &one, &less));
		assert_int_equal(decimal_digits(&less), digits - 1);
		assert_true(decimal_mul(&power, &ten, &power));
	}
}

static void integers(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		bool fits;
		int64_t integer;
	} CASES[] = {
		{"0.00", true, 0},
		{"12.00", true, 12},
		{"12e3", true, 12000},
		{"-9223372036854775808", true, INT64_MIN},
		{"9223372036854775807", true, INT64_MAX},
		{"9223372036854775808", false, 0},
		{"-9223372036854775809", false, 0},
		{"18446744073709551616", false, 0},
		{"1e19", false, 0},
		{"1e90000", false, 0},
		{"1.5", false, 0},
		{"1e-90000", false, 0},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct decimal d = dec(CASES[i].value);
		int64_t integer = 7;
		assert_int_equal(decimal_to_i64(&d, &integer), CASES[i].fits);
		assert_true(integer == (CASES[i].fits ? CASES[i].integer : 7));
		struct decimal back = decimal_from_i64(CASES[i].integer);
		assert_true(!CASES[i].fits || decimal_cmp(&back, &d) == 0);
	}
}

static void doubles(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *text;
	} CASES[] = {
		{0.1, "0.1"},
		{0.0, "0"},
		{-0.0, "0"},
		{-2.5, "-2.5"},
		{100, "100"},
		{1e22, "10000000000000000000000"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1.0 / 3, "0.3333333333333333"},
		{5e-324, "5E-324"},
		{1.7976931348623157e308, "17976931348623157E292"},
		{2.2250738585072014e-308, "22250738585072014E-324"},
		{(double)9007199254740993, "9007199254740992"},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct decimal d;
		assert_true(decimal_from_double(CASES[i].value, &d));
		assert_decimal(d, CASES[i].text);
		assert_true(decimal_to_double(&d) == CASES[i].value);
	}
	struct decimal d = dec("9007199254740993"); /* between two doubles: to the even one */
	assert_true(decimal_to_double(&d) == 9007199254740992.0);
	d = dec("1e9000");
	assert_true(isinf(decimal_to_double(&d)));
	assert_false(decimal_from_double(NAN, &d));
	assert_false(decimal_from_double(-INFINITY, &d));
}

/* A fixed sequence, so that a failure comes back. */
static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static struct decimal random_decimal(uint64_t *seed, unsigned max_digits, int max_exponent)
{
	char text[120];
	unsigned digits = 1 + (unsigned)(random_next(seed) % max_digits), at = 0;
	if (random_next(seed) % 2)
		text[at++] = '-';
	bool zeros = random_next(seed) % 8 == 0;
	for (unsigned i = 0; i < digits; i++)
		text[at++] = zeros && i > 0 ? '0' : (char)('0' + random_next(seed) % 10);
	int exponent = (int)(random_next(seed) % (uint64_t)(2 * max_exponent + 1)) - max_exponent;
	snprintf(text + at, sizeof(text) - at, "e%d", exponent);
	return dec(text);
}

static void identities_hold_over_random_numbers(void **state)
{
	(void)state;
	uint64_t seed = 0x2545F4914F6CDD1D;
	for (int round = 0; round < 20000; round++) {
		struct decimal a = random_decimal(&seed, 24, 8), b = random_decimal(&seed, 24, 8),
			       c = random_decimal(&seed, 24, 4), x, y, z, w;
		struct decimal again = dec(text_of(&a));
		assert_int_equal(decimal_cmp(&again, &a), 0);
		assert_int_equal(decimal_places(&again), decimal_places(&a));
		/* a + b = b + a, and a + b - b = a */
		assert_true(decimal_add(&a, &b, &x) && decimal_add(&b, &a, &y));
		assert_memory_equal(&x, &y, sizeof(x));
		assert_true(decimal_sub(&x, &b, &y));
		assert_int_equal(decimal_cmp(&y, &a), 0);
		/* (a + b) * c = a * c + b * c */
		assert_true(decimal_mul(&x, &c, &y) && decimal_mul(&a, &c, &z) && decimal_mul(&b, &c, &w));
		assert_true(decimal_add(&z, &w, &z));
		assert_int_equal(decimal_cmp(&y, &z), 0);
		/* the order is that of the difference's sign */
		assert_true(decimal_sub(&a, &b, &x));
		assert_int_equal(decimal_cmp(&a, &b), decimal_is_zero(&x) ? 0 : x.negative ? -1 : 1);
		if (decimal_is_zero(&b))
			continue;
		/* a = whole * b + rest with |rest| < |b|; and (a * b) / b = a */
		assert_true(decimal_divmod(&a, &b, &x, &y));
		assert_true(decimal_mul(&x, &b, &z) && decimal_add(&z, &y, &z));
		assert_int_equal(decimal_cmp(&z, &a), 0);
		y.negative = false;
		w = b;
		w.negative = false;
		assert_true(decimal_cmp(&y, &w) < 0);
		assert_true(decimal_mul(&a, &b, &x) && decimal_div(&x, &b, 48, &y));
		assert_int_equal(decimal_cmp(&y, &a), 0);
	}
}

/* |a / b * b - a| is at most half a unit in the last place of the quotient, times b. */
static void quotients_are_the_nearest(void **state)
{
	(void)state;
	uint64_t seed = 0x9E3779B97F4A7C15;
	struct decimal two = decimal_from_i64(2);
	for (int round = 0; round < 20000; round++) {
		struct decimal a = random_decimal(&seed, 36, 30), b = random_decimal(&seed, 20, 30), quotient, error,
			       limit;
		unsigned digits = 1 + (unsigned)(random_next(&seed) % 18);
		if (decimal_is_zero(&b))
			continue;
		assert_true(decimal_div(&a, &b, digits, &quotient));
		assert_true(decimal_digits(&quotient) <= digits || quotient.exponent == 0);
		assert_true(decimal_mul(&quotient, &b, &error) && decimal_sub(&error, &a, &error));
		assert_true(decimal_mul(&error, &two, &error));
		struct decimal unit = decimal_from_i64(1);
		unit.exponent = quotient.exponent;
		assert_true(decimal_mul(&b, &unit, &limit));
		error.negative = false;
		limit.negative = false;
		assert_true(decimal_cmp(&error, &limit) <= 0);
	}
}

static void doubles_round_trip_at_random(void **state)
{
	(void)state;
	uint64_t seed = 88172645463325252;
	for (int round = 0; round < 20000; round++) {
		union {
			uint64_t bits;
			double value;
		} u = {.bits = random_next(&seed)};
		struct decimal d;
		if (!isfinite(u.value))
			continue;
		assert_true(decimal_from_double(u.value, &d));
		assert_true(decimal_to_double(&d) == u.value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_round_trips),
		cmocka_unit_test(other_spellings_are_read),
		cmocka_unit_test(what_is_no_number_or_does_not_fit_is_refused),
		cmocka_unit_test(arithmetic_keeps_precision_and_fails_past_the_limits),
		cmocka_unit_test(comparing_is_by_value),
		cmocka_unit_test(rounding),
		cmocka_unit_test(significant_digits),
		cmocka_unit_test(describing),
		cmocka_unit_test(integers),
		cmocka_unit_test(doubles),
		cmocka_unit_test(identities_hold_over_random_numbers),
		cmocka_unit_test(quotients_are_the_nearest),
		cmocka_unit_test(doubles_round_trip_at_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
