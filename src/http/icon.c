/* The icon that browsers ask every site for: two rivers that meet the sea. Without one they report an error on each
 * page. */
#include "http/server.h"

static const char icon[] =
	"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\">"
	"<rect width=\"32\" height=\"32\" rx=\"7\" fill=\"#0b5a6f\"/>"
	"<path d=\"M7 5c0 6 3 8 9 12M25 5c0 6-3 8-9 12\" fill=\"none\" stroke=\"#fff\" stroke-width=\"3\" "
	"stroke-linecap=\"round\"/><path d=\"M14.5 15h3c0 5 3 9 8 12h-19c5-3 8-7 8-12z\" fill=\"#fff\"/></svg>\n";

bool http_answer_icon(struct http_exchange *x)
{
	static const struct http_header headers[] = {{S("Cache-Control"), S("max-age=86400")},
						     {S("Content-Security-Policy"), S("default-src 'none'")}};
	const struct http_request *request = http_request(x);
	if (!str_is(request->path, "/favicon.ico") || !str_is(request->method, "GET"))
		return false;
	struct buf body;
	buf_init(&body, sizeof(icon));
	buf_add(&body, str_from(icon));
	http_respond(x, &(struct http_response){.status = 200,
						.content_type = S("image/svg+xml"),
						.headers = headers,
						.header_count = sizeof(headers) / sizeof(headers[0]),
						.body = &body});
	buf_done(&body);
	return true;
}
