/*
 * The ways into the index tables that a criterion offers: for each of its values arms that together give every version
 * which could meet it, and perhaps others. A criterion that would need the whole type (:not, :missing=true) gives none.
 */
#include "store/seek/seek_priv.h"

#include <math.h>
#include <stdlib.h>

struct seek_arm *way_arm(struct seek *k, struct way *w, enum seek_form form, int64_t first, struct error *err)
{
	struct seek_arm *arms =
		arena_grow(&k->scratch, w->arms, w->arm_count, &w->arm_capacity, w->arm_count + 1, sizeof(*arms));
	if (!arms) {
		error_memory(err);
		return NULL;
	}
	w->arms = arms;
	struct seek_arm *arm = &arms[w->arm_count++];
	*arm = (struct seek_arm){.form = form, .values = {{VALUE_INT, .integer = first}}, .count = 1};
	return arm;
}

static struct seek_arm *add_arm(struct seek *k, struct check *c, enum seek_form form, struct error *err)
{
	return way_arm(k, &c->way, form, c->param, err);
}

void arm_int(struct seek_arm *arm, int64_t value)
{
	arm->values[arm->count++] = (struct seek_value){VALUE_INT, .integer = value};
}

static void arm_real(struct seek_arm *arm, double value)
{
	arm->values[arm->count++] = (struct seek_value){VALUE_REAL, .real = value};
}

static void arm_bytes(struct seek_arm *arm, struct str bytes)
{
	arm->values[arm->count++] = (struct seek_value){VALUE_BYTES, .bytes = bytes};
}

/* ---- tokens and references ----------------------------------------------------------------------------------------
 */

static bool add_token(struct seek *k, struct check *c, struct str code, int64_t system, struct error *err)
{
	struct seek_arm *arm = add_arm(k, c, FORM_TOKEN, err);
	if (!arm)
		return false;
	arm_bytes(arm, key_cut(code));
	arm_int(arm, system);
	return true;
}

/* A code in any system: one arm per system that has it, so that rows still come in order. */
static bool add_code(struct seek *k, struct check *c, struct str code, struct error *err)
{
	struct seek_numbers systems = {.limit = SIZE_MAX};
	bool ok = k->source->systems(k->source->x, c->param, key_cut(code), &systems, err);
	for (size_t i = 0; ok && i < systems.count; i++)
		ok = add_token(k, c, code, systems.list[i], err);
	free(systems.list);
	return ok;
}

static bool token_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	if (w->system == SYSTEM_UNKNOWN)
		return true;
	if (!w->value->code.p)
		return add_arm(k, c, FORM_TOKEN_ALL, err) != NULL;
	if (w->system == SYSTEM_ANY)
		return add_code(k, c, w->value->code, err);
	return add_token(k, c, w->value->code, w->system, err);
}

/* ---- strings ------------------------------------------------------------------------------------------------------
 */

struct str prefix_end(struct arena *a, struct str prefix)
{
	while (prefix.n && (unsigned char)prefix.p[prefix.n - 1] == 0xff)
		prefix.n--;
	char *end = prefix.n ? arena_alloc(a, prefix.n) : NULL;
	if (!end)
		return STR_NULL;
	memcpy(end, prefix.p, prefix.n);
	end[prefix.n - 1]++;
	return str_make(end, prefix.n);
}

static bool string_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	struct seek_arm *arm;
	struct str text = w->value->code;
	if (c->criterion->modifier == MOD_EXACT) {
		struct str folded = str_fold(&k->scratch, text);
		if (!folded.p || !(arm = add_arm(k, c, FORM_STRING, err)))
			return error_memory(err);
		arm_bytes(arm, key_cut(folded));
		return true;
	}
	if (!text.n || c->criterion->modifier == MOD_ENDS)
		return add_arm(k, c, FORM_STRING_ALL, err) != NULL;
	if (c->criterion->modifier == MOD_CONTAINS) {
		if (!(arm = add_arm(k, c, FORM_STRING_PART, err)))
			return false;
		arm_bytes(arm, text);
		arm_int(arm, KEY_MAX);
		return true;
	}
	struct str start = key_cut(text), end = prefix_end(&k->scratch, start);
	if (!end.p || !(arm = add_arm(k, c, FORM_STRING_RANGE, err)))
		return error_memory(err);
	arm_bytes(arm, start);
	arm_bytes(arm, end);
	return true;
}

/* The value itself, or all that start with it. */
static bool uri_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	struct str start = w->value->code;
	if (!start.p)
		return true;
	if (c->criterion->modifier != MOD_BELOW)
		return add_token(k, c, start, SYSTEM_NONE, err);
	struct str end = prefix_end(&k->scratch, key_cut(start));
	struct seek_arm *arm = end.p ? add_arm(k, c, FORM_TOKEN_RANGE, err) : NULL;
	if (!arm)
		return start.n ? error_memory(err) : add_arm(k, c, FORM_TOKEN_ALL, err) != NULL;
	arm_bytes(arm, key_cut(start));
	arm_bytes(arm, end);
	return true;
}

static bool reference_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	if (!w->value->ref_id.p)
		return uri_arms(k, c, w, err);
	for (size_t i = 0; i < w->target_count; i++) {
		struct seek_arm *arm = add_arm(k, c, FORM_REFERENCE, err);
		if (!arm)
			return false;
		arm_int(arm, w->targets[i]);
	}
	return true;
}

/* ---- ranges -------------------------------------------------------------------------------------------------------
 */

static int64_t saturating_sub(int64_t a, int64_t b)
{
	int64_t result;
	return __builtin_sub_overflow(a, b, &result) ? INT64_MIN : result;
}

static struct date_bounds date_bounds(const struct search_value *v)
{
	struct date_bounds b = {INT64_MIN, INT64_MAX, INT64_MIN, INT64_MAX};
	switch (v->prefix) {
	case PREFIX_EQ:
		b = (struct date_bounds){v->low, v->high, v->low, v->high};
		break;
	case PREFIX_NE:
		break;
	case PREFIX_GT:
		b.high_from = v->high;
		break;
	case PREFIX_GE:
		b.high_from = v->low;
		break;
	case PREFIX_LT:
		b.low_to = v->low;
		break;
	case PREFIX_LE:
		b.low_to = v->high;
		break;
	case PREFIX_SA:
		b.low_from = b.high_from = v->high;
		break;
	case PREFIX_EB:
		b.low_to = b.high_to = v->low;
		break;
	case PREFIX_AP:
		b.low_to = v->high;
		b.high_from = v->low;
		break;
	}
	return b;
}

int64_t least_low(const struct date_bounds *b, int width)
{
	if (width == DATE_CLASSES - 1)
		return b->low_from;
	int64_t least = saturating_sub(b->high_from, date_spans[width]);
	return least > b->low_from ? least : b->low_from;
}

static bool add_dates(struct seek *k, struct way *way, int64_t param, const struct date_bounds *b, struct error *err)
{
	for (int width = 0; width < DATE_CLASSES; width++) {
		struct seek_arm *arm = way_arm(k, way, FORM_DATE, param, err);
		if (!arm)
			return false;
		arm_int(arm, width);
		arm_int(arm, least_low(b, width));
		arm_int(arm, b->low_to);
		arm_int(arm, b->high_from);
		arm_int(arm, b->high_to);
	}
	return true;
}

static bool date_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	struct date_bounds b = date_bounds(w->value);
	return add_dates(k, &c->way, c->param, &b, err);
}

struct seek_arm several_dates(int64_t param)
{
	return (struct seek_arm){.form = FORM_TOKEN,
				 .values = {{VALUE_INT, .integer = param},
					    {VALUE_BYTES, .bytes = S("")},
					    {VALUE_INT, .integer = SYSTEM_NONE}},
				 .count = 3};
}

static int64_t higher(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t lower(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Of two criteria on a date, as date=ge2020&date=lt2021, each is met by a large part of a type and both by few. Where
 * there is one date it has to meet both; versions with several dates are candidates all the same. */
bool part_span(struct seek *k, struct part *part, struct error *err)
{
	struct date_bounds all = {INT64_MIN, INT64_MAX, INT64_MIN, INT64_MAX};
	size_t count = 0;
	for (size_t i = 0; k->source->dates_marked && i < part->root.child_count; i++) {
		const struct check *c = &part->root.children[i];
		if (c->kind != CHECK_PARAM || c->type != PARAM_DATE || c->criterion->modifier != MOD_NONE ||
		    c->criterion->value_count != 1 || !c->param || (part->dated && part->dated != c->param))
			continue;
		struct date_bounds b = date_bounds(c->wanted[0].value);
		all = (struct date_bounds){higher(all.low_from, b.low_from), lower(all.low_to, b.low_to),
					   higher(all.high_from, b.high_from), lower(all.high_to, b.high_to)};
		part->dated = c->param;
		part->span.check = c;
		count++;
	}
	part->dates = all;
	if (count < 2)
		return true;
	struct seek_arm several = several_dates(part->dated), *arm;
	if (!add_dates(k, &part->span, part->dated, &all, err) ||
	    !(arm = way_arm(k, &part->span, several.form, part->dated, err)))
		return false;
	*arm = several;
	part->span.usable = true;
	return true;
}

struct reals {
	double low_from, low_to, high_from, high_to;
};

static struct reals number_bounds(const struct search_value *v)
{
	struct reals b = {-INFINITY, INFINITY, -INFINITY, INFINITY};
	switch (v->prefix) {
	case PREFIX_EQ:
		b = (struct reals){v->number_low, v->number_high, v->number_low, v->number_high};
		break;
	case PREFIX_NE:
		break;
	case PREFIX_GT:
	case PREFIX_GE:
		b.high_from = v->number;
		break;
	case PREFIX_LT:
	case PREFIX_LE:
		b.low_to = v->number;
		break;
	case PREFIX_SA:
		b.low_from = b.high_from = v->number;
		break;
	case PREFIX_EB:
		b.low_to = b.high_to = v->number;
		break;
	case PREFIX_AP:
		b.low_to = v->number_high;
		b.high_from = v->number_low;
		break;
	}
	return b;
}

static bool add_numbers(struct seek *k, struct check *c, struct str unit, struct reals b, struct error *err)
{
	for (int width = 0; width < NUMBER_CLASSES; width++) {
		struct seek_arm *arm = add_arm(k, c, FORM_NUMBER, err);
		if (!arm)
			return false;
		arm_bytes(arm, key_cut(unit));
		arm_int(arm, width);
		/* Both ends of a single value are equal, so bounds of either hold for the low one. */
		arm_real(arm, width == 0 ? fmax(b.low_from, b.high_from) : b.low_from);
		arm_real(arm, width == 0 ? fmin(b.low_to, b.high_to) : b.low_to);
		arm_real(arm, b.high_from);
		arm_real(arm, b.high_to);
	}
	return true;
}

static bool number_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	struct reals b = number_bounds(w->value);
	bool quantity = c->type == PARAM_QUANTITY;
	if (quantity && w->value->canonical.p)
		return add_numbers(k, c, w->value->canonical, b, err);
	if (w->system == SYSTEM_UNKNOWN && quantity)
		return true;
	if (quantity && !w->value->code.p)
		return add_arm(k, c, FORM_NUMBER_ALL, err) != NULL;
	return add_numbers(k, c, quantity ? w->value->code : S(""), b, err);
}

/* Places on the same parallels, a little beyond the distance. A latitude below its longitude looks like a range. */
static bool place_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	double reach = w->value->number / 111000 + 0.001, latitude = w->value->number_low;
	for (int width = 0; width < NUMBER_CLASSES; width++) {
		struct seek_arm *arm = add_arm(k, c, FORM_NUMBER, err);
		if (!arm)
			return false;
		arm_bytes(arm, S(""));
		arm_int(arm, width);
		arm_real(arm, latitude - reach);
		arm_real(arm, latitude + reach);
		arm_real(arm, -INFINITY);
		arm_real(arm, INFINITY);
	}
	return true;
}

/* ---- all of a criterion -------------------------------------------------------------------------------------------
 */

/* Every row of the parameter, for :missing=false. */
static bool all_arms(struct seek *k, struct check *c, struct error *err)
{
	if (c->present && !way_arm(k, &c->way, FORM_TOKEN_ALL, c->present, err))
		return false;
	if (!c->param)
		return true;
	switch (c->type) {
	case PARAM_STRING:
		return add_arm(k, c, FORM_STRING_ALL, err) != NULL;
	case PARAM_DATE:
		return add_arm(k, c, FORM_DATE_ALL, err) != NULL;
	case PARAM_NUMBER:
	case PARAM_QUANTITY:
	case PARAM_SPECIAL:
		return add_arm(k, c, FORM_NUMBER_ALL, err) != NULL;
	case PARAM_REFERENCE:
		return add_arm(k, c, FORM_REFERENCE_ALL, err) && add_arm(k, c, FORM_TOKEN_ALL, err);
	default:
		return add_arm(k, c, FORM_TOKEN_ALL, err) != NULL;
	}
}

static bool value_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	switch (c->type) {
	case PARAM_STRING:
		return string_arms(k, c, w, err);
	case PARAM_TOKEN:
		return token_arms(k, c, w, err);
	case PARAM_URI:
		return uri_arms(k, c, w, err);
	case PARAM_REFERENCE:
		return reference_arms(k, c, w, err);
	case PARAM_DATE:
		return date_arms(k, c, w, err);
	case PARAM_NUMBER:
	case PARAM_QUANTITY:
		return number_arms(k, c, w, err);
	case PARAM_SPECIAL:
		return place_arms(k, c, w, err);
	default:
		return true;
	}
}

static bool wants_missing(const struct criterion *c)
{
	for (size_t i = 0; i < c->value_count; i++)
		if (c->values[i].missing)
			return true;
	return false;
}

static bool param_arms(struct seek *k, struct check *c, struct error *err)
{
	const struct criterion *criterion = c->criterion;
	if (criterion->modifier == MOD_NOT || (criterion->modifier == MOD_MISSING && wants_missing(criterion)))
		return true;
	c->way.usable = true;
	c->way.complete = !c->param && !c->present;
	if (!c->param && !c->present)
		return true; /* no arm at all: nothing matches */
	if (criterion->modifier == MOD_MISSING)
		return all_arms(k, c, err);
	for (size_t i = 0; i < criterion->value_count; i++)
		if (!value_arms(k, c, &c->wanted[i], err))
			return false;
	return true;
}

bool way_rid(struct seek *k, struct way *way, int64_t rid, struct error *err)
{
	struct seek_numbers *n = &way->rids;
	n->list = arena_grow(&k->scratch, n->list, n->count, &n->capacity, n->count + 1, sizeof(*n->list));
	if (!n->list)
		return error_memory(err);
	n->list[n->count++] = rid;
	return true;
}

static bool id_way(struct seek *k, struct check *c, struct error *err)
{
	c->way.usable = c->way.complete = true;
	for (size_t i = 0; i < c->criterion->value_count; i++)
		if (c->wanted[i].target_count && !way_rid(k, &c->way, c->wanted[i].targets[0], err))
			return false;
	return true;
}

/* ---- joined criteria ------------------------------------------------------------------------------------------------
 */

enum { MOST_JOINED = 20000 };

/* Vids of ways by words. */
static bool add_vids(struct seek *k, struct way *to, const struct way *from, struct error *err)
{
	if (!from->worded)
		return true;
	to->worded = true;
	return way_vids(k, to, &from->vids, err);
}

static bool add_way(struct seek *k, struct way *to, const struct way *from, struct error *err)
{
	size_t need = to->arm_count + from->arm_count;
	if (need > MOST_JOINED)
		return error_set(err, ERR_TOO_COSTLY, "The search joins more than %d ranges", MOST_JOINED);
	to->arms = arena_grow(&k->scratch, to->arms, to->arm_count, &to->arm_capacity, need + 1, sizeof(*to->arms));
	if (!to->arms)
		return error_memory(err);
	if (from->arm_count)
		memcpy(to->arms + to->arm_count, from->arms, from->arm_count * sizeof(*to->arms));
	to->arm_count = need;
	to->complete = to->complete && from->complete;
	for (size_t i = 0; i < from->rids.count; i++)
		if (!way_rid(k, to, from->rids.list[i], err))
			return false;
	return add_vids(k, to, from, err);
}

/* Any of the children: all of their ways together. */
static bool any_way(struct seek *k, struct check *c, struct error *err)
{
	for (size_t i = 0; i < c->child_count; i++)
		if (!c->children[i].way.usable)
			return true;
	c->way.usable = c->way.complete = true;
	for (size_t i = 0; i < c->child_count; i++)
		if (!add_way(k, &c->way, &c->children[i].way, err))
			return false;
	return true;
}

/* All of the children: the narrowest of their ways. */
static bool all_way(struct seek *k, struct check *c, struct error *err)
{
	const struct way **ways = ARENA_ARRAY(&k->scratch, const struct way *, c->child_count + 1), *best = NULL;
	size_t count = 0;
	int64_t rows;
	if (!ways)
		return error_memory(err);
	for (size_t i = 0; i < c->child_count; i++)
		if (c->children[i].way.usable)
			ways[count++] = &c->children[i].way;
	if (!ways_narrowest(k, ways, count, MOST_COUNTED, &best, &rows, err))
		return false;
	if (best)
		c->way = *best;
	return true;
}

static bool own_way(struct seek *k, struct check *c, struct error *err)
{
	switch (c->kind) {
	case CHECK_PARAM:
		return param_arms(k, c, err);
	case CHECK_ID:
		return id_way(k, c, err);
	case CHECK_CHAIN:
	case CHECK_HAS:
		return links_settle(k, c, err);
	case CHECK_OR:
		return any_way(k, c, err);
	case CHECK_AND:
	case CHECK_COMPOSITE:
		return all_way(k, c, err);
	case CHECK_BODY:
		return texts_way(k, c, err);
	case CHECK_NONE:
		c->way.usable = c->way.complete = true;
		return true;
	default:
		return true;
	}
}

bool check_way(struct seek *k, struct check *c, struct error *err)
{
	if (!own_way(k, c, err))
		return false;
	c->way.check = c;
	c->way.ordered = c->way.rids.count == 0 && !c->way.worded;
	for (size_t i = 0; i < c->way.arm_count; i++)
		c->way.ordered = c->way.ordered && seek_forms[c->way.arms[i].form].ordered;
	return true;
}
