/* What is known of the resources around one: entries of its bundle, who has which identifier, and who was merged. */
#include "normal/normal_priv.h"

enum { BOOK_MAX = 4000000, MERGES_MAX = 16 };
#define BOOK_BYTES ((size_t)2 << 30)

void normal_book_init(struct normal_book *b)
{
	arena_init(&b->arena, BOOK_BYTES);
	map_init(&b->entries, BOOK_MAX);
	map_init(&b->identifiers, BOOK_MAX);
	map_init(&b->merged, BOOK_MAX);
}

void normal_book_done(struct normal_book *b)
{
	map_done(&b->entries);
	map_done(&b->identifiers);
	map_done(&b->merged);
	arena_done(&b->arena);
}

static const struct str *keep(struct normal_book *b, struct str text)
{
	struct str *kept = ARENA_NEW(&b->arena, struct str);
	struct str copy = arena_str(&b->arena, text);
	if (!kept || !copy.p)
		return NULL;
	*kept = copy;
	return kept;
}

static bool put(struct normal_book *b, struct map *m, struct str key, const struct str *value, bool once)
{
	struct str copy = arena_str(&b->arena, key);
	bool fresh = false;
	uint64_t *slot = copy.p ? map_put(m, copy, &fresh) : NULL;
	if (!slot)
		return false;
	if (!fresh && once && !str_eq(*(const struct str *)(uintptr_t)*slot, *value))
		value = keep(b, S("")); /* several have it: nobody is meant */
	*slot = (uint64_t)(uintptr_t)value;
	return value != NULL;
}

static bool put_identifiers(struct normal_book *b, struct str type, const struct json *resource, const struct str *name)
{
	struct json_iter it = json_iter(json_get(resource, S("identifier")));
	if (!json_is(json_get(resource, S("identifier")), JSON_ARRAY))
		return true;
	while (json_next(&it)) {
		struct str system = json_get_str(it.value, S("system"));
		struct str value = str_trim(json_get_str(it.value, S("value")));
		if (!system.n || !value.n)
			continue;
		struct str typed =
			arena_printf(&b->arena, "%.*s|%.*s|%.*s", STR_ARG(type), STR_ARG(system), STR_ARG(value));
		if (!typed.p || !put(b, &b->identifiers, typed, name, true) ||
		    !put(b, &b->identifiers, str_slice(typed, type.n, typed.n), name, true))
			return false;
	}
	return true;
}

struct str normal_replaced_by(const struct definitions *d, struct arena *a, const struct json *patient)
{
	struct json_iter it = json_iter(json_get(patient, S("link")));
	while (json_next(&it)) {
		if (!str_is(str_trim(json_get_str(it.value, S("type"))), "replaced-by"))
			continue;
		struct str text = json_get_str(json_get(it.value, S("other")), S("reference"));
		struct reference ref = reference_parse(d, text);
		if (str_is(ref.type, "Patient") && ref.id.n)
			return arena_printf(a, "Patient/%.*s", STR_ARG(ref.id));
	}
	return STR_NULL;
}

bool normal_book_add(struct normal_book *b, const struct definitions *d, const struct json *resource,
		     struct str full_url, struct error *err)
{
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	if (!type.n || !id.n)
		return true;
	struct str text = arena_printf(&b->arena, "%.*s/%.*s", STR_ARG(type), STR_ARG(id));
	const struct str *name = text.p ? keep(b, text) : NULL;
	if (!name || (full_url.n && !put(b, &b->entries, full_url, name, false)) ||
	    !put_identifiers(b, type, resource, name))
		return error_memory(err);
	struct str survivor = str_is(type, "Patient") ? normal_replaced_by(d, &b->arena, resource) : STR_NULL;
	if (survivor.n && !str_eq(survivor, text)) {
		const struct str *kept = keep(b, survivor);
		if (!kept || !put(b, &b->merged, text, kept, false))
			return error_memory(err);
	}
	return true;
}

struct str normal_book_survivor(const struct normal_book *b, struct str reference)
{
	struct str found = STR_NULL;
	for (int hop = 0; hop < MERGES_MAX; hop++) {
		const uint64_t *slot = map_get(&b->merged, reference);
		if (!slot)
			return found;
		found = reference = *(const struct str *)(uintptr_t)*slot;
	}
	return STR_NULL; /* a circle: nobody survived */
}
