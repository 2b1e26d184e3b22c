/*
 * Taking connections: one thread accepts them and hands each to the thread of libmicrohttpd that has the fewest, so
 * that a few busy clients never share one thread while another rests. Beyond the limit of connections they wait in the
 * system's queue until one ends.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http/server_priv.h"

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
	unsigned sum = 0;
	for (unsigned i = 0; i < s->daemon_count; i++)
		sum += atomic_load(&s->load[i]);
	return sum;
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
	unsigned i = least_loaded(s);
	atomic_fetch_add(&s->load[i], 1);
	if (MHD_add_connection(s->daemons[i], fd, (struct sockaddr *)&address, n) != MHD_YES)
		atomic_fetch_sub(&s->load[i], 1); /* it has closed the socket */
	return true;
}

static void *take(void *ctx)
{
	struct http_server *s = ctx;
	while (!atomic_load(&s->stopping)) {
		bool full = connection_count(s) >= s->max_connections;
		struct pollfd at[] = {{.fd = s->wake, .events = POLLIN}, {.fd = s->listener, .events = POLLIN}};
		uint64_t ignored;
		atomic_store(&s->full, full);
		/* One may have ended between the count and the flag. */
		if (full && connection_count(s) < s->max_connections)
			continue;
		if (poll(at, full ? 1 : 2, -1) < 0)
			continue;
		if (at[0].revents)
			(void)!read(s->wake, &ignored, sizeof(ignored));
		while (!full && at[1].revents && connection_count(s) < s->max_connections && take_one(s))
			;
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
	if (s->wake < 0)
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
}
