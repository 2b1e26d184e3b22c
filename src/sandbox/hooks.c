/*
 * Calling a service: Epic by a record that somebody filled in, with a JWT; Cerner by the service's discovery, as the
 * specification has it. And /sandbox/hooks, where people and programs ask for a call. A call may come back to this
 * server for data, so it is made on a thread of its own.
 */
#include "sandbox/orders_priv.h"
#include "sandbox/sheet_priv.h"
#include "sandbox/work_priv.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "http/client.h"
#include "jose/jose.h"

enum { TIMEOUT_MS = 10000, FEEDBACK_MAX = 1 << 20 };

/* ---- what is asked for ------------------------------------------------------------------------------------------- */

static bool find_hook(struct str name, enum hook *ret_hook)
{
	for (enum hook i = 0; i < HOOK_COUNT; i++) {
		if (str_is(name, hook_name(i))) {
			*ret_hook = i;
			return true;
		}
	}
	return false;
}

bool hooks_wish_read(struct arena *a, const struct json *j, struct hook_wish *ret_wish, struct error *err)
{
	struct hook_wish wish = {.service = json_get_str(j, S("service")),
				 .id = json_get_str(j, S("id")),
				 .patient = json_get_str(j, S("patient")),
				 .encounter = json_get_str(j, S("encounter")),
				 .user = json_get_str(j, S("user")),
				 .client_id = json_get_str(j, S("client_id")),
				 .prefetch = json_get(j, S("prefetch")),
				 .orders = json_get(j, S("orders"))};
	(void)a;
	if (!json_is(j, JSON_OBJECT) || !find_hook(json_get_str(j, S("hook")), &wish.hook))
		return error_set(err, ERR_VALUE, "hook must be patient-view, order-select or order-sign");
	if (!str_starts(wish.service, S("http://")) && !str_starts(wish.service, S("https://")))
		return error_set(err, ERR_VALUE, "service must be the URL of a CDS service");
	if (!wish.patient.n)
		return error_set(err, ERR_VALUE, "patient must be the id of a patient of this sandbox");
	if (wish.prefetch && !json_is(wish.prefetch, JSON_OBJECT))
		return error_set(err, ERR_VALUE, "prefetch must be an object of queries");
	if (wish.orders && (!json_is(wish.orders, JSON_ARRAY) || json_size(wish.orders) > HOOKS_ORDERS))
		return error_set(err, ERR_VALUE, "orders must be a list of at most %d resources or references",
				 HOOKS_ORDERS);
	if (wish.encounter.p && !wish.encounter.n)
		wish.encounter = STR_NULL;
	*ret_wish = wish;
	return true;
}

/* ---- Epic's signature -------------------------------------------------------------------------------------------- */

const struct jose_key *hooks_key(struct sandbox *s, struct error *err)
{
	pthread_mutex_lock(&s->lock);
	if (!s->hooks_key)
		s->hooks_key = jose_key_new(JOSE_RS384, err);
	const struct jose_key *key = s->hooks_key;
	pthread_mutex_unlock(&s->lock);
	return key;
}

bool hooks_keys_answer(struct sandbox *s, struct http_exchange *x)
{
	struct error err = {0};
	const struct jose_key *key = hooks_key(s, &err);
	struct buf body;
	buf_init(&body, 1 << 16);
	bool ok = key && jose_key_write_public_set(key, &body, &err);
	http_respond(x, &(struct http_response){
				.status = ok ? 200 : 500, .content_type = S("application/json"), .body = &body});
	buf_done(&body);
	return true;
}

bool hooks_jwt(struct sandbox *s, struct arena *a, struct str url, struct str client_id, struct str *ret_header,
	       struct error *err)
{
	enum { BEFORE_S = 300, AFTER_S = 900 };
	const struct jose_key *key = hooks_key(s, err);
	char jti[UUID_SIZE];
	int64_t now = clock_now_ms() / 1000;
	struct buf claims, token;
	if (!key)
		return false;
	random_uuid(jti);
	buf_init(&claims, 1 << 16);
	buf_init(&token, 1 << 17);
	hook_claims_write(&claims, &(struct hook_claims){.issuer = s->fhir_base,
							 .audience = url,
							 .subject = client_id,
							 .issued_s = now,
							 .not_before_s = now - BEFORE_S,
							 .expires_s = now + AFTER_S,
							 .id = str_make(jti, UUID_SIZE)});
	struct str jku = arena_printf(a, "%.*s" EPIC_HOOKS_KEYS_PATH, STR_ARG(s->o.base_url));
	bool ok = jku.p && jose_sign_linked(key, jku, buf_str(&claims), &token, err);
	if (ok)
		*ret_header = arena_printf(a, "Bearer %.*s", STR_ARG(buf_str(&token)));
	buf_done(&claims);
	buf_done(&token);
	return ok && (ret_header->p || error_memory(err));
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static bool send(struct http_client *client, struct hook_run *run, const struct http_call *call,
		 struct http_answer *answer)
{
	struct error err = {0};
	int64_t began = clock_now_ms();
	if (!http_call(client, run->a, call, answer, &err)) {
		run->failure = arena_str(run->a, str_from(err.text));
		return false;
	}
	run->took_ms = clock_now_ms() - began;
	return true;
}

/* The service that the wish means, out of discovery (CDS Hooks 2.0, "Discovery"). */
static const struct json *discovered(struct http_client *client, struct hook_run *run, struct hook_address at,
				     struct error *err)
{
	struct http_answer answer = {0};
	struct error ignored = {0};
	const struct http_header accept = {S("Accept"), S("application/json")};
	struct str url = arena_printf(run->a, "%.*s/cds-services", STR_ARG(at.base)),
		   id = run->wish->id.n ? run->wish->id : at.service;
	if (!send(client, run, &(struct http_call){S("GET"), url, &accept, 1, STR_NULL, NULL}, &answer)) {
		error_set(err, ERR_NETWORK, "Discovery: %.*s", STR_ARG(run->failure));
		return NULL;
	}
	run->discovery = answer.body;
	const struct json *j = answer.status == 200 ? json_parse(run->a, answer.body, 0, &ignored) : NULL,
			  *service = hook_service_find(j, id, str_from(hook_name(run->wish->hook)));
	if (!service)
		error_set(err, ERR_VALUE, "Discovery at /cds-services answered %d and tells of no service for %s",
			  answer.status, hook_name(run->wish->hook));
	return service;
}

static bool take_service(struct hook_run *run, struct hook_address at, const struct json *service,
			 const struct json **prefetch, struct error *err)
{
	run->url = arena_printf(run->a, "%.*s/cds-services/%.*s", STR_ARG(at.base),
				STR_ARG(json_get_str(service, S("id"))));
	if (!*prefetch)
		*prefetch = json_get(service, S("prefetch"));
	return run->url.p || error_memory(err);
}

/* Whom it goes to, and what goes along. At Epic somebody has typed both in, after a look at discovery if need be. */
static bool aim(struct sandbox *s, struct http_client *client, struct hook_run *run, const struct json **ret_prefetch,
		struct error *err)
{
	struct hook_address at = hook_address(run->wish->service);
	struct error ignored = {0};
	bool epic = s->o.vendor == EHR_EPIC, asks = !epic || run->wish->ask_discovery;
	const struct json *service = asks ? discovered(client, run, at, epic ? &ignored : err) : NULL;
	*ret_prefetch = run->wish->prefetch;
	run->url = run->wish->service;
	if (!service && !epic)
		return false;
	if (service && !take_service(run, at, service, ret_prefetch, err))
		return false;
	run->failure = STR_NULL;
	return !epic || hooks_jwt(s, run->a, run->url, run->wish->client_id.n ? run->wish->client_id : S("none"),
				  &run->authorization, err);
}

static void call_service(struct http_client *client, struct hook_run *run)
{
	struct error ignored = {0};
	struct http_answer answer = {0};
	const struct http_header headers[] = {{S("Content-Type"), S("application/json")},
					      {S("Accept"), S("application/json")},
					      {S("Authorization"), run->authorization}};
	const struct http_call call = {S("POST"), run->url, headers, run->authorization.p ? 3 : 2, run->body, NULL};
	if (!send(client, run, &call, &answer))
		return;
	run->status = answer.status;
	run->answer = answer.body;
	run->content_type = answer.content_type;
	run->json = json_parse(run->a, answer.body, 0, &ignored);
	if (run->json && !json_is(run->json, JSON_OBJECT))
		run->json = NULL;
}

bool hooks_tell(struct sandbox *s, struct arena *a, const struct hook_run *run, const struct hook_outcome *outcomes,
		size_t count, struct hook_run *ret_told, struct error *err)
{
	struct error ignored = {0};
	struct buf body;
	struct http_client *client = http_client_new(
		&(struct http_client_options){.timeout_ms = TIMEOUT_MS, .max_body = HOOKS_ANSWER_MAX}, err);
	*ret_told = (struct hook_run){.a = a, .wish = run->wish, .judged = {.a = a}};
	ret_told->url = arena_printf(a, "%.*s/feedback", STR_ARG(run->url));
	buf_init(&body, FEEDBACK_MAX);
	hook_feedback_write(&body, outcomes, count);
	ret_told->body = buf_ok(&body) ? arena_str(a, buf_str(&body)) : STR_NULL;
	buf_done(&body);
	bool ok = client && (ret_told->body.p || error_memory(err));
	if (ok && s->o.vendor == EHR_EPIC)
		ok = hooks_jwt(s, a, ret_told->url, run->wish->client_id.n ? run->wish->client_id : S("none"),
			       &ret_told->authorization, err);
	if (ok) {
		call_service(client, ret_told);
		judge_feedback(&ret_told->judged, json_parse(a, ret_told->body, 0, &ignored));
		judge_feedback_reply(&ret_told->judged,
				     &(struct judge_reply){.status = ret_told->status, .failure = ret_told->failure});
	}
	http_client_free(client);
	return ok;
}

static struct hook_wish with_user(const struct sandbox *s, const struct hook_wish *wish)
{
	struct hook_wish whole = *wish;
	if (!whole.user.n)
		whole.user = s->o.vendor == EHR_EPIC ? S("Practitioner/eM5CWtq15N0WJeuCet5bJlQ3")
						     : S("Practitioner/12742069");
	return whole;
}

bool hooks_run(struct sandbox *s, struct arena *a, const struct hook_wish *wish, struct hook_run *ret_run,
	       struct error *err)
{
	struct hook_wish *whole = ARENA_NEW(a, struct hook_wish);
	const struct json *prefetch;
	struct buf body;
	if (!whole)
		return error_memory(err);
	*whole = with_user(s, wish);
	*ret_run = (struct hook_run){.a = a, .wish = whole};
	ret_run->judged = (struct judgement){
		.a = a, .epic = s->o.vendor == EHR_EPIC, .epic_system_actions = released(s, "2024-02")};
	if (behaves(s, BEHAVIOUR_CDS_HOOKS, "off"))
		return error_set(err, ERR_NOT_SUPPORTED,
				 "This vendor has no published CDS Hooks; --behaviour cds-hooks=on makes a site that "
				 "calls services as the specification has it");
	struct http_client *client = http_client_new(
		&(struct http_client_options){.timeout_ms = TIMEOUT_MS, .max_body = HOOKS_ANSWER_MAX}, err);
	if (!client)
		return false;
	buf_init(&body, (size_t)64 << 20);
	bool ok = aim(s, client, ret_run, &prefetch, err) && hooks_request(s, ret_run, prefetch, &body, err);
	ret_run->body = ok ? arena_str(a, buf_str(&body)) : STR_NULL;
	if (ok) {
		call_service(client, ret_run);
		judge_answer(&ret_run->judged, &(struct judge_reply){.status = ret_run->status,
								     .failure = ret_run->failure,
								     .content_type = ret_run->content_type,
								     .body = ret_run->json,
								     .took_ms = ret_run->took_ms});
	}
	buf_done(&body);
	http_client_free(client);
	return ok;
}

/* ---- answers of programs ----------------------------------------------------------------------------------------- */

static void put_run(struct json_writer *w, const struct hook_run *run)
{
	json_object_begin(w);
	json_key(w, S("request"));
	json_object_begin(w);
	json_put_member(w, S("url"), run->url);
	json_put_member(w, S("authorization"), run->authorization);
	json_key(w, S("body"));
	json_put_raw(w, run->body);
	json_object_end(w);
	json_key(w, S("answer"));
	json_object_begin(w);
	json_key(w, S("status"));
	json_put_i64(w, run->status);
	json_key(w, S("milliseconds"));
	json_put_i64(w, run->took_ms);
	json_put_member(w, S("failure"), run->failure);
	if (run->json) {
		json_key(w, S("body"));
		json_put_value(w, run->json);
	} else {
		json_put_member(w, S("text"), str_slice(run->answer, 0, 4000));
	}
	json_object_end(w);
	judge_write_findings(w, &run->judged);
	json_object_end(w);
}

static void respond(struct http_exchange *x, int status, struct buf *body)
{
	const struct http_header header = {S("Cache-Control"), S("no-store")};
	http_respond(x, &(struct http_response){.status = status,
						.content_type = S("application/json"),
						.headers = &header,
						.header_count = 1,
						.body = body});
	buf_done(body);
}

/* ---- a call on its own thread ------------------------------------------------------------------------------------ */

struct calling {
	struct sandbox *s;
	struct http_exchange *x;
	struct hook_wish wish;
	bool page;
};

static void work(struct calling *c)
{
	struct arena *a = http_request(c->x)->arena;
	struct hook_run *run = ARENA_NEW(a, struct hook_run);
	struct error err = {0};
	bool ok = run ? hooks_run(c->s, a, &c->wish, run, &err) : error_memory(&err);
	if (c->page) {
		hooks_page(c->s, c->x, &c->wish, ok ? run : NULL, ok ? STR_NULL : str_from(err.text));
		return;
	}
	if (!ok) {
		admin_refuse(c->x, err.code == ERR_NOT_SUPPORTED ? 409 : 400, str_from(err.text));
		return;
	}
	struct buf body;
	buf_init(&body, (size_t)80 << 20);
	struct json_writer w = json_writer(&body);
	put_run(&w, run);
	respond(c->x, 200, &body);
}

static void run_call(void *arg)
{
	struct calling *c = arg;
	work(c);
	free(c);
}

static void start(struct sandbox *s, struct http_exchange *x, const struct hook_wish *wish, bool page)
{
	struct calling *c = malloc(sizeof(*c));
	if (c)
		*c = (struct calling){s, x, *wish, page};
	if (c && work_start(s, run_call, c))
		return;
	free(c);
	admin_refuse(x, 503, S("Too much is under way."));
}

void hooks_close(struct sandbox *s)
{
	orders_close(s);
	jose_key_free(s->hooks_key);
	jose_key_free(s->token_key);
}

/* ---- the address ------------------------------------------------------------------------------------------------- */

void hooks_prefetch_lines(struct json_writer *w, struct str lines)
{
	json_object_begin(w);
	for (struct str rest = lines; rest.p;) {
		struct str query = str_trim(str_split(&rest, '\n')), key = str_trim(str_split(&query, '='));
		if (key.n && query.p)
			json_put_member(w, key, str_trim(query));
	}
	json_object_end(w);
}

static const struct json *form_wish(struct arena *a, struct str form, struct error *err)
{
	static const char *const names[] = {"hook", "service", "patient", "encounter", "user", "client_id"};
	struct buf out;
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct str text = sheet_value(a, form, names[i]);
		if (text.n)
			json_put_member(&w, str_from(names[i]), text);
	}
	if (sheet_value(a, form, "prefetch").n)
		hooks_prefetch_lines((json_key(&w, S("prefetch")), &w), sheet_value(a, form, "prefetch"));
	json_object_end(&w);
	const struct json *j = json_parse(a, arena_str(a, buf_str(&out)), 0, err);
	buf_done(&out);
	return j;
}

static void post(struct sandbox *s, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	struct str type = http_request_header(x, "Content-Type");
	bool form = str_starts(type, S("application/x-www-form-urlencoded"));
	struct hook_wish wish = {0};
	struct error err = {0};
	/* A form may come from any page that the person has open; only ours may send one. */
	if (form ? !sheet_is_ours(x, s->o.base_url) : !str_starts(type, S("application/json"))) {
		admin_refuse(x, 403, S("Calls are asked for as JSON, or by the form of this page."));
		return;
	}
	const struct json *j = form ? form_wish(r->arena, r->body, &err) : json_parse(r->arena, r->body, 0, &err);
	if (j && hooks_wish_read(r->arena, j, &wish, &err))
		start(s, x, &wish, form);
	else if (form)
		hooks_page(s, x, &wish, NULL, str_from(err.text));
	else
		admin_refuse(x, 400, str_from(err.text));
}

void hooks_handle(struct sandbox *s, struct http_exchange *x)
{
	static const struct hook_wish nothing = {0};
	const struct http_request *r = http_request(x);
	if (str_is(r->method, "GET"))
		hooks_page(s, x, &nothing, NULL, STR_NULL);
	else if (str_is(r->method, "POST"))
		post(s, x);
	else
		admin_refuse(x, 405, S("GET shows a page, POST calls a service."));
}
