/* Shared by the files of the jose room. */
#ifndef FIRTH_JOSE_JOSE_PRIV_H
#define FIRTH_JOSE_JOSE_PRIV_H

#include <openssl/evp.h>

#include "jose/jose.h"

enum {
	TOKEN_MAX = 16 * 1024, /* a compact JWT: several times what assertions need */
	KEY_TEXT_MAX = 64 * 1024,
	KEY_ID_MAX = 256,
	KEYS_MAX = 64, /* of a set */
	RSA_LEAST_BITS = 2048,
	RSA_MOST_BITS = 8192, /* larger ones only cost time */
	SIGNATURE_MAX = RSA_MOST_BITS / 8,
	COORDINATE_MAX = 66, /* of P-521 */
};

/* What a key is, which decides what it may be used for. */
struct key_kind {
	const char *kty, *curve; /* curve NULL: RSA */
	const char *group; /* OpenSSL's name of the curve */
	size_t size; /* bytes of a coordinate */
	unsigned algorithms;
};

struct jose_key {
	EVP_PKEY *pkey;
	const struct key_kind *kind;
	unsigned algorithms; /* that it may be used with here */
	bool private;
	size_t id_size;
	char id[KEY_ID_MAX];
};

struct jose_key_set {
	size_t count;
	struct jose_key keys[];
};

/* ---- kinds.c -------------------------------------------------------------------------------------------------------
 */

const struct key_kind *kind_find(struct str kty, struct str curve);
const struct key_kind *kind_for(enum jose_algorithm algorithm);
/* Of a key that OpenSSL has read; NULL when it is none of ours. */
const struct key_kind *kind_of(const EVP_PKEY *pkey);
/* The digest of an algorithm, and whether it is RSA-PSS. */
const EVP_MD *algorithm_digest(enum jose_algorithm algorithm, bool *ret_pss);

/* ---- key.c, key_write.c, key_pem.c
 * ----------------------------------------------------------------------------------- */

/* Reads a JWK into *ret_key, for the algorithms. ERR_KEY; *ret_skip when a set may hold such a key beside ours. */
bool key_read(const struct json *jwk, bool want_private, unsigned algorithms, struct jose_key *ret_key, bool *ret_skip,
	      struct error *err) MUST_USE;
void key_clear(struct jose_key *key);
/* Names the key by its thumbprint (RFC 7638). */
bool key_name(struct jose_key *key) MUST_USE;
/* The numbers of a key as members of a JWK, in the order that RFC 7638 section 3.2 asks for when they are public. */
bool key_put_numbers(struct json_writer *w, const EVP_PKEY *pkey, const struct key_kind *kind, bool private) MUST_USE;
/* The text of a PEM private key as JWK (RFC 7518 section 6). */
bool key_pem_to_jwk(struct str pem, struct buf *out, struct error *err) MUST_USE;
/* Can the factors be found because of how they were made (CVE-2017-15361)? */
bool key_is_roca(const EVP_PKEY *pkey);

/* ---- signature.c ----------------------------------------------------------------------------------------------------
 */

bool signature_make(const struct jose_key *key, struct str bytes, unsigned char *signature, size_t *ret_size) MUST_USE;
bool signature_check(const struct jose_key *key, enum jose_algorithm algorithm, struct str bytes, struct str signature);

#endif
