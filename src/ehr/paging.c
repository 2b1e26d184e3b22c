/* A whole search at once, over its pages (pages.c): every match once, in its newest version. */
#include "ehr/ehr_priv.h"

struct collection {
	struct arena *a;
	struct ehr_resource *items;
	bool *withdrawn; /* of each item */
	size_t count, capacity, withdrawn_capacity;
};

static struct ehr_resource *find(struct collection *k, struct str id)
{
	for (size_t i = k->count; i > 0; i--)
		if (str_eq(k->items[i - 1].id, id))
			return &k->items[i - 1];
	return NULL;
}

static bool keep(struct collection *k, const struct ehr_resource *item, bool withdrawn)
{
	struct ehr_resource *place = item->newer ? find(k, item->id) : NULL;
	if (!place) {
		struct ehr_resource *items =
			arena_grow(k->a, k->items, k->count, &k->capacity, k->count + 1, sizeof *items);
		bool *flags =
			arena_grow(k->a, k->withdrawn, k->count, &k->withdrawn_capacity, k->count + 1, sizeof *flags);
		if (!items || !flags)
			return false;
		k->items = items;
		k->withdrawn = flags;
		place = &items[k->count++];
	}
	k->withdrawn[place - k->items] = withdrawn;
	*place = *item;
	place->newer = false;
	return true;
}

static bool keep_all(struct collection *k, const struct ehr_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		if (!keep(k, &page->items[i], false))
			return false;
	for (size_t i = 0; i < page->withdrawn_count; i++)
		if (!keep(k, &page->withdrawn[i], true))
			return false;
	return true;
}

/* Sets apart what was entered in error: kept in order at the end of the same array. */
static bool finish(struct collection *k, const struct ehr_tally *tally, struct ehr_matches *ret_matches)
{
	struct ehr_resource *sorted = ARENA_ARRAY(k->a, struct ehr_resource, k->count ? k->count : 1);
	size_t kept = 0, good = 0;
	if (!sorted)
		return false;
	for (int withdrawn = 0; withdrawn < 2; withdrawn++) {
		for (size_t i = 0; i < k->count; i++)
			if (k->withdrawn[i] == (withdrawn == 1))
				sorted[kept++] = k->items[i];
		if (!withdrawn)
			good = kept;
	}
	*ret_matches = (struct ehr_matches){
		.items = sorted,
		.count = good,
		.withdrawn = sorted + good,
		.withdrawn_count = kept - good,
		.pages = tally->pages,
		.duplicates = tally->duplicates,
		.outcomes = tally->outcomes,
		.skipped = tally->skipped,
		.incomplete = tally->incomplete,
		.warning = tally->warning.p ? arena_str(k->a, tally->warning) : STR_NULL,
	};
	return true;
}

static bool collect(struct ehr_client *c, struct arena *a, struct ehr_pages *pages, struct ehr_matches *ret_matches,
		    struct ehr_failure *f)
{
	struct collection k = {.a = a};
	struct ehr_page page;
	bool more = true;
	while (more) {
		if (!ehr_pages_next(pages, a, &page, &more, f))
			return false;
		if (more && !keep_all(&k, &page))
			return ehr_fail(c, f, ERR_MEMORY, "not enough memory for the results of a search");
	}
	return finish(&k, ehr_pages_tally(pages), ret_matches) ||
	       ehr_fail(c, f, ERR_MEMORY, "not enough memory for the results of a search");
}

bool ehr_search(struct ehr_client *c, struct arena *a, struct str type, struct str query,
		struct ehr_matches *ret_matches, struct ehr_failure *ret_failure)
{
	bool ok = false;
	for (int round = 0; round < 2; round++) {
		const struct ehr_pages_options options = {
			.type = type, .queries = &query, .query_count = 1, .no_restart = true};
		struct ehr_failure f = {0};
		struct error err = {0};
		struct ehr_pages *pages = ehr_pages_open(c, &options, &err);
		if (!pages)
			return ehr_fail(c, ret_failure, err.code, "%s", err.text);
		ok = collect(c, a, pages, ret_matches, &f);
		bool session_over = !ok && f.error.code == ERR_CURSOR && ehr_pages_tally(pages)->pages > 0;
		ehr_pages_close(pages);
		if (!ok)
			*ret_failure = f;
		if (!session_over)
			break; /* otherwise the server forgot the search: once more from the start */
	}
	return ok;
}
