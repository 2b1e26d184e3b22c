/*
 * Prefer: respond-async for any request (http://hl7.org/fhir/R4/async.html). The client gets 202 and a status URL at
 * once; a job runs the same request apart from its connection. The finished status is a batch-response Bundle of one
 * entry: the answer that the request would have had (http://hl7.org/fhir/async-bundle.html of R5, since R4 leaves the
 * form of other results than bulk data open).
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/encode.h"
#include "server/rest/rest_priv.h"

struct async {
	struct rest_call *call; /* lives in the exchange's arena; NULL once it runs */
	struct arena arena; /* of what was answered */
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool done;
	int status;
	struct str content_type, etag, location, last_modified;
	struct buf body;
};

/* ---- the request, apart ----------------------------------------------------------------------------------------- */

static void keep_header(struct async *w, const struct http_header *h)
{
	if (str_is(h->name, "ETag"))
		w->etag = arena_str(&w->arena, h->value);
	else if (str_is(h->name, "Location") || str_is(h->name, "Content-Location"))
		w->location = arena_str(&w->arena, h->value);
	else if (str_is(h->name, "Last-Modified"))
		w->last_modified = arena_str(&w->arena, h->value);
}

/* The answer, on whichever thread gives it: kept, and told to the worker that waits. */
static void take_answer(void *ctx, const struct http_response *response)
{
	struct async *w = ctx;
	w->status = response->status;
	w->content_type = arena_str(&w->arena, response->content_type.p ? response->content_type : S(""));
	for (size_t i = 0; i < response->header_count; i++)
		keep_header(w, &response->headers[i]);
	if (response->body && response->body->n) {
		w->body = *response->body;
		buf_init(response->body, response->body->max);
	}
	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->answered);
	pthread_mutex_unlock(&w->lock);
}

/* Results are kept as JSON and shown in the format that the status request asks for. */
static struct str without_format(struct arena *a, struct str query)
{
	struct str kept = S("");
	while (query.p) {
		struct str pair = str_split(&query, '&');
		if (str_starts(pair, S("_format=")) || str_starts(pair, S("_pretty=")) || !pair.n)
			continue;
		kept = kept.n ? arena_printf(a, "%.*s&%.*s", STR_ARG(kept), STR_ARG(pair)) : pair;
	}
	return kept;
}

static bool copy_headers(const struct rest_call *call, struct http_header **ret_headers, size_t *ret_count)
{
	size_t count = 0, kept = 0;
	struct http_header *headers = NULL;
	if (!http_request_headers(call->exchange, call->arena, &headers, &count))
		return false;
	struct http_header *copy = ARENA_ARRAY(call->arena, struct http_header, count + 1);
	for (size_t i = 0; copy && i < count; i++)
		if (!str_eq_nocase(headers[i].name, S("Accept")))
			copy[kept++] = headers[i];
	if (copy)
		copy[kept++] = (struct http_header){S("Accept"), S("application/fhir+json")};
	*ret_headers = copy;
	*ret_count = kept;
	return copy != NULL;
}

static void async_free(void *ctx)
{
	struct async *w = ctx;
	if (w->call) /* it never ran */
		http_respond(w->call->exchange, &(struct http_response){.status = 503});
	buf_done(&w->body);
	arena_done(&w->arena);
	pthread_cond_destroy(&w->answered);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* Authorization and everything else that can be refused at once is, with the token that is valid now. */
struct rest_call *call_apart(struct rest_call *call, void (*answered)(void *ctx, const struct http_response *response),
			     void *ctx, struct error *err)
{
	struct http_header *headers;
	struct http_apart apart = {.request = *call->request, .max_arena = call->server->o.limits.memory};
	if (!copy_headers(call, &headers, &apart.header_count)) {
		error_memory(err);
		return NULL;
	}
	apart.request.query = without_format(call->arena, apart.request.query);
	apart.request.file = -1;
	apart.headers = headers;
	apart.answered = answered;
	apart.ctx = ctx;
	struct http_exchange *x = http_exchange_apart(&apart, err);
	if (!x)
		return NULL;
	struct rest_answer ignored;
	answer_init(&ignored);
	struct rest_call *copy = call_begin(call->server, x, &ignored, err);
	buf_done(&ignored.body);
	if (copy && call_take_parameters(copy, err))
		return copy;
	http_respond(x, &(struct http_response){.status = 503});
	return NULL;
}

static struct async *async_new(struct rest_call *call, struct error *err)
{
	struct async *w = calloc(1, sizeof(*w));
	if (!w) {
		error_memory(err);
		return NULL;
	}
	arena_init(&w->arena, 1 << 20);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->answered, NULL);
	w->call = call_apart(call, take_answer, w, err);
	if (w->call)
		return w;
	async_free(w);
	return NULL;
}

/* ---- the job ---------------------------------------------------------------------------------------------------- */

static void put_resource(struct json_writer *w, const struct async *a)
{
	struct buf data;
	if (str_find(a->content_type, S("fhir+json")) != STR_NONE) {
		json_put_raw(w, buf_str(&a->body));
		return;
	}
	buf_init(&data, REST_MAX_ANSWER);
	encode_base64(&data, buf_str(&a->body));
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("Binary"));
	json_put_member(w, S("contentType"), a->content_type);
	json_put_member(w, S("data"), buf_str(&data));
	json_object_end(w);
	buf_done(&data);
}

static void write_result(const struct async *a, struct buf *out)
{
	int64_t modified;
	struct arena scratch;
	arena_init(&scratch, 4096);
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("Bundle"));
	json_put_member(&w, S("type"), S("batch-response"));
	json_key(&w, S("entry"));
	json_array_begin(&w);
	json_object_begin(&w);
	if (a->status < 400 && a->body.n) {
		json_key(&w, S("resource"));
		put_resource(&w, a);
	}
	json_key(&w, S("response"));
	json_object_begin(&w);
	json_put_member(&w, S("status"), arena_printf(&scratch, "%d %s", a->status, status_phrase(a->status)));
	if (a->location.p)
		json_put_member(&w, S("location"), a->location);
	if (a->etag.p)
		json_put_member(&w, S("etag"), a->etag);
	if (a->last_modified.p && http_date_parse(a->last_modified, &modified))
		json_put_member(&w, S("lastModified"), instant_text(&scratch, modified));
	if (a->status >= 400 && a->body.n) {
		json_key(&w, S("outcome"));
		json_put_raw(&w, buf_str(&a->body));
	}
	json_object_end(&w);
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
	arena_done(&scratch);
}

static void async_run(void *ctx, struct job *job)
{
	struct async *w = ctx;
	struct rest_call *call = w->call;
	struct buf out;
	w->call = NULL;
	call_go(call);
	pthread_mutex_lock(&w->lock);
	while (!w->done)
		pthread_cond_wait(&w->answered, &w->lock);
	pthread_mutex_unlock(&w->lock);
	buf_init(&out, 2 * REST_MAX_ANSWER);
	write_result(w, &out);
	job_finish(job, STR_NULL, buf_ok(&out) ? buf_str(&out) : S(""));
	buf_done(&out);
}

/* ---- asking for it ---------------------------------------------------------------------------------------------- */

bool async_preferred(const struct rest_call *call)
{
	struct str header = http_request_header(call->exchange, "Prefer");
	while (header.p) {
		struct str item = str_split(&header, ',');
		while (item.p)
			if (str_eq_nocase(str_trim(str_split(&item, ';')), S("respond-async")))
				return true;
	}
	return false;
}

bool async_wanted(const struct rest_call *call)
{
	enum rest_interaction i = call->interaction;
	if (!call->server->o.jobs || call->server->o.face || is_open(i) || i == REST_ASYNC_STATUS ||
	    i == REST_ASYNC_NOTES || i == REST_ASYNC_FILE || i == REST_ASYNC_CANCEL || i == REST_IMPORT ||
	    (call->operation && operation_starts_job(call->operation)))
		return false;
	return async_preferred(call);
}

bool rest_accept_job(struct rest_call *call, const struct job_work *work, struct rest_answer *answer, struct error *err)
{
	char id[JOB_ID_SIZE];
	const struct rest_face *face = call->server->o.face;
	struct audit_event event = audit_describe(call, 202, NULL);
	event.detail = S("asynchronous");
	if (!audit_take(call, &event, err) || !jobs_start(call->server->o.jobs, work, id, err))
		return false;
	answer->status = 202;
	rest_answer_header(answer, "Content-Location",
			   arena_printf(call->arena, "%.*s/%s/%.*s", STR_ARG(call->server->o.base_url),
					face && face->jobs_path ? face->jobs_path : "_async", JOB_ID_SIZE, id));
	rest_answer_header(answer, "Preference-Applied", S("respond-async"));
	return true;
}

bool async_start(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	struct async *w = async_new(call, err);
	if (!w)
		return false;
	const struct job_work work = {.run = async_run,
				      .free = async_free,
				      .ctx = w,
				      .owner = call_owner(call),
				      .bytes = call->request->body.n};
	if (rest_accept_job(call, &work, answer, err))
		return true;
	async_free(w);
	return false;
}

/* ---- its state -------------------------------------------------------------------------------------------------- */

static bool check_there(const struct rest_call *call, struct error *err)
{
	return call->server->o.jobs || error_set(err, ERR_NOT_FOUND, "This server takes no asynchronous requests");
}

bool async_status(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	struct job_state state;
	if (!check_there(call, err) ||
	    !jobs_look(call->server->o.jobs, call->arena, call->id, call_owner(call), &state, err))
		return false;
	if (state.phase == JOB_INTERRUPTED)
		return error_set(
			err, ERR_INTERRUPTED,
			"The server was stopped while this request ran or waited, or could not keep its result; "
			"what it changed before that is kept");
	bool ended = state.phase == JOB_DONE || state.phase == JOB_FAILED;
	answer->status = !ended ? 202 : state.phase == JOB_DONE ? 200 : 500;
	struct audit_event event = audit_describe(call, answer->status, NULL);
	if (!audit_take(call, &event, err))
		return false;
	if (ended) {
		rest_answer_header(answer, "Expires", http_date(call->arena, state.expires_ms));
		answer->content_type = state.content_type;
		buf_add(&answer->body, state.result);
	} else {
		rest_answer_header(answer, "Retry-After", S("1"));
		rest_answer_header(answer, "X-Progress",
				   state.progress.n		? state.progress
				   : state.phase == JOB_RUNNING ? S("running")
								: S("waiting for its turn"));
	}
	const struct rest_face *face = call->server->o.face;
	if (face && face->job)
		face->job(face->ctx, call, &state, answer);
	return true;
}

bool async_file(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	uint64_t number;
	const struct rest_face *face = call->server->o.face;
	if (!check_there(call, err))
		return false;
	if (!str_to_u64(call->version, &number))
		return error_set(err, ERR_NOT_FOUND, "This request has no such file");
	if (!jobs_file(call->server->o.jobs, call->id, call_owner(call), (size_t)number, &answer->file.fd,
		       &answer->file.size, err))
		return false;
	answer->has_file = true;
	answer->content_type = S("application/fhir+ndjson");
	struct audit_event event = audit_describe(call, 200, NULL);
	if (!audit_take(call, &event, err)) {
		answer_forget_file(answer);
		return false;
	}
	if (face && face->file && !face->file(face->ctx, call, (size_t)number, answer))
		answer_forget_file(answer);
	return true;
}

bool async_notes(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	struct str notes;
	struct audit_event event = audit_describe(call, 200, NULL);
	if (!check_there(call, err) ||
	    !jobs_notes(call->server->o.jobs, call->arena, call->id, call_owner(call), &notes, err) ||
	    !audit_take(call, &event, err))
		return false;
	answer->content_type = S("application/fhir+ndjson");
	buf_add(&answer->body, notes);
	return true;
}

bool async_cancel(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	if (!check_there(call, err) || !jobs_cancel(call->server->o.jobs, call->id, call_owner(call), err))
		return false;
	struct audit_event event = audit_describe(call, 202, NULL);
	const struct rest_face *face = call->server->o.face;
	answer->status = 202;
	if (face && face->job)
		face->job(face->ctx, call, NULL, answer);
	return audit_take(call, &event, err);
}
