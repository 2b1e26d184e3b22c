/*
 * From the list of ElementDefinitions of a snapshot to a tree of nodes. The list is in order, so the tree grows along a
 * stack of the elements that are open; slices hang at the element that they slice, re-slices at their slice.
 */
#include "profile/profile_priv.h"
#include "profile/snapshot.h"

enum { MAX_ELEMENTS = 20000 };

bool out_of_memory(struct compilation *c)
{
	return error_memory(c->err);
}

struct draft *draft_of(const struct profile_element *e)
{
	return (struct draft *)(uintptr_t)e;
}

/* ---- the tree ---------------------------------------------------------------------------------------------------- */

static size_t path_depth(struct str path)
{
	size_t depth = 0;
	for (size_t i = 0; i < path.n; i++)
		depth += path.p[i] == '.';
	return depth;
}

static struct draft *child_named(struct draft *parent, struct str name)
{
	for (struct draft *d = parent->first_child; d; d = d->next_child)
		if (str_eq(d->e.name, name))
			return d;
	return NULL;
}

static void set_name(struct profile_element *e)
{
	size_t dot = str_rfind_char(e->path, '.');
	struct str name = dot == STR_NONE ? e->path : str_slice(e->path, dot + 1, e->path.n);
	e->choice = str_ends(name, S("[x]"));
	e->name = e->choice ? str_slice(name, 0, name.n - 3) : name;
}

static void add_child(struct draft *parent, struct draft *d)
{
	d->e.parent = &parent->e;
	if (parent->last_child)
		parent->last_child->next_child = d;
	else
		parent->first_child = d;
	parent->last_child = d;
}

/* "a/b" is a slice of slice "a". */
static struct draft *slice_owner(struct draft *sliced, struct str name)
{
	size_t slash = str_rfind_char(name, '/');
	if (slash == STR_NONE)
		return sliced;
	struct str outer = str_slice(name, 0, slash);
	struct draft *owner = slice_owner(sliced, outer);
	for (struct draft *d = owner->first_slice; d; d = d->next_slice)
		if (str_eq(d->e.slice, outer))
			return d;
	return sliced;
}

static void add_slice(struct draft *sliced, struct draft *d)
{
	struct draft *owner = slice_owner(sliced, d->e.slice);
	d->e.sliced = &owner->e;
	d->e.parent = sliced->e.parent;
	if (owner->last_slice)
		owner->last_slice->next_slice = d;
	else
		owner->first_slice = d;
	owner->last_slice = d;
}

struct growth {
	struct draft *open[PROFILE_MAX_DEPTH]; /* the element that is open at each depth */
	size_t depth;
	struct draft *root;
};

/* Older snapshots write a slice of a choice as a child of its own: "Observation.valueQuantity". */
static struct draft *choice_of(struct draft *parent, const struct draft *d)
{
	for (struct draft *c = parent->first_child; c; c = c->next_child) {
		if (!c->e.choice || !str_starts(d->e.name, c->e.name))
			continue;
		struct str type = str_slice(d->e.name, c->e.name.n, d->e.name.n);
		for (size_t i = 0; i < d->e.type_count; i++)
			if (str_eq_nocase(d->e.types[i].code, type))
				return c;
	}
	return NULL;
}

static bool grow(struct compilation *c, struct growth *g, struct draft *d)
{
	size_t depth = path_depth(d->e.path);
	set_name(&d->e);
	if (!g->root) {
		g->root = g->open[0] = d;
		return true;
	}
	if (depth == 0 || depth > g->depth + 1 || depth >= PROFILE_MAX_DEPTH)
		return error_set(c->err, ERR_VALUE, "The element %.*s of %.*s has no parent before it",
				 STR_ARG(d->e.path), STR_ARG(c->profile->url));
	struct draft *parent = g->open[depth - 1], *same = child_named(parent, d->e.name);
	if (!same && !d->e.choice && (same = choice_of(parent, d))) {
		d->e.name = same->e.name;
		d->e.choice = true;
		if (!d->e.slice.p)
			d->e.slice = d->e.path;
	}
	if (same && d->e.slice.p)
		add_slice(same, d);
	else if (same)
		return true; /* said twice: the first stands, what hangs below the second goes there */
	else
		add_child(parent, d);
	g->open[depth] = d;
	g->depth = depth;
	return true;
}

static struct draft *grow_tree(struct compilation *c, const struct json *elements)
{
	struct growth g = {0};
	struct json_iter it = json_iter(elements);
	if (it.left > MAX_ELEMENTS || !it.left) {
		error_set(c->err, ERR_LIMIT, "The snapshot of %.*s has %zu elements", STR_ARG(c->profile->url),
			  it.left);
		return NULL;
	}
	while (json_next(&it)) {
		struct draft *d = ARENA_NEW(c->a, struct draft);
		if (!d || !element_read_facts(c, it.value, d) || !grow(c, &g, d)) {
			out_of_memory(c);
			return NULL;
		}
		if (d == g.root)
			g.depth = 0;
	}
	return g.root;
}

/* ---- links within the tree --------------------------------------------------------------------------------------- */

static struct draft *find_path(struct draft *d, struct str path)
{
	if (str_eq(d->e.path, path) || str_eq(d->e.id, path))
		return d;
	for (struct draft *k = d->first_child; k; k = k->next_child) {
		struct draft *found = find_path(k, path);
		if (found)
			return found;
	}
	return NULL;
}

/* "#Observation.referenceRange", or with the URL of the definition in front. */
static void link_content(struct draft *d, struct draft *root)
{
	size_t hash = d->content_reference.p ? str_find_char(d->content_reference, '#', 0) : STR_NONE;
	if (hash != STR_NONE) {
		struct draft *target =
			find_path(root, str_slice(d->content_reference, hash + 1, d->content_reference.n));
		d->e.content = target ? &target->e : NULL;
	}
	for (struct draft *k = d->first_child; k; k = k->next_child)
		link_content(k, root);
	for (struct draft *k = d->first_slice; k; k = k->next_slice)
		link_content(k, root);
}

static size_t count_children(const struct draft *d)
{
	size_t n = 0;
	for (const struct draft *k = d->first_child; k; k = k->next_child)
		n++;
	return n;
}

static bool freeze(struct compilation *c, struct draft *d)
{
	size_t children = count_children(d), slices = 0;
	for (const struct draft *k = d->first_slice; k; k = k->next_slice)
		slices++;
	const struct profile_element **list = ARENA_ARRAY(c->a, const struct profile_element *, children + slices + 1);
	if (!list)
		return out_of_memory(c);
	d->e.children = list;
	for (struct draft *k = d->first_child; k; k = k->next_child) {
		k->e.position = (unsigned)d->e.child_count;
		list[d->e.child_count++] = &k->e;
		if (!freeze(c, k))
			return false;
	}
	list += children;
	d->e.slices = list;
	for (struct draft *k = d->first_slice; k; k = k->next_slice) {
		list[d->e.slice_count++] = &k->e;
		if (!freeze(c, k))
			return false;
	}
	return true;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static size_t property_slot(const struct profile_property *table, size_t mask, struct str name)
{
	size_t i = str_hash(name) & mask;
	while (table[i].name.p && !str_eq(table[i].name, name))
		i = (i + 1) & mask;
	return i;
}

static bool add_property(struct compilation *c, struct profile_property *table, size_t mask,
			 const struct profile_element *e, const struct profile_type *t)
{
	struct str name = e->name;
	if (e->choice) {
		size_t slash = t ? str_rfind_char(t->code, '/') : STR_NONE;
		struct str type = !t ? S("") : slash == STR_NONE ? t->code : str_slice(t->code, slash + 1, t->code.n);
		name = arena_printf(c->a, "%.*s%.*s", STR_ARG(e->name), STR_ARG(type));
		if (!name.p)
			return out_of_memory(c);
		char *first = (char *)(uintptr_t)name.p + e->name.n;
		if (*first >= 'a' && *first <= 'z')
			*first = (char)(*first - 32);
	}
	size_t i = property_slot(table, mask, name);
	if (!table[i].name.p)
		table[i] = (struct profile_property){name, e, t};
	return true;
}

static const struct fhir_element *known_element(const struct fhir_type *type, const struct profile_element *e)
{
	for (size_t i = 0; type && i < type->element_count; i++)
		if (str_eq(type->elements[i].name, e->name))
			return &type->elements[i];
	return NULL;
}

/* The table of JSON names, and what the definitions know of each element. type NULL: nothing. */
static bool give_shape(struct compilation *c, struct draft *d, const struct fhir_type *type)
{
	size_t names = 0, size = 4;
	for (struct draft *k = d->first_child; k; k = k->next_child)
		names += k->e.choice ? k->e.type_count : 1;
	while (size < names * 2)
		size *= 2;
	struct profile_property *table = ARENA_ARRAY(c->a, struct profile_property, size);
	if (!table)
		return out_of_memory(c);
	for (struct draft *k = d->first_child; k; k = k->next_child) {
		size_t types = k->e.choice ? k->e.type_count : 1;
		k->e.element = known_element(type, &k->e);
		for (size_t i = 0; i < types; i++)
			if (!add_property(c, table, size - 1, &k->e, k->e.type_count ? &k->e.types[i] : NULL))
				return false;
		if (k->first_child) {
			k->e.content_type = definitions_type(c->set->definitions, k->e.path);
			if (!give_shape(c, k, k->e.content_type))
				return false;
		}
	}
	d->e.properties = table;
	d->e.property_mask = size - 1;
	return true;
}

static void mark_all_facts(struct draft *d)
{
	struct profile_element *e = &d->e;
	e->facts = (e->min ? FACT_MIN : 0) | (e->max != UINT32_MAX ? FACT_MAX : 0) | FACT_TYPES | FACT_CHILDREN;
	if (e->fixed || e->pattern || e->min_value || e->max_value || e->max_length || e->min_length || e->regex.p ||
	    e->required_value)
		e->facts |= FACT_VALUE;
	if (e->binding)
		e->facts |= FACT_BINDING;
	if (e->constraint_count)
		e->facts |= FACT_CONSTRAINTS;
	if (d->first_slice)
		e->facts |= FACT_SLICES;
	for (struct draft *k = d->first_child; k; k = k->next_child)
		mark_all_facts(k);
	for (struct draft *k = d->first_slice; k; k = k->next_slice)
		mark_all_facts(k);
}

/* ---- one definition ---------------------------------------------------------------------------------------------- */

/* Where there is only a differential, the snapshot is made. */
static const struct json *snapshot_elements(struct compilation *c)
{
	struct profile *p = c->profile;
	const struct json *elements = json_get(json_get(p->json, S("snapshot")), S("element"));
	if (!json_size(elements)) {
		struct snapshot_options options = {.from = p->canonical};
		const struct json *whole = profile_snapshot(c->a, c->set->canonicals, p->json, &options, c->err);
		if (!whole)
			return NULL;
		elements = json_get(json_get(whole, S("snapshot")), S("element"));
	}
	if (!json_size(elements))
		error_set(c->err, ERR_VALUE, "The profile %.*s has no snapshot", STR_ARG(c->profile->url));
	return elements;
}

static void read_head(struct compilation *c, const struct canonical *canonical)
{
	struct profile *p = c->profile;
	const struct json *j = p->json;
	p->canonical = canonical;
	p->url = canonical->url;
	p->version = canonical->version;
	p->name = canonical->name;
	p->title = json_get_str(j, S("title"));
	p->type = json_get_str(j, S("type"));
	p->logical = str_is(json_get_str(j, S("kind")), "logical");
	p->abstract = json_bool(json_get(j, S("abstract")));
	p->constraint = str_is(json_get_str(j, S("derivation")), "constraint");
	p->fhir_type = definitions_type(c->set->definitions, p->type);
}

static const struct profile *base_of(struct compilation *c, const struct canonical *canonical)
{
	struct error ignored = {0};
	return canonical->base.p && c->profile->constraint ? profiles_find(c->set, canonical->base, canonical, &ignored)
							   : NULL;
}

/* The type of its own that a profile constrains: a core type or a logical model. */
static const struct profile *constrained_type(struct compilation *c)
{
	const struct profile *p = c->profile;
	if (!p->constraint)
		return NULL;
	if (p->fhir_type)
		return profiles_fhir_type(c->set, p->fhir_type);
	for (p = p->base; p && p->constraint;)
		p = p->base;
	return p;
}

static bool compile_tree(struct compilation *c)
{
	const struct json *elements = snapshot_elements(c);
	struct draft *root = json_size(elements) ? grow_tree(c, elements) : NULL;
	if (!root)
		return false;
	link_content(root, root);
	c->profile->root = &root->e;
	if (!freeze(c, root))
		return false;
	if (!c->profile->constraint) {
		root->e.content_type = c->profile->fhir_type;
		mark_all_facts(root);
		return give_shape(c, root, c->profile->fhir_type);
	}
	const struct profile *type = constrained_type(c);
	element_mark_facts(c, root, type ? type->root : NULL);
	return true;
}

const struct profile *profile_compile(struct profiles *set, const struct canonical *canonical, struct error *err)
{
	struct profile *p = ARENA_NEW(&set->arena, struct profile);
	struct compilation c = {set, &set->arena, p, err};
	if (!p) {
		error_memory(err);
		return NULL;
	}
	p->json = canonical_json(set->canonicals, canonical, err);
	if (!p->json)
		return NULL;
	read_head(&c, canonical);
	p->base = base_of(&c, canonical);
	return compile_tree(&c) ? p : NULL;
}
