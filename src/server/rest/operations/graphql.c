/*
 * $graphql (http://hl7.org/fhir/R4/resource-operation-graphql.html): reading what a query names, at the system or of
 * one resource. By GET, or by POST with application/json ({"query":...}) or application/graphql. Answers and errors
 * have the form of GraphQL.
 */
#include "base/clock.h"
#include "server/rest/operations/graphql_run.h"

const struct operation_param operation_graphql_params[] = {{"query", IN_TEXT, false, NULL},
							   {"operationName", IN_TEXT, false, NULL},
							   {"variables", IN_TEXT, false, NULL},
							   {0}};

struct request {
	struct str query, name;
	const struct json *variables;
};

static bool read_json(struct operation_call *op, struct request *r, struct error *err)
{
	const struct json *body = json_parse(op->arena, op->body, 0, err);
	if (!body)
		return false;
	r->query = json_get_str(body, S("query"));
	r->name = json_get_str(body, S("operationName"));
	r->variables = json_get(body, S("variables"));
	return true;
}

static bool read_request(struct operation_call *op, struct request *r, struct error *err)
{
	struct str variables = operation_text(op, "variables");
	struct str type = op->body.n ? http_request_header(op->call->exchange, "Content-Type") : STR_NULL;
	*r = (struct request){.query = operation_text(op, "query"), .name = operation_text(op, "operationName")};
	if (variables.p && !(r->variables = json_parse(op->arena, variables, 0, err)))
		return error_context(err, "variables");
	if (op->body.n && str_starts(type, S("application/graphql"))) {
		r->query = op->body;
	} else if (op->body.n) {
		enum media_body form;
		if (!media_body(type, false, &form, NULL) || form != MEDIA_JSON)
			return error_set(err, ERR_MEDIA_TYPE,
					 "The body of $graphql must be application/json or application/graphql");
		if (!read_json(op, r, err))
			return false;
	}
	if (r->variables && !json_is(r->variables, JSON_OBJECT) && !json_is(r->variables, JSON_NULL))
		return error_set(err, ERR_VALUE, "variables must be an object");
	return r->query.n || error_set(err, ERR_REQUIRED, "$graphql needs a query");
}

static bool choose(struct graphql_run *run, struct str name, struct error *err)
{
	const struct graphql_operation *o = run->document.operations;
	if (!o)
		return error_set(err, ERR_VALUE, "The document has fragments only and no query");
	if (!name.n && o->next)
		return error_set(err, ERR_REQUIRED, "There are several queries: operationName must name one");
	while (name.n && o && !str_eq(o->name, name))
		o = o->next;
	if (!o)
		return error_set(err, ERR_VALUE, "There is no query of the name that operationName gives");
	run->operation = o;
	for (const struct graphql_variable *v = o->variables; v; v = v->next)
		if (v->required && !v->otherwise && !json_get(run->variables, v->name))
			return error_set(err, ERR_REQUIRED, "The variable $%.*s is needed", STR_ARG(v->name));
	return true;
}

static bool run_query(struct operation_call *op, struct graphql_object *out, struct error *err)
{
	struct request request;
	struct graphql_run run = {.op = op,
				  .arena = op->arena,
				  .definitions = op->call->server->o.definitions,
				  .err = err,
				  .deadline_ns = clock_monotonic_ns() + (uint64_t)GRAPHQL_MAX_SECONDS * 1000000000};
	struct graphql_focus focus = {.suffix = STR_NULL};
	struct store_entry entry;
	if (!read_request(op, &request, err) || !graphql_parse(op->arena, request.query, &run.document, err))
		return false;
	run.variables = request.variables;
	if (!choose(&run, request.name, err))
		return false;
	if (op->level == AT_INSTANCE) {
		if (!call_allowed(op->call, op->call->type, SCOPE_R, err) ||
		    !operation_subject(op, &entry, &focus.value, err))
			return false;
		focus.type = op->call->type;
		focus.resource = focus.value;
		run.resources = 1;
	}
	return graphql_select(&run, &focus, run.operation->selections, out);
}

static void write_error(struct buf *out, const struct error *err)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_key(&w, S("errors"));
	json_array_begin(&w);
	json_object_begin(&w);
	json_put_member(&w, S("message"), str_from(err->text));
	if (err->line) {
		json_key(&w, S("locations"));
		json_put_raw(&w, S(""));
		buf_printf(out, "[{\"line\":%zu,\"column\":%zu}]", err->line, err->column);
	}
	json_key(&w, S("extensions"));
	json_object_begin(&w);
	json_put_member(&w, S("code"), str_from(error_issue_type(err->code)));
	json_object_end(&w);
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
}

bool operation_graphql(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	struct graphql_object data = {0};
	struct error why = {0};
	if (op->call->inner)
		return error_set(err, ERR_NOT_SUPPORTED, "$graphql gives no resources, so it cannot be in a bundle");
	answer->content_type = S("application/json; charset=utf-8");
	if (!run_query(op, &data, &why)) {
		if (error_http_status(why.code) >= 500)
			return error_set(err, why.code, "%s", why.text);
		answer->status = error_http_status(why.code);
		write_error(&answer->body, &why);
		return true;
	}
	struct json_writer w = json_writer(&answer->body);
	json_object_begin(&w);
	json_key(&w, S("data"));
	json_put_raw(&w, S(""));
	struct json_writer inner = json_writer(&answer->body);
	graphql_write(&inner, &data);
	json_object_end(&w);
	return true;
}
