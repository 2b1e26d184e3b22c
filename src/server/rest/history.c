/*
 * history of a resource, a type or the whole server (http://hl7.org/fhir/R4/http.html#history): versions, newest first,
 * each with the request that made it. Pages walk one snapshot.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "server/rest/rest_priv.h"

struct history_query {
	struct store_history_query store;
	struct str self; /* parameters as used, for links */
	struct str cursor;
};

static void add_self(struct rest_call *call, struct history_query *q, const char *name, struct str value)
{
	struct buf coded;
	if (!q->self.p)
		return;
	buf_init(&coded, 4096);
	encode_percent(&coded, value);
	q->self = arena_printf(call->arena, "%.*s%s%s=%.*s", STR_ARG(q->self), q->self.n ? "&" : "", name,
			       STR_ARG(buf_str(&coded)));
	buf_done(&coded);
}

static bool read_count(struct rest_call *call, struct str text, struct history_query *q, struct error *err)
{
	int64_t count = SEARCH_COUNT_DEFAULT;
	if (text.p && (!str_to_i64(text, &count) || count < 0))
		return error_set(err, ERR_VALUE, "_count must be a whole number");
	if (count > SEARCH_COUNT_MAX)
		count = SEARCH_COUNT_MAX;
	if (count == 0)
		count = SEARCH_COUNT_DEFAULT;
	q->store.max = (size_t)count;
	if (text.p)
		add_self(call, q, "_count", arena_printf(call->arena, "%lld", (long long)count));
	return true;
}

/* _since is an instant, but people give dates: then the first moment counts. _at is a date or time of any precision and
 * asks for what was current at some moment of it. */
static bool read_times(struct rest_call *call, struct str since, struct str at, struct history_query *q,
		       struct error *err)
{
	int64_t ignored;
	if (since.p && !date_range(since, &q->store.since_ms, &ignored))
		return error_set(err, ERR_VALUE, "_since must be an instant, such as 2026-01-31T12:00:00Z");
	if (at.p && !date_range(at, &q->store.at_low_ms, &q->store.at_high_ms))
		return error_set(err, ERR_VALUE, "_at must be a date or an instant");
	if (since.p)
		add_self(call, q, "_since", since);
	if (at.p)
		add_self(call, q, "_at", at);
	return true;
}

static bool is_known(struct str name)
{
	static const char *const known[] = {"_count",  "_since",  "_at",       "_cursor",
					    "_format", "_pretty", "_elements", "_summary"};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_is(name, known[i]))
			return true;
	return false;
}

/* What is not understood could have narrowed the answer, so it is refused unless the client is lenient. */
static bool check_names(const struct rest_call *call, struct error *err)
{
	struct str query = call->query;
	while (query.p && query.n) {
		struct str value = str_split(&query, '&'), name = str_split(&value, '=');
		if (name.n && !is_known(name) && !call->lenient)
			return error_set(err, ERR_UNKNOWN_PARAM,
					 "A history has no parameter \"%.*s\"; it has _count, _since and _at",
					 STR_ARG(str_slice(name, 0, 64)));
	}
	return true;
}

static bool read_query(struct rest_call *call, struct history_query *q, struct error *err)
{
	struct str count, since, at, shape;
	*q = (struct history_query){.store = {.type = call->type, .id = call->id}, .self = S("")};
	if (!check_names(call, err) || !query_value(call->arena, call->query, "_count", &count, err) ||
	    !query_value(call->arena, call->query, "_since", &since, err) ||
	    !query_value(call->arena, call->query, "_at", &at, err) ||
	    !query_value(call->arena, call->query, "_cursor", &q->cursor, err))
		return false;
	if (!read_count(call, count, q, err) || !read_times(call, since, at, q, err) || !view_read(call, err))
		return false;
	static const char *const shapes[] = {"_elements", "_summary"};
	for (size_t i = 0; i < 2; i++) {
		if (!query_value(call->arena, call->query, shapes[i], &shape, err))
			return false;
		if (shape.p)
			add_self(call, q, shapes[i], shape);
	}
	if (!q->self.p)
		return error_memory(err);
	return !q->cursor.p || rest_cursor_read(call, q->self, q->cursor, &q->store.position, err);
}

static struct str history_url(struct rest_call *call, const struct history_query *q, struct str cursor)
{
	const char *mark = q->self.n || cursor.p ? "?" : "", *joint = q->self.n && cursor.p ? "&" : "";
	struct str type = call->type ? call->type->name : S(""), id = call->id.p ? call->id : S("");
	return arena_printf(call->arena, "%.*s%s%.*s%s%.*s/_history%s%.*s%s%s%.*s", STR_ARG(call->server->o.base_url),
			    type.n ? "/" : "", STR_ARG(type), id.n ? "/" : "", STR_ARG(id), mark, STR_ARG(q->self),
			    joint, cursor.p ? "_cursor=" : "", STR_ARG(cursor));
}

static void add_request(struct rest_bundle *b, const struct store_entry *e)
{
	static const char *const methods[] = {
		[STORE_CREATE] = "POST", [STORE_UPDATE] = "PUT", [STORE_DELETE] = "DELETE"};
	struct buf *out = b->w.out;
	json_key(&b->w, S("request"));
	json_put_raw(&b->w, S(""));
	buf_printf(out, "{\"method\":\"%s\",\"url\":\"%.*s", methods[e->op], STR_ARG(e->type->name));
	if (e->op != STORE_CREATE)
		buf_printf(out, "/%.*s", STR_ARG(e->id));
	buf_add(out, S("\"}"));
}

static void add_response(struct rest_bundle *b, const struct store_entry *e)
{
	const char *status = e->op == STORE_DELETE ? "204" : e->version == 1 ? "201" : "200";
	char instant[CLOCK_INSTANT_SIZE];
	clock_format_instant(e->updated_ms, instant);
	json_key(&b->w, S("response"));
	json_put_raw(&b->w, S(""));
	buf_printf(b->w.out, "{\"status\":\"%s\",\"etag\":\"W/\\\"%lld\\\"\",\"lastModified\":\"%.*s\"}", status,
		   (long long)e->version, CLOCK_INSTANT_SIZE, instant);
}

static bool write_history(struct rest_call *call, const struct history_query *q, const struct store_page *page,
			  struct rest_answer *answer, struct error *err)
{
	struct rest_bundle b;
	struct str next = rest_cursor_write(call, q->self, page->next);
	if (page->next.p && !next.p)
		return error_memory(err);
	bundle_begin(&b, call, &answer->body, "history", page->total);
	bundle_links(&b,
		     (struct bundle_link[]){{"self", history_url(call, q, q->cursor)},
					    {"next", next.p ? history_url(call, q, next) : STR_NULL},
					    {"first", q->cursor.p ? history_url(call, q, STR_NULL) : STR_NULL}},
		     3);
	for (size_t i = 0; i < page->count; i++) {
		if (!bundle_open_entry(&b, &page->entries[i], err))
			return false;
		add_request(&b, &page->entries[i]);
		add_response(&b, &page->entries[i]);
		bundle_close_entry(&b);
	}
	bundle_end(&b);
	return true;
}

/* The history of the whole server tells about the types that may be searched; without any there is nothing to tell. */
static bool check_rights(const struct rest_call *call, struct error *err)
{
	const struct definitions *d = call->server->o.definitions;
	if (call->type || !call->pass)
		return true;
	for (size_t i = 0; i < definitions_resource_count(d); i++)
		if (access_allows(call->pass, definitions_resource_at(d, i), SCOPE_S))
			return true;
	return call_allowed(call, definitions_resource_at(d, 0), SCOPE_S, err);
}

bool history_answer(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	struct history_query q;
	struct store_page page = {0};
	if (is_audit_event(call->type))
		return error_set(err, ERR_NOT_FOUND, "AuditEvents have one version only; search them instead");
	if (!check_rights(call, err) || !read_query(call, &q, err))
		return false;
	if (call->id.p && !fhir_id_valid(call->id))
		return error_set(err, ERR_NOT_FOUND, "There is no %.*s with this id: it is not a valid id",
				 STR_ARG(call->type->name));
	if (!call_history(call, call->arena, &q.store, call->id.p ? SCOPE_R : SCOPE_S, &page, err)) {
		if (err->code == ERR_NOT_FOUND && call->type) {
			error_clear(err);
			error_set(err, ERR_NOT_FOUND, "There is no %.*s with this id", STR_ARG(call->type->name));
		}
		return false;
	}
	if (!write_history(call, &q, &page, answer, err))
		return false;
	struct audit_event event = audit_describe(call, answer->status, NULL);
	event.query = q.self;
	event.patient = page.count && call->id.p
				? audit_patient(call->arena, call->type, call->id, page.entries[0].body)
				: STR_NULL;
	return audit_take(call, &event, err);
}
