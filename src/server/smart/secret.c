/*
 * Codes, tokens and secrets of clients: 256 random bits, known to the store by their digest only, so a copy of the
 * store opens nothing. With so many bits a plain digest is as good as a slow one.
 */
#include "base/encode.h"
#include "base/random.h"
#include "server/smart/smart_priv.h"

enum { SECRET_BYTES = 32 };

struct str secret_new(struct arena *a)
{
	unsigned char bytes[SECRET_BYTES];
	struct buf text;
	buf_init(&text, MAX_TOKEN);
	do { /* one that starts with a hyphen would be an option to every command that is given it */
		random_bytes(bytes, sizeof(bytes));
		buf_reset(&text);
		encode_base64url(&text, str_make((const char *)bytes, sizeof(bytes)));
	} while (buf_ok(&text) && text.p[0] == '-');
	struct str secret = buf_ok(&text) ? arena_str(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return secret;
}

struct str secret_digest(struct arena *a, struct str secret)
{
	return digest_hex(a, secret);
}

bool secret_is(struct arena *a, struct str secret, struct str digest)
{
	struct str own = digest_hex(a, secret);
	return own.p && own.n == digest.n && digest_equal(own.p, digest.p, own.n);
}
