/*
 * Histories: the vids of what is asked for, newest first, then what is in each. Bounds on time become bounds on vids,
 * since times grow with them.
 */
#include "store/sqlite/sqlite_priv.h"

bool reader_last_before(struct reader *r, int64_t time, int64_t high, int64_t *ret_vid, struct error *err)
{
	int64_t low = 0;
	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;
		sqlite3_stmt *s = db_use(&r->db, SQL_TIME_FROM, err);
		bool row = false;
		if (!s)
			return false;
		sqlite3_bind_int64(s, 1, middle);
		if (!db_row(&r->db, s, &row, err))
			return false;
		/* A gap before the next vid makes that one stand for the middle. */
		bool older = row && sqlite3_column_int64(s, 1) < time;
		sqlite3_reset(s);
		if (older)
			low = middle;
		else
			high = middle - 1;
	}
	*ret_vid = low;
	return true;
}

struct history {
	struct sqlite_store *store;
	struct reader *reader;
	struct arena *arena;
	const struct store_history_query *query;
	size_t max;
	int64_t snapshot;
	int64_t low, high; /* vids in (low, high] */
	int64_t ended; /* what was replaced up to this vid was not current any more; 0: does not matter */
	int64_t key; /* rid or type */
	struct store_page *page;
	bool full; /* there is more than the page holds */
};

/* Columns of ENTRY beyond those of an entry: type, id, rid, died. */
static bool add_row(struct history *h, sqlite3_stmt *s, struct error *err)
{
	struct store_entry e = {0};
	int64_t died = sqlite3_column_type(s, 10) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(s, 10);
	bool deletion = sqlite3_column_int(s, 3) == STORE_DELETE;
	if (h->ended && (deletion ? sqlite3_column_int64(s, 2) < h->query->at_low_ms : died <= h->ended))
		return true;
	if (h->page->count == h->max) {
		h->full = true;
		return true;
	}
	e.type = reader_type_of(h->store, h->reader, sqlite3_column_int64(s, 7), err);
	e.id = arena_str(h->arena, column_str(s, 8));
	if (!e.type)
		return false;
	if (!e.id.p)
		return error_memory(err);
	if (!entry_from_row(h->store, h->reader, h->arena, s, &e, err))
		return false;
	h->page->entries[h->page->count++] = e;
	return true;
}

static bool add(struct history *h, int64_t vid, struct error *err)
{
	sqlite3_stmt *s = db_use(&h->reader->db, SQL_ENTRY, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, vid);
	if (!db_row(&h->reader->db, s, &row, err))
		return false;
	if (!row)
		return error_set(err, ERR_STORE, "The store's file is damaged: a version is missing");
	bool ok = add_row(h, s, err);
	sqlite3_reset(s);
	return ok;
}

/* Follows a statement of vids in (low, high]. */
static bool follow(struct history *h, enum statement statement, int64_t low, int64_t high, struct error *err)
{
	struct db *db = &h->reader->db;
	sqlite3_stmt *s = low < high && !h->full ? db_use(db, statement, err) : NULL;
	if (!s)
		return low >= high || h->full;
	if (statement != SQL_HISTORY_ALL)
		sqlite3_bind_int64(s, 1, h->key);
	sqlite3_bind_int64(s, 2, low);
	sqlite3_bind_int64(s, 3, high);
	bool ok = true, row = true;
	while (ok && !h->full) {
		ok = db_row(db, s, &row, err);
		if (!ok || !row)
			return ok;
		ok = add(h, sqlite3_column_int64(s, 0), err);
	}
	sqlite3_reset(s);
	return ok;
}

/* ---- of one resource ------------------------------------------------------------------------------------------------
 */

static bool find_resource(struct history *h, int64_t type, struct error *err)
{
	sqlite3_stmt *s = type ? db_use(&h->reader->db, SQL_RESOURCE_GET, err) : NULL;
	bool row = false;
	if (type && !s)
		return false;
	if (s) {
		sqlite3_bind_int64(s, 1, type);
		bind_str(s, 2, h->query->id);
		if (!db_row(&h->reader->db, s, &row, err))
			return false;
	}
	h->key = row && sqlite3_column_int64(s, 1) ? sqlite3_column_int64(s, 0) : 0;
	if (row)
		sqlite3_reset(s);
	return h->key || error_set(err, ERR_NOT_FOUND, "There is no such %.*s", STR_ARG(h->query->type->name));
}

/* Versions have no gaps, so the newest number is how many there are. */
static bool count_versions(struct history *h, struct error *err)
{
	const enum statement looks[] = {SQL_HISTORY_CURRENT, SQL_HISTORY_PAST};
	h->page->total = 0;
	for (size_t i = 0; i < 2 && !h->page->total; i++) {
		sqlite3_stmt *s = db_use(&h->reader->db, looks[i], err);
		bool row = false;
		if (!s)
			return false;
		sqlite3_bind_int64(s, 1, h->key);
		sqlite3_bind_int64(s, 2, 0);
		sqlite3_bind_int64(s, 3, h->snapshot);
		if (!db_row(&h->reader->db, s, &row, err))
			return false;
		if (row)
			h->page->total = sqlite3_column_int64(s, 1);
		sqlite3_reset(s);
	}
	return true;
}

static bool of_resource(struct history *h, int64_t type, struct error *err)
{
	const struct store_history_query *q = h->query;
	bool bounded = q->since_ms || q->until_ms || q->at_low_ms || q->at_high_ms;
	return find_resource(h, type, err) && (bounded || count_versions(h, err)) &&
	       follow(h, SQL_HISTORY_CURRENT, h->low, h->high, err) &&
	       follow(h, SQL_HISTORY_PAST, h->low, h->high, err);
}

/* ---- of many
 * --------------------------------------------------------------------------------------------------------- */

static bool of_type(struct history *h, int64_t type, struct error *err)
{
	int64_t indexed = h->reader->indexed;
	h->key = type;
	return !type || (follow(h, SQL_HISTORY_TAIL, h->low > indexed ? h->low : indexed, h->high, err) &&
			 follow(h, SQL_HISTORY_KIND, h->low, h->high < indexed ? h->high : indexed, err));
}

static bool bound(struct history *h, struct error *err)
{
	const struct store_history_query *q = h->query;
	struct reader *r = h->reader;
	int64_t vid;
	if (q->since_ms && !reader_last_before(r, q->since_ms, h->snapshot, &h->low, err))
		return false;
	int64_t until = q->until_ms;
	if ((q->at_low_ms || q->at_high_ms) && (!until || q->at_high_ms < until))
		until = q->at_high_ms;
	if (until) {
		if (!reader_last_before(r, until < INT64_MAX ? until + 1 : until, h->snapshot, &vid, err))
			return false;
		h->high = vid < h->high ? vid : h->high;
	}
	return !q->at_low_ms || reader_last_before(r, q->at_low_ms + 1, h->snapshot, &h->ended, err);
}

static bool fill(struct history *h, struct error *err)
{
	const struct store_history_query *q = h->query;
	struct history_position from = {0};
	int64_t type = 0;
	if (q->type && !reader_type(h->reader, q->type, &type, err))
		return false;
	if (q->position.p && !history_position_read(q->position, h->reader->last_vid, &from, err))
		return false;
	h->snapshot = h->page->snapshot = from.vid ? from.snapshot : h->reader->last_vid;
	h->high = from.vid ? from.vid - 1 : h->snapshot;
	if (!bound(h, err))
		return false;
	if (q->id.p)
		return of_resource(h, type, err);
	return q->type ? of_type(h, type, err) : follow(h, SQL_HISTORY_ALL, h->low, h->high, err);
}

bool sqlite_history(void *b, struct arena *a, const struct store_history_query *query, struct store_page *page,
		    struct error *err)
{
	struct sqlite_store *store = b;
	struct history h = {.store = store, .arena = a, .query = query, .max = query->max, .page = page};
	h.reader = reader_acquire(store, err);
	if (!h.reader)
		return false;
	bool ok = reader_begin(h.reader, err) && fill(&h, err) && (!h.full || history_link_next(a, page, err));
	reader_end(h.reader);
	reader_release(store, h.reader);
	return ok;
}
