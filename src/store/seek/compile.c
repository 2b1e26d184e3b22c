/*
 * A query's names become the store's numbers: parameters, systems, references. What the store never saw cannot match,
 * which is an answer, not an error. Bounds on _lastUpdated become bounds on vids, since times grow with them.
 */
#include "store/seek/seek_priv.h"

#include <stdlib.h>

/* ---- names ----------------------------------------------------------------------------------------------------------
 */

bool naming_add(struct seek *k, struct naming *n, struct seek_name name, int64_t *number, int64_t otherwise,
		struct error *err)
{
	n->names = arena_grow(&k->scratch, n->names, n->count, &n->name_capacity, n->count + 1, sizeof(*n->names));
	n->slots = arena_grow(&k->scratch, n->slots, n->count, &n->slot_capacity, n->count + 1, sizeof(*n->slots));
	if (!n->names || !n->slots)
		return error_memory(err);
	n->names[n->count] = name;
	n->slots[n->count++] = (struct naming_slot){number, otherwise};
	return true;
}

bool naming_resolve(struct seek *k, struct naming *n, struct error *err)
{
	if (!k->source->names(k->source->x, n->names, n->count, err))
		return false;
	for (size_t i = 0; i < n->count; i++)
		*n->slots[i].number = n->names[i].number ? n->names[i].number : n->slots[i].otherwise;
	return true;
}

static bool name_system(struct seek *k, struct naming *n, struct wanted *w, struct error *err)
{
	struct str system = w->value->system;
	if (!system.p || !system.n) {
		w->system = system.p ? SYSTEM_NONE : SYSTEM_ANY;
		return true;
	}
	return naming_add(k, n, (struct seek_name){NAME_SYSTEM, .text = system}, &w->system, SYSTEM_UNKNOWN, err);
}

/* Ids without a type may be of any type, and there are few types. */
static bool any_target(struct seek *k, struct wanted *w, struct error *err)
{
	struct seek_numbers rids = {.limit = SIZE_MAX};
	bool ok = k->source->rids(k->source->x, w->value->ref_id, &rids, err);
	w->targets = ok ? ARENA_ARRAY(&k->scratch, int64_t, rids.count + 1) : NULL;
	if (w->targets && rids.count)
		memcpy(w->targets, rids.list, rids.count * sizeof(*rids.list));
	w->target_count = rids.count;
	free(rids.list);
	return w->targets || (ok && error_memory(err));
}

static bool name_target(struct seek *k, struct naming *n, struct wanted *w, struct str type, struct str id,
			struct error *err)
{
	w->targets = ARENA_NEW(&k->scratch, int64_t);
	if (!w->targets)
		return error_memory(err);
	return naming_add(k, n, (struct seek_name){NAME_RESOURCE, .scope = type, .text = id}, w->targets, 0, err);
}

static bool name_value(struct seek *k, struct naming *n, const struct part *part, const struct check *c,
		       struct wanted *w, struct error *err)
{
	if (c->kind == CHECK_ID)
		return name_target(k, n, w, part->type->name, w->value->code, err);
	if (c->kind != CHECK_PARAM)
		return true;
	switch (c->criterion->param->type) {
	case PARAM_TOKEN:
	case PARAM_QUANTITY:
		return name_system(k, n, w, err);
	case PARAM_REFERENCE:
		if (!w->value->ref_id.p)
			return true;
		return w->value->ref_type.p ? name_target(k, n, w, w->value->ref_type, w->value->ref_id, err)
					    : any_target(k, w, err);
	default:
		return true;
	}
}

static bool name_check(struct seek *k, struct naming *n, const struct part *part, struct check *c, struct error *err)
{
	for (size_t i = 0; i < c->child_count; i++)
		if (!name_check(k, n, part, &c->children[i], err))
			return false;
	if (!c->criterion)
		return true;
	struct seek_name param = {NAME_PARAM, .scope = part->type->name};
	if (c->kind == CHECK_PARAM) {
		param.text = c->criterion->param->code;
		if (!naming_add(k, n, param, &c->param, 0, err))
			return false;
	}
	c->wanted = ARENA_ARRAY(&k->scratch, struct wanted, c->criterion->value_count + 1);
	if (!c->wanted)
		return error_memory(err);
	for (size_t i = 0; i < c->criterion->value_count; i++) {
		c->wanted[i].value = &c->criterion->values[i];
		if (!name_value(k, n, part, c, &c->wanted[i], err))
			return false;
	}
	return true;
}

/* ---- _lastUpdated ---------------------------------------------------------------------------------------------------
 */

/* The instants that one value lets through, as a closed range. */
static void time_range(const struct search_value *v, int64_t *ret_low, int64_t *ret_high)
{
	*ret_low = INT64_MIN;
	*ret_high = INT64_MAX;
	switch (v->prefix) {
	case PREFIX_EQ:
	case PREFIX_AP:
		*ret_low = v->low;
		*ret_high = v->high;
		break;
	case PREFIX_GT:
	case PREFIX_SA:
		*ret_low = v->high < INT64_MAX ? v->high + 1 : INT64_MAX;
		break;
	case PREFIX_GE:
		*ret_low = v->low;
		break;
	case PREFIX_LT:
	case PREFIX_EB:
		*ret_high = v->low > INT64_MIN ? v->low - 1 : INT64_MIN;
		break;
	case PREFIX_LE:
		*ret_high = v->high;
		break;
	case PREFIX_NE:
		break;
	}
}

static bool bound_by_time(struct seek *k, struct part *part, const struct criterion *c, struct error *err)
{
	int64_t low = INT64_MAX, high = INT64_MIN, vid;
	for (size_t i = 0; i < c->value_count; i++) {
		int64_t from, to;
		time_range(&c->values[i], &from, &to);
		low = from < low ? from : low;
		high = to > high ? to : high;
	}
	if (low != INT64_MIN) {
		if (!k->source->vid_before(k->source->x, k->snapshot, low, &vid, err))
			return false;
		part->vid_low = vid > part->vid_low ? vid : part->vid_low;
	}
	if (high != INT64_MAX) {
		if (!k->source->vid_before(k->source->x, k->snapshot, high + 1, &vid, err))
			return false;
		part->vid_high = vid < part->vid_high ? vid : part->vid_high;
	}
	return true;
}

/* ---- checks ---------------------------------------------------------------------------------------------------------
 */

/* What this store does not search yet is refused by name. */
static bool make_check(struct check *c, const struct criterion *criterion, struct error *err)
{
	static const char *const names[] = {"", "composite", "", "", "chained", "_has",
					    "", "",	     "", "", "_text",	"_content"};
	bool plain = criterion->kind == CRITERION_PARAM;
	*c = (struct check){.criterion = criterion};
	for (size_t i = 0; plain && i < criterion->value_count; i++)
		if (criterion->values[i].canonical.p)
			return error_set(err, ERR_NOT_SUPPORTED,
					 "Values in UCUM units are not supported yet in the search parameter \"%.*s\"",
					 STR_ARG(criterion->param->code));
	if (plain && (criterion->param->type == PARAM_SPECIAL || criterion->modifier == MOD_TEXT ||
		      criterion->modifier >= MOD_IDENTIFIER))
		return error_set(err, ERR_NOT_SUPPORTED,
				 "This form of the search parameter \"%.*s\" is not supported yet",
				 STR_ARG(criterion->param->code));
	switch (criterion->kind) {
	case CRITERION_PARAM:
		c->kind = CHECK_PARAM;
		return true;
	case CRITERION_ID:
		c->kind = CHECK_ID;
		return true;
	case CRITERION_LAST_UPDATED:
		c->kind = CHECK_LAST_UPDATED;
		return true;
	default:
		return error_set(err, ERR_NOT_SUPPORTED, "Search parameters of this kind are not supported yet: %s",
				 names[criterion->kind][0] ? names[criterion->kind] : "joined criteria");
	}
}

static bool finish_check(struct seek *k, struct part *part, struct check *c, struct error *err)
{
	for (size_t i = 0; i < c->child_count; i++)
		if (!finish_check(k, part, &c->children[i], err))
			return false;
	if (c->kind == CHECK_LAST_UPDATED)
		return bound_by_time(k, part, c->criterion, err);
	for (size_t i = 0; c->criterion && i < c->criterion->value_count; i++)
		if (c->wanted[i].targets && !c->wanted[i].target_count)
			c->wanted[i].target_count = c->wanted[i].targets[0] != 0;
	return check_way(k, c, err);
}

bool seek_compile(struct seek *k, struct part *part, struct error *err)
{
	const struct search_part *q = k->query->parts;
	struct naming n = {0};
	if (k->query->part_count != 1)
		return error_set(err, ERR_NOT_SUPPORTED, "Searching several types is not supported yet");
	part->type = q->type;
	part->vid_low = 0;
	part->vid_high = k->snapshot;
	part->root = (struct check){.kind = CHECK_AND, .child_count = q->criterion_count};
	part->root.children = ARENA_ARRAY(&k->scratch, struct check, q->criterion_count + 1);
	if (!part->root.children)
		return error_memory(err);
	for (size_t i = 0; i < q->criterion_count; i++)
		if (!make_check(&part->root.children[i], &q->criteria[i], err))
			return false;
	struct seek_name type = {NAME_TYPE, .text = part->type->name};
	if (!naming_add(k, &n, type, &part->number, 0, err) || !name_check(k, &n, part, &part->root, err))
		return false;
	return naming_resolve(k, &n, err) && (!part->number || finish_check(k, part, &part->root, err));
}
