/* Criteria decided by the parsed resource: texts beside codes, the narrative, all strings; alone and in trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "search/search.h"

static const char resource_text[] =
	"{\"resourceType\":\"Condition\",\"id\":\"c\",\"text\":{\"status\":\"generated\",\"div\":\"<div>Sch&#246;ne "
	"<b>Gr&#xFC;&szlig;e</b>, 1 &lt; 2</div>\"},\"code\":{\"coding\":[{\"system\":\"http://snomed.info/sct\","
	"\"code\":\"25064002\",\"display\":\"Severe Headache\"}],\"text\":\"Kopfweh\"},\"identifier\":[{\"type\":{"
	"\"text\":\"Record "
	"number\"},\"value\":\"7\"}],\"subject\":{\"reference\":\"Patient/1\"},\"note\":[{\"text\":\"Worse at "
	"night\"}]}";

static const struct {
	const char *query;
	bool meets;
} cases[] = {
	{"code:text=headache", true},
	{"code:text=head", true},
	{"code:text=severe%20head", true},
	{"code:text=HEADACHE", true},
	{"code:text=kopf", true},
	{"code:text=ache", false},
	{"code:text=headache,nothing", true},
	{"code:text=25064002", false},
	{"identifier:text=record", true},
	{"identifier:text=7", false},
	{"_text=schone", true},
	{"_text=gru", true},
	{"_text=gru%20schone", true},
	{"_text=%22schone%20gru%22", true},
	{"_text=%22gru%20schone%22", false},
	{"_text=headache", false},
	{"_text=schone%20and%20not%20headache", true},
	{"_text=not%20schone", false},
	{"_text=headache%20or%20schone", true},
	{"_text=headache,schone", true},
	{"_text=(headache%20or%20schone)%20and%20gru", true},
	{"_content=night", true},
	{"_content=headache%20night", true},
	{"_content=condition", false},
	{"_content=div", false},
	{"_content=schone", true},
	{"_content=25064002", true},
	{"_content=%22at%20nig%22", true},
	{"_filter=code%20in%20x", false},
};

static bool expand(void *ctx, struct arena *a, struct str value_set, size_t max, struct search_code **ret_codes,
		   size_t *ret_count, struct error *err)
{
	(void)ctx, (void)a, (void)value_set, (void)max, (void)ret_codes, (void)err;
	*ret_count = 0;
	return true;
}

static void bodies_decide_what_rows_cannot(void **state)
{
	(void)state;
	const struct definitions *d = definitions_builtin();
	const struct search_terminology terminology = {.expand = expand};
	const struct search_options options = {.terminology = &terminology};
	struct error err = {0};
	struct arena a;
	struct index_rows rows = {0};
	arena_init(&a, 1 << 24);
	struct extractor *x = extractor_new(d, &err);
	const struct json *body = json_parse(&a, str_from(resource_text), 0, &err);
	assert_non_null(x);
	assert_true(extract(x, &a, body, STR_NULL, &rows, &err));
	struct search_resource r = {
		.type = definitions_resource(d, S("Condition")), .id = S("c"), .rows = &rows, .body = body};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct search_query q;
		bool meets = false;
		if (!search_parse(d, &a, r.type, str_from(cases[i].query), &options, &q, &err))
			fail_msg("%s: %s", cases[i].query, err.text);
		assert_int_equal(q.parts->criterion_count, 1);
		assert_true(search_body_meets(x, &a, q.parts->criteria, &r, NULL, &meets, &err));
		if (meets != cases[i].meets)
			fail_msg("%s should %sbe met", cases[i].query, meets ? "not " : "");
		if (cases[i].query[0] != '_' || cases[i].query[1] != 'f')
			assert_true(criterion_needs_body(q.parts->criteria));
	}
	extractor_free(x);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(bodies_decide_what_rows_cannot)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
