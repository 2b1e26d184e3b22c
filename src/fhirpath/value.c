/* What items are worth: System values of elements, their types, and how they look as text and as JSON. */
#include "fhirpath/fhirpath_priv.h"

struct path_item item_boolean(bool truth)
{
	return (struct path_item){.kind = PATH_BOOLEAN, .truth = truth};
}

struct path_item item_integer(int64_t value)
{
	return (struct path_item){.kind = PATH_INTEGER, .integer = value};
}

struct path_item item_string(struct str text)
{
	return (struct path_item){.kind = PATH_STRING, .text = text};
}

bool item_decimal(struct eval *e, const struct decimal *value, struct path_item *ret_item)
{
	struct decimal *own = arena_alloc(e->arena, sizeof(*own));
	if (!own)
		return error_memory(e->err);
	*own = *value;
	*ret_item = (struct path_item){.kind = PATH_DECIMAL, .decimal = own};
	return true;
}

bool item_quantity(struct eval *e, const struct path_quantity *value, struct path_item *ret_item)
{
	struct path_quantity *own = arena_alloc(e->arena, sizeof(*own));
	if (!own)
		return error_memory(e->err);
	*own = *value;
	*ret_item = (struct path_item){.kind = PATH_QUANTITY, .quantity = own};
	return true;
}

bool item_is_number(const struct path_item *item)
{
	return item->kind == PATH_INTEGER || item->kind == PATH_LONG || item->kind == PATH_DECIMAL;
}

struct decimal item_number(const struct path_item *item)
{
	return item->kind == PATH_DECIMAL ? *item->decimal : decimal_from_i64(item->integer);
}

static bool fits_integer(int64_t value)
{
	return value >= INT32_MIN && value <= INT32_MAX;
}

bool item_from_number(struct eval *e, struct str text, struct path_item *ret_item)
{
	struct decimal d;
	int64_t whole;
	if (text.n < 19 && str_to_i64(text, &whole)) {
		*ret_item = item_integer(whole);
		if (!fits_integer(whole))
			ret_item->kind = PATH_LONG;
		return true;
	}
	if (!decimal_parse(text, &d))
		return false;
	return item_decimal(e, &d, ret_item);
}

/* ---- elements -------------------------------------------------------------------------------------------------- */

static bool decimal_value(struct eval *e, struct str text, struct path_item *ret)
{
	struct decimal d;
	return decimal_parse(text, &d) && item_decimal(e, &d, ret);
}

/* Text that claims to be a date stays a string when it is none. */
static bool moment_value(struct str text, enum path_kind kind, struct path_item *ret)
{
	struct path_moment m;
	if (!moment_parse(text, kind, &m))
		return false;
	*ret = (struct path_item){.kind = kind, .moment = m};
	return true;
}

static bool string_value(const struct path_item *item, struct str text, struct path_item *ret)
{
	enum path_kind kind = PATH_STRING;
	switch (item->type ? item->type->primitive : PRIMITIVE_NONE) {
	case PRIMITIVE_DATE:
		kind = PATH_DATE;
		break;
	case PRIMITIVE_DATETIME:
	case PRIMITIVE_INSTANT:
		kind = PATH_DATETIME;
		break;
	case PRIMITIVE_TIME:
		kind = PATH_TIME;
		break;
	default:
		break;
	}
	if (kind == PATH_STRING || !moment_value(text, kind, ret))
		*ret = item_string(text);
	return true;
}

bool item_simple(struct eval *e, const struct path_item *item, struct path_item *ret)
{
	if (item->kind != PATH_ELEMENT) {
		*ret = *item;
		return true;
	}
	switch (json_type(item->value)) {
	case JSON_BOOL:
		*ret = item_boolean(json_bool(item->value));
		return true;
	case JSON_NUMBER:
		if (item->type && item->type->primitive == PRIMITIVE_DECIMAL)
			return decimal_value(e, json_number(item->value), ret);
		return item_from_number(e, json_number(item->value), ret);
	case JSON_STRING:
		return string_value(item, json_str(item->value), ret);
	default:
		return false;
	}
}

static bool derives_from(const struct fhir_type *type, const char *name)
{
	for (; type; type = type->base)
		if (str_is(type->name, name))
			return true;
	return false;
}

/* R4 fhirpath.html#quantity: UCUM codes, or no unit at all. "> 5 mg" is not the value 5 mg. */
static bool quantity_element(struct eval *e, const struct path_item *item, struct path_item *ret)
{
	struct path_quantity q = {.unit = S("1")};
	struct str system = json_get_str(item->value, S("system"));
	struct str code = json_get_str(item->value, S("code"));
	struct str unit = json_get_str(item->value, S("unit"));
	if (!decimal_parse(json_number(json_get(item->value, S("value"))), &q.value) ||
	    json_get(item->value, S("comparator")))
		return false;
	if (str_is(system, "http://unitsofmeasure.org") && code.n) {
		q.unit = code;
		q.either = true;
	} else if (system.p || unit.p) {
		return false;
	}
	return item_quantity(e, &q, ret);
}

bool item_value(struct eval *e, const struct path_item *item, struct path_item *ret)
{
	if (item->kind == PATH_ELEMENT && item->type && item->type->kind == TYPE_COMPLEX &&
	    derives_from(item->type, "Quantity"))
		return quantity_element(e, item, ret);
	return item_simple(e, item, ret);
}

bool item_is_hollow(const struct path_item *item)
{
	return item->kind == PATH_ELEMENT && !item->value && !item->text.p;
}

bool path_item_system(struct arena *a, const struct path_item *item, struct path_item *ret_value)
{
	struct eval e = {.arena = a, .limit = PATH_MAX_WORK};
	return item_value(&e, item, ret_value);
}

/* ---- types ----------------------------------------------------------------------------------------------------- */

bool path_type_derives(const struct fhir_type *type, const struct fhir_type *ancestor)
{
	for (; type; type = type->base)
		if (type == ancestor)
			return true;
	return false;
}

bool path_type_selects(const struct fhir_type *type, const struct fhir_type *wanted)
{
	if (type && type->kind == TYPE_PRIMITIVE)
		return type == wanted;
	return path_type_derives(type, wanted);
}

/* The System type that an element is of by itself: JSON that no definition types, and the few elements that the
 * definitions declare as System.String (Element.id, Resource.id, Extension.url). */
static enum path_kind own_kind(const struct path_item *item)
{
	struct path_item simple;
	struct eval e = {.limit = PATH_MAX_WORK};
	if (item->type) {
		const struct fhir_element *element = item->element;
		bool plain = element && (str_is(element->name, "id") || str_is(element->path, "Extension.url"));
		return plain && item->type->kind == TYPE_PRIMITIVE ? PATH_STRING : PATH_ELEMENT;
	}
	if (json_is(item->value, JSON_NUMBER)) {
		struct str text = json_number(item->value);
		for (size_t i = 0; i < text.n; i++)
			if (text.p[i] == '.' || text.p[i] == 'e' || text.p[i] == 'E')
				return PATH_DECIMAL;
		return PATH_INTEGER;
	}
	return item_simple(&e, item, &simple) ? simple.kind : PATH_ELEMENT;
}

bool item_is(const struct path_item *item, struct path_type type)
{
	if (item->kind != PATH_ELEMENT)
		return type.system != PATH_ELEMENT && item->kind == type.system;
	if (type.fhir && path_type_derives(item->type, type.fhir))
		return true;
	return type.system != PATH_ELEMENT && own_kind(item) == type.system;
}

/* The System type that values of a FHIR type convert to, PATH_ELEMENT when there is none. */
enum path_kind type_kind(const struct fhir_type *type)
{
	if (type && type->kind == TYPE_COMPLEX && derives_from(type, "Quantity"))
		return PATH_QUANTITY;
	switch (type ? type->primitive : PRIMITIVE_NONE) {
	case PRIMITIVE_NONE:
		return PATH_ELEMENT;
	case PRIMITIVE_BOOLEAN:
		return PATH_BOOLEAN;
	case PRIMITIVE_INTEGER:
	case PRIMITIVE_POSITIVEINT:
	case PRIMITIVE_UNSIGNEDINT:
		return PATH_INTEGER;
	case PRIMITIVE_DECIMAL:
		return PATH_DECIMAL;
	case PRIMITIVE_DATE:
		return PATH_DATE;
	case PRIMITIVE_DATETIME:
	case PRIMITIVE_INSTANT:
		return PATH_DATETIME;
	case PRIMITIVE_TIME:
		return PATH_TIME;
	default:
		return PATH_STRING;
	}
}

/* Selecting by a System type takes FHIR primitives too, since they convert to it (R4 fhirpath.html#types). */
bool item_as(const struct path_item *item, struct path_type type)
{
	if (item->kind != PATH_ELEMENT)
		return item_is(item, type);
	if (type.fhir && path_type_selects(item->type, type.fhir))
		return true;
	if (type.system == PATH_ELEMENT)
		return false;
	return own_kind(item) == type.system ||
	       (item->type && item->type->kind == TYPE_PRIMITIVE && type_kind(item->type) == type.system);
}

struct str path_item_type_name(struct arena *a, const struct path_item *item)
{
	if (item->kind != PATH_ELEMENT)
		return arena_printf(a, "System.%.*s", STR_ARG(kind_name(item->kind)));
	if (item->type) {
		const struct fhir_type *type = item->type;
		/* Backbone elements are types of their own here, not in the specification. */
		if (type->kind == TYPE_BACKBONE && type->base)
			type = type->base;
		return arena_printf(a, "FHIR.%.*s", STR_ARG(type->name));
	}
	enum path_kind kind = own_kind(item);
	return kind == PATH_ELEMENT ? str_from(json_type_name(json_type(item->value)))
				    : arena_printf(a, "System.%.*s", STR_ARG(kind_name(kind)));
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

static void write_quantity(struct buf *out, const struct path_quantity *q)
{
	decimal_write(out, &q->value);
	buf_printf(out, q->calendar ? " %.*s" : " '%.*s'", STR_ARG(q->unit));
}

void value_write(struct buf *out, const struct path_item *value)
{
	switch (value->kind) {
	case PATH_BOOLEAN:
		buf_add(out, value->truth ? S("true") : S("false"));
		break;
	case PATH_INTEGER:
	case PATH_LONG:
		buf_printf(out, "%lld", (long long)value->integer);
		break;
	case PATH_DECIMAL:
		decimal_write(out, value->decimal);
		break;
	case PATH_DATE:
	case PATH_DATETIME:
	case PATH_TIME:
		moment_write(out, &value->moment, value->kind);
		break;
	case PATH_QUANTITY:
		write_quantity(out, value->quantity);
		break;
	case PATH_TYPE_INFO:
		buf_printf(out, "%s.%.*s", value->truth ? "System" : "FHIR", STR_ARG(value->text));
		break;
	default:
		buf_add(out, value->text);
	}
}

struct str value_text(struct eval *e, const struct path_item *value)
{
	struct buf out;
	if (value->kind == PATH_STRING)
		return value->text;
	buf_init(&out, 4096);
	value_write(&out, value);
	struct str text = buf_ok(&out) ? arena_str(e->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

static void write_type_info(struct json_writer *w, const struct path_item *item)
{
	json_object_begin(w);
	json_put_member(w, S("namespace"), item->truth ? S("System") : S("FHIR"));
	json_put_member(w, S("name"), item->text);
	json_object_end(w);
}

void path_item_write(struct json_writer *w, const struct path_item *item)
{
	struct buf text;
	if (item->kind == PATH_ELEMENT && !item->value) {
		if (item->text.p)
			json_put_str(w, item->text);
		else
			json_put_raw(w, S("null"));
		return;
	}
	if (item->kind == PATH_ELEMENT) {
		json_put_value(w, item->value);
		return;
	}
	if (item->kind == PATH_TYPE_INFO) {
		write_type_info(w, item);
		return;
	}
	buf_init(&text, PATH_MAX_TEXT);
	value_write(&text, item);
	if (!buf_ok(&text))
		w->out->failed = true;
	else if (item->kind == PATH_BOOLEAN || item_is_number(item))
		json_put_raw(w, buf_str(&text));
	else
		json_put_str(w, buf_str(&text));
	buf_done(&text);
}

void path_item_print(struct buf *out, const struct path_item *item)
{
	struct json_writer w = json_writer(out);
	if (item->kind != PATH_ELEMENT)
		value_write(out, item);
	else if (json_is(item->value, JSON_STRING))
		buf_add(out, json_str(item->value));
	else if (item->value)
		json_put_value(&w, item->value);
	else
		buf_add(out, item->text.p ? item->text : S("(no value)"));
}
