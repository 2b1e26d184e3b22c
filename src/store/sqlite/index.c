/*
 * Index entries. A small commit that wrote its entries would touch a page for nearly every one of them, and pages are
 * what a commit costs. So versions first wait without entries, searched by their terms, until there are enough of them
 * to be worth it; then their entries are made from the terms and sorted in the order of the tables. They are written a
 * part with each commit, because everybody in a group waits for its end; only when all are there do the versions count
 * as indexed. Until then what is there already is out of every search's bounds, and after a crash it is written again.
 *
 * Ranges (dates, numbers) are indexed by their low end under a class of width. A range of class w is at most span(w)
 * long, so a bound on its high end is also a bound on its low end, and one index serves both kinds of comparison.
 */
#include "store/index.h"
#include "store/sqlite/sqlite_priv.h"

#include <stdlib.h>

/* The rows of versions up to one, and how many of them are written. */
struct stretch {
	struct index_list rows;
	size_t at;
	int64_t to;
	struct arena terms;
};

enum { MOST_AT_ONCE = 16000 };

static bool collect(struct writer *w, struct stretch *list, int64_t from, int64_t to, struct error *err)
{
	sqlite3_stmt *s = db_use(&w->db, SQL_UNINDEXED, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, from);
	sqlite3_bind_int64(s, 2, to);
	for (;;) {
		bool row = false;
		if (!db_row(&w->db, s, &row, err))
			return false;
		if (!row)
			return true;
		struct str terms = arena_str(&list->terms, column_str(s, 2));
		if (!terms.p ||
		    !index_add(&list->rows, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), 0, terms)) {
			sqlite3_reset(s);
			return error_memory(err);
		}
	}
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

sqlite3_stmt *index_use(struct db *db, enum index_use use, const struct seek_row *e, struct error *err)
{
	static const enum statement statements[][TABLE_COUNT] = {
		[INDEX_PUT] = {SQL_KIND_PUT, SQL_TOKEN_PUT, SQL_STRING_PUT, SQL_DATE_PUT, SQL_NUMBER_PUT,
			       SQL_REFERENCE_PUT},
		[INDEX_HAS] = {SQL_KIND_HAS, SQL_TOKEN_HAS, SQL_STRING_HAS, SQL_DATE_HAS, SQL_NUMBER_HAS,
			       SQL_REFERENCE_HAS},
		[INDEX_DROP] = {SQL_KIND_DROP, SQL_TOKEN_DROP, SQL_STRING_DROP, SQL_DATE_DROP, SQL_NUMBER_DROP,
				SQL_REFERENCE_DROP}};
	sqlite3_stmt *s = db_use(db, statements[use][e->table], err);
	if (!s)
		return NULL;
	sqlite3_bind_int64(s, 1, e->param);
	int at = 2;
	switch (e->table) {
	case TABLE_TOKEN:
		bind_blob(s, at++, e->key);
		sqlite3_bind_int64(s, at++, e->number);
		break;
	case TABLE_STRING:
		bind_blob(s, at++, e->key);
		break;
	case TABLE_DATE:
		sqlite3_bind_int(s, at++, e->width);
		sqlite3_bind_int64(s, at++, e->date.low);
		sqlite3_bind_int64(s, at++, e->date.high);
		break;
	case TABLE_NUMBER:
		bind_blob(s, at++, e->key);
		sqlite3_bind_int(s, at++, e->width);
		sqlite3_bind_double(s, at++, e->range.low);
		sqlite3_bind_double(s, at++, e->range.high);
		break;
	case TABLE_REFERENCE:
		sqlite3_bind_int64(s, at++, e->number);
		break;
	default:
		break;
	}
	sqlite3_bind_int64(s, at, e->vid);
	return s;
}

static bool list_make(struct writer *w, struct stretch *list, int64_t from, int64_t to, struct error *err)
{
	arena_init(&list->terms, ARENA_NO_CAP);
	list->to = to;
	if (!collect(w, list, from, to, err))
		return false;
	index_sort(&list->rows);
	return true;
}

static void list_free(struct stretch *list)
{
	if (!list)
		return;
	arena_done(&list->terms);
	index_done(&list->rows);
	free(list);
}

static bool set_indexed(struct writer *w, int64_t vid, struct error *err)
{
	sqlite3_stmt *s = db_use(&w->db, SQL_INDEXED_SET, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, vid);
	if (!db_done(&w->db, s, err))
		return false;
	w->indexed = vid;
	return true;
}

/* Writes the next rows of the list; at its end the versions count as indexed. */
static bool list_write(struct writer *w, struct stretch *list, size_t rows, struct error *err)
{
	for (; rows && list->at < list->rows.count; rows--, list->at++) {
		sqlite3_stmt *s = index_use(&w->db, INDEX_PUT, &list->rows.entries[list->at].row, err);
		if (!s || !db_done(&w->db, s, err))
			return false;
	}
	return list->at < list->rows.count || list->to <= w->indexed || set_indexed(w, list->to, err);
}

bool index_range(struct writer *w, int64_t from, int64_t to, struct error *err)
{
	struct stretch *list = calloc(1, sizeof(*list));
	bool ok = list ? list_make(w, list, from, to, err) && list_write(w, list, SIZE_MAX, err) : error_memory(err);
	list_free(list);
	return ok;
}

void index_forget(struct writer *w)
{
	list_free(w->pending);
	w->pending = NULL;
}

bool index_some(struct writer *w, size_t rows, int64_t lag, struct error *err)
{
	int64_t to = w->last_vid - w->indexed > MOST_AT_ONCE ? w->indexed + MOST_AT_ONCE : w->last_vid;
	if (!w->pending) {
		if (w->last_vid - w->indexed <= lag)
			return true;
		w->pending = calloc(1, sizeof(*w->pending));
		if (!w->pending)
			return error_memory(err);
		if (!list_make(w, w->pending, w->indexed, to, err))
			return false;
	}
	if (!list_write(w, w->pending, rows, err))
		return false;
	if (w->pending->at == w->pending->rows.count)
		index_forget(w);
	return true;
}
