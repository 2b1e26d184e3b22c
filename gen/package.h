/* Reading a FHIR package: a gzip-compressed tar archive of JSON files. */
#ifndef FIRTH_GEN_PACKAGE_H
#define FIRTH_GEN_PACKAGE_H

#include "base/buf.h"
#include "base/error.h"

/* Unpacks the whole archive into an initialised buffer. */
bool package_load(const char *path, struct buf *ret_tar, struct error *err) MUST_USE;

/* Walks the regular files: *at starts at 0; false at the end or on a broken archive (err then set). */
bool package_next(struct str tar, size_t *at, struct str *ret_name, struct str *ret_content, struct error *err);

#endif
