/* firth client add, rotate, disable, enable and remove. */
#include <stdio.h>

#include "app/client.h"
#include "base/clock.h"
#include "base/file.h"
#include "jose/jose.h"

/* ---- add ----------------------------------------------------------------------------------------------------------
 */

struct adding {
	struct govern_command c;
	struct str id, name, scope, auth, jwks, jwks_url, launch_url, metadata, expires, secret_expires, make_key;
	struct option_list redirect_uris, grant_types;
};

static void put_list(struct json_writer *w, const char *name, const struct option_list *list)
{
	if (!list->count)
		return;
	json_key(w, str_from(name));
	json_array_begin(w);
	for (size_t i = 0; i < list->count; i++)
		json_put_str(w, list->items[i]);
	json_array_end(w);
}

static void put_text(struct json_writer *w, const char *name, struct str text)
{
	if (text.n)
		json_put_member(w, str_from(name), text);
}

static bool read_json(struct app *app, struct str path, const struct json **ret_json, struct error *err)
{
	struct str text;
	if (!file_read(&app->arena, str_is(path, "-") ? S("/dev/stdin") : path, 1 << 20, &text, err))
		return false;
	*ret_json = json_parse(&app->arena, text, 0, err);
	return *ret_json || error_context(err, "%.*s", STR_ARG(path));
}

/* Members of the file that no option speaks of. */
static void put_rest(struct json_writer *w, const struct adding *a, const struct json *file)
{
	const struct {
		const char *name;
		bool given;
	} named[] = {{"client_name", a->name.n},
		     {"scope", a->scope.n},
		     {"jwks_uri", a->jwks_url.n},
		     {"jwks", a->jwks.n || a->make_key.n},
		     {"launch_url", a->launch_url.n},
		     {"redirect_uris", a->redirect_uris.count},
		     {"grant_types", a->grant_types.count},
		     {"token_endpoint_auth_method", a->auth.n}};
	for (struct json_iter it = json_iter(file); json_next(&it);) {
		bool given = false;
		for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
			given = given || (named[i].given && str_is(it.key, named[i].name));
		if (given)
			continue;
		json_key(w, it.key);
		json_put_value(w, it.value);
	}
}

/* A new pair: the private half goes to the file, the public one to the registry. */
static bool make_key(struct app *app, const struct adding *a, const struct json **ret_jwks, struct error *err)
{
	struct buf private, public;
	struct jose_key *key = jose_key_new(JOSE_ES384, err);
	buf_init(&private, 64 * 1024);
	buf_init(&public, 64 * 1024);
	bool ok = key && jose_key_write_private(key, &private, err) && jose_key_write_public_set(key, &public, err) &&
		  file_write(a->make_key, buf_str(&private), 0600, err);
	*ret_jwks = ok ? json_parse(&app->arena, buf_str(&public), 0, err) : NULL;
	buf_done(&private);
	buf_done(&public);
	jose_key_free(key);
	return ok && *ret_jwks;
}

static bool put_metadata(struct app *app, const struct adding *a, struct json_writer *w, struct error *err)
{
	const struct json *file = NULL, *jwks = NULL;
	if ((a->metadata.n && !read_json(app, a->metadata, &file, err)) ||
	    (a->jwks.n && !read_json(app, a->jwks, &jwks, err)) || (a->make_key.n && !make_key(app, a, &jwks, err)))
		return false;
	json_key(w, S("metadata"));
	json_object_begin(w);
	put_rest(w, a, file);
	put_text(w, "client_name", a->name);
	put_text(w, "scope", a->scope);
	put_text(w, "token_endpoint_auth_method", a->auth);
	put_text(w, "jwks_uri", a->jwks_url);
	put_text(w, "launch_url", a->launch_url);
	put_list(w, "redirect_uris", &a->redirect_uris);
	put_list(w, "grant_types", &a->grant_types);
	if (jwks) {
		json_key(w, S("jwks"));
		if (json_get(jwks, S("keys"))) {
			json_put_value(w, jwks);
		} else { /* one key by itself */
			json_object_begin(w);
			json_key(w, S("keys"));
			json_array_begin(w);
			json_put_value(w, jwks);
			json_array_end(w);
			json_object_end(w);
		}
	}
	json_object_end(w);
	return true;
}

static bool put_time(struct json_writer *w, const char *name, struct str text, struct error *err)
{
	int64_t ms;
	if (!text.n)
		return true;
	if (!client_time_parse(text, clock_now_ms(), &ms, err))
		return false;
	json_key(w, str_from(name));
	json_put_i64(w, ms);
	return true;
}

static int print_changed(const struct app *app, const struct json *answer)
{
	if (app->json)
		return govern_print(app, answer) ? APP_OK : APP_FAILED;
	client_print(app, json_get(answer, S("client")));
	client_print_secret(app, json_get_str(answer, S("secret")));
	return APP_OK;
}

static int add(struct app *app, struct adding *a)
{
	struct error err = {0};
	struct buf command;
	struct json_writer w = client_begin(&command, "client.add", a->id);
	if (!put_metadata(app, a, &w, &err) || !put_time(&w, "expires_ms", a->expires, &err) ||
	    !put_time(&w, "secret_expires_ms", a->secret_expires, &err)) {
		buf_done(&command);
		return app_fail(app, &err);
	}
	const struct json *answer = govern_send(app, &a->c, &command);
	if (!answer)
		return app->status;
	int status = print_changed(app, answer);
	if (!app->json && a->make_key.n)
		printf("  private key   %.*s\n", STR_ARG(a->make_key));
	if (!app->json && !a->c.config.auth)
		printf("  Authorization is off in this configuration: serve with --auth, or set auth: on.\n");
	return status;
}

int command_client_add(struct app *app)
{
	struct adding a = {0};
	if (!config_open(app, &a.c.config))
		return app->status;
	const struct option options[] = {
		GOVERN_OPTIONS(a.c),
		{"id", OPTION_TEXT, "ID", "its client_id (default: one is made)", &a.id},
		{"name", OPTION_TEXT, "TEXT", "what people see when they are asked to agree", &a.name},
		{"scope", OPTION_TEXT, "SCOPES", "what it may be granted, separated by spaces", &a.scope},
		{"redirect-uri", OPTION_LIST, "URI", "where codes are sent, to the letter; may be repeated",
		 &a.redirect_uris},
		{"client-auth", OPTION_TEXT, "METHOD",
		 "none, client_secret_basic, client_secret_post or private_key_jwt (default: by what it has)", &a.auth},
		{"jwks", OPTION_TEXT, "FILE", "its public keys", &a.jwks},
		{"jwks-url", OPTION_TEXT, "URL", "where its public keys are fetched from", &a.jwks_url},
		{"make-key", OPTION_TEXT, "FILE", "make an ES384 key for it: the private half goes to this file (0600)",
		 &a.make_key},
		{"launch-url", OPTION_TEXT, "URL", "where an EHR launch sends the browser", &a.launch_url},
		{"grant-type", OPTION_LIST, "TYPE", "authorization_code, refresh_token, client_credentials",
		 &a.grant_types},
		{"expires", OPTION_TEXT, "TIME", "when the registration ends: 2027-01-31, 90d (default never)",
		 &a.expires},
		{"secret-expires", OPTION_TEXT, "TIME", "when its secret ends", &a.secret_expires},
		{"metadata", OPTION_TEXT, "FILE", "client metadata in JSON (RFC 7591), - for standard input",
		 &a.metadata},
	};
	const struct command_line line = {
		OPTIONS(options),
		.details =
			"A backend service:  firth client add --id etl --scope 'system/*.rs' --make-key etl.key.json\n"
			"A web app:          firth client add --id app --scope 'launch/patient patient/*.rs' \\\n"
			"                      --redirect-uri https://app.example.org/cb --client-auth "
			"client_secret_basic\n"
			"A secret is shown once."};
	if (!app_options(app, &line) || !govern_finish(app, &a.c))
		return app->status;
	if (!!a.jwks.n + !!a.jwks_url.n + !!a.make_key.n > 1)
		return app_misuse(app, "--jwks, --jwks-url and --make-key exclude each other");
	return add(app, &a);
}

/* ---- the others ---------------------------------------------------------------------------------------------------
 */

int command_client_rotate(struct app *app)
{
	struct govern_command c = {0};
	struct error err = {0};
	struct str expires = STR_NULL;
	int64_t overlap_ms = (int64_t)24 * 60 * 60 * 1000;
	struct buf command;
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {
		GOVERN_OPTIONS(c),
		{"overlap", OPTION_TIME, "TIME",
		 "how long the secret before goes on working (default 24h; 0s: it ends now)", &overlap_ms},
		{"secret-expires", OPTION_TEXT, "TIME", "when the new one ends: 2027-01-31, 90d (default never)",
		 &expires},
	};
	const struct command_line line = {OPTIONS(options), .arguments = "CLIENT", .min_args = 1, .max_args = 1};
	if (!app_options(app, &line) || !govern_finish(app, &c))
		return app->status;
	struct json_writer w = client_begin(&command, "client.rotate", app->args[0]);
	json_key(&w, S("overlap_s"));
	json_put_i64(&w, overlap_ms / 1000);
	if (!put_time(&w, "secret_expires_ms", expires, &err)) {
		buf_done(&command);
		return app_fail(app, &err);
	}
	const struct json *answer = govern_send(app, &c, &command);
	return answer ? print_changed(app, answer) : app->status;
}

static int switch_client(struct app *app, const char *action, const char *details, bool may_expire)
{
	struct govern_command c = {0};
	struct error err = {0};
	struct str expires = STR_NULL;
	struct buf command;
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {
		GOVERN_OPTIONS(c),
		{"expires", OPTION_TEXT, "TIME", "a new end of the registration: 2027-01-31, 90d or never", &expires}};
	const struct command_line line = {.options = options,
					  .option_count = sizeof(options) / sizeof(options[0]) - !may_expire,
					  .arguments = "CLIENT",
					  .min_args = 1,
					  .max_args = 1,
					  .details = details};
	if (!app_options(app, &line) || !govern_finish(app, &c))
		return app->status;
	struct json_writer w = client_begin(&command, action, app->args[0]);
	if (!put_time(&w, "expires_ms", expires, &err)) {
		buf_done(&command);
		return app_fail(app, &err);
	}
	const struct json *answer = govern_send(app, &c, &command);
	return answer ? print_changed(app, answer) : app->status;
}

int command_client_disable(struct app *app)
{
	return switch_client(
		app, "client.disable",
		"None of its tokens works from then on, and it gets no new one, until it is enabled again.", false);
}

int command_client_enable(struct app *app)
{
	return switch_client(app, "client.enable", NULL, true);
}

int command_client_remove(struct app *app)
{
	struct govern_command c = {0};
	struct buf command;
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {GOVERN_OPTIONS(c)};
	const struct command_line line = {OPTIONS(options), .arguments = "CLIENT", .min_args = 1, .max_args = 1,
					  .details = "For good, with everything that was issued to it."};
	if (!app_options(app, &line) || !govern_finish(app, &c))
		return app->status;
	client_begin(&command, "client.remove", app->args[0]);
	const struct json *answer = govern_send(app, &c, &command);
	if (!answer)
		return app->status;
	if (app->json)
		return govern_print(app, answer) ? APP_OK : APP_FAILED;
	printf("client %.*s removed\n", STR_ARG(json_get_str(answer, S("removed"))));
	return APP_OK;
}
