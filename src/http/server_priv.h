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
#include <sys/socket.h>

#include "http/coding_priv.h"
#include "http/server.h"
#include "http/target_priv.h"

enum exchange_state {
	EXCHANGE_OPEN, /* nobody has answered yet */
	EXCHANGE_SUSPENDED, /* the connection sleeps until somebody answers */
	EXCHANGE_ANSWERED, /* response is set */
};

struct peer;
struct gated;

/* What was answered, until the connection's own thread sends it: packing and libmicrohttpd's bookkeeping must not hold
 * up whoever answers. */
struct answer {
	struct str content_type;
	struct http_header *headers; /* in the exchange's arena */
	size_t header_count;
	struct buf body;
	struct http_sent_file file; /* instead of body */
	bool has_file;
	bool broken; /* no memory for it */
};

/* Something to be done when the exchange is over. */
struct at_end {
	void (*fn)(void *arg);
	void *arg;
	struct at_end *next;
};

struct http_exchange {
	struct http_request request;
	struct arena arena;
	struct buf body;
	struct unpacker *unpacker; /* of a packed body */
	uint64_t max_body;
	const char *limit; /* its key, for messages */
	struct http_server *server; /* NULL: apart */
	struct MHD_Connection *connection;
	struct peer *peer;
	const struct http_apart *apart;
	struct at_end *at_end;
	struct http_exchange *next; /* in the pool */
	struct str target; /* as sent */
	struct answer answer;
	atomic_int state;
	int status;
	bool begun; /* the header was looked at */
	bool whole; /* the body has arrived */
	bool dispatched; /* counted in server->busy */
	bool early; /* refused while a body is still to come: answer on the socket itself, then linger */
	bool lingering;
	bool head; /* the method was HEAD */
	size_t cut; /* the connection breaks after so many bytes of the body; 0: it does not */
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
	SERVER_THREADS = 8,
};

struct http_server {
	struct http_handler handler;
	struct MHD_Daemon *daemons[SERVER_THREADS]; /* each with one thread */
	unsigned daemon_count;
	int listener;
	uint16_t port;
	size_t max_body, max_arena, pack_from;
	unsigned max_requests;
	int64_t idle_ns, transfer_ns;
	struct str spool; /* a copy of its own, zero-terminated */
	struct coders coders;
	atomic_bool stopping;
	_Atomic uint64_t served; /* exchanges that are over */
	_Atomic uint64_t busy; /* exchanges between handle() and their last byte */
	pthread_mutex_t lock; /* over the pool */
	struct http_exchange *pool;
	size_t pooled;
	/* accept.c */
	atomic_uint load[SERVER_THREADS]; /* connections of each daemon */
	unsigned max_connections;
	atomic_bool full; /* whoever ends a connection wakes the acceptor */
	int wake;
	pthread_t acceptor;
	bool accepting;
	/* gate.c, on the acceptor's thread alone */
	int gate; /* an epoll of what the acceptor waits for */
	struct gated *gated;
	unsigned gated_count;
	size_t room; /* libmicrohttpd's for a head */
	char *look; /* as large: what a connection has sent */
	/* peers.c */
	pthread_mutex_t peers_lock;
	pthread_cond_t peers_stop;
	struct peer *peers;
	pthread_t watcher;
	bool watching;
};

/* A connection as we see it: who, and until when it must have come further. */
struct peer {
	char text[64]; /* the address, without scope and port; "" when it has none */
	size_t n;
	int fd;
	_Atomic int64_t deadline_ns; /* 0: it waits for us */
	struct http_server *server;
	struct peer *previous, *next;
};

/* accept.c: taking connections, once the daemons run. Stopping takes no more; those that are there stay. */
bool accept_start(struct http_server *s, struct error *err) MUST_USE;
void accept_stop(struct http_server *s);
void accept_ended(struct http_server *s, struct MHD_Connection *connection);

/* libmicrohttpd's from now on, which closes it. */
void accept_pass(struct http_server *s, int fd, const struct sockaddr *address, socklen_t n);

/* gate.c: connections whose first request has not come whole, and those that were refused there. Takes fd over: it is
 * passed on, kept or closed. */
void gate_enter(struct http_server *s, int fd, const struct sockaddr_storage *address, socklen_t n);
/* One of them has something to read. */
void gate_look(struct http_server *s, struct gated *g);
/* Now and then, while there are some: passes on or closes those whose time is over. */
void gate_sweep(struct http_server *s);
void gate_close(struct http_server *s);

/* peers.c: connections, and ending those that are too slow. */
bool peers_start(struct http_server *s, struct error *err) MUST_USE;
void peers_stop(struct http_server *s);
/* The address as text, without scope and port; false when it has none. */
bool peer_name(const struct sockaddr *address, char ret_text[64]);
struct peer *peer_add(struct http_server *s, struct MHD_Connection *connection);
void peer_remove(struct peer *peer);
/* What the connection must do now: nothing (we work), or send or fetch something within the transfer time. */
void peer_rest(struct peer *peer);
void peer_expect(struct peer *peer, uint64_t now_ns, uint64_t bytes);
/* It may stay silent, or begin another request. */
void peer_idle(struct peer *peer, uint64_t now_ns);
/* Bytes came: that much more time. */
void peer_came(struct peer *peer, uint64_t bytes);

/* server.c: counts; false once the server is closed. *ret_busy: how many are under way, this one included. */
bool server_begin_exchange(struct http_server *s, uint64_t *ret_busy);
void server_end_exchange(struct http_server *s);

/* exchange.c: a fresh exchange for a request line, NULL without memory; and back into the pool. */
struct http_exchange *exchange_take(struct http_server *s, struct MHD_Connection *connection, const char *target);
void exchange_give(struct http_exchange *x);
/* Calls what was set with http_exchange_at_end(), once. */
void exchange_tell_end(struct http_exchange *x);

/* body.c: what comes, into memory or a file, unpacked. */
bool body_expect(struct http_exchange *x, bool *ret_follows, struct error *err) MUST_USE;
bool body_add(struct http_exchange *x, struct str piece, struct error *err) MUST_USE;
bool body_end(struct http_exchange *x, struct error *err) MUST_USE;

/* receive.c: the callbacks of libmicrohttpd. */
void *receive_target(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result receive_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
				const char *version, const char *upload, size_t *upload_size, void **context);
void receive_done(void *cls, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why);
void receive_connection(void *cls, struct MHD_Connection *connection, void **context,
			enum MHD_ConnectionNotificationCode what);

/* respond.c: sends the answer that is set. */
enum MHD_Result respond_queue(struct http_exchange *x);
/* The whole answer onto a socket of ours, whose writing side is then closed. The response has no file. */
void respond_plainly(int fd, struct str request_id, bool head, const struct http_response *r);
/* Forgets the answer and closes its file. */
void respond_forget(struct answer *a);
/* respond_file.c: of the answer's file, which is then the response's. NULL on failure. */
struct MHD_Response *respond_file(struct answer *a, enum coding coding);

#endif
