/* The shelf of small facts. Expired ones count as absent at once and are swept away a few at a time. */
#include "store/sqlite/sqlite_priv.h"

#include "base/clock.h"

enum { SWEEP_EVERY = 64 };

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

bool fact_load(struct writer *w, struct group *g, struct fact_state *f, struct error *err)
{
	sqlite3_stmt *s = db_use(&w->db, SQL_FACT_LOAD, err);
	bool row = false;
	if (!s)
		return false;
	bind_str(s, 1, f->shelf);
	bind_str(s, 2, f->key);
	if (!db_row(&w->db, s, &row, err))
		return false;
	f->loaded = true;
	if (!row)
		return true;
	bool ok = fact_loaded(g, f, column_str(s, 0), sqlite3_column_int64(s, 1), err);
	sqlite3_reset(s);
	return ok;
}

static bool fact_write(struct writer *w, const struct fact_state *f, struct error *err)
{
	sqlite3_stmt *s = db_use(&w->db, f->value.p ? SQL_FACT_PUT : SQL_FACT_DROP, err);
	if (!s)
		return false;
	bind_str(s, 1, f->shelf);
	bind_str(s, 2, f->key);
	if (f->value.p) {
		bind_blob(s, 3, f->value);
		sqlite3_bind_int64(s, 4, f->expires);
	}
	return db_done(&w->db, s, err);
}

/* With every so many that are written, as many of those that expired go at least. */
static bool fact_sweep(struct writer *w, size_t put, int64_t now, struct error *err)
{
	uint64_t before = w->facts_put;
	w->facts_put += put;
	if (before / SWEEP_EVERY == w->facts_put / SWEEP_EVERY)
		return true;
	sqlite3_stmt *s = db_use(&w->db, SQL_FACT_SWEEP, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, now);
	sqlite3_bind_int64(s, 2, (int64_t)put + 2 * SWEEP_EVERY);
	return db_done(&w->db, s, err);
}

bool facts_write(struct writer *w, struct group *g, struct error *err)
{
	for (const struct fact_state *f = g->facts_written; f; f = f->next)
		if (!fact_write(w, f, err))
			return false;
	return fact_sweep(w, g->facts_put, g->time, err);
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

static bool list_row(sqlite3_stmt *s, struct arena *a, struct str shelf, struct store_fact *ret_fact, struct error *err)
{
	*ret_fact = (struct store_fact){.shelf = shelf,
					.key = arena_str(a, column_str(s, 0)),
					.value = arena_str(a, column_str(s, 1)),
					.expires_ms = sqlite3_column_int64(s, 2)};
	return (ret_fact->key.p && ret_fact->value.p) || error_memory(err);
}

static bool list_rows(struct db *db, struct arena *a, struct str shelf, struct str after_key, size_t max,
		      struct store_fact *facts, size_t *ret_count, struct error *err)
{
	sqlite3_stmt *s = db_use(db, SQL_FACT_LIST, err);
	bool row = true, ok = true;
	if (!s)
		return false;
	bind_str(s, 1, shelf.p ? shelf : S(""));
	bind_str(s, 2, after_key.p ? after_key : S(""));
	sqlite3_bind_int(s, 3, after_key.p != NULL);
	sqlite3_bind_int64(s, 4, clock_now_ms());
	sqlite3_bind_int64(s, 5, (int64_t)max);
	*ret_count = 0;
	while (ok && row && *ret_count < max) {
		ok = db_row(db, s, &row, err) && (!row || list_row(s, a, shelf, &facts[*ret_count], err));
		*ret_count += ok && row;
	}
	sqlite3_reset(s);
	return ok;
}

bool sqlite_fact_list(void *b, struct arena *a, struct str shelf, struct str after_key, size_t max,
		      struct store_fact **ret_facts, size_t *ret_count, struct error *err)
{
	struct sqlite_store *store = b;
	struct str kept = arena_str(a, shelf);
	struct store_fact *facts = ARENA_ARRAY(a, struct store_fact, max + 1);
	if (!facts || !kept.p)
		return error_memory(err);
	struct reader *r = reader_acquire(store, err);
	bool ok = r && list_rows(&r->db, a, kept, after_key, max, facts, ret_count, err);
	if (r)
		reader_release(store, r);
	if (ok)
		*ret_facts = facts;
	return ok;
}
