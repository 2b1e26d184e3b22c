/* The measures of $stats: exact where they can be, rounded where it is said, unknown where there is too little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/rest/operations/moments.h"

static void check(const char *values_text, const char *code, const char *expected)
{
	struct decimal values[32], result;
	size_t count = 0;
	bool known;
	struct buf out;
	struct str rest = str_from(values_text);
	while (rest.n && count < 32) {
		struct str word = str_split(&rest, ' ');
		assert_true(decimal_parse(word, &values[count++]));
	}
	const struct measure *m = measure_find(str_from(code));
	assert_non_null(m);
	assert_true(measure_take(m, values, count, count + 1, &result, &known));
	assert_int_equal(known, expected != NULL);
	if (!expected)
		return;
	buf_init(&out, 1000);
	decimal_write(&out, &result);
	struct str text = buf_str(&out);
	if (!str_is(text, expected))
		print_message("%s of %s is %.*s, not %s\n", code, values_text, STR_ARG(text), expected);
	assert_true(str_is(text, expected));
	buf_done(&out);
}

static void test_measures(void **state)
{
	(void)state;
	static const struct {
		const char *values, *code, *expected;
	} cases[] = {
		{"1.10 2.20", "sum", "3.30"},
		{"1.10 2.20", "average", "1.65"},
		{"1 1 2", "average", "1.3333333333333333333"},
		{"3 1 2", "minimum", "1"},
		{"3 1 2", "maximum", "3"},
		{"3 1 2", "median", "2"},
		{"3 1 2 4", "median", "2.5"},
		{"3 1 2", "count", "3"},
		{"3 1 2", "total-count", "4"},
		{"2 4 4 4 5 5 7 9", "variance", "4.5714285714285714286"},
		{"1 2 3 4 5", "std-dev", "1.581138830084189666"},
		{"1 3", "std-dev", "1.4142135623730950488"},
		{"5 5 5", "std-dev", "0"},
		{"0.1 0.2", "std-dev", "0.07071067811865475244"},
		{"1 2 3 4 5", "20-percent", "1.8"},
		{"1 2 3 4 5", "80-percent", "4.2"},
		{"1 2 3 4 5", "5-2", "2.6"},
		{"1 2 3 4 5", "4-lower", "2"},
		{"1 2 3 4 5", "4-upper", "4"},
		{"1 2 3 4 5", "4-dev", "1"},
		{"", "average", NULL},
		{"1", "variance", NULL},
		{"", "count", "0"},
		{"", "total-count", "1"},
		{"7", "median", "7"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].values, cases[i].code, cases[i].expected);
	assert_null(measure_find(S("kurtosis")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_measures)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
