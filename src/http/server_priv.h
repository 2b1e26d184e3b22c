/*
 * What the files of the HTTP server share. An exchange lives from the request line to the last byte of the answer; it
 * belongs to the server thread of its connection, except that whoever answers it fills in the response and then hands
 * it back through `state`. Finished exchanges wait in a pool with their first arena block, so a small request costs no
 * malloc of ours.
 */
#ifndef FIRTH_HTTP_SERVER_PRIV_H
#define FIRTH_HTTP_SERVER_PRIV_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "http/server.h"

enum exchange_state {
	EXCHANGE_OPEN, /* nobody has answered yet */
	EXCHANGE_SUSPENDED, /* the connection sleeps until somebody answers */
	EXCHANGE_ANSWERED, /* response is set */
};

struct http_exchange {
	struct http_request request;
	struct arena arena;
	struct buf body;
	struct http_server *server;
	struct MHD_Connection *connection;
	struct http_exchange *next; /* in the pool */
	struct str target; /* as sent */
	struct MHD_Response *response; /* NULL although answered: it could not be made, the connection ends */
	atomic_int state;
	int status;
	bool begun; /* the header was looked at */
	bool dispatched; /* counted in server->busy */
	bool early; /* refused while a body is still to come: answer on the socket itself, then linger */
	bool lingering;
	bool head; /* the method was HEAD */
	uint64_t started_ns;
	uint64_t lingered; /* bytes thrown away */
	char request_id[64];
};

/* Marks the last phase of stopping in `busy`: from here on no exchange may begin. */
#define SERVER_CLOSED ((uint64_t)1 << 32)

enum {
	POOLED_EXCHANGES = 256,
	KEPT_ARENA = 8 * 1024, /* what an exchange in the pool may hold, each */
	KEPT_BODY = 16 * 1024,
};

struct http_server {
	struct http_handler handler;
	struct MHD_Daemon *daemon;
	int listener;
	uint16_t port;
	size_t max_body, max_arena;
	atomic_bool stopping;
	_Atomic uint64_t busy; /* exchanges between handle() and their last byte */
	pthread_mutex_t lock; /* over the pool */
	struct http_exchange *pool;
	size_t pooled;
};

/* The text of an address, without scope and port; "" when it has none. */
struct peer {
	char text[64];
	size_t n;
};

/* server.c */
bool server_begin_exchange(struct http_server *s);
void server_end_exchange(struct http_server *s);

/* exchange.c: a fresh exchange for a request line, NULL without memory; and back into the pool. */
struct http_exchange *exchange_take(struct http_server *s, struct MHD_Connection *connection, const char *target);
void exchange_give(struct http_exchange *x);

/* receive.c: the callbacks of libmicrohttpd. */
void *receive_target(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result receive_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
				const char *version, const char *upload, size_t *upload_size, void **context);
void receive_done(void *cls, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why);
void receive_connection(void *cls, struct MHD_Connection *connection, void **context,
			enum MHD_ConnectionNotificationCode what);

/* respond.c: sends the answer that is set. */
enum MHD_Result respond_queue(struct http_exchange *x);

/* target.c: splits and decodes a request target (RFC 9112 section 3.2). */
bool target_parse(struct arena *a, struct str target, struct str *ret_path, struct str *ret_query,
		  struct error *err) MUST_USE;

#endif
