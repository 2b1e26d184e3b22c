/* Playing back: what meets what, in which order, what is put in its place, and what is said when nothing does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "record/record_priv.h"

#define FORM "application/x-www-form-urlencoded"

static const struct http_header to_app[] = {{{"Location", 8}, {"http://app:1/cb?code=c1&state=then", 34}}},
				to_here[] = {{{"Location", 8}, {"https://e/r4/Patient/9", 22}},
					     {{"ETag", 4}, {"W/\"1\"", 5}}};

#define ENTRY(m, u, s, t)                                                                                              \
	.method = {m, sizeof(m) - 1}, .url = {u, sizeof(u) - 1}, .status = s, .answer = {t, sizeof(t) - 1},            \
	.answer_type = {"application/json", 16}
static struct recorded entries[] = {
	{ENTRY("GET", "https://e/r4/Patient/1", 200, "{\"n\": 1}")},
	{ENTRY("GET", "https://e/r4/Patient?a=1&b=%20x", 200, "\"https://e/r4/Patient?page=2\"")},
	{ENTRY("GET", "https://e/job", 202, "")},
	{ENTRY("GET", "https://e/job", 202, "")},
	{ENTRY("GET", "https://e/job", 200, "\"done\"")},
	{ENTRY("POST", "https://e/r4/Flag", 201, "\"made\""), .body = {"{\"a\":1,\"b\":[2]}", 15}, .headers = to_here,
	 .header_count = 2},
	{ENTRY("GET", "https://auth.e/authorize?state=then&client_id=app&redirect_uri=http%3A%2F%2Fapp%3A1%2Fcb", 302,
	       ""),
	 .headers = to_app, .header_count = 1},
	{ENTRY("POST", "https://auth.e/token", 200, "{\"access_token\":\"masked-token-1\"}"),
	 .body = {"code=c1&grant_type=authorization_code&code_verifier=v1", 54}, .body_type = {FORM, sizeof(FORM) - 1}},
	{ENTRY("GET", "https://e/r4/Observation?code=1", 200, "1")},
	{ENTRY("GET", "https://e/gone", 200, ""), .answer_missing = true},
};

struct world {
	struct recording recording;
	struct replay *replay;
	struct http_client *http;
	struct arena a;
};

static int setup(void **state)
{
	static struct world w;
	struct error err = {0};
	w.recording = (struct recording){.entries = entries, .count = sizeof(entries) / sizeof(entries[0])};
	w.replay = replay_start(&(struct replay_options){.recording = &w.recording}, &err);
	w.http = http_client_new(NULL, &err);
	assert_true(w.replay && w.http);
	arena_init(&w.a, ARENA_NO_CAP);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	http_client_free(w->http);
	replay_stop(w->replay);
	arena_done(&w->a);
	return 0;
}

static struct http_answer ask(struct world *w, const char *method, const char *target, const char *type,
			      const char *body)
{
	struct http_answer answer = {0};
	struct error err = {0};
	const struct http_header headers[] = {{S("Content-Type"), str_from(type)}, {S("Origin"), S("http://app:1")}};
	struct str url = arena_printf(&w->a, "%.*s%s", STR_ARG(replay_origin(w->replay)), target);
	if (!http_call(w->http, &w->a,
		       &(struct http_call){.method = str_from(method),
					   .url = url,
					   .headers = headers,
					   .header_count = 2,
					   .body = body ? str_from(body) : STR_NULL},
		       &answer, &err))
		fail_msg("%s", err.text);
	return answer;
}

static void expect(struct world *w, const char *target, int status, const char *body)
{
	struct http_answer answer = ask(w, "GET", target, "", NULL);
	if (answer.status != status || !str_is(answer.body, body))
		fail_msg("%s: %d %.*s", target, answer.status, STR_ARG(answer.body));
}

static void test_requests(void **state)
{
	struct world *w = *state;
	expect(w, "/r4/Patient/1", 200, "{\"n\": 1}");
	expect(w, "/r4/P%61tient/1", 200, "{\"n\": 1}");
	struct str here = arena_printf(&w->a, "\"%.*s/r4/Patient?page=2\"", STR_ARG(replay_origin(w->replay)));
	expect(w, "/r4/Patient?a=1&b=%20x", 200, here.p);
	expect(w, "/r4/Patient?b=+x&a=1", 200, here.p);
	expect(w, "/job", 202, "");
	expect(w, "/job", 202, "");
	expect(w, "/job", 200, "\"done\"");
	expect(w, "/job", 200, "\"done\"");
	assert_true(
		str_is(replay_base(w->replay), arena_printf(&w->a, "%.*s/r4", STR_ARG(replay_origin(w->replay))).p));
}

static void test_unmatched(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *method, *target, *body, *says;
	} cases[] = {
		{"GET", "/r4/Patient/2", NULL,
		 "GET /r4/Patient/2 was not recorded; the nearest that was: GET /r4/Patient/1"},
		{"GET", "/r4/Patient?a=1", NULL, "the nearest that was: GET /r4/Patient?a=1&b=%20x"},
		{"DELETE", "/r4/Patient/1", NULL, "DELETE /r4/Patient/1 was not recorded"},
		{"POST", "/r4/Flag", "{\"a\":2}", "POST /r4/Flag was not recorded with this body"},
		{"GET", "/r4/Observation?code=2", NULL, "GET /r4/Observation?code=2 was not recorded"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_answer answer = ask(w, cases[i].method, cases[i].target, "application/json", cases[i].body);
		assert_int_equal(answer.status, 404);
		if (str_find(answer.body, str_from(cases[i].says)) == STR_NONE)
			fail_msg("%.*s", STR_ARG(answer.body));
	}
	assert_int_equal(ask(w, "GET", "/gone", "", NULL).status, 501);
	struct replay_counts n;
	replay_count(w->replay, &n);
	assert_int_equal(n.unmatched, 5);
	assert_int_equal(n.matched, 1);
	assert_int_equal(n.never_asked, w->recording.count - 1);
	size_t entry;
	assert_true(replay_never_asked(w->replay, 9, &entry) == false && replay_never_asked(w->replay, 8, &entry) &&
		    entry == 8);
}

static void test_bodies(void **state)
{
	struct world *w = *state;
	struct http_answer made = ask(w, "POST", "/r4/Flag", "application/fhir+json", "{ \"a\": 1, \"b\": [2] }");
	assert_int_equal(made.status, 201);
	struct str location = arena_printf(&w->a, "%.*s/r4/Patient/9", STR_ARG(replay_origin(w->replay)));
	assert_true(str_eq(http_answer_header(&made, "Location"), location));
	assert_true(str_is(http_answer_header(&made, "ETag"), "W/\"1\""));
	assert_true(str_is(http_answer_header(&made, "Access-Control-Allow-Origin"), "http://app:1"));
	assert_int_equal(ask(w, "OPTIONS", "/r4/Flag", "", NULL).status, 204);
}

static void test_oauth(void **state)
{
	struct world *w = *state;
	struct http_answer to = ask(
		w, "GET", "/authorize?client_id=app&state=now&redirect_uri=http%3A%2F%2F127.0.0.1%3A7%2Fcb", "", NULL);
	assert_int_equal(to.status, 302);
	assert_true(str_is(http_answer_header(&to, "Location"), "http://127.0.0.1:7/cb?code=c1&state=now"));
	assert_int_equal(ask(w, "GET", "/authorize?client_id=other&state=now&redirect_uri=x", "", NULL).status, 404);
	struct http_answer token =
		ask(w, "POST", "/token", FORM, "grant_type=authorization_code&code=c9&code_verifier=mine");
	assert_int_equal(token.status, 200);
	assert_int_equal(ask(w, "POST", "/token", FORM, "grant_type=refresh_token&code=c9&code_verifier=mine").status,
			 404);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unmatched, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bodies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_oauth, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
