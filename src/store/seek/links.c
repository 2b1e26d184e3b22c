/*
 * Chains and reverse chains. When the inner search is narrow, it is made first, and what it gives is a way into the
 * outer one and decides it. Otherwise each batch of outer candidates asks for the resources at the other end of its
 * references, decides those once, and remembers.
 */
#include "store/seek/seek_priv.h"

#include <math.h>
#include <stdlib.h>

/* ---- the inner search first -----------------------------------------------------------------------------------------
 */

/* How many candidates the inner search has, counted up to `most`; *ret_sparse: they are few among all of their types.
 */
static bool inner_candidates(struct seek *k, const struct check *c, int64_t most, int64_t *ret_count, bool *ret_sparse,
			     struct error *err)
{
	int64_t all = 0;
	*ret_count = 0;
	for (size_t i = 0; i < c->inner_count; i++) {
		const struct way *way;
		int64_t count, type_count;
		if (!c->inner[i].number)
			continue;
		if (!seek_choose(k, &c->inner[i], most, &way, &count, err) ||
		    !k->source->count_type(k->source->x, c->inner[i].number, &type_count, err))
			return false;
		*ret_count += way ? count : type_count;
		all += type_count;
	}
	*ret_sparse = *ret_count * 8 < all;
	return true;
}

/* What a match of the inner search stands for: itself for a chain, what it refers to for a reverse chain. */
static bool link_match(struct seek *k, struct check *c, const struct seek_found *f, struct error *err)
{
	struct str terms = f->terms;
	struct term t;
	if (c->kind == CHECK_CHAIN)
		return rid_map_put(&k->scratch, &c->links, f->rid, LINK_YES, err);
	while (term_next(&terms, &t))
		if (t.param == c->param && t.target && !rid_map_put(&k->scratch, &c->links, t.target, LINK_YES, err))
			return false;
	return true;
}

/* All of the inner search, unless it gives too much. */
static bool link_all(struct seek *k, struct check *c, struct part *part, bool *ret_all, struct error *err)
{
	struct walker w;
	bool ok = walker_init(&w, k, part, 0, false, MOST_BATCH, err);
	while (ok && c->links.count <= MOST_LINKED) {
		ok = walker_fill(&w, err);
		if (!ok || !w.batch.count)
			break;
		for (size_t i = 0; ok && i < w.batch.count; i++)
			ok = link_match(k, c, &w.batch.list[i], err);
	}
	walker_done(&w);
	*ret_all = c->links.count <= MOST_LINKED;
	return ok;
}

static bool link_way(struct seek *k, struct check *c, struct error *err)
{
	if (c->kind == CHECK_CHAIN && c->links.count > FEW_LINKED)
		return true;
	c->way.usable = true;
	c->way.complete = c->kind == CHECK_HAS || !c->param || !c->links.count;
	for (size_t i = 0; i < c->links.capacity; i++) {
		struct seek_arm *arm;
		if (!c->links.keys[i] || (c->kind == CHECK_CHAIN && !c->param))
			continue;
		if (c->kind == CHECK_HAS) {
			if (!way_rid(k, &c->way, c->links.keys[i], err))
				return false;
			continue;
		}
		if (!(arm = way_arm(k, &c->way, FORM_REFERENCE, c->param, err)))
			return false;
		arm_int(arm, c->links.keys[i]);
	}
	return true;
}

/* Is it the only criterion, and the inner part one plain criterion, so that the rows behind the way of that tell how
 * many of the outer resources are matches? */
static bool is_plain(const struct seek *k, const struct check *c)
{
	if (k->part_count != 1 || k->parts->root.child_count != 1 || c->inner_count != 1)
		return false;
	const struct check *root = &c->inner->root;
	return root->child_count == 1 && root->children->kind == CHECK_PARAM && root->children->way.usable;
}

static bool count_types(struct seek *k, const struct part *parts, size_t count, int64_t *ret_count, struct error *err)
{
	*ret_count = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t one = 0;
		if (parts[i].number && !k->source->count_type(k->source->x, parts[i].number, &one, err))
			return false;
		*ret_count += one;
	}
	return true;
}

/* For a page: so many candidates of a reverse chain cost as much as following it from the outer side until the page is
 * full. The more candidates, the more of the outer resources are matches; of many referrers (as a patient has many
 * Observations) several are candidates alike, about half the root of their number. An outer resource costs a look,
 * finding its referrers another, and each referrer a twentieth of one, as long as rows tell which meet the inner part;
 * otherwise REFERRERS looks altogether. */
static bool has_limit(struct seek *k, const struct check *c, int64_t *ret_most, struct error *err)
{
	enum { REFERRERS = 20, LEAST = 50, LEAST_UNSURE = 500 };
	int64_t outer, inner;
	bool plain = is_plain(k, c);
	if (!count_types(k, k->parts, k->part_count, &outer, err) ||
	    !count_types(k, c->inner, c->inner_count, &inner, err))
		return false;
	double referrers = outer > 0 ? (double)inner / (double)outer : 0;
	double alike = plain && referrers > 4 ? sqrt(referrers) / 2 : 1;
	double each = (plain ? 2 + referrers / 20 : REFERRERS) * alike;
	double even = sqrt(each * (double)(k->query->count + 1) * (double)outer);
	double least = plain ? LEAST : LEAST_UNSURE;
	*ret_most = even < least ? (int64_t)least : even < 2.0 * FEW_LINKED ? (int64_t)even : 2 * FEW_LINKED;
	return true;
}

bool links_settle(struct seek *k, struct check *c, struct error *err)
{
	int64_t count, most = MOST_LINKED;
	bool sparse, all = true;
	if ((!k->whole && c->kind == CHECK_HAS && !has_limit(k, c, &most, err)) ||
	    !inner_candidates(k, c, most, &count, &sparse, err))
		return false;
	if (!k->whole && c->kind == CHECK_CHAIN && !sparse)
		most = FEW_LINKED;
	if (count >= most || count >= k->most_linked)
		return true;
	for (size_t i = 0; all && i < c->inner_count; i++)
		if (c->inner[i].number && !link_all(k, c, &c->inner[i], &all, err))
			return false;
	c->settled = all;
	if (!all)
		c->links = (struct rid_map){0};
	return !all || link_way(k, c, err);
}

/* Resources whose referrers are looked up together. */
enum { RIDS_AT_ONCE = 128 };

/* ---- batch by batch -------------------------------------------------------------------------------------------------
 */

static bool any_target(const struct check *c, struct str terms)
{
	struct term t;
	while (term_next(&terms, &t))
		if (t.param == c->param && t.target && rid_map_get(&c->links, t.target) == LINK_YES)
			return true;
	return false;
}

/* Notes a resource to be asked for, once. */
static bool ask(struct seek *k, struct check *c, int64_t rid, struct seek_numbers *out, struct error *err)
{
	if (rid_map_get(&c->links, rid) != LINK_UNKNOWN)
		return true;
	return rid_map_put(&k->scratch, &c->links, rid, LINK_NO, err) && seek_numbers_add(out, rid, err);
}

static bool ask_targets(struct seek *k, struct check *c, struct str terms, struct seek_numbers *out, struct error *err)
{
	struct term t;
	while (term_next(&terms, &t))
		if (t.param == c->param && t.target && !ask(k, c, t.target, out, err))
			return false;
	return true;
}

/* Decides versions at the other end, and notes what they stand for. */
static bool link_batch(struct seek *k, struct check *c, struct seek_batch *b, struct error *err)
{
	bool ok = seek_spend(k, b->count, err) && seek_filter(k, c->inner, c->inner_count, b, err);
	for (size_t i = 0; ok && i < b->count; i++)
		ok = link_match(k, c, &b->list[i], err);
	seek_batch_reset(b);
	return ok;
}

static bool follow_targets(struct seek *k, struct check *c, const struct seek_numbers *rids, struct error *err)
{
	struct seek_batch b;
	bool ok = true;
	seek_batch_init(&b);
	for (size_t at = 0; ok && at < rids->count; at += MOST_BATCH) {
		size_t n = rids->count - at < MOST_BATCH ? rids->count - at : MOST_BATCH;
		ok = k->source->versions(k->source->x, rids->list + at, n, k->snapshot, &b, err) &&
		     link_batch(k, c, &b, err);
	}
	seek_batch_done(&b);
	return ok;
}

/* Versions without index rows that meet the inner part are few: all of them are linked beforehand. */
static bool link_tail(struct seek *k, struct check *c, struct error *err)
{
	struct seek_arm arm = {.form = FORM_TAIL, .values = {{VALUE_INT, .integer = c->inner->number}}, .count = 1};
	struct seek_range range = {k->source->indexed, k->snapshot, false};
	struct seek_batch b;
	bool ok = true, ended = false;
	seek_batch_init(&b);
	while (ok && !ended && range.low < range.high) {
		ok = k->source->walk(k->source->x, (struct seek_arms){&arm, 1}, range, k->snapshot, MOST_BATCH, &b,
				     err);
		ended = b.ended;
		range.low = b.reached;
		ok = ok && link_batch(k, c, &b, err);
	}
	seek_batch_done(&b);
	return ok;
}

/* Beforehand: what has no index rows, and the vids that the narrowest way into the inner part leaves over. For a page
 * those are not worth collecting when they are many; then each referrer is looked for behind that way. */
static bool prepare(struct seek *k, struct check *c, struct error *err)
{
	const struct way *way;
	int64_t count;
	int64_t most = k->whole ? MOST_COUNTED : FEW_LINKED + 1;
	c->prepared = true;
	if (!link_tail(k, c, err) || !seek_choose(k, c->inner, most, &way, &count, err))
		return false;
	if (!way || !way->arm_count || way->rids.count || way->worded)
		return true;
	if (!k->whole && count > FEW_LINKED) {
		c->also = way->ordered && way->arm_count == 1 ? way->arms : NULL;
		return true;
	}
	c->rows = k->whole ? 0 : count;
	struct seek_numbers vids = {.limit = k->whole ? MOST_LINKED * 4 : FEW_LINKED};
	struct seek_range range = {0, k->snapshot, false};
	bool ok = k->source->collect(k->source->x, (struct seek_arms){way->arms, way->arm_count}, range, &vids, err);
	if (ok && vids.count <= vids.limit) {
		numbers_sort(&vids, 0, k->snapshot, false);
		c->narrowed.list = ARENA_ARRAY(&k->scratch, int64_t, vids.count + 1);
		ok = c->narrowed.list || error_memory(err);
		if (ok && vids.count)
			memcpy(c->narrowed.list, vids.list, vids.count * sizeof(*vids.list));
		c->narrowed.count = vids.count;
	}
	free(vids.list);
	return ok;
}

static bool look_at_all(struct seek *k, struct check *c, const struct seek_numbers *vids, struct error *err)
{
	struct seek_batch b;
	bool ok = true;
	seek_batch_init(&b);
	for (size_t at = 0; ok && at < vids->count; at += MOST_BATCH) {
		size_t n = vids->count - at < MOST_BATCH ? vids->count - at : MOST_BATCH;
		ok = k->source->look(k->source->x, vids->list + at, n, k->snapshot, &b, err) &&
		     link_batch(k, c, &b, err);
	}
	seek_batch_done(&b);
	return ok;
}

/* The vids of versions that refer to some resources, as far as the inner part's way leaves them over. */
static bool find_referring(struct seek *k, const struct check *c, const int64_t *rids, size_t count,
			   struct seek_numbers *vids, struct error *err)
{
	struct seek_arm arms[RIDS_AT_ONCE];
	struct seek_range range = {0, k->snapshot, false};
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		arms[i] =
			(struct seek_arm){.form = FORM_REFERENCE,
					  .values = {{VALUE_INT, .integer = c->param}, {VALUE_INT, .integer = rids[i]}},
					  .count = 2};
	vids->count = 0;
	vids->limit = MOST_COLLECTED;
	if (!k->source->collect(k->source->x, (struct seek_arms){arms, count, c->also}, range, vids, err))
		return false;
	if (vids->count > vids->limit)
		return error_set(err, ERR_TOO_COSTLY,
				 "More than %d resources refer to those that the search looks at; narrow it by another "
				 "criterion",
				 MOST_COLLECTED);
	k->rows += vids->count;
	numbers_sort(vids, 0, k->snapshot, false);
	for (size_t i = 0; i < vids->count; i++)
		if (!c->narrowed.list || numbers_have(&c->narrowed, vids->list[i]))
			vids->list[kept++] = vids->list[i];
	vids->count = kept;
	return true;
}

static bool follow_referring(struct seek *k, struct check *c, const struct seek_numbers *rids, struct error *err)
{
	struct seek_numbers vids = {0};
	bool ok = true;
	for (size_t at = 0; ok && at < rids->count; at += RIDS_AT_ONCE) {
		size_t n = rids->count - at < RIDS_AT_ONCE ? rids->count - at : RIDS_AT_ONCE;
		ok = find_referring(k, c, rids->list + at, n, &vids, err) && look_at_all(k, c, &vids, err);
		c->spent += (int64_t)(2 * n + vids.count);
	}
	free(vids.list);
	return ok;
}

/* Matches were to be dense and are not, since few resources have many referrers: the inner search is made after all. */
static bool settle_late(struct seek *k, struct check *c, struct error *err)
{
	bool all = true;
	if (!c->rows || c->spent < 2 * c->rows + 1000)
		return true;
	c->rows = 0;
	if (!link_all(k, c, c->inner, &all, err))
		return false;
	c->settled = all;
	return true;
}

static bool follow(struct seek *k, struct check *c, const struct seek_batch *batch, const bool *keep, struct error *err)
{
	struct seek_numbers rids = {0};
	bool ok = c->kind == CHECK_CHAIN || c->prepared || prepare(k, c, err);
	ok = ok && settle_late(k, c, err);
	for (size_t i = 0; ok && !c->settled && i < batch->count; i++) {
		if (keep[i])
			ok = c->kind == CHECK_CHAIN ? ask_targets(k, c, batch->list[i].terms, &rids, err)
						    : ask(k, c, batch->list[i].rid, &rids, err);
	}
	if (ok && rids.count)
		ok = c->kind == CHECK_CHAIN ? follow_targets(k, c, &rids, err) : follow_referring(k, c, &rids, err);
	free(rids.list);
	return ok;
}

bool links_decide(struct seek *k, struct check *c, const struct seek_batch *batch, bool *keep, struct error *err)
{
	bool known = c->param && c->inner_count;
	if (known && !c->settled && !follow(k, c, batch, keep, err))
		return false;
	for (size_t i = 0; i < batch->count; i++)
		keep[i] = keep[i] && known &&
			  (c->kind == CHECK_CHAIN ? any_target(c, batch->list[i].terms)
						  : rid_map_get(&c->links, batch->list[i].rid) == LINK_YES);
	return true;
}
