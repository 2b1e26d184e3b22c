/* The structure check: what passes, and for what fails, where and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fhir/fhir_priv.h"

#define OBSERVATION "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
#define PATIENT	    "{\"resourceType\":\"Patient\","

struct check_case {
	const char *json;
	const char *path; /* of a finding; NULL: it must pass */
	const char *text; /* a part of that finding */
};

static const struct issue *find(const struct issues *findings, struct str path)
{
	for (const struct issue *i = findings->first; i; i = i->next)
		if (str_eq(i->path, path))
			return i;
	return NULL;
}

static void run(const struct check_case *cases, size_t count)
{
	struct arena a;
	arena_init(&a, 64 << 20);
	for (size_t i = 0; i < count; i++) {
		const struct check_case *c = &cases[i];
		struct error err = {0};
		struct issues findings;
		issues_init(&findings, &a);
		const struct json *j = json_parse(&a, str_from(c->json), 0, &err);
		if (!j)
			fail_msg("case %zu is no JSON: %s", i, err.text);
		bool good = resource_check(definitions_builtin(), j, &findings);
		assert_int_equal(good, findings.errors == 0);
		const struct issue *issue = c->path ? find(&findings, str_from(c->path)) : findings.first;
		if (!c->path && !good)
			fail_msg("%s: %.*s: %.*s", c->json, STR_ARG(issue->path), STR_ARG(issue->text));
		struct str first = findings.first ? findings.first->text : S("nothing");
		if (c->path && (good || !issue))
			fail_msg("%s: nothing at %s; found %.*s", c->json, c->path, STR_ARG(first));
		if (c->path && str_find(issue->text, str_from(c->text)) == STR_NONE)
			fail_msg("%s: says %.*s", c->json, STR_ARG(issue->text));
	}
	arena_done(&a);
}
#define RUN(cases) run(cases, sizeof(cases) / sizeof(cases[0]))

static void sound_resources_pass(void **state)
{
	(void)state;
	static const struct check_case cases[] = {
		{"{\"resourceType\":\"Basic\",\"code\":{\"text\":\"x\"}}"},
		{PATIENT "\"gender\":\"female\",\"birthDate\":\"1970-02\",\"name\":[{\"given\":[\"A\",\"B\"]}]}"},
		{PATIENT "\"name\":[{\"given\":[null,\"B\"],\"_given\":[{\"id\":\"a\"},null]}]}"},
		{PATIENT "\"name\":[{\"_given\":[{\"id\":\"a\"}]}]}"},
		{PATIENT "\"_birthDate\":{\"extension\":[{\"url\":\"http://x.org/a\",\"valueString\":\"y\"}]}}"},
		{PATIENT "\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"o\",\"name\":\"x\"}]}"},
		{OBSERVATION "\"valueQuantity\":{\"value\":1.50,\"unit\":\"mg\"}}"},
		{OBSERVATION "\"valueString\":\"x\",\"_valueString\":{\"id\":\"a\"}}"},
		{OBSERVATION "\"_valueString\":{\"id\":\"a\"}}"},
		{OBSERVATION "\"effectiveDateTime\":\"2019-02-28T23:59:60.123456+14:00\"}"},
		{OBSERVATION "\"component\":[{\"code\":{\"text\":\"x\"},\"referenceRange\":[{\"text\":\"y\"}]}]}"},
		{"{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{\"resource\":" PATIENT "\"active\":true},"
		 "\"request\":{\"method\":\"POST\",\"url\":\"Patient\"}}]}"},
		{"{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"a\",\"part\":[{\"name\":\"b\","
		 "\"valueInteger\":-3}]}]}"},
		{"{\"resourceType\":\"Observation\",\"_status\":{\"extension\":[{\"url\":\"u\",\"valueCode\":"
		 "\"unknown\"}]},\"code\":{\"text\":\"x\"}}"},
		/* bad narrative is a warning */
		{PATIENT "\"text\":{\"status\":\"generated\",\"div\":\"<div><p>a</div>\"}}"},
	};
	RUN(cases);
}

static void wrong_structure_is_named_with_its_place(void **state)
{
	(void)state;
	static const struct check_case cases[] = {
		{PATIENT "\"nmae\":[{\"family\":\"x\"}]}", "Patient.nmae", "did you mean \"name\"?"},
		{PATIENT "\"favouriteColour\":\"red\"}", "Patient.favouriteColour", "does not exist in Patient"},
		{PATIENT "\"_name\":[{\"id\":\"x\"}]}", "Patient._name", "does not exist"},
		{PATIENT "\"_\":{\"id\":\"x\"}}", "Patient._", "does not exist"},
		{PATIENT "\"\":1}", "Patient.", "does not exist"},
		{PATIENT "\"name\":{\"family\":\"x\"}}", "Patient.name", "Expected a list, found object"},
		{PATIENT "\"name\":[\"x\"]}", "Patient.name[0]", "Expected an object (HumanName), found string"},
		{PATIENT "\"name\":[{\"family\":[\"x\"]}]}", "Patient.name[0].family", "Expected one value"},
		{PATIENT "\"name\":[{},{\"use\":\"usual\"}]}", "Patient.name[0]", "must not be empty"},
		{PATIENT "\"name\":[]}", "Patient.name[0]", "A list must not be empty"},
		{PATIENT "\"name\":[null]}", "Patient.name[0]", "null is not allowed"},
		{PATIENT "\"name\":null}", "Patient.name", "null is not allowed"},
		{PATIENT "\"name\":[{\"given\":[null]}]}", "Patient.name[0].given[0]", "null is not allowed"},
		{PATIENT "\"name\":[{\"given\":[\"a\",null],\"_given\":[{\"id\":\"x\"}]}]}", "Patient.name[0].given[1]",
		 "null is not allowed"},
		{PATIENT "\"name\":[{\"_given\":[]}]}", "Patient.name[0]._given", "A list must not be empty"},
		{PATIENT "\"name\":[{\"_given\":{\"id\":\"x\"}}]}", "Patient.name[0]._given", "Expected a list"},
		{PATIENT "\"name\":[{\"_given\":[3]}]}", "Patient.name[0]._given[0]", "Expected an object or null"},
		{PATIENT "\"_birthDate\":[{\"id\":\"x\"}]}", "Patient._birthDate", "Expected an object"},
		{PATIENT "\"_birthDate\":{\"value\":\"x\"}}", "Patient._birthDate.value", "does not exist in Element"},
		{PATIENT "\"active\":\"true\"}", "Patient.active", "true or false"},
		{PATIENT "\"active\":1}", "Patient.active", "true or false"},
		{PATIENT "\"birthDate\":1970}", "Patient.birthDate", "a string"},
		{PATIENT "\"gender\":\"Female\"}", "Patient.gender", "not in the required value set"},
		{PATIENT "\"id\":\"a b\"}", "Patient.id", "Expected an id"},
		{PATIENT "\"id\":7}", "Patient.id", "a string"},
		{PATIENT "\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"a_b\"}]}", "Patient.contained[0].id",
		 "Expected an id"},
		{PATIENT "\"contained\":[{\"id\":\"a\"}]}", "Patient.contained[0]", "resourceType is missing"},
		{PATIENT "\"contained\":[{\"resourceType\":\"Person2\"}]}", "Patient.contained[0]",
		 "not a resource type"},
		{PATIENT "\"link\":[{\"other\":{\"reference\":\"Patient/1\"}}]}", "Patient.link[0].type", "required"},
		{"{\"resourceType\":\"Observation\"}", "Observation.status", "required in Observation"},
		{"{\"resourceType\":\"Observation\"}", "Observation.code", "required in Observation"},
		{OBSERVATION "\"valueString\":\"x\",\"valueInteger\":1}", "Observation.valueInteger",
		 "Only one of value[x]"},
		{OBSERVATION "\"valueString\":\"x\",\"_valueDateTime\":{\"id\":\"x\"}}", "Observation._valueDateTime",
		 "Only one of value[x]"},
		{OBSERVATION "\"value\":\"x\"}", "Observation.value", "did you mean \"value[x]\"?"},
		{OBSERVATION "\"valueAddress\":{\"city\":\"x\"}}", "Observation.valueAddress", "does not exist"},
		{OBSERVATION "\"component\":[{\"code\":{\"text\":\"x\"},\"referenceRange\":[{\"hi\":1}]}]}",
		 "Observation.component[0].referenceRange[0].hi", "does not exist in Observation.referenceRange"},
		{"{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{\"resource\":" PATIENT "\"x\":1}}]}",
		 "Bundle.entry[0].resource.x", "does not exist in Patient"},
		{"{\"resourceType\":\"Bundle\",\"type\":\"heap\"}", "Bundle.type", "required value set"},
	};
	RUN(cases);
}

static void what_is_no_resource_is_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"[]",
		"\"Patient\"",
		"null",
		"{}",
		"{\"resourceType\":\"HumanName\"}",
		"{\"resourceType\":\"DomainResource\"}",
		"{\"resourceType\":3}",
		"{\"resourceType\":\"patient\"}",
	};
	struct arena a;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct issues findings;
		issues_init(&findings, &a);
		const struct json *j = json_parse(&a, str_from(cases[i]), 0, NULL);
		assert_non_null(j);
		assert_false(resource_check(definitions_builtin(), j, &findings));
		assert_int_equal(findings.errors, 1);
	}
	arena_done(&a);
}

static void primitives_have_their_form(void **state)
{
	(void)state;
	/* values that pass, a bar, values that do not */
	static const struct {
		enum fhir_primitive type;
		const char *good, *bad;
	} cases[] = {
		{PRIMITIVE_BOOLEAN, "[true,false]", "[\"true\",0,1,{}]"},
		{PRIMITIVE_INTEGER, "[0,-1,2147483647,-2147483648]",
		 "[2147483648,-2147483649,1.0,1e2,\"1\",99999999999999999999]"},
		{PRIMITIVE_UNSIGNEDINT, "[0,1,2147483647]", "[-1,2147483648,0.5,\"0\"]"},
		{PRIMITIVE_POSITIVEINT, "[1,2147483647]", "[0,-1,2147483648,1.5]"},
		{PRIMITIVE_DECIMAL, "[0,1.50,-0.0,1e10,1.23E-5,123456789012345678901234567890.5]",
		 "[\"1.0\",true,1e999]"},
		{PRIMITIVE_STRING, "[\"a\",\" \",\"a\\nb\\tc\\r\",\"\\u00e9\"]", "[\"\",\"a\\u0000b\",\"\\u0007\",3]"},
		{PRIMITIVE_MARKDOWN, "[\"# a\\n\"]", "[\"\",\"\\u001b\"]"},
		{PRIMITIVE_CODE, "[\"a\",\"a b\",\"a-b.c\"]", "[\"\",\" a\",\"a \",\"a  b\",\"\\n\"]"},
		{PRIMITIVE_URI, "[\"urn:x\",\"http://a/b?c|d\",\"x\"]", "[\"\",\"a b\",\"a\\n\"]"},
		{PRIMITIVE_URL, "[\"http://a\"]", "[\"http://a b\"]"},
		{PRIMITIVE_CANONICAL, "[\"http://a|1.0\",\"#x\"]", "[\"http://a |1\"]"},
		{PRIMITIVE_ID, "[\"a\",\"A-b.9\"]",
		 "[\"\",\"a_b\",\"a/"
		 "b\",\"\\u00e9\",\"12345678901234567890123456789012345678901234567890123456789012345\"]"},
		{PRIMITIVE_DATE, "[\"2019\",\"2019-02\",\"2020-02-29\",\"0001-01-01\"]",
		 "[\"19\",\"2019-2\",\"2019-13\",\"2019-02-29\",\"2019-00-01\",\"2019-01-32\",\"0000\","
		 "\"2019-01-01T00:00:00Z\",\"2019-01-01 \",\"2019/01/01\",\"2019-\"]"},
		{PRIMITIVE_DATETIME,
		 "[\"2019\",\"2019-02\",\"2019-02-01\",\"2019-02-01T10:00:00Z\",\"2019-02-01T10:00:00.123-05:00\"]",
		 "[\"2019-02-01T10:00Z\",\"2019-02-01T10:00:00\",\"2019-02-01T24:00:00Z\",\"2019-02-01T10:60:00Z\","
		 "\"2019-02-01T10:00:61Z\",\"2019-02-01T10:00:00.Z\",\"2019-02-01T10:00:00+15:00\","
		 "\"2019-02T10:00:00Z\",\"2019-02-01 10:00:00Z\",\"2019-02-01T\"]"},
		{PRIMITIVE_INSTANT, "[\"2019-02-01T10:00:00Z\",\"2019-02-01T10:00:00.1+01:00\"]",
		 "[\"2019\",\"2019-02-01\",\"2019-02-01T10:00:00\",\"x\"]"},
		{PRIMITIVE_TIME, "[\"00:00:00\",\"23:59:60\",\"12:00:00.123\"]",
		 "[\"24:00:00\",\"12:60:00\",\"12:00:61\",\"12:00:69\",\"12:00\",\"12:00:00Z\",\"12:00:00.\",\"1:00:"
		 "00\"]"},
		{PRIMITIVE_BASE64BINARY, "[\"YQ==\",\"YWI=\",\"YWJj\",\"YWJj\\nYWJj\"]",
		 "[\"YQ\",\"Y===\",\"YQ==YQ==\",\"Y_-j\",\"\"]"},
		{PRIMITIVE_OID, "[\"urn:oid:1.2.3\",\"urn:oid:2.16.840.1.113883.0\"]",
		 "[\"1.2.3\",\"urn:oid:3.1\",\"urn:oid:1\",\"urn:oid:1.\",\"urn:oid:1..2\",\"urn:oid:1.02\",\"urn:oid:"
		 "\"]"},
		{PRIMITIVE_UUID, "[\"urn:uuid:c757873d-ec9a-4326-a141-556f43239520\"]",
		 "[\"c757873d-ec9a-4326-a141-556f43239520\",\"urn:uuid:c757873d\","
		 "\"urn:uuid:c757873dxec9a-4326-a141-556f43239520\",\"urn:uuid:g757873d-ec9a-4326-a141-"
		 "556f43239520\"]"},
		{PRIMITIVE_XHTML, "[\"<div>x</div>\"]", "[\"x\",\"<p>x</p>\",\"\",3]"},
	};
	struct arena a;
	arena_init(&a, 8 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_iter good = json_iter(json_parse(&a, str_from(cases[i].good), 0, NULL));
		struct json_iter bad = json_iter(json_parse(&a, str_from(cases[i].bad), 0, NULL));
		assert_true(good.left && bad.left);
		for (size_t k = 0; json_next(&good); k++)
			if (primitive_problem(cases[i].type, good.value))
				fail_msg("%s: item %zu was refused", cases[i].good, k);
		for (size_t k = 0; json_next(&bad); k++)
			if (!primitive_problem(cases[i].type, bad.value))
				fail_msg("%s: item %zu was accepted", cases[i].bad, k);
	}
	arena_done(&a);
}

static void strings_have_a_limit(void **state)
{
	(void)state;
	struct arena a;
	struct buf b;
	arena_init(&a, 64 << 20);
	buf_init(&b, 4 << 20);
	buf_char(&b, '"');
	for (size_t i = 0; i < 1024 * 1024; i++)
		buf_char(&b, 'x');
	buf_char(&b, '"');
	assert_null(primitive_problem(PRIMITIVE_STRING, json_parse(&a, buf_str(&b), 0, NULL)));
	b.p[b.n - 1] = 'x';
	buf_char(&b, '"');
	assert_non_null(primitive_problem(PRIMITIVE_STRING, json_parse(&a, buf_str(&b), 0, NULL)));
	buf_done(&b);
	arena_done(&a);
}

/* Many findings are counted, few are kept, and neither they nor long lists of null take long. */
static void floods_stay_bounded(void **state)
{
	(void)state;
	enum { MANY = 100000 };
	struct arena a;
	struct buf b;
	struct issues findings;
	arena_init(&a, 256 << 20);
	buf_init(&b, 64 << 20);
	buf_add(&b, S(PATIENT "\"name\":[{\"given\":["));
	for (size_t i = 0; i < MANY; i++)
		buf_add(&b, i ? S(",null") : S("null"));
	buf_add(&b, S("],\"_given\":["));
	for (size_t i = 0; i < MANY; i++)
		buf_add(&b, i ? S(",{\"id\":\"a\"}") : S("null"));
	buf_add(&b, S("]}],\"contact\":["));
	for (size_t i = 0; i < MANY; i++)
		buf_add(&b, i ? S(",{\"relationshiq\":1}") : S("{\"relationshiq\":1}"));
	buf_add(&b, S("]}"));
	issues_init(&findings, &a);
	const struct json *j = json_parse(&a, buf_str(&b), 0, NULL);
	assert_non_null(j);
	assert_false(resource_check(definitions_builtin(), j, &findings));
	assert_int_equal(findings.errors, MANY + 1);
	size_t kept = 0;
	for (const struct issue *i = findings.first; i; i = i->next)
		kept++;
	assert_int_equal(kept, 50);
	buf_done(&b);
	arena_done(&a);
}

static void narratives_must_nest(void **state)
{
	(void)state;
	static const char *const good[] = {
		"<div/>",
		"<div></div>",
		"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>a &amp; b<br/>&#160;&#xA0;</p></div>",
		" <div><a href='x?a=1&amp;b=2'>x</a><!-- note --></div>\n",
		"<div>a > b</div>",
		"<div>&#9;&#x1F600;&#x10ffff;&#000000000000000000000000000000000000065;</div>",
		"<div xml:lang=\"de\" title=\"a>b\">x</div>",
		"<div ><img alt = \"\" /></div >",
	};
	static const char *const bad[] = {
		"",
		"x",
		"<p/>",
		"<divx></divx>",
		"<div",
		"<div>",
		"<div><p></div>",
		"<div></p></div>",
		"<div></div>x",
		"<div></div><div></div>",
		"<div>a & b</div>",
		"<div>&x</div>",
		"<div>&#xZ;</div>",
		"<div>&#;</div>",
		"<div>&#0;</div>",
		"<div>&#11;</div>",
		"<div>&#xD800;</div>",
		"<div>&#xFFFF;</div>",
		"<div>&#1114112;</div>",
		"<div>&#x10000000000000041;</div>",
		"<div a></div>",
		"<div a=1></div>",
		"<div a=\"1></div>",
		"<div a=\"<\"></div>",
		"<div a=\"&\"></div>",
		"<div a=\"1\"b=\"2\"></div>",
		"<div><!-- a -- b --></div>",
		"<div><!-- a</div>",
		"<div><1/></div>",
		"<div></div",
		"<div><![CDATA[x]]></div>",
		"<div><?php ?></div>",
		"<div a=\"1\" a=\"2\"/>",
		"<div a:b=\"1\"/>",
		"<div><a:b/></div>",
		"<!DOCTYPE div><div/>",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (xhtml_problem(str_from(good[i])))
			fail_msg("%s: %s", good[i], xhtml_problem(str_from(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!xhtml_problem(str_from(bad[i])))
			fail_msg("accepted: %s", bad[i]);
}

static void narratives_keep_their_rules(void **state)
{
	(void)state;
	static const char *const good[] = {
		"<div>a</div>",
		"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p class=\"c\" style='s'>a&#160;&lt;<br/></p></div>",
		"<div><img src=\"#i\" alt=\"i\"/></div>",
		"<div><a href=\"#x\">x</a><table border=\"1\"><tr><td colspan=\"2\">x</td></tr></table></div>",
	};
	static const char *const bad[] = {
		"<div></div>",
		"<div> <p> </p></div>",
		"<div>a<script>x</script></div>",
		"<div onclick=\"x\">a</div>",
		"<div>a&nbsp;b</div>",
		"<div xmlns=\"urn:x\">a</div>",
		"<div>a<p href=\"x\">b</p></div>",
		"<div>a<DIV>b</DIV></div>",
		"<div>a]]>b</div>",
		"<div>a<p></div>",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!fhir_xhtml_valid(str_from(good[i])))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (fhir_xhtml_valid(str_from(bad[i])))
			fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_resources_pass),
		cmocka_unit_test(wrong_structure_is_named_with_its_place),
		cmocka_unit_test(what_is_no_resource_is_refused),
		cmocka_unit_test(primitives_have_their_form),
		cmocka_unit_test(strings_have_a_limit),
		cmocka_unit_test(floods_stay_bounded),
		cmocka_unit_test(narratives_must_nest),
		cmocka_unit_test(narratives_keep_their_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
