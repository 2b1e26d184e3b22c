/*
 * Work that must not hold a thread of the server: calls of CDS services, which may come back for data, and batches,
 * whose entries wait for the disk. A few threads at once; closing the sandbox waits for them.
 */
#include "sandbox/work_priv.h"

#include <stdlib.h>

enum { WORKS_MOST = 4 };

struct working {
	struct sandbox *s;
	void (*fn)(void *arg);
	void *arg;
};

static void leave(struct sandbox *s)
{
	pthread_mutex_lock(&s->lock);
	s->works--;
	pthread_cond_broadcast(&s->idle);
	pthread_mutex_unlock(&s->lock);
}

static bool enter(struct sandbox *s)
{
	pthread_mutex_lock(&s->lock);
	bool room = s->works < WORKS_MOST;
	s->works += room;
	pthread_mutex_unlock(&s->lock);
	return room;
}

static void *run(void *arg)
{
	struct working work = *(struct working *)arg;
	free(arg);
	work.fn(work.arg);
	leave(work.s);
	return NULL;
}

bool work_start(struct sandbox *s, void (*fn)(void *arg), void *arg)
{
	struct working *work = malloc(sizeof(*work));
	pthread_t thread;
	if (!work || !enter(s)) {
		free(work);
		return false;
	}
	*work = (struct working){s, fn, arg};
	if (pthread_create(&thread, NULL, run, work) == 0) {
		pthread_detach(thread);
		return true;
	}
	free(work);
	leave(s);
	return false;
}

void work_wait(struct sandbox *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->works)
		pthread_cond_wait(&s->idle, &s->lock);
	pthread_mutex_unlock(&s->lock);
}
