/* The options --package and --cache; see packages.h. */
#include "app/packages.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct str app_packages_cache(struct app *app, const struct app_packages *packages)
{
	if (packages->cache.n)
		return packages->cache;
	const char *shared = getenv("FHIR_PACKAGES"), *home = getenv("HOME");
	if (shared && *shared)
		return str_from(shared);
	return home && *home ? arena_printf(&app->arena, "%s/.fhir/packages", home) : STR_NULL;
}

/* Missing dependencies are summed up: a package lists many that hardly anybody needs. */
static void tell_notes(const struct app *app, const struct package_notes *notes)
{
	size_t missing = 0;
	const struct package_note *first = NULL;
	for (const struct package_note *n = notes->first; n; n = n->next) {
		if (n->kind == NOTE_MISSING) {
			first = first ? first : n;
			missing++;
		} else if (n->kind != NOTE_CONFLICT) {
			fprintf(stderr, "firth %s: %.*s\n", app->command->name, STR_ARG(n->text));
		}
	}
	if (missing == 1)
		fprintf(stderr, "firth %s: %.*s\n", app->command->name, STR_ARG(first->text));
	else if (missing)
		fprintf(stderr,
			"firth %s: %zu packages on which these depend are not installed; firth package check names "
			"them\n",
			app->command->name, missing);
}

bool app_packages_load(struct app *app, struct canonicals *set, const struct app_packages *packages, struct error *err)
{
	if (!packages->list.count)
		return true;
	const struct package_load_options options = {.cache = app_packages_cache(app, packages),
						     .any_release = packages->any_release};
	struct package_load_result result = {.notes = {.arena = &app->arena}};
	if (!package_load(set, packages->list.items, packages->list.count, &options, &result, err)) {
		if (err && err->code == ERR_NOT_SUPPORTED)
			error_context(err, "with --any-release it is read all the same");
		return false;
	}
	if (!packages->quiet)
		tell_notes(app, &result.notes);
	return true;
}

bool app_packages_read(struct app *app, const struct app_packages *packages, struct str spec,
		       struct package *ret_package, struct error *err)
{
	struct package_installed found;
	struct str path = arena_str(&app->arena, spec);
	if (!path.p)
		return error_memory(err);
	if (access(path.p, F_OK) == 0 || memchr(spec.p, '/', spec.n) || str_ends(spec, S(".tgz")))
		return package_read(&app->arena, spec, ret_package, err);
	return package_find(&app->arena, app_packages_cache(app, packages), spec, &found, err) &&
	       package_read(&app->arena, found.path, ret_package, err);
}
