/*
 * Masks of addresses, queries, forms and headers. In a path the segment behind the name of a resource type is an id. In
 * a query the type that is searched says what a parameter is: http://hl7.org/fhir/R4/search.html.
 */
#include "base/encode.h"
#include "record/record_priv.h"

bool type_is_definition(const struct fhir_type *type)
{
	const struct fhir_type *value;
	return definitions_element(type, S("publisher"), &value) && definitions_element(type, S("url"), &value) &&
	       definitions_element(type, S("status"), &value);
}

const struct fhir_type *url_type(const struct definitions *d, struct str url)
{
	size_t mark = str_find_char(url, '?', 0);
	struct str path = str_slice(url, 0, mark == STR_NONE ? url.n : mark);
	const struct fhir_type *found = NULL;
	while (path.p) {
		const struct fhir_type *type = definitions_resource(d, str_split(&path, '/'));
		found = type ? type : found;
	}
	return found;
}

static bool is_id(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i], letter = c | 0x20;
		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_' &&
		    c != '%')
			return false;
	}
	return text.n > 0;
}

/* The same id may be written with escapes or without. */
static void mask_id(struct masker *m, struct buf *out, struct str segment)
{
	struct buf plain;
	buf_init(&plain, segment.n + 16);
	bool decoded = decode_percent(&plain, segment, false) && buf_ok(&plain);
	buf_add(out, masker_word(m, "id", decoded ? buf_str(&plain) : segment));
	buf_done(&plain);
}

static void mask_path(struct masker *m, struct buf *out, struct str path)
{
	const struct fhir_type *before = NULL;
	bool first = true;
	while (path.p) {
		struct str segment = str_split(&path, '/');
		if (!first)
			buf_char(out, '/');
		first = false;
		const struct fhir_type *type = definitions_resource(m->definitions, segment);
		bool id = before && !type && segment.n && segment.p[0] != '$' && segment.p[0] != '_' && is_id(segment);
		id ? mask_id(m, out, segment) : buf_add(out, segment);
		before = type && !type_is_definition(type) ? type : NULL;
	}
}

static bool is_uri_of(struct str url, const char *scheme)
{
	return str_starts(url, str_from(scheme));
}

struct str mask_url(struct masker *m, struct arena *a, struct str url)
{
	struct buf out;
	if (!url.n)
		return url;
	if (is_uri_of(url, "mailto:") || is_uri_of(url, "tel:"))
		return masker_word(m, "telecom", url);
	if (is_uri_of(url, "data:"))
		return masker_word(m, "data", url);
	if (url.p[0] == '#') /* a contained resource */
		return url.n > 1 ? arena_printf(a, "#%.*s", STR_ARG(masker_word(m, "id", str_slice(url, 1, url.n))))
				 : url;
	buf_init(&out, 4 * url.n + (64 << 10));
	size_t hash = str_find_char(url, '#', 0);
	struct str rest = str_slice(url, 0, hash == STR_NONE ? url.n : hash);
	struct str path = str_split(&rest, '?');
	mask_path(m, &out, path);
	if (rest.p) {
		buf_char(&out, '?');
		buf_add(&out, mask_pairs(m, a, url_type(m->definitions, path), rest));
	}
	if (hash != STR_NONE) /* an answer in a fragment has the form of a query (RFC 6749 section 4.2.2) */
		buf_printf(&out, "#%.*s", STR_ARG(mask_pairs(m, a, NULL, str_slice(url, hash + 1, url.n))));
	struct str result = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	m->failed = m->failed || !result.p;
	return result;
}

/* ---- pairs ------------------------------------------------------------------------------------------------------ */

/* Search parameters whose values are about somebody, whatever their type. */
static const struct {
	const char *code, *kind;
} personal[] = {
	{"name", "name"},
	{"family", "family"},
	{"given", "given"},
	{"phonetic", "name"},
	{"address", "address"},
	{"address-city", "city"},
	{"address-postalcode", "postcode"},
	{"address-state", "address"},
	{"email", "telecom"},
	{"phone", "telecom"},
	{"telecom", "telecom"},
	{"identifier", "identifier"},
	{"own-name", "name"},
	{"own-prefix", "name"},
	{"partner-name", "name"},
	{"partner-prefix", "name"},
	{"mothersMaidenName", "name"},
	{"_content", "text"},
	{"_text", "text"},
	{"_filter", "text"},
	{"_id", "id"},
};

static const struct search_param *param_anywhere(const struct definitions *d, struct str code)
{
	for (size_t i = 0; i < definitions_resource_count(d); i++) {
		const struct search_param *p = definitions_search_param(definitions_resource_at(d, i), code);
		if (p)
			return p;
	}
	return NULL;
}

/* "subject:Patient.name:exact" is searched by name; "_has:Observation:patient:code" by code. */
static struct str last_code(struct str name, bool *ret_chained)
{
	size_t dot = str_rfind_char(name, '.');
	*ret_chained = dot != STR_NONE || str_starts(name, S("_has:"));
	if (str_starts(name, S("_has:")))
		return str_slice(name, str_rfind_char(name, ':') + 1, name.n);
	struct str last = dot == STR_NONE ? name : str_slice(name, dot + 1, name.n);
	return str_split(&last, ':');
}

/* One of the values between commas. What stands before a bar is a system. */
static void mask_value(struct masker *m, struct arena *a, struct buf *out, const char *kind, struct str value)
{
	size_t bar = str_rfind_char(value, '|');
	if (bar != STR_NONE)
		encode_percent(out, str_slice(value, 0, bar + 1));
	value = bar == STR_NONE ? value : str_slice(value, bar + 1, value.n);
	encode_percent(out, kind ? masker_word(m, kind, value) : mask_url(m, a, value));
}

static bool is_reference_url(struct str value)
{
	return str_find_char(value, '/', 0) != STR_NONE || (value.n && value.p[0] == '#');
}

static void mask_values(struct masker *m, struct arena *a, struct buf *out, const char *kind, bool reference,
			struct str values)
{
	for (bool first = true; values.p; first = false) {
		struct str value = str_split(&values, ',');
		if (!first)
			buf_char(out, ',');
		mask_value(m, a, out, reference && is_reference_url(value) ? NULL : kind, value);
	}
}

static bool mask_date(struct masker *m, struct arena *a, struct buf *out, struct str value)
{
	size_t start = value.n > 2 && value.p[0] >= 'a' && value.p[0] <= 'z' ? 2 : 0; /* "ge1970-02-03" */
	buf_add(out, str_slice(value, 0, start));
	encode_percent(out, masker_birth(m, a, str_slice(value, start, value.n)));
	return true;
}

/* False: the value may stay. */
static bool mask_search_value(struct masker *m, struct arena *a, struct buf *out, struct str code,
			      const struct search_param *p, struct str value)
{
	if (str_is(code, "birthdate") || str_is(code, "death-date"))
		return mask_date(m, a, out, value);
	for (size_t i = 0; i < sizeof(personal) / sizeof(personal[0]); i++)
		if (str_is(code, personal[i].code)) {
			mask_values(m, a, out, personal[i].kind, false, value);
			return true;
		}
	if (!p || (p->type != PARAM_REFERENCE && p->type != PARAM_STRING && p->type != PARAM_URI))
		return false;
	if (p->type == PARAM_URI)
		encode_percent(out, mask_url(m, a, value));
	else
		mask_values(m, a, out, p->type == PARAM_STRING ? "text" : "id", p->type == PARAM_REFERENCE, value);
	return true;
}

static const char *const kept_params[] = {"_count",
					  "_sort",
					  "_summary",
					  "_elements",
					  "_format",
					  "_pretty",
					  "_total",
					  "_include",
					  "_revinclude",
					  "_since",
					  "_type",
					  "_lastUpdated",
					  "_tag",
					  "_security",
					  "_profile",
					  "_source",
					  "_at",
					  "_offset",
					  "_outputFormat",
					  "date",
					  "start",
					  "end",
					  "category",
					  "status",
					  "code",
					  "_contained",
					  "_list",
					  "_containedType",
					  "-timing-boundsPeriod"};

static void mask_oauth_value(struct masker *m, struct arena *a, struct buf *out, struct mask_name rule,
			     struct str value)
{
	struct str masked = rule.rule == RULE_URL     ? mask_url(m, a, value)
			    : rule.rule == RULE_SCRUB ? masker_scrub(m, a, value)
			    : rule.rule == RULE_MASK  ? masker_word(m, rule.kind, value)
						      : masker_word(m, "masked-value", value);
	encode_percent(out, masked.p ? masked : S(""));
}

static void mask_pair(struct masker *m, struct arena *a, const struct fhir_type *type, struct buf *out, struct str name,
		      struct str raw)
{
	struct buf plain;
	buf_init(&plain, raw.n + 16);
	bool decoded = decode_percent(&plain, raw, true);
	struct str value = decoded ? buf_str(&plain) : raw;
	bool chained, done = false;
	struct str code = last_code(name, &chained);
	const struct search_param *p = !type	 ? NULL
				       : chained ? param_anywhere(m->definitions, code)
						 : definitions_search_param(type, code);
	struct mask_name rule = mask_name_of_oauth(name);
	if (type)
		done = mask_search_value(m, a, out, code, p, value);
	bool keep = (type && (p || NAME_IS_ONE_OF(code, kept_params))) || (!type && rule.rule == RULE_KEEP) ||
		    (!type && rule.rule == RULE_UNKNOWN && NAME_IS_ONE_OF(code, kept_params));
	if (!done && keep)
		buf_add(out, raw);
	else if (!done)
		mask_oauth_value(m, a, out, rule, value);
	buf_done(&plain);
}

struct str mask_pairs(struct masker *m, struct arena *a, const struct fhir_type *type, struct str text)
{
	struct buf out, name;
	buf_init(&out, 4 * text.n + (64 << 10));
	buf_init(&name, text.n + 16);
	for (bool first = true; text.p; first = false) {
		struct str value = str_split(&text, '&'), raw = str_split(&value, '=');
		if (!first)
			buf_char(&out, '&');
		buf_reset(&name);
		bool plain = decode_percent(&name, raw, true);
		buf_add(&out, raw);
		if (!value.p)
			continue;
		buf_char(&out, '=');
		mask_pair(m, a, type, &out, plain ? buf_str(&name) : raw, value);
	}
	struct str result = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&name);
	buf_done(&out);
	m->failed = m->failed || !result.p;
	return result;
}

/* ---- headers ---------------------------------------------------------------------------------------------------- */

/* "a=1; b=2", of Set-Cookie the first pair only: the others are its attributes. */
static struct str mask_cookies(struct masker *m, struct arena *a, struct str value, bool first_only)
{
	struct buf out;
	buf_init(&out, 4 * value.n + 4096);
	for (bool first = true; value.p; first = false) {
		struct str worth = str_trim(str_split(&value, ';')), name = str_split(&worth, '=');
		buf_printf(&out, "%s%.*s", first ? "" : "; ", STR_ARG(name));
		if (worth.p)
			buf_printf(&out, "=%.*s",
				   STR_ARG(first || !first_only ? masker_word(m, "masked-cookie", worth) : worth));
	}
	struct str result = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return result;
}

/* Link: <url>; rel="next", ... */
static struct str mask_link(struct masker *m, struct arena *a, struct str value)
{
	struct buf out;
	buf_init(&out, 4 * value.n + (64 << 10));
	while (value.n) {
		size_t open = str_find_char(value, '<', 0);
		size_t shut = open == STR_NONE ? STR_NONE : str_find_char(value, '>', open);
		if (shut == STR_NONE)
			break;
		buf_add(&out, str_slice(value, 0, open + 1));
		buf_add(&out, mask_url(m, a, str_slice(value, open + 1, shut)));
		value = str_slice(value, shut, value.n);
	}
	buf_add(&out, value);
	struct str result = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return result;
}

static struct str mask_scheme(struct masker *m, struct arena *a, struct str value)
{
	size_t space = str_find_char(value, ' ', 0);
	if (space == STR_NONE)
		return masker_word(m, "masked-token", value);
	struct str scheme = str_slice(value, 0, space), rest = str_trim(str_slice(value, space, value.n));
	bool basic = str_eq_nocase(scheme, S("Basic"));
	return arena_printf(a, "%.*s %.*s", STR_ARG(scheme),
			    STR_ARG(masker_word(m, basic ? "masked-basic" : "masked-token", rest)));
}

struct str mask_header(struct masker *m, struct arena *a, struct str name, struct str value)
{
	struct mask_name rule = mask_name_of_header(name);
	struct str result = value;
	if (rule.rule == RULE_SCHEME)
		result = mask_scheme(m, a, value);
	else if (rule.rule == RULE_COOKIE || rule.rule == RULE_SET_COOKIE)
		result = mask_cookies(m, a, value, rule.rule == RULE_SET_COOKIE);
	else if (rule.rule == RULE_SCRUB)
		result = masker_scrub(m, a, value);
	else if (rule.rule == RULE_URL)
		result = str_eq_nocase(name, S("Link")) ? mask_link(m, a, value) : mask_url(m, a, value);
	else if (rule.rule == RULE_MASK)
		result = masker_word(m, rule.kind, value);
	m->failed = m->failed || !result.p;
	return result.p ? result : S("");
}
