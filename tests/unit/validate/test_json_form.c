/* Imperfect JSON: each fault is named with its place, and the rest of the document is still read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "validate/json_form.h"

struct row {
	const char *text;
	/* what is left, as compact JSON; NULL: nothing */
	const char *read;
	/* the first finding */
	const char *path, *part;
	size_t line, column, count;
};

static const struct row rows[] = {
	{"{\"a\":1}", "{\"a\":1}", NULL, NULL, 0, 0, 0},
	{"\xef\xbb\xbf{\"a\":1}", "{\"a\":1}", NULL, NULL, 0, 0, 0},
	{"// hello\n{\"resourceType\":\"Patient\"}", "{\"resourceType\":\"Patient\"}", "Patient", "Comments", 1, 1, 1},
	{"{\"a\":1 /* x */ , // y\n\"b\":2}", "{\"a\":1,\"b\":2}", "$", "Comments", 1, 8, 1},
	{"{\"resourceType\":\"Patient\",\n\"name\":[{\"family\":\"A\"\n \"given\":[\"B\" \"C\"]}]}",
	 "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"A\",\"given\":[\"B\",\"C\"]}]}", "Patient.name[0]",
	 "comma is missing", 3, 2, 2},
	{"{\"a\":[1,2,],}", "{\"a\":[1,2]}", "$.a", "comma after the last", 1, 10, 2},
	{"{\"a\":1,,\"b\":2}", "{\"a\":1,\"b\":2}", "$", "comma too many", 1, 8, 1},
	{"{\"a\":1,\n\"b\":2,\n\"a\":3}", "{\"a\":1,\"b\":2}", "$", "\"a\" appears twice", 3, 1, 1},
	{"{\"a\":{\"b\":1,\"b\":{\"c\":[1]}}}", "{\"a\":{\"b\":1}}", "$.a", "\"b\" appears twice", 1, 13, 1},
	{"{a:1,'b':'it\"s'}", "{\"a\":1,\"b\":\"it\\\"s\"}", "$", "double quotes", 1, 2, 3},
	{"{\"a\":\"x\ty\"}", "{\"a\":\"x\\ty\"}", "$.a", "U+0009", 1, 8, 1},
	{"{\"a\":\"\\q\"}", "{\"a\":\"\xef\xbf\xbd\"}", "$.a", "escape", 1, 7, 1},
	{"{\"a\":\"\\ud800x\"}", "{\"a\":\"\xef\xbf\xbdx\"}", "$.a", "surrogate", 1, 7, 1},
	{"{\"a\":\"\xff\"}", "{\"a\":\"\xef\xbf\xbd\"}", "$.a", "UTF-8", 1, 7, 1},
	{"{\"a\":01}", "{\"a\":\"01\"}", "$.a", "no number", 1, 6, 1},
	{"{\"a\":+1}", "{\"a\":\"+1\"}", "$.a", "no number", 1, 6, 1},
	{"{\"a\":NaN}", "{\"a\":\"NaN\"}", "$.a", "no number", 1, 6, 1},
	{"{\"a\":True}", "{\"a\":\"True\"}", "$.a", "no JSON value", 1, 6, 1},
	{"{\"a\":1} {", "{\"a\":1}", "$", "follows after the end", 1, 9, 1},
	{"{\"a\":[1}", NULL, "$.a", "should end with ]", 1, 8, 1},
	{"{\"a\":[1\n#\n]}", NULL, "$.a", "no JSON", 2, 1, 1},
	{"{\"a\":\"x", NULL, "$.a", "does not end", 1, 6, 1},
	{"{\"a\"", NULL, "$", "colon is missing", 1, 5, 1},
	{"{\"a\":", NULL, "$.a", "missing at the end", 1, 6, 1},
	{"[1,", NULL, "$", "array does not end", 1, 4, 1},
	{"/* x", NULL, "$", "Comments", 1, 1, 2},
	{"", NULL, "$", "missing at the end", 1, 1, 1},
};

static void check_tree(struct arena *a, const struct json *tree, const char *wanted)
{
	struct buf out;
	(void)a;
	buf_init(&out, 1 << 16);
	struct json_writer w = json_writer(&out);
	json_put_value(&w, tree);
	assert_string_equal(arena_str(a, buf_str(&out)).p, wanted);
	buf_done(&out);
}

static void check_first(const struct row *row, const struct issue *first)
{
	assert_non_null(first);
	if (!str_is(first->path, row->path) || str_find(first->text, str_from(row->part)) == STR_NONE ||
	    first->line != row->line || first->column != row->column)
		fail_msg("%s: %zu:%zu %.*s: %.*s", row->text, first->line, first->column, STR_ARG(first->path),
			 STR_ARG(first->text));
	assert_true(str_is(first->rule, "json"));
}

static void reads_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct arena a;
		struct issues findings;
		struct error err = {0};
		arena_init(&a, 1 << 20);
		issues_init(&findings, &a);
		const struct json *tree = json_form_read(&a, str_from(row->text), NULL, &findings, &err);
		assert_int_equal(err.code, ERR_NONE);
		if (!!tree != !!row->read || findings.count != row->count)
			fail_msg("%s: %s, %zu findings", row->text, tree ? "read" : "not read", findings.count);
		if (tree)
			check_tree(&a, tree, row->read);
		if (row->count)
			check_first(row, findings.first);
		if (!tree)
			assert_int_equal(findings.last->severity, ISSUE_FATAL);
		arena_done(&a);
	}
}

static void takes_comments_when_told(void **state)
{
	struct arena a;
	struct issues findings;
	struct error err = {0};
	struct json_form_options options = {.allow_comments = true};
	(void)state;
	arena_init(&a, 1 << 20);
	issues_init(&findings, &a);
	assert_non_null(json_form_read(&a, S("{ // a\n\"a\":1 /* b */}"), &options, &findings, &err));
	assert_int_equal(findings.count, 0);
	arena_done(&a);
}

static void bounds_depth(void **state)
{
	char text[400] = {0};
	struct arena a;
	struct issues findings;
	struct error err = {0};
	(void)state;
	memset(text, '[', sizeof(text) - 1);
	arena_init(&a, 1 << 20);
	issues_init(&findings, &a);
	assert_null(json_form_read(&a, str_from(text), NULL, &findings, &err));
	assert_int_equal(findings.first->code, ERR_LIMIT);
	assert_int_equal(findings.first->severity, ISSUE_FATAL);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_on),
		cmocka_unit_test(takes_comments_when_told),
		cmocka_unit_test(bounds_depth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
