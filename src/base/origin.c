/* Where a URL leads. See origin.h. */
#include "base/origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum { PORT_DIGITS = 5 };

static bool is_port(struct str text)
{
	uint64_t port;
	return text.n <= PORT_DIGITS && str_to_u64(text, &port) && port <= 65535;
}

/* Letters, digits and what stands between them, in names and in addresses; UTF-8 is for those who wrote it as it is. */
static bool is_host_text(struct str host)
{
	for (size_t i = 0; i < host.n; i++) {
		unsigned char c = (unsigned char)host.p[i];
		if (c <= ' ' || c >= 0x7F || strchr("/?#@\\%\"<>^`{|}*[]", c))
			return false;
	}
	return host.n > 0;
}

struct str authority_host(struct str authority)
{
	bool bracketed = authority.n && authority.p[0] == '[';
	size_t end = bracketed ? str_find_char(authority, ']', 0) : str_find_char(authority, ':', 0);
	if (bracketed && end == STR_NONE)
		return STR_NULL;
	struct str host = bracketed ? str_slice(authority, 1, end) : str_slice(authority, 0, end);
	struct str rest = end == STR_NONE ? S("") : str_slice(authority, bracketed ? end + 1 : end, authority.n);
	if (!is_host_text(host) || (rest.n && (rest.p[0] != ':' || !is_port(str_slice(rest, 1, rest.n)))))
		return STR_NULL;
	return host;
}

struct str url_origin(struct str url)
{
	size_t start = str_starts(url, S("https://")) ? 8 : str_starts(url, S("http://")) ? 7 : 0, end = start;
	while (end < url.n && url.p[end] != '/' && url.p[end] != '?' && url.p[end] != '#')
		end++;
	bool ok = start && authority_host(str_slice(url, start, end)).p;
	return ok ? str_slice(url, 0, end) : STR_NULL;
}

bool host_is_loopback(struct str host)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr address4;
	struct in6_addr address6;
	if (str_eq_nocase(host, S("localhost")))
		return true;
	if (!host.n || host.n >= sizeof(text) || memchr(host.p, 0, host.n))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = 0;
	if (inet_pton(AF_INET, text, &address4) == 1)
		return (ntohl(address4.s_addr) >> 24) == 127;
	if (inet_pton(AF_INET6, text, &address6) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&address6) || (IN6_IS_ADDR_V4MAPPED(&address6) && address6.s6_addr[12] == 127);
}

bool authority_is_loopback(struct str authority)
{
	return host_is_loopback(authority_host(authority));
}

bool url_is_loopback(struct str url)
{
	struct str origin = url_origin(url);
	return origin.p && authority_is_loopback(str_slice(origin, str_find(origin, S("://")) + 3, origin.n));
}

bool url_is_private(struct str url)
{
	return (str_starts(url, S("https://")) && url_origin(url).p) || url_is_loopback(url);
}
