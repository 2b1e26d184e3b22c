/*
 * Which slice an item belongs to (http://hl7.org/fhir/R4/profiling.html#slicing). A slice is asked discriminator by
 * discriminator: what its definition says at the end of the path, against what the item has there. An item belongs to
 * the first slice that says yes at least once and never no.
 */
#include "validate/walk_priv.h"

enum hold { HOLD_NO, HOLD_YES, HOLD_UNKNOWN };

static enum hold and_also(enum hold a, enum hold b)
{
	return a == HOLD_NO || b == HOLD_NO ? HOLD_NO : a == HOLD_UNKNOWN ? b : HOLD_YES;
}

static enum hold or_else(enum hold a, enum hold b)
{
	return a == HOLD_YES || b == HOLD_YES ? HOLD_YES : a == HOLD_UNKNOWN ? b : HOLD_NO;
}

static enum hold yes_if(bool condition)
{
	return condition ? HOLD_YES : HOLD_NO;
}

/* ---- what an element of a slice says on one node -------------------------------------------------------------------
 */

static enum hold value_holds(struct validation *v, const struct node *n, const struct profile_element *e);

/* Fixed values may stand deeper than the discriminator's path ends. */
static enum hold children_hold(struct validation *v, const struct node *n, const struct profile_element *e)
{
	enum hold all = HOLD_UNKNOWN;
	for (size_t i = 0; i < e->child_count && all != HOLD_NO; i++) {
		const struct profile_element *c = e->children[i];
		struct nodes members = {0};
		enum hold any = HOLD_UNKNOWN;
		if (!(c->facts & (FACT_VALUE | FACT_CHILDREN)) || str_is(c->name, "extension"))
			continue;
		node_members(v, n, c->name, &members);
		for (size_t k = 0; k < members.count; k++)
			any = or_else(any, value_holds(v, &members.at[k], c));
		if (!members.count && (c->fixed || c->pattern) && c->min)
			any = HOLD_NO;
		all = and_also(all, any);
	}
	return all;
}

static enum hold value_holds(struct validation *v, const struct node *n, const struct profile_element *e)
{
	if (e->fixed)
		return yes_if(value_equals(n->value, e->fixed));
	if (e->pattern)
		return yes_if(value_matches(n->value, e->pattern));
	enum hold below = (e->facts & FACT_CHILDREN) ? children_hold(v, n, e) : HOLD_UNKNOWN;
	if (below != HOLD_UNKNOWN)
		return below;
	if (e->binding && e->binding->strength == BINDING_REQUIRED && e->binding->value_set.p)
		return yes_if(binding_holds(v, n, e));
	return HOLD_UNKNOWN;
}

static enum hold type_holds(struct validation *v, const struct node *n, const struct profile_element *e)
{
	if (e->type_count)
		return yes_if(type_of_node(v, n, e) != NULL);
	if (!e->parent && e->profile->fhir_type)
		return yes_if(n->type && type_derives(v, n->type, e->profile->fhir_type->name));
	return HOLD_UNKNOWN;
}

static enum hold one_profile_holds(struct validation *v, const struct node *n, const struct profile *p)
{
	if (!p)
		return HOLD_UNKNOWN;
	if (!n->value)
		return yes_if(!p->constraint && n->type && type_derives(v, n->type, p->type));
	if (n->type && n->type->kind == TYPE_RESOURCE)
		return yes_if(conforms_home(v, n->holder, n->value, p) > 0);
	return yes_if(conforms_element(v, n, p->root) > 0);
}

static enum hold profile_holds(struct validation *v, const struct node *n, const struct profile_element *e)
{
	enum hold any = HOLD_UNKNOWN;
	if (!e->parent && !e->type_count)
		return one_profile_holds(v, n, e->profile);
	for (size_t t = 0; t < e->type_count && any != HOLD_YES; t++)
		for (size_t i = 0; i < e->types[t].profile_count && any != HOLD_YES; i++)
			any = or_else(any, one_profile_holds(v, n,
							     profiles_find(v->profiles, e->types[t].profiles[i],
									   e->profile->canonical, NULL)));
	return any;
}

static enum hold existence_holds(const struct nodes *at, const struct profile_element *e)
{
	if (e->max == 0)
		return yes_if(at->count == 0);
	return e->min ? yes_if(at->count > 0) : HOLD_UNKNOWN;
}

/* Without a value to compare, a slice may still say that there must be one, or none. */
static enum hold element_holds(struct validation *v, const struct nodes *at, const struct profile_element *e,
			       enum discriminator_kind kind)
{
	enum hold any = HOLD_UNKNOWN;
	if (kind == DISCRIMINATOR_EXISTS)
		return existence_holds(at, e);
	for (size_t i = 0; i < at->count && any != HOLD_YES; i++) {
		const struct node *n = &at->at[i];
		any = or_else(any, kind == DISCRIMINATOR_TYPE	   ? type_holds(v, n, e)
				   : kind == DISCRIMINATOR_PROFILE ? profile_holds(v, n, e)
								   : value_holds(v, n, e));
	}
	if (at->count == 0 && (e->fixed || e->pattern || kind != DISCRIMINATOR_VALUE))
		return HOLD_NO;
	if (any != HOLD_UNKNOWN || kind != DISCRIMINATOR_VALUE)
		return any;
	/* something below is fixed, or bound: nothing there cannot have it */
	bool bound = e->binding && e->binding->strength == BINDING_REQUIRED;
	if (at->count == 0 && ((e->facts & FACT_CHILDREN) || bound) && e->max)
		return HOLD_NO;
	return existence_holds(at, e);
}

static enum hold test_holds(struct validation *v, const struct node *item, const struct discriminator *d,
			    const struct slice_test *test)
{
	struct nodes at = {0};
	enum hold all = HOLD_UNKNOWN;
	if (d->broken || !follow_path(v, item, d, &at))
		return HOLD_UNKNOWN;
	for (size_t i = 0; i < test->count && all != (test->any ? HOLD_YES : HOLD_NO); i++) {
		enum hold one = element_holds(v, &at, test->elements[i], d->kind);
		all = test->any ? or_else(all, one) : and_also(all, one);
	}
	return all;
}

/* Slices that their position tells apart follow each other, each as long as it may be. */
static enum hold position_holds(const struct node *item, const struct profile_element *slice)
{
	const struct profile_element *sliced = slice->sliced;
	uint64_t first = 0, index = item->index < 0 ? 0 : (uint64_t)item->index;
	for (size_t i = 0; i < sliced->slice_count && sliced->slices[i] != slice; i++)
		first += sliced->slices[i]->max;
	return yes_if(index >= first && index - first < slice->max);
}

static enum hold discriminator_holds(struct validation *v, const struct node *item, const struct profile_element *slice,
				     const struct discriminator *d, const struct slice_test *test)
{
	return d->kind == DISCRIMINATOR_POSITION ? position_holds(item, slice) : test_holds(v, item, d, test);
}

/* ---- matching ------------------------------------------------------------------------------------------------------
 */

static bool slice_holds(struct validation *v, const struct node *item, const struct profile_element *slice)
{
	const struct profile_slicing *slicing = slice->sliced->slicing;
	const struct slice_test *tests = slice_tests(v->profiles, slice, v->err);
	enum hold all = HOLD_UNKNOWN;
	for (size_t i = 0; tests && i < slicing->count && all != HOLD_NO; i++)
		all = and_also(all, discriminator_holds(v, item, slice, &slicing->discriminators[i], &tests[i]));
	return all == HOLD_YES;
}

static const struct profile_element *match(struct validation *v, const struct node *item,
					   const struct profile_element *sliced)
{
	for (size_t i = 0; sliced->slicing && i < sliced->slice_count; i++) {
		if (!slice_holds(v, item, sliced->slices[i]))
			continue;
		const struct profile_element *deeper = match(v, item, sliced->slices[i]);
		return deeper ? deeper : sliced->slices[i];
	}
	return NULL;
}

static bool belongs(const struct profile_element *slice, const struct profile_element *to)
{
	for (; slice; slice = slice->sliced)
		if (slice == to)
			return true;
	return false;
}

bool slice_takes(struct validation *v, const struct node *item, const struct profile_element *slice)
{
	const struct profile_element *sliced = slice->sliced;
	while (sliced->sliced)
		sliced = sliced->sliced;
	return belongs(match(v, item, sliced), slice);
}

/* at: where a slice that is missing is missed; the value itself when a choice has one of another type. */
static void count_slices(struct validation *v, const struct node *parent, const struct node *at,
			 const struct profile_element *sliced, const struct profile_element *const *found, size_t items)
{
	for (size_t i = 0; i < sliced->slice_count; i++) {
		const struct profile_element *s = sliced->slices[i];
		size_t count = 0;
		for (size_t k = 0; k < items; k++)
			count += belongs(found[k], s);
		if (count < s->min)
			find_error(v, at, ERR_REQUIRED, "slice-min",
				   "The slice %.*s is required: at least %u, found %zu (%.*s)", STR_ARG(s->id), s->min,
				   count, STR_ARG(s->profile->url));
		else if (count > s->max)
			find_error(v, parent, ERR_STRUCTURE, "slice-max",
				   "The slice %.*s may be there at most %u times, found %zu (%.*s)", STR_ARG(s->id),
				   s->max, count, STR_ARG(s->profile->url));
		if (count)
			count_slices(v, parent, at, s, found, items);
	}
}

/* Position of a slice among its siblings, on the level of the sliced element. */
static size_t rank(const struct profile_element *slice, const struct profile_element *sliced)
{
	while (slice->sliced != sliced)
		slice = slice->sliced;
	for (size_t i = 0; i < sliced->slice_count; i++)
		if (sliced->slices[i] == slice)
			return i;
	return 0;
}

static void check_rules(struct validation *v, const struct node *item, const struct profile_element *e,
			const struct profile_element *found, size_t *last, bool *open)
{
	if (!found) {
		*open = true;
		if (e->slicing->rules == SLICING_CLOSED)
			find_error(v, item, ERR_STRUCTURE, "slice-closed",
				   "It belongs to none of the slices of %.*s, and no others are allowed (%.*s)",
				   STR_ARG(e->path), STR_ARG(e->profile->url));
		return;
	}
	if (*open && e->slicing->rules == SLICING_OPEN_AT_END)
		find_error(v, item, ERR_STRUCTURE, "slice-order",
			   "Items that belong to no slice of %.*s must come last (%.*s)", STR_ARG(e->path),
			   STR_ARG(e->profile->url));
	if (e->slicing->ordered && rank(found, e) < *last)
		find_error(v, item, ERR_STRUCTURE, "slice-order",
			   "The slice %.*s must come before the one in front of it (%.*s)", STR_ARG(found->id),
			   STR_ARG(e->profile->url));
	*last = rank(found, e);
}

/* Does a slice say yes at every discriminator, so that nothing is left to interpretation? */
static bool slice_claims(struct validation *v, const struct node *item, const struct profile_element *slice)
{
	const struct profile_slicing *slicing = slice->sliced->slicing;
	const struct slice_test *tests = slice_tests(v->profiles, slice, v->err);
	bool all = tests && slicing->count;
	for (size_t i = 0; all && i < slicing->count; i++)
		all = discriminator_holds(v, item, slice, &slicing->discriminators[i], &tests[i]) == HOLD_YES;
	return all;
}

/* Slices must exclude each other; which one is meant when two claim an item cannot be said. */
static void check_ambiguity(struct validation *v, const struct node *item, const struct profile_element *sliced,
			    const struct profile_element *found)
{
	size_t own = found ? rank(found, sliced) : 0;
	if (!found || v->trials)
		return;
	for (size_t i = own + 1; i < sliced->slice_count; i++) {
		if (!slice_claims(v, item, sliced->slices[i]))
			continue;
		if (slice_claims(v, item, sliced->slices[own]))
			find_error(v, item, ERR_STRUCTURE, "slice-ambiguous",
				   "It belongs to the slice %.*s and as well to %.*s (%.*s)",
				   STR_ARG(sliced->slices[own]->id), STR_ARG(sliced->slices[i]->id),
				   STR_ARG(sliced->profile->url));
		return;
	}
}

const struct profile_element **check_slices(struct validation *v, const struct node *parent, const struct slot *s,
					    const struct profile_element *core, const struct profile_element *e)
{
	const struct profile_element **found = ARENA_ARRAY(v->arena, const struct profile_element *, s->count + 1);
	size_t last = 0;
	bool open = false;
	if (!found) {
		error_memory(v->err);
		return NULL;
	}
	if (!e->slicing || !e->slicing->count)
		return found;
	struct node item;
	struct slot_walk w = slot_walk(s);
	for (size_t i = 0; slot_next(&w, s, parent, core, &item); i++) {
		node_describe(v, &item, s->type);
		found[i] = match(v, &item, e);
		check_rules(v, &item, e, found[i], &last, &open);
		check_ambiguity(v, &item, e, found[i]);
	}
	count_slices(v, parent, core->choice && s->count ? &item : parent, e, found, s->count);
	return found;
}

/* ---- the path of a discriminator ------------------------------------------------------------------------------------
 */

struct node *nodes_add(struct validation *v, struct nodes *list, const struct node *n)
{
	if (list->count == list->capacity) {
		struct node *grown =
			arena_grow(v->arena, list->at, list->count, &list->capacity, list->count + 1, sizeof(*grown));
		if (!grown) {
			error_memory(v->err);
			return NULL;
		}
		list->at = grown;
	}
	list->at[list->count] = *n;
	return &list->at[list->count++];
}

static void add_items(struct validation *v, const struct node *n, const struct profile_element *c, struct slot *s,
		      struct nodes *into)
{
	size_t a = json_is(s->value, JSON_ARRAY) ? json_size(s->value) : s->value != NULL;
	size_t b = json_is(s->extra, JSON_ARRAY) ? json_size(s->extra) : s->extra != NULL;
	s->count = a > b ? a : b;
	struct node item;
	struct slot_walk w = slot_walk(s);
	while (slot_next(&w, s, n, c, &item)) {
		node_describe(v, &item, s->type);
		if (item.value || item.extra)
			nodes_add(v, into, &item);
	}
}

static const struct json *sibling(const struct json *object, struct str name)
{
	char key[128];
	if (name.n + 1 > sizeof(key))
		return NULL;
	key[0] = '_';
	memcpy(key + 1, name.p, name.n);
	return json_get(object, str_make(key, name.n + 1));
}

void node_members(struct validation *v, const struct node *n, struct str name, struct nodes *into)
{
	const struct json *object = n->type && n->type->kind == TYPE_PRIMITIVE ? n->extra : n->value;
	const struct profile_element *c = n->shape ? profile_child(n->shape, name) : NULL;
	if (!c || !json_is(object, JSON_OBJECT))
		return;
	struct json_iter it = json_iter(object);
	if (!c->choice) {
		struct slot s = {.key = name, .value = json_get(object, name), .type = c->type_count ? c->types : NULL};
		if (s.type && s.type->type && s.type->type->kind == TYPE_PRIMITIVE)
			s.extra = sibling(object, name);
		add_items(v, n, c, &s, into);
		return;
	}
	while (json_next(&it)) {
		const struct profile_property *p = profile_property(n->shape, it.key);
		if (!p || p->element != c)
			continue;
		struct slot s = {.key = it.key, .value = it.value, .extra = sibling(object, it.key), .type = p->type};
		add_items(v, n, c, &s, into);
	}
}

static void step_extension(struct validation *v, const struct node *n, struct str url, struct nodes *into)
{
	struct nodes all = {0};
	node_members(v, n, S("extension"), &all);
	for (size_t i = 0; i < all.count; i++)
		if (str_eq(json_get_str(all.at[i].value, S("url")), url))
			nodes_add(v, into, &all.at[i]);
}

static void step_resolve(struct validation *v, const struct node *n, struct nodes *into)
{
	struct str text = json_is(n->value, JSON_STRING) ? json_str(n->value) : json_get_str(n->value, S("reference"));
	struct node found = {.name = S("resolve"), .index = -1, .holder = n->holder};
	if (!text.p)
		return;
	struct target t = validation_resolve(v, n->holder, text);
	struct error ignored = {0};
	found.value = t.resource;
	found.holder = target_home(n->holder, &t);
	if (t.resource) {
		found.type = resource_type(v->definitions, t.resource, &ignored);
	} else {
		struct str type = reference_parse(v->definitions, text).type;
		found.type = definitions_resource(v->definitions, type.p ? type : json_get_str(n->value, S("type")));
	}
	const struct profile *core = profiles_fhir_type(v->profiles, found.type);
	found.shape = core ? core->root : NULL;
	if (found.type)
		nodes_add(v, into, &found);
}

bool follow_path(struct validation *v, const struct node *n, const struct discriminator *d, struct nodes *ret_nodes)
{
	struct nodes at = {0};
	nodes_add(v, &at, n);
	for (size_t i = 0; i < d->step_count; i++) {
		const struct discriminator_step *s = &d->steps[i];
		struct nodes next = {0};
		for (size_t k = 0; k < at.count; k++) {
			if (s->kind == STEP_MEMBER)
				node_members(v, &at.at[k], s->name, &next);
			else if (s->kind == STEP_EXTENSION)
				step_extension(v, &at.at[k], s->name, &next);
			else if (s->kind == STEP_RESOLVE)
				step_resolve(v, &at.at[k], &next);
			else if (at.at[k].type && type_derives(v, at.at[k].type, s->name))
				nodes_add(v, &next, &at.at[k]);
		}
		at = next;
	}
	*ret_nodes = at;
	return !v->err->code;
}
