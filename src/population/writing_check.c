/*
 * The rules of a vendor for what is written to it, before anything is sent: first the table, then what does not fit
 * into one. A rule that is broken says what the EHR wants in its place.
 */
#include "population/writing_priv.h"

#define LOINC	   "http://loinc.org"
#define SNOMED	   "http://snomed.info/sct"
#define PERFORMER  "http://hl7.org/fhir/StructureDefinition/event-performerFunction"
#define CATEGORY   "http://terminology.hl7.org/CodeSystem/observation-category"
#define CARDIOLOGY "LP29708-2"
#define PATHOLOGY  "LP7839-6"

enum { C = WRITING_CREATE, U = WRITING_UPDATE, P = WRITING_PATCH, D = WRITING_DELETE, PARTS_MAX = 8 };
enum kind { MUST, MUST_NOT, SINGLE, ONE_OF, REFERS };

static const struct {
	enum ehr_vendor vendor;
	const char *type;
	unsigned ops;
	enum writing_undo undo;
} matrix[] = {
#define WRITES(vendor, type, ops, undo) {EHR_##vendor, type, ops, WRITING_UNDO_##undo},
#include "population/writing.def"
#undef WRITES
};

static const struct {
	enum ehr_vendor vendor;
	const char *type;
	unsigned ops;
	enum kind kind;
	const char *path, *values, *text;
} rules[] = {
#define NEEDS(vendor, type, ops, kind, path, values, text) {EHR_##vendor, type, ops, kind, path, values, text},
#include "population/writing_rules.def"
};

static const struct {
	enum ehr_vendor vendor;
	const char *type, *member;
} patches[] = {
#define PATCHES(vendor, type, member) {EHR_##vendor, type, member},
#include "population/writing_rules.def"
};

bool writing_may_patch(enum ehr_vendor vendor, struct str type, struct str member)
{
	for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++)
		if (patches[i].vendor == vendor && str_is(type, patches[i].type) &&
		    (!member.p || str_is(member, patches[i].member)))
			return true;
	return false;
}

unsigned writing_allowed(enum ehr_vendor vendor, struct str type)
{
	for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++)
		if (matrix[i].vendor == vendor && str_is(type, matrix[i].type))
			return matrix[i].ops;
	return vendor == EHR_GENERIC ? C | U | P | D : 0;
}

enum writing_undo writing_undo(enum ehr_vendor vendor, struct str type)
{
	for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++)
		if (matrix[i].vendor == vendor && str_is(type, matrix[i].type))
			return matrix[i].undo;
	return vendor == EHR_GENERIC ? WRITING_UNDO_DELETE : WRITING_UNDO_NONE;
}

unsigned writing_stated(const struct json *capabilities, struct str type)
{
	unsigned ops = 0;
	struct json_iter rest = json_iter(json_get(capabilities, S("rest")));
	while (json_next(&rest)) {
		struct json_iter types = json_iter(json_get(rest.value, S("resource")));
		while (json_next(&types)) {
			if (!str_eq(json_get_str(types.value, S("type")), type))
				continue;
			struct json_iter it = json_iter(json_get(types.value, S("interaction")));
			while (json_next(&it)) {
				struct str code = json_get_str(it.value, S("code"));
				ops |= str_is(code, "create")	? C
				       : str_is(code, "update") ? U
				       : str_is(code, "patch")	? P
				       : str_is(code, "delete") ? D
								: 0;
			}
		}
	}
	return ops;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* Of the names the first that is there, otherwise the first. */
static struct str one_of_names(const struct json *j, struct str names)
{
	struct str first = names, rest = names;
	first = str_split(&first, '|');
	while (rest.p) {
		struct str name = str_split(&rest, '|');
		if (json_get(j, name))
			return name;
	}
	return first;
}

/* Whether a reference names one of the types; what has no such form is for the EHR to judge. */
static bool refers(const struct json *link, struct str types)
{
	struct str text = json_get_str(link, S("reference"));
	size_t id = text.n ? str_rfind_char(text, '/') : STR_NONE;
	struct str type = id == STR_NONE ? STR_NULL : str_slice(text, 0, id);
	size_t before = type.n ? str_rfind_char(type, '/') : STR_NONE;
	type = before == STR_NONE ? type : str_slice(type, before + 1, type.n);
	while (type.n && types.p)
		if (str_eq(str_split(&types, '|'), type))
			return true;
	return !type.n;
}

/* Does every item that the path leads to satisfy it? */
static bool holds(enum kind kind, const struct json *j, struct str path, struct str values)
{
	if (!path.p || !path.n) {
		if (kind == ONE_OF) {
			struct str text = json_str(j);
			while (values.p)
				if (str_eq(str_split(&values, '|'), text))
					return true;
			return false;
		}
		return kind != REFERS || refers(j, values);
	}
	struct str rest = path, name = one_of_names(j, str_split(&rest, '.'));
	const struct json *value = json_get(j, name);
	if (!value)
		return kind != MUST;
	if (!rest.p && kind == MUST_NOT)
		return false;
	if (!rest.p && kind == SINGLE)
		return json_size(value) <= 1 || !json_is(value, JSON_ARRAY);
	if (!json_is(value, JSON_ARRAY))
		return holds(kind, value, rest, values);
	bool all = kind != MUST || json_size(value) > 0;
	struct json_iter it = json_iter(value);
	while (json_next(&it))
		all = all && holds(kind, it.value, rest, values);
	return all;
}

static void check_table(struct planning *p, const struct json *resource, struct str type, enum writing_op op)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].vendor == p->options->vendor && (rules[i].ops & op) &&
		    (!rules[i].type[0] || str_is(type, rules[i].type)) &&
		    !holds(rules[i].kind, resource, str_from(rules[i].path), str_from(rules[i].values)))
			planning_break(p, rules[i].path, "%s", rules[i].text);
}

/* ---- codes ------------------------------------------------------------------------------------------------------- */

bool writing_has_code(const struct json *concept, const char *system, const char *code)
{
	if (json_is(concept, JSON_ARRAY)) {
		struct json_iter it = json_iter(concept);
		while (json_next(&it))
			if (writing_has_code(it.value, system, code))
				return true;
		return false;
	}
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("system")), system) &&
		    (!code || str_is(json_get_str(it.value, S("code")), code)))
			return true;
	return false;
}

static size_t count_code_sets(const struct json *concept, bool *ret_standard)
{
	size_t own = 0;
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	*ret_standard = false;
	while (json_next(&it)) {
		struct str system = json_get_str(it.value, S("system"));
		own += str_find(system, S("/codeSet/")) != STR_NONE;
		*ret_standard = *ret_standard || str_is(system, LOINC) || str_is(system, SNOMED);
	}
	return own;
}

/* Standard codes or one of their own, never both. */
static void check_code_kinds(struct planning *p, const struct json *concept, const char *path)
{
	bool standard;
	size_t own = count_code_sets(concept, &standard);
	if (own && standard)
		planning_break(p, path,
			       "codes of LOINC or SNOMED CT and of codeSet/72 are not accepted side by side (422)");
	if (own > 1)
		planning_break(p, path, "one code of codeSet/72 at most is accepted");
	if (!own && !standard)
		planning_break(p, path, "a code of LOINC, SNOMED CT or codeSet/72 is required");
}

static void check_time(struct planning *p, struct str text, const char *path)
{
	if (text.n && str_find_char(text, 'T', 0) == STR_NONE)
		planning_break(p, path, "every date must carry a time");
}

/* ---- Oracle Health ----------------------------------------------------------------------------------------------- */

static bool performs(const struct json *performer, const char *function)
{
	struct json_iter it = json_iter(json_get(performer, S("extension")));
	while (json_next(&it)) {
		if (!str_is(json_get_str(it.value, S("url")), PERFORMER))
			continue;
		struct json_iter codings =
			json_iter(json_get(json_get(it.value, S("valueCodeableConcept")), S("coding")));
		while (json_next(&codings))
			if (str_is(json_get_str(codings.value, S("code")), function))
				return true;
	}
	return false;
}

static bool has_value(const struct json *resource)
{
	struct json_iter it = json_iter(resource);
	return json_next_prefixed(&it, S("value"));
}

static void check_cerner_vital(struct planning *p, const struct json *r)
{
	bool authenticated = false;
	struct json_iter it = json_iter(json_get(r, S("performer")));
	while (json_next(&it))
		authenticated = authenticated || performs(it.value, "LA");
	if (!authenticated)
		planning_break(p, "performer",
			       "vital signs need a performer with the function LA (event-performerFunction)");
	if (has_value(r) && !json_get(r, S("valueQuantity")))
		planning_break(p, "value", "vital signs are accepted as quantities only");
	bool panel = writing_has_code(json_get(r, S("code")), LOINC, "85354-9") ||
		     writing_has_code(json_get(r, S("code")), LOINC, "59408-5") ||
		     writing_has_code(json_get(r, S("code")), LOINC, "2708-6");
	if (json_get(r, S("component")) && !panel)
		planning_break(p, "component", "components are accepted for blood pressure and pulse oximetry only");
	if (json_get(r, S("id")) && !json_get(r, S("identifier")))
		planning_break(p, "identifier", "an update of a vital sign names its identifier");
}

/* Every function of a performer is one that the category knows. */
static void check_functions(struct planning *p, const struct json *r, const char *known)
{
	struct json_iter it = json_iter(json_get(r, S("performer")));
	while (json_next(&it)) {
		struct str rest = str_from(known);
		bool any = false, named = false;
		struct json_iter e = json_iter(json_get(it.value, S("extension")));
		while (json_next(&e))
			named = named || str_is(json_get_str(e.value, S("url")), PERFORMER);
		while (rest.p && !any) {
			char function[16] = "";
			struct str one = str_split(&rest, ' ');
			memcpy(function, one.p, one.n < sizeof function ? one.n : sizeof function - 1);
			any = performs(it.value, function);
		}
		if (named && !any)
			planning_break(p, "performer", "the functions of performers here are %s", known);
	}
}

static void check_range(struct planning *p, const struct json *range)
{
	const struct json *type = json_get(range, S("type"));
	if (type && !writing_has_code(type, "http://terminology.hl7.org/CodeSystem/referencerange-meaning", "normal"))
		planning_break(p, "referenceRange.type", "only the normal range is accepted");
	if (json_get(range, S("text")) && (json_get(range, S("low")) || json_get(range, S("high"))))
		planning_break(p, "referenceRange", "a range is given in words or in numbers, not both");
}

static void check_cerner_observation(struct planning *p, const struct json *r)
{
	bool vital = writing_has_code(json_get(r, S("category")), CATEGORY, "vital-signs");
	bool laboratory = writing_has_code(json_get(r, S("category")), CATEGORY, "laboratory");
	if (!vital && !laboratory)
		planning_break(p, "category", "only vital-signs and laboratory are accepted");
	if (!has_value(r) && !json_get(r, S("component")))
		planning_break(p, "value", "a value is required");
	check_code_kinds(p, json_get(r, S("code")), "code");
	check_time(p, json_get_str(r, S("effectiveDateTime")), "effectiveDateTime");
	check_functions(p, r, vital ? "LA PPRF" : "LA PPRF PRF OP AUTHEN");
	check_range(p, json_at(json_get(r, S("referenceRange")), 0));
	if (vital)
		check_cerner_vital(p, r);
	else if (json_get(r, S("component")))
		planning_break(p, "component", "laboratory results are accepted without components");
}

static bool is_document_type(struct str content_type)
{
	static const char *const types[] = {"text/plain", "text/richtext",   "text/rtf",
					    "text/html",  "application/xml", "application/xhtml+xml"};
	size_t end = str_find_char(content_type, ';', 0);
	struct str base = str_trim(str_slice(content_type, 0, end == STR_NONE ? content_type.n : end));
	if (str_is(base, "application/pdf"))
		return true;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (str_is(base, types[i]))
			return end != STR_NONE && str_find(content_type, S("charset=utf-8")) != STR_NONE;
	return false;
}

/* Another report is none of those that the rules are about. */
static bool is_cerner_report(struct planning *p, const struct json *r)
{
	return writing_has_code(json_get(r, S("category")), LOINC, CARDIOLOGY) !=
		       writing_has_code(json_get(r, S("category")), LOINC, PATHOLOGY) ||
	       planning_break(p, "category",
			      "only cardiology (LOINC " CARDIOLOGY ") and anatomic pathology (" PATHOLOGY
			      ") reports can be created");
}

static void check_cerner_report(struct planning *p, const struct json *r)
{
	bool heart = writing_has_code(json_get(r, S("category")), LOINC, CARDIOLOGY);
	bool tissue = writing_has_code(json_get(r, S("category")), LOINC, PATHOLOGY);
	bool standard;
	check_code_kinds(p, json_get(r, S("code")), "code");
	if (!count_code_sets(json_get(r, S("code")), &standard) && standard &&
	    !writing_has_code(json_get(r, S("code")), LOINC, NULL))
		planning_break(p, "code", "a report is coded by LOINC or by codeSet/72");
	const struct json *period = json_get(r, S("effectivePeriod"));
	if (heart && (!period || json_get(r, S("effectiveDateTime"))))
		planning_break(p, "effective", "a cardiology report has effectivePeriod only");
	if (tissue && (period || !json_get(r, S("effectiveDateTime"))))
		planning_break(p, "effective", "an anatomic pathology report has effectiveDateTime only");
	check_time(p, json_get_str(r, S("effectiveDateTime")), "effectiveDateTime");
	check_time(p, json_get_str(period, S("start")), "effectivePeriod.start");
	check_time(p, json_get_str(period, S("end")), "effectivePeriod.end");
	if (tissue && json_get(r, S("conclusion")))
		planning_break(p, "conclusion", "an anatomic pathology report has no conclusion");
	if (tissue && json_get(r, S("resultsInterpreter")))
		planning_break(p, "resultsInterpreter", "an anatomic pathology report has no interpreter");
	if (heart && json_get(r, S("basedOn")))
		planning_break(p, "basedOn", "a cardiology report has no basedOn");
	struct json_iter it = json_iter(json_get(r, S("presentedForm")));
	while (json_next(&it)) {
		if (!is_document_type(json_get_str(it.value, S("contentType"))))
			planning_break(p, "presentedForm.contentType",
				       "PDF, or text, RTF, HTML or XML with ;charset=utf-8, is required");
		check_time(p, json_get_str(it.value, S("creation")), "presentedForm.creation");
	}
	check_time(p, json_get_str(r, S("issued")), "issued");
	if (heart && !json_get(r, S("resultsInterpreter")))
		planning_hint(p, "resultsInterpreter", "required where the site has no default charting user");
}

#define CONDITION_CATEGORY "http://terminology.hl7.org/CodeSystem/condition-category"

static void check_cerner_condition(struct planning *p, const struct json *r)
{
	const struct json *category = json_get(r, S("category"));
	bool diagnosis = writing_has_code(category, CONDITION_CATEGORY, "encounter-diagnosis");
	if (json_size(category) && !diagnosis && !writing_has_code(category, CONDITION_CATEGORY, "problem-list-item"))
		planning_break(p, "category", "only problem-list-item and encounter-diagnosis are accepted");
	if (json_size(json_get(json_get(r, S("code")), S("coding"))) > 2)
		planning_hint(p, "code.coding", "one selected and one other coding are kept");
	if (diagnosis && !json_get(r, S("encounter")))
		planning_break(p, "encounter", "a diagnosis needs its encounter");
	if (diagnosis && !writing_has_code(json_get(r, S("clinicalStatus")),
					   "http://terminology.hl7.org/CodeSystem/condition-clinical", "active"))
		planning_break(p, "clinicalStatus", "a diagnosis can only be active");
}

static void check_cerner_allergy(struct planning *p, const struct json *r)
{
	static const char *const refused[] = {"entered-in-error", "refuted"};
	for (size_t i = 0; i < 2; i++)
		if (writing_has_code(json_get(r, S("verificationStatus")),
				     "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
				     refused[i]))
			planning_break(p, "verificationStatus", "an allergy cannot be created as %s", refused[i]);
	if (json_size(json_get(r, S("category"))) > 1)
		planning_hint(p, "category", "one is kept: medication before food before environment");
}

static void check_cerner_patient(struct planning *p, const struct json *r)
{
	struct json_iter it = json_iter(json_get(r, S("name")));
	size_t official = 0;
	while (json_next(&it))
		official += str_is(json_get_str(it.value, S("use")), "official");
	if (official != 1)
		planning_break(p, "name", "exactly one official name is required");
}

static void check_cerner_encounter(struct planning *p, const struct json *r)
{
	if (json_get(r, S("serviceProvider")) && json_get(r, S("location")))
		planning_break(p, "location", "serviceProvider and location exclude each other");
}

static void check_cerner_document(struct planning *p, const struct json *r)
{
	bool standard;
	size_t own = count_code_sets(json_get(r, S("type")), &standard);
	if (own != 1 && !writing_has_code(json_get(r, S("type")), LOINC, NULL))
		planning_break(p, "type", "the type is a code of LOINC or of codeSet/72");
	if (str_is(json_get_str(r, S("docStatus")), "amended"))
		planning_hint(p, "docStatus", "amended documents are taken from systems, not from people");
	struct json_iter it = json_iter(json_get(r, S("content")));
	while (json_next(&it)) {
		struct str type = json_get_str(json_get(it.value, S("attachment")), S("contentType"));
		if (type.n && !is_document_type(type))
			planning_break(p, "content.attachment.contentType",
				       "PDF, or text, RTF, HTML or XML with ;charset=utf-8, is required");
	}
	if (!json_get(json_get(json_get(r, S("context")), S("period")), S("end")))
		planning_break(p, "context.period.end", "the end of the time that it covers is required");
}

/* ---- Epic -------------------------------------------------------------------------------------------------------- */

static void check_epic_observation(struct planning *p, const struct json *r)
{
	if (!writing_has_code(json_get(r, S("category")), CATEGORY, "vital-signs"))
		planning_break(p, "category", "only vital signs are filed, into the flowsheet");
	if (!has_value(r) && !json_get(r, S("component")))
		planning_break(p, "value", "a value is required");
	planning_hint(p, "code", "the code must lead to exactly one flowsheet row of the site (59187, 59188, 59189)");
	if (json_get(r, S("performer")))
		planning_hint(p, "performer", "the integration user will stand there");
}

void planning_check(struct planning *p, const struct json *resource, struct str type, enum writing_op op)
{
	static const struct {
		enum ehr_vendor vendor;
		const char *type;
		unsigned ops;
		void (*check)(struct planning *p, const struct json *resource);
	} checks[] = {
		{EHR_CERNER, "Observation", C | U, check_cerner_observation},
		{EHR_CERNER, "DiagnosticReport", C, check_cerner_report},
		{EHR_CERNER, "Condition", C, check_cerner_condition},
		{EHR_CERNER, "AllergyIntolerance", C, check_cerner_allergy},
		{EHR_CERNER, "DocumentReference", C, check_cerner_document},
		{EHR_CERNER, "Patient", C, check_cerner_patient},
		{EHR_CERNER, "Encounter", C, check_cerner_encounter},
		{EHR_EPIC, "Observation", C, check_epic_observation},
	};
	bool report = p->options->vendor == EHR_CERNER && op == WRITING_CREATE && str_is(type, "DiagnosticReport");
	if (report && !is_cerner_report(p, resource))
		return;
	check_table(p, resource, type, op);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].vendor == p->options->vendor && (checks[i].ops & op) && str_is(type, checks[i].type))
			checks[i].check(p, resource);
}
