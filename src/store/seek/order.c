/*
 * Sorting. All matches go by, and only the page's worth that comes first after the last page is kept: memory grows with
 * the page, not with the matches. A page's position is the vid it ended with; its keys are read again from its terms,
 * so that links hold no PHI.
 */
#include "store/seek/seek_priv.h"

#include <stdlib.h>

static bool name_sorts(struct order *o, struct naming *n, size_t part, struct error *err)
{
	const struct search_query *q = o->k->query;
	for (size_t i = 0; i < q->sort_count; i++) {
		struct seek_name name = {NAME_PARAM, .scope = o->k->parts[part].type->name};
		if (q->sorts[i].kind != SORT_PARAM)
			continue;
		name.text = q->sorts[i].param->code;
		if (!naming_add(o->k, n, name, &o->params[part * MOST_SORTS + i], 0, err))
			return false;
	}
	return true;
}

bool order_init(struct order *o, struct seek *k, size_t want, struct error *err)
{
	struct naming n = {0};
	*o = (struct order){.k = k, .want = want, .capacity = 2 * want + 16};
	arena_init(&o->arenas[0], (size_t)256 << 20);
	arena_init(&o->arenas[1], (size_t)256 << 20);
	arena_init(&o->scratch, (size_t)256 << 20);
	if (k->query->sort_count > MOST_SORTS)
		return error_set(err, ERR_LIMIT, "A search may sort by %d parameters at most", MOST_SORTS);
	o->matches = calloc(o->capacity, sizeof(*o->matches));
	o->params = ARENA_ARRAY(&k->scratch, int64_t, k->part_count * MOST_SORTS);
	if (!o->matches || !o->params)
		return error_memory(err);
	for (size_t i = 0; i < k->part_count; i++)
		if (!name_sorts(o, &n, i, err))
			return false;
	return naming_resolve(k, &n, err);
}

/* The sort parameters of a type. */
static const int64_t *params_of(const struct order *o, int64_t type)
{
	size_t i = 0;
	while (i + 1 < o->k->part_count && o->k->parts[i].number != type)
		i++;
	return o->params + i * MOST_SORTS;
}

void order_done(struct order *o)
{
	arena_done(&o->arenas[0]);
	arena_done(&o->arenas[1]);
	arena_done(&o->scratch);
	free(o->matches);
}

/* ---- ids ------------------------------------------------------------------------------------------------------------
 */

static int compare_idents(const void *left, const void *right)
{
	const struct seek_ident *a = left, *b = right;
	return (a->rid > b->rid) - (a->rid < b->rid);
}

static bool ask_ident(struct order *o, int64_t rid, struct error *err)
{
	o->idents = arena_grow(&o->scratch, o->idents, o->ident_count, &o->ident_capacity, o->ident_count + 1,
			       sizeof(*o->idents));
	if (!o->idents)
		return error_memory(err);
	o->idents[o->ident_count++] = (struct seek_ident){.rid = rid};
	return true;
}

static bool ask_targets(struct order *o, int64_t param, struct str terms, struct error *err)
{
	struct term t;
	while (term_next(&terms, &t))
		if (t.param == param && t.target && !ask_ident(o, t.target, err))
			return false;
	return true;
}

/* The ids that the keys of a batch are made of, all at once. */
static bool find_idents(struct order *o, const struct seek_batch *batch, struct error *err)
{
	const struct search_query *q = o->k->query;
	const struct seek_source *s = o->k->source;
	arena_reset(&o->scratch);
	o->idents = NULL;
	o->ident_count = o->ident_capacity = 0;
	for (size_t i = 0; i < q->sort_count; i++) {
		/* In several types the same code may be of different kinds. */
		bool by_reference = q->sorts[i].kind == SORT_PARAM &&
				    (q->part_count > 1 || q->sorts[i].param->type == PARAM_REFERENCE);
		for (size_t j = 0; j < batch->count && q->sorts[i].kind == SORT_ID; j++)
			if (!ask_ident(o, batch->list[j].rid, err))
				return false;
		for (size_t j = 0; j < batch->count && by_reference; j++)
			if (!ask_targets(o, params_of(o, batch->list[j].type)[i], batch->list[j].terms, err))
				return false;
	}
	if (!o->ident_count)
		return true;
	qsort(o->idents, o->ident_count, sizeof(*o->idents), compare_idents);
	return s->idents(s->x, &o->scratch, o->idents, o->ident_count, err);
}

static struct seek_ident ident_of(const struct order *o, int64_t rid)
{
	struct seek_ident wanted = {.rid = rid};
	const struct seek_ident *found =
		bsearch(&wanted, o->idents, o->ident_count, sizeof(*o->idents), compare_idents);
	return found ? *found : wanted;
}

/* ---- keys ---------------------------------------------------------------------------------------------------------
 */

static struct sort_key term_key(const struct order *o, const struct term *t, bool descending)
{
	switch (t->type) {
	case PARAM_DATE:
		return (struct sort_key){.integer = descending ? t->high : t->low};
	case PARAM_NUMBER:
	case PARAM_QUANTITY:
		return (struct sort_key){.number = t->number};
	case PARAM_REFERENCE:
		/* By id alone: types have numbers of each store's own, and stores shall agree. */
		return (struct sort_key){.text = t->target ? ident_of(o, t->target).id : t->code};
	default:
		return (struct sort_key){.text = t->code};
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
static struct sort_key param_key(const struct order *o, size_t at, int64_t param, struct str terms)
{
	bool descending = o->k->query->sorts[at].descending;
	struct sort_key best = {.missing = true};
	struct term t;
	while (term_next(&terms, &t)) {
		if (t.param != param)
			continue;
		struct sort_key key = term_key(o, &t, descending);
		int order = best.missing ? -1 : compare_key(&key, &best);
		if (best.missing || (descending ? order > 0 : order < 0))
			best = key;
	}
	return best;
}

static void order_keys(const struct order *o, const struct seek_found *found, struct sort_key keys[MOST_SORTS])
{
	const struct search_query *q = o->k->query;
	for (size_t i = 0; i < q->sort_count; i++) {
		if (q->sorts[i].kind == SORT_LAST_UPDATED)
			keys[i] = (struct sort_key){.integer = found->time};
		else if (q->sorts[i].kind == SORT_ID)
			keys[i] = (struct sort_key){.text = ident_of(o, found->rid).id};
		else
			keys[i] = param_key(o, i, params_of(o, found->type)[i], found->terms);
	}
}

bool order_first_text(const struct order *o, const struct seek_found *found, struct str *ret_text)
{
	struct sort_key key = param_key(o, 0, params_of(o, found->type)[0], found->terms);
	*ret_text = key.text;
	return !key.missing;
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

bool order_start_after(struct order *o, const struct seek_batch *batch, struct error *err)
{
	struct sort_key keys[MOST_SORTS];
	if (!find_idents(o, batch, err))
		return false;
	order_keys(o, &batch->list[0], keys);
	o->after = (struct match){batch->list[0].vid, keys};
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

static bool add_one(struct order *o, const struct seek_found *found, struct error *err)
{
	const struct search_query *q = o->k->query;
	struct sort_key keys[MOST_SORTS];
	struct match m = {found->vid, keys};
	order_keys(o, found, keys);
	o->passed++;
	if (o->after.vid && compare_matches(q, &m, &o->after) <= 0)
		return true;
	if (o->count == o->capacity && !shrink(o, err))
		return false;
	if (!copy_keys(q, &o->arenas[o->arena], &m))
		return error_memory(err);
	o->matches[o->count++] = m;
	return true;
}

bool order_add(struct order *o, const struct seek_batch *batch, struct error *err)
{
	if (!find_idents(o, batch, err))
		return false;
	for (size_t i = 0; i < batch->count; i++)
		if (!add_one(o, &batch->list[i], err))
			return false;
	return true;
}
