/*
 * Keys. Every key comes in as a JWK (RFC 7517), PEM files after a change of form, and is checked here: kind, size,
 * curve and point, what it is for, and that a public set does not publish private parts.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdlib.h>

#include "base/encode.h"
#include "jose/jose_priv.h"

static const char *const private_members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

enum jose_algorithm jose_key_algorithm(const struct jose_key *key)
{
	if (key->algorithms & JOSE_BIT(JOSE_RS384))
		return JOSE_RS384;
	for (int i = JOSE_NONE + 1; i < JOSE_ALGORITHMS; i++)
		if (key->algorithms & JOSE_BIT(i))
			return (enum jose_algorithm)i;
	return JOSE_NONE;
}

struct str jose_key_id(const struct jose_key *key)
{
	return str_make(key->id, key->id_size);
}

void key_clear(struct jose_key *key)
{
	EVP_PKEY_free(key->pkey);
	*key = (struct jose_key){0};
}

void jose_key_free(struct jose_key *key)
{
	if (!key)
		return;
	key_clear(key);
	free(key);
}

/* ---- what it is for ------------------------------------------------------------------------------------------------
 */

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

/* Which of the algorithms it may be used with; 0 for keys that others may use (RFC 7517 sections 4.1 to 4.4). */
static unsigned algorithms_of(const struct json *jwk, const struct key_kind *kind, bool private)
{
	const struct json *operations = json_get(jwk, S("key_ops"));
	if (!kind || (json_get(jwk, S("use")) && !str_is(json_get_str(jwk, S("use")), "sig")) ||
	    (operations && !list_has(operations, private ? "sign" : "verify")))
		return 0;
	if (!json_get(jwk, S("alg")))
		return kind->algorithms;
	enum jose_algorithm algorithm = jose_algorithm_find(json_get_str(jwk, S("alg")));
	return algorithm ? kind->algorithms & JOSE_BIT(algorithm) : 0;
}

/* ---- numbers -------------------------------------------------------------------------------------------------------
 */

/* base64url without padding, decoded size between the bounds. NULL when it is not so. */
static BIGNUM *number_of(const struct json *jwk, const char *name, size_t least, size_t most)
{
	struct str text = json_get_str(jwk, str_from(name));
	struct buf bytes;
	BIGNUM *number = NULL;
	if (!text.n)
		return NULL;
	buf_init(&bytes, KEY_TEXT_MAX);
	if (decode_base64url(&bytes, text) && bytes.n >= least && bytes.n <= most)
		number = BN_bin2bn((const unsigned char *)bytes.p, (int)bytes.n, NULL);
	if (bytes.p)
		OPENSSL_cleanse(bytes.p, bytes.n);
	buf_done(&bytes);
	return number;
}

static EVP_PKEY *build(const char *type, OSSL_PARAM_BLD *builder, bool private)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;
	if (params && ctx && EVP_PKEY_fromdata_init(ctx) > 0)
		(void)!EVP_PKEY_fromdata(ctx, &pkey, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	ERR_clear_error();
	return pkey;
}

static EVP_PKEY *import_rsa(const struct json *jwk, bool private, struct error *err)
{
	static const struct {
		const char *member, *parameter;
		bool needed;
	} numbers[] = {{"n", OSSL_PKEY_PARAM_RSA_N, true},	     {"e", OSSL_PKEY_PARAM_RSA_E, true},
		       {"d", OSSL_PKEY_PARAM_RSA_D, true},	     {"p", OSSL_PKEY_PARAM_RSA_FACTOR1, false},
		       {"q", OSSL_PKEY_PARAM_RSA_FACTOR2, false},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1, false},
		       {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2, false}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1, false}};
	enum { COUNT = sizeof(numbers) / sizeof(numbers[0]) };
	BIGNUM *values[COUNT] = {0};
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	bool ok = builder || error_memory(err);
	for (size_t i = 0; ok && i < (private ? COUNT : 2); i++) {
		values[i] = number_of(jwk, numbers[i].member, 1, i == 1 ? 8 : RSA_MOST_BITS / 8 + 1);
		if (!values[i] && (numbers[i].needed || json_get(jwk, str_from(numbers[i].member))))
			ok = error_set(err, ERR_KEY, "An RSA key needs n and e%s in base64url, at most %d bits",
				       private ? " and d" : "", RSA_MOST_BITS);
		ok = ok && (!values[i] || OSSL_PARAM_BLD_push_BN(builder, numbers[i].parameter, values[i]));
	}
	if (ok && (!BN_is_odd(values[0]) || !BN_is_odd(values[1]) || BN_is_one(values[1])))
		ok = error_set(err, ERR_KEY, "The RSA key is not sound");
	if (ok && !(pkey = build("RSA", builder, private)))
		error_set(err, ERR_KEY, "The RSA key is not sound");
	OSSL_PARAM_BLD_free(builder);
	for (size_t i = 0; i < COUNT; i++)
		BN_clear_free(values[i]);
	return pkey;
}

/* RFC 7518 section 6.2.1.2: coordinates have the full size of the field. */
static EVP_PKEY *import_ec(const struct json *jwk, const struct key_kind *kind, bool private, struct error *err)
{
	unsigned char point[1 + 2 * COORDINATE_MAX] = {4};
	size_t size = kind->size;
	BIGNUM *x = number_of(jwk, "x", size, size), *y = number_of(jwk, "y", size, size),
	       *d = private ? number_of(jwk, "d", size, size) : NULL;
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	if (!x || !y || (private && !d))
		error_set(err, ERR_KEY, "A %s key needs x and y%s of %zu bytes in base64url", kind->curve,
			  private ? " and d" : "", size);
	else if (builder && BN_bn2binpad(x, point + 1, (int)size) > 0 &&
		 BN_bn2binpad(y, point + 1 + size, (int)size) > 0 &&
		 OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, kind->group, 0) &&
		 OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size) &&
		 (!d || OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, d)))
		pkey = build("EC", builder, private);
	/* Is the point on the curve, and the private number its own? */
	EVP_PKEY_CTX *ctx = pkey ? EVP_PKEY_CTX_new(pkey, NULL) : NULL;
	if (!ctx || EVP_PKEY_public_check(ctx) <= 0 || (private && EVP_PKEY_pairwise_check(ctx) <= 0)) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
		error_set(err, ERR_KEY, "The EC key is not sound");
	}
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_BLD_free(builder);
	BN_free(x);
	BN_free(y);
	BN_clear_free(d);
	ERR_clear_error();
	return pkey;
}

/* The products of primes that a faulty generator made are powers of 65537 modulo each small prime; others hardly ever
 * are (Nemec and others, 2017). */
bool key_is_roca(const EVP_PKEY *pkey)
{
	static const unsigned primes[] = {3,   5,   7,	 11,  13,  17,	19,  23,  29,  31,  37,	 41,  43,
					  47,  53,  59,	 61,  67,  71,	73,  79,  83,  89,  97,	 101, 103,
					  107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
	BIGNUM *n = NULL;
	bool roca = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) > 0;
	for (size_t i = 0; roca && i < sizeof(primes) / sizeof(primes[0]); i++) {
		BN_ULONG rest = BN_mod_word(n, primes[i]);
		unsigned power = 1;
		bool found = false;
		do {
			found = found || power == rest;
			power = power * (65537 % primes[i]) % primes[i];
		} while (power != 1);
		roca = found;
	}
	BN_free(n);
	return roca;
}

static bool check_rsa(const EVP_PKEY *pkey, struct error *err)
{
	int bits = EVP_PKEY_get_bits(pkey);
	if (bits < RSA_LEAST_BITS || bits > RSA_MOST_BITS)
		return error_set(err, ERR_KEY, "The RSA key has %d bits; %d to %d are accepted", bits, RSA_LEAST_BITS,
				 RSA_MOST_BITS);
	return !key_is_roca(pkey) ||
	       error_set(err, ERR_KEY, "The RSA key comes from a faulty generator (ROCA); make a new one");
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static bool name_key(struct jose_key *key, const struct json *jwk, struct error *err)
{
	const struct json *kid = json_get(jwk, S("kid"));
	struct str text = json_str(kid);
	if (!kid)
		return key_name(key) || error_memory(err);
	if (!text.n || text.n > KEY_ID_MAX)
		return error_set(err, ERR_KEY, "A key's kid is not a text of 1 to %d bytes", KEY_ID_MAX);
	memcpy(key->id, text.p, text.n);
	key->id_size = text.n;
	return true;
}

static const char *wanted(unsigned algorithms)
{
	return algorithms == JOSE_SMART ? "The key is neither RSA for RS384 nor P-384 for ES384"
					: "The key is for none of the algorithms that are accepted";
}

bool key_read(const struct json *jwk, bool want_private, unsigned algorithms, struct jose_key *ret_key, bool *ret_skip,
	      struct error *err)
{
	struct jose_key key = {.private = want_private};
	*ret_skip = false;
	if (!json_is(jwk, JSON_OBJECT) || !json_get_str(jwk, S("kty")).p)
		return error_set(err, ERR_KEY, "A key is not a JSON object with kty");
	if (!want_private && has_private_member(jwk))
		return error_set(err, ERR_KEY,
				 "A public key set contains a private or secret key; it must be replaced");
	*ret_skip = true;
	key.kind = kind_find(json_get_str(jwk, S("kty")), json_get_str(jwk, S("crv")));
	key.algorithms = algorithms_of(jwk, key.kind, want_private) & algorithms;
	if (!key.algorithms)
		return error_set(err, ERR_KEY, "%s", wanted(algorithms));
	key.pkey = key.kind->curve ? import_ec(jwk, key.kind, want_private, err) : import_rsa(jwk, want_private, err);
	if (!key.pkey)
		return false;
	if ((!key.kind->curve && !check_rsa(key.pkey, err)) || !name_key(&key, jwk, err)) {
		key_clear(&key);
		return false;
	}
	*ret_key = key;
	return true;
}

static struct jose_key *read_private(struct str jwk_text, unsigned algorithms, struct error *err)
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
	if (!ok || !key_read(jwk, true, algorithms, key, &skip, err)) {
		free(key);
		key = NULL;
	}
	arena_done(&a);
	return key;
}

struct jose_key *jose_key_parse_for(struct str text, unsigned algorithms, struct error *err)
{
	struct str trimmed = str_trim(text);
	if (trimmed.n > KEY_TEXT_MAX / 2) {
		error_set(err, ERR_KEY, "The key has more than %d bytes", KEY_TEXT_MAX / 2);
		return NULL;
	}
	if (str_starts(trimmed, S("{")))
		return read_private(trimmed, algorithms, err);
	struct buf jwk;
	buf_init(&jwk, KEY_TEXT_MAX);
	struct jose_key *key = key_pem_to_jwk(trimmed, &jwk, err) ? read_private(buf_str(&jwk), algorithms, err) : NULL;
	if (jwk.p)
		OPENSSL_cleanse(jwk.p, jwk.n);
	buf_done(&jwk);
	return key;
}

struct jose_key *jose_key_parse(struct str text, struct error *err)
{
	return jose_key_parse_for(text, JOSE_SMART, err);
}
