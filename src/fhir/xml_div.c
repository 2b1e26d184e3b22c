/*
 * Narratives on the way between the forms (http://hl7.org/fhir/R4/narrative.html): markup inside a JSON string,
 * elements in XML. They are carried as text, so that what an author wrote comes back to the byte.
 *
 * A carriage return needs care: every XML reader turns a bare one into a line feed, so in text and values it is written
 * as a reference and read back from one. Between attributes and in comments it is like any other white space.
 */
#include "fhir/fhir_priv.h"
#include "xml/xml.h"

#define XHTML_NS "http://www.w3.org/1999/xhtml"

enum { MAX_DIV = 256 << 20 };

/* Characters that XML 1.0 cannot hold become U+FFFD: better a sign of something lost than a document no one can read.
 * Returns the position after the character. */
static size_t add_char(struct buf *out, struct str s, size_t at)
{
	unsigned char c = (unsigned char)s.p[at];
	/* U+FFFE and U+FFFF are valid UTF-8 and yet no XML. */
	bool not_character = at + 3 <= s.n && c == 0xef && s.p[at + 1] == '\xbf' && (unsigned char)s.p[at + 2] >= 0xbe;
	if (not_character || (c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
		buf_add(out, S("\xef\xbf\xbd"));
	else
		buf_char(out, s.p[at]);
	return at + (not_character ? 3 : 1);
}

/*
 * XML can hold a carriage return as a reference only, and JSON both as a character and as a reference. So that each
 * comes back as it was, the character is written as &#13; and a reference with one zero more than it had: &#013; is
 * read as
 * &#13; again. Gives the length of a reference to a carriage return without its & and ;, or 0, and where its digits
 * begin.
 */
static size_t return_reference(struct str name, size_t *ret_digits)
{
	bool hexadecimal = name.n > 1 && (name.p[1] == 'x' || name.p[1] == 'X');
	size_t digits = hexadecimal ? 2 : 1, at = digits;
	if (name.n < 2 || name.p[0] != '#')
		return 0;
	while (at < name.n && name.p[at] == '0')
		at++;
	struct str number = str_slice(name, at, name.n);
	*ret_digits = digits;
	if (hexadecimal ? str_is(number, "d") || str_is(number, "D") : str_is(number, "13"))
		return name.n;
	return 0;
}

/* XML without a DTD knows five entities by name; HTML's others become numbers, or the text they were. */
static void add_entity(struct buf *out, struct str name)
{
	static const struct {
		const char *name;
		unsigned code;
	} known[] = {
#define ENTITY(name, code) {#name, code},
#include "fhir/entities.def"
#undef ENTITY
	};
	static const char *const own[] = {"amp", "lt", "gt", "quot", "apos"};
	bool keep = name.p[0] == '#';
	size_t digits;
	if (return_reference(name, &digits)) {
		buf_printf(out, "&%.*s0%.*s;", (int)digits, name.p, (int)(name.n - digits), name.p + digits);
		return;
	}
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		keep |= str_is(name, own[i]);
	for (size_t i = 0; !keep && i < sizeof(known) / sizeof(known[0]); i++) {
		if (str_is(name, known[i].name)) {
			buf_printf(out, "&#%u;", known[i].code);
			return;
		}
	}
	buf_printf(out, "%s%.*s;", keep ? "&" : "&amp;", STR_ARG(name));
}

/* Whether the first tag names its namespace; quoted values are stepped over. */
static bool has_namespace(struct str div)
{
	for (size_t i = 4; i < div.n && div.p[i] != '>'; i++) {
		if (div.p[i] == '"' || div.p[i] == '\'')
			i = str_find_char(div, div.p[i], i + 1);
		else if (str_starts(str_slice(div, i, div.n), S("xmlns")))
			return true;
	}
	return false;
}

/* A tag up to its end; quoted values are stepped over, and their entities written. */
static size_t add_tag(struct buf *out, struct str div, size_t at)
{
	for (char quote = '\0'; at < div.n;) {
		char c = div.p[at];
		if (c == '&') {
			size_t end = str_find_char(div, ';', at);
			add_entity(out, str_slice(div, at + 1, end));
			at = end + 1;
			continue;
		}
		if (quote && c == '\r') {
			buf_add(out, S("&#13;"));
			at++;
			continue;
		}
		at = add_char(out, div, at);
		if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? '\0' : c;
		else if (!quote && c == '>')
			break;
	}
	return at;
}

/* One step of a well-formed narrative: returns the position after it. */
static size_t add_part(struct buf *out, struct str div, size_t at)
{
	if (str_starts(str_slice(div, at, div.n), S("<!--"))) {
		for (size_t end = at + 4 + str_find(str_slice(div, at + 4, div.n), S("-->")) + 3; at < end;)
			at = add_char(out, div, at);
		return at;
	}
	if (div.p[at] == '<')
		return add_tag(out, div, at);
	if (div.p[at] == '&') {
		size_t end = str_find_char(div, ';', at);
		add_entity(out, str_slice(div, at + 1, end));
		return end + 1;
	}
	if (div.p[at] != '\r')
		return add_char(out, div, at);
	buf_add(out, S("&#13;"));
	return at + 1;
}

void div_write(struct buf *out, struct str div)
{
	div = str_trim(div);
	bool sound = !xhtml_problem(div);
	buf_add(out, S("<div"));
	if (!sound || !has_namespace(div))
		buf_add(out, S(" xmlns=\"" XHTML_NS "\""));
	if (sound) {
		for (size_t at = add_tag(out, div, 4); at < div.n;)
			at = add_part(out, div, at);
	} else {
		buf_char(out, '>');
		xml_add_text(out, div, false);
		buf_add(out, S("</div>"));
	}
}

/* Where in the markup a scan of well-formed XML is. */
struct state {
	bool tag;
	size_t comment; /* where its text begins; 0: in none */
	char quote;
};

static void advance(struct state *s, struct str source, size_t at)
{
	char c = source.p[at];
	if (s->comment) {
		/* The dashes that open it do not end it as well: <!---> goes on. */
		if (c == '>' && at >= s->comment + 2 && source.p[at - 1] == '-' && source.p[at - 2] == '-')
			s->comment = 0;
	} else if (s->quote) {
		s->quote = c == s->quote ? '\0' : s->quote;
	} else if (s->tag) {
		s->tag = c != '>';
		s->quote = c == '"' || c == '\'' ? c : '\0';
	} else if (c == '<') {
		s->comment = str_starts(str_slice(source, at, source.n), S("<!--")) ? at + 4 : 0;
		s->tag = !s->comment;
	}
}

/* A reference to a carriage return as JSON had it. Its length with & and ;, 0 when it is none. */
static size_t add_return(struct buf *out, struct str source)
{
	size_t end = str_find_char(source, ';', 0), digits;
	if (end == STR_NONE)
		return 0;
	struct str name = str_slice(source, 1, end);
	if (!return_reference(name, &digits))
		return 0;
	if (name.p[digits] == '0')
		buf_printf(out, "&%.*s%.*s;", (int)digits, name.p, (int)(name.n - digits - 1), name.p + digits + 1);
	else
		buf_char(out, '\r');
	return end + 1;
}

static void copy_source(struct buf *out, struct str source)
{
	struct state state = {0};
	for (size_t i = 0; i < source.n; i++) {
		char c = source.p[i];
		bool text = (!state.tag && !state.comment) || state.quote;
		size_t reference = text && c == '&' ? add_return(out, str_slice(source, i, source.n)) : 0;
		advance(&state, source, i);
		if (reference) {
			i += reference - 1;
		} else if (c != '\r') {
			buf_char(out, c);
		} else if (i + 1 == source.n || source.p[i + 1] != '\n') {
			buf_char(out, '\n');
		}
	}
}

bool div_read(struct json_writer *w, struct str text, const struct xml_node *node)
{
	struct buf div;
	buf_init(&div, MAX_DIV);
	if (node->verbatim && node->declares_default)
		copy_source(&div, str_slice(text, node->from, node->to));
	else
		xml_write_element(&div, node);
	json_put_str(w, buf_str(&div));
	bool ok = buf_ok(&div);
	buf_done(&div);
	return ok;
}
