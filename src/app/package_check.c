/* firth package check: are packages whole, is what they depend on there, and do they load? */
#include <stdio.h>

#include "app/packages.h"
#include "base/clock.h"
#include "json/json.h"
#include "package/package.h"

struct check {
	struct app *app;
	struct app_packages *packages;
	struct canonicals *set;
	struct package_load_result loaded;
	bool repair;
	uint64_t load_ns;
};

/* Looks into every file of one package, and mends its index when asked to. */
static bool verify_one(struct check *c, struct str spec, struct error *err)
{
	struct package p;
	if (!app_packages_read(c->app, c->packages, spec, &p, err))
		return false;
	size_t before = c->loaded.notes.count;
	if (!package_verify(&p, &c->loaded.notes, err))
		return false;
	if (c->repair && c->loaded.notes.count > before && p.form == PACKAGE_DIRECTORY) {
		struct package fresh;
		if (!package_read_unindexed(&c->app->arena, p.path, &fresh, err) || !package_write_index(&fresh, err))
			return false;
		fprintf(stderr, "firth package check: %.*s has a new index\n", STR_ARG(spec));
	}
	return true;
}

static bool run(struct check *c, struct error *err)
{
	struct app *app = c->app;
	for (size_t i = 0; i < app->arg_count; i++)
		if (!verify_one(c, app->args[i], err))
			return false;
	c->set = canonicals_new(err);
	const struct package_load_options options = {.cache = app_packages_cache(app, c->packages),
						     .any_release = c->packages->any_release};
	uint64_t start = clock_monotonic_ns();
	bool ok = c->set && package_load(c->set, app->args, app->arg_count, &options, &c->loaded, err);
	c->load_ns = clock_monotonic_ns() - start;
	return ok;
}

static size_t damage(const struct package_notes *notes)
{
	size_t n = 0;
	for (const struct package_note *note = notes->first; note; note = note->next)
		n += note->kind == NOTE_DAMAGED;
	return n;
}

/* ---- printing -----------------------------------------------------------------------------------------------------
 */

static void print_text(struct buf *out, const struct check *c)
{
	const struct app *app = c->app;
	for (const struct package_note *n = c->loaded.notes.first; n; n = n->next)
		buf_printf(out, "%s%-8s%s %.*s\n", app_style(app, n->kind == NOTE_DAMAGED ? STYLE_BAD : STYLE_WARN),
			   package_note_kind_name(n->kind), app_style(app, STYLE_PLAIN), STR_ARG(n->text));
	for (const struct package_loaded *p = c->loaded.first; p; p = p->next)
		buf_printf(out, "%sloaded%s   %.*s%s%.*s%s\n", app_style(app, STYLE_GOOD), app_style(app, STYLE_PLAIN),
			   STR_ARG(p->name.p ? p->name : p->path), p->name.p ? "#" : "", STR_ARG(p->version),
			   p->asked ? "" : "  (a dependency)");
	buf_printf(out, "%zu packages with %zu canonical resources in %.0f ms\n", c->loaded.package_count,
		   c->loaded.resource_count, (double)c->load_ns / 1e6);
}

static void write_note(struct json_writer *w, const struct package_note *n)
{
	json_object_begin(w);
	json_put_member(w, S("kind"), str_from(package_note_kind_name(n->kind)));
	json_put_member(w, n->kind == NOTE_DAMAGED ? S("file") : S("name"), n->name);
	if (n->version.n)
		json_put_member(w, S("version"), n->version);
	json_put_member(w, S("text"), n->text);
	json_object_end(w);
}

static void write_json(struct buf *out, const struct check *c)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_key(&w, S("packages"));
	json_array_begin(&w);
	for (const struct package_loaded *p = c->loaded.first; p; p = p->next) {
		json_object_begin(&w);
		json_put_member(&w, S("name"), p->name);
		json_put_member(&w, S("version"), p->version);
		json_put_member(&w, S("path"), p->path);
		json_key(&w, S("dependency"));
		json_put_bool(&w, !p->asked);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_key(&w, S("resources"));
	json_put_i64(&w, (int64_t)c->loaded.resource_count);
	json_key(&w, S("milliseconds"));
	json_put_i64(&w, (int64_t)(c->load_ns / 1000000));
	json_key(&w, S("notes"));
	json_array_begin(&w);
	for (const struct package_note *n = c->loaded.notes.first; n; n = n->next)
		write_note(&w, n);
	json_array_end(&w);
	json_object_end(&w);
	buf_char(out, '\n');
}

int command_package_check(struct app *app)
{
	struct app_packages packages = {0};
	struct error err = {0};
	struct buf out;
	struct check c = {.app = app, .packages = &packages, .loaded.notes.arena = &app->arena};
	const struct option options[] = {
		CACHE_OPTION(packages),
		{"any-release", OPTION_FLAG, NULL, "take packages made for other releases of FHIR too",
		 &packages.any_release, NULL},
		{"repair", OPTION_FLAG, NULL, "write the index anew where it does not fit the files", &c.repair, NULL}};
	const struct command_line line = {
		OPTIONS(options), .arguments = "PACKAGE...", .min_args = 1, .max_args = 100,
		.details =
			"Every file is read, the index is compared with the files, and the packages are loaded with\n"
			"what they depend on. Missing dependencies are named but are no failure; damage is."};
	if (!app_options(app, &line))
		return app->status;
	bool ok = run(&c, &err);
	buf_init(&out, 64 << 20);
	if (ok && app->json)
		write_json(&out, &c);
	else if (ok)
		print_text(&out, &c);
	int status = !ok ? app_fail(app, &err) : damage(&c.loaded.notes) && !c.repair ? APP_FAILED : APP_OK;
	if (!buf_ok(&out) || !app_write(app, buf_str(&out)))
		status = APP_FAILED;
	buf_done(&out);
	canonicals_free(c.set);
	return status;
}
