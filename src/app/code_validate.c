/* `firth code validate`: is this a code of its system, and is it in that value set? */
#include "app/code_priv.h"

static void print(struct app *app, const struct json *list, struct buf *out)
{
	bool valid = json_bool(json_get(parameter_find(list, S("result")), S("valueBoolean")));
	struct str message = parameter_text_of(parameter_find(list, S("message")));
	struct str display = parameter_text_of(parameter_find(list, S("display")));
	buf_printf(out, "%s%s%s", app_style(app, valid ? STYLE_GOOD : STYLE_BAD), valid ? "valid" : "not valid",
		   app_style(app, STYLE_PLAIN));
	if (message.n) {
		buf_add(out, S(": "));
		code_put_line(out, message);
	} else if (display.n) {
		buf_add(out, S(": "));
		code_put_line(out, display);
	}
	buf_char(out, '\n');
}

int command_code_validate(struct app *app)
{
	struct code_world w = {0};
	struct str value_set = STR_NULL, display = STR_NULL;
	struct coding coding;
	struct error err = {0};
	struct buf answer;
	const struct option options[] = {
		{"value-set", OPTION_TEXT, "URL|FILE", "whether it is in this value set", &value_set, NULL},
		{"display", OPTION_TEXT, "TEXT", "whether the code has this display", &display, NULL},
		CODE_WORLD_OPTIONS(w)};
	const struct command_line line = {
		OPTIONS(options), .arguments = "[SYSTEM|]CODE", .min_args = 1, .max_args = 1,
		.details =
			"Without a system the code is looked for in all systems of the value set. Status 0 when it is "
			"valid,\n1 when it is not or when that cannot be decided with what is at hand."};
	if (!app_options(app, &line))
		return app->status;
	if (!code_parse(app->args[0], &coding) || (!coding.system.n && !value_set.n))
		return app_misuse(app, "name the code as SYSTEM|CODE, or a value set");
	coding.display = display;
	buf_init(&answer, 1 << 20);
	bool ok = code_world_open(app, &w, &err) &&
		  (!value_set.n || code_value_set(app, &w, value_set, &value_set, &err));
	int status = ok ? APP_OK : app_fail(app, &err);
	if (ok) {
		terminology_validate_code(w.terminology, &app->arena, value_set, &coding, !coding.system.n, &answer);
		bool valid = code_result(app, &answer);
		status = code_answer(app, &answer, print);
		status = status == APP_OK && !valid ? APP_FAILED : status;
	}
	code_world_close(&w);
	return status;
}
