/*
 * Jobs as the other processes on the same store know them. A record of each is a fact, which a thread of its process
 * renews while it waits or runs: so one of a process that ended is forgotten after a minute. Its result and notes
 * follow in pieces once it is done. Cancelling one elsewhere marks its record, and its process stops it at the next
 * renewal. What is missing here only means that others cannot answer, so nothing that fails here stops a job.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "json/json.h"
#include "server/jobs/jobs_priv.h"

#define SHELF S("job")

enum { LEASE_MS = 60000, BEAT_MS = 5000 };

bool jobs_are_shared(const struct jobs *jobs)
{
	return jobs->o.store && store_is_shared(jobs->o.store);
}

/* ---- the record ---------------------------------------------------------------------------------------------------
 */

/* What a job's process says of it. pieces: of the result and of the notes; more than
 * can be: too large to be shared. files: how many others there are. */
struct record {
	struct str owner, phase, progress, type;
	int64_t expires_ms, result_pieces, note_pieces, files;
};

static struct str record_text(struct arena *a, const struct record *r)
{
	struct buf text;
	buf_init(&text, 1 << 16);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	json_put_member(&w, S("owner"), r->owner);
	json_put_member(&w, S("phase"), r->phase);
	json_put_member(&w, S("progress"), r->progress);
	json_put_member(&w, S("type"), r->type);
	json_key(&w, S("expires"));
	json_put_i64(&w, r->expires_ms);
	json_key(&w, S("result"));
	json_put_i64(&w, r->result_pieces);
	json_key(&w, S("notes"));
	json_put_i64(&w, r->note_pieces);
	json_key(&w, S("files"));
	json_put_i64(&w, r->files);
	json_object_end(&w);
	struct str kept = buf_ok(&text) ? arena_str(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return kept;
}

static int64_t number_of(const struct json *object, struct str key)
{
	int64_t value = 0;
	return str_to_i64(json_number(json_get(object, key)), &value) ? value : 0;
}

/* The text as it is, and what it says; text STR_NULL when there is none. */
static bool record_get(struct jobs *jobs, struct arena *a, const char *name, struct str *ret_text,
		       struct record *ret_record, struct error *err)
{
	if (!store_fact_get(jobs->o.store, a, SHELF, str_from(name), ret_text, err))
		return false;
	const struct json *j = ret_text->p ? json_parse(a, *ret_text, 0, NULL) : NULL;
	*ret_record = (struct record){.owner = json_get_str(j, S("owner")),
				      .phase = json_get_str(j, S("phase")),
				      .progress = json_get_str(j, S("progress")),
				      .type = json_get_str(j, S("type")),
				      .expires_ms = number_of(j, S("expires")),
				      .result_pieces = number_of(j, S("result")),
				      .note_pieces = number_of(j, S("notes")),
				      .files = number_of(j, S("files"))};
	return true;
}

/* In the place of what was read before; STR_NULL: of nothing. */
static bool record_put(struct jobs *jobs, struct arena *a, const char *name, struct str before, const struct record *r,
		       int64_t expires_ms, struct error *err)
{
	struct store_fact fact = {.shelf = SHELF,
				  .key = str_from(name),
				  .value = record_text(a, r),
				  .expires_ms = expires_ms,
				  .expected = before,
				  .only_new = !before.p,
				  .quiet = true};
	return fact.value.p ? store_fact_put(jobs->o.store, &fact, err) : error_memory(err);
}

static bool is_cancelled(const struct record *r)
{
	return str_is(r->phase, "cancelled");
}

static struct record record_of(struct arena *a, const struct job *job)
{
	return (struct record){.owner = arena_str(a, str_from(job->owner)),
			       .phase = job->phase == JOB_WAITING ? S("waiting") : S("running"),
			       .progress = arena_str(a, str_from(job->progress)),
			       .type = S(""),
			       .files = (int64_t)atomic_load(&job->files)};
}

bool shared_begin(struct jobs *jobs, const struct job *job, struct error *err)
{
	struct arena a;
	if (!jobs_are_shared(jobs))
		return true;
	arena_init(&a, 1 << 18);
	struct record r = record_of(&a, job);
	bool ok = record_put(jobs, &a, job->name, STR_NULL, &r, clock_now_ms() + LEASE_MS, err);
	arena_done(&a);
	return ok;
}

void shared_forget(struct jobs *jobs, const char *name)
{
	struct arena a;
	struct str text;
	struct record r;
	struct error ignored = {0};
	const struct store_fact gone = {.shelf = SHELF, .key = str_from(name), .quiet = true};
	if (!jobs_are_shared(jobs))
		return;
	arena_init(&a, 1 << 18);
	int64_t files = record_get(jobs, &a, name, &text, &r, &ignored) ? r.files : 0;
	arena_done(&a);
	error_clear(&ignored);
	if (store_fact_put(jobs->o.store, &gone, &ignored))
		pieces_drop_files(jobs, name, (size_t)files);
}

bool shared_is_cancelled(struct jobs *jobs, const char *name)
{
	struct arena a;
	struct str text;
	struct record r;
	struct error ignored = {0};
	arena_init(&a, 1 << 18);
	bool is = record_get(jobs, &a, name, &text, &r, &ignored) && text.p && is_cancelled(&r);
	arena_done(&a);
	return is;
}

/* ---- renewing -----------------------------------------------------------------------------------------------------
 */

/* The names of jobs that wait or run, with the lock held. NULL for none. */
static char (*unfinished(struct jobs *jobs, size_t *ret_count))[JOB_NAME_SIZE]
{
	char(*names)[JOB_NAME_SIZE] = malloc((jobs->count + 1) * sizeof(*names));
	*ret_count = 0;
	for (const struct job *job = jobs->first; names && job; job = job->next)
		if (job->phase < JOB_DONE)
			memcpy(names[(*ret_count)++], job->name, JOB_NAME_SIZE);
	return names;
}

static void renew(struct jobs *jobs, const char *name, bool closing)
{
	struct arena a;
	struct str before;
	struct record known, r = {0};
	struct error ignored = {0};
	arena_init(&a, 1 << 18);
	bool ok = record_get(jobs, &a, name, &before, &known, &ignored);
	if (ok && is_cancelled(&known)) {
		jobs_drop(jobs, name);
	} else if (ok) {
		pthread_mutex_lock(&jobs->lock);
		const struct job *job = jobs->first;
		while (job && strcmp(job->name, name) != 0)
			job = job->next;
		if (job && job->phase < JOB_DONE)
			r = record_of(&a, job);
		pthread_mutex_unlock(&jobs->lock);
		if (closing)
			r.phase = S("interrupted");
		r.expires_ms = closing ? clock_now_ms() + jobs->o.keep_ms : 0;
		if (r.owner.p)
			ok = record_put(jobs, &a, name, before, &r, closing ? r.expires_ms : clock_now_ms() + LEASE_MS,
					&ignored);
	}
	if (!ok)
		error_clear(&ignored);
	arena_done(&a);
}

static void renew_all(struct jobs *jobs, bool closing)
{
	size_t count;
	pthread_mutex_lock(&jobs->lock);
	char(*names)[JOB_NAME_SIZE] = unfinished(jobs, &count);
	pthread_mutex_unlock(&jobs->lock);
	for (size_t i = 0; i < count; i++)
		renew(jobs, names[i], closing);
	free(names);
}

static bool any_unfinished(const struct jobs *jobs)
{
	for (const struct job *job = jobs->first; job; job = job->next)
		if (job->phase < JOB_DONE)
			return true;
	return false;
}

static void *beat(void *ctx)
{
	struct jobs *jobs = ctx;
	pthread_mutex_lock(&jobs->lock);
	while (!jobs->closing && any_unfinished(jobs)) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += BEAT_MS / 1000;
		if (pthread_cond_timedwait(&jobs->stirred, &jobs->lock, &until) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&jobs->lock);
		renew_all(jobs, false);
		pthread_mutex_lock(&jobs->lock);
	}
	jobs->beating = false;
	pthread_cond_broadcast(&jobs->idle);
	pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

void shared_beat(struct jobs *jobs)
{
	pthread_t thread;
	if (!jobs_are_shared(jobs) || jobs->beating || jobs->closing)
		return;
	jobs->beating = pthread_create(&thread, NULL, beat, jobs) == 0;
	if (jobs->beating)
		pthread_detach(thread);
}

void shared_close(struct jobs *jobs)
{
	if (jobs_are_shared(jobs))
		renew_all(jobs, true);
}

/* ---- results ------------------------------------------------------------------------------------------------------
 */

void shared_finish(struct jobs *jobs, const struct job *job, enum job_phase phase, struct str type, struct str result,
		   int64_t expires_ms)
{
	struct arena a;
	struct str before, notes;
	struct record known = {0}, r;
	struct error ignored = {0};
	if (!jobs_are_shared(jobs))
		return;
	arena_init(&a, (size_t)256 << 20);
	pthread_mutex_lock(&jobs->lock);
	bool forgotten = job->forgotten;
	r = record_of(&a, job);
	pthread_mutex_unlock(&jobs->lock);
	r.phase = phase == JOB_FAILED ? S("failed") : S("done");
	r.type = type.p ? type : S("");
	r.expires_ms = expires_ms;
	bool ok = forgotten || record_get(jobs, &a, job->name, &before, &known, &ignored);
	ok = ok && (forgotten || is_cancelled(&known) ||
		    (job_notes_read(jobs, &a, job, &notes, &ignored) &&
		     pieces_put(jobs, &a, job->name, "result", result, expires_ms, &r.result_pieces, &ignored) &&
		     pieces_put(jobs, &a, job->name, "notes", notes, expires_ms, &r.note_pieces, &ignored) &&
		     record_put(jobs, &a, job->name, before, &r, expires_ms, &ignored)));
	if (forgotten || (ok && is_cancelled(&known)))
		pieces_drop_files(jobs, job->name, atomic_load(&job->files));
	if (!ok)
		error_clear(&ignored);
	arena_done(&a);
}

/* ---- for other processes ------------------------------------------------------------------------------------------
 */

/* The record of a job that is not ours. ERR_NOT_FOUND also for someone else's. */
static bool find(struct jobs *jobs, struct arena *a, const char *name, struct str owner, struct str *ret_text,
		 struct record *ret_record, struct error *err)
{
	if (!jobs_are_shared(jobs))
		return job_not_found(err);
	if (!record_get(jobs, a, name, ret_text, ret_record, err))
		return false;
	bool there = ret_text->p && ret_record->owner.p && (!owner.p || str_eq(ret_record->owner, owner)) &&
		     !is_cancelled(ret_record);
	return there || job_not_found(err);
}

bool shared_look(struct jobs *jobs, struct arena *a, const char *name, struct str owner, struct job_state *ret_state,
		 struct error *err)
{
	struct str text;
	struct record r;
	if (!find(jobs, a, name, owner, &text, &r, err))
		return false;
	struct job_state state = {.phase = JOB_RUNNING, .progress = r.progress, .expires_ms = r.expires_ms};
	if (str_is(r.phase, "waiting"))
		state.phase = JOB_WAITING;
	else if (str_is(r.phase, "interrupted"))
		state.phase = JOB_INTERRUPTED;
	else if (str_is(r.phase, "done") || str_is(r.phase, "failed")) {
		state.phase = str_is(r.phase, "done") ? JOB_DONE : JOB_FAILED;
		state.content_type = r.type.n ? r.type : STR_NULL;
		if (!pieces_get(jobs, a, name, "result", r.result_pieces, &state.result, err))
			return false;
	}
	*ret_state = state;
	return true;
}

bool shared_notes(struct jobs *jobs, struct arena *a, const char *name, struct str owner, struct str *ret_notes,
		  struct error *err)
{
	struct str text;
	struct record r;
	return find(jobs, a, name, owner, &text, &r, err) &&
	       pieces_get(jobs, a, name, "notes", r.note_pieces, ret_notes, err);
}

bool shared_file(struct jobs *jobs, const char *name, struct str owner, size_t number, int *ret_fd, uint64_t *ret_size,
		 struct error *err)
{
	struct arena a;
	struct str text;
	struct record r;
	arena_init(&a, 1 << 20);
	bool there = find(jobs, &a, name, owner, &text, &r, err);
	bool done = there && str_is(r.phase, "done");
	int64_t files = there ? r.files : 0;
	arena_done(&a);
	if (!there)
		return false;
	if (!done || number < 1 || number > (size_t)files)
		return error_set(err, ERR_NOT_FOUND,
				 done ? "This request has no such file" : "This request is not done");
	if (pieces_get_file(jobs, name, number, ret_fd, ret_size, err) || err->code != ERR_NOT_FOUND)
		return err->code == ERR_NONE;
	error_clear(err);
	return error_set(err, ERR_BUSY,
			 "Another process of this server has this file, which is beyond what it shares (limits.share); "
			 "ask again until that process answers");
}

bool shared_cancel(struct jobs *jobs, const char *name, struct str owner, struct error *err)
{
	struct arena a;
	struct str text;
	struct record r;
	arena_init(&a, 1 << 20);
	bool ok = find(jobs, &a, name, owner, &text, &r, err);
	if (ok) {
		r.phase = S("cancelled");
		ok = record_put(jobs, &a, name, text, &r, clock_now_ms() + jobs->o.keep_ms, err);
		if (ok)
			pieces_drop_files(jobs, name, (size_t)r.files);
	}
	if (!ok && err->code == ERR_CONFLICT) {
		error_clear(err);
		error_set(err, ERR_BUSY, "The request came further just now; try again");
	}
	arena_done(&a);
	return ok;
}
