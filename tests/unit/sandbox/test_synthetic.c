/* The synthetic population: the same bytes for the same seed, sound links, values that fit the problems, and dirt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/map.h"
#include "fhir/resource.h"
#include "json/json.h"
#include "sandbox/sandbox.h"

#define TODAY INT64_C(1795478400000) /* 2026-11-24 */

/* What one walk over a population gathers. */
struct census {
	unsigned patients, female, children, old;
	unsigned no_mrn, hyphen, accent, in_error, resolved, unitless, no_allergy;
	unsigned observations, conditions, encounters, medications;
	unsigned diabetics, a1c_diabetic, a1c_other;
	double a1c_diabetic_sum, a1c_other_sum;
	uint64_t hash;
};

static bool has_code(const struct json *concept, const char *code)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it)) {
		if (str_is(json_get_str(it.value, S("code")), code))
			return true;
	}
	return false;
}

static void see_patient(struct census *c, const struct json *r)
{
	struct str family = json_get_str(json_at(json_get(r, S("name")), 0), S("family"));
	int64_t year = 0;
	assert_true(str_to_i64(str_slice(json_get_str(r, S("birthDate")), 0, 4), &year));
	assert_in_range(year, 1926, 2026);
	c->patients++;
	c->female += str_is(json_get_str(r, S("gender")), "female");
	c->children += year > 2008;
	c->old += year < 1962;
	c->no_mrn += !json_get(r, S("identifier"));
	c->hyphen += str_find_char(family, '-', 0) != STR_NONE;
	for (size_t i = 0; i < family.n; i++) {
		if ((unsigned char)family.p[i] >= 0x80) {
			c->accent++;
			break;
		}
	}
}

static void see_condition(struct census *c, const struct json *r, bool *diabetic)
{
	bool in_error = has_code(json_get(r, S("verificationStatus")), "entered-in-error");
	c->conditions++;
	c->in_error += in_error;
	assert_int_equal(in_error, !json_get(r, S("clinicalStatus")));
	bool resolved = has_code(json_get(r, S("clinicalStatus")), "resolved");
	c->resolved += resolved;
	assert_int_equal(resolved, json_get(r, S("abatementDateTime")) != NULL);
	assert_true(json_size(json_get(json_get(r, S("code")), S("coding"))) > 0);
	const struct json *code = json_get(r, S("code"));
	if (!in_error && (has_code(code, "E11.9") || has_code(code, "44054006") || has_code(code, "E10.9")))
		*diabetic = true;
}

static void see_observation(struct census *c, const struct json *r, bool diabetic)
{
	const struct json *quantity = json_get(r, S("valueQuantity"));
	c->observations++;
	if (json_get(r, S("component"))) {
		assert_int_equal(json_size(json_get(r, S("component"))), 2);
		return;
	}
	assert_true(json_is(json_get(quantity, S("value")), JSON_NUMBER));
	c->unitless += !json_get(quantity, S("unit"));
	if (!has_code(json_get(r, S("code")), "4548-4"))
		return;
	double value = strtod(json_number(json_get(quantity, S("value"))).p, NULL);
	c->a1c_diabetic += diabetic;
	c->a1c_other += !diabetic;
	*(diabetic ? &c->a1c_diabetic_sum : &c->a1c_other_sum) += value;
}

/* What the server's own door would say to it. */
static void check_resource(struct arena *a, const struct json *r)
{
	struct issues findings;
	issues_init(&findings, a);
	if (!resource_check(definitions_builtin(), r, &findings))
		fail_msg("%.*s: %.*s", STR_ARG(findings.first->path), STR_ARG(findings.first->text));
	assert_int_equal(findings.count, 0);
}

/* Every reference must lead to a resource of the same Bundle. */
static void check_references(const struct json *j, const struct map *known)
{
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		if (it.key.p && str_is(it.key, "reference"))
			assert_non_null(map_get(known, json_str(it.value)));
		else
			check_references(it.value, known);
	}
}

static bool see_bundle(void *ctx, struct str text, struct error *err)
{
	struct census *c = ctx;
	struct arena a;
	struct map known;
	bool diabetic = false;
	for (size_t i = 0; i < text.n; i++)
		c->hash = (c->hash ^ (unsigned char)text.p[i]) * UINT64_C(1099511628211);
	arena_init(&a, ARENA_NO_CAP);
	map_init(&known, 10000);
	assert_true(str_is_utf8(text));
	const struct json *bundle = json_parse(&a, text, 0, err);
	assert_non_null(bundle);
	assert_true(str_is(json_get_str(bundle, S("type")), "collection"));
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	while (json_next(&it)) {
		const struct json *r = json_get(it.value, S("resource"));
		struct str type = json_get_str(r, S("resourceType"));
		bool fresh = false;
		check_resource(&a, r);
		assert_non_null(map_put(&known,
					arena_printf(&a, "%.*s/%.*s", STR_ARG(type), STR_ARG(json_get_str(r, S("id")))),
					&fresh));
		assert_true(fresh);
		if (str_is(type, "Patient"))
			see_patient(c, r);
		else if (str_is(type, "Condition"))
			see_condition(c, r, &diabetic);
		else if (str_is(type, "Observation"))
			see_observation(c, r, diabetic);
		c->encounters += str_is(type, "Encounter");
		c->medications += str_is(type, "MedicationRequest");
		c->no_allergy += str_is(type, "AllergyIntolerance") && has_code(json_get(r, S("code")), "716186003");
	}
	c->diabetics += diabetic;
	check_references(bundle, &known);
	map_done(&known);
	arena_done(&a);
	return true;
}

static struct census take_census(uint64_t seed, unsigned patients)
{
	struct census c = {.hash = 7};
	struct error err = {0};
	struct synthetic_options o = {.seed = seed, .patients = patients, .today_ms = TODAY};
	assert_true(synthetic_population(&o, see_bundle, &c, &err));
	assert_int_equal(c.patients, patients);
	return c;
}

static void the_seed_decides_every_byte(void **state)
{
	(void)state;
	struct census one = take_census(42, 60), again = take_census(42, 60), other = take_census(43, 60);
	assert_true(one.hash == again.hash);
	assert_true(one.hash != other.hash);
	/* The same on every machine and compiler: renew only when the tables or the drawing change on purpose. */
	assert_true(one.hash == UINT64_C(0x8d2c4caa5af51648));
}

static void sixty_patients_are_a_believable_clinic(void **state)
{
	(void)state;
	struct census c = take_census(1, 60);
	assert_in_range(c.female, 18, 45);
	assert_in_range(c.old, 10, 45);
	assert_in_range(c.conditions, 60, 500);
	assert_in_range(c.encounters, 120, 600);
	assert_in_range(c.observations, 1000, 6000);
	assert_in_range(c.medications, 30, 400);
	assert_in_range(c.diabetics, 2, 25);
}

static void every_population_has_its_dirt(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct census c = take_census(seed, 60);
		assert_true(c.no_mrn >= 1 && c.no_mrn < 10);
		assert_true(c.hyphen >= 1);
		assert_true(c.accent >= 1);
		assert_true(c.in_error >= 1);
		assert_true(c.resolved >= 1);
		assert_true(c.unitless >= 1);
		assert_true(c.no_allergy >= 10);
	}
}

static void values_follow_the_problems(void **state)
{
	(void)state;
	struct census c = take_census(9, 400);
	assert_true(c.children > 20);
	assert_true(c.a1c_diabetic > 20 && c.a1c_other > 100);
	double sick = c.a1c_diabetic_sum / c.a1c_diabetic, well = c.a1c_other_sum / c.a1c_other;
	assert_true(sick > well + 1);
	assert_true(well > 4.8 && well < 6);
}

static bool stop_at_once(void *ctx, struct str bundle, struct error *err)
{
	(void)bundle;
	++*(unsigned *)ctx;
	return error_set(err, ERR_IO, "enough");
}

static void stops_when_told(void **state)
{
	(void)state;
	unsigned calls = 0;
	struct error err = {0};
	struct synthetic_options o = {.seed = 1, .patients = 10, .today_ms = TODAY};
	assert_false(synthetic_population(&o, stop_at_once, &calls, &err));
	assert_int_equal(calls, 1);
	assert_int_equal(err.code, ERR_IO);
	o.patients = 0;
	assert_true(synthetic_population(&o, stop_at_once, &calls, &err));
	assert_int_equal(calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_seed_decides_every_byte),
		cmocka_unit_test(sixty_patients_are_a_believable_clinic),
		cmocka_unit_test(every_population_has_its_dirt),
		cmocka_unit_test(values_follow_the_problems),
		cmocka_unit_test(stops_when_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
