/* `firth code subsumes`: is one code a kind of the other? */
#include "app/code_priv.h"

static void print(struct app *app, const struct json *list, struct buf *out)
{
	code_put_line(out, parameter_text_of(parameter_find(list, S("outcome"))));
	buf_char(out, '\n');
	(void)app;
}

int command_code_subsumes(struct app *app)
{
	struct code_world w = {0};
	struct str version = STR_NULL;
	struct error err = {0};
	struct buf answer;
	const struct option options[] = {{"version", OPTION_TEXT, "VERSION", "of the code system", &version, NULL},
					 CODE_WORLD_OPTIONS(w)};
	const struct command_line line = {
		OPTIONS(options), .arguments = "SYSTEM A B", .min_args = 3, .max_args = 3,
		.details =
			"Prints equivalent, subsumes (A is the wider one), subsumed-by or not-subsumed. Status 1 when "
			"that\ncannot be told."};
	if (!app_options(app, &line))
		return app->status;
	buf_init(&answer, 1 << 20);
	bool ok = code_world_open(app, &w, &err) &&
		  terminology_subsumes_write(w.terminology, code_system_name(app->args[0]), version, app->args[1],
					     app->args[2], &answer, &err);
	int status = ok ? code_answer(app, &answer, print) : app_fail(app, &err);
	if (!ok)
		buf_done(&answer);
	code_world_close(&w);
	return status;
}
