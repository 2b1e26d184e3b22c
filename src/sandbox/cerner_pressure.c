/*
 * Halves of blood pressures at Cerner. Each is an event of its own, and where a domain is set up so, they are shown as
 * one panel: "BP-a-b" of version "1-1", or "BP-a-0" of version "1-" while the other half is not there, as recorded.
 * What happens when the other half is charted later is not published; here it joins the panel of the same patient and
 * time, which gets its number and is found by the new id alone.
 */
#include "sandbox/cerner_priv.h"
#include "sandbox/faults_priv.h"
#include "sandbox/reshape_priv.h"

#include "search/search.h"

enum { PANELS_LOOKED_AT = 200 };

static const char *const loincs[2] = {"8480-6", "8462-4"}, *const events[2] = {"703501", "703516"};

/* ---- halves ------------------------------------------------------------------------------------------------------ */

/* 0 systolic, 1 diastolic, 2 neither. */
static size_t half_of(const struct json *resource)
{
	const struct json *code = json_get(resource, S("code"));
	if (json_get(resource, S("component")) || !json_get(resource, S("valueQuantity")) ||
	    !reshape_has(json_get(resource, S("category")), "vital-signs"))
		return 2;
	for (size_t i = 0; i < 2; i++)
		if (reshape_has(code, loincs[i]) || reshape_has(code, events[i]))
			return i;
	return 2;
}

static const struct json *component_of(const struct json *panel, size_t half)
{
	struct json_iter it = json_iter(json_get(panel, S("component")));
	while (json_next(&it))
		if (reshape_has(json_get(it.value, S("code")), loincs[half]))
			return it.value;
	return NULL;
}

static bool lacks(const struct json *panel, size_t half)
{
	return component_of(panel, 1 - half) && !json_get(component_of(panel, half), S("valueQuantity"));
}

/* ---- the other half -----------------------------------------------------------------------------------------------
 */

static bool same_time(const struct json *a, const struct json *b)
{
	int64_t from[2], to[2];
	return date_range(json_get_str(a, S("effectiveDateTime")), &from[0], &to[0]) &&
	       date_range(json_get_str(b, S("effectiveDateTime")), &from[1], &to[1]) && from[0] == from[1];
}

/* A panel of the same patient and time without this half; NULL when there is none. */
static const struct json *find_panel(struct sandbox *s, struct rest_call *call, const struct json *resource,
				     size_t half)
{
	struct search_query query;
	struct store_page page = {0};
	struct error ignored = {0};
	struct arena *a = call->arena;
	struct str subject = json_get_str(json_get(resource, S("subject")), S("reference"));
	struct str text =
		arena_printf(a, "subject=%.*s&code=85354-9&_count=%d&_sort=-date", STR_ARG(subject), PANELS_LOOKED_AT);
	if (!search_parse(s->o.definitions, a, call->type, text, &(struct search_options){.base = s->fhir_base}, &query,
			  &ignored) ||
	    !store_search(s->o.store, a, &query, &(struct store_search_options){.timeout_ms = 5000}, &page, &ignored))
		return NULL;
	for (size_t i = 0; i < page.count; i++) {
		const struct json *panel = json_parse(a, page.entries[i].body, 0, &ignored);
		if (lacks(panel, half) && same_time(panel, resource))
			return panel;
	}
	return NULL;
}

/* "{'code':...,'valueQuantity':...}"; the absent half has the code that standards have alone. */
static struct str component_form(struct arena *a, size_t half, const struct json *quantity)
{
	static const char *const names[2] = {"Systolic blood pressure", "Diastolic blood pressure"};
	struct str code = reshape_form(a, "'code':{'coding':[{'system':'http://loinc.org','code':$,'display':$}]}",
				       str_from(loincs[half]), str_from(names[half]));
	if (!quantity)
		return reshape_form(a,
				    "{#,'dataAbsentReason':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/"
				    "data-absent-reason','code':'unknown','display':'Unknown'}],'text':'Unknown'}}",
				    code);
	struct buf text;
	buf_init(&text, 1 << 16);
	struct json_writer w = json_writer(&text);
	json_put_value(&w, quantity);
	struct str form = reshape_form(a, "{#,'valueQuantity':#}", code, buf_str(&text));
	buf_done(&text);
	return form;
}

static void put_panel(struct json_writer *w, struct arena *a, const struct json *resource, const struct json *panel,
		      size_t half)
{
	const struct json *quantities[2];
	struct json_iter it = json_iter(resource);
	quantities[half] = json_get(resource, S("valueQuantity"));
	quantities[1 - half] = json_get(component_of(panel, 1 - half), S("valueQuantity"));
	json_object_begin(w);
	while (json_next(&it)) {
		if (str_is(it.key, "code") || str_is(it.key, "valueQuantity") || str_is(it.key, "id"))
			continue;
		json_key(w, it.key);
		json_put_value(w, it.value);
	}
	if (panel) /* whose number stays */
		json_put_member(w, S("id"), json_get_str(panel, S("id")));
	json_key(w, S("code"));
	json_put_raw(w, reshape_form(a, "{'coding':[{'system':'http://loinc.org','code':'85354-9'}]}"));
	json_key(w, S("component"));
	json_put_raw(
		w, reshape_form(a, "[#,#]", component_form(a, 0, quantities[0]), component_form(a, 1, quantities[1])));
	json_object_end(w);
}

const struct json *cerner_pressure(struct sandbox *s, struct rest_call *call, const struct json *resource,
				   struct str *ret_joined)
{
	size_t half =
		str_is(call->type_name, "Observation") && call->interaction == REST_CREATE ? half_of(resource) : 2;
	struct error ignored = {0};
	struct buf text;
	*ret_joined = STR_NULL;
	if (half == 2 || !behaves(s, BEHAVIOUR_BLOOD_PRESSURE, "paired"))
		return resource;
	const struct json *panel = find_panel(s, call, resource, half);
	buf_init(&text, (size_t)64 << 20);
	struct json_writer w = json_writer(&text);
	put_panel(&w, call->arena, resource, panel, half);
	struct str copy = buf_ok(&text) ? arena_str(call->arena, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	const struct json *paired = copy.p ? json_parse(call->arena, copy, 0, &ignored) : NULL;
	*ret_joined = paired ? json_get_str(panel, S("id")) : STR_NULL;
	return paired ? paired : resource;
}

/* ---- versions -----------------------------------------------------------------------------------------------------
 */

struct str cerner_pressure_version(struct arena *a, struct str id, struct str version)
{
	if (!str_starts(id, S("BP-")) || !version.n)
		return version;
	bool first = !str_starts(id, S("BP-0-")), second = !str_ends(id, S("-0"));
	return arena_printf(a, "%.*s-%.*s", STR_ARG(first ? version : S("")), STR_ARG(second ? version : S("")));
}

void cerner_pressure_etag(struct rest_call *call, struct rest_answer *answer, struct str id)
{
	for (size_t i = 0; str_starts(id, S("BP-")) && i < answer->header_count; i++) {
		struct str *value = &answer->headers[i].value;
		if (str_eq_nocase(answer->headers[i].name, S("ETag")) && str_starts(*value, S("W/\"")))
			*value = arena_printf(
				call->arena, "W/\"%.*s\"",
				STR_ARG(cerner_pressure_version(call->arena, id, str_slice(*value, 3, value->n - 1))));
	}
}

/* Both halves are kept as one here, so their versions are alike; others are of no version. */
bool cerner_pressure_guarded(struct sandbox *s, struct http_exchange *x, enum face_host host)
{
	struct arena *a = http_request(x)->arena;
	struct str match = http_request_header(x, "If-Match"), path = http_request(x)->path;
	size_t dash = str_find_char(match, '-', 0);
	if (s->o.vendor != EHR_CERNER || dash == STR_NONE || str_find(path, S("/Observation/BP-")) == STR_NONE ||
	    !str_starts(match, S("W/\"")) || !str_ends(match, S("\"")))
		return false;
	struct str first = str_slice(match, 3, dash), second = str_slice(match, dash + 1, match.n - 1);
	bool alike = !first.n || !second.n || str_eq(first, second);
	struct str plain = !alike ? S("9007199254740991") : first.n ? first : second;
	return face_again(s, x, host, &(struct face_other){.if_match = arena_printf(a, "W/\"%.*s\"", STR_ARG(plain))});
}
