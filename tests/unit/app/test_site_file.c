/* Files that people write, in YAML or JSON, as JSON; and where a member of them stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/site_file.h"

/* What the text is as JSON, or the error. */
static struct str json_of(struct arena *a, const char *text)
{
	struct error err = {0};
	struct buf out;
	const struct json *j = site_file_read(a, str_from(text), S("f.yaml"), &err);
	if (!j)
		return arena_printf(a, "%s", err.text);
	buf_init(&out, 1 << 16);
	struct json_writer w = json_writer(&out);
	json_put_value(&w, j);
	struct str copy = arena_str(a, buf_str(&out));
	buf_done(&out);
	return copy;
}

static void yaml_is_what_json_can_say(void **state)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{"a: 1\nb: [1.10, -2e3, 0]", "{\"a\":1,\"b\":[1.10,-2e3,0]}"},
		{"a: 007\nb: 0x1F\nc: 1.\nd: .5\ne: +1\nf: 2024-01-01",
		 "{\"a\":\"007\",\"b\":\"0x1F\",\"c\":\"1.\",\"d\":\".5\",\"e\":\"+1\",\"f\":\"2024-01-01\"}"},
		{"a: true\nb: yes\nc: no\nd: 'true'\ne: \"1\"",
		 "{\"a\":true,\"b\":\"yes\",\"c\":\"no\",\"d\":\"true\",\"e\":\"1\"}"},
		{"a:\nb: ~\nc: null\nd: ''", "{\"a\":null,\"b\":null,\"c\":null,\"d\":\"\"}"},
		{"a: |\n  one\n  two\nb: >-\n  one\n  two", "{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\"}"},
		{"a: {b: [c, {d: 1}]}", "{\"a\":{\"b\":[\"c\",{\"d\":1}]}}"},
		{"{\"a\": [1, null]}", "{\"a\":[1,null]}"},
		{"a: 1\na: 2", "f.yaml:2:1: this key is given twice"},
		{"a: &x 1\nb: *x", "f.yaml:1:4: aliases (*name) are not supported"},
		{"a: {<<: {b: 1}}", "f.yaml:1:5: merged keys are not supported"},
		{"[a, b]: 1",
		 "f.yaml:1:2: Invalid JSON at line 1, column 2: unexpected character, expected a valid JSON value"},
		{"a: [", "f.yaml:2:1: this is not valid YAML: did not find expected node content"},
		{"a: 1\n---\nb: 2", "f.yaml:3:1: a second document starts here; a file is one document"},
		{"just words", "f.yaml:1:1: the file has no names and values"},
		{"", "f.yaml:1:1: the file has no names and values"},
	};
	struct arena a;
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		arena_init(&a, 1 << 20);
		struct str got = json_of(&a, rows[i].text);
		if (!str_is(got, rows[i].wanted)) {
			wrong++;
			print_message("row %zu: wanted %s\n got %.*s\n", i, rows[i].wanted, STR_ARG(got));
		}
		arena_done(&a);
	}
	assert_int_equal(wrong, 0);
}

static void members_are_found(void **state)
{
	static const char yaml[] = "id: x\nrules:\n  - id: a\n  - id: b\n    card:\n      summary: s\n";
	static const char json[] =
		"{\"id\":\"x\",\n\"rules\":[\n{\"id\":\"a\"},\n{\"id\":\"b\",\"card\":{\n\"summary\":\"s\"}}]}";
	static const struct {
		const char *path;
		size_t line, column, json_line;
	} rows[] = {{"rules[1].card.summary", 6, 7, 5},
		    {"rules[1].card.detail", 5, 5, 4},
		    {"rules[0].id", 3, 5, 3},
		    {"nowhere", 1, 1, 1},
		    {"rules", 2, 1, 2}};
	struct arena a;
	size_t line, column;
	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(site_file_locate(&a, str_from(yaml), str_from(rows[i].path), &line, &column));
		assert_int_equal(line, rows[i].line);
		assert_int_equal(column, rows[i].column);
		assert_true(site_file_locate(&a, str_from(json), str_from(rows[i].path), &line, &column));
		assert_int_equal(line, rows[i].json_line);
	}
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yaml_is_what_json_can_say),
		cmocka_unit_test(members_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
