/* Kinds of keys and the algorithms that each is for (RFC 7518 sections 3.1 and 6). */
#include "jose/jose_priv.h"

#define BITS(a, b, c) (JOSE_BIT(a) | JOSE_BIT(b) | JOSE_BIT(c))

static const struct key_kind kinds[] = {
	{"RSA", NULL, NULL, 0, BITS(JOSE_RS256, JOSE_RS384, JOSE_RS512) | BITS(JOSE_PS256, JOSE_PS384, JOSE_PS512)},
	{"EC", "P-256", "prime256v1", 32, JOSE_BIT(JOSE_ES256)},
	{"EC", "P-384", "secp384r1", 48, JOSE_BIT(JOSE_ES384)},
	{"EC", "P-521", "secp521r1", 66, JOSE_BIT(JOSE_ES512)},
};

static const struct {
	const char *name;
	const EVP_MD *(*digest)(void);
	bool pss;
} algorithms[JOSE_ALGORITHMS] = {
	[JOSE_NONE] = {"none", NULL, false},	     [JOSE_RS256] = {"RS256", EVP_sha256, false},
	[JOSE_RS384] = {"RS384", EVP_sha384, false}, [JOSE_RS512] = {"RS512", EVP_sha512, false},
	[JOSE_PS256] = {"PS256", EVP_sha256, true},  [JOSE_PS384] = {"PS384", EVP_sha384, true},
	[JOSE_PS512] = {"PS512", EVP_sha512, true},  [JOSE_ES256] = {"ES256", EVP_sha256, false},
	[JOSE_ES384] = {"ES384", EVP_sha384, false}, [JOSE_ES512] = {"ES512", EVP_sha512, false},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

const char *jose_algorithm_name(enum jose_algorithm algorithm)
{
	return algorithms[algorithm].name;
}

enum jose_algorithm jose_algorithm_find(struct str name)
{
	for (int i = JOSE_NONE + 1; i < JOSE_ALGORITHMS; i++)
		if (str_is(name, algorithms[i].name))
			return (enum jose_algorithm)i;
	return JOSE_NONE;
}

const EVP_MD *algorithm_digest(enum jose_algorithm algorithm, bool *ret_pss)
{
	*ret_pss = algorithms[algorithm].pss;
	return algorithms[algorithm].digest ? algorithms[algorithm].digest() : NULL;
}

const struct key_kind *kind_find(struct str kty, struct str curve)
{
	for (size_t i = 0; i < KINDS; i++)
		if (str_is(kty, kinds[i].kty) && (!kinds[i].curve || str_is(curve, kinds[i].curve)))
			return &kinds[i];
	return NULL;
}

const struct key_kind *kind_for(enum jose_algorithm algorithm)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].algorithms & JOSE_BIT(algorithm))
			return &kinds[i];
	return NULL;
}

const struct key_kind *kind_of(const EVP_PKEY *pkey)
{
	char group[64];
	size_t n = 0;
	if (EVP_PKEY_is_a(pkey, "RSA"))
		return &kinds[0];
	if (!EVP_PKEY_is_a(pkey, "EC") || !EVP_PKEY_get_group_name(pkey, group, sizeof(group), &n))
		return NULL;
	for (size_t i = 1; i < KINDS; i++)
		if (str_is(str_make(group, n), kinds[i].group) || str_is(str_make(group, n), kinds[i].curve))
			return &kinds[i];
	return NULL;
}
