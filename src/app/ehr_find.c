/*
 * firth ehr directory load FILE|URL and firth ehr find WORDS: the endpoint directories that vendors publish, kept in
 * DATA/directories, and a hospital's FHIR base by its name.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "app/config.h"
#include "app/ehr.h"
#include "base/file.h"
#include "http/client.h"

enum { BUNDLE_MAX = 256 << 20, SHOWN = 20, DIRECTORIES_MAX = 64 };

struct finding {
	struct app *app;
	struct config config;
	struct config_options shared;
	struct ehr_places places;
};

static struct str directory_of(const struct config *c, struct arena *a)
{
	return arena_printf(a, "%.*s/directories", STR_ARG(c->data));
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */

static bool fetch(struct arena *a, struct str url, struct str *ret_text, struct error *err)
{
	const struct http_client_options options = {.max_body = BUNDLE_MAX};
	struct http_client *http = http_client_new(&options, err);
	if (!http)
		return false;
	const struct http_header accept = {S("Accept"), S("application/fhir+json, application/json")};
	const struct http_call call = {.method = S("GET"), .url = url, .headers = &accept, .header_count = 1};
	struct http_answer answer;
	bool ok = http_call(http, a, &call, &answer, err);
	if (ok && answer.status != 200)
		ok = error_set(err, ERR_REMOTE, "the directory was answered with HTTP %d%s", answer.status,
			       answer.status >= 300 && answer.status < 400 ? "; give the address that it leads to"
									   : "");
	if (ok)
		*ret_text = answer.body;
	http_client_free(http);
	return ok;
}

/* "epic-r4-endpoints" of ".../epic-r4-endpoints.json?x": what it is kept as, so that loading it again replaces it. */
static struct str name_of(struct arena *a, struct str source)
{
	struct str path = str_split(&source, '?');
	size_t slash = str_rfind_char(path, '/');
	struct str file = str_trim(slash == STR_NONE ? path : str_slice(path, slash + 1, path.n));
	if (str_ends(file, S(".json")))
		file = str_slice(file, 0, file.n - 5);
	struct buf name;
	buf_init(&name, 128);
	for (size_t i = 0; i < file.n && name.n < 60; i++) {
		char ch = file.p[i];
		bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
		buf_char(&name, plain ? ch : '-');
	}
	struct str copy = arena_str(a, name.n ? buf_str(&name) : S("directory"));
	buf_done(&name);
	return copy;
}

static bool keep(struct finding *f, struct str name, struct str *ret_path, struct error *err)
{
	struct arena *a = &f->app->arena;
	struct str data = arena_str(a, f->config.data), directory = directory_of(&f->config, a);
	struct str path = arena_printf(a, "%.*s/%.*s.json", STR_ARG(directory), STR_ARG(name));
	struct buf out;
	if (!data.p || !directory.p || !path.p)
		return error_memory(err);
	buf_init(&out, BUNDLE_MAX);
	bool made = (mkdir(data.p, 0700) == 0 || errno == EEXIST) && (mkdir(directory.p, 0755) == 0 || errno == EEXIST);
	bool ok = made ? ehr_directory_write(&f->places, &out, err) && file_write(path, buf_str(&out), 0644, err)
		       : error_set(err, ERR_IO, "%.*s cannot be made: %s", STR_ARG(directory), strerror(errno));
	buf_done(&out);
	*ret_path = path;
	return ok;
}

static bool load(struct finding *f, struct str source, struct str name, struct str *ret_path, struct error *err)
{
	struct arena *a = &f->app->arena;
	struct str text;
	bool url = str_starts(source, S("http://")) || str_starts(source, S("https://"));
	if (url ? !fetch(a, source, &text, err)
		: !file_read(a, str_is(source, "-") ? S("/dev/stdin") : source, BUNDLE_MAX, &text, err))
		return false;
	const struct json *bundle = json_parse(a, text, 0, err);
	if (!bundle || !ehr_directory_read(a, bundle, &f->places, err))
		return error_context(err, "%.*s", STR_ARG(str_slice(source, 0, 100)));
	if (!f->places.count)
		return error_set(err, ERR_VALUE, "%.*s names no endpoint that could be used",
				 STR_ARG(str_slice(source, 0, 100)));
	return keep(f, name.n ? name_of(a, name) : name_of(a, source), ret_path, err);
}

int command_ehr_directory_load(struct app *app)
{
	struct finding f = {.app = app};
	struct str name = STR_NULL, path = STR_NULL;
	struct error err = {0};
	if (!config_open(app, &f.config))
		return app->status;
	const struct option options[] = {
		{"name", OPTION_TEXT, "NAME", "what it is kept as (default: the name of the file)", &name, NULL},
		CONFIG_OPTIONS(f.shared, f.config),
	};
	const struct command_line line = {
		OPTIONS(options), "FILE|URL", 1, 1,
		"A Bundle of Endpoint and Organization, as Epic and Oracle Health publish them. It is kept in\n"
		"DATA/directories; loading one of the same name again replaces it."};
	if (!app_options(app, &line) || !config_finish(app, &f.config, &f.shared))
		return app->status;
	if (!load(&f, app->args[0], name, &path, &err))
		return app_fail(app, &err);
	if (app->json)
		printf("{\"places\":%zu,\"skipped\":%zu}\n", f.places.count, f.places.skipped);
	else
		printf("%zu places, %zu skipped, kept in %.*s\n", f.places.count, f.places.skipped, STR_ARG(path));
	return APP_OK;
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

bool ehr_places_open(const struct config *c, struct arena *a, struct ehr_places *ret_places, struct error *err)
{
	struct str directory = directory_of(c, a);
	DIR *d = directory.p ? opendir(directory.p) : NULL;
	size_t read = 0;
	bool ok = true;
	if (!d && errno != ENOENT)
		return error_set(err, ERR_IO, "%.*s cannot be read: %s", STR_ARG(directory), strerror(errno));
	for (struct dirent *e = d ? readdir(d) : NULL; e && ok && read < DIRECTORIES_MAX; e = readdir(d)) {
		struct str text;
		if (!str_ends(str_from(e->d_name), S(".json")))
			continue;
		ok = file_read(a, arena_printf(a, "%.*s/%s", STR_ARG(directory), e->d_name), BUNDLE_MAX, &text, err);
		const struct json *j = ok ? json_parse(a, text, 0, err) : NULL;
		ok = j && ehr_directory_read(a, j, ret_places, err);
		read++;
	}
	if (d)
		closedir(d);
	return ok && (read || error_set(err, ERR_NOT_FOUND,
					"no directory of EHRs is loaded; firth ehr directory load FILE|URL does that, "
					"with the bundles that Epic and Oracle Health publish"));
}

static int print_json(struct app *app, const struct ehr_place *found, size_t count)
{
	struct buf out;
	buf_init(&out, 64 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_key(&w, S("found"));
	json_array_begin(&w);
	for (size_t i = 0; i < count; i++) {
		json_object_begin(&w);
		json_put_member(&w, S("name"), found[i].name);
		json_put_member(&w, S("place"), found[i].place);
		json_put_member(&w, S("vendor"), str_from(ehr_vendor_name(found[i].vendor)));
		json_put_member(&w, S("base_url"), found[i].base_url);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok ? APP_OK : APP_FAILED;
}

static void print_table(const struct app *app, const struct ehr_place *found, size_t count)
{
	size_t name = 8, place = 5;
	for (size_t i = 0; i < count; i++) {
		name = found[i].name.n > name ? found[i].name.n : name;
		place = found[i].place.n > place ? found[i].place.n : place;
	}
	int name_width = (int)(name < 56 ? name : 56), place_width = (int)(place < 30 ? place : 30);
	printf("%s%-*s %-*s %-8s %s%s\n", app_style(app, STYLE_BOLD), name_width, "NAME", place_width, "PLACE",
	       "VENDOR", "BASE URL", app_style(app, STYLE_PLAIN));
	for (size_t i = 0; i < count; i++)
		printf("%-*.*s %-*.*s %-8s %.*s\n", name_width, STR_ARG(found[i].name), place_width,
		       STR_ARG(found[i].place.p ? found[i].place : S("-")), ehr_vendor_name(found[i].vendor),
		       STR_ARG(found[i].base_url));
}

int command_ehr_find(struct app *app)
{
	struct finding f = {.app = app};
	struct error err = {0};
	struct ehr_place *found;
	size_t count;
	int64_t limit = SHOWN;
	struct arena *a = &app->arena;
	if (!config_open(app, &f.config))
		return app->status;
	const struct option options[] = {
		{"limit", OPTION_NUMBER, "N", "at most so many (default 20)", &limit, NULL},
		CONFIG_OPTIONS(f.shared, f.config),
	};
	const struct command_line line = {
		OPTIONS(options), "WORD...", 1, 32,
		"Each word must be in the name or the place: abbreviated (St, Univ, Hosp, a state), begun, in any "
		"order, with or\nwithout accents, or one letter off. firth ehr add NAME --find \"...\" registers "
		"the one that is found."};
	if (!app_options(app, &line) || !config_finish(app, &f.config, &f.shared))
		return app->status;
	struct str text = app->args[0];
	for (size_t i = 1; i < app->arg_count; i++)
		text = arena_printf(a, "%.*s %.*s", STR_ARG(text), STR_ARG(app->args[i]));
	if (!ehr_places_open(&f.config, a, &f.places, &err) ||
	    !ehr_directory_find(a, &f.places, text, (size_t)limit, &found, &count, &err))
		return app_fail(app, &err);
	if (app->json)
		return print_json(app, found, count) == APP_OK && count ? APP_OK : APP_FAILED;
	if (!count) {
		fprintf(stderr, "firth ehr find: nothing of that name among %zu places\n", f.places.count);
		return APP_FAILED;
	}
	print_table(app, found, count);
	return APP_OK;
}
