/*
 * firth export EHR|URL: a bulk export into a directory, with the certificate at its end. The same command goes on with
 * what a run before left.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "app/login.h"
#include "base/file.h"
#include "doctor/doctor.h"
#include "export/export.h"

struct export_command {
	struct login_command c;
	struct str group, types, since, out, onto, elements, associated, config;
	struct option_list patients, filters;
	bool patient, system, lenient, again, cancel;
	int64_t parallel, poll;
	struct export_options options;
	struct ehr_config adhoc; /* of another client's configuration */
	struct progress progress;
	bool drawing;
};

static atomic_bool interrupted;

static void on_signal(int number)
{
	(void)number;
	atomic_store(&interrupted, true);
}

static bool stopped(void *ctx)
{
	(void)ctx;
	return atomic_load(&interrupted);
}

static void say(void *ctx, const char *line)
{
	struct export_command *x = ctx;
	progress_clear(&x->progress);
	fprintf(stderr, "%s\n", line);
}

static void progress(void *ctx, uint64_t files, uint64_t total, uint64_t lines)
{
	struct export_command *x = ctx;
	if (!x->drawing)
		progress_start(&x->progress, "export", "resources", total);
	x->drawing = true;
	progress_update(&x->progress, files, lines);
}

/* ---- what is asked for ---------------------------------------------------------------------------------------------
 */

/* A configuration of the npm bulk-data-client, by its name. */
static bool is_foreign(struct str path)
{
	static const char *const ends[] = {".js", ".cjs", ".mjs", ".json"};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (str_ends(path, str_from(ends[i])))
			return true;
	return false;
}

static bool read_config(struct export_command *x, struct error *err)
{
	struct arena *a = &x->c.app->arena;
	struct export_config config;
	struct str text;
	if (!file_read(a, x->config, 1 << 20, &text, err))
		return false;
	if (!export_config_read(a, text, &config, err))
		return error_context(err, "%.*s", STR_ARG(x->config));
	if (config.ignored.n)
		fprintf(stderr, "note: %.*s of the configuration mean nothing here and are not followed\n",
			STR_ARG(config.ignored));
	x->adhoc = config.ehr;
	x->options = config.options;
	return true;
}

/* Lists of options are parted at commas, which searches have as well: what is no "Type?..." goes back to the one
 * before. */
static bool join_filters(struct export_command *x, struct error *err)
{
	size_t kept = 0;
	for (size_t i = 0; i < x->filters.count; i++) {
		struct str item = x->filters.items[i];
		bool begins = item.n && item.p[0] >= 'A' && item.p[0] <= 'Z' && str_find_char(item, '?', 0) != STR_NONE;
		if (!begins && !kept)
			return error_set(err, ERR_USAGE,
					 "--type-filter must be a search such as "
					 "Observation?category=laboratory");
		if (begins) {
			x->filters.items[kept++] = item;
			continue;
		}
		struct str *last = &x->filters.items[kept - 1];
		*last = arena_printf(&x->c.app->arena, "%.*s,%.*s", STR_ARG(*last), STR_ARG(item));
		if (!last->p)
			return error_memory(err);
	}
	x->filters.count = kept;
	return true;
}

/* What the command line says goes over what a configuration file says. */
static bool settle(struct export_command *x, struct error *err)
{
	struct export_options *o = &x->options;
	unsigned named = (x->group.n > 0) + x->patient + x->system;
	if (named > 1)
		return error_set(err, ERR_USAGE, "--group, --patient and --system exclude each other");
	if (x->group.n || x->patient || x->system)
		o->scope = x->group.n ? EXPORT_OF_GROUP : x->patient ? EXPORT_OF_PATIENTS : EXPORT_OF_SYSTEM;
	else if (!x->config.n && x->c.ehr->group.n)
		o->scope = EXPORT_OF_GROUP;
	else if (!x->config.n && !x->cancel)
		return error_set(err, ERR_USAGE, "what is to be exported? --group ID, --patient or --system");
	o->group = x->group.n ? x->group : o->group.n ? o->group : x->c.ehr->group;
	if (x->patients.count) {
		o->patients = x->patients.items;
		o->patient_count = x->patients.count;
	}
	o->types = x->types.n ? x->types : o->types;
	o->since = x->since.n ? x->since : o->since;
	o->associated = x->associated.n ? x->associated : o->associated;
	o->elements = x->elements.n ? x->elements : o->elements;
	if (!join_filters(x, err))
		return false;
	if (x->filters.count) {
		o->filters = x->filters.items;
		o->filter_count = x->filters.count;
	}
	o->directory = x->out.n ? x->out : o->directory.n ? o->directory : S("export");
	o->onto = x->onto;
	o->lenient = o->lenient || x->lenient;
	o->again = x->again;
	o->parallel = x->parallel ? (unsigned)(x->parallel < 16 ? x->parallel : 16) : o->parallel;
	o->poll_ms = x->poll;
	o->definitions = definitions_builtin();
	o->client = x->c.client;
	o->say = x->c.app->json ? NULL : say;
	o->progress = progress;
	o->stopped = stopped;
	o->ctx = x;
	return true;
}

static bool open_client(struct export_command *x, struct error *err)
{
	struct login_command *c = &x->c;
	struct str name = c->app->arg_count ? c->app->args[0] : STR_NULL;
	if (x->config.n ? name.p != NULL : !name.p)
		return error_set(err, ERR_USAGE,
				 x->config.n ? "an EHR and --config exclude each other"
					     : "which EHR? firth ehr list names those that are known");
	if (!x->config.n)
		return login_command_open(c, err);
	if (!read_config(x, err) || !login_place_open(&c->place, c->app, &c->config, err) ||
	    !login_record_begin(c, err))
		return false;
	const struct ehr_client_options options = {.definitions = definitions_builtin(),
						   .audit = c->place.store,
						   .record = c->place.trail.config ? trail_record_by_server : NULL,
						   .record_ctx = &c->place.trail,
						   .transport = c->transport ? record_transport(c->transport) : NULL};
	c->ehr = &x->adhoc;
	c->client = ehr_open(&x->adhoc, &options, err);
	return c->client != NULL;
}

/* ---- what came of it ------------------------------------------------------------------------------------------------
 */

static int show(struct export_command *x, const struct export_result *result)
{
	struct app *app = x->c.app;
	struct arena *a = &app->arena;
	struct error err = {0};
	struct str text = result->summary;
	if (app->json) {
		struct str path = arena_printf(a, "%.*s/certificate.json", STR_ARG(x->options.directory));
		if (!file_read(a, path, (size_t)256 << 20, &text, &err))
			return app_fail(app, &err);
	}
	if (!app_write(app, text) || (app->json && !app_write(app, S("\n"))))
		return APP_FAILED;
	if (result->token_at_files)
		fprintf(stderr, "\n%s: %s\n  %s\n", doctor_cause_name(DOCTOR_CAUSE_TOKEN_AT_FILES),
			doctor_cause_text(DOCTOR_CAUSE_TOKEN_AT_FILES),
			doctor_next(DOCTOR_CAUSE_TOKEN_AT_FILES, x->c.ehr->vendor));
	if (!app->json)
		fprintf(stderr,
			"\n%llu lines in %llu files in %.*s; certificate.json and certificate.txt are beside them\n",
			(unsigned long long)result->lines, (unsigned long long)result->files,
			STR_ARG(x->options.directory));
	return result->complete ? APP_OK : APP_FAILED;
}

static int run(struct export_command *x)
{
	struct error err = {0};
	struct export_result result;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (x->cancel) {
		if (!export_cancel(&x->options, &err))
			return app_fail(x->c.app, &err);
		fprintf(stderr, "the server was told that the export is not wanted any more\n");
		return APP_OK;
	}
	bool ok = export_run(&x->options, &x->c.app->arena, &result, &err);
	if (x->drawing)
		progress_clear(&x->progress);
	return ok ? show(x, &result) : app_fail(x->c.app, &err);
}

int command_export(struct app *app)
{
	struct export_command x = {.c.app = app};
	struct error err = {0};
	struct str early = app_option_early(app, "config");
	bool foreign = is_foreign(early);
	if (!config_open_file(app, foreign ? STR_NULL : early, &x.c.config))
		return app->status;
	struct option options[32] = {
		CONFIG_OPTIONS(x.c.shared, x.c.config),
	};
	const struct option own[] = {
		{"group", OPTION_TEXT, "ID", "the members of this Group (default: the EHR's)", &x.group, NULL},
		{"patient", OPTION_FLAG, NULL, "all patients, or those of --patients", &x.patient, NULL},
		{"system", OPTION_FLAG, NULL, "everything", &x.system, NULL},
		{"patients", OPTION_LIST, "ID,...", "only these patients", &x.patients, NULL},
		{"type", OPTION_TEXT, "TYPE,...", "only these types", &x.types, NULL},
		{"since", OPTION_TEXT, "INSTANT", "only what changed since then", &x.since, NULL},
		{"type-filter", OPTION_LIST, "TYPE?QUERY", "only what the search finds", &x.filters, NULL},
		{"elements", OPTION_TEXT, "NAME,...", "only these elements", &x.elements, NULL},
		{"associated", OPTION_TEXT, "WORD", "what comes beside: LatestProvenanceResources", &x.associated,
		 NULL},
		{"out", OPTION_TEXT, "DIR", "where files, journal and certificate go (default: export)", &x.out, NULL},
		{"onto", OPTION_TEXT, "DIR", "apply what changed and was deleted to the files of an earlier export",
		 &x.onto, NULL},
		{"parallel", OPTION_NUMBER, "N", "files at once (default: 4, at most 16)", &x.parallel, NULL},
		{"poll", OPTION_TIME, "TIME", "longest wait between looks when the server names none", &x.poll, NULL},
		{"lenient", OPTION_FLAG, NULL, "let the server ignore what it does not know", &x.lenient, NULL},
		{"again", OPTION_FLAG, NULL, "start another export, whatever is under way", &x.again, NULL},
		{"cancel", OPTION_FLAG, NULL, "tell the server that the export of --out is not wanted", &x.cancel,
		 NULL},
		LOGIN_RECORD_OPTIONS(x.c),
	};
	size_t count = 0;
	while (options[count].name)
		count++;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]) && count < 32; i++)
		options[count++] = own[i];
	const struct command_line line = {
		.options = options,
		.option_count = count,
		.arguments = "[EHR|URL]",
		.max_args = 1,
		.details = "--config may also be a configuration of the npm bulk-data-client (.js, .json), which then "
			   "says "
			   "everything. The same command goes on where a run before ended, without a second export. "
			   "Exit status 0: "
			   "the "
			   "certificate says that everything is there; 1: it says what is not, or the export failed."};
	if (!app_options(app, &line) || !config_finish(app, &x.c.config, &x.c.shared))
		return app->status;
	x.config = foreign ? x.c.shared.file : STR_NULL;
	bool ok = open_client(&x, &err) && settle(&x, &err);
	int status = ok ? run(&x) : app_fail(app, &err);
	login_command_end(&x.c);
	return status;
}
