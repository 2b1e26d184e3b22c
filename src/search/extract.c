/*
 * The extractor: one plan per resource type, made when the type is first seen. Making all of them at start-up would
 * cost more than a short-lived process ever uses; two threads that meet a new type at once both make the plan and the
 * slower one throws its own away, so no lock is needed.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "search/plan_priv.h"

struct extractor {
	const struct definitions *definitions;
	const struct search_registry *registry;
	size_t count;
	struct unit_cache units;
	_Atomic(struct plan *) plans[]; /* by type id */
};

struct extractor *extractor_new(const struct definitions *d, struct error *err)
{
	return extractor_new_registry(d, NULL, err);
}

struct extractor *extractor_new_registry(const struct definitions *d, const struct search_registry *r,
					 struct error *err)
{
	size_t count = definitions_type_count(d);
	struct extractor *x = calloc(1, sizeof(*x) + count * sizeof(x->plans[0]));
	if (!x) {
		error_memory(err);
		return NULL;
	}
	x->definitions = d;
	x->registry = r;
	x->count = count;
	return x;
}

void extractor_free(struct extractor *x)
{
	if (!x)
		return;
	unit_cache_done(&x->units);
	for (size_t i = 0; i < x->count; i++)
		plan_free(atomic_load(&x->plans[i]));
	free(x);
}

static const struct plan *plan_of(const struct extractor *shared, const struct fhir_type *type, struct error *err)
{
	/* Filling a place of the table changes nothing that a caller can see. */
	struct extractor *x = (struct extractor *)(uintptr_t)shared;
	struct plan *plan = atomic_load_explicit(&x->plans[type->id], memory_order_acquire);
	if (plan)
		return plan;
	struct plan *made = plan_new(x->definitions, x->registry, type, err);
	if (!made)
		return NULL;
	if (atomic_compare_exchange_strong(&x->plans[type->id], &plan, made))
		return made;
	plan_free(made);
	return plan;
}

const struct definitions *extractor_definitions(const struct extractor *x)
{
	return x->definitions;
}

const struct path_program *extractor_program(const struct extractor *x, struct arena *a, const struct fhir_type *type,
					     const struct search_param *param, struct error *err)
{
	const struct plan *plan = plan_of(x, type, err);
	const struct path_program *program = NULL;
	for (size_t i = 0; plan && !program && i < search_registry_count(x->registry, type); i++)
		if (str_eq(search_registry_at(x->registry, type, i)->code, param->code))
			program = plan->compiled[i];
	/* One that was added, and the extractor is of the definitions alone. */
	static const struct path_options options = {.as_filters = true};
	if (plan && !program && param->added)
		program = path_compile(a, x->definitions, param->expression, &options, err);
	else if (plan && !program)
		error_set(err, ERR_INTERNAL, "A search parameter is not of the type that it is searched in");
	return program;
}

static struct str without_slash(struct str base)
{
	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	return base.n ? base : STR_NULL;
}

bool extract(const struct extractor *x, struct arena *a, const struct json *resource, struct str base,
	     struct index_rows *ret_rows, struct error *err)
{
	const struct fhir_type *type = resource_type(x->definitions, resource, err);
	const struct plan *plan = type ? plan_of(x, type, err) : NULL;
	struct index_rows rows = {0};
	/* As with plans, filling a place of the table changes nothing that a caller can see. */
	struct extraction e = {.definitions = x->definitions,
			       .registry = x->registry,
			       .units = (struct unit_cache *)(uintptr_t)&x->units,
			       .arena = a,
			       .resource = resource,
			       .base = without_slash(base),
			       .rows = &rows,
			       .err = err};
	if (!plan || !plan_run(plan, &e) || !removed_rows(&e, type))
		return false;
	rows_settle(&e);
	*ret_rows = rows;
	return true;
}

static bool extract_param(struct extraction *e, const struct fhir_type *type, const struct search_param *param,
			  const struct path_item *item)
{
	bool paired = param_is_paired(e->registry, type, param);
	struct path_context context = {.resource = e->resource};
	struct path_items found;
	static const struct path_options options = {.as_filters = true};
	const struct path_program *program =
		path_compile(e->arena, e->definitions, param->expression, &options, e->err);
	if (!program || !path_eval(program, e->arena, &context, item, &found, e->err))
		return false;
	for (size_t i = 0; i < found.count; i++) {
		e->row_element = 0;
		if (paired && !item_element(e, param, found.items[i].value, &e->row_element))
			return false;
		if (!rows_of_item(e, param, &found.items[i]))
			return false;
	}
	return true;
}

bool extract_plainly(const struct definitions *d, const struct search_registry *r, struct arena *a,
		     const struct json *resource, struct str base, struct index_rows *ret_rows, struct error *err)
{
	const struct fhir_type *type = resource_type(d, resource, err);
	struct index_rows rows = {0};
	struct path_item item = path_item_resource(d, resource);
	struct extraction e = {.definitions = d,
			       .registry = r,
			       .arena = a,
			       .resource = resource,
			       .base = without_slash(base),
			       .rows = &rows,
			       .err = err};
	for (size_t i = 0; type && i < search_registry_count(r, type); i++)
		if (param_indexed(search_registry_at(r, type, i)) &&
		    !extract_param(&e, type, search_registry_at(r, type, i), &item))
			return false;
	if (!type || !removed_rows(&e, type))
		return false;
	rows_settle(&e);
	*ret_rows = rows;
	return true;
}
