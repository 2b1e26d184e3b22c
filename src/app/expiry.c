/* See expiry.h. */
#include "app/expiry.h"

#include "base/clock.h"
#include "base/log.h"

enum { MOST_GRANTS = 10000 };
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

bool expiry_grant_is_near(const struct smart_grant *grant, int64_t now_ms)
{
	return grant->offline && grant->expires_ms && grant->expires_ms <= now_ms + EXPIRY_GRANT_DAYS * DAY_MS;
}

bool expiry_key_is_old(const struct smart_key *key, int64_t now_ms)
{
	return key->signing && key->made_ms && key->made_ms + EXPIRY_KEY_DAYS * DAY_MS < now_ms;
}

static bool log_clients(struct smart *s, struct arena *a, int64_t now_ms, struct error *err)
{
	struct smart_client *clients;
	size_t count = 0;
	bool ok = smart_client_list(s, a, &clients, &count, err);
	for (size_t i = 0; ok && i < count; i++) {
		struct expiry expiries[2];
		size_t n = expiry_of(&clients[i], now_ms, expiries);
		for (size_t k = 0; k < n; k++)
			log_event(LOG_WARN, expiries[k].ms <= now_ms ? "client_expired" : "client_expires",
				  {"client", .text = expiries[k].client_id},
				  {"what", .text = str_from(expiries[k].what)},
				  {"days", .number = (expiries[k].ms - now_ms) / DAY_MS});
	}
	return ok;
}

static bool log_keys(struct smart *s, struct arena *a, int64_t now_ms, struct error *err)
{
	struct smart_key *keys;
	size_t count = 0;
	bool ok = smart_keys_list(s, a, &keys, &count, err);
	for (size_t i = 0; ok && i < count; i++)
		if (expiry_key_is_old(&keys[i], now_ms))
			log_event(LOG_WARN, "key_old", {"kid", .text = keys[i].kid},
				  {"days", .number = (now_ms - keys[i].made_ms) / DAY_MS});
	return ok;
}

static bool log_grants(struct smart *s, struct arena *a, int64_t now_ms, struct error *err)
{
	struct smart_grant *grants;
	size_t count = 0, near = 0;
	bool ok = smart_grants_of(s, a, STR_NULL, MOST_GRANTS, &grants, &count, err);
	for (size_t i = 0; ok && i < count; i++)
		near += expiry_grant_is_near(&grants[i], now_ms);
	if (near)
		log_event(LOG_WARN, "grants_expire", {"count", .number = (int64_t)near},
			  {"days", .number = EXPIRY_GRANT_DAYS});
	return ok;
}

bool expiry_log(struct smart *s, int64_t now_ms, struct error *err)
{
	struct arena a;
	arena_init(&a, (size_t)64 << 20);
	bool ok = log_clients(s, &a, now_ms, err) && log_keys(s, &a, now_ms, err) && log_grants(s, &a, now_ms, err);
	arena_done(&a);
	return ok;
}
