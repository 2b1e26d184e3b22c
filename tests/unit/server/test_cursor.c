/* Page links: they come back as they went, and only to the same client, type, and query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/rest/rest_priv.h"

static struct rest_server server = {.cursor_key = {"0123456789abcdef0123456789abcdef", 32}};

static struct rest_call call_of(struct arena *a, const char *client, const char *type)
{
	return (struct rest_call){
		.server = &server, .arena = a, .type_name = str_from(type), .grant = {.client_id = str_from(client)}};
}

static void test_round_trip(void **state)
{
	struct arena *a = *state;
	struct rest_call call = call_of(a, "one", "Patient");
	struct str position;
	struct error err = {0};
	for (size_t n = 1; n <= 1024; n = n * 3 + 1) {
		struct str bytes = {arena_calloc(a, n, 1), n};
		struct str word = rest_cursor_write(&call, S("name=x"), bytes);
		assert_non_null(word.p);
		for (size_t i = 0; i < word.n; i++)
			assert_non_null(memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
					       word.p[i], 64));
		assert_true(rest_cursor_read(&call, S("name=x"), word, &position, &err));
		assert_true(str_eq(position, bytes));
	}
	assert_null(rest_cursor_write(&call, S("name=x"), STR_NULL).p);
}

static void assert_refused(const struct rest_call *call, const char *self, struct str word)
{
	struct str position = S("untouched");
	struct error err = {0};
	assert_false(rest_cursor_read(call, str_from(self), word, &position, &err));
	assert_int_equal(err.code, ERR_CURSOR);
	assert_true(str_is(position, "untouched"));
}

static void test_foreign(void **state)
{
	struct arena *a = *state;
	struct rest_call call = call_of(a, "one", "Patient"), other = call_of(a, "two", "Patient"),
			 type = call_of(a, "one", "Basic");
	struct str word = rest_cursor_write(&call, S("name=x"), S("12345"));
	assert_refused(&other, "name=x", word);
	assert_refused(&type, "name=x", word);
	assert_refused(&call, "name=y", word);
	assert_refused(&call, "", word);
	for (size_t i = 0; i < word.n; i++) {
		struct str changed = arena_str(a, word);
		char *c = (char *)(uintptr_t)changed.p + i;
		*c = *c == 'A' ? 'B' : 'A';
		assert_refused(&call, "name=x", changed);
		assert_refused(&call, "name=x", str_slice(word, 0, i));
	}
	assert_refused(&call, "name=x", S("!!!"));
	assert_refused(&call, "name=x", (struct str){arena_calloc(a, 5000, 1), 5000});
}

/* Lengths are part of what is signed, so text cannot move from one part to the next. */
static void test_parts_do_not_flow(void **state)
{
	struct arena *a = *state;
	struct rest_call one = call_of(a, "ab", "c"), two = call_of(a, "a", "bc");
	struct str word = rest_cursor_write(&one, S("q"), S("position"));
	assert_refused(&two, "q", word);
}

int main(void)
{
	struct arena a;
	arena_init(&a, 16 << 20);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_round_trip, &a),
		cmocka_unit_test_prestate(test_foreign, &a),
		cmocka_unit_test_prestate(test_parts_do_not_flow, &a),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&a);
	return failed;
}
