/*
 * Requests from anywhere, from the target on: the input is a request as text with bare line ends, "METHOD TARGET", then
 * headers, an empty line, and the body.
 */
#include "fuzz.h"
#include "request_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { MAX_HEADERS = 20 };
	struct http_header headers[MAX_HEADERS];
	struct str rest = str_make((const char *)data, size), line = str_split(&rest, '\n');
	struct request_text text = {.method = str_split(&line, ' '), .headers = headers};
	text.target = line.p ? line : S("/");
	/* The HTTP server below gives targets without zero bytes and line ends. */
	if (!text.method.n || memchr(text.target.p, 0, text.target.n))
		return 0;
	while (rest.p) {
		line = str_split(&rest, '\n');
		if (!line.n)
			break;
		struct str value = line, name = str_split(&value, ':');
		if (value.p && text.header_count < MAX_HEADERS && !memchr(line.p, 0, line.n))
			headers[text.header_count++] = (struct http_header){str_trim(name), str_trim(value)};
	}
	text.body = rest.p ? rest : S("");
	request_ask(&text);
	return 0;
}
