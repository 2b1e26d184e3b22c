/*
 * From an item to its children: which JSON property holds a FHIR element, what type the value has, and the "_name"
 * sibling that carries id and extensions of primitives (R4 json.html#primitive).
 */
#include "fhir/resource.h"
#include "fhirpath/fhirpath_priv.h"

bool path_type_derives(const struct fhir_type *type, const struct fhir_type *ancestor)
{
	for (; type; type = type->base)
		if (type == ancestor)
			return true;
	return false;
}

enum { MAX_PROPERTY = 128 };

/* "value" and "Quantity": "valueQuantity". STR_NULL when it would not fit. */
static struct str choice_property(char buffer[MAX_PROPERTY], struct str name, struct str type)
{
	if (type.n == 0 || name.n + type.n > MAX_PROPERTY)
		return STR_NULL;
	memcpy(buffer, name.p, name.n);
	memcpy(buffer + name.n, type.p, type.n);
	if (type.p[0] >= 'a' && type.p[0] <= 'z')
		buffer[name.n] = (char)(type.p[0] - 32);
	return str_make(buffer, name.n + type.n);
}

/* Elements of type Resource tell their real type themselves. */
static const struct fhir_type *actual_type(struct eval *e, const struct fhir_type *declared, const struct json *value)
{
	if (declared && declared->kind == TYPE_RESOURCE && json_is(value, JSON_OBJECT)) {
		const struct fhir_type *real =
			definitions_resource(e->program->definitions, json_get_str(value, S("resourceType")));
		return real ? real : declared;
	}
	return declared;
}

static bool add_child(struct eval *e, const struct fhir_element *element, const struct fhir_type *type,
		      const struct json *value, const struct json *extra, struct path_items *out)
{
	if (json_is(value, JSON_NULL))
		value = NULL;
	if (!json_is(extra, JSON_OBJECT))
		extra = NULL;
	if (!value && !extra)
		return true;
	return eval_add(e, out,
			(struct path_item){.kind = PATH_ELEMENT,
					   .type = actual_type(e, type, value),
					   .element = element,
					   .value = value,
					   .extra = extra});
}

static const struct json *get_sibling(const struct json *object, struct str property)
{
	char name[MAX_PROPERTY + 1];
	if (property.n > MAX_PROPERTY)
		return NULL;
	name[0] = '_';
	memcpy(name + 1, property.p, property.n);
	return json_get(object, str_make(name, property.n + 1));
}

static bool add_property(struct eval *e, const struct json *object, const struct fhir_element *element,
			 struct str property, const struct fhir_type *type, struct path_items *out)
{
	const struct json *value = json_get(object, property);
	const struct json *extra = NULL;
	if (!type || type->kind == TYPE_PRIMITIVE)
		extra = get_sibling(object, property);
	if (!json_is(value, JSON_ARRAY) && !json_is(extra, JSON_ARRAY))
		return add_child(e, element, type, value, extra, out);
	struct json_iter values = json_iter(value), extras = json_iter(extra);
	for (;;) {
		bool v = json_next(&values), x = json_next(&extras);
		if (!v && !x)
			return true;
		if (!add_child(e, element, type, v ? values.value : NULL, x ? extras.value : NULL, out))
			return false;
	}
}

static bool add_choice(struct eval *e, const struct json *object, const struct fhir_element *element,
		       struct path_items *out)
{
	char buffer[MAX_PROPERTY];
	for (size_t i = 0; i < element->type_count; i++) {
		const struct fhir_type *type = element->types[i].type;
		struct str property = type ? choice_property(buffer, element->name, type->name) : STR_NULL;
		if (property.p && !add_property(e, object, element, property, type, out))
			return false;
	}
	return true;
}

/* id and extension of a primitive live in its sibling. */
static const struct json *object_of(const struct path_item *item)
{
	if (item->value && json_is(item->value, JSON_OBJECT))
		return item->value;
	return item->extra;
}

bool eval_member(struct eval *e, const struct path_item *item, struct str name, struct path_items *out)
{
	const struct json *object = object_of(item);
	if (item->kind != PATH_ELEMENT || !object || !item->type)
		return true;
	for (size_t i = 0; i < item->type->element_count; i++) {
		const struct fhir_element *element = &item->type->elements[i];
		if (!str_eq(element->name, name))
			continue;
		if (element->choice)
			return add_choice(e, object, element, out);
		return add_property(e, object, element, name, element->type_count ? element->types[0].type : NULL, out);
	}
	return true;
}

/* ---- references ------------------------------------------------------------------------------------------------ */

static bool resolve_contained(struct eval *e, struct str id, struct path_items *out)
{
	const struct json *container = e->context->resource;
	if (id.n == 0)
		return eval_add(e, out, path_item_resource(e->program->definitions, container));
	struct json_iter it = json_iter(json_get(container, S("contained")));
	while (json_next(&it))
		if (str_eq(json_get_str(it.value, S("id")), id))
			return eval_add(e, out, path_item_resource(e->program->definitions, it.value));
	return true;
}

/* Without a server at hand a reference resolves to what its text tells: the type. Where the text is silent (urn:uuid)
 * Reference.type speaks. */
bool eval_resolve(struct eval *e, const struct path_item *item, struct path_items *out)
{
	const struct definitions *d = e->program->definitions;
	if (item->kind != PATH_ELEMENT)
		return true;
	struct str text = json_str(item->value);
	if (!text.p)
		text = json_get_str(item->value, S("reference"));
	if (!text.p)
		return true;
	struct reference r = reference_parse(d, text);
	if (r.kind == REF_FRAGMENT)
		return resolve_contained(e, str_slice(text, 1, text.n), out);
	const struct fhir_type *type = r.type.p ? definitions_resource(d, r.type) : NULL;
	if (!type)
		type = definitions_resource(d, json_get_str(item->value, S("type")));
	return !type || eval_add(e, out, (struct path_item){.kind = PATH_ELEMENT, .type = type, .text = text});
}
