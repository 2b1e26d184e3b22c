/*
 * Compact JWTs (RFC 7515 section 7.1, RFC 7519). We take the token apart and read it ourselves, strictly, and give it
 * to cjose for the mathematics only: two parsers of different tolerance could see two different tokens.
 */
#include <openssl/err.h>

#include "base/encode.h"
#include "jose/jose_priv.h"

/* ---- signing ---------------------------------------------------------------------------------------------------- */

static cjose_header_t *make_header(const struct jose_key *key)
{
	char kid[KEY_ID_MAX + 1];
	cjose_header_t *header = cjose_header_new(NULL);
	memcpy(kid, key->id, key->id_size);
	kid[key->id_size] = '\0';
	if (header && cjose_header_set(header, CJOSE_HDR_ALG, jose_algorithm_name(key->algorithm), NULL) &&
	    cjose_header_set(header, CJOSE_HDR_KID, kid, NULL) && cjose_header_set(header, "typ", "JWT", NULL))
		return header;
	if (header)
		cjose_header_release(header);
	return NULL;
}

bool jose_sign(const struct jose_key *key, struct str claims, struct buf *out, struct error *err)
{
	const char *text = NULL;
	cjose_header_t *header = make_header(key);
	cjose_jws_t *jws = header ? cjose_jws_sign(key->jwk, header, (const uint8_t *)claims.p, claims.n, NULL) : NULL;
	bool ok = jws && cjose_jws_export(jws, &text, NULL);
	if (ok)
		buf_add(out, str_from(text));
	if (jws)
		cjose_jws_release(jws);
	if (header)
		cjose_header_release(header);
	ERR_clear_error();
	return (ok && buf_ok(out)) || error_set(err, ERR_INTERNAL, "The token could not be signed");
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static const struct json *read_part(struct arena *a, struct str part, const char *name, struct error *err)
{
	struct error why = {0};
	struct buf text;
	struct str kept = STR_NULL;
	buf_init(&text, TOKEN_MAX);
	bool decoded = part.n > 0 && decode_base64url(&text, part);
	if (decoded)
		kept = arena_str(a, buf_str(&text));
	buf_done(&text);
	if (!decoded) {
		error_set(err, ERR_VALUE, "The %s of the token is not base64url", name);
		return NULL;
	}
	if (!kept.p) {
		error_memory(err);
		return NULL;
	}
	const struct json *j = json_parse(a, kept, 8, &why);
	if (j && json_is(j, JSON_OBJECT))
		return j;
	error_set(err, why.code == ERR_MEMORY ? ERR_MEMORY : ERR_VALUE, "The %s of the token is not a JSON object",
		  name);
	return NULL;
}

/* A member that must be text when it is there. */
static bool read_text(const struct json *header, const char *name, struct str *ret_text, struct error *err)
{
	const struct json *j = json_get(header, str_from(name));
	*ret_text = json_str(j);
	return !j || ret_text->p || error_set(err, ERR_VALUE, "%s in the token's header is not a text", name);
}

static bool read_header(const struct json *header, struct jose_token *ret_token, struct error *err)
{
	/* RFC 7515 section 4.1.11: extensions that must be understood; we understand none. */
	if (json_get(header, S("crit")))
		return error_set(err, ERR_VALUE, "The token's header demands extensions (crit) that are not supported");
	if (json_get(header, S("b64")))
		return error_set(err, ERR_VALUE, "The token's header has b64, which is not supported");
	if (!read_text(header, "alg", &ret_token->algorithm, err) || !read_text(header, "kid", &ret_token->kid, err) ||
	    !read_text(header, "jku", &ret_token->jku, err) || !read_text(header, "typ", &ret_token->type, err))
		return false;
	return ret_token->algorithm.n || error_set(err, ERR_VALUE, "The token's header has no alg");
}

bool jose_peek(struct arena *a, struct str token, struct jose_token *ret_token, struct error *err)
{
	struct jose_token read = {0};
	struct str rest = token, header = str_split(&rest, '.'), claims = STR_NULL, signature = STR_NULL;
	if (token.n > TOKEN_MAX)
		return error_set(err, ERR_VALUE, "The token is longer than %d bytes", TOKEN_MAX);
	if (rest.p)
		claims = str_split(&rest, '.');
	if (rest.p)
		signature = str_split(&rest, '.');
	if (!signature.p || rest.p)
		return error_set(err, ERR_VALUE, "The token does not have three parts");
	const struct json *head = read_part(a, header, "header", err);
	if (!head || !read_header(head, &read, err))
		return false;
	read.claims = read_part(a, claims, "content", err);
	if (!read.claims)
		return false;
	*ret_token = read;
	return true;
}

/* ---- verifying -------------------------------------------------------------------------------------------------- */

/* The last part must be base64url of the size that the key's signatures have. */
static bool signature_is_sound(struct str token, const struct jose_key *key)
{
	struct str text = str_slice(token, str_rfind_char(token, '.') + 1, token.n);
	size_t expected = key->algorithm == JOSE_ES384	 ? 96
			  : key->algorithm == JOSE_ES256 ? 64
							 : (cjose_jwk_get_keysize(key->jwk, NULL) + 7) / 8;
	struct buf bytes;
	buf_init(&bytes, TOKEN_MAX);
	bool ok = decode_base64url(&bytes, text) && bytes.n == expected;
	buf_done(&bytes);
	return ok;
}

static bool key_signed(const struct jose_key *key, struct str token)
{
	if (!signature_is_sound(token, key))
		return false;
	cjose_jws_t *jws = cjose_jws_import(token.p, token.n, NULL);
	bool ok = jws && cjose_jws_verify(jws, key->jwk, NULL);
	if (jws)
		cjose_jws_release(jws);
	ERR_clear_error();
	return ok;
}

bool jose_verify(struct arena *a, struct str token, const struct jose_key_set *set, struct jose_token *ret_token,
		 struct error *err)
{
	struct jose_token read;
	bool known = false, fits = false;
	if (!jose_peek(a, token, &read, err))
		return false;
	bool shorter = str_is(read.algorithm, "RS256") || str_is(read.algorithm, "ES256");
	if (!str_is(read.algorithm, "RS384") && !str_is(read.algorithm, "ES384") && !(set->identity && shorter))
		return error_set(err, ERR_SIGNATURE, "The token is signed with %.*s; %s is needed",
				 STR_ARG(str_slice(read.algorithm, 0, 20)),
				 set->identity ? "RS256, RS384, ES256 or ES384" : "RS384 or ES384");
	for (size_t i = 0; i < set->count; i++) {
		const struct jose_key *key = &set->keys[i];
		if (read.kid.p && !str_eq(read.kid, jose_key_id(key)))
			continue;
		known = true;
		/* The key decides: a token cannot choose an algorithm that its key is not for. */
		if (!str_is(read.algorithm, jose_algorithm_name(key->algorithm)) &&
		    !(key->other && str_is(read.algorithm, jose_algorithm_name(key->other))))
			continue;
		fits = true;
		if (key_signed(key, token)) {
			*ret_token = read;
			return true;
		}
	}
	if (!known)
		return error_set(err, ERR_KEY, "No key of the set has the kid that the token names");
	if (!fits)
		return error_set(err, ERR_SIGNATURE, "The key that the token names is not for its algorithm");
	return error_set(err, ERR_SIGNATURE, "The signature of the token does not match its content and key");
}
