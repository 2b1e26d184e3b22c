/*
 * Work that goes on after its client was answered: a bounded number of jobs, a few at a time on threads of their own,
 * and their results on disk for a while. Who knows a job's id and is its owner may ask for its state, fetch its result
 * or end it; the id is 128 random bits and is not on disk itself. A job that a restart found running is told as
 * interrupted, never silently forgotten. With several processes on one store each runs its own jobs, and all answer for
 * all of them. Any thread.
 */
#ifndef FIRTH_SERVER_JOBS_JOBS_H
#define FIRTH_SERVER_JOBS_JOBS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "store/store.h"

struct jobs;
struct job;

struct jobs_options {
	/* Where other processes on it learn of jobs and of their results, so that any of them may be asked; NULL, or
	 * one that only this process uses: there are no others. It outlives the jobs. */
	struct store *store;
	struct str directory; /* made (mode 0700) with the first job; files in it are 0600 */
	unsigned max_jobs; /* waiting, running and kept together; 0 = 100 */
	unsigned workers; /* that run at once; 0 = 2 */
	int64_t keep_ms; /* how long results stay; 0 = an hour */
	uint64_t share; /* bytes of a job's other files that other processes get as well; 0: none */
	size_t max_waiting; /* bytes that jobs hold in memory while they wait; 0 = 256 MB */
	int64_t (*now_ms)(void); /* NULL = clock_now_ms */
};
/* Learns what an earlier process left. */
struct jobs *jobs_open(const struct jobs_options *options, struct error *err) MUST_USE;
/* Asks what runs to stop and waits for it; what waits is found as interrupted by the next process. */
void jobs_close(struct jobs *jobs);

struct job_work {
	/* On a worker's thread; ends with job_finish(). */
	void (*run)(void *ctx, struct job *job);
	/* Always called once, after run, or instead of it when the job was cancelled before its turn. */
	void (*free)(void *ctx);
	void *ctx;
	struct str owner; /* client_id */
	size_t bytes; /* what ctx holds in memory */
	int64_t keep_ms; /* how long its result stays; 0: as the options say */
};
#define JOB_ID_SIZE 32 /* lower-case hexadecimal, no zero */
/* ERR_BUSY when there are too many; ctx then stays the caller's. */
bool jobs_start(struct jobs *jobs, const struct job_work *work, char ret_id[JOB_ID_SIZE], struct error *err) MUST_USE;

/* For run: how far it is, as one line for people ("12,000 resources"); whether to stop; lines beside the result, such
 * as one per failure (nothing more is kept past 64 MB: false); and the result with its media type (STR_NULL: FHIR
 * JSON). */
void job_progress(struct job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool job_stopped(const struct job *job);
const char *job_id(const struct job *job); /* JOB_ID_SIZE bytes */
bool job_note(struct job *job, struct str line);
void job_finish(struct job *job, struct str content_type, struct str result);
/* Instead of job_finish(): the result is an OperationOutcome that says why there is none. */
void job_fail(struct job *job, struct str outcome);
/* A new file beside the result, for writing, number from 1 to JOB_MAX_FILES; the caller closes it. -1 with an error. */
enum { JOB_MAX_FILES = 100000 };
int job_file_make(struct job *job, size_t number, struct error *err) MUST_USE;
/* Such a file is whole: other processes get it, too, as far as jobs_options.share goes. Files are made in order. */
void job_file_share(struct job *job, size_t number);

enum job_phase { JOB_WAITING, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_INTERRUPTED };
struct job_state {
	enum job_phase phase;
	struct str progress;
	struct str result, content_type; /* JOB_DONE, JOB_FAILED; content_type STR_NULL: FHIR JSON */
	int64_t expires_ms; /* JOB_DONE, JOB_FAILED, JOB_INTERRUPTED */
};
/* ERR_NOT_FOUND for what does not exist, has expired or is someone else's. */
bool jobs_look(struct jobs *jobs, struct arena *a, struct str id, struct str owner, struct job_state *ret_state,
	       struct error *err) MUST_USE;
/* The lines of job_note() so far, "" when there are none. */
bool jobs_notes(struct jobs *jobs, struct arena *a, struct str id, struct str owner, struct str *ret_notes,
		struct error *err) MUST_USE;
/* A file of a finished job, opened for reading; owner STR_NULL: whoever asks was judged otherwise. ERR_BUSY for one
 * that only another process has, beyond jobs_options.share. */
bool jobs_file(struct jobs *jobs, struct str id, struct str owner, size_t number, int *ret_fd, uint64_t *ret_size,
	       struct error *err) MUST_USE;
/* How many jobs of this process and owner wait or run. */
size_t jobs_unfinished(struct jobs *jobs, struct str owner);
/* Stops it if need be and removes its result. */
bool jobs_cancel(struct jobs *jobs, struct str id, struct str owner, struct error *err) MUST_USE;
/* Removes what has expired; also done by the other calls. Are there any that wait or run? */
bool jobs_busy(struct jobs *jobs);

#endif
