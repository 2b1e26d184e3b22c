/*
 * Searches of a type, the whole system or a compartment, by GET and POST (http://hl7.org/fhir/R4/search.html): the
 * query is read, asked, and shown as a searchset.
 */
#include "base/clock.h"
#include "server/rest/rest_priv.h"

static bool is_post(enum rest_interaction i)
{
	return i == REST_SEARCH_POST || i == REST_SEARCH_SYSTEM_POST || i == REST_SEARCH_WITHIN_POST ||
	       i == REST_SEARCH_WITHIN_ALL_POST;
}

/* search.html#post: parameters may be in the body, the URL, or both. */
static bool read_form(struct rest_call *call, struct error *err)
{
	const struct http_request *r = call->request;
	if (!is_post(call->interaction) || !r->body.n)
		return true;
	if (!media_check_form(http_request_header(call->exchange, "Content-Type"), err))
		return false;
	call->query =
		r->query.n ? arena_printf(call->arena, "%.*s&%.*s", STR_ARG(r->query), STR_ARG(r->body)) : r->body;
	if (!call->query.p)
		return error_memory(err);
	return call->server->o.face || call_media(call, call->query, err);
}

/* Below the base: a type, a compartment with a type or a star, or nothing for the system. */
static struct str search_path(const struct rest_call *call)
{
	struct str type = call->type ? call->type->name : S("*");
	if (call->within)
		return arena_printf(call->arena, "/%.*s/%.*s/%.*s", STR_ARG(call->within->name),
				    STR_ARG(call->within_id), STR_ARG(type));
	return call->type ? arena_printf(call->arena, "/%.*s", STR_ARG(type)) : S("");
}

static struct str search_url(struct rest_call *call, const struct search_query *query, struct str cursor)
{
	struct str path = search_path(call);
	const char *mark = query->self.n || cursor.p ? "?" : "", *joint = query->self.n && cursor.p ? "&" : "";
	return arena_printf(call->arena, "%.*s%.*s%s%.*s%s%s%.*s", STR_ARG(call->server->o.base_url), STR_ARG(path),
			    mark, STR_ARG(query->self), joint, cursor.p ? "_cursor=" : "", STR_ARG(cursor));
}

static void add_outcome(struct rest_bundle *b, const struct issues *list)
{
	bundle_open_plain(b);
	json_key(&b->w, S("resource"));
	json_put_raw(&b->w, S(""));
	outcome_write(b->w.out, list);
	json_key(&b->w, S("search"));
	json_put_raw(&b->w, S("{\"mode\":\"outcome\"}"));
	bundle_close_entry(b);
}

static void add_ignored(struct rest_bundle *b, const struct search_query *query)
{
	struct issues list;
	issues_init(&list, b->call->arena);
	list.max = query->ignored_count;
	for (size_t i = 0; i < query->ignored_count; i++)
		issues_add(&list, ISSUE_WARNING, ERR_NOT_SUPPORTED, STR_NULL, "The parameter %.*s was ignored: %.*s",
			   STR_ARG(query->ignored[i].name), STR_ARG(query->ignored[i].reason));
	add_outcome(b, &list);
}

/* _explain=true: how the page was found, as an outcome entry. */
static void add_plan(struct rest_bundle *b, const struct store_plan *plan)
{
	struct issues list;
	issues_init(&list, b->call->arena);
	list.max = plan->part_count + 1;
	for (size_t i = 0; i < plan->part_count; i++) {
		const struct store_plan_part *part = &plan->parts[i];
		if (part->way.p)
			issues_add(&list, ISSUE_INFORMATION, ERR_NONE, STR_NULL,
				   "%.*s: candidates from %zu ranges of the index of %.*s, %s",
				   STR_ARG(part->type->name), part->ranges, STR_ARG(part->way),
				   part->ordered ? "followed as far as the page needs" : "collected first");
		else
			issues_add(&list, ISSUE_INFORMATION, ERR_NONE, STR_NULL, "%.*s: all are candidates",
				   STR_ARG(part->type->name));
	}
	issues_add(&list, ISSUE_INFORMATION, ERR_NONE, STR_NULL,
		   "Ordered by %s; %llu index rows counted or collected, %llu versions looked at, %llu microseconds",
		   plan->order, (unsigned long long)plan->rows, (unsigned long long)plan->looked,
		   (unsigned long long)plan->took_us);
	add_outcome(b, &list);
}

static bool write_searchset(struct rest_call *call, const struct search_query *query, const struct store_page *page,
			    struct rest_answer *answer, struct error *err)
{
	struct rest_bundle b;
	struct str next = rest_cursor_write(call, query->self, page->next);
	struct str self = search_url(call, query, query->cursor);
	if (!self.p || (page->next.p && !next.p))
		return error_memory(err);
	bundle_begin(&b, call, &answer->body, "searchset", page->total);
	const struct bundle_link links[] = {{"self", self},
					    {"next", next.p ? search_url(call, query, next) : STR_NULL},
					    {"first", query->cursor.p ? search_url(call, query, STR_NULL) : STR_NULL}};
	bundle_links(&b, links, 3);
	for (size_t i = 0; i < page->count; i++) {
		const struct store_entry *e = &page->entries[i];
		if (!bundle_open_entry(&b, e, err))
			return false;
		json_key(&b.w, S("search"));
		json_put_raw(&b.w, e->included ? S("{\"mode\":\"include\"}") : S("{\"mode\":\"match\"}"));
		bundle_close_entry(&b);
	}
	if (query->ignored_count)
		add_ignored(&b, query);
	if (page->plan)
		add_plan(&b, page->plan);
	bundle_end(&b);
	return true;
}

const struct extractor *call_extractor(const struct rest_call *call)
{
	return call->parameters ? call->parameters->extractor : call->server->o.extractor;
}

struct search_options call_search_options(const struct rest_call *call)
{
	const struct rest_server *s = call->server;
	const struct parameter_set *set = call->parameters;
	bool adding = set && set->adding;
	return (struct search_options){.lenient = call->lenient,
				       .base = s->o.base_url,
				       .now_ms = clock_now_ms(),
				       .registry = set ? set->registry : NULL,
				       .adding = adding ? set->adding : NULL,
				       .adding_progress =
					       adding ? parameters_progress(s->parameters, call->arena) : STR_NULL,
				       .terminology = s->o.knowledge ? &s->terminology : NULL,
				       .count_max = s->o.limits.page,
				       .chain_depth = s->o.limits.chain};
}

static bool parse_query(struct rest_call *call, struct search_query *query, struct error *err)
{
	const struct rest_options *o = &call->server->o;
	struct search_options options = call_search_options(call);
	if (call->type && !call->within)
		return search_parse(o->definitions, call->arena, call->type, call->query, &options, query, err);
	struct search_scope scope = {
		.type = call->type, .compartment = call->within, .compartment_id = call->within_id};
	if (call->within && !fhir_id_valid(call->within_id))
		return error_set(err, ERR_NOT_FOUND, "There is no %.*s with this id: it is not a valid id",
				 STR_ARG(call->within->name));
	return search_parse_scope(o->definitions, call->arena, &scope, call->query, &options, query, err);
}

static bool names_types(struct str query)
{
	while (query.n)
		if (str_starts(str_split(&query, '&'), S("_type=")))
			return true;
	return false;
}

static bool find_page(struct rest_call *call, struct str position, struct search_query *query,
		      struct store_page *ret_page, struct error *err)
{
	const struct rest_options *o = &call->server->o;
	if (!parse_query(call, query, err) ||
	    !rights_to_query(call, query, call->type || names_types(call->query), err))
		return false;
	if (query->explain && !rights_to_operate(call, "_explain", err))
		return false;
	if (query->cursor.p && !(o->face && o->face->page) &&
	    !rest_cursor_read(call, query->self, query->cursor, &position, err))
		return false;
	const struct store_search_options how = {.position = position, .explain = query->explain};
	if (!call_search(call, call->arena, query, &how, ret_page, err))
		return false;
	return view_of_search(call, query, err);
}

bool search_answer(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	const struct rest_face *face = call->server->o.face;
	struct str position = STR_NULL;
	struct search_query query = {0};
	struct store_page page = {0};
	bool ok = true, done = false;
	if (!read_form(call, err))
		return false;
	if (is_audit_event(call->type))
		return audit_event_search(call, answer, err);
	if (face && face->page)
		done = !face->page(face->ctx, call, &position, answer);
	if (!done && face && face->search)
		done = !face->search(face->ctx, call, answer);
	if (!done && !find_page(call, position, &query, &page, err))
		return false;
	if (!done && face && face->searchset)
		ok = face->searchset(face->ctx, call, &query, &page, answer, err);
	else if (!done)
		ok = write_searchset(call, &query, &page, answer, err);
	if (!ok)
		return false;
	struct audit_event event = audit_describe(call, answer->status, NULL);
	event.query = done ? call->query : query.self;
	event.patient = call->within && str_is(call->within->name, "Patient")
				? arena_printf(call->arena, "Patient/%.*s", STR_ARG(call->within_id))
				: audit_query_patient(call->arena, &query);
	return audit_take(call, &event, err);
}
