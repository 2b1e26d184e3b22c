/*
 * Sorting. All matches go by, and only the page's worth that comes first after the last page is kept: memory grows with
 * the page, not with the matches. A page's position is the vid it ended with; its keys are read again from its terms,
 * so that links hold no PHI.
 */
#include "store/sqlite/seek_priv.h"

#include <stdlib.h>

bool order_init(struct order *o, struct seek *k, size_t want, struct error *err)
{
	*o = (struct order){.k = k, .want = want, .capacity = 2 * want + 16};
	arena_init(&o->arenas[0], ARENA_NO_CAP);
	arena_init(&o->arenas[1], ARENA_NO_CAP);
	if (k->query->sort_count > MOST_SORTS)
		return error_set(err, ERR_LIMIT, "A search may sort by %d parameters at most", MOST_SORTS);
	o->matches = calloc(o->capacity, sizeof(*o->matches));
	if (!o->matches)
		return error_memory(err);
	for (size_t i = 0; i < k->query->sort_count; i++) {
		const struct search_sort *s = &k->query->sorts[i];
		if (s->kind == SORT_PARAM && !seek_param(k, k->type, s->param->code, &o->sort_params[i], err))
			return false;
	}
	return true;
}

void order_done(struct order *o)
{
	arena_done(&o->arenas[0]);
	arena_done(&o->arenas[1]);
	free(o->matches);
}

/* ---- keys ---------------------------------------------------------------------------------------------------------
 */

static bool term_key(struct order *o, const struct term *t, bool descending, struct arena *a, struct sort_key *ret_key,
		     struct error *err)
{
	*ret_key = (struct sort_key){0};
	switch (t->type) {
	case PARAM_DATE:
		ret_key->integer = descending ? t->high : t->low;
		return true;
	case PARAM_NUMBER:
	case PARAM_QUANTITY:
		ret_key->number = t->number;
		return true;
	case PARAM_REFERENCE:
		if (t->target) {
			int64_t type;
			return seek_resource_id(o->k, t->target, a, &type, &ret_key->text, err) &&
			       ((ret_key->integer = type) || true);
		}
		ret_key->text = t->code;
		return true;
	default:
		ret_key->text = t->code;
		return true;
	}
}

static int compare_key(const struct sort_key *a, const struct sort_key *b)
{
	if (a->integer != b->integer)
		return a->integer < b->integer ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return str_cmp(a->text, b->text);
}

/* Of several values the lowest counts when ascending, the highest when descending. */
static bool param_key(struct order *o, size_t at, struct str terms, struct arena *a, struct sort_key *ret_key,
		      struct error *err)
{
	bool descending = o->k->query->sorts[at].descending;
	struct term t;
	ret_key->missing = true;
	while (term_next(&terms, &t)) {
		struct sort_key key;
		if (t.param != o->sort_params[at])
			continue;
		if (!term_key(o, &t, descending, a, &key, err))
			return false;
		int order = ret_key->missing ? -1 : compare_key(&key, ret_key);
		if (ret_key->missing || (descending ? order > 0 : order < 0))
			*ret_key = key;
	}
	return true;
}

static bool order_keys(struct order *o, const struct found *found, struct arena *a, struct match *ret_match,
		       struct error *err)
{
	const struct search_query *q = o->k->query;
	struct sort_key *keys = ARENA_ARRAY(a, struct sort_key, q->sort_count + 1);
	if (!keys)
		return error_memory(err);
	for (size_t i = 0; i < q->sort_count; i++) {
		int64_t type;
		if (q->sorts[i].kind == SORT_LAST_UPDATED)
			keys[i].integer = found->time;
		else if (q->sorts[i].kind == SORT_ID) {
			if (!seek_resource_id(o->k, found->rid, a, &type, &keys[i].text, err))
				return false;
		} else if (!param_key(o, i, found->terms, a, &keys[i], err))
			return false;
	}
	*ret_match = (struct match){found->vid, keys};
	return true;
}

static int compare_matches(const struct search_query *q, const struct match *a, const struct match *b)
{
	for (size_t i = 0; i < q->sort_count; i++) {
		const struct sort_key *x = &a->keys[i], *y = &b->keys[i];
		if (x->missing != y->missing)
			return x->missing ? 1 : -1;
		int order = x->missing ? 0 : compare_key(x, y);
		if (order)
			return q->sorts[i].descending ? -order : order;
	}
	return (a->vid > b->vid) - (a->vid < b->vid);
}

static int compare_sorted(const void *left, const void *right, void *query)
{
	return compare_matches(query, left, right);
}

/* ---- keeping ------------------------------------------------------------------------------------------------------
 */

static bool copy_keys(const struct search_query *q, struct arena *a, struct match *m)
{
	struct sort_key *keys = ARENA_ARRAY(a, struct sort_key, q->sort_count + 1);
	if (!keys)
		return false;
	for (size_t i = 0; i < q->sort_count; i++) {
		keys[i] = m->keys[i];
		if (keys[i].text.p && !(keys[i].text = arena_str(a, keys[i].text)).p)
			return false;
	}
	m->keys = keys;
	return true;
}

bool order_start_after(struct order *o, const struct found *found, struct error *err)
{
	if (!order_keys(o, found, &o->k->scratch, &o->after, err))
		return false;
	return copy_keys(o->k->query, &o->k->scratch, &o->after) || error_memory(err);
}

void order_finish(struct order *o)
{
	if (o->count > 1)
		qsort_r(o->matches, o->count, sizeof(*o->matches), compare_sorted, (void *)o->k->query);
	if (o->count > o->want)
		o->count = o->want;
}

/* Sorts, drops what is beyond the page, and moves the rest to the other arena so that this one can be emptied. */
static bool shrink(struct order *o, struct error *err)
{
	order_finish(o);
	struct arena *other = &o->arenas[!o->arena];
	for (size_t i = 0; i < o->count; i++)
		if (!copy_keys(o->k->query, other, &o->matches[i]))
			return error_memory(err);
	arena_reset(&o->arenas[o->arena]);
	o->arena = !o->arena;
	return true;
}

bool order_add(struct order *o, const struct found *found, struct error *err)
{
	const struct search_query *q = o->k->query;
	struct match m;
	arena_reset(&o->k->scratch_keys);
	if (!order_keys(o, found, &o->k->scratch_keys, &m, err))
		return false;
	if (o->after.vid && compare_matches(q, &m, &o->after) <= 0)
		return true;
	if (o->count == o->capacity && !shrink(o, err))
		return false;
	if (!copy_keys(q, &o->arenas[o->arena], &m))
		return error_memory(err);
	o->matches[o->count++] = m;
	return true;
}
