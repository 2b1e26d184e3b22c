/*
 * What a record of a medication is made of: MedicationRequest, MedicationStatement, MedicationDispense,
 * MedicationAdministration, MedicationOrder (DSTU2) or Medication, by its codes or, failing them, its words. A record
 * that cannot be understood says so (count 0): no engine guesses. Pure; the time comes in.
 */
#ifndef FIRTH_CLINICAL_MEDICATION_H
#define FIRTH_CLINICAL_MEDICATION_H

#include "clinical/knowledge.h"
#include "json/json.h"

#define MEDICATION_INGREDIENTS_MAX 24

enum medication_found {
	MEDICATION_NOT_FOUND,
	MEDICATION_BY_CODE, /* a code of an ingredient or of a product */
	MEDICATION_BY_LIST, /* Medication.ingredient, each by its code */
	MEDICATION_BY_DISPLAY, /* the words beside a code that is not known */
	MEDICATION_BY_TEXT, /* the text of the concept */
};

enum medication_state {
	MEDICATION_TAKEN, /* ordered, or taken as far as the record says */
	MEDICATION_STOPPED, /* no longer; stopped_ms may tell since when */
	MEDICATION_VOID, /* entered in error, not taken, or not done: as if it were not there */
};

struct medication {
	const struct json *record;
	struct str label; /* what the record calls it; may be empty */
	struct str id; /* "MedicationRequest/12", or empty */
	uint16_t ingredients[MEDICATION_INGREDIENTS_MAX]; /* bases, each once */
	size_t count;
	bool cut; /* it has more */
	bool spelled; /* a word of it was taken for a name that differs by a letter */
	bool partial; /* it holds these and may hold more */
	enum medication_found found;
	enum drug_route route;
	double mg_day, mg_week; /* of a drug with one ingredient, by the dosage; negative: not known */
	enum medication_state state;
	bool has_stop;
	bool stopped_since; /* at stopped_ms it was written, and it was stopped after that */
	int64_t stopped_ms;
};

/* medication: the Medication that the record refers to when the caller has it; a contained one is found here. Never
 * fails on odd records: they come out as not found. False with ERR_MEMORY. */
bool medication_read(const struct knowledge *k, struct arena *a, const struct json *record,
		     const struct json *medication, int64_t now_ms, struct medication *ret, struct error *err) MUST_USE;

/* The route that the words of a form or product tell: "Topical Gel". */
enum drug_route medication_route_of_words(struct str text);
/* True when it acts where it is put and not through the blood, as far as its route and form tell. */
bool medication_is_local(const struct knowledge *k, const struct medication *m, unsigned ingredient);

#endif
