/*
 * A hash map from byte strings to 64-bit values, open addressing, insert and look up only (clear empties it). Keys are
 * borrowed: they must outlive the map, usually in the same arena. One thread at a time.
 */
#ifndef FIRTH_BASE_MAP_H
#define FIRTH_BASE_MAP_H

#include "base/str.h"

struct map_slot {
	struct str key; /* key.p == NULL: empty */
	uint64_t hash;
	uint64_t value;
};

struct map {
	struct map_slot *slots;
	size_t count, capacity, max;
};

/* At most max entries. */
void map_init(struct map *m, size_t max);
void map_done(struct map *m);
void map_clear(struct map *m);

/* Pointer to the value of key, or NULL. Valid until the next map_put. */
uint64_t *map_get(const struct map *m, struct str key);
/* The value of key, newly 0 when it was not there (*ret_new tells, may be NULL). NULL past max or without memory. */
uint64_t *map_put(struct map *m, struct str key, bool *ret_new);

#endif
