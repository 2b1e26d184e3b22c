/*
 * Copies of a store's file while it is in use. The copy is one snapshot, because the source is read inside one
 * transaction; it is written beside its final name, synced, and proved whole before anything relies on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "store/sqlite/sqlite_priv.h"

enum { PAGES_AT_ONCE = 2048 };

static bool sync_path(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	if (!ok)
		error_set(err, ERR_IO, "The copy %s cannot be synced: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool copy_pages(struct db *from, struct db *to, const struct store_progress *progress, struct error *err)
{
	sqlite3_backup *b = sqlite3_backup_init(to->handle, "main", from->handle, "main");
	if (!b)
		return db_failed(to, sqlite3_errcode(to->handle), err);
	int rc = SQLITE_OK;
	bool ok = true;
	while (ok && rc == SQLITE_OK) {
		rc = sqlite3_backup_step(b, PAGES_AT_ONCE);
		int total = sqlite3_backup_pagecount(b), left = sqlite3_backup_remaining(b);
		ok = keeping_told(progress, (int64_t)(total - left) * 4096, (int64_t)total * 4096, err);
	}
	sqlite3_backup_finish(b);
	return ok && (rc == SQLITE_DONE || db_failed(to, rc, err));
}

/* A copy comes with the source's mark of a log beside it. Without it, whoever opens the copy makes no files there. */
static bool unmark_log(const char *path, struct error *err)
{
	struct db db;
	bool ok = db_open(&db, path, false, err) && db_script(&db, "PRAGMA journal_mode = DELETE;", err);
	db_close(&db);
	return ok;
}

bool backup_file(struct db *from, const char *path, const struct store_progress *progress, struct error *err)
{
	struct db to;
	char temporary[4400];
	snprintf(temporary, sizeof(temporary), "%s.part", path);
	int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, ERR_IO, "The copy %s cannot be made: %s", temporary, strerror(errno));
	close(fd);
	if (!db_open(&to, temporary, false, err))
		return false;
	/* The copy is thrown away when this fails, so it needs no journal; it is synced as a whole at the end. */
	bool ok = db_script(&to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;", err) &&
		  db_script(from, "BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1;", err);
	ok = ok && copy_pages(from, &to, progress, err);
	if (!sqlite3_get_autocommit(from->handle))
		sqlite3_exec(from->handle, "ROLLBACK", NULL, NULL, NULL);
	db_close(&to);
	ok = ok && unmark_log(temporary, err) && sync_path(temporary, err);
	if (ok && rename(temporary, path) != 0)
		ok = error_set(err, ERR_IO, "The copy %s cannot be put in its place: %s", path, strerror(errno));
	if (!ok)
		unlink(temporary);
	return ok;
}

static bool integrity(struct db *db, struct error *err)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->handle, "PRAGMA integrity_check(1)", -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	bool sound = rc == SQLITE_ROW && str_is(column_str(s, 0), "ok");
	sqlite3_finalize(s);
	if (sound)
		return true;
	return rc == SQLITE_ROW ? error_set(err, ERR_STORE, "The copy is damaged") : db_failed(db, rc, err);
}

static int stop_if_told(void *ctx)
{
	const struct store_progress *p = ctx;
	return p && p->tell && !p->tell(p->ctx, -1, -1);
}

bool backup_whole(const char *path, const struct store_progress *progress, struct error *err)
{
	struct db db;
	if (!db_open(&db, path, true, err))
		return false;
	sqlite3_progress_handler(db.handle, 1000000, stop_if_told, (void *)progress);
	bool ok = schema_known(&db, err) && integrity(&db, err);
	db_close(&db);
	return ok;
}
