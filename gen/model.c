/* StructureDefinitions into types and elements. A backbone element becomes a type of its own, named by its path. */
#include "model.h"

#include <stdlib.h>

#define STRUCTURE_URL "http://hl7.org/fhir/StructureDefinition/"

struct model_type *model_type(const struct model *m, struct str name)
{
	uint64_t *at = map_get(&m->type_index, name);
	return at ? &m->types[*at] : NULL;
}

static struct model_type *add_type(struct model *m, struct str name, enum model_kind kind, struct error *err)
{
	bool fresh;
	struct model_type *types =
		arena_grow(&m->arena, m->types, m->type_count, &m->type_capacity, m->type_count + 1, sizeof(*types));
	uint64_t *at = types ? map_put(&m->type_index, name, &fresh) : NULL;
	if (!at) {
		error_memory(err);
		return NULL;
	}
	if (!fresh) {
		error_set(err, ERR_STRUCTURE, "the type %.*s is defined twice", STR_ARG(name));
		return NULL;
	}
	m->types = types;
	*at = m->type_count;
	struct model_type *type = &types[m->type_count++];
	*type = (struct model_type){.name = name, .kind = kind};
	return type;
}

static struct str last_part(struct str text, char separator)
{
	size_t at = str_rfind_char(text, separator);
	return at == STR_NONE ? text : str_slice(text, at + 1, text.n);
}

/* One line of at most a few hundred bytes. */
static struct str one_line(struct model *m, struct str text)
{
	struct str line = arena_str(&m->arena, str_trim(text));
	char *p = (char *)(uintptr_t)line.p;
	for (size_t i = 0; i < line.n; i++)
		if (p[i] == '\n' || p[i] == '\r' || p[i] == '\t')
			p[i] = ' ';
	return line;
}

/* Primitive values and ids have a FHIRPath system type with the FHIR type in an extension. */
static struct str type_code(const struct json *type)
{
	struct json_iter it = json_iter(json_get(type, S("extension")));
	while (json_next(&it))
		if (str_ends(json_get_str(it.value, S("url")), S("structuredefinition-fhir-type")))
			return json_get_str(it.value, S("valueUrl"));
	struct str code = last_part(json_get_str(type, S("code")), '/');
	return str_is(code, "System.String") ? S("string") : code; /* xhtml.id lacks the extension */
}

static bool read_types(struct model *m, const struct json *element, struct model_element *e, struct error *err)
{
	const struct json *list = json_get(element, S("type"));
	e->types = ARENA_ARRAY(&m->arena, struct model_element_type, json_size(list) ? json_size(list) : 1);
	if (!e->types)
		return error_memory(err);
	struct json_iter it = json_iter(list);
	while (json_next(&it)) {
		struct model_element_type *type = &e->types[e->type_count++];
		const struct json *targets = json_get(it.value, S("targetProfile"));
		type->code = type_code(it.value);
		type->targets = ARENA_ARRAY(&m->arena, struct str, json_size(targets) ? json_size(targets) : 1);
		if (!type->targets)
			return error_memory(err);
		struct json_iter target = json_iter(targets);
		while (json_next(&target))
			type->targets[type->target_count++] = json_str(target.value);
	}
	return true;
}

static unsigned strength_of(struct str text)
{
	static const char *const names[] = {"", "example", "preferred", "extensible", "required"};
	for (unsigned i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_is(text, names[i]))
			return i;
	return 0;
}

static bool read_element(struct model *m, const struct json *element, struct model_element *e, struct error *err)
{
	struct str path = json_get_str(element, S("path")), max = json_get_str(element, S("max"));
	struct str name = last_part(path, '.');
	uint64_t min = 0, most = PTRDIFF_MAX;
	bool unbounded = str_is(max, "*");
	if (!path.p || !str_to_u64(json_number(json_get(element, S("min"))), &min) ||
	    (!unbounded && !str_to_u64(max, &most)))
		return error_set(err, ERR_STRUCTURE, "an element without path or cardinality");
	*e = (struct model_element){
		.path = path,
		.choice = str_ends(name, S("[x]")),
		.summary = json_bool(json_get(element, S("isSummary"))),
		.modifier = json_bool(json_get(element, S("isModifier"))),
		.min = (uint32_t)min,
		.max = unbounded ? UINT32_MAX : (uint32_t)most,
		.definition = one_line(m, json_get_str(element, S("short"))),
	};
	e->name = e->choice ? str_slice(name, 0, name.n - 3) : name;
	const struct json *binding = json_get(element, S("binding"));
	struct str value_set = json_get_str(binding, S("valueSet"));
	if (value_set.p) {
		struct str version = value_set;
		e->value_set = str_split(&version, '|');
		e->strength = strength_of(json_get_str(binding, S("strength")));
		if (e->strength == 4 && !map_put(&m->wanted, e->value_set, NULL))
			return error_memory(err);
	}
	if (!read_types(m, element, e, err))
		return false;
	/* R4 calls the id of a resource a string there, and an id everywhere else (resource.html#id). */
	if (e->type_count && str_is(json_get_str(json_get(element, S("base")), S("path")), "Resource.id"))
		e->types[0].code = S("id");
	return true;
}

static bool add_element(struct model *m, struct model_type *owner, const struct model_element *e, struct error *err)
{
	struct model_element *elements =
		arena_grow(&m->arena, owner->elements, owner->element_count, &owner->element_capacity,
			   owner->element_count + 1, sizeof(*elements));
	if (!elements)
		return error_memory(err);
	owner->elements = elements;
	elements[owner->element_count++] = *e;
	return true;
}

/* Elements with children of their own are backbone types. A contentReference "#Bundle.link" names such a type. */
static bool give_element(struct model *m, const struct json *element, struct str next_path, struct error *err)
{
	struct model_element e;
	if (!read_element(m, element, &e, err))
		return false;
	struct str reference = json_get_str(element, S("contentReference"));
	bool has_children = str_starts(next_path, e.path) && next_path.n > e.path.n && next_path.p[e.path.n] == '.';
	if (reference.p || has_children) {
		e.type_count = 1;
		e.types[0] = (struct model_element_type){.code = reference.p ? str_slice(reference, 1, reference.n)
									     : e.path};
	}
	size_t dot = str_rfind_char(e.path, '.');
	struct model_type *owner = model_type(m, str_slice(e.path, 0, dot));
	if (!owner || e.type_count == 0)
		return error_set(err, ERR_STRUCTURE, "the element %.*s has no owner or no type", STR_ARG(e.path));
	if (!add_element(m, owner, &e, err))
		return false;
	if (!has_children)
		return true;
	struct str base = type_code(json_at(json_get(element, S("type")), 0));
	struct model_type *own = add_type(m, e.path, MODEL_BACKBONE, err);
	if (!own)
		return false;
	own->base = base;
	own->summary = e.definition;
	return true;
}

/* The pattern of a primitive is an extension on the type of its value element. */
static struct str pattern_of(const struct json *elements)
{
	struct json_iter it = json_iter(elements);
	while (json_next(&it)) {
		if (!str_ends(json_get_str(it.value, S("path")), S(".value")))
			continue;
		struct json_iter ext = json_iter(json_get(json_at(json_get(it.value, S("type")), 0), S("extension")));
		while (json_next(&ext))
			if (str_is(json_get_str(ext.value, S("url")), STRUCTURE_URL "regex"))
				return json_get_str(ext.value, S("valueString"));
	}
	return STR_NULL;
}

static bool add_structure(struct model *m, const struct json *definition, struct error *err)
{
	struct str kind = json_get_str(definition, S("kind")), name = json_get_str(definition, S("type"));
	const struct json *elements = json_get(json_get(definition, S("snapshot")), S("element"));
	if (str_is(json_get_str(definition, S("derivation")), "constraint") || str_is(kind, "logical"))
		return true;
	struct model_type *type = add_type(m, name,
					   str_is(kind, "resource")	    ? MODEL_RESOURCE
					   : str_is(kind, "primitive-type") ? MODEL_PRIMITIVE
									    : MODEL_COMPLEX,
					   err);
	if (!type)
		return false;
	struct json_iter it = json_iter(elements);
	if (!json_next(&it))
		return error_set(err, ERR_STRUCTURE, "the definition of %.*s has no snapshot", STR_ARG(name));
	type->abstract = json_bool(json_get(definition, S("abstract")));
	type->base = last_part(json_get_str(definition, S("baseDefinition")), '/');
	type->url = json_get_str(definition, S("url"));
	type->pattern = pattern_of(elements);
	type->summary = one_line(m, json_get_str(it.value, S("short")));
	if (!type->summary.n || type->kind != MODEL_BACKBONE)
		type->summary = one_line(m, json_get_str(it.value, S("definition")));
	const struct json *element = json_next(&it) ? it.value : NULL;
	while (element) {
		const struct json *following = json_next(&it) ? it.value : NULL;
		if (!give_element(m, element, json_get_str(following, S("path")), err))
			return error_context(err, "StructureDefinition %.*s", STR_ARG(name));
		element = following;
	}
	return true;
}

static bool keep(struct map *by_url, const struct json *resource, struct error *err)
{
	struct str url = json_get_str(resource, S("url"));
	uint64_t *slot = url.p ? map_put(by_url, url, NULL) : NULL;
	if (!slot)
		return url.p ? error_memory(err) : true;
	*slot = (uint64_t)(uintptr_t)resource;
	return true;
}

bool model_add(struct model *m, const struct json *resource, struct error *err)
{
	struct str type = json_get_str(resource, S("resourceType"));
	if (str_is(type, "StructureDefinition"))
		return add_structure(m, resource, err);
	if (str_is(type, "ValueSet"))
		return keep(&m->value_sets, resource, err);
	if (str_is(type, "CodeSystem"))
		return keep(&m->code_systems, resource, err);
	if (str_is(type, "CompartmentDefinition"))
		return model_add_compartment(m, resource, err);
	if (!str_is(type, "SearchParameter"))
		return true;
	const struct json **list = arena_grow(&m->arena, m->search_params, m->search_param_count,
					      &m->search_param_capacity, m->search_param_count + 1, sizeof(*list));
	if (!list)
		return error_memory(err);
	m->search_params = list;
	list[m->search_param_count++] = resource;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct model_type *)a)->name, ((const struct model_type *)b)->name);
}

static bool check_types(const struct model *m, struct error *err)
{
	for (size_t i = 0; i < m->type_count; i++) {
		const struct model_type *type = &m->types[i];
		if (type->base.n && !model_type(m, type->base))
			return error_set(err, ERR_STRUCTURE, "%.*s has the unknown base %.*s", STR_ARG(type->name),
					 STR_ARG(type->base));
		for (size_t k = 0; k < type->element_count; k++)
			for (size_t t = 0; t < type->elements[k].type_count; t++)
				if (!model_type(m, type->elements[k].types[t].code))
					return error_set(err, ERR_STRUCTURE, "%.*s has the unknown type %.*s",
							 STR_ARG(type->elements[k].path),
							 STR_ARG(type->elements[k].types[t].code));
	}
	return true;
}

bool model_finish(struct model *m, struct error *err)
{
	if (m->type_count < 600 || m->search_param_count < 1000)
		return error_set(err, ERR_STRUCTURE, "the package holds only a part of the definitions");
	qsort(m->types, m->type_count, sizeof(*m->types), by_name);
	for (size_t i = 0; i < m->type_count; i++)
		*map_get(&m->type_index, m->types[i].name) = i;
	return check_types(m, err) && model_add_search_params(m, err) && model_finish_compartments(m, err) &&
	       model_add_value_sets(m, err);
}
