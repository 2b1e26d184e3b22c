/* What the files of the jobs room share: a job in memory, and its two files. */
#ifndef FIRTH_SERVER_JOBS_JOBS_PRIV_H
#define FIRTH_SERVER_JOBS_JOBS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/jobs/jobs.h"

enum { JOB_NAME_SIZE = 33, JOB_OWNER_SIZE = 256, JOB_PROGRESS_SIZE = 128, JOB_TYPE_SIZE = 64 };

struct job {
	struct jobs *jobs;
	char id[JOB_ID_SIZE]; /* of a job of this process; never on disk */
	char name[JOB_NAME_SIZE]; /* digest of its id: the name of its files */
	char owner[JOB_OWNER_SIZE];
	enum job_phase phase; /* with the rest of this guarded by jobs->lock */
	char progress[JOB_PROGRESS_SIZE];
	char content_type[JOB_TYPE_SIZE]; /* of its result, "" for FHIR JSON */
	int64_t expires_ms; /* when it is done */
	struct job_work work;
	int notes; /* the open file of its notes, 0 for none; the worker's own */
	size_t notes_size;
	atomic_size_t files; /* how many were made by this process */
	uint64_t shared_bytes; /* the worker's own */
	bool held; /* by a worker */
	bool forgotten; /* cancelled while a worker had it, which then frees it */
	atomic_bool stop;
	struct job *next;
};

struct jobs {
	struct jobs_options o;
	struct str directory; /* a copy, zero-terminated */
	pthread_mutex_t lock;
	pthread_cond_t idle; /* no worker is left */
	struct job *first; /* oldest first: also the order in which they run */
	size_t count, waiting_bytes;
	unsigned workers;
	bool closing;
	bool beating; /* shared.c: records are renewed */
	pthread_cond_t stirred; /* closing */
};

/* jobs.c */
bool job_not_found(struct error *err);
/* Cancels the job of that name, whoever owns it. */
void jobs_drop(struct jobs *jobs, const char *name);

/* ---- shared.c: what other processes know; without others nothing happens. None of these under the lock, except
 * shared_beat(), which begins renewing. */
bool jobs_are_shared(const struct jobs *jobs);
bool shared_begin(struct jobs *jobs, const struct job *job, struct error *err) MUST_USE;
void shared_forget(struct jobs *jobs, const char *name);
void shared_beat(struct jobs *jobs);
/* Before a job counts as done. */
void shared_finish(struct jobs *jobs, const struct job *job, enum job_phase phase, struct str type, struct str result,
		   int64_t expires_ms);
/* What is not finished is told as interrupted. */
void shared_close(struct jobs *jobs);
/* Of jobs that this process does not have. */
bool shared_look(struct jobs *jobs, struct arena *a, const char *name, struct str owner, struct job_state *ret_state,
		 struct error *err) MUST_USE;
bool shared_notes(struct jobs *jobs, struct arena *a, const char *name, struct str owner, struct str *ret_notes,
		  struct error *err) MUST_USE;
bool shared_file(struct jobs *jobs, const char *name, struct str owner, size_t number, int *ret_fd, uint64_t *ret_size,
		 struct error *err) MUST_USE;
bool shared_cancel(struct jobs *jobs, const char *name, struct str owner, struct error *err) MUST_USE;

/* Somebody ended it elsewhere, though it is done here. */
bool shared_is_cancelled(struct jobs *jobs, const char *name);

/* ---- pieces.c: what is too large for one fact ----------------------------------------------------------------------
 */

enum { PIECE = 1 << 20 };
/* kind: "result". How many of them are there now. */
bool pieces_put(struct jobs *jobs, struct arena *a, const char *name, const char *kind, struct str text,
		int64_t expires_ms, int64_t *ret_count, struct error *err) MUST_USE;
bool pieces_get(struct jobs *jobs, struct arena *a, const char *name, const char *kind, int64_t count,
		struct str *ret_text, struct error *err) MUST_USE;
/* The other files of a job. */
bool pieces_put_file(struct jobs *jobs, const char *name, size_t number, int fd, uint64_t size, int64_t expires_ms,
		     struct error *err) MUST_USE;
/* Into a file without a name. ERR_NOT_FOUND: it is not here. */
bool pieces_get_file(struct jobs *jobs, const char *name, size_t number, int *ret_fd, uint64_t *ret_size,
		     struct error *err) MUST_USE;
/* Those from 1 to files are not wanted any more. What cannot be removed expires. */
void pieces_drop_files(struct jobs *jobs, const char *name, size_t files);

/* ---- files.c: NAME.job tells of a job, NAME.out is its result, NAME.err are its notes, NAME.d has its other files */
bool job_file_write(const struct jobs *jobs, const struct job *job, struct error *err) MUST_USE;
bool job_result_write(const struct jobs *jobs, const struct job *job, struct str result, struct error *err) MUST_USE;
bool job_result_read(const struct jobs *jobs, struct arena *a, const struct job *job, struct str *ret_result,
		     struct error *err) MUST_USE;
bool job_note_write(const struct jobs *jobs, struct job *job, struct str line);
bool job_notes_read(const struct jobs *jobs, struct arena *a, const struct job *job, struct str *ret_notes,
		    struct error *err) MUST_USE;
/* NAME.d/NUMBER: its other files. -1 with an error. */
int job_other_file(const struct jobs *jobs, const struct job *job, size_t number, int flags, struct error *err);
void job_files_remove(const struct jobs *jobs, const struct job *job);
/* All jobs that the directory tells of; running ones were interrupted. */
bool job_files_load(struct jobs *jobs, struct error *err) MUST_USE;
bool job_directory_make(const struct jobs *jobs, struct error *err) MUST_USE;

#endif
