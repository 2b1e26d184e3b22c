/*
 * How fast orders are checked: loading the tables, reading a medication, and one order against forty medications and
 * five allergies. Prints the best of several rounds. Usage: clinical_bench
 */
#include <stdio.h>

#include "base/clock.h"
#include "clinical/allergy.h"
#include "clinical/interaction.h"

enum { DRUGS = 40, ROUNDS = 7, REPEATS = 200 };

/* Forty drugs that people do take together, by RXCUI. */
static const char *const codes[DRUGS] = {"11289", "5640", "29046", "83367", "6809",   "7646",	"17767",  "5487",
					 "4603",  "8591", "3407",  "703",   "2551",   "10582",	"36567",  "32968",
					 "1191",  "161",  "7804",  "6813",  "596",    "25480",	"41493",  "36437",
					 "2556",  "4493", "8183",  "5521",  "6918",   "20352",	"6851",	  "10180",
					 "10829", "8640", "3264",  "41126", "197361", "198335", "308182", "855635"};

static const struct json *record(struct arena *a, const char *type, const char *element, const char *code)
{
	struct error err = {0};
	return json_parse(a,
			  arena_printf(a,
				       "{\"resourceType\":\"%s\",\"status\":\"active\",\"%s\":{\"coding\":[{\"system\":"
				       "\"http://www.nlm.nih.gov/research/umls/rxnorm\",\"code\":\"%s\"}]}}",
				       type, element, code),
			  0, &err);
}

struct bench {
	struct arena arena, work;
	struct knowledge *knowledge;
	const struct json *drugs[DRUGS], *allergies[5];
	size_t found;
};

static bool read_drugs(struct bench *b, struct medication *drugs, struct error *err)
{
	bool ok = true;
	arena_reset(&b->work);
	for (size_t i = 0; ok && i < DRUGS; i++)
		ok = medication_read(b->knowledge, &b->work, b->drugs[i], NULL, 0, &drugs[i], err);
	return ok;
}

static bool check_once(struct bench *b, struct error *err)
{
	struct medication drugs[DRUGS];
	struct allergies list;
	struct findings f = {0};
	struct policy p = policy_default();
	bool ok = read_drugs(b, drugs, err) &&
		  allergies_read(b->knowledge, &b->work, b->allergies, 5, S(""), &list, err) &&
		  allergies_check(b->knowledge, &p, &b->work, &list, &drugs[0], 0, &f, err) &&
		  interactions_check(b->knowledge, &p, S(""), &b->work, drugs, DRUGS, 1, NULL, 0, &f, err);
	if (ok)
		policy_apply(&p, b->knowledge, S(""), &f);
	b->found = f.count;
	return ok;
}

static bool check_all(struct bench *b, struct error *err)
{
	struct medication drugs[DRUGS];
	struct findings f = {0};
	struct policy p = policy_default();
	bool ok = read_drugs(b, drugs, err) &&
		  interactions_check(b->knowledge, &p, S(""), &b->work, drugs, DRUGS, DRUGS, NULL, 0, &f, err);
	if (ok)
		policy_apply(&p, b->knowledge, S(""), &f);
	b->found = f.count;
	return ok;
}

static bool measure(struct bench *b, const char *name, bool (*run)(struct bench *b, struct error *err),
		    struct error *err)
{
	uint64_t best = UINT64_MAX;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = clock_monotonic_ns();
		for (int i = 0; i < REPEATS; i++) {
			if (!run(b, err))
				return false;
		}
		uint64_t took = (clock_monotonic_ns() - start) / REPEATS;
		best = took < best ? took : best;
	}
	printf("%-60s %8.1f us, %zu findings\n", name, (double)best / 1e3, b->found);
	return true;
}

int main(void)
{
	static struct bench b;
	static const char *const allergens[] = {"723", "10180", "1191", "2670", "8163"};
	struct error err = {0};
	uint64_t best = UINT64_MAX;
	arena_init(&b.work, 16 << 20);
	for (int round = 0; round < ROUNDS; round++) {
		knowledge_free(b.knowledge);
		arena_done(&b.arena);
		arena_init(&b.arena, 128 << 20);
		uint64_t start = clock_monotonic_ns();
		b.knowledge = knowledge_new(&b.arena, NULL, 0, &err);
		uint64_t took = clock_monotonic_ns() - start;
		best = took < best ? took : best;
	}
	if (!b.knowledge)
		return 1;
	printf("%-60s %8.1f ms, %zu KiB\n", "loading the tables", (double)best / 1e6, b.arena.used >> 10);
	for (size_t i = 0; i < DRUGS; i++)
		b.drugs[i] = record(&b.arena, "MedicationRequest", "medicationCodeableConcept", codes[i]);
	for (size_t i = 0; i < 5; i++)
		b.allergies[i] = record(&b.arena, "AllergyIntolerance", "code", allergens[i]);
	bool ok = measure(&b, "one order, forty medications, five allergies, from JSON trees", check_once, &err) &&
		  measure(&b, "forty orders against each other", check_all, &err);
	if (!ok)
		printf("%s\n", err.text);
	knowledge_free(b.knowledge);
	arena_done(&b.arena);
	arena_done(&b.work);
	return ok ? 0 : 1;
}
