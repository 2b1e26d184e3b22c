/*
 * A client's public keys, by value or by URL. Fetched keys are kept as long as their server says, within bounds; a
 * token signed by a key that is not among them causes one more fetch, so that a client may rotate its keys at any time.
 * While one token waits for a fetch, tokens whose keys are known go on with those: a set is never changed, only
 * replaced, and stays as long as somebody verifies with it.
 */
#include <stdlib.h>

#include "base/origin.h"
#include "server/smart/smart_priv.h"

enum {
	MAX_JWKS = 1 << 20,
	LEAST_AGE_S = 60,
	USUAL_AGE_S = 3600,
	LARGEST_AGE_S = 29 * 3600,
	REFETCH_PAUSE_MS = 1000, /* tokens with made-up kids must not turn us into a hammer */
	FETCH_TIMEOUT_MS = 5000
};

/* ---- sets that are in use ---------------------------------------------------------------------------------------- */

static void set_release(struct fetched_keys *f)
{
	if (!f || atomic_fetch_sub(&f->users, 1) != 1)
		return;
	jose_key_set_free(f->keys);
	free(f);
}

static struct fetched_keys *set_take(struct key_source *c)
{
	pthread_mutex_lock(&c->lock);
	struct fetched_keys *f = c->fetched;
	if (f)
		atomic_fetch_add(&f->users, 1);
	pthread_mutex_unlock(&c->lock);
	return f;
}

static void set_replace(struct key_source *c, struct fetched_keys *f)
{
	pthread_mutex_lock(&c->lock);
	struct fetched_keys *before = c->fetched;
	c->fetched = f;
	pthread_mutex_unlock(&c->lock);
	set_release(before);
}

void key_source_open(struct key_source *s, struct str url)
{
	s->url = url;
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->fetching, NULL);
}

void key_source_close(struct key_source *s)
{
	set_release(s->fetched);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->fetching);
}

void client_open(struct client *c)
{
	key_source_open(&c->source, STR_NULL);
}

void client_close(struct client *c)
{
	key_source_close(&c->source);
	jose_key_set_free(c->fixed);
}

/* ---- fetching ---------------------------------------------------------------------------------------------------- */

/* Cache-Control (RFC 9111 section 5.2.2) within what RFC-abiding clients can rely on: a minute to 29 hours. */
int64_t jwks_age_s(struct str cache_control)
{
	struct str rest = cache_control;
	int64_t age = USUAL_AGE_S;
	while (rest.p) {
		struct str directive = str_trim(str_split(&rest, ','));
		uint64_t seconds;
		if (str_eq_nocase(directive, S("no-store")) || str_eq_nocase(directive, S("no-cache")))
			return LEAST_AGE_S;
		if (directive.n > 8 && str_eq_nocase(str_slice(directive, 0, 8), S("max-age=")) &&
		    str_to_u64(str_slice(directive, 8, directive.n), &seconds))
			age = seconds > LARGEST_AGE_S ? LARGEST_AGE_S : (int64_t)seconds;
	}
	return age < LEAST_AGE_S ? LEAST_AGE_S : age;
}

static bool download(struct arena *a, struct str url, struct http_answer *ret_answer, struct error *err)
{
	const struct http_header accept = {S("Accept"), S("application/json")};
	const struct http_call call = {.method = S("GET"), .url = url, .headers = &accept, .header_count = 1};
	const struct http_client_options options = {
		.timeout_ms = FETCH_TIMEOUT_MS, .connect_timeout_ms = FETCH_TIMEOUT_MS, .max_body = MAX_JWKS};
	struct http_client *client = http_client_new(&options, err);
	bool ok = client && http_call(client, a, &call, ret_answer, err);
	http_client_free(client);
	if (ok && ret_answer->status != 200)
		ok = error_set(err, ERR_REMOTE, "The client's key URL answers with status %d", ret_answer->status);
	return ok || error_context(err, "fetching the client's keys");
}

static struct fetched_keys *fetch(const struct key_source *c, struct arena *a, int64_t now_ms, unsigned algorithms,
				  struct error *err)
{
	struct http_answer answer;
	if (!url_is_private(c->url)) {
		error_set(err, ERR_REMOTE, "The client's key URL is neither https nor loopback");
		return NULL;
	}
	if (!download(a, c->url, &answer, err))
		return NULL;
	const struct json *jwks = json_parse(a, answer.body, 0, err);
	struct jose_key_set *keys = jwks ? jose_key_set_parse_for(jwks, algorithms, err) : NULL;
	struct fetched_keys *f = keys ? calloc(1, sizeof(*f)) : NULL;
	if (!f) {
		jose_key_set_free(keys);
		if (keys)
			error_memory(err);
		if (err->code == ERR_KEY) /* it was reached, and has none that we can use */
			err->code = ERR_INVALID_CLIENT;
		error_context(err, "reading the client's keys");
		return NULL;
	}
	f->keys = keys;
	f->stale_ms = now_ms + jwks_age_s(http_answer_header(&answer, "Cache-Control")) * 1000;
	atomic_init(&f->users, 1);
	return f;
}

/* One token at a time fetches; those that waited for it look at what it brought first. */
static bool renew(struct key_source *c, struct arena *a, const struct fetched_keys *seen, int64_t now_ms,
		  unsigned algorithms, struct error *err)
{
	bool ok = true;
	pthread_mutex_lock(&c->fetching);
	struct fetched_keys *now = set_take(c);
	bool renewed = now && now != seen && now_ms < now->stale_ms;
	set_release(now);
	if (!renewed) {
		/* A clock that was set back must not stop fetching. */
		bool paused = c->fetched_ms && now_ms >= c->fetched_ms && now_ms < c->fetched_ms + REFETCH_PAUSE_MS;
		struct fetched_keys *f = NULL;
		if (paused)
			ok = error_set(err, ERR_REMOTE,
				       "The client's keys were asked for a moment ago without success");
		else
			ok = (f = fetch(c, a, now_ms, algorithms, err)) != NULL;
		if (!paused)
			c->fetched_ms = now_ms;
		if (f)
			set_replace(c, f);
	}
	pthread_mutex_unlock(&c->fetching);
	return ok;
}

/* What to verify with, and for whom. */
struct verifying {
	struct key_source *c;
	struct arena *a;
	struct str assertion, kid;
	int64_t now_ms;
	unsigned algorithms;
};

static bool verify_fetched(const struct verifying *v, bool anew, struct jose_token *ret_token, struct error *err)
{
	struct key_source *c = v->c;
	struct fetched_keys *f = set_take(c);
	bool fresh = f && v->now_ms < f->stale_ms;
	bool known = fresh && !anew && (!v->kid.p || jose_key_set_has(f->keys, v->kid));
	if (!known) {
		struct error why = {0};
		bool renewed = renew(c, v->a, f, v->now_ms, v->algorithms, &why);
		/* A kid that stays unknown is the caller's fault; only without fresh keys is it the fetch's. */
		if (!renewed && !fresh) {
			set_release(f);
			return error_set(err, why.code, "%s", why.text);
		}
		set_release(f);
		f = set_take(c);
	}
	bool ok = jose_verify(v->a, v->assertion, f->keys, ret_token, err);
	set_release(f);
	return ok;
}

bool key_source_has(struct key_source *s, struct str kid, int64_t now_ms)
{
	struct fetched_keys *f = set_take(s);
	bool has = f && now_ms < f->stale_ms && (!kid.p || jose_key_set_has(f->keys, kid));
	set_release(f);
	return has;
}

bool key_source_verify(struct key_source *s, struct arena *a, struct str token, struct str kid, int64_t now_ms,
		       unsigned algorithms, bool anew, struct jose_token *ret_token, struct error *err)
{
	const struct verifying v = {s, a, token, kid, now_ms, algorithms};
	return verify_fetched(&v, anew, ret_token, err);
}

bool client_verify(struct client *c, struct arena *a, struct str assertion, struct str kid, int64_t now_ms,
		   const struct smart *s, struct jose_token *ret_token, struct error *err)
{
	const struct verifying v = {&c->source, a, assertion, kid, now_ms, smart_algorithms(s)};
	struct error why = {0};
	if (c->fixed)
		return jose_verify(a, assertion, c->fixed, ret_token, err);
	if (!c->facts.jwks_url.n)
		return error_set(err, ERR_INVALID_CLIENT, "The client has no registered keys");
	if (!s->options.persona->refetch)
		return verify_fetched(&v, false, ret_token, err);
	return verify_fetched(&v, false, ret_token, &why) ||
	       (why.code == ERR_SIGNATURE ? verify_fetched(&v, true, ret_token, err)
					  : error_set(err, why.code, "%s", why.text));
}
