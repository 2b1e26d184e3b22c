/*
 * The walk over an instance: every element once, in the order of its definition. It follows the definition of the core
 * type (or of a logical model), which says what exists; what profiles add comes along as overlays, nodes of their trees
 * that speak on the element at hand. An object is taken in five steps: its members are put into slots by name,
 * invariants are asked, members are counted, its own value is compared, then the members are walked.
 */
#include "validate/walk_priv.h"
#include "base/near.h"

enum { LOCAL_SLOTS = 96 };

const char *json_name_of(const struct json *j)
{
	return json_type_name(json_type(j));
}

void overlays_add(struct validation *v, struct overlays *o, const struct profile_element *e)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->at[i] == e)
			return;
	if (o->count == WALK_MAX_OVERLAYS)
		error_set(v->err, ERR_LIMIT, "More than %d profiles speak on one element", WALK_MAX_OVERLAYS);
	else
		o->at[o->count++] = e;
}

/* ---- what a node is ---------------------------------------------------------------------------------------------- */

struct str node_type_name(const struct node *n)
{
	return n->type ? n->type->name : n->choice.n ? n->choice : S("");
}

static void describe_resource(struct validation *v, struct node *n)
{
	struct error ignored = {0};
	const struct fhir_type *actual = resource_type(v->definitions, n->value, &ignored);
	const struct profile *core = profiles_fhir_type(v->profiles, actual);
	n->type = actual;
	n->shape = core ? core->root : NULL;
}

void node_describe(struct validation *v, struct node *n, const struct profile_type *type)
{
	const struct profile_element *d = n->definition;
	const struct profile *core;
	n->type = type ? type->type : NULL;
	n->element = d ? d->element : NULL;
	n->shape = NULL;
	if (d && d->content)
		d = d->content;
	if (n->type && n->type->kind == TYPE_RESOURCE) {
		describe_resource(v, n);
	} else if (d && d->child_count) {
		n->shape = d;
		n->type = d->content_type ? d->content_type : n->type;
	} else if (n->type && n->type->kind == TYPE_PRIMITIVE) {
		core = profiles_type(v->profiles, S("Element"));
		n->shape = core ? core->root : NULL;
	} else if (n->type) {
		core = profiles_fhir_type(v->profiles, n->type);
		n->shape = core ? core->root : NULL;
	} else if (type && type->code.n) {
		core = profiles_find(v->profiles, type->code, d ? d->profile->canonical : NULL, NULL);
		n->shape = core ? core->root : NULL;
	}
}

struct slot_walk slot_walk(const struct slot *s)
{
	return (struct slot_walk){
		.values = json_iter(json_is(s->value, JSON_ARRAY) ? s->value : NULL),
		.extras = json_iter(json_is(s->extra, JSON_ARRAY) ? s->extra : NULL),
	};
}

bool slot_next(struct slot_walk *w, const struct slot *s, const struct node *parent,
	       const struct profile_element *definition, struct node *ret_node)
{
	if (w->index == s->count)
		return false;
	bool list = json_is(s->value, JSON_ARRAY) || json_is(s->extra, JSON_ARRAY);
	struct node n = node_child(parent, definition->name, definition->list && list ? (int64_t)w->index : -1, NULL);
	if (!json_is(s->value, JSON_ARRAY))
		n.value = w->index ? NULL : s->value;
	else if (json_next(&w->values))
		n.value = w->values.value;
	if (!json_is(s->extra, JSON_ARRAY))
		n.extra = w->index ? NULL : s->extra;
	else if (json_next(&w->extras))
		n.extra = w->extras.value;
	if (json_is(n.value, JSON_NULL) && n.extra)
		n.value = NULL;
	if (json_is(n.extra, JSON_NULL))
		n.extra = NULL;
	if (definition->choice && s->type)
		n.choice = s->type->code;
	n.definition = definition;
	w->index++;
	*ret_node = n;
	return true;
}

/* ---- members into slots --------------------------------------------------------------------------------------------
 */

static void unknown_property(struct validation *v, const struct node *n, struct str key)
{
	const struct profile_element *near = NULL;
	const struct issue *before = v->findings->last;
	size_t least = 3;
	if (v->additions)
		return;
	for (size_t i = 0; i < n->shape->child_count && v->findings->errors < 10; i++) {
		size_t distance = str_distance(key, n->shape->children[i]->name);
		if (distance < least && distance < key.n) {
			least = distance;
			near = n->shape->children[i];
		}
	}
	if (near)
		find_error(v, n, ERR_STRUCTURE, "unknown-property",
			   "The property \"%.*s\" does not exist here; did you mean \"%.*s%s\"?",
			   STR_ARG(str_slice(key, 0, 80)), STR_ARG(near->name), near->choice ? "[x]" : "");
	else
		find_error(v, n, ERR_STRUCTURE, "unknown-property", "The property \"%.*s\" does not exist here",
			   STR_ARG(str_slice(key, 0, 80)));
	if (v->findings->last != before)
		v->findings->last->member = key;
}

static bool is_primitive(const struct profile_type *t)
{
	return t && t->type && t->type->kind == TYPE_PRIMITIVE;
}

static size_t count_items(const struct slot *s)
{
	size_t a = json_is(s->value, JSON_ARRAY) ? json_size(s->value) : s->value != NULL;
	size_t b = json_is(s->extra, JSON_ARRAY) ? json_size(s->extra) : s->extra != NULL;
	return a > b ? a : b;
}

/* The form of one member in JSON: list or not, empty or not. */
static void check_form(struct validation *v, const struct node *n, const struct profile_element *e,
		       const struct slot *s, const struct json *value, bool extra)
{
	struct node at = node_child(n, e->name, -1, value);
	if (v->additions)
		return;
	if (e->choice && s->type)
		at.choice = s->type->code;
	if (json_is(value, JSON_NULL))
		find_error(v, &at, ERR_STRUCTURE, "json-null", "null is not allowed; leave the property out");
	else if (json_is(value, JSON_ARRAY) && json_size(value) == 0)
		find_error(v, &at, ERR_STRUCTURE, "json-empty", "A list must not be empty; leave the property out");
	else if (e->list && !json_is(value, JSON_ARRAY))
		find_error(v, &at, ERR_STRUCTURE, "json-list", "The property %s%.*s must be a list, not %s",
			   extra ? "_" : "", STR_ARG(s->key), json_name_of(value));
	else if (!e->list && json_is(value, JSON_ARRAY))
		find_error(v, json_size(value) > 1 ? n : &at, ERR_STRUCTURE, "max",
			   "The property %s%.*s must be a single value, not a list of %zu", extra ? "_" : "",
			   STR_ARG(s->key), json_size(value));
}

static void put_member(struct validation *v, const struct node *n, struct slot *slots, struct str key,
		       const struct json *value)
{
	bool extra = key.n > 1 && key.p[0] == '_';
	struct str name = extra ? str_slice(key, 1, key.n) : key;
	const struct profile_property *p = profile_property(n->shape, name);
	if (!p || (extra && !is_primitive(p->type))) {
		unknown_property(v, n, key);
		return;
	}
	struct slot *s = &slots[p->element->position];
	if (s->count && s->type != p->type) {
		if (!v->additions)
			find_error(v, n, ERR_STRUCTURE, "max", "Only one of %.*s[x] may be there, found %.*s and %.*s",
				   STR_ARG(p->element->name), STR_ARG(s->key), STR_ARG(name));
		return;
	}
	s->key = name;
	s->type = p->type;
	if (extra)
		s->extra = value;
	else
		s->value = value = p->element->json_key.p ? keyed_list(v, p->element, value) : value;
	check_form(v, n, p->element, s, value, extra);
	s->count = count_items(s);
}

static void fill_slots(struct validation *v, const struct node *n, const struct json *object, struct slot *slots)
{
	bool resource = n->holder->node == n;
	struct json_iter it = json_iter(object);
	memset(slots, 0, n->shape->child_count * sizeof(*slots));
	while (json_next(&it))
		if (!(resource && str_is(it.key, "resourceType")))
			put_member(v, n, slots, it.key, it.value);
}

/* ---- counting ------------------------------------------------------------------------------------------------------
 */

static void report_min(struct validation *v, const struct node *n, const struct profile_element *e, size_t count)
{
	find_error(v, n, ERR_REQUIRED, "min", "%.*s is required: at least %u, found %zu (%.*s)", STR_ARG(e->path),
		   e->min, count, STR_ARG(e->profile->url));
}

static void report_max(struct validation *v, const struct node *n, const struct profile_element *e, size_t count)
{
	find_error(v, n, ERR_STRUCTURE, "max", "%.*s may be there at most %u times, found %zu (%.*s)", STR_ARG(e->path),
		   e->max, count, STR_ARG(e->profile->url));
}

static void count_core(struct validation *v, const struct node *n, const struct slot *slots)
{
	for (size_t i = 0; i < n->shape->child_count; i++) {
		const struct profile_element *e = n->shape->children[i];
		if (slots[i].count < e->min)
			report_min(v, n, e, slots[i].count);
		else if (slots[i].count > e->max && e->list)
			report_max(v, n, e, slots[i].count);
	}
}

/* Where the shape has the child that a profile speaks of; child_count when it has none. */
static size_t find_position(const struct profile_element *shape, const struct profile_element *e)
{
	if (e->position < shape->child_count && str_eq(shape->children[e->position]->name, e->name))
		return e->position;
	for (size_t i = 0; i < shape->child_count; i++)
		if (str_eq(shape->children[i]->name, e->name))
			return i;
	return shape->child_count;
}

static const struct child_rule *add_child_rule(struct validation *v, const struct node *n, struct slot *slots,
					       const struct profile_element *e, const struct child_rule *rules)
{
	static const struct slot absent;
	size_t position = find_position(n->shape, e);
	const struct slot *s = position < n->shape->child_count ? &slots[position] : &absent;
	if ((e->facts & FACT_MIN) && s->count < e->min)
		report_min(v, n, e, s->count);
	if ((e->facts & FACT_MAX) && s->count > e->max)
		report_max(v, n, e, s->count);
	const struct profile_element **slices = NULL;
	if ((e->facts & FACT_SLICES) && position < n->shape->child_count)
		slices = check_slices(v, n, s, n->shape->children[position], e);
	if (!s->count)
		return rules;
	struct child_rule *rule = ARENA_NEW(v->arena, struct child_rule);
	if (!rule) {
		error_memory(v->err);
		return rules;
	}
	*rule = (struct child_rule){position, e, slices, rules};
	return rule;
}

/* Counts what profiles count, and gathers what they say on the members that are there. */
static const struct child_rule *count_overlays(struct validation *v, const struct node *n, struct slot *slots,
					       const struct overlays *o)
{
	const struct child_rule *rules = NULL;
	for (size_t i = 0; i < o->count; i++) {
		const struct profile_element *e = o->at[i];
		if (!e->child_count && e->content)
			e = e->content;
		for (size_t k = 0; (e->facts & FACT_CHILDREN) && k < e->child_count; k++)
			if (e->children[k]->facts)
				rules = add_child_rule(v, n, slots, e->children[k], rules);
	}
	return rules;
}

/* ---- members -------------------------------------------------------------------------------------------------------
 */

static void item_overlays(struct validation *v, const struct child_rule *rules, size_t position, size_t index,
			  struct overlays *ret)
{
	ret->count = 0;
	for (const struct child_rule *r = rules; r; r = r->next) {
		if (r->position != position)
			continue;
		overlays_add(v, ret, r->definition);
		const struct profile_element *slice = r->slices ? r->slices[index] : NULL;
		/* a re-slice stands for its slice as well */
		for (; slice && slice != r->definition; slice = slice->sliced)
			overlays_add(v, ret, slice);
	}
}

static void walk_slot(struct validation *v, const struct node *parent, const struct profile_element *definition,
		      const struct slot *s, const struct child_rule *rules)
{
	struct overlays o;
	struct node n;
	struct slot_walk w = slot_walk(s);
	for (size_t i = 0; slot_next(&w, s, parent, definition, &n); i++) {
		item_overlays(v, rules, definition->position, i, &o);
		if (v->additions && !o.count)
			continue;
		if (!n.value && !n.extra) {
			if (!v->additions)
				find_error(v, &n, ERR_STRUCTURE, "json-null", "null is not allowed here");
			continue;
		}
		walk_element(v, &n, s->type, &o);
	}
}

static bool has_content(const struct json *object)
{
	return json_size(object) > (json_get(object, S("id")) ? 1u : 0u);
}

static void check_own_constraints(struct validation *v, const struct node *n, const struct overlays *o)
{
	const struct profile_element *d = n->definition;
	if (v->options->structure_only)
		return;
	if (!v->additions) {
		if (d)
			check_constraints(v, n, d);
		if (n->shape && n->shape != d && !json_is(n->value, JSON_NONE) &&
		    !(n->type && n->type->kind == TYPE_PRIMITIVE))
			check_constraints(v, n, n->shape);
	}
	for (size_t i = 0; i < o->count; i++)
		if (o->at[i]->facts & FACT_CONSTRAINTS)
			check_constraints(v, n, o->at[i]);
}

/* Members of an object: the element itself, or the "_name" sibling of a primitive. */
static void walk_members(struct validation *v, const struct node *n, const struct json *object,
			 const struct overlays *o)
{
	struct slot local[LOCAL_SLOTS], *slots = local;
	size_t count = n->shape ? n->shape->child_count : 0;
	if (!n->shape)
		return;
	if (count > LOCAL_SLOTS && !(slots = ARENA_ARRAY(v->arena, struct slot, count))) {
		error_memory(v->err);
		return;
	}
	fill_slots(v, n, object, slots);
	check_own_constraints(v, n, o);
	if (!v->additions)
		count_core(v, n, slots);
	const struct child_rule *rules = count_overlays(v, n, slots, o);
	for (size_t i = 0; i < count; i++)
		if (slots[i].count && !(v->trials && v->trial_errors) &&
		    !(v->options->skip_contained && str_is(n->shape->children[i]->name, "contained")))
			walk_slot(v, n, n->shape->children[i], &slots[i], rules);
}

/* ---- one element ---------------------------------------------------------------------------------------------------
 */

const struct profile_type *type_of_node(const struct validation *v, const struct node *n,
					const struct profile_element *e)
{
	struct str name = n->choice.n ? n->choice : node_type_name(n);
	const struct profile_type *open = NULL;
	for (size_t i = 0; i < e->type_count; i++) {
		const struct profile_type *t = &e->types[i];
		if (str_eq(t->code, name))
			return t;
		if (!open && n->type && type_derives(v, n->type, t->code))
			open = t;
	}
	return open;
}

static void add_type_profiles(struct validation *v, const struct node *n, const struct profile_element *e,
			      const struct profile_type *t, struct overlays *o)
{
	size_t known = 0;
	for (size_t i = 0; i < t->profile_count; i++) {
		const struct profile_element *root = profile_of_type(v->profiles, e, t, i);
		const struct profile *p = root ? root->profile : NULL;
		if (!p)
			continue;
		known++;
		if (t->profile_count == 1 && p->constraint)
			overlays_add(v, o, root);
		else if (t->profile_count == 1 && !(n->type && p->fhir_type && type_derives(v, n->type, p->type)))
			find_error(v, n, ERR_STRUCTURE, "type", "%.*s must be %.*s, found %.*s", STR_ARG(e->path),
				   STR_ARG(p->type), STR_ARG(node_type_name(n)));
		else if (t->profile_count == 1)
			return;
		else if (conforms_element(v, n, root) > 0)
			return;
	}
	if (known < t->profile_count && !str_is(t->code, "Extension")) {
		find_error(v, n, ERR_NOT_FOUND, "profile-unknown",
			   "The profile %.*s of this element is not at hand, so it cannot be checked",
			   STR_ARG(t->profiles[0]));
	} else if (known > 1) {
		find_error(v, n, ERR_STRUCTURE, "profile-none",
			   "It conforms to none of the %zu profiles that %.*s allows: %.*s, %.*s%s", known,
			   STR_ARG(e->path), STR_ARG(t->profiles[0]), STR_ARG(t->profiles[1]), known > 2 ? " ..." : "");
	}
}

static void list_types(struct buf *out, const struct profile_element *e)
{
	for (size_t i = 0; i < e->type_count; i++)
		buf_printf(out, "%s%.*s", i ? ", " : "", STR_ARG(e->types[i].code));
}

/* An overlay's types: the node's must be among them, and it must fit the profiles and targets of that type. */
static void check_types(struct validation *v, const struct node *n, const struct profile_element *e, struct overlays *o)
{
	const struct profile_type *t = type_of_node(v, n, e);
	if (!t) {
		struct buf allowed;
		buf_init(&allowed, 512);
		list_types(&allowed, e);
		/* Of an extension the whole is wrong: its url says what its value is. Of a choice with some types left
		 * it is not known which was meant. */
		bool whole = n->parent && (str_is(e->path, "Extension.value[x]") || (e->choice && e->type_count > 1));
		find_error(v, whole ? n->parent : n, ERR_STRUCTURE, "type", "%.*s allows only %.*s, found %.*s (%.*s)",
			   STR_ARG(e->path), STR_ARG(buf_str(&allowed)), STR_ARG(node_type_name(n)),
			   STR_ARG(e->profile->url));
		buf_done(&allowed);
		return;
	}
	if (t->profile_count)
		add_type_profiles(v, n, e, t, o);
	if (t->target_count)
		check_targets(v, n, e, t);
}

/* Overlays grow on the way: profiles of types bring roots of their own. */
static void check_overlay_types(struct validation *v, const struct node *n, const struct profile_type *type,
				struct overlays *o)
{
	if (!v->additions && type && type->profile_count)
		add_type_profiles(v, n, n->definition, type, o);
	for (size_t i = 0; i < o->count; i++)
		if (o->at[i]->facts & FACT_TYPES && o->at[i]->type_count)
			check_types(v, n, o->at[i], o);
}

static void check_overlay_values(struct validation *v, const struct node *n, const struct overlays *o)
{
	for (size_t i = 0; i < o->count; i++) {
		if (o->at[i]->facts & FACT_VALUE)
			check_values(v, n, o->at[i]);
		if (o->at[i]->facts & FACT_BINDING)
			check_binding(v, n, o->at[i]);
	}
}

static void check_core_value(struct validation *v, const struct node *n, const struct profile_type *type)
{
	const struct profile_element *d = n->definition;
	if (v->options->structure_only)
		return;
	if (d && (d->facts & FACT_VALUE))
		check_values(v, n, d);
	if (d && d->binding)
		check_binding(v, n, d);
	check_codes(v, n);
	if (type && type->target_count)
		check_targets(v, n, d, type);
}

static void walk_primitive(struct validation *v, struct node *n, const struct profile_type *type, struct overlays *o)
{
	if (!v->additions) {
		if (n->extra && !json_is(n->extra, JSON_OBJECT))
			find_error(v, n, ERR_STRUCTURE, "json-type",
				   "Expected an object with id or extension, found %s", json_name_of(n->extra));
		else if (!n->value && !has_content(n->extra))
			find_error(v, n, ERR_INVARIANT, "ele-1", "An element must have a value or extensions");
		else if (json_is(n->extra, JSON_OBJECT) && !json_size(n->extra))
			find_error(v, n, ERR_STRUCTURE, "json-empty", "An object must have some content");
		if (n->type->primitive == PRIMITIVE_XHTML && json_get(n->extra, S("extension")))
			find_error(v, n, ERR_STRUCTURE, "unknown-property", "A narrative has no extensions");
		if (n->value)
			check_primitive(v, n);
		check_core_value(v, n, type);
	}
	check_overlay_values(v, n, o);
	walk_members(v, n, json_is(n->extra, JSON_OBJECT) ? n->extra : NULL, o);
}

static void run_rules(struct validation *v, const struct node *n)
{
	size_t at = 0;
	type_rule rule;
	if (v->trials || v->additions || v->options->structure_only || !n->type ||
	    !validator_has_rules(v->validator, n->type))
		return;
	while ((rule = type_rule_next(n->type->name, &at)))
		rule(v, n);
}

static void walk_object(struct validation *v, struct node *n, const struct profile_type *type, struct overlays *o)
{
	if (!json_is(n->value, JSON_OBJECT)) {
		if (!v->additions && (n->index >= 0 || !json_is(n->value, JSON_NULL)))
			find_error(v, n, ERR_STRUCTURE, "json-type", "Expected an object (%.*s), found %s",
				   STR_ARG(node_type_name(n)), json_name_of(n->value));
		return;
	}
	if (!v->additions && !has_content(n->value))
		find_error(v, n, ERR_INVARIANT, "ele-1", "An object must have some content");
	if (n->type && str_is(n->type->name, "Extension") && !v->options->structure_only)
		check_extension(v, n, o);
	if (!v->additions)
		check_core_value(v, n, type);
	check_overlay_values(v, n, o);
	walk_members(v, n, n->value, o);
	run_rules(v, n);
}

void walk_element(struct validation *v, struct node *n, const struct profile_type *type, const struct overlays *given)
{
	struct overlays o;
	if (v->err->code || (v->trials && v->trial_errors))
		return;
	if (v->depth == WALK_MAX_DEPTH) {
		error_set(v->err, ERR_LIMIT, "The document is nested deeper than %d elements", WALK_MAX_DEPTH);
		return;
	}
	o.count = given->count;
	memcpy(o.at, given->at, given->count * sizeof(o.at[0]));
	n->overlays = &o;
	v->depth++;
	node_describe(v, n, type);
	if (type && type->type && type->type->kind == TYPE_RESOURCE) {
		walk_resource(v, n, n->holder, &o);
	} else {
		check_overlay_types(v, n, type, &o);
		if (n->type && n->type->kind == TYPE_PRIMITIVE)
			walk_primitive(v, n, type, &o);
		else
			walk_object(v, n, type, &o);
	}
	n->overlays = NULL;
	v->depth--;
}

/* ---- one resource --------------------------------------------------------------------------------------------------
 */

static void report_type(struct validation *v, const struct node *n)
{
	struct str name = json_get_str(n->value, S("resourceType"));
	if (v->additions)
		return;
	if (!json_is(n->value, JSON_OBJECT))
		find_error(v, n, ERR_STRUCTURE, "resource-type", "Expected a resource, found %s",
			   json_name_of(n->value));
	else if (!name.p)
		find_error(v, n, ERR_STRUCTURE, "resource-type", "A resource needs a resourceType");
	else
		find_error(v, n, ERR_STRUCTURE, "resource-type", "\"%.*s\" is no resource type of FHIR R4",
			   STR_ARG(str_slice(name, 0, 80)));
}

static bool profile_fits(struct validation *v, const struct node *n, const struct profile *p)
{
	return p->fhir_type && n->type && type_derives(v, n->type, p->type);
}

/* meta.profile: each is a promise that the resource conforms. */
static void add_meta_profiles(struct validation *v, const struct node *n, struct overlays *o)
{
	struct node meta = node_child(n, S("meta"), -1, NULL);
	struct json_iter it = json_iter(json_get(json_get(n->value, S("meta")), S("profile")));
	for (int64_t i = 0; json_next(&it); i++) {
		struct node at = node_child(&meta, S("profile"), i, it.value);
		struct str url = json_str(it.value);
		struct error err = {0};
		if (!url.p)
			continue;
		const struct profile *p = profiles_find(v->profiles, url, NULL, &err);
		if (!p)
			find_warning(v, &at, ERR_NOT_FOUND, "profile-unknown", "The profile %.*s was not checked: %s",
				     STR_ARG(str_slice(url, 0, 200)), err.code ? err.text : "it is not at hand");
		else if (!profile_fits(v, n, p))
			find_error(v, &at, ERR_STRUCTURE, "profile-type", "The profile %.*s is for %.*s, not for %.*s",
				   STR_ARG(url), STR_ARG(p->type), STR_ARG(node_type_name(n)));
		else if (p->constraint)
			overlays_add(v, o, p->root);
	}
}

/* A resource that is looked at by itself, as the target of a reference, is still that of its entry. */
static struct str entry_url(struct validation *v, const struct node *n, const struct holder *outer)
{
	if (n->parent)
		return str_is(n->name, "resource") && str_is(n->parent->name, "entry")
			       ? json_get_str(n->parent->value, S("fullUrl"))
			       : STR_NULL;
	return outer && json_get(outer->json, S("entry")) ? entry_url_of(v, outer->json, n->value) : STR_NULL;
}

void walk_resource(struct validation *v, struct node *n, const struct holder *outer, const struct overlays *given)
{
	struct holder holder = {
		.outer = outer, .node = n, .json = n->value, .type = n->type, .full_url = entry_url(v, n, outer)};
	struct overlays o;
	o.count = given->count;
	memcpy(o.at, given->at, given->count * sizeof(o.at[0]));
	holder.contained = n->parent && str_is(n->name, "contained");
	n->holder = &holder;
	if (!n->shape) {
		report_type(v, n);
		return;
	}
	if (!v->options->ignore_meta_profiles && !v->options->structure_only && !v->additions) {
		add_meta_profiles(v, n, &o);
		if (!holder.contained)
			add_global_profiles(v, n, &o);
	}
	check_overlay_types(v, n, NULL, &o);
	check_overlay_values(v, n, &o);
	walk_members(v, n, n->value, &o);
	run_rules(v, n);
}
