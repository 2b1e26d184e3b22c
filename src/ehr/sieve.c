/* Search parameters applied on this side: what a vendor ignores must hold all the same. */
#include <stdlib.h>

#include "ehr/plan.h"
#include "search/search.h"
#include "fhir/resource.h"

struct ehr_sieve {
	struct arena arena; /* the parsed query */
	struct extractor *extractor;
	const struct fhir_type *type;
	struct str base;
	struct search_query query;
};

struct ehr_sieve *ehr_sieve_new(const struct definitions *d, const struct fhir_type *type, struct str query,
				struct str base, struct error *err)
{
	struct ehr_sieve *s = calloc(1, sizeof *s);
	if (!s) {
		error_memory(err);
		return NULL;
	}
	arena_init(&s->arena, 16 << 20);
	s->type = type;
	s->base = arena_str(&s->arena, base);
	struct str copy = arena_str(&s->arena, query);
	const struct search_options options = {.base = s->base};
	if (!s->base.p || !copy.p)
		error_memory(err);
	else if (search_parse(d, &s->arena, type, copy, &options, &s->query, err)) {
		s->extractor = extractor_new(d, err);
		if (s->extractor)
			return s;
	}
	ehr_sieve_free(s);
	return NULL;
}

void ehr_sieve_free(struct ehr_sieve *s)
{
	if (!s)
		return;
	extractor_free(s->extractor);
	arena_done(&s->arena);
	free(s);
}

bool ehr_sieve_holds(struct ehr_sieve *s, struct arena *a, const struct json *resource, bool *ret_holds,
		     struct error *err)
{
	struct index_rows rows;
	int64_t low = 0, high;
	if (!extract(s->extractor, a, resource, s->base, &rows, err))
		return false;
	date_range(json_get_str(json_get(resource, S("meta")), S("lastUpdated")), &low, &high);
	const struct search_resource r = {.type = s->type,
					  .id = json_get_str(resource, S("id")),
					  .updated_ms = low,
					  .rows = &rows,
					  .body = resource};
	*ret_holds = true;
	if (!s->query.part_count)
		return true;
	const struct search_part *part = &s->query.parts[0];
	for (size_t i = 0; i < part->criterion_count && *ret_holds; i++)
		if (!search_body_meets(s->extractor, a, &part->criteria[i], &r, NULL, ret_holds, err))
			return false;
	return true;
}
