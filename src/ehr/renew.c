/*
 * A login's token, renewed in time: after four fifths of its life, by one at a time over all threads and processes.
 * Refresh tokens may be good once (RFC 9700 section 4.14.2): used twice they end the whole login. So nobody renews
 * without the lease, who has it looks first whether another was quicker, and the answer is on disk before the new token
 * is used. What a crash in between leaves behind is told by trying_ms.
 */
#include "base/encode.h"
#include "ehr/login_priv.h"

enum { LEASE_WAIT_MS = 90 * 1000, SHORT_WAIT_MS = 2000, AGAIN_MS = 30 * 1000 };

static struct str key_of(const struct ehr_client *c)
{
	return c->options.login.p ? c->options.login : c->config.name;
}

static bool fail_of(const struct ehr_client *c, const struct error *err, struct ehr_failure *f)
{
	return ehr_fail(c, f, err->code, "%s", err->text);
}

static bool is_refused(const struct ehr_client *c, const struct ehr_login *login)
{
	return c->refused.n && str_eq(buf_str(&c->refused), login->access_token);
}

static bool is_fresh(const struct ehr_client *c, const struct ehr_login *login)
{
	return c->options.now_ms() < login->renew_ms && !is_refused(c, login);
}

static bool is_alive(const struct ehr_client *c, const struct ehr_login *login)
{
	return c->options.now_ms() < login->expires_ms && !is_refused(c, login);
}

static bool use(struct ehr_client *c, const struct ehr_login *login, int64_t until_ms, struct ehr_failure *f)
{
	ehr_token_set(c, login->access_token, login->granted, until_ms);
	return buf_ok(&c->token) || ehr_fail(c, f, ERR_MEMORY, "not enough memory");
}

static bool over(const struct ehr_client *c, const char *why, struct ehr_failure *f)
{
	return ehr_fail(c, f, ERR_LOGIN, "the login is over: %s; log in again (firth login %.*s)", why,
			STR_ARG(c->config.name));
}

static bool load(struct ehr_client *c, struct arena *a, struct ehr_login *ret_login, bool *ret_found,
		 struct ehr_failure *f)
{
	struct error err = {0};
	if (!ehr_logins_get(c->options.logins, a, key_of(c), ret_login, ret_found, &err))
		return fail_of(c, &err, f);
	/* A token must not go to where it is not from, whatever the configuration says now. */
	if (*ret_found && !str_eq(ret_login->base_url, c->config.base_url))
		return ehr_fail(c, f, ERR_CONFIG,
				"the login is for another address of this EHR; log in again (firth login %.*s)",
				STR_ARG(c->config.name));
	return true;
}

static bool keep(struct ehr_client *c, struct arena *a, const struct ehr_login *login, struct ehr_failure *f)
{
	struct error err = {0};
	for (int n = 0; n < 3; n++) {
		error_clear(&err);
		if (ehr_logins_put(c->options.logins, a, key_of(c), login, &err))
			return true;
		c->options.sleep_ms(50u << n);
	}
	ehr_fail(c, f, err.code, "the renewed login could not be kept: %s", err.text);
	return false;
}

/* What the EHR's refusal means: this login is over, or it may be tried again later. */
static bool refresh_refused(struct ehr_client *c, struct arena *a, struct ehr_login *login, bool unsure,
			    struct ehr_failure *f)
{
	struct ehr_failure ignored;
	struct str code = str_from(f->vendor_code);
	if (str_is(code, "invalid_grant")) {
		login->ended = unsure ? S("a renewal was cut off before its answer could be kept")
				      : S("the EHR does not renew it any more");
		login->trying_ms = 0;
		if (!keep(c, a, login, &ignored))
			*f = ignored;
		return over(c, login->ended.p, f);
	}
	if (f->http_status >= 400 && f->http_status < 500) { /* an answer: nothing was used up */
		login->trying_ms = 0;
		if (!keep(c, a, login, &ignored))
			*f = ignored;
	}
	if (!is_alive(c, login))
		return error_context(&f->error, "the token could not be renewed");
	return use(c, login, c->options.now_ms() + AGAIN_MS, f); /* one fifth of its life is left for such times */
}

static bool refresh(struct ehr_client *c, struct arena *a, struct ehr_login *login, struct ehr_failure *f)
{
	const struct json *answer;
	struct buf form;
	bool unsure = login->trying_ms != 0;
	if (!c->endpoints.token.p && !ehr_discover(c, a, f))
		return is_alive(c, login) && use(c, login, c->options.now_ms() + AGAIN_MS, f);
	login->trying_ms = c->options.now_ms();
	if (!keep(c, a, login, f))
		return false;
	buf_init(&form, 1 << 17);
	buf_add(&form, S("grant_type=refresh_token&refresh_token="));
	encode_percent(&form, login->refresh_token);
	bool ok = buf_ok(&form) ? ehr_login_request(c, a, buf_str(&form), &answer, f)
				: ehr_fail(c, f, ERR_MEMORY, "not enough memory");
	buf_done(&form);
	if (!ok)
		return refresh_refused(c, a, login, unsure, f);
	return ehr_login_take(c, a, answer, login, f) && keep(c, a, login, f) && use(c, login, login->renew_ms, f);
}

/* With the lease: another may have been quicker. */
static bool renew_alone(struct ehr_client *c, struct arena *a, bool *ret_cached, struct ehr_failure *f)
{
	struct ehr_login login;
	bool found;
	if (!load(c, a, &login, &found, f))
		return false;
	if (!found)
		return over(c, "somebody logged out meanwhile", f);
	if (login.ended.n)
		return over(c, login.ended.p, f);
	if (is_fresh(c, &login)) {
		*ret_cached = true;
		return use(c, &login, login.renew_ms, f);
	}
	return refresh(c, a, &login, f);
}

static bool renew(struct ehr_client *c, struct arena *a, const struct ehr_login *login, bool *ret_cached,
		  struct ehr_failure *f)
{
	struct ehr_lease lease;
	struct error err = {0};
	unsigned wait = is_alive(c, login) ? SHORT_WAIT_MS : LEASE_WAIT_MS;
	if (!ehr_logins_lease(c->options.logins, key_of(c), wait, &lease, &err)) {
		if (err.code == ERR_BUSY && is_alive(c, login)) /* somebody is at it */
			return use(c, login, c->options.now_ms() + AGAIN_MS, f);
		return fail_of(c, &err, f);
	}
	bool ok = renew_alone(c, a, ret_cached, f);
	ehr_logins_release(c->options.logins, &lease);
	return ok;
}

bool ehr_login_ensure(struct ehr_client *c, struct arena *a, bool *ret_found, bool *ret_cached, struct ehr_failure *f)
{
	struct ehr_login login;
	*ret_cached = false;
	if (!load(c, a, &login, ret_found, f))
		return false;
	if (!*ret_found)
		return true;
	if (login.ended.n)
		return over(c, login.ended.p, f);
	if (is_fresh(c, &login)) {
		*ret_cached = true;
		return use(c, &login, login.renew_ms, f);
	}
	if (login.refresh_token.n)
		return renew(c, a, &login, ret_cached, f);
	if (!is_alive(c, &login))
		return over(c,
			    is_refused(c, &login) ? "the EHR does not take its token any more"
						  : "its token has expired and the EHR gave no refresh token",
			    f);
	*ret_cached = true;
	return use(c, &login, login.expires_ms, f);
}

bool ehr_login_now(struct ehr_client *c, struct arena *a, struct ehr_login *ret_login, struct ehr_failure *f)
{
	bool found, cached;
	if (!ehr_login_ensure(c, a, &found, &cached, f))
		return false;
	if (found && !load(c, a, ret_login, &found, f))
		return false;
	return found ||
	       ehr_fail(c, f, ERR_LOGIN, "nobody is logged in there (firth login %.*s)", STR_ARG(c->config.name));
}
