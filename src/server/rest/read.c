/* read and vread (http://hl7.org/fhir/R4/http.html#read), with conditional reads by version and by time. */
#include "server/rest/rest_priv.h"

/* RFC 9110 section 13.2.2: If-Modified-Since counts only without If-None-Match. Dates have whole seconds. */
static bool not_modified(const struct rest_call *call, const struct store_entry *entry)
{
	int64_t since;
	struct str list = call->inner ? call->if_none_match : http_request_header(call->exchange, "If-None-Match");
	if (list.p)
		return etag_matches(list, entry->version);
	struct str date =
		call->inner ? call->if_modified_since : http_request_header(call->exchange, "If-Modified-Since");
	return date.p && http_date_parse(date, &since) && entry->updated_ms / 1000 <= since / 1000;
}

static bool read_failed(struct rest_call *call, const struct store_entry *entry, struct rest_answer *answer,
			struct error *err)
{
	struct str name = call->type->name;
	if (err->code == ERR_NOT_FOUND && call->version.p) {
		error_clear(err);
		return error_set(err, ERR_NOT_FOUND, "There is no such version of this %.*s", STR_ARG(name));
	}
	if (err->code == ERR_NOT_FOUND) {
		error_clear(err);
		return error_set(err, ERR_NOT_FOUND, "There is no %.*s with this id", STR_ARG(name));
	}
	if (err->code == ERR_GONE) {
		error_clear(err);
		answer_version(call, answer, entry->version, entry->updated_ms);
		return error_set(err, ERR_GONE, "This %.*s was deleted: version %lld is its deletion", STR_ARG(name),
				 (long long)entry->version);
	}
	return false;
}

bool read_answer(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	struct store_entry entry = {0};
	int64_t version = 0;
	if (is_audit_event(call->type))
		return audit_event_read(call, answer, err);
	if (call->query.n && !view_read(call, err))
		return false;
	if (!fhir_id_valid(call->id))
		return error_set(err, ERR_NOT_FOUND, "There is no %.*s with this id: it is not a valid id",
				 STR_ARG(call->type->name));
	if (call->version.p && (!str_to_i64(call->version, &version) || version < 1))
		return error_set(err, ERR_NOT_FOUND, "There is no such version of this %.*s",
				 STR_ARG(call->type->name));
	if (!call_find(call, call->arena, call->type, call->id, version, &entry, err))
		return read_failed(call, &entry, answer, err);

	answer_version(call, answer, entry.version, entry.updated_ms);
	if (not_modified(call, &entry))
		answer->status = 304;
	else if (!answer_resource(call, &entry, &answer->body, err))
		return false;
	const struct rest_face *face = call->server->o.face;
	if (face && face->read)
		face->read(face->ctx, call, &entry, answer);
	struct audit_event event = audit_describe(call, answer->status, NULL);
	event.version = entry.version;
	event.patient = audit_patient(call->arena, call->type, call->id, entry.body);
	return audit_take(call, &event, err);
}
