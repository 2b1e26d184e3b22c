/*
 * What the files of the SQLite backend share. One writer, owned by the committing thread; a pool of readers, each used
 * by one thread at a time; bodies and their dictionaries, used by all. Only this directory includes sqlite3.h.
 */
#ifndef FIRTH_STORE_SQLITE_PRIV_H
#define FIRTH_STORE_SQLITE_PRIV_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "store/bodies.h"
#include "store/check.h"
#include "store/seek/seek.h"

/* ---- connections and statements (db.c) --------------------------------------------------------------------------- */

enum statement {
#define STATEMENT(name, sql) SQL_##name,
#include "store/sqlite/statements.def"
#undef STATEMENT
	STATEMENT_COUNT
};

struct db {
	sqlite3 *handle;
	sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared on first use */
};

/* The statements made of each way into the index tables. */
enum arm_use { ARM_ASCENDING, ARM_DESCENDING, ARM_PROBE, ARM_HAS, ARM_USES };

bool db_open(struct db *db, const char *path, bool read_only, struct error *err) MUST_USE;
void db_close(struct db *db);
/* The statement, reset and ready to bind. NULL with an error. */
sqlite3_stmt *db_use(struct db *db, enum statement statement, struct error *err) MUST_USE;
/* Turns a result code into an error; texts carry no data. Always false. */
bool db_failed(struct db *db, int rc, struct error *err);
/* A step that must end, for statements without rows, then resets. */
bool db_done(struct db *db, sqlite3_stmt *statement, struct error *err) MUST_USE;
/* A step that may give a row. *ret_row tells; the statement stays open until db_use or sqlite3_reset. */
bool db_row(struct db *db, sqlite3_stmt *statement, bool *ret_row, struct error *err) MUST_USE;
bool db_run(struct db *db, enum statement statement, struct error *err) MUST_USE;
bool db_script(struct db *db, const char *sql, struct error *err) MUST_USE;
/* The first column of the first row of a statement without parameters; otherwise when there is none or NULL. */
bool db_number(struct db *db, enum statement statement, int64_t otherwise, int64_t *ret_value,
	       struct error *err) MUST_USE;

static inline void bind_str(sqlite3_stmt *s, int at, struct str text)
{
	if (text.p)
		sqlite3_bind_text64(s, at, text.p, text.n, SQLITE_STATIC, SQLITE_UTF8);
	else
		sqlite3_bind_null(s, at);
}

static inline void bind_blob(sqlite3_stmt *s, int at, struct str bytes)
{
	sqlite3_bind_blob64(s, at, bytes.n ? bytes.p : "", bytes.n, SQLITE_STATIC);
}

/* Column text or bytes, borrowed until the next step. STR_NULL for NULL. */
static inline struct str column_str(sqlite3_stmt *s, int at)
{
	if (sqlite3_column_type(s, at) == SQLITE_NULL)
		return STR_NULL;
	const char *p = sqlite3_column_blob(s, at);
	return str_make(p ? p : "", (size_t)sqlite3_column_bytes(s, at));
}

/* open.c: keeps others out for as long as the file stays open; killed processes leave nothing behind. */
bool store_lock(const char *directory, int *ret_fd, struct error *err) MUST_USE;

/* ---- schema.c, backup.c --------------------------------------------------------------------------------------------
 */

/* Makes an empty file a store and an old one a new one, after a backup beside it. Refuses what is newer, and an old one
 * when read-only. */
bool schema_open(struct db *db, const char *path, bool read_only, struct error *err) MUST_USE;
/* Is it a store, of a version that this program knows? */
bool schema_known(struct db *db, struct error *err) MUST_USE;
/* Copies what the connection sees now into a new file, synced, complete or not there at all. */
bool backup_file(struct db *from, const char *path, const struct store_progress *progress, struct error *err) MUST_USE;
/* Opens a copy and has every page of it checked. */
bool backup_whole(const char *path, const struct store_progress *progress, struct error *err) MUST_USE;

/* All dictionaries of the store (dictionary.c). */
bool bodies_load(struct bodies *b, struct db *db, struct error *err) MUST_USE;

/* ---- the writer
 * ------------------------------------------------------------------------------------------------------ */

struct writer {
	struct db db;
	struct names names;
	struct cache resources;
	int64_t last_vid, last_rid, last_time;
	int64_t indexed; /* versions up to this vid are in the index tables */
	int64_t index_lag; /* so many may not be */
	struct stretch *pending; /* entries that are being written, a part with each commit */
	struct audit_head head;
	struct buf terms, hashed;
	struct arena scratch; /* of one group */
	uint64_t facts_put;
};

enum { MOST_PAGES = 1073741823 };
void writer_limit_pages(struct writer *w, int64_t pages);
bool writer_open(struct writer *w, const char *path, const struct store_options *options, struct error *err) MUST_USE;
void writer_close(struct writer *w);
/* Reads counters again and forgets what was interned: after a roll-back. */
bool writer_reload(struct writer *w, struct error *err) MUST_USE;

/* names.c: of struct names; ctx is the writer. */
int64_t writer_intern(void *ctx, enum names_kind kind, int64_t type, struct str text, struct error *err);

/* index.c, inside transactions. index_some: once more than lag versions have no entries, writes about so many rows of
 * them; index_range: all rows of the versions in (from, to]. */
bool index_some(struct writer *w, size_t rows, int64_t lag, struct error *err) MUST_USE;
bool index_range(struct writer *w, int64_t from, int64_t to, struct error *err) MUST_USE;
void index_forget(struct writer *w);
/* A statement that puts, finds or drops a row, bound. */
enum index_use { INDEX_PUT, INDEX_HAS, INDEX_DROP };
sqlite3_stmt *index_use(struct db *db, enum index_use use, const struct seek_row *row, struct error *err) MUST_USE;

/* added.c: rows of parameters that came later, inside a transaction. */
bool rows_add(struct writer *w, struct group *g, struct store_adding *adding, struct error *err) MUST_USE;

/* audit.c */
bool audit_append(struct writer *w, int64_t time_ms, const struct audit_event *event, struct error *err) MUST_USE;
bool audit_load_head(struct db *db, struct audit_head *ret_head, struct error *err) MUST_USE;
/* facts.c: of struct group, inside its transaction. */
bool fact_load(struct writer *w, struct group *g, struct fact_state *f, struct error *err) MUST_USE;
bool facts_write(struct writer *w, struct group *g, struct error *err) MUST_USE;

/* ---- the whole
 * ------------------------------------------------------------------------------------------------------- */

struct reader {
	struct reader *next;
	struct db db;
	ZSTD_DCtx *unpacker;
	struct buf stored, served;
	sqlite3_stmt *arms[FORM_COUNT][ARM_USES];
	struct cache types; /* name to id */
	const struct fhir_type *type_of[512]; /* id to type, NULL when not known yet */
	bool borrowed; /* the connection is somebody else's */
	bool open, counted; /* has a snapshot; the next five are read from it */
	int64_t last_vid, indexed, vacuumed, dates_marked, worded;
	uint64_t commits; /* of the store when the snapshot was taken */
};

struct sqlite_store {
	char path[4096];
	int lock_fd; /* -1 when read-only */
	const struct definitions *definitions;
	struct bodies *bodies;
	struct samples *samples; /* NULL when the store has a dictionary */
	_Atomic bool sampled; /* enough of them */
	struct writer writer;
	bool has_writer;
	struct reader *view; /* of the writer's own connection, for guards; of the committing thread */
	pthread_mutex_t lock; /* of the pool */
	struct reader *idle;
	size_t idle_count;
	_Atomic int64_t page_limit; /* tests: to be set by the committing thread; 0 = leave it */
	_Atomic uint64_t commits;
	_Atomic uint64_t purges;
	int64_t words_lag; /* versions that may wait for their words */
	_Atomic bool committing; /* what is not counted yet may be seen already */
	struct keeper *keeper;
	struct queue *queue;
	_Atomic(struct extractor *) extractor; /* made when a search first looks into bodies */
};

/* purge.c: removes the content of all versions of a resource but the newest. */
bool purge_past(struct sqlite_store *store, int64_t rid, struct error *err) MUST_USE;

/* words.c: of struct store_backend; and inside of transactions: a part of the rows, refused in item_err when it is of
 * no use any more; and nothing is found by the words of a version, which is about to lose its body. */
bool sqlite_words(void *b, int64_t *seen, const _Atomic bool *stop, bool *ret_more, struct error *err);
bool words_write(struct sqlite_store *store, const struct words_part *part, struct error *item_err,
		 struct error *err) MUST_USE;
bool words_forget(struct sqlite_store *store, int64_t vid, struct error *err) MUST_USE;
/* Has the index the words of all versions that it says it has? */
bool sqlite_words_check(struct sqlite_store *store, struct reader *r, const struct store_keeping *k,
			struct store_kept *kept, struct error *err) MUST_USE;

/* keeper.c: checkpoints in a thread of its own. */
bool keeper_start(struct sqlite_store *store, struct error *err) MUST_USE;
void keeper_stop(struct sqlite_store *store);
/* After each commit: looks at the size of the log now and then. */
void keeper_note(struct sqlite_store *store);

/* The dictionary that the keeper trained and the committing thread has not written yet; STR_NULL: none. */
struct str keeper_dictionary(struct sqlite_store *store);
void keeper_dictionary_written(struct sqlite_store *store);
bool dictionary_write(struct writer *w, struct str bytes, struct error *err) MUST_USE;

/* reader.c: a connection for the calling thread; give it back with reader_release. NULL with an error. */
struct reader *reader_acquire(struct sqlite_store *s, struct error *err) MUST_USE;
void reader_release(struct sqlite_store *s, struct reader *r);
void reader_free(struct reader *r);
/* A reader over a connection that somebody else owns and will close after reader_free(). */
struct reader *reader_view(const struct db *db, struct error *err) MUST_USE;
/* After a roll-back: numbers of names may be given anew. */
void reader_forget(struct reader *r);
/* Takes a new snapshot although nothing was committed here: another process may have meddled with the file. */
bool reader_renew(struct sqlite_store *s, struct reader *r, struct error *err) MUST_USE;
/* Everything read between acquire and release is one snapshot; begin also reads its last vids. */
bool reader_begin(struct reader *r, struct error *err) MUST_USE;
void reader_end(struct reader *r);
/* Idle connections give up their snapshots, so that the log can start over. */
void readers_let_go(struct sqlite_store *s);
/* The number of a type, 0 when nothing of it was ever stored. */
bool reader_type(struct reader *r, const struct fhir_type *type, int64_t *ret_id, struct error *err) MUST_USE;
/* The type behind a number; NULL with an error when the definitions do not have it. */
const struct fhir_type *reader_type_of(struct sqlite_store *s, struct reader *r, int64_t id, struct error *err);
/* The served form of a body into a. */
bool reader_serve(struct sqlite_store *s, struct reader *r, struct arena *a, struct packed_body packed, size_t meta_at,
		  int64_t version, int64_t updated_ms, struct str *ret_body, struct error *err) MUST_USE;

/* guard.c: does no version newer than the guard's snapshot meet its query, as the committing thread sees the tables? */
bool guard_holds(struct sqlite_store *store, const struct store_guard *guard, bool *ret_holds,
		 struct error *err) MUST_USE;

/* group.c */
bool group_prepare(void *b, struct item *item, struct error *err);
void group_commit(void *b, struct item *items);
bool group_settle(void *b);
/* read.c */
bool sqlite_read(void *b, struct arena *a, const struct fhir_type *type, struct str id, int64_t version,
		 struct store_entry *ret_entry, struct error *err);
/* Columns: vid, version, time, op, coding, meta_at, bytes. All of the entry but type and id. */
bool entry_from_row(struct sqlite_store *store, struct reader *r, struct arena *a, sqlite3_stmt *s,
		    struct store_entry *entry, struct error *err) MUST_USE;
/* history.c */
bool sqlite_history(void *b, struct arena *a, const struct store_history_query *query, struct store_page *page,
		    struct error *err);
/* The greatest vid up to high whose version is older than an instant: times grow with vids. */
bool reader_last_before(struct reader *r, int64_t time, int64_t high, int64_t *ret_vid, struct error *err) MUST_USE;
bool sqlite_counts(void *b, struct arena *a, struct store_count **ret_counts, size_t *ret_count, struct error *err);
/* audit.c */
bool sqlite_audit_list(void *b, struct arena *a, int64_t before, size_t max, struct audit_row **ret_rows,
		       size_t *ret_count, struct error *err);
/* check.c, reindex.c, vacuum.c */
bool sqlite_check(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err);
bool sqlite_reindex(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err);
bool sqlite_vacuum(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err);
/* The number behind a key of the meta table; otherwise when there is none. */
bool meta_get(struct db *db, struct str key, int64_t otherwise, int64_t *ret_value, struct error *err) MUST_USE;
bool meta_set(struct db *db, struct str key, int64_t value, struct error *err) MUST_USE;
bool meta_drop(struct db *db, struct str key, struct error *err) MUST_USE;
/* See check_open_body(). */
bool body_open(struct sqlite_store *store, struct reader *r, const struct store_keeping *k, struct arena *a,
	       struct packed_body packed, struct opened_body *ret_body, struct error *err) MUST_USE;
bool sqlite_audit_verify(void *b, int64_t *ret_rows, struct error *err);
/* facts.c */
bool sqlite_fact_get(void *b, struct arena *a, struct str shelf, struct str key, struct str *ret_value,
		     struct error *err);
bool sqlite_fact_list(void *b, struct arena *a, struct str shelf, struct str after_key, size_t max,
		      struct store_fact **ret_facts, size_t *ret_count, struct error *err);
/* arms.c: the SQL of a form, and the statement of an arm with its values bound; *ret_at is the next parameter. Probes
 * take a limit then, others the range of vids and, if the form is ordered, a limit. */
void arm_sql(struct buf *sql, enum seek_form form, enum arm_use use);
sqlite3_stmt *arm_use(struct reader *r, const struct seek_arm *arm, enum arm_use use, int *ret_at, struct error *err);
/* source.c */
/* seek_newer() over what the reader sees; its last_vid counts, whoever set it. */
bool sqlite_newer(struct sqlite_store *store, struct reader *r, const struct search_query *query, int64_t after,
		  unsigned timeout_ms, bool *ret_any, struct error *err) MUST_USE;
bool sqlite_search(void *b, struct arena *a, const struct search_query *query,
		   const struct store_search_options *options, struct store_page *ret_page, struct error *err);

/* tenants.c */
bool sqlite_has_tenant(void *b, struct str name, bool *ret_exists, struct error *err);
bool sqlite_tenant_exists(struct str location, struct str name, bool *ret_exists, struct error *err);
bool sqlite_tenant_list(struct str location, struct arena *a, struct str **ret_names, size_t *ret_count,
			struct error *err);
bool sqlite_tenant_remove(struct str location, struct str name, const struct store_options *options, struct error *err);

#endif
