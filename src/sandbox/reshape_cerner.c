/*
 * Cerner's form of patients, visits, problems, allergies and vaccines: a code of the site's own code sets in front of
 * the standard one, "userSelected" on nearly every coding, and ids on the parts that its own writes would name.
 */
#include "sandbox/reshape_priv.h"

struct str reshape_cerner_concept(struct reshape *x, const char *set, struct str number, struct str name,
				  const char *system, struct str code, struct str display)
{
	return reshape_form(x->ad->arena,
			    "{'coding':[{'system':'https://fhir.cerner.com/" CERNER_TENANT
			    "/codeSet/#','code':$,'display':$,'userSelected':true},{'system':$,'code':$,'display':$,"
			    "'userSelected':false}],'text':$}",
			    str_from(set), number, name, str_from(system), code, display, name);
}

/* ---- Patient ---------------------------------------------------------------------------------------------------- */

static struct str origins(struct reshape *x, const struct json *extension)
{
	struct str parts = S("");
	struct arena *a = x->ad->arena;
	struct json_iter it = json_iter(json_get(extension, S("extension")));
	while (json_next(&it)) {
		const struct json *coding = json_get(it.value, S("valueCoding"));
		struct str text = json_get_str(it.value, S("valueString")), url = json_get_str(it.value, S("url"));
		if (coding)
			parts = reshape_form(a,
					     "##{'valueCoding':{'system':'urn:oid:2.16.840.1.113883.6.238','code':$,"
					     "'display':$,'userSelected':false},'url':$}",
					     parts, parts.n ? S(",") : S(""), json_get_str(coding, S("code")),
					     json_get_str(coding, S("display")), url);
		else if (text.p)
			parts = reshape_form(a, "##{'valueString':$,'url':'text'}", parts, parts.n ? S(",") : S(""),
					     text);
	}
	return reshape_form(a, "{'extension':[#],'url':$}", parts, json_get_str(extension, S("url")));
}

static void patient_extension(struct reshape *x, const struct json *value)
{
	struct str list = S(""), sex = json_get_str(x->resource, S("gender"));
	struct arena *a = x->ad->arena;
	struct json_iter it = json_iter(value);
	while (json_next(&it)) {
		struct str url = json_get_str(it.value, S("url")), one = STR_NULL;
		if (str_ends(url, S("/us-core-race")) || str_ends(url, S("/us-core-ethnicity")))
			one = origins(x, it.value);
		else if (str_ends(url, S("/us-core-birthsex")))
			one = reshape_form(a, "{'valueCode':$,'url':$}", json_get_str(it.value, S("valueCode")), url);
		if (one.p)
			list = reshape_form(a, "###", list, list.n ? S(",") : S(""), one);
	}
	bool female = str_is(sex, "female");
	if (female || str_is(sex, "male"))
		list = reshape_form(a,
				    "##{'valueCode':$,'url':'http://hl7.org/fhir/us/core/StructureDefinition/"
				    "us-core-sex'}",
				    list, list.n ? S(",") : S(""), female ? S("248152002") : S("248153007"));
	if (list.n)
		reshape_put(x, "extension", "[#]", list);
}

/* When the record was made: nobody knows, so the day of birth stands for it. */
static struct str since(struct reshape *x)
{
	struct str born = json_get_str(x->resource, S("birthDate"));
	return born.n == 10 ? arena_printf(x->ad->arena, "%.*sT05:00:00.000Z", STR_ARG(born))
			    : S("2016-01-02T05:00:00.000Z");
}

static struct str alias(struct reshape *x, unsigned place, const char *number, const char *name, const char *hl7,
			const char *hl7_name, const char *system, struct str value, struct str shown)
{
	struct arena *a = x->ad->arena;
	struct str known =
		system ? reshape_form(a, "'system':$", str_from(system))
		       : reshape_form(a, "'_system':{'extension':[{'valueCode':'unknown','url':'" DATA_ABSENT "'}]}");
	return reshape_form(a,
			    "{'id':$,'use':'usual','type':#,#,'value':$,'_value':{'extension':[{'valueString':$,'url':"
			    "'http://hl7.org/fhir/StructureDefinition/rendered-value'}]},'period':{'start':$}}",
			    arena_printf(a, "CI-%.*s-%u", STR_ARG(reshape_number(x, name, value, 100000000)), place),
			    reshape_cerner_concept(x, "4", str_from(number), str_from(name), HL7 "v2-0203",
						   str_from(hl7), str_from(hl7_name)),
			    known, value, shown, since(x));
}

/* Two record numbers that both say MR, one of them the community's, and a login: only code set 4 tells them apart. */
static void patient_identifier(struct reshape *x, const struct json *value)
{
	struct arena *a = x->ad->arena;
	struct str mrn = adapter_record_number(x->resource), old = json_get_str(x->resource, S("id"));
	struct str community = reshape_number(x, "cmrn", old, 1000), digits = mrn;
	(void)value;
	while (digits.n && digits.n < 11 && mrn.p && mrn.p[0] >= '0' && mrn.p[0] <= '9')
		digits = arena_printf(a, "0%.*s", STR_ARG(digits));
	struct str principal = arena_printf(
		a, "URN:CERNER:IDENTITY-FEDERATION:REALM:EC2458F2-1E24-41C8-B71B-0E701AF7583D-CH:PRINCIPAL:%.*s",
		STR_ARG(reshape_number(x, "principal", old, 100000000000)));
	struct str first = alias(x, 0, "2", "Community Medical Record Number", "MR", "Medical record number",
				 "urn:oid:2.16.840.1.113883.3.787.0.0", community, community);
	struct str second = mrn.p ? reshape_form(a, ",#",
						 alias(x, 1, "10", "MRN", "MR", "Medical record number",
						       "urn:oid:2.16.840.1.113883.6.1000", mrn, digits))
				  : S("");
	reshape_put(x, "identifier", "[##,#]", first, second,
		    alias(x, 2, "2553236771", "Federated Person Principal", "AN", "Account number", NULL, principal,
			  principal));
}

/* The name stands in capitals, as registration desks type it. */
static struct str name_form(struct reshape *x, const struct json *name, const char *use, unsigned place, bool capitals)
{
	struct arena *a = x->ad->arena;
	struct str family = json_get_str(name, S("family")), list = S(""), joined = S("");
	struct json_iter it = json_iter(json_get(name, S("given")));
	if (capitals)
		family = adapter_upper(a, family);
	while (json_next(&it)) {
		struct str given = capitals ? adapter_upper(a, json_str(it.value)) : json_str(it.value);
		joined = arena_printf(a, "%.*s%s%.*s", STR_ARG(joined), joined.n ? " " : "", STR_ARG(given));
		list = reshape_form(a, "##$", list, list.n ? S(",") : S(""), given);
	}
	return reshape_form(a, "{'id':$,'use':$,'text':$,'family':$,'given':[#]#}",
			    arena_printf(a, "CI-%.*s-%u", STR_ARG(x->id), place), str_from(use),
			    arena_printf(a, "%.*s, %.*s", STR_ARG(family), STR_ARG(joined)), family, list,
			    place ? reshape_form(a, ",'period':{'end':$}", S("2023-10-17T20:24:35.000Z")) : S(""));
}

static void patient_name(struct reshape *x, const struct json *value)
{
	const struct json *name = adapter_official_name(x->resource);
	(void)value;
	if (name)
		reshape_put(x, "name", "[#,#]", name_form(x, name, "official", 0, true),
			    name_form(x, name, "old", 1, false));
}

static void patient_telecom(struct reshape *x, const struct json *value)
{
	struct json_iter it = json_iter(value);
	struct arena *a = x->ad->arena;
	struct str list = S("");
	unsigned n = 0;
	while (json_next(&it)) {
		struct str number = json_get_str(it.value, S("value")), use = json_get_str(it.value, S("use"));
		bool phone = !str_is(json_get_str(it.value, S("system")), "email");
		if (!number.p)
			continue;
		struct str form = phone ? reshape_form(a,
						       "'extension':[{'valueUrl':$,'url':'http://hl7.org/fhir/"
						       "StructureDefinition/iso21090-TEL-address'}],",
						       number)
					: S("");
		list = reshape_form(a, "##{'id':$,#'system':$,'value':$,'use':$,'rank':1,'period':{'start':$}}", list,
				    list.n ? S(",") : S(""),
				    arena_printf(a, "CI-%s-%.*s-%u", phone ? "PH" : "EM",
						 STR_ARG(reshape_number(x, "telecom", x->id, 10000000)), n++),
				    form, json_get_str(it.value, S("system")), number, use.p ? use : S("home"),
				    since(x));
	}
	if (list.n)
		reshape_put(x, "telecom", "[#]", list);
}

/* Numbers as recorded; others have one that is made up, as every site has its own. */
static const struct {
	const char *code, *number, *name;
} marriages[] = {
	{"M", "309237", "Married"}, {"S", "309239", "Single"}, {"D", NULL, "Divorced"}, {"W", NULL, "Widowed"}};

static void patient_marriage(struct reshape *x, const struct json *value)
{
	struct str code = reshape_code(value, HL7 "v3-MaritalStatus");
	for (size_t i = 0; i < sizeof(marriages) / sizeof(*marriages); i++) {
		struct str name = str_from(marriages[i].name);
		if (str_is(code, marriages[i].code))
			reshape_put(x, "maritalStatus", "#",
				    reshape_cerner_concept(x, "38",
							   marriages[i].number
								   ? str_from(marriages[i].number)
								   : reshape_number(x, "marriage", name, 100000),
							   name, HL7 "v3-MaritalStatus", code, name));
	}
}

static void patient_communication(struct reshape *x, const struct json *value)
{
	const struct json *language = json_get(json_at(value, 0), S("language"));
	struct str code = reshape_code(language, "urn:ietf:bcp:47"), name = reshape_text(x, language);
	if (!code.p || !name.p) {
		code = S("en");
		name = S("English");
	}
	reshape_put(x, "communication", "[{'language':#,'preferred':true}]",
		    reshape_cerner_concept(x, "36", reshape_number(x, "language", code, 100000), name,
					   "urn:ietf:bcp:47", code, name));
}

static void patient_practitioner(struct reshape *x, const struct json *value)
{
	struct reshape_link link = reshape_person(x, json_at(value, 0));
	reshape_put(x, "generalPractitioner", "[{'id':$,'reference':$,'display':$}]",
		    arena_printf(x->ad->arena, "CI-%.*s-0", STR_ARG(reshape_number(x, "pcp", x->id, 100000000))),
		    link.reference, link.display.p ? link.display : S("Sandbox, Physician"));
}

static const struct reshape_member patient[] = {{"extension", patient_extension},
						{"link", reshape_put_merged},
						{"identifier", patient_identifier},
						{"active", reshape_put_active},
						{"name", patient_name},
						{"telecom", patient_telecom},
						{"gender", NULL},
						{"birthDate", NULL},
						{"deceasedBoolean", NULL},
						{"deceasedDateTime", reshape_put_death},
						{"address", reshape_address},
						{"maritalStatus", patient_marriage},
						{"communication", patient_communication},
						{"generalPractitioner", patient_practitioner},
						{NULL, NULL}};

/* ---- Encounter -------------------------------------------------------------------------------------------------- */

static struct str visit_start(struct reshape *x)
{
	struct str start = json_get_str(json_get(x->resource, S("period")), S("start"));
	return start.p ? reshape_time(x, start) : S("2020-08-06T14:42:26.000Z");
}

static void visit_identifier(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(
		x, "identifier",
		"[{'use':'usual','type':#,'system':'urn:oid:5.5.5.5.5.5.','value':$,'period':{'start':$}}]",
		reshape_cerner_concept(x, "319", S("1077"), S("FIN NBR"), HL7 "v2-0203", S("AN"), S("Account number")),
		adapter_visit_number(x->ad, json_get_str(x->resource, S("id"))), visit_start(x));
}

static void visit_class(struct reshape *x, const struct json *value)
{
	struct str code = json_get_str(value, S("code")), display = json_get_str(value, S("display"));
	if (!code.p)
		code = S("AMB");
	reshape_put(x, "class", "{'system':'" HL7 "v3-ActCode','code':$,'display':$,'userSelected':false}", code,
		    display.p		   ? display
		    : str_is(code, "IMP")  ? S("inpatient encounter")
		    : str_is(code, "EMER") ? S("emergency")
					   : S("ambulatory"));
}

static void visit_type(struct reshape *x, const struct json *value)
{
	struct str code = json_get_str(json_get(x->resource, S("class")), S("code"));
	bool in = str_is(code, "IMP"), urgent = str_is(code, "EMER");
	struct str name = in ? S("Inpatient") : urgent ? S("Emergency") : S("Outpatient");
	(void)value;
	reshape_put(x, "type", "[#]",
		    reshape_cerner_concept(x, "71",
					   in	    ? S("309308")
					   : urgent ? reshape_number(x, "visit-type", name, 100000)
						    : S("309309"),
					   name, HL7 "v2-0004",
					   in	    ? S("I")
					   : urgent ? S("E")
						    : S("O"),
					   name));
}

static void visit_participant(struct reshape *x, const struct json *value)
{
	const struct json *individual = json_get(json_at(value, 0), S("individual"));
	reshape_put(x, "participant", "[{'type':[#],'period':{'start':$},'individual':#}]",
		    reshape_cerner_concept(x, "333", S("681295"), S("Physician (Office/Clinic Only)"),
					   HL7 "v3-ParticipationType", S("PPRF"), S("primary performer")),
		    visit_start(x), reshape_link_form(x, reshape_person(x, individual), NULL));
}

static void visit_period(struct reshape *x, const struct json *value)
{
	struct str start = json_get_str(value, S("start")), end = json_get_str(value, S("end"));
	if (start.p)
		reshape_put(x, "period", "{'start':$#}", reshape_time(x, start),
			    end.p ? reshape_form(x->ad->arena, ",'end':$", reshape_time(x, end)) : S(""));
}

/* In words alone. */
static void visit_reason(struct reshape *x, const struct json *value)
{
	struct str text = reshape_text(x, json_at(value, 0));
	if (text.p)
		reshape_put(x, "reasonCode", "[{'text':$}]", text);
}

static void visit_location(struct reshape *x, const struct json *value)
{
	struct reshape_link place = reshape_place(x, json_get(json_at(value, 0), S("location")));
	reshape_put(x, "location", "[{'location':#,'status':'active'}]", reshape_link_form(x, place, NULL));
}

static const struct reshape_member encounter[] = {{"identifier", visit_identifier},
						  {"status", NULL},
						  {"class", visit_class},
						  {"type", visit_type},
						  {"subject", NULL},
						  {"participant", visit_participant},
						  {"period", visit_period},
						  {"reasonCode", visit_reason},
						  {"hospitalization", NULL},
						  {"location", visit_location},
						  {"serviceProvider", reshape_put_provider},
						  {NULL, NULL}};

/* ---- Condition and AllergyIntolerance --------------------------------------------------------------------------- */

static void problem_category(struct reshape *x, const struct json *value)
{
	reshape_put_problem_category(
		x, value, S(""),
		S(",{\"coding\":[{\"system\":\"http://snomed.info/sct\",\"code\":\"74188005\",\"display\":"
		  "\"Medical (qualifier value)\",\"userSelected\":false}],\"text\":\"Medical\"}"));
}

static void onset(struct reshape *x, const struct json *value)
{
	if (json_str(value).p)
		reshape_put(x, "onsetDateTime", "$", reshape_time(x, json_str(value)));
}

static void abatement(struct reshape *x, const struct json *value)
{
	if (json_str(value).p)
		reshape_put(x, "abatementDateTime", "$", reshape_time(x, json_str(value)));
}

/* With a time, even where only a day is known. */
static struct str timed(struct reshape *x, struct str time, const char *clock)
{
	return time.n == 10 ? arena_printf(x->ad->arena, "%.*sT%s", STR_ARG(time), clock) : time;
}

static void recorded(struct reshape *x, const struct json *value)
{
	struct str time = reshape_time_of(x->resource,
					  (const char *const[]){"recordedDate", "onsetDateTime", "onsetPeriod", NULL});
	(void)value;
	if (time.p)
		reshape_put(x, "recordedDate", "$", timed(x, reshape_time(x, time), "12:00:00.000Z"));
}

/* Of what is written one coding that was chosen is kept, and one that was not. */
static void problem_code(struct reshape *x, const struct json *value)
{
	const struct json *kept[2] = {NULL, NULL};
	struct json_iter it = json_iter(json_get(value, S("coding")));
	while (json_next(&it)) {
		const struct json **place = &kept[json_bool(json_get(it.value, S("userSelected"))) ? 0 : 1];
		*place = *place ? *place : it.value;
	}
	if (!x->ad->native || json_size(json_get(value, S("coding"))) < 2) {
		reshape_concept(x, "code", value);
		return;
	}
	json_key(x->w, S("code"));
	json_object_begin(x->w);
	json_key(x->w, S("coding"));
	json_array_begin(x->w);
	for (size_t i = 0; i < 2; i++)
		if (kept[i])
			adapter_put_value(x->ad, x->w, x->type, kept[i]);
	json_array_end(x->w);
	json_put_member(x->w, S("text"), reshape_text(x, value));
	json_object_end(x->w);
}

static const struct reshape_member condition[] = {{"clinicalStatus", reshape_put_clinical_status},
						  {"verificationStatus", reshape_put_verification},
						  {"category", problem_category},
						  {"code", problem_code},
						  {"subject", NULL},
						  {"encounter", reshape_put_diagnosed_at},
						  {"onsetDateTime", onset},
						  {"abatementDateTime", abatement},
						  {"recordedDate", recorded},
						  {"recorder", reshape_put_recorder},
						  {NULL, NULL}};

/* An onset that nobody knows is the first of January 1900. */
static void allergy_onset(struct reshape *x, const struct json *value)
{
	struct str time = json_str(value);
	reshape_put(x, "onsetDateTime", "$",
		    time.p ? timed(x, reshape_seconds(x, time), "00:00:00Z") : S("1900-01-01T00:00:00Z"));
}

static void allergy_recorded(struct reshape *x, const struct json *value)
{
	struct str time = reshape_time_of(x->resource, (const char *const[]){"recordedDate", "onsetDateTime", NULL});
	(void)value;
	reshape_put(x, "recordedDate", "$",
		    time.p ? timed(x, reshape_seconds(x, time), "12:00:00Z") : S("2023-03-01T18:37:33Z"));
}

static void allergy_criticality(struct reshape *x, const struct json *value)
{
	reshape_put(x, "criticality", "$", json_str(value).p ? json_str(value) : S("unable-to-assess"));
}

static void allergy_reaction(struct reshape *x, const struct json *value)
{
	struct json_iter it = json_iter(value);
	struct arena *a = x->ad->arena;
	struct str list = S("");
	while (json_next(&it)) {
		struct str text = reshape_text(x, json_at(json_get(it.value, S("manifestation")), 0));
		struct str severity = json_get_str(it.value, S("severity"));
		if (text.p)
			list = reshape_form(a, "##{'id':$,'manifestation':[{'text':$}]#}", list,
					    list.n ? S(",") : S(""), reshape_number(x, "reaction", x->id, 10000000),
					    text, severity.p ? reshape_form(a, ",'severity':$", severity) : S(""));
	}
	if (list.n)
		reshape_put(x, "reaction", "[#]", list);
}

/* Of several categories that are written one is kept. */
static void allergy_category(struct reshape *x, const struct json *value)
{
	static const char *const order[] = {"medication", "food", "environment"};
	if (!x->ad->native || json_size(value) < 2) {
		reshape_copy(x, "category", value);
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		struct json_iter it = json_iter(value);
		while (json_next(&it))
			if (str_is(json_str(it.value), order[i])) {
				reshape_put(x, "category", "[$]", str_from(order[i]));
				return;
			}
	}
}

static const struct reshape_member allergy[] = {{"clinicalStatus", reshape_put_clinical_status},
						{"verificationStatus", reshape_put_verification},
						{"type", NULL},
						{"category", allergy_category},
						{"criticality", allergy_criticality},
						{"code", reshape_put_code},
						{"patient", NULL},
						{"onsetDateTime", allergy_onset},
						{"recordedDate", allergy_recorded},
						{"recorder", reshape_put_recorder},
						{"note", NULL},
						{"reaction", allergy_reaction},
						{NULL, NULL}};

/* ---- Immunization (documentation only: no recording has one) ---------------------------------------------------- */

static void vaccine_code(struct reshape *x, const struct json *value)
{
	struct str cvx = reshape_code(value, "http://hl7.org/fhir/sid/cvx"), name = reshape_text(x, value);
	if (!name.p)
		return;
	if (!cvx.p)
		reshape_concept(x, "vaccineCode", value);
	else
		reshape_put(x, "vaccineCode", "#",
			    reshape_cerner_concept(x, "72", reshape_number(x, "codeSet/72", cvx, 100000), name,
						   "http://hl7.org/fhir/sid/cvx", cvx, name));
}

static void vaccine_time(struct reshape *x, const struct json *value)
{
	if (json_str(value).p)
		reshape_put(x, "occurrenceDateTime", "$", reshape_time(x, json_str(value)));
}

static const struct reshape_member immunization[] = {{"status", NULL},
						     {"statusReason", NULL},
						     {"vaccineCode", vaccine_code},
						     {"patient", NULL},
						     {"encounter", reshape_encounter},
						     {"occurrenceDateTime", vaccine_time},
						     {"primarySource", reshape_put_primary_source},
						     {"manufacturer", NULL},
						     {"lotNumber", NULL},
						     {"expirationDate", NULL},
						     {"site", NULL},
						     {"route", NULL},
						     {"doseQuantity", NULL},
						     {"performer", NULL},
						     {"note", NULL},
						     {NULL, NULL}};

const struct reshape_member *reshape_cerner(struct str type)
{
	return str_is(type, "Patient")		    ? patient
	       : str_is(type, "Encounter")	    ? encounter
	       : str_is(type, "Condition")	    ? condition
	       : str_is(type, "AllergyIntolerance") ? allergy
	       : str_is(type, "Immunization")	    ? immunization
						    : reshape_cerner_more(type);
}
