/* From query string to answer: the cases of match_cases.h through extraction, parsing and search_matches(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "match_cases.h"

static void check_group(const struct extractor *x, const struct match_group *group)
{
	const struct definitions *d = definitions_builtin();
	const struct search_options options = {.base = S("http://me/fhir"), .now_ms = MATCH_NOW};
	struct arena a;
	struct error err = {0};
	struct index_rows rows;
	arena_init(&a, 1 << 24);
	const struct json *resource = json_parse(&a, str_from(group->resource), 0, &err);
	const struct fhir_type *type = definitions_resource(d, json_get_str(resource, S("resourceType")));
	assert_non_null(type);
	assert_true(extract(x, &a, resource, options.base, &rows, &err));
	for (const struct match_example *e = group->examples; e->query; e++) {
		struct search_query query;
		err = (struct error){0};
		if (!search_parse(d, &a, type, str_from(e->query), &options, &query, &err))
			fail_msg("%s: %s", e->query, err.text);
		if (search_matches(&query, &rows, S("r1"), MATCH_NOON) != e->matches)
			fail_msg("%s?%s should %smatch", type->name.p, e->query, e->matches ? "" : "not ");
		/* The self link is a query of the same meaning. */
		struct search_query again;
		if (!search_parse(d, &a, type, query.self, &options, &again, &err))
			fail_msg("%s, again as %.*s: %s", e->query, STR_ARG(query.self), err.text);
		assert_true(str_eq(again.self, query.self));
		assert_true(search_matches(&again, &rows, S("r1"), MATCH_NOON) == e->matches);
	}
	arena_done(&a);
}

static void every_prefix_and_modifier_means_what_it_should(void **state)
{
	(void)state;
	struct error err = {0};
	struct extractor *x = extractor_new(definitions_builtin(), &err);
	assert_non_null(x);
	for (size_t i = 0; i < sizeof(match_groups) / sizeof(match_groups[0]); i++)
		check_group(x, &match_groups[i]);
	extractor_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_prefix_and_modifier_means_what_it_should)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
