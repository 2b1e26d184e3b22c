/* See seen.h: open addressing, half full at most. */
#include "ehr/seen.h"

#include <stdlib.h>

void ehr_seen_init(struct ehr_seen *s, size_t max)
{
	*s = (struct ehr_seen){.max = max};
}

void ehr_seen_done(struct ehr_seen *s)
{
	free(s->slots);
	*s = (struct ehr_seen){0};
}

void ehr_seen_clear(struct ehr_seen *s)
{
	if (s->slots)
		memset(s->slots, 0, s->capacity * sizeof(*s->slots));
	s->count = 0;
}

static struct ehr_seen_slot *place(struct ehr_seen_slot *slots, size_t capacity, uint64_t hash)
{
	size_t at = (size_t)hash & (capacity - 1);
	while (slots[at].hash && slots[at].hash != hash)
		at = (at + 1) & (capacity - 1);
	return &slots[at];
}

static bool grow(struct ehr_seen *s)
{
	size_t capacity = s->capacity ? s->capacity * 2 : 1024;
	struct ehr_seen_slot *slots = calloc(capacity, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < s->capacity; i++)
		if (s->slots[i].hash)
			*place(slots, capacity, s->slots[i].hash) = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->capacity = capacity;
	return true;
}

int64_t *ehr_seen_put(struct ehr_seen *s, struct str first, struct str second, bool *ret_fresh)
{
	/* The second hash is turned, so that a/b and b/a differ. */
	uint64_t one = str_hash(first), two = str_hash(second);
	uint64_t hash = one * 0x9e3779b97f4a7c15u + (two << 31 | two >> 33);
	hash ^= hash >> 29;
	hash = hash ? hash : 1;
	if (2 * (s->count + 1) > s->capacity && !grow(s))
		return NULL;
	struct ehr_seen_slot *slot = place(s->slots, s->capacity, hash);
	*ret_fresh = !slot->hash;
	if (*ret_fresh) {
		if (s->count >= s->max)
			return NULL;
		*slot = (struct ehr_seen_slot){.hash = hash};
		s->count++;
	}
	return &slot->stamp;
}
