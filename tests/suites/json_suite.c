/*
 * Runs the files of a JSON parsing suite whose names tell what a parser must do: y_ accept, n_ refuse, i_ either, but
 * without crashing. Usage: json_suite DIRECTORY. A line per failing case, then "N passed, N failed".
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/json.h"

static bool read_file(const char *directory, const char *name, struct buf *out)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	for (size_t n = 1; n;) {
		char *p = buf_reserve(out, 65536);
		n = p ? fread(p, 1, 65536, f) : 0;
		out->n += n;
	}
	fclose(f);
	return buf_ok(out);
}

/* What we refuse on purpose although the grammar allows it: FHIR forbids repeated keys, and depth is bounded. */
static bool refused_on_purpose(const struct error *err)
{
	return err->code == ERR_LIMIT || (err->code == ERR_JSON && strstr(err->text, "appears twice"));
}

static bool case_passes(const char *directory, const char *name)
{
	struct buf text;
	struct arena a;
	struct error err = {0};
	buf_init(&text, 64 << 20);
	arena_init(&a, 256 << 20);
	bool readable = read_file(directory, name, &text);
	bool accepted = readable && json_parse(&a, buf_str(&text), 0, &err);
	bool passes =
		readable && (name[0] == 'i' || (name[0] == 'y' ? accepted || refused_on_purpose(&err) : !accepted));
	if (!passes)
		printf("FAILED %s: %s\n", name, accepted ? "accepted" : err.text);
	arena_done(&a);
	buf_done(&text);
	return passes;
}

int main(int argc, char **argv)
{
	size_t passed = 0, failed = 0;
	if (argc != 2) {
		fprintf(stderr, "usage: json_suite DIRECTORY\n");
		return 2;
	}
	DIR *d = opendir(argv[1]);
	if (!d) {
		perror(argv[1]);
		return 2;
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		if (case_passes(argv[1], e->d_name))
			passed++;
		else
			failed++;
	}
	closedir(d);
	printf("%zu passed, %zu failed\n", passed, failed);
	return failed ? 1 : 0;
}
