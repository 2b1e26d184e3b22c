/*
 * From the index rows of one criterion to the versions that match all. The way in is the criterion with the fewest
 * rows, found by counting up to a limit. Where rows come sorted by vid they are followed batch by batch, so that a page
 * ends early; otherwise their vids are collected and sorted first, and if that is a large part of the type anyway, the
 * whole type is walked instead. Versions that have no index rows yet are walked by their type.
 */
#include "store/seek/seek_priv.h"

#include <stdlib.h>

#include "base/clock.h"

bool seek_in_time(struct seek *k, struct error *err)
{
	if (clock_monotonic_ns() < k->deadline_ns)
		return true;
	return error_set(err, ERR_TIMEOUT, "The search took longer than allowed");
}

/* ---- batches --------------------------------------------------------------------------------------------------------
 */

void seek_batch_init(struct seek_batch *b)
{
	*b = (struct seek_batch){0};
	arena_init(&b->arena, (size_t)256 << 20);
}

void seek_batch_done(struct seek_batch *b)
{
	arena_done(&b->arena);
	free(b->list);
	*b = (struct seek_batch){0};
}

void seek_batch_reset(struct seek_batch *b)
{
	arena_reset(&b->arena);
	b->count = 0;
	b->reached = 0;
	b->ended = false;
}

bool seek_batch_add(struct seek_batch *b, const struct seek_found *found, struct error *err)
{
	if (b->count == b->capacity) {
		size_t capacity = b->capacity ? b->capacity * 2 : LEAST_BATCH * 2;
		struct seek_found *list = realloc(b->list, capacity * sizeof(*list));
		if (!list)
			return error_memory(err);
		b->list = list;
		b->capacity = capacity;
	}
	struct seek_found *f = &b->list[b->count];
	*f = *found;
	f->terms = arena_str(&b->arena, found->terms.p ? found->terms : S(""));
	if (!f->terms.p)
		return error_memory(err);
	b->count++;
	return true;
}

bool seek_numbers_add(struct seek_numbers *n, int64_t number, struct error *err)
{
	if (n->count == n->capacity) {
		size_t capacity = n->capacity ? n->capacity * 2 : 64;
		int64_t *list = realloc(n->list, capacity * sizeof(*list));
		if (!list)
			return error_memory(err);
		n->list = list;
		n->capacity = capacity;
	}
	n->list[n->count++] = number;
	return true;
}

static int compare_vids(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

/* Sorts, keeps each number in the range once, and turns the list round if asked to. */
static void put_in_order(struct seek_numbers *n, int64_t low, int64_t high, bool descending)
{
	size_t kept = 0;
	if (n->count > 1)
		qsort(n->list, n->count, sizeof(*n->list), compare_vids);
	for (size_t i = 0; i < n->count; i++)
		if (n->list[i] > low && n->list[i] <= high && (!kept || n->list[kept - 1] != n->list[i]))
			n->list[kept++] = n->list[i];
	n->count = kept;
	for (size_t i = 0; descending && i < kept / 2; i++) {
		int64_t swapped = n->list[i];
		n->list[i] = n->list[kept - 1 - i];
		n->list[kept - 1 - i] = swapped;
	}
}

/* ---- the way in ---------------------------------------------------------------------------------------------------
 */

enum { MOST_WAYS = 64 };

static size_t usable_ways(const struct check *c, const struct way *ways[MOST_WAYS], size_t count)
{
	if (c->kind == CHECK_AND) {
		for (size_t i = 0; i < c->child_count; i++)
			count = usable_ways(&c->children[i], ways, count);
	} else if (c->way.usable && count < MOST_WAYS)
		ways[count++] = &c->way;
	return count;
}

/* Rows behind each way, counted up to a limit. */
static bool probe(struct seek *k, const struct way **ways, size_t count, int64_t limit, struct seek_probe *probes,
		  struct error *err)
{
	for (size_t i = 0; i < count; i++)
		probes[i] = (struct seek_probe){{ways[i]->arms, ways[i]->arm_count}, 0};
	if (!k->source->probe(k->source->x, probes, count, limit, err))
		return false;
	for (size_t i = 0; i < count; i++)
		probes[i].count += (int64_t)ways[i]->rids.count;
	return true;
}

static bool choose_way(struct seek *k, const struct part *part, const struct way **ret_way, struct error *err)
{
	static const int64_t limits[] = {500, 50000};
	const struct way *ways[MOST_WAYS];
	struct seek_probe probes[MOST_WAYS];
	size_t count = usable_ways(&part->root, ways, 0), best = 0;
	*ret_way = count ? ways[0] : NULL;
	for (size_t i = 0; i < count; i++) {
		if (ways[i]->arm_count)
			continue;
		*ret_way = ways[i]; /* nothing, or a few resources by name */
		return true;
	}
	for (size_t round = 0; count > 1 && round < 2; round++) {
		if (!probe(k, ways, count, limits[round], probes, err))
			return false;
		best = 0;
		for (size_t i = 1; i < count; i++)
			if (probes[i].count < probes[best].count ||
			    (probes[i].count == probes[best].count && ways[i]->ordered && !ways[best]->ordered))
				best = i;
		*ret_way = ways[best];
		if (probes[best].count < limits[round])
			break;
	}
	return true;
}

/* ---- walking --------------------------------------------------------------------------------------------------------
 */

/* More candidates than a good part of the type are not worth collecting. */
static bool collection_limit(struct walker *w, size_t *ret_limit, struct error *err)
{
	int64_t count;
	if (!w->k->source->count_type(w->k->source->x, w->part->number, &count, err))
		return false;
	count /= 4;
	*ret_limit = count < 2000 ? 2000 : count > MOST_CANDIDATES ? MOST_CANDIDATES : (size_t)count;
	return true;
}

/* The vids behind a way's arms, up to those that have index rows, and its resources. *ret_all is false when there are
 * too many. */
static bool collect_arms(struct walker *w, bool *ret_all, struct error *err)
{
	const struct seek_source *s = w->k->source;
	struct seek_range range = {w->low, w->high < s->indexed ? w->high : s->indexed, false};
	*ret_all = true;
	if (!w->way->arm_count || range.low >= range.high)
		return true;
	if (!collection_limit(w, &w->list.limit, err))
		return false;
	if (!s->collect(s->x, (struct seek_arms){w->way->arms, w->way->arm_count}, range, &w->list, err))
		return false;
	*ret_all = w->list.count <= w->list.limit;
	return true;
}

static bool collect_rids(struct walker *w, struct error *err)
{
	const struct seek_source *s = w->k->source;
	if (!s->versions(s->x, w->way->rids.list, w->way->rids.count, w->k->snapshot, &w->batch, err))
		return false;
	for (size_t i = 0; i < w->batch.count; i++)
		if (w->batch.list[i].type == w->part->number && !seek_numbers_add(&w->list, w->batch.list[i].vid, err))
			return false;
	seek_batch_reset(&w->batch);
	return true;
}

static void add_stage(struct walker *w, int stage)
{
	w->stages[w->stage_count++] = stage;
}

/* What comes in which order: versions with index rows by the way, those behind them by their type. */
static bool plan(struct walker *w, struct error *err)
{
	bool listed = w->way && !w->way->ordered, all = true;
	bool tail = w->high > w->k->source->indexed && !(w->way && w->way->complete);
	if (listed && !collect_arms(w, &all, err))
		return false;
	if (!all) {
		w->way = NULL;
		listed = false;
		w->list.count = 0;
	}
	if (listed && w->way->rids.count && !collect_rids(w, err))
		return false;
	put_in_order(&w->list, w->low, tail ? w->k->source->indexed : w->high, w->descending);
	if (tail && w->descending)
		add_stage(w, STAGE_TAIL);
	if (listed || !w->way || w->way->arm_count)
		add_stage(w, listed ? STAGE_LIST : STAGE_ORDERED);
	if (tail && !w->descending)
		add_stage(w, STAGE_TAIL);
	return true;
}

bool walker_init(struct walker *w, struct seek *k, const struct part *part, int64_t after, bool descending, size_t want,
		 struct error *err)
{
	*w = (struct walker){
		.k = k, .part = part, .low = part->vid_low, .high = part->vid_high, .descending = descending};
	seek_batch_init(&w->batch);
	w->want = want < LEAST_BATCH ? LEAST_BATCH : want < MOST_BATCH ? want : MOST_BATCH;
	if (after && descending && after - 1 < w->high)
		w->high = after - 1;
	if (after && !descending && after > w->low)
		w->low = after;
	if (!part->number || w->low >= w->high)
		return true;
	return choose_way(k, part, &w->way, err) && plan(w, err);
}

void walker_done(struct walker *w)
{
	seek_batch_done(&w->batch);
	free(w->list.list);
}

static bool take_listed(struct walker *w, bool *ret_ended, struct error *err)
{
	const struct seek_source *s = w->k->source;
	size_t left = w->list.count - w->list_at, n = left < w->want ? left : w->want;
	if (n && !s->look(s->x, w->list.list + w->list_at, n, w->k->snapshot, &w->batch, err))
		return false;
	w->list_at += n;
	*ret_ended = w->list_at == w->list.count;
	return true;
}

/* What is left of the range for a stage that walks arms. */
static struct seek_range stage_range(const struct walker *w, bool tail)
{
	int64_t indexed = w->k->source->indexed;
	struct seek_range r = {w->low, w->high, w->descending};
	if (tail && r.low < indexed)
		r.low = indexed;
	if (!tail && r.high > indexed)
		r.high = indexed;
	return r;
}

static bool take_walked(struct walker *w, bool tail, bool *ret_ended, struct error *err)
{
	const struct seek_source *s = w->k->source;
	struct seek_range range = stage_range(w, tail);
	struct seek_arm type = {
		.form = tail ? FORM_TAIL : FORM_KIND, .values = {{VALUE_INT, .integer = w->part->number}}, .count = 1};
	struct seek_arms arms = {&type, 1};
	*ret_ended = range.low >= range.high;
	if (*ret_ended)
		return true;
	if (!tail && w->way)
		arms = (struct seek_arms){w->way->arms, w->way->arm_count};
	if (!s->walk(s->x, arms, range, w->k->snapshot, w->want, &w->batch, err))
		return false;
	*ret_ended = w->batch.ended;
	if (w->descending)
		w->high = w->batch.ended ? range.low : w->batch.reached - 1;
	else
		w->low = w->batch.ended ? range.high : w->batch.reached;
	return true;
}

bool walker_fill(struct walker *w, struct error *err)
{
	w->at = 0;
	seek_batch_reset(&w->batch);
	while (!w->batch.count && w->stage < w->stage_count) {
		int stage = w->stages[w->stage];
		bool ended = false;
		seek_batch_reset(&w->batch);
		if (!seek_in_time(w->k, err) ||
		    !(stage == STAGE_LIST ? take_listed(w, &ended, err)
					  : take_walked(w, stage == STAGE_TAIL, &ended, err)))
			return false;
		if (!seek_filter(w->k, &w->part->root, &w->batch, err))
			return false;
		w->stage += ended;
		w->want = w->want * 2 < MOST_BATCH ? w->want * 2 : MOST_BATCH;
	}
	return true;
}

bool walker_next(struct walker *w, const struct seek_found **ret_found, struct error *err)
{
	if (w->at == w->batch.count && !walker_fill(w, err))
		return false;
	*ret_found = w->at < w->batch.count ? &w->batch.list[w->at++] : NULL;
	return true;
}
