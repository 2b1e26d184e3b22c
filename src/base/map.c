/* Open addressing with linear probing, at most three quarters full. */
#include "base/map.h"

#include <stdlib.h>

void map_init(struct map *m, size_t max)
{
	*m = (struct map){.max = max};
}

void map_done(struct map *m)
{
	free(m->slots);
	map_init(m, m->max);
}

void map_clear(struct map *m)
{
	if (m->slots)
		memset(m->slots, 0, m->capacity * sizeof(*m->slots));
	m->count = 0;
}

static struct map_slot *find(struct map_slot *slots, size_t capacity, struct str key, uint64_t hash)
{
	size_t i = hash & (capacity - 1);
	while (slots[i].key.p && (slots[i].hash != hash || !str_eq(slots[i].key, key)))
		i = (i + 1) & (capacity - 1);
	return &slots[i];
}

static bool grow(struct map *m)
{
	size_t capacity = m->capacity ? m->capacity * 2 : 16;
	struct map_slot *slots = calloc(capacity, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < m->capacity; i++)
		if (m->slots[i].key.p)
			*find(slots, capacity, m->slots[i].key, m->slots[i].hash) = m->slots[i];
	free(m->slots);
	m->slots = slots;
	m->capacity = capacity;
	return true;
}

uint64_t *map_get(const struct map *m, struct str key)
{
	if (!m->count)
		return NULL;
	struct map_slot *slot = find(m->slots, m->capacity, key, str_hash(key));
	return slot->key.p ? &slot->value : NULL;
}

uint64_t *map_put(struct map *m, struct str key, bool *ret_new)
{
	uint64_t hash = str_hash(key);
	if (m->capacity) {
		struct map_slot *slot = find(m->slots, m->capacity, key, hash);
		if (slot->key.p) {
			if (ret_new)
				*ret_new = false;
			return &slot->value;
		}
	}
	if (m->count >= m->max || ((m->count + 1) * 4 > m->capacity * 3 && !grow(m)))
		return NULL;
	struct map_slot *slot = find(m->slots, m->capacity, key, hash);
	*slot = (struct map_slot){key.p ? key : S(""), hash, 0};
	m->count++;
	if (ret_new)
		*ret_new = true;
	return &slot->value;
}
