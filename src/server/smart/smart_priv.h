/* Shared by the files of the token endpoint. */
#ifndef FIRTH_SERVER_SMART_SMART_PRIV_H
#define FIRTH_SERVER_SMART_SMART_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "http/client.h"
#include "jose/jose.h"
#include "server/smart/smart.h"

/* ---- scope.c ----------------------------------------------------------------------------------------------------- */

/* What both scopes allow; false when that is nothing. */
bool scope_intersect(struct arena *a, const struct scope *asked, const struct scope *allowed, struct scope *ret_scope);

/* ---- clients and their keys: keys.c ------------------------------------------------------------------------------ */

/* A set that came by URL: never changed, freed with its last user. */
struct fetched_keys {
	struct jose_key_set *keys;
	int64_t stale_ms;
	atomic_int users;
};

struct client {
	struct smart_client facts; /* text in the arena of struct smart */
	struct jose_key_set *fixed; /* keys by value */
	pthread_mutex_t lock; /* over the pointer that follows, for a moment only */
	struct fetched_keys *fetched;
	pthread_mutex_t fetching; /* held while one token fetches, over what follows */
	int64_t fetched_ms;
};

void client_open(struct client *c);
void client_close(struct client *c);
/* https, or http to this machine itself. */
bool jwks_url_is_allowed(struct str url);
/* How long fetched keys are good for, by their Cache-Control. */
int64_t jwks_age_s(struct str cache_control);

/* Verifies an assertion with the client's keys, fetching them when they come by URL and are stale, or once more when
 * the kid is not among them. */
bool client_verify(struct client *c, struct arena *a, struct str assertion, struct str kid, int64_t now_ms,
		   struct jose_token *ret_token, struct error *err) MUST_USE;

/* ---- access tokens: token.c and token_cache.c -------------------------------------------------------------------- */

struct token_cache;
struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *cache);
/* A copy in a, whether it has expired or not. */
bool token_cache_find(struct token_cache *cache, struct arena *a, const unsigned char digest[32],
		      struct grant *ret_grant);
void token_cache_put(struct token_cache *cache, const unsigned char digest[32], const struct grant *grant);

struct smart {
	struct smart_options options;
	struct arena arena; /* clients, read-only after opening */
	struct client *clients;
	size_t client_count;
	struct token_cache *cache;
	struct str issuer, configuration;
};

int64_t smart_now(const struct smart *s);
bool token_issue(struct smart *s, const struct grant *grant, struct buf *out, struct error *err) MUST_USE;

#endif
