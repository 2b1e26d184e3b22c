/*
 * Files that people write, in YAML or JSON, as JSON documents. Of YAML what JSON can say is taken: mappings with names
 * as keys, lists, texts, numbers, true, false and null of the core schema (YAML 1.2, 10.3); what is quoted or in a
 * block is text. Anchors, tags, merged keys and repeated keys are refused, since two readers could read them
 * differently.
 */
#ifndef FIRTH_APP_SITE_FILE_H
#define FIRTH_APP_SITE_FILE_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

/* By its beginning: JSON when it is an object or a list of JSON. Errors have line and column and begin with
 * "FILE:LINE:COLUMN: ". */
const struct json *site_file_read(struct arena *a, struct str text, struct str file, struct error *err) MUST_USE;
/* Where a member such as "rules[2].card.summary" stands in the text that was read; the nearest one above it when it is
 * not there. False when the text has no such form. */
bool site_file_locate(struct arena *a, struct str text, struct str path, size_t *ret_line, size_t *ret_column) MUST_USE;

#endif
