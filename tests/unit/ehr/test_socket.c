/* The client over real sockets and real signatures, against a small EHR on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "http/server.h"
#include "ehr/ehr.h"

struct server {
	struct http_server *http;
	struct jose_key_set *keys; /* of the client */
	char base[64], token_url[80], key_file[64];
	atomic_int tokens, refusals, slow;
};

bool __wrap_store_audit(struct store *s, const struct audit_event *e, size_t count,
			struct error *err); /* the linker\'s */
bool __wrap_store_audit(struct store *s, const struct audit_event *e, size_t count, struct error *err)
{
	(void)s;
	(void)e;
	(void)count;
	(void)err;
	return true;
}

static void respond(struct http_exchange *x, int status, const char *type, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void respond(struct http_exchange *x, int status, const char *type, const char *format, ...)
{
	struct buf body;
	va_list args;
	buf_init(&body, 1 << 20);
	va_start(args, format);
	buf_vprintf(&body, format, args);
	va_end(args);
	http_respond(x, &(struct http_response){.status = status, .content_type = str_from(type), .body = &body});
}

static struct str form_value(struct arena *a, struct str form, const char *name)
{
	while (form.p) {
		struct str part = str_split(&form, '&'), key = str_split(&part, '=');
		if (!str_is(key, name))
			continue;
		struct buf plain;
		buf_init(&plain, 1 << 16);
		struct str value = decode_percent(&plain, part, true) ? arena_str(a, buf_str(&plain)) : STR_NULL;
		buf_done(&plain);
		return value;
	}
	return STR_NULL;
}

static bool assertion_good(struct server *s, const struct http_request *r)
{
	struct jose_token token;
	struct error err = {0};
	int64_t now = clock_now_ms() / 1000, iat = 0, exp = 0;
	return jose_verify(r->arena, form_value(r->arena, r->body, "client_assertion"), s->keys, &token, &err) &&
	       str_is(json_get_str(token.claims, S("iss")), "client-1") &&
	       str_is(json_get_str(token.claims, S("aud")), s->token_url) &&
	       str_to_i64(json_number(json_get(token.claims, S("iat"))), &iat) && iat <= now &&
	       str_to_i64(json_number(json_get(token.claims, S("exp"))), &exp) && exp > now && exp - iat <= 300;
}

static void give_token(struct server *s, struct http_exchange *x)
{
	if (!assertion_good(s, http_request(x))) {
		respond(x, 400, "application/json", "{\"error\":\"invalid_client\"}");
		return;
	}
	respond(x, 200, "application/json",
		"{\"access_token\":\"t%d\",\"token_type\":\"Bearer\",\"expires_in\":570,\"scope\":\"system/"
		"Patient.rs\"}",
		atomic_fetch_add(&s->tokens, 1) + 1);
}

static void handle(void *ctx, struct http_exchange *x)
{
	struct server *s = ctx;
	const struct http_request *r = http_request(x);
	char expected[32];
	snprintf(expected, sizeof expected, "Bearer t%d", atomic_load(&s->tokens));
	if (str_is(r->path, "/r4/.well-known/smart-configuration"))
		respond(x, 200, "application/json", "{\"token_endpoint\":\"%s\"}", s->token_url);
	else if (str_is(r->path, "/token"))
		give_token(s, x);
	else if (!str_is(http_request_header(x, "Authorization"), expected) ||
		 (str_is(r->path, "/r4/Patient/2") && atomic_fetch_add(&s->refusals, 1) == 0))
		respond(x, 401, "application/json", "\"\"");
	else if (!str_is(http_request_header(x, "Accept"), "application/fhir+json"))
		respond(x, 200, "application/fhir+xml", "<Patient/>"); /* as Epic does */
	else if (str_is(r->path, "/r4/Patient/slow")) {
		atomic_fetch_add(&s->slow, 1);
		nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 500 * 1000000}, NULL);
		respond(x, 200, "application/fhir+json", "{\"resourceType\":\"Patient\",\"id\":\"slow\"}");
	} else if (str_starts(r->path, S("/r4/Patient/")))
		respond(x, 200, "application/fhir+json", "{\"resourceType\":\"Patient\",\"id\":\"%.*s\"}",
			STR_ARG(str_slice(r->path, 12, r->path.n)));
	else if (str_starts(r->query, S("patient=")))
		respond(x, 200, "application/fhir+json",
			"{\"resourceType\":\"Bundle\",\"link\":[{\"relation\":\"next\",\"url\":\"%s/"
			"Condition?sessionID=7-A\"}],"
			"\"entry\":[{\"resource\":{\"resourceType\":\"Condition\",\"id\":\"a\"}}]}",
			s->base);
	else
		respond(x, 200, "application/fhir+json",
			"{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":\"Condition\",\"id\":"
			"\"b\"}}]}");
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	respond(x, 400, "text/plain", "%s", err->text);
}

static void make_keys(struct server *s, enum jose_algorithm algorithm)
{
	struct error err = {0};
	struct arena a;
	struct buf text;
	arena_init(&a, 1 << 20);
	buf_init(&text, 1 << 16);
	struct jose_key *key = jose_key_new(algorithm, &err);
	assert_non_null(key);
	assert_true(jose_key_write_private(key, &text, &err));
	snprintf(s->key_file, sizeof s->key_file, "/tmp/firth-test-key-%d", (int)getpid());
	assert_true(file_write(str_from(s->key_file), buf_str(&text), 0600, &err));
	buf_reset(&text);
	assert_true(jose_key_write_public_set(key, &text, &err));
	s->keys = jose_key_set_parse(json_parse(&a, buf_str(&text), 0, &err), &err);
	assert_non_null(s->keys);
	jose_key_free(key);
	buf_done(&text);
	arena_done(&a);
}

static struct ehr_client *start(struct server *s, enum jose_algorithm algorithm, unsigned timeout_ms)
{
	struct error err = {0};
	make_keys(s, algorithm);
	s->http = http_server_start(&(struct http_server_options){.threads = 2},
				    &(struct http_handler){.handle = handle, .refuse = refuse, .ctx = s}, &err);
	if (!s->http)
		fail_msg("%s", err.text);
	snprintf(s->base, sizeof s->base, "http://127.0.0.1:%u/r4", http_server_port(s->http));
	snprintf(s->token_url, sizeof s->token_url, "http://127.0.0.1:%u/token", http_server_port(s->http));
	const struct ehr_config config = {.name = S("loop"),
					  .vendor = EHR_CERNER,
					  .base_url = str_from(s->base),
					  .client_id = S("client-1"),
					  .key_file = str_from(s->key_file)};
	struct ehr_client *c = ehr_open(
		&config, &(struct ehr_client_options){.timeout_ms = timeout_ms, .max_attempts = 2, .backoff_ms = 10},
		&err);
	if (!c)
		fail_msg("%s", err.text);
	unlink(s->key_file);
	return c;
}

static void stop(struct server *s, struct ehr_client *c)
{
	ehr_close(c);
	http_server_stop(s->http);
	jose_key_set_free(s->keys);
}

static void talks_to_a_server_with_both_kinds_of_keys(void **state)
{
	(void)state;
	static const enum jose_algorithm algorithms[] = {JOSE_ES384, JOSE_RS384};
	for (size_t i = 0; i < 2; i++) {
		struct server s = {0};
		struct arena a;
		struct ehr_resource r;
		struct ehr_matches m;
		struct ehr_failure failure = {0};
		arena_init(&a, 16 << 20);
		struct ehr_client *c = start(&s, algorithms[i], 20000);
		if (!ehr_read(c, &a, S("Patient"), S("1"), &r, &failure))
			fail_msg("%s", failure.error.text);
		assert_true(ehr_search(c, &a, S("Condition"), S("patient=1"), &m, &failure));
		assert_int_equal(m.count, 2);
		assert_int_equal(m.pages, 2);
		assert_int_equal(atomic_load(&s.tokens), 1);
		assert_true(ehr_read(c, &a, S("Patient"), S("2"), &r, &failure)); /* refused once */
		assert_int_equal(atomic_load(&s.tokens), 2);
		stop(&s, c);
		arena_done(&a);
	}
}

static void a_slow_server_is_a_timeout(void **state)
{
	(void)state;
	struct server s = {0};
	struct arena a;
	struct ehr_resource r;
	struct ehr_failure failure = {0};
	arena_init(&a, 16 << 20);
	struct ehr_client *c = start(&s, JOSE_ES384, 1000);
	assert_false(ehr_read(c, &a, S("Patient"), S("slow"), &r, &failure));
	assert_int_equal(failure.error.code, ERR_TIMEOUT);
	assert_int_equal(failure.http_status, 0);
	assert_true(failure.retryable);
	assert_int_equal(atomic_load(&s.slow), 2);
	stop(&s, c);
	arena_done(&a);
}

static void a_closed_port_is_no_network(void **state)
{
	(void)state;
	struct server s = {0};
	struct arena a;
	struct ehr_resource r;
	struct ehr_failure failure = {0};
	arena_init(&a, 16 << 20);
	struct ehr_client *c = start(&s, JOSE_ES384, 20000);
	http_server_stop(s.http);
	assert_false(ehr_read(c, &a, S("Patient"), S("1"), &r, &failure));
	assert_int_equal(failure.error.code, ERR_NETWORK);
	assert_non_null(strstr(failure.error.text, "discovery"));
	ehr_close(c);
	jose_key_set_free(s.keys);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(talks_to_a_server_with_both_kinds_of_keys),
		cmocka_unit_test(a_slow_server_is_a_timeout),
		cmocka_unit_test(a_closed_port_is_no_network),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
