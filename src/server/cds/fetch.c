/*
 * Getting what was not sent along from the EHR's FHIR server: each query by itself on a thread of its own, page after
 * page, within the time and bytes that all of a call share. The token goes to the origin of fhirServer and nowhere
 * else.
 */
#include "server/cds/cds_priv.h"

#include "base/clock.h"
#include "fhir/resource.h"

enum { PAGES_MAX = 100, MEMORY_FACTOR = 6, URL_MAX = 64 * 1024 };

struct page {
	struct fetch *f;
	struct http_client *client;
	struct buf merged; /* entries of all pages so far */
	size_t entries;
};

static bool missing(struct fetch *f, const char *why)
{
	return error_set(&f->err, ERR_DATA_MISSING, "prefetch %.*s: %s", STR_ARG(str_slice(f->key, 0, 60)), why);
}

/* Milliseconds that are left; 0: none. */
static unsigned time_left(const struct visit *v)
{
	uint64_t now = clock_monotonic_ns();
	return now >= v->deadline_ns ? 0 : (unsigned)((v->deadline_ns - now) / 1000000);
}

static bool count_bytes(struct fetch *f, size_t bytes)
{
	struct visit *v = f->v;
	size_t all = atomic_fetch_add(&v->fetched_bytes, bytes) + bytes;
	return all <= v->cds->o.fetch_bytes || missing(f, "the EHR sends more than cds.fetch_bytes allows");
}

static bool call(struct page *p, struct str url, struct http_answer *ret_answer)
{
	struct fetch *f = p->f;
	struct visit *v = f->v;
	unsigned left = time_left(v);
	struct error why = {0};
	/* Nothing in a request may lead out of it, by dots neither. */
	bool own = url_is_below(url_origin(v->request.fhir_server), url);
	bool bearer = own && v->request.access_token.p;
	struct http_header headers[] = {{S("Accept"), S("application/fhir+json")}, {S("Authorization"), STR_NULL}};
	if (!own)
		return missing(f, "it leads to another server than fhirServer");
	if (!left)
		return missing(f, "the EHR was not fast enough (cds.fetch_time)");
	if (bearer)
		headers[1].value = arena_printf(&f->arena, "Bearer %.*s", STR_ARG(v->request.access_token));
	const struct http_call get = {
		.method = S("GET"), .url = url, .headers = headers, .header_count = bearer ? 2 : 1, .timeout_ms = left};
	if (bearer && !headers[1].value.p)
		return error_memory(&f->err);
	if (!http_call(p->client, &f->arena, &get, ret_answer, &why))
		return missing(f, why.text);
	if (ret_answer->status != 200) {
		struct str text = arena_printf(&f->arena, "the FHIR server answers with status %d", ret_answer->status);
		return missing(f, text.p ? text.p : "the FHIR server refuses");
	}
	return count_bytes(f, ret_answer->body.n);
}

static void merge(struct page *p, const struct json *bundle)
{
	struct json_writer w = json_writer(&p->merged);
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	while (json_next(&it)) {
		if (p->entries++)
			buf_char(&p->merged, ',');
		w.comma = false;
		json_put_value(&w, it.value);
	}
}

/* A relative link is relative to the FHIR server. What templates write plainly and some servers refuse is escaped. */
static struct str absolute(struct fetch *f, struct str url)
{
	struct buf out;
	bool relative = str_find(url, S("://")) == STR_NONE || !url_origin(url).p;
	buf_init(&out, URL_MAX);
	if (relative) {
		buf_add(&out, f->v->request.fhir_server);
		buf_char(&out, '/');
	}
	for (size_t i = 0; i < url.n; i++) {
		unsigned char c = (unsigned char)url.p[i];
		if (c <= ' ' || c >= 0x7F || strchr("|\"<>\\^`{}", c))
			buf_printf(&out, "%%%02X", c);
		else
			buf_char(&out, (char)c);
	}
	struct str whole = buf_ok(&out) ? arena_str(&f->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return whole.p ? whole : S("");
}

static const struct json *get_page(struct page *p, struct str url)
{
	struct http_answer answer;
	struct error why = {0};
	if (!call(p, url, &answer))
		return NULL;
	const struct json *page = json_parse(&p->f->arena, answer.body, 0, &why);
	struct str type = json_get_str(page, S("resourceType"));
	if (!type.n || str_is(type, "OperationOutcome")) {
		missing(p->f, page ? "the FHIR server answers with no resource" : why.text);
		return NULL;
	}
	return page;
}

/* One resource, or all pages of a searchset as one. */
static bool get(struct page *p)
{
	struct fetch *f = p->f;
	const struct json *page = f->first ? f->first : get_page(p, absolute(f, f->url));
	if (!page)
		return false;
	struct str next = resource_next_page(page);
	if (!next.n) {
		f->value = page;
		return true;
	}
	buf_add(&p->merged, S("{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":["));
	merge(p, page);
	for (int n = 1; next.n; n++) {
		if (n == PAGES_MAX)
			return missing(f, "the EHR sends more pages than are followed");
		page = get_page(p, absolute(f, next));
		if (!page)
			return false;
		merge(p, page);
		next = resource_next_page(page);
	}
	buf_add(&p->merged, S("]}"));
	if (!buf_ok(&p->merged))
		return missing(f, "the EHR sends more than cds.fetch_bytes allows");
	f->value = json_parse(&f->arena, buf_str(&p->merged), 0, &f->err);
	return f->value != NULL;
}

static void done(struct visit *v)
{
	if (atomic_fetch_sub(&v->pending, 1) == 1)
		v->then(v);
}

static void run(void *ctx, void *client)
{
	struct fetch *f = ctx;
	struct page p = {.f = f, .client = client};
	buf_init(&p.merged, f->v->cds->o.fetch_bytes + 1024);
	if (!client)
		error_memory(&f->err);
	else
		(void)get(&p); /* what went wrong is in f->err */
	buf_done(&p.merged);
	done(f->v);
}

struct ending {
	struct fetch *fetches;
	size_t count;
};

static void end_round(void *arg)
{
	struct ending *e = arg;
	for (size_t i = 0; i < e->count; i++)
		arena_done(&e->fetches[i].arena);
}

void fetch_all(struct visit *v, void (*then)(struct visit *v))
{
	struct ending *e = ARENA_NEW(v->a, struct ending);
	bool kept = e && http_exchange_at_end(v->x, end_round, e);
	v->then = then;
	if (kept)
		*e = (struct ending){v->fetches, v->fetch_count};
	atomic_store(&v->pending, v->fetch_count + 1);
	for (size_t i = 0; i < v->fetch_count; i++) {
		struct fetch *f = &v->fetches[i];
		f->v = v;
		f->job = (struct workers_job){.run = run, .ctx = f};
		arena_init(&f->arena, v->cds->o.fetch_bytes * MEMORY_FACTOR);
		if (!kept)
			error_memory(&f->err);
		else if (workers_add(v->cds->workers, &f->job))
			continue;
		error_set(&f->err, ERR_BUSY, "Too many calls wait for an EHR");
		atomic_fetch_sub(&v->pending, 1);
	}
	done(v);
}
