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

/* What of the parameter's element a row holds. Criteria without a modifier that says otherwise look at ROW_PLAIN. */
enum row_variant {
	ROW_PLAIN,
	ROW_OF_TYPE, /* an identifier with a type, for :of-type: system and code of the type, its value in text */
	ROW_IDENTIFIER, /* the Reference.identifier of a reference, for :identifier: system, and its value in code */
	ROW_REMOVED, /* List, item: a reference that only entries marked as deleted have */
	ROW_PRESENT /* an element that gives no plain row, for :missing alone: a concept that is a text, a reference by
		     * identifier; code is empty */
};

/* Which fields are set depends on the type of the parameter. A quantity fills system, code (or unit) and the number. */
struct index_row {
	const struct search_param *param;
	enum row_variant variant;
	uint32_t element; /* of repeating elements that a composite parameter pairs inside of: which one, from 1; else 0
			   */
	struct str system; /* token, quantity: STR_NULL when the coding had none */
	struct str code; /* token, quantity; string: folded text (no case, no accents); uri; absolute reference */
	struct str unit; /* quantity: the human unit when it differs from code, else STR_NULL */
	struct str text; /* string: as written, which :exact compares; ROW_OF_TYPE: the identifier's value */
	struct str ref_type, ref_id; /* reference to a resource of this server */
	int64_t low, high; /* date: closed range in ms; INT64_MIN, INT64_MAX for open ends */
	double number; /* number, quantity: the value; of a Range its middle, or the end it has: what sorting uses */
	double number_low, number_high; /* closed range of values: both number, or the ends of a Range, +-INFINITY if
					 * open. near: latitude and longitude in degrees */
	/* Quantities in a UCUM unit that converts: the base units (unit_write_canonical), and the same three numbers in
	 * them. STR_NULL otherwise. */
	struct str canonical;
	double canonical_number, canonical_low, canonical_high;
};

struct index_rows {
	struct index_row *rows;
	size_t count;
	size_t capacity;
};

/* ---- which parameters there are ---------------------------------------------------------------------------------- */

/*
 * The parameters of the definitions and those of SearchParameter resources that were added to them. A registry never
 * changes; whoever adds a parameter makes a new one. NULL stands for the definitions alone, everywhere. The parameters
 * live as long as their registry.
 *
 * To add a parameter without stopping: make a registry with it and an extractor of that registry for all that is
 * written from now on; extract what was written before once more (search_registry_added() says which types); and when
 * that is complete, parse queries with the new registry.
 */
struct search_registry;

/* Only resources whose status is active count. Errors name the parameter: ERR_REQUIRED, ERR_VALUE for an element that
 * is missing or wrong (an expression that does not compile with its reason), ERR_CONFLICT when a type has another
 * parameter of that code already, ERR_NOT_SUPPORTED for what cannot be searched, ERR_LIMIT past 1,000 parameters. Where
 * a type has the same parameter already, that one stays. The resources are not needed afterwards. */
struct search_registry *search_registry_new(const struct definitions *d, const struct json *const *resources,
					    size_t count, struct error *err) MUST_USE;
void search_registry_free(struct search_registry *r);
/* Would the resource do, beside the parameters of a registry but those of its own url? The same errors. *ret_types:
 * what it would be given to, 0 when it only repeats what there is (parts of composites count as well). */
bool search_registry_check(const struct definitions *d, const struct search_registry *r, const struct json *resource,
			   size_t *ret_types, struct error *err) MUST_USE;

/* A parameter of a type by its code, or NULL. */
const struct search_param *search_registry_param(const struct search_registry *r, const struct fhir_type *type,
						 struct str code);
/* Can it be asked for? What a server may claim to support. */
bool search_param_supported(const struct search_param *param);
/* All parameters of a type: first those of the definitions. Some of the others have a code with a $ in it: they hold
 * the parts of a composite, and cannot be asked for. */
size_t search_registry_count(const struct search_registry *r, const struct fhir_type *type);
const struct search_param *search_registry_at(const struct search_registry *r, const struct fhir_type *type,
					      size_t index);

/* Parameters that give rows by `now` and did not, or other rows, by `before`. */
struct search_added {
	const struct fhir_type *type;
	const struct search_param *param;
};
bool search_registry_added(const struct definitions *d, const struct search_registry *now,
			   const struct search_registry *before, struct arena *a, struct search_added **ret_added,
			   size_t *ret_count, struct error *err) MUST_USE;

/* ---- extraction ------------------------------------------------------------------------------------------------- */

/* An extractor holds the compiled expressions of all search parameters: one per registry, any thread. The registry has
 * to live longer. */
struct extractor;
struct extractor *extractor_new(const struct definitions *d, struct error *err) MUST_USE;
struct extractor *extractor_new_registry(const struct definitions *d, const struct search_registry *r,
					 struct error *err) MUST_USE;
void extractor_free(struct extractor *x);

/* All index rows of a resource, text in arena a, in the document, or in the
 * extractor. base is this server's own base URL, so absolute
 * references to ourselves count as local; STR_NULL for none. Equal rows appear once. */
bool extract(const struct extractor *x, struct arena *a, const struct json *resource, struct str base,
	     struct index_rows *ret_rows, struct error *err) MUST_USE;

/* Does the row refer to a resource of the compartment's type by one of the parameters that put resources of the
 * member's type into it? */
bool row_enters(const struct index_row *row, const struct compartment *compartment,
		const struct compartment_member *member);

/* The one resource of the compartment's type in whose compartment a resource with these rows is; itself when it is of
 * that type. Empty when there is none, or several: to none of them alone it would belong. Text of the rows, or id. */
struct str compartment_owner(const struct compartment *compartment, const struct fhir_type *type, struct str id,
			     const struct index_row *rows, size_t count);

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

/* :in and :above of tokens are answered while parsing: their criterion is plain and has the codes as its values;
 * :not-in is MOD_NOT with these. :above of a uri has the URLs above it as values, :above of a canonical its versions. A
 * reference to a resource with :above or :below is OR of itself and chains along the references of the hierarchy. */
enum search_modifier {
	MOD_NONE,
	MOD_EXACT,
	MOD_CONTAINS,
	MOD_MISSING,
	MOD_NOT,
	MOD_TYPE,
	MOD_TEXT, /* token: the texts beside the code; decided by the body */
	MOD_IDENTIFIER, /* reference: rows of ROW_IDENTIFIER, met as tokens */
	MOD_OF_TYPE, /* token: rows of ROW_OF_TYPE */
	MOD_BELOW, /* uri: equal to the value or below it in the hierarchy of paths; reference: a canonical that is the
		    * value, URL|version, or whose version goes on after it at a dot */
	MOD_REMOVED, /* HAS, for _list: rows of ROW_REMOVED instead of plain ones */
	/* string, in _filter only; the value is folded: */
	MOD_ENDS, /* the folded row ends with the value (ew) */
	MOD_EQUAL /* the folded row is the value (eq) */
};

/* One value of a comma list: alternatives. */
struct search_value {
	enum search_prefix prefix;
	struct str system; /* token, quantity: STR_NULL = any system; empty = explicitly no system ("|code") */
	struct str code; /* token, quantity: STR_NULL = any code of the system; string: folded (exact: as given); uri;
			    absolute reference; MOD_TEXT and body criteria: folded words */
	struct str text; /* MOD_OF_TYPE: the identifier's value, beside system and code of its type */
	struct str ref_type; /* reference: STR_NULL = any of the parameter's targets */
	struct str ref_id;
	int64_t low, high; /* date: the closed range of the value; with PREFIX_AP already widened */
	double number; /* number, quantity: the value itself, which prefixes but eq, ne and ap compare.
			* near: the distance in metres */
	double number_low, number_high; /* its precision as [low, high); with PREFIX_AP the closed widened range.
					 * near: latitude and longitude of the place in degrees */
	struct str canonical; /* quantity in a UCUM unit that converts: the base units; the three numbers are in them
			       * and are compared with the canonical ones of rows. Otherwise STR_NULL */
	bool missing; /* MOD_MISSING: the wanted answer */
};

enum criterion_kind {
	CRITERION_PARAM, /* the rows of one parameter against values */
	CRITERION_COMPOSITE, /* children: one PARAM per component, all met by the same element */
	CRITERION_ID,
	CRITERION_LAST_UPDATED,
	CRITERION_CHAIN, /* param, a reference, leads to a resource that meets one of the inner parts */
	CRITERION_HAS, /* a resource that meets one of the inner parts refers here by param, which is of its type */
	CRITERION_AND, /* children, all of them; without any: always true */
	CRITERION_OR, /* children, one of them */
	CRITERION_NOT, /* of the only child */
	CRITERION_NONE, /* matches nothing: an empty value set */
	CRITERION_NARRATIVE, /* _text: decided by the body */
	CRITERION_CONTENT /* _content: decided by the body */
};

/* The values of a criterion are joined by OR. */
struct criterion {
	enum criterion_kind kind;
	const struct search_param *param; /* PARAM, COMPOSITE (the composite itself), CHAIN, HAS */
	enum search_modifier modifier; /* PARAM */
	struct search_value *values; /* PARAM, ID, LAST_UPDATED, NARRATIVE, CONTENT */
	size_t value_count;
	struct criterion *children; /* COMPOSITE, AND, OR, NOT */
	size_t child_count;
	struct search_part *inner; /* CHAIN: one for each possible type of target; HAS: one */
	size_t inner_count;
};

/* The resources of one type that meet all criteria. */
struct search_part {
	const struct fhir_type *type;
	struct criterion *criteria;
	size_t criterion_count;
};

/* Can index rows not decide it, so that search_body_meets() has to? True for trees that hold such a criterion of the
 * same resource (the inner parts of CHAIN and HAS are questions about other resources). */
bool criterion_needs_body(const struct criterion *c);

enum sort_kind { SORT_ID, SORT_LAST_UPDATED, SORT_PARAM };
struct search_sort {
	enum sort_kind kind;
	/* SORT_PARAM: of the first part's type. In a search over several types, the parameter of that code of each
	 * part's own type, and resources of types without it sort as those without a value. */
	const struct search_param *param;
	bool descending;
};

/* _include=Observation:subject[:Patient]; param NULL means "*". */
struct search_include {
	const struct fhir_type *source; /* the type that holds the reference; NULL: any ("_revinclude=*") */
	const struct search_param *param;
	struct str target; /* STR_NULL: any */
	bool reverse; /* _revinclude */
	bool iterate;
};

enum search_total { TOTAL_DEFAULT, TOTAL_NONE, TOTAL_ESTIMATE, TOTAL_ACCURATE };
enum search_summary { SUMMARY_FALSE, SUMMARY_TRUE, SUMMARY_TEXT, SUMMARY_DATA, SUMMARY_COUNT };

/* A parameter that lenient handling dropped: its name as given, and one line on why. */
struct search_ignored {
	struct str name, reason;
};

#define SEARCH_COUNT_DEFAULT 50
#define SEARCH_COUNT_MAX     1000

/*
 * What whoever asks may see: of each type the resources that meet a criterion. To such a query all others are not
 * there: they match nothing, are no end of a chain or a _has, do not come by includes and are not counted. The
 * criterion itself is about all resources, also where it looks at others.
 */
enum search_sight { SIGHT_SEARCHED, SIGHT_INCLUDED };
struct search_access {
	const struct definitions *definitions;
	/* For what a search looks at, or for what comes by includes. NULL: all of the type. The same answer each time,
	 * from any thread, valid as long as the access. */
	const struct criterion *(*of)(void *ctx, const struct fhir_type *type, enum search_sight sight);
	void *ctx;
};
/* NULL as above, also without an access. */
const struct criterion *search_access_of(const struct search_access *access, const struct fhir_type *type,
					 enum search_sight sight);

/* The answer is what meets any of the parts; no two parts have the same type. */
struct search_query {
	const struct search_access *access; /* NULL: everything may be seen */
	struct search_part *parts;
	size_t part_count;
	struct search_sort *sorts;
	size_t sort_count;
	struct search_include *includes;
	size_t include_count;
	int64_t count; /* _count, clamped; 0 = only the total */
	enum search_total total;
	enum search_summary summary;
	bool explain; /* _explain=true: whoever may is told how it was answered */
	struct str *elements; /* _elements: names of top elements to keep; none: all */
	size_t element_count;
	struct str self; /* the parameters actually used, encoded again in order, without _cursor: for links */
	struct str cursor; /* value of _cursor, STR_NULL on the first page */
	struct search_ignored *ignored;
	size_t ignored_count;
	/* Resources that would have to be followed farther than :above and :below of references go: when any meets its
	 * part, the query is refused (ERR_LIMIT) by whoever answers it. */
	struct search_part *beyond;
	size_t beyond_count;
};
enum { SEARCH_HIERARCHY_DEPTH = 16 }; /* steps between the ends of a hierarchy */

/* ---- what parsing asks others ---------------------------------------------------------------------------------- */

struct search_code {
	struct str system, code;
};

/* Terminology, by whoever has it. Codes go into the arena. An error is the answer to the whole query: ERR_NOT_FOUND for
 * a value set or code system that is not known, ERR_LIMIT when there are more than max codes. */
struct search_terminology {
	void *ctx;
	/* :in, :not-in. value_set: a canonical URL or the reference ValueSet/id. */
	bool (*expand)(void *ctx, struct arena *a, struct str value_set, size_t max, struct search_code **ret_codes,
		       size_t *ret_count, struct error *err);
	/* :above, :below of one code, itself included. */
	bool (*related)(void *ctx, struct arena *a, const struct search_code *code, bool below, size_t max,
			struct search_code **ret_codes, size_t *ret_count, struct error *err);
};

struct search_options {
	bool lenient; /* Prefer: handling=lenient: drop unknown parameters instead of refusing */
	struct str base; /* own base URL, to recognise absolute references to ourselves */
	int64_t now_ms; /* what `ap` measures the distance of dates from; 0: dates are not widened */
	const struct search_terminology *terminology; /* NULL: its modifiers are refused */
	unsigned count_max; /* what a larger _count becomes; 0: SEARCH_COUNT_MAX */
	const struct search_registry *registry; /* NULL: the parameters of the definitions */
	/* Parameters that are not ready yet, NULL: none. Queries that use one are refused (ERR_NOT_SUPPORTED) with
	 * these words: "120 of 5000 resources are done". */
	const struct search_registry *adding;
	struct str adding_progress;
	unsigned chain_depth; /* how often chains and _has may follow each other; 0 = 5 */
};

/* Where a query is asked. */
struct search_scope {
	const struct fhir_type *type; /* NULL: the whole system, or all types of the compartment */
	const struct fhir_type *compartment; /* NULL: none. "Patient" of Patient/1/Observation */
	struct str compartment_id;
};

/* Does the parameter shape the result instead of choosing resources, as _count does? Without its modifier. */
bool search_is_control(struct str name);

/* Parses an application/x-www-form-urlencoded query. Errors name the parameter, never its value: ERR_UNKNOWN_PARAM,
 * ERR_VALUE, ERR_NOT_SUPPORTED, ERR_LIMIT. */
bool search_parse(const struct definitions *d, struct arena *a, const struct fhir_type *type, struct str query,
		  const struct search_options *options, struct search_query *ret_query, struct error *err) MUST_USE;

/* The same anywhere. Without a type, _type names the types (comma list); without _type it is all of them, and only
 * parameters that all of them have are known. ERR_NOT_FOUND for a type that has no such compartment. */
bool search_parse_scope(const struct definitions *d, struct arena *a, const struct search_scope *scope,
			struct str query, const struct search_options *options, struct search_query *ret_query,
			struct error *err) MUST_USE;

/* ---- meaning -------------------------------------------------------------------------------------------------- */

/*
 * Does a resource match a query? The plainest possible statement of what a store must answer; stores are tested against
 * it. A PARAM criterion holds when any row of its parameter (and of the variant that its modifier means) meets any of
 * its values:
 *
 *   missing    the resource has neither a plain row of the parameter nor one of ROW_PRESENT (true), or has one (false)
 *   not        no row meets any value; resources without any row match too
 *   string     the folded row starts with the value; contains: has it inside; ends: ends with it; equal: is it; exact:
 *              the text as written is equal
 *   token      code equal (value code NULL: any) and system equal (NULL: any, empty: the row has none); by bytes.
 *              of-type: row of ROW_OF_TYPE, system and code so, and text equal. text: by the body, see below
 *   uri        equal by bytes. below: equal, or the row goes on after the value at a slash
 *   reference  local: id equal, and type equal when the value has one; otherwise the whole URL equal. below: equal, or
 *              the row goes on after the value at a dot.
 *              identifier: row of ROW_IDENTIFIER, as a token
 *   number     row range r, value v with precision [l, h): eq l <= r.low and r.high < h; ne: not eq;
 *              gt r.high > v; ge r.high >= v; lt r.low < v; le r.low <= v; sa r.low > v; eb r.high < v;
 *              ap: r overlaps v widened by a tenth of itself to both sides, and by its precision if that is more
 *   quantity   a value with `canonical`: as number between its numbers and the row's canonical ones, and canonical
 *              units equal (a row without them does not meet it). Otherwise as number as written, and system equal
 *              unless NULL or empty, and code equal to the row's code, or, when the value has no system, to its code
 *              or unit
 *   date       row range r, value range v: eq v contains r; ne: not eq; gt r ends after v; lt r starts before v;
 *              ge: gt or eq; le: lt or eq; sa r starts after v's end; eb r ends before v's start;
 *              ap: r overlaps v widened by a tenth of its distance from now (R4 search.html#prefix)
 *   near       the great circle between the row's place and the value's is no longer than its distance (a sphere of
 *              6,371,008.8 m)
 *
 * ne, like the other prefixes, needs a row to be true. The other criteria:
 *
 *   COMPOSITE  there is a number e so that every child has a row that meets it and is of element e; children whose
 *              component is `whole` take any row
 *   ID         the id is one of the values' codes
 *   LAST_UPDATED  as date, of an instant
 *   CHAIN      a plain row of param refers to a local resource that is current, has the type of an inner part and meets
 *              all of its criteria
 *   HAS        a current resource of the type of the inner part has a plain row of param that refers to this one, and
 *              meets all criteria of the inner part
 *   AND OR NOT NONE  as named
 *   PARAM with :text, NARRATIVE, CONTENT  search_body_meets()
 *
 * _list=42 is HAS of the List whose id is 42 by its parameter item, and not the same by ROW_REMOVED. Compartments are
 * OR over references and ID.
 */
struct search_resource {
	const struct fhir_type *type;
	struct str id;
	int64_t updated_ms;
	const struct index_rows *rows;
	const struct json *body; /* NULL: criteria that need it do not hold */
};

/* All current resources, for CHAIN and HAS; NULL: there are no others. */
struct search_world {
	const struct search_resource *resources;
	size_t count;
	const struct search_access *access; /* which of them are there for whoever asks; NULL: all */
};

/* With a world that has an access, only what may be seen matches. */
bool search_part_matches(const struct search_part *part, const struct search_resource *resource,
			 const struct search_world *world);
/* Does any part of the query match? */
bool search_resource_matches(const struct search_query *query, const struct search_resource *resource,
			     const struct search_world *world);
/* The same for a query with one part and criteria about the resource alone. */
bool search_matches(const struct search_query *query, const struct index_rows *rows, struct str id, int64_t updated_ms);

/*
 * Any criterion, above all one for which criterion_needs_body() holds, decided from the parsed resource and its rows.
 * Texts are folded (base/fold.h) and taken apart at spaces; a value is met when its words stand one after the other in
 * a text, the last of them possibly only begun:
 *
 *   PARAM :text  texts beside the codes of the parameter's elements: CodeableConcept.text, Coding.display,
 *                Identifier.type.text and the displays of its codings
 *   NARRATIVE    the text of the resource's narrative, tags removed
 *   CONTENT      any string of the resource, and the narrative
 *
 * CHAIN and HAS are asked of the resources of `world` and their bodies. False only on failure.
 */
bool search_body_meets(const struct extractor *x, struct arena *a, const struct criterion *c,
		       const struct search_resource *resource, const struct search_world *world, bool *ret_meets,
		       struct error *err) MUST_USE;

/*
 * Words for an index over texts. The words of a resource are those of all its strings and its narrative, folded; each
 * has a key, which is what an index keeps. A resource that meets a text criterion (:text, NARRATIVE, CONTENT) has, for
 * one of its values, the key of each of the value's words: of all but the last the key itself, of the last, which may
 * be only begun, one that starts with it. The other way round says nothing: search_body_meets() decides.
 */
enum { SEARCH_WORD_KEY = 24, SEARCH_NUMBER_KEY = 3 }; /* bytes; the second of words with digits at the start */
struct search_word {
	struct str key; /* part of the word */
	bool begun; /* keys that start with it are wanted as well */
};
struct search_word search_word_key(struct str word, bool begun);
/* Gives each word of the resource, some several times. Memory comes from a. */
typedef bool search_word(void *ctx, const struct search_word *word, struct error *err);
bool search_words_of(struct arena *a, const struct json *resource, search_word *word, void *ctx,
		     struct error *err) MUST_USE;

/* May the resource be seen? By the body where index rows cannot decide it. False only on failure. */
bool search_access_meets(const struct extractor *x, struct arena *a, const struct search_access *access,
			 const struct search_resource *resource, const struct search_world *world, bool *ret_meets,
			 struct error *err) MUST_USE;

/* The prefixes of that table for one range of instants or numbers: the one place where they are decided, for stores
 * too; and the distance of two places in metres. */
bool search_date_meets(int64_t low, int64_t high, const struct search_value *v);
bool search_number_meets(double low, double high, const struct search_value *v);
double search_distance(double latitude_a, double longitude_a, double latitude_b, double longitude_b);
/* MOD_BELOW of references: the canonical is the value, or goes on after it at a dot of its version. */
bool search_version_below(struct str canonical, struct str value);
/* MOD_BELOW of uris. */
bool search_uri_below(struct str uri, struct str value);

#endif
