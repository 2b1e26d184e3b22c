/*
 * The way of a request through an endpoint: read, judged, then committed with its audit record as one transaction, and
 * only then answered. The server thread is free as soon as the transaction is handed in. What a refusal brings with it
 * (the decision, for `firth why`; a counter; the end of what was reused) is committed in the same way.
 */
#include "server/smart/smart_priv.h"

enum { MAX_BODY = 256 * 1024, MOST_COMMIT = MOST_FACTS + MOST_AFTERMATH + 1 };

struct running {
	struct asking q;
	const struct endpoint *endpoint;
	struct http_exchange *exchange;
	struct buf out;
	struct error err;
	int status;
	struct str challenge;
	struct audit_event event;
	struct store_fact facts[MOST_COMMIT];
	struct store_txn txn;
};

/* ---- answering -----------------------------------------------------------------------------------------------------
 */

void endpoint_respond(struct http_exchange *x, int status, struct str challenge, struct buf *body)
{
	struct http_header headers[] = {{S("Cache-Control"), S("no-store")},
					{S("Pragma"), S("no-cache")},
					{S("Access-Control-Allow-Origin"), S("*")},
					{S("Access-Control-Expose-Headers"), S("WWW-Authenticate, X-Request-Id")},
					{S("WWW-Authenticate"), challenge},
					{S("Retry-After"), S("60")}};
	size_t count = 4;
	if (challenge.p)
		count++;
	if (status == 429 || status == 503) {
		headers[count] = headers[5];
		count++;
	}
	http_respond(x, &(struct http_response){.status = status,
						.content_type = body->n ? S("application/json") : S(""),
						.headers = headers,
						.header_count = count,
						.body = body});
}

static void respond(struct running *r)
{
	asking_done(&r->q);
	struct buf body = r->out;
	endpoint_respond(r->exchange, r->status, r->challenge, &body);
	buf_done(&body);
}

/* It could not be recorded, so it did not happen. */
static void respond_trouble(struct running *r)
{
	buf_reset(&r->out);
	r->status = error_http_status(r->err.code);
	if (r->status < 500)
		r->status = 500;
	r->challenge = STR_NULL;
	(void)decision_write_oauth(&r->out, &r->err, "server_error");
	respond(r);
}

/* ---- committing ----------------------------------------------------------------------------------------------------
 */

static void commit(struct running *r, void (*done)(void *ctx, struct store_txn *txn))
{
	struct decision *d = r->q.decision;
	struct str client = r->q.client ? r->q.client->facts.client_id : d ? d->client : STR_NULL;
	const struct http_request *request = http_request(r->exchange);
	r->event = (struct audit_event){.action = 'E',
					.interaction = str_from(r->endpoint->name),
					.outcome = r->err.code ? 4 : 0,
					.http_status = r->status,
					.agent = client.n ? client : S("anonymous"),
					.address = request->address,
					.request_id = request->request_id,
					.detail = r->err.code ? str_from(r->err.text) : decision_detail(d, r->q.a)};
	size_t fact_count = r->txn.fact_count;
	r->txn = (struct store_txn){.events = &r->event,
				    .event_count = 1,
				    .facts = r->facts,
				    .fact_count = fact_count,
				    .done = done,
				    .ctx = r};
	store_submit(r->q.s->options.store, &r->txn);
}

static void refused(void *ctx, struct store_txn *txn)
{
	struct running *r = ctx;
	if (txn->err.code) {
		r->err = txn->err;
		respond_trouble(r);
		return;
	}
	respond(r);
}

static bool is_of_token(const struct running *r)
{
	return r->endpoint->kind == ENDPOINT_BEARER || r->q.by_token;
}

/* RFC 6750 section 3 for tokens, RFC 6749 section 5.2 for clients. */
static struct str challenge(struct running *r)
{
	struct asking *q = &r->q;
	if (is_of_token(r))
		return decision_challenge(q->a, &r->err, decision_needed_scope(q->decision), STR_NULL);
	return r->status == 401 ? S("Basic realm=\"firth\", charset=\"UTF-8\"") : STR_NULL;
}

static void refuse(struct running *r)
{
	struct asking *q = &r->q;
	const struct http_request *request = http_request(r->exchange);
	const char *code;
	r->status = asking_refuse(q, &r->err, &code);
	if (is_of_token(r) || r->err.code == ERR_FORBIDDEN || r->err.code == ERR_METHOD)
		r->status = error_http_status(r->err.code);
	r->challenge = challenge(r);
	r->txn.fact_count = asking_aftermath(q, r->facts);
	const struct decision_request about = {.request_id = request->request_id,
					       .method = request->method,
					       .address = request->address,
					       .route = str_from(r->endpoint->path + 1),
					       .status = r->status,
					       .now_ms = q->now_ms};
	if (decision_fact(q->s->options.journal, q->a, q->decision, &about, &r->err, &r->facts[r->txn.fact_count]))
		r->txn.fact_count++;
	commit(r, refused);
}

static void granted(void *ctx, struct store_txn *txn)
{
	struct running *r = ctx;
	struct store_txn ended = *txn;
	if (!ended.err.code) {
		if (r->q.revokes)
			atomic_fetch_add(&r->q.s->generation, 1);
		respond(r);
		return;
	}
	if (ended.err.code == ERR_CONFLICT && ended.fact_failed) {
		(void)asking_explain(&r->q, ended.failed, &r->err);
		refuse(r);
		return;
	}
	r->err = ended.err;
	respond_trouble(r);
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static bool is_media(struct str header, const char *type)
{
	struct str rest = header;
	return str_eq_nocase(str_trim(str_split(&rest, ';')), str_from(type));
}

static bool check_request(struct running *r, struct error *err)
{
	const struct http_request *request = http_request(r->exchange);
	struct str type = http_request_header(r->exchange, "Content-Type");
	enum endpoint_kind kind = r->endpoint->kind;
	if (kind == ENDPOINT_BEARER)
		return str_is(request->method, "GET") || str_is(request->method, "POST") ||
		       error_set(err, ERR_METHOD, "This takes GET and POST");
	if (!str_is(request->method, "POST"))
		return error_set(err, ERR_METHOD, "This takes POST");
	/* RFC 6749 section 2.3.1: URLs end up in logs and histories. */
	if (request->query.n)
		return decision_refuse(r->q.decision, CHECK_REQUEST, REFUSAL_REQUEST_MALFORMED,
				       S("parameters in the URL"), S("parameters in the body"), STR_NULL, err);
	if (request->body.n > MAX_BODY)
		return error_set(err, ERR_INVALID_REQUEST, "The body is larger than %d bytes", MAX_BODY);
	if (kind == ENDPOINT_FORM && type.p && !is_media(type, "application/x-www-form-urlencoded"))
		return decision_refuse(r->q.decision, CHECK_REQUEST, REFUSAL_REQUEST_MALFORMED, str_slice(type, 0, 80),
				       S("application/x-www-form-urlencoded"), STR_NULL, err);
	return kind != ENDPOINT_FORM || form_parse(r->q.a, request->body, r->q.decision, &r->q.form, err);
}

void endpoint_serve(struct smart *s, struct http_exchange *x, const struct endpoint *endpoint)
{
	const struct http_request *request = http_request(x);
	struct running *r = ARENA_NEW(request->arena, struct running);
	if (!r) {
		http_respond(x, &(struct http_response){.status = 503, .content_type = S("")});
		return;
	}
	r->endpoint = endpoint;
	r->exchange = x;
	r->status = 200;
	buf_init(&r->out, 1 << 20);
	asking_begin(&r->q, s, request->arena, http_request_header(x, "Authorization"), request->address, &r->out);
	r->q.body = request->body;
	if (!check_request(r, &r->err) || !endpoint->run(&r->q, &r->err)) {
		refuse(r);
		return;
	}
	if (r->q.status)
		r->status = r->q.status;
	memcpy(r->facts, r->q.facts, r->q.fact_count * sizeof(r->facts[0]));
	r->txn.fact_count = r->q.fact_count;
	commit(r, granted);
}
