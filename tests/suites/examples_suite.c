/*
 * Validates the examples of FHIR packages: an example must have no error that it does not deserve. Usage:
 * examples_suite PACKAGE.tgz... Every resource of a package that is no definition is validated against R4, against what
 * it claims in meta.profile, and with the definitions of its own package at hand; Bundles of definitions are passed
 * over. A line per example with its first error, and at the end "N passed, N failed". known/examples.txt lists the
 * examples that deserve their errors, with the reason: "PACKAGE#VERSION/FILE -- reason".
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "known.h"
#include "package/package.h"
#include "package/tar.h"
#include "validate/validate.h"

struct suite {
	struct known known;
	size_t passed, failed, listed;
};

struct world {
	struct arena arena;
	struct str package;
	struct canonicals *canonicals;
	struct terminology *terminology;
	struct validator *validator;
};

static bool is_definition(struct str type)
{
	static const char *const types[] = {"StructureDefinition",
					    "ValueSet",
					    "CodeSystem",
					    "ConceptMap",
					    "SearchParameter",
					    "OperationDefinition",
					    "NamingSystem",
					    "CapabilityStatement",
					    "CompartmentDefinition",
					    "ImplementationGuide"};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (str_is(type, types[i]))
			return true;
	return false;
}

static bool is_example(const struct json *resource)
{
	struct str type = json_get_str(resource, S("resourceType"));
	const struct json *first = json_at(json_get(resource, S("entry")), 0);
	struct str inner = json_get_str(json_get(first, S("resource")), S("resourceType"));
	return type.n && !is_definition(type) && !(str_is(type, "Bundle") && is_definition(inner));
}

static void run_example(struct suite *s, struct world *w, struct str file, struct str content)
{
	struct arena a;
	struct issues findings;
	struct error err = {0};
	const struct validation_options options = {.now_ms = clock_now_ms()};
	char name[300];
	arena_init(&a, (size_t)1 << 30);
	issues_init(&findings, &a);
	const struct json *resource = json_parse(&a, content, 0, &err);
	snprintf(name, sizeof(name), "%.*s/%.*s", STR_ARG(w->package), STR_ARG(file));
	if (resource && is_example(resource)) {
		bool done = validate_resource(w->validator, &a, resource, &options, &findings, &err);
		const struct issue *first = findings.first;
		while (first && first->severity > ISSUE_ERROR)
			first = first->next;
		bool good = done && !findings.errors, known = known_has(&s->known, str_from(name));
		bool expected = good != known;
		s->passed += expected;
		s->failed += !expected;
		s->listed += expected && known;
		if (!expected && known)
			printf("FAILED %s: it is listed as known, but has no error\n", name);
		else if (!expected)
			printf("FAILED %s: %.*s: %.*s [%.*s]\n", name, STR_ARG(first ? first->path : S("")),
			       STR_ARG(first ? first->text : str_from(err.text)), STR_ARG(first ? first->rule : S("")));
	}
	arena_done(&a);
}

static bool open_world(struct world *w, struct str path, struct error *err)
{
	struct package package;
	struct package_load_result result = {.notes.arena = &w->arena};
	const struct package_load_options options = {.any_release = true};
	if (!package_read(&w->arena, path, &package, err) || !(w->canonicals = canonicals_new(err)))
		return false;
	w->package =
		arena_printf(&w->arena, "%.*s#%.*s", STR_ARG(package.manifest.name), STR_ARG(package.manifest.version));
	/* R4 itself is built in */
	if (!str_starts(w->package, S("hl7.fhir.r4.")) &&
	    !package_load(w->canonicals, &path, 1, &options, &result, err))
		return false;
	if (!(w->terminology = terminology_new(w->canonicals, err)))
		return false;
	w->validator = validator_new(definitions_builtin(), w->canonicals, w->terminology, err);
	return w->validator != NULL;
}

static bool run_files(struct suite *s, struct world *w, struct str path, struct error *err)
{
	struct str bytes, name, content;
	if (!file_read(&w->arena, path, (size_t)1 << 30, &bytes, err))
		return false;
	struct tar *tar = tar_open(bytes, NULL, err);
	if (!tar)
		return false;
	while (tar_next(tar, &name, &content, err)) {
		struct str file = str_slice(name, str_rfind_char(name, '/') + 1, name.n);
		if (str_ends(file, S(".json")) && file.p[0] != '.')
			run_example(s, w, file, content);
	}
	tar_close(tar);
	return !err->code;
}

static bool run_package(struct suite *s, const char *path)
{
	struct world w = {0};
	struct error err = {0};
	arena_init(&w.arena, (size_t)4 << 30);
	bool ok = open_world(&w, str_from(path), &err) && run_files(s, &w, str_from(path), &err);
	if (!ok)
		printf("%s: %s\n", path, err.text);
	validator_free(w.validator);
	terminology_free(w.terminology);
	canonicals_free(w.canonicals);
	arena_done(&w.arena);
	return ok;
}

int main(int argc, char **argv)
{
	struct suite s = {0};
	struct error err = {0};
	struct arena a;
	arena_init(&a, 16 << 20);
	if (argc < 2 || !known_read(&s.known, &a, "examples", &err)) {
		fprintf(stderr, "usage: examples_suite PACKAGE.tgz... %s\n", err.text);
		return 2;
	}
	bool ok = true;
	for (int i = 1; i < argc; i++)
		ok &= run_package(&s, argv[i]);
	printf("%zu examples deserve their errors\n%zu passed, %zu failed\n", s.listed, s.passed, s.failed);
	arena_done(&a);
	return ok && !s.failed ? 0 : 1;
}
