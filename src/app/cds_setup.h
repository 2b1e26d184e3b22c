/*
 * The CDS services of a server, made ready from its configuration: drug knowledge, the policy of alerts, Firth's own
 * services and the site's. One for all realms; read-only once made.
 */
#ifndef FIRTH_APP_CDS_SETUP_H
#define FIRTH_APP_CDS_SETUP_H

#include "app/config.h"
#include "server/cds/cds.h"
#include "server/knowledge/knowledge.h"

struct cds_setup;
struct cds_setup_options {
	const struct config *config; /* outlives it */
	const struct knowledge_options *knowledge; /* packages and releases, for what the site's services ask */
};
struct cds_setup *cds_setup_open(const struct cds_setup_options *options, struct error *err) MUST_USE;
void cds_setup_close(struct cds_setup *s);
size_t cds_setup_count(const struct cds_setup *s); /* services */

struct cds_realm {
	struct store *store;
	struct decision_journal *journal;
	struct str base_url, base_path;
	bool (*is_ours)(void *ctx, struct str origin);
	void *ctx;
};
/* The setup outlives it. */
struct cds_server *cds_setup_serve(const struct cds_setup *s, const struct cds_realm *realm,
				   struct error *err) MUST_USE;

#endif
