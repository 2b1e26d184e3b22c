/*
 * Threads for what takes long, so that those who may not wait never do. Each starts when there is more to do than the
 * others can take at once, and stays until the end.
 */
#ifndef FIRTH_BASE_WORKERS_H
#define FIRTH_BASE_WORKERS_H

#include "base/error.h"

struct workers;
struct workers_options {
	unsigned threads; /* at most this many, and 64 */
	size_t waiting; /* jobs that may wait; 0: any number, for callers that have a limit of their own */
	void *(*begin)(void *ctx); /* what each thread keeps for its jobs, made in the thread; may be NULL */
	void (*end)(void *own); /* frees it; gets what begin returned, NULL included */
	void *ctx;
};
/* One piece of work. The caller keeps it where it is until run is called, which may free it. */
struct workers_job {
	void (*run)(void *ctx, void *own); /* own: what begin returned for this thread */
	void *ctx;
	struct workers_job *next; /* of whoever has the job */
};

struct workers *workers_open(const struct workers_options *options, struct error *err) MUST_USE;
/* Does what waits first: somebody waits for its answer. NULL is fine. */
void workers_close(struct workers *w);
/* In the order of their coming. False: too many wait, or no thread could be started; nothing was kept. Any thread. */
bool workers_add(struct workers *w, struct workers_job *job) MUST_USE;

#endif
