/*
 * Digests over OpenSSL. The one-shot functions keep no state between calls, so any thread may use them; the fetched
 * algorithms live in OpenSSL's own tables.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "jose/jose.h"

void digest_sha256(struct str bytes, unsigned char ret_digest[32])
{
	SHA256((const unsigned char *)(bytes.p ? bytes.p : ""), bytes.n, ret_digest);
}

void digest_hmac_sha256(struct str key, struct str bytes, unsigned char ret_mac[32])
{
	unsigned n = 32;
	/* Only a lack of memory can make it fail, and no caller could go on with a MAC that was not computed. */
	if (key.n > INT32_MAX || !HMAC(EVP_sha256(), key.p ? key.p : "", (int)key.n,
				       (const unsigned char *)(bytes.p ? bytes.p : ""), bytes.n, ret_mac, &n))
		abort();
}

bool digest_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
