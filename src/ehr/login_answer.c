/*
 * What comes back from the EHR's login page, and the exchange of the code for tokens (SMART App Launch 2.2, "Obtain
 * access token"). An answer that is not this login's is refused before anything is sent: state (RFC 6749 section
 * 10.12), iss (RFC 9207 section 2.4), and each parameter at most once.
 */
#include "base/encode.h"
#include "ehr/login_priv.h"

enum { OTHERS_MAX = 16 << 10 };

/* ---- the redirect ------------------------------------------------------------------------------------------------ */

struct str ehr_login_state(struct arena *a, struct str query)
{
	struct str state;
	return ehr_url_parameter(a, query, "state", &state) ? state : STR_NULL;
}

/* RFC 6749 section 4.1.2.1 and OpenID Connect Core section 3.1.2.6, for people. */
static const struct {
	const char *code, *sentence;
} refusals[] = {
	{"access_denied", "the login was refused, or the person did not agree"},
	{"invalid_request", "the EHR finds the request malformed: check redirect URI and aud (the base_url)"},
	{"invalid_scope", "the EHR grants none of the scopes: check login_scopes against the app's registration"},
	{"unauthorized_client", "this app may not use this kind of login there: check its registration"},
	{"unsupported_response_type", "the EHR does not do logins with a code"},
	{"invalid_client", "the EHR does not know this client id (or it is that of another environment)"},
	{"server_error", "the EHR failed inside"},
	{"temporarily_unavailable", "the EHR is too busy; try again"},
	{"login_required", "the EHR wants the person to log in first"},
	{"consent_required", "the EHR wants the person to agree first"},
};

static bool tell_refusal(struct ehr_client *c, struct arena *a, struct str query, struct str code,
			 struct ehr_failure *f)
{
	struct str said = STR_NULL;
	const char *sentence = "the EHR refused the login";
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (str_is(code, refusals[i].code))
			sentence = refusals[i].sentence;
	if (!ehr_url_parameter(a, query, "error_description", &said))
		said = STR_NULL;
	code = str_slice(code, 0, 60);
	said = str_slice(said, 0, 120);
	if (said.n)
		ehr_fail(c, f, ERR_FORBIDDEN, "%s (%.*s; it says: %.*s)", sentence, STR_ARG(code), STR_ARG(said));
	else
		ehr_fail(c, f, ERR_FORBIDDEN, "%s (%.*s)", sentence, STR_ARG(code));
	if (code.n < sizeof f->vendor_code) {
		memcpy(f->vendor_code, code.p, code.n);
		f->vendor_code[code.n] = 0;
	}
	return false;
}

static bool check_issuer(struct ehr_client *c, const struct ehr_login_pending *p, struct str iss, struct ehr_failure *f)
{
	if (!iss.p)
		return !p->answers_iss ||
		       ehr_fail(c, f, ERR_SIGNATURE,
				"the answer does not say who gave it (iss), though this EHR's answers do");
	bool same = p->issuer.n ? str_eq(iss, p->issuer) : ehr_url_same_origin(iss, c->endpoints.authorize);
	return same || ehr_fail(c, f, ERR_SIGNATURE, "the answer comes from another issuer than was asked");
}

static bool read_redirect(struct ehr_client *c, struct arena *a, const struct ehr_login_pending *p, struct str query,
			  struct str *ret_code, struct ehr_failure *f)
{
	struct str state, iss, refused, code;
	if (!ehr_url_parameter(a, query, "state", &state) || !ehr_url_parameter(a, query, "iss", &iss) ||
	    !ehr_url_parameter(a, query, "error", &refused) || !ehr_url_parameter(a, query, "code", &code))
		return ehr_fail(c, f, ERR_VALUE, "the answer has a parameter twice, or one that is no text");
	if (state.n != p->state.n || !digest_equal(state.p, p->state.p, state.n))
		return ehr_fail(c, f, ERR_SIGNATURE, "the answer does not belong to this login (state)");
	if (!check_issuer(c, p, iss, f))
		return false;
	if (refused.p)
		return tell_refusal(c, a, query, refused, f);
	if (!code.n)
		return ehr_fail(c, f, ERR_VALUE, "the answer holds neither a code nor an error");
	*ret_code = code;
	return true;
}

/* ---- the token endpoint ------------------------------------------------------------------------------------------ */

static bool prepare(struct ehr_client *c, struct arena *a, struct ehr_request *request, struct error *err)
{
	struct buf form;
	buf_init(&form, 1 << 18);
	buf_add(&form, request->form);
	request->authorization = STR_NULL;
	bool ok = ehr_add_identity(c, a, &form, &request->authorization, err);
	request->body = arena_str(a, buf_str(&form));
	if (ok && (!buf_ok(&form) || !request->body.p))
		ok = error_memory(err);
	buf_done(&form);
	return ok;
}

bool ehr_login_request(struct ehr_client *c, struct arena *a, struct str form, const struct json **ret_answer,
		       struct ehr_failure *f)
{
	struct ehr_request request = {
		.method = S("POST"),
		.url = c->endpoints.token,
		.accept = S("application/json"),
		.content_type = S("application/x-www-form-urlencoded"),
		.want_json = true, /* not repeatable: codes and refresh tokens are good once */
		.prepare = prepare,
		.form = form,
		.action = 'E',
		.interaction = "token",
	};
	struct ehr_reply reply;
	if (!ehr_send(c, a, &request, &reply, f))
		return false;
	*ret_answer = reply.json;
	return true;
}

/* The last two parts of a reference, absolute or relative: "Practitioner/7". */
static struct str short_reference(struct str reference)
{
	size_t last = str_rfind_char(reference, '/');
	if (last == STR_NONE || last == 0)
		return reference;
	size_t before = str_rfind_char(str_slice(reference, 0, last), '/');
	return before == STR_NONE ? reference : str_slice(reference, before + 1, reference.n);
}

static void keep(const struct json *answer, const char *name, struct str *field)
{
	struct str text = json_get_str(answer, str_from(name));
	if (text.n)
		*field = text;
}

/* What no specification names: sites and vendors add members, and apps may need them. */
static bool keep_others(struct arena *a, const struct json *answer, struct ehr_login *login)
{
	static const char known[] = "access_token token_type expires_in refresh_token scope patient encounter intent "
				    "smart_style_url need_patient_banner id_token state";
	struct buf out;
	struct json_iter it = json_iter(answer);
	bool any = false;
	buf_init(&out, OTHERS_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	while (json_next(&it)) {
		if (str_has_word(str_from(known), it.key))
			continue;
		any = true;
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	json_object_end(&w);
	struct str text = any && buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	bool fits = buf_ok(&out); /* too many of them are not kept */
	buf_done(&out);
	if (text.p)
		login->others = text;
	return !any || !fits || text.p;
}

bool ehr_login_take(struct ehr_client *c, struct arena *a, const struct json *answer, struct ehr_login *login,
		    struct ehr_failure *f)
{
	struct ehr_token_answer got;
	if (!ehr_token_answer(c, answer, &got, f))
		return false;
	if (!keep_others(a, answer, login))
		return ehr_fail(c, f, ERR_MEMORY, "not enough memory");
	login->access_token = got.access_token;
	keep(answer, "refresh_token", &login->refresh_token);
	keep(answer, "scope", &login->granted);
	keep(answer, "patient", &login->patient);
	keep(answer, "encounter", &login->encounter);
	keep(answer, "intent", &login->intent);
	keep(answer, "smart_style_url", &login->style_url);
	const struct json *banner = json_get(answer, S("need_patient_banner"));
	if (banner)
		login->need_patient_banner = json_bool(banner) || str_is(json_str(banner), "true");
	login->issued_ms = c->options.now_ms();
	login->renew_ms = login->issued_ms + got.lifetime_s * 1000 * 4 / 5;
	login->expires_ms = login->issued_ms + got.lifetime_s * 1000;
	login->trying_ms = 0;
	return true;
}

static bool exchange(struct ehr_client *c, struct arena *a, const struct ehr_login_pending *p, struct str code,
		     const struct json **ret_answer, struct ehr_failure *f)
{
	struct buf form;
	buf_init(&form, 1 << 16);
	buf_add(&form, S("grant_type=authorization_code&code="));
	encode_percent(&form, code);
	buf_add(&form, S("&redirect_uri="));
	encode_percent(&form, p->redirect_uri);
	buf_add(&form, S("&code_verifier="));
	encode_percent(&form, p->verifier);
	bool ok = buf_ok(&form) ? ehr_login_request(c, a, buf_str(&form), ret_answer, f)
				: ehr_fail(c, f, ERR_MEMORY, "not enough memory");
	buf_done(&form);
	return ok;
}

static bool take_identity(struct ehr_client *c, struct arena *a, const struct ehr_login_pending *p,
			  const struct json *answer, struct ehr_login *login, struct ehr_failure *f)
{
	struct ehr_identity who = {0};
	struct str token = json_get_str(answer, S("id_token"));
	if (!token.n || !p->nonce.n)
		return true; /* ehr_login_warnings() tells */
	if (!ehr_id_token_verify(c, a, token, p->issuer, p->nonce, &who, f))
		return false;
	login->subject = who.subject;
	login->name = who.name;
	login->fhir_user = short_reference(who.fhir_user);
	return true;
}

bool ehr_login_finish(struct ehr_client *c, struct arena *a, const struct ehr_login_pending *p, struct str query,
		      struct ehr_login *ret_login, struct ehr_failure *f)
{
	struct str code;
	const struct json *answer;
	if (!c->endpoints.token.p && !ehr_discover(c, a, f))
		return false;
	if (!read_redirect(c, a, p, query, &code, f) || !exchange(c, a, p, code, &answer, f))
		return false;
	struct ehr_login login = {
		.ehr = c->config.name,
		.base_url = c->config.base_url,
		.client_id = ehr_login_client_id(c),
		.token_url = c->endpoints.token,
		.revoke_url = c->endpoints.revoke,
		.requested = p->scopes,
		.granted = p->scopes, /* RFC 6749 section 5.1: an answer without scope grants what was asked */
		.started_ms = c->options.now_ms(),
	};
	if (!ehr_login_take(c, a, answer, &login, f) || !take_identity(c, a, p, answer, &login, f))
		return false;
	*ret_login = login;
	return true;
}

/* ---- ending ------------------------------------------------------------------------------------------------------ */

static bool revoke(struct ehr_client *c, struct arena *a, struct str token, const char *hint, struct ehr_failure *f)
{
	struct buf form;
	buf_init(&form, 1 << 17);
	buf_printf(&form, "token_type_hint=%s&token=", hint);
	encode_percent(&form, token);
	struct ehr_request request = {
		.method = S("POST"),
		.url = c->endpoints.revoke,
		.accept = S("application/json"),
		.content_type = S("application/x-www-form-urlencoded"),
		.repeatable = true,
		.prepare = prepare,
		.form = arena_str(a, buf_str(&form)),
		.action = 'E',
		.interaction = "revoke",
	};
	struct ehr_reply reply;
	bool ok = buf_ok(&form) && request.form.p ? ehr_send(c, a, &request, &reply, f)
						  : ehr_fail(c, f, ERR_MEMORY, "not enough memory");
	buf_done(&form);
	return ok;
}

bool ehr_login_revoke(struct ehr_client *c, struct arena *a, const struct ehr_login *login, bool *ret_told,
		      struct ehr_failure *f)
{
	*ret_told = false;
	if (!c->endpoints.token.p && !ehr_discover(c, a, f))
		return false;
	if (!c->endpoints.revoke.p)
		return true;
	if (login->refresh_token.n && !revoke(c, a, login->refresh_token, "refresh_token", f))
		return false;
	struct ehr_failure ignored; /* some revoke refresh tokens only (Cerner), and the access token ends by itself */
	*ret_told = revoke(c, a, login->access_token, "access_token", login->refresh_token.n ? &ignored : f) ||
		    login->refresh_token.n;
	return *ret_told;
}
