/* Index rows: see index.h. */
#include "store/index.h"

#include <stdlib.h>

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

static bool add(struct index_list *list, const struct seek_row *row, int64_t patient)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 1024;
		struct index_entry *entries = realloc(list->entries, capacity * sizeof(*entries));
		if (!entries)
			return false;
		list->entries = entries;
		list->capacity = capacity;
	}
	list->entries[list->count++] = (struct index_entry){rank_of(row), *row, patient};
	return true;
}

bool index_add(struct index_list *list, int64_t vid, int64_t type, int64_t patient, struct str terms)
{
	struct seek_row rows[MOST_TERM_ROWS], kind = {.table = TABLE_KIND, .param = type, .vid = vid};
	struct term t;
	if (!add(list, &kind, patient))
		return false;
	while (term_next(&terms, &t)) {
		size_t count = seek_rows(&t, vid, rows);
		for (size_t i = 0; i < count; i++)
			if (!add(list, &rows[i], patient))
				return false;
	}
	return true;
}

void index_sort(struct index_list *list)
{
	if (list->count > 1)
		qsort(list->entries, list->count, sizeof(*list->entries), compare);
}

void index_done(struct index_list *list)
{
	free(list->entries);
	*list = (struct index_list){0};
}
