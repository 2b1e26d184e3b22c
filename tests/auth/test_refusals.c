/*
 * Each reason for a refusal, provoked by a request: here those of tokens, clients and the authorization server; the
 * other files have those of pages, of access, and of the program around it. The last test holds the table of refusals
 * to it: a row without a scenario is an error.
 */
#include "refusals.h"

#include <unistd.h>

#define DAY_MS (24LL * 60 * 60 * 1000)

static struct place open_place;
struct place *p = &open_place;

static int begin(void **state)
{
	struct error err = {0};
	(void)state;
	if (place_open(p, &(struct place_options){.registration = true, .people = true}, &err))
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

static void ask(enum refusal want, struct str form)
{
	refusal_post(want, "/auth/token", form, STR_NULL);
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
	refusal_expect(want, &answer);
}

static void tokens(void **state)
{
	(void)state;
	const struct http_header basic = {S("Authorization"), S("Basic eDp5")};
	bearer(REFUSAL_TOKEN_MISSING, STR_NULL);
	struct place_answer answer = place_send(p, 0, "GET", "/fhir/Patient/p1", STR_NULL, &basic, 1);
	refusal_expect(REFUSAL_TOKEN_SCHEME, &answer);
	bearer(REFUSAL_TOKEN_MALFORMED, S("abc"));
	bearer(REFUSAL_TOKEN_UNKNOWN, S("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));

	struct str secret = add_client((struct smart_client){
		.client_id = S("svc"), .auth = AUTH_SECRET_BASIC, .grant_types = S("client_credentials")});
	struct str token = backend_token("svc", secret);
	const struct http_header header = {S("Authorization"), arena_printf(&p->arena, "Bearer %.*s", STR_ARG(token))};
	answer = place_send(p, 0, "DELETE", "/fhir/Patient/p1", STR_NULL, &header, 1);
	refusal_expect(REFUSAL_SCOPE_MISSING, &answer);
	assert_non_null(strstr(arena_str(&p->arena, http_answer_header(&answer.http, "WWW-Authenticate")).p,
			       "scope=\"system/Patient.d\""));
	change(S("svc"), true, 0);
	bearer(REFUSAL_TOKEN_CLIENT, token);
	refusal_post(REFUSAL_CLIENT_DISABLED, "/auth/token", BACKEND(""), place_basic(p, "svc", secret.p));
	change(S("svc"), false, place_now() - 1);
	refusal_post(REFUSAL_CLIENT_EXPIRED, "/auth/token", BACKEND(""), place_basic(p, "svc", secret.p));
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

/* Not only a token that this process still had in mind: the store tells one that is over from one that never was. */
static void expired_tokens(void **state)
{
	struct error err = {0};
	(void)state;
	p->options.token_lifetime_s = 3;
	assert_true(place_restart(p, &err));
	struct str secret = add_client((struct smart_client){
		.client_id = S("brief"), .auth = AUTH_SECRET_BASIC, .grant_types = S("client_credentials")});
	struct str own = backend_token("brief", secret);
	struct str persons = json_get_str(place_tokens(p, &(struct place_login){0}), S("access_token"));
	assert_int_equal(place_read_status(p, 0, own), 200);
	usleep(3200 * 1000);
	p->options.token_lifetime_s = 0;
	assert_true(place_restart(p, &err));
	struct place_answer answer = place_fetch(p, 1, "/fhir/Patient/p1", own);
	assert_true(str_find(answer.http.body, S("had an end at 20")) != STR_NONE);
	bearer(REFUSAL_TOKEN_EXPIRED, own);
	bearer(REFUSAL_TOKEN_EXPIRED, persons);
	/* It is no more than that: not active, and nothing to revoke. */
	answer = place_post(p, 0, "/auth/introspect", arena_printf(&p->arena, "token=%.*s", STR_ARG(persons)),
			    place_basic(p, "secret", PLACE_SECRET));
	assert_true(str_is(answer.http.body, "{\"active\":false}"));
	answer = place_post(p, 0, "/auth/revoke",
			    arena_printf(&p->arena, "client_id=public&token=%.*s", STR_ARG(persons)), STR_NULL);
	assert_int_equal(answer.status, 200);
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
	refusal_post(REFUSAL_CLIENT_AUTH_METHOD, "/auth/token", BACKEND(""), place_basic(p, "signed", "x"));
	refusal_post(REFUSAL_CLIENT_AUTH_TWICE, "/auth/token", BACKEND("&client_secret=x"),
		     place_basic(p, "secret", "x"));
	refusal_post(REFUSAL_CREDENTIALS_MALFORMED, "/auth/token", BACKEND(""), S("Basic ***"));
	refusal_post(REFUSAL_SECRET_WRONG, "/auth/token", BACKEND(""), place_basic(p, "secret", "x"));
	struct str secret = add_client((struct smart_client){.client_id = S("old"),
							     .auth = AUTH_SECRET_BASIC,
							     .grant_types = S("client_credentials"),
							     .secret_expires_ms = place_now() + DAY_MS});
	ask(REFUSAL_SCOPE_ABSENT,
	    arena_printf(&p->arena, "grant_type=client_credentials%.*s", STR_ARG(place_assertion(p, "backend", 1))));
	ask(REFUSAL_SCOPE_UNREGISTERED, arena_printf(&p->arena, "grant_type=client_credentials&scope=system/*.cud%.*s",
						     STR_ARG(place_assertion(p, "backend", 1))));
	place_wait(2 * DAY_MS);
	refusal_post(REFUSAL_SECRET_EXPIRED, "/auth/token", BACKEND(""), place_basic(p, "old", secret.p));
	struct place_answer answer = {0};
	for (int i = 0; i < 40 && answer.status != 429; i++)
		answer = place_post(p, 0, "/auth/token", BACKEND(""), place_basic(p, "old", "guess"));
	refusal_expect(REFUSAL_THROTTLED, &answer);
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
	/* A document that is no key set. */
	add_client((struct smart_client){
		.client_id = S("keyless"),
		.auth = AUTH_PRIVATE_KEY,
		.jwks_url = arena_printf(&p->arena, "%s/fhir/.well-known/smart-configuration", p->servers[0].base),
		.grant_types = S("client_credentials")});
	ask(REFUSAL_KEYS_UNUSABLE, arena_printf(&p->arena, "grant_type=client_credentials&scope=system/*.rs%.*s",
						STR_ARG(place_assertion(p, "keyless", 1))));
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

/* Online access, whose session the person ended. */
static void sessions_end(void)
{
	struct error err = {0};
	const struct store_fact session = {
		.shelf = S("session"), .key = S("s-1"), .value = S("{}"), .expires_ms = place_now() + DAY_MS};
	assert_true(store_fact_put(p->servers[0].store, &session, &err));
	const struct json *j = place_tokens(
		p, &(struct place_login){.scope = "launch/patient online_access patient/*.rs", .session = "s-1"});
	const struct store_fact gone = {.shelf = S("session"), .key = S("s-1")};
	assert_true(store_fact_put(p->servers[0].store, &gone, &err));
	ask(REFUSAL_SESSION_EXPIRED, refresh_form(json_get_str(j, S("refresh_token")), "&client_id=public"));
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
	sessions_end();
}

/* ---- the authorization endpoint
 * --------------------------------------------------------------------------------------- */

#define REQUEST(redirect, type, aud, challenge, method, scope)                                                         \
	"client_id=public&state=s&redirect_uri=" redirect "&response_type=" type "&scope=" scope "&aud=" aud           \
	"&code_challenge=" challenge "&code_challenge_method=" method

/* What cannot be answered to the app is a page; the rest goes back to it. */
static void request(enum refusal want, const char *query)
{
	struct str path = arena_printf(&p->arena, "/auth/authorize?%s", query);
	const struct place_answer answer = place_send(p, 0, "GET", path.p, STR_NULL, NULL, 0);
	if (answer.status != 303) {
		refusal_expect_page(want, &answer);
		return;
	}
	struct str to = http_answer_header(&answer.http, "Location");
	assert_true(str_starts(to, S(PLACE_REDIRECT "?error=")));
	refusal_expect_kept(want, p->servers[0].store, http_answer_header(&answer.http, "X-Request-Id"));
}

static void authorization_requests(void **state)
{
	char base[256], text[1024];
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
	snprintf(text, sizeof(text),
		 REQUEST(PLACE_REDIRECT, "code", "%s", PLACE_CHALLENGE, "S256", "launch") "&launch=unknown", base);
	request(REFUSAL_LAUNCH_UNKNOWN, text);
}

static void registration(void **state)
{
	static const struct http_header json = {S("Content-Type"), S("application/json")};
	(void)state;
	struct place_answer answer = place_send(p, 0, "POST", "/auth/register",
						S("{\"redirect_uris\":[\"http://app.example.org/cb\"]}"), &json, 1);
	refusal_expect(REFUSAL_REGISTRATION_REDIRECT, &answer);
	answer = place_send(p, 0, "POST", "/auth/register",
			    S("{\"redirect_uris\":[\"https://app.example.org/cb\"],\"grant_types\":[\"password\"]}"),
			    &json, 1);
	refusal_expect(REFUSAL_REGISTRATION_INVALID, &answer);
	struct error err = {0};
	place_close(p);
	assert_true(place_open(p, &(struct place_options){0}, &err));
	answer = place_send(p, 0, "POST", "/auth/register", S("{\"redirect_uris\":[\"https://app.example.org/cb\"]}"),
			    &json, 1);
	refusal_expect(REFUSAL_REGISTRATION_CLOSED, &answer);
}

/* ---- the table
 * ------------------------------------------------------------------------------------------------------- */

static void every_refusal_has_a_scenario(void **state)
{
	size_t missing = 0;
	(void)state;
	for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++) {
		if (refusal_seen((enum refusal)i))
			continue;
		print_error("no scenario provokes %s\n", refusal_facts((enum refusal)i)->code);
		missing++;
	}
	assert_int_equal(missing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: the store goes by its own clock, which nothing here moves. */
		cmocka_unit_test(expired_tokens),
		cmocka_unit_test(refusals_of_access), /* brings patients */
		cmocka_unit_test(refusals_of_pages),
		cmocka_unit_test(refusals_of_providers),
		cmocka_unit_test(refusals_of_silent_requests),
		cmocka_unit_test(refusals_of_breaking_glass),
		cmocka_unit_test(refusals_of_strangers),
		cmocka_unit_test(refusals_of_the_operators_door),
		cmocka_unit_test(refusals_of_foreign_tokens),
		cmocka_unit_test(refusals_of_calling_ehrs),
		cmocka_unit_test(clients),
		cmocka_unit_test(assertions),
		cmocka_unit_test(codes),
		cmocka_unit_test(authorization_requests),
		cmocka_unit_test(tokens),
		cmocka_unit_test(registration),
		cmocka_unit_test(every_refusal_has_a_scenario),
	};
	network_widen();
	return cmocka_run_group_tests(tests, begin, end);
}
