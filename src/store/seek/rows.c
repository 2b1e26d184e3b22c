/*
 * Which rows of the index tables a term gives, and the ways into those tables, as data: each backend makes its SQL of
 * them.
 */
#include "store/seek/seek.h"

#define EQ(column)   {column, COMPARE_EQ},
#define GE(column)   {column, COMPARE_GE},
#define LE(column)   {column, COMPARE_LE},
#define LT(column)   {column, COMPARE_LT},
#define PART(column) {column, COMPARE_PART},
const struct seek_form_info seek_forms[FORM_COUNT] = {
#define FORM(name, table, ordered, columns) [FORM_##name] = {#name, table, ordered, {columns}},
#include "store/seek/forms.def"
#undef FORM
};

#define DAY_MS INT64_C(86400000)
const int64_t date_spans[DATE_CLASSES - 1] = {DAY_MS, 31 * DAY_MS, 400 * DAY_MS};

static int date_width(int64_t low, int64_t high)
{
	uint64_t span = (uint64_t)high - (uint64_t)low;
	for (int i = 0; i < DATE_CLASSES - 1; i++)
		if (span <= (uint64_t)date_spans[i])
			return i;
	return DATE_CLASSES - 1;
}

static enum seek_table table_of(const struct term *t)
{
	switch (t->type) {
	case PARAM_TOKEN:
	case PARAM_URI:
		return TABLE_TOKEN;
	case PARAM_STRING:
		return TABLE_STRING;
	case PARAM_DATE:
		return TABLE_DATE;
	case PARAM_NUMBER:
	case PARAM_QUANTITY:
	case PARAM_SPECIAL: /* near: latitude and longitude */
		return TABLE_NUMBER;
	case PARAM_REFERENCE:
		return t->target ? TABLE_REFERENCE : TABLE_TOKEN;
	default:
		return TABLE_COUNT;
	}
}

/* A quantity is found by its code, by its unit, and by its canonical unit with the numbers in that. */
static size_t number_rows(const struct term *t, struct seek_row rows[MOST_TERM_ROWS])
{
	size_t count = 1;
	if (t->text.p && !str_eq(t->text, t->code)) {
		rows[count] = rows[0];
		rows[count++].key = key_cut(t->text);
	}
	bool same = str_eq(t->canonical, t->code) && t->canonical_low == t->number_low &&
		    t->canonical_high == t->number_high;
	if (t->canonical.p && !same) {
		rows[count] = rows[0];
		rows[count].key = key_cut(t->canonical);
		rows[count].range.low = t->canonical_low;
		rows[count].range.high = t->canonical_high;
		rows[count++].width = t->canonical_low < t->canonical_high;
	}
	return count;
}

size_t seek_rows(const struct term *t, int64_t vid, struct seek_row rows[MOST_TERM_ROWS])
{
	struct seek_row r = {.table = table_of(t), .param = t->param, .vid = vid, .key = key_cut(t->code)};
	switch (r.table) {
	case TABLE_TOKEN:
		r.number = t->system;
		break;
	case TABLE_REFERENCE:
		r.number = t->target;
		break;
	case TABLE_DATE:
		r.width = date_width(t->low, t->high);
		r.date.low = t->low;
		r.date.high = t->high;
		break;
	case TABLE_NUMBER:
		r.width = t->number_low < t->number_high;
		r.range.low = t->number_low;
		r.range.high = t->number_high;
		break;
	case TABLE_COUNT:
		return 0;
	default:
		break;
	}
	rows[0] = r;
	if (r.table == TABLE_DATE && t->repeated) {
		rows[1] = (struct seek_row){.table = TABLE_TOKEN, .param = t->param, .vid = vid, .key = S("")};
		return 2;
	}
	return r.table == TABLE_NUMBER ? number_rows(t, rows) : 1;
}
