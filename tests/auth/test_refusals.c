/*
 * Each reason for a refusal, provoked once: over HTTP where the caller is answered, otherwise where the pages ask. The
 * last test holds the table of refusals to it: a row without a scenario here, or a named test elsewhere, is an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "place.h"

#define DAY_MS (24LL * 60 * 60 * 1000)

static struct place open_place, *p = &open_place;
static bool seen[REFUSAL_COUNT];

static int begin(void **state)
{
	struct error err = {0};
	(void)state;
	if (place_open(p, true, &err))
		return 0;
	print_error("%s\n", err.text);
	return 1;
}

static int end(void **state)
{
	(void)state;
	place_close(p);
	return 0;
}

/* ---- looking ------------------------------------------------------------------------------------------------------
 */

static struct str code_of(const struct place_answer *answer)
{
	struct str oauth = json_get_str(answer->json, S("refusal"));
	const struct json *issue = json_at(json_get(answer->json, S("issue")), 0);
	return oauth.p ? oauth
		       : json_get_str(json_at(json_get(json_get(issue, S("details")), S("coding")), 0), S("code"));
}

static void check(enum refusal want, struct str code, struct str told)
{
	const struct refusal_facts *facts = refusal_facts(want);
	seen[want] = true;
	if (!str_is(code, facts->code))
		print_error("wanted %s, got %.*s: %.*s\n", facts->code, STR_ARG(code), STR_ARG(told));
	assert_true(str_is(code, facts->code));
}

/* The answer names the code, has the status of the table (or 400 at OAuth's endpoints), and tells what to do. */
static void expect(enum refusal want, const struct place_answer *answer)
{
	const struct refusal_facts *facts = refusal_facts(want);
	check(want, code_of(answer), answer->http.body);
	assert_true(answer->status == error_http_status(facts->error) || answer->status == 400);
	if (facts->oauth && json_get(answer->json, S("error")))
		assert_true(str_is(json_get_str(answer->json, S("error")), facts->oauth));
	/* Nobody is left without a next step. */
	assert_true(str_find(answer->http.body, S(". ")) != STR_NONE);
}

static void expect_error(enum refusal want, const struct error *err)
{
	check(want, str_from(err->reason), str_from(err->text));
}

static void post(enum refusal want, const char *path, struct str form, struct str authorization)
{
	const struct place_answer answer = place_post(p, 0, path, form, authorization);
	expect(want, &answer);
}

static void ask(enum refusal want, struct str form)
{
	post(want, "/auth/token", form, STR_NULL);
}

/* ---- clients ------------------------------------------------------------------------------------------------------
 */

static struct str add_client(struct smart_client client)
{
	struct error err = {0};
	struct str secret = STR_NULL;
	client.scope = client.scope.p ? client.scope : S("system/*.rs");
	if (!smart_client_add(p->servers[0].smart, &p->arena, &client, &secret, &err))
		print_error("%s\n", err.text);
	assert_int_equal(err.code, ERR_NONE);
	return secret;
}

static void change(struct str id, bool disabled, int64_t expires_ms)
{
	struct error err = {0};
	struct smart_client client;
	assert_true(smart_client_find(p->servers[0].smart, &p->arena, id, &client, &err));
	client.disabled = disabled;
	client.expires_ms = expires_ms;
	assert_true(smart_client_change(p->servers[0].smart, &p->arena, &client, &err));
}

#define BACKEND(rest) S("grant_type=client_credentials&scope=system/*.rs" rest)

static struct str backend_token(const char *id, struct str secret)
{
	struct str basic = place_basic(p, id, arena_str(&p->arena, secret).p);
	const struct place_answer answer = place_post(p, 0, "/auth/token", BACKEND(""), basic);
	assert_int_equal(answer.status, 200);
	return json_get_str(answer.json, S("access_token"));
}

/* ---- access tokens -------------------------------------------------------------------------------------------------
 */

static void bearer(enum refusal want, struct str token)
{
	const struct place_answer answer = place_fetch(p, 0, "/fhir/Patient/p1", token);
	expect(want, &answer);
}

static void tokens(void **state)
{
	(void)state;
	const struct http_header basic = {S("Authorization"), S("Basic eDp5")};
	bearer(REFUSAL_TOKEN_MISSING, STR_NULL);
	struct place_answer answer = place_send(p, 0, "GET", "/fhir/Patient/p1", STR_NULL, &basic, 1);
	expect(REFUSAL_TOKEN_SCHEME, &answer);
	bearer(REFUSAL_TOKEN_MALFORMED, S("abc"));
	bearer(REFUSAL_TOKEN_UNKNOWN, S("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));

	struct str secret = add_client((struct smart_client){
		.client_id = S("svc"), .auth = AUTH_SECRET_BASIC, .grant_types = S("client_credentials")});
	struct str token = backend_token("svc", secret);
	const struct http_header header = {S("Authorization"), arena_printf(&p->arena, "Bearer %.*s", STR_ARG(token))};
	answer = place_send(p, 0, "DELETE", "/fhir/Patient/p1", STR_NULL, &header, 1);
	expect(REFUSAL_SCOPE_MISSING, &answer);
	assert_non_null(strstr(arena_str(&p->arena, http_answer_header(&answer.http, "WWW-Authenticate")).p,
			       "scope=\"system/Patient.d\""));
	change(S("svc"), true, 0);
	bearer(REFUSAL_TOKEN_CLIENT, token);
	post(REFUSAL_CLIENT_DISABLED, "/auth/token", BACKEND(""), place_basic(p, "svc", secret.p));
	change(S("svc"), false, place_now() - 1);
	post(REFUSAL_CLIENT_EXPIRED, "/auth/token", BACKEND(""), place_basic(p, "svc", secret.p));
	change(S("svc"), false, 0);
	assert_int_equal(place_read_status(p, 0, token), 200);
	place_post(p, 0, "/auth/revoke", arena_printf(&p->arena, "token=%.*s", STR_ARG(token)),
		   place_basic(p, "svc", secret.p));
	bearer(REFUSAL_TOKEN_REVOKED, token);
	token = backend_token("svc", secret);
	assert_int_equal(place_read_status(p, 0, token), 200);
	place_wait(301 * 1000);
	bearer(REFUSAL_TOKEN_EXPIRED, token);
}

/* ---- who asks for tokens --------------------------------------------------------------------------------------------
 */

static void clients(void **state)
{
	(void)state;
	ask(REFUSAL_REQUEST_MALFORMED, S("grant_type=%zz"));
	ask(REFUSAL_PARAMETER_MISSING, S("scope=system/*.rs"));
	ask(REFUSAL_PARAMETER_REPEATED, S("grant_type=a&grant_type=b"));
	ask(REFUSAL_GRANT_TYPE, S("grant_type=password&username=a&password=b"));
	ask(REFUSAL_GRANT_TYPE_CLIENT, BACKEND("&client_id=public"));
	ask(REFUSAL_CLIENT_UNKNOWN, BACKEND("&client_id=nobody"));
	ask(REFUSAL_CLIENT_AUTH_MISSING, BACKEND(""));
	post(REFUSAL_CLIENT_AUTH_METHOD, "/auth/token", BACKEND(""), place_basic(p, "signed", "x"));
	post(REFUSAL_CLIENT_AUTH_TWICE, "/auth/token", BACKEND("&client_secret=x"), place_basic(p, "secret", "x"));
	post(REFUSAL_CREDENTIALS_MALFORMED, "/auth/token", BACKEND(""), S("Basic ***"));
	post(REFUSAL_SECRET_WRONG, "/auth/token", BACKEND(""), place_basic(p, "secret", "x"));
	struct str secret = add_client((struct smart_client){.client_id = S("old"),
							     .auth = AUTH_SECRET_BASIC,
							     .grant_types = S("client_credentials"),
							     .secret_expires_ms = place_now() + DAY_MS});
	ask(REFUSAL_SCOPE_ABSENT,
	    arena_printf(&p->arena, "grant_type=client_credentials%.*s", STR_ARG(place_assertion(p, "backend", 1))));
	ask(REFUSAL_SCOPE_UNREGISTERED, arena_printf(&p->arena, "grant_type=client_credentials&scope=system/*.cud%.*s",
						     STR_ARG(place_assertion(p, "backend", 1))));
	place_wait(2 * DAY_MS);
	post(REFUSAL_SECRET_EXPIRED, "/auth/token", BACKEND(""), place_basic(p, "old", secret.p));
	struct place_answer answer = {0};
	for (int i = 0; i < 40 && !str_is(code_of(&answer), "too-many-attempts"); i++)
		answer = place_post(p, 0, "/auth/token", BACKEND(""), place_basic(p, "old", "guess"));
	expect(REFUSAL_THROTTLED, &answer);
}

/* ---- signed assertions ----------------------------------------------------------------------------------------------
 */

/* Claims as given, signed by the key; aud is this server's token endpoint when it is NULL. */
static struct str signed_form(int key, const char *iss, const char *aud, long long exp_s, const char *rest)
{
	struct error err = {0};
	struct buf claims, token;
	buf_init(&claims, 4096);
	buf_init(&token, 1 << 16);
	buf_printf(&claims, "{\"iss\":\"%s\",\"sub\":\"backend\",\"aud\":\"%s%s\"", iss, aud ? aud : p->servers[0].base,
		   aud ? "" : "/auth/token");
	if (exp_s)
		buf_printf(&claims, ",\"exp\":%lld", (long long)(place_now() / 1000 + exp_s));
	buf_printf(&claims, "%s}", rest);
	assert_true(jose_sign(p->keys[key], buf_str(&claims), &token, &err));
	struct str form =
		arena_printf(&p->arena,
			     "grant_type=client_credentials&scope=system/*.rs&client_assertion_type=urn%%3Aietf"
			     "%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer&client_assertion=%.*s",
			     STR_ARG(buf_str(&token)));
	buf_done(&claims);
	buf_done(&token);
	return form;
}

static void assertions(void **state)
{
	(void)state;
	ask(REFUSAL_ASSERTION_TYPE, BACKEND("&client_assertion_type=saml&client_assertion=a.b.c"));
	ask(REFUSAL_ASSERTION_MALFORMED, BACKEND("&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:"
						 "jwt-bearer&client_assertion=abc"));
	/* {"alg":"none"}.{"iss":"backend","sub":"backend"} */
	ask(REFUSAL_ASSERTION_ALGORITHM,
	    BACKEND("&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion="
		    "eyJhbGciOiJub25lIn0.eyJpc3MiOiJiYWNrZW5kIiwic3ViIjoiYmFja2VuZCJ9."));
	ask(REFUSAL_ASSERTION_SUBJECT, signed_form(1, "signed", NULL, 100, ",\"jti\":\"1\""));
	ask(REFUSAL_ASSERTION_AUDIENCE, signed_form(1, "backend", "https://other/token", 100, ",\"jti\":\"1\""));
	ask(REFUSAL_ASSERTION_EXPIRY, signed_form(1, "backend", NULL, 0, ",\"jti\":\"1\""));
	ask(REFUSAL_ASSERTION_EXPIRED, signed_form(1, "backend", NULL, -100, ",\"jti\":\"1\""));
	ask(REFUSAL_ASSERTION_LONG, signed_form(1, "backend", NULL, 4000, ",\"jti\":\"1\""));
	ask(REFUSAL_ASSERTION_EARLY, signed_form(1, "backend", NULL, 100, ",\"jti\":\"1\",\"nbf\":99999999999"));
	ask(REFUSAL_ASSERTION_ID, signed_form(1, "backend", NULL, 100, ""));
	ask(REFUSAL_ASSERTION_KEY, signed_form(0, "backend", NULL, 100, ",\"jti\":\"1\""));
	struct str form = signed_form(1, "backend", NULL, 100, ",\"jti\":\"2\"");
	struct str forged = arena_str(&p->arena, form);
	char *at = (char *)(uintptr_t)forged.p + forged.n - 20;
	*at = *at == 'A' ? 'B' : 'A';
	ask(REFUSAL_ASSERTION_SIGNATURE, forged);
	assert_int_equal(place_post(p, 0, "/auth/token", form, STR_NULL).status, 200);
	ask(REFUSAL_ASSERTION_REPLAYED, form);
	add_client((struct smart_client){.client_id = S("away"),
					 .auth = AUTH_PRIVATE_KEY,
					 .jwks_url = S("http://127.0.0.1:1/jwks"),
					 .grant_types = S("client_credentials")});
	ask(REFUSAL_KEYS_UNREACHABLE, arena_printf(&p->arena, "grant_type=client_credentials&scope=system/*.rs%.*s",
						   STR_ARG(place_assertion(p, "away", 1))));
}

/* ---- codes and refresh tokens
 * ---------------------------------------------------------------------------------------- */

static const struct place_login usual;

static struct str code_form(const char *client, const char *redirect, const char *verifier)
{
	struct str code = place_code(p, &usual);
	return arena_printf(&p->arena, "grant_type=authorization_code&client_id=%s&code=%.*s&redirect_uri=%s%s%s",
			    client, STR_ARG(code), redirect, verifier ? "&code_verifier=" : "",
			    verifier ? verifier : "");
}

static struct str refresh_form(struct str token, const char *rest)
{
	return arena_printf(&p->arena, "grant_type=refresh_token&refresh_token=%.*s%s", STR_ARG(token), rest);
}

static struct str new_refresh(void)
{
	return json_get_str(place_tokens(p, &usual), S("refresh_token"));
}

static void codes(void **state)
{
	const char *wrong = "0000000000000000000000000000000000000000000";
	(void)state;
	ask(REFUSAL_CODE_UNKNOWN,
	    S("grant_type=authorization_code&client_id=public&code=xyz&redirect_uri=" PLACE_REDIRECT
	      "&code_verifier=" PLACE_VERIFIER));
	ask(REFUSAL_CODE_CLIENT, code_form("other", PLACE_REDIRECT, PLACE_VERIFIER));
	ask(REFUSAL_CODE_REDIRECT, code_form("public", "https://elsewhere.example.org/cb", PLACE_VERIFIER));
	ask(REFUSAL_PKCE_MISSING, code_form("public", PLACE_REDIRECT, NULL));
	ask(REFUSAL_PKCE_WRONG, code_form("public", PLACE_REDIRECT, wrong));
	struct str form = code_form("public", PLACE_REDIRECT, PLACE_VERIFIER);
	assert_int_equal(place_post(p, 0, "/auth/token", form, STR_NULL).status, 200);
	ask(REFUSAL_CODE_USED, form);

	ask(REFUSAL_REFRESH_UNKNOWN,
	    refresh_form(S("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "&client_id=public"));
	struct str token = new_refresh();
	ask(REFUSAL_REFRESH_CLIENT, refresh_form(token, "&client_id=other"));
	token = new_refresh();
	ask(REFUSAL_SCOPE_WIDER, refresh_form(token, "&client_id=public&scope=user/*.cruds"));
	token = new_refresh();
	assert_int_equal(place_post(p, 0, "/auth/token", refresh_form(token, "&client_id=public"), STR_NULL).status,
			 200);
	ask(REFUSAL_REFRESH_USED, refresh_form(token, "&client_id=public"));
	token = new_refresh();
	place_post(p, 0, "/auth/revoke", arena_printf(&p->arena, "client_id=public&token=%.*s", STR_ARG(token)),
		   STR_NULL);
	ask(REFUSAL_REFRESH_REVOKED, refresh_form(token, "&client_id=public"));
}

/* ---- the authorization endpoint
 * --------------------------------------------------------------------------------------- */

#define REQUEST(redirect, type, aud, challenge, method, scope)                                                         \
	"client_id=public&state=s&redirect_uri=" redirect "&response_type=" type "&scope=" scope "&aud=" aud           \
	"&code_challenge=" challenge "&code_challenge_method=" method

static void request(enum refusal want, const char *query)
{
	struct smart_request asked;
	struct error err = {0};
	assert_false(smart_request_check(p->servers[0].smart, &p->arena, str_from(query), &asked, &err));
	expect_error(want, &err);
}

static void authorization_requests(void **state)
{
	char base[256], text[1024];
	struct error err = {0};
	struct smart_launch launch;
	(void)state;
	snprintf(base, sizeof(base), "%s/fhir", p->servers[0].base);
	request(REFUSAL_REDIRECT_UNREGISTERED,
		REQUEST("https://evil.example.org", "code", "x", PLACE_CHALLENGE, "S256", "openid"));
	request(REFUSAL_AUDIENCE_WRONG,
		REQUEST(PLACE_REDIRECT, "code", "https://other.example.org/fhir", PLACE_CHALLENGE, "S256", "openid"));
	snprintf(text, sizeof(text), REQUEST(PLACE_REDIRECT, "token", "%s", PLACE_CHALLENGE, "S256", "openid"), base);
	request(REFUSAL_RESPONSE_TYPE, text);
	snprintf(text, sizeof(text), REQUEST(PLACE_REDIRECT, "code", "%s", PLACE_CHALLENGE, "plain", "openid"), base);
	request(REFUSAL_PKCE_METHOD, text);
	snprintf(text, sizeof(text), REQUEST(PLACE_REDIRECT, "code", "%s", PLACE_CHALLENGE, "S256", "launch"), base);
	request(REFUSAL_LAUNCH_MISSING, text);
	assert_false(smart_launch_take(p->servers[0].smart, &p->arena, S("unknown"), S("public"), &launch, &err));
	expect_error(REFUSAL_LAUNCH_UNKNOWN, &err);
}

static void registration(void **state)
{
	static const struct http_header json = {S("Content-Type"), S("application/json")};
	(void)state;
	struct place_answer answer = place_send(p, 0, "POST", "/auth/register",
						S("{\"redirect_uris\":[\"http://app.example.org/cb\"]}"), &json, 1);
	expect(REFUSAL_REGISTRATION_REDIRECT, &answer);
	answer = place_send(p, 0, "POST", "/auth/register",
			    S("{\"redirect_uris\":[\"https://app.example.org/cb\"],\"grant_types\":[\"password\"]}"),
			    &json, 1);
	expect(REFUSAL_REGISTRATION_INVALID, &answer);
	struct error err = {0};
	place_close(p);
	assert_true(place_open(p, false, &err));
	answer = place_send(p, 0, "POST", "/auth/register", S("{\"redirect_uris\":[\"https://app.example.org/cb\"]}"),
			    &json, 1);
	expect(REFUSAL_REGISTRATION_CLOSED, &answer);
}

/* ---- the table
 * ------------------------------------------------------------------------------------------------------- */

/* What other tests provoke. */
static const struct {
	enum refusal refusal;
	const char *test;
} elsewhere[] = {
	{REFUSAL_FOREIGN_HOST, "tests/app/operator.sh"},
	{REFUSAL_FOREIGN_SITE, "tests/app/operator.sh"},
	{REFUSAL_OPERATOR_AWAY, "a peer that is not this machine cannot be made here"},
	{REFUSAL_OPERATOR_BROWSER, "tests/app/operator.sh"},
	{REFUSAL_OPERATOR_SECRET, "tests/app/operator.sh"},
	{REFUSAL_TOKEN_AUDIENCE, "tests/app/token.sh"},
	{REFUSAL_SCOPE_FILTER, "tests/unit/access: concealed, for firth why alone"},
	{REFUSAL_PATIENT_MISSING, "tests/unit/access: concealed, for firth why alone"},
	{REFUSAL_OUTSIDE_PATIENT, "tests/unit/access: concealed, for firth why alone"},
	{REFUSAL_OUTSIDE_TOKEN, "tests/http: writes outside of a scope"},
	{REFUSAL_POLICY, "tests/unit/access"},
	{REFUSAL_CONSENT, "tests/unit/access: concealed, for firth why alone"},
	{REFUSAL_OPERATOR_ONLY, "tests/http/guarded"},
	{REFUSAL_KEYS_UNUSABLE, "a client without keys cannot be registered"},
	{REFUSAL_SESSION_EXPIRED, "tests/auth/test_flow.c: online access"},
	{REFUSAL_USER_DENIED, "tests of the pages"},
};

static void every_refusal_has_a_scenario(void **state)
{
	size_t missing = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		/* A row that is provoked here needs no excuse. */
		assert_false(seen[elsewhere[i].refusal]);
		seen[elsewhere[i].refusal] = true;
	}
	for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++) {
		if (seen[i])
			continue;
		print_error("no scenario provokes %s\n", refusal_facts((enum refusal)i)->code);
		missing++;
	}
	assert_int_equal(missing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients),
		cmocka_unit_test(assertions),
		cmocka_unit_test(codes),
		cmocka_unit_test(authorization_requests),
		cmocka_unit_test(tokens),
		cmocka_unit_test(registration),
		cmocka_unit_test(every_refusal_has_a_scenario),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
