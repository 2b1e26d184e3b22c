/*
 * Is this the head of a request? libmicrohttpd has the last word on that, but says it in HTML of its own. What it would
 * refuse is refused here before, so that a client reads the same kind of answer whatever it did wrong.
 */
#include "http/head_priv.h"

enum {
	NOTE_BYTES = 64, /* libmicrohttpd's note of each header, argument and cookie */
	ANSWER_BYTES = 1280 /* head of an answer without long values */
};

struct looking {
	struct str rest; /* lines that were not looked at */
	size_t notes, copies; /* of libmicrohttpd */
	bool host;
	struct str length; /* Content-Length; STR_NULL */
	struct error *err;
};

static bool bad(struct looking *l, const char *why)
{
	return error_set(l->err, ERR_VALUE, "This is no HTTP request: %s", why);
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c >= 0x7F || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	return s.n > 0;
}

/* The next line without its end; STR_NULL: it has not come whole. Bare line feeds end lines, too (section 2.2). */
static struct str next_line(struct str *rest)
{
	size_t end = str_find_char(*rest, '\n', 0);
	if (end == STR_NONE)
		return STR_NULL;
	struct str line = str_slice(*rest, 0, end);
	*rest = str_slice(*rest, end + 1, rest->n);
	return str_ends(line, S("\r")) ? str_slice(line, 0, line.n - 1) : line;
}

static size_t count_char(struct str s, char c)
{
	size_t count = 0;
	for (size_t at = str_find_char(s, c, 0); at != STR_NONE; at = str_find_char(s, c, at + 1))
		count++;
	return count;
}

/* ---- the request line (section 3) -------------------------------------------------------------------------------- */

/* "HTTP/1.1" (RFC 9112 section 2.3). Only its first digit says how the rest is to be read. */
static bool check_version(struct looking *l, struct str version, bool *ret_first)
{
	bool known = version.n == 8 && str_starts(version, S("HTTP/")) && version.p[6] == '.' && version.p[5] >= '0' &&
		     version.p[5] <= '9' && version.p[7] >= '0' && version.p[7] <= '9';
	*ret_first = str_is(version, "HTTP/1.1");
	if (!known)
		return bad(l, "its first line does not end with a version of HTTP");
	return *ret_first || str_is(version, "HTTP/1.0") ||
	       error_set(l->err, ERR_HTTP_VERSION, "This server speaks HTTP/1.1 and HTTP/1.0");
}

static void split_line(struct str line, struct head *head, struct str *ret_version)
{
	struct str rest = line;
	head->method = str_split(&rest, ' ');
	head->target = rest.p ? str_split(&rest, ' ') : STR_NULL;
	*ret_version = rest;
}

static bool check_line(struct looking *l, const struct head *head, struct str version, bool *ret_first)
{
	if (!is_token(head->method))
		return bad(l, "it does not begin with a method");
	if (!head->target.n)
		return bad(l, "it names no target");
	for (size_t i = 0; i < head->target.n; i++)
		if ((unsigned char)head->target.p[i] <= ' ' || head->target.p[i] == 0x7F)
			return bad(l, "its target has a control character");
	l->notes += str_find_char(head->target, '?', 0) == STR_NONE ? 0 : 1 + count_char(head->target, '&');
	return check_version(l, version, ret_first);
}

/* ---- header lines (section 5) ------------------------------------------------------------------------------------ */

static bool check_length(struct looking *l, struct str value)
{
	uint64_t bytes;
	if (!str_to_u64(value, &bytes) || (l->length.p && !str_eq(l->length, value)))
		return bad(l, "its Content-Length is not one number");
	l->length = value;
	return true;
}

/* Those on which it depends where the request ends, and for whom it is (sections 3.2 and 6). */
static bool check_framing(struct looking *l, struct str name, struct str value)
{
	if (str_eq_nocase(name, S("Host"))) {
		if (l->host)
			return bad(l, "it has two Host headers");
		l->host = true;
	}
	if (str_eq_nocase(name, S("Cookie"))) {
		l->notes += 1 + count_char(value, ';');
		l->copies += value.n;
	}
	if (str_eq_nocase(name, S("Content-Length")))
		return check_length(l, value);
	if (str_eq_nocase(name, S("Transfer-Encoding")) && !str_eq_nocase(value, S("chunked")))
		return bad(l, "its Transfer-Encoding is not chunked");
	return true;
}

static bool check_header(struct looking *l, struct str line, bool first)
{
	bool folded = line.p[0] == ' ' || line.p[0] == '\t';
	size_t colon = str_find_char(line, ':', 0);
	for (size_t i = 0; i < line.n; i++)
		if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7F)
			return bad(l, "a header has a control character");
	if (folded)
		return !first || bad(l, "white space stands before its first header");
	if (colon == STR_NONE || !is_token(str_slice(line, 0, colon)))
		return bad(l, "a header has no name");
	l->notes++;
	return check_framing(l, str_slice(line, 0, colon), str_trim(str_slice(line, colon + 1, line.n)));
}

/* ---- the head ---------------------------------------------------------------------------------------------------- */

static enum head_state too_long(struct looking *l, bool line, size_t room)
{
	const size_t left = room > ANSWER_BYTES ? room - ANSWER_BYTES : 0;
	if (line)
		error_set(l->err, ERR_URI_TOO_LONG,
			  "The URL goes beyond what a request may have, about %zu bytes with its headers "
			  "(limits.header); a long search can be asked by POST to _search",
			  left);
	else
		error_set(l->err, ERR_HEADER_TOO_LONG,
			  "The headers go beyond what a request may have, about %zu bytes with its URL "
			  "(limits.header)",
			  left);
	return HEAD_BAD;
}

enum head_state head_look(struct str text, size_t room, struct head *ret_head, struct error *err)
{
	struct looking l = {.rest = text, .err = err};
	struct str line, version;
	bool http11 = false, first = true;
	*ret_head = (struct head){STR_NULL, STR_NULL};
	while (l.rest.n && (l.rest.p[0] == '\r' || l.rest.p[0] == '\n')) /* left over from the request before */
		l.rest = str_slice(l.rest, 1, l.rest.n);
	struct str begun = l.rest;
	line = next_line(&l.rest);
	split_line(line.p ? line : begun, ret_head, &version);
	/* What begins as TLS or another protocol would be waited for in vain. */
	if (!line.p && begun.n && !is_token(ret_head->method))
		return bad(&l, "it does not begin with a method") ? HEAD_PARTIAL : HEAD_BAD;
	if (!line.p)
		return text.n + ANSWER_BYTES > room ? too_long(&l, true, room) : HEAD_PARTIAL;
	if (!check_line(&l, ret_head, version, &http11))
		return HEAD_BAD;
	bool long_line = line.n + l.notes * NOTE_BYTES > room / 2; /* what is to blame */
	while ((line = next_line(&l.rest)).n) {
		if (!check_header(&l, line, first))
			return HEAD_BAD;
		first = false;
	}
	if (text.n - l.rest.n + l.notes * NOTE_BYTES + l.copies + ANSWER_BYTES > room)
		return too_long(&l, long_line, room);
	if (!line.p)
		return text.n + ANSWER_BYTES > room ? too_long(&l, long_line, room) : HEAD_PARTIAL;
	return !http11 || l.host || bad(&l, "it has no Host") ? HEAD_GOOD : HEAD_BAD;
}
