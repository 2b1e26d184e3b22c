/* A package's files for the generators; see package.h. */
#include "package.h"

#include "base/file.h"
#include "package/tar.h"

bool package_each(const char *path, bool (*take)(void *ctx, struct str name, struct str content, struct error *err),
		  void *ctx, struct error *err)
{
	struct arena a;
	struct str bytes, name, content;
	arena_init(&a, ARENA_NO_CAP);
	bool ok = file_read(&a, str_from(path), 1u << 30, &bytes, err) ||
		  error_context(err, "the definitions package; run ./dev deps");
	struct tar *tar = ok ? tar_open(bytes, NULL, err) : NULL;
	while (ok && tar && tar_next(tar, &name, &content, err)) {
		ok = take(ctx, name, content, err);
		if (!ok)
			error_context(err, "%.*s", STR_ARG(name));
	}
	tar_close(tar);
	arena_done(&a);
	return ok && tar && !err->code;
}
