/*
 * Clients that prove themselves by a signed assertion (RFC 7521 section 4.2, RFC 7523 sections 2.2 and 3; SMART App
 * Launch 2.2, "Client authentication: asymmetric"), with the rules of RFC 8725. Claims are looked at before the
 * signature: what fails on them must not make us fetch keys or do mathematics for strangers. They are those of the same
 * text that is verified next.
 */
#include "server/smart/smart_priv.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

enum { LONGEST_ASSERTION_S = 300, LONGEST_JTI = 151 };

static bool refuse(struct asking *q, enum check check, enum refusal refusal, struct str had, struct str needed,
		   struct error *err)
{
	return decision_refuse(q->decision, check, refusal, str_slice(had, 0, 200), needed, STR_NULL, err);
}

static struct str without_slash(struct str url)
{
	return str_ends(url, S("/")) ? str_slice(url, 0, url.n - 1) : url;
}

static bool names_us(const struct smart *s, struct str audience)
{
	return audience.p && str_eq(without_slash(audience), without_slash(s->options.token_url));
}

/* Us alone: an assertion that is good elsewhere as well could be shown to us by whoever runs elsewhere. */
static bool audience_is_us(const struct smart *s, const struct json *aud)
{
	return names_us(s, json_str(aud)) ||
	       (json_is(aud, JSON_ARRAY) && json_size(aud) == 1 && names_us(s, json_str(json_at(aud, 0))));
}

/* NumericDate (RFC 7519 section 2) in whole seconds; a fraction is cut off. */
static bool numeric_date(const struct json *value, int64_t *ret_s)
{
	struct str text = json_number(value);
	return text.p && str_to_i64(str_split(&text, '.'), ret_s) && *ret_s >= 0 && *ret_s < INT64_MAX / 1000;
}

static bool check_times(struct asking *q, const struct json *claims, int64_t *ret_exp, struct error *err)
{
	static const char *const starts[] = {"iat", "nbf"};
	int64_t start, now_s = q->now_ms / 1000;
	if (!numeric_date(json_get(claims, S("exp")), ret_exp))
		return refuse(q, CHECK_EXPIRY, REFUSAL_ASSERTION_EXPIRY, STR_NULL, STR_NULL, err);
	if (*ret_exp <= now_s)
		return refuse(q, CHECK_EXPIRY, REFUSAL_ASSERTION_EXPIRED,
			      arena_printf(q->a, "exp %lld s ago", (long long)(now_s - *ret_exp)), STR_NULL, err);
	if (*ret_exp > now_s + LONGEST_ASSERTION_S + LEEWAY_S)
		return refuse(q, CHECK_EXPIRY, REFUSAL_ASSERTION_LONG,
			      arena_printf(q->a, "exp %lld s ahead", (long long)(*ret_exp - now_s)), S("300 s at most"),
			      err);
	for (size_t i = 0; i < 2; i++) {
		const struct json *claim = json_get(claims, str_from(starts[i]));
		if (claim && (!numeric_date(claim, &start) || start > now_s + LEEWAY_S))
			return refuse(q, CHECK_NOT_BEFORE, REFUSAL_ASSERTION_EARLY, str_from(starts[i]), STR_NULL, err);
		if (claim && q->s->options.persona->short_spans && *ret_exp - start > LONGEST_ASSERTION_S)
			return refuse(
				q, CHECK_EXPIRY, REFUSAL_ASSERTION_LONG,
				arena_printf(q->a, "exp %lld s after %s", (long long)(*ret_exp - start), starts[i]),
				S("300 s at most"), err);
	}
	decision_note(q->decision, CHECK_EXPIRY, STR_NULL, STR_NULL);
	return true;
}

/* Each jti once until it expires; the store remembers, so neither a restart nor another process opens a gap. */
static bool use_jti(struct asking *q, struct str jti, int64_t exp_s, struct error *err)
{
	struct str id = q->client->facts.client_id,
		   seed = arena_printf(q->a, "%zu:%.*s:%.*s", id.n, STR_ARG(id), STR_ARG(jti));
	struct str key = seed.p ? secret_digest(q->a, seed) : STR_NULL;
	if (!key.p)
		return error_memory(err);
	asking_add(q, FACT_JTI,
		   &(struct store_fact){.shelf = S("jti"),
					.key = key,
					.value = S("1"),
					.expires_ms = (exp_s + LEEWAY_S) * 1000,
					.only_new = true,
					.quiet = true});
	return true;
}

/* RFC 8725 section 3.11: a token made for something else says so in typ. */
static bool type_fits(struct str type)
{
	return !type.p || str_eq_nocase(type, S("JWT")) || str_eq_nocase(type, S("client-authentication+jwt")) ||
	       str_eq_nocase(type, S("application/client-authentication+jwt"));
}

/* "RS384 or ES384" */
static struct str algorithm_names(struct arena *a, unsigned algorithms)
{
	struct str text = STR_NULL;
	for (enum jose_algorithm i = JOSE_NONE + 1; i < JOSE_ALGORITHMS; i++)
		if (algorithms & JOSE_BIT(i))
			text = text.p ? arena_printf(a, "%.*s or %s", STR_ARG(text), jose_algorithm_name(i))
				      : str_from(jose_algorithm_name(i));
	return text;
}

static bool check_header(struct asking *q, const struct jose_token *token, struct error *err)
{
	const struct smart_client *c = &q->client->facts;
	const struct smart_persona *p = q->s->options.persona;
	if (!(JOSE_BIT(jose_algorithm_find(token->algorithm)) & smart_algorithms(q->s)))
		return refuse(q, CHECK_ALGORITHM, REFUSAL_ASSERTION_ALGORITHM, token->algorithm,
			      algorithm_names(q->a, smart_algorithms(q->s)), err);
	bool uploaded = c->jwks && p->no_keys_by_value && !c->self_registered;
	if (uploaded || (c->jwks && p->curves_by_url && str_starts(token->algorithm, S("ES"))))
		return refuse(q, CHECK_KEY, REFUSAL_ASSERTION_KEY,
			      uploaded ? S("keys that were uploaded")
				       : S("a key of an elliptic curve that was uploaded"),
			      S("a JWKS URL"), err);
	if (!type_fits(token->type))
		return refuse(q, CHECK_CLIENT_AUTH, REFUSAL_ASSERTION_MALFORMED, token->type, S("typ JWT"), err);
	/* A key is never taken from where a token says: jku may only repeat what is registered. */
	if (token->jku.p && !str_eq(token->jku, c->jwks_url))
		return refuse(q, CHECK_KEY, REFUSAL_ASSERTION_KEY, S("a jku that is not the registered URL"), STR_NULL,
			      err);
	return true;
}

static bool check_claims(struct asking *q, const struct json *claims, int64_t *ret_exp, struct error *err)
{
	struct str jti = json_get_str(claims, S("jti")), sub = json_get_str(claims, S("sub"));
	if (!str_eq(sub, q->client->facts.client_id))
		return refuse(q, CHECK_ISSUER, REFUSAL_ASSERTION_SUBJECT, sub, q->client->facts.client_id, err);
	if (!audience_is_us(q->s, json_get(claims, S("aud"))))
		return refuse(q, CHECK_AUDIENCE, REFUSAL_ASSERTION_AUDIENCE, json_str(json_get(claims, S("aud"))),
			      q->s->options.token_url, err);
	decision_note(q->decision, CHECK_AUDIENCE, STR_NULL, STR_NULL);
	if (!check_times(q, claims, ret_exp, err))
		return false;
	return (jti.n && jti.n <= LONGEST_JTI) ||
	       refuse(q, CHECK_REPLAY, REFUSAL_ASSERTION_ID, STR_NULL, STR_NULL, err);
}

static bool refuse_signature(struct asking *q, const struct error *why, struct error *err)
{
	struct str had = arena_str(q->a, str_from(why->text));
	switch (why->code) {
	case ERR_SIGNATURE:
		return refuse(q, CHECK_SIGNATURE, REFUSAL_ASSERTION_SIGNATURE, STR_NULL, STR_NULL, err);
	case ERR_KEY:
		return refuse(q, CHECK_KEY, REFUSAL_ASSERTION_KEY, had, STR_NULL, err);
	case ERR_NETWORK:
	case ERR_TIMEOUT:
	case ERR_REMOTE:
	case ERR_TOO_LARGE:
	case ERR_JSON:
	case ERR_UTF8:
		return refuse(q, CHECK_KEY, REFUSAL_KEYS_UNREACHABLE, had, STR_NULL, err);
	case ERR_INVALID_CLIENT:
		return refuse(q, CHECK_KEY, REFUSAL_KEYS_UNUSABLE, had, STR_NULL, err);
	default:
		return error_set(err, why->code, "%s", why->text);
	}
}

static bool verify(struct asking *q, struct str assertion, const struct jose_token *peeked, struct error *err)
{
	struct jose_token token;
	struct error why = {0};
	int64_t exp = 0;
	if (!check_header(q, peeked, err) || !check_claims(q, peeked->claims, &exp, err))
		return false;
	if (!client_verify(q->client, q->a, assertion, peeked->kid, q->now_ms, q->s, &token, &why))
		return refuse_signature(q, &why, err);
	decision_note(q->decision, CHECK_SIGNATURE, token.algorithm, STR_NULL);
	return use_jti(q, json_get_str(token.claims, S("jti")), exp, err);
}

static bool peek(struct asking *q, struct str assertion, struct jose_token *ret_token, struct error *err)
{
	struct error why = {0};
	return jose_peek(q->a, assertion, ret_token, &why) ||
	       refuse(q, CHECK_CLIENT_AUTH, REFUSAL_ASSERTION_MALFORMED, arena_str(q->a, str_from(why.text)), STR_NULL,
		      err);
}

bool assertion_check(struct asking *q, struct str assertion, struct error *err)
{
	struct jose_token peeked;
	if (!peek(q, assertion, &peeked, err))
		return false;
	struct str issuer = json_get_str(peeked.claims, S("iss"));
	if (!str_eq(issuer, q->client->facts.client_id))
		return refuse(q, CHECK_ISSUER, REFUSAL_ASSERTION_SUBJECT, issuer, q->client->facts.client_id, err);
	return verify(q, assertion, &peeked, err);
}

bool client_authenticate_assertion(struct asking *q, struct error *err)
{
	struct str assertion = form_get(&q->form, "client_assertion"), id = form_get(&q->form, "client_id");
	struct str type = form_get(&q->form, "client_assertion_type");
	struct jose_token peeked;
	if (!str_is(type, ASSERTION_TYPE))
		return refuse(q, CHECK_REQUEST, REFUSAL_ASSERTION_TYPE, type, STR_NULL, err);
	if (!peek(q, assertion, &peeked, err))
		return false;
	struct str issuer = json_get_str(peeked.claims, S("iss"));
	if (id.p && !str_eq(id, issuer))
		return refuse(q, CHECK_ISSUER, REFUSAL_ASSERTION_SUBJECT, S("client_id is not the assertion's iss"),
			      STR_NULL, err);
	if (!client_identify(q, issuer, err))
		return false;
	enum client_auth auth = smart_client_auth(&q->client->facts);
	if (auth != AUTH_PRIVATE_KEY)
		return refuse(q, CHECK_CLIENT_AUTH, REFUSAL_CLIENT_AUTH_METHOD, S("private_key_jwt"),
			      str_from(client_auth_name(auth)), err);
	return verify(q, assertion, &peeked, err);
}
