/* Query strings: what is understood, how it is encoded again, and what is refused with which words. */
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

static bool parse(struct fixture *f, const char *type, struct str query, bool lenient)
{
	const struct definitions *d = definitions_builtin();
	const struct search_options options = {.base = S("http://me/fhir"), .lenient = lenient};
	f->err = (struct error){0};
	arena_init(&f->arena, 1 << 22);
	return search_parse(d, &f->arena, definitions_resource(d, str_from(type)), query, &options, &f->query, &f->err);
}

static void must_parse(struct fixture *f, const char *type, const char *query)
{
	if (!parse(f, type, str_from(query), false))
		fail_msg("%s?%s: %s", type, query, f->err.text);
}

static void refuses_with_a_reason(void **state)
{
	(void)state;
	static const struct {
		const char *type, *query;
		enum error_code code;
		const char *says;
	} bad[] = {
		{"Patient", "famly=x", ERR_UNKNOWN_PARAM, "\"famly\"; did you mean family"},
		{"Patient", "birthDate=1970", ERR_UNKNOWN_PARAM, "did you mean birthdate"},
		{"Patient", "brithdate=1970", ERR_UNKNOWN_PARAM, "birthdate"},
		{"Patient", "qqqqqqq=1", ERR_UNKNOWN_PARAM, "Patient has no search parameter \"qqqqqqq\""},
		{"Observation", "subject.famly=x", ERR_UNKNOWN_PARAM, "famly"},
		{"Observation", "subject:Patient.famly=x", ERR_UNKNOWN_PARAM, "did you mean family"},
		{"Observation", "subject:Location.name.x=x", ERR_VALUE, "chained but is no reference"},
		{"Observation", "subject:Medication.code=x", ERR_VALUE, "does not refer"},
		{"Observation", "subject.=x", ERR_VALUE, "ends with a dot"},
		{"Observation", "code.text=x", ERR_VALUE, "is no reference"},
		{"Patient", "link.link.link.link.link.link.name=x", ERR_LIMIT, "chained more than 5 times"},
		{"Patient", "_has:Observation:patient=1", ERR_VALUE, "_has:Type:reference:parameter"},
		{"Patient", "_has:Obs:patient:code=1", ERR_VALUE, "no resource type"},
		{"Patient", "_has:Observation:nothing:code=1", ERR_UNKNOWN_PARAM, "nothing"},
		{"Patient", "_has:Observation:encounter:code=1", ERR_VALUE, "does not refer to Patient"},
		{"Patient", "_has:Observation:code:code=1", ERR_VALUE, "does not refer to Patient"},
		{"Observation", "code-value-quantity=1", ERR_VALUE, "one part for each component"},
		{"Observation", "code-value-quantity=1$2$3", ERR_VALUE, "one part for each component"},
		{"Observation", "code-value-quantity=1$x", ERR_VALUE, "number"},
		{"Observation", "code-value-quantity:not=1$2", ERR_NOT_SUPPORTED, "does not go with a composite"},
		{"Location", "near=1", ERR_VALUE, "latitude"},
		{"Location", "near=91|2", ERR_VALUE, "latitude"},
		{"Location", "near=1|2|3|kg", ERR_VALUE, "unit of length"},
		{"Location", "near=1|2|-3|km", ERR_VALUE, "unit of length"},
		{"Patient", "_content=", ERR_VALUE, "_content"},
		{"Patient", "_text=(a", ERR_VALUE, "parenthesis"},
		{"Patient", "_text=%22a", ERR_VALUE, "quote"},
		{"Patient", "_text=a)", ERR_VALUE, "_text"},
		{"Patient", "_text=...", ERR_VALUE, "letters or digits"},
		{"Patient", "_filter=", ERR_VALUE, "at 1 the name"},
		{"Patient", "_filter=family", ERR_VALUE, "at 7 a comparison"},
		{"Patient", "_filter=family eq", ERR_VALUE, "at 10 a value"},
		{"Patient", "_filter=family eq x y", ERR_VALUE, "at 13 and, or or the end"},
		{"Patient", "_filter=(family eq x", ERR_VALUE, "at 13 )"},
		{"Patient", "_filter=family eq %22x", ERR_VALUE, "the end of a string"},
		{"Patient", "_filter=famly eq x", ERR_UNKNOWN_PARAM, "did you mean family"},
		{"Patient", "_filter=family gt x", ERR_NOT_SUPPORTED, "does not go with"},
		{"Patient", "_filter=birthdate co 1970", ERR_NOT_SUPPORTED, "does not go with"},
		{"Patient", "_filter=organization[name eq x]", ERR_VALUE, "at 24 . and a parameter"},
		{"Patient", "_elements=idd", ERR_VALUE, "no element at the top of Patient"},
		{"Patient", "_type=Patient", ERR_NOT_SUPPORTED, "several types"},
		{"Patient", "_list=$current-problems", ERR_NOT_SUPPORTED, "_list"},
		{"Patient", "_contained=true", ERR_NOT_SUPPORTED, "_contained"},
		{"Patient", "_query=x", ERR_NOT_SUPPORTED, "_query"},
		{"Patient", "_summary=maybe", ERR_VALUE, "_summary"},
		{"Observation", "code:in=x", ERR_NOT_SUPPORTED, "terminology"},
		{"Observation", "code:below=x", ERR_NOT_SUPPORTED, "terminology"},
		{"Patient", "identifier:of-type=a|b", ERR_VALUE, "system|code|value"},
		{"ValueSet", "url:below=urn:oid:1.2", ERR_VALUE, "URL with a path"},
		{"ValueSet", "url:above=urn:oid:1.2", ERR_VALUE, "URL with a path"},
		{"ValueSet", "url:in=http://x", ERR_NOT_SUPPORTED, "does not go with its type"},
		{"Observation", "subject:below=Patient/x", ERR_NOT_SUPPORTED, "not parts of each other"},
		{"Patient", "general-practitioner:above=Practitioner/x", ERR_NOT_SUPPORTED, "not parts of each other"},
		{"Patient", "family:below=x", ERR_NOT_SUPPORTED, "does not go with its type"},
		{"Location", "partof:below=", ERR_VALUE, "empty value"},
		{"Location", "partof:below=http://far/Location/x", ERR_NOT_SUPPORTED, "a version behind |"},
		{"QuestionnaireResponse", "questionnaire:below=http://far/q", ERR_NOT_SUPPORTED, "a version behind |"},
		{"QuestionnaireResponse", "questionnaire:above=http://far/q|", ERR_VALUE, "a version behind its |"},
		{"Observation", "code:exact=x", ERR_NOT_SUPPORTED, "does not go with its type"},
		{"Patient", "family:not=x", ERR_NOT_SUPPORTED, "does not go with its type"},
		{"Patient", "family:fuzzy=x", ERR_NOT_SUPPORTED, ":fuzzy"},
		{"Patient", "family:Patient=x", ERR_NOT_SUPPORTED, "not known"},
		{"Observation", "patient:Device=x", ERR_VALUE, "does not refer to Device"},
		{"Observation", "subject:Patient=Group/x", ERR_VALUE, "refers to"},
		{"Observation", "subject=a%20b", ERR_VALUE, "subject"},
		{"Patient", "_id:exact=x", ERR_NOT_SUPPORTED, ":exact of the search parameter"},
		{"Patient", "_id=a/b", ERR_VALUE, "_id"},
		{"Patient", "family=", ERR_VALUE, "empty value"},
		{"Patient", "family", ERR_VALUE, "empty value"},
		{"Patient", "family=a,,b", ERR_VALUE, "empty value"},
		{"Patient", "family=...", ERR_VALUE, "letters or digits"},
		{"Patient", "family=a%5Cb", ERR_VALUE, "backslash"},
		{"Patient", "family=a%5C", ERR_VALUE, "backslash"},
		{"Patient", "family:missing=yes", ERR_VALUE, "true or false"},
		{"Patient", "birthdate=yesterday", ERR_VALUE, "birthdate"},
		{"Patient", "birthdate=2020-13", ERR_VALUE, "birthdate"},
		{"Patient", "birthdate=xx2020", ERR_VALUE, "birthdate"},
		{"Patient", "_lastUpdated=now", ERR_VALUE, "_lastUpdated"},
		{"Patient", "identifier=a%7Cb%7Cc", ERR_VALUE, "system|code"},
		{"Patient", "identifier=%7C", ERR_VALUE, "at least one"},
		{"Observation", "value-quantity=x", ERR_VALUE, "number"},
		{"Observation", "value-quantity=5%7Cmg", ERR_VALUE, "number|system|code"},
		{"Observation", "value-quantity=5%7Ca%7Cb%7Cc", ERR_VALUE, "number|system|code"},
		{"RiskAssessment", "probability=0,5", ERR_NONE, ""},
		{"RiskAssessment", "probability=50%25", ERR_VALUE, "number"},
		{"Patient", "_count=ten", ERR_VALUE, "_count"},
		{"Patient", "_count=-1", ERR_VALUE, "_count"},
		{"Patient", "_total=some", ERR_VALUE, "_total"},
		{"Patient", "_sort=brthdate", ERR_UNKNOWN_PARAM, "birthdate"},
		{"Patient", "_sort=", ERR_VALUE, "_sort"},
		{"Patient", "_sort=family,-", ERR_VALUE, "_sort"},
		{"Observation", "_sort=code-value-quantity", ERR_NOT_SUPPORTED, "_sort"},
		{"Observation", "_include=Observation", ERR_VALUE, "Type:parameter"},
		{"Observation", "_include=Observtion:subject", ERR_VALUE, "Observtion"},
		{"Observation", "_include=Observation:subjct", ERR_UNKNOWN_PARAM, "subject"},
		{"Observation", "_include=Observation:code", ERR_VALUE, "no reference"},
		{"Observation", "_include=Observation:subject:Person5", ERR_VALUE, "Person5"},
		{"Observation", "_include:fuzzy=Observation:subject", ERR_NOT_SUPPORTED, ":fuzzy"},
		{"Patient", "family=%zz", ERR_VALUE, "escape"},
		{"Patient", "family=%FF", ERR_VALUE, "UTF-8"},
		{"Patient", "family=a%00b", ERR_VALUE, "escape"},
		{"Patient", "_count:exact=5", ERR_NOT_SUPPORTED, ":exact of the search parameter"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fixture f;
		bool ok = parse(&f, bad[i].type, str_from(bad[i].query), false);
		if (ok != (bad[i].code == ERR_NONE) || f.err.code != bad[i].code || !strstr(f.err.text, bad[i].says))
			fail_msg("%s?%s: %s: %s", bad[i].type, bad[i].query, error_name(f.err.code), f.err.text);
		arena_done(&f.arena);
	}
}

static void messages_never_hold_values(void **state)
{
	(void)state;
	static const char *const queries[] = {"birthdate=SECRET",
					      "family:missing=SECRET",
					      "_id=SECRET/",
					      "_count=SECRET",
					      "organization=SECRET%20",
					      "identifier=SECRET%7C1%7C2",
					      "_total=SECRET",
					      "identifier:of-type=SECRET",
					      "_filter=family%20eq%20SECRET%20SECRET",
					      "_filter=birthdate%20gt%20SECRET",
					      "_text=(SECRET",
					      "organization.partof.name:missing=SECRET",
					      "_has:Observation:patient:date=SECRET",
					      "_list=SECRET/"};
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct fixture f;
		assert_false(parse(&f, "Patient", str_from(queries[i]), false));
		assert_null(strstr(f.err.text, "SECRET"));
		arena_done(&f.arena);
	}
}

static void controls_shape_the_result(void **state)
{
	(void)state;
	struct fixture f;
	must_parse(&f, "Observation",
		   "_count=7&_sort=-date,_id,-_lastUpdated&_total=accurate&_include=Observation:subject:Patient&"
		   "_include:iterate=*&_revinclude=Provenance:target&_include=Observation:*&_format=json&_pretty=true&"
		   "_cursor=abc&status=final");
	const struct search_query *q = &f.query;
	assert_int_equal(q->count, 7);
	assert_int_equal(q->total, TOTAL_ACCURATE);
	assert_int_equal(q->sort_count, 3);
	assert_true(q->sorts[0].kind == SORT_PARAM && q->sorts[0].descending);
	assert_true(str_is(q->sorts[0].param->code, "date"));
	assert_true(q->sorts[1].kind == SORT_ID && !q->sorts[1].descending);
	assert_true(q->sorts[2].kind == SORT_LAST_UPDATED && q->sorts[2].descending);
	assert_int_equal(q->include_count, 4);
	assert_true(str_is(q->includes[0].param->code, "subject") && str_is(q->includes[0].target, "Patient"));
	assert_true(str_is(q->includes[0].source->name, "Observation") && !q->includes[0].reverse);
	assert_true(!q->includes[1].param && q->includes[1].iterate && !q->includes[1].source);
	assert_true(q->includes[2].reverse && str_is(q->includes[2].source->name, "Provenance"));
	assert_true(!q->includes[3].param && !q->includes[3].iterate && !q->includes[3].target.p);
	assert_true(str_is(q->cursor, "abc"));
	assert_int_equal(q->ignored_count, 0);
	assert_true(str_is(q->self, "_count=7&_sort=-date,_id,-_lastUpdated&_total=accurate&"
				    "_include=Observation:subject:Patient&_include:iterate=*&"
				    "_revinclude=Provenance:target&_include=Observation:*&status=final"));
	arena_done(&f.arena);
}

static void defaults_and_clamps(void **state)
{
	(void)state;
	struct fixture f;
	must_parse(&f, "Patient", "");
	assert_int_equal(f.query.count, SEARCH_COUNT_DEFAULT);
	assert_int_equal(f.query.total, TOTAL_DEFAULT);
	assert_true(f.query.self.n == 0 && !f.query.cursor.p && f.query.summary == SUMMARY_FALSE);
	arena_done(&f.arena);
	must_parse(&f, "Patient", "&&_count=99999&");
	assert_int_equal(f.query.count, SEARCH_COUNT_MAX);
	arena_done(&f.arena);
	must_parse(&f, "Patient", "_count=0&_summary=count");
	assert_int_equal(f.query.count, 0);
	assert_int_equal(f.query.summary, SUMMARY_COUNT);
	arena_done(&f.arena);
	must_parse(&f, "Patient", "_summary=false");
	assert_int_equal(f.query.summary, SUMMARY_FALSE);
	arena_done(&f.arena);
}

static void self_is_encoded_again(void **state)
{
	(void)state;
	struct fixture f;
	must_parse(&f, "Observation", "code=http%3A%2F%2Floinc.org|1-8%2Cx&value-string:exact=a+b%26c%5C%2Cd");
	assert_true(str_is(f.query.self, "code=http://loinc.org%7C1-8,x&value-string:exact=a%20b%26c%5C,d"));
	assert_true(str_is(f.query.parts->criteria[0].values[0].system, "http://loinc.org"));
	assert_true(str_is(f.query.parts->criteria[0].values[1].code, "x"));
	assert_true(str_is(f.query.parts->criteria[1].values[0].code, "a b&c,d"));
	arena_done(&f.arena);
}

static void values_fill_their_fields(void **state)
{
	(void)state;
	struct fixture f;
	must_parse(&f, "Observation", "value-quantity=gt5.4%7Chttp://u%7Cmg&patient=7&subject:Patient=8,9");
	const struct search_value *v = f.query.parts->criteria[0].values;
	assert_int_equal(v->prefix, PREFIX_GT);
	assert_true(str_is(v->system, "http://u") && str_is(v->code, "mg"));
	assert_true(v->number == 5.4 && v->number_low < 5.351 && v->number_high > 5.449);
	assert_true(str_is(f.query.parts->criteria[1].values[0].ref_id, "7"));
	assert_int_equal(f.query.parts->criteria[2].modifier, MOD_TYPE);
	assert_int_equal(f.query.parts->criteria[2].value_count, 2);
	assert_true(str_is(f.query.parts->criteria[2].values[1].ref_type, "Patient"));
	assert_true(str_is(f.query.parts->criteria[2].values[1].ref_id, "9"));
	arena_done(&f.arena);
}

static void assert_ignored(const struct search_query *q, const char *wanted)
{
	char text[200] = "";
	size_t n = 0;
	for (size_t i = 0; i < q->ignored_count; i++) {
		assert_true(q->ignored[i].reason.n > 0);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s", i ? "," : "", STR_ARG(q->ignored[i].name));
	}
	assert_string_equal(text, wanted);
}

static void lenient_drops_only_unknown_parameters(void **state)
{
	(void)state;
	struct fixture f;
	assert_true(parse(&f, "Patient", S("famly=x&gender=male&subject.name=y&_contained=both&_query=z"), true));
	assert_ignored(&f.query, "famly,subject.name,_contained,_query");
	assert_true(str_is(f.query.self, "gender=male"));
	assert_int_equal(f.query.parts->criterion_count, 1);
	arena_done(&f.arena);
	assert_true(parse(&f, "Observation", S("subject:Patient.nam=y&_sort=date,nothing&_filter=x eq 1&status=final"),
			  true));
	assert_ignored(&f.query, "subject:Patient.nam,_sort,_filter");
	assert_true(f.query.sort_count == 0 && f.query.parts->criterion_count == 1 &&
		    str_is(f.query.self, "status=final"));
	arena_done(&f.arena);
	assert_false(parse(&f, "Patient", S("birthdate=never"), true));
	assert_int_equal(f.err.code, ERR_VALUE);
	arena_done(&f.arena);
	assert_false(parse(&f, "Patient", S("gender:exact=male"), true));
	assert_int_equal(f.err.code, ERR_NOT_SUPPORTED);
	arena_done(&f.arena);
}

static void repeat(struct buf *b, const char *first, const char *more, size_t times)
{
	buf_init(b, 1 << 20);
	buf_add(b, str_from(first));
	for (size_t i = 0; i < times; i++)
		buf_add(b, str_from(more));
}

static void limits_hold(void **state)
{
	(void)state;
	static const struct {
		const char *first, *more;
		size_t times;
		bool ok;
	} cases[] = {
		{"gender=male", "&gender=male", 99, true}, {"gender=male", "&gender=male", 100, false},
		{"gender=male", ",x", 499, true},	   {"gender=male", ",x", 500, false},
		{"family=", "abcd", 16000, true},	   {"family=", "abcd", 16400, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		struct buf text;
		repeat(&text, cases[i].first, cases[i].more, cases[i].times);
		assert_true(parse(&f, "Patient", buf_str(&text), false) == cases[i].ok);
		assert_int_equal(f.err.code, cases[i].ok ? ERR_NONE : ERR_LIMIT);
		arena_done(&f.arena);
		buf_done(&text);
	}
}

static void fails_cleanly_without_memory(void **state)
{
	(void)state;
	const struct definitions *d = definitions_builtin();
	const struct fhir_type *type = definitions_resource(d, S("Observation"));
	bool done = false;
	for (size_t cap = 0; cap < 65536 && !done; cap += 64) {
		struct arena a;
		struct error err = {0};
		struct search_query query;
		arena_init(&a, cap);
		done = search_parse(d, &a, type,
				    S("code=a%5C,b,c&date=ap2020&_sort=-date&_include=*&subject:Patient=1"), NULL,
				    &query, &err);
		assert_true(done || err.code == ERR_MEMORY);
		arena_done(&a);
	}
	assert_true(done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_with_a_reason),
		cmocka_unit_test(messages_never_hold_values),
		cmocka_unit_test(controls_shape_the_result),
		cmocka_unit_test(defaults_and_clamps),
		cmocka_unit_test(self_is_encoded_again),
		cmocka_unit_test(values_fill_their_fields),
		cmocka_unit_test(lenient_drops_only_unknown_parameters),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(fails_cleanly_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
