/*
 * A search from its query to its page. The position of a page is the snapshot, the vid it ended with, and the total
 * if it was counted: enough to go on with the same picture, whatever is written meanwhile, and nothing about anybody.
 */
#include "store/sqlite/seek_priv.h"

#include "base/clock.h"

/* ---- positions ----------------------------------------------------------------------------------------------------
 */

struct position {
	int64_t snapshot, vid, total;
};
enum { POSITION_SIZE = 1 + 3 * 8, POSITION_FORM = 1 };

static struct str position_write(struct arena *a, const struct position *p)
{
	const int64_t fields[3] = {p->snapshot, p->vid, p->total};
	char *out = arena_alloc(a, POSITION_SIZE);
	if (!out)
		return STR_NULL;
	out[0] = POSITION_FORM;
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 8; j++)
			out[1 + 8 * i + j] = (char)((uint64_t)fields[i] >> (56 - 8 * j));
	return str_make(out, POSITION_SIZE);
}

static bool position_read(struct str bytes, int64_t last_vid, struct position *ret_position, struct error *err)
{
	uint64_t fields[3] = {0};
	bool ok = bytes.n == POSITION_SIZE && bytes.p[0] == POSITION_FORM;
	for (size_t i = 0; ok && i < POSITION_SIZE - 1; i++)
		fields[i / 8] = fields[i / 8] << 8 | (unsigned char)bytes.p[1 + i];
	struct position p = {(int64_t)fields[0], (int64_t)fields[1], (int64_t)fields[2]};
	if (!ok || p.snapshot < 1 || p.snapshot > last_vid || p.vid < 1 || p.vid > p.snapshot || p.total < -1)
		return error_set(err, ERR_CURSOR, "The page link is not one that this server made");
	*ret_position = p;
	return true;
}

/* ---- collecting a page --------------------------------------------------------------------------------------------
 */

struct collector {
	struct seek *k;
	struct order *order; /* NULL: matches come in the order of vids */
	int64_t *vids;
	size_t count, want; /* one more than the page, to know whether there is a next */
	bool counting; /* go on after the page for the total */
	int64_t total;
};

static bool collect(void *ctx, const struct found *found, bool *stop, struct error *err)
{
	struct collector *c = ctx;
	c->total++;
	if (c->order)
		return order_add(c->order, found, err);
	if (c->count < c->want)
		c->vids[c->count++] = found->vid;
	*stop = c->count == c->want && !c->counting;
	return true;
}

static bool by_vid(const struct search_query *q)
{
	return q->sort_count == 0 || (q->sort_count == 1 && q->sorts[0].kind == SORT_LAST_UPDATED);
}

/* The page before ended with this version. */
static bool start_after(struct seek *k, struct order *o, int64_t vid, struct error *err)
{
	struct found found;
	bool alive = false;
	if (!seek_look(k, vid, &alive, &found, err))
		return false;
	if (!alive)
		return error_set(err, ERR_CURSOR, "The page link does not belong to this search");
	return order_start_after(o, &found, err);
}

static bool collect_sorted(struct collector *c, const struct position *from, struct error *err)
{
	struct order o;
	bool ok = order_init(&o, c->k, c->want, err);
	ok = ok && (!from->vid || start_after(c->k, &o, from->vid, err));
	c->order = &o;
	ok = ok && seek_walk(c->k, 0, false, collect, c, err);
	if (ok) {
		order_finish(&o);
		for (c->count = 0; c->count < o.count; c->count++)
			c->vids[c->count] = o.matches[c->count].vid;
	}
	order_done(&o);
	return ok;
}

static bool collect_by_vid(struct collector *c, const struct position *from, struct error *err)
{
	const struct search_query *q = c->k->query;
	bool descending = by_vid(q) && q->sort_count && q->sorts[0].descending;
	return seek_walk(c->k, from->vid, descending, collect, c, err);
}

/* All of a type at the newest snapshot are counted already. */
static bool count_of_type(struct seek *k, int64_t *ret_total, struct error *err)
{
	sqlite3_stmt *s = db_use(&k->r->db, SQL_TYPE_COUNT, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, k->type);
	if (!db_row(&k->r->db, s, &row, err))
		return false;
	*ret_total = row ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	return true;
}

static bool run(struct seek *k, struct position from, struct store_page *page, struct error *err)
{
	const struct search_query *q = k->query;
	bool only_total = q->summary == SUMMARY_COUNT || q->count <= 0;
	bool wanted = only_total || q->total == TOTAL_ACCURATE || q->total == TOTAL_ESTIMATE;
	bool counted = q->parts->criterion_count == 0 && !from.vid;
	size_t size = only_total ? 0 : (size_t)q->count;
	struct collector c = {.k = k, .want = size + 1, .counting = wanted && !counted && from.total < 0};
	page->snapshot = k->snapshot;
	page->total = from.total;
	if (counted && wanted && !count_of_type(k, &page->total, err))
		return false;
	if (only_total && page->total >= 0)
		return true;
	c.vids = ARENA_ARRAY(&k->scratch, int64_t, c.want);
	if (!c.vids)
		return error_memory(err);
	if (!(only_total || by_vid(q) ? collect_by_vid(&c, &from, err) : collect_sorted(&c, &from, err)))
		return false;
	bool complete = !from.vid && (c.counting || c.order || c.count < c.want);
	if (page->total < 0 && q->total != TOTAL_NONE && complete && (wanted || c.count <= size))
		page->total = c.total;
	if (only_total)
		return true;
	struct page_list list = {.page = page};
	for (size_t i = 0; i < c.count && i < size; i++)
		if (!seek_entry(k, &list, c.vids[i], false, err))
			return false;
	page->match_count = page->count;
	if (c.count > size) {
		struct position next = {k->snapshot, c.vids[size - 1], page->total};
		page->next = position_write(k->a, &next);
		if (!page->next.p)
			return error_memory(err);
	}
	return seek_includes(k, &list, err);
}

static bool prepare(struct seek *k, struct str bytes, struct position *ret_from, struct error *err)
{
	struct position from = {.total = -1};
	if (!reader_type(k->r, k->query->parts->type, &k->type, err))
		return false;
	if (bytes.p && !position_read(bytes, k->r->last_vid, &from, err))
		return false;
	k->snapshot = bytes.p ? from.snapshot : k->r->last_vid;
	*ret_from = from;
	return !k->type || seek_compile(k, err);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------
 */

static int out_of_time(void *ctx)
{
	const struct seek *k = ctx;
	return clock_monotonic_ns() >= k->deadline_ns;
}

static bool search_in(struct seek *k, struct str position, struct store_page *page, struct error *err)
{
	struct position from;
	sqlite3_progress_handler(k->r->db.handle, 10000, out_of_time, k);
	bool ok = reader_begin(k->r, err) && prepare(k, position, &from, err);
	if (ok && k->type)
		ok = run(k, from, page, err);
	else if (ok) {
		page->snapshot = k->snapshot;
		page->total = k->query->total == TOTAL_NONE && k->query->count > 0 ? -1 : 0;
	}
	sqlite3_progress_handler(k->r->db.handle, 0, NULL, NULL);
	reader_end(k->r);
	return ok;
}

bool sqlite_search(void *b, struct arena *a, const struct search_query *query,
		   const struct store_search_options *options, struct store_page *ret_page, struct error *err)
{
	struct sqlite_store *store = b;
	static const struct store_search_options defaults = {0};
	if (!options)
		options = &defaults;
	unsigned timeout = options->timeout_ms ? options->timeout_ms : 30000;
	struct seek k = {.store = store,
			 .a = a,
			 .query = query,
			 .deadline_ns = clock_monotonic_ns() + (uint64_t)timeout * 1000000};
	k.r = reader_acquire(store, err);
	if (!k.r)
		return false;
	arena_init(&k.scratch, (size_t)256 << 20);
	arena_init(&k.scratch_keys, (size_t)64 << 20);
	struct store_page page = {.total = -1};
	bool ok = search_in(&k, options->position, &page, err);
	arena_done(&k.scratch_keys);
	arena_done(&k.scratch);
	reader_release(store, k.r);
	if (ok)
		*ret_page = page;
	return ok;
}
