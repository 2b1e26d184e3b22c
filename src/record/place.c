/* Addresses as they are: their parts, and text with one origin in place of another. */
#include "base/encode.h"
#include "record/record_priv.h"

bool place_of(struct str url, struct place *ret_place)
{
	size_t scheme = str_find(url, S("://"));
	struct str name = str_slice(url, 0, scheme == STR_NONE ? 0 : scheme);
	if (!str_eq_nocase(name, S("http")) && !str_eq_nocase(name, S("https")))
		return false;
	size_t hash = str_find_char(url, '#', 0);
	url = str_slice(url, 0, hash == STR_NONE ? url.n : hash);
	size_t end = scheme + 3;
	while (end < url.n && url.p[end] != '/' && url.p[end] != '?')
		end++;
	if (end == scheme + 3)
		return false;
	size_t mark = str_find_char(url, '?', end);
	struct str path = str_slice(url, end, mark == STR_NONE ? url.n : mark);
	*ret_place = (struct place){
		.origin = str_slice(url, 0, end),
		.path = path.n ? path : STR_NULL,
		.query = mark == STR_NONE ? STR_NULL : str_slice(url, mark + 1, url.n),
	};
	return true;
}

struct str media_type_of(struct str content_type)
{
	size_t end = str_find_char(content_type, ';', 0);
	return str_trim(str_slice(content_type, 0, end == STR_NONE ? content_type.n : end));
}

/* Could the host or port of an address go on with this? */
static bool goes_on(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
	       c == ':' || c == '_' || c == '@';
}

static void move(struct buf *out, struct str text, struct str from, struct str to, bool coded)
{
	while (text.n) {
		size_t at = str_find(text, from);
		if (at == STR_NONE)
			break;
		struct str rest = str_slice(text, at + from.n, text.n);
		bool longer = rest.n && goes_on(rest.p[0]);
		if (coded && rest.n >= 3 && str_eq_nocase(str_slice(rest, 0, 3), S("%3A")))
			longer = true;
		buf_add(out, str_slice(text, 0, at));
		buf_add(out, longer ? from : to);
		text = rest;
	}
	buf_add(out, text);
}

static struct str moved(struct arena *a, struct str text, struct str from, struct str to, bool coded)
{
	struct buf out;
	if (str_find(text, from) == STR_NONE)
		return text;
	buf_init(&out, 2 * text.n + (64 << 10));
	move(&out, text, from, to, coded);
	struct str result = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return result;
}

struct str place_move(struct arena *a, struct str text, struct str from, struct str to)
{
	struct buf coded_from, coded_to;
	buf_init(&coded_from, 4096);
	buf_init(&coded_to, 4096);
	encode_percent(&coded_from, from);
	encode_percent(&coded_to, to);
	struct str result = moved(a, text, from, to, false);
	if (result.p && buf_ok(&coded_from) && buf_ok(&coded_to))
		result = moved(a, result, buf_str(&coded_from), buf_str(&coded_to), true);
	buf_done(&coded_from);
	buf_done(&coded_to);
	return result;
}
