/*
 * Searching at Epic: required parameters per type, unknown ones ignored but repeated in the self link, a total that is
 * the page's size as soon as _count is sent, next links that hold nothing but a session, and an outcome entry that
 * stands among the matches.
 */
#include <stdlib.h>

#include "base/random.h"
#include "sandbox/epic_priv.h"
#include "sandbox/faults_priv.h"

#define PAGE_MAX 1000

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static struct str shouted(struct arena *a, struct str name)
{
	struct str copy = arena_str(a, name);
	for (size_t i = 0; copy.p && i < copy.n; i++) {
		char *c = (char *)(uintptr_t)copy.p + i;
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	}
	return arena_printf(a, "Unknown parameter: %.*s. Parameter has been ignored.", STR_ARG(copy));
}

static bool is_control(struct str name)
{
	return face_listed("_id _count _include _revinclude _summary _format sessionID", name);
}

/* One information issue for each parameter that is not known. */
static size_t unknown_issues(const struct sandbox *s, struct rest_call *call, const struct face_type *type,
			     struct epic_issue *issues, size_t max)
{
	struct str rest = face_query(call);
	struct face_param p;
	size_t n = 0;
	while (n < max && face_param_next(&rest, &p)) {
		if (!is_control(p.name) && !face_listed(type->params, p.name) &&
		    !epic_is_filter(s, call->type, type, p.name))
			issues[n++] = (struct epic_issue){"information", "invalid", "59100",
							  shouted(call->arena, p.name), NULL};
	}
	return n;
}

#define ISSUES_MAX 8
static bool refuse_missing(const struct sandbox *s, struct rest_call *call, const struct face_type *type,
			   struct rest_answer *answer)
{
	bool patient = str_is(call->type_name, "Patient");
	struct face_refusal how = type->missing;
	if (type->incomplete.status && face_needs_touched(type->needs, call->query))
		how = type->incomplete;
	struct epic_issue issues[ISSUES_MAX + 1];
	size_t n = 0;
	if (patient || str_is(call->type_name, "Observation"))
		n = unknown_issues(s, call, type, issues, ISSUES_MAX);
	issues[n++] = (struct epic_issue){
		"fatal", how.issue, how.code,
		patient ? S("This resource requires demographics or _id parameter for searching.")
			: arena_printf(call->arena, "A search of this resource needs %s.", type->needs),
		patient ? "demographics/_id" : NULL};
	epic_refuse(answer, how.status, issues, n);
	return false;
}

/* Patients are found by a whole date of birth or not at all. */
static bool birthdate_ok(struct str query)
{
	struct str date = face_value(query, S("birthdate"));
	if (!date.p)
		return true;
	return face_count(query, S("birthdate")) == 1 && date.n == 10 && date.p[0] >= '0' && date.p[0] <= '9';
}

/* ---- links ------------------------------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	return str_cmp(*x, *y);
}

/* The parameters in alphabetical order, unknown ones included; _count comes last. */
static struct str self_url(const struct sandbox *s, struct rest_call *call)
{
	struct str pairs[64], rest = face_query(call), count = face_value(rest, S("_count"));
	struct str url = face_url(s, call->arena, call->type_name, STR_NULL);
	struct face_param p;
	size_t n = 0;
	const char *mark = "?";
	while (n < 64 && face_param_next(&rest, &p)) {
		if (!str_is(p.name, "_count"))
			pairs[n++] = p.pair;
	}
	qsort(pairs, n, sizeof(*pairs), by_name);
	for (size_t i = 0; i < n; i++, mark = "&")
		url = arena_printf(call->arena, "%.*s%s%.*s", STR_ARG(url), mark, STR_ARG(pairs[i]));
	if (count.p)
		url = arena_printf(call->arena, "%.*s%s_count=%.*s", STR_ARG(url), mark, STR_ARG(count));
	return url;
}

static void put_link(struct json_writer *w, const char *relation, struct str url)
{
	json_object_begin(w);
	json_put_member(w, S("relation"), str_from(relation));
	json_put_member(w, S("url"), url);
	json_object_end(w);
}

/* ---- the Bundle ------------------------------------------------------------------------------------------------- */

static void begin_bundle(struct json_writer *w, const struct sandbox *s, struct rest_call *call, int64_t total,
			 struct str next)
{
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("Bundle"));
	json_put_member(w, S("type"), S("searchset"));
	json_key(w, S("total"));
	json_put_i64(w, total);
	json_key(w, S("link"));
	json_array_begin(w);
	if (next.p)
		put_link(w, "next", next);
	put_link(w, "self", self_url(s, call));
	json_array_end(w);
	json_key(w, S("entry"));
	json_array_begin(w);
}

/* What was left out and why, in one entry behind the matches. */
static void outcome_entry(struct json_writer *w, struct rest_call *call, struct str query, bool empty)
{
	enum { SUPPRESSED_MAX = 12 };
	struct epic_issue issues[SUPPRESSED_MAX + 1];
	size_t n = epic_suppressed(call, query, issues, SUPPRESSED_MAX);
	if (empty)
		issues[n++] = (struct epic_issue){"warning", "processing", "4101", STR_NULL, NULL};
	if (!n)
		return;
	char uuid[UUID_SIZE];
	random_uuid(uuid);
	json_object_begin(w);
	json_put_member(w, S("fullUrl"), arena_printf(call->arena, "urn:uuid:%.36s", uuid));
	json_key(w, S("resource"));
	epic_outcome(w, issues, n);
	json_key(w, S("search"));
	json_put_raw(w, S("{\"mode\":\"outcome\"}"));
	json_object_end(w);
}

static void end_bundle(struct json_writer *w, struct rest_call *call, struct str query, bool empty)
{
	outcome_entry(w, call, query, empty);
	json_array_end(w);
	json_object_end(w);
}

static bool put_entry(const struct sandbox *s, struct rest_call *call, struct json_writer *w,
		      const struct store_entry *e, struct error *err)
{
	json_object_begin(w);
	json_key(w, S("link"));
	json_array_begin(w);
	put_link(w, "self", face_url(s, call->arena, e->type->name, e->id));
	json_array_end(w);
	if (!face_entry(call, s, w, e, err))
		return false;
	json_key(w, S("search"));
	json_put_raw(w, e->included ? S("{\"mode\":\"include\"}") : S("{\"mode\":\"match\"}"));
	json_object_end(w);
	return true;
}

/* POST _search: since February 2026 what stands in the URL is ignored but for _format; before, the body was ignored
 * when there were both. */
static struct str sent_query(const struct sandbox *s, struct rest_call *call)
{
	bool post = call->interaction == REST_SEARCH_POST;
	return post && !released(s, "2026-02") && call->request->query.n ? call->request->query : face_query(call);
}

/* The client's own query, on further pages that of the first. */
static struct str original_query(struct sandbox *s, struct rest_call *call)
{
	struct str sent = sent_query(s, call), key = face_value(sent, S("sessionID")), position, query;
	return key.p && face_session_get(s, call->arena, key, &query, &position) ? query : sent;
}

/* Without the comma in front. */
static void remember_last(struct sandbox *s, struct rest_call *call, const struct rest_answer *answer, size_t from)
{
	struct str entry = str_slice(buf_str(&answer->body), from, answer->body.n);
	hostile_remember(s, call->type_name, str_slice(entry, entry.p[0] == ',', entry.n));
}

/* More patients than anybody could mean. */
#define PATIENTS_MAX 100

/* An id that belongs to a resource of another type. */
static bool is_of_another_type(const struct sandbox *s, struct rest_call *call, struct str id)
{
	struct store_entry entry;
	for (const struct face_type *t = s->vendor->types; fhir_id_valid(id) && t->name; t++) {
		struct error err = {0};
		const struct fhir_type *type = definitions_resource(s->o.definitions, str_from(t->name));
		if (type && type != call->type && store_read(s->o.store, call->arena, type, id, 0, &entry, &err))
			return true;
	}
	return false;
}

/* True: refused, for what was found. */
static bool refuse_found(const struct sandbox *s, struct rest_call *call, const struct store_page *page,
			 struct rest_answer *answer)
{
	struct str id = face_value(face_query(call), S("_id"));
	if (str_is(call->type_name, "Patient") && page->total > PATIENTS_MAX) {
		struct epic_issue issue = {"fatal", "processing", "4127", S("More than 100 patients were found."),
					   NULL};
		epic_refuse(answer, 400, &issue, 1);
		return true;
	}
	if (!id.n || page->match_count || !is_of_another_type(s, call, id))
		return false;
	const struct epic_issue issues[] = {
		{"information", "not-found", "59008", S("The ID is of a resource of another type."), "id"},
		{"fatal", "business-rule", "59159", S("Nothing is left to search by."), "id"}};
	epic_refuse(answer, 400, issues, 2);
	return true;
}

bool epic_searchset(void *ctx, struct rest_call *call, const struct search_query *query, const struct store_page *page,
		    struct rest_answer *answer, struct error *err)
{
	struct sandbox *s = ctx;
	struct str sent = original_query(s, call), next = STR_NULL;
	struct store_page filtered;
	(void)query;
	if (!epic_filter(s, call, sent, page, &filtered, err))
		return false;
	page = &filtered;
	if (refuse_found(s, call, page, answer))
		return true;
	if (page->next.p) {
		struct str key = face_session_put(s, call->arena, sent, page->next);
		if (!key.p)
			return error_memory(err);
		next = arena_printf(call->arena, "%.*s?sessionID=%.*s",
				    STR_ARG(face_url(s, call->arena, call->type_name, STR_NULL)), STR_ARG(key));
	}
	/* With _count, and on the pages behind it, the total is that of the page. */
	bool counted = face_has(call->query, S("_count")) && !face_has(call->query, S("_total"));
	next = hostile_link(s, call->arena, next);
	struct json_writer w = json_writer(&answer->body);
	int64_t total = counted || page->total < 0 ? (int64_t)page->match_count : page->total;
	begin_bundle(&w, s, call, total, next);
	struct str again = face_has(call->request->query, S("sessionID"))
				   ? hostile_repeat(s, call->arena, call->type_name)
				   : STR_NULL;
	if (again.p)
		json_put_raw(&w, again);
	size_t last = 0;
	for (size_t i = 0; i < page->count; i++) {
		last = answer->body.n;
		if (!put_entry(s, call, &w, &page->entries[i], err))
			return false;
	}
	if (page->count)
		remember_last(s, call, answer, last);
	end_bundle(&w, call, sent, !page->count && !total);
	hostile_pad(s, &answer->body);
	return true;
}

/* ---- the query -------------------------------------------------------------------------------------------------- */

/* What Firth is asked: known parameters that R4 has as well, and a page size. */
static struct str understood(const struct sandbox *s, struct rest_call *call, const struct face_type *type)
{
	struct str rest = call->query, out = S("");
	struct face_param p;
	bool by_id = face_has(rest, S("_id"));
	while (face_param_next(&rest, &p)) {
		bool common = face_listed("_id _include _revinclude _summary _total", p.name);
		if (!common &&
		    (by_id || !face_listed(type->params, p.name) || !definitions_search_param(call->type, p.name)))
			continue;
		out = arena_printf(call->arena, "%.*s%.*s&", STR_ARG(out), STR_ARG(p.pair));
	}
	uint64_t count = PAGE_MAX;
	bool counted = face_has(call->query, S("_count"));
	if (counted && (!str_to_u64(face_value(call->query, S("_count")), &count) || count > PAGE_MAX))
		count = PAGE_MAX;
	bool total = face_has(call->query, S("_total"));
	return arena_printf(call->arena, "%.*s%s%s_count=%llu%s", STR_ARG(out),
			    str_is(call->type_name, "Patient") ? FACE_NOT_MERGED : "",
			    by_id || behaves(s, BEHAVIOUR_ENTERED_IN_ERROR, "shown") ? ""
										     : face_without_errors(call->type),
			    (unsigned long long)count, counted || total ? "" : "&_total=accurate");
}

/* Too little about a person finds nobody: no error, no match. */
static bool weak_demographics(struct rest_call *call, const struct face_type *type)
{
	return str_is(call->type_name, "Patient") && !face_needs_met(type->needs, call->query);
}

static bool names_anything(struct rest_call *call, const struct face_type *type)
{
	struct str rest = call->query;
	struct face_param p;
	while (face_param_next(&rest, &p)) {
		if (p.value.n && !is_control(p.name) && face_listed(type->params, p.name))
			return true;
	}
	return false;
}

bool epic_search(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	struct sandbox *s = ctx;
	const struct face_type *type = face_type(s, call->type_name);
	bool weak = weak_demographics(call, type);
	if (weak ? !names_anything(call, type) : !face_needs_met(type->needs, call->query))
		return refuse_missing(s, call, type, answer);
	if (str_is(call->type_name, "Patient") && !birthdate_ok(call->query)) {
		struct epic_issue issue = {"fatal", "value", "4115", S("A single valid date is required for birthdate"),
					   "birthdate"};
		epic_refuse(answer, 400, &issue, 1);
		return false;
	}
	if (weak) {
		struct json_writer w = json_writer(&answer->body);
		begin_bundle(&w, s, call, 0, STR_NULL);
		end_bundle(&w, call, face_query(call), true);
		return false;
	}
	if (fault_take(s, FAULT_BAD_RESOURCE)) {
		struct epic_issue issue = {"fatal", "required", "4104", S("A required element is not available."),
					   NULL};
		epic_refuse(answer, 500, &issue, 1);
		return false;
	}
	call->query = understood(s, call, type);
	return true;
}

bool epic_page(void *ctx, struct rest_call *call, struct str *ret_position, struct rest_answer *answer)
{
	struct sandbox *s = ctx;
	call->query = sent_query(s, call);
	struct str key = face_value(call->query, S("sessionID"));
	if (!key.p)
		return true;
	if (!fault_take(s, FAULT_EXPIRED_PAGES) && face_session_get(s, call->arena, key, &call->query, ret_position))
		return true;
	struct epic_issue issue = {"fatal", "processing", "4113", S("Start the search again."), "sessionID"};
	epic_refuse(answer, 400, &issue, 1);
	return false;
}
