/* The proxy before a scripted EHR with two hosts: what is changed on the way there and back, what stays, what is in the
 * file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "record/record_priv.h"

static struct http_server *fhir, *other; /* the EHR's hosts */
static char fhir_origin[40], other_origin[40], path[64];
static char seen[4096]; /* target, cookie and body of the last request */

static void answer(void *ctx, struct http_exchange *x)
{
	const struct http_request *q = http_request(x);
	struct buf body;
	struct http_header headers[3];
	size_t count = 0;
	int status = 200;
	struct str cookie = http_request_header(x, "Cookie");
	(void)ctx;
	snprintf(seen, sizeof(seen), "%.*s|%.*s|%.*s|%.*s", STR_ARG(http_request_target(x)),
		 STR_ARG(cookie.p ? cookie : S("")), STR_ARG(q->body), STR_ARG(http_request_header(x, "Host")));
	buf_init(&body, 1 << 16);
	if (str_is(q->path, "/fhir/.well-known/smart-configuration")) {
		buf_printf(&body,
			   "{\"issuer\":\"%s/iss\",\"authorization_endpoint\":\"%s/authorize\",\"token_endpoint\":\"%s/"
			   "token\"}",
			   fhir_origin, other_origin, other_origin);
	} else if (str_is(q->path, "/authorize")) {
		status = 302;
		headers[count++] = (struct http_header){
			S("Location"), arena_printf(q->arena, "http://app.example/cb?code=C0DE&iss=%s", fhir_origin)};
		headers[count++] =
			(struct http_header){S("Set-Cookie"), S("a=C00KIE; Domain=ehr; Secure; HttpOnly; Path=/")};
	} else if (str_is(q->path, "/fhir/file")) {
		status = 307;
		headers[count++] = (struct http_header){S("Location"), arena_printf(q->arena, "%s/file", other_origin)};
	} else {
		buf_printf(&body, "{\"url\":\"%s/fhir/Patient/p1\",\"profile\":\"%s1/x\"}", fhir_origin, fhir_origin);
	}
	http_respond(x, &(struct http_response){.status = status,
						.content_type = S("application/json"),
						.headers = headers,
						.header_count = count,
						.body = &body});
	buf_done(&body);
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx, (void)err;
	http_respond(x, &(struct http_response){.status = 400, .content_type = S("")});
}

static struct http_server *host(char origin[40])
{
	struct error err = {0};
	const struct http_handler handler = {.handle = answer, .refuse = refuse};
	struct http_server *s = http_server_start(&(struct http_server_options){.threads = 1}, &handler, &err);
	assert_non_null(s);
	snprintf(origin, 40, "http://127.0.0.1:%u", http_server_port(s));
	return s;
}

struct world {
	struct arena a;
	struct record *record;
	struct record_proxy *proxy;
	struct http_client *http;
};

static void begin(struct world *w, enum record_rewrite rewrite)
{
	struct error err = {0};
	arena_init(&w->a, ARENA_NO_CAP);
	strncpy(path, "/tmp/firth-proxy-XXXXXX", sizeof(path) - 1);
	close(mkstemp(path));
	fhir = host(fhir_origin);
	other = host(other_origin);
	w->record = record_open(
		&(struct record_options){.path = str_from(path), .replace = true, .definitions = definitions_builtin()},
		&err);
	w->http = http_client_new(NULL, &err);
	assert_true(w->record && w->http);
	w->proxy = record_proxy_start(
		&(struct record_proxy_options){.record = w->record,
					       .base_url = arena_printf(&w->a, "%s/fhir/", fhir_origin),
					       .rewrite = rewrite},
		&err);
	assert_non_null(w->proxy);
}

static struct str finish(struct world *w)
{
	struct str text;
	struct error err = {0};
	record_proxy_trouble(w->proxy, &err);
	assert_int_equal(err.code, ERR_NONE);
	record_proxy_stop(w->proxy);
	record_close(w->record);
	http_client_free(w->http);
	http_server_stop(fhir);
	http_server_stop(other);
	assert_true(file_read(&w->a, str_from(path), 1 << 24, &text, &err));
	unlink(path);
	return text;
}

static struct http_answer get(struct world *w, struct str url, const char *body)
{
	struct http_answer got;
	struct error err = {0};
	const struct http_header headers[] = {{S("Cookie"), S("a=1")}};
	if (!http_call(w->http, &w->a,
		       &(struct http_call){.method = body ? S("POST") : S("GET"),
					   .url = url,
					   .headers = headers,
					   .header_count = 1,
					   .body = body ? str_from(body) : STR_NULL},
		       &got, &err))
		fail_msg("%s", err.text);
	return got;
}

#define AT(...) arena_printf(&w.a, __VA_ARGS__)

static void test_everything_leads_back(void **state)
{
	(void)state;
	struct world w;
	begin(&w, RECORD_REWRITE_ALL);
	struct str base = record_proxy_base(w.proxy), here = arena_str(&w.a, str_slice(base, 0, base.n - 5));
	assert_true(str_ends(base, S("/fhir")));
	struct http_answer got = get(&w, AT("%.*s/Patient/p%%31?x=%%20", STR_ARG(base)), NULL);
	assert_true(str_eq(got.body,
			   AT("{\"url\":\"%.*s/Patient/p1\",\"profile\":\"%s1/x\"}", STR_ARG(base), fhir_origin)));
	assert_string_equal(seen, AT("/fhir/Patient/p%%31?x=%%20|a=1||%s", fhir_origin + 7).p);
	got = get(&w, AT("%.*s/.well-known/smart-configuration", STR_ARG(base)), NULL);
	struct error err = {0};
	const struct json *smart = json_parse(&w.a, got.body, 0, &err);
	struct str authorize = json_get_str(smart, S("authorization_endpoint"));
	assert_true(str_starts(authorize, S("http://127.0.0.1:")) && !str_starts(authorize, str_from(other_origin)) &&
		    !str_starts(authorize, here));
	assert_true(str_eq(json_get_str(smart, S("issuer")), AT("%s/iss", fhir_origin)));
	got = get(&w, AT("%.*s?aud=%.*s", STR_ARG(authorize), STR_ARG(base)), NULL);
	assert_string_equal(seen, AT("/authorize?aud=%s/fhir|a=1||%s", fhir_origin, other_origin + 7).p);
	assert_true(str_eq(http_answer_header(&got, "Location"),
			   AT("http://app.example/cb?code=C0DE&iss=%s", fhir_origin)));
	assert_true(str_is(http_answer_header(&got, "Set-Cookie"), "a=C00KIE; HttpOnly; Path=/"));
	got = get(&w, AT("%.*s/file", STR_ARG(base)), NULL);
	assert_true(str_eq(http_answer_header(&got, "Location"),
			   AT("%.*s/file", STR_ARG(str_slice(authorize, 0, authorize.n - 10)))));
	got = get(&w, AT("%.*s/x", STR_ARG(base)), AT("at %.*s", STR_ARG(base)).p);
	assert_string_equal(seen, AT("/fhir/x|a=1|at %s/fhir|%s", fhir_origin, fhir_origin + 7).p);
	struct str text = finish(&w);
	assert_int_equal(str_find(text, here), STR_NONE);
	assert_int_equal(str_find(text, S("C0DE")), STR_NONE);
	assert_int_equal(str_find(text, S("C00KIE")), STR_NONE);
	assert_int_not_equal(str_find(text, str_from(other_origin)), STR_NONE);
	arena_done(&w.a);
}

static void test_less_leads_back(void **state)
{
	(void)state;
	struct world w;
	for (int rewrite = RECORD_REWRITE_FHIR; rewrite <= RECORD_REWRITE_NONE; rewrite++) {
		begin(&w, (enum record_rewrite)rewrite);
		struct str base = record_proxy_base(w.proxy);
		struct http_answer got = get(&w, AT("%.*s/.well-known/smart-configuration", STR_ARG(base)), NULL);
		assert_int_not_equal(str_find(got.body, AT("\"%s/token\"", other_origin)), STR_NONE);
		got = get(&w, AT("%.*s/Patient/p1", STR_ARG(base)), NULL);
		struct str link = rewrite == RECORD_REWRITE_FHIR ? AT("\"%.*s/Patient/p1\"", STR_ARG(base))
								 : AT("\"%s/fhir/Patient/p1\"", fhir_origin);
		assert_int_not_equal(str_find(got.body, link), STR_NONE);
		finish(&w);
		arena_done(&w.a);
	}
}

static void test_nobody_there(void **state)
{
	(void)state;
	struct world w;
	begin(&w, RECORD_REWRITE_ALL);
	http_server_stop(fhir);
	fhir = host((char[40]){0});
	struct http_answer got = get(&w, AT("%.*s/Patient/p1", STR_ARG(record_proxy_base(w.proxy))), NULL);
	assert_int_equal(got.status, 502);
	assert_int_not_equal(str_find(got.body, S("OperationOutcome")), STR_NONE);
	assert_int_not_equal(str_find(finish(&w), S("\"_error\"")), STR_NONE);
	arena_done(&w.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_leads_back),
		cmocka_unit_test(test_less_leads_back),
		cmocka_unit_test(test_nobody_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
