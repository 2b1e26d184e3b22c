/*
 * Runs the files of a JSON parsing suite whose names tell what a parser must do: y_ accept, n_ refuse, any other
 * either, but without crashing. What was accepted must be the same when written and read again. Usage: json_suite
 * DIRECTORY. A line per failing case, then "N passed, N failed".
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

static void write_compact(struct buf *out, const struct json *j)
{
	struct json_writer w = json_writer(out);
	json_put_value(&w, j);
}

/* Written, read and written again. */
static bool comes_back(struct arena *a, const struct json *j)
{
	struct buf once, twice;
	struct error err = {0};
	buf_init(&once, 64 << 20);
	buf_init(&twice, 64 << 20);
	write_compact(&once, j);
	const struct json *back = json_parse(a, buf_str(&once), 0, &err);
	write_compact(&twice, back);
	bool same = back && buf_ok(&once) && str_eq(buf_str(&once), buf_str(&twice));
	buf_done(&once);
	buf_done(&twice);
	return same;
}

/* What the file's name demands. */
static bool demands(const char *name, char what)
{
	return name[0] == what && name[1] == '_';
}

static bool case_passes(const char *directory, const char *name)
{
	struct buf text;
	struct arena a;
	struct error err = {0};
	const char *problem = NULL;
	buf_init(&text, 64 << 20);
	arena_init(&a, 256 << 20);
	const struct json *j = read_file(directory, name, &text) ? json_parse(&a, buf_str(&text), 0, &err) : NULL;
	if (j && demands(name, 'n'))
		problem = "accepted";
	else if (j && !comes_back(&a, j))
		problem = "changed when written and read again";
	else if (!j && (!err.code || (demands(name, 'y') && !refused_on_purpose(&err))))
		problem = err.code ? err.text : "cannot be read";
	if (problem)
		printf("FAILED %s: %s\n", name, problem);
	arena_done(&a);
	buf_done(&text);
	return !problem;
}

static bool run_directory(const char *path, size_t *passed, size_t *failed)
{
	DIR *d = opendir(path);
	if (!d)
		return false;
	for (struct dirent *e; (e = readdir(d));) {
		if (!str_ends(str_from(e->d_name), S(".json")))
			continue;
		if (case_passes(path, e->d_name))
			++*passed;
		else
			++*failed;
	}
	closedir(d);
	return true;
}

int main(int argc, char **argv)
{
	static const char *const parts[] = {"test_parsing", "test_transform"};
	size_t passed = 0, failed = 0;
	if (argc != 2) {
		fprintf(stderr, "usage: json_suite DIRECTORY\n");
		return 2;
	}
	if (!run_directory(argv[1], &passed, &failed)) {
		perror(argv[1]);
		return 2;
	}
	/* The whole suite keeps its cases one level down. */
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char path[4096];
		if (snprintf(path, sizeof(path), "%s/%s", argv[1], parts[i]) < (int)sizeof(path))
			run_directory(path, &passed, &failed);
	}
	printf("%zu passed, %zu failed\n", passed, failed);
	return failed || !passed ? 1 : 0;
}
