/* See secrets.h. */
#include "app/secrets.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct str secrets_path(struct arena *a, const struct config *config)
{
	return config->seal_key_file.n ? config->seal_key_file
				       : arena_printf(a, "%.*s/seal.key", STR_ARG(config->data));
}

struct vault *secrets_open(const struct config *config, struct error *err)
{
	struct arena a;
	arena_init(&a, 64 << 10);
	struct str path = secrets_path(&a, config);
	struct str directory = arena_str(&a, config->data);
	struct vault *vault = NULL;
	if (!path.p || !directory.p)
		error_memory(err);
	else if (!config->seal_key_file.n && mkdir(directory.p, 0700) != 0 && errno != EEXIST)
		error_set(err, ERR_IO, "The directory %.*s cannot be made: %s", STR_ARG(directory), strerror(errno));
	else
		vault = vault_open(path, err);
	arena_done(&a);
	return vault;
}
