/* The XML form: order, attributes, lists with extensions, narrative, nested resources, and what has no XML form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fhir/xml.h"

#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
#define PATIENT	    "{\"resourceType\":\"Patient\","
#define DIV	    "<div xmlns=\"http://www.w3.org/1999/xhtml\">"

static bool write(struct arena *a, const char *json, struct buf *out, struct error *err)
{
	const struct json *j = json_parse(a, str_from(json), 0, err);
	assert_non_null(j);
	buf_reset(out);
	return xml_write_resource(out, a, definitions_builtin(), j, err);
}

static void resources_have_their_xml_form(void **state)
{
	(void)state;
	static const struct {
		const char *json, *xml; /* without declaration and root */
	} cases[] = {
		{PATIENT "\"active\":true}", "<active value=\"true\"/>"},
		{PATIENT "\"birthDate\":\"1970\",\"active\":false,\"id\":\"a\",\"meta\":{\"versionId\":\"1\"}}",
		 "<id value=\"a\"/><meta><versionId value=\"1\"/></meta><active value=\"false\"/>"
		 "<birthDate value=\"1970\"/>"},
		{PATIENT "\"name\":[{\"id\":\"n\",\"given\":[\"A\",\"B\"],\"family\":\"C\"},{\"text\":\"D\"}]}",
		 "<name id=\"n\"><family value=\"C\"/><given value=\"A\"/><given value=\"B\"/></name>"
		 "<name><text value=\"D\"/></name>"},
		{PATIENT "\"name\":[{\"_given\":[null,{\"id\":\"x\"},{\"id\":\"y\"}],\"given\":[\"A\",null,\"B\"]}]}",
		 "<name><given value=\"A\"/><given id=\"x\"/><given id=\"y\" value=\"B\"/></name>"},
		{PATIENT "\"_birthDate\":{\"extension\":[{\"url\":\"http://x/y\",\"valueString\":\"z\"}]}}",
		 "<birthDate><extension url=\"http://x/y\"><valueString value=\"z\"/></extension></birthDate>"},
		{PATIENT
		 "\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"i\",\"extension\":[{\"id\":\"e\",\"url\":\"u\"}]}}",
		 "<birthDate id=\"i\" value=\"1970\"><extension id=\"e\" url=\"u\"/></birthDate>"},
		{PATIENT "\"multipleBirthInteger\":2}", "<multipleBirthInteger value=\"2\"/>"},
		{PATIENT "\"name\":[{\"text\":\"a<b>&\\\"c\\\"\\n\\t\\u00e9\"}]}",
		 "<name><text value=\"a&lt;b&gt;&amp;&quot;c&quot;&#10;&#9;\xc3\xa9\"/></name>"},
		{PATIENT "\"name\":[{\"text\":\"a\\u0001b\\uffff\"}]}", "<name><text value=\"a\xef\xbf\xbd"
									"b\xef\xbf\xbd\"/></name>"},
		{PATIENT "\"text\":{\"div\":\"<div>a&nbsp;&amp;&#8212;&foo;<br/></div>\",\"status\":\"generated\"}}",
		 "<text><status value=\"generated\"/>" DIV "a&#160;&amp;&#8212;&amp;foo;<br/></div></text>"},
		{PATIENT "\"text\":{\"div\":\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\" class='a'>x</div>\"}}",
		 "<text><div xmlns=\"http://www.w3.org/1999/xhtml\" class='a'>x</div></text>"},
		{PATIENT "\"text\":{\"div\":\"<div><p>x</div>\"}}",
		 "<text>" DIV "&lt;div&gt;&lt;p&gt;x&lt;/div&gt;</div></text>"},
		{PATIENT "\"text\":{\"div\":\"<div title='a>&nbsp;' xmlns='x'><!-- a & -->b<!----></div>\"}}",
		 "<text><div title='a>&#160;' xmlns='x'><!-- a & -->b<!----></div></text>"},
		{PATIENT "\"contained\":[{\"resourceType\":\"Organization\",\"name\":\"N\",\"id\":\"o\"}]}",
		 "<contained><Organization><id value=\"o\"/><name value=\"N\"/></Organization></contained>"},
		{PATIENT "\"link\":[{\"type\":\"refer\",\"id\":\"l\",\"other\":{\"reference\":\"Patient/1\"}}]}",
		 "<link id=\"l\"><other><reference value=\"Patient/1\"/></other><type value=\"refer\"/></link>"},
	};
	struct arena a;
	struct buf out, expected;
	arena_init(&a, 8 << 20);
	buf_init(&out, 1 << 20);
	buf_init(&expected, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		if (!write(&a, cases[i].json, &out, &err))
			fail_msg("%s: %s", cases[i].json, err.text);
		buf_reset(&expected);
		buf_printf(&expected, DECLARATION "<Patient xmlns=\"http://hl7.org/fhir\">%s</Patient>", cases[i].xml);
		if (!str_eq(buf_str(&out), buf_str(&expected)))
			fail_msg("%s became %.*s", cases[i].json, STR_ARG(buf_str(&out)));
	}
	buf_done(&expected);
	buf_done(&out);
	arena_done(&a);
}

static void bundles_and_decimals_keep_their_content(void **state)
{
	(void)state;
	struct arena a;
	struct buf out;
	struct error err = {0};
	arena_init(&a, 1 << 20);
	buf_init(&out, 1 << 20);
	assert_true(write(
		&a,
		"{\"resourceType\":\"Bundle\",\"entry\":[{\"search\":{\"mode\":\"match\"},\"resource\":"
		"{\"valueQuantity\":{\"value\":1.500},\"resourceType\":\"Observation\"}}],\"type\":\"searchset\"}",
		&out, &err));
	assert_true(str_is(buf_str(&out),
			   DECLARATION "<Bundle xmlns=\"http://hl7.org/fhir\"><type value=\"searchset\"/><entry>"
				       "<resource><Observation><valueQuantity><value value=\"1.500\"/></valueQuantity>"
				       "</Observation></resource><search><mode value=\"match\"/></search></entry>"
				       "</Bundle>"));
	buf_done(&out);
	arena_done(&a);
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"{}",
		"[]",
		"{\"resourceType\":\"X\"}",
		PATIENT "\"x\":1}",
		PATIENT "\"_name\":[{\"id\":\"a\"}]}",
		PATIENT "\"name\":[\"a\"]}",
		PATIENT "\"name\":\"a\"}",
		PATIENT "\"name\":null}",
		PATIENT "\"active\":{\"a\":1}}",
		PATIENT "\"active\":[[true]]}",
		PATIENT "\"_active\":3}",
		PATIENT "\"contained\":[{\"id\":\"a\"}]}",
		PATIENT "\"name\":[null]}",
		PATIENT "\"name\":{\"text\":\"a\"}}",
		PATIENT "\"name\":[]}",
		PATIENT "\"active\":[true]}",
		PATIENT "\"active\":\"true\"}",
		PATIENT "\"active\":1}",
		PATIENT "\"multipleBirthInteger\":\"1\"}",
		PATIENT "\"birthDate\":1970}",
		PATIENT "\"name\":[{\"given\":[\"a\"],\"_given\":{\"id\":\"b\"}}]}",
	};
	struct arena a;
	struct buf out;
	arena_init(&a, 1 << 20);
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		if (write(&a, cases[i], &out, &err))
			fail_msg("%s became %.*s", cases[i], STR_ARG(buf_str(&out)));
		assert_true(err.code != ERR_NONE);
	}
	buf_done(&out);
	arena_done(&a);
}

static void pretty_xml_reads_the_same(void **state)
{
	(void)state;
	struct arena a;
	struct buf out;
	struct error err = {0};
	arena_init(&a, 1 << 20);
	buf_init(&out, 1 << 20);
	const struct json *j = json_parse(
		&a,
		S(PATIENT
		  "\"text\":{\"div\":\"<div xmlns='http://www.w3.org/1999/xhtml'> <p>a</p></div>\"},\"contained\":"
		  "[{\"resourceType\":\"Basic\",\"id\":\"b\"}],\"name\":[{\"given\":[\"A\"]}]}"),
		0, &err);
	assert_true(xml_write_resource_pretty(&out, &a, definitions_builtin(), j, &err));
	assert_true(str_is(buf_str(&out), DECLARATION
			   "\n<Patient xmlns=\"http://hl7.org/fhir\">\n  <text>\n"
			   "    <div xmlns='http://www.w3.org/1999/xhtml'> <p>a</p></div>\n  </text>\n"
			   "  <contained>\n    <Basic>\n      <id value=\"b\"/>\n    </Basic>\n  </contained>\n"
			   "  <name>\n    <given value=\"A\"/>\n  </name>\n</Patient>"));
	buf_done(&out);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resources_have_their_xml_form),
		cmocka_unit_test(bundles_and_decimals_keep_their_content),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(pretty_xml_reads_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
