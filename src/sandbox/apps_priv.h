/* Between the registry of a sandbox's apps and its page. */
#ifndef FIRTH_SANDBOX_APPS_PRIV_H
#define FIRTH_SANDBOX_APPS_PRIV_H

#include "sandbox/faults_priv.h"

#include "server/smart/clients.h"

struct apps_shown {
	const struct smart_client *apps;
	size_t count;
	struct str secret; /* of the one that was just registered; STR_NULL: none */
	struct str problem; /* STR_NULL: none */
};
void apps_sheet(struct sandbox *s, struct http_exchange *x, const struct apps_shown *shown);
/* The page's form as client metadata (RFC 7591). */
const struct json *apps_form_metadata(struct sandbox *s, struct arena *a, struct str form, struct error *err);
/* Has its registration come through? *ret_from: when it does or did, STR_NULL for configured ones. */
bool apps_active(struct sandbox *s, struct arena *a, const struct smart_client *client, struct str *ret_from);

#endif
