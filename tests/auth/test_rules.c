/*
 * Rules of OAuth 2.0 Security Best Current Practice (RFC 9700), of JSON Web Token Best Current Practices (RFC 8725) and
 * of the specifications they build on, each by an attempt to break it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"
#include "place.h"

static struct str member(const struct json *j, const char *name)
{
	return json_get_str(j, str_from(name));
}

/* ---- the authorization request --------------------------------------------------------------------------------------
 */

#define RIGHT                                                                                                          \
	"response_type=code&client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb&state=s%201&"             \
	"code_challenge_method=S256&code_challenge=" PLACE_CHALLENGE

/* BASE is replaced by the server's FHIR base. */
static struct str with_base(struct place *p, const char *text)
{
	struct str whole = str_from(text);
	size_t at = str_find(whole, S("BASE"));
	if (at == STR_NONE)
		return whole;
	return arena_printf(&p->arena, "%.*s%.*s%.*s", (int)at, text, STR_ARG(smart_issuer(p->servers[0].smart)),
			    STR_ARG(str_slice(whole, at + 4, whole.n)));
}

static void requests_are_checked(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *parameters;
		const char *error; /* told to the app; NULL: to the person alone */
		const char *reason;
	} cases[] = {
		/* RFC 9700 section 4.1: the redirect URI to the byte, and nobody is sent to another one. */
		{"", NULL, "parameter-missing"},
		{"client_id=nobody&redirect_uri=https://x", NULL, "client-unknown"},
		{"client_id=public", NULL, "parameter-missing"},
		{"client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb%2F", NULL, "redirect-unregistered"},
		{"client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org%2FCB", NULL, "redirect-unregistered"},
		{"client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb%3Fx%3D1", NULL,
		 "redirect-unregistered"},
		{"client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org.evil.example%2Fcb", NULL,
		 "redirect-unregistered"},
		{"client_id=public&redirect_uri=https%3A%2F%2Fevil.example%2F%40app.example.org%2Fcb", NULL,
		 "redirect-unregistered"},
		{"client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb%23f", NULL, "redirect-unregistered"},
		{"client_id=public&redirect_uri=http%3A%2F%2Fapp.example.org%2Fcb", NULL, "redirect-unregistered"},
		{"client_id=public&redirect_uri=http%3A%2F%2F127.0.0.1%3A1234%2Fother", NULL, "redirect-unregistered"},
		{"client_id=public&redirect_uri=http%3A%2F%2F127.0.0.1.evil.example%2Fnative", NULL,
		 "redirect-unregistered"},
		{"client_id=public&redirect_uri=http%3A%2F%2F127.0.0.1%3A80%40evil.example%2Fnative", NULL,
		 "redirect-unregistered"},
		{"client_id=backend&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb", NULL, "redirect-unregistered"},
		/* RFC 6749 section 3.1: no parameter twice. */
		{RIGHT "&client_id=public", NULL, "parameter-repeated"},
		{RIGHT "&redirect_uri=https%3A%2F%2Fevil.example%2F", NULL, "parameter-repeated"},
		{RIGHT "&scope=a&scope=b", NULL, "parameter-repeated"},
		/* The code flow alone (RFC 9700 section 2.1.2), with PKCE and S256 (section 2.1.1). */
		{"client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb", "invalid_request",
		 "parameter-missing"},
		{"response_type=token&client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb",
		 "unsupported_response_type", "response-type-unsupported"},
		{"response_type=code+id_token&client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb",
		 "unsupported_response_type", "response-type-unsupported"},
		{RIGHT "&response_mode=fragment", "invalid_request", "request-malformed"},
		{RIGHT "&request_uri=https%3A%2F%2Fevil.example", "invalid_request", "request-malformed"},
		{"response_type=code&client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb&aud=BASE&scope="
		 "openid",
		 "invalid_request", "pkce-missing"},
		{"response_type=code&client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb&code_"
		 "challenge=" PLACE_CHALLENGE,
		 "invalid_request", "pkce-method"},
		{"response_type=code&client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb&code_"
		 "challenge=" PLACE_CHALLENGE "&code_challenge_method=plain",
		 "invalid_request", "pkce-method"},
		{"response_type=code&client_id=public&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb&code_challenge="
		 "short&"
		 "code_challenge_method=S256",
		 "invalid_request", "request-malformed"},
		/* SMART: aud. */
		{RIGHT "&scope=openid", "invalid_request", "parameter-missing"},
		{RIGHT "&scope=openid&aud=https%3A%2F%2Fevil.example%2Ffhir", "invalid_request", "audience-wrong"},
		{RIGHT "&scope=openid&aud=BASE%2Fx", "invalid_request", "audience-wrong"},
		{RIGHT "&aud=BASE", "invalid_scope", "scope-parameter-missing"},
		{RIGHT "&aud=BASE&scope=nonsense", "invalid_scope", "scope-not-registered"},
		{RIGHT "&aud=BASE&scope=system%2FPatient.rs", "invalid_scope", "scope-not-registered"},
		{RIGHT "&aud=BASE&scope=launch+openid", "invalid_request", "launch-missing"},
		{RIGHT "&aud=BASE&scope=openid&prompt=none+login", "invalid_request", "request-malformed"},
		{RIGHT "&aud=BASE&scope=openid&max_age=soon", "invalid_request", "request-malformed"},
		{RIGHT "&aud=BASE&scope=openid", "", ""},
		{RIGHT "&aud=BASE%2F&scope=openid", "", ""},
		{"response_type=code&client_id=public&redirect_uri=http%3A%2F%2F127.0.0.1%3A49152%2Fnative&"
		 "code_challenge_method=S256&aud=BASE&scope=openid&code_challenge=" PLACE_CHALLENGE,
		 "", ""}, /* RFC 8252 section 7.3 */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smart_request r;
		struct error err = {0};
		bool good = smart_request_check(p->servers[0].smart, &p->arena, with_base(p, cases[i].parameters), &r,
						&err);
		bool expected = cases[i].error && !*cases[i].error;
		if (good != expected || (!good && (!err.reason || strcmp(err.reason, cases[i].reason) != 0)) ||
		    (!good && (r.error == NULL) != (cases[i].error == NULL)) ||
		    (!good && r.error && strcmp(r.error, cases[i].error) != 0))
			fail_msg("%s: %s %s %s", cases[i].parameters,
				 good	   ? "good"
				 : r.error ? r.error
					   : "page",
				 err.reason ? err.reason : "", err.text);
	}
}

/* RFC 9207, against mix-up; and state comes back as it was sent. */
static void answers_say_who_answers(void **state)
{
	struct place *p = *state;
	struct smart *s = p->servers[0].smart;
	struct smart_request r;
	struct error err = {0};
	assert_true(smart_request_check(s, &p->arena, with_base(p, RIGHT "&aud=BASE&scope=openid"), &r, &err));
	struct buf issuer;
	buf_init(&issuer, 1000);
	encode_percent(&issuer, smart_issuer(s));
	struct str yes = smart_request_answer(s, &p->arena, &r, S("c")),
		   no = smart_request_refuse(s, &p->arena, &r, "access_denied", S("not \"today\"\n"));
	assert_true(str_starts(yes, S(PLACE_REDIRECT "?code=c&state=s%201&iss=")));
	assert_true(str_ends(yes, buf_str(&issuer)));
	assert_true(str_starts(no, S(PLACE_REDIRECT "?error=access_denied&error_description=not%20")));
	assert_true(str_find(no, S("%22")) == STR_NONE && str_find(no, S("%0A")) == STR_NONE);
	assert_true(str_find(no, S("&state=s%201&iss=")) != STR_NONE && str_ends(no, buf_str(&issuer)));
	buf_done(&issuer);
}

/* ---- the token endpoint
 * ---------------------------------------------------------------------------------------------- */

static void expect(struct place_answer answer, int status, const char *error)
{
	if (answer.status != status || !str_is(member(answer.json, "error"), error))
		fail_msg("expected %d %s, got %d %.*s", status, error, answer.status, STR_ARG(answer.http.body));
}

static void parameters_go_into_the_body_once(void **state)
{
	struct place *p = *state;
	const struct http_header json = {S("Content-Type"), S("application/json")};
	struct str form = place_code_form(p, "public", place_code(p, &(struct place_login){0}));
	expect(place_post(p, 0, arena_printf(&p->arena, "/auth/token?%.*s", STR_ARG(form)).p, S(""), STR_NULL), 400,
	       "invalid_request");
	expect(place_send(p, 0, "POST", "/auth/token", S("{\"grant_type\":\"client_credentials\"}"), &json, 1), 400,
	       "invalid_request");
	struct str twice = arena_printf(&p->arena, "%.*s&code=x", STR_ARG(form));
	expect(place_post(p, 0, "/auth/token", twice, STR_NULL), 400, "invalid_request");
	assert_int_equal(place_send(p, 0, "GET", "/auth/token", STR_NULL, NULL, 0).status, 405);
	expect(place_post(p, 0, "/auth/token", S("grant_type=password&username=a&password=b&client_id=public"),
			  STR_NULL),
	       400, "unsupported_grant_type"); /* RFC 9700 section 2.4 */
	assert_int_equal(place_post(p, 0, "/auth/token", form, STR_NULL).status, 200);
}

static void clients_prove_themselves_in_one_way(void **state)
{
	struct place *p = *state;
	struct str form = S("grant_type=client_credentials&scope=system%2FPatient.rs");
	struct str by_key =
		arena_printf(&p->arena, "%.*s%.*s", STR_ARG(form), STR_ARG(place_assertion(p, "backend", 1)));
	struct str right = place_basic(p, "secret", PLACE_SECRET), wrong = place_basic(p, "secret", "nope");
	struct str code = place_code(p, &(struct place_login){.client = "secret"});
	expect(place_post(p, 0, "/auth/token", by_key, right), 400, "invalid_request");
	expect(place_post(p, 0, "/auth/token",
			  arena_printf(&p->arena, "%.*s&client_id=secret&client_secret=x", STR_ARG(by_key)), STR_NULL),
	       400, "invalid_request");
	/* A secret where keys are registered, keys where a secret is, nothing where something is. */
	expect(place_post(p, 0, "/auth/token", form, place_basic(p, "backend", "x")), 401, "invalid_client");
	expect(place_post(p, 0, "/auth/token",
			  arena_printf(&p->arena, "%.*s%.*s", STR_ARG(form), STR_ARG(place_assertion(p, "secret", 1))),
			  STR_NULL),
	       400, "invalid_client");
	expect(place_post(p, 0, "/auth/token", place_code_form(p, "secret", code), STR_NULL), 400, "invalid_client");
	struct place_answer answer = place_post(p, 0, "/auth/token", place_code_form(p, NULL, code), wrong);
	expect(answer, 401, "invalid_client");
	assert_true(str_starts(http_answer_header(&answer.http, "WWW-Authenticate"), S("Basic ")));
	expect(place_post(p, 0, "/auth/token", place_code_form(p, NULL, code), S("Basic ???")), 401, "invalid_client");
	assert_int_equal(place_post(p, 0, "/auth/token", place_code_form(p, NULL, code), right).status, 200);
	struct str post = arena_printf(
		&p->arena, "%.*s&client_id=secret&client_secret=correct%%2Bhorse+battery",
		STR_ARG(place_code_form(p, NULL, place_code(p, &(struct place_login){.client = "secret"}))));
	assert_int_equal(place_post(p, 0, "/auth/token", post, STR_NULL).status, 200);
	assert_int_equal(place_post(p, 0, "/auth/token", by_key, STR_NULL).status, 200);
	/* A client of people is none for itself. */
	expect(place_post(p, 0, "/auth/token", S("grant_type=client_credentials&scope=system%2F*.rs&client_id=public"),
			  STR_NULL),
	       400, "unauthorized_client");
	struct str signed_code = arena_printf(
		&p->arena, "%.*s%.*s",
		STR_ARG(place_code_form(p, NULL, place_code(p, &(struct place_login){.client = "signed"}))),
		STR_ARG(place_assertion(p, "signed", 0)));
	assert_int_equal(place_post(p, 1, "/auth/token", signed_code, STR_NULL).status, 200);
	expect(place_post(p, 0, "/auth/token", signed_code, STR_NULL), 400, "invalid_grant");
}

static void guessing_secrets_is_slowed_down(void **state)
{
	struct place *p = *state;
	struct str form = S("grant_type=client_credentials&scope=system%2FPatient.rs");
	int status = 0;
	for (int i = 0; i < 30 && status != 429; i++)
		status = place_post(p, i % 2, "/auth/token", form, place_basic(p, "secret", "guess")).status;
	assert_int_equal(status, 429);
	struct place_answer answer = place_post(p, 0, "/auth/token", form, place_basic(p, "secret", PLACE_SECRET));
	assert_int_equal(answer.status, 429);
	assert_true(http_answer_header(&answer.http, "Retry-After").n > 0);
	/* Others are not concerned. */
	assert_int_equal(place_post(p, 0, "/auth/token",
				    arena_printf(&p->arena, "%.*s%.*s", STR_ARG(form),
						 STR_ARG(place_assertion(p, "backend", 1))),
				    STR_NULL)
				 .status,
			 200);
}

/* ---- assertions (RFC 8725)
 * ------------------------------------------------------------------------------------------- */

static struct str encoded(struct place *p, const char *text)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	encode_base64url(&out, str_from(text));
	struct str kept = arena_str(&p->arena, buf_str(&out));
	buf_done(&out);
	return kept;
}

static struct place_answer ask_with(struct place *p, struct str token)
{
	struct str form =
		arena_printf(&p->arena,
			     "grant_type=client_credentials&scope=system%%2FPatient.rs&client_assertion_type=urn%%3A"
			     "ietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer&client_assertion=%.*s",
			     STR_ARG(token));
	return place_post(p, 0, "/auth/token", form, STR_NULL);
}

static struct str good_token(struct place *p)
{
	struct str form = place_assertion(p, "backend", 1);
	size_t at = str_find(form, S("client_assertion="));
	return str_slice(form, at + 17, form.n);
}

static struct str with_header(struct place *p, const char *header)
{
	struct str token = good_token(p), rest = token;
	str_split(&rest, '.');
	return arena_printf(&p->arena, "%.*s.%.*s", STR_ARG(encoded(p, header)), STR_ARG(rest));
}

static void headers_cannot_choose(void **state)
{
	struct place *p = *state;
	static const char *const headers[] = {
		"{\"alg\":\"none\"}",
		"{\"alg\":\"None\"}",
		"{\"alg\":\"HS256\"}", /* section 2.1: the public key as a secret */
		"{\"alg\":\"HS384\"}",
		"{\"alg\":\"RS384\"}",
		"{\"alg\":\"ES256\"}",
		"{\"alg\":\"ES384\",\"crit\":[\"exp\"]}",
		"{\"alg\":\"ES384\",\"b64\":false}",
		"{\"alg\":\"ES384\",\"kid\":\"../../etc/passwd\"}",
		"{\"alg\":\"ES384\",\"kid\":\"' OR 1=1 --\"}",
		"{\"alg\":\"ES384\",\"kid\":[]}",
		"{\"alg\":\"ES384\",\"jku\":\"https://evil.example/jwks\"}",
		"{\"alg\":\"ES384\",\"jwk\":{\"kty\":\"EC\"}}", /* and the signature is over another header */
		"{\"alg\":\"ES384\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"ES384\",\"typ\":\"logout+jwt\"}",
		"{\"alg\":\"ES384\",\"alg\":\"none\"}",
		"{\"typ\":\"JWT\"}",
	};
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct place_answer answer = ask_with(p, with_header(p, headers[i]));
		if (answer.status != 400 || !str_is(member(answer.json, "error"), "invalid_client"))
			fail_msg("%s: %d %.*s", headers[i], answer.status, STR_ARG(answer.http.body));
	}
	struct str rest = good_token(p), first = str_split(&rest, '.'), second = str_split(&rest, '.');
	const struct str shapes[] = {
		arena_printf(&p->arena, "%.*s.%.*s.", STR_ARG(first), STR_ARG(second)),
		arena_printf(&p->arena, "%.*s.%.*s", STR_ARG(first), STR_ARG(second)),
		arena_printf(&p->arena, "%.*s.%.*s.%.*s.", STR_ARG(first), STR_ARG(second), STR_ARG(rest)),
		arena_printf(&p->arena, "%.*s.%.*s.%.*sA", STR_ARG(first), STR_ARG(second), STR_ARG(rest)),
		arena_printf(&p->arena, "%.*s=.%.*s.%.*s", STR_ARG(first), STR_ARG(second), STR_ARG(rest)),
		arena_printf(&p->arena, "%.*s.%.*s.%0128d", STR_ARG(first), STR_ARG(second), 0),
		arena_printf(&p->arena, "%017000d.e30.AA", 0),
	};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		expect(ask_with(p, shapes[i]), 400, "invalid_client");
	struct str once = good_token(p);
	assert_int_equal(ask_with(p, once).status, 200);
	expect(ask_with(p, once), 400, "invalid_client");
}

/* ---- ways in for pages of other origins
 * --------------------------------------------------------------------------------- */

static void browsers_may_ask(void **state)
{
	struct place *p = *state;
	static const char *const paths[] = {"/auth/token",    "/auth/revoke",	"/auth/introspect",
					    "/auth/userinfo", "/auth/register", "/auth/jwks"};
	const struct http_header origin = {S("Origin"), S("https://app.example.org")};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct place_answer before = place_send(p, 0, "OPTIONS", paths[i], STR_NULL, &origin, 1);
		assert_int_equal(before.status, 204);
		assert_true(str_is(http_answer_header(&before.http, "Access-Control-Allow-Origin"), "*"));
		assert_true(str_find(http_answer_header(&before.http, "Access-Control-Allow-Headers"),
				     S("Authorization")) != STR_NONE);
		/* Nothing here goes by cookies, so none may be sent along. */
		assert_null(http_answer_header(&before.http, "Access-Control-Allow-Credentials").p);
	}
	struct place_answer refused = place_post(p, 0, "/auth/token", S("grant_type=x"), STR_NULL);
	assert_true(str_is(http_answer_header(&refused.http, "Access-Control-Allow-Origin"), "*"));
	refused = place_fetch(p, 0, "/fhir/Patient/1", S("wrong"));
	assert_int_equal(refused.status, 401);
	assert_true(str_is(http_answer_header(&refused.http, "Access-Control-Allow-Origin"), "*"));
	/* RFC 6750 section 2.3: no token in a URL. */
	struct str token = member(place_tokens(p, &(struct place_login){0}), "access_token");
	struct str path = arena_printf(&p->arena, "/fhir/Patient/p1?access_token=%.*s", STR_ARG(token));
	assert_int_equal(place_fetch(p, 0, path.p, STR_NULL).status, 401);
}

static void refusals_leave_a_record(void **state)
{
	struct place *p = *state;
	struct audit_row *rows;
	struct error err = {0};
	size_t count;
	const struct http_header headers[] = {{S("Content-Type"), S("application/x-www-form-urlencoded")},
					      {S("X-Request-Id"), S("find-me")}};
	place_send(p, 0, "POST", "/auth/token",
		   S("grant_type=authorization_code&client_id=public&code=x&code_verifier=y"), headers, 2);
	assert_true(store_audit_list(p->servers[0].store, &p->arena, 0, 20, &rows, &count, &err));
	bool found = false;
	for (size_t i = 0; i < count; i++)
		found = found || (str_is(rows[i].event.request_id, "find-me") && rows[i].event.outcome == 4 &&
				  str_is(rows[i].event.interaction, "token") && str_is(rows[i].event.agent, "public"));
	assert_true(found);
	struct store_fact *facts;
	assert_true(store_fact_list(p->servers[0].store, &p->arena, S(DECISION_SHELF), S("find-me"), 1, &facts, &count,
				    &err));
	assert_int_equal(count, 1);
	assert_true(str_starts(facts[0].key, S("find-me ")));
	assert_true(str_find(facts[0].value, S("code-unknown")) != STR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_checked),
		cmocka_unit_test(answers_say_who_answers),
		cmocka_unit_test(parameters_go_into_the_body_once),
		cmocka_unit_test(clients_prove_themselves_in_one_way),
		cmocka_unit_test(headers_cannot_choose),
		cmocka_unit_test(browsers_may_ask),
		cmocka_unit_test(refusals_leave_a_record),
		cmocka_unit_test(guessing_secrets_is_slowed_down),
	};
	return cmocka_run_group_tests(tests, place_set_up, place_tear_down);
}
