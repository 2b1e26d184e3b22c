/* Parameters and results in PostgreSQL's binary form: big-endian integers, arrays with a header and a length each. */
#include "store/postgres/connection.h"

enum { MOST_ARRAY = 512 << 20, ARRAY_HEADER = 20 };

static void put(char *to, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		to[i] = (char)(value >> (8 * (bytes - 1 - i)));
}

static void add(struct pg_params *p, const char *value, size_t n)
{
	p->values[p->count] = value;
	p->lengths[p->count] = (int)n;
	p->count++;
}

void pg_add_i64(struct pg_params *p, int64_t value)
{
	char *to = p->scalars[p->count];
	put(to, (uint64_t)value, 8);
	add(p, to, 8);
}

void pg_add_bytes(struct pg_params *p, struct str bytes)
{
	add(p, bytes.p, bytes.n);
}

/* As its bits go over the wire. */
void pg_add_double(struct pg_params *p, double value)
{
	int64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	pg_add_i64(p, bits);
}

void pg_array_init(struct pg_array *x, enum pg_type type)
{
	x->type = type;
	buf_init(&x->bytes, MOST_ARRAY);
	pg_array_reset(x);
}

void pg_array_done(struct pg_array *x)
{
	buf_done(&x->bytes);
}

void pg_array_reset(struct pg_array *x)
{
	if (x->bytes.cap > 4 << 20)
		buf_done(&x->bytes);
	buf_reset(&x->bytes);
	x->count = 0;
	char *p = buf_reserve(&x->bytes, ARRAY_HEADER);
	if (p)
		x->bytes.n += ARRAY_HEADER;
}

static char *item(struct pg_array *x, size_t n)
{
	char *p = buf_reserve(&x->bytes, 4 + n);
	if (!p)
		return NULL;
	put(p, n, 4);
	x->bytes.n += 4 + n;
	x->count++;
	return p + 4;
}

void pg_array_i64(struct pg_array *x, int64_t value)
{
	char *p = item(x, 8);
	if (p)
		put(p, (uint64_t)value, 8);
}

void pg_array_double(struct pg_array *x, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	pg_array_i64(x, (int64_t)bits);
}

void pg_array_bytes(struct pg_array *x, struct str bytes)
{
	char *p = bytes.p ? item(x, bytes.n) : NULL;
	if (p && bytes.n)
		memcpy(p, bytes.p, bytes.n);
	if (bytes.p)
		return;
	p = buf_reserve(&x->bytes, 4);
	if (!p)
		return;
	put(p, UINT32_MAX, 4); /* NULL */
	x->bytes.n += 4;
	x->count++;
}

bool pg_add_array(struct pg_params *p, struct pg_array *x, struct error *err)
{
	if (!buf_ok(&x->bytes))
		return error_memory(err);
	char *header = x->bytes.p;
	put(header, x->count > 0, 4); /* dimensions: an empty array has none */
	put(header + 4, 1, 4); /* may hold NULL */
	put(header + 8, x->type, 4);
	put(header + 12, x->count, 4);
	put(header + 16, 1, 4); /* lower bound */
	add(p, header, x->count ? x->bytes.n : 12);
	return true;
}

void pg_rows_init(struct pg_rows *r, enum statement statement, const char *types)
{
	*r = (struct pg_rows){.statement = statement};
	for (const char *p = types; *p; p++)
		pg_array_init(&r->columns[r->column_count++], *p == 'i' ? PG_INT8 : *p == 'd' ? PG_FLOAT8 : PG_BYTEA);
}

void pg_rows_done(struct pg_rows *r)
{
	for (int i = 0; i < r->column_count; i++)
		pg_array_done(&r->columns[i]);
}

void pg_rows_reset(struct pg_rows *r)
{
	for (int i = 0; i < r->column_count; i++)
		pg_array_reset(&r->columns[i]);
	r->at = 0;
}

static struct pg_array *next_column(struct pg_rows *r)
{
	struct pg_array *column = &r->columns[r->at++];
	if (r->at == r->column_count)
		r->at = 0;
	return column;
}

void pg_rows_i64(struct pg_rows *r, int64_t value)
{
	pg_array_i64(next_column(r), value);
}

void pg_rows_double(struct pg_rows *r, double value)
{
	pg_array_double(next_column(r), value);
}

void pg_rows_bytes(struct pg_rows *r, struct str bytes)
{
	pg_array_bytes(next_column(r), bytes);
}

bool pg_send_rows(struct pg *c, struct pg_rows *rows, struct error *err)
{
	struct pg_params p = {0};
	if (!pg_rows_count(rows))
		return true;
	for (int i = 0; i < rows->column_count; i++)
		if (!pg_add_array(&p, &rows->columns[i], err))
			return false;
	bool ok = pg_send(c, rows->statement, &p, err);
	pg_rows_reset(rows);
	return ok;
}

int64_t pg_i64(const PGresult *r, int row, int column)
{
	const unsigned char *p = (const unsigned char *)PQgetvalue(r, row, column);
	int n = PQgetlength(r, row, column);
	if (n < 1 || n > 8)
		return 0;
	uint64_t value = p[0] & 0x80 && n > 1 ? UINT64_MAX : 0;
	for (int i = 0; i < n; i++)
		value = value << 8 | p[i];
	return (int64_t)value;
}

double pg_double(const PGresult *r, int row, int column)
{
	int64_t bits = pg_i64(r, row, column);
	double value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}
