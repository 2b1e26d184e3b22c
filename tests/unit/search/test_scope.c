/*
 * Where queries are asked and what they ask others: types of the system and of compartments, value sets and hierarchies
 * of codes, chains between resources, and the limits that hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "search/search.h"

struct fixture {
	struct arena arena;
	struct error err;
	struct search_query query;
};

static const struct fhir_type *type_named(const char *name)
{
	return name ? definitions_resource(definitions_builtin(), str_from(name)) : NULL;
}

static bool parse(struct fixture *f, const char *type, const char *compartment, const char *query, bool lenient)
{
	struct search_scope scope = {type_named(type), type_named(compartment), S("1")};
	const struct search_options options = {.lenient = lenient};
	*f = (struct fixture){0};
	arena_init(&f->arena, 1 << 26);
	return search_parse_scope(definitions_builtin(), &f->arena, &scope, str_from(query), &options, &f->query,
				  &f->err);
}

static void scopes_have_their_parts(void **state)
{
	(void)state;
	static const struct {
		const char *type, *compartment, *query;
		size_t parts;
		enum error_code code;
		const char *says;
	} cases[] = {
		{NULL, NULL, "", 146, ERR_NONE, ""},
		{NULL, NULL, "_type=Patient,Observation", 2, ERR_NONE, ""},
		{NULL, NULL, "_type=Patient,Patient", 1, ERR_NONE, ""},
		{NULL, NULL, "_id=1&_type=Patient", 1, ERR_NONE, ""},
		{NULL, NULL, "_type=Patent", 0, ERR_VALUE, "no resource type"},
		{NULL, NULL, "_type=Patient&_type=Group", 0, ERR_VALUE, "more than once"},
		{NULL, NULL, "_type=Patient,Observation&patient=1", 0, ERR_UNKNOWN_PARAM, "Patient has no"},
		{NULL, NULL, "_type=Observation,Condition&patient=1", 2, ERR_NONE, ""},
		{NULL, NULL, "_tag=a&_lastUpdated=gt2020", 146, ERR_NONE, ""},
		{"Observation", "Patient", "", 1, ERR_NONE, ""},
		{"Patient", "Patient", "", 1, ERR_NONE, ""},
		{"Location", "Patient", "", 0, ERR_NOT_FOUND, "not in the compartment"},
		{"Observation", "Location", "", 0, ERR_NOT_FOUND, "no compartment"},
		{NULL, "Patient", "", 66, ERR_NONE, ""},
		{NULL, "Patient", "_type=Observation", 1, ERR_NONE, ""},
		{NULL, "Patient", "_type=Location", 0, ERR_VALUE, "not in the compartment"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		bool ok = parse(&f, cases[i].type, cases[i].compartment, cases[i].query, false);
		if (ok != (cases[i].code == ERR_NONE) || f.err.code != cases[i].code ||
		    !strstr(f.err.text, cases[i].says))
			fail_msg("%s: %s %s", cases[i].query, error_name(f.err.code), f.err.text);
		if (ok && f.query.part_count != cases[i].parts)
			fail_msg("%s?%s: %zu parts", cases[i].type, cases[i].query, f.query.part_count);
		arena_done(&f.arena);
	}
}

static void compartments_are_references(void **state)
{
	(void)state;
	struct fixture f;
	assert_true(parse(&f, "Observation", "Patient", "code=a&nothing=1", true));
	const struct search_part *part = f.query.parts;
	assert_int_equal(part->criterion_count, 2);
	assert_int_equal(part->criteria[0].kind, CRITERION_OR);
	assert_int_equal(part->criteria[0].child_count, 2);
	assert_true(str_is(part->criteria[0].children[0].values->ref_type, "Patient"));
	assert_true(str_is(part->criteria[1].param->code, "code"));
	assert_true(str_is(f.query.self, "code=a"));
	assert_int_equal(f.query.ignored_count, 1);
	arena_done(&f.arena);
	assert_true(parse(&f, "Patient", "Patient", "", false));
	part = f.query.parts;
	assert_int_equal(part->criteria[0].children[part->criteria[0].child_count - 1].kind, CRITERION_ID);
	arena_done(&f.arena);
}

/* ---- terminology --------------------------------------------------------------------------------------------------
 */

static bool expand(void *ctx, struct arena *a, struct str value_set, size_t max, struct search_code **ret_codes,
		   size_t *ret_count, struct error *err)
{
	static struct search_code codes[] = {{{"http://s", 8}, {"a", 1}}, {{"http://s", 8}, {"b", 1}}};
	(void)ctx, (void)a, (void)max;
	*ret_codes = codes;
	*ret_count = str_is(value_set, "http://vs") || str_is(value_set, "ValueSet/1") ? 2 : 0;
	return !str_is(value_set, "http://unknown") || error_set(err, ERR_NOT_FOUND, "It is not known");
}

static bool related(void *ctx, struct arena *a, const struct search_code *code, bool below, size_t max,
		    struct search_code **ret_codes, size_t *ret_count, struct error *err)
{
	static struct search_code codes[] = {{{"http://s", 8}, {"a", 1}}, {{"http://s", 8}, {"a1", 2}}};
	(void)ctx, (void)a, (void)max, (void)err, (void)code;
	*ret_codes = codes;
	*ret_count = below ? 2 : 1;
	return true;
}

static void terminology_becomes_values(void **state)
{
	(void)state;
	static const struct {
		const char *query;
		enum criterion_kind kind;
		enum search_modifier modifier;
		size_t values;
		enum error_code code;
	} cases[] = {
		{"code:in=http://vs", CRITERION_PARAM, MOD_NONE, 2, ERR_NONE},
		{"code:in=ValueSet/1,http://vs", CRITERION_PARAM, MOD_NONE, 4, ERR_NONE},
		{"code:not-in=http://vs", CRITERION_PARAM, MOD_NOT, 2, ERR_NONE},
		{"code:in=http://empty", CRITERION_NONE, MOD_NONE, 0, ERR_NONE},
		{"code:not-in=http://empty", CRITERION_AND, MOD_NONE, 0, ERR_NONE},
		{"code:in=http://unknown", CRITERION_NONE, MOD_NONE, 0, ERR_NOT_FOUND},
		{"code:below=http://s%7Ca", CRITERION_PARAM, MOD_NONE, 2, ERR_NONE},
		{"code:below=http://s%7Ca,http://s%7Cb", CRITERION_PARAM, MOD_NONE, 4, ERR_NONE},
		{"code:above=http://s%7Ca", CRITERION_PARAM, MOD_NONE, 1, ERR_NONE},
		{"code:below=a", CRITERION_NONE, MOD_NONE, 0, ERR_VALUE},
		{"_filter=code in http://vs", CRITERION_PARAM, MOD_NONE, 2, ERR_NONE},
		{"_filter=code ni http://vs", CRITERION_PARAM, MOD_NOT, 2, ERR_NONE},
		{"_filter=code ss http://s%7Ca", CRITERION_PARAM, MOD_NONE, 2, ERR_NONE},
	};
	const struct search_terminology terminology = {NULL, expand, related};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct search_options options = {.terminology = &terminology, .lenient = true};
		struct fixture f = {0};
		arena_init(&f.arena, 1 << 22);
		bool ok = search_parse(definitions_builtin(), &f.arena, type_named("Observation"),
				       str_from(cases[i].query), &options, &f.query, &f.err);
		if (ok != (cases[i].code == ERR_NONE) || f.err.code != cases[i].code)
			fail_msg("%s: %s %s", cases[i].query, error_name(f.err.code), f.err.text);
		const struct criterion *c = ok ? f.query.parts->criteria : NULL;
		if (ok &&
		    (c->kind != cases[i].kind || c->modifier != cases[i].modifier || c->value_count != cases[i].values))
			fail_msg("%s: kind %d, modifier %d, %zu values", cases[i].query, (int)c->kind, (int)c->modifier,
				 c->value_count);
		arena_done(&f.arena);
	}
}

/* ---- limits -------------------------------------------------------------------------------------------------------
 */

static void limits_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *type, *query, *says;
	} cases[] = {
		{"Patient", "link.link.link.link.link.link.name=a", "chained more than 5 times"},
		{"Patient",
		 "_has:Observation:subject:_has:Observation:has-member:has-member.has-member.has-member.has-member."
		 "code=1",
		 "chained more than 5 times"},
		{"Patient", "_filter=((((((((((((((((((((((family eq a))))))))))))))))))))))",
		 "nested more than 20 times"},
		{"Provenance", "target.subject.subject.subject.subject._id=a", "more than 20000 criteria"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		assert_false(parse(&f, cases[i].type, NULL, cases[i].query, true));
		if (f.err.code != ERR_LIMIT || !strstr(f.err.text, cases[i].says))
			fail_msg("%s: %s: %s", cases[i].query, error_name(f.err.code), f.err.text);
		arena_done(&f.arena);
	}
}

/* A list of values asked of every type that a chain may lead to. */
static void values_are_counted_over_all_types(void **state)
{
	(void)state;
	struct fixture f;
	char query[2000], twice[4100];
	size_t n = (size_t)snprintf(query, sizeof(query), "target._id=a");
	for (int i = 0; i < 499; i++)
		n += (size_t)snprintf(query + n, sizeof(query) - n, ",a");
	assert_true(parse(&f, "Provenance", NULL, query, false));
	assert_true(f.query.parts->criteria->inner_count > 140);
	arena_done(&f.arena);
	snprintf(twice, sizeof(twice), "%s&%s", query, query);
	assert_false(parse(&f, "Provenance", NULL, twice, false));
	assert_int_equal(f.err.code, ERR_LIMIT);
	assert_non_null(strstr(f.err.text, "more than 100000 values"));
	arena_done(&f.arena);
}

static void what_cannot_be_asked_is_known(void **state)
{
	(void)state;
	const struct definitions *d = definitions_builtin();
	for (size_t i = 0; i < definitions_resource_count(d); i++) {
		const struct fhir_type *type = definitions_resource_at(d, i);
		for (size_t k = 0; k < type->search_param_count; k++) {
			const struct search_param *p = &type->search_params[k];
			if (search_param_supported(p) == str_is(p->code, "_query"))
				fail_msg("%.*s of %.*s", STR_ARG(p->code), STR_ARG(type->name));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes_have_their_parts),	     cmocka_unit_test(compartments_are_references),
		cmocka_unit_test(terminology_becomes_values),	     cmocka_unit_test(limits_are_named),
		cmocka_unit_test(values_are_counted_over_all_types), cmocka_unit_test(what_cannot_be_asked_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
