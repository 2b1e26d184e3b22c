/* Reading a member of a served resource by its bytes, since reads must not cost a parse. */
#include "server/access/access.h"

static bool is_escaped(struct str s, size_t at)
{
	size_t first = at;
	while (first && s.p[first - 1] == '\\')
		first--;
	return (at - first) % 2 == 1;
}

/* The position after the string that starts at the quote `at`. Most of a resource is text, so its end is looked for by
 * what the C library has for that. */
static size_t after_string(struct str s, size_t at)
{
	do {
		const char *quote = at + 1 < s.n ? memchr(s.p + at + 1, '"', s.n - at - 1) : NULL;
		at = quote ? (size_t)(quote - s.p) : s.n;
	} while (at < s.n && is_escaped(s, at));
	return at + 1;
}

struct str access_peek_object(struct str body, struct str name)
{
	int depth = 0;
	for (size_t i = 0; i < body.n;) {
		char c = body.p[i];
		if (c == '{' || c == '[') {
			depth++;
			i++;
		} else if (c == '}' || c == ']') {
			depth--;
			i++;
		} else if (c == '"') {
			size_t end = after_string(body, i);
			if (depth == 1 && end + 1 < body.n && body.p[end] == ':' && body.p[end + 1] == '{' &&
			    str_eq(str_slice(body, i + 1, end - 1), name))
				return str_slice(body, end + 1, body.n);
			i = end;
		} else {
			i++;
		}
	}
	return STR_NULL;
}

struct str access_peek_text(struct str object, struct str name)
{
	int depth = 0;
	for (size_t i = 0; i < object.n;) {
		char c = object.p[i];
		if (c == '"') {
			size_t end = after_string(object, i);
			if (depth == 1 && end + 1 < object.n && object.p[end] == ':' && object.p[end + 1] == '"' &&
			    str_eq(str_slice(object, i + 1, end - 1), name))
				return str_slice(object, end + 2, after_string(object, end + 1) - 1);
			i = end;
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		if ((c == '}' || c == ']') && --depth == 0)
			return STR_NULL;
		i++;
	}
	return STR_NULL;
}
