/*
 * Recorded answers of EHRs pass the client: a search gives every match once as it came, warnings are told, an error is
 * a failure with the status and the vendor's code and without their texts, a statement says whose it is, a directory
 * keeps every usable address. Reads JSON below a directory (or one file): a resource, or an answer with its request
 * (`_request` and `body`, or `response`). With SEED and COUNT so many other recordings of the same form are made of
 * each (variant.h), and answered with other media types and other bytes around the document. Usage: recordings_suite
 * PATH [SEED COUNT]. A line per failing answer, then "N passed, N failed".
 */
#include <ftw.h>
#include <stdio.h>

#include "base/file.h"
#include "base/map.h"
#include "ehr/directory.h"
#include "normal/normal.h"
#include "variant.h"

enum { TEXT_MAX = 512 << 20, PAGES = 3 };

static size_t passed, failed;
static uint64_t first_seed, variants;

/* One answer that is to be tried. */
struct exchange {
	struct arena *a;
	const char *file;
	struct str how; /* the variant was made; empty: the document itself */
	uint64_t seed;
	enum ehr_vendor vendor;
	struct str base, type, query; /* of the request */
	int status;
	const struct json *body;
	struct str raw; /* a body that is no JSON */
	size_t calls;
	struct str asked; /* what the client asked for after the first answer */
};

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* What else may stand around a document in JSON (RFC 8259 section 8.1 lets readers pass over a byte order mark). */
static struct str dressed(const struct exchange *x)
{
	struct buf text, out;
	buf_init(&text, TEXT_MAX);
	buf_init(&out, TEXT_MAX);
	struct json_writer w = json_writer(&text);
	json_put_value(&w, x->body);
	if (x->seed % 5 == 1)
		buf_add(&out, S("\xef\xbb\xbf"));
	if (x->seed % 5 == 2)
		buf_add(&out, S("\r\n  "));
	if (x->seed % 2)
		json_pretty(&out, x->body);
	else
		buf_add(&out, buf_str(&text));
	if (x->seed % 5 == 3)
		buf_add(&out, S("\r\n\r\n"));
	struct str body = arena_str(x->a, buf_str(&out));
	buf_done(&text);
	buf_done(&out);
	return body;
}

static struct str media_type(const struct exchange *x)
{
	static const char *const types[] = {
		"application/fhir+json;charset=utf-8",
		"application/fhir+json; fhirVersion=4.0; charset=UTF-8",
		"application/json+fhir",
		"application/json;charset=\"utf-8\"",
		"Application/FHIR+JSON",
		"text/json; charset=utf-8",
		"",
	};
	return x->raw.p ? S("text/html; charset=iso-8859-1")
			: str_from(types[x->seed % (sizeof types / sizeof types[0])]);
}

static bool answer(void *ctx, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
		   struct error *err)
{
	struct exchange *x = ctx;
	(void)a, (void)err;
	bool first = x->calls++ == 0;
	if (!first && !x->asked.p)
		x->asked = arena_str(x->a, call->url);
	*ret_answer = first ? (struct http_answer){.status = x->status,
						   .content_type = media_type(x),
						   .body = x->raw.p ? x->raw : dressed(x)}
			    : (struct http_answer){.status = 200,
						   .content_type = S("application/fhir+json"),
						   .body = S("{\"resourceType\":\"Bundle\"}")};
	return true;
}

static int64_t no_time(void)
{
	return 1764000000000;
}

static void no_sleep(unsigned ms)
{
	(void)ms;
}

static struct ehr_client *open_client(struct exchange *x, const struct ehr_transport *transport)
{
	struct error err = {0};
	const struct ehr_config config = {.name = S("recorded"), .vendor = x->vendor, .base_url = x->base};
	return ehr_open(&config,
			&(struct ehr_client_options){.definitions = definitions_builtin(),
						     .max_attempts = 1,
						     .now_ms = no_time,
						     .sleep_ms = no_sleep,
						     .transport = transport},
			&err);
}

/* ---- searches ---------------------------------------------------------------------------------------------------- */

struct expected {
	struct map bodies; /* "id" -> 1 + how often */
	struct map texts; /* each match as it came */
	size_t distinct, outcomes, skipped;
};

static struct str text_of(const struct exchange *x, const struct json *j)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	struct json_writer w = json_writer(&text);
	json_put_value(&w, j);
	struct str copy = arena_str(x->a, buf_str(&text));
	buf_done(&text);
	return copy;
}

static void expect_entry(const struct exchange *x, struct expected *e, const struct json *entry)
{
	const struct json *resource = json_get(entry, S("resource"));
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	struct str mode = json_get_str(json_get(entry, S("search")), S("mode"));
	bool fresh;
	if (str_is(type, "OperationOutcome")) {
		e->outcomes++;
		return;
	}
	if (mode.p && !str_is(mode, "match"))
		return;
	if (!str_eq(type, x->type) || !id.n) {
		e->skipped++;
		return;
	}
	map_put(&e->bodies, id, &fresh);
	e->distinct += fresh;
	map_put(&e->texts, text_of(x, resource), NULL);
}

static const char *compare(const struct exchange *x, const struct expected *e, const struct ehr_matches *m)
{
	if (m->count + m->withdrawn_count != e->distinct)
		return "not every match came out";
	if (m->outcomes != e->outcomes)
		return "warnings were miscounted";
	if (m->skipped != e->skipped)
		return "what was passed over was miscounted";
	for (size_t i = 0; i < m->count + m->withdrawn_count; i++) {
		const struct ehr_resource *r = i < m->count ? &m->items[i] : &m->withdrawn[i - m->count];
		if (!map_get(&e->texts, r->body))
			return "a match was changed";
		if (i < m->count && x->vendor != EHR_EPIC && resource_is_withdrawn(r->resource))
			return "what was entered in error came as a match";
	}
	if (resource_next_page(x->body).p && !x->asked.p)
		return "the next page was not asked for";
	return NULL;
}

static const char *try_search(struct exchange *x, struct ehr_client *c)
{
	struct expected e = {0};
	struct ehr_matches m = {0};
	struct ehr_failure f = {0};
	map_init(&e.bodies, 10000000);
	map_init(&e.texts, 10000000);
	struct json_iter it = json_iter(json_get(x->body, S("entry")));
	while (json_next(&it))
		expect_entry(x, &e, it.value);
	const char *problem = ehr_search(c, x->a, x->type, x->query, &m, &f)
				      ? compare(x, &e, &m)
				      : arena_printf(x->a, "the search failed: %s", f.error.text).p;
	map_done(&e.bodies);
	map_done(&e.texts);
	return problem;
}

/* ---- everything else --------------------------------------------------------------------------------------------- */

static bool repeats_text(const struct ehr_failure *f, const struct json *j)
{
	struct json_iter it = json_iter(j);
	struct str said = str_from(f->error.text);
	while (json_next(&it)) {
		bool words = str_is(it.key, "diagnostics") || str_is(it.key, "text") || str_is(it.key, "display");
		if (words && json_str(it.value).n > 12 && str_find(said, json_str(it.value)) != STR_NONE)
			return true;
		if (repeats_text(f, it.value))
			return true;
	}
	return false;
}

static const char *try_error(struct exchange *x, struct ehr_client *c)
{
	struct ehr_resource r;
	struct ehr_failure f = {0};
	struct str code = S("");
	if (ehr_read(c, x->a, x->type, S("1"), &r, &f))
		return "an error was taken for a resource";
	if (!f.error.code || !f.error.text[0] || strchr(f.error.text, '\n'))
		return "the failure is not one clear line";
	if (f.http_status != x->status)
		return "the failure has another status";
	if (repeats_text(&f, x->body))
		return "the failure repeats the EHR's texts";
	struct json_iter it = json_iter(json_get(x->body, S("issue")));
	while (json_next(&it)) {
		struct str severity = json_get_str(it.value, S("severity"));
		const struct json *coding = json_get(json_get(it.value, S("details")), S("coding"));
		if ((str_is(severity, "fatal") || str_is(severity, "error")) && !code.n)
			code = json_get_str(json_at(coding, 0), S("code"));
	}
	if (x->vendor == EHR_EPIC && code.n && f.vendor_code[0] && !str_is(code, f.vendor_code))
		return "the failure has another code";
	return NULL;
}

static const char *try_statement(struct exchange *x, struct ehr_client *c)
{
	struct ehr_site site;
	struct ehr_failure f = {0};
	if (!ehr_site_look(c, x->a, &site, &f))
		return arena_printf(x->a, "the statement was not read: %s", f.error.text).p;
	if (!str_eq(site.fhir_version, json_get_str(x->body, S("fhirVersion"))))
		return "another FHIR version";
	struct str software = json_get_str(json_get(x->body, S("software")), S("name"));
	struct str publisher = json_get_str(x->body, S("publisher"));
	if (str_is(software, "Epic") && site.vendor != EHR_EPIC)
		return "Epic was not recognised";
	if (str_is(publisher, "Oracle Health") && site.vendor != EHR_CERNER)
		return "Oracle Health was not recognised";
	return NULL;
}

static const char *try_directory(struct exchange *x)
{
	struct ehr_places places = {0};
	struct error err = {0};
	size_t usable = 0;
	if (!ehr_directory_read(x->a, x->body, &places, &err))
		return arena_printf(x->a, "the directory was not read: %s", err.text).p;
	struct json_iter it = json_iter(json_get(x->body, S("entry")));
	while (json_next(&it)) {
		const struct json *endpoint = json_get(it.value, S("resource"));
		struct str status = json_get_str(endpoint, S("status")), address = json_get_str(endpoint, S("address"));
		usable += str_is(json_get_str(endpoint, S("resourceType")), "Endpoint") &&
			  (!status.n || str_is(status, "active")) && str_starts(str_trim(address), S("http"));
	}
	bool whole = !x->how.n && x->status; /* a variant may have lost names, or have some twice */
	return !whole || places.count >= usable ? NULL : "places of the directory were lost";
}

static const char *try_resource(struct exchange *x, struct ehr_client *c)
{
	struct ehr_resource r;
	struct ehr_failure f = {0};
	struct str type = json_get_str(x->body, S("resourceType")), id = json_get_str(x->body, S("id"));
	if (!ehr_read(c, x->a, type, id, &r, &f))
		return arena_printf(x->a, "the read failed: %s", f.error.text).p;
	return str_eq(text_of(x, r.resource), text_of(x, x->body)) ? NULL : "the resource was changed";
}

static bool is_directory(const struct json *bundle)
{
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	while (json_next(&it)) {
		struct str type = json_get_str(json_get(it.value, S("resource")), S("resourceType"));
		if (str_is(type, "Endpoint") || str_is(type, "Organization"))
			return true;
		if (type.n && !str_is(type, "OperationOutcome"))
			return false;
	}
	return false;
}

static const char *judge(struct exchange *x, struct ehr_client *c)
{
	struct str type = json_get_str(x->body, S("resourceType"));
	if (x->raw.p || x->status >= 400 || str_is(type, "OperationOutcome"))
		return try_error(x, c);
	if (str_is(type, "CapabilityStatement"))
		return try_statement(x, c);
	if (str_is(type, "Bundle"))
		return is_directory(x->body) ? try_directory(x) : try_search(x, c);
	return json_get_str(x->body, S("id")).n ? try_resource(x, c) : NULL;
}

static void run(struct exchange *x)
{
	const struct ehr_transport transport = {answer, x, NULL};
	struct ehr_client *c = open_client(x, &transport);
	const char *problem = c ? judge(x, c) : "no client";
	if (problem)
		printf("FAILED %s%.*s %.*s: %s\n", x->file, STR_ARG(x->how),
		       STR_ARG(json_get_str(x->body, S("resourceType"))), problem);
	*(problem ? &failed : &passed) += 1;
	ehr_close(c);
}

/* ---- recordings -------------------------------------------------------------------------------------------------- */

/* "https://host/fhir/Condition?patient=1": the base, the type, the query. */
static void take_url(struct exchange *x, struct str url)
{
	size_t question = str_find_char(url, '?', 0);
	struct str path = str_slice(url, 0, question == STR_NONE ? url.n : question);
	struct str query = question == STR_NONE ? S("") : str_slice(url, question + 1, url.n);
	struct str rest = path;
	for (int up = 0; up < 2; up++) { /* the type is what begins with a capital after a slash */
		size_t slash = str_rfind_char(rest, '/');
		if (slash == STR_NONE || slash + 1 >= rest.n)
			break;
		struct str last = str_slice(rest, slash + 1, rest.n);
		rest = str_slice(rest, 0, slash);
		if (last.p[0] < 'A' || last.p[0] > 'Z' || !str_starts(rest, S("http")))
			continue;
		x->base = rest;
		x->type = last;
		x->query = query;
		break;
	}
}

static struct str self_of(const struct json *bundle)
{
	struct json_iter it = json_iter(json_get(bundle, S("link")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("relation")), "self"))
			return json_get_str(it.value, S("url"));
	return STR_NULL;
}

static void take_answer(struct exchange x, const struct json *body, struct str url, int status)
{
	struct str raw = json_get_str(body, S("_non_json_body"));
	struct json_iter it = json_iter(json_get(body, S("entry")));
	x.base = S("https://ehr.example/fhir");
	x.query = S("patient=1");
	x.type = S("Patient");
	x.raw = raw.n ? raw : STR_NULL;
	x.body = raw.n ? NULL : body;
	x.status = status ? status : str_is(json_get_str(body, S("resourceType")), "OperationOutcome") ? 400 : 200;
	if (json_next(&it))
		x.type = json_get_str(json_get(it.value, S("resource")), S("resourceType"));
	x.type = x.type.n ? x.type : S("Patient");
	take_url(&x, url.n ? url : self_of(body));
	run(&x);
}

static void take(const struct exchange *x, const struct json *j, int depth)
{
	const struct json *request = json_get(j, S("_request")), *body = json_get(j, S("body"));
	uint64_t status = 0;
	if (json_get_str(j, S("resourceType")).n) {
		take_answer(*x, j, STR_NULL, 0);
		return;
	}
	if (request && body) {
		str_to_u64(json_number(json_get(request, S("status"))), &status);
		take_answer(*x, body, json_get_str(request, S("url")), (int)status);
		return;
	}
	struct json_iter it = json_iter(j);
	while (depth < 4 && json_next(&it))
		if (!str_is(it.key, "_canonical_submitted")) /* went the other way */
			take(x, it.value, depth + 1);
}

static enum ehr_vendor vendor_of(struct str text)
{
	enum normal_vendor vendor = normal_detect(text);
	return vendor == NORMAL_EPIC ? EHR_EPIC : vendor == NORMAL_CERNER ? EHR_CERNER : EHR_GENERIC;
}

static void take_variant(const char *file, const struct json *document, uint64_t seed)
{
	struct arena a;
	struct error err = {0};
	struct str how;
	arena_init(&a, ARENA_NO_CAP);
	struct str text = variant_make(&a, document, seed, &how);
	struct exchange x = {.a = &a, .file = file, .seed = seed, .vendor = vendor_of(text)};
	x.how = arena_printf(&a, " (seed %llu: %.*s)", (unsigned long long)seed, STR_ARG(how));
	const struct json *j = json_parse(&a, text, 0, &err);
	if (j)
		take(&x, j, 0);
	failed += !j;
	arena_done(&a);
}

static int take_file(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	struct arena a;
	struct str text = STR_NULL;
	struct error err = {0};
	(void)info, (void)at;
	if (kind != FTW_F || !str_ends(str_from(path), S(".json")))
		return 0;
	arena_init(&a, ARENA_NO_CAP);
	bool read = file_read(&a, str_from(path), TEXT_MAX, &text, &err);
	const struct json *j = read ? json_parse(&a, text, 0, &err) : NULL;
	const struct exchange x = {.a = &a, .file = path, .vendor = vendor_of(text)};
	if (j)
		take(&x, j, 0);
	else
		printf("FAILED %s: %s\n", path, err.text);
	failed += !j;
	for (uint64_t i = 0; j && i < variants; i++)
		take_variant(path, j, first_seed + i);
	arena_done(&a);
	return 0;
}

int main(int argc, char **argv)
{
	bool asked = argc == 2 || (argc == 4 && str_to_u64(str_from(argv[2]), &first_seed) &&
				   str_to_u64(str_from(argv[3]), &variants));
	if (!asked || nftw(argv[1], take_file, 20, FTW_PHYS) != 0) {
		fprintf(stderr, "usage: recordings_suite PATH [SEED COUNT]\n");
		return 2;
	}
	printf("%zu passed, %zu failed\n", passed, failed);
	return failed ? 1 : 0;
}
