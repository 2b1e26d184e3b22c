/* See variant.h. A walk over the document writes it anew; a draw for each kind of change decides whether the variant
 * has it, another one for each place whether it happens there. */
#include "variant.h"

#include "base/map.h"

enum { TEXT_MAX = 512 << 20, MEMBERS_MAX = 512 };

enum kind { IDS, SITE, LEFT_OUT, ADDED, SHAPES, WORDS, CODES, TIMES, NUMBERS, ORDER, ENTRIES, LINKS, KINDS };
static const char *const kind_names[KINDS] = {"ids",   "site",	"left-out", "added", "shapes",	"words",
					      "codes", "times", "numbers",  "order", "entries", "links"};

struct variant {
	struct arena *a;
	struct json_writer w;
	struct map ids; /* of resources */
	uint64_t state;
	bool on[KINDS];
	bool whole_entries; /* none but outcomes, or none at all, are left */
};

/* ---- chance ------------------------------------------------------------------------------------------------------ */

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(struct variant *v)
{
	uint64_t z = v->state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static bool happens(struct variant *v, enum kind kind, unsigned one_in)
{
	return v->on[kind] && draw(v) % one_in == 0;
}

#define PICK(v, list) ((list)[draw(v) % (sizeof(list) / sizeof *(list))])

/* ---- strings ----------------------------------------------------------------------------------------------------- */

static void find_ids(struct variant *v, const struct json *j)
{
	struct json_iter it = json_iter(j);
	struct str id = json_get_str(j, S("id"));
	if (json_get_str(j, S("resourceType")).n && id.n)
		map_put(&v->ids, id, NULL);
	while (json_next(&it))
		if (json_type(it.value) >= JSON_ARRAY)
			find_ids(v, it.value);
}

/* The same letters and digits for the same id, of the same form. */
static void add_other_id(struct variant *v, struct buf *out, struct str id)
{
	uint64_t state = v->state, hash = str_hash(id);
	v->state = hash + 17 * v->on[SITE];
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		uint64_t x = draw(v);
		bool fixed = (i == 0 && c > '9') || i + 1 == id.n;
		buf_char(out, fixed		     ? c
			      : c >= '0' && c <= '9' ? (char)('0' + (i ? x % 10 : 1 + x % 9))
			      : c >= 'a' && c <= 'z' ? (char)('a' + x % 26)
			      : c >= 'A' && c <= 'Z' ? (char)('A' + x % 26)
						     : c);
	}
	v->state = state;
}

/* "Patient/e123": each part between slashes that is an id. */
static struct str with_other_ids(struct variant *v, struct str text)
{
	struct buf out;
	size_t from = 0;
	buf_init(&out, TEXT_MAX);
	for (size_t at = 0; at <= text.n; at++) {
		if (at < text.n && text.p[at] != '/' && text.p[at] != '#' && text.p[at] != '=' && text.p[at] != '&')
			continue;
		struct str part = str_slice(text, from, at);
		if (map_get(&v->ids, part))
			add_other_id(v, &out, part);
		else
			buf_add(&out, part);
		if (at < text.n)
			buf_char(&out, text.p[at]);
		from = at + 1;
	}
	struct str copy = arena_str(v->a, buf_str(&out));
	buf_done(&out);
	return copy;
}

static struct str replaced(struct variant *v, struct str text, const char *what, const char *by)
{
	struct str from = str_from(what);
	size_t at = str_find(text, from);
	return at == STR_NONE ? text
			      : arena_printf(v->a, "%.*s%s%.*s", STR_ARG(str_slice(text, 0, at)), by,
					     STR_ARG(str_slice(text, at + from.n, text.n)));
}

static struct str at_another_site(struct variant *v, struct str text)
{
	static const char *const names[][3] = {
		{"1.2.840.114350.1.13.0.1.7.", "1.2.840.114350.1.13.861.2.7.", "1.2.840.114350.1.13.10042.3.7."},
		{"ec2458f2-1e24-41c8-b71b-0e701af7583d", "5b1f6a3e-0f0e-4a2c-9c40-0e7f1f2a9b11",
		 "-KzIoYV6gk-ILcHOWbsH2m9KsSdDgi12"},
		{"https://fhir.cerner.com/", "https://fhir.ca.cerner.com/", "https://fhir.eu.cerner.com/"},
		{"fhir-open.cerner.com", "fhir-ehr.cerner.com", "fhir-ehr.ca.cerner.com"},
		{"fhir.epic.com/interconnect-fhir-oauth", "haiku.site.example/FHIR",
		 "epicproxy.site.example:8443/APIProxyPRD"},
		{"urn:oid:7.7.7.7.7.7", "urn:oid:2.16.840.1.113883.3.13.6", "http://hospital.example/mrn"},
	};
	size_t which = v->on[WORDS] ? 1 : 2;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		text = replaced(v, text, names[i][0], names[i][which]);
	return text;
}

static struct str other_words(struct variant *v, struct str text)
{
	static const char *const words[] = {
		"Blodtryck \xe2\x80\x93 systoliskt",
		"\xe8\xa1\x80\xe5\x9c\xa7 (\xe5\xba\xa7\xe4\xbd\x8d)",
		"\xd8\xb6\xd8\xba\xd8\xb7 \xd8\xa7\xd9\x84\xd8\xaf\xd9\x85",
		"  blanks around  ",
		"two\r\nlines\tand a tab",
		"\xf0\x9f\xa9\xba \\\"quoted\\\" </div>",
		"\xc2\xa0no-break\xc2\xa0",
		"&^%&^%&^%",
		".",
	};
	(void)text;
	return str_from(PICK(v, words));
}

static struct str other_time(struct variant *v, struct str text)
{
	static const char *const ends[] = {"T23:59:59+02:00",
					   "T00:00:00.123Z",
					   "T12:30:00-06:00",
					   "T08:00:00+00:00",
					   "T08:00:00.000Z",
					   "T08:00:00",
					   "",
					   "T08:00Z"};
	return arena_printf(v->a, "%.*s%s", 10, text.p, PICK(v, ends));
}

static bool is_time(struct str text)
{
	return text.n >= 10 && text.n <= 32 && text.p[0] >= '1' && text.p[0] <= '2' && text.p[4] == '-' &&
	       text.p[7] == '-' && (text.n == 10 || text.p[10] == 'T');
}

static bool is_words(struct str key)
{
	return str_is(key, "display") || str_is(key, "text") || str_is(key, "family") || str_is(key, "diagnostics") ||
	       str_is(key, "description") || str_is(key, "title") || str_is(key, "unit");
}

static void put_string(struct variant *v, struct str key, struct str text)
{
	if (v->on[IDS])
		text = with_other_ids(v, text);
	if (v->on[SITE])
		text = at_another_site(v, text);
	if (is_words(key) && happens(v, WORDS, 4))
		text = other_words(v, text);
	else if (str_is(key, "code") && happens(v, CODES, 6))
		text = draw(v) % 2 ? arena_printf(v->a, "%u", (unsigned)draw(v) % 1000000) : S("Unknown Local Code");
	else if (is_time(text) && happens(v, TIMES, 3))
		text = other_time(v, text);
	json_put_str(&v->w, text);
}

static void put_number(struct variant *v, struct str text)
{
	bool whole = str_find_char(text, '.', 0) == STR_NONE && str_find_char(text, 'e', 0) == STR_NONE;
	if (whole && text.n < 12 && happens(v, NUMBERS, 3))
		text = arena_printf(v->a, "%.*s%s", STR_ARG(text), draw(v) % 2 ? ".00" : "e0");
	json_put_raw(&v->w, text);
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

static void put_value(struct variant *v, struct str key, const struct json *j, bool inside);

/* What makes it a recording of a search: without these it would be something else. */
static bool is_frame(struct str key)
{
	static const char keys[] =
		"resourceType id entry resource link relation url body _request method status search mode "
		"type issue severity details coding system response body_text body_parsed request link "
		"contained fullUrl";
	return str_has_word(str_from(keys), key);
}

static void put_extra(struct variant *v)
{
	static const char *const extras[] = {
		"\"extension\":[{\"url\":\"http://site.example/StructureDefinition/x\",\"valueString\":\"kept\"}]",
		"\"_display\":{\"extension\":[{\"url\":\"http://site.example/y\",\"valueBoolean\":true}]}",
		"\"newInR5\":[{\"concept\":{\"text\":\"of R5\"}},{\"reference\":{\"reference\":\"Patient/1\"}}]",
		"\"modifierExtension\":[{\"url\":\"http://site.example/z\",\"valueDecimal\":1.50}]",
		"\"userSelected\":false",
		"\"fhir_comments\":[\"of DSTU2\"]",
	};
	struct str extra = str_from(PICK(v, extras)), rest = extra;
	struct str name = str_split(&rest, ':');
	json_key(&v->w, str_slice(name, 1, name.n - 1));
	json_put_raw(&v->w, rest);
}

static void put_member(struct variant *v, struct str key, const struct json *value, bool inside)
{
	bool single = inside && !is_frame(key) && json_type(value) != JSON_ARRAY && key.p[0] != '_';
	bool one = inside && !is_frame(key) && json_is(value, JSON_ARRAY) && json_size(value) == 1;
	json_key(&v->w, key);
	if (single && happens(v, SHAPES, 60)) {
		json_array_begin(&v->w);
		put_value(v, key, value, inside);
		json_array_end(&v->w);
	} else if (one && happens(v, SHAPES, 20)) {
		put_value(v, key, json_at(value, 0), inside);
	} else {
		put_value(v, key, value, inside);
	}
}

struct member {
	struct str key;
	const struct json *value;
};

static bool has(const struct member *members, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (str_is(members[i].key, key))
			return true;
	return false;
}

static void put_object(struct variant *v, const struct json *j, bool inside)
{
	struct member members[MEMBERS_MAX] = {0};
	size_t count = 0;
	struct json_iter it = json_iter(j);
	bool resource = json_get_str(j, S("resourceType")).n > 0;
	inside = inside || (resource && !str_is(json_get_str(j, S("resourceType")), "Bundle"));
	while (json_next(&it) && count < MEMBERS_MAX)
		if (is_frame(it.key) || !inside || !happens(v, LEFT_OUT, 12))
			members[count++] = (struct member){it.key, it.value};
	for (size_t i = count; v->on[ORDER] && i > 1; i--) {
		size_t k = draw(v) % i;
		struct member m = members[i - 1];
		members[i - 1] = members[k];
		members[k] = m;
	}
	bool plain = !has(members, count, "extension") && !has(members, count, "_display") &&
		     !has(members, count, "modifierExtension") && !has(members, count, "userSelected");
	json_object_begin(&v->w);
	for (size_t i = 0; i < count; i++)
		put_member(v, members[i].key, members[i].value, inside);
	if (inside && plain && happens(v, ADDED, 10))
		put_extra(v);
	json_object_end(&v->w);
}

/* ---- bundles ----------------------------------------------------------------------------------------------------- */

static const char outcome_entry[] =
	"{\"fullUrl\":\"urn:uuid:0b5f1b3c-0d0c-4d0e-8c52-6f3a4c2e9f00\",\"resource\":{\"resourceType\":"
	"\"OperationOutcome\","
	"\"issue\":[{\"severity\":\"warning\",\"code\":\"suppressed\",\"details\":{\"coding\":[{\"system\":\"urn:oid:1."
	"2.840."
	"114350.1.13.861.2.7.2.657369\",\"code\":\"59204\"}],\"text\":\"Zugriff nicht "
	"m\xc3\xb6glich\"},\"diagnostics\":"
	"\"Der Client ist nicht berechtigt: Observation\"},{\"severity\":\"information\",\"code\":\"informational\"}]},"
	"\"search\":{\"mode\":\"outcome\"}}";

static void put_odd_entry(struct variant *v)
{
	static const char *const entries[] = {
		outcome_entry,
		"{\"resource\":{\"resourceType\":\"MedicationOrder\",\"id\":\"dstu2\",\"status\":\"active\","
		"\"medicationReference\":"
		"{\"reference\":\"Medication/1\"},\"dosageInstruction\":[{\"text\":\"of "
		"DSTU2\"}]},\"search\":{\"mode\":\"match\"}}",
		"{\"resource\":{\"resourceType\":\"ProcedureRequest\",\"id\":\"stu3\",\"intent\":\"order\",\"context\":"
		"{\"reference\":"
		"\"Encounter/1\"}},\"search\":{\"mode\":\"match\"}}",
		"{\"resource\":{\"resourceType\":\"Provenance\",\"id\":\"prov-1\",\"recorded\":\"2026-01-01T00:00:"
		"00Z\"},\"search\":"
		"{\"mode\":\"include\"}}",
		"{\"fullUrl\":\"https://site.example/Observation/gone\"}",
		"{\"resource\":{\"resourceType\":\"Medication\",\"id\":\"nomode\",\"code\":{\"text\":\"without a "
		"mode\"}}}",
		"{}",
	};
	json_put_raw(&v->w, str_from(PICK(v, entries)));
}

static void put_entries(struct variant *v, const struct json *list)
{
	struct json_iter it = json_iter(list);
	uint64_t rest = v->on[ENTRIES] ? draw(v) % 6 : 5; /* 0: none, 1: outcomes only */
	json_array_begin(&v->w);
	while (json_next(&it)) {
		if (rest <= 1)
			continue;
		if (happens(v, ENTRIES, 8))
			put_odd_entry(v);
		put_value(v, S("entry"), it.value, false);
		if (happens(v, ENTRIES, 16)) /* twice */
			put_value(v, S("entry"), it.value, false);
	}
	for (uint64_t i = 0; rest == 1 && i < 2; i++)
		json_put_raw(&v->w, str_from(outcome_entry));
	json_array_end(&v->w);
}

static struct str other_link(struct variant *v, struct str url)
{
	struct str path = url;
	size_t question = str_find_char(url, '?', 0), slash = str_rfind_char(str_slice(url, 0, question), '/');
	if (question == STR_NONE || slash == STR_NONE)
		return url;
	switch (draw(v) % 4) {
	case 0: /* below the last slash */
		return str_slice(path, slash + 1, path.n);
	case 1: /* the query alone */
		return str_slice(path, question, path.n);
	case 2: /* from the root of the host */
		slash = str_find(url, S("://"));
		slash = slash == STR_NONE ? slash : str_find_char(url, '/', slash + 3);
		return slash == STR_NONE ? url : str_slice(url, slash, url.n);
	default:
		return arena_printf(v->a, "%.*s&_x=1", STR_ARG(url));
	}
}

static void put_links(struct variant *v, const struct json *list)
{
	struct json_iter it = json_iter(list);
	json_array_begin(&v->w);
	while (json_next(&it)) {
		struct str url = json_get_str(it.value, S("url")), relation = json_get_str(it.value, S("relation"));
		if (!str_is(relation, "next")) {
			put_value(v, S("link"), it.value, false);
			continue;
		}
		json_object_begin(&v->w);
		json_put_member(&v->w, S("relation"), relation);
		json_key(&v->w, S("url"));
		put_string(v, S("url"), v->on[LINKS] ? other_link(v, url) : url);
		json_object_end(&v->w);
	}
	json_array_end(&v->w);
}

static void put_value(struct variant *v, struct str key, const struct json *j, bool inside)
{
	struct json_iter it = json_iter(j);
	switch (json_type(j)) {
	case JSON_STRING:
		put_string(v, key, json_str(j));
		break;
	case JSON_NUMBER:
		put_number(v, json_number(j));
		break;
	case JSON_OBJECT:
		put_object(v, j, inside);
		break;
	case JSON_ARRAY:
		if (str_is(key, "entry") && !inside) {
			put_entries(v, j);
		} else if (str_is(key, "link") && !inside) {
			put_links(v, j);
		} else {
			json_array_begin(&v->w);
			while (json_next(&it))
				put_value(v, key, it.value, inside);
			json_array_end(&v->w);
		}
		break;
	default:
		json_put_value(&v->w, j);
	}
}

struct str variant_make(struct arena *a, const struct json *document, uint64_t seed, struct str *ret_how)
{
	struct variant v = {.a = a, .state = seed};
	struct buf out, how;
	buf_init(&out, TEXT_MAX);
	buf_init(&how, 1024);
	map_init(&v.ids, 10000000);
	find_ids(&v, document);
	for (size_t i = 0; i < KINDS; i++) {
		v.on[i] = draw(&v) % 3 == 0;
		if (v.on[i])
			buf_printf(&how, "%s%s", how.n ? "," : "", kind_names[i]);
	}
	v.w = json_writer(&out);
	put_value(&v, S(""), document, false);
	struct str text = arena_str(a, buf_str(&out));
	*ret_how = arena_str(a, buf_str(&how));
	map_done(&v.ids);
	buf_done(&out);
	buf_done(&how);
	return text;
}
