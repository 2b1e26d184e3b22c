/* firth logout EHR: the EHR forgets the tokens when it offers that (RFC 7009), and Firth in any case. */
#include <stdio.h>

#include "app/login.h"

static int log_out(struct login_command *c)
{
	struct ehr_login login;
	struct ehr_failure failure = {0};
	struct error err = {0};
	bool told = false;
	if (!login_load(c, &login))
		return c->app->status;
	bool same = str_eq(login.base_url, ehr_client_config(c->client)->base_url);
	bool ok = !same || login.ended.n || ehr_login_revoke(c->client, &c->app->arena, &login, &told, &failure);
	if (!ehr_logins_remove(c->place.logins, c->ehr->name, &err))
		return app_fail(c->app, &err);
	if (c->app->json) {
		const char *text =
			told ? "{\"removed\":true,\"revoked\":true}\n" : "{\"removed\":true,\"revoked\":false}\n";
		return app_write(c->app, str_from(text)) && ok ? APP_OK : APP_FAILED;
	}
	printf("Logged out at %.*s%s\n", STR_ARG(c->ehr->name),
	       told			      ? "; the EHR has revoked the tokens"
	       : ok && same && !login.ended.n ? "; the EHR offers no way to revoke tokens, so they end by themselves"
					      : "");
	if (ok)
		return APP_OK;
	fprintf(stderr, "The tokens could not be revoked and end by themselves: %s\n", failure.error.text);
	return APP_FAILED;
}

int command_logout(struct app *app)
{
	struct login_command c = {0};
	if (!login_command_begin(&c, app, NULL, 0, 1, "EHR", NULL))
		return app->status;
	int status = log_out(&c);
	login_command_end(&c);
	return status;
}
