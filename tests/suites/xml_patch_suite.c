/*
 * Runs a file of XML Patch cases: <case name> with the document (<input>, <target>, <document>, <source>), the patch
 * (<diff>, or <patch> around a <diff>) and the result (<output>, <result>, <patched>, <expected>) or an <error>. The
 * result must have the same elements, attributes and text; white space alone, comments and prefixes do not count. When
 * the document is a resource of FHIR R4, the same patch is applied to its JSON form as well, with the same outcome.
 * Usage: xml_patch_suite FILE.xml|DIRECTORY. VERBOSE=1 shows wrong results. A line per failing case, then "N passed, N
 * failed".
 */
#include <stdio.h>
#include <stdlib.h>

#include "fhir/xml.h"
#include "patch/patch.h"
#include "cases.h"
#include "same.h"

enum { MAX_FILE = 64 << 20 };

static size_t passed, failed;

/* The first of the named children; several names because suites differ. */
static const struct xml_node *part(const struct xml_node *c, const char *const *names)
{
	for (; *names; names++)
		for (const struct xml_node *n = xml_first_element(c); n; n = xml_next_element(n))
			if (str_is(n->name, *names))
				return n;
	return NULL;
}

static const struct xml_node *diff_of(const struct xml_node *c)
{
	static const char *const names[] = {"diff", "patch", NULL};
	const struct xml_node *n = part(c, names), *inner = xml_first_element(n);
	return inner && str_is(inner->name, "diff") ? inner : n;
}

struct suite_case {
	struct arena arena;
	struct str input, diff; /* as documents of their own */
	struct buf text; /* holds them */
	const struct xml_node *output;
	bool error;
};

static bool read_case(struct suite_case *k, struct str text, const struct xml_node *c)
{
	static const char *const inputs[] = {"input", "target", "document", "source", NULL};
	static const char *const outputs[] = {"output", "result", "patched", "expected", NULL};
	static const char *const errors[] = {"error", NULL};
	const struct xml_node *input = xml_first_element(part(c, inputs)), *diff = diff_of(c);
	k->output = xml_first_element(part(c, outputs));
	k->error = part(c, errors) != NULL;
	if (!input || !diff || (!k->output && !k->error))
		return false;
	xml_write_fragment(&k->text, text, input);
	size_t n = k->text.n;
	/* a <patch> that is the diff itself gets the name that RFC 5261 wants */
	bool named = str_is(diff->name, "diff");
	if (!named)
		buf_add(&k->text, S("<diff>"));
	for (const struct xml_node *o = named ? NULL : xml_first_element(diff); o; o = xml_next_element(o))
		xml_write_fragment(&k->text, text, o);
	if (named)
		xml_write_fragment(&k->text, text, diff);
	else
		buf_add(&k->text, S("</diff>"));
	k->input = str_slice(buf_str(&k->text), 0, n);
	k->diff = str_slice(buf_str(&k->text), n, k->text.n);
	return true;
}

/* NULL, or what is wrong. */
static const char *patch_document(struct suite_case *k, struct error *err)
{
	static const struct xml_limits limits = {.instructions = true};
	struct str result = STR_NULL;
	bool fhir = str_find(k->input, S("http://hl7.org/fhir")) != STR_NONE;
	bool done = xml_patch(&k->arena, k->input, k->diff, fhir ? S("http://hl7.org/fhir") : STR_NULL, &result, err);
	if (!done)
		return k->error ? NULL : err->text;
	if (getenv("VERBOSE"))
		printf("%.*s\n", STR_ARG(result));
	if (k->error)
		return "it was applied";
	const struct xml_node *root = xml_parse(&k->arena, result, &limits, err);
	return !root ? err->text : same_markup(root, k->output) ? NULL : "another result";
}

/* The same through JSON, when both documents are resources. */
static const char *patch_as_resource(struct suite_case *k)
{
	struct error err = {0}, none = {0};
	struct arena *a = &k->arena;
	struct buf xml;
	const char *wrong = NULL;
	const struct json *input = xml_read_resource(a, definitions_builtin(), k->input, NULL, &none);
	if (!input)
		return NULL;
	const struct json *result = patch_xml(a, definitions_builtin(), input, k->diff, &err);
	if (k->error || !result)
		return k->error != !result ? "through JSON: it was applied or refused otherwise" : NULL;
	buf_init(&xml, MAX_FILE);
	const struct xml_node *root = NULL;
	if (xml_write_resource(&xml, a, definitions_builtin(), result, &err))
		root = xml_parse(a, buf_str(&xml), NULL, &err);
	if (!root || !same_markup(root, k->output))
		wrong = "through JSON: another result";
	buf_done(&xml);
	return wrong;
}

static void run_case(struct str text, const struct xml_node *c)
{
	struct error err = {0};
	struct suite_case k = {.error = false};
	const char *wrong = "the case lacks a document, a patch or a result";
	arena_init(&k.arena, MAX_FILE);
	buf_init(&k.text, MAX_FILE);
	if (read_case(&k, text, c))
		wrong = patch_document(&k, &err);
	if (!wrong)
		wrong = patch_as_resource(&k);
	passed += !wrong;
	failed += wrong != NULL;
	if (wrong)
		printf("FAILED %.*s: %s\n", STR_ARG(xml_attribute(c, STR_NULL, S("name"))), wrong);
	buf_done(&k.text);
	arena_done(&k.arena);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: xml_patch_suite FILE.xml|DIRECTORY\n");
		return 2;
	}
	bool read = cases_each(argv[1], "xml-patch", run_case);
	printf("%zu passed, %zu failed\n", passed, failed);
	return !read || failed || !passed ? 1 : 0;
}
