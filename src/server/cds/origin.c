/* What a URL leads to, for deciding whether anything may be fetched from there and whom a token is shown to. */
#include "server/cds/cds_priv.h"

/* Credentials, backslashes and the like could make a host look like another. */
struct str url_origin(struct str url)
{
	size_t start = str_starts(url, S("https://")) ? 8 : str_starts(url, S("http://")) ? 7 : 0, end = start;
	while (end < url.n && url.p[end] != '/' && url.p[end] != '?' && url.p[end] != '#') {
		unsigned char c = (unsigned char)url.p[end];
		if (c <= ' ' || c >= 0x7F || strchr("@\\%\"<>^`{|}", c))
			return STR_NULL;
		end++;
	}
	return start && end > start ? str_slice(url, 0, end) : STR_NULL;
}

bool url_is_loopback(struct str url)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
	struct str origin = url_origin(url);
	size_t start = str_find(origin.p ? origin : S(""), S("://"));
	struct str host = start == STR_NONE ? S("") : str_slice(origin, start + 3, origin.n);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		struct str name = str_from(hosts[i]);
		if (str_eq_nocase(str_slice(host, 0, name.n), name) && (host.n == name.n || host.p[name.n] == ':'))
			return true;
	}
	return false;
}

/* Segments of a path that lead up, also in disguise. */
static bool has_dots(struct str url)
{
	struct str rest = url, path = str_split(&rest, '?');
	for (size_t i = 0; i + 2 < path.n; i++)
		if (path.p[i] == '%' && path.p[i + 1] == '2' && (path.p[i + 2] == 'e' || path.p[i + 2] == 'E'))
			return true;
	return str_find(path, S("/../")) != STR_NONE || str_find(path, S("/./")) != STR_NONE ||
	       str_ends(path, S("/..")) || str_ends(path, S("/."));
}

bool url_is_below(struct str bases, struct str url)
{
	if (!url_origin(url).p || has_dots(url))
		return false;
	for (struct str rest = bases; rest.p;) {
		struct str base = str_trim(str_split(&rest, ' '));
		while (str_ends(base, S("/")))
			base.n--;
		if (base.n && str_starts(url, base) &&
		    (url.n == base.n || url.p[base.n] == '/' || url.p[base.n] == '?'))
			return true;
	}
	return false;
}
