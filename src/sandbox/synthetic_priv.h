/*
 * The tables behind the synthetic population, and its own random numbers. Everything is whole-number arithmetic, so
 * that the same seed gives the same bytes with every compiler.
 */
#ifndef FIRTH_SANDBOX_SYNTHETIC_PRIV_H
#define FIRTH_SANDBOX_SYNTHETIC_PRIV_H

#include "base/arena.h"
#include "base/error.h"
#include "sandbox/sandbox.h"

/* ---- random numbers --------------------------------------------------------------------------------------------- */

struct dice {
	uint64_t state;
};
/* Independent streams: one per patient and purpose. */
struct dice dice_new(uint64_t seed, uint64_t stream);
uint64_t dice_next(struct dice *d);
/* 0 .. n-1; 0 when n is 0. */
uint64_t dice_below(struct dice *d, uint64_t n);
/* True with a probability of ppm out of a million. */
bool dice_chance(struct dice *d, int64_t ppm);
/* Close to a normal deviate, in thousandths: most of the time between -2000 and 2000, never beyond 6000. */
int64_t dice_normal(struct dice *d);

/* ---- tables ----------------------------------------------------------------------------------------------------- */

enum age_band { BAND_0_17, BAND_18_39, BAND_40_59, BAND_60_74, BAND_75, BAND_COUNT };

struct synthetic_age {
	unsigned from, to; /* years */
	bool female;
	int64_t weight;
};
struct synthetic_condition {
	struct str name, snomed, snomed_display, icd10, icd10_display;
	bool female;
	int64_t ppm[BAND_COUNT]; /* prevalence */
};
struct synthetic_medication {
	struct str condition, rxcui, name, sig;
	int64_t ppm; /* share of patients with the condition who take it */
};
struct synthetic_allergen {
	struct str name, system, code, category;
	int64_t ppm, female_milli;
};
struct synthetic_reaction {
	struct str snomed, display;
	int64_t weight;
};
struct synthetic_measure {
	struct str loinc, display, name, group, ucum;
	int64_t mean, sd, min, max; /* thousandths */
	unsigned decimals;
	bool skewed, laboratory;
};
struct synthetic_visits {
	int64_t office, emergency, inpatient; /* a year, in millionths */
};
struct synthetic_encounter {
	struct str class_code, class_display, snomed, snomed_display;
};
enum name_kind {
	NAME_MALE,
	NAME_FEMALE,
	NAME_LAST,
	NAME_ACCENTED_FIRST,
	NAME_ACCENTED_LAST,
	NAME_STREET,
	NAME_CITY,
	NAME_CLINICIAN,
	NAME_KIND_COUNT
};
struct synthetic_name {
	struct str text;
	enum name_kind kind;
	int64_t weight;
};

#define TABLE(name)                                                                                                    \
	struct synthetic_##name *name;                                                                                 \
	size_t name##_count
struct synthetic_tables {
	TABLE(age);
	TABLE(condition);
	TABLE(medication);
	TABLE(allergen);
	TABLE(reaction);
	TABLE(measure);
	TABLE(visits);
	TABLE(encounter);
	TABLE(name);
};
#undef TABLE
bool synthetic_tables_load(struct synthetic_tables *t, struct arena *a, struct error *err) MUST_USE;
/* One text of a kind, by weight. */
struct str synthetic_name_draw(const struct synthetic_tables *t, struct dice *d, enum name_kind kind);

/* ---- one patient ------------------------------------------------------------------------------------------------ */

#define SYNTHETIC_PROBLEMS    12
#define SYNTHETIC_MEDICATIONS 10
#define SYNTHETIC_ALLERGIES   5
#define SYNTHETIC_ENCOUNTERS  10
struct synthetic_problem {
	const struct synthetic_condition *condition;
	int64_t onset_day;
	bool inactive, entered_in_error;
	unsigned coding; /* 0 both code systems, 1 SNOMED CT only, 2 ICD-10-CM only */
};
struct synthetic_visit {
	const struct synthetic_encounter *kind;
	int64_t start_s; /* seconds since 1970 */
	unsigned minutes;
	struct str clinician;
};
/* What is known of a patient before anything is written. */
struct synthetic_patient {
	unsigned number;
	bool female, no_mrn, unitless_a1c;
	struct str mrn; /* STR_NULL: computed */
	unsigned mistakes; /* problems that were entered in error, beside the others */
	int64_t birth_day, today;
	unsigned age;
	enum age_band band;
	struct str family, given, middle, street, city, zip, phone;
	unsigned house;
	uint64_t seed;
	uint32_t traits;
	struct synthetic_problem problems[SYNTHETIC_PROBLEMS];
	size_t problem_count;
	const struct synthetic_medication *medications[SYNTHETIC_MEDICATIONS];
	size_t medication_count;
	const struct synthetic_allergen *allergies[SYNTHETIC_ALLERGIES];
	size_t allergy_count;
	struct synthetic_visit visits[SYNTHETIC_ENCOUNTERS];
	size_t visit_count;
};
bool synthetic_patient_draw(const struct synthetic_tables *t, struct arena *a, const struct synthetic_options *o,
			    unsigned index, struct synthetic_patient *p, struct error *err) MUST_USE;
/* Test patients of the public sandboxes. */
struct synthetic_actor {
	enum ehr_vendor vendor;
	unsigned number; /* of the synthetic patient: 9001 and up */
	const char *id, *family, *given, *middle, *birth, *mrn; /* middle, birth, mrn: NULL when not known */
	bool female;
	unsigned mistakes;
};
extern const struct synthetic_actor synthetic_actors[]; /* ends with id NULL */
/* The id that the vendor gave to whoever these stand for; NULL for everybody else. */
const char *synthetic_actor_id(enum ehr_vendor vendor, struct str type, struct str id);
bool synthetic_actor_draw(const struct synthetic_tables *t, struct arena *a, const struct synthetic_options *o,
			  const struct synthetic_actor *actor, struct synthetic_patient *p, struct error *err) MUST_USE;
/* A measurement in thousandths at a visit; NULL when the tables have none for such a patient. */
const struct synthetic_measure *synthetic_measure_draw(const struct synthetic_tables *t,
						       const struct synthetic_patient *p, const char *loinc,
						       unsigned visit, int64_t *ret_milli);
/* The Bundle. */
void synthetic_patient_write(const struct synthetic_tables *t, const struct synthetic_patient *p, struct buf *out);

#endif
