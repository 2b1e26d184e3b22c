/* firth db backup: one file with everything in it, made while a server may be running. */
#include <stdio.h>
#include <sys/stat.h>

#include "app/db.h"
#include "base/clock.h"

static struct str default_name(struct app *app)
{
	char t[CLOCK_INSTANT_SIZE];
	clock_format_instant(clock_now_ms(), t);
	return arena_printf(&app->arena, "firth-%.4s%.2s%.2sT%.2s%.2s%.2sZ.sqlite", t, t + 5, t + 8, t + 11, t + 14,
			    t + 17);
}

static int tell_done(struct app *app, struct str path)
{
	struct stat info = {0};
	(void)stat(path.p, &info);
	if (app->json)
		return db_write_figures(app, (struct db_figure[]){{"bytes", info.st_size}}, 1) ? APP_OK : APP_FAILED;
	printf("%sbacked up%s to %.*s: %.*s, verified; its SHA-256 is beside it\n", app_style(app, STYLE_GOOD),
	       app_style(app, STYLE_PLAIN), STR_ARG(path), STR_ARG(db_size_text(app, info.st_size)));
	return APP_OK;
}

int command_db_backup(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct error err = {0};
	struct db_work w;
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {CONFIG_OPTIONS(shared, config)};
	const char *details =
		"FILE gets the whole store: resources with all versions, index, audit trail, facts. It must not\n"
		"exist; without FILE the name is made of the time. The copy is one moment of the store,\n"
		"whatever is written meanwhile, and is checked before it gets its name.";
	if (!app_options(app, &(struct command_line){OPTIONS(options), .arguments = "[FILE]", .max_args = 1,
						     .details = details}) ||
	    !config_finish(app, &config, &shared))
		return app->status;
	if (db_is_postgres(&config)) {
		error_set(&err, ERR_USAGE,
			  "PostgreSQL makes its own backups: pg_dump --format=custom --schema=firth --schema='t_*' "
			  "--file=firth.dump --dbname='%.*s'",
			  STR_ARG(config_store_shown(&config, &app->arena)));
		return app_fail(app, &err);
	}
	struct str path = app->arg_count ? arena_str(&app->arena, app->args[0]) : default_name(app);
	struct store_progress progress = db_progress(&w, app, "backup", "bytes");
	bool ok = store_backup(config_store(&config), path.p, &progress, &err);
	progress_clear(&w.progress);
	return ok ? tell_done(app, path) : app_fail(app, &err);
}
