/* firth login EHR: a person logs in at an EHR in the browser, and the tokens are kept here, sealed. */
#include <stdio.h>

#include "app/login.h"
#include "app/login_redirect.h"

enum { TIMEOUT_MS = 5 * 60 * 1000 };

struct login_asked {
	bool no_browser;
	int64_t port, timeout_ms;
	struct str scopes;
};

static void show_address(const struct app *app, const struct login_asked *o, struct str url)
{
	bool opened = !o->no_browser && login_browser_open(url);
	fprintf(stderr, "%s\n\n  %.*s\n\n",
		opened ? "The browser was opened. If it shows nothing, this is the address:"
		       : "Open this address in a browser on this machine:",
		STR_ARG(url));
	fprintf(stderr, "%sWaiting for the answer, for at most %lld s. Ctrl-C ends it.%s\n", app_style(app, STYLE_DIM),
		(long long)o->timeout_ms / 1000, app_style(app, STYLE_PLAIN));
}

/* From the answer to a login that is kept. */
static bool finish(struct login_command *c, const struct ehr_login_pending *pending, struct str query,
		   struct ehr_login *ret_login, struct error *err)
{
	struct ehr_failure failure = {0};
	struct app *app = c->app;
	if (!login_command_open(c, err))
		return false;
	if (!ehr_login_finish(c->client, &app->arena, pending, query, ret_login, &failure)) {
		*err = failure.error;
		return false;
	}
	return ehr_logins_put(c->place.logins, &app->arena, c->ehr->name, ret_login, err);
}

static bool talk(struct login_command *c, const struct login_asked *o, struct login_redirect *redirect,
		 struct ehr_login *ret_login, struct error *err)
{
	struct app *app = c->app;
	struct ehr_failure failure = {0};
	struct ehr_login_pending pending;
	struct str url, query;
	const struct ehr_login_ask ask = {.redirect_uri = login_redirect_uri(redirect), .scopes = o->scopes};
	if (!ehr_login_begin(c->client, &app->arena, &ask, &pending, &url, &failure)) {
		*err = failure.error;
		return false;
	}
	login_command_pause(c); /* the store is free while a person looks for a password */
	show_address(app, o, url);
	if (!login_redirect_wait(redirect, &app->arena, pending.state, o->timeout_ms, &query, err))
		return false;
	bool ok = finish(c, &pending, query, ret_login, err);
	if (ok)
		login_redirect_tell(redirect, true, S("You are logged in"),
				    S("Firth has what it needs. You can close this page."));
	else
		login_redirect_tell(redirect, false, S("The login did not work"), str_from(err->text));
	return ok;
}

static int report(struct login_command *c, const struct ehr_login *login)
{
	struct buf out;
	if (!c->app->json)
		return login_print(c, login, true) ? APP_OK : c->app->status;
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	login_write(&w, &c->app->arena, login);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(c->app, buf_str(&out));
	buf_done(&out);
	return ok ? APP_OK : APP_FAILED;
}

int command_login(struct app *app)
{
	struct login_command c = {0};
	struct login_asked o = {.port = -1, .timeout_ms = TIMEOUT_MS};
	struct ehr_login login;
	struct error err = {0};
	bool port_given = false;
	const struct option options[] = {
		{"no-browser", OPTION_FLAG, NULL, "print the address instead of opening a browser", &o.no_browser},
		{"port", OPTION_NUMBER, "PORT", "the loopback port of the redirect URI (default login_port, or any)",
		 &o.port, &port_given},
		{"scope", OPTION_TEXT, "SCOPES", "what to ask for (default login_scopes, or what reading needs)",
		 &o.scopes},
		{"timeout", OPTION_TIME, "TIME", "how long to wait for the person (default 5m)", &o.timeout_ms},
	};
	const char *details =
		"The app is login_client_id of the EHR in firth.yaml, or its client_id; its redirect URI is\n"
		"http://127.0.0.1:PORT/callback. Tokens are sealed with the key in DATA/seal.key and renewed by\n"
		"themselves. On another machine than the browser's, forward the port: ssh -L PORT:127.0.0.1:PORT.";
	if (!login_command_begin(&c, app, options, sizeof(options) / sizeof(options[0]), 1, "EHR", details))
		return app->status;
	int64_t port = port_given ? o.port : c.ehr->login_port;
	if (port < 0 || port > 65535) {
		login_command_end(&c);
		return app_misuse(app, "--port must be from 0 to 65535");
	}
	struct login_redirect *redirect = login_redirect_open((uint16_t)port, &err);
	bool ok = redirect && talk(&c, &o, redirect, &login, &err);
	int status = ok ? report(&c, &login) : app_fail(app, &err);
	login_redirect_close(redirect);
	login_command_end(&c);
	return status;
}
