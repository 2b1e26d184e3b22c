/* The transport of an EHR client with a recording beside it. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/record_priv.h"

struct record_transport {
	struct ehr_transport transport;
	struct record *record;
	struct http_client *http;
};

/* A body that went to a file, read back when it is small enough for a recording; otherwise an empty one. */
static struct buf body_of_file(const struct record_transport *t, const struct http_file *into)
{
	struct buf body;
	struct stat state;
	size_t most = record_max_body(t->record);
	buf_init(&body, most);
	if (fstat(into->fd, &state) != 0 || state.st_size <= 0 || (size_t)state.st_size > most)
		return body;
	char *p = buf_reserve(&body, (size_t)state.st_size);
	bool whole = p && pread(into->fd, p, (size_t)state.st_size, 0) == (ssize_t)state.st_size;
	body.n = whole ? (size_t)state.st_size : 0;
	return body;
}

static bool call_over(void *ctx, struct http_client *http, struct arena *a, const struct http_call *call,
		      struct http_answer *ret_answer, struct error *err)
{
	struct record_transport *t = ctx;
	struct error failure = {0};
	int64_t started_ms = clock_now_ms();
	uint64_t started_ns = clock_monotonic_ns();
	bool ok = http_call(http, a, call, ret_answer, &failure);
	struct http_answer shown = ok ? *ret_answer : (struct http_answer){0};
	bool in_file = ok && call->into && shown.status == 200;
	struct buf file = {0};
	if (in_file) {
		file = body_of_file(t, call->into);
		shown.body = buf_str(&file);
	}
	const struct record_exchange exchange = {
		.method = call->method,
		.url = call->url,
		.headers = call->headers,
		.header_count = call->header_count,
		.body = call->body,
		.answer = ok ? &shown : NULL,
		.body_elsewhere = in_file && !shown.body.n,
		.failure = str_from(failure.text),
		.started_ms = started_ms,
		.duration_ns = clock_monotonic_ns() - started_ns,
	};
	bool kept = record_add(t->record, &exchange, err);
	buf_done(&file);
	if (!kept)
		return false;
	if (!ok && err)
		*err = failure;
	return ok;
}

static bool call(void *ctx, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
		 struct error *err)
{
	struct record_transport *t = ctx;
	return call_over(t, t->http, a, call, ret_answer, err);
}

struct record_transport *record_transport_new(struct record *r, const struct http_client_options *http,
					      struct error *err)
{
	struct record_transport *t = calloc(1, sizeof(*t));
	if (!t) {
		error_memory(err);
		return NULL;
	}
	t->transport = (struct ehr_transport){.call = call, .call_over = call_over, .ctx = t};
	t->record = r;
	t->http = http_client_new(http, err);
	if (t->http)
		return t;
	free(t);
	return NULL;
}

const struct ehr_transport *record_transport(const struct record_transport *t)
{
	return &t->transport;
}

void record_transport_free(struct record_transport *t)
{
	if (!t)
		return;
	http_client_free(t->http);
	free(t);
}
