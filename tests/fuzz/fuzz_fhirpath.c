/*
 * FHIRPath expressions from anywhere, compiled and evaluated on a small resource. The first byte chooses the mode, the
 * rest is the expression. Beyond not crashing: a failure says why and where, the same evaluation gives the same result
 * twice, and what it means as a condition agrees with its items.
 */
#include <assert.h>

#include "fhirpath/fhirpath.h"
#include "fuzz.h"

static const char resource_text[] =
	"{\"resourceType\":\"Observation\",\"id\":\"o\",\"extension\":[{\"url\":\"http://x/e\",\"valueDate\":\"2020-"
	"02\"}],\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"p\",\"active\":true,\"name\":[{\"family\":"
	"\"Gr\\u00fcn\","
	"\"given\":[\"Ada\",null],\"_given\":[null,{\"id\":\"g\"}]}]}],\"status\":\"final\",\"code\":{\"coding\":[{"
	"\"system\":\"http://"
	"loinc.org\",\"code\":\"8302-2\"}]},\"subject\":{\"reference\":\"#p\"},\"effectiveDateTime\":"
	"\"2020-03-14T10:30:00+02:00\",\"issued\":\"2020-03-14T10:30:00.123Z\",\"valueQuantity\":{\"value\":1.80,"
	"\"unit\":"
	"\"m\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"m\"},\"component\":[{\"code\":{\"text\":\"a\"},"
	"\"valueString\":\"x "
	"y\"},{\"code\":{\"text\":\"b\"},\"valueInteger\":2},{\"code\":{\"text\":\"c\"},\"valueQuantity\":"
	"{\"value\":2,\"code\":\"a\",\"system\":\"http://unitsofmeasure.org\"}}]}";

struct run {
	const struct definitions *definitions;
	const struct path_program *program;
	struct path_context context;
	struct path_item focus;
};

/* The items as text; false when evaluating fails. */
static bool describe(const struct run *r, struct buf *out, int *ret_truth, bool *ret_one)
{
	struct arena a;
	struct error err = {0};
	struct path_items items = {0};
	arena_init(&a, 32 << 20);
	bool ok = path_eval(r->program, &a, &r->context, &r->focus, &items, &err);
	assert(ok || (err.code != ERR_NONE && err.text[0]));
	for (size_t i = 0; i < items.count && i < 1000; i++) {
		struct json_writer w = json_writer(out);
		buf_add(out, path_item_type_name(&a, &items.items[i]));
		path_item_write(&w, &items.items[i]);
		path_item_print(out, &items.items[i]);
	}
	*ret_one = ok && items.count <= 1 && path_truth(&items, ret_truth, &err);
	arena_done(&a);
	return ok;
}

static void check(const struct run *r)
{
	struct buf first, again;
	struct arena a;
	struct error err = {0};
	int truth = 0, other = 0;
	bool one = false, one_again;
	buf_init(&first, 64 << 20);
	buf_init(&again, 64 << 20);
	bool ok = describe(r, &first, &truth, &one);
	assert(ok == describe(r, &again, &other, &one_again));
	assert(str_eq(buf_str(&first), buf_str(&again)));
	arena_init(&a, 32 << 20);
	if (one) {
		assert(path_eval_truth(r->program, &a, &r->context, &r->focus, &other, &err));
		assert(truth == other);
	}
	buf_reset(&first);
	path_explain(&first, r->program);
	arena_done(&a);
	buf_done(&again);
	buf_done(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct error err = {0};
	unsigned mode = size ? data[0] : 0;
	struct str expression = str_make((const char *)data + (size ? 1 : 0), size ? size - 1 : 0);
	arena_init(&a, 64 << 20);
	struct run r = {.definitions = mode & 2 ? NULL : definitions_builtin()};
	const struct json *resource = json_parse(&a, str_from(resource_text), 0, &err);
	assert(resource);
	r.focus = path_item_resource(r.definitions, resource);
	r.context = (struct path_context){.resource = resource, .clock = true, .now_ms = 1704067200123, .zone = 60};
	const struct path_options options = {
		.start = mode & 8 ? r.focus.type : NULL, .strict = mode & 1, .as_filters = mode & 4};
	r.program = path_compile(&a, r.definitions, expression, &options, &err);
	assert(r.program || (err.code != ERR_NONE && err.text[0]));
	assert(r.program || err.code != ERR_VALUE || (err.line && err.column));
	if (r.program)
		check(&r);
	arena_done(&a);
	return 0;
}
