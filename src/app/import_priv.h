/*
 * Import, its inner seams: files are read into jobs (import_read.c), worker threads turn a job's text into store
 * transactions (import_prepare.c), and a small pipeline moves jobs around and bounds how many there are
 * (import_jobs.c).
 *
 * A job belongs to one thread at a time: the reader fills it, a worker prepares it, the store's committing thread
 * counts its transactions down, and the reader takes it back, counts what was kept and empties it for the next round.
 */
#ifndef FIRTH_APP_IMPORT_PRIV_H
#define FIRTH_APP_IMPORT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "app/app.h"
#include "base/buf.h"
#include "search/search.h"
#include "store/store.h"

/* Small files and lines are gathered until a job has this much text: large enough to keep commits few, small enough
 * that many jobs fit into memory. */
#define IMPORT_JOB_BYTES (1u << 20)
/* Text in flight; one larger document travels alone. */
#define IMPORT_FLIGHT_BYTES (48u << 20)
#define IMPORT_MAX_DOCUMENT (256u << 20)
#define IMPORT_MAX_LINE	    (64u << 20)

/* A piece of a job's text: a whole document, or whole lines of NDJSON. */
struct import_part {
	struct str file;
	size_t offset, length; /* in the job's text */
	size_t line; /* number of its first line */
	bool lines;
};

/* One thing that was not stored, for people. */
struct import_reject {
	struct str file;
	size_t line, column; /* 0: not known */
	struct str text;
	struct import_reject *next;
};

struct import_txn {
	struct store_txn txn;
	struct audit_event event;
	struct store_change *changes;
	size_t count, capacity;
	struct str file;
	size_t line; /* of the first of loose resources, 0 for a bundle */
	struct import_job *job;
	struct import_txn *next;
};

struct import_job {
	struct arena arena;
	struct buf text;
	struct import_part *parts; /* in the arena */
	size_t part_count, part_capacity;
	struct import_txn *txns; /* in the arena */
	atomic_size_t pending; /* transactions that the store has not answered yet, plus one while preparing */
	struct import_reject *rejects, **rejects_end;
	size_t rejected, bundles, skipped, unresolved;
	uint64_t number; /* place in the input */
	struct import_job *next;
	struct import *import;
};

struct import {
	struct app *app;
	const struct definitions *definitions;
	struct extractor *extractor;
	struct store *store;
	struct str base; /* own base URL, so that absolute links to ourselves are local; STR_NULL: unknown */

	/* pipeline; guarded by lock */
	pthread_mutex_t lock;
	pthread_cond_t to_workers, to_reader, next_turn;
	uint64_t numbered, turn; /* jobs handed out so far; the one whose transactions go to the store next */
	struct import_job *ready, **ready_end; /* filled, for workers */
	struct import_job *done; /* for the reader */
	struct import_job *free;
	size_t in_flight; /* bytes of text handed to workers and not yet back */
	size_t in_flight_jobs;
	bool closing;
	pthread_t threads[16];
	unsigned thread_count;
	struct import_job *jobs;
	size_t job_count;

	/* the reader's own */
	struct import_job *current;
	struct progress progress;
	uint64_t bytes_total, bytes_before, bytes_read; /* before: of finished files */
	int64_t *by_type; /* index: type id */
	uint64_t files, bundles, resources, rejected, skipped, unresolved, unreadable;
	bool broken; /* the store failed: nothing more can be kept */
	struct error store_error;
};

/* ---- import_jobs.c */
bool import_start(struct import *im, unsigned threads, struct error *err) MUST_USE;
/* Room for more text in the current job; NULL once the store is broken. */
struct import_job *import_current(struct import *im);
/* Adds the newest `length` bytes of the current job's text as a part, and sends the job off when it is full. */
bool import_part_add(struct import *im, const struct import_part *part, struct error *err) MUST_USE;
/* Sends off what is left, waits for everything, ends the threads and frees the jobs. */
void import_finish(struct import *im);
/* Says that something was not stored: from the reader's thread. */
void import_report(struct import *im, struct str file, size_t line, size_t column, const char *text);

/* ---- import_read.c */
/* Finds the files, reads them all into jobs. False when nothing more can be done (err) or the store is broken. */
bool import_read_paths(struct import *im, const struct str *paths, size_t count, const atomic_bool *stop,
		       struct error *err) MUST_USE;

/* ---- import_prepare.c */
/* Parses and prepares everything in a job, into its list of transactions and rejects. Any thread. */
void import_prepare(struct import_job *job);
void import_reject(struct import_job *job, struct str file, size_t line, size_t column, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
