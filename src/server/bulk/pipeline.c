/*
 * The pipeline of import: a fixed number of jobs goes round between the reader, the workers and the store, so memory
 * stays bounded however large the input is, and each side works while the others wait.
 */
#include "server/bulk/bulk_priv.h"

#include <stdio.h>
#include <stdlib.h>

static void ready_push(struct bulk *im, struct bulk_job *job)
{
	job->next = NULL;
	job->number = im->numbered++;
	*im->ready_end = job;
	im->ready_end = &job->next;
}

static struct bulk_job *ready_pop(struct bulk *im)
{
	struct bulk_job *job = im->ready;
	im->ready = job->next;
	if (!im->ready)
		im->ready_end = &im->ready;
	return job;
}

/* One of the things a job waits for is over; the last one hands it back to the reader. */
static void job_release(struct bulk_job *job)
{
	struct bulk *im = job->bulk;
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
	struct bulk_txn *t = ctx;
	job_release(t->job);
}

/* Jobs are prepared side by side but reach the store in the order of the input: when two files hold the same resource,
 * the later one is the newer version, every time. */
static void await_turn(struct bulk_job *job)
{
	struct bulk *im = job->bulk;
	pthread_mutex_lock(&im->lock);
	while (im->turn != job->number)
		pthread_cond_wait(&im->next_turn, &im->lock);
	pthread_mutex_unlock(&im->lock);
}

static void pass_turn(struct bulk *im)
{
	pthread_mutex_lock(&im->lock);
	im->turn++;
	pthread_cond_broadcast(&im->next_turn);
	pthread_mutex_unlock(&im->lock);
}

static void submit(struct bulk_job *job)
{
	size_t count = 1;
	for (struct bulk_txn *t = job->txns; t; t = t->next)
		count++;
	atomic_store(&job->pending, count);
	for (struct bulk_txn *t = job->txns, *next; t; t = next) {
		next = t->next;
		t->txn.done = committed;
		t->txn.ctx = t;
		store_submit(job->bulk->o.store, &t->txn);
	}
}

static void *worker(void *ctx)
{
	struct bulk *im = ctx;
	for (;;) {
		pthread_mutex_lock(&im->lock);
		while (!im->ready && !im->closing)
			pthread_cond_wait(&im->to_workers, &im->lock);
		struct bulk_job *job = im->ready ? ready_pop(im) : NULL;
		if (job)
			job->set = im->sets[im->set_count - 1];
		pthread_mutex_unlock(&im->lock);
		if (!job)
			return NULL;
		bulk_prepare(job);
		await_turn(job);
		submit(job);
		pass_turn(im);
		job_release(job);
	}
}

static void job_clear(struct bulk_job *job)
{
	/* A rare huge document must not keep its memory for the rest of the run. */
	if (job->text.cap > 8 * BULK_JOB_BYTES) {
		buf_done(&job->text);
		buf_init(&job->text, BULK_MAX_DOCUMENT + 2 * BULK_JOB_BYTES);
	}
	buf_reset(&job->text);
	if (job->arena.used > 8 * BULK_FLIGHT_BYTES)
		arena_done(&job->arena);
	arena_reset(&job->arena);
	struct arena arena = job->arena;
	struct buf text = job->text;
	struct bulk *im = job->bulk;
	*job = (struct bulk_job){.arena = arena, .text = text, .bulk = im};
	job->rejects_end = &job->rejects;
}

static bool start(struct bulk *im, struct error *err)
{
	im->job_count = im->o.threads * 2 + 4;
	im->jobs = calloc(im->job_count, sizeof(*im->jobs));
	im->counts.by_type = ARENA_ARRAY(&im->arena, int64_t, definitions_type_count(im->o.definitions) + 1);
	if (!im->jobs || !im->counts.by_type)
		return error_memory(err);
	for (size_t i = 0; i < im->job_count; i++) {
		struct bulk_job *job = &im->jobs[i];
		arena_init(&job->arena, (size_t)8 << 30);
		buf_init(&job->text, BULK_MAX_DOCUMENT + 2 * BULK_JOB_BYTES);
		job->bulk = im;
		job_clear(job);
		job->next = im->free;
		im->free = job;
	}
	for (; im->thread_count < im->o.threads; im->thread_count++) {
		if (pthread_create(&im->threads[im->thread_count], NULL, worker, im) != 0)
			return error_set(err, ERR_INTERNAL, "cannot start a thread");
	}
	return true;
}

struct bulk *bulk_open(const struct bulk_options *options, struct error *err)
{
	struct bulk *im = calloc(1, sizeof(*im));
	if (!im) {
		error_memory(err);
		return NULL;
	}
	im->o = *options;
	im->o.threads = options->threads > BULK_MAX_THREADS ? BULK_MAX_THREADS
			: options->threads		    ? options->threads
							    : 1;
	arena_init(&im->arena, (size_t)256 << 20);
	pthread_mutex_init(&im->lock, NULL);
	pthread_cond_init(&im->to_workers, NULL);
	pthread_cond_init(&im->next_turn, NULL);
	pthread_cond_init(&im->to_reader, NULL);
	im->ready_end = &im->ready;
	im->sets[0] = parameters_use(im->o.parameters, err);
	im->set_count = im->sets[0] != NULL;
	if (im->set_count && start(im, err))
		return im;
	bulk_close(im);
	return NULL;
}

void bulk_report(struct bulk *im, struct str file, size_t line, size_t column, const char *text)
{
	if (im->o.report)
		im->o.report(im->o.ctx, &(struct bulk_failure){file, line, column, str_from(text)});
}

void bulk_progress(struct bulk *im)
{
	if (im->o.progress)
		im->o.progress(im->o.ctx, &(struct bulk_progress){.bytes = im->bytes_before + im->bytes_read,
								  .total = im->bytes_total,
								  .resources = im->counts.resources});
}

bool bulk_stopped(const struct bulk *im)
{
	return im->broken || (im->o.stopped && im->o.stopped(im->o.ctx));
}

static void count_kept(struct bulk *im, const struct bulk_txn *t)
{
	for (size_t i = 0; i < t->count; i++)
		im->counts.by_type[t->changes[i].type->id]++;
	im->counts.resources += t->count;
}

/* Failures that belong to one change; everything else means that the store cannot go on. */
static bool failure_of_change(enum error_code code)
{
	return code == ERR_CONFLICT || code == ERR_PRECONDITION || code == ERR_NOT_FOUND || code == ERR_GONE ||
	       code == ERR_VALUE || code == ERR_TOO_LARGE || code == ERR_MULTIPLE;
}

/* The search parameters have changed since the job was prepared. */
static bool renew_set(struct bulk *im, struct bulk_job *job, struct error *err)
{
	pthread_mutex_lock(&im->lock);
	size_t count = im->set_count;
	bool newer = im->sets[count - 1] != job->set;
	job->set = im->sets[count - 1];
	pthread_mutex_unlock(&im->lock);
	if (newer)
		return true;
	if (count == BULK_MAX_SETS)
		return error_set(err, ERR_LIMIT, "the search parameters changed more than %d times meanwhile",
				 BULK_MAX_SETS);
	parameters_stale(im->o.parameters);
	job->set = parameters_use(im->o.parameters, err);
	if (!job->set)
		return false;
	pthread_mutex_lock(&im->lock);
	im->sets[im->set_count++] = job->set;
	pthread_mutex_unlock(&im->lock);
	return true;
}

/* Only the rows are made anew. */
static void store_stale(struct bulk *im, struct bulk_txn *t)
{
	while (t->txn.stale) {
		struct error err = {0};
		bool ready = renew_set(im, t->job, &err) && bulk_prepare_again(t, &err);
		if (ready && store_commit(im->o.store, &t->txn, &err))
			return;
		if (!ready) {
			t->txn.err = err;
			return;
		}
	}
}

/* Loose resources only shared a transaction: when it failed because of one, the others are stored by themselves. */
static void retry_singly(struct bulk *im, struct bulk_txn *t)
{
	for (size_t i = 0; i < t->count && !im->broken; i++) {
		struct error err = {0};
		struct bulk_txn one = {.changes = &t->changes[i], .count = 1, .file = t->file};
		one.txn = (struct store_txn){.changes = one.changes,
					     .change_count = 1,
					     .events = &t->event,
					     .event_count = 1,
					     .revision = t->txn.revision};
		one.job = t->job;
		bool ok = store_commit(im->o.store, &one.txn, &err);
		if (!ok && one.txn.stale) {
			one.event = t->event;
			store_stale(im, &one);
			err = one.txn.err;
			ok = err.code == ERR_NONE;
		}
		if (ok) {
			count_kept(im, &one);
			continue;
		}
		char text[500];
		snprintf(text, sizeof(text), "%.*s: %s", STR_ARG(t->changes[i].type->name), err.text);
		bulk_report(im, t->file, 0, 0, text);
		im->counts.rejected++;
		im->broken = !failure_of_change(err.code);
	}
}

static void collect_txn(struct bulk *im, struct bulk_txn *t)
{
	store_stale(im, t);
	const struct error *err = &t->txn.err;
	if (err->code == ERR_NONE) {
		count_kept(im, t);
		return;
	}
	if (!failure_of_change(err->code)) {
		if (!im->broken)
			im->store_error = *err;
		im->broken = true;
		im->counts.rejected += t->count;
		char text[500];
		snprintf(text, sizeof(text), "%zu resources were not stored: %s", t->count, err->text);
		bulk_report(im, t->file, t->line, 0, text);
	} else if (t->line && t->count > 1) {
		retry_singly(im, t);
	} else {
		im->counts.rejected += t->count;
		bulk_report(im, t->file, t->line, 0, err->text);
	}
}

/* Takes back finished jobs: counts, reports, empties. The lock is held on entry and exit. */
static void collect(struct bulk *im)
{
	while (im->done) {
		struct bulk_job *job = im->done;
		im->done = job->next;
		im->in_flight -= job->text.n;
		im->in_flight_jobs--;
		pthread_mutex_unlock(&im->lock);
		for (struct bulk_txn *t = job->txns; t; t = t->next)
			collect_txn(im, t);
		for (struct bulk_reject *r = job->rejects; r; r = r->next)
			bulk_report(im, r->file, r->line, r->column, r->text.p);
		im->counts.bundles += job->bundles;
		im->counts.rejected += job->rejected;
		im->counts.skipped += job->skipped;
		im->counts.unresolved += job->unresolved;
		job_clear(job);
		bulk_progress(im);
		pthread_mutex_lock(&im->lock);
		job->next = im->free;
		im->free = job;
	}
}

static void wait_for_done(struct bulk *im)
{
	if (!im->done)
		pthread_cond_wait(&im->to_reader, &im->lock);
	collect(im);
}

struct bulk_job *bulk_current(struct bulk *im)
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

static void send_current(struct bulk *im)
{
	struct bulk_job *job = im->current;
	im->current = NULL;
	pthread_mutex_lock(&im->lock);
	while (im->in_flight_jobs && im->in_flight + job->text.n > BULK_FLIGHT_BYTES)
		wait_for_done(im);
	im->in_flight += job->text.n;
	im->in_flight_jobs++;
	ready_push(im, job);
	pthread_cond_signal(&im->to_workers);
	pthread_mutex_unlock(&im->lock);
}

bool bulk_part_add(struct bulk *im, const struct bulk_part *part, struct error *err)
{
	struct bulk_job *job = im->current;
	struct bulk_part *parts = arena_grow(&job->arena, job->parts, job->part_count, &job->part_capacity,
					     job->part_count + 1, sizeof(*parts));
	if (!parts)
		return error_memory(err);
	job->parts = parts;
	parts[job->part_count++] = *part;
	if (job->text.n >= BULK_JOB_BYTES)
		send_current(im);
	return true;
}

bool bulk_finish(struct bulk *im, struct bulk_counts *ret_counts, struct error *err)
{
	if (im->current && im->current->part_count)
		send_current(im);
	pthread_mutex_lock(&im->lock);
	while (im->in_flight_jobs || im->done)
		wait_for_done(im);
	pthread_mutex_unlock(&im->lock);
	*ret_counts = im->counts;
	return !im->broken || error_set(err, im->store_error.code, "the import stopped: %s", im->store_error.text);
}

void bulk_close(struct bulk *im)
{
	struct bulk_counts ignored;
	if (!im)
		return;
	(void)!bulk_finish(im, &ignored, NULL);
	pthread_mutex_lock(&im->lock);
	im->closing = true;
	pthread_cond_broadcast(&im->to_workers);
	pthread_mutex_unlock(&im->lock);
	for (unsigned i = 0; i < im->thread_count; i++)
		pthread_join(im->threads[i], NULL);
	for (size_t i = 0; i < im->job_count && im->jobs; i++) {
		arena_done(&im->jobs[i].arena);
		buf_done(&im->jobs[i].text);
	}
	free(im->jobs);
	for (size_t i = 0; i < im->set_count; i++)
		parameters_done(im->o.parameters, im->sets[i]);
	pthread_cond_destroy(&im->to_workers);
	pthread_cond_destroy(&im->next_turn);
	pthread_cond_destroy(&im->to_reader);
	pthread_mutex_destroy(&im->lock);
	arena_done(&im->arena);
	free(im);
}
