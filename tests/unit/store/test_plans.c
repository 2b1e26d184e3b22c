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

/* Tables of a few rows, and walks whose purpose is to see everything. */
static bool may_scan(const char *name)
{
	static const char *const names[] = {"TYPE_COUNTS",  "AUDIT_WALK", "AUDIT_HEAD",	     "AUDIT_SET_HEAD",
					    "DICTIONARIES", "RIDS_OF_ID", "LAST_TIME",	     "INDEXED",
					    "INDEXED_SET",  "PARAMS",	  "CHECK_RESOURCES", "CHECK_TYPES"};
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
	if (f->postgres)
		skip();
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
	for (int form = 0; form < FORM_COUNT; form++) {
		for (int use = 0; use < ARM_USES; use++) {
			struct buf sql;
			if (form == FORM_TAIL && use == ARM_PROBE)
				continue; /* the last few are never counted */
			buf_init(&sql, 4096);
			arm_sql(&sql, (enum seek_form)form, (enum arm_use)use);
			buf_add(&sql, str_make("", 1));
			assert_true(buf_ok(&sql));
			check_plan(db, seek_forms[form].name, sql.p, true);
			buf_done(&sql);
		}
	}
	sqlite3_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_statements), TEST(test_arms)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
