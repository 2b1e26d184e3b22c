/*
 * --terminology: where the loaded releases of LOINC, SNOMED CT and RxNorm are, for every command that asks what codes
 * mean. Open them before the terminology is used, close them after it is freed.
 */
#ifndef FIRTH_APP_RELEASES_H
#define FIRTH_APP_RELEASES_H

#include "app/app.h"
#include "package/releases.h"

#define TERMINOLOGY_OPTION(directory)                                                                                  \
	{                                                                                                              \
		"terminology", OPTION_TEXT, "DIR", "loaded LOINC, SNOMED CT, RxNorm (default ~/.fhir/terminology)",    \
			&(directory), NULL                                                                             \
	}

/* The directory that the option names, or the default; STR_NULL when there is none. */
struct str app_terminology_directory(struct app *app, struct str directory);
/* Files that cannot be used are told on standard error and passed over. */
struct releases *app_releases_open(struct app *app, struct str directory, struct terminology *t,
				   struct error *err) MUST_USE;

#endif
