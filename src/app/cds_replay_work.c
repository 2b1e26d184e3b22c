/*
 * The work of `firth cds replay`: the main thread fills jobs with lines, workers take them. Nothing is reported by line
 * but what could not be read, so jobs need no order.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/cds_replay_priv.h"
#include "app/input.h"

enum { THREADS_MAX = 16, JOBS = 2 * THREADS_MAX + 2, JOB_BYTES = 256 << 10, JOB_LINES = 500, TOLD_MAX = 20 };
#define WORKER_MEMORY ((size_t)2 << 30)

struct line {
	struct str file;
	size_t number, from, to; /* in the job's text */
};
struct job {
	struct buf text;
	struct line lines[JOB_LINES];
	size_t count;
	bool busy; /* with a worker, or waiting for one */
	struct job *next;
};
struct pipeline;
struct worker {
	struct pipeline *p;
	pthread_t thread;
	struct arena arena;
	struct replay_tally tally;
	struct cds_caller client;
	uint64_t bad;
};
struct pipeline {
	struct replay *r;
	struct arena names; /* of files */
	struct job jobs[JOBS];
	unsigned job_count;
	struct job *first, **end; /* waiting */
	struct job *filling;
	pthread_mutex_t lock;
	pthread_cond_t to_workers, to_main;
	bool closing;
	struct worker workers[THREADS_MAX];
	unsigned running;
	struct progress progress;
	uint64_t bytes, lines;
	uint64_t told; /* lines that could not be read, and were told */
	struct error err; /* the first that ends everything */
};

/* ---- one line ---------------------------------------------------------------------------------------------------- */

static void tell(struct pipeline *p, const struct line *l, const char *text)
{
	pthread_mutex_lock(&p->lock);
	if (p->told++ < TOLD_MAX) {
		progress_clear(&p->progress);
		if (l->number)
			fprintf(stderr, "%.*s:%zu: %s\n", STR_ARG(l->file), l->number, text);
		else
			fprintf(stderr, "%.*s: %s\n", STR_ARG(l->file), text);
	}
	pthread_mutex_unlock(&p->lock);
}

static bool check(struct worker *w, const struct replay_case *c, const struct policy *policy, bool changed,
		  size_t *ret_cards, size_t *ret_orders, struct error *err)
{
	struct replay *r = w->p->r;
	const struct hook_orders_options o = {.knowledge = r->knowledge,
					      .policy = policy,
					      .role = r->role.n ? r->role : hook_role(&c->request, &c->prefetch),
					      .now_ms = c->now_ms};
	struct hook_orders orders;
	struct hook_problems problems;
	if (!hook_orders_check(&o, &w->arena, &c->request, &c->prefetch, &orders, err) ||
	    !hook_orders_problems(&o, &w->arena, &orders, &problems, err))
		return false;
	replay_count_problems(&w->tally, &problems, changed);
	*ret_cards = problems.count;
	*ret_orders = c->request.orders ? orders.drafts : 0;
	return true;
}

static bool run_engines(struct worker *w, const struct replay_case *c, struct error *err)
{
	struct replay *r = w->p->r;
	size_t cards, orders;
	if (!check(w, c, &r->policy, false, &cards, &orders, err))
		return false;
	w->tally.quiet_now += !cards;
	w->tally.orders += orders;
	if (r->has_changes && !check(w, c, &r->changed, true, &cards, &orders, err))
		return false;
	w->tally.quiet_changed += r->has_changes && !cards;
	return true;
}

static size_t count_orders(const struct hook_request *r)
{
	struct hook_resources all = hook_resources(r->orders);
	size_t n = 0;
	while (r->orders && hook_resources_next(&all))
		n++;
	return n;
}

static bool ask_service(struct worker *w, const struct replay_case *c, const struct line *l, struct error *err)
{
	struct buf body;
	struct cds_exchange x;
	buf_init(&body, (size_t)2 * CDS_REQUEST_MAX);
	struct json_writer writer = json_writer(&body);
	json_put_value(&writer, c->document);
	bool ok = buf_ok(&body) ? cds_exchange(&w->client, &w->arena, S("POST"),
					       cds_service_url(&w->arena, &w->client, w->p->r->service, false),
					       buf_str(&body), &x, err)
				: error_memory(err);
	buf_done(&body);
	if (!ok)
		return false;
	judge_answer(x.judged, &x.reply);
	replay_count_time(&w->tally, x.reply.took_ms);
	w->tally.refused += x.reply.status != 200;
	w->tally.wrong += x.reply.status == 200 && judge_errors(x.judged);
	for (size_t i = 0; i < x.judged->count; i++) {
		const struct judge_finding *f = &x.judged->findings[i];
		if (f->error || x.reply.status != 200) {
			tell(w->p, l,
			     arena_printf(&w->arena, "%.*s %.*s", STR_ARG(str_slice(f->where, 0, 100)),
					  STR_ARG(f->what))
				     .p);
			break;
		}
	}
	replay_count_answer(&w->tally, w->p->r->knowledge, x.reply.status == 200 ? x.reply.body : NULL, false);
	w->tally.quiet_now += !json_size(json_get(x.reply.body, S("cards")));
	w->tally.orders += count_orders(&c->request);
	return true;
}

static void take_case(struct worker *w, const struct json *json, const struct line *l)
{
	struct replay_case c;
	struct error err = {0};
	bool ok = json && replay_read(&w->arena, json, w->p->r->now_ms, &c, &err);
	if (ok && c.answer) {
		w->tally.recorded++;
		replay_count_answer(&w->tally, w->p->r->knowledge, c.answer, true);
	}
	if (ok && c.feedback)
		replay_count_feedback(&w->tally, c.feedback);
	if (ok && c.document) {
		ok = w->p->r->service_url.p ? ask_service(w, &c, l, &err) : run_engines(w, &c, &err);
		w->tally.requests += ok;
	}
	if (ok)
		return;
	w->bad++;
	tell(w->p, l, err.text[0] ? err.text : "it is no JSON");
}

static void take_line(struct worker *w, const struct job *job, const struct line *l)
{
	struct error err = {0};
	arena_reset(&w->arena);
	const struct json *json = json_parse(&w->arena, str_slice(buf_str(&job->text), l->from, l->to), 0, &err);
	struct json_iter it = json_iter(json);
	if (!json) {
		w->bad++;
		tell(w->p, l, err.text);
	} else if (!json_is(json, JSON_ARRAY)) {
		take_case(w, json, l);
	} else {
		while (json_next(&it))
			take_case(w, it.value, l);
	}
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static struct job *next_job(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	while (!p->first && !p->closing)
		pthread_cond_wait(&p->to_workers, &p->lock);
	struct job *job = p->first;
	if (job) {
		p->first = job->next;
		if (!p->first)
			p->end = &p->first;
	}
	pthread_mutex_unlock(&p->lock);
	return job;
}

static void *work(void *ctx)
{
	struct worker *w = ctx;
	struct pipeline *p = w->p;
	for (struct job *job; (job = next_job(p));) {
		for (size_t i = 0; i < job->count; i++)
			take_line(w, job, &job->lines[i]);
		pthread_mutex_lock(&p->lock);
		job->busy = false;
		pthread_cond_signal(&p->to_main);
		pthread_mutex_unlock(&p->lock);
	}
	return NULL;
}

static void hand_over(struct pipeline *p)
{
	struct job *job = p->filling;
	p->filling = NULL;
	pthread_mutex_lock(&p->lock);
	job->next = NULL;
	*p->end = job;
	p->end = &job->next;
	pthread_cond_signal(&p->to_workers);
	pthread_mutex_unlock(&p->lock);
}

static struct job *free_job(struct pipeline *p)
{
	struct job *job = NULL;
	pthread_mutex_lock(&p->lock);
	while (!job) {
		for (unsigned i = 0; i < p->job_count && !job; i++)
			job = p->jobs[i].busy ? NULL : &p->jobs[i];
		if (!job)
			pthread_cond_wait(&p->to_main, &p->lock);
	}
	job->busy = true;
	pthread_mutex_unlock(&p->lock);
	job->count = 0;
	buf_reset(&job->text);
	return job;
}

/* ---- input ------------------------------------------------------------------------------------------------------- */

static bool take_document(void *ctx, const struct input *in)
{
	struct pipeline *p = ctx;
	if (!str_trim(in->text).n)
		return true;
	if (!p->filling)
		p->filling = free_job(p);
	struct job *job = p->filling;
	size_t from = job->text.n;
	buf_add(&job->text, in->text);
	job->lines[job->count++] = (struct line){in->file, in->line, from, job->text.n};
	p->bytes += in->text.n + (in->line > 0);
	p->lines++;
	if (!buf_ok(&job->text))
		return error_memory(&p->err);
	if (job->text.n >= JOB_BYTES || job->count == JOB_LINES)
		hand_over(p);
	if (!p->r->quiet) {
		pthread_mutex_lock(&p->lock);
		progress_update(&p->progress, p->bytes, p->lines);
		pthread_mutex_unlock(&p->lock);
	}
	return true;
}

static bool take_problem(void *ctx, const struct input *in, const struct error *err)
{
	struct pipeline *p = ctx;
	tell(p, &(struct line){in->file, in->line, 0, 0}, err->text);
	p->r->bad_lines++;
	return true;
}

static bool start(struct pipeline *p, struct error *err)
{
	for (unsigned i = 0; i < p->r->threads; i++) {
		struct worker *w = &p->workers[i];
		w->p = p;
		arena_init(&w->arena, WORKER_MEMORY);
		replay_tally_init(&w->tally);
		p->running++; /* before what may fail: it is to be ended */
		if (p->r->service_url.p && !cds_connect(&w->client, p->r->app, &p->r->cds, p->r->service_url, err))
			return false;
		if (pthread_create(&w->thread, NULL, work, w) != 0) {
			w->p = NULL;
			return error_set(err, ERR_INTERNAL, "no thread could be started");
		}
	}
	return true;
}

static void stop(struct pipeline *p)
{
	if (p->filling)
		hand_over(p);
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->to_workers);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->running; i++) {
		struct worker *w = &p->workers[i];
		if (w->thread)
			pthread_join(w->thread, NULL);
		replay_merge(&p->r->tally, &w->tally);
		p->r->bad_lines += w->bad;
		replay_tally_done(&w->tally);
		arena_done(&w->arena);
		cds_disconnect(&w->client);
	}
}

static bool read_all(struct pipeline *p, const struct str *paths, size_t count, struct error *err)
{
	const struct input_user user = {.ctx = p, .document = take_document, .problem = take_problem};
	bool ok = input_read(&p->names, paths, count, &user);
	if (ok && p->r->feedback.n)
		ok = input_read(&p->names, &p->r->feedback, 1, &user);
	if (!ok && !err->code)
		*err = p->err;
	return ok || error_set(err, ERR_MEMORY, "the input could not be read to its end");
}

bool replay_run(struct replay *r, const struct str *paths, size_t count, struct error *err)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	if (!p)
		return error_memory(err);
	r->threads = r->threads < 1 ? 1 : r->threads > THREADS_MAX ? THREADS_MAX : r->threads;
	*p = (struct pipeline){.r = r, .job_count = 2 * r->threads + 2};
	p->end = &p->first;
	arena_init(&p->names, (size_t)256 << 20);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->to_workers, NULL);
	pthread_cond_init(&p->to_main, NULL);
	for (unsigned i = 0; i < p->job_count; i++)
		buf_init(&p->jobs[i].text, INPUT_MAX_DOCUMENT + JOB_BYTES);
	progress_start(&p->progress, "replay", "lines", r->bytes_total);
	bool ok = start(p, err) && read_all(p, paths, count, err);
	stop(p);
	progress_clear(&p->progress);
	replay_settle_outcomes(&r->tally);
	if (p->told > TOLD_MAX)
		fprintf(stderr, "and %llu more\n", (unsigned long long)(p->told - TOLD_MAX));
	for (unsigned i = 0; i < p->job_count; i++)
		buf_done(&p->jobs[i].text);
	arena_done(&p->names);
	free(p);
	return ok;
}
