/*
 * Names become small numbers, once per store. The writer keeps what it met lately in bounded caches, compared exactly;
 * a full cache is emptied, since what is used comes back at the price of one look-up.
 */
#include "store/sqlite/sqlite_priv.h"

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

/* Looks a name up with one statement and makes it with another; both take the same parameters. */
static int64_t intern(struct writer *w, enum statement get, enum statement put, int64_t type, struct str text,
		      bool blob, struct error *err)
{
	for (int round = 0; round < 2; round++) {
		sqlite3_stmt *s = db_use(&w->db, round == 0 ? get : put, err);
		if (!s)
			return 0;
		int at = 1;
		if (type)
			sqlite3_bind_int64(s, at++, type);
		if (blob)
			bind_blob(s, at, text);
		else
			bind_str(s, at, text);
		bool row = false;
		if (!db_row(&w->db, s, &row, err))
			return 0;
		if (row) {
			int64_t id = sqlite3_column_int64(s, 0);
			sqlite3_reset(s);
			return id;
		}
	}
	return sqlite3_last_insert_rowid(w->db.handle);
}

static struct pointer_slot *pointer_slot(struct writer *w, const void *type, const void *param)
{
	uint64_t mixed = ((uint64_t)(uintptr_t)type * 31 + (uint64_t)(uintptr_t)param) * 0x9E3779B97F4A7C15u;
	return &w->pointers[mixed >> 52];
}

int64_t writer_type_named(struct writer *w, struct str name, struct error *err)
{
	int64_t id;
	if (cache_get(&w->types, name, &id))
		return id;
	id = intern(w, SQL_TYPE_GET, SQL_TYPE_PUT, 0, name, false, err);
	if (id)
		cache_put(&w->types, name, id);
	return id;
}

int64_t writer_type(struct writer *w, const struct fhir_type *type, struct error *err)
{
	struct pointer_slot *slot = pointer_slot(w, type, NULL);
	if (slot->type == type && !slot->param)
		return slot->id;
	int64_t id = writer_type_named(w, type->name, err);
	if (id)
		*slot = (struct pointer_slot){type, NULL, id};
	return id;
}

int64_t writer_param(struct writer *w, const struct fhir_type *type, int64_t type_id, const struct search_param *param,
		     struct error *err)
{
	struct pointer_slot *slot = pointer_slot(w, type, param);
	if (slot->type == type && slot->param == param)
		return slot->id;
	int64_t id = intern(w, SQL_PARAM_GET, SQL_PARAM_PUT, type_id, param->code, false, err);
	if (id)
		*slot = (struct pointer_slot){type, param, id};
	return id;
}

int64_t writer_system(struct writer *w, struct str system, struct error *err)
{
	int64_t id;
	if (cache_get(&w->systems, system, &id))
		return id;
	id = intern(w, SQL_SYSTEM_GET, SQL_SYSTEM_PUT, 0, system, true, err);
	if (id)
		cache_put(&w->systems, system, id);
	return id;
}
