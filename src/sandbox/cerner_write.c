/*
 * Writing at Cerner: rules per type as its documentation lists them, each refusal 422 unless it says otherwise. What is
 * accepted gets the site's own codes, as loading gives them.
 */
#include "sandbox/cerner_priv.h"
#include "sandbox/faults_priv.h"
#include "sandbox/reshape_priv.h"

enum rule_kind {
	NEEDS, /* one of the members, separated by "|" */
	FORBIDS, /* the member */
	CODED, /* the member, a code or concepts, holds one of the values */
	ONE, /* the array has exactly one item */
	MOST_ONE /* the array has one item or none */
};
struct rule {
	const char *type;
	char when; /* 'c' create, 'u' update, 0 both */
	enum rule_kind kind;
	const char *member, *values;
};
static const struct rule rules[] = {
	{"AllergyIntolerance", 0, NEEDS, "clinicalStatus", NULL},
	{"AllergyIntolerance", 0, NEEDS, "code", NULL},
	{"AllergyIntolerance", 'c', CODED, "verificationStatus", "unconfirmed|confirmed|presumed"},
	{"AllergyIntolerance", 0, CODED, "category", "medication|food|environment"},
	{"Condition", 0, NEEDS, "code", NULL},
	{"Condition", 'c', NEEDS, "clinicalStatus", NULL},
	{"Condition", 0, ONE, "category", NULL},
	{"Condition", 0, CODED, "category", "problem-list-item|encounter-diagnosis"},
	{"DiagnosticReport", 'c', NEEDS, "category", NULL},
	{"DiagnosticReport", 'c', NEEDS, "subject", NULL},
	{"DiagnosticReport", 'c', NEEDS, "performer", NULL},
	{"DiagnosticReport", 'c', NEEDS, "identifier", NULL},
	{"DiagnosticReport", 'c', NEEDS, "presentedForm", NULL},
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
	{"Encounter", 0, NEEDS, "type", NULL},
	{"Encounter", 0, NEEDS, "subject", NULL},
	{"Encounter", 0, NEEDS, "serviceProvider|location", NULL},
	{"MedicationRequest", 0, NEEDS, "medicationCodeableConcept|medicationReference", NULL},
	{"MedicationRequest", 0, NEEDS, "reportedBoolean|reportedReference", NULL},
	{"Observation", 0, CODED, "status", "final|amended|corrected"},
	{"Observation", 'u', CODED, "status", "amended|corrected"},
	{"Observation", 0, ONE, "category", NULL},
	{"Observation", 0, CODED, "category", "vital-signs|laboratory"},
	{"Observation", 0, NEEDS, "subject", NULL},
	{"Observation", 0, NEEDS, "effectiveDateTime", NULL},
	{"Observation", 0, NEEDS,
	 "valueQuantity|valueCodeableConcept|valueString|valueAttachment|valueDateTime|component", NULL},
	{"Observation", 0, MOST_ONE, "interpretation", NULL},
	{"Observation", 0, MOST_ONE, "referenceRange", NULL},
	{"Patient", 'c', NEEDS, "identifier", NULL},
	{"Patient", 'c', NEEDS, "name", NULL},
	{"Provenance", 0, ONE, "target", NULL},
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

static bool check_rule(struct rest_call *call, const struct rule *r, const struct json *resource,
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
	default:
		return json_size(value) < 2 ? true
					    : refuse(answer, "business-rule",
						     arena_printf(a, "at most one %s is supported", r->member));
	}
}

static bool check_rules(struct rest_call *call, const struct json *resource, struct rest_answer *answer)
{
	char now = call->interaction == REST_UPDATE ? 'u' : 'c';
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (str_is(call->type_name, rules[i].type) && (!rules[i].when || rules[i].when == now) &&
		    !check_rule(call, &rules[i], resource, answer))
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

static bool check_vital(const struct json *resource, struct rest_answer *answer)
{
	const struct json *code = json_get(resource, S("code"));
	bool panel = reshape_has(code, "85354-9") || reshape_has(code, "59408-5") || reshape_has(code, "2708-6");
	if (!has_function(json_get(resource, S("performer")), "LA"))
		return refuse(answer, "required", S("a performer with the performerFunction LA is required"));
	if (json_get(resource, S("component")) && !panel)
		return refuse(answer, "business-rule",
			      S("component is supported for blood pressure and pulse oximetry only"));
	if (!json_get(resource, S("component")) && !json_get(resource, S("valueQuantity")))
		return refuse(answer, "required", S("valueQuantity is required"));
	return true;
}

/* What an update must leave alone. */
static bool check_kept(struct sandbox *s, struct rest_call *call, const struct json *resource,
		       struct rest_answer *answer)
{
	struct store_entry entry;
	struct error err = {0};
	const struct json *before = store_read(s->o.store, call->arena, call->type, call->id, 0, &entry, &err)
					    ? json_parse(call->arena, entry.body, 0, &err)
					    : NULL;
	const struct json *old = json_get(before, S("category")), *new = json_get(resource, S("category"));
	if (!before)
		return true;
	if (!str_eq(json_get_str(json_get(before, S("subject")), S("reference")),
		    json_get_str(json_get(resource, S("subject")), S("reference"))))
		return refuse(answer, "business-rule", S("subject cannot be changed"));
	if (reshape_has(old, "vital-signs") != reshape_has(new, "vital-signs"))
		return refuse(answer, "business-rule", S("category cannot be changed"));
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
	if (vital && !check_vital(resource, answer))
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

static bool check_forms(const struct json *forms, bool cardiology, struct rest_answer *answer)
{
	struct json_iter it = json_iter(forms);
	while (json_next(&it)) {
		if (!json_get(it.value, S("data")) || !allowed_content(json_get_str(it.value, S("contentType"))))
			return refuse(answer, "value",
				      S("presentedForm needs data and a supported contentType with its charset"));
		if (!cardiology && (json_get(it.value, S("url")) || json_get(it.value, S("title")) ||
				    json_get(it.value, S("creation"))))
			return refuse(answer, "business-rule", S("presentedForm supports contentType and data only"));
	}
	return true;
}

/* The two kinds of reports that can be made, and what each has. */
static bool check_report(struct sandbox *s, struct rest_call *call, const struct json *resource,
			 struct rest_answer *answer)
{
	(void)call;
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
	if (cardiology && json_get(resource, S("basedOn")))
		return refuse(answer, "business-rule", S("basedOn is not supported"));
	if (!cardiology && (json_get(resource, S("resultsInterpreter")) || json_get(resource, S("conclusion"))))
		return refuse(answer, "business-rule", S("resultsInterpreter and conclusion are not supported"));
	if (cardiology && behaves(s, BEHAVIOUR_CHARTING_USER, "none") && !json_get(resource, S("resultsInterpreter")))
		return refuse(answer, "required", S("resultsInterpreter is required"));
	const struct json *codings = json_get(json_get(resource, S("code")), S("coding"));
	if (!json_size(codings))
		return refuse(answer, "required", S("code.coding is required"));
	return check_forms(json_get(resource, S("presentedForm")), cardiology, answer);
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

static bool check_allergy(struct sandbox *s, struct rest_call *call, const struct json *resource,
			  struct rest_answer *answer)
{
	(void)s;
	(void)call;
	struct json_iter it = json_iter(json_get(resource, S("reaction")));
	while (json_next(&it)) {
		if (json_size(json_get(it.value, S("manifestation"))) != 1)
			return refuse(answer, "business-rule", S("a reaction has exactly one manifestation"));
	}
	return true;
}

static bool check_document(struct sandbox *s, struct rest_call *call, const struct json *resource,
			   struct rest_answer *answer)
{
	(void)s;
	const struct json *attachment = json_get(json_at(json_get(resource, S("content")), 0), S("attachment"));
	if (call->interaction == REST_CREATE &&
	    (!json_get(attachment, S("data")) || !allowed_content(json_get_str(attachment, S("contentType")))))
		return refuse(answer, "value",
			      S("content.attachment needs data and a supported contentType with its charset"));
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
	      {"DocumentReference", check_document}, {"Patient", check_patient}};

/* Members that the type's list does not have; loading leaves them out as well. */
static bool check_fields(struct rest_call *call, const struct json *resource, struct rest_answer *answer)
{
	const struct reshape_member *members = reshape_cerner(call->type_name);
	struct json_iter it = json_iter(resource);
	while (members && json_next(&it)) {
		const struct reshape_member *m = members;
		while (m->key && !str_is(it.key, m->key))
			m++;
		if (!m->key && !face_listed("resourceType id meta text contained language", it.key))
			return refuse(
				answer, "business-rule",
				arena_printf(call->arena, "%.*s is not supported", STR_ARG(str_slice(it.key, 0, 40))));
	}
	return true;
}

/* ---- the hook --------------------------------------------------------------------------------------------------- */

/* Whoever changes something must be allowed to see it, too. */
static bool check_scopes(struct sandbox *s, struct rest_call *call, struct rest_answer *answer)
{
	struct error err = {0};
	if (call->interaction == REST_CREATE || !call->pass ||
	    access_require(call->pass, call->type, SCOPE_R | SCOPE_U, call->decision, &err))
		return true;
	return face_fail(s, call, &err, answer);
}

static bool check_version(struct sandbox *s, struct rest_call *call, struct rest_answer *answer)
{
	bool update = call->interaction == REST_UPDATE || call->interaction == REST_PATCH;
	if (fault_take(s, FAULT_CONFLICT)) {
		cerner_refuse(answer, 409, "conflict", S("Someone else changed it meanwhile"));
		return false;
	}
	if (!update)
		return true;
	if (!http_request_header(call->exchange, "If-Match").p && behaves(s, BEHAVIOUR_MISSING_IF_MATCH, "refuse")) {
		cerner_refuse(answer, 412, "conflict", S("If-Match is required"));
		return false;
	}
	return face_exists(s, call, answer);
}

static bool check_content(struct sandbox *s, struct rest_call *call, const struct json *resource,
			  struct rest_answer *answer)
{
	if (mixes_codes(resource))
		return refuse(answer, "business-rule", S("proprietary and standard codes cannot be combined"));
	if (!check_rules(call, resource, answer))
		return false;
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		if (str_is(call->type_name, checks[i].type) && !checks[i].check(s, call, resource, answer))
			return false;
	}
	return behaves(s, BEHAVIOUR_UNSUPPORTED_FIELD, "ignore") || check_fields(call, resource, answer);
}

bool cerner_write(void *ctx, struct rest_call *call, const struct json *resource, struct str *ret_body,
		  struct rest_answer *answer)
{
	struct sandbox *s = ctx;
	struct error err = {0};
	if (!check_scopes(s, call, answer))
		return false;
	if (json_get(resource, S("modifierExtension")))
		return refuse(answer, "extension", S("modifierExtension is not supported"));
	if (json_get(resource, S("implicitRules")))
		return refuse(answer, "not-supported", S("implicitRules is not supported"));
	if (!check_version(s, call, answer))
		return false;
	if (face_opened(s, call->type_name) || !str_eq(json_get_str(resource, S("resourceType")), call->type_name))
		return true;
	if (!check_content(s, call, resource, answer))
		return false;
	if (!reshape_cerner(call->type_name) || face_rewrite(s, call, resource, ret_body, &err))
		return true;
	return face_fail(s, call, &err, answer);
}

/* ---- JSON Patch ------------------------------------------------------------------------------------------------- */

/* "/telecom/0/use" -> "/telecom/0" */
static struct str item_of(struct str path)
{
	size_t first = str_find_char(path, '/', 1);
	size_t second = first == STR_NONE ? STR_NONE : str_find_char(path, '/', first + 1);
	return second == STR_NONE ? path : str_slice(path, 0, second);
}

static bool tested(const struct json *patch, struct str item)
{
	struct json_iter it = json_iter(patch);
	while (json_next(&it)) {
		struct str path = json_get_str(it.value, S("path"));
		if (str_is(json_get_str(it.value, S("op")), "test") && str_starts(path, item) &&
		    str_is(str_slice(path, item.n, path.n), "/id"))
			return true;
	}
	return false;
}

/* Of a list of a Patient, an item is named by its id before it is removed or replaced. */
static bool check_tests(const struct json *patch, struct rest_answer *answer)
{
	struct json_iter it = json_iter(patch);
	while (json_next(&it)) {
		struct str op = json_get_str(it.value, S("op")), path = json_get_str(it.value, S("path"));
		struct str item = item_of(path);
		bool changes = str_is(op, "remove") || str_is(op, "replace");
		size_t slash = str_find_char(item, '/', 1);
		bool listed =
			slash != STR_NONE && slash + 1 < item.n && item.p[slash + 1] >= '0' && item.p[slash + 1] <= '9';
		if (changes && listed && !tested(patch, item))
			return refuse(answer, "business-rule", S("a test of the element's id is required"));
	}
	return true;
}

bool cerner_patch(void *ctx, struct rest_call *call, const struct json *patch, struct rest_answer *answer)
{
	if (!json_is(patch, JSON_ARRAY)) {
		cerner_refuse(answer, 400, "structure", S("a JSON Patch is an array"));
		return false;
	}
	if (!check_scopes(ctx, call, answer) || !check_version(ctx, call, answer))
		return false;
	if (str_is(call->type_name, "Patient") && !check_tests(patch, answer))
		return false;
	struct json_iter it = json_iter(patch);
	while (str_is(call->type_name, "MedicationRequest") && json_next(&it)) {
		struct str path = json_get_str(it.value, S("path"));
		if (!str_is(path, "/status") && !str_is(json_get_str(it.value, S("op")), "test"))
			return refuse(answer, "business-rule", S("only status can be patched"));
	}
	return true;
}
