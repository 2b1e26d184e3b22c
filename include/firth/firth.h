/*
 * libfirth: a FHIR R4 client for Epic, Oracle Health (Cerner) and any other server, in C. It finds the endpoints, gets
 * tokens as a backend service (SMART Backend Services, private_key_jwt), pages through searches, retries what may be
 * retried, and turns whatever goes wrong at the other side into one value.
 *
 * Ownership   What a function returns by a struct pointer is the caller's, who gives it back with the function named
 *             there. Texts belong to what they were taken from and live as long as it does. Nothing given to a function
 *             is kept: texts are copied.
 * Threads     A handle and its results may be used by one thread at a time. Different handles may be used by different
 *             threads at once. The library catches no signals and writes to no standard stream; threads of its own are
 *             there during firth_export alone.
 * Errors      Functions that can fail return a status and fill an error, when one is given, that the caller owns. What
 *             they would have returned is left alone. Texts of errors are one line, hold no secrets and no patient's
 *             data, and are not stable; statuses are.
 * Versions    Functions are added only; structs grow at their end only, and say their size where the caller makes them.
 *
 * Compile and link with `pkg-config --cflags --libs firth`. docs/library.md tells more, examples/ has a program.
 */
#ifndef FIRTH_FIRTH_H
#define FIRTH_FIRTH_H

#include <stddef.h>

#if defined(__GNUC__) && __GNUC__ >= 4
#define FIRTH_API __attribute__((visibility("default")))
#else
#define FIRTH_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0": of the library that is loaded. */
FIRTH_API const char *firth_version(void);

/* ---- errors ---------------------------------------------------------------------------------------------------- */

enum firth_status {
	FIRTH_OK = 0,
	FIRTH_INVALID = 1, /* an argument or option: nothing was sent */
	FIRTH_MEMORY = 2,
	FIRTH_NETWORK = 3, /* no connection, or it broke */
	FIRTH_TIMEOUT = 4,
	FIRTH_REFUSED = 5, /* 401, 403, or no token was granted */
	FIRTH_NOT_FOUND = 6, /* 404, 410 */
	FIRTH_CONFLICT = 7, /* 409, 412: somebody else changed it */
	FIRTH_THROTTLED = 8, /* 429, after the attempts that are allowed */
	FIRTH_REMOTE = 9, /* any other refusal, or an answer that is none */
	FIRTH_FAILED = 10 /* on this side: a file, a key, a limit */
};
/* "not-found": a word for logs. Static. */
FIRTH_API const char *firth_status_name(enum firth_status status);

/* Made by the caller, on the stack for instance; need not be cleared and holds nothing to give back. */
struct firth_error {
	enum firth_status status;
	int http_status; /* 0: no answer came */
	int retryable; /* the same call may work later */
	char vendor_code[64]; /* "59159", "invalid_client", or empty */
	char correlation_id[80]; /* to be told to the EHR's people: theirs, otherwise ours; or empty */
	char text[400]; /* for a person */
};

/* ---- an EHR ----------------------------------------------------------------------------------------------------- */

/* One EHR, with its connections and token. */
struct firth_ehr;

/* Cleared by the caller but for what is set: struct firth_options o = {sizeof o}; NULL and 0 mean the default. */
struct firth_options {
	size_t size; /* sizeof(struct firth_options) */
	const char *base_url; /* required: "https://ehr.example/api/FHIR/R4" */
	const char *vendor; /* "epic", "cerner", or anything else for a plain server */
	const char *name; /* for error texts: 1 to 20 of a-z, 0-9 and '-'; default "ehr" */
	const char *client_id; /* of a backend service; NULL: an open server, no token is asked for */
	const char *key_file; /* its private key, JWK or PEM; readable by its owner only */
	const char *secret_file; /* or its secret, where the EHR gives no keys; readable by its owner only */
	const char *scopes; /* space separated; default: what the vendor needs for reading */
	unsigned timeout_ms; /* of one attempt; default 60000 */
	unsigned max_attempts; /* default 4 */
	unsigned requests_per_second; /* of this handle; default: no limit */
	const char *record_file; /* a HAR of everything that passes, secrets and PHI masked; must not be there yet */
	int record_unmasked; /* nothing masked */
	/* TLS: PEM files. An authority to trust beside those of this machine, and a client certificate with its key. */
	const char *ca_file;
	const char *cert_file;
	const char *cert_key_file; /* readable by its owner only, without a passphrase */
	/* The app that people log in with (firth_login_begin); NULL: client_id. Confidential by a key or a secret, in
	 * files that only their owner may read, or public. */
	const char *login_client_id;
	const char *login_key_file;
	const char *login_secret_file;
};

/* Reads the key and makes a handle; talks to nobody yet. NULL on failure. Given back with firth_ehr_close. */
FIRTH_API struct firth_ehr *firth_ehr_open(const struct firth_options *options, struct firth_error *error);
FIRTH_API void firth_ehr_close(struct firth_ehr *ehr); /* NULL is fine */

/* ---- results ---------------------------------------------------------------------------------------------------- */

/* Resources as the EHR sent them. Outlives the handle. Given back with firth_result_free. */
struct firth_result;
struct firth_item {
	const char *type; /* "Patient" */
	const char *id; /* as the EHR named it */
	const char *version; /* opaque, for If-Match; NULL: the EHR does not say */
	const char *body; /* JSON, with a zero behind it; NULL for what was written */
	size_t body_size; /* without that zero */
};
FIRTH_API size_t firth_result_count(const struct firth_result *result);
/* NULL when index is too large. */
FIRTH_API const struct firth_item *firth_result_item(const struct firth_result *result, size_t index);
/* Whether the EHR says that it left something out that belongs in the result. */
FIRTH_API int firth_result_incomplete(const struct firth_result *result);
/* The first warning of the EHR, in our words; NULL: none. */
FIRTH_API const char *firth_result_warning(const struct firth_result *result);
FIRTH_API void firth_result_free(struct firth_result *result); /* NULL is fine */

/* ---- calls ------------------------------------------------------------------------------------------------------ */

/* One resource. Its id is another than was asked for when the EHR leads on from a merged patient. */
FIRTH_API enum firth_status firth_read(struct firth_ehr *ehr, const char *type, const char *id,
				       struct firth_result **ret_result, struct firth_error *error);
/* Every match of all pages, each once. query: "patient=123&category=laboratory", values percent-coded; NULL: none. */
FIRTH_API enum firth_status firth_search(struct firth_ehr *ehr, const char *type, const char *query,
					 struct firth_result **ret_result, struct firth_error *error);
/* The same, one match after the other, in memory that does not grow with their number. `each` gets a match that is
 * there until it returns, and says 0 to go on; anything else ends the search, which is no failure. One that was given
 * comes again only when a later page has it in a newer version. */
typedef int (*firth_each)(void *context, const struct firth_item *item);
FIRTH_API enum firth_status firth_search_each(struct firth_ehr *ehr, const char *type, const char *query,
					      firth_each each, void *context, struct firth_error *error);
/* The capability statement; needs no token. */
FIRTH_API enum firth_status firth_capabilities(struct firth_ehr *ehr, struct firth_result **ret_result,
					       struct firth_error *error);

/* Writes. body is JSON of body_size bytes. The result has one item with the id and version that the EHR gave, and no
 * body: what an EHR made of it is known by reading it. A create whose answer was lost is not repeated: search first. */
FIRTH_API enum firth_status firth_create(struct firth_ehr *ehr, const char *type, const char *body, size_t body_size,
					 struct firth_result **ret_result, struct firth_error *error);
/* version: If-Match; NULL: whatever is there is replaced. */
FIRTH_API enum firth_status firth_update(struct firth_ehr *ehr, const char *type, const char *id, const char *version,
					 const char *body, size_t body_size, struct firth_result **ret_result,
					 struct firth_error *error);
/* body is a JSON Patch (RFC 6902). */
FIRTH_API enum firth_status firth_patch(struct firth_ehr *ehr, const char *type, const char *id, const char *version,
					const char *body, size_t body_size, struct firth_result **ret_result,
					struct firth_error *error);
/* version: NULL: whichever is there. */
FIRTH_API enum firth_status firth_delete(struct firth_ehr *ehr, const char *type, const char *id, const char *version,
					 struct firth_error *error);

/* ---- people's logins -------------------------------------------------------------------------------------------- */

/*
 * SMART App Launch: the program opens an address in a browser, gets back what came to its redirect URI, and from then
 * on the handle calls with that person's token, which it renews by itself. One login a handle; everything is kept in
 * memory only, unless the program keeps what firth_login_keep gives.
 */
struct firth_login {
	const char *patient; /* id of the launch context; NULL: none, as for all that follow */
	const char *encounter;
	const char *user; /* "Practitioner/7" */
	const char *name;
	const char *scopes; /* granted, space separated */
	int need_patient_banner;
};
/* launch: of the EHR's launch parameter; NULL: standalone. scopes: NULL: what reading needs. *ret_url lives until the
 * next call about logins of this handle, as do the texts of the other functions. */
FIRTH_API enum firth_status firth_login_begin(struct firth_ehr *ehr, const char *redirect_uri, const char *launch,
					      const char *scopes, const char **ret_url, struct firth_error *error);
/* answer: the URL at which the browser arrived, or its query. What was begun is over with it, whatever comes of it. */
FIRTH_API enum firth_status firth_login_finish(struct firth_ehr *ehr, const char *answer, struct firth_error *error);
/* NULL: nobody is logged in. */
FIRTH_API const struct firth_login *firth_login(struct firth_ehr *ehr);
/* The login as one text, to be given to firth_login_resume by a later run. It holds tokens: keep it as a secret, and
 * take it anew after calls, since tokens are renewed. NULL: nobody is logged in. */
FIRTH_API const char *firth_login_keep(struct firth_ehr *ehr);
FIRTH_API enum firth_status firth_login_resume(struct firth_ehr *ehr, const char *kept, struct firth_error *error);

/* ---- bulk export ------------------------------------------------------------------------------------------------ */

/* Cleared by the caller but for what is set, as firth_options. */
struct firth_export_options {
	size_t size; /* sizeof(struct firth_export_options) */
	const char *directory; /* required: for files, journal and certificate; made when absent */
	const char *group; /* the members of this Group; or ... */
	int patients; /* ... all patients; otherwise everything */
	const char *types; /* "Patient,Observation"; NULL: all */
	const char *since; /* an instant; NULL: everything */
	unsigned parallel; /* files at once; default 4 */
	int again; /* another export, although one may be under way */
	void (*say)(void *context, const char *line); /* what is going on, for a person; may be NULL */
	int (*stop)(void *context); /* asked often, by any thread; not 0 ends it. May be NULL */
	void *context;
};
/* Fetches a bulk export ($export) into the directory. The same call goes on with what one before left, ended at any
 * moment, without a second export. FIRTH_OK: it came to its end, and certificate.json and certificate.txt are there;
 * *ret_complete says whether everything that was promised is there and whole. */
FIRTH_API enum firth_status firth_export(struct firth_ehr *ehr, const struct firth_export_options *options,
					 int *ret_complete, struct firth_error *error);

#ifdef __cplusplus
}
#endif

#endif
