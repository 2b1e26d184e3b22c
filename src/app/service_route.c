/* The routes of Firth beside the FHIR API: which request goes where, at the root and below /t/NAME. */
#include "app/service_priv.h"
#include "base/log.h"

static void respond_text(struct http_exchange *x, int status, struct str type, struct str text,
			 const struct http_header *headers, size_t header_count)
{
	struct buf body;
	buf_init(&body, 1 << 20);
	buf_add(&body, text);
	http_respond(x, &(struct http_response){.status = status,
						.content_type = type,
						.headers = headers,
						.header_count = header_count,
						.body = &body});
	buf_done(&body);
}

static void respond_json(struct http_exchange *x, int status, struct str json)
{
	static const struct http_header headers[] = {{S("Cache-Control"), S("no-store")}};
	respond_text(x, status, S("application/json"), json, headers, 1);
}

void service_respond_error(struct http_exchange *x, const struct error *err, struct str request_id)
{
	struct buf body;
	buf_init(&body, 64 * 1024);
	static const struct http_header again = {S("Retry-After"), S("1")};
	int status = error_http_status(err->code);
	decision_write_outcome(&body, err, request_id);
	http_respond(x, &(struct http_response){.status = status,
						.content_type = S("application/fhir+json"),
						.headers = &again,
						.header_count = status == 503 ? 1 : 0,
						.body = &body});
	buf_done(&body);
}

/* ---- routes -------------------------------------------------------------------------------------------------------
 */

/* The store was brought up to date when it was opened, so that need not be asked. */
static void ready(struct service *s, struct http_exchange *x)
{
	struct error err = {0};
	struct buf body;
	if (s->stopping)
		error_set(&err, ERR_STORE_AWAY, "Firth is being stopped");
	bool ok = !s->stopping && readiness_check(&s->readiness, &err);
	buf_init(&body, 4096);
	struct json_writer w = json_writer(&body);
	json_object_begin(&w);
	json_put_member(&w, S("status"), ok ? S("ready") : S("not ready"));
	if (!ok)
		json_put_member(&w, S("reason"), str_from(err.text));
	json_object_end(&w);
	respond_json(x, ok ? 200 : 503, buf_str(&body));
	buf_done(&body);
}

/* ---- tenants ----------------------------------------------------------------------------------------------------- */

static bool is_tenants_path(struct str path)
{
	return str_starts(path, S("/t/"));
}

struct use {
	struct tenants *tenants;
	struct realm *realm;
};

static void give_back(void *arg)
{
	struct use *use = arg;
	tenants_give(use->tenants, use->realm);
}

/* The realm of a tenant, held until the exchange is over. */
static struct realm *take_tenant(struct service *s, struct http_exchange *x, struct str name, struct error *err)
{
	struct use *use = ARENA_NEW(http_request(x)->arena, struct use);
	if (!s->tenants) {
		error_set(err, ERR_NOT_FOUND, "This server has no tenants (it is started with --tenants to have them)");
		return NULL;
	}
	if (!use) {
		error_memory(err);
		return NULL;
	}
	use->tenants = s->tenants;
	use->realm = tenants_take(s->tenants, name, err);
	if (use->realm && !http_exchange_at_end(x, give_back, use)) {
		give_back(use);
		error_memory(err);
		return NULL;
	}
	return use->realm;
}

/* That of /t/NAME/... */
static struct realm *take_realm(struct service *s, struct http_exchange *x, struct error *err)
{
	struct str path = smart_realm_path(http_request(x)->path), rest = str_slice(path, 3, path.n);
	return take_tenant(s, x, str_split(&rest, '/'), err);
}

struct realm *service_governed_realm(void *ctx, struct http_exchange *x, struct str tenant, struct error *err)
{
	struct service *s = ctx;
	return tenant.p ? take_tenant(s, x, tenant, err) : &s->root;
}

static void route_tenant(struct service *s, struct http_exchange *x)
{
	struct error err = {0};
	struct realm *realm = take_realm(s, x, &err);
	if (!realm) {
		service_respond_error(x, &err, STR_NULL);
	} else if (!realm_handle(realm, x)) {
		error_set(&err, ERR_NOT_FOUND, "Nothing lives at this address; the FHIR API is below /t/TENANT/fhir");
		service_respond_error(x, &err, STR_NULL);
	}
}

static void openapi(struct service *s, struct http_exchange *x)
{
	static const struct http_header headers[] = {{S("Access-Control-Allow-Origin"), S("*")}};
	struct error err = {0};
	struct buf body;
	buf_init(&body, 4 << 20);
	if (rest_openapi(s->root.rest, http_request(x)->arena, &body, &err))
		respond_text(x, 200, S("application/json"), buf_str(&body), headers, 1);
	else
		service_respond_error(x, &err, STR_NULL);
	buf_done(&body);
}

static void route(struct service *s, struct http_exchange *x)
{
	if (s->ready)
		x = launcher_tap(s->launcher, x);
	const struct http_request *request = http_request(x);
	struct error err = {0};
	if (str_is(request->path, "/healthz")) {
		respond_json(x, 200, S("{\"status\":\"ok\"}"));
	} else if (!s->ready) {
		error_set(&err, ERR_TIMEOUT, "Firth is starting");
		service_respond_error(x, &err, STR_NULL);
	} else if (str_is(request->path, "/readyz")) {
		ready(s, x);
	} else if (str_is(request->path, "/.well-known/jwks.json")) {
		static const struct http_header headers[] = {{S("Cache-Control"), S("max-age=300")},
							     {S("Access-Control-Allow-Origin"), S("*")}};
		respond_text(x, 200, S("application/json"), s->public_keys, headers, 2);
	} else if (http_answer_icon(x)) {
		return;
	} else if (launch_handle(s->launch, x)) {
		/* EHRs send browsers here from their own pages, so it is no matter of strangers. */
	} else if (operator_door_handle(s->door, x)) {
		return;
	} else if (s->root.cds && cds_server_handle(s->root.cds, x)) {
		return; /* has its own rule of which pages may call */
	} else if (service_refuse_stranger(s, x)) {
		return;
	} else if (launcher_handle(s->launcher, x)) {
		return; /* for development; strangers were sent away */
	} else if (str_is(request->path, "/openapi.json")) {
		openapi(s, x);
	} else if (is_tenants_path(smart_realm_path(request->path))) {
		route_tenant(s, x);
	} else if (!page_handle(&s->page, x) && !realm_handle(&s->root, x)) {
		error_set(&err, ERR_NOT_FOUND,
			  !s->root.smart && str_starts(request->path, S("/auth/"))
				  ? "Authorization is off here: no token is needed, and none is given"
				  : "Nothing lives at this address; the FHIR API is below /fhir");
		service_respond_error(x, &err, STR_NULL);
	}
}

void service_handle(void *ctx, struct http_exchange *x)
{
	route(ctx, x);
}

bool service_expect(void *ctx, struct http_exchange *x, struct http_expectation *expectation, struct error *err)
{
	struct service *s = ctx;
	struct str path = http_request(x)->path;
	if (s->ready && s->root.cds && str_starts(path, S("/cds-services")))
		return cds_server_expect(s->root.cds, x, expectation, err);
	if (!s->ready || service_is_stranger(s, x, NULL, NULL))
		return true; /* told so when it is complete */
	if (!is_tenants_path(path))
		return rest_expect(s->root.rest, x, expectation, err);
	/* Most bodies are of no interest; opening a tenant for them would be for nothing. */
	struct realm *realm = str_ends(path, S("/$import")) ? take_realm(s, x, err) : NULL;
	if (!realm)
		return !str_ends(path, S("/$import"));
	return rest_expect(realm->rest, x, expectation, err);
}

void service_refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	struct service *s = ctx;
	if (s->ready && str_starts(http_request(x)->path, S("/fhir")))
		rest_refuse(s->root.rest, x, err);
	else if (!s->ready || !s->root.cds || !cds_server_refuse(s->root.cds, x, err))
		service_respond_error(x, err, STR_NULL);
}

/* The area of a path: all that a log may hold of it, since ids and names are people's. */
static struct str area(struct str path)
{
	static const struct {
		const char *prefix, *name;
	} areas[] = {{"/fhir", "fhir"},	     {"/auth", "auth"},	       {"/.well-known", "keys"},
		     {"/healthz", "health"}, {"/readyz", "health"},    {"/patients", "page"},
		     {"/page.css", "page"},  {"/favicon.ico", "page"}, {"/openapi.json", "openapi"},
		     {"/t/", "tenant"},	     {"/launch", "launch"},    {"/cds-services", "cds"}};
	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
		if (str_starts(path, str_from(areas[i].prefix)))
			return str_from(areas[i].name);
	}
	return str_is(path, "/") ? S("page") : S("other");
}

/* What kind of request it was: ":type/:id", not whose. */
static struct str route_of(const struct http_request *request)
{
	struct str path = request->path;
	if (is_tenants_path(path)) { /* the tenant's name may be a person's */
		size_t slash = str_find_char(path, '/', 3);
		path = slash == STR_NONE ? S("") : str_slice(path, slash, path.n);
	}
	if (!str_starts(path, S("/fhir")) || (path.n > 5 && path.p[5] != '/'))
		return S("");
	const char *pattern = rest_pattern(request->method, str_slice(path, path.n > 5 ? 6 : 5, path.n));
	return pattern ? str_from(pattern) : S("unknown");
}

void service_observe(void *ctx, const struct http_request *request, int status, uint64_t duration_ns)
{
	(void)ctx;
	log_event(LOG_INFO, "request", {"area", .text = area(request->path)}, {"method", .text = request->method},
		  {"route", .text = route_of(request)}, {"status", .number = status},
		  {"microseconds", .number = (int64_t)(duration_ns / 1000)},
		  {"request_id", .text = request->request_id});
}
