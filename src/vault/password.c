/* Passwords: argon2id in its usual text form, so that the cost travels with each hash and can rise. See vault.h. */
#include <stdio.h>

#include "base/random.h"
#include "vault/vault_priv.h"

#define OPS    3
#define MEMORY ((size_t)64 << 20)

/* What a hash may cost that somebody else made, in a configuration say. */
enum { MOST_KIB = 1 << 20, MOST_PASSES = 16, LEAST_KIB = 8 };

void vault_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

bool vault_equal(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || sodium_memcmp(a.p, b.p, a.n) == 0);
}

bool vault_password_hash(struct str password, char ret_hash[VAULT_HASH_SIZE], struct error *err)
{
	char text[crypto_pwhash_STRBYTES];
	_Static_assert(crypto_pwhash_STRBYTES <= VAULT_HASH_SIZE, "the hash's text fits");
	if (!password.n || password.n > VAULT_PASSWORD_MAX)
		return error_set(err, ERR_VALUE, "A password has 1 to %d bytes", VAULT_PASSWORD_MAX);
	if (!vault_ready(err))
		return false;
	if (crypto_pwhash_str_alg(text, password.p, password.n, OPS, MEMORY, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return error_memory(err);
	memcpy(ret_hash, text, sizeof(text));
	return true;
}

/* The number behind "m=" or "t=", which ends at end. */
static bool cost_of(struct str *rest, const char *name, char end, uint64_t most)
{
	struct str text = str_split(rest, end);
	uint64_t value;
	size_t n = strlen(name);
	return rest->p && str_starts(text, str_from(name)) && str_to_u64(str_slice(text, n, text.n), &value) &&
	       value >= 1 && value <= most;
}

bool vault_hash_is_valid(struct str hash)
{
	const struct str form = S("$argon2id$v=19$");
	if (hash.n >= crypto_pwhash_STRBYTES || !str_starts(hash, form) || memchr(hash.p, 0, hash.n))
		return false;
	struct str rest = str_slice(hash, form.n, hash.n);
	uint64_t kib = 0;
	struct str memory = str_slice(rest, 2, str_find_char(rest, ',', 0));
	if (!str_to_u64(memory, &kib) || kib < LEAST_KIB)
		return false;
	if (!cost_of(&rest, "m=", ',', MOST_KIB) || !cost_of(&rest, "t=", ',', MOST_PASSES) ||
	    !cost_of(&rest, "p=", '$', 1))
		return false;
	struct str salt = str_split(&rest, '$');
	return salt.n >= 11 && rest.p && rest.n >= 22 && str_find_char(rest, '$', 0) == STR_NONE;
}

enum vault_match vault_password_check(struct str password, struct str hash)
{
	char text[crypto_pwhash_STRBYTES] = {0};
	if (!vault_ready(NULL) || !vault_hash_is_valid(hash) || password.n > VAULT_PASSWORD_MAX)
		return VAULT_WRONG;
	memcpy(text, hash.p, hash.n);
	if (crypto_pwhash_str_verify(text, password.p ? password.p : "", password.n) != 0)
		return VAULT_WRONG;
	return crypto_pwhash_str_needs_rehash(text, OPS, MEMORY) ? VAULT_RIGHT_OLD : VAULT_RIGHT;
}

void vault_hash_nobody(char ret_hash[VAULT_HASH_SIZE])
{
	/* Base64 of 16 and of 32 bytes; the last letter of each carries unused bits, which must be zero. */
	enum { SALT = 22, HASH = 43 };
	unsigned char random[SALT + HASH];
	char text[SALT + HASH];
	random_bytes(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		text[i] = (char)('A' + random[i] % 26);
	text[SALT - 1] = text[SALT + HASH - 1] = 'A';
	snprintf(ret_hash, VAULT_HASH_SIZE, "$argon2id$v=19$m=%zu,t=%d,p=1$%.*s$%.*s", MEMORY / 1024, OPS, SALT, text,
		 HASH, text + SALT);
}
