/*
 * Secrets and what proves them, over libsodium: passwords of people (argon2id), sealing of what is kept at rest, and
 * one-time codes from a phone (RFC 6238). Only this room includes sodium.h. Any thread.
 */
#ifndef FIRTH_VAULT_VAULT_H
#define FIRTH_VAULT_VAULT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* Overwrites a secret that is not needed any more, in a way that no compiler leaves out. */
void vault_wipe(void *p, size_t n);
/* Equal without telling by time where they differ. */
bool vault_equal(struct str a, struct str b);

/* ---- passwords --------------------------------------------------------------------------------------------------- */

/*
 * argon2id with 64 MiB and 3 passes (RFC 9106 section 4, the second recommended choice, with one lane): 70 ms of one
 * core of 2023 and memory that makes guessing in parallel dear. docs/login.md has the figures.
 * One check takes that memory while it runs: a caller bounds how many run at once.
 */
enum { VAULT_HASH_SIZE = 128, VAULT_PASSWORD_MAX = 1024 };
/* Makes "$argon2id$v=19$m=65536,t=3,p=1$salt$hash", zero-terminated. The password is taken byte by byte: no change of
 * case or of Unicode form. ERR_VALUE for one that is empty or longer than VAULT_PASSWORD_MAX, ERR_MEMORY. */
bool vault_password_hash(struct str password, char ret_hash[VAULT_HASH_SIZE], struct error *err) MUST_USE;

enum vault_match {
	VAULT_WRONG,
	VAULT_RIGHT,
	VAULT_RIGHT_OLD, /* right, but hashed with less than today's cost: hash again */
};
/* Is hash one that can be checked: argon2id, and not dearer than this machine should bear (1 GiB, 16 passes)? */
bool vault_hash_is_valid(struct str hash);
/* Against a hash that is none the answer is VAULT_WRONG. */
enum vault_match vault_password_check(struct str password, struct str hash);
/* A hash of today's cost that no password has: checking it takes as long as checking anybody's. */
void vault_hash_nobody(char ret_hash[VAULT_HASH_SIZE]);

/* ---- sealing ----------------------------------------------------------------------------------------------------- */

/*
 * XSalsa20-Poly1305 (libsodium's secretbox) with keys of a file: base64url, one key of 32 bytes a line, '#' begins a
 * comment. The first seals, all of them open, so a key is rotated by writing a new one on top and dropping the old one
 * once nothing is sealed with it. A vault that meets a key it does not know reads the file again, so that what another
 * process sealed with a new key opens here. What is sealed for one purpose does not open for another ("totp/anna"), so
 * sealed values cannot be swapped in the store.
 */
enum { VAULT_KEY_ID_SIZE = 8, VAULT_MAX_KEYS = 32, VAULT_SEAL_MAX = 1 << 20 };

struct vault;
/* Reads the keys. A file that is not there is made with one new key and mode 0600 (its directory must be there), and
 * two processes that do so at once end up with the same key. ERR_CONFIG for one that others can read or write, or that
 * holds no key; ERR_IO. */
struct vault *vault_open(struct str path, struct error *err) MUST_USE;
void vault_close(struct vault *v);
/* The id of the key that seals: 8 hexadecimal digits made from the key, which they do not give away. */
struct vault_id {
	char text[VAULT_KEY_ID_SIZE];
};
struct vault_id vault_key_id(const struct vault *v);
size_t vault_key_count(const struct vault *v);
/* Reads the file again: what is sealed from now on is sealed with its first key. */
bool vault_reload(const struct vault *v, struct error *err) MUST_USE;
/* Leaves only the first key in the file: what is still sealed with another is lost. */
bool vault_drop_old(struct str path, size_t *ret_dropped, struct error *err) MUST_USE;
/* Writes a new key on top of the file, for vaults opened or reloaded from then on. ret_id is that of the new key. */
bool vault_rotate(struct str path, char ret_id[VAULT_KEY_ID_SIZE], struct error *err) MUST_USE;

/* "sealed1.KEYID.base64url", in a. At most VAULT_SEAL_MAX bytes: ERR_TOO_LARGE. */
bool vault_seal(const struct vault *v, struct arena *a, struct str purpose, struct str plain, struct str *ret_sealed,
		struct error *err) MUST_USE;
/* The secret, in a, zero-terminated. ERR_KEY when no key of the file has the id, ERR_SIGNATURE when it was changed or
 * sealed for another purpose, ERR_VALUE when it is no sealed value. */
bool vault_unseal(const struct vault *v, struct arena *a, struct str purpose, struct str sealed, struct str *ret_plain,
		  struct error *err) MUST_USE;
bool vault_is_sealed(struct str text);
/* Sealed with another key than the one that seals now: seal it again. */
bool vault_is_stale(const struct vault *v, struct str sealed);

/* ---- one-time codes ---------------------------------------------------------------------------------------------- */

/* Time-based codes of six digits every 30 s over HMAC-SHA-1, which is what authenticator apps speak (RFC 6238). */
enum { VAULT_OTP_SECRET = 20, VAULT_OTP_STEP_S = 30, VAULT_OTP_DIGITS = 6 };
/* The code of a counter (RFC 4226 section 5.3), digits 6 to 8. */
uint32_t vault_hotp(struct str secret, uint64_t counter, unsigned digits);
/* Is it the code of now, or of one step before or after (RFC 6238 section 5.2)? A step is good once: those up to
 * last_step are refused, and ret_step is what to remember as last_step (the caller, atomically). -1: none was used. */
bool vault_otp_check(struct str secret, struct str code, int64_t now_ms, int64_t last_step, int64_t *ret_step);
/* What authenticator apps read: otpauth://totp/ISSUER:USER?secret=...&issuer=... */
void vault_otp_uri(struct buf *out, struct str issuer, struct str user, struct str secret);
/* The secret as people type it: base32 (RFC 4648 section 6) without padding. */
void vault_base32(struct buf *out, struct str bytes);

#endif
