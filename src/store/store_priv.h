/*
 * What the front of the store and its backends share: the items of the committing queue, the table of functions behind
 * one door, and the bytes that the audit chain hashes.
 */
#ifndef FIRTH_STORE_PRIV_H
#define FIRTH_STORE_PRIV_H

#include <pthread.h>

#include "store/store.h"

/* ---- what waits for the committing thread ----------------------------------------------------------------------- */

enum item_kind { ITEM_TXN, ITEM_AUDIT, ITEM_ROWS, ITEM_WORDS };

/* Some rows of the index of words, see words.h. */
struct words_part {
	const struct words_row *rows;
	size_t count;
	int64_t from, to; /* the stretch; to 0: this is not its last part */
	uint64_t purges; /* that there had been when its bodies were read */
};

/* One thing to commit. Belongs to the queue from submission until its end is told; memory holds everything that was
 * copied or made for it on the submitting thread. */
struct item {
	struct item *next;
	enum item_kind kind;
	bool hurry; /* somebody waits: a bulk group does not wait for more */
	size_t bytes; /* weight for back-pressure */
	size_t changes; /* weight for the size of a group */
	struct arena memory;
	struct store_txn *txn; /* ITEM_TXN */
	void *prepared; /* ITEM_TXN: what the backend made ahead of changes[] */
	struct audit_event *events; /* ITEM_AUDIT */
	size_t event_count;
	int64_t time_ms; /* ITEM_AUDIT: when it happened */
	struct store_adding *adding; /* ITEM_ROWS, only for backends with adds_rows */
	const struct words_part *words; /* ITEM_WORDS, only for backends that hand them in */
	struct error err; /* result; a transaction's is copied to it */
	void (*finish)(struct item *item); /* tells the end and frees the item */
	void *ctx;
	_Alignas(16) char extra[]; /* ITEM_AUDIT: events and their text, so that an access costs one allocation */
};

struct queue;

/* ---- the door ---------------------------------------------------------------------------------------------------- */

/* A backend: every function may be called from any thread, except commit and settle, which the committing thread owns.
 */
struct store_backend {
	/* A commit is mostly waiting for another process, and costs about the same for one as for many. */
	bool waits;
	void *(*open)(struct str location, const struct store_options *options, struct queue *queue, struct error *err);
	void (*close)(void *b);
	/* On the submitting thread: whatever can be done before the group, into item->memory. */
	bool (*prepare)(void *b, struct item *item, struct error *err);
	/* Commits a list of items as one durable group, sets item->err of each. */
	void (*commit)(void *b, struct item *items);
	/* On the committing thread, when nothing waits for a moment and before closing: a part of the work that was put
	 * off. True when there is more. */
	bool (*settle)(void *b);
	/* The entry comes with type and id. A deletion is read as any version; the front refuses it. */
	bool (*read)(void *b, struct arena *a, const struct fhir_type *type, struct str id, int64_t version,
		     struct store_entry *entry, struct error *err);
	/* The page comes with room for query->max entries; gets entries, count, snapshot and next. */
	bool (*history)(void *b, struct arena *a, const struct store_history_query *query, struct store_page *page,
			struct error *err);
	bool (*search)(void *b, struct arena *a, const struct search_query *query,
		       const struct store_search_options *options, struct store_page *ret_page, struct error *err);
	bool (*counts)(void *b, struct arena *a, struct store_count **ret_counts, size_t *ret_count, struct error *err);
	bool (*audit_list)(void *b, struct arena *a, int64_t before, size_t max, struct audit_row **ret_rows,
			   size_t *ret_count, struct error *err);
	bool (*audit_verify)(void *b, int64_t *ret_rows, struct error *err);
	bool (*fact_get)(void *b, struct arena *a, struct str shelf, struct str key, struct str *ret_value,
			 struct error *err);
	bool (*fact_list)(void *b, struct arena *a, struct str shelf, struct str after_key, size_t max,
			  struct store_fact **ret_facts, size_t *ret_count, struct error *err);
	/* From now on tell is called when other processes changed facts, STR_NULL: any. Called once; NULL: there are no
	 * others. */
	bool (*hear)(void *b, void (*tell)(void *ctx, struct str shelf), void *ctx, struct error *err);
	bool (*check)(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err);
	bool (*reindex)(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err);
	bool (*vacuum)(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err);
	/* Tenants at a location, of names that are valid; exists and list only look. remove gets options with the
	 * tenant set, of one that is there. */
	bool (*tenant_exists)(struct str location, struct str name, bool *ret_exists, struct error *err);
	bool (*has_tenant)(void *b, struct str name, bool *ret_exists, struct error *err);
	bool (*tenant_list)(struct str location, struct arena *a, struct str **ret_names, size_t *ret_count,
			    struct error *err);
	bool (*tenant_remove)(struct str location, struct str name, const struct store_options *options,
			      struct error *err);
	/* On a thread of its own, now and then: makes the words of a stretch of versions searchable, unless too few
	 * wait for that or much has come in since *seen. Ends early when *stop. NULL: it has no such index. */
	bool (*words)(void *b, int64_t *seen, const _Atomic bool *stop, bool *ret_more, struct error *err);
	bool adds_rows; /* commit knows ITEM_ROWS */
	/* Tests only: no more than so many pages, as on a full disk; 0 lifts the limit. */
	void (*limit_pages)(void *b, int64_t pages);
};

extern const struct store_backend store_sqlite, store_postgres;
/* By the form of the location. */
const struct store_backend *store_backend_of(struct str location);

/* ---- the queue and its thread (queue.c) -------------------------------------------------------------------------- */

struct queue_options {
	size_t max_bytes; /* what may wait before submitters are held back */
	size_t group_changes; /* changes in one commit, at most about */
	unsigned gather_ms; /* wait so long for a group to fill; 0 = commit what is there */
};

struct queue *queue_new(const struct queue_options *options);
/* Starts committing through the backend. */
bool queue_start(struct queue *q, const struct store_backend *backend, void *data, struct error *err) MUST_USE;
/* Commits everything that waits, then ends the thread and frees the queue. */
void queue_free(struct queue *q);
/* Hands an item in; waits while the queue is full. */
void queue_put(struct queue *q, struct item *item);
/* True with an error when so many audit rows could not be written that no more may be taken. */
bool queue_trouble(struct queue *q, struct error *err) MUST_USE;
/* Has the end told, without anything committed. For failures before the queue that must not call back at once. */
void queue_refuse(struct queue *q, struct store_txn *txn);
/* With room for extra bytes behind it. */
struct item *item_new(enum item_kind kind, size_t extra);
void item_free(struct item *item);
/* Puts the item in and waits for its end. The item is freed. */
bool queue_put_wait(struct queue *q, struct item *item, struct error *err) MUST_USE;

/* ---- watchers of facts (watch.c) --------------------------------------------------------------------------------- */

enum { MOST_WATCHERS = 16 };
struct watchers {
	pthread_mutex_t lock; /* held while they are told */
	struct watcher {
		void (*fn)(void *ctx, struct str shelf);
		void *ctx;
	} list[MOST_WATCHERS];
	size_t count;
	bool hearing; /* the backend was asked to tell of others */
};
/* ctx: struct watchers. */
void watchers_tell(void *ctx, struct str shelf);
/* The type whose changes are counted. */
#define REVISED_TYPE S("SearchParameter")
/* The shelves that a transaction changed, if it did. */
void watchers_tell_txn(struct watchers *w, const struct store_txn *txn);

/* ---- conditions (conditions.c) ----------------------------------------------------------------------------------- */

/* The state of a resource as the writer sees it. version 0: never stored. */
struct current {
	int64_t version;
	bool present; /* and not deleted */
};
/* May the change be made? Fills version, created and unchanged of the change as far as the state decides them. */
bool change_allowed(struct store_change *c, const struct current *now, struct error *err) MUST_USE;
/* The first bytes of the SHA-256 of a stored form, kept with each version. */
enum { STORED_HASH = 16 };
void stored_hash(struct str stored, unsigned char ret_hash[STORED_HASH]);
/* A position of a history: snapshot and vid. ERR_CURSOR. */
struct history_position {
	int64_t snapshot, vid;
};
bool history_position_read(struct str text, int64_t last_vid, struct history_position *ret_position,
			   struct error *err) MUST_USE;
/* Sets the next of a page with something on it to what follows its last entry. */
bool history_link_next(struct arena *a, struct store_page *page, struct error *err) MUST_USE;
/* ERR_NOT_FOUND for a resource, or for a version of it that is not 0. */
bool store_version_absent(struct error *err, const struct fhir_type *type, int64_t version);
/* A guard whose snapshot is older than this many versions is refused unseen. */
enum { GUARD_REACH = 20000 };
bool guard_failed(struct error *err);

/* ---- keeping (keeping.c) ------------------------------------------------------------------------------------------
 */

/* Tells the caller where long work is. False with ERR_TIMEOUT when it wants an end. */
bool keeping_told(const struct store_progress *progress, int64_t at, int64_t total, struct error *err) MUST_USE;
/* Hands a finding out and counts it. */
void keeping_found(const struct store_keeping *k, struct store_kept *kept, struct str where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- audit chain (audit.c) --------------------------------------------------------------------------------------- */

/* Hash of a row: SHA-256 over the hash before (32 zeros at first) and number, time and each field with its length, so
 * that no two different rows give the same bytes. scratch is reused. False without memory. */
bool audit_hash(struct buf *scratch, const unsigned char before[32], const struct audit_row *row,
		unsigned char ret_hash[32]) MUST_USE;
/* Where a chain ends: how many rows, and the hash of the last. */
struct audit_head {
	int64_t count;
	unsigned char hash[32];
};
/* Makes an event the next row: number and hash into the row, head moved on. The row borrows the event's text. */
bool audit_next(struct audit_head *head, struct buf *scratch, int64_t time_ms, const struct audit_event *event,
		struct audit_row *ret_row, struct error *err) MUST_USE;
/* Walking a chain in order: seen starts with zeros and moves on with each row; formed is false when the row's hash has
 * not the form of one. Then the end against the head that is kept apart. False with ERR_CHAIN. */
bool audit_check(struct audit_head *seen, struct buf *scratch, const struct audit_row *row, bool formed,
		 struct error *err) MUST_USE;
bool audit_check_end(const struct audit_head *seen, const struct audit_head *head, struct error *err) MUST_USE;
/* Copies of events whose text lies in a. NULL without memory. */
struct audit_event *audit_copy(struct arena *a, const struct audit_event *events, size_t count);
/* The bytes of an event with its text. */
size_t audit_weight(const struct audit_event *event);
/* The same as audit_copy() into memory that holds the sum of their weights. */
struct audit_event *audit_pack(void *memory, const struct audit_event *events, size_t count);

/* For tests: the backend's limit_pages. */
void store_limit_pages(struct store *s, int64_t pages);

#endif
