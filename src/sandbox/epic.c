/*
 * The face of Epic: XML unless JSON is asked for, no meta and no narrative, empty answers to writes. Searching and
 * errors have files of their own.
 */
#include "sandbox/epic_priv.h"
#include "sandbox/bulk_priv.h"
#include "sandbox/oauth_priv.h"

/* ---- admission -------------------------------------------------------------------------------------------------- */

/* Only a clear wish for JSON gets JSON: no Accept, any type, or an unknown one gets XML. */
static void choose_format(struct rest_call *call)
{
	struct str accept = http_request_header(call->exchange, "Accept");
	struct str format = face_value(call->request->query, S("_format"));
	bool json = accept.p && str_find(accept, S("json")) != STR_NONE;
	if (format.p)
		json = str_find(format, S("json")) != STR_NONE;
	if (call->interaction == REST_SMART_CONFIGURATION)
		json = true;
	call->xml = !json;
	call->media = json ? S("application/fhir+json; charset=utf-8") : S("application/fhir+xml; charset=utf-8");
}

static bool admit(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	struct sandbox *s = ctx;
	choose_format(call);
	if (call->interaction == REST_CAPABILITIES || call->interaction == REST_SMART_CONFIGURATION)
		return true;
	if (bulk_is_route(call) && (!call->operation || (call->type && str_is(call->type->name, "Group"))))
		return true;
	if (call->type && face_may(s, call->type_name, face_letter(call->interaction)))
		return true;
	face_clear(answer);
	answer->status = 404;
	answer->content_type = S("text/html");
	epic_html_not_found(&answer->body);
	return false;
}

/* ---- resources -------------------------------------------------------------------------------------------------- */

static bool show(void *ctx, struct rest_call *call, const struct store_entry *entry, struct buf *out, struct error *err)
{
	struct str body = entry->body;
	size_t self = str_find(body, S("\"" ADAPTER_SELF "\"")); /* an id that was not known when it was written */
	if (self != STR_NONE)
		body = arena_printf(call->arena, "%.*s\"%.*s\"%.*s", STR_ARG(str_slice(body, 0, self)),
				    STR_ARG(entry->id),
				    STR_ARG(str_slice(body, self + sizeof(ADAPTER_SELF) + 1, body.n)));
	if (call->operation && body.p)
		body = epic_bulk_line(ctx, call->arena, entry->type, body);
	const struct json *resource = body.p ? json_parse(call->arena, body, 0, err) : NULL;
	if (!resource)
		return false;
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	struct json_iter it = json_iter(resource);
	while (json_next(&it)) {
		const struct json *label = json_get(it.value, S("security"));
		if (str_is(it.key, "meta") && label) {
			json_key(&w, it.key);
			json_object_begin(&w);
			json_key(&w, S("security"));
			json_put_value(&w, label);
			json_object_end(&w);
		}
		if (str_is(it.key, "meta") || str_is(it.key, "text"))
			continue;
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	json_object_end(&w);
	return buf_ok(out) ? true : error_memory(err);
}

/* Epic's own resources show no version at all; those of types that the site opened do. */
static void after_read(void *ctx, struct rest_call *call, const struct store_entry *entry, struct rest_answer *answer)
{
	struct str etag = face_header_of(answer, "ETag"), survivor = face_survivor(call->arena, entry);
	const struct sandbox *s = ctx;
	if (survivor.n) {
		struct epic_issue issue = {"fatal", "processing", "4107", S("The patient was merged into another."),
					   NULL};
		epic_refuse(answer, 302, &issue, 1);
		rest_answer_header(answer, "Location",
				   arena_printf(call->arena, "%.*s/%.*s", STR_ARG(s->fhir_base), STR_ARG(survivor)));
		return;
	}
	if (str_is(call->type_name, "Binary") && face_binary(call, entry, true, answer))
		return;
	answer->header_count = 0;
	if (face_opened(ctx, call->type_name))
		rest_answer_header(answer, "ETag", etag);
}

static struct str new_id(void *ctx, struct arena *a, const struct fhir_type *type, const struct json *resource)
{
	(void)ctx;
	return adapter_fresh_id(EHR_EPIC, a, type->name, resource);
}

/* ---- writes ----------------------------------------------------------------------------------------------------- */

/* Nothing but the status and where it is. Types that the site opened are versioned, Epic's own are not. */
static void written(void *ctx, struct rest_call *call, const struct store_change *change, struct rest_answer *answer)
{
	const struct sandbox *s = ctx;
	struct str etag = face_header_of(answer, "ETag");
	bool created = answer->status == 201;
	face_clear(answer);
	answer->content_type = S("");
	if (created)
		rest_answer_header(answer, "Location",
				   behaves(s, BEHAVIOUR_LOCATION, "relative")
					   ? arena_printf(call->arena, "%.*s/%.*s", STR_ARG(change->type->name),
							  STR_ARG(change->id))
					   : face_url(s, call->arena, change->type->name, change->id));
	if (face_opened(s, change->type->name))
		rest_answer_header(answer, "ETag", etag);
}

/* ---- outside the FHIR base -------------------------------------------------------------------------------------- */

static void no_route(struct http_exchange *x)
{
	struct buf page;
	buf_init(&page, 1 << 14);
	epic_html_not_found(&page);
	http_respond(x, &(struct http_response){.status = 404, .content_type = S("text/html"), .body = &page});
	buf_done(&page);
}

/* RFC 6749 codes with an empty description, always as 400. */
static void token_refused(struct sandbox *s, struct http_exchange *x, const struct smart_token_answer *answer,
			  const struct error *why, struct buf *body)
{
	(void)s;
	(void)why;
	buf_reset(body);
	buf_printf(body, "{\"error\":\"%s\",\"error_description\":null}", answer->error);
	const struct http_header headers[] = {{S("Cache-Control"), S("no-cache,no-store")},
					      {S("Pragma"), S("no-cache")}};
	http_respond(x, &(struct http_response){.status = 400,
						.content_type = S("application/json"),
						.headers = headers,
						.header_count = 2,
						.body = body});
}

const struct face_vendor face_epic = {
	.name = "epic",
	.base_path = "/interconnect-fhir-oauth/api/FHIR/R4",
	.token_paths = {"/interconnect-fhir-oauth/oauth2/token", NULL},
	.authorize_paths = {"/interconnect-fhir-oauth/oauth2/authorize", NULL},
	.issuer_path = "/interconnect-fhir-oauth/oauth2",
	.keys_path = EPIC_KEYS_PATH,
	.people_title = "Sandbox with the face of Epic",
	.types = epic_types,
	.opened = {"",
		   "crsu",
		   "patient|subject|_id",
		   "_count _id category date identifier patient status subject",
		   1000,
		   1000,
		   {400, "business-rule", "59159"}},
	.token_lifetime_s = 3600,
	.persona = oauth_epic_persona,
	.app_refused = oauth_epic_refused,
	.face = {.name = "epic",
		 .jobs_path = "BulkRequest",
		 .bulk = epic_bulk,
		 .exports = epic_bulk_exports,
		 .path = epic_bulk_path,
		 .job = epic_bulk_job,
		 .file = epic_bulk_file,
		 .admit = admit,
		 .search = epic_search,
		 .write = epic_write,
		 .new_id = new_id,
		 .resource = show,
		 .read = after_read,
		 .searchset = epic_searchset,
		 .page = epic_page,
		 .error = epic_error,
		 .written = written,
		 .capability = face_capability,
		 .smart_configuration = face_smart_configuration},
	.no_route = no_route,
	.token_refused = token_refused,
};
