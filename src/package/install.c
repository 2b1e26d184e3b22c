/*
 * Installing into the cache. A package is written beside its place, synced, and renamed, so that every tool that shares
 * the cache finds it whole or not at all; a crash leaves a hidden directory at most.
 */
#include "package/package_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "package/tar.h"

struct installer {
	struct arena *a;
	struct str cache, beside; /* the directory that the package is written to first */
	struct package_manifest manifest;
	bool replace;
	bool known; /* found to be installed already: nothing more to write */
	size_t files;
	struct str made; /* the directory that was made last, to spare asking again */
	struct package_install_result *result;
};

/* Other tools empty a cache that has no such file, or one of another version. */
static bool write_marker(struct installer *in, struct error *err)
{
	struct str path = path_join(in->a, in->cache, S("packages.ini"));
	if (!path.p)
		return error_memory(err);
	return path_kind(in->a, path) != PATH_NOTHING ||
	       file_write(path, S("[cache]\nversion = 3\n\n[urls]\n\n[local]\n\n"), 0644, err);
}

static bool start(struct installer *in, struct error *err)
{
	if (!directory_make(in->a, in->cache, err) || !write_marker(in, err))
		return false;
	struct str beside = arena_printf(in->a, "%.*s/.installing-XXXXXX", STR_ARG(in->cache));
	if (!beside.p)
		return error_memory(err);
	if (!mkdtemp((char *)(uintptr_t)beside.p))
		return error_set(err, ERR_IO, "cannot write to the cache %.*s: %s",
				 STR_ARG(str_slice(in->cache, 0, 120)), strerror(errno));
	in->beside = beside;
	return chmod(beside.p, 0755) == 0 || error_set(err, ERR_IO, "cannot write to the cache");
}

static struct str place_of(struct installer *in)
{
	return arena_printf(in->a, "%.*s/%.*s#%.*s", STR_ARG(in->cache), STR_ARG(in->manifest.name),
			    STR_ARG(in->manifest.version));
}

/* package.json was read: is the package there already? */
static bool take_manifest(struct installer *in, struct str content, struct error *err)
{
	if (!manifest_read(in->a, content, &in->manifest, err))
		return false;
	struct str place = place_of(in);
	struct str installed = place.p ? path_join(in->a, place, S("package/package.json")) : STR_NULL;
	if (!installed.p)
		return error_memory(err);
	in->known = !in->replace && path_kind(in->a, installed) == PATH_FILE;
	return true;
}

/* One file at its place below the new directory. */
static bool put_file(struct installer *in, struct str name, struct str content, struct error *err)
{
	struct str path = path_join(in->a, in->beside, name);
	size_t slash = path.p ? str_rfind_char(path, '/') : STR_NONE, depth = 0;
	if (!path.p)
		return error_memory(err);
	for (size_t i = 0; i < name.n; i++)
		depth += name.p[i] == '/';
	if (depth > PACKAGE_MAX_DEPTH)
		return error_set(err, ERR_LIMIT, "the package has more than %d directories in each other",
				 PACKAGE_MAX_DEPTH);
	struct str directory = str_slice(path, 0, slash);
	if (!str_eq(directory, in->made) && !directory_make(in->a, directory, err))
		return false;
	in->made = directory;
	int fd = open(path.p, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_set(err, errno == EEXIST ? ERR_VALUE : ERR_IO, "cannot write %.*s: %s",
				 STR_ARG(str_slice(name, 0, 120)),
				 errno == EEXIST ? "it is in the package twice" : strerror(errno));
	bool ok = true;
	while (ok && content.n) {
		ssize_t n = write(fd, content.p, content.n);
		ok = n > 0 || (n < 0 && errno == EINTR);
		if (n > 0)
			content = str_slice(content, (size_t)n, content.n);
	}
	if (close(fd) != 0 || !ok)
		return error_set(err, ERR_IO, "cannot write %.*s: %s", STR_ARG(str_slice(name, 0, 120)),
				 strerror(errno));
	in->files++;
	return true;
}

/* ---- where it comes from ----------------------------------------------------------------------------------------- */

static bool unpack(struct installer *in, struct str bytes, struct error *err)
{
	struct str name, content;
	struct error damage = {0};
	struct tar *tar = tar_open(bytes, NULL, err);
	bool ok = tar != NULL;
	while (ok && !in->known && tar_next(tar, &name, &content, &damage)) {
		if (str_is(name, "package/package.json"))
			ok = take_manifest(in, content, err);
		/* Hidden files are those of the publisher's computer; the index is the one that counts. */
		size_t slash = str_rfind_char(name, '/');
		const char *last = name.p + (slash == STR_NONE ? 0 : slash + 1);
		bool hidden = *last == '.' && !str_ends(name, S("/.index.json"));
		if (ok && !in->known && !hidden)
			ok = put_file(in, name, content, err);
	}
	tar_close(tar);
	if (ok && damage.code)
		return error_set(err, damage.code, "%s", damage.text);
	if (ok && !in->manifest.name.p)
		return error_set(err, ERR_STRUCTURE, "this is no FHIR package: there is no package/package.json in it");
	return ok;
}

static bool copy_directory(struct installer *in, struct str from, struct str to, unsigned depth, struct error *err)
{
	struct directory_entry *entries;
	size_t count;
	if (!directory_list(in->a, from, &entries, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct str source = path_join(in->a, from, entries[i].name);
		struct str name = path_join(in->a, to, entries[i].name);
		struct arena scratch;
		struct str content;
		if (!source.p || !name.p)
			return error_memory(err);
		if (entries[i].name.p[0] == '.' && !str_is(entries[i].name, ".index.json"))
			continue;
		if (entries[i].kind == ENTRY_DIRECTORY && depth && !copy_directory(in, source, name, depth - 1, err))
			return false;
		if (entries[i].kind != ENTRY_FILE)
			continue;
		arena_init(&scratch, ARENA_NO_CAP);
		bool ok = file_read(&scratch, source, PACKAGE_MAX_FILE, &content, err) &&
			  put_file(in, name, content, err);
		arena_done(&scratch);
		if (!ok)
			return false;
	}
	return true;
}

/* A directory with package/ in it is copied whole, one that is such a folder itself becomes it. */
static bool take_directory(struct installer *in, struct str path, struct error *err)
{
	struct str inner = path_join(in->a, path, S("package")), content;
	bool outer = inner.p && path_kind(in->a, inner) == PATH_DIRECTORY;
	struct str manifest = inner.p ? path_join(in->a, outer ? inner : path, S("package.json")) : STR_NULL;
	if (!manifest.p)
		return error_memory(err);
	if (path_kind(in->a, manifest) != PATH_FILE)
		return error_set(err, ERR_STRUCTURE, "this is no FHIR package: there is no package/package.json in it");
	if (!file_read(in->a, manifest, 1 << 20, &content, err) || !take_manifest(in, content, err))
		return false;
	if (in->known)
		return true;
	return outer ? copy_directory(in, inner, S("package"), PACKAGE_MAX_DEPTH, err)
		     : copy_directory(in, path, S("package"), PACKAGE_MAX_DEPTH, err);
}

static bool take_archive(struct installer *in, struct str path, struct error *err)
{
	struct arena scratch;
	struct str bytes;
	arena_init(&scratch, ARENA_NO_CAP);
	bool ok = file_read(&scratch, path, PACKAGE_MAX_ARCHIVE, &bytes, err) && unpack(in, bytes, err);
	arena_done(&scratch);
	return ok;
}

/* ---- the end ------------------------------------------------------------------------------------------------------
 */

/* The index is what makes loading fast; packages without one get it. */
static bool ensure_index(struct installer *in, struct error *err)
{
	struct package p;
	struct str folder = path_join(in->a, in->beside, S("package"));
	struct str index = folder.p ? path_join(in->a, folder, S(".index.json")) : STR_NULL, text;
	struct error broken = {0};
	struct arena scratch;
	if (!index.p)
		return error_memory(err);
	arena_init(&scratch, ARENA_NO_CAP);
	bool good = path_kind(in->a, index) == PATH_FILE &&
		    file_read(&scratch, index, PACKAGE_MAX_FILE, &text, &broken) &&
		    json_is(json_get(json_parse(&scratch, text, 0, &broken), S("files")), JSON_ARRAY);
	if (!good) {
		unlink(index.p);
		in->result->index_written = true;
		good = package_read(&scratch, in->beside, &p, err) && package_write_index(&p, err);
	}
	arena_done(&scratch);
	return good;
}

static void sync_all(struct str path)
{
	int fd = open(path.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		syncfs(fd);
		close(fd);
	}
}

/* Moves what was written to its place; what was there goes out of the way first, and comes back when that fails. */
static bool move_in(struct installer *in, struct error *err)
{
	struct str place = place_of(in), aside = arena_printf(in->a, "%.*s.old", STR_ARG(in->beside));
	if (!place.p || !aside.p)
		return error_memory(err);
	in->result->replaced = path_kind(in->a, place) != PATH_NOTHING;
	if (in->result->replaced && rename(place.p, aside.p) != 0)
		return error_set(err, ERR_IO, "cannot replace %.*s: %s", STR_ARG(str_slice(place, 0, 160)),
				 strerror(errno));
	if (rename(in->beside.p, place.p) != 0) {
		int why = errno;
		if (in->result->replaced && rename(aside.p, place.p) != 0)
			return error_set(err, ERR_IO, "the old package is now in %.*s", STR_ARG(aside));
		return error_set(err, ERR_IO, "cannot move the package to %.*s: %s", STR_ARG(str_slice(place, 0, 160)),
				 strerror(why));
	}
	in->beside = STR_NULL;
	sync_all(arena_str(in->a, in->cache));
	return !in->result->replaced || directory_remove(aside, err);
}

static bool finish(struct installer *in, struct error *err)
{
	in->result->known = in->known;
	in->result->files = in->files;
	in->result->package = (struct package_installed){in->manifest.name, in->manifest.version, place_of(in)};
	if (in->known)
		return true;
	if (!ensure_index(in, err))
		return false;
	sync_all(in->beside);
	return move_in(in, err);
}

bool package_install(struct arena *a, struct str cache, struct str path, bool replace,
		     struct package_install_result *ret_result, struct error *err)
{
	struct package_install_result result = {0};
	struct installer in = {.a = a, .cache = cache, .replace = replace, .result = &result};
	enum path_kind kind = path_kind(a, path);
	if (kind == PATH_NOTHING)
		return error_set(err, ERR_NOT_FOUND, "there is no file or directory %.*s",
				 STR_ARG(str_slice(path, 0, 200)));
	bool ok = start(&in, err) &&
		  (kind == PATH_FILE ? take_archive(&in, path, err) : take_directory(&in, path, err)) &&
		  finish(&in, err);
	if (in.beside.p) {
		struct error ignored = {0};
		if (!directory_remove(in.beside, &ignored) && ok)
			return error_set(err, ignored.code, "%s", ignored.text);
	}
	if (!ok)
		return error_context(err, "%.*s", STR_ARG(str_slice(path, 0, 120)));
	*ret_result = result;
	return true;
}
