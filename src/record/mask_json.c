/*
 * Masks of JSON: FHIR resources by the types of the definitions, and other documents by the names of their members. A
 * walk over the document decides for each value in turn; then the text is copied with the new values in their places,
 * so that spaces, order and the text of numbers stay.
 */
#include "base/encode.h"
#include "record/record_priv.h"

struct walk {
	struct masker *m;
	struct arena *a;
	struct str *values; /* for each string, number and so on in the order of the text; STR_NULL: it stays */
	size_t count, capacity;
	bool outcome; /* inside an OperationOutcome, whose texts say what went wrong */
	bool of_person; /* inside what tells who somebody is, where dates are often the day of birth */
	bool failed;
};

/* ---- deciding --------------------------------------------------------------------------------------------------- */

static void put(struct walk *w, struct str value)
{
	struct str *values = arena_grow(w->a, w->values, w->count, &w->capacity, w->count + 1, sizeof(*values));
	w->failed = w->failed || !values;
	if (!values)
		return;
	w->values = values;
	values[w->count++] = value;
}

static void keep_all(struct walk *w, const struct json *j)
{
	struct json_iter it = json_iter(j);
	if (json_type(j) < JSON_ARRAY)
		put(w, STR_NULL);
	while (json_next(&it))
		keep_all(w, it.value);
}

/* What is no part of any definition: every text of it goes. */
static void mask_all(struct walk *w, const struct json *j)
{
	struct json_iter it = json_iter(j);
	if (json_type(j) < JSON_ARRAY)
		put(w, json_is(j, JSON_STRING) ? masker_word(w->m, "text", json_str(j)) : STR_NULL);
	while (json_next(&it))
		mask_all(w, it.value);
}

/* Where a type and element name say more than the element's data type. owner NULL: any. kind NULL with RULE_KEEP. */
static const struct {
	const char *owner, *element;
	struct mask_name rule;
} elements[] = {
	{"HumanName", "family", {RULE_MASK, "family"}},
	{"HumanName", "given", {RULE_MASK, "given"}},
	{"HumanName", NULL, {RULE_MASK, "name"}},
	{"Address", "state", {RULE_KEEP}},
	{"Address", "country", {RULE_KEEP}},
	{"Address", "line", {RULE_MASK, "line"}},
	{"Address", "city", {RULE_MASK, "city"}},
	{"Address", "postalCode", {RULE_MASK, "postcode"}},
	{"Address", NULL, {RULE_MASK, "address"}},
	{"ContactPoint", "value", {RULE_MASK, "telecom"}},
	{"Identifier", "value", {RULE_MASK, "identifier"}},
	{"Reference", "display", {RULE_MASK, "name"}},
	{"Reference", "reference", {RULE_URL}},
	{"Coding", "display", {RULE_KEEP}},
	{"Coding", "version", {RULE_KEEP}},
	{"Quantity", "unit", {RULE_KEEP}},
	{"Age", "unit", {RULE_KEEP}},
	{"Count", "unit", {RULE_KEEP}},
	{"Distance", "unit", {RULE_KEEP}},
	{"Duration", "unit", {RULE_KEEP}},
	{"SampledData", "data", {RULE_KEEP}},
	{"Meta", "versionId", {RULE_KEEP}},
	{"Bundle.link", "relation", {RULE_KEEP}},
	{"Bundle.entry.response", "status", {RULE_KEEP}},
	{"Bundle.entry.response", "etag", {RULE_KEEP}},
	{"Bundle.entry.request", "ifMatch", {RULE_KEEP}},
	{"Bundle.entry.request", "ifNoneMatch", {RULE_KEEP}},
	{"Bundle.entry.request", "ifNoneExist", {RULE_MASK, "text"}},
	{"Parameters.parameter", "name", {RULE_KEEP}},
	{"OperationOutcome.issue", "diagnostics", {RULE_SCRUB}},
	{"OperationOutcome.issue", "location", {RULE_KEEP}},
	{"OperationOutcome.issue", "expression", {RULE_KEEP}},
	{NULL, "linkId", {RULE_KEEP}},
	{NULL, "id", {RULE_MASK, "id"}},
};

static struct mask_name rule_of(const struct fhir_type *owner, struct str name, enum fhir_primitive primitive)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if ((!elements[i].owner || str_is(owner->name, elements[i].owner)) &&
		    (elements[i].element ? str_is(name, elements[i].element)
					 : primitive == PRIMITIVE_STRING || primitive == PRIMITIVE_MARKDOWN))
			return elements[i].rule;
	switch (primitive) {
	case PRIMITIVE_NONE:
	case PRIMITIVE_STRING:
	case PRIMITIVE_MARKDOWN:
		return (struct mask_name){RULE_MASK, "text"};
	case PRIMITIVE_ID:
		return (struct mask_name){RULE_MASK, "id"};
	case PRIMITIVE_URI:
	case PRIMITIVE_URL:
		return (struct mask_name){RULE_URL, NULL};
	default:
		return (struct mask_name){RULE_KEEP, NULL};
	}
}

static struct str narrative(struct walk *w, struct str value)
{
	struct str word = masker_word(w->m, "narrative", value);
	return arena_printf(w->a, "<div xmlns=\"http://www.w3.org/1999/xhtml\">%.*s</div>", STR_ARG(word));
}

static struct str base64(struct walk *w, struct str value)
{
	struct buf out;
	buf_init(&out, 4096);
	encode_base64(&out, masker_word(w->m, "content", value));
	struct str text = arena_str(w->a, buf_str(&out));
	buf_done(&out);
	return text;
}

static bool is_birth(struct str name)
{
	return str_is(name, "birthDate") || str_is(name, "bornDate") || str_is(name, "deceasedDateTime") ||
	       str_is(name, "deceasedDate") || str_is(name, "timeOfBirth") || str_is(name, "timeOfDeath");
}

static void mask_primitive(struct walk *w, const struct fhir_type *owner, struct str name,
			   enum fhir_primitive primitive, const struct json *j)
{
	struct str text = json_str(j);
	struct mask_name rule = rule_of(owner, name, primitive);
	if (!json_is(j, JSON_STRING))
		put(w, STR_NULL);
	else if (is_birth(name) || (w->of_person && (primitive == PRIMITIVE_DATETIME || primitive == PRIMITIVE_DATE)))
		put(w, masker_birth(w->m, w->a, text));
	else if (primitive == PRIMITIVE_XHTML)
		put(w, narrative(w, text));
	else if (primitive == PRIMITIVE_BASE64BINARY)
		put(w, base64(w, text));
	else if (w->outcome && rule.rule == RULE_MASK && strcmp(rule.kind, "text") == 0)
		put(w, masker_scrub(w->m, w->a, text));
	else if (rule.rule == RULE_MASK)
		put(w, masker_word(w->m, rule.kind, text));
	else if (rule.rule == RULE_URL)
		put(w, mask_url(w->m, w->a, text));
	else if (rule.rule == RULE_SCRUB)
		put(w, masker_scrub(w->m, w->a, text));
	else
		put(w, STR_NULL);
}

/* The text of a concept stays when it says no more than one of its codes does. */
static bool repeats_a_coding(const struct json *concept)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	struct str text = json_get_str(concept, S("text"));
	while (json_next(&it))
		if (str_eq_nocase(json_get_str(it.value, S("display")), text))
			return true;
	return false;
}

/* ---- walking resources ------------------------------------------------------------------------------------------ */

static void walk_resource(struct walk *w, const struct json *j);
static void walk_object(struct walk *w, const struct fhir_type *type, const struct json *j);

static void walk_value(struct walk *w, const struct fhir_type *owner, struct str name, const struct fhir_type *type,
		       const struct json *j)
{
	struct json_iter it = json_iter(j);
	if (json_is(j, JSON_ARRAY))
		while (json_next(&it))
			walk_value(w, owner, name, type, it.value);
	else if (type->kind == TYPE_PRIMITIVE)
		json_is(j, JSON_OBJECT) ? mask_all(w, j) : mask_primitive(w, owner, name, type->primitive, j);
	else if (!json_is(j, JSON_OBJECT))
		mask_all(w, j);
	else if (type->kind == TYPE_RESOURCE)
		walk_resource(w, j);
	else
		walk_object(w, type, j);
}

/* Extensions that hold what is masked elsewhere, in types that are not: a time of birth, the place of an address. */
static bool extension_hides(const struct json *extension)
{
	struct str url = json_get_str(extension, S("url"));
	return str_is(url, "latitude") || str_is(url, "longitude");
}
static bool extension_is_birth(const struct json *extension)
{
	struct str url = json_get_str(extension, S("url"));
	return str_ends(url, S("birthTime")) || str_ends(url, S("birth-time")) || str_ends(url, S("birthdate"));
}

static bool walk_special(struct walk *w, const struct fhir_type *type, const struct json *whole, struct str name,
			 const struct json *j)
{
	if (str_is(name, "resourceType") || (str_is(type->name, "Extension") && str_is(name, "url"))) {
		keep_all(w, j);
	} else if (str_is(type->name, "CodeableConcept") && str_is(name, "text") && repeats_a_coding(whole)) {
		keep_all(w, j);
	} else if (json_is(j, JSON_NUMBER) && ((str_is(type->name, "Extension") && extension_hides(whole)) ||
					       str_is(type->name, "Location.position"))) {
		put(w, S("0.0"));
	} else if (str_is(type->name, "Extension") && json_is(j, JSON_STRING) && str_starts(name, S("valueDate")) &&
		   extension_is_birth(whole)) {
		put(w, masker_birth(w->m, w->a, json_str(j)));
	} else if (str_is(type->name, "Identifier") && str_is(name, "type")) {
		keep_all(w, j); /* its text is a code: Epic's "EPI" and "MRN" */
	} else if (str_is(name, "contentType") || str_is(name, "fhir_comments")) {
		str_is(name, "contentType") ? keep_all(w, j) : mask_all(w, j);
	} else {
		return false;
	}
	return true;
}

static bool is_of_person(const struct fhir_type *type)
{
	static const char *const types[] = {"HumanName", "Address", "ContactPoint", "Identifier"};
	return NAME_IS_ONE_OF(type->name, types);
}

static void walk_object(struct walk *w, const struct fhir_type *type, const struct json *j)
{
	bool of_person = w->of_person;
	w->of_person = of_person || is_of_person(type);
	const struct fhir_type *element = definitions_type(w->m->definitions, S("Element"));
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		const struct fhir_type *value_type = NULL;
		bool sibling = it.key.n > 1 && it.key.p[0] == '_';
		struct str name = sibling ? str_slice(it.key, 1, it.key.n) : it.key;
		if (walk_special(w, type, j, name, it.value))
			continue;
		if (!definitions_element(type, name, &value_type) || !value_type)
			mask_all(w, it.value);
		else if (sibling && (json_is(it.value, JSON_OBJECT) || json_is(it.value, JSON_ARRAY)))
			walk_value(w, type, name, element, it.value);
		else
			walk_value(w, type, name, value_type, it.value);
	}
	w->of_person = of_person;
}

static void walk_resource(struct walk *w, const struct json *j)
{
	bool outcome = w->outcome;
	struct str name = json_get_str(j, S("resourceType"));
	const struct fhir_type *type = definitions_resource(w->m->definitions, name);
	w->outcome = str_is(name, "OperationOutcome");
	if (!type)
		mask_all(w, j);
	else if (type_is_definition(type))
		keep_all(w, j);
	else
		walk_object(w, type, j);
	w->outcome = outcome;
}

/* ---- other documents -------------------------------------------------------------------------------------------- */

/* header.payload.signature (RFC 7515): the payload masked as the document that it is, and no signature. */
static struct str mask_jwt(struct walk *w, struct str token)
{
	struct str rest = token, header = str_split(&rest, '.'), payload = str_split(&rest, '.');
	struct buf plain, out;
	buf_init(&plain, 64 << 10);
	buf_init(&out, 256 << 10);
	struct str text =
		rest.p && decode_base64url(&plain, payload) ? mask_json(w->m, w->a, buf_str(&plain)) : STR_NULL;
	struct str result = masker_word(w->m, "masked-token", token);
	if (text.p) {
		buf_printf(&out, "%.*s.", STR_ARG(header));
		encode_base64url(&out, text);
		buf_char(&out, '.');
		encode_base64url(&out, result);
		result = buf_ok(&out) ? arena_str(w->a, buf_str(&out)) : STR_NULL;
	}
	w->failed = w->failed || !result.p;
	buf_done(&plain);
	buf_done(&out);
	return result;
}

static bool is_web_address(struct str text)
{
	return str_starts(text, S("http://")) || str_starts(text, S("https://"));
}

static void mask_named(struct walk *w, struct str name, const struct json *j)
{
	struct str text = json_str(j);
	struct mask_name rule = mask_name_of_oauth(name);
	if (!json_is(j, JSON_STRING) || rule.rule == RULE_KEEP)
		put(w, STR_NULL);
	else if (rule.rule == RULE_JWT)
		put(w, mask_jwt(w, text));
	else if (rule.rule == RULE_URL || (str_is(name, "request") && is_web_address(text)))
		put(w, mask_url(w->m, w->a, text));
	else if (rule.rule == RULE_SCRUB)
		put(w, masker_scrub(w->m, w->a, text));
	else
		put(w, masker_word(w->m, rule.kind, text));
}

static void walk_plain(struct walk *w, struct str name, const struct json *j)
{
	struct json_iter it = json_iter(j);
	if (json_get_str(j, S("resourceType")).p) {
		walk_resource(w, j);
		return;
	}
	if (json_type(j) < JSON_ARRAY)
		mask_named(w, name, j);
	while (json_next(&it))
		walk_plain(w, it.key.p ? it.key : name, it.value);
}

/* ---- the text --------------------------------------------------------------------------------------------------- */

static size_t string_end(struct str text, size_t at)
{
	for (at++; at < text.n && text.p[at] != '"'; at++)
		if (text.p[at] == '\\')
			at++;
	return at + 1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name(struct str text, size_t end)
{
	while (end < text.n && is_space(text.p[end]))
		end++;
	return end < text.n && text.p[end] == ':';
}

static void put_value(struct buf *out, struct str value, bool string)
{
	struct json_writer writer = json_writer(out);
	if (string)
		json_put_str(&writer, value);
	else
		buf_add(out, value);
}

/* text is one that was parsed, so its values come in the order of the walk. */
static bool splice(struct walk *w, struct str text, struct buf *out)
{
	size_t at = 0, n = 0;
	while (at < text.n) {
		char c = text.p[at];
		size_t end = at + 1;
		bool string = c == '"', value = false;
		if (string) {
			end = string_end(text, at);
			value = !is_name(text, end);
		} else if ((c >= '0' && c <= '9') || c == '-' || c == 't' || c == 'f' || c == 'n') {
			value = true;
			while (end < text.n && !is_space(text.p[end]) && text.p[end] != ',' && text.p[end] != ']' &&
			       text.p[end] != '}')
				end++;
		}
		if (value && n >= w->count)
			return false;
		if (value && w->values[n].p)
			put_value(out, w->values[n], string);
		else
			buf_add(out, str_slice(text, at, end));
		n += value;
		at = end;
	}
	return n == w->count;
}

struct str mask_json(struct masker *m, struct arena *a, struct str text)
{
	struct walk w = {.m = m, .a = a};
	struct error ignored = {0};
	struct buf out;
	const struct json *j = json_parse(a, text, 0, &ignored);
	if (!j)
		return STR_NULL;
	walk_plain(&w, S(""), j);
	buf_init(&out, 8 * text.n + (1 << 20));
	bool ok = !w.failed && !m->failed && splice(&w, text, &out) && buf_ok(&out);
	struct str result = ok ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return result;
}
