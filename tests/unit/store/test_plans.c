/* How SQLite goes about the statements: none that serves requests may walk through a whole table. */
#include "fixture.h"

#include <stdio.h>

#include "store/sqlite/sqlite_priv.h"

static const struct {
	const char *name, *sql;
} statements[] = {
#define STATEMENT(name, sql) {#name, sql},
#include "store/sqlite/statements.def"
#undef STATEMENT
};

static const struct {
	const char *name, *where;
	bool ordered;
} arms[] = {
#define ARM(name, ordered, where) {#name, where, ordered},
#include "store/sqlite/arms.def"
#undef ARM
};

/* Tables of a few rows, and walks whose purpose is to see everything. */
static bool may_scan(const char *name)
{
	static const char *const names[] = {"TYPE_COUNTS", "AUDIT_WALK", "AUDIT_HEAD", "AUDIT_SET_HEAD", "DICTIONARIES",
					    "RIDS_OF_ID",  "LAST_TIME",	 "INDEXED",    "INDEXED_SET"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void check_plan(sqlite3 *db, const char *name, const char *sql, bool ordered)
{
	char text[2000];
	sqlite3_stmt *s;
	snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", sql);
	if (sqlite3_prepare_v2(db, text, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", name, sqlite3_errmsg(db));
	while (sqlite3_step(s) == SQLITE_ROW) {
		const char *step = (const char *)sqlite3_column_text(s, 3);
		if (strstr(step, "SCAN") && !strstr(step, "SCAN (subquery") && !may_scan(name))
			fail_msg("%s: %s", name, step);
		if (strstr(step, "USE TEMP B-TREE") && ordered)
			fail_msg("%s: %s", name, step);
	}
	sqlite3_finalize(s);
}

static sqlite3 *open_file(struct fixture *f)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
	return db;
}

static void test_statements(void **state)
{
	sqlite3 *db = open_file(*state);
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		check_plan(db, statements[i].name, statements[i].sql, strcmp(statements[i].name, "TYPE_COUNTS") != 0);
	sqlite3_close(db);
}

static void test_arms(void **state)
{
	sqlite3 *db = open_file(*state);
	char sql[1000];
	for (size_t i = 0; i < sizeof(arms) / sizeof(arms[0]); i++) {
		for (int descending = 0; descending < 2; descending++) {
			snprintf(sql, sizeof(sql), "SELECT vid FROM %s AND vid > ? AND vid <= ?%s", arms[i].where,
				 !arms[i].ordered ? ""
				 : descending	  ? " ORDER BY vid DESC"
						  : " ORDER BY vid");
			check_plan(db, arms[i].name, sql, true);
		}
		snprintf(sql, sizeof(sql),
			 "SELECT vid FROM %s AND vid > ? UNION SELECT vid FROM %s AND vid > ? ORDER BY vid",
			 arms[i].where, arms[i].where);
		if (arms[i].ordered)
			check_plan(db, arms[i].name, sql, true);
	}
	sqlite3_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_statements), TEST(test_arms)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
