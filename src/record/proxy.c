/*
 * A reverse proxy that an app is pointed at instead of its EHR. Each host of the EHR is one port here, so that paths,
 * links between pages and cookies stay as they are; the first is that of the FHIR base, others are those that discovery
 * documents, redirects of the EHR and bulk manifests name. Addresses are moved in both directions, as text.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "record/record_priv.h"

enum { SIDES_MAX = 8, CLIENTS_MAX = 16 };

/* A host of the EHR and the port that stands for it. */
struct side {
	struct record_proxy *proxy;
	struct str origin; /* theirs */
	struct str here;
	struct http_server *server;
	bool oauth; /* named as an endpoint of authorization only */
};

struct record_proxy {
	struct record_proxy_options options;
	struct arena arena; /* under lock, like everything below */
	pthread_mutex_t lock;
	struct side sides[SIDES_MAX];
	size_t side_count;
	struct http_client *clients[CLIENTS_MAX]; /* idle ones */
	size_t client_count;
	struct str base; /* here */
	struct str their_base;
	struct error trouble;
};

/* ---- sides ------------------------------------------------------------------------------------------------------ */

static void handle(void *ctx, struct http_exchange *x);

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	http_respond(x,
		     &(struct http_response){.status = error_http_status(err->code), .content_type = S("text/plain")});
}

static bool side_start(struct side *s, uint16_t port, struct error *err)
{
	const struct http_handler handler = {.handle = handle, .refuse = refuse, .ctx = s};
	const struct http_server_options options = {
		.port = port, .max_header = 64 << 10, .threads = 4, .pack_from = SIZE_MAX};
	s->server = http_server_start(&options, &handler, err);
	if (!s->server)
		return false;
	s->here = arena_printf(&s->proxy->arena, "http://127.0.0.1:%u", http_server_port(s->server));
	return s->here.p ? true : error_memory(err);
}

/* Under the lock. Full or out of memory: the host is left as it is. */
static void side_add(struct record_proxy *p, struct str origin, bool oauth)
{
	struct error err = {0};
	for (size_t i = 0; i < p->side_count; i++)
		if (str_eq(p->sides[i].origin, origin) || str_eq(p->sides[i].here, origin))
			return;
	if (p->side_count == SIDES_MAX)
		return;
	struct side *s = &p->sides[p->side_count];
	*s = (struct side){.proxy = p, .origin = arena_str(&p->arena, origin), .oauth = oauth};
	if (s->origin.p && side_start(s, 0, &err))
		p->side_count++;
	else if (s->server)
		http_server_stop(s->server);
}

static void side_of_url(struct record_proxy *p, struct str url, bool oauth)
{
	struct place place;
	if (place_of(url, &place))
		side_add(p, place.origin, oauth);
}

/* Hosts that a document names as the EHR's own. */
static void learn_members(struct record_proxy *p, const struct json *j)
{
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		bool keys = str_is(it.key, "jwks_uri"), endpoint = str_ends(it.key, S("_endpoint"));
		if ((keys || endpoint) && json_is(it.value, JSON_STRING))
			side_of_url(p, json_str(it.value), true);
	}
}

/* CapabilityStatement.rest.security.extension: http://hl7.org/fhir/smart-app-launch/ "oauth-uris". */
static void learn_uris(struct record_proxy *p, const struct json *j)
{
	struct json_iter it =
		json_iter(json_get(json_get(json_at(json_get(j, S("rest")), 0), S("security")), S("extension")));
	while (json_next(&it)) {
		struct json_iter inner = json_iter(json_get(it.value, S("extension")));
		while (json_next(&inner))
			side_of_url(p, json_get_str(inner.value, S("valueUri")), true);
	}
}

static void learn_files(struct record_proxy *p, const struct json *j)
{
	static const char *const lists[] = {"output", "deleted", "error"};
	for (size_t i = 0; json_get(j, S("transactionTime")) && i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct json_iter it = json_iter(json_get(j, str_from(lists[i])));
		while (json_next(&it))
			side_of_url(p, json_get_str(it.value, S("url")), false);
	}
}

/* A file that another host has: Oracle Health leads there from the addresses of a manifest. Answers to apps are 302. */
static void learn_redirect(struct record_proxy *p, const struct http_answer *answer)
{
	pthread_mutex_lock(&p->lock);
	if (answer->status == 307 || answer->status == 308)
		side_of_url(p, http_answer_header(answer, "Location"), false);
	pthread_mutex_unlock(&p->lock);
}

static void learn(struct record_proxy *p, struct arena *a, const struct http_answer *answer)
{
	struct error ignored = {0};
	learn_redirect(p, answer);
	bool json = str_find(answer->content_type, S("json")) != STR_NONE;
	bool may = str_find(answer->body, S("_endpoint")) != STR_NONE ||
		   str_find(answer->body, S("CapabilityStatement")) != STR_NONE ||
		   str_find(answer->body, S("transactionTime")) != STR_NONE;
	const struct json *j = json && may ? json_parse(a, answer->body, 0, &ignored) : NULL;
	if (!j)
		return;
	pthread_mutex_lock(&p->lock);
	learn_members(p, j);
	learn_uris(p, j);
	learn_files(p, j);
	pthread_mutex_unlock(&p->lock);
}

/* ---- moving addresses -------------------------------------------------------------------------------------------- */

struct moves {
	struct str from[SIDES_MAX], to[SIDES_MAX];
	size_t count;
};

static void moves_add(struct moves *m, struct str from, struct str to)
{
	m->from[m->count] = from;
	m->to[m->count++] = to;
}

/* outward: in what the app sends. */
static void moves_take(struct record_proxy *p, bool outward, struct moves *ret_moves)
{
	*ret_moves = (struct moves){0};
	pthread_mutex_lock(&p->lock);
	bool base_only = !outward && p->options.rewrite == RECORD_REWRITE_FHIR;
	if (base_only)
		moves_add(ret_moves, p->their_base, p->base);
	for (size_t i = base_only; i < p->side_count && (outward || p->options.rewrite != RECORD_REWRITE_NONE); i++) {
		struct side *s = &p->sides[i];
		if (outward)
			moves_add(ret_moves, s->here, s->origin);
		else if (!base_only || !s->oauth)
			moves_add(ret_moves, s->origin, s->here);
	}
	pthread_mutex_unlock(&p->lock);
}

static struct str moved(struct arena *a, const struct moves *m, struct str text)
{
	for (size_t i = 0; i < m->count && text.p; i++)
		text = place_move(a, text, m->from[i], m->to[i]);
	return text;
}

/* ---- one exchange ------------------------------------------------------------------------------------------------ */

static struct http_client *client_take(struct record_proxy *p, struct error *err)
{
	pthread_mutex_lock(&p->lock);
	struct http_client *client = p->client_count ? p->clients[--p->client_count] : NULL;
	pthread_mutex_unlock(&p->lock);
	return client ? client
		      : http_client_new(&(struct http_client_options){.timeout_ms = p->options.timeout_ms,
								      .tls = p->options.tls},
					err);
}

static void client_give(struct record_proxy *p, struct http_client *client)
{
	pthread_mutex_lock(&p->lock);
	bool keep = client && p->client_count < CLIENTS_MAX;
	if (keep)
		p->clients[p->client_count++] = client;
	pthread_mutex_unlock(&p->lock);
	if (!keep)
		http_client_free(client);
}

/* Of one connection only (RFC 9110 section 7.6.1), or made anew for the next one. */
static const char *const hop_headers[] = {"Connection",
					  "Keep-Alive",
					  "Proxy-Authenticate",
					  "Proxy-Authorization",
					  "Proxy-Connection",
					  "TE",
					  "Trailer",
					  "Transfer-Encoding",
					  "Upgrade",
					  "Content-Length",
					  "Content-Encoding",
					  "Host",
					  "Accept-Encoding",
					  "Expect",
					  "Strict-Transport-Security",
					  "Alt-Svc"};

/* A cookie of https goes over http here, to a host of another name. */
static struct str open_cookie(struct arena *a, struct str value)
{
	struct buf out;
	buf_init(&out, value.n + 64);
	for (bool first = true; value.p; first = false) {
		struct str part = str_trim(str_split(&value, ';')), rest = part, name = str_split(&rest, '=');
		if (!first && (str_eq_nocase(part, S("Secure")) || str_eq_nocase(name, S("Domain")) ||
			       str_eq_nocase(part, S("SameSite=None"))))
			continue;
		buf_printf(&out, "%s%.*s", first ? "" : "; ", STR_ARG(part));
	}
	struct str result = arena_str(a, buf_str(&out));
	buf_done(&out);
	return result;
}

/* An answer to the app itself names the issuer of the tokens (RFC 9207), which stays what the tokens say; a launch
 * names the FHIR server, which the app shall reach by way of here. */
static bool leads_to_app(const struct moves *m, struct str location)
{
	struct place place;
	if (!place_of(location, &place))
		return false;
	for (size_t i = 0; i < m->count; i++)
		if (str_starts(m->from[i], place.origin))
			return false;
	return str_find(place.query, S("launch=")) == STR_NONE;
}

/* The issuer is a name: tokens are signed with it. */
static struct str moved_body(struct arena *a, const struct moves *m, struct str text)
{
	size_t at = str_find(text, S("\"issuer\""));
	size_t from = at == STR_NONE ? STR_NONE : str_find_char(text, '"', at + 8);
	size_t to = from == STR_NONE ? STR_NONE : str_find_char(text, '"', from + 1);
	if (to == STR_NONE)
		return moved(a, m, text);
	struct str head = moved(a, m, str_slice(text, 0, from)), tail = moved(a, m, str_slice(text, to, text.n));
	struct str issuer = str_slice(text, from, to);
	return head.p && tail.p ? arena_printf(a, "%.*s%.*s%.*s", STR_ARG(head), STR_ARG(issuer), STR_ARG(tail))
				: STR_NULL;
}

static struct http_header *headers_moved(struct arena *a, const struct moves *m, const struct http_header *headers,
					 size_t count, bool outward, size_t *ret_count)
{
	struct http_header *out = ARENA_ARRAY(a, struct http_header, count + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < count; i++) {
		struct str name = headers[i].name, value = headers[i].value;
		bool type = !outward && str_eq_nocase(name, S("Content-Type"));
		bool own = !outward && (str_eq_nocase(name, S("Date")) || str_eq_nocase(name, S("X-Request-Id")));
		if (NAME_IS_ONE_OF(name, hop_headers) || type || own)
			continue;
		if (!outward && str_eq_nocase(name, S("Set-Cookie")))
			value = open_cookie(a, value);
		if (outward || !str_eq_nocase(name, S("Location")) || !leads_to_app(m, value))
			value = moved(a, m, value);
		if (value.p)
			out[n++] = (struct http_header){name, value};
	}
	*ret_count = n;
	return out;
}

static void note_trouble(struct record_proxy *p, const struct error *err)
{
	pthread_mutex_lock(&p->lock);
	if (p->trouble.code == ERR_NONE)
		p->trouble = *err;
	pthread_mutex_unlock(&p->lock);
}

static bool make_call(struct side *s, struct http_exchange *x, struct http_call *ret_call, struct error *err)
{
	struct record_proxy *p = s->proxy;
	const struct http_request *request = http_request(x);
	struct http_header *headers;
	struct moves out;
	size_t count;
	if (!http_request_headers(x, request->arena, &headers, &count))
		return error_memory(err);
	moves_take(p, true, &out);
	struct str target = moved(request->arena, &out, http_request_target(x));
	struct str body = request->body.n ? moved(request->arena, &out, request->body) : STR_NULL;
	*ret_call = (struct http_call){
		.method = request->method,
		.url = arena_printf(request->arena, "%.*s%.*s", STR_ARG(s->origin), STR_ARG(target)),
		.headers = headers_moved(request->arena, &out, headers, count, true, &count),
		.header_count = count,
		.body = body,
	};
	ret_call->header_count = count;
	return ret_call->url.p && ret_call->headers && (body.p || !request->body.n) ? true : error_memory(err);
}

static void respond(struct side *s, struct http_exchange *x, const struct http_answer *answer)
{
	struct arena *a = http_request(x)->arena;
	struct moves in;
	struct buf body;
	size_t count = 0;
	moves_take(s->proxy, false, &in);
	struct str type = answer->content_type.p ? answer->content_type : S("");
	bool text = str_find(type, S("json")) != STR_NONE || str_find(type, S("xml")) != STR_NONE ||
		    str_starts(type, S("text/"));
	struct str sent = text ? moved_body(a, &in, answer->body) : answer->body;
	struct http_header *headers = headers_moved(a, &in, answer->headers, answer->header_count, false, &count);
	buf_init(&body, SIZE_MAX);
	buf_add(&body, sent);
	bool ok = buf_ok(&body) && sent.p && headers;
	http_respond(x, &(struct http_response){.status = ok ? answer->status : 502,
						.content_type = type,
						.headers = headers,
						.header_count = ok ? count : 0,
						.body = &body});
	buf_done(&body);
}

static void respond_failure(struct http_exchange *x, const struct error *err)
{
	struct buf body;
	buf_init(&body, 4096);
	struct json_writer w = json_writer(&body);
	buf_printf(&body, "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":\"%s\",",
		   error_issue_type(err->code));
	json_key(&w, S("diagnostics"));
	json_put_str(&w, str_from(err->text));
	buf_add(&body, S("}]}"));
	http_respond(x, &(struct http_response){.status = err->code == ERR_TIMEOUT ? 504 : 502,
						.content_type = S("application/fhir+json"),
						.body = &body});
	buf_done(&body);
}

static void handle(void *ctx, struct http_exchange *x)
{
	struct side *s = ctx;
	struct record_proxy *p = s->proxy;
	struct http_call call = {0};
	struct http_answer answer = {0};
	struct error err = {0}, trouble = {0};
	int64_t started_ms = clock_now_ms();
	uint64_t started_ns = clock_monotonic_ns();
	struct arena *a = http_request(x)->arena;
	struct http_client *client = client_take(p, &err);
	bool ready = client && make_call(s, x, &call, &err);
	bool ok = ready && http_call(client, a, &call, &answer, &err);
	client_give(p, client);
	if (ready && !record_add(p->options.record,
				 &(struct record_exchange){.method = call.method,
							   .url = call.url,
							   .headers = call.headers,
							   .header_count = call.header_count,
							   .body = call.body,
							   .answer = ok ? &answer : NULL,
							   .failure = str_from(err.text),
							   .started_ms = started_ms,
							   .duration_ns = clock_monotonic_ns() - started_ns},
				 &trouble))
		note_trouble(p, &trouble);
	if (ok)
		learn(p, a, &answer);
	if (p->options.observe)
		p->options.observe(p->options.ctx, call.method, http_request(x)->path, ok ? answer.status : 0);
	if (ok)
		respond(s, x, &answer);
	else
		respond_failure(x, &err);
}

/* ---- beginning and end --------------------------------------------------------------------------------------------
 */

static bool begin(struct record_proxy *p, struct error *err)
{
	struct place place;
	if (!place_of(p->options.base_url, &place))
		return error_set(err, ERR_VALUE, "The address of the EHR is no http or https URL");
	struct side *s = &p->sides[0];
	*s = (struct side){.proxy = p, .origin = arena_str(&p->arena, place.origin)};
	p->their_base = arena_str(&p->arena, p->options.base_url);
	if (str_ends(p->their_base, S("/")))
		p->their_base.n--;
	if (!s->origin.p || !p->their_base.p)
		return error_memory(err);
	pthread_mutex_lock(&p->lock); /* a request that comes at once waits until everything is there */
	bool ok = side_start(s, p->options.port, err);
	p->side_count = ok;
	p->base = arena_printf(&p->arena, "%.*s%.*s", STR_ARG(s->here),
			       STR_ARG(str_slice(p->their_base, place.origin.n, p->their_base.n)));
	pthread_mutex_unlock(&p->lock);
	return ok && (p->base.p || error_memory(err));
}

struct record_proxy *record_proxy_start(const struct record_proxy_options *options, struct error *err)
{
	struct record_proxy *p = calloc(1, sizeof(*p));
	if (!p) {
		error_memory(err);
		return NULL;
	}
	p->options = *options;
	arena_init(&p->arena, 1 << 20);
	pthread_mutex_init(&p->lock, NULL);
	if (begin(p, err))
		return p;
	record_proxy_stop(p);
	return NULL;
}

struct str record_proxy_base(const struct record_proxy *p)
{
	return p->base;
}

void record_proxy_trouble(struct record_proxy *p, struct error *ret_err)
{
	pthread_mutex_lock(&p->lock);
	*ret_err = p->trouble;
	pthread_mutex_unlock(&p->lock);
}

void record_proxy_stop(struct record_proxy *p)
{
	for (size_t i = 0; i < SIDES_MAX; i++)
		if (p->sides[i].server)
			http_server_stop(p->sides[i].server);
	for (size_t i = 0; i < p->client_count; i++)
		http_client_free(p->clients[i]);
	pthread_mutex_destroy(&p->lock);
	arena_done(&p->arena);
	free(p);
}
