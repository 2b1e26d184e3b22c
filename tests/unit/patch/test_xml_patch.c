/* XML Patch on resources: what is untouched comes back to the byte, and refusals say which operation and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fhir/definitions.h"
#include "patch/patch.h"
#include "xml/xml.h"

#define NARRATIVE                                                                                                      \
	"\"text\":{\"status\":\"generated\",\"div\":\"<div xmlns='http://www.w3.org/1999/xhtml'>a&#160;b<br "          \
	"/>\\r\\n</div>\"}"
#define P "{\"resourceType\":\"Patient\",\"id\":\"p\"," NARRATIVE ",\"name\":[{\"text\":\"one\\ntwo\"}]"

static const struct json *apply(struct arena *a, const char *diff, struct error *err)
{
	const struct json *resource = json_parse(a, S(P "}"), 0, err);
	assert_non_null(resource);
	return patch_xml(a, definitions_builtin(), resource, str_from(diff), err);
}

static void what_is_untouched_stays_to_the_byte(void **state)
{
	(void)state;
	static const struct {
		const char *diff, *result;
	} cases[] = {
		{"<diff/>", P "}"},
		{"<diff><add sel='Patient'><birthDate value='1970'/></add></diff>", P ",\"birthDate\":\"1970\"}"},
		{"<diff xmlns='http://hl7.org/fhir'><add sel='Patient/name'><given value='x'/></add></diff>",
		 "{\"resourceType\":\"Patient\",\"id\":\"p\"," NARRATIVE
		 ",\"name\":[{\"text\":\"one\\ntwo\",\"given\":[\"x\"]}]}"},
	};
	struct buf out;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 8 << 20);
		const struct json *result = apply(&a, cases[i].diff, &err);
		if (!result)
			fail_msg("%s: %s", cases[i].diff, err.text);
		struct json_writer w = json_writer(&out);
		buf_reset(&out);
		json_put_value(&w, result);
		if (!str_eq(buf_str(&out), str_from(cases[i].result)))
			fail_msg("%s gave %.*s", cases[i].diff, STR_ARG(buf_str(&out)));
		arena_done(&a);
	}
	buf_done(&out);
}

static void refusals_say_which_operation_and_why(void **state)
{
	(void)state;
	static const struct {
		const char *diff;
		enum error_code code;
		const char *says;
	} cases[] = {
		{"<diff>", ERR_STRUCTURE, "the patch: Invalid XML"},
		{"<!DOCTYPE diff><diff/>", ERR_STRUCTURE, "DOCTYPE"},
		{"<patch/>", ERR_STRUCTURE, "<diff>"},
		{"<diff>x</diff>", ERR_STRUCTURE, "text between"},
		{"<diff><remove sel='Patient/id/@value'/><spam sel='x'/></diff>", ERR_STRUCTURE,
		 "operation 2 (spam x)"},
		{"<diff><remove sel='Patient/birthDate'/></diff>", ERR_PATCH,
		 "operation 1 (remove Patient/birthDate): the selector gives no node"},
		{"<diff><remove sel='Patient/name[text/@value=\"secret\"]'/></diff>", ERR_PATCH,
		 "(remove Patient/name[text/@value=\"\"])"},
		{"<diff><remove sel='Patient/name['/></diff>", ERR_STRUCTURE, "no XPath"},
		{"<diff><remove sel='Patient/name/text/@value'/></diff>", ERR_PATCH, "neither value nor content"},
		{"<diff><add sel='Patient'><id value='x'/></add></diff>", ERR_PATCH, "order"},
		{"<diff><add sel='Patient'><x value='x'/></add></diff>", ERR_PATCH, "does not exist"},
		{"<diff><add sel='Patient'><x:birthDate xmlns:x='urn:x' value='1970'/></add></diff>", ERR_PATCH,
		 "namespace"},
		{"<diff><add sel='Patient' type='@x'>1</add></diff>", ERR_PATCH, "\"x\""},
		{"<diff><add sel='//*//*[count(//*//*[count(//*//*[count(//*//*[//*//*])])])]'/></diff>", ERR_PATCH,
		 ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 8 << 20);
		if (apply(&a, cases[i].diff, &err))
			fail_msg("%s was applied", cases[i].diff);
		if (err.code != cases[i].code || !strstr(err.text, cases[i].says) || strstr(err.text, "secret"))
			fail_msg("%s: %d %s", cases[i].diff, err.code, err.text);
		arena_done(&a);
	}
}

static void work_is_bounded(void **state)
{
	(void)state;
	struct arena a;
	struct buf document;
	struct str result;
	struct error err = {0};
	arena_init(&a, 256 << 20);
	buf_init(&document, 1 << 20);
	buf_add(&document, S("<doc>"));
	for (int i = 0; i < 3000; i++)
		buf_add(&document, S("<a><b/></a>"));
	buf_add(&document, S("</doc>"));
	assert_false(xml_patch(&a, buf_str(&document), S("<diff><remove sel='//a[count(//b[//a]) = 1]'/></diff>"),
			       STR_NULL, &result, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_done(&document);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_untouched_stays_to_the_byte),
		cmocka_unit_test(refusals_say_which_operation_and_why),
		cmocka_unit_test(work_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
