/* Reading by identity: the current version, a past one, the history, and how many there are. */
#include "store/sqlite/sqlite_priv.h"

/* Columns: vid, version, time, op, coding, meta_at, bytes. */
static bool entry_from_row(struct sqlite_store *store, struct reader *r, struct arena *a, sqlite3_stmt *s,
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

static bool not_found(struct error *err, const struct fhir_type *type, int64_t version)
{
	if (version)
		return error_set(err, ERR_NOT_FOUND, "There is no version %lld of this %.*s", (long long)version,
				 STR_ARG(type->name));
	return error_set(err, ERR_NOT_FOUND, "There is no such %.*s", STR_ARG(type->name));
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
		return not_found(err, type, version);
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
		       (found || not_found(err, type, version));
	if (!found || (version && entry->version != version))
		return not_found(err, type, version);
	return true;
}

bool sqlite_read(void *b, struct arena *a, const struct fhir_type *type, struct str id, int64_t version,
		 struct store_entry *ret_entry, struct error *err)
{
	struct sqlite_store *store = b;
	struct reader *r = reader_acquire(store, err);
	if (!r)
		return false;
	struct store_entry entry = {.type = type};
	bool ok = read_version(store, r, a, type, id, version, &entry, err);
	reader_release(store, r);
	if (!ok)
		return false;
	entry.id = arena_str(a, id);
	if (!entry.id.p)
		return error_memory(err);
	*ret_entry = entry;
	if (entry.op == STORE_DELETE)
		return error_set(err, ERR_GONE, "This %.*s was deleted in version %lld", STR_ARG(type->name),
				 (long long)entry.version);
	return true;
}

/* ---- history ----------------------------------------------------------------------------------------------------- */

struct history {
	struct sqlite_store *store;
	struct reader *reader;
	struct arena *arena;
	const struct fhir_type *type;
	struct str id;
	size_t max;
	struct store_page *page;
};

static bool history_add(struct history *h, sqlite3_stmt *s, struct error *err)
{
	struct store_entry *e = &h->page->entries[h->page->count];
	*e = (struct store_entry){.type = h->type, .id = h->id};
	if (!entry_from_row(h->store, h->reader, h->arena, s, e, err))
		return false;
	h->page->count++;
	return true;
}

/* Versions below a number from the past, newest first. One more than wanted tells whether there is a next page. */
static bool history_past(struct history *h, int64_t rid, int64_t below, struct error *err)
{
	sqlite3_stmt *s = db_use(&h->reader->db, SQL_HISTORY, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, rid);
	sqlite3_bind_int64(s, 2, below);
	sqlite3_bind_int64(s, 3, (int64_t)(h->max + 1 - h->page->count));
	for (;;) {
		bool row = false;
		if (!db_row(&h->reader->db, s, &row, err))
			return false;
		if (!row)
			return true;
		if (h->page->count == h->max) {
			h->page->next = arena_printf(h->arena, "%lld", (long long)h->page->entries[h->max - 1].vid);
			sqlite3_reset(s);
			return h->page->next.p || error_memory(err);
		}
		if (!history_add(h, s, err)) {
			sqlite3_reset(s);
			return false;
		}
	}
}

static bool history_current(struct history *h, int64_t type_id, struct error *err)
{
	sqlite3_stmt *s = db_use(&h->reader->db, SQL_READ, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, type_id);
	bind_str(s, 2, h->id);
	if (!db_row(&h->reader->db, s, &row, err))
		return false;
	bool ok = !row || h->max == 0 || history_add(h, s, err);
	sqlite3_reset(s);
	return ok;
}

static bool history_find(struct history *h, int64_t type_id, int64_t *ret_rid, int64_t *ret_version, struct error *err)
{
	sqlite3_stmt *s = db_use(&h->reader->db, SQL_RESOURCE_GET, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, type_id);
	bind_str(s, 2, h->id);
	if (!db_row(&h->reader->db, s, &row, err))
		return false;
	if (!row || sqlite3_column_int64(s, 1) == 0) {
		sqlite3_reset(s);
		return not_found(err, h->type, 0);
	}
	*ret_rid = sqlite3_column_int64(s, 0);
	*ret_version = sqlite3_column_int64(s, 2);
	sqlite3_reset(s);
	return true;
}

/* The version number behind the vid that the page before ended with. */
static bool history_start(struct history *h, int64_t rid, int64_t after, int64_t *ret_version, struct error *err)
{
	sqlite3_stmt *s = db_use(&h->reader->db, SQL_HISTORY_START, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, after);
	sqlite3_bind_int64(s, 2, rid);
	if (!db_row(&h->reader->db, s, &row, err))
		return false;
	if (!row)
		return error_set(err, ERR_CURSOR, "The page link does not belong to this history");
	*ret_version = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return true;
}

static bool history_fill(struct history *h, int64_t after, struct error *err)
{
	int64_t type_id, rid = 0, current = 0, below;
	if (!reader_type(h->reader, h->type, &type_id, err))
		return false;
	if (!type_id)
		return not_found(err, h->type, 0);
	if (!history_find(h, type_id, &rid, &current, err))
		return false;
	below = current;
	h->page->total = current;
	h->page->snapshot = h->reader->last_vid;
	if (after ? !history_start(h, rid, after, &below, err) : !history_current(h, type_id, err))
		return false;
	return history_past(h, rid, below, err);
}

bool sqlite_history(void *b, struct arena *a, const struct fhir_type *type, struct str id, int64_t after, size_t max,
		    struct store_page *ret_page, struct error *err)
{
	struct sqlite_store *store = b;
	if (max > 10000)
		max = 10000;
	struct store_page page = {.entries = ARENA_ARRAY(a, struct store_entry, max + 1)};
	struct history h = {
		.store = store, .arena = a, .type = type, .id = arena_str(a, id), .max = max, .page = &page};
	if (!page.entries || !h.id.p)
		return error_memory(err);
	h.reader = reader_acquire(store, err);
	if (!h.reader)
		return false;
	bool ok = reader_begin(h.reader, err) && history_fill(&h, after, err);
	reader_end(h.reader);
	reader_release(store, h.reader);
	if (!ok)
		return false;
	page.match_count = page.count;
	*ret_page = page;
	return true;
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
