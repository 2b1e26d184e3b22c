/* Addresses below BASE/cds-services, who of the browsers may ask, and answers. */
#include "server/cds/cds_priv.h"

#include "base/clock.h"

/* ---- answers -------------------------------------------------------------------------------------------------------
 */

enum { HEADERS_MAX = 10 };

static size_t add_headers(const struct cds_server *c, struct http_exchange *x, struct http_header *headers)
{
	struct str origin = http_request_header(x, "Origin");
	size_t n = 0;
	headers[n++] = (struct http_header){S("Cache-Control"), S("no-store")};
	if (str_has_word(c->o.origins, S("*"))) {
		headers[n++] = (struct http_header){S("Access-Control-Allow-Origin"), S("*")};
	} else if (origin.n && caller_page_allowed(c, origin)) {
		headers[n++] = (struct http_header){S("Access-Control-Allow-Origin"), origin};
		headers[n++] = (struct http_header){S("Vary"), S("Origin")};
	}
	if (n > 1)
		headers[n++] = (struct http_header){S("Access-Control-Expose-Headers"),
						    S("WWW-Authenticate, Retry-After, X-Request-Id")};
	return n;
}

/* The body may lie in the arena of the exchange, which is gone once it was answered. */
void cds_respond(const struct cds_server *c, struct http_exchange *x, int status, struct buf *body)
{
	struct http_header headers[HEADERS_MAX];
	size_t n = add_headers(c, x, headers);
	struct buf own = *body;
	body->p = NULL;
	http_respond(x, &(struct http_response){.status = status,
						.content_type = own.n ? S("application/json") : S(""),
						.headers = headers,
						.header_count = n,
						.body = &own});
	buf_done(&own);
}

void cds_respond_error(const struct cds_server *c, struct http_exchange *x, const struct error *err,
		       struct str request_id)
{
	struct http_header headers[HEADERS_MAX];
	struct buf body;
	size_t n = add_headers(c, x, headers);
	int status = error_http_status(err->code);
	struct str challenge = decision_challenge(http_request(x)->arena, err, STR_NULL, STR_NULL);
	buf_init(&body, 64 * 1024);
	decision_write_outcome(&body, err, request_id);
	if (challenge.p)
		headers[n++] = (struct http_header){S("WWW-Authenticate"), challenge};
	if (status == 503)
		headers[n++] = (struct http_header){S("Retry-After"), S("1")};
	http_respond(x, &(struct http_response){.status = status,
						.content_type = S("application/json"),
						.headers = headers,
						.header_count = n,
						.body = &body});
	buf_done(&body);
}

static void respond_text(const struct cds_server *c, struct http_exchange *x, struct str text)
{
	struct buf body;
	buf_init(&body, text.n + 1);
	buf_add(&body, text);
	cds_respond(c, x, 200, &body);
}

/* A browser asks whether its page may ask (Fetch standard, "CORS-preflight fetch"). */
static void preflight(const struct cds_server *c, struct http_exchange *x)
{
	struct http_header headers[HEADERS_MAX];
	size_t n = add_headers(c, x, headers);
	headers[n++] = (struct http_header){S("Access-Control-Allow-Methods"), S("GET, POST, OPTIONS")};
	headers[n++] = (struct http_header){S("Access-Control-Allow-Headers"),
					    S("Authorization, Content-Type, Accept, X-Request-Id")};
	headers[n++] = (struct http_header){S("Access-Control-Max-Age"), S("600")};
	/* A page of the Internet that calls a service on this machine asks for that, too. */
	if (n > 5 && str_is(http_request_header(x, "Access-Control-Request-Private-Network"), "true"))
		headers[n++] = (struct http_header){S("Access-Control-Allow-Private-Network"), S("true")};
	http_respond(x, &(struct http_response){
				.status = 204, .content_type = S(""), .headers = headers, .header_count = n});
}

/* ---- routes --------------------------------------------------------------------------------------------------------
 */

static const struct cds_service *service_named(const struct cds_server *c, struct str id)
{
	for (size_t i = 0; i < c->o.service_count; i++)
		if (str_eq(c->o.services[i].id, id))
			return &c->o.services[i];
	return NULL;
}

static bool is_json(struct str type)
{
	struct str rest = type, media = str_trim(str_split(&rest, ';'));
	return !type.n || str_eq_nocase(media, S("application/json")) ||
	       str_eq_nocase(media, S("application/fhir+json"));
}

static void call(struct cds_server *c, struct http_exchange *x, struct str id, bool feedback)
{
	const struct http_request *r = http_request(x);
	const struct cds_service *service = service_named(c, id);
	struct visit *v = ARENA_NEW(r->arena, struct visit);
	struct error err = {0};
	if (!service)
		error_set(&err, ERR_NOT_FOUND, "There is no such service; those that are there: GET %.*s",
			  STR_ARG(c->path));
	else if (!is_json(http_request_header(x, "Content-Type")))
		error_set(&err, ERR_MEDIA_TYPE, "A call is sent as application/json");
	else if (!v)
		error_memory(&err);
	if (err.code) {
		cds_respond_error(c, x, &err, STR_NULL);
		return;
	}
	v->cds = c;
	v->x = x;
	v->a = r->arena;
	v->service = service;
	v->feedback = feedback;
	v->now_ms = c->o.now_ms();
	v->decision = decision_new(v->a);
	visit_begin(v);
}

static void wrong_method(const struct cds_server *c, struct http_exchange *x, const char *allowed)
{
	struct error err = {0};
	error_set(&err, ERR_METHOD, "Only %s is answered here", allowed);
	cds_respond_error(c, x, &err, STR_NULL);
}

static void get(const struct cds_server *c, struct http_exchange *x, struct str rest)
{
	struct error err = {0};
	if (!rest.n)
		respond_text(c, x, c->discovery);
	else if (str_is(rest, "/openapi.json"))
		respond_text(c, x, c->openapi);
	else if (service_named(c, str_slice(rest, 1, rest.n)))
		wrong_method(c, x, "POST");
	else
		cds_respond_error(
			c, x, (error_set(&err, ERR_NOT_FOUND, "Services are listed at %.*s", STR_ARG(c->path)), &err),
			STR_NULL);
}

static void route(struct cds_server *c, struct http_exchange *x, struct str rest)
{
	const struct http_request *r = http_request(x);
	if (str_ends(rest, S("/")))
		rest.n--;
	if (str_is(r->method, "OPTIONS")) {
		preflight(c, x);
	} else if (str_is(r->method, "GET")) {
		get(c, x, rest);
	} else if (!str_is(r->method, "POST") || !rest.n) {
		wrong_method(c, x, rest.n ? "POST" : "GET");
	} else {
		bool feedback = str_ends(rest, S("/feedback"));
		call(c, x, str_slice(rest, 1, rest.n - (feedback ? 9 : 0)), feedback);
	}
}

/* What follows BASE/cds-services; STR_NULL: it lies elsewhere. */
static struct str rest_of(const struct cds_server *c, struct str path)
{
	if (!str_starts(path, c->path) || (path.n > c->path.n && path.p[c->path.n] != '/'))
		return STR_NULL;
	return str_slice(path, c->path.n, path.n);
}

bool cds_server_handle(struct cds_server *c, struct http_exchange *x)
{
	struct str rest = rest_of(c, http_request(x)->path);
	if (!rest.p)
		return false;
	route(c, x, rest);
	return true;
}

bool cds_server_refuse(const struct cds_server *c, struct http_exchange *x, const struct error *err)
{
	if (!rest_of(c, http_request(x)->path).p)
		return false;
	cds_respond_error(c, x, err, STR_NULL);
	return true;
}

bool cds_server_expect(const struct cds_server *c, struct http_exchange *x, struct http_expectation *expectation,
		       struct error *err)
{
	(void)err;
	if (rest_of(c, http_request(x)->path).p) {
		expectation->max_body = c->o.max_body;
		expectation->limit = "cds.body";
	}
	return true;
}
