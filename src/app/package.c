/* firth package install, list and remove: the cache of packages that FHIR tools share. */
#include <stdio.h>

#include "app/packages.h"
#include "json/json.h"
#include "package/package.h"

struct print {
	struct app *app;
	struct buf out;
	struct json_writer json;
};

static struct print print_start(struct app *app)
{
	struct print p = {.app = app};
	buf_init(&p.out, 64 << 20);
	return p;
}

static int print_end(struct print *p, int status)
{
	bool ok = buf_ok(&p->out) && app_write(p->app, buf_str(&p->out));
	buf_done(&p->out);
	return ok ? status : APP_FAILED;
}

static bool find_cache(struct app *app, const struct app_packages *packages, struct str *ret_cache, struct error *err)
{
	*ret_cache = app_packages_cache(app, packages);
	return ret_cache->p ||
	       error_set(err, ERR_USAGE, "where are the packages? give --cache, or set FHIR_PACKAGES or HOME");
}

/* ---- install ----------------------------------------------------------------------------------------------------- */

static void write_installed(struct print *p, const struct package_install_result *r)
{
	struct json_writer *w = &p->json;
	if (!p->app->json) {
		const char *what = r->known ? "is installed already" : r->replaced ? "replaced" : "installed";
		buf_printf(&p->out, "%.*s#%.*s %s%s%s", STR_ARG(r->package.name), STR_ARG(r->package.version),
			   app_style(p->app, r->known ? STYLE_DIM : STYLE_GOOD), what, app_style(p->app, STYLE_PLAIN));
		if (!r->known)
			buf_printf(&p->out, ", %zu files%s", r->files, r->index_written ? ", with a new index" : "");
		buf_char(&p->out, '\n');
		return;
	}
	json_object_begin(w);
	json_put_member(w, S("name"), r->package.name);
	json_put_member(w, S("version"), r->package.version);
	json_put_member(w, S("path"), r->package.path);
	json_put_member(w, S("outcome"), r->known ? S("known") : r->replaced ? S("replaced") : S("installed"));
	json_key(w, S("files"));
	json_put_i64(w, (int64_t)r->files);
	json_object_end(w);
}

static bool install_one(struct print *p, struct str cache, struct str path, bool replace, struct error *err)
{
	struct package_install_result result;
	if (!package_install(&p->app->arena, cache, path, replace, &result, err))
		return false;
	write_installed(p, &result);
	return true;
}

/* A file, an unpacked package, or a directory full of archives. */
static bool install_path(struct print *p, struct str cache, struct str path, bool replace, struct error *err)
{
	struct error none = {0};
	struct str *archives;
	size_t count = 0;
	if (!package_archives(&p->app->arena, path, &archives, &count, &none) || !count)
		return install_one(p, cache, path, replace, err);
	for (size_t i = 0; i < count; i++)
		if (!install_one(p, cache, archives[i], replace, err))
			return false;
	return true;
}

int command_package_install(struct app *app)
{
	struct app_packages packages = {0};
	struct error err = {0};
	struct str cache;
	bool replace = false;
	const struct option options[] = {
		CACHE_OPTION(packages),
		{"replace", OPTION_FLAG, NULL, "install again what is installed already", &replace, NULL}};
	const struct command_line line = {
		OPTIONS(options), .arguments = "PATH...", .min_args = 1, .max_args = 1000,
		.details = "PATH is a package (FILE.tgz), an unpacked one, or a directory full of .tgz. A package is\n"
			   "there whole or not at all; one that is installed already stays as it is."};
	if (!app_options(app, &line))
		return app->status;
	if (!find_cache(app, &packages, &cache, &err))
		return app_fail(app, &err);
	struct print p = print_start(app);
	p.json = json_writer(&p.out);
	bool ok = true;
	if (app->json)
		json_array_begin(&p.json);
	for (size_t i = 0; ok && i < app->arg_count; i++)
		ok = install_path(&p, cache, app->args[i], replace, &err);
	if (app->json) {
		json_array_end(&p.json);
		buf_char(&p.out, '\n');
	}
	if (!ok && app->json)
		buf_reset(&p.out); /* the error is the document then */
	int status = print_end(&p, APP_OK);
	return ok ? status : app_fail(app, &err);
}

/* ---- list ---------------------------------------------------------------------------------------------------------
 */

static void write_listed(struct print *p, const struct package_installed *installed)
{
	if (!p->app->json) {
		buf_printf(&p->out, "%.*s#%.*s\n", STR_ARG(installed->name), STR_ARG(installed->version));
		return;
	}
	json_object_begin(&p->json);
	json_put_member(&p->json, S("name"), installed->name);
	json_put_member(&p->json, S("version"), installed->version);
	json_put_member(&p->json, S("path"), installed->path);
	json_object_end(&p->json);
}

int command_package_list(struct app *app)
{
	struct app_packages packages = {0};
	struct error err = {0};
	struct str cache;
	struct package_installed *list;
	size_t count;
	const struct option options[] = {CACHE_OPTION(packages)};
	const struct command_line line = {OPTIONS(options), .arguments = "[WORD]", .max_args = 1,
					  .details = "With WORD, only packages that have it in their name."};
	if (!app_options(app, &line))
		return app->status;
	if (!find_cache(app, &packages, &cache, &err) || !package_list(&app->arena, cache, &list, &count, &err))
		return app_fail(app, &err);
	struct print p = print_start(app);
	p.json = json_writer(&p.out);
	if (app->json)
		json_array_begin(&p.json);
	for (size_t i = 0; i < count; i++)
		if (!app->arg_count || str_find(list[i].name, app->args[0]) != STR_NONE)
			write_listed(&p, &list[i]);
	if (app->json) {
		json_array_end(&p.json);
		buf_char(&p.out, '\n');
	} else if (!count) {
		fprintf(stderr, "no packages in %.*s\n", STR_ARG(cache));
	}
	return print_end(&p, APP_OK);
}

/* ---- remove -------------------------------------------------------------------------------------------------------
 */

int command_package_remove(struct app *app)
{
	struct app_packages packages = {0};
	struct error err = {0};
	struct str cache;
	const struct option options[] = {CACHE_OPTION(packages)};
	const struct command_line line = {OPTIONS(options), .arguments = "NAME#VERSION...", .min_args = 1,
					  .max_args = 1000};
	if (!app_options(app, &line))
		return app->status;
	if (!find_cache(app, &packages, &cache, &err))
		return app_fail(app, &err);
	for (size_t i = 0; i < app->arg_count; i++) {
		struct package_installed found;
		/* What is removed is named exactly: a guess could take the wrong one. */
		if (str_find_char(app->args[i], '#', 0) == STR_NONE && str_find_char(app->args[i], '@', 0) == STR_NONE)
			return app_misuse(app, "name the version too: %.*s#VERSION", STR_ARG(app->args[i]));
		if (!package_find(&app->arena, cache, app->args[i], &found, &err) ||
		    !package_remove(cache, &found, &err))
			return app_fail(app, &err);
		if (!app->json)
			printf("%.*s#%.*s removed\n", STR_ARG(found.name), STR_ARG(found.version));
	}
	return app->json && !app_write(app, S("{\"removed\":true}\n")) ? APP_FAILED : APP_OK;
}
