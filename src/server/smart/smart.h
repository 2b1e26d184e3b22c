/*
 * The authorization server but for its pages (SMART App Launch 2.2; OAuth 2.0: RFC 6749, 7009, 7521, 7523, 7591, 7636,
 * 7662, 8414, 9207, 9700, 9728; OpenID Connect Core): clients, the token endpoint, access and refresh tokens, keys and
 * discovery. Any thread. Nothing that matters lives in memory alone, so processes on one store are one server.
 */
#ifndef FIRTH_SERVER_SMART_SMART_H
#define FIRTH_SERVER_SMART_SMART_H

#include "base/buf.h"
#include "http/server.h"
#include "server/decision/decision.h"
#include "server/smart/authorize.h"
#include "server/smart/clients.h"
#include "server/smart/persona.h"
#include "server/smart/scope.h"
#include "store/store.h"

/* How long what is given out lives, in seconds; 0: what stands beside it. */
struct smart_lifetimes {
	unsigned access_s, backend_s; /* access tokens of people's apps (1 h) and of backend services (5 min) */
	unsigned online_s; /* refreshing with online_access, which ends with the session as well (1 day) */
	unsigned refresh_idle_s, refresh_end_s; /* with offline_access: without being used (90 days), at all (365) */
	unsigned code_s, launch_s; /* until they are redeemed (1 min, 5 min) */
};

/* How vendors differ; zero is Firth's own behaviour. */
struct smart_options {
	struct store *store;
	const struct definitions *definitions;
	struct str token_url; /* the audience that assertions must name */
	/* "https://fhir.example.org", of a tenant ".../t/NAME": its URLs are made of it. STR_NULL: a token endpoint
	 * alone, which smart_handle() does not serve. */
	struct str base_url;
	struct str base_path; /* what paths begin with: "", "/t/NAME" */
	/* Where another server's face puts them: the FHIR base (STR_NULL: BASE/fhir) and the issuer (STR_NULL: the FHIR
	 * base). */
	struct str fhir_url, issuer;
	const struct smart_client *clients; /* of the configuration */
	size_t client_count;
	struct smart_lifetimes lifetimes;
	struct vault *vault; /* seals the private halves of our own keys; NULL: they are kept as they are */
	struct decision_journal *journal; /* budget of what is kept of refusals; may be NULL */
	bool people; /* somebody serves the authorization endpoint, /auth/authorize */
	bool registration; /* RFC 7591 is offered */
	const struct smart_persona *persona; /* of a vendor that is imitated; lives longer. NULL: ours */
	/* Is the text after '?' of a scope a search of the type (NULL: any) that can be enforced? NULL: none is. */
	bool (*filter)(void *ctx, struct arena *a, const struct fhir_type *type, struct str filter, struct error *err);
	void *filter_ctx;
	int64_t (*now_ms)(void); /* NULL = clock_now_ms */
};
struct smart;
struct smart *smart_open(const struct smart_options *options, struct error *err) MUST_USE;
void smart_close(struct smart *s);

/* "https://fhir.example.org/fhir": what tokens are for and who issues them. */
struct str smart_issuer(const struct smart *s);
/* What aud and iss of a launch name: the FHIR base. */
struct str smart_fhir_url(const struct smart *s);

/* Answers /auth/token, introspect, revoke, register, jwks and userinfo and the well-known documents that do not lie
 * below the FHIR base (true); leaves everything else alone (false). */
bool smart_handle(struct smart *s, struct http_exchange *x);
/* The path of the FHIR base that a well-known document is about; any other path as it is. */
struct str smart_realm_path(struct str path);
/* Answers like the endpoint of this name ("introspect", "revoke", "jwks"), whatever path was asked for. */
void smart_serve(struct smart *s, struct http_exchange *x, const char *name);
/* The discovery document (SMART App Launch 2.2 section 3.2.2; it serves as openid-configuration and RFC 8414, too). */
struct str smart_configuration(const struct smart *s);
/* The extensions of CapabilityStatement.rest.security that say where to log in, as a JSON array; STR_NULL: nowhere. */
struct str smart_oauth_uris(const struct smart *s);

/* The server's own keys, which sign id_tokens. */
struct smart_key {
	struct str kid;
	const char *algorithm;
	int64_t signs_ms; /* from then on; of the first one 0 */
	int64_t made_ms;
	bool signing, published;
	int64_t until_ms; /* a newer one took its place: published until then; 0: none did */
};
/* Those that there are: listing makes none. */
bool smart_keys_list(struct smart *s, struct arena *a, struct smart_key **ret_keys, size_t *ret_count,
		     struct error *err) MUST_USE;
/* New ones: published at once, signing ten minutes later; the old ones are published for another day. */
bool smart_keys_rotate(struct smart *s, struct arena *a, struct error *err) MUST_USE;

/* One token request: form body and Authorization header in; the JSON answer out with its status. On refusal err holds
 * which check failed, and out the RFC 6749 section 5.2 answer. ret_client names the client when it is known. */
struct smart_token_answer {
	int status;
	struct str client_id;
	const char *error; /* RFC 6749 code, NULL when granted */
};
bool smart_token(struct smart *s, struct arena *a, struct str form, struct str authorization, struct buf *out,
		 struct smart_token_answer *ret_answer, struct error *err) MUST_USE;

/* An access token that somebody else asks for (CDS Hooks, fhirAuthorization): of the grant, whose texts and times are
 * used as they are; of no authorization. */
bool smart_token_make(struct smart *s, struct arena *a, const struct grant *grant, struct str *ret_token,
		      struct error *err) MUST_USE;

/* Checks "Bearer ..." and gives the grant (text in a). ERR_LOGIN, ERR_TOKEN_EXPIRED, ERR_TOKEN_INVALID; the decision
 * (may be NULL) gets the checks and whose token it is. */
bool smart_authorize(struct smart *s, struct arena *a, struct str authorization, struct decision *d,
		     struct grant *ret_grant, struct error *err) MUST_USE;

/* What a refresh token stands for, without using it. False with the refusal that using it would meet; *ret_grant then
 * holds what is known (id STR_NULL: nothing). */
bool smart_refresh_look(struct smart *s, struct arena *a, struct str token, struct decision *d,
			struct smart_grant *ret_grant, struct error *err) MUST_USE;

#endif
