/* `firth define`: what is found for a name, and what is suggested when nothing is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/define_priv.h"
#include "json/json.h"

static struct str print(struct arena *a, const char *name, bool json)
{
	struct app app = {.json = json};
	struct definition found;
	struct error err = {0};
	struct buf out;
	buf_init(&out, 1 << 20);
	if (!define_find(a, str_from(name), &found, &err))
		buf_add(&out, str_from(err.text));
	else if (json)
		define_print_json(&out, &found);
	else
		define_print(&out, &app, &found);
	struct str text = arena_str(a, buf_str(&out));
	buf_done(&out);
	return text;
}

static void names_are_found_and_near_ones_suggested(void **state)
{
	(void)state;
	static const struct {
		const char *name, *holds;
	} cases[] = {
		{"Patient.contact", "0..*"},
		{"Patient.contact", "relationship"},
		{"Patient.name.family", "HumanName.family"},
		{"Observation.value[x]", "Quantity | CodeableConcept | string"},
		{"Observation.valueQuantity", "comparator"},
		{"Observation.status", "required, http://hl7.org/fhir/ValueSet/observation-status"},
		{"Observation.subject", "Reference(Patient | Group | Device | Location)"},
		{"Observation?code", "Observation.code"},
		{"Observation?patient", "targets     "},
		{"Observation?_lastUpdated", "Resource.meta.lastUpdated"},
		{"date", "pattern"},
		{"HumanName", "data type based on Element"},
		{"  HumanName ", "data type"},
		{"Questionnaire.item.item.item", "linkId"},
		{"patient", "did you mean \"Patient\""},
		{"Patien", "did you mean \"Patient\""},
		{"Patient.nmae", "did you mean \"name\""},
		{"Patient.name[x]", "there is no element"},
		{"Patient.", "there is no element"},
		{"Patient..name", "there is no element"},
		{"Observation.value.code", "name the type of the choice"},
		{"Observation?coed", "did you mean \"code\""},
		{"HumanName?family", "there is no type \"HumanName\""},
		{"?", "there is no type"},
		{"", "there is no type"},
		{".", "there is no type"},
	};
	struct arena a;
	arena_init(&a, 64 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = print(&a, cases[i].name, false);
		if (str_find(text, str_from(cases[i].holds)) == STR_NONE)
			fail_msg("%s printed: %.*s", cases[i].name, STR_ARG(text));
	}
	arena_done(&a);
}

static void machines_get_one_document(void **state)
{
	(void)state;
	struct arena a;
	struct error err = {0};
	arena_init(&a, 64 << 20);
	const struct json *j = json_parse(&a, str_trim(print(&a, "Patient.contact", true)), 0, &err);
	assert_true(str_is(json_get_str(json_get(j, S("element")), S("max")), "*"));
	assert_true(str_is(json_get_str(json_get(j, S("type")), S("name")), "Patient.contact"));
	assert_true(json_size(json_get(json_get(j, S("type")), S("elements"))) > 8);
	j = json_parse(&a, str_trim(print(&a, "Observation?code", true)), 0, &err);
	assert_true(str_is(json_get_str(json_get(j, S("searchParameter")), S("type")), "token"));
	j = json_parse(&a, str_trim(print(&a, "Patient", true)), 0, &err);
	assert_true(json_size(json_get(json_get(j, S("type")), S("searchParameters"))) > 20);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_and_near_ones_suggested),
		cmocka_unit_test(machines_get_one_document),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
