/* Ids, what a resource says of itself, and literal references: http://hl7.org/fhir/R4/references.html#literal */
#include "fhir/resource.h"

bool fhir_id_valid(struct str id)
{
	if (id.n < 1 || id.n > 64)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '.'))
			return false;
	}
	return true;
}

bool resource_is_withdrawn(const struct json *resource)
{
	if (str_is(str_trim(json_get_str(resource, S("status"))), "entered-in-error"))
		return true;
	struct json_iter it = json_iter(json_get(json_get(resource, S("verificationStatus")), S("coding")));
	while (json_next(&it))
		if (str_is(str_trim(json_get_str(it.value, S("code"))), "entered-in-error"))
			return true;
	return false;
}

const struct fhir_type *resource_type(const struct definitions *d, const struct json *resource, struct error *err)
{
	struct str name = json_get_str(resource, S("resourceType"));
	const struct fhir_type *type = name.p ? definitions_resource(d, name) : NULL;
	if (type)
		return type;
	if (!json_is(resource, JSON_OBJECT))
		error_set(err, ERR_STRUCTURE, "A resource must be a JSON object, not %s",
			  json_type_name(json_type(resource)));
	else if (!name.p)
		error_set(err, ERR_STRUCTURE, "The property resourceType is missing");
	else
		error_set(err, ERR_UNKNOWN_TYPE, "\"%.*s\" is not a resource type of FHIR R4",
			  STR_ARG(str_slice(name, 0, 64)));
	return NULL;
}

static bool has_scheme(struct str text)
{
	return str_starts(text, S("http://")) || str_starts(text, S("https://"));
}

/* Takes "[base/]Type/id[/_history/version]" from the right; false when it has not that form. */
static bool take_restful(const struct definitions *d, struct str text, struct reference *r)
{
	struct str rest = text;
	size_t slash = str_rfind_char(rest, '/');
	if (slash == STR_NONE)
		return false;
	struct str last = str_slice(rest, slash + 1, rest.n);
	struct str before = str_slice(rest, 0, slash);
	if (str_ends(before, S("/_history"))) {
		r->version = last;
		rest = str_slice(before, 0, before.n - 9);
		slash = str_rfind_char(rest, '/');
		if (slash == STR_NONE)
			return false;
		last = str_slice(rest, slash + 1, rest.n);
		before = str_slice(rest, 0, slash);
	}
	size_t type_at = str_rfind_char(before, '/');
	struct str type = type_at == STR_NONE ? before : str_slice(before, type_at + 1, before.n);
	if (!fhir_id_valid(last) || !definitions_resource(d, type))
		return false;
	r->type = type;
	r->id = last;
	r->base = type_at == STR_NONE ? STR_NULL : str_slice(before, 0, type_at);
	return true;
}

struct reference reference_parse(const struct definitions *d, struct str text)
{
	struct reference r = {.kind = REF_OTHER, .text = text};
	if (str_starts(text, S("#"))) {
		r.kind = REF_FRAGMENT;
		r.id = str_slice(text, 1, text.n);
	} else if (str_starts(text, S("urn:"))) {
		r.kind = REF_URN;
	} else if (has_scheme(text)) {
		r.kind = REF_ABSOLUTE;
		if (!take_restful(d, text, &r) || r.base.n < 8)
			r.base = r.type = r.id = r.version = STR_NULL;
	} else if (take_restful(d, text, &r) && !r.base.p) {
		r.kind = REF_RELATIVE;
	} else {
		r.base = r.type = r.id = r.version = STR_NULL;
	}
	return r;
}

struct str resource_next_page(const struct json *bundle)
{
	struct json_iter it = json_iter(json_get(bundle, S("link")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("relation")), "next"))
			return json_get_str(it.value, S("url"));
	return STR_NULL;
}
