/* The definitions: facts of the specification that anyone can look up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/map.h"
#include "fhir/definitions.h"

static const struct fhir_element *element(const char *type, const char *property, const struct fhir_type **ret_type)
{
	const struct fhir_type *t = definitions_type(definitions_builtin(), str_from(type));
	assert_non_null(t);
	return definitions_element(t, str_from(property), ret_type);
}

static void counts_are_those_of_the_release(void **state)
{
	(void)state;
	const struct definitions *d = definitions_builtin();
	/* the concrete types of http://hl7.org/fhir/R4/resourcelist.html */
	assert_int_equal(definitions_resource_count(d), 146);
	assert_true(definitions_type_count(d) > 600);
	for (size_t i = 1; i < definitions_resource_count(d); i++)
		assert_true(str_cmp(definitions_resource_at(d, i - 1)->name, definitions_resource_at(d, i)->name) < 0);
}

static void elements_have_types_and_cardinality(void **state)
{
	(void)state;
	static const struct {
		const char *type, *property, *value_type;
		uint32_t min, max;
	} cases[] = {
		{"Patient", "contact", "Patient.contact", 0, UINT32_MAX},
		{"Patient", "birthDate", "date", 0, 1},
		{"Patient", "deceasedBoolean", "boolean", 0, 1},
		{"Patient.link", "other", "Reference", 1, 1},
		{"Observation", "status", "code", 1, 1},
		{"Observation", "valueQuantity", "Quantity", 0, 1},
		{"Observation.component", "referenceRange", "Observation.referenceRange", 0, UINT32_MAX},
		{"Observation", "id", "id", 0, 1},
		{"Observation", "contained", "Resource", 0, UINT32_MAX},
		{"Extension", "valueCodeableConcept", "CodeableConcept", 0, 1},
		{"Questionnaire.item", "item", "Questionnaire.item", 0, UINT32_MAX},
		{"HumanName", "family", "string", 0, 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fhir_type *type = NULL;
		const struct fhir_element *e = element(cases[i].type, cases[i].property, &type);
		assert_non_null(e);
		assert_true(str_is(type->name, cases[i].value_type));
		assert_int_equal(e->min, cases[i].min);
		assert_int_equal(e->max, cases[i].max);
	}
}

static void what_is_not_defined_is_not_found(void **state)
{
	(void)state;
	const struct fhir_type *type = NULL;
	assert_null(element("Patient", "nonsense", &type));
	assert_null(element("Observation", "value", &type));
	assert_null(element("Observation", "valuequantity", &type));
	assert_null(element("Observation", "valueAddress", &type));
	assert_null(definitions_resource(definitions_builtin(), S("Resource")));
	assert_null(definitions_resource(definitions_builtin(), S("HumanName")));
	assert_null(definitions_type(definitions_builtin(), S("Nonsense")));
}

static void search_params_have_an_expression_of_their_type(void **state)
{
	(void)state;
	const struct definitions *d = definitions_builtin();
	const struct search_param *p = definitions_search_param(definitions_resource(d, S("Patient")), S("email"));
	assert_non_null(p);
	assert_true(str_is(p->expression, "Patient.telecom.where(system='email')"));
	assert_int_equal(p->type, PARAM_TOKEN);
	p = definitions_search_param(definitions_resource(d, S("Observation")), S("value-quantity"));
	assert_true(str_is(p->expression, "(Observation.value as Quantity) | (Observation.value as SampledData)"));
	p = definitions_search_param(definitions_resource(d, S("Condition")), S("patient"));
	assert_true(str_is(p->expression, "Condition.subject.where(resolve() is Patient)"));
	assert_null(definitions_search_param(definitions_resource(d, S("Patient")), S("part-agree")));
	size_t pairs = 0;
	for (size_t i = 0; i < definitions_resource_count(d); i++) {
		const struct fhir_type *type = definitions_resource_at(d, i);
		for (size_t k = 0; k < type->search_param_count; k++, pairs++)
			if (type->search_params[k].type != PARAM_SPECIAL &&
			    !str_starts(type->search_params[k].code, S("_")))
				assert_non_null(type->search_params[k].expression.p);
	}
	assert_true(pairs > 1500);
}

/* The official list has 1,375 parameters; http://hl7.org/fhir/R4/searchparameter-registry.html. Those without an
 * expression are answered by the server itself. */
static void search_params_are_the_official_ones(void **state)
{
	(void)state;
	const struct definitions *d = definitions_builtin();
	struct map urls;
	map_init(&urls, 5000);
	for (size_t i = 0; i < definitions_resource_count(d); i++) {
		const struct fhir_type *type = definitions_resource_at(d, i);
		for (size_t k = 0; k < type->search_param_count; k++) {
			const struct search_param *p = &type->search_params[k];
			assert_non_null(map_put(&urls, p->url, NULL));
			assert_true(k == 0 || str_cmp(p[-1].code, p->code) < 0);
			assert_ptr_equal(definitions_search_param(type, p->code), p);
			bool bare =
				str_is(p->code, "_query") || str_is(p->code, "_content") || str_is(p->code, "_text");
			assert_int_equal(p->expression.p == NULL, bare);
			/* what is cut for one type names no other resource type */
			struct str rest = p->expression;
			size_t dot = rest.p ? str_find_char(rest, '.', 0) : STR_NONE;
			struct str start = dot == STR_NONE ? STR_NULL : str_slice(rest, 0, dot);
			if (start.n && definitions_resource(d, start))
				assert_true(str_eq(start, type->name));
			for (size_t t = 0; t < p->target_count; t++)
				assert_non_null(definitions_type(d, p->targets[t]));
		}
	}
	assert_int_equal(urls.count, 1375);
	map_done(&urls);
}

/* What every walk over the definitions relies on. */
static void the_graph_is_closed(void **state)
{
	(void)state;
	const struct definitions *d = definitions_builtin();
	size_t required = 0, unknown = 0, patterns = 0;
	for (size_t i = 0; i < definitions_type_count(d); i++) {
		const struct fhir_type *type = definitions_type_at(d, i);
		assert_ptr_equal(definitions_type(d, type->name), type);
		assert_true(type->base || str_is(type->name, "Element") || str_is(type->name, "Resource"));
		assert_int_equal(type->kind == TYPE_PRIMITIVE, type->primitive != PRIMITIVE_NONE);
		patterns += type->pattern.n > 0;
		for (size_t k = 0; k < type->element_count; k++) {
			const struct fhir_element *e = &type->elements[k];
			assert_true(e->type_count > 0 && e->name.n > 0 && e->min <= e->max);
			assert_true(e->choice || e->type_count == 1 || str_ends(e->path, e->name));
			for (size_t t = 0; t < e->type_count; t++)
				assert_non_null(e->types[t].type);
			if (e->strength == BINDING_REQUIRED) {
				required++;
				unknown += definitions_code_in(d, e->value_set, S("no such code")) < 0;
			}
		}
	}
	assert_int_equal(patterns, 19); /* all primitives but xhtml */
	assert_true(required > 300);
	assert_true(unknown * 10 < required); /* currencies, media types, units */
}

static void required_codes_are_known(void **state)
{
	(void)state;
	const struct definitions *d = definitions_builtin();
	struct str gender = S("http://hl7.org/fhir/ValueSet/administrative-gender");
	assert_int_equal(definitions_code_in(d, gender, S("female")), 1);
	assert_int_equal(definitions_code_in(d, gender, S("Female")), 0);
	assert_int_equal(definitions_code_in(d, S("http://hl7.org/fhir/ValueSet/observation-status"), S("final")), 1);
	assert_int_equal(definitions_code_in(d, S("http://hl7.org/fhir/ValueSet/mimetypes"), S("text/plain")), -1);
	assert_int_equal(definitions_code_in(d, S("http://example.org/none"), S("x")), -1);
}

static void composites_have_parameters_as_parts(void **state)
{
	(void)state;
	const struct definitions *d = definitions_builtin();
	size_t composites = 0;
	for (size_t i = 0; i < definitions_resource_count(d); i++) {
		const struct fhir_type *type = definitions_resource_at(d, i);
		for (size_t k = 0; k < type->search_param_count; k++) {
			const struct search_param *p = &type->search_params[k];
			composites += p->type == PARAM_COMPOSITE;
			assert_true((p->type == PARAM_COMPOSITE) == (p->component_count > 0));
			for (size_t c = 0; c < p->component_count; c++)
				assert_ptr_equal(definitions_search_param(type, p->components[c].param->code),
						 p->components[c].param);
		}
	}
	assert_true(composites > 40);
	const struct fhir_type *observation = definitions_resource(d, S("Observation"));
	const struct search_param *whole = definitions_search_param(observation, S("code-value-quantity"));
	const struct search_param *paired = definitions_search_param(observation, S("component-code-value-quantity"));
	assert_true(str_is(whole->components[1].param->code, "value-quantity") && whole->components[1].whole);
	assert_true(str_is(paired->components[0].param->code, "component-code") && !paired->components[0].whole);
}

static void compartments_name_references(void **state)
{
	(void)state;
	const struct definitions *d = definitions_builtin();
	static const char *const names[] = {"Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct fhir_type *type = definitions_resource(d, str_from(names[i]));
		const struct compartment *c = definitions_compartment(d, type);
		assert_non_null(c);
		assert_true(c->member_count > 10);
		for (size_t k = 0; k < c->member_count; k++)
			for (size_t p = 0; p < c->members[k].param_count; p++) {
				const struct search_param *param =
					definitions_search_param(c->members[k].type, c->members[k].params[p]);
				if (!param || param->type != PARAM_REFERENCE)
					fail_msg("%s: %.*s", names[i], STR_ARG(c->members[k].params[p]));
			}
	}
	const struct compartment *patient = definitions_compartment(d, definitions_resource(d, S("Patient")));
	const struct compartment_member *m = compartment_member(patient, definitions_resource(d, S("Observation")));
	assert_int_equal(m->param_count, 2);
	assert_null(compartment_member(patient, definitions_resource(d, S("Location"))));
	assert_null(definitions_compartment(d, definitions_resource(d, S("Location"))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(composites_have_parameters_as_parts),
		cmocka_unit_test(compartments_name_references),
		cmocka_unit_test(counts_are_those_of_the_release),
		cmocka_unit_test(elements_have_types_and_cardinality),
		cmocka_unit_test(what_is_not_defined_is_not_found),
		cmocka_unit_test(search_params_have_an_expression_of_their_type),
		cmocka_unit_test(search_params_are_the_official_ones),
		cmocka_unit_test(the_graph_is_closed),
		cmocka_unit_test(required_codes_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
