/*
 * Drugs against each other: every draft with every other draft and with everything the patient takes. One finding per
 * pair of records, of the highest rule; duplicates of an ingredient or a class when no rule says more. Pure.
 */
#ifndef FIRTH_CLINICAL_INTERACTION_H
#define FIRTH_CLINICAL_INTERACTION_H

#include "clinical/finding.h"
#include "clinical/medication.h"
#include "clinical/policy.h"

/* Laboratory values (labs.def); what is not known stays out of the decision. */
enum lab {
#define LAB(id, ...) LAB_##id,
#include "clinical/labs.def"
#undef LAB
	LAB_COUNT
};
struct lab_value {
	bool known;
	double value; /* in the unit of labs.def */
	int bound; /* -1: it is less than that, 1: more, as ">60" says */
	struct str number, when; /* as recorded: "5.6", "2026-11-20T08:00:00Z" */
};
struct lab_values {
	struct lab_value of[LAB_COUNT];
};
/* By the name that the tables use: LAB_COUNT when there is none. */
enum lab lab_named(struct str name);
/* "potassium 5.6 mmol/L (2026-11-20)"; STR_NULL without memory. */
struct str lab_text(struct arena *a, enum lab lab, const struct lab_value *value);
/* The newest final values among Observations of the patient, not older than 90 days at now_ms. */
void lab_values_read(const struct json *const *observations, size_t count, int64_t now_ms, struct lab_values *ret);

#define INTERACTION_DRUGS_MAX  10000
#define INTERACTION_DRAFTS_MAX 500

/* The first drafts of the drugs are the orders in question. Void drugs are left out, stopped ones only count where a
 * rule asks for a time since the stop. role: of the user, for the policy's lines. ERR_LIMIT, ERR_MEMORY. */
bool interactions_check(const struct knowledge *k, const struct policy *p, struct str role, struct arena *a,
			const struct medication *drugs, size_t count, size_t drafts, const struct lab_values *labs,
			int64_t now_ms, struct findings *f, struct error *err) MUST_USE;

/* One line of information for each draft that could not be read, or only in part: it was not checked, or not wholly. */
bool drafts_unread(const struct medication *drugs, size_t drafts, struct arena *a, struct findings *f,
		   struct error *err) MUST_USE;

#endif
