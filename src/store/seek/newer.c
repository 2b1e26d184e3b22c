/*
 * Has anything that meets a query been written since a snapshot? What guards ask inside a commit, where few versions
 * are newer, so all of them are looked at by their terms.
 */
#include "store/seek/seek_priv.h"

static bool newer_in(struct seek *k, struct part *part, int64_t after, bool *ret_any, struct error *err)
{
	struct walker w;
	bool ok = walker_init(&w, k, part, after, false, LEAST_BATCH, err) && walker_fill(&w, err);
	*ret_any |= ok && w.batch.count;
	walker_done(&w);
	return ok;
}

bool seek_newer(const struct seek_source *source, const struct search_query *query, int64_t after, uint64_t deadline_ns,
		bool *ret_any, struct error *err)
{
	struct seek k = {.source = source, .query = query, .deadline_ns = deadline_ns, .snapshot = source->last_vid};
	seek_limit(&k, NULL);
	arena_init(&k.scratch, (size_t)64 << 20);
	k.a = &k.scratch;
	*ret_any = false;
	bool ok = seek_compile(&k, err);
	for (size_t i = 0; ok && !*ret_any && i < k.part_count; i++)
		ok = newer_in(&k, &k.parts[i], after, ret_any, err);
	seek_release(&k);
	arena_done(&k.scratch);
	return ok;
}
