/*
 * From the text of a document to findings with line and column: JSON or XML is told by its first character, faults of
 * form become findings beside those of validation, and every finding gets its place in the text. Pure; any thread.
 */
#ifndef FIRTH_VALIDATE_DOCUMENT_H
#define FIRTH_VALIDATE_DOCUMENT_H

#include "validate/validate.h"
#include "xml/xml.h"

struct document {
	struct str text;
	const struct json *tree; /* NULL: nothing could be read; the findings say why */
	const struct xml_node *xml; /* the root of an XML document, NULL for JSON */
};

struct document_options {
	bool allow_comments; /* in JSON */
};

/* Reads one resource from its text, which must outlive the document. options may be NULL. False only when reading
 * itself failed (memory). */
bool document_read(struct arena *a, const struct definitions *d, struct str text,
		   const struct document_options *options, struct issues *findings, struct document *ret_document,
		   struct error *err) MUST_USE;

/* Gives every finding that has none yet its line and column; scratch may be reset afterwards. */
void document_locate(struct arena *scratch, const struct document *document, struct issues *findings);

/* document_read, validate_resource and document_locate in one. */
bool validate_text(struct validator *v, const struct definitions *d, struct arena *a, struct str text,
		   const struct document_options *form, const struct validation_options *options,
		   struct issues *findings, struct error *err) MUST_USE;

#endif
