/* Workers: order, how many at once, what waits at the end, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/workers.h"

enum { MANY = 100 };

struct hall {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open; /* jobs may go on */
	unsigned inside, most_inside, begun, ended, done;
	int order[MANY];
};
struct guest {
	struct hall *hall;
	int number;
	struct workers_job job;
};

static void visit(void *ctx, void *own)
{
	struct guest *g = ctx;
	struct hall *h = g->hall;
	(void)own;
	pthread_mutex_lock(&h->lock);
	h->inside++;
	h->most_inside = h->inside > h->most_inside ? h->inside : h->most_inside;
	pthread_cond_broadcast(&h->changed);
	while (!h->open)
		pthread_cond_wait(&h->changed, &h->lock);
	h->order[h->done++] = g->number;
	h->inside--;
	pthread_mutex_unlock(&h->lock);
}

static void *begin(void *ctx)
{
	struct hall *h = ctx;
	pthread_mutex_lock(&h->lock);
	h->begun++;
	pthread_mutex_unlock(&h->lock);
	return h;
}

static void end(void *own)
{
	struct hall *h = own;
	pthread_mutex_lock(&h->lock);
	h->ended++;
	pthread_mutex_unlock(&h->lock);
}

static void wait_inside(struct hall *h, unsigned count)
{
	pthread_mutex_lock(&h->lock);
	while (h->inside < count)
		pthread_cond_wait(&h->changed, &h->lock);
	pthread_mutex_unlock(&h->lock);
}

static void open_doors(struct hall *h)
{
	pthread_mutex_lock(&h->lock);
	h->open = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
}

static void one_thread_keeps_the_order_and_finishes_what_waits(void **state)
{
	(void)state;
	static struct guest guests[MANY];
	struct hall h = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	struct error err = {0};
	struct workers *w =
		workers_open(&(struct workers_options){.threads = 1, .begin = begin, .end = end, .ctx = &h}, &err);
	assert_non_null(w);
	for (int i = 0; i < MANY; i++) {
		guests[i] = (struct guest){.hall = &h, .number = i, .job = {.run = visit, .ctx = &guests[i]}};
		assert_true(workers_add(w, &guests[i].job));
	}
	open_doors(&h);
	workers_close(w);
	assert_int_equal(h.done, MANY);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(h.order[i], i);
	assert_int_equal(h.most_inside, 1);
	assert_int_equal(h.begun, 1);
	assert_int_equal(h.ended, 1);
}

static void threads_come_with_the_work_and_what_waits_has_a_limit(void **state)
{
	(void)state;
	static struct guest guests[8];
	struct hall h = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	struct error err = {0};
	struct workers *w = workers_open(&(struct workers_options){.threads = 3, .waiting = 2}, &err);
	assert_non_null(w);
	for (int i = 0; i < 3; i++) {
		guests[i] = (struct guest){.hall = &h, .number = i, .job = {.run = visit, .ctx = &guests[i]}};
		assert_true(workers_add(w, &guests[i].job));
		wait_inside(&h, (unsigned)i + 1);
	}
	for (int i = 3; i < 6; i++) {
		guests[i] = (struct guest){.hall = &h, .number = i, .job = {.run = visit, .ctx = &guests[i]}};
		assert_int_equal(workers_add(w, &guests[i].job), i < 5);
	}
	open_doors(&h);
	workers_close(w);
	assert_int_equal(h.most_inside, 3);
	assert_int_equal(h.done, 5);
}

static void nobody_works_without_threads(void **state)
{
	(void)state;
	struct error err = {0};
	struct workers_job job = {0};
	struct workers *w = workers_open(&(struct workers_options){.threads = 0}, &err);
	assert_non_null(w);
	assert_false(workers_add(w, &job));
	workers_close(w);
	workers_close(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread_keeps_the_order_and_finishes_what_waits),
		cmocka_unit_test(threads_come_with_the_work_and_what_waits_has_a_limit),
		cmocka_unit_test(nobody_works_without_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
