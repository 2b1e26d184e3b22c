/* Names of this store: looked up with one statement and made with another; both take the same parameters. */
#include "store/sqlite/sqlite_priv.h"

int64_t writer_intern(void *ctx, enum names_kind kind, int64_t type, struct str text, struct error *err)
{
	static const enum statement looks[][2] = {[NAMES_TYPE] = {SQL_TYPE_GET, SQL_TYPE_PUT},
						  [NAMES_PARAM] = {SQL_PARAM_GET, SQL_PARAM_PUT},
						  [NAMES_SYSTEM] = {SQL_SYSTEM_GET, SQL_SYSTEM_PUT}};
	struct writer *w = ctx;
	for (int round = 0; round < 2; round++) {
		sqlite3_stmt *s = db_use(&w->db, looks[kind][round], err);
		if (!s)
			return 0;
		int at = 1;
		if (type)
			sqlite3_bind_int64(s, at++, type);
		if (kind == NAMES_SYSTEM)
			bind_blob(s, at, text);
		else
			bind_str(s, at, text);
		bool row = false;
		if (!db_row(&w->db, s, &row, err))
			return 0;
		if (row) {
			int64_t id = sqlite3_column_int64(s, 0);
			sqlite3_reset(s);
			return id;
		}
	}
	return sqlite3_last_insert_rowid(w->db.handle);
}
