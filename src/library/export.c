/* Bulk export for programs. */
#include "export/export.h"

#include "library/library_priv.h"

enum { OPTIONS_FIRST_SIZE = sizeof(struct firth_export_options) };

static void say(void *ctx, const char *line)
{
	const struct firth_export_options *o = ctx;
	o->say(o->context, line);
}

static bool stopped(void *ctx)
{
	const struct firth_export_options *o = ctx;
	return o->stop(o->context) != 0;
}

enum firth_status firth_export(struct firth_ehr *e, const struct firth_export_options *o, int *ret_complete,
			       struct firth_error *error)
{
	struct ehr_failure f = {0};
	struct export_result result;
	struct arena a;
	if (!e || !o || o->size < OPTIONS_FIRST_SIZE || !library_text(o->directory).p || !ret_complete)
		return library_fail_here(error, ERR_USAGE, "an argument or the directory is missing");
	const struct export_options options = {.client = e->client,
					       .definitions = definitions_builtin(),
					       .directory = str_from(o->directory),
					       .scope = library_text(o->group).p ? EXPORT_OF_GROUP
							: o->patients		 ? EXPORT_OF_PATIENTS
										 : EXPORT_OF_SYSTEM,
					       .group = library_text(o->group),
					       .types = library_text(o->types),
					       .since = library_text(o->since),
					       .parallel = o->parallel,
					       .again = o->again != 0,
					       .say = o->say ? say : NULL,
					       .stopped = o->stop ? stopped : NULL,
					       .ctx = (void *)(uintptr_t)o};
	arena_init(&a, ARENA_NO_CAP);
	bool ok = export_run(&options, &a, &result, &f.error);
	if (ok)
		*ret_complete = result.complete;
	arena_done(&a);
	return ok ? FIRTH_OK : library_fail(error, &f);
}
