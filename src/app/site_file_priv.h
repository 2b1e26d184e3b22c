/* The one door to libyaml: a text as one document. */
#ifndef FIRTH_APP_SITE_FILE_PRIV_H
#define FIRTH_APP_SITE_FILE_PRIV_H

#include <yaml.h>

#include "base/error.h"

/* Loads the document, calls take with it, and refuses anything after it. Errors are ERR_CONFIG, "FILE:LINE:COLUMN:
 * what". The document lives during the call. */
bool yaml_each_document(struct str text, struct str file, bool (*take)(void *ctx, yaml_document_t *document), void *ctx,
			struct error *err) MUST_USE;

#endif
