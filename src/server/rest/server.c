/*
 * The server as a whole, and the way of a call through it: route, formats, face, authorization, then either a reading
 * interaction at once or a write that the store's committing thread answers.
 */
#include "base/clock.h"
#include "server/rest/rest_priv.h"

/* Links are written without escapes, so the base may hold only what a URL may. */
static bool is_plain_url(struct str url)
{
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] <= ' ' || url.p[i] == '"' || url.p[i] == '\\' || url.p[i] == 0x7f)
			return false;
	return url.n && url.p[url.n - 1] != '/';
}

static bool open_parameters(struct rest_server *s, struct error *err)
{
	const struct parameters_options options = {.definitions = s->o.definitions,
						   .store = s->o.store,
						   .base = s->o.base_url,
						   .writable = true,
						   .indexing = true};
	if (s->o.face)
		return true;
	s->parameters = parameters_open(&options, err);
	return s->parameters != NULL;
}

static bool open_access(struct rest_server *s, struct error *err)
{
	const struct access_options options = {
		.definitions = s->o.definitions, .store = s->o.store, .base = s->o.base_url};
	if (!s->o.smart || s->o.access)
		return true;
	s->o.access = s->own_access = access_open(&options, err);
	return s->own_access != NULL;
}

struct rest_server *rest_open(const struct rest_options *options, struct error *err)
{
	struct arena a;
	if (!is_plain_url(options->base_url)) {
		error_set(err, ERR_CONFIG, "The base URL of the server is not a URL, or ends with a slash");
		return NULL;
	}
	arena_init(&a, (size_t)64 << 20);
	struct rest_server *s = ARENA_NEW(&a, struct rest_server);
	if (!s) {
		error_memory(err);
		arena_done(&a);
		return NULL;
	}
	s->o = *options;
	if (options->knowledge)
		s->terminology = knowledge_search_terminology(options->knowledge);
	s->started_ms = clock_now_ms();
	limits_settle(&s->o.limits);
	s->arena = a;
	s->o.base_path = arena_str(&s->arena, options->base_path);
	s->o.base_url = arena_str(&s->arena, options->base_url);
	s->o.token_url = arena_str(&s->arena, options->token_url.p ? options->token_url : S(""));
	s->o.resource_metadata = arena_str(&s->arena, options->resource_metadata);
	bool ok = s->o.base_path.p && s->o.base_url.p && s->o.token_url.p && s->o.resource_metadata.p;
	if (!ok)
		error_memory(err);
	s->redo = ok ? workers_open(&(struct workers_options){.threads = 1}, err) : NULL;
	if (!s->redo || !open_access(s, err) || !open_parameters(s, err) ||
	    !cursor_key_open(options->store, &s->arena, &s->cursor_key, err) || !capability_open(s, err)) {
		rest_close(s);
		return NULL;
	}
	return s;
}

void rest_close(struct rest_server *s)
{
	if (!s)
		return;
	workers_close(s->redo); /* every exchange was answered */
	parameters_close(s->parameters);
	access_close(s->own_access);
	struct arena a = s->arena; /* the server lies in its own arena */
	arena_done(&a);
}

/* ---- a call --------------------------------------------------------------------------------------------------------
 */

bool is_open(enum rest_interaction i)
{
	return i == REST_CAPABILITIES || i == REST_SMART_CONFIGURATION || i == REST_OPENID_CONFIGURATION;
}

bool call_allowed(const struct rest_call *call, const struct fhir_type *type, unsigned permissions, struct error *err)
{
	return !call->pass || access_require(call->pass, type, permissions, err ? call->decision : NULL, err);
}

bool call_route(struct rest_call *call, struct str method, struct str path, struct rest_answer *answer,
		struct error *err)
{
	struct route route;
	const struct rest_face *face = call->server->o.face;
	if (face && face->path)
		path = face->path(face->ctx, call->arena, path);
	bool ok = route_find(call->arena, method, path, &route, err);
	if (route.allow.p)
		rest_answer_header(answer, "Allow", route.allow);
	/* What a vendor's server can do beside the interactions is not imitated. */
	if (route.operation && call->server->o.face &&
	    !(call->server->o.face->bulk && operation_starts_job(route.operation))) {
		route = (struct route){.interaction = REST_UNKNOWN};
		ok = error_set(err, ERR_NOT_FOUND, "This server has no operations");
	}
	call->interaction = route.interaction;
	call->type_name = route.type_name;
	call->id = route.id;
	call->version = route.version;
	call->operation = route.operation;
	call->type = route.type_name.p ? definitions_resource(call->server->o.definitions, route.type_name) : NULL;
	if (!route.within.p)
		return ok;
	call->within = definitions_resource(call->server->o.definitions, route.within);
	call->within_id = route.within_id;
	return ok && (call->within || error_set(err, ERR_UNKNOWN_TYPE, "%.*s is not a resource type of FHIR R4",
						STR_ARG(str_slice(route.within, 0, 64))));
}

bool call_media(struct rest_call *call, struct str query, struct error *err)
{
	struct media media;
	struct str format, pretty;
	if (!query_value(call->arena, query, "_format", &format, err) ||
	    !query_value(call->arena, query, "_pretty", &pretty, err))
		return false;
	call->pretty = str_is(pretty, "true");
	if (!media_choose(http_request_header(call->exchange, "Accept"), format, &media, err))
		return false;
	call->xml = media.xml;
	call->media = media.content_type;
	return true;
}

static void release_pass(void *pass)
{
	access_leave(pass);
}

static bool authorize(struct rest_call *call, struct error *err)
{
	call->grant = (struct grant){.client_id = S("anonymous")};
	if (is_open(call->interaction) || !call->server->o.smart)
		return true;
	struct str header = http_request_header(call->exchange, "Authorization");
	call->decision = decision_new(call->arena);
	if (!smart_authorize(call->server->o.smart, call->arena, header, call->decision, &call->grant, err))
		return false;
	bool broken = false;
	if (!glass_check(call, &broken, err))
		return false;
	call->pass = access_enter(call->server->o.access, &call->grant, broken, err);
	if (!call->pass)
		return false;
	if (!http_exchange_at_end(call->exchange, release_pass, call->pass)) {
		access_leave(call->pass);
		return error_memory(err);
	}
	return !call->type || call_allowed(call, call->type, rest_interaction(call->interaction)->permissions, err);
}

/* False with err set: refuse. False without: the face has answered. */
static bool admit(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	const struct rest_face *face = call->server->o.face;
	struct error media_error = {0};
	bool media_ok = call_media(call, call->request->query, &media_error);
	if (face && face->admit && !face->admit(face->ctx, call, answer))
		return false;
	if (!media_ok && !call->media.p && call->interaction != REST_ASYNC_NOTES &&
	    call->interaction != REST_ASYNC_FILE) {
		*err = media_error;
		return false;
	}
	if (call->type_name.p && !call->type)
		return error_set(err, ERR_UNKNOWN_TYPE, "%.*s is not a resource type of FHIR R4",
				 STR_ARG(str_slice(call->type_name, 0, 64)));
	return authorize(call, err);
}

bool is_search(enum rest_interaction i)
{
	return i == REST_SEARCH_TYPE || i == REST_SEARCH_POST || i == REST_SEARCH_SYSTEM ||
	       i == REST_SEARCH_SYSTEM_POST || i == REST_SEARCH_WITHIN || i == REST_SEARCH_WITHIN_POST ||
	       i == REST_SEARCH_WITHIN_ALL || i == REST_SEARCH_WITHIN_ALL_POST;
}

bool call_read(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	switch (call->interaction) {
	case REST_CAPABILITIES:
		return capability_answer(call, answer, err);
	case REST_SMART_CONFIGURATION:
	case REST_OPENID_CONFIGURATION:
		return smart_configuration_answer(call, answer, err);
	case REST_READ:
	case REST_VREAD:
		return read_answer(call, answer, err);
	case REST_HISTORY_INSTANCE:
	case REST_HISTORY_TYPE:
	case REST_HISTORY_SYSTEM:
		return history_answer(call, answer, err);
	case REST_OPERATION:
		return operation_answer(call, answer, err);
	case REST_IMPORT:
		return import_start(call, answer, err);
	case REST_ASYNC_STATUS:
		return async_status(call, answer, err);
	case REST_ASYNC_NOTES:
		return async_notes(call, answer, err);
	case REST_ASYNC_FILE:
		return async_file(call, answer, err);
	case REST_ASYNC_CANCEL:
		return async_cancel(call, answer, err);
	default:
		if (is_search(call->interaction))
			return search_answer(call, answer, err);
		return error_set(err, ERR_METHOD, "This is not an interaction that reads");
	}
}

static bool is_write(enum rest_interaction i)
{
	return i == REST_CREATE || i == REST_UPDATE || i == REST_UPDATE_IF || i == REST_PATCH || i == REST_PATCH_IF ||
	       i == REST_DELETE || i == REST_DELETE_IF;
}

/* True: the call is answered, or someone else will. */
static bool run(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	if (call->interaction == REST_BATCH)
		return batch_start(call, answer, err);
	if (is_write(call->interaction))
		return write_start(call, answer, err);
	if (!call_read(call, answer, err))
		return false;
	answer_send(call, answer);
	return true;
}

struct parameters *rest_parameters(struct rest_server *s)
{
	return s->parameters;
}

/* A set that is given back with the end of the exchange. */
struct held_parameters {
	struct parameters *parameters;
	const struct parameter_set *set;
};

static void release_parameters(void *arg)
{
	struct held_parameters *held = arg;
	parameters_done(held->parameters, held->set);
}

/* The request has one set of search parameters from its beginning to its end, unless a write finds it outdated. */
bool call_take_parameters(struct rest_call *call, struct error *err)
{
	struct parameters *parameters = call->server->parameters;
	if (!parameters)
		return true;
	struct held_parameters *held = ARENA_NEW(call->arena, struct held_parameters);
	if (!held)
		return error_memory(err);
	*held = (struct held_parameters){parameters, parameters_use(parameters, err)};
	if (!held->set)
		return false;
	call->parameters = held->set;
	if (http_exchange_at_end(call->exchange, release_parameters, held))
		return true;
	release_parameters(held);
	return error_memory(err);
}

struct str call_revision(const struct rest_call *call)
{
	return call->parameters ? call->parameters->revision : STR_NULL;
}

bool call_renew_parameters(struct rest_call *call, struct error *err)
{
	if (call->server->parameters)
		parameters_stale(call->server->parameters);
	return call_take_parameters(call, err);
}

static struct rest_call *new_call(struct rest_server *s, struct http_exchange *x)
{
	const struct http_request *request = http_request(x);
	struct rest_call *call = ARENA_NEW(request->arena, struct rest_call);
	if (!call)
		return NULL;
	call->server = s;
	call->exchange = x;
	call->request = request;
	call->arena = request->arena;
	call->grant.client_id = S("anonymous");
	call->query = request->query;
	call->head = str_is(request->method, "HEAD");
	issues_init(&call->findings, request->arena);
	prefer_parse(http_request_header(x, "Prefer"), call);
	return call;
}

static bool path_below(struct str base, struct str path, struct str *ret_rest)
{
	if (!str_starts(path, base))
		return false;
	struct str rest = str_slice(path, base.n, path.n);
	if (rest.n && rest.p[0] != '/')
		return false;
	*ret_rest = rest.n ? str_slice(rest, 1, rest.n) : S("");
	return true;
}

struct rest_call *call_begin(struct rest_server *s, struct http_exchange *x, struct rest_answer *answer,
			     struct error *err)
{
	struct str path;
	struct rest_call *call = new_call(s, x);
	if (!call) {
		error_memory(err);
		return NULL;
	}
	if (!path_below(s->o.base_path, call->request->path, &path))
		error_set(err, ERR_NOT_FOUND, "Nothing lives at this address");
	else if (call_route(call, call->request->method, path, answer, err) && admit(call, answer, err))
		return call;
	return NULL;
}

void call_go(struct rest_call *call)
{
	struct rest_answer answer;
	struct error err = {0};
	answer_init(&answer);
	if (!run(call, &answer, &err))
		audit_then_send(call, &answer, &err);
}

static void respond_empty(struct http_exchange *x, int status)
{
	http_respond(x, &(struct http_response){.status = status, .content_type = S("")});
}

/* Browsers ask first (CORS); the answer does not depend on the path. */
static void answer_preflight(struct rest_call *call, struct rest_answer *answer)
{
	answer->status = 204;
	rest_answer_header(answer, "Access-Control-Allow-Methods", S("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
	rest_answer_header(answer, "Access-Control-Allow-Headers",
			   S("Authorization, Content-Type, Accept, Prefer, Break-Glass, If-Match, If-None-Match, "
			     "If-Modified-Since, If-None-Exist, X-Request-Id"));
	rest_answer_header(answer, "Access-Control-Max-Age", S("86400"));
	answer_send(call, answer);
}

bool rest_handle(struct rest_server *s, struct http_exchange *x)
{
	struct str path;
	struct error err = {0};
	struct rest_answer answer;
	if (!path_below(s->o.base_path, http_request(x)->path, &path))
		return false;
	struct rest_call *call = new_call(s, x);
	if (!call) {
		respond_empty(x, 503);
		return true;
	}
	answer_init(&answer);
	if (str_is(call->request->method, "OPTIONS")) {
		answer_preflight(call, &answer);
	} else if (!call_route(call, call->request->method, path, &answer, &err)) {
		(void)!call_media(call, call->request->query, NULL);
		audit_then_send(call, &answer, &err);
	} else if (!admit(call, &answer, &err)) {
		audit_then_send(call, &answer, err.code ? &err : NULL);
	} else if (async_wanted(call)) {
		if (async_start(call, &answer, &err))
			answer_send(call, &answer);
		else
			audit_then_send(call, &answer, &err);
	} else if (!call_take_parameters(call, &err)) {
		audit_then_send(call, &answer, &err);
	} else if (!run(call, &answer, &err)) {
		audit_then_send(call, &answer, &err);
	}
	return true;
}

void rest_refuse(struct rest_server *s, struct http_exchange *x, const struct error *err)
{
	struct rest_answer answer;
	struct rest_call *call = new_call(s, x);
	if (!call) {
		respond_empty(x, error_http_status(err->code));
		return;
	}
	answer_init(&answer);
	answer_error(call, &answer, err);
	answer_send(call, &answer);
}
