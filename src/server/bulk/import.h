/*
 * $import: loading over HTTP as an asynchronous request. NDJSON is either the body itself, which never lies in memory,
 * or is fetched from URLs below prefixes that the configuration allows. The answer's status tells how far it is; in the
 * end it is a manifest, and a file of one OperationOutcome per failure. Any thread.
 */
#ifndef FIRTH_SERVER_BULK_IMPORT_H
#define FIRTH_SERVER_BULK_IMPORT_H

#include "server/bulk/bulk.h"

struct bulk_import {
	const struct definitions *definitions;
	struct parameters *parameters; /* whose rows resources get */
	struct store *store;
	struct knowledge *knowledge; /* rules of writing, or NULL */
	struct str base; /* of the FHIR API */
	struct str allowed; /* URL prefixes separated by white space; empty: nothing is fetched */
	struct str spool; /* directory of what is fetched, for as long as it is read */
	uint64_t max_bytes; /* of one upload or file */
	unsigned threads;
};
/* The `import` hook of a REST server; ctx is a struct bulk_import. */
bool bulk_import_start(void *ctx, struct rest_call *call, struct rest_answer *answer, struct error *err) MUST_USE;

/* Is a URL below one of the prefixes? Only whole segments count, and nothing that could lead out of them. */
bool bulk_url_allowed(struct str allowed, struct str url);

#endif
