/* See expiry.h. */
#include "app/expiry.h"

#include "base/clock.h"
#include "base/log.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

size_t expiry_of(const struct smart_client *client, int64_t now_ms, struct expiry ret_expiries[2])
{
	const struct expiry both[] = {{client->client_id, "registration", client->expires_ms},
				      {client->client_id, "secret", client->secret_expires_ms}};
	size_t count = 0;
	for (size_t i = 0; i < 2 && !client->disabled; i++)
		if (both[i].ms && both[i].ms <= now_ms + EXPIRY_WARN_DAYS * DAY_MS)
			ret_expiries[count++] = both[i];
	return count;
}

struct str expiry_text(struct arena *a, const struct expiry *expiry, int64_t now_ms)
{
	char when[DECISION_WHEN];
	return arena_printf(a, "the %s of %.*s %s %.*s", expiry->what, STR_ARG(expiry->client_id),
			    expiry->ms <= now_ms ? "has expired:" : "expires",
			    STR_ARG(decision_when(when, expiry->ms, now_ms)));
}

bool expiry_log(struct smart *s, int64_t now_ms, struct error *err)
{
	struct arena a;
	struct smart_client *clients;
	size_t count = 0;
	arena_init(&a, (size_t)64 << 20);
	bool ok = smart_client_list(s, &a, &clients, &count, err);
	for (size_t i = 0; ok && i < count; i++) {
		struct expiry expiries[2];
		size_t n = expiry_of(&clients[i], now_ms, expiries);
		for (size_t k = 0; k < n; k++)
			log_event(LOG_WARN, expiries[k].ms <= now_ms ? "client_expired" : "client_expires",
				  {"client", .text = expiries[k].client_id},
				  {"what", .text = str_from(expiries[k].what)},
				  {"days", .number = (expiries[k].ms - now_ms) / DAY_MS});
	}
	arena_done(&a);
	return ok;
}
