/*
 * Runs a JSON Patch test file: a list of {doc, patch, expected | error, comment, disabled}. A case with `error` passes
 * when the patch is refused. Cases are cut out of the file before they are parsed, because some hold what no reader
 * should accept, such as an operation with two `op` members; then refusing the text is the right answer. A disabled
 * case counts when it passes and is skipped when not. Usage: json_patch_suite FILE.json|DIRECTORY. A line per failing
 * case, then "N passed, N failed".
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "patch/patch.h"
#include "same.h"

enum { MAX_FILE = 64 << 20 };

static size_t passed, failed, skipped;

/* The next item of the list that *at stands in. */
static bool next_case(struct str text, size_t *at, struct str *ret_item)
{
	size_t depth = 0, from = STR_NONE;
	for (; *at < text.n; ++*at) {
		char c = text.p[*at];
		if (c == '"') {
			for (++*at; *at < text.n && text.p[*at] != '"'; ++*at)
				*at += text.p[*at] == '\\';
		} else if (c == '{' || c == '[') {
			if (depth++ == 0)
				from = *at;
		} else if ((c == '}' || c == ']') && depth && --depth == 0) {
			*ret_item = str_slice(text, from, ++*at);
			return true;
		}
	}
	return false;
}

static void report(const char *path, size_t number, struct str comment, bool good, bool disabled, const char *why)
{
	if (good) {
		passed++;
	} else if (disabled) {
		skipped++;
	} else {
		failed++;
		printf("FAILED %s case %zu (%.*s): %s\n", path, number, STR_ARG(comment), why);
	}
}

static void run_case(const char *path, size_t number, struct str text)
{
	struct arena a;
	struct error err = {0};
	arena_init(&a, MAX_FILE);
	const struct json *c = json_parse(&a, text, 0, &err);
	if (!c) {
		bool twice = strstr(err.text, "twice") && str_find(text, S("\"error\"")) != STR_NONE;
		report(path, number, S("malformed"), twice, false, err.text);
	} else if (json_get(c, S("patch"))) {
		const struct json *expected = json_get(c, S("expected")), *error = json_get(c, S("error"));
		const struct json *result = patch_json(&a, json_get(c, S("doc")), json_get(c, S("patch")), &err);
		bool good = error ? !result : result && (!expected || same_json(&a, result, expected, false));
		report(path, number, json_get_str(c, S("comment")), good, json_bool(json_get(c, S("disabled"))),
		       err.code ? err.text
		       : error	? "it was applied"
				: "another result");
	}
	arena_done(&a);
}

static bool run_file(const char *path)
{
	struct arena a;
	struct str text, item;
	struct error err = {0};
	arena_init(&a, MAX_FILE + (1 << 20));
	bool read = file_read(&a, str_from(path), MAX_FILE, &text, &err);
	if (!read)
		fprintf(stderr, "%s\n", err.text);
	size_t at = read ? str_find_char(text, '[', 0) : STR_NONE, number = 0;
	for (at = at == STR_NONE ? 0 : at + 1; read && next_case(text, &at, &item);)
		run_case(path, ++number, item);
	arena_done(&a);
	return read;
}

int main(int argc, char **argv)
{
	struct stat about;
	if (argc != 2 || stat(argv[1], &about) != 0) {
		fprintf(stderr, "usage: json_patch_suite FILE.json|DIRECTORY\n");
		return 2;
	}
	bool read = true;
	DIR *d = S_ISDIR(about.st_mode) ? opendir(argv[1]) : NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", argv[1], e->d_name);
		if (str_ends(str_from(e->d_name), S(".json")))
			read &= run_file(path);
	}
	if (d)
		closedir(d);
	else
		read = run_file(argv[1]);
	if (skipped)
		printf("%zu disabled and skipped\n", skipped);
	printf("%zu passed, %zu failed\n", passed, failed);
	return !read || failed ? 1 : 0;
}
