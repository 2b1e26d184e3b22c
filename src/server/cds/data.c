/*
 * The data of a call: what was sent along, by key, and what is missing of what its service asks for. A key that was
 * sent with null has no data (CDS Hooks 2.0, "Prefetch Template"); one that was not sent is fetched.
 */
#include "server/cds/cds_priv.h"

#include "fhir/resource.h"

static bool add_value(struct visit *v, struct str key, const struct json *value, struct error *err)
{
	struct hook_prefetch_value *values =
		arena_grow(v->a, v->values, v->value_count, &v->value_capacity, v->value_count + 1, sizeof(*values));
	if (!values)
		return error_memory(err);
	v->values = values;
	values[v->value_count++] = (struct hook_prefetch_value){key, value};
	return true;
}

/* An error in place of data is no data. */
static bool is_failure(const struct json *value)
{
	return str_is(json_get_str(value, S("resourceType")), "OperationOutcome");
}

/* Only a part of what was found: there is a next page, or fewer matches are there than the Bundle counts. Without a
 * page to go on with all of it is fetched again. */
static bool is_cut(const struct json *value)
{
	struct json_iter it = json_iter(json_get(value, S("entry")));
	uint64_t total, matches = 0;
	if (!str_is(json_get_str(value, S("resourceType")), "Bundle"))
		return false;
	if (resource_next_page(value).n)
		return true;
	while (json_next(&it)) {
		struct str mode = json_get_str(json_get(it.value, S("search")), S("mode"));
		matches += !mode.n || str_is(mode, "match");
	}
	return str_to_u64(json_number(json_get(value, S("total"))), &total) && total > matches;
}

static const struct cds_template *template_of(const struct visit *v, struct str key)
{
	for (size_t i = 0; i < v->service->prefetch_count; i++)
		if (str_eq(v->service->prefetch[i].key, key))
			return &v->service->prefetch[i];
	return NULL;
}

static bool take_sent(struct visit *v, struct error *err)
{
	struct json_iter it = json_iter(v->request.prefetch);
	if (json_size(v->request.prefetch) > CDS_KEYS_MAX)
		return error_set_at(err, ERR_LIMIT, S("prefetch"), "prefetch has at most %d keys", CDS_KEYS_MAX);
	while (json_next(&it)) {
		bool null = json_is(it.value, JSON_NULL);
		if (is_failure(it.value) || (is_cut(it.value) && template_of(v, it.key)))
			continue; /* as if it had not been sent, or not yet */
		if (!add_value(v, it.key, null ? NULL : it.value, err))
			return false;
	}
	return true;
}

static bool has(const struct visit *v, struct str key)
{
	for (size_t i = 0; i < v->value_count; i++)
		if (str_eq(v->values[i].key, key))
			return true;
	return false;
}

/* ---- may anything be fetched ------------------------------------------------------------------------------------- */

/* Why not; NULL: it may be. */
static const char *fetch_barrier(const struct visit *v)
{
	const struct cds_server_options *o = &v->cds->o;
	struct str url = v->request.fhir_server;
	struct str page = http_request_header(v->x, "Origin");
	if (!url.p)
		return "it was not sent along, and there is no fhirServer to fetch it from";
	if (url_is_below(o->fhir_servers, url) || (v->caller && url_is_below(v->caller->facts->fhir_servers, url)))
		return NULL;
	if (o->loopback && url_is_loopback(url) && !page.p && url_is_below(url_origin(url), url))
		return NULL;
	return "it was not sent along, and fhirServer is none that data may be fetched from (cds.fhir_servers)";
}

static struct fetch *add_fetch(struct visit *v, struct str key, struct str url, bool optional)
{
	struct fetch *f = &v->fetches[v->fetch_count++];
	*f = (struct fetch){.key = key, .url = url, .optional = optional};
	return f;
}

static bool refuse_missing(struct visit *v, struct str key, const char *why, struct error *err)
{
	return error_set_at(err, ERR_DATA_MISSING, arena_printf(v->a, "prefetch.%.*s", STR_ARG(str_slice(key, 0, 60))),
			    "prefetch %.*s: %s", STR_ARG(str_slice(key, 0, 60)), why);
}

static void note_without(struct visit *v, struct str key)
{
	if (!str_is(key, "Medication"))
		v->without = arena_printf(v->a, "%.*s%s%.*s", STR_ARG(v->without.p ? v->without : S("")),
					  v->without.p ? ", " : "", STR_ARG(str_slice(key, 0, 60)));
}

static bool plan_template(struct visit *v, const struct cds_template *t, const char *barrier, struct error *err)
{
	struct str query = STR_NULL;
	const struct json *sent = json_get(v->request.prefetch, t->key);
	bool cut = is_cut(sent) && !is_failure(sent);
	if (has(v, t->key))
		return true;
	if (!hook_template_fill(v->a, &v->request, v->now_ms, t->query, &query, err))
		return false;
	if (!query.p && !cut)
		return true; /* without an encounter, say, there is none to fetch */
	if (barrier && !t->optional)
		return refuse_missing(v, t->key, cut ? "only a part of it was sent along" : barrier, err);
	if (barrier) {
		note_without(v, t->key);
		return !cut || add_value(v, t->key, sent, err);
	}
	struct fetch *f = add_fetch(v, t->key, query, t->optional);
	f->sent = cut ? sent : NULL;
	f->first = cut && resource_next_page(sent).n ? sent : NULL;
	return true;
}

bool data_plan(struct visit *v, struct error *err)
{
	const struct cds_service *s = v->service;
	const char *barrier = fetch_barrier(v);
	if (!take_sent(v, err))
		return false;
	v->fetches = ARENA_ARRAY(v->a, struct fetch, s->prefetch_count + 1);
	if (!v->fetches)
		return error_memory(err);
	for (size_t i = 0; i < s->prefetch_count; i++)
		if (!plan_template(v, &s->prefetch[i], barrier, err))
			return false;
	return true;
}

bool data_take(struct visit *v, struct error *err)
{
	for (size_t i = 0; i < v->fetch_count; i++) {
		struct fetch *f = &v->fetches[i];
		if (f->err.code == ERR_NONE) {
			if (!add_value(v, f->key, f->value, err))
				return false;
		} else if (f->err.code == ERR_MEMORY || f->err.code == ERR_BUSY) {
			return error_set(err, f->err.code, "%s", f->err.text);
		} else if (f->optional) {
			note_without(v, f->key);
			if (f->sent && !add_value(v, f->key, f->sent, err))
				return false;
		} else {
			return error_set_at(err, ERR_DATA_MISSING,
					    arena_printf(v->a, "prefetch.%.*s", STR_ARG(str_slice(f->key, 0, 60))),
					    "%s", f->err.text);
		}
	}
	v->fetched += v->fetch_count;
	v->fetch_count = 0;
	return true;
}

bool data_plan_references(struct visit *v, struct error *err)
{
	struct str references[CDS_REFERENCES_MAX];
	const struct hook_prefetch p = {v->values, v->value_count};
	struct error mine = {0};
	v->fetch_count = 0;
	if (!v->service->references || fetch_barrier(v))
		return true;
	size_t count = hook_orders_missing(v->a, &v->request, &p, references, CDS_REFERENCES_MAX, &mine);
	if (mine.code)
		return error_set(err, mine.code, "%s", mine.text);
	v->fetches = count ? ARENA_ARRAY(v->a, struct fetch, count) : NULL;
	if (count && !v->fetches)
		return error_memory(err);
	for (size_t i = 0; i < count; i++)
		add_fetch(v, S("Medication"), references[i], true);
	return true;
}
