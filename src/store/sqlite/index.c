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

enum index_table { INDEX_KIND, INDEX_TOKEN, INDEX_STRING, INDEX_DATE, INDEX_NUMBER, INDEX_REFERENCE, INDEX_NONE };

struct index_entry {
	uint64_t rank; /* sorts by table, parameter and the start of the key */
	int64_t param; /* kind: the type */
	int64_t vid;
	struct str key; /* token, string, unit */
	enum index_table table;
	union {
		int64_t number; /* token: system; reference: target */
		struct {
			int64_t low, high;
		} date;
		struct {
			double low, high;
		} range;
	};
};

struct index_list {
	struct index_entry *entries;
	size_t count, capacity;
};

static enum index_table table_of(const struct term *t)
{
	switch (t->type) {
	case PARAM_TOKEN:
	case PARAM_URI:
		return INDEX_TOKEN;
	case PARAM_STRING:
		return INDEX_STRING;
	case PARAM_DATE:
		return INDEX_DATE;
	case PARAM_NUMBER:
	case PARAM_QUANTITY:
		return INDEX_NUMBER;
	case PARAM_REFERENCE:
		return t->target ? INDEX_REFERENCE : INDEX_TOKEN;
	default:
		return INDEX_NONE;
	}
}

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
static uint64_t rank_of(const struct index_entry *e)
{
	uint64_t key = 0;
	if (e->table == INDEX_REFERENCE)
		key = (uint64_t)e->number;
	else if (e->table == INDEX_DATE)
		key = (uint64_t)date_width(e->date.low, e->date.high) << 44 |
		      (((uint64_t)e->date.low >> 12) & 0xfffffffffff);
	else
		key = text_rank(e->key);
	return (uint64_t)e->table << 61 | ((uint64_t)e->param & 0x1fff) << 48 | (key & 0xffffffffffff);
}

static int compare(const void *left, const void *right)
{
	const struct index_entry *a = left, *b = right;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	int order = str_cmp(a->key, b->key);
	return order ? order : (a->vid > b->vid) - (a->vid < b->vid);
}

/* ---- making -------------------------------------------------------------------------------------------------------
 */

static bool add(struct index_list *list, struct index_entry entry)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 1024;
		struct index_entry *entries = realloc(list->entries, capacity * sizeof(*entries));
		if (!entries)
			return false;
		list->entries = entries;
		list->capacity = capacity;
	}
	entry.rank = rank_of(&entry);
	list->entries[list->count++] = entry;
	return true;
}

static bool add_term(struct index_list *list, const struct term *t, int64_t vid)
{
	struct index_entry e = {.param = t->param, .vid = vid, .key = key_cut(t->code), .table = table_of(t)};
	switch (e.table) {
	case INDEX_TOKEN:
		e.number = t->system;
		break;
	case INDEX_REFERENCE:
		e.number = t->target;
		break;
	case INDEX_DATE:
		e.date.low = t->low;
		e.date.high = t->high;
		break;
	case INDEX_NUMBER:
		e.range.low = t->number_low;
		e.range.high = t->number_high;
		break;
	case INDEX_NONE:
		return true;
	default:
		break;
	}
	if (!add(list, e))
		return false;
	if (e.table != INDEX_NUMBER || !t->text.p || str_eq(t->text, t->code))
		return true;
	e.key = key_cut(t->text); /* a quantity is found by its unit as well */
	return add(list, e);
}

/* Entries of one version; its terms stay in the arena until they are written. */
static bool add_version(struct writer *w, struct index_list *list, int64_t vid, int64_t type, struct str terms)
{
	struct term t;
	terms = arena_str(&w->scratch, terms);
	if (!terms.p || !add(list, (struct index_entry){.param = type, .vid = vid, .table = INDEX_KIND}))
		return false;
	while (term_next(&terms, &t))
		if (!add_term(list, &t, vid))
			return false;
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

static sqlite3_stmt *bind_entry(struct writer *w, const struct index_entry *e, struct error *err)
{
	static const enum statement puts[] = {SQL_KIND_PUT, SQL_TOKEN_PUT,  SQL_STRING_PUT,
					      SQL_DATE_PUT, SQL_NUMBER_PUT, SQL_REFERENCE_PUT};
	sqlite3_stmt *s = db_use(&w->db, puts[e->table], err);
	if (!s)
		return NULL;
	sqlite3_bind_int64(s, 1, e->param);
	int at = 2;
	switch (e->table) {
	case INDEX_TOKEN:
		bind_blob(s, at++, e->key);
		sqlite3_bind_int64(s, at++, e->number);
		break;
	case INDEX_STRING:
		bind_blob(s, at++, e->key);
		break;
	case INDEX_DATE:
		sqlite3_bind_int(s, at++, date_width(e->date.low, e->date.high));
		sqlite3_bind_int64(s, at++, e->date.low);
		sqlite3_bind_int64(s, at++, e->date.high);
		break;
	case INDEX_NUMBER:
		bind_blob(s, at++, e->key);
		sqlite3_bind_int(s, at++, number_width(e->range.low, e->range.high));
		sqlite3_bind_double(s, at++, e->range.low);
		sqlite3_bind_double(s, at++, e->range.high);
		break;
	case INDEX_REFERENCE:
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
		sqlite3_stmt *s = bind_entry(w, &list->entries[i], err);
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
