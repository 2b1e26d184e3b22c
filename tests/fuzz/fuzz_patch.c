/*
 * Any document and any patch, separated by a line with "%%": JSON Patch when the patch begins with [, XML Patch with <,
 * otherwise FHIRPath Patch. The document must be untouched and the result, if there is one, a sound document.
 */
#include <assert.h>

#include "fhir/definitions.h"
#include "fuzz.h"
#include "patch/patch.h"
#include "xml/xml.h"

enum { MAX_OUT = 32 << 20, MAX_MEMORY = 64 << 20 };

static struct str compact(struct buf *out, const struct json *j)
{
	struct json_writer w = json_writer(out);
	buf_reset(out);
	json_put_value(&w, j);
	return buf_str(out);
}

static const struct json *apply(struct arena *a, const struct json *document, struct str text, struct error *err)
{
	if (str_starts(text, S("<")))
		return patch_xml(a, definitions_builtin(), document, text, err);
	const struct json *patch = json_parse(a, text, 0, err);
	if (!patch)
		return NULL;
	return str_starts(text, S("[")) ? patch_json(a, document, patch, err)
					: patch_fhirpath(a, definitions_builtin(), document, patch, err);
}

static void patch_json_form(struct arena *a, struct str document, struct str patch)
{
	struct buf before, after;
	struct error err = {0}, failure = {0};
	const struct json *j = json_parse(a, document, 0, &err);
	if (!j)
		return;
	buf_init(&before, MAX_OUT);
	buf_init(&after, MAX_OUT);
	compact(&before, j);
	const struct json *result = apply(a, j, patch, &failure);
	assert((result != NULL) == (failure.code == ERR_NONE));
	assert(str_eq(buf_str(&before), compact(&after, j)));
	if (result)
		assert(json_parse(a, compact(&after, result), 0, &err) || err.code == ERR_MEMORY);
	buf_done(&before);
	buf_done(&after);
}

static void patch_xml_form(struct arena *a, struct str document, struct str patch)
{
	static const struct xml_limits limits = {.instructions = true};
	struct str result;
	struct error err = {0};
	if (xml_patch(a, document, patch, STR_NULL, &result, &err))
		assert(xml_parse(a, result, &limits, &err) || err.code == ERR_MEMORY);
	else
		assert(err.code != ERR_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct str text = str_make((const char *)data, size);
	size_t at = str_find(text, S("\n%%\n"));
	if (at == STR_NONE)
		return 0;
	arena_init(&a, MAX_MEMORY);
	struct str document = str_slice(text, 0, at), patch = str_slice(text, at + 4, size);
	if (str_starts(document, S("<")))
		patch_xml_form(&a, document, patch);
	else
		patch_json_form(&a, document, patch);
	arena_done(&a);
	return 0;
}
