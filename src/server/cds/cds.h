/*
 * CDS services over HTTP (CDS Hooks 2.0): discovery, calls, feedback. One table of services, whoever made them, and one
 * way that a call takes: who calls (a JWT of the EHR) -> the request -> the data it needs, sent along or fetched from
 * the EHR -> the service -> what users have overridden -> the answer, with an audit record. A call whose data is there
 * is answered on the server's thread; whoever waits for an EHR holds no thread of it. Any thread.
 */
#ifndef FIRTH_SERVER_CDS_CDS_H
#define FIRTH_SERVER_CDS_CDS_H

#include "hooks/card.h"
#include "hooks/orders.h"
#include "hooks/request.h"
#include "http/server.h"
#include "server/decision/decision.h"
#include "store/store.h"

/* ---- services ---------------------------------------------------------------------------------------------------- */

/* What a service is run with. Texts and trees live until the answer was written. */
struct cds_call {
	const struct hook_request *request;
	const struct hook_prefetch *prefetch; /* every key of the service that there is data for */
	struct arena *arena;
	int64_t now_ms;
	struct str role; /* of the user: PractitionerRole.code where the data has it, else "Practitioner" and so on */
	bool plain; /* the client takes only suggestions with one action each, to create or delete */
};
struct cds_template {
	struct str key, query;
	bool optional; /* the service can do without; otherwise 412 when it cannot be had */
};
struct cds_service {
	struct str id; /* in the URL: letters, digits, - and _ */
	enum hook_id hook;
	struct str title, description, usage; /* title and usage may be STR_NULL */
	const struct cds_template *prefetch;
	size_t prefetch_count;
	bool references; /* Medications that orders and records refer to are fetched as well */
	/* Cards into the answer; uuids are given afterwards to what has none. On any thread, several at once. False
	 * with an error is answered as such, and nothing of the answer goes out. */
	bool (*run)(void *ctx, const struct cds_call *call, struct hook_answer *answer, struct error *err);
	void *ctx;
};

/* Firth's own: orders against allergies and drugs at order-select and order-sign, and what is taken at patient-view.
 * The options are borrowed (role and now_ms are not looked at); at most `max` are filled in, their number returned. */
enum { CDS_BUILTIN_MAX = 3 };
size_t cds_builtin_services(const struct hook_orders_options *options, bool patient_view,
			    struct cds_service *ret_services, size_t max);

/* ---- serving ----------------------------------------------------------------------------------------------------- */

/* An EHR that may call. */
struct cds_ehr {
	struct str issuer; /* iss of its tokens, to the letter */
	struct str key_urls; /* where its keys may come from (jku), separated by spaces; STR_NULL: jwks alone */
	const struct json *jwks; /* its keys by value; NULL: none */
	struct str fhir_servers; /* base URLs that data may be fetched from for it, separated by spaces */
};

struct cds_server_options {
	const struct cds_service *services; /* borrowed */
	size_t service_count;
	struct store *store;
	struct decision_journal *journal; /* may be NULL */
	struct str base_url; /* "https://firth.example.org", of a tenant ".../t/NAME": audiences are made of it */
	struct str base_path; /* what paths begin with: "", "/t/NAME" */
	const struct cds_ehr *clients; /* none: nobody needs a token */
	size_t client_count;
	struct str origins; /* of web pages that may call, separated by spaces; "*": any. STR_NULL: none but ours */
	struct str fhir_servers; /* as in struct cds_ehr, for every caller */
	bool loopback; /* data may also be fetched from this machine, for callers that are no web page of elsewhere */
	size_t max_body; /* bytes; 0 = 10 MB */
	unsigned fetch_ms; /* time for all that a call fetches; 0 = 4000 */
	size_t fetch_bytes; /* 0 = 32 MB */
	unsigned fetch_threads; /* 0 = 16 */
	unsigned max_cards; /* 0 = 20 */
	int64_t remember_ms; /* how long an override silences its card; 0: not at all */
	bool (*is_ours)(void *ctx, struct str origin); /* of our own pages, or a host of ours. NULL: none is */
	void *ctx;
	const struct zone *zone; /* of the site, for what day today is; NULL: what requests tell, else UTC. Borrowed */
	int64_t (*now_ms)(void); /* NULL = clock_now_ms */
};
struct cds_server;
/* ERR_CONFIG for services, keys or URLs that cannot work. */
struct cds_server *cds_server_open(const struct cds_server_options *options, struct error *err) MUST_USE;
/* After the HTTP server: waits for what is being fetched. */
void cds_server_close(struct cds_server *c);
/* Answers, perhaps later, what lies at and below BASE/cds-services (true); leaves everything else alone (false). */
bool cds_server_handle(struct cds_server *c, struct http_exchange *x);
/* Answers a request that went wrong before it was complete, see struct http_handler (true); leaves others alone. */
bool cds_server_refuse(const struct cds_server *c, struct http_exchange *x, const struct error *err);
/* May such a body come? See struct http_handler. */
bool cds_server_expect(const struct cds_server *c, struct http_exchange *x, struct http_expectation *expectation,
		       struct error *err);

/* ---- looking back -------------------------------------------------------------------------------------------------
 */

/* What became of the cards of one topic: shown in the last seven days at most, and told by feedback. */
enum { CDS_TALLY_DAYS = 7, CDS_TALLY_REASONS = 8 };
struct cds_tally {
	struct str service, topic; /* topic "-": feedback about cards that nobody knows any more */
	uint64_t shown, accepted, overridden;
	struct {
		struct str code;
		uint64_t count;
	} reasons[CDS_TALLY_REASONS]; /* of overrides, the first ones that came */
	size_t reason_count;
};
/* From since_ms on, the most shown first. ERR_LIMIT beyond 20,000 topics. */
bool cds_tally_read(struct store *store, struct arena *a, int64_t since_ms, struct cds_tally **ret_tallies,
		    size_t *ret_count, struct error *err) MUST_USE;

#endif
