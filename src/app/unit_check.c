/*
 * `firth unit check UNIT...`: whether codes are valid UCUM, where they are wrong and what was probably meant. With -
 * the codes come from standard input, one a line, so that a column of a spreadsheet can be checked.
 */
#include <stdio.h>
#include <unistd.h>

#include "app/unit.h"
#include "base/file.h"

enum { INPUT_MAX = 64 << 20 };

struct tally {
	size_t valid, invalid;
};

static void write_name(struct str code, struct json_writer *w)
{
	struct buf name;
	buf_init(&name, 1 << 14);
	if (unit_write_name(&name, code, NULL))
		json_put_member(w, S("name"), buf_str(&name));
	buf_done(&name);
}

static void check_json(struct json_writer *w, struct str code, bool valid, const struct error *err)
{
	json_object_begin(w);
	json_put_member(w, S("unit"), code);
	json_key(w, S("valid"));
	json_put_bool(w, valid);
	if (valid) {
		write_name(code, w);
	} else {
		struct buf near;
		buf_init(&near, UNIT_MAX_TEXT);
		json_put_member(w, S("problem"), str_from(err->text));
		json_key(w, S("position"));
		json_put_i64(w, (int64_t)err->column);
		if (unit_suggest(code, &near))
			json_put_member(w, S("suggestion"), buf_str(&near));
		buf_done(&near);
	}
	json_object_end(w);
}

static void check_text(const struct app *app, struct buf *out, struct str code, bool valid, const struct error *err)
{
	if (valid) {
		buf_printf(out, "%.*s: %svalid%s, ", STR_ARG(code), app_style(app, STYLE_GOOD),
			   app_style(app, STYLE_PLAIN));
		if (!unit_write_name(out, code, NULL))
			return;
	} else {
		buf_printf(out, "%.*s: %snot valid%s, ", STR_ARG(code), app_style(app, STYLE_BAD),
			   app_style(app, STYLE_PLAIN));
		if (err->column)
			buf_printf(out, "at character %zu: ", err->column);
		buf_add(out, str_from(err->text));
	}
	buf_char(out, '\n');
}

static void check_one(const struct app *app, struct buf *out, struct json_writer *w, struct str code,
		      struct tally *tally)
{
	struct error err = {0};
	bool valid = unit_check(code, &err);
	if (app->json)
		check_json(w, code, valid, &err);
	else
		check_text(app, out, code, valid, &err);
	tally->valid += valid;
	tally->invalid += !valid;
}

static bool check_input(struct app *app, struct buf *out, struct json_writer *w, struct tally *tally, struct error *err)
{
	struct str rest;
	if (!file_read(&app->arena, S("/dev/stdin"), INPUT_MAX, &rest, err))
		return false;
	while (rest.p) {
		struct str code = str_split(&rest, '\n');
		if (str_ends(code, S("\r")))
			code.n--;
		if (code.n || rest.p)
			check_one(app, out, w, code, tally);
	}
	return true;
}

int command_unit_check(struct app *app)
{
	const struct command_line line = {
		.arguments = "UNIT...",
		.min_args = 1,
		.max_args = 10000,
		.details = "UNIT is a UCUM code, or - for codes on standard input, one a line. The exit status is 1 "
			   "when one\n"
			   "is not valid.\n\n"
			   "  firth unit check mg/dL MG/DL\n"
			   "  cut -f3 results.tsv | sort -u | firth unit check -",
	};
	struct tally tally = {0};
	struct error err = {0};
	struct buf out;
	if (!app_options(app, &line))
		return app->status;
	buf_init(&out, (size_t)512 << 20);
	struct json_writer w = json_writer(&out);
	if (app->json)
		json_array_begin(&w);
	for (size_t i = 0; i < app->arg_count; i++) {
		if (!str_is(app->args[i], "-")) {
			check_one(app, &out, &w, app->args[i], &tally);
		} else if (!check_input(app, &out, &w, &tally, &err)) {
			buf_done(&out);
			return app_fail(app, &err);
		}
	}
	if (app->json) {
		json_array_end(&w);
		buf_char(&out, '\n');
	}
	bool written = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return written && !tally.invalid ? APP_OK : APP_FAILED;
}
