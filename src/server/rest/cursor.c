/*
 * Page links that only their owner can use: the store's opaque position plus a message authentication code over who
 * asks and what was asked, under a cover. Positions hold no PHI, so the word may stand in URLs and logs.
 */
#include "base/encode.h"
#include "base/random.h"
#include "jose/jose.h"
#include "server/rest/rest_priv.h"

enum { KEY_SIZE = 32, MAC_SIZE = 16, MAX_POSITION = 1024 };

bool cursor_key_open(struct store *store, struct arena *a, struct str *ret_key, struct error *err)
{
	struct str shelf = S("rest"), name = S("cursor-key");
	if (!store_fact_get(store, a, shelf, name, ret_key, err))
		return false;
	if (ret_key->p && ret_key->n == KEY_SIZE)
		return true;
	char fresh[KEY_SIZE];
	random_bytes(fresh, sizeof(fresh));
	struct store_fact fact = {.shelf = shelf, .key = name, .value = str_make(fresh, sizeof(fresh))};
	*ret_key = arena_str(a, fact.value);
	return ret_key->p ? store_fact_put(store, &fact, err) : error_memory(err);
}

/* Each part with its length in front, so that no two different calls give the same bytes. */
static void mac(const struct rest_call *call, struct str self, struct str position, unsigned char ret_mac[32])
{
	struct str within = call->within ? call->within->name : S("");
	const struct str parts[] = {call_owner(call), call->type_name, call->id, within, call->within_id, self,
				    position};
	struct buf text;
	buf_init(&text, REST_MAX_ANSWER);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		buf_u64(&text, parts[i].n);
		buf_char(&text, ':');
		buf_add(&text, parts[i]);
	}
	digest_hmac_sha256(call->server->cursor_key, buf_str(&text), ret_mac);
	buf_done(&text);
}

/* Positions hold numbers of versions, which would tell how much is written by others. So they are sealed: the code is
 * the key's own word for this position, and what the key makes of the code covers the position (as RFC 5297 does). */
static void cover(const struct rest_call *call, const unsigned char code[MAC_SIZE], char *text, size_t n)
{
	unsigned char block[32];
	for (size_t at = 0; at < n; at++) {
		if (at % sizeof(block) == 0) {
			char seed[MAC_SIZE + 8] = "cover..";
			memcpy(seed + 8, code, MAC_SIZE);
			seed[7] = (char)(at / sizeof(block));
			digest_hmac_sha256(call->server->cursor_key, str_make(seed, sizeof(seed)), block);
		}
		text[at] = (char)((unsigned char)text[at] ^ block[at % sizeof(block)]);
	}
}

struct str rest_cursor_write(const struct rest_call *call, struct str self, struct str position)
{
	unsigned char code[32];
	char covered[MAX_POSITION];
	struct buf bytes, word;
	if (!position.p || position.n > MAX_POSITION)
		return STR_NULL;
	mac(call, self, position, code);
	memcpy(covered, position.p, position.n);
	cover(call, code, covered, position.n);
	buf_init(&bytes, MAX_POSITION + MAC_SIZE);
	buf_init(&word, 2 * (size_t)MAX_POSITION);
	buf_add(&bytes, str_make((const char *)code, MAC_SIZE));
	buf_add(&bytes, str_make(covered, position.n));
	encode_base64url(&word, buf_str(&bytes));
	struct str result = buf_ok(&word) ? arena_str(call->arena, buf_str(&word)) : STR_NULL;
	buf_done(&bytes);
	buf_done(&word);
	return result;
}

bool rest_cursor_read(const struct rest_call *call, struct str self, struct str cursor, struct str *ret_position,
		      struct error *err)
{
	unsigned char code[32], given[MAC_SIZE];
	char text[MAX_POSITION];
	size_t n = 0;
	struct buf bytes;
	buf_init(&bytes, MAX_POSITION + MAC_SIZE);
	bool ok = cursor.n <= 2 * (size_t)MAX_POSITION && decode_base64url(&bytes, cursor) && bytes.n > MAC_SIZE;
	if (ok) {
		n = bytes.n - MAC_SIZE;
		memcpy(given, bytes.p, MAC_SIZE);
		memcpy(text, bytes.p + MAC_SIZE, n);
		cover(call, given, text, n);
		mac(call, self, str_make(text, n), code);
		ok = digest_equal(code, given, MAC_SIZE);
	}
	buf_done(&bytes);
	if (!ok)
		return error_set(err, ERR_CURSOR,
				 "The page link was changed, or made for another client or search; start again");
	*ret_position = arena_str(call->arena, str_make(text, n));
	return ret_position->p || error_memory(err);
}
