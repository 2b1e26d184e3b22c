/*
 * Epic's form of patients, visits, problems, allergies, medications and immunizations. Its public sandbox sends site
 * codes beside standard ones, dates without times where a person chose a day, and a display on every reference.
 */
#include "sandbox/reshape_priv.h"

/* ---- Patient ---------------------------------------------------------------------------------------------------- */

static const struct json *extension_of(const struct json *resource, const char *url)
{
	struct json_iter it = json_iter(json_get(resource, S("extension")));
	while (json_next(&it)) {
		if (str_is(json_get_str(it.value, S("url")), url))
			return it.value;
	}
	return NULL;
}

/* us-core race and ethnicity: the category when it is known, and a text always. */
static struct str origin(struct reshape *x, const char *url)
{
	struct str category = S(""), text = S("Unknown");
	if (str_ends(str_from(url),
		     S("-race"))) /* seen: unknown is a category of its own for race, not for ethnicity */
		category = reshape_form(x->ad->arena,
					"{'valueCoding':{'system':'" HL7
					"v3-NullFlavor','code':'UNK','display':'Unknown'},'url':'ombCategory'},");
	struct json_iter it = json_iter(json_get(extension_of(x->resource, url), S("extension")));
	while (json_next(&it)) {
		const struct json *coding = json_get(it.value, S("valueCoding"));
		if (str_is(json_get_str(it.value, S("url")), "ombCategory"))
			category = reshape_form(x->ad->arena,
						"{'valueCoding':{'system':'urn:oid:2.16.840.1.113883.6.238','code':$,"
						"'display':$},'url':'ombCategory'},",
						json_get_str(coding, S("code")), json_get_str(coding, S("display")));
		else if (str_is(json_get_str(it.value, S("url")), "text"))
			text = json_get_str(it.value, S("valueString"));
	}
	return reshape_form(x->ad->arena, "{'extension':[#{'valueString':$,'url':'text'}],'url':$}", category, text,
			    str_from(url));
}

static void patient_extension(struct reshape *x, const struct json *value)
{
	struct str sex = json_get_str(x->resource, S("gender"));
	bool female = str_is(sex, "female"), known = female || str_is(sex, "male");
	struct arena *a = x->ad->arena;
	(void)value;
	struct str coding =
		reshape_form(a, "{'system':$,'code':$,'display':$}", S(EPIC_OID "10.698084.130.657370.19999000"),
			     known ? sex : S("unknown"), known ? sex : S("unknown"));
	struct str pronouns =
		known ? reshape_form(a,
				     ",{'valueCodeableConcept':{'coding':[{'system':'http://loinc.org','code':$,"
				     "'display':$}]},'url':'" OPEN_EPIC
				     "extension/calculated-pronouns-to-use-for-text'}",
				     female ? S("LA29519-8") : S("LA29518-0"),
				     female ? S("she/her/her/hers/herself") : S("he/him/his/his/himself"))
		      : S("");
	struct str core_sex = known ? reshape_form(a,
						   ",{'valueCode':$,'url':'http://hl7.org/fhir/us/core/"
						   "StructureDefinition/us-core-sex'}",
						   female ? S("248152002") : S("248153007"))
				    : S("");
	reshape_put(x, "extension",
		    "[{'valueCodeableConcept':{'coding':[#],'text':$},'url':'" OPEN_EPIC "extension/legal-sex'},"
		    "{'valueCodeableConcept':{'coding':[#]},'url':'" OPEN_EPIC
		    "extension/sex-for-clinical-use'},#,###]",
		    coding,
		    female  ? S("Female")
		    : known ? S("Male")
			    : S("Unknown"),
		    coding, origin(x, "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"),
		    origin(x, "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"), core_sex, pronouns);
}

static struct str numbered(struct reshape *x, const char *label, const char *system, struct str value)
{
	/* One of the kinds carries a code of an implementation guide. */
	struct str coding = strcmp(label, "EXTERNAL") == 0
				    ? S("\"coding\":[{\"system\":\"http://hl7.org/fhir/us/carin-bb/CodeSystem/"
					"C4BBIdentifierType\",\"code\":\"um\"}],")
				    : S("");
	return reshape_form(x->ad->arena, "{'use':'usual','type':{#'text':$},'system':$,'value':$}", coding,
			    str_from(label), str_from(system), value);
}

/* The kinds of ids that Epic's sandbox shows, the padded internal one included. */
static void patient_identifier(struct reshape *x, const struct json *value)
{
	struct arena *a = x->ad->arena;
	struct str old = json_get_str(x->resource, S("id")), number = reshape_number(x, "E", old, 1000);
	struct str mrn = adapter_record_number(x->resource);
	struct str login = arena_printf(a, "FHIR%.*s", STR_ARG(number));
	(void)value;
	reshape_put(
		x, "identifier", "[#,#,#,#,#,###,#]",
		numbered(x, "CEID", EPIC_OID "3.688884.100",
			 arena_printf(a, "FHR%.*s", STR_ARG(reshape_number(x, "ceid", old, 100000000)))),
		numbered(x, "EPIC", EPIC_OID "5.737384.0", arena_printf(a, "E%.*s", STR_ARG(number))),
		numbered(x, "EXTERNAL", EPIC_OID "2.698084", arena_printf(a, "Z%.*s", STR_ARG(number))),
		numbered(x, "FHIR", OPEN_EPIC "patient-dstu2-fhir-id", adapter_id(EHR_EPIC, a, S("dstu2"), old, NULL)),
		numbered(x, "FHIR STU3", OPEN_EPIC "patient-fhir-id", x->id),
		numbered(x, "INTERNAL", EPIC_OID "2.698084", arena_printf(a, "     Z%.*s", STR_ARG(number))),
		mrn.p ? reshape_form(a, ",#", numbered(x, "EPI", EPIC_OID "5.737384.14", mrn)) : S(""),
		reshape_form(a, ",#", numbered(x, "MYCHARTLOGIN", EPIC_OID "3.878082.110", login)),
		numbered(x, "WPRINTERNAL", EPIC_OID "2.878082", reshape_number(x, "wpr", old, 100)));
}

/* The official name twice: as official and as usual. */
static void patient_name(struct reshape *x, const struct json *value)
{
	const struct json *name = adapter_official_name(x->resource);
	struct buf given;
	struct str spoken = S("");
	(void)value;
	if (!name)
		return;
	buf_init(&given, 1 << 16);
	struct json_writer w = json_writer(&given);
	json_array_begin(&w);
	struct json_iter it = json_iter(json_get(name, S("given")));
	while (json_next(&it)) {
		json_put_str(&w, json_str(it.value));
		spoken = arena_printf(x->ad->arena, "%.*s%.*s ", STR_ARG(spoken), STR_ARG(json_str(it.value)));
	}
	json_array_end(&w);
	struct str family = json_get_str(name, S("family"));
	struct str prefix = json_str(json_at(json_get(name, S("prefix")), 0));
	struct str text = arena_printf(x->ad->arena, "%.*s%s%.*s%.*s", STR_ARG(prefix), prefix.n ? " " : "",
				       STR_ARG(spoken), STR_ARG(family));
	struct str rest = reshape_form(
		x->ad->arena, "'text':$,'family':$,'given':##", text, family, buf_str(&given),
		prefix.n ? reshape_form(x->ad->arena, ",'prefix':[$]", adapter_upper(x->ad->arena, prefix)) : S(""));
	reshape_put(x, "name", "[{'use':'official',#},{'use':'usual',#}]", rest, rest);
	buf_done(&given);
}

static void patient_telecom(struct reshape *x, const struct json *value)
{
	struct json_iter it = json_iter(value);
	unsigned rank = 0;
	if (!json_size(value))
		return;
	json_key(x->w, S("telecom"));
	json_array_begin(x->w);
	while (json_next(&it)) {
		json_object_begin(x->w);
		json_put_member(x->w, S("system"), json_get_str(it.value, S("system")));
		json_put_member(x->w, S("value"), json_get_str(it.value, S("value")));
		json_put_member(x->w, S("use"), json_get_str(it.value, S("use")));
		json_key(x->w, S("rank"));
		json_put_i64(x->w, ++rank);
		json_object_end(x->w);
	}
	json_array_end(x->w);
}

static void patient_deceased(struct reshape *x, const struct json *value)
{
	(void)value;
	if (!json_get(x->resource, S("deceasedDateTime")))
		reshape_put(x, "deceasedBoolean",
			    json_bool(json_get(x->resource, S("deceasedBoolean"))) ? "true" : "false");
}

static void patient_marriage(struct reshape *x, const struct json *value)
{
	struct str text = reshape_text(x, value);
	if (text.p)
		reshape_put(x, "maritalStatus", "{'text':$}", text);
}

/* The language, how it is spoken and written, and which of it the patient prefers. */
static void patient_communication(struct reshape *x, const struct json *value)
{
	const struct json *language = json_get(json_at(value, 0), S("language"));
	struct str code = reshape_code(language, "urn:ietf:bcp:47"), name = reshape_text(x, language);
	if (!code.p || !name.p) {
		code = S("en");
		name = S("English");
	}
	struct str ways = S("");
	static const char *const abilities[][2] = {{"ESP", "Expressed spoken"}, {"EWR", "Expressed written"}};
	for (size_t i = 0; i < 2; i++)
		ways = reshape_form(x->ad->arena,
				    "##{'extension':[{'valueCoding':{'system':'" HL7
				    "v3-LanguageAbilityMode','code':$,'display':$},'url':'type'}],"
				    "'url':'http://hl7.org/fhir/StructureDefinition/patient-proficiency'}",
				    ways, i ? S(",") : S(""), str_from(abilities[i][0]), str_from(abilities[i][1]));
	struct str prefers = S("");
	static const char *const preferences[] = {"verbal", "written"};
	for (size_t i = 0; i < 2; i++)
		prefers = reshape_form(x->ad->arena,
				       "##{'valueCoding':{'system':'http://hl7.org/fhir/language-preference-type',"
				       "'code':$,'display':$},"
				       "'url':'http://hl7.org/fhir/StructureDefinition/patient-preferenceType'}",
				       prefers, i ? S(",") : S(""), str_from(preferences[i]), str_from(preferences[i]));
	reshape_put(x, "communication",
		    "[{'extension':[#],'language':{'coding':[{'system':'urn:ietf:bcp:47','code':$,'display':$}],"
		    "'text':$},'preferred':true,'_preferred':{'extension':[#]}}]",
		    ways, code, name, name, prefers);
}

static void patient_organization(struct reshape *x, const struct json *value)
{
	reshape_put(x, "managingOrganization", "#", reshape_link_form(x, reshape_organization(x, value), NULL));
}

/* ---- Patient, as a write comes back ----------------------------------------------------------------------------- */

/* New numbers for all kinds but those that need a visit or a login; what was sent is dropped. */
static void written_identifier(struct reshape *x, const struct json *value)
{
	struct arena *a = x->ad->arena;
	struct str number = reshape_number(x, "E", x->id, 1000);
	(void)value;
	reshape_put(x, "identifier", "[#,#,#,#,#,#]",
		    numbered(x, "CEID", EPIC_OID "3.688884.100",
			     arena_printf(a, "FHR%.*s", STR_ARG(reshape_number(x, "ceid", x->id, 100000000)))),
		    numbered(x, "EPIC", EPIC_OID "5.737384.0", arena_printf(a, "E%.*s", STR_ARG(number))),
		    numbered(x, "EXTERNAL", EPIC_OID "2.698084", arena_printf(a, "Z%.*s", STR_ARG(number))),
		    numbered(x, "FHIR", OPEN_EPIC "patient-dstu2-fhir-id",
			     adapter_id(EHR_EPIC, a, S("dstu2"), x->id, NULL)),
		    numbered(x, "FHIR STU3", OPEN_EPIC "patient-fhir-id", x->ad->fresh ? S(ADAPTER_SELF) : x->id),
		    numbered(x, "INTERNAL", EPIC_OID "2.698084", arena_printf(a, "     Z%.*s", STR_ARG(number))));
}

static void no_member(struct reshape *x, const struct json *value)
{
	(void)x;
	(void)value;
}

static const struct reshape_member written_patient[] = {{"extension", patient_extension},
							{"identifier", written_identifier},
							{"active", reshape_put_active},
							{"name", patient_name},
							{"telecom", no_member},
							{"gender", NULL},
							{"birthDate", NULL},
							{"deceasedBoolean", patient_deceased},
							{"deceasedDateTime", reshape_put_death},
							{"address", reshape_address},
							{NULL, NULL}};

static const struct reshape_member patient[] = {{"extension", patient_extension},
						{"link", reshape_put_merged},
						{"identifier", patient_identifier},
						{"active", reshape_put_active},
						{"name", patient_name},
						{"telecom", patient_telecom},
						{"gender", NULL},
						{"birthDate", NULL},
						{"deceasedBoolean", patient_deceased},
						{"deceasedDateTime", reshape_put_death},
						{"address", reshape_address},
						{"maritalStatus", patient_marriage},
						{"communication", patient_communication},
						{"managingOrganization", patient_organization},
						{NULL, NULL}};

/* ---- Encounter -------------------------------------------------------------------------------------------------- */

struct reshape_epic_visit reshape_epic_visit(const struct json *encounter)
{
	struct str code = json_get_str(json_get(encounter, S("class")), S("code"));
	if (str_is(code, "IMP") || str_is(code, "EMER") || str_is(code, "ACUTE") || str_is(code, "inpatient") ||
	    str_is(code, "emergency"))
		return (struct reshape_epic_visit){S("3"), S("Hospital Encounter"), S("4"), S("HOV")};
	return (struct reshape_epic_visit){S("101"), S("Office Visit"), S("13"), S("Support OP Encounter")};
}

static void visit_identifier(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(x, "identifier", "[{'use':'usual','system':$,'value':$}]", S(EPIC_OID "3.698084.8"),
		    adapter_visit_number(x->ad, json_get_str(x->resource, S("id"))));
}

static void visit_class(struct reshape *x, const struct json *value)
{
	struct reshape_epic_visit v = reshape_epic_visit(x->resource);
	(void)value;
	reshape_put(x, "class", "{'system':'urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260','code':$,'display':$}",
		    v.class_code, v.class_name);
}

static void visit_type(struct reshape *x, const struct json *value)
{
	struct reshape_epic_visit v = reshape_epic_visit(x->resource);
	(void)value;
	reshape_put(x, "type", "[{'coding':[{'system':$,'code':$,'display':$}],'text':$}]", S(EPIC_OID "10.698084.30"),
		    v.code, v.name, v.name);
}

static void visit_participant(struct reshape *x, const struct json *value)
{
	const struct json *individual = json_get(json_at(value, 0), S("individual"));
	reshape_put(x, "participant",
		    "[{'type':[{'coding':[{'system':'" HL7
		    "v3-ParticipationType','code':'PART','display':'Participation'}],'text':'Participation'}],"
		    "'individual':#}]",
		    reshape_link_form(x, reshape_person(x, individual), NULL));
}

static void visit_period(struct reshape *x, const struct json *value)
{
	struct str start = json_get_str(value, S("start")), end = json_get_str(value, S("end"));
	struct arena *a = x->ad->arena;
	if (!start.p)
		return;
	reshape_put(x, "period", "{'start':$#}", reshape_time(x, start),
		    end.p ? reshape_form(a, ",'end':$", reshape_time(x, end)) : S(""));
}

/* Why the patient came: a number of the site's own list, and the words. */
static void visit_reason(struct reshape *x, const struct json *value)
{
	struct str text = reshape_text(x, json_at(value, 0));
	if (text.p)
		reshape_put(x, "reasonCode", "[{'coding':[{'system':$,'code':$,'display':$}],'text':$}]",
			    S(EPIC_OID "2.728286"), reshape_number(x, "reason", text, 100), text, text);
}

static void visit_location(struct reshape *x, const struct json *value)
{
	struct reshape_link place = reshape_place(x, json_get(json_at(value, 0), S("location")));
	reshape_put(x, "location", "[{'location':#}]", reshape_link_form(x, place, NULL));
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
	reshape_put_problem_category(x, value,
				     S(",{\"coding\":[{\"system\":\"" OPEN_EPIC
				       "condition-category\",\"code\":\"visit-diagnosis\","
				       "\"display\":\"Visit Diagnosis\"}],\"text\":\"Visit Diagnosis\"}"),
				     S(""));
}

static void put_codings_of(struct reshape *x, const struct json *concept, const char *system, bool wanted)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it)) {
		if (str_is(json_get_str(it.value, S("system")), system) == wanted)
			adapter_put_value(x->ad, x->w, x->type, it.value);
	}
}

/* On the problem list the billing code stands first, in a diagnosis of a visit it does not. */
static void problem_code(struct reshape *x, const struct json *value)
{
	static const char billing[] = "http://hl7.org/fhir/sid/icd-10-cm";
	bool first = !reshape_has(json_get(x->resource, S("category")), "encounter-diagnosis");
	if (!value)
		return;
	json_key(x->w, S("code"));
	json_object_begin(x->w);
	if (json_size(json_get(value, S("coding")))) {
		json_key(x->w, S("coding"));
		json_array_begin(x->w);
		put_codings_of(x, value, billing, first);
		put_codings_of(x, value, billing, !first);
		json_array_end(x->w);
	}
	json_put_member(x->w, S("text"), reshape_text(x, value));
	json_object_end(x->w);
}

/* A day, of what it came with or of the next best member. */
static void day_or(struct reshape *x, const char *key, const char *const *others)
{
	struct str time = reshape_time_of(x->resource, others);
	if (time.p)
		reshape_put(x, key, "$", reshape_day(time));
}

static void onset(struct reshape *x, const struct json *value)
{
	(void)value;
	day_or(x, "onsetDateTime", (const char *const[]){"onsetDateTime", "onsetPeriod", "recordedDate", NULL});
}

static void abatement(struct reshape *x, const struct json *value)
{
	if (json_str(value).p)
		reshape_put(x, "abatementDateTime", "$", reshape_day(json_str(value)));
}

static void recorded(struct reshape *x, const struct json *value)
{
	(void)value;
	day_or(x, "recordedDate", (const char *const[]){"recordedDate", "onsetDateTime", "onsetPeriod", NULL});
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
						  {NULL, NULL}};

/* Whatever it was sent as, it comes back as an entry of the problem list, with its codes and nothing about when. */
static void written_category(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(x, "category",
		    "[{'coding':[{'system':'" HL7 "condition-category','code':'problem-list-item','display':"
		    "'Problem List Item'}],'text':'Problem List Item'}]");
}

static void written_code(struct reshape *x, const struct json *value)
{
	if (json_size(json_get(value, S("coding")))) {
		json_key(x->w, S("code"));
		json_object_begin(x->w);
		reshape_copy(x, "coding", json_get(value, S("coding")));
		json_object_end(x->w);
	} else {
		reshape_copy(x, "code", value);
	}
}

static const struct reshape_member written_condition[] = {{"clinicalStatus", reshape_put_clinical_status},
							  {"verificationStatus", reshape_put_verification},
							  {"category", written_category},
							  {"code", written_code},
							  {"subject", NULL},
							  {NULL, NULL}};

/* "No known allergy" and "not asked" have a code and nothing that describes a reaction. */
static bool no_allergy(const struct reshape *x)
{
	const struct json *code = json_get(x->resource, S("code"));
	return reshape_has(code, "716186003") || reshape_has(code, "1631000175102");
}

static void allergy_type(struct reshape *x, const struct json *value)
{
	if (!no_allergy(x))
		reshape_put(x, "type", "$", json_str(value).p ? json_str(value) : S("allergy"));
}

static void allergy_category(struct reshape *x, const struct json *value)
{
	if (!no_allergy(x))
		reshape_copy(x, "category", value);
}

static void allergy_criticality(struct reshape *x, const struct json *value)
{
	if (!no_allergy(x))
		reshape_put(x, "criticality", "$", json_str(value).p ? json_str(value) : S("low"));
}

static void allergy_onset(struct reshape *x, const struct json *value)
{
	struct str time = reshape_time_of(x->resource, (const char *const[]){"onsetDateTime", "recordedDate", NULL});
	(void)value;
	if (time.p && !no_allergy(x))
		reshape_put(x, "onsetDateTime", "$", reshape_day(time));
}

static void allergy_recorded(struct reshape *x, const struct json *value)
{
	struct str time = reshape_time_of(x->resource, (const char *const[]){"recordedDate", "onsetDateTime", NULL});
	(void)value;
	if (time.p && !no_allergy(x))
		reshape_put(x, "recordedDate", "$", reshape_time(x, time));
}

/* The manifestation's SNOMED CT coding holds a word where a code should be: seen in every recorded reaction. */
static void allergy_reaction(struct reshape *x, const struct json *value)
{
	struct str list = S("");
	struct json_iter it = json_iter(value);
	while (json_next(&it)) {
		struct str text = reshape_text(x, json_at(json_get(it.value, S("manifestation")), 0));
		struct str space = text, word = text.p ? str_split(&space, ' ') : STR_NULL;
		if (!text.p)
			continue;
		list = reshape_form(x->ad->arena,
				    "##{'manifestation':[{'coding':[{'system':'http://snomed.info/sct','code':$}],"
				    "'text':$}],'description':$}",
				    list, list.n ? S(",") : S(""), word, text, text);
	}
	if (list.n)
		reshape_put(x, "reaction", "[#]", list);
}

static const struct reshape_member allergy[] = {{"clinicalStatus", reshape_put_clinical_status},
						{"verificationStatus", reshape_put_verification},
						{"type", allergy_type},
						{"category", allergy_category},
						{"criticality", allergy_criticality},
						{"code", reshape_put_code},
						{"patient", NULL},
						{"onsetDateTime", allergy_onset},
						{"recordedDate", allergy_recorded},
						{"reaction", allergy_reaction},
						{NULL, NULL}};

const struct reshape_member *reshape_epic_written(struct str type)
{
	return str_is(type, "Patient")	   ? written_patient
	       : str_is(type, "Condition") ? written_condition
					   : reshape_epic_written_paper(type);
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

const struct reshape_member *reshape_epic(struct str type)
{
	return str_is(type, "Patient")		    ? patient
	       : str_is(type, "Encounter")	    ? encounter
	       : str_is(type, "Condition")	    ? condition
	       : str_is(type, "AllergyIntolerance") ? allergy
						    : reshape_epic_more(type);
}
