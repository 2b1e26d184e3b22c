/* firth db reindex: makes the index again from the resources. */
#include <inttypes.h>
#include <stdio.h>

#include "app/db.h"

/* All versions have the rows of all search parameters now, so none waits for them any more. */
static bool settle(const struct config *config, struct error *err)
{
	const struct store_options options = {.definitions = definitions_builtin()};
	struct store *store = store_open(config_store(config), &options, err);
	struct parameters *p = NULL;
	if (store)
		p = parameters_open(&(struct parameters_options){.definitions = options.definitions,
								 .store = store,
								 .writable = true},
				    err);
	bool ok = p && parameters_settle(p, err);
	parameters_close(p);
	store_close(store);
	return ok;
}

int command_db_reindex(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct error err = {0};
	struct db_work w;
	struct store_kept kept;
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {CONFIG_OPTIONS(shared, config)};
	const char *details =
		"Needs the store for itself. When it is stopped, the next run goes on where it was, and the\n"
		"store can be used meanwhile: what has no index rows yet is searched without.";
	if (!app_options(app, &(struct command_line){OPTIONS(options), .details = details}) ||
	    !config_finish(app, &config, &shared) || !db_work_open(&w, app, &config, "reindex", "versions", true))
		return app->status;
	bool ok = db_work_parameters(&w, &err) && store_reindex(w.store, &w.keeping, &kept, &err);
	db_work_close(&w);
	if (!ok || !settle(&config, &err))
		return app_fail(app, &err);
	const struct db_figure figures[] = {{"versions", kept.versions},
					    {"index_rows", kept.rows},
					    {"changed", kept.changed},
					    {"unreadable", kept.findings}};
	if (app->json)
		return db_write_figures(app, figures, 4) && !kept.findings ? APP_OK : APP_FAILED;
	printf("%sreindexed%s %" PRId64 " versions: %" PRId64 " index rows, %" PRId64 " versions had others before\n",
	       app_style(app, STYLE_GOOD), app_style(app, STYLE_PLAIN), kept.versions, kept.rows, kept.changed);
	if (kept.findings)
		printf("%s%" PRId64 " versions could not be read%s; firth db check tells which\n",
		       app_style(app, STYLE_BAD), kept.findings, app_style(app, STYLE_PLAIN));
	return kept.findings ? APP_FAILED : APP_OK;
}
