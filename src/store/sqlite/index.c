/*
 * Index entries. A small commit that wrote its entries would touch a page for nearly every one of them, and pages are
 * what a commit costs. So versions first wait without entries, searched by their terms, until there are enough of them
 * to be worth it; then their entries are made from the terms, sorted in the order of the tables, and written together.
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
};

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
static bool add_version(struct writer *w, struct index_list *list, int64_t vid, int64_t type, struct str terms)
{
	struct seek_row rows[MOST_TERM_ROWS], kind = {.table = TABLE_KIND, .param = type, .vid = vid};
	struct term t;
	terms = arena_str(&w->scratch, terms);
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

static bool collect(struct writer *w, struct index_list *list, struct error *err)
{
	sqlite3_stmt *s = db_use(&w->db, SQL_UNINDEXED, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, w->indexed);
	sqlite3_bind_int64(s, 2, w->last_vid);
	for (;;) {
		bool row = false;
		if (!db_row(&w->db, s, &row, err))
			return false;
		if (!row)
			return true;
		if (!add_version(w, list, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), column_str(s, 2))) {
			sqlite3_reset(s);
			return error_memory(err);
		}
	}
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static sqlite3_stmt *bind_row(struct writer *w, const struct seek_row *e, struct error *err)
{
	static const enum statement puts[] = {SQL_KIND_PUT, SQL_TOKEN_PUT,  SQL_STRING_PUT,
					      SQL_DATE_PUT, SQL_NUMBER_PUT, SQL_REFERENCE_PUT};
	sqlite3_stmt *s = db_use(&w->db, puts[e->table], err);
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

static bool write_all(struct writer *w, const struct index_list *list, struct error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		sqlite3_stmt *s = bind_row(w, &list->entries[i].row, err);
		if (!s || !db_done(&w->db, s, err))
			return false;
	}
	sqlite3_stmt *s = db_use(&w->db, SQL_INDEXED_SET, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, w->last_vid);
	return db_done(&w->db, s, err);
}

bool index_catch_up(struct writer *w, struct error *err)
{
	struct index_list list = {0};
	bool ok = collect(w, &list, err);
	if (ok && list.count > 1)
		qsort(list.entries, list.count, sizeof(*list.entries), compare);
	ok = ok && write_all(w, &list, err);
	free(list.entries);
	if (ok)
		w->indexed = w->last_vid;
	return ok;
}
