/*
 * Public keys that somebody publishes at a URL (JWKS): fetched when they are needed, kept as long as their server says,
 * within bounds, and fetched once more for a key that is not among them, so that keys may be rotated at any time. Any
 * thread; while one waits for a fetch, others go on with the keys that are there.
 */
#ifndef FIRTH_SERVER_SMART_KEYS_H
#define FIRTH_SERVER_SMART_KEYS_H

#include <pthread.h>

#include "jose/jose.h"

struct fetched_keys;
struct key_source {
	struct str url; /* borrowed; may be set later */
	pthread_mutex_t lock; /* over the pointer that follows, for a moment only */
	struct fetched_keys *fetched;
	pthread_mutex_t fetching; /* held while one token fetches, over what follows */
	int64_t fetched_ms;
};
void key_source_open(struct key_source *s, struct str url);
void key_source_close(struct key_source *s);

/* Can a token with this kid (STR_NULL: none) be verified without fetching? */
bool key_source_has(struct key_source *s, struct str kid, int64_t now_ms);
/* jose_verify() with the keys; anew: they are fetched even if the kid is known. Fetching may take five seconds. As its
 * errors, and ERR_NETWORK, ERR_TIMEOUT, ERR_TOO_LARGE, ERR_REMOTE, ERR_JSON for keys that could not be had,
 * ERR_INVALID_CLIENT for a document without usable ones. */
bool key_source_verify(struct key_source *s, struct arena *a, struct str token, struct str kid, int64_t now_ms,
		       unsigned algorithms, bool anew, struct jose_token *ret_token, struct error *err) MUST_USE;

#endif
