/* What the configuration says of people, made ready: the provider's secret, and users. */
#include "app/config_priv.h"

#include "base/file.h"

bool config_load_people(struct config *c, struct arena *a, struct error *err)
{
	struct str text;
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
