/*
 * What create, update and delete share: reading the body, handing the change to the store, and answering from the
 * committing thread once it is durable.
 */
#include "server/rest/rest_priv.h"

write_prepare *write_prepare_of(enum rest_interaction i)
{
	switch (i) {
	case REST_CREATE:
		return create_prepare;
	case REST_UPDATE:
		return update_prepare;
	case REST_DELETE:
		return delete_prepare;
	default:
		return NULL;
	}
}

bool write_check_type(const struct rest_call *call, const struct json *resource, struct error *err)
{
	struct str name = call->type->name, given = json_get_str(resource, S("resourceType"));
	if (is_audit_event(call->type))
		return error_set(err, ERR_BUSINESS_RULE, "This server writes its AuditEvents itself");
	if (!json_is(resource, JSON_OBJECT))
		return error_set(err, ERR_STRUCTURE, "A resource is a JSON object");
	if (!given.p)
		return error_set(err, ERR_STRUCTURE, "The resource has no resourceType");
	if (!str_eq(given, name))
		return error_set(err, ERR_STRUCTURE, "The URL names %.*s, but the resource is of another type",
				 STR_ARG(name));
	return true;
}

bool write_if_match(struct str if_match, struct store_change *change, struct error *err)
{
	bool any = false;
	if (!if_match.p)
		return true;
	if (!etag_parse(if_match, &change->if_match, &any, err))
		return false;
	change->must_exist = any;
	return true;
}

bool write_resource(struct rest_call *call, const struct json *resource, struct str id, struct store_change *ret_change,
		    struct error *err)
{
	const struct rest_options *o = &call->server->o;
	struct buf scratch;
	struct rest_preparer p = {.definitions = o->definitions,
				  .extractor = o->extractor,
				  .arena = call->arena,
				  .base = o->base_url,
				  .knowledge = o->knowledge,
				  .scratch = &scratch};
	buf_init(&scratch, REST_MAX_RESOURCE);
	bool ok = prepare_resource(&p, resource, id, NULL, &call->findings, ret_change, err);
	buf_done(&scratch);
	return ok;
}

/* ---- answering -----------------------------------------------------------------------------------------------------
 */

static struct str location_of(struct rest_call *call, const struct store_change *change)
{
	return arena_printf(call->arena, "%.*s/%.*s/%.*s/_history/%lld", STR_ARG(call->server->o.base_url),
			    STR_ARG(change->type->name), STR_ARG(change->id), (long long)change->version);
}

static const char *deed(const struct store_change *change)
{
	if (change->op == STORE_DELETE)
		return change->unchanged ? "There was nothing to delete" : "Deleted";
	return change->created ? "Created" : "Updated";
}

static bool write_body(struct rest_call *call, const struct store_change *change, struct rest_answer *answer,
		       struct error *err)
{
	struct str note = arena_printf(call->arena, "%s; version %lld", deed(change), (long long)change->version);
	if (call->prefer == REST_RETURN_OUTCOME) {
		outcome_write_noted(&answer->body, note, &call->findings);
		return true;
	}
	if (change->op == STORE_DELETE || call->prefer == REST_RETURN_MINIMAL)
		return true;
	struct buf served;
	buf_init(&served, REST_MAX_ANSWER);
	resource_write_served(&served, change->stored, change->meta_at, change->version, change->updated_ms);
	struct store_entry entry = {.type = change->type,
				    .id = change->id,
				    .body = buf_str(&served),
				    .version = change->version,
				    .updated_ms = change->updated_ms,
				    .op = change->op};
	bool ok = buf_ok(&served) ? answer_resource(call, &entry, &answer->body, err) : error_memory(err);
	buf_done(&served);
	return ok;
}

void write_answer(struct rest_call *call, const struct store_change *change, struct rest_answer *answer)
{
	const struct rest_face *face = call->server->o.face;
	struct error err = {0};
	bool created = change->op != STORE_DELETE && change->created;
	answer->status = created ? 201 : 200;
	if (change->op == STORE_DELETE && call->prefer != REST_RETURN_OUTCOME)
		answer->status = 204;
	if (change->version)
		answer_version(call, answer, change->version, change->updated_ms);
	if (change->op != STORE_DELETE)
		rest_answer_header(answer, created ? "Location" : "Content-Location", location_of(call, change));
	if (face && face->written)
		face->written(face->ctx, call, change, answer);
	if (answer->status != 204 && !answer->content_type.p && !write_body(call, change, answer, &err))
		answer_error(call, answer, &err);
}

void write_explain(struct rest_call *call, const struct store_change *change, struct rest_answer *answer,
		   struct error *err)
{
	if (err->code != ERR_PRECONDITION || !change->version)
		return;
	error_clear(err);
	error_set(err, ERR_PRECONDITION, "If-Match names version %lld, but the current version is %lld: W/\"%lld\"",
		  (long long)change->if_match, (long long)change->version, (long long)change->version);
	if (answer)
		answer_version(call, answer, change->version, 0);
}

/* ---- one write ------------------------------------------------------------------------------------------------------
 */

struct write {
	struct rest_call *call;
	struct rest_answer answer;
	struct store_change change;
	struct audit_event event;
	struct store_txn txn;
};

static void write_done(void *ctx, struct store_txn *txn)
{
	struct write *w = ctx;
	if (txn->err.code) {
		struct error err = txn->err;
		write_explain(w->call, &w->change, &w->answer, &err);
		audit_then_send(w->call, &w->answer, &err);
		return;
	}
	write_answer(w->call, &w->change, &w->answer);
	answer_send(w->call, &w->answer);
}

/* The body as a tree; a face may have put another in its place. *ret_done: the face has answered. */
static bool read_body(struct rest_call *call, struct rest_answer *answer, const struct json **ret_resource,
		      bool *ret_done, struct error *err)
{
	const struct rest_face *face = call->server->o.face;
	if (!media_check_json(http_request_header(call->exchange, "Content-Type"), err))
		return false;
	const struct json *resource = json_parse(call->arena, call->request->body, 0, err);
	if (!resource)
		return false;
	if (face && face->write) {
		struct str body = STR_NULL;
		*ret_done = !face->write(face->ctx, call, resource, &body, answer);
		if (!*ret_done && body.p)
			resource = json_parse(call->arena, body, 0, err);
	}
	*ret_resource = resource;
	return resource != NULL;
}

bool write_start(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	const struct json *resource = NULL;
	bool done = false;
	struct write_headers headers = {.if_match = http_request_header(call->exchange, "If-Match"),
					.if_none_match = http_request_header(call->exchange, "If-None-Match"),
					.if_none_exist = http_request_header(call->exchange, "If-None-Exist")};
	struct write *w = ARENA_NEW(call->arena, struct write);
	if (!w)
		return error_memory(err);
	if (call->interaction != REST_DELETE && !read_body(call, answer, &resource, &done, err))
		return false;
	if (done) {
		audit_then_send(call, answer, NULL);
		return true;
	}
	if (!write_prepare_of(call->interaction)(call, resource, &headers, &w->change, err))
		return false;
	w->call = call;
	w->answer = *answer;
	w->event = audit_describe(call, w->change.op == STORE_CREATE ? 201 : 200, NULL);
	w->event.id = STR_NULL; /* the store fills in what it wrote */
	w->event.patient = audit_patient(call->arena, call->type, w->change.id, w->change.stored);
	w->txn = (struct store_txn){.changes = &w->change,
				    .change_count = 1,
				    .events = &w->event,
				    .event_count = call->server->o.audit_off ? 0 : 1,
				    .done = write_done,
				    .ctx = w};
	store_submit(call->server->o.store, &w->txn);
	return true;
}
