/*
 * Search parameters that are added while several processes write to one database: two stores with their own parameters
 * side by side, as two processes have them. On SQLite there is one process, and both are the same.
 */
#include "../store/fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/parameters/parameters.h"

enum { BEFORE = 700, SECONDS = 20 };

#define NICKNAME                                                                                                       \
	"{\"resourceType\":\"SearchParameter\",\"id\":\"nickname\",\"url\":\"http://x/nickname\",\"status\":"          \
	"\"active\",\"code\":\"nickname\",\"base\":[\"Patient\"],\"type\":\"string\",\"expression\":"                  \
	"\"Patient.name.where(use='nickname').given\"}"

struct process {
	struct store *store;
	struct parameters *parameters;
};

static void open_parameters(struct fixture *f, struct process *p)
{
	struct error err = {0};
	const struct parameters_options options = {
		.definitions = f->definitions, .store = p->store, .writable = true, .indexing = true};
	p->parameters = parameters_open(&options, &err);
	assert_string_equal(err.text, "");
}

static bool put_by(struct fixture *f, struct process *p, const struct parameter_set *set, int number, bool *ret_stale)
{
	struct error err = {0};
	struct index_rows rows;
	struct arena a;
	struct buf stored;
	arena_init(&a, ARENA_NO_CAP);
	buf_init(&stored, 1 << 16);
	struct str text = arena_printf(
		&a,
		"{\"resourceType\":\"Patient\",\"id\":\"%d\",\"name\":[{\"use\":\"nickname\",\"given\":[\"Bob\"]}]}",
		number);
	const struct json *json = json_parse(&a, text, 0, &err);
	struct store_change change = {.op = STORE_UPDATE, .type = type_named(f, "Patient")};
	bool ok = json && extract(set->extractor, &a, json, STR_NULL, &rows, &err);
	if (ok) {
		change.id = json_get_str(json, S("id"));
		change.rows = rows.rows;
		change.row_count = rows.count;
		resource_write_stored(&stored, json, change.id, NULL, &change.meta_at);
		change.stored = buf_str(&stored);
		struct store_txn txn = {.changes = &change, .change_count = 1, .revision = set->revision};
		ok = store_commit(p->store, &txn, &err);
		*ret_stale = txn.stale;
	}
	buf_done(&stored);
	arena_done(&a);
	return ok;
}

/* With the rows of the set of this moment, again when the store finds that set outdated. */
static bool put_patient(struct fixture *f, struct process *p, int number)
{
	bool ok = false, stale = true;
	for (int tries = 0; !ok && stale && tries < 5; tries++) {
		struct error err = {0};
		const struct parameter_set *set = parameters_use(p->parameters, &err);
		if (!set)
			return false;
		ok = put_by(f, p, set, number, &stale);
		parameters_done(p->parameters, set);
		if (stale)
			parameters_stale(p->parameters);
	}
	return ok;
}

static struct fixture *shared;
static _Atomic bool stop;
static _Atomic int made;

static void *write_on(void *ctx)
{
	while (!stop) {
		if (!put_patient(shared, ctx, BEFORE + made))
			return ctx;
		made++;
	}
	return NULL;
}

/* Patients that the new parameter finds; -1: it cannot be asked for. */
static int64_t found(struct fixture *f, struct process *p)
{
	struct error err = {0};
	struct store_page page;
	struct search_query q;
	const struct parameter_set *set = parameters_use(p->parameters, &err);
	assert_non_null(set);
	struct search_options options = {.registry = set->registry};
	bool known = search_parse(f->definitions, &f->arena, type_named(f, "Patient"),
				  S("nickname=bob&_count=0&_total=accurate"), &options, &q, &err);
	bool ok = known && store_search(p->store, &f->arena, &q, NULL, &page, &err);
	parameters_done(p->parameters, set);
	assert_int_equal(ok, known);
	return known ? page.total : -1;
}

static bool comes_to(struct fixture *f, struct process *p, bool served)
{
	for (int i = 0; i < SECONDS * 50; i++) {
		if ((found(f, p) >= 0) == served)
			return true;
		usleep(20000);
	}
	return false;
}

static void test_two_processes(void **state)
{
	struct fixture *f = shared = *state;
	struct error err = {0};
	struct store_options options = fixture_options(f);
	struct process one = {.store = f->store},
		       two = {.store = f->postgres ? store_open(str_from(f->location), &options, &err) : f->store};
	assert_non_null(two.store);
	open_parameters(f, &one);
	two.parameters = one.parameters;
	if (f->postgres)
		open_parameters(f, &two);
	for (int i = 0; i < BEFORE; i++)
		assert_true(put_patient(f, &one, i));
	pthread_t threads[2];
	stop = false;
	made = 0;
	assert_int_equal(pthread_create(&threads[0], NULL, write_on, &one), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, write_on, &two), 0);
	assert_int_equal(found(f, &one), -1);
	const struct parameter_set *old = parameters_use(two.parameters, &err);
	assert_non_null(old);
	put(f, NICKNAME);
	/* One process cannot know that another still has an older set in use; what is made by it is refused. */
	if (f->postgres) {
		bool stale = false;
		assert_true(comes_to(f, &one, true));
		assert_false(put_by(f, &two, old, 0, &stale));
		assert_true(stale);
	}
	parameters_done(two.parameters, old);
	assert_true(comes_to(f, &two, true));
	assert_true(comes_to(f, &one, true));
	usleep(100000);
	stop = true;
	for (int i = 0; i < 2; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	/* Nobody's write was missed. */
	struct store_count *counts;
	size_t count;
	int64_t patients = 0;
	assert_true(store_counts(f->store, &f->arena, &counts, &count, &err));
	for (size_t i = 0; i < count; i++)
		if (counts[i].type == type_named(f, "Patient"))
			patients = counts[i].count;
	assert_true(patients > BEFORE);
	assert_int_equal(found(f, &one), patients);
	assert_int_equal(found(f, &two), patients);
	struct store_change gone = deletion_of(f, "SearchParameter", "nickname");
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	assert_int_equal(found(f, &one), -1);
	assert_true(comes_to(f, &two, false));
	parameters_close(one.parameters);
	if (f->postgres) {
		parameters_close(two.parameters);
		store_close(two.store);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_two_processes, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
