/*
 * Inlines of Markdown: emphasis, code, links. The text is walked twice: first to find which delimiters belong together,
 * with a stack as CommonMark describes it, then to write.
 */
#include "hooks/markdown_priv.h"
#include "hooks/text_priv.h"

#include "base/encode.h"
#include "base/unicode.h"

enum { DELIMITERS = 256, TICKS = 32, LOOK_AHEAD = 2000 };

/* "**" or "_": where it stands, and with which other it belongs together. */
struct delimiter {
	size_t at;
	char c;
	unsigned char n;
	bool closes;
	bool matched;
};
struct inlines {
	struct markdown *m;
	struct str text;
	bool links;
	bool no_ticks[TICKS + 1]; /* from here on nothing closes a run of so many */
	struct delimiter delimiters[DELIMITERS];
	size_t count;
};

enum element_kind { ELEMENT_TEXT, ELEMENT_CODE, ELEMENT_LINK, ELEMENT_IMAGE, ELEMENT_BREAK };
/* What begins at a place and stands for itself. */
struct element {
	enum element_kind kind;
	struct str inner, url;
	size_t end;
	uint32_t point; /* of text: instead of inner, when it is not 0 */
};

/* ---- text -------------------------------------------------------------------------------------------------------- */

static bool is_hidden(uint32_t point)
{
	return point != '\n' && point != '\t' && text_is_hidden(point);
}

void markdown_plain(struct markdown *m, struct str text)
{
	struct str rest = text;
	while (rest.n) {
		struct str bytes = unicode_next(&rest);
		uint32_t point = unicode_point(bytes);
		if (is_hidden(point))
			continue;
		if (m->html && point < 0x80)
			encode_html(m->out, bytes);
		else if (point == 0xFFFD)
			unicode_write(m->out, point);
		else
			buf_add(m->out, bytes);
	}
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_punctuation(char c)
{
	unsigned char u = (unsigned char)c;
	return u > ' ' && u < 0x7F && !(u >= '0' && u <= '9') && !(u >= 'A' && u <= 'Z') && !(u >= 'a' && u <= 'z');
}

static char at(struct str text, size_t i)
{
	return i < text.n ? text.p[i] : ' ';
}

/* ---- elements ---------------------------------------------------------------------------------------------------- */

static bool is_web(struct str url)
{
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7F)
			return false;
	return (url.n > 7 && str_eq_nocase(str_slice(url, 0, 7), S("http://"))) ||
	       (url.n > 8 && str_eq_nocase(str_slice(url, 0, 8), S("https://")));
}

static bool code_at(struct inlines *in, size_t i, struct element *ret)
{
	struct str t = in->text;
	size_t n = 0, k;
	while (at(t, i + n) == '`')
		n++;
	*ret = (struct element){.kind = ELEMENT_TEXT, .inner = str_slice(t, i, i + n), .end = i + n};
	if (n > TICKS || in->no_ticks[n])
		return true;
	for (k = i + n; k < t.n;) {
		size_t run = 0;
		while (at(t, k + run) == '`')
			run++;
		if (run == n)
			break;
		k += run ? run : 1;
	}
	in->no_ticks[n] = k >= t.n;
	if (k < t.n)
		*ret = (struct element){ELEMENT_CODE, str_slice(t, i + n, k), STR_NULL, k + n, 0};
	return true;
}

/* The end of what a bracket at i opens, one behind its partner; 0: none near. */
static size_t closing(struct str t, size_t i, char open, char close)
{
	size_t depth = 0;
	for (size_t k = i; k < t.n && k < i + LOOK_AHEAD; k++) {
		if (t.p[k] == '\\')
			k++;
		else if (t.p[k] == open)
			depth++;
		else if (t.p[k] == close && --depth == 0)
			return k + 1;
	}
	return 0;
}

/* "[words](url "title")", of an image with "!" in front. */
static bool link_at(struct inlines *in, size_t i, struct element *ret)
{
	struct str t = in->text;
	size_t from = i + (at(t, i) == '!'), words = at(t, from) == '[' ? closing(t, from, '[', ']') : 0;
	size_t end = words && at(t, words) == '(' ? closing(t, words, '(', ')') : 0;
	if (!end || (!in->links && from == i))
		return false;
	struct str target = str_trim(str_slice(t, words + 1, end - 1)), url = str_split(&target, ' ');
	if (str_starts(url, S("<")) && str_ends(url, S(">")))
		url = str_slice(url, 1, url.n - 1);
	*ret = (struct element){from == i ? ELEMENT_LINK : ELEMENT_IMAGE, str_slice(t, from + 1, words - 1), url, end,
				0};
	return true;
}

/* "<https://...>", "<br>". */
static bool angle_at(struct inlines *in, size_t i, struct element *ret)
{
	struct str t = in->text;
	size_t end = str_find_char(str_slice(t, 0, i + LOOK_AHEAD), '>', i);
	if (end == STR_NONE)
		return false;
	struct str inner = str_slice(t, i + 1, end);
	if (str_eq_nocase(inner, S("br")) || str_eq_nocase(inner, S("br/")) || str_eq_nocase(inner, S("br /"))) {
		*ret = (struct element){.kind = ELEMENT_BREAK, .end = end + 1};
		return true;
	}
	if (!in->links || !is_web(inner))
		return false;
	*ret = (struct element){ELEMENT_LINK, inner, inner, end + 1, 0};
	return true;
}

/* A bare address ends before a space, and not with what ends a sentence. */
static bool address_at(struct inlines *in, size_t i, struct element *ret)
{
	struct str t = str_slice(in->text, i, i + LOOK_AHEAD);
	size_t n = 0;
	if (!in->links || (i && !is_space(in->text.p[i - 1]) && !is_punctuation(in->text.p[i - 1])) ||
	    !(str_starts(t, S("http://")) || str_starts(t, S("https://"))))
		return false;
	while (n < t.n && (unsigned char)t.p[n] > ' ' && !strchr("<>\"`|*", t.p[n]))
		n++;
	while (n && strchr(".,:;!?'_~)]", t.p[n - 1]))
		n--;
	struct str url = str_slice(t, 0, n);
	if (!is_web(url))
		return false;
	*ret = (struct element){ELEMENT_LINK, url, url, i + n, 0};
	return true;
}

static bool entity_at(struct inlines *in, size_t i, struct element *ret)
{
	static const struct {
		const char *name;
		uint32_t point;
	} names[] = {{"amp", '&'},   {"lt", '<'},	{"gt", '>'},	   {"quot", '"'},      {"apos", '\''},
		     {"nbsp", 0xA0}, {"mdash", 0x2014}, {"ndash", 0x2013}, {"hellip", 0x2026}, {"micro", 0xB5}};
	struct str t = str_slice(in->text, i + 1, i + 10);
	size_t end = str_find_char(t, ';', 0);
	struct str name = end == STR_NONE ? S("") : str_slice(t, 0, end);
	uint64_t number;
	*ret = (struct element){.kind = ELEMENT_TEXT, .end = i + 2 + name.n};
	for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
		if (str_is(name, names[k].name))
			ret->point = names[k].point;
	if (str_starts(name, S("#")) && str_to_u64(str_slice(name, 1, name.n), &number) && number < 0x110000)
		ret->point = (uint32_t)number;
	return ret->point != 0;
}

static bool break_at(struct inlines *in, size_t i, struct element *ret)
{
	struct str t = in->text;
	size_t end = i;
	if (i && t.p[i - 1] == ' ')
		return false;
	while (end < t.n && t.p[end] == ' ')
		end++;
	if (at(t, end) != '\n' || end < i + 2)
		return false;
	*ret = (struct element){.kind = ELEMENT_BREAK, .end = end + 1};
	return true;
}

static bool escape_at(struct inlines *in, size_t i, struct element *ret)
{
	struct str t = in->text;
	if (at(t, i + 1) == '\n') {
		*ret = (struct element){.kind = ELEMENT_BREAK, .end = i + 2};
		return true;
	}
	if (!is_punctuation(at(t, i + 1)))
		return false;
	*ret = (struct element){ELEMENT_TEXT, str_slice(t, i + 1, i + 2), STR_NULL, i + 2, 0};
	return true;
}

static bool element_at(struct inlines *in, size_t i, struct element *ret)
{
	switch (in->text.p[i]) {
	case '\\':
		return escape_at(in, i, ret);
	case '`':
		return code_at(in, i, ret);
	case '!':
	case '[':
		return link_at(in, i, ret);
	case '<':
		return angle_at(in, i, ret);
	case 'h':
		return address_at(in, i, ret);
	case '&':
		return entity_at(in, i, ret);
	case ' ':
		return break_at(in, i, ret);
	default:
		return false;
	}
}

/* ---- delimiters -------------------------------------------------------------------------------------------------- */

/* Finds the nearest open partner and drops the open ones between. */
static bool close_one(struct inlines *in, size_t *open, size_t *depth, size_t i, char c, unsigned n)
{
	for (size_t k = *depth; k-- > 0;) {
		struct delimiter *d = &in->delimiters[open[k]];
		if (d->c != c || d->n != n || d->at + d->n == i)
			continue;
		d->matched = true;
		*depth = k;
		in->delimiters[in->count++] = (struct delimiter){i, c, (unsigned char)n, true, true};
		return true;
	}
	return false;
}

static void open_one(struct inlines *in, size_t *open, size_t *depth, size_t i, char c, unsigned n)
{
	open[(*depth)++] = in->count;
	in->delimiters[in->count++] = (struct delimiter){i, c, (unsigned char)n, false, false};
}

static void take_run(struct inlines *in, size_t *open, size_t *depth, size_t i, unsigned n)
{
	char c = in->text.p[i], before = i ? in->text.p[i - 1] : ' ', after = at(in->text, i + n);
	bool left = !is_space(after) && (!is_punctuation(after) || is_space(before) || is_punctuation(before)),
	     right = !is_space(before) && (!is_punctuation(before) || is_space(after) || is_punctuation(after));
	bool opens = left && (c != '_' || !right || is_punctuation(before)),
	     closes = right && (c != '_' || !left || is_punctuation(after));
	if (n > 3 || (c == '~' && n != 2) || in->count + 4 > DELIMITERS)
		return;
	/* three are one and two, and the inner ones close first */
	unsigned first = n == 3 ? (*depth && in->delimiters[open[*depth - 1]].n == 1 ? 1 : 2) : n, second = n - first;
	bool closed = closes && close_one(in, open, depth, i, c, first);
	if (!closed && opens)
		open_one(in, open, depth, i, c, first);
	if (second && (!closed || !close_one(in, open, depth, i + first, c, second)) && opens)
		open_one(in, open, depth, i + first, c, second);
}

static size_t run_at(struct str t, size_t i)
{
	size_t n = 0;
	if (t.p[i] == '*' || t.p[i] == '_' || t.p[i] == '~')
		while (at(t, i + n) == t.p[i])
			n++;
	return n;
}

static void find_delimiters(struct inlines *in)
{
	size_t open[DELIMITERS], depth = 0;
	struct element e;
	for (size_t i = 0, n; i < in->text.n; i += n) {
		n = run_at(in->text, i);
		if (n)
			take_run(in, open, &depth, i, n > 4 ? 4 : (unsigned)n);
		else
			n = element_at(in, i, &e) ? e.end - i : 1;
	}
	memset(in->no_ticks, 0, sizeof(in->no_ticks));
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void put(struct markdown *m, const char *html, const char *colour)
{
	if (m->html)
		buf_add(m->out, str_from(html));
	else if (m->colour)
		buf_add(m->out, str_from(colour));
}

static void put_delimiter(struct markdown *m, const struct delimiter *d)
{
	if (d->c == '~')
		put(m, d->closes ? "</del>" : "<del>", d->closes ? "\033[29m" : "\033[9m");
	else if (d->n == 2)
		put(m, d->closes ? "</strong>" : "<strong>", d->closes ? "\033[22m" : "\033[1m");
	else
		put(m, d->closes ? "</em>" : "<em>", d->closes ? "\033[23m" : "\033[3m");
}

static void put_link(struct markdown *m, const struct element *e)
{
	bool web = is_web(e->url), same = str_eq(e->inner, e->url);
	if (m->html && web) {
		buf_add(m->out, S("<a rel=\"noopener noreferrer\" href=\""));
		markdown_plain(m, e->url);
		buf_add(m->out, S("\">"));
	}
	if (same)
		markdown_plain(m, e->inner);
	else
		markdown_inline(m, e->inner, false);
	if (m->html && web)
		buf_add(m->out, S("</a>"));
	if (!m->html && web && !same) {
		buf_add(m->out, S(" <"));
		markdown_plain(m, e->url);
		buf_char(m->out, '>');
	}
}

/* In a terminal a newline of the source is a space; only breaks are newlines there. */
static void put_text(struct markdown *m, struct str text)
{
	while (!m->html && text.p) {
		markdown_plain(m, str_split(&text, '\n'));
		if (text.p)
			buf_char(m->out, ' ');
	}
	if (m->html)
		markdown_plain(m, text);
}

static void put_point(struct markdown *m, uint32_t point)
{
	char c = (char)point;
	if (point < 0x80)
		markdown_plain(m, str_make(&c, 1));
	else if (!is_hidden(point))
		unicode_write(m->out, point);
}

static void put_element(struct markdown *m, const struct element *e)
{
	switch (e->kind) {
	case ELEMENT_TEXT:
		if (e->point)
			put_point(m, e->point);
		else
			markdown_plain(m, e->inner);
		return;
	case ELEMENT_CODE:
		put(m, "<code>", "\033[36m");
		put_text(m, e->inner);
		put(m, "</code>", "\033[39m");
		return;
	case ELEMENT_LINK:
		put_link(m, e);
		return;
	case ELEMENT_IMAGE:
		buf_add(m->out, S("(image"));
		buf_add(m->out, e->inner.n ? S(": ") : S(""));
		markdown_plain(m, e->inner);
		buf_char(m->out, ')');
		return;
	case ELEMENT_BREAK:
		buf_add(m->out, m->html ? S("<br>\n") : S("\n"));
		return;
	}
}

void markdown_inline(struct markdown *m, struct str text, bool links)
{
	struct inlines in = {.m = m, .text = text, .links = links};
	struct element e;
	size_t next = 0, begin = 0, i = 0;
	find_delimiters(&in);
	while (i < text.n) {
		while (next < in.count && in.delimiters[next].at < i)
			next++;
		const struct delimiter *d =
			next < in.count && in.delimiters[next].at == i ? &in.delimiters[next] : NULL;
		bool element = !d && !run_at(text, i) && element_at(&in, i, &e);
		if (!element && !(d && d->matched)) {
			i++;
			continue;
		}
		put_text(m, str_slice(text, begin, i));
		if (element)
			put_element(m, &e);
		else
			put_delimiter(m, d);
		i = begin = element ? e.end : i + d->n;
	}
	put_text(m, str_slice(text, begin, text.n));
}
