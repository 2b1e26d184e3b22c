/* Threads for what takes long. See workers.h. */
#include "base/workers.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS_MAX = 64 };

struct workers {
	struct workers_options o;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct workers_job *first, **last;
	size_t waiting, idle;
	pthread_t threads[THREADS_MAX];
	unsigned count;
	bool stop;
};

struct workers *workers_open(const struct workers_options *options, struct error *err)
{
	struct workers *w = calloc(1, sizeof(*w));
	if (!w) {
		error_memory(err);
		return NULL;
	}
	w->o = *options;
	w->o.threads = w->o.threads > THREADS_MAX ? THREADS_MAX : w->o.threads;
	w->o.waiting = w->o.waiting ? w->o.waiting : SIZE_MAX;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	return w;
}

/* The next job, waited for; NULL at the end. The lock is held. */
static struct workers_job *take(struct workers *w)
{
	while (!w->first && !w->stop) {
		w->idle++;
		pthread_cond_wait(&w->more, &w->lock);
		w->idle--;
	}
	struct workers_job *job = w->first;
	if (!job)
		return NULL;
	w->first = job->next;
	if (!w->first)
		w->last = &w->first;
	w->waiting--;
	return job;
}

static void *work(void *arg)
{
	struct workers *w = arg;
	void *own = w->o.begin ? w->o.begin(w->o.ctx) : NULL;
	struct workers_job *job;
	pthread_mutex_lock(&w->lock);
	while ((job = take(w)) != NULL) {
		pthread_mutex_unlock(&w->lock);
		job->run(job->ctx, own);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	if (w->o.end)
		w->o.end(own);
	return NULL;
}

bool workers_add(struct workers *w, struct workers_job *job)
{
	pthread_mutex_lock(&w->lock);
	bool ok = w->waiting < w->o.waiting && !w->stop;
	if (ok && w->waiting >= w->idle && w->count < w->o.threads &&
	    pthread_create(&w->threads[w->count], NULL, work, w) == 0)
		w->count++;
	ok = ok && w->count;
	if (ok) {
		job->next = NULL;
		*w->last = job;
		w->last = &job->next;
		w->waiting++;
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	return ok;
}

void workers_close(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->count; i++)
		pthread_join(w->threads[i], NULL);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
