/*
 * The server's own keys, which sign id_tokens: pairs on the shelf "key" under numbered names, so that of several
 * processes that make one at the same moment one wins. Rotation adds a pair; it is published at once, signs ten minutes
 * later, when those that keep the key set have seen it, and the one before is published for another day. What is
 * published is what may be verified with, nothing else.
 */
#include <stdlib.h>

#include "server/smart/smart_priv.h"
#include "vault/vault.h"

#define SHELF S("key")

enum {
	ALGORITHMS = 3,
	USUAL = 0, /* of them */
	MOST_KEYS = 32,
	HEAD_START_MS = 10 * 60 * 1000,
	AFTERLIFE_MS = 24 * 3600 * 1000,
	KEY_MEMORY = 4 << 20
};

/* RS256 is what every OpenID client can check (OpenID Connect Core section 15.1), and so the usual one. */
static const enum jose_algorithm kinds[ALGORITHMS] = {JOSE_RS256, JOSE_RS384, JOSE_ES384};
static const char *const prefixes[ALGORITHMS] = {"r2-", "r3-", "e3-"};

struct own_key {
	struct jose_key *pair;
	size_t kind;
	uint64_t number;
	int64_t signs_ms; /* from then on; of the first one 0 */
	int64_t made_ms;
};

struct signing {
	pthread_mutex_t lock; /* over everything but stale */
	struct own_key keys[MOST_KEYS];
	size_t count;
	_Atomic bool stale;
};

struct signing *signing_open(struct error *err)
{
	struct signing *g = calloc(1, sizeof(*g));
	if (!g) {
		error_memory(err);
		return NULL;
	}
	pthread_mutex_init(&g->lock, NULL);
	atomic_init(&g->stale, true);
	return g;
}

static void drop_keys(struct signing *g)
{
	for (size_t i = 0; i < g->count; i++)
		jose_key_free(g->keys[i].pair);
	g->count = 0;
}

void signing_close(struct signing *g)
{
	if (!g)
		return;
	drop_keys(g);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void signing_forget(struct signing *g)
{
	atomic_store(&g->stale, true);
}

/* ---- the shelf ----------------------------------------------------------------------------------------------------
 */

static bool name_read(struct str name, size_t *ret_kind, uint64_t *ret_number)
{
	for (*ret_kind = 0; *ret_kind < ALGORITHMS; ++*ret_kind)
		if (str_starts(name, str_from(prefixes[*ret_kind])))
			return str_to_u64(str_slice(name, 3, name.n), ret_number);
	return false;
}

/* {"signs":ms,"key":"JWK or sealed"} */
static bool read_key(struct smart *s, struct arena *a, const struct store_fact *fact, struct own_key *ret_key,
		     struct error *err)
{
	const struct json *j = json_parse(a, fact->value, 0, err);
	struct str text = json_get_str(j, S("key"));
	struct own_key key = {0};
	if (!j || !name_read(fact->key, &key.kind, &key.number))
		return error_set(err, ERR_KEY, "A key of this server cannot be read");
	if (vault_is_sealed(text)) {
		if (!s->options.vault)
			return error_set(err, ERR_KEY,
					 "The keys of this server are sealed, and no sealing key is configured");
		if (!vault_unseal(s->options.vault, a, fact->key, text, &text, err))
			return error_context(err, "a key of this server");
	}
	(void)!str_to_i64(json_number(json_get(j, S("signs"))), &key.signs_ms);
	(void)!str_to_i64(json_number(json_get(j, S("made"))), &key.made_ms);
	key.pair = jose_key_parse_for(text, JOSE_OPENID, err);
	if (!key.pair)
		return error_context(err, "a key of this server");
	*ret_key = key;
	return true;
}

static bool make_key(struct smart *s, struct arena *a, size_t kind, uint64_t number, int64_t signs_ms,
		     struct error *err)
{
	struct str name = arena_printf(a, "%s%06llu", prefixes[kind], (unsigned long long)number), text;
	struct jose_key *pair = jose_key_new(kinds[kind], err);
	struct buf jwk, stored;
	struct error why = {0};
	buf_init(&jwk, MAX_FACT);
	buf_init(&stored, MAX_FACT);
	bool ok = pair && jose_key_write_private(pair, &jwk, err) && (name.p || error_memory(err));
	text = buf_str(&jwk);
	ok = ok && (!s->options.vault || vault_seal(s->options.vault, a, name, buf_str(&jwk), &text, err));
	if (ok) {
		struct json_writer w = json_writer(&stored);
		json_object_begin(&w);
		json_key(&w, S("signs"));
		json_put_i64(&w, signs_ms);
		json_put_member(&w, S("kid"), jose_key_id(pair));
		json_key(&w, S("made"));
		json_put_i64(&w, smart_now(s));
		json_put_member(&w, S("key"), text);
		json_object_end(&w);
		const struct store_fact fact = {
			.shelf = SHELF, .key = name, .value = buf_str(&stored), .only_new = true};
		ok = store_fact_put(s->options.store, &fact, &why) || why.code == ERR_CONFLICT ||
		     error_set(err, why.code, "%s", why.text);
	}
	jose_key_free(pair);
	if (jwk.p)
		vault_wipe(jwk.p, jwk.n);
	if (stored.p)
		vault_wipe(stored.p, stored.n);
	buf_done(&jwk);
	buf_done(&stored);
	return ok;
}

/* Under the lock. */
static bool load(struct smart *s, struct error *err)
{
	struct signing *g = s->signing;
	struct store_fact *facts;
	struct arena a;
	size_t count;
	if (!atomic_exchange(&g->stale, false))
		return true;
	arena_init(&a, KEY_MEMORY);
	bool ok = store_fact_list(s->options.store, &a, SHELF, STR_NULL, MOST_KEYS, &facts, &count, err);
	if (ok)
		drop_keys(g);
	for (size_t i = 0; ok && i < count; i++) {
		ok = read_key(s, &a, &facts[i], &g->keys[g->count], err);
		g->count += ok;
	}
	if (!ok)
		atomic_store(&g->stale, true);
	arena_done(&a);
	return ok;
}

/* The newest of the kind whose time to sign has come, or when none has, the first. */
static const struct own_key *signer(const struct signing *g, size_t kind, int64_t now_ms)
{
	const struct own_key *best = NULL;
	for (size_t i = 0; i < g->count; i++) {
		const struct own_key *k = &g->keys[i];
		if (k->kind == kind && (!best || (k->signs_ms <= now_ms && k->number > best->number)))
			best = k;
	}
	return best;
}

/* Under the lock: loads, and makes the first pair of the kind where there is none. Pairs are made when one is needed,
 * as making one of RSA takes a while. */
static bool have(struct smart *s, struct arena *a, size_t kind, struct error *err)
{
	if (!load(s, err))
		return false;
	if (signer(s->signing, kind, smart_now(s)))
		return true;
	if (!make_key(s, a, kind, 1, 0, err))
		return false;
	signing_forget(s->signing);
	return load(s, err);
}

/* ---- using them ---------------------------------------------------------------------------------------------------
 */

bool signing_sign(struct smart *s, struct arena *a, enum jose_algorithm algorithm, struct str claims,
		  struct str *ret_token, struct error *err)
{
	struct signing *g = s->signing;
	size_t kind = USUAL;
	struct buf token;
	for (size_t i = 0; i < ALGORITHMS; i++)
		kind = kinds[i] == algorithm ? i : kind;
	buf_init(&token, MAX_FACT);
	pthread_mutex_lock(&g->lock);
	bool ok = have(s, a, kind, err);
	const struct own_key *key = ok ? signer(g, kind, smart_now(s)) : NULL;
	ok = key && jose_sign(key->pair, claims, &token, err);
	pthread_mutex_unlock(&g->lock);
	*ret_token = ok ? arena_str(a, buf_str(&token)) : STR_NULL;
	buf_done(&token);
	return ok && (ret_token->p || error_memory(err));
}

/* When a newer one has been in its place for so long that nothing that it signed can still be good; 0: none is. */
static int64_t end_of(const struct signing *g, const struct own_key *key)
{
	int64_t end_ms = 0;
	for (size_t i = 0; i < g->count; i++) {
		int64_t ms = g->keys[i].signs_ms + AFTERLIFE_MS;
		if (g->keys[i].kind == key->kind && g->keys[i].number > key->number && (!end_ms || ms < end_ms))
			end_ms = ms;
	}
	return end_ms;
}

static bool is_over(const struct signing *g, const struct own_key *key, int64_t now_ms)
{
	int64_t end_ms = end_of(g, key);
	return end_ms && end_ms < now_ms;
}

bool signing_public(struct smart *s, struct arena *a, struct str *ret_jwks, struct error *err)
{
	struct signing *g = s->signing;
	struct buf out;
	size_t count = 0;
	buf_init(&out, MAX_FACT);
	buf_add(&out, S("{\"keys\":["));
	/* Another process may have signed with a new pair a moment ago. */
	signing_forget(g);
	pthread_mutex_lock(&g->lock);
	bool ok = have(s, a, USUAL, err);
	for (size_t i = 0; ok && i < g->count; i++) {
		if (is_over(g, &g->keys[i], smart_now(s)))
			continue;
		buf_add(&out, count++ ? S(",") : S(""));
		ok = jose_key_write_public(g->keys[i].pair, &out, err);
	}
	pthread_mutex_unlock(&g->lock);
	buf_add(&out, S("]}"));
	*ret_jwks = ok && buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return ok && (ret_jwks->p || error_memory(err));
}

/* ---- for the operator ----------------------------------------------------------------------------------------------
 */

bool smart_keys_rotate(struct smart *s, struct arena *a, struct error *err)
{
	struct signing *g = s->signing;
	uint64_t last[ALGORITHMS] = {0};
	pthread_mutex_lock(&g->lock);
	bool ok = have(s, a, USUAL, err);
	for (size_t i = 0; ok && i < g->count; i++)
		if (g->keys[i].number > last[g->keys[i].kind])
			last[g->keys[i].kind] = g->keys[i].number;
	if (ok && g->count + ALGORITHMS > MOST_KEYS)
		ok = error_set(err, ERR_LIMIT, "There are %zu keys already; remove those that are over first",
			       g->count);
	for (size_t kind = 0; ok && kind < ALGORITHMS; kind++)
		ok = !last[kind] || make_key(s, a, kind, last[kind] + 1, smart_now(s) + HEAD_START_MS, err);
	for (size_t i = 0; ok && i < g->count; i++) {
		const struct own_key *k = &g->keys[i];
		const struct store_fact gone = {
			.shelf = SHELF,
			.key = arena_printf(a, "%s%06llu", prefixes[k->kind], (unsigned long long)k->number)};
		if (is_over(g, k, smart_now(s)))
			ok = store_fact_put(s->options.store, &gone, err);
	}
	pthread_mutex_unlock(&g->lock);
	signing_forget(g);
	return ok;
}

bool smart_keys_list(struct smart *s, struct arena *a, struct smart_key **ret_keys, size_t *ret_count,
		     struct error *err)
{
	struct signing *g = s->signing;
	struct smart_key *keys = ARENA_ARRAY(a, struct smart_key, MOST_KEYS);
	pthread_mutex_lock(&g->lock);
	bool ok = (keys || error_memory(err)) && load(s, err);
	*ret_count = 0;
	for (size_t i = 0; ok && i < g->count; i++) {
		const struct own_key *k = &g->keys[i];
		int64_t now = smart_now(s);
		keys[(*ret_count)++] = (struct smart_key){.kid = arena_str(a, jose_key_id(k->pair)),
							  .algorithm = jose_algorithm_name(kinds[k->kind]),
							  .signs_ms = k->signs_ms,
							  .made_ms = k->made_ms,
							  .signing = signer(g, k->kind, now) == k,
							  .published = !is_over(g, k, now),
							  .until_ms = end_of(g, k)};
	}
	pthread_mutex_unlock(&g->lock);
	*ret_keys = keys;
	return ok;
}
