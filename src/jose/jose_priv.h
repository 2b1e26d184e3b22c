/* Keys as the files of this room see them. */
#ifndef FIRTH_JOSE_JOSE_PRIV_H
#define FIRTH_JOSE_JOSE_PRIV_H

#include <cjose/cjose.h>

#include "jose/jose.h"

enum { MAX_SET_KEYS = 64, MAX_JWT = 16 * 1024 };

struct jose_key {
	cjose_jwk_t *jwk;
	enum jose_algorithm algorithm;
	struct buf kid;
};

struct jose_key_set {
	struct jose_key *keys[MAX_SET_KEYS];
	size_t count;
};

#endif
