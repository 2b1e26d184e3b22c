/*
 * Signatures over bytes (RFC 7518 sections 3.3 to 3.5), by OpenSSL. Those of elliptic curves are two numbers of full
 * size, one after the other; OpenSSL wants them as ASN.1, which is made and read here and never taken from outside.
 */
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "jose/jose_priv.h"

enum { DER_MAX = 2 * (COORDINATE_MAX + 3) + 8 };

static bool set_padding(EVP_PKEY_CTX *ctx, const struct jose_key *key, bool pss)
{
	if (key->kind->curve)
		return true;
	if (!pss)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

/* From ASN.1 to two numbers of full size. */
static bool numbers_of(const unsigned char *der, size_t n, size_t size, unsigned char *out)
{
	const unsigned char *p = der;
	ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &p, (long)n);
	bool ok = both && BN_bn2binpad(ECDSA_SIG_get0_r(both), out, (int)size) == (int)size &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(both), out + size, (int)size) == (int)size;
	ECDSA_SIG_free(both);
	return ok;
}

/* And back; 0 when that cannot be. */
static size_t der_of(struct str signature, size_t size, unsigned char der[DER_MAX])
{
	const unsigned char *p = (const unsigned char *)signature.p;
	ECDSA_SIG *both = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(p, (int)size, NULL), *s = BN_bin2bn(p + size, (int)size, NULL);
	unsigned char *at = der;
	int n = 0;
	if (both && r && s && ECDSA_SIG_set0(both, r, s)) {
		r = s = NULL; /* they belong to both now */
		n = i2d_ECDSA_SIG(both, NULL);
		n = n > 0 && n <= DER_MAX ? i2d_ECDSA_SIG(both, &at) : 0;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(both);
	return n > 0 ? (size_t)n : 0;
}

bool signature_make(const struct jose_key *key, struct str bytes, unsigned char *signature, size_t *ret_size)
{
	unsigned char raw[SIGNATURE_MAX + DER_MAX];
	size_t n = sizeof(raw);
	EVP_PKEY_CTX *pctx = NULL;
	bool pss;
	const EVP_MD *md = algorithm_digest(jose_key_algorithm(key), &pss);
	EVP_MD_CTX *ctx = md ? EVP_MD_CTX_new() : NULL;
	bool ok = ctx && EVP_DigestSignInit(ctx, &pctx, md, NULL, key->pkey) > 0 && set_padding(pctx, key, pss) &&
		  EVP_DigestSign(ctx, raw, &n, (const unsigned char *)bytes.p, bytes.n) > 0;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (ok && key->kind->curve) {
		*ret_size = 2 * key->kind->size;
		return numbers_of(raw, n, key->kind->size, signature);
	}
	ok = ok && n <= SIGNATURE_MAX;
	if (ok)
		memcpy(signature, raw, n);
	*ret_size = n;
	return ok;
}

bool signature_check(const struct jose_key *key, enum jose_algorithm algorithm, struct str bytes, struct str signature)
{
	unsigned char der[DER_MAX];
	EVP_PKEY_CTX *pctx = NULL;
	bool pss;
	const EVP_MD *md = algorithm_digest(algorithm, &pss);
	size_t expected = key->kind->curve ? 2 * key->kind->size : ((size_t)EVP_PKEY_get_bits(key->pkey) + 7) / 8;
	if (!md || !(key->algorithms & JOSE_BIT(algorithm)) || signature.n != expected)
		return false;
	const unsigned char *p = (const unsigned char *)signature.p;
	size_t n = signature.n;
	if (key->kind->curve) {
		p = der;
		n = der_of(signature, key->kind->size, der);
	}
	EVP_MD_CTX *ctx = n ? EVP_MD_CTX_new() : NULL;
	bool ok = ctx && EVP_DigestVerifyInit(ctx, &pctx, md, NULL, key->pkey) > 0 && set_padding(pctx, key, pss) &&
		  EVP_DigestVerify(ctx, p, n, (const unsigned char *)(bytes.p ? bytes.p : ""), bytes.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}
