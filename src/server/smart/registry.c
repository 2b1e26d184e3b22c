/*
 * Clients in use: those of the configuration, and of the shelf those that were asked for lately. One of the shelf is
 * looked up again whenever the shelf may have changed, and a changed one replaces the old, which stays with those who
 * work with it. See clients.h for the functions that change the shelf.
 */
#include <stdlib.h>

#include "server/smart/smart_priv.h"

#define SHELF S("client")

enum {
	BUCKETS = 256,
	MOST_KEPT = 1024, /* of the shelf, in memory */
	CLIENT_MEMORY = 2 << 20,
	MOST_LISTED = 10000
};

struct registry {
	unsigned algorithms; /* of keys by value */
	pthread_mutex_t lock; /* over everything but configured */
	struct client *buckets[BUCKETS];
	size_t kept;
	uint64_t uses;
	_Atomic uint64_t generation;
	struct client *configured;
	size_t configured_count;
};

/* ---- configured ones ----------------------------------------------------------------------------------------------
 */

static bool copy_texts(struct arena *a, const struct smart_client *from, struct smart_client *to)
{
	static const size_t texts[] = {
		offsetof(struct smart_client, client_id),     offsetof(struct smart_client, name),
		offsetof(struct smart_client, scope),	      offsetof(struct smart_client, jwks_url),
		offsetof(struct smart_client, secret_sha256), offsetof(struct smart_client, secret_before),
		offsetof(struct smart_client, redirect_uris), offsetof(struct smart_client, launch_url),
		offsetof(struct smart_client, grant_types),   offsetof(struct smart_client, logo_url),
		offsetof(struct smart_client, client_url),    offsetof(struct smart_client, policy_url),
		offsetof(struct smart_client, terms_url),     offsetof(struct smart_client, contacts),
		offsetof(struct smart_client, software_id),   offsetof(struct smart_client, software_version),
		offsetof(struct smart_client, id_token_alg)};
	*to = *from;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct str *text = (const struct str *)((const char *)from + texts[i]);
		struct str *copy = (struct str *)((char *)to + texts[i]);
		if (text->p && !(*copy = arena_str(a, *text)).p)
			return false;
	}
	if (!from->jwks)
		return true;
	struct buf text;
	buf_init(&text, MAX_FACT * 4);
	struct json_writer w = json_writer(&text);
	json_put_value(&w, from->jwks);
	to->jwks = buf_ok(&text) ? json_parse(a, arena_str(a, buf_str(&text)), 0, NULL) : NULL;
	buf_done(&text);
	return to->jwks != NULL;
}

static bool take_keys(struct client *c, unsigned algorithms, struct error *err)
{
	c->source.url = c->facts.jwks_url;
	if (!c->facts.jwks)
		return true;
	c->fixed = jose_key_set_parse_for(c->facts.jwks, algorithms, err);
	return c->fixed != NULL;
}

static void close_client(struct client *c)
{
	client_close(c);
	arena_done(&c->arena);
}

static bool add_configured(struct registry *r, const struct smart_client *from, struct error *err)
{
	struct client *c = &r->configured[r->configured_count++];
	const char *code;
	client_open(c);
	arena_init(&c->arena, CLIENT_MEMORY);
	if (!copy_texts(&c->arena, from, &c->facts))
		return error_memory(err);
	c->facts.configured = true;
	return (client_check(&c->facts, r->algorithms, &code, err) && take_keys(c, r->algorithms, err)) ||
	       error_context(err, "client %.*s", STR_ARG(c->facts.client_id));
}

struct registry *registry_open(const struct smart_client *configured, size_t count, unsigned algorithms,
			       struct error *err)
{
	struct registry *r = calloc(1, sizeof(*r));
	if (!r || !(r->configured = calloc(count ? count : 1, sizeof(*r->configured)))) {
		free(r);
		error_memory(err);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	r->algorithms = algorithms;
	bool ok = true;
	for (size_t i = 0; ok && i < count; i++)
		ok = add_configured(r, &configured[i], err);
	if (ok)
		return r;
	registry_close(r);
	return NULL;
}

static struct client *find_configured(struct registry *r, struct str client_id)
{
	for (size_t i = 0; i < r->configured_count; i++)
		if (str_eq(r->configured[i].facts.client_id, client_id))
			return &r->configured[i];
	return NULL;
}

/* ---- those of the shelf -------------------------------------------------------------------------------------------
 */

static void free_client(struct client *c)
{
	close_client(c);
	free(c);
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->configured_count; i++)
		close_client(&r->configured[i]);
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct client *c = r->buckets[i], *next; c; c = next) {
			next = c->next;
			free_client(c);
		}
	pthread_mutex_destroy(&r->lock);
	free(r->configured);
	free(r);
}

void registry_forget(struct registry *r)
{
	atomic_fetch_add(&r->generation, 1);
}

static struct client **bucket_of(struct registry *r, struct str client_id)
{
	return &r->buckets[str_hash(client_id) % BUCKETS];
}

static struct client *make_client(const struct registry *r, struct str stored, struct error *err)
{
	struct client *c = calloc(1, sizeof(*c));
	if (!c) {
		error_memory(err);
		return NULL;
	}
	client_open(c);
	arena_init(&c->arena, CLIENT_MEMORY);
	c->stored = arena_str(&c->arena, stored);
	c->users = 1; /* the registry */
	if ((c->stored.p || error_memory(err)) && client_parse(&c->arena, c->stored, &c->facts, err) &&
	    take_keys(c, r->algorithms, err))
		return c;
	free_client(c);
	return NULL;
}

/* Under the lock. The client leaves the registry, and memory with its last user. */
static void drop(struct registry *r, struct client **link)
{
	struct client *c = *link;
	*link = c->next;
	r->kept--;
	if (--c->users == 0)
		free_client(c);
}

static struct client **find_link(struct registry *r, struct str client_id)
{
	struct client **link = bucket_of(r, client_id);
	while (*link && !str_eq((*link)->facts.client_id, client_id))
		link = &(*link)->next;
	return link;
}

/* Under the lock: makes room by giving up the one that was not asked for longest. */
static void make_room(struct registry *r)
{
	struct client **oldest = NULL;
	if (r->kept < MOST_KEPT)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct client **link = &r->buckets[i]; *link; link = &(*link)->next)
			if (!oldest || (*link)->used < (*oldest)->used)
				oldest = link;
	drop(r, oldest);
}

/* What the shelf has now takes the place of what was there. */
static struct client *renew(struct registry *r, struct str client_id, struct str stored, uint64_t generation,
			    struct error *err)
{
	struct client **link = find_link(r, client_id), *c = *link;
	if (c && !str_eq(c->stored, stored)) {
		drop(r, link);
		c = NULL;
	}
	if (!c && stored.p) {
		make_room(r);
		c = make_client(r, stored, err);
		if (!c)
			return NULL;
		struct client **bucket = bucket_of(r, client_id);
		c->next = *bucket;
		*bucket = c;
		r->kept++;
	}
	if (c)
		c->generation = generation;
	return c;
}

static struct client *use(struct registry *r, struct client *c)
{
	if (c) {
		c->users++;
		c->used = ++r->uses;
	}
	return c;
}

bool registry_take(struct smart *s, struct str client_id, struct client **ret_client, struct error *err)
{
	struct registry *r = s->registry;
	struct arena a;
	struct str stored = STR_NULL;
	struct error why = {0};
	*ret_client = client_id.n ? find_configured(r, client_id) : NULL;
	if (*ret_client || !client_id.n || !s->options.store)
		return true;
	uint64_t generation = atomic_load(&r->generation);
	pthread_mutex_lock(&r->lock);
	struct client *c = *find_link(r, client_id);
	*ret_client = use(r, c && c->generation == generation ? c : NULL);
	pthread_mutex_unlock(&r->lock);
	if (*ret_client)
		return true;
	arena_init(&a, CLIENT_MEMORY);
	bool ok = store_fact_get(s->options.store, &a, SHELF, str_slice(client_id, 0, 256), &stored, err);
	if (ok) {
		pthread_mutex_lock(&r->lock);
		*ret_client = use(r, renew(r, client_id, stored, generation, &why));
		pthread_mutex_unlock(&r->lock);
		ok = !why.code || error_set(err, why.code, "%s", why.text);
	}
	arena_done(&a);
	return ok;
}

void registry_give(struct smart *s, struct client *c)
{
	if (!c || !c->stored.p)
		return; /* configured ones stay */
	pthread_mutex_lock(&s->registry->lock);
	bool last = --c->users == 0;
	pthread_mutex_unlock(&s->registry->lock);
	if (last)
		free_client(c);
}

bool client_is_good(const struct smart_client *client, int64_t now_ms, struct decision *d, struct error *err)
{
	if (client->disabled)
		return decision_refuse(d, CHECK_CLIENT_STATE, REFUSAL_CLIENT_DISABLED, STR_NULL, STR_NULL, STR_NULL,
				       err);
	if (client->expires_ms && client->expires_ms <= now_ms)
		return decision_refuse(d, CHECK_CLIENT_STATE, REFUSAL_CLIENT_EXPIRED, STR_NULL, STR_NULL, STR_NULL,
				       err);
	decision_note(d, CHECK_CLIENT_STATE, S("enabled"), STR_NULL);
	return true;
}

/* ---- for others ---------------------------------------------------------------------------------------------------
 */

bool smart_client_find(struct smart *s, struct arena *a, struct str client_id, struct smart_client *ret_client,
		       struct error *err)
{
	struct client *c;
	*ret_client = (struct smart_client){0};
	if (!registry_take(s, client_id, &c, err))
		return false;
	bool ok = !c || copy_texts(a, &c->facts, ret_client) || error_memory(err);
	registry_give(s, c);
	return ok;
}

bool smart_client_list(struct smart *s, struct arena *a, struct smart_client **ret_clients, size_t *ret_count,
		       struct error *err)
{
	struct store_fact *facts;
	size_t fact_count, count = 0;
	if (!store_fact_list(s->options.store, a, SHELF, STR_NULL, MOST_LISTED, &facts, &fact_count, err))
		return false;
	struct smart_client *clients =
		ARENA_ARRAY(a, struct smart_client, s->registry->configured_count + fact_count + 1);
	if (!clients)
		return error_memory(err);
	for (size_t i = 0; i < s->registry->configured_count; i++)
		clients[count++] = s->registry->configured[i].facts;
	for (size_t i = 0; i < fact_count; i++)
		if (!client_parse(a, facts[i].value, &clients[count++], err))
			return false;
	*ret_clients = clients;
	*ret_count = count;
	return true;
}

static bool is_configured(struct smart *s, struct str client_id, struct error *err)
{
	return find_configured(s->registry, client_id) &&
	       !error_set(err, ERR_FORBIDDEN, "The client %.*s is one of the configuration; its file must be changed",
			  STR_ARG(str_slice(client_id, 0, 80)));
}

/* NULL value: removes it. expected: what was read before, so that of two changes at once one is told. */
static bool put(struct smart *s, struct str client_id, struct str value, struct str expected, bool only_new,
		struct error *err)
{
	const struct store_fact fact = {
		.shelf = SHELF, .key = client_id, .value = value, .expected = expected, .only_new = only_new};
	struct error why = {0};
	if (store_fact_put(s->options.store, &fact, &why)) {
		registry_forget(s->registry);
		atomic_fetch_add(&s->generation, 1);
		return true;
	}
	if (why.code == ERR_CONFLICT && only_new)
		return error_set(err, ERR_CONFLICT, "There is a client %.*s already",
				 STR_ARG(str_slice(client_id, 0, 80)));
	return error_set(err, why.code, "%s", why.text);
}

static bool find_stored(struct smart *s, struct arena *a, struct str client_id, struct str *ret_stored,
			struct smart_client *ret_client, struct error *err)
{
	if (is_configured(s, client_id, err) || !store_fact_get(s->options.store, a, SHELF, client_id, ret_stored, err))
		return false;
	if (!ret_stored->p)
		return error_set(err, ERR_NOT_FOUND, "There is no client %.*s", STR_ARG(str_slice(client_id, 0, 80)));
	return client_parse(a, *ret_stored, ret_client, err);
}

static bool new_secret(struct arena *a, struct smart_client *client, struct str *ret_secret, struct error *err)
{
	*ret_secret = secret_new(a);
	client->secret_sha256 = ret_secret->p ? secret_digest(a, *ret_secret) : STR_NULL;
	return client->secret_sha256.p || error_memory(err);
}

static bool needs_secret(const struct smart_client *client)
{
	return client->auth == AUTH_SECRET_BASIC || client->auth == AUTH_SECRET_POST;
}

bool client_prepare(struct smart *s, struct arena *a, struct smart_client *client, struct str *ret_secret,
		    struct store_fact *ret_fact, struct error *err)
{
	*ret_secret = STR_NULL;
	if (!client->client_id.n)
		client->client_id = secret_new(a);
	if (!client->client_id.p)
		return error_memory(err);
	if (client->auth == AUTH_IMPLIED)
		client->auth = smart_client_auth(client);
	client->configured = false;
	client->registered_ms = smart_now(s);
	if (needs_secret(client) && !new_secret(a, client, ret_secret, err))
		return false;
	struct str stored = client_format(a, client, err);
	*ret_fact = (struct store_fact){.shelf = SHELF, .key = client->client_id, .value = stored, .only_new = true};
	return stored.p != NULL;
}

bool smart_client_add(struct smart *s, struct arena *a, struct smart_client *client, struct str *ret_secret,
		      struct error *err)
{
	struct store_fact fact;
	return (!client->client_id.n || !is_configured(s, client->client_id, err)) &&
	       client_prepare(s, a, client, ret_secret, &fact, err) &&
	       put(s, fact.key, fact.value, STR_NULL, true, err);
}

bool smart_client_change(struct smart *s, struct arena *a, const struct smart_client *client, struct error *err)
{
	struct smart_client before, after = *client;
	struct str stored;
	if (!find_stored(s, a, client->client_id, &stored, &before, err))
		return false;
	/* What only its own functions change. */
	after.secret_sha256 = before.secret_sha256;
	after.secret_before = before.secret_before;
	after.secret_before_ms = before.secret_before_ms;
	after.secret_expires_ms = before.secret_expires_ms;
	after.registered_ms = before.registered_ms;
	after.self_registered = before.self_registered;
	struct str changed = client_format(a, &after, err);
	return changed.p && put(s, client->client_id, changed, stored, false, err);
}

bool smart_client_rotate(struct smart *s, struct arena *a, struct str client_id, int64_t overlap_s, int64_t expires_ms,
			 struct str *ret_secret, struct error *err)
{
	struct smart_client client;
	struct str stored;
	if (!find_stored(s, a, client_id, &stored, &client, err))
		return false;
	if (smart_client_auth(&client) == AUTH_PRIVATE_KEY)
		return error_set(err, ERR_VALUE, "The client proves itself with keys of its own: it has no secret");
	if (smart_client_auth(&client) == AUTH_NONE)
		return error_set(err, ERR_VALUE, "The client is public: it has no secret");
	client.secret_before = overlap_s > 0 ? client.secret_sha256 : STR_NULL;
	client.secret_before_ms = overlap_s > 0 ? smart_now(s) + overlap_s * 1000 : 0;
	client.secret_expires_ms = expires_ms;
	if (!new_secret(a, &client, ret_secret, err))
		return false;
	struct str changed = client_format(a, &client, err);
	return changed.p && put(s, client_id, changed, stored, false, err);
}

/* What was issued to it is worth nothing without it: smart_authorize() asks for the client. */
bool smart_client_remove(struct smart *s, struct arena *a, struct str client_id, struct error *err)
{
	struct smart_client client;
	struct str stored;
	return find_stored(s, a, client_id, &stored, &client, err) && put(s, client_id, STR_NULL, stored, false, err);
}
