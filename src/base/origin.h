/*
 * Where a URL leads, for deciding whom secrets are shown to, what may be fetched, and whether a page or a caller is on
 * this machine. Strict on purpose: what readers of URLs could understand differently is no answer at all.
 */
#ifndef FIRTH_BASE_ORIGIN_H
#define FIRTH_BASE_ORIGIN_H

#include "base/str.h"

/* "https://host:8080", a part of the URL: scheme (http or https, lower case), host and port as they are written (RFC
 * 6454 section 4). STR_NULL when the URL has another scheme, no host, user information, a port that is no number, or
 * anything in its authority that a host name or address does not have: spaces, backslashes, escapes, wildcards. */
struct str url_origin(struct str url);

/* The host of "host:8080", "[::1]:8080" or "host", as a Host header or a URL has it, without port and brackets.
 * STR_NULL as above. */
struct str authority_host(struct str authority);

/* Is it this machine by name or number: "localhost" in any case, 127.0.0.0/8 as four decimal numbers, ::1, or an
 * address of the former as IPv6 (::ffff:127.0.0.1)? Nothing else is: no name below or above localhost, no trailing dot,
 * no address in short, octal or hexadecimal form, no scope (::1%lo), and not 0.0.0.0. Without brackets and port. */
bool host_is_loopback(struct str host);
bool authority_is_loopback(struct str authority);
bool url_is_loopback(struct str url);

/* May secrets travel there: https to anywhere, http only to this machine. */
bool url_is_private(struct str url);

#endif
