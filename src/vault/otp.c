/* One-time codes: HOTP (RFC 4226) over the time (RFC 6238). See vault.h. */
#include "base/encode.h"
#include "base/sha1.h"
#include "vault/vault_priv.h"

enum { SHA1_BLOCK = 64, WINDOW = 1 };

/* RFC 2104; messages here are eight bytes. */
static void hmac_sha1(struct str key, const unsigned char message[8], unsigned char ret_mac[SHA1_SIZE])
{
	unsigned char block[SHA1_BLOCK] = {0}, inner[SHA1_BLOCK + 8], outer[SHA1_BLOCK + SHA1_SIZE];
	if (key.n > SHA1_BLOCK)
		sha1(key, block);
	else if (key.n)
		memcpy(block, key.p, key.n);
	for (size_t i = 0; i < SHA1_BLOCK; i++) {
		inner[i] = block[i] ^ 0x36;
		outer[i] = block[i] ^ 0x5c;
	}
	memcpy(inner + SHA1_BLOCK, message, 8);
	sha1(str_make((const char *)inner, sizeof(inner)), outer + SHA1_BLOCK);
	sha1(str_make((const char *)outer, sizeof(outer)), ret_mac);
	sodium_memzero(block, sizeof(block));
	sodium_memzero(inner, sizeof(inner));
	sodium_memzero(outer, sizeof(outer));
}

uint32_t vault_hotp(struct str secret, uint64_t counter, unsigned digits)
{
	unsigned char message[8], mac[SHA1_SIZE];
	for (size_t i = 0; i < 8; i++)
		message[i] = (unsigned char)(counter >> (56 - 8 * i));
	hmac_sha1(secret, message, mac);
	const unsigned char *p = mac + (mac[SHA1_SIZE - 1] & 15);
	uint32_t value = (uint32_t)(p[0] & 0x7f) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	uint32_t modulus = 1;
	for (unsigned i = 0; i < digits && i < 9; i++)
		modulus *= 10;
	return value % modulus;
}

bool vault_otp_check(struct str secret, struct str code, int64_t now_ms, int64_t last_step, int64_t *ret_step)
{
	int64_t now = now_ms / 1000 / VAULT_OTP_STEP_S, found = -1;
	uint64_t given;
	if (code.n != VAULT_OTP_DIGITS || !str_to_u64(code, &given) || now < WINDOW)
		return false;
	/* All of the window is always calculated: time tells nothing. */
	for (int64_t step = now - WINDOW; step <= now + WINDOW; step++) {
		bool same = vault_hotp(secret, (uint64_t)step, VAULT_OTP_DIGITS) == given;
		found = same && step > last_step && found < 0 ? step : found;
	}
	if (found < 0)
		return false;
	*ret_step = found;
	return true;
}

void vault_base32(struct buf *out, struct str bytes)
{
	uint64_t bits = 0;
	unsigned have = 0;
	for (size_t i = 0; i < bytes.n; i++) {
		bits = bits << 8 | (unsigned char)bytes.p[i];
		for (have += 8; have >= 5; have -= 5)
			buf_char(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[bits >> (have - 5) & 31]);
	}
	if (have)
		buf_char(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[bits << (5 - have) & 31]);
}

void vault_otp_uri(struct buf *out, struct str issuer, struct str user, struct str secret)
{
	buf_add(out, S("otpauth://totp/"));
	encode_percent(out, issuer);
	buf_char(out, ':');
	encode_percent(out, user);
	buf_add(out, S("?secret="));
	vault_base32(out, secret);
	buf_add(out, S("&issuer="));
	encode_percent(out, issuer);
	buf_printf(out, "&algorithm=SHA1&digits=%d&period=%d", VAULT_OTP_DIGITS, VAULT_OTP_STEP_S);
}
