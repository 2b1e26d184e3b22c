/*
 * The operator's door: POST /operator of a running server carries out a governing command (govern.h), because a SQLite
 * store has one writer. Whoever can read DIR/operator.json may come in: it is made anew at each start of the server,
 * with mode 0600 in a directory of mode 0700, and holds the door's URL and a secret.
 *
 * Nobody else gets anywhere: the peer must be this machine, the secret must be right, and what a browser or a proxy
 * sends along (Origin, Sec-Fetch-*, Forwarded, X-Forwarded-*, Via) shuts the door. Any thread.
 */
#ifndef FIRTH_APP_OPERATOR_H
#define FIRTH_APP_OPERATOR_H

#include "app/govern.h"
#include "http/server.h"

struct operator_door;
struct operator_options {
	const struct config *config;
	uint16_t port;
	/* The realm of a tenant (STR_NULL: the root), held until the exchange is over. */
	struct realm *(*realm)(void *ctx, struct http_exchange *x, struct str tenant, struct error *err);
	void *ctx;
	const struct service_options *service;
};
/* Writes the file. NULL with err. */
struct operator_door *operator_door_open(const struct operator_options *options, struct error *err) MUST_USE;
/* Removes the file. */
void operator_door_close(struct operator_door *door);
/* Answers POST /operator (true); leaves everything else alone (false), also what may not come in without a secret. */
bool operator_door_handle(struct operator_door *door, struct http_exchange *x);

/* The other side, for commands: has the server that holds the store do it, and gives its answer or its error.
 * *ret_asked is false when no server left a file. */
bool operator_call(struct arena *a, const struct config *config, struct str command, bool *ret_asked,
		   const struct json **ret_answer, struct error *err) MUST_USE;

#endif
