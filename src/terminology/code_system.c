/*
 * CodeSystem resources as images (http://hl7.org/fhir/R4/codesystem.html): nested concepts and the properties parent,
 * child and subsumedBy all become one hierarchy; inactive, status, deprecated and notSelectable become flags. What a
 * property means is told by its uri; where that is none of FHIR's, by its code.
 */
#include "terminology/terminology_priv.h"

enum { MAX_NESTING = 60 };

enum meaning {
	MEANS_NOTHING,
	MEANS_PARENT,
	MEANS_CHILD,
	MEANS_INACTIVE,
	MEANS_STATUS,
	MEANS_DEPRECATED,
	MEANS_ABSTRACT
};

static const struct {
	const char *name;
	enum meaning meaning;
} meanings[] = {
	{"parent", MEANS_PARENT},
	{"subsumedBy", MEANS_PARENT},
	{"child", MEANS_CHILD},
	{"inactive", MEANS_INACTIVE},
	{"status", MEANS_STATUS},
	{"deprecated", MEANS_DEPRECATED},
	{"deprecationDate", MEANS_DEPRECATED},
	{"notSelectable", MEANS_ABSTRACT},
};

struct defined {
	uint32_t definition;
	enum meaning meaning;
};

struct reading {
	struct image_maker *m;
	struct map defined; /* property code -> meaning + definition */
	bool supplement; /* only concepts that are there */
};

static enum meaning meaning_of(struct str code, struct str uri)
{
	struct str prefix = S("http://hl7.org/fhir/concept-properties#");
	struct str name = str_starts(uri, prefix) ? str_slice(uri, prefix.n, uri.n) : code;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (str_is(name, meanings[i].name) || str_is(code, meanings[i].name))
			return meanings[i].meaning;
	return MEANS_NOTHING;
}

static enum image_type type_of(struct str type)
{
	static const char *const names[] = {"code", "Coding", "string", "integer", "boolean", "dateTime", "decimal"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_is(type, names[i]))
			return (enum image_type)i;
	return IMAGE_STRING;
}

static enum image_type type_of_value(struct str key)
{
	if (str_is(key, "valueCode"))
		return IMAGE_CODE;
	if (str_is(key, "valueBoolean"))
		return IMAGE_BOOLEAN;
	if (str_is(key, "valueDateTime"))
		return IMAGE_DATETIME;
	if (str_is(key, "valueInteger"))
		return IMAGE_INTEGER;
	return str_is(key, "valueDecimal") ? IMAGE_DECIMAL : str_is(key, "valueCoding") ? IMAGE_CODING : IMAGE_STRING;
}

static void define(struct reading *r, struct str code, struct str uri, enum image_type type)
{
	bool fresh;
	uint64_t *slot = map_put(&r->defined, code, &fresh);
	if (slot && fresh)
		*slot = (uint64_t)image_define(r->m, code, uri, type) << 8 | meaning_of(code, uri);
	else if (!slot)
		r->m->failed = true;
}

static void define_all(struct reading *r, const struct json *resource)
{
	struct json_iter it = json_iter(json_get(resource, S("property")));
	while (json_next(&it)) {
		struct str code = json_get_str(it.value, S("code"));
		if (code.p)
			define(r, code, json_get_str(it.value, S("uri")), type_of(json_get_str(it.value, S("type"))));
	}
}

/* ---- concepts ---------------------------------------------------------------------------------------------------- */

/* The value[x] of a property as text. */
static struct str value_of(const struct json *property, struct str *ret_key, struct str *ret_system)
{
	struct json_iter it = json_iter(property);
	while (json_next(&it)) {
		if (!str_starts(it.key, S("value")))
			continue;
		*ret_key = it.key;
		if (json_is(it.value, JSON_BOOL))
			return json_bool(it.value) ? S("true") : S("false");
		if (json_is(it.value, JSON_NUMBER))
			return json_number(it.value);
		if (json_is(it.value, JSON_OBJECT)) {
			*ret_system = json_get_str(it.value, S("system"));
			return json_get_str(it.value, S("code"));
		}
		return json_str(it.value);
	}
	return STR_NULL;
}

static uint32_t flags_of(enum meaning meaning, struct str value)
{
	bool yes = str_is(value, "true");
	switch (meaning) {
	case MEANS_INACTIVE:
		return yes ? CONCEPT_INACTIVE : 0;
	case MEANS_ABSTRACT:
		return yes ? CONCEPT_ABSTRACT : 0;
	case MEANS_STATUS:
		if (str_is(value, "deprecated"))
			return CONCEPT_DEPRECATED;
		return str_is(value, "retired") || str_is(value, "inactive") ? CONCEPT_INACTIVE : 0;
	case MEANS_DEPRECATED: /* a date, or a flag */
		return str_is(value, "false") ? 0 : CONCEPT_DEPRECATED;
	default:
		return 0;
	}
}

static void read_property(struct reading *r, uint32_t id, const struct json *json)
{
	struct str key = STR_NULL, system = STR_NULL, value = value_of(json, &key, &system);
	struct str code = json_get_str(json, S("code"));
	if (!code.p || !value.p)
		return;
	define(r, code, STR_NULL, type_of_value(key));
	const uint64_t *found = map_get(&r->defined, code);
	if (!found)
		return;
	enum meaning meaning = (enum meaning)(*found & 0xff);
	uint32_t other = image_added(r->m, value);
	if (meaning == MEANS_PARENT && other != IMAGE_NONE)
		image_add_parent(r->m, id, other);
	else if (meaning == MEANS_CHILD && other != IMAGE_NONE)
		image_add_parent(r->m, other, id);
	image_add_flags(r->m, id, flags_of(meaning, value));
	image_add_property(r->m, id, (uint32_t)(*found >> 8), value, system);
}

static void read_designation(struct reading *r, uint32_t id, const struct json *json)
{
	const struct json *use = json_get(json, S("use"));
	struct designation d = {.language = json_get_str(json, S("language")),
				.use_system = json_get_str(use, S("system")),
				.use_code = json_get_str(use, S("code")),
				.use_display = json_get_str(use, S("display")),
				.value = json_get_str(json, S("value"))};
	image_add_designation(r->m, id, &d);
}

/* A first pass over all codes, so that properties may name concepts that come later. */
static bool read_codes(struct reading *r, const struct json *concepts, uint32_t parent, unsigned depth,
		       struct error *err)
{
	if (depth > MAX_NESTING)
		return error_set(err, ERR_LIMIT, "concepts are nested deeper than %d levels", MAX_NESTING);
	struct json_iter it = json_iter(concepts);
	while (json_next(&it)) {
		struct str code = json_get_str(it.value, S("code"));
		bool fresh = false;
		if (!code.p)
			continue;
		uint32_t id = image_add(r->m, code, &fresh);
		if (id == IMAGE_NONE)
			return error_memory(err);
		if (parent != IMAGE_NONE)
			image_add_parent(r->m, id, parent);
		if (fresh) {
			image_add_display(r->m, id, json_get_str(it.value, S("display")));
			image_add_definition_text(r->m, id, json_get_str(it.value, S("definition")));
		}
		if (!read_codes(r, json_get(it.value, S("concept")), id, depth + 1, err))
			return false;
	}
	return true;
}

static void read_details(struct reading *r, const struct json *concepts)
{
	struct json_iter it = json_iter(concepts);
	while (json_next(&it)) {
		struct str code = json_get_str(it.value, S("code"));
		uint32_t id = code.p ? image_added(r->m, code) : IMAGE_NONE;
		if (id != IMAGE_NONE) {
			struct json_iter in = json_iter(json_get(it.value, S("designation")));
			while (json_next(&in))
				read_designation(r, id, in.value);
			in = json_iter(json_get(it.value, S("property")));
			while (json_next(&in))
				read_property(r, id, in.value);
			if (r->supplement && json_get_str(it.value, S("display")).p)
				image_add_designation(
					r->m, id, &(struct designation){.value = json_get_str(it.value, S("display"))});
		}
		read_details(r, json_get(it.value, S("concept")));
	}
}

bool code_system_make(struct image_maker *m, const struct json *resource, const struct json *const *supplements,
		      size_t supplement_count, struct error *err)
{
	struct reading r = {.m = m};
	map_init(&r.defined, 100000);
	define_all(&r, resource);
	bool ok = read_codes(&r, json_get(resource, S("concept")), IMAGE_NONE, 0, err);
	if (ok)
		read_details(&r, json_get(resource, S("concept")));
	for (size_t i = 0; ok && i < supplement_count; i++) {
		r.supplement = true;
		define_all(&r, supplements[i]);
		read_details(&r, json_get(supplements[i], S("concept")));
	}
	map_done(&r.defined);
	return ok;
}
