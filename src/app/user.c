/* firth user ...: who may sign in on the pages of this server. Passwords are asked for, never taken from arguments. */
#include <stdio.h>

#include "app/govern.h"
#include "app/secret_prompt.h"

struct asked {
	struct str user, display, fhir_user, roles, patients, hash, totp;
	bool disable, enable, no_password;
};

static const struct json *ask(struct app *app, const struct govern_command *c, const char *action,
			      const struct asked *asked)
{
	struct buf command;
	struct json_writer w = govern_begin(&command, 64 * 1024, action);
	json_put_member(&w, S("user"), asked->user);
	json_put_member(&w, S("display"), asked->display);
	json_put_member(&w, S("fhir_user"), asked->fhir_user);
	json_put_member(&w, S("roles"), asked->roles);
	json_put_member(&w, S("patients"), asked->patients);
	json_put_member(&w, S("hash"), asked->hash);
	json_put_member(&w, S("totp"), asked->totp);
	if (asked->disable || asked->enable) {
		json_key(&w, S("disabled"));
		json_put_bool(&w, asked->disable);
	}
	return govern_send(app, c, &command);
}

static int done(const struct app *app, const struct json *answer, const char *words)
{
	if (!answer)
		return app->status;
	if (app->json)
		return govern_print(app, answer) ? APP_OK : APP_FAILED;
	printf("%.*s: %s\n", STR_ARG(json_get_str(answer, S("user"))), words);
	return APP_OK;
}

/* ---- list ---------------------------------------------------------------------------------------------------------
 */

static void print_line(const char *name, struct str text)
{
	if (text.n)
		printf("  %-13s %.*s\n", name, STR_ARG(text));
}

static void print_user(const struct app *app, const struct json *u)
{
	static const char *const lines[][2] = {{"name", "display"},
					       {"who is", "fhir_user"},
					       {"roles", "roles"},
					       {"patients", "patients"},
					       {"provider", "subject"},
					       {"added", "added"},
					       {"password set", "password_set"}};
	bool disabled = json_bool(json_get(u, S("disabled")));
	printf("%s%.*s%s%s%s%s\n", app_style(app, STYLE_BOLD), STR_ARG(json_get_str(u, S("user"))),
	       app_style(app, STYLE_PLAIN), disabled ? "  disabled" : "",
	       json_bool(json_get(u, S("totp"))) ? "  with one-time codes" : "",
	       json_bool(json_get(u, S("configured"))) ? "  of the configuration" : "");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		print_line(lines[i][0], json_get_str(u, str_from(lines[i][1])));
	if (!json_bool(json_get(u, S("password"))))
		printf("  no password: only by the outside provider\n");
}

int command_user_list(struct app *app)
{
	struct govern_command c = {0};
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {GOVERN_OPTIONS(c)};
	const struct command_line line = {OPTIONS(options), .arguments = "[NAME]", .max_args = 1};
	if (!app_options(app, &line) || !govern_finish(app, &c))
		return app->status;
	const struct asked asked = {.user = app->arg_count ? app->args[0] : STR_NULL};
	const struct json *answer = ask(app, &c, "user.list", &asked);
	if (!answer)
		return app->status;
	if (app->json)
		return govern_print(app, answer) ? APP_OK : APP_FAILED;
	const struct json *users = json_get(answer, S("users"));
	for (struct json_iter it = json_iter(users); json_next(&it);)
		print_user(app, it.value);
	if (!json_size(users))
		puts("there are no users");
	return APP_OK;
}

/* ---- add ----------------------------------------------------------------------------------------------------------
 */

int command_user_add(struct app *app)
{
	struct govern_command c = {0};
	struct asked asked = {0};
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {
		GOVERN_OPTIONS(c),
		{"display", OPTION_TEXT, "TEXT", "the name on pages, such as \"Dr. Anna Berg\"", &asked.display},
		{"fhir-user", OPTION_TEXT, "REFERENCE", "who this is in the record: Practitioner/7, Patient/1",
		 &asked.fhir_user},
		{"roles", OPTION_TEXT, "WORDS", "words that the site's policy knows", &asked.roles},
		{"patients", OPTION_TEXT, "SEARCH", "whose records apps may be opened for: * or a search of Patient",
		 &asked.patients},
		{"no-password", OPTION_FLAG, NULL, "signs in by the outside provider only", &asked.no_password},
	};
	const struct command_line line = {OPTIONS(options), .arguments = "NAME", .min_args = 1, .max_args = 1,
					  .details =
						  "The password is asked for, or is the first line of standard input."};
	if (!app_options(app, &line) || !govern_finish(app, &c))
		return app->status;
	asked.user = login_user_name(&app->arena, app->args[0]);
	if (!asked.user.p)
		return app_misuse(app, "a user's name has 1 to %d of a-z 0-9 . _ @ + -", LOGIN_LONGEST_NAME);
	if (!asked.no_password && !secret_prompt_hash(app, asked.user, &asked.hash))
		return app->status;
	return done(app, ask(app, &c, "user.add", &asked), "added");
}

/* ---- change -------------------------------------------------------------------------------------------------------
 */

/* Commands that name a user and nothing else. */
static bool open_named(struct app *app, struct govern_command *c, struct asked *asked, const char *details)
{
	if (!config_open(app, &c->config))
		return false;
	const struct option options[] = {GOVERN_OPTIONS(*c)};
	const struct command_line line = {OPTIONS(options), .arguments = "NAME", .min_args = 1, .max_args = 1,
					  .details = details};
	if (!app_options(app, &line) || !govern_finish(app, c))
		return false;
	asked->user = app->args[0];
	return true;
}

int command_user_password(struct app *app)
{
	struct govern_command c = {0};
	struct asked asked = {0};
	if (!open_named(app, &c, &asked,
			"The password is asked for, or is the first line of standard input. Sessions and tokens from\n"
			"before end at once.") ||
	    !secret_prompt_hash(app, asked.user, &asked.hash))
		return app->status;
	return done(app, ask(app, &c, "user.password", &asked), "has a new password");
}

int command_user_disable(struct app *app)
{
	struct govern_command c = {0};
	struct asked asked = {.disable = true};
	if (!open_named(app, &c, &asked, "Sessions and tokens end at once, on every server of the store."))
		return app->status;
	return done(app, ask(app, &c, "user.disable", &asked), "disabled");
}

int command_user_enable(struct app *app)
{
	struct govern_command c = {0};
	struct asked asked = {.enable = true};
	if (!open_named(app, &c, &asked, NULL))
		return app->status;
	return done(app, ask(app, &c, "user.enable", &asked), "enabled");
}

int command_user_unlock(struct app *app)
{
	struct govern_command c = {0};
	struct asked asked = {0};
	if (!open_named(app, &c, &asked, "After failed attempts; the failures are forgotten."))
		return app->status;
	return done(app, ask(app, &c, "user.unlock", &asked), "may try again at once");
}

int command_user_change(struct app *app)
{
	struct govern_command c = {0};
	struct asked asked = {0};
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {
		GOVERN_OPTIONS(c),
		{"display", OPTION_TEXT, "TEXT", "the name on pages", &asked.display},
		{"fhir-user", OPTION_TEXT, "REFERENCE", "who this is in the record", &asked.fhir_user},
		{"roles", OPTION_TEXT, "WORDS", "words that the site's policy knows", &asked.roles},
		{"patients", OPTION_TEXT, "SEARCH", "whose records apps may be opened for", &asked.patients},
	};
	const struct command_line line = {OPTIONS(options), .arguments = "NAME", .min_args = 1, .max_args = 1,
					  .details = "An empty value takes away what was there."};
	if (!app_options(app, &line) || !govern_finish(app, &c))
		return app->status;
	asked.user = app->args[0];
	return done(app, ask(app, &c, "user.change", &asked), "changed");
}

int command_user_totp(struct app *app)
{
	struct govern_command c = {0};
	struct asked asked = {0};
	bool off = false;
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {
		GOVERN_OPTIONS(c),
		{"off", OPTION_FLAG, NULL, "ask for codes no longer", &off},
	};
	const struct command_line line = {OPTIONS(options), .arguments = "NAME", .min_args = 1, .max_args = 1,
					  .details = "Makes a new secret and prints it once, as the address that "
						     "authenticator apps read. From then\n"
						     "on the user is asked for a code."};
	if (!app_options(app, &line) || !govern_finish(app, &c))
		return app->status;
	asked.user = app->args[0];
	asked.totp = off ? S("off") : STR_NULL;
	const struct json *answer = ask(app, &c, off ? "user.change" : "user.totp", &asked);
	if (!answer || app->json || off)
		return done(app, answer, "is asked for the password only");
	printf("%.*s\n", STR_ARG(json_get_str(answer, S("uri"))));
	fprintf(stderr, "Put this into an authenticator app now: it is not shown again.\n");
	return APP_OK;
}
