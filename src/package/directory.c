/* Directories: listing, making, removing. Links are never followed when something is removed. */
#include "package/package_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool failed(struct error *err, const char *what, struct str path)
{
	return error_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s %.*s: %s", what,
			 STR_ARG(str_slice(path, 0, 200)), strerror(errno));
}

struct str path_join(struct arena *a, struct str directory, struct str name)
{
	while (directory.n > 1 && directory.p[directory.n - 1] == '/')
		directory.n--;
	bool root = directory.n == 1 && directory.p[0] == '/';
	return arena_printf(a, "%.*s%s%.*s", STR_ARG(directory), root ? "" : "/", STR_ARG(name));
}

enum path_kind path_kind(struct arena *a, struct str path)
{
	struct stat info;
	struct str name = arena_str(a, path);
	if (!name.p || !path.n || memchr(path.p, 0, path.n) || stat(name.p, &info) != 0)
		return PATH_NOTHING;
	return S_ISDIR(info.st_mode) ? PATH_DIRECTORY : PATH_FILE;
}

static enum entry_kind kind_of(int directory, const struct dirent *e)
{
	struct stat info;
	if (e->d_type == DT_REG)
		return ENTRY_FILE;
	if (e->d_type == DT_DIR)
		return ENTRY_DIRECTORY;
	if (fstatat(directory, e->d_name, &info, 0) != 0)
		return ENTRY_OTHER;
	return S_ISREG(info.st_mode) ? ENTRY_FILE : S_ISDIR(info.st_mode) ? ENTRY_DIRECTORY : ENTRY_OTHER;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct directory_entry *)a)->name, ((const struct directory_entry *)b)->name);
}

static bool read_entries(struct arena *a, DIR *d, struct directory_entry **ret_entries, size_t *ret_count,
			 struct error *err)
{
	struct directory_entry *entries = NULL;
	size_t count = 0, capacity = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (count == PACKAGE_MAX_FILES)
			return error_set(err, ERR_LIMIT, "a directory holds more than %d files", PACKAGE_MAX_FILES);
		struct directory_entry *grown = arena_grow(a, entries, count, &capacity, count + 1, sizeof(*entries));
		struct str name = arena_str(a, str_from(e->d_name));
		if (!grown || !name.p)
			return error_memory(err);
		entries = grown;
		entries[count++] = (struct directory_entry){name, kind_of(dirfd(d), e)};
	}
	if (count)
		qsort(entries, count, sizeof(*entries), by_name);
	*ret_entries = entries;
	*ret_count = count;
	return true;
}

bool directory_list(struct arena *a, struct str path, struct directory_entry **ret_entries, size_t *ret_count,
		    struct error *err)
{
	struct str name = arena_str(a, path);
	if (!name.p)
		return error_memory(err);
	DIR *d = opendir(name.p);
	if (!d)
		return failed(err, "cannot read the directory", path);
	bool ok = read_entries(a, d, ret_entries, ret_count, err);
	closedir(d);
	return ok;
}

bool directory_make(struct arena *a, struct str path, struct error *err)
{
	for (size_t at = 1; at <= path.n; at++) {
		if (at < path.n && path.p[at] != '/')
			continue;
		struct str part = arena_str(a, str_slice(path, 0, at));
		if (!part.p)
			return error_memory(err);
		if (mkdir(part.p, 0755) != 0 && errno != EEXIST)
			return failed(err, "cannot make the directory", part);
	}
	return path_kind(a, path) == PATH_DIRECTORY ||
	       error_set(err, ERR_IO, "%.*s is no directory", STR_ARG(str_slice(path, 0, 200)));
}

static bool remove_at(int parent, const char *name, unsigned depth);

static bool empty_directory(int fd, unsigned depth)
{
	DIR *d = fdopendir(fd);
	bool ok = d != NULL;
	if (!d) {
		close(fd);
		return false;
	}
	for (struct dirent *e; ok && (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			ok = remove_at(fd, e->d_name, depth - 1);
	closedir(d);
	return ok;
}

static bool remove_at(int parent, const char *name, unsigned depth)
{
	if (unlinkat(parent, name, 0) == 0)
		return true;
	if ((errno != EISDIR && errno != EPERM) || depth == 0)
		return false;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && empty_directory(fd, depth) && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

bool directory_remove(struct str path, struct error *err)
{
	char name[PATH_MAX];
	if (!path.n || path.n >= sizeof(name))
		return error_set(err, ERR_IO, "a path is too long");
	memcpy(name, path.p, path.n);
	name[path.n] = '\0';
	return remove_at(AT_FDCWD, name, 64) || failed(err, "cannot remove", path);
}
