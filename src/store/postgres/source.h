/* What the search engine asks of PostgreSQL: see source.c, and arms.c for the SQL. */
#ifndef FIRTH_STORE_POSTGRES_SOURCE_H
#define FIRTH_STORE_POSTGRES_SOURCE_H

#include "store/postgres/postgres_priv.h"
#include "store/seek/seek.h"

enum arm_use { ARM_ASCENDING, ARM_DESCENDING, ARM_PROBE, ARM_COLLECT, ARM_USES };
_Static_assert(FORM_COUNT *ARM_USES <= PG_MADE, "every form needs its statements");

/* The text of a statement, made once per process. NULL without memory. */
const char *pg_arm_sql(enum seek_form form, enum arm_use use, struct error *err);

struct source {
	struct pg_store *store;
	struct pg *c;
	struct reader *r; /* NULL: bodies cannot be asked for */
	uint64_t deadline_ns;
	int64_t last_vid;
};

/* Everything as of last_vid; versions behind indexed are searched by their terms. */
struct seek_source pg_source_of(struct source *x, int64_t last_vid, int64_t indexed);

#endif
