/* What was written to an EHR, out of the ledger: for people who want to know, or to take something back. */
#include <stdlib.h>

#include "population/writing_priv.h"

enum { PAGE = 1000, RECORDS_MAX = 1000000 };

static bool take(struct arena *a, const struct store_fact *fact, struct writing_record *ret, struct error *err)
{
	const struct json *j = json_parse(a, fact->value, 0, err);
	int64_t at = 0;
	if (!j)
		return error_context(err, "The ledger of writes");
	if (!str_to_i64(json_number(json_get(j, S("at"))), &at))
		at = 0;
	*ret = (struct writing_record){.op = json_get_str(j, S("op")),
				       .type = json_get_str(j, S("type")),
				       .id = json_get_str(j, S("id")),
				       .version = json_get_str(j, S("version")),
				       .undo = json_get_str(j, S("undo")),
				       .former = json_get_str(j, S("former")),
				       .at_ms = at,
				       .answered = str_is(json_get_str(j, S("state")), "done")};
	return true;
}

static int compare(const void *x, const void *y)
{
	const struct writing_record *a = x, *b = y;
	return a->at_ms != b->at_ms ? (a->at_ms < b->at_ms) - (a->at_ms > b->at_ms) : str_cmp(a->id, b->id);
}

bool writing_log(struct store *store, struct arena *a, struct str ehr, struct writing_record **ret_records,
		 size_t *ret_count, struct error *err)
{
	struct str prefix = arena_printf(a, "write/%.*s/", STR_ARG(ehr)), after = prefix;
	struct writing_record *records = NULL;
	size_t count = 0, capacity = 0, found = PAGE;
	if (!prefix.p)
		return error_memory(err);
	for (bool more = true; more && found == PAGE;) {
		struct store_fact *facts;
		if (!store_fact_list(store, a, S("ledger"), after, PAGE, &facts, &found, err))
			return false;
		struct writing_record *grown =
			arena_grow(a, records, count, &capacity, count + found + 1, sizeof(*records));
		if (!grown || count + found > RECORDS_MAX)
			return error_memory(err);
		records = grown;
		for (size_t i = 0; more && i < found; i++) {
			more = str_starts(facts[i].key, prefix);
			after = facts[i].key;
			if (more && !take(a, &facts[i], &records[count], err))
				return false;
			count += more;
		}
	}
	if (count)
		qsort(records, count, sizeof(*records), compare);
	*ret_records = records;
	*ret_count = count;
	return true;
}
