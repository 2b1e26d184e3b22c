/*
 * What a call may see and change of what is stored: every resource that is read by id, by its history or by a search
 * comes through here. What the caller's pass leaves out is answered with the very words for what does not exist.
 */
#include "base/clock.h"
#include "server/rest/rest_priv.h"

/* ---- judging --------------------------------------------------------------------------------------------------------
 */

static struct access_judge judge_of(const struct rest_call *call, struct arena *a)
{
	return (struct access_judge){a, call_extractor(call)};
}

static bool judge(const struct rest_call *call, struct arena *a, unsigned permission, struct access_subject *subject,
		  bool *ret_meets, struct error *err)
{
	*ret_meets = true;
	if (!call || !call->pass)
		return true;
	const struct criterion *c = access_criterion(call->pass, subject->type, permission);
	const struct access_judge how = judge_of(call, a);
	return !c || access_meets(call->pass, &how, c, subject, ret_meets, err);
}

static struct access_subject subject_of(const struct store_entry *e)
{
	return (struct access_subject){.type = e->type, .id = e->id, .updated_ms = e->updated_ms, .body = e->body};
}

bool call_may(const struct rest_call *call, struct arena *a, unsigned permission, const struct store_entry *entry,
	      bool *ret_may, struct error *err)
{
	struct access_subject subject = subject_of(entry);
	return judge(call, a, permission, &subject, ret_may, err);
}

static void conceal(const struct rest_call *call, struct arena *a, unsigned permission, const struct store_entry *entry)
{
	struct access_subject subject = subject_of(entry);
	const struct access_judge how = judge_of(call, a);
	access_conceal(call->pass, &how, &subject, permission, call->decision);
}

/* A deletion is there for those who could see what was deleted. */
static bool may_see_deletion(const struct rest_call *call, struct arena *a, unsigned permission,
			     const struct store_entry *deletion, bool *ret_may, struct error *err)
{
	struct store_entry before = {0};
	struct error why = {0};
	*ret_may = !call->pass || !access_criterion(call->pass, deletion->type, permission);
	if (*ret_may || deletion->version < 2)
		return true;
	if (store_read(call->server->o.store, a, deletion->type, deletion->id, deletion->version - 1, &before, &why))
		return call_may(call, a, permission, &before, ret_may, err);
	return why.code == ERR_NOT_FOUND || why.code == ERR_GONE || error_set(err, why.code, "%s", why.text);
}

/* ---- masks ----------------------------------------------------------------------------------------------------------
 */

bool call_mask(const struct rest_call *call, struct arena *a, struct store_entry *entry, struct error *err)
{
	if (!call || !call->pass || !entry->body.p || !access_masks(call->pass, NULL))
		return true;
	if (!access_masks(call->pass, entry->type) && str_find(entry->body, S("\"contained\":[")) == STR_NONE)
		return true;
	return access_mask(call->pass, a, entry->type, entry->body, &entry->body, err);
}

static bool mask_page(const struct rest_call *call, struct arena *a, struct store_page *page, struct error *err)
{
	for (size_t i = 0; i < page->count; i++)
		if (!call_mask(call, a, &page->entries[i], err))
			return false;
	return true;
}

const struct json *sight_unmask(const struct bundle_options *o, const struct bundle_entry *e,
				const struct json *resource, struct error *err)
{
	struct arena *a = o->preparer.arena;
	if (!resource || !o->call || !o->call->pass || !e->found_count || !access_masks(o->call->pass, NULL))
		return resource;
	const struct json *current = json_parse(a, e->found->body, 0, err);
	return current ? access_unmask(o->call->pass, a, e->type, resource, current, err) : NULL;
}

/* ---- reading --------------------------------------------------------------------------------------------------------
 */

static bool is_absent(const struct fhir_type *type, struct error *err)
{
	error_clear(err);
	return error_set(err, ERR_NOT_FOUND, "There is no such %.*s", STR_ARG(type->name));
}

bool call_find(const struct rest_call *call, struct arena *a, const struct fhir_type *type, struct str id,
	       int64_t version, struct store_entry *ret_entry, struct error *err)
{
	struct error why = {0};
	bool may = false;
	*ret_entry = (struct store_entry){0};
	if (store_read(call->server->o.store, a, type, id, version, ret_entry, &why)) {
		if (!call_may(call, a, SCOPE_R, ret_entry, &may, err))
			return false;
	} else if (why.code == ERR_GONE) {
		ret_entry->type = type;
		ret_entry->id = id;
		if (!may_see_deletion(call, a, SCOPE_R, ret_entry, &may, err))
			return false;
	} else if (why.code != ERR_NOT_FOUND) {
		return error_set(err, why.code, "%s", why.text);
	}
	if (!may) {
		if (ret_entry->version && call->pass)
			conceal(call, a, SCOPE_R, ret_entry);
		*ret_entry = (struct store_entry){0};
		return is_absent(type, err);
	}
	if (!why.code)
		return call_mask(call, a, ret_entry, err);
	return error_set(err, why.code, "%s", why.text);
}

void call_restrict(const struct rest_call *call, struct search_query *query)
{
	query->access = call->pass ? access_search(call->pass) : NULL;
}

bool call_search(const struct rest_call *call, struct arena *a, const struct search_query *query,
		 const struct store_search_options *how, struct store_page *ret_page, struct error *err)
{
	return sight_search(call, a, query, how, ret_page, err) && mask_page(call, a, ret_page, err);
}

bool sight_search(const struct rest_call *call, struct arena *a, const struct search_query *query,
		  const struct store_search_options *how, struct store_page *ret_page, struct error *err)
{
	const struct rest_limits *limits = &call->server->o.limits;
	struct store_search_options bounded = *how;
	struct search_query restricted = *query;
	bounded.timeout_ms = limits->query_ms;
	bounded.most_includes = limits->includes;
	call_restrict(call, &restricted);
	if (!rights_to_masked(call, query, err))
		return false;
	if (store_search(call->server->o.store, a, &restricted, &bounded, ret_page, err))
		return true;
	if (err->code == ERR_TIMEOUT) {
		error_clear(err);
		error_set(
			err, ERR_TOO_COSTLY,
			"The search took longer than the limit of %u ms (limits.query); narrow it by another criterion",
			limits->query_ms);
	}
	return false;
}

/* ---- histories ------------------------------------------------------------------------------------------------------
 */

static bool is_whole(const struct rest_call *call, const struct fhir_type *type, unsigned permission)
{
	const struct definitions *d = call->server->o.definitions;
	if (!call->pass)
		return true;
	for (size_t i = 0; !type && i < definitions_resource_count(d); i++)
		if (!access_is_whole(call->pass, definitions_resource_at(d, i), permission))
			return false;
	return !type || access_is_whole(call->pass, type, permission);
}

/* Each version by what it says itself. */
static bool keep_visible(const struct rest_call *call, struct arena *a, unsigned permission, struct store_page *page,
			 struct error *err)
{
	size_t kept = 0;
	for (size_t i = 0; i < page->count; i++) {
		bool may;
		struct store_entry *e = &page->entries[i];
		if (!(e->body.p ? call_may(call, a, permission, e, &may, err)
				: may_see_deletion(call, a, permission, e, &may, err)))
			return false;
		if (may)
			page->entries[kept++] = *e;
	}
	page->count = kept;
	return true;
}

static bool add_entries(struct arena *a, struct store_page *page, const struct store_page *more, struct error *err)
{
	struct store_entry *all = ARENA_ARRAY(a, struct store_entry, page->count + more->count + 1);
	if (!all)
		return error_memory(err);
	if (page->count)
		memcpy(all, page->entries, page->count * sizeof(*all));
	if (more->count)
		memcpy(all + page->count, more->entries, more->count * sizeof(*all));
	page->entries = all;
	page->count += more->count;
	page->next = more->next;
	page->snapshot = more->snapshot;
	return true;
}

struct filling {
	const struct rest_call *call;
	struct arena *a;
	const struct store_history_query *query;
	unsigned permission;
	uint64_t deadline_ns;
};

/* What may be seen of the versions from a position on: more of them only as long as there are fewer than wanted. */
static bool fill_page(const struct filling *f, struct str position, size_t wanted, struct store_page *ret_page,
		      struct error *err)
{
	struct store_history_query next = *f->query;
	next.position = position;
	do {
		struct store_page more = {0};
		next.max = wanted - ret_page->count;
		if (!store_history(f->call->server->o.store, f->a, &next, &more, err) ||
		    !keep_visible(f->call, f->a, f->permission, &more, err) || !add_entries(f->a, ret_page, &more, err))
			return false;
		next.position = ret_page->next;
		if (clock_monotonic_ns() > f->deadline_ns)
			return error_set(err, ERR_TOO_COSTLY,
					 "The history took longer than the limit of %u ms (limits.query); narrow it "
					 "by _since",
					 f->call->server->o.limits.query_ms);
	} while (ret_page->next.p && ret_page->count < wanted);
	return true;
}

/* Pages are filled up, and have a next only if something is on it, so that their ends tell nothing of the rest. */
bool call_history(const struct rest_call *call, struct arena *a, const struct store_history_query *query,
		  unsigned permission, struct store_page *ret_page, struct error *err)
{
	struct store_page page = {.total = -1}, after = {.total = -1};
	const struct filling f = {call, a, query, permission,
				  clock_monotonic_ns() + (uint64_t)call->server->o.limits.query_ms * 1000000};
	if (is_whole(call, query->type, permission))
		return store_history(call->server->o.store, a, query, ret_page, err) &&
		       mask_page(call, a, ret_page, err);
	if (!fill_page(&f, query->position, query->max, &page, err))
		return false;
	if (page.next.p && !fill_page(&f, page.next, 1, &after, err))
		return false;
	if (!after.count)
		page.next = STR_NULL;
	if (!page.count && query->id.p && !query->position.p)
		return is_absent(query->type, err);
	*ret_page = page;
	return mask_page(call, a, ret_page, err);
}

/* ---- writing --------------------------------------------------------------------------------------------------------
 */

static unsigned permission_of(const struct bundle_entry *e)
{
	switch (e->method) {
	case ENTRY_CREATE:
		return SCOPE_C;
	case ENTRY_DELETE:
		return SCOPE_D;
	default:
		return SCOPE_U;
	}
}

static bool refuse(const struct rest_call *call, struct arena *a, const char *format, const struct bundle_entry *e,
		   const char *verb, struct error *err)
{
	struct str hint = arena_printf(a, format, verb, STR_ARG(e->type->name));
	return decision_refuse(call->decision, CHECK_FILTER, REFUSAL_OUTSIDE_TOKEN, STR_NULL, STR_NULL, hint, err);
}

static bool refuse_change(const struct bundle_options *o, const struct bundle_entry *e, struct error *err)
{
	return refuse(o->call, o->preparer.arena, "The token may not %s this %.*s, though it may see it", e,
		      e->method == ENTRY_DELETE ? "delete" : "change", err);
}

bool sight_of_found(const struct bundle_options *o, struct bundle_entry *e, struct error *err)
{
	bool shown;
	/* A create that found its resource shows it. */
	if (e->method == ENTRY_CREATE && e->found_count) {
		if (!call_may(o->call, o->preparer.arena, SCOPE_R, e->found, &shown, err))
			return false;
		e->hidden = !shown;
	}
	for (size_t i = 0; i < e->found_count && e->change_count; i++) {
		bool may;
		if (!call_may(o->call, o->preparer.arena, permission_of(e), &e->found[i], &may, err))
			return false;
		if (!may)
			return refuse_change(o, e, err);
	}
	return true;
}

static bool is_visible(const struct bundle_options *o, const struct store_entry *entry, bool *ret_visible,
		       struct error *err)
{
	return call_may(o->call, o->preparer.arena, SCOPE_R, entry, ret_visible, err) &&
	       (*ret_visible || call_may(o->call, o->preparer.arena, SCOPE_S, entry, ret_visible, err));
}

bool sight_chooses_ids(const struct bundle_options *o, const struct fhir_type *type)
{
	return !o->call || !o->call->pass || access_is_whole(o->call->pass, type, SCOPE_U);
}

bool sight_before(const struct bundle_options *o, struct bundle_entry *e, bool *ret_absent, struct error *err)
{
	struct error why = {0};
	bool may, visible;
	*ret_absent = false;
	if (!o->store || !o->call || !o->call->pass)
		return true;
	bool whole = access_is_whole(o->call->pass, e->type, permission_of(e));
	if (whole && (e->method == ENTRY_DELETE || !access_masks(o->call->pass, NULL)))
		return true;
	if (!call_allowed(o->call, e->type, permission_of(e), err))
		return false;
	e->found = ARENA_NEW(o->preparer.arena, struct store_entry);
	if (!e->found)
		return error_memory(err);
	if (!store_read(o->store, o->preparer.arena, e->type, e->id, 0, e->found, &why)) {
		bool absent = why.code == ERR_NOT_FOUND || why.code == ERR_GONE;
		*ret_absent = absent && !whole;
		return absent || error_set(err, why.code, "%s", why.text);
	}
	if (!call_may(o->call, o->preparer.arena, permission_of(e), e->found, &may, err))
		return false;
	if (!may) {
		if (!is_visible(o, e->found, &visible, err))
			return false;
		if (!visible)
			conceal(o->call, o->preparer.arena, permission_of(e), e->found);
		*ret_absent = !visible;
		return !visible || refuse_change(o, e, err);
	}
	e->found_count = 1;
	/* What is judged must be what is replaced. */
	if (e->version && e->version != e->found->version)
		return error_set(err, ERR_PRECONDITION,
				 "If-Match names version %lld, but the current version is %lld: W/\"%lld\"",
				 (long long)e->version, (long long)e->found->version, (long long)e->found->version);
	return true;
}

bool sight_after(const struct bundle_options *o, struct bundle_entry *e, const struct store_change *change,
		 struct error *err)
{
	const struct index_rows rows = {(struct index_row *)(uintptr_t)change->rows, change->row_count, 0};
	struct access_subject subject = {.type = change->type,
					 .id = change->id,
					 .updated_ms = clock_now_ms(),
					 .body = change->stored,
					 .rows = &rows};
	bool may, shown;
	if (!o->call || !o->call->pass)
		return true;
	if (!call_allowed(o->call, e->type, permission_of(e), err) ||
	    !judge(o->call, o->preparer.arena, permission_of(e), &subject, &may, err))
		return false;
	if (!may)
		return refuse(o->call, o->preparer.arena,
			      "The token may not %s such a %.*s: it would lie outside of what its scopes are about", e,
			      e->method == ENTRY_CREATE ? "create" : "write", err);
	if (!judge(o->call, o->preparer.arena, SCOPE_R, &subject, &shown, err))
		return false;
	e->hidden = !shown;
	return true;
}

/* ---- who asks -------------------------------------------------------------------------------------------------------
 */

struct str call_owner(const struct rest_call *call)
{
	const struct grant *g = &call->grant;
	if (!g->user.p && !g->fhir_user.p && !g->patient.p)
		return g->client_id;
	return arena_printf(call->arena, "%.*s %.*s %.*s %.*s", STR_ARG(g->client_id), STR_ARG(g->user),
			    STR_ARG(g->fhir_user), STR_ARG(g->patient));
}
