/*
 * Any JSON as a resource of any vendor (the first byte): the result must be JSON again, doing it once more must change
 * nothing, and counting must agree with explaining.
 */
#include <assert.h>
#include <stdlib.h>

#include "fuzz.h"
#include "normal/normal.h"

enum { MAX_OUT = 64 << 20, MAX_MEMORY = 256 << 20 };

static bool run(const struct normaliser *n, const struct json *j, const struct normal_options *options, struct buf *out,
		struct normal_report *report, enum normal_fate *ret_fate)
{
	struct error err = {0};
	buf_reset(out);
	bool ok = normalise(n, j, options, out, report, ret_fate, &err);
	assert(ok == (err.code == ERR_NONE));
	return ok;
}

static void check(const struct normaliser *n, struct arena *a, const struct json *j,
		  const struct normal_options *options)
{
	struct normal_report counted = {0}, listed = {.arena = a};
	enum normal_fate fate, again;
	struct buf out, twice;
	struct error err = {0};
	buf_init(&out, MAX_OUT);
	buf_init(&twice, MAX_OUT);
	if (run(n, j, options, &out, &listed, &fate)) {
		bool same = run(n, j, options, &twice, &counted, &again);
		assert(same && fate == again && str_eq(buf_str(&out), buf_str(&twice)));
		assert(memcmp(counted.counts, listed.counts, sizeof(counted.counts)) == 0);
		const struct json *result =
			fate == NORMAL_KEPT ? json_parse(a, arena_str(a, buf_str(&out)), 0, &err) : NULL;
		assert(result || fate == NORMAL_DROPPED || err.code == ERR_LIMIT || err.code == ERR_MEMORY);
		if (result && run(n, result, options, &twice, NULL, &again))
			assert(again == NORMAL_KEPT && str_eq(buf_str(&out), buf_str(&twice)));
	}
	buf_done(&twice);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct normaliser *n;
	struct error err = {0};
	struct arena a;
	struct normal_book book;
	if (!n)
		n = normaliser_new(definitions_builtin(), &err);
	if (!n || !size)
		return 0;
	arena_init(&a, MAX_MEMORY);
	normal_book_init(&book);
	const struct json *j = json_parse(&a, str_make((const char *)data + 1, size - 1), 0, &err);
	struct normal_options options = {.vendor = (enum normal_vendor)(data[0] % 3),
					 .base_url = data[0] & 4 ? S("https://ehr.example/fhir") : STR_NULL,
					 .source = data[0] & 8 ? S("https://ehr.example/fhir/X/1") : STR_NULL,
					 .book = data[0] & 16 ? &book : NULL};
	if (j && normal_book_add(&book, definitions_builtin(), j, S("urn:uuid:1"), &err))
		check(n, &a, j, &options);
	normal_book_done(&book);
	arena_done(&a);
	return 0;
}
