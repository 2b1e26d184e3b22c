/* Whose data a resource is: found in its bytes without parsing, whatever else they hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/rest/rest_priv.h"

static const struct {
	const char *type, *body, *patient; /* NULL: not known */
} cases[] = {
	{"Patient", "{\"resourceType\":\"Patient\",\"id\":\"7\"}", "Patient/7"},
	{"Patient", NULL, "Patient/7"},
	{"Observation", "{\"resourceType\":\"Observation\",\"subject\":{\"reference\":\"Patient/1\"}}", "Patient/1"},
	{"Observation", "{\"subject\":{\"display\":\"D\",\"reference\":\"Patient/1\"},\"status\":\"final\"}",
	 "Patient/1"},
	{"Observation", "{\"subject\":{\"reference\":\"http://x/fhir/Patient/1\"}}", "Patient/1"},
	{"Observation", "{\"subject\":{\"reference\":\"Group/1\"}}", NULL},
	{"Observation", "{\"subject\":{\"reference\":\"NotPatient/1\"}}", NULL},
	{"Observation", "{\"subject\":{\"identifier\":{\"value\":\"Patient/1\"}}}", NULL},
	{"Observation", "{\"subject\":{\"extension\":[{\"reference\":\"Patient/9\"}],\"reference\":\"Patient/1\"}}",
	 "Patient/1"},
	{"Immunization", "{\"patient\":{\"reference\":\"Patient/2\"}}", "Patient/2"},
	{"Coverage", "{\"beneficiary\":{\"reference\":\"Patient/3\"}}", "Patient/3"},
	{"Observation",
	 "{\"contained\":[{\"resourceType\":\"Observation\",\"subject\":{\"reference\":\"Patient/9\"}}]}", NULL},
	{"Observation", "{\"note\":[{\"text\":\"\\\"subject\\\":{\\\"reference\\\":\\\"Patient/9\\\"}\"}]}", NULL},
	{"Observation", "{\"issued\":\"\\\\\",\"subject\":{\"reference\":\"Patient/4\"}}", "Patient/4"},
	{"Basic", "{\"subject\":[{\"reference\":\"Patient/1\"}]}", NULL},
	{"Basic", "{\"subject\":\"Patient/1\"}", NULL},
	{"Basic", "{\"subject\":{}}", NULL},
	{"Basic", "{}", NULL},
	{"Basic", "", NULL},
	{"Basic", "{\"subject\":{\"reference\":\"Patient/1", "Patient/1"}, /* cut off: no read past the end */
	{"Basic", "{\"subject", NULL},
	{"Basic", "{\"subject\\", NULL},
};

static void test_patient(void **state)
{
	struct arena *a = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fhir_type *type = definitions_resource(definitions_builtin(), str_from(cases[i].type));
		/* A copy of the exact size, so that the sanitizer sees any read past it. */
		struct str text = str_from(cases[i].body);
		char *copy = text.p ? test_malloc(text.n ? text.n : 1) : NULL;
		if (copy)
			memcpy(copy, text.p, text.n);
		print_message("%s\n", text.p ? text.p : "(none)");
		struct str got = audit_patient(a, type, S("7"), str_make(copy, text.n));
		if (cases[i].patient)
			assert_true(str_is(got, cases[i].patient));
		else
			assert_null(got.p);
		if (copy)
			test_free(copy);
	}
}

static struct str patient_of_query(struct arena *a, const char *type_name, const char *text)
{
	const struct definitions *d = definitions_builtin();
	struct search_query query;
	struct error err = {0};
	assert_true(search_parse(d, a, definitions_resource(d, str_from(type_name)), str_from(text),
				 &(struct search_options){0}, &query, &err));
	return audit_query_patient(a, &query);
}

static void test_query(void **state)
{
	struct arena *a = *state;
	assert_true(str_is(patient_of_query(a, "Observation", "patient=5"), "Patient/5"));
	assert_true(str_is(patient_of_query(a, "Observation", "code=x&patient=Patient/5"), "Patient/5"));
	assert_true(str_is(patient_of_query(a, "Observation", "subject=Patient/5"), "Patient/5"));
	assert_true(str_is(patient_of_query(a, "Patient", "_id=5"), "Patient/5"));
	assert_null(patient_of_query(a, "Patient", "_id=5,6").p);
	assert_null(patient_of_query(a, "Patient", "name=x").p);
	assert_null(patient_of_query(a, "Observation", "_id=5").p);
	assert_null(patient_of_query(a, "Observation", "subject=Group/5").p);
	assert_null(patient_of_query(a, "Observation", "patient=5,6").p);
	assert_null(patient_of_query(a, "Observation", "patient:missing=true").p);
}

int main(void)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_patient, &a),
		cmocka_unit_test_prestate(test_query, &a),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&a);
	return failed;
}
