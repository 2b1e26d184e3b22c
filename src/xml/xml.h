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

struct xml_node {
	enum xml_kind kind;
	bool declares_default; /* element: its own start tag says xmlns="..." */
	bool verbatim; /* element: no prefixes, CDATA or declarations further in: its source may stand alone */
	const struct xml_node *parent, *first, *next;
	struct str ns, prefix, name; /* element */
	struct str text; /* text and comment: the content, entities resolved */
	const struct xml_attribute *attributes; /* element, in document order, without namespace declarations */
	size_t from, to; /* element: the bytes [from, to) of the document it was read from */
	size_t line, column; /* 1-based, in bytes, of the first byte */
};

/* 0 in any of them means the default. */
struct xml_limits {
	size_t depth; /* elements within elements: 128 */
	size_t bytes; /* 256 MiB */
	size_t nodes; /* 20,000,000 */
	size_t attributes; /* of one element: 64 */
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

#endif
