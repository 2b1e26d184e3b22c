/* The keys that sign id_tokens, governed. Their private halves never leave the store. */
#include "app/expiry.h"
#include "app/govern.h"
#include "app/reseal.h"
#include "base/clock.h"

static bool put_keys(const struct govern *g, struct arena *a, struct json_writer *w, struct error *err)
{
	struct smart_key *keys;
	size_t count;
	if (!smart_keys_list(g->realm->smart, a, &keys, &count, err))
		return false;
	json_key(w, S("keys"));
	json_array_begin(w);
	for (size_t i = 0; i < count; i++) {
		json_object_begin(w);
		json_put_member(w, S("kid"), keys[i].kid);
		json_put_member(w, S("algorithm"), str_from(keys[i].algorithm));
		govern_put_time(w, "signs_from", keys[i].signs_ms);
		json_key(w, S("signing"));
		json_put_bool(w, keys[i].signing);
		json_key(w, S("published"));
		json_put_bool(w, keys[i].published);
		govern_put_time(w, "published_until", keys[i].until_ms);
		if (expiry_key_is_old(&keys[i], clock_now_ms())) {
			json_key(w, S("old"));
			json_put_bool(w, true);
		}
		json_object_end(w);
	}
	json_array_end(w);
	return true;
}

bool govern_key_list(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
		     struct error *err)
{
	(void)command;
	return put_keys(g, a, w, err);
}

bool govern_key_rotate(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
		       struct error *err)
{
	(void)command;
	return smart_keys_rotate(g->realm->smart, a, err) && put_keys(g, a, w, err);
}

/* The command has written a new key on top of the file, or wants to be certain that the others seal nothing. */
bool govern_key_reseal(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
		       struct error *err)
{
	size_t count;
	(void)a, (void)command;
	if (!g->realm->sealing)
		return error_set(err, ERR_CONFIG, "There is no file of sealing keys");
	if (!vault_reload(g->realm->sealing, err) || !reseal_store(g->realm->store, g->realm->sealing, &count, err))
		return false;
	json_key(w, S("resealed"));
	json_put_i64(w, (int64_t)count);
	return true;
}
