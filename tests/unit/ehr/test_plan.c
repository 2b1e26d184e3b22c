/* The planner: what a search becomes at each vendor, what is applied here, and what is not sent at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ehr/plan.h"
#include "fhir/definitions.h"

static struct arena arena;

static bool plan(enum ehr_vendor vendor, const char *type, const char *query, struct ehr_plan *ret, struct error *err)
{
	const struct ehr_plan_options options = {.vendor = vendor,
						 .type = definitions_resource(definitions_builtin(), str_from(type)),
						 .query = str_from(query)};
	assert_non_null(options.type);
	return ehr_plan_make(&options, &arena, ret, err);
}

/* sent: the only request, or NULL when it is refused; refusal: words of the reason. */
static const struct {
	enum ehr_vendor vendor;
	const char *type, *query, *sent, *filter, *refusal;
} cases[] = {
	/* What is complete goes out as it is. */
	{EHR_EPIC, "Observation", "patient=1&category=laboratory", "patient=1&category=laboratory", NULL, NULL},
	{EHR_EPIC, "Observation", "_id=x", "_id=x", NULL, NULL},
	{EHR_EPIC, "Patient", "family=a&given=b&birthdate=1990-01-01", "family=a&given=b&birthdate=1990-01-01", NULL,
	 NULL},
	{EHR_CERNER, "Observation", "patient=1", "patient=1&_count=200", NULL, NULL},
	{EHR_CERNER, "Condition", "patient=1", "patient=1", NULL, NULL}, /* not paged there */
	{EHR_GENERIC, "Observation", "patient.name=x&_sort=date", "patient.name=x&_sort=date&_count=1000", NULL, NULL},
	{EHR_GENERIC, "Observation", "_count=5", "_count=5", NULL, NULL},
	/* What lacks something required. */
	{EHR_EPIC, "Observation", "category=laboratory", NULL, NULL, "patient and category"},
	{EHR_EPIC, "Observation", "code=1", NULL, NULL, "patient and code"},
	{EHR_EPIC, "AllergyIntolerance", "clinical-status=active", NULL, NULL, "by patient, or _id"},
	{EHR_EPIC, "MedicationRequest", "status=active", NULL, NULL, "by patient"},
	{EHR_EPIC, "Patient", "family=Smith", NULL, NULL, "by less it finds nobody"},
	{EHR_EPIC, "Patient", "", NULL, NULL, "by _id"},
	{EHR_EPIC, "Medication", "code=1", NULL, NULL, "by _id"},
	{EHR_CERNER, "Patient", "gender=male", NULL, NULL, "identifier"},
	{EHR_CERNER, "DiagnosticReport", "category=LAB", NULL, NULL, "by _id, or patient"},
	{EHR_CERNER, "Provenance", "", NULL, NULL, "target"},
	{EHR_CERNER, "Slot", "start=2026-01-01", NULL, NULL, "start and service-type"},
	{EHR_CERNER, "CarePlan", "patient=1", "patient=1&category=assess-plan", NULL, NULL},
	/* What the vendor does not have. */
	{EHR_CERNER, "Flag", "patient=1", NULL, NULL, "does not offer Flag"},
	{EHR_EPIC, "Basic", "_id=1", NULL, NULL, "does not offer Basic"},
	{EHR_EPIC, "ValueSet", "_id=1", NULL, NULL, "by its id, not search"},
	{EHR_EPIC, "Condition", "patient=1&_lastUpdated=gt2020-01-01", NULL, NULL, "do not say when they changed"},
	{EHR_EPIC, "Condition", "patient=1&_sort=onset-date", NULL, NULL, "has no _sort"},
	{EHR_CERNER, "Condition", "patient.name=x", NULL, NULL, "no chained"},
	{EHR_CERNER, "Condition", "_has:Provenance:target:agent=1&patient=1", NULL, NULL, "no chained"},
	{EHR_EPIC, "Condition", "patient=1&_revinclude=Observation:focus", NULL, NULL, "Provenance:target"},
	{EHR_EPIC, "Condition", "patient=1&_revinclude=Provenance:target", "patient=1&_revinclude=Provenance:target",
	 NULL, NULL},
	{EHR_CERNER, "Condition", "patient=1&_include=Condition:encounter", NULL, NULL, "only from Consent"},
	/* What would be ignored or refused is applied here. */
	{EHR_EPIC, "Procedure", "patient=1&status=completed", "patient=1", "status=completed", NULL},
	{EHR_EPIC, "Observation", "patient=1&code=2&value-quantity=gt5&date=ne2020", "patient=1&code=2",
	 "value-quantity=gt5&date=ne2020", NULL},
	{EHR_EPIC, "Condition", "patient=1&code:text=gout", "patient=1", "code:text=gout", NULL},
	{EHR_CERNER, "Procedure", "patient=1&code=2", "patient=1", "code=2", NULL},
	{EHR_CERNER, "Patient", "_id=1,2&family=x&_count=5", "_id=1,2", "family=x", NULL},
	{EHR_CERNER, "Observation", "patient=1&_lastUpdated=ge2020-01-01&date=2020",
	 "patient=1&_lastUpdated=ge2020-01-01&_count=200", "date=2020", NULL},
	{EHR_CERNER, "Condition", "patient=1&_format=xml", "patient=1", NULL, NULL},
	/* Oracle Health's ranges. */
	{EHR_CERNER, "Observation", "patient=1&date=2020", "patient=1&date=2020&_count=200", NULL, NULL},
	{EHR_CERNER, "Observation", "patient=1&date=ge2020-01-01T00:00:00Z&date=lt2021-01-01T00:00:00Z",
	 "patient=1&date=ge2020-01-01T00:00:00Z&date=lt2021-01-01T00:00:00Z&_count=200", NULL, NULL},
	{EHR_CERNER, "Observation", "patient=1&date=ge2020-01-01&date=lt2021-01-01", NULL, NULL, "only with times"},
	{EHR_CERNER, "Observation", "patient=1&date=ge2020-01-01T00:00:00Z&date=gt2021-01-01T00:00:00Z", NULL, NULL,
	 "closed range"},
	{EHR_CERNER, "Observation", "patient=1&date=ge2020&date=lt2021&date=2022", NULL, NULL, "once, or twice"},
	{EHR_CERNER, "CarePlan", "patient=1&category=assess-plan&date=ge2020-01-01T00:00:00Z", NULL, NULL,
	 "twice, ge and le"},
};

static void each_search_becomes_what_the_vendor_takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ehr_plan p;
		struct error err = {0};
		if (!plan(cases[i].vendor, cases[i].type, cases[i].query, &p, &err))
			fail_msg("case %zu: %s", i, err.text);
		if (!cases[i].sent) {
			if (p.count || !p.refused.p || str_find(p.refused, str_from(cases[i].refusal)) == STR_NONE)
				fail_msg("case %zu: '%.*s', refused '%.*s'", i,
					 STR_ARG(p.count ? p.queries[0] : S("-")), STR_ARG(p.refused));
			continue;
		}
		bool filter = cases[i].filter ? str_is(p.filter, cases[i].filter) : !p.filter.p;
		if (p.count != 1 || !str_is(p.queries[0], cases[i].sent) || !filter)
			fail_msg("case %zu: '%.*s', here '%.*s', refused '%.*s'", i, STR_ARG(p.queries[0]),
				 STR_ARG(p.filter), STR_ARG(p.refused));
	}
}

static void all_observations_of_a_patient_are_asked_for_by_category(void **state)
{
	(void)state;
	struct ehr_plan p;
	struct error err = {0};
	assert_true(plan(EHR_EPIC, "Observation", "patient=1&date=gt2020", &p, &err));
	assert_int_equal(p.count, 6);
	assert_true(str_is(p.queries[1], "patient=1&date=gt2020&category=laboratory"));
	assert_int_equal(p.note_count, 1);
}

static void what_nobody_knows_is_an_error(void **state)
{
	(void)state;
	struct ehr_plan p;
	struct error err = {0};
	assert_false(plan(EHR_EPIC, "Condition", "patient=1&colour=red", &p, &err));
	assert_int_equal(err.code, ERR_UNKNOWN_PARAM);
	assert_null(strstr(err.text, "red"));
	err = (struct error){0};
	char many[65 * 4 + 1] = "";
	for (size_t i = 0; i < 65; i++)
		memcpy(many + 4 * i, "a=1&", 5);
	assert_false(plan(EHR_GENERIC, "Condition", many, &p, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	const struct ehr_plan_options raw = {.vendor = EHR_EPIC,
					     .type = definitions_resource(definitions_builtin(), S("Condition")),
					     .query = S("colour=red"),
					     .unchecked = true};
	assert_true(ehr_plan_make(&raw, &arena, &p, &err));
	assert_true(p.count == 1 && str_is(p.queries[0], "colour=red"));
}

static void the_sieve_decides_as_a_server_would(void **state)
{
	(void)state;
	static const struct {
		const char *query;
		bool holds;
	} sieves[] = {
		{"status=final", true},
		{"status=amended", false},
		{"code=http://loinc.org%7C718-7", true},
		{"code:text=hemo", true},
		{"value-quantity=gt14", true},
		{"value-quantity=gt15&status=final", false},
		{"date=ne2020", true},
		{"date=2026-01", true},
		{"subject=Patient/7", true},
		{"subject=https://ehr.example/r4/Patient/7", true},
		{"subject=8", false},
		{"_id=a,b", true},
		{"_lastUpdated=ge2026-01-05", true},
		{"_lastUpdated=lt2026-01-05", false},
	};
	struct error err = {0};
	const struct definitions *d = definitions_builtin();
	const struct fhir_type *type = definitions_resource(d, S("Observation"));
	const struct json *o = json_parse(
		&arena,
		S("{\"resourceType\":\"Observation\",\"id\":\"a\",\"meta\":{\"lastUpdated\":\"2026-01-05T00:00:00Z\"},"
		  "\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://"
		  "loinc.org\",\"code\":\"718-7\"}],\"text\":"
		  "\"Hemoglobin\"},\"subject\":{\"reference\":\"https://ehr.example/r4/Patient/"
		  "7\"},\"effectiveDateTime\":"
		  "\"2026-01-02\",\"valueQuantity\":{\"value\":14.1,\"unit\":\"g/dL\"}}"),
		0, &err);
	assert_non_null(o);
	for (size_t i = 0; i < sizeof sieves / sizeof sieves[0]; i++) {
		bool holds;
		struct ehr_sieve *s =
			ehr_sieve_new(d, type, str_from(sieves[i].query), S("https://ehr.example/r4"), &err);
		assert_non_null(s);
		assert_true(ehr_sieve_holds(s, &arena, o, &holds, &err));
		if (holds != sieves[i].holds)
			fail_msg("%s", sieves[i].query);
		ehr_sieve_free(s);
	}
	assert_null(ehr_sieve_new(d, type, S("date=yesterday"), S("x"), &err));
	assert_int_equal(err.code, ERR_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_search_becomes_what_the_vendor_takes),
		cmocka_unit_test(all_observations_of_a_patient_are_asked_for_by_category),
		cmocka_unit_test(what_nobody_knows_is_an_error),
		cmocka_unit_test(the_sieve_decides_as_a_server_would),
	};
	arena_init(&arena, 64 << 20);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&arena);
	return failed;
}
