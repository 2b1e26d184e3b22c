/*
 * The tenants that are open: each a realm of its own, opened when it is first asked for, closed when nobody has asked
 * for a while, and never more than a bounded number at once. Any thread.
 */
#ifndef FIRTH_APP_TENANTS_H
#define FIRTH_APP_TENANTS_H

#include "app/realm.h"

struct tenants;
struct tenants_options {
	const struct service_options *service; /* must outlive them */
	struct str base_url;
	struct store *root; /* the store of the root: who knows which tenants there are */
	unsigned max_open;
	int64_t idle_ms; /* closed after so long; 0 = five minutes */
};
struct tenants *tenants_open(const struct tenants_options *options, struct error *err) MUST_USE;
/* Nobody may have a realm any more. */
void tenants_close(struct tenants *t);

/* The realm of a tenant, which stays open until it is given back. ERR_NOT_FOUND when there is no such tenant,
 * ERR_BUSY when as many as may be are in use. */
struct realm *tenants_take(struct tenants *t, struct str name, struct error *err) MUST_USE;
void tenants_give(struct tenants *t, struct realm *realm);
/* Closes what has been idle; called now and then. */
void tenants_sweep(struct tenants *t);

#endif
