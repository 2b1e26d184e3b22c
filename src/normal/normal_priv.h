/* What the files of this room share: the tables as they are looked up, and one walk over one resource. */
#ifndef FIRTH_NORMAL_NORMAL_PRIV_H
#define FIRTH_NORMAL_NORMAL_PRIV_H

#include "normal/normal.h"
#include "units/units.h"

#define NORMAL_LOINC  "http://loinc.org"
#define NORMAL_SNOMED "http://snomed.info/sct"
#define NORMAL_V2_ID  "http://terminology.hl7.org/CodeSystem/v2-0203"
/* On what was added: valueCode is the rule. */
#define NORMAL_MARK	   "https://firth.dev/fhir/StructureDefinition/normalised"
#define NORMAL_TRANSLATION "http://hl7.org/fhir/StructureDefinition/iso21090-PQ-translation"
#define NORMAL_ABSENT	   "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* A standard code system, or a system of identifiers that everybody shares. */
struct known_system {
	struct str name;
	int rank; /* among codings where the element has no order of its own */
	bool loinc, snomed;
};
/* One way to write the name of a known system; its own name is one of them. */
struct system_spelling {
	const struct known_system *known;
	bool alone; /* holds only where no code of the system itself stands beside */
	struct str source;
};
/* A vendor's code and the standard one for it; also a type that an identifier gets. */
struct vendor_code {
	const struct known_system *system;
	struct str code, display, source;
	bool verified;
};
struct identifier_kind {
	struct str kind;
	int rank;
	struct vendor_code type; /* code empty: none */
};
struct unit_spelling {
	struct str ucum, source;
};
/* The unit of a laboratory result or vital sign. other = factor * value + offset. */
struct result_unit {
	struct str ucum, other, source;
	struct decimal factor, offset;
	bool monovalent; /* an equivalent is a mole of it */
};

struct normaliser {
	const struct definitions *definitions;
	struct arena arena;
	/* The values of maps are pointers, or numbers where it says so. */
	struct map systems; /* spelling -> system_spelling */
	struct map vendor; /* "system|code" -> vendor_code; Epic's systems as "epic:" and what follows ".7." */
	struct map ordered; /* paths of elements with an order of their own -> 1 */
	struct map order; /* "path|system" -> rank + 1; "*|system|code" -> demotion within the system */
	struct map kinds; /* "oid|suffix", "text|label", "system|name", "codeset|4/10" -> identifier_kind */
	struct map spellings; /* of units -> unit_spelling */
	struct map ucum; /* codes that the tables use -> 1 */
	struct map results; /* LOINC -> result_unit */
	const struct fhir_type *concept, *coding, *identifier, *quantity, *reference, *attachment, *extension,
		*human_name, *observation, *component, *meta;
};
bool normal_tables_load(struct normaliser *n, struct error *err) MUST_USE;

/* NULL when the name is not known. */
const struct system_spelling *normal_system(const struct normaliser *n, struct str name);
/* Is it a system of one vendor's own? */
bool normal_system_is_local(struct str name);
/* What follows ".7." in an OID of one Epic site, STR_NULL for anything else: sites differ in what stands before. */
struct str normal_epic_suffix(struct str system);
const struct vendor_code *normal_vendor_code(const struct normaliser *n, struct str system, struct str code);
const void *normal_find(const struct map *m, const char *kind, struct str a, struct str b);

/* ---- the walk ---------------------------------------------------------------------------------------------------- */

/* Where the walk is: a chain on the stack that becomes text only for a report. */
struct spot {
	const struct spot *parent;
	struct str name;
	size_t index; /* JSON_NO_INDEX: no list */
	const struct json *list; /* the list it stands in, or NULL */
	const struct fhir_element *element; /* NULL at a resource */
	const struct result_unit *unit; /* of results below */
};
struct walk {
	const struct normaliser *n;
	const struct normal_options *options;
	struct normal_report *report; /* may be NULL */
	struct json_writer w;
	struct arena scratch;
	bool failed; /* out of memory */
	bool misshapen; /* a single value where R4 has a list was met, or the other way round */
};

void walk_note(struct walk *k, enum normal_rule rule, const struct spot *at, const char *member, struct str before,
	       struct str after, struct str source);
/* Is anybody listening, so that texts for a note are worth making? */
static inline bool walk_explains(const struct walk *k)
{
	return k->report && k->report->arena;
}

/* Writes an object's members, each by its type. */
void walk_members(struct walk *k, const struct fhir_type *type, const struct json *j, const struct spot *at);
/* The element of a type, and its own; NULL for what the definitions do not know. */
const struct fhir_element *walk_element_of(const struct fhir_type *type, struct str key,
					   const struct fhir_type **ret_type);
/* What a member's value should be. */
enum shape { SHAPE_RIGHT, SHAPE_WANTS_LIST, SHAPE_WANTS_ONE };
enum shape walk_shape(const struct fhir_element *e, const struct json *value);
/* The resource with lists and single values where R4 has them, noted; NULL (and failed) without memory. */
const struct json *walk_mend(struct walk *k, const struct fhir_type *type, const struct json *resource,
			     const struct spot *at);
/* One member with its key. */
void walk_member(struct walk *k, const struct fhir_type *type, struct str key, const struct json *value,
		 const struct spot *at);

/* Each writes one value of its type. extra: a coding the concept must have, or NULL. */
void walk_concept(struct walk *k, const struct json *j, const struct vendor_code *extra, const struct spot *at);
void walk_coding(struct walk *k, const struct json *j, const struct spot *at);
void walk_identifier(struct walk *k, const struct json *j, const struct spot *at);
void walk_quantity(struct walk *k, const struct json *j, const struct spot *at);
void walk_reference(struct walk *k, const struct json *j, const struct spot *at);
void walk_attachment(struct walk *k, const struct json *j, const struct spot *at);
/* A string of a primitive type. */
void walk_text(struct walk *k, const struct fhir_type *type, struct str text, const struct spot *at);

/* The unit that results of an Observation or a component of one have, by its code; NULL: any. */
const struct result_unit *walk_result_unit(struct walk *k, const struct json *concept);
/* How far in front an identifier or name belongs. */
int walk_identifier_rank(const struct walk *k, const struct json *identifier);
int walk_name_rank(const struct json *name);
/* The canonical name of a system and a note when it was another, for codings and identifiers. */
struct str walk_system(struct walk *k, const struct system_spelling *spelling, struct str name, const struct spot *at);
/* Was the time written because none was known? Writes the element as absent. */
bool walk_unknown_date(struct walk *k, struct str key, const struct json *value, const struct json *sibling,
		       const struct spot *at);
/* The address without the server's base, STR_NULL when it is not below it. */
struct str walk_below_base(const struct walk *k, struct str url);

bool check_digit_loinc(struct str code);
bool check_digit_snomed(struct str code);

#endif
