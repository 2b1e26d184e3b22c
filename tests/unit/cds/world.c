/* A store, the services, an EHR beside them, and a client that calls; see world.h. */
#include "world.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

const char *request_text(struct arena *a, const char *hook, const char *more, const char *orders, const char *prefetch)
{
	struct str text = arena_printf(
		a,
		"{\"hook\":\"%s\",\"hookInstance\":\"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea\",%s\"context\":{\"userId\":"
		"\"Practitioner/7\",\"patientId\":\"1\"%s%s},\"prefetch\":{%s}}",
		hook, more, orders ? ",\"draftOrders\":" : "", orders ? orders : "", prefetch ? prefetch : "");
	return text.p;
}

/* ---- the EHR -------------------------------------------------------------------------------------------------------
 */

static struct str with_base(struct arena *a, const char *body, const char *base)
{
	struct str rest = str_from(body), out = S("");
	size_t at;
	while ((at = str_find(rest, S("%BASE%"))) != STR_NONE) {
		out = arena_printf(a, "%.*s%.*s%s", STR_ARG(out), STR_ARG(str_slice(rest, 0, at)), base);
		rest = str_slice(rest, at + 6, rest.n);
	}
	return arena_printf(a, "%.*s%.*s", STR_ARG(out), STR_ARG(rest));
}

static const struct ehr_answer *answer_to(const struct cds_world *w, struct str target)
{
	for (const struct ehr_answer *a = w->answers; a && a->holds; a++)
		if (str_find(target, str_from(a->holds)) != STR_NONE)
			return a;
	return NULL;
}

static pthread_mutex_t bearer_lock = PTHREAD_MUTEX_INITIALIZER;

static void answer_as_ehr(void *ctx, struct http_exchange *x)
{
	struct cds_world *w = ctx;
	const struct ehr_answer *a = answer_to(w, http_request_target(x));
	struct str bearer = http_request_header(x, "Authorization");
	struct buf body;
	__atomic_add_fetch(&w->asked, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&bearer_lock);
	snprintf(w->bearer, sizeof(w->bearer), "%.*s", STR_ARG(bearer.p ? bearer : S("")));
	pthread_mutex_unlock(&bearer_lock);
	if (a && a->sleep_ms)
		nanosleep(&(struct timespec){a->sleep_ms / 1000, a->sleep_ms % 1000 * 1000000L}, NULL);
	buf_init(&body, 64 << 20);
	buf_add(&body, with_base(http_request(x)->arena, a ? a->body : BUNDLE(""), w->fhir));
	http_respond(x, &(struct http_response){.status = a ? a->status : 200,
						.content_type = S("application/fhir+json"),
						.body = &body});
	buf_done(&body);
}

static void serve(void *ctx, struct http_exchange *x)
{
	struct cds_world *w = ctx;
	assert_true(cds_server_handle(w->cds, x));
}

static bool expect(void *ctx, struct http_exchange *x, struct http_expectation *expectation, struct error *err)
{
	struct cds_world *w = ctx;
	return cds_server_expect(w->cds, x, expectation, err);
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	http_respond(x, &(struct http_response){.status = error_http_status(err->code), .content_type = S("")});
}

static struct http_server *listen_as(struct cds_world *w, bool ehr, char *base, size_t size)
{
	struct error err = {0};
	const struct http_handler handler = {
		.handle = ehr ? answer_as_ehr : serve, .refuse = refuse, .expect = ehr ? NULL : expect, .ctx = w};
	/* One thread: whoever waits on it would be seen. */
	struct http_server *s =
		http_server_start(&(struct http_server_options){.threads = ehr ? 4 : 1}, &handler, &err);
	assert_non_null(s);
	snprintf(base, size, "http://127.0.0.1:%u", http_server_port(s));
	return s;
}

void cds_world_open(struct cds_world *w, struct fixture *f, const struct cds_server_options *options)
{
	struct error err = {0};
	struct cds_server_options o = options ? *options : (struct cds_server_options){.loopback = true};
	*w = (struct cds_world){.f = f};
	w->knowledge = knowledge_new(&f->arena, NULL, 0, &err);
	assert_non_null(w->knowledge);
	w->policy = policy_default();
	w->orders = (struct hook_orders_options){.knowledge = w->knowledge, .policy = &w->policy};
	w->ehr = listen_as(w, true, w->fhir, sizeof(w->fhir));
	w->http = listen_as(w, false, w->base, sizeof(w->base));
	o.store = f->store;
	o.base_url = str_from(w->base);
	if (!o.service_count) {
		o.services = w->services;
		o.service_count = cds_builtin_services(&w->orders, true, w->services, CDS_BUILTIN_MAX);
	}
	w->cds = cds_server_open(&o, &err);
	if (!w->cds)
		fail_msg("%s", err.text);
	w->client = http_client_new(NULL, &err);
	assert_non_null(w->client);
}

void cds_world_close(struct cds_world *w)
{
	http_client_free(w->client);
	http_server_stop(w->http);
	http_server_stop(w->ehr);
	cds_server_close(w->cds);
	knowledge_free(w->knowledge);
}

struct cds_reply cds_world_ask(struct cds_world *w, struct arena *a, const char *method, const char *path,
			       const char *body, const struct http_header *headers, size_t count)
{
	struct cds_reply reply = {0};
	struct error err = {0};
	const struct http_call call = {.method = str_from(method),
				       .url = arena_printf(a, "%s/cds-services%s", w->base, path),
				       .headers = headers,
				       .header_count = count,
				       .body = body ? str_from(body) : STR_NULL};
	if (!http_call(w->client, a, &call, &reply.http, &err))
		fail_msg("%s %s: %s", method, path, err.text);
	reply.status = reply.http.status;
	reply.json = json_parse(a, reply.http.body, 0, NULL);
	return reply;
}

struct cds_reply cds_world_call(struct cds_world *w, const char *service, const char *body)
{
	static const struct http_header type = {{"Content-Type", 12}, {"application/json", 16}};
	struct arena *a = &w->f->arena;
	return cds_world_ask(w, a, "POST", arena_printf(a, "/%s", service).p, body, &type, 1);
}
