/* The shelf of small facts. Expired ones count as absent at once and are swept away a few at a time. */
#include "store/sqlite/sqlite_priv.h"

#include "base/clock.h"

static bool fact_find(struct db *db, struct str shelf, struct str key, sqlite3_stmt **ret_statement, bool *ret_row,
		      struct error *err)
{
	sqlite3_stmt *s = db_use(db, SQL_FACT_GET, err);
	if (!s)
		return false;
	bind_str(s, 1, shelf.p ? shelf : S(""));
	bind_str(s, 2, key.p ? key : S(""));
	sqlite3_bind_int64(s, 3, clock_now_ms());
	*ret_statement = s;
	return db_row(db, s, ret_row, err);
}

static bool fact_drop(struct writer *w, const struct store_fact *fact, struct error *err)
{
	sqlite3_stmt *s = db_use(&w->db, SQL_FACT_DROP, err);
	if (!s)
		return false;
	bind_str(s, 1, fact->shelf.p ? fact->shelf : S(""));
	bind_str(s, 2, fact->key.p ? fact->key : S(""));
	return db_done(&w->db, s, err);
}

static bool fact_store(struct writer *w, const struct store_fact *fact, struct error *err)
{
	sqlite3_stmt *s = db_use(&w->db, SQL_FACT_PUT, err);
	if (!s)
		return false;
	bind_str(s, 1, fact->shelf.p ? fact->shelf : S(""));
	bind_str(s, 2, fact->key.p ? fact->key : S(""));
	bind_blob(s, 3, fact->value);
	sqlite3_bind_int64(s, 4, fact->expires_ms);
	return db_done(&w->db, s, err);
}

static bool fact_sweep(struct writer *w, struct error *err)
{
	if (w->facts_put++ % 64 != 0)
		return true;
	sqlite3_stmt *s = db_use(&w->db, SQL_FACT_SWEEP, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, clock_now_ms());
	return db_done(&w->db, s, err);
}

bool fact_apply(struct writer *w, struct item *item, struct error *err)
{
	const struct store_fact *fact = item->fact;
	if (fact->only_new) {
		sqlite3_stmt *s;
		bool row = false;
		if (!fact_find(&w->db, fact->shelf, fact->key, &s, &row, err))
			return false;
		sqlite3_reset(s);
		if (row) {
			error_set(&item->err, ERR_CONFLICT, "There is such an entry already");
			return true;
		}
	}
	if (!fact->value.p)
		return fact_drop(w, fact, err);
	return fact_store(w, fact, err) && fact_sweep(w, err);
}

bool sqlite_fact_get(void *b, struct arena *a, struct str shelf, struct str key, struct str *ret_value,
		     struct error *err)
{
	struct sqlite_store *store = b;
	struct reader *r = reader_acquire(store, err);
	if (!r)
		return false;
	sqlite3_stmt *s;
	bool row = false, ok = fact_find(&r->db, shelf, key, &s, &row, err);
	struct str value = STR_NULL;
	if (ok && row) {
		value = arena_str(a, column_str(s, 0));
		if (!value.p)
			ok = error_memory(err);
		sqlite3_reset(s);
	}
	reader_release(store, r);
	if (ok)
		*ret_value = value;
	return ok;
}
