/*
 * Tables as text: comma-separated with quotes (RFC 4180), or with tabs or bars and no quotes. Columns are found by the
 * names of the header, in any order and case. Fields are borrowed from the text; only those with doubled quotes are
 * copied.
 */
#ifndef FIRTH_TERMINOLOGY_TABLE_PRIV_H
#define FIRTH_TERMINOLOGY_TABLE_PRIV_H

#include "base/arena.h"
#include "base/error.h"

enum { TABLE_MAX_FIELDS = 96 };
#define TABLE_NO_COLUMN ((size_t)-1)

struct table {
	struct arena *arena;
	struct str rest, row; /* row: the bytes of the last one */
	char separator;
	bool quoted;
	struct str columns[TABLE_MAX_FIELDS], fields[TABLE_MAX_FIELDS];
	size_t column_count, field_count, line;
};

/* Tabs when the first line has one, otherwise commas and quotes. Reads the header; false when there is none. */
bool table_open(struct table *t, struct arena *a, struct str text);
/* A table with bars and no header (RRF). */
void table_open_bars(struct table *t, struct arena *a, struct str text);
/* The next row that is not empty; false at the end. */
bool table_next(struct table *t);
/* TABLE_NO_COLUMN when there is none. */
size_t table_column(const struct table *t, const char *name);
/* "" when the row is too short or the column is none. */
struct str table_field(const struct table *t, size_t column);

#endif
