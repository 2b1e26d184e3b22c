/*
 * The XML form of resources (http://hl7.org/fhir/R4/xml.html), read into and written from their JSON form with the
 * definitions, which know the order of elements, what repeats and what is an attribute. Every other room works on the
 * JSON form alone. Pure; any thread.
 */
#ifndef FIRTH_FHIR_XML_H
#define FIRTH_FHIR_XML_H

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/definitions.h"
#include "fhir/resource.h"
#include "json/json.h"
#include "xml/xml.h"

/* Writes the whole document with its declaration. scratch holds the order of elements while writing and may be reset
 * afterwards. ERR_STRUCTURE and ERR_UNKNOWN_TYPE when the resource does not fit the definitions: then what stands in
 * out is of no use. A narrative that is no well-formed XHTML comes as plain text in a <div>, so the document always is.
 * Check buf_ok(out) too. */
bool xml_write_resource(struct buf *out, struct arena *scratch, const struct definitions *d,
			const struct json *resource, struct error *err) MUST_USE;
/* The same, indented by two spaces for people; narratives stay as they are. */
bool xml_write_resource_pretty(struct buf *out, struct arena *scratch, const struct definitions *d,
			       const struct json *resource, struct error *err) MUST_USE;

/* Reads a resource in XML form and returns its JSON form: resourceType first, elements in the order of their
 * definition, decimals as they were written, the narrative as it stands in the text (with line ends as XML reads them).
 *
 * Refused: what is no well-formed XML or not safe (xml.h), other namespaces than FHIR's, unknown elements and
 * attributes, text between elements, elements out of order or repeated where one is allowed, elements without value
 * and content, values that the JSON form cannot hold (a number or boolean that is none). xsi:schemaLocation on the root
 * is passed over. Whether values have the form of their types, and what is missing, is resource_check()'s to say.
 *
 * findings NULL: the first problem ends it with an error that has path, line and column. Otherwise each problem is
 * added to findings with its place, and what could be read is returned, without the parts that have no JSON form; only
 * when nothing can be read (no XML, no known type) the result is NULL and err is set, too. */
const struct json *xml_read_resource(struct arena *a, const struct definitions *d, struct str text,
				     struct issues *findings, struct error *err) MUST_USE;
/* The same for an element of a document that xml_parse read from text. */
const struct json *xml_read_node(struct arena *a, const struct definitions *d, struct str text,
				 const struct xml_node *node, struct issues *findings, struct error *err) MUST_USE;

/* The place in the XML form of what json_locate() finds in JSON: line and column of the element, by the same steps.
 * Attributes have the place of their element. Returns how many steps could be taken. */
size_t xml_locate(const struct xml_node *root, const struct json_step *steps, size_t count, size_t *ret_line,
		  size_t *ret_column);

#endif
