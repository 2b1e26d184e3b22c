/*
 * libmicrohttpd behind http/server.h. Each server thread runs its own epoll; an exchange is one object that holds the
 * request, its arena and the answer, and is used again for later requests. An answer given while the handler still runs
 * goes out at once; otherwise the connection sleeps until http_respond() wakes it.
 */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"

enum {
	DEFAULT_MAX_BODY = 64 << 20,
	MAX_QUERY = 256 * 1024,
	POOLED_EXCHANGES = 256,
	CONNECTION_MEMORY = 40 * 1024, /* request line and headers of one connection */
};

enum exchange_state { HANDLING, ANSWERED, SLEEPING };

struct http_exchange {
	struct http_server *server;
	struct MHD_Connection *connection;
	struct http_request request;
	struct arena arena;
	struct buf target; /* as sent: path and query */
	struct buf body;
	struct MHD_Response *response;
	struct error error; /* why the request cannot be handled */
	uint64_t started_ns;
	int status;
	bool headers_seen;
	_Atomic int state;
	struct http_exchange *next_free;
	char address[INET6_ADDRSTRLEN];
};

struct http_server {
	struct MHD_Daemon *daemon;
	struct http_handler handler;
	size_t max_body, max_arena;
	uint16_t port;
	pthread_mutex_t lock;
	struct http_exchange *free_exchanges;
	unsigned free_count;
	_Atomic unsigned open_exchanges;
};

/* ---- exchanges ----------------------------------------------------------------------------------------------------
 */

static struct http_exchange *exchange_take(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	struct http_exchange *x = server->free_exchanges;
	if (x) {
		server->free_exchanges = x->next_free;
		server->free_count--;
	}
	pthread_mutex_unlock(&server->lock);
	if (!x) {
		x = calloc(1, sizeof(*x));
		if (!x)
			return NULL;
		x->server = server;
		arena_init(&x->arena, server->max_arena);
		buf_init(&x->target, MAX_QUERY);
		buf_init(&x->body, server->max_body);
	}
	atomic_fetch_add(&server->open_exchanges, 1);
	return x;
}

static void exchange_free(struct http_exchange *x)
{
	arena_done(&x->arena);
	buf_done(&x->target);
	buf_done(&x->body);
	free(x);
}

/* Large requests give their memory back; usual ones keep it for the next. */
static void exchange_give(struct http_exchange *x)
{
	struct http_server *server = x->server;
	bool keep = false;
	if (x->response)
		MHD_destroy_response(x->response);
	x->response = NULL;
	arena_reset(&x->arena);
	if (x->body.cap > 256 * 1024)
		buf_done(&x->body);
	buf_reset(&x->body);
	buf_reset(&x->target);
	x->request = (struct http_request){0};
	error_clear(&x->error);
	x->headers_seen = false;
	x->connection = NULL;
	atomic_store(&x->state, HANDLING);
	pthread_mutex_lock(&server->lock);
	if (server->free_count < POOLED_EXCHANGES) {
		x->next_free = server->free_exchanges;
		server->free_exchanges = x;
		server->free_count++;
		keep = true;
	}
	pthread_mutex_unlock(&server->lock);
	if (!keep)
		exchange_free(x);
	atomic_fetch_sub(&server->open_exchanges, 1);
}

const struct http_request *http_request(const struct http_exchange *x)
{
	return &x->request;
}

struct str http_request_header(const struct http_exchange *x, const char *name)
{
	return str_from(MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name));
}

/* ---- the request --------------------------------------------------------------------------------------------------
 */

static bool path_is_plain(struct str path)
{
	if (!path.n || path.p[0] != '/' || str_find(path, S("//")) != STR_NONE)
		return false;
	struct str rest = str_slice(path, 1, path.n);
	while (rest.p) {
		struct str segment = str_split(&rest, '/');
		if (str_is(segment, ".") || str_is(segment, ".."))
			return false;
	}
	return str_is_utf8(path);
}

static bool read_target(struct http_exchange *x)
{
	struct str target = buf_str(&x->target);
	struct buf path;
	if (!buf_ok(&x->target))
		return error_set(&x->error, ERR_TOO_LARGE, "The URL is longer than %d bytes", MAX_QUERY);
	size_t mark = str_find_char(target, '?', 0);
	x->request.query = mark == STR_NONE ? S("") : str_slice(target, mark + 1, target.n);
	buf_init(&path, 64 * 1024);
	bool ok = decode_percent(&path, str_slice(target, 0, mark == STR_NONE ? target.n : mark), false);
	x->request.path = ok ? arena_str(&x->arena, buf_str(&path)) : S("/");
	buf_done(&path);
	if (!ok || !path_is_plain(x->request.path))
		return error_set(&x->error, ERR_INVALID_REQUEST,
				 "The path of the URL has broken escapes, empty or dot segments");
	return true;
}

static void read_address(struct http_exchange *x)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *peer = info ? info->client_addr : NULL;
	x->address[0] = '\0';
	if (peer && peer->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, x->address,
			  sizeof(x->address));
	else if (peer && peer->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, x->address,
			  sizeof(x->address));
	x->request.address = str_from(x->address);
}

static bool is_request_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
		      c == '_' || c == '-'))
			return false;
	}
	return id.n >= 1 && id.n <= 64;
}

static void read_request_id(struct http_exchange *x)
{
	struct str given = http_request_header(x, "X-Request-Id");
	char fresh[UUID_SIZE];
	if (is_request_id(given)) {
		x->request.request_id = given;
		return;
	}
	random_uuid(fresh);
	x->request.request_id = arena_str(&x->arena, str_make(fresh, sizeof(fresh)));
}

static void refuse_large_body(struct http_exchange *x)
{
	error_set(&x->error, ERR_TOO_LARGE, "The body is larger than the %zu bytes allowed", x->server->max_body);
}

/* After the request line and headers, before the body. */
static void read_head(struct http_exchange *x, const char *method)
{
	uint64_t length;
	x->headers_seen = true;
	x->request.arena = &x->arena;
	x->request.method = str_is(str_from(method), "HEAD") ? S("GET") : str_from(method);
	read_address(x);
	read_request_id(x);
	if (!read_target(x))
		return;
	struct str announced = http_request_header(x, "Content-Length");
	if (announced.p && str_to_u64(announced, &length) && length > x->server->max_body)
		refuse_large_body(x);
}

/* ---- the answer ---------------------------------------------------------------------------------------------------
 */

static bool header_is_sane(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\r' || text.p[i] == '\n' || text.p[i] == '\0')
			return false;
	return true;
}

static void add_header(struct http_exchange *x, struct MHD_Response *response, struct str name, struct str value)
{
	/* A line break in a value would let it forge headers: such a header is dropped. */
	if (!header_is_sane(name) || !header_is_sane(value))
		return;
	struct str n = arena_str(&x->arena, name), v = arena_str(&x->arena, value);
	if (n.p && v.p)
		MHD_add_response_header(response, n.p, v.p);
}

static struct MHD_Response *make_response(struct buf *body)
{
	static char nothing[1];
	struct MHD_Response *response;
	if (!body || !body->p)
		return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
	response = MHD_create_response_from_buffer_with_free_callback(body->n, body->p, free);
	if (!response)
		free(body->p);
	body->p = NULL;
	body->n = body->cap = 0;
	return response;
}

void http_respond(struct http_exchange *x, const struct http_response *answer)
{
	struct MHD_Response *response = make_response(answer->body);
	if (response) {
		if (answer->content_type.n)
			add_header(x, response, S("Content-Type"), answer->content_type);
		for (size_t i = 0; i < answer->header_count; i++)
			add_header(x, response, answer->headers[i].name, answer->headers[i].value);
		add_header(x, response, S("X-Request-Id"), x->request.request_id);
		if (x->error.code == ERR_TOO_LARGE)
			MHD_add_response_header(response, "Connection", "close");
	}
	x->response = response;
	x->status = answer->status;
	const struct http_handler *handler = &x->server->handler;
	if (handler->observe)
		handler->observe(handler->ctx, &x->request, x->status, clock_monotonic_ns() - x->started_ns);
	struct MHD_Connection *connection = x->connection;
	if (atomic_exchange(&x->state, ANSWERED) == SLEEPING)
		MHD_resume_connection(connection);
}

static enum MHD_Result send_answer(struct http_exchange *x)
{
	return x->response ? MHD_queue_response(x->connection, (unsigned)x->status, x->response) : MHD_NO;
}

static enum MHD_Result dispatch(struct http_exchange *x)
{
	const struct http_handler *handler = &x->server->handler;
	if (x->error.code)
		handler->refuse(handler->ctx, x, &x->error);
	else
		handler->handle(handler->ctx, x);
	if (atomic_load(&x->state) == ANSWERED)
		return send_answer(x);
	MHD_suspend_connection(x->connection);
	int expected = HANDLING;
	if (!atomic_compare_exchange_strong(&x->state, &expected, SLEEPING))
		MHD_resume_connection(x->connection); /* the answer came in between */
	return MHD_YES;
}

/* ---- callbacks of libmicrohttpd -----------------------------------------------------------------------------------
 */

static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
	struct http_exchange *x = exchange_take(ctx);
	if (!x)
		return NULL;
	x->connection = connection;
	x->started_ns = clock_monotonic_ns();
	buf_add(&x->target, str_from(uri));
	return x;
}

static enum MHD_Result on_access(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
				 const char *version, const char *upload, size_t *upload_size, void **request_ctx)
{
	(void)ctx;
	(void)url;
	(void)version;
	struct http_exchange *x = *request_ctx;
	if (!x)
		return MHD_NO;
	x->connection = connection;
	if (!x->headers_seen) {
		read_head(x, method);
		return x->error.code == ERR_TOO_LARGE ? dispatch(x) : MHD_YES;
	}
	if (*upload_size) {
		if (!x->error.code)
			buf_add(&x->body, str_make(upload, *upload_size));
		if (!buf_ok(&x->body)) {
			/* A chunked body can announce no length; past the limit nobody is listening any more. */
			if (x->error.code)
				return MHD_NO;
			refuse_large_body(x);
			buf_done(&x->body);
			buf_init(&x->body, x->server->max_body);
			*upload_size = 0;
			return MHD_YES;
		}
		*upload_size = 0;
		return MHD_YES;
	}
	if (atomic_load(&x->state) == ANSWERED)
		return send_answer(x);
	x->request.body = buf_str(&x->body);
	return dispatch(x);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **request_ctx,
			 enum MHD_RequestTerminationCode why)
{
	(void)ctx;
	(void)connection;
	(void)why;
	if (*request_ctx)
		exchange_give(*request_ctx);
	*request_ctx = NULL;
}

/* Escapes are decoded by us, since a broken one must be refused and not passed through. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *connection, char *text)
{
	(void)ctx;
	(void)connection;
	return strlen(text);
}

/* ---- start and stop ------------------------------------------------------------------------------------------------
 */

static bool bind_first(const struct addrinfo *list, int *ret_fd)
{
	for (const struct addrinfo *at = list; at; at = at->ai_next) {
		int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol), on = 1;
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, 1024) == 0) {
			*ret_fd = fd;
			return true;
		}
		close(fd);
	}
	return false;
}

static bool listen_on(const struct http_server_options *o, int *ret_fd, struct error *err)
{
	char host[256], service[8];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list = NULL;
	struct str name = o->host.n ? o->host : S("127.0.0.1");
	if (name.n >= sizeof(host))
		return error_set(err, ERR_CONFIG, "The host name to listen on is too long");
	snprintf(host, sizeof(host), "%.*s", STR_ARG(name));
	snprintf(service, sizeof(service), "%u", o->port);
	if (getaddrinfo(host, service, &hints, &list) != 0 || !list)
		return error_set(err, ERR_CONFIG, "Cannot listen on \"%s\": no such address", host);
	bool ok = bind_first(list, ret_fd);
	int why = errno;
	freeaddrinfo(list);
	return ok ? true : error_set(err, ERR_CONFIG, "Cannot listen on %s port %u: %s", host, o->port, strerror(why));
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage bound = {0};
	socklen_t size = sizeof(bound);
	getsockname(fd, (struct sockaddr *)&bound, &size);
	return ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
						 : ((struct sockaddr_in *)&bound)->sin_port);
}

static unsigned thread_count(unsigned wanted)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = wanted ? wanted : cores > 0 ? (unsigned)cores : 1;
	return n > 8 && !wanted ? 8 : n;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, const struct http_server_options *o, int fd)
{
	unsigned threads = thread_count(o->threads);
	unsigned connections = o->max_connections ? o->max_connections : 1024;
	struct MHD_OptionItem options[] = {
		{MHD_OPTION_LISTEN_SOCKET, fd, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, connections, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, o->idle_timeout_s ? o->idle_timeout_s : 60, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, server},
		{MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_uri, server},
		{MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL},
		{threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access,
				server, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

struct http_server *http_server_start(const struct http_server_options *options, const struct http_handler *handler,
				      struct error *err)
{
	int fd = -1;
	struct http_server *server = calloc(1, sizeof(*server));
	if (!server) {
		error_memory(err);
		return NULL;
	}
	if (!listen_on(options, &fd, err)) {
		free(server);
		return NULL;
	}
	server->handler = *handler;
	server->max_body = options->max_body ? options->max_body : DEFAULT_MAX_BODY;
	server->max_arena = options->max_arena ? options->max_arena : (size_t)512 << 20;
	server->port = bound_port(fd);
	pthread_mutex_init(&server->lock, NULL);
	server->daemon = start_daemon(server, options, fd);
	if (!server->daemon) {
		close(fd);
		pthread_mutex_destroy(&server->lock);
		free(server);
		error_set(err, ERR_INTERNAL, "The HTTP server could not start its threads");
		return NULL;
	}
	return server;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

void http_server_stop(struct http_server *server)
{
	if (!server)
		return;
	/* No new connections; then a bounded wait, since a sleeping exchange may still be touched by its answerer. */
	MHD_socket listener = MHD_quiesce_daemon(server->daemon);
	if (listener != MHD_INVALID_SOCKET)
		close(listener);
	for (int i = 0; i < 1000 && atomic_load(&server->open_exchanges); i++)
		usleep(10000);
	MHD_stop_daemon(server->daemon);
	while (server->free_exchanges) {
		struct http_exchange *x = server->free_exchanges;
		server->free_exchanges = x->next_free;
		exchange_free(x);
	}
	pthread_mutex_destroy(&server->lock);
	free(server);
}
