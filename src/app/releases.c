/* The option --terminology; see releases.h. */
#include "app/releases.h"

#include <stdio.h>
#include <stdlib.h>

struct str app_terminology_directory(struct app *app, struct str directory)
{
	const char *home = getenv("HOME");
	if (directory.n)
		return directory;
	return home && *home ? arena_printf(&app->arena, "%s/.fhir/terminology", home) : STR_NULL;
}

static void tell(void *ctx, const struct error *err)
{
	const struct app *app = ctx;
	fprintf(stderr, "firth %s: passed over %s\n", app->command->name, err->text);
}

struct releases *app_releases_open(struct app *app, struct str directory, struct terminology *t, struct error *err)
{
	return releases_open(app_terminology_directory(app, directory), t, tell, app, err);
}
