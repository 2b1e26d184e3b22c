/*
 * Any JSON as a resource to be written to any vendor (the first byte): each step of the plan must be a sound document
 * of the type it says, what was sent compared with itself must not differ, and no step may break the rules that were
 * checked.
 */
#include <assert.h>

#include "fuzz.h"
#include "population/writing.h"

enum { MAX_MEMORY = 256 << 20 };

static void check_step(struct arena *a, enum ehr_vendor vendor, const struct writing_step *step)
{
	struct writing_differences same;
	struct error err = {0};
	const struct json *body = json_parse(a, step->body, 0, &err);
	assert(body || err.code == ERR_LIMIT || err.code == ERR_MEMORY);
	if (!body)
		return;
	assert(str_eq(json_get_str(body, S("resourceType")), step->type));
	assert((step->op == WRITING_CREATE) == !json_get(body, S("id")));
	if (writing_compare(definitions_builtin(), vendor, a, body, body, &same, &err))
		for (size_t i = 0; i < same.count; i++)
			assert(same.items[i].path.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	struct arena a;
	struct writing_plan plan;
	if (!size)
		return 0;
	arena_init(&a, MAX_MEMORY);
	const struct json *j = json_parse(&a, str_make((const char *)data + 1, size - 1), 0, &err);
	const struct writing_options options = {.definitions = definitions_builtin(),
						.vendor = (enum ehr_vendor)(data[0] % 3),
						.ehr = S("main"),
						.create = data[0] & 4,
						.exact = data[0] & 8};
	if (j && writing_plan_make(&options, &a, j, &plan, &err)) {
		assert(plan.count || plan.reason.p);
		for (size_t i = 0; i < plan.count; i++)
			check_step(&a, options.vendor, &plan.steps[i]);
	}
	arena_done(&a);
	return 0;
}
