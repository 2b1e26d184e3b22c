/*
 * Traffic with EHRs in HAR 1.2 files (http://www.softwareishard.com/blog/har-12-spec/): written with secrets and PHI
 * masked by type, and played back. A recording is a local reverse proxy in front of an EHR or a wrapper around the
 * transport of an EHR client; what plays back is an HTTP server. A recording may be used by many threads at a time,
 * everything else belongs to one.
 */
#ifndef FIRTH_RECORD_RECORD_H
#define FIRTH_RECORD_RECORD_H

#include "base/arena.h"
#include "base/error.h"
#include "ehr/ehr.h"
#include "http/client.h"
#include "http/server.h"

/* ---- recording -------------------------------------------------------------------------------------------------- */

enum record_births {
	RECORD_BIRTHS_YEAR, /* the year stays, month and day become 1 January */
	RECORD_BIRTHS_MASK, /* every one becomes 1900-01-01 */
	RECORD_BIRTHS_KEEP
};
struct record_options {
	struct str path;
	bool replace; /* a file that is there; otherwise it is an error */
	bool unmasked; /* everything as it was, secrets included */
	enum record_births births;
	size_t max_file; /* 0 = 512 MB; what comes afterwards is counted only */
	size_t max_body; /* 0 = 8 MB; larger ones are left out, and counted */
	const struct definitions *definitions;
};
struct record;
/* The file is made at once, for its owner only, and is a whole HAR after each entry: one that is cut off in the middle
 * of an entry loses that entry alone (record_read). ERR_CONFLICT when it is there already, ERR_IO. */
struct record *record_open(const struct record_options *options, struct error *err) MUST_USE;

/* One request and what came of it. */
struct record_exchange {
	struct str method, url; /* as the EHR sees it: absolute */
	const struct http_header *headers;
	size_t header_count;
	struct str body;
	const struct http_answer *answer; /* NULL: none came */
	bool body_elsewhere; /* the answer's body went to a file */
	struct str failure; /* then why, in words without secrets */
	int64_t started_ms;
	uint64_t duration_ns;
};
/* Any thread. False when the entry could not be written; a body or an entry too large is no failure. */
bool record_add(struct record *r, const struct record_exchange *exchange, struct error *err) MUST_USE;

/* Bodies beyond are left out. */
size_t record_max_body(const struct record *r);

struct record_counts {
	uint64_t entries, bytes;
	uint64_t bodies_left_out; /* too large, or of a kind that cannot be masked */
	uint64_t entries_left_out; /* the file was full */
};
void record_count(struct record *r, struct record_counts *ret_counts);
void record_close(struct record *r);

/* A transport for ehr_client_options that calls over sockets and records; r outlives it. ERR_MEMORY. */
struct record_transport;
struct record_transport *record_transport_new(struct record *r, const struct http_client_options *http,
					      struct error *err) MUST_USE;
const struct ehr_transport *record_transport(const struct record_transport *t);
void record_transport_free(struct record_transport *t);

/* ---- the proxy -------------------------------------------------------------------------------------------------- */

enum record_rewrite {
	RECORD_REWRITE_ALL, /* every address of the EHR that an answer names leads back to the proxy */
	RECORD_REWRITE_FHIR, /* those of the FHIR server only: tokens are fetched from the EHR itself, unrecorded */
	RECORD_REWRITE_NONE
};
struct record_proxy_options {
	struct record *record;
	struct str base_url; /* the EHR's FHIR base */
	uint16_t port; /* 0: any free one */
	enum record_rewrite rewrite;
	unsigned timeout_ms; /* 0 = 60 s */
	struct http_tls tls; /* to the EHR; texts live as long as the proxy */
	/* May be NULL: told of each exchange, from any thread. */
	void (*observe)(void *ctx, struct str method, struct str path, int status);
	void *ctx;
};
struct record_proxy;
/* Listens on loopback. Other hosts of the EHR that its discovery documents name get a port of their own. */
struct record_proxy *record_proxy_start(const struct record_proxy_options *options, struct error *err) MUST_USE;
/* The base for the app: "http://127.0.0.1:PORT/path". Lives as long as the proxy. */
struct str record_proxy_base(const struct record_proxy *p);
/* An exchange that could not be recorded; ERR_NONE: all were. */
void record_proxy_trouble(struct record_proxy *p, struct error *ret_err);
void record_proxy_stop(struct record_proxy *p);

/* ---- reading ---------------------------------------------------------------------------------------------------- */

struct recorded {
	struct str method, url; /* absolute */
	struct str body, body_type; /* STR_NULL: none */
	int status;
	const struct http_header *headers; /* of the answer */
	size_t header_count;
	struct str answer_type;
	struct str answer; /* bytes */
	bool answer_missing; /* it had a body that the file does not hold */
};
struct recording {
	struct recorded *entries;
	size_t count;
	size_t skipped; /* entries without an answer, or of other schemes than http */
	bool repaired; /* the end was cut off */
	struct str whole; /* the text as it is valid: the file's own, or without what was cut off */
};
/* Reads a HAR of ours or of a browser's developer tools. Everything points into the arena and text. ERR_JSON,
 * ERR_STRUCTURE. */
bool record_read(struct arena *a, struct str text, struct recording *ret_recording, struct error *err) MUST_USE;

/* ---- playing back ------------------------------------------------------------------------------------------------ */

struct replay_options {
	const struct recording *recording; /* outlives it */
	uint16_t port; /* 0: any free one */
	bool any_body; /* what a client sends in a body need not be what was sent */
	void (*observe)(void *ctx, struct str method, struct str target, int status, bool matched);
	void *ctx;
};
struct replay;
struct replay *replay_start(const struct replay_options *options, struct error *err) MUST_USE;
/* "http://127.0.0.1:PORT", and the FHIR base there as far as the recording tells it. */
struct str replay_origin(const struct replay *r);
struct str replay_base(const struct replay *r);
struct replay_counts {
	uint64_t matched, unmatched;
	size_t never_asked; /* entries */
};
void replay_count(struct replay *r, struct replay_counts *ret_counts);
/* The next entry at or after `from` that nobody asked for; false: none. */
bool replay_never_asked(struct replay *r, size_t from, size_t *ret_entry);
void replay_stop(struct replay *r);

#endif
