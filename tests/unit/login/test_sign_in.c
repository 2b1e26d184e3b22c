/* Signing in and out: what the pages tell and what they do not, waiting after failures, sessions and their ends. */
#include "world.h"

/* A sign-in without an app: the page of apps. */
static struct answer begin(struct world *w)
{
	struct answer page = world_get(w, S("/auth/login"));
	assert_int_equal(page.status, 200);
	return page;
}

static struct answer try(struct world *w, struct answer page, const char *user, const char *password)
{
	return world_post(w, "/auth/login",
			  world_text(w, "request=%.*s&user=%s&password=%s",
				     STR_ARG(world_field(w, page.body, "request")), user, password));
}

static void sign_in(struct world *w, const char *user)
{
	struct answer in = try(w, begin(w), user, "a+few+plain+words");
	if (in.status != 303 || !str_is(in.location, "/auth/apps"))
		fail_msg("status %d, %.*s", in.status, STR_ARG(in.location));
}

static bool is_in(struct world *w)
{
	struct answer apps = world_get(w, S("/auth/apps"));
	return apps.status == 200 && has(apps.body, "My apps");
}

static void the_right_password_opens_a_session(void **state)
{
	struct world *w = *state;
	assert_false(is_in(w));
	struct answer page = begin(w);
	struct str before = w->browser;
	assert_int_equal(before.n, TOKEN_SIZE);
	struct answer in = try(w, page, "+Anna+", "a+few+plain+words");
	assert_int_equal(in.status, 303);
	assert_true(has(in.cookies, "firth_session="));
	assert_true(has(in.cookies, "HttpOnly") && has(in.cookies, "SameSite=Lax") && has(in.cookies, "Path=/"));
	assert_false(has(in.cookies, "Max-Age") || has(in.cookies, "Secure"));
	assert_true(is_in(w));
	assert_true(world_recorded(w, "login", 0));
	/* The cookie itself is nowhere in the store. */
	struct str kept;
	assert_true(store_fact_get(w->store, &w->a, S("session"), w->session, &kept, NULL));
	assert_null(kept.p);
}

static void over_tls_cookies_are_the_hosts_own(void **state)
{
	struct world *w = *state;
	world_open_login(w, &(struct login_options){.base_url = S("https://fhir.example.org"), .realm = S("north")});
	struct answer in = try(w, begin(w), "anna", "a+few+plain+words");
	assert_true(has(in.cookies, "__Host-firth_session.north="));
	assert_true(has(in.cookies, "; Secure"));
}

/* The same words, the same status, and the same work. */
static void what_is_wrong_is_not_told_apart(void **state)
{
	static const char *const rows[][2] = {{"anna", "wrong+password"},
					      {"nobody", "wrong+password"},
					      {"dora", "a+few+plain+words"},
					      {"dora", "wrong+password"},
					      {"no%3Cname", "wrong+password"}};
	struct world *w = *state;
	struct str first = STR_NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer page = try(w, begin(w), rows[i][0], rows[i][1]);
		assert_int_equal(page.status, 403);
		assert_true(has(page.body, "The name or the password is not right."));
		assert_true(has(page.body, "role=\"alert\"") && has(page.body, "href=\"#password\""));
		assert_false(has(page.body, "wrong password"));
		assert_false(has(page.body, "wrong+password"));
		struct str words = str_slice(page.body, 0, str_find(page.body, S("<form")));
		if (first.p)
			assert_true(str_eq(words, first));
		first = words;
		assert_int_equal(w->session.n, 0);
	}
	assert_true(world_recorded(w, "login", 4));
}

static void empty_fields_are_named(void **state)
{
	struct world *w = *state;
	struct answer page = try(w, begin(w), "", "");
	assert_int_equal(page.status, 400);
	assert_true(has(page.body, "href=\"#user\"") && has(page.body, "href=\"#password\""));
	assert_true(has(page.body, "aria-invalid=\"true\""));
	page = try(w, begin(w), "anna%00", "x");
	assert_int_equal(page.status, 400);
}

static void failures_are_followed_by_waits(void **state)
{
	static const char *const names[] = {"anna", "nobody"}; /* a name that nobody has waits as well */
	struct world *w = *state;
	for (size_t n = 0; n < 2; n++) {
		for (int i = 0; i < 5; i++)
			assert_int_equal(try(w, begin(w), names[n], "wrong+password").status, 403);
		struct answer page = try(w, begin(w), names[n], "a+few+plain+words");
		assert_int_equal(page.status, 429);
		assert_true(page.retry_after > 0 && page.retry_after <= 15);
		assert_true(has(page.body, "Please wait") && has(page.body, "seconds"));
	}
	/* Others are not held up. */
	assert_int_equal(try(w, begin(w), "ed", "wrong+password").status, 403);
	world_sleep(w, 16 * 1000);
	assert_int_equal(try(w, begin(w), "anna", "wrong+password").status, 403);
	struct answer page = try(w, begin(w), "anna", "a+few+plain+words");
	assert_int_equal(page.status, 429);
	assert_true(page.retry_after > 16 && page.retry_after <= 30); /* twice as long */
	world_sleep(w, 31 * 1000);
	sign_in(w, "anna");
	world_new_browser(w);
	/* All forgotten. */
	for (int i = 0; i < 4; i++)
		assert_int_equal(try(w, begin(w), "anna", "wrong+password").status, 403);
	sign_in(w, "anna");
}

static void an_operator_ends_the_wait(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 5; i++)
		try(w, begin(w), "anna", "wrong+password");
	assert_int_equal(try(w, begin(w), "anna", "a+few+plain+words").status, 429);
	assert_true(login_user_unlock(w->login, S("anna"), NULL));
	sign_in(w, "anna");
}

static void an_address_that_tries_many_names_waits(void **state)
{
	struct world *w = *state;
	world_open_login(w, &(struct login_options){.address_attempts = 3});
	for (int i = 0; i < 3; i++)
		assert_int_equal(try(w, begin(w), world_text(w, "name%d", i).p, "wrong+password").status, 403);
	assert_int_equal(try(w, begin(w), "anna", "a+few+plain+words").status, 429);
}

static void a_session_ends_when_nothing_happens(void **state)
{
	struct world *w = *state;
	sign_in(w, "anna");
	for (int i = 0; i < 4; i++) {
		world_sleep(w, 29 * 60 * 1000);
		assert_true(is_in(w));
	}
	world_sleep(w, 31 * 60 * 1000);
	assert_false(is_in(w));
}

static void a_session_has_an_end(void **state)
{
	struct world *w = *state;
	sign_in(w, "anna");
	for (int i = 0; i < 25; i++) {
		world_sleep(w, 28 * 60 * 1000);
		assert_true(is_in(w));
	}
	world_sleep(w, 28 * 60 * 1000);
	assert_false(is_in(w));
}

static void each_sign_in_has_a_new_id(void **state)
{
	struct world *w = *state;
	struct str planted = token_new(&w->a), first;
	w->session = planted; /* what a stranger put there */
	sign_in(w, "anna");
	first = w->session;
	assert_false(str_eq(first, planted));
	struct answer page = world_get(w, S("/auth/login"));
	assert_int_equal(page.status, 303); /* in already */
	/* Signing in anew ends the session from before. */
	world_sleep(w, 13 * 60 * 60 * 1000);
	w->session = S("");
	sign_in(w, "ed");
	assert_false(str_eq(w->session, first));
	w->session = first;
	assert_false(is_in(w));
}

static void sessions_end_with_the_user(void **state)
{
	struct world *w = *state;
	struct login_user user, after;
	sign_in(w, "anna");
	assert_true(login_user_find(w->login, &w->a, S("anna"), &user, NULL));
	after = user;
	after.password_ms++; /* another password */
	assert_true(login_user_change(w->login, &w->a, &user, &after, NULL));
	assert_false(is_in(w));
	sign_in(w, "anna");
	user = after;
	after.disabled = true;
	assert_true(login_user_change(w->login, &w->a, &user, &after, NULL));
	assert_false(is_in(w));
}

static void an_older_hash_is_made_again(void **state)
{
	/* "correct horse", 19 MiB and one pass */
	static const char old[] = "$argon2id$v=19$m=19456,t=1,p=1$QnUsqqTWe7upcxFs4uMB4Q$"
				  "jJcD46BCuV7EG6Ccz143YdFPgAD16gWgoTIHh+6iPM8";
	struct world *w = *state;
	struct login_user user;
	assert_true(
		login_user_add(w->login, &w->a, &(struct login_user){.name = S("old"), .hash = str_from(old)}, NULL));
	struct answer in = try(w, begin(w), "old", "correct+horse");
	assert_int_equal(in.status, 303);
	assert_true(is_in(w));
	assert_true(login_user_find(w->login, &w->a, S("old"), &user, NULL));
	assert_true(str_starts(user.hash, S("$argon2id$v=19$m=65536,t=3,")));
	assert_int_equal(vault_password_check(S("correct horse"), user.hash), VAULT_RIGHT);
}

static void codes_are_asked_for_and_good_once(void **state)
{
	struct world *w = *state;
	struct login_user user, after;
	struct str uri, secret;
	assert_true(login_user_find(w->login, &w->a, S("anna"), &user, NULL));
	after = user;
	assert_true(login_user_totp(w->login, &w->a, &after, &uri, NULL));
	assert_true(login_user_change(w->login, &w->a, &user, &after, NULL));
	assert_true(vault_unseal(w->vault, &w->a, S("totp/anna"), after.totp, &secret, NULL));
	uint32_t code = vault_hotp(secret, (uint64_t)(world_now() / 1000 / VAULT_OTP_STEP_S), VAULT_OTP_DIGITS);
	struct str request;

	for (int round = 0; round < 2; round++) {
		struct answer in = try(w, begin(w), "anna", "a+few+plain+words");
		assert_int_equal(in.status, 303);
		assert_int_equal(w->session.n, 0);
		request = world_request(w, in);
		struct answer page = world_get(w, in.location);
		assert_true(has(page.body, "One-time code") && has(page.body, "autocomplete=\"one-time-code\""));
		page = world_post(w, "/auth/login",
				  world_text(w, "request=%.*s&code=%06u", STR_ARG(request), (code + 1) % 1000000));
		assert_int_equal(page.status, 403);
		page = world_post(
			w, "/auth/login",
			world_text(w, "request=%.*s&code=%03u+%03u", STR_ARG(request), code / 1000, code % 1000));
		if (round == 0) {
			assert_int_equal(page.status, 303);
			assert_true(is_in(w));
			world_new_browser(w);
		} else {
			assert_int_equal(page.status, 403);
			assert_true(has(page.body, "used already"));
		}
	}
	/* The way back, and the end of the time for it. */
	struct answer back = world_post(w, "/auth/login", world_text(w, "request=%.*s&again=1", STR_ARG(request)));
	assert_int_equal(back.status, 303);
	assert_true(has(world_get(w, back.location).body, "id=\"password\""));
}

static void a_code_comes_soon_or_not_at_all(void **state)
{
	struct world *w = *state;
	struct login_user user, after;
	struct str uri, secret;
	assert_true(login_user_find(w->login, &w->a, S("anna"), &user, NULL));
	after = user;
	assert_true(login_user_totp(w->login, &w->a, &after, &uri, NULL));
	assert_true(login_user_change(w->login, &w->a, &user, &after, NULL));
	assert_true(vault_unseal(w->vault, &w->a, S("totp/anna"), after.totp, &secret, NULL));
	struct answer in = try(w, begin(w), "anna", "a+few+plain+words");
	struct str request = world_request(w, in);
	world_sleep(w, 6 * 60 * 1000);
	uint32_t code = vault_hotp(secret, (uint64_t)(world_now() / 1000 / VAULT_OTP_STEP_S), VAULT_OTP_DIGITS);
	struct answer late =
		world_post(w, "/auth/login", world_text(w, "request=%.*s&code=%06u", STR_ARG(request), code));
	assert_int_equal(late.status, 303);
	assert_true(has(world_get(w, late.location).body, "id=\"password\""));
}

static void signing_out_needs_the_forms_word(void **state)
{
	struct world *w = *state;
	sign_in(w, "anna");
	struct str cookie = w->session;
	world_post(w, "/auth/logout", S("word=guess"));
	assert_true(is_in(w));
	struct answer page = world_get(w, S("/auth/logout"));
	struct str word = world_field(w, page.body, "word");
	assert_int_equal(word.n, TOKEN_SIZE);
	struct answer out = world_post(w, "/auth/logout", world_text(w, "word=%.*s", STR_ARG(word)));
	assert_true(has(out.cookies, "Max-Age=0"));
	w->session = cookie; /* a copy of the cookie is worth nothing */
	assert_false(is_in(w));
	assert_true(world_recorded(w, "logout", 0));
}

static void forms_of_other_sites_are_refused(void **state)
{
	struct world *w = *state;
	struct answer page = begin(w);
	struct str request = world_field(w, page.body, "request");
	struct str form = world_text(w, "request=%.*s&user=anna&password=a+few+plain+words", STR_ARG(request));
	w->more = (struct http_header){S("Origin"), S("https://evil.example.org")};
	assert_int_equal(world_post(w, "/auth/login", form).status, 403);
	w->more = (struct http_header){S("Sec-Fetch-Site"), S("cross-site")};
	assert_int_equal(world_post(w, "/auth/login", form).status, 403);
	w->more = (struct http_header){0};
	/* Another browser that learned the request's id. */
	struct str browser = w->browser;
	w->browser = token_new(&w->a);
	assert_int_equal(world_post(w, "/auth/login", form).status, 404);
	w->browser = S("");
	assert_int_equal(world_post(w, "/auth/login", form).status, 404);
	w->browser = browser;
	w->more = (struct http_header){S("Origin"), S(BASE)};
	assert_int_equal(world_post(w, "/auth/login", form).status, 303);
}

static void pages_run_nothing(void **state)
{
	struct world *w = *state;
	struct answer page = begin(w);
	assert_string_equal(
		page.policy.p,
		"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
		"frame-ancestors 'none'");
	assert_false(has(page.body, "<script") || has(page.body, "style=") || has(page.body, "<style"));
	struct answer css = world_get(w, S("/auth/page.css"));
	assert_int_equal(css.status, 200);
	assert_false(has(css.body, "url("));
	assert_int_equal(world_post(w, "/auth/callback", S("")).status, 405);
	assert_int_equal(world_get(w, S("/auth/login?request=AAAA")).status, 404);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_right_password_opens_a_session),
		TEST(over_tls_cookies_are_the_hosts_own),
		TEST(what_is_wrong_is_not_told_apart),
		TEST(empty_fields_are_named),
		TEST(failures_are_followed_by_waits),
		TEST(an_operator_ends_the_wait),
		TEST(an_address_that_tries_many_names_waits),
		TEST(a_session_ends_when_nothing_happens),
		TEST(a_session_has_an_end),
		TEST(each_sign_in_has_a_new_id),
		TEST(sessions_end_with_the_user),
		TEST(an_older_hash_is_made_again),
		TEST(codes_are_asked_for_and_good_once),
		TEST(a_code_comes_soon_or_not_at_all),
		TEST(signing_out_needs_the_forms_word),
		TEST(forms_of_other_sites_are_refused),
		TEST(pages_run_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
