/*
 * Watching flows: requests of the authorization server, and those of the FHIR API that carry a token of a flow, go
 * through an exchange of our own, so that the answer can be looked at before it goes out. A message belongs to a flow
 * when it carries something that the flow gave out before: launch, request, state, code or a token, of which only
 * digests are kept.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "jose/jose.h"
#include "sandbox/launcher_priv.h"

enum { PAIRS_MAX = 64, JSON_MAX = 1 << 20 };

/* ---- flows ------------------------------------------------------------------------------------------------------- */

static void flow_clear(struct launcher_flow *flow)
{
	for (size_t i = 0; i < flow->count; i++) {
		free(flow->messages[i].sent);
		free(flow->messages[i].got);
	}
	memset(flow, 0, sizeof(*flow));
}

struct launcher_flow *launcher_flow_new(struct launcher *l, int64_t now_ms)
{
	struct launcher_flow *flow = &l->flows[l->last % LAUNCHER_FLOWS];
	flow_clear(flow);
	flow->number = ++l->last;
	flow->started_ms = now_ms;
	return flow;
}

struct launcher_flow *launcher_flow_find(struct launcher *l, uint64_t number)
{
	struct launcher_flow *flow = number ? &l->flows[(number - 1) % LAUNCHER_FLOWS] : NULL;
	return flow && flow->number == number ? flow : NULL;
}

static bool knows(const struct launcher_flow *flow, const unsigned char digest[32])
{
	for (size_t i = 0; i < flow->mark_count; i++)
		if (memcmp(flow->marks[i], digest, 32) == 0)
			return true;
	return false;
}

void launcher_mark(struct launcher_flow *flow, struct str secret)
{
	unsigned char digest[32];
	if (secret.n < 8) /* too short to be one */
		return;
	digest_sha256(secret, digest);
	if (knows(flow, digest))
		return;
	memcpy(flow->marks[flow->mark_next++ % LAUNCHER_MARKS], digest, 32);
	if (flow->mark_count < LAUNCHER_MARKS)
		flow->mark_count++;
}

static struct launcher_flow *find_by(struct launcher *l, struct str secret)
{
	unsigned char digest[32];
	if (secret.n < 8)
		return NULL;
	digest_sha256(secret, digest);
	for (size_t i = 0; i < LAUNCHER_FLOWS; i++)
		if (l->flows[i].number && knows(&l->flows[i], digest))
			return &l->flows[i];
	return NULL;
}

/* ---- what a message carries -------------------------------------------------------------------------------------- */

/* The secrets of one message, to find its flow by and to tell the flow about. */
struct carried {
	struct launcher_pair pairs[PAIRS_MAX];
	size_t count;
};

static void carry_form(struct arena *a, struct str form, struct carried *c)
{
	c->count += launcher_pairs(a, form, c->pairs + c->count, PAIRS_MAX - c->count);
}

static void carry_url(struct arena *a, struct str url, struct carried *c)
{
	size_t mark = str_find_char(url, '?', 0);
	if (mark != STR_NONE)
		carry_form(a, str_slice(url, mark + 1, url.n), c);
}

static void carry_json(struct arena *a, struct str text, struct carried *c)
{
	struct error ignored = {0};
	const struct json *j = text.n < JSON_MAX ? json_parse(a, text, 0, &ignored) : NULL;
	struct json_iter it = json_iter(json_is(j, JSON_OBJECT) ? j : NULL);
	while (c->count < PAIRS_MAX && json_next(&it))
		if (json_is(it.value, JSON_STRING))
			c->pairs[c->count++] = (struct launcher_pair){it.key, json_str(it.value)};
}

static struct str bearer_of(const struct http_exchange *x)
{
	struct str header = http_request_header(x, "Authorization"), scheme = S("Bearer ");
	return str_starts(header, scheme) ? str_slice(header, scheme.n, header.n) : STR_NULL;
}

static void carry_request(struct http_exchange *x, struct carried *c)
{
	const struct http_request *r = http_request(x);
	carry_form(r->arena, r->query, c);
	carry_form(r->arena, r->body, c);
	struct str bearer = bearer_of(x);
	if (bearer.n && c->count < PAIRS_MAX)
		c->pairs[c->count++] = (struct launcher_pair){S("access_token"), bearer};
	/* The pages of the person's part keep their request in the form or in the address. */
	struct str referer = http_request_header(x, "Referer");
	if (referer.n)
		carry_url(r->arena, referer, c);
}

/* A launch says most: other values may be those of another flow, if an app uses them twice. */
static struct launcher_flow *flow_of(struct launcher *l, const struct carried *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (str_is(c->pairs[i].name, "launch"))
			return find_by(l, c->pairs[i].value);
	for (size_t i = 0; i < c->count; i++) {
		bool telling = launcher_is_mark(c->pairs[i].name) || str_is(c->pairs[i].name, "token");
		struct launcher_flow *flow = telling ? find_by(l, c->pairs[i].value) : NULL;
		if (flow)
			return flow;
	}
	return NULL;
}

static void mark_all(struct launcher_flow *flow, const struct carried *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (launcher_is_mark(c->pairs[i].name))
			launcher_mark(flow, c->pairs[i].value);
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

static char *copy_text(struct buf *text)
{
	char *copy = buf_ok(text) || text->n ? strndup(text->p ? text->p : "", text->n) : NULL;
	buf_done(text);
	return copy;
}

static char *describe_request(struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	struct buf text;
	buf_init(&text, LAUNCHER_TEXT);
	struct str authorization = http_request_header(x, "Authorization");
	if (authorization.n)
		launcher_show_header(&text, "Authorization", authorization);
	launcher_show_form(&text, r->query);
	if (str_find(http_request_header(x, "Content-Type"), S("form-urlencoded")) != STR_NONE)
		launcher_show_form(&text, r->body);
	return copy_text(&text);
}

static void note_request(struct launcher_flow *flow, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	if (flow->count == LAUNCHER_MESSAGES) {
		flow->full = true;
		return;
	}
	struct launcher_message *m = &flow->messages[flow->count++];
	*m = (struct launcher_message){.time_ms = clock_now_ms()};
	snprintf(m->request_id, sizeof(m->request_id), "%.*s", STR_ARG(r->request_id));
	snprintf(m->asked, sizeof(m->asked), "%.*s %.*s", STR_ARG(r->method), STR_ARG(r->path));
	m->meaning = launcher_meaning(r->method, r->path, r->body);
	m->sent = describe_request(x);
}

static bool is_watched(struct str path)
{
	if (str_starts(path, S("/auth/")))
		return !str_ends(path, S(".css")) && !str_ends(path, S("/jwks"));
	return str_ends(path, S("/authorize")) || str_ends(path, S("/token")); /* a vendor's addresses */
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

struct tapped {
	struct launcher *launcher;
	struct http_exchange *outer;
	uint64_t flow;
	char request_id[65];
};

static struct str header_of(const struct http_response *response, const char *name)
{
	for (size_t i = 0; i < response->header_count; i++)
		if (str_eq_nocase(response->headers[i].name, str_from(name)))
			return response->headers[i].value;
	return STR_NULL;
}

static char *describe_answer(const struct http_response *response)
{
	struct buf text;
	buf_init(&text, LAUNCHER_TEXT);
	struct str location = header_of(response, "Location"), challenge = header_of(response, "WWW-Authenticate");
	if (location.n)
		launcher_show_url(&text, location);
	if (challenge.n)
		buf_printf(&text, "WWW-Authenticate: %.*s\n", STR_ARG(challenge));
	if (response->body && str_starts(response->content_type, S("application/json")))
		launcher_show_json(&text, buf_str(response->body));
	return copy_text(&text);
}

static void answered(void *ctx, const struct http_response *response)
{
	struct tapped *t = ctx;
	struct launcher *l = t->launcher;
	struct arena a;
	struct carried *c;
	arena_init(&a, 16 << 20);
	c = ARENA_NEW(&a, struct carried);
	if (c) {
		carry_url(&a, header_of(response, "Location"), c);
		if (response->body && str_starts(response->content_type, S("application/json")))
			carry_json(&a, buf_str(response->body), c);
	}
	pthread_mutex_lock(&l->lock);
	struct launcher_flow *flow = launcher_flow_find(l, t->flow);
	if (flow && c)
		mark_all(flow, c);
	for (size_t i = flow ? flow->count : 0; i > 0; i--) {
		struct launcher_message *m = &flow->messages[i - 1];
		if (strcmp(m->request_id, t->request_id) || m->status)
			continue;
		m->status = response->status;
		m->got = describe_answer(response);
		break;
	}
	pthread_mutex_unlock(&l->lock);
	arena_done(&a);
	http_respond(t->outer, response);
}

static struct http_exchange *open_tap(struct launcher *l, struct http_exchange *x, uint64_t flow)
{
	const struct http_request *r = http_request(x);
	struct error ignored = {0};
	struct http_header *headers;
	size_t count;
	struct tapped *t = ARENA_NEW(r->arena, struct tapped);
	if (!t || !http_request_headers(x, r->arena, &headers, &count))
		return x;
	*t = (struct tapped){.launcher = l, .outer = x, .flow = flow};
	snprintf(t->request_id, sizeof(t->request_id), "%.*s", STR_ARG(r->request_id));
	struct http_apart apart = {
		.request = *r, .headers = headers, .header_count = count, .answered = answered, .ctx = t};
	apart.request.file = -1;
	struct http_exchange *inner = http_exchange_apart(&apart, &ignored);
	return inner ? inner : x;
}

struct http_exchange *launcher_tap(struct launcher *l, struct http_exchange *x)
{
	const struct http_request *r = l ? http_request(x) : NULL;
	struct str bearer = l ? bearer_of(x) : STR_NULL;
	bool watched = l && is_watched(r->path);
	if (!watched && !bearer.n)
		return x;
	struct carried *c = ARENA_NEW(r->arena, struct carried);
	if (!c || r->file >= 0)
		return x;
	if (watched)
		carry_request(x, c);
	else
		c->pairs[c->count++] = (struct launcher_pair){S("access_token"), bearer};
	pthread_mutex_lock(&l->lock);
	struct launcher_flow *flow = flow_of(l, c);
	if (!flow && str_ends(r->path, S("/authorize"))) { /* an app that began by itself */
		flow = launcher_flow_new(l, clock_now_ms());
		snprintf(flow->what, sizeof(flow->what), "An app began by itself");
		for (size_t i = 0; i < c->count; i++)
			if (str_is(c->pairs[i].name, "client_id"))
				snprintf(flow->client, sizeof(flow->client), "%.*s", STR_ARG(c->pairs[i].value));
	}
	if (flow) {
		mark_all(flow, c);
		note_request(flow, x);
	}
	uint64_t number = flow ? flow->number : 0;
	pthread_mutex_unlock(&l->lock);
	return number ? open_tap(l, x, number) : x;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

struct launcher *launcher_open(const struct launcher_options *options, struct error *err)
{
	struct launcher *l = calloc(1, sizeof(*l));
	if (l)
		l->flows = calloc(LAUNCHER_FLOWS, sizeof(*l->flows));
	if (!l || !l->flows) {
		free(l);
		error_memory(err);
		return NULL;
	}
	l->o = *options;
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void launcher_close(struct launcher *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < LAUNCHER_FLOWS; i++)
		flow_clear(&l->flows[i]);
	free(l->flows);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static uint64_t number_of(struct str query)
{
	uint64_t number = 0;
	while (query.p) {
		struct str value = str_split(&query, '&'), name = str_split(&value, '=');
		if (str_is(name, "n") && !str_to_u64(value, &number))
			return 0;
	}
	return number;
}

bool launcher_handle(struct launcher *l, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	if (!l || !(str_is(r->path, "/launcher") || str_starts(r->path, S("/launcher/"))))
		return false;
	if (str_is(r->path, "/launcher/page.css"))
		launcher_style(x);
	else if (str_is(r->path, "/launcher/flow"))
		launcher_show_flow(l, x, number_of(r->query));
	else if (str_is(r->method, "POST"))
		launcher_start(l, x);
	else
		launcher_show_choice(l, x, STR_NULL);
	return true;
}
