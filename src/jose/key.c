/*
 * Keys. Every key comes in as a JWK (RFC 7517), PEM files after a change of form, and is checked here before cjose gets
 * to see it: kind, size, curve, and that a public set does not publish private parts.
 */
#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/encode.h"
#include "jose/jose_priv.h"

static const char *const private_members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

const char *jose_algorithm_name(enum jose_algorithm algorithm)
{
	static const char *const names[] = {
		[JOSE_RS384] = "RS384", [JOSE_ES384] = "ES384", [JOSE_RS256] = "RS256", [JOSE_ES256] = "ES256"};
	return algorithm == JOSE_NONE ? "none" : names[algorithm];
}

static bool is_rsa(enum jose_algorithm algorithm)
{
	return algorithm == JOSE_RS384 || algorithm == JOSE_RS256;
}

enum jose_algorithm jose_key_algorithm(const struct jose_key *key)
{
	return key->algorithm;
}

struct str jose_key_id(const struct jose_key *key)
{
	return str_make(key->id, key->id_size);
}

void key_clear(struct jose_key *key)
{
	if (key->jwk)
		cjose_jwk_release(key->jwk);
	*key = (struct jose_key){0};
}

void jose_key_free(struct jose_key *key)
{
	if (!key)
		return;
	key_clear(key);
	free(key);
}

/* The members of a public JWK, in the order that RFC 7638 section 3.2 asks for. */
static bool write_required(const struct jose_key *key, const struct json *jwk, struct buf *out)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	if (is_rsa(key->algorithm)) {
		json_put_member(&w, S("e"), json_get_str(jwk, S("e")));
		json_put_member(&w, S("kty"), S("RSA"));
		json_put_member(&w, S("n"), json_get_str(jwk, S("n")));
	} else {
		json_put_member(&w, S("crv"), key->algorithm == JOSE_ES256 ? S("P-256") : S("P-384"));
		json_put_member(&w, S("kty"), S("EC"));
		json_put_member(&w, S("x"), json_get_str(jwk, S("x")));
		json_put_member(&w, S("y"), json_get_str(jwk, S("y")));
	}
	json_object_end(&w);
	return buf_ok(out);
}

/* RFC 7638, with SHA-256. */
static bool name_by_thumbprint(struct jose_key *key, const struct json *jwk)
{
	unsigned char digest[32];
	struct buf text, id;
	buf_init(&text, KEY_TEXT_MAX);
	buf_init(&id, 64);
	bool ok = write_required(key, jwk, &text);
	if (ok) {
		digest_sha256(buf_str(&text), digest);
		encode_base64url(&id, str_make((const char *)digest, sizeof(digest)));
		ok = buf_ok(&id);
	}
	if (ok) {
		memcpy(key->id, id.p, id.n);
		key->id_size = id.n;
	}
	buf_done(&text);
	buf_done(&id);
	return ok;
}

static bool name_key(struct jose_key *key, const struct json *jwk, struct error *err)
{
	const struct json *kid = json_get(jwk, S("kid"));
	struct str text = json_str(kid);
	if (!kid)
		return name_by_thumbprint(key, jwk) || error_memory(err);
	if (!text.n || text.n > KEY_ID_MAX)
		return error_set(err, ERR_KEY, "A key's kid is not a text of 1 to %d bytes", KEY_ID_MAX);
	memcpy(key->id, text.p, text.n);
	key->id_size = text.n;
	key->named = true;
	return true;
}

static bool has_private_member(const struct json *jwk)
{
	for (size_t i = 0; i < sizeof(private_members) / sizeof(private_members[0]); i++)
		if (json_get(jwk, str_from(private_members[i])))
			return true;
	return false;
}

static bool list_has(const struct json *list, const char *word)
{
	for (struct json_iter it = json_iter(list); json_next(&it);)
		if (str_is(json_str(it.value), word))
			return true;
	return false;
}

/* Which of our algorithms the key is for; JOSE_NONE for keys that others may use (RFC 7517 sections 4.1 to 4.4). */
static enum jose_algorithm algorithm_of(const struct json *jwk, enum key_use purpose, enum jose_algorithm *ret_other)
{
	bool identity = purpose == KEY_OF_IDENTITY;
	struct str kty = json_get_str(jwk, S("kty")), use = json_get_str(jwk, S("use")),
		   alg = json_get_str(jwk, S("alg"));
	const struct json *operations = json_get(jwk, S("key_ops"));
	enum jose_algorithm algorithm = JOSE_NONE;
	if (str_is(kty, "RSA"))
		algorithm = JOSE_RS384;
	else if (str_is(kty, "EC") && str_is(json_get_str(jwk, S("crv")), "P-384"))
		algorithm = JOSE_ES384;
	else if (str_is(kty, "EC") && str_is(json_get_str(jwk, S("crv")), "P-256") && identity)
		algorithm = JOSE_ES256;
	if (algorithm == JOSE_RS384 && identity && str_is(alg, "RS256"))
		algorithm = JOSE_RS256;
	else if (algorithm == JOSE_RS384 && identity && !alg.p)
		*ret_other = JOSE_RS256;
	if (json_get(jwk, S("use")) && !str_is(use, "sig"))
		return JOSE_NONE;
	if (operations && !list_has(operations, purpose == KEY_TO_SIGN ? "sign" : "verify"))
		return JOSE_NONE;
	if (json_get(jwk, S("alg")) && !str_is(alg, jose_algorithm_name(algorithm)))
		return JOSE_NONE;
	return algorithm;
}

/* base64url without padding, decoded size between the bounds: cjose would read past slips that we refuse. */
static bool number_is_sound(const struct json *jwk, const char *name, size_t least, size_t most,
			    unsigned char *ret_last)
{
	struct str text = json_get_str(jwk, str_from(name));
	struct buf bytes;
	if (!text.n)
		return false;
	buf_init(&bytes, KEY_TEXT_MAX);
	bool ok = decode_base64url(&bytes, text) && bytes.n >= least && bytes.n <= most;
	if (ok && ret_last)
		*ret_last = (unsigned char)bytes.p[bytes.n - 1];
	OPENSSL_cleanse(bytes.p, bytes.n);
	buf_done(&bytes);
	return ok;
}

static bool check_numbers(const struct json *jwk, enum jose_algorithm algorithm, bool private, struct error *err)
{
	unsigned char modulus_end = 0, exponent_end = 0;
	if (!is_rsa(algorithm)) {
		/* RFC 7518 section 6.2.1.2: coordinates have the full size of the field. */
		size_t size = algorithm == JOSE_ES256 ? 32 : 48;
		if (!number_is_sound(jwk, "x", size, size, NULL) || !number_is_sound(jwk, "y", size, size, NULL) ||
		    (private && !number_is_sound(jwk, "d", size, size, NULL)))
			return error_set(err, ERR_KEY, "A P-%d key needs x and y%s of %zu bytes in base64url",
					 (int)size * 8, private ? " and d" : "", size);
		return true;
	}
	if (!number_is_sound(jwk, "n", 1, RSA_MOST_BITS / 8 + 1, &modulus_end) ||
	    !number_is_sound(jwk, "e", 1, 8, &exponent_end) ||
	    (private && !number_is_sound(jwk, "d", 1, RSA_MOST_BITS / 8 + 1, NULL)))
		return error_set(err, ERR_KEY, "An RSA key needs n and e%s in base64url, at most %d bits",
				 private ? " and d" : "", RSA_MOST_BITS);
	if (!(modulus_end & 1) || !(exponent_end & 1) || str_is(json_get_str(jwk, S("e")), "AQ"))
		return error_set(err, ERR_KEY, "The RSA key is not sound");
	return true;
}

/* Only what belongs to the kind, so that cjose sees nothing else. */
static cjose_jwk_t *import(const struct json *jwk, bool private)
{
	static const char *const members[] = {"kty", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi"};
	struct buf text;
	buf_init(&text, KEY_TEXT_MAX);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	for (size_t i = 0; i < (private ? 12 : 6); i++)
		json_put_member(&w, str_from(members[i]), json_get_str(jwk, str_from(members[i])));
	json_object_end(&w);
	cjose_jwk_t *key = buf_ok(&text) ? cjose_jwk_import(text.p, text.n, NULL) : NULL;
	if (text.p)
		OPENSSL_cleanse(text.p, text.n);
	buf_done(&text);
	return key;
}

bool key_read(const struct json *jwk, enum key_use use, struct jose_key *ret_key, bool *ret_skip, struct error *err)
{
	bool want_private = use == KEY_TO_SIGN;
	struct jose_key key = {.private = want_private};
	*ret_skip = false;
	if (!json_is(jwk, JSON_OBJECT) || !json_get_str(jwk, S("kty")).p)
		return error_set(err, ERR_KEY, "A key is not a JSON object with kty");
	if (!want_private && has_private_member(jwk))
		return error_set(err, ERR_KEY,
				 "A public key set contains a private or secret key; it must be replaced");
	key.algorithm = algorithm_of(jwk, use, &key.other);
	*ret_skip = true;
	if (key.algorithm == JOSE_NONE)
		return error_set(err, ERR_KEY, "The key is neither RSA for RS384 nor P-384 for ES384");
	if (!check_numbers(jwk, key.algorithm, want_private, err))
		return false;
	key.jwk = import(jwk, want_private);
	if (!key.jwk)
		return error_set(err, ERR_KEY, "The %s key is not sound", is_rsa(key.algorithm) ? "RSA" : "EC");
	size_t bits = cjose_jwk_get_keysize(key.jwk, NULL);
	if (is_rsa(key.algorithm) && (bits < RSA_LEAST_BITS || bits > RSA_MOST_BITS)) {
		key_clear(&key);
		return error_set(err, ERR_KEY, "The RSA key has %zu bits; %d to %d are accepted", bits, RSA_LEAST_BITS,
				 RSA_MOST_BITS);
	}
	if (!name_key(&key, jwk, err)) {
		key_clear(&key);
		return false;
	}
	*ret_key = key;
	return true;
}

static struct jose_key *read_private(struct str jwk_text, struct error *err)
{
	struct arena a;
	bool skip;
	arena_init(&a, 1024 * 1024);
	const struct json *jwk = json_parse(&a, jwk_text, 8, err);
	struct jose_key *key = calloc(1, sizeof(*key));
	if (jwk && !key)
		error_memory(err);
	bool ok = jwk && key;
	if (ok && !json_get(jwk, S("d")))
		ok = error_set(err, ERR_KEY, "The key is public; the private key is needed");
	if (!ok || !key_read(jwk, KEY_TO_SIGN, key, &skip, err)) {
		free(key);
		key = NULL;
	}
	arena_done(&a);
	return key;
}

struct jose_key *jose_key_parse(struct str text, struct error *err)
{
	struct str trimmed = str_trim(text);
	if (trimmed.n > KEY_TEXT_MAX / 2) {
		error_set(err, ERR_KEY, "The key has more than %d bytes", KEY_TEXT_MAX / 2);
		return NULL;
	}
	if (str_starts(trimmed, S("{")))
		return read_private(trimmed, err);
	struct buf jwk;
	buf_init(&jwk, KEY_TEXT_MAX);
	struct jose_key *key = key_pem_to_jwk(trimmed, &jwk, err) ? read_private(buf_str(&jwk), err) : NULL;
	if (jwk.p)
		OPENSSL_cleanse(jwk.p, jwk.n);
	buf_done(&jwk);
	return key;
}

struct jose_key *jose_key_new(enum jose_algorithm algorithm, struct error *err)
{
	static const uint8_t exponent[] = {1, 0, 1};
	cjose_jwk_t *made = algorithm == JOSE_RS384
				    ? cjose_jwk_create_RSA_random(3072, exponent, sizeof(exponent), NULL)
				    : cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_384, NULL);
	char *text = made ? cjose_jwk_to_json(made, true, NULL) : NULL;
	struct jose_key *key = NULL;
	if (text)
		key = read_private(str_from(text), err);
	else
		error_set(err, ERR_INTERNAL, "A key could not be made");
	if (text) {
		OPENSSL_cleanse(text, strlen(text));
		cjose_get_dealloc()(text);
	}
	if (made)
		cjose_jwk_release(made);
	return key;
}

/* cjose's members with ours: what the key is for and what it is called. */
static bool write_key(const struct jose_key *key, bool private, struct buf *out, struct error *err)
{
	char *text = cjose_jwk_to_json(key->jwk, private, NULL);
	struct arena a;
	arena_init(&a, 1024 * 1024);
	const struct json *jwk = text ? json_parse(&a, str_from(text), 8, err) : NULL;
	if (jwk) {
		struct json_writer w = json_writer(out);
		json_object_begin(&w);
		for (struct json_iter it = json_iter(jwk); json_next(&it);)
			if (!str_is(it.key, "kid"))
				json_put_member(&w, it.key, json_str(it.value));
		json_put_member(&w, S("use"), S("sig"));
		json_put_member(&w, S("alg"), str_from(jose_algorithm_name(key->algorithm)));
		json_put_member(&w, S("kid"), jose_key_id(key));
		json_object_end(&w);
	}
	arena_done(&a);
	if (text) {
		OPENSSL_cleanse(text, strlen(text));
		cjose_get_dealloc()(text);
	}
	return jwk && buf_ok(out) ? true : error_set(err, ERR_INTERNAL, "The key could not be written");
}

bool jose_key_write_private(const struct jose_key *key, struct buf *out, struct error *err)
{
	return write_key(key, true, out, err);
}

bool jose_key_write_public(const struct jose_key *key, struct buf *out, struct error *err)
{
	return write_key(key, false, out, err);
}

bool jose_key_write_public_set(const struct jose_key *key, struct buf *out, struct error *err)
{
	buf_add(out, S("{\"keys\":["));
	if (!write_key(key, false, out, err))
		return false;
	buf_add(out, S("]}"));
	return buf_ok(out) || error_memory(err);
}
