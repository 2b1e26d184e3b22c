/*
 * The score of one patient, from the Conditions in our store: what the EHR said at the last pull, whichever run that
 * was.
 */
#include "population/population_priv.h"

enum { CONDITIONS_MAX = 100000 };

struct conditions {
	const struct json **items;
	size_t count, capacity;
};

static bool read_conditions(struct population_run *run, struct arena *a, struct str local_id,
			    struct conditions *ret_conditions, struct error *err)
{
	const struct definitions *d = run->options->definitions;
	struct search_query query;
	struct store_search_options options = {.position = STR_NULL};
	struct str text = arena_printf(a, "patient=Patient/%.*s&_count=%d", STR_ARG(local_id), SEARCH_COUNT_MAX);
	if (!text.p || !search_parse(d, a, definitions_resource(d, S("Condition")), text, &(struct search_options){0},
				     &query, err))
		return text.p ? false : error_memory(err);
	do {
		struct store_page page;
		if (!store_search(run->options->store, a, &query, &options, &page, err))
			return false;
		for (size_t i = 0; i < page.count; i++) {
			const struct json *condition = json_parse(a, page.entries[i].body, 0, err);
			const struct json **items =
				arena_grow(a, ret_conditions->items, ret_conditions->count, &ret_conditions->capacity,
					   ret_conditions->count + 1, sizeof *items);
			if (!condition || !items)
				return error_memory(err);
			ret_conditions->items = items;
			ret_conditions->items[ret_conditions->count++] = condition;
		}
		options.position = page.next;
	} while (options.position.p && ret_conditions->count < CONDITIONS_MAX);
	return true;
}

void population_score(struct population_run *run, struct arena *scratch, struct population_patient *patient)
{
	struct conditions conditions = {0};
	struct charlson_score score = {0};
	struct error err = {0};
	if (!read_conditions(run, scratch, patient->local_id, &conditions, &err) ||
	    !charlson_score(run->options->charlson, scratch, conditions.items, conditions.count, &score, &err)) {
		population_trouble(run, patient, "No score could be computed: %s", err.text);
		return;
	}
	patient->scored = true;
	patient->score = score.score;
	patient->unverified = score.unverified;
}
