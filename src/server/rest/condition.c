/*
 * Conditions (http://hl7.org/fhir/R4/http.html#cond-update and its kin): a search that says which resource is meant.
 * The answer comes with a guard, by which the store refuses to commit when something that matches came in between, so
 * that two clients can never both find nothing and both create.
 */
#include "server/rest/rest_priv.h"

/* A condition chooses; what shapes a page has no part in it. It is strict whatever the client prefers: a parameter that
 * is not understood must never widen a write. */
static struct search_query *read_condition(const struct bundle_options *o, const struct fhir_type *type,
					   struct str condition, struct error *err)
{
	const struct rest_preparer *p = &o->preparer;
	struct search_query *q = ARENA_NEW(p->arena, struct search_query);
	struct search_options options = call_search_options(o->call);
	options.lenient = false;
	if (!q) {
		error_memory(err);
		return NULL;
	}
	if (!search_parse(p->definitions, p->arena, type, condition, &options, q, err))
		return NULL;
	if (!q->parts->criterion_count) {
		error_set(err, ERR_VALUE, "The condition has no search parameter that chooses a resource");
		return NULL;
	}
	q->total = TOTAL_NONE;
	q->include_count = q->sort_count = 0;
	q->summary = SUMMARY_FALSE;
	return q;
}

bool condition_find(const struct bundle_options *o, const struct fhir_type *type, struct str condition, size_t max,
		    struct condition_answer *ret_answer, struct error *err)
{
	struct store_page page = {0};
	if (!o->store || !o->call)
		return error_set(err, ERR_NOT_SUPPORTED, "Conditions cannot be answered here");
	struct search_query *q = read_condition(o, type, condition, err);
	if (!q || !rights_to_query(o->call, q, true, err))
		return false;
	q->count = (int64_t)max + 1;
	call_restrict(o->call, q); /* for the guard */
	if (!sight_search(o->call, o->preparer.arena, q, &(struct store_search_options){0}, &page, err))
		return false;
	*ret_answer = (struct condition_answer){
		.entries = page.entries, .count = page.count, .guard = {.query = q, .snapshot = page.snapshot}};
	return true;
}

bool condition_resolve(const struct bundle_options *o, struct str reference, struct str *ret_reference,
		       struct store_guard *ret_guard, struct error *err)
{
	struct condition_answer found;
	struct str condition = reference, name = str_split(&condition, '?');
	const struct fhir_type *type = definitions_resource(o->preparer.definitions, name);
	if (!type)
		return error_set(err, ERR_UNKNOWN_TYPE, "A conditional reference does not start with a resource type");
	if (!condition_find(o, type, condition, 1, &found, err))
		return error_context(err, "In a conditional reference");
	if (found.count != 1)
		return found.count ? error_set(err, ERR_MULTIPLE,
					       "A conditional reference to %.*s matches more than one resource",
					       STR_ARG(name))
				   : error_set(err, ERR_BUSINESS_RULE,
					       "A conditional reference to %.*s matches no resource", STR_ARG(name));
	*ret_guard = found.guard;
	*ret_reference = arena_printf(o->preparer.arena, "%.*s/%.*s", STR_ARG(name), STR_ARG(found.entries[0].id));
	return ret_reference->p || error_memory(err);
}
