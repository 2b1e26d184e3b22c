/* Shared by the files that read, check and write resources. */
#ifndef FIRTH_FHIR_FHIR_PRIV_H
#define FIRTH_FHIR_FHIR_PRIV_H

#include "fhir/resource.h"

/* Where a walk is, as a chain on the stack; it becomes text only when something is wrong. */
struct place {
	const struct place *parent;
	struct str name;
	int64_t index; /* -1: no list */
};
/* "Patient.name[0].family" */
void place_write(struct buf *out, const struct place *at);

/* NULL when the value has the form of the primitive type, otherwise what was expected, for people. */
const char *primitive_problem(enum fhir_primitive primitive, const struct json *value);

/* Whether a narrative is one well-formed <div>, so that it can stand in XML as it is: NULL, or what is wrong. */
const char *xhtml_problem(struct str text);

#endif
