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
	struct str body; /* whole, unpacked, within the limit; empty when it went to a file */
	int file; /* -1, or where a body is that `expect` sent to a file, from the start; closed after the answer */
	uint64_t file_bytes;
	struct str address; /* of the peer: "127.0.0.1" */
	struct str request_id; /* X-Request-Id when it is sane ([A-Za-z0-9._-]{1,64}), otherwise a new UUID */
	struct arena *arena; /* lives as long as the exchange */
};

const struct http_request *http_request(const struct http_exchange *x);
/* The request target as it was sent, escapes and query included, from its first slash on. */
struct str http_request_target(const struct http_exchange *x);
/* A request header without regard to case, STR_NULL when absent. */
struct str http_request_header(const struct http_exchange *x, const char *name);
/* The file of the body becomes the caller's, who closes it; -1 when there is none. */
int http_request_take_file(struct http_exchange *x);
/* Has fn called when the exchange is over, answered or broken off, the last one set first. False without memory. */
bool http_exchange_at_end(struct http_exchange *x, void (*fn)(void *arg), void *arg) MUST_USE;
/* Breaks the connection after so many bytes of the answer's body, at most in its middle: for servers that imitate a bad
 * network. To be said before the answer. */
void http_exchange_cut(struct http_exchange *x, size_t bytes);
/* A q value (RFC 9110 section 12.4.2) in thousandths, -1 when it is none. */
int http_quality(struct str text);

/* Answers. Exactly once per exchange, from any thread; the exchange must not be touched afterwards. Takes body over:
 * the buffer is emptied and its memory freed by the server. content_type "" sends none. X-Request-Id is added. A header
 * that could start another (a line break, say) turns the whole answer into an empty 500. Text from some size on is
 * packed when the client takes that (Accept-Encoding), with Vary, and a strong ETag then becomes a weak one. */
struct http_header {
	struct str name, value; /* copied */
};
/* A file as body, from its start: never in memory, packed piece by piece when the client takes that. The descriptor is
 * taken over and closed. */
struct http_sent_file {
	int fd;
	uint64_t size;
};
struct http_response {
	int status;
	struct str content_type;
	const struct http_header *headers;
	size_t header_count;
	struct buf *body; /* NULL: empty */
	const struct http_sent_file *file; /* instead of body; NULL: none */
};
void http_respond(struct http_exchange *x, const struct http_response *response);
/* How a Content-Security-Policy of our pages with forms begins: no script, and styles, the icon and forms of the same
 * origin alone. What follows is more form-action and each page's own. */
#define HTTP_PAGE_POLICY "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'"
/* Answers GET /favicon.ico with Firth's icon (true), and leaves everything else alone (false). Pages that may show it
 * allow img-src 'self'. */
bool http_answer_icon(struct http_exchange *x);

/* An exchange of its own, without a connection: for work that goes on after its client was answered, and for tests.
 * Request and headers are copied; the answer goes to `answered` instead, on the thread that gives it, and is its own
 * once it takes the body's memory. The exchange ends when answered returns. */
struct http_apart {
	struct http_request request; /* without arena; file is taken over */
	const struct http_header *headers;
	size_t header_count;
	size_t max_arena; /* 0 = 512 MB */
	void (*answered)(void *ctx, const struct http_response *response);
	void *ctx;
};
struct http_exchange *http_exchange_apart(const struct http_apart *apart, struct error *err) MUST_USE;
/* The headers of a request, in the order they came; names and values live as long as the exchange. False without
 * memory. */
bool http_request_headers(const struct http_exchange *x, struct arena *a, struct http_header **ret_headers,
			  size_t *ret_count) MUST_USE;

/* What is to happen with a body that is about to come. */
struct http_expectation {
	uint64_t max_body; /* comes with the server's limit; may be raised or lowered */
	const char *limit; /* the key of that limit for messages, static; comes as "limits.body" */
	bool to_file; /* do not keep it in memory: it goes to a nameless file in the server's spool directory */
};

/* Called on a server thread for each complete request. Either answers or arranges that someone will. For requests that
 * go wrong before they are complete (too large, broken framing, bad escapes) `refuse` is called instead, and must
 * answer at once; err says why. */
struct http_handler {
	void (*handle)(void *ctx, struct http_exchange *x);
	void (*refuse)(void *ctx, struct http_exchange *x, const struct error *err);
	/* May be NULL. Called when the header is there and a body will follow; false refuses it with err. */
	bool (*expect)(void *ctx, struct http_exchange *x, struct http_expectation *expectation, struct error *err);
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
	size_t max_header; /* request line, headers and answer head together; 0 = 16 KB */
	unsigned max_connections; /* 0 = 1024 */
	unsigned max_requests; /* under way at once; more are refused with ERR_BUSY; 0 = 512 */
	unsigned idle_timeout_s; /* without a byte from the peer; 0 = 60 */
	/* What one request may take to arrive, or one answer to be fetched, however steadily it trickles; large ones
	 * get one second more for each 16 KB. 0 = 60 */
	unsigned transfer_timeout_s;
	struct str spool; /* directory of bodies that go to files; STR_NULL: /tmp */
	size_t pack_from; /* smallest body that is packed; 0 = 4 KB */
};
struct http_server *http_server_start(const struct http_server_options *options, const struct http_handler *handler,
				      struct error *err) MUST_USE;
uint16_t http_server_port(const struct http_server *server);
/* Requests answered so far, and how many are under way. */
uint64_t http_server_served(const struct http_server *server, uint64_t *ret_busy);
/* Stops taking connections, waits until every exchange is answered, frees. */
void http_server_stop(struct http_server *server);

#endif
