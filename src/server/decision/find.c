/* Decisions that were kept, found again by the id of their request. */
#include "server/decision/decision.h"

enum { PAGE = 64 };

bool decision_find(struct store *s, struct arena *a, struct str request_id, size_t max, const struct json **ret_kept,
		   size_t *ret_count, struct error *err)
{
	/* Keys are the id, a space, and the time: all that the space begins follow it. */
	struct str start = arena_printf(a, "%.*s ", STR_ARG(str_slice(request_id, 0, 64))), after = start;
	struct store_fact *facts;
	size_t count, found = 0;
	if (!start.p)
		return error_memory(err);
	do {
		if (!store_fact_list(s, a, S(DECISION_SHELF), after, PAGE, &facts, &count, err))
			return false;
		for (size_t i = 0; i < count && found < max; i++) {
			if (!str_starts(facts[i].key, start)) {
				count = 0;
				break;
			}
			ret_kept[found] = json_parse(a, facts[i].value, 0, err);
			if (!ret_kept[found++])
				return false;
			after = facts[i].key;
		}
	} while (count == PAGE && found < max);
	*ret_count = found;
	return true;
}
