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
#include "store/sqlite/sqlite_priv.h"

#include <stdlib.h>

struct index_entry {
	uint64_t rank; /* sorts by table, parameter and the start of the key */
	struct seek_row row;
};

struct index_list {
	struct index_entry *entries;
	size_t count, capacity;
	size_t at; /* those before it are written */
	int64_t to; /* the last version */
	struct arena terms;
};

enum { MOST_AT_ONCE = 16000 };

/* ---- order ----------------------------------------------------------------------------------------------------------
 */

/* The first bytes of a text as a number that orders the same way. */
static uint64_t text_rank(struct str text)
{
	uint64_t rank = 0;
	for (size_t i = 0; i < 6; i++)
		rank = rank << 8 | (i < text.n ? (unsigned char)text.p[i] : 0);
	return rank;
}

/* 3 bits of table, 13 of the parameter, 48 of the key. Only the order of writing hangs on it. */
static uint64_t rank_of(const struct seek_row *r)
{
	uint64_t key = 0;
	if (r->table == TABLE_REFERENCE)
		key = (uint64_t)r->number;
	else if (r->table == TABLE_DATE)
		key = (uint64_t)r->width << 44 | (((uint64_t)r->date.low >> 12) & 0xfffffffffff);
	else
		key = text_rank(r->key);
	return (uint64_t)r->table << 61 | ((uint64_t)r->param & 0x1fff) << 48 | (key & 0xffffffffffff);
}

static int compare(const void *left, const void *right)
{
	const struct index_entry *a = left, *b = right;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	int order = str_cmp(a->row.key, b->row.key);
	return order ? order : (a->row.vid > b->row.vid) - (a->row.vid < b->row.vid);
}

/* ---- making -------------------------------------------------------------------------------------------------------
 */

static bool add(struct index_list *list, const struct seek_row *row)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 1024;
		struct index_entry *entries = realloc(list->entries, capacity * sizeof(*entries));
		if (!entries)
			return false;
		list->entries = entries;
		list->capacity = capacity;
	}
	list->entries[list->count++] = (struct index_entry){rank_of(row), *row};
	return true;
}

/* Entries of one version; its terms stay in the arena until they are written. */
static bool add_version(struct index_list *list, int64_t vid, int64_t type, struct str terms)
{
	struct seek_row rows[MOST_TERM_ROWS], kind = {.table = TABLE_KIND, .param = type, .vid = vid};
	struct term t;
	terms = arena_str(&list->terms, terms);
	if (!terms.p || !add(list, &kind))
		return false;
	while (term_next(&terms, &t)) {
		size_t count = seek_rows(&t, vid, rows);
		for (size_t i = 0; i < count; i++)
			if (!add(list, &rows[i]))
				return false;
	}
	return true;
}

static bool collect(struct writer *w, struct index_list *list, int64_t from, int64_t to, struct error *err)
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
		if (!add_version(list, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), column_str(s, 2))) {
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

static bool list_make(struct writer *w, struct index_list *list, int64_t from, int64_t to, struct error *err)
{
	arena_init(&list->terms, ARENA_NO_CAP);
	list->to = to;
	if (!collect(w, list, from, to, err))
		return false;
	if (list->count > 1)
		qsort(list->entries, list->count, sizeof(*list->entries), compare);
	return true;
}

static void list_free(struct index_list *list)
{
	if (!list)
		return;
	arena_done(&list->terms);
	free(list->entries);
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
static bool list_write(struct writer *w, struct index_list *list, size_t rows, struct error *err)
{
	for (; rows && list->at < list->count; rows--, list->at++) {
		sqlite3_stmt *s = index_use(&w->db, INDEX_PUT, &list->entries[list->at].row, err);
		if (!s || !db_done(&w->db, s, err))
			return false;
	}
	return list->at < list->count || list->to <= w->indexed || set_indexed(w, list->to, err);
}

bool index_range(struct writer *w, int64_t from, int64_t to, struct error *err)
{
	struct index_list *list = calloc(1, sizeof(*list));
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
	if (w->pending->at == w->pending->count)
		index_forget(w);
	return true;
}
