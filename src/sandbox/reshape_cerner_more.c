/* Cerner's form of results, vital signs, orders of medications, procedures, reports and documents. */
#include <stdio.h>
#include <stdlib.h>

#include "sandbox/reshape_priv.h"

/* ---- events of code set 72 --------------------------------------------------------------------------------------- */

/* As recorded, with the LOINC codes that each is mapped to and the unit that is written out. Others get a number. */
static const struct {
	const char *loinc, *number, *name;
	const char *codings[4]; /* code, display */
} events[] = {
	{"8310-5", "703558", "Temperature Oral", {"8310-5", "Body temperature", "8331-1", "Oral temperature"}},
	{"8331-1", "703558", "Temperature Oral", {"8310-5", "Body temperature", "8331-1", "Oral temperature"}},
	{"9279-1", "703540", "Respiratory Rate", {"9279-1", "Respiratory rate"}},
	{"2708-6",
	 "703498",
	 "Oxygen Saturation",
	 {"2708-6", "Oxygen saturation in Arterial blood", "59408-5",
	  "Oxygen saturation in Arterial blood by Pulse oximetry"}},
	{"59408-5",
	 "703498",
	 "Oxygen Saturation",
	 {"2708-6", "Oxygen saturation in Arterial blood", "59408-5",
	  "Oxygen saturation in Arterial blood by Pulse oximetry"}},
	{"29463-7", "4154120", "Weight Measured", {"29463-7", "Body weight", "3141-9", "Body weight Measured"}},
	{"8302-2", "4154126", "Height/Length Measured", {"3137-7", "Body height Measured", "8302-2", "Body height"}},
	{"39156-5", "4154132", "Body Mass Index Measured", {"39156-5", "Body mass index (BMI) [Ratio]"}},
	{"8480-6",
	 "703501",
	 "Systolic Blood Pressure",
	 {"8480-6", "Systolic blood pressure", "85354-9", "Blood pressure panel with all children optional"}},
	{"8462-4",
	 "703516",
	 "Diastolic Blood Pressure",
	 {"8462-4", "Diastolic blood pressure", "85354-9", "Blood pressure panel with all children optional"}},
};

static struct str event_number(struct reshape *x, const struct json *concept)
{
	struct str code = json_get_str(json_at(json_get(concept, S("coding")), 0), S("code"));
	return reshape_number(x, "codeSet/72", code.p ? code : reshape_text(x, concept), 1000000);
}

static struct str known_event(struct reshape *x, size_t i)
{
	struct arena *a = x->ad->arena;
	struct str list = reshape_form(a, "{'system':'" CERNER_SET("72") "','code':$,'display':$,'userSelected':true}",
				       str_from(events[i].number), str_from(events[i].name));
	for (size_t k = 0; k < 4 && events[i].codings[k]; k += 2)
		list = reshape_form(a, "#,{'system':'http://loinc.org','code':$,'display':$}", list,
				    str_from(events[i].codings[k]), str_from(events[i].codings[k + 1]));
	return reshape_form(a, "{'coding':[#],'text':$}", list, str_from(events[i].name));
}

/* An event of the site in front of what it is mapped to; a pressure as a whole has none of its own. */
static struct str event(struct reshape *x, const struct json *concept)
{
	struct arena *a = x->ad->arena;
	struct str loinc = reshape_code(concept, "http://loinc.org"), text = reshape_text(x, concept), list;
	for (size_t i = 0; !reshape_is_lab(x) && i < sizeof(events) / sizeof(*events); i++) {
		if (str_is(loinc, events[i].loinc))
			return known_event(x, i);
	}
	if (str_is(loinc, "85354-9"))
		return reshape_form(a, "{'coding':[{'system':'http://loinc.org','code':'85354-9','display':"
				       "'Blood pressure panel with all children optional'}],'text':'Blood pressure'}");
	list = reshape_form(a, "{'system':'" CERNER_SET("72") "','code':$,'display':$,'userSelected':true}",
			    event_number(x, concept), text);
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it)) {
		struct str display = json_get_str(it.value, S("display"));
		list = reshape_form(a, "#,{'system':$,'code':$#,'userSelected':false}", list,
				    json_get_str(it.value, S("system")), json_get_str(it.value, S("code")),
				    display.p ? reshape_form(a, ",'display':$", display) : S(""));
	}
	return reshape_form(a, "{'coding':[#],'text':$}", list, text);
}

/* ---- Observation ------------------------------------------------------------------------------------------------ */

static void event_identifier(struct reshape *x, const struct json *value)
{
	struct str time = reshape_time_of(
		x->resource, (const char *const[]){"effectiveDateTime", "effectivePeriod", "date", "issued", NULL});
	struct arena *a = x->ad->arena;
	struct str digits = S("");
	(void)value;
	for (size_t i = 0; i < time.n && digits.n < 14; i++) {
		if (time.p[i] >= '0' && time.p[i] <= '9')
			digits = arena_printf(a, "%.*s%c", STR_ARG(digits), time.p[i]);
	}
	struct str rest = x->id, list = S("");
	while (rest.p) { /* "L-1", "BP-1-2": the numbers of the events */
		struct str number = str_split(&rest, '-');
		uint64_t n;
		if (!str_to_u64(number, &n) || !n)
			continue;
		list = reshape_form(a, "##{'system':'https://fhir.cerner.com/ceuuid','value':$}", list,
				    list.n ? S(",") : S(""),
				    arena_printf(a, "CE87caf4b7-9397-4667-9897-702218017c9e-%.*s-%.*s00",
						 STR_ARG(number), STR_ARG(digits)));
	}
	if (list.n)
		reshape_put(x, "identifier", "[#]", list);
}

static void observation_category(struct reshape *x, const struct json *value)
{
	struct json_iter it = json_iter(value);
	struct arena *a = x->ad->arena;
	struct str list = S("");
	while (json_next(&it)) {
		const struct json *coding = json_at(json_get(it.value, S("coding")), 0);
		struct str text = reshape_text(x, it.value);
		if (json_get_str(coding, S("code")).p)
			list = reshape_form(a, "##{'coding':[{'system':$,'code':$,'display':$#}],'text':$}", list,
					    list.n ? S(",") : S(""), json_get_str(coding, S("system")),
					    json_get_str(coding, S("code")), text,
					    reshape_is_lab(x) ? S(",\"userSelected\":false") : S(""), text);
	}
	if (list.n)
		reshape_put(x, "category", "[#]", list);
}

static void observation_code(struct reshape *x, const struct json *value)
{
	reshape_put(x, "code", "#", event(x, value));
}

static void bare_reference(struct reshape *x, const char *key, const struct json *value)
{
	struct str old = json_get_str(value, S("reference"));
	if (old.p)
		reshape_put(x, key, "{'reference':$}", adapter_reference(x->ad, old));
}

static void bare_subject(struct reshape *x, const struct json *value)
{
	bare_reference(x, "subject", value);
}

static const char legal_authenticator[] =
	"{'valueCodeableConcept':{'coding':[{'system':'" HL7 "v3-ParticipationType','code':'LA','display':"
	"'legal authenticator'}],'text':'legal authenticator'},'url':'" PERFORMER_FUNCTION "'}";

static void observation_performer(struct reshape *x, const struct json *value)
{
	struct arena *a = x->ad->arena;
	struct str also =
		reshape_is_lab(x)
			? reshape_form(a, ",{'valueCodeableConcept':{'coding':[{'system':'" HL7
					  "v3-ParticipationType','code':'PPRF','display':'primary performer'}],'text':"
					  "'primary performer'},'url':'" PERFORMER_FUNCTION "'}")
			: S("");
	reshape_put(x, "performer", "[{'extension':[##],'reference':$}]", reshape_form(a, legal_authenticator), also,
		    reshape_person(x, json_at(value, 0)).reference);
}

/* How the charting screens write units, beside the UCUM code. */
static const char *const units[][2] = {{"Cel", "degC"},	    {"[degF]", "degF"},	    {"mm[Hg]", "mmHg"},
				       {"/min", "bpm"},	    {"{beats}/min", "bpm"}, {"kg/m2", "kgm2"},
				       {"meq/L", "mmol/L"}, {"umol/L", "mcmol/L"}};

static struct str temperature(struct reshape *x, const struct json *quantity)
{
	struct str number = json_number(json_get(quantity, S("value")));
	char text[32];
	if (!str_is(json_get_str(quantity, S("code")), "Cel") || !number.p)
		return S("");
	snprintf(text, sizeof(text), "%.1f", strtod(arena_str(x->ad->arena, number).p, NULL) * 9 / 5 + 32);
	return reshape_form(x->ad->arena,
			    "'extension':[{'valueQuantity':{'value':#,'unit':'degF','system':'" UNITS
			    "','code':'[degF]'},"
			    "'url':'http://hl7.org/fhir/StructureDefinition/iso21090-PQ-translation'}],",
			    str_from(text));
}

static struct str quantity_form(struct reshape *x, const struct json *quantity)
{
	struct str number = json_number(json_get(quantity, S("value"))), code = json_get_str(quantity, S("code"));
	struct str unit = json_get_str(quantity, S("unit"));
	struct arena *a = x->ad->arena;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (str_is(code, units[i][0]))
			unit = str_from(units[i][1]);
	}
	if (!number.p)
		return S("{}");
	return reshape_form(a, "{#'value':###}", temperature(x, quantity), number,
			    unit.p ? reshape_form(a, ",'unit':$", unit) : S(""),
			    code.p ? reshape_form(a, ",'system':'" UNITS "','code':$", code) : S(""));
}

static void value_quantity(struct reshape *x, const struct json *value)
{
	if (value)
		reshape_put(x, "valueQuantity", "#", quantity_form(x, value));
}

static struct str as_it_is(struct arena *a, const struct json *value)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	struct json_writer w = json_writer(&text);
	json_put_value(&w, value);
	struct str copy = buf_ok(&text) ? arena_str(a, buf_str(&text)) : S("null");
	buf_done(&text);
	return copy;
}

static void components(struct reshape *x, const struct json *value)
{
	struct json_iter it = json_iter(value);
	struct arena *a = x->ad->arena;
	struct str list = S("");
	while (json_next(&it)) {
		const struct json *quantity = json_get(it.value, S("valueQuantity"));
		struct str comma = list.n ? S(",") : S("");
		if (quantity)
			list = reshape_form(a, "##{'code':#,'valueQuantity':#}", list, comma,
					    event(x, json_get(it.value, S("code"))), quantity_form(x, quantity));
		else if (json_get(it.value, S("dataAbsentReason")))
			list = reshape_form(a, "##{'code':#,'dataAbsentReason':#}", list, comma,
					    as_it_is(a, json_get(it.value, S("code"))),
					    as_it_is(a, json_get(it.value, S("dataAbsentReason"))));
	}
	if (list.n)
		reshape_put(x, "component", "[#]", list);
}

static const struct reshape_member observation[] = {{"identifier", event_identifier},
						    {"status", NULL},
						    {"category", observation_category},
						    {"code", observation_code},
						    {"subject", bare_subject},
						    {"encounter", reshape_encounter},
						    {"effectiveDateTime", reshape_put_effective},
						    {"issued", reshape_put_issued},
						    {"performer", observation_performer},
						    {"valueQuantity", value_quantity},
						    {"valueCodeableConcept", NULL},
						    {"valueString", NULL},
						    {"valueDateTime", NULL},
						    {"dataAbsentReason", NULL},
						    {"interpretation", NULL},
						    {"note", NULL},
						    {"referenceRange", NULL},
						    {"component", components},
						    {NULL, NULL}};

/* ---- MedicationRequest ------------------------------------------------------------------------------------------ */

static void order_extension(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(x, "extension",
		    "[{'valueCodeableConcept':{'text':'Does not need pharmacy verification'},'url':"
		    "'https://fhir-ehr.cerner.com/r4/StructureDefinition/pharmacy-verification-status'},"
		    "{'valueCoding':{'system':'http://electronichealth.se/fhir/ValueSet/prescription-format','code':"
		    "'ELECTRONIC','display':'Electronic'},'url':"
		    "'http://electronichealth.se/fhir/StructureDefinition/NLLPrescriptionFormat'},"
		    "{'valueCoding':{'system':'http://ehalsomyndigheten.se/fhir/ValueSet/registration-basis-codes',"
		    "'code':'ELECTRONIC','display':'Electronic'},'url':"
		    "'http://electronichealth.se/fhir/StructureDefinition/NLLRegistrationBasis'}]");
}

static void order_category(struct reshape *x, const struct json *value)
{
	struct str code = json_get_str(json_get(reshape_visit_resource(x), S("class")), S("code"));
	bool inside = reshape_has(value, "inpatient") || str_is(code, "IMP");
	reshape_put(x, "category",
		    "[{'coding':[{'system':'" HL7
		    "medicationrequest-category','code':$,'display':$,'userSelected':false}]}]",
		    inside ? S("inpatient") : S("community"), inside ? S("Inpatient") : S("Community"));
}

static void reported(struct reshape *x, const struct json *value)
{
	reshape_put(x, "reportedBoolean", json_bool(value) ? "true" : "false");
}

static void medication(struct reshape *x, const struct json *value)
{
	struct arena *a = x->ad->arena;
	struct str reference = json_get_str(json_get(x->resource, S("medicationReference")), S("reference"));
	const struct json *inside = adapter_contained(x->resource, reference);
	if (!value)
		value = json_get(inside ? inside : adapter_target(x->ad, reference), S("code"));
	struct str rxnorm = reshape_code(value, "http://www.nlm.nih.gov/research/umls/rxnorm");
	struct str name = value ? reshape_text(x, value) : adapter_medication_name(x->ad, x->resource);
	if (!name.p)
		return;
	reshape_put(x, "medicationCodeableConcept",
		    "{'coding':[#{'system':'https://fhir.cerner.com/" CERNER_TENANT
		    "/synonym','code':$,'display':$,'userSelected':true}],'text':$}",
		    rxnorm.p ? reshape_form(a,
					    "{'system':'http://www.nlm.nih.gov/research/umls/rxnorm','code':$,"
					    "'display':$,'userSelected':false},",
					    rxnorm, name)
			     : S(""),
		    reshape_number(x, "synonym", name, 1000000), name, name);
}

static void authored(struct reshape *x, const struct json *value)
{
	struct str time = json_str(value);
	if (time.n == 10)
		time = arena_printf(x->ad->arena, "%.*sT14:00:00Z", STR_ARG(time));
	if (time.p)
		reshape_put(x, "authoredOn", "$", reshape_seconds(x, time));
}

static void requester(struct reshape *x, const struct json *value)
{
	reshape_put(x, "requester", "#", reshape_link_form(x, reshape_person(x, value), NULL));
}

static void course(struct reshape *x, const struct json *value)
{
	bool acute = reshape_has(value, "acute");
	struct str name = acute ? S("Short course (acute) therapy") : S("Soft Stop"); /* the latter as recorded */
	reshape_put(x, "courseOfTherapyType", "#",
		    reshape_cerner_concept(x, "4009", acute ? reshape_number(x, "course", name, 1000) : S("2338"), name,
					   HL7 "medicationrequest-course-of-therapy",
					   acute ? S("acute") : S("continuous"),
					   acute ? name : S("Continuous long term therapy")));
}

static struct str route_form(struct reshape *x, const struct json *route)
{
	struct str code = reshape_code(route, "http://snomed.info/sct"), name = reshape_text(x, route);
	if (!code.p || !name.p)
		return S("");
	return reshape_form(x->ad->arena, ",'route':#",
			    reshape_cerner_concept(x, "4001", reshape_number(x, "codeSet/4001", name, 100000), name,
						   "http://snomed.info/sct", code, name));
}

static void dosage(struct reshape *x, const struct json *value)
{
	const struct json *first = json_at(value, 0), *list = json_get(first, S("doseAndRate"));
	const struct json *dose = json_get(json_at(list, json_size(list) - 1), S("doseQuantity"));
	struct arena *a = x->ad->arena;
	struct str text = json_get_str(first, S("text")), start = json_get_str(x->resource, S("authoredOn"));
	if (start.n == 10)
		start = arena_printf(a, "%.*sT14:00:00Z", STR_ARG(start));
	if (!text.p)
		text = adapter_medication_name(x->ad, x->resource);
	if (!text.p)
		return;
	reshape_put(x, "dosageInstruction",
		    "[{'extension':[{'valueString':$,'url':"
		    "'https://fhir-ehr.cerner.com/r4/StructureDefinition/clinical-instruction'}],'text':$,"
		    "'patientInstruction':$###}]",
		    text, text, arena_printf(a, "%.*s. Refills: 0.", STR_ARG(text)),
		    start.p ? reshape_form(a, ",'timing':{'repeat':{'boundsPeriod':{'start':$}}}",
					   reshape_seconds(x, start))
			    : S(""),
		    route_form(x, json_get(first, S("route"))),
		    json_size(list) && dose
			    ? reshape_form(a, ",'doseAndRate':[{'doseQuantity':#}]", quantity_form(x, dose))
			    : S(""));
}

static void dispense(struct reshape *x, const struct json *value)
{
	struct arena *a = x->ad->arena;
	struct str start = json_get_str(x->resource, S("authoredOn"));
	struct str repeats = json_number(json_get(value, S("numberOfRepeatsAllowed")));
	if (start.n == 10)
		start = arena_printf(a, "%.*sT14:00:00Z", STR_ARG(start));
	reshape_put(x, "dispenseRequest",
		    "{'extension':[{'valueBoolean':false,'url':"
		    "'http://electronichealth.se/fhir/StructureDefinition/NLLDosePackaging'}]##}",
		    start.p ? reshape_form(a, ",'validityPeriod':{'start':$}", reshape_seconds(x, start)) : S(""),
		    repeats.p ? reshape_form(a, ",'numberOfRepeatsAllowed':#", repeats) : S(""));
}

static const struct reshape_member order[] = {{"extension", order_extension},
					      {"status", NULL},
					      {"intent", NULL},
					      {"category", order_category},
					      {"reportedBoolean", reported},
					      {"medicationCodeableConcept", medication},
					      {"subject", NULL},
					      {"encounter", reshape_encounter},
					      {"authoredOn", authored},
					      {"requester", requester},
					      {"reasonCode", NULL},
					      {"note", NULL},
					      {"courseOfTherapyType", course},
					      {"dosageInstruction", dosage},
					      {"dispenseRequest", dispense},
					      {NULL, NULL}};

const struct reshape_member *reshape_cerner_more(struct str type)
{
	return str_is(type, "Observation")	   ? observation
	       : str_is(type, "MedicationRequest") ? order
						   : reshape_cerner_papers(type);
}
