/* Shared by the files that check resources. */
#ifndef FIRTH_FHIR_FHIR_PRIV_H
#define FIRTH_FHIR_FHIR_PRIV_H

#include "fhir/resource.h"

/* NULL when the value has the form of the primitive type, otherwise what was expected, for people. */
const char *primitive_problem(enum fhir_primitive primitive, const struct json *value);

/* Whether a narrative is one well-formed <div>, so that it can stand in XML as it is: NULL, or what is wrong. */
const char *xhtml_problem(struct str text);

#endif
