/* JSON: exact round trips, positions of errors, limits, walking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "json/json.h"

static const struct json *parse(struct arena *a, const char *text, struct error *err)
{
	return json_parse(a, str_from(text), 0, err);
}

static void compact_text_survives_to_the_byte(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"a\":1.00,\"b\":1e5,\"c\":-0.0,\"d\":123456789012345678901234567890.10}",
		"[true,false,null,\"\",{},[]]",
		"{\"a\\\"b\":\"\\u0001\\n\\t\\\\ \xC3\xA9 \xF0\x9F\x98\x80\"}",
		"0.10",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct arena a;
		struct buf out;
		struct error err = {0};
		arena_init(&a, ARENA_NO_CAP);
		buf_init(&out, 10000);
		const struct json *j = parse(&a, texts[i], &err);
		assert_non_null(j);
		struct json_writer w = json_writer(&out);
		json_put_value(&w, j);
		assert_true(str_eq(buf_str(&out), str_from(texts[i])));
		buf_done(&out);
		arena_done(&a);
	}
}

static void errors_have_a_code_and_a_place(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum error_code code;
		size_t line, column;
	} cases[] = {
		{"", ERR_JSON, 0, 0},
		{"{\n  \"a\": 1,\n  \"b\" 2\n}", ERR_JSON, 3, 7},
		{"[1,2", ERR_JSON, 1, 5},
		{"{\"a\":1} x", ERR_JSON, 1, 9},
		{"[01]", ERR_JSON, 1, 2},
		{"[NaN]", ERR_JSON, 1, 2},
		{"{\"a\":1,\"b\":{\"c\":1,\n\"c\":2}}", ERR_JSON, 2, 1},
		{"{\"\\n\":\"\\u00e9\", \"\\u0061\":1, \"a\":2}", ERR_JSON, 1, 29},
		{"\xef\xbb\xbf[01]", ERR_JSON, 1, 5},
		{"[\"\xC3(\"]", ERR_UTF8, 1, 3},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, ARENA_NO_CAP);
		assert_null(parse(&a, cases[i].text, &err));
		assert_int_equal(err.code, cases[i].code);
		if (cases[i].line) {
			assert_int_equal(err.line, cases[i].line);
			assert_int_equal(err.column, cases[i].column);
		}
		arena_done(&a);
	}
}

static void depth_is_bounded(void **state)
{
	(void)state;
	char text[3000];
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	for (unsigned depth = 60; depth < 70; depth++) {
		struct error err = {0};
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		const struct json *j = json_parse(&a, str_make(text, (size_t)2 * depth), 0, &err);
		assert_int_equal(j != NULL, depth <= JSON_MAX_DEPTH);
		if (!j)
			assert_int_equal(err.code, ERR_LIMIT);
	}
	struct error err = {0};
	memset(text, '[', 1000);
	memset(text + 1000, ']', 1000);
	assert_null(json_parse(&a, str_make(text, 2000), 0, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(err.column, JSON_MAX_DEPTH + 1);
	/* Brackets in strings are text. */
	assert_non_null(
		parse(&a, "[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[\"]", &err));
	arena_done(&a);
}

static void many_keys_are_checked_for_twins(void **state)
{
	(void)state;
	struct arena a;
	struct buf text;
	arena_init(&a, ARENA_NO_CAP);
	for (int twin = 0; twin < 2; twin++) {
		struct error err = {0};
		buf_init(&text, 100000);
		buf_char(&text, '{');
		for (int i = 0; i < 300; i++)
			buf_printf(&text, "%s\"k%d\":%d", i ? "," : "", twin && i == 299 ? 17 : i, i);
		buf_char(&text, '}');
		assert_int_equal(json_parse(&a, buf_str(&text), 0, &err) != NULL, !twin);
		buf_done(&text);
	}
	struct error err = {0};
	buf_init(&text, 100000);
	buf_char(&text, '{');
	for (int i = 0; i < 600; i++)
		buf_printf(&text, "%s\"k%d\":%d", i ? "," : "", i, i);
	buf_char(&text, '}');
	assert_null(json_parse(&a, buf_str(&text), 0, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_done(&text);
	arena_done(&a);
}

/* Names of every length up to 40 and as many objects: each finds its own names and no other, however alike they are. */
static void members_are_found_by_name(void **state)
{
	(void)state;
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
	enum { LONGEST = 40 };
	for (size_t count = 1; count <= LONGEST; count++) {
		struct arena a;
		struct buf text;
		struct error err = {0};
		arena_init(&a, ARENA_NO_CAP);
		buf_init(&text, 100000);
		for (size_t n = 1; n <= count; n++)
			buf_printf(&text, "%s\"%.*s\":[%zu],\"_%.*s\":{\"a\":%zu}", n == 1 ? "{" : ",", (int)n, letters,
				   n, (int)n, letters, n);
		buf_add(&text, S("}"));
		const struct json *j = json_parse(&a, buf_str(&text), 0, &err), *sibling;
		assert_non_null(j);
		for (size_t n = 1; n <= LONGEST; n++) {
			struct str name = str_make(letters, n), other = str_make(letters + 1, n);
			const struct json *found = json_get(j, name);
			assert_int_equal(found != NULL, n <= count);
			assert_true(!found || json_number(json_at(found, 0)).n == (n < 10 ? 1 : 2));
			assert_ptr_equal(json_get_pair(j, name, &sibling), found);
			assert_int_equal(json_is(sibling, JSON_OBJECT), n <= count);
			assert_null(json_get(j, other));
			assert_null(json_get_pair(j, other, &sibling));
			assert_null(sibling);
		}
		buf_done(&text);
		arena_done(&a);
	}
}

static void items_are_found_by_position(void **state)
{
	(void)state;
	struct arena a;
	struct error err = {0};
	arena_init(&a, ARENA_NO_CAP);
	const struct json *flat = parse(&a, "[1,22,333]", &err), *deep = parse(&a, "[[1,1],{\"a\":2},333,[]]", &err);
	assert_int_equal(json_number(json_at(flat, 2)).n, 3);
	assert_int_equal(json_number(json_at(deep, 2)).n, 3);
	assert_int_equal(json_type(json_at(deep, 3)), JSON_ARRAY);
	assert_null(json_at(flat, 3));
	assert_null(json_at(deep, 4));
	assert_null(json_at(json_at(deep, 1), 0));
	arena_done(&a);
}

static void parsing_respects_the_arena_cap(void **state)
{
	(void)state;
	struct arena a;
	struct error err = {0};
	arena_init(&a, 64);
	assert_null(parse(&a, "{\"a\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}", &err));
	assert_int_equal(err.code, ERR_MEMORY);
	arena_done(&a);
}

static void looking_at_the_wrong_type_is_harmless(void **state)
{
	(void)state;
	struct arena a;
	struct error err = {0};
	arena_init(&a, ARENA_NO_CAP);
	const struct json *j = parse(&a, "{\"s\":\"x\",\"n\":1.50,\"l\":[1,\"two\"],\"o\":{\"k\":null}}", &err);
	assert_true(str_is(json_get_str(j, S("s")), "x"));
	assert_true(str_is(json_number(json_get(j, S("n"))), "1.50"));
	assert_null(json_get_str(j, S("n")).p);
	assert_null(json_get(json_get(j, S("s")), S("deep")));
	assert_true(str_is(json_str(json_at(json_get(j, S("l")), 1)), "two"));
	assert_null(json_at(json_get(j, S("l")), 2));
	assert_int_equal(json_type(json_get(json_get(j, S("o")), S("k"))), JSON_NULL);
	assert_int_equal(json_type(NULL), JSON_NONE);
	assert_int_equal(json_size(NULL), 0);
	size_t members = 0;
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		assert_true(json_get(j, it.key) == it.value);
		members++;
	}
	assert_int_equal(members, 4);
	arena_done(&a);
}

static void pretty_text_reads_the_same(void **state)
{
	(void)state;
	struct arena a;
	struct buf out, again;
	struct error err = {0};
	const char *text = "{\"a\":[1,{\"b\":[]}],\"c\":{}}";
	arena_init(&a, ARENA_NO_CAP);
	buf_init(&out, 1000);
	buf_init(&again, 1000);
	json_pretty(&out, parse(&a, text, &err));
	assert_true(
		str_eq(buf_str(&out), S("{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}")));
	struct json_writer w = json_writer(&again);
	json_put_value(&w, json_parse(&a, buf_str(&out), 0, &err));
	assert_true(str_eq(buf_str(&again), str_from(text)));
	buf_done(&out);
	buf_done(&again);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compact_text_survives_to_the_byte),
		cmocka_unit_test(errors_have_a_code_and_a_place),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(many_keys_are_checked_for_twins),
		cmocka_unit_test(members_are_found_by_name),
		cmocka_unit_test(items_are_found_by_position),
		cmocka_unit_test(parsing_respects_the_arena_cap),
		cmocka_unit_test(looking_at_the_wrong_type_is_harmless),
		cmocka_unit_test(pretty_text_reads_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
