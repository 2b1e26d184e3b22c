/*
 * Bulk export as Cerner does it: one job at a time for a client, Retry-After of ten minutes, files of 50 MB that lead
 * on to a host of their own, whose signed links take no token and do not live long.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "jose/jose.h"
#include "sandbox/bulk_priv.h"
#include "sandbox/cerner_priv.h"
#include "sandbox/reshape_priv.h"

enum { LINK_MS = 60000, MAX_PATIENTS = 20000, SIGNATURE = 64 };
#define FILE_BYTES ((uint64_t)50 << 20)
#define KEEP_MS	   ((int64_t)30 * 24 * 3600 * 1000)

/* ---- rules of the kick-off ----------------------------------------------------------------------------------------
 */

/* Only beside another type; and none of them can be filtered, nor can Patient. */
static bool needs_company(struct str type)
{
	return face_listed("Location Organization Practitioner Provenance", type);
}

static bool is_filter_param(struct str name)
{
	return !face_listed("_count _id _include _lastUpdated _sort encounter identifier patient subject", name);
}

static bool refuse(struct rest_answer *answer, int status, const char *issue, struct str text)
{
	cerner_refuse(answer, status, issue, text);
	return false;
}

static bool check_types(struct rest_call *call, struct rest_answer *answer)
{
	struct str types = face_decoded(call->arena, face_value(call->query, S("_type")));
	bool company = !types.p;
	while (types.p)
		company = !needs_company(str_trim(str_split(&types, ','))) || company;
	return company ||
	       refuse(answer, 400, "invalid",
		      S("Location, Organization, Practitioner and Provenance need another type beside them"));
}

static bool check_filter(struct rest_call *call, struct str filter, struct str *seen, struct rest_answer *answer)
{
	struct str query = filter, type = str_split(&query, '?');
	if (face_listed(seen->p ? arena_printf(call->arena, "%.*s", STR_ARG(*seen)).p : "", type))
		return refuse(answer, 400, "invalid", S("_typeFilter is there more than once for a type"));
	*seen = arena_printf(call->arena, "%.*s %.*s", STR_ARG(*seen), STR_ARG(type));
	if (needs_company(type) || str_is(type, "Patient"))
		return refuse(answer, 400, "invalid", S("_typeFilter is not possible for this type"));
	while (query.p) {
		struct str pair = str_split(&query, '&'), name = str_split(&pair, '=');
		if (!is_filter_param(name))
			return refuse(answer, 400, "invalid", S("_typeFilter has a parameter that it cannot have"));
		if (!pair.n)
			return refuse(answer, 422, "invalid", S("_typeFilter has a parameter without a value"));
	}
	return true;
}

static bool check_filters(struct rest_call *call, struct rest_answer *answer)
{
	struct face_param p;
	struct str query = call->query, seen = S("");
	if (face_has(call->query, S("_typeFilter")) && !face_has(call->query, S("_type")))
		return refuse(answer, 400, "invalid", S("_typeFilter needs _type"));
	while (face_param_next(&query, &p)) {
		struct str filter = str_is(p.name, "_typeFilter") ? face_decoded(call->arena, p.value) : STR_NULL;
		if (filter.p && !check_filter(call, filter, &seen, answer))
			return false;
	}
	return true;
}

/* Which of the two it is makes no difference here, where nothing has more than one. */
static bool check_associated(struct rest_call *call, struct rest_answer *answer)
{
	struct str value = face_value(call->query, S("includeAssociatedData"));
	if (value.p && !face_listed("LatestProvenanceResources RelevantProvenanceResources", value) && !call->lenient)
		return refuse(answer, 400, "invalid", S("includeAssociatedData has a value that is not known"));
	call->query = bulk_without(call->arena, call->query, "includeAssociatedData");
	return true;
}

static bool check_supported(struct rest_call *call, struct rest_answer *answer)
{
	static const char *const unsupported[] = {"_elements", "_until", "patient"};
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(*unsupported); i++) {
		if (!face_has(call->query, str_from(unsupported[i])))
			continue;
		if (!call->lenient)
			return refuse(answer, 400, "invalid",
				      arena_printf(call->arena, "The parameter %s is not supported", unsupported[i]));
		call->query = bulk_without(call->arena, call->query, unsupported[i]);
	}
	return true;
}

static size_t listed_patients(struct str body)
{
	size_t count = 0;
	struct str mark = S("valueReference");
	for (size_t at; (at = str_find(body, mark)) != STR_NONE; count++)
		body = str_slice(body, at + mark.n, body.n);
	return count;
}

static bool check_form(struct sandbox *s, struct rest_call *call, struct rest_answer *answer)
{
	bool post = str_is(call->request->method, "POST");
	struct str type = http_request_header(call->exchange, "Content-Type");
	bool list = call->type && str_is(call->type->name, "Patient");
	if (list != post)
		return refuse(answer, 404, "not-found", S("Not Found"));
	if (post && released(s, "2026") && str_find(type, S("json")) == STR_NONE)
		return refuse(answer, 415, "not-supported", S("The Content-Type must be application/fhir+json"));
	size_t count = post ? listed_patients(call->request->body) : 1;
	if (!count)
		return refuse(answer, 400, "required", S("A list of patients is needed"));
	return count <= MAX_PATIENTS || refuse(answer, 400, "invalid", S("The list has more than 20000 patients"));
}

/* What a parameter of a Parameters resource says, whatever its type. */
static struct str value_of(const struct json *parameter)
{
	struct json_iter it = json_iter(parameter);
	while (json_next_prefixed(&it, S("value")))
		if (json_is(it.value, JSON_STRING))
			return json_str(it.value);
	return STR_NULL;
}

static bool is_simple(const struct json *parameter)
{
	return !str_is(json_get_str(parameter, S("name")), "patient") && value_of(parameter).p;
}

static struct str query_of(struct rest_call *call, const struct json *body)
{
	struct buf query;
	buf_init(&query, (size_t)1 << 20);
	buf_add(&query, call->query);
	for (struct json_iter it = json_iter(json_get(body, S("parameter"))); json_next(&it);) {
		if (!is_simple(it.value))
			continue;
		buf_add(&query, query.n ? S("&") : S(""));
		encode_percent(&query, json_get_str(it.value, S("name")));
		buf_char(&query, '=');
		encode_percent(&query, value_of(it.value));
	}
	struct str text = buf_ok(&query) ? arena_str(call->arena, buf_str(&query)) : STR_NULL;
	buf_done(&query);
	return text;
}

static struct str rest_of(struct rest_call *call, const struct json *body)
{
	struct buf out;
	buf_init(&out, (size_t)16 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("Parameters"));
	json_key(&w, S("parameter"));
	json_array_begin(&w);
	for (struct json_iter it = json_iter(json_get(body, S("parameter"))); json_next(&it);)
		if (!is_simple(it.value))
			json_put_value(&w, it.value);
	json_array_end(&w);
	json_object_end(&w);
	struct str text = buf_ok(&out) ? arena_str(call->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

/* The parameters of a POST are judged as those of a query are: what the list of patients has beside it goes there. */
static bool take_parameters(struct rest_call *call, struct rest_answer *answer)
{
	struct error ignored = {0};
	const struct json *body = str_is(call->request->method, "POST")
					  ? json_parse(call->arena, call->request->body, 0, &ignored)
					  : NULL;
	struct http_request *request = ARENA_NEW(call->arena, struct http_request);
	if (!str_is(json_get_str(body, S("resourceType")), "Parameters"))
		return true;
	struct str query = query_of(call, body), rest = rest_of(call, body);
	const struct json *list = rest.p ? json_parse(call->arena, rest, 0, &ignored) : NULL;
	if (!request || !query.p || !list)
		return refuse(answer, 500, "exception", S("Out of memory"));
	*request = *call->request;
	request->query = call->query = query;
	request->body = rest;
	call->request = request;
	call->operation_body = list;
	return true;
}

bool cerner_bulk(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	struct sandbox *s = ctx;
	if (!take_parameters(call, answer))
		return false;
	if (!check_form(s, call, answer) || !check_supported(call, answer) || !check_associated(call, answer) ||
	    !check_types(call, answer) || !check_filters(call, answer))
		return false;
	return !jobs_unfinished(s->bulk->jobs, call_owner(call)) ||
	       refuse(answer, 429, "throttled", S("Another export of this client is in progress"));
}

/* The list of the documentation's 18 types is not at hand, so it is what the vendor has. */
bool cerner_bulk_exports(void *ctx, const struct fhir_type *type)
{
	return face_may(ctx, type->name, 'r') && !face_listed("Binary Group", type->name);
}

/* ---- looks ----------------------------------------------------------------------------------------------------------
 */

struct str cerner_bulk_path(void *ctx, struct arena *a, struct str path)
{
	(void)ctx;
	struct str job = bulk_below(path, S("bulk-export/jobs/")), file = bulk_below(path, S("bulk-export/files/"));
	if (job.p)
		return arena_printf(a, "_async/%.*s", STR_ARG(job));
	if (!file.p)
		return path;
	struct str number = file, name = str_split(&number, '-');
	return arena_printf(a, "_async/%.*s/files/%.*s", STR_ARG(name), STR_ARG(number.p ? number : S("")));
}

static struct str file_url(void *ctx, struct arena *a, struct str job, size_t number)
{
	struct sandbox *s = ((struct sandbox_bulk *)ctx)->s;
	if (s->faults[FAULT_FOREIGN_LINKS].on)
		return arena_printf(a, "http://foreign.invalid/bulk-export/files/%.*s-%zu", STR_ARG(job), number);
	return arena_printf(a, "%.*s/bulk-export/files/%.*s-%zu", STR_ARG(s->fhir_base), STR_ARG(job), number);
}

void cerner_bulk_job(void *ctx, struct rest_call *call, const struct job_state *state, struct rest_answer *answer)
{
	struct sandbox *s = ctx;
	if (call->interaction == REST_ASYNC_CANCEL) {
		answer->status = released(s, "2026") ? 204 : 202;
	} else if (state && state->phase <= JOB_RUNNING) {
		answer->header_count = 0;
		rest_answer_header(answer, "X-Progress", S("in-progress"));
		rest_answer_header(
			answer, "Retry-After",
			arena_printf(call->arena, "%lld", (long long)behaviour_number(s, BEHAVIOUR_BULK_RETRY_AFTER)));
	}
}

/* ---- where resources are from --------------------------------------------------------------------------------------
 */

static bool wants_provenance(void *ctx, struct rest_call *call)
{
	const struct sandbox_bulk *b = ctx;
	struct error ignored = {0};
	if (!face_has(call->request->query, S("includeAssociatedData")))
		return false;
	return !call->pass || access_require(call->pass, definitions_resource(b->s->o.definitions, S("Provenance")),
					     SCOPE_R | SCOPE_S, NULL, &ignored);
}

/* Who wrote it, and when. The form of ids of documents is known, that of others not; neither are other members. */
static void add_provenance(void *ctx, const struct fhir_type *type, struct str line, struct buf *out)
{
	struct arena a;
	struct error ignored = {0};
	(void)ctx;
	if (needs_company(type->name))
		return;
	arena_init(&a, (size_t)64 << 20);
	char kind[4] = {0};
	for (size_t i = 0; i < 3 && i < type->name.n; i++)
		kind[i] = (char)(type->name.p[i] | 0x20); /* "doc", as recorded */
	const struct json *resource = json_parse(&a, line, 0, &ignored);
	struct str id = json_get_str(resource, S("id"));
	struct str when = json_get_str(json_get(resource, S("meta")), S("lastUpdated"));
	if (id.n && when.n)
		buf_printf(out,
			   "{\"resourceType\":\"Provenance\",\"id\":\"INT.%s-%.*s\",\"meta\":{\"versionId\":\"1\","
			   "\"lastUpdated\":\"%.*s\"},\"target\":[{\"reference\":\"%.*s/%.*s\"}],\"recorded\":\"%.*s\","
			   "\"agent\":[{\"type\":{\"coding\":[{\"system\":\"" HL7
			   "provenance-participant-type\",\"code\":\"author\",\"display\":\"Author\"}]},\"who\":{"
			   "\"reference\":\"Practitioner/12742069\"}}]}\n",
			   kind, STR_ARG(id), STR_ARG(when), STR_ARG(type->name), STR_ARG(id), STR_ARG(when));
	arena_done(&a);
}

/* ---- the host of the files ----------------------------------------------------------------------------------------
 */

static struct str sign(const struct sandbox_bulk *b, struct arena *a, struct str file, struct str expires)
{
	unsigned char mac[32];
	struct buf hex;
	struct str text = arena_printf(a, "%.*s %.*s", STR_ARG(file), STR_ARG(expires));
	if (!text.p)
		return STR_NULL;
	digest_hmac_sha256(str_make((const char *)b->key, sizeof(b->key)), text, mac);
	buf_init(&hex, SIGNATURE + 1);
	encode_hex(&hex, str_make((const char *)mac, sizeof(mac)));
	struct str signature = arena_str(a, buf_str(&hex));
	buf_done(&hex);
	return signature;
}

/* 307 to a link that is good for a minute; or was, when that fault is on. */
bool cerner_bulk_file(void *ctx, struct rest_call *call, size_t number, struct rest_answer *answer)
{
	struct sandbox *s = ctx;
	struct arena *a = call->arena;
	int64_t until = clock_now_ms() + (fault_take(s, FAULT_BULK_LINKS) ? -1000 : LINK_MS);
	struct str file = arena_printf(a, "%.*s-%zu", STR_ARG(call->id), number);
	struct str expires = arena_printf(a, "%lld", (long long)until);
	face_clear(answer);
	answer->status = 307;
	answer->content_type = S("");
	rest_answer_header(answer, "Location",
			   arena_printf(a, "%.*s/bulk-files/%.*s?X-Amz-Expires=%.*s&X-Amz-Signature=%.*s",
					STR_ARG(s->bulk->file_host), STR_ARG(file), STR_ARG(expires),
					STR_ARG(sign(s->bulk, a, file, expires))));
	return false;
}

static void respond_xml(struct http_exchange *x, int status, const char *code, const char *message)
{
	struct buf body;
	buf_init(&body, 1 << 12);
	buf_printf(&body,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message></Error>",
		   code, message);
	http_respond(x, &(struct http_response){.status = status, .content_type = S("application/xml"), .body = &body});
	buf_done(&body);
}

void cerner_bulk_host(struct sandbox *s, struct http_exchange *x, struct str path)
{
	const struct http_request *request = http_request(x);
	struct str number = path, job = str_split(&number, '-');
	struct str expires = face_value(request->query, S("X-Amz-Expires"));
	struct str given = face_value(request->query, S("X-Amz-Signature"));
	struct str wanted = sign(s->bulk, request->arena, path, expires.p ? expires : S(""));
	struct http_sent_file file;
	struct error err = {0};
	int64_t until = 0;
	uint64_t n = 0;
	if (http_request_header(x, "Authorization").p) {
		respond_xml(x, 400, "InvalidArgument", "Only one auth mechanism allowed");
	} else if (!wanted.p || given.n != wanted.n || !digest_equal(given.p, wanted.p, wanted.n)) {
		respond_xml(x, 403, "SignatureDoesNotMatch", "The signature does not match");
	} else if (!str_to_i64(expires, &until) || until < clock_now_ms()) {
		respond_xml(x, 403, "AccessDenied", "Request has expired");
	} else if (!number.p || !str_to_u64(number, &n) ||
		   !jobs_file(s->bulk->jobs, job, STR_NULL, (size_t)n, &file.fd, &file.size, &err)) {
		respond_xml(x, 404, "NoSuchKey", "The specified key does not exist");
	} else {
		http_respond(x, &(struct http_response){
					.status = 200, .content_type = S("application/fhir+ndjson"), .file = &file});
	}
}

void cerner_bulk_settle(struct sandbox_bulk *b)
{
	b->export.file_url = file_url;
	b->export.no_counts = true;
	b->export.file_bytes = FILE_BYTES;
	b->export.keep_ms = KEEP_MS;
	b->export.wants_beside = wants_provenance;
	b->export.beside = add_provenance;
}
