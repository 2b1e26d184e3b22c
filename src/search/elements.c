/*
 * Which of the elements that a composite parameter repeats over a value lies in. The planned walk counts them on its
 * way; here they are looked up afterwards, for expressions that are evaluated plainly.
 */
#include "search/search_priv.h"

static bool pairs(const struct search_param *composite, const struct search_param *param)
{
	for (size_t i = 0; i < composite->component_count; i++)
		if (composite->components[i].param == param && !composite->components[i].whole)
			return true;
	return false;
}

bool param_is_paired(const struct search_registry *r, const struct fhir_type *type, const struct search_param *param)
{
	for (size_t i = 0; i < search_registry_count(r, type); i++)
		if (pairs(search_registry_at(r, type, i), param))
			return true;
	return false;
}

static bool contains(const struct json *tree, const struct json *value)
{
	if (tree == value)
		return true;
	if (!json_is(tree, JSON_OBJECT) && !json_is(tree, JSON_ARRAY))
		return false;
	for (struct json_iter it = json_iter(tree); json_next(&it);)
		if (contains(it.value, value))
			return true;
	return false;
}

/* The ordinal, among the elements of one composite, of the one that holds the value; 0 when none does. */
static bool ordinal_in(struct extraction *e, const struct search_param *composite, const struct json *value,
		       uint32_t *ret_ordinal)
{
	struct path_context context = {.resource = e->resource};
	struct path_item focus = path_item_resource(e->definitions, e->resource);
	struct path_items found;
	const struct path_program *program =
		path_compile(e->arena, e->definitions, composite->expression, NULL, e->err);
	uint32_t ordinal = 0;
	if (!program || !path_eval(program, e->arena, &context, &focus, &found, e->err))
		return false;
	for (size_t i = 0; i < found.count; i++) {
		if (found.items[i].value == e->resource)
			continue;
		ordinal++;
		if (contains(found.items[i].value, value))
			*ret_ordinal = ordinal;
	}
	return true;
}

bool item_element(struct extraction *e, const struct search_param *param, const struct json *value,
		  uint32_t *ret_element)
{
	const struct fhir_type *type = resource_type(e->definitions, e->resource, e->err);
	*ret_element = 0;
	for (size_t i = 0; type && i < search_registry_count(e->registry, type) && !*ret_element; i++) {
		const struct search_param *composite = search_registry_at(e->registry, type, i);
		if (pairs(composite, param) && !ordinal_in(e, composite, value, ret_element))
			return false;
	}
	return type != NULL;
}
