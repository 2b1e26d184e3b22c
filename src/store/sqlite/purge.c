/*
 * Purging: the content of the versions before the newest one goes for good. Their rows stay as deletions without
 * content, so that numbers of versions have no gaps and snapshots know what they do not see; bodies, terms, hashes and
 * index rows are removed, and overwritten in the file.
 */
#include "store/sqlite/sqlite_priv.h"

#include <stdlib.h>

static bool version_terms(struct writer *w, int64_t vid, struct str *ret_terms, struct error *err)
{
	sqlite3_stmt *s = db_use(&w->db, SQL_VERSION_TERMS, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, vid);
	if (!db_row(&w->db, s, &row, err))
		return false;
	*ret_terms = row ? arena_str(&w->scratch, column_str(s, 0)) : S("");
	if (row)
		sqlite3_reset(s);
	return ret_terms->p || error_memory(err);
}

/* Of versions that have no rows yet there is nothing to drop, which is no error. The row of the type stays: it says
 * that there was a version and no more. */
static bool drop_rows(struct writer *w, int64_t vid, struct str terms, struct error *err)
{
	struct seek_row rows[MOST_TERM_ROWS];
	struct term t;
	while (term_next(&terms, &t)) {
		size_t count = seek_rows(&t, vid, rows);
		for (size_t i = 0; i < count; i++) {
			sqlite3_stmt *s = index_use(&w->db, INDEX_DROP, &rows[i], err);
			if (!s || !db_done(&w->db, s, err))
				return false;
		}
	}
	return true;
}

static bool run_on(struct writer *w, enum statement statement, int64_t vid, struct error *err)
{
	sqlite3_stmt *s = db_use(&w->db, statement, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, vid);
	return db_done(&w->db, s, err);
}

static bool purge_version(struct sqlite_store *store, int64_t vid, struct error *err)
{
	struct writer *w = &store->writer;
	struct str terms;
	return words_forget(store, vid, err) && version_terms(w, vid, &terms, err) && drop_rows(w, vid, terms, err) &&
	       run_on(w, SQL_VERSION_EMPTY, vid, err) && run_on(w, SQL_BODY_DROP, vid, err);
}

/* The vids of all past versions, in the scratch arena. */
static bool past_vids(struct writer *w, int64_t rid, int64_t **ret_vids, size_t *ret_count, struct error *err)
{
	int64_t *vids = NULL;
	size_t count = 0, capacity = 0;
	sqlite3_stmt *s = db_use(&w->db, SQL_PAST_ALL, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, rid);
	for (;;) {
		bool row = false;
		if (!db_row(&w->db, s, &row, err))
			return false;
		if (!row)
			break;
		int64_t *grown = arena_grow(&w->scratch, vids, count, &capacity, count + 1, sizeof(*vids));
		if (!grown) {
			sqlite3_reset(s);
			return error_memory(err);
		}
		vids = grown;
		vids[count++] = sqlite3_column_int64(s, 0);
	}
	*ret_vids = vids;
	*ret_count = count;
	return true;
}

bool purge_past(struct sqlite_store *store, int64_t rid, struct error *err)
{
	struct writer *w = &store->writer;
	int64_t *vids = NULL;
	size_t count = 0;
	if (!past_vids(w, rid, &vids, &count, err))
		return false;
	/* Rows that were read ahead and not written yet must not come back. */
	index_forget(w);
	atomic_fetch_add(&store->purges, 1);
	/* What is deleted is overwritten with zeros as long as this is on. */
	sqlite3_exec(w->db.handle, "PRAGMA secure_delete = ON", NULL, NULL, NULL);
	bool ok = true;
	for (size_t i = 0; ok && i < count; i++)
		ok = purge_version(store, vids[i], err);
	return ok;
}
