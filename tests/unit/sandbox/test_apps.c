/*
 * More of rows 12, 14 and 15 of what a sandbox of these vendors has to do, as far as apps of people are concerned: who
 * gets a patient, requests by form, clients of single devices, revocation, scopes of updates. Each test says its row
 * and how far it is known (docs/sandbox.md).
 */
#include "site.h"

#include "base/clock.h"
#include "jose/jose.h"

/* ---- row 12: requests -------------------------------------------------------------------------------------------- */

static void row_12_epic_staff_get_a_patient_when_they_ask_D(void **state)
{
	(void)state;
	struct site s = open_site(EHR_EPIC, PEOPLE, NULL);
	const struct json *j = tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid"));
	assert_null(json_get(j, S("patient")));
	assert_true(has_scope(j, "patient/Patient.rs")); /* as registered, and good for nothing without a patient */
	struct asked with = {.accept = "application/fhir+json", .token = json_get_str(j, S("access_token"))};
	assert_int_equal(ask(s.w, "Patient/$P", with).status, 403);
	j = tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid launch/patient"));
	assert_true(str_eq(json_get_str(j, S("patient")), s.w->patient));
	close_site(&s);
}

/* The request as a form instead of a query. */
static struct http_answer posted(struct site *s, struct str url)
{
	struct str rest = url, path = str_split(&rest, '?');
	return ask_url(s->w, path, (struct asked){.method = "POST", .form = true, .body = rest.p});
}

static void row_12_epic_takes_forms_for_launches_alone_D(void **state)
{
	(void)state;
	for (int old = 0; old < 2; old++) {
		struct site s = open_site(EHR_EPIC, PEOPLE, old ? "release=2020-08" : NULL);
		struct http_answer answer = posted(&s, launched(&s, PUBLIC, launch_of(&s, PUBLIC)));
		assert_int_equal(answer.status, old ? 200 : 307);
		answer = posted(&s, usual(&s, PUBLIC, "openid launch/patient"));
		assert_int_equal(answer.status, 200);
		assert_true(str_find(answer.body, S("OAuth2 Error")) != STR_NONE);
		close_site(&s);
	}
}

static void row_12_cerner_judges_aud_of_forms_as_of_queries_I(void **state)
{
	(void)state;
	struct site s = open_site(EHR_CERNER, PEOPLE, NULL);
	assert_int_equal(posted(&s, usual(&s, PUBLIC, "openid")).status, 307);
	struct str of_patients = arena_printf(&s.w->arena, "%.*s/myrecord/r4/" CERNER_TENANT, STR_ARG(s.w->host));
	struct http_answer answer = posted(&s, authorize_url(&s, PUBLIC, "openid",
							     arena_printf(&s.w->arena, CALLBACK PERSON_PKCE "&aud=%.*s",
									  STR_ARG(encoded(s.w, of_patients)))
								     .p));
	assert_int_equal(answer.status, 303);
	struct ended end = person_opens(s.w, &doctor, http_answer_header(&answer, "Location"));
	assert_true(str_is(url_parameter(s.w, end.url, "error"), "invalid_request"));
	assert_true(str_is(url_parameter(s.w, end.url, "state"), "st ate"));
	close_site(&s);
}

/* ---- row 14: clients of single devices ----------------------------------------------------------------------------
 */

struct device {
	struct jose_key *key;
	struct str jwks, id;
};

static struct device new_device(struct site *s, enum jose_algorithm algorithm)
{
	struct error err = {0};
	struct device d = {.key = jose_key_new(algorithm, &err)};
	struct buf text;
	must(d.key, &err);
	buf_init(&text, 1 << 16);
	must(jose_key_write_public_set(d.key, &text, &err), &err);
	d.jwks = arena_str(&s->w->arena, buf_str(&text));
	buf_done(&text);
	return d;
}

static struct http_answer registers(struct site *s, struct str token, const char *software, struct str jwks)
{
	return ask_url(s->w,
		       arena_printf(&s->w->arena, "%.*s/interconnect-fhir-oauth/oauth2/register", STR_ARG(s->w->host)),
		       (struct asked){.method = "POST",
				      .type = "application/json",
				      .accept = "application/json",
				      .token = token,
				      .body = arena_printf(&s->w->arena, "{\"software_id\":\"%s\",\"jwks\":%.*s}",
							   software, STR_ARG(jwks))
						      .p});
}

/* jti: the assertion's; issuer STR_NULL: the device's id. */
static struct http_answer device_token(struct site *s, const struct device *d, const char *jti, struct str issuer)
{
	struct arena *a = &s->w->arena;
	struct error err = {0};
	struct buf out;
	struct str name = issuer.p ? issuer : d->id;
	struct str claims =
		arena_printf(a, "{\"iss\":\"%.*s\",\"sub\":\"%.*s\",\"aud\":\"%.*s\",\"jti\":\"%s\",\"exp\":%lld}",
			     STR_ARG(name), STR_ARG(name), STR_ARG(sandbox_token_url(s->w->sandbox)), jti,
			     (long long)(clock_now_ms() / 1000 + 200));
	buf_init(&out, 1 << 16);
	must(jose_sign(d->key, claims, &out, &err), &err);
	struct str form =
		arena_printf(a,
			     "grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3Ajwt-bearer&assertion="
			     "%.*s&client_id=%.*s",
			     STR_ARG(buf_str(&out)), STR_ARG(d->id));
	buf_done(&out);
	return ask_url(s->w, sandbox_token_url(s->w->sandbox),
		       (struct asked){.method = "POST", .accept = "application/json", .form = true, .body = form.p});
}

static void row_14_epic_devices_get_clients_of_their_own_D(void **state)
{
	(void)state;
	struct site s = open_site(EHR_EPIC, PEOPLE, NULL);
	struct str initial =
		json_get_str(tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid launch/patient")), S("access_token"));
	struct device d = new_device(&s, JOSE_RS384);
	struct http_answer answer = registers(&s, initial, "public", d.jwks);
	if (answer.status != 201)
		fail_msg("%d %.*s", answer.status, STR_ARG(answer.body));
	const struct json *j = parsed(s.w, answer);
	assert_true(str_is(json_get_str(j, S("software_id")), "public"));
	assert_true(str_is(json_get_str(j, S("token_endpoint_auth_method")), "none"));
	assert_true(str_is(json_str(json_at(json_get(j, S("redirect_uris")), 0)), PERSON_CALLBACK));
	assert_true(str_is(json_str(json_at(json_get(j, S("grant_types")), 0)),
			   "urn:ietf:params:oauth:grant-type:jwt-bearer"));
	assert_int_equal(json_size(json_get(json_get(j, S("jwks")), S("keys"))), 1);
	assert_true(number(j, "client_id_issued_at") > 0);
	d.id = arena_str(&s.w->arena, json_get_str(j, S("client_id")));
	assert_true(d.id.n == 37 && d.id.p[0] == 'G');
	/* a token of the person, as often as the device asks, and each assertion once */
	for (int i = 0; i < 2; i++) {
		answer = device_token(&s, &d, i ? "two" : "one", STR_NULL);
		if (answer.status != 200)
			fail_msg("%d %.*s", answer.status, STR_ARG(answer.body));
		j = parsed(s.w, answer);
		assert_int_equal(number(j, "expires_in"), 3600);
		assert_null(json_get(j, S("refresh_token")));
		assert_true(str_eq(json_get_str(j, S("patient")), s.w->patient));
		assert_int_equal(ask(s.w, "Patient/$P",
				     (struct asked){.accept = "application/fhir+json",
						    .token = json_get_str(j, S("access_token"))})
					 .status,
				 200);
	}
	assert_int_equal(device_token(&s, &d, "one", STR_NULL).status, 400);
	/* neither its access tokens nor the first one register another */
	assert_int_equal(registers(&s, json_get_str(j, S("access_token")), "public", d.jwks).status, 403);
	assert_int_equal(registers(&s, initial, "public", d.jwks).status, 401);
	/* other keys and other names open nothing */
	struct device thief = new_device(&s, JOSE_RS384);
	thief.id = d.id;
	assert_int_equal(device_token(&s, &thief, "three", STR_NULL).status, 400);
	assert_int_equal(device_token(&s, &d, "four", S("public")).status, 400);
	/* the person ends it */
	struct error err = {0};
	size_t ended;
	must(smart_grants_revoke_user(s.w->sandbox->smart, &s.w->arena, S("clinician"), &ended, &err), &err);
	answer = device_token(&s, &d, "five", STR_NULL);
	assert_true(str_is(answer.body, "{\"error\":\"invalid_grant\",\"error_description\":null}"));
	jose_key_free(d.key);
	jose_key_free(thief.key);
	close_site(&s);
}

static void row_14_epic_registers_only_with_a_first_token_of_a_public_app_D(void **state)
{
	(void)state;
	struct site s = open_site(EHR_EPIC, PEOPLE, NULL);
	struct device d = new_device(&s, JOSE_RS384);
	struct str ours =
		json_get_str(tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid launch/patient")), S("access_token"));
	struct str secret = json_get_str(tokens(&s, CONFIDENTIAL, usual(&s, CONFIDENTIAL, "openid launch/patient")),
					 S("access_token"));
	assert_int_equal(registers(&s, STR_NULL, "public", d.jwks).status, 401);
	assert_int_equal(registers(&s, S("nonsense"), "public", d.jwks).status, 401);
	assert_int_equal(registers(&s, secret, "confidential", d.jwks).status, 403);
	assert_int_equal(registers(&s, ours, "confidential", d.jwks).status, 400);
	assert_int_equal(registers(&s, ours, "public", S("{\"keys\":[]}")).status, 400);
	assert_int_equal(registers(&s, ours, "public", S("7")).status, 400);
	assert_int_equal(registers(&s, ours, "public", d.jwks).status, 201); /* what failed did not use it up */
	close_site(&s);
	s = open_site(EHR_EPIC, PEOPLE, "dynamic-clients=off");
	ours = json_get_str(tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid launch/patient")), S("access_token"));
	assert_int_equal(registers(&s, ours, "public", d.jwks).status, 404);
	close_site(&s);
	jose_key_free(d.key);
}

/* ---- row 14: revocation ------------------------------------------------------------------------------------------ */

static void row_14_cerner_revokes_refresh_tokens_alone_D(void **state)
{
	(void)state;
	struct site s = open_site(EHR_CERNER, PEOPLE, NULL);
	const struct json *j = tokens(&s, PUBLIC, usual(&s, PUBLIC, "online_access launch/patient patient/Patient.rs"));
	static const char *const kinds[] = {"access_token", "refresh_token"};
	struct asked with = {.accept = "application/fhir+json", .token = json_get_str(j, S("access_token"))};
	struct str at = json_get_str(get(s.w, ".well-known/smart-configuration"), S("revocation_endpoint"));
	for (size_t i = 0; i < 2; i++) {
		struct str form = arena_printf(&s.w->arena, "token=%.*s&client_id=public",
					       STR_ARG(json_get_str(j, str_from(kinds[i]))));
		assert_int_equal(
			ask_url(s.w, at, (struct asked){.method = "POST", .form = true, .body = form.p}).status, 200);
		assert_int_equal(ask(s.w, "Patient/$P", with).status, i ? 401 : 200);
	}
	close_site(&s);
}

/* ---- row 15: writes ---------------------------------------------------------------------------------------------- */

static void row_15_cerner_updates_need_both_scopes_D(void **state)
{
	(void)state;
	struct site s =
		open_site(EHR_CERNER, "openid user/AllergyIntolerance.read user/AllergyIntolerance.write", NULL);
	static const struct {
		const char *scope;
		int status;
	} cases[] = {{"openid user/AllergyIntolerance.write", 403},
		     {"openid user/AllergyIntolerance.u", 403},
		     {"openid user/AllergyIntolerance.read", 403},
		     {"openid user/AllergyIntolerance.read user/AllergyIntolerance.write", 412}}; /* no If-Match */
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct json *j = tokens(&s, PUBLIC, usual(&s, PUBLIC, cases[i].scope));
		struct asked how = {.method = "PUT",
				    .token = json_get_str(j, S("access_token")),
				    .body = "{\"resourceType\":\"AllergyIntolerance\",\"id\":\"7\"}"};
		struct http_answer answer = ask(s.w, "AllergyIntolerance/7", how);
		if (answer.status != cases[i].status)
			fail_msg("%zu: %d %.*s", i, answer.status, STR_ARG(answer.body));
		if (answer.status == 403)
			assert_true(str_find(answer.body, S("insufficient-scopes")) != STR_NONE);
	}
	close_site(&s);
}

static bool told_where(struct site *s, const char *client)
{
	struct asked how = {.accept = "application/fhir+json", .more = {S("Epic-Client-ID"), str_from(client)}};
	struct http_answer answer = ask(s->w, "metadata", how);
	assert_int_equal(answer.status, 200);
	assert_true(json_is(json_get(parsed(s->w, answer), S("rest")), JSON_ARRAY));
	return str_find(answer.body, S("oauth2/register\",\"url\":\"register\"}")) != STR_NONE;
}

static void row_14_epic_tells_apps_where_devices_register_D(void **state)
{
	(void)state;
	static const char *const without[] = {"release=2021-08", "dynamic-clients=off"};
	struct site s = open_site(EHR_EPIC, PEOPLE, NULL);
	assert_true(told_where(&s, "public"));
	assert_false(told_where(&s, "confidential"));
	assert_false(told_where(&s, "nobody"));
	assert_true(str_find(ask(s.w, "metadata", JSON).body, S("oauth2/register")) == STR_NONE);
	close_site(&s);
	for (size_t i = 0; i < 2; i++) {
		s = open_site(EHR_EPIC, PEOPLE, without[i]);
		assert_false(told_where(&s, "public"));
		struct str configuration = ask(s.w, ".well-known/smart-configuration", JSON).body;
		assert_int_equal(str_find(configuration, S("grant-type:jwt-bearer")) == STR_NONE, i == 1);
		close_site(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_12_epic_staff_get_a_patient_when_they_ask_D),
		cmocka_unit_test(row_12_epic_takes_forms_for_launches_alone_D),
		cmocka_unit_test(row_12_cerner_judges_aud_of_forms_as_of_queries_I),
		cmocka_unit_test(row_14_epic_devices_get_clients_of_their_own_D),
		cmocka_unit_test(row_14_epic_registers_only_with_a_first_token_of_a_public_app_D),
		cmocka_unit_test(row_14_epic_tells_apps_where_devices_register_D),
		cmocka_unit_test(row_14_cerner_revokes_refresh_tokens_alone_D),
		cmocka_unit_test(row_15_cerner_updates_need_both_scopes_D),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
