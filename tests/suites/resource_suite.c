/*
 * Checks the structure of real resources: every JSON file of a directory holds one resource that must pass, and whose
 * stored form must pass again. Usage: resource_suite DIRECTORY. A line per failing file, then "N passed, N failed".
 */
#include <dirent.h>
#include <stdio.h>

#include "base/file.h"
#include "fhir/resource.h"

static bool check(struct arena *a, const struct json *resource, const char *name)
{
	struct issues findings;
	issues_init(&findings, a);
	if (resource && resource_check(definitions_builtin(), resource, &findings))
		return true;
	for (const struct issue *i = findings.first; i; i = i->next)
		printf("FAILED %s: %.*s: %.*s\n", name, STR_ARG(i->path), STR_ARG(i->text));
	return false;
}

static bool file_passes(const char *directory, const char *name)
{
	char path[4096];
	struct arena a;
	struct str text;
	struct buf stored, served;
	struct error err = {0};
	size_t meta_at;
	arena_init(&a, (size_t)1 << 30);
	buf_init(&stored, 256 << 20);
	buf_init(&served, 256 << 20);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	const struct json *resource =
		file_read(&a, str_from(path), 256 << 20, &text, &err) ? json_parse(&a, text, 0, &err) : NULL;
	if (err.code)
		printf("FAILED %s: %s\n", name, err.text);
	bool passes = check(&a, resource, name);
	if (passes) {
		resource_write_stored(&stored, resource, S("x"), NULL, &meta_at);
		resource_write_served(&served, buf_str(&stored), meta_at, 1, 0);
		passes = check(&a, json_parse(&a, buf_str(&served), 0, &err), name);
	}
	buf_done(&served);
	buf_done(&stored);
	arena_done(&a);
	return passes;
}

int main(int argc, char **argv)
{
	size_t passed = 0, failed = 0;
	DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
	if (!d) {
		fprintf(stderr, "usage: resource_suite DIRECTORY\n");
		return 2;
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (!str_ends(str_from(e->d_name), S(".json")))
			continue;
		if (file_passes(argv[1], e->d_name))
			passed++;
		else
			failed++;
	}
	closedir(d);
	printf("%zu passed, %zu failed\n", passed, failed);
	return failed ? 1 : 0;
}
