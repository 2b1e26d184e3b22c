/*
 * The pipeline of import: a fixed number of jobs goes round between the reader, the workers and the store, so memory
 * stays bounded however large the input is, and each side works while the others wait.
 */
#include "app/import_priv.h"

#include <stdio.h>
#include <stdlib.h>

static void ready_push(struct import *im, struct import_job *job)
{
	job->next = NULL;
	job->number = im->numbered++;
	*im->ready_end = job;
	im->ready_end = &job->next;
}

static struct import_job *ready_pop(struct import *im)
{
	struct import_job *job = im->ready;
	im->ready = job->next;
	if (!im->ready)
		im->ready_end = &im->ready;
	return job;
}

/* One of the things a job waits for is over; the last one hands it back to the reader. */
static void job_release(struct import_job *job)
{
	struct import *im = job->import;
	if (atomic_fetch_sub(&job->pending, 1) != 1)
		return;
	pthread_mutex_lock(&im->lock);
	job->next = im->done;
	im->done = job;
	pthread_cond_signal(&im->to_reader);
	pthread_mutex_unlock(&im->lock);
}

static void committed(void *ctx, struct store_txn *txn)
{
	(void)txn;
	struct import_txn *t = ctx;
	job_release(t->job);
}

/* Jobs are prepared side by side but reach the store in the order of the input: when two files hold the same resource,
 * the later one is the newer version, every time. */
static void await_turn(struct import_job *job)
{
	struct import *im = job->import;
	pthread_mutex_lock(&im->lock);
	while (im->turn != job->number)
		pthread_cond_wait(&im->next_turn, &im->lock);
	pthread_mutex_unlock(&im->lock);
}

static void pass_turn(struct import *im)
{
	pthread_mutex_lock(&im->lock);
	im->turn++;
	pthread_cond_broadcast(&im->next_turn);
	pthread_mutex_unlock(&im->lock);
}

static void submit(struct import_job *job)
{
	size_t count = 1;
	for (struct import_txn *t = job->txns; t; t = t->next)
		count++;
	atomic_store(&job->pending, count);
	for (struct import_txn *t = job->txns, *next; t; t = next) {
		next = t->next;
		t->txn.done = committed;
		t->txn.ctx = t;
		store_submit(job->import->store, &t->txn);
	}
}

static void *worker(void *ctx)
{
	struct import *im = ctx;
	for (;;) {
		pthread_mutex_lock(&im->lock);
		while (!im->ready && !im->closing)
			pthread_cond_wait(&im->to_workers, &im->lock);
		struct import_job *job = im->ready ? ready_pop(im) : NULL;
		pthread_mutex_unlock(&im->lock);
		if (!job)
			return NULL;
		import_prepare(job);
		await_turn(job);
		submit(job);
		pass_turn(im);
		job_release(job);
	}
}

static void job_clear(struct import_job *job)
{
	/* A rare huge document must not keep its memory for the rest of the run. */
	if (job->text.cap > 8 * IMPORT_JOB_BYTES) {
		buf_done(&job->text);
		buf_init(&job->text, IMPORT_MAX_DOCUMENT + 2 * IMPORT_JOB_BYTES);
	}
	buf_reset(&job->text);
	if (job->arena.used > 8 * IMPORT_FLIGHT_BYTES)
		arena_done(&job->arena);
	arena_reset(&job->arena);
	struct arena arena = job->arena;
	struct buf text = job->text;
	struct import *im = job->import;
	*job = (struct import_job){.arena = arena, .text = text, .import = im};
	job->rejects_end = &job->rejects;
}

bool import_start(struct import *im, unsigned threads, struct error *err)
{
	pthread_mutex_init(&im->lock, NULL);
	pthread_cond_init(&im->to_workers, NULL);
	pthread_cond_init(&im->next_turn, NULL);
	pthread_cond_init(&im->to_reader, NULL);
	im->ready_end = &im->ready;
	im->job_count = threads * 2 + 4;
	im->jobs = calloc(im->job_count, sizeof(*im->jobs));
	if (!im->jobs)
		return error_memory(err);
	for (size_t i = 0; i < im->job_count; i++) {
		struct import_job *job = &im->jobs[i];
		arena_init(&job->arena, (size_t)8 << 30);
		buf_init(&job->text, IMPORT_MAX_DOCUMENT + 2 * IMPORT_JOB_BYTES);
		job->import = im;
		job_clear(job);
		job->next = im->free;
		im->free = job;
	}
	for (; im->thread_count < threads; im->thread_count++) {
		if (pthread_create(&im->threads[im->thread_count], NULL, worker, im) != 0)
			return error_set(err, ERR_INTERNAL, "cannot start a thread");
	}
	return true;
}

void import_report(struct import *im, struct str file, size_t line, size_t column, const char *text)
{
	progress_clear(&im->progress);
	fprintf(stderr, "%.*s:", STR_ARG(file));
	if (line)
		fprintf(stderr, "%zu:", line);
	if (line && column)
		fprintf(stderr, "%zu:", column);
	fprintf(stderr, " %s\n", text);
}

static void count_kept(struct import *im, const struct import_txn *t)
{
	for (size_t i = 0; i < t->count; i++)
		im->by_type[t->changes[i].type->id]++;
	im->resources += t->count;
}

/* Failures that belong to one change; everything else means that the store cannot go on. */
static bool failure_of_change(enum error_code code)
{
	return code == ERR_CONFLICT || code == ERR_PRECONDITION || code == ERR_NOT_FOUND || code == ERR_GONE ||
	       code == ERR_VALUE || code == ERR_TOO_LARGE || code == ERR_MULTIPLE;
}

/* Loose resources only shared a transaction: when it failed because of one, the others are stored by themselves. */
static void retry_singly(struct import *im, struct import_txn *t)
{
	for (size_t i = 0; i < t->count && !im->broken; i++) {
		struct error err = {0};
		struct import_txn one = {.changes = &t->changes[i], .count = 1, .file = t->file};
		one.txn = (struct store_txn){
			.changes = one.changes, .change_count = 1, .events = &t->event, .event_count = 1};
		if (store_commit(im->store, &one.txn, &err)) {
			count_kept(im, &one);
			continue;
		}
		char text[500];
		snprintf(text, sizeof(text), "%.*s: %s", STR_ARG(t->changes[i].type->name), err.text);
		import_report(im, t->file, 0, 0, text);
		im->rejected++;
		im->broken = !failure_of_change(err.code);
	}
}

static void collect_txn(struct import *im, struct import_txn *t)
{
	const struct error *err = &t->txn.err;
	if (err->code == ERR_NONE) {
		count_kept(im, t);
		return;
	}
	if (!failure_of_change(err->code)) {
		if (!im->broken)
			im->store_error = *err;
		im->broken = true;
		im->rejected += t->count;
		char text[500];
		snprintf(text, sizeof(text), "%zu resources were not stored: %s", t->count, err->text);
		import_report(im, t->file, t->line, 0, text);
	} else if (t->line && t->count > 1) {
		retry_singly(im, t);
	} else {
		im->rejected += t->count;
		import_report(im, t->file, t->line, 0, err->text);
	}
}

/* Takes back finished jobs: counts, reports, empties. The lock is held on entry and exit. */
static void collect(struct import *im)
{
	while (im->done) {
		struct import_job *job = im->done;
		im->done = job->next;
		im->in_flight -= job->text.n;
		im->in_flight_jobs--;
		pthread_mutex_unlock(&im->lock);
		for (struct import_txn *t = job->txns; t; t = t->next)
			collect_txn(im, t);
		for (struct import_reject *r = job->rejects; r; r = r->next)
			import_report(im, r->file, r->line, r->column, r->text.p);
		im->bundles += job->bundles;
		im->rejected += job->rejected;
		im->skipped += job->skipped;
		im->unresolved += job->unresolved;
		job_clear(job);
		progress_update(&im->progress, im->bytes_before + im->bytes_read, im->resources);
		pthread_mutex_lock(&im->lock);
		job->next = im->free;
		im->free = job;
	}
}

static void wait_for_done(struct import *im)
{
	if (!im->done)
		pthread_cond_wait(&im->to_reader, &im->lock);
	collect(im);
}

struct import_job *import_current(struct import *im)
{
	if (im->current)
		return im->broken ? NULL : im->current;
	pthread_mutex_lock(&im->lock);
	collect(im);
	while (!im->free)
		wait_for_done(im);
	im->current = im->free;
	im->free = im->current->next;
	pthread_mutex_unlock(&im->lock);
	return im->broken ? NULL : im->current;
}

static void send_current(struct import *im)
{
	struct import_job *job = im->current;
	im->current = NULL;
	pthread_mutex_lock(&im->lock);
	while (im->in_flight_jobs && im->in_flight + job->text.n > IMPORT_FLIGHT_BYTES)
		wait_for_done(im);
	im->in_flight += job->text.n;
	im->in_flight_jobs++;
	ready_push(im, job);
	pthread_cond_signal(&im->to_workers);
	pthread_mutex_unlock(&im->lock);
}

bool import_part_add(struct import *im, const struct import_part *part, struct error *err)
{
	struct import_job *job = im->current;
	struct import_part *parts = arena_grow(&job->arena, job->parts, job->part_count, &job->part_capacity,
					       job->part_count + 1, sizeof(*parts));
	if (!parts)
		return error_memory(err);
	job->parts = parts;
	parts[job->part_count++] = *part;
	if (job->text.n >= IMPORT_JOB_BYTES)
		send_current(im);
	return true;
}

void import_finish(struct import *im)
{
	if (im->current && im->current->part_count)
		send_current(im);
	pthread_mutex_lock(&im->lock);
	while (im->in_flight_jobs)
		wait_for_done(im);
	im->closing = true;
	pthread_cond_broadcast(&im->to_workers);
	pthread_mutex_unlock(&im->lock);
	for (unsigned i = 0; i < im->thread_count; i++)
		pthread_join(im->threads[i], NULL);
	for (size_t i = 0; im->jobs && i < im->job_count; i++) {
		arena_done(&im->jobs[i].arena);
		buf_done(&im->jobs[i].text);
	}
	free(im->jobs);
	pthread_cond_destroy(&im->to_workers);
	pthread_cond_destroy(&im->next_turn);
	pthread_cond_destroy(&im->to_reader);
	pthread_mutex_destroy(&im->lock);
}
