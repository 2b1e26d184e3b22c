/* Blocks of Markdown, and how they stand in HTML and in a terminal. */
#include "hooks/markdown_priv.h"

#include <stdio.h>

enum { DEPTH_MAX = 6, WIDTH = 80, CELLS_MAX = 30 };

static void put_blocks(struct markdown *m, struct str text);

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static struct str next_line(struct str *rest)
{
	struct str line = str_split(rest, '\n');
	return str_ends(line, S("\r")) ? str_slice(line, 0, line.n - 1) : line;
}

static size_t indent_of(struct str line)
{
	size_t n = 0;
	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	return n;
}

static bool is_blank(struct str line)
{
	return indent_of(line) == line.n;
}

/* How many of c the line begins with. */
static size_t run_of(struct str line, char c)
{
	size_t n = 0;
	while (n < line.n && line.p[n] == c)
		n++;
	return n;
}

static bool is_fence(struct str line, char *ret_mark, size_t *ret_n)
{
	struct str t = str_trim(line);
	char c = t.n ? t.p[0] : 0;
	*ret_mark = c;
	*ret_n = c == '`' || c == '~' ? run_of(t, c) : 0;
	return *ret_n >= 3 && (c == '~' || str_find_char(str_slice(t, *ret_n, t.n), '`', 0) == STR_NONE);
}

static bool is_rule(struct str line)
{
	struct str t = str_trim(line);
	size_t marks = 0;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] != ' ' && t.p[i] != t.p[0])
			return false;
		marks += t.p[i] != ' ';
	}
	return marks >= 3 && strchr("-*_", t.p[0]);
}

static size_t heading_of(struct str line)
{
	struct str t = str_trim(line);
	size_t n = run_of(t, '#');
	return n >= 1 && n <= 6 && (n == t.n || t.p[n] == ' ') ? n : 0;
}

/* "- ", "3. ": where the content begins, 0 when it is none. */
static size_t marker_of(struct str line, char *ret_kind, uint64_t *ret_number)
{
	size_t i = indent_of(line), digits = i;
	*ret_number = 1;
	if (is_rule(line))
		return 0;
	while (digits < line.n && digits < i + 9 && line.p[digits] >= '0' && line.p[digits] <= '9')
		digits++;
	char c = digits < line.n ? line.p[digits] : 0;
	if (digits > i ? c != '.' && c != ')' : c != '-' && c != '*' && c != '+')
		return 0;
	if (digits + 1 < line.n && line.p[digits + 1] != ' ' && line.p[digits + 1] != '\t')
		return 0;
	if (digits > i && !str_to_u64(str_slice(line, i, digits), ret_number))
		return 0;
	*ret_kind = c;
	return digits + 2;
}

static bool is_quote(struct str line)
{
	return str_starts(str_trim(line), S(">"));
}

/* Does a line end the paragraph that it follows? */
static bool begins_block(struct str line)
{
	char mark;
	size_t n;
	uint64_t number;
	return is_blank(line) || is_fence(line, &mark, &n) || is_rule(line) || heading_of(line) || is_quote(line) ||
	       (marker_of(line, &mark, &number) && number == 1);
}

/* ---- in a terminal ------------------------------------------------------------------------------------------------
 */

static void put_indent(struct markdown *m)
{
	for (unsigned i = 0; i < m->indent; i++)
		buf_char(m->out, ' ');
}

/* Columns of a word; escape sequences take none. */
static size_t columns(struct str word)
{
	size_t n = 0;
	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] == '\033')
			while (i < word.n && word.p[i] != 'm')
				i++;
		else
			n += ((unsigned char)word.p[i] & 0xC0) != 0x80;
	}
	return n;
}

/* One line of text as as many as it takes; what follows the first stands below its text. */
static void wrap_line(struct markdown *m, struct str line, struct str mark)
{
	size_t column = m->indent + mark.n, empty = column;
	put_indent(m);
	buf_add(m->out, mark);
	while (line.p) {
		struct str word = str_split(&line, ' ');
		size_t wide = columns(word);
		if (!word.n)
			continue;
		if (column > empty && column + 1 + wide > m->width) {
			buf_char(m->out, '\n');
			put_indent(m);
			for (size_t i = 0; i < mark.n; i++)
				buf_char(m->out, ' ');
			column = empty;
		}
		if (column > empty) {
			buf_char(m->out, ' ');
			column++;
		}
		buf_add(m->out, word);
		column += wide;
	}
	buf_char(m->out, '\n');
}

/* ---- leaves ------------------------------------------------------------------------------------------------------ */

static void put_inline(struct markdown *m, struct str text, bool bold)
{
	struct buf *out = m->out, inner;
	if (m->html) {
		markdown_inline(m, text, true);
		return;
	}
	buf_init(&inner, MARKDOWN_MAX * 8);
	m->out = &inner;
	buf_add(&inner, bold && m->colour ? S("\033[1m") : S(""));
	markdown_inline(m, text, true);
	buf_add(&inner, bold && m->colour ? S("\033[22m") : S(""));
	m->out = out;
	for (struct str rest = buf_str(&inner); rest.p;)
		wrap_line(m, str_split(&rest, '\n'), S(""));
	buf_done(&inner);
}

static void put_tag(struct markdown *m, const char *tag)
{
	if (m->html)
		buf_add(m->out, str_from(tag));
}

static void put_paragraph(struct markdown *m, struct str line, struct str *rest)
{
	struct buf text;
	buf_init(&text, MARKDOWN_MAX * 2);
	buf_add(&text, str_slice(line, indent_of(line), line.n));
	for (struct str peek = *rest; peek.p;) {
		struct str next = next_line(&peek);
		if (begins_block(next))
			break;
		buf_char(&text, '\n');
		buf_add(&text, str_slice(next, indent_of(next), next.n));
		*rest = peek;
	}
	put_tag(m, m->tight ? "" : "<p>");
	put_inline(m, buf_str(&text), false);
	put_tag(m, m->tight ? "\n" : "</p>\n");
	buf_done(&text);
}

static void put_heading(struct markdown *m, struct str line, size_t level)
{
	/* below the heading that the card itself has */
	static const char *const open[] = {"<h4>", "<h5>", "<h6>"}, *const close[] = {"</h4>\n", "</h5>\n", "</h6>\n"};
	size_t at = level > 3 ? 2 : level - 1;
	struct str text = str_trim(str_slice(str_trim(line), level, line.n));
	size_t end = text.n;
	while (end && text.p[end - 1] == '#')
		end--;
	put_tag(m, open[at]);
	put_inline(m, str_trim(str_slice(text, 0, end)), true);
	put_tag(m, close[at]);
}

static void put_code(struct markdown *m, struct str *rest, char mark, size_t n)
{
	put_tag(m, "<pre tabindex=\"0\"><code>");
	while (rest->p) {
		struct str line = next_line(rest), t = str_trim(line);
		if (run_of(t, mark) >= n && run_of(t, mark) == t.n)
			break;
		if (!m->html)
			put_indent(m);
		markdown_plain(m, line);
		buf_char(m->out, '\n');
	}
	put_tag(m, "</code></pre>\n");
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static bool is_delimiter_row(struct str line)
{
	bool dash = false, bar = false;
	for (size_t i = 0; i < line.n; i++) {
		dash = dash || line.p[i] == '-';
		bar = bar || line.p[i] == '|';
		if (!strchr("|-: \t", line.p[i]) || !line.p[i])
			return false;
	}
	return dash && bar;
}

static struct str next_cell(struct str *rest)
{
	for (size_t i = 0; i < rest->n; i++) {
		if (rest->p[i] == '\\') {
			i++;
		} else if (rest->p[i] == '|') {
			struct str cell = str_slice(*rest, 0, i);
			*rest = str_slice(*rest, i + 1, rest->n);
			return str_trim(cell);
		}
	}
	struct str cell = str_trim(*rest);
	*rest = STR_NULL;
	return cell;
}

static void put_row(struct markdown *m, struct str line, const char *open, const char *close)
{
	struct str rest = str_trim(line);
	struct buf *out = m->out, row;
	if (str_starts(rest, S("|")))
		rest = str_slice(rest, 1, rest.n);
	if (str_ends(rest, S("|")) && !str_ends(rest, S("\\|")))
		rest = str_slice(rest, 0, rest.n - 1);
	buf_init(&row, MARKDOWN_MAX * 8);
	m->out = m->html ? out : &row;
	put_tag(m, "<tr>");
	for (size_t n = 0; rest.p && n < CELLS_MAX; n++) {
		if (!m->html && n)
			buf_add(m->out, S(" | "));
		put_tag(m, open);
		markdown_inline(m, next_cell(&rest), true);
		put_tag(m, close);
	}
	put_tag(m, "</tr>\n");
	m->out = out;
	if (!m->html)
		wrap_line(m, buf_str(&row), S(""));
	buf_done(&row);
}

static void put_table(struct markdown *m, struct str head, struct str *rest)
{
	next_line(rest);
	put_tag(m, "<div class=\"table\" tabindex=\"0\"><table>\n<thead>");
	put_row(m, head, "<th scope=\"col\">", "</th>");
	put_tag(m, "</thead>\n<tbody>\n");
	for (struct str peek = *rest; peek.p;) {
		struct str line = next_line(&peek);
		if (begins_block(line))
			break;
		put_row(m, line, "<td>", "</td>");
		*rest = peek;
	}
	put_tag(m, "</tbody></table></div>\n");
}

/* ---- lists and quotes -------------------------------------------------------------------------------------------- */

static void put_quote(struct markdown *m, struct str line, struct str *rest)
{
	struct buf inner;
	buf_init(&inner, MARKDOWN_MAX * 2);
	for (;;) {
		struct str t = str_slice(line, indent_of(line) + 1, line.n), peek = *rest;
		buf_add(&inner, str_starts(t, S(" ")) ? str_slice(t, 1, t.n) : t);
		buf_char(&inner, '\n');
		line = peek.p ? next_line(&peek) : STR_NULL;
		if (!is_quote(line))
			break;
		*rest = peek;
	}
	put_tag(m, "<blockquote>\n");
	m->indent += 2;
	put_blocks(m, buf_str(&inner));
	m->indent -= 2;
	put_tag(m, "</blockquote>\n");
	buf_done(&inner);
}

/* What belongs to an item besides its first line. True when an empty line is in it. */
static bool gather_item(struct buf *item, struct str *rest, size_t offset)
{
	bool loose = false;
	while (rest->p) {
		struct str peek = *rest, line = next_line(&peek), next = line;
		size_t blanks = 0;
		for (; is_blank(next) && peek.p; blanks++)
			next = next_line(&peek);
		bool deep = !is_blank(next) && indent_of(next) >= offset;
		char kind;
		uint64_t number;
		if (!deep && (blanks || begins_block(next) || marker_of(next, &kind, &number)))
			break;
		if (blanks)
			buf_char(item, '\n');
		loose = loose || blanks;
		buf_char(item, '\n');
		buf_add(item, str_slice(next, deep ? offset : indent_of(next), next.n));
		*rest = peek;
	}
	return loose;
}

static void put_item(struct markdown *m, struct str text, bool loose, char kind, uint64_t number)
{
	bool tight = m->tight;
	char mark[24];
	if (m->html) {
		m->tight = !loose;
		buf_add(m->out, S("<li>"));
		put_blocks(m, text);
		buf_add(m->out, S("</li>\n"));
		m->tight = tight;
		return;
	}
	/* The mark takes the place of the last of the indent. */
	struct buf *out = m->out, inner;
	int n = kind == '-' || kind == '*' || kind == '+'
			? snprintf(mark, sizeof(mark), "- ")
			: snprintf(mark, sizeof(mark), "%llu. ", (unsigned long long)number);
	buf_init(&inner, MARKDOWN_MAX * 8);
	m->out = &inner;
	m->indent += (unsigned)n;
	put_blocks(m, text);
	m->indent -= (unsigned)n;
	m->out = out;
	put_indent(m);
	buf_add(m->out, str_from(mark));
	buf_add(m->out, str_slice(buf_str(&inner), m->indent + (unsigned)n, inner.n));
	if (!inner.n)
		buf_char(m->out, '\n');
	buf_done(&inner);
}

static void put_list(struct markdown *m, struct str line, struct str *rest)
{
	char kind = 0, other = 0;
	uint64_t number, next;
	size_t offset = marker_of(line, &kind, &number);
	bool ordered = kind == '.' || kind == ')';
	if (m->html && ordered)
		buf_printf(m->out, "<ol start=\"%llu\">\n", (unsigned long long)number);
	else
		put_tag(m, "<ul>\n");
	while (offset) {
		struct buf item;
		buf_init(&item, MARKDOWN_MAX * 2);
		buf_add(&item, str_slice(line, offset, line.n));
		bool loose = gather_item(&item, rest, offset);
		put_item(m, buf_str(&item), loose, kind, number++);
		buf_done(&item);
		struct str peek = *rest;
		do
			line = peek.p ? next_line(&peek) : STR_NULL;
		while (peek.p && is_blank(line));
		offset = line.p ? marker_of(line, &other, &next) : 0;
		if (other != kind)
			offset = 0;
		if (offset)
			*rest = peek;
	}
	put_tag(m, ordered ? "</ol>\n" : "</ul>\n");
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static void put_rule(struct markdown *m)
{
	put_tag(m, "<hr>\n");
	if (m->html)
		return;
	put_indent(m);
	buf_add(m->out, S("----\n"));
}

static bool is_table(struct str line, struct str rest)
{
	return str_find_char(line, '|', 0) != STR_NONE && rest.p && is_delimiter_row(next_line(&rest));
}

static void put_block(struct markdown *m, struct str line, struct str *rest)
{
	char mark;
	size_t n;
	uint64_t number;
	if (is_fence(line, &mark, &n))
		put_code(m, rest, mark, n);
	else if (heading_of(line))
		put_heading(m, line, heading_of(line));
	else if (is_rule(line))
		put_rule(m);
	else if (is_quote(line) && m->depth < DEPTH_MAX)
		put_quote(m, line, rest);
	else if (marker_of(line, &mark, &number) && m->depth < DEPTH_MAX)
		put_list(m, line, rest);
	else if (is_table(line, *rest))
		put_table(m, line, rest);
	else
		put_paragraph(m, line, rest);
}

static void put_blocks(struct markdown *m, struct str text)
{
	bool began = false;
	m->depth++;
	while (text.p) {
		struct str line = next_line(&text);
		if (is_blank(line))
			continue;
		if (began && !m->html && m->depth == 1)
			buf_char(m->out, '\n');
		began = true;
		put_block(m, line, &text);
	}
	m->depth--;
}

static void put_all(struct markdown *m, struct str text)
{
	bool cut = text.n > MARKDOWN_MAX;
	put_blocks(m, str_slice(text, 0, MARKDOWN_MAX));
	if (cut)
		put_blocks(m, S("(The rest of this text is left out: it is too long.)"));
}

void markdown_html(struct buf *out, struct str text)
{
	put_all(&(struct markdown){.out = out, .html = true}, text);
}

void markdown_terminal(struct buf *out, struct str text, const struct markdown_terminal *how)
{
	put_all(&(struct markdown){.out = out,
				   .width = how->width ? how->width : WIDTH,
				   .indent = how->indent,
				   .colour = how->colour},
		text);
}
