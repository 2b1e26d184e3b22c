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

static void row_11_epic_grants_what_is_registered_C(void **state)
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

static void row_11_cerner_wants_scopes_by_name_C(void **state)
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

/* ---- registering apps ------------------------------------------------------------------------------------------- */

static struct http_answer register_app(struct client_world *c, const char *accept, const char *body, const char *type)
{
	struct str url = arena_printf(&c->arena, "%.*s/sandbox/apps", STR_ARG(c->world->host));
	return ask_url(c->world, url,
		       (struct asked){.method = body ? "POST" : "GET", .accept = accept, .body = body, .type = type});
}

static struct str public_keys(struct client_world *c)
{
	struct buf keys;
	struct error err = {0};
	buf_init(&keys, 1 << 16);
	must(jose_key_write_public_set(c->key, &keys, &err), &err);
	struct str copy = arena_str(&c->arena, buf_str(&keys));
	buf_done(&keys);
	return copy;
}

static void apps_get_two_ids_and_one_works(void **state)
{
	(void)state;
	for (int v = EHR_EPIC; v <= EHR_CERNER; v++) {
		struct client_world *c = open_client(v, "", 1);
		const char *body = arena_printf(&c->arena,
						"{\"client_name\":\"Growth <chart>\",\"jwks\":%.*s,\"scope\":"
						"\"system/Patient.rs\"}",
						STR_ARG(public_keys(c)))
					   .p;
		assert_int_equal(register_app(c, "*/*", body, "text/plain").status, 403);
		assert_int_equal(register_app(c, "*/*", "{\"client_name\":7}", "application/json").status, 400);
		struct http_answer answer = register_app(c, "*/*", body, "application/json");
		if (answer.status != 201)
			fail_msg("%d %.*s", answer.status, STR_ARG(answer.body));
		const struct json *app = json_get(parsed(c->world, answer), S("app"));
		struct str here = arena_str(&c->arena, json_get_str(app, S("client_id")));
		struct str there = arena_str(&c->arena, json_get_str(app, S("production_client_id")));
		assert_true(here.n == 36 && there.n == 36 && !str_eq(here, there));
		assert_int_equal(request(c, here.p, "system/Patient.rs").status, 200);
		assert_int_equal(request(c, there.p, "system/Patient.rs").status, 400); /* of another environment */
		struct str page = register_app(c, "text/html", NULL, NULL).body;
		assert_true(str_find(page, S("Growth &lt;chart&gt;")) != STR_NONE);
		assert_true(str_find(page, there) != STR_NONE);
		assert_true(str_find(register_app(c, "*/*", NULL, NULL).body, here) != STR_NONE);
		close_client(c);
	}
}

static void an_app_waits_for_its_activation(void **state)
{
	(void)state;
	struct client_world *c = open_client_behaving(EHR_EPIC, "", 1, "activation-seconds=1800");
	const char *body =
		arena_printf(&c->arena, "{\"client_name\":\"Late\",\"jwks\":%.*s}", STR_ARG(public_keys(c))).p;
	struct http_answer answer = register_app(c, "*/*", body, "application/json");
	assert_int_equal(answer.status, 201);
	const struct json *app = json_get(parsed(c->world, answer), S("app"));
	assert_false(json_bool(json_get(app, S("active"))));
	struct str id = arena_str(&c->arena, json_get_str(app, S("client_id")));
	answer = request(c, id.p, NULL);
	assert_int_equal(answer.status, 400);
	assert_true(str_is(answer.body, "{\"error\":\"invalid_client\",\"error_description\":null}"));
	assert_int_equal(request(c, "client-1", NULL).status, 200);
	close_client(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_11_epic_grants_what_is_registered_C),
		cmocka_unit_test(row_11_cerner_wants_scopes_by_name_C),
		cmocka_unit_test(discovery_is_open_to_all),
		cmocka_unit_test(apps_get_two_ids_and_one_works),
		cmocka_unit_test(an_app_waits_for_its_activation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
