/*
 * What the files of the engine share. A search goes: compile (names to numbers, criteria to checks with their ways in),
 * choose a way, take candidates in order of vid, let each version's terms decide, keep a page, add includes. See
 * compile.c, arms.c, walk.c, meets.c, order.c, include.c, search.c in this order.
 */
#ifndef FIRTH_STORE_SEEK_PRIV_H
#define FIRTH_STORE_SEEK_PRIV_H

#include "base/map.h"
#include "store/seek/seek.h"

enum {
	MOST_COLLECTED = 4 << 20, /* vids of one way */
	MOST_INCLUDES = 10000,
	MOST_SORTS = 8,
	MOST_LINKED = 50000, /* resources that an inner search may give to be an outer one's way in */
	FEW_LINKED = 5000, /* arms made of such resources */
	WIDE = 5000, /* index rows */
	MOST_COUNTED = 50000, /* index rows behind a way */
};
/* Candidates taken at once: few at first, since a page often needs no more. */
enum { LEAST_BATCH = 32, MOST_BATCH = 1024 };
/* Versions that one search may look at. */
#define MOST_LOOKED UINT64_C(20000000)

/* What is known of resources: 0 nothing. In an arena. */
struct rid_map {
	int64_t *keys;
	unsigned char *values;
	size_t count, capacity;
};
unsigned char rid_map_get(const struct rid_map *m, int64_t rid);
bool rid_map_put(struct arena *a, struct rid_map *m, int64_t rid, unsigned char value, struct error *err) MUST_USE;

/* A search value with its names looked up. */
struct wanted {
	const struct search_value *value;
	int64_t system; /* SYSTEM_ANY, SYSTEM_NONE, or its number; SYSTEM_UNKNOWN when the store never saw it */
	int64_t *targets; /* references: the rids that fit */
	size_t target_count;
};
enum { SYSTEM_NONE = 0, SYSTEM_ANY = -1, SYSTEM_UNKNOWN = -2 };

/* Where candidates of a check can come from: a superset of the versions that meet it, as arms, resources, or both. */
struct way {
	bool usable;
	bool ordered; /* arms only, and all of them are */
	bool complete; /* covers also the versions that have no index rows yet */
	struct seek_arm *arms;
	size_t arm_count, arm_capacity;
	struct seek_numbers rids; /* in the scratch arena */
	bool worded; /* vids holds candidates up to the source's worded; those behind are all of the type */
	struct seek_numbers vids; /* in the scratch arena */
	const struct check *check;
};

enum check_kind {
	CHECK_PARAM,
	CHECK_COMPOSITE,
	CHECK_ID,
	CHECK_LAST_UPDATED,
	CHECK_CHAIN,
	CHECK_HAS,
	CHECK_AND,
	CHECK_OR,
	CHECK_NOT,
	CHECK_NONE,
	CHECK_BODY
};

struct part;

/* A criterion made ready. */
struct check {
	enum check_kind kind;
	const struct criterion *criterion;
	enum search_param_type type; /* how the terms of CHECK_PARAM are compared */
	int64_t param; /* 0: the store never saw one, so no resource has a row */
	int64_t present; /* :missing: the number of ROW_PRESENT, 0 as above */
	struct wanted *wanted;
	struct map *codes; /* many tokens: those with code and system, by both */
	size_t loose_count; /* the first so many of wanted are not in codes */
	struct check *children;
	size_t child_count;
	/* CHECK_CHAIN, CHECK_HAS: */
	struct part *inner;
	size_t inner_count;
	bool settled; /* links holds all resources that meet it */
	struct rid_map links; /* CHAIN: targets; HAS: the resources themselves: LINK_YES or LINK_NO */
	struct seek_numbers narrowed; /* HAS: vids behind a way of the inner part, sorted */
	const struct seek_arm *also; /* HAS, not narrowed: every version that meets the inner part has a row of it */
	int64_t rows; /* HAS: behind that way, if they are few; 0: not */
	int64_t spent; /* HAS: looks from the outer side */
	bool prepared; /* HAS: narrowed or also, and the tail are done */
	const struct part *part; /* BODY: which it is about */
	struct way way;
};
enum { LINK_UNKNOWN, LINK_NO, LINK_YES };

/* Bounds that the ends of a row must lie in, all closed; possibly a little wider than a criterion. */
struct date_bounds {
	int64_t low_from, low_to, high_from, high_to;
};

/* The search in one type. */
struct part {
	const struct fhir_type *type;
	int64_t number; /* of the type; 0: the store never saw one */
	struct check root; /* CHECK_AND */
	/* What the criteria on one date parameter say together of versions that have one date: */
	int64_t dated; /* the parameter; 0: none */
	struct date_bounds dates;
	struct way span; /* usable when there are several such criteria */
	int64_t vid_low, vid_high; /* vids outside (low, high] cannot match, by _lastUpdated and snapshot */
};

struct seek {
	const struct seek_source *source;
	struct arena *a; /* of the answer */
	struct arena scratch; /* of the search */
	const struct search_query *query;
	const struct search_access *access; /* that parts are made with; NULL: none */
	enum search_sight sight;
	uint64_t deadline_ns;
	int64_t snapshot;
	struct part *parts;
	size_t part_count;
	struct part *gates; /* see seek_gate(): of the types it met */
	size_t gate_count;
	int64_t *type_numbers;
	bool whole; /* all matches will be looked at, for the order or the total */
	uint64_t looked, most_looked;
	uint64_t rows; /* index rows counted or collected */
	int64_t most_linked, wide;
	size_t most_includes;
	struct store_plan *plan; /* NULL unless asked for */
};

/* The limits of the options, or the usual ones. */
void seek_limit(struct seek *k, const struct store_search_options *options);

/* False with ERR_TIMEOUT when the time is over, or ERR_TOO_COSTLY. Once per batch, with its candidates. */
bool seek_spend(struct seek *k, size_t candidates, struct error *err) MUST_USE;

/* batch.c */
void seek_batch_init(struct seek_batch *b);
void seek_batch_done(struct seek_batch *b);
void seek_batch_reset(struct seek_batch *b);

/* compile.c: numbers of the query's names. */
struct naming {
	struct seek_name *names;
	struct naming_slot {
		int64_t *number;
		int64_t otherwise;
	} * slots;
	size_t count, name_capacity, slot_capacity;
};
/* *number is set by naming_resolve: to otherwise when the store never saw the name. */
bool naming_add(struct seek *k, struct naming *n, struct seek_name name, int64_t *number, int64_t otherwise,
		struct error *err) MUST_USE;
bool naming_resolve(struct seek *k, struct naming *n, struct error *err) MUST_USE;
bool seek_compile(struct seek *k, struct error *err) MUST_USE;
/* Keeps the versions of a batch that may be seen, of whatever type. */
bool seek_gate(struct seek *k, struct seek_batch *batch, struct error *err) MUST_USE;
/* What compiling left outside of the arenas. */
void seek_release(struct seek *k);
/* arms.c: the way in that a check offers. */
bool check_way(struct seek *k, struct check *c, struct error *err) MUST_USE;
/* Joins what all criteria on one date parameter allow into dated, dates, span. */
bool part_span(struct seek *k, struct part *part, struct error *err) MUST_USE;
/* The versions that have several dates. */
struct seek_arm several_dates(int64_t param);
/* The lowest low end of a row of a class that the bounds allow. */
int64_t least_low(const struct date_bounds *b, int width);
struct seek_arm *way_arm(struct seek *k, struct way *way, enum seek_form form, int64_t first, struct error *err);
void arm_int(struct seek_arm *arm, int64_t value);
bool way_rid(struct seek *k, struct way *way, int64_t rid, struct error *err) MUST_USE;
/* links.c: chains and reverse chains. Settles one if its inner search is narrow enough, which makes it a way in. */
bool links_settle(struct seek *k, struct check *c, struct error *err) MUST_USE;
/* Decides those of a batch that are still kept. */
bool links_decide(struct seek *k, struct check *c, const struct seek_batch *batch, bool *keep,
		  struct error *err) MUST_USE;
/* arms.c: the first text after all that start with prefix; STR_NULL when there is none. */
struct str prefix_end(struct arena *a, struct str prefix);
/* texts.c: more versions by which a way leads in. */
bool way_vids(struct seek *k, struct way *way, const struct seek_numbers *vids, struct error *err) MUST_USE;
/* texts.c: criteria on bodies. The way in is by the index of words, as far as it goes. */
bool texts_way(struct seek *k, struct check *c, struct error *err) MUST_USE;
bool texts_decide(struct seek *k, const struct check *c, const struct seek_batch *batch, bool *keep,
		  struct error *err) MUST_USE;

/* walk.c: the matches of a part in order of vid. */
struct walker {
	struct seek *k;
	struct part *part;
	const struct way *way; /* NULL: all of the type */
	const struct seek_arm *also; /* see struct seek_arms; NULL: none */
	int64_t low, high; /* vids in (low, high] are still to come */
	bool descending;
	enum { STAGE_TAIL, STAGE_ORDERED, STAGE_LIST, STAGE_END } stages[3];
	size_t stage, stage_count;
	struct seek_numbers list; /* STAGE_LIST */
	size_t list_at;
	size_t want; /* candidates in the next batch */
	size_t tries, tried; /* candidates that STAGE_ORDERED may take before the way is chosen anew (0: it stays) */
	struct seek_batch batch; /* the matches of the last one */
	size_t at;
};
/* after: the vid that the page before ended with, or 0. want: about how many matches will be needed. */
bool walker_init(struct walker *w, struct seek *k, struct part *part, int64_t after, bool descending, size_t want,
		 struct error *err) MUST_USE;
void walker_done(struct walker *w);
/* The next matches, in batch; none at the end. */
bool walker_fill(struct walker *w, struct error *err) MUST_USE;
/* The next match, NULL at the end; valid until the next call. */
bool walker_next(struct walker *w, const struct seek_found **ret_found, struct error *err) MUST_USE;
/* The best way into a part, and how many rows are behind it, counted up to `most` (at most MOST_COUNTED). NULL: all of
 * the type. */
bool seek_choose(struct seek *k, const struct part *part, int64_t most, const struct way **ret_way, int64_t *ret_count,
		 struct error *err) MUST_USE;
/* The narrowest of some ways. */
bool ways_narrowest(struct seek *k, const struct way **ways, size_t count, int64_t most, const struct way **ret_way,
		    int64_t *ret_count, struct error *err) MUST_USE;

/* meets.c: keeps the versions of a batch that are of one of the parts' types and meet its checks. */
bool seek_filter(struct seek *k, struct part *parts, size_t count, struct seek_batch *batch,
		 struct error *err) MUST_USE;
bool term_meets(const struct check *c, const struct term *t);
/* The key of a code and its system in struct check's codes; STR_NULL for a code that is too long. */
static inline struct str code_key(struct str code, int64_t system, char buffer[KEY_MAX + sizeof(int64_t)])
{
	if (!code.p || code.n > KEY_MAX)
		return STR_NULL;
	memcpy(buffer, &system, sizeof(system));
	if (code.n)
		memcpy(buffer + sizeof(system), code.p, code.n);
	return str_make(buffer, sizeof(system) + code.n);
}

/* order.c: the sorted page, kept small while all matches go by. */
struct sort_key {
	bool missing;
	int64_t integer;
	double number;
	struct str text;
};
struct match {
	int64_t vid;
	struct sort_key *keys; /* sort_count of them */
};

struct order {
	struct seek *k;
	struct arena arenas[2];
	struct arena scratch; /* of one batch */
	int arena;
	struct match *matches;
	size_t count, capacity, want;
	uint64_t passed; /* matches that went by */
	struct match after; /* what the page before ended with; vid 0 on the first */
	int64_t *params; /* of each part its sort parameters, MOST_SORTS of them */
	struct seek_ident *idents; /* of the batch at hand, sorted by rid */
	size_t ident_count, ident_capacity;
};
bool order_init(struct order *o, struct seek *k, size_t want, struct error *err) MUST_USE;
void order_done(struct order *o);
/* Only what sorts behind the one version of this batch is kept. Before any order_add. */
bool order_start_after(struct order *o, const struct seek_batch *batch, struct error *err) MUST_USE;
bool order_add(struct order *o, const struct seek_batch *batch, struct error *err) MUST_USE;
/* The text that a version sorts by first, of its terms; false when it has none. */
bool order_first_text(const struct order *o, const struct seek_found *found, struct str *ret_text);
/* Sorts what is kept. */
void order_finish(struct order *o);

/* sorted.c: the page by the index of what it is sorted by. *ret_done is false when that does not lead to the end of the
 * page soon enough, or is no good idea: then nothing of order is of use. */
bool sorted_fill(struct order *o, bool *ret_done, struct error *err) MUST_USE;
/* What has no index rows is few, and sorts among the rest. */
bool order_add_tail(struct order *o, struct part *part, struct seek_batch *b, struct error *err) MUST_USE;
/* groups.c: the same by a token that has few codes in the store, each of many versions; *ret_grouped: it is one. */
bool groups_fill(struct order *o, bool *ret_grouped, bool *ret_done, struct error *err) MUST_USE;

/* include.c: adds entries for versions to a page, and what they refer to, or is referred to by. */
bool seek_entries(struct seek *k, struct store_page *page, const int64_t *vids, size_t count, bool included,
		  struct error *err) MUST_USE;
/* vids: of the page's entries. */
bool seek_includes(struct seek *k, struct store_page *page, const int64_t *vids, struct error *err) MUST_USE;

#endif
