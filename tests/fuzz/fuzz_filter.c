/*
 * _filter and _text from anywhere. The input is two lines: a resource type, and a filter (the rest). Beyond not
 * crashing: what is refused says why and where, what parses has the same answer again from its self link, and `not (x)`
 * is the opposite of `x`.
 */
#include <assert.h>

#include "base/encode.h"
#include "fuzz.h"
#include "search/search.h"

static const char resource_text[] =
	"{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http:/"
	"/loinc.org\","
	"\"code\":\"8302-2\",\"display\":\"Body "
	"height\"}]},\"subject\":{\"reference\":\"Patient/1\"},\"effectiveDateTime\":"
	"\"2020-03-14\",\"valueQuantity\":{\"value\":1.80,\"system\":\"http://unitsofmeasure.org\",\"code\":\"m\"}}";

struct world {
	struct arena *arena;
	struct extractor *extractor;
	struct search_resource resource;
};

static bool ask(struct world *w, const char *name, const char *before, struct str text, const char *after,
		bool *ret_meets, struct str *ret_self)
{
	struct buf b;
	struct search_query q;
	struct error err = {0};
	buf_init(&b, 1 << 20);
	buf_printf(&b, "%s=", name);
	encode_percent(&b, str_from(before));
	encode_percent(&b, text);
	encode_percent(&b, str_from(after));
	struct str query = arena_str(w->arena, buf_str(&b));
	buf_done(&b);
	if (!search_parse(definitions_builtin(), w->arena, w->resource.type, query, NULL, &q, &err)) {
		assert(err.code != ERR_NONE && err.text[0]);
		return false;
	}
	*ret_self = q.self;
	*ret_meets = true;
	for (size_t i = 0; i < q.parts->criterion_count && *ret_meets; i++)
		if (!search_body_meets(w->extractor, w->arena, &q.parts->criteria[i], &w->resource, NULL, ret_meets,
				       &err))
			return false;
	return true;
}

static void check(struct world *w, const char *name, struct str text)
{
	struct str self, again;
	struct search_query q;
	struct error err = {0};
	bool meets, opposite;
	if (!ask(w, name, "", text, "", &meets, &self))
		return;
	if (search_parse(definitions_builtin(), w->arena, w->resource.type, self, NULL, &q, &err))
		assert(str_eq(q.self, self));
	else
		assert(err.code == ERR_LIMIT || err.code == ERR_MEMORY);
	if (ask(w, name, "not (", text, ")", &opposite, &again))
		assert(opposite != meets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct extractor *extractor;
	const struct definitions *d = definitions_builtin();
	struct error err = {0};
	struct arena a;
	struct index_rows rows = {0};
	if (!extractor)
		extractor = extractor_new(d, &err);
	struct str rest = str_make((const char *)data, size), name = str_split(&rest, '\n');
	const struct fhir_type *type = definitions_resource(d, name);
	arena_init(&a, 64 << 20);
	const struct json *body = json_parse(&a, str_from(resource_text), 0, &err);
	if (extractor && body && rest.n && extract(extractor, &a, body, STR_NULL, &rows, &err)) {
		struct world w = {&a, extractor, {.type = type ? type : definitions_resource(d, S("Observation"))}};
		w.resource.id = S("o");
		w.resource.rows = &rows;
		w.resource.body = type && !str_is(name, "Observation") ? NULL : body;
		check(&w, "_filter", rest);
		check(&w, "_text", rest);
		check(&w, "_content", rest);
	}
	arena_done(&a);
	return 0;
}
