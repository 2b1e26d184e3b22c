/*
 * The parameters that there are: those of the definitions, and those that SearchParameter resources add to them, given
 * to every concrete type that they search. A composite over a repeating element gets parameters of its own for its
 * parts, named CODE$1 and so on, since the plain parameters do not tell the elements of that one.
 */
#include <stdlib.h>

#include "search/alternatives.h"
#include "search/search_priv.h"

enum { MAX_ADDED = 1000, MAX_GIVEN = 30000, MAX_CODE = 64, MAX_COMPONENTS = 8 };

struct added {
	struct search_param **params;
	size_t count, capacity;
};

struct search_registry {
	struct arena arena;
	const struct definitions *definitions;
	struct added *types; /* by type id */
	size_t given; /* parameters, over all types */
	uint16_t next_id;
};

/* ---- asking ------------------------------------------------------------------------------------------------------ */

const struct search_param *search_registry_param(const struct search_registry *r, const struct fhir_type *type,
						 struct str code)
{
	const struct search_param *param = definitions_search_param(type, code);
	const struct added *added = r ? &r->types[type->id] : NULL;
	for (size_t i = 0; added && !param && i < added->count; i++)
		if (str_eq(added->params[i]->code, code) && str_find_char(code, '$', 0) == STR_NONE)
			param = added->params[i];
	return param;
}

size_t search_registry_count(const struct search_registry *r, const struct fhir_type *type)
{
	return type->search_param_count + (r ? r->types[type->id].count : 0);
}

const struct search_param *search_registry_at(const struct search_registry *r, const struct fhir_type *type,
					      size_t index)
{
	return index < type->search_param_count ? &type->search_params[index]
						: r->types[type->id].params[index - type->search_param_count];
}

/* ---- one resource ------------------------------------------------------------------------------------------------ */

struct adding {
	struct search_registry *r;
	const struct json *resource;
	struct str code, url, expression;
	enum search_param_type type;
	struct str *targets;
	size_t target_count;
	struct error *err;
};

static bool bad(struct adding *a, enum error_code code, const char *what)
{
	struct str name = a->code.n ? a->code : json_get_str(a->resource, S("id"));
	return error_set(a->err, code, "SearchParameter %.*s: %s", STR_ARG(str_slice(name, 0, MAX_CODE)), what);
}

static bool is_code(struct str code)
{
	for (size_t i = 0; i < code.n; i++) {
		char c = code.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '_')))
			return false;
	}
	return code.n > 0 && code.n <= MAX_CODE;
}

static bool read_type(struct adding *a)
{
	struct str name = json_get_str(a->resource, S("type"));
	for (int i = PARAM_NUMBER; i <= PARAM_SPECIAL; i++) {
		if (!str_is(name, search_param_type_name((enum search_param_type)i)))
			continue;
		a->type = (enum search_param_type)i;
		return i != PARAM_SPECIAL || bad(a, ERR_NOT_SUPPORTED, "parameters of type special are not supported");
	}
	return bad(a, name.n ? ERR_VALUE : ERR_REQUIRED, "the type is none of search");
}

static bool read_targets(struct adding *a)
{
	const struct json *list = json_get(a->resource, S("target"));
	a->targets = ARENA_ARRAY(&a->r->arena, struct str, json_size(list) + 1);
	if (!a->targets)
		return error_memory(a->err);
	for (struct json_iter it = json_iter(list); json_next(&it);) {
		struct str name = arena_str(&a->r->arena, json_str(it.value));
		if (!str_is(name, "Resource") && !definitions_resource(a->r->definitions, name))
			return bad(a, ERR_VALUE, "a target is no resource type");
		a->targets[a->target_count++] = name;
	}
	return true;
}

static bool read_head(struct adding *a)
{
	a->code = arena_str(&a->r->arena, json_get_str(a->resource, S("code")));
	a->url = arena_str(&a->r->arena, json_get_str(a->resource, S("url")));
	a->expression = arena_str(&a->r->arena, json_get_str(a->resource, S("expression")));
	if (!str_is(json_get_str(a->resource, S("resourceType")), "SearchParameter"))
		return bad(a, ERR_VALUE, "it is no SearchParameter");
	if (!a->url.n)
		return bad(a, ERR_REQUIRED, "the url is missing");
	if (!is_code(a->code))
		return bad(a, a->code.n ? ERR_VALUE : ERR_REQUIRED, "the code is not of letters, digits, - and _");
	if (!a->expression.n)
		return bad(a, ERR_REQUIRED, "the expression is missing");
	if (!json_size(json_get(a->resource, S("base"))))
		return bad(a, ERR_REQUIRED, "the base is missing");
	return read_type(a) && read_targets(a);
}

/* ---- giving it to types -------------------------------------------------------------------------------------------
 */

static bool compiles(struct adding *a, const struct fhir_type *type, struct str expression)
{
	struct arena scratch;
	struct error own = {0};
	static const struct path_options options = {.as_filters = true};
	arena_init(&scratch, 1 << 22);
	bool ok = path_compile(&scratch, a->r->definitions, expression, &options, &own) != NULL;
	arena_done(&scratch);
	return ok || error_set(a->err, ERR_VALUE, "SearchParameter %.*s: the expression for %.*s: %s", STR_ARG(a->code),
			       STR_ARG(type->name), own.text);
}

static struct search_param *give(struct adding *a, const struct fhir_type *type, struct str code,
				 enum search_param_type kind, struct str expression)
{
	struct added *added = &a->r->types[type->id];
	struct search_param *param = ARENA_NEW(&a->r->arena, struct search_param);
	void *grown = arena_grow(&a->r->arena, added->params, added->count, &added->capacity, added->count + 1,
				 sizeof(struct search_param *));
	if (a->r->given >= MAX_GIVEN) {
		bad(a, ERR_LIMIT, "there are more than 30,000 parameters, over all types");
		return NULL;
	}
	if (!param || !grown) {
		error_memory(a->err);
		return NULL;
	}
	*param = (struct search_param){.code = code,
				       .url = a->url,
				       .type = kind,
				       .expression = expression,
				       .targets = a->targets,
				       .target_count = a->target_count,
				       .id = a->r->next_id++,
				       .added = true};
	added->params = grown;
	added->params[added->count++] = param;
	a->r->given++;
	return param;
}

static const struct search_param *param_of_url(const struct adding *a, const struct fhir_type *type, struct str url)
{
	for (size_t i = 0; i < search_registry_count(a->r, type); i++) {
		const struct search_param *param = search_registry_at(a->r, type, i);
		if (str_eq(param->url, url) && str_find_char(param->code, '$', 0) == STR_NONE)
			return param;
	}
	return NULL;
}

/* What a component means from the resource on: each way to an element, then each way from there. */
static struct str path_of_part(struct adding *a, struct str root, struct str expression)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	if (str_starts(expression, S("%resource")))
		buf_add(&out, expression);
	else
		for (struct str roots = root; roots.p;) {
			struct str from = next_alternative(&roots);
			for (struct str rest = expression; rest.p;) {
				struct str way = next_alternative(&rest);
				bool plain = way.n && way.p[0] != '(' && str_find_char(way, ' ', 0) == STR_NONE;
				buf_printf(&out, "%s%.*s.%s%.*s%s", out.n ? " | " : "", STR_ARG(from),
					   plain ? "" : "select(", STR_ARG(way), plain ? "" : ")");
			}
		}
	struct str path = buf_ok(&out) ? arena_str(&a->r->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return path;
}

/* A part inside of a repeating element is a parameter of its own, found from that element. */
static bool give_part(struct adding *a, const struct fhir_type *type, struct str root, const struct json *from,
		      const struct search_param *plain, struct search_component *part, size_t number)
{
	struct str expression = json_get_str(from, S("expression"));
	struct str code = arena_printf(&a->r->arena, "%.*s$%zu", STR_ARG(a->code), number);
	struct str whole = path_of_part(a, root, expression);
	if (!code.p || !whole.p)
		return error_memory(a->err);
	struct adding own = *a;
	own.targets = (struct str *)(uintptr_t)plain->targets;
	own.target_count = plain->target_count;
	part->param = compiles(a, type, whole) ? give(&own, type, code, plain->type, whole) : NULL;
	part->whole = str_starts(expression, S("%resource"));
	return part->param != NULL;
}

static bool give_parts(struct adding *a, const struct fhir_type *type, struct search_param *composite)
{
	const struct json *list = json_get(a->resource, S("component"));
	size_t count = json_size(list);
	bool over_resource = str_eq(composite->expression, type->name);
	if (count < 2 || count > MAX_COMPONENTS)
		return bad(a, ERR_VALUE, "a composite has two components or more, at most 8");
	struct search_component *parts = ARENA_ARRAY(&a->r->arena, struct search_component, count);
	if (!parts)
		return error_memory(a->err);
	size_t at = 0;
	for (struct json_iter it = json_iter(list); json_next(&it); at++) {
		const struct search_param *plain = param_of_url(a, type, json_get_str(it.value, S("definition")));
		if (!plain || plain->type == PARAM_COMPOSITE || plain->type == PARAM_SPECIAL)
			return bad(a, ERR_VALUE, "a component's definition is no parameter of the same type");
		if (!json_get_str(it.value, S("expression")).n)
			return bad(a, ERR_REQUIRED, "a component's expression is missing");
		parts[at] = (struct search_component){plain, true};
		if (!over_resource && !give_part(a, type, composite->expression, it.value, plain, &parts[at], at + 1))
			return false;
	}
	composite->components = parts;
	composite->component_count = count;
	return true;
}

/* Elements are told apart by their number among those of one name. */
static bool repeats_over_one(struct adding *a, const struct fhir_type *type, struct str expression)
{
	size_t alternatives = 0;
	for (struct str rest = expression; rest.p;)
		alternatives += !str_eq(next_alternative(&rest), type->name);
	return alternatives <= 1 || bad(a, ERR_NOT_SUPPORTED, "a composite over several elements is not supported");
}

/* An expression without its spaces and parentheses, and with one spelling of the choice of a type, for comparing.
 */
static struct str spelling(struct arena *a, struct str expression)
{
	static const struct {
		struct str from, to;
	} same[] = {
		{S(" as "), S(".as(")}, {S(".ofType("), S(".as(")}, {S(")"), S("")}, {S("("), S("")}, {S(" "), S("")}};
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]) && expression.p; i++) {
		struct buf out;
		buf_init(&out, 1 << 16);
		for (size_t at = 0; at < expression.n;) {
			struct str rest = str_slice(expression, at, expression.n);
			bool here = str_starts(rest, same[i].from);
			buf_add(&out, here ? same[i].to : str_slice(rest, 0, 1));
			at += here ? same[i].from.n : 1;
		}
		expression = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
		buf_done(&out);
	}
	return expression;
}

/* Does the type have the very parameter already? Published packages repeat those of R4: word for word, or saying that
 * they are derived from it. */
static bool repeats(struct adding *a, const struct search_param *there, struct str expression)
{
	if (there->type != a->type)
		return bad(a, ERR_CONFLICT, "a type that it searches has a parameter of that code and of another type");
	if (str_eq(json_get_str(a->resource, S("derivedFrom")), there->url) || str_eq(there->expression, expression))
		return true;
	struct str one = spelling(&a->r->arena, there->expression), other = spelling(&a->r->arena, expression);
	if (!one.p || !other.p)
		return error_memory(a->err);
	return str_eq(one, other) || error_set(a->err, ERR_CONFLICT,
					       "SearchParameter %.*s: a type that it searches has a parameter of that "
					       "code already, which is %.*s: %.*s",
					       STR_ARG(a->code), STR_ARG(str_slice(there->url, 0, 128)),
					       STR_ARG(str_slice(there->expression, 0, 200)));
}

static bool give_to_type(struct adding *a, const struct fhir_type *type, struct str base)
{
	const struct search_param *there = search_registry_param(a->r, type, a->code);
	struct str expression = expression_of_base(&a->r->arena, a->expression, base);
	if (!expression.p)
		return bad(a, ERR_VALUE, "the expression says nothing for one of its base types");
	if (there)
		return repeats(a, there, expression);
	if (!compiles(a, type, expression) || (a->type == PARAM_COMPOSITE && !repeats_over_one(a, type, expression)))
		return false;
	struct search_param *param = give(a, type, a->code, a->type, expression);
	return param && (a->type != PARAM_COMPOSITE || give_parts(a, type, param));
}

static bool is_base_of(struct str base, const struct fhir_type *type)
{
	while (type && !str_eq(type->name, base))
		type = type->base;
	return type != NULL;
}

/* Those of R4 that are no question about an element (_text, _query), or have no expression, are what the server makes
 * of them. */
static bool is_of_r4(const struct adding *a)
{
	struct str code = json_get_str(a->resource, S("code"));
	if (!str_starts(json_get_str(a->resource, S("url")), S("http://hl7.org/fhir/SearchParameter/")))
		return false;
	for (size_t i = 0; i < definitions_resource_count(a->r->definitions); i++) {
		const struct fhir_type *type = definitions_resource_at(a->r->definitions, i);
		const struct search_param *there = definitions_search_param(type, code);
		if (there && str_eq(there->url, json_get_str(a->resource, S("url"))))
			return !there->expression.n || there->type == PARAM_SPECIAL;
	}
	return code.n && code.p[0] == '_';
}

static bool add_resource(struct search_registry *r, const struct json *resource, struct error *err)
{
	struct adding a = {.r = r, .resource = resource, .err = err};
	if (is_of_r4(&a))
		return true;
	if (!read_head(&a))
		return false;
	for (struct json_iter it = json_iter(json_get(resource, S("base"))); json_next(&it);) {
		struct str base = json_str(it.value);
		bool any = false;
		for (size_t i = 0; i < definitions_resource_count(r->definitions); i++) {
			const struct fhir_type *type = definitions_resource_at(r->definitions, i);
			if (!is_base_of(base, type))
				continue;
			any = true;
			if (!give_to_type(&a, type, base))
				return false;
		}
		if (!any)
			return bad(&a, ERR_VALUE, "a base is no resource type");
	}
	return true;
}

/* ---- whole registries ----------------------------------------------------------------------------------------------
 */

static struct search_registry *registry_empty(const struct definitions *d, struct error *err)
{
	struct search_registry *r = calloc(1, sizeof(*r));
	if (!r) {
		error_memory(err);
		return NULL;
	}
	arena_init(&r->arena, 64 << 20);
	r->definitions = d;
	r->next_id = 1u << 15; /* those of the definitions are a few thousand */
	r->types = ARENA_ARRAY(&r->arena, struct added, definitions_type_count(d));
	if (r->types)
		return r;
	error_memory(err);
	search_registry_free(r);
	return NULL;
}

/* Every type that was given anything can be extracted. */
static bool can_be_extracted(const struct search_registry *r, struct error *err)
{
	for (size_t i = 0; i < definitions_resource_count(r->definitions); i++) {
		const struct fhir_type *type = definitions_resource_at(r->definitions, i);
		struct plan *plan = r->types[type->id].count ? plan_new(r->definitions, r, type, err) : NULL;
		if (r->types[type->id].count && !plan)
			return false;
		plan_free(plan);
	}
	return true;
}

struct search_registry *search_registry_new(const struct definitions *d, const struct json *const *resources,
					    size_t count, struct error *err)
{
	struct search_registry *r = registry_empty(d, err);
	bool ok = r != NULL;
	if (ok && count > MAX_ADDED)
		ok = error_set(err, ERR_LIMIT, "There are more than %d search parameters", MAX_ADDED);
	/* Composites come last, since their parts may be among the others. */
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; ok && i < count; i++) {
			bool composite = str_is(json_get_str(resources[i], S("type")), "composite");
			if (composite == (round == 1) && str_is(json_get_str(resources[i], S("status")), "active"))
				ok = add_resource(r, resources[i], err);
		}
	if (ok && can_be_extracted(r, err))
		return r;
	search_registry_free(r);
	return NULL;
}

void search_registry_free(struct search_registry *r)
{
	if (!r)
		return;
	arena_done(&r->arena);
	free(r);
}

/* A registry with what another one has, but for one resource, for trying that. */
static bool copy_added(struct search_registry *to, const struct search_registry *from, struct str url,
		       struct error *err)
{
	for (size_t i = 0; from && i < definitions_type_count(from->definitions); i++) {
		struct added *added = &to->types[i];
		added->params = ARENA_ARRAY(&to->arena, struct search_param *, from->types[i].count + 1);
		if (!added->params)
			return error_memory(err);
		added->capacity = from->types[i].count + 1;
		for (size_t k = 0; k < from->types[i].count; k++)
			if (!str_eq(from->types[i].params[k]->url, url))
				added->params[added->count++] = from->types[i].params[k];
	}
	return true;
}

bool search_registry_check(const struct definitions *d, const struct search_registry *r, const struct json *resource,
			   size_t *ret_types, struct error *err)
{
	struct search_registry *own = registry_empty(d, err);
	bool ok = own && copy_added(own, r, json_get_str(resource, S("url")), err) &&
		  add_resource(own, resource, err) && can_be_extracted(own, err);
	*ret_types = own ? own->given : 0;
	search_registry_free(own);
	return ok;
}

static bool same_rows(const struct search_param *a, const struct search_param *b)
{
	return a->type == b->type && str_eq(a->expression, b->expression);
}

bool search_registry_added(const struct definitions *d, const struct search_registry *now,
			   const struct search_registry *before, struct arena *a, struct search_added **ret_added,
			   size_t *ret_count, struct error *err)
{
	size_t capacity = 0;
	*ret_added = NULL;
	*ret_count = 0;
	for (size_t i = 0; now && i < definitions_resource_count(d); i++) {
		const struct fhir_type *type = definitions_resource_at(d, i);
		for (size_t k = type->search_param_count; k < search_registry_count(now, type); k++) {
			const struct search_param *param = search_registry_at(now, type, k), *old = NULL;
			for (size_t o = type->search_param_count; o < search_registry_count(before, type) && !old; o++)
				if (str_eq(search_registry_at(before, type, o)->code, param->code))
					old = search_registry_at(before, type, o);
			if (!param_indexed(param) || (old && same_rows(old, param)))
				continue;
			void *grown =
				arena_grow(a, *ret_added, *ret_count, &capacity, *ret_count + 1, sizeof(**ret_added));
			if (!grown)
				return error_memory(err);
			*ret_added = grown;
			(*ret_added)[(*ret_count)++] = (struct search_added){type, param};
		}
	}
	return true;
}
