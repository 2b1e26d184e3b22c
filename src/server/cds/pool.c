/*
 * A few threads that wait for EHRs, so that the server's threads never do. They start with the first work; each keeps
 * an HTTP client, and so its connections, for as long as it lives.
 */
#include "server/cds/cds_priv.h"

#include <stdlib.h>

enum { WAITING_MAX = 2000, THREADS_MAX = 64 };

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct pool_job *first, **last;
	size_t waiting, idle;
	struct http_client_options options;
	pthread_t threads[THREADS_MAX];
	unsigned most, count;
	bool stop;
};

struct pool *pool_open(unsigned threads, unsigned timeout_ms, size_t max_body, struct error *err)
{
	struct pool *p = calloc(1, sizeof(*p));
	if (!p) {
		error_memory(err);
		return NULL;
	}
	p->most = threads > THREADS_MAX ? THREADS_MAX : threads;
	p->options = (struct http_client_options){
		.timeout_ms = timeout_ms, .connect_timeout_ms = timeout_ms, .max_body = max_body};
	p->last = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	return p;
}

/* The next job, waited for; NULL at the end. The lock is held. */
static struct pool_job *take(struct pool *p)
{
	while (!p->first && !p->stop) {
		p->idle++;
		pthread_cond_wait(&p->more, &p->lock);
		p->idle--;
	}
	struct pool_job *job = p->first;
	if (!job)
		return NULL;
	p->first = job->next;
	if (!p->first)
		p->last = &p->first;
	p->waiting--;
	return job;
}

static void *work(void *arg)
{
	struct pool *p = arg;
	struct error ignored = {0};
	struct http_client *client = http_client_new(&p->options, &ignored);
	struct pool_job *job;
	pthread_mutex_lock(&p->lock);
	while ((job = take(p)) != NULL) {
		pthread_mutex_unlock(&p->lock);
		job->run(job, client);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	http_client_free(client);
	return NULL;
}

bool pool_add(struct pool *p, struct pool_job *job)
{
	pthread_mutex_lock(&p->lock);
	bool ok = p->waiting < WAITING_MAX && !p->stop;
	if (ok && p->waiting >= p->idle && p->count < p->most &&
	    pthread_create(&p->threads[p->count], NULL, work, p) == 0)
		p->count++;
	ok = ok && p->count;
	if (ok) {
		job->next = NULL;
		*p->last = job;
		p->last = &job->next;
		p->waiting++;
		pthread_cond_signal(&p->more);
	}
	pthread_mutex_unlock(&p->lock);
	return ok;
}

void pool_close(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->count; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
