/*
 * From the first byte of a request to the handler: the callbacks that libmicrohttpd makes on its threads. For each
 * request they come as receive_target, receive_request once for the header, for each piece of body, once when it is
 * complete, once more when a suspended connection wakes up, and receive_done.
 */
#include "base/clock.h"
#include "base/random.h"
#include "http/server_priv.h"

enum {
	/* How long and how much of a refused upload is read and thrown away so that its sender gets to see the answer:
	 * closing on unread bytes would reset the connection, and many clients read only after they have sent all. */
	LINGER_S = 30,
	LINGER_BYTES = 512 * 1024 * 1024,
};

void *receive_target(void *cls, const char *target, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_exchange *x = exchange_take(cls, connection, target);
	if (!x)
		return NULL;
	x->peer = info ? info->socket_context : NULL;
	x->started_ns = clock_monotonic_ns();
	peer_expect(x->peer, x->started_ns, 0);
	return x;
}

void receive_connection(void *cls, struct MHD_Connection *connection, void **context,
			enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		peer_remove(*context);
		*context = NULL;
		accept_ended(cls, connection);
		return;
	}
	*context = peer_add(cls, connection);
}

static bool sane_request_id(struct str id)
{
	if (id.n == 0 || id.n > 64)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

static void name_request(struct http_exchange *x)
{
	struct str sent = http_request_header(x, "X-Request-Id");
	if (sane_request_id(sent)) {
		memcpy(x->request_id, sent.p, sent.n);
		x->request.request_id = str_make(x->request_id, sent.n);
	} else {
		random_uuid(x->request_id);
		x->request.request_id = str_make(x->request_id, UUID_SIZE);
	}
}

/* Has the handler answer a request that will not be handled. Afterwards the exchange is answered. */
static enum MHD_Result refuse(struct http_exchange *x, const struct error *err, bool body_follows)
{
	const struct http_handler *handler = &x->server->handler;
	/* A client that waits for "100 Continue" has sent nothing yet, so the usual way serves it well. */
	x->early = body_follows && (x->begun || !str_eq_nocase(http_request_header(x, "Expect"), S("100-continue")));
	x->begun = true;
	handler->refuse(handler->ctx, x, err);
	if (atomic_load_explicit(&x->state, memory_order_acquire) != EXCHANGE_ANSWERED)
		return MHD_NO;
	x->lingering = x->early;
	return respond_queue(x);
}

static enum MHD_Result begin(struct http_exchange *x, const char *method)
{
	struct error err = {0};
	bool body_follows = false;
	/* HEAD is GET whose body is not sent (RFC 9110 section 9.3.2), which libmicrohttpd sees to. */
	x->request.method = str_is(str_from(method), "HEAD") ? S("GET") : str_from(method);
	x->head = x->request.method.n != strlen(method);
	x->request.path = x->request.query = x->request.body = S("");
	x->request.address = x->peer ? str_make(x->peer->text, x->peer->n) : S("");
	name_request(x);
	bool good = method_valid(x->request.method) ||
		    error_set(&err, ERR_VALUE, "The request method is not a word of letters");
	if (!good)
		x->request.method = S("INVALID"); /* what logs and answers may repeat */
	good = target_parse(&x->arena, x->target, &x->request.path, &x->request.query, &err) && good;
	good = body_expect(x, &body_follows, &err) && good;
	if (!good)
		return refuse(x, &err, body_follows);
	x->begun = true;
	return MHD_YES;
}

static enum MHD_Result collect(struct http_exchange *x, struct str piece)
{
	struct error err = {0};
	if (x->lingering) {
		x->lingered += piece.n;
		bool patient = clock_monotonic_ns() - x->started_ns < LINGER_S * UINT64_C(1000000000);
		return patient && x->lingered < LINGER_BYTES ? MHD_YES : MHD_NO;
	}
	peer_came(x->peer, piece.n);
	return body_add(x, piece, &err) ? MHD_YES : refuse(x, &err, true);
}

/* Too many at once are sent away while there is memory to say so; the connection stays usable. */
static enum MHD_Result turn_away(struct http_exchange *x)
{
	struct error err = {0};
	error_set(&err, ERR_BUSY, "The limit of %u requests under way is reached (limits.requests); try again shortly",
		  x->server->max_requests);
	return refuse(x, &err, false);
}

/* Hands a complete request over, and puts the connection to sleep when the answer will come later. */
static enum MHD_Result dispatch(struct http_exchange *x)
{
	const struct http_handler *handler = &x->server->handler;
	struct error err = {0};
	uint64_t busy;
	peer_rest(x->peer);
	if (!server_begin_exchange(x->server, &busy))
		return MHD_NO;
	x->dispatched = x->whole = true;
	if (busy > x->server->max_requests)
		return turn_away(x);
	if (!body_end(x, &err))
		return refuse(x, &err, false);
	handler->handle(handler->ctx, x);
	if (atomic_load_explicit(&x->state, memory_order_acquire) == EXCHANGE_ANSWERED)
		return respond_queue(x);
	struct MHD_Connection *connection = x->connection;
	MHD_suspend_connection(connection);
	int open = EXCHANGE_OPEN;
	/* It may have been answered while we went to sleep; then nobody else will wake us. */
	if (!atomic_compare_exchange_strong(&x->state, &open, EXCHANGE_SUSPENDED))
		MHD_resume_connection(connection);
	return MHD_YES;
}

enum MHD_Result receive_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
				const char *version, const char *upload, size_t *upload_size, void **context)
{
	(void)cls, (void)connection, (void)url, (void)version;
	struct http_exchange *x = *context;
	if (!x)
		return MHD_NO;
	if (!x->begun)
		return begin(x, method);
	if (*upload_size) {
		struct str piece = str_make(upload, *upload_size);
		*upload_size = 0;
		return collect(x, piece);
	}
	if (x->lingering)
		return MHD_NO; /* the answer went out long ago */
	if (atomic_load_explicit(&x->state, memory_order_acquire) == EXCHANGE_ANSWERED)
		return respond_queue(x);
	return dispatch(x);
}

void receive_done(void *cls, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why)
{
	(void)connection, (void)why;
	struct http_server *s = cls;
	struct http_exchange *x = *context;
	if (!x)
		return;
	*context = NULL;
	uint64_t now = clock_monotonic_ns();
	if (s->handler.observe && x->status)
		s->handler.observe(s->handler.ctx, &x->request, x->status, now - x->started_ns);
	peer_idle(x->peer, now);
	bool dispatched = x->dispatched;
	atomic_fetch_add_explicit(&s->served, 1, memory_order_relaxed);
	exchange_give(x);
	if (dispatched)
		server_end_exchange(s);
}
