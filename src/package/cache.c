/* The cache of installed packages: CACHE/NAME#VERSION/package, as all FHIR tools keep it. */
#include "package/package_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/near.h"

static int by_name_and_version(const void *x, const void *y)
{
	const struct package_installed *a = x, *b = y;
	int order = str_cmp(a->name, b->name);
	return order ? order : canonical_version_cmp(a->version, b->version);
}

/* Directories named NAME#VERSION that hold a package.json; temporary ones and strangers are passed over. */
static bool is_installed(struct arena *a, struct str cache, const struct directory_entry *e,
			 struct package_installed *ret_package)
{
	struct str name, version;
	if (e->kind != ENTRY_DIRECTORY || !spec_parse(e->name, &name, &version) || !version.n)
		return false;
	struct str path = path_join(a, cache, e->name);
	struct str manifest = path.p ? path_join(a, path, S("package/package.json")) : STR_NULL;
	if (!manifest.p || path_kind(a, manifest) != PATH_FILE)
		return false;
	*ret_package = (struct package_installed){name, version, path};
	return true;
}

bool package_list(struct arena *a, struct str cache, struct package_installed **ret_list, size_t *ret_count,
		  struct error *err)
{
	struct directory_entry *entries = NULL;
	size_t entry_count = 0, count = 0;
	if (path_kind(a, cache) == PATH_DIRECTORY && !directory_list(a, cache, &entries, &entry_count, err))
		return false;
	struct package_installed *list = ARENA_ARRAY(a, struct package_installed, entry_count + 1);
	if (!list)
		return error_memory(err);
	for (size_t i = 0; i < entry_count; i++)
		if (is_installed(a, cache, &entries[i], &list[count]))
			count++;
	if (count)
		qsort(list, count, sizeof(*list), by_name_and_version);
	*ret_list = list;
	*ret_count = count;
	return true;
}

/* ---- finding ---------------------------------------------------------------------------------------------------- */

static bool fits(struct str version, struct str wanted)
{
	return !wanted.n || str_is(wanted, "latest") || str_is(wanted, "x") || canonical_version_fits(version, wanted);
}

/* A finished release goes before one that is still on the way, whatever their numbers. */
static bool better(const struct package_installed *a, const struct package_installed *b)
{
	bool draft_a = memchr(a->version.p, '-', a->version.n), draft_b = memchr(b->version.p, '-', b->version.n);
	return draft_a != draft_b ? draft_b : canonical_version_cmp(a->version, b->version) > 0;
}

static const struct package_installed *pick(const struct package_installed *list, size_t count, struct str name,
					    struct str version)
{
	const struct package_installed *best = NULL;
	for (size_t i = 0; i < count; i++) {
		if (!str_eq(list[i].name, name) || !fits(list[i].version, version))
			continue;
		if (str_eq(list[i].version, version))
			return &list[i];
		if (!best || better(&list[i], best))
			best = &list[i];
	}
	return best;
}

static void tell_versions(char *out, size_t size, const struct package_installed *list, size_t count, struct str name)
{
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; i < count && n < size; i++)
		if (str_eq(list[i].name, name))
			n += (size_t)snprintf(out + n, size - n, "%s%.*s", n ? ", " : "", STR_ARG(list[i].version));
}

static bool fail_missing(struct str spec, const struct package_installed *list, size_t count, struct str name,
			 struct error *err)
{
	char versions[120];
	struct str near = STR_NULL;
	size_t least = 4;
	tell_versions(versions, sizeof(versions), list, count, name);
	spec = str_slice(spec, 0, 100);
	if (versions[0])
		return error_set(err, ERR_NOT_FOUND, "%.*s is not installed; these versions are: %s", STR_ARG(spec),
				 versions);
	for (size_t i = 0; i < count; i++) {
		size_t distance = str_distance(name, list[i].name);
		if (distance < least) {
			least = distance;
			near = list[i].name;
		}
	}
	if (near.p)
		return error_set(err, ERR_NOT_FOUND, "%.*s is not installed; did you mean %.*s?", STR_ARG(spec),
				 STR_ARG(str_slice(near, 0, 100)));
	return error_set(err, ERR_NOT_FOUND,
			 "%.*s is not installed; get its .tgz and run firth package install FILE.tgz", STR_ARG(spec));
}

bool package_find(struct arena *a, struct str cache, struct str spec, struct package_installed *ret_found,
		  struct error *err)
{
	struct str name, version;
	struct package_installed *list;
	size_t count;
	if (!spec_parse(spec, &name, &version))
		return error_set(err, ERR_USAGE,
				 "'%.*s' names no package: write name#version, or the path of a file or directory",
				 STR_ARG(str_slice(spec, 0, 100)));
	if (!package_list(a, cache, &list, &count, err))
		return false;
	const struct package_installed *found = pick(list, count, name, version);
	if (!found)
		return fail_missing(spec, list, count, name, err);
	*ret_found = *found;
	return true;
}

bool package_remove(struct str cache, const struct package_installed *package, struct error *err)
{
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	/* Out of the way first: nobody shall find half a package. */
	struct str path = arena_str(&a, package->path);
	struct str aside = arena_printf(&a, "%.*s/.removed-%ld-%.*s#%.*s", STR_ARG(cache), (long)getpid(),
					STR_ARG(package->name), STR_ARG(package->version));
	bool ok = path.p && aside.p ? true : error_memory(err);
	if (ok && rename(path.p, aside.p) != 0)
		ok = error_set(err, ERR_IO, "cannot remove %.*s", STR_ARG(str_slice(path, 0, 200)));
	ok = ok && directory_remove(aside, err);
	arena_done(&a);
	return ok;
}
