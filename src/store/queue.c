/*
 * The queue of everything that has to become durable, and the one thread that commits it. Whatever waits when the
 * thread looks becomes one group and one fsync, so the fuller the queue the cheaper each commit. Submitters are held
 * back by bytes, so memory stays bounded when the disk is slower than they are.
 */
#include "store/store_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	struct item *first, **last;
	struct store_txn *refused; /* failed before they became items; only their end is to be told */
	struct item *kept; /* audit items that could not be written: they go again with the next group */
	size_t kept_bytes;
	struct error trouble; /* why they could not */
	size_t bytes, changes;
	size_t awaited; /* queued items that somebody waits for; audit events alone may gather for a moment */
	struct company { /* who is likely to ask again, see await_company(); of the committing thread, but for wanted */
		size_t taken; /* awaited items of the group that is being committed */
		size_t expected; /* those that were answered last, and those that waited meanwhile */
		size_t wanted; /* while they are waited for; 0: not */
		uint64_t took_ns, ended_ns; /* the last commit */
		unsigned skips, missed; /* groups that still go on alone; after how much waiting in vain */
	} company;
	bool hurry, closing, started;
	bool unsettled; /* something was committed since the backend last settled */
	bool settling; /* and it has not finished that yet */
	struct queue_options options;
	const struct store_backend *backend;
	void *data;
	pthread_t thread;
};

/* Accesses that wrote nothing are recorded within AUDIT_MS: one fsync for all of them instead of one for a few. */
enum { RETRY_MS = 1000, SETTLE_MS = 200, AUDIT_MS = 50 };
/* Parts of put-off work that are still done when closing; what is left then is left to the next opening. */
enum { CLOSING_PARTS = 200 };

struct queue *queue_new(const struct queue_options *options)
{
	struct queue *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->options = *options;
	q->last = &q->first;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&q->filled, &attributes);
	pthread_cond_init(&q->emptied, NULL);
	pthread_condattr_destroy(&attributes);
	return q;
}

static struct timespec in_ms(unsigned ms)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static struct timespec at_ns(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

/* Who was answered by the last commit often asks again at once. A group that went on without them would leave them to
 * the next one, and so for ever: two halves of the clients, each waiting for the commits of the other. So it waits a
 * little, for as long as a part of that commit, until as many are there as before; and not for some groups when that
 * was in vain. Whoever asks later than that does not wait at all. */
static void await_company(struct queue *q)
{
	enum { PART = 4, MOST_NS = 5000000, MOST_SKIPS = 3 };
	struct company *c = &q->company;
	size_t had = q->awaited, most = q->options.group_changes;
	uint64_t part = c->took_ns / PART < MOST_NS ? c->took_ns / PART : MOST_NS;
	struct timespec until = at_ns(c->ended_ns + part);
	if (had >= c->expected || clock_monotonic_ns() >= c->ended_ns + part)
		return;
	if (c->skips) {
		c->skips--;
		return;
	}
	c->wanted = c->expected;
	while (!q->closing && !q->refused && q->awaited < c->wanted && q->changes < most)
		if (pthread_cond_timedwait(&q->filled, &q->lock, &until) == ETIMEDOUT)
			break;
	c->wanted = 0;
	bool worth = (q->awaited - had) * PART >= c->expected;
	c->missed = worth ? 0 : c->missed < MOST_SKIPS ? 2 * c->missed + 1 : MOST_SKIPS;
	c->skips = c->missed;
}

/* Waits until there is something to do; in bulk mode also for the group to fill. */
static void await_work(struct queue *q)
{
	struct timespec until = in_ms(q->settling ? 0 : q->unsettled ? SETTLE_MS : RETRY_MS);
	while (!q->first && !q->refused && !q->closing) {
		if (!q->kept && !q->unsettled)
			pthread_cond_wait(&q->filled, &q->lock);
		else if (pthread_cond_timedwait(&q->filled, &q->lock, &until) == ETIMEDOUT)
			break;
	}
	if (q->first && !q->options.gather_ms && q->awaited && q->backend->waits)
		await_company(q);
	if (!q->first || (!q->options.gather_ms && q->awaited))
		return;
	until = in_ms(q->options.gather_ms ? q->options.gather_ms : AUDIT_MS);
	while (!q->closing && !q->hurry && !q->refused && q->changes < q->options.group_changes &&
	       q->bytes < q->options.max_bytes / 2 && (q->options.gather_ms || !q->awaited))
		if (pthread_cond_timedwait(&q->filled, &q->lock, &until) == ETIMEDOUT)
			break;
}

/* Takes what was kept and the front of the queue, as much as one commit should hold. */
static struct item *take_group(struct queue *q)
{
	struct item *group = q->kept, **end = &group;
	size_t changes = 0, bytes = 0, awaited = q->awaited;
	while (*end)
		end = &(*end)->next;
	q->kept = NULL;
	q->kept_bytes = 0;
	*end = q->first;
	for (bool any = false; *end && (!any || changes < q->options.group_changes); any = true) {
		changes += (*end)->changes;
		bytes += (*end)->bytes;
		q->awaited -= (*end)->kind != ITEM_AUDIT;
		end = &(*end)->next;
	}
	q->first = *end;
	*end = NULL;
	if (!q->first) {
		q->last = &q->first;
		q->hurry = false;
	}
	q->company.taken = awaited - q->awaited;
	q->changes -= changes;
	q->bytes -= bytes;
	pthread_cond_broadcast(&q->emptied);
	return group;
}

/* Tells the end of each item, except audit items that failed: an access that was served must not lose its record. */
static void finish_group(struct queue *q, struct item *group, bool closing)
{
	struct item *kept = NULL, **end = &kept;
	size_t bytes = 0;
	struct error trouble = {0};
	while (group) {
		struct item *item = group;
		group = item->next;
		if (item->kind == ITEM_AUDIT && item->err.code != ERR_NONE && !closing) {
			trouble = item->err;
			item->err = (struct error){0};
			item->next = NULL;
			bytes += item->bytes;
			*end = item;
			end = &item->next;
		} else {
			item->finish(item);
		}
	}
	pthread_mutex_lock(&q->lock);
	q->kept = kept;
	q->kept_bytes = bytes;
	q->trouble = trouble;
	pthread_mutex_unlock(&q->lock);
}

static void tell_refused(struct store_txn *txn)
{
	while (txn) {
		struct store_txn *next = txn->next;
		txn->done(txn->ctx, txn);
		txn = next;
	}
}

static void settle(struct queue *q, bool closing)
{
	int parts = closing ? CLOSING_PARTS : 1;
	q->settling = false;
	for (int i = 0; i < parts && (i == 0 || q->settling); i++)
		q->settling = q->backend->settle(q->data);
	q->unsettled = q->settling;
}

static void commit(struct queue *q, struct item *group, bool closing)
{
	struct company *c = &q->company;
	uint64_t began = clock_monotonic_ns();
	q->backend->commit(q->data, group);
	uint64_t took = clock_monotonic_ns() - began;
	pthread_mutex_lock(&q->lock);
	size_t waiting = q->awaited;
	pthread_mutex_unlock(&q->lock);
	finish_group(q, group, closing);
	if (!c->taken)
		return;
	c->expected = c->taken + waiting;
	c->ended_ns = clock_monotonic_ns();
	c->took_ns = took;
}

static void *run(void *ctx)
{
	struct queue *q = ctx;
	for (;;) {
		pthread_mutex_lock(&q->lock);
		await_work(q);
		struct item *group = take_group(q);
		struct store_txn *refused = q->refused;
		q->refused = NULL;
		bool closing = q->closing, idle = !group && q->unsettled;
		q->unsettled = q->unsettled || group != NULL;
		pthread_mutex_unlock(&q->lock);
		if (idle)
			settle(q, closing);
		if (closing && !group && !refused)
			return NULL;
		if (group) {
			commit(q, group, closing);
		}
		tell_refused(refused);
	}
}

bool queue_start(struct queue *q, const struct store_backend *backend, void *data, struct error *err)
{
	q->backend = backend;
	q->data = data;
	q->unsettled = true;
	if (pthread_create(&q->thread, NULL, run, q) != 0)
		return error_set(err, ERR_STORE, "The committing thread could not be started");
	q->started = true;
	return true;
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	if (q->started) {
		pthread_mutex_lock(&q->lock);
		q->closing = true;
		pthread_cond_signal(&q->filled);
		pthread_mutex_unlock(&q->lock);
		pthread_join(q->thread, NULL);
	}
	pthread_cond_destroy(&q->filled);
	pthread_cond_destroy(&q->emptied);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

void queue_put(struct queue *q, struct item *item)
{
	pthread_mutex_lock(&q->lock);
	/* What the committing thread hands in itself, from a done callback, cannot wait for that same thread. */
	bool own = q->started && pthread_equal(pthread_self(), q->thread);
	while (!own && q->first && q->bytes + item->bytes > q->options.max_bytes)
		pthread_cond_wait(&q->emptied, &q->lock);
	bool was_empty = !q->first;
	item->next = NULL;
	*q->last = item;
	q->last = &item->next;
	q->bytes += item->bytes;
	q->changes += item->changes;
	q->hurry |= item->hurry;
	q->awaited += item->kind != ITEM_AUDIT;
	if ((was_empty || q->options.gather_ms || q->awaited) && q->awaited >= q->company.wanted)
		pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

bool queue_trouble(struct queue *q, struct error *err)
{
	pthread_mutex_lock(&q->lock);
	bool trouble = q->kept_bytes > q->options.max_bytes / 4;
	if (trouble)
		error_set(err, q->trouble.code, "%s", q->trouble.text);
	pthread_mutex_unlock(&q->lock);
	return trouble;
}

void queue_refuse(struct queue *q, struct store_txn *txn)
{
	pthread_mutex_lock(&q->lock);
	txn->next = q->refused;
	q->refused = txn;
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

struct item *item_new(enum item_kind kind, size_t extra)
{
	struct item *item = malloc(sizeof(*item) + extra);
	if (!item)
		return NULL;
	*item = (struct item){.kind = kind};
	arena_init(&item->memory, ARENA_NO_CAP);
	return item;
}

void item_free(struct item *item)
{
	arena_done(&item->memory);
	free(item);
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done;
	struct error err;
};

static void wake_waiter(struct item *item)
{
	struct waiter *w = item->ctx;
	pthread_mutex_lock(&w->lock);
	w->err = item->err;
	w->done = true;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
	item_free(item);
}

bool queue_put_wait(struct queue *q, struct item *item, struct error *err)
{
	struct waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
	item->finish = wake_waiter;
	item->ctx = &w;
	item->hurry = true;
	queue_put(q, item);
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.ended, &w.lock);
	pthread_mutex_unlock(&w.lock);
	pthread_mutex_destroy(&w.lock);
	pthread_cond_destroy(&w.ended);
	if (w.err.code == ERR_NONE)
		return true;
	return error_set(err, w.err.code, "%s", w.err.text);
}
