/*
 * What the files of the engine share. A search goes: compile (names to numbers, criteria to checks with their ways in),
 * choose a way, take candidates in order of vid, let each version's terms decide, keep a page, add includes. See
 * compile.c, arms.c, walk.c, meets.c, order.c, include.c, search.c in this order.
 */
#ifndef FIRTH_STORE_SEEK_PRIV_H
#define FIRTH_STORE_SEEK_PRIV_H

#include "base/map.h"
#include "store/seek/seek.h"

enum { MOST_CANDIDATES = 4 << 20, MOST_INCLUDES = 10000, MOST_SORTS = 8, MOST_MERGED = 16 };
/* Candidates taken at once: few at first, since a page often needs no more. */
enum { LEAST_BATCH = 32, MOST_BATCH = 1024 };

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
};

enum check_kind { CHECK_PARAM, CHECK_ID, CHECK_LAST_UPDATED, CHECK_AND };

/* A criterion made ready. */
struct check {
	enum check_kind kind;
	const struct criterion *criterion;
	int64_t param; /* 0: the store never saw one, so no resource has a row */
	struct wanted *wanted;
	struct check *children;
	size_t child_count;
	struct way way;
};

/* The search in one type. */
struct part {
	const struct fhir_type *type;
	int64_t number; /* of the type; 0: the store never saw one */
	struct check root; /* CHECK_AND */
	int64_t vid_low, vid_high; /* vids outside (low, high] cannot match, by _lastUpdated and snapshot */
};

struct seek {
	const struct seek_source *source;
	struct arena *a; /* of the answer */
	struct arena scratch; /* of the search */
	const struct search_query *query;
	uint64_t deadline_ns;
	int64_t snapshot;
	struct part part;
};

/* False with ERR_TIMEOUT when the time is over. Once per batch. */
bool seek_in_time(struct seek *k, struct error *err) MUST_USE;

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
bool seek_compile(struct seek *k, struct part *part, struct error *err) MUST_USE;
/* arms.c: the way in that a check offers. */
bool check_way(struct seek *k, struct check *c, struct error *err) MUST_USE;
/* A number into the scratch arena. */
bool way_rid(struct seek *k, struct way *way, int64_t rid, struct error *err) MUST_USE;

/* walk.c: the matches of a part in order of vid. */
struct walker {
	struct seek *k;
	const struct part *part;
	const struct way *way; /* NULL: all of the type */
	int64_t low, high; /* vids in (low, high] are still to come */
	bool descending;
	enum { STAGE_TAIL, STAGE_ORDERED, STAGE_LIST, STAGE_END } stages[3];
	size_t stage, stage_count;
	struct seek_numbers list; /* STAGE_LIST */
	size_t list_at;
	size_t want; /* candidates in the next batch */
	struct seek_batch batch; /* the matches of the last one */
	size_t at;
};
/* after: the vid that the page before ended with, or 0. want: about how many matches will be needed. */
bool walker_init(struct walker *w, struct seek *k, const struct part *part, int64_t after, bool descending, size_t want,
		 struct error *err) MUST_USE;
void walker_done(struct walker *w);
/* The next matches, in batch; none at the end. */
bool walker_fill(struct walker *w, struct error *err) MUST_USE;
/* The next match, NULL at the end; valid until the next call. */
bool walker_next(struct walker *w, const struct seek_found **ret_found, struct error *err) MUST_USE;

void seek_batch_init(struct seek_batch *b);
void seek_batch_done(struct seek_batch *b);
void seek_batch_reset(struct seek_batch *b);

/* meets.c: keeps the versions of a batch that meet a check. */
bool seek_filter(struct seek *k, const struct check *c, struct seek_batch *batch, struct error *err) MUST_USE;

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
	struct match after; /* what the page before ended with; vid 0 on the first */
	int64_t sort_params[MOST_SORTS];
	struct seek_ident *idents; /* of the batch at hand, sorted by rid */
	size_t ident_count, ident_capacity;
};
bool order_init(struct order *o, struct seek *k, const struct part *part, size_t want, struct error *err) MUST_USE;
void order_done(struct order *o);
/* Only what sorts behind the one version of this batch is kept. Before any order_add. */
bool order_start_after(struct order *o, const struct seek_batch *batch, struct error *err) MUST_USE;
bool order_add(struct order *o, const struct seek_batch *batch, struct error *err) MUST_USE;
void order_finish(struct order *o);

/* include.c: adds entries for versions to a page, and what they refer to, or is referred to by. */
bool seek_entries(struct seek *k, struct store_page *page, const int64_t *vids, size_t count, bool included,
		  struct error *err) MUST_USE;
/* vids: of the page's entries. */
bool seek_includes(struct seek *k, struct store_page *page, const int64_t *vids, struct error *err) MUST_USE;

#endif
