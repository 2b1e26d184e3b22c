/* Packed answers and bodies, bodies in files, and the limits that keep many or slow clients from taking all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "http/coding_priv.h"
#include "raw.h"

enum { MAX_BODY = 100000, LARGE = 20000 };

struct fixture {
	struct http_server *server;
	struct arena arena;
	_Atomic(struct http_exchange *) held; /* of /hold */
};

/* A text that packs well, with an ETag; "/small" is below the threshold, "/file" tells of a body in a file. */
static void handle(void *ctx, struct http_exchange *x)
{
	struct fixture *f = ctx;
	const struct http_request *r = http_request(x);
	const struct http_header etag = {S("ETag"), S("\"1\"")};
	struct buf body;
	if (str_is(r->path, "/hold")) {
		f->held = x;
		return;
	}
	buf_init(&body, MAX_BODY);
	if (str_is(r->path, "/file")) {
		char start[9] = {0};
		assert_int_equal(read(r->file, start, 8), 8);
		buf_printf(&body, "file %llu %s body %zu", (unsigned long long)r->file_bytes, start, r->body.n);
	} else if (str_is(r->method, "POST")) {
		buf_printf(&body, "POST %zu %.8s", r->body.n, r->body.p);
	} else {
		for (int i = 0; i < (str_is(r->path, "/small") ? 10 : LARGE); i++)
			buf_char(&body, "abcdefgh"[i % 8]);
	}
	http_respond(x, &(struct http_response){.status = 200,
						.content_type = str_is(r->path, "/binary") ? S("image/png")
											   : S("application/json"),
						.headers = &etag,
						.header_count = 1,
						.body = &body});
}

static bool expect(void *ctx, struct http_exchange *x, struct http_expectation *e, struct error *err)
{
	(void)ctx;
	if (str_is(http_request(x)->path, "/forbidden"))
		return error_set(err, ERR_FORBIDDEN, "not you");
	e->to_file = str_is(http_request(x)->path, "/file");
	if (e->to_file)
		e->max_body = 10 * MAX_BODY;
	return true;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = {0};
	arena_init(&f->arena, 512 * 1024 * 1024);
	const struct http_server_options options = {
		.threads = 1, .max_body = MAX_BODY, .max_requests = 1, .idle_timeout_s = 30, .transfer_timeout_s = 1};
	f->server = http_server_start(
		&options, &(struct http_handler){.handle = handle, .refuse = mirror_refuse, .expect = expect, .ctx = f},
		&err);
	if (!f->server)
		fail_msg("%s", err.text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	http_server_stop(f->server);
	arena_done(&f->arena);
	free(f);
	return 0;
}

static void wishes_are_understood(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		enum coding coding;
	} cases[] = {
		{"gzip", CODING_GZIP},
		{"gzip, deflate, br, zstd", CODING_ZSTD},
		{"gzip;q=1.0, zstd;q=0.5", CODING_GZIP},
		{"GZIP ; q=0.001", CODING_GZIP},
		{"gzip;q=0", CODING_IDENTITY},
		{"gzip;q=0, *", CODING_IDENTITY},
		{"*", CODING_GZIP},
		{"identity, gzip;q=0.5", CODING_IDENTITY},
		{"identity;q=0.5, gzip", CODING_GZIP},
		{"br", CODING_IDENTITY},
		{"gzip;q=x", CODING_IDENTITY},
		{"", CODING_IDENTITY},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (coding_choose(str_from(cases[i].header)) != cases[i].coding)
			fail_msg("%s", cases[i].header);
	assert_int_equal(coding_choose(STR_NULL), CODING_IDENTITY);
	assert_int_equal(http_quality(S("0.25")), 250);
	assert_int_equal(http_quality(S("1.001")), -1);
}

static struct str get(struct fixture *f, const char *path, const char *accept)
{
	struct str request = arena_printf(&f->arena, "GET %s HTTP/1.1\r\nHost: x\r\n%s%s\r\n\r\n", path,
					  accept ? "Accept-Encoding: " : "X: y", accept ? accept : "");
	return raw_ask(&f->arena, http_server_port(f->server), request);
}

static struct str body_of(struct str answer)
{
	size_t at = str_find(answer, S("\r\n\r\n"));
	assert_true(at != STR_NONE);
	return str_slice(answer, at + 4, answer.n);
}

static void unpack(enum coding coding, struct str packed, struct buf *out)
{
	struct error err = {0};
	struct unpacker *u = unpacker_new(coding, MAX_BODY, "limits.body", &err);
	assert_non_null(u);
	/* Byte by byte: pieces may be cut anywhere. */
	for (size_t i = 0; i < packed.n; i++)
		assert_true(unpacker_feed(u, str_slice(packed, i, i + 1), out, &err));
	assert_true(unpacker_end(u, &err));
	unpacker_free(u);
}

static void answers_are_packed_when_wanted_and_worth_it(void **state)
{
	struct fixture *f = *state;
	for (enum coding c = CODING_GZIP; c <= CODING_ZSTD; c++) {
		struct str a = get(f, "/large", coding_name(c));
		struct buf text;
		buf_init(&text, MAX_BODY * 2);
		assert_true(raw_has(a, coding_name(c)) && raw_has(a, "Content-Encoding: "));
		assert_true(raw_has(a, "Vary: Accept-Encoding\r\n"));
		assert_true(raw_has(a, "ETag: W/\"1\"\r\n"));
		assert_true(body_of(a).n < LARGE / 10);
		unpack(c, body_of(a), &text);
		assert_int_equal(text.n, LARGE);
		assert_memory_equal(text.p, "abcdefghabcdefgh", 16);
		buf_done(&text);
	}
	struct str plain = get(f, "/large", NULL);
	assert_true(raw_has(plain, "Vary: Accept-Encoding\r\n") && !raw_has(plain, "Content-Encoding"));
	assert_int_equal(body_of(plain).n, LARGE);
	struct str small = get(f, "/small", "gzip");
	assert_true(!raw_has(small, "Vary") && !raw_has(small, "Content-Encoding") && raw_has(small, "ETag: \"1\""));
	assert_false(raw_has(get(f, "/binary", "gzip"), "Content-Encoding"));
}

static struct str pack(struct fixture *f, enum coding coding, size_t size)
{
	struct coders coders;
	struct buf out;
	char *text = arena_calloc(&f->arena, 1, size);
	memset(text, 'z', size);
	coders_init(&coders);
	buf_init(&out, size);
	assert_true(coders_pack(&coders, coding, str_make(text, size), &out));
	struct str copy = arena_str(&f->arena, buf_str(&out));
	buf_done(&out);
	coders_done(&coders);
	return copy;
}

static struct str post(struct fixture *f, const char *path, const char *coding, struct str body)
{
	int fd = raw_connect(http_server_port(f->server));
	raw_send(fd, arena_printf(&f->arena,
				  "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: "
				  "%s\r\nContent-Length: %zu\r\n\r\n",
				  path, coding, body.n));
	raw_send(fd, body);
	struct str a = raw_read(&f->arena, fd, 0);
	close(fd);
	return a;
}

static void packed_bodies_are_unpacked_within_the_limit(void **state)
{
	struct fixture *f = *state;
	for (enum coding c = CODING_GZIP; c <= CODING_ZSTD; c++) {
		const char *name = coding_name(c);
		struct str good = pack(f, c, MAX_BODY), bomb = pack(f, c, MAX_BODY + 1);
		assert_true(raw_has(post(f, "/", name, good), "POST 100000 zzzzzzzz"));
		struct str a = post(f, "/", name, bomb);
		assert_int_equal(raw_status(a), 413);
		assert_true(raw_has(a, "limits.body"));
		bomb = pack(f, c, 60 << 20);
		assert_int_equal(raw_status(post(f, "/", name, bomb)), 413);
		assert_int_equal(raw_status(post(f, "/", name, str_slice(good, 0, good.n - 3))), 400);
		assert_int_equal(raw_status(post(f, "/", name, S("this is not packed at all"))), 400);
		assert_true(raw_has(post(f, "/file", name, bomb), "1000000"));
		assert_true(raw_has(post(f, "/file", name, pack(f, c, 900000)), "file 900000 zzzzzzzz body 0"));
	}
	assert_int_equal(raw_status(post(f, "/", "br", S("x"))), 415);
	assert_true(raw_has(post(f, "/", "identity", S("12345678")), "POST 8 12345678"));
}

static void the_handler_decides_before_the_body_comes(void **state)
{
	struct fixture *f = *state;
	struct str large = str_make(arena_calloc(&f->arena, 1, 500000), 500000);
	assert_true(raw_has(post(f, "/file", "identity", large), "file 500000 "));
	assert_int_equal(raw_status(post(f, "/forbidden", "identity", large)), 403);
}

static void too_many_requests_are_turned_away(void **state)
{
	struct fixture *f = *state;
	int holding = raw_connect(http_server_port(f->server)), other = raw_connect(http_server_port(f->server));
	raw_send(holding, S("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
	while (!atomic_load(&f->held))
		usleep(1000);
	raw_send(other, S("GET /small HTTP/1.1\r\nHost: x\r\n\r\n"));
	struct str a = raw_read_answer(&f->arena, other);
	assert_int_equal(raw_status(a), 503);
	assert_true(raw_has(a, "limits.requests"));
	http_respond(f->held, &(struct http_response){.status = 200});
	assert_int_equal(raw_status(raw_read_answer(&f->arena, holding)), 200);
	usleep(20000);
	/* The connection that was turned away is as good as before. */
	raw_send(other, S("GET /small HTTP/1.1\r\nHost: x\r\n\r\n"));
	assert_int_equal(raw_status(raw_read_answer(&f->arena, other)), 200);
	close(holding);
	close(other);
}

static void trickling_clients_are_cut_off(void **state)
{
	struct fixture *f = *state;
	int body = raw_connect(http_server_port(f->server)), header = raw_connect(http_server_port(f->server));
	raw_send(body, S("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"));
	raw_send(header, S("GET / HTTP/1.1\r\n"));
	for (int i = 0; i < 25; i++) {
		raw_send(body, S("a"));
		raw_send(header, S("A: b\r\n"));
		usleep(100000);
	}
	assert_int_equal(raw_read(&f->arena, body, 0).n, 0);
	assert_int_equal(raw_read(&f->arena, header, 0).n, 0);
	close(body);
	close(header);
}

/* ---- exchanges without a connection ----------------------------------------------------------------------------- */

static int ended;

static void count_end(void *arg)
{
	ended += *(int *)arg;
}

static void take_answer(void *ctx, const struct http_response *response)
{
	struct buf *out = ctx;
	buf_printf(out, "%d %.*s", response->status, STR_ARG(buf_str(response->body)));
}

static void exchanges_can_stand_apart(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct buf out;
	int one = 1;
	buf_init(&out, 1000);
	const struct http_header header = {S("Accept"), S("x/y")};
	struct http_exchange *x = http_exchange_apart(
		&(struct http_apart){
			.request = {.method = S("POST"), .path = S("/"), .body = S("12345678"), .file = -1},
			.headers = &header,
			.header_count = 1,
			.answered = take_answer,
			.ctx = &out},
		&err);
	assert_non_null(x);
	assert_true(str_is(http_request_header(x, "accept"), "x/y"));
	assert_null(http_request_header(x, "Host").p);
	assert_true(http_exchange_at_end(x, count_end, &one));
	handle(f, x);
	assert_true(str_is(buf_str(&out), "200 POST 8 12345678"));
	assert_int_equal(ended, 1);
	buf_done(&out);
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wishes_are_understood),
		WITH_SERVER(answers_are_packed_when_wanted_and_worth_it),
		WITH_SERVER(packed_bodies_are_unpacked_within_the_limit),
		WITH_SERVER(the_handler_decides_before_the_body_comes),
		WITH_SERVER(too_many_requests_are_turned_away),
		WITH_SERVER(trickling_clients_are_cut_off),
		WITH_SERVER(exchanges_can_stand_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
