/* Exchanges and their pool, and what callers may ask of an exchange. */
#include <stdlib.h>
#include <unistd.h>

#include "http/server_priv.h"

enum { DEFAULT_ARENA = 512 * 1024 * 1024 };

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
		x->request.file = -1;
	}
	x->connection = connection;
	x->target = arena_str(&x->arena, str_from(target));
	if (!x->target.p) {
		exchange_give(x);
		return NULL;
	}
	return x;
}

void exchange_tell_end(struct http_exchange *x)
{
	struct at_end *e = x->at_end;
	x->at_end = NULL;
	for (; e; e = e->next)
		e->fn(e->arg);
}

static void clear(struct http_exchange *x)
{
	exchange_tell_end(x); /* who waits for it may still look at the exchange's memory */
	if (x->request.file >= 0)
		close(x->request.file);
	unpacker_free(x->unpacker);
	x->unpacker = NULL;
	/* An arena with one block of the usual size is worth keeping, a larger one would sit idle. */
	if (x->arena.used > KEPT_ARENA)
		arena_done(&x->arena);
	else
		arena_reset(&x->arena);
	if (x->body.cap > KEPT_BODY)
		buf_done(&x->body);
	else
		buf_reset(&x->body);
	x->request = (struct http_request){.arena = &x->arena, .file = -1};
	x->connection = NULL;
	x->peer = NULL;
	respond_forget(&x->answer); /* when the connection ended before it was woken */
	x->target = STR_NULL;
	atomic_store_explicit(&x->state, EXCHANGE_OPEN, memory_order_relaxed);
	x->status = 0;
	x->begun = x->whole = x->dispatched = x->early = x->lingering = x->head = false;
	x->cut = 0;
	x->lingered = 0;
}

void exchange_give(struct http_exchange *x)
{
	struct http_server *s = x->server;
	clear(x);
	if (!s) {
		arena_done(&x->arena);
		free(x);
		return;
	}
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

struct str http_request_target(const struct http_exchange *x)
{
	return x->apart ? x->request.path : target_origin_form(x->target);
}

struct str http_request_header(const struct http_exchange *x, const char *name)
{
	if (!x->apart)
		return str_from(MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name));
	for (size_t i = 0; i < x->apart->header_count; i++)
		if (str_eq_nocase(x->apart->headers[i].name, str_from(name)))
			return x->apart->headers[i].value;
	return STR_NULL;
}

int http_request_take_file(struct http_exchange *x)
{
	int file = x->request.file;
	x->request.file = -1;
	return file;
}

bool http_exchange_at_end(struct http_exchange *x, void (*fn)(void *arg), void *arg)
{
	struct at_end *e = ARENA_NEW(&x->arena, struct at_end);
	if (!e)
		return false;
	*e = (struct at_end){fn, arg, x->at_end};
	x->at_end = e;
	return true;
}

struct header_list {
	struct arena *arena;
	struct http_header *headers;
	size_t count, capacity;
	bool ok;
};

static enum MHD_Result list_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	struct header_list *list = cls;
	struct http_header *headers =
		arena_grow(list->arena, list->headers, list->count, &list->capacity, list->count + 1, sizeof(*headers));
	list->ok = headers != NULL;
	if (!headers)
		return MHD_NO;
	list->headers = headers;
	headers[list->count++] = (struct http_header){str_from(name), value ? str_from(value) : S("")};
	return MHD_YES;
}

bool http_request_headers(const struct http_exchange *x, struct arena *a, struct http_header **ret_headers,
			  size_t *ret_count)
{
	struct header_list list = {.arena = a, .ok = true};
	if (!x->apart)
		MHD_get_connection_values(x->connection, MHD_HEADER_KIND, list_header, &list);
	for (size_t i = 0; x->apart && list.ok && i < x->apart->header_count; i++)
		list_header(&list, MHD_HEADER_KIND, x->apart->headers[i].name.p, x->apart->headers[i].value.p);
	*ret_headers = list.headers;
	*ret_count = list.count;
	return list.ok;
}

/* ---- exchanges without a connection ----------------------------------------------------------------------------- */

static bool copy_headers(struct http_apart *copy, struct arena *a)
{
	struct http_header *headers = ARENA_ARRAY(a, struct http_header, copy->header_count + 1);
	for (size_t i = 0; headers && i < copy->header_count; i++) {
		headers[i].name = arena_str(a, copy->headers[i].name);
		headers[i].value = arena_str(a, copy->headers[i].value);
		if (!headers[i].name.p || !headers[i].value.p)
			return false;
	}
	copy->headers = headers;
	return headers != NULL;
}

static bool copy_request(struct http_request *r, struct arena *a)
{
	struct str *const texts[] = {&r->method, &r->path, &r->query, &r->body, &r->address, &r->request_id};
	bool ok = true;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i] = arena_str(a, texts[i]->p ? *texts[i] : S(""));
		ok = ok && texts[i]->p;
	}
	r->arena = a;
	return ok;
}

struct http_exchange *http_exchange_apart(const struct http_apart *apart, struct error *err)
{
	struct http_exchange *x = calloc(1, sizeof(*x));
	if (!x) {
		error_memory(err);
		return NULL;
	}
	arena_init(&x->arena, apart->max_arena ? apart->max_arena : DEFAULT_ARENA);
	x->request = apart->request;
	struct http_apart *copy = ARENA_NEW(&x->arena, struct http_apart);
	if (copy) {
		*copy = *apart;
		x->apart = copy;
		if (copy_request(&x->request, &x->arena) && copy_headers(copy, &x->arena))
			return x;
	}
	arena_done(&x->arena);
	free(x);
	error_memory(err);
	return NULL;
}
