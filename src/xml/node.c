/* Looking at nodes, and writing an element so that it can stand alone. */
#include "xml/xml.h"

struct str xml_attribute(const struct xml_node *node, struct str ns, struct str name)
{
	for (const struct xml_attribute *a = node ? node->attributes : NULL; a; a = a->next)
		if (str_eq(a->name, name) && str_eq(a->ns, ns))
			return a->value;
	return STR_NULL;
}

static const struct xml_node *first_element_from(const struct xml_node *node)
{
	while (node && node->kind != XML_ELEMENT)
		node = node->next;
	return node;
}

const struct xml_node *xml_first_element(const struct xml_node *node)
{
	return first_element_from(node ? node->first : NULL);
}

const struct xml_node *xml_next_element(const struct xml_node *node)
{
	return first_element_from(node ? node->next : NULL);
}

const struct xml_node *xml_child(const struct xml_node *node, struct str name)
{
	const struct xml_node *child = xml_first_element(node);
	while (child && !(str_eq(child->name, name) && str_eq(child->ns, node->ns)))
		child = xml_next_element(child);
	return child;
}

bool xml_is_space(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != ' ' && text.p[i] != '\t' && text.p[i] != '\n' && text.p[i] != '\r')
			return false;
	return true;
}

static const char *escape_of(char c, bool attribute)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '\r':
		return "&#13;";
	case '"':
		return attribute ? "&quot;" : NULL;
	case '\t':
		return attribute ? "&#9;" : NULL;
	case '\n':
		return attribute ? "&#10;" : NULL;
	default:
		return NULL;
	}
}

/* Bytes at `at` that XML 1.0 cannot hold in any way: control characters, U+FFFE and U+FFFF. */
static size_t forbidden(struct str s, size_t at)
{
	unsigned char c = (unsigned char)s.p[at];
	if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
		return 1;
	bool not_character = at + 3 <= s.n && c == 0xef && s.p[at + 1] == '\xbf' && (unsigned char)s.p[at + 2] >= 0xbe;
	return not_character ? 3 : 0;
}

void xml_add_text(struct buf *out, struct str text, bool attribute)
{
	size_t plain = 0;
	for (size_t i = 0; i < text.n; i++) {
		const char *escape = escape_of(text.p[i], attribute);
		size_t bad = escape ? 0 : forbidden(text, i);
		if (!escape && !bad)
			continue;
		buf_add(out, str_slice(text, plain, i));
		buf_add(out, escape ? str_from(escape) : S("\xef\xbf\xbd"));
		i += bad ? bad - 1 : 0;
		plain = i + 1;
	}
	buf_add(out, str_slice(text, plain, text.n));
}

static void add_start(struct buf *out, const struct xml_node *element, struct str around)
{
	buf_char(out, '<');
	buf_add(out, element->name);
	if (!str_eq(element->ns, around)) {
		buf_add(out, S(" xmlns=\""));
		xml_add_text(out, element->ns, true);
		buf_char(out, '"');
	}
	for (const struct xml_attribute *a = element->attributes; a; a = a->next) {
		if (a->ns.p && !str_is(a->prefix, "xml"))
			continue;
		buf_add(out, a->ns.p ? S(" xml:") : S(" "));
		buf_add(out, a->name);
		buf_add(out, S("=\""));
		xml_add_text(out, a->value, true);
		buf_char(out, '"');
	}
}

/* Recursion is bounded by the depth that xml_parse allowed. */
static void add_element(struct buf *out, const struct xml_node *element, struct str around)
{
	add_start(out, element, around);
	if (!element->first) {
		buf_add(out, S("/>"));
		return;
	}
	buf_char(out, '>');
	for (const struct xml_node *n = element->first; n; n = n->next) {
		if (n->kind == XML_ELEMENT)
			add_element(out, n, element->ns);
		else if (n->kind == XML_TEXT)
			xml_add_text(out, n->text, false);
		else
			buf_printf(out, "<!--%.*s-->", STR_ARG(n->text));
	}
	buf_add(out, S("</"));
	buf_add(out, element->name);
	buf_char(out, '>');
}

void xml_write_element(struct buf *out, const struct xml_node *element)
{
	add_element(out, element, STR_NULL);
}

static bool declares(const struct xml_node *from, const struct xml_node *until, struct str prefix)
{
	for (const struct xml_node *n = from; n != until; n = n->parent)
		for (const struct xml_declaration *d = n->declarations; d; d = d->next)
			if (str_eq(d->prefix, prefix) && !d->prefix.p == !prefix.p)
				return true;
	return false;
}

void xml_write_fragment(struct buf *out, struct str text, const struct xml_node *element)
{
	struct str source = str_slice(text, element->from, element->to);
	size_t name = 1 + element->prefix.n + (element->prefix.n ? 1 : 0) + element->name.n;
	buf_add(out, str_slice(source, 0, name));
	for (const struct xml_node *n = element->parent; n; n = n->parent) {
		for (const struct xml_declaration *d = n->declarations; d; d = d->next) {
			if (declares(element, n, d->prefix))
				continue;
			buf_add(out, d->prefix.p ? S(" xmlns:") : S(" xmlns"));
			buf_add(out, d->prefix);
			buf_add(out, S("=\""));
			xml_add_text(out, d->uri, true);
			buf_char(out, '"');
		}
	}
	buf_add(out, str_slice(source, name, source.n));
}
