/* Requests of hooks: what is taken, what is refused and with which member's name; and prefetch templates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "hooks/request.h"

#define HEAD(hook) "{\"hook\":\"" hook "\",\"hookInstance\":\"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea\","
#define WHO	   "\"userId\":\"Practitioner/7\",\"patientId\":\"12\""
#define NO_ORDERS  "\"draftOrders\":{\"resourceType\":\"Bundle\",\"type\":\"collection\"}"

static void test_refused(void **state)
{
	static const struct {
		const char *body, *path;
		enum error_code code;
	} cases[] = {
		{"{", "", ERR_JSON},
		{"[]", "", ERR_VALUE},
		{"{\"hook\":\"patient-view\"}", "hookInstance", ERR_REQUIRED},
		{"{\"hookInstance\":\"1\"}", "hook", ERR_REQUIRED},
		{HEAD("patient-wave") "\"context\":{}}", "hook", ERR_VALUE},
		{HEAD("patient-view") "\"x\":1}", "context", ERR_REQUIRED},
		{HEAD("patient-view") "\"context\":[]}", "context", ERR_VALUE},
		{HEAD("patient-view") "\"context\":{\"patientId\":\"1\"}}", "context.userId", ERR_REQUIRED},
		{HEAD("patient-view") "\"context\":{\"userId\":\"Practitioner/1\"}}", "context.patientId",
		 ERR_REQUIRED},
		{HEAD("patient-view") "\"context\":{\"userId\":\"7\",\"patientId\":\"1\"}}", "context.userId",
		 ERR_VALUE},
		{HEAD("patient-view") "\"context\":{\"userId\":\"Practitioner/1\",\"patientId\":\"..\"}}",
		 "context.patientId", ERR_VALUE},
		{HEAD("patient-view") "\"context\":{\"userId\":\"Practitioner/1\",\"patientId\":\"1?x=1\"}}",
		 "context.patientId", ERR_VALUE},
		{HEAD("encounter-start") "\"context\":{" WHO "}}", "context.encounterId", ERR_REQUIRED},
		{HEAD("order-sign") "\"context\":{" WHO "}}", "context.draftOrders", ERR_REQUIRED},
		{HEAD("order-sign") "\"context\":{" WHO ",\"draftOrders\":{}}}", "context.draftOrders", ERR_VALUE},
		{HEAD("order-sign") "\"context\":{" WHO
				    ",\"draftOrders\":{\"resourceType\":\"Bundle\",\"entry\":[{}]}}}",
		 "context.draftOrders.entry[0].resource", ERR_VALUE},
		{HEAD("order-select") "\"context\":{" WHO "," NO_ORDERS "}}", "context.selections", ERR_REQUIRED},
		{HEAD("order-select") "\"context\":{" WHO ",\"selections\":[\"MedicationRequest/1\",7]," NO_ORDERS "}}",
		 "context.selections[1]", ERR_VALUE},
		{HEAD("order-dispatch") "\"context\":{\"patientId\":\"1\",\"performer\":\"Practitioner/1\"}}",
		 "context.dispatchedOrders", ERR_REQUIRED},
		{HEAD("patient-view") "\"fhirServer\":\"ftp://x\",\"context\":{" WHO "}}", "fhirServer", ERR_VALUE},
		{HEAD("patient-view") "\"fhirAuthorization\":{},\"context\":{" WHO "}}", "fhirServer", ERR_REQUIRED},
		{HEAD("patient-view") "\"fhirServer\":\"http://x\",\"fhirAuthorization\":{\"access_token\":\"a b\"},"
				      "\"context\":{" WHO "}}",
		 "fhirAuthorization.access_token", ERR_VALUE},
		{HEAD("patient-view") "\"fhirServer\":\"http://x\",\"fhirAuthorization\":{\"access_token\":\"ab\","
				      "\"token_type\":\"mac\"},\"context\":{" WHO "}}",
		 "fhirAuthorization.token_type", ERR_VALUE},
		{HEAD("patient-view") "\"prefetch\":[],\"context\":{" WHO "}}", "prefetch", ERR_VALUE},
		{HEAD("patient-view") "\"prefetch\":{\"p\":7},\"context\":{" WHO "}}", "prefetch.p", ERR_VALUE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena a;
		struct error err = {0};
		struct hook_request r;
		arena_init(&a, 1 << 20);
		if (hook_request_read(&a, str_from(cases[i].body), &r, &err) || err.code != cases[i].code ||
		    !str_is(str_from(cases[i].path), err.path))
			fail_msg("%s: %s at '%s': %s", cases[i].body, error_name(err.code), err.path, err.text);
		arena_done(&a);
	}
}

static void test_taken(void **state)
{
	struct arena a;
	struct error err = {0};
	struct hook_request r;
	(void)state;
	arena_init(&a, 1 << 20);
	const char *body =
		"{\"hook\":\"order-select\",\"hookInstance\":\"no uuid\",\"fhirServer\":\"https://ehr.example/r4/\","
		"\"fhirAuthorization\":{\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":300,\"scope\":"
		"\"Patient.Read\",\"subject\":\"app\"},\"extension\":{\"com.epic.cdshooks.request.epic-version\":"
		"\"11\"},"
		"\"context\":{\"userId\":\"PractitionerRole/7\",\"patientId\":\"Patient/12\",\"encounterId\":"
		"\"Encounter/9\",\"selections\":[\"MedicationRequest/b\"],\"draftOrders\":{\"resourceType\":\"Bundle\","
		"\"entry\":[{\"resource\":{\"resourceType\":\"MedicationRequest\",\"id\":\"a\"}},{\"resource\":{"
		"\"resourceType\":\"MedicationRequest\",\"id\":\"b\"}}]}},\"prefetch\":{\"none\":null,\"p\":{"
		"\"resourceType\":\"Patient\"}}}";
	assert_false(hook_request_read(&a, str_from(body), &r, &err));
	assert_string_equal(err.path, "hookInstance");
	error_clear(&err);
	struct str text = arena_str(&a, str_from(body));
	((char *)(uintptr_t)text.p)[str_find(text, S("no uuid")) + 2] = '-';
	assert_true(hook_request_read(&a, text, &r, &err));
	assert_string_equal(r.hook->name, "order-select");
	assert_true(str_is(r.fhir_server, "https://ehr.example/r4"));
	assert_true(str_is(r.access_token, "t"));
	assert_true(str_is(r.patient, "12"));
	assert_true(str_is(r.encounter, "9"));
	const struct json *entries = json_get(r.orders, S("entry"));
	assert_false(hook_is_selected(&r, json_get(json_at(entries, 0), S("resource"))));
	assert_true(hook_is_selected(&r, json_get(json_at(entries, 1), S("resource"))));
	arena_done(&a);
}

static void test_templates(void **state)
{
	static const struct {
		const char *text, *filled; /* "": no value; NULL: no template */
	} cases[] = {
		{"Patient/{{context.patientId}}", "Patient/a%20b"},
		{"Encounter/{{context.encounterId}}", ""},
		{"Practitioner/{{userPractitionerId}}", "Practitioner/7"},
		{"PractitionerRole/{{ userPractitionerRoleId }}", ""},
		{"{{context.userId}}", "Practitioner/7"},
		{"Observation?date=ge{{today() - 90 days}}", "Observation?date=ge2026-08-28"},
		{"O?date=ge{{today() - 1 month}}&x={{today()}}", "O?date=ge2026-10-26&x=2026-11-26"},
		{"O?date=ge{{now()}}", "O?date=ge2026-11-26T00:00:00.000Z"},
		{"M?_id={{context.draftOrders.MedicationRequest.id}}", "M?_id=m1,m2"},
		{"S?code={{context.draftOrders.entry.resource.ofType(ServiceRequest).code.coding.code}}",
		 "S?code=c%261"},
		{"M?_id={{context.draftOrders.Immunization.id}}", ""},
		{"plain", "plain"},
		{"{{context.nothing}}", NULL},
		{"{{patientId}}", NULL},
		{"{{context.patientId", NULL},
		{"}}{{", NULL},
		{"{{today() - x days}}", NULL},
		{"{{context.draftOrders.where(1)}}", NULL},
		{"", NULL},
	};
	const char *body =
		HEAD("order-sign") "\"context\":{\"userId\":\"Practitioner/7\",\"patientId\":\"a%b\","
				   "\"draftOrders\":{\"resourceType\":\"Bundle\",\"entry\":["
				   "{\"resource\":{\"resourceType\":\"MedicationRequest\",\"id\":\"m1\"}},"
				   "{\"resource\":{\"resourceType\":\"ServiceRequest\",\"code\":{\"coding\":[{"
				   "\"code\":\"c&1\"}]}}},{\"resource\":{\"resourceType\":"
				   "\"MedicationRequest\",\"id\":\"m2\"}}]}}}";
	struct arena a;
	struct error err = {0};
	struct hook_request r;
	(void)state;
	arena_init(&a, 1 << 20);
	assert_false(hook_request_read(&a, str_from(body), &r, &err)); /* no percent sign in an id */
	error_clear(&err);
	struct str text = arena_str(&a, str_from(body));
	((char *)(uintptr_t)text.p)[str_find(text, S("a%b")) + 1] = '$';
	assert_true(hook_request_read(&a, text, &r, &err));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str filled = STR_NULL;
		struct error why = {0};
		bool ok = hook_template_fill(&a, &r, 1795651200000, str_from(cases[i].text), &filled, &why);
		const char *wanted = i ? cases[i].filled : "Patient/a%24b";
		assert_int_equal(hook_template_check(r.hook, str_from(cases[i].text), &err), ok);
		error_clear(&err);
		if (ok != (wanted != NULL) || (ok && !str_is(filled.p ? filled : S(""), wanted)))
			fail_msg("%s: %.*s %s", cases[i].text, STR_ARG(filled), why.text);
	}
	arena_done(&a);
}

static void test_prefetch(void **state)
{
	struct arena a;
	struct error err = {0};
	(void)state;
	arena_init(&a, 1 << 20);
	const struct json *bundle = json_parse(
		&a,
		S("{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":\"OperationOutcome\"}},{},"
		  "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"1\"}}]}"),
		0, &err);
	const struct hook_prefetch_value values[] = {{S("a"), bundle}, {S("b"), NULL}};
	const struct hook_prefetch p = {values, 2};
	struct hook_resources it = hook_resources(hook_prefetch_get(&p, S("a")));
	assert_true(str_is(json_get_str(hook_resources_next(&it), S("id")), "1"));
	assert_null(hook_resources_next(&it));
	it = hook_resources(hook_prefetch_get(&p, S("b")));
	assert_null(hook_resources_next(&it));
	arena_done(&a);
}

/* 2026-11-26T00:00:00Z is the evening before in New York: by the offset of the request's own orders. */
static void test_zone(void **state)
{
	static const struct {
		const char *order;
		int zone;
		const char *today;
	} cases[] = {
		{"\"authoredOn\":\"2026-11-25T18:59:00-05:00\"", -300, "2026-11-25"},
		{"\"authoredOn\":\"2026-11-26T05:29:00.123+05:30\"", 330, "2026-11-26"},
		{"\"authoredOn\":\"2026-11-26T00:00:00Z\"", 0, "2026-11-26"},
		{"\"authoredOn\":\"2026-11-26\"", 0, "2026-11-26"},
		{"\"authoredOn\":\"2026-11-26T00:00:00-25:00\"", 0, "2026-11-26"},
		{"\"dateWritten\":\"2026-11-25T14:00:00-10:00\"", -600, "2026-11-25"},
		{"\"intent\":\"order\"", 0, "2026-11-26"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena a;
		struct error err = {0};
		struct hook_request r;
		struct str filled;
		char body[1000];
		arena_init(&a, 1 << 20);
		snprintf(
			body, sizeof(body),
			"{\"hook\":\"order-sign\",\"hookInstance\":\"1\",\"context\":{\"userId\":\"Practitioner/"
			"1\",\"patientId\":"
			"\"1\",\"draftOrders\":{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":"
			"\"MedicationRequest\",%s}}]}}}",
			cases[i].order);
		assert_true(hook_request_read(&a, str_from(body), &r, &err));
		assert_int_equal(r.zone, cases[i].zone);
		assert_true(hook_template_fill(&a, &r, 1795651200000, S("{{today()}}"), &filled, &err));
		assert_true(str_is(filled, cases[i].today));
		assert_true(hook_template_fill(&a, &r, 1795651200000, S("{{now()}}"), &filled, &err));
		assert_true(str_is(filled, "2026-11-26T00:00:00.000Z"));
		arena_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused), cmocka_unit_test(test_taken),
					   cmocka_unit_test(test_templates), cmocka_unit_test(test_prefetch),
					   cmocka_unit_test(test_zone)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
