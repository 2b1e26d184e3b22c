/*
 * Definitions of extensions (http://hl7.org/fhir/R4/defining-extensions.html): the URL is fixed to that of the
 * definition, and the places where the extension may stand are places that exist. Only extensions have such places.
 */
#include "validate/validate_priv.h"

enum { SHOWN = 200 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))
#define CORE	S("http://hl7.org/fhir/StructureDefinition/")

/* The value that a view fixes Extension.url to. */
static struct str fixed_url(const struct json *definition, struct str view)
{
	for (struct json_iter it = json_iter(json_get(json_get(definition, view), S("element"))); json_next(&it);)
		if (str_is(json_get_str(it.value, S("path")), "Extension.url"))
			return json_get_str(it.value, S("fixedUri"));
	return STR_NULL;
}

static void check_url(struct validation *v, const struct node *at)
{
	struct str url = json_get_str(at->value, S("url")), base = json_get_str(at->value, S("baseDefinition"));
	struct str fixed = fixed_url(at->value, S("differential"));
	if (!str_is(base, "http://hl7.org/fhir/StructureDefinition/Extension") || !url.n)
		return;
	if (!fixed.p)
		fixed = fixed_url(at->value, S("snapshot"));
	if (!str_eq(fixed, url))
		find_error(v, at, ERR_VALUE, "sd-extension-url",
			   "Extension.url must be fixed to the URL of the extension, %.*s", SHOW(url));
}

/* "Patient", "Patient.contact.name", "Observation.value[x]"; other things that HL7 defines under a name are not looked
 * into. */
static bool element_exists(struct validation *v, struct str path)
{
	struct str rest = path, name = str_split(&rest, '.');
	const struct fhir_type *type = definitions_type(v->definitions, name);
	if (!type) {
		struct str url = arena_printf(v->arena, "%.*s%.*s", STR_ARG(CORE), STR_ARG(name));
		return url.p && canonicals_find(v->canonicals, S("StructureDefinition"), url, NULL);
	}
	while (rest.p) {
		struct str step = str_split(&rest, '.');
		const struct fhir_type *next = NULL;
		step = str_slice(step, 0, str_find_char(step, ':', 0));
		if (str_ends(step, S("[x]")))
			step = str_slice(step, 0, step.n - 3);
		bool found = false;
		for (size_t i = 0; i < type->element_count && !found; i++) {
			const struct fhir_element *e = &type->elements[i];
			found = str_eq(e->name, step);
			next = found && e->type_count == 1 ? e->types[0].type : NULL;
		}
		if (!found && !definitions_element(type, step, &next))
			return false;
		if (!next)
			return true;
		type = next;
	}
	return true;
}

static void check_contexts(struct validation *v, const struct node *at)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(at->value, S("context"))); json_next(&it); i++) {
		struct node context = node_child(at, S("context"), i, it.value);
		struct str kind = json_get_str(it.value, S("type")), path = json_get_str(it.value, S("expression"));
		if (str_is(kind, "element") && path.n && str_find_char(path, ':', 0) == STR_NONE &&
		    !element_exists(v, path))
			find_error(v, &context, ERR_VALUE, "sd-context", "There is no element \"%.*s\"", SHOW(path));
	}
}

static void check_invariants(struct validation *v, const struct node *at)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(at->value, S("contextInvariant"))); json_next(&it); i++) {
		struct node invariant = node_child(at, S("contextInvariant"), i, it.value);
		struct error err = {0};
		if (!path_compile(v->arena, v->definitions, json_str(it.value), NULL, &err) && err.code == ERR_VALUE)
			find_error(v, &invariant, ERR_VALUE, "fhirpath", "The expression is no FHIRPath: %s", err.text);
	}
}

/* Elements with a JSON name of their own are put into instances like extensions. */
static bool has_json_name(const struct json *definition)
{
	for (struct json_iter it = json_iter(json_get(definition, S("extension"))); json_next(&it);)
		if (str_ends(json_get_str(it.value, S("url")), S("json-name")))
			return true;
	return false;
}

static void refuse(struct validation *v, const struct node *at, struct str member)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(at->value, member)); json_next(&it); i++) {
		struct node place = node_child(at, member, i, it.value);
		find_error(v, &place, ERR_VALUE, "sd-context", "Only extensions have a context, not a profile on %.*s",
			   SHOW(json_get_str(at->value, S("type"))));
	}
}

void extension_definition_check(struct validation *v, const struct node *at)
{
	if (!str_is(json_get_str(at->value, S("type")), "Extension")) {
		if (!has_json_name(at->value))
			refuse(v, at, S("context"));
		refuse(v, at, S("contextInvariant"));
		return;
	}
	if (str_is(json_get_str(at->value, S("derivation")), "constraint"))
		check_url(v, at);
	check_contexts(v, at);
	check_invariants(v, at);
}
