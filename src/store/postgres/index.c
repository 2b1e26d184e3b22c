/* Rows of the index tables as arrays: see index.h. */
#include "store/postgres/index.h"

void pg_index_init(struct pg_index *x, enum pg_index_use use)
{
	static const char *const columns[TABLE_COUNT] = {"iii", "iiiib", "iiib", "iiiiii", "iiibidd", "iiii"};
	static const enum statement statements[TABLE_COUNT][3] = {
		{SQL_KIND_PUT, SQL_KIND_LACK, SQL_KIND_DROP},
		{SQL_TOKEN_PUT, SQL_TOKEN_LACK, SQL_TOKEN_DROP},
		{SQL_STRING_PUT, SQL_STRING_LACK, SQL_STRING_DROP},
		{SQL_DATE_PUT, SQL_DATE_LACK, SQL_DATE_DROP},
		{SQL_NUMBER_PUT, SQL_NUMBER_LACK, SQL_NUMBER_DROP},
		{SQL_REFERENCE_PUT, SQL_REFERENCE_LACK, SQL_REFERENCE_DROP}};
	for (int i = 0; i < TABLE_COUNT; i++)
		pg_rows_init(&x->tables[i], statements[i][use], columns[i]);
}

void pg_index_done(struct pg_index *x)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		pg_rows_done(&x->tables[i]);
}

void pg_index_reset(struct pg_index *x)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		pg_rows_reset(&x->tables[i]);
}

static bool same_row(const struct seek_row *a, const struct seek_row *b)
{
	if (a->table != b->table || a->param != b->param || a->vid != b->vid || a->width != b->width ||
	    !str_eq(a->key, b->key))
		return false;
	switch (a->table) {
	case TABLE_DATE:
		return a->date.low == b->date.low && a->date.high == b->date.high;
	case TABLE_NUMBER:
		return a->range.low >= b->range.low && a->range.low <= b->range.low && a->range.high >= b->range.high &&
		       a->range.high <= b->range.high;
	default:
		return a->number == b->number;
	}
}

void pg_index_add(struct pg_index *x, const struct seek_row *row, int64_t patient)
{
	struct pg_rows *r = &x->tables[row->table];
	pg_rows_i64(r, row->vid);
	pg_rows_i64(r, patient);
	pg_rows_i64(r, row->param);
	switch (row->table) {
	case TABLE_TOKEN:
		pg_rows_i64(r, row->number);
		pg_rows_bytes(r, row->key.p ? row->key : S(""));
		break;
	case TABLE_STRING:
		pg_rows_bytes(r, row->key.p ? row->key : S(""));
		break;
	case TABLE_DATE:
		pg_rows_i64(r, row->width);
		pg_rows_i64(r, row->date.low);
		pg_rows_i64(r, row->date.high);
		break;
	case TABLE_NUMBER:
		pg_rows_bytes(r, row->key.p ? row->key : S(""));
		pg_rows_i64(r, row->width);
		pg_rows_double(r, row->range.low);
		pg_rows_double(r, row->range.high);
		break;
	case TABLE_REFERENCE:
		pg_rows_i64(r, row->number);
		break;
	default:
		break;
	}
}

/* Duplicates stand near each other: same table, parameter, key and vid. */
void pg_index_add_list(struct pg_index *x, const struct index_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		bool again = false;
		for (size_t j = i; j > 0 && !again && list->entries[j - 1].rank == list->entries[i].rank &&
				   list->entries[j - 1].row.vid == list->entries[i].row.vid;
		     j--)
			again = same_row(&list->entries[j - 1].row, &list->entries[i].row);
		if (!again)
			pg_index_add(x, &list->entries[i].row, list->entries[i].patient);
	}
}

void pg_index_add_terms(struct pg_index *x, int64_t vid, struct str terms)
{
	struct seek_row rows[MOST_TERM_ROWS];
	struct term t;
	while (term_next(&terms, &t)) {
		size_t count = seek_rows(&t, vid, rows);
		for (size_t i = 0; i < count; i++)
			pg_index_add(x, &rows[i], 0);
	}
}

bool pg_index_send(struct pg_index *x, struct pg *c, struct error *err)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		if (!pg_send_rows(c, &x->tables[i], err))
			return false;
	return true;
}
