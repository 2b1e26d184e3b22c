/*
 * A server that answers from a recording. A request is answered by the first entry that it meets (replay_match.c) and
 * that was not used yet; once all such entries were used, by the last of them again. What an answer must echo of this
 * run is put in.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/encode.h"
#include "record/record_priv.h"

enum { ORIGINS_MAX = 16, SHOWN_MAX = 300 };

struct replay {
	struct replay_options options;
	struct arena arena;
	struct wanted *wanted;
	struct str origins[ORIGINS_MAX]; /* of the recording */
	size_t origin_count;
	struct http_server *server;
	struct str origin, base;
	pthread_mutex_t lock; /* what was used, and counts */
	struct replay_counts counts;
};

static size_t find(struct replay *r, const struct asked *x)
{
	size_t found = r->options.recording->count;
	for (size_t i = 0; i < r->options.recording->count; i++) {
		if (!asked_meets(x, &r->options.recording->entries[i], &r->wanted[i]))
			continue;
		found = i;
		if (!r->wanted[i].used)
			break;
	}
	return found;
}

/* ---- answering -------------------------------------------------------------------------------------------------- */

static const char *const dropped[] = {"Connection",
				      "Keep-Alive",
				      "Transfer-Encoding",
				      "Content-Length",
				      "Content-Encoding",
				      "Content-Type",
				      "Date",
				      "Strict-Transport-Security",
				      "Alt-Svc",
				      "X-Request-Id",
				      "Access-Control-Allow-Origin"};

static struct str here(struct replay *r, struct arena *a, struct str text)
{
	for (size_t i = 0; i < r->origin_count && text.p; i++)
		text = place_move(a, text, r->origins[i], r->origin);
	return text;
}

static struct str coded_state(struct arena *a, struct str value)
{
	struct buf coded;
	buf_init(&coded, 3 * value.n + 64);
	buf_add(&coded, S("state="));
	encode_percent(&coded, value);
	struct str text = arena_str(a, buf_str(&coded));
	buf_done(&coded);
	return text;
}

static struct str value_of(const struct pair *pairs, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (str_is(pairs[i].name, name))
			return pairs[i].value;
	return S("");
}

/* A redirect back to the app goes where the app is this time, with the state that it sent this time. */
static struct str echo(const struct asked *x, const struct wanted *w, struct str text)
{
	struct str then = value_of(w->pairs, w->pair_count, "state"), now = value_of(x->pairs, x->pair_count, "state");
	struct str from = value_of(w->pairs, w->pair_count, "redirect_uri");
	struct str to = value_of(x->pairs, x->pair_count, "redirect_uri");
	if (x->oauth && from.n && to.n && str_starts(text, from))
		text = arena_printf(x->a, "%.*s%.*s", STR_ARG(to), STR_ARG(str_slice(text, from.n, text.n)));
	if (x->oauth && then.n && now.n && text.p)
		text = place_move(x->a, text, coded_state(x->a, then), coded_state(x->a, now));
	return text;
}

static struct http_header *headers_of(struct replay *r, struct http_exchange *x, const struct asked *asked,
				      size_t entry, size_t *ret_count)
{
	const struct recorded *e = &r->options.recording->entries[entry];
	struct http_header *out = ARENA_ARRAY(asked->a, struct http_header, e->header_count + 3);
	struct str origin = http_request_header(x, "Origin");
	size_t n = 0;
	for (size_t i = 0; out && i < e->header_count; i++) {
		struct str value = e->headers[i].value;
		if (NAME_IS_ONE_OF(e->headers[i].name, dropped))
			continue;
		/* Headers of HTTP/2 may hold several values a line each. */
		value = echo(asked, &r->wanted[entry], here(r, asked->a, value));
		if (value.p && str_find_char(value, '\n', 0) == STR_NONE)
			out[n++] = (struct http_header){e->headers[i].name, value};
	}
	if (out && origin.n)
		out[n++] = (struct http_header){S("Access-Control-Allow-Origin"), origin};
	*ret_count = n;
	return out;
}

static void respond(struct http_exchange *x, int status, struct str type, const struct http_header *headers,
		    size_t count, struct str text)
{
	struct buf body;
	buf_init(&body, SIZE_MAX);
	buf_add(&body, text);
	http_respond(x, &(struct http_response){.status = status,
						.content_type = type,
						.headers = headers,
						.header_count = count,
						.body = &body});
	buf_done(&body);
}

static void respond_outcome(struct http_exchange *x, struct arena *a, int status, const char *code, struct str text)
{
	static const struct http_header mark = {{"X-Firth-Replay", 14}, {"no-answer", 9}};
	struct buf out;
	buf_init(&out, 64 << 10);
	struct json_writer w = json_writer(&out);
	buf_printf(&out,
		   "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":\"%s\","
		   "\"diagnostics\":",
		   code);
	json_put_str(&w, text.p ? text : S("not recorded"));
	buf_add(&out, S("}]}\n"));
	respond(x, status, S("application/fhir+json"), &mark, 1, arena_str(a, buf_str(&out)));
	buf_done(&out);
}

static void respond_unmatched(struct replay *r, struct http_exchange *x, const struct asked *asked)
{
	const struct recording *all = r->options.recording;
	size_t best = 0, most = 0;
	struct str target = str_slice(http_request_target(x), 0, SHOWN_MAX);
	for (size_t i = 0; i < all->count; i++) {
		size_t n = asked_likeness(asked, &all->entries[i], &r->wanted[i]);
		best = n > most ? i : best;
		most = n > most ? n : most;
	}
	struct place place = {0};
	bool some = all->count && place_of(all->entries[best].url, &place);
	bool body = some && str_eq(r->wanted[best].path, asked->path) &&
		    str_eq(all->entries[best].method, asked->method) && asked_meets_query(asked, &r->wanted[best]);
	struct str text = arena_printf(asked->a, "%.*s %.*s was not recorded%s; the nearest that was: %.*s %.*s%s%.*s",
				       STR_ARG(asked->method), STR_ARG(target), body ? " with this body" : "",
				       STR_ARG(some ? all->entries[best].method : S("nothing")), STR_ARG(place.path),
				       place.query.p ? "?" : "", STR_ARG(str_slice(place.query, 0, SHOWN_MAX)));
	respond_outcome(x, asked->a, 404, "not-found", text);
}

/* A browser asks before it asks; a recording that was not made by one does not hold that. */
static bool respond_preflight(struct http_exchange *x, const struct asked *asked)
{
	struct str origin = http_request_header(x, "Origin");
	if (!str_is(asked->method, "OPTIONS") || !origin.n)
		return false;
	struct str wanted = http_request_header(x, "Access-Control-Request-Headers");
	const struct http_header headers[] = {
		{S("Access-Control-Allow-Origin"), origin},
		{S("Access-Control-Allow-Methods"), S("GET, POST, PUT, PATCH, DELETE")},
		{S("Access-Control-Allow-Headers"), wanted.n ? wanted : S("Accept")},
	};
	respond(x, 204, S(""), headers, sizeof(headers) / sizeof(headers[0]), S(""));
	return true;
}

static void respond_recorded(struct replay *r, struct http_exchange *x, const struct asked *asked, size_t entry)
{
	const struct recorded *e = &r->options.recording->entries[entry];
	size_t count;
	struct http_header *headers = headers_of(r, x, asked, entry, &count);
	struct str type = e->answer_type.p && !str_is(e->answer_type, "x-unknown") ? e->answer_type : S("");
	struct str text = here(r, asked->a, e->answer);
	if (e->answer_missing)
		respond_outcome(
			x, asked->a, 501, "incomplete",
			S("The answer's body was left out of the recording: it was too large or could not be masked"));
	else if (!headers || !text.p)
		respond_outcome(x, asked->a, 503, "transient", S("No memory"));
	else
		respond(x, e->status, type, headers, count, text);
}

static void handle(void *ctx, struct http_exchange *x)
{
	struct replay *r = ctx;
	const struct http_request *q = http_request(x);
	struct str type = http_request_header(x, "Content-Type");
	struct asked asked = {.a = q->arena,
			      .method = q->method,
			      .path = q->path,
			      .body = q->body,
			      .type = type.p ? type : S(""),
			      .any_body = r->options.any_body,
			      .oauth = !url_type(definitions_builtin(), q->path)};
	asked.pairs = pairs_of(q->arena, q->query, &asked.pair_count);
	pthread_mutex_lock(&r->lock);
	size_t entry = asked.pairs ? find(r, &asked) : r->options.recording->count;
	bool found = entry < r->options.recording->count;
	if (found)
		r->wanted[entry].used = true;
	bool preflight = !found && str_is(q->method, "OPTIONS");
	r->counts.matched += found;
	r->counts.unmatched += !found && !preflight;
	pthread_mutex_unlock(&r->lock);
	if (r->options.observe)
		r->options.observe(r->options.ctx, q->method, http_request_target(x),
				   found ? r->options.recording->entries[entry].status : 404, found);
	if (found)
		respond_recorded(r, x, &asked, entry);
	else if (!respond_preflight(x, &asked))
		respond_unmatched(r, x, &asked);
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	http_respond(x, &(struct http_response){.status = error_http_status(err->code), .content_type = S("")});
}

/* ---- beginning and end ------------------------------------------------------------------------------------------ */

static void add_origin(struct replay *r, struct str origin)
{
	for (size_t i = 0; i < r->origin_count; i++)
		if (str_eq(r->origins[i], origin))
			return;
	if (r->origin_count < ORIGINS_MAX)
		r->origins[r->origin_count++] = origin;
}

static bool prepare(struct replay *r, struct error *err)
{
	const struct recording *all = r->options.recording;
	r->wanted = ARENA_ARRAY(&r->arena, struct wanted, all->count + 1);
	for (size_t i = 0; r->wanted && i < all->count; i++) {
		struct wanted *w = &r->wanted[i];
		struct place place;
		if (!place_of(all->entries[i].url, &place))
			return error_set(err, ERR_STRUCTURE, "An entry has no usable address");
		add_origin(r, place.origin);
		w->path = decoded(&r->arena, place.path.p ? place.path : S("/"), false);
		struct pair *pairs = pairs_of(&r->arena, place.query, &w->pair_count);
		if (!w->path.p || !pairs)
			return error_memory(err);
		w->pairs = pairs;
	}
	return r->wanted ? true : error_memory(err);
}

/* The base is told by a path that ends in /metadata or in a discovery document, or by a resource type. */
static struct str base_path(const struct recording *all)
{
	static const char *const marks[] = {"/metadata", "/.well-known/smart-configuration"};
	struct place place;
	for (size_t i = 0; i < all->count; i++)
		for (size_t k = 0; place_of(all->entries[i].url, &place) && k < sizeof(marks) / sizeof(marks[0]); k++)
			if (place.path.p && str_ends(place.path, str_from(marks[k])))
				return str_slice(place.path, 0, place.path.n - strlen(marks[k]));
	for (size_t i = 0; i < all->count; i++) {
		if (!place_of(all->entries[i].url, &place) || !place.path.p)
			continue;
		struct str rest = place.path;
		while (rest.p) {
			struct str segment = str_split(&rest, '/');
			if (segment.n && definitions_resource(definitions_builtin(), segment))
				return str_slice(place.path, 0, (size_t)(segment.p - place.path.p) - 1);
		}
	}
	return S("");
}

static bool begin(struct replay *r, struct error *err)
{
	const struct http_handler handler = {.handle = handle, .refuse = refuse, .ctx = r};
	if (!prepare(r, err))
		return false;
	pthread_mutex_lock(&r->lock); /* whoever comes at once waits until everything is there */
	r->server = http_server_start(
		&(struct http_server_options){.port = r->options.port, .max_header = 64 << 10, .pack_from = SIZE_MAX},
		&handler, err);
	if (r->server)
		r->origin = arena_printf(&r->arena, "http://127.0.0.1:%u", http_server_port(r->server));
	r->base = arena_printf(&r->arena, "%.*s%.*s", STR_ARG(r->origin), STR_ARG(base_path(r->options.recording)));
	pthread_mutex_unlock(&r->lock);
	return r->server && (r->base.p || error_memory(err));
}

struct replay *replay_start(const struct replay_options *options, struct error *err)
{
	struct replay *r = calloc(1, sizeof(*r));
	if (!r) {
		error_memory(err);
		return NULL;
	}
	r->options = *options;
	arena_init(&r->arena, ARENA_NO_CAP);
	pthread_mutex_init(&r->lock, NULL);
	if (begin(r, err))
		return r;
	replay_stop(r);
	return NULL;
}

struct str replay_origin(const struct replay *r)
{
	return r->origin;
}

struct str replay_base(const struct replay *r)
{
	return r->base;
}

bool replay_never_asked(struct replay *r, size_t from, size_t *ret_entry)
{
	bool found = false;
	pthread_mutex_lock(&r->lock);
	for (size_t i = from; !found && i < r->options.recording->count; i++)
		if (!r->wanted[i].used) {
			*ret_entry = i;
			found = true;
		}
	pthread_mutex_unlock(&r->lock);
	return found;
}

void replay_count(struct replay *r, struct replay_counts *ret_counts)
{
	pthread_mutex_lock(&r->lock);
	*ret_counts = r->counts;
	ret_counts->never_asked = 0;
	for (size_t i = 0; i < r->options.recording->count; i++)
		ret_counts->never_asked += !r->wanted[i].used;
	pthread_mutex_unlock(&r->lock);
}

void replay_stop(struct replay *r)
{
	if (r->server)
		http_server_stop(r->server);
	pthread_mutex_destroy(&r->lock);
	arena_done(&r->arena);
	free(r);
}
