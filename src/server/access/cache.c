/*
 * Passes in use, by what they were made of: a fixed number of places, so that tokens in rotation are compiled once.
 * What does not fit gives way; whoever uses it meanwhile keeps it alive.
 */
#include <stdlib.h>

#include "server/access/access_priv.h"

enum { SETS = 1024, WAYS = 4, LOCKS = 16 };

struct pass_cache {
	pthread_mutex_t locks[LOCKS];
	struct access_pass *ways[SETS][WAYS];
	unsigned char next[SETS]; /* the way that gives way */
};

struct pass_cache *pass_cache_new(void)
{
	struct pass_cache *cache = calloc(1, sizeof(*cache));
	for (size_t i = 0; cache && i < LOCKS; i++)
		pthread_mutex_init(&cache->locks[i], NULL);
	return cache;
}

void pass_cache_free(struct pass_cache *cache)
{
	if (!cache)
		return;
	for (size_t set = 0; set < SETS; set++)
		for (size_t way = 0; way < WAYS; way++)
			access_leave(cache->ways[set][way]);
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&cache->locks[i]);
	free(cache);
}

struct access_pass *pass_cache_find(struct pass_cache *cache, struct str key)
{
	size_t set = str_hash(key) % SETS;
	struct access_pass *found = NULL;
	pthread_mutex_lock(&cache->locks[set % LOCKS]);
	for (size_t way = 0; way < WAYS && !found; way++)
		if (cache->ways[set][way] && str_eq(cache->ways[set][way]->key, key))
			found = cache->ways[set][way];
	if (found)
		atomic_fetch_add_explicit(&found->users, 1, memory_order_relaxed);
	pthread_mutex_unlock(&cache->locks[set % LOCKS]);
	return found;
}

void pass_cache_put(struct pass_cache *cache, struct access_pass *pass)
{
	size_t set = str_hash(pass->key) % SETS;
	atomic_fetch_add_explicit(&pass->users, 1, memory_order_relaxed);
	pthread_mutex_lock(&cache->locks[set % LOCKS]);
	size_t way = cache->next[set]++ % WAYS;
	for (size_t i = 0; i < WAYS; i++)
		if (!cache->ways[set][i])
			way = i;
	struct access_pass *before = cache->ways[set][way];
	cache->ways[set][way] = pass;
	pthread_mutex_unlock(&cache->locks[set % LOCKS]);
	access_leave(before);
}
