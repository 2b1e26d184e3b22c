/*
 * From an item to its children: which JSON property holds a FHIR element, what type the value has, and the "_name"
 * sibling that carries id and extensions of primitives (R4 json.html#primitive). What no definition knows is plain
 * JSON.
 */
#include "fhir/resource.h"
#include "fhirpath/fhirpath_priv.h"

const struct fhir_element *type_element(const struct fhir_type *type, struct str name)
{
	for (size_t i = 0; i < type->element_count; i++) {
		struct str other = type->elements[i].name;
		if (other.n == name.n && other.p[0] == name.p[0] && memcmp(other.p, name.p, name.n) == 0)
			return &type->elements[i];
	}
	return NULL;
}

/* ---- one property ---------------------------------------------------------------------------------------------- */

/* A step to a property of one object: what all its values have in common. */
struct property {
	const struct path_item *like;
	const struct json *container;
	bool contained;
};

/* A resource tells its type itself; the references in it look in it, unless it is contained in another. */
__attribute__((noinline)) static void become_resource(const struct eval *e, const struct property *p,
						      struct path_item *item)
{
	struct str name = json_get_str(item->value, S("resourceType"));
	if (name.p && e->program->definitions)
		item->type = definitions_resource(e->program->definitions, name);
	if (name.p && !p->contained)
		item->container = item->value;
}

static enum flow take_value(struct eval *e, const struct property *p, const struct json *value,
			    const struct json *extra, struct sink *s)
{
	struct path_item local, *item = &local;
	enum json_type kind = json_type(value);
	const struct fhir_type *type = p->like->type;
	if (kind == JSON_NULL)
		value = NULL;
	if (extra && !json_is(extra, JSON_OBJECT))
		extra = NULL;
	if (!value && !extra)
		return FLOW_MORE;
	if (s->out)
		item = eval_add_room(e, s->out);
	if (!item)
		return FLOW_FAIL;
	*item = *p->like;
	item->value = value;
	item->extra = extra;
	item->container = p->container;
	if (kind == JSON_OBJECT && (!type || type->kind == TYPE_RESOURCE))
		become_resource(e, p, item);
	return s->out ? FLOW_MORE : s->take(e, s, item);
}

static enum flow take_values(struct eval *e, const struct property *p, const struct json *value,
			     const struct json *extra, struct sink *s)
{
	if (!json_is(value, JSON_ARRAY) && (!extra || !json_is(extra, JSON_ARRAY)))
		return take_value(e, p, value, extra, s);
	if (!extra) {
		for (struct json_iter it = json_iter(value); json_next(&it); e->work++) {
			enum flow f = take_value(e, p, it.value, NULL, s);
			if (f != FLOW_MORE)
				return f;
		}
		return FLOW_MORE;
	}
	struct json_iter values = json_iter(value), extras = json_iter(extra);
	for (;;) {
		bool v = json_next(&values), x = json_next(&extras);
		if (!v && !x)
			return FLOW_MORE;
		enum flow f = take_value(e, p, v ? values.value : NULL, x ? extras.value : NULL, s);
		if (f != FLOW_MORE)
			return f;
		e->work++;
	}
}

static enum flow take_marked(struct eval *e, const struct property *p, const struct json *object, struct str name,
			     uint64_t mark, struct sink *s)
{
	const struct json *extra = NULL, *value;
	if (!p->like->type || p->like->type->kind == TYPE_PRIMITIVE)
		value = json_get_pair_marked(object, name, mark, &extra);
	else
		value = json_get_marked(object, name, mark);
	return value || extra ? take_values(e, p, value, extra, s) : FLOW_MORE;
}

static enum flow take_property(struct eval *e, const struct property *p, const struct json *object, struct str name,
			       struct sink *s)
{
	return take_marked(e, p, object, name, json_name_mark(name), s);
}

/* The type of a choice by the end of its JSON name: "Quantity" of "valueQuantity". */
static const struct fhir_type *choice_type(const struct fhir_element *element, struct str suffix)
{
	for (size_t i = 0; i < element->type_count; i++) {
		const struct fhir_type *type = element->types[i].type;
		if (type && type->name.n == suffix.n && (type->name.p[0] | 32) == (suffix.p[0] | 32) &&
		    memcmp(type->name.p + 1, suffix.p + 1, suffix.n - 1) == 0)
			return type;
	}
	return NULL;
}

static enum flow take_choice(struct eval *e, const struct fhir_element *element, const struct json *object,
			     const struct json *container, struct sink *s)
{
	struct path_item like = {.element = element};
	const struct property p = {.like = &like, .container = container};
	struct str name = element->name;
	struct json_iter it = json_iter(object);
	while (json_next_prefixed(&it, name)) {
		bool sibling = it.key.p[0] == '_';
		struct str key = sibling ? str_slice(it.key, 1, it.key.n) : it.key;
		struct str suffix = str_slice(key, name.n, key.n);
		bool capital = suffix.n && suffix.p[0] >= 'A' && suffix.p[0] <= 'Z';
		like.type = capital ? choice_type(element, suffix) : NULL;
		if (!like.type || (sibling && json_get(object, key)))
			continue;
		enum flow f = take_property(e, &p, object, key, s);
		if (f != FLOW_MORE)
			return f;
	}
	return FLOW_MORE;
}

/* ---- members --------------------------------------------------------------------------------------------------- */

/* id and extension of a primitive live in its sibling. */
static const struct json *object_of(const struct path_item *item)
{
	return json_is(item->value, JSON_OBJECT) ? item->value : item->extra;
}

static enum flow take_item(struct eval *e, struct sink *s, struct path_item item)
{
	return s->take(e, s, &item);
}

/* Quantities and what type() gives have parts too. */
static enum flow value_member(struct eval *e, struct str name, const struct path_item *item, struct sink *s)
{
	if (item->kind == PATH_QUANTITY && str_is(name, "value"))
		return take_item(e, s, (struct path_item){.kind = PATH_DECIMAL, .decimal = &item->quantity->value});
	if (item->kind == PATH_QUANTITY && (str_is(name, "unit") || str_is(name, "code")))
		return take_item(e, s, item_string(item->quantity->unit));
	if (item->kind == PATH_TYPE_INFO && str_is(name, "name"))
		return take_item(e, s, item_string(item->text));
	if (item->kind == PATH_TYPE_INFO && str_is(name, "namespace"))
		return take_item(e, s, item_string(item->truth ? S("System") : S("FHIR")));
	return FLOW_MORE;
}

/* A name that the type does not have as an element: perhaps it is the JSON name of a choice. */
static enum flow json_member(struct eval *e, struct str name, const struct path_item *item, const struct json *object,
			     struct sink *s)
{
	struct path_item like = {0};
	const struct property p = {.like = &like, .container = item->container};
	if (e->program->strict)
		return FLOW_MORE;
	like.element = definitions_element(item->type, name, &like.type);
	if (!like.element && !(item->type->kind == TYPE_RESOURCE && str_is(name, "resourceType")))
		return FLOW_MORE;
	return take_property(e, &p, object, name, s);
}

static const struct path_member *find_link(const struct path_node *node, const struct fhir_type *type)
{
	const struct path_member *m = node ? node->member : NULL;
	while (m && m->owner != type)
		m = m->next;
	return m;
}

/* The last step of a chain, or the only one. */
static enum flow take_linked(struct eval *e, const struct path_member *link, const struct json *object,
			     const struct json *container, struct sink *s)
{
	const struct property p = {.like = &link->like, .container = container, .contained = link->contained};
	if (!link->property.p)
		return take_choice(e, link->element, object, container, s);
	return take_marked(e, &p, object, link->property, link->mark, s);
}

/* A member of a type that was not expected, or of none. */
static enum flow take_unlinked(struct eval *e, struct str name, const struct path_item *item, const struct json *object,
			       struct sink *s)
{
	struct path_item like = {0};
	struct property p = {.like = &like, .container = item->container};
	if (!item->type) {
		p.contained = str_is(name, "contained");
		/* Extensions are the same everywhere. */
		if (e->program->definitions && (str_is(name, "extension") || str_is(name, "modifierExtension")))
			like.type = definitions_type(e->program->definitions, S("Extension"));
		return take_property(e, &p, object, name, s);
	}
	like.element = type_element(item->type, name);
	if (!like.element)
		return json_member(e, name, item, object, s);
	if (like.element->choice)
		return take_choice(e, like.element, object, item->container, s);
	like.type = like.element->type_count ? like.element->types[0].type : NULL;
	p.contained = like.type && like.type->kind == TYPE_RESOURCE && str_is(name, "contained");
	return take_property(e, &p, object, name, s);
}

enum flow member_stream(struct eval *e, const struct path_node *node, struct str name, const struct path_item *item,
			struct sink *s)
{
	if (++e->work > e->limit)
		return flow_of(eval_work(e, 0));
	if (item->kind != PATH_ELEMENT)
		return value_member(e, name, item, s);
	const struct json *object = object_of(item);
	if (!object)
		return FLOW_MORE;
	const struct path_member *link = item->type ? find_link(node, item->type) : NULL;
	return link ? take_linked(e, link, object, item->container, s) : take_unlinked(e, name, item, object, s);
}

static enum flow follow_chain(struct eval *e, const struct path_chain *chain, size_t at, const struct json *object,
			      const struct json *container, struct sink *s)
{
	for (; at + 1 < chain->count; at++) {
		e->work++;
		object = json_get_marked(object, chain->steps[at]->property, chain->steps[at]->mark);
		if (!object)
			return FLOW_MORE;
		if (!json_is(object, JSON_ARRAY))
			continue;
		for (struct json_iter it = json_iter(object); json_next(&it);) {
			enum flow f = follow_chain(e, chain, at + 1, it.value, container, s);
			if (f != FLOW_MORE)
				return f;
		}
		return FLOW_MORE;
	}
	if (++e->work > e->limit)
		return flow_of(eval_work(e, 0));
	return take_linked(e, chain->steps[at], object, container, s);
}

enum flow chain_stream(struct eval *e, const struct path_node *node, const struct path_item *item, struct sink *s)
{
	return follow_chain(e, node->chain, 0, item->value, item->container, s);
}

/* ---- children -------------------------------------------------------------------------------------------------- */

bool item_children(struct eval *e, const struct path_item *item, struct path_items *out)
{
	const struct json *object = item->kind == PATH_ELEMENT ? object_of(item) : NULL;
	struct sink collect = {.take = sink_collect, .out = out};
	bool resource = !item->type || item->type->kind == TYPE_RESOURCE;
	for (struct json_iter it = json_iter(object); json_next(&it);) {
		struct path_item like = {0};
		struct property p = {.like = &like, .container = item->container};
		struct str key = it.key;
		if (key.n > 1 && key.p[0] == '_') {
			key = str_slice(key, 1, key.n);
			if (json_get(object, key))
				continue;
		}
		if (resource && str_is(key, "resourceType"))
			continue;
		if (item->type)
			like.element = definitions_element(item->type, key, &like.type);
		if (item->type && !like.element)
			continue;
		p.contained = str_is(key, "contained");
		if (!eval_work(e, 1) || take_property(e, &p, object, key, &collect) == FLOW_FAIL)
			return false;
	}
	return true;
}

/* ---- references ------------------------------------------------------------------------------------------------ */

static bool resolve_contained(struct eval *e, const struct path_item *item, struct str id, struct path_items *out)
{
	const struct path_context *c = e->context;
	const struct json *container = item->container	  ? item->container
				       : c->root_resource ? c->root_resource
							  : c->resource;
	struct path_item found = path_item_resource(e->program->definitions, container);
	if (id.n == 0)
		return !container || eval_add(e, out, &found);
	for (struct json_iter it = json_iter(json_get(container, S("contained"))); json_next(&it);) {
		if (!str_eq(json_get_str(it.value, S("id")), id))
			continue;
		found = path_item_resource(e->program->definitions, it.value);
		found.container = container;
		return eval_add(e, out, &found);
	}
	return true;
}

/* Where nobody fetches it, a reference resolves to what its text tells: the type. Where the text is silent (urn:uuid)
 * Reference.type speaks. */
bool item_resolve(struct eval *e, const struct path_node *node, const struct path_item *item, struct path_items *out)
{
	const struct path_services *services = e->context->services;
	struct path_item found = {.kind = PATH_NO_TYPE};
	struct error why = {0};
	struct str text = item->kind == PATH_STRING ? item->text : json_str(item->value);
	if (!text.p)
		text = json_get_str(item->value, S("reference"));
	if (!text.p)
		return true;
	if (text.p[0] == '#')
		return resolve_contained(e, item, str_slice(text, 1, text.n), out);
	if (services && services->resolve) {
		if (!services->resolve(services->ctx, e->arena, item, text, &found, &why))
			return eval_fail(e, node, why.code ? why.code : ERR_INTERNAL, "resolve(): %s", why.text);
		if (found.kind != PATH_NO_TYPE)
			return eval_add(e, out, &found);
	}
	if (!e->program->definitions)
		return true;
	struct reference r = reference_parse(e->program->definitions, text);
	const struct fhir_type *type = r.type.p ? definitions_resource(e->program->definitions, r.type) : NULL;
	if (!type)
		type = definitions_resource(e->program->definitions, json_get_str(item->value, S("type")));
	found = (struct path_item){.kind = PATH_ELEMENT, .type = type, .text = text};
	return !type || eval_add(e, out, &found);
}
