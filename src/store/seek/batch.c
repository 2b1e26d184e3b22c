/*
 * Lists that sources fill and the engine works on: versions with their terms, numbers, rows of a stretch; and what is
 * known of resources by their rids.
 */
#include "store/seek/seek_priv.h"

#include <stdlib.h>

void seek_batch_init(struct seek_batch *b)
{
	*b = (struct seek_batch){0};
	arena_init(&b->arena, (size_t)256 << 20);
}

void seek_batch_done(struct seek_batch *b)
{
	arena_done(&b->arena);
	free(b->list);
	*b = (struct seek_batch){0};
}

void seek_batch_reset(struct seek_batch *b)
{
	arena_reset(&b->arena);
	b->count = 0;
	b->reached = 0;
	b->ended = false;
}

bool seek_batch_add(struct seek_batch *b, const struct seek_found *found, struct error *err)
{
	if (b->count == b->capacity) {
		size_t capacity = b->capacity ? b->capacity * 2 : LEAST_BATCH * 2;
		struct seek_found *list = realloc(b->list, capacity * sizeof(*list));
		if (!list)
			return error_memory(err);
		b->list = list;
		b->capacity = capacity;
	}
	struct seek_found *f = &b->list[b->count];
	*f = *found;
	f->terms = arena_str(&b->arena, found->terms.p ? found->terms : S(""));
	if (!f->terms.p)
		return error_memory(err);
	b->count++;
	return true;
}

bool seek_numbers_add(struct seek_numbers *n, int64_t number, struct error *err)
{
	if (n->count == n->capacity) {
		size_t capacity = n->capacity ? n->capacity * 2 : 64;
		int64_t *list = realloc(n->list, capacity * sizeof(*list));
		if (!list)
			return error_memory(err);
		n->list = list;
		n->capacity = capacity;
	}
	n->list[n->count++] = number;
	return true;
}

bool seek_keys_add(struct seek_keys *k, const struct seek_key *key, struct error *err)
{
	if (k->count == k->capacity) {
		size_t capacity = k->capacity ? k->capacity * 2 : 64;
		struct seek_key *list = realloc(k->list, capacity * sizeof(*list));
		if (!list)
			return error_memory(err);
		k->list = list;
		k->capacity = capacity;
	}
	k->list[k->count] = *key;
	if (key->key.p && !(k->list[k->count].key = arena_str(&k->arena, key->key)).p)
		return error_memory(err);
	k->count++;
	return true;
}

static int compare_vids(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

static bool is_sorted(const struct seek_numbers *n)
{
	size_t i = 1;
	while (i < n->count && n->list[i - 1] <= n->list[i])
		i++;
	return i >= n->count;
}

void numbers_sort(struct seek_numbers *n, int64_t low, int64_t high, bool descending)
{
	size_t kept = 0;
	if (!is_sorted(n))
		qsort(n->list, n->count, sizeof(*n->list), compare_vids);
	for (size_t i = 0; i < n->count; i++)
		if (n->list[i] > low && n->list[i] <= high && (!kept || n->list[kept - 1] != n->list[i]))
			n->list[kept++] = n->list[i];
	n->count = kept;
	for (size_t i = 0; descending && i < kept / 2; i++) {
		int64_t swapped = n->list[i];
		n->list[i] = n->list[kept - 1 - i];
		n->list[kept - 1 - i] = swapped;
	}
}

bool numbers_have(const struct seek_numbers *n, int64_t number)
{
	size_t low = 0, high = n->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (n->list[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n->count && n->list[low] == number;
}

/* ---- rids -----------------------------------------------------------------------------------------------------------
 */

static size_t slot_of(const struct rid_map *m, int64_t rid)
{
	size_t at = (size_t)(((uint64_t)rid * 0x9E3779B97F4A7C15u) >> 20) & (m->capacity - 1);
	while (m->keys[at] && m->keys[at] != rid)
		at = (at + 1) & (m->capacity - 1);
	return at;
}

static bool grow(struct arena *a, struct rid_map *m)
{
	struct rid_map bigger = {.capacity = m->capacity ? m->capacity * 4 : 256};
	bigger.keys = ARENA_ARRAY(a, int64_t, bigger.capacity);
	bigger.values = ARENA_ARRAY(a, unsigned char, bigger.capacity);
	if (!bigger.keys || !bigger.values)
		return false;
	for (size_t i = 0; i < m->capacity; i++) {
		if (!m->keys[i])
			continue;
		size_t at = slot_of(&bigger, m->keys[i]);
		bigger.keys[at] = m->keys[i];
		bigger.values[at] = m->values[i];
	}
	bigger.count = m->count;
	*m = bigger;
	return true;
}

unsigned char rid_map_get(const struct rid_map *m, int64_t rid)
{
	return m->count ? m->values[slot_of(m, rid)] : 0;
}

bool rid_map_put(struct arena *a, struct rid_map *m, int64_t rid, unsigned char value, struct error *err)
{
	if (m->count * 2 >= m->capacity && !grow(a, m))
		return error_memory(err);
	size_t at = slot_of(m, rid);
	m->count += !m->keys[at];
	m->keys[at] = rid;
	m->values[at] = value;
	return true;
}
