/* What is believed of an outside provider, and whose user it makes. */
#include "server/login/provider.h"

#include "world.h"

#define ISSUER "https://id.example.org"

static const struct login_provider provider = {.issuer = S(ISSUER),
					       .client_id = S("firth"),
					       .label = S("Example"),
					       .roles_claim = S("groups"),
					       .patients = S("*"),
					       .make_users = true};

static void claims_must_be_ours_and_fresh(void **state)
{
	static const struct {
		const char *claims;
		bool good;
	} rows[] = {
		{"{\"iss\":\"" ISSUER "\",\"aud\":\"firth\",\"sub\":\"1\",\"exp\":1100,\"iat\":1000,\"nonce\":\"n\"}",
		 true},
		{"{\"iss\":\"" ISSUER "\",\"aud\":[\"firth\"],\"sub\":\"1\",\"exp\":1100,\"iat\":1000,\"nonce\":\"n\"}",
		 true},
		{"{\"iss\":\"" ISSUER
		 "\",\"aud\":[\"x\",\"firth\"],\"azp\":\"firth\",\"sub\":\"1\",\"exp\":1100,\"iat\":1000,"
		 "\"nonce\":\"n\"}",
		 true},
		{"{\"iss\":\"" ISSUER
		 "\",\"aud\":[\"x\",\"firth\"],\"sub\":\"1\",\"exp\":1100,\"iat\":1000,\"nonce\":\"n\"}",
		 false},
		{"{\"iss\":\"" ISSUER
		 "\",\"aud\":\"firth\",\"azp\":\"x\",\"sub\":\"1\",\"exp\":1100,\"iat\":1000,\"nonce\":"
		 "\"n\"}",
		 false},
		{"{\"iss\":\"" ISSUER "/\",\"aud\":\"firth\",\"sub\":\"1\",\"exp\":1100,\"iat\":1000,\"nonce\":\"n\"}",
		 false},
		{"{\"iss\":\"" ISSUER "\",\"aud\":\"other\",\"sub\":\"1\",\"exp\":1100,\"iat\":1000,\"nonce\":\"n\"}",
		 false},
		{"{\"iss\":\"" ISSUER "\",\"sub\":\"1\",\"exp\":1100,\"iat\":1000,\"nonce\":\"n\"}", false},
		{"{\"iss\":\"" ISSUER "\",\"aud\":\"firth\",\"sub\":\"1\",\"exp\":900,\"iat\":800,\"nonce\":\"n\"}",
		 false},
		{"{\"iss\":\"" ISSUER "\",\"aud\":\"firth\",\"sub\":\"1\",\"iat\":1000,\"nonce\":\"n\"}", false},
		{"{\"iss\":\"" ISSUER "\",\"aud\":\"firth\",\"sub\":\"1\",\"exp\":2000,\"iat\":1900,\"nonce\":\"n\"}",
		 false},
		{"{\"iss\":\"" ISSUER "\",\"aud\":\"firth\",\"sub\":\"1\",\"exp\":1100,\"iat\":1000,\"nonce\":\"m\"}",
		 false},
		{"{\"iss\":\"" ISSUER "\",\"aud\":\"firth\",\"sub\":\"1\",\"exp\":1100,\"iat\":1000}", false},
		{"{\"iss\":\"" ISSUER "\",\"aud\":\"firth\",\"sub\":\"\",\"exp\":1100,\"iat\":1000,\"nonce\":\"n\"}",
		 false},
	};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		const struct json *claims = json_parse(&w->a, str_from(rows[i].claims), 0, &err);
		assert_non_null(claims);
		if (provider_check_claims(&provider, claims, S("n"), 1000, &err) != rows[i].good)
			fail_msg("row %zu: %s", i, err.text);
		assert_int_equal(err.code, rows[i].good ? ERR_NONE : ERR_TOKEN_INVALID);
	}
}

static enum error_code come(struct world *w, const char *text, struct login_user *ret_user)
{
	struct error err = {0};
	const struct json *claims = json_parse(&w->a, str_from(text), 0, &err);
	assert_non_null(claims);
	*ret_user = (struct login_user){0};
	return provider_user(w->login, &w->a, claims, ret_user, &err) ? ERR_NONE : err.code;
}

static void people_are_known_by_their_subject(void **state)
{
	struct world *w = *state;
	struct login_user user;
	world_open_login(w, &(struct login_options){.provider = &provider});
	assert_int_equal(
		come(w,
		     "{\"sub\":\"u1\",\"preferred_username\":\"Gina\",\"name\":\"Gina Ray\",\"fhirUser\":\"" BASE
		     "/fhir/Practitioner/9\",\"groups\":[\"nurse\",\"night\"]}",
		     &user),
		ERR_NONE);
	assert_string_equal(user.name.p, "gina");
	assert_true(str_is(user.fhir_user, "Practitioner/9") && str_is(user.roles, "nurse night"));
	assert_true(str_is(user.patients, "*") && !user.hash.p);
	/* The name changed at the provider, the person did not. */
	assert_int_equal(come(w, "{\"sub\":\"u1\",\"preferred_username\":\"anna\",\"groups\":\"day\"}", &user),
			 ERR_NONE);
	assert_true(str_is(user.name, "gina") && str_is(user.roles, "day"));
	/* Who has the name of somebody here is not them. */
	assert_int_equal(come(w, "{\"sub\":\"u2\",\"preferred_username\":\"anna\"}", &user), ERR_FORBIDDEN);
	assert_int_equal(come(w, "{\"sub\":\"u3\",\"preferred_username\":\"gina\"}", &user), ERR_FORBIDDEN);
	assert_int_equal(come(w, "{\"sub\":\"u4\",\"preferred_username\":\"a b\"}", &user), ERR_FORBIDDEN);
	/* A reference to another server's record is none of ours. */
	assert_int_equal(come(w,
			      "{\"sub\":\"u5\",\"preferred_username\":\"hal\",\"fhirUser\":\"https://x.example/fhir/"
			      "Practitioner/1\"}",
			      &user),
			 ERR_NONE);
	assert_null(user.fhir_user.p);
}

static void unknown_people_wait_to_be_let_in(void **state)
{
	struct world *w = *state;
	struct login_provider careful = provider;
	struct login_user user, after;
	careful.make_users = false;
	world_open_login(w, &(struct login_options){.provider = &careful});
	assert_int_equal(come(w, "{\"sub\":\"u1\",\"preferred_username\":\"gina\"}", &user), ERR_FORBIDDEN);
	assert_true(login_user_add(w->login, &w->a, &(struct login_user){.name = S("gina")}, NULL));
	assert_int_equal(come(w, "{\"sub\":\"u1\",\"preferred_username\":\"gina\"}", &user), ERR_NONE);
	assert_string_equal(user.subject.p, ISSUER " u1");
	assert_int_equal(come(w, "{\"sub\":\"u2\",\"preferred_username\":\"gina\"}", &user), ERR_FORBIDDEN);
	assert_true(login_user_find(w->login, &w->a, S("gina"), &user, NULL));
	after = user;
	after.disabled = true;
	assert_true(login_user_change(w->login, &w->a, &user, &after, NULL));
	assert_int_equal(come(w, "{\"sub\":\"u1\",\"preferred_username\":\"gina\"}", &user), ERR_FORBIDDEN);
}

static void the_page_offers_it(void **state)
{
	struct world *w = *state;
	struct login_provider only = provider;
	only.only = true;
	world_open_login(w, &(struct login_options){.provider = &provider});
	struct answer page = world_get(w, S("/auth/login"));
	assert_true(has(page.body, "Sign in with Example") && has(page.body, "id=\"password\""));
	world_open_login(w, &(struct login_options){.provider = &only});
	page = world_get(w, S("/auth/login"));
	assert_true(has(page.body, "Sign in with Example") && !has(page.body, "id=\"password\""));
	struct str request = world_request(
		w, (struct answer){.location = str_slice(page.body, str_find(page.body, S("provider?request=")) + 9,
							 str_find(page.body, S("provider?request=")) + 9 + 8 + 43)});
	struct answer in = world_post(
		w, "/auth/login", world_text(w, "request=%.*s&user=anna&password=a+few+plain+words", STR_ARG(request)));
	assert_int_equal(in.status, 303);
	assert_int_equal(w->session.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(claims_must_be_ours_and_fresh),
		TEST(people_are_known_by_their_subject),
		TEST(unknown_people_wait_to_be_let_in),
		TEST(the_page_offers_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
