/* Exchanges and their pool, and what callers may ask of an exchange. */
#include <stdlib.h>

#include "http/server_priv.h"

static struct http_exchange *from_pool(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	struct http_exchange *x = s->pool;
	if (x) {
		s->pool = x->next;
		s->pooled--;
	}
	pthread_mutex_unlock(&s->lock);
	return x;
}

struct http_exchange *exchange_take(struct http_server *s, struct MHD_Connection *connection, const char *target)
{
	struct http_exchange *x = from_pool(s);
	if (!x) {
		x = calloc(1, sizeof(*x));
		if (!x)
			return NULL;
		arena_init(&x->arena, s->max_arena);
		buf_init(&x->body, s->max_body);
		x->server = s;
		x->request.arena = &x->arena;
	}
	x->connection = connection;
	x->target = arena_str(&x->arena, str_from(target));
	if (!x->target.p) {
		exchange_give(x);
		return NULL;
	}
	return x;
}

static void clear(struct http_exchange *x)
{
	/* An arena with one block of the usual size is worth keeping, a larger one would sit idle. */
	if (x->arena.used > KEPT_ARENA)
		arena_done(&x->arena);
	else
		arena_reset(&x->arena);
	if (x->body.cap > KEPT_BODY)
		buf_done(&x->body);
	else
		buf_reset(&x->body);
	x->request = (struct http_request){.arena = &x->arena};
	x->connection = NULL;
	/* Answered, but the connection ended before it was woken. */
	if (x->response)
		MHD_destroy_response(x->response);
	x->response = NULL;
	x->target = STR_NULL;
	atomic_store_explicit(&x->state, EXCHANGE_OPEN, memory_order_relaxed);
	x->status = 0;
	x->begun = x->dispatched = x->early = x->lingering = x->head = false;
	x->lingered = 0;
}

void exchange_give(struct http_exchange *x)
{
	struct http_server *s = x->server;
	clear(x);
	pthread_mutex_lock(&s->lock);
	bool keep = s->pooled < POOLED_EXCHANGES;
	if (keep) {
		x->next = s->pool;
		s->pool = x;
		s->pooled++;
	}
	pthread_mutex_unlock(&s->lock);
	if (!keep) {
		arena_done(&x->arena);
		buf_done(&x->body);
		free(x);
	}
}

const struct http_request *http_request(const struct http_exchange *x)
{
	return &x->request;
}

struct str http_request_header(const struct http_exchange *x, const char *name)
{
	return str_from(MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name));
}
