/*
 * A connection to PostgreSQL as the files of this directory use it: always in pipeline mode, each statement prepared
 * once and known by its number, parameters and results in binary. What is sent is answered in order; a batch ends with
 * pg_sync(), and an error in it makes everything behind it fail up to there. One thread at a time.
 *
 * Error texts name neither host, user nor data: libpq's own messages may hold parts of the connection string and of
 * values, so causes are told from SQLSTATEs.
 */
#ifndef FIRTH_STORE_POSTGRES_CONNECTION_H
#define FIRTH_STORE_POSTGRES_CONNECTION_H

#include <libpq-fe.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

/* What other processes are told goes over a channel of this name with the schema's behind it. */
#define PG_CHANNEL "firth_"

enum statement {
#define STATEMENT(name, sql) SQL_##name,
#include "store/postgres/statements.def"
#undef STATEMENT
	STATEMENT_COUNT
};

/* Where to connect. */
struct pg_place {
	char *url;
	char schema[64]; /* a plain name: letters, digits, _ */
	bool read_only;
};

enum { PG_PENDING = 8192, PG_MADE = 64 /* statements whose text is made, not written */ };
struct pg {
	PGconn *handle; /* NULL: not connected */
	bool prepared[STATEMENT_COUNT + PG_MADE];
	/* What answers are due, in order: a statement's number, or one of the marks. */
	int pending[PG_PENDING];
	unsigned first, last;
	bool lost; /* the connection broke: reconnect */
	/* When answers are no longer waited for, on the monotonic clock; 0: never. Then the statement is cancelled
	 * (ERR_TIMEOUT), and the connection is given up as lost, since a cancellation may come late. */
	uint64_t deadline_ns;
};

/* ---- parameters ----------------------------------------------------------------------------------------------------
 */

enum { PG_PARAMS = 24 };
/* Parameters of one statement. Scalars are kept inside; bytes and arrays are borrowed until pg_send() returns. */
struct pg_params {
	int count;
	const char *values[PG_PARAMS];
	int lengths[PG_PARAMS];
	char scalars[PG_PARAMS][8];
};

void pg_add_i64(struct pg_params *p, int64_t value);
void pg_add_double(struct pg_params *p, double value);
void pg_add_bytes(struct pg_params *p, struct str bytes); /* bytea, text; STR_NULL is NULL */

/* An array parameter, built item by item. */
enum pg_type { PG_INT8 = 20, PG_FLOAT8 = 701, PG_BYTEA = 17, PG_TEXT = 25 };
struct pg_array {
	struct buf bytes;
	enum pg_type type;
	uint32_t count;
};
void pg_array_init(struct pg_array *x, enum pg_type type);
void pg_array_done(struct pg_array *x);
void pg_array_reset(struct pg_array *x);
void pg_array_i64(struct pg_array *x, int64_t value);
void pg_array_double(struct pg_array *x, double value);
void pg_array_bytes(struct pg_array *x, struct str bytes);
/* Finishes the array and adds it. False without memory. */
bool pg_add_array(struct pg_params *p, struct pg_array *x, struct error *err) MUST_USE;

/* Rows for one statement, a column an array. Values are added left to right, row after row. */
enum { PG_COLUMNS = 17 };
struct pg_rows {
	enum statement statement;
	int column_count, at;
	struct pg_array columns[PG_COLUMNS];
};
/* types: a letter per column: i, d (double), b (bytes). */
void pg_rows_init(struct pg_rows *r, enum statement statement, const char *types);
void pg_rows_done(struct pg_rows *r);
void pg_rows_reset(struct pg_rows *r);
void pg_rows_i64(struct pg_rows *r, int64_t value);
void pg_rows_double(struct pg_rows *r, double value);
void pg_rows_bytes(struct pg_rows *r, struct str bytes);
static inline size_t pg_rows_count(const struct pg_rows *r)
{
	return r->columns[0].count;
}

/* ---- connecting and asking ------------------------------------------------------------------------------------------
 */

/* Connects and sets the session up. ERR_STORE_AWAY when the database cannot be reached now, ERR_STORE when it refuses
 * (password, rights, no such database). Leaves c closed on failure. */
bool pg_open(struct pg *c, const struct pg_place *place, struct error *err) MUST_USE;
/* The same without a schema: for migrations. */
bool pg_open_bare(struct pg *c, const struct pg_place *place, struct error *err) MUST_USE;
/* The number of the lock that says who has a schema open: shared by all writers, alone for whoever keeps or removes it.
 */
#define PG_OPEN_LOCK "1179210838"
/* How often and after what pauses that lock is asked for: the database needs a moment to see that a process has ended.
 */
enum { PLACE_TRIES = 20, PLACE_PAUSE_MS = 50 };
void pg_close(struct pg *c);
/* False when the server has closed the connection meanwhile. Costs one look at the socket. */
bool pg_alive(struct pg *c);

/* Sends a statement. params may be NULL. */
bool pg_send(struct pg *c, enum statement statement, const struct pg_params *params, struct error *err) MUST_USE;
/* The same for a statement whose text is made: slot is below PG_MADE and always goes with the same text. */
bool pg_send_made(struct pg *c, int slot, const char *sql, const struct pg_params *params, struct error *err) MUST_USE;
/* Sends all rows, if there are any, and empties them. */
bool pg_send_rows(struct pg *c, struct pg_rows *rows, struct error *err) MUST_USE;
/* Ends the batch and has it sent. */
bool pg_sync(struct pg *c, struct error *err) MUST_USE;
/* The next answer of the batch, in the order of sending; PQclear() it. NULL with an error, after which pg_drop() must
 * clear the rest of the batch away. */
PGresult *pg_result(struct pg *c, struct error *err);
/* The next answer, without looking at its rows. */
bool pg_done(struct pg *c, struct error *err) MUST_USE;
/* All answers of the batch that are left, and its end. */
bool pg_end(struct pg *c, struct error *err) MUST_USE;
/* Takes what is left of the batch and forgets it; the connection may be used again unless it is lost. */
void pg_drop(struct pg *c);
/* A batch of one statement. */
PGresult *pg_ask(struct pg *c, enum statement statement, const struct pg_params *params, struct error *err);
bool pg_run(struct pg *c, enum statement statement, const struct pg_params *params, struct error *err) MUST_USE;
/* SQL text with any number of statements and no parameters, outside of a pipeline. Rows are ignored. */
bool pg_script(struct pg *c, const char *sql, struct error *err) MUST_USE;
/* The number that a statement gives; 0 for NULL and for no row. */
bool pg_ask_number(struct pg *c, enum statement statement, const struct pg_params *params, int64_t *ret_number,
		   struct error *err) MUST_USE;
/* One number from SQL text with up to two text parameters, outside of a pipeline: NULL is otherwise. */
bool pg_number(struct pg *c, const char *sql, const char *first, const char *second, int64_t otherwise,
	       int64_t *ret_value, struct error *err) MUST_USE;

/* The rows of SQL text in binary, outside of a pipeline; PQclear() them. NULL with an error. */
PGresult *pg_query(struct pg *c, const char *sql, struct error *err);

/* ---- results
 * ---------------------------------------------------------------------------------------------------------- */

/* An integer of any width, or a boolean; 0 for NULL. */
int64_t pg_i64(const PGresult *r, int row, int column);
/* A float8. */
double pg_double(const PGresult *r, int row, int column);
/* Borrowed until PQclear(). STR_NULL for NULL. */
static inline struct str pg_bytes(const PGresult *r, int row, int column)
{
	if (PQgetisnull(r, row, column))
		return STR_NULL;
	return str_make(PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column));
}

#endif
