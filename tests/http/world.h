/*
 * A whole server in this process for tests: store in a directory of its own, REST room, and HTTP on a free port of the
 * loopback, with or without authorization.
 */
#ifndef FIRTH_TESTS_HTTP_WORLD_H
#define FIRTH_TESTS_HTTP_WORLD_H

#include <stdatomic.h>

#include "jose/jose.h"
#include "server/bulk/export.h"
#include "server/rest/rest.h"

struct world_options {
	bool guarded; /* tokens are needed */
	size_t max_body; /* 0: the server's default */
	const struct rest_face *face;
	bool no_update_create;
	const struct admission_rule *rules; /* of writing */
	size_t rule_count;
	const struct access_rule *policy; /* of who may see what; people in the role "breaker" may break the glass */
	size_t policy_count;
	bool consents; /* apply to people */
	bool jobs; /* asynchronous requests are taken */
	uint64_t file_bytes; /* of files of exports */
};
struct world {
	char directory[64], base_url[64], token_url[64];
	const struct definitions *definitions;
	struct extractor *extractor;
	struct knowledge *knowledge;
	struct store *store;
	struct jose_key *key;
	struct access *access;
	struct jobs *jobs;
	struct bulk_export export;
	struct smart *smart;
	struct http_server *http;
	_Atomic(struct rest_server *) rest;
	struct arena arena; /* of keys and clients */
};
bool world_open(struct world *w, const struct world_options *options, struct error *err) MUST_USE;
void world_close(struct world *w);
/* An access token of client "one", or of "two" when scopes start with "two ". */
struct str world_token(void *world, struct arena *a, struct str scopes);

/* An access token of the app "app" that allows what the grant says, with these scopes. */
struct str world_grant(struct world *w, struct arena *a, const char *scopes, const struct grant *grant);

#endif
