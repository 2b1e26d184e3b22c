/*
 * A queue with two threads of its own, which start with the first work: checking a password costs 70 ms and 64 MB on
 * purpose, and an outside provider may take seconds. The server's threads answer others meanwhile.
 */
#include "server/login/login_priv.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 2, MOST_WAITING = 64 };

struct work_queue {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct {
		void (*fn)(void *arg);
		void *arg;
	} items[MOST_WAITING];
	size_t first, count;
	pthread_t threads[THREADS];
	size_t thread_count;
	bool stop;
};

struct work_queue *work_open(void)
{
	struct work_queue *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->more, NULL);
	return q;
}

/* What waits is still done: somebody waits for its answer. */
static void *run(void *arg)
{
	struct work_queue *q = arg;
	pthread_mutex_lock(&q->lock);
	for (;;) {
		while (!q->count && !q->stop)
			pthread_cond_wait(&q->more, &q->lock);
		if (!q->count)
			break;
		void (*fn)(void *) = q->items[q->first].fn;
		void *item = q->items[q->first].arg;
		q->first = (q->first + 1) % MOST_WAITING;
		q->count--;
		pthread_mutex_unlock(&q->lock);
		fn(item);
		pthread_mutex_lock(&q->lock);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

void work_close(struct work_queue *q)
{
	if (!q)
		return;
	pthread_mutex_lock(&q->lock);
	q->stop = true;
	pthread_cond_broadcast(&q->more);
	pthread_mutex_unlock(&q->lock);
	for (size_t i = 0; i < q->thread_count; i++)
		pthread_join(q->threads[i], NULL);
	pthread_cond_destroy(&q->more);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

bool work_add(struct work_queue *q, void (*fn)(void *arg), void *arg, struct error *err)
{
	pthread_mutex_lock(&q->lock);
	bool ok = q->count < MOST_WAITING && !q->stop;
	if (ok && q->thread_count < THREADS && pthread_create(&q->threads[q->thread_count], NULL, run, q) == 0)
		q->thread_count++;
	ok = ok && q->thread_count;
	if (ok) {
		size_t at = (q->first + q->count++) % MOST_WAITING;
		q->items[at].fn = fn;
		q->items[at].arg = arg;
		pthread_cond_signal(&q->more);
	}
	pthread_mutex_unlock(&q->lock);
	return ok || error_set(err, ERR_BUSY, "Too many people sign in at the moment; try again in a few seconds");
}
