/*
 * A search, page by page: by the server's own `next`, taken as it is, until there is none. Totals are not believed (one
 * vendor states the page's size there, the other nothing). Pages may repeat an entry, so it is kept in mind what went
 * by and how new it was; outcomes among the entries are warnings, never matches.
 */
#include <stdlib.h>

#include "ehr/ehr_priv.h"
#include "ehr/seen.h"
#include "fhir/resource.h"

enum { PAGES_MAX = 100000, MATCHES_MAX = 2000000, QUERY_MAX = 64 << 10 };

struct ehr_pages {
	struct ehr_client *c;
	struct arena arena; /* type, queries, warning */
	struct ehr_pages_options o;
	struct str *queries;
	size_t at; /* which of them */
	size_t page; /* of this query */
	bool restarted; /* this query */
	struct str patient; /* of this query */
	struct buf next; /* the address of the next page; empty: none is left */
	struct ehr_seen seen; /* resources */
	struct ehr_seen addresses; /* already read */
	struct ehr_tally tally;
};

/* One page on its way. */
struct taking {
	struct ehr_pages *p;
	struct arena *a;
	struct ehr_page page;
	size_t capacity, withdrawn_capacity, included_capacity;
	struct buf text; /* the bytes of all of it: room in the arena that does not move */
	struct ehr_failure *f;
};

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* What of the query is for the audit record: who it is about. */
static struct str patient_of(struct arena *a, struct str query)
{
	while (query.p) {
		struct str part = str_split(&query, '&');
		if (str_starts(part, S("patient=")))
			return arena_printf(a, "Patient/%.*s", STR_ARG(str_slice(part, 8, part.n)));
	}
	return STR_NULL;
}

static bool begin_query(struct ehr_pages *p)
{
	struct str query = p->queries[p->at];
	buf_reset(&p->next);
	buf_printf(&p->next, "%.*s/%.*s%s%.*s", STR_ARG(p->c->config.base_url), STR_ARG(p->o.type), query.n ? "?" : "",
		   STR_ARG(query));
	p->patient = patient_of(&p->arena, query);
	p->page = 0;
	ehr_seen_clear(&p->addresses);
	return buf_ok(&p->next);
}

static bool copy_options(struct ehr_pages *p, const struct ehr_pages_options *options)
{
	p->o = *options;
	p->o.type = arena_str(&p->arena, options->type);
	p->queries = ARENA_ARRAY(&p->arena, struct str, options->query_count);
	bool ok = p->o.type.p && p->queries;
	for (size_t i = 0; i < options->query_count && ok; i++) {
		p->queries[i] = arena_str(&p->arena, options->queries[i]);
		ok = p->queries[i].p != NULL;
	}
	return ok;
}

struct ehr_pages *ehr_pages_open(struct ehr_client *c, const struct ehr_pages_options *options, struct error *err)
{
	struct ehr_pages *p = calloc(1, sizeof *p);
	if (!p) {
		error_memory(err);
		return NULL;
	}
	p->c = c;
	arena_init(&p->arena, 64 * QUERY_MAX);
	buf_init(&p->next, QUERY_MAX);
	ehr_seen_init(&p->seen, MATCHES_MAX);
	ehr_seen_init(&p->addresses, PAGES_MAX + 1);
	bool ok = copy_options(p, options) || error_memory(err);
	if (ok && p->o.query_count && !begin_query(p))
		ok = error_set(err, ERR_LIMIT, "the query is longer than %d bytes", QUERY_MAX);
	if (ok)
		return p;
	ehr_pages_close(p);
	return NULL;
}

void ehr_pages_close(struct ehr_pages *p)
{
	if (!p)
		return;
	ehr_seen_done(&p->seen);
	ehr_seen_done(&p->addresses);
	buf_done(&p->next);
	arena_done(&p->arena);
	free(p);
}

const struct ehr_tally *ehr_pages_tally(const struct ehr_pages *p)
{
	return &p->tally;
}

static bool no_memory(const struct ehr_pages *p, struct ehr_failure *f)
{
	return ehr_fail(p->c, f, ERR_MEMORY, "not enough memory for the results of a search");
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

/* How new: meta.lastUpdated, then a number as version. False: the vendor says neither. */
static bool stamp_of(const struct json *resource, int64_t *ret_stamp)
{
	const struct json *meta = json_get(resource, S("meta"));
	int64_t high;
	uint64_t version;
	if (date_range(json_get_str(meta, S("lastUpdated")), ret_stamp, &high))
		return true;
	if (!str_to_u64(json_get_str(meta, S("versionId")), &version) || version > INT64_MAX)
		return false;
	*ret_stamp = (int64_t)version;
	return true;
}

/* Is it to be handed out? *ret_newer: it was before, in an older version. Without versions another content is newer. */
static bool is_due(struct taking *t, const struct ehr_resource *item, bool *ret_due, bool *ret_newer)
{
	struct ehr_pages *p = t->p;
	bool fresh;
	int64_t now, *was = ehr_seen_put(&p->seen, item->type, item->id, &fresh);
	if (!was)
		return p->seen.count >= p->seen.max
			       ? ehr_fail(p->c, t->f, ERR_LIMIT, "the search of %.*s has more than %d results",
					  STR_ARG(item->type), MATCHES_MAX)
			       : no_memory(p, t->f);
	bool stamped = stamp_of(item->resource, &now);
	if (!stamped)
		now = (int64_t)str_hash(item->body);
	*ret_due = fresh || (stamped ? now > *was : now != *was);
	*ret_newer = !fresh;
	p->tally.duplicates += !fresh;
	p->tally.newer += !fresh && *ret_due;
	if (*ret_due)
		*was = now;
	return true;
}

static bool push(struct taking *t, struct ehr_resource **items, size_t *count, size_t *capacity,
		 const struct ehr_resource *item)
{
	struct ehr_resource *longer = arena_grow(t->a, *items, *count, capacity, *count + 1, sizeof *longer);
	if (!longer)
		return no_memory(t->p, t->f);
	*items = longer;
	longer[(*count)++] = *item;
	return true;
}

static bool take_resource(struct taking *t, const struct json *resource, bool included)
{
	struct ehr_page *page = &t->page;
	struct ehr_resource item = {.resource = resource,
				    .type = json_get_str(resource, S("resourceType")),
				    .id = json_get_str(resource, S("id")),
				    .version = json_get_str(json_get(resource, S("meta")), S("versionId"))};
	bool due = false;
	size_t from = t->text.n;
	struct json_writer w = json_writer(&t->text);
	if (!item.id.n || !item.type.n || (!included && !str_eq(item.type, t->p->o.type))) {
		t->p->tally.skipped++;
		return true;
	}
	json_put_value(&w, resource);
	item.body = str_slice(buf_str(&t->text), from, t->text.n);
	if (!buf_ok(&t->text))
		return no_memory(t->p, t->f);
	if (!is_due(t, &item, &due, &item.newer))
		return false;
	if (!due) {
		t->text.n = from;
		return true;
	}
	if (included)
		return push(t, &page->included, &page->included_count, &t->included_capacity, &item);
	if (t->p->c->rules->withdraws && resource_is_withdrawn(resource))
		return push(t, &page->withdrawn, &page->withdrawn_count, &t->withdrawn_capacity, &item);
	return push(t, &page->items, &page->count, &t->capacity, &item);
}

static bool is_outside(const struct ehr_pages *p, const struct json *issue)
{
	const char *words = p->c->rules->outside;
	return words && str_find(json_get_str(issue, S("diagnostics")), str_from(words)) != STR_NONE;
}

static void take_warnings(struct ehr_pages *p, const struct json *outcome)
{
	p->tally.outcomes++;
	struct json_iter it = json_iter(json_get(outcome, S("issue")));
	while (json_next(&it)) {
		struct str code = ehr_issue_code(it.value);
		const struct ehr_code *known = ehr_code_find(p->c->rules, code);
		if (known && known->incomplete && !is_outside(p, it.value))
			p->tally.incomplete = true;
		bool found_nothing = str_is(code, "4101");
		if (p->tally.warning.p || found_nothing || !str_is(json_get_str(it.value, S("severity")), "warning"))
			continue;
		p->tally.warning = arena_printf(&p->arena, "%.*s: %s (%.*s%s%.*s)", STR_ARG(p->c->config.name),
						known ? known->sentence : "the EHR gave a warning", STR_ARG(p->o.type),
						code.n ? ", code " : "", STR_ARG(code));
	}
}

/* A fatal issue among the entries: there are no results, whatever else is there. */
static bool take_failure(struct taking *t, const struct json *outcome)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	struct json_writer w = json_writer(&text);
	json_put_value(&w, outcome);
	const struct http_answer answer = {
		.status = 200, .content_type = S("application/fhir+json"), .body = buf_str(&text)};
	const struct ehr_request request = {.type = t->p->o.type, .interaction = "search-type"};
	ehr_fail_answer(t->p->c, t->a, &request, &answer, t->f);
	buf_done(&text);
	return false;
}

static bool take_entry(struct taking *t, const struct json *entry)
{
	const struct json *resource = json_get(entry, S("resource"));
	struct str mode = json_get_str(json_get(entry, S("search")), S("mode"));
	if (str_is(json_get_str(resource, S("resourceType")), "OperationOutcome")) {
		if (ehr_outcome_failed(resource))
			return take_failure(t, resource);
		take_warnings(t->p, resource);
		return true;
	}
	if (!mode.p || str_is(mode, "match"))
		return take_resource(t, resource, false);
	t->p->tally.outcomes += str_is(mode, "outcome");
	return !t->p->o.included || !str_is(mode, "include") || take_resource(t, resource, true);
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

/* The address of the next page; false when it must not be followed. */
static bool follow(struct taking *t, const struct json *bundle, struct str from)
{
	struct ehr_pages *p = t->p;
	struct str link = resource_next_page(bundle);
	struct str url = link.p ? ehr_url_resolve(t->a, from, link) : STR_NULL;
	if (link.p && (!url.p || !ehr_url_same_origin(url, p->c->config.base_url)))
		return ehr_fail(p->c, t->f, ERR_REMOTE,
				"the next page of %.*s is at another host than the EHR; it is not followed",
				STR_ARG(p->o.type));
	buf_reset(&p->next);
	buf_add(&p->next, url);
	return buf_ok(&p->next) ||
	       ehr_fail(p->c, t->f, ERR_TOO_LARGE, "the address of the next page of %.*s is longer than %d bytes",
			STR_ARG(p->o.type), QUERY_MAX);
}

/* Each address once. */
static bool enter(struct taking *t, struct str url)
{
	struct ehr_pages *p = t->p;
	bool fresh;
	if (p->page >= PAGES_MAX || !ehr_seen_put(&p->addresses, url, STR_NULL, &fresh))
		return ehr_fail(p->c, t->f, ERR_LIMIT, "the search of %.*s has more than %d pages", STR_ARG(p->o.type),
				PAGES_MAX);
	return fresh ||
	       ehr_fail(p->c, t->f, ERR_REMOTE, "the pages of %.*s lead back to one already read", STR_ARG(p->o.type));
}

/* Written compactly, resources are no longer than they came; twice that is never too little. */
static bool make_room(struct taking *t, size_t came)
{
	size_t room = 2 * came + 64;
	t->text = (struct buf){.p = arena_alloc(t->a, room), .cap = room, .max = room};
	return t->text.p || no_memory(t->p, t->f);
}

static bool read_page(struct taking *t)
{
	struct ehr_pages *p = t->p;
	struct str url = arena_str(t->a, buf_str(&p->next));
	struct ehr_request request = {
		.method = S("GET"),
		.url = url,
		.authorize = true,
		.repeatable = true,
		.want_json = true,
		.want_type = S("Bundle"),
		.action = 'E',
		.interaction = "search-type",
		.type = p->o.type,
		.query = p->queries[p->at],
		.patient = p->patient,
	};
	struct ehr_reply reply;
	if (!url.p)
		return no_memory(p, t->f);
	if (!enter(t, url) || !ehr_send(p->c, t->a, &request, &reply, t->f))
		return false;
	p->tally.pages++;
	p->page++;
	if (!make_room(t, reply.http.body.n))
		return false;
	struct json_iter it = json_iter(json_get(reply.json, S("entry")));
	while (json_next(&it))
		if (!take_entry(t, it.value))
			return false;
	return follow(t, reply.json, url);
}

/* The next query when this one has no page left; false when there is none. */
static bool next_query(struct ehr_pages *p)
{
	while (!p->next.n && p->at + 1 < p->o.query_count) {
		p->at++;
		p->restarted = false;
		if (!begin_query(p))
			return false;
	}
	return p->next.n > 0;
}

bool ehr_pages_next(struct ehr_pages *p, struct arena *a, struct ehr_page *ret_page, bool *ret_more,
		    struct ehr_failure *ret_failure)
{
	struct ehr_failure f = {0};
	*ret_more = next_query(p);
	if (!*ret_more)
		return true;
	for (;;) {
		struct taking t = {.p = p, .a = a, .f = &f};
		if (read_page(&t)) {
			*ret_page = t.page;
			return true;
		}
		if (f.error.code != ERR_CURSOR || !p->page || p->o.no_restart || p->restarted)
			break;
		p->tally.restarts++; /* the server forgot the search: once more from the start */
		p->restarted = true;
		if (!begin_query(p))
			break;
		f = (struct ehr_failure){0};
	}
	*ret_failure = f;
	return false;
}
