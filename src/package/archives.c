/* The archives in a directory. */
#include "package/package_priv.h"

bool package_archives(struct arena *a, struct str directory, struct str **ret_paths, size_t *ret_count,
		      struct error *err)
{
	struct directory_entry *entries;
	size_t entry_count, count = 0;
	if (!directory_list(a, directory, &entries, &entry_count, err))
		return false;
	struct str *paths = ARENA_ARRAY(a, struct str, entry_count + 1);
	if (!paths)
		return error_memory(err);
	for (size_t i = 0; i < entry_count; i++) {
		struct str name = entries[i].name;
		if (entries[i].kind != ENTRY_FILE || name.p[0] == '.' ||
		    (!str_ends(name, S(".tgz")) && !str_ends(name, S(".tar.gz"))))
			continue;
		paths[count] = path_join(a, directory, name);
		if (!paths[count++].p)
			return error_memory(err);
	}
	*ret_paths = paths;
	*ret_count = count;
	return true;
}
