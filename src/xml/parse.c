/*
 * Reading: libxml2's SAX interface, so that the tree is ours, lies in the arena and knows offsets, and so that what is
 * refused is refused before libxml2 does anything about it.
 */
#include "xml/xml_priv.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <pthread.h>

enum { DEFAULT_DEPTH = 128, DEFAULT_BYTES = 256 << 20, DEFAULT_NODES = 20000000, DEFAULT_ATTRIBUTES = 64 };
enum { NAME_SLOTS = 256, MAX_TEXT = 256 << 20, MAX_SHOWN = 64 };

struct reader {
	struct arena *arena;
	struct str text;
	struct xml_limits limits;
	struct error *err;
	xmlParserCtxt *context;
	struct xml_node *root, *open, *last; /* last: the newest child of open, NULL when there is none yet */
	size_t depth, nodes;
	struct buf pending; /* character data since the last tag */
	size_t pending_at;
	size_t seen_at, seen_line, seen_start; /* how far lines were counted */
	struct {
		const xmlChar *name;
		struct str copy;
	} names[NAME_SLOTS]; /* libxml2 gives equal names at equal addresses */
	bool failed;
};

/* How far libxml2 has read, in our text. */
static size_t offset_of(const struct reader *r)
{
	const xmlParserInput *in = r->context->input;
	size_t at = in ? in->consumed + (size_t)(in->cur - in->base) : 0;
	return at < r->text.n ? at : r->text.n;
}

static void position(struct reader *r, size_t at, size_t *ret_line, size_t *ret_column)
{
	if (at < r->seen_at || !r->seen_line) {
		r->seen_line = 1;
		r->seen_at = r->seen_start = 0;
	}
	const char *from = r->text.p + r->seen_at, *end = r->text.p + at;
	for (const char *p; from < end && (p = memchr(from, '\n', (size_t)(end - from))); from = p + 1) {
		r->seen_line++;
		r->seen_start = (size_t)(p + 1 - r->text.p);
	}
	r->seen_at = at;
	*ret_line = r->seen_line;
	*ret_column = at - r->seen_start + 1;
}

__attribute__((format(printf, 4, 5))) static void fail_at(struct reader *r, size_t at, enum error_code code,
							  const char *format, ...)
{
	va_list args;
	char text[256];
	if (r->failed)
		return;
	r->failed = true;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (r->err && !r->err->code) {
		error_set(r->err, code, "%s", text);
		position(r, at, &r->err->line, &r->err->column);
	}
	if (r->context)
		xmlStopParser(r->context);
}

static void fail_memory(struct reader *r)
{
	fail_at(r, offset_of(r), ERR_MEMORY, "%s", error_default_text(ERR_MEMORY));
}

static struct str copy_name(struct reader *r, const xmlChar *name)
{
	if (!name)
		return STR_NULL;
	size_t slot = ((uintptr_t)name >> 2 ^ (uintptr_t)name >> 10) % NAME_SLOTS;
	if (r->names[slot].name != name) {
		struct str copy = arena_str(r->arena, str_from((const char *)name));
		if (!copy.p)
			return copy;
		r->names[slot].name = name;
		r->names[slot].copy = copy;
	}
	return r->names[slot].copy;
}

static struct xml_node *add_node(struct reader *r, enum xml_kind kind, size_t at)
{
	if (++r->nodes > r->limits.nodes) {
		fail_at(r, at, ERR_LIMIT, "The document has more than %zu nodes", r->limits.nodes);
		return NULL;
	}
	struct xml_node *node = ARENA_NEW(r->arena, struct xml_node);
	if (!node) {
		fail_memory(r);
		return NULL;
	}
	node->kind = kind;
	node->parent = r->open;
	node->from = at;
	position(r, at, &node->line, &node->column);
	if (r->last)
		r->last->next = node;
	else if (r->open)
		r->open->first = node;
	r->last = node;
	return node;
}

static bool flush_text(struct reader *r)
{
	if (r->failed || !r->pending.n)
		return !r->failed;
	struct xml_node *node = buf_ok(&r->pending) ? add_node(r, XML_TEXT, r->pending_at) : NULL;
	struct str copy = node ? arena_str(r->arena, buf_str(&r->pending)) : STR_NULL;
	if (!copy.p) {
		fail_memory(r);
		return false;
	}
	node->text = copy;
	node->to = offset_of(r);
	buf_reset(&r->pending);
	return true;
}

static bool add_attributes(struct reader *r, struct xml_node *node, int count, const xmlChar **attributes)
{
	const struct xml_attribute **link = &node->attributes;
	if ((size_t)count > r->limits.attributes) {
		fail_at(r, node->from, ERR_LIMIT, "An element has more than %zu attributes", r->limits.attributes);
		return false;
	}
	for (int i = 0; i < count; i++, attributes += 5) { /* local name, prefix, namespace, value, end of value */
		struct xml_attribute *attribute = ARENA_NEW(r->arena, struct xml_attribute);
		struct str value = str_make((const char *)attributes[3], (size_t)(attributes[4] - attributes[3]));
		if (!attribute || !(attribute->value = arena_str(r->arena, value)).p) {
			fail_memory(r);
			return false;
		}
		attribute->name = copy_name(r, attributes[0]);
		attribute->prefix = copy_name(r, attributes[1]);
		attribute->ns = copy_name(r, attributes[2]);
		if (attribute->prefix.p && !str_is(attribute->prefix, "xml"))
			node->verbatim = false;
		*link = attribute;
		link = &attribute->next;
	}
	return true;
}

static bool add_declarations(struct reader *r, struct xml_node *node, int count, const xmlChar **namespaces)
{
	for (int i = 0; i < count; i++) {
		struct xml_declaration *declaration = ARENA_NEW(r->arena, struct xml_declaration);
		if (!declaration) {
			fail_memory(r);
			return false;
		}
		declaration->prefix = copy_name(r, namespaces[2 * i]);
		declaration->uri = copy_name(r, namespaces[2 * i + 1]);
		declaration->next = node->declarations;
		node->declarations = declaration;
		node->declares_default |= !namespaces[2 * i];
		node->verbatim &= !namespaces[2 * i];
	}
	return true;
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int ns_count,
		     const xmlChar **namespaces, int attribute_count, int defaulted, const xmlChar **attributes)
{
	struct reader *r = ctx;
	(void)defaulted;
	if (!flush_text(r))
		return;
	/* libxml2 stands behind the attributes, and no attribute can hold a < */
	size_t end = offset_of(r);
	const char *start = end ? memrchr(r->text.p, '<', end) : NULL;
	size_t at = start ? (size_t)(start - r->text.p) : end;
	if (r->depth == r->limits.depth) {
		fail_at(r, at, ERR_LIMIT, "Elements are nested deeper than %zu levels", r->limits.depth);
		return;
	}
	struct xml_node *node = add_node(r, XML_ELEMENT, at);
	if (!node)
		return;
	node->name = copy_name(r, name);
	node->prefix = copy_name(r, prefix);
	node->ns = copy_name(r, uri);
	node->verbatim = !prefix;
	if (!add_declarations(r, node, ns_count, namespaces) || !add_attributes(r, node, attribute_count, attributes))
		return;
	if (!r->root)
		r->root = node;
	r->open = node;
	r->last = NULL;
	r->depth++;
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct reader *r = ctx;
	(void)name;
	(void)prefix;
	(void)uri;
	if (!flush_text(r) || !r->open)
		return;
	struct xml_node *node = r->open, *parent = (struct xml_node *)(uintptr_t)node->parent;
	node->to = offset_of(r);
	if (parent && (!node->verbatim || node->declares_default))
		parent->verbatim = false;
	r->last = node;
	r->open = parent;
	r->depth--;
}

static void on_text(void *ctx, const xmlChar *text, int n)
{
	struct reader *r = ctx;
	if (r->failed || !r->open)
		return;
	if (!r->pending.n)
		r->pending_at = r->last ? r->last->to : r->open->from;
	buf_add(&r->pending, str_make((const char *)text, (size_t)n));
}

static void on_cdata(void *ctx, const xmlChar *text, int n)
{
	struct reader *r = ctx;
	on_text(ctx, text, n);
	if (!r->failed && r->open)
		r->open->verbatim = false;
}

static void on_comment(void *ctx, const xmlChar *text)
{
	struct reader *r = ctx;
	if (r->failed || !r->open || !flush_text(r))
		return;
	struct xml_node *node = add_node(r, XML_COMMENT, offset_of(r));
	if (!node)
		return;
	node->to = node->from;
	node->text = arena_str(r->arena, str_from((const char *)text));
	if (!node->text.p)
		fail_memory(r);
}

static void on_instruction(void *ctx, const xmlChar *target, const xmlChar *data)
{
	struct reader *r = ctx;
	(void)target;
	(void)data;
	if (r->open)
		r->open->verbatim = false;
	if (r->open && !r->limits.instructions)
		fail_at(r, offset_of(r), ERR_STRUCTURE, "A processing instruction is not allowed inside a resource");
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	struct reader *r = ctx;
	(void)name;
	(void)external;
	(void)system;
	fail_at(r, offset_of(r), ERR_STRUCTURE, "A document type declaration (DOCTYPE) is not allowed");
}

static const char *reason(const xmlError *e)
{
	switch (e->code) {
	case XML_ERR_UNDECLARED_ENTITY:
		return "an entity that XML does not know; write the character or its number";
	case XML_ERR_TAG_NAME_MISMATCH:
		return "an end tag that does not fit its start tag";
	case XML_ERR_TAG_NOT_FINISHED:
	case XML_ERR_DOCUMENT_END:
		return e->code == XML_ERR_DOCUMENT_END ? "something before or after the one element"
						       : "the text ends inside an element";
	case XML_NS_ERR_UNDEFINED_NAMESPACE:
		return "a prefix that nothing declares";
	default:
		return NULL;
	}
}

#if LIBXML_VERSION >= 21200
static void on_error(void *ctx, const xmlError *e)
#else
static void on_error(void *ctx, xmlError *e)
#endif
{
	struct reader *r = ctx;
	/* Errors of namespaces leave the document well-formed for libxml2, not for us; warnings are about URIs. */
	if (e->level < XML_ERR_ERROR || r->failed)
		return;
	if (e->code == XML_ERR_NO_MEMORY) {
		fail_memory(r);
		return;
	}
	struct str text = str_trim(str_from(reason(e) ? reason(e) : e->message ? e->message : "malformed"));
	fail_at(r, offset_of(r), ERR_STRUCTURE, "Invalid XML: %.*s", STR_ARG(str_slice(text, 0, 160)));
}

static void initialise(void)
{
	xmlInitParser();
}

void xml_initialise(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, initialise);
}

static bool open_context(struct reader *r)
{
	xml_initialise();
	xmlParserCtxt *context = xmlCreateMemoryParserCtxt(r->text.p, (int)r->text.n);
	if (!context)
		return false;
	xmlCtxtUseOptions(context, XML_PARSE_NOENT | XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_IGNORE_ENC);
	*context->sax = (xmlSAXHandler){
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.ignorableWhitespace = on_text,
		.cdataBlock = on_cdata,
		.comment = on_comment,
		.processingInstruction = on_instruction,
		.internalSubset = on_doctype,
		.serror = on_error,
	};
	context->userData = r;
	r->context = context;
	return true;
}

/* The encoding that the XML declaration names must be the one that FHIR asks for; US-ASCII is part of it. */
static bool encoding_is_utf8(struct str text)
{
	if (str_starts(text, S("\xef\xbb\xbf")))
		text = str_slice(text, 3, text.n);
	size_t end = str_starts(text, S("<?xml")) ? str_find(text, S("?>")) : STR_NONE;
	struct str declaration = end == STR_NONE ? STR_NULL : str_slice(text, 0, end);
	size_t at = declaration.p ? str_find(declaration, S("encoding")) : STR_NONE;
	if (at == STR_NONE)
		return true;
	struct str rest = str_slice(declaration, at + 8, declaration.n);
	size_t quote = 0;
	while (quote < rest.n && rest.p[quote] != '"' && rest.p[quote] != '\'')
		quote++;
	size_t close = quote < rest.n ? str_find_char(rest, rest.p[quote], quote + 1) : STR_NONE;
	if (close == STR_NONE)
		return true; /* libxml2 says what is wrong with it */
	struct str name = str_slice(rest, quote + 1, close);
	return str_eq_nocase(name, S("UTF-8")) || str_eq_nocase(name, S("US-ASCII"));
}

static bool check_text(struct reader *r)
{
	if (r->text.n > r->limits.bytes || r->text.n > INT_MAX)
		fail_at(r, 0, ERR_TOO_LARGE, "The document has more than %zu bytes", r->limits.bytes);
	else if (!r->text.n)
		fail_at(r, 0, ERR_STRUCTURE, "The content is empty where XML was expected");
	else if (!str_is_utf8(r->text) || !encoding_is_utf8(r->text))
		fail_at(r, 0, ERR_UTF8, "The document is not in UTF-8");
	return !r->failed;
}

static void set_defaults(struct xml_limits *limits)
{
	limits->depth = limits->depth ? limits->depth : DEFAULT_DEPTH;
	limits->bytes = limits->bytes ? limits->bytes : DEFAULT_BYTES;
	limits->nodes = limits->nodes ? limits->nodes : DEFAULT_NODES;
	limits->attributes = limits->attributes ? limits->attributes : DEFAULT_ATTRIBUTES;
}

const struct xml_node *xml_parse(struct arena *a, struct str text, const struct xml_limits *limits, struct error *err)
{
	struct reader r = {.arena = a, .text = text, .err = err};
	if (limits)
		r.limits = *limits;
	set_defaults(&r.limits);
	if (!check_text(&r))
		return NULL;
	if (!open_context(&r)) {
		error_memory(err);
		return NULL;
	}
	buf_init(&r.pending, MAX_TEXT);
	xmlParseDocument(r.context);
	if (!r.failed && (!r.context->wellFormed || !r.context->nsWellFormed || !r.root || r.open))
		fail_at(&r, offset_of(&r), ERR_STRUCTURE, "Invalid XML: it ends too early");
	buf_done(&r.pending);
	xmlFreeDoc(r.context->myDoc);
	r.context->myDoc = NULL;
	xmlFreeParserCtxt(r.context);
	return r.failed ? NULL : r.root;
}
