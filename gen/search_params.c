/*
 * SearchParameters, given to the resource types they search. A parameter may serve many types with one expression whose
 * alternatives are joined by `|`: each type gets the alternatives that start at it.
 *
 * Which ones count: those published as part of R4, which carry its version and name their base types. The package also
 * holds examples of what a SearchParameter looks like; these have another version or none.
 */
#include "model.h"
#include "search/alternatives.h"

#include <stdlib.h>

#define RELEASE "4.0.1"

static const char *const type_names[] = {"number",    "date",	  "string", "token",  "reference",
					 "composite", "quantity", "uri",    "special"};

static bool param_type(struct str text, unsigned *ret_type)
{
	for (unsigned i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
		if (str_is(text, type_names[i])) {
			*ret_type = i;
			return true;
		}
	}
	return false;
}

static bool is_base_of(const struct model *m, struct str base, const struct model_type *type)
{
	while (type && !str_eq(type->name, base))
		type = type->base.n ? model_type(m, type->base) : NULL;
	return type != NULL;
}

static bool give_param(struct model *m, struct model_type *type, const struct model_param *param, struct error *err)
{
	for (size_t i = 0; i < type->param_count; i++)
		if (str_eq(type->params[i].code, param->code))
			return error_set(err, ERR_STRUCTURE, "%.*s has two search parameters %.*s", STR_ARG(type->name),
					 STR_ARG(param->code));
	struct model_param *params = arena_grow(&m->arena, type->params, type->param_count, &type->param_capacity,
						type->param_count + 1, sizeof(*params));
	if (!params)
		return error_memory(err);
	type->params = params;
	params[type->param_count++] = *param;
	return true;
}

/* A composite over the resource itself pairs nothing; elsewhere only what names the resource is of the whole. */
static bool read_components(struct model *m, const struct json *resource, struct str base, struct model_param *param,
			    struct error *err)
{
	const struct json *list = json_get(resource, S("component"));
	if (!json_size(list))
		return true;
	param->components = ARENA_ARRAY(&m->arena, struct model_component, json_size(list));
	if (!param->components)
		return error_memory(err);
	param->component_count = 0;
	for (struct json_iter it = json_iter(list); json_next(&it);)
		param->components[param->component_count++] = (struct model_component){
			.url = json_get_str(it.value, S("definition")),
			.whole = str_eq(param->expression, base) ||
				 str_starts(json_get_str(it.value, S("expression")), S("%resource"))};
	return true;
}

static bool give_to_base(struct model *m, struct str base, const struct json *resource, struct model_param param,
			 struct error *err)
{
	param.expression = expression_of_base(&m->arena, json_get_str(resource, S("expression")), base);
	/* `_id` and the like are questions that a server answers without an expression. */
	if (!param.expression.p && json_get(resource, S("expression")))
		return error_set(err, ERR_STRUCTURE, "the search parameter %.*s has no expression for %.*s",
				 STR_ARG(param.code), STR_ARG(base));
	if (!read_components(m, resource, base, &param, err))
		return false;
	for (size_t i = 0; i < m->type_count; i++) {
		struct model_type *type = &m->types[i];
		if (type->kind == MODEL_RESOURCE && !type->abstract && is_base_of(m, base, type) &&
		    !give_param(m, type, &param, err))
			return false;
	}
	return true;
}

static bool add_one(struct model *m, const struct json *resource, struct error *err)
{
	const struct json *bases = json_get(resource, S("base")), *targets = json_get(resource, S("target"));
	struct model_param param = {.code = json_get_str(resource, S("code")), .url = json_get_str(resource, S("url"))};
	if (!str_is(json_get_str(resource, S("version")), RELEASE) || !json_size(bases) ||
	    json_bool(json_get(resource, S("experimental"))))
		return true;
	if (!param_type(json_get_str(resource, S("type")), &param.type))
		return error_set(err, ERR_STRUCTURE, "the search parameter %.*s has no type", STR_ARG(param.url));
	param.targets = ARENA_ARRAY(&m->arena, struct str, json_size(targets) ? json_size(targets) : 1);
	if (!param.targets)
		return error_memory(err);
	for (struct json_iter it = json_iter(targets); json_next(&it);)
		param.targets[param.target_count++] = json_str(it.value);
	for (struct json_iter it = json_iter(bases); json_next(&it);)
		if (!give_to_base(m, json_str(it.value), resource, param, err))
			return false;
	return true;
}

static int by_code(const void *a, const void *b)
{
	return str_cmp(((const struct model_param *)a)->code, ((const struct model_param *)b)->code);
}

bool model_add_search_params(struct model *m, struct error *err)
{
	for (size_t i = 0; i < m->search_param_count; i++)
		if (!add_one(m, m->search_params[i], err))
			return false;
	for (size_t i = 0; i < m->type_count; i++)
		if (m->types[i].param_count)
			qsort(m->types[i].params, m->types[i].param_count, sizeof(*m->types[i].params), by_code);
	return true;
}
