/*
 * Tokens from a login to their end, over HTTP and on both stores: codes, refresh tokens, their rotation and reuse,
 * revocation on every process, introspection, userinfo, and all of it across a restart.
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

static struct str member(const struct json *j, const char *name)
{
	return json_get_str(j, str_from(name));
}

static void expect_error(struct place_answer answer, int status, const char *error, const char *why)
{
	if (answer.status != status || !str_is(member(answer.json, "error"), error) ||
	    str_find(member(answer.json, "error_description"), str_from(why)) == STR_NONE)
		fail_msg("expected %d %s \"%s\", got %d %.*s", status, error, why, answer.status,
			 STR_ARG(answer.http.body));
}

static struct place_answer redeem(struct place *p, int server, struct str code)
{
	return place_post(p, server, "/auth/token", place_code_form(p, "public", code), STR_NULL);
}

static struct place_answer refresh_as(struct place *p, int server, const char *client, struct str token,
				      const char *more)
{
	struct str form = arena_printf(&p->arena, "grant_type=refresh_token&client_id=%s&refresh_token=%.*s%s", client,
				       STR_ARG(token), more);
	return place_post(p, server, "/auth/token", form, STR_NULL);
}

static struct place_answer refresh(struct place *p, int server, struct str token)
{
	return refresh_as(p, server, "public", token, "");
}

static struct place_answer revoke(struct place *p, int server, struct str token)
{
	struct str form = arena_printf(&p->arena, "client_id=public&token=%.*s", STR_ARG(token));
	return place_post(p, server, "/auth/revoke", form, STR_NULL);
}

/* What is said by one server is heard of by the other within moments. */
static void expect_read(struct place *p, int server, struct str token, int status)
{
	int got = 0;
	for (int i = 0; i < 1000 && (got = place_read_status(p, server, token)) != status; i++)
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	assert_int_equal(got, status);
}

/* ---- codes ----------------------------------------------------------------------------------------------------------
 */

static void a_code_becomes_tokens(void **state)
{
	struct place *p = *state;
	struct place_answer answer = redeem(p, 1, place_code(p, &(struct place_login){0}));
	const struct json *j = answer.json;
	if (answer.status != 200)
		fail_msg("%.*s", STR_ARG(answer.http.body));
	assert_int_equal(member(j, "access_token").n, 43);
	assert_true(str_is(member(j, "token_type"), "Bearer"));
	assert_true(str_is(json_number(json_get(j, S("expires_in"))), "3600"));
	assert_true(str_is(member(j, "scope"), "openid fhirUser launch/patient offline_access patient/*.rs"));
	assert_true(str_is(member(j, "patient"), "p1"));
	assert_true(json_bool(json_get(j, S("need_patient_banner"))));
	assert_int_equal(member(j, "refresh_token").n, 43);
	assert_true(str_is(http_answer_header(&answer.http, "Cache-Control"), "no-store"));
	assert_true(str_is(http_answer_header(&answer.http, "Pragma"), "no-cache"));
	assert_true(str_is(http_answer_header(&answer.http, "Access-Control-Allow-Origin"), "*"));
	expect_read(p, 0, member(j, "access_token"), 200);
	expect_read(p, 1, member(j, "access_token"), 200);
}

static void a_launch_is_told(void **state)
{
	struct place *p = *state;
	const struct smart_launch launch = {.client_id = S("public"),
					    .patient = S("p9"),
					    .encounter = S("e9"),
					    .intent = S("order-review"),
					    .fhir_context = S("[{\"reference\":\"ImagingStudy/1\"}]"),
					    .style_url = S("https://ehr.example.org/style.json"),
					    .app_context = S("{\"drug\":\"warfarin\"}")};
	const struct json *j =
		place_tokens(p, &(struct place_login){.scope = "launch openid patient/*.rs", .launch = &launch});
	assert_true(str_is(member(j, "patient"), "p9"));
	assert_true(str_is(member(j, "encounter"), "e9"));
	assert_true(str_is(member(j, "intent"), "order-review"));
	assert_true(str_is(member(j, "smart_style_url"), "https://ehr.example.org/style.json"));
	assert_true(str_is(member(j, "appContext"), "{\"drug\":\"warfarin\"}"));
	assert_true(json_is(json_get(j, S("need_patient_banner")), JSON_BOOL));
	assert_false(json_bool(json_get(j, S("need_patient_banner"))));
	assert_true(str_is(member(json_at(json_get(j, S("fhirContext")), 0), "reference"), "ImagingStudy/1"));
	assert_null(json_get(j, S("refresh_token"))); /* nobody asked for one */
}

static void a_launch_is_good_once_and_for_its_app(void **state)
{
	struct place *p = *state;
	struct smart *one = p->servers[0].smart, *other = p->servers[1].smart;
	struct smart_launch taken;
	struct error err = {0};
	struct str id;
	assert_true(smart_launch_new(one, &p->arena,
				     &(struct smart_launch){.client_id = S("public"), .patient = S("p1")}, &id, &err));
	assert_int_equal(id.n, 43);
	assert_false(smart_launch_take(other, &p->arena, id, S("other"), NULL, &taken, &err));
	assert_string_equal(err.reason, "launch-unknown");
	err = (struct error){0};
	assert_true(smart_launch_take(other, &p->arena, id, S("public"), NULL, &taken, &err));
	assert_true(str_is(taken.patient, "p1"));
	assert_false(smart_launch_take(one, &p->arena, id, S("public"), NULL, &taken, &err));
	assert_string_equal(err.reason, "launch-unknown");
	err = (struct error){0};
	assert_false(smart_launch_new(
		one, &p->arena, &(struct smart_launch){.client_id = S("public"), .fhir_context = S("{}")}, &id, &err));
}

/* RFC 6749 section 4.1.2: whoever came first may have been the thief. */
static void a_code_used_twice_ends_what_it_gave(void **state)
{
	struct place *p = *state;
	struct str code = place_code(p, &(struct place_login){0});
	struct place_answer first = redeem(p, 0, code);
	struct str access = member(first.json, "access_token"), again = member(first.json, "refresh_token");
	assert_int_equal(first.status, 200);
	expect_read(p, 0, access, 200);
	expect_read(p, 1, access, 200);
	expect_error(redeem(p, 1, code), 400, "invalid_grant", "used before");
	expect_read(p, 1, access, 401);
	expect_read(p, 0, access, 401);
	expect_error(refresh(p, 0, again), 400, "invalid_grant", "revoked");
}

static void a_code_is_bound(void **state)
{
	struct place *p = *state;
	struct str code = place_code(p, &(struct place_login){0});
	struct str wrong = arena_printf(&p->arena, "%.*s", STR_ARG(place_code_form(p, "public", code)));
	size_t at = str_find(wrong, S("code_verifier=")) + 14;
	char *text = (char *)(uintptr_t)wrong.p;
	text[at] = 'x';
	expect_error(place_post(p, 0, "/auth/token", wrong, STR_NULL), 400, "invalid_grant", "code_verifier");
	struct str without = arena_printf(
		&p->arena, "grant_type=authorization_code&client_id=public&code=%.*s&redirect_uri=" PLACE_REDIRECT,
		STR_ARG(code));
	expect_error(place_post(p, 0, "/auth/token", without, STR_NULL), 400, "invalid_request", "PKCE");
	expect_error(place_post(p, 0, "/auth/token", place_code_form(p, "other", code), STR_NULL), 400, "invalid_grant",
		     "another client");
	struct str elsewhere =
		arena_printf(&p->arena,
			     "grant_type=authorization_code&client_id=public&code=%.*s&code_verifier=" PLACE_VERIFIER
			     "&redirect_uri=" PLACE_REDIRECT "/",
			     STR_ARG(code));
	expect_error(place_post(p, 0, "/auth/token", elsewhere, STR_NULL), 400, "invalid_grant", "redirect_uri");
	/* None of these was a use. */
	assert_int_equal(redeem(p, 0, code).status, 200);
}

static void a_code_lives_a_minute(void **state)
{
	struct place *p = *state;
	struct str code = place_code(p, &(struct place_login){0});
	place_wait(61000);
	expect_error(redeem(p, 0, code), 400, "invalid_grant", "expired");
}

static void what_the_person_left_out_is_not_granted(void **state)
{
	struct place *p = *state;
	const struct json *j = place_tokens(
		p, &(struct place_login){
			   .scope = "launch/patient patient/Observation.rs patient/Condition.rs offline_access",
			   .left = "launch/patient patient/Observation.cruds user/*.rs"});
	assert_true(str_is(member(j, "scope"), "launch/patient patient/Observation.rs"));
	assert_null(json_get(j, S("refresh_token")));
}

/* ---- refresh tokens
 * -------------------------------------------------------------------------------------------------- */

static void refresh_tokens_rotate(void **state)
{
	struct place *p = *state;
	const struct json *j = place_tokens(p, &(struct place_login){0});
	struct str access = member(j, "access_token"), token = member(j, "refresh_token");
	for (int i = 0; i < 4; i++) {
		struct place_answer next = refresh(p, i % 2, token);
		if (next.status != 200)
			fail_msg("%.*s", STR_ARG(next.http.body));
		assert_false(str_eq(member(next.json, "refresh_token"), token));
		assert_false(str_eq(member(next.json, "access_token"), access));
		assert_true(str_is(member(next.json, "patient"), "p1"));
		token = member(next.json, "refresh_token");
	}
	expect_read(p, 0, access, 200);
}

static void a_reused_refresh_token_ends_the_family(void **state)
{
	struct place *p = *state;
	const struct json *j = place_tokens(p, &(struct place_login){0});
	struct str first = member(j, "refresh_token");
	struct place_answer second = refresh(p, 0, first);
	struct str access = member(second.json, "access_token");
	expect_read(p, 0, access, 200);
	expect_read(p, 1, access, 200);
	expect_error(refresh(p, 1, first), 400, "invalid_grant", "used before");
	expect_read(p, 0, access, 401);
	expect_read(p, 1, access, 401);
	expect_error(refresh(p, 0, member(second.json, "refresh_token")), 400, "invalid_grant", "revoked");
}

static void refreshing_may_ask_for_less(void **state)
{
	struct place *p = *state;
	const struct json *j = place_tokens(
		p, &(struct place_login){
			   .scope = "launch/patient offline_access patient/Observation.rs patient/Patient.rs"});
	struct place_answer less =
		refresh_as(p, 0, "public", member(j, "refresh_token"), "&scope=patient%2FObservation.r");
	assert_int_equal(less.status, 200);
	assert_true(str_is(member(less.json, "scope"), "patient/Observation.r"));
	expect_error(refresh_as(p, 0, "public", member(less.json, "refresh_token"), "&scope=patient%2F*.rs"), 400,
		     "invalid_scope", "wider");
	expect_error(refresh_as(p, 0, "public", member(less.json, "refresh_token"), "&scope=user%2FPatient.rs"), 400,
		     "invalid_scope", "wider");
	/* The refresh token keeps what was granted (RFC 6749 section 6). */
	struct place_answer all = refresh_as(p, 0, "public", member(less.json, "refresh_token"), "");
	assert_true(str_is(member(all.json, "scope"),
			   "launch/patient offline_access patient/Observation.rs patient/Patient.rs"));
}

static void refresh_tokens_are_their_clients(void **state)
{
	struct place *p = *state;
	const struct json *j = place_tokens(p, &(struct place_login){0});
	expect_error(refresh_as(p, 0, "other", member(j, "refresh_token"), ""), 400, "invalid_grant", "another client");
	assert_int_equal(refresh(p, 0, member(j, "refresh_token")).status, 200);
}

static void refresh_tokens_end(void **state)
{
	struct place *p = *state;
	struct str token = member(place_tokens(p, &(struct place_login){0}), "refresh_token");
	const int64_t day = (int64_t)24 * 3600 * 1000;
	for (int i = 0; i < 4; i++) { /* used now and then, for a year */
		place_wait(89 * day);
		struct place_answer next = refresh(p, 0, token);
		assert_int_equal(next.status, 200);
		token = member(next.json, "refresh_token");
	}
	place_wait(10 * day);
	expect_error(refresh(p, 0, token), 400, "invalid_grant", "expired");
	token = member(place_tokens(p, &(struct place_login){0}), "refresh_token");
	place_wait(91 * day);
	expect_error(refresh(p, 0, token), 400, "invalid_grant", "expired");
}

static void online_access_ends_with_the_session(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	const struct store_fact session = {
		.shelf = S("session"), .key = S("s-1"), .value = S("{}"), .expires_ms = place_now() + 100000000};
	assert_true(store_fact_put(p->servers[0].store, &session, &err));
	const struct json *j = place_tokens(
		p, &(struct place_login){.scope = "launch/patient online_access patient/*.rs", .session = "s-1"});
	struct place_answer next = refresh(p, 1, member(j, "refresh_token"));
	assert_int_equal(next.status, 200);
	const struct store_fact gone = {.shelf = S("session"), .key = S("s-1")};
	assert_true(store_fact_put(p->servers[0].store, &gone, &err));
	assert_int_equal(refresh(p, 1, member(next.json, "refresh_token")).status, 400);
	/* And on logging out its tokens end as well. */
	size_t count;
	expect_read(p, 0, member(next.json, "access_token"), 200);
	assert_true(smart_grants_end_session(p->servers[1].smart, &p->arena, S("anna"), S("s-1"), &count, &err));
	assert_int_equal(count, 1);
	expect_read(p, 0, member(next.json, "access_token"), 401);
}

/* ---- ending ---------------------------------------------------------------------------------------------------------
 */

static void revocation_is_heard_everywhere(void **state)
{
	struct place *p = *state;
	const struct json *j = place_tokens(p, &(struct place_login){0});
	struct str access = member(j, "access_token"), token = member(j, "refresh_token");
	expect_read(p, 0, access, 200);
	expect_read(p, 1, access, 200);
	struct place_answer answer = revoke(p, 0, access);
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.http.body.n, 0);
	assert_int_equal(place_read_status(p, 0, access), 401);
	expect_read(p, 1, access, 401);
	/* The access token alone: the app may go on. */
	struct place_answer next = refresh(p, 1, token);
	assert_int_equal(next.status, 200);
	access = member(next.json, "access_token");
	expect_read(p, 0, access, 200);
	/* The refresh token takes everything with it, and one that was used does so too. */
	assert_int_equal(revoke(p, 1, token).status, 200);
	expect_read(p, 0, access, 401);
	expect_read(p, 1, access, 401);
	expect_error(refresh(p, 0, member(next.json, "refresh_token")), 400, "invalid_grant", "revoked");
	assert_int_equal(revoke(p, 0, S("never-issued")).status, 200);
	expect_error(place_post(p, 0, "/auth/revoke", S("client_id=public"), STR_NULL), 400, "invalid_request",
		     "token");
}

static void only_its_client_revokes_a_token(void **state)
{
	struct place *p = *state;
	const struct json *j = place_tokens(p, &(struct place_login){0});
	struct str names[] = {member(j, "access_token"), member(j, "refresh_token")};
	for (int i = 0; i < 2; i++) {
		struct str form = arena_printf(&p->arena, "client_id=other&token=%.*s", STR_ARG(names[i]));
		expect_error(place_post(p, 0, "/auth/revoke", form, STR_NULL), 400, "invalid_grant", "another client");
	}
	expect_read(p, 0, names[0], 200);
}

static void a_person_sees_and_ends_what_was_authorized(void **state)
{
	struct place *p = *state;
	struct smart *s = p->servers[1].smart;
	struct smart_grant *grants;
	struct error err = {0};
	size_t count;
	struct str mine = member(place_tokens(p, &(struct place_login){.user = "ben"}), "access_token");
	struct str another =
		member(place_tokens(p, &(struct place_login){.user = "ben", .scope = "user/*.rs"}), "access_token");
	struct str theirs = member(place_tokens(p, &(struct place_login){.user = "cleo"}), "access_token");
	assert_true(smart_grants_of(s, &p->arena, S("ben"), 100, &grants, &count, &err));
	assert_int_equal(count, 2);
	struct str id = grants[str_is(grants[0].scopes, "user/*.rs") ? 1 : 0].id;
	assert_true(str_is(grants[0].client_id, "public") && str_is(grants[0].user, "ben"));
	assert_false(smart_grant_revoke(s, &p->arena, id, S("cleo"), &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	err = (struct error){0};
	assert_true(smart_grant_revoke(s, &p->arena, id, S("ben"), &err));
	expect_read(p, 0, mine, 401);
	expect_read(p, 0, another, 200);
	assert_true(smart_grants_of(s, &p->arena, S("ben"), 100, &grants, &count, &err));
	assert_int_equal(count, 1);
	assert_true(smart_grants_revoke_user(s, &p->arena, S("ben"), &count, &err));
	expect_read(p, 0, another, 401);
	expect_read(p, 0, theirs, 200);
	assert_true(smart_grants_of(s, &p->arena, STR_NULL, 1000, &grants, &count, &err));
	bool found = false;
	for (size_t i = 0; i < count; i++)
		found = found || str_is(grants[i].user, "cleo");
	assert_true(found);
}

static void everything_survives_a_restart(void **state)
{
	struct place *p = *state;
	struct error err = {0};
	struct str code = place_code(p, &(struct place_login){0});
	const struct json *j = place_tokens(p, &(struct place_login){0});
	struct str old = member(j, "refresh_token");
	struct place_answer next = refresh(p, 0, old);
	struct str ended = member(place_tokens(p, &(struct place_login){0}), "access_token");
	assert_int_equal(revoke(p, 0, ended).status, 200);
	struct place_answer keys = place_fetch(p, 0, "/auth/jwks", STR_NULL);
	if (!place_restart(p, &err))
		fail_msg("%s", err.text);
	assert_int_equal(place_read_status(p, 0, member(next.json, "access_token")), 200);
	assert_int_equal(place_read_status(p, 0, ended), 401);
	assert_true(str_eq(place_fetch(p, 0, "/auth/jwks", STR_NULL).http.body, keys.http.body));
	assert_int_equal(redeem(p, 0, code).status, 200);
	expect_error(redeem(p, 1, code), 400, "invalid_grant", "used before");
	expect_error(refresh(p, 1, old), 400, "invalid_grant", "used before");
	expect_read(p, 0, member(next.json, "access_token"), 401);
}

/* ---- looking --------------------------------------------------------------------------------------------------------
 */

static struct place_answer introspect(struct place *p, int server, struct str token)
{
	struct str form = arena_printf(&p->arena, "token=%.*s", STR_ARG(token));
	return place_post(p, server, "/auth/introspect", form, place_basic(p, "secret", PLACE_SECRET));
}

static void tokens_are_introspected(void **state)
{
	struct place *p = *state;
	const struct json *j = place_tokens(p, &(struct place_login){0});
	struct str access = member(j, "access_token");
	const struct json *seen = introspect(p, 1, access).json;
	assert_true(json_bool(json_get(seen, S("active"))));
	assert_true(str_is(member(seen, "client_id"), "public"));
	assert_true(str_is(member(seen, "patient"), "p1"));
	assert_true(str_is(member(seen, "scope"), "openid fhirUser launch/patient offline_access patient/*.rs"));
	assert_true(str_ends(member(seen, "fhirUser"), S("/fhir/Practitioner/7")));
	assert_true(str_eq(member(seen, "iss"), smart_issuer(p->servers[0].smart)));
	int64_t exp = 0;
	assert_true(str_to_i64(json_number(json_get(seen, S("exp"))), &exp) && exp > place_now() / 1000);
	assert_int_equal(revoke(p, 0, access).status, 200);
	seen = introspect(p, 1, access).json;
	assert_true(json_is(json_get(seen, S("active")), JSON_BOOL) && !json_bool(json_get(seen, S("active"))));
	assert_int_equal(json_size(seen), 1);
	assert_int_equal(json_size(introspect(p, 0, S("nothing")).json), 1);
	/* A refresh token is nobody's business but its client's. */
	assert_int_equal(json_size(introspect(p, 0, member(j, "refresh_token")).json), 1);
	struct str form = arena_printf(&p->arena, "client_id=public&token=%.*s", STR_ARG(member(j, "refresh_token")));
	assert_true(json_bool(json_get(place_post(p, 0, "/auth/introspect", form, STR_NULL).json, S("active"))));
	expect_error(place_post(p, 0, "/auth/introspect", form, place_basic(p, "secret", "wrong")), 400,
		     "invalid_request", "client_id is not");
	form = arena_printf(&p->arena, "token=%.*s", STR_ARG(access));
	expect_error(place_post(p, 0, "/auth/introspect", form, place_basic(p, "secret", "wrong")), 401,
		     "invalid_client", "secret");
	expect_error(place_post(p, 0, "/auth/introspect", form, STR_NULL), 400, "invalid_client", "who it is");
}

static void userinfo_says_who(void **state)
{
	struct place *p = *state;
	struct str access = member(place_tokens(p, &(struct place_login){.scope = "openid fhirUser"}), "access_token");
	struct str again =
		member(place_tokens(p, &(struct place_login){.scope = "openid", .client = "other"}), "access_token");
	struct place_answer one = place_fetch(p, 0, "/auth/userinfo", access),
			    two = place_fetch(p, 1, "/auth/userinfo", again);
	assert_int_equal(one.status, 200);
	assert_true(str_ends(member(one.json, "fhirUser"), S("/fhir/Practitioner/7")));
	assert_null(json_get(two.json, S("fhirUser")));
	assert_true(str_eq(member(one.json, "sub"), member(two.json, "sub")));
	assert_true(str_find(member(one.json, "sub"), S("anna")) == STR_NONE);
	/* The name only where it was asked for. */
	assert_null(json_get(one.json, S("name")));
	one = place_fetch(p, 1, "/auth/userinfo",
			  member(place_tokens(p, &(struct place_login){.scope = "openid profile"}), "access_token"));
	assert_true(str_is(member(one.json, "name"), "Dr. Anna Berg"));
	assert_true(str_is(member(one.json, "preferred_username"), "anna"));
	struct str plain = member(place_tokens(p, &(struct place_login){.scope = "user/*.rs"}), "access_token");
	struct place_answer refused = place_fetch(p, 0, "/auth/userinfo", plain);
	assert_int_equal(refused.status, 403);
	assert_true(str_find(http_answer_header(&refused.http, "WWW-Authenticate"), S("insufficient_scope")) !=
		    STR_NONE);
	refused = place_fetch(p, 0, "/auth/userinfo", S("x"));
	assert_int_equal(refused.status, 401);
	assert_true(str_is(http_answer_header(&refused.http, "Access-Control-Allow-Origin"), "*"));
}

#define AT_PLACE(test) cmocka_unit_test(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_PLACE(a_code_becomes_tokens),
		AT_PLACE(a_launch_is_told),
		AT_PLACE(a_launch_is_good_once_and_for_its_app),
		AT_PLACE(a_code_used_twice_ends_what_it_gave),
		AT_PLACE(a_code_is_bound),
		AT_PLACE(a_code_lives_a_minute),
		AT_PLACE(what_the_person_left_out_is_not_granted),
		AT_PLACE(refresh_tokens_rotate),
		AT_PLACE(a_reused_refresh_token_ends_the_family),
		AT_PLACE(refreshing_may_ask_for_less),
		AT_PLACE(refresh_tokens_are_their_clients),
		AT_PLACE(refresh_tokens_end),
		AT_PLACE(online_access_ends_with_the_session),
		AT_PLACE(revocation_is_heard_everywhere),
		AT_PLACE(only_its_client_revokes_a_token),
		AT_PLACE(a_person_sees_and_ends_what_was_authorized),
		AT_PLACE(everything_survives_a_restart),
		AT_PLACE(tokens_are_introspected),
		AT_PLACE(userinfo_says_who),
	};
	return cmocka_run_group_tests(tests, place_set_up, place_tear_down);
}
