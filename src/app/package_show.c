/* firth package show: what is inside a package, by type. */
#include <stdio.h>
#include <stdlib.h>

#include "app/packages.h"
#include "json/json.h"
#include "package/package.h"

static int by_type_and_name(const void *x, const void *y)
{
	const struct package_file *a = x, *b = y;
	int order = str_cmp(a->facts.type, b->facts.type);
	return order ? order : str_cmp(a->name, b->name);
}

static struct str file_title(const struct package_file *f)
{
	return f->facts.url.p ? f->facts.url : f->facts.id.p ? f->facts.id : f->name;
}

static const char *release_name(const struct package_manifest *m)
{
	static const char *const names[] = {"R4", "R4B", "another release", "no release said"};
	return names[package_release(m)];
}

/* ---- for people ---------------------------------------------------------------------------------------------------
 */

static void print_line(struct buf *out, const char *label, struct str text)
{
	if (text.n)
		buf_printf(out, "%-12s %.*s\n", label, STR_ARG(text));
}

static void print_head(struct buf *out, const struct app *app, const struct package *p)
{
	const struct package_manifest *m = &p->manifest;
	buf_printf(out, "%s%.*s#%.*s%s", app_style(app, STYLE_BOLD), STR_ARG(m->name), STR_ARG(m->version),
		   app_style(app, STYLE_PLAIN));
	if (m->title.n)
		buf_printf(out, "  %.*s", STR_ARG(m->title));
	buf_char(out, '\n');
	print_line(out, "canonical", m->canonical);
	print_line(out, "licence", m->license);
	buf_printf(out, "%-12s", "FHIR");
	for (size_t i = 0; i < m->fhir_version_count; i++)
		buf_printf(out, " %.*s", STR_ARG(m->fhir_versions[i]));
	buf_printf(out, " (%s)\n", release_name(m));
	print_line(out, "path", p->path);
	for (size_t i = 0; i < m->dependency_count; i++)
		buf_printf(out, "%-12s %.*s#%.*s\n", i ? "" : "depends on", STR_ARG(m->dependencies[i].name),
			   STR_ARG(m->dependencies[i].version));
}

static size_t count_type(const struct package *p, size_t from)
{
	size_t n = 0;
	while (from + n < p->file_count && str_eq(p->files[from + n].facts.type, p->files[from].facts.type))
		n++;
	return n;
}

static void print_file(struct buf *out, const struct app *app, const struct package_file *f)
{
	const struct canonical *c = &f->facts;
	buf_printf(out, "  %.*s", STR_ARG(file_title(f)));
	if (str_is(c->type, "StructureDefinition"))
		buf_printf(out, "  %s%s %.*s%s", app_style(app, STYLE_DIM),
			   str_is(c->derivation, "constraint")
				   ? str_is(c->defines, "Extension") ? "is an" : "profile on"
			   : str_is(c->kind, "logical") ? "logical model"
							: "type",
			   STR_ARG(c->defines), app_style(app, STYLE_PLAIN));
	buf_char(out, '\n');
}

/* All profiles, and of the other types how many; with --all everything. */
static void print_files(struct buf *out, const struct app *app, const struct package *p, bool all)
{
	for (size_t i = 0; i < p->file_count;) {
		size_t n = count_type(p, i);
		struct str type = p->files[i].facts.type;
		bool shown = all || str_is(type, "StructureDefinition");
		buf_printf(out, "\n%s%.*s%s: %zu\n", app_style(app, STYLE_BOLD),
			   STR_ARG(type.p ? type : S("broken files")), app_style(app, STYLE_PLAIN), n);
		for (size_t k = i; shown && k < i + n; k++)
			print_file(out, app, &p->files[k]);
		i += n;
	}
	if (p->other_count)
		buf_printf(out, "\n%zu other files (examples, schemas)\n", p->other_count);
}

/* ---- for programs -------------------------------------------------------------------------------------------------
 */

static void write_dependencies(struct json_writer *w, const struct package_manifest *m)
{
	json_key(w, S("dependencies"));
	json_object_begin(w);
	for (size_t i = 0; i < m->dependency_count; i++)
		json_put_member(w, m->dependencies[i].name, m->dependencies[i].version);
	json_object_end(w);
}

static void write_files(struct json_writer *w, const struct package *p)
{
	json_key(w, S("files"));
	json_array_begin(w);
	for (size_t i = 0; i < p->file_count; i++) {
		const struct canonical *c = &p->files[i].facts;
		json_object_begin(w);
		json_put_member(w, S("filename"), p->files[i].name);
		json_put_member(w, S("resourceType"), c->type);
		json_put_member(w, S("id"), c->id);
		json_put_member(w, S("url"), c->url);
		json_put_member(w, S("version"), c->version);
		json_put_member(w, S("kind"), c->kind);
		json_put_member(w, S("type"), c->defines);
		json_put_member(w, S("derivation"), c->derivation);
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_package(struct buf *out, const struct package *p)
{
	struct json_writer w = json_writer(out);
	const struct package_manifest *m = &p->manifest;
	json_object_begin(&w);
	json_put_member(&w, S("name"), m->name);
	json_put_member(&w, S("version"), m->version);
	json_put_member(&w, S("title"), m->title);
	json_put_member(&w, S("canonical"), m->canonical);
	json_put_member(&w, S("license"), m->license);
	json_put_member(&w, S("path"), p->path);
	json_key(&w, S("fhirVersions"));
	json_array_begin(&w);
	for (size_t i = 0; i < m->fhir_version_count; i++)
		json_put_str(&w, m->fhir_versions[i]);
	json_array_end(&w);
	write_dependencies(&w, m);
	json_key(&w, S("counts"));
	json_object_begin(&w);
	for (size_t i = 0, n; i < p->file_count; i += n) {
		n = count_type(p, i);
		json_key(&w, p->files[i].facts.type.p ? p->files[i].facts.type : S("broken"));
		json_put_i64(&w, (int64_t)n);
	}
	json_object_end(&w);
	write_files(&w, p);
	json_object_end(&w);
	buf_char(out, '\n');
}

int command_package_show(struct app *app)
{
	struct app_packages packages = {0};
	struct error err = {0};
	struct package p;
	bool all = false;
	const struct option options[] = {
		CACHE_OPTION(packages),
		{"all", OPTION_FLAG, NULL, "list every resource, not only profiles", &all, NULL}};
	const struct command_line line = {
		OPTIONS(options), .arguments = "PACKAGE", .min_args = 1, .max_args = 1,
		.details = "PACKAGE is NAME#VERSION of an installed one (NAME, NAME@VERSION and\n"
			   "NAME#6.1.x do too), FILE.tgz or a directory."};
	if (!app_options(app, &line))
		return app->status;
	if (!app_packages_read(app, &packages, app->args[0], &p, &err))
		return app_fail(app, &err);
	if (p.file_count)
		qsort(p.files, p.file_count, sizeof(*p.files), by_type_and_name);
	struct buf out;
	buf_init(&out, 64 << 20);
	if (app->json) {
		write_package(&out, &p);
	} else {
		if (p.manifest.name.p)
			print_head(&out, app, &p);
		print_files(&out, app, &p, all);
	}
	int status = buf_ok(&out) && app_write(app, buf_str(&out)) ? APP_OK : APP_FAILED;
	buf_done(&out);
	return status;
}
