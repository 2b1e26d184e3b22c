/*
 * Values to index rows: for each type of parameter, what each data type contributes (R4 search.html, the table of data
 * types under each parameter type). Values that make no sense give no row; whether they are allowed is for validation.
 */
#include "search/search_priv.h"

/* ---- classes of types ------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	enum value_class class;
} classes[] = {
	{"boolean", VALUE_BOOLEAN},
	{"integer", VALUE_NUMBER},
	{"decimal", VALUE_NUMBER},
	{"date", VALUE_DATE},
	{"dateTime", VALUE_DATE},
	{"instant", VALUE_DATE},
	{"canonical", VALUE_CANONICAL},
	{"uri", VALUE_URI},
	{"code", VALUE_CODE},
	{"string", VALUE_STRING},
	{"Coding", VALUE_CODING},
	{"CodeableConcept", VALUE_CONCEPT},
	{"Identifier", VALUE_IDENTIFIER},
	{"ContactPoint", VALUE_CONTACT},
	{"HumanName", VALUE_NAME},
	{"Address", VALUE_ADDRESS},
	{"Period", VALUE_PERIOD},
	{"Timing", VALUE_TIMING},
	{"Reference", VALUE_REFERENCE},
	{"Quantity", VALUE_QUANTITY},
	{"Money", VALUE_MONEY},
	{"Range", VALUE_RANGE},
	{"Location.position", VALUE_POSITION},
	{"Extension", VALUE_EXTENSION},
};

enum value_class value_class_of(const struct fhir_type *type)
{
	if (type && type->kind == TYPE_RESOURCE)
		return VALUE_RESOURCE;
	/* A derived type (Age, id, positiveInt) is as its nearest ancestor in the table. */
	for (; type; type = type->base)
		for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
			if (str_is(type->name, classes[i].name))
				return classes[i].class;
	return VALUE_NONE;
}

struct str implied_system(struct arena *a, const struct fhir_element *element)
{
	static const struct {
		const char *value_set, *system;
	} exceptions[] = {
#define IMPLIED(value_set, system) {value_set, system},
#include "search/implied_systems.def"
#undef IMPLIED
	};
	const struct str prefix = S("http://hl7.org/fhir/ValueSet/");
	if (!element || element->strength != BINDING_REQUIRED)
		return STR_NULL;
	struct str rest = element->value_set;
	struct str set = str_split(&rest, '|');
	for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++)
		if (str_is(set, exceptions[i].value_set))
			return exceptions[i].system[0] ? str_from(exceptions[i].system) : STR_NULL;
	if (!str_starts(set, prefix))
		return STR_NULL;
	struct str name = str_slice(set, prefix.n, set.n);
	return arena_printf(a, "http://hl7.org/fhir/%.*s", STR_ARG(name));
}

/* ---- the list of rows ------------------------------------------------------------------------------------------ */

static uint64_t row_hash(const struct index_row *r)
{
	uint64_t number, h = str_hash(r->code) * 31 + str_hash(r->ref_id);
	memcpy(&number, &r->number_low, sizeof(number));
	h = h * 31 + (uint64_t)r->low * 7 + (uint64_t)r->high + number + r->param->id + r->element * 131u;
	return (h ^ h >> 31) * 0x9E3779B97F4A7C15u >> 20;
}

static bool same(struct str a, struct str b)
{
	return !a.p == !b.p && str_eq(a, b);
}

static bool rows_equal(const struct index_row *a, const struct index_row *b)
{
	return a->param == b->param && a->variant == b->variant && a->element == b->element && same(a->code, b->code) &&
	       same(a->system, b->system) && same(a->unit, b->unit) && same(a->text, b->text) &&
	       same(a->ref_type, b->ref_type) && same(a->ref_id, b->ref_id) && a->low == b->low && a->high == b->high &&
	       a->number_low == b->number_low && a->number_high == b->number_high;
}

/* Where the row is or would go. */
static uint32_t *find_slot(struct extraction *e, const struct index_row *row)
{
	size_t at = row_hash(row) & (e->slot_count - 1);
	while (e->slots[at] && !rows_equal(&e->rows->rows[e->slots[at] - 1], row))
		at = (at + 1) & (e->slot_count - 1);
	return &e->slots[at];
}

static bool grow_slots(struct extraction *e)
{
	size_t count = e->slot_count ? e->slot_count * 4 : 128;
	uint32_t *slots = ARENA_ARRAY(e->arena, uint32_t, count);
	if (!slots)
		return error_memory(e->err);
	e->slots = slots;
	e->slot_count = count;
	for (size_t i = 0; i < e->rows->count; i++)
		*find_slot(e, &e->rows->rows[i]) = (uint32_t)i + 1;
	return true;
}

bool row_add(struct extraction *e, const struct index_row *row)
{
	struct index_rows *rows = e->rows;
	struct index_row own;
	e->found = e->found || row->variant == ROW_PLAIN || row->variant == ROW_PRESENT;
	if (e->row_element) {
		own = *row;
		own.element = e->row_element;
		row = &own;
	}
	if (rows->count * 2 >= e->slot_count && !grow_slots(e))
		return false;
	uint32_t *slot = find_slot(e, row);
	if (*slot)
		return true;
	if (rows->count == rows->capacity) {
		void *grown = arena_grow(e->arena, rows->rows, rows->count, &rows->capacity,
					 rows->count ? rows->count + 1 : 32, sizeof(*rows->rows));
		if (!grown)
			return error_memory(e->err);
		rows->rows = grown;
	}
	rows->rows[rows->count++] = *row;
	*slot = (uint32_t)rows->count;
	return true;
}

static bool has_plain_row(const struct index_rows *rows, const struct search_param *param)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].param == param && rows->rows[i].variant == ROW_PLAIN)
			return true;
	return false;
}

void rows_settle(struct extraction *e)
{
	struct index_rows *rows = e->rows;
	size_t kept = 0;
	for (size_t i = 0; e->present && i < rows->count; i++) {
		const struct index_row *row = &rows->rows[i];
		if (row->variant != ROW_PRESENT || !has_plain_row(rows, row->param))
			rows->rows[kept++] = *row;
	}
	rows->count = e->present ? kept : rows->count;
}

/* ---- string, token, uri ---------------------------------------------------------------------------------------- */

static bool add_string(struct extraction *e, const struct leaf *leaf, struct str text)
{
	struct index_row row = {.param = leaf->param, .text = text};
	if (!text.p)
		return true;
	row.code = str_fold(e->arena, text);
	if (!row.code.p)
		return error_memory(e->err);
	return row.code.n == 0 || row_add(e, &row);
}

static bool add_string_parts(struct extraction *e, const struct leaf *leaf, const struct json *value,
			     const struct str *names, size_t count)
{
	struct json_iter it = json_iter(value);
	while (json_next(&it)) {
		bool indexed = false;
		for (size_t i = 0; i < count && !indexed; i++)
			indexed = str_eq(it.key, names[i]);
		if (!indexed)
			continue;
		if (!json_is(it.value, JSON_ARRAY)) {
			if (!add_string(e, leaf, json_str(it.value)))
				return false;
			continue;
		}
		struct json_iter part = json_iter(it.value);
		while (json_next(&part))
			if (!add_string(e, leaf, json_str(part.value)))
				return false;
	}
	return true;
}

static bool string_rows(struct extraction *e, const struct leaf *leaf, const struct json *value)
{
	const struct str name_parts[] = {S("text"), S("family"), S("given"), S("prefix"), S("suffix")};
	const struct str address_parts[] = {S("text"),	S("line"),	 S("city"),   S("district"),
					    S("state"), S("postalCode"), S("country")};
	switch (leaf->class) {
	case VALUE_NAME:
		return add_string_parts(e, leaf, value, name_parts, sizeof(name_parts) / sizeof(name_parts[0]));
	case VALUE_ADDRESS:
		return add_string_parts(e, leaf, value, address_parts,
					sizeof(address_parts) / sizeof(address_parts[0]));
	case VALUE_CONCEPT:
		return add_string(e, leaf, json_get_str(value, S("text")));
	case VALUE_CONTACT:
		return add_string(e, leaf, json_get_str(value, S("value")));
	default:
		return add_string(e, leaf, json_str(value));
	}
}

static bool add_token(struct extraction *e, const struct leaf *leaf, struct str system, struct str code)
{
	struct index_row row = {.param = leaf->param, .system = system, .code = code};
	return !code.p || code.n == 0 || row_add(e, &row);
}

static bool add_coding(struct extraction *e, const struct leaf *leaf, const struct json *coding)
{
	return add_token(e, leaf, json_get_str(coding, S("system")), json_get_str(coding, S("code")));
}

/* An identifier is found by its type too: |MR|12345 (R4 search.html#token, :of-type). */
static bool add_identifier(struct extraction *e, const struct leaf *leaf, const struct json *identifier)
{
	struct str value = json_get_str(identifier, S("value"));
	if (!add_token(e, leaf, json_get_str(identifier, S("system")), value))
		return false;
	if (!value.n)
		return true;
	struct json_iter it = json_iter(json_get(json_get(identifier, S("type")), S("coding")));
	while (json_next(&it)) {
		struct index_row row = {.param = leaf->param,
					.variant = ROW_OF_TYPE,
					.system = json_get_str(it.value, S("system")),
					.code = json_get_str(it.value, S("code")),
					.text = value};
		if (row.code.n && !row_add(e, &row))
			return false;
	}
	return true;
}

static bool token_rows(struct extraction *e, const struct leaf *leaf, const struct json *value)
{
	struct json_iter it;
	switch (leaf->class) {
	case VALUE_CODING:
		return add_coding(e, leaf, value);
	case VALUE_CONCEPT:
		it = json_iter(json_get(value, S("coding")));
		while (json_next(&it))
			if (!add_coding(e, leaf, it.value))
				return false;
		return true;
	case VALUE_IDENTIFIER:
		return add_identifier(e, leaf, value);
	case VALUE_CONTACT:
		return add_token(e, leaf, STR_NULL, json_get_str(value, S("value")));
	case VALUE_BOOLEAN:
		if (!json_is(value, JSON_BOOL))
			return true;
		return add_token(e, leaf, STR_NULL, json_bool(value) ? S("true") : S("false"));
	case VALUE_CODE:
		return add_token(e, leaf, leaf->system, json_str(value));
	default:
		return add_token(e, leaf, STR_NULL, json_str(value));
	}
}

/* A canonical with a version is found with and without it. */
static bool add_uri(struct extraction *e, const struct leaf *leaf, struct str text)
{
	struct index_row row = {.param = leaf->param, .code = text};
	if (!text.p || text.n == 0)
		return true;
	if (!row_add(e, &row))
		return false;
	size_t bar = leaf->class == VALUE_CANONICAL ? str_rfind_char(text, '|') : STR_NONE;
	if (bar == STR_NONE || bar == 0)
		return true;
	row.code = str_slice(text, 0, bar);
	return row_add(e, &row);
}

/* ---- reference ------------------------------------------------------------------------------------------------- */

struct reference extraction_reference(struct extraction *e, struct str text)
{
	if (e->last_text.p != text.p || e->last_text.n != text.n) {
		e->last_reference = reference_parse(e->definitions, text);
		e->last_text = text;
	}
	return e->last_reference;
}

static bool is_local(const struct extraction *e, const struct reference *r)
{
	return r->kind == REF_RELATIVE ||
	       (r->kind == REF_ABSOLUTE && r->type.p && e->base.p && str_eq(r->base, e->base));
}

bool extraction_local(struct extraction *e, struct str text, struct str *ret_type, struct str *ret_id)
{
	struct reference r = extraction_reference(e, text);
	*ret_type = r.type;
	*ret_id = r.id;
	return is_local(e, &r);
}

static bool add_local(struct extraction *e, const struct leaf *leaf, struct str type, struct str id)
{
	struct index_row row = {.param = leaf->param, .ref_type = type, .ref_id = id};
	return row_add(e, &row);
}

static bool add_reference(struct extraction *e, const struct leaf *leaf, struct str text)
{
	if (!text.p || text.n == 0)
		return true;
	struct reference r = extraction_reference(e, text);
	if (r.kind == REF_FRAGMENT)
		return true;
	if (is_local(e, &r))
		return add_local(e, leaf, r.type, r.id);
	return add_uri(e, leaf, text);
}

/* A canonical is a URL first; one that lives on this server is also found by type and id. */
static bool add_canonical(struct extraction *e, const struct leaf *leaf, struct str text)
{
	if (!text.p || text.n == 0 || text.p[0] == '#')
		return true;
	if (!add_uri(e, leaf, text))
		return false;
	size_t bar = str_rfind_char(text, '|');
	struct reference r = extraction_reference(e, bar == STR_NONE ? text : str_slice(text, 0, bar));
	return !is_local(e, &r) || add_local(e, leaf, r.type, r.id);
}

/* A reference by identifier, for :identifier. */
static bool add_logical(struct extraction *e, const struct leaf *leaf, const struct json *identifier)
{
	struct index_row row = {.param = leaf->param,
				.variant = ROW_IDENTIFIER,
				.system = json_get_str(identifier, S("system")),
				.code = json_get_str(identifier, S("value"))};
	return !row.code.n || row_add(e, &row);
}

static bool reference_rows(struct extraction *e, const struct leaf *leaf, const struct json *value)
{
	struct str id = json_get_str(value, S("id"));
	switch (leaf->class) {
	case VALUE_REFERENCE:
		return add_reference(e, leaf, json_get_str(value, S("reference"))) &&
		       add_logical(e, leaf, json_get(value, S("identifier")));
	case VALUE_CANONICAL:
		return add_canonical(e, leaf, json_str(value));
	case VALUE_URI:
		return add_reference(e, leaf, json_str(value));
	case VALUE_RESOURCE:
		return !id.p || add_local(e, leaf, json_get_str(value, S("resourceType")), id);
	default:
		return true;
	}
}

/* ---- all together ---------------------------------------------------------------------------------------------- */

/* Some parameters of R4 point at an extension and mean its value. */
static bool extension_rows(struct extraction *e, const struct leaf *leaf, const struct json *extension)
{
	const struct fhir_type *type = NULL;
	struct json_iter it = json_iter(extension);
	while (json_next(&it)) {
		if (!str_starts(it.key, S("value")) || !definitions_element(leaf->type, it.key, &type) || !type)
			continue;
		struct leaf inner = {.param = leaf->param, .type = type, .class = value_class_of(type)};
		return inner.class == VALUE_EXTENSION || rows_of_value(e, &inner, it.value);
	}
	return true;
}

static bool rows_by_type(struct extraction *e, const struct leaf *leaf, const struct json *value)
{
	if (leaf->class == VALUE_EXTENSION)
		return extension_rows(e, leaf, value);
	switch (leaf->param->type) {
	case PARAM_STRING:
		return string_rows(e, leaf, value);
	case PARAM_TOKEN:
		return token_rows(e, leaf, value);
	case PARAM_URI:
		return add_uri(e, leaf, json_str(value));
	case PARAM_DATE:
		return date_rows(e, leaf, value);
	case PARAM_NUMBER:
		return number_rows(e, leaf, value);
	case PARAM_QUANTITY:
		return quantity_rows(e, leaf, value);
	case PARAM_REFERENCE:
		return reference_rows(e, leaf, value);
	case PARAM_SPECIAL:
		return place_rows(e, leaf, value);
	default:
		return true;
	}
}

/* A value that no search can find is there all the same. Parameters that cannot be asked for do not need to tell. */
bool rows_of_value(struct extraction *e, const struct leaf *leaf, const struct json *value)
{
	struct index_row present = {.param = leaf->param, .variant = ROW_PRESENT, .code = S("")};
	e->found = false;
	if (!rows_by_type(e, leaf, value))
		return false;
	bool nothing = json_is(value, JSON_NULL) || (json_is(value, JSON_OBJECT) && json_size(value) == 0);
	if (e->found || nothing || str_find_char(leaf->param->code, '$', 0) != STR_NONE)
		return true;
	e->row_element = 0;
	e->present = true;
	return row_add(e, &present);
}

bool rows_of_item(struct extraction *e, const struct search_param *param, const struct path_item *item)
{
	struct leaf leaf = {.param = param, .type = item->type, .class = value_class_of(item->type)};
	if (item->kind == PATH_BOOLEAN)
		return param->type != PARAM_TOKEN ||
		       add_token(e, &leaf, STR_NULL, item->truth ? S("true") : S("false"));
	if (item->kind != PATH_ELEMENT || !item->value)
		return true;
	if (leaf.class == VALUE_CODE)
		leaf.system = implied_system(e->arena, item->element);
	return rows_of_value(e, &leaf, item->value);
}
