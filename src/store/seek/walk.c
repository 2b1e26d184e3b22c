/*
 * From the index rows of one criterion to the versions that match all. The way in is the criterion with the fewest
 * rows, found by counting up to a limit. Where rows come sorted by vid they are followed batch by batch, so that a page
 * ends early; otherwise their vids are collected and sorted first, and if that is a large part of the type anyway, the
 * whole type is walked instead. A page of which there seems to be plenty is tried without collecting: matches that are
 * dense fill it after a few looks, however large the store is. Versions that have no index rows yet are walked by their
 * type.
 */
#include "store/seek/seek_priv.h"

#include <stdlib.h>

#include "base/clock.h"

bool seek_spend(struct seek *k, size_t candidates, struct error *err)
{
	k->looked += candidates;
	if (k->looked > k->most_looked)
		return error_set(err, ERR_TOO_COSTLY,
				 "The search would look at more than %llu resources; narrow it by another criterion",
				 (unsigned long long)k->most_looked);
	if (clock_monotonic_ns() < k->deadline_ns)
		return true;
	return error_set(err, ERR_TIMEOUT, "The search took longer than allowed");
}

/* ---- the way in ---------------------------------------------------------------------------------------------------
 */

enum { MOST_WAYS = 64 };

/* Candidates by words, and those that the index of words does not have yet: at most, since they are of any type. */
static int64_t worded_count(const struct seek *k, const struct way *way)
{
	if (!way->worded)
		return 0;
	return (int64_t)way->vids.count + (k->snapshot > k->source->worded ? k->snapshot - k->source->worded : 0);
}

/* Rows behind each way, counted up to a limit. */
static bool probe(struct seek *k, const struct way **ways, size_t count, int64_t limit, struct seek_probe *probes,
		  struct error *err)
{
	for (size_t i = 0; i < count; i++)
		probes[i] = (struct seek_probe){{ways[i]->arms, ways[i]->arm_count}, 0};
	if (!k->source->probe(k->source->x, probes, count, limit, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		k->rows += (uint64_t)probes[i].count;
		probes[i].count += (int64_t)ways[i]->rids.count + worded_count(k, ways[i]);
	}
	return true;
}

/* Counts each way up to the limits in turn, as far as it takes to tell them apart. */
static bool narrowest(struct seek *k, const struct way **ways, size_t count, const int64_t *limits, size_t rounds,
		      const struct way **ret_way, int64_t *ret_count, struct error *err)
{
	struct seek_probe probes[MOST_WAYS];
	size_t best = 0;
	*ret_way = NULL;
	*ret_count = INT64_MAX;
	count = count < MOST_WAYS ? count : MOST_WAYS;
	for (size_t i = 0; i < count; i++) {
		if (ways[i]->arm_count || ways[i]->worded)
			continue;
		*ret_way = ways[i]; /* nothing, or a few resources by name */
		*ret_count = (int64_t)ways[i]->rids.count;
		return true;
	}
	for (size_t round = 0; count && round < rounds; round++) {
		if (!probe(k, ways, count, limits[round], probes, err))
			return false;
		best = 0;
		for (size_t i = 1; i < count; i++)
			/* Counting stopped where the one before ended, so equal counts tell nothing but at the limit.
			 */
			if (probes[i].count < probes[best].count ||
			    (probes[i].count >= limits[round] && ways[i]->ordered && !ways[best]->ordered))
				best = i;
		*ret_way = ways[best];
		*ret_count = probes[best].count;
		if (probes[best].count < limits[round])
			break;
	}
	return true;
}

bool ways_narrowest(struct seek *k, const struct way **ways, size_t count, int64_t most, const struct way **ret_way,
		    int64_t *ret_count, struct error *err)
{
	int64_t limits[] = {500, 5000, MOST_COUNTED};
	size_t rounds = 0;
	while (rounds < 2 && limits[rounds] < most)
		rounds++;
	if (limits[rounds] > most)
		limits[rounds] = most;
	return narrowest(k, ways, count, limits, rounds + 1, ret_way, ret_count, err);
}

static size_t usable_ways(const struct part *part, const struct way *ways[MOST_WAYS])
{
	size_t count = 0;
	if (part->span.usable)
		ways[count++] = &part->span; /* likely the narrowest, and the others are counted no further than it */
	for (size_t i = 0; i < part->root.child_count; i++)
		if (part->root.children[i].way.usable && count < MOST_WAYS)
			ways[count++] = &part->root.children[i].way;
	return count;
}

bool seek_choose(struct seek *k, const struct part *part, int64_t most, const struct way **ret_way, int64_t *ret_count,
		 struct error *err)
{
	const struct way *ways[MOST_WAYS];
	return ways_narrowest(k, ways, usable_ways(part, ways), most, ret_way, ret_count, err);
}

/* The same, without counting where there is nothing to choose. */
static bool choose(struct walker *w, struct error *err)
{
	const struct way *ways[MOST_WAYS];
	size_t count = usable_ways(w->part, ways);
	int64_t rows;
	if (count > 1)
		return ways_narrowest(w->k, ways, count, MOST_COUNTED, &w->way, &rows, err);
	w->way = count ? ways[0] : NULL;
	return true;
}

/* For a page: where all ways are wide, whichever comes in order (the type at least) is followed for some looks before
 * anything is counted further or collected. */
static bool choose_for_page(struct walker *w, struct error *err)
{
	const struct way *ways[MOST_WAYS];
	size_t count = usable_ways(w->part, ways);
	int64_t rows;
	if (count == 0 || (count == 1 && ways[0]->ordered)) {
		w->way = count ? ways[0] : NULL;
		return true;
	}
	const int64_t limits[] = {w->k->wide / 10 + 1, w->k->wide};
	if (!narrowest(w->k, ways, count, limits, 2, &w->way, &rows, err))
		return false;
	if (rows < w->k->wide)
		return true;
	w->tries = (size_t)(w->k->wide * 2 / 5 + 1);
	if (!w->way->ordered)
		w->way = NULL;
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
	*ret_limit = count < 2000 ? 2000 : count > MOST_COLLECTED ? MOST_COLLECTED : (size_t)count;
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
	w->k->rows += w->list.count;
	*ret_all = w->list.count <= w->list.limit;
	return true;
}

/* Versions that the index of words has and those behind it; *ret_all is false when those are too many. */
static bool collect_worded(struct walker *w, bool *ret_all, struct error *err)
{
	const struct seek_source *s = w->k->source;
	struct seek_arm type = {.form = FORM_KIND, .values = {{VALUE_INT, .integer = w->part->number}}, .count = 1};
	struct seek_range range = {w->low > s->worded ? w->low : s->worded, w->high < s->indexed ? w->high : s->indexed,
				   false};
	for (size_t i = 0; i < w->way->vids.count; i++)
		if (!seek_numbers_add(&w->list, w->way->vids.list[i], err))
			return false;
	size_t before = w->list.count;
	if (range.low >= range.high)
		return true;
	if (!collection_limit(w, &w->list.limit, err))
		return false;
	w->list.limit += before;
	if (!s->collect(s->x, (struct seek_arms){&type, 1}, range, &w->list, err))
		return false;
	w->k->rows += w->list.count - before;
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

/* Collects what is left of the way, if that is no large part of the type; *ret_listed tells. */
static bool list_way(struct walker *w, bool tail, bool *ret_listed, struct error *err)
{
	bool all = true;
	*ret_listed = w->way && !w->way->ordered;
	if (*ret_listed && !collect_arms(w, &all, err))
		return false;
	if (*ret_listed && all && w->way->worded && !collect_worded(w, &all, err))
		return false;
	if (!all) {
		w->way = NULL;
		*ret_listed = false;
		w->list.count = 0;
	}
	if (*ret_listed && w->way->rids.count && !collect_rids(w, err))
		return false;
	numbers_sort(&w->list, w->low, tail ? w->k->source->indexed : w->high, w->descending);
	return true;
}

/* What comes in which order: versions with index rows by the way, those behind them by their type. */
static bool plan(struct walker *w, struct error *err)
{
	bool listed, tail = w->high > w->k->source->indexed && (w->tries || !(w->way && w->way->complete));
	if (!list_way(w, tail, &listed, err))
		return false;
	if (tail && w->descending)
		add_stage(w, STAGE_TAIL);
	if (listed || !w->way || w->way->arm_count)
		add_stage(w, listed ? STAGE_LIST : STAGE_ORDERED);
	if (tail && !w->descending)
		add_stage(w, STAGE_TAIL);
	return true;
}

static struct str way_name(const struct way *way)
{
	static const char *const names[] = {[CHECK_ID] = "_id",
					    [CHECK_OR] = "any of several",
					    [CHECK_AND] = "one of several",
					    [CHECK_BODY] = "words",
					    [CHECK_NONE] = "nothing"};
	const struct check *c = way->check;
	if (c->criterion && c->criterion->param)
		return c->criterion->param->code;
	return c->kind < sizeof(names) / sizeof(names[0]) && names[c->kind] ? str_from(names[c->kind]) : S("criteria");
}

/* Tells of a walk through one of the query's own parts. */
static void note_plan(struct walker *w)
{
	struct seek *k = w->k;
	if (!k->plan || w->part < k->parts || w->part >= k->parts + k->part_count)
		return;
	struct store_plan_part *p = &k->plan->parts[w->part - k->parts];
	*p = (struct store_plan_part){.type = w->part->type, .ordered = true};
	if (!w->way)
		return;
	p->way = way_name(w->way);
	p->ranges = w->way->arm_count;
	p->ordered = w->way->ordered;
}

/* The arm of another criterion that needs only one: a look at its index costs less than the terms of a version. */
static const struct seek_arm *other_arm(const struct part *part, const struct way *way)
{
	if (!way || !way->ordered || way->complete)
		return NULL;
	for (size_t i = 0; i < part->root.child_count; i++) {
		const struct way *other = &part->root.children[i].way;
		if (other->usable && other->ordered && other != way && other->arm_count == 1 && !other->complete)
			return other->arms;
	}
	return NULL;
}

bool walker_init(struct walker *w, struct seek *k, struct part *part, int64_t after, bool descending, size_t want,
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
	bool page = !k->whole && want < MOST_BATCH;
	if (!(page ? choose_for_page(w, err) : choose(w, err)) || !plan(w, err))
		return false;
	w->also = other_arm(part, w->way);
	note_plan(w);
	return true;
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
		arms = (struct seek_arms){w->way->arms, w->way->arm_count, w->also};
	if (!s->walk(s->x, arms, range, w->k->snapshot, w->want, &w->batch, err))
		return false;
	*ret_ended = w->batch.ended;
	if (w->descending)
		w->high = w->batch.ended ? range.low : w->batch.reached - 1;
	else
		w->low = w->batch.ended ? range.high : w->batch.reached;
	return true;
}

/* Trying has an end: matches are rarer than was hoped, so the way is chosen with care for what is left. */
static bool end_tries(struct walker *w, struct error *err)
{
	bool listed;
	w->tries = 0;
	if (!choose(w, err) || !list_way(w, true, &listed, err))
		return false;
	if (listed || (w->way && !w->way->arm_count))
		w->stages[w->stage] = STAGE_LIST;
	w->also = other_arm(w->part, w->way);
	note_plan(w);
	return true;
}

static bool take(struct walker *w, bool *ret_ended, struct error *err)
{
	bool trying = w->tries && w->stages[w->stage] == STAGE_ORDERED;
	if (trying && w->tried >= w->tries && !end_tries(w, err))
		return false;
	int stage = w->stages[w->stage];
	if (!(stage == STAGE_LIST ? take_listed(w, ret_ended, err)
				  : take_walked(w, stage == STAGE_TAIL, ret_ended, err)))
		return false;
	w->tried += trying ? w->batch.count : 0;
	return true;
}

bool walker_fill(struct walker *w, struct error *err)
{
	w->at = 0;
	seek_batch_reset(&w->batch);
	while (!w->batch.count && w->stage < w->stage_count) {
		bool ended = false;
		seek_batch_reset(&w->batch);
		if (!take(w, &ended, err) || !seek_spend(w->k, w->batch.count, err) ||
		    !seek_filter(w->k, w->part, 1, &w->batch, err))
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
