/* Lists of known failures, from the directory that the build names. */
#include "known.h"

#include "base/file.h"

bool known_read(struct known *k, struct arena *a, const char *name, struct error *err)
{
	struct str text;
	struct error absent = {0};
	struct str path = arena_printf(a, KNOWN_FAILURES "/%s.txt", name);
	*k = (struct known){0};
	if (!path.p || !file_read(a, path, 1 << 20, &text, &absent))
		return path.p && absent.code == ERR_NOT_FOUND ? true : error_set(err, absent.code, "%s", absent.text);
	while (text.p) {
		struct str line = str_trim(str_split(&text, '\n'));
		size_t dashes = str_find(line, S(" -- "));
		if (!line.n || line.p[0] == '#')
			continue;
		if (dashes == STR_NONE || k->count == sizeof(k->names) / sizeof(k->names[0]))
			return error_set(err, ERR_VALUE, "%.*s: a line without \" -- \" and reason, or too many",
					 STR_ARG(path));
		k->names[k->count] = str_trim(str_slice(line, 0, dashes));
		k->reasons[k->count++] = str_trim(str_slice(line, dashes + 4, line.n));
	}
	return true;
}

bool known_has(struct known *k, struct str name)
{
	for (size_t i = 0; i < k->count; i++) {
		if (!str_eq(k->names[i], name))
			continue;
		k->met[i] = true;
		return true;
	}
	return false;
}
