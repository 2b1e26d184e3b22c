/*
 * The schema and its versions. A store is brought up to the program's version when it is opened for writing: first a
 * copy is made beside it and proved to be whole, then all steps run in one transaction, so that a crash in the middle
 * leaves the store as it was. A store that is newer than the program is refused.
 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "store/sqlite/sqlite_priv.h"

#define MIGRATION(name) extern const char store_migration_##name[];
#include "store/sqlite/migrations.def"
#undef MIGRATION

static const char *const steps[] = {
#define MIGRATION(name) store_migration_##name,
#include "store/sqlite/migrations.def"
#undef MIGRATION
};
enum { STORE_SCHEMA_VERSION = sizeof(steps) / sizeof(steps[0]) };

static bool query_number(struct db *db, const char *sql, int64_t *ret_value, struct error *err)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE;
	*ret_value = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_finalize(s);
	return ok || db_failed(db, rc, err);
}

/* 0: an empty file. */
static bool read_version(struct db *db, int64_t *ret_version, struct error *err)
{
	int64_t tables, meta;
	*ret_version = 0;
	if (!query_number(db, "SELECT count(*) FROM sqlite_schema", &tables, err) ||
	    !query_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'meta'", &meta, err))
		return false;
	if (tables == 0)
		return true;
	if (!meta)
		return error_set(err, ERR_STORE, "The file firth.sqlite was not made by Firth");
	if (!query_number(db, "SELECT value FROM meta WHERE key = 'schema'", ret_version, err))
		return false;
	if (*ret_version < 1)
		return error_set(err, ERR_STORE, "The store does not say which schema version it has");
	if (*ret_version > STORE_SCHEMA_VERSION)
		return error_set(
			err, ERR_STORE,
			"The store has schema version %lld; this Firth knows versions up to %d: use a newer Firth",
			(long long)*ret_version, STORE_SCHEMA_VERSION);
	return true;
}

/* The steps after a version, and the version they lead to, as one transaction. */
static bool run_steps(struct db *db, int64_t version, struct error *err)
{
	char sql[80];
	snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO meta VALUES ('schema', %d); COMMIT;", STORE_SCHEMA_VERSION);
	bool ok = db_script(db, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE;", err);
	for (int64_t i = version; ok && i < STORE_SCHEMA_VERSION; i++)
		ok = db_script(db, steps[i], err);
	ok = ok && db_script(db, sql, err);
	if (!ok && !sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	return ok;
}

/* firth.sqlite becomes firth-schema1-20261125T215500Z.sqlite beside it. */
static bool backup_first(struct db *db, const char *path, int64_t version, struct error *err)
{
	char copy[4200], instant[CLOCK_INSTANT_SIZE + 1] = {0};
	int stem = (int)strlen(path) - (int)strlen(".sqlite");
	clock_format_instant(clock_now_ms(), instant);
	snprintf(copy, sizeof(copy), "%.*s-schema%lld-%.4s%.2s%.2sT%.2s%.2s%.2sZ.sqlite", stem, path,
		 (long long)version, instant, instant + 5, instant + 8, instant + 11, instant + 14, instant + 17);
	if (backup_file(db, copy, NULL, err) && backup_whole(copy, NULL, err))
		return true;
	return err && error_set(err, err->code, "%s", err->text);
}

bool schema_open(struct db *db, const char *path, bool read_only, struct error *err)
{
	int64_t version;
	if (!read_version(db, &version, err))
		return false;
	if (version == STORE_SCHEMA_VERSION)
		return true;
	if (read_only)
		return version ? error_set(err, ERR_STORE,
					   "The store has schema version %lld; start firth serve once to bring it to "
					   "version %d",
					   (long long)version, STORE_SCHEMA_VERSION)
			       : error_set(err, ERR_STORE, "The store is empty");
	if (!version && !db_script(db, "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;", err))
		return false;
	return (!version || backup_first(db, path, version, err)) && run_steps(db, version, err);
}

bool schema_known(struct db *db, struct error *err)
{
	int64_t version;
	return read_version(db, &version, err) &&
	       (version || error_set(err, ERR_STORE, "The file holds no store of Firth"));
}
