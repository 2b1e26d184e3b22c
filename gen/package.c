/* A package's files for the generators; see package.h. */
#include "package.h"

#include "base/file.h"
#include "package/tar.h"

bool package_each(const char *path, bool (*take)(void *ctx, struct str name, struct str content, struct error *err),
		  void *ctx, struct error *err)
{
	struct arena a;
	struct str bytes, name, content;
	bool taken = true;
	arena_init(&a, ARENA_NO_CAP);
	bool read = file_read(&a, str_from(path), 1u << 30, &bytes, err);
	struct tar *tar = read ? tar_open(bytes, NULL, err) : NULL;
	while (taken && tar && tar_next(tar, &name, &content, err)) {
		taken = take(ctx, name, content, err);
		if (!taken)
			error_context(err, "%.*s", STR_ARG(name));
	}
	tar_close(tar);
	arena_done(&a);
	if (taken && err->code)
		error_context(err, "the definitions package %s (run ./dev deps to fetch it)", path);
	return taken && !err->code;
}
