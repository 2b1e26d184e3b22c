/* Requests that a sandbox makes to itself on a thread of its own, which waits for the answer. Private to the room. */
#ifndef FIRTH_SANDBOX_INSIDE_PRIV_H
#define FIRTH_SANDBOX_INSIDE_PRIV_H

#include "sandbox/face_priv.h"

/* What came back, in the arena. Texts are STR_NULL where there was nothing. */
struct inside_answer {
	struct arena *a;
	int status;
	struct str body, location, etag;
	/* private */
	pthread_mutex_t lock;
	pthread_cond_t ready;
	bool there;
};

/* Makes the exchange of a request, has it served, and waits: answers to writes and refusals come from another thread.
 * Only on threads of work_start(). `answered` and `ctx` of apart are filled in here. False when the request could not
 * be made; ret_answer is then empty. */
bool inside_ask(struct http_apart *apart, struct arena *a, void (*serve)(void *ctx, struct http_exchange *x), void *ctx,
		struct inside_answer *ret_answer) MUST_USE;

#endif
