/* Content negotiation, and the small header languages: entity tags, dates, Prefer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/rest/rest_priv.h"

static const struct {
	const char *accept, *format, *answer; /* answer NULL: not acceptable */
} choices[] = {
	{NULL, NULL, "application/fhir+json; charset=utf-8"},
	{"", NULL, "application/fhir+json; charset=utf-8"},
	{"*/*", NULL, "application/fhir+json; charset=utf-8"},
	{"application/*", NULL, "application/fhir+json; charset=utf-8"},
	{"application/fhir+json", NULL, "application/fhir+json; charset=utf-8"},
	{"Application/FHIR+JSON", NULL, "application/fhir+json; charset=utf-8"},
	{"application/json", NULL, "application/json; charset=utf-8"},
	{"text/json", NULL, "text/json; charset=utf-8"},
	{"application/json+fhir", NULL, "application/fhir+json; charset=utf-8"},
	{"application/fhir+xml", NULL, "application/fhir+xml; charset=utf-8"},
	{"text/*", NULL, "text/json; charset=utf-8"},
	{"application/xml", NULL, "application/xml; charset=utf-8"},
	{"application/fhir+json;q=0.5, application/fhir+xml;q=0.8", NULL, "application/fhir+xml; charset=utf-8"},
	{"application/fhir+xml;q=0.5,application/fhir+json;q=0.8", NULL, "application/fhir+json; charset=utf-8"},
	{"application/fhir+json;q=0, */*", NULL, "application/json; charset=utf-8"},
	{"text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", NULL, "application/xml; charset=utf-8"},
	{"application/fhir+json; fhirVersion=4.0", NULL, "application/fhir+json; charset=utf-8"},
	{"application/fhir+json; fhirVersion=3.0", NULL, NULL},
	{"application/fhir+json; fhirVersion=5.0, application/fhir+xml", NULL, "application/fhir+xml; charset=utf-8"},
	{"text/turtle", NULL, NULL},
	{"application/pdf, image/*", NULL, NULL},
	{"application/fhir+json;q=2", NULL, NULL},
	{"application/fhir+json;q=", NULL, NULL},
	{"application/pdf", "json", "application/fhir+json; charset=utf-8"},
	{"application/fhir+json", "xml", "application/fhir+xml; charset=utf-8"},
	{NULL, "text/xml", "application/fhir+xml; charset=utf-8"},
	{NULL, "application/fhir+json", "application/fhir+json; charset=utf-8"},
	{NULL, "application/fhir json", "application/fhir+json; charset=utf-8"},
	{NULL, "ttl", NULL},
	{NULL, "", NULL},
};

static void test_choose(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		struct media media = {0};
		struct error err = {0};
		print_message("Accept: %s, _format=%s\n", choices[i].accept ? choices[i].accept : "(none)",
			      choices[i].format ? choices[i].format : "(none)");
		bool ok = media_choose(str_from(choices[i].accept), str_from(choices[i].format), &media, &err);
		assert_int_equal(ok, choices[i].answer != NULL);
		if (ok)
			assert_true(str_is(media.content_type, choices[i].answer));
		else
			assert_int_equal(err.code, ERR_NOT_ACCEPTABLE);
		if (ok)
			assert_int_equal(media.xml, str_find(media.content_type, S("xml")) != STR_NONE);
	}
}

static const struct {
	const char *type;
	bool ok, patch_ok;
	enum media_body body;
} bodies[] = {
	{"application/fhir+json", true, true, MEDIA_JSON},
	{"application/json", true, true, MEDIA_JSON},
	{"text/json;charset=UTF-8", true, true, MEDIA_JSON},
	{"application/fhir+json; charset=\"utf-8\"; fhirVersion=4.0", true, true, MEDIA_JSON},
	{"application/fhir+json; charset=iso-8859-1", false, false, MEDIA_JSON},
	{"application/fhir+json; fhirVersion=5.0", false, false, MEDIA_JSON},
	{"application/fhir+xml", true, true, MEDIA_XML},
	{"application/xml; charset=utf-8", true, true, MEDIA_XML},
	{"application/json-patch+json", false, true, MEDIA_JSON_PATCH},
	{"application/xml-patch+xml; charset=utf-8", false, true, MEDIA_XML_PATCH},
	{"text/plain", false, false, MEDIA_JSON},
	{"application/x-www-form-urlencoded", false, false, MEDIA_JSON},
	{"", false, false, MEDIA_JSON},
	{NULL, false, false, MEDIA_JSON},
};

static void test_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct error err = {0}, patch_err = {0};
		enum media_body body = MEDIA_JSON, patch = MEDIA_JSON;
		print_message("%s\n", bodies[i].type ? bodies[i].type : "(none)");
		assert_int_equal(media_body(str_from(bodies[i].type), false, &body, &err), bodies[i].ok);
		assert_int_equal(err.code, bodies[i].ok ? ERR_NONE : ERR_MEDIA_TYPE);
		assert_int_equal(media_body(str_from(bodies[i].type), true, &patch, &patch_err), bodies[i].patch_ok);
		assert_int_equal(patch_err.code, bodies[i].patch_ok ? ERR_NONE : ERR_MEDIA_TYPE);
		if (bodies[i].ok)
			assert_int_equal(body, bodies[i].body);
		if (bodies[i].patch_ok)
			assert_int_equal(patch, bodies[i].body);
	}
	assert_true(media_check_form(S("application/x-www-form-urlencoded; charset=utf-8"), NULL));
	assert_false(media_check_form(S("application/json"), NULL));
	assert_false(media_check_form(STR_NULL, NULL));
}

static void test_tags(void **state)
{
	int64_t version = -1;
	bool any = true;
	(void)state;
	assert_true(etag_parse(S("W/\"3\""), &version, &any, NULL));
	assert_int_equal(version, 3);
	assert_false(any);
	assert_true(etag_parse(S(" \"12\" "), &version, &any, NULL));
	assert_int_equal(version, 12);
	assert_true(etag_parse(S("*"), &version, &any, NULL));
	assert_true(any);
	assert_int_equal(version, 0);
	const char *const bad[] = {"3", "W/3", "\"\"", "W/\"x\"", "W/\"0\"", "W/\"-1\"", "W/\"1\", W/\"2\"", ""};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = {0};
		assert_false(etag_parse(str_from(bad[i]), &version, &any, &err));
		assert_int_equal(err.code, ERR_VALUE);
	}
	assert_true(etag_matches(S("W/\"1\", W/\"2\""), 2));
	assert_false(etag_matches(S("W/\"1\", W/\"2\""), 3));
	assert_true(etag_matches(S("*"), 3));
	assert_false(etag_matches(S("rubbish"), 3));
}

static void test_dates(void **state)
{
	struct arena *a = *state;
	int64_t ms;
	assert_true(str_is(http_date(a, 0), "Thu, 01 Jan 1970 00:00:00 GMT"));
	assert_true(str_is(http_date(a, 784111777000), "Sun, 06 Nov 1994 08:49:37 GMT"));
	assert_true(str_is(http_date(a, 784111777999), "Sun, 06 Nov 1994 08:49:37 GMT"));
	assert_true(http_date_parse(S("Sun, 06 Nov 1994 08:49:37 GMT"), &ms));
	assert_int_equal(ms, 784111777000);
	for (int64_t t = 951700000000; t < 960000000000; t += 86400000 - 77000) {
		assert_true(http_date_parse(http_date(a, t), &ms));
		assert_int_equal(ms, t);
	}
	assert_false(http_date_parse(S("Sun, 31 Feb 1994 08:49:37 GMT"), &ms));
	assert_false(http_date_parse(S("Sunday, 06-Nov-94 08:49:37 GMT"), &ms));
	assert_false(http_date_parse(S("Sun, 06 Xyz 1994 08:49:37 GMT"), &ms));
	assert_false(http_date_parse(S(""), &ms));
}

static void test_prefer(void **state)
{
	(void)state;
	struct rest_call call = {0};
	prefer_parse(STR_NULL, &call);
	assert_false(call.prefer_given);
	prefer_parse(S("return=minimal, handling=lenient"), &call);
	assert_int_equal(call.prefer, REST_RETURN_MINIMAL);
	assert_true(call.prefer_given);
	assert_true(call.lenient);
	prefer_parse(S("Return=OperationOutcome; handling=strict"), &call);
	assert_int_equal(call.prefer, REST_RETURN_OUTCOME);
	assert_false(call.lenient);
	prefer_parse(S("return=\"representation\""), &call);
	assert_int_equal(call.prefer, REST_RETURN_REPRESENTATION);
	prefer_parse(STR_NULL, &call);
	prefer_parse(S("respond-async,,;return"), &call);
	assert_int_equal(call.prefer, REST_RETURN_REPRESENTATION);
}

static void test_query_value(void **state)
{
	struct arena *a = *state;
	struct str value;
	struct error err = {0};
	assert_true(query_value(a, S("a=1&_format=application%2Ffhir%2Bjson&b"), "_format", &value, &err));
	assert_true(str_is(value, "application/fhir+json"));
	assert_true(query_value(a, S("a=1&b"), "b", &value, &err));
	assert_true(value.p && value.n == 0);
	assert_true(query_value(a, S("a=1"), "c", &value, &err));
	assert_null(value.p);
	assert_true(query_value(a, STR_NULL, "c", &value, &err));
	assert_null(value.p);
	assert_false(query_value(a, S("a=%zz"), "a", &value, &err));
	assert_int_equal(err.code, ERR_VALUE);
}

int main(void)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choose), cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_tags),   cmocka_unit_test_prestate(test_dates, &a),
		cmocka_unit_test(test_prefer), cmocka_unit_test_prestate(test_query_value, &a),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&a);
	return failed;
}
