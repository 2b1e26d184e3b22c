/*
 * Rows 11, 12 and 14 of what a sandbox of these vendors has to do, as far as people are concerned: apps in browsers,
 * their scopes, launches, tokens and refusals. Each test says its row and how far it is known (docs/sandbox.md).
 */
#include "person.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/encode.h"
#include "jose/jose.h"

#define SECRET "a secret of the app, long enough"

enum app { PUBLIC, CONFIDENTIAL, APPS };

struct site {
	struct world *w;
	struct smart_client clients[APPS];
	enum ehr_vendor vendor;
};

static struct str digest_of(struct arena *a, const char *secret)
{
	unsigned char digest[32];
	struct buf hex;
	digest_sha256(str_from(secret), digest);
	buf_init(&hex, 64);
	encode_hex(&hex, str_make((const char *)digest, sizeof(digest)));
	struct str text = arena_str(a, buf_str(&hex));
	buf_done(&hex);
	return text;
}

static struct arena site_arena;

static struct site open_site(enum ehr_vendor vendor, const char *scope, const char *behaviour)
{
	struct str one = str_from(behaviour ? behaviour : "");
	struct site s = {.vendor = vendor};
	size_t users;
	arena_init(&site_arena, ARENA_NO_CAP);
	s.clients[PUBLIC] = (struct smart_client){.client_id = S("public"),
						  .name = S("Growth"),
						  .scope = str_from(scope),
						  .redirect_uris = S(PERSON_CALLBACK),
						  .launch_url = S("https://app.example.org/launch")};
	s.clients[CONFIDENTIAL] = s.clients[PUBLIC];
	s.clients[CONFIDENTIAL].client_id = S("confidential");
	s.clients[CONFIDENTIAL].secret_sha256 = digest_of(&site_arena, SECRET);
	s.w = world_open(&(struct world_options){
		.vendor = vendor,
		.patients = 1,
		.clients = s.clients,
		.client_count = APPS,
		.users = person_users(
			vendor == EHR_EPIC ? "Practitioner/eM5CWtq15N0WJeuCet5bJlQ3" : "Practitioner/12742069", &users),
		.user_count = 1,
		.behaviours = &one,
		.behaviour_count = behaviour != NULL});
	return s;
}

static void close_site(struct site *s)
{
	world_close(s->w);
	arena_done(&site_arena);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static struct str encoded(struct world *w, struct str text)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	encode_percent(&out, text);
	struct str copy = arena_str(&w->arena, buf_str(&out));
	buf_done(&out);
	return copy;
}

static struct str authorize_url(struct site *s, enum app app, const char *scope, const char *more)
{
	struct world *w = s->w;
	return arena_printf(&w->arena,
			    "%.*s%s?response_type=code&client_id=%.*s&state=st%%20ate&nonce=n-1&scope=%.*s%s",
			    STR_ARG(w->host), w->sandbox->vendor->authorize_paths[0],
			    STR_ARG(s->clients[app].client_id), STR_ARG(encoded(w, str_from(scope))), more);
}

static const char *aud_of(struct site *s)
{
	return arena_printf(&s->w->arena, "&aud=%.*s", STR_ARG(encoded(s->w, s->w->base))).p;
}

#define CALLBACK "&redirect_uri=" PERSON_CALLBACK

/* The usual request. */
static struct str usual(struct site *s, enum app app, const char *scope)
{
	return authorize_url(s, app, scope, arena_printf(&s->w->arena, CALLBACK PERSON_PKCE "%s", aud_of(s)).p);
}

static const struct person doctor = {.user = "clinician"};

static struct person doctor_of(struct site *s)
{
	struct person p = doctor;
	p.patient = arena_printf(&s->w->arena, "%.*s", STR_ARG(s->w->patient)).p;
	return p;
}

static struct http_answer token_request(struct site *s, enum app app, const char *form)
{
	struct world *w = s->w;
	struct asked how = {.method = "POST", .accept = "application/json", .form = true, .body = form};
	if (app == CONFIDENTIAL) {
		struct buf text;
		buf_init(&text, 4096);
		encode_base64(&text, S("confidential:" SECRET));
		how.authorization = arena_printf(&w->arena, "Basic %.*s", STR_ARG(buf_str(&text)));
		buf_done(&text);
	} else {
		how.body = arena_printf(&w->arena, "%s&client_id=public", form).p;
	}
	return ask_url(w, sandbox_token_url(w->sandbox), how);
}

static struct str code_form(struct site *s, struct str code)
{
	return arena_printf(&s->w->arena,
			    "grant_type=authorization_code&code=%.*s&code_verifier=" PERSON_VERIFIER CALLBACK,
			    STR_ARG(code));
}

static const struct json *tokens(struct site *s, enum app app, struct str url)
{
	struct person p = doctor_of(s);
	struct ended end = person_opens(s->w, &p, url);
	struct str code = url_parameter(s->w, end.url, "code");
	if (!code.p)
		fail_msg("no code: %.*s %.*s", STR_ARG(end.url), STR_ARG(str_slice(end.page, 0, 2000)));
	assert_true(str_is(url_parameter(s->w, end.url, "state"), "st ate"));
	struct http_answer answer = token_request(s, app, code_form(s, code).p);
	if (answer.status != 200)
		fail_msg("%d %.*s", answer.status, STR_ARG(answer.body));
	return parsed(s->w, answer);
}

static bool has_scope(const struct json *answer, const char *word)
{
	struct str rest = json_get_str(answer, S("scope"));
	while (rest.p)
		if (str_is(str_split(&rest, ' '), word))
			return true;
	return false;
}

#define PEOPLE                                                                                                         \
	"openid fhirUser profile launch launch/patient offline_access online_access patient/Patient.rs "               \
	"patient/Observation.rs"

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

static struct str launch_of(struct site *s, enum app app)
{
	struct error err = {0};
	struct str id;
	const struct smart_launch launch = {.client_id = s->clients[app].client_id,
					    .patient = s->w->patient,
					    .encounter = S("visit-1"),
					    .need_patient_banner = false};
	must(smart_launch_new(s->w->sandbox->smart, &s->w->arena, &launch, &id, &err), &err);
	return id;
}

static struct str launched(struct site *s, enum app app, struct str launch)
{
	return authorize_url(
		s, app, "openid launch",
		arena_printf(&s->w->arena, CALLBACK PERSON_PKCE "%s&launch=%.*s", aud_of(s), STR_ARG(launch)).p);
}

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

static int64_t number(const struct json *j, const char *name)
{
	int64_t n = -1;
	assert_true(str_to_i64(json_number(json_get(j, str_from(name))), &n));
	return n;
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
		cmocka_unit_test(row_14_epic_devices_get_clients_of_their_own_D),
		cmocka_unit_test(row_14_epic_registers_only_with_a_first_token_of_a_public_app_D),
		cmocka_unit_test(row_14_codes_are_good_once_D),
		cmocka_unit_test(row_14_pkce_is_as_the_site_wants_it_I),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
