/*
 * Runs a FHIRPath Patch test file of the form of FHIR's own (fhir-patch-tests.xml): <case name> with <input>, <diff>
 * (a Parameters resource) and <output> or <error>. The result must be the output: members in any order, lists in
 * theirs, narratives by their elements and text. A case with <error> passes when the patch is refused.
 * Usage: fhir_patch_suite FILE.xml. VERBOSE=1 shows wrong results. A line per failing case, then "N passed, N failed".
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "fhir/xml.h"
#include "patch/patch.h"

enum { MAX_FILE = 64 << 20 };

static size_t passed, failed;

/* White space between words is not looked at; prefixes and quotes are equal as they mean the same. */
static bool same_markup(const struct xml_node *a, const struct xml_node *b)
{
	if (!a || !b || a->kind != b->kind)
		return a == b;
	if (a->kind == XML_TEXT) {
		struct str s = a->text, t = b->text;
		while (s.n || t.n) {
			s = str_trim(s);
			t = str_trim(t);
			if (!s.n != !t.n || (s.n && *s.p != *t.p))
				return false;
			s = str_slice(s, 1, s.n);
			t = str_slice(t, 1, t.n);
		}
		return true;
	}
	if (!str_eq(a->name, b->name) || !str_eq(a->ns, b->ns))
		return false;
	for (const struct xml_attribute *x = a->attributes; x; x = x->next)
		if (!str_eq(xml_attribute(b, x->ns, x->name), x->value))
			return false;
	const struct xml_node *x = a->first, *y = b->first;
	for (; x && y; x = x->next, y = y->next)
		if (!same_markup(x, y))
			return false;
	return !x && !y;
}

static bool same_text(struct str a, struct str b, struct arena *arena)
{
	if (str_eq(a, b))
		return true;
	if (!str_starts(a, S("<div")) || !str_starts(b, S("<div")))
		return false;
	const struct xml_node *x = xml_parse(arena, a, NULL, NULL), *y = xml_parse(arena, b, NULL, NULL);
	return x && y && same_markup(x, y);
}

static bool equal(const struct json *a, const struct json *b, struct arena *arena)
{
	if (json_type(a) != json_type(b) || json_size(a) != json_size(b))
		return false;
	struct json_iter ib = json_iter(b);
	for (struct json_iter it = json_iter(a); json_next(&it);) {
		json_next(&ib);
		if (!equal(it.value, it.key.p ? json_get(b, it.key) : ib.value, arena))
			return false;
	}
	if (json_is(a, JSON_STRING))
		return same_text(json_str(a), json_str(b), arena);
	return json_is(a, JSON_NUMBER) ? str_eq(json_number(a), json_number(b)) : json_bool(a) == json_bool(b);
}

/* The resource in an element of a case. It may be empty, which FHIR itself does not allow. */
static const struct json *resource_in(struct arena *a, struct str text, const struct xml_node *holder,
				      struct error *err)
{
	const struct xml_node *node = xml_first_element(holder);
	return node ? xml_read_node(a, definitions_builtin(), text, node, NULL, err) : NULL;
}

static void show(const struct json *j)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	json_pretty(&out, j);
	if (getenv("VERBOSE"))
		printf("%.*s\n", STR_ARG(buf_str(&out)));
	buf_done(&out);
}

static void run_case(struct str text, const struct xml_node *c)
{
	struct arena a;
	struct error err = {0};
	const struct xml_node *error = xml_child(c, S("error"));
	arena_init(&a, MAX_FILE);
	const struct json *input = resource_in(&a, text, xml_child(c, S("input")), &err);
	const struct json *diff = resource_in(&a, text, xml_child(c, S("diff")), &err);
	const struct json *result = NULL, *output = NULL;
	bool readable = err.code == ERR_NONE;
	if (readable)
		result = patch_fhirpath(&a, definitions_builtin(), input, diff, &err);
	if (readable && !error)
		output = resource_in(&a, text, xml_child(c, S("output")), &err);
	bool good = readable && (error ? !result : result && output && equal(result, output, &a));
	if (!good && result)
		show(result);
	passed += good;
	failed += !good;
	if (!good)
		printf("FAILED %.*s: %s\n", STR_ARG(xml_attribute(c, STR_NULL, S("name"))),
		       err.code ? err.text
		       : error	? "it was applied"
				: "another result");
	arena_done(&a);
}

int main(int argc, char **argv)
{
	struct arena a;
	struct str text;
	struct error err = {0};
	const struct xml_node *root = NULL;
	if (argc != 2) {
		fprintf(stderr, "usage: fhir_patch_suite FILE.xml\n");
		return 2;
	}
	arena_init(&a, MAX_FILE);
	if (file_read(&a, str_from(argv[1]), MAX_FILE / 4, &text, &err))
		root = xml_parse(&a, text, NULL, &err);
	if (!root)
		fprintf(stderr, "%s\n", err.text);
	for (const struct xml_node *c = xml_first_element(root); c; c = xml_next_element(c))
		if (str_is(c->name, "case"))
			run_case(text, c);
	printf("%zu passed, %zu failed\n", passed, failed);
	arena_done(&a);
	return !root || failed ? 1 : 0;
}
