/*
 * Epic's form of results, vital signs, orders of medications, immunizations, procedures, reports and documents.
 * Vital signs are rows of a flowsheet: the site's row comes first among the codings, the panel code "Vital signs" last.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sandbox/reshape_priv.h"

#include "base/encode.h"

/* ---- Observation ------------------------------------------------------------------------------------------------ */

/* Rows of the flowsheet as recorded, with the LOINC codes that each is mapped to, in their order. */
static const struct {
	const char *loinc, *row, *name;
	const char *plain[2]; /* codes under urn:oid:1.2.246.537.6.96 */
	const char *codings[6]; /* code, display */
} rows[] = {
	{"85354-9",
	 "5",
	 "BP",
	 {"8462-4", "8480-6"},
	 {"55284-4", "Blood pressure systolic and diastolic", "85354-9",
	  "Blood pressure panel with all children optional"}},
	{"55284-4",
	 "5",
	 "BP",
	 {"8462-4", "8480-6"},
	 {"55284-4", "Blood pressure systolic and diastolic", "85354-9",
	  "Blood pressure panel with all children optional"}},
	{"8310-5", "6", "Temp", {"8310-5"}, {"8310-5", "Body temperature"}},
	{"8867-4", "8", "Pulse", {"8867-4"}, {"8867-4", "Heart rate"}},
	{"9279-1", "9", "Resp", {"9279-1"}, {"9279-1", "Respiratory rate"}},
	{"2708-6",
	 "10",
	 "SpO2",
	 {"2708-6"},
	 {"2708-6", "Oxygen saturation in Arterial blood", "59408-5",
	  "Oxygen saturation in Arterial blood by Pulse oximetry"}},
	{"8302-2", "11", "Height", {"8302-2"}, {"8302-2", "Body height"}},
	{"29463-7", "14", "Weight", {"29463-7"}, {"29463-7", "Body weight", "3141-9", "Body weight Measured"}},
};

static size_t row_of(struct str loinc)
{
	size_t i = 0;
	while (i < sizeof(rows) / sizeof(*rows) && !str_is(loinc, rows[i].loinc))
		i++;
	return i;
}

static bool is_vital(const struct reshape *x)
{
	return reshape_has(json_get(x->resource, S("category")), "vital-signs");
}

static struct str loinc_of(const struct reshape *x)
{
	return reshape_code(json_get(x->resource, S("code")), "http://loinc.org");
}

static bool is_flowsheet(const struct reshape *x)
{
	return is_vital(x) && row_of(loinc_of(x)) < sizeof(rows) / sizeof(*rows);
}

size_t reshape_epic_rows(const struct json *code)
{
	const char *first = NULL;
	size_t n = 0;
	struct json_iter it = json_iter(json_get(code, S("coding")));
	while (json_next(&it)) {
		size_t row = row_of(json_get_str(it.value, S("code")));
		if (row == sizeof(rows) / sizeof(*rows) || (first && strcmp(first, rows[row].row) == 0))
			continue;
		first = rows[row].row;
		n++;
	}
	return n;
}

static struct str fahrenheit(struct reshape *x)
{
	const struct json *quantity = json_get(x->resource, S("valueQuantity"));
	struct str number = json_number(json_get(quantity, S("value")));
	if (!str_is(json_get_str(quantity, S("code")), "Cel") || !number.p)
		return S("");
	char text[32];
	snprintf(text, sizeof(text), "%.1f", strtod(arena_str(x->ad->arena, number).p, NULL) * 9 / 5 + 32);
	return reshape_form(x->ad->arena,
			    "{'valueQuantity':{'value':#,'unit':'[degF]','system':'" UNITS "','code':'[degF]'},"
			    "'url':'http://open.epic.com/FHIR/STU3/StructureDefinition/temperature-in-fahrenheit'},",
			    str_from(text));
}

static void observation_extension(struct reshape *x, const struct json *value)
{
	(void)value;
	if (is_flowsheet(x))
		reshape_put(x, "extension",
			    "[#{'valueIdentifier':{'system':$,'value':'31020'},'url':'" OPEN_EPIC
			    "extension/template-id'}]",
			    fahrenheit(x), S(EPIC_OID "2.707684"));
}

static void observation_category(struct reshape *x, const struct json *value)
{
	struct json_iter it = json_iter(value);
	json_key(x->w, S("category"));
	json_array_begin(x->w);
	while (json_next(&it)) {
		struct str text = reshape_text(x, it.value);
		json_object_begin(x->w);
		reshape_copy(x, "coding", json_get(it.value, S("coding")));
		json_put_member(x->w, S("text"), text);
		json_object_end(x->w);
	}
	if (reshape_is_lab(x))
		json_put_raw(x->w, reshape_form(x->ad->arena,
						"{'coding':[{'system':$,'code':'Lab','display':'Lab'}],'text':'Lab'}",
						S(EPIC_OID "10.798268.30")));
	json_array_end(x->w);
}

static struct str flowsheet_codings(struct reshape *x, size_t row)
{
	struct arena *a = x->ad->arena;
	struct str name = str_from(rows[row].name);
	struct str flow = adapter_id(EHR_EPIC, a, S("flowsheet"), name, NULL);
	struct str list = reshape_form(a,
				       "{'system':$,'code':$,'display':$},{'system':'" OPEN_EPIC
				       "observation-flowsheet-id','code':$,'display':$}",
				       S(EPIC_OID "2.707679"), str_from(rows[row].row), name,
				       arena_printf(a, "t%.*s0", STR_ARG(str_slice(flow, 1, 23))), name);
	for (size_t i = 0; i < 2 && rows[row].plain[i]; i++)
		list = reshape_form(a, "#,{'system':'urn:oid:1.2.246.537.6.96','code':$}", list,
				    str_from(rows[row].plain[i]));
	bool panel = false; /* the codes are in order, 8716-3 among them */
	for (size_t i = 0; i < 6 && rows[row].codings[i]; i += 2) {
		if (!panel && strcmp(rows[row].codings[i], "8716-3") > 0) {
			list = reshape_form(
				a, "#,{'system':'http://loinc.org','code':'8716-3','display':'Vital signs'}", list);
			panel = true;
		}
		list = reshape_form(a, "#,{'system':'http://loinc.org','code':$,'display':$}", list,
				    str_from(rows[row].codings[i]), str_from(rows[row].codings[i + 1]));
	}
	return panel ? list
		     : reshape_form(a, "#,{'system':'http://loinc.org','code':'8716-3','display':'Vital signs'}", list);
}

static void observation_code(struct reshape *x, const struct json *value)
{
	struct str text = reshape_text(x, value);
	if (is_flowsheet(x)) {
		size_t row = row_of(loinc_of(x));
		reshape_put(x, "code", "{'coding':[#],'text':$}", flowsheet_codings(x, row), str_from(rows[row].name));
		return;
	}
	if (!reshape_is_lab(x)) {
		reshape_concept(x, "code", value);
		return;
	}
	json_key(x->w, S("code"));
	json_object_begin(x->w);
	json_key(x->w, S("coding"));
	json_array_begin(x->w);
	struct json_iter it = json_iter(json_get(value, S("coding")));
	while (json_next(&it))
		adapter_put_value(x->ad, x->w, x->type, it.value);
	json_put_raw(x->w, reshape_form(x->ad->arena, "{'system':$,'code':$,'display':$}", S(EPIC_OID "2.768282"),
					reshape_number(x, "component", text, 1000000), text));
	json_array_end(x->w);
	json_put_member(x->w, S("text"), text);
	json_object_end(x->w);
}

static void observation_performer(struct reshape *x, const struct json *value)
{
	if (!reshape_is_lab(x))
		reshape_put(x, "performer", "[#]", reshape_link_form(x, reshape_person(x, json_at(value, 0)), NULL));
}

/* A specimen for each visit, so that the reference of a result leads somewhere. */
static void observation_specimen(struct reshape *x, const struct json *value)
{
	struct str number, subject = json_get_str(json_get(x->resource, S("subject")), S("reference"));
	struct reshape_link visit = reshape_visit(x, &number);
	struct arena *a = x->ad->arena;
	if (value || !reshape_is_lab(x) || !visit.reference.p) {
		reshape_copy(x, "specimen", reshape_is_lab(x) ? value : NULL);
		return;
	}
	struct str id = adapter_id(EHR_EPIC, a, S("Specimen"), visit.reference, NULL);
	struct str name = arena_printf(a, "19H-%.*sC0001", STR_ARG(str_slice(number, 0, 3)));
	adapter_extra(x->ad, S("Specimen"), id,
		      reshape_form(a,
				   "{'resourceType':'Specimen','id':$,'identifier':[{'use':'usual','system':"
				   "'https://open.epic.com/FHIR/0/order-accession-number/Beaker','value':$}],"
				   "'status':'available','subject':{'reference':$}}",
				   id, name, adapter_reference(x->ad, subject)));
	reshape_put(x, "specimen", "{'reference':$,'display':$}", arena_printf(a, "Specimen/%.*s", STR_ARG(id)),
		    arena_printf(a, "Specimen %.*s", STR_ARG(name)));
}

static void components(struct reshape *x, const struct json *value)
{
	struct json_iter it = json_iter(value);
	if (!json_size(value))
		return;
	json_key(x->w, S("component"));
	json_array_begin(x->w);
	while (json_next(&it)) {
		json_object_begin(x->w);
		reshape_concept(x, "code", json_get(it.value, S("code")));
		struct json_iter members = json_iter(it.value);
		while (json_next(&members)) {
			if (!str_is(members.key, "code"))
				reshape_copy(x, arena_str(x->ad->arena, members.key).p, members.value);
		}
		json_object_end(x->w);
	}
	json_array_end(x->w);
}

static const struct reshape_member observation[] = {{"extension", observation_extension},
						    {"basedOn", NULL},
						    {"status", NULL},
						    {"category", observation_category},
						    {"code", observation_code},
						    {"subject", NULL},
						    {"focus", NULL},
						    {"encounter", reshape_encounter},
						    {"effectiveDateTime", reshape_put_effective},
						    {"issued", reshape_put_issued},
						    {"performer", observation_performer},
						    {"valueQuantity", NULL},
						    {"valueCodeableConcept", NULL},
						    {"valueString", NULL},
						    {"valueInteger", NULL},
						    {"valueBoolean", NULL},
						    {"valueDateTime", NULL},
						    {"dataAbsentReason", NULL},
						    {"interpretation", NULL},
						    {"note", NULL},
						    {"specimen", observation_specimen},
						    {"referenceRange", NULL},
						    {"hasMember", NULL},
						    {"component", components},
						    {NULL, NULL}};

/* ---- MedicationRequest and Medication --------------------------------------------------------------------------- */

static void order_identifier(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(x, "identifier", "[{'use':'usual','system':$,'value':$}]", S(EPIC_OID "2.798268"),
		    reshape_number(x, "order", x->id, 1000000));
}

static void order_category(struct reshape *x, const struct json *value)
{
	const struct json *visit = reshape_visit_resource(x);
	bool inside = visit && str_is(reshape_epic_visit(visit).code, "3");
	bool told = reshape_has(value, "inpatient") || reshape_has(value, "community") ||
		    reshape_has(value, "outpatient") || reshape_has(value, "discharge");
	struct str code = json_get_str(json_at(json_get(json_at(value, 0), S("coding")), 0), S("code"));
	if (!told)
		code = inside ? S("inpatient") : S("community");
	struct str name = str_is(code, "inpatient")    ? S("Inpatient")
			  : str_is(code, "outpatient") ? S("Outpatient")
			  : str_is(code, "discharge")  ? S("Discharge")
						       : S("Community");
	reshape_put(x, "category", "[{'coding':[{'system':$,'code':$,'display':$}],'text':$}]",
		    S(HL7 "medicationrequest-category"), code, name, name);
}

/* Orders never carry the drug itself: a Medication holds its codes. */
static void medication_reference(struct reshape *x, const struct json *value)
{
	const struct json *concept = json_get(x->resource, S("medicationCodeableConcept"));
	struct arena *a = x->ad->arena;
	struct buf codings;
	if (value) {
		struct str old = json_get_str(value, S("reference"));
		const struct json *target = adapter_contained(x->resource, old);
		if (!target) {
			target = adapter_target(x->ad, old);
			struct str name = reshape_text(x, json_get(target, S("code")));
			reshape_put(x, "medicationReference", "{'reference':$,'display':$}",
				    adapter_reference(x->ad, old), name.p ? name : json_get_str(value, S("display")));
			return;
		}
		concept = json_get(target, S("code"));
	}
	struct str name = reshape_text(x, concept);
	if (!name.p)
		return;
	struct str id = adapter_id(EHR_EPIC, a, S("Medication"), name, NULL);
	buf_init(&codings, 1 << 20);
	struct json_writer w = json_writer(&codings);
	json_array_begin(&w);
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it))
		adapter_put_value(x->ad, &w, x->type, it.value);
	json_array_end(&w);
	adapter_extra(x->ad, S("Medication"), id,
		      reshape_form(a,
				   "{'resourceType':'Medication','id':$,'identifier':[{'use':'usual','system':$,"
				   "'value':$}],'code':{'coding':#,'text':$}}",
				   id, S(EPIC_OID "2.698288"), reshape_number(x, "drug", name, 10000),
				   buf_str(&codings), name));
	buf_done(&codings);
	reshape_put(x, "medicationReference", "{'reference':$,'display':$}",
		    arena_printf(a, "Medication/%.*s", STR_ARG(id)), name);
}

static void authored(struct reshape *x, const struct json *value)
{
	if (json_str(value).p)
		reshape_put(x, "authoredOn", "$", reshape_day(json_str(value)));
}

static void requester(struct reshape *x, const struct json *value)
{
	reshape_put(x, "requester", "#", reshape_link_form(x, reshape_person(x, value), "Practitioner"));
}

static void recorder(struct reshape *x, const struct json *value)
{
	const struct json *from = value ? value : json_get(x->resource, S("requester"));
	reshape_put(x, "recorder", "#", reshape_link_form(x, reshape_person(x, from), "Practitioner"));
}

static void course(struct reshape *x, const struct json *value)
{
	bool acute = reshape_has(value, "acute");
	struct str name = acute ? S("Short course (acute) therapy") : S("Continuous long term therapy");
	reshape_put(x, "courseOfTherapyType", "{'coding':[{'system':$,'code':$,'display':$}],'text':$}",
		    S(HL7 "medicationrequest-course-of-therapy"), acute ? S("acute") : S("continuous"), name, name);
}

static struct str raw(struct reshape *x, const struct json *value)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	adapter_put_value(x->ad, &w, x->type, value);
	struct str text = buf_ok(&out) ? arena_str(x->ad->arena, buf_str(&out)) : S("null");
	buf_done(&out);
	return text;
}

/* A concept of the dosage with the site's own number behind the standard codes. */
static struct str dosage_concept(struct reshape *x, const char *key, const struct json *concept, const char *set)
{
	struct str codings = S(""), text = reshape_text(x, concept);
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	if (!text.p)
		return S("");
	while (json_next(&it))
		codings = reshape_form(x->ad->arena, "###", codings, codings.n ? S(",") : S(""), raw(x, it.value));
	if (set)
		codings = reshape_form(x->ad->arena, "##{'system':$,'code':$,'display':$}", codings,
				       codings.n ? S(",") : S(""), str_from(set), reshape_number(x, "route", text, 10),
				       text);
	return reshape_form(x->ad->arena, ",'#':{'coding':[#],'text':$}", str_from(key), codings, text);
}

static struct str dose_kind(struct reshape *x, const char *kind, const struct json *dose, const char *between)
{
	return reshape_form(x->ad->arena,
			    "#{'type':{'coding':[{'system':'http://epic.com/CodeSystem/dose-rate-type','code':$,"
			    "'display':$}],'text':$},'doseQuantity':#}",
			    str_from(between), str_from(kind), str_from(kind), str_from(kind), raw(x, dose));
}

/* Three times a dose: as calculated, as given out, as ordered. */
static struct str doses(struct reshape *x, const struct json *dosage)
{
	const struct json *list = json_get(dosage, S("doseAndRate"));
	size_t n = json_size(list);
	const struct json *ordered = json_get(json_at(list, 0), S("doseQuantity"));
	const struct json *given = n ? json_get(json_at(list, n - 1), S("doseQuantity")) : NULL;
	if (!ordered || !given)
		return S("");
	return reshape_form(x->ad->arena, ",'doseAndRate':[###]", dose_kind(x, "calculated", ordered, ""),
			    dose_kind(x, "admin-amount", given, ","), dose_kind(x, "ordered", ordered, ","));
}

static void dosage(struct reshape *x, const struct json *value)
{
	const struct json *first = json_at(value, 0), *timing = json_get(first, S("timing"));
	struct arena *a = x->ad->arena;
	struct str text = json_get_str(first, S("text")), often = reshape_text(x, json_get(timing, S("code")));
	struct str start = reshape_day(json_get_str(x->resource, S("authoredOn")));
	struct str bounds = start.p ? reshape_form(a, "'repeat':{'boundsPeriod':{'start':$}}", start) : S(""),
		   code = often.p ? reshape_form(a, "#'code':{'text':$}", start.p ? S(",") : S(""), often) : S("");
	if (!text.p)
		text = adapter_medication_name(x->ad, x->resource);
	if (!text.p)
		return;
	reshape_put(x, "dosageInstruction", "[{'text':$,'patientInstruction':$#,'asNeededBoolean':####}]",
		    start.p ? arena_printf(a, "%.*s, Starting %.*s, Normal", STR_ARG(text), STR_ARG(start)) : text,
		    text, start.p || often.p ? reshape_form(a, ",'timing':{##}", bounds, code) : S(""),
		    json_bool(json_get(first, S("asNeededBoolean"))) ? S("true") : S("false"),
		    dosage_concept(x, "route", json_get(first, S("route")), EPIC_OID "4.798268.7025"),
		    dosage_concept(x, "method", json_get(first, S("method")), NULL), doses(x, first));
}

static void dispense(struct reshape *x, const struct json *value)
{
	static const char *const keys[] = {"numberOfRepeatsAllowed", "quantity", "expectedSupplyDuration"};
	struct str start = reshape_day(json_get_str(x->resource, S("authoredOn")));
	bool any = start.p != NULL;
	for (size_t i = 0; i < 3; i++)
		any = any || json_get(value, str_from(keys[i]));
	if (!any)
		return;
	json_key(x->w, S("dispenseRequest"));
	json_object_begin(x->w);
	if (start.p)
		reshape_put(x, "validityPeriod", "{'start':$}", start);
	for (size_t i = 0; i < 3; i++)
		reshape_copy(x, keys[i], json_get(value, str_from(keys[i])));
	json_object_end(x->w);
}

static const struct reshape_member order[] = {{"identifier", order_identifier},
					      {"status", NULL},
					      {"intent", NULL},
					      {"category", order_category},
					      {"medicationReference", medication_reference},
					      {"subject", NULL},
					      {"encounter", reshape_encounter},
					      {"authoredOn", authored},
					      {"requester", requester},
					      {"recorder", recorder},
					      {"courseOfTherapyType", course},
					      {"dosageInstruction", dosage},
					      {"dispenseRequest", dispense},
					      {NULL, NULL}};

/* ---- Immunization ----------------------------------------------------------------------------------------------- */

static void vaccine_identifier(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(x, "identifier", "[{'use':'usual','system':$,'value':$}]", S(EPIC_OID "2.768076"),
		    reshape_number(x, "vaccine", x->id, 10000));
}

/* Codes without a display: the text says it. */
static void vaccine_code(struct reshape *x, const struct json *value)
{
	struct str codings = S(""), text = reshape_text(x, value);
	struct json_iter it = json_iter(json_get(value, S("coding")));
	while (json_next(&it))
		codings = reshape_form(x->ad->arena, "##{'system':$,'code':$}", codings, codings.n ? S(",") : S(""),
				       json_get_str(it.value, S("system")), json_get_str(it.value, S("code")));
	reshape_put(x, "vaccineCode", "{##'text':$}",
		    codings.n ? reshape_form(x->ad->arena, "'coding':[#]", codings) : S(""), codings.n ? S(",") : S(""),
		    text);
}

static void vaccine_time(struct reshape *x, const struct json *value)
{
	if (json_str(value).p)
		reshape_put(x, "occurrenceDateTime", "$", reshape_day(json_str(value)));
}

static void vaccine_place(struct reshape *x, const struct json *value)
{
	struct str name = json_get_str(value, S("display"));
	if (value)
		reshape_put(x, "location", "{'display':$}", name.p ? name : S("FHIR Sandbox"));
}

static const struct reshape_member immunization[] = {{"identifier", vaccine_identifier},
						     {"status", NULL},
						     {"statusReason", NULL},
						     {"vaccineCode", vaccine_code},
						     {"patient", NULL},
						     {"encounter", reshape_encounter},
						     {"occurrenceDateTime", vaccine_time},
						     {"primarySource", reshape_put_primary_source},
						     {"location", vaccine_place},
						     {"manufacturer", NULL},
						     {"lotNumber", NULL},
						     {"site", NULL},
						     {"route", NULL},
						     {"doseQuantity", NULL},
						     {"performer", NULL},
						     {"note", NULL},
						     {NULL, NULL}};

const struct reshape_member *reshape_epic_more(struct str type)
{
	return str_is(type, "Observation")	   ? observation
	       : str_is(type, "MedicationRequest") ? order
	       : str_is(type, "Immunization")	   ? immunization
						   : reshape_epic_papers(type);
}
