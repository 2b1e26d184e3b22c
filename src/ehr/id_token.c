/*
 * Who logged in: the id_token and every check of OpenID Connect Core section 3.1.3.7. Keys come from where the EHR's
 * discovery says. Its issuer is that of smart-configuration, or at vendors that use another for identity (Cerner) one
 * of the same origin whose own discovery document claims it.
 */
#include "ehr/login_priv.h"

enum { CLOCK_SKEW_S = 60 };

static bool number(const struct json *claims, struct str name, int64_t *ret_number)
{
	struct str text = json_number(json_get(claims, name));
	size_t dot = str_find_char(text, '.', 0); /* NumericDate may have a fraction */
	return text.p && str_to_i64(dot == STR_NONE ? text : str_slice(text, 0, dot), ret_number);
}

static bool is_for_us(const struct json *claims, struct str client_id)
{
	const struct json *aud = json_get(claims, S("aud"));
	struct str party = json_get_str(claims, S("azp"));
	bool named = str_eq(json_str(aud), client_id) && client_id.n;
	struct json_iter it = json_iter(json_is(aud, JSON_ARRAY) ? aud : NULL);
	while (json_next(&it))
		named = named || str_eq(json_str(it.value), client_id);
	bool several = json_is(aud, JSON_ARRAY) && json_size(aud) > 1;
	return named && (party.n ? str_eq(party, client_id) : !several);
}

static bool check_claims(struct ehr_client *c, const struct json *claims, struct str nonce, struct ehr_failure *f)
{
	int64_t now = c->options.now_ms() / 1000, expires, issued, not_before;
	struct str got = json_get_str(claims, S("nonce"));
	if (!is_for_us(claims, ehr_login_client_id(c)))
		return ehr_fail(c, f, ERR_VALUE, "the id_token is not for this app (aud)");
	if (!number(claims, S("exp"), &expires) || expires + CLOCK_SKEW_S < now)
		return ehr_fail(c, f, ERR_TOKEN_EXPIRED, "the id_token has expired, or a clock is wrong");
	if (!number(claims, S("iat"), &issued) || issued > now + CLOCK_SKEW_S)
		return ehr_fail(c, f, ERR_VALUE,
				"the id_token is from the future: this machine's clock or the EHR's "
				"is wrong");
	if (number(claims, S("nbf"), &not_before) && not_before > now + CLOCK_SKEW_S)
		return ehr_fail(c, f, ERR_VALUE, "the id_token is not valid yet: a clock is wrong");
	if (got.n != nonce.n || !digest_equal(got.p, nonce.p, nonce.n))
		return ehr_fail(c, f, ERR_VALUE, "the id_token does not belong to this login (nonce)");
	if (!json_get_str(claims, S("sub")).n)
		return ehr_fail(c, f, ERR_VALUE, "the id_token names nobody (sub)");
	return true;
}

/* [issuer]/.well-known/openid-configuration: OpenID Connect Discovery section 4. */
static bool keys_of_issuer(struct ehr_client *c, struct arena *a, struct str issuer, struct str *ret_jwks,
			   struct ehr_failure *f)
{
	const struct json *document;
	struct str url = arena_printf(a, "%.*s/.well-known/openid-configuration", STR_ARG(ehr_url_trim(issuer)));
	if (!ehr_fetch_json(c, a, url, "openid-configuration", S("application/json"), &document, f))
		return false;
	if (!str_eq(json_get_str(document, S("issuer")), issuer))
		return ehr_fail(c, f, ERR_SIGNATURE, "the issuer of the id_token does not claim to be one");
	struct str jwks = json_get_str(document, S("jwks_uri"));
	bool secure = !str_starts(c->config.base_url, S("https:")) || str_starts(jwks, S("https:"));
	if (!jwks.n || !secure)
		return ehr_fail(c, f, ERR_REMOTE, "the issuer of the id_token publishes no keys at a usable address");
	*ret_jwks = jwks;
	return true;
}

static bool find_keys(struct ehr_client *c, struct arena *a, struct str issuer, struct str said, struct str *ret_jwks,
		      struct ehr_failure *f)
{
	bool same = issuer.n && str_eq(issuer, said);
	bool related = ehr_url_same_origin(said, issuer.n ? issuer : c->endpoints.authorize);
	if (!same && !related)
		return ehr_fail(c, f, ERR_SIGNATURE, "the id_token comes from another issuer than the EHR names");
	if (same && c->endpoints.jwks.p) {
		*ret_jwks = c->endpoints.jwks;
		return true;
	}
	return keys_of_issuer(c, a, said, ret_jwks, f);
}

static bool check_signature(struct ehr_client *c, struct arena *a, struct str token, struct str jwks_url,
			    struct ehr_failure *f)
{
	const struct json *document;
	struct jose_token verified;
	struct error err = {0};
	if (!ehr_fetch_json(c, a, jwks_url, "jwks", S("application/json"), &document, f))
		return false;
	struct jose_key_set *keys = jose_key_set_parse_identity(document, &err);
	bool ok = keys && jose_verify(a, token, keys, &verified, &err);
	jose_key_set_free(keys);
	return ok || ehr_fail(c, f, ERR_SIGNATURE, "the id_token cannot be trusted: %s", err.text);
}

bool ehr_id_token_verify(struct ehr_client *c, struct arena *a, struct str token, struct str issuer, struct str nonce,
			 struct ehr_identity *ret_identity, struct ehr_failure *f)
{
	struct jose_token read;
	struct error err = {0};
	struct str jwks;
	if (!jose_peek(a, token, &read, &err))
		return ehr_fail(c, f, ERR_VALUE, "the id_token is no token: %s", err.text);
	if (!find_keys(c, a, issuer, json_get_str(read.claims, S("iss")), &jwks, f) ||
	    !check_signature(c, a, token, jwks, f) || !check_claims(c, read.claims, nonce, f))
		return false;
	struct ehr_identity who = {.subject = json_get_str(read.claims, S("sub")),
				   .fhir_user = json_get_str(read.claims, S("fhirUser")),
				   .name = json_get_str(read.claims, S("name"))};
	if (!who.name.n)
		who.name = json_get_str(read.claims, S("preferred_username"));
	if (!who.fhir_user.n)
		who.fhir_user = json_get_str(read.claims, S("profile")); /* SMART 1.0 */
	*ret_identity = who;
	return true;
}
