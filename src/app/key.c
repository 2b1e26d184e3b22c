/* firth key list and rotate: the keys that this server signs id_tokens with. */
#include <stdio.h>

#include "app/expiry.h"
#include "app/govern.h"

static int print_keys(const struct app *app, const struct json *answer)
{
	if (app->json)
		return govern_print(app, answer) ? APP_OK : APP_FAILED;
	size_t old = 0;
	for (struct json_iter it = json_iter(json_get(answer, S("keys"))); json_next(&it);) {
		const struct json *k = it.value;
		struct str from = json_get_str(k, S("signs_from"));
		bool signing = json_bool(json_get(k, S("signing"))), published = json_bool(json_get(k, S("published")));
		const char *state = signing ? "signs" : published ? "in overlap" : "withdrawn";
		struct str until = json_get_str(k, S("published_until"));
		printf("%-44.*s %-6.*s %s%-10s%s  %s%.*s%s%.*s\n", STR_ARG(json_get_str(k, S("kid"))),
		       STR_ARG(json_get_str(k, S("algorithm"))), app_style(app, signing ? STYLE_GOOD : STYLE_DIM),
		       state, app_style(app, STYLE_PLAIN), from.n ? "signs from " : "", STR_ARG(from),
		       until.n ? ", published until " : "", STR_ARG(until));
		if (json_bool(json_get(k, S("old"))))
			old++;
	}
	if (!json_size(json_get(answer, S("keys"))))
		puts("no keys yet: they are made when the server first needs them");
	if (old)
		printf("%swarning%s: %zu of them sign for longer than %d days: firth key rotate makes new ones\n",
		       app_style(app, STYLE_WARN), app_style(app, STYLE_PLAIN), old, EXPIRY_KEY_DAYS);
	return APP_OK;
}

static int run(struct app *app, const char *action, const char *details)
{
	struct govern_command c = {0};
	struct buf command;
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {GOVERN_OPTIONS(c)};
	if (!app_options(app, &(struct command_line){OPTIONS(options), .details = details}) || !govern_finish(app, &c))
		return app->status;
	govern_begin(&command, (size_t)4 << 20, action);
	const struct json *answer = govern_send(app, &c, &command);
	return answer ? print_keys(app, answer) : app->status;
}

int command_key_list(struct app *app)
{
	return run(app, "key.list", NULL);
}

int command_key_rotate(struct app *app)
{
	return run(
		app, "key.rotate",
		"New keys are published at once and sign ten minutes later, so that nobody meets a signature of a key\n"
		"that they could not know yet. The old ones stay published for a day.");
}
