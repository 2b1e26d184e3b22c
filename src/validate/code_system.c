/*
 * CodeSystems as resources (http://hl7.org/fhir/R4/codesystem.html): content that is what it says it is, the value set
 * of all its codes, properties that are declared once and as HL7 defines them, and properties of concepts that were
 * declared, with values of their type. That codes are unique is invariant csd-1.
 */
#include "validate/validate_priv.h"

enum { SHOWN = 100, MAX_DEPTH = JSON_MAX_DEPTH };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

static size_t count_concepts(const struct json *parent, unsigned depth)
{
	size_t count = 0;
	for (struct json_iter it = json_iter(json_get(parent, S("concept"))); depth && json_next(&it);)
		count += 1 + count_concepts(it.value, depth - 1);
	return count;
}

static void check_content(struct validation *v, const struct node *at, size_t concepts)
{
	struct str content = json_get_str(at->value, S("content")),
		   stated = json_number(json_get(at->value, S("count")));
	bool supplement = str_is(content, "supplement"), supplements = json_get(at->value, S("supplements"));
	struct node at_count = node_child(at, S("count"), -1, NULL),
		    at_content = node_child(at, S("content"), -1, NULL);
	struct node at_case = node_child(at, S("caseSensitive"), -1, NULL);
	uint64_t count;
	if (str_is(content, "not-present") && concepts)
		find_error(v, at, ERR_VALUE, "cs-content",
			   "The content is said to be not present, but there are %zu concepts", concepts);
	if (!str_to_u64(stated, &count))
		count = concepts;
	if (str_is(content, "complete") && count != concepts)
		find_error(v, &at_count, ERR_VALUE, "cs-count",
			   "The code system is complete with %zu concepts, but says it has %.*s", concepts,
			   SHOW(stated));
	if ((str_is(content, "example") || str_is(content, "fragment")) && count < concepts)
		find_error(v, &at_count, ERR_VALUE, "cs-count",
			   "There are %zu concepts, more than the %.*s of the whole code system", concepts,
			   SHOW(stated));
	if (supplement && !supplements)
		find_error(v, at, ERR_REQUIRED, "cs-supplement",
			   "A supplement must say which code system it supplements");
	if ((supplement || supplements) && json_get(at->value, S("caseSensitive")))
		find_error(v, &at_case, ERR_VALUE, "cs-supplement",
			   "Whether codes of a supplement are case sensitive says the code system that it supplements");
	if (supplements && !supplement)
		find_error(v, &at_content, ERR_VALUE, "cs-supplement",
			   "Only a code system with the content \"supplement\" supplements another");
}

/* ---- properties ------------------------------------------------------------------------------------------------- */

static const struct json *declared(const struct json *system, struct str code)
{
	for (struct json_iter it = json_iter(json_get(system, S("property"))); json_next(&it);)
		if (str_eq(json_get_str(it.value, S("code")), code))
			return it.value;
	return NULL;
}

#define PROPERTIES S("http://hl7.org/fhir/concept-properties#")

/* The properties that HL7 defines: http://hl7.org/fhir/R4/codesystem-concept-properties.html */
static const struct {
	const char *code, *type;
	bool codes_here; /* its values are codes of the same code system */
} defined[] = {
	{"inactive", "boolean", false},
	{"status", "code", false},
	{"effectiveDate", "dateTime", false},
	{"deprecationDate", "dateTime", false},
	{"retirementDate", "dateTime", false},
	{"notSelectable", "boolean", false},
	{"parent", "code", true},
	{"child", "code", true},
	{"partOf", "code", true},
	{"synonym", "code", true},
	{"comment", "string", false},
	{"itemWeight", "decimal", false},
};
enum { DEFINED = sizeof(defined) / sizeof(defined[0]) };

static size_t defined_property(struct str code)
{
	size_t i = 0;
	while (i < DEFINED && !str_is(code, defined[i].code))
		i++;
	return i;
}

/* A declaration: codes and URIs are unique, and URIs of HL7's properties go with their codes and types. */
static void check_declaration(struct validation *v, const struct json *system, const struct node *at)
{
	struct str code = json_get_str(at->value, S("code")), uri = json_get_str(at->value, S("uri"));
	struct str type = json_get_str(at->value, S("type"));
	bool absolute = str_find_char(uri, ':', 0) < str_find_char(uri, '/', 0);
	size_t by_code = defined_property(code);
	size_t by_uri = str_starts(uri, PROPERTIES) ? defined_property(str_slice(uri, PROPERTIES.n, uri.n)) : DEFINED;
	for (struct json_iter it = json_iter(json_get(system, S("property")));
	     json_next(&it) && it.value != at->value;) {
		if (code.n && str_eq(json_get_str(it.value, S("code")), code))
			find_error(v, at, ERR_MULTIPLE, "cs-property", "A property \"%.*s\" was declared before",
				   SHOW(code));
		if (uri.n && str_eq(json_get_str(it.value, S("uri")), uri))
			find_error(v, at, ERR_MULTIPLE, "cs-property", "The URI %.*s is that of a property before",
				   SHOW(uri));
	}
	if (uri.n && !absolute)
		find_error(v, at, ERR_VALUE, "cs-property", "The URI \"%.*s\" of a property must be absolute",
			   SHOW(uri));
	if (by_uri == DEFINED)
		return;
	if (by_code != DEFINED && by_code != by_uri)
		find_error(v, at, ERR_VALUE, "cs-property", "%.*s is the property \"%s\", not \"%.*s\"", SHOW(uri),
			   defined[by_uri].code, SHOW(code));
	if (type.n && !str_is(type, defined[by_uri].type))
		find_error(v, at, ERR_VALUE, "cs-property", "The property %.*s is of type %s, not %.*s", SHOW(uri),
			   defined[by_uri].type, SHOW(type));
}

static bool has_code(const struct json *parent, struct str code, unsigned depth)
{
	for (struct json_iter it = json_iter(json_get(parent, S("concept"))); depth && json_next(&it);)
		if (str_eq(json_get_str(it.value, S("code")), code) || has_code(it.value, code, depth - 1))
			return true;
	return false;
}

/* The values of "parent" and its like are codes of the code system itself; a supplement's are those of another. */
static void check_own_code(struct validation *v, const struct json *system, const struct node *at,
			   const struct json *declaration)
{
	struct str uri = json_get_str(declaration, S("uri")), code = json_get_str(at->value, S("valueCode"));
	size_t known = str_starts(uri, PROPERTIES) ? defined_property(str_slice(uri, PROPERTIES.n, uri.n)) : DEFINED;
	if (code.n && known != DEFINED && defined[known].codes_here && !json_get(system, S("supplements")) &&
	    !has_code(system, code, MAX_DEPTH))
		find_error(v, at, ERR_VALUE, "cs-property", "\"%.*s\" is no code of this code system", SHOW(code));
}

/* The member of concept.property that a property of a type has. */
static bool has_value_of(const struct json *property, struct str type)
{
	static const char *const pairs[][2] = {
		{"code", "valueCode"},	     {"Coding", "valueCoding"},	  {"string", "valueString"},
		{"integer", "valueInteger"}, {"boolean", "valueBoolean"}, {"dateTime", "valueDateTime"},
		{"decimal", "valueDecimal"},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (str_is(type, pairs[i][0]))
			return json_get(property, str_from(pairs[i][1])) != NULL;
	return true;
}

static void check_properties(struct validation *v, const struct json *system, const struct node *concept)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(concept->value, S("property"))); json_next(&it); i++) {
		struct node property = node_child(concept, S("property"), i, it.value);
		struct str code = json_get_str(it.value, S("code"));
		const struct json *declaration = declared(system, code);
		struct str type = json_get_str(declaration, S("type"));
		if (!declaration && code.n)
			find_error(v, &property, ERR_VALUE, "cs-property",
				   "The code system declares no property \"%.*s\"", SHOW(code));
		else if (declaration && !has_value_of(it.value, type))
			find_error(v, &property, ERR_VALUE, "cs-property",
				   "The property \"%.*s\" must have a value of type %.*s", SHOW(code), SHOW(type));
		else if (declaration)
			check_own_code(v, system, &property, declaration);
	}
}

static void check_concepts(struct validation *v, const struct json *system, const struct node *parent, unsigned depth)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(parent->value, S("concept"))); depth && json_next(&it); i++) {
		struct node concept = node_child(parent, S("concept"), i, it.value);
		if (json_get(it.value, S("property")))
			check_properties(v, system, &concept);
		if (json_get(it.value, S("concept")))
			check_concepts(v, system, &concept, depth - 1);
	}
}

/* The value set of all codes includes this code system as a whole, and nothing else. */
static void check_value_set(struct validation *v, const struct node *at)
{
	struct str url = json_get_str(at->value, S("url")), set = json_get_str(at->value, S("valueSet"));
	struct error err = {0};
	const struct canonical *c = set.n ? canonicals_find(v->canonicals, S("ValueSet"), set, NULL) : NULL;
	const struct json *compose = c ? json_get(canonical_json(v->canonicals, c, &err), S("compose")) : NULL;
	const struct json *include = json_get(compose, S("include")), *only = json_at(include, 0);
	if (!c || err.code)
		return;
	if (json_size(include) != 1 || !str_eq(json_get_str(only, S("system")), url) || json_get(only, S("concept")) ||
	    json_get(only, S("filter")) || json_get(only, S("valueSet")))
		find_error(v, at, ERR_VALUE, "cs-value-set",
			   "The value set %.*s of all codes must include this code system, whole and alone", SHOW(set));
}

void rule_code_system(struct validation *v, const struct node *at)
{
	int64_t i = 0;
	check_content(v, at, count_concepts(at->value, MAX_DEPTH));
	check_value_set(v, at);
	for (struct json_iter it = json_iter(json_get(at->value, S("property"))); json_next(&it); i++) {
		struct node property = node_child(at, S("property"), i, it.value);
		check_declaration(v, at->value, &property);
	}
	check_concepts(v, at->value, at, MAX_DEPTH);
}
