/* Writes one synthetic patient as a collection Bundle with relative references. */
#include <stdarg.h>
#include <stdio.h>

#include "sandbox/synthetic_write_priv.h"

#include "base/clock.h"

#define SYSTEM_LOINC   "http://loinc.org"
#define SYSTEM_SNOMED  "http://snomed.info/sct"
#define SYSTEM_ICD10CM "http://hl7.org/fhir/sid/icd-10-cm"
#define SYSTEM_RXNORM  "http://www.nlm.nih.gov/research/umls/rxnorm"
#define SYSTEM_UCUM    "http://unitsofmeasure.org"

/* ---- pieces ----------------------------------------------------------------------------------------------------- */

static struct str format(struct writing *s, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
static struct str format(struct writing *s, const char *pattern, ...)
{
	va_list args;
	va_start(args, pattern);
	int n = vsnprintf(s->text, sizeof(s->text), pattern, args);
	va_end(args);
	return str_make(s->text, n < (int)sizeof(s->text) ? (size_t)n : sizeof(s->text) - 1);
}

static struct str date_text(struct writing *s, int64_t day)
{
	int year, month, dom;
	clock_date_from_days(day, &year, &month, &dom);
	return format(s, "%04d-%02d-%02d", year, month, dom);
}

struct str synthetic_instant(struct writing *s, int64_t seconds)
{
	char instant[CLOCK_INSTANT_SIZE];
	clock_format_instant(seconds * 1000, instant);
	return format(s, "%.19sZ", instant);
}

void synthetic_put(struct writing *s, const char *key, struct str text)
{
	json_put_member(&s->w, str_from(key), text);
}

void synthetic_object(struct writing *s, const char *key)
{
	if (key)
		json_key(&s->w, str_from(key));
	json_object_begin(&s->w);
}

void synthetic_array(struct writing *s, const char *key)
{
	json_key(&s->w, str_from(key));
	json_array_begin(&s->w);
}

static void put_coding(struct writing *s, const char *system, struct str code, struct str display)
{
	json_object_begin(&s->w);
	synthetic_put(s, "system", str_from(system));
	synthetic_put(s, "code", code);
	synthetic_put(s, "display", display);
	json_object_end(&s->w);
}

/* "key": {"coding":[{...}], "text": ...} */
void synthetic_concept(struct writing *s, const char *key, const char *system, struct str code, struct str display,
		       struct str text)
{
	synthetic_object(s, key);
	synthetic_array(s, "coding");
	put_coding(s, system, code, display);
	json_array_end(&s->w);
	synthetic_put(s, "text", text);
	json_object_end(&s->w);
}

static void put_reference(struct writing *s, const char *key, struct str reference)
{
	synthetic_object(s, key);
	synthetic_put(s, "reference", reference);
	json_object_end(&s->w);
}

void synthetic_patient_link(struct writing *s, const char *key)
{
	put_reference(s, key, format(s, "Patient/p-%04u", s->patient->number));
}

void synthetic_visit_link(struct writing *s, unsigned visit)
{
	put_reference(s, "encounter", format(s, "Encounter/p-%04u-e%u", s->patient->number, visit));
}

void synthetic_begin(struct writing *s, const char *type, const char *letter, unsigned number)
{
	json_object_begin(&s->w);
	synthetic_object(s, "resource");
	synthetic_put(s, "resourceType", str_from(type));
	synthetic_put(s, "id",
		      letter ? format(s, "p-%04u-%s%u", s->patient->number, letter, number)
			     : format(s, "p-%04u", s->patient->number));
}

void synthetic_end(struct writing *s)
{
	json_object_end(&s->w);
	json_object_end(&s->w);
}

/* ---- resources -------------------------------------------------------------------------------------------------- */

static void write_identifier(struct writing *s)
{
	if (s->patient->no_mrn)
		return;
	synthetic_array(s, "identifier");
	json_object_begin(&s->w);
	synthetic_put(s, "use", S("usual"));
	synthetic_concept(s, "type", TERMINOLOGY "v2-0203", S("MR"), S("Medical record number"), S("MRN"));
	synthetic_put(s, "system", S("https://firth.dev/fhir/NamingSystem/synthetic-mrn"));
	synthetic_put(s, "value",
		      s->patient->mrn.p ? s->patient->mrn : format(s, "%u", 200000 + s->patient->number * 13));
	json_object_end(&s->w);
	json_array_end(&s->w);
}

static void write_name(struct writing *s)
{
	synthetic_array(s, "name");
	json_object_begin(&s->w);
	synthetic_put(s, "use", S("official"));
	synthetic_put(s, "family", s->patient->family);
	synthetic_array(s, "given");
	json_put_str(&s->w, s->patient->given);
	if (s->patient->middle.p)
		json_put_str(&s->w, s->patient->middle);
	json_array_end(&s->w);
	json_object_end(&s->w);
	json_array_end(&s->w);
}

static void write_address(struct writing *s)
{
	synthetic_array(s, "address");
	json_object_begin(&s->w);
	synthetic_put(s, "use", S("home"));
	synthetic_array(s, "line");
	json_put_str(&s->w, format(s, "%u %.*s", s->patient->house, STR_ARG(s->patient->street)));
	json_array_end(&s->w);
	synthetic_put(s, "city", s->patient->city);
	synthetic_put(s, "state", S("ME"));
	synthetic_put(s, "postalCode", s->patient->zip);
	synthetic_put(s, "country", S("US"));
	json_object_end(&s->w);
	json_array_end(&s->w);
}

static void write_patient(struct writing *s)
{
	synthetic_begin(s, "Patient", NULL, 0);
	write_identifier(s);
	synthetic_write_origin(s);
	json_key(&s->w, S("active"));
	json_put_bool(&s->w, true);
	write_name(s);
	synthetic_array(s, "telecom");
	json_object_begin(&s->w);
	synthetic_put(s, "system", S("phone"));
	synthetic_put(s, "value", s->patient->phone);
	synthetic_put(s, "use", S("home"));
	json_object_end(&s->w);
	json_array_end(&s->w);
	synthetic_put(s, "gender", s->patient->female ? S("female") : S("male"));
	synthetic_put(s, "birthDate", date_text(s, s->patient->birth_day));
	write_address(s);
	synthetic_write_marriage(s);
	synthetic_end(s);
}

static void write_visit(struct writing *s, unsigned number)
{
	const struct synthetic_visit *v = &s->patient->visits[number - 1];
	synthetic_begin(s, "Encounter", "e", number);
	synthetic_put(s, "status", S("finished"));
	synthetic_object(s, "class");
	synthetic_put(s, "system", S(TERMINOLOGY "v3-ActCode"));
	synthetic_put(s, "code", v->kind->class_code);
	synthetic_put(s, "display", v->kind->class_display);
	json_object_end(&s->w);
	synthetic_array(s, "type");
	synthetic_concept(s, NULL, SYSTEM_SNOMED, v->kind->snomed, v->kind->snomed_display, v->kind->snomed_display);
	json_array_end(&s->w);
	synthetic_patient_link(s, "subject");
	synthetic_array(s, "participant");
	json_object_begin(&s->w);
	synthetic_object(s, "individual");
	synthetic_put(s, "display", v->clinician);
	json_object_end(&s->w);
	json_object_end(&s->w);
	json_array_end(&s->w);
	synthetic_object(s, "period");
	synthetic_put(s, "start", synthetic_instant(s, v->start_s));
	synthetic_put(s, "end", synthetic_instant(s, v->start_s + v->minutes * 60));
	json_object_end(&s->w);
	synthetic_end(s);
}

static void write_problem_code(struct writing *s, const struct synthetic_problem *p)
{
	synthetic_object(s, "code");
	synthetic_array(s, "coding");
	if (p->coding != 2)
		put_coding(s, SYSTEM_SNOMED, p->condition->snomed, p->condition->snomed_display);
	if (p->coding != 1)
		put_coding(s, SYSTEM_ICD10CM, p->condition->icd10, p->condition->icd10_display);
	json_array_end(&s->w);
	synthetic_put(s, "text", p->condition->icd10_display);
	json_object_end(&s->w);
}

/* One problem, either on the problem list (visit 0) or as the diagnosis of a visit. */
static void write_problem(struct writing *s, unsigned index, unsigned number, unsigned visit)
{
	const struct synthetic_problem *p = &s->patient->problems[index];
	synthetic_begin(s, "Condition", "c", number);
	if (!p->entered_in_error) { /* con-5: an entry made in error has no clinical status */
		struct str status = p->inactive ? S("resolved") : S("active");
		synthetic_concept(s, "clinicalStatus", TERMINOLOGY "condition-clinical", status, STR_NULL, STR_NULL);
	}
	synthetic_concept(s, "verificationStatus", TERMINOLOGY "condition-ver-status",
			  p->entered_in_error ? S("entered-in-error") : S("confirmed"), STR_NULL, STR_NULL);
	synthetic_array(s, "category");
	synthetic_concept(s, NULL, TERMINOLOGY "condition-category",
			  visit ? S("encounter-diagnosis") : S("problem-list-item"),
			  visit ? S("Encounter Diagnosis") : S("Problem List Item"), STR_NULL);
	json_array_end(&s->w);
	write_problem_code(s, p);
	synthetic_patient_link(s, "subject");
	if (visit)
		synthetic_visit_link(s, visit);
	synthetic_put(s, "onsetDateTime", date_text(s, p->onset_day));
	if (p->inactive && !p->entered_in_error)
		synthetic_put(s, "abatementDateTime",
			      date_text(s, p->onset_day + (s->patient->today - p->onset_day) / 2));
	synthetic_put(s, "recordedDate", date_text(s, p->onset_day));
	synthetic_end(s);
}

/* What somebody entered, took back and entered again, as in the public sandbox of Cerner: most of such a list is wrong.
 */
static void write_mistake(struct writing *s, unsigned index, unsigned number)
{
	static const char *const junk[] = {"test", "asdf", "&^%&^%", "  Pain ", "DO NOT USE"};
	const struct synthetic_problem *p = &s->patient->problems[index % s->patient->problem_count];
	bool named = index % 3 != 0;
	synthetic_begin(s, "Condition", "c", number);
	synthetic_concept(s, "verificationStatus", TERMINOLOGY "condition-ver-status", S("entered-in-error"), STR_NULL,
			  STR_NULL);
	synthetic_array(s, "category");
	synthetic_concept(s, NULL, TERMINOLOGY "condition-category", S("problem-list-item"), S("Problem List Item"),
			  STR_NULL);
	json_array_end(&s->w);
	if (named) {
		write_problem_code(s, p);
	} else {
		synthetic_object(s, "code");
		synthetic_put(s, "text", str_from(junk[index / 3 % (sizeof(junk) / sizeof(*junk))]));
		json_object_end(&s->w);
	}
	synthetic_patient_link(s, "subject");
	synthetic_put(s, "recordedDate", index % 20 == 19 ? S("2099-07-07") : date_text(s, p->onset_day));
	synthetic_end(s);
}

static void write_medication(struct writing *s, unsigned index)
{
	const struct synthetic_medication *m = s->patient->medications[index];
	unsigned visit = 1 + index % (unsigned)s->patient->visit_count;
	synthetic_begin(s, "MedicationRequest", "m", index + 1);
	synthetic_put(s, "status", S("active"));
	synthetic_put(s, "intent", S("order"));
	synthetic_concept(s, "medicationCodeableConcept", SYSTEM_RXNORM, m->rxcui, m->name, m->name);
	synthetic_patient_link(s, "subject");
	synthetic_visit_link(s, visit);
	synthetic_put(s, "authoredOn", date_text(s, s->patient->visits[visit - 1].start_s / 86400));
	synthetic_object(s, "requester");
	synthetic_put(s, "display", s->patient->visits[visit - 1].clinician);
	json_object_end(&s->w);
	synthetic_array(s, "dosageInstruction");
	json_object_begin(&s->w);
	synthetic_put(s, "text", m->sig);
	synthetic_write_dosage(s, m);
	json_object_end(&s->w);
	json_array_end(&s->w);
	synthetic_write_supply(s);
	synthetic_end(s);
}

static const struct synthetic_reaction *reaction_for(struct writing *s, unsigned index)
{
	struct dice d = dice_new(s->patient->seed, 9000 + index);
	int64_t total = 0;
	for (size_t i = 0; i < s->tables->reaction_count; i++)
		total += s->tables->reaction[i].weight;
	int64_t at = (int64_t)dice_below(&d, (uint64_t)total);
	size_t i = 0;
	while (i + 1 < s->tables->reaction_count && at >= s->tables->reaction[i].weight)
		at -= s->tables->reaction[i++].weight;
	return &s->tables->reaction[i];
}

static void write_allergy_head(struct writing *s, unsigned number)
{
	synthetic_begin(s, "AllergyIntolerance", "a", number);
	synthetic_concept(s, "clinicalStatus", TERMINOLOGY "allergyintolerance-clinical", S("active"), STR_NULL,
			  STR_NULL);
	synthetic_concept(s, "verificationStatus", TERMINOLOGY "allergyintolerance-verification", S("confirmed"),
			  STR_NULL, STR_NULL);
}

static void write_allergy(struct writing *s, unsigned index)
{
	const struct synthetic_allergen *g = s->patient->allergies[index];
	const struct synthetic_reaction *r = reaction_for(s, index);
	char system[96];
	snprintf(system, sizeof(system), "%.*s", STR_ARG(g->system));
	write_allergy_head(s, index + 1);
	synthetic_put(s, "type", S("allergy"));
	synthetic_array(s, "category");
	json_put_str(&s->w, g->category);
	json_array_end(&s->w);
	synthetic_concept(s, "code", system, g->code, g->name, g->name);
	synthetic_patient_link(s, "patient");
	synthetic_array(s, "reaction");
	json_object_begin(&s->w);
	synthetic_array(s, "manifestation");
	synthetic_concept(s, NULL, SYSTEM_SNOMED, r->snomed, r->display, r->display);
	json_array_end(&s->w);
	json_object_end(&s->w);
	json_array_end(&s->w);
	synthetic_end(s);
}

/* "No known allergy" is a statement of its own (SNOMED CT 716186003): an empty list would mean nobody asked. */
static void write_no_allergy(struct writing *s)
{
	write_allergy_head(s, 1);
	synthetic_concept(s, "code", SYSTEM_SNOMED, S("716186003"), S("No known allergy"), S("No known allergy"));
	synthetic_patient_link(s, "patient");
	synthetic_end(s);
}

/* ---- observations ----------------------------------------------------------------------------------------------- */

static int64_t power_of_ten(unsigned n)
{
	int64_t p = 1;
	while (n--)
		p *= 10;
	return p;
}

static void put_quantity(struct writing *s, int64_t milli, unsigned decimals, struct str unit)
{
	int64_t step = power_of_ten(3 - decimals), one = power_of_ten(decimals);
	int64_t rounded = (milli + step / 2) / step;
	synthetic_object(s, "valueQuantity");
	json_key(&s->w, S("value"));
	if (decimals)
		json_put_raw(&s->w, format(s, "%lld.%0*lld", (long long)(rounded / one), (int)decimals,
					   (long long)(rounded % one)));
	else
		json_put_i64(&s->w, rounded);
	if (unit.p) {
		synthetic_put(s, "unit", unit);
		synthetic_put(s, "system", S(SYSTEM_UCUM));
		synthetic_put(s, "code", unit);
	}
	json_object_end(&s->w);
}

static void begin_observation(struct writing *s, bool laboratory, unsigned visit)
{
	synthetic_begin(s, "Observation", "o", ++s->observations);
	synthetic_put(s, "status", S("final"));
	synthetic_array(s, "category");
	synthetic_concept(s, NULL, TERMINOLOGY "observation-category", laboratory ? S("laboratory") : S("vital-signs"),
			  laboratory ? S("Laboratory") : S("Vital Signs"), STR_NULL);
	json_array_end(&s->w);
	synthetic_patient_link(s, "subject");
	synthetic_visit_link(s, visit);
	synthetic_put(
		s, "effectiveDateTime",
		synthetic_instant(s, s->patient->visits[visit - 1].start_s + 60 * (int64_t)(s->observations % 14)));
}

static void write_value(struct writing *s, struct str loinc, struct str display, int64_t milli, unsigned decimals,
			struct str unit, bool laboratory, unsigned visit)
{
	begin_observation(s, laboratory, visit);
	synthetic_concept(s, "code", SYSTEM_LOINC, loinc, display, display);
	put_quantity(s, milli, decimals, unit);
	synthetic_end(s);
}

static void write_measure(struct writing *s, const char *loinc, unsigned visit)
{
	int64_t milli;
	const struct synthetic_measure *m = synthetic_measure_draw(s->tables, s->patient, loinc, visit, &milli);
	if (!m)
		return;
	/* Some laboratories send a number and nothing else. */
	bool unitless = s->patient->unitless_a1c && str_is(m->loinc, "4548-4");
	write_value(s, m->loinc, m->display, milli, m->decimals, unitless ? STR_NULL : m->ucum, m->laboratory, visit);
}

static void write_component(struct writing *s, const struct synthetic_measure *m, int64_t milli)
{
	json_object_begin(&s->w);
	synthetic_concept(s, "code", SYSTEM_LOINC, m->loinc, m->display, m->display);
	put_quantity(s, milli, 0, m->ucum);
	json_object_end(&s->w);
}

static void write_blood_pressure(struct writing *s, unsigned visit)
{
	int64_t upper, lower;
	const struct synthetic_measure *sys = synthetic_measure_draw(s->tables, s->patient, "8480-6", visit, &upper);
	const struct synthetic_measure *dia = synthetic_measure_draw(s->tables, s->patient, "8462-4", visit, &lower);
	if (!sys || !dia)
		return;
	if (lower > upper - 20000)
		lower = upper - 20000;
	begin_observation(s, false, visit);
	synthetic_concept(s, "code", SYSTEM_LOINC, S("85354-9"), S("Blood pressure panel with all children optional"),
			  S("Blood pressure"));
	synthetic_array(s, "component");
	write_component(s, sys, upper);
	write_component(s, dia, lower);
	json_array_end(&s->w);
	synthetic_end(s);
}

/* Weight follows from height and body mass index. */
static void write_body(struct writing *s, unsigned visit)
{
	int64_t height, bmi;
	if (!synthetic_measure_draw(s->tables, s->patient, "8302-2", 0, &height) ||
	    !synthetic_measure_draw(s->tables, s->patient, "39156-5", visit, &bmi))
		return;
	height -= height % 100;
	if (visit == 1)
		write_value(s, S("8302-2"), S("Body Height"), height, 1, S("cm"), false, visit);
	int64_t weight = bmi * (height / 100) / 100 * (height / 100) / 10000;
	write_value(s, S("29463-7"), S("Body Weight"), weight, 1, S("kg"), false, visit);
}

static void write_vitals(struct writing *s, unsigned visit)
{
	write_blood_pressure(s, visit);
	write_measure(s, "8867-4", visit);
	write_measure(s, "8310-5", visit);
	write_body(s, visit);
}

static void write_labs(struct writing *s, unsigned visit)
{
	static const char *const panel[] = {"2345-7", "2160-0", "3094-0", "2951-2", "2823-3"};
	static const char *const lipids[] = {"2093-3", "2085-9", "2571-8"};
	unsigned before = s->observations;
	for (size_t i = 0; i < sizeof(panel) / sizeof(*panel); i++)
		write_measure(s, panel[i], visit);
	synthetic_write_report(s, "24321-2", "Basic metabolic 2000 panel - Serum or Plasma", before + 1,
			       s->observations, visit);
	write_measure(s, "718-7", visit);
	if (visit % 2 == 0)
		return;
	write_measure(s, "4548-4", visit);
	before = s->observations;
	for (size_t i = 0; i < sizeof(lipids) / sizeof(*lipids); i++)
		write_measure(s, lipids[i], visit);
	synthetic_write_report(s, "24331-1", "Lipid 1996 panel - Serum or Plasma", before + 1, s->observations, visit);
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static void write_problems(struct writing *s)
{
	const struct synthetic_patient *p = s->patient;
	unsigned number = 0;
	for (unsigned i = 0; i < p->problem_count; i++)
		write_problem(s, i, ++number, 0);
	for (unsigned v = 2; v <= p->visit_count && p->problem_count; v += 3) {
		unsigned index = v % (unsigned)p->problem_count;
		if (!p->problems[index].entered_in_error)
			write_problem(s, index, ++number, v);
	}
	for (unsigned i = 0; p->problem_count && i < p->mistakes; i++)
		write_mistake(s, i, ++number);
}

void synthetic_patient_write(const struct synthetic_tables *t, const struct synthetic_patient *p, struct buf *out)
{
	struct writing s = {.tables = t, .patient = p, .w = json_writer(out)};
	json_object_begin(&s.w);
	synthetic_put(&s, "resourceType", S("Bundle"));
	synthetic_put(&s, "type", S("collection"));
	synthetic_array(&s, "entry");
	write_patient(&s);
	for (unsigned v = 1; v <= p->visit_count; v++)
		write_visit(&s, v);
	write_problems(&s);
	for (unsigned i = 0; i < p->medication_count; i++)
		write_medication(&s, i);
	for (unsigned i = 0; i < p->allergy_count; i++)
		write_allergy(&s, i);
	if (!p->allergy_count)
		write_no_allergy(&s);
	for (unsigned v = 1; v <= p->visit_count; v++) {
		write_vitals(&s, v);
		if (p->age >= 18 && v % 2)
			write_labs(&s, v);
	}
	synthetic_write_vaccines(&s);
	synthetic_write_procedures(&s);
	synthetic_write_note(&s);
	json_array_end(&s.w);
	json_object_end(&s.w);
}
