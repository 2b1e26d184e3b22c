/* Two patients: what each field says, the rules above the sum, and weights from configuration. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/rest/operations/match.h"

static struct match_result compare(const char *a_text, const char *b_text, int64_t population)
{
	struct arena a;
	struct error err = {0};
	struct match_result r;
	arena_init(&a, 1 << 20);
	const struct json *x = json_parse(&a, str_from(a_text), 0, &err),
			  *y = json_parse(&a, str_from(b_text), 0, &err);
	assert_true(x && y);
	assert_true(match_compare(&a, &match_default_weights, population, x, y, &r));
	arena_done(&a);
	return r;
}

static void test_fields(void **state)
{
	(void)state;
	static const struct {
		enum match_field field;
		const char *a, *b;
		enum match_outcome outcome;
	} cases[] = {
		{MATCH_family, "{\"name\":[{\"family\":\"Müller\"}]}", "{\"name\":[{\"family\":\"muller\"}]}",
		 MATCH_AGREES},
		{MATCH_family, "{\"name\":[{\"family\":\"Lindqvist\"}]}", "{\"name\":[{\"family\":\"Lindqist\"}]}",
		 MATCH_NEAR},
		{MATCH_family, "{\"name\":[{\"family\":\"Lee\"}]}", "{\"name\":[{\"family\":\"Lea\"}]}", MATCH_DIFFERS},
		{MATCH_family, "{\"name\":[{\"family\":\"Old\"},{\"family\":\"New\"}]}",
		 "{\"name\":[{\"family\":\"New\"}]}", MATCH_AGREES},
		{MATCH_family, "{}", "{\"name\":[{\"family\":\"New\"}]}", MATCH_MISSING},
		{MATCH_given, "{\"name\":[{\"given\":[\"J\"]}]}", "{\"name\":[{\"given\":[\"John\"]}]}", MATCH_NEAR},
		{MATCH_given, "{\"name\":[{\"given\":[\"Ann\",\"Mary\"]}]}", "{\"name\":[{\"given\":[\"Mary\"]}]}",
		 MATCH_AGREES},
		{MATCH_birthdate, "{\"birthDate\":\"1975-06-30\"}", "{\"birthDate\":\"1975-06-30\"}", MATCH_AGREES},
		{MATCH_birthdate, "{\"birthDate\":\"1975-06-03\"}", "{\"birthDate\":\"1975-03-06\"}", MATCH_NEAR},
		{MATCH_birthdate, "{\"birthDate\":\"1975-06-30\"}", "{\"birthDate\":\"1976-06-30\"}", MATCH_NEAR},
		{MATCH_birthdate, "{\"birthDate\":\"1975\"}", "{\"birthDate\":\"1975-06-30\"}", MATCH_NEAR},
		{MATCH_birthdate, "{\"birthDate\":\"1975-06-30\"}", "{\"birthDate\":\"1986-07-30\"}", MATCH_DIFFERS},
		{MATCH_gender, "{\"gender\":\"male\"}", "{\"gender\":\"female\"}", MATCH_DIFFERS},
		{MATCH_gender, "{\"gender\":\"male\"}", "{\"gender\":\"unknown\"}", MATCH_MISSING},
		{MATCH_identifier, "{\"identifier\":[{\"system\":\"a\",\"value\":\"1\"}]}",
		 "{\"identifier\":[{\"system\":\"a\",\"value\":\"1\"}]}", MATCH_AGREES},
		{MATCH_identifier, "{\"identifier\":[{\"system\":\"a\",\"value\":\"1\"}]}",
		 "{\"identifier\":[{\"system\":\"a\",\"value\":\"2\"}]}", MATCH_DIFFERS},
		{MATCH_identifier, "{\"identifier\":[{\"system\":\"a\",\"value\":\"1\"}]}",
		 "{\"identifier\":[{\"system\":\"b\",\"value\":\"1\"}]}", MATCH_MISSING},
		{MATCH_phone, "{\"telecom\":[{\"system\":\"phone\",\"value\":\"+46 70-123 45 67\"}]}",
		 "{\"telecom\":[{\"system\":\"phone\",\"value\":\"070 123 45 67\"}]}", MATCH_AGREES},
		{MATCH_email, "{\"telecom\":[{\"system\":\"email\",\"value\":\"A@example.org\"}]}",
		 "{\"telecom\":[{\"system\":\"email\",\"value\":\"a@example.org\"}]}", MATCH_AGREES},
		{MATCH_address, "{\"address\":[{\"line\":[\"1 Main St\"],\"postalCode\":\"12345-6789\"}]}",
		 "{\"address\":[{\"line\":[\"1 MAIN ST\"],\"postalCode\":\"12345\"}]}", MATCH_AGREES},
		{MATCH_address, "{\"address\":[{\"line\":[\"1 Main St\"],\"postalCode\":\"12345\"}]}",
		 "{\"address\":[{\"line\":[\"2 Main St\"],\"postalCode\":\"12345\"}]}", MATCH_NEAR},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct match_result r = compare(cases[i].a, cases[i].b, 1000);
		if (r.outcomes[cases[i].field] != cases[i].outcome)
			print_message("case %zu: %s\n", i, match_outcome_name(r.outcomes[cases[i].field]));
		assert_int_equal(r.outcomes[cases[i].field], cases[i].outcome);
		assert_true(cases[i].outcome == MATCH_MISSING
				    ? r.weights[cases[i].field] == 0
				    : (r.weights[cases[i].field] < 0) == (cases[i].outcome == MATCH_DIFFERS));
	}
}

#define PERSON "\"name\":[{\"family\":\"Berg\",\"given\":[\"Eva\"]}],\"birthDate\":\"1980-02-03\",\"gender\":\"female\""

static void test_sum_and_rules(void **state)
{
	(void)state;
	/* log2(.95/.002) + log2(.92/.01) + log2(.98/.00004) + log2(.99/.5) */
	struct match_result r = compare("{" PERSON "}", "{" PERSON "}", 1000000);
	double expected = log2(.95 / .002) + log2(.92 / .01) + log2(.98 / .00004) + log2(.99 / .5);
	assert_true(fabs(r.weight - expected) < 1e-9);
	assert_true(fabs(r.probability - exp2(expected) / 1e6 / (1 + exp2(expected) / 1e6)) < 1e-9);
	assert_int_equal(r.grade, MATCH_PROBABLE);
	assert_null(r.rule);
	static const char id[] = "\"identifier\":[{\"system\":\"a\",\"value\":\"1\"}]";
	char with_id[512], other[512];
	snprintf(with_id, sizeof(with_id), "{%s,%s}", id, PERSON);
	assert_int_equal(compare(with_id, with_id, 1000000).grade, MATCH_CERTAIN);
	snprintf(other, sizeof(other), "{%s,\"name\":[{\"family\":\"Strand\"}],\"birthDate\":\"1951-11-17\"}", id);
	r = compare(with_id, other, 1000000);
	assert_int_equal(r.grade, MATCH_POSSIBLE);
	assert_non_null(r.rule);
	assert_int_equal(compare("{" PERSON "}", "{\"name\":[{\"family\":\"Berg\"}]}", 1000000).grade,
			 MATCH_CERTAINLY_NOT);
}

static void test_weights(void **state)
{
	(void)state;
	struct match_weights w = match_default_weights;
	struct error err = {0};
	assert_true(match_weights_parse(S("family=0.9/0.001/0.25 gender=0.8/0.5"), &w, &err));
	assert_true(w.fields[MATCH_family].m == 0.9 && w.fields[MATCH_family].u == 0.001 &&
		    w.fields[MATCH_family].partial == 0.25);
	assert_true(w.fields[MATCH_gender].m == 0.8 &&
		    w.fields[MATCH_given].m == match_default_weights.fields[MATCH_given].m);
	static const char *const bad[] = {"colour=0.9/0.1", "family=0.9",   "family=0.1/0.9",
					  "family=1/0.5",   "family=0.9/0", "family=0.9/0.1/0.5/0.5",
					  "family=x/y",	    "family"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error e = {0};
		assert_false(match_weights_parse(str_from(bad[i]), &w, &e));
		assert_int_equal(e.code, ERR_CONFIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_fields), cmocka_unit_test(test_sum_and_rules),
					   cmocka_unit_test(test_weights)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
