/*
 * Lists of logical models that JSON writes as objects (extension json-property-key of the FHIR tools): each property is
 * an item, its name the value of one child. What the property holds is either an object with the other children, or the
 * value of the only other child. For the walk it is written as the list that it means.
 */
#include "validate/walk_priv.h"

enum { MAX_LIST = 64 << 20 };

/* The child that a value which is no object belongs to; STR_NULL when several could be meant. */
static struct str other_child(const struct profile_element *e)
{
	struct str name = STR_NULL;
	for (size_t i = 0; i < e->child_count; i++) {
		struct str child = e->children[i]->name;
		if (str_eq(child, e->json_key) || str_is(child, "id") || str_is(child, "extension") ||
		    str_is(child, "modifierExtension"))
			continue;
		if (name.p)
			return STR_NULL;
		name = child;
	}
	return name;
}

static void write_item(struct json_writer *w, const struct profile_element *e, struct str key, const struct json *value)
{
	struct str other = other_child(e);
	json_object_begin(w);
	json_put_member(w, e->json_key, key);
	if (json_is(value, JSON_OBJECT)) {
		for (struct json_iter it = json_iter(value); json_next(&it);) {
			if (str_eq(it.key, e->json_key))
				continue;
			json_key(w, it.key);
			json_put_value(w, it.value);
		}
	} else {
		json_key(w, other.p ? other : S("value"));
		json_put_value(w, value);
	}
	json_object_end(w);
}

const struct json *keyed_list(struct validation *v, const struct profile_element *e, const struct json *value)
{
	struct buf text;
	struct error ignored = {0};
	if (!json_is(value, JSON_OBJECT))
		return value;
	buf_init(&text, MAX_LIST);
	struct json_writer w = json_writer(&text);
	json_array_begin(&w);
	for (struct json_iter it = json_iter(value); json_next(&it);)
		write_item(&w, e, it.key, it.value);
	json_array_end(&w);
	struct str copy = buf_ok(&text) ? arena_str(v->arena, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	const struct json *list = copy.p ? json_parse(v->arena, copy, 0, &ignored) : NULL;
	return list ? list : value;
}
