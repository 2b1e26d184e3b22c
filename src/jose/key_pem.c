/*
 * Private keys as people have them in files: PEM with PKCS#8, PKCS#1 (RSA) or SEC1 (EC), unencrypted. They are turned
 * into a JWK (RFC 7518 sections 6.2 and 6.3), so that one way in checks all keys.
 */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "jose/jose_priv.h"

/* We never ask a person for a passphrase: an encrypted key is refused instead. */
static int no_passphrase(char *text, int size, int writing, void *ctx)
{
	(void)text, (void)size, (void)writing, (void)ctx;
	return -1;
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
	const struct key_kind *kind = kind_of(key);
	bool rsa = kind && !kind->curve, ok = rsa || (kind && kind->algorithms == JOSE_BIT(JOSE_ES384));
	if (!ok)
		error_set(err, ERR_KEY, "The key is neither RSA nor EC on the curve P-384");
	if (ok && rsa && (EVP_PKEY_get_bits(key) < RSA_LEAST_BITS || EVP_PKEY_get_bits(key) > RSA_MOST_BITS))
		ok = error_set(err, ERR_KEY, "The RSA key has %d bits; %d to %d are accepted", EVP_PKEY_get_bits(key),
			       RSA_LEAST_BITS, RSA_MOST_BITS);
	if (ok) {
		struct json_writer w = json_writer(out);
		json_object_begin(&w);
		ok = key_put_numbers(&w, key, kind, true) && buf_ok(out);
		json_object_end(&w);
		if (!ok)
			error_set(err, ERR_KEY, "The private key is incomplete");
	}
	EVP_PKEY_free(key);
	return ok;
}
