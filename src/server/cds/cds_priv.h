/* Shared by the files of the CDS services: what is open, one call on its way, and the threads that wait for EHRs. */
#ifndef FIRTH_SERVER_CDS_CDS_PRIV_H
#define FIRTH_SERVER_CDS_CDS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/origin.h"
#include "base/workers.h"
#include "http/client.h"
#include "server/cds/cds.h"
#include "server/smart/keys.h"

enum {
	CDS_MAX_BODY = 10 << 20,
	CDS_FETCH_MS = 4000,
	CDS_FETCH_BYTES = 32 << 20,
	CDS_FETCH_THREADS = 16,
	CDS_WAITING_MAX = 2000, /* fetches */
	CDS_CARDS = 20,
	CDS_TEMPLATES_MAX = 50, /* of a service */
	CDS_KEYS_MAX = 500, /* of a request's prefetch */
	CDS_REFERENCES_MAX = 100 /* Medications that one call fetches */
};

/* ---- client.c: who calls ------------------------------------------------------------------------------------------
 */

struct caller {
	const struct cds_ehr *facts;
	struct jose_key_set *fixed; /* NULL: by URL */
	struct key_source *sources; /* one per URL */
	size_t source_count;
};
struct cds_server {
	struct cds_server_options o;
	struct arena arena; /* as long as it is open; read-only then */
	struct str path; /* BASE/cds-services */
	struct str discovery, openapi; /* JSON */
	struct caller *callers;
	struct workers
		*workers; /* wait for EHRs, so that the server's threads never do; own: an HTTP client, or NULL */
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t settled; /* nothing is under way */
	struct apart *under_way; /* records that are not durable yet, see record.c */
};

/* One call from its beginning to its answer, in the arena of its exchange. */
struct visit {
	struct cds_server *cds;
	struct http_exchange *x;
	struct arena *a;
	const struct cds_service *service;
	bool feedback;
	int64_t now_ms;
	struct decision *decision;
	/* who calls */
	struct str token, kid;
	struct caller *caller; /* NULL: nobody needs a token */
	struct key_source *keys; /* NULL: the caller's keys by value */
	struct str jti;
	int64_t exp_s;
	struct workers_job waiting;
	/* what is asked */
	struct hook_request request;
	struct hook_prefetch_value *values;
	size_t value_count, value_capacity;
	/* what is fetched */
	struct fetch *fetches;
	size_t fetch_count;
	atomic_size_t pending;
	atomic_size_t fetched_bytes;
	size_t fetched; /* queries so far */
	struct str without; /* keys that could not be had, for the record; STR_NULL: none */
	uint64_t deadline_ns;
	void (*then)(struct visit *v);
	/* what comes out */
	struct hook_answer answer;
	size_t silenced; /* cards that were overridden before */
	struct str base; /* the first 32 characters of all its uuids */
	struct buf body;
	struct store_txn txn;
	struct audit_event event;
	struct store_fact facts[2];
};

bool callers_open(struct cds_server *c, struct error *err) MUST_USE;
void callers_close(struct cds_server *c);
/* Claims and keys as far as that is possible without waiting. ret_wait: the signature is still to be verified, and keys
 * must be fetched for it. */
bool caller_check(struct visit *v, bool *ret_wait, struct error *err) MUST_USE;
bool caller_verify(struct visit *v, struct error *err) MUST_USE;
struct str caller_name(const struct visit *v); /* issuer, or "anonymous" */
/* The key under which the jti is remembered. */
bool caller_jti_fact(struct visit *v, struct store_fact *ret_fact, struct error *err) MUST_USE;
/* May a web page of this origin ask? STR_NULL: it is no page. */
bool caller_page_allowed(const struct cds_server *c, struct str origin);

/* ---- origin.c -----------------------------------------------------------------------------------------------------
 */

/* Is the URL one of these bases, or below one? */
bool url_is_below(struct str bases, struct str url);

/* ---- data.c, fetch.c: what a service needs --------------------------------------------------------------------------
 */

struct fetch {
	struct workers_job job;
	struct visit *v;
	struct str key; /* of the prefetch; "Medication" for what a reference leads to */
	struct str url;
	const struct json *first; /* a page that was sent along, which this goes on from; NULL: none */
	const struct json *sent; /* the part that was sent along, better than nothing; NULL: none was */
	bool optional;
	struct arena arena;
	const struct json *value;
	struct error err;
};
/* Takes what was sent along, and lists what is missing as fetches. ERR_DATA_MISSING. */
bool data_plan(struct visit *v, struct error *err) MUST_USE;
/* What was fetched becomes values. ERR_DATA_MISSING. */
bool data_take(struct visit *v, struct error *err) MUST_USE;
/* Lists Medications that are referred to as fetches; none when nothing may be fetched. */
bool data_plan_references(struct visit *v, struct error *err) MUST_USE;
/* Has `then` called when all fetches are done, on a thread of the workers. */
void fetch_all(struct visit *v, void (*then)(struct visit *v));

/* ---- record.c: audit records, what is kept of cards, overrides -----------------------------------------------------
 */

enum { CDS_CARDS_DAYS = 7 }; /* that what an answer's cards were is kept */
#define SHELF_CARDS    S("cds-cards") /* of an answer, by the beginning of its uuids */
#define SHELF_FEEDBACK S("cds-feedback")
#define SHELF_COUNTS   S("cds-counts") /* "service topic outcome" */
#define SHELF_OVERRIDE S("cds-override")

/* STR_NULL without memory. */
struct str override_key(struct arena *a, struct str issuer, struct str patient, struct str user, struct str topic,
			struct str about);
/* Until all records are durable. */
void records_wait(struct cds_server *c);
/* What is kept of an answer by the beginning of its uuids; STR_NULL: nothing. */
bool cards_find(struct cds_server *c, struct arena *a, struct str base, struct str *ret_value,
		struct error *err) MUST_USE;
/* Whose patients and users these are: the issuer, or the origin of the FHIR server. */
struct str override_realm(const struct visit *v);
/* Takes cards away that their user has overridden, and those beyond the most. */
bool overrides_apply(struct visit *v, struct error *err) MUST_USE;
/* Gives cards and suggestions their uuids. */
void answer_name(struct visit *v);
/* Writes the record down and answers: at once, or when the record is durable for callers with a token. */
void answer_record(struct visit *v);
/* The same of feedback: facts live as long as the exchange, the first of them the caller's jti. */
void answer_feedback(struct visit *v, struct store_fact *facts, size_t count);
/* A refusal or error: written down, then answered. */
void answer_refuse(struct visit *v, const struct error *err);

/* ---- feedback.c, openapi.c, route.c -------------------------------------------------------------------------------
 */

void feedback_take(struct visit *v);
bool openapi_write(const struct cds_server *c, struct buf *out, struct error *err) MUST_USE;
/* The body, which is taken over, with the headers of every answer. */
void cds_respond(const struct cds_server *c, struct http_exchange *x, int status, struct buf *body);
void cds_respond_error(const struct cds_server *c, struct http_exchange *x, const struct error *err,
		       struct str request_id);
/* Once it is known who calls. */
void visit_begin(struct visit *v);

#endif
