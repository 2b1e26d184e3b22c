/*
 * Batches at Cerner, "implemented per the specification" (http://hl7.org/fhir/R4/http.html#transaction): each entry is
 * a request of its own, one after the other, with the caller's token. Transactions are not taken.
 */
#include "sandbox/cerner_priv.h"
#include "sandbox/inside_priv.h"
#include "sandbox/work_priv.h"

#include <stdio.h>

enum { ENTRIES_MOST = 100, BODY_MAX = 256 << 20 };

struct batch {
	struct sandbox *s;
	struct http_exchange *x;
	enum face_host host;
	const struct json *entries;
};

/* ---- one entry --------------------------------------------------------------------------------------------------- */

static struct str body_of(struct arena *a, const struct json *entry)
{
	const struct json *resource = json_get(entry, S("resource"));
	struct buf out;
	if (!resource)
		return S("");
	buf_init(&out, BODY_MAX);
	struct json_writer w = json_writer(&out);
	json_put_value(&w, resource);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

static void serve(void *ctx, struct http_exchange *x)
{
	const struct batch *b = ctx;
	sandbox_serve(b->s, x, b->host);
}

static bool run_entry(struct batch *b, const struct json *entry, struct inside_answer *got)
{
	struct arena *a = http_request(b->x)->arena;
	const struct json *request = json_get(entry, S("request"));
	struct str url = json_get_str(request, S("url")), method = json_get_str(request, S("method")),
		   match = json_get_str(request, S("ifMatch")), base = b->s->fhir_base;
	if (str_starts(url, base))
		url = str_slice(url, base.n, url.n);
	if (str_starts(url, S("/")))
		url = str_slice(url, 1, url.n);
	struct str query = url, path = str_split(&query, '?');
	if (!method.n || !path.n)
		return false;
	const struct http_header headers[] = {{S("Accept"), S("application/fhir+json")},
					      {S("Content-Type"), S("application/fhir+json")},
					      {S("Authorization"), http_request_header(b->x, "Authorization")},
					      {S("If-Match"), match}};
	struct http_header sent[4];
	size_t count = 0;
	for (size_t i = 0; i < 4; i++)
		if (headers[i].value.p)
			sent[count++] = headers[i];
	struct http_apart apart = {
		.request = {.method = method,
			    .path = arena_printf(a, "%s/%.*s", b->s->vendor->base_path, STR_ARG(path)),
			    .query = query.p ? query : S(""),
			    .body = body_of(a, entry),
			    .file = -1,
			    .address = http_request(b->x)->address,
			    .request_id = http_request(b->x)->request_id},
		.headers = sent,
		.header_count = count};
	return apart.request.path.p && apart.request.body.p && inside_ask(&apart, a, serve, b, got);
}

static void put_entry(struct json_writer *w, const struct inside_answer *got)
{
	char status[8];
	bool good = got->status < 300;
	snprintf(status, sizeof(status), "%d", got->status);
	json_object_begin(w);
	if (good && got->body.n) {
		json_key(w, S("resource"));
		json_put_raw(w, got->body);
	}
	json_key(w, S("response"));
	json_object_begin(w);
	json_put_member(w, S("status"), str_from(status));
	json_put_member(w, S("location"), got->location);
	json_put_member(w, S("etag"), got->etag);
	if (!good && str_starts(got->body, S("{\"resourceType\":"))) {
		json_key(w, S("outcome"));
		json_put_raw(w, got->body);
	}
	json_object_end(w);
	json_object_end(w);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void refuse(struct http_exchange *x, int status, const char *issue, const char *text)
{
	struct buf body;
	buf_init(&body, 1 << 12);
	buf_printf(&body,
		   "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":\"%s\","
		   "\"details\":{"
		   "\"text\":\"%s\"}}]}",
		   issue, text);
	http_respond(x, &(struct http_response){
				.status = status, .content_type = S("application/fhir+json"), .body = &body});
	buf_done(&body);
}

static void run_batch(void *arg)
{
	struct batch *b = arg;
	struct buf body;
	buf_init(&body, BODY_MAX);
	struct json_writer w = json_writer(&body);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("Bundle"));
	json_put_member(&w, S("type"), S("batch-response"));
	json_key(&w, S("entry"));
	json_array_begin(&w);
	struct json_iter it = json_iter(b->entries);
	while (json_next(&it)) {
		struct inside_answer got = {0};
		if (!run_entry(b, it.value, &got))
			got.status = 400;
		put_entry(&w, &got);
	}
	json_array_end(&w);
	json_object_end(&w);
	http_respond(b->x,
		     &(struct http_response){.status = 200, .content_type = S("application/fhir+json"), .body = &body});
	buf_done(&body);
}

bool cerner_batch(struct sandbox *s, struct http_exchange *x, enum face_host host)
{
	const struct http_request *r = http_request(x);
	struct str path = str_ends(r->path, S("/")) ? str_slice(r->path, 0, r->path.n - 1) : r->path;
	struct error err = {0};
	struct grant grant;
	if (s->o.vendor != EHR_CERNER || host == HOST_OPEN || !str_is(path, s->vendor->base_path) ||
	    !str_is(r->method, "POST"))
		return false;
	/* who may not is told by the face */
	if (s->smart &&
	    !smart_authorize(s->smart, r->arena, http_request_header(x, "Authorization"), NULL, &grant, &err))
		return false;
	const struct json *bundle = json_parse(r->arena, r->body, 0, &err), *entries = json_get(bundle, S("entry"));
	struct batch *b = ARENA_NEW(r->arena, struct batch);
	if (!bundle || !str_is(json_get_str(bundle, S("resourceType")), "Bundle"))
		refuse(x, 400, "structure", "The body must be a Bundle");
	else if (!str_is(json_get_str(bundle, S("type")), "batch"))
		refuse(x, 422, "not-supported", "Only bundles of type batch are supported");
	else if (json_size(entries) > ENTRIES_MOST)
		refuse(x, 422, "too-costly", "A batch has at most 100 entries");
	else if (!b)
		refuse(x, 500, "exception", "Out of memory");
	else {
		*b = (struct batch){s, x, host, entries};
		if (!work_start(s, run_batch, b))
			refuse(x, 503, "transient", "Too much is under way");
	}
	return true;
}
