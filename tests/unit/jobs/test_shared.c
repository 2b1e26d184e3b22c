/* Jobs of one process as another on the same database sees them: two stores and two lists of jobs side by side. */
#include "../store/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/jobs/jobs.h"

enum { RESULT = 3000000, FILE_BYTES = 5500000, PATIENCE = 900 };

struct work {
	_Atomic int go, ended;
	bool stopped;
};

/* Goes on until it is let go or stopped. */
static void run(void *ctx, struct job *job)
{
	struct work *w = ctx;
	char *result = malloc(RESULT);
	memset(result, 'r', RESULT);
	result[RESULT - 1] = 'e';
	job_progress(job, "half of it");
	assert_true(job_note(job, S("a note")));
	while (!w->go && !job_stopped(job))
		usleep(1000);
	w->stopped = job_stopped(job);
	job_finish(job, S("text/plain"), str_make(result, RESULT));
	free(result);
	w->ended = 1;
}

/* Three files, of which the last is too much for the share: of no bytes, of some pieces, and again. */
static void run_with_files(void *ctx, struct job *job)
{
	struct work *w = ctx;
	static const size_t sizes[] = {0, FILE_BYTES, FILE_BYTES};
	char *bytes = malloc(FILE_BYTES);
	for (size_t i = 0; i < FILE_BYTES; i++)
		bytes[i] = (char)('a' + i / 7 % 26);
	for (size_t i = 0; i < 3; i++) {
		struct error err = {0};
		int fd = job_file_make(job, i + 1, &err);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, bytes, sizes[i]), sizes[i]);
		close(fd);
		job_file_share(job, i + 1);
	}
	free(bytes);
	while (!w->go && !job_stopped(job))
		usleep(1000);
	job_finish(job, S("text/plain"), S("three files"));
	w->ended = 1;
}

static struct jobs *open_jobs(struct fixture *f, struct store *s, const char *name)
{
	struct error err = {0};
	const struct jobs_options options = {
		.store = s, .share = FILE_BYTES, .directory = arena_printf(&f->arena, "%s/%s", f->directory, name)};
	struct jobs *jobs = jobs_open(&options, &err);
	assert_non_null(jobs);
	return jobs;
}

static void start(struct jobs *jobs, struct work *w, char id[JOB_ID_SIZE])
{
	struct error err = {0};
	const struct job_work work = {.run = run, .ctx = w, .owner = S("app")};
	*w = (struct work){0};
	assert_true(jobs_start(jobs, &work, id, &err));
}

static bool comes(_Atomic int *flag)
{
	for (int i = 0; i < PATIENCE && !*flag; i++)
		usleep(10000);
	return *flag;
}

/* The phase, or -1 for what is not there. */
static int phase(struct fixture *f, struct jobs *jobs, const char *id, const char *owner, struct job_state *ret_state)
{
	struct error err = {0};
	*ret_state = (struct job_state){0};
	if (jobs_look(jobs, &f->arena, str_make(id, JOB_ID_SIZE), str_from(owner), ret_state, &err))
		return (int)ret_state->phase;
	assert_int_equal(err.code, ERR_NOT_FOUND);
	return -1;
}

static void test_two_processes(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct store_options options = fixture_options(f);
	struct job_state s;
	struct work first, second, third;
	char id[JOB_ID_SIZE];
	struct str notes, name = str_make(id, JOB_ID_SIZE);
	if (!f->postgres)
		skip(); /* there is one process only */
	struct store *other = store_open(str_from(f->location), &options, &err);
	assert_non_null(other);
	struct jobs *one = open_jobs(f, f->store, "one"), *two = open_jobs(f, other, "two");

	start(one, &first, id);
	assert_true(phase(f, two, id, "app", &s) == JOB_RUNNING || s.phase == JOB_WAITING);
	assert_int_equal(phase(f, two, id, "else", &s), -1);
	first.go = 1;
	assert_true(comes(&first.ended));
	assert_int_equal(phase(f, two, id, "app", &s), JOB_DONE);
	assert_int_equal(s.result.n, RESULT);
	assert_int_equal(s.result.p[RESULT - 1], 'e');
	assert_string_equal(s.content_type.p, "text/plain");
	assert_true(s.expires_ms > 0);
	assert_true(jobs_notes(two, &f->arena, name, S("app"), &notes, &err));
	assert_string_equal(notes.p, "a note\n");
	assert_true(jobs_cancel(one, name, S("app"), &err));
	assert_int_equal(phase(f, two, id, "app", &s), -1);

	/* Ended by the other one: gone for everybody at once, and stopped soon. */
	start(one, &second, id);
	assert_false(jobs_cancel(two, name, S("else"), &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	error_clear(&err);
	assert_true(jobs_cancel(two, name, S("app"), &err));
	assert_int_equal(phase(f, two, id, "app", &s), -1);
	assert_true(comes(&second.ended));
	assert_true(second.stopped);
	assert_int_equal(phase(f, one, id, "app", &s), -1);
	assert_int_equal(phase(f, two, id, "app", &s), -1);

	/* A process that ends says so. */
	start(one, &third, id);
	jobs_close(one);
	assert_true(third.stopped || !third.ended);
	int last = phase(f, two, id, "app", &s);
	assert_true(last == JOB_INTERRUPTED || last == JOB_DONE);
	jobs_close(two);
	store_close(other);
}

/* How many bytes of a file, all of them as they were made; otherwise why not. */
static int64_t file(struct jobs *jobs, const char *id, const char *owner, size_t number, struct error *err)
{
	int fd;
	uint64_t size;
	error_clear(err);
	if (!jobs_file(jobs, str_make(id, JOB_ID_SIZE), str_from(owner), number, &fd, &size, err))
		return -1;
	char *bytes = malloc(size + 1);
	assert_int_equal(pread(fd, bytes, size + 1, 0), size);
	for (size_t i = 0; i < size; i++)
		assert_true(bytes[i] == (char)('a' + i / 7 % 26));
	free(bytes);
	close(fd);
	return (int64_t)size;
}

static void test_files_at_two_processes(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct store_options options = fixture_options(f);
	struct work w = {0};
	char id[JOB_ID_SIZE];
	if (!f->postgres)
		skip();
	struct store *other = store_open(str_from(f->location), &options, &err);
	assert_non_null(other);
	struct jobs *one = open_jobs(f, f->store, "one"), *two = open_jobs(f, other, "two");
	const struct job_work work = {.run = run_with_files, .ctx = &w, .owner = S("app")};
	for (int round = 0; round < 3; round++) { /* ended by the one, by the other, and never */
		w = (struct work){0};
		assert_true(jobs_start(one, &work, id, &err));
		assert_int_equal(file(two, id, "app", 1, &err), -1);
		assert_int_equal(err.code, ERR_NOT_FOUND); /* not done yet */
		w.go = 1;
		assert_true(comes(&w.ended));
		assert_int_equal(file(two, id, "app", 1, &err), 0);
		assert_int_equal(file(two, id, "app", 2, &err), FILE_BYTES);
		assert_int_equal(file(one, id, "app", 3, &err), FILE_BYTES);
		assert_int_equal(file(two, id, "app", 3, &err), -1);
		assert_int_equal(err.code, ERR_BUSY);
		assert_non_null(strstr(err.text, "limits.share"));
		assert_int_equal(file(two, id, "else", 2, &err), -1);
		assert_int_equal(err.code, ERR_NOT_FOUND);
		assert_int_equal(file(two, id, "app", 4, &err), -1);
		assert_int_equal(err.code, ERR_NOT_FOUND);
		error_clear(&err);
		if (round == 2)
			break;
		assert_true(jobs_cancel(round ? two : one, str_make(id, JOB_ID_SIZE), S("app"), &err));
		for (int i = 0; i < 2; i++) {
			assert_int_equal(file(i ? two : one, id, "app", 2, &err), -1);
			assert_int_equal(err.code, ERR_NOT_FOUND);
		}
		struct store_fact *left;
		size_t count;
		assert_true(store_fact_list(f->store, &f->arena, S("job-piece"), STR_NULL, 10, &left, &count, &err));
		assert_int_equal(count, round + 1); /* results, until they expire */
	}
	/* The process that made them is gone. */
	jobs_close(one);
	assert_int_equal(file(two, id, "app", 2, &err), FILE_BYTES);
	jobs_close(two);
	store_close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_two_processes, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_files_at_two_processes, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
