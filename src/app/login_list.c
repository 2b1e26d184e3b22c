/* firth login list, firth login show EHR: who is logged in where, with what, until when; never a secret but for
 * --token.
 */
#include <stdio.h>

#include "app/login.h"
#include "base/clock.h"

static struct str state_of(struct arena *a, const struct ehr_login *login, bool found)
{
	int64_t now = clock_now_ms();
	if (!found)
		return S("nobody is logged in");
	if (login->ended.n)
		return arena_printf(a, "over: %.*s", STR_ARG(login->ended));
	if (login->refresh_token.n)
		return S("logged in, renewed by itself");
	return now < login->expires_ms
		       ? arena_printf(a, "logged in, ends %.*s", STR_ARG(login_when(a, login->expires_ms, now)))
		       : arena_printf(a, "ended %.*s", STR_ARG(login_when(a, login->expires_ms, now)));
}

static bool list(struct login_command *c, struct buf *out, struct error *err)
{
	struct arena *a = &c->app->arena;
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_key(&w, S("logins"));
	json_array_begin(&w);
	for (size_t i = 0; i < c->config.ehr_count; i++) {
		struct ehr_login login;
		bool found;
		struct str name = c->config.ehrs[i].name;
		if (!ehr_logins_get(c->place.logins, a, name, &login, &found, err))
			return false;
		if (found)
			login_write(&w, a, &login);
		if (c->app->json)
			continue;
		struct str who = !found ? S("") : login.name.n ? login.name : login.subject;
		printf("%-20.*s %-24.*s %.*s\n", STR_ARG(name), STR_ARG(who), STR_ARG(state_of(a, &login, found)));
	}
	json_array_end(&w);
	json_object_end(&w);
	buf_char(out, '\n');
	return buf_ok(out) || error_memory(err);
}

int command_login_list(struct app *app)
{
	struct login_command c = {0};
	struct error err = {0};
	struct buf out;
	if (!login_command_begin(&c, app, NULL, 0, 0, NULL, NULL))
		return app->status;
	buf_init(&out, 8 << 20);
	int status = list(&c, &out, &err) ? APP_OK : app_fail(app, &err);
	if (status == APP_OK && app->json && !app_write(app, buf_str(&out)))
		status = APP_FAILED;
	buf_done(&out);
	login_command_end(&c);
	return status;
}

/* The token as it is sent, renewed when it is due: for other programs' Authorization headers. */
static int print_token(struct login_command *c)
{
	struct ehr_failure failure = {0};
	struct ehr_login login;
	if (!ehr_login_now(c->client, &c->app->arena, &login, &failure))
		return app_fail(c->app, &failure.error);
	return app_write(c->app, login.access_token) && app_write(c->app, S("\n")) ? APP_OK : APP_FAILED;
}

static int show(struct login_command *c)
{
	struct ehr_login login;
	struct buf out;
	if (!login_load(c, &login))
		return c->app->status;
	if (!c->app->json)
		return login_print(c, &login, false) ? APP_OK : c->app->status;
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	login_write(&w, &c->app->arena, &login);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(c->app, buf_str(&out));
	buf_done(&out);
	return ok ? APP_OK : APP_FAILED;
}

int command_login_show(struct app *app)
{
	struct login_command c = {0};
	bool token = false;
	const struct option options[] = {{"token", OPTION_FLAG, NULL,
					  "print the access token and nothing else, renewed when it is due", &token}};
	if (!login_command_begin(&c, app, options, 1, 1, "EHR", NULL))
		return app->status;
	int status = token ? print_token(&c) : show(&c);
	login_command_end(&c);
	return status;
}
