/*
 * Releases of terminologies as their publishers give them out, made into images that a terminology can use: LOINC
 * (Loinc.csv or LoincTableCore.csv, with parts, answer lists and the hierarchy when they are there), SNOMED CT in RF2
 * (snapshot or full), RxNorm in RRF. Pure: texts in, bytes out; who calls reads and writes the files.
 *
 * Files are known by their header, those of RxNorm by their name; others are passed over. Any thread.
 */
#ifndef FIRTH_TERMINOLOGY_RELEASE_H
#define FIRTH_TERMINOLOGY_RELEASE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum release_kind { RELEASE_LOINC, RELEASE_SNOMED, RELEASE_RXNORM, RELEASE_KINDS };
/* "loinc", "snomed", "rxnorm". False when it is none of them. */
bool release_kind_find(struct str name, enum release_kind *ret_kind);
const char *release_kind_name(enum release_kind kind);

struct release_file {
	struct str name; /* without directories */
	struct str text; /* UTF-8 */
	bool used; /* set when it was one of the release's */
};
/* May a file of that name be part of such a release? So that not all files need to be read. */
bool release_wants(enum release_kind kind, struct str name);

/* Appends the image. version: of the release, STR_NULL: as its files tell it, if they do. Errors: ERR_STRUCTURE when
 * the table that the release needs is not among the files or lacks a column, ERR_UTF8, ERR_VALUE with the line, limits.
 */
struct release_report {
	struct str url, version; /* in the arena */
	size_t concepts;
};
bool release_make(enum release_kind kind, struct release_file *files, size_t count, struct str version, struct arena *a,
		  struct buf *out, struct release_report *ret_report, struct error *err) MUST_USE;

#endif
