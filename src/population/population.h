/*
 * The population pipeline: pull patients from EHRs into Firth's own store in one form (normal/), score them, write the
 * score back as a Flag, read it back, and say exactly what happened. One run per thread.
 */
#ifndef FIRTH_POPULATION_POPULATION_H
#define FIRTH_POPULATION_POPULATION_H

#include "clinical/charlson.h"
#include "ehr/ehr.h"
#include "normal/normal.h"
#include "store/store.h"

/* The types pulled for each patient, in this order; Patient first. */
#define POPULATION_TYPES                                                                                               \
	{                                                                                                              \
		"Patient", "Condition", "MedicationRequest", "AllergyIntolerance", "Encounter", "Observation"          \
	}

/* Resources of several EHRs live in one store, so ids get the EHR's name in front ("epic-main.eAbc3"); references
 * inside are rewritten the same way, meta.source keeps the URL they came from, and meta.tag names the EHR
 * (system POPULATION_SOURCE_SYSTEM, code = EHR name). An id that would be longer than 64 characters or not fit FHIR's
 * id is replaced by the EHR's name, a dot and a digest. */
#define POPULATION_SOURCE_SYSTEM "https://firth.dev/fhir/CodeSystem/source-ehr"
/* A second tag names the vendor ("epic"), by whose rules identifiers are read later. */
#define POPULATION_VENDOR_SYSTEM "https://firth.dev/fhir/CodeSystem/source-vendor"

/* A Flag that we wrote is recognised by this identifier; its value is the model. */
#define POPULATION_FLAG_SYSTEM	  "https://firth.dev/fhir/NamingSystem/risk-score"
#define POPULATION_SCORE_SYSTEM	  "https://firth.dev/fhir/CodeSystem/risk-score"
#define POPULATION_CHARLSON_MODEL "charlson-quan-2011"

struct str population_local_id(struct arena *a, struct str ehr_name, struct str vendor_id);

enum population_decision {
	POPULATION_CREATED,
	POPULATION_UPDATED,
	POPULATION_UNCHANGED,
	POPULATION_REFUSED, /* the EHR does not accept the write: told, and the run goes on */
	POPULATION_FAILED
};
const char *population_decision_name(enum population_decision decision);

struct population_patient {
	struct str ehr, vendor_id, local_id;
	struct str name, birth_date, sex, mrn;
	size_t resources; /* pulled */
	size_t changed; /* of them, new or different from what our store held */
	size_t withdrawn; /* entered in error at the EHR, or not shown there any more: not kept here */
	size_t findings; /* resources whose structure is not quite R4; kept as they are */
	size_t rejected; /* resources that could not be kept */
	struct str merged_into; /* the record of the roster was replaced by this one, which was pulled; or STR_NULL */
	bool incomplete; /* the Patient or its Conditions could not all be pulled: not scored in this run */
	int score;
	bool scored, unverified;
	enum population_decision decision;
	struct str flag_id, flag_version; /* at the EHR */
	bool read_back; /* the Flag was read again and says what was written */
	size_t conflicts; /* times it had changed in between and was decided again */
	struct str problem; /* what went wrong, one sentence, or STR_NULL */
	struct str warning; /* what the EHR warned of, or STR_NULL */
};

struct population_type_count {
	struct str type;
	size_t count;
};
struct population_ehr {
	struct str name;
	enum ehr_vendor vendor;
	size_t patients; /* pulled */
	struct population_type_count types[16];
	size_t type_count;
	size_t changed, withdrawn, findings, rejected; /* sums over the patients */
	size_t merged; /* records that another one replaced at the EHR */
	uint64_t normalised[NORMAL_RULES]; /* what each rule did to what was pulled */
	size_t created, updated, unchanged, refused, failed, read_back, conflicts;
	struct str problem; /* the whole EHR could not be used, or STR_NULL */
};
struct population_result {
	struct population_patient *patients;
	size_t patient_count;
	struct population_ehr *ehrs;
	size_t ehr_count;
};

struct population_options {
	const struct definitions *definitions;
	const struct extractor *extractor;
	struct str
		revision; /* of the search parameters that the extractor knows, for struct store_txn; STR_NULL: none */
	struct store *store;
	struct ehr_client **ehrs;
	size_t ehr_count;
	const struct charlson *charlson;
	const struct normaliser *normaliser; /* what is pulled is kept in its form */
	bool pull, score, write; /* steps; all three for a full run */
	void (*progress)(void *ctx, struct str ehr, const char *step, size_t done, size_t total);
	void *progress_ctx;
	int64_t (*now_ms)(void); /* NULL = clock_now_ms */
};
/* False only when nothing could be done at all; troubles with one EHR or patient are in the result. */
bool population_run(const struct population_options *options, struct arena *a, struct population_result *ret_result,
		    struct error *err) MUST_USE;

/* Finds pulled patients by name: each word must start a family or given name. ehr STR_NULL: all. */
struct population_match {
	struct str local_id, ehr, name, birth_date, sex, mrn;
};
bool population_find(struct store *s, const struct definitions *d, struct arena *a, struct str name, struct str ehr,
		     size_t max, struct population_match **ret_matches, size_t *ret_count, struct error *err) MUST_USE;

#endif
