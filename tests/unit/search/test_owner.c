/* Whose a resource is: the one patient in whose compartment it is, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "search/search.h"

static const struct {
	const char *json, *patient;
} cases[] = {
	{"{\"resourceType\":\"Patient\",\"id\":\"x\",\"link\":[{\"other\":{\"reference\":\"Patient/"
	 "o\"},\"type\":\"seealso\"}]}",
	 "x"},
	{"{\"resourceType\":\"Observation\",\"id\":\"x\",\"status\":\"final\",\"code\":{\"text\":\"a\"},\"subject\":{"
	 "\"reference\":\"Patient/p\"}}",
	 "p"},
	{"{\"resourceType\":\"Observation\",\"id\":\"x\",\"status\":\"final\",\"code\":{\"text\":\"a\"},\"subject\":{"
	 "\"reference\":\"Patient/p\"},"
	 "\"performer\":[{\"reference\":\"Patient/p\"}]}",
	 "p"},
	{"{\"resourceType\":\"Observation\",\"id\":\"x\",\"status\":\"final\",\"code\":{\"text\":\"a\"},\"subject\":{"
	 "\"reference\":\"Patient/p\"},"
	 "\"performer\":[{\"reference\":\"Patient/q\"}]}",
	 ""},
	{"{\"resourceType\":\"Observation\",\"id\":\"x\",\"status\":\"final\",\"code\":{\"text\":\"a\"},\"subject\":{"
	 "\"reference\":\"Group/p\"}}",
	 ""},
	/* by a parameter that the compartment does not name */
	{"{\"resourceType\":\"Observation\",\"id\":\"x\",\"status\":\"final\",\"code\":{\"text\":\"a\"},\"focus\":[{"
	 "\"reference\":\"Patient/p\"}]}",
	 ""},
	{"{\"resourceType\":\"Organization\",\"id\":\"x\",\"name\":\"a\"}", ""},
};

static void test_owner(void **state)
{
	const struct definitions *d = definitions_builtin();
	struct error err = {0};
	const struct compartment *patients = definitions_compartment(d, definitions_resource(d, S("Patient")));
	struct extractor *x = extractor_new(d, &err);
	(void)state;
	assert_non_null(x);
	assert_non_null(patients);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct index_rows rows;
		arena_init(&a, 1 << 22);
		const struct json *resource = json_parse(&a, str_from(cases[i].json), 0, &err);
		if (!resource || !extract(x, &a, resource, STR_NULL, &rows, &err))
			fail_msg("%s: %s", cases[i].json, err.text);
		struct str owner =
			compartment_owner(patients, definitions_resource(d, json_get_str(resource, S("resourceType"))),
					  S("x"), rows.rows, rows.count);
		assert_non_null(owner.p);
		if (!str_is(owner, cases[i].patient))
			fail_msg("%s: %.*s", cases[i].json, STR_ARG(owner));
		arena_done(&a);
	}
	extractor_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_owner)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
