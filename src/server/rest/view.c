/*
 * Views of a part of a resource: _elements and _summary (http://hl7.org/fhir/R4/search.html#elements, #summary). What
 * must be there stays: mandatory elements, and in _elements also those that change the meaning of others. Every view is
 * marked with the tag SUBSETTED, so that nobody takes it for the whole and writes it back.
 */
#include "server/rest/rest_priv.h"

enum { MAX_ELEMENTS = 100 };

static const char subsetted[] = "{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-ObservationValue\","
				"\"code\":\"SUBSETTED\",\"display\":\"Resource encoded in summary mode\"}";

/* ---- what is asked for ----------------------------------------------------------------------------------------------
 */

static bool read_summary(struct str text, struct rest_view *view, struct error *err)
{
	static const struct {
		const char *name;
		enum search_summary summary;
	} names[] = {{"false", SUMMARY_FALSE}, {"true", SUMMARY_TRUE}, {"text", SUMMARY_TEXT}, {"data", SUMMARY_DATA}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (str_is(text, names[i].name)) {
			view->summary = names[i].summary;
			return true;
		}
	}
	return error_set(err, ERR_VALUE, "_summary must be true, text, data or false here");
}

/* By its name, or as the JSON property of one type of a choice: "value", "valueQuantity". */
static bool is_element(const struct fhir_type *type, struct str name)
{
	const struct fhir_type *ignored;
	for (size_t i = 0; i < type->element_count; i++)
		if (str_eq(type->elements[i].name, name))
			return true;
	return definitions_element(type, name, &ignored) != NULL;
}

static bool read_elements(struct rest_call *call, struct str list, struct rest_view *view, struct error *err)
{
	struct str *names = ARENA_ARRAY(call->arena, struct str, MAX_ELEMENTS);
	if (!names)
		return error_memory(err);
	while (list.p) {
		struct str name = str_trim(str_split(&list, ','));
		if (view->element_count == MAX_ELEMENTS)
			return error_set(err, ERR_LIMIT, "_elements may name %d elements at most", MAX_ELEMENTS);
		if (call->type && !call->lenient && !is_element(call->type, name))
			return error_set(err, ERR_VALUE, "_elements: %.*s has no element \"%.*s\"",
					 STR_ARG(call->type->name), STR_ARG(str_slice(name, 0, 64)));
		names[view->element_count++] = name;
	}
	view->elements = names;
	return true;
}

static bool set_view(struct rest_call *call, const struct rest_view *view, struct error *err)
{
	if (view->summary != SUMMARY_FALSE && view->element_count)
		return error_set(err, ERR_VALUE, "_elements and _summary exclude each other");
	if (view->summary == SUMMARY_FALSE && !view->element_count)
		return true;
	struct rest_view *kept = ARENA_NEW(call->arena, struct rest_view);
	if (!kept)
		return error_memory(err);
	*kept = *view;
	call->view = kept;
	return true;
}

bool view_read(struct rest_call *call, struct error *err)
{
	struct rest_view view = {0};
	struct str summary, elements;
	if (!call->query.n || call->server->o.face)
		return true;
	if (!query_value(call->arena, call->query, "_summary", &summary, err) ||
	    !query_value(call->arena, call->query, "_elements", &elements, err))
		return false;
	if ((summary.p && !read_summary(summary, &view, err)) ||
	    (elements.n && !read_elements(call, elements, &view, err)))
		return false;
	return set_view(call, &view, err);
}

bool view_of_search(struct rest_call *call, const struct search_query *query, struct error *err)
{
	const struct rest_view view = {.elements = query->elements,
				       .element_count = query->element_count,
				       .summary = query->summary == SUMMARY_COUNT ? SUMMARY_FALSE : query->summary};
	return call->server->o.face || set_view(call, &view, err);
}

/* ---- writing --------------------------------------------------------------------------------------------------------
 */

/* meta as it is, with the tag. */
static void put_meta(struct json_writer *w, const struct json *meta)
{
	const struct json *tags = json_get(meta, S("tag"));
	struct json_iter it = json_iter(meta);
	json_key(w, S("meta"));
	json_object_begin(w);
	while (json_next(&it)) {
		if (str_is(it.key, "tag"))
			continue;
		json_key(w, it.key);
		json_put_value(w, it.value);
	}
	json_key(w, S("tag"));
	json_array_begin(w);
	struct json_iter tag = json_iter(tags);
	while (json_next(&tag))
		if (!str_is(json_get_str(tag.value, S("code")), "SUBSETTED"))
			json_put_value(w, tag.value);
	json_put_raw(w, str_from(subsetted));
	json_array_end(w);
	json_object_end(w);
}

static struct str plain_name(struct str key)
{
	return key.n && key.p[0] == '_' ? str_slice(key, 1, key.n) : key;
}

static bool is_asked(const struct rest_view *view, struct str key, const struct fhir_element *e)
{
	for (size_t i = 0; i < view->element_count; i++)
		if (str_eq(view->elements[i], key) || str_eq(view->elements[i], e->name))
			return true;
	return false;
}

static bool keeps(const struct rest_view *view, struct str key, const struct fhir_element *e)
{
	if (str_is(key, "id") || e->min)
		return true;
	if (view->element_count)
		return e->modifier || is_asked(view, key, e);
	switch (view->summary) {
	case SUMMARY_TRUE:
		return e->summary;
	case SUMMARY_TEXT:
		return str_is(key, "text");
	case SUMMARY_DATA:
		return !str_is(key, "text");
	default:
		return true;
	}
}

static void put_summary(struct json_writer *w, const struct definitions *d, const struct fhir_type *type,
			const struct json *value);

/* The members of an object that belong to a summary. A sibling of a primitive ("_status") counts only when it stands
 * for the value, since extensions are no part of summaries. */
static void put_summary_object(struct json_writer *w, const struct definitions *d, const struct fhir_type *type,
			       const struct json *object)
{
	const struct rest_view summary = {.summary = SUMMARY_TRUE};
	struct json_iter it = json_iter(object);
	json_object_begin(w);
	while (json_next(&it)) {
		const struct fhir_type *inner = NULL;
		struct str name = plain_name(it.key);
		const struct fhir_element *e = definitions_element(type, name, &inner);
		if (str_is(it.key, "resourceType")) {
			json_put_member(w, it.key, json_str(it.value));
		} else if (e && keeps(&summary, name, e) && (name.n == it.key.n || !json_get(object, name))) {
			json_key(w, it.key);
			if (name.n == it.key.n)
				put_summary(w, d, inner, it.value);
			else
				json_put_value(w, it.value);
		}
	}
	json_object_end(w);
}

static void put_summary(struct json_writer *w, const struct definitions *d, const struct fhir_type *type,
			const struct json *value)
{
	if (json_is(value, JSON_ARRAY)) {
		struct json_iter it = json_iter(value);
		json_array_begin(w);
		while (json_next(&it))
			put_summary(w, d, type, it.value);
		json_array_end(w);
		return;
	}
	struct str named = json_get_str(value, S("resourceType"));
	if (named.p)
		type = definitions_resource(d, named);
	if (!json_is(value, JSON_OBJECT) || !type || str_is(type->name, "Extension"))
		json_put_value(w, value);
	else
		put_summary_object(w, d, type, value);
}

static void put_members(struct json_writer *w, const struct rest_call *call, const struct fhir_type *type,
			const struct json *resource)
{
	const struct rest_view *view = call->view;
	struct json_iter it = json_iter(resource);
	bool meta = false;
	while (json_next(&it)) {
		const struct fhir_type *inner = NULL;
		struct str name = plain_name(it.key);
		const struct fhir_element *e = definitions_element(type, name, &inner);
		if (str_is(it.key, "meta")) {
			put_meta(w, it.value);
			meta = true;
		} else if (str_is(it.key, "resourceType") || (e && keeps(view, name, e))) {
			json_key(w, it.key);
			if (view->summary == SUMMARY_TRUE && name.n == it.key.n)
				put_summary(w, call->server->o.definitions, inner, it.value);
			else
				json_put_value(w, it.value);
		}
	}
	if (!meta)
		put_meta(w, NULL);
}

bool view_write(const struct rest_call *call, const struct fhir_type *type, struct str body, struct buf *out,
		struct error *err)
{
	const struct json *resource = json_parse(call->arena, body, 0, err);
	if (!resource)
		return false;
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	put_members(&w, call, type, resource);
	json_object_end(&w);
	return true;
}
