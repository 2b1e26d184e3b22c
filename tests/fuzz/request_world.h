/* A whole server without a network for fuzz targets: a store in a directory of its own, and requests from values. */
#ifndef FIRTH_FUZZ_REQUEST_WORLD_H
#define FIRTH_FUZZ_REQUEST_WORLD_H

#include "server/rest/rest.h"

struct request_text {
	struct str method, target; /* "GET", "/fhir/Patient?name=x" */
	const struct http_header *headers;
	size_t header_count;
	struct str body;
};
/* Decodes the target as the HTTP server does, asks, and waits for the answer. Checks that there is exactly one, that
 * its status is one of HTTP, and that a body of FHIR JSON is JSON. */
void request_ask(const struct request_text *text);

#endif
