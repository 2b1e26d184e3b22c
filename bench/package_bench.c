/*
 * What packages cost: each alone into a fresh set of canonical resources, then all into one, then every profile of the
 * last one parsed and its snapshot made anew. Prints milliseconds and the memory of the process.
 * Usage: package_bench PACKAGE...
 */
#include <stdio.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "package/package.h"
#include "profile/snapshot.h"

static double ms_since(uint64_t start)
{
	return (double)(clock_monotonic_ns() - start) / 1e6;
}

static long peak_mb(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss / 1024;
}

static struct canonicals *load(struct arena *a, const struct str *specs, size_t count, struct error *err)
{
	struct package_load_result result = {.notes = {.arena = a}};
	const struct package_load_options options = {0};
	struct canonicals *set = canonicals_new(err);
	if (set && package_load(set, specs, count, &options, &result, err))
		return set;
	canonicals_free(set);
	return NULL;
}

static bool one_by_one(const struct str *specs, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct arena a;
		arena_init(&a, ARENA_NO_CAP);
		uint64_t start = clock_monotonic_ns();
		struct canonicals *set = load(&a, &specs[i], 1, err);
		printf("%8.1f ms  %.*s with R4\n", ms_since(start), STR_ARG(specs[i]));
		canonicals_free(set);
		arena_done(&a);
		if (!set)
			return false;
	}
	return true;
}

/* Parses all profiles that came with packages, and makes the snapshots anew. */
static size_t use_all(const struct canonicals *set, bool snapshots, struct error *err)
{
	const struct canonical *c;
	size_t at = 0, count = 0;
	while ((c = canonicals_next(set, S("StructureDefinition"), &at)) && !err->code) {
		struct arena a;
		struct error skipped = {0};
		if (str_starts(canonical_package_name(c->package), S("hl7.fhir.r4.")))
			continue;
		const struct json *json = canonical_json(set, c, err);
		arena_init(&a, ARENA_NO_CAP);
		const struct snapshot_options options = {.from = c, .anew = true};
		if (json && snapshots && json_get(json, S("differential")) &&
		    !profile_snapshot(&a, set, json, &options, &skipped))
			fprintf(stderr, "%s\n", skipped.text);
		arena_done(&a);
		count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	struct error err = {0};
	struct arena a;
	struct str specs[64];
	size_t count = 0;
	if (argc < 2 || argc > 64) {
		fprintf(stderr, "usage: package_bench PACKAGE...\n");
		return 2;
	}
	for (int i = 1; i < argc; i++)
		specs[count++] = str_from(argv[i]);
	arena_init(&a, ARENA_NO_CAP);
	uint64_t start = clock_monotonic_ns();
	canonicals_free(canonicals_new(&err));
	printf("%8.1f ms  R4 and HL7's terminology alone, peak %ld MB\n", ms_since(start), peak_mb());
	bool ok = one_by_one(&specs[count - 1], 1, &err);
	struct canonicals *set = ok ? load(&a, &specs[count - 1], 1, &err) : NULL;
	start = clock_monotonic_ns();
	size_t parsed = set ? use_all(set, false, &err) : 0;
	printf("%8.1f ms  parsing its %zu profiles, peak %ld MB\n", ms_since(start), parsed, peak_mb());
	start = clock_monotonic_ns();
	parsed = set ? use_all(set, true, &err) : 0;
	printf("%8.1f ms  making %zu snapshots anew, peak %ld MB\n", ms_since(start), parsed, peak_mb());
	canonicals_free(set);
	ok = set && one_by_one(specs, count, &err);
	start = clock_monotonic_ns();
	set = ok ? load(&a, specs, count, &err) : NULL;
	printf("%8.1f ms  all together with R4, peak %ld MB\n", ms_since(start), peak_mb());
	canonicals_free(set);
	if (!set)
		fprintf(stderr, "%s\n", err.text);
	arena_done(&a);
	return set ? 0 : 1;
}
