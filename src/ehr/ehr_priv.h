/*
 * What the files of this room share: the vendors' tables, one request on its way out with retries and audit, and how
 * answers become failures.
 */
#ifndef FIRTH_EHR_EHR_PRIV_H
#define FIRTH_EHR_EHR_PRIV_H

#include "ehr/budget.h"
#include "ehr/ehr.h"

/* ---- vendors ---------------------------------------------------------------------------------------------------- */

/* A code of the vendor's errors or warnings, in our words: theirs may quote values of the request. */
struct ehr_code {
	const char *code;
	enum error_code error; /* what it means to us; ERR_NONE: leave it to the HTTP status */
	bool incomplete; /* as a warning: results are missing */
	const char *sentence;
};

/* One search of the pull: the parameters that go with patient=. */
struct ehr_query {
	const char *type;
	const char *parameters;
};

struct ehr_rules {
	const char *name; /* as configured */
	const char *label; /* for people */
	const char *scopes; /* asked for when the configuration names none; NULL: no scope parameter */
	const char *older_scopes; /* asked for when a site grants none of scopes; NULL: none */
	const char *outside; /* in the diagnostics of a warning: only records of other organisations are missing */
	bool withdraws; /* searches return resources entered in error */
	const struct ehr_query *queries; /* ends with a NULL type; types not in it are searched by patient alone */
	const struct ehr_code *codes; /* ends with a NULL code */
	struct str (*mrn)(const struct json *patient);
};
extern const struct ehr_rules ehr_generic_rules, ehr_epic_rules, ehr_cerner_rules;
const struct ehr_rules *ehr_rules(enum ehr_vendor vendor);
const struct ehr_code *ehr_code_find(const struct ehr_rules *rules, struct str code);

/* identifier.value of the first identifier that `is` accepts, those without an end of their period first. */
struct str ehr_identifier(const struct json *patient, bool (*is)(const struct json *identifier));
bool ehr_identifier_is_mr(const struct json *identifier); /* type MR of HL7 table 0203 */

/* ---- the client ---------------------------------------------------------------------------------------------------
 */

/* What discovery found; STR_NULL for what a site does not say. */
struct ehr_endpoints {
	struct str issuer, authorize, token, jwks, revoke;
	bool post_only; /* takes a secret in the form, not in a header */
	bool answers_iss; /* RFC 9207 */
	bool knows_profile; /* the scope of that name */
	bool pkce; /* it says that it knows S256 */
};

struct ehr_client {
	struct arena arena; /* configuration, endpoints, token */
	struct ehr_config config; /* base_url without its last slash */
	const struct ehr_rules *rules;
	struct ehr_client_options options;
	struct http_client *http;
	struct jose_key *key;
	struct ehr_endpoints endpoints; /* token STR_NULL until discovered */
	struct jose_key *login_key; /* read when first needed */
	struct buf secret, login_secret; /* of backend services; of people's logins, read when first needed */
	struct buf token; /* empty: none */
	struct buf granted;
	int64_t token_renew_ms; /* from then on it is renewed */
	bool older_scopes; /* this site grants only the older grammar */
	struct ehr_budgets *own_budgets; /* when none came with the options */
	struct ehr_budget_limits limits;
	int64_t slept_until_ms; /* when the last wait was over; tests do not sleep in earnest */
	const struct ehr_waiter *waiter; /* of the ehr_ask() that is under way; NULL: none */
	struct buf refused; /* a login's token that the EHR did not take: not to be used again */
};

/* One request. Fields below the line are for the audit record and the failure's sentence. */
struct ehr_request {
	struct str method, url;
	struct str accept; /* STR_NULL: application/fhir+json */
	struct str body, content_type;
	struct str if_match; /* opaque version */
	struct str authorization; /* a header made by prepare; STR_NULL: none, or the bearer token */
	bool authorize; /* send a bearer token */
	bool repeatable; /* doing it twice does the same as once */
	bool want_json; /* a 2xx answer must carry a JSON object that is no failed OperationOutcome */
	struct str want_type, want_id; /* of the resource in it; STR_NULL: anything */
	struct str form; /* for prepare: what the body begins with */
	/* Called before each attempt, for what must be new each time. */
	bool (*prepare)(struct ehr_client *c, struct arena *a, struct ehr_request *request, struct error *err);

	char action;
	const char *interaction;
	struct str type, id, query, patient;
};
struct ehr_reply {
	struct http_answer http;
	const struct json *json; /* want_json */
};
/* Sends with retries. True only for a 2xx answer of the wanted kind. */
bool ehr_send(struct ehr_client *c, struct arena *a, struct ehr_request *request, struct ehr_reply *ret_reply,
	      struct ehr_failure *ret_failure) MUST_USE;

/* The wall clock, or what it would be after the waits of tests that do not sleep in earnest. */
int64_t ehr_clock(const struct ehr_client *c);

/* Finds the endpoints. */
bool ehr_discover(struct ehr_client *c, struct arena *a, struct ehr_failure *ret_failure) MUST_USE;
bool ehr_fetch_json(struct ehr_client *c, struct arena *a, struct str url, const char *interaction, struct str accept,
		    const struct json **ret_json, struct ehr_failure *ret_failure) MUST_USE;
/* Makes sure of a token. *ret_cached: it was there already. */
bool ehr_token_ensure(struct ehr_client *c, struct arena *a, bool *ret_cached,
		      struct ehr_failure *ret_failure) MUST_USE;
void ehr_token_forget(struct ehr_client *c);
/* The same for a token that the EHR did not take: it is not used again, even if it should live on. */
void ehr_token_refused(struct ehr_client *c);
void ehr_token_set(struct ehr_client *c, struct str token, struct str granted, int64_t renew_ms);
/* What every token answer holds (RFC 6749 section 5.1), checked. */
struct ehr_token_answer {
	struct str access_token;
	int64_t lifetime_s;
};
bool ehr_token_answer(struct ehr_client *c, const struct json *answer, struct ehr_token_answer *ret_answer,
		      struct ehr_failure *ret_failure) MUST_USE;
/* Do the granted scopes name the type at all? True when nothing is known. */
bool ehr_token_covers(const struct ehr_client *c, struct str type);

/* ---- who we are: identity.c -------------------------------------------------------------------------------------- */

/* A key file as it is, into out, which the caller wipes. what: "key file", "secret file". */
bool ehr_secret_read(const struct ehr_client *c, struct str path, const char *what, struct buf *out,
		     struct error *err) MUST_USE;
struct jose_key *ehr_key_read(const struct ehr_client *c, struct str path, struct error *err) MUST_USE;
/* The files of TLS: what they hold, and that only the owner reads the key. */
bool ehr_tls_check(const struct ehr_client *c, struct error *err) MUST_USE;
/* private_key_jwt into a form that is being written: "&client_assertion_type=...&client_assertion=...". */
bool ehr_add_assertion(struct ehr_client *c, const struct jose_key *key, struct str client_id, struct buf *form,
		       struct error *err) MUST_USE;
/* Whatever the app of people's logins proves itself with: an assertion, a secret in the form or in *ret_authorization
 * (RFC 6749 section 2.3.1), or its id alone. */
bool ehr_add_identity(struct ehr_client *c, struct arena *a, struct buf *form, struct str *ret_authorization,
		      struct error *err) MUST_USE;
/* Reads the key or the secret of backend services. */
bool ehr_backend_open(struct ehr_client *c, struct error *err) MUST_USE;
bool ehr_is_backend(const struct ehr_client *c); /* there is one of them */
bool ehr_add_backend_identity(struct ehr_client *c, struct arena *a, struct buf *form, struct str *ret_authorization,
			      struct error *err) MUST_USE;
struct str ehr_login_client_id(const struct ehr_client *c);
bool ehr_login_is_public(const struct ehr_client *c);

bool ehr_audit(struct ehr_client *c, const struct ehr_request *request, const struct ehr_failure *failure,
	       int http_status, struct str request_id, struct error *err) MUST_USE;

/* ---- failures -----------------------------------------------------------------------------------------------------
 */

/* All return false, so `return ehr_fail(...)` reads well. The text gets the EHR's name in front. */
bool ehr_fail(const struct ehr_client *c, struct ehr_failure *f, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* No answer came. */
bool ehr_fail_transport(const struct ehr_client *c, const struct error *err, struct ehr_failure *f);
/* An answer that is a refusal or no use: by its status, headers and body. */
bool ehr_fail_answer(const struct ehr_client *c, struct arena *a, const struct ehr_request *request,
		     const struct http_answer *answer, struct ehr_failure *f);
/* The worst issue of an OperationOutcome is fatal or error. */
bool ehr_outcome_failed(const struct json *outcome);
/* Vendor code of an issue with the given severities, or STR_NULL; only harmless characters. */
struct str ehr_issue_code(const struct json *issue);
bool ehr_media_is_json(struct str content_type);

/* ---- addresses ----------------------------------------------------------------------------------------------------
 */

struct str ehr_url_trim(struct str url); /* without one slash at the end */
bool ehr_url_same_origin(struct str a, struct str b);
/* A link as found in an answer to `from`, made absolute (RFC 3986 section 5, without dot segments). STR_NULL when it
 * is no usable http URL. */
struct str ehr_url_resolve(struct arena *a, struct str from, struct str link);
/* Milliseconds that a Retry-After (RFC 9110 section 10.2.3) asks to wait, a day at most; 0 when it does not say. */
int64_t ehr_retry_after_ms(struct str header, int64_t now_ms);
/* The opaque version inside W/"..." or "...", STR_NULL for anything else. */
struct str ehr_etag_version(struct str etag);

#endif
