/* The section `cds:` of firth.yaml and the lists that go with it: CDS services, who may call, how loud they are. */
#ifndef FIRTH_APP_CONFIG_CDS_H
#define FIRTH_APP_CONFIG_CDS_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

struct config_cds {
	bool enabled, enabled_given; /* not given: as soon as anything of it is configured */
	bool given; /* a key of the section was */
	bool open; /* callers need no token, on whatever address */
	bool patient_view, resolved_allergies;
	struct str services, vocabulary, knowledge; /* directories: the site's own services, value sets, tables */
	struct str origins, fhir_servers; /* separated by spaces */
	int64_t body, fetch_bytes, fetch_time, fetch_threads, cards, remember;
	struct str threshold, unverified_interactions, unverified_cross, noninterruptive; /* levels */
};
/* An EHR that may call. */
struct config_cds_client {
	struct str iss, jku, jwks_file, fhir_servers;
	const struct json *jwks; /* of the file */
};
/* A line of the policy of alerts. */
struct config_cds_policy {
	struct str name, rule, drug_class, kind, role, action;
};

struct config;
void config_cds_defaults(struct config_cds *c);
/* Loads the keys of EHRs, and finds words that are none. */
bool config_load_cds(struct config *c, struct arena *a, struct error *err) MUST_USE;
/* Decides whether the services are on; rules across keys. */
bool config_settle_cds(struct config *c, struct error *err) MUST_USE;

#endif
