/* firth grant list, show and revoke: what users have allowed apps to do, and the end of it. */
#include <stdio.h>

#include "app/expiry.h"
#include "app/govern.h"

static void put_member(struct json_writer *w, const char *name, struct str text)
{
	if (text.n)
		json_put_member(w, str_from(name), text);
}

struct asked {
	struct str user, client, grant;
};

/* The answer to a command, or NULL with app->status. */
static const struct json *ask(struct app *app, const struct govern_command *c, const char *action,
			      const struct asked *asked)
{
	struct buf command;
	struct json_writer w = govern_begin(&command, 64 * 1024, action);
	put_member(&w, "user", asked->user);
	put_member(&w, "client", asked->client);
	put_member(&w, "grant", asked->grant);
	return govern_send(app, c, &command);
}

static void print_line(const char *name, struct str text)
{
	if (text.n)
		printf("  %-12s %.*s\n", name, STR_ARG(text));
}

static void print_grant(const struct app *app, const struct json *g)
{
	static const struct {
		const char *name, *key;
	} lines[] = {{"client", "client"},   {"user", "user"},		 {"who is", "fhir_user"},
		     {"patient", "patient"}, {"encounter", "encounter"}, {"scopes", "scopes"},
		     {"given", "issued"},    {"last used", "used"},	 {"ends", "expires"}};
	printf("%s%.*s%s%s\n", app_style(app, STYLE_BOLD), STR_ARG(json_get_str(g, S("id"))),
	       app_style(app, STYLE_PLAIN),
	       json_bool(json_get(g, S("offline"))) ? "  also while the user is away" : "");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		print_line(lines[i].name, json_get_str(g, str_from(lines[i].key)));
}

static int print_grants(const struct app *app, const struct json *answer)
{
	if (app->json)
		return govern_print(app, answer) ? APP_OK : APP_FAILED;
	const struct json *grants = json_get(answer, S("grants"));
	size_t soon = 0;
	for (struct json_iter it = json_iter(grants); json_next(&it);) {
		print_grant(app, it.value);
		soon += json_bool(json_get(it.value, S("ends_soon")));
	}
	if (!json_size(grants))
		puts("nobody has allowed anything");
	if (soon)
		printf("%swarning%s: %zu of them end within %d days unless they are used\n", app_style(app, STYLE_WARN),
		       app_style(app, STYLE_PLAIN), soon, EXPIRY_GRANT_DAYS);
	return APP_OK;
}

int command_grant_list(struct app *app)
{
	struct govern_command c = {0};
	struct asked asked = {0};
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {
		GOVERN_OPTIONS(c),
		{"user", OPTION_TEXT, "NAME", "only what this user allowed", &asked.user},
		{"client", OPTION_TEXT, "ID", "only what was allowed to this client", &asked.client},
	};
	if (!app_options(app, &(struct command_line){OPTIONS(options)}) || !govern_finish(app, &c))
		return app->status;
	const struct json *answer = ask(app, &c, "grant.list", &asked);
	return answer ? print_grants(app, answer) : app->status;
}

int command_grant_show(struct app *app)
{
	struct govern_command c = {0};
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {GOVERN_OPTIONS(c)};
	const struct command_line line = {OPTIONS(options), .arguments = "GRANT", .min_args = 1, .max_args = 1};
	if (!app_options(app, &line) || !govern_finish(app, &c))
		return app->status;
	const struct json *answer = ask(app, &c, "grant.list", &(struct asked){.grant = app->args[0]});
	return answer ? print_grants(app, answer) : app->status;
}

int command_grant_revoke(struct app *app)
{
	struct govern_command c = {0};
	struct asked asked = {0};
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {
		GOVERN_OPTIONS(c),
		{"user", OPTION_TEXT, "NAME", "all that this user allowed", &asked.user},
		{"client", OPTION_TEXT, "ID", "all that was allowed to this client", &asked.client},
	};
	const struct command_line line = {
		OPTIONS(options), .arguments = "[GRANT]", .max_args = 1,
		.details = "Tokens end at once, on every server of the store. With --user and --client: what is both."};
	if (!app_options(app, &line) || !govern_finish(app, &c))
		return app->status;
	asked.grant = app->arg_count ? app->args[0] : STR_NULL;
	if (!asked.grant.n == !(asked.user.n || asked.client.n))
		return app_misuse(app, "name either a grant, or --user or --client");
	const struct json *answer = ask(app, &c, "grant.revoke", &asked);
	if (!answer)
		return app->status;
	if (app->json)
		return govern_print(app, answer) ? APP_OK : APP_FAILED;
	struct str count = json_number(json_get(answer, S("revoked")));
	printf("revoked: %.*s\n", STR_ARG(count));
	return APP_OK;
}
