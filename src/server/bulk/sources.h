/* Where $import takes its input from: reading the request, and fetching a file. */
#ifndef FIRTH_SERVER_BULK_SOURCES_H
#define FIRTH_SERVER_BULK_SOURCES_H

#include "http/client.h"
#include "server/bulk/import.h"

struct bulk_source {
	struct str type; /* as declared, STR_NULL: not */
	struct str url;
};

/* The Parameters form (parameter inputFormat, inputSource, input with parts type and url) or the plain JSON form of the
 * bulk import proposal. Every URL is allowed, or it is an error. */
bool bulk_sources_read(const struct bulk_import *b, struct arena *a, const struct json *body,
		       struct bulk_source **ret_sources, size_t *ret_count, struct error *err) MUST_USE;
/* Fetches one into a nameless file, its position at the start; -1 on failure. */
int bulk_source_fetch(const struct bulk_import *b, struct http_client *client, struct arena *a,
		      const struct bulk_source *source, const struct http_file *into, struct error *err);

#endif
