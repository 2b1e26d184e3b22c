/*
 * A patient's AllergyIntolerances, understood (R4 allergyintolerance.html; data/knowledge/README.md tells how each
 * field is treated), and an ordered drug checked against them. Pure.
 */
#ifndef FIRTH_CLINICAL_ALLERGY_H
#define FIRTH_CLINICAL_ALLERGY_H

#include "clinical/finding.h"
#include "clinical/medication.h"
#include "clinical/policy.h"

#define ALLERGY_INGREDIENTS_MAX 64
#define ALLERGY_CLASSES_MAX	8

enum allergy_state {
	ALLERGY_ACTIVE,
	ALLERGY_RESOLVED, /* inactive or resolved */
	ALLERGY_REFUTED, /* delabelled: to be shown, never to alert */
	ALLERGY_VOID, /* entered in error, or another patient's */
};
struct allergy {
	const struct json *record;
	struct str label, id;
	enum allergy_state state;
	struct str none_known; /* "all", "drug", "other": it asserts that there is none; empty: it does not */
	uint16_t ingredients[ALLERGY_INGREDIENTS_MAX]; /* bases */
	size_t ingredient_count;
	uint16_t classes[ALLERGY_CLASSES_MAX];
	size_t class_count;
	bool other; /* to something that is no drug */
	bool unread; /* nothing of it could be understood, or it names no drug in particular */
	bool nothing_told; /* "unknown", "not on file": no more than an absent record */
	bool ambiguous;
	bool spelled; /* a word was taken for a name that differs by a letter */
	bool sure; /* read by code */
	bool drug; /* category medication or biologic, or none */
	bool intolerance;
	bool severe; /* a reaction was */
	enum { CRITICALITY_UNKNOWN, CRITICALITY_LOW, CRITICALITY_HIGH } criticality;
	uint32_t reactions; /* groups of its manifestations, as bits */
	bool unknown_reaction; /* a manifestation that is not in the tables */
	bool only_side_effects, only_pharmacologic;
};
enum allergies_known {
	ALLERGIES_UNASKED, /* no record at all: that is not "no allergies" */
	ALLERGIES_NONE, /* asserted: none to drugs */
	ALLERGIES_SOME,
};
struct allergies {
	struct allergy *items; /* one per record, in order */
	size_t count;
	enum allergies_known known;
};

#define ALLERGIES_MAX 10000
/* patient: "Patient/12" or a URL that ends so; records of others are void. Empty: not looked at. ERR_LIMIT, ERR_MEMORY.
 */
bool allergies_read(const struct knowledge *k, struct arena *a, const struct json *const *records, size_t count,
		    struct str patient, struct allergies *ret, struct error *err) MUST_USE;

/* Findings for one drug: the highest per record. drug is its index, for the findings. */
bool allergies_check(const struct knowledge *k, const struct policy *p, struct arena *a, const struct allergies *list,
		     const struct medication *m, size_t drug, struct findings *f, struct error *err) MUST_USE;
/* One finding per active record that nobody could understand; once per request, not per drug. */
bool allergies_unread(const struct allergies *list, struct arena *a, struct findings *f, struct error *err) MUST_USE;

#endif
