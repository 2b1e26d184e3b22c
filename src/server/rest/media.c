/*
 * Media types: what the client accepts (http://hl7.org/fhir/R4/http.html#general, RFC 9110 section 12.5.1) and what
 * bodies may be. A client that asks for a generic type such as application/json gets that very type back.
 */
#include "server/rest/rest_priv.h"

struct known_type {
	const char *name; /* as clients say it */
	const char *answer; /* as we say it */
	bool xml;
};
/* The last row of each kind is the type of DSTU2, which old clients still send. */
static const struct known_type known_types[] = {
	{"application/fhir+json", "application/fhir+json; charset=utf-8", false},
	{"application/json", "application/json; charset=utf-8", false},
	{"text/json", "text/json; charset=utf-8", false},
	{"application/json+fhir", "application/fhir+json; charset=utf-8", false},
	{"application/fhir+xml", "application/fhir+xml; charset=utf-8", true},
	{"application/xml", "application/xml; charset=utf-8", true},
	{"text/xml", "text/xml; charset=utf-8", true},
	{"application/xml+fhir", "application/fhir+xml; charset=utf-8", true},
};
enum { KNOWN_TYPES = sizeof(known_types) / sizeof(known_types[0]), FHIR_JSON = 0, FHIR_XML = 4 };

static const struct known_type *find_type(struct str name)
{
	for (size_t i = 0; i < KNOWN_TYPES; i++)
		if (str_eq_nocase(name, str_from(known_types[i].name)))
			return &known_types[i];
	return NULL;
}

/* One parameter of a media type, quotes removed. */
static bool next_parameter(struct str *rest, struct str *ret_name, struct str *ret_value)
{
	if (!rest->p)
		return false;
	struct str part = str_split(rest, ';');
	struct str name = str_split(&part, '=');
	*ret_name = str_trim(name);
	*ret_value = part.p ? str_trim(part) : S("");
	if (ret_value->n >= 2 && ret_value->p[0] == '"' && ret_value->p[ret_value->n - 1] == '"')
		*ret_value = str_slice(*ret_value, 1, ret_value->n - 1);
	return true;
}

/* http.html#version-parameter: 4.0 is R4. */
static bool is_our_version(struct str version)
{
	return str_is(version, "4.0") || str_is(version, "4.0.1");
}

struct accepted {
	struct str range; /* "application/fhir+json", "text/" and so on */
	int q;
	bool other_version;
};

static struct accepted parse_range(struct str item)
{
	struct accepted r = {.q = 1000};
	struct str name, value, rest = item;
	r.range = str_trim(str_split(&rest, ';'));
	while (next_parameter(&rest, &name, &value)) {
		if (str_eq_nocase(name, S("q")))
			r.q = http_quality(value);
		else if (str_eq_nocase(name, S("fhirVersion")))
			r.other_version = !is_our_version(value);
	}
	return r;
}

/* How exactly a range names a type: 3 in full, 2 its first half, 1 anything, 0 not at all. */
static int range_fit(struct str range, const struct known_type *type)
{
	struct str name = str_from(type->name);
	if (str_eq_nocase(range, name))
		return 3;
	if (str_is(range, "*/*") || str_is(range, "*"))
		return 1;
	if (!str_ends(range, S("/*")))
		return 0;
	struct str half = str_slice(range, 0, range.n - 1);
	return str_eq_nocase(half, str_slice(name, 0, half.n)) ? 2 : 0;
}

/* The quality of a type is that of the range which names it most exactly. */
static int quality(struct str accept, const struct known_type *type, int *ret_fit)
{
	int best_fit = 0, q = 0;
	while (accept.p) {
		struct accepted r = parse_range(str_split(&accept, ','));
		int fit = range_fit(r.range, type);
		if (fit <= best_fit || r.q < 0)
			continue;
		best_fit = fit;
		q = r.other_version ? 0 : r.q;
	}
	*ret_fit = best_fit;
	return q;
}

static void choose(const struct known_type *type, struct media *ret_media)
{
	*ret_media = (struct media){.xml = type->xml, .content_type = str_from(type->answer)};
}

static bool choose_by_format(struct str format, struct media *ret_media, struct error *err)
{
	struct str rest = format, name = str_trim(str_split(&rest, ';'));
	const struct known_type *type;
	if (str_eq_nocase(name, S("json")))
		type = &known_types[FHIR_JSON];
	else if (str_eq_nocase(name, S("xml")))
		type = &known_types[FHIR_XML];
	else
		type = find_type(name);
	/* An unescaped + in a query is a space: _format=application/fhir+json is what people write. */
	if (!type && str_eq_nocase(name, S("application/fhir json")))
		type = &known_types[FHIR_JSON];
	if (!type && str_eq_nocase(name, S("application/fhir xml")))
		type = &known_types[FHIR_XML];
	if (!type)
		return error_set(err, ERR_NOT_ACCEPTABLE, "_format must be json or xml, or one of their media types");
	choose(&known_types[type->xml ? FHIR_XML : FHIR_JSON], ret_media);
	return true;
}

bool media_choose(struct str accept, struct str format, struct media *ret_media, struct error *err)
{
	const struct known_type *best = NULL;
	int best_q = 0, best_fit = 0;
	if (format.p)
		return choose_by_format(format, ret_media, err);
	if (!accept.p || !str_trim(accept).n) {
		choose(&known_types[FHIR_JSON], ret_media);
		return true;
	}
	for (size_t i = 0; i < KNOWN_TYPES; i++) {
		int fit, q = quality(accept, &known_types[i], &fit);
		if (q > best_q || (q == best_q && q > 0 && fit > best_fit)) {
			best = &known_types[i];
			best_q = q;
			best_fit = fit;
		}
	}
	if (!best)
		return error_set(err, ERR_NOT_ACCEPTABLE,
				 "Accept names no format that this server writes: application/fhir+json (FHIR 4.0) or "
				 "application/fhir+xml");
	choose(best, ret_media);
	return true;
}

static bool check_parameters(struct str rest, struct error *err)
{
	struct str name, value;
	while (next_parameter(&rest, &name, &value)) {
		if (str_eq_nocase(name, S("charset")) && !str_eq_nocase(value, S("utf-8")) &&
		    !str_eq_nocase(value, S("us-ascii")))
			return error_set(err, ERR_MEDIA_TYPE, "The charset of a body must be utf-8");
		if (str_eq_nocase(name, S("fhirVersion")) && !is_our_version(value))
			return error_set(err, ERR_MEDIA_TYPE, "This server speaks FHIR R4: fhirVersion must be 4.0");
	}
	return true;
}

bool media_body(struct str content_type, bool patch, enum media_body *ret_body, struct error *err)
{
	struct str rest = content_type, name = str_trim(str_split(&rest, ';'));
	const struct known_type *type = find_type(name);
	bool json_patch = str_eq_nocase(name, S("application/json-patch+json"));
	bool xml_patch = str_eq_nocase(name, S("application/xml-patch+xml"));
	if (!name.n)
		return error_set(err, ERR_MEDIA_TYPE,
				 "A body needs a Content-Type: application/fhir+json or application/fhir+xml%s",
				 patch ? ", application/json-patch+json or application/xml-patch+xml" : "");
	if (patch && (json_patch || xml_patch))
		*ret_body = json_patch ? MEDIA_JSON_PATCH : MEDIA_XML_PATCH;
	else if (json_patch || xml_patch)
		return error_set(err, ERR_MEDIA_TYPE, "Patches go with PATCH, not with this method");
	else if (!type)
		return error_set(err, ERR_MEDIA_TYPE,
				 "Bodies must be FHIR in JSON or XML: application/fhir+json, "
				 "application/fhir+xml%s",
				 patch ? "; or patches: application/json-patch+json, application/xml-patch+xml" : "");
	else
		*ret_body = type->xml ? MEDIA_XML : MEDIA_JSON;
	return check_parameters(rest, err);
}

bool media_check_form(struct str content_type, struct error *err)
{
	struct str rest = content_type, name = str_trim(str_split(&rest, ';'));
	if (!str_eq_nocase(name, S("application/x-www-form-urlencoded")))
		return error_set(err, ERR_MEDIA_TYPE,
				 "The body of _search must have Content-Type: application/x-www-form-urlencoded");
	return check_parameters(rest, err);
}
