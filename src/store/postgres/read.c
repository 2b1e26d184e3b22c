/* Reading by identity: the current version or a past one in one question each, and how many there are. */
#include "store/postgres/postgres_priv.h"

struct reading {
	struct pg_store *store;
	struct arena *arena;
	const struct fhir_type *type;
	struct str id;
	int64_t version;
	struct store_entry *entry;
};

static bool read_version(void *ctx, struct reader *r, struct error *err)
{
	const struct reading *x = ctx;
	int64_t type_id;
	if (!pg_reader_type(x->store, &r->pg, x->type->name, &type_id, err))
		return false;
	if (!type_id)
		return store_version_absent(err, x->type, x->version);
	struct pg_params p = {0};
	pg_add_i64(&p, type_id);
	pg_add_bytes(&p, x->id.p ? x->id : S(""));
	if (x->version)
		pg_add_i64(&p, x->version);
	PGresult *rows = pg_ask(&r->pg, x->version ? SQL_READ_VERSION : SQL_READ, &p, err);
	if (!rows)
		return false;
	bool ok = PQntuples(rows) ? pg_reader_entry(x->store, r, x->arena, rows, 0, x->entry, err)
				  : store_version_absent(err, x->type, x->version);
	PQclear(rows);
	return ok;
}

bool pg_read(void *b, struct arena *a, const struct fhir_type *type, struct str id, int64_t version,
	     struct store_entry *ret_entry, struct error *err)
{
	struct reading x = {b, a, type, id, version, ret_entry};
	return pg_reader_ask(b, read_version, &x, 0, err);
}

struct counting {
	struct pg_store *store;
	struct arena *arena;
	struct store_count *counts;
	size_t count;
};

static bool count_rows(struct counting *x, struct reader *r, const PGresult *rows, struct error *err)
{
	x->count = (size_t)PQntuples(rows);
	x->counts = ARENA_ARRAY(x->arena, struct store_count, x->count + 1);
	if (!x->counts)
		return error_memory(err);
	for (size_t i = 0; i < x->count; i++) {
		x->counts[i].type = pg_reader_type_of(x->store, &r->pg, pg_i64(rows, (int)i, 0), err);
		x->counts[i].count = pg_i64(rows, (int)i, 1);
		if (!x->counts[i].type)
			return false;
	}
	return true;
}

static bool count_types(void *ctx, struct reader *r, struct error *err)
{
	PGresult *rows = pg_ask(&r->pg, SQL_TYPE_COUNTS, NULL, err);
	bool ok = rows && count_rows(ctx, r, rows, err);
	PQclear(rows);
	return ok;
}

bool pg_counts(void *b, struct arena *a, struct store_count **ret_counts, size_t *ret_count, struct error *err)
{
	struct counting x = {.store = b, .arena = a};
	if (!pg_reader_ask(b, count_types, &x, 0, err))
		return false;
	*ret_counts = x.counts;
	*ret_count = x.count;
	return true;
}
