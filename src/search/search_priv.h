/* What the files of this room share: values to rows, planned and plain extraction, query values. */
#ifndef FIRTH_SEARCH_PRIV_H
#define FIRTH_SEARCH_PRIV_H

#include "fhir/resource.h"
#include "fhirpath/fhirpath.h"
#include "search/search.h"

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
};

/* The state of extracting one resource. */
struct extraction {
	const struct definitions *definitions;
	struct arena *arena;
	const struct json *resource;
	struct str base; /* without a slash at the end */
	struct index_rows *rows;
	uint32_t *slots; /* hash of rows seen: position + 1 */
	size_t slot_count;
	struct str last_text; /* the reference taken apart last, since several parameters look at the same one */
	struct reference last_reference;
	struct error *err;
};

/* Appends a row unless an equal one is there. */
bool row_add(struct extraction *e, const struct index_row *row) MUST_USE;
/* Appends the rows of one value (never an array). Values that do not fit the parameter give none. */
bool rows_of_value(struct extraction *e, const struct leaf *leaf, const struct json *value) MUST_USE;
/* The parts of rows_of_value that are in rows_range.c. */
bool date_rows(struct extraction *e, const struct leaf *leaf, const struct json *value) MUST_USE;
bool number_rows(struct extraction *e, const struct leaf *leaf, const struct json *value) MUST_USE;
bool quantity_rows(struct extraction *e, const struct leaf *leaf, const struct json *value) MUST_USE;
bool rows_of_item(struct extraction *e, const struct search_param *param, const struct path_item *item) MUST_USE;
/* The code system that a code element's required binding implies; STR_NULL when none or several. Text in a. */
struct str implied_system(struct arena *a, const struct fhir_element *element);
struct reference extraction_reference(struct extraction *e, struct str text);

/* ---- plans ----------------------------------------------------------------------------------------------------- */

struct plan;
/* Everything needed to extract resources of one type, in its own arena. NULL with an error. */
struct plan *plan_new(const struct definitions *d, const struct fhir_type *type, struct error *err) MUST_USE;
void plan_free(struct plan *p);
bool plan_run(const struct plan *p, struct extraction *e) MUST_USE;
/* Is the parameter one that gives index rows? */
bool param_indexed(const struct search_param *param);

/* The same rows by plain evaluation of each expression: slow, for tests to compare with. */
bool extract_plainly(const struct definitions *d, struct arena *a, const struct json *resource, struct str base,
		     struct index_rows *ret_rows, struct error *err) MUST_USE;

/* ---- query values ---------------------------------------------------------------------------------------------- */

#define SEARCH_MAX_QUERY  (64 * 1024)
#define SEARCH_MAX_PARAMS 100
#define SEARCH_MAX_VALUES 500

struct parsing {
	const struct definitions *definitions;
	struct arena *arena;
	const struct search_options *options;
	struct search_query *query;
	struct search_part *part;
	size_t criterion_capacity, sort_capacity, include_capacity, ignored_capacity;
	struct buf self;
	struct error *err;
};

/* Parses the comma list of a criterion whose parameter and modifier are set. name is for messages. */
bool parse_values(struct parsing *p, struct criterion *c, struct str name, struct str text) MUST_USE;
/* A control parameter (_count, _sort, ...). *ret_known tells whether name is one, *ret_in_self whether links repeat it.
 */
bool parse_control(struct parsing *p, struct str name, struct str modifier, struct str value, bool *ret_known,
		   bool *ret_in_self) MUST_USE;
/* ", did you mean a, b?" for a name that is no parameter of the type, or an empty string. */
struct str suggest_params(struct arena *a, const struct fhir_type *type, struct str name);

#endif
