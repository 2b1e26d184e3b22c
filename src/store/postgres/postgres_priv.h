/*
 * What the files of the PostgreSQL backend share. Any number of processes may write to one database: each has one
 * committing thread, and commit groups take an advisory lock of the schema before they number their versions, so vids
 * grow in the order of commits and a snapshot (a vid) is complete for ever. Because of that readers need no
 * transactions: every question is asked of a snapshot by its vid. Only this directory includes libpq-fe.h.
 */
#ifndef FIRTH_STORE_POSTGRES_PRIV_H
#define FIRTH_STORE_POSTGRES_PRIV_H

#include <stdatomic.h>

#include "store/bodies.h"
#include "store/names.h"
#include "store/postgres/connection.h"
#include "store/store_priv.h"

struct pg_store;

/* ---- schema (schema.c)
 * ----------------------------------------------------------------------------------------------- */

/* The schema of a tenant: "firth" without one, else "t_" and its name with _ for -. */
bool pg_schema_of(struct pg_place *place, struct str tenant, struct error *err) MUST_USE;
/* The lock of all schemas of Firth in a database: whoever makes, upgrades or removes this one. To the end of the
 * transaction. */
bool pg_schema_lock(struct pg *c, const struct pg_place *place, struct error *err) MUST_USE;

struct migration {
	int number;
	const char *name, *sql;
};
extern const struct migration pg_migrations[];
extern const size_t pg_migration_count;

/* Makes the schema and brings it up to this program's version; several processes may try at once. Read-only stores are
 * only looked at. Refuses a schema that is newer. */
bool pg_schema_open(const struct pg_place *place, struct error *err) MUST_USE;

/* ---- readers (reader.c)
 * ---------------------------------------------------------------------------------------------- */

struct reader {
	struct reader *next;
	struct pg pg;
	ZSTD_DCtx *unpacker;
	struct buf stored, served;
	int64_t vacuumed; /* versions that died at or before it have no index rows: as of pg_reader_last() */
	int64_t worded; /* versions up to it are found by their words */
};

enum { MOST_TYPE_IDS = 1024 };

/* A connection for the calling thread; give it back with pg_reader_release. Waits when all are taken, but not for ever.
 * NULL with an error. */
struct reader *pg_reader_acquire(struct pg_store *s, struct error *err);
void pg_reader_release(struct pg_store *s, struct reader *r);
void pg_readers_close(struct pg_store *s);
/* Has a question answered over a connection; when that breaks before it is answered, once more over a fresh one, so a
 * question starts from the beginning each time. deadline_ns: as in struct pg. */
bool pg_reader_ask(struct pg_store *s, bool (*question)(void *ctx, struct reader *r, struct error *err), void *ctx,
		   uint64_t deadline_ns, struct error *err) MUST_USE;
/* The number of a type, 0 when nothing of it was ever stored. */
bool pg_reader_type(struct pg_store *s, struct pg *c, struct str name, int64_t *ret_id, struct error *err) MUST_USE;
/* The type behind a number; NULL with an error when the definitions do not have it. */
const struct fhir_type *pg_reader_type_of(struct pg_store *s, struct pg *c, int64_t id, struct error *err);

/* Columns of an entry in the order of the statements: vid, version, time, op, coding, meta_at, bytes. Text into a. */
bool pg_reader_entry(struct pg_store *s, struct reader *r, struct arena *a, const PGresult *rows, int row,
		     struct store_entry *entry, struct error *err) MUST_USE;
/* Two more columns: type and id. */
bool pg_reader_named_entry(struct pg_store *s, struct reader *r, struct arena *a, const PGresult *rows, int row,
			   struct store_entry *entry, struct error *err) MUST_USE;
/* The newest vid, and up to which versions have their index rows. */
bool pg_reader_last(struct reader *r, int64_t *ret_vid, int64_t *ret_indexed, struct error *err) MUST_USE;
bool pg_dictionaries_load(struct pg_store *s, struct pg *c, struct error *err) MUST_USE;

/* ---- the whole
 * --------------------------------------------------------------------------------------------------------- */

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct reader *idle;
	unsigned open; /* idle or in use */
	/* Names seen so far; they never change once committed. */
	struct cache types, names;
	const struct fhir_type *type_of[MOST_TYPE_IDS];
};

struct writer;
struct keeper;
struct listener;
struct pg_store {
	struct pg_place place;
	bool alone; /* reindexing: nobody else writes meanwhile */
	const struct definitions *definitions;
	_Atomic(struct extractor *) extractor; /* of searches that look into bodies, made when first needed */
	const struct compartment *patients;
	struct bodies *bodies;
	struct samples *samples; /* NULL when the store has a dictionary */
	_Atomic bool sampled; /* enough of them */
	struct pool pool;
	struct writer *writer; /* NULL when read-only */
	struct keeper *keeper;
	struct listener *listener; /* NULL: nobody wants to hear of others */
	struct queue *queue;
	int64_t words_lag; /* versions that may wait for their words */
};

bool pg_read(void *b, struct arena *a, const struct fhir_type *type, struct str id, int64_t version,
	     struct store_entry *ret_entry, struct error *err);
bool pg_history(void *b, struct arena *a, const struct store_history_query *query, struct store_page *page,
		struct error *err);
bool pg_counts(void *b, struct arena *a, struct store_count **ret_counts, size_t *ret_count, struct error *err);
bool pg_audit_list(void *b, struct arena *a, int64_t before, size_t max, struct audit_row **ret_rows, size_t *ret_count,
		   struct error *err);
bool pg_audit_verify(void *b, int64_t *ret_rows, struct error *err);
bool pg_fact_get(void *b, struct arena *a, struct str shelf, struct str key, struct str *ret_value, struct error *err);
bool pg_fact_list(void *b, struct arena *a, struct str shelf, struct str after_key, size_t max,
		  struct store_fact **ret_facts, size_t *ret_count, struct error *err);
/* check.c, reindex.c, vacuum.c. Only reindexing needs the store for itself, and takes it. */
bool pg_check(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err);
bool pg_reindex(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err);
bool pg_vacuum(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err);
bool pg_search(void *b, struct arena *a, const struct search_query *query, const struct store_search_options *options,
	       struct store_page *ret_page, struct error *err);
/* words.c: of struct store_backend; and inside of a transaction: nothing is found by the words of the past versions of
 * a resource, which are about to lose their bodies. */
bool pg_words(void *b, int64_t *seen, const _Atomic bool *stop, bool *ret_more, struct error *err);
bool pg_words_forget(struct pg_store *s, struct pg *c, int64_t rid, struct error *err) MUST_USE;
/* Has the index the words of all versions that it says it has? In a snapshot. */
bool pg_words_check(struct pg_store *s, struct reader *r, const struct store_keeping *k, struct store_kept *kept,
		    struct error *err) MUST_USE;
/* tenants.c */
bool pg_tenant_exists(struct str location, struct str name, bool *ret_exists, struct error *err);
bool pg_has_tenant(void *b, struct str name, bool *ret_exists, struct error *err);
bool pg_tenant_list(struct str location, struct arena *a, struct str **ret_names, size_t *ret_count, struct error *err);
bool pg_tenant_remove(struct str location, struct str name, const struct store_options *options, struct error *err);

#endif
