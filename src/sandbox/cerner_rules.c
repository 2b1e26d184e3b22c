/*
 * What Cerner insists on for what is written to it, type by type as its documentation lists it. Each refusal is 422.
 */
#include "sandbox/cerner_priv.h"
#include "sandbox/faults_priv.h"
#include "sandbox/reshape_priv.h"

enum rule_kind {
	NEEDS, /* one of the members, separated by "|" */
	FORBIDS, /* the member */
	CODED, /* the member, a code or concepts, holds one of the values */
	ONE, /* the array has exactly one item */
	MOST_ONE, /* the array has one item or none */
	LEADS /* every reference of the member leads to something that is there, of one of the types */
};
struct rule {
	const char *type;
	char when; /* 'c' create, 'u' update, 0 both */
	enum rule_kind kind;
	const char *member, *values;
};
static const struct rule rules[] = {
	{"AllergyIntolerance", 0, NEEDS, "code", NULL},
	{"AllergyIntolerance", 'c', CODED, "verificationStatus", "unconfirmed|confirmed|presumed"},
	{"AllergyIntolerance", 'c', NEEDS, "clinicalStatus", NULL},
	{"AllergyIntolerance", 0, LEADS, "patient", "Patient"},
	{"Condition", 0, NEEDS, "code", NULL},
	{"Condition", 'c', NEEDS, "clinicalStatus", NULL},
	{"Condition", 0, ONE, "category", NULL},
	{"Condition", 0, CODED, "category", "problem-list-item|encounter-diagnosis"},
	{"Condition", 0, LEADS, "subject", "Patient"},
	{"DiagnosticReport", 'c', NEEDS, "category", NULL},
	{"DiagnosticReport", 'c', NEEDS, "subject", NULL},
	{"DiagnosticReport", 'c', NEEDS, "performer", NULL},
	{"DiagnosticReport", 'c', NEEDS, "identifier", NULL},
	{"DiagnosticReport", 'c', NEEDS, "presentedForm", NULL},
	{"DiagnosticReport", 'c', LEADS, "subject", "Patient"},
	{"DiagnosticReport", 'c', LEADS, "performer", "Practitioner|Organization"},
	{"DiagnosticReport", 'c', LEADS, "resultsInterpreter", "Practitioner"},
	{"DiagnosticReport", 'c', CODED, "status",
	 "amended|cancelled|entered-in-error|final|partial|preliminary|registered|superseded|unknown"},
	{"DiagnosticReport", 'c', CODED, "category", "LP29708-2|LP7839-6"},
	{"DocumentReference", 'c', CODED, "status", "current"},
	{"DocumentReference", 'c', NEEDS, "docStatus", NULL},
	{"DocumentReference", 'c', CODED, "docStatus", "final|amended"},
	{"DocumentReference", 0, NEEDS, "type", NULL},
	{"DocumentReference", 0, NEEDS, "subject", NULL},
	{"DocumentReference", 0, ONE, "author", NULL},
	{"DocumentReference", 0, ONE, "content", NULL},
	{"DocumentReference", 0, LEADS, "subject", "Patient"},
	{"DocumentReference", 0, LEADS, "author", "Practitioner"},
	{"Encounter", 0, NEEDS, "type", NULL},
	{"Encounter", 0, NEEDS, "subject", NULL},
	{"Encounter", 0, LEADS, "subject", "Patient"},
	{"Encounter", 0, NEEDS, "serviceProvider|location", NULL},
	{"MedicationRequest", 0, NEEDS, "medicationCodeableConcept|medicationReference", NULL},
	{"MedicationRequest", 0, NEEDS, "reportedBoolean|reportedReference", NULL},
	{"MedicationRequest", 0, LEADS, "subject", "Patient"},
	{"Observation", 0, CODED, "status", "final|amended|corrected"},
	{"Observation", 'u', CODED, "status", "amended|corrected"},
	{"Observation", 0, ONE, "category", NULL},
	{"Observation", 0, CODED, "category", "vital-signs|laboratory"},
	{"Observation", 0, NEEDS, "subject", NULL},
	{"Observation", 0, NEEDS, "effectiveDateTime", NULL},
	{"Observation", 0, LEADS, "performer", "Practitioner"},
	{"Observation", 0, NEEDS,
	 "valueQuantity|valueCodeableConcept|valueString|valueAttachment|valueDateTime|component", NULL},
	{"Observation", 0, MOST_ONE, "interpretation", NULL},
	{"Observation", 0, MOST_ONE, "referenceRange", NULL},
	{"Patient", 'c', NEEDS, "identifier", NULL},
	{"Patient", 'c', NEEDS, "name", NULL},
	{"Provenance", 0, ONE, "target", NULL},
};

/* Members that a kind of report does not have. Documents say both that such are ignored and that they are refused. */
static const struct {
	const char *type, *category, *path;
} unsupported[] = {
	{"DiagnosticReport", "LP29708-2", "basedOn"},
	{"DiagnosticReport", "LP7839-6", "resultsInterpreter"},
	{"DiagnosticReport", "LP7839-6", "conclusion"},
	{"DiagnosticReport", "LP7839-6", "presentedForm.url"},
	{"DiagnosticReport", "LP7839-6", "presentedForm.title"},
	{"DiagnosticReport", "LP7839-6", "presentedForm.creation"},
	{"DiagnosticReport", "LP7839-6", "identifier.use"},
	{"DiagnosticReport", "LP7839-6", "identifier.type"},
};

static bool refuse(struct rest_answer *answer, const char *issue, struct str text)
{
	cerner_refuse(answer, 422, issue, text);
	return false;
}

/* The member's value, or one of its codes, is in the list. */
static bool coded(const struct json *value, const char *values)
{
	struct str rest = str_from(values);
	while (rest.p) {
		struct str one = str_split(&rest, '|');
		char text[80];
		struct buf copy = {.p = text, .cap = sizeof(text), .max = sizeof(text)};
		buf_add(&copy, one);
		buf_char(&copy, 0);
		if (str_eq(json_str(value), one) || (buf_ok(&copy) && reshape_has(value, text)))
			return true;
		struct json_iter it = json_iter(value);
		while (json_is(value, JSON_ARRAY) && json_next(&it)) {
			if (str_eq(json_str(it.value), one))
				return true;
		}
	}
	return false;
}

static bool needed(const struct json *resource, const char *names)
{
	struct str rest = str_from(names);
	while (rest.p) {
		if (json_get(resource, str_split(&rest, '|')))
			return true;
	}
	return false;
}

static bool leads(struct sandbox *s, struct rest_call *call, const struct json *link, struct str types)
{
	struct str id = json_get_str(link, S("reference"));
	struct store_entry entry;
	struct error err = {0};
	if (str_starts(id, s->fhir_base) && id.n > s->fhir_base.n)
		id = str_slice(id, s->fhir_base.n + 1, id.n);
	struct str name = str_split(&id, '/');
	const struct fhir_type *type = id.p ? definitions_resource(s->o.definitions, name) : NULL;
	while (types.p)
		if (str_eq(str_split(&types, '|'), name))
			return type && fhir_id_valid(id) &&
			       store_read(s->o.store, call->arena, type, id, 0, &entry, &err);
	return false;
}

static bool all_lead(struct sandbox *s, struct rest_call *call, const struct json *value, const char *types)
{
	struct json_iter it = json_iter(value);
	bool all = !value || json_is(value, JSON_ARRAY) || leads(s, call, value, str_from(types));
	while (json_is(value, JSON_ARRAY) && json_next(&it))
		all = all && leads(s, call, it.value, str_from(types));
	return all;
}

static bool check_rule(struct sandbox *s, struct rest_call *call, const struct rule *r, const struct json *resource,
		       struct rest_answer *answer)
{
	const struct json *value = json_get(resource, str_from(r->member));
	struct arena *a = call->arena;
	switch (r->kind) {
	case NEEDS:
		return needed(resource, r->member)
			       ? true
			       : refuse(answer, "required", arena_printf(a, "%s is required", r->member));
	case FORBIDS:
		return !value ? true
			      : refuse(answer, "business-rule", arena_printf(a, "%s is not supported", r->member));
	case CODED:
		return !value || coded(value, r->values)
			       ? true
			       : refuse(answer, "value", arena_printf(a, "%s must be one of %s", r->member, r->values));
	case ONE:
		return json_size(value) == 1 ? true
					     : refuse(answer, "business-rule",
						      arena_printf(a, "exactly one %s is supported", r->member));
	case LEADS:
		return all_lead(s, call, value, r->values)
			       ? true
			       : refuse(answer, "value",
					arena_printf(a, "%s must be a valid reference to %s", r->member, r->values));
	default:
		return json_size(value) < 2 ? true
					    : refuse(answer, "business-rule",
						     arena_printf(a, "at most one %s is supported", r->member));
	}
}

static bool check_rules(struct sandbox *s, struct rest_call *call, const struct json *resource,
			struct rest_answer *answer)
{
	char now = call->interaction == REST_UPDATE ? 'u' : 'c';
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (str_is(call->type_name, rules[i].type) && (!rules[i].when || rules[i].when == now) &&
		    !check_rule(s, call, &rules[i], resource, answer))
			return false;
	}
	return true;
}

/* ---- anywhere --------------------------------------------------------------------------------------------------- */

/* Codes of a code set of the site and standard ones must not stand in one list. */
static bool mixes_codes(const struct json *j)
{
	struct json_iter it = json_iter(j);
	bool own = false, standard = false;
	while (json_next(&it)) {
		struct str system = json_get_str(it.value, S("system"));
		if (json_is(j, JSON_ARRAY) && system.p && json_get(it.value, S("code"))) {
			own |= str_starts(system, S("https://fhir.cerner.com/"));
			standard |= !str_starts(system, S("https://fhir.cerner.com/"));
		}
	}
	if (own && standard)
		return true;
	it = json_iter(j);
	while (json_next(&it)) {
		if (json_type(it.value) >= JSON_ARRAY && mixes_codes(it.value))
			return true;
	}
	return false;
}

/* Every date of a report carries a time. */
static bool lacks_time(const struct json *j)
{
	struct str text = json_str(j);
	return text.p && str_find_char(text, 'T', 0) == STR_NONE;
}

/* ---- Observation ------------------------------------------------------------------------------------------------ */

static bool has_function(const struct json *performers, const char *code)
{
	struct json_iter it = json_iter(performers);
	while (json_next(&it)) {
		struct json_iter e = json_iter(json_get(it.value, S("extension")));
		while (json_next(&e)) {
			if (str_is(json_get_str(e.value, S("url")), PERFORMER_FUNCTION) &&
			    reshape_has(json_get(e.value, S("valueCodeableConcept")), code))
				return true;
		}
	}
	return false;
}

/* Codes of the site and of LOINC or SNOMED CT; how many are the site's. */
static size_t count_codes(const struct json *concept, size_t *ret_standard)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	size_t own = 0;
	*ret_standard = 0;
	while (json_next(&it)) {
		struct str system = json_get_str(it.value, S("system"));
		own += str_starts(system, S("https://fhir.cerner.com/"));
		*ret_standard += str_is(system, "http://loinc.org") || str_is(system, "http://snomed.info/sct");
	}
	return own;
}

/* Each function of a performer is one of those that the category has. */
static bool functions_known(const struct json *performers, const char *values)
{
	struct json_iter it = json_iter(performers);
	while (json_next(&it)) {
		struct json_iter e = json_iter(json_get(it.value, S("extension")));
		while (json_next(&e))
			if (str_is(json_get_str(e.value, S("url")), PERFORMER_FUNCTION) &&
			    !coded(json_get(e.value, S("valueCodeableConcept")), values))
				return false;
	}
	return true;
}

static bool check_vital(struct sandbox *s, struct rest_call *call, const struct json *resource,
			struct rest_answer *answer)
{
	if (!has_function(json_get(resource, S("performer")), "LA"))
		return refuse(answer, "required", S("a performer with the performerFunction LA is required"));
	/* How the refusal looks is not known. */
	if (behaves(s, BEHAVIOUR_RELATIONSHIP, "none") && call->grant.fhir_user.n) {
		cerner_refuse(answer, 403, "forbidden", S("an active relationship with the patient is required"));
		return false;
	}
	if (!json_get(resource, S("component")) && !json_get(resource, S("valueQuantity")))
		return refuse(answer, "required", S("valueQuantity is required"));
	return true;
}

static bool check_range(const struct json *range, struct rest_answer *answer)
{
	const struct json *type = json_get(range, S("type"));
	if (type && !reshape_has(type, "normal"))
		return refuse(answer, "business-rule", S("a referenceRange of the type normal is supported"));
	if (json_get(range, S("text")) && (json_get(range, S("low")) || json_get(range, S("high"))))
		return refuse(answer, "business-rule", S("a referenceRange has text, or low and high"));
	return true;
}

static const struct json *what_is_there(struct sandbox *s, struct rest_call *call)
{
	struct store_entry entry;
	struct error err = {0};
	return store_read(s->o.store, call->arena, call->type, call->id, 0, &entry, &err)
		       ? json_parse(call->arena, entry.body, 0, &err)
		       : NULL;
}

/* The kind of a value stays; that of a result may change, but neither from nor to a time. */
static bool value_may_become(const struct json *old, const struct json *new, bool vital)
{
	struct json_iter a = json_iter(old), b = json_iter(new);
	bool had = json_next_prefixed(&a, S("value")), has = json_next_prefixed(&b, S("value"));
	if (!had || !has || str_eq(a.key, b.key))
		return had == has;
	return !vital && !str_is(a.key, "valueDateTime") && !str_is(b.key, "valueDateTime");
}

/* What an update must leave alone. */
static bool check_kept(struct sandbox *s, struct rest_call *call, const struct json *resource,
		       struct rest_answer *answer)
{
	const struct json *before = what_is_there(s, call);
	const struct json *old = json_get(before, S("category")), *new = json_get(resource, S("category"));
	if (!before)
		return true;
	if (!str_eq(json_get_str(json_get(before, S("subject")), S("reference")),
		    json_get_str(json_get(resource, S("subject")), S("reference"))))
		return refuse(answer, "business-rule", S("subject cannot be changed"));
	if (reshape_has(old, "vital-signs") != reshape_has(new, "vital-signs"))
		return refuse(answer, "business-rule", S("category cannot be changed"));
	if (!value_may_become(before, resource, reshape_has(new, "vital-signs")))
		return refuse(answer, "business-rule", S("the type of the value cannot be changed"));
	if (reshape_has(new, "vital-signs") && !json_get(resource, S("identifier")))
		return refuse(answer, "required", S("identifier is required"));
	return true;
}

static bool check_observation(struct sandbox *s, struct rest_call *call, const struct json *resource,
			      struct rest_answer *answer)
{
	bool vital = reshape_has(json_get(resource, S("category")), "vital-signs");
	struct str subject = json_get_str(json_get(resource, S("subject")), S("reference"));
	if (str_find(subject, S("Patient/")) == STR_NONE)
		return refuse(answer, "value", S("subject must be a Patient"));
	const struct json *code = json_get(resource, S("code"));
	bool panel = reshape_has(code, "85354-9") || reshape_has(code, "59408-5") || reshape_has(code, "2708-6");
	size_t standard, own = count_codes(code, &standard);
	if (!own && !standard)
		return refuse(answer, "value", S("code must be of LOINC, SNOMED CT or the code set 72"));
	if (json_get(resource, S("component")) && !panel)
		return refuse(answer, "business-rule",
			      S("component is supported for blood pressure and pulse oximetry only"));
	if (!functions_known(json_get(resource, S("performer")), vital ? "LA|PPRF" : "LA|PPRF|PRF|OP|AUTHEN"))
		return refuse(answer, "value", S("this performerFunction is not supported"));
	if (vital && !check_vital(s, call, resource, answer))
		return false;
	if (!check_range(json_at(json_get(resource, S("referenceRange")), 0), answer))
		return false;
	return call->interaction != REST_UPDATE || check_kept(s, call, resource, answer);
}

/* ---- DiagnosticReport ------------------------------------------------------------------------------------------- */

static bool allowed_content(struct str type)
{
	static const char *const types[] = {"application/pdf",
					    "application/pdf;charset=utf-8",
					    "text/plain;charset=utf-8",
					    "text/richtext;charset=utf-8",
					    "text/rtf;charset=utf-8",
					    "text/html;charset=utf-8",
					    "application/xml;charset=utf-8",
					    "application/xhtml+xml;charset=utf-8"};
	char bare[80];
	struct buf out = {.p = bare, .cap = sizeof(bare), .max = sizeof(bare)};
	for (size_t i = 0; i < type.n; i++) {
		if (type.p[i] != ' ')
			buf_char(&out, type.p[i]);
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (str_eq_nocase(buf_str(&out), str_from(types[i])))
			return true;
	}
	return false;
}

static bool check_forms(const struct json *forms, struct rest_answer *answer)
{
	struct json_iter it = json_iter(forms);
	while (json_next(&it)) {
		if (!json_get(it.value, S("data")) || !allowed_content(json_get_str(it.value, S("contentType"))))
			return refuse(answer, "value",
				      S("presentedForm needs data and a supported contentType with its charset"));
		if (lacks_time(json_get(it.value, S("creation"))))
			return refuse(answer, "value", S("dates must have a time"));
	}
	return true;
}

/* The two kinds of reports that can be made, and what each has. */
static bool check_report(struct sandbox *s, struct rest_call *call, const struct json *resource,
			 struct rest_answer *answer)
{
	if (call->grant.fhir_user.n && !str_starts(call->grant.fhir_user, S("Practitioner"))) {
		cerner_refuse(answer, 403, "forbidden", S("providers and systems create reports"));
		return false;
	}
	bool cardiology = reshape_has(json_get(resource, S("category")), "LP29708-2");
	const struct json *period = json_get(resource, S("effectivePeriod"));
	const struct json *moment = json_get(resource, S("effectiveDateTime"));
	if (cardiology ? !period || moment : !moment || period)
		return refuse(answer, "business-rule",
			      cardiology ? S("effectivePeriod is required and effectiveDateTime not supported")
					 : S("effectiveDateTime is required and effectivePeriod not supported"));
	if (lacks_time(moment) || lacks_time(json_get(period, S("start"))) || lacks_time(json_get(period, S("end"))) ||
	    lacks_time(json_get(resource, S("issued"))))
		return refuse(answer, "value", S("dates must have a time"));
	if (cardiology && behaves(s, BEHAVIOUR_CHARTING_USER, "none") && !json_get(resource, S("resultsInterpreter")))
		return refuse(answer, "required", S("resultsInterpreter is required"));
	size_t standard, own = count_codes(json_get(resource, S("code")), &standard);
	if (own > 1 || (!own && !reshape_code(json_get(resource, S("code")), "http://loinc.org").p))
		return refuse(answer, "value", S("code must be of LOINC, or exactly one of the code set 72"));
	struct json_iter it = json_iter(json_get(resource, S("identifier")));
	while (json_next(&it))
		if (!json_get(it.value, S("system")) || !json_get(it.value, S("value")))
			return refuse(answer, "required", S("identifier needs system and value"));
	return check_forms(json_get(resource, S("presentedForm")), answer);
}

/* ---- others ----------------------------------------------------------------------------------------------------- */

static bool check_condition(struct sandbox *s, struct rest_call *call, const struct json *resource,
			    struct rest_answer *answer)
{
	(void)s;
	bool visit = reshape_has(json_get(resource, S("category")), "encounter-diagnosis");
	if (visit && !json_get(resource, S("encounter")))
		return refuse(answer, "required", S("encounter is required for an encounter-diagnosis"));
	if (visit && call->interaction == REST_CREATE &&
	    !reshape_has(json_get(resource, S("clinicalStatus")), "active"))
		return refuse(answer, "business-rule", S("an encounter-diagnosis must be active"));
	return true;
}

/* A concept says the same: the codes of the one that was sent are among those that are there, or the words are. */
static bool same_concept(const struct json *old, const struct json *new)
{
	struct json_iter it = json_iter(json_get(new, S("coding")));
	bool any = false;
	while (json_next(&it)) {
		char code[80];
		struct buf copy = {.p = code, .cap = sizeof(code), .max = sizeof(code)};
		buf_add(&copy, json_get_str(it.value, S("code")));
		buf_char(&copy, 0);
		if (!buf_ok(&copy) || !reshape_has(old, code))
			return false;
		any = true;
	}
	return any || str_eq(json_get_str(old, S("text")), json_get_str(new, S("text")));
}

static bool has_note(const struct json *notes, struct str text)
{
	struct json_iter it = json_iter(notes);
	while (json_next(&it))
		if (str_eq(json_get_str(it.value, S("text")), text))
			return true;
	return false;
}

/* Code, patient, manifestations and the notes that are there stay; notes may be added. */
static bool check_allergy_kept(const struct json *before, const struct json *resource, struct rest_answer *answer)
{
	if (!before)
		return true;
	if (!same_concept(json_get(before, S("code")), json_get(resource, S("code"))))
		return refuse(answer, "business-rule", S("code cannot be changed"));
	if (!str_eq(json_get_str(json_get(before, S("patient")), S("reference")),
		    json_get_str(json_get(resource, S("patient")), S("reference"))))
		return refuse(answer, "business-rule", S("patient cannot be changed"));
	const struct json *old = json_get(before, S("reaction")), *new = json_get(resource, S("reaction"));
	for (size_t i = 0; i < json_size(old); i++)
		if (!same_concept(json_at(json_get(json_at(old, i), S("manifestation")), 0),
				  json_at(json_get(json_at(new, i), S("manifestation")), 0)))
			return refuse(answer, "business-rule", S("manifestations cannot be changed"));
	struct json_iter it = json_iter(json_get(before, S("note")));
	while (json_next(&it))
		if (!has_note(json_get(resource, S("note")), json_get_str(it.value, S("text"))))
			return refuse(answer, "business-rule", S("notes can be added only"));
	return true;
}

static bool check_allergy(struct sandbox *s, struct rest_call *call, const struct json *resource,
			  struct rest_answer *answer)
{
	struct json_iter it = json_iter(json_get(resource, S("reaction")));
	while (json_next(&it)) {
		if (json_size(json_get(it.value, S("manifestation"))) != 1)
			return refuse(answer, "business-rule", S("a reaction has exactly one manifestation"));
	}
	if (coded(json_get(resource, S("category")), "biologic"))
		return refuse(answer, "value", S("the category biologic is not supported"));
	if (call->interaction != REST_UPDATE)
		return true;
	if (!json_get(resource, S("clinicalStatus")) &&
	    !reshape_has(json_get(resource, S("verificationStatus")), "entered-in-error"))
		return refuse(answer, "required", S("clinicalStatus is required"));
	return check_allergy_kept(what_is_there(s, call), resource, answer);
}

static bool check_document(struct sandbox *s, struct rest_call *call, const struct json *resource,
			   struct rest_answer *answer)
{
	(void)s;
	const struct json *attachment = json_get(json_at(json_get(resource, S("content")), 0), S("attachment"));
	const struct json *period = json_get(json_get(resource, S("context")), S("period"));
	size_t standard, own = count_codes(json_get(resource, S("type")), &standard);
	bool create = call->interaction == REST_CREATE;
	if (create && own != 1 && !reshape_code(json_get(resource, S("type")), "http://loinc.org").p)
		return refuse(answer, "value", S("type must be of LOINC or the code set 72"));
	if (create && call->grant.fhir_user.n && str_is(json_get_str(resource, S("docStatus")), "amended"))
		return refuse(answer, "value", S("docStatus amended is for systems"));
	if (create && !json_get(period, S("end")))
		return refuse(answer, "required", S("context.period.end is required"));
	if (create &&
	    (!json_get(attachment, S("data")) || !allowed_content(json_get_str(attachment, S("contentType")))))
		return refuse(answer, "value",
			      S("content.attachment needs data and a supported contentType with its charset"));
	return true;
}

static bool check_encounter(struct sandbox *s, struct rest_call *call, const struct json *resource,
			    struct rest_answer *answer)
{
	(void)s;
	(void)call;
	return !json_get(resource, S("serviceProvider")) || !json_get(resource, S("location")) ||
	       refuse(answer, "business-rule", S("serviceProvider and location exclude each other"));
}

static bool check_provenance(struct sandbox *s, struct rest_call *call, const struct json *resource,
			     struct rest_answer *answer)
{
	struct json_iter it = json_iter(json_get(resource, S("agent")));
	(void)s;
	(void)call;
	while (json_next(&it))
		if (!json_get(it.value, S("who")))
			return refuse(answer, "required", S("agent.who is required"));
	return true;
}

static bool check_patient(struct sandbox *s, struct rest_call *call, const struct json *resource,
			  struct rest_answer *answer)
{
	size_t official = 0;
	struct json_iter it = json_iter(json_get(resource, S("name")));
	(void)s;
	(void)call;
	while (json_next(&it))
		official += str_is(json_get_str(it.value, S("use")), "official");
	if (official != 1)
		return refuse(answer, "business-rule", S("exactly one official name is required"));
	it = json_iter(json_get(resource, S("identifier")));
	while (json_next(&it)) {
		struct str assigner = json_get_str(json_get(it.value, S("assigner")), S("reference"));
		if (str_find(assigner, S("Organization/")) == STR_NONE)
			return refuse(answer, "required", S("identifier.assigner must be an Organization"));
	}
	return true;
}

static const struct {
	const char *type;
	bool (*check)(struct sandbox *s, struct rest_call *call, const struct json *resource,
		      struct rest_answer *answer);
} checks[] = {{"Observation", check_observation},    {"DiagnosticReport", check_report},
	      {"Condition", check_condition},	     {"AllergyIntolerance", check_allergy},
	      {"DocumentReference", check_document}, {"Patient", check_patient},
	      {"Encounter", check_encounter},	     {"Provenance", check_provenance}};

/* ---- what is not supported ------------------------------------------------------------------------------------------
 */

static bool applies(const struct rest_call *call, const struct json *resource, size_t i)
{
	return str_is(call->type_name, unsupported[i].type) &&
	       reshape_has(json_get(resource, S("category")), unsupported[i].category);
}

static bool has_path(const struct json *j, struct str path)
{
	struct str name = str_split(&path, '.');
	const struct json *value = json_get(j, name);
	if (!path.p || !value)
		return value != NULL;
	struct json_iter it = json_iter(value);
	bool has = false;
	while (json_next(&it))
		has = has || has_path(it.value, path);
	return has;
}

/* Members that the type's list does not have; loading leaves them out as well. */
static bool check_fields(struct rest_call *call, const struct json *resource, struct rest_answer *answer)
{
	const struct reshape_member *members = reshape_cerner(call->type_name);
	struct json_iter it = json_iter(resource);
	const char *what = "%.*s is not supported";
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(*unsupported); i++)
		if (applies(call, resource, i) && has_path(resource, str_from(unsupported[i].path)))
			return refuse(
				answer, "business-rule",
				arena_printf(call->arena, what, (int)strlen(unsupported[i].path), unsupported[i].path));
	while (members && json_next(&it)) {
		const struct reshape_member *m = members;
		while (m->key && !str_is(it.key, m->key))
			m++;
		if (!m->key && !face_listed("resourceType id meta text contained language", it.key))
			return refuse(answer, "business-rule",
				      arena_printf(call->arena, what, STR_ARG(str_slice(it.key, 0, 40))));
	}
	return true;
}

/* path: of what is being written, with dots, without places in lists. */
static void put_supported(struct json_writer *w, struct rest_call *call, const struct json *resource,
			  const struct json *j, struct str path)
{
	struct json_iter it = json_iter(j);
	if (json_is(j, JSON_ARRAY)) {
		json_array_begin(w);
		while (json_next(&it))
			put_supported(w, call, resource, it.value, path);
		json_array_end(w);
		return;
	}
	if (!json_is(j, JSON_OBJECT)) {
		json_put_value(w, j);
		return;
	}
	json_object_begin(w);
	while (json_next(&it)) {
		struct str own =
			arena_printf(call->arena, "%.*s%s%.*s", STR_ARG(path), path.n ? "." : "", STR_ARG(it.key));
		bool kept = true;
		for (size_t i = 0; i < sizeof(unsupported) / sizeof(*unsupported); i++)
			kept = kept && !(str_is(own, unsupported[i].path) && applies(call, resource, i));
		if (!kept)
			continue;
		json_key(w, it.key);
		put_supported(w, call, resource, it.value, own);
	}
	json_object_end(w);
}

const struct json *cerner_supported(struct rest_call *call, const struct json *resource)
{
	struct error ignored = {0};
	struct buf out;
	bool any = false;
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(*unsupported); i++)
		any = any || (applies(call, resource, i) && has_path(resource, str_from(unsupported[i].path)));
	if (!any)
		return resource;
	buf_init(&out, (size_t)64 << 20);
	struct json_writer w = json_writer(&out);
	put_supported(&w, call, resource, resource, S(""));
	struct str text = buf_ok(&out) ? arena_str(call->arena, buf_str(&out)) : STR_NULL;
	const struct json *kept = text.p ? json_parse(call->arena, text, 0, &ignored) : NULL;
	buf_done(&out);
	return kept ? kept : resource;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------
 */

bool cerner_check(struct sandbox *s, struct rest_call *call, const struct json *resource, struct rest_answer *answer)
{
	if (mixes_codes(resource))
		return refuse(answer, "business-rule", S("proprietary and standard codes cannot be combined"));
	if (!check_rules(s, call, resource, answer))
		return false;
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		if (str_is(call->type_name, checks[i].type) && !checks[i].check(s, call, resource, answer))
			return false;
	}
	return behaves(s, BEHAVIOUR_UNSUPPORTED_FIELD, "ignore") || check_fields(call, resource, answer);
}
