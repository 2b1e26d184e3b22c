/*
 * The small authorization server as a program, for tests of the commands: authority PORT-FILE [LIFETIME]. The person
 * agrees at once: /authorize redirects with a code. GET /_seen tells how often what was asked; GET /_set?NAME makes it
 * behave otherwise (no_refresh, scope, fail, reset).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "authority.h"
#include "base/clock.h"
#include "base/file.h"
#include "http/server.h"

static struct authority x;

static void respond(struct http_exchange *e, int status, struct str type, struct str text, struct str location)
{
	const struct http_header header = {S("Location"), location};
	struct buf body;
	buf_init(&body, 1 << 20);
	buf_add(&body, text);
	http_respond(e, &(struct http_response){.status = status,
						.content_type = type,
						.headers = &header,
						.header_count = location.n ? 1 : 0,
						.body = &body});
	buf_done(&body);
}

static void authorize(struct http_exchange *e)
{
	const struct http_request *r = http_request(e);
	struct str redirect = authority_parameter(r->arena, r->query, "redirect_uri");
	struct str state = authority_parameter(r->arena, r->query, "state");
	struct str to;
	if (x.fail) {
		x.fail = 0;
		to = arena_printf(r->arena, "%.*s?error=access_denied&error_description=not+today&state=%.*s&iss=%s",
				  STR_ARG(redirect), STR_ARG(state), x.issuer_url);
	} else {
		struct str url = arena_printf(r->arena, "%s/authorize?%.*s", x.issuer_url, STR_ARG(r->query));
		struct str answer = authority_agree(&x, r->arena, url);
		to = arena_printf(r->arena, "%.*s?%.*s", STR_ARG(redirect), STR_ARG(answer));
	}
	respond(e, 302, S(""), S(""), to);
}

static void set(struct str what)
{
	x.no_refresh = str_is(what, "no_refresh");
	x.scope = str_is(what, "scope") ? "openid patient/Patient.r" : NULL;
	x.fail = str_is(what, "fail");
	if (str_is(what, "revoked"))
		x.family_ended = true;
}

static void handle(void *ctx, struct http_exchange *e)
{
	const struct http_request *r = http_request(e);
	struct http_header *headers;
	size_t count;
	struct http_answer answer;
	struct error err = {0};
	(void)ctx;
	x.now_ms = clock_now_ms();
	if (str_is(r->path, "/authorize")) {
		authorize(e);
	} else if (str_is(r->path, "/_set")) {
		set(r->query);
		respond(e, 200, S("text/plain"), S("done\n"), STR_NULL);
	} else if (str_is(r->path, "/_seen")) {
		respond(e, 200, S("text/plain"),
			arena_printf(r->arena, "codes %u refreshes %u revocations %u reads %u\n", x.codes, x.refreshes,
				     x.revocations, x.reads),
			STR_NULL);
	} else if (http_request_headers(e, r->arena, &headers, &count)) {
		bool ours = str_starts(r->path, S("/fhir"));
		struct http_call call = {.method = r->method,
					 .url = arena_printf(r->arena, "%s%.*s", ours ? x.base : x.issuer_url,
							     STR_ARG(str_slice(r->path, ours ? 5 : 0, r->path.n))),
					 .headers = headers,
					 .header_count = count,
					 .body = r->body};
		if (authority_call(&x, r->arena, &call, &answer, &err))
			respond(e, answer.status, answer.content_type, answer.body, STR_NULL);
	}
}

static void refuse(void *ctx, struct http_exchange *e, const struct error *err)
{
	(void)ctx;
	respond(e, 400, S("text/plain"), str_from(err->text), STR_NULL);
}

int main(int argc, char **argv)
{
	struct error err = {0};
	sigset_t signals;
	int number;
	char port[16];
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	authority_open(&x);
	struct http_server *server =
		http_server_start(&(struct http_server_options){.threads = 1},
				  &(struct http_handler){.handle = handle, .refuse = refuse}, &err);
	if (argc < 2 || !server)
		return 2;
	x.lifetime_s = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000;
	snprintf(x.base, sizeof(x.base), "http://127.0.0.1:%u/fhir", http_server_port(server));
	snprintf(x.issuer_url, sizeof(x.issuer_url), "http://127.0.0.1:%u", http_server_port(server));
	snprintf(port, sizeof(port), "%u", http_server_port(server));
	if (!file_write(str_from(argv[1]), str_from(port), 0600, &err))
		return 1;
	sigwait(&signals, &number);
	http_server_stop(server);
	authority_close(&x);
	return 0;
}
