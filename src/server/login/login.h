/*
 * People: who they are, how they prove it, and the conversation in the browser in which they let an app in (SMART App
 * Launch 2.2, "App launch"; OAuth 2.0: RFC 6749, 9700; OpenID Connect Core section 3.1.2). Users, sessions and
 * conversations under way are facts in the store, so that every process on it goes on with what another began, and a
 * restart loses nothing. Pages are plain HTML without script. Any thread.
 */
#ifndef FIRTH_SERVER_LOGIN_LOGIN_H
#define FIRTH_SERVER_LOGIN_LOGIN_H

#include "http/server.h"
#include "json/json.h"
#include "search/search.h"
#include "server/access/access.h"
#include "server/smart/smart.h"
#include "store/store.h"
#include "vault/vault.h"

struct login;

/* ---- users ------------------------------------------------------------------------------------------------------- */

enum { LOGIN_LONGEST_NAME = 64, LOGIN_PASSWORD_LEAST = 10, LOGIN_FIELD_MAX = 512 };

/* Text is STR_NULL where there is none. */
struct login_user {
	struct str name; /* 1 to 64 of a-z 0-9 . _ @ + -, in lower case: what is typed to sign in */
	struct str display; /* "Dr. Anna Berg"; STR_NULL: the name */
	struct str hash; /* of the password (vault.h); STR_NULL: only by the outside provider */
	struct str fhir_user; /* "Practitioner/7", "Patient/1": who this is in the record */
	struct str roles; /* space separated; what they mean is the site's policy */
	/* Whom an app may be opened for: "*" any patient, or a search of Patient such as
	 * "general-practitioner=Practitioner/7"; STR_NULL: nobody, except that a Patient may always open their own
	 * record, and a RelatedPerson that of the patient they are related to. */
	struct str patients;
	struct str totp; /* secret of the one-time codes, sealed; STR_NULL: none are asked for */
	struct str subject; /* "ISSUER SUB" at the outside provider */
	bool disabled;
	bool configured; /* of the configuration: read-only */
	int64_t added_ms;
	int64_t password_ms; /* when the password was set; sessions from before end */
};

/* What may be a name, by lower case and trimming; STR_NULL when it cannot be one. In a. */
struct str login_user_name(struct arena *a, struct str text);
/* ERR_VALUE with the reason: length, and a few that everybody tries first. */
bool login_password_check(struct str password, struct str name, struct error *err) MUST_USE;
/* Every rule of a user's fields but the password's. ERR_VALUE names the field. */
bool login_user_check(const struct definitions *d, struct arena *a, const struct login_user *user,
		      struct error *err) MUST_USE;

/* ret_user->name is STR_NULL when there is none; false only on failure. */
bool login_user_find(struct login *l, struct arena *a, struct str name, struct login_user *ret_user,
		     struct error *err) MUST_USE;
/* Configured ones first, then those of the store by name; at most 10,000. */
bool login_user_list(struct login *l, struct arena *a, struct login_user **ret_users, size_t *ret_count,
		     struct error *err) MUST_USE;
/* ERR_CONFLICT when there is one of that name. */
bool login_user_add(struct login *l, struct arena *a, const struct login_user *user, struct error *err) MUST_USE;
/* Replaces one that was found. ERR_NOT_FOUND; ERR_FORBIDDEN for a configured one; ERR_CONFLICT when somebody else
 * changed it meanwhile. When it is disabled now or its password_ms is another one, sessions and tokens end at once. */
bool login_user_change(struct login *l, struct arena *a, const struct login_user *before,
		       const struct login_user *after, struct error *err) MUST_USE;
/* A new secret for one-time codes, into user->totp (sealed) and as the URI that authenticator apps read. ERR_CONFIG
 * without a vault. */
bool login_user_totp(struct login *l, struct arena *a, struct login_user *user, struct str *ret_uri,
		     struct error *err) MUST_USE;
/* Forgets failed attempts, so that a user who is locked out may try again at once. */
bool login_user_unlock(struct login *l, struct str name, struct error *err) MUST_USE;

/* ---- the server  ------------------------------------------------------------------------------------------------ */

/* An OpenID provider elsewhere that says who people are. Users are found by it, or made. */
struct login_provider {
	struct str issuer; /* discovery is at ISSUER/.well-known/openid-configuration */
	struct str client_id, client_secret; /* secret STR_NULL: a public client */
	struct str scopes; /* STR_NULL: "openid profile" */
	struct str audience; /* the parameter aud, when it is a SMART server: its FHIR base; STR_NULL: none */
	struct str label; /* on the button: "Sign in with LABEL"; STR_NULL: the issuer's host */
	struct str user_claim; /* the claim that is the user's name here; STR_NULL: "preferred_username" */
	struct str fhir_user_claim; /* STR_NULL: "fhirUser" */
	struct str roles_claim; /* text or list of texts; STR_NULL: none is looked at */
	struct str patients; /* of users that are made, as in login_user */
	bool make_users; /* people who are not known yet become users; otherwise they are refused */
	bool only; /* passwords of this server are not asked for */
};

struct login_options {
	struct store *store;
	const struct definitions *definitions;
	struct smart *smart; /* NULL: users only, no pages */
	const struct vault *vault; /* NULL: no one-time codes */
	struct decision_journal *journal; /* budget of what is kept of refusals; may be NULL */
	struct str base_url; /* as in smart_options */
	struct str base_path;
	struct str realm; /* the tenant's name; STR_NULL: the root. Cookies are told apart by it */
	struct str title; /* who runs this, on every page; STR_NULL: "Firth" */
	const struct login_user *users; /* of the configuration */
	size_t user_count;
	const struct login_provider *provider; /* NULL: none */
	int64_t idle_ms, end_ms; /* of a session: without a page, and at most; 0 = 30 minutes, 12 hours */
	unsigned user_attempts; /* failures before waiting begins; 0 = 5 */
	unsigned address_attempts; /* the same for one address; 0 = 300 */
	/* What users may see of Patient by the site's policy, for the picker; NULL: what `patients` of the user says.
	 */
	struct access *access;
	/* Whoever imitates another server answers refused requests of apps in its way: with the URL that the browser is
	 * led to, or a page of HTML, which goes out with 200; neither: our own way. error NULL: client or redirect_uri
	 * cannot be trusted. NULL: our own way always. */
	void (*refused)(void *ctx, struct arena *a, const struct smart_request *asked, const char *error,
			const struct error *refusal, struct str *ret_url, struct str *ret_page);
	void *refused_ctx;
	int64_t (*now_ms)(void); /* NULL = clock_now_ms */
};
struct login *login_open(const struct login_options *options, struct error *err) MUST_USE;
/* Ends what is under way first. */
void login_close(struct login *l);

/* Answers /auth/authorize, login, pick, consent, apps, logout, callback and page.css (true), now or later; leaves
 * everything else alone (false). */
bool login_handle(struct login *l, struct http_exchange *x);

#endif
