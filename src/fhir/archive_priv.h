/*
 * The form of the archive of canonical resources that gen/ writes at build time and src/fhir/archive.c reads at run
 * time.
 *
 * A header, then the packages, then one record per resource, then the texts of the records, then a zstd dictionary,
 * then the resources: compact JSON, each compressed by itself with that dictionary, so that one can be read without the
 * rest. Words are in the byte order of the machine; positions count from the start of the archive.
 */
#ifndef FIRTH_FHIR_ARCHIVE_PRIV_H
#define FIRTH_FHIR_ARCHIVE_PRIV_H

#include <stdint.h>

#define ARCHIVE_MAGIC  0x4e4e4143u /* "CANN" */
#define ARCHIVE_FORMAT 1u
#define ARCHIVE_NONE   UINT32_MAX

struct archive_text {
	uint32_t at, n; /* n == ARCHIVE_NONE: no text at all */
};

struct archive_package {
	struct archive_text name, version;
	uint32_t first, count; /* records */
};

enum archive_field {
	ARCHIVE_TYPE,
	ARCHIVE_URL,
	ARCHIVE_VERSION,
	ARCHIVE_ID,
	ARCHIVE_NAME,
	ARCHIVE_KIND,
	ARCHIVE_DEFINES,
	ARCHIVE_BASE,
	ARCHIVE_DERIVATION,
	ARCHIVE_CONTENT,
	ARCHIVE_FIELDS
};

struct archive_record {
	struct archive_text fields[ARCHIVE_FIELDS];
	uint32_t at, packed, size; /* compressed bytes, and bytes of JSON */
};

struct archive_header {
	uint32_t magic, format, size;
	uint32_t packages, package_count;
	uint32_t records, record_count;
	uint32_t dictionary, dictionary_size;
};

#endif
