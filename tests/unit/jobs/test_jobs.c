/* Jobs: bounded, owned, kept for a while, found again after a restart, cancelled at any moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/jobs/jobs.h"

static int64_t now = 1000;

static int64_t tell_now(void)
{
	return now;
}

struct fixture {
	char root[64];
	struct str directory;
	struct arena arena;
	struct jobs *jobs;
};

static void open_jobs(struct fixture *f, unsigned max, unsigned workers)
{
	struct error err = {0};
	f->jobs = jobs_open(&(struct jobs_options){.directory = f->directory,
						   .max_jobs = max,
						   .workers = workers,
						   .keep_ms = 100,
						   .max_waiting = 1000,
						   .now_ms = tell_now},
			    &err);
	if (!f->jobs)
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	memcpy(f->root, "/tmp/firth-jobs-XXXXXX", 23);
	assert_non_null(mkdtemp(f->root));
	arena_init(&f->arena, 1 << 20);
	f->directory = arena_printf(&f->arena, "%s/jobs", f->root);
	now = 1000;
	open_jobs(f, 3, 1);
	*state = f;
	return 0;
}

static size_t files(struct fixture *f)
{
	size_t count = 0;
	DIR *d = opendir(f->directory.p);
	for (struct dirent *e; d && (e = readdir(d));)
		count += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return count;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	jobs_close(f->jobs);
	DIR *d = opendir(f->directory.p);
	for (struct dirent *e; d && (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(f->directory.p);
	assert_int_equal(rmdir(f->root), 0);
	arena_done(&f->arena);
	free(f);
	return 0;
}

/* Work that waits until it may go on, or is stopped. */
struct task {
	atomic_bool started, go, freed;
	const char *result;
};

static void run(void *ctx, struct job *job)
{
	struct task *t = ctx;
	job_progress(job, "half of %s", t->result);
	atomic_store(&t->started, true);
	while (!atomic_load(&t->go) && !job_stopped(job))
		usleep(1000);
	assert_true(job_note(job, S("one")) && job_note(job, S("two")));
	job_finish(job, S("text/plain"), job_stopped(job) ? S("stopped") : str_from(t->result));
}

/* Makes two files and fails or not. */
static void run_files(void *ctx, struct job *job)
{
	struct task *t = ctx;
	struct error err = {0};
	for (size_t i = 1; i <= 2; i++) {
		int fd = job_file_make(job, i, &err);
		assert_true(fd >= 0 && write(fd, "content", 7) == 7 && close(fd) == 0);
	}
	assert_int_equal(job_file_make(job, 0, &err), -1);
	if (t->result)
		job_finish(job, STR_NULL, str_from(t->result));
	else
		job_fail(job, S("why"));
	atomic_store(&t->started, true);
}

static void free_task(void *ctx)
{
	struct task *t = ctx;
	atomic_store(&t->freed, true);
}

static void wait_for(atomic_bool *what)
{
	for (int i = 0; i < 5000 && !atomic_load(what); i++)
		usleep(1000);
	assert_true(atomic_load(what));
}

static struct str start(struct fixture *f, struct task *t, const char *owner)
{
	struct error err = {0};
	char id[JOB_ID_SIZE];
	const struct job_work work = {.run = run, .free = free_task, .ctx = t, .owner = str_from(owner), .bytes = 10};
	if (!jobs_start(f->jobs, &work, id, &err))
		fail_msg("%s", err.text);
	return arena_str(&f->arena, str_make(id, JOB_ID_SIZE));
}

static enum error_code look(struct fixture *f, struct str id, const char *owner, struct job_state *state)
{
	struct error err = {0};
	return jobs_look(f->jobs, &f->arena, id, str_from(owner), state, &err) ? ERR_NONE : err.code;
}

static enum error_code open_file(struct fixture *f, struct str id, const char *owner, size_t number)
{
	struct error err = {0};
	uint64_t size;
	int fd;
	if (!jobs_file(f->jobs, id, owner ? str_from(owner) : STR_NULL, number, &fd, &size, &err))
		return err.code;
	assert_int_equal(size, 7);
	close(fd);
	return ERR_NONE;
}

static struct str start_files(struct fixture *f, struct task *t)
{
	struct error err = {0};
	char id[JOB_ID_SIZE];
	const struct job_work work = {.run = run_files, .free = free_task, .ctx = t, .owner = S("me"), .keep_ms = 1000};
	assert_true(jobs_start(f->jobs, &work, id, &err));
	wait_for(&t->started);
	return arena_str(&f->arena, str_make(id, JOB_ID_SIZE));
}

static void files_stay_as_long_as_the_result(void **state)
{
	struct fixture *f = *state;
	struct job_state s;
	struct task good = {.result = "done"}, bad = {0};
	struct str name = start_files(f, &good), failed = start_files(f, &bad);
	assert_int_equal(open_file(f, name, "me", 1), ERR_NONE);
	assert_int_equal(open_file(f, name, NULL, 2), ERR_NONE);
	assert_int_equal(open_file(f, name, "you", 1), ERR_NOT_FOUND);
	assert_int_equal(open_file(f, name, "me", 3), ERR_NOT_FOUND);
	assert_int_equal(look(f, failed, "me", &s), ERR_NONE);
	assert_int_equal(s.phase, JOB_FAILED);
	assert_true(str_is(s.result, "why"));
	assert_int_equal(open_file(f, failed, "me", 1), ERR_NOT_FOUND);
	/* Another process finds them, until their time is over. */
	jobs_close(f->jobs);
	open_jobs(f, 3, 1);
	assert_int_equal(look(f, failed, "me", &s), ERR_NONE);
	assert_int_equal(s.phase, JOB_FAILED);
	now += 500;
	assert_int_equal(open_file(f, name, "me", 1), ERR_NONE);
	now += 600;
	assert_int_equal(open_file(f, name, "me", 1), ERR_NOT_FOUND);
	assert_int_equal(look(f, failed, "me", &s), ERR_NOT_FOUND);
	assert_int_equal(files(f), 0);
}

static void a_job_runs_and_its_result_is_the_owners(void **state)
{
	struct fixture *f = *state;
	struct job_state s;
	struct task t = {.result = "this"};
	assert_int_equal(files(f), 0);
	struct str id = start(f, &t, "me");
	wait_for(&t.started);
	assert_int_equal(look(f, id, "me", &s), ERR_NONE);
	assert_int_equal(s.phase, JOB_RUNNING);
	assert_true(str_is(s.progress, "half of this"));
	assert_int_equal(look(f, id, "you", &s), ERR_NOT_FOUND);
	assert_int_equal(look(f, S("0123456789abcdef0123456789abcdef"), "me", &s), ERR_NOT_FOUND);
	atomic_store(&t.go, true);
	wait_for(&t.freed);
	assert_int_equal(look(f, id, "me", &s), ERR_NONE);
	assert_int_equal(s.phase, JOB_DONE);
	assert_true(str_is(s.result, "this") && str_is(s.content_type, "text/plain"));
	struct error err = {0};
	struct str notes;
	assert_true(jobs_notes(f->jobs, &f->arena, id, S("me"), &notes, &err));
	assert_true(str_is(notes, "one\ntwo\n"));
	assert_false(jobs_notes(f->jobs, &f->arena, id, S("you"), &notes, &err));
	struct stat info;
	assert_int_equal(stat(f->directory.p, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	assert_int_equal(files(f), 3);
	now += 100;
	assert_int_equal(look(f, id, "me", &s), ERR_NOT_FOUND);
	assert_int_equal(files(f), 0);
}

static void there_are_only_so_many(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct job_state s;
	char id[JOB_ID_SIZE];
	struct task t[3] = {{.result = "a"}, {.result = "b"}, {.result = "c"}};
	struct str ids[3];
	for (int i = 0; i < 3; i++)
		ids[i] = start(f, &t[i], "me");
	wait_for(&t[0].started);
	assert_int_equal(look(f, ids[1], "me", &s), ERR_NONE);
	assert_int_equal(s.phase, JOB_WAITING);
	struct job_work work = {.run = run, .free = free_task, .ctx = &t[0], .owner = S("me")};
	assert_false(jobs_start(f->jobs, &work, id, &err));
	assert_int_equal(err.code, ERR_BUSY);
	assert_non_null(strstr(err.text, "limits.jobs"));
	error_clear(&err);
	/* One that waits is cancelled without ever running; then there is room, but not for something so large. */
	assert_true(jobs_cancel(f->jobs, ids[1], S("me"), &err));
	assert_true(atomic_load(&t[1].freed) && !atomic_load(&t[1].started));
	work.bytes = 995;
	assert_false(jobs_start(f->jobs, &work, id, &err));
	assert_int_equal(err.code, ERR_BUSY);
	for (int i = 0; i < 3; i++)
		atomic_store(&t[i].go, true);
	wait_for(&t[2].freed);
}

static void a_running_job_is_cancelled(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct job_state s;
	struct task t = {.result = "never"};
	struct str id = start(f, &t, "me");
	wait_for(&t.started);
	assert_false(jobs_cancel(f->jobs, id, S("you"), &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	error_clear(&err);
	assert_true(jobs_cancel(f->jobs, id, S("me"), &err));
	assert_int_equal(look(f, id, "me", &s), ERR_NOT_FOUND);
	wait_for(&t.freed);
	for (int i = 0; i < 1000 && jobs_busy(f->jobs); i++)
		usleep(1000);
	assert_int_equal(files(f), 0);
}

static void a_restart_keeps_results_and_tells_what_was_interrupted(void **state)
{
	struct fixture *f = *state;
	struct job_state s;
	struct task done = {.result = "kept", .go = true}, running = {.result = "x"}, waiting = {.result = "y"};
	struct str a = start(f, &done, "me");
	wait_for(&done.freed);
	struct str b = start(f, &running, "me"), c = start(f, &waiting, "me");
	wait_for(&running.started);
	jobs_close(f->jobs);
	assert_true(atomic_load(&waiting.freed) && !atomic_load(&waiting.started));
	open_jobs(f, 3, 1);
	assert_int_equal(look(f, a, "me", &s), ERR_NONE);
	assert_true(s.phase == JOB_DONE && str_is(s.result, "kept"));
	assert_int_equal(look(f, b, "me", &s), ERR_NONE);
	assert_true(s.phase == JOB_DONE && str_is(s.result, "stopped"));
	assert_int_equal(look(f, c, "me", &s), ERR_NONE);
	assert_int_equal(s.phase, JOB_INTERRUPTED);
	assert_int_equal(look(f, c, "you", &s), ERR_NOT_FOUND);
	now += 200;
	assert_int_equal(look(f, a, "me", &s), ERR_NOT_FOUND);
	assert_int_equal(files(f), 0);
}

int main(void)
{
#define WITH_JOBS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_JOBS(a_job_runs_and_its_result_is_the_owners),
		WITH_JOBS(files_stay_as_long_as_the_result),
		WITH_JOBS(there_are_only_so_many),
		WITH_JOBS(a_running_job_is_cancelled),
		WITH_JOBS(a_restart_keeps_results_and_tells_what_was_interrupted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
