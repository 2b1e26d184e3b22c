/*
 * What the files of this room share. A terminology keeps what it learns in two tables by the address of a canonical
 * entry: systems (code systems made into images) and compiled value sets. Whoever finds an entry ready reads it without
 * a lock; making one happens under the lock, once.
 */
#ifndef FIRTH_TERMINOLOGY_TERMINOLOGY_PRIV_H
#define FIRTH_TERMINOLOGY_TERMINOLOGY_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "terminology/image_priv.h"
#include "terminology/terminology.h"

/* ---- ready things ------------------------------------------------------------------------------------------------ */

/* From addresses to addresses. Put under the lock, got by anybody at any time. */
struct ready_slots;
struct ready {
	_Atomic(struct ready_slots *) slots;
	size_t count;
};
void *ready_get(const struct ready *r, const void *key);
/* Memory comes from the arena and stays there. */
bool ready_put(struct ready *r, struct arena *a, const void *key, void *value, struct error *err) MUST_USE;

/* ---- code systems ------------------------------------------------------------------------------------------------ */

/* Systems that have rules instead of lists. Is the text one of its codes? */
struct rule_system {
	const char *url, *name;
	enum code_answer (*check)(struct str code);
	const char *unknown; /* why a code may be CODE_UNKNOWN */
};
const struct rule_system *rule_system_find(struct str url);

struct system {
	struct str url, version, name;
	const struct rule_system *rules; /* NULL: the image has the codes */
	struct image image;
	enum image_content content;
	char *bytes; /* the image's, when this terminology made it */
	const char *trouble; /* it is at hand but broken: why; nothing can be said then */
	struct system *next;
};
/* Codes that cannot be codes of a system because they do not have its form; asked only where its content is not at
 * hand: s is NULL or empty (form.c). */
bool code_form_wrong(const struct system *s, struct str system, struct str code);
/* An expression of SNOMED CT rather than the id of a concept: whether it is valid is not known here. */
bool code_is_expression(struct str system, struct str code);

/* The code system that url (and version, may be STR_NULL) names, as seen from `from`. NULL when there is none; *ret_why
 * then says so. Takes the lock when it has to make it; _locked when the caller holds it. */
const struct system *system_find(struct terminology *t, struct str url, struct str version,
				 const struct canonical *from);
const struct system *system_find_locked(struct terminology *t, struct str url, struct str version,
					const struct canonical *from);
/* Does the system have the code? *ret_id is IMAGE_NONE for systems with rules. */
enum code_answer system_has(const struct system *s, struct str code, uint32_t *ret_id);
/* Does any of its displays equal the text, case and white space aside? True when it has none. */
bool system_display_fits(const struct system *s, uint32_t id, struct str display);
bool display_equal(struct str a, struct str b);
/* Is a language tag the wanted one, or a narrower one? */
bool language_fits(struct str language, struct str wanted);
/* Fits a version the one that is asked for? "" and STR_NULL ask for nothing. */
bool system_version_fits(struct str version, struct str wanted);

/* A CodeSystem resource, with its supplements, as an image. */
bool code_system_make(struct image_maker *m, const struct json *resource, const struct json *const *supplements,
		      size_t supplement_count, struct error *err) MUST_USE;

/* ---- value sets -------------------------------------------------------------------------------------------------- */

enum filter_op {
	FILTER_EQUAL,
	FILTER_IS_A,
	FILTER_DESCENDENT_OF,
	FILTER_IS_NOT_A,
	FILTER_REGEX,
	FILTER_IN,
	FILTER_NOT_IN,
	FILTER_GENERALIZES,
	FILTER_EXISTS,
	FILTER_OPS
};

/* What a filter looks at. */
enum filter_on { ON_CODE, ON_DISPLAY, ON_DEFINITION, ON_DESIGNATION, ON_PARENT, ON_CHILD, ON_ANCESTOR, ON_PROPERTY };

struct regex;
struct filter {
	enum filter_op op;
	enum filter_on on;
	uint32_t definition; /* ON_PROPERTY */
	struct str value;
	uint32_t id; /* the concept that value names, where the operation needs one */
	const struct regex *regex;
	struct str trouble; /* why it cannot be evaluated, or STR_NULL */
};
/* Fills a filter from ValueSet.compose.include.filter. Only memory is an error: others are kept as trouble. */
bool filter_compile(struct arena *a, const struct system *s, const struct json *json, struct filter *ret_filter,
		    struct error *err) MUST_USE;
enum code_answer filter_passes(const struct filter *f, const struct system *s, uint32_t id);

struct value_set;

struct clause { /* one include or exclude */
	struct str system_url, version; /* url STR_NULL: only value sets */
	const struct system *system; /* NULL: not at hand */
	const struct json *concepts; /* the list, or NULL */
	struct map listed; /* code -> the concept of the list that has it */
	struct filter *filters;
	size_t filter_count;
	const struct value_set **imports;
	size_t import_count;
	struct str trouble; /* why no code can be judged, or STR_NULL */
};

struct value_set {
	struct str url, version, name;
	const struct json *json; /* NULL for implicit ones */
	struct clause *clauses; /* includes, then excludes */
	size_t include_count, clause_count;
	bool with_inactive, without_inactive; /* compose.inactive; neither when it does not say */
	bool from_expansion; /* there is no compose; the clauses list the codes of the expansion */
	bool compiling; /* only seen under the lock, by one that imports itself */
	struct str trouble;
	const struct canonical *entry;
	struct value_set *outer, *next;
};

/* The value set, compiled; NULL when there is none or no memory (err tells which). */
const struct value_set *value_set_find(struct terminology *t, struct str canonical, const struct canonical *from,
				       struct error *err);
/* One that is not among the canonicals, such as a file or a parameter; lives as long as the terminology. */
const struct value_set *value_set_take(struct terminology *t, const struct json *json, const struct canonical *from,
				       struct error *err);

/* The definition of a value set that its URL spells out, in the arena; NULL when it is none. */
const struct json *implicit_value_set(struct terminology *t, struct str canonical, const struct canonical *from,
				      struct error *err);
/* A ValueSet.compose for an expression constraint of SNOMED CT. ERR_VALUE where it is malformed, ERR_NOT_SUPPORTED for
 * what a composition cannot say. */
bool ecl_write_compose(struct json_writer *w, struct str ecl, struct str version, struct error *err) MUST_USE;
/* Whether a URL may spell one out; cheap. */
bool implicit_possible(const struct terminology *t, struct str canonical);

struct hit {
	enum code_answer answer;
	enum code_reason reason; /* of CODE_UNKNOWN and CODE_NOT_IN */
	struct str detail; /* in long-lived memory or in the arena */
	const struct system *system;
	struct str system_url;
	uint32_t id; /* in the system, IMAGE_NONE when it is not known there */
	const struct json *listed; /* the concept of the list that named it, or NULL */
};
/* Is the code in? system STR_NULL: of any system. */
struct hit value_set_contains(const struct value_set *vs, struct arena *a, struct str system, struct str version,
			      struct str code);
struct hit clause_contains(const struct clause *c, struct arena *a, struct str system, struct str version,
			   struct str code);
/* Does the concept pass all filters and imports of the clause? It is one of clause->system. */
struct hit clause_passes(const struct clause *c, struct arena *a, uint32_t id);

/* ---- Parameters -------------------------------------------------------------------------------------------------- */

void parameters_begin(struct json_writer *w);
void parameters_end(struct json_writer *w);
/* {"name":...,KEY: what the caller writes next, closed by json_object_end. */
void parameter_begin(struct json_writer *w, struct str name, struct str key);
/* {"name":...,"part":[ ... closed by parameter_parts_end. */
void parameter_parts_begin(struct json_writer *w, struct str name);
void parameter_parts_end(struct json_writer *w);
/* Nothing for STR_NULL. key: "valueString", "valueCode" ... */
void parameter_text(struct json_writer *w, struct str name, struct str key, struct str text);
void parameter_bool(struct json_writer *w, struct str name, bool value);
/* A coding; the version is left out when it is empty. */
void parameter_coding(struct json_writer *w, struct str name, struct str system, struct str version, struct str code,
		      struct str display);

struct terminology {
	const struct canonicals *canonicals;
	pthread_mutex_t lock;
	struct arena arena;
	struct ready systems, value_sets; /* by canonical entry */
	struct system *loaded, *made; /* given as images; made here */
	struct value_set *sets;
	struct map implicit; /* value sets that URLs spell out, by URL; under the lock */
	struct map all_codes; /* CodeSystem.valueSet -> the entry of the CodeSystem; filled at the start */
	struct value_set *compiling; /* the innermost one, the others behind it by outer */
	unsigned depth;
};

#endif
