/*
 * How a resource of any origin becomes one that a vendor would send: per type a list of the members that the vendor
 * has, in its order, each copied or made. What is not in the list is left out. The lists come from recorded answers of
 * both public sandboxes and from the vendors' documentation (docs/sandbox.md). Private to the room.
 */
#ifndef FIRTH_SANDBOX_RESHAPE_PRIV_H
#define FIRTH_SANDBOX_RESHAPE_PRIV_H

#include "sandbox/adapt_priv.h"

#define HL7		    "http://terminology.hl7.org/CodeSystem/"
#define OPEN_EPIC	    "http://open.epic.com/FHIR/StructureDefinition/"
#define CERNER_SET(n)	    "https://fhir.cerner.com/" CERNER_TENANT "/codeSet/" n
#define UNITS		    "http://unitsofmeasure.org"
#define DATA_ABSENT	    "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
#define PERFORMER_FUNCTION  "http://hl7.org/fhir/StructureDefinition/event-performerFunction"
#define FORMAT_CODE_SYSTEM  "http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem"
#define FORMAT_CODE_MIME    "urn:ihe:iti:xds:2017:mimeTypeSufficient"
#define DOCUMENT_CATEGORIES "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"

/* One resource on its way. */
struct reshape {
	struct adapter *ad;
	struct json_writer *w;
	struct str type, id; /* id: the new one */
	const struct json *resource; /* as it came */
};

/* value is the member of that name, or NULL; put writes nothing or key and value. put NULL: copied when it is there. */
struct reshape_member {
	const char *key;
	void (*put)(struct reshape *x, const struct json *value);
};
/* The list of a type, ending with key NULL; NULL: the vendor's rules for it are not known, everything is copied. */
const struct reshape_member *reshape_epic(struct str type);
const struct reshape_member *reshape_epic_more(struct str type);
const struct reshape_member *reshape_epic_papers(struct str type);
const struct reshape_member *reshape_cerner(struct str type);
const struct reshape_member *reshape_cerner_more(struct str type);
const struct reshape_member *reshape_cerner_papers(struct str type);
/* What Epic makes of a write where that is not what it makes of a load; NULL otherwise. */
const struct reshape_member *reshape_epic_written(struct str type);
const struct reshape_member *reshape_epic_written_paper(struct str type);
/* How many rows of the flowsheet the codes map to. */
size_t reshape_epic_rows(const struct json *code);
void reshape_write(struct reshape *x, const struct reshape_member *members);

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* JSON after a pattern: ' stands for ", $ for a struct str as a JSON string, # for a struct str as it is. */
struct str reshape_form(struct arena *a, const char *pattern, ...);
/* The same as a member. */
void reshape_put(struct reshape *x, const char *key, const char *pattern, ...);
/* References, codings and everything below as this vendor has them. */
void reshape_copy(struct reshape *x, const char *key, const struct json *value);
/* A CodeableConcept with its text, made from the first display when it has none. */
void reshape_concept(struct reshape *x, const char *key, const struct json *value);
/* A status of HL7's: Epic names version and display, Cerner the display. */
void reshape_status(struct reshape *x, const char *key, const struct json *value);

/* ---- members that both vendors write alike: reshape_members.c ------------------------------------------------- */

void reshape_put_active(struct reshape *x, const struct json *value);
void reshape_put_merged(struct reshape *x, const struct json *value); /* into whom */
void reshape_put_death(struct reshape *x, const struct json *value);
void reshape_put_provider(struct reshape *x, const struct json *value);
void reshape_put_clinical_status(struct reshape *x, const struct json *value);
void reshape_put_verification(struct reshape *x, const struct json *value);
/* With what the vendor has beside the category of a visit's diagnosis, and beside the others. */
void reshape_put_problem_category(struct reshape *x, const struct json *value, struct str beside_visit,
				  struct str beside_others);
void reshape_put_code(struct reshape *x, const struct json *value);
void reshape_put_diagnosed_at(struct reshape *x, const struct json *value);
void reshape_put_recorder(struct reshape *x, const struct json *value);
void reshape_put_primary_source(struct reshape *x, const struct json *value);
void reshape_put_effective(struct reshape *x, const struct json *value);
void reshape_put_issued(struct reshape *x, const struct json *value);
void reshape_put_document_status(struct reshape *x, const struct json *value);
/* Is it a result of a laboratory, by its category? */
bool reshape_is_lab(const struct reshape *x);

/* ---- what can be read from it ----------------------------------------------------------------------------------- */

struct str reshape_text(struct reshape *x, const struct json *concept); /* text, display or code; STR_NULL */
struct str reshape_code(const struct json *concept, const char *system); /* of one system, STR_NULL */
bool reshape_has(const struct json *concepts, const char *code); /* a concept or an array of them */
/* The first of the members that is a time or a period's start. keys ends with NULL. */
struct str reshape_time_of(const struct json *resource, const char *const *keys);
/* In the vendor's form: Epic "2026-01-02T03:04:05Z", Cerner the same with milliseconds. A date stays a date. */
struct str reshape_time(struct reshape *x, struct str time);
struct str reshape_seconds(struct reshape *x, struct str time); /* without a fraction at either */
struct str reshape_day(struct str time);
/* A number of a site's own for something, the same each time: from base up to ten times that. */
struct str reshape_number(struct reshape *x, const char *kind, struct str key, uint64_t base);

/* ---- others that it leads to ------------------------------------------------------------------------------------ */

struct reshape_link {
	struct str reference, display; /* "Type/id" in the vendor's ids */
};
/* Who is named by a reference; without one, who saw the patient; without that, the site's physician. A person that is
 * only a name becomes a Practitioner. */
struct reshape_link reshape_person(struct reshape *x, const struct json *reference);
struct reshape_link reshape_place(struct reshape *x, const struct json *reference);
struct reshape_link reshape_organization(struct reshape *x, const struct json *reference);
/* The visit, with reference STR_NULL when there is none. Epic tells its number. */
struct reshape_link reshape_visit(struct reshape *x, struct str *ret_number);
const struct json *reshape_visit_resource(struct reshape *x); /* NULL when it is not at hand */
/* "encounter": as Epic and Cerner refer to it, or nothing. */
void reshape_encounter(struct reshape *x, const struct json *value);
/* A concept of Cerner's: a code of its own code set in front of a standard one. */
struct str reshape_cerner_concept(struct reshape *x, const char *set, struct str number, struct str name,
				  const char *system, struct str code, struct str display);
/* "address" of a Patient. */
void reshape_address(struct reshape *x, const struct json *value);
/* What Epic calls a visit and its class. */
struct reshape_epic_visit {
	struct str code, name, class_code, class_name;
};
struct reshape_epic_visit reshape_epic_visit(const struct json *encounter);
/* A person as {"reference","type","display"} (Epic) or {"reference","display"}; STR_NULL members are left out. */
struct str reshape_link_form(struct reshape *x, struct reshape_link link, const char *type);

#endif
