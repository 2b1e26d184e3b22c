/*
 * The server side of HTTP/1.1 over libmicrohttpd: a few threads, each with its own epoll, and exchanges that may be
 * answered at once or later from another thread without holding a thread meanwhile. Listens on loopback unless told
 * otherwise. One header for callers; libmicrohttpd is not seen outside this room.
 */
#ifndef FIRTH_HTTP_SERVER_H
#define FIRTH_HTTP_SERVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct http_server;
struct http_exchange;

/* What came in. Text is valid until the answer was sent. */
struct http_request {
	struct str method; /* "GET"; also for HEAD, whose answer is sent without its body */
	struct str path; /* percent-decoded, without query; never contains a zero byte, "//" or dot segments */
	struct str query; /* as sent, without '?' */
	struct str body; /* whole, within the limit */
	struct str address; /* of the peer: "127.0.0.1" */
	struct str request_id; /* X-Request-Id when it is sane ([A-Za-z0-9._-]{1,64}), otherwise a new UUID */
	struct arena *arena; /* lives as long as the exchange */
};

const struct http_request *http_request(const struct http_exchange *x);
/* A request header without regard to case, STR_NULL when absent. */
struct str http_request_header(const struct http_exchange *x, const char *name);

/* Answers. Exactly once per exchange, from any thread; the exchange must not be touched afterwards. Takes body over:
 * the buffer is emptied and its memory freed by the server. content_type "" sends none. X-Request-Id is added. A header
 * that could start another (a line break, say) turns the whole answer into an empty 500. */
struct http_header {
	struct str name, value; /* copied */
};
struct http_response {
	int status;
	struct str content_type;
	const struct http_header *headers;
	size_t header_count;
	struct buf *body; /* NULL: empty */
};
void http_respond(struct http_exchange *x, const struct http_response *response);

/* Called on a server thread for each complete request. Either answers or arranges that someone will. For requests that
 * go wrong before they are complete (too large, broken framing, bad escapes) `refuse` is called instead, and must
 * answer at once; err says why. */
struct http_handler {
	void (*handle)(void *ctx, struct http_exchange *x);
	void (*refuse)(void *ctx, struct http_exchange *x, const struct error *err);
	void *ctx;
	/* May be NULL. Called once an exchange was answered, while its request is still valid, from any thread: for
	 * logs and measurements, which never need more than this. */
	void (*observe)(void *ctx, const struct http_request *request, int status, uint64_t duration_ns);
};

struct http_server_options {
	struct str host; /* STR_NULL = "127.0.0.1" */
	uint16_t port; /* 0 = any free one */
	unsigned threads; /* 0 = one per core, at most 8 */
	size_t max_body; /* 0 = 64 MB; larger is refused with ERR_TOO_LARGE before it is read */
	size_t max_arena; /* per request; 0 = 512 MB */
	unsigned max_connections; /* 0 = 1024 */
	unsigned idle_timeout_s; /* 0 = 60 */
};
struct http_server *http_server_start(const struct http_server_options *options, const struct http_handler *handler,
				      struct error *err) MUST_USE;
uint16_t http_server_port(const struct http_server *server);
/* Stops taking connections, waits until every exchange is answered, frees. */
void http_server_stop(struct http_server *server);

#endif
