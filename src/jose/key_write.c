/* Keys made, named and written. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "base/encode.h"
#include "jose/jose_priv.h"

static bool put_number(struct json_writer *w, const EVP_PKEY *pkey, const char *parameter, const char *member,
		       size_t size)
{
	unsigned char bytes[RSA_MOST_BITS / 8 + 16];
	BIGNUM *number = NULL;
	struct buf text;
	if (!EVP_PKEY_get_bn_param(pkey, parameter, &number))
		return false;
	int n = size ? (int)size : BN_num_bytes(number);
	bool ok = n <= (int)sizeof(bytes) && BN_bn2binpad(number, bytes, n) == n;
	BN_clear_free(number);
	if (!ok)
		return false;
	buf_init(&text, KEY_TEXT_MAX);
	encode_base64url(&text, str_make((const char *)bytes, (size_t)n));
	json_put_member(w, str_from(member), buf_str(&text));
	ok = buf_ok(&text);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (text.p)
		OPENSSL_cleanse(text.p, text.n);
	buf_done(&text);
	return ok;
}

static bool put_rsa(struct json_writer *w, const EVP_PKEY *pkey, bool private)
{
	static const struct {
		const char *parameter, *member;
	} numbers[] = {{OSSL_PKEY_PARAM_RSA_D, "d"},	      {OSSL_PKEY_PARAM_RSA_FACTOR1, "p"},
		       {OSSL_PKEY_PARAM_RSA_FACTOR2, "q"},    {OSSL_PKEY_PARAM_RSA_EXPONENT1, "dp"},
		       {OSSL_PKEY_PARAM_RSA_EXPONENT2, "dq"}, {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, "qi"}};
	bool ok = put_number(w, pkey, OSSL_PKEY_PARAM_RSA_E, "e", 0);
	json_put_member(w, S("kty"), S("RSA"));
	ok = ok && put_number(w, pkey, OSSL_PKEY_PARAM_RSA_N, "n", 0);
	/* A key may come without its factors. */
	for (size_t i = 0; ok && private && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ok = put_number(w, pkey, numbers[i].parameter, numbers[i].member, 0) || i > 0;
	return ok;
}

bool key_put_numbers(struct json_writer *w, const EVP_PKEY *pkey, const struct key_kind *kind, bool private)
{
	if (!kind->curve)
		return put_rsa(w, pkey, private);
	json_put_member(w, S("crv"), str_from(kind->curve));
	json_put_member(w, S("kty"), S("EC"));
	return put_number(w, pkey, OSSL_PKEY_PARAM_EC_PUB_X, "x", kind->size) &&
	       put_number(w, pkey, OSSL_PKEY_PARAM_EC_PUB_Y, "y", kind->size) &&
	       (!private || put_number(w, pkey, OSSL_PKEY_PARAM_PRIV_KEY, "d", kind->size));
}

bool key_name(struct jose_key *key)
{
	unsigned char digest[32];
	struct buf text, id;
	buf_init(&text, KEY_TEXT_MAX);
	buf_init(&id, 64);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	bool ok = key_put_numbers(&w, key->pkey, key->kind, false);
	json_object_end(&w);
	if (ok && buf_ok(&text)) {
		digest_sha256(buf_str(&text), digest);
		encode_base64url(&id, str_make((const char *)digest, sizeof(digest)));
	}
	ok = ok && buf_ok(&id) && id.n;
	if (ok) {
		memcpy(key->id, id.p, id.n);
		key->id_size = id.n;
	}
	buf_done(&text);
	buf_done(&id);
	return ok;
}

static EVP_PKEY *generate(const struct key_kind *kind, enum jose_algorithm algorithm)
{
	EVP_PKEY *pkey = kind->curve ? EVP_EC_gen(kind->group) : EVP_RSA_gen(algorithm == JOSE_RS256 ? 2048u : 3072u);
	ERR_clear_error();
	return pkey;
}

struct jose_key *jose_key_new(enum jose_algorithm algorithm, struct error *err)
{
	const struct key_kind *kind = kind_for(algorithm);
	struct jose_key *key = calloc(1, sizeof(*key));
	if (key && kind) {
		*key = (struct jose_key){.kind = kind,
					 .algorithms = JOSE_BIT(algorithm),
					 .private = true,
					 .pkey = generate(kind, algorithm)};
		if (key->pkey && key_name(key))
			return key;
	}
	jose_key_free(key);
	error_set(err, ERR_INTERNAL, "A key could not be made");
	return NULL;
}

/* What it is for and what it is called stands behind the numbers. */
static bool write_key(const struct jose_key *key, bool private, struct buf *out, struct error *err)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	bool ok = key_put_numbers(&w, key->pkey, key->kind, private);
	json_put_member(&w, S("use"), S("sig"));
	json_put_member(&w, S("alg"), str_from(jose_algorithm_name(jose_key_algorithm(key))));
	json_put_member(&w, S("kid"), jose_key_id(key));
	json_object_end(&w);
	return (ok && buf_ok(out)) || error_set(err, ERR_INTERNAL, "The key could not be written");
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
