/* Compression dictionaries as rows: written once, read when a connection meets a body that needs one. */
#include "store/sqlite/sqlite_priv.h"

bool bodies_load(struct bodies *b, struct db *db, struct error *err)
{
	sqlite3_stmt *s = db_use(db, SQL_DICTIONARIES, err);
	if (!s)
		return false;
	for (;;) {
		bool row = false;
		if (!db_row(db, s, &row, err))
			return false;
		if (!row)
			return true;
		if (!bodies_add(b, sqlite3_column_int(s, 0), column_str(s, 1), err))
			return false;
	}
}

bool dictionary_write(struct writer *w, struct str bytes, struct error *err)
{
	sqlite3_stmt *s = db_use(&w->db, SQL_DICTIONARY_PUT, err);
	if (!s)
		return false;
	sqlite3_bind_int(s, 1, FIRST_DICTIONARY);
	bind_blob(s, 2, bytes);
	return db_done(&w->db, s, err);
}
