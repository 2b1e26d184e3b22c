/*
 * Knowledge tables: tab separated text with one header line, no quoting. A reader names the columns it wants and gets
 * each row's fields in that order, so tables may gain columns. Fields point into the text.
 */
#ifndef FIRTH_CLINICAL_TSV_H
#define FIRTH_CLINICAL_TSV_H

#include "base/error.h"

#define TSV_COLUMNS 24

struct tsv {
	const char *table; /* for messages */
	struct str rest;
	size_t line;
	size_t width; /* columns in the header */
	size_t wanted[TSV_COLUMNS], wanted_count;
};

/* ERR_CONFIG when a wanted column is missing. */
bool tsv_open(struct tsv *t, const char *table, struct str text, const char *const *columns, size_t count,
	      struct error *err) MUST_USE;
/* True with the next row in fields; false at the end, or with ERR_CONFIG set on a row that is no such row. */
bool tsv_next(struct tsv *t, struct str *fields, struct error *err);

#endif
