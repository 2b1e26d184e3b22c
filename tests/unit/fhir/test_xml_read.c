/* Reading the XML form: what becomes what in JSON, what is refused where, findings, and places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fhir/xml.h"

#define NS	   " xmlns=\"http://hl7.org/fhir\""
#define PATIENT(x) "<Patient" NS ">" x "</Patient>"
#define XHTML	   "http://www.w3.org/1999/xhtml"

static struct str json_text(struct buf *out, const struct json *j)
{
	struct json_writer w = json_writer(out);
	buf_reset(out);
	json_put_value(&w, j);
	return buf_str(out);
}

static void xml_has_its_json_form(void **state)
{
	(void)state;
	static const struct {
		const char *xml, *json; /* the members after resourceType */
	} cases[] = {
		{PATIENT("<active value=\"true\"/>"), ",\"active\":true"},
		{PATIENT("<id value='a'/>\n <meta><versionId value='1'/></meta><!-- x -->"),
		 ",\"id\":\"a\",\"meta\":{\"versionId\":\"1\"}"},
		{PATIENT("<name id='n'><family value='C'/><given value='A'/><given value='B'/></name><name>"
			 "<text value='D'/></name>"),
		 ",\"name\":[{\"id\":\"n\",\"family\":\"C\",\"given\":[\"A\",\"B\"]},{\"text\":\"D\"}]"},
		{PATIENT("<name><given id='x'/><given value='B'/></name>"),
		 ",\"name\":[{\"given\":[null,\"B\"],\"_given\":[{\"id\":\"x\"},null]}]"},
		{PATIENT("<name><given id='x'/></name>"), ",\"name\":[{\"_given\":[{\"id\":\"x\"}]}]"},
		{PATIENT("<birthDate value='1970' id='i'><extension url='u'><valueInteger value='-3'/></extension>"
			 "</birthDate>"),
		 ",\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"i\",\"extension\":[{\"url\":\"u\",\"valueInteger\":"
		 "-3}]}"},
		{PATIENT("<extension url='u'><extension url='v'><valueDecimal value='1.500'/></extension></extension>"
			 "<multipleBirthInteger value='2'/>"),
		 ",\"extension\":[{\"extension\":[{\"url\":\"v\",\"valueDecimal\":1.500}],\"url\":\"u\"}],"
		 "\"multipleBirthInteger\":2"},
		{PATIENT("<text><status value='generated'/><div xmlns='" XHTML "'\r\n><p class=\"a\">a&#160;&lt;</p>\n"
			 "<!-- c --></div></text>"),
		 ",\"text\":{\"status\":\"generated\",\"div\":\"<div xmlns='" XHTML
		 "'\\n><p class=\\\"a\\\">a&#160;&lt;"
		 "</p>\\n<!-- c --></div>\"}"},
		{"<Patient" NS " xmlns:h='" XHTML "'><text><h:div><h:b>x</h:b></h:div></text></Patient>",
		 ",\"text\":{\"div\":\"<div xmlns=\\\"" XHTML "\\\"><b>x</b></div>\"}"},
		{"<f:Patient xmlns:f='http://hl7.org/fhir'><f:active value='false'/></f:Patient>", ",\"active\":false"},
		{"<Patient" NS " xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='a b'>"
		 "<contained><Patient><id value='c'/></Patient></contained></Patient>",
		 ",\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"c\"}]"},
		{PATIENT("<name><text value='a&amp;&quot;&#10;b'/></name>"), ",\"name\":[{\"text\":\"a&\\\"\\nb\"}]"},
	};
	struct buf out, expected;
	buf_init(&out, 1 << 20);
	buf_init(&expected, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 8 << 20);
		const struct json *j = xml_read_resource(&a, definitions_builtin(), str_from(cases[i].xml), NULL, &err);
		if (!j)
			fail_msg("%s: %s", cases[i].xml, err.text);
		buf_reset(&expected);
		buf_printf(&expected, "{\"resourceType\":\"Patient\"%s}", cases[i].json);
		if (!str_eq(json_text(&out, j), buf_str(&expected)))
			fail_msg("%s became %.*s", cases[i].xml, STR_ARG(buf_str(&out)));
		arena_done(&a);
	}
	buf_done(&out);
	buf_done(&expected);
}

/* Each case breaks one rule: refused when strict, one finding at the same place when collecting. */
static void problems_are_told_with_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *xml, *path, *says;
		size_t column;
		const char *rest; /* JSON that is read nevertheless; NULL: nothing */
	} cases[] = {
		{"<Patient><active value='true'/></Patient>", "Patient", "namespace", 1, NULL},
		{"<Nothing" NS "/>", "Nothing", "Nothing", 1, NULL},
		{PATIENT("<acive value='true'/>"), "Patient", "does not exist", 38, ""},
		{PATIENT("<active value='true'/><id value='a'/>"), "Patient.id", "order", 60,
		 "\"id\":\"a\",\"active\":true"},
		{PATIENT("<name><text value='a'/></name><gender value='male'/><name><text value='b'/></name>"),
		 "Patient.name", "order", 90, "\"name\":[{\"text\":\"a\"},{\"text\":\"b\"}],\"gender\":\"male\""},
		{PATIENT("<active value='true'/><active value='true'/>"), "Patient", "once", 60, "\"active\":true"},
		{PATIENT("<active/>"), "Patient.active", "neither value", 38, ""},
		{PATIENT("<name/>"), "Patient.name[0]", "neither value", 38, ""},
		{PATIENT("<active value=''/>"), "Patient.active", "empty", 38, ""},
		{PATIENT("<active value='true' x='1'/>"), "Patient.active", "\"x\"", 38, "\"active\":true"},
		{PATIENT("<name value='x'><text value='a'/></name>"), "Patient.name[0]", "\"value\"", 38,
		 "\"name\":[{\"text\":\"a\"}]"},
		{PATIENT("<name><id value='x'/><text value='a'/></name>"), "Patient.name[0].id", "attribute", 44,
		 "\"name\":[{\"text\":\"a\"}]"},
		{PATIENT("<active value='true'>yes</active>"), "Patient.active", "Text", 38, "\"active\":true"},
		{PATIENT("hello<active value='true'/>"), "Patient", "Text", 1, "\"active\":true"},
		{PATIENT("<active xmlns='urn:x' value='true'/>"), "Patient.active", "namespace", 38, ""},
		{PATIENT("<text><div>x</div></text>"), "Patient.text.div", "namespace", 44, "\"text\":{}"},
		{PATIENT("<contained x='1'><Patient><id value='a'/></Patient></contained>"), "Patient.contained[0]",
		 "attributes", 38, "\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"a\"}]"},
		{PATIENT("<contained><Patient><id value='a'/></Patient><Patient/></contained>"), "Patient.contained[0]",
		 "one resource", 38, "\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"a\"}]"},
		{"<Patient" NS " id='x'><active value='true'/></Patient>", "Patient", "\"id\"", 1, "\"active\":true"},
	};
	struct buf out, expected;
	buf_init(&out, 1 << 20);
	buf_init(&expected, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct issues findings;
		struct error err = {0}, second = {0};
		arena_init(&a, 8 << 20);
		issues_init(&findings, &a);
		struct str xml = str_from(cases[i].xml);
		if (xml_read_resource(&a, definitions_builtin(), xml, NULL, &err))
			fail_msg("%s was accepted", cases[i].xml);
		if (!str_is(str_from(err.path), cases[i].path) || !strstr(err.text, cases[i].says) || err.line != 1 ||
		    err.column != cases[i].column)
			fail_msg("%s: %s: %s at %zu:%zu", cases[i].xml, err.path, err.text, err.line, err.column);
		const struct json *j = xml_read_resource(&a, definitions_builtin(), xml, &findings, &second);
		assert_int_equal(findings.count, 1);
		assert_true(str_is(findings.first->path, cases[i].path));
		assert_true(str_is(findings.first->text, err.text));
		assert_int_equal(findings.first->column, cases[i].column);
		assert_true((j == NULL) == (cases[i].rest == NULL));
		assert_true((second.code != ERR_NONE) == (j == NULL));
		if (j) {
			buf_reset(&expected);
			buf_printf(&expected, "{\"resourceType\":\"Patient\"%s%s}", *cases[i].rest ? "," : "",
				   cases[i].rest);
			if (!str_eq(json_text(&out, j), buf_str(&expected)))
				fail_msg("%s became %.*s", cases[i].xml, STR_ARG(buf_str(&out)));
		}
		arena_done(&a);
	}
	buf_done(&out);
	buf_done(&expected);
}

static void numbers_must_be_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		bool good;
	} cases[] = {{"0", true},   {"-1.50", true}, {"1e-7", true}, {"1E+2", true}, {"+1", false},
		     {"01", false}, {".5", false},   {"5.", false},  {"1e", false},  {" 1", false},
		     {"", false},   {"-", false},    {"NaN", false}, {"0x1", false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 1 << 20);
		struct str xml = arena_printf(&a,
					      "<Observation" NS "><valueQuantity><value value='%s'/></valueQuantity>"
					      "</Observation>",
					      cases[i].value);
		const struct json *j = xml_read_resource(&a, definitions_builtin(), xml, NULL, &err);
		if ((j != NULL) != cases[i].good)
			fail_msg("%s: %s", cases[i].value, err.text);
		if (j)
			assert_true(str_is(json_number(json_get(json_get(j, S("valueQuantity")), S("value"))),
					   cases[i].value));
		arena_done(&a);
	}
}

static void all_findings_are_collected(void **state)
{
	(void)state;
	static const char *const xml = "<Bundle" NS ">\n <type value='collection'/>\n <entry>\n  <resource>\n"
				       "   <Patient><x/><active value='yes'/></Patient>\n  </resource>\n </entry>\n"
				       " <entry><resource><None/></resource></entry>\n</Bundle>";
	struct arena a;
	struct issues findings;
	struct error err = {0};
	arena_init(&a, 8 << 20);
	issues_init(&findings, &a);
	const struct json *j = xml_read_resource(&a, definitions_builtin(), str_from(xml), &findings, &err);
	assert_non_null(j);
	assert_int_equal(findings.count, 2);
	assert_true(str_is(findings.first->path, "Bundle.entry[0].resource"));
	assert_int_equal(findings.first->line, 5);
	assert_int_equal(findings.first->column, 13);
	assert_true(str_is(findings.last->path, "Bundle.entry[1].resource"));
	assert_int_equal(findings.last->line, 8);
	issues_init(&findings, &a);
	assert_false(resource_check(definitions_builtin(), j, &findings)); /* yes is no boolean */
	arena_done(&a);
}

static void malformed_text_is_a_finding_too(void **state)
{
	(void)state;
	struct arena a;
	struct issues findings;
	struct error err = {0};
	arena_init(&a, 1 << 20);
	issues_init(&findings, &a);
	assert_null(xml_read_resource(&a, definitions_builtin(), S("<Patient>\n<a></Patient>"), &findings, &err));
	assert_int_equal(findings.errors, 1);
	assert_int_equal(findings.first->severity, ISSUE_FATAL);
	assert_int_equal(findings.first->line, 2);
	arena_done(&a);
}

static void depth_is_bounded(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 1 << 20);
	buf_add(&text, S("<Patient" NS ">"));
	for (int i = 0; i < 70; i++)
		buf_add(&text, S("<extension url='u'>"));
	for (int i = 0; i < 70; i++)
		buf_add(&text, S("</extension>"));
	buf_add(&text, S("</Patient>"));
	for (int collect = 0; collect < 2; collect++) {
		struct arena a;
		struct issues findings;
		struct error err = {0};
		arena_init(&a, 8 << 20);
		issues_init(&findings, &a);
		assert_null(
			xml_read_resource(&a, definitions_builtin(), buf_str(&text), collect ? &findings : NULL, &err));
		assert_int_equal(err.code, ERR_LIMIT);
		arena_done(&a);
	}
	buf_done(&text);
}

static void narratives_come_back_to_the_byte(void **state)
{
	(void)state;
	static const char *const divs[] = {
		"<div xmlns=\"" XHTML "\"/>",
		"<div xmlns='" XHTML "'><p class=\"a>b\">x\r\ny\rz\t</p> <!-- a & b -->\n&#160;&amp;&lt;</div>",
		"<div xmlns=\"" XHTML "\" xml:lang=\"en\"><img src=\"a?b=1&amp;c=2\" alt='\"'/><br /></div>",
		"<div xmlns=\"" XHTML "\">\xc3\xa9 \xf0\x9f\x98\x80</div>",
		"<div xmlns=\"" XHTML "\" title=\"&#13;&#013;&#xD;&#x0d;\">\r\n&#13;\n&#xd;&#0013;&#130;</div>",
		"<div xmlns=\"" XHTML "\"><!-->\"&#13;<p>--><!--->&#013;&#xD;--><b>&#13;</b><!---->\r</div>",
		"<div xmlns=\"" XHTML
		"\">&#x0000000000000000000000000000000000000000D;&#00000000000000000000000000000000000013;</div>",
	};
	for (size_t i = 0; i < sizeof(divs) / sizeof(divs[0]); i++) {
		struct arena a;
		struct buf text, xml;
		struct error err = {0};
		arena_init(&a, 1 << 20);
		buf_init(&text, 1 << 20);
		buf_init(&xml, 1 << 20);
		struct json_writer w = json_writer(&text);
		json_object_begin(&w);
		json_put_member(&w, S("resourceType"), S("Patient"));
		json_key(&w, S("text"));
		json_object_begin(&w);
		json_put_member(&w, S("div"), str_from(divs[i]));
		json_object_end(&w);
		json_object_end(&w);
		const struct json *j = json_parse(&a, buf_str(&text), 0, &err);
		assert_true(xml_write_resource(&xml, &a, definitions_builtin(), j, &err));
		const struct json *back = xml_read_resource(&a, definitions_builtin(), buf_str(&xml), NULL, &err);
		struct str div = json_get_str(json_get(back, S("text")), S("div"));
		if (!str_eq(div, str_from(divs[i])))
			fail_msg("%s became %.*s through %.*s", divs[i], STR_ARG(div), STR_ARG(buf_str(&xml)));
		buf_done(&xml);
		buf_done(&text);
		arena_done(&a);
	}
}

static void places_are_found(void **state)
{
	(void)state;
	static const char *const xml =
		"<Bundle" NS "><entry><fullUrl value='u'/><resource>\n<Patient>\n"
		"<name id='n'><given value='a'/>\n <given value='b'><extension url='x'/></given>"
		"</name>\n<multipleBirthInteger value='1'/></Patient></resource></entry></Bundle>";
	static const struct {
		const char *path;
		size_t taken, line, column;
	} cases[] = {
		{"Bundle", 0, 1, 1},
		{"Bundle.entry[0].fullUrl", 2, 1, 44},
		{"Bundle.entry[0].resource.name[0].given[1]", 4, 4, 2},
		{"Bundle.entry[0].resource.name[0].given[1].extension[0].url", 6, 4, 19},
		{"Bundle.entry[0].resource.name[0].given[2]", 3, 3, 1},
		{"Bundle.entry[0].resource.name[0].id", 4, 3, 1},
		{"Bundle.entry[0].resource.multipleBirth", 3, 5, 1},
		{"Bundle.entry[0].resource.birthDate", 2, 1, 64},
	};
	struct arena a;
	struct error err = {0};
	arena_init(&a, 1 << 20);
	const struct xml_node *root = xml_parse(&a, str_from(xml), NULL, &err);
	assert_non_null(root);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_step steps[8];
		size_t count, line, column;
		assert_true(json_path_parse(&a, str_from(cases[i].path), steps, 8, &count));
		size_t taken = xml_locate(root, steps, count, &line, &column);
		if (taken != cases[i].taken || line != cases[i].line || column != cases[i].column)
			fail_msg("%s: %zu steps to %zu:%zu", cases[i].path, taken, line, column);
	}
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xml_has_its_json_form),
		cmocka_unit_test(problems_are_told_with_their_place),
		cmocka_unit_test(numbers_must_be_numbers),
		cmocka_unit_test(all_findings_are_collected),
		cmocka_unit_test(malformed_text_is_a_finding_too),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(narratives_come_back_to_the_byte),
		cmocka_unit_test(places_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
