/*
 * Searching in a store, whatever keeps its rows. The engine turns a query into criteria, chooses a way into the index
 * tables, takes candidates from there in batches, lets each version's terms decide, sorts, counts, and adds includes.
 * What it needs from a backend is the table of functions struct seek_source: a handful of plain look-ups, each for many
 * things at once, so that a backend with round trips needs few. As both backends answer the same look-ups over the same
 * terms, both give the same pages.
 *
 * What a backend keeps:
 *   - numbers for names: types, (type, parameter code), systems, and resources (rid), a resource also when it is only
 *     referred to. Numbers are 1 and up and never change.
 *   - versions: vid, rid, type, time, op, died (the vid that replaced it, if any), terms. A snapshot is a vid; it sees
 *     the versions with vid <= snapshot, that are no deletions, and that did not die at or before it. vids and times
 *     grow together.
 *   - index tables: the rows that seek_rows() makes of a version's terms, with the columns named in forms.def; rows of
 *     all versions up to `indexed`. Rows of old versions may stay as long as snapshots need them: the engine drops what
 *     a snapshot does not see.
 *
 * A source serves one search at a time, on one thread, and everything it gives comes from one snapshot of the database.
 */
#ifndef FIRTH_STORE_SEEK_H
#define FIRTH_STORE_SEEK_H

#include <stdatomic.h>

#include "store/names.h"
#include "store/store_priv.h"

/* ---- terms (terms.c) ----------------------------------------------------------------------------------------------
 */

/* A decoded index row with its names as numbers. What is not used is zero. */
struct term {
	int64_t param; /* names_param() of the parameter and the row's variant */
	enum search_param_type type; /* as far as it shows: numbers and places come back as PARAM_QUANTITY */
	uint32_t element; /* as in struct index_row */
	int64_t system; /* 0: none */
	struct str code; /* as in struct index_row; STR_NULL: none */
	struct str text; /* string: as written; quantity: unit; of-type: the identifier's value */
	int64_t target; /* local reference: rid; 0 otherwise */
	int64_t low, high;
	bool repeated; /* date: set by term_next(), when a term of the same parameter was written before it */
	double number, number_low, number_high;
	struct str canonical; /* as in struct index_row */
	double canonical_number, canonical_low, canonical_high;
};

/* The term of an index row, text borrowed from it; target is the rid of its local reference, if it is one. */
bool term_of_row(struct names *names, const struct fhir_type *type, int64_t type_number, const struct index_row *row,
		 int64_t target, struct term *ret_term, struct error *err) MUST_USE;
/* Do rows of the parameter become terms? */
bool term_is_kept(const struct search_param *param);

/* The index rows of a version as bytes beside it: the index tables find candidates by one criterion; these bytes decide
 * all others, give sort keys and references. */
/* out holds the terms of the same version that were written before. */
void term_write(struct buf *out, const struct term *term);
/* Takes the next term off *bytes; false at the end or when the bytes make no sense. */
bool term_next(struct str *bytes, struct term *ret_term);

/* ---- rows of the index tables (rows.c) ------------------------------------------------------------------------------
 */

/* kind: all of a type (type, vid). token (param, code, system, vid) also holds uris and absolute references, and under
 * a date parameter, with an empty code, the versions that have several dates. string
 * (param, text, vid). date (param, width, low, high, vid). number (param, unit, width, low, high, vid) also holds
 * quantities. reference (param, target, vid). In this order they are the keys of the tables; texts compare by bytes. */
enum seek_table { TABLE_KIND, TABLE_TOKEN, TABLE_STRING, TABLE_DATE, TABLE_NUMBER, TABLE_REFERENCE, TABLE_COUNT };

struct seek_row {
	enum seek_table table;
	int64_t param; /* kind: the type */
	int64_t vid;
	struct str key; /* code, text, unit: cut to KEY_MAX bytes */
	int width; /* date, number: class of the range's width */
	union {
		int64_t number; /* token: system; reference: target */
		struct {
			int64_t low, high;
		} date;
		struct {
			double low, high;
		} range;
	};
};

/* The rows of one term: at most MOST_TERM_ROWS into rows; gives how many. A version has a row of kind besides. */
enum { MOST_TERM_ROWS = 3 };
size_t seek_rows(const struct term *term, int64_t vid, struct seek_row rows[MOST_TERM_ROWS]);

/* Longest text in an index key; longer ones are cut there and compared in full by the terms. */
#define KEY_MAX 96
static inline struct str key_cut(struct str text)
{
	return text.n > KEY_MAX ? str_make(text.p, KEY_MAX) : text;
}

/* A range of class w is at most date_spans[w] wide, so a bound on its high end bounds its low end as well, and one
 * index by the low end serves both. The last class of dates has no bound; numbers are single (0) or ranges (1). */
enum { DATE_CLASSES = 4, NUMBER_CLASSES = 2 };
extern const int64_t date_spans[DATE_CLASSES - 1];

/* ---- arms: ways into the tables -------------------------------------------------------------------------------------
 */

enum seek_form {
#define FORM(name, table, ordered, columns) FORM_##name,
#include "store/seek/forms.def"
#undef FORM
	FORM_COUNT
};

/* How a column is compared: COMPARE_PART takes two values, see forms.def. */
enum seek_compare { COMPARE_EQ, COMPARE_GE, COMPARE_LE, COMPARE_LT, COMPARE_PART };
enum { ARM_VALUES = 8 };

struct seek_form_info {
	const char *name, *table;
	bool ordered; /* rows come sorted by vid */
	struct seek_column {
		const char *name; /* NULL: the end */
		enum seek_compare compare;
	} columns[ARM_VALUES];
};
extern const struct seek_form_info seek_forms[FORM_COUNT];

struct seek_value {
	enum { VALUE_INT, VALUE_REAL, VALUE_BYTES } kind;
	union {
		int64_t integer;
		double real;
		struct str bytes;
	};
};

/* One range of one table: the form's columns compared with these values. */
struct seek_arm {
	enum seek_form form;
	struct seek_value values[ARM_VALUES];
	size_t count;
};

/* The union of some arms. */
struct seek_arms {
	const struct seek_arm *list;
	size_t count;
	/* NULL, or an ordered arm that every wanted version has a row of as well. A source may leave out others at
	 * once, before it looks at the version, or take no notice. */
	const struct seek_arm *also;
};

/* ---- what a source gives
 * ---------------------------------------------------------------------------------------------- */

enum seek_name_kind { NAME_TYPE, NAME_PARAM, NAME_SYSTEM, NAME_RESOURCE };
struct seek_name {
	enum seek_name_kind kind;
	struct str scope; /* NAME_PARAM, NAME_RESOURCE: the name of the type */
	struct str text; /* the name, code, system or id */
	int64_t number; /* filled in; 0 when the store never saw it */
};

/* A version. terms of a batch lie in its arena. */
struct seek_found {
	int64_t vid, rid, type, time;
	struct str terms;
};

struct seek_batch {
	struct arena arena;
	struct seek_found *list;
	size_t count, capacity;
	int64_t reached; /* walk: everything up to (descending: down to) this vid is there */
	bool ended; /* walk: there is nothing behind it */
};
/* For sources: adds a version, copying its terms. False without memory. */
bool seek_batch_add(struct seek_batch *b, const struct seek_found *found, struct error *err) MUST_USE;

struct seek_numbers {
	int64_t *list;
	size_t count, capacity;
	size_t limit; /* collect: more than so many are not wanted */
};
/* For sources; the list is malloc'd and the engine's. False without memory. */
bool seek_numbers_add(struct seek_numbers *n, int64_t number, struct error *err) MUST_USE;
/* Sorts, keeps each number in (low, high] once, and turns the list round if asked to. */
void numbers_sort(struct seek_numbers *n, int64_t low, int64_t high, bool descending);
/* Is it in a list that is sorted? */
bool numbers_have(const struct seek_numbers *n, int64_t number);

struct seek_probe {
	struct seek_arms arms;
	int64_t count; /* filled in: rows of the arms, at most limit */
};

/* vids in (low, high]. */
struct seek_range {
	int64_t low, high;
	bool descending;
};

/* A stretch of a table's rows of one parameter, by the order of its key: TABLE_STRING and TABLE_TOKEN (text, code);
 * TABLE_DATE and TABLE_NUMBER within a width (low), numbers without a unit. */
struct seek_stretch {
	enum seek_table table;
	int64_t param;
	int width; /* TABLE_DATE, TABLE_NUMBER */
	bool descending;
	/* Where it starts, this value included. Texts descending: key.p NULL means the end. */
	int64_t low; /* TABLE_DATE */
	double number; /* TABLE_NUMBER */
	struct str key;
};

/* Rows of a stretch. */
struct seek_keys {
	struct arena arena;
	struct seek_key {
		int64_t vid, low, high;
		double number; /* TABLE_NUMBER: low */
		struct str key; /* in the arena */
	} * list;
	size_t count, capacity;
};
/* For sources: copies the key's text. */
bool seek_keys_add(struct seek_keys *k, const struct seek_key *key, struct error *err) MUST_USE;

struct seek_ident {
	int64_t rid, type; /* type is filled in */
	struct str id; /* filled in, in the arena */
};

/* All functions return false with an error only on failure; what is absent is no error. Counts may be 0. Sources poll
 * their deadline themselves inside what can take long (ERR_TIMEOUT). */
struct seek_source {
	void *x; /* first argument of every function */
	int64_t last_vid; /* the newest version of the database's snapshot, 0 when empty */
	int64_t oldest; /* snapshots below this vid are refused: index rows that they need were dropped */
	int64_t indexed; /* versions up to this vid have their index rows; those behind are searched by FORM_TAIL */
	int64_t worded; /* versions up to this vid are found by words(); 0: none */
	bool dates_marked; /* all versions with several dates have their row among the tokens, see seek_rows() */

	/* Fills the numbers of names. */
	bool (*names)(void *x, struct seek_name *names, size_t count, struct error *err);
	/* rids of an id in all types. */
	bool (*rids)(void *x, struct str id, struct seek_numbers *out, struct error *err);
	/* All parameters of a type; of type 0: of all types. */
	bool (*params)(void *x, int64_t type, struct seek_numbers *out, struct error *err);
	/* The systems that a code occurs with in the token table, SYSTEM 0 among them. */
	bool (*systems)(void *x, int64_t param, struct str code, struct seek_numbers *out, struct error *err);
	/* Current resources of a type. */
	bool (*count_type)(void *x, int64_t type, int64_t *ret_count, struct error *err);
	/* The greatest vid <= snapshot whose version is older than an instant; 0 when there is none. */
	bool (*vid_before)(void *x, int64_t snapshot, int64_t time_ms, int64_t *ret_vid, struct error *err);

	/* Counts rows of each probe, stopping at limit, or at the least count of the probes before it if that is less:
	 * who wants the smallest need not know how much larger the others are. */
	bool (*probe)(void *x, struct seek_probe *probes, size_t count, int64_t limit, struct error *err);
	/* Ordered arms only: the versions that the snapshot sees, sorted by vid without duplicates, beginning at the
	 * range's low end (descending: high end), about max of them; sets reached and ended. It may give fewer, even
	 * none, if it sets reached so that the next call goes on from there. */
	bool (*walk)(void *x, struct seek_arms arms, struct seek_range range, int64_t snapshot, size_t max,
		     struct seek_batch *out, struct error *err);
	/* Any arms: the vids in the range, in any order, possibly with duplicates, also of versions that the snapshot
	 * does not see. Stops early once there are more than out->limit. */
	bool (*collect)(void *x, struct seek_arms arms, struct seek_range range, struct seek_numbers *out,
			struct error *err);
	/* Those of the vids that the snapshot sees, in the order of vids[]. */
	bool (*look)(void *x, const int64_t *vids, size_t count, int64_t snapshot, struct seek_batch *out,
		     struct error *err);
	/* The versions of resources that the snapshot sees, in the order of rids[]; those without are left out. */
	bool (*versions)(void *x, const int64_t *rids, size_t count, int64_t snapshot, struct seek_batch *out,
			 struct error *err);
	/* The first rows of each stretch, at most max of each, into out[i]; rows with the same key come in any order.
	 */
	bool (*scan)(void *x, const struct seek_stretch *stretches, size_t count, size_t max, struct seek_keys *out,
		     struct error *err);
	/* The codes of a stretch of TABLE_TOKEN, each once, in their order; at most max. */
	bool (*distinct)(void *x, const struct seek_stretch *from, size_t max, struct seek_keys *out,
			 struct error *err);
	/* The vids behind the keys of words from one to before the other, or of one if that is STR_NULL, in any order,
	 * possibly with duplicates, also of versions that the snapshot does not see: see store/words.h. Stops early
	 * once there are more than out->limit. May be NULL. */
	bool (*words)(void *x, struct str from, struct str before, struct seek_numbers *out, struct error *err);
	/* Types and ids of resources, text in a. */
	bool (*idents)(void *x, struct arena *a, struct seek_ident *idents, size_t count, struct error *err);
	/* The entries of these vids with their bodies in a; entries[] is cleared beforehand. ERR_STORE when one is not
	 * there. Leaves `included` alone. */
	bool (*entries)(void *x, struct arena *a, const int64_t *vids, size_t count, struct store_entry *entries,
			struct error *err);
	/* What looks into bodies (:text, _text, _content), made when first asked for and kept with the store: see
	 * store_extractor(). NULL with an error. The function may be NULL: such criteria are refused then. */
	const struct extractor *(*extractor)(void *x, struct error *err);
};

/* One search. deadline: clock_monotonic_ns(). Contract as store_search(). */
bool seek_search(const struct seek_source *source, struct arena *a, const struct search_query *query,
		 const struct store_search_options *options, uint64_t deadline_ns, struct store_page *ret_page,
		 struct error *err) MUST_USE;
/* Is there a version newer than `after`, and seen now, that meets one of the query's parts? */
bool seek_newer(const struct seek_source *source, const struct search_query *query, int64_t after, uint64_t deadline_ns,
		bool *ret_any, struct error *err) MUST_USE;
/* For sources: the extractor in a backend's slot, made now if it is empty. Any thread. */
const struct extractor *store_extractor(_Atomic(struct extractor *) *slot, const struct definitions *d,
					struct error *err);
/* The time of the options, or the default, from now. */
uint64_t seek_deadline(const struct store_search_options *options);

#endif
