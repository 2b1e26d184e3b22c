/*
 * Digests over OpenSSL's SHA-256 itself: each request with a token costs one, and the newer one-call functions look
 * the algorithm up by name every time, which takes several times as long as digesting a token. Any thread.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/encode.h"
#include "jose/jose.h"

enum { BLOCK = 64 };

void digest_sha256(struct str bytes, unsigned char ret_digest[32])
{
	SHA256_CTX state;
	SHA256_Init(&state);
	SHA256_Update(&state, bytes.p ? bytes.p : "", bytes.n);
	SHA256_Final(ret_digest, &state);
}

static struct str as_text(struct arena *a, struct str bytes, void (*encode)(struct buf *out, struct str bytes))
{
	unsigned char digest[32];
	char room[2 * sizeof(digest) + 1];
	struct buf text = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	digest_sha256(bytes, digest);
	encode(&text, str_make((const char *)digest, sizeof(digest)));
	return arena_str(a, buf_str(&text));
}

struct str digest_hex(struct arena *a, struct str bytes)
{
	return as_text(a, bytes, encode_hex);
}

struct str digest_base64url(struct arena *a, struct str bytes)
{
	return as_text(a, bytes, encode_base64url);
}

struct digest {
	SHA256_CTX state;
};

struct digest *digest_new(void)
{
	struct digest *d = malloc(sizeof(*d));
	if (d)
		SHA256_Init(&d->state);
	return d;
}

void digest_add(struct digest *d, struct str bytes)
{
	if (bytes.n)
		SHA256_Update(&d->state, bytes.p, bytes.n);
}

void digest_end(struct digest *d, unsigned char ret_digest[32])
{
	SHA256_Final(ret_digest, &d->state);
}

void digest_free(struct digest *d)
{
	free(d);
}

/* RFC 2104: H((K ^ opad) || H((K ^ ipad) || text)), where a key longer than a block is digested first. */
void digest_hmac_sha256(struct str key, struct str bytes, unsigned char ret_mac[32])
{
	unsigned char pad[BLOCK] = {0}, inner[32];
	SHA256_CTX state;
	if (key.n > BLOCK)
		digest_sha256(key, pad);
	else if (key.n)
		memcpy(pad, key.p, key.n);
	for (size_t i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36;
	SHA256_Init(&state);
	SHA256_Update(&state, pad, BLOCK);
	SHA256_Update(&state, bytes.p ? bytes.p : "", bytes.n);
	SHA256_Final(inner, &state);
	for (size_t i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	SHA256_Init(&state);
	SHA256_Update(&state, pad, BLOCK);
	SHA256_Update(&state, inner, sizeof(inner));
	SHA256_Final(ret_mac, &state);
	OPENSSL_cleanse(pad, sizeof(pad));
	OPENSSL_cleanse(&state, sizeof(state));
}

bool digest_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
