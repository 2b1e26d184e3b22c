/* firth db vacuum: drops what nobody needs any more and gives the room back. */
#include <inttypes.h>
#include <stdio.h>

#include "app/db.h"

int command_db_vacuum(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct error err = {0};
	struct db_work w;
	struct store_kept kept;
	int64_t keep_hours = 24;
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {
		CONFIG_OPTIONS(shared, config),
		{"keep-hours", OPTION_NUMBER, "N", "page links of searches go on working so long (default 24)",
		 &keep_hours},
	};
	const char *details =
		"Needs the store for itself, and for a while as much room again. Drops index rows of versions\n"
		"that were replaced before that time, and free pages. No version and no resource is dropped.";
	if (!app_options(app, &(struct command_line){OPTIONS(options), .details = details}) ||
	    !config_finish(app, &config, &shared))
		return app->status;
	if (keep_hours > 100000)
		return app_misuse(app, "--keep-hours must be from 0 to 100000");
	if (!db_work_open(&w, app, &config, "vacuum", "resources", true))
		return app->status;
	w.keeping.keep_ms = keep_hours * 3600000;
	bool ok = store_vacuum(w.store, &w.keeping, &kept, &err);
	db_work_close(&w);
	if (!ok)
		return app_fail(app, &err);
	const struct db_figure figures[] = {
		{"rows_dropped", kept.rows}, {"bytes_before", kept.bytes_before}, {"bytes_after", kept.bytes_after}};
	if (app->json)
		return db_write_figures(app, figures, 3) ? APP_OK : APP_FAILED;
	printf("%svacuumed%s: %" PRId64 " index rows dropped; %.*s before, %.*s now\n", app_style(app, STYLE_GOOD),
	       app_style(app, STYLE_PLAIN), kept.rows, STR_ARG(db_size_text(app, kept.bytes_before)),
	       STR_ARG(db_size_text(app, kept.bytes_after)));
	return APP_OK;
}
