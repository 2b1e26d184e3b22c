/* What of clients ends at a date: registrations and secrets. Told before it happens, in firth client list, when the
 * server starts, and in its log once a day. Any thread. */
#ifndef FIRTH_APP_EXPIRY_H
#define FIRTH_APP_EXPIRY_H

#include "server/smart/smart.h"

enum { EXPIRY_WARN_DAYS = 30 };

struct expiry {
	struct str client_id;
	const char *what; /* "registration" or "secret" */
	int64_t ms;
};
/* Of one client what is over or ends within the days; at most two. Disabled clients are of no interest. */
size_t expiry_of(const struct smart_client *client, int64_t now_ms, struct expiry ret_expiries[2]);
/* "the secret of app-1 expires 2026-12-03T00:00:00Z, in 9 days", or "has expired". In a; STR_NULL without memory. */
struct str expiry_text(struct arena *a, const struct expiry *expiry, int64_t now_ms);
/* A warning in the log for each. */
bool expiry_log(struct smart *s, int64_t now_ms, struct error *err) MUST_USE;

#endif
