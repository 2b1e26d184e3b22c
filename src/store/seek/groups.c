/*
 * A sorted page by a token with few codes, such as a status. All versions with one code sort alike, so the index in the
 * order of codes would give them all before anything else; instead each code is walked in the order of versions, which
 * is what decides between them, until the page is full.
 */
#include "store/seek/seek_priv.h"

#include <stdlib.h>

enum { MOST_CODES = 60, MOST_IN_GROUP = 10000 };

struct groups {
	struct order *o;
	struct part *part;
	bool descending;
	struct seek_keys codes;
	struct seek_batch batch;
	uint64_t spent; /* versions looked at in this group */
};

static bool find_codes(struct groups *g, struct error *err)
{
	const struct order *o = g->o;
	const struct seek_source *source = o->k->source;
	struct seek_stretch from = {.table = TABLE_TOKEN, .param = o->params[0], .descending = g->descending};
	from.key = o->after.vid ? key_cut(o->after.keys[0].text) : g->descending ? STR_NULL : S("");
	return source->distinct(source->x, &from, MOST_CODES + 1, &g->codes, err);
}

/* Keeps what sorts by this code: a version with several codes is in several groups. */
static bool keep_own(struct groups *g, struct str code, struct error *err)
{
	size_t kept = 0;
	for (size_t i = 0; i < g->batch.count; i++) {
		struct str text;
		if (!order_first_text(g->o, &g->batch.list[i], &text))
			continue;
		if (str_eq(key_cut(text), code))
			g->batch.list[kept++] = g->batch.list[i];
	}
	g->batch.count = kept;
	return !kept || order_add(g->o, &g->batch, err);
}

/* Is the page full of what sorts up to the version walked last? */
static bool is_full(const struct groups *g, struct str code, int64_t reached)
{
	struct order *o = g->o;
	order_finish(o);
	if (o->count < o->want || o->matches[o->want - 1].keys[0].missing)
		return false;
	const struct match *last = &o->matches[o->want - 1];
	int order = str_cmp(key_cut(last->keys[0].text), code);
	if (order == 0)
		return last->vid <= reached;
	return g->descending ? order > 0 : order < 0;
}

static bool add_code(struct groups *g, struct str code, struct seek_arm **ret_arms, size_t *ret_count,
		     struct error *err)
{
	struct seek *k = g->o->k;
	struct seek_numbers systems = {.limit = SIZE_MAX};
	bool ok = k->source->systems(k->source->x, g->o->params[0], code, &systems, err);
	struct seek_arm *arms = ok ? ARENA_ARRAY(&k->scratch, struct seek_arm, systems.count + 1) : NULL;
	for (size_t i = 0; arms && i < systems.count; i++)
		arms[i] = (struct seek_arm){.form = FORM_TOKEN,
					    .values = {{VALUE_INT, .integer = g->o->params[0]},
						       {VALUE_BYTES, .bytes = code},
						       {VALUE_INT, .integer = systems.list[i]}},
					    .count = 3};
	*ret_arms = arms;
	*ret_count = systems.count;
	free(systems.list);
	return arms || (ok && error_memory(err));
}

/* One code. Other sort parameters, and codes that were cut, decide between all of its versions; otherwise it ends with
 * the page. *ret_done: the page is full; *ret_given_up: that would take too long. */
static bool walk_code(struct groups *g, struct str code, bool *ret_done, bool *ret_given_up, struct error *err)
{
	struct seek *k = g->o->k;
	bool early = k->query->sort_count == 1 && code.n < KEY_MAX, ended = false;
	struct seek_range range = {g->part->vid_low, g->part->vid_high, false};
	struct seek_arms arms = {0};
	struct seek_arm *list;
	if (!add_code(g, code, &list, &arms.count, err))
		return false;
	arms.list = list;
	if (range.high > k->source->indexed)
		range.high = k->source->indexed;
	if (early && g->o->after.vid > range.low && str_eq(g->o->after.keys[0].text, code))
		range.low = g->o->after.vid;
	for (g->spent = 0; !ended && range.low < range.high;) {
		seek_batch_reset(&g->batch);
		if (!k->source->walk(k->source->x, arms, range, k->snapshot, MOST_BATCH, &g->batch, err))
			return false;
		ended = g->batch.ended;
		range.low = g->batch.reached;
		g->spent += g->batch.count;
		if (!seek_spend(k, g->batch.count, err) || !seek_filter(k, g->part, 1, &g->batch, err) ||
		    !keep_own(g, code, err))
			return false;
		if (early && (*ret_done = is_full(g, code, range.low)))
			return true;
		if ((*ret_given_up = g->spent > MOST_IN_GROUP && !ended))
			return true;
	}
	*ret_done = is_full(g, code, INT64_MAX);
	return true;
}

bool groups_fill(struct order *o, bool *ret_grouped, bool *ret_done, struct error *err)
{
	struct groups g = {.o = o, .part = o->k->parts, .descending = o->k->query->sorts->descending};
	bool given_up = false;
	arena_init(&g.codes.arena, (size_t)16 << 20);
	seek_batch_init(&g.batch);
	bool ok = find_codes(&g, err);
	*ret_grouped = ok && g.codes.count <= MOST_CODES;
	if (*ret_grouped)
		ok = order_add_tail(o, g.part, &g.batch, err);
	for (size_t i = 0; ok && *ret_grouped && i < g.codes.count && !*ret_done && !given_up; i++)
		ok = walk_code(&g, g.codes.list[i].key, ret_done, &given_up, err);
	seek_batch_done(&g.batch);
	arena_done(&g.codes.arena);
	free(g.codes.list);
	return ok;
}
