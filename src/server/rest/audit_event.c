/*
 * The audit chain as FHIR: GET AuditEvent and AuditEvent/:id show rows of the store's chain as R4 AuditEvent resources
 * (http://hl7.org/fhir/R4/auditevent.html). Read-only, and reading it is an access like any other.
 */
#include <stdio.h>

#include "base/encode.h"
#include "server/rest/rest_priv.h"

bool is_audit_event(const struct fhir_type *type)
{
	return type && str_is(type->name, "AuditEvent");
}

static void put_coding(struct json_writer *w, struct str key, const char *system, struct str code)
{
	json_key(w, key);
	json_object_begin(w);
	json_put_member(w, S("system"), str_from(system));
	json_put_member(w, S("code"), code);
	json_object_end(w);
}

static void put_agent(struct json_writer *w, const struct audit_event *e)
{
	json_key(w, S("agent"));
	json_array_begin(w);
	json_object_begin(w);
	json_key(w, S("who"));
	json_object_begin(w);
	json_put_member(w, S("display"), e->agent.n ? e->agent : S("unknown"));
	json_object_end(w);
	json_key(w, S("requestor"));
	json_put_bool(w, true);
	if (e->address.n) {
		json_key(w, S("network"));
		json_object_begin(w);
		json_put_member(w, S("address"), e->address);
		/* network-type: 2 is an IP address, 5 a URI. */
		json_put_member(w, S("type"), e->outgoing ? S("5") : S("2"));
		json_object_end(w);
	}
	json_object_end(w);
	json_array_end(w);
}

static void put_reference(struct json_writer *w, const char *format, struct str a, struct str b, int64_t version)
{
	char text[256];
	int n = version ? snprintf(text, sizeof(text), "%.*s/%.*s/_history/%lld", STR_ARG(a), STR_ARG(b),
				   (long long)version)
			: snprintf(text, sizeof(text), format, STR_ARG(a), STR_ARG(b));
	if (n < 0 || (size_t)n >= sizeof(text))
		return;
	json_key(w, S("what"));
	json_object_begin(w);
	json_put_member(w, S("reference"), str_make(text, (size_t)n));
	json_object_end(w);
}

/* What was touched, whose it was, what was asked: each an entity with its role. */
static void put_entities(struct json_writer *w, struct arena *a, const struct audit_event *e)
{
	if (!e->id.n && !e->patient.n && !e->query.n)
		return;
	json_key(w, S("entity"));
	json_array_begin(w);
	if (e->type.n && e->id.n) {
		json_object_begin(w);
		put_reference(w, "%.*s/%.*s", e->type, e->id, e->outgoing ? 0 : e->version);
		put_coding(w, S("role"), "http://terminology.hl7.org/CodeSystem/object-role", S("4"));
		json_object_end(w);
	}
	if (e->patient.n) {
		json_object_begin(w);
		put_reference(w, "%.*s%.*s", e->patient, S(""), 0);
		put_coding(w, S("role"), "http://terminology.hl7.org/CodeSystem/object-role", S("1"));
		json_object_end(w);
	}
	if (e->query.n) {
		struct buf encoded;
		buf_init(&encoded, (size_t)1 << 20);
		encode_base64(&encoded, e->query);
		struct str text = buf_ok(&encoded) ? arena_str(a, buf_str(&encoded)) : STR_NULL;
		buf_done(&encoded);
		json_object_begin(w);
		put_coding(w, S("role"), "http://terminology.hl7.org/CodeSystem/object-role", S("24"));
		json_put_member(w, S("description"), e->type);
		json_put_member(w, S("query"), text);
		json_object_end(w);
	}
	json_array_end(w);
}

static struct str audit_id(struct arena *a, const struct audit_row *row)
{
	return arena_printf(a, "%lld", (long long)row->number);
}

static void write_event(struct rest_call *call, const struct audit_row *row, struct buf *out)
{
	const struct audit_event *e = &row->event;
	struct json_writer w = json_writer(out);
	char action[1] = {e->action}, outcome[1] = {(char)('0' + e->outcome)};
	bool rest = e->http_status != 0;
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("AuditEvent"));
	json_put_member(&w, S("id"), audit_id(call->arena, row));
	json_key(&w, S("meta"));
	json_object_begin(&w);
	json_put_member(&w, S("versionId"), S("1"));
	json_put_member(&w, S("lastUpdated"), instant_text(call->arena, row->time_ms));
	json_object_end(&w);
	put_coding(&w, S("type"), "http://terminology.hl7.org/CodeSystem/audit-event-type",
		   rest ? S("rest") : S("object"));
	json_key(&w, S("subtype"));
	json_array_begin(&w);
	json_object_begin(&w);
	json_put_member(&w, S("system"), S("http://hl7.org/fhir/restful-interaction"));
	json_put_member(&w, S("code"), e->interaction);
	json_object_end(&w);
	json_array_end(&w);
	json_put_member(&w, S("action"), str_make(action, 1));
	json_put_member(&w, S("recorded"), instant_text(call->arena, row->time_ms));
	json_put_member(&w, S("outcome"), str_make(outcome, 1));
	if (e->detail.n)
		json_put_member(&w, S("outcomeDesc"), e->detail);
	put_agent(&w, e);
	json_key(&w, S("source"));
	json_put_raw(&w, S("{\"observer\":{\"display\":\"Firth\"}}"));
	put_entities(&w, call->arena, e);
	json_object_end(&w);
}

static bool take_reading(struct rest_call *call, int status, struct str query, struct error *err)
{
	struct audit_event event = audit_describe(call, status, NULL);
	event.query = query;
	return audit_take(call, &event, err);
}

/* The chain is about everybody, and its rows are not taken apart by whom they are about. */
static bool may_read(const struct rest_call *call, struct error *err)
{
	return !call->pass ||
	       access_is_whole(call->pass, call->type, is_search(call->interaction) ? SCOPE_S : SCOPE_R) ||
	       decision_refuse(call->decision, CHECK_SCOPE, REFUSAL_SCOPE_MISSING, call->grant.scope_text,
			       S("system/AuditEvent.rs"), S("AuditEvents are for tokens that may read all of them"),
			       err);
}

bool audit_event_read(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	struct audit_row *rows;
	size_t count;
	int64_t number = 0, version = 1;
	if (!may_read(call, err))
		return false;
	bool sane = str_to_i64(call->id, &number) && number > 0 && number < INT64_MAX &&
		    (!call->version.p || str_to_i64(call->version, &version));
	if (sane && !store_audit_list(call->server->o.store, call->arena, number + 1, 1, &rows, &count, err))
		return false;
	if (!sane || version != 1 || !count || rows[0].number != number)
		return error_set(err, ERR_NOT_FOUND, "There is no AuditEvent with this id");
	answer_version(call, answer, 1, rows[0].time_ms);
	write_event(call, &rows[0], &answer->body);
	return take_reading(call, 200, STR_NULL, err);
}

/* Newest first; only paging may be asked for. */
static bool read_query(struct rest_call *call, int64_t *ret_count, struct str *ret_cursor, struct error *err)
{
	static const char *const known[] = {"_count", "_cursor", "_format", "_pretty", "_sort"};
	struct str rest = call->query, count;
	while (rest.p && rest.n) {
		struct str pair = str_split(&rest, '&'), name = str_split(&pair, '=');
		bool found = !name.n;
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			found = found || str_is(name, known[i]);
		if (!found && !call->lenient)
			return error_set(err, ERR_UNKNOWN_PARAM,
					 "AuditEvents are listed newest first and cannot be searched; only _count is "
					 "known");
	}
	*ret_count = SEARCH_COUNT_DEFAULT;
	if (!query_value(call->arena, call->query, "_count", &count, err) ||
	    !query_value(call->arena, call->query, "_cursor", ret_cursor, err))
		return false;
	if (count.p && (!str_to_i64(count, ret_count) || *ret_count < 1))
		return error_set(err, ERR_VALUE, "_count must be a whole number above zero");
	if (*ret_count > SEARCH_COUNT_MAX)
		*ret_count = SEARCH_COUNT_MAX;
	return true;
}

static bool write_list(struct rest_call *call, const struct audit_row *rows, size_t count, struct str self,
		       struct rest_answer *answer, struct error *err)
{
	struct rest_bundle b;
	struct str base = call->server->o.base_url, next = STR_NULL;
	if (count && rows[count - 1].number > 1) {
		struct str cursor = rest_cursor_write(call, self, audit_id(call->arena, &rows[count - 1]));
		next = arena_printf(call->arena, "%.*s/AuditEvent?%.*s&_cursor=%.*s", STR_ARG(base), STR_ARG(self),
				    STR_ARG(cursor));
		if (!cursor.p || !next.p)
			return error_memory(err);
	}
	bundle_begin(&b, call, &answer->body, "searchset", -1);
	struct str url = arena_printf(call->arena, "%.*s/AuditEvent?%.*s", STR_ARG(base), STR_ARG(self));
	bundle_links(&b, (struct bundle_link[]){{"self", url}, {"next", next}}, 2);
	for (size_t i = 0; i < count; i++) {
		struct store_entry entry = {.type = call->type, .id = audit_id(call->arena, &rows[i])};
		if (!entry.id.p || !bundle_open_entry(&b, &entry, err))
			return error_memory(err);
		json_key(&b.w, S("resource"));
		json_put_raw(&b.w, S(""));
		write_event(call, &rows[i], &answer->body);
		json_key(&b.w, S("search"));
		json_put_raw(&b.w, S("{\"mode\":\"match\"}"));
		bundle_close_entry(&b);
	}
	bundle_end(&b);
	return true;
}

bool audit_event_search(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	struct audit_row *rows = NULL;
	size_t count = 0;
	int64_t wanted, before = 0;
	struct str cursor, position;
	if (!may_read(call, err) || !read_query(call, &wanted, &cursor, err))
		return false;
	struct str self = arena_printf(call->arena, "_count=%lld", (long long)wanted);
	if (!self.p)
		return error_memory(err);
	if (cursor.p && !rest_cursor_read(call, self, cursor, &position, err))
		return false;
	if (cursor.p && !str_to_i64(position, &before))
		return error_set(err, ERR_CURSOR, "%s", error_default_text(ERR_CURSOR));
	if (!store_audit_list(call->server->o.store, call->arena, before, (size_t)wanted, &rows, &count, err) ||
	    !write_list(call, rows, count, self, answer, err))
		return false;
	return take_reading(call, 200, self, err);
}
