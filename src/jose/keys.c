/* Keys: made, read from JWK or PEM, written as JWK, and named by their RFC 7638 thumbprint. */
#include "jose/jose_priv.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "base/encode.h"

enum { LEAST_RSA_BITS = 2048, NEW_RSA_BITS = 3072, MAX_KEY_TEXT = 64 * 1024, EC384_BYTES = 48 };

const char *jose_algorithm_name(enum jose_algorithm algorithm)
{
	static const char *const names[] = {"none", "RS384", "ES384"};
	return names[algorithm];
}

/* ---- cjose values
 * ----------------------------------------------------------------------------------------------------- */

static enum jose_algorithm algorithm_of(const cjose_jwk_t *jwk)
{
	cjose_err e;
	switch (cjose_jwk_get_kty(jwk, &e)) {
	case CJOSE_JWK_KTY_RSA:
		return JOSE_RS384;
	case CJOSE_JWK_KTY_EC:
		return cjose_jwk_EC_get_curve(jwk, &e) == CJOSE_JWK_EC_P_384 ? JOSE_ES384 : JOSE_NONE;
	default:
		return JOSE_NONE;
	}
}

/* The JWK as cjose writes it, parsed again; the private half only when asked for. */
static const struct json *jwk_members(struct arena *a, const cjose_jwk_t *jwk, bool private_half)
{
	cjose_err e;
	char *text = cjose_jwk_to_json(jwk, private_half, &e);
	struct str copy = text ? arena_str(a, str_from(text)) : STR_NULL;
	if (text)
		cjose_get_dealloc()(text);
	return copy.p ? json_parse(a, copy, 0, NULL) : NULL;
}

/* RFC 7638: the required members in alphabetical order, without white space. */
static bool thumbprint(const cjose_jwk_t *jwk, enum jose_algorithm algorithm, struct buf *out)
{
	static const char *const rsa[] = {"e", "kty", "n", NULL};
	static const char *const ec[] = {"crv", "kty", "x", "y", NULL};
	unsigned char digest[32];
	struct arena a;
	struct buf text;
	arena_init(&a, 256 * 1024);
	buf_init(&text, MAX_KEY_TEXT);
	const struct json *members = jwk_members(&a, jwk, false);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	for (const char *const *name = algorithm == JOSE_RS384 ? rsa : ec; *name; name++)
		json_put_member(&w, str_from(*name), json_get_str(members, str_from(*name)));
	json_object_end(&w);
	bool ok = members && buf_ok(&text);
	digest_sha256(buf_str(&text), digest);
	encode_base64url(out, str_make((const char *)digest, sizeof(digest)));
	buf_done(&text);
	arena_done(&a);
	return ok && buf_ok(out);
}

/* Takes the jwk over. An empty kid means the thumbprint. */
static struct jose_key *make_key(cjose_jwk_t *jwk, struct str kid, struct error *err)
{
	cjose_err e;
	struct jose_key *key = jwk ? calloc(1, sizeof(*key)) : NULL;
	if (!key) {
		if (jwk)
			cjose_jwk_release(jwk);
		error_set(err, ERR_KEY, "The key could not be read");
		return NULL;
	}
	key->jwk = jwk;
	key->algorithm = algorithm_of(jwk);
	buf_init(&key->kid, 1024);
	if (key->algorithm == JOSE_NONE)
		error_set(err, ERR_KEY, "The key is neither RSA nor elliptic on P-384");
	else if (key->algorithm == JOSE_RS384 && cjose_jwk_get_keysize(jwk, &e) < LEAST_RSA_BITS)
		error_set(err, ERR_KEY, "The RSA key has fewer than %d bits", LEAST_RSA_BITS);
	else if (kid.n)
		buf_add(&key->kid, kid);
	else if (!thumbprint(jwk, key->algorithm, &key->kid))
		error_memory(err);
	if (key->kid.n && buf_ok(&key->kid))
		return key;
	jose_key_free(key);
	return NULL;
}

void jose_key_free(struct jose_key *key)
{
	if (!key)
		return;
	cjose_jwk_release(key->jwk);
	buf_done(&key->kid);
	free(key);
}

enum jose_algorithm jose_key_algorithm(const struct jose_key *key)
{
	return key->algorithm;
}

struct str jose_key_id(const struct jose_key *key)
{
	return buf_str(&key->kid);
}

struct jose_key *jose_key_new(enum jose_algorithm algorithm, struct error *err)
{
	static const uint8_t exponent[] = {1, 0, 1};
	cjose_err e;
	if (algorithm == JOSE_RS384)
		return make_key(cjose_jwk_create_RSA_random(NEW_RSA_BITS, exponent, sizeof(exponent), &e), STR_NULL,
				err);
	return make_key(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_384, &e), STR_NULL, err);
}

/* ---- PEM
 * -------------------------------------------------------------------------------------------------------------- */

struct number {
	uint8_t *p;
	size_t n;
};

/* A big number of an OpenSSL key as bytes, padded to width when it is not 0. */
static bool take_number(const EVP_PKEY *pkey, const char *name, size_t width, struct number *ret_number)
{
	BIGNUM *bn = NULL;
	if (!EVP_PKEY_get_bn_param(pkey, name, &bn))
		return false;
	size_t n = width ? width : (size_t)BN_num_bytes(bn);
	uint8_t *p = calloc(1, n ? n : 1);
	bool ok = p && BN_bn2binpad(bn, p, (int)n) >= 0;
	BN_clear_free(bn);
	if (ok)
		*ret_number = (struct number){p, n};
	else
		free(p);
	return ok;
}

static void drop_numbers(struct number *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (numbers[i].p)
			OPENSSL_cleanse(numbers[i].p, numbers[i].n);
		free(numbers[i].p);
	}
}

static cjose_jwk_t *import_rsa(const EVP_PKEY *pkey)
{
	static const char *const names[] = {OSSL_PKEY_PARAM_RSA_N,	   OSSL_PKEY_PARAM_RSA_E,
					    OSSL_PKEY_PARAM_RSA_D,	   OSSL_PKEY_PARAM_RSA_FACTOR1,
					    OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
					    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
	enum { COUNT = sizeof(names) / sizeof(names[0]) };
	struct number v[COUNT] = {{NULL, 0}};
	cjose_err e;
	bool ok = true;
	for (size_t i = 0; ok && i < COUNT; i++)
		ok = take_number(pkey, names[i], 0, &v[i]);
	const cjose_jwk_rsa_keyspec spec = {.n = v[0].p,
					    .nlen = v[0].n,
					    .e = v[1].p,
					    .elen = v[1].n,
					    .d = v[2].p,
					    .dlen = v[2].n,
					    .p = v[3].p,
					    .plen = v[3].n,
					    .q = v[4].p,
					    .qlen = v[4].n,
					    .dp = v[5].p,
					    .dplen = v[5].n,
					    .dq = v[6].p,
					    .dqlen = v[6].n,
					    .qi = v[7].p,
					    .qilen = v[7].n};
	cjose_jwk_t *jwk = ok ? cjose_jwk_create_RSA_spec(&spec, &e) : NULL;
	drop_numbers(v, COUNT);
	return jwk;
}

static cjose_jwk_t *import_ec(const EVP_PKEY *pkey)
{
	static const char *const names[] = {OSSL_PKEY_PARAM_PRIV_KEY, OSSL_PKEY_PARAM_EC_PUB_X,
					    OSSL_PKEY_PARAM_EC_PUB_Y};
	struct number v[3] = {{NULL, 0}};
	char group[64] = "";
	cjose_err e;
	bool ok = EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) &&
		  str_is(S("secp384r1"), group);
	for (size_t i = 0; ok && i < 3; i++)
		ok = take_number(pkey, names[i], EC384_BYTES, &v[i]);
	const cjose_jwk_ec_keyspec spec = {.crv = CJOSE_JWK_EC_P_384,
					   .d = v[0].p,
					   .dlen = v[0].n,
					   .x = v[1].p,
					   .xlen = v[1].n,
					   .y = v[2].p,
					   .ylen = v[2].n};
	cjose_jwk_t *jwk = ok ? cjose_jwk_create_EC_spec(&spec, &e) : NULL;
	drop_numbers(v, 3);
	return jwk;
}

/* An encrypted PEM would ask on the terminal: an empty pass phrase instead makes it fail. */
static int no_passphrase(char *text, int size, int writing, void *ctx)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)ctx;
	return 0;
}

static struct jose_key *parse_pem(struct str text, struct error *err)
{
	BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	cjose_jwk_t *jwk = NULL;
	if (pkey && EVP_PKEY_is_a(pkey, "RSA"))
		jwk = import_rsa(pkey);
	else if (pkey && EVP_PKEY_is_a(pkey, "EC"))
		jwk = import_ec(pkey);
	bool readable = pkey != NULL;
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	if (jwk)
		return make_key(jwk, STR_NULL, err);
	error_set(err, ERR_KEY, "%s",
		  readable ? "The key is neither RSA nor elliptic on P-384"
			   : "The file holds no unencrypted private key in PEM or JWK form");
	return NULL;
}

/* ---- JWK
 * -------------------------------------------------------------------------------------------------------------- */

static cjose_jwk_t *import_json(const struct json *members)
{
	cjose_err e;
	struct buf text;
	buf_init(&text, MAX_KEY_TEXT);
	struct json_writer w = json_writer(&text);
	json_put_value(&w, members);
	cjose_jwk_t *jwk = buf_ok(&text) ? cjose_jwk_import(text.p, text.n, &e) : NULL;
	if (text.p)
		OPENSSL_cleanse(text.p, text.cap);
	buf_done(&text);
	return jwk;
}

struct jose_key *jose_key_parse(struct str text, struct error *err)
{
	struct str trimmed = str_trim(text);
	struct arena a;
	if (trimmed.n > MAX_KEY_TEXT) {
		error_set(err, ERR_KEY, "The key file is larger than %d bytes", MAX_KEY_TEXT);
		return NULL;
	}
	if (!str_starts(trimmed, S("{")))
		return parse_pem(trimmed, err);
	arena_init(&a, 1 << 20);
	const struct json *members = json_parse(&a, trimmed, 0, err);
	struct jose_key *key = NULL;
	if (members && !json_get_str(members, S("d")).n)
		error_set(err, ERR_KEY, "The JWK holds no private key");
	else if (members)
		key = make_key(import_json(members), json_get_str(members, S("kid")), err);
	arena_done(&a);
	return key;
}

static void put_jwk(struct json_writer *w, const struct jose_key *key, const struct json *members)
{
	json_object_begin(w);
	for (struct json_iter it = json_iter(members); json_next(&it);) {
		if (str_is(it.key, "kid"))
			continue;
		json_key(w, it.key);
		json_put_value(w, it.value);
	}
	json_put_member(w, S("kid"), jose_key_id(key));
	json_put_member(w, S("use"), S("sig"));
	json_put_member(w, S("alg"), str_from(jose_algorithm_name(key->algorithm)));
	json_object_end(w);
}

static bool write_key(const struct jose_key *key, struct buf *out, bool private_half, struct error *err)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	const struct json *members = jwk_members(&a, key->jwk, private_half);
	struct json_writer w = json_writer(out);
	if (!private_half) {
		json_object_begin(&w);
		json_key(&w, S("keys"));
		json_array_begin(&w);
	}
	put_jwk(&w, key, members);
	if (!private_half) {
		json_array_end(&w);
		json_object_end(&w);
	}
	bool ok = members && buf_ok(out);
	arena_done(&a);
	return ok ? true : error_memory(err);
}

bool jose_key_write_private(const struct jose_key *key, struct buf *out, struct error *err)
{
	return write_key(key, out, true, err);
}

bool jose_key_write_public_set(const struct jose_key *key, struct buf *out, struct error *err)
{
	return write_key(key, out, false, err);
}

/* ---- sets
 * -------------------------------------------------------------------------------------------------------------- */

/* A key of a set is for us when nothing in it says otherwise. */
static bool is_for_signing(const struct json *member)
{
	struct str kty = json_get_str(member, S("kty")), use = json_get_str(member, S("use"));
	struct str alg = json_get_str(member, S("alg"));
	bool rsa = str_is(kty, "RSA");
	if (use.p && !str_is(use, "sig"))
		return false;
	if (alg.p && !str_is(alg, rsa ? "RS384" : "ES384"))
		return false;
	return rsa || (str_is(kty, "EC") && str_is(json_get_str(member, S("crv")), "P-384"));
}

static bool add_member(struct jose_key_set *set, const struct json *member, struct error *err)
{
	struct error why = {0};
	if (json_get(member, S("d")) || json_get(member, S("k")))
		return error_set(err, ERR_KEY, "The key set holds a private key; publish the public half only");
	if (!is_for_signing(member) || set->count == MAX_SET_KEYS)
		return true;
	struct jose_key *key = make_key(import_json(member), json_get_str(member, S("kid")), &why);
	if (key)
		set->keys[set->count++] = key;
	return true;
}

struct jose_key_set *jose_key_set_parse(const struct json *jwks, struct error *err)
{
	struct jose_key_set *set = calloc(1, sizeof(*set));
	if (!set) {
		error_memory(err);
		return NULL;
	}
	bool ok = true;
	for (struct json_iter it = json_iter(json_get(jwks, S("keys"))); ok && json_next(&it);)
		ok = add_member(set, it.value, err);
	if (ok && set->count)
		return set;
	error_set(err, ERR_KEY, "The key set holds no usable key (RSA of %d bits or more, or P-384)", LEAST_RSA_BITS);
	jose_key_set_free(set);
	return NULL;
}

void jose_key_set_free(struct jose_key_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		jose_key_free(set->keys[i]);
	free(set);
}

bool jose_key_set_has(const struct jose_key_set *set, struct str kid)
{
	for (size_t i = 0; i < set->count; i++)
		if (str_eq(jose_key_id(set->keys[i]), kid))
			return true;
	return false;
}
