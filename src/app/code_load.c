/* `firth code load`: LOINC, SNOMED CT or RxNorm from the files of their publishers into a local file. */
#include <stdio.h>

#include "app/code_priv.h"

static int report(struct app *app, enum release_kind kind, const struct release_installed *i)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	if (app->json) {
		struct json_writer w = json_writer(&out);
		json_object_begin(&w);
		json_put_member(&w, S("system"), i->report.url);
		json_put_member(&w, S("version"), i->report.version);
		json_key(&w, S("concepts"));
		json_put_i64(&w, (int64_t)i->report.concepts);
		json_put_member(&w, S("path"), i->path);
		json_key(&w, S("bytes"));
		json_put_i64(&w, (int64_t)i->bytes);
		json_object_end(&w);
		buf_char(&out, '\n');
	} else {
		buf_printf(&out, "%s %.*s: %zu concepts of %zu files in %.*s (%.1f MB)\n", release_kind_name(kind),
			   STR_ARG(i->report.version), i->report.concepts, i->files_used, STR_ARG(i->path),
			   (double)i->bytes / 1e6);
	}
	int status = buf_ok(&out) && app_write(app, buf_str(&out)) ? APP_OK : APP_FAILED;
	buf_done(&out);
	return status;
}

int command_code_load(struct app *app)
{
	struct str version = STR_NULL, directory = STR_NULL;
	struct release_installed installed;
	struct error err = {0};
	enum release_kind kind;
	const struct option options[] = {
		{"version", OPTION_TEXT, "VERSION", "of the release, where its files do not tell", &version, NULL},
		TERMINOLOGY_OPTION(directory)};
	const struct command_line line = {
		OPTIONS(options), .arguments = "KIND PATH", .min_args = 2, .max_args = 2,
		.details =
			"KIND is loinc, snomed or rxnorm; PATH the directory of the unpacked release, or one file of "
			"it.\n"
			"loinc reads Loinc.csv or LoincTableCore.csv, and parts, answer lists and the hierarchy when\n"
			"they are there; snomed reads RF2, snapshot or full; rxnorm reads RXNCONSO, RXNREL, RXNSAT "
			"and\n"
			"RXNSTY. The licences of these terminologies are between their publishers and you."};
	if (!app_options(app, &line))
		return app->status;
	if (!release_kind_find(app->args[0], &kind))
		return app_misuse(app, "\"%.*s\" is none of loinc, snomed and rxnorm",
				  STR_ARG(str_slice(app->args[0], 0, 40)));
	directory = app_terminology_directory(app, directory);
	if (!directory.n)
		return app_misuse(app, "name a directory with --terminology");
	if (!release_install(kind, app->args[1], version, directory, &app->arena, &installed, &err))
		return app_fail(app, &err);
	return report(app, kind, &installed);
}
