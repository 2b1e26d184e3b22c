/* Recordings on disk: whole after each entry, torn ones mended, limits, modes, and what comes back from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "record/record_priv.h"

static char path[64];

static int setup(void **state)
{
	(void)state;
	strncpy(path, "/tmp/firth-har-XXXXXX", sizeof(path) - 1);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static struct record *begin(struct record_options options)
{
	struct error err = {0};
	options.path = str_from(path);
	options.replace = true;
	options.definitions = definitions_builtin();
	struct record *r = record_open(&options, &err);
	if (!r)
		fail_msg("%s", err.text);
	return r;
}

static void add(struct record *r, const char *url, int status, const char *type, struct str body)
{
	struct error err = {0};
	const struct http_header sent[] = {{S("Authorization"), S("Bearer SECRET")}, {S("Accept"), S("*/*")}};
	struct http_header got[] = {{S("ETag"), S("W/\"1\"")}, {S("Content-Length"), S("77")}};
	const struct http_answer answer = {
		.status = status, .content_type = str_from(type), .body = body, .headers = got, .header_count = 2};
	const struct record_exchange x = {.method = S("GET"),
					  .url = str_from(url),
					  .headers = sent,
					  .header_count = 2,
					  .answer = status ? &answer : NULL,
					  .failure = S("nobody there"),
					  .started_ms = 1700000000000};
	if (!record_add(r, &x, &err))
		fail_msg("%s", err.text);
}

static struct str content(struct arena *a)
{
	struct str text;
	struct error err = {0};
	assert_true(file_read(a, str_from(path), 1 << 30, &text, &err));
	return text;
}

static void read_it(struct arena *a, struct str text, struct recording *ret)
{
	struct error err = {0};
	if (!record_read(a, text, ret, &err))
		fail_msg("%s", err.text);
}

static void test_whole(void **state)
{
	(void)state;
	struct arena a;
	struct recording back;
	struct stat st;
	arena_init(&a, ARENA_NO_CAP);
	struct record *r = begin((struct record_options){0});
	read_it(&a, content(&a), &back);
	assert_int_equal(back.count, 0);
	for (int i = 1; i <= 3; i++) {
		add(r, "https://e/Patient/p", 200, "application/fhir+json",
		    S("{\"resourceType\":\"Patient\",\"id\":\"p\"}"));
		read_it(&a, content(&a), &back);
		assert_int_equal(back.count, i);
		assert_false(back.repaired);
	}
	add(r, "https://e/Patient/p", 0, "", S(""));
	record_close(r);
	assert_int_equal(stat(path, &st), 0);
	struct str text = content(&a);
	read_it(&a, text, &back);
	assert_int_equal(back.count, 3);
	assert_int_equal(back.skipped, 1);
	assert_true(str_is(back.entries[0].url, "https://e/Patient/id-1"));
	assert_true(str_is(back.entries[0].answer, "{\"resourceType\":\"Patient\",\"id\":\"id-1\"}"));
	assert_int_equal(back.entries[0].header_count, 1); /* without the length of another body */
	assert_int_equal(str_find(text, S("SECRET")), STR_NONE);
	assert_int_not_equal(str_find(text, S("nobody there")), STR_NONE);
	arena_done(&a);
}

/* Cut at each byte: what was complete before stays. */
static void test_torn(void **state)
{
	(void)state;
	struct arena a;
	struct recording back;
	arena_init(&a, ARENA_NO_CAP);
	struct record *r = begin((struct record_options){.unmasked = true});
	add(r, "https://e/1", 200, "application/json", S("{\"a\":\n1}"));
	add(r, "https://e/2", 200, "application/json", S("{}"));
	size_t before = content(&a).n;
	add(r, "https://e/3", 200, "application/json", S("[1,2,3]"));
	record_close(r);
	struct str text = content(&a);
	for (size_t n = before; n < text.n; n++) {
		read_it(&a, str_slice(text, 0, n), &back);
		/* The last two bytes are line ends and closing brackets of the document. */
		assert_true(back.count == 2 || (back.count == 3 && n + 6 >= text.n));
		assert_true(back.repaired || n + 1 == text.n);
		if (back.repaired) {
			struct recording again;
			read_it(&a, back.whole, &again);
			assert_int_equal(again.count, back.count);
			assert_false(again.repaired);
		}
	}
	arena_done(&a);
}

static void test_limits(void **state)
{
	(void)state;
	struct arena a;
	struct recording back;
	struct record_counts n;
	arena_init(&a, ARENA_NO_CAP);
	struct record *r = begin((struct record_options){.unmasked = true, .max_body = 10, .max_file = 3000});
	add(r, "https://e/1", 200, "application/json", S("[1,2,3,4,5,6]"));
	for (int i = 0; i < 5; i++)
		add(r, "https://e/2", 200, "application/json", S("[1]"));
	record_count(r, &n);
	record_close(r);
	assert_int_equal(n.bodies_left_out, 1);
	assert_true(n.entries_left_out >= 1);
	assert_int_equal(n.entries + n.entries_left_out, 6);
	struct str text = content(&a);
	assert_true(text.n <= 3000 && text.n == n.bytes);
	read_it(&a, text, &back);
	assert_int_equal(back.count, n.entries);
	assert_true(back.entries[0].answer_missing);
	arena_done(&a);
}

static void test_bytes(void **state)
{
	(void)state;
	struct arena a;
	struct recording back;
	arena_init(&a, ARENA_NO_CAP);
	struct record *r = begin((struct record_options){.unmasked = true});
	struct str bytes = str_make("\xff\x00\x01\"", 4);
	add(r, "https://e/1", 200, "application/octet-stream", bytes);
	record_close(r);
	read_it(&a, content(&a), &back);
	assert_true(str_eq(back.entries[0].answer, bytes));
	assert_int_equal(back.entries[0].header_count, 2);
	arena_done(&a);
}

static void test_files(void **state)
{
	(void)state;
	struct error err = {0};
	struct stat st;
	struct record_options options = {.path = str_from(path), .definitions = definitions_builtin()};
	assert_int_equal(chmod(path, 0644), 0);
	assert_null(record_open(&options, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	record_close(begin((struct record_options){0}));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	unlink(path);
	assert_int_equal(symlink("/nonexistent/x", path), 0);
	error_clear(&err);
	options.replace = true;
	assert_null(record_open(&options, &err));
}

/* As a browser writes it: pseudo headers, parameters without text, data addresses, requests that were blocked. */
static void test_browser(void **state)
{
	(void)state;
	struct arena a;
	struct recording back;
	arena_init(&a, ARENA_NO_CAP);
	static const char text[] =
		"{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"WebInspector\",\"version\":\"537.36\"},"
		"\"pages\":[],"
		"\"entries\":[{\"_initiator\":{\"type\":\"script\"},\"request\":{\"method\":\"GET\",\"url\":\"https://"
		"e/r4/"
		"Patient/1\",\"httpVersion\":\"http/"
		"2.0\",\"headers\":[{\"name\":\":authority\",\"value\":\"e\"}]},\"response\":{"
		"\"status\":200,\"headers\":[{\"name\":\":status\",\"value\":\"200\"},{\"name\":\"etag\",\"value\":\"W/"
		"1\"}],\"content\":{\"size\":2,\"mimeType\":\"application/"
		"json\",\"text\":\"e30=\",\"encoding\":\"base64\"}}},"
		"{\"request\":{\"method\":\"GET\",\"url\":\"data:image/png;base64,AA\"},\"response\":{\"status\":200}},"
		"{\"request\":{\"method\":\"GET\",\"url\":\"https://e/"
		"x\"},\"response\":{\"status\":0,\"_error\":\"net::ERR\"}},"
		"{\"request\":{\"method\":\"POST\",\"url\":\"https://e/"
		"token\",\"postData\":{\"mimeType\":\"application/"
		"x-www-form-urlencoded\",\"params\":[{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"b\",\"value\":\"2%"
		"20\"}]}},"
		"\"response\":{\"status\":204,\"content\":{\"size\":0,\"mimeType\":\"x-unknown\"}}},"
		"{\"request\":{\"method\":\"GET\",\"url\":\"https://e/"
		"big\"},\"response\":{\"status\":200,\"content\":{\"size\":"
		"99,\"mimeType\":\"text/html\"}}}]}}";
	read_it(&a, str_from(text), &back);
	assert_int_equal(back.count, 3);
	assert_int_equal(back.skipped, 2);
	assert_true(str_is(back.entries[0].answer, "{}"));
	assert_int_equal(back.entries[0].header_count, 1);
	assert_true(str_is(back.entries[1].body, "a=1&b=2%20"));
	assert_false(back.entries[1].answer_missing);
	assert_true(back.entries[2].answer_missing);
	arena_done(&a);
}

static void test_refused(void **state)
{
	(void)state;
	struct arena a;
	struct recording back;
	struct error err = {0};
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{\"log\":{}}",
		"{\"log\":{\"entries\":5}}",
		"no\njson\nat all\n",
		"{\"log\":{\"entries\":[{\"request\":{\"method\":\"GET\",\"url\":\"http://"
		"e/\"},\"response\":{\"status\":200,\"content\":{\"text\":\"%\",\"encoding\":"
		"\"base64\"}}}]}}"};
	arena_init(&a, ARENA_NO_CAP);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		error_clear(&err);
		assert_false(record_read(&a, str_from(texts[i]), &back, &err));
		assert_int_not_equal(err.code, ERR_NONE);
	}
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_browser, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
