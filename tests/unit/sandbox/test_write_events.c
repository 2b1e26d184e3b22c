/*
 * Writes at Cerner that are more than one resource: halves of blood pressures, which come back as panels, and charges,
 * which are entered by operations (docs/sandbox.md; section 5.1, 5.5 of what is known of the two).
 */
#include "base/clock.h"
#include "sandbox/faults_priv.h"
#include "write_rows.h"

#define PRESSURE(loinc, value, time)                                                                                   \
	"{'resourceType':'Observation','status':'final'," CATEGORY("vital-signs") LOINC(loinc) WHO                     \
		"'effectiveDateTime':'" time "','valueQuantity':{'value':" value                                       \
		",'unit':'mmHg','system':'http://unitsofmeasure.org','code':'mm[Hg]'}" LA "}"
#define NOON "2026-04-03T12:00:00.000Z"

static struct str etag_of(struct world *w, struct ids *ids)
{
	const char *path = arena_printf(&w->arena, "Observation/%.*s", STR_ARG(ids->last)).p;
	struct http_answer answer = ask(w, path, JSON);
	return http_answer_header(&answer, "ETag");
}

static void write_5_5_halves_of_a_pressure_are_paired_D(void **state)
{
	static const struct row systolic = {"upper",
					    "POST",
					    "Observation",
					    NULL,
					    PRESSURE("8480-6", "121", NOON),
					    201,
					    "'dataAbsentReason'",
					    "'valueQuantity':{'value':80"};
	static const struct row later = {"another time",
					 "POST",
					 "Observation",
					 NULL,
					 PRESSURE("8462-4", "70", "2026-04-03T13:00:00.000Z"),
					 201,
					 "'dataAbsentReason'",
					 "'value':121"};
	static const struct row diastolic = {
		"lower", "POST",	"Observation",	   NULL, PRESSURE("8462-4", "80", NOON),
		201,	 "'value':121", "dataAbsentReason"};
	struct world *w = *state;
	struct ids ids = write_ids_of(w);
	write_row_try(&ids, &systolic);
	struct str half = ids.last;
	assert_true(str_starts(half, S("BP-")) && str_ends(half, S("-0")));
	assert_true(str_is(etag_of(w, &ids), "W/\"1-\""));
	write_row_try(&ids, &later);
	assert_true(str_starts(ids.last, S("BP-0-")));
	assert_true(str_is(etag_of(w, &ids), "W/\"-1\""));
	write_row_try(&ids, &diastolic);
	assert_true(str_starts(ids.last, str_slice(half, 0, half.n - 1))); /* the number of the first half stays */
	assert_true(str_is(etag_of(w, &ids), "W/\"1-1\""));
	assert_int_equal(ask(w, arena_printf(&w->arena, "Observation/%.*s", STR_ARG(half)).p, JSON).status, 404);
	struct str body = ask(w, arena_printf(&w->arena, "Observation/%.*s", STR_ARG(ids.last)).p, JSON).body;
	assert_true(str_find(body, S("\"versionId\":\"1-1\"")) != STR_NONE);
}

/* The version of both halves guards a change; one that never was is stale. */
static void write_5_5_versions_of_pairs_guard_D(void **state)
{
#define CHANGED                                                                                                        \
	"{'resourceType':'Observation','id':'$L','status':'corrected','identifier':[{'system':'urn:x','value':'1'}]"   \
	"," CATEGORY("vital-signs") LOINC("85354-9") WHO                                                               \
		"'effectiveDateTime':'" NOON "'" LA                                                                    \
		",'component':[{'code':{'coding':[{'system':'http://loinc.org','code':'8480-6'}]},'valueQuantity':{"   \
		"'value':130,'unit':'mmHg','system':'http://unitsofmeasure.org','code':'mm[Hg]'}},{'code':{'coding':[" \
		"{'system':'http://loinc.org','code':'8462-4'}]},'valueQuantity':{'value':80,'unit':'mmHg','system':"  \
		"'http://unitsofmeasure.org','code':'mm[Hg]'}}]}"
	static const struct row rows[] = {
		{"upper", "POST", "Observation", NULL, PRESSURE("8480-6", "121", NOON), 201, NULL, NULL},
		{"lower", "POST", "Observation", NULL, PRESSURE("8462-4", "80", NOON), 201, NULL, NULL},
		{"halves of two versions", "PUT", "Observation/$L", "W/\"1-2\"", CHANGED, 409, NULL, NULL},
		{"both", "PUT", "Observation/$L", "W/\"1-1\"", CHANGED, 200, "'versionId':'2-2'", NULL},
		{"the one before", "PUT", "Observation/$L", "W/\"1-1\"", CHANGED, 409, NULL, NULL},
	};
	write_rows_try(*state, rows, sizeof(rows) / sizeof(*rows));
}

static void write_5_5_halves_may_stay_single_D(void **state)
{
	static const struct str single[] = {{"blood-pressure=single", 21}};
	static const struct row row = {"upper", "POST", "Observation", NULL, PRESSURE("8480-6", "121", NOON),
				       201,	"'VS-", "component"};
	(void)state;
	struct world *w = world_open(&(struct world_options){
		.vendor = EHR_CERNER, .patients = 1, .behaviours = single, .behaviour_count = 1});
	write_rows_try(w, &row, 1);
	world_close(w);
}

#define CHARGE                                                                                                         \
	"{'resourceType':'ChargeItem','status':'billable','code':{'text':'x'},'subject':{'reference':'Patient/$P'},"   \
	"'quantity':{'value':2}}"

static void write_5_1_charges_by_operations_I(void **state)
{
	struct world *w = *state;
	struct ids ids = write_ids_of(w);
	static const struct row created[] = {
		{"no plain create", "POST", "ChargeItem", NULL, CHARGE, 404, NULL, NULL},
		{"nothing", "POST", "ChargeItem/$create", NULL, "{'resourceType':'Parameters'}", 422, "ChargeItem",
		 NULL},
	};
	for (size_t i = 0; i < 2; i++)
		write_row_try(&ids, &created[i]);
	static const char *const steps[] = {"$create", "%.*s/$modify", "%.*s/$credit"};
	struct str last = S("x");
	for (size_t i = 0; i < 3; i++) {
		struct str path = arena_printf(&w->arena, steps[i], STR_ARG(last));
		struct asked how = {.method = "POST",
				    .accept = "application/fhir+json",
				    .body = write_filled(&ids, "{'resourceType':'Parameters','parameter':[{'name':"
							       "'chargeItem','resource':" CHARGE "}]}")
						    .p};
		struct http_answer answer = ask(w, arena_printf(&w->arena, "ChargeItem/%.*s", STR_ARG(path)).p, how);
		assert_int_equal(answer.status, 201);
		struct str location = http_answer_header(&answer, "Location");
		struct str id = str_slice(location, str_rfind_char(location, '/') + 1, location.n);
		struct str body = ask(w, arena_printf(&w->arena, "ChargeItem/%.*s", STR_ARG(id)).p, JSON).body;
		struct str part =
			arena_printf(&w->arena, "\"partOf\":[{\"reference\":\"ChargeItem/%.*s\"", STR_ARG(last));
		assert_true((str_find(body, part) != STR_NONE) == (i > 0));
		assert_true(str_find(body, i == 2 ? S("\"value\":-2") : S("\"value\":2")) != STR_NONE);
		last = id;
	}
	struct asked credit = {.method = "POST", .accept = "application/fhir+json"};
	assert_int_equal(ask(w, "ChargeItem/1/$credit", credit).status, 404);
}

/* In 2024 reports could be written, and no scope for it was listed. */
static void row_19_cerner_scopes_of_2024_D(void **state)
{
	static const struct str old[] = {{"release=2024", 12}};
	(void)state;
	struct world *w = world_open(
		&(struct world_options){.vendor = EHR_CERNER, .patients = 1, .behaviours = old, .behaviour_count = 1});
	struct str body = ask(w, ".well-known/smart-configuration", JSON).body;
	assert_true(str_find(body, S("\"system/DiagnosticReport.read\"")) != STR_NONE);
	assert_true(str_find(body, S("DiagnosticReport.write")) == STR_NONE);
	assert_true(str_find(body, S("Observation.write")) != STR_NONE);
	assert_true(str_find(body, S(".crus")) == STR_NONE);
	world_close(w);
	w = world_open(&(struct world_options){.vendor = EHR_CERNER, .patients = 1});
	body = ask(w, ".well-known/smart-configuration", JSON).body;
	assert_true(str_find(body, S("\"system/DiagnosticReport.write\"")) != STR_NONE);
	world_close(w);
}

static void row_20_cerner_writes_are_slow_on_demand_D(void **state)
{
	static const struct row row = {"slow", "POST", "Observation", NULL, VITAL("8867-4") LA "}", 201, NULL, NULL};
	struct world *w = *state;
	struct ids ids = write_ids_of(w);
	struct error err = {0};
	must(fault_set(w->sandbox, S("slow-writes=400"), &err), &err);
	int64_t began = clock_now_ms();
	write_row_try(&ids, &row);
	assert_true(clock_now_ms() - began >= 400);
	began = clock_now_ms();
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(w, "Observation/none", JSON).status, 404);
	assert_true(clock_now_ms() - began < 1200);
}

static int with_cerner(void **state)
{
	*state = world_open(&(struct world_options){.vendor = EHR_CERNER, .patients = 2});
	return 0;
}

static int close_it(void **state)
{
	world_close(*state);
	return 0;
}

#define AT(test) cmocka_unit_test_setup_teardown(test, with_cerner, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT(write_5_5_halves_of_a_pressure_are_paired_D),      AT(write_5_5_versions_of_pairs_guard_D),
		cmocka_unit_test(write_5_5_halves_may_stay_single_D), AT(write_5_1_charges_by_operations_I),
		cmocka_unit_test(row_19_cerner_scopes_of_2024_D),     AT(row_20_cerner_writes_are_slow_on_demand_D),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
