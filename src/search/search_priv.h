/* What the files of this room share: values to rows, planned and plain extraction, query values. */
#ifndef FIRTH_SEARCH_PRIV_H
#define FIRTH_SEARCH_PRIV_H

#include "fhir/resource.h"
#include "fhirpath/fhirpath.h"
#include "search/search.h"
#include "units/units.h"

/* ---- values to rows -------------------------------------------------------------------------------------------- */

/* How a FHIR type is looked at when it is indexed. */
enum value_class {
	VALUE_NONE, /* not indexed */
	VALUE_BOOLEAN,
	VALUE_STRING,
	VALUE_CODE,
	VALUE_URI,
	VALUE_CANONICAL,
	VALUE_NUMBER,
	VALUE_DATE,
	VALUE_CODING,
	VALUE_CONCEPT,
	VALUE_IDENTIFIER,
	VALUE_CONTACT,
	VALUE_NAME,
	VALUE_ADDRESS,
	VALUE_PERIOD,
	VALUE_TIMING,
	VALUE_REFERENCE,
	VALUE_QUANTITY,
	VALUE_MONEY,
	VALUE_RANGE,
	VALUE_POSITION,
	VALUE_EXTENSION,
	VALUE_RESOURCE
};

enum value_class value_class_of(const struct fhir_type *type);

/* A parameter together with what is known of the values it meets at one place. */
struct leaf {
	const struct search_param *param;
	const struct fhir_type *type;
	enum value_class class;
	struct str system; /* of codes: the one that their required binding implies, or STR_NULL */
	bool paired; /* a composite parameter pairs it with others inside of an element */
};

/* ---- canonical units ------------------------------------------------------------------------------------------- */

enum { CANONICAL_CODE_MAX = 64, UNIT_CACHE_SIZE = 512, UNIT_CACHE_TRIES = 8 };

/* A UCUM unit whose values have a place on the scale of its base units. */
struct canonical_unit {
	struct unit unit;
	char code[CANONICAL_CODE_MAX], base[UNIT_CANONICAL_MAX];
	size_t code_size, base_size;
	bool converts;
	bool quick; /* one of it is factor * 10^exponent of the base units */
	uint64_t factor;
	int exponent;
};
/* False for codes that are no unit, too long, or whose scale does not rise with the base units'. */
bool canonical_unit_read(struct str code, struct canonical_unit *ret_unit) MUST_USE;
bool canonical_value(const struct canonical_unit *u, const struct decimal *value, double *ret_value) MUST_USE;
/* The same of a number as written, whose nearest double is known. */
bool canonical_number(const struct canonical_unit *u, struct str number, double as_written, double *ret_value) MUST_USE;

/* A number of at most 15 digits without an exponent: whole * 10^exponent. */
struct quick_number {
	uint64_t whole;
	int exponent;
	bool negative;
};
bool quick_number_read(struct str text, struct quick_number *ret_number) MUST_USE;
/* The nearest double; false when it takes more than one operation to find. */
bool quick_number_double(const struct quick_number *q, double *ret_value) MUST_USE;

/* Units that were read, kept for any thread. The units live as long as the cache. */
struct unit_cache {
	_Atomic(struct canonical_unit *) units[UNIT_CACHE_SIZE];
};
const struct canonical_unit *canonical_unit_find(struct unit_cache *cache, struct str code);
void unit_cache_done(struct unit_cache *cache);

/* The state of extracting one resource. */
enum { MAX_COUNTED = 16 };
struct extraction {
	const struct definitions *definitions;
	const struct search_registry *registry;
	struct arena *arena;
	const struct json *resource;
	struct str base; /* without a slash at the end */
	struct index_rows *rows;
	uint32_t *slots; /* hash of rows seen: position + 1 */
	size_t slot_count;
	struct unit_cache *units; /* NULL: each unit is read anew */
	uint32_t element; /* the one of a composite's elements that is looked at; 0: none */
	uint32_t counts[MAX_COUNTED]; /* elements met so far, by plan_node.counted */
	uint32_t row_element; /* the same for rows that tell it, 0 for the others */
	bool found; /* the value looked at has a plain row, an older one perhaps, or one of ROW_PRESENT */
	bool present; /* there are rows of ROW_PRESENT */
	struct str last_text; /* the reference taken apart last, since several parameters look at the same one */
	struct reference last_reference;
	struct error *err;
};

/* Appends a row unless an equal one is there. */
bool row_add(struct extraction *e, const struct index_row *row) MUST_USE;
/* When all rows are there: leaves out those of ROW_PRESENT that another row of their parameter makes needless. */
void rows_settle(struct extraction *e);
/* Appends the rows of one value (never an array). Values that do not fit the parameter give none. */
bool rows_of_value(struct extraction *e, const struct leaf *leaf, const struct json *value) MUST_USE;
/* The parts of rows_of_value that are in rows_range.c. */
bool date_rows(struct extraction *e, const struct leaf *leaf, const struct json *value) MUST_USE;
bool number_rows(struct extraction *e, const struct leaf *leaf, const struct json *value) MUST_USE;
bool quantity_rows(struct extraction *e, const struct leaf *leaf, const struct json *value) MUST_USE;
bool place_rows(struct extraction *e, const struct leaf *leaf, const struct json *value) MUST_USE;
bool rows_of_item(struct extraction *e, const struct search_param *param, const struct path_item *item) MUST_USE;
/* elements.c: does a composite of the type pair this parameter inside of an element; and the element that a value is
 * in, by looking for it. */
bool param_is_paired(const struct search_registry *r, const struct fhir_type *type, const struct search_param *param);
bool item_element(struct extraction *e, const struct search_param *param, const struct json *value,
		  uint32_t *ret_element) MUST_USE;
/* The code system that a code element's required binding implies; STR_NULL when none or several. Text in a. */
struct str implied_system(struct arena *a, const struct fhir_element *element);
struct reference extraction_reference(struct extraction *e, struct str text);
/* Does the text refer to a resource of this server? */
bool extraction_local(struct extraction *e, struct str text, struct str *ret_type, struct str *ret_id);
/* removed.c: the rows of ROW_REMOVED, of Lists. */
bool removed_rows(struct extraction *e, const struct fhir_type *type) MUST_USE;

/* ---- plans ----------------------------------------------------------------------------------------------------- */

struct plan;
/* Everything needed to extract resources of one type, in its own arena. NULL with an error. */
struct plan *plan_new(const struct definitions *d, const struct search_registry *r, const struct fhir_type *type,
		      struct error *err) MUST_USE;
void plan_free(struct plan *p);
bool plan_run(const struct plan *p, struct extraction *e) MUST_USE;
/* Is the parameter one that gives index rows? */
bool param_indexed(const struct search_param *param);

/* The same rows by plain evaluation of each expression: slow, for tests to compare with. */
bool extract_plainly(const struct definitions *d, const struct search_registry *r, struct arena *a,
		     const struct json *resource, struct str base, struct index_rows *ret_rows,
		     struct error *err) MUST_USE;

/* match.c: one criterion by rows alone; criteria that need the body do not hold. */
bool criterion_holds(const struct criterion *c, const struct search_resource *r, const struct search_world *world);
/* Is `other` what a CHAIN leads to from the resource, or what HAS looks at? */
bool criterion_links(const struct criterion *c, const struct search_resource *resource,
		     const struct search_resource *other);
/* extract.c: the compiled expression of a parameter of a type, in the extractor or in a. */
const struct definitions *extractor_definitions(const struct extractor *x);
const struct path_program *extractor_program(const struct extractor *x, struct arena *a, const struct fhir_type *type,
					     const struct search_param *param, struct error *err);

/* ---- query values ---------------------------------------------------------------------------------------------- */

#define SEARCH_MAX_QUERY       (64 * 1024)
#define SEARCH_MAX_PARAMS      100
#define SEARCH_MAX_VALUES      500
#define SEARCH_MAX_CODES       5000 /* that the value sets of one criterion come to */
#define SEARCH_MAX_NODES       20000 /* criteria, over all types and chains */
#define SEARCH_MAX_TOTAL       100000 /* values, over all types and chains */
#define SEARCH_MAX_ELEMENTS    200
#define SEARCH_MAX_TYPES       200
#define SEARCH_CHAIN_DEPTH     5
#define SEARCH_MAX_HIERARCHIES 20 /* values of one parameter with :above or :below */
#define SEARCH_NEAR_DEFAULT    "50" /* km, when a place has no distance */

struct parsing {
	const struct definitions *definitions;
	struct arena *arena;
	const struct search_options *options;
	struct search_query *query;
	size_t *criterion_capacities; /* beside the parts */
	size_t sort_capacity, include_capacity, ignored_capacity, value_capacity, beyond_capacity;
	size_t criteria; /* that each part has from the query */
	size_t implied; /* that each part has from the place it is asked at: 1 in a compartment */
	bool whole_type; /* asked at one type, which _type cannot change */
	size_t node_count, value_total;
	unsigned depth; /* of chains */
	bool plain_values; /* no escapes: in _filter */
	bool never_ignored; /* the failure must be told even with lenient handling */
	struct buf self;
	struct error *err;
};

/* parse_value.c. name is for messages; type is that of a :Type modifier or STR_NULL. A value that is not what is wanted
 * is refused by bad_value(). */
bool bad_value(struct parsing *p, struct str name, const char *wanted);
struct str split_unescaped(struct str *rest, char separator);
bool unescape(struct parsing *p, struct str name, struct str text, struct str *ret_text) MUST_USE;
bool criterion_add_value(struct parsing *p, struct criterion *c, size_t max, struct str name,
			 const struct search_value *v) MUST_USE;
bool parse_one_value(struct parsing *p, struct criterion *c, struct str name, struct str type,
		     struct str text) MUST_USE;
/* The comma list of a criterion whose parameter and modifier are set. */
bool parse_values(struct parsing *p, struct criterion *c, struct str name, struct str type, struct str text) MUST_USE;

/* modifier.c */
bool modifier_refused(struct parsing *p, struct str name, struct str modifier, const char *why);
/* A criterion over c->param with a modifier (STR_NULL: none). single: the value is no comma list. */
bool parse_modified(struct parsing *p, struct criterion *c, struct str name, struct str modifier, struct str value,
		    bool single) MUST_USE;
bool param_has_target(const struct search_param *param, struct str type);

/* criterion.c */
/* "subject:Patient.name:exact" of a type. */
bool parse_named(struct parsing *p, const struct fhir_type *type, struct str name, struct str value,
		 struct criterion *ret) MUST_USE;
bool parse_coded(struct parsing *p, const struct fhir_type *type, struct str code, struct str modifier,
		 struct str value, bool single, struct criterion *ret) MUST_USE;
/* A chain over a parameter; what follows is read by rest once for each type it may lead to. */
typedef bool chain_rest(struct parsing *p, const struct fhir_type *type, void *ctx, struct criterion *ret);
bool parse_chain(struct parsing *p, const struct search_param *param, struct str name, struct str target,
		 chain_rest *rest, void *ctx, struct criterion *ret) MUST_USE;
bool criterion_add_child(struct parsing *p, struct criterion *parent, const struct criterion *child) MUST_USE;
/* To the inner parts of a CHAIN or HAS, which has the room. */
bool criterion_add_inner(struct parsing *p, struct criterion *c, const struct fhir_type *type,
			 const struct criterion *inner) MUST_USE;
const struct search_param *parse_find_param(struct parsing *p, const struct fhir_type *type, struct str code);
/* Refuses a name that is none, or not yet; `where` goes in front ("_sort: "). Always false. */
bool parse_unknown_param(struct parsing *p, const char *where, const struct fhir_type *type, struct str name);

/* hierarchy.c: a reference with :above or :below. */
bool parse_hierarchy(struct parsing *p, const struct search_param *param, struct str name, struct str text, bool below,
		     bool single, struct criterion *ret) MUST_USE;

/* filter.c, words.c */
bool parse_filter(struct parsing *p, const struct fhir_type *type, struct str value, struct criterion *ret) MUST_USE;
bool parse_words(struct parsing *p, enum criterion_kind kind, struct str name, struct str value,
		 struct criterion *ret) MUST_USE;

/* scope.c: the parts of a query, with the criteria that the place it is asked at implies. */
bool parse_scope(struct parsing *p, const struct search_scope *scope, struct str query_types) MUST_USE;

/* A control parameter (_count, _sort, ...). *ret_known tells whether name is one, *ret_in_self whether links repeat it.
 */
bool parse_control(struct parsing *p, struct str name, struct str modifier, struct str value, bool *ret_known,
		   bool *ret_in_self) MUST_USE;
/* ", did you mean a, b?" for a name that is no parameter of the type, or an empty string. */
struct str suggest_params(struct arena *a, const struct search_registry *r, const struct fhir_type *type,
			  struct str name);

#endif
