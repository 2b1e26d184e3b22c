/* Server and client against each other on loopback: bodies, headers, limits, answers from another thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "http/client.h"
#include "http/server.h"

struct fixture {
	struct http_server *server;
	struct http_client *client;
	struct arena arena;
	char base[64];
};

static void answer_text(struct http_exchange *x, int status, struct str text)
{
	struct buf body;
	buf_init(&body, 64 << 20);
	buf_add(&body, text);
	const struct http_header headers[] = {{S("ETag"), S("W/\"1\"")}};
	http_respond(x, &(struct http_response){.status = status,
						.content_type = S("text/plain"),
						.headers = headers,
						.header_count = 1,
						.body = &body});
}

static void *answer_later(void *arg)
{
	usleep(20000);
	answer_text(arg, 202, S("later"));
	return NULL;
}

static void handle(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	const struct http_request *r = http_request(x);
	pthread_t thread;
	if (str_is(r->path, "/later") && pthread_create(&thread, NULL, answer_later, x) == 0) {
		pthread_detach(thread);
		return;
	}
	if (str_is(r->path, "/echo")) {
		answer_text(x, 200, r->body);
		return;
	}
	struct str seen =
		arena_printf(r->arena, "%.*s %.*s ?%.*s from %.*s accept %.*s", STR_ARG(r->method), STR_ARG(r->path),
			     STR_ARG(r->query), STR_ARG(r->address), STR_ARG(http_request_header(x, "accept")));
	answer_text(x, 200, seen);
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	answer_text(x, error_http_status(err->code), str_from(error_name(err->code)));
}

static int start(void **state)
{
	static struct fixture f;
	struct error err = {0};
	const struct http_handler handler = {.handle = handle, .refuse = refuse};
	f.server = http_server_start(&(struct http_server_options){.max_body = 100000, .threads = 2}, &handler, &err);
	f.client = http_client_new(&(struct http_client_options){.timeout_ms = 10000, .max_body = 200000}, &err);
	arena_init(&f.arena, ARENA_NO_CAP);
	if (!f.server || !f.client)
		return 1;
	snprintf(f.base, sizeof(f.base), "http://127.0.0.1:%u", http_server_port(f.server));
	*state = &f;
	return 0;
}

static int stop(void **state)
{
	struct fixture *f = *state;
	http_client_free(f->client);
	http_server_stop(f->server);
	arena_done(&f->arena);
	return 0;
}

static struct http_answer call(struct fixture *f, const char *method, const char *path, struct str body)
{
	struct http_answer answer = {0};
	struct error err = {0};
	const struct http_header accept = {S("Accept"), S("text/plain")};
	struct http_call c = {.method = str_from(method),
			      .url = arena_printf(&f->arena, "%s%s", f->base, path),
			      .headers = &accept,
			      .header_count = 1,
			      .body = body};
	assert_true(http_call(f->client, &f->arena, &c, &answer, &err));
	return answer;
}

static void request_arrives_as_sent(void **state)
{
	struct http_answer a = call(*state, "GET", "/a%20b/c%C3%A9?x=%20y&z", STR_NULL);
	assert_int_equal(a.status, 200);
	assert_true(str_is(a.body, "GET /a b/c\xC3\xA9 ?x=%20y&z from 127.0.0.1 accept text/plain"));
	assert_true(str_is(a.content_type, "text/plain"));
	assert_true(str_is(http_answer_header(&a, "etag"), "W/\"1\""));
	assert_int_equal(http_answer_header(&a, "x-request-id").n, 36);
}

static void bodies_come_through_up_to_the_limit(void **state)
{
	struct fixture *f = *state;
	char *big = arena_calloc(&f->arena, 1, 200000);
	memset(big, 'x', 200000);
	struct http_answer a = call(f, "POST", "/echo", str_make(big, 100000));
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body.n, 100000);
	a = call(f, "POST", "/echo", str_make(big, 100001));
	assert_int_equal(a.status, 413);
	assert_true(str_is(a.body, "TOO_LARGE"));
	a = call(f, "PUT", "/echo", S(""));
	assert_int_equal(a.body.n, 0);
}

static void strange_paths_are_refused(void **state)
{
	static const char *const paths[] = {"/a//b", "/a/%2e%2e/b", "/%zz", "/%00", "/%FF"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(call(*state, "GET", paths[i], STR_NULL).status, 400);
}

static void answers_may_come_later(void **state)
{
	for (int i = 0; i < 20; i++) {
		struct http_answer a = call(*state, "GET", "/later", STR_NULL);
		assert_int_equal(a.status, 202);
		assert_true(str_is(a.body, "later"));
	}
}

static void head_has_no_body(void **state)
{
	struct http_answer a = call(*state, "HEAD", "/x", STR_NULL);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body.n, 0);
}

static void client_failures_name_the_host_only(void **state)
{
	struct fixture *f = *state;
	struct http_answer a;
	struct error err = {0};
	struct http_call c = {.method = S("GET"), .url = S("http://127.0.0.1:1/Patient?name=Secret")};
	assert_false(http_call(f->client, &f->arena, &c, &a, &err));
	assert_int_equal(err.code, ERR_NETWORK);
	assert_non_null(strstr(err.text, "http://127.0.0.1:1"));
	assert_null(strstr(err.text, "Secret"));
	error_clear(&err);
	c.url = S("file:///etc/passwd");
	assert_false(http_call(f->client, &f->arena, &c, &a, &err));
	assert_int_equal(err.code, ERR_VALUE);
}

static void answers_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct http_answer a;
	struct http_client *small = http_client_new(&(struct http_client_options){.max_body = 10}, &err);
	struct http_call c = {.method = S("GET"), .url = arena_printf(&f->arena, "%s/long", f->base)};
	assert_false(http_call(small, &f->arena, &c, &a, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	http_client_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_arrives_as_sent),   cmocka_unit_test(bodies_come_through_up_to_the_limit),
		cmocka_unit_test(strange_paths_are_refused), cmocka_unit_test(answers_may_come_later),
		cmocka_unit_test(head_has_no_body),	     cmocka_unit_test(client_failures_name_the_host_only),
		cmocka_unit_test(answers_are_bounded),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
