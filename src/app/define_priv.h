/* What `firth define` found, shared by the file that looks it up and the file that prints it. */
#ifndef FIRTH_APP_DEFINE_PRIV_H
#define FIRTH_APP_DEFINE_PRIV_H

#include "app/app.h"
#include "base/buf.h"
#include "fhir/definitions.h"

/* Exactly one question was asked: a type, an element (with its owner, and its type when children follow), or a search
 * parameter of a resource type. */
struct definition {
	struct str name; /* as asked, without blanks */
	const struct fhir_type *type;
	const struct fhir_element *element;
	const struct search_param *param;
};

/* Finds "Patient", "Patient.name.family", "Observation.value[x]", "Observation?code". False with an error that
 * suggests a near name. */
bool define_find(struct arena *a, struct str name, struct definition *ret_found, struct error *err) MUST_USE;
void define_print(struct buf *out, const struct app *app, const struct definition *found);
void define_print_json(struct buf *out, const struct definition *found);

#endif
