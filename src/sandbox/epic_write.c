/*
 * Writing at Epic: what it insists on, and what it makes of the rest. Recorded writes show that author, times, codes
 * and categories come back as Epic has them, whatever was sent.
 */
#include "sandbox/epic_priv.h"
#include "sandbox/faults_priv.h"
#include "sandbox/reshape_priv.h"

static bool refuse(struct rest_answer *answer, const char *issue, const char *code, const char *text, const char *place)
{
	struct epic_issue one = {"fatal", issue, code, str_from(text), place};
	epic_refuse(answer, 400, &one, 1);
	return false;
}

/* Members that a write of the type must have; alternatives are separated by "|". */
static const struct {
	const char *type, *needs;
} required[] = {
	{"AllergyIntolerance", "code"},
	{"AllergyIntolerance", "patient"},
	{"Condition", "code"},
	{"Condition", "subject"},
	{"DocumentReference", "subject"},
	{"DocumentReference", "type"},
	{"DocumentReference", "content"},
	{"Observation", "category"},
	{"Observation", "code"},
	{"Observation", "subject"},
	{"Observation", "encounter"},
	{"Observation", "effectiveDateTime"},
	{"Observation", "valueQuantity|valueString|valueCodeableConcept|component"},
	{"Patient", "name"},
	{"Patient", "birthDate"},
	{"Patient", "gender"},
	{"ServiceRequest", "subject"},
};

static bool has_one(const struct json *resource, const char *names)
{
	struct str rest = str_from(names);
	while (rest.p) {
		if (json_get(resource, str_split(&rest, '|')))
			return true;
	}
	return false;
}

static bool check_required(struct rest_call *call, const struct json *resource, struct rest_answer *answer)
{
	for (size_t i = 0; i < sizeof(required) / sizeof(*required); i++) {
		if (str_is(call->type_name, required[i].type) && !has_one(resource, required[i].needs))
			return refuse(answer, "required", "59108", "A required element is missing.", required[i].needs);
	}
	return true;
}

/* A vital sign must fit one row of the flowsheet and no more. */
static bool check_flowsheet(const struct json *resource, struct rest_answer *answer)
{
	if (!reshape_has(json_get(resource, S("category")), "vital-signs"))
		return refuse(answer, "business-rule", "59187", "Only vital signs are taken here.", "category");
	size_t rows = reshape_epic_rows(json_get(resource, S("code")));
	if (rows == 1)
		return true;
	return refuse(answer, "business-rule", "59188", "The codes do not map to a single flowsheet row.", "code");
}

/* References must lead to something. */
static bool check_links(struct sandbox *s, struct rest_call *call, const struct json *resource,
			struct rest_answer *answer)
{
	static const char *const keys[] = {"subject", "patient", "encounter"};
	for (size_t i = 0; i < 3; i++) {
		struct str id = json_get_str(json_get(resource, str_from(keys[i])), S("reference"));
		struct str type = str_split(&id, '/');
		struct store_entry entry;
		struct error err = {0};
		const struct fhir_type *found = id.p ? definitions_resource(s->o.definitions, type) : NULL;
		if (found && fhir_id_valid(id) && !store_read(s->o.store, call->arena, found, id, 0, &entry, &err))
			return refuse(answer, "not-found", "59144", "A reference leads to nothing.", keys[i]);
	}
	return true;
}

bool epic_write(void *ctx, struct rest_call *call, const struct json *resource, struct str *ret_body,
		struct rest_answer *answer)
{
	struct sandbox *s = ctx;
	struct error err = {0};
	if (fault_take(s, FAULT_CONFLICT)) {
		struct epic_issue issue = {"fatal", "conflict", "59141", S("Someone else changed it meanwhile."), NULL};
		epic_refuse(answer, 409, &issue, 1);
		return false;
	}
	if (call->interaction == REST_UPDATE && !face_exists(s, call, answer))
		return false;
	if (face_opened(s, call->type_name) || !str_eq(json_get_str(resource, S("resourceType")), call->type_name))
		return true;
	if (!check_required(call, resource, answer) || !check_links(s, call, resource, answer))
		return false;
	if (str_is(call->type_name, "Observation") && !check_flowsheet(resource, answer))
		return false;
	if (!reshape_epic(call->type_name) || behaves(s, BEHAVIOUR_SILENT_CHANGES, "off"))
		return true;
	if (face_rewrite(s, call, resource, ret_body, &err))
		return true;
	return face_fail(s, call, &err, answer);
}
