/*
 * A person's login at an EHR: SMART App Launch 2.2, standalone and from within the EHR (RFC 6749 section 4.1, RFC 7636,
 * RFC 9207, OpenID Connect Core). Begun, answered, kept sealed, renewed, ended. What is needed between beginning and
 * answer is a value that the caller keeps where the browser cannot lose it.
 *
 * A client (struct ehr_client) belongs to one thread; struct ehr_logins may be used by any thread, and several
 * processes may share the place that it stands for.
 */
#ifndef FIRTH_EHR_LOGIN_H
#define FIRTH_EHR_LOGIN_H

#include "ehr/ehr.h"
#include "vault/vault.h"

/* ---- beginning and answer ---------------------------------------------------------------------------------------- */

struct ehr_login_ask {
	struct str redirect_uri;
	struct str launch; /* from the EHR (its launch parameter); STR_NULL: standalone */
	struct str scopes; /* STR_NULL: those configured, or what reading needs */
};

/* A login under way. Text lies in the arena of whoever made it. */
struct ehr_login_pending {
	struct str ehr, state, verifier, nonce, redirect_uri, scopes, issuer;
	int64_t started_ms;
	bool answers_iss; /* the EHR said that its answers name their issuer */
};

/* Discovery, then fresh secrets; *ret_url is where the browser goes. ERR_CONFIG without client id, ERR_REMOTE when the
 * EHR names no authorization endpoint. */
bool ehr_login_begin(struct ehr_client *c, struct arena *a, const struct ehr_login_ask *ask,
		     struct ehr_login_pending *ret_pending, struct str *ret_url,
		     struct ehr_failure *ret_failure) MUST_USE;
bool ehr_login_pending_write(const struct ehr_login_pending *pending, struct buf *out, struct error *err) MUST_USE;
bool ehr_login_pending_read(struct arena *a, struct str text, struct ehr_login_pending *ret_pending,
			    struct error *err) MUST_USE;

struct ehr_login {
	struct str ehr, base_url, client_id, token_url, revoke_url;
	struct str access_token, refresh_token; /* refresh_token STR_NULL: it ends with the access token */
	struct str requested, granted; /* scopes */
	struct str patient, encounter, intent, style_url; /* launch context; STR_NULL: none */
	struct str fhir_user; /* "Practitioner/7" */
	struct str subject, name; /* of the id_token */
	struct str others; /* members of the EHR's own in its answer, as a JSON object; STR_NULL: none */
	struct str ended; /* why it cannot be used any more, for people; STR_NULL: it can */
	int64_t started_ms; /* the person logged in */
	int64_t issued_ms, renew_ms, expires_ms; /* of the access token; it is renewed when 4/5 of its life are over */
	int64_t trying_ms; /* a renewal was begun then and nobody knows how it ended; 0: none is under way */
	int64_t forget_ms; /* when the place that keeps it may drop it by itself; 0: never (and never in files) */
	bool need_patient_banner;
};
/* What came to the redirect URI, as its query: state, iss and errors are checked, the code is exchanged, the id_token
 * verified (required when openid was granted). ERR_FORBIDDEN: the person or the EHR said no; ERR_SIGNATURE, ERR_VALUE:
 * an answer that is not this login's. Text in a. */
bool ehr_login_finish(struct ehr_client *c, struct arena *a, const struct ehr_login_pending *pending, struct str query,
		      struct ehr_login *ret_login, struct ehr_failure *ret_failure) MUST_USE;
/* The kept login of a client that was opened with logins, its token renewed when that is due. ERR_LOGIN: there is none,
 * or it is over. */
bool ehr_login_now(struct ehr_client *c, struct arena *a, struct ehr_login *ret_login,
		   struct ehr_failure *ret_failure) MUST_USE;
/* A parameter of a query or form, plain; ret_value STR_NULL when it is absent. False when it is there twice (RFC 6749
 * section 3.1), or no text: broken, or with control characters. */
bool ehr_url_parameter(struct arena *a, struct str query, const char *name, struct str *ret_value) MUST_USE;
/* The state parameter of such a query, plain; STR_NULL when there is none or more than one. */
struct str ehr_login_state(struct arena *a, struct str query);
/* Tells the EHR to forget the tokens (RFC 7009). False when it would not; *ret_told is false when it offers no way. */
bool ehr_login_revoke(struct ehr_client *c, struct arena *a, const struct ehr_login *login, bool *ret_told,
		      struct ehr_failure *ret_failure) MUST_USE;

/* ---- scopes in plain words --------------------------------------------------------------------------------------- */

enum ehr_scope_fate { EHR_SCOPE_GRANTED, EHR_SCOPE_PARTLY, EHR_SCOPE_REFUSED, EHR_SCOPE_UNASKED };
struct ehr_scope_line {
	struct str scope, words; /* "read and search Observation of the patient" */
	enum ehr_scope_fate fate;
};
/* What became of each scope that was asked for, in order, then what was granted beyond. */
bool ehr_scope_compare(struct arena *a, struct str requested, struct str granted, struct ehr_scope_line **ret_lines,
		       size_t *ret_count, struct error *err) MUST_USE;
/* What a person should know of a login, one sentence each; 0 when all is well. At most max. */
size_t ehr_login_warnings(struct arena *a, const struct ehr_login *login, struct str *ret_sentences, size_t max);

/* ---- where they are kept ----------------------------------------------------------------------------------------- */

struct ehr_logins_options {
	const struct vault *vault; /* seals them */
	struct str directory; /* a file each, mode 0600, in a directory made when absent; or ... */
	struct store *store; /* ... facts of a store, ... */
	struct str shelf; /* ... on this shelf */
};
struct ehr_logins *ehr_logins_open(const struct ehr_logins_options *options, struct error *err) MUST_USE;
void ehr_logins_close(struct ehr_logins *l);
/* *ret_found is false when there is none. ERR_KEY, ERR_SIGNATURE: sealed with another key, or changed. */
bool ehr_logins_get(struct ehr_logins *l, struct arena *a, struct str key, struct ehr_login *ret_login, bool *ret_found,
		    struct error *err) MUST_USE;
/* Durable when true. */
bool ehr_logins_put(struct ehr_logins *l, struct arena *a, struct str key, const struct ehr_login *login,
		    struct error *err) MUST_USE;
bool ehr_logins_remove(struct ehr_logins *l, struct str key, struct error *err) MUST_USE;

/* One at a time, over all threads and processes: whoever renews. */
struct ehr_lease {
	int fd;
	char holder[40];
	struct str key;
};
/* Waits for at most wait_ms; ERR_BUSY then. A holder that died is no hindrance: at once with files, after two minutes
 * with facts. key must live until the release. */
bool ehr_logins_lease(struct ehr_logins *l, struct str key, unsigned wait_ms, struct ehr_lease *ret_lease,
		      struct error *err) MUST_USE;
void ehr_logins_release(struct ehr_logins *l, struct ehr_lease *lease);

#endif
