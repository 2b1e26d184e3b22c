/*
 * The vendors' authorization servers: Firth's own (server/smart, server/login) with what differs laid over it, at the
 * vendors' addresses. Where each behaviour is known from stands in docs/sandbox.md.
 */
#ifndef FIRTH_SANDBOX_OAUTH_PRIV_H
#define FIRTH_SANDBOX_OAUTH_PRIV_H

#include "sandbox/faults_priv.h"

/* Fills s->persona; the answers to refused requests of apps are login_options.refused. */
void oauth_epic_persona(struct sandbox *s);
void oauth_cerner_persona(struct sandbox *s);
void oauth_epic_refused(void *ctx, struct arena *a, const struct smart_request *asked, const char *error,
			const struct error *refusal, struct str *ret_url, struct str *ret_page);
void oauth_cerner_refused(void *ctx, struct arena *a, const struct smart_request *asked, const char *error,
			  const struct error *refusal, struct str *ret_url, struct str *ret_page);
/* "https://HOST/errors/urn.../instances/UUID?client=ID&tenant=T". what: behind "oauth2:", such as "token:empty-scopes".
 */
struct str oauth_cerner_error_uri(const struct sandbox *s, struct arena *a, const char *what, struct str client_id,
				  const char uuid[36]);

/* Scopes of a list, word by word: those that keep() lets through. STR_NULL without memory. */
struct str oauth_scopes_filtered(struct sandbox *s, struct arena *a, struct str scopes,
				 bool (*keep)(struct sandbox *s, struct str word, const struct scope *scope));
/* "patient/Observation.rs" in the grammar of v1, "patient/Observation.read", or the other way round. */
bool oauth_scopes_reworded(struct sandbox *s, struct arena *a, bool v2, struct str *text, struct error *err);
/* What is registered, with each wildcard written out for all types that the site has. */
struct str oauth_scopes_written_out(struct sandbox *s, struct arena *a, struct str scopes);
bool oauth_scope_is_v2(const struct scope *scope);

/* An access token in Cerner's form (struct smart_persona.token), and the set of keys with the one that signs them. */
struct str oauth_cerner_token(void *ctx, struct arena *a, const struct grant *grant, struct str secret);
void oauth_cerner_keys(struct sandbox *s, struct http_exchange *x);
/* Answers a call of Epic's with Basic that is as it should be. */
bool oauth_basic(struct sandbox *s, struct http_exchange *x, enum face_host host);
/* Answers what lies at the vendor's addresses beside token and authorization endpoint: keys, introspection, discovery
 * of OpenID Connect, styles, pages of errors. */
bool oauth_handle(struct sandbox *s, struct http_exchange *x);

#endif
