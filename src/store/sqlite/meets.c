/* Does a version meet the criteria? The rules of search.h over terms, where names are numbers already. */
#include "store/sqlite/seek_priv.h"

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

static bool id_meets(struct seek *k, const struct check *c, int64_t rid, bool *ret_meets, struct error *err)
{
	int64_t type;
	struct str id;
	if (!seek_resource_id(k, rid, NULL, &type, &id, err))
		return false;
	*ret_meets = false;
	for (size_t i = 0; i < c->criterion->value_count; i++)
		*ret_meets |= same(id, c->criterion->values[i].code);
	return true;
}

static bool time_meets(const struct criterion *c, int64_t time)
{
	for (size_t i = 0; i < c->value_count; i++)
		if (search_date_meets(time, time, &c->values[i]))
			return true;
	return false;
}

bool seek_meets(struct seek *k, const struct found *found, bool *ret_meets, struct error *err)
{
	*ret_meets = true;
	for (size_t i = 0; i < k->check_count && *ret_meets; i++) {
		const struct check *c = &k->checks[i];
		if (c->criterion->kind == CRITERION_PARAM)
			*ret_meets = param_meets(c, found->terms);
		else if (c->criterion->kind == CRITERION_LAST_UPDATED)
			*ret_meets = time_meets(c->criterion, found->time);
		else if (!id_meets(k, c, found->rid, ret_meets, err))
			return false;
	}
	return true;
}
