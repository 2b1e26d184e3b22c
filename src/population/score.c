/*
 * The score of one patient, from the Conditions in our store: what the EHR said at the last pull, whichever run that
 * was.
 */
#include "population/population_priv.h"

static bool parse_conditions(struct arena *a, const struct store_entry *entries, size_t count,
			     const struct json ***ret_conditions, struct error *err)
{
	const struct json **conditions = ARENA_ARRAY(a, const struct json *, count + 1);
	if (!conditions)
		return error_memory(err);
	for (size_t i = 0; i < count; i++) {
		conditions[i] = json_parse(a, entries[i].body, 0, err);
		if (!conditions[i])
			return false;
	}
	*ret_conditions = conditions;
	return true;
}

void population_score(struct population_run *run, struct arena *scratch, struct population_patient *patient)
{
	struct store_entry *entries = NULL;
	const struct json **conditions = NULL;
	size_t count = 0;
	struct charlson_score score = {0};
	struct error err = {0};
	if (!population_stored(run, scratch, S("Condition"), patient->local_id, &entries, &count, &err) ||
	    !parse_conditions(scratch, entries, count, &conditions, &err) ||
	    !charlson_score(run->options->charlson, scratch, conditions, count, &score, &err)) {
		population_trouble(run, patient, "No score could be computed: %s", err.text);
		return;
	}
	patient->scored = true;
	patient->score = score.score;
	patient->unverified = score.unverified;
}
