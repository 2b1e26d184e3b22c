/* What the subcommands of `firth db` share: opening, progress, and figures for programs. */
#include "app/db.h"

#include <signal.h>

#include "base/buf.h"
#include "json/json.h"

/* Long work ends between two batches when it is told to, so that nothing is left half done. */
static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static bool tell(void *ctx, int64_t at, int64_t total)
{
	struct db_work *w = ctx;
	if (at < 0)
		return !stop;
	w->progress.total = (uint64_t)total;
	w->last = (uint64_t)at;
	progress_update(&w->progress, (uint64_t)at, (uint64_t)at);
	return !stop;
}

struct store_progress db_progress(struct db_work *w, struct app *app, const char *label, const char *unit)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	*w = (struct db_work){.app = app};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	progress_start(&w->progress, label, unit, 0);
	return (struct store_progress){tell, w};
}

bool db_is_postgres(const struct config *config)
{
	return str_starts(config_store(config), S("postgresql://")) ||
	       str_starts(config_store(config), S("postgres://"));
}

static struct str base_of(struct app *app, const struct config *config)
{
	if (config->base_url.p)
		return arena_printf(&app->arena, "%.*s/fhir", STR_ARG(config->base_url));
	return arena_printf(&app->arena, "http://%.*s:%lld/fhir", STR_ARG(config->host), (long long)config->port);
}

bool db_work_open(struct db_work *w, struct app *app, const struct config *config, const char *label, const char *unit,
		  bool keeping)
{
	struct error err = {0};
	struct store_options options = {
		.definitions = definitions_builtin(), .read_only = !keeping, .keeping = keeping};
	struct store_progress progress = db_progress(w, app, label, unit);
	w->extractor = extractor_new(options.definitions, &err);
	w->store = w->extractor ? store_open(config_store(config), &options, &err) : NULL;
	w->keeping =
		(struct store_keeping){.extractor = w->extractor, .base = base_of(app, config), .progress = progress};
	if (w->store)
		return true;
	app->status = app_fail(app, &err);
	db_work_close(w);
	return false;
}

bool db_work_parameters(struct db_work *w, struct error *err)
{
	if (!store_parameters_open(&w->parameters, definitions_builtin(), w->store, w->keeping.base, false, err))
		return false;
	w->keeping.extractor = w->parameters.set->extractor;
	return true;
}

void db_work_close(struct db_work *w)
{
	progress_clear(&w->progress);
	store_parameters_close(&w->parameters);
	store_close(w->store);
	if (w->extractor)
		extractor_free(w->extractor);
}

struct str db_size_text(struct app *app, int64_t bytes)
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
	double value = (double)bytes;
	size_t unit = 0;
	while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	return arena_printf(&app->arena, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

bool db_write_figures(struct app *app, const struct db_figure *figures, size_t count)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	for (size_t i = 0; i < count; i++) {
		json_key(&w, str_from(figures[i].key));
		json_put_i64(&w, figures[i].value);
	}
	json_object_end(&w);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok;
}
