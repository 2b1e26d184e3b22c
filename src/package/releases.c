/* Releases of terminologies on the disk; see releases.h. */
#include "package/releases.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { MAX_FILES = 4096, MAX_DIRECTORIES = 4096, MAX_RELEASES = 64 };
#define MAX_BYTES ((off_t)16 << 30)
static const struct str suffix = {".terminology", 12};

/* ---- mapping ----------------------------------------------------------------------------------------------------- */

static bool map_file(const char *path, struct str *ret_bytes, struct error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = NULL;
	if (fd < 0)
		return error_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot read %s: %s", path,
				 strerror(errno));
	bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	if (!ok)
		error_set(err, ERR_IO, "%s is no file", path);
	else if (st.st_size > MAX_BYTES)
		ok = error_set(err, ERR_TOO_LARGE, "%s is larger than 16 GB", path);
	if (ok && st.st_size) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		ok = p != MAP_FAILED || error_set(err, ERR_IO, "cannot map %s: %s", path, strerror(errno));
	}
	close(fd);
	if (ok)
		*ret_bytes = p ? str_make(p, (size_t)st.st_size) : S("");
	return ok;
}

static void unmap(struct str bytes)
{
	if (bytes.n)
		munmap((void *)(uintptr_t)bytes.p, bytes.n);
}

/* ---- finding files ----------------------------------------------------------------------------------------------- */

struct gathering {
	enum release_kind kind;
	struct arena *a;
	struct str *directories;
	size_t directory_count, directory_capacity;
	struct release_file *files;
	size_t count, capacity, seen;
	struct error *err;
};

static bool has_suffix(const char *name, struct str end)
{
	return str_ends(str_from(name), end);
}

static bool add_file(struct gathering *g, const char *path, struct str name)
{
	struct str text;
	g->seen++;
	if (!release_wants(g->kind, name))
		return true;
	if (g->count >= MAX_FILES)
		return error_set(g->err, ERR_LIMIT, "there are more than %d files", MAX_FILES);
	struct release_file *grown = arena_grow(g->a, g->files, g->count, &g->capacity, g->count + 1, sizeof(*grown));
	struct str copy = arena_str(g->a, name);
	if (!grown || !copy.p)
		return error_memory(g->err);
	g->files = grown;
	if (!map_file(path, &text, g->err))
		return false;
	g->files[g->count++] = (struct release_file){copy, text, false};
	return true;
}

static bool add_directory(struct gathering *g, struct str path)
{
	if (g->directory_count >= MAX_DIRECTORIES)
		return error_set(g->err, ERR_LIMIT, "there are more than %d directories", MAX_DIRECTORIES);
	struct str *grown = arena_grow(g->a, g->directories, g->directory_count, &g->directory_capacity,
				       g->directory_count + 1, sizeof(*grown));
	if (!grown || !path.p)
		return error_memory(g->err);
	g->directories = grown;
	g->directories[g->directory_count++] = path;
	return true;
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static bool take_entry(struct gathering *g, struct str directory, const char *name)
{
	struct stat st;
	struct str path = arena_printf(g->a, "%.*s/%s", STR_ARG(directory), name);
	if (!path.p)
		return error_memory(g->err);
	if (lstat(path.p, &st) != 0)
		return true;
	if (S_ISDIR(st.st_mode))
		return add_directory(g, path);
	return !S_ISREG(st.st_mode) || add_file(g, path.p, str_from(name));
}

/* Breadth first, so that what lies nearer to the top comes first, and in the order of names. */
static bool gather(struct gathering *g, struct str path)
{
	struct stat st;
	if (stat(path.p, &st) != 0)
		return error_set(g->err, ERR_NOT_FOUND, "cannot read %s: %s", path.p, strerror(errno));
	if (str_ends(path, S(".zip")))
		return error_set(g->err, ERR_NOT_SUPPORTED, "%s: unpack it first", path.p);
	if (!S_ISDIR(st.st_mode)) {
		size_t slash = str_rfind_char(path, '/');
		return add_file(g, path.p, str_slice(path, slash == STR_NONE ? 0 : slash + 1, path.n));
	}
	if (!add_directory(g, path))
		return false;
	for (size_t i = 0; i < g->directory_count; i++) {
		struct dirent **names;
		struct str directory = g->directories[i];
		int count = scandir(directory.p, &names, visible, alphasort);
		bool ok = true;
		for (int k = 0; k < count; k++) {
			ok = ok && take_entry(g, directory, names[k]->d_name);
			free(names[k]);
		}
		if (count >= 0)
			free(names);
		if (!ok)
			return false;
	}
	return true;
}

static bool names_have(const struct gathering *g, struct str word)
{
	for (size_t i = 0; i < g->count; i++)
		if (str_find(g->files[i].name, word) != STR_NONE)
			return true;
	return false;
}

/* Of SNOMED CT's three forms of the same content one is taken. */
static void choose_form(struct gathering *g)
{
	bool snapshot = names_have(g, S("Snapshot"));
	size_t kept = 0;
	for (size_t i = 0; i < g->count; i++) {
		struct str name = g->files[i].name;
		bool full = snapshot && str_find(name, S("Full")) != STR_NONE;
		if (full || str_find(name, S("Delta")) != STR_NONE)
			unmap(g->files[i].text);
		else
			g->files[kept++] = g->files[i];
	}
	g->count = kept;
}

/* ---- installing -------------------------------------------------------------------------------------------------- */

static bool make_directories(struct str path, struct arena *a, struct error *err)
{
	struct str copy = arena_str(a, path);
	if (!copy.p)
		return error_memory(err);
	char *p = (char *)(uintptr_t)copy.p;
	for (size_t i = 1; i <= copy.n; i++) {
		if (p[i] != '/' && p[i] != '\0')
			continue;
		char kept = p[i];
		p[i] = '\0';
		if (mkdir(p, 0777) != 0 && errno != EEXIST)
			return error_set(err, ERR_IO, "cannot make the directory %s: %s", p, strerror(errno));
		p[i] = kept;
	}
	return true;
}

/* Of a version that is a URI the last part: enough to tell releases apart. */
static struct str file_name(struct arena *a, enum release_kind kind, struct str version)
{
	size_t slash = str_rfind_char(version, '/');
	struct str last = arena_str(a, str_slice(version, slash == STR_NONE ? 0 : slash + 1, version.n));
	for (size_t i = 0; last.p && i < last.n; i++) {
		char c = last.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
			     c == '-' || c == '_';
		if (!plain)
			((char *)(uintptr_t)last.p)[i] = '-';
	}
	return last.n ? arena_printf(a, "%s-%.*s", release_kind_name(kind), STR_ARG(last))
		      : str_from(release_kind_name(kind));
}

static bool write_release(enum release_kind kind, struct str directory, struct arena *a, const struct buf *image,
			  struct release_installed *to, struct error *err)
{
	struct str name = file_name(a, kind, to->report.version);
	to->path = arena_printf(a, "%.*s/%.*s%.*s", STR_ARG(directory), STR_ARG(name), STR_ARG(suffix));
	to->bytes = image->n;
	if (!to->path.p)
		return error_memory(err);
	return make_directories(directory, a, err) && file_write(to->path, buf_str(image), 0644, err);
}

bool release_install(enum release_kind kind, struct str path, struct str version, struct str directory, struct arena *a,
		     struct release_installed *ret_installed, struct error *err)
{
	struct gathering g = {.kind = kind, .a = a, .err = err};
	struct release_installed to = {0};
	struct buf image;
	buf_init(&image, (size_t)UINT32_MAX);
	struct str copy = arena_str(a, path);
	bool ok = copy.p ? gather(&g, copy) : error_memory(err);
	if (ok && kind == RELEASE_SNOMED)
		choose_form(&g);
	ok = ok && release_make(kind, g.files, g.count, version, a, &image, &to.report, err) &&
	     write_release(kind, directory, a, &image, &to, err);
	for (size_t i = 0; i < g.count; i++) {
		to.files_used += g.files[i].used;
		unmap(g.files[i].text);
	}
	to.files_seen = g.seen;
	buf_done(&image);
	if (ok)
		*ret_installed = to;
	return ok;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

struct releases {
	struct str bytes[MAX_RELEASES];
	size_t count;
};

static int is_release(const struct dirent *e)
{
	return visible(e) && has_suffix(e->d_name, suffix);
}

static void open_one(struct releases *r, const char *path, struct terminology *t,
		     void (*tell)(void *ctx, const struct error *err), void *ctx)
{
	struct error err = {0};
	struct str bytes = S("");
	bool ok = r->count < MAX_RELEASES
			  ? map_file(path, &bytes, &err) && terminology_add_release(t, bytes, &err)
			  : error_set(&err, ERR_LIMIT, "there are more than %d terminologies", MAX_RELEASES);
	if (ok) {
		r->bytes[r->count++] = bytes;
		return;
	}
	unmap(bytes);
	error_context(&err, "%s", path);
	if (tell)
		tell(ctx, &err);
}

struct releases *releases_open(struct str directory, struct terminology *t,
			       void (*tell)(void *ctx, const struct error *err), void *ctx, struct error *err)
{
	struct releases *r = calloc(1, sizeof(*r));
	struct dirent **names;
	char path[4096];
	if (!r) {
		error_memory(err);
		return NULL;
	}
	snprintf(path, sizeof(path), "%.*s", STR_ARG(directory));
	int count = directory.n && directory.n < sizeof(path) ? scandir(path, &names, is_release, alphasort) : -1;
	for (int i = 0; i < count; i++) {
		if (snprintf(path, sizeof(path), "%.*s/%s", STR_ARG(directory), names[i]->d_name) < (int)sizeof(path))
			open_one(r, path, t, tell, ctx);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return r;
}

bool releases_give(const struct releases *r, struct terminology *t, struct error *err)
{
	for (size_t i = 0; r && i < r->count; i++)
		if (!terminology_add_release(t, r->bytes[i], err))
			return false;
	return true;
}

void releases_close(struct releases *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		unmap(r->bytes[i]);
	free(r);
}
