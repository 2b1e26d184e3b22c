/*
 * Normalising real resources loses nothing and is done once: every value of what went in stands in what comes out or in
 * the explanation, and doing it again changes no byte. Reads JSON and NDJSON files below a directory (or one file) and
 * looks for resources in whatever they are wrapped in. With SEED and COUNT so many other recordings of the same form
 * are made of each document (variant.h), from that seed on. Usage: normalise_suite PATH [SEED COUNT]. A line per
 * failing resource, then "N passed, N failed".
 */
#include <ftw.h>
#include <stdio.h>

#include "base/file.h"
#include "normal/normal.h"
#include "variant.h"

enum { DEPTH_MAX = 6, TEXT_MAX = 512 << 20 };

static struct normaliser *normaliser;
static size_t passed, failed;
static uint64_t first_seed, variants;

struct check {
	const char *file;
	struct str how; /* the variant was made, with its seed; empty: the document itself */
	enum normal_vendor vendor;
	struct arena *a;
	struct map values; /* that came out */
	const struct normal_report *report;
	struct str lost;
};

/* ---- values ------------------------------------------------------------------------------------------------------ */

static struct str value_text(const struct json *j)
{
	return json_is(j, JSON_STRING)	 ? json_str(j)
	       : json_is(j, JSON_NUMBER) ? json_number(j)
	       : json_is(j, JSON_BOOL)	 ? (json_bool(j) ? S("true") : S("false"))
					 : S("null");
}

static void collect(struct check *c, const struct json *j)
{
	struct json_iter it = json_iter(j);
	if (json_type(j) < JSON_ARRAY)
		map_put(&c->values, value_text(j), NULL);
	while (json_next(&it))
		collect(c, it.value);
}

static bool is_named(const struct check *c, struct str text)
{
	for (size_t i = 0; i < c->report->count; i++)
		if (str_find(c->report->changes[i].before, text) != STR_NONE)
			return true;
	return false;
}

static void find_lost(struct check *c, const struct json *j)
{
	struct json_iter it = json_iter(j);
	if (json_type(j) < JSON_ARRAY && !map_get(&c->values, value_text(j)) && !is_named(c, value_text(j)))
		c->lost = value_text(j);
	while (json_next(&it))
		find_lost(c, it.value);
}

/* ---- one resource ------------------------------------------------------------------------------------------------ */

static const struct json *run(struct check *c, const struct json *resource, struct normal_report *report,
			      struct str *ret_text, enum normal_fate *ret_fate)
{
	struct buf out;
	struct error err = {0};
	const struct normal_options options = {
		.vendor = c->vendor,
		.base_url = S("https://fhir-open.cerner.com/r4/ec2458f2-1e24-41c8-b71b-0e701af7583d")};
	buf_init(&out, TEXT_MAX);
	bool ok = normalise(normaliser, resource, &options, &out, report, ret_fate, &err);
	*ret_text = arena_str(c->a, buf_str(&out));
	buf_done(&out);
	return ok && *ret_fate == NORMAL_KEPT ? json_parse(c->a, *ret_text, 0, &err) : NULL;
}

static const char *judge(struct check *c, const struct json *resource)
{
	struct normal_report report = {.arena = c->a}, again = {0};
	enum normal_fate fate;
	struct str once, twice;
	c->report = &report;
	const struct json *result = run(c, resource, &report, &once, &fate);
	if (fate == NORMAL_DROPPED)
		return report.counts[NORMAL_WITHDRAWN] + report.counts[NORMAL_MESSAGE] == 1 && !once.n
			       ? NULL
			       : "it vanished without a reason";
	if (!result)
		return "no result";
	map_init(&c->values, 10000000);
	collect(c, result);
	c->lost = STR_NULL;
	find_lost(c, resource);
	map_done(&c->values);
	if (c->lost.p)
		return "a value was lost";
	run(c, result, &again, &twice, &fate);
	if (fate != NORMAL_KEPT || !str_eq(once, twice))
		return "doing it again changes it";
	return NULL;
}

static void take_resource(struct check *c, const struct json *resource)
{
	const char *problem = judge(c, resource);
	if (problem)
		printf("FAILED %s%.*s %.*s/%.*s: %s %.*s\n", c->file, STR_ARG(c->how),
		       STR_ARG(json_get_str(resource, S("resourceType"))), STR_ARG(json_get_str(resource, S("id"))),
		       problem, STR_ARG(str_slice(c->lost, 0, 100)));
	*(problem ? &failed : &passed) += 1;
}

static void take(struct check *c, const struct json *j, int depth)
{
	struct str type = json_get_str(j, S("resourceType"));
	struct json_iter it = json_iter(j);
	if (type.n && !str_is(type, "Bundle"))
		take_resource(c, j);
	else
		while (depth < DEPTH_MAX && json_next(&it))
			take(c, it.value, depth + 1);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void take_variant(const char *file, const struct json *document, uint64_t seed)
{
	struct arena a;
	struct error err = {0};
	struct str how;
	arena_init(&a, ARENA_NO_CAP);
	struct str text = variant_make(&a, document, seed, &how);
	struct check c = {.file = file, .vendor = normal_detect(text), .a = &a};
	c.how = arena_printf(&a, " (seed %llu: %.*s)", (unsigned long long)seed, STR_ARG(how));
	const struct json *j = json_parse(&a, text, 0, &err);
	if (!j)
		printf("FAILED %s%.*s: %s\n", file, STR_ARG(c.how), err.text);
	else
		take(&c, j, 0);
	failed += !j;
	arena_done(&a);
}

static void take_text(const char *file, struct str text, enum normal_vendor vendor)
{
	struct arena a;
	struct error err = {0};
	arena_init(&a, ARENA_NO_CAP);
	struct check c = {.file = file, .vendor = vendor, .a = &a};
	const struct json *j = text.n ? json_parse(&a, text, 0, &err) : NULL;
	if (j)
		take(&c, j, 0);
	else if (text.n)
		printf("FAILED %s: %s\n", file, err.text);
	failed += !j && text.n;
	for (uint64_t i = 0; j && i < variants; i++)
		take_variant(file, j, first_seed + i);
	arena_done(&a);
}

static int take_file(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	struct str name = str_from(path), text;
	bool lines = str_ends(name, S(".ndjson"));
	struct arena a;
	struct error err = {0};
	(void)info, (void)at;
	if (kind != FTW_F || (!lines && !str_ends(name, S(".json"))))
		return 0;
	arena_init(&a, ARENA_NO_CAP);
	if (!file_read(&a, name, TEXT_MAX, &text, &err)) {
		printf("FAILED %s: %s\n", path, err.text);
		failed++;
	} else {
		enum normal_vendor vendor = normal_detect(text);
		while (lines && text.p)
			take_text(path, str_trim(str_split(&text, '\n')), vendor);
		if (!lines)
			take_text(path, text, vendor);
	}
	arena_done(&a);
	return 0;
}

int main(int argc, char **argv)
{
	struct error err = {0};
	normaliser = normaliser_new(definitions_builtin(), &err);
	bool asked = argc == 2 || (argc == 4 && str_to_u64(str_from(argv[2]), &first_seed) &&
				   str_to_u64(str_from(argv[3]), &variants));
	if (!normaliser || !asked || nftw(argv[1], take_file, 20, FTW_PHYS) != 0) {
		fprintf(stderr, "%s\nusage: normalise_suite PATH [SEED COUNT]\n", err.text);
		return 2;
	}
	normaliser_free(normaliser);
	printf("%zu passed, %zu failed\n", passed, failed);
	return failed ? 1 : 0;
}
