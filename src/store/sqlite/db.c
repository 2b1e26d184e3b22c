/* Connections, prepared statements, and result codes turned into errors that carry no data. */
#include "store/sqlite/sqlite_priv.h"

#include <errno.h>

static const char *const statement_sql[STATEMENT_COUNT] = {
#define STATEMENT(name, sql) [SQL_##name] = sql,
#include "store/sqlite/statements.def"
#undef STATEMENT
};

/* NOMUTEX: a connection belongs to one thread at a time, which the pool and the committing thread see to. */
bool db_open(struct db *db, const char *path, bool read_only, struct error *err)
{
	*db = (struct db){0};
	int flags =
		SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	int rc = sqlite3_open_v2(path, &db->handle, flags, NULL);
	if (rc != SQLITE_OK) {
		db_failed(db, rc, err);
		db_close(db);
		return false;
	}
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, 10000);
	return true;
}

void db_close(struct db *db)
{
	for (int i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->handle);
	*db = (struct db){0};
}

static bool out_of_room(struct db *db, int rc)
{
	if ((rc & 0xff) == SQLITE_FULL)
		return true;
	if ((rc & 0xff) != SQLITE_IOERR || !db->handle)
		return false;
	/* SQLite does not always hand its cause on; nothing has touched errno since. */
	int cause = sqlite3_system_errno(db->handle) ? sqlite3_system_errno(db->handle) : errno;
	return cause == ENOSPC || cause == EDQUOT || cause == EFBIG;
}

bool db_failed(struct db *db, int rc, struct error *err)
{
	if (out_of_room(db, rc))
		return error_set(err, ERR_STORE_FULL, "The store has no room left on its disk");
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return error_memory(err);
	case SQLITE_INTERRUPT:
		return error_set(err, ERR_TIMEOUT, "The search took longer than allowed");
	case SQLITE_IOERR:
		return error_set(err, ERR_STORE_IO, "The store's disk fails: %s", sqlite3_errstr(rc));
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return error_set(err, ERR_STORE, "The store's file is damaged: %s", sqlite3_errstr(rc));
	default:
		return error_set(err, ERR_STORE, "The store could not complete the operation: %s", sqlite3_errstr(rc));
	}
}

sqlite3_stmt *db_use(struct db *db, enum statement statement, struct error *err)
{
	sqlite3_stmt *s = db->statements[statement];
	if (s) {
		sqlite3_reset(s);
		return s;
	}
	int rc = sqlite3_prepare_v3(db->handle, statement_sql[statement], -1, SQLITE_PREPARE_PERSISTENT, &s, NULL);
	if (rc != SQLITE_OK) {
		db_failed(db, rc, err);
		return NULL;
	}
	db->statements[statement] = s;
	return s;
}

bool db_done(struct db *db, sqlite3_stmt *statement, struct error *err)
{
	int rc = sqlite3_step(statement);
	sqlite3_reset(statement);
	return rc == SQLITE_DONE || rc == SQLITE_ROW || db_failed(db, rc, err);
}

bool db_row(struct db *db, sqlite3_stmt *statement, bool *ret_row, struct error *err)
{
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		*ret_row = true;
		return true;
	}
	sqlite3_reset(statement);
	if (rc != SQLITE_DONE)
		return db_failed(db, rc, err);
	*ret_row = false;
	return true;
}

bool db_run(struct db *db, enum statement statement, struct error *err)
{
	sqlite3_stmt *s = db_use(db, statement, err);
	return s && db_done(db, s, err);
}

bool db_script(struct db *db, const char *sql, struct error *err)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK || db_failed(db, rc, err);
}

bool db_number(struct db *db, enum statement statement, int64_t otherwise, int64_t *ret_value, struct error *err)
{
	sqlite3_stmt *s = db_use(db, statement, err);
	bool row = false;
	if (!s || !db_row(db, s, &row, err))
		return false;
	*ret_value = row && sqlite3_column_type(s, 0) != SQLITE_NULL ? sqlite3_column_int64(s, 0) : otherwise;
	sqlite3_reset(s);
	return true;
}
