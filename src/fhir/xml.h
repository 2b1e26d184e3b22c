/*
 * The XML form of a resource (http://hl7.org/fhir/R4/xml.html), written from its JSON form with the definitions, which
 * know the order of elements and what is an attribute. Pure; for clients that do not accept JSON.
 */
#ifndef FIRTH_FHIR_XML_H
#define FIRTH_FHIR_XML_H

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/definitions.h"
#include "json/json.h"

/* Writes the whole document with its declaration. scratch holds the order of elements while writing and may be reset
 * afterwards. ERR_STRUCTURE and ERR_UNKNOWN_TYPE when the resource does not fit the definitions: then what stands in
 * out is of no use. A narrative that is no well-formed XHTML comes as plain text in a <div>, so the document always is.
 * Check buf_ok(out) too. */
bool xml_write_resource(struct buf *out, struct arena *scratch, const struct definitions *d,
			const struct json *resource, struct error *err) MUST_USE;

#endif
