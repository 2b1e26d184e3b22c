/* The launch's pages: plain HTML without script, in the clinic page's style. What is not ours goes through
 * encode_html().
 */
#include "app/launch_priv.h"
#include "app/login.h"
#include "base/clock.h"
#include "base/encode.h"

extern const char data_page[], data_page_end[]; /* page.css */

void launch_page_init(struct launch_page *page, int status, struct str title)
{
	*page = (struct launch_page){.status = status, .title = title};
	buf_init(&page->body, 1 << 20);
}

void launch_paragraph(struct launch_page *page, const char *format, ...)
{
	struct buf text;
	va_list args;
	buf_init(&text, 64 << 10);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	buf_add(&page->body, S("<p>"));
	encode_html(&page->body, buf_str(&text));
	buf_add(&page->body, S("</p>\n"));
	buf_done(&text);
}

/* Who may show the page in a frame: an EHR's desktop, when it is configured so. */
static struct str policy(struct launch_call *call)
{
	struct str frames = call->launch->o.config->launch_frames;
	return arena_printf(call->a, HTTP_PAGE_POLICY "; base-uri 'none'; frame-ancestors %.*s",
			    STR_ARG(frames.n ? frames : S("'none'")));
}

static void respond(struct launch_call *call, int status, struct str type, struct str location, struct buf *body,
		    const struct http_header *cookies, size_t cookie_count)
{
	struct http_header headers[8] = {{S("Content-Security-Policy"), policy(call)},
					 {S("X-Content-Type-Options"), S("nosniff")},
					 {S("Referrer-Policy"), S("no-referrer")},
					 {S("Cache-Control"), S("no-store")}};
	size_t count = 4;
	for (size_t i = 0; i < cookie_count; i++)
		headers[count++] = cookies[i];
	if (location.p)
		headers[count++] = (struct http_header){S("Location"), location};
	http_respond(call->x, &(struct http_response){.status = status,
						      .content_type = type,
						      .headers = headers,
						      .header_count = count,
						      .body = body});
}

void launch_page_send(struct launch_call *call, struct launch_page *page)
{
	struct buf out;
	buf_init(&out, 2 << 20);
	buf_add(&out, S("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>"));
	encode_html(&out, page->title);
	buf_add(&out, S(" - Firth</title>\n<link rel=\"stylesheet\" href=\"/launch/page.css\">\n</head>\n<body>\n"
			"<header><strong>Firth</strong> <span>launched from an EHR</span></header>\n<main>\n<h1>"));
	encode_html(&out, page->title);
	buf_add(&out, S("</h1>\n"));
	buf_add(&out, buf_str(&page->body));
	buf_add(&out, S("</main>\n</body>\n</html>\n"));
	if (!buf_ok(&page->body))
		buf_reset(&out);
	buf_done(&page->body);
	respond(call, page->status, S("text/html; charset=utf-8"), STR_NULL, &out, page->cookies, page->cookie_count);
	buf_done(&out);
}

void launch_redirect(struct launch_call *call, struct str url, const struct http_header *cookies, size_t cookie_count)
{
	respond(call, 303, S(""), url, NULL, cookies, cookie_count);
}

void launch_style(struct http_exchange *x)
{
	static const struct http_header headers[] = {{S("Cache-Control"), S("max-age=3600")}};
	struct buf style;
	buf_init(&style, 64 << 10);
	buf_add(&style, str_make(data_page, (size_t)(data_page_end - data_page)));
	http_respond(x, &(struct http_response){.status = 200,
						.content_type = S("text/css; charset=utf-8"),
						.headers = headers,
						.header_count = 1,
						.body = &style});
	buf_done(&style);
}

void launch_explain(struct launch_call *call, int status, struct str title, struct str happened, struct str advice)
{
	struct launch_page page;
	launch_page_init(&page, status, title);
	buf_add(&page.body, S("<p class=\"problem\" role=\"alert\">"));
	encode_html(&page.body, happened);
	buf_add(&page.body, S("</p>\n"));
	launch_paragraph(&page, "%.*s", STR_ARG(advice));
	launch_paragraph(&page, "Request %.*s", STR_ARG(http_request(call->x)->request_id));
	launch_page_send(call, &page);
}

/* ---- the session ------------------------------------------------------------------------------------------------- */

static void row(struct buf *out, const char *label, struct str value)
{
	if (!value.n)
		return;
	buf_printf(out, "<tr><th scope=\"row\">%s</th><td>", label);
	encode_html(out, value);
	buf_add(out, S("</td></tr>\n"));
}

static void form(struct buf *out, const char *action, struct str session, const char *button)
{
	buf_printf(out, "<form method=\"post\" action=\"%s\"><input type=\"hidden\" name=\"session\" value=\"", action);
	encode_html(out, session);
	buf_printf(out, "\"><button>%s</button></form>\n", button);
}

static struct str patient_name(struct arena *a, const struct json *patient)
{
	const struct json *name = json_at(json_get(patient, S("name")), 0);
	struct str text = json_get_str(name, S("text")), given = json_str(json_at(json_get(name, S("given")), 0));
	if (text.n)
		return text;
	struct str family = json_get_str(name, S("family"));
	return arena_printf(a, "%.*s%s%.*s", STR_ARG(given.p ? given : S("")), given.n && family.n ? " " : "",
			    STR_ARG(family.p ? family : S("")));
}

/* An EHR that gives no name still says whose record it is. */
static struct str who_of(const struct ehr_login *login)
{
	return login->name.n ? login->name : login->fhir_user.n ? login->fhir_user : login->subject;
}

/* Scopes as the person should understand them; what was refused first. */
static void write_scopes(struct buf *out, struct arena *a, const struct ehr_login *login)
{
	static const char *const fates[] = {"granted", "granted in part", "asked for, not granted",
					    "granted without being asked for"};
	struct ehr_scope_line *lines;
	size_t count;
	if (!ehr_scope_compare(a, login->requested, login->granted, &lines, &count, NULL))
		return;
	buf_add(out,
		S("<h2>What the app may do</h2>\n<table><thead><tr><th scope=\"col\">Scope</th><th scope=\"col\">It "
		  "lets the app</th><th scope=\"col\">The EHR</th></tr></thead><tbody>\n"));
	for (size_t i = 0; i < count; i++) {
		buf_add(out, S("<tr><th scope=\"row\">"));
		encode_html(out, lines[i].scope);
		buf_add(out, S("</th><td data-label=\"It lets the app\">"));
		encode_html(out, lines[i].words);
		buf_printf(out, "</td><td data-label=\"The EHR\">%s</td></tr>\n", fates[lines[i].fate]);
	}
	buf_add(out, S("</tbody></table>\n"));
}

void launch_show_session(struct launch_call *call, struct str session, const struct ehr_login *login,
			 const struct json *patient, struct str why, const struct http_header *cookies,
			 size_t cookie_count)
{
	struct launch_page page;
	struct str warnings[8];
	struct buf *out = &page.body;
	struct str name = patient_name(call->a, patient);
	launch_page_init(&page, 200, patient && name.n ? name : S("You are logged in"));
	if (why.p) {
		buf_add(out, S("<p class=\"problem\" role=\"alert\">"));
		encode_html(out, why);
		buf_add(out, S("</p>\n"));
	}
	size_t told = ehr_login_warnings(call->a, login, warnings, 8);
	for (size_t i = 0; i < told; i++) {
		buf_add(out, S("<p class=\"problem\">"));
		encode_html(out, warnings[i]);
		buf_add(out, S("</p>\n"));
	}
	buf_add(out, S("<table><tbody>\n"));
	row(out, "Date of birth", json_get_str(patient, S("birthDate")));
	row(out, "Sex", json_get_str(patient, S("gender")));
	row(out, "Patient", login->patient);
	row(out, "Encounter", login->encounter);
	row(out, "Logged in as", who_of(login));
	row(out, "Record of the user", login->fhir_user);
	row(out, "EHR", login->ehr);
	row(out, "Opened for", login->intent);
	row(out, "The token ends", login_when(call->a, login->expires_ms, clock_now_ms()));
	row(out, "It is renewed", login->refresh_token.n ? S("by itself") : S("not"));
	buf_add(out, S("</tbody></table>\n"));
	write_scopes(out, call->a, login);
	form(out, "/launch/session", session, "Look again");
	form(out, "/launch/logout", session, "Log out");
	for (size_t i = 0; i < cookie_count; i++)
		page.cookies[page.cookie_count++] = cookies[i];
	launch_page_send(call, &page);
}

void launch_ask(struct launch_call *call, struct str session, const struct ehr_login *login)
{
	struct launch_page page;
	struct str who = who_of(login);
	launch_page_init(&page, 200, S("Is this you?"));
	launch_paragraph(&page, "You were logged in at %.*s%s%.*s%s%.*s.", STR_ARG(login->ehr), who.n ? " as " : "",
			 STR_ARG(who), login->patient.n ? ", for patient " : "", STR_ARG(login->patient));
	launch_paragraph(&page,
			 "This browser kept no mark of who began the login, as browsers inside of EHRs often do. "
			 "Go on only if you have just opened the app from your EHR, and this is you.");
	form(&page.body, "/launch/session", session, "Continue");
	form(&page.body, "/launch/logout", session, "This is not me");
	launch_page_send(call, &page);
}
