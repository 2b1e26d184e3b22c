/*
 * Taking connections: one thread accepts them and, once the first request is at the gate and looks like one (gate.c),
 * hands each to the thread of libmicrohttpd that has the fewest, so that a few busy clients never share one thread
 * while another rests. Beyond the limit of connections they wait in the system's queue until one ends.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http/server_priv.h"

enum { EVENTS = 64, SWEEP_MS = 500 };

static void wake(struct http_server *s)
{
	const uint64_t one = 1;
	(void)!write(s->wake, &one, sizeof(one));
}

static unsigned least_loaded(struct http_server *s)
{
	unsigned best = 0, least = UINT_MAX;
	for (unsigned i = 0; i < s->daemon_count; i++) {
		unsigned load = atomic_load_explicit(&s->load[i], memory_order_relaxed);
		if (load < least)
			best = i, least = load;
	}
	return best;
}

static unsigned connection_count(struct http_server *s)
{
	unsigned sum = s->gated_count;
	for (unsigned i = 0; i < s->daemon_count; i++)
		sum += atomic_load(&s->load[i]);
	return sum;
}

void accept_pass(struct http_server *s, int fd, const struct sockaddr *address, socklen_t n)
{
	unsigned i = least_loaded(s);
	atomic_fetch_add(&s->load[i], 1);
	if (MHD_add_connection(s->daemons[i], fd, address, n) != MHD_YES)
		atomic_fetch_sub(&s->load[i], 1); /* it has closed the socket */
}

/* A connection that its peer gave up is nothing; without descriptors it is better to wait than to spin. */
static bool take_one(struct http_server *s)
{
	struct sockaddr_storage address;
	socklen_t n = sizeof(address);
	int fd = accept4(s->listener, (struct sockaddr *)&address, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		return errno == ECONNABORTED || errno == EINTR;
	}
	gate_enter(s, fd, &address, n);
	return true;
}

/* Of the listener and the descriptor that wakes us; others carry their connection. */
static bool watch(struct http_server *s, int what, int fd, void *mark, uint32_t events)
{
	return epoll_ctl(s->gate, what, fd, &(struct epoll_event){.events = events, .data.ptr = mark}) == 0;
}

static void serve_events(struct http_server *s, const struct epoll_event *events, int count, bool full)
{
	uint64_t ignored;
	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr == &s->wake)
			(void)!read(s->wake, &ignored, sizeof(ignored));
		else if (events[i].data.ptr == &s->listener)
			while (!full && connection_count(s) < s->max_connections && take_one(s))
				;
		else
			gate_look(s, events[i].data.ptr);
	}
}

static void *take(void *ctx)
{
	struct http_server *s = ctx;
	struct epoll_event events[EVENTS];
	bool listening = true;
	while (!atomic_load(&s->stopping)) {
		bool full = connection_count(s) >= s->max_connections;
		atomic_store(&s->full, full);
		/* One may have ended between the count and the flag. */
		if (full && connection_count(s) < s->max_connections)
			continue;
		if (full == listening) {
			listening = !full;
			watch(s, EPOLL_CTL_MOD, s->listener, &s->listener, full ? 0 : EPOLLIN);
		}
		int count = epoll_wait(s->gate, events, EVENTS, s->gated ? SWEEP_MS : -1);
		serve_events(s, events, count, full);
		gate_sweep(s);
	}
	return NULL;
}

void accept_ended(struct http_server *s, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_DAEMON);
	for (unsigned i = 0; info && i < s->daemon_count; i++)
		if (s->daemons[i] == info->daemon)
			atomic_fetch_sub(&s->load[i], 1);
	if (atomic_exchange(&s->full, false))
		wake(s);
}

bool accept_start(struct http_server *s, struct error *err)
{
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->gate = epoll_create1(EPOLL_CLOEXEC);
	s->look = malloc(s->room);
	if (!s->look)
		return error_memory(err);
	if (s->wake < 0 || s->gate < 0 || !watch(s, EPOLL_CTL_ADD, s->wake, &s->wake, EPOLLIN) ||
	    !watch(s, EPOLL_CTL_ADD, s->listener, &s->listener, EPOLLIN))
		return error_set(err, ERR_IO, "Cannot start the HTTP server: %s", strerror(errno));
	if (pthread_create(&s->acceptor, NULL, take, s) == 0)
		return s->accepting = true;
	return error_set(err, ERR_INTERNAL, "Cannot start a thread");
}

void accept_stop(struct http_server *s)
{
	if (s->accepting) {
		atomic_store(&s->stopping, true);
		wake(s);
		pthread_join(s->acceptor, NULL);
		s->accepting = false;
	}
	gate_close(s);
}
