/* Shared by the files of the service: what is open, who may ask, where requests go, and who looks after it all. */
#ifndef FIRTH_APP_SERVICE_PRIV_H
#define FIRTH_APP_SERVICE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "app/cds_setup.h"
#include "app/launch.h"
#include "app/operator.h"
#include "app/page.h"
#include "app/readiness.h"
#include "app/service.h"
#include "app/tenants.h"
#include "sandbox/launcher.h"

/* Looks after things now and then. */
struct keeper {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stop;
	bool running;
};

struct service {
	struct service_options options;
	struct arena arena; /* lives as long as the service; read-only once ready */
	atomic_bool ready, stopping;
	struct readiness readiness;
	struct http_server *http;
	struct realm root;
	struct tenants *tenants; /* NULL: there are none */
	struct operator_door *door;
	struct vault *vault; /* to be closed; NULL when it came with the options */
	struct keeper keeper;
	struct str base_url;
	struct str public_keys; /* JWKS of our EHR clients */
	struct page page;
	struct launch *launch; /* NULL: no EHR is configured */
	struct cds_setup *cds; /* NULL: no CDS services */
	struct launcher *launcher; /* NULL: it is not switched on */
};

/* ---- service_guard.c: without authorization ---------------------------------------------------------------------- */

/* Does the request come from where nothing is answered to? The decision and err, which may be NULL, say why. */
bool service_is_stranger(const struct service *s, const struct http_exchange *x, struct decision *d, struct error *err);
/* Is the origin of a page, or its host, ours? ctx: the service. */
bool service_is_our_origin(void *ctx, struct str origin);
/* Answers such a one (true), and writes it down. */
bool service_refuse_stranger(struct service *s, struct http_exchange *x);

/* ---- service_route.c: the handlers of the HTTP server ------------------------------------------------------------ */

/* An error outside the FHIR API, as an OperationOutcome all the same; with the id of the request when it was kept. */
void service_respond_error(struct http_exchange *x, const struct error *err, struct str request_id);
void service_handle(void *ctx, struct http_exchange *x);
bool service_expect(void *ctx, struct http_exchange *x, struct http_expectation *expectation, struct error *err);
void service_refuse(void *ctx, struct http_exchange *x, const struct error *err);
void service_observe(void *ctx, const struct http_request *request, int status, uint64_t duration_ns);
/* The realm of a tenant, or the root's (STR_NULL), held until the exchange is over. */
struct realm *service_governed_realm(void *ctx, struct http_exchange *x, struct str tenant, struct error *err);

/* ---- service_keeper.c -------------------------------------------------------------------------------------------- */

bool service_keeper_start(struct service *s, struct error *err) MUST_USE;
void service_keeper_stop(struct service *s);

#endif
