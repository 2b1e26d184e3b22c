/*
 * SearchParameter/:id/$reindex-status: what became of the resource as a search parameter of this server, and how far
 * indexing is.
 */
#include "server/rest/operations/operations.h"

const struct operation_param operation_reindex_status_params[] = {{0}};

static void put_parameter(struct json_writer *w, struct str name)
{
	json_object_begin(w);
	json_put_member(w, S("name"), name);
}

static void put_count(struct json_writer *w, struct str name, int64_t value)
{
	put_parameter(w, name);
	json_key(w, S("valueDecimal"));
	json_put_i64(w, value);
	json_object_end(w);
}

bool operation_reindex_status(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	static const char *const names[] = {
		[PARAMETER_UNKNOWN] = "unknown", [PARAMETER_INACTIVE] = "inactive", [PARAMETER_REPEATS] = "repeats",
		[PARAMETER_REFUSED] = "refused", [PARAMETER_INDEXING] = "indexing", [PARAMETER_SERVED] = "served"};
	struct store_entry entry;
	const struct json *resource;
	struct parameter_state state;
	struct parameters *p = op->call->server->parameters;
	if (!p)
		return error_set(err, ERR_NOT_SUPPORTED, "This server has the search parameters of R4 alone");
	if (!operation_subject(op, &entry, &resource, err) ||
	    !parameters_state(p, op->arena, op->call->id, &state, err))
		return false;
	struct json_writer w = json_writer(&answer->body);
	operation_begin_parameters(&w);
	put_parameter(&w, S("status"));
	json_put_member(&w, S("valueCode"), str_from(names[state.standing]));
	json_object_end(&w);
	put_parameter(&w, S("text"));
	json_put_member(&w, S("valueString"), state.text);
	json_object_end(&w);
	if (state.standing == PARAMETER_INDEXING && state.total >= 0) {
		put_count(&w, S("done"), state.done);
		put_count(&w, S("total"), state.total);
	}
	operation_end_parameters(&w);
	return true;
}
