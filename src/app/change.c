/*
 * firth delete EHR TYPE/ID, and firth patch EHR TYPE/ID PATCH (which command_patch() hands on): one resource changed at
 * an EHR by the protocol of firth write.
 */
#include "app/change.h"

#include <stdio.h>
#include <unistd.h>

#include "app/ehr.h"
#include "app/login.h"
#include "app/patch.h"
#include "base/clock.h"
#include "base/file.h"

enum { PATCH_MAX = 16 << 20 };

struct changing {
	struct login_command c;
	struct app *app;
	bool preview, exact, unchecked;
	struct str type, id;
	struct writing_options options;
	struct writing_plan plan;
};

/* What the site itself says of the type, when the vendor's table says no. */
static unsigned site_allows(struct changing *g, enum writing_op op)
{
	struct ehr_failure failure = {0};
	const struct json *statement = NULL;
	if (g->unchecked || (writing_allowed(g->c.ehr->vendor, g->type) & op))
		return 0;
	if (!ehr_capabilities(g->c.client, &g->app->arena, &statement, &failure))
		fprintf(stderr, "note: %s\n", failure.error.text);
	return writing_stated(statement, g->type);
}

static void set_options(struct changing *g, enum writing_op op)
{
	g->options = (struct writing_options){.definitions = definitions_builtin(),
					      .vendor = g->c.ehr->vendor,
					      .ehr = g->c.ehr->name,
					      .site = site_allows(g, op),
					      .exact = g->exact,
					      .unchecked = g->unchecked};
}

static bool plan_delete(struct changing *g, struct error *err)
{
	set_options(g, WRITING_DELETE);
	return writing_plan_delete(&g->options, &g->app->arena, g->type, g->id, &g->plan, err);
}

static bool plan_patch(struct changing *g, struct error *err)
{
	struct ehr_resource shown;
	struct ehr_failure failure = {0};
	struct arena *a = &g->app->arena;
	struct str text, path = g->app->args[2];
	if (!file_read(a, str_is(path, "-") ? S("/dev/stdin") : path, PATCH_MAX, &text, err))
		return false;
	set_options(g, WRITING_PATCH);
	if (ehr_read(g->c.client, a, g->type, g->id, &shown, &failure))
		return writing_plan_patch(&g->options, a, shown.resource, str_trim(text), &g->plan, err);
	*err = failure.error;
	return false;
}

static int send_all(struct changing *g, struct json_writer *w)
{
	struct app *app = g->app;
	struct error err = {0};
	bool good = g->plan.count > 0;
	for (size_t i = 0; i < g->plan.count && good; i++) {
		struct writing_outcome o;
		if (!writing_send(g->c.client, g->c.place.store, definitions_builtin(), &app->arena, &g->plan.steps[i],
				  clock_now_ms(), &o, &err))
			return app_fail(app, &err);
		good = o.result <= WRITING_UNCHANGED && !o.differences.surprising;
		if (app->json)
			change_write_outcome(w, &g->plan.steps[i], &o);
		else
			change_print_outcome(app, &g->plan.steps[i], &o);
	}
	return good ? APP_OK : APP_FAILED;
}

static int carry_out(struct changing *g)
{
	struct app *app = g->app;
	struct buf out;
	int status = g->plan.count ? APP_OK : APP_FAILED;
	if (!app->json) {
		change_print_plan(app, g->type, &g->plan);
		return g->preview ? status : send_all(g, NULL);
	}
	buf_init(&out, (size_t)256 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	change_write_plan(&w, g->type, &g->plan, g->preview);
	if (!g->preview) {
		json_key(&w, S("outcomes"));
		json_array_begin(&w);
		status = send_all(g, &w);
		json_array_end(&w);
	}
	json_object_end(&w);
	buf_char(&out, '\n');
	if (!buf_ok(&out) || !app_write(app, buf_str(&out)))
		status = APP_FAILED;
	buf_done(&out);
	return status;
}

static int work(struct changing *g, bool (*plan)(struct changing *g, struct error *err))
{
	struct error err = {0};
	if (!ehr_instance_parse(g->app, g->app->args[1], &g->type, &g->id))
		return g->app->status;
	if (!g->c.place.store && !g->preview)
		error_set(&err, ERR_BUSY, "writes need the ledger in the store, which another process has open");
	else if (plan(g, &err))
		return carry_out(g);
	return app_fail(g->app, &err);
}

int command_delete(struct app *app)
{
	struct changing g = {.app = app};
	const struct option options[] = {
		{"preview", OPTION_FLAG, NULL, "say what would be sent, and send nothing", &g.preview, NULL},
		{"unchecked", OPTION_FLAG, NULL, "send it, whatever the vendor is known to allow", &g.unchecked, NULL},
	};
	if (!login_command_begin(&g.c, app, options, sizeof(options) / sizeof(options[0]), 2, "EHR TYPE/ID",
				 "What stood there is kept in the ledger (firth write log). Most types cannot be "
				 "deleted by clients: then nothing\nis sent, and the reason is told."))
		return app->status;
	int status = work(&g, plan_delete);
	login_command_end(&g.c);
	return status;
}

bool patch_is_of_ehr(const struct app *app)
{
	for (int i = 0; i < app->argc; i++) {
		struct str word = str_from(app->argv[i]), rest = word;
		struct str type = str_split(&rest, '/');
		if (rest.n && definitions_resource(definitions_builtin(), type) && access(app->argv[i], F_OK) != 0)
			return true;
	}
	return false;
}

int patch_at_ehr(struct app *app)
{
	struct changing g = {.app = app};
	const struct option options[] = {
		{"preview", OPTION_FLAG, NULL, "say what would be sent, and send nothing", &g.preview, NULL},
		{"exact", OPTION_FLAG, NULL, "as a patch or not at all, never as an update of the whole", &g.exact,
		 NULL},
		{"unchecked", OPTION_FLAG, NULL, "send it as it is, without looking at the vendor's rules",
		 &g.unchecked, NULL},
	};
	if (!login_command_begin(
		    &g.c, app, options, sizeof(options) / sizeof(options[0]), 3, "EHR TYPE/ID PATCH",
		    "PATCH is a JSON Patch (RFC 6902), or - for standard input. It is applied here first, "
		    "so that it is known to\nfit, and sent with the version that was read. Where the vendor "
		    "takes no patches but updates, the whole\npatched resource is sent, and that is told."))
		return app->status;
	int status = work(&g, plan_patch);
	login_command_end(&g.c);
	return status;
}
