/* firth write log EHR: what was written there, newest first, and how each can be taken back. */
#include <stdio.h>

#include "app/login.h"
#include "base/clock.h"
#include "population/writing.h"

static void print_table(struct app *app, const struct writing_record *r, size_t count)
{
	printf("%s%-20s  %-6s  %-40s  %s%s\n", app_style(app, STYLE_BOLD), "WHEN", "WHAT", "RESOURCE",
	       "TO TAKE IT BACK", app_style(app, STYLE_PLAIN));
	for (size_t i = 0; i < count; i++) {
		char instant[CLOCK_INSTANT_SIZE];
		clock_format_instant(r[i].at_ms, instant);
		struct str name = arena_printf(&app->arena, "%.*s/%.*s", STR_ARG(r[i].type),
					       STR_ARG(r[i].id.n ? r[i].id : S("?")));
		printf("%.19sZ  %-6.*s  %-40.*s  %.*s%s\n", instant, STR_ARG(r[i].op), STR_ARG(name),
		       STR_ARG(r[i].undo), r[i].answered ? "" : "  (not answered: write it again to find out)");
	}
}

static bool write_json(const struct app *app, const struct writing_record *r, size_t count)
{
	struct buf out;
	buf_init(&out, (size_t)1 << 30);
	for (size_t i = 0; i < count; i++) {
		char instant[CLOCK_INSTANT_SIZE];
		clock_format_instant(r[i].at_ms, instant);
		struct json_writer w = json_writer(&out);
		json_object_begin(&w);
		json_put_member(&w, S("at"), str_make(instant, sizeof(instant)));
		json_put_member(&w, S("op"), r[i].op);
		json_put_member(&w, S("type"), r[i].type);
		json_put_member(&w, S("id"), r[i].id);
		json_put_member(&w, S("version"), r[i].version);
		json_key(&w, S("answered"));
		json_put_bool(&w, r[i].answered);
		json_put_member(&w, S("undo"), r[i].undo);
		if (r[i].former.n) {
			json_key(&w, S("former"));
			json_put_raw(&w, r[i].former);
		}
		json_object_end(&w);
		buf_char(&out, '\n');
	}
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok;
}

int command_write_log(struct app *app)
{
	struct login_command c = {0};
	struct writing_record *records;
	struct error err = {0};
	size_t count;
	bool ok;
	const char *details =
		"With --format json each write is a line, with the content that stood there before an update:\n"
		"firth write --any-version puts it back.";
	if (!login_command_begin(&c, app, NULL, 0, 1, "EHR", details))
		return app->status;
	if (!c.place.store)
		ok = error_set(&err, ERR_BUSY, "the ledger is in the store, which another process has open");
	else
		ok = writing_log(c.place.store, &app->arena, c.ehr->name, &records, &count, &err);
	int status = !ok ? app_fail(app, &err) : APP_OK;
	if (ok && app->json)
		status = write_json(app, records, count) ? APP_OK : APP_FAILED;
	else if (ok)
		print_table(app, records, count);
	login_command_end(&c);
	return status;
}
