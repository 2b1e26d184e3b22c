/* Compiled profiles: what differs from the core type, slices, lookups and their failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "profile/profile.h"

#define PROFILE(name, base, elements)                                                                                  \
	"{\"resourceType\":\"StructureDefinition\",\"url\":\"http://x.test/" name                                      \
	"\",\"name\":\"A\",\"status\":\"active\",\"kind\":\"resource\",\"abstract\":false,\"type\":\"Patient\","       \
	"\"baseDefinition\":\"" base "\",\"derivation\":\"constraint\",\"differential\":{\"element\":[" elements "]}}"
#define PATIENT "http://hl7.org/fhir/StructureDefinition/Patient"

static const char *const definitions[] = {
	PROFILE("a", PATIENT,
		"{\"id\":\"Patient.gender\",\"path\":\"Patient.gender\",\"min\":1,\"fixedCode\":\"female\"},"
		"{\"id\":\"Patient.name.family\",\"path\":\"Patient.name.family\",\"min\":1},"
		"{\"id\":\"Patient.identifier\",\"path\":\"Patient.identifier\",\"slicing\":{\"discriminator\":["
		"{\"type\":\"value\",\"path\":\"type.coding.extension('http://x.test/e').value\"},"
		"{\"type\":\"value\",\"path\":\"a + b\"}],\"rules\":\"open\"}},"
		"{\"id\":\"Patient.identifier:one\",\"path\":\"Patient.identifier\",\"sliceName\":\"one\",\"min\":1}"),
	PROFILE("lost", "http://x.test/nowhere", "{\"id\":\"Patient.gender\",\"path\":\"Patient.gender\",\"min\":1}"),
	PROFILE("circle", "http://x.test/circle", "{\"id\":\"Patient.gender\",\"path\":\"Patient.gender\",\"min\":1}"),
};

struct world {
	struct canonicals *canonicals;
	struct profiles *profiles;
};

static int open_world(void **state)
{
	static struct world w;
	struct error err = {0};
	w.canonicals = canonicals_new(&err);
	assert_non_null(w.canonicals);
	for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++) {
		struct arena *a = canonicals_arena(w.canonicals);
		const struct json *j = json_parse(a, str_from(definitions[i]), 0, &err);
		assert_true(j && canonicals_add(w.canonicals, NULL, j, &err));
	}
	w.profiles = profiles_new(definitions_builtin(), w.canonicals, &err);
	assert_non_null(w.profiles);
	*state = &w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;
	profiles_free(w->profiles);
	canonicals_free(w->canonicals);
	return 0;
}

static void core_types_have_shapes(void **state)
{
	struct world *w = *state;
	const struct profile *p = profiles_type(w->profiles, S("Observation"));
	assert_non_null(p);
	assert_false(p->constraint);
	const struct profile_property *value = profile_property(p->root, S("valueQuantity"));
	assert_non_null(value);
	assert_true(str_is(value->element->name, "value") && value->element->choice);
	assert_true(str_is(value->type->code, "Quantity"));
	assert_null(profile_property(p->root, S("valueMoney")));
	assert_null(profile_property(p->root, S("value")));
	/* contentReference: the children are those of Observation.referenceRange */
	const struct profile_element *component = profile_child(p->root, S("component"));
	assert_non_null(profile_child(profile_child(component, S("referenceRange")), S("low")));
	assert_null(profiles_type(w->profiles, S("Nothing")));
	assert_ptr_equal(profiles_type(w->profiles, S("Observation")), p);
}

static void profiles_know_what_they_add(void **state)
{
	struct world *w = *state;
	const struct profile *p = profiles_find(w->profiles, S("http://x.test/a"), NULL, NULL);
	assert_non_null(p);
	assert_true(p->constraint && str_is(p->type, "Patient"));
	assert_int_equal(profile_child(p->root, S("gender"))->facts, FACT_MIN | FACT_VALUE);
	assert_int_equal(profile_child(p->root, S("name"))->facts, FACT_CHILDREN);
	assert_int_equal(profile_child(profile_child(p->root, S("name")), S("family"))->facts, FACT_MIN);
	assert_int_equal(profile_child(p->root, S("contact"))->facts, 0);
	assert_int_equal(profile_child(p->root, S("active"))->facts, 0);
	assert_int_equal(p->root->constraint_count, 0);
}

static void slices_hang_at_what_they_slice(void **state)
{
	struct world *w = *state;
	const struct profile *p = profiles_find(w->profiles, S("http://x.test/a"), NULL, NULL);
	const struct profile_element *e = profile_child(p->root, S("identifier"));
	assert_true(e->facts & FACT_SLICES);
	assert_int_equal(e->slice_count, 1);
	assert_ptr_equal(e->slices[0]->sliced, e);
	const struct discriminator *d = &e->slicing->discriminators[0];
	assert_int_equal(d->step_count, 4);
	assert_int_equal(d->steps[2].kind, STEP_EXTENSION);
	assert_true(str_is(d->steps[2].name, "http://x.test/e"));
	assert_false(d->broken);
	assert_true(e->slicing->discriminators[1].broken);
}

static void failures_say_why_every_time(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 2; i++) {
		struct error lost = {0}, circle = {0}, unknown = {0};
		assert_null(profiles_find(w->profiles, S("http://x.test/lost"), NULL, &lost));
		assert_int_not_equal(lost.code, ERR_NONE);
		assert_null(profiles_find(w->profiles, S("http://x.test/circle"), NULL, &circle));
		assert_int_not_equal(circle.code, ERR_NONE);
		assert_null(profiles_find(w->profiles, S("http://x.test/none"), NULL, &unknown));
		assert_int_equal(unknown.code, ERR_NONE);
	}
}

static void constraints_compile_once(void **state)
{
	struct world *w = *state;
	const struct profile *p = profiles_type(w->profiles, S("Questionnaire"));
	const struct profile_element *item = profile_child(p->root, S("item"));
	struct error err = {0};
	for (size_t i = 0; i < item->constraint_count; i++) {
		const struct profile_constraint *c = item->constraints[i];
		const struct path_program *program = constraint_program(w->profiles, c, &err);
		assert_non_null(program);
		assert_ptr_equal(constraint_program(w->profiles, c, &err), program);
		if (str_is(c->key, "que-12")) /* 4.0.1 writes > 2 where its sentence says more than one */
			assert_true(str_find(c->expression, S("> 1")) != STR_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(core_types_have_shapes),	  cmocka_unit_test(profiles_know_what_they_add),
		cmocka_unit_test(slices_hang_at_what_they_slice), cmocka_unit_test(failures_say_why_every_time),
		cmocka_unit_test(constraints_compile_once),
	};
	return cmocka_run_group_tests(tests, open_world, close_world);
}
