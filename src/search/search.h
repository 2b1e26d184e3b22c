/*
 * What a search means, without knowing how it is stored. Two halves: extraction turns a resource into index rows when
 * it is written; parsing turns a query string into criteria when it is searched. Both follow
 * http://hl7.org/fhir/R4/search.html, and a store that matches rows against criteria needs no FHIR of its own. Pure.
 */
#ifndef FIRTH_SEARCH_SEARCH_H
#define FIRTH_SEARCH_SEARCH_H

#include "base/arena.h"
#include "fhir/definitions.h"
#include "json/json.h"

/* ---- index rows ---------------------------------------------------------------------------------------------- */

/* Which fields are set depends on the type of the parameter. A quantity fills system, code (or unit) and the number. */
struct index_row {
	const struct search_param *param;
	struct str system; /* token, quantity: STR_NULL when the coding had none */
	struct str code; /* token, quantity; string: folded text (no case, no accents); uri; absolute reference */
	struct str unit; /* quantity: the human unit when it differs from code */
	struct str ref_type, ref_id; /* reference to a resource of this server */
	int64_t low, high; /* date: closed range in ms; INT64_MIN, INT64_MAX for open ends */
	double number, number_low, number_high; /* number and quantity: value and precision interval */
};

struct index_rows {
	struct index_row *rows;
	size_t count;
	size_t capacity;
};

/* An extractor holds the compiled expressions of all search parameters: one per process, any thread. */
struct extractor;
struct extractor *extractor_new(const struct definitions *d, struct error *err) MUST_USE;
void extractor_free(struct extractor *x);

/* All index rows of a resource, text in arena a or in the document. base is this server's own base URL, so absolute
 * references to ourselves count as local; STR_NULL for none. Equal rows appear once. */
bool extract(const struct extractor *x, struct arena *a, const struct json *resource, struct str base,
	     struct index_rows *ret_rows, struct error *err) MUST_USE;

/* The folding that string parameters are compared by: compatibility caseless, marks removed, white space and
 * punctuation runs as one space. */
struct str search_fold(struct arena *a, struct str text);

/* ---- queries -------------------------------------------------------------------------------------------------- */

enum search_prefix {
	PREFIX_EQ,
	PREFIX_NE,
	PREFIX_GT,
	PREFIX_LT,
	PREFIX_GE,
	PREFIX_LE,
	PREFIX_SA,
	PREFIX_EB,
	PREFIX_AP
};
enum search_modifier { MOD_NONE, MOD_EXACT, MOD_CONTAINS, MOD_MISSING, MOD_NOT, MOD_TYPE, MOD_TEXT, MOD_IDENTIFIER };

/* One value of a comma list: alternatives. */
struct search_value {
	enum search_prefix prefix;
	struct str system; /* token, quantity: STR_NULL = any system; empty = explicitly no system ("|code") */
	struct str code; /* token, quantity: STR_NULL = any code of the system; string: folded (exact: as given); uri;
			    absolute reference */
	struct str ref_type; /* reference: STR_NULL = any of the parameter's targets */
	struct str ref_id;
	int64_t low, high;
	double number, number_low, number_high;
	bool missing; /* MOD_MISSING: the wanted answer */
};

enum criterion_kind { CRITERION_PARAM, CRITERION_ID, CRITERION_LAST_UPDATED };

/* Criteria are joined by AND, their values by OR. */
struct criterion {
	enum criterion_kind kind;
	const struct search_param *param; /* CRITERION_PARAM */
	enum search_modifier modifier;
	struct search_value *values;
	size_t value_count;
};

enum sort_kind { SORT_ID, SORT_LAST_UPDATED, SORT_PARAM };
struct search_sort {
	enum sort_kind kind;
	const struct search_param *param;
	bool descending;
};

/* _include=Observation:subject[:Patient]; param NULL means "*". */
struct search_include {
	const struct fhir_type *source; /* the type that holds the reference */
	const struct search_param *param;
	struct str target; /* STR_NULL: any */
	bool reverse; /* _revinclude */
	bool iterate;
};

enum search_total { TOTAL_DEFAULT, TOTAL_NONE, TOTAL_ESTIMATE, TOTAL_ACCURATE };

#define SEARCH_COUNT_DEFAULT 50
#define SEARCH_COUNT_MAX     1000

struct search_query {
	const struct fhir_type *type;
	struct criterion *criteria;
	size_t criterion_count;
	struct search_sort *sorts;
	size_t sort_count;
	struct search_include *includes;
	size_t include_count;
	int64_t count; /* _count, clamped; 0 = only the total */
	enum search_total total;
	bool summary_count;
	struct str self; /* the parameters actually used, encoded again in order: what the self link shows */
	struct str cursor; /* value of _cursor, STR_NULL on the first page */
	struct str ignored; /* comma list of parameter names that lenient handling dropped, or STR_NULL */
};

struct search_options {
	bool lenient; /* Prefer: handling=lenient: drop unknown parameters instead of refusing */
	struct str base; /* own base URL, to recognise absolute references to ourselves */
};

/* Parses an application/x-www-form-urlencoded query. Errors name the parameter, never its value: ERR_UNKNOWN_PARAM,
 * ERR_VALUE, ERR_NOT_SUPPORTED, ERR_LIMIT. */
bool search_parse(const struct definitions *d, struct arena *a, const struct fhir_type *type, struct str query,
		  const struct search_options *options, struct search_query *ret_query, struct error *err) MUST_USE;

#endif
