/* Shared by the files that patch. */
#ifndef FIRTH_XML_XML_PRIV_H
#define FIRTH_XML_XML_PRIV_H

#include <libxml/tree.h>

#include "xml/xml.h"

/* Sets up libxml2, once. */
void xml_initialise(void);

/* The one node that the selector of an operation gives. An attribute comes as xmlAttr; a namespace declaration as the
 * xmlNs of the element that makes it, in *ret_ns. */
struct selected {
	xmlNode *node; /* element, text, comment, processing instruction or attribute */
	xmlNode *owner; /* of a namespace declaration */
	xmlNs *ns;
};
bool select_node(xmlDoc *document, xmlNode *operation, struct str selector, struct str default_ns,
		 struct selected *ret_selected, struct error *err) MUST_USE;

/* The selector with a prefix in front of each name of an element that has none. */
void qualify_selector(struct buf *out, struct str selector, struct str prefix);

#endif
