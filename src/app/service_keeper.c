/* Looks after a running service now and then: closes idle tenants, gives memory back, warns of what ends soon. */
#include <errno.h>
#include <malloc.h>
#include <time.h>

#include "app/expiry.h"
#include "app/service_priv.h"
#include "base/clock.h"
#include "base/log.h"

enum {
	KEEPER_PERIOD_S = 5,
	TELL_PERIOD_MS = 24 * 60 * 60 * 1000,
	LARGE_BLOCK = 1 << 20, /* bodies and answers from here on are the system's own pages, given back when freed */
};

/* After a busy time the allocator keeps what it had then. When nothing is under way, pages that hold nothing go back.
 */
static void give_memory_back(const struct service *s, uint64_t *served)
{
	uint64_t busy, now = http_server_served(s->http, &busy);
	if (now == *served || busy)
		return;
	*served = now;
	malloc_trim(0);
}

/* Once a day, and when the server starts, for what ends soon can be prolonged only by who knows of it. */
static void tell_expiries(const struct service *s, int64_t *last_ms)
{
	struct error err = {0};
	int64_t now_ms = clock_now_ms();
	if (!s->options.log || !s->root.smart || (*last_ms && now_ms - *last_ms < TELL_PERIOD_MS))
		return;
	*last_ms = now_ms;
	if (!expiry_log(s->root.smart, now_ms, &err))
		log_event(LOG_WARN, "clients_not_read", {"reason", .text = str_from(error_name(err.code))});
}

static void *keep(void *ctx)
{
	struct service *s = ctx;
	struct keeper *k = &s->keeper;
	uint64_t served = 0;
	int64_t told_ms = 0;
	tell_expiries(s, &told_ms);
	pthread_mutex_lock(&k->lock);
	while (k->running) {
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += KEEPER_PERIOD_S;
		if (pthread_cond_timedwait(&k->stop, &k->lock, &until) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&k->lock);
		if (s->tenants)
			tenants_sweep(s->tenants);
		give_memory_back(s, &served);
		tell_expiries(s, &told_ms);
		pthread_mutex_lock(&k->lock);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

bool service_keeper_start(struct service *s, struct error *err)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	struct keeper *k = &s->keeper;
	pthread_condattr_t attributes;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&k->stop, &attributes);
	pthread_condattr_destroy(&attributes);
	k->running = true; /* before there is a thread that asks */
	if (pthread_create(&k->thread, NULL, keep, s) == 0)
		return true;
	k->running = false;
	return error_set(err, ERR_INTERNAL, "Cannot start a thread");
}

void service_keeper_stop(struct service *s)
{
	struct keeper *k = &s->keeper;
	if (!k->running)
		return;
	pthread_mutex_lock(&k->lock);
	k->running = false;
	pthread_cond_signal(&k->stop);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->stop);
	pthread_mutex_destroy(&k->lock);
}
