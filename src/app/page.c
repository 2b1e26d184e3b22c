/* The clinic's page; see page.h. Every value that is not ours goes through encode_html(). */
#include "app/page.h"

#include "base/encode.h"
#include "population/population.h"

#define PAGE_SHOWN    50
#define PAGE_NAME_MAX 100

extern const char data_page[], data_page_end[]; /* page.css */

/* What the form said. */
struct question {
	struct str name, ehr; /* STR_NULL: not asked yet; ehr empty: all */
	const char *problem; /* what is wrong with it, in words for the person */
};

struct view {
	const struct page *page;
	struct question question;
	struct population_match *matches;
	size_t count;
	bool more;
	const char *failure; /* the search itself failed */
	struct buf out;
};

static void respond(struct http_exchange *x, int status, struct str type, struct buf *body)
{
	const struct http_header headers[] = {
		{S("Content-Security-Policy"), S(HTTP_PAGE_POLICY "; base-uri 'none'; frame-ancestors 'none'")},
		{S("X-Content-Type-Options"), S("nosniff")},
		{S("Referrer-Policy"), S("no-referrer")},
		{S("Cross-Origin-Opener-Policy"), S("same-origin")},
		{S("Cache-Control"), S("no-store")},
	};
	http_respond(x, &(struct http_response){.status = status,
						.content_type = type,
						.headers = headers,
						.header_count = sizeof(headers) / sizeof(headers[0]),
						.body = body});
}

/* ---- HTML ---------------------------------------------------------------------------------------------------------
 */

static void write_top(struct buf *out)
{
	buf_add(out, S("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		       "<title>Find a patient - Firth</title>\n"
		       "<link rel=\"stylesheet\" href=\"/page.css\">\n</head>\n<body>\n"
		       "<a class=\"skip\" href=\"#results\">Skip to the results</a>\n"
		       "<header><strong>Firth</strong> <span>patients of all connected EHRs</span></header>\n"
		       "<main>\n<h1>Find a patient</h1>\n"));
}

static void write_bottom(struct buf *out)
{
	buf_add(out, S("</main>\n<footer>This page is shown on this computer only. Every search is recorded in the "
		       "audit trail.</footer>\n</body>\n</html>\n"));
}

static void write_ehr_choice(struct view *v)
{
	const struct config *config = v->page->config;
	struct buf *out = &v->out;
	if (config->ehr_count < 2)
		return;
	buf_add(out, S("<div class=\"field\"><label for=\"ehr\">Source EHR</label>\n<select id=\"ehr\" name=\"ehr\">"
		       "<option value=\"\">All</option>"));
	for (size_t i = 0; i < config->ehr_count; i++) {
		buf_add(out, S("<option value=\""));
		encode_html(out, config->ehrs[i].name);
		buf_add(out, str_eq(config->ehrs[i].name, v->question.ehr) ? S("\" selected>") : S("\">"));
		encode_html(out, config->ehrs[i].name);
		buf_add(out, S("</option>"));
	}
	buf_add(out, S("</select></div>\n"));
}

static void write_form(struct view *v)
{
	struct buf *out = &v->out;
	buf_add(out, S("<form method=\"post\" action=\"/patients\" role=\"search\">\n"
		       "<div class=\"field name\"><label for=\"name\">Last name</label>\n"
		       "<input id=\"name\" name=\"name\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" "
		       "maxlength=\"100\" required autofocus aria-describedby=\"hint\""));
	if (v->question.problem)
		buf_add(out, S(" aria-invalid=\"true\""));
	buf_add(out, S(" value=\""));
	encode_html(out, v->question.name.p ? v->question.name : S(""));
	buf_add(out, S("\"></div>\n"));
	write_ehr_choice(v);
	buf_add(out, S("<button type=\"submit\">Find</button>\n"
		       "<p class=\"hint\" id=\"hint\">The beginning is enough. Add a first name to narrow it down. "
		       "Case and accents do not matter.</p>\n</form>\n"));
}

static void write_cell(struct buf *out, const char *label, struct str text)
{
	buf_printf(out, "<td role=\"cell\" data-label=\"%s\">", label);
	if (text.n)
		encode_html(out, text);
	else
		buf_add(out, S("not recorded"));
	buf_add(out, S("</td>"));
}

/* On a phone the style lays rows out as cards; the roles keep it a table for those who hear it. */
static void write_table(struct view *v)
{
	static const char *const columns[] = {"Name", "Date of birth", "Sex", "MRN", "Source EHR"};
	struct buf *out = &v->out;
	buf_add(out, S("<table role=\"table\">\n<thead role=\"rowgroup\"><tr role=\"row\">"));
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		buf_printf(out, "<th scope=\"col\" role=\"columnheader\">%s</th>", columns[i]);
	buf_add(out, S("</tr></thead>\n<tbody role=\"rowgroup\">\n"));
	for (size_t i = 0; i < v->count; i++) {
		const struct population_match *m = &v->matches[i];
		buf_add(out, S("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">"));
		encode_html(out, m->name.n ? m->name : S("no name recorded"));
		buf_add(out, S("</th>"));
		write_cell(out, columns[1], m->birth_date);
		write_cell(out, columns[2], m->sex);
		write_cell(out, columns[3], m->mrn);
		write_cell(out, columns[4], m->ehr);
		buf_add(out, S("</tr>\n"));
	}
	buf_add(out, S("</tbody>\n</table>\n"));
}

static void write_results(struct view *v)
{
	struct buf *out = &v->out;
	buf_add(out, S("<section id=\"results\" aria-label=\"Results\" tabindex=\"-1\">\n"));
	if (v->failure || v->question.problem) {
		buf_add(out, S("<p class=\"status problem\" role=\"alert\">"));
		encode_html(out, str_from(v->failure ? v->failure : v->question.problem));
	} else {
		buf_add(out, S("<p class=\"status\" role=\"status\" aria-live=\"polite\">"));
		if (!v->question.name.p)
			buf_add(out, S("Nobody was searched for yet."));
		else if (v->count == 0)
			buf_add(out,
				S("No patient of that name is known here. Check the spelling, or try fewer letters."));
		else if (v->more)
			buf_printf(out,
				   "There are more than %d patients; the first %d are shown. Add more of the name to "
				   "see fewer.",
				   PAGE_SHOWN, PAGE_SHOWN);
		else
			buf_printf(out, "%zu patient%s found", v->count, v->count == 1 ? "" : "s");
	}
	buf_add(out, S("</p>\n"));
	if (v->count)
		write_table(v);
	buf_add(out, S("</section>\n"));
}

static void show(struct view *v, struct http_exchange *x, int status)
{
	buf_init(&v->out, 4 << 20);
	write_top(&v->out);
	write_form(v);
	write_results(v);
	write_bottom(&v->out);
	if (!buf_ok(&v->out)) {
		buf_reset(&v->out);
		buf_add(&v->out, S("The page could not be written.\n"));
		respond(x, 500, S("text/plain; charset=utf-8"), &v->out);
	} else {
		respond(x, status, S("text/html; charset=utf-8"), &v->out);
	}
	buf_done(&v->out);
}

/* ---- the search ---------------------------------------------------------------------------------------------------
 */

/* A field of a form, decoded into the arena; STR_NULL when it is missing or malformed. */
static struct str form_field(struct arena *a, struct str form, const char *name)
{
	while (form.p) {
		struct str value = str_split(&form, '&');
		struct str key = str_split(&value, '=');
		if (!str_is(key, name) || !value.p)
			continue;
		struct buf text;
		buf_init(&text, 4096);
		bool ok = decode_percent(&text, value, true) && buf_ok(&text);
		struct str copy = ok ? arena_str(a, buf_str(&text)) : STR_NULL;
		buf_done(&text);
		return copy;
	}
	return STR_NULL;
}

static bool ehr_known(const struct config *config, struct str name)
{
	for (size_t i = 0; i < config->ehr_count; i++) {
		if (str_eq(config->ehrs[i].name, name))
			return true;
	}
	return false;
}

static struct question read_question(const struct page *p, const struct http_request *request)
{
	struct question q = {.name = form_field(request->arena, request->body, "name"),
			     .ehr = form_field(request->arena, request->body, "ehr")};
	if (!q.name.p || !str_is_utf8(q.name)) {
		q.name = S("");
		q.problem = "The form did not arrive whole. Please try again.";
		return q;
	}
	q.name = str_trim(q.name);
	if (q.name.n == 0)
		q.problem = "Please give at least the beginning of a name.";
	else if (q.name.n > PAGE_NAME_MAX)
		q.problem = "The name is too long. Please give a part of it.";
	else if (q.ehr.n && !ehr_known(p->config, q.ehr))
		q.problem = "There is no such EHR. Please choose another.";
	return q;
}

static bool record(const struct page *p, const struct http_request *request, const struct question *q, size_t shown,
		   struct error *err)
{
	const struct audit_event event = {
		.action = 'E',
		.interaction = S("patient-find"),
		.http_status = 200,
		.agent = S("page"),
		.address = request->address,
		.request_id = request->request_id,
		.type = S("Patient"),
		.query = arena_printf(request->arena, "name=%.*s%s%.*s", STR_ARG(q->name), q->ehr.n ? "&ehr=" : "",
				      STR_ARG(q->ehr)),
		.detail = arena_printf(request->arena, "%zu shown", shown),
	};
	return store_audit(p->store, &event, 1, err);
}

static void find(const struct page *p, struct http_exchange *x)
{
	const struct http_request *request = http_request(x);
	struct view v = {.page = p, .question = read_question(p, request)};
	struct error err = {0};
	if (v.question.problem) {
		show(&v, x, 400);
		return;
	}
	struct str ehr = v.question.ehr.n ? v.question.ehr : STR_NULL;
	bool ok = population_find(p->store, p->definitions, request->arena, v.question.name, ehr, PAGE_SHOWN + 1,
				  &v.matches, &v.count, &err);
	if (ok && v.count > PAGE_SHOWN) {
		v.more = true;
		v.count = PAGE_SHOWN;
	}
	/* Nothing is shown that was not recorded. */
	ok = ok && record(p, request, &v.question, v.count, &err);
	if (!ok) {
		v.count = 0;
		v.failure = err.code == ERR_TIMEOUT
				    ? "The search took too long. Please give more of the name."
				    : "The search failed. Please try again, or tell whoever runs Firth.";
	}
	show(&v, x, ok ? 200 : error_http_status(err.code));
}

static void refuse(struct http_exchange *x, int status, struct str text)
{
	struct buf out;
	buf_init(&out, 4096);
	buf_add(&out, text);
	buf_char(&out, '\n');
	respond(x, status, S("text/plain; charset=utf-8"), &out);
	buf_done(&out);
}

static void send_css(struct http_exchange *x)
{
	struct buf out;
	buf_init(&out, 256 * 1024);
	buf_add(&out, str_make(data_page, (size_t)(data_page_end - data_page)));
	respond(x, 200, S("text/css; charset=utf-8"), &out);
	buf_done(&out);
}

bool page_has(struct str path)
{
	return str_is(path, "/") || str_is(path, "/patients") || str_is(path, "/page.css");
}

bool page_handle(const struct page *p, struct http_exchange *x)
{
	const struct http_request *request = http_request(x);
	bool root = str_is(request->path, "/"), patients = str_is(request->path, "/patients");
	bool get = str_is(request->method, "GET") || str_is(request->method, "HEAD");
	if (str_is(request->path, "/page.css") && get) {
		send_css(x);
		return true;
	}
	if (!root && !patients)
		return false;
	if (p->refusal.p) {
		refuse(x, 403, p->refusal);
	} else if (get) {
		struct view v = {.page = p};
		show(&v, x, 200);
	} else if (patients && str_is(request->method, "POST")) {
		find(p, x);
	} else {
		refuse(x, 405, S("This page answers GET, and POST to /patients."));
	}
	return true;
}
