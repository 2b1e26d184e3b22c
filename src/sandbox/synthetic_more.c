/* What else a record holds: origin, how drugs are taken, vaccines, procedures, panels of results, and a note. */
#include <stdio.h>

#include "sandbox/synthetic_write_priv.h"

#include "base/encode.h"

/* ---- who somebody is -------------------------------------------------------------------------------------------- */

struct origin {
	const char *code, *display;
	unsigned upto; /* of a hundred */
};
static const struct origin races[] = {{"2106-3", "White", 78},
				      {"2054-5", "Black or African American", 90},
				      {"2028-9", "Asian", 96},
				      {"1002-5", "American Indian or Alaska Native", 100}};
static const struct origin ethnicities[] = {{"2186-5", "Not Hispanic or Latino", 85},
					    {"2135-2", "Hispanic or Latino", 100}};

static void put_origin(struct writing *s, const char *url, const struct origin *rows, uint64_t draw)
{
	char full[96];
	snprintf(full, sizeof(full), "http://hl7.org/fhir/us/core/StructureDefinition/%s", url);
	while (draw >= rows->upto)
		rows++;
	json_object_begin(&s->w);
	synthetic_array(s, "extension");
	json_object_begin(&s->w);
	synthetic_put(s, "url", S("ombCategory"));
	synthetic_object(s, "valueCoding");
	synthetic_put(s, "system", S("urn:oid:2.16.840.1.113883.6.238"));
	synthetic_put(s, "code", str_from(rows->code));
	synthetic_put(s, "display", str_from(rows->display));
	json_object_end(&s->w);
	json_object_end(&s->w);
	json_object_begin(&s->w);
	synthetic_put(s, "url", S("text"));
	synthetic_put(s, "valueString", str_from(rows->display));
	json_object_end(&s->w);
	json_array_end(&s->w);
	synthetic_put(s, "url", str_from(full));
	json_object_end(&s->w);
}

void synthetic_write_origin(struct writing *s)
{
	struct dice d = dice_new(s->patient->seed, 7001);
	synthetic_array(s, "extension");
	put_origin(s, "us-core-race", races, dice_below(&d, 100));
	put_origin(s, "us-core-ethnicity", ethnicities, dice_below(&d, 100));
	json_array_end(&s->w);
}

void synthetic_write_marriage(struct writing *s)
{
	static const char *const states[][2] = {{"S", "Never Married"}, {"M", "Married"}, {"D", "Divorced"}};
	struct dice d = dice_new(s->patient->seed, 7002);
	size_t i = s->patient->age < 25 ? 0 : dice_below(&d, 3);
	synthetic_concept(s, "maritalStatus", TERMINOLOGY "v3-MaritalStatus", str_from(states[i][0]),
			  str_from(states[i][1]), str_from(states[i][1]));
	synthetic_array(s, "communication");
	json_object_begin(&s->w);
	synthetic_concept(s, "language", "urn:ietf:bcp:47", S("en"), S("English"), S("English"));
	json_key(&s->w, S("preferred"));
	json_put_bool(&s->w, true);
	json_object_end(&s->w);
	json_array_end(&s->w);
}

/* ---- how a drug is taken ---------------------------------------------------------------------------------------- */

static const struct {
	const char *word, *route, *route_name, *method, *method_name;
} routes[] = {{"Sublingual", "37839007", "Sublingual route", "419652001", "Take"},
	      {"Injectable", "34206005", "Subcutaneous route", "422145002", "Inject"},
	      {"Inhal", "447694001", "Respiratory tract route", NULL, NULL},
	      {"Oral", "26643006", "Oral route", "419652001", "Take"}};

static const struct {
	const char *word, *ucum, *unit;
} forms[] = {{"tablet", "{tbl}", "tablet"},
	     {"capsule", "{capsule}", "capsule"},
	     {"unit", "[iU]", "Units"},
	     {"puff", "{puff}", "puff"}};

static void put_dose(struct writing *s, const char *type, struct str value, const char *unit, const char *ucum)
{
	json_object_begin(&s->w);
	synthetic_concept(s, "type", TERMINOLOGY "dose-rate-type", str_from(type), STR_NULL, str_from(type));
	synthetic_object(s, "doseQuantity");
	json_key(&s->w, S("value"));
	json_put_raw(&s->w, value);
	synthetic_put(s, "unit", str_from(unit));
	synthetic_put(s, "system", S("http://unitsofmeasure.org"));
	synthetic_put(s, "code", str_from(ucum));
	json_object_end(&s->w);
	json_object_end(&s->w);
}

/* "lisinopril 10 MG Oral Tablet": 10, when one whole strength is named; STR_NULL otherwise. */
static struct str strength(struct str name)
{
	size_t at = str_find(name, S(" MG ")), from = at;
	if (at == STR_NONE || str_find(str_slice(name, at + 1, name.n), S(" MG ")) != STR_NONE)
		return STR_NULL;
	while (from > 0 && name.p[from - 1] >= '0' && name.p[from - 1] <= '9')
		from--;
	return from < at && from > 0 && name.p[from - 1] == ' ' && name.p[from] != '0' ? str_slice(name, from, at)
										       : STR_NULL;
}

/* The dose as ordered, in mg where the strength is known, and as given out. */
static void put_doses(struct writing *s, const struct synthetic_medication *m)
{
	struct str rest = m->sig, count = str_split(&rest, ' ');
	struct str mg = strength(m->name);
	uint64_t n;
	if (!str_to_u64(count, &n))
		return;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (!str_starts(rest, str_from(forms[i].word)))
			continue;
		synthetic_array(s, "doseAndRate");
		if (mg.p && n == 1)
			put_dose(s, "ordered", mg, "mg", "mg");
		put_dose(s, "calculated", count, forms[i].unit, forms[i].ucum);
		json_array_end(&s->w);
		return;
	}
}

void synthetic_write_dosage(struct writing *s, const struct synthetic_medication *m)
{
	struct str often = str_find(m->sig, S("twice")) != STR_NONE	? S("2 times daily")
			   : str_find(m->sig, S("nightly")) != STR_NONE ? S("Nightly")
			   : str_find(m->sig, S("needed")) != STR_NONE	? S("As needed")
									: S("Daily");
	synthetic_object(s, "timing");
	synthetic_object(s, "code");
	synthetic_put(s, "text", often);
	json_object_end(&s->w);
	json_object_end(&s->w);
	json_key(&s->w, S("asNeededBoolean"));
	json_put_bool(&s->w, str_is(often, "As needed"));
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		if (str_find(m->name, str_from(routes[i].word)) == STR_NONE)
			continue;
		synthetic_concept(s, "route", "http://snomed.info/sct", str_from(routes[i].route),
				  str_from(routes[i].route_name), str_from(routes[i].route_name));
		if (routes[i].method)
			synthetic_concept(s, "method", "http://snomed.info/sct", str_from(routes[i].method),
					  str_from(routes[i].method_name), str_from(routes[i].method_name));
		break;
	}
	put_doses(s, m);
}

void synthetic_write_supply(struct writing *s)
{
	synthetic_object(s, "dispenseRequest");
	json_key(&s->w, S("numberOfRepeatsAllowed"));
	json_put_i64(&s->w, 3);
	json_key(&s->w, S("quantity"));
	json_put_raw(&s->w, S("{\"value\":90,\"unit\":\"each\"}"));
	json_key(&s->w, S("expectedSupplyDuration"));
	json_put_raw(&s->w,
		     S("{\"value\":90,\"unit\":\"Day\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"d\"}"));
	json_object_end(&s->w);
}

/* ---- vaccines and procedures ------------------------------------------------------------------------------------ */

/* CVX codes of the CDC. */
static const struct {
	const char *code, *display;
	unsigned from_age;
} vaccines[] = {{"88", "influenza, unspecified formulation", 1},
		{"115", "Tdap", 11},
		{"33", "pneumococcal polysaccharide PPV23", 65}};

void synthetic_write_vaccines(struct writing *s)
{
	unsigned number = 0;
	for (size_t i = 0; i < sizeof(vaccines) / sizeof(*vaccines); i++) {
		if (s->patient->age < vaccines[i].from_age || i >= s->patient->visit_count)
			continue;
		synthetic_begin(s, "Immunization", "i", ++number);
		synthetic_put(s, "status", S("completed"));
		synthetic_concept(s, "vaccineCode", "http://hl7.org/fhir/sid/cvx", str_from(vaccines[i].code),
				  str_from(vaccines[i].display), str_from(vaccines[i].display));
		synthetic_patient_link(s, "patient");
		synthetic_visit_link(s, (unsigned)i + 1);
		synthetic_put(s, "occurrenceDateTime", synthetic_instant(s, s->patient->visits[i].start_s));
		json_key(&s->w, S("primarySource"));
		json_put_bool(&s->w, true);
		synthetic_end(s);
	}
}

void synthetic_write_procedures(struct writing *s)
{
	bool old = s->patient->age >= 50;
	if (s->patient->age < 30 || !s->patient->visit_count)
		return;
	synthetic_begin(s, "Procedure", "x", 1);
	synthetic_put(s, "status", S("completed"));
	synthetic_concept(s, "code", "http://snomed.info/sct", old ? S("73761001") : S("29303009"),
			  old ? S("Colonoscopy") : S("Electrocardiographic procedure"),
			  old ? S("Colonoscopy") : S("Electrocardiogram"));
	synthetic_patient_link(s, "subject");
	synthetic_visit_link(s, 1);
	synthetic_put(s, "performedDateTime", synthetic_instant(s, s->patient->visits[0].start_s + 600));
	synthetic_end(s);
}

/* ---- reports and notes ------------------------------------------------------------------------------------------ */

void synthetic_write_report(struct writing *s, const char *loinc, const char *name, unsigned first, unsigned last,
			    unsigned visit)
{
	if (last < first)
		return;
	synthetic_begin(s, "DiagnosticReport", "r", ++s->reports);
	synthetic_put(s, "status", S("final"));
	synthetic_array(s, "category");
	synthetic_concept(s, NULL, TERMINOLOGY "v2-0074", S("LAB"), S("Laboratory"), STR_NULL);
	json_array_end(&s->w);
	synthetic_concept(s, "code", "http://loinc.org", str_from(loinc), str_from(name), str_from(name));
	synthetic_patient_link(s, "subject");
	synthetic_visit_link(s, visit);
	synthetic_put(s, "effectiveDateTime", synthetic_instant(s, s->patient->visits[visit - 1].start_s + 600));
	synthetic_put(s, "issued", synthetic_instant(s, s->patient->visits[visit - 1].start_s + 7200));
	synthetic_array(s, "result");
	for (unsigned i = first; i <= last; i++) {
		json_object_begin(&s->w);
		char text[64];
		snprintf(text, sizeof(text), "Observation/p-%04u-o%u", s->patient->number, i);
		synthetic_put(s, "reference", str_from(text));
		json_object_end(&s->w);
	}
	json_array_end(&s->w);
	synthetic_end(s);
}

static void put_note_text(struct writing *s, const struct synthetic_visit *v)
{
	struct buf text, coded;
	buf_init(&text, 1 << 16);
	buf_init(&coded, 1 << 17);
	buf_printf(&text, "Progress note\nClinician: %.*s\nVisit: %.*s\n\nProblems:\n", STR_ARG(v->clinician),
		   STR_ARG(v->kind->snomed_display));
	for (size_t i = 0; i < s->patient->problem_count; i++)
		buf_printf(&text, "- %.*s\n", STR_ARG(s->patient->problems[i].condition->icd10_display));
	buf_add(&text, S("\nMedications:\n"));
	for (size_t i = 0; i < s->patient->medication_count; i++)
		buf_printf(&text, "- %.*s, %.*s\n", STR_ARG(s->patient->medications[i]->name),
			   STR_ARG(s->patient->medications[i]->sig));
	encode_base64(&coded, buf_str(&text));
	synthetic_put(s, "data", buf_str(&coded));
	buf_done(&text);
	buf_done(&coded);
}

void synthetic_write_note(struct writing *s)
{
	const struct synthetic_visit *v = s->patient->visits;
	if (!s->patient->visit_count)
		return;
	synthetic_begin(s, "DocumentReference", "d", 1);
	synthetic_put(s, "status", S("current"));
	synthetic_put(s, "docStatus", S("final"));
	synthetic_concept(s, "type", "http://loinc.org", S("11506-3"), S("Progress note"), S("Progress note"));
	synthetic_array(s, "category");
	synthetic_concept(s, NULL, "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
			  S("clinical-note"), S("Clinical Note"), STR_NULL);
	json_array_end(&s->w);
	synthetic_patient_link(s, "subject");
	synthetic_put(s, "date", synthetic_instant(s, v->start_s + 1800));
	synthetic_array(s, "author");
	json_object_begin(&s->w);
	synthetic_put(s, "display", v->clinician);
	json_object_end(&s->w);
	json_array_end(&s->w);
	synthetic_array(s, "content");
	json_object_begin(&s->w);
	synthetic_object(s, "attachment");
	synthetic_put(s, "contentType", S("text/plain;charset=utf-8"));
	put_note_text(s, v);
	json_object_end(&s->w);
	json_object_end(&s->w);
	json_array_end(&s->w);
	synthetic_object(s, "context");
	synthetic_array(s, "encounter");
	json_object_begin(&s->w);
	char text[64];
	snprintf(text, sizeof(text), "Encounter/p-%04u-e1", s->patient->number);
	synthetic_put(s, "reference", str_from(text));
	json_object_end(&s->w);
	json_array_end(&s->w);
	synthetic_object(s, "period");
	synthetic_put(s, "start", synthetic_instant(s, v->start_s));
	synthetic_put(s, "end", synthetic_instant(s, v->start_s + v->minutes * 60));
	json_object_end(&s->w);
	json_object_end(&s->w);
	synthetic_end(s);
}
