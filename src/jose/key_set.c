/* JWKS documents (RFC 7517 section 5): what a client publishes so that we can check its signatures. */
#include <stdlib.h>

#include "jose/jose_priv.h"

void jose_key_set_free(struct jose_key_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		key_clear(&set->keys[i]);
	free(set);
}

/* Keys that are not for us, or too weak, are passed over; *first keeps the reason for when nothing remains. */
static bool add_key(struct jose_key_set *set, const struct json *jwk, unsigned algorithms, struct error *first,
		    struct error *err)
{
	struct error why = {0};
	bool skip = false;
	if (key_read(jwk, false, algorithms, &set->keys[set->count], &skip, &why)) {
		set->count++;
		return true;
	}
	error_set(first, why.code, "%s", why.text);
	return skip || error_set(err, why.code, "%s", why.text);
}

struct jose_key_set *jose_key_set_parse(const struct json *jwks, struct error *err)
{
	return jose_key_set_parse_for(jwks, JOSE_SMART, err);
}

struct jose_key_set *jose_key_set_parse_identity(const struct json *jwks, struct error *err)
{
	return jose_key_set_parse_for(jwks, JOSE_OPENID, err);
}

struct jose_key_set *jose_key_set_parse_for(const struct json *jwks, unsigned algorithms, struct error *err)
{
	const struct json *keys = json_get(jwks, S("keys"));
	if (!json_is(keys, JSON_ARRAY)) {
		error_set(err, ERR_KEY, "A key set needs an array named keys");
		return NULL;
	}
	if (json_size(keys) > KEYS_MAX) {
		error_set(err, ERR_KEY, "The key set has more than %d keys", KEYS_MAX);
		return NULL;
	}
	struct jose_key_set *set = calloc(1, sizeof(*set) + json_size(keys) * sizeof(set->keys[0]));
	if (!set) {
		error_memory(err);
		return NULL;
	}
	struct error first = {0};
	bool ok = true;
	for (struct json_iter it = json_iter(keys); ok && json_next(&it);)
		ok = add_key(set, it.value, algorithms, &first, err);
	if (ok && !set->count)
		ok = error_set(err, ERR_KEY, "The key set has no usable key%s%s%s",
			       algorithms == JOSE_SMART ? " for RS384 or ES384" : "", first.text[0] ? ": " : "",
			       first.text);
	if (!ok) {
		jose_key_set_free(set);
		return NULL;
	}
	return set;
}

bool jose_key_set_has(const struct jose_key_set *set, struct str kid)
{
	for (size_t i = 0; i < set->count; i++)
		if (str_eq(jose_key_id(&set->keys[i]), kid))
			return true;
	return false;
}
