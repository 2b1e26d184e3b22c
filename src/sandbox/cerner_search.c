/*
 * Searching at Cerner: one of several parameters is required, unknown ones are refused, _id stands alone, dates come
 * once or as a pair, pages are small, and the next link repeats the query with a -pageContext.
 */
#include "base/random.h"
#include "sandbox/cerner_priv.h"
#include "sandbox/faults_priv.h"

#define PATIENTS_MAX 1000
#define UNPAGED	     1000 /* the most that one answer holds */

/* ---- rules ------------------------------------------------------------------------------------------------------ */

/* "at least one of _id, patient, or subject must be provided" */
static struct str needs_text(struct arena *a, const char *needs)
{
	struct str rest = str_from(needs), text = S("at least one of ");
	while (rest.p) {
		struct str one = str_split(&rest, '|');
		text = arena_printf(a, "%.*s%.*s, ", STR_ARG(text), STR_ARG(one));
	}
	return arena_printf(a, "%.*sor -pageContext must be provided", STR_ARG(text));
}

static bool check_known(const struct sandbox *s, struct rest_call *call, const struct face_type *type,
			struct rest_answer *answer)
{
	struct str rest = call->query;
	struct face_param p;
	while (face_param_next(&rest, &p)) {
		if (face_listed(type->params, p.name) || str_is(p.name, "_format") ||
		    behaves(s, BEHAVIOUR_UNKNOWN_PARAMETER, "ignore"))
			continue;
		cerner_refuse(answer, 400, "invalid",
			      arena_printf(call->arena, "%.*s is not a supported search parameter",
					   STR_ARG(str_slice(p.name, 0, 40))));
		return false;
	}
	return true;
}

/* _id may be joined by _revinclude only; _count is ignored beside it. */
static bool check_id(struct rest_call *call, struct rest_answer *answer)
{
	struct str rest = call->query;
	struct face_param p;
	if (!face_has(rest, S("_id")))
		return true;
	while (face_param_next(&rest, &p)) {
		if (face_listed("_id _revinclude _count _format", p.name))
			continue;
		cerner_refuse(answer, 400, "invalid", S("_id cannot be combined with other parameters"));
		return false;
	}
	return true;
}

static bool is_lower(struct str value)
{
	return str_starts(value, S("ge")) || str_starts(value, S("gt"));
}

static bool is_upper(struct str value)
{
	return str_starts(value, S("le")) || str_starts(value, S("lt"));
}

/* A date comes once, or twice as the two ends of a range, both with a time. */
static bool check_range(struct rest_call *call, struct str name, struct rest_answer *answer)
{
	struct str rest = call->query, values[2];
	struct face_param p;
	size_t n = 0;
	while (face_param_next(&rest, &p)) {
		if (!str_eq(p.name, name))
			continue;
		if (n < 2)
			values[n] = p.value;
		n++;
	}
	if (n < 2)
		return true;
	bool timed = str_find_char(values[0], 'T', 0) != STR_NONE && str_find_char(values[1], 'T', 0) != STR_NONE;
	bool ends = (is_lower(values[0]) && is_upper(values[1])) || (is_upper(values[0]) && is_lower(values[1]));
	if (n == 2 && timed && ends)
		return true;
	cerner_refuse(
		answer, 400, "invalid",
		arena_printf(call->arena, "%.*s must be given once, or twice as a range with times", STR_ARG(name)));
	return false;
}

static bool check_dates(struct rest_call *call, struct rest_answer *answer)
{
	if (face_has(call->query, S("date")) && face_has(call->query, S("_lastUpdated"))) {
		cerner_refuse(answer, 400, "invalid", S("date and _lastUpdated cannot be combined"));
		return false;
	}
	return check_range(call, S("date"), answer) && check_range(call, S("_lastUpdated"), answer);
}

/* ---- the query -------------------------------------------------------------------------------------------------- */

static unsigned page_size(struct rest_call *call, const struct face_type *type)
{
	uint64_t asked;
	if (!type->page || face_has(call->query, S("_id")))
		return UNPAGED;
	if (!str_to_u64(face_value(call->query, S("_count")), &asked) || !asked)
		return type->page;
	return asked > type->page_max ? type->page_max : (unsigned)asked;
}

/* Newest observations first, oldest visits first. */
static const char *sorting(struct str type)
{
	return str_is(type, "Observation") ? "&_sort=-date" : str_is(type, "Encounter") ? "&_sort=date" : "";
}

static struct str understood(const struct sandbox *s, struct rest_call *call, const struct face_type *type)
{
	struct str rest = call->query, out = S("");
	struct face_param p;
	while (face_param_next(&rest, &p)) {
		bool control = face_listed("_id _revinclude _lastUpdated", p.name);
		bool known = face_listed(type->params, p.name) && definitions_search_param(call->type, p.name);
		if (!control && !known)
			continue; /* the vendor's own, or ignored; R4 has nothing to ask for it */
		out = arena_printf(call->arena, "%.*s%.*s&", STR_ARG(out), STR_ARG(p.pair));
	}
	bool hide = behaves(s, BEHAVIOUR_ENTERED_IN_ERROR, "hidden") && !face_has(call->query, S("_id"));
	return arena_printf(call->arena, "%.*s%s%s_count=%u%s%s", STR_ARG(out),
			    str_is(call->type_name, "Patient") ? FACE_NOT_MERGED : "",
			    hide ? face_without_errors(call->type) : "", page_size(call, type),
			    sorting(call->type_name), str_is(call->type_name, "Patient") ? "&_total=accurate" : "");
}

bool cerner_search(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	struct sandbox *s = ctx;
	const struct face_type *type = face_type(s, call->type_name);
	if (!face_needs_met(type->needs, call->query)) {
		cerner_refuse(answer, type->missing.status, type->missing.issue, needs_text(call->arena, type->needs));
		return false;
	}
	if (!check_known(s, call, type, answer) || !check_id(call, answer) || !check_dates(call, answer))
		return false;
	if (fault_take(s, FAULT_BAD_RESOURCE)) {
		cerner_bad_resource(answer, call->type_name);
		return false;
	}
	call->query = understood(s, call, type);
	return true;
}

/* ---- pages ------------------------------------------------------------------------------------------------------ */

/* The query without where we are in it. */
static struct str without_context(struct arena *a, struct str query)
{
	struct str rest = query, out = S("");
	struct face_param p;
	while (face_param_next(&rest, &p)) {
		if (!face_listed("-pageContext -pageDirection", p.name))
			out = arena_printf(a, "%.*s%s%.*s", STR_ARG(out), out.n ? "&" : "", STR_ARG(p.pair));
	}
	return out;
}

bool cerner_page(void *ctx, struct rest_call *call, struct str *ret_position, struct rest_answer *answer)
{
	struct sandbox *s = ctx;
	struct error err = {0};
	struct str context = face_value(call->query, S("-pageContext"));
	if (!context.p)
		return true;
	call->query = without_context(call->arena, call->query);
	if (!fault_take(s, FAULT_EXPIRED_PAGES) && rest_cursor_read(call, call->query, context, ret_position, &err))
		return true;
	cerner_refuse(answer, 400, "invalid", S("-pageContext is not valid"));
	return false;
}

static void put_link(struct json_writer *w, const char *relation, struct str url)
{
	json_object_begin(w);
	json_put_member(w, S("relation"), str_from(relation));
	json_put_member(w, S("url"), url);
	json_object_end(w);
}

static bool put_links(struct sandbox *s, struct rest_call *call, struct json_writer *w, struct str position,
		      struct error *err)
{
	struct str sent = face_query(call), query = without_context(call->arena, sent);
	struct str base = face_url(s, call->arena, call->type_name, STR_NULL);
	json_key(w, S("link"));
	json_array_begin(w);
	put_link(w, "self", arena_printf(call->arena, "%.*s?%.*s", STR_ARG(base), STR_ARG(sent)));
	if (position.p) {
		struct str context = rest_cursor_write(call, query, position);
		if (!context.p)
			return error_memory(err);
		struct str next = arena_printf(call->arena, "%.*s?%.*s&-pageContext=%.*s&-pageDirection=NEXT",
					       STR_ARG(base), STR_ARG(query), STR_ARG(context));
		put_link(w, "next", hostile_link(s, call->arena, next));
	}
	json_array_end(w);
	return true;
}

/* Only these two say how many there are, and only when it is all on one page. */
static bool tells_total(struct rest_call *call, const struct store_page *page)
{
	return !page->next.p && !face_has(face_query(call), S("-pageContext")) &&
	       (str_is(call->type_name, "Encounter") || str_is(call->type_name, "Immunization"));
}

static bool put_entries(struct sandbox *s, struct rest_call *call, struct rest_answer *answer, struct json_writer *w,
			const struct store_page *page, struct error *err)
{
	if (!page->count)
		return true;
	json_key(w, S("entry"));
	json_array_begin(w);
	struct str again = face_has(face_query(call), S("-pageContext"))
				   ? hostile_repeat(s, call->arena, call->type_name)
				   : STR_NULL;
	if (again.p)
		json_put_raw(w, again);
	size_t last = 0;
	for (size_t i = 0; i < page->count; i++) {
		last = answer->body.n;
		json_object_begin(w);
		if (!face_entry(call, s, w, &page->entries[i], err))
			return false;
		json_key(w, S("search"));
		json_put_raw(w, page->entries[i].included ? S("{\"mode\":\"include\"}") : S("{\"mode\":\"match\"}"));
		json_object_end(w);
	}
	struct str entry = str_slice(buf_str(&answer->body), last, answer->body.n);
	hostile_remember(s, call->type_name, str_slice(entry, entry.n && entry.p[0] == ',', entry.n));
	json_array_end(w);
	return true;
}

bool cerner_searchset(void *ctx, struct rest_call *call, const struct search_query *query,
		      const struct store_page *page, struct rest_answer *answer, struct error *err)
{
	struct sandbox *s = ctx;
	if (str_is(call->type_name, "Patient") && page->total > PATIENTS_MAX) {
		cerner_refuse(answer, 422, "too-costly", S("More than 1000 patients were found"));
		return true;
	}
	char uuid[UUID_SIZE];
	(void)query;
	random_uuid(uuid);
	struct json_writer w = json_writer(&answer->body);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("Bundle"));
	json_put_member(&w, S("id"), str_make(uuid, UUID_SIZE));
	json_put_member(&w, S("type"), S("searchset"));
	if (tells_total(call, page)) {
		json_key(&w, S("total"));
		json_put_i64(&w, (int64_t)page->match_count);
	}
	if (!put_links(s, call, &w, page->next, err) || !put_entries(s, call, answer, &w, page, err))
		return false;
	json_object_end(&w);
	hostile_pad(s, &answer->body);
	return true;
}
