/* Starting and stopping: the listening socket, libmicrohttpd's threads, and the wait for the last answer. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "http/server_priv.h"

enum {
	/* Header and answer head of one request share it, so a header may have about 15 KB. It is cleared for each
	 * request and stays with an idle connection: large enough for long search URLs, small enough for the cache. */
	DEFAULT_HEADER = 16 * 1024,
	DEFAULT_BODY = 64 * 1024 * 1024,
	DEFAULT_ARENA = 512 * 1024 * 1024,
	DEFAULT_CONNECTIONS = 1024,
	DEFAULT_REQUESTS = 512,
	DEFAULT_IDLE_S = 60,
	DEFAULT_TRANSFER_S = 60,
	DEFAULT_PACK_FROM = 4 * 1024,
	BACKLOG = 1024,
	CLOSING = 256, /* connections that libmicrohttpd still counts when they have told us of their end */
	SPARE_FILES = 256, /* descriptors for everything that is no connection */
};

bool server_begin_exchange(struct http_server *s, uint64_t *ret_busy)
{
	*ret_busy = atomic_fetch_add(&s->busy, 1) + 1;
	if (*ret_busy <= SERVER_CLOSED)
		return true;
	atomic_fetch_sub(&s->busy, 1);
	return false;
}

void server_end_exchange(struct http_server *s)
{
	/* The last touch: once busy is 0, http_server_stop() may free s. */
	atomic_fetch_sub(&s->busy, 1);
}

static int bind_one(const struct addrinfo *at)
{
	const int on = 1, off = 0;
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* accepted sockets inherit it */
	if (at->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

static int listen_on(struct str host, uint16_t port, struct error *err)
{
	char name[256], service[8];
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_slice(host, 1, host.n - 1);
	if (host.n >= sizeof(name))
		return error_set(err, ERR_CONFIG, "The host to listen on is too long"), -1;
	snprintf(name, sizeof(name), "%.*s", STR_ARG(host));
	snprintf(service, sizeof(service), "%u", (unsigned)port);
	const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int failed = getaddrinfo(name, service, &hints, &found);
	if (failed)
		return error_set(err, ERR_CONFIG, "Cannot listen on %s: %s", name, gai_strerror(failed)), -1;
	int fd = -1;
	for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
		fd = bind_one(at);
	freeaddrinfo(found);
	if (fd < 0)
		error_set(err, ERR_IO, "Cannot listen on %s port %u: %s%s", name, (unsigned)port, strerror(errno),
			  errno == EADDRINUSE ? "; is it running already? Another port: --port" : "");
	return fd;
}

static bool learn_port(struct http_server *s, struct error *err)
{
	struct sockaddr_storage address = {0};
	socklen_t n = sizeof(address);
	if (getsockname(s->listener, (struct sockaddr *)&address, &n) != 0)
		return error_set(err, ERR_IO, "Cannot tell the port: %s", strerror(errno));
	bool six = address.ss_family == AF_INET6;
	s->port =
		ntohs(six ? ((struct sockaddr_in6 *)&address)->sin6_port : ((struct sockaddr_in *)&address)->sin_port);
	return true;
}

/* Room for every connection, as far as the system lets us raise the soft limit. */
static void raise_file_limit(unsigned connections)
{
	struct rlimit limit;
	rlim_t want = (rlim_t)connections + SPARE_FILES;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > want ? want : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static unsigned choose_threads(unsigned wanted)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned threads = wanted ? wanted : cores > 0 ? (unsigned)cores : 1;
	return threads > SERVER_THREADS ? SERVER_THREADS : threads;
}

/* Targets are taken apart by target_parse(); libmicrohttpd shall leave them as they are. */
static size_t leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls, (void)connection;
	return strlen(text);
}

/* One for each thread: libmicrohttpd's own pool would let them race for connections. */
static bool start_daemons(struct http_server *s, const struct http_server_options *o, struct error *err)
{
	unsigned connections = o->max_connections ? o->max_connections : DEFAULT_CONNECTIONS;
	unsigned threads = choose_threads(o->threads);
	const unsigned flags =
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC;
	s->max_connections = connections;
	raise_file_limit(connections);
	const struct MHD_OptionItem options[] = {
		{MHD_OPTION_CONNECTION_LIMIT, connections + CLOSING, NULL}, /* accept.c limits them */
		{MHD_OPTION_CONNECTION_TIMEOUT, o->idle_timeout_s ? o->idle_timeout_s : DEFAULT_IDLE_S, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)s->room, NULL},
		{MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
		{MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)receive_target, s},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)receive_done, s},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)receive_connection, s},
		{MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	while (s->daemon_count < threads && s->daemon_count < connections) {
		struct MHD_Daemon *d = MHD_start_daemon(flags, 0, NULL, NULL, receive_request, s, MHD_OPTION_ARRAY,
							options, MHD_OPTION_END);
		if (!d)
			return error_set(err, ERR_IO, "Cannot start the HTTP server: %s", strerror(errno));
		s->daemons[s->daemon_count++] = d;
	}
	return true;
}

static void stop_daemons(struct http_server *s)
{
	for (unsigned i = 0; i < s->daemon_count; i++)
		MHD_stop_daemon(s->daemons[i]);
}

static void free_server(struct http_server *s)
{
	if (s->listener >= 0)
		close(s->listener);
	if (s->wake >= 0)
		close(s->wake);
	if (s->gate >= 0)
		close(s->gate);
	free(s->look);
	while (s->pool) {
		struct http_exchange *x = s->pool;
		s->pool = x->next;
		arena_done(&x->arena);
		buf_done(&x->body);
		free(x);
	}
	coders_done(&s->coders);
	pthread_mutex_destroy(&s->lock);
	free((char *)(uintptr_t)s->spool.p);
	free(s);
}

static bool take_options(struct http_server *s, const struct http_server_options *o, struct error *err)
{
	const int64_t second = 1000000000;
	struct str spool = o->spool.n ? o->spool : S("/tmp");
	char *copy = malloc(spool.n + 1);
	if (!copy)
		return error_memory(err);
	memcpy(copy, spool.p, spool.n);
	copy[spool.n] = '\0';
	s->spool = str_make(copy, spool.n);
	s->room = o->max_header ? o->max_header : DEFAULT_HEADER;
	s->max_body = o->max_body ? o->max_body : DEFAULT_BODY;
	s->max_arena = o->max_arena ? o->max_arena : DEFAULT_ARENA;
	s->pack_from = o->pack_from ? o->pack_from : DEFAULT_PACK_FROM;
	s->max_requests = o->max_requests ? o->max_requests : DEFAULT_REQUESTS;
	s->idle_ns = (o->idle_timeout_s ? o->idle_timeout_s : DEFAULT_IDLE_S) * second;
	s->transfer_ns = (o->transfer_timeout_s ? o->transfer_timeout_s : DEFAULT_TRANSFER_S) * second;
	return true;
}

struct http_server *http_server_start(const struct http_server_options *options, const struct http_handler *handler,
				      struct error *err)
{
	struct http_server *s = calloc(1, sizeof(*s));
	if (!s) {
		error_memory(err);
		return NULL;
	}
	s->handler = *handler;
	s->listener = s->wake = s->gate = -1;
	pthread_mutex_init(&s->lock, NULL);
	coders_init(&s->coders);
	if (!take_options(s, options, err)) {
		free_server(s);
		return NULL;
	}
	/* A peer that hangs up must be an error of one write, not the end of the process. */
	signal(SIGPIPE, SIG_IGN);
	s->listener = listen_on(options->host.n ? options->host : S("127.0.0.1"), options->port, err);
	if (s->listener < 0 || !learn_port(s, err) || !peers_start(s, err) || !start_daemons(s, options, err) ||
	    !accept_start(s, err)) {
		stop_daemons(s);
		peers_stop(s);
		free_server(s);
		return NULL;
	}
	return s;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

uint64_t http_server_served(const struct http_server *server, uint64_t *ret_busy)
{
	*ret_busy = atomic_load(&server->busy);
	return atomic_load_explicit(&server->served, memory_order_relaxed);
}

void http_server_stop(struct http_server *server)
{
	if (!server)
		return;
	atomic_store(&server->stopping, true); /* answers now close their connections */
	accept_stop(server);
	/* No signal tells of the last answer, since whoever gives it must not touch the server any more. */
	uint64_t none = 0;
	while (!atomic_compare_exchange_strong(&server->busy, &none, SERVER_CLOSED)) {
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
		none = 0;
	}
	stop_daemons(server);
	peers_stop(server);
	free_server(server);
}
