/* Shared by the files that read, check and write resources. */
#ifndef FIRTH_FHIR_FHIR_PRIV_H
#define FIRTH_FHIR_FHIR_PRIV_H

#include <stdarg.h>

#include "fhir/resource.h"
#include "xml/xml.h"

/* Where a walk is, as a chain on the stack; it becomes text only when something is wrong. */
struct place {
	const struct place *parent;
	struct str name;
	int64_t index; /* -1: no list */
};
/* "Patient.name[0].family" */
void place_write(struct buf *out, const struct place *at);

/* A problem at a place (NULL: none), as text; said_done() gives the path back. */
struct said {
	struct buf path;
	char text[256];
};
void said_make(struct said *s, const struct place *at, const char *format, va_list args);
void said_done(struct said *s);

/* Whether a narrative is one well-formed <div>, so that it can stand in XML as it is: NULL, or what is wrong. */
const char *xhtml_problem(struct str text);

/* The narrative of JSON as an element of XHTML: as it is when it is sound, otherwise as plain text in a <div>. */
void div_write(struct buf *out, struct str div);
/* An element of XHTML, read from text, as the narrative of JSON: as it stands in the text when it can stand alone
 * there, otherwise written anew without prefixes. False when it is too large. */
bool div_read(struct json_writer *w, struct str text, const struct xml_node *node) MUST_USE;

#endif
