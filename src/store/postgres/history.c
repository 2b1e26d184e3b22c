/*
 * Histories: of one resource, of a type, of all, newest first. Bounds on time become bounds on vids, since times grow
 * with them.
 */
#include "store/postgres/postgres_priv.h"

struct history {
	struct pg_store *store;
	struct reader *reader;
	struct arena *arena;
	const struct store_history_query *query;
	size_t max;
	int64_t snapshot, indexed;
	int64_t low, high; /* vids in (low, high] */
	int64_t ended; /* what was replaced up to this vid was not current any more; 0: does not matter */
	struct store_page *page;
	bool full; /* there is more than the page holds */
};

static bool add_rows(struct history *h, PGresult *rows, struct error *err)
{
	bool ok = rows != NULL;
	for (int i = 0; ok && i < PQntuples(rows) && !h->full; i++) {
		if (h->page->count == h->max) {
			h->full = true;
			break;
		}
		ok = pg_reader_named_entry(h->store, h->reader, h->arena, rows, i, &h->page->entries[h->page->count],
					   err);
		h->page->count += ok;
	}
	PQclear(rows);
	return ok;
}

/* Versions of a rid or type with vids in (low, high]. One more than wanted tells whether there is a next page. */
static bool follow(struct history *h, enum statement statement, int64_t key, int64_t low, int64_t high,
		   struct error *err)
{
	struct pg_params p = {0};
	if (low >= high || h->full)
		return true;
	const int64_t numbers[] = {
		key, low, high, h->ended, (int64_t)(h->max - h->page->count) + 1, h->query->at_low_ms};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		pg_add_i64(&p, numbers[i]);
	return add_rows(h, pg_ask(&h->reader->pg, statement, &p, err), err);
}

/* Versions have no gaps, so the newest number is how many there are. */
static bool of_resource(struct history *h, int64_t type, struct error *err)
{
	const struct store_history_query *q = h->query;
	struct pg_params p = {0};
	pg_add_i64(&p, type);
	pg_add_bytes(&p, q->id);
	pg_add_i64(&p, h->snapshot);
	PGresult *rows = pg_ask(&h->reader->pg, SQL_RESOURCE_FIND, &p, err);
	if (!rows)
		return false;
	bool found = PQntuples(rows) && pg_i64(rows, 0, 1) > 0;
	int64_t rid = found ? pg_i64(rows, 0, 0) : 0, total = found ? pg_i64(rows, 0, 2) : 0;
	PQclear(rows);
	if (!found)
		return error_set(err, ERR_NOT_FOUND, "There is no such %.*s", STR_ARG(q->type->name));
	if (!q->since_ms && !q->until_ms && !q->at_low_ms && !q->at_high_ms)
		h->page->total = total;
	return follow(h, SQL_HISTORY_RESOURCE, rid, h->low, h->high, err);
}

static bool of_type(struct history *h, int64_t type, struct error *err)
{
	int64_t indexed = h->indexed;
	return !type || (follow(h, SQL_HISTORY_VERSIONS, type, h->low > indexed ? h->low : indexed, h->high, err) &&
			 follow(h, SQL_HISTORY_KIND, type, h->low, h->high < indexed ? h->high : indexed, err));
}

/* The greatest vid of the snapshot that is older than an instant. */
static bool last_before(struct history *h, int64_t time_ms, int64_t *ret_vid, struct error *err)
{
	struct pg_params p = {0};
	pg_add_i64(&p, h->snapshot);
	pg_add_i64(&p, time_ms);
	PGresult *rows = pg_ask(&h->reader->pg, SQL_VID_BEFORE, &p, err);
	if (rows)
		*ret_vid = PQntuples(rows) ? pg_i64(rows, 0, 0) : 0;
	PQclear(rows);
	return rows != NULL;
}

static bool bound(struct history *h, struct error *err)
{
	const struct store_history_query *q = h->query;
	int64_t vid;
	if (q->since_ms && !last_before(h, q->since_ms, &h->low, err))
		return false;
	int64_t until = q->until_ms;
	if ((q->at_low_ms || q->at_high_ms) && (!until || q->at_high_ms < until))
		until = q->at_high_ms;
	if (until) {
		if (!last_before(h, until < INT64_MAX ? until + 1 : until, &vid, err))
			return false;
		h->high = vid < h->high ? vid : h->high;
	}
	return !q->at_low_ms || last_before(h, q->at_low_ms + 1, &h->ended, err);
}

static bool fill(void *ctx, struct reader *r, struct error *err)
{
	struct history *h = ctx;
	const struct store_history_query *q = h->query;
	struct history_position from = {0};
	int64_t type = 0, last_vid;
	h->reader = r;
	h->low = h->ended = 0;
	h->full = false;
	h->page->count = 0;
	h->page->total = -1;
	if (!pg_reader_last(h->reader, &last_vid, &h->indexed, err))
		return false;
	if (q->type && !pg_reader_type(h->store, &h->reader->pg, q->type->name, &type, err))
		return false;
	if (q->position.p && !history_position_read(q->position, last_vid, &from, err))
		return false;
	h->snapshot = h->page->snapshot = from.vid ? from.snapshot : last_vid;
	h->high = from.vid ? from.vid - 1 : h->snapshot;
	if (!bound(h, err))
		return false;
	if (q->id.p)
		return of_resource(h, type, err);
	return q->type ? of_type(h, type, err) : follow(h, SQL_HISTORY_VERSIONS, 0, h->low, h->high, err);
}

bool pg_history(void *b, struct arena *a, const struct store_history_query *query, struct store_page *page,
		struct error *err)
{
	struct pg_store *s = b;
	struct history h = {.store = s, .arena = a, .query = query, .max = query->max, .page = page};
	return pg_reader_ask(s, fill, &h, 0, err) && (!h.full || history_link_next(a, page, err));
}
