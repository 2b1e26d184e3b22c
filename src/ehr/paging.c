/*
 * Searching: every page by the server's own `next`, taken as it is, until there is none. Totals are not believed
 * (one vendor states the page's size there, the other nothing). Pages may repeat an entry, so each type and id is kept
 * once, in its newest version; outcomes among the entries are warnings, never matches.
 */
#include "base/map.h"
#include "ehr/ehr_priv.h"
#include "fhir/resource.h"

enum { PAGES_MAX = 10000, MATCHES_MAX = 2000000 };

struct collection {
	struct ehr_client *c;
	struct arena *a;
	struct str type;
	struct map seen; /* "Type/id" to the position in items */
	struct map pages; /* addresses already read */
	struct ehr_resource *items;
	size_t count, capacity;
	struct ehr_matches result;
};

/* ---- entries ------------------------------------------------------------------------------------------------------
 */

static bool is_withdrawn(const struct json *resource)
{
	struct str status = str_trim(json_get_str(resource, S("status"))); /* seen with a trailing blank */
	if (str_is(status, "entered-in-error"))
		return true;
	struct json_iter it = json_iter(json_get(json_get(resource, S("verificationStatus")), S("coding")));
	while (json_next(&it))
		if (str_is(str_trim(json_get_str(it.value, S("code"))), "entered-in-error"))
			return true;
	return false;
}

/* Is b newer than a? By meta.lastUpdated, then by a number as version; what comes later wins when nothing tells. */
static bool is_newer(const struct json *a, const struct json *b)
{
	const struct json *meta_a = json_get(a, S("meta")), *meta_b = json_get(b, S("meta"));
	int64_t low_a, low_b, high;
	if (date_range(json_get_str(meta_a, S("lastUpdated")), &low_a, &high) &&
	    date_range(json_get_str(meta_b, S("lastUpdated")), &low_b, &high) && low_a != low_b)
		return low_b > low_a;
	uint64_t version_a, version_b;
	if (str_to_u64(json_get_str(meta_a, S("versionId")), &version_a) &&
	    str_to_u64(json_get_str(meta_b, S("versionId")), &version_b))
		return version_b >= version_a;
	return true;
}

static bool no_memory(struct collection *k, struct ehr_failure *f)
{
	return ehr_fail(k->c, f, ERR_MEMORY, "not enough memory for the results of a search");
}

static bool take_match(struct collection *k, const struct json *resource, struct ehr_failure *f)
{
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	if (!id.n || !str_eq(type, k->type)) {
		k->result.skipped++;
		return true;
	}
	struct str key = arena_printf(k->a, "%.*s/%.*s", STR_ARG(type), STR_ARG(id));
	bool fresh = false;
	uint64_t *at = key.p ? map_put(&k->seen, key, &fresh) : NULL;
	if (!at)
		return no_memory(k, f);
	if (!fresh) {
		k->result.duplicates++;
		if (is_newer(k->items[*at].resource, resource))
			k->items[*at].resource = resource;
		return true;
	}
	struct ehr_resource *items = arena_grow(k->a, k->items, k->count, &k->capacity, k->count + 1, sizeof *k->items);
	if (!items)
		return no_memory(k, f);
	k->items = items;
	*at = k->count;
	k->items[k->count++] = (struct ehr_resource){.resource = resource, .type = type, .id = id};
	return true;
}

static bool is_outside(const struct collection *k, const struct json *issue)
{
	const char *words = k->c->rules->outside;
	return words && str_find(json_get_str(issue, S("diagnostics")), str_from(words)) != STR_NONE;
}

static void take_warnings(struct collection *k, const struct json *outcome)
{
	k->result.outcomes++;
	struct json_iter it = json_iter(json_get(outcome, S("issue")));
	while (json_next(&it)) {
		struct str code = ehr_issue_code(it.value);
		const struct ehr_code *known = ehr_code_find(k->c->rules, code);
		if (known && known->incomplete && !is_outside(k, it.value))
			k->result.incomplete = true;
		bool found_nothing = str_is(code, "4101");
		if (k->result.warning.p || found_nothing || !str_is(json_get_str(it.value, S("severity")), "warning"))
			continue;
		k->result.warning = arena_printf(k->a, "%.*s: %s (%.*s%s%.*s)", STR_ARG(k->c->config.name),
						 known ? known->sentence : "the EHR gave a warning", STR_ARG(k->type),
						 code.n ? ", code " : "", STR_ARG(code));
	}
}

static bool take_entry(struct collection *k, const struct json *entry, struct ehr_failure *f)
{
	const struct json *resource = json_get(entry, S("resource"));
	struct str mode = json_get_str(json_get(entry, S("search")), S("mode"));
	if (str_is(json_get_str(resource, S("resourceType")), "OperationOutcome")) {
		if (!ehr_outcome_failed(resource)) {
			take_warnings(k, resource);
			return true;
		}
		struct buf text;
		buf_init(&text, 1 << 20);
		struct json_writer w = json_writer(&text);
		json_put_value(&w, resource);
		const struct http_answer answer = {
			.status = 200, .content_type = S("application/fhir+json"), .body = buf_str(&text)};
		const struct ehr_request request = {.type = k->type, .interaction = "search-type"};
		ehr_fail_answer(k->c, k->a, &request, &answer, f);
		buf_done(&text);
		return false;
	}
	if (mode.p && !str_is(mode, "match")) {
		if (str_is(mode, "outcome"))
			k->result.outcomes++;
		return true;
	}
	return take_match(k, resource, f);
}

/* ---- pages --------------------------------------------------------------------------------------------------------
 */

static struct str next_link(const struct json *bundle)
{
	struct json_iter it = json_iter(json_get(bundle, S("link")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("relation")), "next"))
			return json_get_str(it.value, S("url"));
	return STR_NULL;
}

/* The address of the next page, STR_NULL at the end; false when it must not be followed. */
static bool follow(struct collection *k, const struct json *bundle, struct str from, struct str *ret_url,
		   struct ehr_failure *f)
{
	struct str link = next_link(bundle);
	*ret_url = STR_NULL;
	if (!link.p)
		return true;
	struct str url = ehr_url_resolve(k->a, from, link);
	if (!url.p || !ehr_url_same_origin(url, k->c->config.base_url))
		return ehr_fail(k->c, f, ERR_REMOTE,
				"the next page of %.*s is at another host than the EHR; it is not followed",
				STR_ARG(k->type));
	bool fresh = false;
	if (!map_put(&k->pages, url, &fresh))
		return no_memory(k, f);
	if (!fresh)
		return ehr_fail(k->c, f, ERR_REMOTE, "the pages of %.*s lead back to one already read",
				STR_ARG(k->type));
	*ret_url = url;
	return true;
}

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

static bool read_pages(struct collection *k, struct str query, struct ehr_failure *f)
{
	struct str base = k->c->config.base_url;
	struct str url = arena_printf(k->a, "%.*s/%.*s%s%.*s", STR_ARG(base), STR_ARG(k->type), query.n ? "?" : "",
				      STR_ARG(query));
	struct str patient = patient_of(k->a, query);
	if (!url.p || !map_put(&k->pages, url, NULL))
		return no_memory(k, f);
	while (url.p) {
		if (k->result.pages >= PAGES_MAX)
			return ehr_fail(k->c, f, ERR_LIMIT, "the search of %.*s has more than %d pages",
					STR_ARG(k->type), PAGES_MAX);
		struct ehr_request request = {
			.method = S("GET"),
			.url = url,
			.authorize = true,
			.repeatable = true,
			.want_json = true,
			.want_type = S("Bundle"),
			.action = 'E',
			.interaction = "search-type",
			.type = k->type,
			.query = query,
			.patient = patient,
		};
		struct ehr_reply reply;
		if (!ehr_send(k->c, k->a, &request, &reply, f))
			return false;
		k->result.pages++;
		struct json_iter it = json_iter(json_get(reply.json, S("entry")));
		while (json_next(&it))
			if (!take_entry(k, it.value, f))
				return false;
		if (!follow(k, reply.json, url, &url, f))
			return false;
	}
	return true;
}

/* ---- the result ---------------------------------------------------------------------------------------------------
 */

static bool write_body(struct arena *a, struct ehr_resource *item)
{
	struct buf text;
	buf_init(&text, 256 << 20);
	struct json_writer w = json_writer(&text);
	json_put_value(&w, item->resource);
	item->body = buf_ok(&text) ? arena_str(a, buf_str(&text)) : STR_NULL;
	item->version = json_get_str(json_get(item->resource, S("meta")), S("versionId"));
	buf_done(&text);
	return item->body.p != NULL;
}

/* Sets apart what was entered in error: kept in order at the end of the same array. */
static bool finish(struct collection *k, struct ehr_matches *ret_matches, struct ehr_failure *f)
{
	struct ehr_resource *sorted = ARENA_ARRAY(k->a, struct ehr_resource, k->count ? k->count : 1);
	if (!sorted)
		return no_memory(k, f);
	size_t kept = 0;
	for (int withdrawn = 0; withdrawn < 2; withdrawn++) {
		for (size_t i = 0; i < k->count; i++) {
			bool is = k->c->rules->withdraws && is_withdrawn(k->items[i].resource);
			if (is != (withdrawn == 1))
				continue;
			if (!write_body(k->a, &k->items[i]))
				return no_memory(k, f);
			sorted[kept++] = k->items[i];
		}
		if (!withdrawn)
			k->result.count = kept;
	}
	k->result.items = sorted;
	k->result.withdrawn = sorted + k->result.count;
	k->result.withdrawn_count = kept - k->result.count;
	*ret_matches = k->result;
	return true;
}

bool ehr_search(struct ehr_client *c, struct arena *a, struct str type, struct str query,
		struct ehr_matches *ret_matches, struct ehr_failure *ret_failure)
{
	bool ok = false;
	for (int round = 0; round < 2; round++) {
		struct collection k = {.c = c, .a = a, .type = type};
		map_init(&k.seen, MATCHES_MAX);
		map_init(&k.pages, PAGES_MAX + 1);
		struct ehr_failure f = {0};
		ok = read_pages(&k, query, &f) && finish(&k, ret_matches, &f);
		bool session_over = !ok && f.error.code == ERR_CURSOR && k.result.pages > 0;
		map_done(&k.seen);
		map_done(&k.pages);
		if (!ok)
			*ret_failure = f;
		if (!session_over)
			break; /* otherwise the server forgot the search: once more from the start */
	}
	return ok;
}
