/* What the pages of sandbox and launch simulator are made of. */
#include "sandbox/face_priv.h"
#include "sandbox/sheet_priv.h"

#include "base/encode.h"
#include "base/origin.h"

enum { PAGE_MAX = 16 << 20 };

void sheet_respond(struct http_exchange *x, int status, struct str type, struct str location, struct buf *body)
{
	const struct http_header headers[] = {
		{S("Content-Security-Policy"), S(HTTP_PAGE_POLICY "; base-uri 'none'; frame-ancestors 'none'")},
		{S("X-Content-Type-Options"), S("nosniff")},
		{S("Referrer-Policy"), S("same-origin")}, /* without any, forms of ours would come from "null" */
		{S("Cache-Control"), S("no-store")},
		{S("Location"), location}};
	http_respond(x, &(struct http_response){.status = status,
						.content_type = type,
						.headers = headers,
						.header_count = location.p ? 5 : 4,
						.body = body});
}

/* By whatever name of this machine the page was opened; another name may be anybody's. */
bool sheet_is_ours(const struct http_exchange *x, struct str base_url)
{
	struct str origin = http_request_header(x, "Origin"), host = http_request_header(x, "Host");
	size_t at = str_find(origin, S("://"));
	if (str_eq(origin, base_url))
		return true;
	return at != STR_NONE && str_eq(str_slice(origin, at + 3, origin.n), host) && authority_is_loopback(host);
}

struct str sheet_value(struct arena *a, struct str form, const char *name)
{
	struct str text = str_trim(face_decoded(a, face_value(form, str_from(name))));
	return text.n ? text : STR_NULL;
}

static void put_places(struct buf *out, const char *here)
{
	static const struct {
		const char *path, *name;
	} places[] = {{"/launcher", "Launches"},
		      {"/sandbox/apps", "Apps"},
		      {"/sandbox/hooks", "CDS Hooks"},
		      {"/sandbox/order-entry", "Order entry"}};
	buf_add(out, S("<nav class=\"places\" aria-label=\"Sandbox\">\n"));
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		buf_printf(out, "<a href=\"%s\"%s>%s</a>\n", places[i].path,
			   strcmp(here, places[i].path) == 0 ? " aria-current=\"page\"" : "", places[i].name);
	buf_add(out, S("</nav>\n"));
}

void sheet_begin(struct buf *out, const struct sheet *sheet)
{
	buf_init(out, PAGE_MAX);
	buf_printf(out,
		   "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
		   "content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light "
		   "dark\">\n%s<title>%s - Firth</title>\n<link rel=\"stylesheet\" href=\"/auth/page.css\">\n<link "
		   "rel=\"stylesheet\" href=\"/launcher/page.css\">\n</head>\n<body>\n<a class=\"skip\" "
		   "href=\"#main\">Skip to the content</a>\n<header class=\"top\"><div class=\"inside\"><span "
		   "class=\"brand\">%s</span><span class=\"who quiet\">%s</span></div></header>\n<main id=\"main\" "
		   "tabindex=\"-1\" class=\"wide\">\n",
		   sheet->again ? "<meta http-equiv=\"refresh\" content=\"2\">\n" : "", sheet->title, sheet->brand,
		   sheet->note);
	if (sheet->here)
		put_places(out, sheet->here);
}

void sheet_send(struct http_exchange *x, int status, struct buf *out)
{
	buf_add(out, S("</main>\n</body>\n</html>\n"));
	sheet_respond(x, status, S("text/html; charset=utf-8"), STR_NULL, out);
	buf_done(out);
}

void sheet_text(struct buf *out, const char *name, const char *label, struct str value, size_t max)
{
	buf_printf(out,
		   "<div class=\"field\"><label for=\"%s\">%s</label>\n<input type=\"text\" id=\"%s\" name=\"%s\" "
		   "maxlength=\"%zu\" value=\"",
		   name, label, name, name, max);
	encode_html(out, value);
	buf_add(out, S("\"></div>\n"));
}

void sheet_area(struct buf *out, const char *name, const char *label, const char *hint, struct str value)
{
	buf_printf(out,
		   "<div class=\"field\"><label for=\"%s\">%s</label>\n<textarea id=\"%s\" name=\"%s\" rows=\"4\" "
		   "spellcheck=\"false\" aria-describedby=\"%s-hint\">",
		   name, label, name, name, name);
	encode_html(out, value);
	buf_printf(out, "</textarea><p class=\"hint\" id=\"%s-hint\">%s</p></div>\n", name, hint);
}

void sheet_select(struct buf *out, const char *name, const char *label)
{
	buf_printf(out, "<div class=\"field\"><label for=\"%s\">%s</label>\n<select id=\"%s\" name=\"%s\">\n", name,
		   label, name, name);
}

void sheet_option(struct buf *out, struct str value, struct str chosen, struct str text)
{
	buf_add(out, S("<option value=\""));
	encode_html(out, value);
	buf_add(out, str_eq(value, chosen) ? S("\" selected>") : S("\">"));
	encode_html(out, text);
	buf_add(out, S("</option>\n"));
}
