/* See raw.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "raw.h"

int raw_connect(uint16_t port)
{
	const struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval patience = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

void raw_send(int fd, struct str text)
{
	while (text.n) {
		ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);
		if (n <= 0)
			return; /* the peer may have closed: what it said first is what counts */
		text = str_slice(text, (size_t)n, text.n);
	}
}

struct str raw_read(struct arena *a, int fd, size_t enough)
{
	const size_t most = 1024 * 1024;
	char *p = arena_alloc(a, most);
	size_t have = 0;
	assert_non_null(p);
	while (have < most && (!enough || have < enough)) {
		ssize_t n = recv(fd, p + have, (enough ? enough : most) - have, 0);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	return str_make(p, have);
}

struct str raw_read_answer(struct arena *a, int fd)
{
	const size_t most = 64 * 1024;
	char *p = arena_alloc(a, most);
	size_t have = 0, whole = most;
	assert_non_null(p);
	while (have < whole) {
		/* Byte by byte up to the end of the head, so as not to eat the next answer. */
		ssize_t n = recv(fd, p + have, whole == most ? 1 : whole - have, 0);
		if (n <= 0)
			break;
		have += (size_t)n;
		size_t length = str_find(str_make(p, have), S("Content-Length: "));
		if (whole == most && str_ends(str_make(p, have), S("\r\n\r\n")))
			whole = have + (length == STR_NONE ? 0 : (size_t)strtoul(p + length + 16, NULL, 10));
	}
	return str_make(p, have);
}

struct str raw_ask(struct arena *a, uint16_t port, struct str request)
{
	int fd = raw_connect(port);
	raw_send(fd, request);
	struct str answer = raw_read_answer(a, fd);
	close(fd);
	return answer;
}

int raw_status(struct str answer)
{
	uint64_t status = 0;
	if (!str_starts(answer, S("HTTP/1.1 ")) || !str_to_u64(str_slice(answer, 9, 12), &status))
		return 0;
	return (int)status;
}

bool raw_has(struct str answer, const char *part)
{
	return str_find(answer, str_from(part)) != STR_NONE;
}

void mirror_handle(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	const struct http_request *r = http_request(x);
	struct str add = http_request_header(x, "X-Add");
	const struct http_header extra = {S("X-Added"), add};
	struct buf body;
	buf_init(&body, 1024 * 1024);
	buf_printf(&body, "%.*s %.*s?%.*s %zu %.*s", STR_ARG(r->method), STR_ARG(r->path), STR_ARG(r->query), r->body.n,
		   STR_ARG(str_slice(r->body, 0, 64)));
	http_respond(x, &(struct http_response){.status = 200,
						.content_type = S("text/plain"),
						.headers = &extra,
						.header_count = add.p ? 1 : 0,
						.body = &body});
}

void mirror_refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	struct buf body;
	buf_init(&body, 1024);
	buf_add(&body, str_from(err->text));
	http_respond(x, &(struct http_response){.status = error_http_status(err->code),
						.content_type = S("text/plain"),
						.body = &body});
}
