/*
 * Query strings and FHIRPath expressions from anywhere. The input is three lines: a resource type, a query, and an
 * expression (the rest). Beyond not crashing: what parses must parse again from its self link to the same self link and
 * the same answer.
 */
#include <assert.h>

#include "fhirpath/fhirpath.h"
#include "fuzz.h"
#include "search/search.h"

static const char resource_text[] = "{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\",\"code\":{"
				    "\"coding\":[{\"system\":\"http://loinc.org\","
				    "\"code\":\"8302-2\"}],\"text\":\"Height\"},\"subject\":{\"reference\":\"Patient/"
				    "1\"},\"effectiveDateTime\":\"2020-03-14\","
				    "\"valueQuantity\":{\"value\":1.80,\"unit\":\"m\"},\"component\":[{\"valueString\":"
				    "\"x\"},{\"valueQuantity\":{\"value\":2}}]}";

static void check_query(struct arena *a, const struct fhir_type *type, struct str query, const struct index_rows *rows)
{
	const struct definitions *d = definitions_builtin();
	const struct search_options options = {.base = S("http://localhost/fhir"), .now_ms = 1704067200000};
	struct search_query first, again;
	struct error err = {0};
	if (!search_parse(d, a, type, query, &options, &first, &err)) {
		assert(err.code != ERR_NONE && err.text[0]);
		return;
	}
	bool matches = search_matches(&first, rows, S("o"), 0);
	bool ok = search_parse(d, a, type, first.self, &options, &again, &err);
	/* An encoded query can be longer than the one it came from and pass the limit. */
	if (!ok && (err.code == ERR_LIMIT || err.code == ERR_MEMORY))
		return;
	assert(ok && str_eq(first.self, again.self));
	assert(search_matches(&again, rows, S("o"), 0) == matches);
}

static void check_expression(struct arena *a, struct str expression, const struct json *resource)
{
	const struct definitions *d = definitions_builtin();
	struct error err = {0};
	struct path_items items;
	const struct path_program *program = path_compile(a, d, expression, NULL, &err);
	assert(program || err.code != ERR_NONE);
	struct path_context context = {.resource = resource};
	struct path_item focus = path_item_resource(d, resource);
	if (program && !path_eval(program, a, &context, &focus, &items, &err))
		assert(err.code != ERR_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct extractor *extractor;
	const struct definitions *d = definitions_builtin();
	struct error err = {0};
	if (!extractor)
		extractor = extractor_new(d, &err);
	struct str rest = str_make((const char *)data, size);
	struct str name = str_split(&rest, '\n'), query = rest.p ? str_split(&rest, '\n') : S("");
	const struct fhir_type *type = definitions_resource(d, name);
	struct arena a;
	struct index_rows rows = {0};
	arena_init(&a, 64 << 20);
	const struct json *resource = json_parse(&a, str_from(resource_text), 0, &err);
	if (extractor && resource && extract(extractor, &a, resource, STR_NULL, &rows, &err)) {
		check_query(&a, type ? type : definitions_resource(d, S("Observation")), query, &rows);
		check_expression(&a, rest.p ? rest : S(""), resource);
	}
	arena_done(&a);
	return 0;
}
