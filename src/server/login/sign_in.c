/*
 * Signing in with a password, and the code of a phone when the user has one. What is wrong is never told apart: a name
 * that nobody has, a wrong password and a disabled user get the same words after the same work.
 */
#include "server/login/login_priv.h"

static const char wrong[] = "The name or the password is not right.";

/* ---- pages  ----------------------------------------------------------------------------------------------------- */

static void app_line(const struct turn *t, struct buf *out)
{
	if (!t->c.parameters.p) {
		buf_add(out, S("<p class=\"lead\">to see and manage your apps.</p>\n"));
		return;
	}
	buf_add(out, S("<p class=\"lead\">to go on to <strong>"));
	page_text(out, t->asked.client.name.n ? t->asked.client.name : t->asked.client.client_id);
	buf_add(out, S("</strong></p>\n"));
}

static bool has_problem(const struct page_problem *problems, size_t count, const char *field)
{
	for (size_t i = 0; i < count; i++)
		if (problems[i].field && strcmp(problems[i].field, field) == 0)
			return true;
	return false;
}

static void field_begin(struct buf *out, bool is_wrong)
{
	buf_printf(out, "<div class=\"field%s\">", is_wrong ? " wrong" : "");
}

static void provider_link(const struct turn *t, struct buf *out)
{
	const struct login_provider *p = t->l->options.provider;
	if (!p)
		return;
	if (!p->only)
		buf_add(out, S("<p class=\"or\">or</p>\n"));
	buf_add(out, S("<a class=\"button wide-button plain\" href=\""));
	page_text(out, page_path(t->l, t->a, "provider"));
	buf_add(out, S("?request="));
	page_text(out, t->c.id);
	buf_add(out, S("\">Sign in with "));
	page_text(out, p->label);
	buf_add(out, S("</a>\n"));
}

static void password_form(const struct turn *t, struct buf *out, struct str name, const struct page_problem *problems,
			  size_t count)
{
	bool name_wrong = has_problem(problems, count, "user"),
	     password_wrong = has_problem(problems, count, "password");
	bool focus_password = name.n && !count;
	page_form(t, out, "login", "");
	field_begin(out, name_wrong);
	buf_add(out,
		S("<label for=\"user\">User name</label>\n<input id=\"user\" name=\"user\" type=\"text\" "
		  "autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" maxlength=\"64\" required"));
	buf_add(out, name_wrong ? S(" aria-invalid=\"true\"") : S(""));
	buf_add(out, count || focus_password ? S("") : S(" autofocus"));
	buf_add(out, S(" value=\""));
	page_text(out, name);
	buf_add(out, S("\"></div>\n"));
	field_begin(out, password_wrong);
	buf_add(out, S("<label for=\"password\">Password</label>\n<input id=\"password\" name=\"password\" "
		       "type=\"password\" autocomplete=\"current-password\" maxlength=\"1024\" required"));
	buf_add(out, password_wrong ? S(" aria-invalid=\"true\"") : S(""));
	buf_add(out, focus_password ? S(" autofocus") : S(""));
	buf_add(out, S("></div>\n<button type=\"submit\" class=\"wide-button\">Sign in</button>\n</form>\n"));
}

static void show_password(struct turn *t, int status, struct str name, const struct page_problem *problems,
			  size_t count)
{
	struct buf out;
	const struct login_provider *p = t->l->options.provider;
	page_begin(t, &out, &(struct page_look){count ? "Error: Sign in" : "Sign in", "", NULL});
	buf_add(&out, S("<h1>Sign in</h1>\n"));
	app_line(t, &out);
	page_problems(&out, problems, count);
	if (!p || !p->only)
		password_form(t, &out, name, problems, count);
	provider_link(t, &out);
	page_end(t, &out);
	page_send(t, status, &out);
}

static void show_code(struct turn *t, int status, const struct page_problem *problems, size_t count)
{
	struct buf out;
	page_begin(t, &out, &(struct page_look){count ? "Error: Code" : "Code from your phone", "", NULL});
	buf_add(&out, S("<h1>Code from your phone</h1>\n"));
	app_line(t, &out);
	page_problems(&out, problems, count);
	page_form(t, &out, "login", "");
	field_begin(&out, count > 0);
	buf_add(&out, S("<label for=\"code\">One-time code</label>\n<input id=\"code\" name=\"code\" class=\"code\" "
			"type=\"text\" inputmode=\"numeric\" pattern=\"[0-9 ]*\" autocomplete=\"one-time-code\" "
			"maxlength=\"8\" required aria-describedby=\"code-hint\""));
	buf_add(&out, count ? S(" aria-invalid=\"true\"") : S(" autofocus"));
	buf_add(&out,
		S(">\n<p class=\"hint\" id=\"code-hint\">Six digits, from the authenticator app that you set up for "
		  "this account.</p></div>\n<div class=\"actions\"><button type=\"submit\">Go on</button></div>\n"
		  "</form>\n"));
	page_form(t, &out, "login", "");
	buf_add(&out, S("<div class=\"actions\"><button type=\"submit\" class=\"plain\" name=\"again\" value=\"1\">"
			"Use another account</button></div>\n</form>\n"));
	page_end(t, &out);
	page_send(t, status, &out);
}

static bool awaits_code(const struct turn *t)
{
	return t->c.second.p && login_now(t->l) - t->c.second_ms < SECOND_FACTOR_MS;
}

void sign_in_page(struct turn *t)
{
	struct error err = {0};
	if (!fields_get(&t->form, "request").p) { /* somebody came by themselves */
		struct str browser = t->browser.p ? t->browser : token_new(t->a);
		t->c.browser = token_key(t->a, browser);
		if (!conversation_begin(t->l, t->a, &t->c, t->request->address, turn_decision(t), &err)) {
			turn_fail(t, &err);
			return;
		}
		if (!t->browser.p)
			turn_set_cookie(t, t->l->browser_cookie, browser, true);
	} else if (!turn_conversation(t)) {
		return;
	}
	if (turn_signed_in(t)) {
		turn_next(t);
		return;
	}
	if (awaits_code(t)) {
		show_code(t, 200, NULL, 0);
		return;
	}
	struct str name = t->c.launched && t->c.launch.user.p ? t->c.launch.user
			  : t->asked.login_hint.p	      ? t->asked.login_hint
			  : t->session.key.p		      ? t->session.user
							      : S("");
	show_password(t, 200, login_user_name(t->a, name), NULL, 0);
}

/* ---- attempts  -------------------------------------------------------------------------------------------------- */

/* Records why this user was not let in; user NULL or nameless: nobody knows whom. False: that was answered. */
static bool record_failure(struct turn *t, const struct login_user *user, enum check check, enum refusal refusal,
			   const char *had)
{
	struct error err = {0};
	struct decision *d = turn_decision(t);
	/* A name that nobody has may be a password in the wrong field: it is not written down. */
	if (d && user && user->name.p)
		d->user = user->name;
	turn_deny(t, check, refusal, str_from(had), &err);
	return turn_refused(t, error_http_status(err.code), &err);
}

static void tell_wait(struct turn *t, const struct error *err, struct str name, bool code)
{
	if (err->code != ERR_THROTTLED) {
		turn_fail(t, err);
		return;
	}
	if (!record_failure(t, NULL, CHECK_RATE, REFUSAL_THROTTLED, err->text))
		return;
	const struct page_problem problem = {
		NULL, arena_printf(t->a, "There were too many attempts. Please wait %lld %s, then try again.",
				   (long long)(t->wait_s < 90 ? t->wait_s : (t->wait_s + 59) / 60),
				   t->wait_s < 90 ? "seconds" : "minutes")};
	if (code)
		show_code(t, 429, &problem, 1);
	else
		show_password(t, 429, name, &problem, 1);
}

void sign_in_done(struct turn *t, const struct login_user *user, const char *how, const struct store_fact *more,
		  size_t more_count)
{
	struct store_fact facts[8];
	struct str token = STR_NULL;
	struct session session;
	struct error err = {0}, why = {0};
	size_t count = 0;
	if (t->c.launched && t->c.launch.user.p && !str_eq(t->c.launch.user, user->name)) {
		const struct page_problem problem = {
			NULL, S("This app was opened by somebody else. Sign in as the person who opened it.")};
		if (record_failure(t, user, CHECK_LAUNCH, REFUSAL_LAUNCH_USER, "a launch of somebody else"))
			show_password(t, 403, t->c.launch.user, &problem, 1);
		return;
	}
	t->c.user = user->name;
	t->c.must_login = false;
	t->c.second = t->c.provider_nonce = t->c.provider_verifier = STR_NULL;
	for (size_t i = 0; i < more_count && i < 2; i++)
		facts[count++] = more[i];
	if (!session_new(t->l, t->a, user, &session, &token, &facts[count++], &err) ||
	    !conversation_fact(t->l, t->a, &t->c, false, &facts[count++], &err)) {
		turn_fail(t, &err);
		return;
	}
	count += attempt_forget(t->a, user->name, facts + count);
	if (t->session.key.p)
		facts[count++] = (struct store_fact){.shelf = S("session"), .key = t->session.key};
	struct audit_event event = turn_event(t, "login", true, user->name, str_from(how));
	struct store_txn txn = {.facts = facts, .fact_count = count, .events = &event, .event_count = 1};
	if (!store_commit(t->l->options.store, &txn, &why)) {
		if (why.code == ERR_CONFLICT && more_count && txn.fact_failed && txn.failed < more_count) {
			const struct page_problem problem = {"code",
							     S("This code was used already. Wait for the next one.")};
			if (record_failure(t, user, CHECK_ONE_TIME_CODE, REFUSAL_ONE_TIME_USED, NULL))
				show_code(t, 403, &problem, 1);
			return;
		}
		if (why.code == ERR_CONFLICT)
			error_set(&err, ERR_CONFLICT,
				  "You are signing in from another page already. Go back to the app "
				  "and start again");
		else
			error_set(&err, why.code, "%s", why.text);
		turn_fail(t, &err);
		return;
	}
	for (size_t i = 0; i < count; i++)
		if (str_is(facts[i].shelf, "pending"))
			t->c.raw = facts[i].value;
	t->session = session;
	turn_set_cookie(t, t->l->session_cookie, token, true);
	turn_next(t);
}

/* ---- the password  ---------------------------------------------------------------------------------------------- */

struct
try {
	struct turn *turn;
	struct str name, password;
};

/* Today's cost, when the hash has an older one. Not worth a failure. */
static void hash_again(struct turn *t, const struct login_user *user, struct str password)
{
	char hash[VAULT_HASH_SIZE];
	struct error ignored = {0};
	struct login_user after = *user;
	if (user->configured || !vault_password_hash(password, hash, &ignored))
		return;
	after.hash = str_from(hash);
	if (!login_user_change(t->l, t->a, user, &after, &ignored))
		error_clear(&ignored);
}

static void accept(struct turn *t, struct login_user *user)
{
	struct error err = {0};
	if (!user->totp.p) {
		sign_in_done(t, user, "password", NULL, 0);
		return;
	}
	t->c.second = user->name;
	t->c.second_ms = login_now(t->l);
	if (conversation_keep(t->l, t->a, &t->c, &err))
		turn_go_page(t, "login");
	else
		turn_fail(t, &err);
}

/* On a thread of the queue. */
static void check_password(void *ctx, void *own)
{
	(void)own;
	struct try *try = ctx;
	struct turn *t = try->turn;
	struct login_user user = {0};
	struct error err = {0};
	if (!login_user_find(t->l, t->a, try->name, &user, &err)) {
		turn_fail(t, &err);
		return;
	}
	struct str hash = user.hash.p ? user.hash : str_from(t->l->no_hash);
	enum vault_match match = vault_password_check(try->password, hash);
	bool right = match != VAULT_WRONG && user.hash.p && !user.disabled;
	if (right && match == VAULT_RIGHT_OLD)
		hash_again(t, &user, try->password);
	vault_wipe((char *)(uintptr_t)try->password.p, try->password.n);
	vault_wipe((char *)(uintptr_t)t->request->body.p, t->request->body.n);
	if (right) {
		accept(t, &user);
		return;
	}
	const struct page_problem problem = {"password", str_from(wrong)};
	const char *had = !user.name.p				  ? "a name that nobody has"
			  : user.disabled && match != VAULT_WRONG ? "the right password of a user who is disabled"
			  : !user.hash.p			  ? "a user without a password here"
								  : "a wrong password";
	if (record_failure(t, &user, CHECK_PASSWORD, REFUSAL_SIGN_IN_WRONG, had))
		show_password(t, 403, try->name, &problem, 1);
}

static void try_password(struct turn *t)
{
	struct error err = {0};
	struct str given = fields_get(&t->form, "user"), password = fields_get(&t->form, "password");
	struct page_problem problems[2];
	size_t count = 0;
	given = given.p ? str_trim(given) : S("");
	if (!given.n)
		problems[count++] = (struct page_problem){"user", S("Enter your user name.")};
	if (!password.n)
		problems[count++] = (struct page_problem){"password", S("Enter your password.")};
	struct str name = str_slice(given, 0, LOGIN_LONGEST_NAME);
	struct str plain = login_user_name(t->a, given);
	if (count) {
		show_password(t, 400, name, problems, count);
		return;
	}
	/* Text that can be nobody's name is tried all the same: the answer takes as long. */
	name = plain.p ? plain : name;
	struct try *try = ARENA_NEW(t->a, struct try);
	struct turn *kept = ARENA_NEW(t->a, struct turn);
	if (!try || !kept)
		error_memory(&err);
	else if (attempt_begin(t->l, t->a, name, t->request->address, &t->wait_s, &err)) {
		decision_note(turn_decision(t), CHECK_RATE, STR_NULL, STR_NULL);
		*kept = *t;
		*try = (struct try){kept, name, password};
		kept->job = (struct workers_job){.run = check_password, .ctx = try};
		if (login_later(t->l, &kept->job, &err))
			return;
	}
	tell_wait(t, &err, name, false);
}

/* ---- the code  -------------------------------------------------------------------------------------------------- */

static struct str digits_of(struct arena *a, struct str text)
{
	struct str copy = arena_str(a, text);
	char *p = (char *)(uintptr_t)copy.p;
	size_t n = 0;
	for (size_t i = 0; i < copy.n; i++)
		if (p[i] != ' ')
			p[n++] = p[i];
	return str_make(copy.p, n);
}

static void try_code(struct turn *t)
{
	struct login_user user;
	struct error err = {0};
	struct str secret;
	int64_t step = 0;
	if (!attempt_begin(t->l, t->a, t->c.second, t->request->address, &t->wait_s, &err)) {
		tell_wait(t, &err, S(""), true);
		return;
	}
	struct str purpose = arena_printf(t->a, "totp/%.*s", STR_ARG(t->c.second));
	if (!login_user_find(t->l, t->a, t->c.second, &user, &err)) {
		turn_fail(t, &err);
		return;
	}
	if (!user.name.p || user.disabled || !user.totp.p) { /* changed meanwhile: from the start */
		t->c.second = STR_NULL;
		if (conversation_keep(t->l, t->a, &t->c, &err))
			turn_go_page(t, "login");
		else
			turn_fail(t, &err);
		return;
	}
	if (!t->l->options.vault)
		error_set(&err, ERR_CONFIG, "There is no file of sealing keys");
	else if (vault_unseal(t->l->options.vault, t->a, purpose, user.totp, &secret, &err)) {
		struct str code = digits_of(t->a, fields_get(&t->form, "code"));
		bool right = vault_otp_check(secret, code, login_now(t->l), -1, &step);
		vault_wipe((char *)(uintptr_t)secret.p, secret.n);
		if (right) {
			/* Good once: a step is remembered until no clock takes it any more. */
			const struct store_fact used = {
				.shelf = S("attempt"),
				.key = arena_printf(t->a, "otp:%.*s:%lld", STR_ARG(user.name), (long long)step),
				.value = S("1"),
				.only_new = true,
				.expires_ms = login_now(t->l) + 10 * 60 * 1000,
				.quiet = true};
			sign_in_done(t, &user, "password and one-time code", &used, 1);
			return;
		}
		const struct page_problem problem = {"code",
						     S("The code is not right, or it is over. Enter the one that "
						       "the app shows now.")};
		if (record_failure(t, &user, CHECK_ONE_TIME_CODE, REFUSAL_ONE_TIME_WRONG, "another code"))
			show_code(t, 403, &problem, 1);
		return;
	}
	turn_fail(t, &err);
}

void sign_in_send(struct turn *t)
{
	struct error err = {0};
	if (!turn_conversation(t))
		return;
	if (fields_get(&t->form, "again").p) {
		t->c.second = STR_NULL;
		if (conversation_keep(t->l, t->a, &t->c, &err))
			turn_go_page(t, "login");
		else
			turn_fail(t, &err);
	} else if (fields_get(&t->form, "code").p) {
		if (awaits_code(t))
			try_code(t);
		else
			turn_go_page(t, "login");
	} else if (t->l->options.provider && t->l->options.provider->only) {
		turn_go_page(t, "login");
	} else {
		try_password(t);
	}
}

/* ---- signing out  ----------------------------------------------------------------------------------------------- */

bool session_check_word(struct turn *t, struct error *err)
{
	return vault_equal(fields_get(&t->form, "word"), t->session.csrf) ||
	       turn_deny(t, CHECK_FORM, REFUSAL_FORM_FOREIGN, S("another word than the page's"), err);
}

void sign_out_page(struct turn *t)
{
	struct buf out;
	bool in = t->session.key.p != NULL;
	page_begin(t, &out, &(struct page_look){in ? "Sign out" : "Signed out", "", "the page"});
	if (in) {
		buf_add(&out,
			S("<h1>Sign out</h1>\n<p class=\"lead\">Apps that you let in only while you are signed in "
			  "lose their access. Others keep it until you remove them under My apps.</p>\n"));
		page_form(t, &out, "logout", "");
		buf_add(&out, S("<button type=\"submit\" class=\"wide-button\">Sign out</button>\n</form>\n"));
	} else {
		buf_add(&out, S("<h1>You are signed out</h1>\n<p class=\"lead\">You can close this window.</p>\n"));
	}
	page_end(t, &out);
	page_send(t, 200, &out);
}

void sign_out_send(struct turn *t)
{
	struct error err = {0};
	if (!t->session.key.p) {
		turn_go_page(t, "logout");
		return;
	}
	if (!session_check_word(t, &err)) {
		turn_fail(t, &err);
		return;
	}
	struct store_fact fact = {.shelf = S("session"), .key = t->session.key};
	struct audit_event event = turn_event(t, "logout", true, t->session.user, STR_NULL);
	struct store_txn txn = {.facts = &fact, .fact_count = 1, .events = &event, .event_count = 1};
	if (!store_commit(t->l->options.store, &txn, &err)) {
		turn_fail(t, &err);
		return;
	}
	size_t ended;
	if (!smart_grants_end_session(t->l->options.smart, t->a, t->session.user, t->session.key, &ended, &err)) {
		turn_fail(t, &err);
		return;
	}
	t->session = (struct session){0};
	turn_set_cookie(t, t->l->session_cookie, S(""), true);
	turn_go_page(t, "logout");
}
