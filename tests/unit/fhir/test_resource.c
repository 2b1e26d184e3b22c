/* Ids, references, dates, decimals, outcomes and the stored and served forms of a resource. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fhir/resource.h"

static void references_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum reference_kind kind;
		const char *base, *type, *id, *version;
	} cases[] = {
		{"Patient/1", REF_RELATIVE, NULL, "Patient", "1", NULL},
		{"Patient/1/_history/2", REF_RELATIVE, NULL, "Patient", "1", "2"},
		{"http://h/fhir/Patient/a.b-c", REF_ABSOLUTE, "http://h/fhir", "Patient", "a.b-c", NULL},
		{"https://h/Patient/1/_history/3", REF_ABSOLUTE, "https://h", "Patient", "1", "3"},
		{"http://h/other/thing", REF_ABSOLUTE, NULL, NULL, NULL, NULL},
		{"http://h/fhir/Patient/a_b", REF_ABSOLUTE, NULL, NULL, NULL, NULL},
		{"#med", REF_FRAGMENT, NULL, NULL, "med", NULL},
		{"urn:uuid:c757873d-ec9a-4326-a141-556f43239520", REF_URN, NULL, NULL, NULL, NULL},
		{"Patient", REF_OTHER, NULL, NULL, NULL, NULL},
		{"Patient/", REF_OTHER, NULL, NULL, NULL, NULL},
		{"/Patient/1", REF_OTHER, NULL, NULL, NULL, NULL},
		{"HumanName/1", REF_OTHER, NULL, NULL, NULL, NULL},
		{"x/Patient/1", REF_OTHER, NULL, NULL, NULL, NULL},
		{"Patient?identifier=x|1", REF_OTHER, NULL, NULL, NULL, NULL},
		{"", REF_OTHER, NULL, NULL, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reference r = reference_parse(definitions_builtin(), str_from(cases[i].text));
		bool same = r.kind == cases[i].kind && str_is(r.text, cases[i].text) &&
			    str_eq(r.base, str_from(cases[i].base)) && str_eq(r.type, str_from(cases[i].type)) &&
			    str_eq(r.id, str_from(cases[i].id)) && str_eq(r.version, str_from(cases[i].version));
		if (!same)
			fail_msg("%s: kind %d, base %.*s, type %.*s, id %.*s, version %.*s", cases[i].text, r.kind,
				 STR_ARG(r.base), STR_ARG(r.type), STR_ARG(r.id), STR_ARG(r.version));
	}
}

static void dates_cover_their_precision(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t low, length;
	} cases[] = {
		{"1970", 0, 365 * 86400000LL},		{"1970-01", 0, 31 * 86400000LL},
		{"1970-01-02", 86400000, 86400000},	{"1970-01-01T00:00", 0, 60000},
		{"1970-01-01T00:00:01", 1000, 1000},	{"1970-01-01T00:00:01Z", 1000, 1000},
		{"1970-01-01T00:00:01.5Z", 1500, 100},	{"1970-01-01T00:00:01.123456Z", 1123, 1},
		{"1970-01-01T02:00:00+02:00", 0, 1000}, {"1969-12-31T19:00:00-05:00", 0, 1000},
		{"2000-02-29", 951782400000, 86400000},
	};
	static const char *const bad[] = {"",
					  "70",
					  "1970-",
					  "1970-1",
					  "1970-01-",
					  "1970-01-01T",
					  "1970-01-01T1",
					  "1900-02-29",
					  "1970-13",
					  "1970-01T00:00",
					  "1970-01-01Z",
					  " 1970",
					  "1970 ",
					  "1970-01-01T00:00:00z",
					  "1970-01-01T25:00",
					  "now"};
	int64_t low, high;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(date_range(str_from(cases[i].text), &low, &high));
		assert_int_equal(low, cases[i].low);
		assert_int_equal(high, cases[i].low + cases[i].length - 1);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (date_range(str_from(bad[i]), &low, &high))
			fail_msg("accepted %s", bad[i]);
}

static void decimals_stand_for_an_interval(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double value, low, high;
	} cases[] = {
		{"100", 100, 99.5, 100.5},     {"100.00", 100, 99.995, 100.005}, {"5.4e2", 540, 535, 545},
		{"5.40e2", 540, 539.5, 540.5}, {"-1", -1, -1.5, -0.5},		 {"0", 0, -0.5, 0.5},
		{"1E-2", 0.01, 0.005, 0.015},
	};
	static const char *const bad[] = {"",	"-",   ".",   "1.", ".5",  "+1",  "01",
					  "1e", "1e+", "0x1", "1 ", "NaN", "inf", "1,0"};
	double value, low, high;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(decimal_range(str_from(cases[i].text), &value, &low, &high));
		assert_float_equal(value, cases[i].value, 1e-9);
		assert_float_equal(low, cases[i].low, 1e-9);
		assert_float_equal(high, cases[i].high, 1e-9);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (decimal_range(str_from(bad[i]), &value, &low, &high))
			fail_msg("accepted %s", bad[i]);
}

static struct str upper_urn(void *ctx, struct str text)
{
	++*(size_t *)ctx;
	return str_is(text, "urn:uuid:1") ? S("Patient/9") : STR_NULL;
}

static void stored_and_served_forms(void **state)
{
	(void)state;
	static const struct {
		const char *given, *stored, *served;
	} cases[] = {
		{"{\"active\":true,\"id\":\"old\",\"resourceType\":\"Patient\"}",
		 "{\"resourceType\":\"Patient\",\"id\":\"7\",\"meta\":{},\"active\":true}",
		 "{\"resourceType\":\"Patient\",\"id\":\"7\",\"meta\":{\"versionId\":\"3\",\"lastUpdated\":"
		 "\"1970-01-01T00:00:01.000Z\"},\"active\":true}"},
		{"{\"resourceType\":\"Patient\",\"meta\":{\"versionId\":\"1\",\"tag\":[{\"code\":\"a\"}],"
		 "\"lastUpdated\":"
		 "\"2020\"},\"x\":[ 1.500 , -0.0 , 1E400 , null , {} ]}",
		 "{\"resourceType\":\"Patient\",\"id\":\"7\",\"meta\":{\"tag\":[{\"code\":\"a\"}]},"
		 "\"x\":[1.500,-0.0,1E400,null,{}]}",
		 "{\"resourceType\":\"Patient\",\"id\":\"7\",\"meta\":{\"versionId\":\"3\",\"lastUpdated\":"
		 "\"1970-01-01T00:00:01.000Z\",\"tag\":[{\"code\":\"a\"}]},\"x\":[1.500,-0.0,1E400,null,{}]}"},
		{"{\"resourceType\":\"Basic\",\"t\":\"a\\u00e9\\\"\\n\\u0001\"}",
		 "{\"resourceType\":\"Basic\",\"id\":\"7\",\"meta\":{},\"t\":\"a\xc3\xa9\\\"\\n\\u0001\"}",
		 "{\"resourceType\":\"Basic\",\"id\":\"7\",\"meta\":{\"versionId\":\"3\",\"lastUpdated\":"
		 "\"1970-01-01T00:00:01.000Z\"},\"t\":\"a\xc3\xa9\\\"\\n\\u0001\"}"},
	};
	struct arena a;
	struct buf stored, served;
	size_t meta_at;
	arena_init(&a, 1 << 20);
	buf_init(&stored, 1 << 20);
	buf_init(&served, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct json *j = json_parse(&a, str_from(cases[i].given), 0, NULL);
		buf_reset(&stored);
		buf_reset(&served);
		resource_write_stored(&stored, j, S("7"), NULL, &meta_at);
		if (!str_is(buf_str(&stored), cases[i].stored))
			fail_msg("stored: %.*s", STR_ARG(buf_str(&stored)));
		resource_write_served(&served, buf_str(&stored), meta_at, 3, 1000);
		if (!str_is(buf_str(&served), cases[i].served))
			fail_msg("served: %.*s", STR_ARG(buf_str(&served)));
	}
	size_t asked = 0;
	const struct resource_rewrite rewrite = {upper_urn, &asked};
	const struct json *j = json_parse(
		&a,
		S("{\"resourceType\":\"Observation\",\"subject\":{\"reference\":\"urn:uuid:1\"},\"note\":[{\"text\":"
		  "\"about urn:uuid:1\"}],\"focus\":[{\"reference\":\"Patient/2\"}]}"),
		0, NULL);
	buf_reset(&stored);
	resource_write_stored(&stored, j, S("7"), &rewrite, &meta_at);
	assert_true(str_is(buf_str(&stored), "{\"resourceType\":\"Observation\",\"id\":\"7\",\"meta\":{},\"subject\":"
					     "{\"reference\":\"Patient/9\"},\"note\":[{\"text\":\"about urn:uuid:1\"}],"
					     "\"focus\":[{\"reference\":\"Patient/2\"}]}"));
	assert_int_equal(asked, 2);
	buf_done(&served);
	buf_done(&stored);
	arena_done(&a);
}

/* Only what a link or an image leads to; text that reads like one is text. */
static void links_of_narratives_are_rewritten(void **state)
{
	(void)state;
	static const struct {
		const char *div, *stored;
	} cases[] = {
		{"<a href='urn:uuid:1'>urn:uuid:1</a>", "<a href='Patient/9'>urn:uuid:1</a>"},
		{"<p><a title='>' \\n href='urn:uuid:1'/><img alt='a' src='urn:uuid:1'/></p>",
		 "<p><a title='>' \\n href='Patient/9'/><img alt='a' src='Patient/9'/></p>"},
		{"<a>x href='urn:uuid:1'</a>", "<a>x href='urn:uuid:1'</a>"},
		{"<a title='urn:uuid:1' href='#x'/>", "<a title='urn:uuid:1' href='#x'/>"},
		{"<abbr href='urn:uuid:1'/><a href='urn:uuid:2'/>", "<abbr href='urn:uuid:1'/><a href='urn:uuid:2'/>"},
		{"<a href='Patient?x=urn:uuid:1'/>", "<a href='Patient?x=urn:uuid:1'/>"},
		{"<a href='urn:uuid:1", "<a href='urn:uuid:1"},
	};
	struct arena a;
	struct buf stored;
	size_t meta_at, asked = 0;
	const struct resource_rewrite rewrite = {upper_urn, &asked};
	arena_init(&a, 1 << 20);
	buf_init(&stored, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const char form[] = "{\"resourceType\":\"Basic\",%s\"text\":{\"div\":\"%s\"}}";
		const struct json *j = json_parse(&a, arena_printf(&a, form, "", cases[i].div), 0, NULL);
		buf_reset(&stored);
		resource_write_stored(&stored, j, S("7"), &rewrite, &meta_at);
		if (!str_eq(buf_str(&stored), arena_printf(&a, form, "\"id\":\"7\",\"meta\":{},", cases[i].stored)))
			fail_msg("%s: %.*s", cases[i].div, STR_ARG(buf_str(&stored)));
	}
	buf_done(&stored);
	arena_done(&a);
}

static void outcomes_are_resources_themselves(void **state)
{
	(void)state;
	struct arena a;
	struct buf out;
	struct issues findings, again;
	arena_init(&a, 1 << 20);
	buf_init(&out, 1 << 20);
	issues_init(&findings, &a);
	findings.max = 2;
	for (int i = 0; i < 5; i++)
		issues_add(&findings, i ? ISSUE_ERROR : ISSUE_WARNING, ERR_VALUE, S("Patient.x"), "number %d \"q\"", i);
	assert_int_equal(findings.count, 5);
	assert_int_equal(findings.errors, 4);
	struct error err = {0};
	error_set_at(&err, ERR_NOT_FOUND, S("Patient.id"), "it is not there");
	for (int i = 0; i < 3; i++) {
		static const size_t issues[] = {2, 1, 1};
		struct issues none;
		issues_init(&none, &a);
		buf_reset(&out);
		if (i == 0)
			outcome_write(&out, &findings);
		else if (i == 1)
			outcome_write(&out, &none);
		else
			outcome_write_error(&out, &err);
		const struct json *j = json_parse(&a, buf_str(&out), 0, NULL);
		issues_init(&again, &a);
		assert_true(resource_check(definitions_builtin(), j, &again));
		assert_int_equal(json_size(json_get(j, S("issue"))), issues[i]);
	}
	const struct json *first = json_at(json_get(json_parse(&a, buf_str(&out), 0, NULL), S("issue")), 0);
	assert_true(str_is(json_get_str(first, S("code")), "not-found"));
	assert_true(str_is(json_str(json_at(json_get(first, S("expression")), 0)), "Patient.id"));
	buf_done(&out);
	arena_done(&a);
}

static void ids_are_short_and_plain(void **state)
{
	(void)state;
	assert_true(fhir_id_valid(S("a")) && fhir_id_valid(S("A-1.b")));
	assert_true(fhir_id_valid(S("1234567890123456789012345678901234567890123456789012345678901234")));
	assert_false(fhir_id_valid(S("12345678901234567890123456789012345678901234567890123456789012345")));
	assert_false(fhir_id_valid(S("")) || fhir_id_valid(STR_NULL) || fhir_id_valid(S("a/b")) ||
		     fhir_id_valid(S("a\0b")) || fhir_id_valid(S("\xc3\xa9")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references_are_taken_apart),
		cmocka_unit_test(dates_cover_their_precision),
		cmocka_unit_test(decimals_stand_for_an_interval),
		cmocka_unit_test(stored_and_served_forms),
		cmocka_unit_test(links_of_narratives_are_rewritten),
		cmocka_unit_test(outcomes_are_resources_themselves),
		cmocka_unit_test(ids_are_short_and_plain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
