/*
 * SearchParameter and what CapabilityStatements say of them (http://hl7.org/fhir/R4/searchparameter.html): components
 * of composite parameters, expressions that are FHIRPath, and types that are those of the definition.
 */
#include "validate/validate_priv.h"

enum { SHOWN = 200 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

static void check_expression(struct validation *v, const struct node *at, struct str name)
{
	static const struct path_options search = {.as_filters = true};
	struct str expression = json_get_str(at->value, name);
	struct node place = node_child(at, name, -1, json_get(at->value, name));
	struct error err = {0};
	if (expression.n && !path_compile(v->arena, v->definitions, expression, &search, &err) && err.code == ERR_VALUE)
		find_error(v, &place, ERR_VALUE, "fhirpath", "The expression is no FHIRPath: %s", err.text);
}

void rule_search_parameter(struct validation *v, const struct node *at)
{
	struct str type = json_get_str(at->value, S("type"));
	size_t components = json_size(json_get(at->value, S("component")));
	int64_t i = 0;
	if (str_is(type, "composite") && components < 2)
		find_error(v, at, ERR_REQUIRED, "search-composite",
			   "A composite search parameter must have two components or more, not %zu", components);
	else if (type.n && !str_is(type, "composite") && components)
		find_error(v, at, ERR_VALUE, "search-composite", "Only composite search parameters have components");
	check_expression(v, at, S("expression"));
	for (struct json_iter it = json_iter(json_get(at->value, S("component"))); json_next(&it); i++) {
		struct node component = node_child(at, S("component"), i, it.value);
		check_expression(v, &component, S("expression"));
	}
}

/* ---- CapabilityStatement ---------------------------------------------------------------------------------------- */

static void check_declared(struct validation *v, const struct node *param)
{
	struct str url = json_get_str(param->value, S("definition")), type = json_get_str(param->value, S("type"));
	struct error err = {0};
	const struct canonical *c = url.n ? canonicals_find(v->canonicals, S("SearchParameter"), url, NULL) : NULL;
	struct str defined = c ? json_get_str(canonical_json(v->canonicals, c, &err), S("type")) : STR_NULL;
	if (defined.n && type.n && !str_eq(defined, type))
		find_error(v, param, ERR_VALUE, "search-type",
			   "The search parameter %.*s is of type %.*s, not %.*s as said here", SHOW(url), SHOW(defined),
			   SHOW(type));
}

static void check_params(struct validation *v, const struct node *parent)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(parent->value, S("searchParam"))); json_next(&it); i++) {
		struct node param = node_child(parent, S("searchParam"), i, it.value);
		check_declared(v, &param);
	}
}

void rule_capability_statement(struct validation *v, const struct node *at)
{
	int64_t i = 0;
	for (struct json_iter rest = json_iter(json_get(at->value, S("rest"))); json_next(&rest); i++) {
		struct node place = node_child(at, S("rest"), i, rest.value);
		int64_t k = 0;
		check_params(v, &place);
		for (struct json_iter it = json_iter(json_get(rest.value, S("resource"))); json_next(&it); k++) {
			struct node resource = node_child(&place, S("resource"), k, it.value);
			check_params(v, &resource);
		}
	}
}
