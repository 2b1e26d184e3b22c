/*
 * $validate (http://hl7.org/fhir/R4/resource-operation-validate.html): all that is wrong with a resource that was sent,
 * or with the stored one, by the profiles, value sets and code systems of this server. The answer is always 200 with an
 * OperationOutcome: it is the operation that succeeded.
 */
#include "base/clock.h"
#include "server/rest/operations/operations.h"
#include "validate/document.h"

enum { MAX_FINDINGS = 1000, MAX_STEPS = 64 };

const struct operation_param operation_validate_params[] = {
	{"resource", IN_RESOURCE, false, NULL}, {"mode", IN_TEXT, false, NULL}, {"profile", IN_TEXT, true, NULL}, {0}};

static bool check_mode(const struct operation_call *op, struct str mode, struct error *err)
{
	bool known =
		str_is(mode, "create") || str_is(mode, "update") || str_is(mode, "delete") || str_is(mode, "profile");
	if (mode.p && !known)
		return error_set(err, ERR_VALUE, "mode must be create, update, delete or profile");
	if ((str_is(mode, "update") || str_is(mode, "delete")) && op->level != AT_INSTANCE)
		return error_set(err, ERR_VALUE, "mode %.*s is for one resource: Type/id/$validate", STR_ARG(mode));
	if (str_is(mode, "profile") && !operation_text(op, "profile").p)
		return error_set(err, ERR_REQUIRED, "mode profile needs the parameter profile");
	return true;
}

/* What the URL and the mode say beside the profiles. */
static void check_place(const struct operation_call *op, struct str mode, const struct json *resource,
			struct issues *findings)
{
	const struct rest_call *call = op->call;
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	if (call->type && type.p && !str_eq(type, call->type->name))
		issues_add(findings, ISSUE_ERROR, ERR_STRUCTURE, type,
			   "The URL asks about a %.*s, but the resource is of another type", STR_ARG(call->type->name));
	if (str_is(mode, "create") && id.p)
		issues_add(findings, ISSUE_INFORMATION, ERR_VALUE, S("Resource.id"),
			   "A create gives the resource an id of its own: this one will not be kept");
	if (str_is(mode, "update") && !str_eq(id, call->id))
		issues_add(findings, ISSUE_ERROR, ERR_VALUE, S("Resource.id"), "%s",
			   id.p ? "The id of the resource is not that of the URL"
				: "The resource has no id; an update needs that of the URL");
}

static bool collect_profiles(const struct operation_call *op, const struct knowledge_state *state,
			     struct str **ret_profiles, size_t *ret_count, struct error *err)
{
	size_t at = 0;
	const struct operation_input *input;
	struct str *profiles = ARENA_ARRAY(op->arena, struct str, op->input_count + 1);
	if (!profiles)
		return error_memory(err);
	*ret_count = 0;
	while ((input = operation_next(op, "profile", &at))) {
		if (!canonicals_find(state->canonicals, S("StructureDefinition"), input->text, NULL))
			return error_set(err, ERR_NOT_FOUND, "The profile %.*s is not at hand on this server",
					 STR_ARG(str_slice(input->text, 0, 200)));
		profiles[(*ret_count)++] = input->text;
	}
	*ret_profiles = profiles;
	return true;
}

/* Places of a resource that lies inside a Parameters resource in JSON. */
static void locate_inside(const struct operation_call *op, size_t place, struct issues *findings)
{
	for (struct issue *i = findings->first; i; i = i->next) {
		struct json_step steps[MAX_STEPS + 2] = {{S("parameter"), place}, {S("resource"), JSON_NO_INDEX}};
		size_t count;
		if (i->line || !i->path.n || !json_path_parse(op->arena, i->path, steps + 2, MAX_STEPS, &count))
			continue;
		json_locate(op->body, steps, count + 2, &i->line, &i->column);
	}
}

static bool validate_sent(struct operation_call *op, const struct knowledge_state *state, struct str mode,
			  const struct validation_options *options, struct issues *findings, struct error *err)
{
	size_t at = 0;
	const struct operation_input *input = operation_next(op, "resource", &at);
	struct document document = {.text = op->body};
	if (op->bare && op->body.n) {
		if (!document_read(op->arena, op->call->server->o.definitions, op->body, NULL, findings, &document,
				   err))
			return false;
	} else {
		document.tree = input->value;
	}
	if (!document.tree)
		return true;
	check_place(op, mode, document.tree, findings);
	if (!validate_resource(state->validator, op->arena, document.tree, options, findings, err))
		return false;
	if (op->bare && op->body.n)
		document_locate(op->arena, &document, findings);
	else if (!op->xml && op->body.n)
		locate_inside(op, input->place, findings);
	return true;
}

/* A deletion is judged by what there is. */
static bool validate_stored(struct operation_call *op, const struct knowledge_state *state, struct str mode,
			    const struct validation_options *options, struct issues *findings, struct error *err)
{
	struct store_entry entry;
	const struct json *resource;
	if (!call_allowed(op->call, op->call->type, SCOPE_R, err) || !operation_subject(op, &entry, &resource, err))
		return false;
	return str_is(mode, "delete") ||
	       validate_resource(state->validator, op->arena, resource, options, findings, err);
}

static bool validate_all(struct operation_call *op, const struct knowledge_state *state, struct issues *findings,
			 struct error *err)
{
	struct validation_options options = {.now_ms = clock_now_ms()};
	struct str mode = operation_text(op, "mode"), *profiles = NULL;
	bool sent = op->bare || operation_value(op, "resource");
	if (!check_mode(op, mode, err) || !collect_profiles(op, state, &profiles, &options.profile_count, err))
		return false;
	options.profiles = profiles;
	if (!sent && op->level != AT_INSTANCE)
		return operation_require(op, "resource", err);
	return sent ? validate_sent(op, state, mode, &options, findings, err)
		    : validate_stored(op, state, mode, &options, findings, err);
}

bool operation_validate(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	struct issues findings;
	const struct knowledge_state *state = operation_enter(op, err);
	if (!state)
		return false;
	issues_init(&findings, op->arena);
	findings.max = MAX_FINDINGS;
	bool ok = validate_all(op, state, &findings, err);
	operation_leave(op, state);
	if (!ok)
		return false;
	outcome_write(&answer->body, &findings);
	return true;
}
