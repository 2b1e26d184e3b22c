/*
 * The door of $import (the operation itself is above this room): who may use it, and bodies that must not lie in
 * memory.
 */
#include "server/rest/rest_priv.h"

bool rest_is_ndjson(struct str media_type)
{
	static const char *const names[] = {"application/fhir+ndjson", "application/ndjson", "application/x-ndjson"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq_nocase(media_type, str_from(names[i])))
			return true;
	return false;
}

void rest_outcome_write(struct buf *out, const char *issue_type, struct str text)
{
	outcome_write_note(out, ISSUE_ERROR, issue_type, text);
}

struct str rest_instant(struct arena *a, int64_t ms)
{
	return instant_text(a, ms);
}

/* What a file holds is not known before it is read, so the caller must be allowed all of it. */
static bool may_write_all(const struct rest_call *call, struct error *err)
{
	const struct definitions *d = call->server->o.definitions;
	for (size_t i = 0; call->server->o.smart && i < definitions_resource_count(d); i++)
		if (!call_allowed(call, definitions_resource_at(d, i), SCOPE_C | SCOPE_U, err))
			return error_context(err, "$import may bring resources of any type");
	for (size_t i = 0; call->pass && i < definitions_resource_count(d); i++)
		if (!access_is_whole(call->pass, definitions_resource_at(d, i), SCOPE_C | SCOPE_U))
			return decision_refuse(call->decision, CHECK_SCOPE, REFUSAL_SCOPE_MISSING,
					       call->grant.scope_text, S("system/*.cu"),
					       S("$import may bring resources of anybody, and the token is about some "
						 "only"),
					       err);
	return true;
}

bool rest_expect(struct rest_server *s, struct http_exchange *x, struct http_expectation *expectation,
		 struct error *err)
{
	struct str type = http_request_header(x, "Content-Type"), path = http_request(x)->path;
	if (!s->o.import || !str_ends(path, S("/$import")) || !rest_is_ndjson(str_trim(str_split(&type, ';'))))
		return true;
	struct rest_answer ignored;
	answer_init(&ignored);
	struct rest_call *call = call_begin(s, x, &ignored, err);
	buf_done(&ignored.body);
	if (!call || !may_write_all(call, err))
		return false;
	expectation->to_file = true;
	if (s->o.max_upload)
		expectation->max_body = s->o.max_upload;
	expectation->limit = "limits.upload";
	return true;
}

bool import_start(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	const struct rest_options *o = &call->server->o;
	if (!o->import || !o->jobs)
		return error_set(err, ERR_NOT_SUPPORTED, "This server does not offer $import");
	return may_write_all(call, err) && o->import(o->import_ctx, call, answer, err);
}
