/*
 * What only a database of its own can do to a store: go away and come back, be shared, be newer than the program. Runs
 * inside cluster.sh, which also takes the database down and up again.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/clock.h"

enum { EACH = 200, LOAD = 3000 };

static void cluster(const char *verb)
{
	pid_t child = fork();
	if (child == 0) {
		execl(getenv("FIRTH_CLUSTER_SH"), "cluster.sh", verb, getenv("FIRTH_TEST_CLUSTER"), NULL);
		_exit(127);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static struct store_change create_of(struct fixture *f, const char *id, enum store_op op)
{
	return (struct store_change){.op = op,
				     .type = type_named(f, "Patient"),
				     .id = str_from(id),
				     .stored = S("{\"resourceType\":\"Patient\",\"meta\":{}}"),
				     .meta_at = 34};
}

/* ---- two processes
 * ------------------------------------------------------------------------------------------------------
 */

/* Creates of its own and updates of one resource that the other process updates as well. */
static void write_beside(struct fixture *f, int who)
{
	struct error err = {0};
	struct store_options options = fixture_options(f);
	struct store *s = store_open(str_from(f->location), &options, &err);
	if (!s)
		_exit(3);
	for (int i = 0; i < EACH; i++) {
		char id[32];
		snprintf(id, sizeof(id), "%d-%d", who, i);
		struct store_change changes[] = {create_of(f, id, STORE_CREATE), create_of(f, "shared", STORE_UPDATE)};
		struct audit_event event = {.action = 'C', .interaction = S("transaction")};
		struct store_txn txn = {.changes = changes, .change_count = 2, .events = &event, .event_count = 1};
		if (!store_commit(s, &txn, &err))
			_exit(4);
	}
	store_close(s);
	_exit(0);
}

static void test_two_processes(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	int64_t rows = 0;
	store_close(f->store);
	f->store = NULL;
	pid_t children[2];
	for (int i = 0; i < 2; i++)
		if ((children[i] = fork()) == 0)
			write_beside(f, i);
	for (int i = 0; i < 2; i++) {
		int status;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	struct store_options options = fixture_options(f);
	f->store = store_open(str_from(f->location), &options, &err);
	assert_non_null(f->store);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM version"), 4 * EACH);
	assert_int_equal(fixture_number(f, "SELECT min(vid) FROM version"), 1);
	assert_int_equal(fixture_number(f, "SELECT max(vid) FROM version"), 4 * EACH);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM (SELECT time < lag(time) OVER (ORDER BY vid) AS back "
					   "FROM version) x WHERE back"),
			 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM resource"), 2 * EACH + 1);
	struct store_entry e;
	assert_true(store_read(f->store, &f->arena, type_named(f, "Patient"), S("shared"), 0, &e, &err));
	assert_int_equal(e.version, 2 * EACH);
	assert_true(store_audit_verify(f->store, &rows, &err));
	assert_int_equal(rows, 2 * EACH);
}

/* ---- killed in mid-load
 * ---------------------------------------------------------------------------------------------------
 */

struct load {
	struct store_change change;
	struct audit_event event;
	struct store_txn txn;
	char id[16];
	_Atomic int end; /* 0 not yet, 1 stored, 2 refused, 3 nobody knows */
};

static void load_done(void *ctx, struct store_txn *txn)
{
	struct load *l = ctx;
	bool unknown = strstr(txn->err.text, "not known");
	l->end = txn->err.code == ERR_NONE ? 1 : unknown ? 3 : 2;
}

static void test_killed(void **state)
{
	struct fixture *f = *state;
	struct load *loads = calloc(LOAD, sizeof(*loads));
	struct error err = {0};
	int counts[4] = {0};
	int64_t rows = 0;
	for (int i = 0; i < LOAD; i++) {
		struct load *l = &loads[i];
		snprintf(l->id, sizeof(l->id), "%d", i);
		l->change = create_of(f, l->id, STORE_CREATE);
		l->event = (struct audit_event){.action = 'C', .interaction = S("create")};
		l->txn = (struct store_txn){.changes = &l->change,
					    .change_count = 1,
					    .events = &l->event,
					    .event_count = 1,
					    .done = load_done,
					    .ctx = l};
		store_submit(f->store, &l->txn);
		if (i % 20 == 0)
			usleep(1000);
		if (i == LOAD / 3 || i == 2 * LOAD / 3) {
			cluster("kill");
			cluster("start");
		}
	}
	for (int i = 0; i < LOAD; i++) {
		while (!loads[i].end)
			usleep(1000);
		struct store_entry e;
		struct error missing = {0};
		bool there = store_read(f->store, &f->arena, type_named(f, "Patient"), str_from(loads[i].id), 0, &e,
					&missing);
		assert_true(there || missing.code == ERR_NOT_FOUND);
		assert_true(loads[i].end == 3 || there == (loads[i].end == 1));
		counts[loads[i].end]++;
		rows += there;
		arena_reset(&f->arena);
	}
	assert_true(counts[1] > LOAD / 2);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM version"), rows);
	assert_int_equal(fixture_number(f, "SELECT max(vid) FROM version"), rows);
	int64_t verified = 0;
	assert_true(store_audit_verify(f->store, &verified, &err));
	assert_int_equal(verified, rows);
	free(loads);
}

static void test_away_and_back(void **state)
{
	struct fixture *f = *state;
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
	cluster("stop");
	assert_string_equal(get(f, "Patient", "a", 0), "STORE_AWAY");
	struct store_change c = create_of(f, "b", STORE_CREATE);
	assert_int_equal(commit_change(f, &c), ERR_STORE_AWAY);
	cluster("start");
	assert_non_null(strstr(get(f, "Patient", "a", 0), "\"versionId\":\"1\""));
	assert_string_equal(get(f, "Patient", "b", 0), "NOT_FOUND");
	assert_int_equal(put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true}"), 2);
}

/* ---- connections that end
 * ------------------------------------------------------------------------------------------------
 */

static int64_t end_connections(struct fixture *f)
{
	return fixture_number(f, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
				 "WHERE application_name = 'firth' AND pid <> pg_backend_pid()");
}

static void *read_on(void *ctx)
{
	struct fixture *f = ctx;
	struct arena a;
	intptr_t failures = 0;
	arena_init(&a, ARENA_NO_CAP);
	for (int i = 0; i < 3000; i++) {
		struct error err = {0};
		struct store_entry e;
		failures += !store_read(f->store, &a, type_named(f, "Patient"), S("a"), 0, &e, &err);
		arena_reset(&a);
	}
	arena_done(&a);
	return (void *)failures;
}

/* Readers that lose their connection, between questions or in one, notice nothing; neither does a writer. */
static void test_ended_connections(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[4];
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
	assert_true(end_connections(f) > 0);
	assert_non_null(strstr(get(f, "Patient", "a", 0), "\"versionId\":\"1\""));
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, f), 0);
	for (int i = 0; i < 8; i++) {
		usleep(20000);
		end_connections(f);
		assert_int_equal(put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\"}"), 2 + i);
	}
	for (int i = 0; i < 4; i++) {
		void *failures;
		pthread_join(threads[i], &failures);
		assert_null(failures);
	}
}

static void heard(void *ctx, struct str shelf)
{
	_Atomic int *counts = ctx;
	counts[!shelf.p]++;
}

static bool comes(_Atomic int *count, int at_least)
{
	for (int i = 0; i < 300 && *count < at_least; i++)
		usleep(10000);
	return *count >= at_least;
}

/* What another process changes while we cannot hear of it may be anything; afterwards we hear again. */
static void test_heard_again(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct store_options options = fixture_options(f);
	struct store *second = store_open(str_from(f->location), &options, &err);
	struct store_fact fact = {.shelf = S("s"), .key = S("k"), .value = S("v")};
	_Atomic int counts[2] = {0};
	assert_non_null(second);
	assert_true(store_watch_facts(second, heard, (void *)counts, &err));
	assert_true(comes(&counts[1], 1));
	end_connections(f);
	assert_true(comes(&counts[1], 2));
	assert_true(store_fact_put(f->store, &fact, &err));
	assert_true(comes(&counts[0], 1) || counts[1] > 2);
	cluster("stop");
	int before = counts[1];
	assert_true(comes(&counts[1], before + 2));
	cluster("start");
	before = counts[1];
	assert_true(comes(&counts[1], before + 1));
	before = counts[0];
	for (int i = 0; i < 300 && counts[0] == before; i++) {
		error_clear(&err);
		assert_true(store_fact_put(f->store, &fact, &err));
		usleep(10000);
	}
	assert_true(counts[0] > before);
	store_unwatch_facts(second, heard, (void *)counts);
	store_close(second);
}

/* A statement does not outlive the search that sent it. */
static void test_deadline(void **state)
{
	struct fixture *f = *state;
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true}");
	struct search_part part = {type_named(f, "Patient"), NULL, 0};
	struct search_query query = {.parts = &part, .part_count = 1, .count = 10};
	struct store_search_options options = {.timeout_ms = 300};
	struct store_page page;
	struct error err = {0};
	assert_true(store_search(f->store, &f->arena, &query, &options, &page, &err));
	PGconn *c = fixture_connection(f);
	PQclear(PQexec(c, "BEGIN; LOCK TABLE resource IN ACCESS EXCLUSIVE MODE"));
	uint64_t start = clock_monotonic_ns();
	assert_false(store_search(f->store, &f->arena, &query, &options, &page, &err));
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_true(clock_monotonic_ns() - start < 2000000000);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM pg_locks WHERE NOT granted"), 0);
	PQfinish(c);
	error_clear(&err);
	assert_true(store_search(f->store, &f->arena, &query, &options, &page, &err));
	assert_int_equal(page.count, 1);
}

/* ---- opening
 * ------------------------------------------------------------------------------------------------------------
 */

/* Rows carry the patient they belong to, deletions as well. */
static void test_patients(void **state)
{
	struct fixture *f = *state;
	put(f, "{\"resourceType\":\"Observation\",\"id\":\"o\",\"subject\":{\"reference\":\"Patient/p\"}}");
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"p\"}");
	put(f, "{\"resourceType\":\"Organization\",\"id\":\"x\"}");
	struct store_change gone = deletion_of(f, "Observation", "o");
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	fixture_reopen(f);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM version v JOIN resource r ON r.rid = v.patient "
					   "WHERE r.id = 'p'"),
			 3);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM resource WHERE patient <> 0"), 2);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM kind WHERE patient <> 0"), 3);
}

static void *open_beside(void *ctx)
{
	struct fixture *f = ctx;
	struct error err = {0};
	struct store_options options = fixture_options(f);
	options.tenant = S("many");
	struct store *s = store_open(str_from(f->location), &options, &err);
	store_close(s);
	return s;
}

static void test_opened_at_once(void **state)
{
	pthread_t threads[6];
	for (int i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_beside, *state), 0);
	for (int i = 0; i < 6; i++) {
		void *opened = NULL;
		pthread_join(threads[i], &opened);
		assert_non_null(opened);
	}
}

static void test_newer_schema(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct store_options options = fixture_options(f);
	fixture_sql(f, "INSERT INTO migration(number, name) VALUES (9999, 'later')");
	assert_null(store_open(str_from(f->location), &options, &err));
	assert_non_null(strstr(err.text, "schema version 9999"));
	assert_non_null(strstr(err.text, "newer Firth"));
}

static void test_errors_are_discreet(void **state)
{
	static const struct {
		const char *url;
		enum error_code code;
	} cases[] = {
		{"postgresql://u:secret@/db?host=/nonexistent", ERR_STORE_AWAY},
		{"postgresql://u:secret@127.0.0.1:1/db", ERR_STORE_AWAY},
		{"postgresql://u:secret@host:secret/db", ERR_STORE_AWAY},
		{"postgresql://u:secret@/db?secret=1", ERR_STORE},
	};
	struct fixture *f = *state;
	struct store_options options = fixture_options(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		assert_null(store_open(str_from(cases[i].url), &options, &err));
		assert_int_equal(err.code, cases[i].code);
		assert_null(strstr(err.text, "secret"));
	}
	struct error err = {0};
	char url[200];
	snprintf(url, sizeof(url), "postgresql://firth@/nowhere?host=%s", getenv("FIRTH_TEST_CLUSTER"));
	assert_null(store_open(str_from(url), &options, &err));
	assert_non_null(strstr(err.text, "3D000"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_two_processes),     TEST(test_killed),
		TEST(test_away_and_back),     TEST(test_patients),
		TEST(test_ended_connections), TEST(test_heard_again),
		TEST(test_deadline),	      TEST(test_opened_at_once),
		TEST(test_newer_schema),      TEST(test_errors_are_discreet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
