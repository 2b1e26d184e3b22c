/* Packages into a set: archives, directories and single files, what they depend on, and which of several is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "world.h"

static bool load(struct world *w, struct str spec)
{
	const struct package_load_options options = {.cache = w->cache};
	return package_load(w->set, &spec, 1, &options, &w->result, &w->err);
}

static const struct canonical *found(struct world *w, const char *canonical)
{
	return canonicals_find(w->set, S("ValueSet"), str_from(canonical), NULL);
}

static bool noted(const struct world *w, enum package_note_kind kind, const char *name)
{
	for (const struct package_note *n = w->result.notes.first; n; n = n->next)
		if (n->kind == kind && str_is(n->name, name))
			return true;
	return false;
}

static void from_archive(void **state)
{
	struct world *w = *state;
	assert_true(load(
		w, world_archive(w, "a", "1.0.0", "\"hl7.fhir.r4.core\":\"4.0.1\",\"hl7.terminology.r4\":\"5.0.0\"")));
	const struct canonical *c = found(w, "http://example.org/a");
	assert_non_null(c);
	assert_true(str_is(canonical_package_name(c->package), "a"));
	const struct json *json = canonical_json(w->set, c, &w->err);
	assert_true(str_is(json_get_str(json, S("version")), "1.0.0"));
	assert_null(found(w, "http://example.org/example"));
	assert_int_equal(w->result.resource_count, 1);
	assert_int_equal(w->result.notes.count, 1);
	assert_true(noted(w, NOTE_DAMAGED, "broken.json"));
}

static void with_dependencies(void **state)
{
	struct world *w = *state;
	world_install(w, "a", "1.0.0", "4.0.1", "\"b\":\"2.0.x\",\"missing\":\"3.1.4\"");
	world_install(w, "b", "2.0.0", "4.0.1", "\"a\":\"1.0.0\",\"c\":\"1.0.0\"");
	world_install(w, "b", "2.1.0", "4.0.1", "");
	world_install(w, "c", "1.0.0", "5.0.0", "");
	assert_true(load(w, S("a")));
	assert_non_null(found(w, "http://example.org/a"));
	assert_non_null(found(w, "http://example.org/b|2.0.0"));
	assert_null(found(w, "http://example.org/b|2.1.0"));
	assert_null(found(w, "http://example.org/c"));
	assert_true(noted(w, NOTE_MISSING, "missing"));
	assert_true(noted(w, NOTE_RELEASE, "c"));
	assert_true(noted(w, NOTE_CYCLE, "a"));
	assert_int_equal(w->result.package_count, 2);
}

static void versions(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *spec, *version;
	} rows[] = {{"a", "10.0.0"},	    {"a#2.0.0", "2.0.0"},
		    {"a@2.0.0", "2.0.0"},   {"a#2.0.x", "2.0.1"},
		    {"a#latest", "10.0.0"}, {"a#2.x", "2.0.1"},
		    {"a#2.0", "2.0.1"},	    {"a#11.0.0-ballot", "11.0.0-ballot"}};
	world_install(w, "a", "2.0.0", "4.0.1", "");
	world_install(w, "a", "2.0.1", "4.0.1", "");
	world_install(w, "a", "10.0.0", "4.0.1", "");
	world_install(w, "a", "11.0.0-ballot", "4.0.1", "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct package_installed p;
		assert_true(package_find(&w->arena, w->cache, str_from(rows[i].spec), &p, &w->err));
		assert_true(str_is(p.version, rows[i].version));
	}
}

static void refusals(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *spec, *says;
	} rows[] = {{"hl7.fhir.us.cord", "did you mean hl7.fhir.us.core?"},
		    {"hl7.fhir.us.core#1.0.0", "these versions are: 5.0.0"},
		    {"nothing.like.it#1.0.0", "firth package install"},
		    {"../hl7.fhir.us.core", "there is no file or directory"},
		    {"hl7 core", "names no package"},
		    {"hl7.fhir.us.core#5.0.0", "made for FHIR 5.0.0"},
		    {"", "names no package"}};
	world_install(w, "hl7.fhir.us.core", "5.0.0", "5.0.0", "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		error_clear(&w->err);
		assert_false(load(w, str_from(rows[i].spec)));
		if (!strstr(w->err.text, rows[i].says))
			print_message("%s: %s\n", rows[i].spec, w->err.text);
		assert_non_null(strstr(w->err.text, rows[i].says));
	}
	assert_null(found(w, "http://example.org/hl7.fhir.us.core"));
	error_clear(&w->err);
	struct str spec = S("hl7.fhir.us.core#5.0.0");
	const struct package_load_options options = {.cache = w->cache, .any_release = true};
	assert_true(package_load(w->set, &spec, 1, &options, &w->result, &w->err));
	assert_non_null(found(w, "http://example.org/hl7.fhir.us.core"));
}

static void by_index(void **state)
{
	struct world *w = *state;
	world_install(w, "a", "1.0.0", "4.0.1", "");
	world_put_file(
		w, "cache/a#1.0.0/package/StructureDefinition-s.json",
		"{\"baseDefinition\":\"http://hl7.org/fhir/StructureDefinition/Patient\",\"kind\":\"resource\","
		"\"url\":\"http:\\/\\/example.org/s\",\"resourceType\":\"StructureDefinition\",\"type\":\"Patient\","
		"\"derivation\":\"constraint\",\"snapshot\":{\"element\":[{\"id\":\"Patient\"}]}}");
	world_put_file(w, "cache/a#1.0.0/package/.index.json",
		       "{\"index-version\":1,\"files\":[{\"filename\":\"StructureDefinition-s.json\",\"resourceType\":"
		       "\"StructureDefinition\",\"url\":\"http://example.org/s\"},{\"filename\":\"../package.json\","
		       "\"resourceType\":\"ValueSet\",\"url\":\"http://example.org/evil\"}]}");
	assert_true(load(w, S("a#1.0.0")));
	const struct canonical *c = canonicals_find(w->set, S("StructureDefinition"), S("http://example.org/s"), NULL);
	assert_non_null(c);
	assert_true(str_is(c->base, "http://hl7.org/fhir/StructureDefinition/Patient"));
	assert_true(str_is(c->derivation, "constraint"));
	assert_null(found(w, "http://example.org/a")); /* the index does not list it */
	assert_null(found(w, "http://example.org/evil"));
}

static void loose(void **state)
{
	struct world *w = *state;
	world_install(w, "a", "1.0.0", "4.0.1", "");
	world_put_file(w, "loose/deep/b.json", world_value_set(w, "b", "1"));
	world_put_file(w, "loose/readme.txt", "hello");
	world_put_file(w, "loose/other.xml", "<notes/>");
	world_put_file(w, "loose/c.xml",
		       "<ValueSet xmlns=\"http://hl7.org/fhir\"><url value=\"http://example.org/c\"/></ValueSet>");
	struct str directory = arena_printf(&w->arena, "%s/loose", w->root);
	struct str file = world_put_file(w, "mine.json", world_value_set(w, "a", "7"));
	struct str specs[] = {S("a"), directory, file};
	const struct package_load_options options = {.cache = w->cache};
	assert_true(package_load(w->set, specs, 3, &options, &w->result, &w->err));
	assert_non_null(found(w, "http://example.org/b"));
	assert_non_null(canonical_json(w->set, found(w, "http://example.org/c"), &w->err));
	assert_true(str_is(found(w, "http://example.org/a")->version, "7"));
	assert_false(load(w, world_put_file(w, "text.json", "hello")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_archive), TEST(with_dependencies), TEST(versions),
		TEST(refusals),	    TEST(by_index),	     TEST(loose),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
