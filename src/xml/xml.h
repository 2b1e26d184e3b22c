/*
 * XML documents (XML 1.0, Namespaces in XML 1.0) as immutable trees in an arena, read by libxml2. Only this room
 * includes its headers.
 *
 * What FHIR has no use for and attackers have is refused: document type declarations and with them every entity but the
 * five of XML itself, processing instructions inside the root, encodings other than UTF-8. Nothing is ever fetched.
 * xml_ functions that look at a node accept NULL and answer as for a node without anything. Pure; any thread.
 */
#ifndef FIRTH_XML_XML_H
#define FIRTH_XML_XML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum xml_kind { XML_ELEMENT, XML_TEXT, XML_COMMENT };

struct xml_attribute {
	const struct xml_attribute *next;
	struct str ns, prefix, name; /* ns and prefix: STR_NULL for none */
	struct str value; /* entities resolved, white space as XML normalises it */
};

/* xmlns="uri" (prefix STR_NULL) or xmlns:prefix="uri". */
struct xml_declaration {
	const struct xml_declaration *next;
	struct str prefix, uri;
};

struct xml_node {
	enum xml_kind kind;
	bool declares_default; /* element: its own start tag says xmlns="..." */
	bool verbatim; /* element: no prefixes, CDATA or declarations further in: its source may stand alone */
	const struct xml_node *parent, *first, *next;
	struct str ns, prefix, name; /* element */
	struct str text; /* text and comment: the content, entities resolved */
	const struct xml_attribute *attributes; /* element, in document order, without namespace declarations */
	const struct xml_declaration *declarations; /* of the element's own start tag */
	size_t from, to; /* element: the bytes [from, to) of the document it was read from */
	size_t line, column; /* 1-based, in bytes, of the first byte */
};

/* 0 in any of them means the default. */
struct xml_limits {
	size_t depth; /* elements within elements: 128 */
	size_t bytes; /* 256 MiB */
	size_t nodes; /* 20,000,000 */
	size_t attributes; /* of one element: 64 */
	bool instructions; /* processing instructions inside the root are left out, not refused */
};

/* Parses one document and returns its root element. A byte order mark is allowed. Errors, each with line and column:
 * ERR_STRUCTURE (not well-formed, or something refused as said above), ERR_UTF8, ERR_LIMIT, ERR_TOO_LARGE, ERR_MEMORY.
 * limits may be NULL. */
const struct xml_node *xml_parse(struct arena *a, struct str text, const struct xml_limits *limits,
				 struct error *err) MUST_USE;

/* The value of an attribute; STR_NULL when there is none. ns STR_NULL: an attribute without namespace. */
struct str xml_attribute(const struct xml_node *node, struct str ns, struct str name);
/* The first child element, and the next sibling element. */
const struct xml_node *xml_first_element(const struct xml_node *node);
const struct xml_node *xml_next_element(const struct xml_node *node);
/* The first child element of that name in the namespace of the node itself. */
const struct xml_node *xml_child(const struct xml_node *node, struct str name);
/* Nothing but blanks, tabs and line ends. */
bool xml_is_space(struct str text);

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* Text for element content, or for an attribute in double quotes: line ends and tabs are written as references there,
 * because readers turn bare ones into blanks. */
void xml_add_text(struct buf *out, struct str text, bool attribute);
/* The element with everything in it as a document of its own that needs no prefixes: its namespace, and each change of
 * namespace below, becomes a default declaration. Attributes of other namespaces than xml: are left out. */
void xml_write_element(struct buf *out, const struct xml_node *element);
/* The element as it stands in the text it was read from, with the declarations around it that are in scope. */
void xml_write_fragment(struct buf *out, struct str text, const struct xml_node *element);

/* ---- patching -------------------------------------------------------------------------------------------------- */

#define XML_MAX_PATCHED ((size_t)16 << 20) /* bytes of a document, its patch and the result */

/* XML Patch (RFC 5261): applies the add, replace and remove operations of a <diff> to a document, all or none; the new
 * document lies in the arena. Selectors are XPath 1.0, evaluated with the prefixes in scope at their operation and from
 * the document node; names without prefix are in the default namespace in scope there, else in default_ns (STR_NULL:
 * none), and so are inserted elements without namespace. Errors: those of xml_parse() for either text, ERR_STRUCTURE
 * for a malformed diff, ERR_PATCH when an operation cannot be applied, beginning with its number and selector (texts
 * quoted in it left out), ERR_LIMIT. */
bool xml_patch(struct arena *a, struct str document, struct str diff, struct str default_ns, struct str *ret_text,
	       struct error *err) MUST_USE;

#endif
