/*
 * --package and --cache: the options of every command that reads definitions, and taking what they name into a set of
 * canonical resources.
 *
 *     struct app_packages packages = {0};
 *     const struct option options[] = {PACKAGE_OPTIONS(packages), ...};
 *     ... app_options() ...
 *     struct canonicals *set = canonicals_new(&err);
 *     if (!set || !app_packages_load(app, set, &packages, &err))
 *             return app_fail(app, &err);
 */
#ifndef FIRTH_APP_PACKAGES_H
#define FIRTH_APP_PACKAGES_H

#include "app/app.h"
#include "fhir/canonicals.h"
#include "package/package.h"

struct app_packages {
	struct option_list list; /* --package, may be repeated: name#version, FILE.tgz, DIRECTORY, FILE.json */
	struct str cache; /* --cache */
	bool any_release; /* --any-release */
	bool quiet; /* say nothing of missing dependencies */
};
#define CACHE_OPTION(p)                                                                                                \
	{                                                                                                              \
		"cache", OPTION_TEXT, "DIR", "installed packages (default $FHIR_PACKAGES, or ~/.fhir/packages)",       \
			&(p).cache, NULL                                                                               \
	}
#define PACKAGE_OPTIONS(p)                                                                                             \
	{"package", OPTION_LIST,                                                                                       \
	 "PACKAGE", "use a package too: NAME#VERSION when installed, FILE.tgz, DIRECTORY, FILE.json; may be repeated", \
	 &(p).list, NULL},                                                                                             \
		CACHE_OPTION(p),                                                                                       \
	{                                                                                                              \
		"any-release", OPTION_FLAG, NULL, "take packages made for other releases of FHIR too",                 \
			&(p).any_release, NULL                                                                         \
	}

/* The cache that the options name: --cache, FHIR_PACKAGES, or ~/.fhir/packages. STR_NULL when there is none. */
struct str app_packages_cache(struct app *app, const struct app_packages *packages);

/* Takes the packages and what they depend on into the set; nothing is parsed yet. What is missing is said in a line on
 * standard error, once; commands work with what is there. */
bool app_packages_load(struct app *app, struct canonicals *set, const struct app_packages *packages,
		       struct error *err) MUST_USE;
/* One package by its path or by the name of an installed one, for commands that look into it. */
bool app_packages_read(struct app *app, const struct app_packages *packages, struct str spec,
		       struct package *ret_package, struct error *err) MUST_USE;

#endif
