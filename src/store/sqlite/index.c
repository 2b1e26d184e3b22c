/*
 * Index entries of a group: collected, sorted in the order of the tables, then written, so that neighbours share pages.
 *
 * Ranges (dates, numbers) are indexed by their low end under a class of width. A range of class w is at most span(w)
 * long, so a bound on its high end is also a bound on its low end, and one index serves both kinds of comparison.
 */
#include "store/sqlite/sqlite_priv.h"

#include <stdlib.h>

enum index_table { INDEX_TOKEN, INDEX_STRING, INDEX_DATE, INDEX_NUMBER, INDEX_REFERENCE, INDEX_NONE };

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

/* The first bytes of a text as a number that orders the same way. */
static uint64_t text_rank(struct str text)
{
	uint64_t rank = 0;
	for (size_t i = 0; i < 6; i++)
		rank = rank << 8 | (i < text.n ? (unsigned char)text.p[i] : 0);
	return rank;
}

/* 3 bits of table, 13 of the parameter, 48 of the key. Only the order of writing hangs on it. */
static uint64_t rank_of(enum index_table table, const struct index_entry *e)
{
	const struct term *t = e->term;
	uint64_t key = 0;
	if (table == INDEX_REFERENCE)
		key = (uint64_t)t->target;
	else if (table == INDEX_DATE)
		key = (uint64_t)date_width(t->low, t->high) << 44 | (((uint64_t)t->low >> 12) & 0xfffffffffff);
	else
		key = text_rank(e->key);
	return (uint64_t)table << 61 | ((uint64_t)t->param & 0x1fff) << 48 | (key & 0xffffffffffff);
}

static bool add(struct index_list *list, struct arena *a, enum index_table table, struct index_entry entry)
{
	struct index_entry *entries =
		arena_grow(a, list->entries, list->count, &list->capacity, list->count + 1, sizeof(*entries));
	if (!entries)
		return false;
	entry.rank = rank_of(table, &entry);
	list->entries = entries;
	list->entries[list->count++] = entry;
	return true;
}

bool index_collect(struct index_list *list, struct arena *a, const struct term *t, int64_t vid)
{
	enum index_table table = table_of(t);
	if (table == INDEX_NONE)
		return true;
	struct index_entry entry = {.term = t, .vid = vid, .key = key_cut(t->code)};
	if (!add(list, a, table, entry))
		return false;
	if (table != INDEX_NUMBER || !t->text.p || str_eq(t->text, t->code))
		return true;
	entry.key = key_cut(t->text);
	entry.by_unit = true;
	return add(list, a, table, entry);
}

static int compare(const void *left, const void *right)
{
	const struct index_entry *a = left, *b = right;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	int order = str_cmp(a->key, b->key);
	return order ? order : (a->vid > b->vid) - (a->vid < b->vid);
}

static sqlite3_stmt *bind_entry(struct writer *w, const struct index_entry *e, struct error *err)
{
	static const enum statement puts[] = {SQL_TOKEN_PUT, SQL_STRING_PUT, SQL_DATE_PUT, SQL_NUMBER_PUT,
					      SQL_REFERENCE_PUT};
	const struct term *t = e->term;
	enum index_table table = table_of(t);
	sqlite3_stmt *s = db_use(&w->db, puts[table], err);
	if (!s)
		return NULL;
	sqlite3_bind_int64(s, 1, t->param);
	switch (table) {
	case INDEX_TOKEN:
		bind_blob(s, 2, e->key);
		sqlite3_bind_int64(s, 3, t->system);
		sqlite3_bind_int64(s, 4, e->vid);
		break;
	case INDEX_STRING:
		bind_blob(s, 2, e->key);
		sqlite3_bind_int64(s, 3, e->vid);
		break;
	case INDEX_DATE:
		sqlite3_bind_int(s, 2, date_width(t->low, t->high));
		sqlite3_bind_int64(s, 3, t->low);
		sqlite3_bind_int64(s, 4, t->high);
		sqlite3_bind_int64(s, 5, e->vid);
		break;
	case INDEX_NUMBER:
		bind_blob(s, 2, e->key);
		sqlite3_bind_int(s, 3, number_width(t->number_low, t->number_high));
		sqlite3_bind_double(s, 4, t->number_low);
		sqlite3_bind_double(s, 5, t->number_high);
		sqlite3_bind_int64(s, 6, e->vid);
		break;
	default:
		sqlite3_bind_int64(s, 2, t->target);
		sqlite3_bind_int64(s, 3, e->vid);
		break;
	}
	return s;
}

bool index_flush(struct writer *w, struct index_list *list, struct error *err)
{
	if (list->count > 1)
		qsort(list->entries, list->count, sizeof(*list->entries), compare);
	for (size_t i = 0; i < list->count; i++) {
		sqlite3_stmt *s = bind_entry(w, &list->entries[i], err);
		if (!s || !db_done(&w->db, s, err))
			return false;
	}
	return true;
}
