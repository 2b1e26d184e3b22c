/*
 * ValueSets as resources (http://hl7.org/fhir/R4/valueset.html): systems by their absolute URL, codes that their system
 * has, and filters over properties that it knows, with operations and values that fit.
 */
#include "base/regex.h"
#include "validate/validate_priv.h"

enum { SHOWN = 120, MAX_CODES = 2000 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

#define SNOMED "http://snomed.info/sct"

/* One compose.include or exclude, with its code system when that is at hand. */
struct part {
	struct validation *v;
	const struct node *node;
	struct str system, version;
	const struct json *code_system;
};

static bool is_absolute(struct str s)
{
	size_t colon = str_find_char(s, ':', 0), slash = str_find_char(s, '/', 0);
	return colon != STR_NONE && colon > 0 && (slash == STR_NONE || colon < slash);
}

/* ---- systems and codes ------------------------------------------------------------------------------------------ */

static void check_system(const struct part *p)
{
	struct canonicals const *c = p->v->canonicals;
	if (!p->system.n)
		return;
	size_t bar = str_find_char(p->system, '|', 0);
	if (bar != STR_NONE && bar + 1 < p->system.n)
		find_error(p->v, p->node, ERR_VALUE, "vs-system",
			   "The version \"%.*s\" of a code system belongs into the version, not behind its URL",
			   SHOW(str_slice(p->system, bar + 1, p->system.n)));
	else if (!is_absolute(p->system))
		find_error(p->v, p->node, ERR_VALUE, "vs-system",
			   "The system \"%.*s\" must be an absolute URL, also when the code system is contained",
			   SHOW(p->system));
	else if (!p->code_system && canonicals_find(c, S("ValueSet"), p->system, NULL))
		find_error(p->v, p->node, ERR_VALUE, "vs-system",
			   "\"%.*s\" is a value set; codes come from code systems", SHOW(p->system));
}

static void check_codes(const struct part *p)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(p->node->value, S("concept"))); json_next(&it) && i < MAX_CODES;
	     i++) {
		struct node concept = node_child(p->node, S("concept"), i, it.value);
		struct coding coding = {
			.system = p->system, .version = p->version, .code = json_get_str(it.value, S("code"))};
		struct code_verdict verdict = {0};
		if (coding.system.n && coding.code.n)
			verdict = terminology_validate(p->v->terminology, p->v->arena, &coding);
		if (verdict.answer == CODE_NOT_IN && verdict.reason == CODE_INVALID)
			find_error(p->v, &concept, ERR_VALUE, "vs-code", "\"%.*s\" is no code of %.*s",
				   SHOW(coding.code), SHOW(p->system));
	}
}

/* ---- filters ---------------------------------------------------------------------------------------------------- */

static const struct json *find_code(const struct json *list, struct str code)
{
	for (struct json_iter it = json_iter(list); json_next(&it);)
		if (str_eq(json_get_str(it.value, S("code")), code))
			return it.value;
	return NULL;
}

/* Properties that every code system has: http://hl7.org/fhir/R4/codesystem.html#defined-props and the registered ones
 */
static bool is_common(struct str property, const char **ret_type)
{
	static const char *const common[][2] = {
		{"concept", "code"},
		{"code", "code"},
		{"status", "string"},
		{"inactive", "boolean"},
		{"effectiveDate", "dateTime"},
		{"deprecationDate", "dateTime"},
		{"retirementDate", "dateTime"},
		{"notSelectable", "boolean"},
		{"parent", "code"},
		{"child", "code"},
		{"synonym", "code"},
		{"comment", "string"},
		{"itemWeight", "decimal"},
		{"display", "string"},
	};
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
		if (!str_is(property, common[i][0]))
			continue;
		*ret_type = common[i][1];
		return true;
	}
	return false;
}

static bool is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* Concepts and attributes of SNOMED CT are numbers of 6 to 18 digits, and attributes can be compared in two ways. */
static void check_snomed(const struct part *p, const struct node *filter, struct str property, struct str op,
			 struct str value)
{
	bool concept = str_is(property, "concept");
	size_t at = 0;
	if ((str_is(property, "constraint") || str_is(property, "expression")) && str_is(op, "=") &&
	    !ecl_is_formed(value, &at)) {
		find_error(p->v, filter, ERR_VALUE, "vs-filter",
			   "\"%.*s\" is no expression constraint of SNOMED CT: character %zu does not fit", SHOW(value),
			   at + 1);
		return;
	}
	if (concept && !str_is(op, "regex") && !str_is(op, "in") && !str_is(op, "not-in") &&
	    (!is_number(value) || value.n < 6 || value.n > 18))
		find_error(p->v, filter, ERR_VALUE, "vs-filter", "\"%.*s\" is no code of SNOMED CT", SHOW(value));
	else if (is_number(property) && property.n >= 6 && !str_is(op, "=") && !str_is(op, "in"))
		find_error(p->v, filter, ERR_VALUE, "vs-filter",
			   "Attributes of SNOMED CT such as %.*s can be filtered by = and in, not by \"%.*s\"",
			   SHOW(property), SHOW(op));
}

/* A code of the system itself; "system#code" or "system|code" of another one. */
static void check_code_value(const struct part *p, const struct node *filter, struct str value)
{
	size_t mark = str_rfind_char(value, '#');
	mark = mark == STR_NONE ? str_rfind_char(value, '|') : mark;
	struct coding coding = {.system = p->system, .code = value};
	if (mark != STR_NONE && is_absolute(value)) {
		coding.system = str_slice(value, 0, mark);
		coding.code = str_slice(value, mark + 1, value.n);
	}
	struct code_verdict verdict = terminology_validate(p->v->terminology, p->v->arena, &coding);
	if (verdict.answer == CODE_NOT_IN && verdict.reason == CODE_INVALID)
		find_error(p->v, filter, ERR_VALUE, "vs-filter",
			   "The filter compares with \"%.*s\", which is no code of %.*s", SHOW(coding.code),
			   SHOW(coding.system));
}

static void check_value(const struct part *p, const struct node *filter, struct str type, struct str value)
{
	if (str_is(type, "boolean") && !str_is(value, "true") && !str_is(value, "false"))
		find_error(p->v, filter, ERR_VALUE, "vs-filter", "The property is true or false, not \"%.*s\"",
			   SHOW(value));
	else if (str_is(type, "integer") &&
		 !is_number(str_starts(value, S("-")) ? str_slice(value, 1, value.n) : value))
		find_error(p->v, filter, ERR_VALUE, "vs-filter", "The property is a whole number, not \"%.*s\"",
			   SHOW(value));
	else if (str_is(type, "code") || str_is(type, "Coding"))
		check_code_value(p, filter, value);
}

static bool allows(const struct json *definition, struct str op)
{
	for (struct json_iter it = json_iter(json_get(definition, S("operator"))); json_next(&it);)
		if (str_eq(json_str(it.value), op))
			return true;
	return false;
}

/* Expressions are for texts; "concept" stands for the concept as such. */
static void check_expression(const struct part *p, const struct node *filter, struct str property, struct str value)
{
	struct error err = {0};
	if (str_is(property, "concept"))
		find_error(p->v, filter, ERR_VALUE, "vs-filter",
			   "Concepts cannot be filtered by a regular expression; their codes can");
	else if (value.n && !regex_compile(p->v->arena, value, REGEX_WHOLE, &err) && err.code == ERR_VALUE)
		find_error(p->v, filter, ERR_VALUE, "vs-filter", "\"%.*s\" is no regular expression: %s", SHOW(value),
			   err.text);
}

static void check_filter(const struct part *p, const struct node *filter)
{
	struct str property = json_get_str(filter->value, S("property")), op = json_get_str(filter->value, S("op"));
	struct str value = json_get_str(filter->value, S("value"));
	const struct json *declared = find_code(json_get(p->code_system, S("property")), property);
	const struct json *definition = find_code(json_get(p->code_system, S("filter")), property);
	struct str type = json_get_str(declared, S("type"));
	const char *common = NULL;
	bool one = str_is(op, "=") || str_is(op, "is-a") || str_is(op, "descendent-of") || str_is(op, "is-not-a") ||
		   str_is(op, "generalizes");
	if (str_is(p->system, SNOMED)) {
		check_snomed(p, filter, property, op, value);
		return;
	}
	if (!declared && is_common(property, &common))
		type = str_from(common);
	if (str_is(op, "exists"))
		type = S("boolean");
	if (str_is(op, "regex"))
		check_expression(p, filter, property, value);
	if (str_is(op, "exists") && (str_is(property, "concept") || str_is(property, "code")))
		find_error(p->v, filter, ERR_VALUE, "vs-filter", "Every concept has a %.*s; \"exists\" makes no sense",
			   SHOW(property));
	if (definition && !allows(definition, op))
		find_error(p->v, filter, ERR_VALUE, "vs-filter",
			   "The code system has no operation \"%.*s\" for the filter \"%.*s\"", SHOW(op),
			   SHOW(property));
	else if (type.n && (one || str_is(op, "exists")))
		check_value(p, filter, type, value);
	else if (p->code_system && !declared && !definition && !common)
		find_warning(p->v, filter, ERR_VALUE, "vs-filter", "%.*s is not known to have a property \"%.*s\"",
			     SHOW(p->system), SHOW(property));
}

/* ---- all -------------------------------------------------------------------------------------------------------- */

static void check_part(struct validation *v, const struct node *node)
{
	struct part p = {.v = v, .node = node, .system = json_get_str(node->value, S("system"))};
	struct error err = {0};
	p.version = json_get_str(node->value, S("version"));
	const struct canonical *c = p.system.n ? canonicals_find(v->canonicals, S("CodeSystem"), p.system, NULL) : NULL;
	p.code_system = c ? canonical_json(v->canonicals, c, &err) : NULL;
	check_system(&p);
	check_codes(&p);
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(node->value, S("filter"))); json_next(&it); i++) {
		struct node filter = node_child(node, S("filter"), i, it.value);
		check_filter(&p, &filter);
	}
}

static void check_parts(struct validation *v, const struct node *compose, struct str name)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(compose->value, name)); json_next(&it); i++) {
		struct node part = node_child(compose, name, i, it.value);
		check_part(v, &part);
	}
}

void rule_value_set(struct validation *v, const struct node *at)
{
	struct node compose = node_child(at, S("compose"), -1, json_get(at->value, S("compose")));
	check_parts(v, &compose, S("include"));
	check_parts(v, &compose, S("exclude"));
}
