/* The transport of an EHR client with a recording beside it. */
#include <stdlib.h>

#include "base/clock.h"
#include "record/record_priv.h"

struct record_transport {
	struct ehr_transport transport;
	struct record *record;
	struct http_client *http;
};

static bool call(void *ctx, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
		 struct error *err)
{
	struct record_transport *t = ctx;
	struct error failure = {0};
	int64_t started_ms = clock_now_ms();
	uint64_t started_ns = clock_monotonic_ns();
	bool ok = http_call(t->http, a, call, ret_answer, &failure);
	const struct record_exchange exchange = {
		.method = call->method,
		.url = call->url,
		.headers = call->headers,
		.header_count = call->header_count,
		.body = call->body,
		.answer = ok ? ret_answer : NULL,
		.body_elsewhere = ok && call->into && ret_answer->status == 200,
		.failure = str_from(failure.text),
		.started_ms = started_ms,
		.duration_ns = clock_monotonic_ns() - started_ns,
	};
	if (!record_add(t->record, &exchange, err))
		return false;
	if (!ok && err)
		*err = failure;
	return ok;
}

struct record_transport *record_transport_new(struct record *r, unsigned timeout_ms, struct error *err)
{
	struct record_transport *t = calloc(1, sizeof(*t));
	if (!t) {
		error_memory(err);
		return NULL;
	}
	t->transport = (struct ehr_transport){.call = call, .ctx = t};
	t->record = r;
	t->http = http_client_new(&(struct http_client_options){.timeout_ms = timeout_ms}, err);
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
