/*
 * Any JSON as a list of records: AllergyIntolerances are allergies, everything else a medication, the first of them the
 * order. Reading and checking must end, with findings that point at what was given. Bytes that are no JSON are read as
 * text, and when they look like a table, as one of a site's interactions.
 */
#include <assert.h>

#include "clinical/allergy.h"
#include "clinical/interaction.h"
#include "fuzz.h"

enum { RECORDS = 64, MAX_MEMORY = 64 << 20 };

static const struct knowledge *known(void)
{
	static struct arena arena;
	static struct knowledge *k;
	struct error err = {0};
	if (!k) {
		arena_init(&arena, MAX_MEMORY);
		k = knowledge_new(&arena, NULL, 0, &err);
	}
	assert(k);
	return k;
}

static void check_records(const struct knowledge *k, struct arena *a, const struct json *list)
{
	struct medication drugs[RECORDS];
	const struct json *allergies[RECORDS];
	size_t drug_count = 0, allergy_count = 0;
	struct json_iter it = json_iter(list);
	struct error err = {0};
	struct allergies read;
	struct findings f = {0};
	struct policy p = policy_default();
	while (json_next(&it) && drug_count < RECORDS && allergy_count < RECORDS) {
		if (str_is(json_get_str(it.value, S("resourceType")), "AllergyIntolerance"))
			allergies[allergy_count++] = it.value;
		else if (medication_read(k, a, it.value, NULL, 0, &drugs[drug_count], &err))
			drug_count++;
	}
	if (!allergies_read(k, a, allergies, allergy_count, S("Patient/1"), &read, &err) ||
	    !allergies_unread(&read, a, &f, &err))
		return;
	for (size_t i = 0; i < drug_count; i++) {
		if (!allergies_check(k, &p, a, &read, &drugs[i], i, &f, &err))
			return;
	}
	if (!interactions_check(k, &p, S(""), a, drugs, drug_count, drug_count, NULL, 0, &f, &err) ||
	    !drafts_unread(drugs, drug_count, a, &f, &err))
		return;
	policy_apply(&p, k, S(""), &f);
	for (size_t i = 0; i < f.count; i++) {
		const struct finding *x = &f.items[i];
		assert(x->drug == FINDING_NONE || x->drug < drug_count);
		assert(x->other == FINDING_NONE || x->other < (x->with_drug ? drug_count : allergy_count));
		assert(x->level != LEVEL_NONE && x->rule.n && x->topic.n && x->source.n);
	}
}

static void check_text(const struct knowledge *k, struct arena *a, struct str text)
{
	struct meaning means[8];
	size_t n = knowledge_read_text(k, a, text, true, means, 8);
	assert(n <= 8);
	if (!str_starts(text, S("rule\t")))
		return;
	struct error err = {0};
	struct knowledge_table table = {S("interactions"), text};
	struct knowledge *site = knowledge_new(a, &table, 1, &err);
	assert(site || err.code);
	knowledge_free(site);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct error err = {0};
	struct str text = {(const char *)data, size};
	arena_init(&a, MAX_MEMORY);
	const struct json *j = json_parse(&a, text, 0, &err);
	if (json_is(j, JSON_ARRAY))
		check_records(known(), &a, j);
	else
		check_text(known(), &a, text);
	arena_done(&a);
	return 0;
}
