/*
 * EHRs that we call: a registry of instances, discovery, tokens, and a FHIR client that survives Epic and Cerner as
 * they are. Every call leaves an audit event through the sink it is given. A client belongs to one thread.
 */
#ifndef FIRTH_EHR_EHR_H
#define FIRTH_EHR_EHR_H

#include "base/arena.h"
#include "base/error.h"
#include "http/client.h"
#include "jose/jose.h"
#include "json/json.h"
#include "store/store.h"

enum ehr_vendor { EHR_GENERIC, EHR_EPIC, EHR_CERNER };
enum ehr_vendor ehr_vendor_parse(struct str text); /* "epic", "cerner", anything else generic */
const char *ehr_vendor_name(enum ehr_vendor vendor);

/* One EHR instance as configured: firth.yaml `ehrs:`. */
struct ehr_config {
	struct str name; /* "epic-main": the key everything refers to; [a-z0-9-]{1,20} */
	enum ehr_vendor vendor;
	struct str base_url;
	struct str client_id; /* empty: an open server, no token is asked for */
	struct str key_file; /* private JWK or PEM for private_key_jwt; readable by its owner only */
	struct str key_text; /* the same itself, where a program has it; never from firth.yaml */
	struct str token_url; /* where tokens come from, instead of what discovery says */
	struct str
		secret_file; /* or a secret (an account of Oracle Health without keys), readable by its owner only, */
	struct str secret; /* or from the environment */
	struct str scopes; /* space separated; empty = the vendor's default for the pull */
	struct str roster; /* file with one patient id a line: whom the pipeline pulls */
	struct str group; /* or a Group id whose members are pulled */
	/* The app that people log in with: login.h. */
	struct str login_client_id; /* empty: client_id */
	struct str login_scopes; /* empty: what reading needs */
	struct str login_key_file; /* confidential by private_key_jwt ... */
	struct str login_secret_file; /* ... or by a secret: in a file readable by its owner only, */
	struct str login_secret; /* or from the environment; never from firth.yaml */
	int64_t login_port; /* of the loopback redirect; 0: any free one */
	/* TLS: PEM files; an authority trusted beside those of this machine, and a certificate of ours with its key,
	 * which is readable by its owner only. Empty: none. */
	struct str ca_file, cert_file, cert_key_file;
	/* What it may be asked of: budget.h. 0: no limit, or the usual. */
	int64_t requests_per_second, requests_per_day, parallel;
	int64_t breaker_failures, breaker_pause_ms;
};

/* For connections to it; the texts are the configuration's. */
struct http_tls ehr_tls(const struct ehr_config *config);
/* Has it a key or a secret, by which it gets tokens without a person? */
bool ehr_config_is_backend(const struct ehr_config *config);

/* Whatever went wrong at the other side, in one value. */
struct ehr_failure {
	struct error
		error; /* ERR_NETWORK, ERR_TIMEOUT, ERR_REMOTE, ERR_REMOTE_REFUSED, ERR_NOT_FOUND, ERR_CONFLICT ... */
	int http_status; /* 0 when no answer came */
	char vendor_code[64]; /* "59159", "invalid_client", "urn:cerner:error:...", or empty */
	char correlation_id[80]; /* theirs when they sent one, otherwise our X-Request-Id */
	bool retryable;
	const char *body; /* of an answer that is no JSON: "with XML", "with a page of HTML" ...; static, or NULL */
};

/* How calls travel. Sockets by default; tests and recorders put themselves in between. */
struct ehr_transport {
	bool (*call)(void *ctx, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
		     struct error *err);
	void *ctx;
	/* The same over a connection of the caller's, from any thread. NULL: such calls go past this transport. */
	bool (*call_over)(void *ctx, struct http_client *http, struct arena *a, const struct http_call *call,
			  struct http_answer *ret_answer, struct error *err);
};

struct ehr_client;
struct ehr_logins;
struct ehr_budgets;
struct ehr_client_options {
	const struct definitions *definitions;
	struct store *audit; /* where outgoing calls are recorded */
	/* The same without a store of our own: whoever has it is told. NULL: nobody is. */
	bool (*record)(void *ctx, const struct audit_event *event, struct error *err);
	void *record_ctx;
	unsigned max_attempts; /* 0 = 4 */
	unsigned backoff_ms; /* first wait; doubles with jitter; 0 = 500 */
	unsigned timeout_ms; /* one attempt; 0 = 60 s */
	int64_t (*now_ms)(void);
	void (*sleep_ms)(unsigned ms); /* tests */
	const struct ehr_transport *transport; /* NULL: HTTP over sockets */
	/* Where people's logins are (login.h), and the key of the one to use. Once there is one, its token is used;
	 * otherwise backend services, if configured. logins NULL: never a login's. */
	struct ehr_logins *logins;
	struct str login; /* STR_NULL: the EHR's name */
	struct ehr_budgets *budgets; /* shared counts (budget.h); NULL: this client's own, in memory */
};
/* Copies the configuration and reads the key; talks to nobody yet. ERR_CONFIG, ERR_KEY (a key file that others may
 * read is refused), ERR_IO. */
struct ehr_client *ehr_open(const struct ehr_config *config, const struct ehr_client_options *options,
			    struct error *err) MUST_USE;
void ehr_close(struct ehr_client *c);
const struct ehr_config *ehr_client_config(const struct ehr_client *c);
/* Scopes of the current token as the EHR named them, empty before the first call: a hint, the truth is each answer. */
struct str ehr_granted_scopes(const struct ehr_client *c);

/* One resource as the EHR showed it. */
struct ehr_resource {
	const struct json *resource;
	struct str body; /* its bytes */
	struct str type, id;
	struct str version; /* opaque, from ETag or meta.versionId; STR_NULL when the vendor has none */
	bool newer; /* of a search: it came before, in an older version */
};

/* Reads one resource. A redirect from one Patient to another on the same server is followed, as Epic answers for merged
 * patients: then ret_resource->id is another than was asked for. */
bool ehr_read(struct ehr_client *c, struct arena *a, struct str type, struct str id, struct ehr_resource *ret_resource,
	      struct ehr_failure *ret_failure) MUST_USE;

/* The EHR's own capability statement. */
bool ehr_capabilities(struct ehr_client *c, struct arena *a, const struct json **ret_statement,
		      struct ehr_failure *ret_failure) MUST_USE;

/* What a site says of itself to anybody. Text lies in the arena and the client. */
struct ehr_site {
	const struct json *capabilities;
	struct str software, version; /* "Epic", "May 2026"; STR_NULL: it does not say */
	struct str fhir_version;
	struct str issuer, authorize, token, jwks; /* STR_NULL: it does not say */
	bool pkce; /* it says that it knows PKCE with S256 */
	bool recognised; /* the statement names a vendor that we know */
	enum ehr_vendor vendor; /* then this one, otherwise EHR_GENERIC */
	struct ehr_failure undiscovered; /* why there is no token endpoint; no error when there is one */
};
/* Capability statement and discovery, without a token. False when there is no capability statement. */
bool ehr_site_look(struct ehr_client *c, struct arena *a, struct ehr_site *ret_site,
		   struct ehr_failure *ret_failure) MUST_USE;
/* Does a capability statement name the interaction ("search-type") for the type? */
bool ehr_states(const struct json *capabilities, struct str type, const char *interaction);
/* "Sun, 06 Nov 1994 08:49:37 GMT": RFC 9110 section 5.6.7, the form that servers must send. */
bool ehr_http_date(struct str text, int64_t *ret_ms);
/* Is the type, or all types, among resource scopes of either grammar? */
bool ehr_scopes_name(struct str scopes, struct str type);
/* The scopes that a request for a backend token names; STR_NULL: none, what is registered is granted. */
struct str ehr_asked_scopes(struct ehr_client *c, struct arena *a);
/* A token now, from a kept one or the EHR. True without one when the client needs none (*ret_needed). */
bool ehr_token_now(struct ehr_client *c, struct arena *a, bool *ret_needed, struct ehr_failure *ret_failure) MUST_USE;

/* How a caller waits for its turn when it has much patience: false ends it, with err. */
struct ehr_waiter {
	bool (*wait)(void *ctx, int64_t ms, struct error *err);
	void *ctx;
};
/* One call with headers of one's own, as it is: the answer whatever its status. The token goes along to the origin of
 * base_url alone; one that is refused is replaced once. It goes under the EHR's budget, and waits for its turn by the
 * waiter, through any pause that the EHR asks for. Repeating it is the caller's, and so is what the answer means;
 * ehr_explain() says what a refusal does. */
bool ehr_ask(struct ehr_client *c, struct arena *a, const struct http_call *call, const char *interaction,
	     const struct ehr_waiter *waiter, struct http_answer *ret_answer, struct ehr_failure *ret_failure) MUST_USE;
void ehr_explain(struct ehr_client *c, struct arena *a, const struct http_answer *answer, const char *interaction,
		 struct ehr_failure *ret_failure);
/* Calls that travel over connections of the caller's, such as the files of a bulk export: one place of the EHR's budget
 * from enter to leave, however many redirects it takes; any thread. ERR_BUSY while the breaker is open. */
struct ehr_budget_pass; /* ehr/budget.h, and enum ehr_budget_result */
bool ehr_enter(const struct ehr_client *c, const struct ehr_waiter *waiter, struct ehr_budget_pass *ret_pass,
	       struct error *err) MUST_USE;
/* To be said often while it lasts. */
void ehr_hold(const struct ehr_client *c, struct ehr_budget_pass *pass);
bool ehr_call_over(const struct ehr_client *c, struct http_client *http, struct arena *a, const struct http_call *call,
		   struct http_answer *ret_answer, struct error *err) MUST_USE;
/* answer: the EHR's own, not what a redirect led to; NULL: none came, for the reason `why`. */
void ehr_leave(const struct ehr_client *c, struct ehr_budget_pass *pass, const struct http_answer *answer,
	       const struct error *why);
/* And its record in the audit trail, one at a time: what it was for ("bulk-file"), resources of which type it is about,
 * and how it ended; status 0: no answer came, for the reason `why`. */
bool ehr_record(struct ehr_client *c, const char *interaction, struct str type, int status, const struct error *why,
		struct error *err) MUST_USE;
/* Is the URL at the origin of base_url, where a token may go? */
bool ehr_is_home(const struct ehr_client *c, struct str url);
/* For them: the Authorization header for a URL, STR_NULL when it gets none. And that it was not taken. */
bool ehr_bearer(struct ehr_client *c, struct arena *a, struct str url, const struct ehr_waiter *waiter,
		struct str *ret_header, struct ehr_failure *ret_failure) MUST_USE;
void ehr_bearer_refused(struct ehr_client *c, struct str header);
/* An answer's body without white space and a byte order mark around it (RFC 8259 section 8.1). */
struct str ehr_answer_text(const struct http_answer *answer);
/* A link of an answer to `from`, absolute; STR_NULL for no usable http URL. What Retry-After asks for in ms; 0:
 * nothing.
 */
struct str ehr_link(struct arena *a, struct str from, struct str link);
int64_t ehr_wait_asked(const struct ehr_client *c, const struct http_answer *answer);

/*
 * A search, page by page, in memory that does not grow with its length: of what went by only 16 bytes each are kept, to
 * know it again. Pages may repeat resources; one comes again only when it is newer than it was before.
 *
 * Outcome entries are never matches; they are counted and their warnings given. Starts again once when the vendor's
 * session ran out, and then leaves out what went by already. Where the vendor sends resources entered in error among
 * the others (Cerner), they are set apart.
 */
struct ehr_page {
	struct ehr_resource *items, *withdrawn, *included;
	size_t count, withdrawn_count, included_count;
};
struct ehr_tally {
	size_t pages, duplicates, outcomes;
	size_t newer; /* of the duplicates, those that came again as they were newer */
	size_t skipped; /* entries without type and id, or of a type that was not asked for */
	size_t restarts;
	bool incomplete; /* the EHR says that it left out something of its own; records of others do not count */
	struct str warning; /* first warning of the EHR in our words, or STR_NULL */
};
struct ehr_pages_options {
	struct str type;
	const struct str *queries; /* one after the other; what comes in several is handed out once */
	size_t query_count;
	bool included; /* hand out what _include and _revinclude brought */
	bool no_restart; /* an expired session is a failure (ERR_CURSOR) */
};
struct ehr_pages;
/* Asks for nothing yet. The client must live until the close. */
struct ehr_pages *ehr_pages_open(struct ehr_client *c, const struct ehr_pages_options *options,
				 struct error *err) MUST_USE;
void ehr_pages_close(struct ehr_pages *p);
/* The next page into the arena, which the caller resets between pages. *ret_more is false when there was none left. */
bool ehr_pages_next(struct ehr_pages *p, struct arena *a, struct ehr_page *ret_page, bool *ret_more,
		    struct ehr_failure *ret_failure) MUST_USE;
const struct ehr_tally *ehr_pages_tally(const struct ehr_pages *p);

/* The same, all pages at once: every match once, in its newest version, and those entered in error apart. Starts again
 * from nothing when the vendor's session ran out. */
struct ehr_matches {
	struct ehr_resource *items;
	size_t count;
	struct ehr_resource *withdrawn; /* entered in error */
	size_t withdrawn_count;
	size_t pages, duplicates, outcomes, skipped; /* as in a tally */
	bool incomplete;
	struct str warning;
};
bool ehr_search(struct ehr_client *c, struct arena *a, struct str type, struct str query,
		struct ehr_matches *ret_matches, struct ehr_failure *ret_failure) MUST_USE;

/* Writes. version: If-Match, STR_NULL for none. The answer's id and version (STR_NULL when it does not say), then read
 * back by the caller. A create that timed out is not retried: search first. */
struct ehr_written {
	struct str id, version;
	int http_status;
};
bool ehr_create(struct ehr_client *c, struct arena *a, struct str type, struct str body,
		struct ehr_written *ret_written, struct ehr_failure *ret_failure) MUST_USE;
bool ehr_update(struct ehr_client *c, struct arena *a, struct str type, struct str id, struct str body,
		struct str version, struct ehr_written *ret_written, struct ehr_failure *ret_failure) MUST_USE;

/* A JSON Patch (RFC 6902) of one resource. Not repeated when the answer is lost: read and look. */
bool ehr_patch(struct ehr_client *c, struct arena *a, struct str type, struct str id, struct str patch,
	       struct str version, struct ehr_written *ret_written, struct ehr_failure *ret_failure) MUST_USE;

bool ehr_delete(struct ehr_client *c, struct arena *a, struct str type, struct str id, struct str version,
		struct ehr_written *ret_written, struct ehr_failure *ret_failure) MUST_USE;

/* The medical record number by the vendor's rule (Epic: identifier.type.text "EPI"; Cerner: codeSet/4 code 10, then
 * type MR of HL7 v2-0203; otherwise type MR). Numbers whose period has an end come last. STR_NULL when there is none.
 */
struct str ehr_patient_mrn(enum ehr_vendor vendor, const struct json *patient);

/* Queries that the vendor accepts for one patient's resources of a type, in order (Epic: Observation once per
 * category). At most max; returns how many. */
size_t ehr_pull_queries(enum ehr_vendor vendor, struct arena *a, struct str type, struct str patient_id,
			struct str *ret_queries, size_t max);

#endif
