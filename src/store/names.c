/* Names to numbers: the caches, and the table by address that answers for types and parameters without a hash of text.
 */
#include "store/names.h"

#include <stdlib.h>
#include <string.h>

struct name_slot {
	const void *type, *param;
	int64_t id;
};
enum { SLOT_BITS = 12 };

void cache_init(struct cache *c, size_t max)
{
	arena_init(&c->arena, ARENA_NO_CAP);
	map_init(&c->map, max);
}

void cache_done(struct cache *c)
{
	map_done(&c->map);
	arena_done(&c->arena);
}

void cache_clear(struct cache *c)
{
	map_clear(&c->map);
	arena_reset(&c->arena);
}

bool cache_get(const struct cache *c, struct str key, int64_t *ret_value)
{
	const uint64_t *value = map_get(&c->map, key);
	if (!value)
		return false;
	*ret_value = (int64_t)*value;
	return true;
}

void cache_put(struct cache *c, struct str key, int64_t value)
{
	if (key.n > 1024)
		return;
	if (c->map.count >= c->map.max)
		cache_clear(c);
	struct str copy = arena_str(&c->arena, key);
	uint64_t *slot = copy.p ? map_put(&c->map, copy, NULL) : NULL;
	if (slot)
		*slot = (uint64_t)value;
}

bool names_init(struct names *n, names_intern *intern, void *ctx, struct error *err)
{
	*n = (struct names){.intern = intern, .ctx = ctx};
	cache_init(&n->systems, 4096);
	cache_init(&n->types, 512);
	cache_init(&n->added, 4096);
	n->slots = calloc((size_t)1 << SLOT_BITS, sizeof(*n->slots));
	return n->slots || error_memory(err);
}

void names_done(struct names *n)
{
	cache_done(&n->systems);
	cache_done(&n->types);
	cache_done(&n->added);
	free(n->slots);
	*n = (struct names){0};
}

void names_clear(struct names *n)
{
	cache_clear(&n->systems);
	cache_clear(&n->types);
	cache_clear(&n->added);
	memset(n->slots, 0, sizeof(*n->slots) << SLOT_BITS);
}

static struct name_slot *slot_of(struct names *n, const void *type, const void *param)
{
	uint64_t mixed = ((uint64_t)(uintptr_t)type * 31 + (uint64_t)(uintptr_t)param) * 0x9E3779B97F4A7C15u;
	return &n->slots[mixed >> (64 - SLOT_BITS)];
}

int64_t names_type_named(struct names *n, struct str name, struct error *err)
{
	int64_t id;
	if (cache_get(&n->types, name, &id))
		return id;
	id = n->intern(n->ctx, NAMES_TYPE, 0, name, err);
	if (id)
		cache_put(&n->types, name, id);
	return id;
}

int64_t names_type(struct names *n, const struct fhir_type *type, struct error *err)
{
	struct name_slot *slot = slot_of(n, type, NULL);
	if (slot->type == type && !slot->param)
		return slot->id;
	int64_t id = names_type_named(n, type->name, err);
	if (id)
		*slot = (struct name_slot){type, NULL, id};
	return id;
}

struct str names_variant(const struct search_param *param, enum row_variant variant, char buffer[NAMES_VARIANT_MAX])
{
	static const struct str suffixes[] = {[ROW_OF_TYPE] = {":of-type", 8},
					      [ROW_IDENTIFIER] = {":identifier", 11},
					      [ROW_REMOVED] = {":removed", 8},
					      [ROW_PRESENT] = {":present", 8}};
	if (variant == ROW_PLAIN)
		return param->code;
	struct str code = param->code, suffix = suffixes[variant];
	if (code.n + suffix.n > NAMES_VARIANT_MAX)
		return STR_NULL;
	memcpy(buffer, code.p, code.n);
	memcpy(buffer + code.n, suffix.p, suffix.n);
	return str_make(buffer, code.n + suffix.n);
}

static int64_t added_param(struct names *n, int64_t type_id, struct str name, struct error *err)
{
	char key[sizeof(type_id) + NAMES_VARIANT_MAX];
	int64_t id;
	if (name.n > NAMES_VARIANT_MAX) {
		error_set(err, ERR_LIMIT, "The name of a search parameter is too long");
		return 0;
	}
	memcpy(key, &type_id, sizeof(type_id));
	memcpy(key + sizeof(type_id), name.p, name.n);
	struct str whole = str_make(key, sizeof(type_id) + name.n);
	if (cache_get(&n->added, whole, &id))
		return id;
	id = n->intern(n->ctx, NAMES_PARAM, type_id, name, err);
	if (id)
		cache_put(&n->added, whole, id);
	return id;
}

int64_t names_param(struct names *n, const struct fhir_type *type, int64_t type_id, const struct search_param *param,
		    enum row_variant variant, struct error *err)
{
	/* An address inside the parameter stands for its variant. */
	const void *key = (const char *)param + variant;
	struct name_slot *slot = slot_of(n, type, key);
	if (slot->type == type && slot->param == key && !param->added)
		return slot->id;
	char buffer[NAMES_VARIANT_MAX];
	struct str name = names_variant(param, variant, buffer);
	if (!name.p) {
		error_set(err, ERR_LIMIT, "The name of a search parameter is too long");
		return 0;
	}
	if (param->added)
		return added_param(n, type_id, name, err);
	int64_t id = n->intern(n->ctx, NAMES_PARAM, type_id, name, err);
	if (id)
		*slot = (struct name_slot){type, key, id};
	return id;
}

int64_t names_system(struct names *n, struct str system, struct error *err)
{
	int64_t id;
	if (cache_get(&n->systems, system, &id))
		return id;
	id = n->intern(n->ctx, NAMES_SYSTEM, 0, system, err);
	if (id)
		cache_put(&n->systems, system, id);
	return id;
}
