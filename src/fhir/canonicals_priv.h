/* What the set of canonical resources and its built-in archive share. */
#ifndef FIRTH_FHIR_CANONICALS_PRIV_H
#define FIRTH_FHIR_CANONICALS_PRIV_H

#include "fhir/canonicals.h"

/* The archive inside the binary: packages in order, the records of each in a row. */
size_t archive_package_count(void);
void archive_package(size_t index, struct str *ret_name, struct str *ret_version, size_t *ret_first, size_t *ret_count);
void archive_facts(size_t record, struct canonical *ret_facts);
/* The JSON of a record. ERR_INTERNAL when the archive is damaged. */
const struct json *archive_json(size_t record, struct arena *a, struct error *err) MUST_USE;

#endif
