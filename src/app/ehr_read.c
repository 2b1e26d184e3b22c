/* firth ehr read EHR WHAT: one look into an EHR, with the login there or as a backend service. */
#include <stdio.h>

#include "app/login.h"

static int read_one(struct login_command *c, struct str type, struct str id)
{
	struct ehr_resource r;
	struct ehr_failure failure = {0};
	struct buf out;
	if (!ehr_read(c->client, &c->app->arena, type, id, &r, &failure))
		return app_fail(c->app, &failure.error);
	buf_init(&out, (size_t)256 << 20);
	if (c->app->json)
		buf_add(&out, r.body);
	else
		json_pretty(&out, r.resource);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(c->app, buf_str(&out));
	buf_done(&out);
	return ok ? APP_OK : APP_FAILED;
}

static int search(struct login_command *c, struct str type, struct str query)
{
	struct ehr_matches m;
	struct ehr_failure failure = {0};
	if (!ehr_search(c->client, &c->app->arena, type, query, &m, &failure))
		return app_fail(c->app, &failure.error);
	for (size_t i = 0; i < m.count; i++)
		if (!app_write(c->app, m.items[i].body) || !app_write(c->app, S("\n")))
			return APP_FAILED;
	fprintf(stderr, "%zu found on %zu pages%s%.*s\n", m.count, m.pages, m.warning.p ? "; " : "",
		STR_ARG(m.warning.p ? m.warning : S("")));
	return APP_OK;
}

int command_ehr_read(struct app *app)
{
	struct login_command c = {0};
	const char *details =
		"WHAT is Type/id for one resource, or Type?query for a search, whose resources come one a line.";
	if (!login_command_begin(&c, app, NULL, 0, 2, "EHR WHAT", details))
		return app->status;
	struct str what = app->args[1];
	size_t slash = str_find_char(what, '/', 0), mark = str_find_char(what, '?', 0);
	struct str type = str_slice(what, 0, slash < mark ? slash : mark);
	int status;
	if (!definitions_resource(definitions_builtin(), type))
		status = app_misuse(app, "'%.*s' is no resource type of R4", STR_ARG(str_slice(type, 0, 40)));
	else if (mark != STR_NONE && mark < slash)
		status = search(&c, type, str_slice(what, mark + 1, what.n));
	else if (slash != STR_NONE && slash + 1 < what.n && mark == STR_NONE)
		status = read_one(&c, type, str_slice(what, slash + 1, what.n));
	else
		status = app_misuse(app, "say Type/id or Type?query");
	login_command_end(&c);
	return status;
}
