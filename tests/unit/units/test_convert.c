/* Converting, comparing and multiplying quantities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "units/units.h"

static struct decimal dec(const char *text)
{
	struct decimal d;
	if (!decimal_parse(str_from(text), &d))
		fail_msg("'%s' is a decimal", text);
	return d;
}

static struct unit unit(const char *text)
{
	struct unit u;
	struct error err = {0};
	if (!unit_parse(str_from(text), &u, &err))
		fail_msg("'%s': %s", text, err.text);
	return u;
}

/* The text, in one of two rotating buffers. */
static const char *text_of(const struct decimal *d)
{
	static char rooms[2][300];
	static unsigned next;
	char *room = rooms[next++ % 2];
	struct buf out;
	buf_init(&out, 299);
	decimal_write(&out, d);
	assert_true(buf_ok(&out));
	memcpy(room, out.p, out.n);
	room[out.n] = '\0';
	buf_done(&out);
	return room;
}

struct conversion {
	const char *value, *from, *to, *exact, *significant;
};

static void check_conversions(const struct conversion *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (int digits = UNIT_EXACT; digits <= UNIT_SIGNIFICANT; digits++) {
			const char *wanted = digits == UNIT_EXACT ? cases[i].exact : cases[i].significant;
			struct decimal value = dec(cases[i].value), result = dec("-7");
			struct unit from = unit(cases[i].from), to = unit(cases[i].to);
			struct error err = {0};
			bool done = unit_convert(&value, &from, &to, (enum unit_digits)digits, &result, &err);
			if (!done || strcmp(text_of(&result), wanted) != 0)
				fail_msg("%s %s to %s: %s %s", cases[i].value, cases[i].from, cases[i].to,
					 text_of(&result), err.text);
		}
	}
}

static void plain_units_convert_exactly(void **state)
{
	(void)state;
	static const struct conversion CASES[] = {
		{"1.50", "m", "m", "1.50", "1.50"},
		{"1.50", "g", "mg", "1500", "1500"},
		{"1.50", "mg", "g", "0.0015", "0.00150"},
		{"6.300", "[in_i]", "cm", "16.002", "16.00"},
		{"180", "[lb_av]", "kg", "81.6466266", "81.6466266"},
		{"9.96", "g", "kg", "0.00996", "0.00996"},
		{"99.96", "[lb_av]", "kg", "45.3410933052", "45.34"},
		{"1", "[in_i]", "[ft_i]", "0.0833333333333333333333333", "0.0833333333333333333333333"},
		{"12", "[in_i]", "[ft_i]", "1", "1"},
		{"1", "m[IU]/mL", "[iU]/L", "1", "1"},
		{"5.0", "/min", "Hz", "0.0833333333333333333333333", "0.083"},
		{"180", "deg", "[pi].rad", "1", "1"},
		{"1", "[pi].rad", "deg", "180", "180"},
		{"7.2", "g/dL", "g/L", "72", "72"},
		{"0.00", "g", "kg", "0", "0.00"},
		{"-1.5", "kg", "g", "-1500", "-1500"},
		{"1", "a", "d", "365.25", "365.25"},
		{"1", "KiBy", "bit", "8192", "8192"},
		{"1", "Ym", "ym", "1E48", "1E48"},
		{"2", "mm[Hg]", "Pa", "266.644", "266.644"},
		{"1", "[degR]", "K", "0.555555555555555555555556", "0.555555555555555555555556"},
		{"9", "[degR]", "K", "5", "5"},
		{"123456789012345678901234567890.123", "kg", "g", "123456789012345678901234567890123",
		 "123456789012345678901234567890123"},
		{"1", "[pi]40", "[pi]39.[pi]", "1", "1"}, /* past 77 digits */
		{"1", "%", "1", "0.01", "0.01"},
		{"250", "10*3/uL", "10*9/L", "250", "250"},
		{"1", "Cel/min", "Cel/min", "1", "1"},
	};
	check_conversions(CASES, sizeof(CASES) / sizeof(*CASES));
}

static void special_units_convert_by_their_functions(void **state)
{
	(void)state;
	static const struct conversion CASES[] = {
		{"98.6", "[degF]", "Cel", "37", "37.0"},
		{"37.0", "Cel", "[degF]", "98.6", "98.6"},
		{"-40", "Cel", "[degF]", "-40", "-40"},
		{"100", "[degF]", "Cel", "37.7777777777777777777778", "37.7777777777777777777778"},
		{"0", "Cel", "K", "273.15", "273.15"},
		{"0.0", "Cel", "[degF]", "32", "32.0"},
		{"32.0", "[degF]", "Cel", "0", "0.0"},
		{"36600", "mCel", "Cel", "36.6", "36.6"},
		{"36.6", "Cel", "mCel", "36600", "36600"},
		{"80", "[degRe]", "Cel", "100", "100"},
		{"100", "Cel", "[degRe]", "80", "80"},
		{"7", "[pH]", "mol/L", "0.0000001", "0.0000001"},
		{"0.0000001", "mol/L", "[pH]", "7", "7"},
		{"7.4", "[pH]", "nmol/L", "39.8107170553497", "40"},
		{"20", "dB[V]", "V", "10", "10"},
		{"10", "V", "dB[V]", "20", "20"},
		{"1", "B[W]", "W", "10", "10"},
		{"60", "dB[uV]", "mV", "1", "1"},
		{"0", "dB[SPL]", "Pa", "0.00002", "0.00002"},
		{"3", "bit_s", "1", "8", "8"},
		{"8", "1", "bit_s", "3", "3"},
		{"2", "[hp'_C]", "1", "0.0001", "0.0001"},
		{"4", "[hp'_X]", "[hp'_C]", "2", "2"},
		{"1", "Np", "1", "2.71828182845905", "2.71828182845905"},
		{"100", "%[slope]", "deg", "45", "45"},
		{"45", "deg", "%[slope]", "100", "100"},
		{"100", "[p'diop]", "deg", "45", "45"},
		{"3", "[m/s2/Hz^(1/2)]", "m2.s-3", "9", "9"},
		{"9", "m2.s-3", "[m/s2/Hz^(1/2)]", "3", "3"},
	};
	check_conversions(CASES, sizeof(CASES) / sizeof(*CASES));
}

static void what_does_not_convert_says_why(void **state)
{
	(void)state;
	static const struct {
		const char *value, *from, *to, *says;
	} CASES[] = {
		{"5.5", "mmol/L", "mg/dL", "molar mass"},
		{"5.5", "mg/dL", "meq/L", "molar mass"},
		{"1", "m", "s", "different things (m and s)"},
		{"1", "g", "1", "different things (g and 1)"},
		{"1", "[iU]", "U", "arbitrary unit"},
		{"1", "[iU]", "[CFU]", "arbitrary unit"},
		{"1", "[iU]/mL", "ug/mL", "arbitrary unit"},
		{"1", "Cel/min", "K/min", "combines a special unit"},
		{"1", "KiB[W]", "W", "special unit"},
		{"0", "mol/L", "[pH]", "no value for zero"},
		{"-1", "V", "dB[V]", "no value for zero"},
		{"90", "deg", "%[slope]", "90 degrees"},
		{"1000000", "B", "1", "range"},
		{"1e99999", "Ym", "ym", "too large"},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct decimal value = dec(CASES[i].value), result;
		struct unit from = unit(CASES[i].from), to = unit(CASES[i].to);
		struct error err = {0};
		if (unit_convert(&value, &from, &to, UNIT_EXACT, &result, &err) || !strstr(err.text, CASES[i].says))
			fail_msg("%s %s to %s: %s", CASES[i].value, CASES[i].from, CASES[i].to, err.text);
	}
}

static void comparing(void **state)
{
	(void)state;
	static const struct {
		const char *a, *unit_a, *b, *unit_b;
		int order;
	} CASES[] = {
		{"1", "kg", "1000", "g", 0},
		{"1.0", "g", "1000.00", "mg", 0},
		{"1", "g", "1001", "mg", -1},
		{"-1", "g", "-1001", "mg", 1},
		{"1", "[ft_i]", "12", "[in_i]", 0},
		{"1", "[in_i]", "0.0833333333333333333333333333333333", "[ft_i]", 1}, /* a third does not end */
		{"98.6", "[degF]", "37", "Cel", 0},
		{"98.61", "[degF]", "37", "Cel", 1},
		{"7", "[pH]", "0.0000001", "mol/L", 0},
		{"7.4", "[pH]", "39.8107170553497", "nmol/L", 0},
		{"7.4", "[pH]", "40", "nmol/L", -1},
		{"180", "deg", "1", "[pi].rad", 0},
		{"1", "[pi]40", "1", "[pi]39.[pi]", 0},
		{"1.0000001", "[pi]40", "1", "[pi]39.[pi]", 1},
		{"0", "m", "0.0", "km", 0},
		{"1", "Cel/min", "2", "Cel/min", -1},
		{"3", "{apples}", "3", "{pears}", 0}, /* annotations have no meaning */
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct decimal a = dec(CASES[i].a), b = dec(CASES[i].b);
		struct unit ua = unit(CASES[i].unit_a), ub = unit(CASES[i].unit_b);
		struct error err = {0};
		int order = 9;
		assert_true(unit_commensurable(&ua, &ub));
		assert_true(unit_compare(&a, &ua, &b, &ub, &order, &err));
		if (order != CASES[i].order)
			fail_msg("case %zu: %d", i, order);
		assert_true(unit_compare(&b, &ub, &a, &ua, &order, &err));
		assert_int_equal(order, -CASES[i].order);
	}
	struct decimal one = dec("1");
	struct unit m = unit("m"), s = unit("s");
	struct error err = {0};
	int order = 9;
	assert_false(unit_commensurable(&m, &s));
	assert_false(unit_compare(&one, &m, &one, &s, &order, &err));
	assert_int_equal(order, 9);
}

static void products_and_quotients(void **state)
{
	(void)state;
	static const struct {
		bool divide;
		const char *a, *unit_a, *b, *unit_b, *exact, *significant, *unit;
	} CASES[] = {
		{false, "1.5", "g", "2", "m", "3.0", "3.0", "g.m"},
		{false, "2.0", "cm", "2.0", "m", "0.040", "0.040", "m2"},
		{true, "1.5", "g", "2", "m", "0.75", "0.75", "g.m-1"},
		{true, "2", "m", "1.5", "g", "1.33333333333333333333333", "1.3", "g-1.m"},
		{true, "4.0", "g", "2.0", "m", "2", "2.0", "g.m-1"},
		{true, "1", "m", "3", "m", "0.333333333333333333333333", "0.333333333333333333333333", "1"},
		{true, "6", "[iU]", "2", "[iU]", "3", "3", "1"},
		{false, "6", "[iU]/mL", "2", "mL", "12", "12", "[iU]"},
		{false, "20", "Cel", "1", "1", "293.15", "293.15", "K"},
		{false, "0", "g", "5", "m", "0", "0", "g.m"},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		for (int digits = UNIT_EXACT; digits <= UNIT_SIGNIFICANT; digits++) {
			struct decimal a = dec(CASES[i].a), b = dec(CASES[i].b), result, wanted;
			struct unit ua = unit(CASES[i].unit_a), ub = unit(CASES[i].unit_b);
			struct error err = {0};
			struct buf text;
			buf_init(&text, UNIT_CANONICAL_MAX);
			assert_true((CASES[i].divide ? unit_divide : unit_multiply)(
				&a, &ua, &b, &ub, (enum unit_digits)digits, &result, &text, &err));
			wanted = dec(digits == UNIT_EXACT ? CASES[i].exact : CASES[i].significant);
			if (decimal_cmp(&result, &wanted) != 0 || !str_is(buf_str(&text), CASES[i].unit) ||
			    (digits == UNIT_SIGNIFICANT && strcmp(text_of(&result), CASES[i].significant) != 0))
				fail_msg("case %zu: %s %.*s", i, text_of(&result), STR_ARG(buf_str(&text)));
			buf_done(&text);
		}
	}
	struct decimal one = dec("1"), zero = dec("0.0"), result;
	struct unit m = unit("m"), mixed = unit("Cel/min");
	struct error err = {0};
	struct buf text;
	buf_init(&text, UNIT_CANONICAL_MAX);
	assert_false(unit_divide(&one, &m, &zero, &m, UNIT_EXACT, &result, &text, &err));
	assert_string_equal(err.text, "division by zero");
	error_clear(&err);
	assert_false(unit_multiply(&one, &m, &one, &mixed, UNIT_EXACT, &result, &text, &err));
	assert_int_equal(err.code, ERR_NOT_SUPPORTED);
	assert_int_equal(text.n, 0);
	buf_done(&text);
}

static void canonical_values(void **state)
{
	(void)state;
	static const char *const CASES[][3] = {
		{"120", "mm[Hg]", "15998640"},
		{"98.6", "[degF]", "310.15"},
		{"5.5", "mmol/L", "3312177418000000000000000"},
		{"1.50", "mg/dL", "15"},
		{"72", "/min", "1.2"},
		{"1", "/min", "0.0166666666666666666666667"},
		{"7", "[pH]", "60221407600000000000"},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct decimal value = dec(CASES[i][0]), result, wanted = dec(CASES[i][2]);
		struct unit u = unit(CASES[i][1]);
		struct error err = {0};
		assert_true(unit_canonical(&value, &u, &result, &err));
		if (decimal_cmp(&result, &wanted) != 0)
			fail_msg("%s %s: %s", CASES[i][0], CASES[i][1], text_of(&result));
	}
}

/* There and back between every two units of one dimension, with and without a prefix. */
static void conversions_come_back(void **state)
{
	(void)state;
	struct decimal value = dec("1.25"), there, back;
	size_t pairs = 0;
	for (size_t i = 0; i < unit_count(); i++) {
		struct unit from;
		assert_true(unit_parse(unit_info_at(i).code, &from, NULL));
		for (size_t k = 0; k < unit_count(); k++) {
			struct unit to;
			struct error err = {0};
			assert_true(unit_parse(unit_info_at(k).code, &to, NULL));
			if (!unit_commensurable(&from, &to))
				continue;
			assert_true(unit_commensurable(&to, &from));
			/* A temperature has no logarithm, an angle of 180 degrees no slope. */
			if (!unit_convert(&value, &from, &to, UNIT_EXACT, &there, &err))
				continue;
			assert_true(unit_convert(&there, &to, &from, UNIT_EXACT, &back, &err));
			bool plain = from.scale == UNIT_RATIO && to.scale == UNIT_RATIO;
			back = decimal_round(&back, plain ? 20 : 6, DECIMAL_HALF_EVEN);
			if (decimal_cmp(&back, &value) != 0)
				fail_msg("%.*s to %.*s and back: %s", STR_ARG(from.text), STR_ARG(to.text),
					 text_of(&back));
			pairs++;
		}
	}
	assert_true(pairs > 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_units_convert_exactly),
		cmocka_unit_test(special_units_convert_by_their_functions),
		cmocka_unit_test(what_does_not_convert_says_why),
		cmocka_unit_test(comparing),
		cmocka_unit_test(products_and_quotients),
		cmocka_unit_test(canonical_values),
		cmocka_unit_test(conversions_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
