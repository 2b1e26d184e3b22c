/*
 * Loading, its inner seams: files are read into jobs (read.c), worker threads turn a job's text into store transactions
 * (prepare.c), and a small pipeline moves jobs around and bounds how many there are (pipeline.c).
 *
 * A job belongs to one thread at a time: the reader fills it, a worker prepares it, the store's committing thread
 * counts its transactions down, and the reader takes it back, counts what was kept and empties it for the next round.
 */
#ifndef FIRTH_SERVER_BULK_BULK_PRIV_H
#define FIRTH_SERVER_BULK_BULK_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/bulk/bulk.h"

/* Small files and lines are gathered until a job has this much text: large enough to keep commits few, small enough
 * that many jobs fit into memory. */
#define BULK_JOB_BYTES (1u << 20)
/* Text in flight; one larger document travels alone. */
#define BULK_FLIGHT_BYTES (48u << 20)
#define BULK_MAX_DOCUMENT (256u << 20)
#define BULK_MAX_LINE	  (64u << 20)
/* How often the search parameters may change while one loading goes on. */
#define BULK_MAX_SETS 64

/* A piece of a job's text: a whole document, or whole lines of NDJSON. */
struct bulk_part {
	struct str file;
	size_t offset, length; /* in the job's text */
	size_t line; /* number of its first line */
	bool lines;
};

/* One thing that was not stored, for people. */
struct bulk_reject {
	struct str file;
	size_t line, column; /* 0: not known */
	struct str text;
	struct bulk_reject *next;
};

struct bulk_txn {
	struct store_txn txn;
	struct audit_event event;
	struct store_change *changes;
	size_t count, capacity;
	struct str file;
	size_t line; /* of the first of loose resources, 0 for a bundle */
	struct bulk_job *job;
	struct bulk_txn *next;
};

struct bulk_job {
	struct arena arena;
	struct buf text;
	struct bulk_part *parts; /* in the arena */
	size_t part_count, part_capacity;
	struct bulk_txn *txns; /* in the arena */
	atomic_size_t pending; /* transactions that the store has not answered yet, plus one while preparing */
	struct bulk_reject *rejects, **rejects_end;
	size_t rejected, bundles, skipped, unresolved;
	uint64_t number; /* place in the input */
	const struct parameter_set *set; /* that it was prepared by */
	struct bulk_job *next;
	struct bulk *bulk;
};

struct bulk {
	struct bulk_options o;
	struct arena arena; /* names of files, counts */

	/* pipeline; guarded by lock */
	pthread_mutex_t lock;
	pthread_cond_t to_workers, to_reader, next_turn;
	uint64_t numbered, turn; /* jobs handed out so far; the one whose transactions go to the store next */
	struct bulk_job *ready, **ready_end; /* filled, for workers */
	struct bulk_job *done; /* for the reader */
	struct bulk_job *free;
	size_t in_flight; /* bytes of text handed to workers and not yet back */
	size_t in_flight_jobs;
	bool closing;
	const struct parameter_set *sets[BULK_MAX_SETS]; /* the last one is used, the others have been */
	size_t set_count;
	pthread_t threads[16];
	unsigned thread_count;
	struct bulk_job *jobs;
	size_t job_count;

	/* the reader's own */
	struct bulk_job *current;
	uint64_t bytes_total, bytes_before, bytes_read; /* before: of finished files */
	struct bulk_counts counts;
	bool broken; /* the store failed: nothing more can be kept */
	struct error store_error;
};

/* ---- pipeline.c */
/* Room for more text in the current job; NULL once the store is broken. */
struct bulk_job *bulk_current(struct bulk *im);
/* Adds the newest `length` bytes of the current job's text as a part, and sends the job off when it is full. */
bool bulk_part_add(struct bulk *im, const struct bulk_part *part, struct error *err) MUST_USE;
/* Says that something was not stored, and how far we are: from the reader's thread. */
void bulk_report(struct bulk *im, struct str file, size_t line, size_t column, const char *text);
void bulk_progress(struct bulk *im);
bool bulk_stopped(const struct bulk *im);

/* ---- prepare.c */
/* Parses and prepares everything in a job, into its list of transactions and rejects. Any thread. */
void bulk_prepare(struct bulk_job *job);
/* The rows of a transaction once more, by the job's set. */
bool bulk_prepare_again(struct bulk_txn *t, struct error *err) MUST_USE;
void bulk_reject(struct bulk_job *job, struct str file, size_t line, size_t column, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
