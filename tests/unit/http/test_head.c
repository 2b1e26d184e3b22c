/* Heads of requests: what libmicrohttpd will take, what it would refuse, and what must be waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "http/head_priv.h"

enum { ROOM = 16 * 1024 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define END	 "Host: x\r\n\r\n"

static void heads_are_judged(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum head_state state;
		enum error_code code;
	} cases[] = {
		{"GET / HTTP/1.1\r\n" END, HEAD_GOOD, 0},
		{"GET / HTTP/1.1\nHost: x\n\n", HEAD_GOOD, 0},
		{"\r\nGET / HTTP/1.1\r\n" END, HEAD_GOOD, 0},
		{"GET / HTTP/1.0\r\n\r\n", HEAD_GOOD, 0},
		{"POST / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 5\r\n" END "hello", HEAD_GOOD, 0},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n" END, HEAD_GOOD, 0},
		{"GET / HTTP/1.1\r\nX: a\r\n\tb\r\n" END, HEAD_GOOD, 0},
		{"GET / HTTP/1.1\r\nX: \xC3\xA9\r\n" END, HEAD_GOOD, 0},
		{"OPTIONS * HTTP/1.1\r\n" END, HEAD_GOOD, 0},
		{"", HEAD_PARTIAL, 0},
		{"\r\n", HEAD_PARTIAL, 0},
		{"GE", HEAD_PARTIAL, 0},
		{"GET / HTTP/1.1\r\nHost: x\r\n", HEAD_PARTIAL, 0},
		{"GET / HTTP/1.1\r\nHost: x\r\n\r", HEAD_PARTIAL, 0},
		{"GET / HTTP/1.1\r\nX-Half", HEAD_PARTIAL, 0},
		{"GET / HTTP/1.1\r\n\r\n", HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1\r\nHost: y\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET /\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET  / HTTP/1.1\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / x HTTP/1.1\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET /\t HTTP/1.1\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1 \r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / http/1.1\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/11\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/2.0\r\n" END, HEAD_BAD, ERR_HTTP_VERSION},
		{"GET / HTTP/1.2\r\n" END, HEAD_BAD, ERR_HTTP_VERSION},
		{"G@T / HTTP/1.1\r\n" END, HEAD_BAD, ERR_VALUE},
		{"\x16\x03\x01", HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1\r\nX\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1\r\nX : y\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1\r\n: y\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1\r\n x: y\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1\r\nX: a\rb\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1\r\nX: a\x7F\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1\r\nContent-Length: \r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1\r\nContent-Length: -1\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" END, HEAD_BAD, ERR_VALUE},
		{"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" END, HEAD_BAD, ERR_VALUE},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct head head;
		struct error err = {0};
		enum head_state got = head_look(str_from(cases[i].text), ROOM, &head, &err);
		if (got != cases[i].state || err.code != cases[i].code)
			fail_msg("%zu %s: %d %s", i, cases[i].text, got, err.text);
	}
	struct head head;
	struct error err = {0};
	assert_int_equal(head_look(S("GET / HTTP/1.1\r\nX: a\0b\r\n" END), ROOM, &head, &err), HEAD_BAD);
}

static void what_is_known_is_told(void **state)
{
	(void)state;
	struct head head;
	struct error err = {0};
	assert_int_equal(head_look(S("PUT /fhir/Patient/1 HTTP/1.1\r\n\r\n"), ROOM, &head, &err), HEAD_BAD);
	assert_true(str_is(head.method, "PUT") && str_is(head.target, "/fhir/Patient/1"));
}

/* A part that is repeated until it is too much: by its bytes, and by libmicrohttpd's notes about it. */
static void much_is_too_much(void **state)
{
	(void)state;
	static const struct {
		const char *before, *part, *after;
		enum error_code code;
		size_t least, most; /* parts that may be */
	} cases[] = {
		{"GET /", "x", " HTTP/1.1\r\n" END, ERR_URI_TOO_LONG, 14000, 16000},
		{"GET /?x", "&x", " HTTP/1.1\r\n" END, ERR_URI_TOO_LONG, 150, 300},
		{"GET / HTTP/1.1\r\nX: ", "x", "\r\n" END, ERR_HEADER_TOO_LONG, 14000, 16000},
		{"GET / HTTP/1.1\r\n", "X: y\r\n", END, ERR_HEADER_TOO_LONG, 150, 300},
		{"GET / HTTP/1.1\r\nCookie: a=b", ";a=b", "\r\n" END, ERR_HEADER_TOO_LONG, 150, 300},
	};
	static char text[64 * 1024];
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t most = 0;
		for (size_t n = 1; n < 16384; n++) {
			size_t at = (size_t)snprintf(text, sizeof(text), "%s", cases[i].before), step;
			step = strlen(cases[i].part);
			if (at + n * step + 100 > sizeof(text))
				break;
			for (size_t k = 0; k < n; k++, at += step)
				memcpy(text + at, cases[i].part, step);
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", cases[i].after);
			struct head head;
			struct error err = {0};
			enum head_state got = head_look(str_make(text, at), ROOM, &head, &err);
			if (got == HEAD_GOOD) {
				most = n;
				continue;
			}
			assert_int_equal(got, HEAD_BAD);
			assert_int_equal(err.code, cases[i].code);
			n += n / 4; /* and a few beyond */
		}
		if (most < cases[i].least || most > cases[i].most)
			fail_msg("%s...: %zu", cases[i].before, most);
	}
	/* Without an end, too. */
	memset(text, 'x', sizeof(text));
	memcpy(text, "GET /", 5);
	struct head head;
	struct error err = {0};
	assert_int_equal(head_look(str_make(text, ROOM), ROOM, &head, &err), HEAD_BAD);
	assert_int_equal(err.code, ERR_URI_TOO_LONG);
	assert_true(str_is(head.method, "GET"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_judged),
		cmocka_unit_test(what_is_known_is_told),
		cmocka_unit_test(much_is_too_much),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
