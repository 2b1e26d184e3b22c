/*
 * Private keys as people have them in files: PEM with PKCS#8, PKCS#1 (RSA) or SEC1 (EC), unencrypted. They are turned
 * into a JWK (RFC 7518 sections 6.2 and 6.3), so that one way in checks all keys.
 */
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/encode.h"
#include "jose/jose_priv.h"

/* We never ask a person for a passphrase: an encrypted key is refused instead. */
static int no_passphrase(char *text, int size, int writing, void *ctx)
{
	(void)text, (void)size, (void)writing, (void)ctx;
	return -1;
}

static bool put_number(struct json_writer *w, const EVP_PKEY *key, const char *parameter, const char *member, int size)
{
	unsigned char bytes[RSA_MOST_BITS / 8 + 16];
	BIGNUM *number = NULL;
	struct buf text;
	if (!EVP_PKEY_get_bn_param(key, parameter, &number))
		return false;
	int n = size ? size : BN_num_bytes(number);
	bool ok = n <= (int)sizeof(bytes) && BN_bn2binpad(number, bytes, n) == n;
	BN_clear_free(number);
	if (!ok)
		return false;
	buf_init(&text, KEY_TEXT_MAX);
	encode_base64url(&text, str_make((const char *)bytes, (size_t)n));
	json_put_member(w, str_from(member), buf_str(&text));
	ok = buf_ok(&text);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(text.p, text.n);
	buf_done(&text);
	return ok;
}

static bool put_numbers(struct json_writer *w, const EVP_PKEY *key, bool rsa)
{
	static const struct {
		const char *parameter, *member;
	} rsa_numbers[] =
		{
			{OSSL_PKEY_PARAM_RSA_N, "n"},	       {OSSL_PKEY_PARAM_RSA_E, "e"},
			{OSSL_PKEY_PARAM_RSA_D, "d"},	       {OSSL_PKEY_PARAM_RSA_FACTOR1, "p"},
			{OSSL_PKEY_PARAM_RSA_FACTOR2, "q"},    {OSSL_PKEY_PARAM_RSA_EXPONENT1, "dp"},
			{OSSL_PKEY_PARAM_RSA_EXPONENT2, "dq"}, {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, "qi"},
		},
	  ec_numbers[] = {
		  {OSSL_PKEY_PARAM_EC_PUB_X, "x"},
		  {OSSL_PKEY_PARAM_EC_PUB_Y, "y"},
		  {OSSL_PKEY_PARAM_PRIV_KEY, "d"},
	  };
	for (size_t i = 0; i < (rsa ? 8 : 3); i++)
		if (!(rsa ? put_number(w, key, rsa_numbers[i].parameter, rsa_numbers[i].member, 0)
			  : put_number(w, key, ec_numbers[i].parameter, ec_numbers[i].member, 48)))
			return false;
	return true;
}

static bool is_p384(const EVP_PKEY *key)
{
	char group[64];
	size_t n = 0;
	if (!EVP_PKEY_get_group_name(key, group, sizeof(group), &n))
		return false;
	return str_is(str_make(group, n), "secp384r1") || str_is(str_make(group, n), "P-384");
}

bool key_pem_to_jwk(struct str pem, struct buf *out, struct error *err)
{
	if (!str_starts(pem, S("-----BEGIN ")))
		return error_set(err, ERR_KEY, "The key is neither a JWK nor a PEM private key");
	if (str_find(pem, S("ENCRYPTED")) != STR_NONE)
		return error_set(err, ERR_KEY, "The key is encrypted with a passphrase; it must be stored without one");
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (!key)
		return error_set(err, ERR_KEY, "The PEM text holds no readable private key");
	bool rsa = EVP_PKEY_is_a(key, "RSA"), ok = rsa || (EVP_PKEY_is_a(key, "EC") && is_p384(key));
	if (!ok)
		error_set(err, ERR_KEY, "The key is neither RSA nor EC on the curve P-384");
	if (ok && rsa && (EVP_PKEY_get_bits(key) < RSA_LEAST_BITS || EVP_PKEY_get_bits(key) > RSA_MOST_BITS))
		ok = error_set(err, ERR_KEY, "The RSA key has %d bits; %d to %d are accepted", EVP_PKEY_get_bits(key),
			       RSA_LEAST_BITS, RSA_MOST_BITS);
	if (ok) {
		struct json_writer w = json_writer(out);
		json_object_begin(&w);
		json_put_member(&w, S("kty"), rsa ? S("RSA") : S("EC"));
		if (!rsa)
			json_put_member(&w, S("crv"), S("P-384"));
		ok = put_numbers(&w, key, rsa) && buf_ok(out);
		json_object_end(&w);
		if (!ok)
			error_set(err, ERR_KEY, "The private key is incomplete");
	}
	EVP_PKEY_free(key);
	return ok;
}
