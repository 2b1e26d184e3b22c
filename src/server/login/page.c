/*
 * What all pages share: frame, forms, messages, headers. No script, and nothing from elsewhere: a page that asks for
 * passwords must not run what somebody else sent. Every value that is not ours goes through page_text().
 */
#include "server/login/login_priv.h"

#include "base/clock.h"

enum { PAGE_MAX = 4 << 20 };

extern const char data_login[], data_login_end[]; /* login.css */

void page_text(struct buf *out, struct str text)
{
	if (text.p)
		encode_html(out, text);
}

struct str page_path(const struct login *l, struct arena *a, const char *name)
{
	return arena_printf(a, "%.*s/auth/%s", STR_ARG(l->outside_path), name);
}

/* ---- frame  ----------------------------------------------------------------------------------------------------- */

void page_begin(const struct turn *t, struct buf *out, const struct page_look *look)
{
	buf_init(out, PAGE_MAX);
	buf_add(out, S("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		       "<meta name=\"color-scheme\" content=\"light dark\">\n<title>"));
	page_text(out, str_from(look->title));
	buf_add(out, S(" - "));
	page_text(out, t->l->options.title);
	buf_add(out, S("</title>\n<link rel=\"stylesheet\" href=\""));
	page_text(out, page_path(t->l, t->a, "page.css"));
	buf_add(out, S("\">\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to "));
	page_text(out, str_from(look->skip ? look->skip : "the form"));
	buf_add(out, S("</a>\n<header class=\"top\"><div class=\"inside\"><span class=\"brand\">"));
	page_text(out, t->l->options.title);
	buf_add(out, S("</span>"));
	if (t->session.key.p && !t->c.must_login) {
		buf_add(out, S("<span class=\"who\"><span class=\"quiet\">Signed in as</span> "));
		page_text(out, t->session.facts.display.n ? t->session.facts.display : t->session.user);
		buf_add(out, S("</span>"));
	}
	buf_printf(out, "</div></header>\n<main id=\"main\" tabindex=\"-1\" class=\"%s\">\n", look->width);
}

/* Where to ask for more: the request, and the code when it was a refusal. */
static void put_refused(const struct turn *t, struct buf *out)
{
	enum refusal refusal = refusal_of(&t->refused);
	if (!t->refused.code)
		return;
	buf_add(out, S("<p class=\"quiet small refused\">"));
	if (refusal)
		buf_printf(out, "Refused with the code <code>%s</code>. ", refusal_facts(refusal)->code);
	buf_add(out, S("Request <code>"));
	page_text(out, t->request->request_id);
	buf_add(out, refusal ? S("</code>: whoever runs this server can look it up with <code>firth why</code>.</p>\n")
			     : S("</code></p>\n"));
}

void page_end(const struct turn *t, struct buf *out)
{
	put_refused(t, out);
	buf_add(out, S("</main>\n<footer class=\"inside\">"));
	if (t->session.key.p) {
		buf_add(out, S("<a href=\""));
		page_text(out, page_path(t->l, t->a, "apps"));
		buf_add(out, S("\">My apps</a> <a href=\""));
		page_text(out, page_path(t->l, t->a, "logout"));
		buf_add(out, S("\">Sign out</a>"));
	}
	buf_add(out, S("<span>Every sign-in and every permission is recorded.</span></footer>\n</body>\n</html>\n"));
}

static void send(struct turn *t, int status, struct str type, struct str cache, struct buf *out)
{
	struct http_header headers[10];
	size_t count = 0;
	bool action = t->form_action.n > 0;
	struct str policy =
		arena_printf(t->a, HTTP_PAGE_POLICY "%s%.*s; base-uri 'none'; frame-ancestors 'none'",
			     action ? " " : "", action ? (int)t->form_action.n : 0, action ? t->form_action.p : "");
	headers[count++] = (struct http_header){S("Content-Security-Policy"),
						policy.p ? policy : S("default-src 'none'; frame-ancestors 'none'")};
	headers[count++] = (struct http_header){S("X-Content-Type-Options"), S("nosniff")};
	headers[count++] = (struct http_header){S("X-Frame-Options"), S("DENY")};
	headers[count++] = (struct http_header){S("Referrer-Policy"), S("no-referrer")};
	headers[count++] = (struct http_header){S("Cache-Control"), cache};
	if (t->wait_s)
		headers[count++] =
			(struct http_header){S("Retry-After"), arena_printf(t->a, "%lld", (long long)t->wait_s)};
	for (size_t i = 0; i < t->cookie_count; i++)
		headers[count++] = t->cookies[i];
	http_respond(t->x, &(struct http_response){.status = status,
						   .content_type = type,
						   .headers = headers,
						   .header_count = count,
						   .body = out});
	buf_done(out);
}

void page_send(struct turn *t, int status, struct buf *out)
{
	if (!buf_ok(out)) {
		buf_reset(out);
		buf_add(out, S("The page could not be written.\n"));
		send(t, 500, S("text/plain; charset=utf-8"), S("no-store"), out);
		return;
	}
	send(t, status, S("text/html; charset=utf-8"), S("no-store"), out);
}

void page_css(struct turn *t)
{
	struct buf out;
	buf_init(&out, 256 * 1024);
	buf_add(&out, str_make(data_login, (size_t)(data_login_end - data_login)));
	send(t, 200, S("text/css; charset=utf-8"), S("max-age=300"), &out);
}

/* ---- forms  ----------------------------------------------------------------------------------------------------- */

static void hidden(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "<input type=\"hidden\" name=\"%s\" value=\"", name);
	page_text(out, value);
	buf_add(out, S("\">\n"));
}

void page_form(const struct turn *t, struct buf *out, const char *name, const char *class_name)
{
	buf_printf(out, "<form method=\"post\" class=\"%s\" action=\"", class_name);
	page_text(out, page_path(t->l, t->a, name));
	buf_add(out, S("\">\n"));
	if (t->c.id.p)
		hidden(out, "request", t->c.id);
	else if (t->session.key.p)
		hidden(out, "word", t->session.csrf);
}

void page_problems(struct buf *out, const struct page_problem *problems, size_t count)
{
	if (!count)
		return;
	buf_add(out, S("<div class=\"problem\" role=\"alert\" tabindex=\"-1\" autofocus>\n<h2>"));
	buf_add(out, count == 1 ? S("There is a problem") : S("There are some problems"));
	buf_add(out, S("</h2>\n<ul>\n"));
	for (size_t i = 0; i < count; i++) {
		buf_add(out, S("<li>"));
		if (problems[i].field)
			buf_printf(out, "<a href=\"#%s\">", problems[i].field);
		page_text(out, problems[i].text);
		buf_add(out, problems[i].field ? S("</a></li>\n") : S("</li>\n"));
	}
	buf_add(out, S("</ul>\n</div>\n"));
}

/* ---- texts  ----------------------------------------------------------------------------------------------------- */

struct str page_time(struct arena *a, int64_t now_ms, int64_t ms)
{
	char text[CLOCK_INSTANT_SIZE];
	int64_t minutes = (now_ms - ms) / 60000;
	clock_format_instant(ms, text);
	if (minutes < 1)
		return S("just now");
	if (minutes < 60)
		return arena_printf(a, "%lld minute%s ago", (long long)minutes, minutes == 1 ? "" : "s");
	if (minutes < 24 * 60)
		return arena_printf(a, "%lld hour%s ago", (long long)minutes / 60, minutes < 120 ? "" : "s");
	return arena_printf(a, "%.10s (%lld day%s ago)", text, (long long)minutes / 1440, minutes < 2880 ? "" : "s");
}

/* ---- when it fails  --------------------------------------------------------------------------------------------- */

/* For the person, and for the developer who looks over their shoulder. */
static struct str words_for(const struct turn *t, const struct error *err, int status)
{
	enum refusal refusal = refusal_of(err);
	const struct refusal_facts *facts = refusal_facts(refusal);
	const struct decision *d = t->asked.decision ? t->asked.decision : t->decision;
	if (status >= 500 && err->code != ERR_BUSY)
		return S("The server could not do this at the moment. Please try again; if it stays so, tell whoever "
			 "runs it");
	if (!refusal)
		return str_from(err->text);
	struct str hint = d && d->refusal == refusal && d->hint.p ? d->hint : str_from(facts->hint);
	return arena_printf(t->a, "%s. %.*s", facts->text, STR_ARG(hint));
}

void turn_fail(struct turn *t, const struct error *err)
{
	struct buf out;
	struct error unrecorded = {0};
	int status = error_http_status(err->code);
	if (refusal_of(err) && !turn_record_refusal(t, t->interaction, status, err, NULL, &unrecorded)) {
		err = &unrecorded;
		status = error_http_status(err->code);
	}
	t->refused = *err;
	if (status >= 500 && status != 503)
		status = 500;
	t->wait_s = t->wait_s ? t->wait_s : status == 503 ? 2 : 0;
	const char *heading = status >= 500 ? "Something went wrong" : "This did not work";
	page_begin(t, &out, &(struct page_look){heading, "", "the message"});
	buf_printf(&out, "<h1>%s</h1>\n<p class=\"lead\">", heading);
	page_text(&out, words_for(t, err, status));
	buf_add(&out, S(".</p>\n"));
	page_end(t, &out);
	page_send(t, status, &out);
}
