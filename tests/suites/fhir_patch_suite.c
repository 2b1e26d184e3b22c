/*
 * Runs a FHIRPath Patch test file of the form of FHIR's own (fhir-patch-tests.xml): <case name> with <input>, <diff>
 * (a Parameters resource) and <output> or <error>. The result must be the output: members in any order, lists in
 * theirs, narratives by their elements and text. A case with <error> passes when the patch is refused.
 * Usage: fhir_patch_suite FILE.xml|DIRECTORY. VERBOSE=1 shows wrong results. A line per failing case, then "N passed, N
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
	bool good = readable && (error ? !result : result && output && same_json(&a, result, output, true));
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
	if (argc != 2) {
		fprintf(stderr, "usage: fhir_patch_suite FILE.xml|DIRECTORY\n");
		return 2;
	}
	bool read = cases_each(argv[1], "fhir-patch", run_case);
	printf("%zu passed, %zu failed\n", passed, failed);
	return !read || failed || !passed ? 1 : 0;
}
