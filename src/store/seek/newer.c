/*
 * Has anything that meets a query been written since a snapshot? What guards ask inside a commit, where few versions
 * are newer, so all of them are looked at by their terms.
 */
#include "store/seek/seek_priv.h"

static bool newer_in(struct seek *k, const struct search_part *part, int64_t after, bool *ret_any, struct error *err)
{
	struct search_query one = *k->query;
	struct walker w;
	one.parts = (struct search_part *)part;
	one.part_count = 1;
	k->query = &one;
	k->part = (struct part){0};
	if (!seek_compile(k, &k->part, err))
		return false;
	bool ok = walker_init(&w, k, &k->part, after, false, LEAST_BATCH, err) && walker_fill(&w, err);
	*ret_any |= ok && w.batch.count;
	walker_done(&w);
	return ok;
}

bool seek_newer(const struct seek_source *source, const struct search_query *query, int64_t after, uint64_t deadline_ns,
		bool *ret_any, struct error *err)
{
	struct seek_source unindexed = *source;
	bool ok = true;
	unindexed.indexed = 0;
	*ret_any = false;
	for (size_t i = 0; ok && !*ret_any && i < query->part_count; i++) {
		struct seek k = {
			.source = &unindexed, .query = query, .deadline_ns = deadline_ns, .snapshot = source->last_vid};
		arena_init(&k.scratch, (size_t)64 << 20);
		k.a = &k.scratch;
		ok = newer_in(&k, &query->parts[i], after, ret_any, err);
		arena_done(&k.scratch);
	}
	return ok;
}
