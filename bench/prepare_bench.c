/*
 * What one resource costs before it reaches the store: parsing, structure check, stored form, index rows. Takes bundle
 * files, prints microseconds per resource and step. Usage: prepare_bench ROUNDS FILE...
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "fhir/resource.h"
#include "search/search.h"

enum step { STEP_PARSE, STEP_CHECK, STEP_STORED, STEP_EXTRACT, STEPS };

struct totals {
	uint64_t ns[STEPS];
	uint64_t resources, bytes, rows;
};

static uint64_t lap(struct totals *t, enum step step, uint64_t from)
{
	uint64_t now = clock_monotonic_ns();
	t->ns[step] += now - from;
	return now;
}

static void each(struct totals *t, const struct extractor *x, struct arena *a, struct buf *out, struct str text)
{
	struct error err = {0};
	struct issues findings;
	struct index_rows rows = {0};
	size_t meta_at;
	uint64_t at = clock_monotonic_ns();
	const struct json *resource = json_parse(a, text, 0, &err);
	at = lap(t, STEP_PARSE, at);
	issues_init(&findings, a);
	bool ok = resource && resource_check(definitions_builtin(), resource, &findings);
	at = lap(t, STEP_CHECK, at);
	buf_reset(out);
	if (ok)
		resource_write_stored(out, resource, S("0193f8a0-0000-7000-8000-000000000000"), NULL, &meta_at);
	at = lap(t, STEP_STORED, at);
	if (ok && !extract(x, a, resource, STR_NULL, &rows, &err))
		fprintf(stderr, "%s\n", err.text);
	lap(t, STEP_EXTRACT, at);
	t->resources++;
	t->bytes += text.n;
	t->rows += rows.count;
}

static void run_file(struct totals *t, const struct extractor *x, const char *path, unsigned rounds)
{
	struct arena file, item;
	struct buf text, out;
	struct str content;
	struct error err = {0};
	arena_init(&file, (size_t)1 << 30);
	arena_init(&item, (size_t)1 << 30);
	buf_init(&text, 64 << 20);
	buf_init(&out, 64 << 20);
	const struct json *bundle = NULL;
	if (file_read(&file, str_from(path), 256 << 20, &content, &err))
		bundle = json_parse(&file, content, 0, &err);
	for (struct json_iter it = json_iter(json_get(bundle, S("entry"))); json_next(&it);) {
		buf_reset(&text);
		struct json_writer w = json_writer(&text);
		json_put_value(&w, json_get(it.value, S("resource")));
		for (unsigned i = 0; i < rounds; i++) {
			arena_reset(&item);
			each(t, x, &item, &out, buf_str(&text));
		}
	}
	buf_done(&out);
	buf_done(&text);
	arena_done(&item);
	arena_done(&file);
}

int main(int argc, char **argv)
{
	static const char *const names[STEPS] = {"parse", "check", "stored form", "index rows"};
	struct totals t = {0};
	struct error err = {0};
	unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	if (!rounds) {
		fprintf(stderr, "usage: prepare_bench ROUNDS FILE...\n");
		return 2;
	}
	uint64_t start = clock_monotonic_ns();
	struct extractor *x = extractor_new(definitions_builtin(), &err);
	printf("ready after %.2f ms\n", (double)(clock_monotonic_ns() - start) / 1e6);
	for (int i = 2; x && i < argc; i++)
		run_file(&t, x, argv[i], rounds);
	double n = t.resources ? (double)t.resources : 1;
	for (int i = 0; i < STEPS; i++)
		printf("%-12s %7.2f us\n", names[i], (double)t.ns[i] / n / 1e3);
	printf("resources %llu, %.0f bytes and %.1f rows each\n", (unsigned long long)t.resources, (double)t.bytes / n,
	       (double)t.rows / n);
	extractor_free(x);
	return x ? 0 : 1;
}
