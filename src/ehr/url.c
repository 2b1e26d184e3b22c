/*
 * Addresses and small headers of answers: links made absolute and compared by origin, so that a token never travels to
 * another host; Retry-After; ETag. Pure.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "ehr/ehr_priv.h"
#include "ehr/login.h"

struct str ehr_url_trim(struct str url)
{
	return str_ends(url, S("/")) ? str_slice(url, 0, url.n - 1) : url;
}

/* The length of "scheme://authority", 0 when it is no http or https URL. */
static size_t origin_length(struct str url, struct str *ret_scheme, struct str *ret_host, struct str *ret_port)
{
	size_t colon = str_find(url, S("://"));
	if (colon == STR_NONE)
		return 0;
	struct str scheme = str_slice(url, 0, colon);
	bool secure = str_eq_nocase(scheme, S("https"));
	if (!secure && !str_eq_nocase(scheme, S("http")))
		return 0;
	size_t end = colon + 3;
	while (end < url.n && !strchr("/?#", url.p[end]))
		end++;
	struct str authority = str_slice(url, colon + 3, end);
	if (!authority.n || str_find_char(authority, '@', 0) != STR_NONE)
		return 0;
	size_t port = str_rfind_char(authority, ':');
	if (port != STR_NONE && str_find_char(authority, ']', port) != STR_NONE)
		port = STR_NONE; /* a colon inside an IPv6 address */
	*ret_scheme = scheme;
	*ret_host = port == STR_NONE ? authority : str_slice(authority, 0, port);
	*ret_port = port == STR_NONE ? (secure ? S("443") : S("80")) : str_slice(authority, port + 1, authority.n);
	return end;
}

bool ehr_url_same_origin(struct str a, struct str b)
{
	struct str scheme_a, host_a, port_a, scheme_b, host_b, port_b;
	return origin_length(a, &scheme_a, &host_a, &port_a) && origin_length(b, &scheme_b, &host_b, &port_b) &&
	       str_eq_nocase(scheme_a, scheme_b) && str_eq_nocase(host_a, host_b) && str_eq(port_a, port_b);
}

struct str ehr_url_resolve(struct arena *a, struct str from, struct str link)
{
	for (size_t i = 0; i < link.n; i++)
		if ((unsigned char)link.p[i] <= ' ' || link.p[i] == '\\' || link.p[i] == 0x7f)
			return STR_NULL; /* readers of URLs disagree about these */
	struct str scheme, host, port;
	if (origin_length(link, &scheme, &host, &port))
		return link;
	size_t origin = origin_length(from, &scheme, &host, &port);
	size_t colon = str_find_char(link, ':', 0);
	size_t slash = str_find_char(link, '/', 0), query = str_find_char(link, '?', 0);
	bool has_scheme =
		colon != STR_NONE && (slash == STR_NONE || colon < slash) && (query == STR_NONE || colon < query);
	if (!origin || !link.n || has_scheme)
		return STR_NULL;
	if (str_starts(link, S("//")))
		return arena_printf(a, "%.*s:%.*s", STR_ARG(scheme), STR_ARG(link));
	if (link.p[0] == '/')
		return arena_printf(a, "%.*s%.*s", STR_ARG(str_slice(from, 0, origin)), STR_ARG(link));
	size_t path_end = str_find_char(from, '?', 0);
	struct str path = str_slice(from, 0, path_end == STR_NONE ? from.n : path_end);
	if (link.p[0] == '?')
		return arena_printf(a, "%.*s%.*s", STR_ARG(path), STR_ARG(link));
	size_t last = str_rfind_char(path, '/');
	if (last == STR_NONE || last < origin)
		return arena_printf(a, "%.*s/%.*s", STR_ARG(path), STR_ARG(link));
	return arena_printf(a, "%.*s%.*s", STR_ARG(str_slice(path, 0, last + 1)), STR_ARG(link));
}

struct str ehr_etag_version(struct str etag)
{
	etag = str_trim(etag);
	if (str_starts(etag, S("W/")))
		etag = str_slice(etag, 2, etag.n);
	if (etag.n < 3 || etag.p[0] != '"' || etag.p[etag.n - 1] != '"')
		return STR_NULL;
	etag = str_slice(etag, 1, etag.n - 1);
	for (size_t i = 0; i < etag.n; i++)
		if ((unsigned char)etag.p[i] <= ' ' || etag.p[i] == '"')
			return STR_NULL; /* it goes into a header of ours */
	return etag;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT": RFC 9110 section 5.6.7, the form that servers must send. */
bool ehr_http_date(struct str text, int64_t *ret_ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	if (text.n != 29 || !str_ends(text, S(" GMT")))
		return false;
	uint64_t day, year, hour, minute, second;
	int month = 0;
	for (int i = 0; i < 12; i++)
		if (str_eq(str_slice(text, 8, 11), str_make(months + 3 * i, 3)))
			month = i + 1;
	if (!month || !str_to_u64(str_slice(text, 5, 7), &day) || !str_to_u64(str_slice(text, 12, 16), &year) ||
	    !str_to_u64(str_slice(text, 17, 19), &hour) || !str_to_u64(str_slice(text, 20, 22), &minute) ||
	    !str_to_u64(str_slice(text, 23, 25), &second) || day < 1 || day > 31 || year < 1970 || hour > 23 ||
	    minute > 59 || second > 60)
		return false;
	*ret_ms = ((clock_days_from_date((int)year, month, (int)day) * 24 + (int64_t)hour) * 3600 +
		   (int64_t)minute * 60 + (int64_t)second) *
		  1000;
	return true;
}

int64_t ehr_retry_after_ms(struct str header, int64_t now_ms)
{
	const int64_t cap = (int64_t)86400 * 1000;
	uint64_t seconds;
	int64_t at, wait = 0;
	header = str_trim(header);
	if (str_to_u64(header, &seconds))
		wait = seconds > 86400 ? cap : (int64_t)seconds * 1000;
	else if (ehr_http_date(header, &at))
		wait = at - now_ms;
	return wait < 0 ? 0 : wait > cap ? cap : wait;
}

bool ehr_url_parameter(struct arena *a, struct str query, const char *name, struct str *ret_value)
{
	struct str found = STR_NULL;
	while (query.p) {
		struct str value = str_split(&query, '&'), key = str_split(&value, '=');
		if (!str_is(key, name))
			continue;
		struct buf plain;
		buf_init(&plain, 64 << 10);
		bool ok = !found.p && decode_percent(&plain, value.p ? value : S(""), true);
		struct str text = buf_str(&plain);
		for (size_t i = 0; ok && i < text.n; i++)
			ok = (unsigned char)text.p[i] >= ' ' && text.p[i] != 0x7f;
		if (ok)
			found = arena_str(a, text);
		buf_done(&plain);
		if (!ok || !found.p)
			return false;
	}
	*ret_value = found;
	return true;
}
