/*
 * The routes of Firth beside the FHIR API, and who may use them.
 *
 * Without authorization everything is open to this machine, and a browser on this machine runs pages of strangers. Two
 * checks keep those out: the Host header must name this machine (a foreign name that was made to point here does not),
 * and a browser must not say that the request comes from another site.
 */
#include "app/service.h"

#include <pthread.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "app/db.h"
#include "app/expiry.h"
#include "app/launch.h"
#include "app/operator.h"
#include "app/page.h"
#include "app/readiness.h"
#include "app/refused.h"
#include "app/secrets.h"
#include "app/tenants.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "jose/jose.h"
#include "sandbox/launcher.h"

/* Looks after things now and then. */
struct keeper {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stop;
	bool running;
};

struct service {
	struct service_options options;
	struct arena arena; /* lives as long as the service; read-only once ready */
	atomic_bool ready, stopping;
	struct readiness readiness;
	struct http_server *http;
	struct realm root;
	struct tenants *tenants; /* NULL: there are none */
	struct operator_door *door;
	struct vault *vault; /* to be closed; NULL when it came with the options */
	struct keeper keeper;
	struct str base_url;
	struct str public_keys; /* JWKS of our EHR clients */
	struct page page;
	struct launch *launch; /* NULL: no EHR is configured */
	struct launcher *launcher; /* NULL: it is not switched on */
};

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

/* An error outside the FHIR API, as an OperationOutcome all the same. */
static void respond_outcome(struct http_exchange *x, const struct error *err, struct str request_id)
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

static void respond_error(struct http_exchange *x, const struct error *err)
{
	respond_outcome(x, err, STR_NULL);
}

/* One that was kept. */
static void respond_refusal(struct http_exchange *x, const struct error *err)
{
	respond_outcome(x, err, http_request(x)->request_id);
}

/* ---- who may
 * --------------------------------------------------------------------------------------------------------- */

/* "127.0.0.1:8080", "[::1]:8080", "localhost": the name without port and brackets. */
static struct str host_name(struct str host)
{
	if (host.n && host.p[0] == '[') {
		size_t end = str_find_char(host, ']', 0);
		return end == STR_NONE ? host : str_slice(host, 1, end);
	}
	size_t colon = str_rfind_char(host, ':');
	return colon == STR_NONE ? host : str_slice(host, 0, colon);
}

static struct str url_host(struct str url)
{
	size_t start = str_find(url, S("://"));
	struct str rest = start == STR_NONE ? url : str_slice(url, start + 3, url.n);
	return str_split(&rest, '/');
}

static bool host_is_ours(const struct service *s, struct str host)
{
	return config_host_is_loopback(host_name(host)) || str_eq_nocase(host, url_host(s->base_url));
}

static bool stranger(const struct service *s, const struct http_exchange *x, struct decision *d, struct error *err)
{
	struct str path = http_request(x)->path;
	if (s->options.config->auth && !page_has(path) && !str_starts(path, S("/launcher")))
		return false; /* a token says more than any header; the pages have none */
	struct str host = http_request_header(x, "Host");
	struct str site = http_request_header(x, "Sec-Fetch-Site");
	struct str origin = http_request_header(x, "Origin");
	if (host.p && !host_is_ours(s, host))
		return !decision_refuse(d, CHECK_NETWORK, REFUSAL_FOREIGN_HOST, str_slice(host, 0, 80),
					url_host(s->base_url), STR_NULL, err);
	bool foreign = origin.p && !str_is(origin, "null") && !host_is_ours(s, url_host(origin));
	if (foreign || str_is(site, "cross-site"))
		return !decision_refuse(d, CHECK_NETWORK, REFUSAL_FOREIGN_SITE,
					foreign ? str_slice(origin, 0, 80) : S("cross-site"), STR_NULL, STR_NULL, err);
	return false;
}

/* Nothing is answered to strangers but why, and that is written down. */
static bool refuse_stranger(struct service *s, struct http_exchange *x)
{
	const struct http_request *request = http_request(x);
	struct error err = {0}, unrecorded = {0};
	if (!stranger(s, x, NULL, NULL))
		return false;
	struct decision *d = decision_new(request->arena);
	(void)stranger(s, x, d, &err);
	respond_refusal(x, refused_record(&s->root, request, "network", d, &err, &unrecorded) ? &err : &unrecorded);
	return true;
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

static struct realm *governed_realm(void *ctx, struct http_exchange *x, struct str tenant, struct error *err)
{
	struct service *s = ctx;
	return tenant.p ? take_tenant(s, x, tenant, err) : &s->root;
}

static void route_tenant(struct service *s, struct http_exchange *x)
{
	struct error err = {0};
	struct realm *realm = take_realm(s, x, &err);
	if (!realm) {
		respond_error(x, &err);
	} else if (!realm_handle(realm, x)) {
		error_set(&err, ERR_NOT_FOUND, "Nothing lives at this address; the FHIR API is below /t/TENANT/fhir");
		respond_error(x, &err);
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
		respond_error(x, &err);
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
		respond_error(x, &err);
	} else if (str_is(request->path, "/readyz")) {
		ready(s, x);
	} else if (str_is(request->path, "/.well-known/jwks.json")) {
		static const struct http_header headers[] = {{S("Cache-Control"), S("max-age=300")},
							     {S("Access-Control-Allow-Origin"), S("*")}};
		respond_text(x, 200, S("application/json"), s->public_keys, headers, 2);
	} else if (launch_handle(s->launch, x)) {
		/* EHRs send browsers here from their own pages, so it is no matter of strangers. */
	} else if (operator_door_handle(s->door, x)) {
		return;
	} else if (refuse_stranger(s, x)) {
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
		respond_error(x, &err);
	}
}

static void handle(void *ctx, struct http_exchange *x)
{
	route(ctx, x);
}

static bool expect(void *ctx, struct http_exchange *x, struct http_expectation *expectation, struct error *err)
{
	struct service *s = ctx;
	struct str path = http_request(x)->path;
	if (!s->ready || stranger(s, x, NULL, NULL))
		return true; /* told so when it is complete */
	if (!is_tenants_path(path))
		return rest_expect(s->root.rest, x, expectation, err);
	/* Most bodies are of no interest; opening a tenant for them would be for nothing. */
	struct realm *realm = str_ends(path, S("/$import")) ? take_realm(s, x, err) : NULL;
	if (!realm)
		return !str_ends(path, S("/$import"));
	return rest_expect(realm->rest, x, expectation, err);
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	struct service *s = ctx;
	if (s->ready && str_starts(http_request(x)->path, S("/fhir")))
		rest_refuse(s->root.rest, x, err);
	else
		respond_error(x, err);
}

/* The area of a path: all that a log may hold of it, since ids and names are people's. */
static struct str area(struct str path)
{
	static const struct {
		const char *prefix, *name;
	} areas[] = {
		{"/fhir", "fhir"},     {"/auth", "auth"},     {"/.well-known", "keys"}, {"/healthz", "health"},
		{"/readyz", "health"}, {"/patients", "page"}, {"/page.css", "page"},	{"/openapi.json", "openapi"},
		{"/t/", "tenant"},     {"/launch", "launch"}};
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

static void observe(void *ctx, const struct http_request *request, int status, uint64_t duration_ns)
{
	(void)ctx;
	log_event(LOG_INFO, "request", {"area", .text = area(request->path)}, {"method", .text = request->method},
		  {"route", .text = route_of(request)}, {"status", .number = status},
		  {"microseconds", .number = (int64_t)(duration_ns / 1000)},
		  {"request_id", .text = request->request_id});
}

/* ---- looking after things ---------------------------------------------------------------------------------------- */

enum {
	KEEPER_PERIOD_S = 5,
	TELL_PERIOD_MS = 24 * 60 * 60 * 1000,
	LARGE_BLOCK = 1 << 20, /* bodies and answers from here on are the system's own pages, given back when freed */
};

/* After a busy time the allocator keeps what it had then. When nothing is under way, pages that hold nothing go back.
 */
static void give_memory_back(const struct service *s, uint64_t *served)
{
	uint64_t busy, now = http_server_served(s->http, &busy);
	if (now == *served || busy)
		return;
	*served = now;
	malloc_trim(0);
}

/* Once a day, and when the server starts, for what ends soon can be prolonged only by who knows of it. */
static void tell_expiries(const struct service *s, int64_t *last_ms)
{
	struct error err = {0};
	int64_t now_ms = clock_now_ms();
	if (!s->options.log || !s->root.smart || (*last_ms && now_ms - *last_ms < TELL_PERIOD_MS))
		return;
	*last_ms = now_ms;
	if (!expiry_log(s->root.smart, now_ms, &err))
		log_event(LOG_WARN, "clients_not_read", {"reason", .text = str_from(error_name(err.code))});
}

static void *keep(void *ctx)
{
	struct service *s = ctx;
	struct keeper *k = &s->keeper;
	uint64_t served = 0;
	int64_t told_ms = 0;
	tell_expiries(s, &told_ms);
	pthread_mutex_lock(&k->lock);
	while (k->running) {
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += KEEPER_PERIOD_S;
		if (pthread_cond_timedwait(&k->stop, &k->lock, &until) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&k->lock);
		if (s->tenants)
			tenants_sweep(s->tenants);
		give_memory_back(s, &served);
		tell_expiries(s, &told_ms);
		pthread_mutex_lock(&k->lock);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

static bool keeper_start(struct service *s, struct error *err)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	struct keeper *k = &s->keeper;
	pthread_condattr_t attributes;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&k->stop, &attributes);
	pthread_condattr_destroy(&attributes);
	k->running = true; /* before there is a thread that asks */
	if (pthread_create(&k->thread, NULL, keep, s) == 0)
		return true;
	k->running = false;
	return error_set(err, ERR_INTERNAL, "Cannot start a thread");
}

static void keeper_stop(struct service *s)
{
	struct keeper *k = &s->keeper;
	if (!k->running)
		return;
	pthread_mutex_lock(&k->lock);
	k->running = false;
	pthread_cond_signal(&k->stop);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->stop);
	pthread_mutex_destroy(&k->lock);
}

/* ---- opening ------------------------------------------------------------------------------------------------------
 */

/* The public halves of all configured EHR keys as one JWKS, each key once. */
static bool collect_keys(struct service *s, struct error *err)
{
	const struct config *config = s->options.config;
	struct buf all, one;
	size_t count = 0;
	buf_init(&all, 1 << 20);
	buf_init(&one, 64 * 1024);
	bool ok = true;
	buf_add(&all, S("{\"keys\":["));
	for (size_t i = 0; ok && i < config->ehr_count; i++) {
		struct str text;
		if (!config->ehrs[i].key_file.n)
			continue;
		ok = file_read(&s->arena, config->ehrs[i].key_file, 64 * 1024, &text, err);
		struct jose_key *key = ok ? jose_key_parse(text, err) : NULL;
		buf_reset(&one);
		ok = key && jose_key_write_public_set(key, &one, err);
		const struct json *set = ok ? json_parse(&s->arena, buf_str(&one), 0, err) : NULL;
		ok = ok && set;
		struct json_iter it = json_iter(json_get(set, S("keys")));
		while (json_next(&it)) {
			struct buf text_of_key;
			buf_init(&text_of_key, 64 * 1024);
			struct json_writer w = json_writer(&text_of_key);
			json_put_value(&w, it.value);
			if (str_find(buf_str(&all), buf_str(&text_of_key)) == STR_NONE) {
				buf_add(&all, count++ ? S(",") : S(""));
				buf_add(&all, buf_str(&text_of_key));
			}
			buf_done(&text_of_key);
		}
		jose_key_free(key);
		if (!ok)
			error_context(err, "key of ehr %.*s", STR_ARG(config->ehrs[i].name));
	}
	buf_add(&all, S("]}"));
	s->public_keys = ok ? arena_str(&s->arena, buf_str(&all)) : STR_NULL;
	buf_done(&all);
	buf_done(&one);
	return ok && (s->public_keys.p || error_memory(err));
}

static bool open_tenants(struct service *s, struct error *err)
{
	const struct config *config = s->options.config;
	if (!config->tenants)
		return true;
	s->tenants = tenants_open(&(struct tenants_options){.service = &s->options,
							    .base_url = s->base_url,
							    .root = s->root.store,
							    .max_open = (unsigned)config->limits.tenants},
				  err);
	return s->tenants != NULL;
}

static bool open_launch(struct service *s, struct error *err)
{
	struct error why = {0};
	s->launch = launch_open(&(struct launch_options){.config = s->options.config,
							 .store = s->options.store,
							 .base_url = s->base_url},
				&why);
	return why.code == ERR_NONE || error_set(err, why.code, "%s", why.text);
}

/* Whoever else opens a store in PostgreSQL may write, so there nobody needs to ask. */
static bool open_door(struct service *s, struct error *err)
{
	const struct operator_options options = {.config = s->options.config,
						 .port = http_server_port(s->http),
						 .realm = governed_realm,
						 .ctx = s,
						 .service = &s->options};
	if (db_is_postgres(s->options.config))
		return true;
	s->door = operator_door_open(&options, err);
	return s->door != NULL;
}

static bool open_launcher(struct service *s, struct error *err)
{
	if (!s->options.config->launcher)
		return true;
	s->launcher = launcher_open(&(struct launcher_options){.store = s->options.store,
							       .definitions = s->options.definitions,
							       .smart = s->root.smart,
							       .login = s->root.login},
				    err);
	return s->launcher != NULL;
}

static bool open_all(struct service *s, struct error *err)
{
	const struct config *config = s->options.config;
	const struct http_handler handler = {.handle = handle,
					     .refuse = refuse,
					     .expect = expect,
					     .ctx = s,
					     .observe = s->options.log && config->access_log ? observe : NULL};
	const struct limits *l = &config->limits;
	const struct http_server_options options = {.host = config->host,
						    .port = (uint16_t)config->port,
						    .spool = config->data,
						    .max_body = (size_t)l->body,
						    .max_arena = (size_t)l->memory,
						    .max_header = (size_t)l->header,
						    .max_connections = (unsigned)l->connections,
						    .max_requests = (unsigned)l->requests,
						    .idle_timeout_s = (unsigned)(l->idle / 1000),
						    .transfer_timeout_s = (unsigned)(l->transfer / 1000)};
	s->http = http_server_start(&options, &handler, err);
	if (!s->http)
		return false;
	bool six = str_find_char(config->host, ':', 0) != STR_NONE;
	s->base_url = config->base_url.p ? config->base_url
					 : arena_printf(&s->arena, six ? "http://[%.*s]:%u" : "http://%.*s:%u",
							STR_ARG(config->host), http_server_port(s->http));
	s->page = (struct page){.config = config, .definitions = s->options.definitions, .store = s->options.store};
	if (!config_host_is_loopback(config->host))
		s->page.refusal = S("The patient page has no login yet, so it is only shown when Firth listens on this "
				    "computer alone (host 127.0.0.1).");
	if (!s->base_url.p)
		return error_memory(err);
	if (config->auth && !s->options.vault)
		s->options.vault = s->vault = secrets_open(config, err);
	if (config->auth && !s->options.vault)
		return false;
	const struct realm_options root = {.service = &s->options, .base_url = s->base_url};
	if (!collect_keys(s, err) || !realm_open(&s->root, &root, err) || !open_tenants(s, err) ||
	    !open_launch(s, err) || !open_door(s, err) || !open_launcher(s, err) || !keeper_start(s, err))
		return false;
	s->ready = true;
	return true;
}

struct service *service_open(const struct service_options *options, struct error *err)
{
	struct service *s = calloc(1, sizeof(*s));
	if (!s) {
		error_memory(err);
		return NULL;
	}
	s->options = *options;
	arena_init(&s->arena, ARENA_NO_CAP);
	readiness_init(&s->readiness, options->store);
	if (open_all(s, err))
		return s;
	service_close(s);
	return NULL;
}

uint16_t service_port(const struct service *s)
{
	return http_server_port(s->http);
}

struct str service_base_url(const struct service *s)
{
	return s->base_url;
}

void service_close(struct service *s)
{
	if (!s)
		return;
	s->stopping = true;
	keeper_stop(s); /* it looks at the HTTP server */
	if (s->http)
		http_server_stop(s->http);
	launch_close(s->launch);
	operator_door_close(s->door);
	launcher_close(s->launcher);
	tenants_close(s->tenants);
	realm_close(&s->root);
	vault_close(s->vault);
	readiness_done(&s->readiness);
	arena_done(&s->arena);
	free(s);
}
