/* Folding of text for string searches: ASCII and the rest must agree on what separates and what stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fold.h"

static const struct {
	const char *text, *folded;
} examples[] = {
	{"", ""},
	{"Green", "green"},
	{"  Van   der\tBerg ", "van der berg"},
	{"O'Keefe-Smith", "o keefe smith"},
	{"St. John's, 3rd", "st john s 3rd"},
	{"--", ""},
	{"a+b=c", "a+b=c"},
	{"Zo\xC3\xAB", "zoe"},
	{"\xC3\x85NGSTR\xC3\x96M", "angstrom"},
	{"Zoe\xCC\x88", "zoe"}, /* a combining mark */
	{"Stra\xC3\x9F"
	 "e",
	 "strasse"},
	{"\xEF\xAC\x81nn", "finn"}, /* ligature fi */
	{"\xE2\x80\x9CO\xE2\x80\x99Neil\xE2\x80\x9D", "o neil"}, /* typographic quotes */
	{"Jos\xC3\xA9\xC2\xA0Luis", "jose luis"}, /* no-break space */
	{"\xCE\x91\xCE\x98\xCE\x97\xCE\x9D\xCE\x91\xCE\xA3", "\xCE\xB1\xCE\xB8\xCE\xB7\xCE\xBD\xCE\xB1\xCF\x83"},
	{"\xE5\xB1\xB1\xE7\x94\xB0", "\xE5\xB1\xB1\xE7\x94\xB0"},
};

static void folds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct arena a;
		arena_init(&a, 1 << 16);
		struct str got = str_fold(&a, str_from(examples[i].text));
		if (!str_eq(got, str_from(examples[i].folded)))
			fail_msg("\"%s\" folds to \"%.*s\", not \"%s\"", examples[i].text, STR_ARG(got),
				 examples[i].folded);
		arena_done(&a);
	}
}

/* The fast path and the Unicode path must give the same for ASCII: the second half is the first behind an accent. */
static void paths_agree_on_ascii(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 128; c++) {
		struct arena a;
		arena_init(&a, 1 << 16);
		char plain[] = {'x', (char)c, 'y'}, accented[] = {'x', (char)c, 'y', '\xC3', '\xA9'};
		struct str p = str_fold(&a, str_make(plain, 3)), q = str_fold(&a, str_make(accented, 5));
		assert_true(q.n == p.n + 1 && memcmp(p.p, q.p, p.n) == 0 && q.p[p.n] == 'e');
		arena_done(&a);
	}
}

static void survives_no_memory_and_no_utf8(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 8);
	assert_null(str_fold(&a, S("some longer text")).p);
	arena_done(&a);
	arena_init(&a, 4096);
	assert_int_equal(str_fold(&a, S("\xFF\xFE")).n, 0);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds),
		cmocka_unit_test(paths_agree_on_ascii),
		cmocka_unit_test(survives_no_memory_and_no_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
