/*
 * One form for resources of Epic, Oracle Health (Cerner) and any other FHIR R4 server: canonical code systems in one
 * order, identifiers with their kind, UCUM units and results in the unit of their kind, dates in one form, relative
 * references. What is not understood stays as it was and is counted; each change can be listed with its rule, what
 * stood there before, and the source of the rule (docs/normalisation.md).
 *
 * Normalising what was normalised changes nothing. Codes come from tables with sources only (data/). Pure: no files,
 * sockets or clocks. A normaliser may be used by any number of threads; a book belongs to one.
 */
#ifndef FIRTH_NORMAL_NORMAL_H
#define FIRTH_NORMAL_NORMAL_H

#include "base/map.h"
#include "fhir/resource.h"

enum normal_rule {
#define RULE(id, name, text, source) NORMAL_##id,
#include "normal/rules.def"
#undef RULE
	NORMAL_RULES,
	NORMAL_LAST_CHANGE = NORMAL_MESSAGE
};
const char *normal_rule_name(enum normal_rule rule);
const char *normal_rule_text(enum normal_rule rule);
const char *normal_rule_source(enum normal_rule rule);

enum normal_vendor { NORMAL_GENERIC, NORMAL_EPIC, NORMAL_CERNER };
/* Whose resources a document holds, by the systems and addresses in it. */
enum normal_vendor normal_detect(struct str document);

struct normaliser; /* the tables */
/* ERR_CONFIG when a table in the program is malformed. */
struct normaliser *normaliser_new(const struct definitions *d, struct error *err) MUST_USE;
void normaliser_free(struct normaliser *n);

/* ---- what is known of other resources ---------------------------------------------------------------------------- */

/* Resources that references may mean: entries of a bundle by their fullUrl, those with an identifier, and patients that
 * were merged. Strings are copied. */
struct normal_book {
	struct arena arena;
	struct map entries; /* fullUrl -> struct str * "Type/id" */
	struct map identifiers; /* "Type|system|value" -> the same; an empty one when several have it */
	struct map merged; /* "Patient/loser" -> "Patient/survivor" */
};
void normal_book_init(struct normal_book *b);
void normal_book_done(struct normal_book *b);
/* full_url may be STR_NULL. */
bool normal_book_add(struct normal_book *b, const struct definitions *d, const struct json *resource,
		     struct str full_url, struct error *err) MUST_USE;
/* The record that replaced a patient's, following several merges; STR_NULL when it was not merged. */
struct str normal_book_survivor(const struct normal_book *b, struct str reference);
/* "Patient/id" of Patient.link of type replaced-by, STR_NULL when there is none. */
struct str normal_replaced_by(const struct definitions *d, struct arena *a, const struct json *patient);

/* ---- normalising ------------------------------------------------------------------------------------------------- */

struct normal_change {
	enum normal_rule rule;
	struct str path; /* "Observation.code.coding[2].system" */
	struct str before, after; /* STR_NULL: nothing stood, or stands, there */
	struct str source; /* the row of a table, or STR_NULL: that of the rule */
};
/* The caller sets the arena and clears the rest; counts and changes add up over calls. */
struct normal_report {
	struct arena *arena; /* changes are listed there; NULL: they are only counted */
	uint64_t counts[NORMAL_RULES];
	struct normal_change *changes;
	size_t count, capacity;
	bool failed; /* there was no memory for a change */
};

struct normal_options {
	enum normal_vendor vendor;
	struct str base_url; /* of the server, without a slash at its end; STR_NULL: not known */
	struct str source; /* for meta.source when it has none; STR_NULL: not known */
	const struct normal_book *book; /* resources around it, such as its bundle; may be NULL */
	const struct normal_book *merges; /* patients who were merged anywhere; may be NULL */
};

enum normal_fate {
	NORMAL_KEPT,
	NORMAL_DROPPED /* entered in error, or a message of the server: nothing was written */
};
/* Writes the resource as compact JSON. report may be NULL. Errors: ERR_MEMORY, ERR_VALUE when it is no resource. Types
 * that R4 does not know are written as they are. */
bool normalise(const struct normaliser *n, const struct json *resource, const struct normal_options *options,
	       struct buf *out, struct normal_report *report, enum normal_fate *ret_fate, struct error *err) MUST_USE;

#endif
