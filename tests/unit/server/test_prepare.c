/* Whose patient a resource is kept with: the one of its compartment, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/rest/rest.h"

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

static void test_patient(void **state)
{
	const struct definitions *d = definitions_builtin();
	struct error err = {0};
	struct extractor *x = extractor_new(d, &err);
	(void)state;
	assert_non_null(x);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct rest_prepared prepared;
		arena_init(&a, 1 << 22);
		const struct json *resource = json_parse(&a, str_from(cases[i].json), 0, &err);
		if (!resource || !rest_prepare(d, x, &a, resource, S("x"), NULL, STR_NULL, &prepared, &err))
			fail_msg("%s: %s", cases[i].json, err.text);
		assert_non_null(prepared.change.patient.p);
		if (!str_is(prepared.change.patient, cases[i].patient))
			fail_msg("%s: %.*s", cases[i].json, STR_ARG(prepared.change.patient));
		arena_done(&a);
	}
	extractor_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_patient)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
