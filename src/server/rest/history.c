/*
 * history-instance (http://hl7.org/fhir/R4/http.html#history): every version of one resource, newest first, each with
 * the request that made it.
 */
#include "base/clock.h"
#include "server/rest/rest_priv.h"

struct history_query {
	int64_t count;
	int64_t since; /* INT64_MIN: all */
	struct str self; /* parameters as used, for links */
	struct str cursor;
};

static bool read_query(struct rest_call *call, struct history_query *ret, struct error *err)
{
	struct history_query q = {.count = SEARCH_COUNT_DEFAULT, .since = INT64_MIN, .self = S("")};
	struct str count, since, at;
	int64_t ignored;
	if (!query_value(call->arena, call->query, "_count", &count, err) ||
	    !query_value(call->arena, call->query, "_since", &since, err) ||
	    !query_value(call->arena, call->query, "_at", &at, err) ||
	    !query_value(call->arena, call->query, "_cursor", &q.cursor, err))
		return false;
	if (at.p && !call->lenient)
		return error_set(err, ERR_NOT_SUPPORTED, "_at is not supported; use _since");
	if (count.p && (!str_to_i64(count, &q.count) || q.count < 0))
		return error_set(err, ERR_VALUE, "_count must be a whole number");
	if (q.count == 0 || q.count > SEARCH_COUNT_MAX)
		q.count = q.count ? SEARCH_COUNT_MAX : SEARCH_COUNT_DEFAULT;
	if (since.p && !date_range(since, &q.since, &ignored))
		return error_set(err, ERR_VALUE, "_since must be an instant");
	if (count.p)
		q.self = arena_printf(call->arena, "_count=%lld", (long long)q.count);
	if (since.p) {
		char instant[CLOCK_INSTANT_SIZE];
		clock_format_instant(q.since, instant);
		q.self = arena_printf(call->arena, "%.*s%s_since=%.*s", STR_ARG(q.self), q.self.n ? "&" : "",
				      CLOCK_INSTANT_SIZE, instant);
	}
	*ret = q;
	return q.self.p || error_memory(err);
}

static bool read_position(struct rest_call *call, const struct history_query *q, struct str *ret_position,
			  struct error *err)
{
	return !q->cursor.p || rest_cursor_read(call, q->self, q->cursor, ret_position, err);
}

static struct str history_url(struct rest_call *call, const struct history_query *q, struct str cursor)
{
	const char *mark = q->self.n || cursor.p ? "?" : "", *joint = q->self.n && cursor.p ? "&" : "";
	return arena_printf(call->arena, "%.*s/%.*s/%.*s/_history%s%.*s%s%s%.*s", STR_ARG(call->server->o.base_url),
			    STR_ARG(call->type->name), STR_ARG(call->id), mark, STR_ARG(q->self), joint,
			    cursor.p ? "_cursor=" : "", STR_ARG(cursor));
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
	struct str next = STR_NULL;
	if (page->next.p) {
		struct str cursor = rest_cursor_write(call, q->self, page->next);
		if (!cursor.p)
			return error_memory(err);
		next = history_url(call, q, cursor);
	}
	bundle_begin(&b, call, &answer->body, "history", -1);
	bundle_links(&b, (struct bundle_link[]){{"self", history_url(call, q, q->cursor)}, {"next", next}}, 2);
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

bool history_answer(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	struct history_query q = {0};
	struct store_page page = {0};
	struct str position = STR_NULL;
	if (is_audit_event(call->type))
		return error_set(err, ERR_NOT_FOUND, "AuditEvents have one version only");
	if (!read_query(call, &q, err) || !read_position(call, &q, &position, err))
		return false;
	struct store_history_query query = {.type = call->type,
					    .id = call->id,
					    .since_ms = q.since == INT64_MIN ? 0 : q.since,
					    .max = (size_t)q.count,
					    .position = position};
	if (fhir_id_valid(call->id) && !store_history(call->server->o.store, call->arena, &query, &page, err))
		return false;
	if (!page.count && !position.p && !query.since_ms)
		return error_set(err, ERR_NOT_FOUND, "There is no %.*s with this id", STR_ARG(call->type->name));
	if (!write_history(call, &q, &page, answer, err))
		return false;
	struct audit_event event = audit_describe(call, answer->status, NULL);
	event.query = q.self;
	event.patient = page.count ? audit_patient(call->arena, call->type, call->id, page.entries[0].body) : STR_NULL;
	return audit_take(call, &event, err);
}
