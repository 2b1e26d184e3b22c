/* Check, reindex, vacuum, backup and restore: each kind of damage is found, and what can be mended is. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"

static void fill(struct fixture *f)
{
	struct store_change gone = deletion_of(f, "Patient", "b");
	struct audit_event event = {.action = 'R', .interaction = S("read")};
	struct error err = {0};
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true,\"name\":[{\"family\":\"Old\"}]}");
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true,\"name\":[{\"family\":\"New\"}]}");
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"b\",\"birthDate\":\"1970-01-01\"}");
	put(f, "{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
	       "\"http://loinc.org\",\"code\":\"8480-6\"}]},\"subject\":{\"reference\":\"Patient/a\"},"
	       "\"valueQuantity\":{\"value\":120,\"unit\":\"mmHg\"}}");
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	assert_true(store_audit(f->store, &event, 1, &err));
	assert_true(store_audit(f->store, &event, 1, &err));
	struct store_fact fact = {.shelf = S("s"), .key = S("k"), .value = S("v"), .expires_ms = INT64_MAX};
	assert_true(store_fact_put(f->store, &fact, &err));
	fixture_reopen(f);
}

struct findings {
	int64_t count;
	char text[4096];
};

static void note(void *ctx, const struct store_finding *found)
{
	struct findings *all = ctx;
	size_t at = strlen(all->text);
	snprintf(all->text + at, sizeof(all->text) - at, "%.*s %.*s\n", STR_ARG(found->where), STR_ARG(found->what));
	all->count++;
}

static struct findings check(struct fixture *f)
{
	struct findings all = {0};
	struct error err = {0};
	struct store_kept kept;
	struct store_keeping k = {.extractor = f->extractor, .finding = note, .ctx = &all};
	if (!store_check(f->store, &k, &kept, &err))
		fail_msg("%s", err.text);
	assert_int_equal(kept.findings, all.count);
	assert_int_equal(kept.audit_rows, all.count ? kept.audit_rows : 2);
	assert_int_equal(kept.facts, 1);
	return all;
}

static void run_sql(const char *file, const char *sql)
{
	sqlite3 *db = NULL;
	char *text = NULL;
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
		fail_msg("%s: %s", sql, text);
	sqlite3_close(db);
}

static const struct damage {
	const char *sql, *finding;
	bool mended; /* by making the index again */
	const char *postgres; /* where it is said otherwise there */
} damages[] = {
	{"UPDATE body SET bytes = X'00', coding = 1 WHERE vid = 1",
	 "Patient/a/_history/1 its content cannot be unpacked", false,
	 "UPDATE body SET bytes = '\\x00', coding = 1 WHERE vid = 1"},
	{"UPDATE body SET bytes = '{', coding = 0 WHERE vid = 1", "Patient/a/_history/1 its content is not JSON",
	 false},
	{"UPDATE body SET bytes = CAST('{\"resourceType\":\"Patient\",\"id\":\"a\"}' AS BLOB), coding = 0 WHERE vid = "
	 "2",
	 "Patient/a/_history/2 its content is not what was stored: the hash differs", false,
	 "UPDATE body SET bytes = '{\"resourceType\":\"Patient\",\"id\":\"a\"}', coding = 0 WHERE vid = 2"},
	{"UPDATE body SET bytes = CAST('{\"resourceType\":\"Patient\",\"id\":\"x\"}' AS BLOB), coding = 0 WHERE vid = "
	 "2",
	 "Patient/a/_history/2 its content names another resource", false,
	 "UPDATE body SET bytes = '{\"resourceType\":\"Patient\",\"id\":\"x\"}', coding = 0 WHERE vid = 2"},
	{"DELETE FROM body WHERE vid = 4", "Observation/o/_history/1 its content has no content", false},
	{"DELETE FROM version WHERE vid = 1", "Patient/a/_history/1 is missing", false},
	{"DELETE FROM past WHERE vid = 1", "Patient/a/_history/2 does not follow the version before: there is a gap",
	 false},
	{"UPDATE version SET died = NULL WHERE vid = 1", "Patient/a/_history/1 does not say what replaced it", false,
	 "UPDATE version SET died = 0 WHERE vid = 1"},
	{"UPDATE version SET died = 4 WHERE vid = 2", "Patient/a/_history/2 is current, but counts as replaced", false},
	{"UPDATE version SET version = 7 WHERE vid = 2", "Patient/a/_history/2 is kept as a version of something else",
	 false},
	{"UPDATE version SET time = 5 WHERE vid = 2", "Patient/a/_history/2 is older than the version before", false},
	{"UPDATE resource SET time = 5 WHERE vid = 2", "Patient/a/_history/2 has another time than its resource",
	 false},
	{"UPDATE type SET count = 9 WHERE name = 'Patient'", "Patient is counted as 9 resources, but there are 1",
	 false},
	{"INSERT INTO version SELECT 99, rid, type, 9, time, op, died, terms, hash FROM version WHERE vid = 1",
	 "version has 6 rows; 5 belong to something", false,
	 "INSERT INTO version SELECT 99, rid, 9, time, died, patient, type, op, hash, terms FROM version WHERE vid = "
	 "1"},
	{"UPDATE audit SET agent = 'x' WHERE number = 1", "audit Audit row 1 was changed", false},
	{"DELETE FROM audit WHERE number = 2", "audit Audit row 2 and all after it are missing", false},
	{"UPDATE fact SET expires = -1", "fact has 1 rows that no program puts", false},
	{"UPDATE version SET terms = X'' WHERE vid = 4",
	 "Observation/o/_history/1 its terms are not those of its content", true,
	 "UPDATE version SET terms = '' WHERE vid = 4"},
	{"DELETE FROM token", "Observation/o/_history/1 lacks index rows that its terms give", true},
	{"DELETE FROM kind WHERE vid = 5", "Patient/b/_history/2 lacks index rows that its terms give", true},
	{"DELETE FROM reference", "Observation/o/_history/1 lacks index rows", true},
	{"DELETE FROM number", "Observation/o/_history/1 lacks index rows", true},
	{"INSERT INTO string VALUES (1, X'61', 4)", "string has", true, "INSERT INTO string VALUES (4, 0, 1, 'a')"},
	{"INSERT INTO date VALUES (1, 1, 2, 3, 4)", "date has", true, "INSERT INTO date VALUES (4, 0, 2, 3, 1, 1)"},
};

static void reindex(struct fixture *f)
{
	struct error err = {0};
	struct store_kept kept;
	struct store_keeping k = {.extractor = f->extractor};
	struct store_options keeping = {.definitions = f->definitions, .keeping = true, .tenant = str_from(f->tenant)};
	struct store *s = store_open(str_from(f->location), &keeping, &err);
	assert_string_equal(err.text, "");
	if (!store_reindex(s, &k, &kept, &err))
		fail_msg("%s", err.text);
	store_close(s);
}

/* The store as it was before it was damaged. */
static void fresh(struct fixture *f, const char *copy)
{
	struct error err = {0};
	store_close(f->store);
	f->store = NULL;
	if (f->postgres) {
		struct store_options options = {.definitions = f->definitions};
		if (!store_tenant_remove(str_from(f->location), str_from(f->tenant), &options, &err))
			fail_msg("%s", err.text);
		fixture_reopen(f);
		fill(f);
		store_close(f->store);
		f->store = NULL;
	} else if (!store_restore(str_from(f->location), copy, true, NULL, &err)) {
		fail_msg("%s", err.text);
	}
}

static void damage(struct fixture *f, const struct damage *d)
{
	if (f->postgres)
		fixture_sql(f, d->postgres ? d->postgres : d->sql);
	else
		run_sql(f->file, d->sql);
}

static void test_damage_is_found(void **state)
{
	struct fixture *f = *state;
	char copy[96];
	struct error err = {0};
	fill(f);
	struct findings all = check(f);
	assert_string_equal(all.text, "");
	snprintf(copy, sizeof(copy), "%s/copy", f->directory);
	if (!f->postgres)
		assert_true(store_backup(str_from(f->location), copy, NULL, &err));
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		const struct damage *d = &damages[i];
		fresh(f, copy);
		damage(f, d);
		fixture_reopen(f);
		all = check(f);
		if (!strstr(all.text, d->finding))
			fail_msg("%s\nexpected: %s\nfound: %s", d->sql, d->finding, all.text);
		if (!d->mended)
			continue;
		store_close(f->store);
		reindex(f);
		f->store = NULL;
		fixture_reopen(f);
		all = check(f);
		if (all.count)
			fail_msg("%s: not mended: %s", d->sql, all.text);
	}
}

/* ---- reindexing that is stopped -------------------------------------------------------------------------------------
 */

enum { MANY = 5000 };

static bool stop_at_second(void *ctx, int64_t at, int64_t total)
{
	int *calls = ctx;
	(void)at, (void)total;
	return ++*calls < 2;
}

static void test_reindex_goes_on(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	char id[16];
	for (int i = 0; i < MANY; i += 500) {
		struct store_change changes[500];
		struct store_txn txn = {.changes = changes, .change_count = 500};
		struct store_change c = change_of(f, &f->arena, STORE_UPDATE,
						  "{\"resourceType\":\"Patient\",\"id\":\"0\",\"active\":true}");
		for (int j = 0; j < 500; j++) {
			snprintf(id, sizeof(id), "%d", i + j);
			struct str text = arena_printf(
				&f->arena, "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"meta\":{},\"active\":true}",
				id);
			changes[j] = c;
			changes[j].id = arena_str(&f->arena, str_from(id));
			changes[j].stored = text;
			changes[j].meta_at = (size_t)(strstr(text.p, "\"meta\":{") - text.p) + 8;
		}
		assert_true(store_commit(f->store, &txn, &err));
	}
	store_close(f->store);
	f->store = NULL;
	fixture_sql(f, "DELETE FROM token");
	int calls = 0;
	struct store_kept kept;
	struct store_keeping k = {.extractor = f->extractor, .progress = {stop_at_second, &calls}};
	struct store_options keeping = {.definitions = f->definitions, .keeping = true, .tenant = str_from(f->tenant)};
	struct store *s = store_open(str_from(f->location), &keeping, &err);
	assert_non_null(s);
	assert_false(store_reindex(s, &k, &kept, &err));
	assert_int_equal(err.code, ERR_TIMEOUT);
	int64_t first = kept.versions;
	assert_in_range(first, 1, MANY - 1);
	error_clear(&err);
	k.progress.tell = NULL;
	assert_true(store_reindex(s, &k, &kept, &err));
	assert_int_equal(kept.versions, MANY - first);
	store_close(s);
	fixture_reopen(f);
	struct findings all = {0};
	k = (struct store_keeping){.extractor = f->extractor, .finding = note, .ctx = &all};
	assert_true(store_check(f->store, &k, &kept, &err));
	assert_string_equal(all.text, "");
	assert_int_equal(kept.rows, MANY * (kept.rows / MANY));
}

/* ---- vacuum --------------------------------------------------------------------------------------------------------
 */

static void test_vacuum(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct store_kept kept;
	struct store_keeping k = {.extractor = f->extractor};
	struct store_options keeping = {.definitions = f->definitions, .keeping = true, .tenant = str_from(f->tenant)};
	struct search_query q;
	struct search_options options = {0};
	struct store_page page;
	fill(f);
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"c\",\"active\":true}");
	assert_true(
		search_parse(f->definitions, &f->arena, type_named(f, "Patient"), S("_count=1"), &options, &q, &err));
	assert_true(store_search(f->store, &f->arena, &q, NULL, &page, &err));
	assert_non_null(page.next.p);
	struct str old = page.next;
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":false}");
	usleep(2000);
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"d\"}");
	usleep(2000);
	store_close(f->store);
	f->store = NULL;
	struct store *s = store_open(str_from(f->location), &keeping, &err);
	assert_non_null(s);
	if (!store_vacuum(s, &k, &kept, &err))
		fail_msg("%s", err.text);
	assert_true(kept.rows > 0);
	assert_true(kept.bytes_after > 0);
	store_close(s);
	fixture_reopen(f);
	struct findings all = check(f);
	assert_string_equal(all.text, "");
	assert_non_null(strstr(get(f, "Patient", "a", 1), "Old"));
	/* Links from before cannot be answered in full any more, so they are not at all. */
	struct store_search_options from = {.position = old};
	assert_false(store_search(f->store, &f->arena, &q, &from, &page, &err));
	assert_int_equal(err.code, ERR_CURSOR);
	error_clear(&err);
	assert_true(store_search(f->store, &f->arena, &q, NULL, &page, &err));
	from.position = page.next;
	assert_true(store_search(f->store, &f->arena, &q, &from, &page, &err));
}

/* ---- backup and restore ---------------------------------------------------------------------------------------------
 */

static void test_backup(void **state)
{
	struct fixture *f = *state;
	char copy[96], sum[112], elsewhere[96];
	struct error err = {0};
	if (f->postgres)
		skip();
	fill(f);
	snprintf(copy, sizeof(copy), "%s/copy", f->directory);
	snprintf(sum, sizeof(sum), "%s.sha256", copy);
	snprintf(elsewhere, sizeof(elsewhere), "%s/other", f->directory);
	/* In use: the copy has what was committed, not what comes after. */
	assert_true(store_backup(str_from(f->location), copy, NULL, &err));
	assert_int_equal(access(sum, R_OK), 0);
	char beside[112];
	snprintf(beside, sizeof(beside), "%s-wal", copy);
	assert_int_not_equal(access(beside, F_OK), 0);
	assert_false(store_backup(str_from(f->location), copy, NULL, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	error_clear(&err);
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"later\"}");
	assert_false(store_restore(str_from(f->location), copy, true, NULL, &err));
	assert_non_null(strstr(err.text, "another process"));
	error_clear(&err);
	assert_true(store_restore(str_from(elsewhere), copy, false, NULL, &err));
	assert_false(store_restore(str_from(elsewhere), copy, false, NULL, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	error_clear(&err);
	struct str location = str_from(f->location);
	store_close(f->store);
	f->store = store_open(str_from(elsewhere), &(struct store_options){.definitions = f->definitions}, &err);
	assert_non_null(f->store);
	struct findings all = check(f);
	assert_string_equal(all.text, "");
	assert_string_equal(get(f, "Patient", "later", 0), "NOT_FOUND");
	store_close(f->store);
	f->store = NULL;
	/* A copy that is not what it was is no copy. */
	FILE *file = fopen(copy, "r+");
	assert_non_null(file);
	fseek(file, 5000, SEEK_SET);
	fputc('!', file);
	fclose(file);
	assert_false(store_restore(location, copy, true, NULL, &err));
	assert_int_equal(err.code, ERR_STORE);
	error_clear(&err);
	unlink(sum);
	run_sql(copy, "UPDATE meta SET value = 99");
	assert_false(store_restore(location, copy, true, NULL, &err));
	fixture_reopen(f);
	assert_non_null(strstr(get(f, "Patient", "later", 0), "later"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_damage_is_found),
		TEST(test_reindex_goes_on),
		TEST(test_vacuum),
		TEST(test_backup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
