/* What the pages refuse: a browser, so to say, signs in, and does each thing wrong once. */
#include "refusals.h"

#include "base/encode.h"

static struct str session, browser; /* the cookies of the browser */

static void keep_cookies(const struct place_answer *answer)
{
	for (size_t i = 0; i < answer->http.header_count; i++) {
		struct str value = answer->http.headers[i].value, rest = str_split(&value, ';');
		struct str name = str_split(&rest, '=');
		if (!str_eq_nocase(answer->http.headers[i].name, S("Set-Cookie")))
			continue;
		if (str_is(name, "firth_session"))
			session = rest;
		else if (str_is(name, "firth_browser"))
			browser = rest;
	}
}

static struct place_answer visit(const char *method, struct str path, struct str form, struct str origin)
{
	const struct http_header headers[] = {
		{S("Content-Type"), S("application/x-www-form-urlencoded")},
		{S("Cookie"),
		 arena_printf(&p->arena, "firth_session=%.*s; firth_browser=%.*s", STR_ARG(session), STR_ARG(browser))},
		{S("Origin"), origin}};
	struct place_answer answer =
		place_send(p, 0, method, arena_str(&p->arena, path).p, strcmp(method, "POST") == 0 ? form : STR_NULL,
			   headers, origin.p ? 3 : 2);
	keep_cookies(&answer);
	return answer;
}

static struct place_answer get(struct str path)
{
	return visit("GET", path, STR_NULL, STR_NULL);
}

static struct place_answer send_form(const char *path, struct str form)
{
	return visit("POST", str_from(path), form, STR_NULL);
}

static void new_browser(void)
{
	session = browser = S("");
}

static struct str field(struct str page, const char *name)
{
	struct str mark = arena_printf(&p->arena, "name=\"%s\" value=\"", name);
	size_t at = str_find(page, mark);
	assert_true(at != STR_NONE);
	struct str rest = str_slice(page, at + mark.n, page.n);
	return str_split(&rest, '"');
}

static struct str parameter(struct str url, const char *name)
{
	struct buf out;
	struct str rest = url;
	str_split(&rest, '?');
	while (rest.n) {
		struct str value = str_split(&rest, '&'), found = str_split(&value, '=');
		if (!str_is(found, name))
			continue;
		buf_init(&out, 4096);
		struct str text = decode_percent(&out, value, true) ? arena_str(&p->arena, buf_str(&out)) : STR_NULL;
		buf_done(&out);
		return text;
	}
	return STR_NULL;
}

static struct str location(const struct place_answer *answer)
{
	assert_int_equal(answer->status, 303);
	return http_answer_header(&answer->http, "Location");
}

/* Where the pages of a new request begin: its id. */
static struct str begin_app(const char *scope, const char *more)
{
	struct buf text;
	buf_init(&text, 4096);
	encode_percent(&text, smart_issuer(p->servers[0].smart));
	struct str path =
		arena_printf(&p->arena,
			     "/auth/authorize?response_type=code&client_id=public&redirect_uri=https%%3A%%2F%%2F"
			     "app.example.org%%2Fcb&state=s&code_challenge_method=S256&code_challenge=" PLACE_CHALLENGE
			     "&aud=%.*s&scope=%s%s",
			     STR_ARG(buf_str(&text)), scope, more);
	buf_done(&text);
	const struct place_answer answer = get(path);
	return parameter(location(&answer), "request");
}

static struct place_answer sign_in(struct str request, const char *user, const char *password)
{
	return send_form("/auth/login",
			 arena_printf(&p->arena, "request=%.*s&user=%s&password=%s", STR_ARG(request), user, password));
}

#define RIGHT "a+few+plain+words"

/* ---- signing in ----------------------------------------------------------------------------------------------------
 */

static void add_user_with_codes(struct str *ret_secret)
{
	struct error err = {0};
	struct login_user user = {.name = S("tina"), .hash = str_from(p->hash), .patients = S("*")};
	struct str uri;
	assert_true(login_user_totp(p->servers[0].login, &p->arena, &user, &uri, &err));
	assert_true(login_user_add(p->servers[0].login, &p->arena, &user, &err));
	assert_true(vault_unseal(p->vault, &p->arena, S("totp/tina"), user.totp, ret_secret, &err));
}

static void try_one_time_codes(void)
{
	struct str secret, request;
	add_user_with_codes(&secret);
	struct place_answer answer;
	uint32_t code = 0; /* the second round sends the very one again, whatever the time */
	for (int round = 0; round < 2; round++) {
		new_browser();
		request = begin_app("openid", "");
		answer = sign_in(request, "tina", RIGHT);
		assert_int_equal(answer.status, 303);
		if (!round)
			code = vault_hotp(secret, (uint64_t)(place_now() / 1000 / VAULT_OTP_STEP_S), VAULT_OTP_DIGITS);
		answer = send_form("/auth/login", arena_printf(&p->arena, "request=%.*s&code=%06u", STR_ARG(request),
							       round ? code : (code + 77) % 1000000));
		if (!round)
			refusal_expect_page(REFUSAL_ONE_TIME_WRONG, &answer);
		answer = round ? answer
			       : send_form("/auth/login",
					   arena_printf(&p->arena, "request=%.*s&code=%06u", STR_ARG(request), code));
		if (!round)
			assert_int_equal(answer.status, 303);
		else
			refusal_expect_page(REFUSAL_ONE_TIME_USED, &answer);
	}
}

static void open_for_somebody_else(void)
{
	struct error err = {0};
	struct str id;
	const struct smart_launch launch = {.client_id = S("public"), .user = S("ed"), .patient = S("p1")};
	new_browser();
	assert_true(smart_launch_new(p->servers[0].smart, &p->arena, &launch, &id, &err));
	struct str request = begin_app("launch", arena_printf(&p->arena, "&launch=%.*s", STR_ARG(id)).p);
	const struct place_answer answer = sign_in(request, "anna", RIGHT);
	refusal_expect_page(REFUSAL_LAUNCH_USER, &answer);
}

static void choose_wrongly(void)
{
	new_browser();
	struct str request = begin_app("launch/patient", "");
	struct place_answer answer = sign_in(request, "anna", RIGHT);
	answer = get(location(&answer));
	assert_true(str_find(answer.http.body, S("Choose a patient")) != STR_NONE);
	answer = send_form("/auth/pick", arena_printf(&p->arena, "request=%.*s&patient=nobody", STR_ARG(request)));
	refusal_expect_page(REFUSAL_PATIENT_CHOICE, &answer);
	answer = send_form("/auth/pick", arena_printf(&p->arena, "request=%.*s&cancel=1", STR_ARG(request)));
	assert_true(str_is(parameter(location(&answer), "error"), "access_denied"));
	refusal_expect_kept(REFUSAL_USER_DENIED, p->servers[0].store, http_answer_header(&answer.http, "X-Request-Id"));
	/* Of the right patient, another's encounter. */
	request = begin_app("launch/encounter", "");
	answer = send_form("/auth/pick", arena_printf(&p->arena, "request=%.*s&patient=p1", STR_ARG(request)));
	assert_true(str_find(location(&answer), S("/auth/encounter")) != STR_NONE);
	answer =
		send_form("/auth/encounter", arena_printf(&p->arena, "request=%.*s&encounter=other", STR_ARG(request)));
	refusal_expect_page(REFUSAL_ENCOUNTER_CHOICE, &answer);
	/* And somebody who may open nobody's record. */
	new_browser();
	request = begin_app("launch/patient", "");
	answer = sign_in(request, "ed", RIGHT);
	answer = get(location(&answer));
	refusal_expect_page(REFUSAL_PATIENT_CHOICE, &answer);
}

void refusals_of_pages(void **state)
{
	(void)state;
	new_browser();
	struct str request = begin_app("openid", "");
	struct place_answer answer = sign_in(request, "anna", "wrong");
	refusal_expect_page(REFUSAL_SIGN_IN_WRONG, &answer);
	/* Who nobody is gets the same page; only the decision tells. */
	answer = sign_in(request, "nobody", "wrong");
	refusal_expect_page(REFUSAL_SIGN_IN_WRONG, &answer);
	assert_true(str_find(answer.http.body, S("nobody has")) == STR_NONE);
	answer = visit("POST", S("/auth/login"),
		       arena_printf(&p->arena, "request=%.*s&user=a&password=b", STR_ARG(request)),
		       S("https://evil.example.org"));
	refusal_expect_page(REFUSAL_FORM_FOREIGN, &answer);
	answer = get(S("/auth/login?request=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	refusal_expect_page(REFUSAL_SIGN_IN_OVER, &answer);
	struct str mine = browser;
	browser = S("BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"); /* the link was sent to somebody */
	answer = get(arena_printf(&p->arena, "/auth/login?request=%.*s", STR_ARG(request)));
	refusal_expect_page(REFUSAL_SIGN_IN_OVER, &answer);
	browser = mine;
	/* A form of the session without its word: signing out, and taking access from an app. */
	answer = sign_in(request, "anna", RIGHT);
	assert_int_equal(answer.status, 303);
	answer = send_form("/auth/logout", S("word=guess"));
	refusal_expect_page(REFUSAL_FORM_FOREIGN, &answer);
	answer = send_form("/auth/apps", S("word=guess&grant=x"));
	refusal_expect_page(REFUSAL_FORM_FOREIGN, &answer);
	answer = get(S("/auth/logout"));
	assert_true(field(answer.http.body, "word").n > 0);
	try_one_time_codes();
	open_for_somebody_else();
	choose_wrongly();
	/* Locked out at last, with the right password as well. */
	new_browser();
	request = begin_app("openid", "");
	for (int i = 0; i < 6; i++)
		answer = sign_in(request, "ed", "wrong");
	refusal_expect_page(REFUSAL_THROTTLED, &answer);
	assert_true(http_answer_header(&answer.http, "Retry-After").n > 0);
	answer = sign_in(request, "ed", RIGHT);
	refusal_expect_page(REFUSAL_THROTTLED, &answer);
}

/* ---- an outside provider, which is this server itself ---------------------------------------------------------------
 */

/* What a person answers there: a code for the request that the URL is. */
static struct str answer_of_provider(struct str url)
{
	struct smart *s = p->servers[0].smart;
	struct smart_request request;
	struct error err = {0};
	struct str code;
	str_split(&url, '?');
	assert_true(smart_request_check(s, &p->arena, url, &request, &err));
	const struct smart_consent consent = {.request = &request, .scopes = S("openid"), .user = S("stranger")};
	assert_true(smart_code_issue(s, &p->arena, &consent, &code, &err));
	struct str back = smart_request_answer(s, &p->arena, &request, code);
	return str_slice(back, str_find(back, S("/auth/callback")), back.n);
}

void refusals_of_providers(void **state)
{
	(void)state;
	new_browser();
	struct str request = begin_app("openid", "");
	struct place_answer answer = get(arena_printf(&p->arena, "/auth/provider?request=%.*s", STR_ARG(request)));
	struct str there = location(&answer);
	/* It answers with an error. */
	answer = get(arena_printf(&p->arena, "/auth/callback?error=server_error&state=%.*s",
				  STR_ARG(parameter(there, "state"))));
	refusal_expect_page(REFUSAL_PROVIDER_FAILED, &answer);
	/* It says who it is, but nobody here knows them. */
	answer = get(answer_of_provider(there));
	refusal_expect_page(REFUSAL_PROVIDER_USER, &answer);
}

/* ---- requests that allow no page ------------------------------------------------------------------------------------
 */

static void silently(enum refusal want, const char *scope)
{
	struct buf aud;
	buf_init(&aud, 4096);
	encode_percent(&aud, smart_issuer(p->servers[0].smart));
	const struct place_answer answer = get(arena_printf(
		&p->arena,
		"/auth/"
		"authorize?response_type=code&client_id=public&redirect_uri=https%%3A%%2F%%2Fapp.example.org%%2Fcb&"
		"state=s&code_challenge_method=S256&code_challenge=" PLACE_CHALLENGE "&prompt=none&scope=%s&aud=%.*s",
		scope, STR_ARG(buf_str(&aud))));
	buf_done(&aud);
	assert_true(str_is(parameter(location(&answer), "error"), refusal_facts(want)->oauth));
	refusal_expect_kept(want, p->servers[0].store, http_answer_header(&answer.http, "X-Request-Id"));
}

void refusals_of_silent_requests(void **state)
{
	(void)state;
	new_browser();
	silently(REFUSAL_LOGIN_REQUIRED, "openid");
	const struct place_answer answer = sign_in(begin_app("openid", ""), "anna", RIGHT);
	assert_int_equal(answer.status, 303);
	silently(REFUSAL_INTERACTION_REQUIRED, "launch/patient");
	silently(REFUSAL_CONSENT_REQUIRED, "openid");
}
