/* Shared by the files of the authorization server. */
#ifndef FIRTH_SERVER_SMART_SMART_PRIV_H
#define FIRTH_SERVER_SMART_SMART_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "http/client.h"
#include "jose/jose.h"
#include "server/decision/decision.h"
#include "server/smart/keys.h"
#include "server/smart/smart.h"

enum {
	SECRET_SIZE = 43, /* 256 random bits in base64url: codes, tokens, client secrets */
	MAX_TOKEN = 512,
	LEEWAY_S = 5, /* between clocks */
	MAX_FACT = 256 * 1024
};

/* ---- scope.c ----------------------------------------------------------------------------------------------------- */

/* What both scopes allow; false when that is nothing. */
bool scope_intersect(struct arena *a, const struct scope *asked, const struct scope *allowed, struct scope *ret_scope);
/* Is everything that the other list allows allowed by this one? */
bool scope_list_covers(const struct scope_list *list, const struct scope_list *other);

/* ---- form.c ------------------------------------------------------------------------------------------------------ */

struct form {
	struct form_field {
		struct str name, value;
	} * fields;
	size_t count;
};
/* ERR_INVALID_REQUEST: broken, too large, or a parameter that is repeated. */
bool form_parse(struct arena *a, struct str text, struct decision *d, struct form *ret_form,
		struct error *err) MUST_USE;
/* STR_NULL when it is absent or empty. */
struct str form_get(const struct form *form, const char *name);
bool form_decode(struct arena *a, struct str text, struct decision *d, struct str *ret_text,
		 struct error *err) MUST_USE;

/* ---- secret.c: random words, and how the store knows them ----------------------------------------------------------
 */

/* 43 characters. STR_NULL without memory. */
struct str secret_new(struct arena *a);
/* In hex. STR_NULL without memory. */
struct str secret_digest(struct arena *a, struct str secret);
/* The same secret as the one whose digest this is? */
bool secret_is(struct arena *a, struct str secret, struct str digest);

/* ---- clients and their keys: clients.c, registry.c, keys.c ---------------------------------------------------------
 */

/* A set that came by URL: never changed, freed with its last user. */
struct fetched_keys {
	struct jose_key_set *keys;
	int64_t stale_ms;
	atomic_int users;
};

/* One state of a client: never changed but for the keys fetched for it, freed with its last user. */
struct client {
	struct arena arena; /* of the facts' text */
	struct smart_client facts;
	struct str stored; /* what the shelf had; STR_NULL: configured */
	struct jose_key_set *fixed; /* keys by value */
	struct key_source source; /* of keys by URL */
	/* Of the registry, under its lock: */
	unsigned users;
	uint64_t generation;
	uint64_t used; /* when last, by the registry's count */
	struct client *next;
};

void client_open(struct client *c);
void client_close(struct client *c);
/* How long fetched keys are good for, by their Cache-Control. */
int64_t jwks_age_s(struct str cache_control);

/* Verifies an assertion with the client's keys, fetching them when they come by URL and are stale, or once more when
 * the kid is not among them. */
bool client_verify(struct client *c, struct arena *a, struct str assertion, struct str kid, int64_t now_ms,
		   const struct smart *s, struct jose_token *ret_token, struct error *err) MUST_USE;

/* Metadata as the shelf has it, secrets' digests among them. */
bool client_parse(struct arena *a, struct str stored, struct smart_client *ret_client, struct error *err) MUST_USE;
struct str client_format(struct arena *a, const struct smart_client *client, struct error *err);
/* Is the URI one of those of the client, to the byte (RFC 9700 section 4.1.3)? The port of a loopback address may
 * differ where none is registered (RFC 8252 section 7.3). */
bool client_has_redirect(const struct smart_client *client, struct str uri);

struct registry;
/* algorithms: of enum jose_algorithm, for keys by value. */
struct registry *registry_open(const struct smart_client *configured, size_t count, unsigned algorithms,
			       struct error *err) MUST_USE;
void registry_close(struct registry *r);
void registry_forget(struct registry *r); /* the shelf has changed */
/* The client as it is now, to be given back. *ret_client NULL when there is none. */
bool registry_take(struct smart *s, struct str client_id, struct client **ret_client, struct error *err) MUST_USE;
void registry_give(struct smart *s, struct client *c);
/* Do redirect URIs, keys and grant types go together? *ret_code as of smart_client_read(). */
bool client_check(const struct smart_client *client, unsigned algorithms, const char **ret_code,
		  struct error *err) MUST_USE;
/* Gives a new client its id, and its secret where it needs one, and formats it for the shelf. */
bool client_prepare(struct smart *s, struct arena *a, struct smart_client *client, struct str *ret_secret,
		    struct store_fact *ret_fact, struct error *err) MUST_USE;
/* Enabled and not expired? */
bool client_is_good(const struct smart_client *client, int64_t now_ms, struct decision *d, struct error *err) MUST_USE;

/* ---- a request that a client proves itself with --------------------------------------------------------------------
 */

/* What a fact of the commit is, for when its condition fails. */
enum fact_role { FACT_PLAIN, FACT_JTI, FACT_CODE, FACT_REFRESH, FACT_GRANT, FACT_SESSION, FACT_INITIAL };
enum { MOST_FACTS = 8 };

/* From the form to the answer: what was found out, and what must be committed before the answer may go out. */
struct asking {
	struct smart *s;
	struct arena *a;
	struct decision *decision;
	struct str authorization, address;
	struct str body; /* as it came */
	int64_t now_ms;
	struct form form;
	struct client *client; /* NULL until it is known; given back by asking_done() */
	struct store_fact facts[MOST_FACTS];
	enum fact_role roles[MOST_FACTS];
	size_t fact_count;
	const struct authorization *granting; /* what is granted from; NULL: a backend service, or not known yet */
	struct store_fact doomed; /* what ends the authorization of a reused code or token; shelf STR_NULL: nothing */
	struct str attempts; /* key of the counter of failed proofs that this one adds to; STR_NULL: none */
	bool by_header; /* the client used the Authorization header */
	bool by_token; /* what is looked at is the access token in it */
	bool revokes; /* the facts end something */
	int status; /* of the answer when it is granted */
	struct str error; /* of RFC 7591 or so, instead of that of the refusal; STR_NULL: that */
	struct buf *out;
};
void asking_begin(struct asking *q, struct smart *s, struct arena *a, struct str authorization, struct str address,
		  struct buf *out);
void asking_done(struct asking *q);
/* A fact of the commit. */
void asking_add(struct asking *q, enum fact_role role, const struct store_fact *fact);
/* What it means that the condition of a fact failed when the facts were committed. May set doomed. Always false. */
bool asking_explain(struct asking *q, size_t failed, struct error *err);
enum { MOST_AFTERMATH = 2 };
/* What is to be committed after a refusal: what was reused is revoked, a failed proof counted. */
size_t asking_aftermath(struct asking *q, struct store_fact facts[MOST_AFTERMATH]);

/* authenticate.c: finds the client, which must be enabled; finds and proves the client (RFC 6749 section 2.3). */
bool client_identify(struct asking *q, struct str client_id, struct error *err) MUST_USE;
bool client_authenticate(struct asking *q, struct error *err) MUST_USE;
/* assertion.c: by a signed assertion (RFC 7523 section 2.2). */
bool client_authenticate_assertion(struct asking *q, struct error *err) MUST_USE;
/* The same of an assertion that is an authorization grant (section 2.1), of the client that is known already. */
bool assertion_check(struct asking *q, struct str assertion, struct error *err) MUST_USE;
/* The scopes of a request as the persona takes them, and the list that is granted as it words it. */
struct str scopes_asked(struct smart *s, struct arena *a, const struct smart_client *client, struct str asked,
			enum scope_contexts contexts);
bool scopes_granted(struct smart *s, struct arena *a, struct scope_list *list, struct error *err) MUST_USE;
/* token_endpoint.c: the form to the answer in q->out. */
bool token_endpoint_run(struct asking *q, struct error *err) MUST_USE;
/* code.c, refresh.c: one grant type each. */
bool code_redeem(struct asking *q, struct error *err) MUST_USE;
/* The client that a refresh token was given to, good or used up; *ret_client_id stays as it is when there is none. */
bool refresh_owner(struct asking *q, struct str token, struct str *ret_client_id, struct error *err) MUST_USE;
bool refresh_redeem(struct asking *q, struct error *err) MUST_USE;
/* What of an authorization's scopes the client may still have, or less if it asks for less; *ret_words: of all of them.
 */
bool refresh_scopes(struct asking *q, const struct authorization *g, struct scope_list *ret_list, unsigned *ret_words,
		    struct error *err) MUST_USE;
/* device.c: clients of single devices, where the persona has them. */
bool device_register(struct asking *q, struct error *err) MUST_USE;
bool device_redeem(struct asking *q, struct error *err) MUST_USE;
/* Can the filters of all of them be enforced? */
bool scopes_check_filters(struct smart *s, struct arena *a, const struct scope_list *list, struct decision *d,
			  struct error *err) MUST_USE;
/* Status and body of a refusal. */
int asking_refuse(struct asking *q, const struct error *err, const char **ret_code);

/* ---- authorizations and their tokens: grant.c ----------------------------------------------------------------------
 */

/* What the shelf "grant" keeps of an authorization, and what "code" keeps until there is one. */
struct authorization {
	struct str id;
	struct str client_id, scope, user, fhir_user, roles, display, session, patient, encounter;
	struct str nonce, code_challenge, redirect_uri, state; /* of a code */
	struct smart_launch launch; /* intent and so on */
	int64_t authenticated_ms, issued_ms, used_ms;
	int64_t ends_ms; /* of refreshing, at last; 0: it cannot be refreshed */
	int64_t revoked_ms; /* 0: it was not */
	int64_t refreshed_ms; /* when last; 0: never */
	int64_t expires_ms; /* of the fact */
	struct str stored; /* as it was read */
};
bool authorization_parse(struct arena *a, struct str stored, struct authorization *ret_authorization,
			 struct error *err) MUST_USE;
struct str authorization_format(struct arena *a, const struct authorization *authorization, struct error *err);
/* An id that starts with what is the user's, so that a user's can be listed. */
struct str authorization_new_id(struct arena *a, struct str user);
/* Of the shelf "grant": ret->id is STR_NULL when there is none. */
bool authorization_find(struct smart *s, struct arena *a, struct str id, struct authorization *ret_authorization,
			struct error *err) MUST_USE;
/* The fact that ends it and all of its tokens; by its id, the shelf is asked. */
bool authorization_doom(struct smart *s, struct arena *a, const struct authorization *authorization,
			struct store_fact *ret_fact, struct error *err) MUST_USE;
bool authorization_doom_id(struct smart *s, struct arena *a, struct str id, struct store_fact *ret_fact,
			   struct error *err) MUST_USE;

/* The answer of the token endpoint for an authorization (RFC 6749 section 5.1; SMART App Launch 2.2 section 2.1.8):
 * makes an access token of the scopes, a refresh token where there is to be one, and their facts. */
struct issuing {
	struct authorization *authorization;
	const struct scope_list *scopes; /* of the access token */
	unsigned words; /* of all that was granted */
	bool first; /* it was just agreed to */
	bool access_alone; /* never a refresh token */
};
bool tokens_issue(struct asking *q, const struct issuing *issuing, struct error *err) MUST_USE;

/* ---- access tokens: token.c and token_cache.c -------------------------------------------------------------------- */

struct token_cache;
struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *cache);
/* A copy in a, whether it has expired or not, of what was put in at this generation. */
bool token_cache_find(struct token_cache *cache, struct arena *a, const unsigned char digest[32], uint64_t generation,
		      struct grant *ret_grant);
void token_cache_put(struct token_cache *cache, const unsigned char digest[32], uint64_t generation,
		     const struct grant *grant);

/* Makes a token that allows this, and its fact. */
bool token_make(struct asking *q, const struct grant *grant, struct str *ret_token, struct error *err) MUST_USE;
/* Looks a token up, without the cache, whether it has expired or not: refuses those that are none of ours, revoked, or
 * of a client that may not use them. */
bool token_look(struct smart *s, struct arena *a, struct str token, struct decision *d, struct grant *ret_grant,
		struct error *err) MUST_USE;

/* The fact that ends one token, whose grant this is. */
struct store_fact token_revoked(struct str key, const struct grant *grant);
/* Ends one by the id that a token of no authorization has: "t." and so on. */
bool token_revoke_own(struct smart *s, struct arena *a, struct str id, struct error *err) MUST_USE;

/* ---- our own keys: signing.c ---------------------------------------------------------------------------------------
 */

struct signing;
struct signing *signing_open(struct error *err) MUST_USE;
void signing_close(struct signing *g);
void signing_forget(struct signing *g); /* the shelf has changed */
/* A JWT of the claims, by the key that signs now. algorithm JOSE_NONE: the usual one. */
bool signing_sign(struct smart *s, struct arena *a, enum jose_algorithm algorithm, struct str claims,
		  struct str *ret_token, struct error *err) MUST_USE;
/* {"keys":[...]} of all that may still be verified with. */
bool signing_public(struct smart *s, struct arena *a, struct str *ret_jwks, struct error *err) MUST_USE;

/* ---- identity.c: OpenID Connect
 * -------------------------------------------------------------------------------------- */

/* The same for a user at every app, and nothing that tells the user's name. */
struct smart_told identity_told(struct asking *q, const struct authorization *authorization, unsigned words,
				bool first);
struct str identity_subject(struct smart *s, struct arena *a, struct str user);
bool identity_token(struct asking *q, const struct authorization *authorization, const struct scope_list *scopes,
		    struct str *ret_token, struct error *err) MUST_USE;
/* "https://.../fhir/Practitioner/7" */
struct str identity_url(struct smart *s, struct arena *a, struct str fhir_user);

/* ---- discovery.c ---------------------------------------------------------------------------------------------------
 */

bool discovery_open(struct smart *s, struct error *err) MUST_USE;

/* ---- endpoints: handle.c, endpoint.c and one file each -------------------------------------------------------------
 */

enum endpoint_kind { ENDPOINT_FORM, ENDPOINT_JSON, ENDPOINT_BEARER };
struct endpoint {
	const char *path; /* below the realm's base */
	const char *name; /* of the audit record */
	enum endpoint_kind kind;
	/* Fills q->out, and adds the facts that must be committed before it may go out. */
	bool (*run)(struct asking *q, struct error *err);
};
/* Runs it, commits, records and answers, at once or from the committing thread. */
void endpoint_serve(struct smart *s, struct http_exchange *x, const struct endpoint *endpoint);
/* JSON for anyone's eyes, from any origin. */
void endpoint_respond(struct http_exchange *x, int status, struct str challenge, struct buf *body);

bool introspect_run(struct asking *q, struct error *err) MUST_USE;
bool revoke_run(struct asking *q, struct error *err) MUST_USE;
bool register_run(struct asking *q, struct error *err) MUST_USE;
bool userinfo_run(struct asking *q, struct error *err) MUST_USE;

extern const struct smart_persona persona_ours;

struct smart {
	struct smart_options options; /* persona is never NULL */
	struct arena arena; /* read-only after opening */
	struct registry *registry;
	struct token_cache *cache;
	struct signing *signing;
	_Atomic uint64_t generation; /* of what the cache of tokens depends on */
	struct str issuer, fhir_url;
	struct str configuration, resource_metadata, oauth_uris; /* discovery documents */
	bool watching;
};

int64_t smart_now(const struct smart *s);
unsigned smart_algorithms(const struct smart *s); /* of assertions */

#endif
