/*
 * Values from records in texts that an EHR shows: as plain text, and as Markdown in which they stay text. What a record
 * says may have been typed by anybody, so none of it may become a link, an image, HTML or a heading.
 */
#include "base/unicode.h"
#include "hooks/card.h"
#include "hooks/text_priv.h"

bool text_is_hidden(uint32_t point)
{
	return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x200E || point == 0x200F ||
	       (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x2069) || point == 0xFEFF ||
	       (point >= 0xFFF9 && point <= 0xFFFB) || (point >= 0xE0000 && point <= 0xE007F);
}

static bool is_markup(char c)
{
	return c == '\\' || c == '`' || c == '*' || c == '_' || c == '[' || c == ']' || c == '~' || c == '|' ||
	       c == '#' || c == '$';
}

/* At the beginning of a line, which a value may stand at: a list or a rule. */
static bool begins_block(struct str value, size_t at)
{
	char c = value.p[at];
	size_t digits = 0;
	while (digits < at && value.p[digits] >= '0' && value.p[digits] <= '9')
		digits++;
	if (c == '.' || c == ')')
		return at > 0 && digits == at && (at + 1 == value.n || value.p[at + 1] == ' ');
	return at == 0 && (c == '-' || c == '+' || c == '=');
}

/* Where GFM makes links of bare addresses. */
static bool begins_link(struct str value, size_t at)
{
	if (value.p[at] == ':')
		return str_starts(str_slice(value, at, value.n), S("://"));
	return value.p[at] == '.' && at >= 3 && str_eq_nocase(str_slice(value, at - 3, at), S("www"));
}

static void add_escaped(struct buf *out, struct str value, size_t at)
{
	switch (value.p[at]) {
	case '<':
		buf_add(out, S("&lt;"));
		return;
	case '>':
		buf_add(out, S("&gt;"));
		return;
	case '&':
		buf_add(out, S("&amp;"));
		return;
	default:
		if (is_markup(value.p[at]) || begins_block(value, at) || begins_link(value, at))
			buf_char(out, '\\');
		buf_char(out, value.p[at]);
	}
}

static void add_value(struct buf *out, struct str value, size_t max, bool markdown)
{
	struct str trimmed = str_trim(value), rest = trimmed;
	bool gap = false, began = false;
	for (size_t n = 0; rest.n; n++) {
		struct str bytes = unicode_next(&rest);
		uint32_t point = (unsigned char)bytes.p[0] < 0x80 ? (unsigned char)bytes.p[0] : unicode_point(bytes);
		bool space = unicode_is_space(point);
		if (n == max) {
			buf_add(out, S("…"));
			return;
		}
		if (space || text_is_hidden(point)) {
			gap = gap || space;
			continue;
		}
		if (gap && began)
			buf_char(out, ' ');
		gap = false;
		began = true;
		if (point < 0x80 && markdown)
			add_escaped(out, trimmed, (size_t)(bytes.p - trimmed.p));
		else if (point == 0xFFFD)
			buf_add(out, S("\xEF\xBF\xBD"));
		else
			buf_add(out, bytes);
	}
}

void hook_markdown_add(struct buf *out, struct str value, size_t max)
{
	add_value(out, value, max, true);
}

void hook_plain_add(struct buf *out, struct str value, size_t max)
{
	add_value(out, value, max, false);
}

/* Printable ASCII without a double space needs no look at its characters. */
static bool is_simple(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < 0x20 || text.p[i] == 0x7F || (text.p[i] == ' ' && (!i || text.p[i - 1] == ' ')))
			return false;
	return true;
}

struct str hook_text_cut(struct arena *a, struct str text, size_t max)
{
	struct buf out;
	if (text.n <= max && is_simple(text))
		return text.p ? text : S("");
	buf_init(&out, text.n * 3 + 16);
	hook_plain_add(&out, text, text.n);
	struct str whole = buf_str(&out);
	size_t end = unicode_offset(whole, max);
	if (end < whole.n) {
		end = unicode_offset(whole, max - 1);
		size_t word = str_rfind_char(str_slice(whole, 0, end + 1), ' ');
		if (word != STR_NONE && word > end / 2)
			end = word;
		whole = arena_printf(a, "%.*s…", STR_ARG(str_slice(whole, 0, end)));
	} else {
		whole = arena_str(a, whole);
	}
	if (!buf_ok(&out))
		whole = STR_NULL;
	buf_done(&out);
	return whole;
}
