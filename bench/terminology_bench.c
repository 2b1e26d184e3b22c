/*
 * Measures terminology: membership checks of codes in value sets of different kinds, expansions of the largest value
 * sets of R4, the start, and the memory. Usage: terminology_bench [RELEASE.terminology SYSTEM|CODE VALUE-SET]: the
 * arguments add checks on a loaded release. One line per measurement.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/file.h"
#include "terminology/terminology.h"

static const struct {
	const char *what, *value_set, *system, *code;
} checks[] = {
	{"list of 4, bare code", "http://hl7.org/fhir/ValueSet/administrative-gender", NULL, "male"},
	{"whole system", "http://hl7.org/fhir/ValueSet/observation-category",
	 "http://terminology.hl7.org/CodeSystem/observation-category", "laboratory"},
	{"is-a over 1,300 codes", "http://terminology.hl7.org/ValueSet/v3-ActEncounterCode",
	 "http://terminology.hl7.org/CodeSystem/v3-ActCode", "IMP"},
	{"list of 6,401, system not at hand", "http://hl7.org/fhir/ValueSet/c80-doc-typecodes", "http://loinc.org",
	 "34133-9"},
	{"not a member", "http://hl7.org/fhir/ValueSet/administrative-gender", "http://hl7.org/fhir/other", "male"},
	{"undecided: SNOMED CT filter", "http://hl7.org/fhir/ValueSet/procedure-code", "http://snomed.info/sct",
	 "80146002"},
	{"language tag by grammar", "http://hl7.org/fhir/ValueSet/all-languages", "urn:ietf:bcp:47", "de-CH"},
	{"unit by grammar", "http://hl7.org/fhir/ValueSet/ucum-units", "http://unitsofmeasure.org", "mmol/L"},
};

static const char *const expansions[] = {
	"http://terminology.hl7.org/ValueSet/v3-ActCode", "http://hl7.org/fhir/ValueSet/c80-doc-typecodes",
	"http://hl7.org/fhir/ValueSet/service-type", "http://terminology.hl7.org/ValueSet/v3-Race"};

static size_t answers[3];

static double ns_per_check(struct terminology *t, struct arena *a, struct str value_set, const struct coding *coding)
{
	size_t rounds = 1000;
	for (;;) {
		uint64_t from = clock_monotonic_ns();
		for (size_t i = 0; i < rounds; i++) {
			arena_reset(a);
			answers[terminology_validate_in(t, a, value_set, NULL, coding, !coding->system.p).answer]++;
		}
		uint64_t took = clock_monotonic_ns() - from;
		if (took > 200000000)
			return (double)took / (double)rounds;
		rounds *= 2;
	}
}

static void bench_checks(struct terminology *t, struct arena *a)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct coding coding = {.system = str_from(checks[i].system), .code = str_from(checks[i].code)};
		uint64_t from = clock_monotonic_ns();
		struct code_verdict v =
			terminology_validate_in(t, a, str_from(checks[i].value_set), NULL, &coding, !coding.system.p);
		double first = (double)(clock_monotonic_ns() - from) / 1e6;
		printf("check, %-34s %8.0f ns, the first %6.2f ms, answer %d\n", checks[i].what,
		       ns_per_check(t, a, str_from(checks[i].value_set), &coding), first, v.answer);
	}
}

static void bench_expansions(struct terminology *t)
{
	for (size_t i = 0; i < sizeof(expansions) / sizeof(expansions[0]); i++) {
		struct error err = {0};
		struct expand_options o = {0};
		struct arena a;
		size_t rounds = 20, count = 0;
		arena_init(&a, (size_t)1 << 30);
		uint64_t from = clock_monotonic_ns();
		for (size_t k = 0; k < rounds; k++) {
			arena_reset(&a);
			const struct expansion *e = terminology_expand(t, &a, str_from(expansions[i]), NULL, &o, &err);
			count = e ? e->count : 0;
		}
		printf("expand %-50s %5zu codes %8.2f ms\n", expansions[i], count,
		       (double)(clock_monotonic_ns() - from) / 1e6 / (double)rounds);
		arena_done(&a);
	}
}

static bool bench_release(struct terminology *t, struct arena *a, char **argv, struct error *err)
{
	static struct arena file;
	struct str bytes, code = str_from(argv[2]);
	size_t bar = str_rfind_char(code, '|');
	struct coding coding = {.system = str_slice(code, 0, bar == STR_NONE ? 0 : bar),
				.code = str_slice(code, bar == STR_NONE ? 0 : bar + 1, code.n)};
	arena_init(&file, ARENA_NO_CAP);
	if (!file_read(&file, str_from(argv[1]), (size_t)4 << 30, &bytes, err) ||
	    !terminology_add_release(t, bytes, err))
		return false;
	struct code_verdict v = terminology_validate_in(t, a, str_from(argv[3]), NULL, &coding, false);
	printf("check, loaded release %21s %8.0f ns, answer %d\n", "", ns_per_check(t, a, str_from(argv[3]), &coding),
	       v.answer);
	return true;
}

int main(int argc, char **argv)
{
	struct error err = {0};
	struct arena a;
	struct rusage use;
	arena_init(&a, (size_t)256 << 20);
	uint64_t from = clock_monotonic_ns();
	struct canonicals *c = canonicals_new(&err);
	struct terminology *t = c ? terminology_new(c, &err) : NULL;
	printf("start %.2f ms\n", (double)(clock_monotonic_ns() - from) / 1e6);
	bool ok = t != NULL;
	if (ok && argc == 4)
		ok = bench_release(t, &a, argv, &err);
	if (ok) {
		bench_checks(t, &a);
		bench_expansions(t);
	}
	getrusage(RUSAGE_SELF, &use);
	printf("memory %ld MB at most\n", use.ru_maxrss / 1024);
	if (!ok)
		fprintf(stderr, "%s\n", err.text);
	terminology_free(t);
	canonicals_free(c);
	arena_done(&a);
	return ok ? 0 : 1;
}
