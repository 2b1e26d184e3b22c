/*
 * Any bytes as JSON: what is accepted comes back the same when written plain and pretty, every error has a code, and
 * positions are found in any text. The bytes serve as a path as well.
 */
#include <assert.h>

#include "fuzz.h"
#include "json/json.h"

enum { MAX_OUT = 32 << 20, MAX_MEMORY = 64 << 20, MAX_STEPS = 16 };

static struct str compact(struct buf *out, const struct json *j)
{
	struct json_writer w = json_writer(out);
	json_put_value(&w, j);
	assert(buf_ok(out));
	return buf_str(out);
}

static void write_and_read(struct arena *a, const struct json *j)
{
	struct buf once, twice, pretty;
	buf_init(&once, MAX_OUT);
	buf_init(&twice, MAX_OUT);
	buf_init(&pretty, MAX_OUT);
	const struct json *back = json_parse(a, compact(&once, j), 0, NULL);
	assert(back && str_eq(compact(&twice, back), buf_str(&once)));
	json_pretty(&pretty, j);
	buf_reset(&twice);
	back = json_parse(a, buf_str(&pretty), 0, NULL);
	assert(back && str_eq(compact(&twice, back), buf_str(&once)));
	buf_done(&once);
	buf_done(&twice);
	buf_done(&pretty);
}

/* Follows the first members and items down; what is there must be found. */
static void locate(struct str text, const struct json *j)
{
	struct json_step steps[MAX_STEPS];
	size_t count = 0, line, column;
	while (count < MAX_STEPS) {
		struct json_iter it = json_iter(j);
		if (!json_next(&it))
			break;
		steps[count++] = (struct json_step){it.key, it.key.p ? JSON_NO_INDEX : 0};
		j = it.value;
	}
	size_t taken = json_locate(text, steps, count, &line, &column);
	assert(taken <= count && line >= 1 && column >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct error err = {0};
	struct json_step steps[MAX_STEPS];
	size_t count = 0, line, column;
	struct str text = str_make((const char *)data, size);
	arena_init(&a, MAX_MEMORY);
	const struct json *j = json_parse(&a, text, 0, &err);
	assert(j || err.code);
	if (j) {
		write_and_read(&a, j);
		locate(text, j);
	}
	if (json_path_parse(&a, text, steps, MAX_STEPS, &count))
		assert(json_locate(text, steps, count, &line, &column) <= count);
	json_locate(text, (struct json_step[]){{S("a"), 1}, {S("b"), JSON_NO_INDEX}}, 2, &line, &column);
	arena_done(&a);
	return 0;
}
