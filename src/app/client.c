/* firth client list, show and export: who may ask for tokens, and what of it ends when. */
#include "app/client.h"

#include <stdio.h>

#include "base/clock.h"

enum { COLUMN = 14 };

/* ---- shared -------------------------------------------------------------------------------------------------------
 */

struct json_writer client_begin(struct buf *command, const char *action, struct str id)
{
	struct json_writer w = govern_begin(command, (size_t)4 << 20, action);
	if (id.n)
		json_put_member(&w, S("client"), id);
	return w;
}

static bool digits(struct str text, size_t from, size_t to, uint64_t *ret_value)
{
	return str_to_u64(str_slice(text, from, to), ret_value);
}

bool client_time_parse(struct str text, int64_t now_ms, int64_t *ret_ms, struct error *err)
{
	const int64_t day_ms = (int64_t)24 * 60 * 60 * 1000;
	uint64_t year, month, day;
	if (str_is(text, "never")) {
		*ret_ms = 0;
		return true;
	}
	if (str_ends(text, S("d")) && digits(text, 0, text.n - 1, &day) && day > 0 && day <= 36500) {
		*ret_ms = now_ms + (int64_t)day * day_ms;
		return true;
	}
	if (text.n == 10 && text.p[4] == '-' && text.p[7] == '-' && digits(text, 0, 4, &year) &&
	    digits(text, 5, 7, &month) && digits(text, 8, 10, &day) && year >= 1970 && month >= 1 && month <= 12 &&
	    day >= 1 && day <= (uint64_t)clock_days_in_month((int)year, (int)month)) {
		*ret_ms = clock_days_from_date((int)year, (int)month, (int)day) * day_ms;
		return true;
	}
	return error_set(err, ERR_USAGE, "'%.*s' is no time: write 2027-01-31, 90d or never",
			 STR_ARG(str_slice(text, 0, 40)));
}

/* ---- looks --------------------------------------------------------------------------------------------------------
 */

static void print_line(const char *name, struct str text)
{
	if (text.n)
		printf("  %-*s%.*s\n", COLUMN, name, STR_ARG(text));
}

static void print_list(const char *name, const struct json *list)
{
	for (struct json_iter it = json_iter(list); json_next(&it); name = "")
		printf("  %-*s%.*s\n", COLUMN, name, STR_ARG(json_str(it.value)));
}

static enum style style_of(struct str state)
{
	return str_is(state, "enabled") ? STYLE_GOOD : STYLE_BAD;
}

static void print_warnings(const struct app *app, const struct json *client)
{
	for (struct json_iter it = json_iter(json_get(client, S("warnings"))); json_next(&it);)
		printf("  %s%.*s%s\n", app_style(app, STYLE_WARN), STR_ARG(json_str(it.value)),
		       app_style(app, STYLE_PLAIN));
}

void client_print(const struct app *app, const struct json *c)
{
	const struct json *m = json_get(c, S("metadata"));
	struct str state = json_get_str(c, S("state"));
	printf("%s%.*s%s  %s%.*s%s\n", app_style(app, STYLE_BOLD), STR_ARG(json_get_str(c, S("client"))),
	       app_style(app, STYLE_PLAIN), app_style(app, style_of(state)), STR_ARG(state),
	       app_style(app, STYLE_PLAIN));
	print_line("name", json_get_str(c, S("name")));
	print_line("from", json_get_str(c, S("source")));
	print_line("proves itself", json_get_str(c, S("auth")));
	print_line("scope", json_get_str(m, S("scope")));
	print_list("redirect to", json_get(m, S("redirect_uris")));
	print_list("grant types", json_get(m, S("grant_types")));
	print_line("launch at", json_get_str(m, S("launch_url")));
	print_line("keys at", json_get_str(m, S("jwks_uri")));
	for (struct json_iter it = json_iter(json_get(json_get(m, S("jwks")), S("keys"))); json_next(&it);)
		print_line("key", json_get_str(it.value, S("kid")));
	print_line("registered", json_get_str(c, S("registered")));
	print_line("expires", json_get_str(c, S("expires")));
	print_line("secret until", json_get_str(c, S("secret_expires")));
	print_line("old secret", json_get_str(c, S("secret_before_works_until")));
	print_warnings(app, c);
}

void client_print_secret(const struct app *app, struct str secret)
{
	if (!secret.n)
		return;
	printf("\n  %ssecret        %.*s%s\n  Keep it now: Firth keeps its digest only and cannot show it again.\n",
	       app_style(app, STYLE_BOLD), STR_ARG(secret), app_style(app, STYLE_PLAIN));
}

static void print_table(const struct app *app, const struct json *clients)
{
	if (!json_size(clients)) {
		puts("no clients: firth client add makes one");
		return;
	}
	printf("%-28s %-10s %-20s %-21s %s\n", "CLIENT", "STATE", "PROVES ITSELF BY", "EXPIRES", "NAME");
	for (struct json_iter it = json_iter(clients); json_next(&it);) {
		const struct json *c = it.value;
		struct str state = json_get_str(c, S("state")), expires = json_get_str(c, S("expires"));
		struct str secret = json_get_str(c, S("secret_expires"));
		if (secret.n && (!expires.n || str_cmp(secret, expires) < 0))
			expires = secret;
		printf("%-28.*s %s%-10.*s%s %-20.*s %-21.*s %.*s\n", STR_ARG(json_get_str(c, S("client"))),
		       app_style(app, style_of(state)), STR_ARG(state), app_style(app, STYLE_PLAIN),
		       STR_ARG(json_get_str(c, S("auth"))), STR_ARG(expires.n ? expires : S("never")),
		       STR_ARG(json_get_str(c, S("name"))));
	}
	for (struct json_iter it = json_iter(clients); json_next(&it);)
		print_warnings(app, it.value);
}

/* ---- commands ------------------------------------------------------------------------------------------------------
 */

int command_client_list(struct app *app)
{
	struct govern_command c = {0};
	struct buf command;
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {GOVERN_OPTIONS(c)};
	if (!app_options(app, &(struct command_line){OPTIONS(options)}) || !govern_finish(app, &c))
		return app->status;
	client_begin(&command, "client.list", STR_NULL);
	const struct json *answer = govern_send(app, &c, &command);
	if (!answer)
		return app->status;
	if (app->json)
		return govern_print(app, answer) ? APP_OK : APP_FAILED;
	print_table(app, json_get(answer, S("clients")));
	return APP_OK;
}

int command_client_show(struct app *app)
{
	struct govern_command c = {0};
	struct buf command;
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {GOVERN_OPTIONS(c)};
	const struct command_line line = {OPTIONS(options), .arguments = "CLIENT", .min_args = 1, .max_args = 1};
	if (!app_options(app, &line) || !govern_finish(app, &c))
		return app->status;
	client_begin(&command, "client.show", app->args[0]);
	const struct json *answer = govern_send(app, &c, &command);
	if (!answer)
		return app->status;
	if (app->json)
		return govern_print(app, answer) ? APP_OK : APP_FAILED;
	client_print(app, json_get(answer, S("client")));
	return APP_OK;
}

/* Always JSON: every client with its metadata, and no secret. */
int command_client_export(struct app *app)
{
	struct govern_command c = {0};
	struct buf command;
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {GOVERN_OPTIONS(c)};
	const struct command_line line = {
		OPTIONS(options),
		.details = "One JSON document with every client, its state, its dates and its metadata by the names of "
			   "RFC 7591.\nSecrets are not in it: nobody has them. What metadata holds is what client add "
			   "--metadata reads."};
	if (!app_options(app, &line) || !govern_finish(app, &c))
		return app->status;
	client_begin(&command, "client.export", STR_NULL);
	const struct json *answer = govern_send(app, &c, &command);
	return !answer ? app->status : govern_print(app, answer) ? APP_OK : APP_FAILED;
}
