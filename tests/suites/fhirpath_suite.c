/*
 * Runs the FHIRPath suite of FHIR R4 in its JSON form. Usage: fhirpath_suite DIRECTORY, which holds tests-fhir-r4.json
 * and input-json/. A line per failing case, then "N passed, N failed, N not supported". A case is not supported when
 * compiling refuses it as such; everything that compiles must be right. Strict mode needs a type checker: not
 * supported.
 */
#include <stdio.h>

#include "base/file.h"
#include "fhirpath/fhirpath.h"

/* Cases we answer otherwise, with the reason. A case that passes must leave the list. */
static const char *const known[] = {
	"testPolymorphicsB", /* unknown elements are empty without a type checker, not an error */
	"testFHIRPathAsFunction21", /* as() filters collections, as the search parameters of R4 need */
};

enum outcome { PASSED, FAILED, NOT_SUPPORTED, OUTCOME_COUNT };

static const struct json *read_json(struct arena *a, const char *directory, struct str name, struct error *err)
{
	struct str path = arena_printf(a, "%s/%.*s", directory, STR_ARG(name)), text;
	return path.p && file_read(a, path, 64 << 20, &text, err) ? json_parse(a, text, 0, err) : NULL;
}

static struct str item_text(const struct path_item *item)
{
	if (item->kind == PATH_BOOLEAN)
		return item->truth ? S("true") : S("false");
	if (item->kind != PATH_ELEMENT)
		return item->text;
	if (json_is(item->value, JSON_BOOL))
		return json_bool(item->value) ? S("true") : S("false");
	struct str text = json_str(item->value);
	return text.p ? text : json_number(item->value);
}

static bool outputs_match(const struct json *test, const struct path_items *items)
{
	const struct json *outputs = json_get(test, S("outputs"));
	/* "predicate": only whether there is anything. */
	if (str_is(json_get_str(test, S("predicate")), "true"))
		return items->count > 0;
	if (json_size(outputs) != items->count)
		return false;
	for (size_t i = 0; i < items->count; i++) {
		struct str wanted = json_get_str(json_at(outputs, i), S("value"));
		if (wanted.p && !str_eq(wanted, item_text(&items->items[i])))
			return false;
	}
	return true;
}

static enum outcome run(struct arena *a, const char *directory, const struct json *test, struct error *err)
{
	const struct definitions *d = definitions_builtin();
	bool invalid = json_get(test, S("invalid"));
	if (str_is(json_get_str(test, S("mode")), "strict"))
		return NOT_SUPPORTED;
	const struct path_program *program = path_compile(a, d, json_get_str(test, S("expression")), NULL, err);
	if (!program && err->code == ERR_NOT_SUPPORTED)
		return NOT_SUPPORTED;
	if (!program)
		return invalid ? PASSED : FAILED;
	struct str input = json_get_str(test, S("inputfile"));
	if (!input.p)
		input = S("patient-example.xml");
	struct str name =
		arena_printf(a, "input-json/%.*s.json", STR_ARG(str_slice(input, 0, str_rfind_char(input, '.'))));
	const struct json *resource = read_json(a, directory, name, err);
	if (!resource)
		return FAILED;
	struct path_context context = {.resource = resource};
	struct path_item focus = path_item_resource(d, resource);
	struct path_items items = {0};
	if (!path_eval(program, a, &context, &focus, &items, err))
		return invalid ? PASSED : FAILED;
	return !invalid && outputs_match(test, &items) ? PASSED : FAILED;
}

static bool is_known(struct str name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_is(name, known[i]))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	size_t counts[OUTCOME_COUNT] = {0};
	struct arena suite;
	struct error err = {0};
	if (argc != 2) {
		fprintf(stderr, "usage: fhirpath_suite DIRECTORY\n");
		return 2;
	}
	arena_init(&suite, 256 << 20);
	const struct json *tests = read_json(&suite, argv[1], S("tests-fhir-r4.json"), &err);
	struct json_iter it = json_iter(tests);
	while (json_next(&it)) {
		struct arena a;
		struct error case_err = {0};
		arena_init(&a, 256 << 20);
		struct str name = json_get_str(it.value, S("name"));
		enum outcome o = run(&a, argv[1], it.value, &case_err);
		if (is_known(name))
			o = o == FAILED ? NOT_SUPPORTED : FAILED;
		counts[o]++;
		if (o == FAILED)
			printf("FAILED %.*s: %.*s: %s\n", STR_ARG(name),
			       STR_ARG(json_get_str(it.value, S("expression"))), case_err.text);
		arena_done(&a);
	}
	arena_done(&suite);
	if (!tests)
		fprintf(stderr, "%s\n", err.text);
	printf("%zu passed, %zu failed, %zu not supported\n", counts[PASSED], counts[FAILED], counts[NOT_SUPPORTED]);
	return counts[FAILED] || !tests ? 1 : 0;
}
