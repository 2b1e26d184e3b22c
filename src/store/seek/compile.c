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
	switch (c->type) {
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

static bool name_part(struct seek *k, struct naming *n, struct part *part, struct error *err);

static bool name_variant(struct seek *k, struct naming *n, const struct fhir_type *type, const struct check *c,
			 enum row_variant variant, int64_t *to, struct error *err)
{
	char buffer[NAMES_VARIANT_MAX];
	struct seek_name name = {NAME_PARAM, .scope = type->name};
	name.text = arena_str(&k->scratch, names_variant(c->criterion->param, variant, buffer));
	return name.text.p ? naming_add(k, n, name, to, 0, err) : error_memory(err);
}

static bool name_param(struct seek *k, struct naming *n, const struct fhir_type *type, struct check *c,
		       struct error *err)
{
	enum search_modifier modifier = c->criterion->modifier;
	enum row_variant variant = modifier == MOD_OF_TYPE	? ROW_OF_TYPE
				   : modifier == MOD_IDENTIFIER ? ROW_IDENTIFIER
				   : modifier == MOD_REMOVED	? ROW_REMOVED
								: ROW_PLAIN;
	if (modifier == MOD_MISSING && !name_variant(k, n, type, c, ROW_PRESENT, &c->present, err))
		return false;
	return name_variant(k, n, type, c, variant, &c->param, err);
}

static bool name_values(struct seek *k, struct naming *n, const struct part *part, struct check *c, struct error *err)
{
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

static bool name_check(struct seek *k, struct naming *n, const struct part *part, struct check *c, struct error *err)
{
	for (size_t i = 0; i < c->child_count; i++)
		if (!name_check(k, n, part, &c->children[i], err))
			return false;
	for (size_t i = 0; i < c->inner_count; i++)
		if (!name_part(k, n, &c->inner[i], err))
			return false;
	c->part = part;
	bool links = c->kind == CHECK_CHAIN || c->kind == CHECK_HAS;
	if ((c->kind == CHECK_PARAM || links) && c->criterion->param) {
		bool there = c->kind == CHECK_HAS && c->inner_count;
		if (!name_param(k, n, there ? c->inner->type : part->type, c, err))
			return false;
	}
	return !c->criterion || name_values(k, n, part, c, err);
}

static bool name_part(struct seek *k, struct naming *n, struct part *part, struct error *err)
{
	struct seek_name type = {NAME_TYPE, .text = part->type->name};
	return naming_add(k, n, type, &part->number, 0, err) && name_check(k, n, part, &part->root, err);
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

static enum check_kind kind_of(const struct criterion *criterion)
{
	static const enum check_kind kinds[] = {
		[CRITERION_PARAM] = CHECK_PARAM,    [CRITERION_COMPOSITE] = CHECK_COMPOSITE,
		[CRITERION_ID] = CHECK_ID,	    [CRITERION_LAST_UPDATED] = CHECK_LAST_UPDATED,
		[CRITERION_CHAIN] = CHECK_CHAIN,    [CRITERION_HAS] = CHECK_HAS,
		[CRITERION_AND] = CHECK_AND,	    [CRITERION_OR] = CHECK_OR,
		[CRITERION_NOT] = CHECK_NOT,	    [CRITERION_NONE] = CHECK_NONE,
		[CRITERION_NARRATIVE] = CHECK_BODY, [CRITERION_CONTENT] = CHECK_BODY};
	return criterion->kind == CRITERION_PARAM && criterion->modifier == MOD_TEXT ? CHECK_BODY
										     : kinds[criterion->kind];
}

static bool make_part(struct seek *k, struct part *part, const struct search_part *asked, unsigned depth,
		      struct error *err);
enum { MOST_DEPTH = 128 }; /* a hierarchy within chains has about 70 */

static bool make_checks(struct seek *k, struct check **ret_checks, const struct criterion *list, size_t count,
			unsigned depth, struct error *err);

static bool make_check(struct seek *k, struct check *c, const struct criterion *criterion, unsigned depth,
		       struct error *err)
{
	*c = (struct check){.kind = kind_of(criterion), .criterion = criterion};
	if (depth > MOST_DEPTH)
		return error_set(err, ERR_LIMIT, "Search criteria may be nested %d deep at most", MOST_DEPTH);
	if (criterion->param)
		c->type = criterion->modifier == MOD_IDENTIFIER ? PARAM_TOKEN : criterion->param->type;
	c->child_count = criterion->child_count;
	if (c->kind == CHECK_COMPOSITE && c->child_count > 32)
		return error_set(err, ERR_LIMIT, "A composite search parameter may have 32 components at most");
	if (!make_checks(k, &c->children, criterion->children, criterion->child_count, depth + 1, err))
		return false;
	if (!criterion->inner_count)
		return true;
	c->inner_count = criterion->inner_count;
	c->inner = ARENA_ARRAY(&k->scratch, struct part, c->inner_count);
	if (!c->inner)
		return error_memory(err);
	for (size_t i = 0; i < c->inner_count; i++)
		if (!make_part(k, &c->inner[i], &criterion->inner[i], depth + 1, err))
			return false;
	return true;
}

static bool make_checks(struct seek *k, struct check **ret_checks, const struct criterion *list, size_t count,
			unsigned depth, struct error *err)
{
	struct check *checks = ARENA_ARRAY(&k->scratch, struct check, count + 1);
	if (!checks)
		return error_memory(err);
	for (size_t i = 0; i < count; i++)
		if (!make_check(k, &checks[i], &list[i], depth, err))
			return false;
	*ret_checks = checks;
	return true;
}

/* What may be seen of the type is one more criterion. Its own inner parts are about all resources. */
static bool restrict_part(struct seek *k, struct part *part, unsigned depth, struct error *err)
{
	const struct criterion *seen = search_access_of(k->access, part->type, k->sight);
	const struct search_access *access = k->access;
	if (!seen)
		return true;
	k->access = NULL; /* make_checks() leaves room for one */
	bool ok = make_check(k, &part->root.children[part->root.child_count], seen, depth + 1, err);
	k->access = access;
	part->root.child_count++;
	return ok;
}

static bool make_part(struct seek *k, struct part *part, const struct search_part *asked, unsigned depth,
		      struct error *err)
{
	*part = (struct part){.type = asked->type, .vid_high = k->snapshot};
	part->root = (struct check){.kind = CHECK_AND, .child_count = asked->criterion_count};
	return make_checks(k, &part->root.children, asked->criteria, asked->criterion_count, depth, err) &&
	       restrict_part(k, part, depth, err);
}

/* ---- once the numbers are known -------------------------------------------------------------------------------------
 */

/* Is the value one code of one system, or of none? */
static bool is_exact(const struct wanted *w)
{
	return w->value->code.p && w->value->code.n <= KEY_MAX && w->system != SYSTEM_ANY &&
	       w->system != SYSTEM_UNKNOWN;
}

enum { MANY_CODES = 8 };

/* Long lists of codes become a map; values that are not a code of a system stay in front of the list. */
static bool list_codes(struct seek *k, struct check *c, struct error *err)
{
	size_t count = c->criterion->value_count;
	if (c->kind != CHECK_PARAM || c->type != PARAM_TOKEN || c->criterion->modifier == MOD_OF_TYPE ||
	    count < MANY_CODES)
		return true;
	c->codes = ARENA_NEW(&k->scratch, struct map);
	if (!c->codes)
		return error_memory(err);
	map_init(c->codes, 1 << 20);
	for (size_t i = 0; i < count; i++) {
		char buffer[KEY_MAX + sizeof(int64_t)];
		struct wanted w = c->wanted[i];
		if (!is_exact(&w)) {
			c->wanted[i] = c->wanted[c->loose_count];
			c->wanted[c->loose_count++] = w;
			continue;
		}
		struct str key = arena_str(&k->scratch, code_key(w.value->code, w.system, buffer));
		if (!key.p || !map_put(c->codes, key, NULL))
			return error_memory(err);
	}
	return true;
}

/* Criteria that cost little decide first. */
static int cost_of(const struct check *c)
{
	int most = c->kind == CHECK_BODY			      ? 4
		   : (c->kind == CHECK_CHAIN || c->kind == CHECK_HAS) ? (c->settled ? 1 : 3)
								      : 0;
	for (size_t i = 0; i < c->child_count; i++) {
		int cost = cost_of(&c->children[i]);
		most = cost > most ? cost : most;
	}
	return most;
}

static void order_children(struct check *c)
{
	for (size_t i = 1; i < c->child_count; i++) {
		struct check moved = c->children[i];
		size_t at = i;
		for (; at && cost_of(&c->children[at - 1]) > cost_of(&moved); at--)
			c->children[at] = c->children[at - 1];
		c->children[at] = moved;
	}
}

static bool finish_part(struct seek *k, struct part *part, struct error *err);

static bool finish_check(struct seek *k, struct check *c, struct error *err)
{
	for (size_t i = 0; i < c->child_count; i++)
		if (!finish_check(k, &c->children[i], err))
			return false;
	for (size_t i = 0; i < c->inner_count; i++)
		if (!finish_part(k, &c->inner[i], err))
			return false;
	for (size_t i = 0; c->criterion && i < c->criterion->value_count; i++)
		if (c->wanted[i].targets && !c->wanted[i].target_count)
			c->wanted[i].target_count = c->wanted[i].targets[0] != 0;
	return list_codes(k, c, err) && check_way(k, c, err);
}

static bool finish_part(struct seek *k, struct part *part, struct error *err)
{
	struct check *root = &part->root;
	if (!part->number)
		return true;
	for (size_t i = 0; i < root->child_count; i++) {
		const struct check *c = &root->children[i];
		if (c->kind == CHECK_LAST_UPDATED && !bound_by_time(k, part, c->criterion, err))
			return false;
	}
	for (size_t i = 0; i < root->child_count; i++)
		if (!finish_check(k, &root->children[i], err))
			return false;
	order_children(root);
	for (size_t i = 0; i < root->child_count; i++)
		root->children[i].way.check = &root->children[i];
	return part_span(k, part, err);
}

bool seek_compile(struct seek *k, struct error *err)
{
	const struct search_query *q = k->query;
	struct naming n = {0};
	k->access = q->access;
	k->part_count = q->part_count;
	k->parts = ARENA_ARRAY(&k->scratch, struct part, q->part_count + 1);
	if (!k->parts)
		return error_memory(err);
	for (size_t i = 0; i < q->part_count; i++)
		if (!make_part(k, &k->parts[i], &q->parts[i], 0, err) || !name_part(k, &n, &k->parts[i], err))
			return false;
	if (!naming_resolve(k, &n, err))
		return false;
	for (size_t i = 0; i < k->part_count; i++)
		if (!finish_part(k, &k->parts[i], err))
			return false;
	return true;
}

/* Maps lie outside of the arena. */
static void release_check(struct check *c)
{
	if (c->codes)
		map_done(c->codes);
	for (size_t i = 0; i < c->child_count && c->children; i++)
		release_check(&c->children[i]);
	for (size_t i = 0; i < c->inner_count && c->inner; i++)
		release_check(&c->inner[i].root);
}

void seek_release(struct seek *k)
{
	for (size_t i = 0; i < k->part_count && k->parts; i++)
		release_check(&k->parts[i].root);
	for (size_t i = 0; i < k->gate_count; i++)
		release_check(&k->gates[i].root);
}

/* ---- gates ----------------------------------------------------------------------------------------------------------
 */

/* The numbers of all types, since a version tells its type by it. */
static bool number_types(struct seek *k, struct error *err)
{
	const struct definitions *d = k->access->definitions;
	size_t count = definitions_resource_count(d);
	struct naming n = {0};
	k->gates = ARENA_ARRAY(&k->scratch, struct part, count + 1);
	k->type_numbers = ARENA_ARRAY(&k->scratch, int64_t, count + 1);
	if (!k->gates || !k->type_numbers)
		return error_memory(err);
	for (size_t i = 0; i < count; i++)
		if (!naming_add(k, &n, (struct seek_name){NAME_TYPE, .text = definitions_resource_at(d, i)->name},
				&k->type_numbers[i], 0, err))
			return false;
	return naming_resolve(k, &n, err);
}

static bool open_gate(struct seek *k, const struct fhir_type *type, struct error *err)
{
	struct part *gate = &k->gates[k->gate_count++];
	struct naming n = {0};
	k->sight = SIGHT_INCLUDED; /* parts are all made by now */
	return make_part(k, gate, &(struct search_part){.type = type}, 0, err) && name_part(k, &n, gate, err) &&
	       naming_resolve(k, &n, err) && finish_part(k, gate, err);
}

static bool has_gate(const struct seek *k, int64_t number)
{
	for (size_t i = 0; i < k->gate_count; i++)
		if (k->gates[i].number == number)
			return true;
	return false;
}

bool seek_gate(struct seek *k, struct seek_batch *batch, struct error *err)
{
	if (!k->access)
		return true;
	if (!k->gates && !number_types(k, err))
		return false;
	for (size_t i = 0; i < batch->count; i++) {
		if (has_gate(k, batch->list[i].type))
			continue;
		for (size_t at = 0; at < definitions_resource_count(k->access->definitions); at++)
			if (k->type_numbers[at] == batch->list[i].type &&
			    !open_gate(k, definitions_resource_at(k->access->definitions, at), err))
				return false;
	}
	return seek_filter(k, k->gates, k->gate_count, batch, err);
}
