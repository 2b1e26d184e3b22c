/* The token endpoints of both faces, and what is answered to those who come without a token or with too little. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"
#include "jose/jose.h"

static struct str assertion(struct client_world *c, const char *client_id)
{
	struct buf token;
	struct error err = {0};
	char jti[UUID_SIZE];
	random_uuid(jti);
	int64_t now = clock_now_ms() / 1000;
	struct str audience = sandbox_token_url(c->world->sandbox);
	struct str claims =
		arena_printf(&c->arena,
			     "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"%.*s\",\"jti\":\"%.36s\","
			     "\"iat\":%lld,\"exp\":%lld}",
			     client_id, client_id, STR_ARG(audience), jti, (long long)now - 5, (long long)now + 200);
	buf_init(&token, 1 << 16);
	must(jose_sign(c->key, claims, &token, &err), &err);
	struct str copy = arena_str(&c->arena, buf_str(&token));
	buf_done(&token);
	return copy;
}

static struct http_answer request(struct client_world *c, const char *client_id, const char *scope)
{
	struct str form = arena_printf(&c->arena,
				       "grant_type=client_credentials&client_assertion_type="
				       "urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer&"
				       "client_assertion=%.*s%s%s",
				       STR_ARG(assertion(c, client_id)), scope ? "&scope=" : "", scope ? scope : "");
	return ask_url(c->world, sandbox_token_url(c->world->sandbox),
		       (struct asked){.method = "POST", .accept = "application/json", .body = form.p, .form = true});
}

static const struct json *granted(struct client_world *c, const char *scope, const char *lifetime)
{
	struct http_answer answer = request(c, "client-1", scope);
	if (answer.status != 200)
		fail_msg("%d %.*s", answer.status, STR_ARG(answer.body));
	const struct json *j = parsed(c->world, answer);
	assert_true(json_get_str(j, S("access_token")).n > 10);
	assert_true(str_is(json_number(json_get(j, S("expires_in"))), lifetime));
	assert_true(str_eq_nocase(json_get_str(j, S("token_type")), S("bearer")));
	return j;
}

static void epic_grants_what_is_registered(void **state)
{
	(void)state;
	struct client_world *c = open_client(EHR_EPIC, "system/Patient.r system/Patient.s", 1);
	const struct json *j = granted(c, NULL, "3600");
	assert_true(str_find(json_get_str(j, S("scope")), S("system/Patient.r")) != STR_NONE);
	j = granted(c, "system/Observation.rs", "3600");
	assert_true(str_find(json_get_str(j, S("scope")), S("system/Patient.r")) != STR_NONE);
	struct asked with = {.accept = "application/json", .token = json_get_str(j, S("access_token"))};
	assert_int_equal(ask(c->world, "Patient/$P", with).status, 200);
	struct http_answer answer = ask(c->world, "Encounter?patient=$P", with);
	assert_int_equal(answer.status, 403);
	assert_int_equal(answer.body.n, 0);
	assert_true(str_find(http_answer_header(&answer, "WWW-Authenticate"), S("insufficient_scope")) != STR_NONE);
	with.token = S("forged");
	answer = ask(c->world, "Patient/$P", with);
	assert_int_equal(answer.status, 401);
	assert_true(str_is(answer.body, "\"\""));
	assert_true(str_find(http_answer_header(&answer, "WWW-Authenticate"), S("error=\"invalid_token\"")) !=
		    STR_NONE);
	answer = request(c, "somebody", NULL);
	assert_int_equal(answer.status, 400);
	assert_true(str_is(answer.body, "{\"error\":\"invalid_client\",\"error_description\":null}"));
	close_client(c);
}

static void cerner_wants_scopes_by_name(void **state)
{
	(void)state;
	struct client_world *c = open_client(EHR_CERNER, "system/Patient.rs system/Observation.rs", 1);
	static const char *const none[] = {NULL, "", "system/*.rs", "system/Condition.rs"};
	for (size_t i = 0; i < 4; i++) {
		struct http_answer answer = request(c, "client-1", none[i]);
		const struct json *j = parsed(c->world, answer);
		assert_int_equal(answer.status, 400);
		assert_true(str_is(json_get_str(j, S("error")), "invalid_scope"));
		assert_int_equal(json_size(j), 2);
		struct str uri = json_get_str(j, S("error_uri")),
			   id = http_answer_header(&answer, "Cerner-Correlation-ID");
		assert_int_equal(id.n, 36);
		assert_true(str_find(uri, S("token%3Aempty-scopes/instances/")) != STR_NONE);
		assert_true(str_find(uri, id) != STR_NONE);
		assert_true(str_find(uri, S("&tenant=" CERNER_TENANT)) != STR_NONE);
	}
	const struct json *j = granted(c, "system/Patient.rs system/Condition.rs", "570");
	assert_true(str_is(json_get_str(j, S("scope")), "system/Patient.rs"));
	struct asked with = {.accept = "application/json", .token = json_get_str(j, S("access_token"))};
	assert_int_equal(ask(c->world, "Patient/$P", with).status, 200);
	struct http_answer answer = ask(c->world, "Observation?patient=$P", with);
	assert_int_equal(answer.status, 403);
	j = parsed(c->world, answer);
	assert_true(str_is(json_number(json_get(j, S("code"))), "403"));
	assert_true(str_find(json_get_str(j, S("message")), S("insufficient-scopes")) != STR_NONE);
	answer = ask(c->world, "Patient/$P", JSON);
	assert_int_equal(answer.status, 401);
	assert_true(str_find(answer.body, S("token-required")) != STR_NONE);
	answer = request(c, "somebody", "system/Patient.rs");
	assert_int_equal(answer.status, 400);
	assert_true(str_find(answer.body, S("\"error\":\"invalid_client\"")) != STR_NONE);
	assert_true(str_find(answer.body, S("error_description")) == STR_NONE);
	close_client(c);
}

static void discovery_is_open_to_all(void **state)
{
	(void)state;
	for (int v = EHR_EPIC; v <= EHR_CERNER; v++) {
		struct client_world *c = open_client(v, "", 1);
		const struct json *j = get(c->world, ".well-known/smart-configuration");
		assert_true(str_eq(json_get_str(j, S("token_endpoint")), sandbox_token_url(c->world->sandbox)));
		assert_int_equal(ask(c->world, "metadata", JSON).status, 200);
		/* A client registered without scopes may have everything there is. */
		j = granted(c, "system/Patient.rs system/Observation.rs", v == EHR_EPIC ? "3600" : "570");
		assert_true(str_find(json_get_str(j, S("scope")), S("system/Observation.")) != STR_NONE);
		close_client(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(epic_grants_what_is_registered),
		cmocka_unit_test(cerner_wants_scopes_by_name),
		cmocka_unit_test(discovery_is_open_to_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
