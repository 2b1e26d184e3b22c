/* JSON Patch: results with their order and digits, refusals that name the operation, limits, and what stays untouched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "patch/patch.h"

#define A "{\"a\":1.00,\"l\":[10,20,30],\"o\":{\"x\":null,\"y\":\"t\"}}"

static struct str apply(struct arena *a, struct buf *out, const char *document, const char *patch, struct error *err)
{
	const struct json *d = json_parse(a, str_from(document), 0, err);
	const struct json *p = json_parse(a, str_from(patch), 0, err);
	assert_true(d && p);
	const struct json *result = patch_json(a, d, p, err);
	struct json_writer w = json_writer(out);
	buf_reset(out);
	json_put_value(&w, d);
	if (!str_eq(buf_str(out), str_from(document)))
		fail_msg("the document became %.*s", STR_ARG(buf_str(out)));
	if (!result)
		return STR_NULL;
	w = json_writer(out);
	buf_reset(out);
	json_put_value(&w, result);
	return buf_str(out);
}

static void operations_give_exact_results(void **state)
{
	(void)state;
	static const struct {
		const char *patch, *result;
	} cases[] = {
		{"[]", A},
		{"[{\"op\":\"add\",\"path\":\"/b\",\"value\":1e2}]",
		 "{\"a\":1.00,\"l\":[10,20,30],\"o\":{\"x\":null,\"y\":\"t\"},\"b\":1e2}"},
		{"[{\"op\":\"replace\",\"path\":\"/a\",\"value\":0.10}]",
		 "{\"a\":0.10,\"l\":[10,20,30],\"o\":{\"x\":null,\"y\":\"t\"}}"},
		{"[{\"op\":\"add\",\"path\":\"/a\",\"value\":2},{\"op\":\"remove\",\"path\":\"/o\"}]",
		 "{\"a\":2,\"l\":[10,20,30]}"},
		{"[{\"op\":\"add\",\"path\":\"/l/1\",\"value\":{}},{\"op\":\"add\",\"path\":\"/l/-\",\"value\":[]}]",
		 "{\"a\":1.00,\"l\":[10,{},20,30,[]],\"o\":{\"x\":null,\"y\":\"t\"}}"},
		{"[{\"op\":\"move\",\"from\":\"/l/0\",\"path\":\"/l/2\"}]",
		 "{\"a\":1.00,\"l\":[20,30,10],\"o\":{\"x\":null,\"y\":\"t\"}}"},
		{"[{\"op\":\"move\",\"from\":\"/o/y\",\"path\":\"/o/y\"}]", A},
		{"[{\"op\":\"move\",\"from\":\"/o/y\",\"path\":\"/a\"}]",
		 "{\"a\":\"t\",\"l\":[10,20,30],\"o\":{\"x\":null}}"},
		{"[{\"op\":\"copy\",\"from\":\"/o\",\"path\":\"/o/x\"},{\"op\":\"remove\",\"path\":\"/o/x/y\"}]",
		 "{\"a\":1.00,\"l\":[10,20,30],\"o\":{\"x\":{\"x\":null},\"y\":\"t\"}}"},
		{"[{\"op\":\"test\",\"path\":\"/a\",\"value\":1},{\"op\":\"test\",\"path\":\"/"
		 "l\",\"value\":[1e1,20.0,30]},"
		 "{\"op\":\"test\",\"path\":\"\",\"value\":{\"o\":{\"y\":\"t\",\"x\":null},\"l\":[10,20,30],\"a\":1}}]",
		 A},
		{"[{\"op\":\"replace\",\"path\":\"\",\"value\":[1]},{\"op\":\"add\",\"path\":\"/0\",\"value\":0}]",
		 "[0,1]"},
		{"[{\"op\":\"add\",\"path\":\"/~1~0\",\"value\":1},{\"op\":\"remove\",\"path\":\"/l\"},"
		 "{\"op\":\"remove\",\"path\":\"/o\"}]",
		 "{\"a\":1.00,\"/~\":1}"},
		{"[{\"op\":\"replace\",\"path\":\"/o\",\"value\":{}},{\"op\":\"add\",\"path\":\"/o/"
		 "__proto__\",\"value\":1}]",
		 "{\"a\":1.00,\"l\":[10,20,30],\"o\":{\"__proto__\":1}}"},
	};
	struct buf out;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 1 << 20);
		struct str result = apply(&a, &out, A, cases[i].patch, &err);
		if (!str_eq(result, str_from(cases[i].result)))
			fail_msg("%s gave %.*s %s", cases[i].patch, STR_ARG(result), err.text);
		arena_done(&a);
	}
	buf_done(&out);
}

static void refusals_name_the_operation(void **state)
{
	(void)state;
	static const struct {
		const char *patch;
		enum error_code code;
		const char *says;
	} cases[] = {
		{"{}", ERR_STRUCTURE, "list of operations"},
		{"[1]", ERR_STRUCTURE, "operation 1"},
		{"[{\"path\":\"\"}]", ERR_STRUCTURE, "\"op\""},
		{"[{\"op\":\"spam\",\"path\":\"\"}]", ERR_STRUCTURE, "operation 1 (spam ): \"op\""},
		{"[{\"op\":\"add\",\"path\":\"/b\",\"value\":1},{\"op\":\"remove\",\"path\":\"/c\"}]", ERR_PATCH,
		 "operation 2 (remove /c): there is nothing"},
		{"[{\"op\":\"add\",\"path\":\"/c/d\",\"value\":1}]", ERR_PATCH, "operation 1 (add /c/d)"},
		{"[{\"op\":\"add\",\"path\":\"/a/d\",\"value\":1}]", ERR_PATCH, "no object or list"},
		{"[{\"op\":\"add\",\"path\":\"/l/4\",\"value\":1}]", ERR_PATCH, "no position"},
		{"[{\"op\":\"add\",\"path\":\"/l/01\",\"value\":1}]", ERR_PATCH, "no position"},
		{"[{\"op\":\"replace\",\"path\":\"/l/-\",\"value\":1}]", ERR_PATCH, "nothing"},
		{"[{\"op\":\"test\",\"path\":\"/o/y\",\"value\":\"secret\"}]", ERR_PATCH,
		 "operation 1 (test /o/y): the value"},
		{"[{\"op\":\"test\",\"path\":\"/l\",\"value\":[10,20]}]", ERR_PATCH, "expected"},
		{"[{\"op\":\"move\",\"from\":\"/o\",\"path\":\"/o/z\"}]", ERR_PATCH,
		 "(move /o to /o/z): a value cannot"},
		{"[{\"op\":\"copy\",\"path\":\"/o/z\"}]", ERR_STRUCTURE, "\"from\""},
		{"[{\"op\":\"add\",\"path\":\"b\",\"value\":1}]", ERR_STRUCTURE, "JSON Pointer"},
		{"[{\"op\":\"add\",\"path\":\"/~2\",\"value\":1}]", ERR_STRUCTURE, "~"},
	};
	struct buf out;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 1 << 20);
		struct str result = apply(&a, &out, A, cases[i].patch, &err);
		if (result.p || err.code != cases[i].code || !strstr(err.text, cases[i].says) ||
		    strstr(err.text, "secret"))
			fail_msg("%s: %d %s", cases[i].patch, err.code, err.text);
		arena_done(&a);
	}
	buf_done(&out);
}

/* Copying a document into itself again and again doubles it each time. */
static void growth_is_bounded(void **state)
{
	(void)state;
	static const char *const steps[] = {
		"{\"op\":\"copy\",\"from\":\"\",\"path\":\"/a\"}", /* deeper each time */
		"{\"op\":\"add\",\"path\":\"/l/-\",\"value\":1},{\"op\":\"copy\",\"from\":\"/l\",\"path\":\"/o/x\"},"
		"{\"op\":\"copy\",\"from\":\"/o\",\"path\":\"/l/-\"}",
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct arena a;
		struct buf patch, out;
		struct error err = {0};
		arena_init(&a, 64 << 20);
		buf_init(&patch, 1 << 20);
		buf_init(&out, 1 << 20);
		for (int n = 0; n < 200; n++)
			buf_printf(&patch, "%s%s", n ? "," : "[", steps[i]);
		buf_char(&patch, ']');
		buf_char(&patch, '\0');
		assert_null(apply(&a, &out, A, patch.p, &err).p);
		assert_true(err.code == ERR_LIMIT || err.code == ERR_MEMORY);
		buf_done(&patch);
		buf_done(&out);
		arena_done(&a);
	}
}

static void memory_is_bounded_by_the_arena(void **state)
{
	(void)state;
	struct arena source;
	struct error err = {0};
	arena_init(&source, 1 << 20);
	const struct json *document = json_parse(&source, S(A), 0, &err);
	const struct json *patch = json_parse(
		&source,
		S("[{\"op\":\"copy\",\"from\":\"/o\",\"path\":\"/l/1\"},{\"op\":\"remove\",\"path\":\"/l/1/x\"}]"), 0,
		&err);
	size_t cap = 64;
	for (;; cap += 64) {
		struct arena a;
		struct error failure = {0};
		arena_init(&a, cap);
		const struct json *result = patch_json(&a, document, patch, &failure);
		arena_done(&a);
		if (result)
			break;
		assert_int_equal(failure.code, ERR_MEMORY);
	}
	assert_true(cap > 1000);
	arena_done(&source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_give_exact_results),
		cmocka_unit_test(refusals_name_the_operation),
		cmocka_unit_test(growth_is_bounded),
		cmocka_unit_test(memory_is_bounded_by_the_arena),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
