/* A request of the sandbox to itself: an exchange without a connection, and the wait for its answer. */
#include "sandbox/inside_priv.h"

static struct str kept(struct arena *a, const struct http_response *response, const char *name)
{
	for (size_t i = 0; i < response->header_count; i++)
		if (str_eq_nocase(response->headers[i].name, str_from(name)) && response->headers[i].value.n)
			return arena_str(a, response->headers[i].value);
	return STR_NULL;
}

static void answered(void *ctx, const struct http_response *response)
{
	struct inside_answer *got = ctx;
	pthread_mutex_lock(&got->lock);
	got->status = response->status;
	got->location = kept(got->a, response, "Location");
	got->etag = kept(got->a, response, "ETag");
	if (response->body && response->body->n)
		got->body = arena_str(got->a, buf_str(response->body));
	got->there = true;
	pthread_cond_signal(&got->ready);
	pthread_mutex_unlock(&got->lock);
}

bool inside_ask(struct http_apart *apart, struct arena *a, void (*serve)(void *ctx, struct http_exchange *x), void *ctx,
		struct inside_answer *ret_answer)
{
	struct error ignored = {0};
	*ret_answer =
		(struct inside_answer){.a = a, .lock = PTHREAD_MUTEX_INITIALIZER, .ready = PTHREAD_COND_INITIALIZER};
	apart->answered = answered;
	apart->ctx = ret_answer;
	struct http_exchange *x = http_exchange_apart(apart, &ignored);
	if (!x)
		return false;
	serve(ctx, x);
	pthread_mutex_lock(&ret_answer->lock);
	while (!ret_answer->there)
		pthread_cond_wait(&ret_answer->ready, &ret_answer->lock);
	pthread_mutex_unlock(&ret_answer->lock);
	return true;
}
