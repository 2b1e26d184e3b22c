/* Reading by identity: the current version or a past one in one question each, and how many there are. */
#include "store/postgres/postgres_priv.h"

static bool read_version(struct pg_store *s, struct reader *r, struct arena *a, const struct fhir_type *type,
			 struct str id, int64_t version, struct store_entry *entry, struct error *err)
{
	int64_t type_id;
	if (!pg_reader_type(s, &r->pg, type->name, &type_id, err))
		return false;
	if (!type_id)
		return store_version_absent(err, type, version);
	struct pg_params p = {0};
	pg_add_i64(&p, type_id);
	pg_add_bytes(&p, id.p ? id : S(""));
	if (version)
		pg_add_i64(&p, version);
	PGresult *rows = pg_ask(&r->pg, version ? SQL_READ_VERSION : SQL_READ, &p, err);
	if (!rows)
		return false;
	bool ok = PQntuples(rows) ? pg_reader_entry(s, r, a, rows, 0, entry, err)
				  : store_version_absent(err, type, version);
	PQclear(rows);
	return ok;
}

bool pg_read(void *b, struct arena *a, const struct fhir_type *type, struct str id, int64_t version,
	     struct store_entry *ret_entry, struct error *err)
{
	struct pg_store *s = b;
	struct reader *r = pg_reader_acquire(s, err);
	if (!r)
		return false;
	bool ok = read_version(s, r, a, type, id, version, ret_entry, err);
	pg_reader_release(s, r);
	return ok;
}

static bool count_rows(struct pg_store *s, struct reader *r, struct arena *a, const PGresult *rows,
		       struct store_count **ret_counts, struct error *err)
{
	int count = PQntuples(rows);
	struct store_count *counts = ARENA_ARRAY(a, struct store_count, (size_t)count + 1);
	if (!counts)
		return error_memory(err);
	for (int i = 0; i < count; i++) {
		counts[i].type = pg_reader_type_of(s, &r->pg, pg_i64(rows, i, 0), err);
		counts[i].count = pg_i64(rows, i, 1);
		if (!counts[i].type)
			return false;
	}
	*ret_counts = counts;
	return true;
}

bool pg_counts(void *b, struct arena *a, struct store_count **ret_counts, size_t *ret_count, struct error *err)
{
	struct pg_store *s = b;
	struct reader *r = pg_reader_acquire(s, err);
	if (!r)
		return false;
	PGresult *rows = pg_ask(&r->pg, SQL_TYPE_COUNTS, NULL, err);
	bool ok = rows && count_rows(s, r, a, rows, ret_counts, err);
	if (ok)
		*ret_count = (size_t)PQntuples(rows);
	PQclear(rows);
	pg_reader_release(s, r);
	return ok;
}
