/*
 * CodeSystems as resources (http://hl7.org/fhir/R4/codesystem.html): content that is what it says it is, and properties
 * of concepts that were declared, with values of their type. That codes are unique is invariant csd-1.
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
	uint64_t count;
	if (str_is(content, "not-present") && concepts)
		find_error(v, at, ERR_VALUE, "cs-content",
			   "The content is said to be not present, but there are %zu concepts", concepts);
	if (!str_to_u64(stated, &count))
		count = concepts;
	if (str_is(content, "complete") && count != concepts)
		find_error(v, at, ERR_VALUE, "cs-count",
			   "The code system is complete with %zu concepts, but says it has %.*s", concepts,
			   SHOW(stated));
	if ((str_is(content, "example") || str_is(content, "fragment")) && count < concepts)
		find_error(v, at, ERR_VALUE, "cs-count",
			   "There are %zu concepts, more than the %.*s of the whole code system", concepts,
			   SHOW(stated));
	if (supplement && !supplements)
		find_error(v, at, ERR_REQUIRED, "cs-supplement",
			   "A supplement must say which code system it supplements");
	if (supplements && !supplement)
		find_error(v, at, ERR_VALUE, "cs-supplement",
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

/* What every code system has without saying so: http://hl7.org/fhir/R4/codesystem-concept-properties.html */
static bool is_common(struct str code)
{
	static const char *const common[] = {
		"inactive",	 "deprecated", "deprecationDate", "retirementDate", "notSelectable",
		"effectiveDate", "parent",     "child",		  "status",	    "partOf",
		"alternateCode", "synonym",    "comment",	  "itemWeight",	    "order"};
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (str_is(code, common[i]))
			return true;
	return false;
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
		if (!declaration && code.n && !is_common(code))
			find_warning(v, &property, ERR_VALUE, "cs-property",
				     "The code system declares no property \"%.*s\"", SHOW(code));
		else if (declaration && !has_value_of(it.value, type))
			find_error(v, &property, ERR_VALUE, "cs-property",
				   "The property \"%.*s\" must have a value of type %.*s", SHOW(code), SHOW(type));
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

void rule_code_system(struct validation *v, const struct node *at)
{
	check_content(v, at, count_concepts(at->value, MAX_DEPTH));
	check_concepts(v, at->value, at, MAX_DEPTH);
}
