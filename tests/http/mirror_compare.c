/* See mirror.h: asking, and what counts as the same. */
#include "mirror.h"

const struct probe mirror_probes[] = {
#define PROBE(rows, method, path, header, body) {rows, method, path, header, body},
#include "mirror.def"
#undef PROBE
};
const size_t mirror_probe_count = sizeof(mirror_probes) / sizeof(mirror_probes[0]);

enum { PAGES = 12 };

/* ---- asking --------------------------------------------------------------------------------------------------------
 */

struct http_answer mirror_ask(struct mirror *m, struct side *s, const struct probe *p, struct str url)
{
	struct error err = {0};
	struct http_answer answer;
	struct http_header headers[3] = {
		{S("Authorization"), arena_printf(&m->arena, "Bearer %.*s", STR_ARG(s->token))},
		{S("Content-Type"), S("application/fhir+json")}};
	size_t count = 2;
	if (p->header) {
		struct str value = str_from(p->header), name = str_split(&value, ':');
		size_t at = str_is(name, "Content-Type") ? 1 : count++;
		headers[at] = (struct http_header){name, str_trim(value)};
	}
	const struct http_call call = {.method = str_from(p->method),
				       .url = url,
				       .headers = headers,
				       .header_count = count,
				       .body = p->body ? str_from(p->body) : STR_NULL};
	if (!http_call(s->client, &m->arena, &call, &answer, &err))
		fail_msg("%s %s: %s", p->method, p->path, err.text);
	return answer;
}

struct str mirror_url(struct mirror *m, const struct side *s, const char *path)
{
	const char *joint = path[0] && path[0] != '?' ? "/" : "";
	return arena_printf(&m->arena, "%s%s%s", s->base, joint, path);
}

/* ---- what may differ
 * ------------------------------------------------------------------------------------------------- */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* The length of a UUID, an instant, an HTTP date, the id of a job, or how long a search took at the start; 0: none. */
static size_t volatile_length(struct str s)
{
	static const char *const forms[] = {"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "dddd-dd-ddTdd:dd:dd.dddZ",
					    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
	for (size_t f = 0; f < 3; f++) {
		size_t n = strlen(forms[f]), i = 0;
		for (; i < n && i < s.n; i++) {
			char want = forms[f][i], c = s.p[i];
			if (want == 'x' ? !is_hex(c) : want == 'd' ? c < '0' || c > '9' : c != want)
				break;
		}
		if (i == n)
			return n;
	}
	size_t digits = 0;
	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	return digits && str_starts(str_slice(s, digits, s.n), S(" microseconds")) ? digits : 0;
}

static struct str plain(struct mirror *m, const struct side *s, struct str text)
{
	struct buf out;
	struct str base = str_slice(str_from(s->base), 0, strlen(s->base) - 5), cursor = S("_cursor=");
	buf_init(&out, (size_t)64 << 20);
	while (text.n) {
		size_t n = volatile_length(text);
		if (n) {
			buf_char(&out, '*');
		} else if (str_starts(text, base)) {
			buf_add(&out, S("BASE")); /* without /fhir */
			n = base.n;
		} else if (str_starts(text, cursor)) {
			buf_add(&out, S("_cursor=*"));
			for (n = cursor.n; n < text.n && text.p[n] != '"' && text.p[n] != '&'; n++)
				;
		} else {
			buf_char(&out, text.p[0]);
			n = 1;
		}
		text = str_slice(text, n, text.n);
	}
	struct str result = buf_ok(&out) ? arena_str(&m->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	assert_non_null(result.p);
	return result;
}

static bool is_compared(struct str name)
{
	static const char *const left_out[] = {"Date", "Last-Modified", "Expires", "Content-Length", "X-Request-Id"};
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (str_eq_nocase(name, str_from(left_out[i])))
			return false;
	return true;
}

/* Status, headers and body as one text. */
struct str mirror_flat(struct mirror *m, const struct side *s, const struct http_answer *answer)
{
	struct buf out;
	buf_init(&out, (size_t)64 << 20);
	buf_printf(&out, "%d\n", answer->status);
	for (size_t i = 0; i < answer->header_count; i++)
		if (is_compared(answer->headers[i].name))
			buf_printf(&out, "%.*s: %.*s\n", STR_ARG(answer->headers[i].name),
				   STR_ARG(answer->headers[i].value));
	buf_add(&out, answer->body);
	struct str text = plain(m, s, buf_str(&out));
	buf_done(&out);
	return text;
}

struct str mirror_next(struct mirror *m, const struct http_answer *answer)
{
	struct error err = {0};
	const struct json *bundle = answer->body.n ? json_parse(&m->arena, answer->body, 0, &err) : NULL;
	struct json_iter it = json_iter(json_get(bundle, S("link")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("relation")), "next"))
			return json_get_str(it.value, S("url"));
	return STR_NULL;
}

/* ---- comparing
 * ---------------------------------------------------------------------------------------------------------- */

static void show_difference(const struct probe *p, const char *scopes, struct str both, struct str alone)
{
	size_t at = 0;
	while (at < both.n && at < alone.n && both.p[at] == alone.p[at])
		at++;
	size_t from = at > 300 ? at - 300 : 0;
	fail_msg("%s %s %s\nas %s\nwith both:  ...%.*s\nwith one:   ...%.*s", p->method, p->path,
		 p->body ? p->body : "", scopes, STR_ARG(str_slice(both, from, from + 700)),
		 STR_ARG(str_slice(alone, from, from + 700)));
}

struct http_answer mirror_when_done(struct mirror *m, struct side *s, struct str url)
{
	const struct probe poll = {"", "GET", "_async", NULL, NULL};
	struct http_answer answer = mirror_ask(m, s, &poll, url);
	for (int tries = 0; tries < 3000 && answer.status == 202; tries++) {
		usleep(10000);
		answer = mirror_ask(m, s, &poll, url);
	}
	return answer;
}

/* The job that a probe started: its manifest, and each file that this names. */
static void compare_jobs(struct mirror *m, const struct probe *p, const char *scopes, const struct http_answer *a,
			 const struct http_answer *b)
{
	static const char *const lists[] = {"output", "deleted", "error"};
	const struct probe get = {p->rows, "GET", p->path, NULL, NULL}, end = {p->rows, "DELETE", p->path, NULL, NULL};
	struct error err = {0};
	struct str here = http_answer_header(a, "Content-Location"), there = http_answer_header(b, "Content-Location");
	struct http_answer done = mirror_when_done(m, &m->both, here), also = mirror_when_done(m, &m->alone, there);
	struct str both = mirror_flat(m, &m->both, &done), alone = mirror_flat(m, &m->alone, &also);
	if (done.status != 200)
		fail_msg("%s as %s: %.*s", p->path, scopes, STR_ARG(both));
	if (!str_eq(both, alone))
		show_difference(p, scopes, both, alone);
	const struct json *manifest = json_parse(&m->arena, done.body, 0, &err);
	const struct json *other = json_parse(&m->arena, also.body, 0, &err);
	for (size_t i = 0; i < 3; i++) {
		struct json_iter it = json_iter(json_get(manifest, str_from(lists[i])));
		for (size_t k = 0; json_next(&it); k++) {
			const struct json *twin = json_at(json_get(other, str_from(lists[i])), k);
			struct http_answer file = mirror_ask(m, &m->both, &get, json_get_str(it.value, S("url")));
			struct http_answer pair = mirror_ask(m, &m->alone, &get, json_get_str(twin, S("url")));
			both = mirror_flat(m, &m->both, &file);
			alone = mirror_flat(m, &m->alone, &pair);
			assert_int_equal(file.status, 200);
			if (!str_eq(both, alone) || str_find(both, S("BRAVO")) != STR_NONE)
				show_difference(p, scopes, both, alone);
		}
	}
	assert_int_equal(mirror_ask(m, &m->both, &end, here).status, 202);
	assert_int_equal(mirror_ask(m, &m->alone, &end, there).status, 202);
}

void mirror_compare(struct mirror *m, const struct probe *p, const char *scopes)
{
	struct str here = mirror_url(m, &m->both, p->path), there = mirror_url(m, &m->alone, p->path);
	struct probe page = *p;
	for (int i = 0; i < PAGES && here.p; i++) {
		struct http_answer a = mirror_ask(m, &m->both, &page, here), b = mirror_ask(m, &m->alone, &page, there);
		struct str both = mirror_flat(m, &m->both, &a), alone = mirror_flat(m, &m->alone, &b);
		if (!str_eq(both, alone))
			show_difference(p, scopes, both, alone);
		/* What is the same in both could still be an echo, but only of what was asked. */
		bool named = strstr(p->path, "BRAVO") || (p->body && strstr(p->body, "BRAVO"));
		if (!named && str_find(both, S("BRAVO")) != STR_NONE)
			fail_msg("%s %s tells of bravo:\n%.*s", p->method, p->path, STR_ARG(str_slice(both, 0, 3000)));
		if (a.status == 202 && p->header && strstr(p->header, "respond-async"))
			compare_jobs(m, p, scopes, &a, &b);
		here = mirror_next(m, &a);
		there = mirror_next(m, &b);
		page.method = "GET";
		page.body = NULL;
	}
}
