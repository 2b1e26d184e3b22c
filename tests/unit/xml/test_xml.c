/* XML: trees with namespaces and places, what is refused and where, limits, writing an element to stand alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "xml/xml.h"

static const struct xml_node *parse(struct arena *a, const char *text, struct error *err)
{
	return xml_parse(a, str_from(text), NULL, err);
}

static void trees_have_names_text_and_places(void **state)
{
	(void)state;
	static const char *const text =
		"\xef\xbb\xbf<?xml version=\"1.0\" encoding='utf-8'?><?xml-stylesheet href='x'?>\n"
		"<a xmlns='urn:a' xmlns:b=\"urn:b\">\n"
		"  <b:c x = '1 &amp;&#10;\n2' b:y='&lt;&#38;'/>t&gt;<![CDATA[<&]]>\n"
		"  <!-- no --><d><e\n/></d>\n"
		"</a>\n<!-- end -->";
	struct arena a;
	struct error err = {0};
	arena_init(&a, 1 << 20);
	const struct xml_node *root = parse(&a, text, &err);
	if (!root)
		fail_msg("%s at %zu:%zu", err.text, err.line, err.column);
	assert_true(str_is(root->name, "a") && str_is(root->ns, "urn:a") && !root->prefix.p && root->declares_default);
	assert_int_equal(root->line, 2);
	assert_int_equal(root->column, 1);
	assert_true(str_starts(str_slice(str_from(text), root->from, root->to), S("<a xmlns")));
	assert_true(str_ends(str_slice(str_from(text), root->from, root->to), S("</a>")));
	const struct xml_node *c = xml_first_element(root), *d = xml_next_element(c);
	assert_true(str_is(c->name, "c") && str_is(c->ns, "urn:b") && str_is(c->prefix, "b"));
	assert_int_equal(c->line, 3);
	assert_int_equal(c->column, 3);
	assert_true(str_is(xml_attribute(c, STR_NULL, S("x")), "1 &\n 2"));
	assert_true(str_is(xml_attribute(c, S("urn:b"), S("y")), "<&"));
	assert_null(xml_attribute(c, STR_NULL, S("y")).p);
	assert_true(str_ends(str_slice(str_from(text), c->from, c->to), S("/>")));
	assert_true(c->next->kind == XML_TEXT && str_is(c->next->text, "t><&\n  "));
	assert_true(c->next->next->kind == XML_COMMENT && str_is(c->next->next->text, " no "));
	assert_true(xml_child(root, S("d")) == d && xml_child(root, S("c")) == NULL);
	assert_int_equal(d->line, 5);
	assert_int_equal(d->column, 14);
	assert_true(str_is(str_slice(str_from(text), d->from, d->to), "<d><e\n/></d>"));
	assert_true(d->verbatim && !root->verbatim);
	arena_done(&a);
}

static void what_is_refused_says_where(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum error_code code;
		size_t line, column; /* line 0: not looked at */
		const char *says;
	} cases[] = {
		{"", ERR_STRUCTURE, 1, 1, "empty"},
		{"x", ERR_STRUCTURE, 1, 1, ""},
		{"<a>", ERR_STRUCTURE, 1, 4, ""},
		{"<a>\n <b></a>", ERR_STRUCTURE, 2, 0, "end tag"},
		{"<a/><b/>", ERR_STRUCTURE, 1, 0, "one element"},
		{"<a>\n&nbsp;</a>", ERR_STRUCTURE, 2, 0, "entity"},
		{"<a x='&foo;'/>", ERR_STRUCTURE, 1, 0, "entity"},
		{"<a x=1/>", ERR_STRUCTURE, 1, 0, ""},
		{"<a x='1' x='2'/>", ERR_STRUCTURE, 1, 0, ""},
		{"<a><b:c/></a>", ERR_STRUCTURE, 1, 0, "prefix"},
		{"<a b:c='1'/>", ERR_STRUCTURE, 1, 0, "prefix"},
		{"<a>&#1;</a>", ERR_STRUCTURE, 1, 0, ""},
		{"<a>\x01</a>", ERR_STRUCTURE, 1, 0, ""},
		{"<a><?x y?></a>", ERR_STRUCTURE, 1, 0, "processing instruction"},
		{"<!DOCTYPE a><a/>", ERR_STRUCTURE, 1, 0, "DOCTYPE"},
		{"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", ERR_STRUCTURE, 1, 0, "DOCTYPE"},
		{"<!DOCTYPE a [<!ENTITY x \"y\"><!ENTITY z \"&x;&x;\">]><a>&z;</a>", ERR_STRUCTURE, 1, 0, "DOCTYPE"},
		{"<!DOCTYPE a [<!ENTITY % x SYSTEM \"http://127.0.0.1:1/\">%x;]><a/>", ERR_STRUCTURE, 1, 0, "DOCTYPE"},
		{"<?xml version='1.0' encoding='ISO-8859-1'?><a/>", ERR_UTF8, 1, 1, ""},
		{"<a>\xe9</a>", ERR_UTF8, 1, 1, ""},
		{"<a>]]></a>", ERR_STRUCTURE, 1, 0, ""},
		{"<a><!-- a -- b --></a>", ERR_STRUCTURE, 1, 0, ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 1 << 20);
		if (parse(&a, cases[i].text, &err))
			fail_msg("%s was accepted", cases[i].text);
		if (err.code != cases[i].code || !strstr(err.text, cases[i].says) || !err.line || !err.column ||
		    (cases[i].line && err.line != cases[i].line) || (cases[i].column && err.column != cases[i].column))
			fail_msg("%s: %d %s at %zu:%zu", cases[i].text, err.code, err.text, err.line, err.column);
		arena_done(&a);
	}
}

static void limits_are_kept(void **state)
{
	(void)state;
	static const struct {
		struct xml_limits limits;
		const char *text;
		enum error_code code;
	} cases[] = {
		{{.depth = 2}, "<a><b/></a>", ERR_NONE},
		{{.depth = 2}, "<a><b><c/></b></a>", ERR_LIMIT},
		{{.bytes = 4}, "<a/>", ERR_NONE},
		{{.bytes = 4}, "<ab/>", ERR_TOO_LARGE},
		{{.nodes = 3}, "<a>x<b/></a>", ERR_NONE},
		{{.nodes = 3}, "<a>x<b/>y</a>", ERR_LIMIT},
		{{.attributes = 2}, "<a x='' y=''/>", ERR_NONE},
		{{.attributes = 2}, "<a x='' y='' z=''/>", ERR_LIMIT},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 1 << 20);
		bool read = xml_parse(&a, str_from(cases[i].text), &cases[i].limits, &err) != NULL;
		if (err.code != cases[i].code || read != (err.code == ERR_NONE))
			fail_msg("%s: %d %s", cases[i].text, err.code, err.text);
		arena_done(&a);
	}
}

static void memory_is_bounded_by_the_arena(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 1 << 20);
	buf_add(&text, S("<a>"));
	for (int i = 0; i < 2000; i++)
		buf_printf(&text, "<b x='%d'>%d</b>", i, i);
	buf_add(&text, S("</a>"));
	for (size_t cap = 1000; cap < 400000; cap = cap * 3 / 2) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, cap);
		if (xml_parse(&a, buf_str(&text), NULL, &err))
			fail_msg("%zu bytes were enough", cap);
		assert_int_equal(err.code, ERR_MEMORY);
		arena_done(&a);
	}
	buf_done(&text);
}

static void elements_are_written_to_stand_alone(void **state)
{
	(void)state;
	static const struct {
		const char *text, *written;
	} cases[] = {
		{"<a/>", "<a/>"},
		{"<h:div xmlns:h='urn:h'><h:p h:x='1' y='&quot;&#10;'>a &amp; b</h:p><!--c--></h:div>",
		 "<div xmlns=\"urn:h\"><p y=\"&quot;&#10;\">a &amp; b</p><!--c--></div>"},
		{"<a xmlns='urn:a'><b xmlns='urn:b'><c xmlns='urn:a'/></b><d xml:lang='en'/></a>",
		 "<a xmlns=\"urn:a\"><b xmlns=\"urn:b\"><c xmlns=\"urn:a\"/></b><d xml:lang=\"en\"/></a>"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct buf out;
		struct error err = {0};
		arena_init(&a, 1 << 20);
		buf_init(&out, 1 << 20);
		const struct xml_node *root = parse(&a, cases[i].text, &err);
		assert_non_null(root);
		xml_write_element(&out, root);
		if (!str_eq(buf_str(&out), str_from(cases[i].written)))
			fail_msg("%s became %.*s", cases[i].text, STR_ARG(buf_str(&out)));
		buf_done(&out);
		arena_done(&a);
	}
}

static void looking_at_nothing_is_harmless(void **state)
{
	(void)state;
	assert_null(xml_attribute(NULL, STR_NULL, S("a")).p);
	assert_null(xml_first_element(NULL));
	assert_null(xml_next_element(NULL));
	assert_null(xml_child(NULL, S("a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_have_names_text_and_places),
		cmocka_unit_test(what_is_refused_says_where),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(memory_is_bounded_by_the_arena),
		cmocka_unit_test(elements_are_written_to_stand_alone),
		cmocka_unit_test(looking_at_nothing_is_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
