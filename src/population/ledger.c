/*
 * What we remember of the Flags that we wrote, on a shelf of the store: one line per EHR, patient and model. It is a
 * second way to find a Flag again, when the EHR's search fails or is behind its writes.
 */
#include "population/population_priv.h"

static struct str ledger_key(struct arena *a, const struct population_patient *patient)
{
	return arena_printf(a, "%.*s/%.*s/" POPULATION_CHARLSON_MODEL, STR_ARG(patient->ehr),
			    STR_ARG(patient->vendor_id));
}

bool population_ledger_get(struct population_run *run, struct arena *a, const struct population_patient *patient,
			   struct population_ledger *ret_ledger, struct error *err)
{
	struct str key = ledger_key(a, patient), value;
	struct population_ledger ledger = {0};
	if (!key.p)
		return error_memory(err);
	if (!store_fact_get(run->options->store, a, S("ledger"), key, &value, err))
		return false;
	if (value.p) {
		const struct json *j = json_parse(a, value, 0, err);
		if (!j)
			return error_context(err, "The ledger of write-backs");
		int64_t score = 0;
		ledger.flag_id = json_get_str(j, S("flag"));
		ledger.version = json_get_str(j, S("version"));
		if (str_to_i64(json_number(json_get(j, S("score"))), &score))
			ledger.score = (int)score;
	}
	*ret_ledger = ledger;
	return true;
}

bool population_ledger_put(struct population_run *run, const struct population_patient *patient,
			   const struct population_ledger *ledger, struct error *err)
{
	struct arena a;
	struct buf out;
	arena_init(&a, 1 << 20);
	buf_init(&out, 1 << 16);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("flag"), ledger->flag_id);
	json_put_member(&w, S("version"), ledger->version);
	json_key(&w, S("score"));
	json_put_i64(&w, ledger->score);
	json_object_end(&w);
	const struct store_fact fact = {.shelf = S("ledger"), .key = ledger_key(&a, patient), .value = buf_str(&out)};
	bool ok = fact.key.p && buf_ok(&out) ? store_fact_put(run->options->store, &fact, err) : error_memory(err);
	buf_done(&out);
	arena_done(&a);
	return ok;
}
