/* Rows of the index tables gathered for one statement of each table: to be written, looked for, or dropped. */
#ifndef FIRTH_STORE_POSTGRES_INDEX_H
#define FIRTH_STORE_POSTGRES_INDEX_H

#include "store/index.h"
#include "store/postgres/postgres_priv.h"

enum pg_index_use { PG_INDEX_PUT, PG_INDEX_LACK /* answers: the vid of each that is not there */, PG_INDEX_DROP };

struct pg_index {
	struct pg_rows tables[TABLE_COUNT];
};

void pg_index_init(struct pg_index *x, enum pg_index_use use);
void pg_index_done(struct pg_index *x);
void pg_index_reset(struct pg_index *x);
void pg_index_add(struct pg_index *x, const struct seek_row *row, int64_t patient);
/* A sorted list, each row once. */
void pg_index_add_list(struct pg_index *x, const struct index_list *list);
/* All rows that terms give, but the one of the type. A row may come twice. */
void pg_index_add_terms(struct pg_index *x, int64_t vid, struct str terms);
/* Sends a statement for each table that has rows, and empties them. */
bool pg_index_send(struct pg_index *x, struct pg *c, struct error *err) MUST_USE;

#endif
