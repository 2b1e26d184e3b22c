/* Rules of writing: how they are read, and which of them a type has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/knowledge/knowledge.h"

static void test_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum admission_level level;
		bool declared;
		size_t profiles;
	} good[] = {
		{"off", ADMISSION_OFF, false, 0},
		{" structure ", ADMISSION_STRUCTURE, false, 0},
		{"declared", ADMISSION_PROFILES, true, 0},
		{"http://example.org/a", ADMISSION_PROFILES, false, 1},
		{"[http://example.org/a, http://example.org/b|1.0 declared]", ADMISSION_PROFILES, true, 2},
	};
	static const char *const bad[] = {
		"", " ", "off structure", "declared off", "http://a structure", "strict", "off http://example.org/a"};
	struct arena a;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct admission_rule rule;
		struct error err = {0};
		assert_true(admission_parse(&a, S("Patient"), str_from(good[i].text), &rule, &err));
		assert_int_equal(rule.level, good[i].level);
		assert_int_equal(rule.declared, good[i].declared);
		assert_int_equal(rule.profile_count, good[i].profiles);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct admission_rule rule;
		struct error err = {0};
		assert_false(admission_parse(&a, S("Patient"), str_from(bad[i]), &rule, &err));
		assert_int_equal(err.code, ERR_CONFIG);
	}
	arena_done(&a);
}

static void test_levels_and_missing_profiles(void **state)
{
	(void)state;
	const struct definitions *d = definitions_builtin();
	struct str profile = S("http://example.org/none");
	const struct admission_rule rules[] = {
		{.type = S("Patient"), .level = ADMISSION_OFF},
		{.type = S("*"), .level = ADMISSION_PROFILES, .profiles = &profile, .profile_count = 1}};
	struct error err = {0};
	struct knowledge *k =
		knowledge_open(&(struct knowledge_options){.definitions = d, .rules = rules, .rule_count = 2}, &err);
	assert_non_null(k);
	assert_int_equal(knowledge_level(k, definitions_resource(d, S("Patient"))), ADMISSION_OFF);
	assert_int_equal(knowledge_level(k, definitions_resource(d, S("Basic"))), ADMISSION_PROFILES);
	assert_int_equal(knowledge_level(NULL, definitions_resource(d, S("Basic"))), ADMISSION_STRUCTURE);
	assert_false(knowledge_check_rules(k, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_true(str_find(str_from(err.text), profile) != STR_NONE);
	knowledge_close(k);
}

/* A resource that comes with a request is found beside everything else, and nobody else sees it. */
static void test_extend(void **state)
{
	(void)state;
	struct error err = {0};
	struct arena a;
	arena_init(&a, (size_t)64 << 20);
	struct knowledge *k = knowledge_open(&(struct knowledge_options){.definitions = definitions_builtin()}, &err);
	const struct knowledge_state *shared = knowledge_enter(k, 0, &err);
	assert_non_null(shared);
	const struct json *set =
		json_parse(&a,
			   S("{\"resourceType\":\"ValueSet\",\"status\":\"active\",\"compose\":{"
			     "\"include\":[{\"system\":\"http://hl7.org/fhir/administrative-gender\"}]}}"),
			   0, &err);
	struct knowledge_state *own = knowledge_extend(k, shared, set, &err);
	assert_non_null(own);
	assert_true(str_starts(own->canonical, S("urn:uuid:")));
	const struct coding male = {.system = S("http://hl7.org/fhir/administrative-gender"), .code = S("male")};
	assert_int_equal(terminology_validate_in(own->terminology, &a, own->canonical, NULL, &male, false).answer,
			 CODE_IN);
	assert_int_equal(terminology_validate_in(shared->terminology, &a, own->canonical, NULL, &male, false).reason,
			 CODE_VALUE_SET_UNKNOWN);
	knowledge_discard(own);
	knowledge_leave(k, shared);
	knowledge_close(k);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse),
					   cmocka_unit_test(test_levels_and_missing_profiles),
					   cmocka_unit_test(test_extend)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
