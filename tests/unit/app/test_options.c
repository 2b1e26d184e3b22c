/* The options parser: kinds, sources and their order, and what is said about mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/app.h"

struct fixture {
	struct app app;
	bool flag, flag_given;
	struct str text;
	int64_t number;
	struct option_list list, items;
};

static const struct command test_command = {.name = "test", .summary = "a test"};

static bool parse(struct fixture *f, size_t max_args, int argc, const char *const *argv)
{
	static char *words[16];
	for (int i = 0; i < argc; i++)
		words[i] = (char *)(uintptr_t)argv[i];
	f->app = (struct app){.command = &test_command, .argc = argc, .argv = words, .status = -1};
	arena_init(&f->app.arena, ARENA_NO_CAP);
	const struct option options[] = {
		{"flag", OPTION_FLAG, NULL, "a flag", &f->flag, &f->flag_given},
		{"some-text", OPTION_TEXT, "TEXT", "a text", &f->text},
		{"number", OPTION_NUMBER, "N", "a number", &f->number},
		{"list", OPTION_LIST, "A,B", "a list", &f->list},
		{"items", OPTION_ITEMS, "A", "items", &f->items},
	};
	return app_options(&f->app,
			   &(struct command_line){OPTIONS(options), .arguments = "THING", .max_args = max_args});
}
#define PARSE(f, max_args, ...)                                                                                        \
	parse((f), (max_args), sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

static void test_kinds(void **state)
{
	(void)state;
	struct fixture f = {0};
	assert_true(PARSE(&f, 2, "--flag", "one", "--some-text", "a b", "--number=42", "--list", "x, y", "--list", "z",
			  "-"));
	assert_true(f.flag && f.flag_given);
	assert_true(str_is(f.text, "a b"));
	assert_int_equal(f.number, 42);
	assert_int_equal(f.list.count, 3);
	assert_true(str_is(f.list.items[0], "x") && str_is(f.list.items[1], "y") && str_is(f.list.items[2], "z"));
	assert_int_equal(f.app.arg_count, 2);
	assert_true(str_is(f.app.args[0], "one") && str_is(f.app.args[1], "-"));
	arena_done(&f.app.arena);
}

static void test_items_keep_their_commas(void **state)
{
	(void)state;
	struct fixture f = {0};
	assert_true(PARSE(&f, 0, "--items", "x, y", "--items= z ", "--items", ""));
	assert_int_equal(f.items.count, 2);
	assert_true(str_is(f.items.items[0], "x, y") && str_is(f.items.items[1], "z"));
	arena_done(&f.app.arena);
}

static void test_switch_off_and_double_dash(void **state)
{
	(void)state;
	struct fixture f = {.flag = true};
	assert_true(PARSE(&f, 2, "--flag=off", "--", "--number"));
	assert_false(f.flag);
	assert_int_equal(f.app.arg_count, 1);
	assert_true(str_is(f.app.args[0], "--number"));
	arena_done(&f.app.arena);
}

static void test_environment_comes_before_command_line(void **state)
{
	(void)state;
	struct fixture f = {.number = 1, .text = S("default")};
	setenv("FIRTH_NUMBER", "7", 1);
	setenv("FIRTH_SOME_TEXT", "from env", 1);
	setenv("FIRTH_LIST", "e1,e2", 1);
	assert_true(PARSE(&f, 0, "--number", "9", "--list", "c"));
	assert_int_equal(f.number, 9);
	assert_true(str_is(f.text, "from env"));
	assert_int_equal(f.list.count, 1);
	assert_true(str_is(f.list.items[0], "c"));
	arena_done(&f.app.arena);
	setenv("FIRTH_NUMBER", "many", 1);
	assert_false(PARSE(&f, 0, "--flag"));
	assert_int_equal(f.app.status, APP_USAGE);
	arena_done(&f.app.arena);
	unsetenv("FIRTH_NUMBER");
	unsetenv("FIRTH_SOME_TEXT");
	unsetenv("FIRTH_LIST");
}

static void test_mistakes_are_usage_errors(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
		{"--nope"},	     {"--number"},	  {"--number", "-1"},
		{"--number", "ten"}, {"--flag=maybe"},	  {"-x"},
		{"one", "two"},	     {"--format", "xml"}, {"--number=99999999999999999999"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f = {0};
		int n = 0;
		while (n < 3 && cases[i][n])
			n++;
		assert_false(parse(&f, 1, n, cases[i]));
		assert_int_equal(f.app.status, APP_USAGE);
		arena_done(&f.app.arena);
	}
}

static void test_help_and_format(void **state)
{
	(void)state;
	struct fixture f = {0};
	assert_false(PARSE(&f, 0, "--nope", "--help"));
	assert_int_equal(f.app.status, APP_OK);
	arena_done(&f.app.arena);
	assert_true(PARSE(&f, 0, "--format=json"));
	assert_true(f.app.json);
	arena_done(&f.app.arena);
}

static void test_early_option(void **state)
{
	(void)state;
	char *words[] = {(char[]){"--config-x"}, (char[]){"no"}, (char[]){"--config"}, (char[]){"yes"}};
	struct app app = {.command = &test_command, .argc = 4, .argv = words};
	assert_true(str_is(app_option_early(&app, "config"), "yes"));
	app.argc = 2;
	assert_null(app_option_early(&app, "config").p);
}

static void test_near_names(void **state)
{
	(void)state;
	static const char *const names[] = {"import", "serve", "audit list", "demo"};
	assert_string_equal(near_name(S("imprt"), names, 4), "import");
	assert_string_equal(near_name(S("serev"), names, 4), "serve");
	assert_string_equal(near_name(S("audit lst"), names, 4), "audit list");
	assert_null(near_name(S("zzzzzz"), names, 4));
	assert_null(near_name(S(""), names, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_items_keep_their_commas),
		cmocka_unit_test(test_switch_off_and_double_dash),
		cmocka_unit_test(test_environment_comes_before_command_line),
		cmocka_unit_test(test_mistakes_are_usage_errors),
		cmocka_unit_test(test_help_and_format),
		cmocka_unit_test(test_early_option),
		cmocka_unit_test(test_near_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
