/*
 * The functions of %factory, which make new elements: %factory.Coding('http://loinc.org', '8480-6'). An element is
 * written as JSON and read back into the arena of the evaluation, so that it is like any other from then on.
 */
#include "fhirpath/fhirpath_priv.h"

enum { MAX_PARTS = 8, MAX_ELEMENT = 1024 * 1024 };

/* The parameters of the complex types, in order; NULL ends them. */
static const struct {
	const char *type;
	const char *parts[MAX_PARTS];
} complex_types[] = {
	{"Identifier", {"system", "value", "use", "type"}},
	{"HumanName", {"family", "given", "prefix", "suffix", "text", "use"}},
	{"ContactPoint", {"system", "value", "use"}},
	{"Address", {"line", "city", "state", "postalCode", "country", "use", "type"}},
	{"Quantity", {"system", "code", "value", "unit"}},
	{"Coding", {"system", "code", "display", "version"}},
	{"CodeableConcept", {"coding", "text"}},
};
enum { COMPLEX_TYPES = sizeof(complex_types) / sizeof(complex_types[0]) };

static path_fn make_primitive, make_complex, make_extension, make_empty, with_extension, with_property;

#define MAKER(name, least, most, fn)                                                                                   \
	{                                                                                                              \
		name, least, most, 0, SHAPE_ANY, SHAPE_ANY, false, fn, NULL                                            \
	}

static const struct path_function makers[] = {
	MAKER("base64Binary", 1, 2, make_primitive),
	MAKER("boolean", 1, 2, make_primitive),
	MAKER("canonical", 1, 2, make_primitive),
	MAKER("code", 1, 2, make_primitive),
	MAKER("date", 1, 2, make_primitive),
	MAKER("dateTime", 1, 2, make_primitive),
	MAKER("decimal", 1, 2, make_primitive),
	MAKER("id", 1, 2, make_primitive),
	MAKER("instant", 1, 2, make_primitive),
	MAKER("integer", 1, 2, make_primitive),
	MAKER("integer64", 1, 2, make_primitive),
	MAKER("markdown", 1, 2, make_primitive),
	MAKER("oid", 1, 2, make_primitive),
	MAKER("positiveInt", 1, 2, make_primitive),
	MAKER("string", 1, 2, make_primitive),
	MAKER("time", 1, 2, make_primitive),
	MAKER("unsignedInt", 1, 2, make_primitive),
	MAKER("uri", 1, 2, make_primitive),
	MAKER("url", 1, 2, make_primitive),
	MAKER("uuid", 1, 2, make_primitive),
	MAKER("Extension", 2, 2, make_extension),
	MAKER("Identifier", 0, 4, make_complex),
	MAKER("HumanName", 0, 6, make_complex),
	MAKER("ContactPoint", 0, 3, make_complex),
	MAKER("Address", 0, 7, make_complex),
	MAKER("Quantity", 0, 4, make_complex),
	MAKER("Coding", 0, 4, make_complex),
	MAKER("CodeableConcept", 0, 2, make_complex),
	MAKER("withExtension", 3, 3, with_extension),
	MAKER("withProperty", 3, 3, with_property),
	{"create", 1, 1, 0, SHAPE_ANY, SHAPE_ANY, true, make_empty, NULL},
};

const struct path_function *factory_find(struct str name)
{
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		if (str_is(name, makers[i].name))
			return &makers[i];
	return NULL;
}

/* ---- parts ----------------------------------------------------------------------------------------------------- */

static const struct fhir_type *type_named(struct eval *e, const struct call *c, struct str name)
{
	const struct fhir_type *type = e->program->definitions ? definitions_type(e->program->definitions, name) : NULL;
	if (!type)
		eval_fail(e, c->node, ERR_VALUE, "there is no type %.*s here to make one of", STR_ARG(name));
	return type;
}

static bool argument(struct eval *e, const struct call *c, const struct path_node *arg, struct path_items *out)
{
	const struct binding *bindings = e->bindings;
	bool ok = eval_items(e, arg, c->scope, out);
	e->bindings = bindings;
	return ok;
}

static bool refuse(struct eval *e, const struct path_node *arg, const char *what, struct str type)
{
	return eval_fail(e, arg, ERR_VALUE, "this is no %s%.*s", what, STR_ARG(type));
}

/* The text of a buffer as JSON in the arena. */
static const struct json *read_back(struct eval *e, struct buf *text)
{
	struct str own = buf_ok(text) ? arena_str(e->arena, buf_str(text)) : STR_NULL;
	buf_done(text);
	if (!own.p) {
		error_memory(e->err);
		return NULL;
	}
	return json_parse(e->arena, own, 0, e->err);
}

/* A quantity in its FHIR form. */
static void put_quantity(struct json_writer *w, const struct path_quantity *q)
{
	struct buf number;
	buf_init(&number, 256);
	decimal_write(&number, &q->value);
	json_object_begin(w);
	json_key(w, S("value"));
	json_put_raw(w, buf_str(&number));
	json_put_member(w, S("unit"), q->unit);
	if (!q->calendar) {
		json_put_member(w, S("system"), S("http://unitsofmeasure.org"));
		json_put_member(w, S("code"), q->unit);
	}
	json_object_end(w);
	buf_done(&number);
}

static void put_item(struct json_writer *w, const struct path_item *item)
{
	if (item->kind == PATH_QUANTITY)
		put_quantity(w, item->quantity);
	else
		path_item_write(w, item);
}

static bool add_element(struct eval *e, const struct fhir_type *type, const struct json *value,
			const struct json *extra, struct path_items *out)
{
	struct path_item item = path_item_element(type, NULL, value, extra, NULL);
	return eval_add(e, out, &item);
}

/* ---- primitives ------------------------------------------------------------------------------------------------ */

static bool whole_number(const struct path_item *value, int64_t least, int64_t most)
{
	return (value->kind == PATH_INTEGER || value->kind == PATH_LONG) && value->integer >= least &&
	       value->integer <= most;
}

static bool date_text(const struct path_item *value, enum path_kind kind)
{
	struct path_moment m;
	return value->kind == kind || (value->kind == PATH_STRING && moment_parse(value->text, kind, &m));
}

static bool pattern_fits(struct eval *e, const struct fhir_type *type, const struct path_item *value)
{
	const struct regex *regex;
	bool fits = false;
	if (value->kind != PATH_STRING)
		return false;
	if (!value->text.n)
		return type->primitive == PRIMITIVE_URI || type->primitive == PRIMITIVE_URL;
	if (!type->pattern.p)
		return true;
	regex = regex_compile(e->arena, type->pattern, REGEX_WHOLE, NULL);
	return regex && regex_search(regex, value->text, &fits, NULL) && fits;
}

static bool fits_primitive(struct eval *e, const struct fhir_type *type, struct path_item *value)
{
	switch (type->primitive) {
	case PRIMITIVE_BOOLEAN:
		if (value->kind == PATH_STRING && (str_is(value->text, "true") || str_is(value->text, "false")))
			*value = item_boolean(str_is(value->text, "true"));
		return value->kind == PATH_BOOLEAN;
	case PRIMITIVE_INTEGER:
		return whole_number(value, INT32_MIN, INT32_MAX);
	case PRIMITIVE_POSITIVEINT:
		return whole_number(value, 1, INT32_MAX);
	case PRIMITIVE_UNSIGNEDINT:
		return whole_number(value, 0, INT32_MAX);
	case PRIMITIVE_DECIMAL:
		return item_is_number(value);
	case PRIMITIVE_DATE:
		return date_text(value, PATH_DATE);
	case PRIMITIVE_DATETIME:
	case PRIMITIVE_INSTANT:
		return date_text(value, PATH_DATETIME);
	case PRIMITIVE_TIME:
		return date_text(value, PATH_TIME);
	default:
		return pattern_fits(e, type, value);
	}
}

/* {"extension":[...]} of the second argument, or NULL. */
static bool extensions_of(struct eval *e, const struct call *c, const struct path_node *arg, const struct json **ret)
{
	SMALL_ITEMS(items);
	struct buf text;
	*ret = NULL;
	if (!arg || !argument(e, c, arg, &items) || items.count == 0)
		return !arg || items.count == 0;
	buf_init(&text, MAX_ELEMENT);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	json_key(&w, S("extension"));
	json_array_begin(&w);
	for (size_t i = 0; i < items.count; i++) {
		if (!items.items[i].type || !str_is(items.items[i].type->name, "Extension")) {
			buf_done(&text);
			return refuse(e, arg, "", S("Extension"));
		}
		path_item_write(&w, &items.items[i]);
	}
	json_array_end(&w);
	json_object_end(&w);
	*ret = read_back(e, &text);
	return *ret;
}

static bool make_primitive(struct eval *e, const struct call *c, struct path_items *out)
{
	SMALL_ITEMS(items);
	struct path_item value;
	struct buf text;
	const struct json *extra, *array;
	bool there;
	const struct fhir_type *type = type_named(e, c, c->node->name);
	if (!type || !argument(e, c, c->node->args, &items) || !one_value(e, c->node->args, &items, &value, &there) ||
	    !extensions_of(e, c, c->node->args->next, &extra))
		return false;
	if (!there)
		return add_element(e, type, NULL, extra, out);
	if (!fits_primitive(e, type, &value))
		return refuse(e, c->node->args, "", type->name);
	buf_init(&text, MAX_ELEMENT);
	struct json_writer w = json_writer(&text);
	json_array_begin(&w);
	path_item_write(&w, &value);
	json_array_end(&w);
	array = read_back(e, &text);
	return array && add_element(e, type, json_at(array, 0), extra, out);
}

/* ---- complex types --------------------------------------------------------------------------------------------- */

/* Does an item fit an element of one of these types? */
static bool fits_element(const struct fhir_element *element, const struct path_item *item)
{
	for (size_t i = 0; i < element->type_count; i++) {
		const struct fhir_type *type = element->types[i].type;
		if (item->kind == PATH_ELEMENT && item->type == type)
			return true;
		if (type && type->kind == TYPE_PRIMITIVE && item->kind != PATH_ELEMENT &&
		    (item->kind == type_kind(type) || (type_kind(type) == PATH_DECIMAL && item_is_number(item))))
			return true;
		if (type && type->kind == TYPE_PRIMITIVE && item->type && item->type->kind == TYPE_PRIMITIVE &&
		    type_kind(type) == type_kind(item->type))
			return true;
	}
	return false;
}

static bool put_part(struct eval *e, struct json_writer *w, const struct fhir_element *element,
		     const struct path_node *arg, const struct path_items *items)
{
	if (items->count == 0)
		return true;
	if (items->count > 1 && element->max == 1)
		return eval_fail(e, arg, ERR_VALUE, "%.*s takes one value", STR_ARG(element->path));
	json_key(w, element->name);
	if (element->max != 1)
		json_array_begin(w);
	for (size_t i = 0; i < items->count; i++) {
		if (!fits_element(element, &items->items[i]))
			return eval_fail(e, arg, ERR_VALUE, "this is no value for %.*s", STR_ARG(element->path));
		put_item(w, &items->items[i]);
	}
	if (element->max != 1)
		json_array_end(w);
	return true;
}

static bool put_parts(struct eval *e, const struct call *c, const struct fhir_type *type, const char *const *parts,
		      struct json_writer *w)
{
	json_object_begin(w);
	for (const struct path_node *arg = c->node->args; arg && *parts; arg = arg->next, parts++) {
		SMALL_ITEMS(items);
		const struct fhir_element *element = type_element(type, str_from(*parts));
		if (!element || !argument(e, c, arg, &items) || !put_part(e, w, element, arg, &items))
			return false;
	}
	json_object_end(w);
	return true;
}

static bool make_complex(struct eval *e, const struct call *c, struct path_items *out)
{
	struct buf text;
	size_t i = 0;
	const struct fhir_type *type = type_named(e, c, c->node->name);
	while (i + 1 < COMPLEX_TYPES && !str_is(c->node->name, complex_types[i].type))
		i++;
	if (!type)
		return false;
	buf_init(&text, MAX_ELEMENT);
	struct json_writer w = json_writer(&text);
	if (!put_parts(e, c, type, complex_types[i].parts, &w)) {
		buf_done(&text);
		return false;
	}
	const struct json *value = read_back(e, &text);
	return value && add_element(e, type, value, NULL, out);
}

/* create(type): one with nothing in it. */
static bool make_empty(struct eval *e, const struct call *c, struct path_items *out)
{
	const struct fhir_type *type = c->node->type.fhir;
	struct buf text;
	if (!type)
		return eval_fail(e, c->node, ERR_VALUE, "create() makes FHIR types only");
	if (type->kind == TYPE_PRIMITIVE)
		return add_element(e, type, NULL, NULL, out);
	buf_init(&text, 256);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	if (type->kind == TYPE_RESOURCE)
		json_put_member(&w, S("resourceType"), type->name);
	json_object_end(&w);
	const struct json *value = read_back(e, &text);
	return value && add_element(e, type, value, NULL, out);
}

/* ---- extensions and properties --------------------------------------------------------------------------------- */

/* {"url":...,"valueX":...} */
static bool put_extension(struct eval *e, struct json_writer *w, const struct path_node *arg, struct str url,
			  const struct path_items *items)
{
	static const char *const names[] = {
		[PATH_BOOLEAN] = "Boolean",   [PATH_STRING] = "String",	  [PATH_INTEGER] = "Integer",
		[PATH_LONG] = "Integer64",    [PATH_DECIMAL] = "Decimal", [PATH_DATE] = "Date",
		[PATH_DATETIME] = "DateTime", [PATH_TIME] = "Time",	  [PATH_QUANTITY] = "Quantity",
	};
	const struct path_item *item = items->items;
	if (items->count != 1 || item->kind > PATH_QUANTITY || (item->kind == PATH_ELEMENT && !item->type))
		return eval_fail(e, arg, ERR_VALUE, "an extension needs one value");
	struct str name = item->kind == PATH_ELEMENT ? item->type->name : str_from(names[item->kind]);
	struct str key = arena_printf(e->arena, "value%.*s", STR_ARG(name));
	if (!key.p)
		return error_memory(e->err);
	char *first = (char *)(uintptr_t)key.p + 5;
	if (*first >= 'a' && *first <= 'z')
		*first = (char)(*first - 32);
	json_object_begin(w);
	json_put_member(w, S("url"), url);
	json_key(w, key);
	put_item(w, item);
	json_object_end(w);
	return true;
}

static bool url_and_value(struct eval *e, const struct call *c, const struct path_node *arg, struct str *ret_url,
			  struct path_items *items)
{
	bool there;
	if (!arg_string(e, c, arg, ret_url, &there) || !argument(e, c, arg->next, items))
		return false;
	return there || eval_fail(e, arg, ERR_VALUE, "an extension needs a url");
}

static bool make_extension(struct eval *e, const struct call *c, struct path_items *out)
{
	SMALL_ITEMS(items);
	struct str url;
	struct buf text;
	const struct fhir_type *type = type_named(e, c, S("Extension"));
	if (!type || !url_and_value(e, c, c->node->args, &url, &items))
		return false;
	buf_init(&text, MAX_ELEMENT);
	struct json_writer w = json_writer(&text);
	if (!put_extension(e, &w, c->node->args->next, url, &items)) {
		buf_done(&text);
		return false;
	}
	const struct json *value = read_back(e, &text);
	return value && add_element(e, type, value, NULL, out);
}

/* The one element that is to be changed, and the object that holds its parts: its sibling for a primitive. */
static bool instance_of(struct eval *e, const struct call *c, struct path_items *items, const struct json **ret_object,
			bool *ret_primitive)
{
	if (!argument(e, c, c->node->args, items))
		return false;
	const struct path_item *item = items->items;
	if (items->count != 1 || item->kind != PATH_ELEMENT || !item->type)
		return eval_fail(e, c->node->args, ERR_VALUE, "one FHIR element is needed here");
	*ret_primitive = item->type->kind == TYPE_PRIMITIVE;
	*ret_object = *ret_primitive ? item->extra : item->value;
	return true;
}

/* All members of an object but one; what is left to write goes between this and the end of the object. */
static void put_others(struct json_writer *w, const struct json *object, struct str but)
{
	json_object_begin(w);
	for (struct json_iter it = json_iter(object); json_next(&it);) {
		if (str_eq(it.key, but))
			continue;
		json_key(w, it.key);
		json_put_value(w, it.value);
	}
}

static bool changed(struct eval *e, const struct path_item *old, bool primitive, struct buf *text,
		    struct path_items *out)
{
	const struct json *object = read_back(e, text);
	struct path_item item = *old;
	if (!object)
		return false;
	if (primitive)
		item.extra = object;
	else
		item.value = object;
	return eval_add(e, out, &item);
}

/* withExtension(instance, url, value): adds an extension. */
static bool with_extension(struct eval *e, const struct call *c, struct path_items *out)
{
	SMALL_ITEMS(old);
	SMALL_ITEMS(items);
	const struct json *object = NULL;
	struct str url;
	struct buf text;
	bool primitive = false;
	if (!instance_of(e, c, &old, &object, &primitive) || !url_and_value(e, c, c->node->args->next, &url, &items))
		return false;
	buf_init(&text, MAX_ELEMENT);
	struct json_writer w = json_writer(&text);
	put_others(&w, object, S("extension"));
	json_key(&w, S("extension"));
	json_array_begin(&w);
	for (struct json_iter it = json_iter(json_get(object, S("extension"))); json_next(&it);)
		json_put_value(&w, it.value);
	if (!put_extension(e, &w, c->node->args->next->next, url, &items)) {
		buf_done(&text);
		return false;
	}
	json_array_end(&w);
	json_object_end(&w);
	return changed(e, &old.items[0], primitive, &text, out);
}

/* withProperty(instance, name, value): sets a part. */
static bool with_property(struct eval *e, const struct call *c, struct path_items *out)
{
	SMALL_ITEMS(old);
	SMALL_ITEMS(items);
	const struct path_node *name_arg = c->node->args->next;
	const struct json *object = NULL;
	struct str name;
	struct buf text;
	bool primitive = false, there;
	if (!instance_of(e, c, &old, &object, &primitive) || !arg_string(e, c, name_arg, &name, &there) ||
	    !argument(e, c, name_arg->next, &items))
		return false;
	const struct fhir_element *element = there ? type_element(old.items[0].type, name) : NULL;
	if (!element || element->choice)
		return eval_fail(e, name_arg, ERR_VALUE, "there is no such part to set");
	buf_init(&text, MAX_ELEMENT);
	struct json_writer w = json_writer(&text);
	put_others(&w, object, name);
	if (!put_part(e, &w, element, name_arg->next, &items)) {
		buf_done(&text);
		return false;
	}
	json_object_end(&w);
	return changed(e, &old.items[0], primitive, &text, out);
}
