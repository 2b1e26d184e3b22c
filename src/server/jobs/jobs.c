/* The list of jobs, and the threads that work it off. */
#include "server/jobs/jobs.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "jose/jose.h"
#include "server/jobs/jobs_priv.h"

/* A job's files are kept so much longer for others than its result, since they are there before it. */
#define LONGEST_MS ((int64_t)24 * 3600 * 1000)
enum { DEFAULT_JOBS = 100, DEFAULT_WORKERS = 2, DEFAULT_KEEP_MS = 3600000 };
#define DEFAULT_WAITING ((size_t)256 << 20)

static void hex(const unsigned char *bytes, size_t n, char *ret_text)
{
	for (size_t i = 0; i < 2 * n; i++)
		ret_text[i] = "0123456789abcdef"[i % 2 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4];
}

/* Files are named by a digest, so that a listing of the directory gives nobody an id. */
static void name_of(struct str id, char ret_name[JOB_NAME_SIZE])
{
	unsigned char digest[32];
	digest_sha256(id, digest);
	hex(digest, (JOB_NAME_SIZE - 1) / 2, ret_name);
	ret_name[JOB_NAME_SIZE - 1] = '\0';
}

struct jobs *jobs_open(const struct jobs_options *options, struct error *err)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));
	char *directory = malloc(options->directory.n + 1);
	if (!jobs || !directory) {
		free(jobs);
		free(directory);
		error_memory(err);
		return NULL;
	}
	memcpy(directory, options->directory.p, options->directory.n);
	directory[options->directory.n] = '\0';
	jobs->directory = str_make(directory, options->directory.n);
	jobs->o = *options;
	jobs->o.max_jobs = options->max_jobs ? options->max_jobs : DEFAULT_JOBS;
	jobs->o.workers = options->workers ? options->workers : DEFAULT_WORKERS;
	jobs->o.keep_ms = options->keep_ms ? options->keep_ms : DEFAULT_KEEP_MS;
	jobs->o.max_waiting = options->max_waiting ? options->max_waiting : DEFAULT_WAITING;
	jobs->o.now_ms = options->now_ms ? options->now_ms : clock_now_ms;
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->idle, NULL);
	pthread_cond_init(&jobs->stirred, NULL);
	if (job_files_load(jobs, err))
		return jobs;
	jobs_close(jobs);
	return NULL;
}

static void job_free(struct job *job)
{
	if (job->work.free)
		job->work.free(job->work.ctx);
	free(job);
}

void jobs_close(struct jobs *jobs)
{
	if (!jobs)
		return;
	pthread_mutex_lock(&jobs->lock);
	jobs->closing = true;
	for (struct job *job = jobs->first; job; job = job->next)
		atomic_store(&job->stop, true);
	pthread_cond_broadcast(&jobs->stirred);
	while (jobs->workers || jobs->beating)
		pthread_cond_wait(&jobs->idle, &jobs->lock);
	pthread_mutex_unlock(&jobs->lock);
	shared_close(jobs);
	while (jobs->first) {
		struct job *job = jobs->first;
		jobs->first = job->next;
		job_free(job);
	}
	pthread_cond_destroy(&jobs->idle);
	pthread_cond_destroy(&jobs->stirred);
	pthread_mutex_destroy(&jobs->lock);
	free((char *)(uintptr_t)jobs->directory.p);
	free(jobs);
}

/* ---- the list; all with the lock held --------------------------------------------------------------------------- */

static void list_remove(struct jobs *jobs, struct job *job)
{
	for (struct job **at = &jobs->first; *at; at = &(*at)->next) {
		if (*at != job)
			continue;
		*at = job->next;
		jobs->count--;
		if (job->phase == JOB_WAITING)
			jobs->waiting_bytes -= job->work.bytes;
		return;
	}
}

static void list_add(struct jobs *jobs, struct job *job)
{
	struct job **end = &jobs->first;
	while (*end)
		end = &(*end)->next;
	*end = job;
	jobs->count++;
	jobs->waiting_bytes += job->work.bytes;
}

static void remove_expired(struct jobs *jobs)
{
	int64_t now = jobs->o.now_ms();
	for (struct job *job = jobs->first, *next; job; job = next) {
		next = job->next;
		if (job->held || job->phase < JOB_DONE || job->expires_ms > now)
			continue;
		list_remove(jobs, job);
		job_files_remove(jobs, job);
		job_free(job);
	}
}

/* NULL for what is not there or someone else's: the answer must not tell the two apart. */
static struct job *find(struct jobs *jobs, struct str id, struct str owner)
{
	char name[JOB_NAME_SIZE];
	name_of(id, name);
	for (struct job *job = jobs->first; job; job = job->next)
		if (memcmp(job->name, name, JOB_NAME_SIZE) == 0 && (!owner.p || str_eq(str_from(job->owner), owner)))
			return job;
	return NULL;
}

bool job_not_found(struct error *err)
{
	return error_set(err, ERR_NOT_FOUND,
			 "There is no such request: it was never made, has expired or was deleted, or another client "
			 "made it");
}

/* ---- working ---------------------------------------------------------------------------------------------------- */

static struct job *next_waiting(struct jobs *jobs)
{
	for (struct job *job = jobs->closing ? NULL : jobs->first; job; job = job->next)
		if (job->phase == JOB_WAITING)
			return job;
	return NULL;
}

static void *work(void *ctx)
{
	struct jobs *jobs = ctx;
	pthread_mutex_lock(&jobs->lock);
	for (struct job *job; (job = next_waiting(jobs));) {
		job->phase = JOB_RUNNING;
		job->held = true;
		jobs->waiting_bytes -= job->work.bytes;
		pthread_mutex_unlock(&jobs->lock);
		job->work.run(job->work.ctx, job);
		/* What the work holds goes at once; the job itself stays for its result. */
		if (job->work.free)
			job->work.free(job->work.ctx);
		job->work.free = NULL;
		pthread_mutex_lock(&jobs->lock);
		job->held = false;
		if (job->forgotten) {
			job_files_remove(jobs, job);
			job_free(job);
		}
	}
	if (--jobs->workers == 0)
		pthread_cond_broadcast(&jobs->idle);
	pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

/* A worker lives while there is work, so a server that is never asked has none. */
static bool ensure_worker(struct jobs *jobs, struct error *err)
{
	pthread_t thread;
	if (jobs->workers >= jobs->o.workers)
		return true;
	if (pthread_create(&thread, NULL, work, jobs) != 0)
		return jobs->workers > 0 || error_set(err, ERR_BUSY, "No thread could be started");
	pthread_detach(thread);
	jobs->workers++;
	return true;
}

static bool check_room(const struct jobs *jobs, const struct job_work *w, struct error *err)
{
	if (jobs->closing)
		return error_set(err, ERR_BUSY, "The server is stopping");
	if (jobs->count >= jobs->o.max_jobs)
		return error_set(err, ERR_BUSY,
				 "There are %zu asynchronous requests, as many as the limit (limits.jobs) allows; "
				 "delete finished ones or try again later",
				 jobs->count);
	if (w->bytes > jobs->o.max_waiting - jobs->waiting_bytes)
		return error_set(err, ERR_BUSY,
				 "Asynchronous requests that wait hold too much memory; try again later");
	return true;
}

static bool enlist(struct jobs *jobs, struct job *job, struct error *err)
{
	pthread_mutex_lock(&jobs->lock);
	remove_expired(jobs);
	bool ok = check_room(jobs, &job->work, err) && job_directory_make(jobs, err) && job_file_write(jobs, job, err);
	if (ok) {
		list_add(jobs, job);
		ok = ensure_worker(jobs, err);
		if (ok)
			shared_beat(jobs);
		else
			list_remove(jobs, job);
	}
	if (!ok)
		job_files_remove(jobs, job);
	pthread_mutex_unlock(&jobs->lock);
	return ok;
}

bool jobs_start(struct jobs *jobs, const struct job_work *w, char ret_id[JOB_ID_SIZE], struct error *err)
{
	unsigned char random[JOB_ID_SIZE / 2];
	char id[JOB_ID_SIZE];
	if (w->owner.n >= JOB_OWNER_SIZE)
		return error_set(err, ERR_VALUE, "The name of the client is too long for an asynchronous request");
	struct job *job = calloc(1, sizeof(*job));
	if (!job)
		return error_memory(err);
	random_bytes(random, sizeof(random));
	hex(random, sizeof(random), id);
	name_of(str_make(id, JOB_ID_SIZE), job->name);
	job->jobs = jobs;
	memcpy(job->id, id, JOB_ID_SIZE);
	memcpy(job->owner, w->owner.p, w->owner.n);
	job->work = *w;
	job->work.owner = STR_NULL;
	bool shared = shared_begin(jobs, job, err);
	if (!shared || !enlist(jobs, job, err)) {
		if (shared)
			shared_forget(jobs, job->name);
		free(job);
		return false;
	}
	memcpy(ret_id, id, JOB_ID_SIZE);
	return true;
}

void job_progress(struct job *job, const char *format, ...)
{
	char text[JOB_PROGRESS_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pthread_mutex_lock(&job->jobs->lock);
	memcpy(job->progress, text, sizeof(text));
	pthread_mutex_unlock(&job->jobs->lock);
}

bool job_stopped(const struct job *job)
{
	return atomic_load(&job->stop);
}

const char *job_id(const struct job *job)
{
	return job->id;
}

bool job_note(struct job *job, struct str line)
{
	return job_note_write(job->jobs, job, line);
}

int job_file_make(struct job *job, size_t number, struct error *err)
{
	atomic_store(&job->files, number);
	if (number >= 1 && number <= JOB_MAX_FILES)
		return job_other_file(job->jobs, job, number, O_WRONLY | O_CREAT | O_TRUNC, err);
	error_set(err, ERR_LIMIT, "A job has at most %d files", JOB_MAX_FILES);
	return -1;
}

void job_file_share(struct job *job, size_t number)
{
	struct jobs *jobs = job->jobs;
	struct error ignored = {0};
	struct stat state;
	if (!jobs_are_shared(jobs))
		return;
	int fd = job_other_file(jobs, job, number, O_RDONLY, &ignored);
	bool fits = fd >= 0 && fstat(fd, &state) == 0 && job->shared_bytes <= jobs->o.share &&
		    (uint64_t)state.st_size <= jobs->o.share - job->shared_bytes;
	int64_t keep_ms = job->work.keep_ms ? job->work.keep_ms : jobs->o.keep_ms;
	if (fits && pieces_put_file(jobs, job->name, number, fd, (uint64_t)state.st_size,
				    clock_now_ms() + keep_ms + LONGEST_MS, &ignored))
		job->shared_bytes += (uint64_t)state.st_size;
	if (fd >= 0)
		close(fd);
	error_clear(&ignored);
}

static void finish(struct job *job, enum job_phase phase, struct str content_type, struct str result)
{
	struct jobs *jobs = job->jobs;
	if (job->notes)
		close(job->notes);
	job->notes = 0;
	bool kept = job_result_write(jobs, job, result, NULL);
	int64_t expires_ms = jobs->o.now_ms() + (job->work.keep_ms ? job->work.keep_ms : jobs->o.keep_ms);
	if (kept)
		shared_finish(jobs, job, phase, content_type, result, expires_ms);
	pthread_mutex_lock(&jobs->lock);
	job->phase = kept ? phase : JOB_INTERRUPTED;
	if (content_type.n < sizeof(job->content_type) && content_type.n)
		memcpy(job->content_type, content_type.p, content_type.n);
	job->expires_ms = expires_ms;
	/* Without its file it is told as interrupted after a restart, which is true of what the client can fetch. */
	if (!job->forgotten && kept && !job_file_write(jobs, job, NULL))
		job->phase = JOB_INTERRUPTED;
	pthread_mutex_unlock(&jobs->lock);
}

void job_finish(struct job *job, struct str content_type, struct str result)
{
	finish(job, JOB_DONE, content_type, result);
}

void job_fail(struct job *job, struct str outcome)
{
	finish(job, JOB_FAILED, STR_NULL, outcome);
}

/* ---- asking ----------------------------------------------------------------------------------------------------- */

static bool is_done_here(struct jobs *jobs, const char *name)
{
	pthread_mutex_lock(&jobs->lock);
	const struct job *job = jobs->first;
	while (job && strcmp(job->name, name) != 0)
		job = job->next;
	bool done = job && job->phase >= JOB_DONE;
	pthread_mutex_unlock(&jobs->lock);
	return done;
}

/* What was ended at another process is gone here, too. */
static void settle(struct jobs *jobs, const char *name)
{
	if (jobs_are_shared(jobs) && is_done_here(jobs, name) && shared_is_cancelled(jobs, name))
		jobs_drop(jobs, name);
}

bool jobs_look(struct jobs *jobs, struct arena *a, struct str id, struct str owner, struct job_state *ret_state,
	       struct error *err)
{
	char name[JOB_NAME_SIZE];
	name_of(id, name);
	settle(jobs, name);
	pthread_mutex_lock(&jobs->lock);
	remove_expired(jobs);
	const struct job *job = find(jobs, id, owner);
	struct job_state state = {0};
	bool ok = job != NULL;
	if (ok) {
		state = (struct job_state){.phase = job->phase, .expires_ms = job->expires_ms};
		state.progress = arena_str(a, str_from(job->progress));
		if (job->content_type[0])
			state.content_type = arena_str(a, str_from(job->content_type));
	}
	/* With the lock held, so that nobody removes it meanwhile. */
	if (ok && (state.phase == JOB_DONE || state.phase == JOB_FAILED))
		ok = job_result_read(jobs, a, job, &state.result, err);
	pthread_mutex_unlock(&jobs->lock);
	if (!job)
		return shared_look(jobs, a, name, owner, ret_state, err);
	if (ok)
		*ret_state = state;
	return ok;
}

bool jobs_notes(struct jobs *jobs, struct arena *a, struct str id, struct str owner, struct str *ret_notes,
		struct error *err)
{
	char name[JOB_NAME_SIZE];
	name_of(id, name);
	settle(jobs, name);
	pthread_mutex_lock(&jobs->lock);
	remove_expired(jobs);
	const struct job *job = find(jobs, id, owner);
	bool ok = job && job_notes_read(jobs, a, job, ret_notes, err);
	pthread_mutex_unlock(&jobs->lock);
	return job ? ok : shared_notes(jobs, a, name, owner, ret_notes, err);
}

bool jobs_file(struct jobs *jobs, struct str id, struct str owner, size_t number, int *ret_fd, uint64_t *ret_size,
	       struct error *err)
{
	struct stat state;
	char name[JOB_NAME_SIZE];
	name_of(id, name);
	settle(jobs, name);
	pthread_mutex_lock(&jobs->lock);
	remove_expired(jobs);
	const struct job *job = find(jobs, id, owner);
	bool done = job && job->phase == JOB_DONE;
	int fd = done ? job_other_file(jobs, job, number, O_RDONLY, NULL) : -1;
	pthread_mutex_unlock(&jobs->lock);
	if (!job)
		return shared_file(jobs, name, owner, number, ret_fd, ret_size, err);
	if (fd < 0 || fstat(fd, &state) != 0) {
		if (fd >= 0)
			close(fd);
		return error_set(err, ERR_NOT_FOUND,
				 done ? "This request has no such file" : "This request is not done");
	}
	*ret_fd = fd;
	*ret_size = (uint64_t)state.st_size;
	return true;
}

size_t jobs_unfinished(struct jobs *jobs, struct str owner)
{
	size_t count = 0;
	pthread_mutex_lock(&jobs->lock);
	for (const struct job *job = jobs->first; job; job = job->next)
		count += job->phase < JOB_DONE && str_eq(str_from(job->owner), owner);
	pthread_mutex_unlock(&jobs->lock);
	return count;
}

/* With the lock held. */
static void drop(struct jobs *jobs, struct job *job)
{
	list_remove(jobs, job);
	job_files_remove(jobs, job);
	atomic_store(&job->stop, true);
	job->forgotten = job->held;
	if (!job->held)
		job_free(job);
}

void jobs_drop(struct jobs *jobs, const char *name)
{
	pthread_mutex_lock(&jobs->lock);
	struct job *job = jobs->first;
	while (job && strcmp(job->name, name) != 0)
		job = job->next;
	if (job)
		drop(jobs, job);
	pthread_mutex_unlock(&jobs->lock);
}

bool jobs_cancel(struct jobs *jobs, struct str id, struct str owner, struct error *err)
{
	char name[JOB_NAME_SIZE];
	name_of(id, name);
	settle(jobs, name);
	pthread_mutex_lock(&jobs->lock);
	struct job *job = find(jobs, id, owner);
	if (job)
		drop(jobs, job);
	pthread_mutex_unlock(&jobs->lock);
	if (!job)
		return shared_cancel(jobs, name, owner, err);
	shared_forget(jobs, name);
	return true;
}

bool jobs_busy(struct jobs *jobs)
{
	pthread_mutex_lock(&jobs->lock);
	remove_expired(jobs);
	bool busy = jobs->workers > 0;
	pthread_mutex_unlock(&jobs->lock);
	return busy;
}
