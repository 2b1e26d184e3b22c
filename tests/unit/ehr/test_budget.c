/* Budgets and the breaker: in memory, and in a file that processes share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "ehr/budget.h"
#include "fake.h"

#define T0   1764000000000
#define MAIN S("main")

static char directory[64];
static struct arena arena;
static struct store *store;

enum place { MEMORY, FILES, FACTS };

static struct ehr_budgets *open_budgets(enum place place)
{
	struct error err = {0};
	const struct ehr_budgets_options options = {.directory = place == FILES ? str_from(directory) : STR_NULL,
						    .store = place == FACTS ? store : NULL};
	struct ehr_budgets *b = ehr_budgets_open(&options, &err);
	if (!b)
		fail_msg("%s", err.text);
	return b;
}

static void clean(void)
{
	char path[100];
	snprintf(path, sizeof path, "%s/main.calls", directory);
	unlink(path);
	struct error err = {0};
	const struct store_fact fact = {.shelf = S("ehr-budget"), .key = MAIN};
	assert_true(store_fact_put(store, &fact, &err));
}

/* -1: refused; otherwise what to wait. */
static int64_t enter(struct ehr_budgets *b, const struct ehr_budget_limits *l, int64_t now, struct error *err)
{
	struct ehr_budget_pass pass;
	int64_t wait;
	*err = (struct error){0};
	if (!ehr_budget_enter(b, MAIN, l, now, &pass, &wait, err))
		return -1;
	if (!wait)
		ehr_budget_leave(b, MAIN, l, now, &pass, EHR_CALL_ANSWERED, 0);
	return wait;
}

static void end_with(struct ehr_budgets *b, const struct ehr_budget_limits *l, int64_t now,
		     enum ehr_budget_result result, int64_t quiet)
{
	struct ehr_budget_pass pass;
	struct error err = {0};
	int64_t wait;
	assert_true(ehr_budget_enter(b, MAIN, l, now, &pass, &wait, &err) && !wait);
	ehr_budget_leave(b, MAIN, l, now, &pass, result, quiet);
}

static void so_many_a_second_evenly(void **state)
{
	(void)state;
	for (enum place place = MEMORY; place <= FACTS; place++) {
		const struct ehr_budget_limits l = {.per_second = 4};
		struct ehr_budgets *one = open_budgets(place), *two = place == MEMORY ? one : open_budgets(place);
		struct error err;
		assert_int_equal(enter(one, &l, T0, &err), 0);
		assert_int_equal(enter(two, &l, T0, &err), 250); /* another process as well */
		assert_int_equal(enter(one, &l, T0 + 100, &err), 150);
		assert_int_equal(enter(two, &l, T0 + 250, &err), 0);
		assert_int_equal(enter(one, &l, T0 + 10000, &err), 0); /* nothing is saved up */
		assert_int_equal(enter(one, &l, T0 + 10000, &err), 250);
		assert_int_equal(enter(one, &l, T0, &err), 2000); /* the clock was set back */
		assert_int_equal(enter(one, &l, T0 + 2000, &err), 0);
		if (place != MEMORY)
			ehr_budgets_close(two);
		ehr_budgets_close(one);
		clean();
	}
}

static void so_many_a_day_in(enum place place)
{
	const struct ehr_budget_limits l = {.per_day = 2};
	struct ehr_budgets *b = open_budgets(place);
	struct error err;
	assert_int_equal(enter(b, &l, T0, &err), 0);
	assert_int_equal(enter(b, &l, T0, &err), 0);
	assert_int_equal(enter(b, &l, T0, &err), -1);
	assert_int_equal(err.code, ERR_THROTTLED);
	assert_non_null(strstr(err.text, "requests_per_day"));
	assert_int_equal(enter(b, &l, T0 + 86400000, &err), 0);
	ehr_budgets_close(b);
	clean();
}

static void so_many_a_day(void **state)
{
	(void)state;
	for (enum place place = FILES; place <= FACTS; place++)
		so_many_a_day_in(place);
}

static void the_breaker_opens_tries_and_closes_in(enum place place)
{
	const struct ehr_budget_limits l = {.failures = 3, .pause_ms = 10000};
	struct ehr_budgets *b = open_budgets(place);
	struct error err;
	for (int i = 0; i < 2; i++)
		end_with(b, &l, T0, EHR_CALL_FAILED, 0);
	end_with(b, &l, T0, EHR_CALL_ANSWERED, 0); /* in a row, it says */
	for (int i = 0; i < 3; i++)
		end_with(b, &l, T0, EHR_CALL_FAILED, 0);
	assert_int_equal(enter(b, &l, T0 + 9999, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_non_null(strstr(err.text, "failed 3 times in a row"));
	/* Half open: one may try, nobody else meanwhile. */
	struct ehr_budget_pass pass;
	int64_t wait;
	assert_true(ehr_budget_enter(b, MAIN, &l, T0 + 10000, &pass, &wait, &err) && !wait && pass.probe);
	assert_int_equal(enter(b, &l, T0 + 10000, &err), -1);
	assert_non_null(strstr(err.text, "is being tried"));
	ehr_budget_leave(b, MAIN, &l, T0 + 10001, &pass, EHR_CALL_FAILED, 0);
	assert_int_equal(enter(b, &l, T0 + 20000, &err), -1);
	/* One who tries and dies keeps nobody out for ever. */
	err = (struct error){0};
	assert_true(ehr_budget_enter(b, MAIN, &l, T0 + 20001, &pass, &wait, &err) && pass.probe);
	assert_int_equal(enter(b, &l, T0 + 20002, &err), -1);
	err = (struct error){0};
	assert_true(ehr_budget_enter(b, MAIN, &l, T0 + 120000, &pass, &wait, &err) && pass.probe);
	ehr_budget_leave(b, MAIN, &l, T0 + 120001, &pass, EHR_CALL_ANSWERED, 0);
	assert_int_equal(enter(b, &l, T0 + 120002, &err), 0);
	/* A refusal to serve so fast is no failure. */
	for (int i = 0; i < 5; i++)
		end_with(b, &l, T0 + 120003, EHR_CALL_THROTTLED, 0);
	ehr_budgets_close(b);
	clean();
}

static void the_breaker_opens_tries_and_closes(void **state)
{
	(void)state;
	for (enum place place = FILES; place <= FACTS; place++)
		the_breaker_opens_tries_and_closes_in(place);
}

static void a_pause_that_was_asked_for_holds_for_all_in(enum place place)
{
	const struct ehr_budget_limits l = {0};
	struct ehr_budgets *one = open_budgets(place), *two = open_budgets(place);
	struct error err;
	end_with(one, &l, T0, EHR_CALL_THROTTLED, 5000);
	assert_int_equal(enter(two, &l, T0 + 1000, &err), 4000);
	assert_int_equal(enter(two, &l, T0 + 5000, &err), 0);
	end_with(one, &l, T0 + 6000, EHR_CALL_THROTTLED, 600000);
	assert_int_equal(enter(two, &l, T0 + 6000, &err), -1);
	assert_non_null(strstr(err.text, "600 s more"));
	/* Whoever has patience waits for it. */
	const struct ehr_budget_limits patient = {.patience_ms = 86400000};
	assert_int_equal(enter(two, &patient, T0 + 6000, &err), 600000);
	/* What another host did tells nothing: neither a failure nor the end of one. */
	end_with(one, &l, T0 + 700000, EHR_CALL_FAILED, 0);
	end_with(one, &l, T0 + 700000, EHR_CALL_UNKNOWN, 0);
	struct ehr_budget_state s;
	assert_true(ehr_budgets_state(two, MAIN, &s, &err));
	assert_int_equal(s.failures, 1);
	ehr_budgets_close(one);
	ehr_budgets_close(two);
	clean();
}

static void a_pause_that_was_asked_for_holds_for_all(void **state)
{
	(void)state;
	for (enum place place = FILES; place <= FACTS; place++)
		a_pause_that_was_asked_for_holds_for_all_in(place);
}

static void so_many_at_once_over_processes(void **state)
{
	(void)state;
	const struct ehr_budget_limits l = {.parallel = 2};
	struct ehr_budgets *b = open_budgets(FILES);
	struct ehr_budget_pass mine;
	struct error err = {0};
	int64_t wait;
	assert_true(ehr_budget_enter(b, MAIN, &l, T0, &mine, &wait, &err) && !wait);
	int ready[2], go[2];
	assert_int_equal(pipe(ready) | pipe(go), 0);
	pid_t child = fork();
	if (!child) {
		struct ehr_budgets *own = open_budgets(FILES);
		struct ehr_budget_pass theirs;
		char byte = ehr_budget_enter(own, MAIN, &l, T0, &theirs, &wait, &err) && !wait ? 'y' : 'n';
		if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		_exit(0); /* dies with its place */
	}
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	struct ehr_budget_pass third;
	assert_true(ehr_budget_enter(b, MAIN, &l, T0, &third, &wait, &err) && wait > 0);
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(ehr_budget_enter(b, MAIN, &l, T0, &third, &wait, &err) && !wait);
	ehr_budget_leave(b, MAIN, &l, T0, &third, EHR_CALL_ANSWERED, 0);
	ehr_budget_leave(b, MAIN, &l, T0, &mine, EHR_CALL_ANSWERED, 0);
	ehr_budgets_close(b);
	clean();
}

/* A place among facts runs out when its holder dies, and lives on while it is held. */
static void a_place_that_is_held_lives_on(void **state)
{
	(void)state;
	const struct ehr_budget_limits l = {.parallel = 1};
	struct ehr_budgets *b = open_budgets(FACTS);
	struct ehr_budget_pass pass;
	struct store_fact *facts;
	struct error err = {0};
	size_t count;
	int64_t wait;
	assert_true(ehr_budget_enter(b, MAIN, &l, T0, &pass, &wait, &err) && !wait);
	int64_t first = pass.until_ms;
	ehr_budget_hold(b, &pass);
	assert_int_equal(pass.until_ms, first); /* there is time enough */
	pass.until_ms -= 120000;
	usleep(2000);
	ehr_budget_hold(b, &pass);
	assert_true(pass.until_ms > first);
	assert_true(store_fact_list(store, &arena, S("ehr-budget-slot"), STR_NULL, 10, &facts, &count, &err));
	assert_true(count == 1 && facts[0].expires_ms == pass.until_ms);
	ehr_budget_leave(b, MAIN, &l, T0, &pass, EHR_CALL_ANSWERED, 0);
	assert_true(store_fact_list(store, &arena, S("ehr-budget-slot"), STR_NULL, 10, &facts, &count, &err));
	assert_int_equal(count, 0);
	ehr_budget_hold(b, &pass); /* over */
	ehr_budgets_close(b);
	clean();
}

static void so_many_at_once_over_machines(void **state)
{
	(void)state;
	const struct ehr_budget_limits l = {.parallel = 2};
	struct ehr_budgets *one = open_budgets(FACTS), *two = open_budgets(FACTS);
	struct ehr_budget_pass first, second, third;
	struct error err = {0};
	int64_t wait;
	assert_true(ehr_budget_enter(one, MAIN, &l, T0, &first, &wait, &err) && !wait);
	assert_true(ehr_budget_enter(two, MAIN, &l, T0, &second, &wait, &err) && !wait);
	assert_true(ehr_budget_enter(one, MAIN, &l, T0, &third, &wait, &err) && wait > 0);
	ehr_budget_leave(two, MAIN, &l, T0, &second, EHR_CALL_ANSWERED, 0);
	assert_true(ehr_budget_enter(one, MAIN, &l, T0, &third, &wait, &err) && !wait);
	ehr_budget_leave(one, MAIN, &l, T0, &third, EHR_CALL_ANSWERED, 0);
	ehr_budget_leave(one, MAIN, &l, T0, &first, EHR_CALL_ANSWERED, 0);
	ehr_budgets_close(one);
	ehr_budgets_close(two);
	clean();
}

static void a_damaged_file_begins_again(void **state)
{
	(void)state;
	const struct ehr_budget_limits l = {.per_day = 1};
	char path[100];
	struct error err;
	snprintf(path, sizeof path, "%s/main.calls", directory);
	struct ehr_budgets *b = open_budgets(FILES);
	assert_int_equal(enter(b, &l, T0, &err), 0);
	assert_int_equal(truncate(path, 17), 0);
	assert_int_equal(enter(b, &l, T0, &err), 0);
	struct ehr_budget_state s;
	assert_true(ehr_budgets_state(b, MAIN, &s, &err));
	assert_true(s.today == 1 && s.last_ms == T0);
	ehr_budgets_close(b);
	clean();
}

/* ---- through the client ------------------------------------------------------------------------------------------ */

static void a_dead_ehr_is_left_alone(void **state)
{
	(void)state;
	struct fake f;
	struct ehr_resource r;
	struct ehr_failure failure = {0};
#define DEAD {"GET /Patient/1", 0, .error = ERR_NETWORK}
	FAKE_START(&f, DEAD, DEAD, DEAD, DEAD, DEAD, DEAD, DEAD, DEAD,
		   {"GET /Patient/1", 200, FHIR_JSON, "{\"resourceType\":\"Patient\",\"id\":\"1\"}"});
	struct ehr_client *c = fake_client(&f, EHR_EPIC, false);
	for (int i = 0; i < 2; i++) {
		assert_false(ehr_read(c, &arena, S("Patient"), S("1"), &r, &failure));
		assert_int_equal(failure.error.code, ERR_NETWORK);
	}
	assert_false(ehr_read(c, &arena, S("Patient"), S("1"), &r, &failure)); /* not sent */
	assert_int_equal(failure.error.code, ERR_BUSY);
	assert_int_equal(failure.http_status, 0);
	assert_string_equal(failure.error.text,
			    "main: nothing is sent, since it failed 8 times in a row; after a pause it is tried again "
			    "(breaker_failures, breaker_pause)");
	f.now_ms += EHR_BREAKER_PAUSE_MS;
	assert_true(ehr_read(c, &arena, S("Patient"), S("1"), &r, &failure));
	fake_end(&f, c);
}

static void an_ehr_that_says_no_is_alive(void **state)
{
	(void)state;
	struct fake f;
	struct ehr_resource r;
	struct ehr_failure failure = {0};
	static struct fake_step steps[20];
	for (size_t i = 0; i < 20; i++)
		steps[i] = (struct fake_step){"GET /Patient/1", i % 2 ? 403 : 500, "text/plain", "no"};
	fake_start(&f, steps, 20);
	struct ehr_client *c = fake_client(&f, EHR_EPIC, false);
	for (int i = 0; i < 20; i++)
		assert_false(ehr_read(c, &arena, S("Patient"), S("1"), &r, &failure));
	assert_int_not_equal(failure.error.code, ERR_BUSY);
	fake_end(&f, c);
}

static int open_store(void **state)
{
	(void)state;
	char path[100];
	struct error err = {0};
	snprintf(path, sizeof path, "%s/store", directory);
	store = store_open(str_from(path), &(struct store_options){.definitions = definitions_builtin()}, &err);
	return store ? 0 : -1;
}

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(name);
}

static int close_store(void **state)
{
	(void)state;
	store_close(store);
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_a_second_evenly),
		cmocka_unit_test(so_many_a_day),
		cmocka_unit_test(the_breaker_opens_tries_and_closes),
		cmocka_unit_test(a_pause_that_was_asked_for_holds_for_all),
		cmocka_unit_test(so_many_at_once_over_processes),
		cmocka_unit_test(so_many_at_once_over_machines),
		cmocka_unit_test(a_place_that_is_held_lives_on),
		cmocka_unit_test(a_damaged_file_begins_again),
		cmocka_unit_test(a_dead_ehr_is_left_alone),
		cmocka_unit_test(an_ehr_that_says_no_is_alive),
	};
	arena_init(&arena, 64 << 20);
	snprintf(directory, sizeof directory, "/tmp/firth-budget-XXXXXX");
	int failed = mkdtemp(directory) ? cmocka_run_group_tests(tests, open_store, close_store) : 1;
	arena_done(&arena);
	return failed;
}
