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
	uint64_t generation;
	struct grant grant;
	struct scope scopes[];
};

/* A part of the digest beside the pointer: with many tokens in use each block that is looked at is one from far away in
 * memory, so only the right one is. */
struct slot {
	uint64_t tag;
	struct cached_grant *block;
};

struct shard {
	pthread_mutex_t lock;
	_Alignas(64) struct slot slots[SETS][WAYS];
};

struct token_cache {
	struct shard shards[SHARDS];
};

struct token_cache *token_cache_new(void)
{
	struct token_cache *cache = aligned_alloc(_Alignof(struct token_cache), sizeof(*cache));
	if (cache)
		memset(cache, 0, sizeof(*cache));
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
				free(cache->shards[i].slots[k][w].block);
		pthread_mutex_destroy(&cache->shards[i].lock);
	}
	free(cache);
}

/* The texts of a grant, and of each of its scopes. */
static const size_t grant_texts[] = {offsetof(struct grant, id),	offsetof(struct grant, client_id),
				     offsetof(struct grant, user),	offsetof(struct grant, fhir_user),
				     offsetof(struct grant, roles),	offsetof(struct grant, patient),
				     offsetof(struct grant, encounter), offsetof(struct grant, scope_text)};
static const size_t scope_texts[] = {offsetof(struct scope, text), offsetof(struct scope, context),
				     offsetof(struct scope, type), offsetof(struct scope, filter)};

enum {
	GRANT_TEXTS = sizeof(grant_texts) / sizeof(grant_texts[0]),
	SCOPE_TEXTS = sizeof(scope_texts) / sizeof(scope_texts[0])
};

static struct str *text_at(void *of, size_t offset)
{
	return (struct str *)((char *)of + offset);
}

/* Moves the texts of an object that was copied. */
static void shift_texts(void *of, const size_t *offsets, size_t count, ptrdiff_t by)
{
	for (size_t i = 0; i < count; i++) {
		struct str *text = text_at(of, offsets[i]);
		if (text->p)
			text->p += by;
	}
}

static void shift(struct cached_grant *block, const struct cached_grant *from)
{
	ptrdiff_t by = (const char *)block - (const char *)from;
	shift_texts(&block->grant, grant_texts, GRANT_TEXTS, by);
	block->grant.scopes = block->scopes;
	for (size_t i = 0; i < block->grant.scope_count; i++)
		shift_texts(&block->scopes[i], scope_texts, SCOPE_TEXTS, by);
}

static size_t texts_size(const void *of, const size_t *offsets, size_t count)
{
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		size += text_at((void *)(uintptr_t)of, offsets[i])->n;
	return size;
}

/* Copies the texts to where *at points, and has the object point there. */
static void append_texts(void *of, const size_t *offsets, size_t count, char **at)
{
	for (size_t i = 0; i < count; i++) {
		struct str *text = text_at(of, offsets[i]);
		if (!text->p)
			continue;
		if (text->n)
			memcpy(*at, text->p, text->n);
		text->p = *at;
		*at += text->n;
	}
}

static struct cached_grant *make_block(const unsigned char digest[32], uint64_t generation, const struct grant *g)
{
	size_t size = sizeof(struct cached_grant) + g->scope_count * sizeof(struct scope) +
		      texts_size(g, grant_texts, GRANT_TEXTS);
	for (size_t i = 0; i < g->scope_count; i++)
		size += texts_size(&g->scopes[i], scope_texts, SCOPE_TEXTS);
	struct cached_grant *block = malloc(size);
	if (!block)
		return NULL;
	char *at = (char *)&block->scopes[g->scope_count];
	memcpy(block->digest, digest, sizeof(block->digest));
	block->size = size;
	block->generation = generation;
	block->grant = *g;
	block->grant.scopes = block->scopes;
	append_texts(&block->grant, grant_texts, GRANT_TEXTS, &at);
	for (size_t i = 0; i < g->scope_count; i++) {
		block->scopes[i] = g->scopes[i];
		append_texts(&block->scopes[i], scope_texts, SCOPE_TEXTS, &at);
	}
	return block;
}

/* A digest is as good as random: its bytes choose the place. */
static struct slot *place(struct token_cache *cache, const unsigned char digest[32], struct shard **ret_shard,
			  uint64_t *ret_tag)
{
	memcpy(ret_tag, digest + 8, sizeof(*ret_tag));
	*ret_shard = &cache->shards[digest[0] % SHARDS];
	return (*ret_shard)->slots[digest[1] % SETS];
}

static bool is_of(const struct slot *slot, uint64_t tag, const unsigned char digest[32])
{
	return slot->block && slot->tag == tag && memcmp(slot->block->digest, digest, 32) == 0;
}

bool token_cache_find(struct token_cache *cache, struct arena *a, const unsigned char digest[32], uint64_t generation,
		      struct grant *ret_grant)
{
	struct shard *shard;
	struct cached_grant *copy = NULL;
	uint64_t tag;
	struct slot *ways = place(cache, digest, &shard, &tag);
	pthread_mutex_lock(&shard->lock);
	for (size_t w = 0; w < WAYS; w++) {
		const struct cached_grant *block = ways[w].block;
		if (!is_of(&ways[w], tag, digest) || block->generation != generation)
			continue;
		copy = arena_alloc(a, block->size);
		if (!copy)
			break;
		memcpy(copy, block, block->size);
		shift(copy, block);
		break;
	}
	pthread_mutex_unlock(&shard->lock);
	if (copy)
		*ret_grant = copy->grant;
	return copy != NULL;
}

void token_cache_put(struct token_cache *cache, const unsigned char digest[32], uint64_t generation,
		     const struct grant *grant)
{
	struct shard *shard;
	uint64_t tag;
	struct slot *ways = place(cache, digest, &shard, &tag);
	struct cached_grant *block = make_block(digest, generation, grant);
	if (!block)
		return; /* the store will be asked instead */
	size_t victim = 0;
	pthread_mutex_lock(&shard->lock);
	for (size_t w = 0; w < WAYS; w++) {
		if (!ways[w].block || is_of(&ways[w], tag, digest)) {
			victim = w;
			break;
		}
		if (ways[w].block->grant.expires_ms < ways[victim].block->grant.expires_ms)
			victim = w;
	}
	struct cached_grant *before = ways[victim].block;
	ways[victim] = (struct slot){tag, block};
	pthread_mutex_unlock(&shard->lock);
	free(before);
}
