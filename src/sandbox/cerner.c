/*
 * The face of Cerner: JSON only, meta and narrative everywhere, ETags, and a 409 where the specification has 412.
 */
#include "base/random.h"
#include "sandbox/bulk_priv.h"
#include "sandbox/cerner_priv.h"
#include "sandbox/oauth_priv.h"

/* ---- outcomes --------------------------------------------------------------------------------------------------- */

void cerner_refuse(struct rest_answer *answer, int status, const char *issue, struct str text)
{
	face_clear(answer);
	answer->status = status;
	struct json_writer w = json_writer(&answer->body);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("OperationOutcome"));
	json_key(&w, S("issue"));
	json_array_begin(&w);
	json_object_begin(&w);
	json_put_member(&w, S("severity"), S("error"));
	json_put_member(&w, S("code"), str_from(issue));
	json_key(&w, S("details"));
	json_object_begin(&w);
	json_put_member(&w, S("text"), text);
	json_object_end(&w);
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
}

void cerner_bad_resource(struct rest_answer *answer, struct str type)
{
	face_clear(answer);
	answer->status = 500;
	buf_printf(&answer->body,
		   "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"fatal\",\"code\":\"required\","
		   "\"details\":{\"text\":\"A required element is missing\"},\"location\":[\"/f:%.*s/f:status\"]}]}",
		   STR_ARG(type));
}

/* The gateway in front of the FHIR service speaks plain JSON. */
static void gateway(struct rest_answer *answer, int status, const char *urn, const char *rest)
{
	char text[256];
	struct buf message = {.p = text, .cap = sizeof(text), .max = sizeof(text)};
	buf_printf(&message, "code=\"urn:cerner:error:oauth2:resource-access:%s\"%s", urn, rest);
	answer->status = status;
	answer->content_type = S("application/json");
	struct json_writer w = json_writer(&answer->body);
	json_object_begin(&w);
	json_key(&w, S("code"));
	json_put_i64(&w, status);
	json_put_member(&w, S("message"), buf_str(&message));
	json_object_end(&w);
}

static void unauthorized(const struct error *err, struct rest_answer *answer)
{
	const char *urn = err->code == ERR_LOGIN	   ? "token-required"
			  : err->code == ERR_TOKEN_EXPIRED ? "token-expired"
							   : "invalid-token";
	gateway(answer, 401, urn, "");
	rest_answer_header(answer, "WWW-Authenticate", S("Bearer"));
}

static const struct {
	enum error_code error;
	int status;
	const char *issue, *text;
} errors[] = {
	{ERR_NOT_FOUND, 404, "not-found", "Not Found"},
	{ERR_GONE, 404, "not-found", "Not Found"},
	{ERR_UNKNOWN_TYPE, 404, "not-found", "Not Found"},
	{ERR_METHOD, 404, "not-found", "Not Found"},
	{ERR_PRECONDITION, 409, "conflict", "The version in If-Match is not the current one"},
	{ERR_CURSOR, 400, "invalid", "-pageContext is not valid"},
	{ERR_JSON, 400, "structure", NULL},
	{ERR_UTF8, 400, "structure", NULL},
	{ERR_STRUCTURE, 422, "structure", NULL},
	{ERR_REQUIRED, 422, "required", NULL},
	{ERR_VALUE, 422, "value", NULL},
	{ERR_INVARIANT, 422, "business-rule", NULL},
};

static void on_error(void *ctx, struct rest_call *call, const struct error *err, struct rest_answer *answer)
{
	(void)ctx;
	(void)call;
	int status = answer->status;
	face_clear(answer);
	call->xml = false;
	call->media = S("application/fhir+json");
	if (err->code == ERR_NOT_ACCEPTABLE) {
		answer->content_type = S("");
		return;
	}
	if (err->code == ERR_LOGIN || err->code == ERR_TOKEN_EXPIRED || err->code == ERR_TOKEN_INVALID) {
		unauthorized(err, answer);
		return;
	}
	if (err->code == ERR_FORBIDDEN) {
		gateway(answer, 403, "insufficient-scopes",
			", error=\"insufficient_scope\", subcode=\"no_scope_for_resource_path\"");
		return;
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (errors[i].error == err->code) {
			cerner_refuse(answer, errors[i].status, errors[i].issue,
				      str_from(errors[i].text ? errors[i].text : err->text));
			return;
		}
	}
	cerner_refuse(answer, status, error_issue_type(err->code), str_from(err->text));
}

/* ---- admission -------------------------------------------------------------------------------------------------- */

static bool accepts_json(struct rest_call *call)
{
	struct str accept = http_request_header(call->exchange, "Accept");
	return !accept.p || str_find(accept, S("json")) != STR_NONE || str_find(accept, S("*/*")) != STR_NONE ||
	       str_find(accept, S("application/*")) != STR_NONE;
}

static bool admit(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	struct sandbox *s = ctx;
	bool open = call->interaction == REST_CAPABILITIES || call->interaction == REST_SMART_CONFIGURATION;
	call->xml = false;
	call->media = S("application/fhir+json");
	if (call->interaction == REST_ASYNC_FILE)
		return true;
	if (!accepts_json(call) && !(call->interaction == REST_READ && str_is(call->type_name, "Binary"))) {
		face_clear(answer);
		answer->status = 406;
		answer->content_type = S("");
		return false;
	}
	/* who sends a batch and may has been answered by cerner_batch() */
	if (open || call->interaction == REST_BATCH || (bulk_is_route(call) && (!call->operation || call->type)) ||
	    (call->type && face_may(s, call->type_name, face_letter(call->interaction))))
		return call->interaction != REST_DELETE || cerner_names_version(s, call, answer);
	cerner_refuse(answer, 404, "not-found", S("Not Found"));
	return false;
}

/* ---- resources -------------------------------------------------------------------------------------------------- */

/* Links to attachments are absolute, on the host that was called. */
static void put_links(const struct sandbox *s, struct buf *out, struct str body)
{
	static const char mark[] = "\"url\":\"Binary/";
	for (;;) {
		size_t at = str_find(body, S("\"url\":\"Binary/"));
		if (at == STR_NONE)
			break;
		buf_add(out, str_slice(body, 0, at + 7));
		buf_add(out, s->fhir_base);
		buf_char(out, '/');
		body = str_slice(body, at + 7, body.n);
		buf_add(out, str_slice(body, 0, sizeof(mark) - 8));
		body = str_slice(body, sizeof(mark) - 8, body.n);
	}
	buf_add(out, body);
}

/* All that is left of a patient who was merged into another. */
static bool show_merged(struct rest_call *call, const struct store_entry *entry, struct str survivor, struct buf *out,
			struct error *err)
{
	const struct json *resource = json_parse(call->arena, entry->body, 0, err);
	struct json_writer w = json_writer(out);
	if (!resource)
		return false;
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("Patient"));
	json_put_member(&w, S("id"), entry->id);
	json_key(&w, S("meta"));
	json_put_value(&w, json_get(resource, S("meta")));
	json_key(&w, S("active"));
	json_put_bool(&w, false);
	json_key(&w, S("link"));
	json_array_begin(&w);
	json_object_begin(&w);
	json_key(&w, S("other"));
	json_object_begin(&w);
	json_put_member(&w, S("reference"), survivor);
	json_object_end(&w);
	json_put_member(&w, S("type"), S("replaced-by"));
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
	return buf_ok(out) || error_memory(err);
}

/* A panel of two halves has a version of both. */
static struct str with_version(struct rest_call *call, const struct store_entry *entry)
{
	static const char mark[] = "\"versionId\":\"";
	size_t at = str_starts(entry->id, S("BP-")) ? str_find(entry->body, str_from(mark)) : STR_NONE;
	size_t end = at == STR_NONE ? at : str_find_char(entry->body, '"', at + sizeof(mark) - 1);
	if (end == STR_NONE)
		return entry->body;
	struct str version = str_slice(entry->body, at + sizeof(mark) - 1, end);
	return arena_printf(call->arena, "%.*s%.*s%.*s", STR_ARG(str_slice(entry->body, 0, at + sizeof(mark) - 1)),
			    STR_ARG(cerner_pressure_version(call->arena, entry->id, version)),
			    STR_ARG(str_slice(entry->body, end, entry->body.n)));
}

/* What came in by a write has no narrative yet; everything loaded has one. */
static bool show(void *ctx, struct rest_call *call, const struct store_entry *entry, struct buf *out, struct error *err)
{
	struct str survivor = face_survivor(call->arena, entry);
	if (survivor.n)
		return show_merged(call, entry, survivor, out, err);
	struct str body = with_version(call, entry);
	if (str_find(body, S("\"text\":{\"status\":\"generated\"")) != STR_NONE ||
	    str_is(entry->type->name, "Binary")) {
		put_links(ctx, out, body);
		return buf_ok(out) ? true : error_memory(err);
	}
	const struct json *resource = json_parse(call->arena, body, 0, err);
	struct buf whole;
	if (!resource)
		return false;
	buf_init(&whole, (size_t)64 << 20);
	struct json_writer w = json_writer(&whole);
	json_object_begin(&w);
	struct json_iter it = json_iter(resource);
	while (json_next(&it)) {
		json_key(&w, it.key);
		json_put_value(&w, it.value);
		if (!str_is(it.key, "meta"))
			continue;
		json_key(&w, S("text"));
		adapter_narrative(&w, call->arena, resource, STR_NULL);
	}
	json_object_end(&w);
	put_links(ctx, out, buf_str(&whole));
	bool ok = buf_ok(&whole) && buf_ok(out);
	buf_done(&whole);
	return ok ? true : error_memory(err);
}

/* A Binary comes as what it is when just that is asked for, otherwise as the resource. */
static void after_read(void *ctx, struct rest_call *call, const struct store_entry *entry, struct rest_answer *answer)
{
	(void)ctx;
	cerner_pressure_etag(call, answer, entry->id);
	if (!str_is(call->type_name, "Binary") || face_binary(call, entry, false, answer) || accepts_json(call))
		return;
	face_clear(answer);
	answer->status = 406;
	answer->content_type = S("");
}

static struct str new_id(void *ctx, struct arena *a, const struct fhir_type *type, const struct json *resource)
{
	(void)ctx;
	struct str id = adapter_event_id(a, resource);
	return id.p ? id : adapter_fresh_id(EHR_CERNER, a, type->name, resource);
}

/* ---- writes ----------------------------------------------------------------------------------------------------- */

/* An empty body that says it is HTML, the version, and for creates the place, without a version in it. */
static void written(void *ctx, struct rest_call *call, const struct store_change *change, struct rest_answer *answer)
{
	const struct sandbox *s = ctx;
	cerner_pressure_etag(call, answer, change->id);
	struct str etag = face_header_of(answer, "ETag"), modified = face_header_of(answer, "Last-Modified");
	bool created = answer->status == 201;
	face_clear(answer);
	answer->content_type = S("text/html");
	rest_answer_header(answer, "ETag", etag);
	rest_answer_header(answer, "Last-Modified", modified);
	if (created)
		rest_answer_header(answer, "Location", face_url(s, call->arena, change->type->name, change->id));
}

/* ---- outside the FHIR base -------------------------------------------------------------------------------------- */

static void no_route(struct http_exchange *x)
{
	struct buf body;
	buf_init(&body, 1 << 12);
	buf_add(&body,
		S("{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":\"not-found\","
		  "\"details\":{\"text\":\"Not Found\"}}]}"));
	http_respond(x,
		     &(struct http_response){.status = 404, .content_type = S("application/fhir+json"), .body = &body});
	buf_done(&body);
}

/* Cerner never describes a token error; it links to a page that would. Known are the words for codes and scopes. */
static void token_refused(struct sandbox *s, struct http_exchange *x, const struct smart_token_answer *answer,
			  const struct error *why, struct buf *body)
{
	struct arena *a = http_request(x)->arena;
	char uuid[UUID_SIZE], what[96];
	struct buf words = {.p = what, .cap = sizeof(what), .max = sizeof(what) - 1};
	bool long_token = why->code == ERR_INVALID_SCOPE && !why->reason;
	const char *error = long_token ? "invalid_scope" : answer->error;
	random_uuid(uuid);
	buf_printf(&words, "token:%s",
		   long_token					 ? "too-many-scopes"
		   : strcmp(answer->error, "invalid_scope") == 0 ? "empty-scopes"
		   : strcmp(answer->error, "invalid_grant") == 0 ? "code-invalid-or-expired"
								 : answer->error);
	what[words.n] = 0;
	for (size_t i = 0; i < words.n; i++)
		what[i] = what[i] == '_' ? '-' : what[i];
	buf_reset(body);
	struct json_writer w = json_writer(body);
	json_object_begin(&w);
	json_put_member(&w, S("error"), str_from(error));
	json_put_member(&w, S("error_uri"), oauth_cerner_error_uri(s, a, what, answer->client_id, uuid));
	json_object_end(&w);
	const struct http_header headers[] = {{S("Cerner-Correlation-ID"), str_make(uuid, UUID_SIZE)},
					      {S("Cache-Control"), S("no-store")},
					      {S("Pragma"), S("no-cache")},
					      {S("Server"), S("cloud_authorization_server1")},
					      {S("Access-Control-Allow-Origin"), S("*")}};
	http_respond(x, &(struct http_response){.status = answer->status == 429 ? 429 : 400,
						.content_type = S("application/json"),
						.headers = headers,
						.header_count = 5,
						.body = body});
}

const struct face_vendor face_cerner = {
	.name = "cerner",
	.base_path = "/r4/" CERNER_TENANT,
	.token_paths = {"/tenants/" CERNER_TENANT "/protocols/oauth2/profiles/smart-v1/token", NULL},
	.authorize_paths = {"/tenants/" CERNER_TENANT "/protocols/oauth2/profiles/smart-v1/personas/provider/authorize",
			    "/tenants/" CERNER_TENANT "/protocols/oauth2/profiles/smart-v1/personas/patient/authorize"},
	.issuer_path = "/tenants/" CERNER_TENANT,
	.keys_path = CERNER_KEYS_PATH,
	.people_title = "Sandbox with the face of Oracle Health",
	.types = cerner_types,
	.opened = {"",
		   "crsu",
		   "_id|patient|subject",
		   "_id _count _lastUpdated category date identifier patient status subject",
		   50,
		   200,
		   {400, "invalid", NULL}},
	.token_lifetime_s = 570,
	.persona = oauth_cerner_persona,
	.app_refused = oauth_cerner_refused,
	.needs_scope = true,
	.face = {.name = "cerner",
		 .jobs_path = "bulk-export/jobs",
		 .bulk = cerner_bulk,
		 .exports = cerner_bulk_exports,
		 .path = cerner_bulk_path,
		 .job = cerner_bulk_job,
		 .file = cerner_bulk_file,
		 .admit = admit,
		 .search = cerner_search,
		 .write = cerner_write,
		 .patch = cerner_patch,
		 .new_id = new_id,
		 .resource = show,
		 .read = after_read,
		 .searchset = cerner_searchset,
		 .page = cerner_page,
		 .error = on_error,
		 .written = written,
		 .capability = face_capability,
		 .smart_configuration = face_smart_configuration},
	.no_route = no_route,
	.token_refused = token_refused,
};
