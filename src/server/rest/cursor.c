/*
 * Page links that only their owner can use: the store's opaque position plus a message authentication code over who
 * asks and what was asked. Positions hold no PHI, so the word may stand in URLs and logs.
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

struct str rest_cursor_write(const struct rest_call *call, struct str self, struct str position)
{
	unsigned char code[32];
	struct buf bytes, word;
	if (!position.p || position.n > MAX_POSITION)
		return STR_NULL;
	mac(call, self, position, code);
	buf_init(&bytes, MAX_POSITION + MAC_SIZE);
	buf_init(&word, 2 * (size_t)MAX_POSITION);
	buf_add(&bytes, position);
	buf_add(&bytes, str_make((const char *)code, MAC_SIZE));
	encode_base64url(&word, buf_str(&bytes));
	struct str result = buf_ok(&word) ? arena_str(call->arena, buf_str(&word)) : STR_NULL;
	buf_done(&bytes);
	buf_done(&word);
	return result;
}

bool rest_cursor_read(const struct rest_call *call, struct str self, struct str cursor, struct str *ret_position,
		      struct error *err)
{
	unsigned char code[32];
	struct buf bytes;
	buf_init(&bytes, MAX_POSITION + MAC_SIZE);
	bool ok = cursor.n <= 2 * (size_t)MAX_POSITION && decode_base64url(&bytes, cursor) && bytes.n > MAC_SIZE;
	struct str position = ok ? arena_str(call->arena, str_make(bytes.p, bytes.n - MAC_SIZE)) : STR_NULL;
	if (position.p) {
		mac(call, self, position, code);
		ok = digest_equal(code, bytes.p + position.n, MAC_SIZE);
	}
	buf_done(&bytes);
	if (!ok)
		return error_set(err, ERR_CURSOR,
				 "The page link was changed, or made for another client or search; start again");
	if (!position.p)
		return error_memory(err);
	*ret_position = position;
	return true;
}
