/* Loading foreign patients: ids and links in the vendor's form, identifiers where the vendor keeps them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/file.h"
#include "fhir/resource.h"
#include "sandbox/adapt_priv.h"

#define TODAY INT64_C(1795478400000) /* 2026-11-24 */

static const char bundle_text[] =
	"{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
	"{\"fullUrl\":\"urn:uuid:11111111-1111-4111-8111-111111111111\",\"resource\":{\"resourceType\":\"Patient\","
	"\"id\":\"11111111-1111-4111-8111-111111111111\",\"meta\":{\"versionId\":\"4\"},"
	"\"text\":{\"status\":\"generated\",\"div\":\"<div>old</div>\"},"
	"\"identifier\":[{\"system\":\"http://hl7.org/fhir/sid/us-ssn\",\"value\":\"999-11-2222\"},"
	"{\"type\":{\"coding\":[{\"code\":\"MR\"}]},\"value\":\"M-77\"}],"
	"\"name\":[{\"use\":\"maiden\",\"family\":\"Old\"},{\"use\":\"official\",\"family\":\"N\303\272\303\261ez "
	"<x>\","
	"\"given\":[\"Ana\",\"Mar\303\255a\"]}]}},"
	"{\"fullUrl\":\"urn:uuid:2\",\"resource\":{\"resourceType\":\"Observation\",\"id\":\"2\",\"status\":\"final\","
	"\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"718-7\"}],\"text\":\"Hemoglobin\"},"
	"\"subject\":{\"reference\":\"urn:uuid:11111111-1111-4111-8111-111111111111\"},"
	"\"valueQuantity\":{\"value\":10.50,\"unit\":\"g/dL\"}}},"
	"{\"resource\":{\"resourceType\":\"Condition\",\"id\":\"3\",\"clinicalStatus\":{\"coding\":[{\"system\":"
	"\"http://terminology.hl7.org/CodeSystem/condition-clinical\",\"code\":\"active\"}]},"
	"\"subject\":{\"reference\":\"Patient/11111111-1111-4111-8111-111111111111\"},"
	"\"asserter\":{\"reference\":\"#inside\"},\"recorder\":{\"reference\":\"https://other.example/fhir/"
	"Practitioner/1\"},"
	"\"encounter\":{\"reference\":\"Encounter/not-in-here\"}}}]}";

struct loaded {
	struct arena *arena;
	const struct json *items[2000];
	size_t count;
};

static bool keep(void *ctx, struct str type, struct str id, struct str resource, struct error *err)
{
	struct loaded *l = ctx;
	const struct json *j = json_parse(l->arena, arena_str(l->arena, resource), 0, err);
	assert_non_null(j);
	assert_true(str_eq(json_get_str(j, S("resourceType")), type));
	assert_true(str_eq(json_get_str(j, S("id")), id));
	assert_true(id.n > 1 && id.n <= 64);
	for (size_t i = 0; i < id.n; i++)
		assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-", id.p[i]));
	assert_true(l->count < 2000);
	l->items[l->count++] = j;
	return true;
}

static void load(struct loaded *l, struct arena *a, enum ehr_vendor vendor, struct str text)
{
	struct error err = {0};
	const struct json *bundle = json_parse(a, text, 0, &err);
	assert_non_null(bundle);
	*l = (struct loaded){.arena = a};
	assert_true(sandbox_adapt_bundle(vendor, a, bundle, keep, l, &err));
}

static struct str reference(const struct json *resource, const char *key)
{
	return json_get_str(json_get(resource, str_from(key)), S("reference"));
}

static void epic_gets_its_forms(void **state)
{
	(void)state;
	static struct loaded l;
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	load(&l, &a, EHR_EPIC, str_from(bundle_text));
	assert_true(l.count > 3); /* and what they lead to */
	const struct json *patient = l.items[0], *observation = l.items[1], *condition = l.items[2];
	struct str id = json_get_str(patient, S("id"));
	assert_int_equal(id.n, 24);
	assert_true(id.p[0] == 'e' && id.p[23] == '3');
	assert_null(json_get(patient, S("meta")));
	assert_null(json_get(patient, S("text")));
	assert_true(str_is(ehr_patient_mrn(EHR_EPIC, patient), "M-77"));
	struct str to = reference(observation, "subject");
	assert_true(str_starts(to, S("Patient/")) && str_ends(to, id));
	assert_true(str_eq(reference(condition, "subject"), to));
	assert_true(str_is(json_get_str(json_get(condition, S("subject")), S("display")),
			   "N\303\272\303\261ez <x>, Ana Mar\303\255a"));
	assert_null(json_get(condition, S("asserter"))); /* Epic has none, and no visit on the problem list */
	assert_null(json_get(condition, S("encounter")));
	assert_true(str_is(json_number(json_get(json_get(observation, S("valueQuantity")), S("value"))), "10.50"));
	const struct json *category = json_at(json_get(condition, S("category")), 0);
	assert_int_equal(json_size(json_get(condition, S("category"))), 1);
	assert_true(str_is(json_get_str(json_at(json_get(category, S("coding")), 0), S("code")), "problem-list-item"));
	const struct json *status = json_at(json_get(json_get(condition, S("clinicalStatus")), S("coding")), 0);
	assert_true(str_is(json_get_str(status, S("version")), "4.0.0"));
	arena_done(&a);
}

static void cerner_gets_its_forms(void **state)
{
	(void)state;
	static struct loaded l;
	struct arena a;
	uint64_t number;
	arena_init(&a, ARENA_NO_CAP);
	load(&l, &a, EHR_CERNER, str_from(bundle_text));
	const struct json *patient = l.items[0], *observation = l.items[1], *condition = l.items[2];
	assert_true(str_to_u64(json_get_str(patient, S("id")), &number));
	assert_true(str_starts(json_get_str(observation, S("id")), S("L-")));
	assert_true(str_starts(json_get_str(condition, S("id")), S("p")));
	assert_true(str_is(ehr_patient_mrn(EHR_CERNER, patient), "M-77"));
	struct str div = json_get_str(json_get(condition, S("text")), S("div"));
	assert_true(str_find(div, S("N\303\272\303\261ez &lt;x&gt;, Ana")) != STR_NONE);
	assert_true(str_find(json_get_str(json_get(patient, S("text")), S("div")), S("old")) == STR_NONE);
	const struct json *codings = json_get(json_get(observation, S("code")), S("coding"));
	assert_int_equal(json_size(codings), 2);
	assert_true(json_bool(json_get(json_at(codings, 0), S("userSelected"))));
	assert_true(str_is(json_get_str(json_at(codings, 1), S("code")), "718-7"));
	assert_false(json_bool(json_get(json_at(codings, 1), S("userSelected"))));
	assert_null(json_get(json_get(observation, S("subject")), S("display")));
	arena_done(&a);
}

static void the_same_input_gives_the_same_id(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	for (int v = EHR_EPIC; v <= EHR_CERNER; v++) {
		struct str one = adapter_id(v, &a, S("Patient"), S("x"), NULL);
		assert_true(str_eq(one, adapter_id(v, &a, S("Patient"), S("x"), NULL)));
		assert_false(str_eq(one, adapter_id(v, &a, S("Patient"), S("y"), NULL)));
		assert_false(str_eq(one, adapter_id(v, &a, S("Encounter"), S("x"), NULL)));
		assert_false(
			str_eq(adapter_fresh_id(v, &a, S("Flag"), NULL), adapter_fresh_id(v, &a, S("Flag"), NULL)));
	}
	arena_done(&a);
}

static void ten_thousand_ids_are_all_different(void **state)
{
	(void)state;
	struct arena a;
	struct map seen;
	arena_init(&a, ARENA_NO_CAP);
	map_init(&seen, 1 << 20);
	for (int i = 0; i < 10000; i++) {
		bool fresh;
		struct str id = adapter_id(EHR_CERNER, &a, S("Encounter"), arena_printf(&a, "p-%d", i), NULL);
		assert_non_null(map_put(&seen, id, &fresh));
		assert_true(fresh);
	}
	map_done(&seen);
	arena_done(&a);
}

static void refuses_what_has_no_type_or_id(void **state)
{
	(void)state;
	static const char *const bad[] = {"{}", "[]", "{\"resourceType\":\"Patient\"}", "{\"id\":\"1\"}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct arena a;
		struct buf out;
		struct error err = {0};
		arena_init(&a, ARENA_NO_CAP);
		buf_init(&out, 1 << 20);
		assert_false(sandbox_adapt(EHR_EPIC, &a, json_parse(&a, str_from(bad[i]), 0, &err), &out, &err));
		assert_int_equal(err.code, ERR_STRUCTURE);
		buf_done(&out);
		arena_done(&a);
	}
}

/* Every reference to a resource of the Bundle must still lead to one. */
static void check_links(const struct json *j, const struct map *known)
{
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		if (it.key.p && str_is(it.key, "reference") && json_is(it.value, JSON_STRING)) {
			assert_false(str_starts(json_str(it.value), S("urn:uuid:")));
			if (str_starts(json_str(it.value), S("Patient/")) ||
			    str_starts(json_str(it.value), S("Encounter/")))
				assert_non_null(map_get(known, json_str(it.value)));
		} else {
			check_links(it.value, known);
		}
	}
}

static void check_resource(struct arena *a, const struct json *r)
{
	struct issues findings;
	issues_init(&findings, a);
	if (!resource_check(definitions_builtin(), r, &findings))
		fail_msg("%.*s: %.*s", STR_ARG(findings.first->path), STR_ARG(findings.first->text));
}

static void check_bundle(enum ehr_vendor vendor, struct str text)
{
	static struct loaded l;
	struct arena a;
	struct map known;
	arena_init(&a, ARENA_NO_CAP);
	map_init(&known, 1 << 16);
	load(&l, &a, vendor, text);
	for (size_t i = 0; i < l.count; i++) {
		bool fresh;
		struct str key = arena_printf(&a, "%.*s/%.*s", STR_ARG(json_get_str(l.items[i], S("resourceType"))),
					      STR_ARG(json_get_str(l.items[i], S("id"))));
		assert_non_null(map_put(&known, key, &fresh));
		assert_true(fresh);
	}
	for (size_t i = 0; i < l.count; i++) {
		check_links(l.items[i], &known);
		check_resource(&a, l.items[i]);
	}
	map_done(&known);
	arena_done(&a);
}

static bool check_synthetic(void *ctx, struct str bundle, struct error *err)
{
	(void)ctx;
	(void)err;
	check_bundle(EHR_EPIC, bundle);
	check_bundle(EHR_CERNER, bundle);
	return true;
}

static void synthetic_patients_keep_their_links(void **state)
{
	(void)state;
	struct error err = {0};
	struct synthetic_options o = {.seed = 5, .patients = 12, .today_ms = TODAY};
	assert_true(synthetic_population(&o, check_synthetic, NULL, &err));
}

static void synthea_patients_keep_their_links(void **state)
{
	(void)state;
	static const char *const files[] = {
		"Andy_Gusikowski_76742a08-3643-41fa-bddc-73a2c0bae9da.json",
		"Arron_Schamberger_58cd762b-38f7-451a-b5f2-c17792c572e9.json",
	};
	const char *assets = getenv("FIRTH_ASSETS");
	if (!assets) {
		print_message("skipped: FIRTH_ASSETS is not set\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct arena a;
		struct str text;
		struct error err = {0};
		arena_init(&a, ARENA_NO_CAP);
		struct str path = arena_printf(&a, "%s/synthea-2019-bundles/%s", assets, files[i]);
		assert_true(file_read(&a, path, (size_t)64 << 20, &text, &err));
		check_bundle(EHR_EPIC, text);
		check_bundle(EHR_CERNER, text);
		arena_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(epic_gets_its_forms),
		cmocka_unit_test(cerner_gets_its_forms),
		cmocka_unit_test(the_same_input_gives_the_same_id),
		cmocka_unit_test(ten_thousand_ids_are_all_different),
		cmocka_unit_test(refuses_what_has_no_type_or_id),
		cmocka_unit_test(synthetic_patients_keep_their_links),
		cmocka_unit_test(synthea_patients_keep_their_links),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
