/*
 * A realm: one store and everything that serves it - tokens, knowledge, asynchronous requests, the FHIR API. A server
 * has one at its root, and one for each tenant that is open; nothing of one is known in another, so that no mistake in
 * a query can mix them up. The servers of a realm may be used by any thread; opening and closing is one thread's.
 */
#ifndef FIRTH_APP_REALM_H
#define FIRTH_APP_REALM_H

#include "app/service.h"
#include "server/bulk/export.h"
#include "server/bulk/import.h"
#include "server/login/login.h"
#include "server/rest/operations/match.h"

struct cds_server;
struct realm {
	struct arena arena;
	struct str tenant; /* STR_NULL: the root */
	struct str base_url; /* without /fhir */
	struct store *store;
	struct decision_journal *journal; /* how many refusals are kept */
	struct smart *smart; /* NULL: no authorization */
	struct access *access; /* with smart */
	struct login *login; /* with smart */
	struct vault *vault; /* opened for this realm alone; NULL: the service's */
	const struct vault *sealing; /* this one's, or the service's; NULL: no authorization */
	struct knowledge *knowledge;
	struct jobs *jobs;
	struct bulk_import import;
	struct bulk_export export;
	struct match_weights weights;
	struct cds_server *cds; /* NULL: no CDS services */
	struct rest_server *rest;
	bool own_store; /* closed with the realm */
};

struct realm_options {
	const struct service_options *service;
	struct str base_url; /* of the server */
	struct str tenant; /* STR_NULL: the root, over service->store */
};
bool realm_open(struct realm *r, const struct realm_options *options, struct error *err) MUST_USE;
/* Clients and users alone, over the open store of another, whose tenant and URL it has, and which must outlive it: for
 * commands, and while authorization is off. */
bool realm_open_part(struct realm *r, const struct realm *of, const struct service_options *options,
		     struct error *err) MUST_USE;
void realm_close(struct realm *r);
/* Answers whatever lives in the realm (true); leaves everything else alone (false). */
bool realm_handle(struct realm *r, struct http_exchange *x);

#endif
