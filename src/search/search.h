/*
 * What a search means, without knowing how it is stored. Two halves: extraction turns a resource into index rows when
 * it is written; parsing turns a query string into criteria when it is searched. Both follow
 * http://hl7.org/fhir/R4/search.html, and a store that matches rows against criteria needs no FHIR of its own. Pure.
 */
#ifndef FIRTH_SEARCH_SEARCH_H
#define FIRTH_SEARCH_SEARCH_H

#include "base/arena.h"
#include "base/fold.h"
#include "fhir/definitions.h"
#include "json/json.h"

/* ---- index rows ---------------------------------------------------------------------------------------------- */

/* Which fields are set depends on the type of the parameter. A quantity fills system, code (or unit) and the number. */
struct index_row {
	const struct search_param *param;
	struct str system; /* token, quantity: STR_NULL when the coding had none */
	struct str code; /* token, quantity; string: folded text (no case, no accents); uri; absolute reference */
	struct str unit; /* quantity: the human unit when it differs from code, else STR_NULL */
	struct str text; /* string: as written, which :exact compares */
	struct str ref_type, ref_id; /* reference to a resource of this server */
	int64_t low, high; /* date: closed range in ms; INT64_MIN, INT64_MAX for open ends */
	double number; /* number, quantity: the value; of a Range its middle, or the end it has: what sorting uses */
	double number_low,
		number_high; /* closed range of values: both number, or the ends of a Range, +-INFINITY if open */
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
	int64_t low, high; /* date: the closed range of the value; with PREFIX_AP already widened */
	double number; /* number, quantity: the value itself, which prefixes but eq, ne and ap compare */
	double number_low, number_high; /* its precision as [low, high); with PREFIX_AP the closed widened range */
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
	struct str self; /* the parameters actually used, encoded again in order, without _cursor: for links */
	struct str cursor; /* value of _cursor, STR_NULL on the first page */
	struct str ignored; /* comma list of parameter names that lenient handling dropped, or STR_NULL */
};

struct search_options {
	bool lenient; /* Prefer: handling=lenient: drop unknown parameters instead of refusing */
	struct str base; /* own base URL, to recognise absolute references to ourselves */
	int64_t now_ms; /* what `ap` measures the distance of dates from; 0: dates are not widened */
};

/* Parses an application/x-www-form-urlencoded query. Errors name the parameter, never its value: ERR_UNKNOWN_PARAM,
 * ERR_VALUE, ERR_NOT_SUPPORTED, ERR_LIMIT. */
bool search_parse(const struct definitions *d, struct arena *a, const struct fhir_type *type, struct str query,
		  const struct search_options *options, struct search_query *ret_query, struct error *err) MUST_USE;

/* ---- meaning -------------------------------------------------------------------------------------------------- */

/*
 * Does a resource with these index rows match all criteria of a query? The plainest possible statement of what a store
 * must answer; stores are tested against it. A criterion holds when any row of its parameter meets any of its values:
 *
 *   missing    the resource has no row of the parameter (true) or has one (false)
 *   not        no row meets any value; resources without any row match too
 *   string     the folded row starts with the value; contains: has it inside; exact: the text as written is equal
 *   token      code equal (value code NULL: any) and system equal (NULL: any, empty: the row has none); by bytes
 *   uri        equal by bytes
 *   reference  local: id equal, and type equal when the value has one; otherwise the whole URL equal
 *   number     row range r, value v with precision [l, h): eq l <= r.low and r.high < h; ne: not eq;
 *              gt r.high > v; ge r.high >= v; lt r.low < v; le r.low <= v; sa r.low > v; eb r.high < v;
 *              ap: r overlaps v widened by a tenth of itself to both sides, and by its precision if that is more
 *   quantity   as number, and system equal unless NULL, and code equal to the row's code, or, when the value has no
 *              system, to its code or unit
 *   date       row range r, value range v: eq v contains r; ne: not eq; gt r ends after v; lt r starts before v;
 *              ge: gt or eq; le: lt or eq; sa r starts after v's end; eb r ends before v's start;
 *              ap: r overlaps v widened by a tenth of its distance from now (R4 search.html#prefix)
 *
 * ne, like the other prefixes, needs a row to be true.
 */
bool search_matches(const struct search_query *query, const struct index_rows *rows, struct str id, int64_t updated_ms);

/* The prefixes of that table for one range of instants or numbers: the one place where they are decided, for stores
 * too. */
bool search_date_meets(int64_t low, int64_t high, const struct search_value *v);
bool search_number_meets(double low, double high, const struct search_value *v);

#endif
