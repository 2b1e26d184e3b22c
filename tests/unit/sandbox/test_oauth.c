/*
 * Rows 11, 12 and 14 of what a sandbox of these vendors has to do, as far as people are concerned: apps in browsers,
 * their scopes, launches, tokens and refusals. Each test says its row and how far it is known (docs/sandbox.md).
 */
#include "site.h"

#include "base/encode.h"

#include "jose/jose.h"

/* ---- row 11: scopes ---------------------------------------------------------------------------------------------- */

static void row_11_epic_grants_people_what_is_registered_D(void **state)
{
	(void)state;
	struct site s = open_site(EHR_EPIC, PEOPLE, NULL);
	const struct json *j = tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid launch/patient"));
	assert_true(has_scope(j, "patient/Observation.rs"));
	assert_true(has_scope(j, "patient/Patient.rs"));
	assert_true(has_scope(j, "openid"));
	assert_false(has_scope(j, "profile")); /* a word that was not asked for */
	close_site(&s);
}

static void row_11_epic_old_sites_answer_in_v1_D(void **state)
{
	static const char *const sites[] = {"release=2024-05", "scope-version=v1"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct site s = open_site(EHR_EPIC, PEOPLE, sites[i]);
		const struct json *j = tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid launch/patient"));
		assert_true(has_scope(j, "patient/Observation.read"));
		assert_false(has_scope(j, "patient/Observation.rs"));
		/* and it opens what it says */
		struct asked with = {.accept = "application/fhir+json", .token = json_get_str(j, S("access_token"))};
		assert_int_equal(ask(s.w, "Patient/$P", with).status, 200);
		j = get(s.w, ".well-known/smart-configuration");
		assert_int_equal(str_find(ask(s.w, ".well-known/smart-configuration", JSON).body, S("permission-v2")) ==
					 STR_NONE,
				 i == 0);
		close_site(&s);
	}
	struct site s =
		open_site(EHR_EPIC, "launch/patient patient/Observation.read patient/Patient.read", "scope-version=v2");
	assert_true(has_scope(tokens(&s, PUBLIC, usual(&s, PUBLIC, "launch/patient")), "patient/Observation.rs"));
	close_site(&s);
}

static void row_11_cerner_grants_what_is_asked_and_registered_D(void **state)
{
	(void)state;
	struct site s = open_site(EHR_CERNER, PEOPLE, NULL);
	const struct json *j = tokens(
		&s, PUBLIC,
		usual(&s, PUBLIC, "openid launch/patient patient/Patient.read patient/Condition.read patient/*.read"));
	assert_true(has_scope(j, "patient/Patient.read"));
	assert_false(has_scope(j, "patient/Condition.read"));
	assert_true(str_find(json_get_str(j, S("scope")), S("Observation")) == STR_NONE); /* no wildcards */
	close_site(&s);
}

static void row_11_cerner_limited_accounts_learn_who_somebody_is_C(void **state)
{
	(void)state;
	struct site s = open_site(EHR_CERNER, PEOPLE, "account=limited");
	const struct json *j =
		tokens(&s, PUBLIC,
		       usual(&s, PUBLIC, "openid fhirUser profile online_access launch/patient patient/Patient.rs"));
	assert_true(str_find(json_get_str(j, S("scope")), S("Patient.rs")) == STR_NONE);
	assert_true(has_scope(j, "fhirUser") && has_scope(j, "profile"));
	close_site(&s);
}

/* ---- row 12: launches, and requests that are not right ------------------------------------------------------------
 */

static void row_12_a_launch_is_good_once_D(void **state)
{
	(void)state;
	for (int v = EHR_EPIC; v <= EHR_CERNER; v++) {
		struct site s = open_site(v, PEOPLE, NULL);
		struct str launch = launch_of(&s, PUBLIC);
		const struct json *j = tokens(&s, PUBLIC, launched(&s, PUBLIC, launch));
		assert_true(str_eq(json_get_str(j, S("patient")), s.w->patient));
		assert_true(str_is(json_get_str(j, S("encounter")), "visit-1"));
		struct ended end = person_opens(s.w, &doctor, launched(&s, PUBLIC, launch));
		if (v == EHR_EPIC) {
			assert_int_equal(end.status, 200);
			assert_true(str_find(end.page, S("OAuth2 Error")) != STR_NONE);
			assert_true(str_find(end.page, S("invalid_launch_token")) != STR_NONE);
		} else {
			assert_true(str_is(url_parameter(s.w, end.url, "error"), "invalid_request"));
			assert_true(url_parameter(s.w, end.url, "error_uri").n > 0);
		}
		close_site(&s);
	}
}

static void row_12_epic_wrong_aud_ends_on_a_page_D(void **state)
{
	(void)state;
	static const struct {
		const char *behaviour, *aud;
		bool page;
	} cases[] = {{NULL, "&aud=https%3A%2F%2Fother.example.org%2FR4", true},
		     {NULL, "", true},
		     {"release=2023-05", "", true},
		     {"release=2023-02", "", false},
		     {"release=2023-02", "&aud=https%3A%2F%2Fother.example.org%2FR4", true}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct site s = open_site(EHR_EPIC, PEOPLE, cases[i].behaviour);
		struct person p = doctor_of(&s);
		struct ended end = person_opens(
			s.w, &p,
			authorize_url(&s, PUBLIC, "openid launch/patient",
				      arena_printf(&s.w->arena, CALLBACK PERSON_PKCE "%s", cases[i].aud).p));
		if (cases[i].page != !end.url.p)
			fail_msg("%zu: %.*s %.*s", i, STR_ARG(end.url), STR_ARG(end.page));
		if (cases[i].page) {
			assert_int_equal(end.status, 200);
			assert_true(str_find(end.page, S("Something went wrong trying to authorize the client. Please "
							 "try logging in again.")) != STR_NONE);
		}
		close_site(&s);
	}
}

static void row_12_epic_tells_nobody_else_of_a_wrong_client_D(void **state)
{
	(void)state;
	struct site s = open_site(EHR_EPIC, PEOPLE, NULL);
	static const char *const wrong[] = {"&redirect_uri=https%3A%2F%2Fapp.example.org%2FBACK", "&redirect_uri=x",
					    ""};
	for (size_t i = 0; i < 3; i++) {
		struct ended end = person_opens(
			s.w, &doctor,
			authorize_url(&s, PUBLIC, "openid",
				      arena_printf(&s.w->arena, PERSON_PKCE "%s%s", aud_of(&s), wrong[i]).p));
		assert_int_equal(end.status, 200);
		assert_true(!end.url.p && str_find(end.page, S("OAuth2 Error")) != STR_NONE);
	}
	/* plain is no challenge */
	struct ended end = person_opens(
		s.w, &doctor,
		authorize_url(&s, PUBLIC, "openid",
			      arena_printf(&s.w->arena, CALLBACK "&code_challenge_method=plain&code_challenge=x%s",
					   aud_of(&s))
				      .p));
	assert_true(!end.url.p && end.status == 200);
	close_site(&s);
}

static void row_12_cerner_wants_aud_and_answers_with_error_uri_D(void **state)
{
	(void)state;
	struct site s = open_site(EHR_CERNER, PEOPLE, NULL);
	static const char *const audiences[] = {"", "&aud=https%3A%2F%2Fother.example.org%2Fr4"};
	for (size_t i = 0; i < 2; i++) {
		struct ended end = person_opens(
			s.w, &doctor,
			authorize_url(&s, PUBLIC, "openid",
				      arena_printf(&s.w->arena, CALLBACK PERSON_PKCE "%s", audiences[i]).p));
		struct str uri = url_parameter(s.w, end.url, "error_uri");
		assert_true(str_starts(end.url, S(PERSON_CALLBACK "?error=invalid_request&error_uri=")));
		assert_true(str_starts(
			uri, arena_printf(&s.w->arena, "%.*s/errors/urn%%3Acerner%%3Aerror%%3A", STR_ARG(s.w->host))));
		assert_true(str_find(uri, S("/instances/")) != STR_NONE);
		assert_true(str_find(uri, S("client=public&tenant=" CERNER_TENANT)) != STR_NONE);
		assert_true(str_is(url_parameter(s.w, end.url, "state"), "st ate"));
		assert_true(str_find(end.url, S("error_description")) == STR_NONE);
		assert_int_equal(ask_url(s.w, uri, JSON).status, 200); /* the page that it leads to */
	}
	struct person no = {.user = "clinician", .refuses = true};
	struct ended end = person_opens(s.w, &no, usual(&s, PUBLIC, "openid"));
	assert_true(str_is(url_parameter(s.w, end.url, "error"), "access_denied"));
	assert_true(str_find(url_parameter(s.w, end.url, "error_uri"), S("grant%3Adenied-by-server")) != STR_NONE);
	close_site(&s);
}

static void row_12_cerner_redirects_by_its_rules_D(void **state)
{
	(void)state;
	struct site s = open_site(EHR_CERNER, PEOPLE, NULL);
	/* parameters may be added, and the only one may be left out, then at the token endpoint as well */
	struct ended end = person_opens(
		s.w, &doctor,
		authorize_url(&s, PUBLIC, "openid",
			      arena_printf(&s.w->arena, CALLBACK "%%3Fshard%%3D7" PERSON_PKCE "%s", aud_of(&s)).p));
	assert_true(str_starts(end.url, S(PERSON_CALLBACK "?shard=7&code=")));
	end = person_opens(s.w, &doctor,
			   authorize_url(&s, PUBLIC, "openid",
					 arena_printf(&s.w->arena, CALLBACK "%%2F" PERSON_PKCE "%s", aud_of(&s)).p));
	assert_true(!end.url.p && end.status == 400);
	for (int given = 0; given < 2; given++) {
		end = person_opens(
			s.w, &doctor,
			authorize_url(&s, PUBLIC, "openid", arena_printf(&s.w->arena, PERSON_PKCE "%s", aud_of(&s)).p));
		struct str code = url_parameter(s.w, end.url, "code");
		assert_true(code.n > 0);
		const char *form =
			arena_printf(&s.w->arena,
				     "grant_type=authorization_code&code=%.*s&code_verifier=" PERSON_VERIFIER "%s",
				     STR_ARG(code), given ? CALLBACK : "")
				.p;
		assert_int_equal(token_request(&s, PUBLIC, form).status, given ? 400 : 200);
	}
	close_site(&s);
}

/* ---- row 14: tokens -----------------------------------------------------------------------------------------------
 */

static const struct json *claims_of(struct site *s, const struct json *answer)
{
	struct jose_token token;
	struct error err = {0};
	struct str keys_url = json_get_str(get(s->w, ".well-known/smart-configuration"), S("jwks_uri"));
	const struct json *jwks = parsed(s->w, ask_url(s->w, keys_url, JSON));
	struct jose_key_set *keys = jose_key_set_parse_identity(jwks, &err);
	must(keys, &err);
	must(jose_verify(&s->w->arena, json_get_str(answer, S("id_token")), keys, &token, &err), &err);
	assert_true(str_is(token.algorithm, "RS256"));
	jose_key_set_free(keys);
	return token.claims;
}

static void row_14_epic_answers_with_its_members_D(void **state)
{
	(void)state;
	struct site s = open_site(EHR_EPIC, PEOPLE, "token-library=on");
	const struct json *j = tokens(&s, CONFIDENTIAL,
				      usual(&s, CONFIDENTIAL, "openid fhirUser profile offline_access launch/patient"));
	assert_int_equal(number(j, "expires_in"), 3600);
	assert_int_equal(json_get_str(j, S("access_token")).n, 1052);
	assert_true(str_is(json_get_str(j, S("state")), "st ate"));
	assert_true(str_eq(json_get_str(j, S("patient")), s.w->patient));
	struct str old = json_get_str(j, S("__epic.dstu2.patient"));
	assert_true(old.n > 40 && old.p[0] == 'T' && old.p[old.n - 1] == 'B');
	assert_true(str_is(json_get_str(j, S("need_patient_banner")), "true")); /* text, not a boolean */
	assert_true(str_is(json_get_str(j, S("epic.scanning.dmsusername")), "CLINICIAN"));
	struct http_answer style = ask_url(s.w, json_get_str(j, S("smart_style_url")), JSON);
	assert_true(style.status == 200 && str_find(style.body, S("color_background")) != STR_NONE);
	assert_true(json_get_str(j, S("refresh_token")).n > 0);
	/* who it is */
	const struct json *who = claims_of(&s, j);
	assert_int_equal(number(who, "exp") - number(who, "iat"), 300);
	assert_true(str_ends(json_get_str(who, S("iss")), S("/interconnect-fhir-oauth/oauth2")));
	assert_true(str_is(json_get_str(who, S("sub")), "eM5CWtq15N0WJeuCet5bJlQ3"));
	assert_true(
		str_eq(json_get_str(who, S("fhirUser")),
		       arena_printf(&s.w->arena, "%.*s/Practitioner/eM5CWtq15N0WJeuCet5bJlQ3", STR_ARG(s.w->base))));
	assert_true(str_is(json_get_str(who, S("preferred_username")), "clinician"));
	assert_true(str_is(json_get_str(who, S("nonce")), "n-1"));
	/* the issuer's own document, at both places */
	struct str at = json_get_str(who, S("iss"));
	const struct json *document = parsed(
		s.w,
		ask_url(s.w, arena_printf(&s.w->arena, "%.*s/.well-known/openid-configuration", STR_ARG(at)), JSON));
	assert_true(str_eq(json_get_str(document, S("issuer")), at));
	assert_true(str_eq(json_get_str(get(s.w, ".well-known/openid-configuration"), S("issuer")), at));
	close_site(&s);
}

static void row_14_epic_public_apps_get_no_refresh_token_D(void **state)
{
	(void)state;
	struct site s = open_site(EHR_EPIC, PEOPLE, NULL);
	const struct json *j = tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid offline_access launch/patient"));
	assert_null(json_get(j, S("refresh_token")));
	assert_null(json_get(j, S("epic.scanning.dmsusername")));
	close_site(&s);
}

static const char *refresh_form(struct site *s, struct str token)
{
	return arena_printf(&s->w->arena, "grant_type=refresh_token&refresh_token=%.*s", STR_ARG(token)).p;
}

static void row_14_epic_refresh_tokens_stay_or_roll_D(void **state)
{
	(void)state;
	for (int rolling = 0; rolling < 2; rolling++) {
		struct site s = open_site(EHR_EPIC, PEOPLE, rolling ? "refresh=rolling" : NULL);
		const struct json *j =
			tokens(&s, CONFIDENTIAL, usual(&s, CONFIDENTIAL, "offline_access launch/patient"));
		struct str token = json_get_str(j, S("refresh_token"));
		for (int i = 0; i < 2; i++) { /* the same one again */
			struct http_answer answer = token_request(&s, CONFIDENTIAL, refresh_form(&s, token));
			assert_int_equal(answer.status, 200);
			struct str more = json_get_str(parsed(s.w, answer), S("refresh_token"));
			assert_int_equal(more.p != NULL, rolling);
		}
		close_site(&s);
	}
}

static void row_14_cerner_answers_with_its_members_C(void **state)
{
	(void)state;
	struct site s = open_site(EHR_CERNER, PEOPLE, NULL);
	const struct json *j =
		tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid fhirUser profile online_access launch/patient"));
	assert_int_equal(number(j, "expires_in"), 570);
	assert_true(str_is(json_get_str(j, S("token_type")), "Bearer"));
	assert_true(json_is(json_get(j, S("need_patient_banner")), JSON_BOOL));
	assert_true(str_is(json_get_str(j, S("user")), "12742069"));
	assert_true(str_is(json_get_str(j, S("username")), "clinician"));
	assert_true(str_is(json_get_str(j, S("tenant")), CERNER_TENANT));
	assert_true(str_ends(json_get_str(j, S("smart_style_url")), S("/styles/smart-v1.json")));
	assert_null(json_get(j, S("state")));
	const struct json *who = claims_of(&s, j);
	assert_int_equal(number(who, "exp") - number(who, "iat"), 600);
	struct str issuer = json_get_str(who, S("iss"));
	assert_true(str_ends(issuer, S("/tenants/" CERNER_TENANT "/oidc/idsps/" CERNER_TENANT "/")));
	assert_false(str_eq(issuer, json_get_str(get(s.w, ".well-known/smart-configuration"), S("issuer"))));
	const struct json *document = parsed(
		s.w,
		ask_url(s.w, arena_printf(&s.w->arena, "%.*s.well-known/openid-configuration", STR_ARG(issuer)), JSON));
	assert_true(str_eq(json_get_str(document, S("issuer")), issuer));
	assert_true(str_is(json_get_str(who, S("sub")), "clinician"));
	assert_true(str_is(json_get_str(who, S("name")), "Dr. Anna Berg"));
	assert_true(str_ends(json_get_str(who, S("fhirUser")), S("/Practitioner/12742069")));
	assert_null(json_get(who, S("profile")));
	close_site(&s);
	s = open_site(EHR_CERNER, PEOPLE, "release=2024");
	who = claims_of(&s, tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid profile launch/patient")));
	assert_true(str_ends(json_get_str(who, S("profile")), S("/Practitioner/12742069")));
	close_site(&s);
}

static void row_14_cerner_refresh_never_rotates_and_is_slowed_down_D(void **state)
{
	(void)state;
	struct site s = open_site(EHR_CERNER, PEOPLE, NULL);
	const struct json *j = tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid online_access launch/patient"));
	struct str token = json_get_str(j, S("refresh_token"));
	struct http_answer answer = token_request(&s, PUBLIC, refresh_form(&s, token));
	assert_int_equal(answer.status, 200);
	j = parsed(s.w, answer);
	static const char *const gone[] = {"refresh_token", "patient", "user", "username", "tenant", "smart_style_url"};
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		assert_null(json_get(j, str_from(gone[i])));
	assert_int_equal(number(j, "expires_in"), 570);
	answer = token_request(&s, PUBLIC, refresh_form(&s, token)); /* within a minute */
	assert_int_equal(answer.status, 429);
	assert_true(str_find(answer.body, S("error_uri")) != STR_NONE);
	close_site(&s);
	s = open_site(EHR_CERNER, PEOPLE, "refresh-pause=0");
	j = tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid online_access launch/patient"));
	token = json_get_str(j, S("refresh_token"));
	for (int i = 0; i < 3; i++)
		assert_int_equal(token_request(&s, PUBLIC, refresh_form(&s, token)).status, 200);
	/* and it can be revoked, with all that was made by it */
	answer = ask_url(
		s.w, json_get_str(get(s.w, ".well-known/smart-configuration"), S("revocation_endpoint")),
		(struct asked){.method = "POST",
			       .form = true,
			       .body = arena_printf(&s.w->arena, "token=%.*s&client_id=public", STR_ARG(token)).p});
	assert_int_equal(answer.status, 200);
	assert_int_equal(token_request(&s, PUBLIC, refresh_form(&s, token)).status, 400);
	close_site(&s);
	s = open_site(EHR_CERNER, PEOPLE, "offline-tokens=suspended");
	j = tokens(&s, PUBLIC, usual(&s, PUBLIC, "openid offline_access launch/patient"));
	answer = token_request(&s, PUBLIC, refresh_form(&s, json_get_str(j, S("refresh_token"))));
	assert_int_equal(answer.status, 400);
	assert_true(str_find(answer.body, S("\"error\":\"invalid_grant\"")) != STR_NONE);
	close_site(&s);
}

static void row_14_codes_are_good_once_D(void **state)
{
	(void)state;
	for (int v = EHR_EPIC; v <= EHR_CERNER; v++) {
		struct site s = open_site(v, PEOPLE, NULL);
		struct person p = doctor_of(&s);
		struct ended end = person_opens(s.w, &p, usual(&s, PUBLIC, "openid launch/patient"));
		struct str form = code_form(&s, url_parameter(s.w, end.url, "code"));
		assert_int_equal(token_request(&s, PUBLIC, form.p).status, 200);
		struct http_answer answer = token_request(&s, PUBLIC, form.p);
		assert_int_equal(answer.status, 400);
		if (v == EHR_EPIC)
			assert_true(str_is(answer.body, "{\"error\":\"invalid_grant\",\"error_description\":null}"));
		else
			assert_true(str_find(answer.body, S("oauth2%3Atoken%3Acode-invalid-or-expired/instances/")) !=
				    STR_NONE);
		close_site(&s);
	}
}

static void row_14_pkce_is_as_the_site_wants_it_I(void **state)
{
	(void)state;
	for (int required = 0; required < 2; required++) {
		struct site s = open_site(EHR_EPIC, PEOPLE, required ? "pkce=required" : NULL);
		struct person p = doctor_of(&s);
		struct ended end = person_opens(s.w, &p,
						authorize_url(&s, PUBLIC, "openid launch/patient",
							      arena_printf(&s.w->arena, CALLBACK "%s", aud_of(&s)).p));
		struct str code = url_parameter(s.w, end.url, "code");
		assert_int_equal(code.p != NULL, !required);
		if (code.p) {
			const char *form = arena_printf(&s.w->arena, "grant_type=authorization_code&code=%.*s" CALLBACK,
							STR_ARG(code))
						   .p;
			assert_int_equal(token_request(&s, PUBLIC, form).status, 200);
		}
		close_site(&s);
	}
}

/* ---- before OAuth ---------------------------------------------------------------------------------------------------
 */

static struct http_answer basic_call(struct site *s, const char *credentials, const char *header, const char *value)
{
	struct buf text;
	buf_init(&text, 4096);
	encode_base64(&text, str_from(credentials));
	struct asked how = {.accept = "application/fhir+json",
			    .authorization = arena_printf(&s->w->arena, "Basic %.*s", STR_ARG(buf_str(&text))),
			    .more = {str_from(header), str_from(value)}};
	buf_done(&text);
	return ask(s->w, "Patient/$P", how);
}

static void row_11_epic_takes_basic_from_staff_D(void **state)
{
	(void)state;
	static const struct {
		const char *what, *credentials, *header, *value;
		int status;
	} calls[] = {
		{"somebody of the staff, by an app", "emp$clinician:" PERSON_PASSWORD, "Epic-Client-ID", "confidential",
		 200},
		{"a wrong password", "emp$clinician:another", "Epic-Client-ID", "confidential", 401},
		{"nobody", "emp$nobody:" PERSON_PASSWORD, "Epic-Client-ID", "confidential", 401},
		{"not as staff", "clinician:" PERSON_PASSWORD, "Epic-Client-ID", "confidential", 401},
		{"an app that is not known", "emp$clinician:" PERSON_PASSWORD, "Epic-Client-ID", "else", 401},
		{"no app", "emp$clinician:" PERSON_PASSWORD, "X-Other", "confidential", 401},
	};
	struct site s = open_site(EHR_EPIC, PEOPLE, NULL);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		struct http_answer a = basic_call(&s, calls[i].credentials, calls[i].header, calls[i].value);
		if (a.status != calls[i].status)
			fail_msg("%s: %d", calls[i].what, a.status);
	}
	assert_true(str_find(ask(s.w, "metadata", JSON).body, S("\"Basic\"")) != STR_NONE);
	close_site(&s);
	s = open_site(EHR_EPIC, PEOPLE, "basic=off");
	assert_int_equal(basic_call(&s, calls[0].credentials, "Epic-Client-ID", "confidential").status, 401);
	assert_true(str_find(ask(s.w, "metadata", JSON).body, S("\"Basic\"")) == STR_NONE);
	close_site(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_11_epic_grants_people_what_is_registered_D),
		cmocka_unit_test(row_11_epic_old_sites_answer_in_v1_D),
		cmocka_unit_test(row_11_cerner_grants_what_is_asked_and_registered_D),
		cmocka_unit_test(row_11_cerner_limited_accounts_learn_who_somebody_is_C),
		cmocka_unit_test(row_12_a_launch_is_good_once_D),
		cmocka_unit_test(row_12_epic_wrong_aud_ends_on_a_page_D),
		cmocka_unit_test(row_12_epic_tells_nobody_else_of_a_wrong_client_D),
		cmocka_unit_test(row_12_cerner_wants_aud_and_answers_with_error_uri_D),
		cmocka_unit_test(row_12_cerner_redirects_by_its_rules_D),
		cmocka_unit_test(row_14_epic_answers_with_its_members_D),
		cmocka_unit_test(row_14_epic_public_apps_get_no_refresh_token_D),
		cmocka_unit_test(row_14_epic_refresh_tokens_stay_or_roll_D),
		cmocka_unit_test(row_14_cerner_answers_with_its_members_C),
		cmocka_unit_test(row_14_cerner_refresh_never_rotates_and_is_slowed_down_D),
		cmocka_unit_test(row_14_codes_are_good_once_D),
		cmocka_unit_test(row_14_pkce_is_as_the_site_wants_it_I),
		cmocka_unit_test(row_11_epic_takes_basic_from_staff_D),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
