/*
 * Conditional references in transactions (http://hl7.org/fhir/R4/http.html#trules): "Practitioner?identifier=..."
 * stands for the one resource that the search finds.
 */
#include "server/rest/rest_priv.h"

bool condition_resolve(const struct bundle_options *o, struct str condition, struct str *ret_reference,
		       struct error *err)
{
	const struct rest_preparer *p = &o->preparer;
	struct search_query query;
	struct store_page page;
	struct str rest = condition, name = str_split(&rest, '?');
	const struct fhir_type *type = definitions_resource(p->definitions, name);
	if (!o->store)
		return error_set(err, ERR_NOT_SUPPORTED, "Conditional references cannot be resolved here");
	if (!type)
		return error_set(err, ERR_UNKNOWN_TYPE, "A conditional reference does not start with a resource type");
	if (!search_parse(p->definitions, p->arena, type, rest, &(struct search_options){.base = p->base}, &query, err))
		return error_context(err, "In a conditional reference");
	if (!query.parts->criterion_count)
		return error_set(err, ERR_VALUE, "A conditional reference has no criteria");
	query.count = 2; /* enough to see that it is not one */
	query.total = TOTAL_NONE;
	query.include_count = 0;
	query.summary = SUMMARY_FALSE;
	if (!store_search(o->store, p->arena, &query, &(struct store_search_options){0}, &page, err))
		return false;
	if (page.match_count != 1)
		return page.match_count
			       ? error_set(err, ERR_MULTIPLE,
					   "A conditional reference to %.*s matches more than one resource",
					   STR_ARG(name))
			       : error_set(err, ERR_BUSINESS_RULE,
					   "A conditional reference to %.*s matches no resource", STR_ARG(name));
	*ret_reference = arena_printf(p->arena, "%.*s/%.*s", STR_ARG(name), STR_ARG(page.entries[0].id));
	return ret_reference->p || error_memory(err);
}
