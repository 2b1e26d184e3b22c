/*
 * Grants of tokens in use, by digest: a fixed number of slots in shards with a lock each, since every request asks.
 * A grant is one block of memory, so handing out a copy is one memcpy and a shift of its pointers. What does not fit
 * any more gives way to newer tokens; the store still knows it.
 */
#include <stdlib.h>

#include "server/smart/smart_priv.h"

enum { SHARDS = 16, SETS = 128, WAYS = 4 };

/* The block: this, the scopes, then the text that all strings lie in. */
struct cached_grant {
	unsigned char digest[32];
	size_t size;
	struct grant grant;
	struct scope scopes[];
};

struct shard {
	pthread_mutex_t lock;
	struct cached_grant *slots[SETS][WAYS];
};

struct token_cache {
	struct shard shards[SHARDS];
};

struct token_cache *token_cache_new(void)
{
	struct token_cache *cache = calloc(1, sizeof(*cache));
	for (size_t i = 0; cache && i < SHARDS; i++)
		pthread_mutex_init(&cache->shards[i].lock, NULL);
	return cache;
}

void token_cache_free(struct token_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		for (size_t k = 0; k < SETS; k++)
			for (size_t w = 0; w < WAYS; w++)
				free(cache->shards[i].slots[k][w]);
		pthread_mutex_destroy(&cache->shards[i].lock);
	}
	free(cache);
}

static struct str shifted(struct str s, ptrdiff_t by)
{
	return s.p ? str_make(s.p + by, s.n) : s;
}

static void shift(struct cached_grant *block, const struct cached_grant *from)
{
	ptrdiff_t by = (const char *)block - (const char *)from;
	block->grant.client_id = shifted(block->grant.client_id, by);
	block->grant.scope_text = shifted(block->grant.scope_text, by);
	block->grant.scopes = block->scopes;
	for (size_t i = 0; i < block->grant.scope_count; i++) {
		struct scope *s = &block->scopes[i];
		s->text = shifted(s->text, by);
		s->context = shifted(s->context, by);
		s->type = shifted(s->type, by);
		s->filter = shifted(s->filter, by);
	}
}

static struct str append(char **at, struct str s)
{
	if (!s.p)
		return s;
	struct str copy = str_make(*at, s.n);
	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

static struct cached_grant *make_block(const unsigned char digest[32], const struct grant *g)
{
	size_t size =
		sizeof(struct cached_grant) + g->scope_count * sizeof(struct scope) + g->client_id.n + g->scope_text.n;
	for (size_t i = 0; i < g->scope_count; i++)
		size += g->scopes[i].text.n + g->scopes[i].context.n + g->scopes[i].type.n + g->scopes[i].filter.n;
	struct cached_grant *block = malloc(size);
	if (!block)
		return NULL;
	char *at = (char *)&block->scopes[g->scope_count];
	memcpy(block->digest, digest, sizeof(block->digest));
	block->size = size;
	block->grant = *g;
	block->grant.client_id = append(&at, g->client_id);
	block->grant.scope_text = append(&at, g->scope_text);
	block->grant.scopes = block->scopes;
	for (size_t i = 0; i < g->scope_count; i++) {
		const struct scope *s = &g->scopes[i];
		block->scopes[i] = *s;
		block->scopes[i].text = append(&at, s->text);
		block->scopes[i].context = append(&at, s->context);
		block->scopes[i].type = append(&at, s->type);
		block->scopes[i].filter = append(&at, s->filter);
	}
	return block;
}

/* A digest is as good as random: its bytes choose the place. */
static struct cached_grant **place(struct token_cache *cache, const unsigned char digest[32], struct shard **ret_shard)
{
	*ret_shard = &cache->shards[digest[0] % SHARDS];
	return (*ret_shard)->slots[digest[1] % SETS];
}

bool token_cache_find(struct token_cache *cache, struct arena *a, const unsigned char digest[32],
		      struct grant *ret_grant)
{
	struct shard *shard;
	struct cached_grant **ways = place(cache, digest, &shard), *copy = NULL;
	pthread_mutex_lock(&shard->lock);
	for (size_t w = 0; w < WAYS && !copy; w++) {
		if (!ways[w] || memcmp(ways[w]->digest, digest, 32) != 0)
			continue;
		copy = arena_alloc(a, ways[w]->size);
		if (!copy)
			break;
		memcpy(copy, ways[w], ways[w]->size);
		shift(copy, ways[w]);
	}
	pthread_mutex_unlock(&shard->lock);
	if (copy)
		*ret_grant = copy->grant;
	return copy != NULL;
}

void token_cache_put(struct token_cache *cache, const unsigned char digest[32], const struct grant *grant)
{
	struct shard *shard;
	struct cached_grant **ways = place(cache, digest, &shard), *block = make_block(digest, grant);
	if (!block)
		return; /* the store will be asked instead */
	size_t victim = 0;
	pthread_mutex_lock(&shard->lock);
	for (size_t w = 0; w < WAYS; w++) {
		if (!ways[w] || memcmp(ways[w]->digest, digest, 32) == 0) {
			victim = w;
			break;
		}
		if (ways[w]->grant.expires_ms < ways[victim]->grant.expires_ms)
			victim = w;
	}
	struct cached_grant *before = ways[victim];
	ways[victim] = block;
	pthread_mutex_unlock(&shard->lock);
	free(before);
}
