/* How far calls may go, and saying it so that who runs the server knows which key to turn. */
#include "server/rest/rest_priv.h"

void limits_settle(struct rest_limits *limits)
{
	const struct {
		unsigned *value, standard;
	} counts[] = {{&limits->depth, JSON_MAX_DEPTH}, {&limits->entries, 100000}, {&limits->page, SEARCH_COUNT_MAX},
		      {&limits->deletes, 100},		{&limits->chain, 5},	    {&limits->includes, 10000},
		      {&limits->query_ms, 30000}};
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (!*counts[i].value)
			*counts[i].value = counts[i].standard;
}

const struct error *limits_explain(const struct rest_call *call, const struct error *err, struct error *ret_named)
{
	size_t most = call->server->o.limits.memory;
	if (err->code != ERR_MEMORY)
		return err;
	*ret_named = (struct error){0};
	if (most)
		error_set(
			ret_named, ERR_MEMORY,
			"This request needs more memory than the limit of %zu bytes (limits.memory), or than there is",
			most);
	else
		error_set(ret_named, ERR_MEMORY, "This request needs more memory than there is");
	return ret_named;
}

const struct json *call_parse(const struct rest_call *call, struct str body, struct error *err)
{
	const struct json *json = json_parse(call->arena, body, call->server->o.limits.depth, err);
	if (!json && err && err->code == ERR_LIMIT)
		error_context(err, "limits.depth");
	return json;
}
