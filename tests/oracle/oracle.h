/*
 * The search oracle: made-up resources, made-up questions, and a naive answer to each. The answer walks the JSON of all
 * resources with FHIRPath and compares by rules written down a second time from the specification; it uses neither
 * index rows nor the parser of query strings, so that a mistake has to be made twice to stay unseen.
 */
#ifndef FIRTH_TEST_ORACLE_H
#define FIRTH_TEST_ORACLE_H

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/definitions.h"
#include "json/json.h"

#define ORACLE_BASE "http://oracle.test/fhir"
#define ORACLE_NOW  1700000000000 /* what `ap` measures from */

/* ---- chance ---------------------------------------------------------------------------------------------------- */

struct dice {
	uint64_t seed;
};
uint32_t dice_roll(struct dice *d, uint32_t sides);
#define DICE_PICK(d, list) ((list)[dice_roll((d), sizeof(list) / sizeof((list)[0]))])

/* ---- words that resources and questions share ------------------------------------------------------------------ */

enum { WORD_IDS = 6 };
extern const char *const word_families[6],
	*const word_systems[3], *const word_codes[6], *const word_dates[16],
							      *const word_numbers[10],
								      *const word_units[6],
									      *const word_urls[6],
										      *const word_types[10],
											      *const word_texts[5];

/* ---- a toy terminology (terms.c) ----------------------------------------------------------------------------------
 */

/* Value sets http://vs/0 ... http://vs/3, and a chain of codes in each system: a subsumes b subsumes A. */
struct term_code {
	const char *system, *code;
};
enum { TERM_SETS = 4 };
size_t terms_in(const char *value_set, struct term_code codes[8]);
size_t terms_related(const char *system, const char *code, bool below, struct term_code codes[8]);

/* ---- resources (world.c) ---------------------------------------------------------------------------------------- */

struct thing {
	const struct fhir_type *type;
	char id[16];
	const struct json *body; /* NULL: there is none at the moment */
	struct str text;
	int64_t updated_ms;
	int64_t order; /* grows with each write */
};

enum { THING_COUNT = 10 * WORD_IDS };

struct oracle {
	const struct definitions *definitions;
	struct arena *arena, *kept; /* of one question; of all */
	struct dice dice;
	struct thing things[THING_COUNT];
	struct map *programs; /* compiled expressions by parameter */
	const struct question *limited; /* whose limits hold at the moment; NULL: none */
};

/* The text of a random resource of a type. */
struct str world_resource(struct oracle *o, const char *type, const char *id);

/* ---- questions (ask.c) ------------------------------------------------------------------------------------------ */

enum field_kind {
	FIELD_STRING,
	FIELD_TOKEN,
	FIELD_DATE,
	FIELD_NUMBER,
	FIELD_QUANTITY,
	FIELD_REFERENCE,
	FIELD_URI,
	FIELD_NEAR
};
struct field {
	const char *type, *param;
	enum field_kind kind;
};

enum ask_kind {
	ASK_VALUE,
	ASK_MISSING,
	ASK_COMPOSITE, /* values of both parts, in turn */
	ASK_CHAIN,
	ASK_HAS,
	ASK_ID,
	ASK_UPDATED,
	ASK_LIST,
	ASK_WORDS, /* _text, _content */
	ASK_AND, /* the rest only inside of _filter */
	ASK_OR,
	ASK_NOT
};

struct ask_value {
	const char *prefix; /* "" or "ge" */
	const char *system; /* NULL: not given */
	const char *code; /* the value itself: text, date, number, reference, code */
	const char *extra; /* quantity: unit; of-type: the identifier's value; NULL: not given */
};

enum { ASK_VALUES = 4, ASK_CHILDREN = 3 };
struct ask {
	enum ask_kind kind;
	struct field field;
	const char *modifier;
	struct ask_value values[ASK_VALUES];
	size_t value_count;
	const char *other; /* CHAIN: the type it leads to, "" when not said; HAS: the type that refers here */
	struct ask *children;
	size_t child_count;
	bool filter; /* said as _filter */
};

struct ask_sort {
	struct field field; /* param "_id" and "_lastUpdated" too */
	bool descending;
};
struct ask_include {
	const char *source, *param, *target; /* target NULL: any */
	bool reverse, iterate;
};

/* What whoever asks may see of a type: what meets the questions; nothing when there are none. */
enum { LIMITS = 4 };
struct limit {
	const char *type;
	struct ask asks[2];
	size_t ask_count;
	struct str query;
};

struct question {
	const char *type; /* NULL: several types */
	const char *types[3]; /* of _type */
	size_t type_count;
	const char *compartment, *compartment_id; /* NULL: none */
	struct ask asks[4];
	size_t ask_count;
	struct ask_sort sorts[2];
	size_t sort_count;
	struct ask_include includes[2];
	size_t include_count;
	unsigned count;
	struct str query; /* the query string */
	struct limit limits[LIMITS]; /* types without one may be seen */
	size_t limit_count;
};

void question_make(struct oracle *o, struct question *q);
/* Writes the query string again, after parts were taken away. */
void question_write(struct oracle *o, struct question *q);

/* ---- answers (naive.c) ------------------------------------------------------------------------------------------ */

struct naive_answer {
	const struct thing *matches[THING_COUNT]; /* in order */
	size_t match_count;
};
void naive_find(struct oracle *o, const struct question *q, struct naive_answer *answer);
/* What a page with these matches includes, in no order. */
size_t naive_include(struct oracle *o, const struct question *q, const struct thing *const *page, size_t count,
		     const struct thing **included);

/* naive_value.c: does an element found by a parameter's expression meet a value? element is one JSON value of a FHIR
 * type. */
bool naive_meets(struct oracle *o, const struct ask *ask, const struct ask_value *value, const struct fhir_type *type,
		 const struct json *element);
/* Text without case, accents and punctuation, of the words above. */
struct str naive_fold(struct arena *a, struct str text);
bool naive_date(const char *text, size_t n, int64_t *ret_low, int64_t *ret_high);
bool naive_date_compare(const char *prefix, int64_t low, int64_t high, int64_t value_low, int64_t value_high);
/* "Patient/p1" of a Reference, or STR_NULL. */
struct str naive_reference(const struct json *element);

#endif
