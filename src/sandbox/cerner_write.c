/*
 * Writing at Cerner: who may, versions, and what is left of a body once it is accepted; it gets the site's own codes,
 * as loading gives them. The rules of each type are in cerner_rules.c.
 */
#include "sandbox/cerner_priv.h"
#include "sandbox/faults_priv.h"
#include "sandbox/reshape_priv.h"

static bool refuse(struct rest_answer *answer, const char *issue, struct str text)
{
	cerner_refuse(answer, 422, issue, text);
	return false;
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

bool cerner_names_version(struct sandbox *s, struct rest_call *call, struct rest_answer *answer)
{
	/* Documented of appointments; of others nobody says. */
	bool needed = str_is(call->type_name, "Appointment") || behaves(s, BEHAVIOUR_MISSING_IF_MATCH, "refuse");
	if (!needed || http_request_header(call->exchange, "If-Match").p)
		return true;
	cerner_refuse(answer, 412, "conflict", S("If-Match is required"));
	return false;
}

static bool check_version(struct sandbox *s, struct rest_call *call, struct rest_answer *answer)
{
	bool appointment = str_is(call->type_name, "Appointment");
	if (fault_take(s, FAULT_CONFLICT)) {
		cerner_refuse(answer, 409, "conflict", S("Someone else changed it meanwhile"));
		return false;
	}
	if (appointment && fault_take(s, FAULT_LOCKED)) {
		cerner_refuse(answer, 423, "lock-error", S("The appointment is being modified"));
		return false;
	}
	if (appointment && fault_take(s, FAULT_DEPENDENCY)) {
		cerner_refuse(answer, 424, "processing", S("Something that the appointment depends on failed"));
		return false;
	}
	if (call->interaction == REST_CREATE)
		return true;
	return cerner_names_version(s, call, answer) && face_exists(s, call, answer);
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
	if (!cerner_check(s, call, resource, answer))
		return false;
	if (!reshape_cerner(call->type_name))
		return true;
	struct str joined;
	const struct json *paired = cerner_pressure(s, call, cerner_supported(call, resource), &joined);
	if (!face_rewrite(s, call, paired, ret_body, &err) ||
	    (joined.n && !face_remove(s, call->arena, call->type_name, joined, S("charting"),
				      S("the other half of a blood pressure was charted"), &err)))
		return face_fail(s, call, &err, answer);
	return true;
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

/* What of a type may be patched, where that is documented. */
static bool check_patchable(struct rest_call *call, const struct json *patch, struct rest_answer *answer)
{
	static const struct {
		const char *type, *members;
	} patchable[] = {
		{"Appointment", "status"}, {"Encounter", "period type extension"}, {"MedicationRequest", "status"}};
	for (size_t i = 0; i < sizeof(patchable) / sizeof(*patchable); i++) {
		struct json_iter it = json_iter(patch);
		while (str_is(call->type_name, patchable[i].type) && json_next(&it)) {
			struct str path = json_get_str(it.value, S("path"));
			(void)str_split(&path, '/'); /* what is before the first */
			bool test = str_is(json_get_str(it.value, S("op")), "test");
			if (!test && !face_listed(patchable[i].members, str_split(&path, '/')))
				return refuse(
					answer, "business-rule",
					arena_printf(call->arena, "only %s can be patched", patchable[i].members));
		}
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
	return check_patchable(call, patch, answer);
}

/* ---- a patch as a POST ------------------------------------------------------------------------------------------- */

bool cerner_override(struct sandbox *s, struct http_exchange *x, enum face_host host)
{
	const struct http_request *r = http_request(x);
	bool asked = str_eq_nocase(face_value(r->query, S("_method")), S("patch")) ||
		     str_eq_nocase(http_request_header(x, "X-HTTP-Method-Override"), S("patch"));
	return s->o.vendor == EHR_CERNER && asked && str_is(r->method, "POST") &&
	       face_again(s, x, host, &(struct face_other){.method = S("PATCH")});
}
