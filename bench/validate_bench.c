/*
 * How fast resources are validated: validate_bench [--package PACKAGE]... [--profiles] BUNDLE.json... takes the
 * resources out of the entries and validates each by itself, as NDJSON would be. With --profiles, each against the US
 * Core profile for its type, category or code, when the packages bring it. Parsing is not measured. Prints resources a
 * second of the best of several rounds on one core, how long start and first resource took, and the memory of it all.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/file.h"
#include "package/package.h"
#include "validate/validate.h"

enum { ROUNDS = 5, MAX_RESOURCES = 200000, MAX_PACKAGES = 16 };

#define US_CORE "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"

struct item {
	const struct json *resource;
	struct str profile; /* STR_NULL: base R4 */
};

struct bench {
	struct arena arena;
	struct canonicals *canonicals;
	struct terminology *terminology;
	struct validator *validator;
	struct str packages[MAX_PACKAGES];
	size_t package_count, count, errors;
	bool profiles;
	struct item *items;
};

static struct str observation_profile(const struct json *resource)
{
	static const struct {
		const char *code, *profile;
	} codes[] = {{"85354-9", US_CORE "blood-pressure"},  {"8302-2", US_CORE "body-height"},
		     {"29463-7", US_CORE "body-weight"},     {"39156-5", US_CORE "bmi"},
		     {"8867-4", US_CORE "heart-rate"},	     {"9279-1", US_CORE "respiratory-rate"},
		     {"8310-5", US_CORE "body-temperature"}, {"72166-2", US_CORE "smokingstatus"}};
	const struct json *coding = json_at(json_get(json_get(resource, S("code")), S("coding")), 0);
	const struct json *category = json_at(json_get(resource, S("category")), 0);
	struct str code = json_get_str(coding, S("code"));
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (str_is(code, codes[i].code))
			return str_from(codes[i].profile);
	code = json_get_str(json_at(json_get(category, S("coding")), 0), S("code"));
	return str_is(code, "laboratory") ? S(US_CORE "observation-lab") : S(US_CORE "simple-observation");
}

static struct str profile_of(const struct json *resource)
{
	static const struct {
		const char *type, *profile;
	} types[] = {{"Patient", US_CORE "patient"},
		     {"Encounter", US_CORE "encounter"},
		     {"Condition", US_CORE "condition-encounter-diagnosis"},
		     {"Procedure", US_CORE "procedure"},
		     {"Immunization", US_CORE "immunization"},
		     {"DiagnosticReport", US_CORE "diagnosticreport-lab"},
		     {"MedicationRequest", US_CORE "medicationrequest"},
		     {"CarePlan", US_CORE "careplan"},
		     {"CareTeam", US_CORE "careteam"},
		     {"Goal", US_CORE "goal"},
		     {"AllergyIntolerance", US_CORE "allergyintolerance"},
		     {"Organization", US_CORE "organization"},
		     {"Practitioner", US_CORE "practitioner"}};
	struct str type = json_get_str(resource, S("resourceType"));
	if (str_is(type, "Observation"))
		return observation_profile(resource);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (str_is(type, types[i].type))
			return str_from(types[i].profile);
	return STR_NULL;
}

static bool take_bundle(struct bench *b, const char *path, struct error *err)
{
	struct str text;
	if (!file_read(&b->arena, str_from(path), 256 << 20, &text, err))
		return false;
	const struct json *bundle = json_parse(&b->arena, text, 0, err);
	if (!bundle)
		return error_context(err, "%s", path);
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	while (json_next(&it) && b->count < MAX_RESOURCES) {
		const struct json *resource = json_get(it.value, S("resource"));
		b->items[b->count++] = (struct item){resource, b->profiles ? profile_of(resource) : STR_NULL};
	}
	return true;
}

static bool validate_one(struct bench *b, struct arena *a, const struct item *item, struct error *err)
{
	struct issues findings;
	const struct validation_options options = {
		.profiles = &item->profile, .profile_count = item->profile.p ? 1 : 0, .now_ms = 1700000000000};
	issues_init(&findings, a);
	if (!validate_resource(b->validator, a, item->resource, &options, &findings, err))
		return false;
	b->errors += findings.errors;
	return true;
}

static bool measure(struct bench *b, struct error *err)
{
	struct arena a;
	double best = 1e18;
	arena_init(&a, (size_t)1 << 30);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t from = clock_monotonic_ns();
		b->errors = 0;
		for (size_t i = 0; i < b->count; i++) {
			arena_reset(&a);
			if (!validate_one(b, &a, &b->items[i], err))
				return false;
		}
		double seconds = (double)(clock_monotonic_ns() - from) / 1e9;
		best = seconds < best ? seconds : best;
	}
	arena_done(&a);
	printf("%zu resources, %zu errors, %.0f resources/s\n", b->count, b->errors, (double)b->count / best);
	return true;
}

static bool open_world(struct bench *b, struct error *err)
{
	struct package_load_result result = {.notes.arena = &b->arena};
	const struct package_load_options options = {0};
	if (!(b->canonicals = canonicals_new(err)) ||
	    (b->package_count && !package_load(b->canonicals, b->packages, b->package_count, &options, &result, err)) ||
	    !(b->terminology = terminology_new(b->canonicals, err)))
		return false;
	b->validator = validator_new(definitions_builtin(), b->canonicals, b->terminology, err);
	return b->validator != NULL;
}

static bool run(struct bench *b, char **paths, int count, struct error *err)
{
	struct arena first;
	struct rusage usage;
	for (int i = 0; i < count; i++)
		if (!take_bundle(b, paths[i], err))
			return false;
	arena_init(&first, (size_t)1 << 30);
	uint64_t from = clock_monotonic_ns();
	if (!open_world(b, err) || !b->count || !validate_one(b, &first, &b->items[0], err))
		return false;
	printf("start and first resource: %.1f ms\n", (double)(clock_monotonic_ns() - from) / 1e6);
	arena_done(&first);
	getrusage(RUSAGE_SELF, &usage);
	long before = usage.ru_maxrss;
	if (!measure(b, err))
		return false;
	getrusage(RUSAGE_SELF, &usage);
	printf("memory: %ld MB in all, %ld MB of it after the first resource\n", usage.ru_maxrss >> 10,
	       (usage.ru_maxrss - before) >> 10);
	return true;
}

int main(int argc, char **argv)
{
	struct bench b = {0};
	struct error err = {0};
	int at = 1;
	arena_init(&b.arena, (size_t)4 << 30);
	b.items = ARENA_ARRAY(&b.arena, struct item, MAX_RESOURCES);
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--profiles") == 0)
			b.profiles = true;
		else if (at + 1 < argc && b.package_count < MAX_PACKAGES)
			b.packages[b.package_count++] = str_from(argv[++at]);
	}
	if (at >= argc || !b.items) {
		fprintf(stderr, "usage: validate_bench [--package PACKAGE]... [--profiles] BUNDLE.json...\n");
		return 2;
	}
	if (!run(&b, argv + at, argc - at, &err)) {
		fprintf(stderr, "validate_bench: %s\n", err.text);
		return 1;
	}
	validator_free(b.validator);
	terminology_free(b.terminology);
	canonicals_free(b.canonicals);
	arena_done(&b.arena);
	return 0;
}
