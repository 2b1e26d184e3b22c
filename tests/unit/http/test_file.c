/* Answers whose body is a file: whole, in every coding, as often as asked, and none when it is shorter than said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "http/client.h"

enum { SIZE = 5 * 1000 * 1000 };

struct fixture {
	char path[40];
	char *bytes;
	uint64_t told; /* size that the server says */
	struct http_server *server;
	struct http_client *client;
	struct arena arena;
};

static void handle(void *ctx, struct http_exchange *x)
{
	struct fixture *f = ctx;
	char copy[sizeof(f->path)];
	memcpy(copy, f->path, sizeof(copy));
	FILE *file = fopen(copy, "rb");
	const struct http_sent_file sent = {dup(fileno(file)), f->told};
	fclose(file);
	http_respond(
		x, &(struct http_response){.status = 200, .content_type = S("application/fhir+ndjson"), .file = &sent});
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	(void)err;
	http_respond(x, &(struct http_response){.status = 400});
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = {0};
	memcpy(f->path, "/tmp/firth-file-XXXXXX", 23);
	int fd = mkstemp(f->path);
	f->bytes = malloc(SIZE);
	uint32_t seed = 7;
	for (size_t i = 0; i < SIZE; i++) {
		seed = seed * 1664525 + 1013904223;
		f->bytes[i] = i % 97 == 96 ? '\n' : (char)('a' + (seed >> 24) % (i % 3 ? 3 : 26));
	}
	assert_int_equal(write(fd, f->bytes, SIZE), SIZE);
	close(fd);
	f->told = SIZE;
	arena_init(&f->arena, (size_t)256 << 20);
	f->server = http_server_start(&(struct http_server_options){.threads = 1},
				      &(struct http_handler){.handle = handle, .refuse = refuse, .ctx = f}, &err);
	f->client = http_client_new(NULL, &err);
	assert_true(f->server && f->client);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	http_client_free(f->client);
	http_server_stop(f->server);
	unlink(f->path);
	arena_done(&f->arena);
	free(f->bytes);
	free(f);
	return 0;
}

static bool ask(struct fixture *f, const char *method, const char *accept, struct http_answer *answer)
{
	struct error err = {0};
	const struct http_header header = {S("Accept-Encoding"), str_from(accept)};
	const struct http_call call = {
		.method = str_from(method),
		.url = arena_printf(&f->arena, "http://127.0.0.1:%u/file", http_server_port(f->server)),
		.headers = &header,
		.header_count = 1};
	return http_call(f->client, &f->arena, &call, answer, &err);
}

static void files_come_whole_in_every_coding(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *accept, *coding;
	} cases[] = {{"identity", NULL}, {"gzip", "gzip"}, {"gzip, zstd", "zstd"}, {"br", NULL}, {"gzip;q=0", NULL}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_answer answer;
		assert_true(ask(f, "GET", cases[i].accept, &answer));
		assert_int_equal(answer.status, 200);
		assert_int_equal(answer.body.n, SIZE);
		assert_memory_equal(answer.body.p, f->bytes, SIZE);
		struct str coding = http_answer_header(&answer, "Content-Encoding");
		assert_true(cases[i].coding ? str_is(coding, cases[i].coding) : !coding.p);
		assert_true(str_is(http_answer_header(&answer, "Vary"), "Accept-Encoding"));
		arena_reset(&f->arena);
	}
}

static void head_has_no_body(void **state)
{
	struct fixture *f = *state;
	struct http_answer answer;
	assert_true(ask(f, "HEAD", "identity", &answer));
	assert_int_equal(answer.body.n, 0);
	assert_true(str_is(http_answer_header(&answer, "Content-Length"), "5000000"));
}

/* Never half a file that looks like a whole one. */
static void a_shorter_file_breaks_off(void **state)
{
	struct fixture *f = *state;
	struct http_answer answer;
	f->told = SIZE + 1;
	assert_false(ask(f, "GET", "gzip", &answer));
	f->told = SIZE;
	assert_true(ask(f, "GET", "gzip", &answer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_come_whole_in_every_coding, setup, teardown),
		cmocka_unit_test_setup_teardown(head_has_no_body, setup, teardown),
		cmocka_unit_test_setup_teardown(a_shorter_file_breaks_off, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
