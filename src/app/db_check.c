/* firth db check: is the store what it should be? Works beside a running server. */
#include <inttypes.h>
#include <stdio.h>

#include "app/db.h"
#include "base/buf.h"
#include "json/json.h"

enum { MOST_SHOWN = 1000 };

struct listing {
	struct db_work *w;
	struct buf out; /* JSON */
	struct json_writer json;
	int64_t shown;
};

static void show(void *ctx, const struct store_finding *f)
{
	struct listing *l = ctx;
	if (l->shown++ >= MOST_SHOWN)
		return;
	if (l->w->app->json) {
		json_object_begin(&l->json);
		json_put_member(&l->json, S("where"), f->where);
		json_put_member(&l->json, S("what"), f->what);
		json_object_end(&l->json);
		return;
	}
	progress_clear(&l->w->progress);
	printf("%s%.*s%s %.*s\n", app_style(l->w->app, STYLE_BAD), STR_ARG(f->where), app_style(l->w->app, STYLE_PLAIN),
	       STR_ARG(f->what));
}

static void begin_json(struct listing *l)
{
	buf_init(&l->out, (size_t)1 << 28);
	l->json = json_writer(&l->out);
	json_object_begin(&l->json);
	json_key(&l->json, S("findings"));
	json_array_begin(&l->json);
}

static bool end_json(struct listing *l, const struct store_kept *kept)
{
	const struct db_figure figures[] = {{"finding_count", kept->findings}, {"resources", kept->resources},
					    {"versions", kept->versions},      {"index_rows", kept->rows},
					    {"audit_rows", kept->audit_rows},  {"facts", kept->facts}};
	json_array_end(&l->json);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		json_key(&l->json, str_from(figures[i].key));
		json_put_i64(&l->json, figures[i].value);
	}
	json_object_end(&l->json);
	buf_char(&l->out, '\n');
	return buf_ok(&l->out) && app_write(l->w->app, buf_str(&l->out));
}

static void say(const struct app *app, const struct store_kept *k)
{
	if (k->findings > MOST_SHOWN)
		printf("and %" PRId64 " more\n", k->findings - MOST_SHOWN);
	if (k->findings)
		printf("%s%" PRId64 " finding%s%s", app_style(app, STYLE_BAD), k->findings, k->findings == 1 ? "" : "s",
		       app_style(app, STYLE_PLAIN));
	else
		printf("%sall is as it should be%s", app_style(app, STYLE_GOOD), app_style(app, STYLE_PLAIN));
	printf(": %" PRId64 " resources in %" PRId64 " versions, %" PRId64 " index rows, %" PRId64
	       " audit rows, %" PRId64 " facts\n",
	       k->resources, k->versions, k->rows, k->audit_rows, k->facts);
}

int command_db_check(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct error err = {0};
	struct db_work w;
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {CONFIG_OPTIONS(shared, config)};
	const char *details =
		"Reads every version and compares it with its hash, its index rows, its neighbours and the\n"
		"counts, looks at facts (keys, tokens, sessions), and walks the audit chain. Exit status 1 when "
		"something is wrong.";
	if (!app_options(app, &(struct command_line){OPTIONS(options), .details = details}) ||
	    !config_finish(app, &config, &shared) || !db_work_open(&w, app, &config, "check", "versions", false))
		return app->status;
	struct listing l = {.w = &w};
	struct store_kept kept;
	begin_json(&l);
	w.keeping.finding = show;
	w.keeping.ctx = &l;
	bool ok = store_check(w.store, &w.keeping, &kept, &err);
	db_work_close(&w);
	int status = APP_FAILED;
	if (!ok)
		status = app_fail(app, &err);
	else if (!app->json)
		say(app, &kept);
	else
		ok = end_json(&l, &kept);
	buf_done(&l.out);
	return ok && !kept.findings ? APP_OK : status;
}
