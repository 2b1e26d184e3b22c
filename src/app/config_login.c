/* What the configuration says of people, made ready: the provider's secret, and users. */
#include "app/config_priv.h"

#include "base/file.h"

enum { MINUTE_MS = 60 * 1000 };
#define MONTH_MS (INT64_C(30) * 24 * 60 * MINUTE_MS)

static bool check_time(const char *name, int64_t ms, struct error *err)
{
	return !ms || (ms >= MINUTE_MS && ms <= MONTH_MS) ||
	       error_set(err, ERR_CONFIG, "login.%s must be from 1 min to 30 days", name);
}

bool config_load_people(struct config *c, struct arena *a, struct error *err)
{
	struct str text;
	if (!check_time("session_idle", c->login.idle, err) || !check_time("session_end", c->login.end, err))
		return false;
	for (size_t i = 0; i < c->user_count; i++)
		if (!login_user_check(definitions_builtin(), a, &c->users[i], err))
			return error_context(err, "user %.*s", STR_ARG(str_slice(c->users[i].name, 0, 64)));
	if (c->provider_secret_file.p) {
		if (!file_read(a, c->provider_secret_file, 4096, &text, err))
			return error_context(err, "provider");
		c->provider.client_secret = str_trim(text);
	}
	return true;
}
