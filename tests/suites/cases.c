/* Finds and reads the files of a suite of patches. */
#include "cases.h"

#include <dirent.h>
#include <stdio.h>

#include "base/file.h"

enum { MAX_MEMORY = 64 << 20 };

static bool cases_of_file(const char *path, void (*run)(struct str text, const struct xml_node *c))
{
	struct arena a;
	struct str text;
	struct error err = {0};
	const struct xml_node *root = NULL;
	arena_init(&a, MAX_MEMORY);
	if (file_read(&a, str_from(path), MAX_MEMORY / 4, &text, &err))
		root = xml_parse(&a, text, &(struct xml_limits){.instructions = true}, &err);
	if (!root)
		fprintf(stderr, "%s: %s\n", path, err.text);
	for (const struct xml_node *c = xml_first_element(root); c; c = xml_next_element(c))
		if (str_is(c->name, "case"))
			run(text, c);
	arena_done(&a);
	return root != NULL;
}

/* Runs the files of the directory whose names hold the mark, or are just cases.xml; how many could be read. */
static size_t cases_of_directory(DIR *d, const char *path, const char *mark,
				 void (*run)(struct str text, const struct xml_node *c))
{
	size_t count = 0;
	for (struct dirent *e; (e = readdir(d));) {
		char file[4096];
		bool named = str_ends(str_from(e->d_name), S(".xml")) && strstr(e->d_name, mark);
		if (!named && !str_is(str_from(e->d_name), "cases.xml"))
			continue;
		int n = snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if (n > 0 && (size_t)n < sizeof(file) && cases_of_file(file, run))
			count++;
	}
	return count;
}

bool cases_each(const char *path, const char *mark, void (*run)(struct str text, const struct xml_node *c))
{
	DIR *d = opendir(path);
	if (!d)
		return cases_of_file(path, run);
	size_t count = cases_of_directory(d, path, mark, run);
	closedir(d);
	if (!count)
		fprintf(stderr, "%s: there is no file *%s*.xml\n", path, mark);
	return count > 0;
}
