/*
 * A small authorization server with one patient record, for the tests of people's logins: a transport that answers as
 * RFC 6749, RFC 7636, RFC 7009 and OpenID Connect say. Refresh tokens are good once; one that comes twice ends its
 * family (RFC 9700 section 4.14.2). Any thread.
 */
#ifndef FIRTH_TESTS_EHR_AUTHORITY_H
#define FIRTH_TESTS_EHR_AUTHORITY_H

#include <pthread.h>

#include "ehr/login.h"

#define AUTHORITY_BASE "https://ehr.example/fhir"

struct authority {
	pthread_mutex_t lock;
	struct jose_key *key; /* signs id_tokens */
	char base[64], issuer_url[64]; /* of the FHIR server, and of the authorization server */
	int64_t now_ms;
	unsigned lifetime_s; /* of access tokens */
	/* What it does otherwise than usual. */
	const char *issuer; /* of id_tokens; NULL: its own */
	const char *audience; /* NULL: the client's id */
	const char *scope; /* in answers; NULL: what was asked for; "": left out */
	const char *nonce; /* NULL: the one that was sent */
	const char *foreign; /* name of a key set member to damage: "keys" */
	bool no_refresh, no_id_token, same_refresh, no_revocation, id_expired, post_only;
	int lose_answer; /* so many token answers are made and then lost on the way */
	int fail; /* so many token requests are answered with 503 */
	/* What it knows. */
	char code[64], challenge[64], asked_nonce[64], asked_scope[400], redirect_uri[128];
	char access[32], refresh[32], refresh_before[32];
	unsigned serial;
	bool family_ended;
	/* What it saw. */
	unsigned codes, refreshes, revocations, reads;
	char authorization[256], form[8192];
};

/* At AUTHORITY_BASE and https://auth.example until base and issuer_url are set to other places. */
void authority_open(struct authority *x);
void authority_close(struct authority *x);
bool authority_call(void *ctx, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
		    struct error *err);
/* The person's part: logs in at the address and agrees; the query that comes back. */
struct str authority_agree(struct authority *x, struct arena *a, struct str url);
/* A parameter of a query or form, plain; STR_NULL when absent. */
struct str authority_parameter(struct arena *a, struct str query, const char *name);

#endif
