/*
 * The authorization request (RFC 6749 section 4.1.1 with the rules of RFC 9700 section 4; PKCE, RFC 7636; SMART App
 * Launch 2.2 section 2.1.4; OpenID Connect Core section 3.1.2.1). Until the client and its redirect_uri are known to be
 * right nothing may be sent there, so their checks come first and only the person is told.
 */
#include "base/encode.h"
#include "server/smart/smart_priv.h"

enum { MAX_STATE = 4096, MAX_NONCE = 1024, CHALLENGE_SIZE = 43, MAX_URL = 16 * 1024 };

struct checking {
	struct smart *s;
	struct arena *a;
	struct form form;
	struct smart_request *r;
	struct decision *d;
};

/* error: what the app is told. */
static bool refuse(struct checking *c, enum check check, enum refusal refusal, struct str had, struct str needed,
		   struct error *err)
{
	const char *oauth = refusal_facts(refusal)->oauth;
	if (c->r->redirect_uri.p)
		c->r->error = oauth ? oauth : "invalid_request";
	return decision_refuse(c->d, check, refusal, str_slice(had, 0, 200), str_slice(needed, 0, 200), STR_NULL, err);
}

/* ---- whom to answer -----------------------------------------------------------------------------------------------
 */

static struct str without_query(struct str uri)
{
	return str_split(&uri, '?');
}

static bool check_client(struct checking *c, struct error *err)
{
	struct str id = form_get(&c->form, "client_id"), uri = form_get(&c->form, "redirect_uri");
	struct smart_request *r = c->r;
	if (!id.p)
		return refuse(c, CHECK_REQUEST, REFUSAL_PARAMETER_MISSING, STR_NULL, S("client_id"), err);
	if (!smart_client_find(c->s, c->a, id, &r->client, err))
		return false;
	if (!r->client.client_id.p)
		return refuse(c, CHECK_CLIENT_KNOWN, REFUSAL_CLIENT_UNKNOWN, id, STR_NULL, err);
	decision_note(c->d, CHECK_CLIENT_KNOWN, r->client.client_id, STR_NULL);
	if (c->d)
		c->d->client = r->client.client_id;
	if (!client_is_good(&r->client, smart_now(c->s), c->d, err))
		return false;
	const struct smart_persona *p = c->s->options.persona;
	bool only = r->client.redirect_uris.n && str_find_char(r->client.redirect_uris, ' ', 0) == STR_NONE;
	r->redirect_left_out = !uri.p && only && p->redirect_optional;
	if (r->redirect_left_out)
		uri = r->client.redirect_uris;
	if (!uri.p)
		return refuse(c, CHECK_REQUEST, REFUSAL_PARAMETER_MISSING, STR_NULL, S("redirect_uri"), err);
	if (!client_has_redirect(&r->client, uri) &&
	    !(p->redirect_adds_query && client_has_redirect(&r->client, without_query(uri))))
		return refuse(c, CHECK_REDIRECT_URI, REFUSAL_REDIRECT_UNREGISTERED, uri, r->client.redirect_uris, err);
	decision_note(c->d, CHECK_REDIRECT_URI, uri, STR_NULL);
	r->redirect_uri = uri;
	return true;
}

/* ---- what is asked for --------------------------------------------------------------------------------------------
 */

static bool check_kind(struct checking *c, struct error *err)
{
	static const char *const unsupported[] = {"request", "request_uri"};
	struct str type = form_get(&c->form, "response_type"), mode = form_get(&c->form, "response_mode");
	if (c->r->state.n > MAX_STATE || c->r->nonce.n > MAX_NONCE)
		return refuse(c, CHECK_REQUEST, REFUSAL_REQUEST_MALFORMED, S("a state or nonce that is too long"),
			      STR_NULL, err);
	if (!type.p)
		return refuse(c, CHECK_REQUEST, REFUSAL_PARAMETER_MISSING, STR_NULL, S("response_type"), err);
	if (!str_is(type, "code"))
		return refuse(c, CHECK_RESPONSE_TYPE, REFUSAL_RESPONSE_TYPE, type, S("code"), err);
	if (mode.p && !str_is(mode, "query"))
		return refuse(c, CHECK_RESPONSE_TYPE, REFUSAL_REQUEST_MALFORMED,
			      arena_printf(c->a, "response_mode=%.*s", STR_ARG(str_slice(mode, 0, 40))), S("query"),
			      err);
	for (size_t i = 0; i < 2; i++)
		if (form_get(&c->form, unsupported[i]).p)
			return refuse(c, CHECK_REQUEST, REFUSAL_REQUEST_MALFORMED, str_from(unsupported[i]),
				      S("the parameters themselves"), err);
	if (!(smart_client_grant_types(&c->r->client) & CLIENT_AUTHORIZATION_CODE))
		return refuse(c, CHECK_GRANT_TYPE, REFUSAL_GRANT_TYPE_CLIENT, S("authorization_code"),
			      c->r->client.grant_types, err);
	return true;
}

static bool is_challenge(struct str text)
{
	struct buf bytes;
	buf_init(&bytes, 64);
	bool ok = text.n == CHALLENGE_SIZE && decode_base64url(&bytes, text) && bytes.n == 32;
	buf_done(&bytes);
	return ok;
}

static bool check_pkce(struct checking *c, struct error *err)
{
	struct str challenge = form_get(&c->form, "code_challenge"),
		   method = form_get(&c->form, "code_challenge_method");
	if (!challenge.p && !method.p && c->s->options.persona->pkce_optional)
		return true;
	if (!challenge.p)
		return refuse(c, CHECK_PKCE, REFUSAL_PKCE_MISSING, STR_NULL, S("code_challenge"), err);
	if (!str_is(method, "S256"))
		return refuse(c, CHECK_PKCE, REFUSAL_PKCE_METHOD, method.p ? method : S("plain, by leaving it out"),
			      S("S256"), err);
	if (!is_challenge(challenge))
		return refuse(c, CHECK_PKCE, REFUSAL_REQUEST_MALFORMED, S("a code_challenge of another form"),
			      S("SHA-256 in base64url without padding, 43 characters"), err);
	decision_note(c->d, CHECK_PKCE, S("S256"), STR_NULL);
	c->r->code_challenge = challenge;
	return true;
}

static bool is_base(struct str aud, struct str base)
{
	return str_eq(aud, base) || (aud.n == base.n + 1 && str_starts(aud, base) && str_ends(aud, S("/")));
}

/* SMART App Launch 2.2 section 2.1.4: aud keeps a token from being sent to a server that only looks like ours. */
static bool check_audience(struct checking *c, struct error *err)
{
	struct str aud = c->r->aud, base = c->s->fhir_url;
	const struct smart_persona *p = c->s->options.persona;
	if (!aud.p && p->aud_optional)
		return true;
	if (!aud.p)
		return refuse(c, CHECK_AUDIENCE, REFUSAL_PARAMETER_MISSING, STR_NULL, S("aud"), err);
	if (!is_base(aud, base) && !(p->audience && p->audience(p->ctx, aud)))
		return refuse(c, CHECK_AUDIENCE, REFUSAL_AUDIENCE_WRONG, aud, base, err);
	decision_note(c->d, CHECK_AUDIENCE, aud, STR_NULL);
	return true;
}

static bool check_scope(struct checking *c, struct error *err)
{
	const struct definitions *d = c->s->options.definitions;
	struct smart_request *r = c->r;
	struct scope_list asked, registered;
	struct str text = scopes_asked(c->s, c->a, &r->client, r->scope, SCOPES_OF_PEOPLE);
	if (!r->scope.p)
		return refuse(c, CHECK_SCOPE_ASKED, REFUSAL_SCOPE_ABSENT, STR_NULL, STR_NULL, err);
	bool ok = scope_list_read(c->a, d, text, &asked, NULL, err) &&
		  scope_list_read(c->a, d, r->client.scope, &registered, NULL, err) &&
		  scope_list_common(c->a, &asked, &registered, SCOPES_OF_PEOPLE, &r->allowed, err) &&
		  scopes_check_filters(c->s, c->a, &r->allowed, c->d, err) &&
		  scopes_granted(c->s, c->a, &r->allowed, err);
	if (!ok) {
		r->error = "invalid_scope";
		return false;
	}
	if (!r->allowed.text.n)
		return refuse(c, CHECK_SCOPE_ASKED, REFUSAL_SCOPE_UNREGISTERED, r->scope, r->client.scope, err);
	decision_note(c->d, CHECK_SCOPE_ASKED, r->scope, r->allowed.text);
	if ((asked.words & SCOPE_LAUNCH) && !r->launch.p)
		return refuse(c, CHECK_LAUNCH, REFUSAL_LAUNCH_MISSING, STR_NULL, STR_NULL, err);
	if (!(r->allowed.words & SCOPE_LAUNCH))
		r->launch = STR_NULL; /* it was not asked to matter */
	return true;
}

/* OpenID Connect Core section 3.1.2.1. */
static bool check_prompt(struct checking *c, struct error *err)
{
	struct str rest = c->r->prompt, age = form_get(&c->form, "max_age");
	size_t words = 0, none = 0;
	c->r->max_age_s = -1;
	if (age.p && (!str_to_i64(age, &c->r->max_age_s) || c->r->max_age_s < 0))
		return refuse(c, CHECK_REQUEST, REFUSAL_REQUEST_MALFORMED, S("a max_age that is no number"), STR_NULL,
			      err);
	while (rest.n) {
		struct str word = str_split(&rest, ' ');
		words++;
		none += str_is(word, "none");
		if (!str_is(word, "none") && !str_is(word, "login") && !str_is(word, "consent") &&
		    !str_is(word, "select_account"))
			return refuse(c, CHECK_REQUEST, REFUSAL_REQUEST_MALFORMED,
				      arena_printf(c->a, "prompt=%.*s", STR_ARG(str_slice(word, 0, 40))),
				      S("none, login, consent or select_account"), err);
	}
	return !none || words == 1 ||
	       refuse(c, CHECK_REQUEST, REFUSAL_REQUEST_MALFORMED, S("prompt=none beside others"), STR_NULL, err);
}

bool smart_request_check(struct smart *s, struct arena *a, struct str parameters, struct smart_request *ret_request,
			 struct error *err)
{
	struct checking c = {.s = s, .a = a, .r = ret_request, .d = decision_new(a)};
	*ret_request = (struct smart_request){.max_age_s = -1, .decision = c.d};
	if (!form_parse(a, parameters, c.d, &c.form, err) || !check_client(&c, err))
		return false;
	ret_request->state = form_get(&c.form, "state");
	ret_request->scope = form_get(&c.form, "scope");
	ret_request->patient_if_asked = s->options.persona->patient_if_asked;
	ret_request->aud = form_get(&c.form, "aud");
	ret_request->launch = form_get(&c.form, "launch");
	ret_request->nonce = form_get(&c.form, "nonce");
	ret_request->prompt = form_get(&c.form, "prompt");
	ret_request->login_hint = form_get(&c.form, "login_hint");
	if (check_kind(&c, err) && check_pkce(&c, err) && check_audience(&c, err) && check_scope(&c, err) &&
	    check_prompt(&c, err))
		return true;
	if (!ret_request->error)
		ret_request->error = "server_error";
	return false;
}

/* ---- the answer ----------------------------------------------------------------------------------------------------
 */

static void add_parameter(struct buf *url, const char *name, struct str value)
{
	if (!value.p)
		return;
	buf_char(url, str_find_char(buf_str(url), '?', 0) == STR_NONE ? '?' : '&');
	buf_add(url, str_from(name));
	buf_char(url, '=');
	encode_percent(url, value);
}

static struct str answer(struct smart *s, struct arena *a, const struct smart_request *r, struct str code,
			 struct str error, struct str description)
{
	struct buf url;
	buf_init(&url, MAX_URL);
	buf_add(&url, r->redirect_uri);
	add_parameter(&url, "code", code);
	add_parameter(&url, "error", error);
	add_parameter(&url, "error_description", description);
	add_parameter(&url, "state", r->state);
	/* RFC 9207: an app that speaks to several servers sees which one answers, so that none can pose as another. */
	add_parameter(&url, "iss", s->issuer);
	struct str text = buf_ok(&url) ? arena_str(a, buf_str(&url)) : STR_NULL;
	buf_done(&url);
	return text;
}

struct str smart_request_refuse(struct smart *s, struct arena *a, const struct smart_request *request,
				const char *error, struct str description)
{
	struct str plain = description.p ? decision_plain(a, description) : STR_NULL;
	return answer(s, a, request, STR_NULL, str_from(error), str_slice(plain, 0, 300));
}

struct str smart_request_answer(struct smart *s, struct arena *a, const struct smart_request *request, struct str code)
{
	return answer(s, a, request, code, STR_NULL, STR_NULL);
}
