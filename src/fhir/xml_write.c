/*
 * JSON to XML. Members come in any order in JSON and in the order of the definition in XML, so each object is first put
 * in order: one record per element, a value with its "_twin". Lists then become repeated elements.
 */
#include "fhir/fhir_priv.h"
#include "fhir/xml.h"

#define FHIR_NS "http://hl7.org/fhir"

enum { MAX_DEPTH = 64 };

struct writer {
	struct buf *out;
	struct arena *scratch;
	const struct definitions *definitions;
	const struct fhir_type *element; /* Element, the type of twins */
	struct error *err;
	unsigned depth;
	bool pretty;
	unsigned level; /* of indentation */
};

struct member {
	size_t order; /* position of the element in its type */
	struct str key; /* without underscore */
	const struct fhir_type *type;
	bool many;
	const struct json *value, *twin;
};

static void add_attribute(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, " %s=\"", name);
	xml_add_text(out, value, true);
	buf_char(out, '"');
}

/* The kind of JSON value that a primitive is: another would come back from XML as something else. */
static enum json_type json_form(enum fhir_primitive primitive)
{
	switch (primitive) {
	case PRIMITIVE_BOOLEAN:
		return JSON_BOOL;
	case PRIMITIVE_DECIMAL:
	case PRIMITIVE_INTEGER:
	case PRIMITIVE_POSITIVEINT:
	case PRIMITIVE_UNSIGNEDINT:
		return JSON_NUMBER;
	default:
		return JSON_STRING;
	}
}

static struct str scalar_text(const struct json *value)
{
	switch (json_type(value)) {
	case JSON_STRING:
		return json_str(value);
	case JSON_NUMBER:
		return json_number(value);
	case JSON_BOOL:
		return json_bool(value) ? S("true") : S("false");
	default:
		return STR_NULL;
	}
}

static bool misfit(struct writer *w, struct str key)
{
	return error_set(w->err, ERR_STRUCTURE, "The element \"%.*s\" has no XML form as it is here",
			 STR_ARG(str_slice(key, 0, 64)));
}

/* The record of one member; a twin whose value is there too has been given to the value and makes none. */
static bool take_member(struct writer *w, const struct json *object, const struct fhir_type *type, struct str key,
			const struct json *value, struct member *m, bool *ret_taken)
{
	char name[128];
	bool twin = key.n > 1 && key.p[0] == '_';
	struct str bare = twin ? str_slice(key, 1, key.n) : key;
	*ret_taken = false;
	if (bare.n + 1 > sizeof(name))
		return misfit(w, key);
	if (twin && json_get(object, bare))
		return true;
	const struct fhir_element *element = definitions_element(type, bare, &m->type);
	if (!element || (twin && m->type->kind != TYPE_PRIMITIVE))
		return misfit(w, key);
	name[0] = '_';
	memcpy(name + 1, bare.p, bare.n);
	m->order = (size_t)(element - type->elements);
	m->key = bare;
	m->many = element->max != 1;
	m->value = twin ? NULL : value;
	m->twin = twin ? value : json_get(object, str_make(name, bare.n + 1));
	*ret_taken = true;
	return true;
}

/* The members of an object in the order of its type. NULL on failure. */
static struct member *put_in_order(struct writer *w, const struct json *object, const struct fhir_type *type,
				   size_t *ret_count)
{
	struct member *members = ARENA_ARRAY(w->scratch, struct member, json_size(object) + 1);
	size_t count = 0;
	if (!members) {
		error_memory(w->err);
		return NULL;
	}
	for (struct json_iter it = json_iter(object); json_next(&it);) {
		struct member m;
		bool taken;
		if (type->kind == TYPE_RESOURCE && str_is(it.key, "resourceType"))
			continue;
		if (!take_member(w, object, type, it.key, it.value, &m, &taken))
			return NULL;
		if (!taken)
			continue;
		size_t at = count++;
		for (; at > 0 && members[at - 1].order > m.order; at--)
			members[at] = members[at - 1];
		members[at] = m;
	}
	*ret_count = count;
	return members;
}

static bool put_member(struct writer *w, const struct member *m);

static bool put_members(struct writer *w, const struct member *members, size_t count, bool skip_id, bool skip_url)
{
	for (size_t i = 0; i < count; i++) {
		if ((skip_id && str_is(members[i].key, "id")) || (skip_url && str_is(members[i].key, "url")))
			continue;
		if (!put_member(w, &members[i]))
			return false;
	}
	return true;
}

static void new_line(struct writer *w)
{
	if (!w->pretty)
		return;
	buf_char(w->out, '\n');
	for (unsigned i = 0; i < w->level; i++)
		buf_add(w->out, S("  "));
}

/* A start tag up to its attributes. */
static void put_start(struct writer *w, struct str name)
{
	new_line(w);
	buf_char(w->out, '<');
	buf_add(w->out, name);
}

static void put_end(struct writer *w, struct str name)
{
	new_line(w);
	buf_add(w->out, S("</"));
	buf_add(w->out, name);
	buf_char(w->out, '>');
}

static bool put_resource(struct writer *w, const struct json *resource, const char *namespace)
{
	size_t count;
	const struct fhir_type *type = resource_type(w->definitions, resource, w->err);
	struct member *members = type ? put_in_order(w, resource, type, &count) : NULL;
	if (!members)
		return false;
	put_start(w, type->name);
	if (namespace)
		add_attribute(w->out, "xmlns", str_from(namespace));
	buf_char(w->out, '>');
	w->level++;
	if (!put_members(w, members, count, false, false))
		return false;
	w->level--;
	put_end(w, type->name);
	return true;
}

/* An element with its attributes: id, url of an Extension, value of a primitive (object is then its twin). */
static bool put_element(struct writer *w, struct str name, const struct fhir_type *type, const struct json *object,
			struct str value)
{
	size_t count = 0, attributes;
	bool extension = str_is(type->name, "Extension");
	struct member *members = put_in_order(w, object, type, &count);
	if (!members)
		return false;
	struct str id = json_get_str(object, S("id")), url = extension ? json_get_str(object, S("url")) : STR_NULL;
	attributes = (id.p ? 1 : 0) + (url.p ? 1 : 0);
	put_start(w, name);
	if (id.p)
		add_attribute(w->out, "id", id);
	if (url.p)
		add_attribute(w->out, "url", url);
	if (value.p)
		add_attribute(w->out, "value", value);
	if (count <= attributes) {
		buf_add(w->out, S("/>"));
		return true;
	}
	buf_char(w->out, '>');
	w->level++;
	if (!put_members(w, members, count, true, extension))
		return false;
	w->level--;
	put_end(w, name);
	return true;
}

static bool put_primitive(struct writer *w, const struct member *m, const struct json *value, const struct json *twin)
{
	struct str text = scalar_text(value);
	bool none = !value || json_is(value, JSON_NULL);
	if ((!none && !json_is(value, json_form(m->type->primitive))) ||
	    (twin && !json_is(twin, JSON_OBJECT) && !json_is(twin, JSON_NULL)))
		return misfit(w, m->key);
	if (none && !json_is(twin, JSON_OBJECT))
		return true; /* a place in the list that only keeps the lists side by side */
	if (m->type->primitive == PRIMITIVE_XHTML) {
		new_line(w);
		div_write(w->out, text);
		return true;
	}
	return put_element(w, m->key, w->element, json_is(twin, JSON_OBJECT) ? twin : NULL, text);
}

static bool put_item(struct writer *w, const struct member *m, const struct json *value, const struct json *twin)
{
	bool ok;
	if (w->depth == MAX_DEPTH)
		return error_set(w->err, ERR_LIMIT, "Nested deeper than %d elements", MAX_DEPTH);
	w->depth++;
	if (m->type->kind == TYPE_PRIMITIVE) {
		ok = put_primitive(w, m, value, twin);
	} else if (!json_is(value, JSON_OBJECT)) {
		ok = misfit(w, m->key);
	} else if (m->type->kind == TYPE_RESOURCE) {
		put_start(w, m->key);
		buf_char(w->out, '>');
		w->level++;
		ok = put_resource(w, value, NULL);
		w->level--;
		put_end(w, m->key);
	} else {
		ok = put_element(w, m->key, m->type, value, STR_NULL);
	}
	w->depth--;
	return ok;
}

/* A list where a list belongs, with something in it, and one value where one belongs. */
static bool fits(const struct member *m, const struct json *value)
{
	return !value || (json_is(value, JSON_ARRAY) == m->many && (!m->many || json_size(value)));
}

static bool put_member(struct writer *w, const struct member *m)
{
	if (!fits(m, m->value) || !fits(m, m->twin))
		return misfit(w, m->key);
	if (!m->many)
		return put_item(w, m, m->value, m->twin);
	struct json_iter value = json_iter(m->value), twin = json_iter(json_is(m->twin, JSON_ARRAY) ? m->twin : NULL);
	for (;;) {
		bool more = json_next(&value), more_twins = json_next(&twin);
		if (!more && !more_twins)
			return true;
		if (!put_item(w, m, more ? value.value : NULL, more_twins ? twin.value : NULL))
			return false;
	}
}

static bool write_document(struct buf *out, struct arena *scratch, const struct definitions *d,
			   const struct json *resource, bool pretty, struct error *err)
{
	struct writer w = {out, scratch, d, definitions_type(d, S("Element")), err, 0, pretty, 0};
	buf_add(out, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
	return put_resource(&w, resource, FHIR_NS);
}

bool xml_write_resource(struct buf *out, struct arena *scratch, const struct definitions *d,
			const struct json *resource, struct error *err)
{
	return write_document(out, scratch, d, resource, false, err);
}

bool xml_write_resource_pretty(struct buf *out, struct arena *scratch, const struct definitions *d,
			       const struct json *resource, struct error *err)
{
	return write_document(out, scratch, d, resource, true, err);
}
