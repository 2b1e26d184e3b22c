/* firth package snapshot: a profile with its snapshot, made from the differential. */
#include <stdio.h>
#include <unistd.h>

#include "app/packages.h"
#include "base/file.h"
#include "json/json.h"
#include "profile/snapshot.h"

enum { MAX_FILE = 64 << 20 };

/* The argument is a canonical of a loaded package, or a file. */
static const struct json *find_profile(struct app *app, const struct canonicals *set, struct str name,
				       const struct canonical **ret_from, struct error *err)
{
	struct str text;
	*ret_from = NULL;
	bool file = str_is(name, "-") || access(arena_str(&app->arena, name).p, F_OK) == 0;
	if (file) {
		struct str path = str_is(name, "-") ? S("/dev/stdin") : name;
		if (!file_read(&app->arena, path, MAX_FILE, &text, err))
			return NULL;
		return json_parse(&app->arena, text, 0, err);
	}
	const struct canonical *found = canonicals_find(set, S("StructureDefinition"), name, NULL);
	if (!found && str_find_char(name, ':', 0) == STR_NONE)
		found = canonicals_find_type(set, name);
	if (!found) {
		error_set(err, ERR_NOT_FOUND, "there is no file and no profile %.*s; name its package with --package",
			  STR_ARG(str_slice(name, 0, 160)));
		return NULL;
	}
	*ret_from = found;
	return canonical_json(set, found, err);
}

static void print_facts(struct buf *out, const struct app *app, const struct json *e)
{
	struct str min = json_number(json_get(e, S("min"))), max = json_get_str(e, S("max"));
	struct json_iter it = json_iter(json_get(e, S("type")));
	buf_printf(out, "%.*s..%.*s", STR_ARG(min), STR_ARG(max));
	buf_add(out, S("  "));
	for (size_t i = 0; json_next(&it); i++)
		buf_printf(out, "%s%.*s", i ? "|" : "", STR_ARG(json_get_str(it.value, S("code"))));
	if (json_bool(json_get(e, S("mustSupport"))))
		buf_add(out, S("  must support"));
	if (json_get(e, S("slicing")))
		buf_add(out, S("  sliced"));
	if (json_get(e, S("binding")))
		buf_printf(out, "  %s%.*s %.*s%s", app_style(app, STYLE_DIM),
			   STR_ARG(json_get_str(json_get(e, S("binding")), S("strength"))),
			   STR_ARG(json_get_str(json_get(e, S("binding")), S("valueSet"))),
			   app_style(app, STYLE_PLAIN));
	buf_char(out, '\n');
}

/* A line for each element. */
static void print_elements(struct buf *out, const struct app *app, const struct json *profile)
{
	struct json_iter it = json_iter(json_get(json_get(profile, S("snapshot")), S("element")));
	while (json_next(&it)) {
		buf_printf(out, "%-60.*s ", STR_ARG(json_get_str(it.value, S("id"))));
		print_facts(out, app, it.value);
	}
}

static int print_result(struct app *app, const struct json *made, const struct issues *problems, bool table)
{
	struct buf out;
	buf_init(&out, 256u << 20);
	for (const struct issue *i = problems->first; i; i = i->next)
		fprintf(stderr, "firth package snapshot: %.*s: %.*s\n", STR_ARG(i->path), STR_ARG(i->text));
	if (table) {
		print_elements(&out, app, made);
	} else if (app->json) {
		struct json_writer w = json_writer(&out);
		json_put_value(&w, made);
		buf_char(&out, '\n');
	} else {
		json_pretty(&out, made);
		buf_char(&out, '\n');
	}
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok && !problems->count ? APP_OK : APP_FAILED;
}

int command_package_snapshot(struct app *app)
{
	struct app_packages packages = {0};
	struct error err = {0};
	bool anew = false, table = false;
	const struct option options[] = {
		PACKAGE_OPTIONS(packages),
		{"anew", OPTION_FLAG, NULL, "make it even when the profile has one", &anew, NULL},
		{"table", OPTION_FLAG, NULL, "a line for each element instead of JSON", &table, NULL}};
	const struct command_line line = {
		OPTIONS(options), .arguments = "URL|FILE", .min_args = 1, .max_args = 1,
		.details = "URL is a profile of R4 or of a package; FILE holds a StructureDefinition in JSON (- for "
			   "standard\n"
			   "input). What the differential must not do is said on standard error, with exit status 1."};
	if (!app_options(app, &line))
		return app->status;
	struct canonicals *set = canonicals_new(&err);
	const struct canonical *from;
	struct issues problems;
	issues_init(&problems, &app->arena);
	const struct json *profile = NULL, *made = NULL;
	if (set && app_packages_load(app, set, &packages, &err))
		profile = find_profile(app, set, app->args[0], &from, &err);
	if (profile && !str_is(json_get_str(profile, S("resourceType")), "StructureDefinition")) {
		error_set(&err, ERR_STRUCTURE, "this is no StructureDefinition");
		profile = NULL;
	}
	if (profile) {
		const struct snapshot_options how = {.from = from, .anew = anew, .problems = &problems};
		made = profile_snapshot(&app->arena, set, profile, &how, &err);
	}
	int status = made ? print_result(app, made, &problems, table) : app_fail(app, &err);
	canonicals_free(set);
	return status;
}
