/*
 * The pack, made ready. The embedded bytes stay where they are; once per process the records become the structs of the
 * public header, with pointers instead of indexes. That takes about a millisecond and two megabytes.
 */
#include "fhir/definitions.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "fhir/pack_priv.h"

extern const unsigned char definitions_pack[];

struct value_set {
	struct str url;
	const struct pack_text *codes;
	size_t code_count;
};

struct definitions {
	struct arena arena;
	struct map type_index;
	struct fhir_type *types;
	struct fhir_element *elements;
	struct fhir_element_type *element_types;
	struct search_param *params;
	struct str *texts;
	struct search_component *components;
	struct compartment *compartments;
	struct value_set *value_sets;
	const struct fhir_type **resources;
	size_t type_count, resource_count, value_set_count, compartment_count;
};

static struct definitions builtin;
static pthread_once_t builtin_once = PTHREAD_ONCE_INIT;

static const struct pack_header *header(void)
{
	return (const struct pack_header *)(const void *)definitions_pack;
}

static const void *section(enum pack_section s)
{
	return definitions_pack + header()->sections[s].at;
}

static size_t count(enum pack_section s)
{
	return header()->sections[s].count;
}

static struct str text(struct pack_text t)
{
	if (t.n == PACK_NONE)
		return STR_NULL;
	return str_make((const char *)section(PACK_BYTES) + t.at, t.n);
}

static void *array(struct definitions *d, size_t n, size_t size)
{
	void *p = arena_calloc(&d->arena, n ? n : 1, size);
	if (!p)
		abort(); /* a process that cannot hold two megabytes cannot start */
	return p;
}

static void read_texts(struct definitions *d)
{
	const struct pack_text *from = section(PACK_TEXTS);
	d->texts = array(d, count(PACK_TEXTS), sizeof(*d->texts));
	for (size_t i = 0; i < count(PACK_TEXTS); i++)
		d->texts[i] = text(from[i]);
}

static void read_element_types(struct definitions *d)
{
	const struct pack_element_type *from = section(PACK_ELEMENT_TYPES);
	d->element_types = array(d, count(PACK_ELEMENT_TYPES), sizeof(*d->element_types));
	for (size_t i = 0; i < count(PACK_ELEMENT_TYPES); i++)
		d->element_types[i] = (struct fhir_element_type){
			.type = &d->types[from[i].type],
			.target_profiles = d->texts + from[i].first_target,
			.target_profile_count = from[i].target_count,
		};
}

static void read_elements(struct definitions *d)
{
	const struct pack_element *from = section(PACK_ELEMENTS);
	d->elements = array(d, count(PACK_ELEMENTS), sizeof(*d->elements));
	for (size_t i = 0; i < count(PACK_ELEMENTS); i++)
		d->elements[i] = (struct fhir_element){
			.name = text(from[i].name),
			.path = text(from[i].path),
			.choice = from[i].flags & PACK_CHOICE,
			.summary = from[i].flags & PACK_SUMMARY,
			.modifier = from[i].flags & PACK_MODIFIER,
			.min = from[i].min,
			.max = from[i].max,
			.types = d->element_types + from[i].first_type,
			.type_count = from[i].type_count,
			.strength = (enum binding_strength)from[i].strength,
			.value_set = text(from[i].value_set),
			.definition = text(from[i].definition),
		};
}

static void read_params(struct definitions *d)
{
	const struct pack_param *from = section(PACK_PARAMS);
	d->components = array(d, count(PACK_COMPONENTS), sizeof(*d->components));
	d->params = array(d, count(PACK_PARAMS), sizeof(*d->params));
	for (size_t i = 0; i < count(PACK_PARAMS); i++)
		d->params[i] = (struct search_param){
			.code = text(from[i].code),
			.url = text(from[i].url),
			.type = (enum search_param_type)from[i].type,
			.expression = text(from[i].expression),
			.targets = d->texts + from[i].first_target,
			.target_count = from[i].target_count,
			.components = d->components + from[i].first_component,
			.component_count = from[i].component_count,
			.id = (uint16_t)i,
		};
}

static void read_components(struct definitions *d)
{
	const struct pack_component *from = section(PACK_COMPONENTS);
	for (size_t i = 0; i < count(PACK_COMPONENTS); i++)
		d->components[i] = (struct search_component){&d->params[from[i].param], from[i].whole};
}

static void read_compartments(struct definitions *d)
{
	const struct pack_compartment *from = section(PACK_COMPARTMENTS);
	const struct pack_member *member = section(PACK_MEMBERS);
	struct compartment_member *members = array(d, count(PACK_MEMBERS), sizeof(*members));
	for (size_t i = 0; i < count(PACK_MEMBERS); i++)
		members[i] = (struct compartment_member){&d->types[member[i].type], d->texts + member[i].first_param,
							 member[i].param_count};
	d->compartment_count = count(PACK_COMPARTMENTS);
	d->compartments = array(d, d->compartment_count, sizeof(*d->compartments));
	for (size_t i = 0; i < d->compartment_count; i++)
		d->compartments[i] = (struct compartment){&d->types[from[i].type], members + from[i].first_member,
							  from[i].member_count};
}

static enum fhir_primitive primitive_of(struct str name)
{
	static const char *const names[] = {
		"",	   "base64Binary", "boolean",	  "canonical", "code",	   "date", "dateTime",
		"decimal", "id",	   "instant",	  "integer",   "markdown", "oid",  "positiveInt",
		"string",  "time",	   "unsignedInt", "uri",       "url",	   "uuid", "xhtml"};
	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_is(name, names[i]))
			return (enum fhir_primitive)i;
	return PRIMITIVE_NONE;
}

static void read_types(struct definitions *d)
{
	const struct pack_type *from = section(PACK_TYPES);
	for (size_t i = 0; i < d->type_count; i++) {
		struct fhir_type *type = &d->types[i];
		*type = (struct fhir_type){
			.name = text(from[i].name),
			.kind = (enum type_kind)from[i].kind,
			.abstract = from[i].abstract,
			.id = (uint16_t)i,
			.base = from[i].base == PACK_NONE ? NULL : &d->types[from[i].base],
			.elements = d->elements + from[i].first_element,
			.element_count = from[i].element_count,
			.search_params = d->params + from[i].first_param,
			.search_param_count = from[i].param_count,
			.pattern = text(from[i].pattern),
			.summary = text(from[i].summary),
			.url = text(from[i].url),
		};
		if (type->kind == TYPE_PRIMITIVE)
			type->primitive = primitive_of(type->name);
		uint64_t *slot = map_put(&d->type_index, type->name, NULL);
		if (!slot)
			abort();
		*slot = i;
		if (type->kind == TYPE_RESOURCE && !type->abstract)
			d->resources[d->resource_count++] = type;
	}
}

static void read_value_sets(struct definitions *d)
{
	const struct pack_value_set *from = section(PACK_VALUE_SETS);
	const struct pack_text *codes = section(PACK_CODES);
	d->value_set_count = count(PACK_VALUE_SETS);
	d->value_sets = array(d, d->value_set_count, sizeof(*d->value_sets));
	for (size_t i = 0; i < d->value_set_count; i++)
		d->value_sets[i] =
			(struct value_set){text(from[i].url), codes + from[i].first_code, from[i].code_count};
}

static void open_builtin(void)
{
	struct definitions *d = &builtin;
	/* The build made and checked the pack; a mismatch here is a broken build, not an input. */
	if (header()->magic != PACK_MAGIC || header()->format != PACK_FORMAT)
		abort();
	arena_init(&d->arena, ARENA_NO_CAP);
	map_init(&d->type_index, 4096);
	d->type_count = count(PACK_TYPES);
	d->types = array(d, d->type_count, sizeof(*d->types));
	d->resources = array(d, d->type_count, sizeof(*d->resources));
	read_texts(d);
	read_element_types(d);
	read_elements(d);
	read_params(d);
	read_components(d);
	read_types(d);
	read_compartments(d);
	read_value_sets(d);
}

const struct definitions *definitions_builtin(void)
{
	pthread_once(&builtin_once, open_builtin);
	return &builtin;
}

const struct fhir_type *definitions_type(const struct definitions *d, struct str name)
{
	uint64_t *at = map_get(&d->type_index, name);
	return at ? &d->types[*at] : NULL;
}

const struct fhir_type *definitions_resource(const struct definitions *d, struct str name)
{
	const struct fhir_type *type = definitions_type(d, name);
	return type && type->kind == TYPE_RESOURCE && !type->abstract ? type : NULL;
}

/* The type names in choices start with a capital letter: valueString is of type string. */
static bool choice_suffix_is(struct str suffix, struct str type_name)
{
	return suffix.n == type_name.n && (suffix.p[0] | 32) == (type_name.p[0] | 32) && suffix.p[0] >= 'A' &&
	       suffix.p[0] <= 'Z' && memcmp(suffix.p + 1, type_name.p + 1, suffix.n - 1) == 0;
}

const struct fhir_element *definitions_element(const struct fhir_type *type, struct str property,
					       const struct fhir_type **ret_type)
{
	for (size_t i = 0; i < type->element_count; i++) {
		const struct fhir_element *e = &type->elements[i];
		if (e->name.n > property.n || e->name.p[0] != property.p[0] ||
		    memcmp(e->name.p, property.p, e->name.n) != 0)
			continue;
		if (!e->choice) {
			if (e->name.n != property.n)
				continue;
			*ret_type = e->types[0].type;
			return e;
		}
		struct str suffix = str_slice(property, e->name.n, property.n);
		for (size_t t = 0; suffix.n && t < e->type_count; t++) {
			if (choice_suffix_is(suffix, e->types[t].type->name)) {
				*ret_type = e->types[t].type;
				return e;
			}
		}
	}
	return NULL;
}

const struct search_param *definitions_search_param(const struct fhir_type *type, struct str code)
{
	size_t low = 0, high = type->search_param_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = str_cmp(type->search_params[middle].code, code);
		if (order == 0)
			return &type->search_params[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const char *search_param_type_name(enum search_param_type type)
{
	static const char *const names[] = {"number",	 "date",     "string", "token",	 "reference",
					    "composite", "quantity", "uri",    "special"};
	return names[type];
}

size_t definitions_type_count(const struct definitions *d)
{
	return d->type_count;
}

const struct fhir_type *definitions_type_at(const struct definitions *d, size_t index)
{
	return &d->types[index];
}

size_t definitions_resource_count(const struct definitions *d)
{
	return d->resource_count;
}

const struct fhir_type *definitions_resource_at(const struct definitions *d, size_t index)
{
	return d->resources[index];
}

const struct compartment *definitions_compartment(const struct definitions *d, const struct fhir_type *type)
{
	for (size_t i = 0; i < d->compartment_count; i++)
		if (d->compartments[i].type == type)
			return &d->compartments[i];
	return NULL;
}

const struct compartment_member *compartment_member(const struct compartment *c, const struct fhir_type *type)
{
	for (size_t i = 0; i < c->member_count; i++)
		if (c->members[i].type == type)
			return &c->members[i];
	return NULL;
}

static const struct value_set *find_value_set(const struct definitions *d, struct str url)
{
	size_t low = 0, high = d->value_set_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = str_cmp(d->value_sets[middle].url, url);
		if (order == 0)
			return &d->value_sets[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

int definitions_code_in(const struct definitions *d, struct str value_set, struct str code)
{
	const struct value_set *set = find_value_set(d, value_set);
	if (!set)
		return -1;
	size_t low = 0, high = set->code_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = str_cmp(text(set->codes[middle]), code);
		if (order == 0)
			return 1;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}
