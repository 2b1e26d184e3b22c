/*
 * The way of an operation: from path to row of the table, then inputs, handler, audit. Routes, capability statement
 * and scopes come from the same rows.
 */
#include "base/clock.h"
#include "server/rest/operations/operations.h"

static const struct operation operations[] = {
#define OPERATION(id, name, levels, types, changes, permissions, action, bare, definition)                             \
	{name, levels, types, changes, permissions, action, operation_##id##_params, bare, operation_##id, definition},
#include "server/rest/operations/operations.def"
#undef OPERATION
};

size_t operation_count(void)
{
	return sizeof(operations) / sizeof(operations[0]);
}

const struct operation *operation_at(size_t index)
{
	return &operations[index];
}

static bool operation_fits(const struct operation *operation, struct str type)
{
	struct str types = str_from(operation->types);
	return str_is(types, "*") || str_has_word(types, type);
}

/* ---- routes -------------------------------------------------------------------------------------------------------
 */

static struct str last_segment(struct str path)
{
	size_t slash = str_rfind_char(path, '/');
	return slash == STR_NONE ? path : str_slice(path, slash + 1, path.n);
}

bool operation_is_path(struct str path)
{
	struct str name = last_segment(path);
	return name.n > 1 && name.p[0] == '$';
}

static bool fail_unknown(struct arena *a, struct str name, struct error *err)
{
	struct str list = STR_NULL;
	for (size_t i = 0; i < operation_count(); i++) {
		bool again = false;
		for (size_t k = 0; k < i; k++)
			again = again || strcmp(operations[k].name, operations[i].name) == 0;
		if (!again)
			list = arena_printf(a, "%.*s%s$%s", STR_ARG(list), list.n ? ", " : "", operations[i].name);
	}
	return error_set(err, ERR_NOT_FOUND, "This server has no operation $%.*s; it has %.*s",
			 STR_ARG(str_slice(name, 0, 40)), STR_ARG(list));
}

static bool fail_place(struct arena *a, struct str name, struct error *err)
{
	struct str list = STR_NULL;
	for (size_t i = 0; i < operation_count(); i++) {
		const struct operation *o = &operations[i];
		if (!str_is(name, o->name))
			continue;
		const char *types = strcmp(o->types, "*") == 0 ? "any type" : o->types;
		list = arena_printf(a, "%.*s%s%s%s%s%s%s", STR_ARG(list), list.n ? "; " : "",
				    o->levels & AT_SYSTEM ? "the server" : "",
				    o->levels & AT_TYPE ? (o->levels & AT_SYSTEM ? ", types" : "types") : "",
				    o->levels & AT_INSTANCE ? (o->levels == AT_INSTANCE ? "instances" : ", instances")
							    : "",
				    o->levels == AT_SYSTEM ? "" : " of ", o->levels == AT_SYSTEM ? "" : types);
	}
	return error_set(err, ERR_NOT_FOUND, "The operation $%.*s is not one of this place, but of %.*s",
			 STR_ARG(str_slice(name, 0, 40)), STR_ARG(list));
}

bool operation_route(struct arena *a, struct str method, struct str path, struct route *ret_route, struct error *err)
{
	struct route r = {.interaction = REST_OPERATION};
	struct str rest = path, segments[3];
	size_t count = 0;
	bool known = false;
	*ret_route = (struct route){.interaction = REST_UNKNOWN};
	while (rest.p && count < 3)
		segments[count++] = str_split(&rest, '/');
	struct str name = str_slice(segments[count - 1], 1, segments[count - 1].n);
	if (rest.p)
		return error_set(err, ERR_NOT_FOUND, "Nothing may come before an operation but a type and an id");
	enum operation_level level = count == 1 ? AT_SYSTEM : count == 2 ? AT_TYPE : AT_INSTANCE;
	r.type_name = count > 1 ? segments[0] : STR_NULL;
	r.id = count > 2 ? segments[1] : STR_NULL;
	for (size_t i = 0; i < operation_count() && !r.operation; i++) {
		known = known || str_is(name, operations[i].name);
		if (str_is(name, operations[i].name) && (operations[i].levels & level) &&
		    (level == AT_SYSTEM || operation_fits(&operations[i], r.type_name)))
			r.operation = &operations[i];
	}
	if (!r.operation)
		return known ? fail_place(a, name, err) : fail_unknown(a, name, err);
	if (str_is(method, "POST") || (str_is(method, "GET") && !r.operation->changes)) {
		*ret_route = r;
		return true;
	}
	ret_route->allow = r.operation->changes ? S("POST") : S("GET, HEAD, POST");
	return error_set(err, ERR_METHOD, "%.*s is not possible for $%.*s; allowed are: %.*s",
			 STR_ARG(str_slice(method, 0, 16)), STR_ARG(name), STR_ARG(ret_route->allow));
}

/* ---- running ------------------------------------------------------------------------------------------------------
 */

bool operation_answer(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	struct operation_call op = {.call = call,
				    .operation = call->operation,
				    .arena = call->arena,
				    .level = call->id.p		 ? AT_INSTANCE
					     : call->type_name.p ? AT_TYPE
								 : AT_SYSTEM,
				    .body = call->inner ? STR_NULL : call->request->body};
	const struct rest_face *face = call->server->o.face;
	if (face && face->bulk && !face->bulk(face->ctx, call, answer))
		return true;
	if (call->type && is_audit_event(call->type))
		return error_set(err, ERR_NOT_SUPPORTED, "There are no operations on AuditEvents");
	/* At the system there is no type: handlers look at what they return. */
	if ((call->type && !call_allowed(call, call->type, call->operation->permissions, err)) ||
	    !operation_read_inputs(&op, err) || !op.operation->handler(&op, answer, err))
		return false;
	if (op.audited)
		return true;
	struct audit_event event = audit_describe(call, answer->status, NULL);
	event.patient = op.patient;
	return audit_take(call, &event, err);
}

/* ---- what handlers share ------------------------------------------------------------------------------------------
 */

bool operation_subject(struct operation_call *op, struct store_entry *ret_entry, const struct json **ret_resource,
		       struct error *err)
{
	struct rest_call *call = op->call;
	if (!fhir_id_valid(call->id))
		return error_set(err, ERR_NOT_FOUND, "There is no %.*s with this id: it is not a valid id",
				 STR_ARG(call->type->name));
	if (!call_find(call, op->arena, call->type, call->id, 0, ret_entry, err)) {
		enum error_code code = err->code;
		if (code != ERR_NOT_FOUND && code != ERR_GONE)
			return false;
		error_clear(err);
		return error_set(err, code,
				 code == ERR_GONE ? "This %.*s was deleted" : "There is no %.*s with this id",
				 STR_ARG(call->type->name));
	}
	op->patient = audit_patient(op->arena, call->type, call->id, ret_entry->body);
	*ret_resource = json_parse(op->arena, ret_entry->body, 0, err);
	return *ret_resource != NULL;
}

const struct knowledge_state *operation_enter(struct operation_call *op, struct error *err)
{
	if (op->call->server->o.knowledge)
		return knowledge_enter(op->call->server->o.knowledge, 0, err);
	error_set(err, ERR_NOT_SUPPORTED, "This server was started without definitions of profiles and codes");
	return NULL;
}

void operation_leave(struct operation_call *op, const struct knowledge_state *state)
{
	if (state)
		knowledge_leave(op->call->server->o.knowledge, state);
}

bool operation_search(struct operation_call *op, const struct fhir_type *type, struct str query, struct str position,
		      struct store_page *ret_page, struct error *err)
{
	const struct rest_options *o = &op->call->server->o;
	struct search_options options = call_search_options(op->call);
	options.lenient = false;
	struct search_query parsed = {0};
	return search_parse(o->definitions, op->arena, type, query, &options, &parsed, err) &&
	       call_search(op->call, op->arena, &parsed, &(struct store_search_options){.position = position}, ret_page,
			   err);
}

void operation_begin_parameters(struct json_writer *w)
{
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("Parameters"));
	json_key(w, S("parameter"));
	json_array_begin(w);
}

void operation_end_parameters(struct json_writer *w)
{
	json_array_end(w);
	json_object_end(w);
}

/* ---- the capability statement -------------------------------------------------------------------------------------
 */

const char *operation_name(const struct operation *operation)
{
	return operation->name;
}

bool operation_starts_job(const struct operation *operation)
{
	return strcmp(operation->name, "export") == 0;
}

bool operation_changes(const struct operation *operation)
{
	return operation->changes;
}

char operation_audit_action(const struct operation *operation)
{
	return operation->audit_action;
}

static void put_definition(struct json_writer *w, const struct operation *o, const struct fhir_type *type)
{
	struct str text = str_from(o->definition);
	size_t mark = str_find(text, S("{type}"));
	json_key(w, S("definition"));
	if (mark == STR_NONE || !type) {
		json_put_str(w, text);
		return;
	}
	json_put_raw(w, S("\""));
	buf_add(w->out, str_slice(text, 0, mark));
	buf_add(w->out, type->name);
	buf_add(w->out, str_slice(text, mark + 6, text.n));
	buf_char(w->out, '"');
}

void operation_put_capability(struct json_writer *w, const struct fhir_type *type)
{
	bool open = false;
	for (size_t i = 0; i < operation_count(); i++) {
		const struct operation *o = &operations[i];
		unsigned levels = type ? AT_TYPE | AT_INSTANCE : AT_SYSTEM;
		if (!(o->levels & levels) || (type && !operation_fits(o, type->name)))
			continue;
		if (!open) {
			json_key(w, S("operation"));
			json_array_begin(w);
			open = true;
		}
		json_object_begin(w);
		json_put_member(w, S("name"), str_from(o->name));
		put_definition(w, o, type);
		json_object_end(w);
	}
	if (open)
		json_array_end(w);
}
