/*
 * `firth validate FILE...|DIR|-`: checks resources against R4 and profiles, and prints what is wrong with line and
 * column. This file reads the command line, under our names and those that users of the HL7 validator know.
 */
#include "app/packages.h"
#include "app/releases.h"
#include "app/validate_priv.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "validate/cds_hooks.h"

struct settings {
	struct option_list profiles;
	struct app_packages packages;
	struct str terminology;
	struct str baseline, level, tx, version;
	int64_t max_findings, threads;
	bool write_baseline, quiet, junit, allow_comments;
	bool displays_must_match, extensions_must_be_known, references_must_resolve, linked;
};

/* ---- names that the HL7 validator uses -------------------------------------------------------------------------- */

static const struct {
	const char *theirs, *ours;
} synonyms[] = {
	{"-ig", "--package"}, {"-profile", "--profile"},     {"-version", "--fhir-version"},
	{"-tx", "--tx"},      {"-level", "--level"},	     {"-allow-comments", "--allow-comments"},
	{"-recurse", NULL},   {"--format=junit", "--junit"},
};

/* The words as app_options() knows them; --format junit is one of three forms, of which it knows two. */
static bool translate(struct app *app)
{
	char **words = ARENA_ARRAY(&app->arena, char *, (size_t)app->argc + 1);
	int count = 0;
	if (!words)
		return false;
	for (int i = 0; i < app->argc; i++) {
		const char *word = app->argv[i];
		for (size_t k = 0; word && k < sizeof(synonyms) / sizeof(synonyms[0]); k++)
			if (strcmp(word, synonyms[k].theirs) == 0)
				word = synonyms[k].ours;
		if (word && strcmp(word, "--format") == 0 && i + 1 < app->argc &&
		    strcmp(app->argv[i + 1], "junit") == 0) {
			word = "--junit";
			i++;
		}
		if (word)
			words[count++] = (char *)(uintptr_t)word;
	}
	app->argv = words;
	app->argc = count;
	return true;
}

/* ---- what to validate against ----------------------------------------------------------------------------------- */

/* A profile is named by its canonical, or by a file that holds it. */
static bool find_profile(struct app *app, struct canonicals *c, struct str *profile, struct error *err)
{
	struct str text, path = arena_str(&app->arena, *profile);
	struct document document;
	struct issues findings;
	issues_init(&findings, &app->arena);
	if (str_find(*profile, S("://")) != STR_NONE || str_starts(*profile, S("urn:"))) {
		if (cds_hooks_model(*profile) || canonicals_find(c, S("StructureDefinition"), *profile, NULL))
			return true;
		return error_set(err, ERR_NOT_FOUND, "the profile %.*s is not at hand; name its package with --package",
				 STR_ARG(*profile));
	}
	if (access(path.p, R_OK) != 0) {
		const struct canonical *type = canonicals_find_type(c, *profile);
		if (!type)
			return error_set(err, ERR_NOT_FOUND, "%.*s is neither a canonical URL nor a file",
					 STR_ARG(*profile));
		*profile = type->url;
		return true;
	}
	if (!file_read(canonicals_arena(c), path, 64 << 20, &text, err) ||
	    !document_read(canonicals_arena(c), definitions_builtin(), text, NULL, &findings, &document, err))
		return false;
	if (!str_is(json_get_str(document.tree, S("resourceType")), "StructureDefinition"))
		return error_set(err, ERR_STRUCTURE, "%.*s is no StructureDefinition", STR_ARG(path));
	*profile = json_get_str(document.tree, S("url"));
	return canonicals_add(c, NULL, document.tree, err);
}

static bool find_profiles(struct app *app, struct canonicals *c, struct settings *s, struct error *err)
{
	for (size_t i = 0; i < s->profiles.count; i++)
		if (!find_profile(app, c, &s->profiles.items[i], err))
			return false;
	return true;
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

static bool read_level(struct app *app, struct str text, enum issue_severity *ret_level)
{
	static const char *const names[] = {"fatal", "error", "warning", "information"};
	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
		if (str_is(text, names[i])) {
			*ret_level = (enum issue_severity)i;
			return true;
		}
	}
	/* As the HL7 validator has them. */
	if (str_is(text, "errors") || str_is(text, "warnings"))
		*ret_level = str_is(text, "errors") ? ISSUE_ERROR : ISSUE_WARNING;
	else if (str_is(text, "hints") || str_is(text, "info"))
		*ret_level = ISSUE_INFORMATION;
	else
		app->status = app_misuse(app, "--level needs error, warning or information");
	return app->status != APP_USAGE;
}

static bool check_settings(struct app *app, const struct settings *s, struct validate *v)
{
	if (s->tx.p && !str_is(s->tx, "n/a"))
		app->status = app_misuse(app, "terminology is looked up on this machine only; --tx can but be n/a");
	else if (s->version.p && !str_starts(s->version, S("4.0")))
		app->status = app_misuse(app, "only FHIR R4 is validated: 4.0.1");
	else if (s->write_baseline && !s->baseline.p)
		app->status = app_misuse(app, "--write-baseline needs --baseline FILE");
	else if (s->threads < 1 || s->threads > 16)
		app->status = app_misuse(app, "--threads must be between 1 and 16");
	else if (s->max_findings < 1)
		app->status = app_misuse(app, "--max-findings must be at least 1");
	else
		return read_level(app, s->level, &v->report.level);
	return false;
}

static bool open_baseline(struct validate *v, const struct settings *s, struct error *err)
{
	v->has_baseline = s->baseline.p != NULL;
	v->write_baseline = s->write_baseline;
	baseline_init(&v->baseline);
	return !v->has_baseline || v->write_baseline || baseline_read(&v->baseline, s->baseline, err);
}

static bool run_with(struct validate *v, const struct settings *s, struct error *err)
{
	struct app *app = v->app;
	for (size_t i = 0; i < app->arg_count; i++)
		if (!input_add(&v->input, app->args[i], err))
			return false;
	if (!v->input.count)
		return error_set(err, ERR_NOT_FOUND, "there are no .json, .xml or .ndjson files");
	v->options = (struct validation_options){.profiles = s->profiles.items,
						 .profile_count = s->profiles.count,
						 .displays_must_match = s->displays_must_match,
						 .extensions_must_be_known = s->extensions_must_be_known,
						 .references_must_resolve = s->references_must_resolve};
	v->form.allow_comments = s->allow_comments;
	if (s->linked && !links_open(v, err))
		return false;
	if (s->linked) {
		v->options.resolve = links_resolve;
		v->options.resolve_ctx = &v->links;
	}
	v->report.app = app;
	v->report.form = s->junit ? REPORT_JUNIT : app->json ? REPORT_JSON : REPORT_TEXT;
	v->report.max_per_file = (size_t)s->max_findings;
	v->report.quiet = s->quiet;
	v->report.many = v->input.count > 1 || app->arg_count > 1;
	v->threads = (unsigned)s->threads;
	if (!report_begin(&v->report))
		return error_set(err, ERR_IO, "no temporary file can be made");
	if (!validate_run(v, err))
		return false;
	if (v->write_baseline && !baseline_write(&v->baseline, s->baseline, err))
		return false;
	report_end(&v->report, v->has_baseline ? &v->baseline : NULL);
	return true;
}

static int run_validate(struct app *app, struct settings *s, struct validate *v)
{
	struct error err = {0};
	struct canonicals *c = canonicals_new(&err);
	bool ok = c && app_packages_load(app, c, &s->packages, &err) && find_profiles(app, c, s, &err);
	struct terminology *t = ok ? terminology_new(c, &err) : NULL;
	struct releases *releases = t ? app_releases_open(app, s->terminology, t, &err) : NULL;
	ok = releases != NULL;
	v->definitions = definitions_builtin();
	v->validator = ok ? validator_new(v->definitions, c, t, &err) : NULL;
	input_init(&v->input, app);
	ok = v->validator && open_baseline(v, s, &err) && run_with(v, s, &err);
	input_done(&v->input);
	links_close(&v->links);
	if (v->has_baseline)
		baseline_done(&v->baseline);
	validator_free(v->validator);
	terminology_free(t);
	releases_close(releases);
	canonicals_free(c);
	if (!ok)
		return app_fail(app, &err);
	return v->report.counts[ISSUE_FATAL] || v->report.counts[ISSUE_ERROR] || v->report.failed ? APP_FAILED : APP_OK;
}

int command_validate(struct app *app)
{
	struct validate v = {.app = app};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct settings s = {.max_findings = 100,
			     .threads = cores < 1    ? 1
					: cores > 16 ? 16
						     : cores,
			     .level = S("warning")};
	const struct option options[] = {
		{"profile", OPTION_LIST, "URL", "also validate against this profile: a canonical URL, or a file",
		 &s.profiles, NULL},
		PACKAGE_OPTIONS(s.packages),
		TERMINOLOGY_OPTION(s.terminology),
		{"level", OPTION_TEXT, "LEVEL", "show error, warning (default) or information and what is worse",
		 &s.level, NULL},
		{"max-findings", OPTION_NUMBER, "N", "show at most so many per file (default 100)", &s.max_findings,
		 NULL},
		{"baseline", OPTION_TEXT, "FILE", "accept the findings in this file, fail on new ones", &s.baseline,
		 NULL},
		{"write-baseline", OPTION_FLAG, NULL, "write today's errors and warnings into the baseline",
		 &s.write_baseline, NULL},
		{"junit", OPTION_FLAG, NULL, "JUnit XML; the same as --format junit", &s.junit, NULL},
		{"quiet", OPTION_FLAG, NULL, "findings only: no summary, no progress", &s.quiet, NULL},
		{"displays-must-match", OPTION_FLAG, NULL,
		 "a display that is not its code's is an error, not a warning", &s.displays_must_match, NULL},
		{"extensions-must-be-known", OPTION_FLAG, NULL,
		 "an extension whose definition is not at hand is an error", &s.extensions_must_be_known, NULL},
		{"references-must-resolve", OPTION_FLAG, NULL,
		 "a relative reference to what is not at hand is an error", &s.references_must_resolve, NULL},
		{"linked", OPTION_FLAG, NULL, "follow references from file to file; everything is read twice",
		 &s.linked, NULL},
		{"allow-comments", OPTION_FLAG, NULL, "take comments in JSON", &s.allow_comments, NULL},
		{"threads", OPTION_NUMBER, "N", "worker threads (default: one per core)", &s.threads, NULL},
		{"tx", OPTION_TEXT, "n/a", "accepted for those used to it: there is no terminology server", &s.tx,
		 NULL},
		{"fhir-version", OPTION_TEXT, "VERSION", "accepted: 4.0.1", &s.version, NULL},
	};
	const struct command_line line = {
		OPTIONS(options),
		.arguments = "FILE...|DIR|-",
		.min_args = 1,
		.max_args = 1000000,
		.details = "JSON, XML and NDJSON are told by content, gzip is unpacked, directories are searched for\n"
			   ".json, .xml and .ndjson. The flags -ig, -profile, -version, -tx and -level of the HL7\n"
			   "validator work as well. Exit status: 0 no errors, 1 errors, 2 wrong usage.",
	};
	if (!translate(app))
		return APP_FAILED;
	if (!app_options(app, &line) || !check_settings(app, &s, &v))
		return app->status;
	s.packages.quiet = s.quiet;
	return run_validate(app, &s, &v);
}
