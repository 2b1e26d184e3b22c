/* `firth unit list [WORD]`: the units of UCUM, all or those in whose code, name, symbol or property the word is. */
#include "app/unit.h"

static bool holds_nocase(struct str text, struct str word)
{
	for (size_t i = 0; i + word.n <= text.n; i++)
		if (str_eq_nocase(str_slice(text, i, i + word.n), word))
			return true;
	return false;
}

static bool matches(const struct unit_info *info, struct str word)
{
	return word.n == 0 || holds_nocase(info->code, word) || holds_nocase(info->name, word) ||
	       holds_nocase(info->symbol, word) || holds_nocase(info->property, word);
}

static void add_column(struct buf *out, struct str text, size_t width)
{
	buf_add(out, text);
	for (size_t n = text.n; n < width; n++)
		buf_char(out, ' ');
	buf_add(out, S("  "));
}

static void print_row(const struct app *app, struct buf *out, const struct unit_info *info)
{
	enum { CODE_WIDTH = 17, NAME_WIDTH = 38, PROPERTY_WIDTH = 26 };
	buf_add(out, str_from(app_style(app, STYLE_BOLD)));
	add_column(out, info->code, CODE_WIDTH);
	buf_add(out, str_from(app_style(app, STYLE_PLAIN)));
	add_column(out, info->name, NAME_WIDTH);
	add_column(out, info->property, PROPERTY_WIDTH);
	if (info->base)
		buf_add(out, S("base unit"));
	else if (info->arbitrary)
		buf_add(out, S("arbitrary"));
	else
		buf_printf(out, "%.*s%s%.*s", STR_ARG(info->value), info->value.n ? " " : "",
			   STR_ARG(info->definition));
	buf_char(out, '\n');
}

int command_unit_list(struct app *app)
{
	const struct command_line line = {
		.arguments = "[WORD]",
		.max_args = 1,
		.details =
			"The columns are code, name, property and definition. Metric units take prefixes as well.\n\n"
			"  firth unit list pressure\n\n"
			"UCUM is copyright Regenstrief Institute, Inc.; see https://unitsofmeasure.org/license.",
	};
	struct buf out;
	size_t found = 0;
	if (!app_options(app, &line))
		return app->status;
	struct str word = app->arg_count ? str_trim(app->args[0]) : S("");
	buf_init(&out, 4 << 20);
	struct json_writer w = json_writer(&out);
	if (app->json)
		json_array_begin(&w);
	for (size_t i = 0; i < unit_count(); i++) {
		struct unit_info info = unit_info_at(i);
		if (!matches(&info, word))
			continue;
		found++;
		if (app->json) {
			json_object_begin(&w);
			app_unit_members(&w, &info);
			json_object_end(&w);
		} else {
			print_row(app, &out, &info);
		}
	}
	if (app->json) {
		json_array_end(&w);
		buf_char(&out, '\n');
	}
	struct error err = {0};
	if (!found && !app->json)
		error_set(&err, ERR_NOT_FOUND, "no unit has \"%.*s\" in its code, name or property",
			  STR_ARG(str_slice(word, 0, 60)));
	bool written = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return err.code ? app_fail(app, &err) : written ? APP_OK : APP_FAILED;
}
