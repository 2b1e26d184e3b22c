/* What a URL leads to, for deciding whether anything may be fetched from there and whom a token is shown to. */
#include "server/cds/cds_priv.h"

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
