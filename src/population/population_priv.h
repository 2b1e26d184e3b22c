/*
 * What the files of this room share: the steps of a run for one patient, and the forms they hand on.
 */
#ifndef FIRTH_POPULATION_POPULATION_PRIV_H
#define FIRTH_POPULATION_POPULATION_PRIV_H

#include "fhir/resource.h"
#include "population/population.h"

/* One run over one EHR. */
struct population_run {
	const struct population_options *options;
	struct ehr_client *client;
	const struct ehr_config *config; /* of the client */
	struct arena *a; /* lives as long as the result */
	struct population_ehr *ehr;
	struct population_patient *patients; /* of this EHR */
	size_t patient_count;
	struct str flags_refused; /* why no Flag can be written there, known before anything is sent; or STR_NULL */
};

/* Adds a sentence about the patient, once, and a few at most. Always false. */
bool population_trouble(struct population_run *run, struct population_patient *patient, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whom to pull: the roster file, or the members of the Group. False with run->ehr->problem. */
bool population_roster(struct population_run *run, struct str **ret_ids, size_t *ret_count) MUST_USE;

/* ---- resources ----------------------------------------------------------------------------------------------------
 */

/* A resource of an EHR made ours: local id, references, source and tags; checked, and its rows extracted. */
struct population_kept {
	struct store_change change;
	const struct json *resource; /* as stored */
	bool findings; /* its structure is not quite R4 */
	bool withdrawn; /* entered in error: there is nothing to keep */
};
bool population_adapt(struct population_run *run, struct arena *a, const struct ehr_resource *theirs,
		      struct population_kept *ret_kept, struct error *err) MUST_USE;
/* Our resources of a type that refer to a patient. */
bool population_stored(struct population_run *run, struct arena *a, struct str type, struct str local_id,
		       struct store_entry **ret_entries, size_t *ret_count, struct error *err) MUST_USE;
/* Is it about another patient than the one asked for? */
bool population_is_foreign(const struct population_run *run, const struct json *theirs, struct str vendor_id);

/* Name, birth date, sex and MRN for people, out of a Patient. */
struct str population_display_name(struct arena *a, const struct json *patient);
void population_describe(struct population_run *run, const struct json *patient,
			 struct population_patient *ret_patient);

/* ---- steps --------------------------------------------------------------------------------------------------------
 */

/* Each uses `scratch` and leaves what is worth keeping in the patient, copied to run->a. */
void population_pull(struct population_run *run, struct arena *scratch, struct population_patient *patient);
void population_score(struct population_run *run, struct arena *scratch, struct population_patient *patient);
void population_write_back(struct population_run *run, struct arena *scratch, struct population_patient *patient);

/* ---- the Flag -----------------------------------------------------------------------------------------------------
 */

/* What the Flag of a score says. */
struct population_flag {
	struct str patient_id; /* at the EHR */
	struct str model; /* identifier value */
	struct str code; /* of POPULATION_SCORE_SYSTEM */
	struct str text;
	char date[10]; /* period.start */
};
struct population_flag population_flag_of(struct arena *a, const struct population_patient *patient, int64_t now_ms);
/* A new one, or `existing` with our statements replaced and everybody else's kept. STR_NULL without memory. */
struct str population_flag_write(struct arena *a, const struct population_flag *flag, const struct json *existing);
bool population_flag_is_ours(const struct population_flag *flag, const struct json *resource);
/* The clinical statement: NULL when the resource says the same, otherwise the element that does not. */
const char *population_flag_differs(const struct definitions *d, const struct population_flag *flag,
				    const struct json *resource);

/* What we remember of a Flag at an EHR, so that a lost answer or search never leads to a second one. */
struct population_ledger {
	struct str flag_id; /* STR_NULL: none known */
	struct str version;
	int score;
};
bool population_ledger_get(struct population_run *run, struct arena *a, const struct population_patient *patient,
			   struct population_ledger *ret_ledger, struct error *err) MUST_USE;
bool population_ledger_put(struct population_run *run, const struct population_patient *patient,
			   const struct population_ledger *ledger, struct error *err) MUST_USE;

#endif
