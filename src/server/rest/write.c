/*
 * What create, update, patch and delete share: reading the body, handing the changes to the store, trying again when
 * others got in between, and answering from the committing thread once they are durable.
 */
#include "server/rest/rest_priv.h"

/* ---- answering -----------------------------------------------------------------------------------------------------
 */

static struct str location_of(struct rest_call *call, const struct fhir_type *type, struct str id, int64_t version)
{
	return arena_printf(call->arena, "%.*s/%.*s/%.*s/_history/%lld", STR_ARG(call->server->o.base_url),
			    STR_ARG(type->name), STR_ARG(id), (long long)version);
}

/* For people: what was done. */
static struct str deed(struct rest_call *call, const struct bundle_entry *e)
{
	const struct store_change *c = e->changes;
	struct arena *a = call->arena;
	if (e->method == ENTRY_DELETE && e->change_count > 1)
		return arena_printf(a, "Deleted %zu resources", e->change_count);
	if (e->method == ENTRY_DELETE)
		return !e->change_count || c->unchanged
			       ? S("There was nothing to delete")
			       : arena_printf(a, "Deleted; version %lld is the deletion", (long long)c->version);
	if (!e->change_count)
		return arena_printf(a, "Nothing was created: version %lld of this %.*s matches If-None-Exist",
				    (long long)e->found->version, STR_ARG(e->type->name));
	if (c->unchanged)
		return arena_printf(a, "Nothing changed; the version is still %lld", (long long)c->version);
	return arena_printf(a, "%s; version %lld", c->created ? "Created" : "Updated", (long long)c->version);
}

static bool write_body(struct rest_call *call, const struct bundle_entry *e, struct rest_answer *answer,
		       struct error *err)
{
	if (call->prefer == REST_RETURN_OUTCOME) {
		outcome_write_noted(&answer->body, deed(call, e), &call->findings);
		return true;
	}
	if (e->method == ENTRY_DELETE || call->prefer == REST_RETURN_MINIMAL || e->hidden)
		return true;
	if (!e->change_count) {
		struct store_entry found = *e->found;
		return call_mask(call, call->arena, &found, err) && answer_resource(call, &found, &answer->body, err);
	}
	const struct store_change *change = e->changes;
	struct buf served;
	buf_init(&served, REST_MAX_ANSWER);
	resource_write_served(&served, change->stored, change->meta_at, change->version, change->updated_ms);
	struct store_entry entry = {.type = change->type,
				    .id = change->id,
				    .body = buf_str(&served),
				    .version = change->version,
				    .updated_ms = change->updated_ms,
				    .op = change->op};
	bool ok = buf_ok(&served) || error_memory(err);
	ok = ok && call_mask(call, call->arena, &entry, err) && answer_resource(call, &entry, &answer->body, err);
	buf_done(&served);
	return ok;
}

/* A conditional create that found its resource: 200 and where it is (http.html#ccreate). */
static void describe_found(struct rest_call *call, const struct bundle_entry *e, struct rest_answer *answer)
{
	answer->status = 200;
	answer_version(call, answer, e->found->version, e->found->updated_ms);
	rest_answer_header(answer, "Location", location_of(call, e->type, e->id, e->found->version));
}

static void describe_change(struct rest_call *call, const struct store_change *change, struct rest_answer *answer)
{
	const struct rest_face *face = call->server->o.face;
	bool created = change->op != STORE_DELETE && change->created;
	answer->status = created ? 201 : 200;
	if (change->version)
		answer_version(call, answer, change->version, change->updated_ms);
	if (change->op != STORE_DELETE)
		rest_answer_header(answer, created ? "Location" : "Content-Location",
				   location_of(call, change->type, change->id, change->version));
	if (change->op == STORE_DELETE && call->prefer != REST_RETURN_OUTCOME)
		answer->status = 204;
	if (face && face->written)
		face->written(face->ctx, call, change, answer);
}

void write_answer(struct rest_call *call, const struct bundle_entry *e, struct rest_answer *answer)
{
	struct error err = {0};
	if (e->change_count == 1)
		describe_change(call, e->changes, answer);
	else if (e->method == ENTRY_DELETE)
		answer->status = call->prefer == REST_RETURN_OUTCOME ? 200 : 204;
	else
		describe_found(call, e, answer);
	if (answer->status != 204 && !answer->content_type.p && !write_body(call, e, answer, &err))
		answer_error(call, answer, &err);
}

void write_explain(struct rest_call *call, const struct bundle_entry *e, const struct store_change *change,
		   struct rest_answer *answer, struct error *err)
{
	enum error_code code = err->code;
	long long current = (long long)change->version;
	if (code == ERR_CONFLICT_RETRY) {
		error_clear(err);
		error_set(err, ERR_CONFLICT,
			  "Others changed what the condition matches, %d times while this was tried; try again later",
			  REST_MAX_ATTEMPTS);
	} else if (code == ERR_PRECONDITION && current && e->version) {
		error_clear(err);
		error_set(err, ERR_PRECONDITION,
			  "If-Match names version %lld, but the current version is %lld: W/\"%lld\"",
			  (long long)e->version, current, current);
	} else if (code == ERR_PRECONDITION && !e->version && e->found_count) {
		error_clear(err);
		error_set(err, ERR_CONFLICT,
			  "Others changed this %.*s, %d times while this was tried; the current version is %lld",
			  STR_ARG(e->type->name), REST_MAX_ATTEMPTS, current);
	} else if (code == ERR_CONFLICT && e->if_none_match.p) {
		error_clear(err);
		error_set(err, ERR_PRECONDITION,
			  "If-None-Match is *, but there is a current version of this %.*s: W/\"%lld\"",
			  STR_ARG(e->type->name), current);
	} else if (code == ERR_CONFLICT && e->must_be_new) {
		error_clear(err);
		error_set(err, ERR_CONFLICT,
			  "The condition matches nothing, and there is another %.*s with the id of the resource: "
			  "version %lld",
			  STR_ARG(e->type->name), current);
	} else if (code == ERR_NOT_FOUND && call->server->o.no_update_create && !e->must_exist) {
		error_clear(err);
		error_set(err, ERR_METHOD,
			  "There is no %.*s with this id, and this server does not let clients choose ids; create it "
			  "with POST",
			  STR_ARG(e->type->name));
		if (answer)
			rest_answer_header(answer, "Allow", S("GET, HEAD, PATCH, DELETE"));
	}
	if (answer && current && (err->code == ERR_PRECONDITION || err->code == ERR_CONFLICT))
		answer_version(call, answer, change->version, 0);
}

/* ---- attempts -------------------------------------------------------------------------------------------------------
 */

enum rest_interaction entry_interaction(const struct bundle_entry *e)
{
	switch (e->method) {
	case ENTRY_CREATE:
		return REST_CREATE;
	case ENTRY_UPDATE:
		return e->condition.p ? REST_UPDATE_IF : REST_UPDATE;
	case ENTRY_PATCH:
		return e->condition.p ? REST_PATCH_IF : REST_PATCH;
	case ENTRY_DELETE:
		return e->condition.p ? REST_DELETE_IF : REST_DELETE;
	case ENTRY_GET:
		break;
	}
	return REST_UNKNOWN;
}

struct audit_event entry_describe(const struct rest_call *call, const struct store_change *change)
{
	struct audit_event event = audit_describe(call, change->op == STORE_CREATE ? 201 : 200, NULL);
	event.id = STR_NULL; /* the store fills in what it wrote */
	event.query = call->query;
	event.patient = audit_patient(call->arena, change->type, change->id, change->stored);
	return event;
}

/* A write that has nothing to do is an access all the same. */
static bool describe_events(struct rest_write *w, struct error *err)
{
	size_t count = w->entry.change_count;
	w->events = ARENA_ARRAY(w->call->arena, struct audit_event, count + 1);
	if (!w->events)
		return error_memory(err);
	for (size_t i = 0; i < count; i++)
		w->events[i] = entry_describe(w->call, &w->entry.changes[i]);
	if (!count) {
		w->events[0] = audit_describe(w->call, 200, NULL);
		w->events[0].query = w->call->query;
		w->events[0].id = w->entry.found_count ? w->entry.id : STR_NULL;
		w->events[0].version = w->entry.found_count ? w->entry.found->version : 0;
	}
	return true;
}

void write_again(struct rest_server *s, struct workers_job *job)
{
	/* Without a thread right here: slow for the committing thread, but the request is answered. */
	if (!workers_add(s->redo, job))
		job->run(job->ctx, NULL);
}

static void attempt_done(void *ctx, struct store_txn *txn)
{
	struct rest_write *w = ctx;
	w->err = txn->err;
	if (!w->err.code || w->attempts == REST_MAX_ATTEMPTS || !entry_may_retry(&w->entry, &w->err))
		w->done(w);
	else if (!w->hold || !w->hold(w))
		write_again(w->call->server, w->job);
}

static bool prepare_attempt(struct rest_write *w, struct error *err)
{
	if (w->txn.stale && !call_renew_parameters(w->call, err))
		return false;
	struct buf scratch;
	struct bundle_options o = bundle_options_of(w->call, &scratch);
	w->entry = w->asked;
	w->attempts++;
	issues_init(&w->call->findings, w->call->arena);
	bool ok = entry_resolve(&o, &w->entry, err);
	if (ok)
		w->entry.changes = ARENA_ARRAY(w->call->arena, struct store_change, w->entry.change_count + 1);
	if (ok && !w->entry.changes)
		ok = error_memory(err);
	ok = ok && entry_prepare(&o, &w->entry, NULL, &w->call->findings, err) && describe_events(w, err);
	buf_done(&scratch);
	return ok;
}

static void submit_attempt(struct rest_write *w)
{
	const struct bundle_entry *e = &w->entry;
	size_t events = e->change_count ? e->change_count : 1;
	w->txn = (struct store_txn){.changes = e->changes,
				    .change_count = e->change_count,
				    .events = w->events,
				    .event_count = w->call->server->o.audit_off ? 0 : events,
				    .guards = &e->guard,
				    .guard_count = e->guard.query && e->change_count ? 1 : 0,
				    .revision = call_revision(w->call),
				    .done = attempt_done,
				    .ctx = w};
	store_submit(w->call->server->o.store, &w->txn);
}

static void try_again(void *ctx, void *own)
{
	(void)own;
	struct rest_write *w = ctx;
	struct error err = {0};
	if (prepare_attempt(w, &err)) {
		submit_attempt(w);
		return;
	}
	w->err = err;
	w->done(w);
}

bool rest_write_begin(struct rest_write *w, struct error *err)
{
	w->job = ARENA_NEW(w->call->arena, struct workers_job);
	if (!w->job)
		return error_memory(err);
	*w->job = (struct workers_job){.run = try_again, .ctx = w};
	if (!prepare_attempt(w, err))
		return false;
	submit_attempt(w);
	return true;
}

/* ---- a request of its own ------------------------------------------------------------------------------------------
 */

bool body_resource(struct rest_call *call, const struct json **ret_resource, struct error *err)
{
	enum media_body form;
	bool face = call->server->o.face != NULL; /* vendors take JSON only */
	struct str type = http_request_header(call->exchange, "Content-Type");
	if (!media_body(type, false, &form, err))
		return false;
	if (face && form != MEDIA_JSON)
		return error_set(err, ERR_MEDIA_TYPE, "Bodies must be JSON: Content-Type: application/fhir+json");
	*ret_resource = form == MEDIA_JSON ? call_parse(call, call->request->body, err)
					   : xml_read_resource(call->arena, call->server->o.definitions,
							       call->request->body, NULL, err);
	return *ret_resource != NULL;
}

static bool body_patch(struct rest_call *call, struct patch *ret_patch, struct error *err)
{
	enum media_body form;
	struct str body = call->request->body;
	*ret_patch = (struct patch){.kind = PATCH_FHIRPATH};
	if (!media_body(http_request_header(call->exchange, "Content-Type"), true, &form, err))
		return false;
	if (form == MEDIA_XML_PATCH) {
		*ret_patch = (struct patch){.kind = PATCH_XML, .text = body};
		return true;
	}
	if (form == MEDIA_JSON_PATCH)
		ret_patch->kind = PATCH_JSON;
	ret_patch->json = form == MEDIA_XML
				  ? xml_read_resource(call->arena, call->server->o.definitions, body, NULL, err)
				  : call_parse(call, body, err);
	if (!ret_patch->json)
		return false;
	if (ret_patch->kind == PATCH_FHIRPATH &&
	    !str_is(json_get_str(ret_patch->json, S("resourceType")), "Parameters"))
		return error_set(
			err, ERR_STRUCTURE,
			"A patch in FHIR is a Parameters resource; a JSON Patch is application/json-patch+json");
	return true;
}

static bool check_type(const struct rest_call *call, const struct json *resource, struct error *err)
{
	struct str name = call->type->name, given = json_get_str(resource, S("resourceType"));
	if (!json_is(resource, JSON_OBJECT))
		return error_set(err, ERR_STRUCTURE, "A resource is a JSON object");
	if (!given.p)
		return error_set(err, ERR_STRUCTURE, "The resource has no resourceType");
	if (!str_eq(given, name))
		return error_set(err, ERR_STRUCTURE, "The URL names %.*s, but the resource is of another type",
				 STR_ARG(name));
	return true;
}

/* The body as a tree; a face may have put another in its place. *ret_done: the face has answered. */
static bool read_resource(struct rest_call *call, struct rest_answer *answer, const struct json **ret_resource,
			  bool *ret_done, struct error *err)
{
	const struct rest_face *face = call->server->o.face;
	const struct json *resource;
	if (!body_resource(call, &resource, err))
		return false;
	if (face && face->write) {
		struct str body = STR_NULL;
		*ret_done = !face->write(face->ctx, call, resource, &body, answer);
		if (!*ret_done && body.p)
			resource = json_parse(call->arena, body, 0, err);
	}
	*ret_resource = resource;
	return resource && (*ret_done || check_type(call, resource, err));
}

static bool read_guards(struct rest_call *call, struct bundle_entry *e, struct error *err)
{
	struct str if_none_exist = http_request_header(call->exchange, "If-None-Exist");
	e->if_match = http_request_header(call->exchange, "If-Match");
	e->if_none_match = http_request_header(call->exchange, "If-None-Match");
	if (e->if_match.p && e->method != ENTRY_CREATE && !etag_parse(e->if_match, &e->version, &e->must_exist, err))
		return false;
	/* A condition that is not understood must never be ignored on a write. */
	e->must_be_new = e->method == ENTRY_UPDATE && str_is(str_trim(e->if_none_match), "*") && !call->server->o.face;
	if (e->if_none_match.p && e->method != ENTRY_CREATE && !e->must_be_new)
		return error_set(err, ERR_NOT_SUPPORTED, "For writes If-None-Match is supported as * with PUT only");
	/* Neither of the vendors that wear a face has conditional creates: who posts twice has two. */
	if (!if_none_exist.p || e->method != ENTRY_CREATE || call->server->o.face)
		return true;
	if (!create_condition(e->type, if_none_exist, &e->condition, err))
		return false;
	call->query = e->condition;
	return true;
}

/* Other servers take a condition in the URL of a create. Ignored, it would make a second resource where one was meant.
 */
static bool check_unconditional(const struct rest_call *call, struct error *err)
{
	for (struct str rest = call->query; rest.n;) {
		struct str pair = str_split(&rest, '&'), name = str_split(&pair, '=');
		name = str_split(&name, ':');
		if (definitions_search_param(call->type, name) || str_is(name, "_id"))
			return error_set(err, ERR_NOT_SUPPORTED,
					 "A create has no conditions in its URL; the header If-None-Exist holds them");
	}
	return true;
}

static bool read_asked(struct rest_call *call, struct bundle_entry *e, struct error *err)
{
	static const enum entry_method methods[] = {
		[REST_CREATE] = ENTRY_CREATE,	 [REST_UPDATE] = ENTRY_UPDATE,	[REST_UPDATE_IF] = ENTRY_UPDATE,
		[REST_PATCH] = ENTRY_PATCH,	 [REST_PATCH_IF] = ENTRY_PATCH, [REST_DELETE] = ENTRY_DELETE,
		[REST_DELETE_IF] = ENTRY_DELETE,
	};
	enum rest_interaction i = call->interaction;
	*e = (struct bundle_entry){.method = methods[i], .type = call->type, .id = call->id};
	if (i == REST_UPDATE_IF || i == REST_PATCH_IF || i == REST_DELETE_IF)
		e->condition = call->query.p ? call->query : S("");
	else if (i == REST_CREATE && !call->server->o.face && !check_unconditional(call, err))
		return false;
	else
		call->query = STR_NULL;
	if (call->id.p && !fhir_id_valid(call->id))
		return error_set(err, ERR_VALUE,
				 "The id in the URL is not valid: 1 to 64 letters, digits, dashes and dots");
	return read_guards(call, e, err);
}

struct write {
	struct rest_write w;
	struct rest_answer answer;
};

static void write_done(struct rest_write *w)
{
	struct write *own = w->ctx;
	if (w->err.code) {
		write_explain(w->call, &w->entry, w->entry.changes ? w->entry.changes : &(struct store_change){0},
			      &own->answer, &w->err);
		audit_then_send(w->call, &own->answer, &w->err);
		return;
	}
	write_answer(w->call, &w->entry, &own->answer);
	answer_send(w->call, &own->answer);
}

bool write_start(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	bool done = false;
	struct write *own = ARENA_NEW(call->arena, struct write);
	if (!own)
		return error_memory(err);
	struct bundle_entry *e = &own->w.asked;
	if (!read_asked(call, e, err))
		return false;
	if (e->method == ENTRY_PATCH) {
		rest_answer_header(answer, "Accept-Patch",
				   S("application/json-patch+json, application/fhir+json, application/fhir+xml, "
				     "application/xml-patch+xml"));
		if (!body_patch(call, &e->patch, err))
			return false;
		const struct rest_face *face = call->server->o.face;
		if (face && e->patch.kind != PATCH_JSON)
			return error_set(err, ERR_MEDIA_TYPE, "Patches must be application/json-patch+json");
		done = face && face->patch && !face->patch(face->ctx, call, e->patch.json, answer);
	} else if (e->method != ENTRY_DELETE && !read_resource(call, answer, &e->resource, &done, err)) {
		return false;
	}
	if (done) {
		audit_then_send(call, answer, NULL);
		return true;
	}
	own->answer = *answer;
	own->w.call = call;
	own->w.done = write_done;
	own->w.ctx = own;
	return rest_write_begin(&own->w, err);
}
