/* Shared by the files of the jose room. */
#ifndef FIRTH_JOSE_JOSE_PRIV_H
#define FIRTH_JOSE_JOSE_PRIV_H

#include <cjose/cjose.h>

#include "jose/jose.h"

enum {
	TOKEN_MAX = 16 * 1024, /* a compact JWT: several times what assertions need */
	KEY_TEXT_MAX = 64 * 1024,
	KEY_ID_MAX = 256,
	KEYS_MAX = 64, /* of a set */
	RSA_LEAST_BITS = 2048,
	RSA_MOST_BITS = 8192, /* larger ones only cost time */
};

struct jose_key {
	cjose_jwk_t *jwk;
	enum jose_algorithm algorithm;
	enum jose_algorithm other; /* good for this one as well; JOSE_NONE: for none */
	bool private;
	bool named; /* the JWK had a kid; otherwise it is the thumbprint */
	size_t id_size;
	char id[KEY_ID_MAX];
};

struct jose_key_set {
	bool identity; /* of id_tokens: more algorithms */
	size_t count;
	struct jose_key keys[];
};

/* What a JWK is read for. */
enum key_use { KEY_TO_SIGN, KEY_OF_CLIENT, KEY_OF_IDENTITY };
/* Reads a JWK of a kind that we use into *ret_key. ERR_KEY; *ret_skip when a set may hold such a key beside ours. */
bool key_read(const struct json *jwk, enum key_use use, struct jose_key *ret_key, bool *ret_skip,
	      struct error *err) MUST_USE;
void key_clear(struct jose_key *key);
/* The text of a PEM private key as JWK (RFC 7518 section 6); key_pem.c. */
bool key_pem_to_jwk(struct str pem, struct buf *out, struct error *err) MUST_USE;

#endif
