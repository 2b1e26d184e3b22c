/*
 * The pipeline of `firth validate`: a ring of checks. Check number i lives in slot i modulo the size of the ring; the
 * main thread fills slots in order, workers take the next filled one, and before a slot is filled again the main thread
 * reports what it held. So the order of the output is that of the input.
 */
#include "app/validate_priv.h"

#include <stdlib.h>

#include "base/clock.h"

enum { MAX_THREADS = 16, RING = 2 * MAX_THREADS + 2, MAX_FINDINGS = 10000 };

struct pipeline {
	struct validate *v;
	struct check checks[RING];
	unsigned slots;
	uint64_t filled, taken, reported; /* how many so far */
	pthread_mutex_t lock;
	pthread_cond_t to_workers, to_main;
	pthread_t threads[MAX_THREADS];
	unsigned running;
	bool closing;
	uint64_t resources;
	int64_t now_ms;
};

/* ---- one check -------------------------------------------------------------------------------------------------- */

static void validate_one(struct pipeline *p, struct check *c, struct str text, size_t line)
{
	struct validation_options options = p->v->options;
	struct issue *before = c->findings.last;
	options.now_ms = p->now_ms;
	c->resources++;
	if (!validate_text(p->v->validator, p->v->definitions, &c->arena, text, &p->v->form, &options, &c->findings,
			   &c->err))
		return;
	if (line)
		for (struct issue *i = before ? before->next : c->findings.first; i; i = i->next)
			i->line = line;
}

static void validate_lines(struct pipeline *p, struct check *c)
{
	struct str rest = buf_str(&c->text);
	for (size_t line = c->line; rest.p && !c->err.code; line++) {
		struct str text = str_split(&rest, '\n');
		if (str_trim(text).n)
			validate_one(p, c, text, line);
	}
}

static void validate_check(struct pipeline *p, struct check *c)
{
	issues_init(&c->findings, &c->arena);
	c->findings.max = MAX_FINDINGS;
	c->resources = 0;
	c->err = (struct error){0};
	if (c->unreadable.p)
		issues_add(&c->findings, ISSUE_FATAL, ERR_IO, STR_NULL, "%.*s", STR_ARG(c->unreadable));
	else if (c->lines)
		validate_lines(p, c);
	else
		validate_one(p, c, buf_str(&c->text), 0);
}

static void *work(void *ctx)
{
	struct pipeline *p = ctx;
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->taken == p->filled && !p->closing)
			pthread_cond_wait(&p->to_workers, &p->lock);
		if (p->taken == p->filled)
			break;
		struct check *c = &p->checks[p->taken++ % p->slots];
		pthread_mutex_unlock(&p->lock);
		validate_check(p, c);
		pthread_mutex_lock(&p->lock);
		c->state = CHECK_DONE;
		pthread_cond_signal(&p->to_main);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* ---- the main thread -------------------------------------------------------------------------------------------- */

/* Takes out what the baseline accepts, or takes all of it into the baseline that is being written. */
static bool settle(struct validate *v, struct check *c, struct error *err)
{
	struct issue **at = &c->findings.first;
	if (c->err.code) {
		*err = c->err;
		return error_context(err, "%.*s", STR_ARG(c->file));
	}
	while (v->has_baseline && *at) {
		struct issue *issue = *at;
		bool counts = issue->severity != ISSUE_INFORMATION;
		if (counts && v->write_baseline && !baseline_add(&v->baseline, issue, err))
			return false;
		if (!counts || !baseline_accepts(&v->baseline, issue)) {
			at = &issue->next;
			continue;
		}
		*at = issue->next;
		c->findings.count--;
		c->findings.errors -= issue->severity <= ISSUE_ERROR;
	}
	return true;
}

/* Reports the oldest check that was not reported yet, waiting for it. */
static bool report_oldest(struct pipeline *p, struct error *err)
{
	struct check *c = &p->checks[p->reported % p->slots];
	pthread_mutex_lock(&p->lock);
	while (c->state != CHECK_DONE)
		pthread_cond_wait(&p->to_main, &p->lock);
	pthread_mutex_unlock(&p->lock);
	p->reported++;
	p->resources += c->resources;
	bool ok = settle(p->v, c, err);
	if (ok) {
		if (c->findings.first)
			progress_clear(&p->v->progress);
		report_check(&p->v->report, c);
	}
	c->state = CHECK_FREE;
	arena_reset(&c->arena);
	return ok;
}

static bool start_threads(struct pipeline *p, struct error *err)
{
	while (p->running < p->v->threads) {
		if (pthread_create(&p->threads[p->running], NULL, work, p) != 0)
			return p->running ? true : error_set(err, ERR_INTERNAL, "no thread could be started");
		p->running++;
	}
	return true;
}

static void hand_over(struct pipeline *p, struct check *c)
{
	pthread_mutex_lock(&p->lock);
	c->state = CHECK_READY;
	p->filled++;
	pthread_cond_signal(&p->to_workers);
	pthread_mutex_unlock(&p->lock);
}

static bool run_all(struct pipeline *p, struct error *err)
{
	struct validate *v = p->v;
	for (;;) {
		struct check *c = &p->checks[p->filled % p->slots];
		if (p->filled - p->reported == p->slots && !report_oldest(p, err))
			return false;
		if (!input_next(&v->input, c))
			break;
		hand_over(p, c);
		/* A single document needs no threads. */
		if ((p->filled > 1 || !c->last || v->input.at < v->input.count) && !start_threads(p, err))
			return false;
		if (!v->report.quiet)
			progress_update(&v->progress, v->input.bytes_before + v->input.bytes_read, p->resources);
	}
	if (!p->running)
		p->closing = true;
	if (!p->running && p->filled)
		work(p);
	while (p->reported < p->filled)
		if (!report_oldest(p, err))
			return false;
	return true;
}

static void stop_threads(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->to_workers);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->running; i++)
		pthread_join(p->threads[i], NULL);
}

bool validate_run(struct validate *v, struct error *err)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	if (!p)
		return error_memory(err);
	if (v->threads > MAX_THREADS)
		v->threads = MAX_THREADS;
	*p = (struct pipeline){.v = v, .slots = 2 * v->threads + 2, .now_ms = clock_now_ms()};
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->to_workers, NULL);
	pthread_cond_init(&p->to_main, NULL);
	for (unsigned i = 0; i < p->slots; i++) {
		arena_init(&p->checks[i].arena, VALIDATE_MAX_MEMORY);
		buf_init(&p->checks[i].text, VALIDATE_MAX_DOCUMENT + 2 * VALIDATE_PIECE);
	}
	progress_start(&v->progress, "validate", "resources", v->input.bytes_total);
	bool ok = run_all(p, err);
	stop_threads(p);
	if (!v->report.quiet)
		progress_clear(&v->progress);
	for (unsigned i = 0; i < p->slots; i++) {
		arena_done(&p->checks[i].arena);
		buf_done(&p->checks[i].text);
	}
	pthread_cond_destroy(&p->to_main);
	pthread_cond_destroy(&p->to_workers);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return ok;
}
