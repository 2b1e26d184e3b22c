/*
 * Lines of bulk files and configurations of others. What the JSON parser takes as an object is a whole line to the
 * quick look as well, with the same type and id; and a configuration in JavaScript that is read gives JSON, or an
 * error.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "export/config_priv.h"

static void check_line(struct arena *a, struct str line)
{
	struct error err = {0};
	struct looked looked;
	struct look_reference references[8];
	size_t count;
	const char *why = look_line(line, &looked, references, 8, &count);
	for (size_t i = 0; i < count; i++)
		if (references[i].offset + references[i].text.n > line.n)
			abort();
	if (str_find_char(line, '\n', 0) != STR_NONE || str_starts(line, S("\xef\xbb\xbf")))
		return;
	const struct json *json = json_parse(a, line, 0, &err);
	if (!json_is(json, JSON_OBJECT))
		return;
	if (why)
		abort();
	struct str id = json_get_str(json, S("id"));
	if (looked.id.p && str_find_char(looked.id, '\\', 0) == STR_NONE && id.p && !str_eq(id, looked.id))
		abort();
}

static void check_config(struct arena *a, struct str text)
{
	struct error err = {0};
	struct buf out;
	buf_init(&out, 1 << 20);
	if (config_js_to_json(text, &out, &err) == (err.code != ERR_NONE))
		abort();
	struct export_config config;
	struct error why = {0};
	(void)!export_config_read(a, text, &config, &why);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct str text = str_make((const char *)data, size);
	arena_init(&a, (size_t)16 << 20);
	check_line(&a, text);
	check_config(&a, text);
	arena_done(&a);
	return 0;
}
