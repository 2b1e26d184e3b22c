/* Rows of parameters that are added after the versions were written: found, replaced, and nothing else touched. */
#include <stdio.h>

#include "fixture.h"

#define NICKNAME(use)                                                                                                  \
	"{\"resourceType\":\"SearchParameter\",\"url\":\"http://x/"                                                    \
	"nickname\",\"status\":\"active\",\"code\":\"nickname\","                                                      \
	"\"base\":[\"Patient\"],\"type\":\"string\",\"expression\":\"Patient.name.where(use='" use "').given\"}"

#define PATIENT(id, nickname)                                                                                          \
	"{\"resourceType\":\"Patient\",\"id\":\"" id "\",\"name\":[{\"use\":\"nickname\",\"given\":[\"" nickname       \
	"\"]},{\"use\":\"old\",\"given\":[\"Methuselah\"]}]}"

struct added {
	struct search_registry *registry;
	struct extractor *extractor;
};

static struct added add(struct fixture *f, const char *text)
{
	struct added a;
	struct error err = {0};
	const struct json *resource = json_parse(&f->arena, str_from(text), 0, &err);
	a.registry = search_registry_new(f->definitions, &resource, 1, &err);
	assert_string_equal(err.text, "");
	a.extractor = extractor_new_registry(f->definitions, a.registry, &err);
	assert_non_null(a.extractor);
	return a;
}

static void done(struct added *a)
{
	extractor_free(a->extractor);
	search_registry_free(a->registry);
}

/* The ids that a query finds, with blanks between. */
static const char *found(struct fixture *f, const struct added *a, const char *query, struct store_page *ret_page)
{
	struct error err = {0};
	struct search_query q;
	struct search_options options = {.registry = a->registry};
	char *ids = arena_alloc(&f->arena, 256);
	assert_true(
		search_parse(f->definitions, &f->arena, type_named(f, "Patient"), str_from(query), &options, &q, &err));
	if (!store_search(f->store, &f->arena, &q, &(struct store_search_options){0}, ret_page, &err))
		fail_msg("%s: %s", query, err.text);
	ids[0] = '\0';
	for (size_t i = 0; i < ret_page->count; i++)
		snprintf(ids + strlen(ids), 256 - strlen(ids), "%s%.*s", i ? " " : "",
			 STR_ARG(ret_page->entries[i].id));
	return ids;
}

/* Gives all patients the rows of the parameter; how many changed. */
static int64_t give(struct fixture *f, const struct added *a)
{
	struct store_page page;
	struct store_rows versions[16];
	struct error err = {0};
	const struct search_param *param = search_registry_param(a->registry, type_named(f, "Patient"), S("nickname"));
	found(f, a, "_sort=_id", &page);
	for (size_t i = 0; i < page.count; i++) {
		struct index_rows rows;
		size_t count = 0;
		const struct json *body = json_parse(&f->arena, page.entries[i].body, 0, &err);
		assert_true(extract(a->extractor, &f->arena, body, STR_NULL, &rows, &err));
		for (size_t k = 0; k < rows.count; k++)
			if (rows.rows[k].param == param)
				rows.rows[count++] = rows.rows[k];
		versions[i] = (struct store_rows){page.entries[i].vid, rows.rows, count};
	}
	struct store_adding adding = {type_named(f, "Patient"), &param, 1, versions, page.count, 0};
	if (!store_add_rows(f->store, &adding, &err))
		fail_msg("%s", err.text);
	return adding.given;
}

static void check_store(struct fixture *f)
{
	struct store_kept kept;
	struct error err = {0};
	struct store_keeping k = {.extractor = f->extractor};
	assert_true(store_check(f->store, &k, &kept, &err));
	assert_int_equal(kept.findings, 0);
}

static void try_adding(struct fixture *f, bool indexed)
{
	struct store_page page;
	put(f, PATIENT("a", "Bob"));
	put(f, PATIENT("b", "Rob"));
	put(f, PATIENT("b", "Bobby"));
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"c\",\"gender\":\"male\"}");
	if (indexed)
		fixture_reopen(f);
	struct added a = add(f, NICKNAME("nickname"));
	assert_string_equal(found(f, &a, "nickname=bob", &page), "");
	assert_int_equal(give(f, &a), 2);
	assert_int_equal(give(f, &a), 0);
	assert_string_equal(found(f, &a, "nickname=bob&_sort=_id", &page), "a b");
	assert_string_equal(found(f, &a, "nickname=rob", &page), "");
	assert_string_equal(found(f, &a, "nickname:missing=true", &page), "c");
	assert_string_equal(found(f, &a, "given=methuselah&nickname:exact=Bobby", &page), "b");
	check_store(f);
	fixture_reopen(f);
	assert_string_equal(found(f, &a, "nickname=bob&_sort=-nickname", &page), "b a");
	check_store(f);
	done(&a);
	/* Another meaning of the same code takes the place of the first. */
	a = add(f, NICKNAME("old"));
	assert_int_equal(give(f, &a), 2);
	assert_string_equal(found(f, &a, "nickname=bob", &page), "");
	assert_string_equal(found(f, &a, "nickname=meth&_sort=_id", &page), "a b");
	fixture_reopen(f);
	assert_string_equal(found(f, &a, "nickname=bob", &page), "");
	assert_string_equal(found(f, &a, "nickname=meth&_sort=_id", &page), "a b");
	check_store(f);
	done(&a);
}

static void test_before_indexing(void **state)
{
	try_adding(*state, false);
}

static void test_after_indexing(void **state)
{
	try_adding(*state, true);
}

/* A version that was replaced keeps what it has. */
static void test_only_current(void **state)
{
	struct fixture *f = *state;
	struct store_page page;
	struct error err = {0};
	struct added a = add(f, NICKNAME("nickname"));
	put(f, PATIENT("a", "Bob"));
	found(f, &a, "_id=a", &page);
	put(f, PATIENT("a", "Ann"));
	const struct search_param *param = search_registry_param(a.registry, type_named(f, "Patient"), S("nickname"));
	struct store_rows version = {page.entries->vid, NULL, 0};
	struct store_adding adding = {type_named(f, "Patient"), &param, 1, &version, 1, 0};
	assert_true(store_add_rows(f->store, &adding, &err));
	assert_int_equal(adding.given, 0);
	check_store(f);
	done(&a);
}

static const char *revision(struct fixture *f)
{
	struct error err = {0};
	struct str text;
	assert_true(store_revision(f->store, &f->arena, &text, &err));
	return text.p;
}

static void count_calls(void *ctx, struct str shelf)
{
	*(int *)ctx += str_eq(shelf, STORE_REVISION);
}

/* Changes of search parameters are counted, told, and what was prepared before one is refused. */
static void test_revision(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	int calls = 0;
	assert_true(store_watch_facts(f->store, count_calls, &calls, &err));
	assert_string_equal(revision(f), "0");
	put(f, PATIENT("a", "Bob"));
	assert_string_equal(revision(f), "0");
	put(f, "{\"resourceType\":\"SearchParameter\",\"id\":\"s\"}");
	put(f, "{\"resourceType\":\"SearchParameter\",\"id\":\"s\",\"code\":\"s\"}");
	assert_string_equal(revision(f), "2");
	assert_int_equal(calls, 2);
	struct store_change change = change_of(f, &f->arena, STORE_UPDATE, PATIENT("a", "Ann"));
	struct store_txn txn = {.changes = &change, .change_count = 1, .revision = S("1")};
	assert_false(store_commit(f->store, &txn, &err));
	assert_int_equal(err.code, ERR_CONFLICT_RETRY);
	assert_true(txn.stale);
	error_clear(&err);
	txn.revision = S("2");
	assert_true(store_commit(f->store, &txn, &err));
	assert_false(txn.stale);
	assert_int_equal(change.version, 2);
	struct store_change gone = deletion_of(f, "SearchParameter", "s");
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	assert_string_equal(revision(f), "3");
	assert_int_equal(calls, 3);
	store_unwatch_facts(f->store, count_calls, &calls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_before_indexing, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_after_indexing, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_only_current, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_revision, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
