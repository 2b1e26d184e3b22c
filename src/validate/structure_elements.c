/*
 * Elements of StructureDefinitions (http://hl7.org/fhir/R4/elementdefinition.html): types, values, bindings and
 * invariants that fit what they change.
 */
#include "validate/structure_priv.h"

enum { SHOWN = 200 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

/* ---- facts of elements ------------------------------------------------------------------------------------------ */

static bool can_bind(struct str type)
{
	static const char *const types[] = {
		"code",		  "Coding",    "CodeableConcept",   "Quantity",	     "string", "uri",	    "Age",
		"Count",	  "Distance",  "Duration",	    "Money",	     "url",    "canonical", "markdown",
		"SimpleQuantity", "Extension", "CodeableReference", "MoneyQuantity", "id",     "oid"};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (str_is(type, types[i]))
			return true;
	return structure_is_url(type);
}

/* A binding is of no use when no type of the element has codes. */
static void check_binding(const struct structure *s, const struct node *element, const struct fhir_element *known)
{
	const struct json *types = json_get(element->value, S("type"));
	struct str first = STR_NULL;
	size_t count = 0;
	if (!json_get(element->value, S("binding")))
		return;
	for (struct json_iter it = json_iter(types); json_next(&it); count++) {
		struct str code = json_get_str(it.value, S("code"));
		if (can_bind(code))
			return;
		first = first.p ? first : code;
	}
	for (size_t i = 0; !count && known && i < known->type_count; i++) {
		if (!known->types[i].type || can_bind(known->types[i].type->name))
			return;
		first = first.p ? first : known->types[i].type->name;
	}
	if (first.p)
		find_error(s->v, element, ERR_VALUE, "sd-binding",
			   "A binding makes no sense for an element of type %.*s", SHOW(first));
}

/* Is a type one of those that an element has, or a special one of them? */
static bool is_one_of(const struct structure *s, const struct fhir_element *known, struct str name)
{
	const struct fhir_type *type = definitions_type(s->v->definitions, name);
	for (size_t i = 0; i < known->type_count; i++) {
		const struct fhir_type *t = known->types[i].type;
		if (!t || str_eq(t->name, name))
			return true;
		for (const struct fhir_type *up = type; up; up = up->base)
			if (up == t)
				return true;
	}
	return !known->type_count;
}

/* The profiles of a type are for that type. */
static void check_profiles(const struct structure *s, const struct node *element, const struct json *type)
{
	struct str code = json_get_str(type, S("code"));
	for (struct json_iter it = json_iter(json_get(type, S("profile"))); json_next(&it);) {
		const struct canonical *c =
			canonicals_find(s->v->canonicals, S("StructureDefinition"), json_str(it.value), NULL);
		const struct fhir_type *own = c ? definitions_type(s->v->definitions, c->defines) : NULL;
		while (own && !str_eq(own->name, code))
			own = own->base;
		if (c && c->defines.n && !own && definitions_type(s->v->definitions, c->defines))
			find_error(s->v, s->at, ERR_VALUE, "sd-type",
				   "No snapshot can be made: the profile %.*s of \"%.*s\" is for %.*s, not for %.*s",
				   SHOW(json_str(it.value)), SHOW(json_get_str(element->value, S("path"))),
				   SHOW(c->defines), SHOW(code));
	}
}

/* Types may only be fewer than before. Ids and URLs of extensions are told in several ways. */
static void check_types(const struct structure *s, const struct node *element, const struct fhir_element *known)
{
	for (struct json_iter it = json_iter(json_get(element->value, S("type"))); json_next(&it);) {
		struct str code = json_get_str(it.value, S("code"));
		check_profiles(s, element, it.value);
		if (!code.n || structure_is_url(code) || str_is(known->name, "id") || str_is(known->name, "url") ||
		    is_one_of(s, known, code))
			continue;
		find_error(s->v, s->at, ERR_VALUE, "sd-type",
			   "No snapshot can be made: %.*s is not of type %.*s, to which \"%.*s\" restricts it",
			   SHOW(known->path), SHOW(code), SHOW(json_get_str(element->value, S("path"))));
	}
}

/* The type in the name of fixedCode, patternQuantity: "code", "Quantity". */
static struct str type_of_member(const struct structure *s, struct str member, struct str stem)
{
	struct str name = arena_str(s->v->arena, str_slice(member, stem.n, member.n));
	if (!name.n || definitions_type(s->v->definitions, name))
		return name;
	*(char *)(uintptr_t)name.p |= 32;
	return name;
}

static bool has_type(const struct structure *s, const struct node *element, const struct fhir_element *known,
		     struct str name)
{
	const struct json *types = json_get(element->value, S("type"));
	for (struct json_iter it = json_iter(types); json_next(&it);) {
		struct str code = json_get_str(it.value, S("code"));
		if (str_eq(code, name) || structure_is_url(code))
			return true;
	}
	return !types && is_one_of(s, known, name);
}

/* A value that is fixed has a type that the element can have. */
static void check_fixed(const struct structure *s, const struct node *element, const struct fhir_element *known)
{
	static const struct str stems[] = {{"fixed", 5}, {"pattern", 7}};
	for (struct json_iter it = json_iter(element->value); json_next(&it);)
		for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++) {
			if (!str_starts(it.key, stems[i]))
				continue;
			struct str type = type_of_member(s, it.key, stems[i]);
			if (type.n && !has_type(s, element, known, type) && !str_is(known->name, "id") &&
			    !str_is(known->name, "url"))
				find_error(s->v, s->at, ERR_VALUE, "sd-value",
					   "%.*s of \"%.*s\" has the type %.*s, which the element cannot have",
					   SHOW(it.key), SHOW(json_get_str(element->value, S("path"))), SHOW(type));
		}
}

static void check_expressions(const struct structure *s, const struct node *element)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(element->value, S("constraint"))); json_next(&it); i++) {
		struct str expression = json_get_str(it.value, S("expression"));
		struct error err = {0};
		struct node place = node_child(element, S("constraint"), i, it.value);
		if (expression.n && !path_compile(s->v->arena, s->v->definitions, expression, NULL, &err) &&
		    err.code == ERR_VALUE)
			find_error(s->v, &place, ERR_VALUE, "fhirpath", "The expression of %.*s is no FHIRPath: %s",
				   SHOW(json_get_str(it.value, S("key"))), err.text);
	}
}

static void check_value_set(const struct structure *s, const struct node *element)
{
	const struct json *binding = json_get(element->value, S("binding"));
	struct node place = node_child(element, S("binding"), -1, binding);
	struct str set = json_get_str(binding, S("valueSet"));
	const struct canonical *c =
		set.n && set.p[0] != '#' ? canonicals_find(s->v->canonicals, STR_NULL, set, NULL) : NULL;
	if (c && !str_is(c->type, "ValueSet"))
		find_error(s->v, &place, ERR_VALUE, "sd-binding", "%.*s is a %.*s, not a value set", SHOW(set),
			   STR_ARG(c->type));
}

/* The expression that the structure below has for a key; STR_NULL when it does not use the key. */
static struct str used_key(const struct json *base, struct str key)
{
	const struct json *elements = json_get(json_get(base, S("snapshot")), S("element"));
	for (struct json_iter e = json_iter(elements); json_next(&e);)
		for (struct json_iter it = json_iter(json_get(e.value, S("constraint"))); json_next(&it);)
			if (str_eq(json_get_str(it.value, S("key")), key))
				return json_get_str(it.value, S("expression"));
	return STR_NULL;
}

/* A key stands for one invariant only. */
static void check_keys(const struct structure *s, const struct node *element)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(element->value, S("constraint"))); json_next(&it); i++) {
		struct node place = node_child(element, S("constraint"), i, it.value);
		struct str key = json_get_str(it.value, S("key")), expression = json_get_str(it.value, S("expression"));
		struct str used = key.n && expression.n ? used_key(s->base, key) : STR_NULL;
		if (used.n && !str_eq(used, expression))
			find_error(s->v, &place, ERR_VALUE, "sd-key",
				   "The key \"%.*s\" is that of another invariant of the base", SHOW(key));
	}
}

void structure_check_facts(const struct structure *s, const struct node *element, const struct fhir_element *profiled,
			   const struct fhir_element *known)
{
	if (profiled)
		check_fixed(s, element, profiled);
	check_binding(s, element, known);
	check_value_set(s, element);
	check_expressions(s, element);
	if (s->base)
		check_keys(s, element);
}

void structure_check_restrictions(const struct structure *s)
{
	const struct fhir_element *known;
	struct node list = node_child(s->at, S("differential"), -1, json_get(s->at->value, S("differential")));
	int64_t i = 0;
	if (!s->constraint || !s->fhir)
		return;
	for (struct json_iter it = json_iter(json_get(list.value, S("element"))); json_next(&it); i++) {
		struct node element = node_child(&list, S("element"), i, it.value);
		if (structure_follow(s, json_get_str(it.value, S("path")), &known) == PATH_FOUND && known)
			check_types(s, &element, known);
	}
}
