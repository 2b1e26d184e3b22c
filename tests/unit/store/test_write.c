/* Writing and reading: versions, conditions, transactions, histories, facts, and what outlives a restart. */
#include "fixture.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_versions(void **state)
{
	struct fixture *f = *state;
	struct store_change c =
		change_of(f, &f->arena, STORE_CREATE, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true}");
	assert_string_equal(get(f, "Patient", "a", 0), "NOT_FOUND");
	assert_int_equal(commit_change(f, &c), ERR_NONE);
	assert_int_equal(c.version, 1);
	assert_true(c.created);
	assert_true(c.updated_ms > 1600000000000);
	const char *body = get(f, "Patient", "a", 0);
	assert_non_null(strstr(body, "\"versionId\":\"1\""));
	assert_non_null(strstr(body, "\"lastUpdated\":\"2"));
	assert_non_null(strstr(body, "\"active\":true"));
	assert_int_equal(commit_change(f, &c), ERR_CONFLICT);
	assert_int_equal(put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":false}"), 2);
	assert_non_null(strstr(get(f, "Patient", "a", 0), "\"active\":false"));
	assert_non_null(strstr(get(f, "Patient", "a", 1), "\"active\":true"));
	assert_non_null(strstr(get(f, "Patient", "a", 2), "\"active\":false"));
	assert_string_equal(get(f, "Patient", "a", 3), "NOT_FOUND");
	assert_string_equal(get(f, "Patient", "A", 0), "NOT_FOUND");
	assert_string_equal(get(f, "Group", "a", 0), "NOT_FOUND");
}

static void test_delete_and_return(void **state)
{
	struct fixture *f = *state;
	struct store_change gone = deletion_of(f, "Patient", "a");
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	assert_true(gone.unchanged);
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	assert_false(gone.unchanged);
	assert_int_equal(gone.version, 2);
	assert_string_equal(get(f, "Patient", "a", 0), "GONE");
	struct store_entry e = {0};
	struct error err = {0};
	assert_false(store_read(f->store, &f->arena, type_named(f, "Patient"), S("a"), 0, &e, &err));
	assert_int_equal(e.version, 2);
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	assert_true(gone.unchanged);
	struct store_change again =
		change_of(f, &f->arena, STORE_CREATE, "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
	assert_int_equal(commit_change(f, &again), ERR_NONE);
	assert_int_equal(again.version, 3);
	assert_true(again.created);
	assert_string_equal(get(f, "Patient", "a", 2), "GONE");
	assert_non_null(strstr(get(f, "Patient", "a", 1), "\"versionId\":\"1\""));
}

static void test_conditions(void **state)
{
	struct fixture *f = *state;
	struct store_change c =
		change_of(f, &f->arena, STORE_UPDATE, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true}");
	c.must_exist = true;
	assert_int_equal(commit_change(f, &c), ERR_NOT_FOUND);
	c.must_exist = false;
	c.if_match = 1;
	assert_int_equal(commit_change(f, &c), ERR_PRECONDITION);
	c.if_match = 0;
	assert_int_equal(commit_change(f, &c), ERR_NONE);
	c.if_match = 1;
	assert_int_equal(commit_change(f, &c), ERR_NONE);
	assert_int_equal(c.version, 2);
	assert_false(c.created);
	assert_int_equal(commit_change(f, &c), ERR_PRECONDITION);
	assert_int_equal(c.version, 2);
	struct store_change gone = deletion_of(f, "Patient", "a");
	gone.if_match = 1;
	assert_int_equal(commit_change(f, &gone), ERR_PRECONDITION);
	gone.if_match = 2;
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	c.if_match = 3;
	assert_int_equal(commit_change(f, &c), ERR_PRECONDITION);
}

static void test_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"old\"}");
	struct store_change changes[3] = {
		change_of(f, &f->arena, STORE_CREATE, "{\"resourceType\":\"Patient\",\"id\":\"new\"}"),
		change_of(f, &f->arena, STORE_UPDATE, "{\"resourceType\":\"Patient\",\"id\":\"old\",\"active\":true}"),
		change_of(f, &f->arena, STORE_CREATE, "{\"resourceType\":\"Patient\",\"id\":\"old\"}"),
	};
	struct audit_event event = {.action = 'C', .interaction = S("transaction"), .type = S("Patient")};
	struct store_txn txn = {.changes = changes, .change_count = 3, .events = &event, .event_count = 1};
	struct error err = {0};
	assert_false(store_commit(f->store, &txn, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_int_equal(txn.failed, 2);
	assert_string_equal(get(f, "Patient", "new", 0), "NOT_FOUND");
	assert_non_null(strstr(get(f, "Patient", "old", 0), "\"versionId\":\"1\""));
	struct audit_row *rows;
	size_t count = 9;
	error_clear(&err);
	assert_true(store_audit_list(f->store, &f->arena, 0, 10, &rows, &count, &err));
	assert_int_equal(count, 0);
	changes[2].op = STORE_UPDATE;
	assert_true(store_commit(f->store, &txn, &err));
	assert_int_equal(changes[1].version, 2);
	assert_int_equal(changes[2].version, 3);
	assert_non_null(strstr(get(f, "Patient", "old", 2), "\"active\":true"));
	assert_null(strstr(get(f, "Patient", "old", 0), "active"));
	assert_true(store_audit_list(f->store, &f->arena, 0, 10, &rows, &count, &err));
	assert_int_equal(count, 1);
	assert_true(str_eq(rows[0].event.id, S("new")));
	assert_int_equal(rows[0].event.version, 1);
}

static void test_referred_to_is_not_there(void **state)
{
	struct fixture *f = *state;
	put(f, "{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
	       "\"subject\":{\"reference\":\"Patient/p\"}}");
	assert_string_equal(get(f, "Patient", "p", 0), "NOT_FOUND");
	assert_string_equal(get(f, "Patient", "p", 1), "NOT_FOUND");
	struct store_change gone = deletion_of(f, "Patient", "p");
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	assert_true(gone.unchanged);
	assert_int_equal(put(f, "{\"resourceType\":\"Patient\",\"id\":\"p\"}"), 1);
	assert_non_null(strstr(get(f, "Patient", "p", 0), "\"versionId\":\"1\""));
}

static void test_counts(void **state)
{
	struct fixture *f = *state;
	struct store_count *counts;
	size_t count;
	struct error err = {0};
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"b\"}");
	put(f, "{\"resourceType\":\"Group\",\"id\":\"b\",\"type\":\"person\",\"actual\":true}");
	struct store_change gone = deletion_of(f, "Group", "b");
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	fixture_reopen(f);
	assert_true(store_counts(f->store, &f->arena, &counts, &count, &err));
	assert_int_equal(count, 1);
	assert_ptr_equal(counts[0].type, type_named(f, "Patient"));
	assert_int_equal(counts[0].count, 2);
}

static void test_large_and_binary(void **state)
{
	struct fixture *f = *state;
	struct buf text;
	buf_init(&text, 1 << 22);
	buf_add(&text, S("{\"resourceType\":\"Binary\",\"id\":\"big\",\"contentType\":\"a/b\",\"data\":\""));
	for (uint32_t i = 1, x = 1; i < 500000; i++) {
		x = x * 1664525 + 1013904223;
		buf_char(&text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[x >> 27]);
	}
	buf_add(&text, S("\"}"));
	buf_char(&text, '\0');
	put(f, text.p);
	fixture_reopen(f);
	const char *body = get(f, "Binary", "big", 0);
	assert_string_equal(strstr(body, "\"data\""), strstr(text.p, "\"data\""));
	buf_done(&text);
}

static void test_facts(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct str value = S("unset");
	assert_true(store_fact_get(f->store, &f->arena, S("jti"), S("k"), &value, &err));
	assert_null(value.p);
	struct store_fact fact = {S("jti"), S("k"), str_make("v\0w", 3), 0, true};
	assert_true(store_fact_put(f->store, &fact, &err));
	assert_false(store_fact_put(f->store, &fact, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	error_clear(&err);
	fixture_reopen(f);
	assert_true(store_fact_get(f->store, &f->arena, S("jti"), S("k"), &value, &err));
	assert_int_equal(value.n, 3);
	assert_memory_equal(value.p, "v\0w", 3);
	assert_true(store_fact_get(f->store, &f->arena, S("other"), S("k"), &value, &err));
	assert_null(value.p);
	fact.only_new = false;
	fact.value = S("");
	assert_true(store_fact_put(f->store, &fact, &err));
	assert_true(store_fact_get(f->store, &f->arena, S("jti"), S("k"), &value, &err));
	assert_non_null(value.p);
	assert_int_equal(value.n, 0);
	fact.value = STR_NULL;
	assert_true(store_fact_put(f->store, &fact, &err));
	assert_true(store_fact_get(f->store, &f->arena, S("jti"), S("k"), &value, &err));
	assert_null(value.p);
	fact = (struct store_fact){S("jti"), S("k"), S("old"), 1000, true};
	assert_true(store_fact_put(f->store, &fact, &err));
	assert_true(store_fact_get(f->store, &f->arena, S("jti"), S("k"), &value, &err));
	assert_null(value.p);
	assert_true(store_fact_put(f->store, &fact, &err));
}

static void test_tenants(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	char name[40];
	bool there = true;
	snprintf(name, sizeof(name), "other-%d", (int)getpid());
	assert_true(store_has_tenant(f->store, str_from(name), &there, &err));
	assert_false(there);
	struct store_options options = {.definitions = f->definitions, .tenant = str_from(name)};
	struct store *other = store_open(str_from(f->location), &options, &err);
	assert_string_equal(err.text, "");
	assert_true(store_has_tenant(f->store, str_from(name), &there, &err));
	assert_true(there);
	assert_true(store_has_tenant(f->store, S("../x"), &there, &err));
	assert_false(there);
	store_close(other);
	options.tenant = STR_NULL;
	assert_true(store_tenant_remove(str_from(f->location), str_from(name), &options, &err));
	assert_true(store_has_tenant(f->store, str_from(name), &there, &err));
	assert_false(there);
}

/* One writer only, and files for nobody else. */
static void check_files(struct fixture *f)
{
	struct error err = {0};
	assert_null(store_open(str_from(f->location), &(struct store_options){.definitions = f->definitions}, &err));
	assert_non_null(strstr(err.text, "another process"));
	struct stat info;
	assert_int_equal(stat(f->location, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	assert_int_equal(stat(f->file, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

static void test_opening(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct store_options reading = fixture_options(f);
	reading.read_only = true;
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
	if (!f->postgres)
		check_files(f);
	struct store *reader = store_open(str_from(f->location), &reading, &err);
	assert_non_null(reader);
	struct store_entry e;
	assert_true(store_read(reader, &f->arena, type_named(f, "Patient"), S("a"), 0, &e, &err));
	struct store_change c = deletion_of(f, "Patient", "a");
	struct store_txn txn = {.changes = &c, .change_count = 1};
	assert_false(store_commit(reader, &txn, &err));
	store_close(reader);
	error_clear(&err);
	assert_null(store_open(S("/nowhere/at/all"), &reading, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_versions),
		TEST(test_delete_and_return),
		TEST(test_conditions),
		TEST(test_all_or_nothing),
		TEST(test_referred_to_is_not_there),
		TEST(test_counts),
		TEST(test_large_and_binary),
		TEST(test_facts),
		TEST(test_tenants),
		TEST(test_opening),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
