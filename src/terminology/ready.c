/*
 * A hash table from addresses to addresses that is read without a lock. Entries are only ever added: a value is
 * published after what it points to is complete, and a larger table after it is filled.
 */
#include "terminology/terminology_priv.h"

enum { FIRST_SLOTS = 256, MAX_READY = 2000000 };

struct ready_slot {
	_Atomic(const void *) key;
	void *value;
};

struct ready_slots {
	size_t mask;
	struct ready_slot slot[];
};

static size_t place(const void *key, size_t mask)
{
	uint64_t h = (uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u;
	return (size_t)(h >> 32) & mask;
}

void *ready_get(const struct ready *r, const void *key)
{
	const struct ready_slots *s = atomic_load_explicit(&r->slots, memory_order_acquire);
	if (!s)
		return NULL;
	for (size_t at = place(key, s->mask);; at = (at + 1) & s->mask) {
		const void *found = atomic_load_explicit(&s->slot[at].key, memory_order_acquire);
		if (found == key)
			return s->slot[at].value;
		if (!found)
			return NULL;
	}
}

static void put(struct ready_slots *s, const void *key, void *value)
{
	size_t at = place(key, s->mask);
	while (atomic_load_explicit(&s->slot[at].key, memory_order_relaxed))
		at = (at + 1) & s->mask;
	s->slot[at].value = value;
	atomic_store_explicit(&s->slot[at].key, key, memory_order_release);
}

static struct ready_slots *grown(struct arena *a, const struct ready_slots *old)
{
	size_t count = old ? 2 * (old->mask + 1) : FIRST_SLOTS;
	struct ready_slots *s = arena_calloc(a, 1, sizeof(*s) + count * sizeof(s->slot[0]));
	if (!s)
		return NULL;
	s->mask = count - 1;
	for (size_t i = 0; old && i <= old->mask; i++) {
		const void *key = atomic_load_explicit(&old->slot[i].key, memory_order_relaxed);
		if (key)
			put(s, key, old->slot[i].value);
	}
	return s;
}

bool ready_put(struct ready *r, struct arena *a, const void *key, void *value, struct error *err)
{
	struct ready_slots *s = atomic_load_explicit(&r->slots, memory_order_relaxed);
	if (r->count >= MAX_READY)
		return error_set(err, ERR_LIMIT, "more than %d code systems and value sets are in use", MAX_READY);
	if (!s || 2 * (r->count + 1) > s->mask + 1) {
		s = grown(a, s);
		if (!s)
			return error_memory(err);
		atomic_store_explicit(&r->slots, s, memory_order_release);
	}
	put(s, key, value);
	r->count++;
	return true;
}
