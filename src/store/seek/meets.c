/* Which versions meet the criteria? The rules of search.h over terms, where names are numbers already. */
#include "store/seek/seek_priv.h"

static bool same(struct str a, struct str b)
{
	return a.p && b.p && str_eq(a, b);
}

static bool string_meets(enum search_modifier modifier, const struct term *t, const struct search_value *v)
{
	switch (modifier) {
	case MOD_EXACT:
		return same(t->text, v->code);
	case MOD_CONTAINS:
		return t->code.p && str_find(t->code, v->code) != STR_NONE;
	case MOD_ENDS:
		return t->code.p && str_ends(t->code, v->code);
	default:
		return t->code.p && str_starts(t->code, v->code);
	}
}

static bool token_meets(const struct term *t, const struct wanted *w)
{
	return (w->system == SYSTEM_ANY || w->system == t->system) &&
	       (!w->value->code.p || same(t->code, w->value->code));
}

static bool reference_meets(enum search_modifier modifier, const struct term *t, const struct wanted *w)
{
	if (!w->value->ref_id.p)
		return !t->target && (modifier == MOD_BELOW ? search_version_below(t->code, w->value->code)
							    : same(t->code, w->value->code));
	for (size_t i = 0; i < w->target_count; i++)
		if (w->targets[i] == t->target)
			return true;
	return false;
}

static bool unit_meets(const struct term *t, const struct wanted *w)
{
	struct str code = w->value->code;
	if (w->system != SYSTEM_ANY && w->system != SYSTEM_NONE)
		return t->system == w->system && (!code.p || same(t->code, code));
	return !code.p || same(t->code, code) || same(t->text, code);
}

static bool quantity_meets(const struct term *t, const struct wanted *w)
{
	if (w->value->canonical.p)
		return same(t->canonical, w->value->canonical) &&
		       search_number_meets(t->canonical_low, t->canonical_high, w->value);
	return unit_meets(t, w) && search_number_meets(t->number_low, t->number_high, w->value);
}

static bool place_meets(const struct term *t, const struct search_value *v)
{
	return search_distance(t->number_low, t->number_high, v->number_low, v->number_high) <= v->number;
}

static bool value_meets(const struct check *c, const struct term *t, const struct wanted *w)
{
	switch (c->type) {
	case PARAM_STRING:
		return string_meets(c->criterion->modifier, t, w->value);
	case PARAM_TOKEN:
		return token_meets(t, w) && (c->criterion->modifier != MOD_OF_TYPE || same(t->text, w->value->text));
	case PARAM_URI:
		return c->criterion->modifier == MOD_BELOW ? t->code.p && search_uri_below(t->code, w->value->code)
							   : same(t->code, w->value->code);
	case PARAM_REFERENCE:
		return reference_meets(c->criterion->modifier, t, w);
	case PARAM_NUMBER:
		return search_number_meets(t->number_low, t->number_high, w->value);
	case PARAM_QUANTITY:
		return quantity_meets(t, w);
	case PARAM_DATE:
		return search_date_meets(t->low, t->high, w->value);
	case PARAM_SPECIAL:
		return place_meets(t, w->value);
	default:
		return false;
	}
}

static bool is_listed(const struct check *c, const struct term *t)
{
	char buffer[KEY_MAX + sizeof(int64_t)];
	struct str key = code_key(t->code, t->system, buffer);
	return key.p && map_get(c->codes, key) != NULL;
}

/* A term of the check's parameter. */
bool term_meets(const struct check *c, const struct term *t)
{
	size_t count = c->codes ? c->loose_count : c->criterion->value_count;
	for (size_t i = 0; i < count; i++)
		if (value_meets(c, t, &c->wanted[i]))
			return true;
	return c->codes && t->code.p && is_listed(c, t);
}

static bool param_meets(const struct check *c, struct str terms)
{
	const struct criterion *criterion = c->criterion;
	struct term t;
	bool has = false, any = false;
	while (!any && term_next(&terms, &t)) {
		if (t.param != c->param && t.param != c->present)
			continue;
		has = true;
		if (criterion->modifier == MOD_MISSING)
			break;
		any = term_meets(c, &t);
	}
	if (criterion->modifier != MOD_MISSING)
		return any != (criterion->modifier == MOD_NOT);
	for (size_t i = 0; i < criterion->value_count; i++)
		if (criterion->values[i].missing != has)
			return true;
	return false;
}

static bool id_meets(const struct check *c, int64_t rid)
{
	for (size_t i = 0; i < c->criterion->value_count; i++)
		if (c->wanted[i].target_count && c->wanted[i].targets[0] == rid)
			return true;
	return false;
}

static bool time_meets(const struct criterion *c, int64_t time)
{
	for (size_t i = 0; i < c->value_count; i++)
		if (search_date_meets(time, time, &c->values[i]))
			return true;
	return false;
}

/* ---- composites -----------------------------------------------------------------------------------------------------
 */

enum { MOST_ELEMENTS = 1024 };

struct elements {
	struct {
		uint32_t element, met; /* bits of the children that it meets */
	} list[MOST_ELEMENTS];
	size_t count;
};

static void note_element(struct elements *e, uint32_t element, uint32_t child)
{
	size_t i = 0;
	while (i < e->count && e->list[i].element != element)
		i++;
	if (i == MOST_ELEMENTS)
		return;
	if (i == e->count) {
		e->list[e->count].element = element;
		e->list[e->count++].met = 0;
	}
	e->list[i].met |= child;
}

/* Is there an element that meets all children, apart from those that any row may meet? */
static bool composite_meets(const struct check *c, struct str terms)
{
	struct elements e = {.count = 0};
	uint32_t all = (uint32_t)((UINT64_C(1) << c->child_count) - 1), anywhere = 0;
	struct term t;
	while (term_next(&terms, &t)) {
		for (size_t i = 0; i < c->child_count; i++) {
			if (t.param != c->children[i].param || !term_meets(&c->children[i], &t))
				continue;
			if (c->criterion->param->components[i].whole)
				anywhere |= UINT32_C(1) << i;
			else
				note_element(&e, t.element, UINT32_C(1) << i);
		}
	}
	if (anywhere == all)
		return true;
	for (size_t i = 0; i < e.count; i++)
		if ((e.list[i].met | anywhere) == all)
			return true;
	return false;
}

/* ---- batches --------------------------------------------------------------------------------------------------------
 */

/* What one version decides alone. */
static bool plain_meets(const struct check *c, const struct seek_found *f)
{
	switch (c->kind) {
	case CHECK_PARAM:
		return param_meets(c, f->terms);
	case CHECK_COMPOSITE:
		return composite_meets(c, f->terms);
	case CHECK_ID:
		return id_meets(c, f->rid);
	case CHECK_LAST_UPDATED:
		return time_meets(c->criterion, f->time);
	default:
		return false;
	}
}

static bool decide(struct seek *k, struct check *c, struct seek_batch *batch, bool *keep, struct error *err);

static bool decide_any(struct seek *k, struct check *c, struct seek_batch *batch, bool *keep, struct error *err)
{
	bool *met = arena_calloc(&batch->arena, batch->count + 1, 1),
	     *open = arena_alloc(&batch->arena, batch->count + 1);
	if (!met || !open)
		return error_memory(err);
	for (size_t at = 0; at < c->child_count; at++) {
		for (size_t i = 0; i < batch->count; i++)
			open[i] = keep[i] && !met[i];
		if (!decide(k, &c->children[at], batch, open, err))
			return false;
		for (size_t i = 0; i < batch->count; i++)
			met[i] |= open[i];
	}
	memcpy(keep, met, batch->count);
	return true;
}

static bool decide_not(struct seek *k, struct check *c, struct seek_batch *batch, bool *keep, struct error *err)
{
	bool *met = arena_alloc(&batch->arena, batch->count + 1);
	if (!met)
		return error_memory(err);
	memcpy(met, keep, batch->count);
	if (!decide(k, c->children, batch, met, err))
		return false;
	for (size_t i = 0; i < batch->count; i++)
		keep[i] = keep[i] && !met[i];
	return true;
}

/* Decides those that are still kept. */
static bool decide(struct seek *k, struct check *c, struct seek_batch *batch, bool *keep, struct error *err)
{
	switch (c->kind) {
	case CHECK_AND:
		for (size_t i = 0; i < c->child_count; i++)
			if (!decide(k, &c->children[i], batch, keep, err))
				return false;
		return true;
	case CHECK_OR:
		return decide_any(k, c, batch, keep, err);
	case CHECK_NOT:
		return decide_not(k, c, batch, keep, err);
	case CHECK_CHAIN:
	case CHECK_HAS:
		return links_decide(k, c, batch, keep, err);
	case CHECK_BODY:
		return texts_decide(k, c, batch, keep, err);
	default:
		for (size_t i = 0; i < batch->count; i++)
			keep[i] = keep[i] && plain_meets(c, &batch->list[i]);
		return true;
	}
}

bool seek_filter(struct seek *k, struct part *parts, size_t count, struct seek_batch *batch, struct error *err)
{
	size_t kept = 0;
	bool *met = arena_calloc(&batch->arena, batch->count + 1, 1),
	     *keep = arena_alloc(&batch->arena, batch->count + 1);
	if (!met || !keep)
		return error_memory(err);
	for (size_t at = 0; at < count; at++) {
		for (size_t i = 0; i < batch->count; i++)
			keep[i] = batch->list[i].type == parts[at].number;
		if (!decide(k, &parts[at].root, batch, keep, err))
			return false;
		for (size_t i = 0; i < batch->count; i++)
			met[i] |= keep[i];
	}
	for (size_t i = 0; i < batch->count; i++)
		if (met[i])
			batch->list[kept++] = batch->list[i];
	batch->count = kept;
	return true;
}
