/* What the lists of both vendors are written with: patterns, times, texts, and the people and places behind links. */
#include <stdarg.h>

#include "sandbox/reshape_priv.h"

#include "base/clock.h"
#include "fhir/resource.h"

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static void fill(struct buf *out, const char *pattern, va_list args)
{
	for (const char *p = pattern; *p; p++) {
		if (*p == '\'') {
			buf_char(out, '"');
		} else if (*p == '#') {
			buf_add(out, va_arg(args, struct str));
		} else if (*p == '$') {
			struct str text = va_arg(args, struct str);
			struct json_writer w = json_writer(out);
			json_put_str(&w, text.p ? text : S("-"));
		} else {
			buf_char(out, *p);
		}
	}
}

static struct str formed(struct arena *a, const char *pattern, va_list args)
{
	struct buf out;
	buf_init(&out, (size_t)1 << 20);
	fill(&out, pattern, args);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text.p ? text : S("null");
}

struct str reshape_form(struct arena *a, const char *pattern, ...)
{
	va_list args;
	va_start(args, pattern);
	struct str text = formed(a, pattern, args);
	va_end(args);
	return text;
}

void reshape_put(struct reshape *x, const char *key, const char *pattern, ...)
{
	va_list args;
	va_start(args, pattern);
	json_key(x->w, str_from(key));
	json_put_raw(x->w, formed(x->ad->arena, pattern, args));
	va_end(args);
}

void reshape_copy(struct reshape *x, const char *key, const struct json *value)
{
	if (!value)
		return;
	json_key(x->w, str_from(key));
	adapter_put_value(x->ad, x->w, x->type, value);
}

void reshape_write(struct reshape *x, const struct reshape_member *members)
{
	for (; members->key; members++) {
		const struct json *value = json_get(x->resource, str_from(members->key));
		if (members->put)
			members->put(x, value);
		else
			reshape_copy(x, members->key, value);
	}
}

void reshape_concept(struct reshape *x, const char *key, const struct json *value)
{
	struct str text = reshape_text(x, value);
	if (!value)
		return;
	json_key(x->w, str_from(key));
	json_object_begin(x->w);
	reshape_copy(x, "coding", json_get(value, S("coding")));
	json_put_member(x->w, S("text"), text);
	json_object_end(x->w);
}

/* "entered-in-error" -> "Entered In Error" */
static struct str spoken(struct arena *a, struct str code)
{
	struct str copy = arena_str(a, code);
	bool start = true;
	for (size_t i = 0; copy.p && i < copy.n; i++) {
		char *c = (char *)(uintptr_t)copy.p + i;
		if (start && *c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
		start = *c == '-';
		if (start)
			*c = ' ';
	}
	return copy;
}

void reshape_status(struct reshape *x, const char *key, const struct json *value)
{
	const struct json *coding = json_at(json_get(value, S("coding")), 0);
	struct str code = json_get_str(coding, S("code")), display = json_get_str(coding, S("display"));
	if (!code.p)
		return;
	if (!display.p)
		display = spoken(x->ad->arena, code);
	bool epic = x->ad->vendor == EHR_EPIC, told = str_is(x->type, "Condition");
	reshape_put(x, key, "{'coding':[{'system':$,#'code':$,'display':$#}],'text':$}",
		    json_get_str(coding, S("system")), epic ? S("\"version\":\"4.0.0\",") : S(""), code, display,
		    !epic && told ? S(",\"userSelected\":false") : S(""), display);
}

/* ---- texts, codes, times ---------------------------------------------------------------------------------------- */

struct str reshape_text(struct reshape *x, const struct json *concept)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	struct str text = json_get_str(concept, S("text")), code = STR_NULL;
	(void)x;
	while (!text.p && json_next(&it)) {
		text = json_get_str(it.value, S("display"));
		if (!code.p)
			code = json_get_str(it.value, S("code"));
	}
	return text.p ? text : code;
}

struct str reshape_code(const struct json *concept, const char *system)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it)) {
		if (str_is(json_get_str(it.value, S("system")), system))
			return json_get_str(it.value, S("code"));
	}
	return STR_NULL;
}

static bool concept_has(const struct json *concept, const char *code)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it)) {
		if (str_is(json_get_str(it.value, S("code")), code))
			return true;
	}
	return false;
}

bool reshape_has(const struct json *concepts, const char *code)
{
	if (!json_is(concepts, JSON_ARRAY))
		return concept_has(concepts, code);
	struct json_iter it = json_iter(concepts);
	while (json_next(&it)) {
		if (concept_has(it.value, code))
			return true;
	}
	return false;
}

struct str reshape_time_of(const struct json *resource, const char *const *keys)
{
	for (; *keys; keys++) {
		const struct json *value = json_get(resource, str_from(*keys));
		struct str time = json_is(value, JSON_OBJECT) ? json_get_str(value, S("start")) : json_str(value);
		if (time.p)
			return time;
	}
	return STR_NULL;
}

static struct str instant(struct reshape *x, struct str time, bool fraction)
{
	int64_t low, high;
	char text[CLOCK_INSTANT_SIZE];
	if (str_find_char(time, 'T', 0) == STR_NONE || !date_range(time, &low, &high))
		return time;
	clock_format_instant(low, text);
	return arena_printf(x->ad->arena, "%.19s%sZ", text, fraction ? ".000" : "");
}

struct str reshape_time(struct reshape *x, struct str time)
{
	return instant(x, time, x->ad->vendor == EHR_CERNER);
}

struct str reshape_seconds(struct reshape *x, struct str time)
{
	return instant(x, time, false);
}

struct str reshape_day(struct str time)
{
	return time.n > 10 ? str_slice(time, 0, 10) : time;
}

struct str reshape_number(struct reshape *x, const char *kind, struct str key, uint64_t base)
{
	return arena_printf(x->ad->arena, "%llu",
			    (unsigned long long)(base + adapter_number(str_from(kind), key, base * 9)));
}

/* ---- people and places ------------------------------------------------------------------------------------------ */

/* A resource that nobody sent, made of a name. */
static struct reshape_link made(struct reshape *x, const char *type, struct str key, struct str name)
{
	struct arena *a = x->ad->arena;
	struct str id = adapter_id(x->ad->vendor, a, str_from(type), key, NULL);
	bool person = str_is(str_from(type), "Practitioner");
	struct str comma = name, family = str_split(&comma, ','), given = comma.p ? str_trim(comma) : STR_NULL;
	struct str names =
		!person	  ? reshape_form(a, "$", name)
		: given.n ? reshape_form(a, "[{'use':'usual','text':$,'family':$,'given':[$]}]", name, family, given)
			  : reshape_form(a, "[{'use':'usual','text':$,'family':$}]", name, family);
	struct str state = str_is(str_from(type), "Location") ? S("\"status\":\"active\"") : S("\"active\":true");
	struct str text = reshape_form(a, "{'resourceType':$,'id':$,#,'name':#}", str_from(type), id, state, names);
	adapter_extra(x->ad, str_from(type), id, text);
	return (struct reshape_link){arena_printf(a, "%s/%.*s", type, STR_ARG(id)), name};
}

/* What a reference leads to: with an id of ours when it has a form that can be followed, otherwise by its name. */
static struct reshape_link linked(struct reshape *x, const struct json *reference, const char *type)
{
	struct str old = json_get_str(reference, S("reference")), name = json_get_str(reference, S("display"));
	struct reshape_link link = {STR_NULL, name};
	if (!old.p && !name.p)
		return link;
	if (old.p && !str_starts(old, S("#")) && str_find_char(old, '?', 0) == STR_NONE) {
		link.reference = adapter_reference(x->ad, old);
		if (!name.p)
			link.display = adapter_person(x->ad->arena, adapter_target(x->ad, old));
	}
	if (!link.reference.p || str_find_char(link.reference, ':', 0) != STR_NONE)
		link = name.p ? made(x, type, old.p ? old : name, name) : (struct reshape_link){STR_NULL, STR_NULL};
	return link;
}

struct reshape_link reshape_person(struct reshape *x, const struct json *reference)
{
	if (x->ad->native && x->ad->vendor == EHR_EPIC) /* whoever is sent, the integration user wrote it */
		return made(x, "Practitioner", S("firth-sandbox-interconnect"), S("User Interconnect"));
	struct reshape_link link = linked(x, reference, "Practitioner");
	if (link.reference.p && !str_starts(link.reference, S("Patient/")))
		return link;
	struct json_iter it = json_iter(json_get(reshape_visit_resource(x), S("participant")));
	while (json_next(&it)) {
		link = linked(x, json_get(it.value, S("individual")), "Practitioner");
		if (link.reference.p)
			return link;
	}
	struct str name = x->ad->vendor == EHR_EPIC ? S("Physician Family Medicine, MD") : S("Portal, Portal");
	return made(x, "Practitioner", S("firth-sandbox-physician"), name);
}

struct reshape_link reshape_place(struct reshape *x, const struct json *reference)
{
	struct reshape_link link = linked(x, reference, "Location");
	if (link.reference.p)
		return link;
	return made(x, "Location", S("firth-sandbox-clinic"), S("Firth Sandbox Family Medicine"));
}

struct reshape_link reshape_organization(struct reshape *x, const struct json *reference)
{
	struct reshape_link link = linked(x, reference, "Organization");
	if (link.reference.p)
		return link;
	return made(x, "Organization", S("firth-sandbox-hospital"),
		    x->ad->vendor == EHR_EPIC ? S("Epic Hospital System") : S("Model Hospital"));
}

struct str reshape_link_form(struct reshape *x, struct reshape_link link, const char *type)
{
	struct arena *a = x->ad->arena;
	struct str kind = type && x->ad->vendor == EHR_EPIC ? reshape_form(a, ",'type':$", str_from(type)) : S("");
	struct str display = link.display.p ? reshape_form(a, ",'display':$", link.display) : S("");
	return reshape_form(a, "{'reference':$##}", link.reference, kind, display);
}

/* ---- visits ----------------------------------------------------------------------------------------------------- */

static const struct json *visit_reference(const struct reshape *x)
{
	const struct json *context = json_get(x->resource, S("context")), *list = json_get(context, S("encounter"));
	const struct json *direct = json_get(x->resource, S("encounter"));
	if (direct)
		return direct;
	return json_is(list, JSON_ARRAY) ? json_at(list, 0) : context;
}

const struct json *reshape_visit_resource(struct reshape *x)
{
	return str_is(x->type, "Encounter") ? x->resource
					    : adapter_target(x->ad, json_get_str(visit_reference(x), S("reference")));
}

struct reshape_link reshape_visit(struct reshape *x, struct str *ret_number)
{
	const struct json *reference = visit_reference(x), *visit = reshape_visit_resource(x);
	struct str old = json_get_str(reference, S("reference"));
	struct reshape_link link = {STR_NULL, STR_NULL};
	if (!old.p)
		return link;
	link.reference = adapter_reference(x->ad, old);
	struct str id = visit ? json_get_str(visit, S("id")) : old;
	struct str told = json_get_str(json_at(json_get(visit, S("identifier")), 0), S("value"));
	*ret_number = x->ad->native && told.p ? told : adapter_visit_number(x->ad, id);
	const struct json *type = json_at(json_get(visit, S("type")), 0);
	link.display = x->ad->vendor == EHR_EPIC && visit && !x->ad->native ? reshape_epic_visit(visit).name
									    : reshape_text(x, type);
	return link;
}

void reshape_encounter(struct reshape *x, const struct json *value)
{
	struct str number;
	struct reshape_link visit = reshape_visit(x, &number);
	(void)value;
	if (!visit.reference.p)
		return;
	if (x->ad->vendor == EHR_EPIC)
		reshape_put(x, "encounter",
			    "{'reference':$,'identifier':{'use':'usual','system':$,'value':$},'display':$}",
			    visit.reference, S(EPIC_OID "3.698084.8"), number,
			    visit.display.p ? visit.display : S("Office Visit"));
	else
		reshape_put(x, "encounter", "{'reference':$}", visit.reference);
}

/* ---- addresses -------------------------------------------------------------------------------------------------- */

static struct str address_text(struct reshape *x, const struct json *address, bool epic)
{
	struct arena *a = x->ad->arena;
	const char *end = epic ? "\r\n" : "\n";
	struct str text = S(""), country = json_get_str(address, S("country"));
	struct json_iter it = json_iter(json_get(address, S("line")));
	while (json_next(&it))
		text = arena_printf(a, "%.*s%.*s%s", STR_ARG(text), STR_ARG(json_str(it.value)), end);
	text = arena_printf(a, "%.*s%.*s%s%.*s %.*s", STR_ARG(text), STR_ARG(json_get_str(address, S("city"))),
			    epic ? " " : ", ", STR_ARG(json_get_str(address, S("state"))),
			    STR_ARG(json_get_str(address, S("postalCode"))));
	if (country.p)
		text = arena_printf(a, "%.*s%s%.*s", STR_ARG(text), end,
				    STR_ARG(epic && str_is(country, "US") ? S("United States of America") : country));
	return text;
}

void reshape_address(struct reshape *x, const struct json *value)
{
	static const char *const keys[] = {"line", "city", "district", "state", "postalCode", "country"};
	bool epic = x->ad->vendor == EHR_EPIC;
	struct json_iter it = json_iter(value);
	unsigned n = 0;
	if (!json_size(value))
		return;
	json_key(x->w, S("address"));
	json_array_begin(x->w);
	while (json_next(&it)) {
		struct str use = json_get_str(it.value, S("use"));
		struct str start = json_get_str(json_get(it.value, S("period")), S("start"));
		json_object_begin(x->w);
		if (!epic)
			json_put_member(x->w, S("id"),
					arena_printf(x->ad->arena, "CI-%.*s-%u",
						     STR_ARG(reshape_number(x, "address", x->id, 10000000)), n++));
		json_put_member(x->w, S("use"), use.p ? use : S("home"));
		json_put_member(x->w, S("text"), address_text(x, it.value, epic));
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			reshape_copy(x, keys[i], json_get(it.value, str_from(keys[i])));
		if (!start.p)
			start = json_get_str(x->resource, S("birthDate"));
		if (start.p)
			reshape_put(x, "period", "{'start':$}",
				    epic ? reshape_day(start)
				    : str_find_char(start, 'T', 0) == STR_NONE && start.n == 10
					    ? arena_printf(x->ad->arena, "%.*sT05:00:00.000Z", STR_ARG(start))
					    : reshape_time(x, start));
		json_object_end(x->w);
	}
	json_array_end(x->w);
}
