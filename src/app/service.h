/*
 * Everything Firth answers over HTTP, wired together: the FHIR API, the token endpoint, the public keys of our EHR
 * clients, health, and the clinic's page. Shared by `firth serve` and `firth demo`. The handlers run on the HTTP
 * server's threads; opening and closing belong to one thread.
 */
#ifndef FIRTH_APP_SERVICE_H
#define FIRTH_APP_SERVICE_H

#include "app/config.h"
#include "http/server.h"
#include "server/rest/rest.h"

struct service;
struct cds_setup;
struct service_options {
	const struct config *config; /* must outlive the service */
	const struct definitions *definitions;
	const struct extractor *extractor;
	struct store *store;
	struct vault *vault; /* NULL: opened by the configuration when there is authorization */
	struct knowledge_options knowledge; /* without definitions and store, which are these */
	bool log; /* one line a request on standard output */
	/* Of service_open() for its realms: CDS services (NULL: none), and which origins are ours. */
	const struct cds_setup *cds;
	bool (*is_ours)(void *ctx, struct str origin);
	void *is_ours_ctx;
};
/* Listens at once and answers 503 until all is ready; true readiness is when this returns. */
struct service *service_open(const struct service_options *options, struct error *err) MUST_USE;
uint16_t service_port(const struct service *s);
/* "http://127.0.0.1:8080", or the configured base URL. */
struct str service_base_url(const struct service *s);
/* Answers what is under way, then stops. */
void service_close(struct service *s);

#endif
