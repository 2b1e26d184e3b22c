/*
 * How fast compiled FHIRPath expressions run over one parsed resource, beside which fhirpath_bench.mjs runs the same
 * ones in fhirpath.js. Usage: fhirpath_bench CASES.json, an array of {"name","expression","file"}; prints a line
 * "NANOSECONDS RESULTS EXPRESSION" a case. Parsing is not measured, nor is compiling; evaluation includes giving the
 * memory of the results back.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "fhirpath/fhirpath.h"

enum { ROUNDS = 5, ROUND_NS = 300000000 };

struct measured {
	const struct path_program *program;
	struct path_context context;
	struct path_item focus;
	struct arena scratch;
};

static bool evaluate(struct measured *m, size_t times, size_t *ret_count, struct error *err)
{
	for (size_t i = 0; i < times; i++) {
		struct path_items items;
		arena_reset(&m->scratch);
		if (!path_eval(m->program, &m->scratch, &m->context, &m->focus, &items, err))
			return false;
		*ret_count = items.count;
	}
	return true;
}

/* Nanoseconds of one evaluation: the best of several rounds, so that other work on the machine does not count. */
static bool measure(struct measured *m, double *ret_ns, size_t *ret_count, struct error *err)
{
	size_t times = 1000;
	double best = 1e18;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t from = clock_monotonic_ns();
		if (!evaluate(m, times, ret_count, err))
			return false;
		double ns = (double)(clock_monotonic_ns() - from) / (double)times;
		best = ns < best ? ns : best;
		times = (size_t)(ROUND_NS / (best + 1)) + 1;
	}
	*ret_ns = best;
	return true;
}

static bool run_case(struct arena *a, const struct json *test, struct error *err)
{
	struct measured m = {0};
	struct str text, expression = json_get_str(test, S("expression"));
	double ns = 0;
	size_t count = 0;
	if (!file_read(a, json_get_str(test, S("file")), 64 << 20, &text, err))
		return false;
	const struct json *resource = json_parse(a, text, 0, err);
	if (!resource)
		return false;
	m.focus = path_item_resource(definitions_builtin(), resource);
	m.context.resource = resource;
	const struct path_options options = {.start = m.focus.type};
	m.program = path_compile(a, definitions_builtin(), expression, &options, err);
	arena_init(&m.scratch, 64 << 20);
	bool ok = m.program && measure(&m, &ns, &count, err);
	arena_done(&m.scratch);
	if (ok)
		printf("%.1f %zu %.*s\n", ns, count, STR_ARG(expression));
	return ok;
}

int main(int argc, char **argv)
{
	struct arena a;
	struct str text;
	struct error err = {0};
	arena_init(&a, (size_t)1 << 30);
	if (argc != 2) {
		fprintf(stderr, "usage: fhirpath_bench CASES.json\n");
		return 2;
	}
	const struct json *cases = NULL;
	if (file_read(&a, str_from(argv[1]), 1 << 20, &text, &err))
		cases = json_parse(&a, text, 0, &err);
	for (struct json_iter it = json_iter(cases); !err.code && json_next(&it);)
		(void)run_case(&a, it.value, &err);
	if (err.code)
		fprintf(stderr, "%s\n", err.text);
	arena_done(&a);
	return err.code ? 1 : 0;
}
