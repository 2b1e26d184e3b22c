/* firth db restore: a backup becomes the store. */
#include <stdio.h>

#include "app/db.h"

int command_db_restore(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct error err = {0};
	struct db_work w;
	bool force = false;
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {
		CONFIG_OPTIONS(shared, config),
		{"force", OPTION_FLAG, NULL, "also when there is a store; it is kept beside the new one", &force},
	};
	const char *details =
		"FILE is what firth db backup made. It is checked first, against its SHA-256 when that lies\n"
		"beside it. Stop the server before.";
	if (!app_options(app, &(struct command_line){OPTIONS(options), .arguments = "FILE", .min_args = 1,
						     .max_args = 1, .details = details}) ||
	    !config_finish(app, &config, &shared))
		return app->status;
	if (db_is_postgres(&config)) {
		error_set(&err, ERR_USAGE,
			  "PostgreSQL restores its own backups, into a database without those schemas: pg_restore "
			  "--single-transaction --dbname='%.*s' %.*s",
			  STR_ARG(config_store_shown(&config, &app->arena)), STR_ARG(app->args[0]));
		return app_fail(app, &err);
	}
	struct str path = arena_str(&app->arena, app->args[0]);
	struct store_progress progress = db_progress(&w, app, "restore", "bytes");
	bool ok = store_restore(config_store(&config), path.p, force, &progress, &err);
	progress_clear(&w.progress);
	if (!ok)
		return app_fail(app, &err);
	if (app->json)
		return db_write_figures(app, (struct db_figure[]){{"restored", 1}}, 1) ? APP_OK : APP_FAILED;
	printf("%srestored%s %.*s from %.*s\n", app_style(app, STYLE_GOOD), app_style(app, STYLE_PLAIN),
	       STR_ARG(config.data), STR_ARG(path));
	return APP_OK;
}
