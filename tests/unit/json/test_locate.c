/* Where values stand in their text: members, items, choices, siblings of primitives, and what is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "json/json.h"

static const char *const patient = "{\n"
				   "  \"resourceType\": \"Patient\",\n"
				   "  \"name\": [\n"
				   "    {\"family\": \"a\\\"]}\", \"given\": [\"x\", \"y\"]},\n"
				   "    {\"_given\": [null, {\"id\": \"i\"}], \"given\": [\"p\", \"q\"]}\n"
				   "  ],\n"
				   "  \"birthDate\": \"1970\",\n"
				   "  \"_birthDate\": {\"extension\": [{\"url\": \"u\", \"valueString\": \"s\"}]},\n"
				   "  \"deceasedBoolean\": false , \"empty\":{},\"none\":[]\n"
				   "}\n";

static void values_are_found_in_their_text(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		size_t taken, line, column;
	} cases[] = {
		{"Patient", 0, 1, 1},
		{"Patient.name", 1, 3, 11},
		{"Patient.name[0]", 1, 4, 5},
		{"Patient.name[0].family", 2, 4, 16},
		{"Patient.name[0].given[1]", 2, 4, 40},
		{"Patient.name.given", 2, 4, 34},
		{"Patient.name[1].given[1]", 2, 5, 52},
		{"Patient.name[1].given[1].id", 3, 5, 30},
		{"Patient.name[2]", 0, 1, 1},
		{"Patient.name[1].family", 1, 5, 5},
		{"Patient.birthDate", 1, 7, 16},
		{"Patient.birthDate[0]", 1, 7, 16},
		{"Patient.birthDate[1]", 0, 1, 1},
		{"Patient.birthDate.extension[0].url", 3, 8, 40},
		{"Patient.birthDate.extension[0].value.ofType(string)", 3, 8, 60},
		{"Patient.deceased", 1, 9, 22},
		{"Patient.deceased[x]", 1, 9, 22},
		{"Patient.deceased.ofType(boolean)", 1, 9, 22},
		{"Patient.empty.x", 1, 9, 38},
		{"Patient.none.x", 0, 1, 1},
		{"Patient.absent.more", 0, 1, 1},
		{"name[0]", 1, 4, 5},
	};
	struct arena a;
	struct error err = {0};
	arena_init(&a, 1 << 20);
	assert_non_null(json_parse(&a, str_from(patient), 0, &err));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_step steps[8];
		size_t count, line, column;
		if (!json_path_parse(&a, str_from(cases[i].path), steps, 8, &count))
			fail_msg("%s is no path", cases[i].path);
		size_t taken = json_locate(str_from(patient), steps, count, &line, &column);
		if (taken != cases[i].taken || line != cases[i].line || column != cases[i].column)
			fail_msg("%s: %zu steps to %zu:%zu", cases[i].path, taken, line, column);
	}
	arena_done(&a);
}

static void other_paths_are_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {"Patient.name.where(x=1)", "Patient.a.b.c.d", "Patient.name[x",
					    "Patient..name",	       "Patient.name[a]", "ofType(string)",
					    "Patient.name[0]x"};
	struct arena a;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_step steps[3];
		size_t count;
		if (json_path_parse(&a, str_from(cases[i]), steps, 3, &count))
			fail_msg("%s is a path of %zu steps", cases[i], count);
	}
	arena_done(&a);
}

static void any_text_gives_some_position(void **state)
{
	(void)state;
	static const struct json_step steps[] = {{S("a"), 1}, {STR_NULL, 0}, {S("b"), JSON_NO_INDEX}};
	static const char *const texts[] = {
		"",	     "{",	   "{\"a",   "{\"a\"", "{\"a\":",     "{\"a\":[", "{\"a\":[1,", "{\"a\":[1,[",
		"{\"a\" [1", "{,\"a\":[,", "{\"a\\", "]",      "{\"a\":[\"\\"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t line, column, n = strlen(texts[i]);
		json_locate(str_make(texts[i], n), steps, 3, &line, &column);
		assert_int_equal(line, 1);
		assert_true(column >= 1 && column <= n + 1);
	}
}

static void bare_items_are_counted(void **state)
{
	(void)state;
	static const struct json_step steps[] = {{STR_NULL, 2}, {STR_NULL, 1}};
	size_t line, column;
	assert_int_equal(json_locate(S("[1, \"a\",\n [{} , true]]"), steps, 2, &line, &column), 2);
	assert_int_equal(line, 2);
	assert_int_equal(column, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_in_their_text),
		cmocka_unit_test(other_paths_are_refused),
		cmocka_unit_test(any_text_gives_some_position),
		cmocka_unit_test(bare_items_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
