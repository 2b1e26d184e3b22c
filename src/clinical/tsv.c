/* Reading knowledge tables. Strict about their form: a table with a shifted column would be wrong knowledge. */
#include "clinical/tsv.h"

static bool next_line(struct tsv *t, struct str *ret_line)
{
	while (t->rest.p) {
		struct str line = str_split(&t->rest, '\n');
		t->line++;
		if (str_ends(line, S("\r")))
			line.n--;
		if (line.n) {
			*ret_line = line;
			return true;
		}
	}
	return false;
}

static bool find_column(struct str header, const char *name, size_t *ret_index)
{
	for (size_t i = 0; header.p; i++) {
		if (str_is(str_split(&header, '\t'), name)) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

bool tsv_open(struct tsv *t, const char *table, struct str text, const char *const *columns, size_t count,
	      struct error *err)
{
	*t = (struct tsv){.table = table, .rest = text, .wanted_count = count};
	struct str header;
	if (count > TSV_COLUMNS || !next_line(t, &header))
		return error_set(err, ERR_CONFIG, "The table %s is empty.", table);
	for (size_t i = 0; i < count; i++) {
		if (!find_column(header, columns[i], &t->wanted[i]))
			return error_set(err, ERR_CONFIG, "The table %s has no column %s.", table, columns[i]);
	}
	while (header.p) {
		str_split(&header, '\t');
		t->width++;
	}
	return true;
}

bool tsv_next(struct tsv *t, struct str *fields, struct error *err)
{
	struct str line;
	if (!next_line(t, &line))
		return false;
	size_t at = 0;
	for (; line.p; at++) {
		struct str field = str_split(&line, '\t');
		for (size_t i = 0; i < t->wanted_count; i++) {
			if (t->wanted[i] == at)
				fields[i] = field;
		}
	}
	if (at == t->width)
		return true;
	error_set(err, ERR_CONFIG, "Line %zu of the table %s has %zu columns instead of %zu.", t->line, t->table, at,
		  t->width);
	if (err)
		err->line = t->line;
	return false;
}
