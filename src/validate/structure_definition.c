/*
 * StructureDefinitions as resources (http://hl7.org/fhir/R4/structuredefinition.html): the type that they define, paths
 * that begin with it and lead to elements that exist, facts that fit the types of an element. Whether a profile can be
 * compiled is seen when it is used.
 */
#include "validate/structure_priv.h"

#include "profile/snapshot.h"

enum { SHOWN = 200 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

/* What paths begin with: the type, the last part of a URL, and of "Meta.tag", a data element, what is in front. */
static struct str root_of(struct str type)
{
	size_t slash = str_rfind_char(type, '/'), dot = str_find_char(type, '.', 0);
	if (structure_is_url(type))
		return slash == STR_NONE ? type : str_slice(type, slash + 1, type.n);
	return dot == STR_NONE ? type : str_slice(type, 0, dot);
}

/* ---- the type --------------------------------------------------------------------------------------------------- */

/* A type of R4, or one that HL7 defines beside those that instances have, such as MetadataResource. */
static bool is_defined(const struct structure *s)
{
	if (s->fhir || definitions_type(s->v->definitions, s->root))
		return true;
	struct str url = arena_printf(s->v->arena, "http://hl7.org/fhir/StructureDefinition/%.*s", SHOW(s->root));
	return url.p && canonicals_find(s->v->canonicals, S("StructureDefinition"), url, NULL);
}

static void check_type(const struct structure *s)
{
	const struct json *json = s->at->value;
	struct node place = node_child(s->at, S("type"), -1, json_get(json, S("type")));
	struct str base = json_get_str(json, S("baseDefinition")), url = json_get_str(json, S("url"));
	const struct canonical *from = canonicals_find(s->v->canonicals, S("StructureDefinition"), base, NULL);
	if (!s->type.n)
		return;
	if (!structure_is_url(s->type) && !is_defined(s))
		find_error(s->v, &place, ERR_VALUE, "sd-type",
			   "\"%.*s\" is no type of FHIR R4; types of others are URLs", SHOW(s->type));
	if (!from)
		return;
	struct error err = {0};
	struct str kind = json_get_str(json, S("kind")),
		   inherited = json_get_str(canonical_json(s->v->canonicals, from, &err), S("kind"));
	if (s->constraint && kind.n && inherited.n && !str_eq(kind, inherited))
		find_error(s->v, s->at, ERR_VALUE, "sd-kind", "A profile on \"%.*s\" is of the kind %.*s, not %.*s",
			   SHOW(base), SHOW(inherited), SHOW(kind));
	if (!s->constraint && str_eq(from->defines, s->type))
		find_error(s->v, s->at, ERR_VALUE, "sd-type",
			   "A specialization of \"%.*s\" must define a type of its own", SHOW(s->type));
	if (s->constraint && from->defines.n && !str_eq(from->defines, s->type) && !str_eq(base, url))
		find_error(s->v, s->at, ERR_VALUE, "sd-type",
			   "A profile on \"%.*s\" must keep its type, \"%.*s\", instead of \"%.*s\"", SHOW(base),
			   SHOW(from->defines), SHOW(s->type));
}

/* ---- paths ------------------------------------------------------------------------------------------------------ */

static bool is_choice_of(const struct fhir_element *e, struct str name)
{
	if (!e->choice)
		return str_eq(e->name, name);
	return str_ends(name, S("[x]")) && str_eq(e->name, str_slice(name, 0, name.n - 3));
}

/* The element of a type by a part of a path: "value[x]", or "valueQuantity" as differentials may say. */
static const struct fhir_element *element_of(const struct fhir_type *type, struct str name,
					     const struct fhir_type **ret_type)
{
	for (size_t i = 0; i < type->element_count; i++) {
		const struct fhir_element *e = &type->elements[i];
		if (!is_choice_of(e, name))
			continue;
		*ret_type = e->type_count == 1 ? e->types[0].type : NULL;
		return e;
	}
	return definitions_element(type, name, ret_type);
}

/* Follows a path as far as the definitions tell types; below a choice or a resource nobody knows. */
enum path_end structure_follow(const struct structure *s, struct str path, const struct fhir_element **ret_element)
{
	const struct fhir_type *type = s->fhir;
	struct str rest = path;
	*ret_element = NULL;
	str_split(&rest, '.');
	while (rest.p) {
		struct str name = str_split(&rest, '.');
		if (!type || (type->kind == TYPE_RESOURCE && type->abstract))
			return PATH_UNKNOWN;
		*ret_element = element_of(type, name, &type);
		if (!*ret_element)
			return PATH_MISSING;
	}
	return PATH_FOUND;
}

static bool looks_like_choice(const struct fhir_type *type, struct str name)
{
	for (size_t i = 0; type && i < type->element_count; i++)
		if (type->elements[i].choice && name.n > type->elements[i].name.n &&
		    str_starts(name, type->elements[i].name))
			return true;
	return false;
}

static void tell_missing(const struct structure *s, const struct node *element, struct str path)
{
	size_t dot = str_find_char(path, '.', 0);
	struct str name = dot == STR_NONE ? path : str_slice(path, dot + 1, path.n);
	if (looks_like_choice(s->fhir, name))
		find_error(s->v, s->at, ERR_VALUE, "sd-path",
			   "No snapshot can be made: \"%.*s\" names a type that this choice does not have", SHOW(path));
	else
		find_error(s->v, element, ERR_VALUE, "sd-path", "The path \"%.*s\" leads to no element of %.*s",
			   SHOW(path), SHOW(s->type));
}

static void check_element(const struct structure *s, const struct node *element, bool first)
{
	const struct fhir_element *known = NULL;
	struct str path = json_get_str(element->value, S("path")), rest = path;
	bool root = str_eq(str_split(&rest, '.'), s->root);
	if (!path.n)
		return;
	if (!root && s->root.n) {
		find_error(s->v, element, ERR_VALUE, "sd-path", "The path \"%.*s\" must start with the type, \"%.*s\"",
			   SHOW(path), SHOW(s->root));
		return;
	}
	if (first && !rest.p && json_get(element->value, S("slicing")))
		find_error(s->v, element, ERR_VALUE, "sd-slicing", "The root of a structure cannot be sliced");
	if (s->constraint && s->fhir && rest.p && structure_follow(s, path, &known) == PATH_MISSING)
		tell_missing(s, element, path);
	structure_check_facts(s, element, s->constraint ? known : NULL, known);
}

static void check_elements(const struct structure *s, struct str view)
{
	int64_t i = 0;
	struct node list = node_child(s->at, view, -1, json_get(s->at->value, view));
	for (struct json_iter it = json_iter(json_get(list.value, S("element"))); json_next(&it); i++) {
		struct node element = node_child(&list, S("element"), i, it.value);
		check_element(s, &element, i == 0);
	}
}

/* The parent in an element's id: "Patient.name:official" of "Patient.name:official.family". */
static struct str parent_of(struct str id)
{
	size_t dot = str_rfind_char(id, '.');
	return dot == STR_NONE ? S("") : str_slice(id, 0, dot);
}

enum { MAX_ORDERED = 1000 };

/* Below a choice of several types there is no element to change. */
static bool choice_above(const struct structure *s, const struct json *elements, size_t index)
{
	const struct fhir_element *known = NULL;
	struct str path = parent_of(json_get_str(json_at(elements, index), S("path")));
	struct str id = parent_of(json_get_str(json_at(elements, index), S("id")));
	size_t types = 0;
	if (!str_ends(path, S("[x]")) || !str_ends(id, S("[x]")))
		return false;
	if (structure_follow(s, path, &known) == PATH_FOUND && known)
		types = known->type_count;
	for (struct json_iter it = json_iter(elements); json_next(&it);)
		if (str_eq(json_get_str(it.value, S("id")), id) && json_get(it.value, S("type")))
			types = json_size(json_get(it.value, S("type")));
	return types > 1;
}

/* Elements of a differential stand in the order of what they change; one with an earlier one behind it is not found. */
static void check_order(const struct structure *s)
{
	const struct fhir_element *known[MAX_ORDERED];
	struct str parents[MAX_ORDERED];
	size_t count = 0;
	struct node list = node_child(s->at, S("differential"), -1, json_get(s->at->value, S("differential")));
	const struct json *elements = json_get(list.value, S("element"));
	if (!s->base || !s->fhir || json_size(elements) > MAX_ORDERED)
		return;
	for (struct json_iter it = json_iter(elements); json_next(&it); count++) {
		struct str path = json_get_str(it.value, S("path")), id = json_get_str(it.value, S("id"));
		parents[count] = parent_of(id.n ? id : path);
		if (structure_follow(s, path, &known[count]) != PATH_FOUND)
			known[count] = NULL;
	}
	for (size_t i = 0; i < count; i++) {
		bool late = choice_above(s, elements, i);
		for (size_t k = i + 1; known[i] && k < count && !late; k++)
			late = known[k] && known[k] < known[i] && str_eq(parents[i], parents[k]);
		if (!late)
			continue;
		struct node element = node_child(&list, S("element"), (int64_t)i, json_at(elements, i));
		find_error(s->v, &element, ERR_VALUE, "sd-order",
			   "\"%.*s\" is not found: an element that comes before it stands behind it, or it is below a "
			   "choice",
			   SHOW(json_get_str(element.value, S("path"))));
	}
}

/* What the differential must not do is seen when it is applied. */
static void check_snapshot(const struct structure *s)
{
	struct error err = {0};
	struct issues problems;
	issues_init(&problems, s->v->arena);
	struct snapshot_options options = {.anew = true, .problems = &problems};
	if (!s->base || !json_get(s->at->value, S("differential")))
		return;
	if (!profile_snapshot(s->v->arena, s->v->canonicals, s->at->value, &options, &err) && err.code == ERR_STRUCTURE)
		find_error(s->v, s->at, ERR_VALUE, "sd-snapshot", "No snapshot can be made: %s: %s", err.path,
			   err.text);
	for (const struct issue *i = problems.first; i; i = i->next)
		find_error(s->v, s->at, ERR_VALUE, "sd-snapshot", "No snapshot can be made: %.*s: %.*s",
			   STR_ARG(i->path), STR_ARG(i->text));
}

void rule_structure_definition(struct validation *v, const struct node *at)
{
	struct structure s = {.v = v, .at = at, .type = json_get_str(at->value, S("type"))};
	s.root = root_of(s.type);
	s.fhir = definitions_type(v->definitions, s.type);
	s.constraint = str_is(json_get_str(at->value, S("derivation")), "constraint");
	struct str base = json_get_str(at->value, S("baseDefinition"));
	const struct canonical *from = canonicals_find(v->canonicals, S("StructureDefinition"), base, NULL);
	struct error err = {0};
	size_t before = v->findings->errors;
	s.base = from && s.constraint ? canonical_json(v->canonicals, from, &err) : NULL;
	check_type(&s);
	extension_definition_check(v, at);
	structure_check_restrictions(&s);
	if (v->findings->errors == before) /* else no snapshot can be tried */
		check_order(&s);
	check_elements(&s, S("differential"));
	if (v->findings->errors == before)
		check_snapshot(&s);
	check_elements(&s, S("snapshot"));
}
