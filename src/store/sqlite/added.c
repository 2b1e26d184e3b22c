/*
 * Rows of parameters that were added after a version was written. Its terms are written anew, and its entries in the
 * index tables follow when it has entries at all; a version that waits for them will get them from its terms.
 */
#include "store/sqlite/sqlite_priv.h"

static bool change_entries(struct db *db, enum index_use use, struct str terms, int64_t vid, struct error *err)
{
	struct seek_row rows[MOST_TERM_ROWS];
	struct term t;
	while (term_next(&terms, &t)) {
		size_t count = seek_rows(&t, vid, rows);
		for (size_t i = 0; i < count; i++) {
			sqlite3_stmt *s = index_use(db, use, &rows[i], err);
			if (!s || !db_done(db, s, err))
				return false;
		}
	}
	return true;
}

static bool set_terms(struct db *db, int64_t vid, struct str terms, struct error *err)
{
	sqlite3_stmt *s = db_use(db, SQL_TERMS_SET, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, vid);
	bind_blob(s, 2, terms);
	return db_done(db, s, err);
}

/* The terms of a version that is current, in a; STR_NULL when it is not. */
static bool current_terms(struct db *db, struct arena *a, int64_t vid, struct str *ret_terms, struct error *err)
{
	sqlite3_stmt *s = db_use(db, SQL_VERSION_CURRENT, err);
	bool row = false;
	*ret_terms = STR_NULL;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, vid);
	if (!db_row(db, s, &row, err))
		return false;
	if (!row)
		return true;
	struct str terms = column_str(s, 0);
	*ret_terms = arena_str(a, terms.p ? terms : S(""));
	sqlite3_reset(s);
	return ret_terms->p || error_memory(err);
}

static bool add_to_version(struct writer *w, struct group *g, struct store_adding *adding,
			   const struct store_rows *version, struct added_terms *x, struct error *err)
{
	struct str terms;
	bool changed;
	if (!current_terms(&w->db, g->a, version->vid, &terms, err))
		return false;
	if (!terms.p)
		return true;
	if (!group_added_terms(g, adding, version, terms, x, &changed, err))
		return false;
	if (!changed)
		return true;
	adding->given++;
	/* What is being written for versions like this one was made of the terms before. */
	if (version->vid > w->indexed)
		index_forget(w);
	return change_entries(&w->db, INDEX_DROP, buf_str(&x->dropped), version->vid, err) &&
	       (version->vid > w->indexed || change_entries(&w->db, INDEX_PUT, x->added, version->vid, err)) &&
	       set_terms(&w->db, version->vid, buf_str(&x->terms), err);
}

bool rows_add(struct writer *w, struct group *g, struct store_adding *adding, struct error *err)
{
	struct added_terms x;
	adding->given = 0;
	bool ok = group_added_begin(g, adding, &x, err);
	for (size_t i = 0; ok && i < adding->version_count; i++)
		ok = add_to_version(w, g, adding, &adding->versions[i], &x, err);
	group_added_end(&x);
	return ok;
}
