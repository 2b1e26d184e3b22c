/* What ends at a date: registrations and secrets of clients, authorizations that outlive the session, and the time for
 * which a key should sign. Told before it happens, in the lists of the commands, when the server starts, and in its log
 * once a day. Any thread. */
#ifndef FIRTH_APP_EXPIRY_H
#define FIRTH_APP_EXPIRY_H

#include "server/smart/smart.h"

enum { EXPIRY_WARN_DAYS = 30, EXPIRY_GRANT_DAYS = 7, EXPIRY_KEY_DAYS = 365 };

struct expiry {
	struct str client_id;
	const char *what; /* "registration" or "secret" */
	int64_t ms;
};
/* Of one client what is over or ends within the days; at most two. Disabled clients are of no interest. */
size_t expiry_of(const struct smart_client *client, int64_t now_ms, struct expiry ret_expiries[2]);
/* "the secret of app-1 expires 2026-12-03T00:00:00Z, in 9 days", or "has expired". In a; STR_NULL without memory. */
struct str expiry_text(struct arena *a, const struct expiry *expiry, int64_t now_ms);
/* An authorization that is used goes on and on: one that ends within days is not. */
bool expiry_grant_is_near(const struct smart_grant *grant, int64_t now_ms);
bool expiry_key_is_old(const struct smart_key *key, int64_t now_ms);
/* A warning in the log for each client's and key's; one for all authorizations. */
bool expiry_log(struct smart *s, int64_t now_ms, struct error *err) MUST_USE;

#endif
