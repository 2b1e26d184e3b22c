/* Packages into a set: archives, directories and single files, what they depend on, and which of several is found. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "make.h"
#include "package/package.h"

struct world {
	struct arena arena;
	char root[64]; /* a directory of this test's own */
	struct str cache;
	struct canonicals *set;
	struct package_load_result result;
	struct error err;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	arena_init(&w->arena, ARENA_NO_CAP);
	snprintf(w->root, sizeof(w->root), "/tmp/firth-package-XXXXXX");
	assert_non_null(mkdtemp(w->root));
	w->cache = arena_printf(&w->arena, "%s/cache", w->root);
	w->set = canonicals_new(&w->err);
	w->result.notes.arena = &w->arena;
	assert_non_null(w->set);
	*state = w;
	return 0;
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *walk)
{
	(void)info;
	(void)flag;
	(void)walk;
	return remove(path);
}

static int tear_down(void **state)
{
	struct world *w = *state;
	nftw(w->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	canonicals_free(w->set);
	arena_done(&w->arena);
	free(w);
	return 0;
}

/* Writes a file below the root and the directories above it. */
static struct str put_file(struct world *w, const char *name, const char *content)
{
	struct str path = arena_printf(&w->arena, "%s/%s", w->root, name);
	char *p = (char *)(uintptr_t)path.p;
	for (size_t i = strlen(w->root) + 1; i < path.n; i++) {
		if (p[i] != '/')
			continue;
		p[i] = '\0';
		mkdir(p, 0755);
		p[i] = '/';
	}
	assert_true(file_write(path, str_from(content), 0644, &w->err));
	return path;
}

static const char *value_set(struct world *w, const char *id, const char *version)
{
	return arena_printf(&w->arena,
			    "{\"resourceType\":\"ValueSet\",\"id\":\"%s\",\"url\":\"http://example.org/%s\","
			    "\"text\":{\"div\":\"<div>a \\\"quoted\\\" } text</div>\"},\"version\":\"%s\"}",
			    id, id, version)
		.p;
}

static const char *manifest(struct world *w, const char *name, const char *version, const char *fhir,
			    const char *dependencies)
{
	return arena_printf(&w->arena,
			    "{\"name\":\"%s\",\"version\":\"%s\",\"fhirVersions\":[\"%s\"],\"dependencies\":{%s}}",
			    name, version, fhir, dependencies)
		.p;
}

/* An installed package with one value set, named by the package. */
static void install(struct world *w, const char *name, const char *version, const char *fhir, const char *dependencies)
{
	put_file(w, arena_printf(&w->arena, "cache/%s#%s/package/package.json", name, version).p,
		 manifest(w, name, version, fhir, dependencies));
	put_file(w, arena_printf(&w->arena, "cache/%s#%s/package/ValueSet-%s.json", name, version, name).p,
		 value_set(w, name, version));
}

static struct str archive(struct world *w, const char *name, const char *version, const char *dependencies)
{
	struct buf tar, gzip;
	buf_init(&tar, 1 << 20);
	buf_init(&gzip, 1 << 20);
	tar_put_entry(&tar, "package/ValueSet-first.json", '0', str_from(value_set(w, name, version)));
	tar_put_entry(&tar, "package/package.json", '0', str_from(manifest(w, name, version, "4.0.1", dependencies)));
	tar_put_entry(&tar, "package/Patient-p.json", '0', S("{\"resourceType\":\"Patient\",\"id\":\"p\"}"));
	tar_put_entry(&tar, "package/broken.json", '0', S("{\"resourceType\":"));
	tar_put_entry(&tar, "package/notes.json", '0', S("{\"a\":1}"));
	tar_put_entry(&tar, "package/example/ValueSet-e.json", '0', str_from(value_set(w, "example", "1")));
	tar_put_end(&tar);
	tar_zip(&gzip, buf_str(&tar));
	struct str path = arena_printf(&w->arena, "%s/%s-%s.tgz", w->root, name, version);
	assert_true(file_write(path, buf_str(&gzip), 0644, &w->err));
	buf_done(&tar);
	buf_done(&gzip);
	return path;
}

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
	assert_true(
		load(w, archive(w, "a", "1.0.0", "\"hl7.fhir.r4.core\":\"4.0.1\",\"hl7.terminology.r4\":\"5.0.0\"")));
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
	install(w, "a", "1.0.0", "4.0.1", "\"b\":\"2.0.x\",\"missing\":\"3.1.4\"");
	install(w, "b", "2.0.0", "4.0.1", "\"a\":\"1.0.0\",\"c\":\"1.0.0\"");
	install(w, "b", "2.1.0", "4.0.1", "");
	install(w, "c", "1.0.0", "5.0.0", "");
	assert_true(load(w, S("a")));
	assert_non_null(found(w, "http://example.org/a"));
	assert_non_null(found(w, "http://example.org/b|2.0.0"));
	assert_null(found(w, "http://example.org/b|2.1.0"));
	assert_null(found(w, "http://example.org/c"));
	assert_true(noted(w, NOTE_MISSING, "missing"));
	assert_true(noted(w, NOTE_RELEASE, "c"));
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
	install(w, "a", "2.0.0", "4.0.1", "");
	install(w, "a", "2.0.1", "4.0.1", "");
	install(w, "a", "10.0.0", "4.0.1", "");
	install(w, "a", "11.0.0-ballot", "4.0.1", "");
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
	install(w, "hl7.fhir.us.core", "5.0.0", "5.0.0", "");
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
	install(w, "a", "1.0.0", "4.0.1", "");
	put_file(w, "cache/a#1.0.0/package/StructureDefinition-s.json",
		 "{\"baseDefinition\":\"http://hl7.org/fhir/StructureDefinition/Patient\",\"kind\":\"resource\","
		 "\"url\":\"http:\\/\\/example.org/s\",\"resourceType\":\"StructureDefinition\",\"type\":\"Patient\","
		 "\"derivation\":\"constraint\",\"snapshot\":{\"element\":[{\"id\":\"Patient\"}]}}");
	put_file(w, "cache/a#1.0.0/package/.index.json",
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
	install(w, "a", "1.0.0", "4.0.1", "");
	put_file(w, "loose/deep/b.json", value_set(w, "b", "1"));
	put_file(w, "loose/readme.txt", "hello");
	struct str directory = arena_printf(&w->arena, "%s/loose", w->root);
	struct str file = put_file(w, "mine.json", value_set(w, "a", "7"));
	struct str specs[] = {S("a"), directory, file};
	const struct package_load_options options = {.cache = w->cache};
	assert_true(package_load(w->set, specs, 3, &options, &w->result, &w->err));
	assert_non_null(found(w, "http://example.org/b"));
	assert_true(str_is(found(w, "http://example.org/a")->version, "7"));
	assert_false(load(w, put_file(w, "text.json", "hello")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_archive), TEST(with_dependencies), TEST(versions),
		TEST(refusals),	    TEST(by_index),	     TEST(loose),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
