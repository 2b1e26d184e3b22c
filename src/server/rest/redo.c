/*
 * One thread that repeats writes which others got in the way of. The committing thread finds that out, but must not
 * search and prepare; the HTTP thread has long gone on to other requests. Jobs are as many as exchanges in flight, so
 * the list needs no limit of its own. The thread starts with the first job, since most servers never need it.
 */
#include <pthread.h>
#include <stdlib.h>

#include "server/rest/rest_priv.h"

struct redo {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct redo_job *first, *last;
	bool started, closing;
	pthread_t thread;
};

static struct redo_job *take(struct redo *r)
{
	pthread_mutex_lock(&r->lock);
	while (!r->first && !r->closing)
		pthread_cond_wait(&r->changed, &r->lock);
	struct redo_job *job = r->first;
	if (job)
		r->first = job->next;
	pthread_mutex_unlock(&r->lock);
	return job;
}

static void *run_jobs(void *ctx)
{
	struct redo_job *job;
	while ((job = take(ctx)))
		job->run(job->ctx);
	return NULL;
}

struct redo *redo_open(struct error *err)
{
	struct redo *r = calloc(1, sizeof(*r));
	if (!r) {
		error_memory(err);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	return r;
}

void redo_close(struct redo *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->closing = true;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	if (r->started)
		pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Without a thread the job runs right here: slow for the committing thread, but the request is answered. */
void redo_submit(struct redo *r, struct redo_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&r->lock);
	if (!r->started)
		r->started = pthread_create(&r->thread, NULL, run_jobs, r) == 0;
	bool queued = r->started;
	if (queued && r->first)
		r->last = r->last->next = job;
	else if (queued)
		r->first = r->last = job;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	if (!queued)
		job->run(job->ctx);
}
