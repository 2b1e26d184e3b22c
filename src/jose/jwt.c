/* Signed tokens in compact form (RFC 7515 section 7.1). The key decides the algorithm; the token only names it. */
#include "jose/jose_priv.h"

#include "base/encode.h"

bool jose_sign(const struct jose_key *key, struct str claims, struct buf *out, struct error *err)
{
	cjose_err e;
	const char *text = NULL;
	char kid[1025];
	struct str id = jose_key_id(key);
	memcpy(kid, id.p, id.n);
	kid[id.n] = '\0';
	cjose_header_t *header = cjose_header_new(&e);
	cjose_jws_t *jws = NULL;
	if (header && cjose_header_set(header, CJOSE_HDR_ALG, jose_algorithm_name(key->algorithm), &e) &&
	    cjose_header_set(header, "typ", "JWT", &e) && cjose_header_set(header, CJOSE_HDR_KID, kid, &e))
		jws = cjose_jws_sign(key->jwk, header, (const uint8_t *)claims.p, claims.n, &e);
	bool ok = jws && cjose_jws_export(jws, &text, &e);
	if (ok)
		buf_add(out, str_from(text));
	if (jws)
		cjose_jws_release(jws);
	if (header)
		cjose_header_release(header);
	if (!ok)
		return error_set(err, ERR_KEY, "The token could not be signed with this key");
	return buf_ok(out) ? true : error_memory(err);
}

static const struct json *decode_part(struct arena *a, struct str part, struct error *err)
{
	struct buf text;
	struct error why = {0};
	buf_init(&text, MAX_JWT);
	bool decoded = part.n && decode_base64url(&text, part);
	struct str copy = decoded ? arena_str(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	const struct json *j = copy.p ? json_parse(a, copy, 0, &why) : NULL;
	if (!json_is(j, JSON_OBJECT)) {
		error_set(err, ERR_VALUE, "The token is no JWT: its parts are not base64url of JSON objects");
		return NULL;
	}
	return j;
}

bool jose_peek(struct arena *a, struct str token, struct jose_token *ret_token, struct error *err)
{
	struct str rest = token;
	if (token.n > MAX_JWT)
		return error_set(err, ERR_VALUE, "The token is longer than %d bytes", MAX_JWT);
	struct str header_part = str_split(&rest, '.');
	struct str claims_part = rest.p ? str_split(&rest, '.') : STR_NULL;
	if (!rest.p || !rest.n || str_find_char(rest, '.', 0) != STR_NONE)
		return error_set(err, ERR_VALUE, "The token is no signed JWT: it must have three parts");
	const struct json *header = decode_part(a, header_part, err);
	const struct json *claims = header ? decode_part(a, claims_part, err) : NULL;
	if (!claims)
		return false;
	/* RFC 7515 section 4.1.11: what we do not understand must not be ignored. */
	if (json_get(header, S("crit")))
		return error_set(err, ERR_VALUE, "The token has critical header parameters that are not supported");
	*ret_token = (struct jose_token){
		.algorithm = json_get_str(header, S("alg")),
		.kid = json_get_str(header, S("kid")),
		.jku = json_get_str(header, S("jku")),
		.type = json_get_str(header, S("typ")),
		.claims = claims,
	};
	return true;
}

static bool signature_matches(struct str token, const struct jose_key *key)
{
	cjose_err e;
	cjose_jws_t *jws = cjose_jws_import(token.p, token.n, &e);
	bool ok = jws && cjose_jws_verify(jws, key->jwk, &e);
	if (jws)
		cjose_jws_release(jws);
	return ok;
}

bool jose_verify(struct arena *a, struct str token, const struct jose_key_set *set, struct jose_token *ret_token,
		 struct error *err)
{
	struct jose_token peeked;
	bool tried = false;
	if (!jose_peek(a, token, &peeked, err))
		return false;
	if (!str_is(peeked.algorithm, "RS384") && !str_is(peeked.algorithm, "ES384"))
		return error_set(err, ERR_SIGNATURE, "The token must be signed with RS384 or ES384");
	for (size_t i = 0; i < set->count; i++) {
		const struct jose_key *key = set->keys[i];
		if (!str_is(peeked.algorithm, jose_algorithm_name(key->algorithm)) ||
		    (peeked.kid.p && !str_eq(peeked.kid, jose_key_id(key))))
			continue;
		tried = true;
		if (signature_matches(token, key)) {
			*ret_token = peeked;
			return true;
		}
	}
	if (!tried)
		return error_set(err, ERR_KEY, "No registered key fits the token's kid and algorithm");
	return error_set(err, ERR_SIGNATURE, "The token's signature does not match");
}
