/* What our store holds of one patient's resources of a type. */
#include "population/population_priv.h"

enum { STORED_MAX = 1000000 };

bool population_stored(struct population_run *run, struct arena *a, struct str type, struct str local_id,
		       struct store_entry **ret_entries, size_t *ret_count, struct error *err)
{
	const struct definitions *d = run->options->definitions;
	struct search_query query;
	struct store_search_options options = {.position = STR_NULL};
	struct store_entry *entries = NULL;
	size_t count = 0, capacity = 0;
	struct str text = arena_printf(a, "patient=Patient/%.*s&_count=%d", STR_ARG(local_id), SEARCH_COUNT_MAX);
	if (!text.p)
		return error_memory(err);
	if (!search_parse(d, a, definitions_resource(d, type), text, &(struct search_options){0}, &query, err))
		return false;
	do {
		struct store_page page;
		if (!store_search(run->options->store, a, &query, &options, &page, err))
			return false;
		struct store_entry *grown =
			arena_grow(a, entries, count, &capacity, count + page.count + 1, sizeof *entries);
		if (!grown)
			return error_memory(err);
		entries = grown;
		if (page.count)
			memcpy(entries + count, page.entries, page.count * sizeof *entries);
		count += page.count;
		options.position = page.next;
	} while (options.position.p && count < STORED_MAX);
	*ret_entries = entries;
	*ret_count = count;
	return true;
}
