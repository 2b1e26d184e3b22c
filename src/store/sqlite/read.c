/* Reading by identity: the current version, a past one, and how many there are. */
#include "store/sqlite/sqlite_priv.h"

bool entry_from_row(struct sqlite_store *store, struct reader *r, struct arena *a, sqlite3_stmt *s,
		    struct store_entry *entry, struct error *err)
{
	entry->vid = sqlite3_column_int64(s, 0);
	entry->version = sqlite3_column_int64(s, 1);
	entry->updated_ms = sqlite3_column_int64(s, 2);
	entry->op = (enum store_op)sqlite3_column_int(s, 3);
	entry->body = STR_NULL;
	if (entry->op == STORE_DELETE)
		return true;
	struct packed_body packed = {column_str(s, 6), sqlite3_column_int(s, 4)};
	if (!packed.bytes.p)
		return error_set(err, ERR_STORE, "The store's file is damaged: a resource's content is missing");
	return reader_serve(store, r, a, packed, (size_t)sqlite3_column_int64(s, 5), entry->version, entry->updated_ms,
			    &entry->body, err);
}

/* Runs one of the READ statements. *ret_found is false when it gave no row. */
static bool read_row(struct sqlite_store *store, struct reader *r, struct arena *a, enum statement statement,
		     int64_t type, struct str id, int64_t version, struct store_entry *entry, bool *ret_found,
		     struct error *err)
{
	sqlite3_stmt *s = db_use(&r->db, statement, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, type);
	bind_str(s, 2, id);
	if (statement == SQL_READ_PAST)
		sqlite3_bind_int64(s, 3, version);
	bool row = false;
	if (!db_row(&r->db, s, &row, err))
		return false;
	*ret_found = row;
	bool ok = !row || entry_from_row(store, r, a, s, entry, err);
	sqlite3_reset(s);
	return ok;
}

static bool read_version(struct sqlite_store *store, struct reader *r, struct arena *a, const struct fhir_type *type,
			 struct str id, int64_t version, struct store_entry *entry, struct error *err)
{
	int64_t type_id;
	bool found = false;
	if (!reader_type(r, type, &type_id, err))
		return false;
	if (!type_id)
		return store_version_absent(err, type, version);
	if (version) {
		/* A version may go from current to past between the two looks, so a miss is looked up once more. */
		if (!read_row(store, r, a, SQL_READ_PAST, type_id, id, version, entry, &found, err))
			return false;
		if (found)
			return true;
	}
	if (!read_row(store, r, a, SQL_READ, type_id, id, 0, entry, &found, err))
		return false;
	if (found && version && entry->version > version)
		return read_row(store, r, a, SQL_READ_PAST, type_id, id, version, entry, &found, err) &&
		       (found || store_version_absent(err, type, version));
	if (!found || (version && entry->version != version))
		return store_version_absent(err, type, version);
	return true;
}

bool sqlite_read(void *b, struct arena *a, const struct fhir_type *type, struct str id, int64_t version,
		 struct store_entry *ret_entry, struct error *err)
{
	struct sqlite_store *store = b;
	struct reader *r = reader_acquire(store, err);
	if (!r)
		return false;
	bool ok = read_version(store, r, a, type, id, version, ret_entry, err);
	reader_release(store, r);
	return ok;
}

/* ---- counts -------------------------------------------------------------------------------------------------------
 */

static bool count_rows(struct sqlite_store *store, struct reader *r, struct arena *a, struct store_count **ret_counts,
		       size_t *ret_count, struct error *err)
{
	struct store_count *counts = NULL;
	size_t count = 0, capacity = 0;
	sqlite3_stmt *s = db_use(&r->db, SQL_TYPE_COUNTS, err);
	if (!s)
		return false;
	for (;;) {
		bool row = false;
		if (!db_row(&r->db, s, &row, err))
			return false;
		if (!row)
			break;
		counts = arena_grow(a, counts, count, &capacity, count + 1, sizeof(*counts));
		if (!counts)
			return error_memory(err);
		counts[count].type = reader_type_of(store, r, sqlite3_column_int64(s, 0), err);
		counts[count].count = sqlite3_column_int64(s, 1);
		if (!counts[count++].type)
			return false;
	}
	*ret_counts = counts;
	*ret_count = count;
	return true;
}

bool sqlite_counts(void *b, struct arena *a, struct store_count **ret_counts, size_t *ret_count, struct error *err)
{
	struct sqlite_store *store = b;
	struct reader *r = reader_acquire(store, err);
	if (!r)
		return false;
	bool ok = reader_begin(r, err) && count_rows(store, r, a, ret_counts, ret_count, err);
	reader_end(r);
	reader_release(store, r);
	return ok;
}
