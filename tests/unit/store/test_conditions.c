/* Conditions under which a write is made: guards over searches, updates that change nothing, versions that do not fit.
 */
#include <stdio.h>

#include "fixture.h"

#define ACTIVE(id)  "{\"resourceType\":\"Patient\",\"id\":\"" id "\",\"active\":true}"
#define PASSIVE(id) "{\"resourceType\":\"Patient\",\"id\":\"" id "\",\"active\":false}"
#define NAMED(id)                                                                                                      \
	"{\"resourceType\":\"Patient\",\"id\":\"" id "\",\"identifier\":[{\"system\":\"urn:s\",\"value\":\"v\"}]}"

/* ---- no change -----------------------------------------------------------------------------------------------------
 */

static struct store_change same_change(struct fixture *f, const char *json)
{
	struct store_change c = change_of(f, &f->arena, STORE_UPDATE, json);
	c.same = true;
	return c;
}

static void check_same(struct fixture *f, const char *json, bool unchanged, int64_t version)
{
	struct store_change c = same_change(f, json);
	assert_int_equal(commit_change(f, &c), ERR_NONE);
	assert_int_equal(c.unchanged, unchanged);
	assert_int_equal(c.version, version);
	assert_int_not_equal(c.updated_ms, 0);
	assert_false(c.created && version > 1);
}

static void test_same(void **state)
{
	struct fixture *f = *state;
	struct store_change gone = deletion_of(f, "Patient", "a");
	check_same(f, ACTIVE("a"), false, 1);
	check_same(f, ACTIVE("a"), true, 1);
	check_same(f, PASSIVE("a"), false, 2);
	check_same(f, ACTIVE("a"), false, 3);
	fixture_reopen(f);
	check_same(f, ACTIVE("a"), true, 3);
	/* Who does not ask for it gets a new version. */
	assert_int_equal(put(f, ACTIVE("a")), 4);
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	struct store_change c = same_change(f, ACTIVE("a"));
	assert_int_equal(commit_change(f, &c), ERR_NONE);
	assert_false(c.unchanged);
	assert_true(c.created);
	assert_int_equal(c.version, 6);
	/* Conditions come first. */
	c = same_change(f, ACTIVE("a"));
	c.if_match = 5;
	assert_int_equal(commit_change(f, &c), ERR_PRECONDITION);
	assert_int_equal(c.version, 6);
}

static void test_same_in_one_transaction(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	put(f, ACTIVE("a"));
	struct store_change changes[] = {same_change(f, PASSIVE("a")), same_change(f, PASSIVE("a")),
					 same_change(f, ACTIVE("a"))};
	struct audit_event events[] = {
		{.action = 'U', .type = S("Patient")}, {.action = 'U', .type = S("Patient")}, {.action = 'U'}};
	struct store_txn txn = {.changes = changes, .change_count = 3, .events = events, .event_count = 3};
	assert_true(store_commit(f->store, &txn, &err));
	assert_int_equal(changes[0].version, 2);
	assert_true(changes[1].unchanged);
	assert_int_equal(changes[1].version, 2);
	assert_int_equal(changes[2].version, 3);
	/* A transaction that fails leaves no trace in what the next one compares with. */
	struct store_change failing[] = {same_change(f, PASSIVE("a")), same_change(f, ACTIVE("b"))};
	failing[1].must_exist = true;
	txn = (struct store_txn){.changes = failing, .change_count = 2};
	assert_false(store_commit(f->store, &txn, &err));
	check_same(f, ACTIVE("a"), true, 3);
}

/* ---- guards --------------------------------------------------------------------------------------------------------
 */

static struct search_query query_of(struct fixture *f, const char *type, const char *text)
{
	struct search_query q;
	struct search_options options = {0};
	struct error err = {0};
	assert_true(search_parse(f->definitions, &f->arena, type_named(f, type), str_from(text), &options, &q, &err));
	return q;
}

static int64_t snapshot_of(struct fixture *f, const struct search_query *q)
{
	struct store_page page;
	struct error err = {0};
	assert_true(store_search(f->store, &f->arena, q, NULL, &page, &err));
	return page.snapshot;
}

static enum error_code guarded(struct fixture *f, const char *json, const struct store_guard *guard)
{
	struct store_change c = change_of(f, &f->arena, STORE_UPDATE, json);
	struct error err = {0};
	struct store_txn txn = {.changes = &c, .change_count = 1, .guards = guard, .guard_count = 1};
	bool ok = store_commit(f->store, &txn, &err);
	assert_int_equal(ok, err.code == ERR_NONE);
	return err.code;
}

static const struct guard_case {
	const char *type, *query; /* what is searched for */
	const char *meanwhile; /* what is written between search and commit */
	bool holds;
} guard_cases[] = {
	{"Patient", "identifier=urn:s|v", NULL, true},
	{"Patient", "identifier=urn:s|v", NAMED("x"), false},
	{"Patient", "identifier=v", NAMED("x"), false},
	{"Patient", "identifier=urn:s|w", NAMED("x"), true},
	{"Patient", "identifier=urn:s|v", ACTIVE("x"), true},
	{"Patient", "active=true", ACTIVE("x"), false},
	{"Patient", "_id=x", ACTIVE("x"), false},
	{"Patient", "_id=y", ACTIVE("x"), true},
	{"Patient", "", ACTIVE("x"), false},
	{"Observation", "", ACTIVE("x"), true},
	{"Observation", "subject=Patient/new",
	 "{\"resourceType\":\"Observation\",\"id\":\"x\",\"status\":\"final\",\"code\":{\"text\":\"c\"},"
	 "\"subject\":{\"reference\":\"Patient/new\"}}",
	 false},
};

static void test_guards(void **state)
{
	struct fixture *f = *state;
	put(f, ACTIVE("first"));
	for (size_t i = 0; i < sizeof(guard_cases) / sizeof(guard_cases[0]); i++) {
		const struct guard_case *c = &guard_cases[i];
		struct search_query q = query_of(f, c->type, c->query);
		struct store_guard guard = {&q, snapshot_of(f, &q)};
		if (c->meanwhile)
			put(f, c->meanwhile);
		enum error_code code = guarded(f, "{\"resourceType\":\"Device\",\"id\":\"d\"}", &guard);
		if (code != (c->holds ? ERR_NONE : ERR_CONFLICT_RETRY))
			fail_msg("%s?%s: %s", c->type, c->query, error_name(code));
	}
	/* Searched anew it holds again. */
	struct search_query q = query_of(f, "Patient", "identifier=urn:s|v");
	struct store_guard guard = {&q, snapshot_of(f, &q)};
	assert_int_equal(guarded(f, NAMED("y"), &guard), ERR_NONE);
	assert_int_equal(guarded(f, NAMED("z"), &guard), ERR_CONFLICT_RETRY);
	assert_string_equal(get(f, "Patient", "z", 0), "NOT_FOUND");
}

/* Only what is current counts: a version that came and went since does not. */
static void test_guard_of_what_is_gone(void **state)
{
	struct fixture *f = *state;
	struct search_query q = query_of(f, "Patient", "identifier=urn:s|v");
	struct store_change gone = deletion_of(f, "Patient", "x");
	put(f, ACTIVE("first"));
	struct store_guard guard = {&q, snapshot_of(f, &q)};
	put(f, NAMED("x"));
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	assert_int_equal(guarded(f, NAMED("y"), &guard), ERR_NONE);
}

/* ---- many at once: of all that search, find nothing and create, one wins --------------------------------------------
 */

enum { WRITERS = 200 };

struct race {
	struct store_change change;
	struct store_txn txn;
	char id[16];
	_Atomic int *left, *won, *retry;
};

static void race_done(void *ctx, struct store_txn *txn)
{
	struct race *r = ctx;
	if (txn->err.code == ERR_NONE)
		++*r->won;
	else if (txn->err.code == ERR_CONFLICT_RETRY)
		++*r->retry;
	--*r->left;
}

static void test_one_wins(void **state)
{
	struct fixture *f = *state;
	static struct race races[WRITERS];
	_Atomic int left = WRITERS, won = 0, retry = 0;
	put(f, ACTIVE("first"));
	struct search_query q = query_of(f, "Observation", "subject=Patient/new");
	struct store_guard guard = {&q, snapshot_of(f, &q)};
	for (int i = 0; i < WRITERS; i++) {
		struct race *r = &races[i];
		*r = (struct race){.left = &left, .won = &won, .retry = &retry};
		r->change = change_of(f, &f->arena, STORE_CREATE,
				      "{\"resourceType\":\"Observation\",\"id\":\"x\",\"status\":\"final\",\"code\":{"
				      "\"text\":\"c\"},\"subject\":{\"reference\":\"Patient/new\"}}");
		snprintf(r->id, sizeof(r->id), "o%d", i);
		r->change.id = str_from(r->id);
		r->txn = (struct store_txn){.changes = &r->change,
					    .change_count = 1,
					    .guards = &guard,
					    .guard_count = 1,
					    .done = race_done,
					    .ctx = r};
	}
	for (int i = 0; i < WRITERS; i++)
		store_submit(f->store, &races[i].txn);
	fixture_reopen(f);
	assert_int_equal(left, 0);
	assert_int_equal(won, 1);
	assert_int_equal(retry, WRITERS - 1);
}

/* ---- texts ---------------------------------------------------------------------------------------------------------
 */

static void check_text(struct fixture *f, struct store_change c, const char *text)
{
	struct error err = {0};
	struct store_txn txn = {.changes = &c, .change_count = 1};
	assert_false(store_commit(f->store, &txn, &err));
	assert_string_equal(err.text, text);
}

static void test_both_versions_are_told(void **state)
{
	struct fixture *f = *state;
	struct store_change gone = deletion_of(f, "Patient", "b");
	put(f, ACTIVE("a"));
	put(f, PASSIVE("a"));
	put(f, ACTIVE("b"));
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	struct store_change c = change_of(f, &f->arena, STORE_UPDATE, ACTIVE("a"));
	c.if_match = 1;
	check_text(f, c, "If-Match names version 1, but the current version is 2");
	c.op = STORE_CREATE;
	check_text(f, c, "A Patient with this id exists already; its current version is 2");
	c = change_of(f, &f->arena, STORE_UPDATE, ACTIVE("b"));
	c.if_match = 1;
	check_text(f, c, "If-Match names version 1, but this Patient was deleted in version 2");
	c = change_of(f, &f->arena, STORE_UPDATE, ACTIVE("c"));
	c.if_match = 7;
	check_text(f, c, "If-Match names version 7, but there is no current version of this Patient");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_same),     TEST(test_same_in_one_transaction),
		TEST(test_guards),   TEST(test_guard_of_what_is_gone),
		TEST(test_one_wins), TEST(test_both_versions_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
