/* Scopes in plain words. */
#include "world.h"

static void scopes_are_named(void **state)
{
	static const struct {
		const char *scope, *words;
	} rows[] = {
		{"patient/Observation.rs", "See lab results, vital signs and other observations"},
		{"patient/Observation.read", "See lab results, vital signs and other observations"},
		{"patient/Condition.cruds", "See, add, change and delete diagnoses and health problems"},
		{"user/AllergyIntolerance.c", "Add allergies and intolerances"},
		{"patient/Patient.ud", "Change and delete name, birth date, address and other personal details"},
		{"patient/*.rs", "See everything in the record"},
		{"patient/ResearchStudy.s", "See research study entries"},
		{"patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/"
		 "observation-category|laboratory",
		 "See lab results, vital signs and other observations, but only lab results"},
		{"patient/Observation.rs?category=laboratory&status=final",
		 "See lab results, vital signs and other observations, but only lab results and where status is final"},
		{"patient/Condition.rs?category=http%3A%2F%2Fexample.org%7Cx",
		 "See diagnoses and health problems, but only where category is http://example.org|x"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a;
		struct buf out;
		struct scope scope;
		arena_init(&a, 1 << 20);
		buf_init(&out, 4096);
		assert_true(scope_parse(definitions_builtin(), str_from(rows[i].scope), &scope));
		words_scope(&out, &a, &scope);
		buf_char(&out, 0);
		assert_string_equal(out.p, rows[i].words);
		buf_done(&out);
		arena_done(&a);
	}
}

static void every_word_has_words(void **state)
{
	(void)state;
	for (unsigned bit = 1; bit <= SCOPE_OFFLINE_ACCESS; bit <<= 1) {
		const char *detail = NULL;
		assert_true(strlen(words_word((enum scope_word)bit, &detail)) > 0);
		assert_non_null(detail);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes_are_named),
		cmocka_unit_test(every_word_has_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
