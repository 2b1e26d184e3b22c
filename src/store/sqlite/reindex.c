/*
 * Making terms and index rows again from the bodies, a batch of versions with each commit. First the index tables are
 * emptied, so that nothing wrong stays; versions beyond those that have rows again are searched by their terms, so
 * answers are right all the time. How far it came is kept, and a run that was stopped goes on there, unless the store
 * was written in between: then what is indexed and what is made again may not be the same, and it starts over.
 */
#include "store/sqlite/sqlite_priv.h"

#define REACHED S("reindex")
enum { BATCH = 2000 };

bool meta_get(struct db *db, struct str key, int64_t otherwise, int64_t *ret_value, struct error *err)
{
	sqlite3_stmt *s = db_use(db, SQL_META_GET, err);
	bool row = false;
	if (!s)
		return false;
	bind_str(s, 1, key);
	if (!db_row(db, s, &row, err))
		return false;
	*ret_value = row ? sqlite3_column_int64(s, 0) : otherwise;
	sqlite3_reset(s);
	return true;
}

bool meta_set(struct db *db, struct str key, int64_t value, struct error *err)
{
	sqlite3_stmt *s = db_use(db, SQL_META_SET, err);
	if (!s)
		return false;
	bind_str(s, 1, key);
	sqlite3_bind_int64(s, 2, value);
	return db_done(db, s, err);
}

bool meta_drop(struct db *db, struct str key, struct error *err)
{
	sqlite3_stmt *s = db_use(db, SQL_META_DROP, err);
	if (!s)
		return false;
	bind_str(s, 1, key);
	return db_done(db, s, err);
}

bool body_open(struct sqlite_store *store, struct reader *r, const struct store_keeping *k, struct arena *a,
	       struct packed_body packed, struct opened_body *ret_body, struct error *err)
{
	if (packed.bytes.p && !bodies_knows(store->bodies, packed.coding) && !bodies_load(store->bodies, &r->db, err))
		return false;
	return check_open_body(store->bodies, r->unpacker, &r->stored, k, a, packed, ret_body, err);
}

struct reindex {
	struct sqlite_store *store;
	struct writer *w;
	const struct store_keeping *k;
	struct store_kept *kept;
	struct arena arena; /* of one version */
	int64_t reached;
};

/* The rid behind a reference; a place is kept for what is not stored. */
static int64_t place_rid(void *ctx, int64_t type, struct str id, struct error *err)
{
	struct writer *w = ctx;
	sqlite3_stmt *s = db_use(&w->db, SQL_RESOURCE_GET, err);
	bool row = false;
	if (!s)
		return 0;
	sqlite3_bind_int64(s, 1, type);
	bind_str(s, 2, id);
	if (!db_row(&w->db, s, &row, err))
		return 0;
	int64_t rid = row ? sqlite3_column_int64(s, 0) : 0;
	if (row)
		sqlite3_reset(s);
	if (rid || !(s = db_use(&w->db, SQL_RESOURCE_PUT, err)))
		return rid;
	rid = ++w->last_rid;
	sqlite3_bind_int64(s, 1, rid);
	sqlite3_bind_int64(s, 2, type);
	bind_str(s, 3, id);
	for (int i = 4; i <= 6; i++)
		sqlite3_bind_int64(s, i, 0);
	sqlite3_bind_int(s, 7, STORE_DELETE);
	return db_done(&w->db, s, err) ? rid : 0;
}

static bool set_terms(struct reindex *x, int64_t vid, struct error *err)
{
	sqlite3_stmt *s = db_use(&x->w->db, SQL_TERMS_SET, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, vid);
	bind_blob(s, 2, buf_str(&x->w->terms));
	x->kept->changed++;
	return db_done(&x->w->db, s, err);
}

/* A row of REINDEX_NEXT. A body that cannot be read keeps the terms it had: that is for the check to tell. */
static bool one_version(struct reindex *x, sqlite3_stmt *s, struct error *err)
{
	int64_t vid = sqlite3_column_int64(s, 0), type_number = sqlite3_column_int64(s, 1);
	bool deleted = sqlite3_column_int(s, 2) == STORE_DELETE;
	struct str terms = arena_str(&x->arena, column_str(s, 3));
	struct packed_body packed = {arena_str(&x->arena, column_str(s, 5)), sqlite3_column_int(s, 4)};
	const struct row_names names = {&x->w->names, place_rid, x->w};
	struct opened_body body;
	sqlite3_reset(s);
	x->kept->versions++;
	x->reached = vid;
	if (deleted)
		return true;
	const struct fhir_type *type = reader_type_of(x->store, x->store->view, type_number, err);
	if (!type || !body_open(x->store, x->store->view, x->k, &x->arena, packed, &body, err))
		return false;
	if (body.problem) {
		x->kept->findings++;
		return true;
	}
	x->kept->rows += (int64_t)body.rows.count;
	if (!rows_write_terms(&names, type, type_number, body.rows.rows, body.rows.count, &x->w->terms, err))
		return false;
	bool same = false;
	if (!rows_same_terms(&x->arena, terms, buf_str(&x->w->terms), &same, err))
		return false;
	return same || set_terms(x, vid, err);
}

static bool batch(struct reindex *x, struct error *err)
{
	int64_t from = x->reached;
	for (int i = 0; i < BATCH; i++) {
		sqlite3_stmt *s = db_use(&x->w->db, SQL_REINDEX_NEXT, err);
		bool row = false;
		if (!s)
			return false;
		sqlite3_bind_int64(s, 1, x->reached);
		if (!db_row(&x->w->db, s, &row, err))
			return false;
		if (!row)
			break;
		arena_reset(&x->arena);
		if (!one_version(x, s, err))
			return false;
	}
	return x->reached == from ||
	       (index_range(x->w, from, x->reached, err) && meta_set(&x->w->db, REACHED, x->reached, err));
}

static bool in_transaction(struct reindex *x, bool (*work)(struct reindex *x, struct error *err), struct error *err)
{
	struct error ignored = {0};
	if (!db_run(&x->w->db, SQL_BEGIN_WRITE, err))
		return false;
	if (work(x, err) && db_run(&x->w->db, SQL_COMMIT, err))
		return true;
	if (!sqlite3_get_autocommit(x->w->db.handle) && !db_run(&x->w->db, SQL_ROLLBACK, &ignored))
		error_clear(&ignored);
	return false;
}

static bool start_over(struct reindex *x, struct error *err)
{
	x->reached = 0;
	x->w->indexed = 0;
	return db_script(&x->w->db,
			 "DELETE FROM kind; DELETE FROM token; DELETE FROM string; DELETE FROM date; "
			 "DELETE FROM number; DELETE FROM reference; DELETE FROM word; UPDATE indexed SET vid = 0;"
			 "DELETE FROM meta WHERE key IN ('vacuumed', 'worded');",
			 err) &&
	       meta_set(&x->w->db, REACHED, 0, err);
}

static bool finish(struct reindex *x, struct error *err)
{
	return meta_set(&x->w->db, S("dates"), 1, err) && meta_drop(&x->w->db, REACHED, err);
}

static bool all(struct reindex *x, struct error *err)
{
	if (!meta_get(&x->w->db, REACHED, -1, &x->reached, err))
		return false;
	if ((x->reached < 0 || x->w->indexed != x->reached) && !in_transaction(x, start_over, err))
		return false;
	while (x->reached < x->w->last_vid) {
		int64_t from = x->reached;
		if (!keeping_told(&x->k->progress, x->reached, x->w->last_vid, err) || !in_transaction(x, batch, err))
			return false;
		if (x->reached == from)
			break;
	}
	return in_transaction(x, finish, err);
}

bool sqlite_reindex(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err)
{
	struct sqlite_store *store = b;
	struct reindex x = {.store = store, .w = &store->writer, .k = k, .kept = kept};
	arena_init(&x.arena, ARENA_NO_CAP);
	bool ok = db_script(&x.w->db, "PRAGMA wal_autocheckpoint = 8000;", err) && all(&x, err);
	arena_done(&x.arena);
	return ok;
}
