/*
 * The structure of a resource against the definitions: what JSON form FHIR allows (http://hl7.org/fhir/R4/json.html),
 * which elements exist, how often, of which type. Every write passes through here, so the good case allocates nothing.
 */
#include "fhir/fhir_priv.h"
#include "base/near.h"

#include <stdarg.h>

struct check {
	const struct definitions *definitions;
	struct issues *findings;
};

enum { MAX_NESTING = 60, MAX_ELEMENTS = 192, MAX_HINTS = 10 };

__attribute__((format(printf, 5, 6))) static void finding(struct check *c, const struct place *at,
							  enum issue_severity severity, enum error_code code,
							  const char *format, ...)
{
	struct said said;
	va_list args;
	va_start(args, format);
	said_make(&said, at, format, args);
	va_end(args);
	issues_add(c->findings, severity, code, buf_str(&said.path), "%s", said.text);
	said_done(&said);
}

#define report(c, at, code, ...) finding(c, at, ISSUE_ERROR, code, __VA_ARGS__)

static void check_object(struct check *c, const struct place *at, const struct json *object,
			 const struct fhir_type *type, unsigned depth);

/* The snapshots give Resource.id the type string; the specification says id. */
static void check_id(struct check *c, const struct place *at, const struct json *resource)
{
	const struct json *id = json_get(resource, S("id"));
	struct place here = {at, S("id"), -1};
	if (json_is(id, JSON_STRING) && !fhir_id_valid(json_str(id)))
		report(c, &here, ERR_VALUE, "Expected an id: 1 to 64 letters, digits, '-' and '.'");
}

static void check_resource(struct check *c, const struct place *at, const struct json *resource, unsigned depth)
{
	struct error err = {0};
	const struct fhir_type *type = resource_type(c->definitions, resource, &err);
	if (!type) {
		report(c, at, err.code, "%s", err.text);
		return;
	}
	check_id(c, at, resource);
	check_object(c, at, resource, type, depth);
}

static void check_code(struct check *c, const struct place *at, const struct fhir_element *element, struct str code)
{
	if (definitions_code_in(c->definitions, element->value_set, code) == 0)
		report(c, at, ERR_VALUE, "The code \"%.*s\" is not in the required value set %.*s",
		       STR_ARG(str_slice(code, 0, 48)), STR_ARG(element->value_set));
}

/* Bad markup inside a narrative is for the author to mend, not a reason to lose the data. */
static void check_xhtml(struct check *c, const struct place *at, struct str div)
{
	const char *problem = xhtml_problem(div);
	if (problem)
		finding(c, at, ISSUE_WARNING, ERR_VALUE, "The narrative is no well-formed XHTML: %s", problem);
}

static void check_primitive(struct check *c, const struct place *at, const struct fhir_element *element,
			    const struct fhir_type *type, const struct json *value)
{
	const char *expected = primitive_problem(type->primitive, value);
	if (expected)
		report(c, at, json_is(value, JSON_STRING) || json_is(value, JSON_NUMBER) ? ERR_VALUE : ERR_STRUCTURE,
		       "Expected %s (%.*s), found %s", expected, STR_ARG(type->name),
		       json_is(value, JSON_STRING) || json_is(value, JSON_NUMBER) ? "another value"
										  : json_type_name(json_type(value)));
	else if (type->primitive == PRIMITIVE_CODE && element->strength == BINDING_REQUIRED)
		check_code(c, at, element, json_str(value));
	else if (type->primitive == PRIMITIVE_XHTML)
		check_xhtml(c, at, json_str(value));
}

static void check_value(struct check *c, const struct place *at, const struct fhir_element *element,
			const struct fhir_type *type, const struct json *value, unsigned depth)
{
	if (type->kind == TYPE_PRIMITIVE)
		check_primitive(c, at, element, type, value);
	else if (!json_is(value, JSON_OBJECT))
		report(c, at, ERR_STRUCTURE, "Expected an object (%.*s), found %s", STR_ARG(type->name),
		       json_type_name(json_type(value)));
	else if (type->kind == TYPE_RESOURCE)
		check_resource(c, at, value, depth + 1);
	else
		check_object(c, at, value, type, depth + 1);
}

/* A list of primitives may hold null where the parallel list of extensions has something to say; the two are walked
 * side by side. */
static void check_list(struct check *c, const struct place *parent, struct str key, const struct fhir_element *element,
		       const struct fhir_type *type, const struct json *list, const struct json *twins, unsigned depth)
{
	struct place at = {parent, key, 0};
	struct json_iter it = json_iter(list), twin = json_iter(json_is(twins, JSON_ARRAY) ? twins : NULL);
	if (!it.left)
		report(c, &at, ERR_STRUCTURE, "A list must not be empty");
	for (; json_next(&it); at.index++) {
		bool filled = json_next(&twin) && json_is(twin.value, JSON_OBJECT);
		if (!json_is(it.value, JSON_NULL))
			check_value(c, &at, element, type, it.value, depth);
		else if (!filled)
			report(c, &at, ERR_STRUCTURE, "null is not allowed here");
	}
}

/* "_birthDate": id and extensions of a primitive. */
static void check_twin(struct check *c, const struct place *parent, struct str key, const struct fhir_element *element,
		       const struct json *value, unsigned depth)
{
	const struct fhir_type *type = definitions_type(c->definitions, S("Element"));
	struct place at = {parent, key, -1};
	if (element->max == 1) {
		if (json_is(value, JSON_OBJECT))
			check_object(c, &at, value, type, depth + 1);
		else
			report(c, &at, ERR_STRUCTURE, "Expected an object with id or extension, found %s",
			       json_type_name(json_type(value)));
		return;
	}
	if (!json_is(value, JSON_ARRAY)) {
		report(c, &at, ERR_STRUCTURE, "Expected a list, found %s", json_type_name(json_type(value)));
		return;
	}
	struct json_iter it = json_iter(value);
	if (!it.left)
		report(c, &at, ERR_STRUCTURE, "A list must not be empty");
	for (at.index = 0; json_next(&it); at.index++) {
		if (json_is(it.value, JSON_OBJECT))
			check_object(c, &at, it.value, type, depth + 1);
		else if (!json_is(it.value, JSON_NULL))
			report(c, &at, ERR_STRUCTURE, "Expected an object or null, found %s",
			       json_type_name(json_type(it.value)));
	}
}

static const struct json *twin_of(const struct json *object, struct str key)
{
	char name[128];
	if (key.n + 1 > sizeof(name))
		return NULL;
	name[0] = '_';
	memcpy(name + 1, key.p, key.n);
	return json_get(object, str_make(name, key.n + 1));
}

static void check_member(struct check *c, const struct place *parent, const struct json *object, struct str key,
			 const struct fhir_element *element, const struct fhir_type *type, const struct json *value,
			 unsigned depth)
{
	struct place at = {parent, key, -1};
	if (json_is(value, JSON_NULL)) {
		report(c, &at, ERR_STRUCTURE, "null is not allowed; leave the element out");
	} else if (element->max == 1) {
		if (json_is(value, JSON_ARRAY))
			report(c, &at, ERR_STRUCTURE, "Expected one value, found a list");
		else
			check_value(c, &at, element, type, value, depth);
	} else if (json_is(value, JSON_ARRAY)) {
		check_list(c, parent, key, element, type, value,
			   type->kind == TYPE_PRIMITIVE ? twin_of(object, key) : NULL, depth);
	} else {
		report(c, &at, ERR_STRUCTURE, "Expected a list, found %s", json_type_name(json_type(value)));
	}
}

/* Which elements of the type were there, by position. */
struct seen {
	uint64_t bits[MAX_ELEMENTS / 64];
	uint16_t choice[MAX_ELEMENTS]; /* of choices that were there: the id of the type chosen */
};

static bool mark(uint64_t *bits, size_t index)
{
	uint64_t bit = (uint64_t)1 << (index & 63);
	bool before = bits[index >> 6] & bit;
	bits[index >> 6] |= bit;
	return before;
}

/* Names the unknown element and, when one is near, the element that was probably meant. */
static void report_unknown(struct check *c, const struct place *at, const struct fhir_type *type)
{
	const struct fhir_element *near = NULL;
	size_t least = 3;
	/* A resource full of unknown elements gets a few hints, not a few seconds. */
	size_t candidates = c->findings->errors < MAX_HINTS ? type->element_count : 0;
	for (size_t i = 0; i < candidates; i++) {
		size_t distance = str_distance(at->name, type->elements[i].name);
		if (distance < least && distance < at->name.n) {
			least = distance;
			near = &type->elements[i];
		}
	}
	if (near)
		report(c, at, ERR_STRUCTURE, "The element \"%.*s\" does not exist in %.*s; did you mean \"%.*s%s\"?",
		       STR_ARG(at->name), STR_ARG(type->name), STR_ARG(near->name), near->choice ? "[x]" : "");
	else
		report(c, at, ERR_STRUCTURE, "The element \"%.*s\" does not exist in %.*s", STR_ARG(at->name),
		       STR_ARG(type->name));
}

static void check_key(struct check *c, const struct place *at, const struct json *object, const struct fhir_type *type,
		      struct str key, const struct json *value, struct seen *seen, unsigned depth)
{
	const struct fhir_type *value_type;
	bool twin = key.n > 1 && key.p[0] == '_';
	const struct fhir_element *element =
		definitions_element(type, twin ? str_slice(key, 1, key.n) : key, &value_type);
	struct place here = {at, str_slice(key, 0, 64), -1};
	if (!element || (twin && value_type->kind != TYPE_PRIMITIVE)) {
		report_unknown(c, &here, type);
		return;
	}
	size_t index = (size_t)(element - type->elements);
	bool before = mark(seen->bits, index);
	/* valueString and _valueString are one choice; valueString and _valueCode are two */
	if (element->choice && before && seen->choice[index] != value_type->id)
		report(c, &here, ERR_STRUCTURE, "Only one of %.*s[x] may be there", STR_ARG(element->name));
	seen->choice[index] = value_type->id;
	if (twin)
		check_twin(c, at, key, element, value, depth);
	else
		check_member(c, at, object, key, element, value_type, value, depth);
}

static void check_required(struct check *c, const struct place *at, const struct fhir_type *type,
			   const struct seen *seen)
{
	for (size_t i = 0; i < type->element_count; i++) {
		const struct fhir_element *e = &type->elements[i];
		if (e->min == 0 || (seen->bits[i >> 6] >> (i & 63) & 1))
			continue;
		struct place missing = {at, e->name, -1};
		report(c, &missing, ERR_REQUIRED, "The element %.*s%s is required in %.*s", STR_ARG(e->name),
		       e->choice ? "[x]" : "", STR_ARG(type->name));
	}
}

static void check_object(struct check *c, const struct place *at, const struct json *object,
			 const struct fhir_type *type, unsigned depth)
{
	struct seen seen;
	memset(seen.bits, 0, sizeof(seen.bits)); /* choice is read only where a bit is set */
	struct json_iter it = json_iter(object);
	if (depth > MAX_NESTING || type->element_count > MAX_ELEMENTS) {
		report(c, at, ERR_LIMIT, "Nested deeper than %d elements", MAX_NESTING);
		return;
	}
	if (!it.left)
		report(c, at, ERR_STRUCTURE, "An object must not be empty");
	while (json_next(&it)) {
		if (type->kind == TYPE_RESOURCE && str_is(it.key, "resourceType"))
			continue;
		check_key(c, at, object, type, it.key, it.value, &seen, depth);
	}
	check_required(c, at, type, &seen);
}

bool resource_check(const struct definitions *d, const struct json *resource, struct issues *findings)
{
	struct check c = {d, findings};
	struct error err = {0};
	const struct fhir_type *type = resource_type(d, resource, &err);
	if (!type) {
		issues_add(findings, ISSUE_ERROR, err.code, STR_NULL, "%s", err.text);
		return false;
	}
	struct place root = {NULL, type->name, -1};
	check_id(&c, &root, resource);
	check_object(&c, &root, resource, type, 0);
	return findings->errors == 0;
}
