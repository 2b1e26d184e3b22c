/*
 * Facts in transactions: conditions, counters, lists, watchers, and what happens when many want the same. On PostgreSQL
 * the store is opened twice, as by two processes.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum { THREADS = 8, COUNTS = 60 };

static struct store_fact fact_of(const char *key, const char *value)
{
	return (struct store_fact){.shelf = S("s"), .key = str_from(key), .value = str_from(value)};
}

static enum error_code commit_fact(struct fixture *f, struct store_fact *fact)
{
	struct error err = {0};
	struct store_txn txn = {.facts = fact, .fact_count = 1, .found = &f->arena};
	bool ok = store_commit(f->store, &txn, &err);
	assert_int_equal(ok, err.code == ERR_NONE);
	assert_int_equal(txn.fact_failed, err.code == ERR_CONFLICT);
	return err.code;
}

static const char *value_of(struct fixture *f, const char *key)
{
	struct error err = {0};
	struct str value;
	assert_true(store_fact_get(f->store, &f->arena, S("s"), str_from(key), &value, &err));
	return value.p ? value.p : "-";
}

static void test_conditions(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *before, *value;
		struct store_fact conditions;
		enum error_code code;
		const char *found, *after;
	} cases[] = {
		{NULL, "v", {.only_new = true}, ERR_NONE, NULL, "v"},
		{"a", "v", {.only_new = true}, ERR_CONFLICT, "a", "a"},
		{NULL, "v", {.must_exist = true}, ERR_CONFLICT, NULL, "-"},
		{"a", "v", {.must_exist = true}, ERR_NONE, "a", "v"},
		{"a", NULL, {.must_exist = true}, ERR_NONE, "a", "-"},
		{NULL, NULL, {.must_exist = true}, ERR_CONFLICT, NULL, "-"},
		{NULL, NULL, {.value = {NULL, 0}}, ERR_NONE, NULL, "-"},
		{"a", "v", {.expected = {"a", 1}}, ERR_NONE, "a", "v"},
		{"a", "v", {.expected = {"b", 1}}, ERR_CONFLICT, "a", "a"},
		{"a", "v", {.expected = {"", 0}}, ERR_CONFLICT, "a", "a"},
		{"", "v", {.expected = {"", 0}}, ERR_NONE, "", "v"},
		{NULL, "v", {.expected = {"", 0}}, ERR_CONFLICT, NULL, "-"},
		{"a", "v", {.only_look = true}, ERR_NONE, "a", "a"},
		{NULL, "v", {.only_look = true, .must_exist = true}, ERR_CONFLICT, NULL, "-"},
		{NULL, NULL, {.count = true}, ERR_NONE, "1", "1"},
		{"41", NULL, {.count = true}, ERR_NONE, "42", "42"},
		{"a", NULL, {.count = true}, ERR_CONFLICT, "a", "a"},
		{"9223372036854775807",
		 NULL,
		 {.count = true},
		 ERR_CONFLICT,
		 "9223372036854775807",
		 "9223372036854775807"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct store_fact before = fact_of("k", cases[i].before), fact = cases[i].conditions;
		fact.shelf = S("s");
		fact.key = S("k");
		fact.value = str_from(cases[i].value);
		assert_int_equal(commit_fact(f, &before), ERR_NONE);
		assert_int_equal(commit_fact(f, &fact), cases[i].code);
		assert_string_equal(fact.found.p ? fact.found.p : "-", cases[i].found ? cases[i].found : "-");
		assert_string_equal(value_of(f, "k"), cases[i].after);
	}
}

/* ---- together -----------------------------------------------------------------------------------------------------
 */

/* Facts, resources and audit events are kept together or not at all; each fact sees what those before it did. */
static void test_together(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct audit_event event = {.action = 'C', .interaction = S("create")};
	struct store_change change =
		change_of(f, &f->arena, STORE_CREATE, "{\"resourceType\":\"Patient\",\"id\":\"p\"}");
	struct store_fact facts[] = {fact_of("a", "1"), fact_of("a", "2"), fact_of("b", "3"), fact_of("code", NULL)};
	facts[0].only_new = true;
	facts[1].expected = S("1");
	facts[3].must_exist = true;
	struct store_txn txn = {.changes = &change,
				.change_count = 1,
				.facts = facts,
				.fact_count = 4,
				.events = &event,
				.event_count = 1};
	int64_t rows = -1;
	assert_false(store_commit(f->store, &txn, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_true(txn.fact_failed);
	assert_int_equal(txn.failed, 3);
	error_clear(&err);
	assert_string_equal(value_of(f, "a"), "-");
	assert_string_equal(get(f, "Patient", "p", 0), "NOT_FOUND");
	assert_true(store_audit_verify(f->store, &rows, &err));
	assert_int_equal(rows, 0);

	struct store_fact code = fact_of("code", "x");
	assert_int_equal(commit_fact(f, &code), ERR_NONE);
	assert_true(store_commit(f->store, &txn, &err));
	assert_string_equal(value_of(f, "a"), "2");
	assert_string_equal(value_of(f, "code"), "-");
	assert_true(store_audit_verify(f->store, &rows, &err));
	assert_int_equal(rows, 1);

	/* A change that fails takes the facts before it with it. */
	struct store_fact again[] = {fact_of("a", "9"), fact_of("c", "9")};
	txn.facts = again;
	txn.fact_count = 2;
	assert_false(store_commit(f->store, &txn, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_false(txn.fact_failed);
	assert_string_equal(value_of(f, "a"), "2");
	fixture_reopen(f);
	assert_string_equal(value_of(f, "b"), "3");
	assert_string_equal(value_of(f, "c"), "-");
}

static void test_expiry(void **state)
{
	struct fixture *f = *state;
	struct store_fact *listed;
	struct error err = {0};
	size_t count;
	struct store_fact fact = fact_of("k", "v");
	fact.expires_ms = clock_now_ms() + 150;
	fact.only_new = true;
	assert_int_equal(commit_fact(f, &fact), ERR_NONE);
	assert_int_equal(commit_fact(f, &fact), ERR_CONFLICT);
	assert_true(fact.found_expires_ms == fact.expires_ms);
	struct store_fact counter = {.shelf = S("s"), .key = S("n"), .count = true, .expires_ms = fact.expires_ms};
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(commit_fact(f, &counter), ERR_NONE);
		assert_int_equal(counter.found.p[0], '0' + i);
		assert_true(counter.found_expires_ms == fact.expires_ms);
		counter.expires_ms += 3600000; /* only the first counts */
	}
	usleep(200000);
	assert_string_equal(value_of(f, "k"), "-");
	assert_true(store_fact_list(f->store, &f->arena, S("s"), STR_NULL, 10, &listed, &count, &err));
	assert_int_equal(count, 0);
	struct store_fact gone = {.shelf = S("s"), .key = S("k"), .must_exist = true};
	assert_int_equal(commit_fact(f, &gone), ERR_CONFLICT);
	assert_null(gone.found.p);
	gone = (struct store_fact){.shelf = S("s"), .key = S("k"), .value = S("w"), .expected = S("v")};
	assert_int_equal(commit_fact(f, &gone), ERR_CONFLICT);
	assert_int_equal(commit_fact(f, &counter), ERR_NONE);
	assert_string_equal(counter.found.p, "1");
	fact.expires_ms = 0;
	assert_int_equal(commit_fact(f, &fact), ERR_NONE);
	assert_string_equal(value_of(f, "k"), "v");
	/* What has expired is swept away with what is put later. */
	for (int i = 0; i < 130; i++) {
		struct store_fact old = {.shelf = S("o"), .key = arena_printf(&f->arena, "%d", i), .value = S("x")};
		old.expires_ms = 1000;
		assert_int_equal(commit_fact(f, &old), ERR_NONE);
	}
	assert_true(fixture_number(f, "SELECT count(*) FROM fact WHERE expires = 1000") < 70);
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct store_fact *listed;
	size_t count;
	static const char *const keys[] = {"b", "a", "\xc3\xa9", "B", "", "a\x01"};
	static const char *const sorted[] = {"", "B", "a", "a\x01", "b", "\xc3\xa9"};
	for (size_t i = 0; i < 6; i++) {
		struct store_fact fact = fact_of(keys[i], keys[i]);
		assert_int_equal(commit_fact(f, &fact), ERR_NONE);
	}
	struct store_fact other = {.shelf = S("t"), .key = S("a"), .value = S("x")};
	assert_int_equal(commit_fact(f, &other), ERR_NONE);
	assert_true(store_fact_list(f->store, &f->arena, S("s"), STR_NULL, 100, &listed, &count, &err));
	assert_int_equal(count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_string_equal(listed[i].key.p, sorted[i]);
		assert_string_equal(listed[i].value.p, sorted[i]);
	}
	assert_true(store_fact_list(f->store, &f->arena, S("s"), S(""), 3, &listed, &count, &err));
	assert_int_equal(count, 3);
	assert_string_equal(listed[0].key.p, "B");
	assert_true(store_fact_list(f->store, &f->arena, S("s"), listed[2].key, 100, &listed, &count, &err));
	assert_int_equal(count, 2);
	assert_true(store_fact_list(f->store, &f->arena, S("none"), STR_NULL, 100, &listed, &count, &err));
	assert_int_equal(count, 0);
}

static void test_limits(void **state)
{
	struct fixture *f = *state;
	char *key = calloc(1, 2001);
	memset(key, 'k', 2000);
	struct store_fact fact = fact_of(key, "v");
	struct error err = {0};
	assert_false(store_fact_put(f->store, &fact, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	key[1999] = '\0';
	fact.key.n = 1999;
	error_clear(&err);
	assert_true(store_fact_put(f->store, &fact, &err));
	free(key);
}

/* ---- many at once -------------------------------------------------------------------------------------------------
 */

struct racer {
	pthread_t thread;
	struct store *store;
	int won;
};

/* Takes each of the codes, if nobody was quicker, and counts. */
static void *race(void *ctx)
{
	struct racer *r = ctx;
	struct arena a;
	arena_init(&a, 1 << 20);
	for (int i = 0; i < COUNTS; i++) {
		struct error err = {0};
		struct store_fact facts[2] = {{.shelf = S("code"), .key = arena_printf(&a, "%d", i)},
					      {.shelf = S("s"), .key = S("n"), .count = true}};
		facts[0].must_exist = i % 2 == 0;
		facts[0].expected = i % 2 ? S("open") : STR_NULL;
		facts[0].value = i % 4 == 1 ? S("taken") : STR_NULL;
		struct store_txn txn = {.facts = facts, .fact_count = 1, .found = &a};
		bool won = store_commit(r->store, &txn, &err);
		assert_true(won || err.code == ERR_CONFLICT);
		assert_true(!won || str_is(facts[0].found, "open"));
		r->won += won;
		txn.facts = &facts[1];
		error_clear(&err);
		assert_true(store_commit(r->store, &txn, &err));
		arena_reset(&a);
	}
	arena_done(&a);
	return NULL;
}

/* On PostgreSQL another store beside the first, as another process would have it. */
static struct store *open_second(struct fixture *f)
{
	struct error err = {0};
	struct store_options options = fixture_options(f);
	struct store *s = f->postgres ? store_open(str_from(f->location), &options, &err) : f->store;
	assert_non_null(s);
	return s;
}

static void test_race(void **state)
{
	struct fixture *f = *state;
	struct racer racers[THREADS] = {0};
	struct store *second = open_second(f);
	int won = 0;
	for (int i = 0; i < COUNTS; i++) {
		struct store_fact code = {
			.shelf = S("code"), .key = arena_printf(&f->arena, "%d", i), .value = S("open")};
		assert_int_equal(commit_fact(f, &code), ERR_NONE);
	}
	for (int i = 0; i < THREADS; i++) {
		racers[i].store = i % 2 ? second : f->store;
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(racers[i].thread, NULL);
		won += racers[i].won;
	}
	assert_int_equal(won, COUNTS);
	char all[16];
	snprintf(all, sizeof(all), "%d", THREADS * COUNTS);
	assert_string_equal(value_of(f, "n"), all);
	if (second != f->store)
		store_close(second);
}

/* ---- watchers -----------------------------------------------------------------------------------------------------
 */

struct heard {
	_Atomic int s, t, any, quiet;
};

static void hear(void *ctx, struct str shelf)
{
	struct heard *h = ctx;
	h->any += !shelf.p;
	h->s += str_is(shelf, "s");
	h->t += str_is(shelf, "t");
	h->quiet += str_is(shelf, "quiet");
}

static bool comes(_Atomic int *count, int at_least)
{
	for (int i = 0; i < 100 && *count < at_least; i++)
		usleep(10000);
	return *count >= at_least;
}

static void test_watch(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct heard own = {0}, others = {0};
	struct store *second = open_second(f);
	assert_true(store_watch_facts(f->store, hear, &own, &err));
	assert_true(store_watch_facts(second, hear, &others, &err));
	assert_true(!f->postgres || (comes(&own.any, 1) && comes(&others.any, 1)));
	struct store_fact facts[] = {fact_of("a", "1"), fact_of("b", "1"), fact_of("c", "1"), fact_of("d", "1"),
				     fact_of("e", "1")};
	facts[2].shelf = S("t");
	facts[3].shelf = facts[4].shelf = S("quiet");
	facts[3].quiet = facts[4].only_look = true;
	struct store_txn txn = {.facts = facts, .fact_count = 5};
	assert_true(store_commit(f->store, &txn, &err));
	assert_int_equal(own.s, 1);
	assert_int_equal(own.t, 1);
	assert_true(comes(&others.s, 1) && comes(&others.t, 1));
	/* What was not kept is not told. */
	facts[0].only_new = true;
	assert_false(store_commit(f->store, &txn, &err));
	error_clear(&err);
	struct store_fact odd = {.shelf = S("a shelf"), .key = S("k"), .value = S("v")};
	int before = others.any;
	assert_true(store_fact_put(f->store, &odd, &err));
	assert_true(!f->postgres || comes(&others.any, before + 1));
	assert_int_equal(own.s, 1);
	assert_int_equal(own.quiet + others.quiet, 0);
	store_unwatch_facts(f->store, hear, &own);
	struct store_fact more = fact_of("z", "1");
	assert_true(store_fact_put(second, &more, &err));
	assert_true(comes(&others.s, 2));
	assert_int_equal(own.s, 1);
	store_unwatch_facts(second, hear, &others);
	if (second != f->store)
		store_close(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_conditions), TEST(test_together), TEST(test_expiry), TEST(test_list),
		TEST(test_limits),     TEST(test_race),	    TEST(test_watch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
