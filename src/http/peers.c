/*
 * Connections, and a watcher that ends those which are too slow. libmicrohttpd only notices silence; a peer that sends
 * or takes a byte now and then could hold a connection, and the memory of its request, for ever.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "http/server_priv.h"

enum {
	LEAST_RATE = 16 * 1024, /* bytes a second, on average, after the transfer time */
	LOOK_EVERY_MS = 500,
};
#define SECOND_NS INT64_C(1000000000)

static void watch_once(struct http_server *s)
{
	int64_t now = (int64_t)clock_monotonic_ns();
	for (struct peer *p = s->peers; p; p = p->next) {
		int64_t deadline = atomic_load_explicit(&p->deadline_ns, memory_order_relaxed);
		/* Its thread sees the end of the connection and cleans up; the descriptor stays ours until then. */
		if (deadline && now > deadline)
			shutdown(p->fd, SHUT_RDWR);
	}
}

static void *watch(void *ctx)
{
	struct http_server *s = ctx;
	pthread_mutex_lock(&s->peers_lock);
	while (s->watching) {
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += LOOK_EVERY_MS * 1000000L;
		until.tv_sec += until.tv_nsec / SECOND_NS;
		until.tv_nsec %= SECOND_NS;
		pthread_cond_timedwait(&s->peers_stop, &s->peers_lock, &until);
		watch_once(s);
	}
	pthread_mutex_unlock(&s->peers_lock);
	return NULL;
}

bool peers_start(struct http_server *s, struct error *err)
{
	pthread_condattr_t attributes;
	pthread_mutex_init(&s->peers_lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&s->peers_stop, &attributes);
	pthread_condattr_destroy(&attributes);
	s->watching = true;
	if (pthread_create(&s->watcher, NULL, watch, s) == 0)
		return true;
	s->watching = false;
	return error_set(err, ERR_INTERNAL, "Cannot start a thread");
}

void peers_stop(struct http_server *s)
{
	if (!s->watching)
		return;
	pthread_mutex_lock(&s->peers_lock);
	s->watching = false;
	pthread_cond_signal(&s->peers_stop);
	pthread_mutex_unlock(&s->peers_lock);
	pthread_join(s->watcher, NULL);
	pthread_cond_destroy(&s->peers_stop);
	pthread_mutex_destroy(&s->peers_lock);
}

bool peer_name(const struct sockaddr *address, char ret_text[64])
{
	const void *bytes = &((const struct sockaddr_in *)address)->sin_addr;
	int family = address->sa_family;
	if (family == AF_INET6) {
		const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
		bytes = six;
		if (IN6_IS_ADDR_V4MAPPED(six)) {
			family = AF_INET;
			bytes = six->s6_addr + 12;
		}
	}
	return inet_ntop(family, bytes, ret_text, 64) != NULL;
}

struct peer *peer_add(struct http_server *s, struct MHD_Connection *connection)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	/* What one question gives is gone with the next: newer releases of libmicrohttpd answer all in the same place.
	 */
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (!peer || !info) {
		free(peer);
		return NULL;
	}
	peer->server = s;
	peer->fd = info->connect_fd;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info && peer_name(info->client_addr, peer->text))
		peer->n = strlen(peer->text);
	peer_idle(peer, clock_monotonic_ns());
	pthread_mutex_lock(&s->peers_lock);
	peer->next = s->peers;
	if (s->peers)
		s->peers->previous = peer;
	s->peers = peer;
	pthread_mutex_unlock(&s->peers_lock);
	return peer;
}

void peer_remove(struct peer *peer)
{
	if (!peer)
		return;
	struct http_server *s = peer->server;
	pthread_mutex_lock(&s->peers_lock);
	*(peer->previous ? &peer->previous->next : &s->peers) = peer->next;
	if (peer->next)
		peer->next->previous = peer->previous;
	pthread_mutex_unlock(&s->peers_lock);
	free(peer);
}

static void set_deadline(struct peer *peer, int64_t deadline_ns)
{
	if (peer)
		atomic_store_explicit(&peer->deadline_ns, deadline_ns, memory_order_relaxed);
}

void peer_rest(struct peer *peer)
{
	set_deadline(peer, 0);
}

static int64_t time_for(uint64_t bytes)
{
	return (int64_t)(bytes / LEAST_RATE) * SECOND_NS;
}

void peer_expect(struct peer *peer, uint64_t now_ns, uint64_t bytes)
{
	if (peer)
		set_deadline(peer, (int64_t)now_ns + peer->server->transfer_ns + time_for(bytes));
}

void peer_idle(struct peer *peer, uint64_t now_ns)
{
	/* Silence ends it sooner; this ends a request line that trickles in. */
	if (peer)
		set_deadline(peer, (int64_t)now_ns + peer->server->idle_ns + peer->server->transfer_ns);
}

void peer_came(struct peer *peer, uint64_t bytes)
{
	/* Only the connection's thread sets the deadline of a body that arrives. */
	if (peer)
		atomic_fetch_add_explicit(&peer->deadline_ns, (int64_t)(bytes * (SECOND_NS / LEAST_RATE)),
					  memory_order_relaxed);
}
