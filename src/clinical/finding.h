/* What the engines find: one problem of one drug, with why, how sure and from where. Texts are in English, one line. */
#ifndef FIRTH_CLINICAL_FINDING_H
#define FIRTH_CLINICAL_FINDING_H

#include "clinical/knowledge.h"

/* As the indicator of a CDS Hooks card. */
enum level { LEVEL_NONE, LEVEL_INFO, LEVEL_WARNING, LEVEL_CRITICAL };
const char *level_name(enum level level); /* "none", "info", "warning", "critical" */
bool level_named(struct str name, enum level *ret_level); /* "off" is LEVEL_NONE too */

enum finding_kind {
	FINDING_ALLERGY,
	FINDING_UNCODED_ALLERGY, /* records that could not be understood: nobody checked them */
	FINDING_INTERACTION,
	FINDING_DUPLICATE,
	FINDING_UNREAD_DRUG, /* the order could not be understood: nobody checked it */
};
const char *finding_kind_name(enum finding_kind kind);

struct finding {
	enum finding_kind kind;
	enum level level;
	struct str rule; /* "AX003", "DD044", "DUP-INGREDIENT": stable */
	struct str topic; /* stable code for overrides: "allergy/AX003/r1:amoxicillin-type" */
	struct str severity; /* the table's word: "high", "contraindicated"; may be empty */
	size_t drug; /* the draft it is about: index into what was given */
	size_t other; /* the allergy record or the other drug; FINDING_NONE when there is none */
	bool with_drug; /* other is a drug rather than an allergy */
	unsigned ingredient; /* of the draft */
	unsigned other_ingredient; /* FINDING_NO_INGREDIENT when it is a class */
	struct str other_class; /* id of the documented class, or empty */
	struct str mechanism; /* why */
	struct str effect; /* what would happen; likelihood of a cross reaction */
	struct str advice;
	struct str note; /* what raised or lowered it: "criticality high" */
	struct str source; /* citation */
	enum verified verified;
	bool sure; /* both records were read by code, not by text */
	bool spelled; /* a word was taken for a name that differs by a letter */
	bool interruptive; /* false: of the list of those that should not interrupt */
};
#define FINDING_NONE	      ((size_t)-1)
#define FINDING_NO_INGREDIENT 0xFFFFu

struct findings {
	struct finding *items;
	size_t count, capacity;
	bool cut; /* there were more than FINDINGS_MAX: critical ones took the place of others, the rest is left out */
	size_t spare; /* private: before it all are critical, once it is full */
};
#define FINDINGS_MAX 2000

/* Takes a copy. False with ERR_MEMORY. */
bool findings_add(struct findings *f, struct arena *a, const struct finding *finding, struct error *err) MUST_USE;

/* The rules themselves, for people who look behind a finding. */
struct rule_info {
	struct str id, severity, why, source;
	struct str a, b; /* a class, a name, a group; of an allergy rule a is the allergen and b the drug */
	bool allergy;
	enum level level;
	enum verified verified;
	bool about; /* the ingredient or class that was asked for is on a side of it */
};
size_t rule_count(const struct knowledge *k);
/* ingredient: a base, or -1; drug_class: or -1. */
void rule_at(const struct knowledge *k, size_t index, int ingredient, int drug_class, struct rule_info *ret);

#endif
