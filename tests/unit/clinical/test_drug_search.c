/* Finding drugs by what a person types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clinical/drug_search.h"

static struct arena arena;
static struct knowledge *k;

static int set_up(void **state)
{
	struct error err = {0};
	(void)state;
	arena_init(&arena, 64 << 20);
	k = knowledge_new(&arena, NULL, 0, &err);
	assert_string_equal(err.text, "");
	return k ? 0 : 1;
}

static int tear_down(void **state)
{
	(void)state;
	knowledge_free(k);
	arena_done(&arena);
	return 0;
}

static void the_best_name_comes_first(void **state)
{
	static const struct {
		const char *typed, *first, *code;
		size_t ingredients;
	} cases[] = {
		{"amoxicillin", "amoxicillin", "723", 1}, {"Amoxicil", "amoxicillin", "723", 1},
		{"  WARF", "warfarin", "11289", 1},	  {"ibuprofen", "ibuprofen", "5640", 1},
		{"Percocet", "percocet", NULL, 2},
	};
	struct drug_hit hits[10];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t n = drug_search(k, &arena, str_from(cases[i].typed), hits, 10);
		if (!n || !str_is(hits[0].name, cases[i].first))
			fail_msg("%s: %zu, %.*s", cases[i].typed, n, STR_ARG(n ? hits[0].name : S("")));
		assert_int_equal(hits[0].meaning.count, cases[i].ingredients);
		if (cases[i].code)
			assert_true(str_is(hits[0].code, cases[i].code));
		else
			assert_null(hits[0].code.p);
	}
}

static void every_hit_begins_so(void **state)
{
	struct drug_hit hits[DRUG_SEARCH_MAX];
	struct str text = S("ace");
	(void)state;
	size_t n = drug_search(k, &arena, text, hits, DRUG_SEARCH_MAX);
	assert_true(n > 5);
	bool words = false; /* those of a later word come behind */
	for (size_t i = 0; i < n; i++) {
		bool begins = str_starts(hits[i].name, text);
		assert_true(begins || str_find(hits[i].name, S(" ace")) != STR_NONE);
		assert_false(begins && words);
		words = words || !begins;
		for (size_t j = 0; j < i; j++)
			assert_false(str_eq(hits[i].name, hits[j].name));
	}
	assert_int_equal(drug_search(k, &arena, text, hits, 3), 3);
}

static void little_and_nothing_find_nothing(void **state)
{
	struct drug_hit hits[10];
	(void)state;
	assert_int_equal(drug_search(k, &arena, S(""), hits, 10), 0);
	assert_int_equal(drug_search(k, &arena, S("a"), hits, 10), 0);
	assert_int_equal(drug_search(k, &arena, S("zzyzx"), hits, 10), 0);
	assert_int_equal(drug_search(k, &arena, S("!!"), hits, 10), 0);
	assert_int_equal(drug_search(k, &arena, S("amoxicillin"), hits, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_name_comes_first),
		cmocka_unit_test(every_hit_begins_so),
		cmocka_unit_test(little_and_nothing_find_nothing),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
