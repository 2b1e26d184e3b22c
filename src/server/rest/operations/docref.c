/*
 * DocumentReference/$docref (US Core, http://hl7.org/fhir/us/core/OperationDefinition/docref): references to the
 * documents of a patient in a time of care; without a time, the current one of each type. This server makes no
 * documents on demand, so it finds those that are stored.
 */
#include "server/rest/operations/results.h"

enum { MAX_RESULTS = 1000 };

const struct operation_param operation_docref_params[] = {{"patient", IN_TEXT, false, NULL},
							  {"start", IN_TIME, false, NULL},
							  {"end", IN_TIME, false, NULL},
							  {"type", IN_CODING, false, NULL},
							  {"on-demand", IN_FLAG, false, NULL},
							  {"profile", IN_TEXT, true, NULL},
							  {0}};

static struct str query_of(struct operation_call *op)
{
	struct buf text;
	const struct json *type = operation_value(op, "type");
	struct str start = operation_text(op, "start"), end = operation_text(op, "end");
	struct str system = json_get_str(type, S("system")), code = json_get_str(type, S("code"));
	buf_init(&text, (size_t)1 << 16);
	results_put_param(&text, "patient", operation_text(op, "patient"));
	if (start.p)
		results_put_param(&text, "period", arena_printf(op->arena, "ge%.*s", STR_ARG(start)));
	if (end.p)
		results_put_param(&text, "period", arena_printf(op->arena, "le%.*s", STR_ARG(end)));
	if (code.n)
		results_put_param(&text, "type",
				  system.n ? arena_printf(op->arena, "%.*s|%.*s", STR_ARG(system), STR_ARG(code))
					   : code);
	results_put_param(&text, "_sort", S("-date"));
	results_put_param(&text, "_count", S("1000"));
	struct str query = buf_ok(&text) ? arena_str(op->arena, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return query;
}

/* Of each type the first, which is the newest; superseded ones and errors are none. */
static bool is_current_first(const struct json *reference, const struct json **seen, size_t count)
{
	if (!str_is(json_get_str(reference, S("status")), "current"))
		return false;
	struct str code = json_get_str(json_at(json_get(json_get(reference, S("type")), S("coding")), 0), S("code"));
	for (size_t i = 0; i < count; i++) {
		const struct json *type = json_get(seen[i], S("type"));
		if (str_eq(code, json_get_str(json_at(json_get(type, S("coding")), 0), S("code"))))
			return false;
	}
	return true;
}

static bool collect(struct operation_call *op, const struct store_page *page, bool current, struct results *r,
		    struct error *err)
{
	const struct json **seen = ARENA_ARRAY(op->arena, const struct json *, page->count + 1);
	if (!seen)
		return error_memory(err);
	for (size_t i = 0; i < page->count; i++) {
		const struct json *reference = json_parse(op->arena, page->entries[i].body, 0, err);
		if (!reference)
			return false;
		if (current && !is_current_first(reference, seen, r->count))
			continue;
		seen[r->count] = reference;
		if (!results_add(op, r, &page->entries[i], err))
			return false;
	}
	return true;
}

bool operation_docref(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	struct results results = {.max = MAX_RESULTS};
	struct store_page page = {0};
	bool current = !operation_text(op, "start").p && !operation_text(op, "end").p;
	if (!operation_require(op, "patient", err))
		return false;
	struct str query = query_of(op), self = results_self(op);
	if (!query.p || !self.p)
		return error_memory(err);
	if (!operation_search(op, op->call->type, query, STR_NULL, &page, err))
		return false;
	if (page.next.p)
		return error_set(err, ERR_LIMIT, "The patient has more than %d such documents; give start and end",
				 MAX_RESULTS);
	if (!collect(op, &page, current, &results, err))
		return false;
	const struct results_page written = {.self = self, .total = (int64_t)results.count};
	return results_write(op, &results, &written, &answer->body, err);
}
