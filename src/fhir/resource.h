/*
 * Looking at one resource: its form against the definitions, ids, references, dates and numbers. Pure.
 * "Structure" here is what every write must satisfy before any profile is asked: JSON types, known elements,
 * cardinality, primitive formats, choice types, required bindings of code elements.
 */
#ifndef FIRTH_FHIR_RESOURCE_H
#define FIRTH_FHIR_RESOURCE_H

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/definitions.h"
#include "json/json.h"

/* Findings are data. severity is a code of http://hl7.org/fhir/issue-severity. */
enum issue_severity { ISSUE_FATAL, ISSUE_ERROR, ISSUE_WARNING, ISSUE_INFORMATION };
struct issue {
	enum issue_severity severity;
	enum error_code code; /* gives the FHIR issue type */
	struct str text; /* for people */
	struct str path; /* FHIRPath location, or STR_NULL */
	struct str rule; /* key of the rule that was broken ("dom-3", "max"), or STR_NULL */
	struct str member; /* the property at the path that is meant, which no definition knows, or STR_NULL */
	size_t line, column; /* 1-based place in the text, 0 when not known */
	struct issue *next;
};
struct issues {
	struct arena *arena;
	struct issue *first, *last;
	size_t count, errors; /* errors counts fatal and error */
	size_t max; /* findings kept; 0 means 50 */
};
void issues_init(struct issues *list, struct arena *a);
void issues_add(struct issues *list, enum issue_severity severity, enum error_code code, struct str path,
		const char *format, ...) __attribute__((format(printf, 5, 6)));
const char *issue_severity_name(enum issue_severity severity);

/* Checks the structure of a resource of any type. Texts name the element and what was expected; values are quoted only
 * when they are codes or formats, never names or free text. Returns true when no error was found. */
bool resource_check(const struct definitions *d, const struct json *resource, struct issues *findings) MUST_USE;

/* The type of a resource by its resourceType, or NULL with an error. */
const struct fhir_type *resource_type(const struct definitions *d, const struct json *resource, struct error *err);

/* NULL when the value has the JSON form and the format of a primitive type, otherwise what was expected, for people:
 * "a date: YYYY, YYYY-MM or YYYY-MM-DD". */
const char *primitive_problem(enum fhir_primitive primitive, const struct json *value);

/* Entered in error, by status or verificationStatus. Some EHRs send the code with a trailing blank. */
bool resource_is_withdrawn(const struct json *resource);
/* The address of a Bundle's next page as it stands there, which may be relative; STR_NULL: there is none. */
struct str resource_next_page(const struct json *bundle);

/* [A-Za-z0-9\-\.]{1,64}: http://hl7.org/fhir/R4/datatypes.html#id */
bool fhir_id_valid(struct str id);

/* One <div> of well-formed XHTML that says something, of the elements and attributes that a narrative may use. */
bool fhir_xhtml_valid(struct str div);
/* Names of XHTML; attributes without a prefix. */
bool xhtml_element_allowed(struct str element);
bool xhtml_attribute_allowed(struct str element, struct str attribute);

/* OperationOutcome of findings or of one error. request_id may be STR_NULL. */
void outcome_write(struct buf *out, const struct issues *findings);
void outcome_write_error(struct buf *out, const struct error *err);

/* A literal reference taken apart: http://hl7.org/fhir/R4/references.html#literal */
enum reference_kind { REF_RELATIVE, REF_ABSOLUTE, REF_FRAGMENT, REF_URN, REF_OTHER };
struct reference {
	enum reference_kind kind;
	struct str base; /* absolute: "http://host/fhir", without the slash */
	struct str type; /* relative, and absolute when it has the form of a RESTful URL */
	struct str id;
	struct str version; /* after _history, or STR_NULL */
	struct str text; /* all of it */
};
struct reference reference_parse(const struct definitions *d, struct str text);

/* A date, dateTime, instant or search date as the closed range of instants it covers, in ms: "2019" is the whole year.
 * Values without zone count as UTC. False when the text is no FHIR date of any precision. */
bool date_range(struct str text, int64_t *ret_low, int64_t *ret_high);

/* A FHIR decimal as a double for ordering, with the half-open interval [low, high) that its precision stands for in
 * searches (R4 search.html#number: 100 is [99.5, 100.5), 5.40e2 is [539.5, 540.5)). False when it is no decimal. */
bool decimal_range(struct str text, double *ret_value, double *ret_low, double *ret_high);

/* Writes the stored form of a resource: compact, resourceType first, then id, then meta without versionId and
 * lastUpdated, which the store knows better and puts back on reading; then everything else in document order.
 * *ret_meta_at is the position just after `"meta":{`. With rewrite, each Reference.reference, canonical and urn: uri,
 * and what links and images of the narrative lead to, passes through it (STR_NULL: unchanged); transactions resolve
 * urn:uuid links with it. */
struct resource_rewrite {
	struct str (*reference)(void *ctx, struct str text);
	void *ctx;
};
void resource_write_stored(struct buf *out, const struct json *resource, struct str id,
			   const struct resource_rewrite *rewrite, size_t *ret_meta_at);
/* Puts versionId and lastUpdated back: what a client reads. */
void resource_write_served(struct buf *out, struct str stored, size_t meta_at, int64_t version, int64_t updated_ms);

#endif
