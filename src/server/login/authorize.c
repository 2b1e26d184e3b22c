/* The authorization endpoint (RFC 6749 section 3.1): an app's request begins a conversation, or is refused. */
#include "server/login/login_priv.h"

enum { PARAMETERS_MAX = 16 * 1024 };

/* prompt=none (OpenID Connect Core section 3.1.2.1): the answer at once, or why there is none. */
static void answer_silently(struct turn *t)
{
	struct error err = {0};
	struct str scopes;
	if (!turn_signed_in(t)) {
		turn_refuse_as(t, CHECK_SESSION, REFUSAL_LOGIN_REQUIRED, "nobody");
		return;
	}
	t->c.user = t->session.user;
	if (pick_is_needed(t)) {
		if (!pick_own(t, &t->c.patient, &err)) {
			turn_refuse(t, "server_error", &err);
			return;
		}
		if (!t->c.patient.p) {
			turn_refuse_as(t, CHECK_PATIENT_CHOICE, REFUSAL_INTERACTION_REQUIRED, "no patient");
			return;
		}
	}
	if (encounter_is_needed(t)) {
		turn_refuse_as(t, CHECK_PATIENT_CHOICE, REFUSAL_INTERACTION_REQUIRED, "no encounter");
		return;
	}
	if (!consent_remembered(t, &scopes, &err))
		turn_refuse(t, "server_error", &err);
	else if (!scopes.p)
		turn_refuse_as(t, CHECK_AGREEMENT, REFUSAL_CONSENT_REQUIRED, "no agreement to all of the scopes");
	else
		consent_grant(t, scopes);
}

static bool take_launch(struct turn *t)
{
	struct error err = {0};
	if (!t->asked.launch.n)
		return true;
	if (!smart_launch_take(t->l->options.smart, t->a, t->asked.launch, t->asked.client.client_id, turn_decision(t),
			       &t->c.launch, &err)) {
		turn_refuse(t, error_http_status(err.code) < 500 ? "invalid_request" : "server_error", &err);
		return false;
	}
	t->c.launched = true;
	return true;
}

void authorize_begin(struct turn *t)
{
	struct error err = {0};
	struct str parameters = turn_is_post(t) ? t->request->body : t->request->query;
	if (parameters.n > PARAMETERS_MAX)
		error_set(&err, ERR_TOO_LARGE, "The request has more than %d bytes of parameters", PARAMETERS_MAX);
	if (err.code || !smart_request_check(t->l->options.smart, t->a, parameters, &t->asked, &err)) {
		if (t->asked.error && error_http_status(err.code) < 500)
			turn_refuse(t, t->asked.error, &err);
		else
			explain_page(t, &err, &t->asked, parameters);
		return;
	}
	if (!take_launch(t))
		return;
	t->c.parameters = parameters;
	t->c.must_login =
		str_has_word(t->asked.prompt, S("login")) || str_has_word(t->asked.prompt, S("select_account"));
	if (str_has_word(t->asked.prompt, S("none"))) {
		answer_silently(t);
		return;
	}
	/* A POST of another site comes without our cookies, so the browser is known on the next page only. */
	struct str browser = t->browser;
	if (!turn_is_post(t) && !browser.p) {
		browser = token_new(t->a);
		turn_set_cookie(t, t->l->browser_cookie, browser, true);
	}
	t->c.browser = turn_is_post(t) ? STR_NULL : token_key(t->a, browser);
	if (!conversation_begin(t->l, t->a, &t->c, t->request->address, turn_decision(t), &err)) {
		turn_fail(t, &err);
		return;
	}
	if (t->c.browser.p)
		turn_next(t);
	else
		turn_go_page(t, "login");
}
