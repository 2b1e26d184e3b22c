/* Laboratory values from Observations, and what a warning says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "clinical/interaction.h"

#define LOINC "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\""

struct fixture {
	struct arena arena;
	struct knowledge *knowledge;
	int64_t now_ms;
};

static int setup(void **state)
{
	static struct fixture f;
	struct error err = {0};
	arena_init(&f.arena, (size_t)64 << 20);
	f.knowledge = knowledge_new(&f.arena, NULL, 0, &err);
	f.now_ms = clock_days_from_date(2026, 11, 26) * INT64_C(86400000);
	*state = &f;
	return f.knowledge ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	knowledge_free(f->knowledge);
	arena_done(&f->arena);
	return 0;
}

static const struct json *observation(struct fixture *f, const char *code, const char *status, const char *when,
				      const char *quantity)
{
	struct error err = {0};
	const struct json *j = json_parse(&f->arena,
					  arena_printf(&f->arena,
						       "{\"resourceType\":\"Observation\",\"status\":\"%s\"," LOINC
						       "%s\"}]},\"effectiveDateTime\":\"%s\",\"valueQuantity\":{%s}}",
						       status, code, when, quantity),
					  0, &err);
	assert_non_null(j);
	return j;
}

static const struct {
	const char *code, *status, *when, *quantity;
	enum lab lab; /* LAB_COUNT: not taken */
	double value;
} single[] = {
	{"2823-3", "final", "2026-11-20", "\"value\":5.6,\"code\":\"mmol/L\"", LAB_POTASSIUM, 5.6},
	{"6298-4", "corrected", "2026-11-20T08:00:00Z", "\"value\":4.1,\"unit\":\"mEq/L\"", LAB_POTASSIUM, 4.1},
	{"98979-8", "amended", "2026-11-26", "\"value\":28,\"code\":\"mL/min/{1.73_m2}\"", LAB_EGFR, 28},
	{"6301-6", "final", "2026-11-25", "\"value\":3.4,\"code\":\"{INR}\"", LAB_INR, 3.4},
	{"6301-6", "final", "2026-11-25", "\"value\":3.4", LAB_INR, 3.4},
	{"62238-1", "final", "2026-11-20", "\"value\":28,\"unit\":\"mL/min/1.73 m^2\"", LAB_EGFR, 28},
	{"33914-3", "final", "2026-11-20", "\"value\":28,\"unit\":\"mL/min\"", LAB_EGFR, 28},
	{"48642-3", "final", "2026-11-20", "\"value\":60,\"comparator\":\">\",\"unit\":\"mL/min/1.73 sq m\"", LAB_EGFR,
	 60},
	{"39789-3", "final", "2026-11-20", "\"value\":6.1,\"code\":\"mmol/L\"", LAB_POTASSIUM, 6.1},
	{"46418-0", "final", "2026-11-20", "\"value\":2.4,\"unit\":\"{INR}\"", LAB_INR, 2.4},
	/* what must not be taken for a value */
	{"22760-3", "final", "2026-11-20", "\"value\":21.9,\"code\":\"mg/dL\"", LAB_COUNT, 0},
	{"2824-1", "final", "2026-11-20", "\"value\":95,\"code\":\"mmol/L\"", LAB_COUNT, 0},
	{"62238-1", "final", "2026-11-20", "\"value\":1.2,\"unit\":\"mL/s\"", LAB_COUNT, 0},
	{"2823-3", "final", "2026-11-20", "\"value\":5.6", LAB_COUNT, 0},
	{"2823-3", "final", "2026-11-20", "\"value\":219,\"code\":\"mg/dL\"", LAB_COUNT, 0},
	{"2823-3", "preliminary", "2026-11-20", "\"value\":5.6,\"code\":\"mmol/L\"", LAB_COUNT, 0},
	{"2823-3", "entered-in-error", "2026-11-20", "\"value\":5.6,\"code\":\"mmol/L\"", LAB_COUNT, 0},
	{"2823-3", "final", "2026-08-01", "\"value\":5.6,\"code\":\"mmol/L\"", LAB_COUNT, 0},
	{"2823-3", "final", "2027-01-01", "\"value\":5.6,\"code\":\"mmol/L\"", LAB_COUNT, 0},
	{"2823-3", "final", "2026", "\"value\":5.6,\"code\":\"mmol/L\"", LAB_COUNT, 0},
	{"2823-3", "final", "2026-11-20", "\"code\":\"mmol/L\"", LAB_COUNT, 0},
	{"2345-7", "final", "2026-11-20", "\"value\":5.6,\"code\":\"mmol/L\"", LAB_COUNT, 0},
};

static void single_values(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
		const struct json *o =
			observation(f, single[i].code, single[i].status, single[i].when, single[i].quantity);
		struct lab_values got;
		lab_values_read(&o, 1, f->now_ms, &got);
		for (enum lab lab = 0; lab < LAB_COUNT; lab++)
			if (got.of[lab].known != (lab == single[i].lab) ||
			    (got.of[lab].known && got.of[lab].value != single[i].value))
				fail_msg("row %zu: lab %d: known %d, %g", i, (int)lab, got.of[lab].known,
					 got.of[lab].value);
	}
}

static void newest_of_each(void **state)
{
	struct fixture *f = *state;
	const char *mmol = "\"value\":%s,\"code\":\"mmol/L\"";
	const struct json *list[] = {
		observation(f, "2823-3", "final", "2026-11-20", arena_printf(&f->arena, mmol, "4.4").p),
		observation(f, "2823-3", "final", "2026-11-22", arena_printf(&f->arena, mmol, "5.2").p),
		observation(f, "6298-4", "final", "2026-11-21", arena_printf(&f->arena, mmol, "6.0").p),
		observation(f, "2823-3", "final", "2026-11-22T23:30:00-05:00", arena_printf(&f->arena, mmol, "5.3").p),
		observation(f, "2823-3", "final", "2026-11-23T01:00:00Z", arena_printf(&f->arena, mmol, "5.1").p),
		observation(f, "6301-6", "final", "2026-11-19", "\"value\":2.5,\"code\":\"{INR}\""),
	};
	struct lab_values got;
	lab_values_read(list, 6, f->now_ms, &got);
	assert_true(str_is(lab_text(&f->arena, LAB_POTASSIUM, &got.of[LAB_POTASSIUM]),
			   "potassium 5.3 mmol/L (2026-11-22)"));
	assert_true(str_is(lab_text(&f->arena, LAB_INR, &got.of[LAB_INR]), "INR 2.5 (2026-11-19)"));
	assert_false(got.of[LAB_EGFR].known);
}

/* Two drugs by RXCUI, an Observation, and what the finding says of it. */
static const struct {
	const char *draft, *taken, *code, *quantity;
	enum level level;
	const char *note;
} notes[] = {
	/* lisinopril with potassium chloride */
	{"29046", "8591", "2823-3", "\"value\":5.6,\"code\":\"mmol/L\"", LEVEL_CRITICAL,
	 "potassium 5.6 mmol/L (2026-11-20)"},
	{"29046", "8591", "2823-3", "\"value\":4.0,\"code\":\"mmol/L\"", LEVEL_WARNING, ""},
	/* a bound is no value: more than 4.0 may be more than 5, but nobody knows */
	{"29046", "8591", "2823-3", "\"value\":4.0,\"comparator\":\">\",\"code\":\"mmol/L\"", LEVEL_WARNING, ""},
	{"29046", "8591", "2823-3", "\"value\":9.0,\"comparator\":\">\",\"code\":\"mmol/L\"", LEVEL_CRITICAL,
	 "potassium above 9.0 mmol/L (2026-11-20)"},
	{"29046", "8591", "98979-8", "\"value\":15,\"comparator\":\"<\",\"unit\":\"mL/min/1.73m2\"", LEVEL_CRITICAL,
	 "eGFR below 15 mL/min/1.73 m2 (2026-11-20)"},
	{"29046", "8591", "98979-8", "\"value\":25,\"comparator\":\">\",\"unit\":\"mL/min/1.73m2\"", LEVEL_WARNING, ""},
	/* iohexol with metformin */
	{"5956", "6809", "48642-3", "\"value\":60,\"comparator\":\">\",\"unit\":\"mL/min/1.73m2\"", LEVEL_INFO,
	 "eGFR above 60 mL/min/1.73 m2 (2026-11-20)"},
	/* sulfamethoxazole with warfarin: the rule speaks of INR */
	{"10180", "11289", "6301-6", "\"value\":3.4,\"code\":\"{INR}\"", LEVEL_WARNING, "INR 3.4 (2026-11-20)"},
	{"10180", "11289", "2823-3", "\"value\":5.6,\"code\":\"mmol/L\"", LEVEL_WARNING, ""},
};

static void medication(struct fixture *f, const char *rxcui, struct medication *ret)
{
	struct error err = {0};
	struct str text =
		arena_printf(&f->arena,
			     "{\"resourceType\":\"MedicationRequest\",\"status\":\"active\","
			     "\"medicationCodeableConcept\":{\"coding\":"
			     "[{\"system\":\"http://www.nlm.nih.gov/research/umls/rxnorm\",\"code\":\"%s\"}]}}",
			     rxcui);
	const struct json *record = json_parse(&f->arena, text, 0, &err);
	assert_true(medication_read(f->knowledge, &f->arena, record, NULL, f->now_ms, ret, &err));
	assert_int_equal(ret->count, 1);
}

static void values_beside_warnings(void **state)
{
	struct fixture *f = *state;
	const struct policy policy = policy_default();
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		struct medication drugs[2];
		struct findings found = {0};
		struct lab_values labs;
		struct error err = {0};
		const struct json *o = observation(f, notes[i].code, "final", "2026-11-20", notes[i].quantity);
		medication(f, notes[i].draft, &drugs[0]);
		medication(f, notes[i].taken, &drugs[1]);
		lab_values_read(&o, 1, f->now_ms, &labs);
		assert_true(interactions_check(f->knowledge, &policy, S(""), &f->arena, drugs, 2, 1, &labs, f->now_ms,
					       &found, &err));
		assert_int_equal(found.count, 1);
		assert_int_equal(found.items[0].level, notes[i].level);
		if (!str_is(found.items[0].note, notes[i].note))
			fail_msg("row %zu says \"%.*s\"", i, STR_ARG(found.items[0].note));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_values),
		cmocka_unit_test(newest_of_each),
		cmocka_unit_test(values_beside_warnings),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
