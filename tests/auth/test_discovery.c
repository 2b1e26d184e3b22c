/*
 * What apps find out by themselves: the discovery documents and that they tell the truth, id_tokens and the keys that
 * they are checked with, across a rotation, and registration.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "place.h"

static int setup(void **state)
{
	return place_set_up_as(state, &(struct place_options){.registration = true});
}

static struct str member(const struct json *j, const char *name)
{
	return json_get_str(j, str_from(name));
}

static bool has(const struct json *list, const char *word)
{
	for (struct json_iter it = json_iter(list); json_next(&it);)
		if (str_is(json_str(it.value), word))
			return true;
	return false;
}

/* ---- documents
 * ------------------------------------------------------------------------------------------------------- */

static void documents_agree(void **state)
{
	struct place *p = *state;
	static const char *const paths[] = {
		"/fhir/.well-known/smart-configuration", "/fhir/.well-known/openid-configuration",
		"/.well-known/oauth-authorization-server/fhir", "/.well-known/openid-configuration/fhir"};
	struct str issuer = smart_issuer(p->servers[0].smart), first = STR_NULL;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct place_answer answer = place_fetch(p, i % 2, paths[i], STR_NULL);
		assert_int_equal(answer.status, 200);
		assert_true(str_is(answer.http.content_type, "application/json"));
		assert_true(str_is(http_answer_header(&answer.http, "Access-Control-Allow-Origin"), "*"));
		assert_true(str_eq(member(answer.json, "issuer"), issuer));
		assert_true(has(json_get(answer.json, S("code_challenge_methods_supported")), "S256"));
		assert_false(has(json_get(answer.json, S("code_challenge_methods_supported")), "plain"));
		assert_true(has(json_get(answer.json, S("capabilities")), "launch-ehr"));
		assert_true(json_bool(json_get(answer.json, S("authorization_response_iss_parameter_supported"))));
		if (!i)
			first = answer.http.body;
		assert_true(str_eq(answer.http.body, first));
	}
	struct place_answer resource = place_fetch(p, 0, "/.well-known/oauth-protected-resource/fhir", STR_NULL);
	assert_true(str_eq(member(resource.json, "resource"), issuer));
	assert_true(str_eq(json_str(json_at(json_get(resource.json, S("authorization_servers")), 0)), issuer));
	assert_int_equal(place_fetch(p, 0, "/.well-known/oauth-authorization-server", STR_NULL).status, 404);
	assert_int_equal(place_fetch(p, 0, "/.well-known/oauth-authorization-server/other", STR_NULL).status, 404);
}

/* Each endpoint that is named answers, if only to say that more is needed. */
static void endpoints_are_there(void **state)
{
	struct place *p = *state;
	const struct json *j = place_fetch(p, 0, "/fhir/.well-known/smart-configuration", STR_NULL).json;
	static const char *const names[] = {"token_endpoint", "introspection_endpoint", "revocation_endpoint",
					    "registration_endpoint", "userinfo_endpoint"};
	size_t base = strlen(p->servers[0].base);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str url = member(j, names[i]);
		assert_true(str_starts(url, str_from(p->servers[0].base)));
		struct place_answer answer = place_post(p, 0, url.p + base, S(""), STR_NULL);
		if (answer.status != 400 && answer.status != 401)
			fail_msg("%s: %d", names[i], answer.status);
		assert_true(member(answer.json, "error").n > 0);
	}
	const struct json *statement = place_fetch(p, 0, "/fhir/metadata", STR_NULL).json;
	const struct json *security = json_get(json_at(json_get(statement, S("rest")), 0), S("security"));
	const struct json *uris = json_at(json_get(security, S("extension")), 0);
	assert_true(
		str_is(member(uris, "url"), "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"));
	bool token = false;
	for (struct json_iter it = json_iter(json_get(uris, S("extension"))); json_next(&it);)
		token = token || (str_is(member(it.value, "url"), "token") &&
				  str_eq(member(it.value, "valueUri"), member(j, "token_endpoint")));
	assert_true(token);
}

/* ---- who the person is
 * ------------------------------------------------------------------------------------------------ */

static const struct json *verified(struct place *p, int server, struct str token, struct str *ret_kid)
{
	struct error err = {0};
	struct jose_token read;
	struct jose_key_set *set =
		jose_key_set_parse_for(place_fetch(p, server, "/auth/jwks", STR_NULL).json, JOSE_OPENID, &err);
	if (!set || !jose_verify(&p->arena, token, set, &read, &err))
		fail_msg("%s", err.text);
	jose_key_set_free(set);
	*ret_kid = read.kid;
	return read.claims;
}

static void id_tokens_can_be_checked(void **state)
{
	struct place *p = *state;
	const struct json *j = place_tokens(p, &(struct place_login){0});
	struct str kid, issuer = smart_issuer(p->servers[0].smart);
	const struct json *claims = verified(p, 1, member(j, "id_token"), &kid);
	int64_t iat = 0, exp = 0, auth = 0;
	assert_true(str_eq(member(claims, "iss"), issuer));
	assert_true(str_is(member(claims, "aud"), "public"));
	assert_true(str_is(member(claims, "nonce"), "n-1"));
	assert_true(
		str_eq(member(claims, "fhirUser"), arena_printf(&p->arena, "%.*s/Practitioner/7", STR_ARG(issuer))));
	assert_null(json_get(claims, S("profile")));
	assert_true(str_to_i64(json_number(json_get(claims, S("iat"))), &iat));
	assert_true(str_to_i64(json_number(json_get(claims, S("exp"))), &exp));
	assert_true(str_to_i64(json_number(json_get(claims, S("auth_time"))), &auth));
	assert_true(exp == iat + 3600 && auth <= iat);
	/* The same person is the same at another app, and another person is not. */
	struct str sub = member(claims, "sub");
	j = place_tokens(p, &(struct place_login){.client = "other", .scope = "openid"});
	assert_true(str_eq(member(verified(p, 0, member(j, "id_token"), &kid), "sub"), sub));
	j = place_tokens(p, &(struct place_login){.user = "ben", .scope = "openid"});
	assert_false(str_eq(member(verified(p, 0, member(j, "id_token"), &kid), "sub"), sub));
	/* Not asked for: not told. */
	j = place_tokens(p, &(struct place_login){.scope = "launch/patient patient/*.rs"});
	assert_null(json_get(j, S("id_token")));
}

/* A pair is made when somebody needs it, and published before anybody sees what it signed. */
static void clients_choose_the_algorithm(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	struct str kid, secret;
	struct smart_client client = {.client_id = S("strict"),
				      .scope = S("openid"),
				      .redirect_uris = S(PLACE_REDIRECT),
				      .auth = AUTH_NONE,
				      .id_token_alg = S("ES384")};
	assert_true(smart_client_add(p->servers[0].smart, &p->arena, &client, &secret, &err));
	struct str token =
		member(place_tokens(p, &(struct place_login){.client = "strict", .scope = "openid"}), "id_token");
	struct jose_token read;
	assert_true(jose_peek(&p->arena, token, &read, &err));
	assert_true(str_is(read.algorithm, "ES384"));
	verified(p, 1, token, &kid);
}

static void keys_rotate_with_overlap(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	struct str before, now, after;
	struct str old = member(place_tokens(p, &(struct place_login){0}), "id_token");
	verified(p, 0, old, &before);
	assert_int_equal(json_size(json_get(place_fetch(p, 0, "/auth/jwks", STR_NULL).json, S("keys"))), 1);
	assert_true(smart_keys_rotate(p->servers[1].smart, &p->arena, &err));
	for (int i = 0; i < 1000; i++) { /* until the other server has heard of it */
		if (json_size(json_get(place_fetch(p, 0, "/auth/jwks", STR_NULL).json, S("keys"))) == 2)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
	/* Published, but nobody signs with it before everybody can know it. */
	assert_int_equal(json_size(json_get(place_fetch(p, 0, "/auth/jwks", STR_NULL).json, S("keys"))), 2);
	verified(p, 0, member(place_tokens(p, &(struct place_login){0}), "id_token"), &now);
	assert_true(str_eq(now, before));
	place_wait(11 * 60 * 1000);
	verified(p, 1, member(place_tokens(p, &(struct place_login){0}), "id_token"), &after);
	assert_false(str_eq(after, before));
	verified(p, 0, old, &now);
	place_wait((int64_t)25 * 3600 * 1000);
	assert_int_equal(json_size(json_get(place_fetch(p, 0, "/auth/jwks", STR_NULL).json, S("keys"))), 1);
	assert_true(str_find(place_fetch(p, 0, "/auth/jwks", STR_NULL).http.body, S("\"d\"")) == STR_NONE);
}

/* ---- registration
 * ------------------------------------------------------------------------------------------------------ */

static struct place_answer register_app(struct place *p, const char *metadata)
{
	const struct http_header json = {S("Content-Type"), S("application/json")};
	return place_send(p, 0, "POST", "/auth/register", str_from(metadata), &json, 1);
}

static void apps_register_themselves(void **state)
{
	struct place *p = *state;
	struct place_answer answer =
		register_app(p, "{\"client_name\":\"New\",\"redirect_uris\":[\"https://app.example.org/cb\"],"
				"\"token_endpoint_auth_method\":\"client_secret_post\",\"scope\":\"launch/patient "
				"openid patient/*.rs\","
				"\"client_id\":\"mine\",\"contacts\":[\"a@example.org\"]}");
	if (answer.status != 201)
		fail_msg("%.*s", STR_ARG(answer.http.body));
	struct str id = member(answer.json, "client_id"), secret = member(answer.json, "client_secret");
	assert_true(id.n == 43 && secret.n == 43);
	assert_true(str_is(json_number(json_get(answer.json, S("client_secret_expires_at"))), "0"));
	assert_true(has(json_get(answer.json, S("grant_types")), "authorization_code"));
	struct place_login login = {.client = id.p, .scope = "openid patient/*.rs"};
	struct str form = arena_printf(&p->arena, "%.*s&client_secret=%.*s",
				       STR_ARG(place_code_form(p, id.p, place_code(p, &login))), STR_ARG(secret));
	assert_int_equal(place_post(p, 1, "/auth/token", form, STR_NULL).status, 200);
	answer = register_app(p,
			      "{\"redirect_uris\":[\"http://127.0.0.1/cb\"],\"token_endpoint_auth_method\":\"none\"}");
	assert_int_equal(answer.status, 201);
	assert_null(json_get(answer.json, S("client_secret")));
	assert_true(str_find(member(answer.json, "scope"), S("patient/*.rs")) != STR_NONE);
	assert_true(str_find(member(answer.json, "scope"), S("system/")) == STR_NONE);
}

static void registration_is_checked(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *metadata, *error;
	} cases[] = {
		{"", "invalid_client_metadata"},
		{"[]", "invalid_client_metadata"},
		{"{}", "invalid_client_metadata"},
		{"{\"redirect_uris\":\"https://x\"}", "invalid_client_metadata"},
		{"{\"redirect_uris\":[\"javascript:alert(1)\"]}", "invalid_redirect_uri"},
		{"{\"redirect_uris\":[\"data:text/html,x\"]}", "invalid_redirect_uri"},
		{"{\"redirect_uris\":[\"http://app.example.org/cb\"]}", "invalid_redirect_uri"},
		{"{\"redirect_uris\":[\"https://*.example.org/cb\"]}", "invalid_redirect_uri"},
		{"{\"redirect_uris\":[\"https://app.example.org/cb#x\"]}", "invalid_redirect_uri"},
		{"{\"redirect_uris\":[\"https://good.example@evil.example/\"]}", "invalid_redirect_uri"},
		{"{\"redirect_uris\":[\"myapp:/cb\"]}", "invalid_redirect_uri"},
		/* Nothing without a person. */
		{"{\"redirect_uris\":[\"https://x.example/\"],\"scope\":\"system/*.rs\"}", "invalid_client_metadata"},
		{"{\"grant_types\":[\"client_credentials\"],\"jwks_uri\":\"https://x.example/jwks\",\"scope\":\"user/"
		 "*.rs\"}",
		 "invalid_client_metadata"},
		{"{\"redirect_uris\":[\"https://x.example/\"],\"grant_types\":[\"implicit\"]}",
		 "invalid_client_metadata"},
		{"{\"redirect_uris\":[\"https://x.example/\"],\"token_endpoint_auth_method\":\"tls_client_auth\"}",
		 "invalid_client_metadata"},
		/* Keys from within our own network. */
		{"{\"redirect_uris\":[\"https://x.example/\"],\"jwks_uri\":\"https://127.0.0.1/jwks\"}",
		 "invalid_client_metadata"},
		{"{\"redirect_uris\":[\"https://x.example/\"],\"jwks_uri\":\"https://[::1]/jwks\"}",
		 "invalid_client_metadata"},
		{"{\"redirect_uris\":[\"https://x.example/\"],\"jwks_uri\":\"http://localhost/jwks\"}",
		 "invalid_client_metadata"},
		{"{\"redirect_uris\":[\"https://x.example/\"],\"jwks_uri\":\"https://intranet/jwks\"}",
		 "invalid_client_metadata"},
		{"{\"redirect_uris\":[\"https://x.example/\"],\"jwks\":{\"keys\":[]}}", "invalid_client_metadata"},
		{"{\"redirect_uris\":[\"https://x.example/\"],\"scope\":\"all of it\"}", "invalid_client_metadata"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct place_answer answer = register_app(p, cases[i].metadata);
		if (answer.status != 400 || !str_is(member(answer.json, "error"), cases[i].error))
			fail_msg("%s: %d %.*s", cases[i].metadata, answer.status, STR_ARG(answer.http.body));
	}
}

static void registration_is_off_unless_offered(void **state)
{
	struct place *p = *state;
	struct place_answer answer = register_app(p, "{\"redirect_uris\":[\"https://x.example/\"]}");
	assert_int_equal(answer.status, 403);
	assert_true(str_is(member(answer.json, "error"), "access_denied"));
	answer = place_fetch(p, 0, "/fhir/.well-known/smart-configuration", STR_NULL);
	assert_null(json_get(answer.json, S("registration_endpoint")));
}

/* ---- what the operator does
 * --------------------------------------------------------------------------------------------- */

static struct place_answer ask_as(struct place *p, int server, struct str id, struct str secret)
{
	struct str header = place_basic(p, id.p, secret.p);
	return place_post(p, server, "/auth/token", S("grant_type=client_credentials&scope=system%2FPatient.rs"),
			  header);
}

static void clients_come_and_go_while_the_servers_run(void **state)
{
	struct place *p = *state;
	struct smart *one = p->servers[0].smart;
	struct error err = {0};
	struct str first, second;
	struct smart_client client = {.client_id = S("tool"),
				      .scope = S("system/Patient.rs"),
				      .grant_types = S("client_credentials"),
				      .auth = AUTH_SECRET_BASIC};
	assert_true(smart_client_add(one, &p->arena, &client, &first, &err));
	assert_false(smart_client_add(one, &p->arena, &client, &second, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	err = (struct error){0};
	struct str id = S("tool"), token = member(ask_as(p, 1, id, first).json, "access_token");
	assert_int_equal(place_read_status(p, 1, token), 200);
	/* Two secrets for a while, then one. */
	assert_true(smart_client_rotate(one, &p->arena, id, 600, 0, &second, &err));
	assert_int_equal(ask_as(p, 0, id, first).status, 200);
	assert_int_equal(ask_as(p, 0, id, second).status, 200);
	place_wait(601 * 1000);
	assert_int_equal(ask_as(p, 0, id, first).status, 401);
	token = member(ask_as(p, 0, id, second).json, "access_token");
	assert_int_equal(place_read_status(p, 0, token), 200);
	/* Disabled: nothing of it is good any more, anywhere. */
	struct smart_client found;
	assert_true(smart_client_find(p->servers[1].smart, &p->arena, id, &found, &err));
	found.disabled = true;
	assert_true(smart_client_change(p->servers[1].smart, &p->arena, &found, &err));
	int status = 0;
	for (int i = 0; i < 1000 && (status = place_read_status(p, 0, token)) != 401; i++)
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	assert_int_equal(status, 401);
	assert_int_equal(ask_as(p, 0, id, second).status, 401);
	found.disabled = false;
	assert_true(smart_client_change(one, &p->arena, &found, &err));
	assert_int_equal(ask_as(p, 0, id, second).status, 200);
	found.expires_ms = place_now() - 1;
	assert_true(smart_client_change(one, &p->arena, &found, &err));
	assert_int_equal(ask_as(p, 0, id, second).status, 401);
	/* Removed, and one of the same name later is another. */
	assert_true(smart_client_remove(one, &p->arena, id, &err));
	place_wait(2000);
	client.expires_ms = 0;
	assert_true(smart_client_add(one, &p->arena, &client, &second, &err));
	assert_int_equal(place_read_status(p, 0, token), 401);
	/* Those of the configuration stay as they are. */
	assert_false(smart_client_remove(one, &p->arena, S("public"), &err));
	assert_int_equal(err.code, ERR_FORBIDDEN);
}

#define AT(test) cmocka_unit_test_setup_teardown(test, setup, place_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT(documents_agree),
		AT(endpoints_are_there),
		AT(id_tokens_can_be_checked),
		AT(clients_choose_the_algorithm),
		AT(keys_rotate_with_overlap),
		AT(apps_register_themselves),
		AT(registration_is_checked),
		cmocka_unit_test_setup_teardown(registration_is_off_unless_offered, place_set_up, place_tear_down),
		AT(clients_come_and_go_while_the_servers_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
