/*
 * A search from its query to its page. The position of a page is the snapshot, the vid it ended with, and the total
 * if it was counted: enough to go on with the same picture, whatever is written meanwhile, and nothing about anybody.
 */
#include "store/seek/seek_priv.h"

#include <stdlib.h>

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
	int64_t *vids;
	size_t count, want; /* one more than the page, to know whether there is a next */
	bool counting; /* go on after the page for the total */
	bool filled; /* the sorted page is there */
	bool all; /* all matches went by */
	int64_t total;
};

static bool by_vid(const struct search_query *q)
{
	return q->sort_count == 0 || (q->sort_count == 1 && q->sorts[0].kind == SORT_LAST_UPDATED);
}

/* The walks of all parts, merged by vid. */
struct merge {
	struct walker *walkers;
	const struct seek_found **heads; /* the next match of each, NULL at its end */
	size_t count;
	bool descending;
};

static bool merge_init(struct merge *m, struct seek *k, int64_t after, bool descending, size_t want, struct error *err)
{
	*m = (struct merge){.descending = descending};
	m->walkers = ARENA_ARRAY(&k->scratch, struct walker, k->part_count);
	m->heads = ARENA_ARRAY(&k->scratch, const struct seek_found *, k->part_count);
	if (!m->walkers || !m->heads)
		return error_memory(err);
	for (size_t i = 0; i < k->part_count; i++) {
		if (!k->parts[i].number)
			continue;
		struct walker *w = &m->walkers[m->count++];
		if (!walker_init(w, k, &k->parts[i], after, descending, want, err) ||
		    !walker_next(w, &m->heads[m->count - 1], err))
			return false;
	}
	return true;
}

static void merge_done(struct merge *m)
{
	for (size_t i = 0; i < m->count; i++)
		walker_done(&m->walkers[i]);
}

/* Valid until the one after the next. */
static bool merge_next(struct merge *m, int64_t *ret_vid, struct error *err)
{
	size_t first = m->count;
	for (size_t i = 0; i < m->count; i++)
		if (m->heads[i] && (first == m->count || (m->descending ? m->heads[i]->vid > m->heads[first]->vid
									: m->heads[i]->vid < m->heads[first]->vid)))
			first = i;
	*ret_vid = first < m->count ? m->heads[first]->vid : 0;
	return first == m->count || walker_next(&m->walkers[first], &m->heads[first], err);
}

static bool collect_by_vid(struct collector *c, const struct position *from, struct error *err)
{
	const struct search_query *q = c->k->query;
	bool descending = by_vid(q) && q->sort_count && q->sorts[0].descending, ok;
	struct merge m;
	int64_t vid;
	ok = merge_init(&m, c->k, from->vid, descending, c->counting ? MOST_BATCH : c->want, err);
	while (ok && (c->count < c->want || c->counting)) {
		ok = merge_next(&m, &vid, err);
		if (!ok || !vid)
			break;
		c->total++;
		if (c->count < c->want)
			c->vids[c->count++] = vid;
	}
	merge_done(&m);
	return ok;
}

/* The page before ended with this version. */
static bool start_after(struct seek *k, struct order *o, int64_t vid, struct error *err)
{
	struct seek_batch b;
	seek_batch_init(&b);
	bool ok = k->source->look(k->source->x, &vid, 1, k->snapshot, &b, err);
	if (ok && !b.count)
		ok = error_set(err, ERR_CURSOR, "The page link does not belong to this search");
	ok = ok && order_start_after(o, &b, err);
	seek_batch_done(&b);
	return ok;
}

static bool order_part(struct seek *k, struct part *part, struct order *o, struct error *err)
{
	struct walker w;
	bool ok = walker_init(&w, k, part, 0, false, MOST_BATCH, err);
	while (ok) {
		ok = walker_fill(&w, err);
		if (!ok || !w.batch.count)
			break;
		ok = order_add(o, &w.batch, err);
	}
	walker_done(&w);
	return ok;
}

static bool order_all(struct collector *c, struct order *o, struct error *err)
{
	for (size_t i = 0; i < c->k->part_count; i++)
		if (c->k->parts[i].number && !order_part(c->k, &c->k->parts[i], o, err))
			return false;
	c->total = (int64_t)o->passed;
	c->all = true;
	return true;
}

/* By the index of the first sort parameter if that ends early, otherwise by looking at all matches. */
static bool fill_sorted(struct collector *c, const struct position *from, bool by_index, struct error *err)
{
	struct order o;
	bool done = false;
	bool ok = order_init(&o, c->k, c->want, err) && (!from->vid || start_after(c->k, &o, from->vid, err));
	if (ok && by_index)
		ok = sorted_fill(&o, &done, err);
	else if (ok)
		ok = done = order_all(c, &o, err);
	if (ok && done) {
		order_finish(&o);
		for (c->count = 0; c->count < o.count; c->count++)
			c->vids[c->count] = o.matches[c->count].vid;
		c->filled = true;
		if (c->k->plan)
			c->k->plan->order = by_index ? "index" : "matches";
	}
	order_done(&o);
	return ok;
}

static bool collect_sorted(struct collector *c, const struct position *from, struct error *err)
{
	if (!c->counting && !fill_sorted(c, from, true, err))
		return false;
	return c->filled || fill_sorted(c, from, false, err);
}

/* All of a type at the newest snapshot are counted already. */
static bool count_of_types(struct seek *k, int64_t *ret_total, struct error *err)
{
	*ret_total = 0;
	for (size_t i = 0; i < k->part_count; i++) {
		int64_t count;
		if (!k->parts[i].number)
			continue;
		if (!k->source->count_type(k->source->x, k->parts[i].number, &count, err))
			return false;
		*ret_total += count;
	}
	return true;
}

static bool is_unconditional(const struct seek *k)
{
	for (size_t i = 0; i < k->part_count; i++)
		if (k->parts[i].root.child_count)
			return false;
	return true;
}

static bool run(struct seek *k, struct position from, struct store_page *page, struct error *err)
{
	const struct search_query *q = k->query;
	bool only_total = q->summary == SUMMARY_COUNT || q->count <= 0;
	bool wanted = only_total || q->total == TOTAL_ACCURATE || q->total == TOTAL_ESTIMATE;
	bool counted = is_unconditional(k) && !from.vid && k->snapshot == k->source->last_vid;
	size_t size = only_total ? 0 : (size_t)q->count;
	struct collector c = {.k = k, .want = size + 1, .counting = wanted && !counted && from.total < 0};
	page->total = from.total;
	if (counted && wanted && !count_of_types(k, &page->total, err))
		return false;
	if (only_total && page->total >= 0)
		return true;
	c.vids = ARENA_ARRAY(&k->scratch, int64_t, c.want);
	if (!c.vids)
		return error_memory(err);
	if (!(only_total || by_vid(q) ? collect_by_vid(&c, &from, err) : collect_sorted(&c, &from, err)))
		return false;
	bool complete = !from.vid && (c.counting || c.all || c.count < c.want);
	if (page->total < 0 && q->total != TOTAL_NONE && complete && (wanted || c.count <= size))
		page->total = c.total;
	if (only_total)
		return true;
	size_t count = c.count < size ? c.count : size;
	if (c.count > size) {
		struct position next = {k->snapshot, c.vids[size - 1], page->total};
		page->next = position_write(k->a, &next);
		if (!page->next.p)
			return error_memory(err);
	}
	if (!seek_entries(k, page, c.vids, count, false, err))
		return false;
	page->match_count = page->count;
	return seek_includes(k, page, c.vids, err);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------
 */

void seek_limit(struct seek *k, const struct store_search_options *options)
{
	k->most_looked = options && options->most_looked ? options->most_looked : MOST_LOOKED;
	k->most_includes = options && options->most_includes ? options->most_includes : MOST_INCLUDES;
	k->most_linked = options && options->most_linked ? options->most_linked : MOST_LINKED;
	k->wide = options && options->wide ? options->wide : WIDE;
}

static bool will_see_all(const struct search_query *q, const struct position *from)
{
	bool total = q->total == TOTAL_ACCURATE || q->total == TOTAL_ESTIMATE || q->summary == SUMMARY_COUNT;
	return (total && from->total < 0) || !by_vid(q);
}

static bool search(struct seek *k, const struct store_search_options *options, struct store_page *page,
		   struct error *err)
{
	struct str position = options ? options->position : STR_NULL;
	int64_t now = k->source->last_vid, asked = options ? options->snapshot : 0;
	struct position from = {.total = -1};
	if (position.p && !position_read(position, k->source->last_vid, &from, err))
		return false;
	k->snapshot = position.p ? from.snapshot : asked > 0 && asked < now ? asked : now;
	if (k->snapshot < k->source->oldest)
		return error_set(err, ERR_CURSOR, "The page link is too old: the store was vacuumed since");
	page->snapshot = k->snapshot;
	k->whole = will_see_all(k->query, &from);
	return seek_compile(k, err) && run(k, from, page, err);
}

static bool plan_init(struct seek *k, const struct search_query *query, struct error *err)
{
	k->plan = ARENA_NEW(k->a, struct store_plan);
	if (!k->plan || !(k->plan->parts = ARENA_ARRAY(k->a, struct store_plan_part, query->part_count + 1)))
		return error_memory(err);
	k->plan->part_count = query->part_count;
	for (size_t i = 0; i < query->part_count; i++)
		k->plan->parts[i].type = query->parts[i].type;
	k->plan->order = "version";
	return true;
}

static void plan_done(struct seek *k, uint64_t started_ns)
{
	k->plan->rows = k->rows;
	k->plan->looked = k->looked;
	k->plan->took_us = (clock_monotonic_ns() - started_ns) / 1000;
}

uint64_t seek_deadline(const struct store_search_options *options)
{
	unsigned timeout = options && options->timeout_ms ? options->timeout_ms : 30000;
	return clock_monotonic_ns() + (uint64_t)timeout * 1000000;
}

/* Is there more than hierarchies are followed? Asked like everything else, at the same snapshot. */
static bool check_beyond(const struct seek_source *source, struct arena *a, const struct search_query *query,
			 const struct store_search_options *options, uint64_t deadline_ns, struct error *err)
{
	struct store_search_options plain = options ? *options : (struct store_search_options){0};
	bool first = !plain.position.p; /* a next page shows the same state */
	plain.explain = false;
	for (size_t i = 0; first && i < query->beyond_count; i++) {
		const struct search_query beyond = {.access = query->access,
						    .parts = &query->beyond[i],
						    .part_count = 1,
						    .count = 1,
						    .total = TOTAL_NONE};
		struct store_page page;
		if (!seek_search(source, a, &beyond, &plain, deadline_ns, &page, err))
			return false;
		if (page.match_count)
			return error_set(err, ERR_LIMIT,
					 "The hierarchy of %.*s that is asked for has more than %d steps, which is as "
					 "far as :above and :below go",
					 STR_ARG(query->beyond[i].type->name), SEARCH_HIERARCHY_DEPTH);
	}
	return true;
}

bool seek_search(const struct seek_source *source, struct arena *a, const struct search_query *query,
		 const struct store_search_options *options, uint64_t deadline_ns, struct store_page *ret_page,
		 struct error *err)
{
	struct seek k = {.source = source, .a = a, .query = query, .deadline_ns = deadline_ns};
	struct store_page page = {.total = -1};
	uint64_t started_ns = clock_monotonic_ns();
	seek_limit(&k, options);
	arena_init(&k.scratch, (size_t)256 << 20);
	bool ok = check_beyond(source, a, query, options, deadline_ns, err) &&
		  (!options || !options->explain || plan_init(&k, query, err)) && search(&k, options, &page, err);
	if (ok && k.plan)
		plan_done(&k, started_ns);
	page.plan = k.plan;
	seek_release(&k);
	arena_done(&k.scratch);
	if (ok)
		*ret_page = page;
	return ok;
}
