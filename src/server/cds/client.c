/*
 * Who calls (CDS Hooks 2.0, "Trusting CDS Clients"): a JWT that the EHR signed, good for one call of this service. iss
 * and jku must be among those that the operator named; keys come from nowhere else. Claims are looked at before the
 * signature, so that strangers can make us neither fetch nor calculate.
 */
#include "server/cds/cds_priv.h"

enum { LEEWAY_S = 30, LONGEST_S = 15 * 60, JTI_MAX = 151, TOKEN_MAX = 16 * 1024, URLS_MAX = 16 };

/* ---- opening -------------------------------------------------------------------------------------------------------
 */

static bool open_caller(struct cds_server *c, struct caller *caller, struct error *err)
{
	const struct cds_ehr *f = caller->facts;
	if (!f->issuer.n)
		return error_set(err, ERR_CONFIG, "an EHR that may call needs iss");
	if (!f->jwks && !f->key_urls.n)
		return error_set(err, ERR_CONFIG, "%.*s needs jku or jwks_file", STR_ARG(f->issuer));
	if (f->jwks && !(caller->fixed = jose_key_set_parse_for(f->jwks, JOSE_SMART, err)))
		return error_context(err, "keys of %.*s", STR_ARG(f->issuer));
	caller->sources = ARENA_ARRAY(&c->arena, struct key_source, URLS_MAX);
	if (!caller->sources)
		return error_memory(err);
	for (struct str rest = f->key_urls; rest.p;) {
		struct str url = str_split(&rest, ' ');
		if (!url.n)
			continue;
		if (caller->source_count == URLS_MAX)
			return error_set(err, ERR_CONFIG, "%.*s has more than %d jku", STR_ARG(f->issuer), URLS_MAX);
		if (!url_is_private(url))
			return error_set(err, ERR_CONFIG, "jku of %.*s is neither https nor this machine",
					 STR_ARG(f->issuer));
		key_source_open(&caller->sources[caller->source_count++], url);
	}
	return true;
}

bool callers_open(struct cds_server *c, struct error *err)
{
	c->callers = ARENA_ARRAY(&c->arena, struct caller, c->o.client_count + 1);
	if (!c->callers)
		return error_memory(err);
	for (size_t i = 0; i < c->o.client_count; i++) {
		c->callers[i].facts = &c->o.clients[i];
		if (!open_caller(c, &c->callers[i], err))
			return false;
	}
	return true;
}

void callers_close(struct cds_server *c)
{
	for (size_t i = 0; c->callers && i < c->o.client_count; i++) {
		for (size_t n = 0; n < c->callers[i].source_count; n++)
			key_source_close(&c->callers[i].sources[n]);
		jose_key_set_free(c->callers[i].fixed);
	}
}

/* ---- checking ------------------------------------------------------------------------------------------------------
 */

static bool refuse(struct visit *v, enum check check, enum refusal refusal, struct str had, struct str needed,
		   struct error *err)
{
	return decision_refuse(v->decision, check, refusal, str_slice(had, 0, 200), needed, STR_NULL, err);
}

static bool find_token(struct visit *v, struct jose_token *ret_token, struct error *err)
{
	struct str header = http_request_header(v->x, "Authorization"), rest = header;
	struct error why = {0};
	if (!header.n)
		return refuse(v, CHECK_TOKEN_FOUND, REFUSAL_CDS_TOKEN_MISSING, STR_NULL, STR_NULL, err);
	struct str scheme = str_split(&rest, ' ');
	v->token = rest.p ? str_trim(rest) : S("");
	if (!str_eq_nocase(scheme, S("Bearer")) || !v->token.n || v->token.n > TOKEN_MAX ||
	    !jose_peek(v->a, v->token, ret_token, &why))
		return refuse(v, CHECK_TOKEN_FORM, REFUSAL_CDS_TOKEN_MALFORMED, arena_str(v->a, str_from(why.text)),
			      STR_NULL, err);
	return true;
}

static bool find_caller(struct visit *v, const struct jose_token *token, struct error *err)
{
	struct str issuer = json_get_str(token->claims, S("iss"));
	for (size_t i = 0; i < v->cds->o.client_count; i++)
		if (issuer.n && str_eq(v->cds->callers[i].facts->issuer, issuer))
			v->caller = &v->cds->callers[i];
	if (!v->caller)
		return refuse(v, CHECK_ISSUER, REFUSAL_CDS_ISSUER, issuer, STR_NULL, err);
	decision_note(v->decision, CHECK_ISSUER, issuer, STR_NULL);
	if (v->decision)
		v->decision->client = v->caller->facts->issuer;
	return true;
}

/* Where the key comes from: the token's jku when it is one of the caller's, else the first, else the keys by value. */
static bool find_keys(struct visit *v, const struct jose_token *token, struct error *err)
{
	struct caller *c = v->caller;
	if (!(JOSE_BIT(jose_algorithm_find(token->algorithm)) & JOSE_SMART))
		return refuse(v, CHECK_ALGORITHM, REFUSAL_CDS_ALGORITHM, token->algorithm, S("RS384 or ES384"), err);
	v->kid = token->kid;
	for (size_t i = 0; i < c->source_count; i++)
		if (token->jku.p ? str_eq(c->sources[i].url, token->jku) : !c->fixed && i == 0)
			v->keys = &c->sources[i];
	/* Keys that the operator gave hold whatever the token says of where they are. */
	if (token->jku.p && !v->keys && !c->fixed)
		return refuse(v, CHECK_KEY, REFUSAL_CDS_KEY_URL, token->jku, STR_NULL, err);
	return true;
}

static struct str without_slash(struct str url)
{
	return str_ends(url, S("/")) ? str_slice(url, 0, url.n - 1) : url;
}

static struct str service_url(const struct visit *v)
{
	return arena_printf(v->a, "%.*s/cds-services/%.*s", STR_ARG(v->cds->o.base_url), STR_ARG(v->service->id));
}

static bool is_audience(struct visit *v, struct str aud)
{
	struct str url = service_url(v);
	struct str feedback = arena_printf(v->a, "%.*s/feedback", STR_ARG(url));
	struct str given = without_slash(aud);
	return aud.n && (str_eq(given, url) || (v->feedback && str_eq(given, feedback)));
}

static bool check_audience(struct visit *v, const struct json *aud, struct error *err)
{
	struct json_iter it = json_iter(json_is(aud, JSON_ARRAY) ? aud : NULL);
	bool ok = is_audience(v, json_str(aud));
	while (!ok && json_next(&it))
		ok = is_audience(v, json_str(it.value));
	if (!ok)
		return refuse(v, CHECK_AUDIENCE, REFUSAL_CDS_AUDIENCE, json_str(aud), service_url(v), err);
	decision_note(v->decision, CHECK_AUDIENCE, STR_NULL, STR_NULL);
	return true;
}

static bool read_date(const struct json *value, int64_t *ret_s)
{
	struct str text = json_number(value);
	return text.p && str_to_i64(str_split(&text, '.'), ret_s) && *ret_s >= 0 && *ret_s < INT64_MAX / 1000;
}

static bool check_times(struct visit *v, const struct json *claims, struct error *err)
{
	static const char *const starts[] = {"iat", "nbf"};
	int64_t now_s = v->now_ms / 1000, start;
	if (!read_date(json_get(claims, S("exp")), &v->exp_s))
		return refuse(v, CHECK_EXPIRY, REFUSAL_CDS_EXPIRY, STR_NULL, STR_NULL, err);
	if (v->exp_s + LEEWAY_S <= now_s)
		return refuse(v, CHECK_EXPIRY, REFUSAL_CDS_EXPIRED,
			      arena_printf(v->a, "exp %lld s ago", (long long)(now_s - v->exp_s)), STR_NULL, err);
	if (v->exp_s > now_s + LONGEST_S + LEEWAY_S)
		return refuse(v, CHECK_EXPIRY, REFUSAL_CDS_LONG,
			      arena_printf(v->a, "exp %lld s ahead", (long long)(v->exp_s - now_s)), S("900 s at most"),
			      err);
	for (size_t i = 0; i < 2; i++) {
		const struct json *claim = json_get(claims, str_from(starts[i]));
		if (claim && (!read_date(claim, &start) || start > now_s + LEEWAY_S))
			return refuse(v, CHECK_NOT_BEFORE, REFUSAL_CDS_EARLY, str_from(starts[i]), STR_NULL, err);
	}
	decision_note(v->decision, CHECK_EXPIRY, STR_NULL, STR_NULL);
	return true;
}

bool caller_check(struct visit *v, bool *ret_wait, struct error *err)
{
	struct jose_token token;
	struct str origin = http_request_header(v->x, "Origin");
	*ret_wait = false;
	if (!caller_page_allowed(v->cds, origin))
		return refuse(v, CHECK_NETWORK, REFUSAL_CDS_PAGE, origin, STR_NULL, err);
	if (!v->cds->o.client_count)
		return true;
	if (!find_token(v, &token, err) || !find_caller(v, &token, err) || !find_keys(v, &token, err) ||
	    !check_audience(v, json_get(token.claims, S("aud")), err) || !check_times(v, token.claims, err))
		return false;
	v->jti = json_get_str(token.claims, S("jti"));
	if (!v->jti.n || v->jti.n > JTI_MAX)
		return refuse(v, CHECK_REPLAY, REFUSAL_CDS_ID, STR_NULL, STR_NULL, err);
	*ret_wait = v->keys && !key_source_has(v->keys, v->kid, v->now_ms);
	return *ret_wait || caller_verify(v, err);
}

static bool refuse_signature(struct visit *v, const struct error *why, struct error *err)
{
	struct str had = arena_str(v->a, str_from(why->text));
	switch (why->code) {
	case ERR_SIGNATURE:
		return refuse(v, CHECK_SIGNATURE, REFUSAL_CDS_SIGNATURE, STR_NULL, STR_NULL, err);
	case ERR_KEY:
	case ERR_INVALID_CLIENT:
		return refuse(v, CHECK_KEY, REFUSAL_CDS_KEY, had, STR_NULL, err);
	case ERR_MEMORY:
		return error_memory(err);
	default:
		return refuse(v, CHECK_KEY, REFUSAL_CDS_KEYS_AWAY, had, STR_NULL, err);
	}
}

bool caller_verify(struct visit *v, struct error *err)
{
	struct jose_token token;
	struct error why = {0};
	bool ok =
		v->keys ? key_source_verify(v->keys, v->a, v->token, v->kid, v->now_ms, JOSE_SMART, false, &token, &why)
			: jose_verify(v->a, v->token, v->caller->fixed, &token, &why);
	if (!ok)
		return refuse_signature(v, &why, err);
	decision_note(v->decision, CHECK_SIGNATURE, token.algorithm, STR_NULL);
	return true;
}

struct str caller_name(const struct visit *v)
{
	return v->caller ? v->caller->facts->issuer : S("anonymous");
}

bool caller_jti_fact(struct visit *v, struct store_fact *ret_fact, struct error *err)
{
	struct str issuer = v->caller->facts->issuer;
	struct str seed = arena_printf(v->a, "cds:%zu:%.*s:%.*s", issuer.n, STR_ARG(issuer), STR_ARG(v->jti));
	struct str key = seed.p ? digest_hex(v->a, seed) : STR_NULL;
	if (!key.p)
		return error_memory(err);
	*ret_fact = (struct store_fact){.shelf = S("jti"),
					.key = key,
					.value = S("1"),
					.expires_ms = (v->exp_s + 2 * LEEWAY_S) * 1000,
					.only_new = true,
					.quiet = true};
	return true;
}

/* Pages of elsewhere run in the browsers of people on this machine, so they are told apart from programs. */
bool caller_page_allowed(const struct cds_server *c, struct str origin)
{
	return !origin.p || str_has_word(c->o.origins, S("*")) || (origin.n && str_has_word(c->o.origins, origin)) ||
	       (c->o.is_ours && c->o.is_ours(c->o.ctx, origin));
}
