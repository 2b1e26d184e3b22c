/*
 * Request targets (RFC 9112 section 3.2). A path that two readers could understand in two ways is refused rather than
 * repaired: no empty or dot segments, no escaped slash, no zero byte, no control character, valid UTF-8.
 */
#include "base/encode.h"
#include "http/server_priv.h"

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F)
			return true;
	return false;
}

/* "http://host/path" (absolute-form, section 3.2.2) as "/path": the authority is the proxy's matter. */
struct str target_origin_form(struct str target)
{
	size_t scheme = str_starts(target, S("http://")) ? 7 : str_starts(target, S("https://")) ? 8 : 0;
	if (!scheme)
		return target;
	size_t end = scheme;
	while (end < target.n && target.p[end] != '/' && target.p[end] != '?')
		end++;
	return end < target.n && target.p[end] == '/' ? str_slice(target, end, target.n) : S("/");
}

static bool check_segments(struct str path, struct error *err)
{
	struct str rest = str_slice(path, 1, path.n);
	bool first = true;
	while (rest.p) {
		struct str segment = str_split(&rest, '/');
		if (str_is(segment, ".") || str_is(segment, ".."))
			return error_set(err, ERR_VALUE, "The path contains the dot segment \"%.*s\"",
					 STR_ARG(segment));
		/* One slash at the very end is common and harmless. */
		if (segment.n == 0 && rest.p)
			return error_set(err, ERR_VALUE, "The path contains an empty segment (\"//\")");
		if (segment.n == 0 && !first && str_ends(path, S("//")))
			return error_set(err, ERR_VALUE, "The path contains an empty segment (\"//\")");
		first = false;
	}
	return true;
}

static bool decode_path(struct arena *a, struct str raw, struct str *ret_path, struct error *err)
{
	if (str_find_char(raw, '%', 0) == STR_NONE) {
		*ret_path = raw;
		return true;
	}
	if (str_find(raw, S("%2F")) != STR_NONE || str_find(raw, S("%2f")) != STR_NONE)
		return error_set(err, ERR_VALUE, "The path contains an escaped slash (%%2F)");
	struct buf text;
	buf_init(&text, raw.n + 1);
	bool decoded = decode_percent(&text, raw, false);
	if (decoded)
		*ret_path = arena_str(a, buf_str(&text));
	buf_done(&text);
	if (!decoded)
		return error_set(err, ERR_VALUE, "The path contains a broken or zero percent escape");
	return ret_path->p || error_memory(err);
}

bool target_parse(struct arena *a, struct str target, struct str *ret_path, struct str *ret_query, struct error *err)
{
	*ret_query = S("");
	if (str_is(target, "*")) {
		*ret_path = target; /* asterisk-form, section 3.2.4: OPTIONS on the server as a whole */
		return true;
	}
	struct str origin = target_origin_form(target);
	size_t mark = str_find_char(origin, '?', 0);
	struct str raw = mark == STR_NONE ? origin : str_slice(origin, 0, mark), path = STR_NULL;
	if (mark != STR_NONE)
		*ret_query = str_slice(origin, mark + 1, origin.n);
	if (raw.n == 0 || raw.p[0] != '/')
		return error_set(err, ERR_VALUE, "The request target does not start with a slash");
	if (!decode_path(a, raw, &path, err))
		return false;
	if (has_control(path) || has_control(*ret_query))
		return error_set(err, ERR_VALUE, "The request target contains a control character");
	if (!str_is_utf8(path))
		return error_set(err, ERR_UTF8, "The path is not valid UTF-8");
	if (!check_segments(path, err))
		return false;
	*ret_path = path;
	return true;
}

bool method_valid(struct str method)
{
	for (size_t i = 0; i < method.n; i++) {
		char c = method.p[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-'))
			return false;
	}
	return method.n > 0 && method.n <= 32;
}
