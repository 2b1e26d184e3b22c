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
	default:
		return t->code.p && str_starts(t->code, v->code);
	}
}

static bool token_meets(const struct term *t, const struct wanted *w)
{
	return (w->system == SYSTEM_ANY || w->system == t->system) &&
	       (!w->value->code.p || same(t->code, w->value->code));
}

static bool reference_meets(const struct term *t, const struct wanted *w)
{
	if (!w->value->ref_id.p)
		return !t->target && same(t->code, w->value->code);
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

static bool term_meets(const struct criterion *c, const struct term *t, const struct wanted *w)
{
	switch (c->param->type) {
	case PARAM_STRING:
		return string_meets(c->modifier, t, w->value);
	case PARAM_TOKEN:
		return token_meets(t, w);
	case PARAM_URI:
		return same(t->code, w->value->code);
	case PARAM_REFERENCE:
		return reference_meets(t, w);
	case PARAM_NUMBER:
		return search_number_meets(t->number_low, t->number_high, w->value);
	case PARAM_QUANTITY:
		return unit_meets(t, w) && search_number_meets(t->number_low, t->number_high, w->value);
	case PARAM_DATE:
		return search_date_meets(t->low, t->high, w->value);
	default:
		return false;
	}
}

static bool param_meets(const struct check *c, struct str terms)
{
	const struct criterion *criterion = c->criterion;
	struct term t;
	bool has = false, any = false;
	while (!any && term_next(&terms, &t)) {
		if (t.param != c->param)
			continue;
		has = true;
		if (criterion->modifier == MOD_MISSING)
			break;
		for (size_t i = 0; i < criterion->value_count && !any; i++)
			any = term_meets(criterion, &t, &c->wanted[i]);
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

/* What one version decides alone. */
static bool plain_meets(const struct check *c, const struct seek_found *f)
{
	switch (c->kind) {
	case CHECK_PARAM:
		return param_meets(c, f->terms);
	case CHECK_ID:
		return id_meets(c, f->rid);
	case CHECK_LAST_UPDATED:
		return time_meets(c->criterion, f->time);
	default:
		return true;
	}
}

/* Decides those that are still kept. */
static bool decide(struct seek *k, const struct check *c, const struct seek_batch *batch, bool *keep, struct error *err)
{
	if (c->kind == CHECK_AND) {
		for (size_t i = 0; i < c->child_count; i++)
			if (!decide(k, &c->children[i], batch, keep, err))
				return false;
		return true;
	}
	for (size_t i = 0; i < batch->count; i++)
		keep[i] = keep[i] && plain_meets(c, &batch->list[i]);
	return true;
}

bool seek_filter(struct seek *k, const struct check *c, struct seek_batch *batch, struct error *err)
{
	size_t kept = 0;
	bool *keep = arena_alloc(&batch->arena, batch->count + 1);
	if (!keep)
		return error_memory(err);
	memset(keep, true, batch->count);
	if (!decide(k, c, batch, keep, err))
		return false;
	for (size_t i = 0; i < batch->count; i++)
		if (keep[i])
			batch->list[kept++] = batch->list[i];
	batch->count = kept;
	return true;
}
