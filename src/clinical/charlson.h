/*
 * The Charlson comorbidity index: Quan 2005 ICD-10 code map, Quan 2011 weights, from data/charlson_*.tsv, which carry
 * their sources row by row. SNOMED CT problems are first mapped to ICD-10-CM by data/snomed_icd10cm.tsv, whose rows say
 * how far each was verified; the result tells when it rests on a row that was not. Pure, any thread.
 */
#ifndef FIRTH_CLINICAL_CHARLSON_H
#define FIRTH_CLINICAL_CHARLSON_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

struct charlson; /* the tables */

/* Texts of the three tables; they must outlive it. NULL with ERR_CONFIG (table, line). */
struct charlson *charlson_new(struct arena *a, struct str codes_tsv, struct str weights_tsv, struct str snomed_tsv,
			      struct error *err) MUST_USE;
/* The tables embedded in the binary. */
struct charlson *charlson_builtin(struct arena *a, struct error *err) MUST_USE;

struct charlson_evidence {
	struct str condition; /* "chf" */
	struct str label; /* "Congestive heart failure" */
	int weight; /* 0 when suppressed by a more severe one */
	struct str code; /* the code in the record that led here */
	struct str icd10; /* after mapping; equal to code for ICD-10 */
	bool mapped; /* came by the SNOMED map */
	bool unverified; /* that row of the map is not fully verified */
};
struct charlson_score {
	int score;
	struct charlson_evidence *evidence; /* one per condition found, table order */
	size_t evidence_count;
	size_t unmapped; /* problem codes that no table knows: they count nothing */
	bool unverified; /* any counted evidence is */
};
/* conditions: Condition resources of one patient. Entered-in-error and refuted ones are left out; inactive or resolved
 * ones count, since the index asks for history. */
bool charlson_score(const struct charlson *c, struct arena *a, const struct json *const *conditions, size_t count,
		    struct charlson_score *ret_score, struct error *err) MUST_USE;

#endif
