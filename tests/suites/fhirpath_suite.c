/*
 * Runs the FHIRPath suite of FHIR R4, or any file of its form. Usage: fhirpath_suite DIRECTORY | FILE. FILE is
 * tests-*.json or tests-*.xml; in a directory the JSON file is taken first. Input resources are looked for beside it in
 * input-json/ and input/. Every expression is compiled in strict mode with the type of its input. A line per failing
 * case, then "N passed, N failed". What is answered otherwise on purpose is in known/fhirpath.txt.
 */
#include <dirent.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "fhir/xml.h"
#include "fhirpath/fhirpath.h"
#include "known.h"

enum { MAX_OUTPUTS = 256 };

struct test {
	struct str name, expression, input;
	bool invalid, predicate;
	struct str types[MAX_OUTPUTS], values[MAX_OUTPUTS];
	size_t outputs;
};

struct suite {
	struct str directory;
	struct known known;
	size_t passed, failed;
};

/* ---- running one ----------------------------------------------------------------------------------------------- */

static const struct json *try_input(struct arena *a, const struct suite *s, const char *folder, struct str name,
				    const char *suffix)
{
	struct error err = {0};
	struct str text, path = arena_printf(a, "%.*s/%s/%.*s%s", STR_ARG(s->directory), folder, STR_ARG(name), suffix);
	if (!path.p || !file_read(a, path, 64 << 20, &text, &err))
		return NULL;
	return str_is(str_from(suffix), ".xml") ? xml_read_resource(a, definitions_builtin(), text, NULL, &err)
						: json_parse(a, text, 0, &err);
}

static const struct json *read_input(struct arena *a, const struct suite *s, struct str file, struct error *err)
{
	static const char *const places[][2] = {
		{"input-json", ".json"}, {"input", ".json"}, {"input", ".xml"}, {".", ".json"}, {".", ".xml"}};
	struct str name = str_slice(file, 0, str_rfind_char(file, '.'));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct json *found = try_input(a, s, places[i][0], name, places[i][1]);
		if (found)
			return found;
	}
	error_set(err, ERR_NOT_FOUND, "there is no input %.*s", STR_ARG(file));
	return NULL;
}

static struct str item_text(struct arena *a, const struct path_item *item)
{
	struct buf out;
	struct path_item value;
	buf_init(&out, 1 << 20);
	if (item->kind == PATH_ELEMENT && path_item_system(a, item, &value) && value.kind != PATH_QUANTITY)
		item = &value;
	if (item->kind == PATH_DATE || item->kind == PATH_DATETIME || item->kind == PATH_TIME)
		buf_add(&out, item->kind == PATH_TIME ? S("@T") : S("@"));
	path_item_print(&out, item);
	struct str text = arena_str(a, buf_str(&out));
	buf_done(&out);
	return text;
}

/* "dateTime" is System.DateTime or FHIR.dateTime. */
static bool type_matches(struct arena *a, const struct path_item *item, struct str wanted)
{
	struct str name = path_item_type_name(a, item);
	size_t dot = str_find_char(name, '.', 0);
	name = dot == STR_NONE ? name : str_slice(name, dot + 1, name.n);
	return !wanted.p || str_eq_nocase(name, wanted);
}

static bool outputs_match(struct arena *a, const struct test *t, const struct path_items *items)
{
	if (t->predicate)
		return items->count > 0;
	if (t->outputs != items->count)
		return false;
	for (size_t i = 0; i < items->count; i++) {
		if (!type_matches(a, &items->items[i], t->types[i]))
			return false;
		struct str got = item_text(a, &items->items[i]), wanted = t->values[i];
		/* Some files write dates with their @, some without. */
		bool bare = got.n && got.p[0] == '@' && str_eq(str_slice(got, 1, got.n), wanted);
		if (wanted.p && !str_eq(got, wanted) && !bare)
			return false;
	}
	return true;
}

static bool run(struct arena *a, const struct suite *s, const struct test *t, struct error *err)
{
	const struct definitions *d = definitions_builtin();
	struct path_items items = {0};
	const struct json *resource = read_input(a, s, t->input.p ? t->input : S("patient-example.xml"), err);
	if (!resource)
		return false;
	struct path_item focus = path_item_resource(d, resource);
	struct path_options options = {.start = focus.type, .strict = true};
	struct path_context context = {.resource = resource, .clock = true, .now_ms = clock_now_ms()};
	const struct path_program *program = path_compile(a, d, t->expression, &options, err);
	bool ran = program && path_eval(program, a, &context, &focus, &items, err);
	if (t->invalid)
		return !ran;
	if (!ran)
		return false;
	if (outputs_match(a, t, &items))
		return true;
	struct buf got;
	buf_init(&got, 4096);
	for (size_t i = 0; i < items.count && i < 8; i++)
		buf_printf(&got, " %.*s", STR_ARG(item_text(a, &items.items[i])));
	error_set(err, ERR_VALUE, "gave %zu:%.*s", items.count, STR_ARG(str_slice(buf_str(&got), 0, 200)));
	buf_done(&got);
	return false;
}

static void each(struct suite *s, const struct test *t)
{
	struct arena a;
	struct error err = {0};
	arena_init(&a, 256 << 20);
	bool ok = run(&a, s, t, &err);
	bool known = known_has(&s->known, t->name);
	if (known && ok)
		printf("FAILED %.*s: passes, but is listed as a known failure\n", STR_ARG(t->name));
	else if (!known && !ok)
		printf("FAILED %.*s: %.*s: %s\n", STR_ARG(t->name), STR_ARG(t->expression),
		       t->invalid ? "should have been refused" : err.text);
	s->passed += known != ok;
	s->failed += known == ok;
	arena_done(&a);
}

/* ---- reading the tests ----------------------------------------------------------------------------------------- */

static void run_json(struct suite *s, const struct json *tests)
{
	static struct test t;
	for (struct json_iter it = json_iter(tests); json_next(&it);) {
		t = (struct test){.name = json_get_str(it.value, S("name")),
				  .expression = json_get_str(it.value, S("expression")),
				  .input = json_get_str(it.value, S("inputfile")),
				  .invalid = json_get(it.value, S("invalid")),
				  .predicate = str_is(json_get_str(it.value, S("predicate")), "true")};
		for (struct json_iter o = json_iter(json_get(it.value, S("outputs")));
		     json_next(&o) && t.outputs < MAX_OUTPUTS; t.outputs++) {
			t.types[t.outputs] = json_get_str(o.value, S("type"));
			t.values[t.outputs] = json_get_str(o.value, S("value"));
		}
		each(s, &t);
	}
}

static struct str text_of(struct arena *a, const struct xml_node *node)
{
	struct str text = S("");
	for (const struct xml_node *child = node ? node->first : NULL; child; child = child->next)
		if (child->kind == XML_TEXT)
			text = arena_printf(a, "%.*s%.*s", STR_ARG(text), STR_ARG(child->text));
	return text;
}

static void run_xml_test(struct suite *s, struct arena *a, const struct xml_node *node)
{
	static struct test t;
	const struct xml_node *expression = xml_child(node, S("expression"));
	t = (struct test){.name = xml_attribute(node, STR_NULL, S("name")),
			  .expression = text_of(a, expression),
			  .input = xml_attribute(node, STR_NULL, S("inputfile")),
			  .invalid = expression && xml_attribute(expression, STR_NULL, S("invalid")).p,
			  .predicate = str_is(xml_attribute(node, STR_NULL, S("predicate")), "true")};
	for (const struct xml_node *o = xml_child(node, S("output")); o && t.outputs < MAX_OUTPUTS;
	     o = xml_next_element(o), t.outputs++) {
		t.types[t.outputs] = xml_attribute(o, STR_NULL, S("type"));
		t.values[t.outputs] = text_of(a, o);
	}
	each(s, &t);
}

static void run_xml(struct suite *s, struct arena *a, const struct xml_node *root)
{
	for (const struct xml_node *group = xml_first_element(root); group; group = xml_next_element(group))
		for (const struct xml_node *t = xml_first_element(group); t; t = xml_next_element(t))
			if (str_is(t->name, "test"))
				run_xml_test(s, a, t);
}

static bool run_file(struct suite *s, struct arena *a, struct str path, struct error *err)
{
	struct str text;
	if (!file_read(a, path, 64 << 20, &text, err))
		return false;
	if (str_ends(path, S(".xml"))) {
		const struct xml_node *root = xml_parse(a, text, NULL, err);
		run_xml(s, a, root);
		return root;
	}
	const struct json *tests = json_parse(a, text, 0, err);
	run_json(s, tests);
	return tests;
}

/* The tests of a directory: tests*.json, otherwise tests*.xml. */
static struct str find_tests(struct arena *a, const char *directory)
{
	struct str found = STR_NULL;
	DIR *dir = opendir(directory);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		struct str name = str_from(entry->d_name);
		if (str_starts(name, S("tests")) &&
		    (str_ends(name, S(".json")) || (!found.p && str_ends(name, S(".xml")))))
			found = arena_printf(a, "%s/%.*s", directory, STR_ARG(name));
	}
	if (dir)
		closedir(dir);
	return found;
}

int main(int argc, char **argv)
{
	static struct suite s;
	struct arena a;
	struct error err = {0};
	if (argc != 2) {
		fprintf(stderr, "usage: fhirpath_suite DIRECTORY | FILE\n");
		return 2;
	}
	arena_init(&a, 512 << 20);
	struct str path = find_tests(&a, argv[1]);
	if (!path.p)
		path = str_from(argv[1]);
	size_t slash = str_rfind_char(path, '/');
	s.directory = slash == STR_NONE ? S(".") : str_slice(path, 0, slash);
	bool ok = known_read(&s.known, &a, "fhirpath", &err) && run_file(&s, &a, path, &err);
	if (!ok)
		fprintf(stderr, "%s\n", err.text);
	printf("%zu passed, %zu failed\n", s.passed, s.failed);
	arena_done(&a);
	return s.failed || !ok ? 1 : 0;
}
