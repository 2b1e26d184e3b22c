/* Compression dictionaries come into the store through the committing thread, like everything else that is written. */
#include "store/sqlite/sqlite_priv.h"

bool dictionary_apply(struct writer *w, struct item *item, struct error *err)
{
	const struct new_dictionary *d = item->other;
	sqlite3_stmt *s = db_use(&w->db, SQL_DICTIONARY_PUT, err);
	if (!s)
		return false;
	sqlite3_bind_int(s, 1, d->id);
	bind_blob(s, 2, d->bytes);
	return db_done(&w->db, s, err);
}
