/*
 * How fast resources are brought into one form: of each document of the files the resources are parsed, normalised and
 * written again. Prints resources a second, best of several rounds, for the whole and for normalising alone. Usage:
 * normalise_bench NDJSON...
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "normal/normal.h"

enum { ROUNDS = 7 };

struct lines {
	struct str *all;
	const struct json **parsed;
	size_t count, capacity, bytes;
};

static void split(struct arena *a, struct lines *lines, struct str text)
{
	while (text.p) {
		struct str line = str_trim(str_split(&text, '\n'));
		if (!line.n)
			continue;
		lines->all = arena_grow(a, lines->all, lines->count, &lines->capacity, lines->count + 1, sizeof(line));
		if (!lines->all)
			exit(1);
		lines->all[lines->count++] = line;
		lines->bytes += line.n;
	}
}

static double run(const struct normaliser *n, struct lines *lines, bool parse, enum normal_vendor vendor)
{
	struct arena a;
	struct buf out;
	struct error err = {0};
	uint64_t best = UINT64_MAX;
	arena_init(&a, ARENA_NO_CAP);
	buf_init(&out, (size_t)1 << 30);
	for (int round = 0; round < ROUNDS; round++) {
		struct normal_report report = {0};
		const struct normal_options options = {.vendor = vendor};
		uint64_t start = clock_monotonic_ns();
		for (size_t i = 0; i < lines->count; i++) {
			enum normal_fate fate;
			buf_reset(&out);
			if (parse)
				arena_reset(&a);
			const struct json *j = parse ? json_parse(&a, lines->all[i], 0, &err) : lines->parsed[i];
			if (!j || !normalise(n, j, &options, &out, &report, &fate, &err)) {
				fprintf(stderr, "line %zu: %s\n", i + 1, err.text);
				exit(1);
			}
		}
		uint64_t took = clock_monotonic_ns() - start;
		best = took < best ? took : best;
	}
	buf_done(&out);
	arena_done(&a);
	return (double)lines->count * 1e9 / (double)best;
}

int main(int argc, char **argv)
{
	struct arena a;
	struct error err = {0};
	struct normaliser *n = normaliser_new(definitions_builtin(), &err);
	arena_init(&a, ARENA_NO_CAP);
	for (int i = 1; n && i < argc; i++) {
		struct lines lines = {0};
		struct str text;
		if (!file_read(&a, str_from(argv[i]), (size_t)1 << 30, &text, &err)) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
		split(&a, &lines, text);
		lines.parsed = ARENA_ARRAY(&a, const struct json *, lines.count + 1);
		for (size_t k = 0; k < lines.count; k++)
			lines.parsed[k] = json_parse(&a, lines.all[k], 0, &err);
		enum normal_vendor vendor = normal_detect(text);
		printf("%-40s %7zu resources of %zu bytes: %9.0f/s with parsing, %9.0f/s without\n", argv[i],
		       lines.count, lines.bytes / (lines.count ? lines.count : 1), run(n, &lines, true, vendor),
		       run(n, &lines, false, vendor));
	}
	normaliser_free(n);
	arena_done(&a);
	return n ? 0 : 1;
}
