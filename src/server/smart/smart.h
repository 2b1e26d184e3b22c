/*
 * SMART backend services, the server's side (SMART App Launch 2.2, "Backend Services"; RFC 6749, 7521, 7523): clients,
 * the token endpoint, access tokens, and system scopes. Any thread.
 */
#ifndef FIRTH_SERVER_SMART_SMART_H
#define FIRTH_SERVER_SMART_SMART_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "fhir/definitions.h"
#include "json/json.h"
#include "store/store.h"

/* ---- scopes ---------------------------------------------------------------------------------------------------- */

/* What a scope permits, SMART v2 letters; v1 .read is r and s, .write is c, u and d. */
enum scope_permission { SCOPE_C = 1, SCOPE_R = 2, SCOPE_U = 4, SCOPE_D = 8, SCOPE_S = 16 };
struct scope {
	struct str text; /* as requested */
	struct str context; /* "system", "user", "patient" */
	struct str type; /* "Patient" or "*" */
	unsigned permissions;
	struct str filter; /* after '?', STR_NULL when none: narrows to matching resources */
};
/* False for anything that is no resource scope of either grammar. */
bool scope_parse(const struct definitions *d, struct str text, struct scope *ret_scope);

/* What an access token allows. */
struct grant {
	struct str client_id;
	struct str scope_text; /* as granted, space separated */
	struct scope *scopes;
	size_t scope_count;
	int64_t expires_ms;
};
/* May the grant do this to resources of the type? ERR_FORBIDDEN says what the token has and what was needed. */
bool grant_check(const struct grant *grant, const struct fhir_type *type, enum scope_permission needed,
		 struct error *err) MUST_USE;

/* ---- clients and tokens ----------------------------------------------------------------------------------------- */

struct smart_client {
	struct str client_id;
	struct str name;
	struct str scope; /* what may be granted, space separated */
	const struct json *jwks; /* keys by value, or NULL */
	struct str jwks_url; /* keys by URL, or STR_NULL: fetched, cached, refetched once when a kid is unknown */
	struct str secret_sha256; /* hex, for vendors with client_secret_basic; STR_NULL: none */
};

/* How vendors differ; zero is Firth's own behaviour. */
struct smart_options {
	struct store *store; /* tokens and used jti survive a restart here */
	const struct definitions *definitions;
	struct str token_url; /* the audience that assertions must name */
	const struct smart_client *clients;
	size_t client_count;
	unsigned token_lifetime_s; /* 0 = 300 */
	bool grant_registered; /* Epic: ignore requested scopes, grant what is registered */
	int64_t (*now_ms)(void); /* NULL = clock_now_ms */
};
struct smart;
struct smart *smart_open(const struct smart_options *options, struct error *err) MUST_USE;
void smart_close(struct smart *s);

/* One token request: form body and Authorization header in; the JSON answer out with its status. On refusal err holds
 * which check failed, and out the RFC 6749 section 5.2 answer. ret_client names the client when it is known. */
struct smart_token_answer {
	int status;
	struct str client_id;
	const char *error; /* RFC 6749 code, NULL when granted */
};
bool smart_token(struct smart *s, struct arena *a, struct str form, struct str authorization, struct buf *out,
		 struct smart_token_answer *ret_answer, struct error *err) MUST_USE;

/* Checks "Bearer ..." and gives the grant (text in a). ERR_LOGIN, ERR_TOKEN_EXPIRED, ERR_TOKEN_INVALID. */
bool smart_authorize(struct smart *s, struct arena *a, struct str authorization, struct grant *ret_grant,
		     struct error *err) MUST_USE;

#endif
