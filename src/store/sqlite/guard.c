/*
 * Guards: on the committing thread, over the writer's own connection, inside the group's transaction. There every
 * version that was committed or is about to be is in the tables, so what a guard lets through nobody can have met.
 */
#include "store/sqlite/sqlite_priv.h"

enum { GUARD_MS = 2000 };

bool guard_holds(struct sqlite_store *store, const struct store_guard *guard, bool *ret_holds, struct error *err)
{
	struct reader *r = store->view;
	int64_t last = store->writer.last_vid;
	bool any = false;
	*ret_holds = guard->snapshot >= last;
	if (*ret_holds || last - guard->snapshot > GUARD_REACH)
		return true;
	r->last_vid = last;
	r->indexed = store->writer.indexed;
	if (!sqlite_newer(store, r, guard->query, guard->snapshot, GUARD_MS, &any, err))
		return false;
	*ret_holds = !any;
	return true;
}
