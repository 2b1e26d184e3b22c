/* Search parameters that are added to those of the definitions: what is refused, and what is found by the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "search/search.h"

#define PARAM(code, type, base, more)                                                                                  \
	"{\"resourceType\":\"SearchParameter\",\"status\":\"active\",\"url\":\"http://x/" code "\",\"code\":\"" code   \
	"\",\"type\":\"" type "\",\"base\":[" base "]" more "}"
#define EXPRESSION(text) ",\"expression\":\"" text "\""

static const char race[] = PARAM("race", "token", "\"Patient\"", EXPRESSION("Patient.extension('http://race').value"));
static const char city[] = PARAM("city", "string", "\"Patient\",\"Organization\"",
				 EXPRESSION("Patient.address.city | Organization.address.city"));
static const char fussy[] =
	PARAM("fussy", "string", "\"Patient\"",
	      EXPRESSION("Patient.telecom.single().value | Patient.name.where(family.toInteger() > given).family"));
static const char text_status[] =
	PARAM("narrative", "token", "\"DomainResource\"", EXPRESSION("DomainResource.text.status"));
static const char contact_use[] = PARAM("contact-use", "token", "\"Patient\"", EXPRESSION("Patient.telecom.use"));
static const char contact_value[] =
	PARAM("contact-value", "string", "\"Patient\"", EXPRESSION("Patient.telecom.value"));
static const char contact[] =
	PARAM("contact", "composite", "\"Patient\"",
	      EXPRESSION("Patient.telecom") ",\"component\":[{\"definition\":\"http://x/"
					    "contact-use\",\"expression\":\"use\"},{\"definition\":"
					    "\"http://x/contact-value\",\"expression\":\"(value)\"}]");

static const struct {
	const char *text;
	enum error_code code;
	const char *says;
} bad[] = {
	{PARAM("race", "token", "\"Patient\"", ""), ERR_REQUIRED, "expression is missing"},
	{PARAM("race", "token", "", EXPRESSION("Patient.id")), ERR_REQUIRED, "base is missing"},
	{PARAM("race", "", "\"Patient\"", EXPRESSION("Patient.id")), ERR_REQUIRED, "type"},
	{PARAM("race", "special", "\"Patient\"", EXPRESSION("Patient.id")), ERR_NOT_SUPPORTED, "special"},
	{PARAM("race", "token", "\"Patent\"", EXPRESSION("Patient.id")), ERR_VALUE, "base"},
	{PARAM("race", "token", "\"Patient\"", EXPRESSION("Observation.id")), ERR_VALUE, "says nothing"},
	{PARAM("race", "token", "\"Patient\"", EXPRESSION("Patient.where(")), ERR_VALUE, "the expression for Patient"},
	{PARAM("name", "token", "\"Patient\"", EXPRESSION("Patient.id")), ERR_CONFLICT, "another type"},
	{PARAM("family", "string", "\"Patient\"", EXPRESSION("Patient.contact.name.family")), ERR_CONFLICT,
	 "a parameter of that code already, which is http://hl7.org/fhir/SearchParameter/individual-family"},
	{PARAM("_race", "token", "\"Patient\"", EXPRESSION("Patient.id")), ERR_VALUE, "code"},
	{PARAM("a$b", "token", "\"Patient\"", EXPRESSION("Patient.id")), ERR_VALUE, "code"},
	{PARAM("r", "reference", "\"Patient\"", EXPRESSION("Patient.link.other") ",\"target\":[\"Nothing\"]"),
	 ERR_VALUE, "target"},
	{PARAM("c", "composite", "\"Patient\"", EXPRESSION("Patient.telecom")), ERR_VALUE, "two components"},
	{PARAM("c", "composite", "\"Patient\"",
	       EXPRESSION("Patient.telecom") ",\"component\":[{\"definition\":\"http://x/1\"},{\"definition\":\"http://"
					     "x/2\"}]"),
	 ERR_VALUE, "no parameter of the same type"},
	{PARAM("c", "composite", "\"Patient\"",
	       EXPRESSION("Patient.telecom.first()") ",\"component\":[{\"definition\":\"http://hl7.org/fhir/"
						     "SearchParameter/"
						     "individual-gender\",\"expression\":\"use\"},{\"definition\":"
						     "\"http://"
						     "hl7.org/fhir/SearchParameter/"
						     "individual-gender\",\"expression\":\"use\"}]"),
	 ERR_NOT_SUPPORTED, "cannot be followed"},
	{"{\"resourceType\":\"Patient\"}", ERR_VALUE, "no SearchParameter"},
	{PARAM("", "token", "\"Patient\"", EXPRESSION("Patient.id")), ERR_REQUIRED, "code"},
};

static void bad_parameters_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 1 << 20);
		const struct json *j = json_parse(&a, str_from(bad[i].text), 0, &err);
		assert_non_null(j);
		size_t types;
		if (search_registry_check(definitions_builtin(), NULL, j, &types, &err) || err.code != bad[i].code ||
		    !strstr(err.text, bad[i].says))
			fail_msg("%s\n%s: %s", bad[i].text, error_name(err.code), err.text);
		arena_done(&a);
	}
}

struct fixture {
	struct arena arena;
	struct search_registry *registry;
	struct extractor *extractor;
};

static const struct json *read_json(struct fixture *f, const char *text)
{
	struct error err = {0};
	const struct json *j = json_parse(&f->arena, str_from(text), 0, &err);
	assert_non_null(j);
	return j;
}

static void open_registry(struct fixture *f)
{
	static const char *const texts[] = {contact, race, city, text_status, contact_use, contact_value, fussy};
	const struct json *list[7];
	struct error err = {0};
	arena_init(&f->arena, 1 << 24);
	for (size_t i = 0; i < 7; i++)
		list[i] = read_json(f, texts[i]);
	f->registry = search_registry_new(definitions_builtin(), list, 7, &err);
	if (!f->registry)
		fail_msg("%s", err.text);
	f->extractor = extractor_new_registry(definitions_builtin(), f->registry, &err);
	assert_non_null(f->extractor);
}

static void close_registry(struct fixture *f)
{
	extractor_free(f->extractor);
	search_registry_free(f->registry);
	arena_done(&f->arena);
}

static void added_parameters_are_searched(void **state)
{
	(void)state;
	static const struct {
		const char *query;
		bool matches;
	} cases[] = {
		{"race=b", true},
		{"race=a", false},
		{"city=ber", true},
		{"city:exact=Berlin", true},
		{"city:missing=true", false},
		{"narrative=empty", true},
		{"contact=home$123", true},
		{"contact=work$456", true},
		{"contact=home$456", false},
		{"contact=home$456,work$456", true},
		{"contact-use=home&contact-value=456", true},
		{"family=x&race=b", true},
		{"fussy:missing=true", true},
		{"_filter=race eq b and city sw ber", true},
	};
	struct fixture f;
	struct error err = {0};
	struct index_rows rows = {0};
	open_registry(&f);
	const struct fhir_type *type = definitions_resource(definitions_builtin(), S("Patient"));
	const struct search_options options = {.registry = f.registry};
	const struct json *patient =
		read_json(&f, "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"empty\"},\"name\":[{\"family\":"
			      "\"X\"}],\"extension\":[{"
			      "\"url\":\"http://"
			      "race\",\"valueCode\":\"b\"}],\"address\":[{\"city\":\"Berlin\"}],\"telecom\":[{\"use\":"
			      "\"home\",\"value\":\"123\"},{\"use\":\"work\",\"value\":\"456\"}]}");
	assert_true(extract(f.extractor, &f.arena, patient, STR_NULL, &rows, &err));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct search_query q;
		if (!search_parse(definitions_builtin(), &f.arena, type, str_from(cases[i].query), &options, &q, &err))
			fail_msg("%s: %s", cases[i].query, err.text);
		if (search_matches(&q, &rows, S("p"), 0) != cases[i].matches)
			fail_msg("%s should %smatch", cases[i].query, cases[i].matches ? "" : "not ");
	}
	struct search_query q;
	assert_false(search_parse(definitions_builtin(), &f.arena, type, S("race=b"), NULL, &q, &err));
	assert_int_equal(err.code, ERR_UNKNOWN_PARAM);
	err = (struct error){0};
	assert_false(search_parse(definitions_builtin(), &f.arena, type, S("contact%241=b"), &options, &q, &err));
	assert_int_equal(err.code, ERR_UNKNOWN_PARAM);
	close_registry(&f);
}

/* What R4 has already, word for word or nearly, is nothing new. */
static void repeating_adds_nothing(void **state)
{
	static const char query[] =
		"{\"resourceType\":\"SearchParameter\",\"status\":\"active\",\"url\":\"http://hl7.org/fhir/"
		"SearchParameter/Resource-query\",\"code\":\"_query\",\"type\":\"token\",\"base\":[\"Resource\"]}";
	static const char *const same[] = {
		PARAM("gender", "token", "\"Patient\"", EXPRESSION("Patient.gender")),
		PARAM("onset-date", "date", "\"Condition\"",
		      EXPRESSION("(Condition.onset as dateTime) | (Condition.onset as Period)")),
		PARAM("category", "token", "\"Condition\"",
		      EXPRESSION("Condition.category.first()") ",\"derivedFrom\":\"http://hl7.org/fhir/SearchParameter/"
							       "Condition-category\""),
		query,
	};
	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct arena a;
		struct error err = {0};
		size_t types = 1;
		arena_init(&a, 1 << 20);
		const struct json *j = json_parse(&a, str_from(same[i]), 0, &err);
		if (!j || !search_registry_check(definitions_builtin(), NULL, j, &types, &err) || types)
			fail_msg("%s\n%s, %zu types", same[i], err.text, types);
		arena_done(&a);
	}
}

static void what_waits_is_refused(void **state)
{
	static const char *const queries[] = {"race=a", "_sort=race", "_filter=race eq a", "_has:Patient:link:race=a",
					      "link:Patient.race=a"};
	(void)state;
	struct fixture f;
	open_registry(&f);
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct error err = {0};
		struct search_query q;
		struct search_options options = {.adding = f.registry,
						 .adding_progress = S("3 of 7 resources are done")};
		const struct fhir_type *type = definitions_resource(definitions_builtin(), S("Patient"));
		assert_false(
			search_parse(definitions_builtin(), &f.arena, type, str_from(queries[i]), &options, &q, &err));
		if (err.code != ERR_NOT_SUPPORTED || !strstr(err.text, "\"race\" of Patient cannot be asked for yet") ||
		    !strstr(err.text, "3 of 7"))
			fail_msg("%s: %s", queries[i], err.text);
		options.lenient = true;
		if (i == 0) {
			struct error none = {0};
			assert_true(
				search_parse(definitions_builtin(), &f.arena, type, S("race=a"), &options, &q, &none));
			assert_int_equal(q.ignored_count, 1);
			assert_non_null(strstr(q.ignored->reason.p, "3 of 7"));
		}
	}
	close_registry(&f);
}

static void what_is_new_is_told(void **state)
{
	(void)state;
	struct fixture f;
	struct error err = {0};
	struct search_added *added;
	size_t count, patients = 0;
	open_registry(&f);
	assert_true(search_registry_added(definitions_builtin(), f.registry, NULL, &f.arena, &added, &count, &err));
	for (size_t i = 0; i < count; i++)
		patients += str_is(added[i].type->name, "Patient");
	/* race, city, narrative, contact-use, contact-value, fussy, and the two parts of contact */
	assert_int_equal(patients, 8);
	const struct json *one = read_json(&f, race);
	struct search_registry *small = search_registry_new(definitions_builtin(), &one, 1, &err);
	assert_non_null(small);
	assert_true(search_registry_added(definitions_builtin(), small, f.registry, &f.arena, &added, &count, &err));
	assert_int_equal(count, 0);
	assert_true(search_registry_added(definitions_builtin(), f.registry, small, &f.arena, &added, &count, &err));
	for (patients = 0; count-- > 0;)
		patients += str_is(added[count].type->name, "Patient");
	assert_int_equal(patients, 7);
	/* Writing a parameter again is no clash with itself. */
	assert_true(search_registry_check(definitions_builtin(), f.registry, one, &count, &err));
	assert_int_equal(count, 1);
	search_registry_free(small);
	close_registry(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_parameters_are_refused), cmocka_unit_test(added_parameters_are_searched),
		cmocka_unit_test(what_is_new_is_told),	      cmocka_unit_test(repeating_adds_nothing),
		cmocka_unit_test(what_waits_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
