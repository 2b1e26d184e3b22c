/*
 * libfirth: a FHIR R4 client for Epic, Oracle Health (Cerner) and any other server, in C. It finds the endpoints, gets
 * tokens as a backend service (SMART Backend Services, private_key_jwt), pages through searches, retries what may be
 * retried, and turns whatever goes wrong at the other side into one value.
 *
 * Ownership   What a function returns by a struct pointer is the caller's, who gives it back with the function named
 *             there. Texts belong to what they were taken from and live as long as it does. Nothing given to a function
 *             is kept: texts are copied.
 * Threads     A handle and its results may be used by one thread at a time. Different handles may be used by different
 *             threads at once. The library starts no threads, catches no signals and writes to no standard stream.
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

#ifdef __cplusplus
}
#endif

#endif
