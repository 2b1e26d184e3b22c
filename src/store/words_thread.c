/* The thread that makes the index of words, behind everything else: it looks now and then, and waits while much is
 * being written. */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/words.h"

/* A thread that yields to others still takes memory and half of a core from them: it rests twice as long as it works.
 */
enum { NICE = 19, LONGEST_PAUSE_MS = 3000, REST = 2 };

struct words_thread {
	const struct store_backend *backend;
	void *data;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	_Atomic bool closing;
	pthread_t thread;
};

/* False when it is to end. */
static bool pause_for(struct words_thread *t, int ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&t->lock);
	while (!t->closing && pthread_cond_timedwait(&t->wake, &t->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&t->lock);
	return !t->closing;
}

/* What fails is tried again at the next look; a search finds everything all the same. */
static void *run(void *ctx)
{
	struct words_thread *t = ctx;
	int64_t seen = 0;
	int pause = WORDS_PAUSE_MS;
	bool more = false;
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
	while (pause_for(t, pause)) {
		struct error err = {0};
		int64_t before = seen;
		uint64_t begun = clock_monotonic_ns();
		bool ok = t->backend->words(t->data, &seen, &t->closing, &more, &err);
		/* Where nothing is written nothing is to be done. */
		pause = more && ok	       ? REST * (int)((clock_monotonic_ns() - begun) / 1000000) + 1
			: ok && seen != before ? WORDS_PAUSE_MS
					       : 2 * pause;
		pause = pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS;
	}
	return NULL;
}

struct words_thread *words_thread_start(const struct store_backend *backend, void *data, struct error *err)
{
	struct words_thread *t = calloc(1, sizeof(*t));
	if (!t) {
		error_memory(err);
		return NULL;
	}
	t->backend = backend;
	t->data = data;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->wake, NULL);
	if (pthread_create(&t->thread, NULL, run, t) == 0)
		return t;
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t);
	error_set(err, ERR_STORE, "The thread that indexes words could not be started");
	return NULL;
}

void words_thread_stop(struct words_thread *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->closing = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
