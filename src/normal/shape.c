/*
 * One value where R4 has a list, as STU3 had it in places, and the other way round. The walk only notices such members;
 * they are mended in the whole resource before it is walked again, so that every rule sees the form of R4.
 */
#include "normal/normal_priv.h"

enum { TEXT_MAX = 1 << 30 };

static void mend_members(struct walk *k, const struct fhir_type *type, const struct json *j, const struct spot *at);

static void mend_value(struct walk *k, const struct fhir_type *type, const struct json *value, const struct spot *at)
{
	if (json_is(value, JSON_OBJECT) && type->kind == TYPE_RESOURCE)
		type = definitions_resource(k->n->definitions, json_get_str(value, S("resourceType")));
	if (!type || !json_is(value, JSON_OBJECT) || type->kind == TYPE_PRIMITIVE)
		json_put_value(&k->w, value);
	else
		mend_members(k, type, value, at);
}

static void mend_list(struct walk *k, const struct fhir_type *type, const struct json *list, const struct spot *at)
{
	struct spot here = *at;
	struct json_iter it = json_iter(list);
	json_array_begin(&k->w);
	for (here.index = 0; json_next(&it); here.index++)
		mend_value(k, type, it.value, &here);
	json_array_end(&k->w);
}

enum shape walk_shape(const struct fhir_element *e, const struct json *value)
{
	bool list = json_is(value, JSON_ARRAY);
	if (e->max > 1 && !list && !json_is(value, JSON_NULL))
		return SHAPE_WANTS_LIST;
	return e->max == 1 && list && json_size(value) == 1 ? SHAPE_WANTS_ONE : SHAPE_RIGHT;
}

/* The extensions of a primitive have the shape of its values. */
static void mend_sibling(struct walk *k, const struct fhir_type *type, struct str key, const struct json *value)
{
	const struct fhir_type *inner = NULL;
	const struct fhir_element *e = definitions_element(type, str_slice(key, 1, key.n), &inner);
	enum shape shape = e && inner && inner->kind == TYPE_PRIMITIVE ? walk_shape(e, value) : SHAPE_RIGHT;
	if (shape == SHAPE_WANTS_LIST)
		json_array_begin(&k->w);
	json_put_value(&k->w, shape == SHAPE_WANTS_ONE ? json_at(value, 0) : value);
	if (shape == SHAPE_WANTS_LIST)
		json_array_end(&k->w);
}

static void mend_member(struct walk *k, const struct fhir_type *type, struct str key, const struct json *value,
			const struct spot *at)
{
	const struct fhir_type *inner = NULL;
	const struct fhir_element *e = walk_element_of(type, key, &inner);
	const struct spot here = {.parent = at, .name = key, .index = JSON_NO_INDEX, .element = e};
	enum shape shape = e ? walk_shape(e, value) : SHAPE_RIGHT;
	json_key(&k->w, key);
	if (key.n > 1 && key.p[0] == '_') {
		mend_sibling(k, type, key, value);
	} else if (!e) {
		json_put_value(&k->w, value);
	} else if (shape == SHAPE_WANTS_LIST) {
		walk_note(k, NORMAL_LIST, &here, NULL, S("one"), S("list"), STR_NULL);
		json_array_begin(&k->w);
		mend_value(k, inner, value, &here);
		json_array_end(&k->w);
	} else if (shape == SHAPE_WANTS_ONE) {
		walk_note(k, NORMAL_LIST, &here, NULL, S("list"), S("one"), STR_NULL);
		mend_value(k, inner, json_at(value, 0), &here);
	} else if (json_is(value, JSON_ARRAY)) {
		mend_list(k, inner, value, &here);
	} else {
		mend_value(k, inner, value, &here);
	}
}

static void mend_members(struct walk *k, const struct fhir_type *type, const struct json *j, const struct spot *at)
{
	struct json_iter it = json_iter(j);
	json_object_begin(&k->w);
	while (json_next(&it))
		mend_member(k, type, it.key, it.value, at);
	json_object_end(&k->w);
}

const struct json *walk_mend(struct walk *k, const struct fhir_type *type, const struct json *resource,
			     const struct spot *at)
{
	struct json_writer kept = k->w;
	struct error ignored = {0};
	struct buf text;
	buf_init(&text, TEXT_MAX);
	k->w = json_writer(&text);
	mend_members(k, type, resource, at);
	k->w = kept;
	const struct json *mended = buf_ok(&text) ? json_parse(&k->scratch, buf_str(&text), 0, &ignored) : NULL;
	buf_done(&text);
	k->failed = k->failed || !mended;
	return mended;
}
