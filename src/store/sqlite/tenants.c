/* Tenants as directories: which there are, and taking one away for good. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "store/sqlite/sqlite_priv.h"

enum { MAX_PATH = 4096, MAX_DEPTH = 4 };

static bool path_of(struct str location, struct str name, char ret_path[MAX_PATH], struct error *err)
{
	int n = snprintf(ret_path, MAX_PATH, "%.*s/tenants%s%.*s", STR_ARG(location), name.n ? "/" : "", STR_ARG(name));
	return n < MAX_PATH || error_set(err, ERR_STORE, "The store's location is not a usable path");
}

bool sqlite_tenant_exists(struct str location, struct str name, bool *ret_exists, struct error *err)
{
	char path[MAX_PATH];
	struct stat info;
	if (!path_of(location, name, path, err))
		return false;
	*ret_exists = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
	return true;
}

/* Beside the file of the store. */
bool sqlite_has_tenant(void *b, struct str name, bool *ret_exists, struct error *err)
{
	const struct sqlite_store *s = b;
	struct str path = str_from(s->path);
	size_t slash = str_rfind_char(path, '/');
	struct str directory = slash == STR_NONE ? S(".") : str_slice(path, 0, slash);
	return sqlite_tenant_exists(directory, name, ret_exists, err);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_tenant(const struct dirent *e)
{
	return store_tenant_name_valid(str_from(e->d_name));
}

bool sqlite_tenant_list(struct str location, struct arena *a, struct str **ret_names, size_t *ret_count,
			struct error *err)
{
	char path[MAX_PATH];
	struct dirent **entries;
	*ret_count = 0;
	if (!path_of(location, S(""), path, err))
		return false;
	int n = scandir(path, &entries, is_tenant, by_name);
	if (n < 0 && errno != ENOENT)
		return error_set(err, ERR_STORE, "The tenants cannot be listed: %s", strerror(errno));
	*ret_names = ARENA_ARRAY(a, struct str, (size_t)(n > 0 ? n : 0) + 1);
	bool ok = *ret_names != NULL;
	for (int i = 0; i < n; i++) {
		struct str name = ok ? arena_str(a, str_from(entries[i]->d_name)) : STR_NULL;
		ok = name.p != NULL;
		if (ok)
			(*ret_names)[(*ret_count)++] = name;
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return ok || error_memory(err);
}

/* Everything below a directory that is ours alone; links are removed, never followed. */
static bool remove_tree(int parent, const char *name, unsigned depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd >= 0 && depth ? fdopendir(fd) : NULL;
	bool ok = directory != NULL;
	for (struct dirent *e; ok && (e = readdir(directory));) {
		struct stat info;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		ok = fstatat(fd, e->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
		     (S_ISDIR(info.st_mode) ? remove_tree(fd, e->d_name, depth - 1) : unlinkat(fd, e->d_name, 0) == 0);
	}
	if (directory)
		closedir(directory);
	else if (fd >= 0)
		close(fd);
	return ok && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

/* Out of the way first, so that a half-removed tenant is never taken for a whole one. */
static bool remove_directory(const char *path, struct str location, struct error *err)
{
	char gone[MAX_PATH], uuid[UUID_SIZE];
	random_uuid(uuid);
	int n = snprintf(gone, sizeof(gone), "%.*s/tenants/.removed-%.*s", STR_ARG(location), UUID_SIZE, uuid);
	if (n >= MAX_PATH || rename(path, gone) != 0)
		return error_set(err, ERR_STORE, "The tenant cannot be removed: %s", strerror(errno));
	return remove_tree(AT_FDCWD, gone, MAX_DEPTH) ||
	       error_set(err, ERR_STORE, "The tenant is gone, but files of it are left in %s: %s", gone,
			 strerror(errno));
}

bool sqlite_tenant_remove(struct str location, struct str name, const struct store_options *options, struct error *err)
{
	char path[MAX_PATH];
	if (!path_of(location, name, path, err))
		return false;
	/* Whoever has it open for writing holds its lock, and must not have it taken from under its feet. */
	struct store *store = store_open(location, options, err);
	if (!store)
		return false;
	store_close(store);
	return remove_directory(path, location, err);
}
