/* Old stores become new ones: with a proved backup beside them, whole or not at all, and never from the future. */
#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

extern const char store_migration_first[]; /* the schema of version 1 */

static void run_sql(const char *file, const char *sql)
{
	sqlite3 *db = NULL;
	char *text = NULL;
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
		fail_msg("%s", text);
	sqlite3_close(db);
}

static int64_t number(const char *file, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return value;
}

/* A store of version 1 in place of the empty one. */
static void make_old(struct fixture *f)
{
	static char content[1 << 16];
	store_close(f->store);
	f->store = NULL;
	assert_int_equal(unlink(f->file), 0);
	FILE *in = fopen(VERSION1_SQL, "r");
	assert_non_null(in);
	size_t n = fread(content, 1, sizeof(content) - 1, in);
	content[n] = 0;
	fclose(in);
	run_sql(f->file, "PRAGMA journal_mode = WAL");
	run_sql(f->file, store_migration_first);
	run_sql(f->file, content);
}

static struct store *open_it(struct fixture *f, bool read_only, struct error *err)
{
	struct store_options options = {.definitions = f->definitions, .read_only = read_only};
	return store_open(str_from(f->location), &options, err);
}

static size_t backups(struct fixture *f, char ret_first[256])
{
	glob_t found;
	char pattern[128];
	snprintf(pattern, sizeof(pattern), "%s/firth-schema1-*.sqlite", f->location);
	size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	if (count)
		snprintf(ret_first, 256, "%s", found.gl_pathv[0]);
	globfree(&found);
	return count;
}

static void check_content(struct fixture *f)
{
	struct store_keeping k = {.extractor = f->extractor};
	struct store_kept kept;
	struct error err = {0};
	assert_non_null(strstr(get(f, "Patient", "a", 0), "\"New\""));
	assert_non_null(strstr(get(f, "Patient", "a", 1), "\"Old\""));
	assert_non_null(strstr(get(f, "Observation", "o", 0), "8480-6"));
	assert_string_equal(get(f, "Device", "g", 0), "GONE");
	assert_true(store_check(f->store, &k, &kept, &err));
	assert_int_equal(kept.findings, 0);
	assert_int_equal(kept.versions, 5);
	/* The deletion is in the history of its type. */
	struct store_history_query q = {.type = type_named(f, "Device"), .max = 10};
	struct store_page page;
	assert_true(store_history(f->store, &f->arena, &q, &page, &err));
	assert_int_equal(page.count, 2);
	assert_int_equal(page.entries[0].op, STORE_DELETE);
}

static void test_upgrade(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	char backup[256] = "";
	make_old(f);
	/* Who only reads does not change it. */
	assert_null(open_it(f, true, &err));
	assert_non_null(strstr(err.text, "schema version 1"));
	error_clear(&err);
	f->store = open_it(f, false, &err);
	assert_string_equal(err.text, "");
	check_content(f);
	assert_int_equal(backups(f, backup), 1);
	assert_int_equal(number(backup, "SELECT value FROM meta WHERE key = 'schema'"), 1);
	assert_int_equal(number(backup, "SELECT count(*) FROM version"), 5);
	/* Writing goes on: what was kept without a hash counts as changed, then no longer. */
	struct store_entry e;
	assert_true(store_read(f->store, &f->arena, type_named(f, "Observation"), S("o"), 0, &e, &err));
	fixture_reopen(f);
	check_content(f);
	assert_int_equal(backups(f, backup), 1);
}

static void test_newer_is_refused(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	char backup[256];
	store_close(f->store);
	f->store = NULL;
	run_sql(f->file, "UPDATE meta SET value = 99 WHERE key = 'schema'");
	assert_null(open_it(f, false, &err));
	assert_non_null(strstr(err.text, "schema version 99"));
	error_clear(&err);
	assert_null(open_it(f, true, &err));
	assert_int_equal(backups(f, backup), 0);
	assert_int_equal(number(f->file, "SELECT value FROM meta WHERE key = 'schema'"), 99);
}

/* ---- a crash in the middle -----------------------------------------------------------------------------------------
 */

static void die_at_update(void *ctx, int operation, const char *database, const char *table, sqlite3_int64 rowid)
{
	(void)ctx, (void)operation, (void)rowid;
	if (strcmp(database, "main") == 0 && strcmp(table, "meta") == 0)
		_exit(9);
}

static int die_at_commit(void *ctx)
{
	(void)ctx;
	_exit(9);
}

static int watch(sqlite3 *db, char **text, const struct sqlite3_api_routines *api)
{
	(void)text, (void)api;
	if (sqlite3_db_filename(db, "main") && strstr(sqlite3_db_filename(db, "main"), "firth.sqlite") &&
	    !strstr(sqlite3_db_filename(db, "main"), ".part")) {
		sqlite3_update_hook(db, die_at_update, NULL);
		sqlite3_commit_hook(db, die_at_commit, NULL);
	}
	return SQLITE_OK;
}

static void test_crash_in_the_middle(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	char backup[256];
	int status;
	make_old(f);
	pid_t child = fork();
	if (child == 0) {
		sqlite3_auto_extension((void (*)(void))watch);
		(void)!open_it(f, false, &err);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 9);
	assert_int_equal(number(f->file, "SELECT value FROM meta WHERE key = 'schema'"), 1);
	assert_int_equal(number(f->file, "SELECT count(*) FROM pragma_table_info('version') WHERE name = 'hash'"), 0);
	assert_int_equal(backups(f, backup), 1);
	f->store = open_it(f, false, &err);
	assert_string_equal(err.text, "");
	check_content(f);
}

/* Without a backup there is no upgrade. */
static void test_no_backup_no_upgrade(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	make_old(f);
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	sqlite3_close(db);
	/* A page in the middle of the file is ruined: the copy cannot be whole. */
	FILE *file = fopen(f->file, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 10 * 4096, SEEK_SET), 0);
	for (int i = 0; i < 4096; i++)
		fputc(0xff, file);
	fclose(file);
	assert_null(open_it(f, false, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_int_equal(number(f->file, "SELECT value FROM meta WHERE key = 'schema'"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_upgrade),
		TEST(test_newer_is_refused),
		TEST(test_crash_in_the_middle),
		TEST(test_no_backup_no_upgrade),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
