/*
 * firth import: loads resources from files into the store. What was counted as stored is durable; what was not stored
 * has a line on standard error and makes the exit status 1.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "app/config.h"
#include "app/serve_knowledge.h"
#include "base/clock.h"
#include "server/bulk/bulk.h"

struct import {
	bool validate; /* --validate */
	struct knowledge *knowledge;
	struct app *app;
	const struct definitions *definitions;
	struct parameters *parameters;
	struct store *store;
	struct str base;
	struct progress progress;
	struct bulk_counts counts;
};

static atomic_bool stop_asked;

static void ask_to_stop(int signal_number)
{
	(void)signal_number;
	stop_asked = true;
}

/* The first Ctrl-C ends reading and keeps what was handed in; the second one ends the program. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = (int)SA_RESETHAND};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static double rate(const struct import *im, double seconds)
{
	return seconds > 0 ? (double)im->counts.resources / seconds : 0;
}

static void json_number_member(struct json_writer *w, struct str key, uint64_t value)
{
	json_key(w, key);
	json_put_i64(w, (int64_t)value);
}

static bool print_json(const struct import *im, double seconds)
{
	struct buf out;
	char number[40];
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_number_member(&w, S("files"), im->counts.files);
	json_number_member(&w, S("bundles"), im->counts.bundles);
	json_number_member(&w, S("resources"), im->counts.resources);
	json_key(&w, S("by_type"));
	json_object_begin(&w);
	for (size_t i = 0; i < definitions_resource_count(im->definitions); i++) {
		const struct fhir_type *type = definitions_resource_at(im->definitions, i);
		if (im->counts.by_type[type->id])
			json_number_member(&w, type->name, (uint64_t)im->counts.by_type[type->id]);
	}
	json_object_end(&w);
	json_number_member(&w, S("rejected"), im->counts.rejected);
	json_number_member(&w, S("unreadable_files"), im->counts.unreadable);
	json_number_member(&w, S("skipped_entries"), im->counts.skipped);
	json_number_member(&w, S("unresolved_references"), im->counts.unresolved);
	json_key(&w, S("interrupted"));
	json_put_bool(&w, stop_asked);
	json_key(&w, S("seconds"));
	json_put_raw(&w, str_make(number, (size_t)snprintf(number, sizeof(number), "%.3f", seconds)));
	json_key(&w, S("rate"));
	json_put_raw(&w, str_make(number, (size_t)snprintf(number, sizeof(number), "%.0f", rate(im, seconds))));
	json_object_end(&w);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(im->app, buf_str(&out));
	buf_done(&out);
	return ok;
}

static void print_text(const struct import *im, double seconds)
{
	const struct app *app = im->app;
	printf("%simported %" PRIu64 " resources%s from %" PRIu64 " file%s", app_style(app, STYLE_BOLD),
	       im->counts.resources, app_style(app, STYLE_PLAIN), im->counts.files, im->counts.files == 1 ? "" : "s");
	if (im->counts.bundles)
		printf(" (%" PRIu64 " bundle%s)", im->counts.bundles, im->counts.bundles == 1 ? "" : "s");
	printf(" in %.1f s, %.0f/s\n", seconds, rate(im, seconds));
	for (size_t i = 0; i < definitions_resource_count(im->definitions); i++) {
		const struct fhir_type *type = definitions_resource_at(im->definitions, i);
		if (im->counts.by_type[type->id])
			printf("  %-28.*s %10" PRId64 "\n", STR_ARG(type->name), im->counts.by_type[type->id]);
	}
	if (im->counts.skipped)
		printf("%" PRIu64 " entries hold no data to keep (outcomes, reads) and were left out\n",
		       im->counts.skipped);
	if (im->counts.unresolved)
		printf("%" PRIu64 " links name a urn:uuid that is not in their bundle; they were kept as they are\n",
		       im->counts.unresolved);
	if (im->counts.rejected)
		printf("%s%" PRIu64 " rejected%s: see the lines above\n", app_style(app, STYLE_BAD),
		       im->counts.rejected, app_style(app, STYLE_PLAIN));
	if (stop_asked)
		printf("%sinterrupted%s: files that had not been read are missing\n", app_style(app, STYLE_WARN),
		       app_style(app, STYLE_PLAIN));
}

/* Resources get the rows of the store's own search parameters, too. */
static bool open_parameters(struct import *im, struct error *err)
{
	const struct parameters_options options = {
		.definitions = im->definitions, .store = im->store, .base = im->base, .writable = true};
	im->parameters = parameters_open(&options, err);
	return im->parameters != NULL;
}

static bool open_store(struct import *im, struct str data, struct str tenant, struct error *err)
{
	im->definitions = definitions_builtin();
	const struct store_options options = {
		.definitions = im->definitions, .bulk = true, .cache_bytes = (size_t)256 << 20, .tenant = tenant};
	im->store = store_open(data, &options, err);
	return im->store && open_parameters(im, err);
}

static bool open_knowledge(struct import *im, struct serve_knowledge *known, struct config *config, struct error *err)
{
	if (!im->validate)
		return true;
	if (!serve_knowledge_open(known, config, err))
		return false;
	struct knowledge_options options = known->options;
	options.definitions = im->definitions;
	options.store = im->store;
	im->knowledge = knowledge_open(&options, err);
	return im->knowledge && knowledge_check_rules(im->knowledge, err);
}

static void report(void *ctx, const struct bulk_failure *failure)
{
	struct import *im = ctx;
	progress_clear(&im->progress);
	fprintf(stderr, "%.*s:", STR_ARG(failure->file));
	if (failure->line)
		fprintf(stderr, "%zu:", failure->line);
	if (failure->line && failure->column)
		fprintf(stderr, "%zu:", failure->column);
	fprintf(stderr, " %.*s\n", STR_ARG(failure->text));
}

static void tell_progress(void *ctx, const struct bulk_progress *p)
{
	struct import *im = ctx;
	if (!im->progress.label)
		progress_start(&im->progress, "import", "resources", p->total);
	progress_update(&im->progress, p->bytes, p->resources);
}

static bool stopped(void *ctx)
{
	(void)ctx;
	return stop_asked;
}

static bool load(struct import *im, struct bulk *bulk, struct error *err)
{
	bool read = bulk_read_paths(bulk, im->app->args, im->app->arg_count, err);
	return bulk_finish(bulk, &im->counts, err) && read;
}

static int run(struct import *im, unsigned threads)
{
	struct error err = {0};
	uint64_t start = clock_monotonic_ns();
	const struct bulk_options options = {.definitions = im->definitions,
					     .parameters = im->parameters,
					     .store = im->store,
					     .knowledge = im->knowledge,
					     .base = im->base,
					     .threads = threads,
					     .agent = S("cli"),
					     .report = report,
					     .progress = tell_progress,
					     .stopped = stopped,
					     .ctx = im};
	struct bulk *bulk = bulk_open(&options, &err);
	bool ok = bulk && load(im, bulk, &err);
	progress_end(&im->progress, im->counts.resources);
	double seconds = (double)(clock_monotonic_ns() - start) / 1e9;
	if (!im->app->json && bulk)
		print_text(im, seconds);
	else if (ok)
		ok = print_json(im, seconds);
	bulk_close(bulk);
	if (!ok)
		return app_fail(im->app, &err);
	return im->counts.rejected || stop_asked ? APP_FAILED : APP_OK;
}

static const char details[] =
	"PATH is a file, a directory (read recursively: *.json, *.ndjson, *.jsonl, also with .gz, in order of names), "
	"or\n"
	"- for standard input. Files hold a Bundle, a single resource, or NDJSON with one of either a line.\n"
	"\n"
	"A transaction bundle is stored as a whole or not at all. Other bundles and lines are stored one by one.\n"
	"An entry with fullUrl urn:uuid:X gets the id X (also when it says POST), and a resource with an id keeps it: "
	"so\n"
	"importing the same file again updates the same resources, with one new version each, and duplicates nothing.\n"
	"\n"
	"Each resource or bundle that is not stored has a line on standard error: FILE:LINE:COLUMN: reason. The exit\n"
	"status is 1 when there was any. What is counted as imported is on disk.";

int command_import(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct error err = {0};
	struct str tenant = STR_NULL;
	int64_t threads = sysconf(_SC_NPROCESSORS_ONLN);
	if (!config_open(app, &config))
		return app->status;
	struct import im = {.app = app};
	struct serve_knowledge known = {.app = app};
	const struct option options[] = {
		CONFIG_OPTIONS(shared, config),
		{"tenant", OPTION_TEXT, "NAME", "load into a tenant's store", &tenant},
		{"validate", OPTION_FLAG, NULL, "hold resources against the rules of validation too", &im.validate,
		 NULL},
		KNOWLEDGE_OPTIONS(known),
		{"threads", OPTION_NUMBER, "N", "threads that read resources (default: one per core)", &threads},
	};
	if (!app_options(app, &(struct command_line){OPTIONS(options), .arguments = "PATH...", .min_args = 1,
						     .max_args = SIZE_MAX, .details = details}))
		return app->status;
	if (!config_finish(app, &config, &shared))
		return app->status;
	if (threads < 1 || threads > BULK_MAX_THREADS)
		return app_misuse(app, "--threads must be from 1 to %d", BULK_MAX_THREADS);
	if (config.base_url.p)
		im.base = tenant.p ? arena_printf(&app->arena, "%.*s/t/%.*s/fhir", STR_ARG(config.base_url),
						  STR_ARG(tenant))
				   : arena_printf(&app->arena, "%.*s/fhir", STR_ARG(config.base_url));
	bool ok = open_store(&im, config_store(&config), tenant, &err) && open_knowledge(&im, &known, &config, &err);
	int status = ok ? APP_OK : app_fail(app, &err);
	if (status == APP_OK) {
		catch_signals();
		status = run(&im, (unsigned)threads);
	}
	knowledge_close(im.knowledge);
	serve_knowledge_close(&known);
	parameters_close(im.parameters);
	if (im.store)
		store_close(im.store);
	return status;
}
