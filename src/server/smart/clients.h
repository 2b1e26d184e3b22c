/*
 * The registry of clients: those of the configuration, which only its file can change, and those that were registered
 * while the server runs (shelf "client"), by an operator or by themselves (RFC 7591). Any thread; every process on the
 * same store sees a change at once. What functions return lies in the caller's arena.
 */
#ifndef FIRTH_SERVER_SMART_CLIENTS_H
#define FIRTH_SERVER_SMART_CLIENTS_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

struct smart;

/* How a client proves who it is: token_endpoint_auth_method of RFC 7591. AUTH_IMPLIED: by what it has, keys before a
 * secret before nothing. */
enum client_auth { AUTH_IMPLIED, AUTH_NONE, AUTH_SECRET_BASIC, AUTH_SECRET_POST, AUTH_PRIVATE_KEY };

struct smart_client {
	struct str client_id;
	struct str name;
	struct str scope; /* what may be granted, space separated */
	const struct json *jwks; /* keys by value, or NULL */
	struct str jwks_url; /* keys by URL, or STR_NULL: fetched, cached, refetched once when a kid is unknown */
	struct str secret_sha256; /* hex; STR_NULL: none */
	struct str secret_before; /* the one before it, hex, good until secret_before_ms */
	struct str redirect_uris; /* space separated; matched to the byte */
	struct str launch_url; /* where an EHR launch sends the browser */
	struct str grant_types; /* space separated; STR_NULL: authorization_code and refresh_token with redirect URIs,
				 * client_credentials with keys */
	struct str logo_url, client_url, policy_url, terms_url; /* shown when consent is asked for */
	struct str contacts; /* space separated */
	struct str software_id, software_version; /* as registered */
	struct str id_token_alg; /* RS256, RS384 or ES384; STR_NULL: RS256 */
	enum client_auth auth;
	bool disabled;
	bool configured; /* of the configuration: read-only */
	bool self_registered; /* by RFC 7591 */
	int64_t registered_ms;
	int64_t secret_expires_ms, secret_before_ms, expires_ms; /* 0: never */
};

enum { CLIENT_AUTHORIZATION_CODE = 1, CLIENT_REFRESH_TOKEN = 2, CLIENT_CREDENTIALS = 4, CLIENT_DEVICE = 8 };
unsigned smart_client_grant_types(const struct smart_client *client);
enum client_auth smart_client_auth(const struct smart_client *client);
const char *client_auth_name(enum client_auth auth);

/* One client, disabled and expired ones too. client_id STR_NULL when there is none; false only on failure. */
bool smart_client_find(struct smart *s, struct arena *a, struct str client_id, struct smart_client *ret_client,
		       struct error *err) MUST_USE;
/* Configured ones first, then those of the shelf in the order of their ids. */
bool smart_client_list(struct smart *s, struct arena *a, struct smart_client **ret_clients, size_t *ret_count,
		       struct error *err) MUST_USE;

/* Client metadata in the names of RFC 7591 (client_name, redirect_uris, scope, grant_types,
 * token_endpoint_auth_method, jwks, jwks_uri, ...) and SMART's launch_url, with every rule checked. ERR_VALUE names
 * member and reason; *ret_code is the error code of RFC 7591 section 3.2.2. */
bool smart_client_read(struct smart *s, struct arena *a, const struct json *metadata, struct smart_client *ret_client,
		       const char **ret_code, struct error *err) MUST_USE;
/* The same back, without secrets and their digests. */
void smart_client_write(struct json_writer *w, const struct smart_client *client);

/* Registers it (client_id STR_NULL: one is made), ERR_CONFLICT when there is one of that id. A client that proves
 * itself by a secret gets a new one: *ret_secret, which is kept as its digest only. */
bool smart_client_add(struct smart *s, struct arena *a, struct smart_client *client, struct str *ret_secret,
		      struct error *err) MUST_USE;
/* Replaces metadata; ERR_NOT_FOUND, ERR_FORBIDDEN for a configured one. Tokens that are out stay good; of a disabled
 * one none is, as long as it is disabled. */
bool smart_client_change(struct smart *s, struct arena *a, const struct smart_client *client,
			 struct error *err) MUST_USE;
/* A new secret; the one before works for as long as overlap_s. expires_ms 0: never. */
bool smart_client_rotate(struct smart *s, struct arena *a, struct str client_id, int64_t overlap_s, int64_t expires_ms,
			 struct str *ret_secret, struct error *err) MUST_USE;
/* For good, with everything that was issued to it. */
bool smart_client_remove(struct smart *s, struct arena *a, struct str client_id, struct error *err) MUST_USE;

#endif
