/* Reading tables of releases; see table_priv.h. */
#include "terminology/table_priv.h"

static struct str unquote(struct table *t, struct str text)
{
	if (str_find(text, S("\"\"")) == STR_NONE)
		return text;
	char *copy = arena_alloc(t->arena, text.n + 1);
	size_t n = 0;
	for (size_t i = 0; copy && i < text.n; i++) {
		copy[n++] = text.p[i];
		if (text.p[i] == '"')
			i++;
	}
	return copy ? str_make(copy, n) : STR_NULL;
}

/* A field that starts with a quote: up to the closing one, which may be lines away. */
static struct str take_quoted(struct table *t, size_t *at)
{
	size_t from = *at + 1, i = from;
	while (i < t->rest.n) {
		if (t->rest.p[i] == '\n')
			t->line++;
		if (t->rest.p[i] != '"')
			i++;
		else if (i + 1 < t->rest.n && t->rest.p[i + 1] == '"')
			i += 2;
		else
			break;
	}
	struct str field = str_slice(t->rest, from, i);
	i += i < t->rest.n;
	while (i < t->rest.n && t->rest.p[i] != t->separator && t->rest.p[i] != '\n')
		i++; /* what stands behind the closing quote has no meaning */
	*at = i;
	return unquote(t, field);
}

static struct str take_plain(struct table *t, size_t *at)
{
	size_t from = *at, i = from;
	while (i < t->rest.n && t->rest.p[i] != t->separator && t->rest.p[i] != '\n')
		i++;
	*at = i;
	size_t end = i > from && t->rest.p[i - 1] == '\r' && (i == t->rest.n || t->rest.p[i] == '\n') ? i - 1 : i;
	return str_slice(t->rest, from, end);
}

static bool take_row(struct table *t, struct str *fields, size_t *ret_count)
{
	size_t at = 0, count = 0;
	if (!t->rest.n)
		return false;
	t->line++;
	for (;;) {
		struct str field =
			t->quoted && at < t->rest.n && t->rest.p[at] == '"' ? take_quoted(t, &at) : take_plain(t, &at);
		if (count < TABLE_MAX_FIELDS)
			fields[count++] = field;
		if (at >= t->rest.n || t->rest.p[at] == '\n')
			break;
		at++;
	}
	t->row = str_slice(t->rest, 0, at);
	t->rest = str_slice(t->rest, at < t->rest.n ? at + 1 : at, t->rest.n);
	*ret_count = count;
	return true;
}

bool table_open(struct table *t, struct arena *a, struct str text)
{
	*t = (struct table){.arena = a, .rest = text, .separator = ','};
	if (str_starts(text, S("\xEF\xBB\xBF")))
		t->rest = str_slice(text, 3, text.n);
	size_t line = str_find_char(t->rest, '\n', 0);
	if (str_find_char(str_slice(t->rest, 0, line), '\t', 0) != STR_NONE)
		t->separator = '\t';
	t->quoted = t->separator == ',';
	return take_row(t, t->columns, &t->column_count) && t->column_count > 1;
}

void table_open_bars(struct table *t, struct arena *a, struct str text)
{
	*t = (struct table){.arena = a, .rest = text, .separator = '|'};
}

bool table_next(struct table *t)
{
	while (take_row(t, t->fields, &t->field_count))
		if (t->field_count > 1 || str_trim(t->fields[0]).n)
			return true;
	return false;
}

size_t table_column(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->column_count; i++)
		if (str_eq_nocase(str_trim(t->columns[i]), str_from(name)))
			return i;
	return TABLE_NO_COLUMN;
}

struct str table_field(const struct table *t, size_t column)
{
	return column < t->field_count && t->fields[column].p ? t->fields[column] : S("");
}
