/* Shared by the files of the token endpoint. */
#ifndef FIRTH_SERVER_SMART_SMART_PRIV_H
#define FIRTH_SERVER_SMART_SMART_PRIV_H

#include <pthread.h>

#include "base/map.h"
#include "http/client.h"
#include "jose/jose.h"
#include "server/smart/smart.h"

enum { MAX_SCOPES = 512 };

/* ---- scope.c -------------------------------------------------------------------------------------------------------
 */

/* The scopes of a list that can be read, at most max; words that are no resource scopes are passed over. */
size_t scope_list_parse(const struct definitions *d, struct str text, struct scope *scopes, size_t max);
/* What both scopes allow; false when that is nothing. */
bool scope_intersect(struct arena *a, const struct scope *asked, const struct scope *allowed, struct scope *ret_scope);
/* The system scopes that were asked for and are allowed, into the grant. */
bool scope_grant(struct arena *a, const struct scope *asked, size_t asked_count, const struct scope *allowed,
		 size_t allowed_count, struct grant *ret_grant, struct error *err) MUST_USE;

/* ---- clients and their keys: keys.c
 * ---------------------------------------------------------------------------------- */

struct client {
	struct smart_client facts; /* text in the arena of struct smart */
	struct jose_key_set *fixed; /* keys by value */
	pthread_mutex_t lock; /* guards what follows: fetched keys */
	struct jose_key_set *fetched;
	int64_t fetched_ms, stale_ms;
};

/* Verifies an assertion with the client's keys, fetching them when they come by URL and are stale, or once more when
 * the kid is not among them. */
bool client_verify(struct client *c, struct arena *a, struct str assertion, struct str kid, int64_t now_ms,
		   struct jose_token *ret_token, struct error *err) MUST_USE;

/* ---- access tokens: token_cache.c
 * ------------------------------------------------------------------------------------ */

enum { TOKEN_CACHE_MAX = 8192 };

struct smart {
	struct smart_options options;
	struct arena arena; /* clients, read-only after opening */
	struct client *clients;
	size_t client_count;
	pthread_rwlock_t cache_lock;
	struct arena cache_arena;
	struct map cache; /* digest to struct grant *; emptied as a whole when it is full */
};

int64_t smart_now(const struct smart *s);
bool token_issue(struct smart *s, struct arena *a, const struct grant *grant, struct buf *out,
		 struct error *err) MUST_USE;

#endif
