/*
 * XML Patch on a resource: its XML form is patched and read back. What the way through XML changes although no
 * operation touched it, such as the quotes around attributes in a narrative, is put back: an unpatched document goes
 * the same way, and texts that come out of the patched one as they came out of that are what they were before.
 */
#include "base/map.h"
#include "fhir/xml.h"
#include "patch/patch_priv.h"

enum { MAX_TEXTS = 100000 };

struct journey {
	struct arena *arena;
	const struct definitions *definitions;
	struct error *err;
	struct map texts; /* a text after the way through XML: the struct str * before */
};

static const struct json *through_xml(struct journey *j, struct str xml, struct str diff)
{
	struct str patched;
	if (!xml_patch(j->arena, xml, diff, S("http://hl7.org/fhir"), &patched, j->err))
		return NULL;
	const struct json *result = xml_read_resource(j->arena, j->definitions, patched, NULL, j->err);
	if (!result) {
		error_context(j->err, "The patched resource");
		if (j->err->code == ERR_STRUCTURE || j->err->code == ERR_VALUE)
			j->err->code = ERR_PATCH;
	}
	return result;
}

/* Notes which texts came out changed. The two documents have the same members, perhaps in another order. */
static bool note_changes(struct journey *j, const struct json *before, const struct json *after)
{
	struct json_iter list = json_iter(after);
	if (json_is(before, JSON_STRING) && json_is(after, JSON_STRING)) {
		struct str text = json_str(before), *kept;
		if (str_eq(text, json_str(after)))
			return true;
		uint64_t *slot = map_put(&j->texts, json_str(after), NULL);
		kept = slot ? ARENA_NEW(j->arena, struct str) : NULL;
		if (!kept)
			return error_memory(j->err);
		*kept = text;
		*slot = (uint64_t)(uintptr_t)kept;
		return true;
	}
	for (struct json_iter it = json_iter(before); json_next(&it);) {
		bool more = json_next(&list);
		if (!note_changes(j, it.value, it.key.p ? json_get(after, it.key) : more ? list.value : NULL))
			return false;
	}
	return true;
}

static void write_restored(struct json_writer *w, const struct journey *j, const struct json *value)
{
	struct json_iter it = json_iter(value);
	const uint64_t *slot;
	switch (json_type(value)) {
	case JSON_OBJECT:
		json_object_begin(w);
		while (json_next(&it)) {
			json_key(w, it.key);
			write_restored(w, j, it.value);
		}
		json_object_end(w);
		break;
	case JSON_ARRAY:
		json_array_begin(w);
		while (json_next(&it))
			write_restored(w, j, it.value);
		json_array_end(w);
		break;
	case JSON_STRING:
		slot = map_get(&j->texts, json_str(value));
		json_put_str(w, slot ? *(const struct str *)(uintptr_t)*slot : json_str(value));
		break;
	default:
		json_put_value(w, value);
	}
}

static bool patch_through_xml(struct journey *j, const struct json *resource, struct str diff, struct buf *out)
{
	struct buf xml;
	bool ok = false;
	buf_init(&xml, XML_MAX_PATCHED);
	if (xml_write_resource(&xml, j->arena, j->definitions, resource, j->err)) {
		const struct json *plain = NULL, *patched = NULL;
		if (!buf_ok(&xml))
			error_set(j->err, ERR_LIMIT, "The resource is too large for an XML Patch");
		else
			plain = through_xml(j, buf_str(&xml), S("<diff/>"));
		if (plain && note_changes(j, resource, plain))
			patched = through_xml(j, buf_str(&xml), diff);
		if (patched) {
			struct json_writer w = json_writer(out);
			write_restored(&w, j, patched);
			ok = buf_ok(out) || error_memory(j->err);
		}
	}
	buf_done(&xml);
	return ok;
}

const struct json *patch_xml(struct arena *a, const struct definitions *d, const struct json *resource, struct str diff,
			     struct error *err)
{
	struct arena scratch;
	struct buf out;
	struct error own = {0};
	struct journey j = {.arena = &scratch, .definitions = d, .err = err ? err : &own};
	const struct json *result = NULL;
	arena_init(&scratch, a->cap);
	map_init(&j.texts, MAX_TEXTS);
	buf_init(&out, PATCH_MAX_BYTES);
	if (patch_through_xml(&j, resource, diff, &out))
		result = json_parse(a, buf_str(&out), 0, j.err);
	buf_done(&out);
	map_done(&j.texts);
	arena_done(&scratch);
	return result;
}
