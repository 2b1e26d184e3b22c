/*
 * Parameters that Epic looks at only after a page was fetched (documented since May 2024): the page gets shorter, down
 * to nothing, and may have a next link all the same. Native parameters are those of the type's table; every other one
 * that R4 knows is such a filter.
 */
#include "sandbox/epic_priv.h"
#include "sandbox/faults_priv.h"

bool epic_is_filter(const struct sandbox *s, const struct fhir_type *type, const struct face_type *row, struct str name)
{
	return behaves(s, BEHAVIOUR_POST_FILTER, "on") && released(s, "2024-05") && !face_listed(row->params, name) &&
	       definitions_search_param(type, name);
}

/* The filters of a query as a query of their own; empty when there are none. */
static struct str filters_of(const struct sandbox *s, struct rest_call *call, struct str query)
{
	const struct face_type *row = face_type(s, call->type_name);
	struct str out = S("");
	struct face_param p;
	while (face_param_next(&query, &p)) {
		if (epic_is_filter(s, call->type, row, p.name))
			out = arena_printf(call->arena, "%.*s%s%.*s", STR_ARG(out), out.n ? "&" : "", STR_ARG(p.pair));
	}
	return out;
}

static bool meets(const struct sandbox *s, struct rest_call *call, const struct search_query *filter,
		  const struct store_entry *entry, bool *ret_meets, struct error *err)
{
	struct index_rows rows = {0};
	const struct json *resource = json_parse(call->arena, entry->body, 0, err);
	if (!resource || !extract(s->o.extractor, call->arena, resource, s->fhir_base, &rows, err))
		return false;
	*ret_meets = search_matches(filter, &rows, entry->id, entry->updated_ms);
	return true;
}

bool epic_filter(const struct sandbox *s, struct rest_call *call, struct str query, const struct store_page *page,
		 struct store_page *ret_page, struct error *err)
{
	struct search_query filter;
	struct str text = filters_of(s, call, query);
	*ret_page = *page;
	if (!text.n || face_has(query, S("_id")))
		return true;
	if (!search_parse(s->o.definitions, call->arena, call->type, text, NULL, &filter, err))
		return false;
	struct store_entry *kept = ARENA_ARRAY(call->arena, struct store_entry, page->count + 1);
	if (!kept)
		return error_memory(err);
	ret_page->entries = kept;
	ret_page->count = ret_page->match_count = 0;
	ret_page->total = -1;
	for (size_t i = 0; i < page->count; i++) {
		bool fits = page->entries[i].included;
		if (!fits && !meets(s, call, &filter, &page->entries[i], &fits, err))
			return false;
		if (!fits)
			continue;
		ret_page->match_count += !page->entries[i].included;
		kept[ret_page->count++] = page->entries[i];
	}
	return true;
}
