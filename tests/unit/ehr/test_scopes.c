/* Scopes asked for against scopes granted, in both grammars, and the words for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ehr/login.h"

static void compares(void **state)
{
	(void)state;
	static const struct {
		const char *requested, *granted, *fates; /* G granted, P partly, R refused, U not asked for */
	} cases[] = {
		{"openid fhirUser", "fhirUser openid", "GG"},
		{"patient/Observation.rs", "patient/Observation.read", "G"},
		{"patient/Observation.read", "patient/Observation.rs", "G"},
		{"patient/Observation.rs", "patient/Observation.r patient/Observation.s", "G"},
		{"patient/Observation.rs", "patient/Observation.r", "P"},
		{"patient/Observation.rs", "patient/*.cruds", "GU"},
		{"patient/*.rs", "patient/Observation.rs patient/Patient.rs", "P"},
		{"patient/Observation.rs", "user/Observation.rs", "RU"},
		{"patient/Observation.rs", "patient/Observation.rs?category=laboratory", "P"},
		{"patient/Observation.rs?category=laboratory", "patient/Observation.rs", "GU"},
		{"launch/patient offline_access", "launch/patient", "GR"},
		{"online_access", "offline_access", "GU"}, /* Epic reads it so */
		{"openid", "", "R"},
		{"", "system/CriteriaReview.read", "U"},
		{"openid openid", "openid", "G"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct arena a;
		struct error err = {0};
		struct ehr_scope_line *lines;
		size_t count;
		char fates[16] = "";
		arena_init(&a, 1 << 20);
		assert_true(ehr_scope_compare(&a, str_from(cases[i].requested), str_from(cases[i].granted), &lines,
					      &count, &err));
		for (size_t k = 0; k < count && k < 15; k++)
			fates[k] = "GPRU"[lines[k].fate];
		if (strcmp(fates, cases[i].fates))
			fail_msg("%s against %s: %s instead of %s", cases[i].requested, cases[i].granted, fates,
				 cases[i].fates);
		arena_done(&a);
	}
}

static void tells(void **state)
{
	(void)state;
	static const struct {
		const char *scope, *words;
	} cases[] = {
		{"patient/Observation.rs", "read and search Observation of the patient"},
		{"user/*.cruds", "read, search, create, change and delete everything that the person may see"},
		{"system/Patient.r", "read Patient of everyone"},
		{"patient/Observation.s?category=laboratory",
		 "search Observation of the patient, only category=laboratory"},
		{"offline_access", "stay logged in when the person has gone"},
		{"epic.scanning", "the EHR's own"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct arena a;
		struct error err = {0};
		struct ehr_scope_line *lines;
		size_t count;
		arena_init(&a, 1 << 20);
		assert_true(ehr_scope_compare(&a, str_from(cases[i].scope), S(""), &lines, &count, &err));
		assert_int_equal(count, 1);
		assert_true(str_is(lines[0].words, cases[i].words));
		arena_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(compares), cmocka_unit_test(tells)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
