/*
 * What the files of the search share. A search goes: compile (names to numbers), choose an arm (the index entries to
 * start from), walk its candidates in order of vid, let each version's terms decide all criteria, keep a page, add
 * includes. See compile.c, arms.c, walk.c, meets.c, order.c, include.c, search.c in this order.
 */
#ifndef FIRTH_STORE_SQLITE_SEEK_PRIV_H
#define FIRTH_STORE_SQLITE_SEEK_PRIV_H

#include "store/sqlite/sqlite_priv.h"

enum { MOST_CANDIDATES = 4 << 20, MOST_INCLUDES = 10000, MOST_SORTS = 8, MOST_MERGED = 16 };

/* A search value with its names looked up. */
struct wanted {
	const struct search_value *value;
	int64_t system; /* SYSTEM_ANY, SYSTEM_NONE, or its number; SYSTEM_UNKNOWN when the store never saw it */
	int64_t *targets; /* references: the rids that fit */
	size_t target_count;
};
enum { SYSTEM_NONE = 0, SYSTEM_ANY = -1, SYSTEM_UNKNOWN = -2 };

struct check {
	const struct criterion *criterion;
	int64_t param; /* 0: the store never saw one, so no resource has a row */
	struct wanted *wanted;
	struct arm *arms; /* NULL: the criterion gives no way in */
	size_t arm_count, arm_capacity;
	bool has_arms;
};

struct bind {
	enum { BIND_INT, BIND_REAL, BIND_BYTES } kind;
	int64_t integer;
	double real;
	struct str bytes;
};

enum { ARM_BINDS = 8 };
struct arm {
	enum arm_kind kind;
	struct bind binds[ARM_BINDS];
	size_t bind_count;
};

struct seek {
	struct sqlite_store *store;
	struct reader *r;
	struct arena *a; /* of the answer */
	struct arena scratch; /* of the search */
	struct arena scratch_keys; /* of one match */
	const struct search_query *query;
	uint64_t deadline_ns;
	unsigned ticks;
	int64_t type;
	int64_t snapshot;
	int64_t vid_low, vid_high; /* vids outside (low, high] cannot match, by _lastUpdated and snapshot */
	struct check *checks;
	size_t check_count;
	struct check *way; /* the criterion to start from; NULL: all of the type */
};

/* A version that matched, and what it sorts by. */
struct sort_key {
	bool missing;
	int64_t integer;
	double number;
	struct str text;
};
struct match {
	int64_t vid;
	struct sort_key *keys; /* sort_count of them, NULL when the order is that of vids */
};

/* compile.c */
bool seek_compile(struct seek *k, struct error *err) MUST_USE;
bool seek_param(struct seek *k, int64_t type, struct str code, int64_t *ret_param, struct error *err) MUST_USE;
/* False with ERR_TIMEOUT when the time is over. Call it once per unit of work. */
bool seek_tick(struct seek *k, struct error *err) MUST_USE;
/* arms.c: the ways in that a criterion offers. */
bool check_arms(struct seek *k, struct check *c, struct error *err) MUST_USE;
extern const char *const arm_sql[ARM_COUNT];
extern const bool arm_ordered[ARM_COUNT];
/* walk.c: chooses the way, then calls visit for each version that matches, in order of vid. visit sets *stop. */
struct found {
	int64_t vid, rid, time;
	struct str terms;
};
typedef bool (*seek_visit)(void *ctx, const struct found *found, bool *stop, struct error *err);
bool seek_walk(struct seek *k, int64_t after, bool descending, seek_visit visit, void *ctx, struct error *err) MUST_USE;
/* The version of a resource that a snapshot sees; 0 when none or deleted. */
bool seek_version_at(struct seek *k, int64_t rid, int64_t *ret_vid, struct error *err) MUST_USE;
/* Is the version alive at the snapshot, and what is in it? Text is borrowed until the next call. */
bool seek_look(struct seek *k, int64_t vid, bool *ret_alive, struct found *ret_found, struct error *err) MUST_USE;
bool seek_resource_id(struct seek *k, int64_t rid, struct arena *a, int64_t *ret_type, struct str *ret_id,
		      struct error *err) MUST_USE;
/* meets.c: does a version meet all criteria? */
bool seek_meets(struct seek *k, const struct found *found, bool *ret_meets, struct error *err) MUST_USE;

/* order.c: the sorted page, kept small while all matches go by. */
struct order {
	struct seek *k;
	struct arena arenas[2];
	int arena;
	struct match *matches;
	size_t count, capacity, want;
	struct match after; /* what the page before ended with; vid 0 on the first */
	int64_t sort_params[MOST_SORTS];
};
bool order_init(struct order *o, struct seek *k, size_t want, struct error *err) MUST_USE;
void order_done(struct order *o);
/* Only what sorts behind this version is kept. Before any order_add. */
bool order_start_after(struct order *o, const struct found *found, struct error *err) MUST_USE;
bool order_add(struct order *o, const struct found *found, struct error *err) MUST_USE;
void order_finish(struct order *o);

/* include.c: adds what the entries of a page refer to, or is referred to by. */
struct page_entry {
	int64_t vid, rid, type;
};
struct page_list {
	struct store_page *page;
	struct page_entry *list; /* beside page->entries */
	size_t capacity;
};
bool seek_entry(struct seek *k, struct page_list *list, int64_t vid, bool included, struct error *err) MUST_USE;
bool seek_includes(struct seek *k, struct page_list *list, struct error *err) MUST_USE;

#endif
