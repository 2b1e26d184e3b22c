/*
 * Before libmicrohttpd sees a connection its first request is looked at, without being taken from the socket: what is
 * no HTTP, or too long, gets an answer of ours instead of a page of the library's. Nearly always the request is there
 * when the connection is, and one look is enough. Later requests on a connection cannot be looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "http/head_priv.h"
#include "http/server_priv.h"

enum {
	LOOKS = 32, /* each begins anew; who sends in smaller pieces is read by libmicrohttpd, which does not */
	PATIENCE_MS = 2000, /* as is who is slower */
	LINGER_MS = 10000,
	LINGER_BYTES = 64 * 1024 * 1024, /* closing on unread bytes would take the answer from its reader */
	PATH_MAX_BYTES = 256 * 1024
};
#define MS_NS UINT64_C(1000000)

struct gated {
	int fd;
	struct sockaddr_storage address;
	socklen_t address_n;
	uint64_t deadline_ns;
	unsigned looks;
	bool refused; /* its answer was sent, what still comes is thrown away */
	uint64_t lingered;
	struct gated *previous, *next;
};

/* ---- keeping ------------------------------------------------------------------------------------------------------
 */

static struct gated *keep(struct http_server *s, const struct gated *seen, uint32_t events)
{
	struct gated *g = malloc(sizeof(*g));
	if (!g)
		return NULL;
	*g = *seen;
	g->previous = NULL;
	g->next = s->gated;
	if (epoll_ctl(s->gate, EPOLL_CTL_ADD, g->fd, &(struct epoll_event){.events = events, .data.ptr = g}) != 0) {
		free(g);
		return NULL;
	}
	if (s->gated)
		s->gated->previous = g;
	s->gated = g;
	s->gated_count++;
	return g;
}

/* The descriptor stays. */
static void drop(struct http_server *s, struct gated *g)
{
	epoll_ctl(s->gate, EPOLL_CTL_DEL, g->fd, NULL);
	*(g->previous ? &g->previous->next : &s->gated) = g->next;
	if (g->next)
		g->next->previous = g->previous;
	s->gated_count--;
	free(g);
}

static void end(struct http_server *s, struct gated *g)
{
	int fd = g->fd;
	drop(s, g);
	close(fd);
}

static void pass(struct http_server *s, struct gated *g)
{
	struct gated seen = *g;
	drop(s, g);
	accept_pass(s, seen.fd, (struct sockaddr *)&seen.address, seen.address_n);
}

/* ---- refusing -----------------------------------------------------------------------------------------------------
 */

struct refusal {
	int fd, status;
	struct str request_id;
	bool head;
};

static void send_refusal(void *ctx, const struct http_response *response)
{
	struct refusal *r = ctx;
	r->status = response->status;
	respond_plainly(r->fd, r->request_id, r->head, response);
}

/* The handler answers as if the request had come to it, with as much of it as is known. */
static void refuse(struct http_server *s, const struct gated *g, const struct head *head, const struct error *why)
{
	char address[64] = "", id[UUID_SIZE + 1] = "";
	struct arena a;
	struct error err = {0};
	struct str target = head->target.p ? target_origin_form(head->target) : S(""), path, query;
	uint64_t began = clock_monotonic_ns();
	arena_init(&a, PATH_MAX_BYTES);
	target = str_split(&target, '?');
	if (target.n > PATH_MAX_BYTES / 4 || !target_parse(&a, target, &path, &query, &err))
		path = S("");
	random_uuid(id);
	peer_name((const struct sockaddr *)&g->address, address);
	bool named = method_valid(head->method);
	struct refusal refusal = {.fd = g->fd, .request_id = str_make(id, UUID_SIZE)};
	refusal.head = named && str_is(head->method, "HEAD");
	struct http_apart apart = {.answered = send_refusal, .ctx = &refusal, .max_arena = s->max_arena};
	apart.request = (struct http_request){.method = !named	       ? S("INVALID")
							: refusal.head ? S("GET")
								       : head->method,
					      .path = path,
					      .query = S(""),
					      .body = S(""),
					      .file = -1,
					      .address = str_from(address),
					      .request_id = refusal.request_id};
	struct http_exchange *x = http_exchange_apart(&apart, &err);
	if (x)
		s->handler.refuse(s->handler.ctx, x, why);
	atomic_fetch_add_explicit(&s->served, 1, memory_order_relaxed);
	if (refusal.status && s->handler.observe)
		s->handler.observe(s->handler.ctx, &apart.request, refusal.status, clock_monotonic_ns() - began);
	arena_done(&a);
}

static void linger(struct http_server *s, struct gated *g)
{
	ssize_t n = recv(g->fd, s->look, s->room, MSG_DONTWAIT);
	if (n > 0)
		g->lingered += (uint64_t)n;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || g->lingered > LINGER_BYTES)
		end(s, g);
}

/* ---- looking ------------------------------------------------------------------------------------------------------
 */

enum sight { SIGHT_NOTHING, SIGHT_PART, SIGHT_GOOD, SIGHT_REFUSED, SIGHT_GONE };

static enum sight look(struct http_server *s, const struct gated *g)
{
	struct head head;
	struct error err = {0};
	ssize_t n = recv(g->fd, s->look, s->room, MSG_PEEK | MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? SIGHT_NOTHING : SIGHT_GONE;
	enum head_state state = head_look(str_make(s->look, (size_t)n), s->room, &head, &err);
	if (state == HEAD_GOOD)
		return SIGHT_GOOD;
	if (state == HEAD_PARTIAL)
		return SIGHT_PART;
	refuse(s, g, &head, &err);
	return SIGHT_REFUSED;
}

void gate_enter(struct http_server *s, int fd, const struct sockaddr_storage *address, socklen_t n)
{
	struct gated seen = {.fd = fd, .address = *address, .address_n = n};
	enum sight sight = look(s, &seen);
	bool silent = sight == SIGHT_NOTHING;
	seen.refused = sight == SIGHT_REFUSED;
	seen.deadline_ns = clock_monotonic_ns() + (silent	  ? (uint64_t)s->idle_ns
						   : seen.refused ? LINGER_MS * MS_NS
								  : PATIENCE_MS * MS_NS);
	if (sight == SIGHT_GOOD)
		accept_pass(s, fd, (const struct sockaddr *)address, n);
	else if (sight == SIGHT_GONE || !keep(s, &seen, EPOLLIN | (seen.refused ? 0 : EPOLLET)))
		close(fd);
}

void gate_look(struct http_server *s, struct gated *g)
{
	if (g->refused) {
		linger(s, g);
		return;
	}
	enum sight sight = look(s, g);
	uint64_t now = clock_monotonic_ns();
	if (sight == SIGHT_GONE) {
		end(s, g);
	} else if (sight == SIGHT_GOOD || (sight == SIGHT_PART && ++g->looks == LOOKS)) {
		pass(s, g);
	} else if (sight == SIGHT_REFUSED) {
		g->refused = true;
		g->deadline_ns = now + LINGER_MS * MS_NS;
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = g};
		epoll_ctl(s->gate, EPOLL_CTL_MOD, g->fd, &event);
	} else if (sight == SIGHT_PART && g->looks == 1) {
		g->deadline_ns = now + PATIENCE_MS * MS_NS;
	}
}

void gate_sweep(struct http_server *s)
{
	uint64_t now = s->gated ? clock_monotonic_ns() : 0;
	for (struct gated *g = s->gated, *next; g; g = next) {
		next = g->next;
		if (now < g->deadline_ns)
			continue;
		if (!g->refused && recv(g->fd, s->look, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
			pass(s, g);
		else
			end(s, g);
	}
}

void gate_close(struct http_server *s)
{
	while (s->gated)
		end(s, s->gated);
}
