/*
 * Dropping what is not needed any more: index rows of versions that were replaced so long ago that no page link in use
 * can see them, and free pages. Versions and bodies stay: they are the history. Links older than that are refused
 * afterwards, by the vid kept under `vacuumed`.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/sqlite/sqlite_priv.h"

enum { BATCH = 5000 };

struct vacuum {
	struct sqlite_store *store;
	struct writer *w;
	const struct store_keeping *k;
	struct store_kept *kept;
	int64_t mark; /* versions that died at or before it lose their rows */
	int64_t rid, version; /* the last one looked at */
	bool ended;
};

static int64_t size_on_disk(const struct sqlite_store *s)
{
	struct stat info;
	char path[4200];
	int64_t size = stat(s->path, &info) == 0 ? info.st_size : 0;
	snprintf(path, sizeof(path), "%s-wal", s->path);
	return size + (stat(path, &info) == 0 ? info.st_size : 0);
}

static bool drop_rows(struct vacuum *x, int64_t vid, struct str terms, struct error *err)
{
	struct seek_row rows[MOST_TERM_ROWS];
	struct term t;
	while (term_next(&terms, &t)) {
		size_t count = seek_rows(&t, vid, rows);
		for (size_t i = 0; i < count; i++) {
			sqlite3_stmt *s = index_use(&x->w->db, INDEX_DROP, &rows[i], err);
			if (!s || !db_done(&x->w->db, s, err))
				return false;
			x->kept->rows += sqlite3_changes(x->w->db.handle);
		}
	}
	return true;
}

static bool next(struct vacuum *x, struct error *err)
{
	sqlite3_stmt *s = db_use(&x->w->db, SQL_VACUUM_NEXT, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, x->rid);
	sqlite3_bind_int64(s, 2, x->version);
	if (!db_row(&x->w->db, s, &row, err))
		return false;
	x->ended = !row;
	if (!row)
		return true;
	x->rid = sqlite3_column_int64(s, 0);
	x->version = sqlite3_column_int64(s, 1);
	int64_t vid = sqlite3_column_int64(s, 2), died = sqlite3_column_int64(s, 3);
	x->kept->versions++;
	bool ok = died > x->mark || vid > x->w->indexed || drop_rows(x, vid, column_str(s, 4), err);
	sqlite3_reset(s);
	return ok;
}

static bool batch(struct vacuum *x, struct error *err)
{
	for (int i = 0; i < BATCH && !x->ended; i++)
		if (!next(x, err))
			return false;
	return true;
}

/* The mark is set before rows go, so that no link is answered in part. */
static bool drop_all(struct vacuum *x, struct error *err)
{
	struct error ignored = {0};
	bool marked = false;
	while (!x->ended) {
		if (!keeping_told(&x->k->progress, x->rid, x->w->last_rid, err) ||
		    !db_run(&x->w->db, SQL_BEGIN_WRITE, err))
			return false;
		bool ok = (marked || meta_set(&x->w->db, S("vacuumed"), x->mark, err)) && batch(x, err) &&
			  db_run(&x->w->db, SQL_COMMIT, err);
		if (!ok) {
			if (!sqlite3_get_autocommit(x->w->db.handle) && !db_run(&x->w->db, SQL_ROLLBACK, &ignored))
				error_clear(&ignored);
			return false;
		}
		marked = true;
	}
	return true;
}

bool sqlite_vacuum(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err)
{
	struct sqlite_store *store = b;
	struct vacuum x = {.store = store, .w = &store->writer, .k = k, .kept = kept};
	kept->bytes_before = size_on_disk(store);
	/* Versions that died before a time are those whose successor is older than it. A run that was stopped has set
	 * its mark, but not dropped everything, so all of them are looked at each time. */
	if (!reader_last_before(store->view, clock_now_ms() - k->keep_ms, x.w->last_vid, &x.mark, err) ||
	    !db_script(&x.w->db, "PRAGMA wal_autocheckpoint = 8000;", err) || !drop_all(&x, err) ||
	    !db_script(&x.w->db, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE);", err))
		return false;
	kept->bytes_after = size_on_disk(store);
	return true;
}
